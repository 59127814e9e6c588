"""Two nights of a batch compared account by account, and single accounts read back from a night."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from batch_runs import SCHEMA, account_rows, batch, targets_of, write_rows

import trimtab
from trimtab.batch import night_difference as night_difference_module, published_account as published_account_module
from trimtab.batch.night_difference import Night, night_difference
from trimtab.batch.published_account import input_files, manifest_of, published_account
from trimtab.errors import InputError, OutputError, SetupError
from trimtab.limits.rebalancing_limits import RebalancingLimits

LIMITS = RebalancingLimits(max_total_positions=6)
ROWS = account_rows(7, 24)


def changed_rows() -> list[dict[str, Any]]:
    """Other scores in every fourth account; one account left, one is new."""
    rows = []
    for row in ROWS:
        number = int(row["account"][1:])
        if number == 23:
            continue
        flipped = number % 4 == 0 and row.get("score") is not None
        rows.append({**row, "score": 1.0 - row["score"]} if flipped else dict(row))
    return [*rows, *({**row, "account": "P9999"} for row in ROWS if row["account"] == "P0001")]


@pytest.fixture
def nights(tmp_path: Path) -> tuple[Path, Path, Path]:
    """The first night; the second, with other rows; the third, with the rows of the first and other limits."""
    first = write_rows(tmp_path / "n1.parquet", ROWS)
    second = write_rows(tmp_path / "n2.parquet", changed_rows())
    batch(first, tmp_path / "N1", limits={None: LIMITS})
    batch(second, tmp_path / "N2", limits={None: LIMITS}, max_failed=1.0)
    batch(first, tmp_path / "N3", limits={None: LIMITS.replace(max_total_positions=3)})
    return tmp_path / "N1", tmp_path / "N2", tmp_path / "N3"


def by_hand(before: Path, after: Path) -> dict[str, float]:
    """The changed accounts and their changes, from the rows of the published targets."""
    weights: dict[str, dict[str, list[float]]] = {}
    reasons: dict[str, set[tuple[int, str, str]]] = {}
    for place, folder in enumerate((before, after)):
        for row in targets_of(folder):
            weight = row["target_weight"]
            pair = weights.setdefault(row["account"], {}).setdefault(row["asset"], [0.0, 0.0])
            pair[place] = 0.0 if math.isnan(weight) else weight
            reasons.setdefault(row["account"], set()).add((place, row["asset"], row["reason"]))
    changes = {}
    for account, pairs in weights.items():
        gained = sum(max(after - before, 0.0) for before, after in pairs.values())
        lost = sum(max(before - after, 0.0) for before, after in pairs.values())
        texts = [{text[1:] for text in reasons[account] if text[0] == place} for place in (0, 1)]
        if max(gained, lost) > 1e-12 or texts[0] != texts[1]:
            changes[account] = max(gained, lost)
    return changes


def test_changes_are_those_of_the_published_targets_largest_first(nights: tuple[Path, Path, Path]) -> None:
    before, after, _ = nights
    difference = night_difference(Night.read(before), Night.read(after), count=None)
    rows = difference.table.to_pylist()
    assert {row["account"]: row["change"] for row in rows} == pytest.approx(by_hand(before, after))
    assert [row["change"] for row in rows] == sorted((row["change"] for row in rows), reverse=True)
    assert difference.changed == len(rows) > 3
    only = {row["account"]: row["only_in"] for row in rows if row["only_in"]}
    assert (only["P9999"], only["P0023"]) == ("after", "before")
    both = [row for row in rows if not row["only_in"]]
    assert {row["causes"] for row in both} == {"inputs"}
    assert all(int(row["account"][1:]) % 4 == 0 for row in both)
    assert night_difference(Night.read(before), Night.read(after), count=2).table.num_rows == 2


def test_other_limits_are_the_cause(nights: tuple[Path, Path, Path]) -> None:
    before, _, other = nights
    difference = night_difference(Night.read(before), Night.read(other), count=None)
    assert {row["causes"] for row in difference.table.to_pylist()} == {"limits"}
    assert {row["account"] for row in difference.table.to_pylist()} == set(by_hand(before, other))


def test_the_same_night_changed_nothing(nights: tuple[Path, Path, Path]) -> None:
    difference = night_difference(Night.read(nights[0]), Night.read(nights[0]), count=None)
    assert (difference.changed, difference.table.num_rows, difference.notes) == (0, 0, ())


def test_without_its_input_a_night_is_still_compared(nights: tuple[Path, Path, Path]) -> None:
    (nights[1].parent / "n2.parquet").unlink()
    difference = night_difference(Night.read(nights[0]), Night.read(nights[1]), count=None)
    assert difference.notes == (
        f"the input of {nights[1]} was not found: whether an account's own rows changed is unknown",
    )
    assert difference.changed == len(by_hand(nights[0], nights[1]))


def test_other_rules_and_assets_concern_all(nights: tuple[Path, Path, Path]) -> None:
    first, second = Night.read(nights[0]), Night.read(nights[1])
    other = Night(second.folder, {**second.manifest, "rules": "other", "assets": [{"sha256": "x"}]}, second.inputs)
    difference = night_difference(first, other, count=None)
    assert difference.notes[:2] == (
        "the rules differ, which may change any account",
        "the shared assets differ, which may change any account",
    )
    causes = {row["causes"] for row in difference.table.to_pylist() if not row["only_in"]}
    assert causes == {"inputs, rules"}


def test_limits_by_account(tmp_path: Path) -> None:
    schema = SCHEMA.append(pa.field("limits_id", pa.string()))
    rows = [{**row, "limits_id": "ab"[int(row["account"][1:]) % 2]} for row in ROWS]
    place = write_rows(tmp_path / "n.parquet", rows, schema=schema)
    batch(place, tmp_path / "N1", limits={"a": LIMITS, "b": LIMITS})
    batch(place, tmp_path / "N2", limits={"a": LIMITS, "b": LIMITS.replace(max_total_positions=3)})
    difference = night_difference(Night.read(tmp_path / "N1"), Night.read(tmp_path / "N2"), count=None)
    assert {(int(row["account"][1:]) % 2, row["causes"]) for row in difference.table.to_pylist()} == {(1, "limits")}
    assert published_account(tmp_path / "N2", "P0001").limits.max_total_positions == 3
    assert published_account(tmp_path / "N2", "P0002").limits == LIMITS


def test_one_set_of_limits_holds_for_every_limits_id(tmp_path: Path) -> None:
    schema = SCHEMA.append(pa.field("limits_id", pa.string()))
    place = write_rows(tmp_path / "n.parquet", [{**row, "limits_id": "a"} for row in ROWS], schema=schema)
    batch(place, tmp_path / "N1", limits={None: LIMITS})
    account = published_account(tmp_path / "N1", "P0001")
    assert account.limits == LIMITS
    assert "limits_id" not in account.file.table.column_names


def test_a_damaged_part_is_named(nights: tuple[Path, Path, Path]) -> None:
    next(nights[1].glob("part-*.parquet")).write_bytes(b"not Parquet")
    with pytest.raises(InputError, match=r"cannot be compared .*trimtab batch verify"):
        night_difference(Night.read(nights[0]), Night.read(nights[1]), count=None)


def test_no_room_and_no_duckdb(nights: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise duckdb.OutOfMemoryException("no room")

    with monkeypatch.context() as patch:
        patch.setattr(night_difference_module, "_prepare", full)
        with pytest.raises(OutputError, match="make room for temporary files"):
            night_difference(Night.read(nights[0]), Night.read(nights[1]), count=None)
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(SetupError, match=r"pip install 'trimtab\[batch\]'"):
        night_difference(Night.read(nights[0]), Night.read(nights[1]), count=None)


def test_an_account_of_a_night_is_decided_as_in_the_night(nights: tuple[Path, Path, Path]) -> None:
    for account in ("P0000", "P0013", "P0023"):
        own = published_account(nights[0], account)
        result = trimtab.rebalance(own.file.table, own.limits)
        published = {row["asset"]: row["target_weight"] for row in targets_of(nights[0]) if row["account"] == account}
        assert (
            dict(zip(result.targets["asset"].to_pylist(), result.targets["target_weight"].to_pylist(), strict=True))
            == published
        )
        assert own.notes == ()


def test_what_is_said_about_nights_that_cannot_be_read(nights: tuple[Path, Path, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no published batch"):
        manifest_of(tmp_path)
    with pytest.raises(InputError, match="there is no such account"):
        published_account(nights[0], "P77")
    listed = manifest_of(nights[0])["input"]
    elsewhere = tmp_path / "archive"
    elsewhere.mkdir()
    (tmp_path / "n1.parquet").rename(elsewhere / "n1.parquet")
    with pytest.raises(InputError, match=r"its input n1\.parquet was not found"):
        input_files(nights[0], listed, ())
    assert input_files(nights[0], listed, [str(elsewhere)]) == [elsewhere / "n1.parquet"]
    assert input_files(nights[0], listed, [str(elsewhere / "n1.parquet")]) == [elsewhere / "n1.parquet"]
    pq.write_table(pq.read_table(elsewhere / "n1.parquet").slice(1), tmp_path / "n1.parquet")
    with pytest.raises(InputError, match="rows; the batch read"):
        input_files(nights[0], listed, ())


def test_other_rules_since_the_night_are_noted(
    nights: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(published_account_module, "STAMP", "other")
    assert published_account(nights[0], "P0001").notes == (
        "the rules changed since this batch: this is how they decide today",
    )

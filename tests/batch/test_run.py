"""The whole batch: the bits of the table door, whatever the workers and the order; resumed, braked, sharded, refused."""

from __future__ import annotations

import json
import pickle
import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from batch_runs import OPEN, SCHEMA, account_rows, batch, files_of, sorted_targets, targets_of, write_rows
from cases import Row, random_limits

import trimtab
from trimtab.batch import account_sort as sorting
from trimtab.batch.atomic_storage import Storage
from trimtab.batch.parquet_sources import find_sources, reading
from trimtab.batch.publish_gates import PublishGates
from trimtab.batch.published_folder import UNPUBLISHED, Folder
from trimtab.batch.run import Job, PublishConditions, on_threads, run_batch
from trimtab.batch.unit_reader import UnitReader
from trimtab.batch.unit_work import PartRecord, Work
from trimtab.batch.units import Unit
from trimtab.blocks.precheck import renumber
from trimtab.errors import DamagedError, InputError, LimitsError, LockedError, SetupError
from trimtab.kernel.compilation import undecorated
from trimtab.limits.rebalancing_limits import RebalancingLimits


def expected_rows(rows: list[Row], limits: RebalancingLimits) -> list[Row]:
    """What the table door decides, as a batch writes it."""
    many = trimtab.rebalance_many(rows, limits)
    status = {row["account"]: row["status"] for row in many.accounts}
    names = ("account", "asset", "target_weight", "proposed_weight", "action", "reason", "size_reason")
    entries = [{name: row[name] for name in names} for row in many.targets if status[row["account"]] != "failed"]
    for row in entries:
        if status[row["account"]] != "braked":
            row["proposed_weight"] = None
    return entries


@pytest.mark.parametrize("seed", range(6))
def test_the_same_bits_as_the_table_door(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    limits = random_limits(rng)
    rows = account_rows(seed)
    place = write_rows(tmp_path / "in" / "a.parquet", rows, row_group=rng.choice([7, 47, 1000]))
    batch(place, tmp_path / "out", limits)
    assert targets_of(tmp_path / "out") == expected_rows(rows, limits), f"seed {seed}"


def test_candidates_without_buckets(tmp_path: Path) -> None:
    rows = [{name: value for name, value in row.items() if name != "bucket"} for row in account_rows(1)]
    limits = RebalancingLimits()
    place = write_rows(tmp_path / "a.parquet", rows, schema=SCHEMA.remove(SCHEMA.get_field_index("bucket")))
    batch(place, tmp_path / "out", limits)
    assert targets_of(tmp_path / "out") == expected_rows(rows, limits)


def test_the_same_bytes_with_any_number_of_workers(tmp_path: Path) -> None:
    place = write_rows(tmp_path / "a.parquet", account_rows(3))
    for workers in (1, 2, 4):
        batch(place, tmp_path / str(workers), workers=workers)
    assert files_of(tmp_path / "1") == files_of(tmp_path / "2") == files_of(tmp_path / "4")
    assert len(files_of(tmp_path / "1")) > 5


def test_the_same_rows_in_any_order_of_input(tmp_path: Path) -> None:
    rows = account_rows(4)
    batch(write_rows(tmp_path / "in" / "a.parquet", rows), tmp_path / "out")
    shuffled = random.Random(1).sample(rows, len(rows))
    write_rows(tmp_path / "mixed" / "a.parquet", shuffled[:100])
    write_rows(tmp_path / "mixed" / "deeper" / "b.parquet", shuffled[100:])
    write_rows(tmp_path / "mixed" / "_hidden" / "c.parquet", shuffled[:3])
    events: list[Any] = []
    for name in ("mixed1", "mixed2"):
        batch(str(tmp_path / "mixed"), tmp_path / name, events=events)
    assert "sorting" in [event["event"] for event in events]
    assert sorted_targets(tmp_path / "out") == targets_of(tmp_path / "mixed1")
    assert files_of(tmp_path / "mixed1") == files_of(tmp_path / "mixed2")


def test_whole_numbers_and_dictionaries_name_accounts_too(tmp_path: Path) -> None:
    rows = account_rows(5, 12)
    batch(write_rows(tmp_path / "a.parquet", rows), tmp_path / "text")
    numbered = [{**row, "account": int(row["account"][1:])} for row in rows]
    numbered[0]["score"] = 9.0
    schema = SCHEMA.set(0, pa.field("account", pa.int64()))
    batch(write_rows(tmp_path / "b.parquet", numbered, schema=schema), tmp_path / "number", max_failed=0.1)
    first = [{**row, "account": int(row["account"][1:])} for row in targets_of(tmp_path / "text")]
    assert targets_of(tmp_path / "number") == [row for row in first if row["account"] != 0]
    assert pq.read_table(tmp_path / "number" / "failed.parquet")["account"].to_pylist() == [0]
    table = pa.Table.from_pylist(rows, SCHEMA)
    for name in ("account", "asset", "bucket"):
        table = table.set_column(table.column_names.index(name), name, table[name].dictionary_encode())
    pq.write_table(table, tmp_path / "c.parquet", row_group_size=29)
    batch(str(tmp_path / "c.parquet"), tmp_path / "coded")
    assert targets_of(tmp_path / "coded") == targets_of(tmp_path / "text")


def test_names_are_renumbered_the_same_without_the_compiler() -> None:
    for function in (renumber, undecorated(renumber)):
        codes, place, used = np.array([3, 1, 3, 0, 1], np.int32), np.full(5, -1, np.int32), np.zeros(5, np.int32)
        assert function(codes, place, used) == 3
        assert codes.tolist() == [0, 1, 0, 2, 1]
        assert used[:3].tolist() == [3, 1, 0]


def test_one_bad_account_stops_nobody_else(tmp_path: Path) -> None:
    rows = account_rows(6, 1001)
    bad = next(row for row in rows if row["account"] == "P0500")
    bad["current_weight"] = -0.2
    outcome = batch(write_rows(tmp_path / "a.parquet", rows, 1000), tmp_path / "out", block_rows=1000)
    assert (outcome.status, outcome.counts.accounts, outcome.counts.failed) == ("published", 1001, 1)
    assert {row["account"] for row in targets_of(tmp_path / "out")} == {row["account"] for row in rows} - {"P0500"}
    (failed,) = pq.read_table(tmp_path / "out" / "failed.parquet").to_pylist()
    assert failed["account"] == "P0500"
    assert "column 'current_weight'" in failed["reason"]


def test_too_many_failed_publish_nothing_and_stop_early(tmp_path: Path) -> None:
    rows = account_rows(7, 100)
    for row in rows[:100]:
        row["score"] = 5.0
    place = write_rows(tmp_path / "a.parquet", rows)
    events: list[Any] = []
    outcome = batch(place, tmp_path / "out", events=events, workers=1)
    assert outcome.status == "failed"
    assert outcome.closed_gates[0].gate == "max_failed"
    assert "--max-failed allows 0.1 %" in outcome.closed_gates[0].text
    assert files_of(tmp_path / "out") == {}
    assert outcome.counts.accounts < 100
    again = batch(place, tmp_path / "out")
    assert again.status == "failed"
    assert again.kept >= len([event for event in events if event["event"] == "part"])  # what had begun was finished
    assert batch(place, tmp_path / "out", max_failed=0.5).status == "published"


def test_a_closed_gate_publishes_nothing_until_it_is_opened(tmp_path: Path) -> None:
    place = write_rows(tmp_path / "a.parquet", account_rows(8))
    tight = batch(place, tmp_path / "out", max_turnover=0.01, max_closed=0.01)
    assert tight.status == "held_back"
    assert [gate.gate for gate in tight.closed_gates] == ["max_turnover", "max_closed"]
    assert files_of(tmp_path / "out") == {}
    wide = batch(place, tmp_path / "out", max_turnover=1.0, max_closed=1.0)
    assert (wide.status, wide.kept) == ("published", wide.parts)


def test_a_second_run_does_nothing_and_another_batch_is_refused(tmp_path: Path) -> None:
    place = write_rows(tmp_path / "a.parquet", account_rows(9))
    out = tmp_path / "out"
    batch(place, out)
    before = files_of(out)
    stamps = {file.name: file.stat().st_mtime_ns for file in out.glob("*.parquet")}
    assert batch(place, out).status == "unchanged"
    assert files_of(out) == before
    assert {file.name: file.stat().st_mtime_ns for file in out.glob("*.parquet")} == stamps
    assert not (out / UNPUBLISHED).exists()
    other = write_rows(tmp_path / "b.parquet", account_rows(10))
    for changed, said in (
        ({"places": other}, "holds another published batch: not the same: the input"),
        ({"limits": RebalancingLimits(max_total_positions=3)}, "not the same: the limits"),
        ({"version": "2"}, "not the same: the version of trimtab"),
    ):
        with pytest.raises(InputError, match=said):
            batch(changed.pop("places", place), out, **changed)
    (out / "part-00001.parquet").unlink()
    with pytest.raises(InputError, match="is gone"):
        batch(place, out)


def test_unfinished_work_of_another_batch_is_refused(tmp_path: Path) -> None:
    place = write_rows(tmp_path / "a.parquet", account_rows(11))
    out = tmp_path / "out"
    batch(place, out, max_turnover=0.0)
    with pytest.raises(
        InputError, match="unfinished work of another batch: not the same: the limits, the rows of a part"
    ):
        batch(place, out, RebalancingLimits(max_new_positions=1), block_rows=100)
    (tmp_path / "strange").mkdir()
    (tmp_path / "strange" / "letter.txt").touch()
    with pytest.raises(InputError, match="is not empty, and not the folder of a batch"):
        batch(place, tmp_path / "strange")
    with pytest.raises(InputError, match="is a file: name a folder"):
        batch(place, tmp_path / "a.parquet")


@pytest.mark.parametrize("name", [".unpublished", ".lock", "part-00000.parquet", "failed.parquet", "manifest.json"])
@pytest.mark.parametrize("to", ["file", "folder", "nowhere"])
def test_a_link_in_the_folder_is_refused_and_what_it_leads_to_is_left_alone(name: str, to: str, tmp_path: Path) -> None:
    place = write_rows(tmp_path / "a.parquet", account_rows(12, 3))
    victim = tmp_path / "victim"
    victim.mkdir()
    for kept in ("thesis.txt", ".x.part", "part-00000.parquet", "job.json"):
        (victim / kept).write_text("years of work")
    target = {"file": victim / "thesis.txt", "folder": victim, "nowhere": tmp_path / "nowhere"}[to]
    out = tmp_path / "out"
    out.mkdir()
    (out / ".lock").touch()
    (out / name).unlink(missing_ok=True)
    (out / name).symlink_to(target)
    with pytest.raises(InputError, match=f"{name}: is a link, which no batch makes: remove it"):
        batch(place, out)
    assert files_of(victim).keys() == {"thesis.txt", "part-00000.parquet", "job.json"}
    assert {file.read_text() for file in victim.iterdir()} == {"years of work"}
    assert not (tmp_path / "nowhere").exists()
    (out / name).unlink()
    assert batch(place, out).status == "published"


@pytest.mark.parametrize(
    "name",
    [
        ".unpublished/thesis.txt",
        ".unpublished/thesis.parquet",
        ".unpublished/sub/x",
        "part-00000.parquet",
        "part-00007.parquet",
        "failed.parquet",
    ],
)
def test_files_of_somebody_else_are_neither_removed_nor_overwritten(name: str, tmp_path: Path) -> None:
    place = write_rows(tmp_path / "a.parquet", account_rows(12, 3))
    strange = tmp_path / "out" / name
    strange.parent.mkdir(parents=True)
    strange.write_text("years of work")
    (tmp_path / "out" / ".lock").touch()
    with pytest.raises(InputError, match="move it elsewhere"):
        batch(place, tmp_path / "out")
    assert strange.read_text() == "years of work"


def test_a_folder_that_is_named_by_a_link_is_used(tmp_path: Path) -> None:
    place = write_rows(tmp_path / "a.parquet", account_rows(12, 3))
    (tmp_path / "disk").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "disk")
    assert batch(place, tmp_path / "out").status == "published"
    assert "manifest.json" in files_of(tmp_path / "disk")


def test_a_second_run_at_the_same_time_stops_at_once(tmp_path: Path) -> None:
    place = write_rows(tmp_path / "a.parquet", account_rows(12))
    out = tmp_path / "out"
    with Folder(out, Storage()).locked(), pytest.raises(LockedError, match="another run is working in this folder"):
        batch(place, out)
    with Folder(out, Storage()).locked((1, 2)):
        with pytest.raises(LockedError, match="another run is working"):
            batch(place, out)
        with pytest.raises(LockedError, match="another run is working"):
            batch(place, out, shard=(1, 2))
        assert batch(place, out, shard=(2, 2)).status == "shard"
    assert batch(place, out).status == "published"


def test_shards_together_are_the_batch(tmp_path: Path) -> None:
    place = write_rows(tmp_path / "a.parquet", account_rows(13))
    batch(place, tmp_path / "whole")
    kept = 0
    for number in (3, 1, 2):
        outcome = batch(place, tmp_path / "out", shard=(number, 3))
        assert outcome.status == "shard"
        kept += outcome.parts
        assert files_of(tmp_path / "out") == {}
    last = batch(place, tmp_path / "out")
    assert last.kept == last.parts == kept
    assert files_of(tmp_path / "out") == files_of(tmp_path / "whole")


def test_the_manifest_says_what_was_done(tmp_path: Path) -> None:
    place = write_rows(tmp_path / "a.parquet", account_rows(14))
    outcome = batch(place, tmp_path / "out", RebalancingLimits(max_total_positions=5))
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["limits"] == {"": {"max_total_positions": 5}}
    assert [entry["name"] for entry in manifest["input"]] == ["a.parquet"]
    assert sum(part["rows"] for part in manifest["parts"]) == len(targets_of(tmp_path / "out"))
    assert sum(part["accounts"] for part in manifest["parts"]) == outcome.counts.accounts == 40
    assert manifest["counts"] == outcome.counts.to_dict()


def test_limits_of_each_account(tmp_path: Path) -> None:
    rows = [{**row, "limits_id": "ab"[int(row["account"][1:]) % 2]} for row in account_rows(15)]
    schema = SCHEMA.append(pa.field("limits_id", pa.string()))
    limits = {"a": RebalancingLimits(max_total_positions=2), "b": RebalancingLimits(max_new_positions=0)}
    batch(write_rows(tmp_path / "a.parquet", rows, schema=schema), tmp_path / "out", limits)
    alone = [
        row
        for index, value in enumerate(limits.values())
        for row in expected_rows([{**row} for row in rows if int(row["account"][1:]) % 2 == index], value)
    ]
    assert sorted_targets(tmp_path / "out") == sorted(alone, key=lambda row: (row["account"], row["asset"]))


def test_holdings_and_assets(tmp_path: Path) -> None:
    assets = [{"asset": f"A{index:02d}", "bucket": "TB"[index % 2], "score": 0.95 - index / 100} for index in range(30)]
    held = [
        {"account": f"P{index:03d}", "asset": f"A{(7 * index + step) % 30:02d}", "current_weight": 0.2}
        for index in range(300)
        for step in range(4)
    ]
    held[5]["asset"] = "GONE"
    pq.write_table(pa.Table.from_pylist(assets), tmp_path / "assets.parquet")
    pq.write_table(pa.Table.from_pylist(held), tmp_path / "held.parquet", row_group_size=100)
    events: list[Any] = []
    outcome = batch(
        str(tmp_path / "held.parquet"), tmp_path / "out", assets=str(tmp_path / "assets.parquet"), events=events
    )
    assert outcome.status == "published"
    assert [event["missing"] for event in events if event["event"] == "planned"] == [1]
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["missing"] == 1
    gone = [row for row in targets_of(tmp_path / "out") if row["asset"] == "GONE"]
    assert [(row["account"], row["target_weight"], row["reason"]) for row in gone] == [("P001", 0.2, "held_unscored")]
    assert {row["action"] for row in targets_of(tmp_path / "out")} <= {"open", "close", "increase", "decrease", "hold"}
    (tmp_path / "assets.parquet").unlink()
    pq.write_table(pa.Table.from_pylist(assets[:-1]), tmp_path / "assets.parquet")
    with pytest.raises(InputError, match="holdings are of assets that are not here"):
        batch(str(tmp_path / "held.parquet"), tmp_path / "new", assets=str(tmp_path / "assets.parquet"))
    with pytest.raises(InputError, match="not the same: the assets"):
        batch(str(tmp_path / "held.parquet"), tmp_path / "out", assets=str(tmp_path / "assets.parquet"))


def test_wrong_files_are_named(tmp_path: Path) -> None:
    rows = account_rows(16, 8)
    good = write_rows(tmp_path / "good.parquet", rows)
    table = pq.read_table(good)
    bad = {
        "score.parquet": (table.rename_columns({"score": "scor"}), "column 'score': the column is missing"),
        "text.parquet": (table.set_column(3, "score", table["asset"]), "column 'score': is not a number but string"),
        "none.parquet": (table.slice(0, 0), "there are no candidates"),
        "nobody.parquet": (table.set_column(0, "account", pa.nulls(len(table), pa.string())), "the account is missing"),
        "loose.parquet": (table.set_column(0, "account", pa.array([" A"] * len(table))), "has spaces around it"),
    }
    for name, (spoiled, said) in bad.items():
        pq.write_table(spoiled, tmp_path / name)
        with pytest.raises(InputError, match=f"{name}.*{said}"):
            batch(str(tmp_path / name), tmp_path / "out")
    nameless = pa.concat_tables([table, table.slice(0, 1).set_column(0, "account", pa.nulls(1, pa.string()))])
    pq.write_table(nameless, tmp_path / "late.parquet", row_group_size=5)
    with pytest.raises(InputError, match=f"late.parquet, row {len(table) + 1}, column 'account'"):
        batch(str(tmp_path / "late.parquet"), tmp_path / "out")
    pq.write_table(table.drop_columns("bucket"), tmp_path / "z.parquet")
    for order in ((good, str(tmp_path / "z.parquet")), (str(tmp_path / "z.parquet"), good)):
        with pytest.raises(InputError, match=r"z\.parquet, column 'bucket': the column is missing: .*good"):
            batch(order, tmp_path / "out")
    pq.write_table(table.set_column(0, "account", pa.array(range(len(table)))), tmp_path / "y.parquet")
    with pytest.raises(InputError, match=r"y\.parquet, column 'account': is int64, but string in .*good"):
        batch((good, str(tmp_path / "y.parquet")), tmp_path / "out")
    pq.write_table(
        pa.Table.from_arrays([*table.columns, table["asset"]], [*table.column_names, "asset"]), tmp_path / "t.pq"
    )
    with pytest.raises(InputError, match=r"t\.pq, column 'asset': appears twice"):
        batch(str(tmp_path / "t.pq"), tmp_path / "out")
    with pytest.raises(InputError, match=r"nothing\.parquet: there is no such file"):
        batch(str(tmp_path / "nothing.parquet"), tmp_path / "out")
    with pytest.raises(InputError, match="there is no Parquet file"):
        batch(str(tmp_path / "x*.parquet"), tmp_path / "out")
    (tmp_path / "text.csv").write_text("account,asset")
    with pytest.raises(InputError, match=r"text\.csv: cannot be read as Parquet"):
        batch(str(tmp_path / "text.csv"), tmp_path / "out")
    with pytest.raises(InputError, match=r"out.*\.parquet"):
        batch("ftp://host/out.parquet", tmp_path / "out")
    with pytest.raises(LimitsError):
        batch(good, tmp_path / "out", RebalancingLimits(enable_bucket_diversification=True, buckets={"Nowhere": {}}))
    assert batch(good, tmp_path / "out").status == "published"


def test_a_file_that_may_not_be_read() -> None:
    with (
        pytest.raises(InputError, match=r"x: cannot be read \(Permission denied\): check the path"),
        reading("x"),
    ):
        raise PermissionError(13, "Permission denied")


def test_places(tmp_path: Path) -> None:
    rows = account_rows(17, 9)
    cut = next(index for index, row in enumerate(rows) if row["account"] == "P0005")
    first = write_rows(tmp_path / "in" / "a1.parquet", rows[:cut])
    second = write_rows(tmp_path / "in" / "a2.parquet", rows[cut:])
    write_rows(tmp_path / "in" / "b.parquet", rows[:3])
    for place in (
        str(tmp_path / "in" / "a*.parquet"),
        f"file://{tmp_path}/in/a[0-9].parquet",
        f"{tmp_path}/*/a?.parquet",
    ):
        assert [Path(file.path).name for file in find_sources([place]).files] == ["a1.parquet", "a2.parquet"]
    assert find_sources([second, first]).rows == len(rows)
    assert len(find_sources([str(tmp_path / "in")]).files) == 3
    assert find_sources([f"file://{first}"]).files[0].digest() == find_sources([first]).files[0].digest()


def test_an_account_that_goes_on_in_the_next_file_is_one(tmp_path: Path) -> None:
    rows = account_rows(18, 9)
    index = next(index for index, row in enumerate(rows) if row["account"] == "P0005") + 1
    batch(write_rows(tmp_path / "a.parquet", rows), tmp_path / "one")
    both = (write_rows(tmp_path / "b1.parquet", rows[:index]), write_rows(tmp_path / "b2.parquet", rows[index:]))
    events: list[Any] = []
    batch(both, tmp_path / "two", events=events)
    assert "sorting" not in [event["event"] for event in events]
    assert targets_of(tmp_path / "one") == targets_of(tmp_path / "two")


def test_units_can_be_read_in_any_order(tmp_path: Path) -> None:
    rows = account_rows(19)
    both = [write_rows(tmp_path / f"{index}.parquet", part, 13) for index, part in enumerate((rows[:120], rows[120:]))]
    sources = find_sources(both)
    whole = pa.Table.from_pylist(rows, SCHEMA).select(sources.columns).to_pylist()
    reader = UnitReader(sources)
    for first, count in ((50, 30), (80, 60), (0, 10), (119, 5), (120, 40), (26, 13), (len(rows) - 1, 1)):
        assert reader.of(Unit(0, first, count, 0)).to_pylist() == whole[first : first + count]
    assert [row for batch in reader._from(70) for row in batch.to_pylist()] == whole[70:]


def test_work_can_be_done_in_another_process(tmp_path: Path) -> None:
    """The interface: an executor of units gets picklable work and returns records."""
    place = write_rows(tmp_path / "a.parquet", account_rows(20))
    batch(place, tmp_path / "whole")
    asked = []

    def elsewhere(work: Work, units: Any) -> Any:
        asked.extend(units)
        for unit in reversed(units):
            copy: Work = pickle.loads(pickle.dumps(work))
            yield copy.finish(unit, copy.rows().of(unit))

    job = Job((place,), {None: RebalancingLimits()}, "1", block_rows=60)
    run_batch(
        job,
        tmp_path / "out",
        PublishConditions(PublishGates(**OPEN)),
        execute=elsewhere,
        workers=1,
        storage=Storage(),
        say=lambda _event: None,
    )
    assert len(asked) > 3
    assert files_of(tmp_path / "out") == files_of(tmp_path / "whole")


def test_an_error_in_a_unit_stops_the_others(tmp_path: Path) -> None:
    place = write_rows(tmp_path / "a.parquet", account_rows(21))
    sources = find_sources([place])

    class Failing:
        begun = 0

        def rows(self) -> UnitReader:
            return UnitReader(sources)

        def finish(self, unit: Unit, _table: pa.Table) -> PartRecord:
            self.begun += 1
            raise ValueError(unit.number)

    units = [Unit(index, index * 10, 10, 1) for index in range(20)]
    failing: Any = Failing()
    with pytest.raises(ValueError, match="0"):
        list(on_threads(2)(failing, units))
    assert failing.begun < 6


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"failed": [1]}', '{"counts": {"nonsense": 1}, "failed": []}', "null"]
)
def test_a_damaged_record_means_its_part_is_made_again(text: str, tmp_path: Path) -> None:
    rows = account_rows(1)
    place = write_rows(tmp_path / "a.parquet", rows)
    batch(place, tmp_path / "whole")
    assert batch(place, tmp_path / "out", shard=(1, 2)).status == "shard"
    record = next((tmp_path / "out" / UNPUBLISHED).glob("part-*.json"))
    record.write_text(text)
    assert batch(place, tmp_path / "out").status == "published"
    assert files_of(tmp_path / "out") == files_of(tmp_path / "whole")


@pytest.mark.parametrize("text", ["", "[]", "3"])
def test_a_damaged_record_of_the_job_says_what_to_remove(text: str, tmp_path: Path) -> None:
    place = write_rows(tmp_path / "a.parquet", account_rows(1))
    assert batch(place, tmp_path / "out", shard=(1, 2)).status == "shard"
    (tmp_path / "out" / UNPUBLISHED / "job.json").write_text(text)
    with pytest.raises(DamagedError, match="remove"):
        batch(place, tmp_path / "out")


def test_input_that_changes_while_it_is_read_is_not_published(tmp_path: Path) -> None:
    place = write_rows(tmp_path / "a.parquet", account_rows(23))

    def disturbed(work: Work, units: Any) -> Any:
        yield from on_threads(1)(work, units)
        Path(place).touch()

    job = Job((place,), {None: RebalancingLimits()}, "1", block_rows=60)
    with pytest.raises(InputError, match=r"a\.parquet: was changed while the batch was running"):
        run_batch(
            job,
            tmp_path / "out",
            PublishConditions(PublishGates(**OPEN)),
            execute=disturbed,
            workers=1,
            storage=Storage(),
            say=lambda _event: None,
        )
    assert files_of(tmp_path / "out") == {}


def test_sorting_without_duckdb_or_without_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = account_rows(22)
    place = write_rows(tmp_path / "a.parquet", [*rows[100:], *rows[:100]])
    with monkeypatch.context() as patched:
        patched.setitem(__import__("sys").modules, "duckdb", None)
        with pytest.raises(SetupError, match=r"pip install 'trimtab\[batch\]'"):
            batch(place, tmp_path / "out")
    with monkeypatch.context() as patched:
        patched.setattr(sorting, "_MEMORY", "1KB")
        with pytest.raises(InputError, match="the rows cannot be sorted"):
            batch(place, tmp_path / "out")
    events: list[Any] = []
    batch(place, tmp_path / "out", max_turnover=0.0)
    assert (tmp_path / "out" / UNPUBLISHED / sorting.SORTED).exists()
    assert batch(place, tmp_path / "out", events=events).status == "published"
    assert sorted(row["account"] for row in targets_of(tmp_path / "out")) == sorted(row["account"] for row in rows)


@pytest.mark.parametrize("name", ["account", "bucket", "restriction", "score", "limits_id"])
def test_a_column_in_the_names_of_folders_is_not_lost(tmp_path: Path, name: str) -> None:
    """As Spark writes it with `partitionBy`; any other folder name is fine."""
    columns = {
        "account": ["a"],
        "asset": ["X"],
        "bucket": ["Tech"],
        "restriction": [""],
        "score": [0.9],
        "limits_id": ["a"],
    }
    inside = tmp_path / "year=2026" / f"{name}=x"
    inside.mkdir(parents=True)
    pq.write_table(
        pa.table({other: values for other, values in columns.items() if other != name}), inside / "p.parquet"
    )
    for place in (str(tmp_path), str(inside / "p.parquet"), f"file://{tmp_path}"):
        with pytest.raises(
            InputError, match=f"column '{name}': the column is not in the file, but in the name of its folder"
        ):
            find_sources([place])
    pq.write_table(pa.table(columns), inside / "p.parquet")
    assert find_sources([str(tmp_path)]).rows == 1

"""A batch with exposures: the bits of the tables, resumed with the same file only, and one of its accounts again."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from batch_runs import batch, files_of, targets_of, write_rows
from block_exposures import CALM, random_exposed
from cases import Row

from trimtab import rebalance, rebalance_many
from trimtab.batch.exposure_source import ExposureFile
from trimtab.batch.night_difference import Night, night_difference
from trimtab.batch.published_account import published_account
from trimtab.errors import InputError

COLUMNS = ("account", "asset", "scheme", "bucket", "fraction")


def written_exposures(file: Path, table: list[Row]) -> str:
    """The table as CSV or Parquet."""
    names = [name for name in COLUMNS if name in table[0]]
    if file.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(table), file)
        return str(file)
    with file.open("w", newline="") as opened:
        writer = csv.DictWriter(opened, names)
        writer.writeheader()
        writer.writerows(table)
    return str(file)


@pytest.mark.parametrize(("seed", "name"), [(1, "exposures.csv"), (4, "exposures.parquet")])
def test_the_same_bits_as_the_tables(seed: int, name: str, tmp_path: Path) -> None:
    rows, table, limits = random_exposed(seed, 30)
    place, exposures = write_rows(tmp_path / "a.parquet", rows), written_exposures(tmp_path / name, table)
    batch(place, tmp_path / "out", limits, exposures=exposures)
    many = rebalance_many(rows, limits, exposures=table)
    failed = {row["account"] for row in many.accounts if row["status"] == "failed"}
    kept = ("account", "asset", "target_weight", "size_reason")
    wanted = [tuple(row[name] for name in kept) for row in many.targets if row["account"] not in failed]
    assert [tuple(row[name] for name in kept) for row in targets_of(tmp_path / "out")] == wanted
    batch(place, tmp_path / "one", limits, exposures=exposures, workers=1)
    assert files_of(tmp_path / "one") == files_of(tmp_path / "out")


def test_another_table_is_another_batch(tmp_path: Path) -> None:
    rows, table, limits = random_exposed(2, 6, calm=True)
    place, exposures = write_rows(tmp_path / "a.parquet", rows), written_exposures(tmp_path / "e.csv", table)
    assert batch(place, tmp_path / "out", limits, exposures=exposures).status == "published"
    assert batch(place, tmp_path / "out", limits, exposures=exposures).status == "unchanged"
    listed = json.loads((tmp_path / "out" / "manifest.json").read_text())["exposures"]
    assert [(each["name"], each["rows"]) for each in listed] == [("e.csv", len(table))]
    name = published_account(tmp_path / "out", "P003")
    again = rebalance(name.file.table, name.limits, exposures=name.exposures)
    wanted = {row["asset"]: row["target_weight"] for row in targets_of(tmp_path / "out") if row["account"] == "P003"}
    assert {row["asset"]: row["target_weight"] for row in again.targets.to_pylist()} == wanted
    changed = written_exposures(tmp_path / "e.csv", table[1:])
    with pytest.raises(InputError, match="not the same: the exposures"):
        batch(place, tmp_path / "out", limits, exposures=changed)
    with pytest.raises(InputError, match="is not the file that the batch read: restore that of the night"):
        published_account(tmp_path / "out", "P003")
    batch(place, tmp_path / "later", limits, exposures=changed)
    difference = night_difference(*(Night.read(tmp_path / name) for name in ("out", "later")), count=None)
    assert difference.notes == ("the exposures differ, which may change any account",)
    assert {row["causes"] for row in difference.table.to_pylist()} <= {"inputs"}


def test_a_table_that_changes_while_it_is_used_is_not_published(tmp_path: Path) -> None:
    file = tmp_path / "e.csv"
    read = ExposureFile.read(written_exposures(file, random_exposed(2, 3)[1]))
    read.check_unchanged()
    file.write_text("other")
    with pytest.raises(InputError, match=r"e\.csv: was changed while the batch was running"):
        read.check_unchanged()


@pytest.mark.parametrize("own", [False, True])
def test_holdings_and_assets(own: bool, tmp_path: Path) -> None:
    """Every asset that exposures may keep out of an account leaves its place to the next."""
    assets = [{"asset": f"A{number}", "score": 1 - number / 20, "bucket": "Tech"} for number in range(8)]
    table = [
        {"asset": f"A{number}", "scheme": "country", "bucket": "US" if number < 3 else "JP"} for number in range(8)
    ]
    if own:
        table = [{**row, "account": name} for row in table for name in ("P1", "P2")]
    holdings = [
        {"account": "P1", "asset": "A0", "current_weight": 0.2, "restriction": "no_trade"},
        {"account": "P2", "asset": "A7", "current_weight": 0.1, "restriction": None},
    ]
    limits = CALM.replace(max_new_positions=2, exposures={"country": {"max_exposure": 0.2}}, min_position_weight=0.02)
    schema = pa.schema([("account", pa.string()), ("asset", pa.string()), ("current_weight", pa.float64())])
    place = write_rows(tmp_path / "h.parquet", holdings, schema=schema.append(pa.field("restriction", pa.string())))
    stored = write_rows(tmp_path / "a.parquet", assets, schema=pa.Table.from_pylist(assets).schema)
    exposures = written_exposures(tmp_path / "e.csv", table)
    batch(place, tmp_path / "out", limits, assets=stored, exposures=exposures)
    held = {(row["account"], row["asset"]): row for row in holdings}
    everything = [
        {"account": name, "current_weight": 0.0, "restriction": None, **asset, **held.get((name, asset["asset"]), {})}
        for name in ("P1", "P2")
        for asset in assets
    ]
    many = rebalance_many(everything, limits, exposures=table)
    wanted = {(row["account"], row["asset"]): row["target_weight"] for row in many.targets if row["target_weight"] > 0}
    targets = targets_of(tmp_path / "out")
    assert {(row["account"], row["asset"]): row["target_weight"] for row in targets if row["target_weight"]} == wanted
    account = published_account(tmp_path / "out", "P1")
    assert account.file.table.num_rows == len(assets)
    assert ("P1", "A3") in wanted

"""The rows of one account of a Parquet file: the same as of the whole file, with few row groups read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trimtab.errors import InputError
from trimtab.files.account_rows import read_account_rows
from trimtab.files.candidate_file import read_candidate_file


def written(path: Path, accounts: list[Any], **options: Any) -> Path:
    size = len(accounts)
    table = pa.table({"account": accounts, "Ticker": [f"A{number}" for number in range(size)], "score": [0.5] * size})
    pq.write_table(table, path, row_group_size=4, **options)
    return path


SORTED = [f"P{number // 3:03}" for number in range(60)]


@pytest.mark.parametrize(
    "accounts", [SORTED, SORTED[::-1], [number // 3 for number in range(60)], [*SORTED[:-1], None]]
)
@pytest.mark.parametrize("statistics", [True, False])
def test_the_same_rows_as_of_the_whole_file(tmp_path: Path, accounts: list[Any], statistics: bool) -> None:
    path = written(tmp_path / "c.parquet", accounts, write_statistics=statistics)
    name = str(accounts[10])
    own = read_account_rows(path, name)
    whole = read_candidate_file(path).of_account(name)
    assert own is not None
    assert own.table.to_pylist() == whole.table.to_pylist()
    assert (own.rows, own.asset_name, own.source) == (whole.rows, "Ticker", str(path))


def test_only_row_groups_that_may_hold_the_account_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, read = written(tmp_path / "c.parquet", SORTED), []
    original = pq.ParquetFile.read_row_group

    def counted(self: Any, group: int, **options: Any) -> Any:
        read.append((group, options.get("columns")))
        return original(self, group, **options)

    monkeypatch.setattr(pq.ParquetFile, "read_row_group", counted)
    read_account_rows(path, "P010")
    assert read == [(7, ["account"]), (7, None), (8, ["account"]), (8, None)]


@pytest.mark.parametrize("statistics", [True, False])
def test_an_unknown_account_is_named(tmp_path: Path, statistics: bool) -> None:
    path = written(tmp_path / "c.parquet", SORTED, write_statistics=statistics)
    with pytest.raises(InputError, match=r"there is no such account \(received 'P1'\): did you mean 'P"):
        read_account_rows(path, "P1")


def test_other_files_are_read_whole_and_bad_ones_refused(tmp_path: Path) -> None:
    assert read_account_rows("-", "P1") is None
    assert read_account_rows(tmp_path / "absent.parquet", "P1") is None
    (tmp_path / "c.csv").write_text("account\nP1\n")
    assert read_account_rows(tmp_path / "c.csv", "P1") is None
    pq.write_table(pa.table({"asset": ["A"]}), tmp_path / "one.parquet")
    with pytest.raises(InputError, match="column 'account': the column is missing: leave out --account"):
        read_account_rows(tmp_path / "one.parquet", "P1")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 and nothing more")
    with pytest.raises(InputError, match="is damaged or truncated"):
        read_account_rows(tmp_path / "bad.parquet", "P1")

"""Files of exposures: what is wrong is said with file, row, column and value."""

from __future__ import annotations

from pathlib import Path

import pytest

from trimtab import rebalance_many
from trimtab.errors import InputError
from trimtab.files.exposure_file import read_exposures
from trimtab.limits.rebalancing_limits import RebalancingLimits

HEADER = "account,asset,scheme,bucket,fraction\n"


def written(folder: Path, rows: str) -> Path:
    file = folder / "exposures.csv"
    file.write_text(HEADER + rows)
    return file


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ("7,A,country,US,60\n", r"row 1, column 'fraction': the fraction is above 1 \(received 60.0\)"),
        ("7,A,country,US,much\n", r"row 1, line 2, column 'fraction': is not a number \(received 'much'\)"),
        ("7,A,country,US,60%\n7,A,country,US,0.1\n", r"row 2, column 'bucket': .* in row 1 already \(received 'US'\)"),
        ("7,A,country,US,0.6\n7,A,country,DE,0.6\n", r"row 2, column 'fraction': .* add up to 1.2, above 1"),
        ("7,A,country,US,1\n7,,country,US,1\n", "row 2, column 'asset': the asset is missing"),
        ("7,A,country,US,1\n7,B,Country,US,1\n", "row 2, column 'scheme': the scheme differs from 'country'"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, rows: str, problem: str) -> None:
    with pytest.raises(InputError, match=rf"exposures\.csv, .*{problem}"):
        read_exposures(written(tmp_path, rows))


def test_two_spellings_of_a_bucket_name_the_file(tmp_path: Path) -> None:
    table = read_exposures(written(tmp_path, "7,A,country,US,1\n7,B,country,us,1\n"))
    limits = RebalancingLimits(exposures={"country": {"max_exposure": 0.5}})
    with pytest.raises(InputError, match=r"exposures\.csv, row 2, column 'bucket': the bucket differs from 'US'"):
        rebalance_many([{"account": 7, "asset": "A", "score": 0.9}], limits, exposures=table)


def test_whole_numbers_in_a_csv_file_name_the_accounts_of_a_table(tmp_path: Path) -> None:
    table = read_exposures(written(tmp_path, "7,A,country,US,1\n8,A,country,US,50%\n"))
    limits = RebalancingLimits(exposures={"country": {"buckets": {"US": {"max_exposure": 0.1}}}})
    rows = [{"account": account, "asset": "A", "score": 0.9} for account in (7, 8, 9)]
    result = rebalance_many(rows, limits, exposures=table)
    assert [row["target_weight"] for row in result.targets] == [0.1, 0.2, 0.2]

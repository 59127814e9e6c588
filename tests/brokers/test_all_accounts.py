"""All accounts of a broker's file for `trimtab batch`, and one for `trimtab.plan` in Python. All data is invented."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command_line import run

import trimtab
from trimtab.brokers import read
from trimtab.brokers.accounts_table import weights_of
from trimtab.errors import InputError
from trimtab.symbols.aliases import shipped_aliases

FILES = Path(__file__).parent / "files" / "valid"
VANGUARD = FILES / "vanguard_OfxDownload.csv"
SCORES = {"VTI": 0.9, "VXUS": 0.8, "VMFXX": None, "VFIAX": 0.7, "BND": 0.75, "AVGO": 0.2}
LIMITS = trimtab.RebalancingLimits(max_position_weight=0.5)
SHEET = """\
Account,Symbol,Shares,Price,Value,Currency
A,BRK/B,2,400,800,USD
A,Cash,,,200,USD
B,Cash,,,500,USD
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "mine.csv"
    file.write_text(text, "utf-8")
    return file


def test_weights_of_all_accounts(tmp_path: Path) -> None:
    table, notes = weights_of(read(written(tmp_path, SHEET)), shipped_aliases(), ["BRK.B"])
    assert table.to_pylist() == [
        {"account": "A", "asset": "BRK.B", "current_weight": 0.8, "restriction": None},
        {"account": "B", "asset": None, "current_weight": 0.0, "restriction": None},
    ]
    assert notes == ()


def test_everything_unknown_of_all_accounts_is_one_list(tmp_path: Path) -> None:
    text = "Account,Symbol,Shares,Price,Value,Currency\nA,VTI,1,10,10,USD\nB,BND,1,10,10,USD\n"
    with pytest.raises(InputError, match="cash") as caught:
        weights_of(read(written(tmp_path, text)), shipped_aliases())
    assert [fault.account for fault in caught.value.faults] == ["A", "B"]
    assert all("trimtab import" in fault.advice for fault in caught.value.faults)


def test_an_account_without_a_name_has_that_of_the_file(tmp_path: Path) -> None:
    table, _ = weights_of(
        read(written(tmp_path, "Symbol,Shares,Price,Value,Currency\nVTI,1,10,10,USD\nCash,,,0,USD\n")),
        shipped_aliases(),
    )
    assert table["account"].to_pylist() == ["mine"]


def test_a_batch_takes_a_brokers_file(tmp_path: Path) -> None:
    assets, out, own = tmp_path / "a.parquet", tmp_path / "night", tmp_path / "own.parquet"
    pq.write_table(pa.table({"asset": list(SCORES), "score": list(SCORES.values())}), assets)
    arguments = ("batch", "run", "--assets", assets, "--defaults", "--max-unscored", "1", "--no-store", "--out", out)
    done = run(*arguments, "--holdings", VANGUARD)
    assert done.exit_code == 0, done.stderr
    assert "2 accounts" in " ".join(done.stderr.split())
    made = pq.read_table(tmp_path / "night-holdings" / "vanguard_OfxDownload.parquet")
    pq.write_table(made, own)
    again = run(*arguments[:-1], tmp_path / "other", "--holdings", own)
    assert again.exit_code == 0, again.stderr
    nights = [
        pa.concat_tables(map(pq.read_table, sorted((tmp_path / name).glob("**/part*")))) for name in ("night", "other")
    ]
    assert nights[0].equals(nights[1])
    assert set(nights[0]["account"].to_pylist()) == {"10000417", "10000982"}
    refused = run(*arguments, "--holdings", VANGUARD, "--assets", "s3://bucket/a.parquet")
    assert (refused.exit_code, "must be a local file" in " ".join(refused.stderr.split())) == (2, True)


def test_a_plan_from_a_brokers_file_in_python(tmp_path: Path) -> None:
    file = written(tmp_path, SHEET)
    scores = pa.table({"asset": ["BRK.B", "VTI"], "score": [0.9, 0.8], "price": [400.0, 100.0]})
    made = trimtab.broker_candidates(
        file, scores, account="A", buckets=[{"asset": "VTI", "bucket": "ETF"}, {"asset": "BRK.B"}]
    )
    assert made.cash == Decimal(200)
    assert made.table["asset"].to_pylist() == ["BRK.B", "VTI"]
    assert any("BRK/B" in note for note in made.notes)
    plan = trimtab.plan(made.table, LIMITS, cash=made.cash)
    assert [(order.side, order.shares, order.asset) for order in plan.orders] == [
        ("sell", Decimal(1), "BRK.B"),
        ("buy", Decimal(5), "VTI"),
    ]
    scored = tmp_path / "s.csv"
    scored.write_text("asset,score\nBRK.B,0.9\n")
    dear = trimtab.broker_candidates(read(file), scored, account="A", cash=100, prices={"BRK/B": 500})
    assert (dear.cash, dear.table["price"].to_pylist()) == (Decimal(100), ["500"])

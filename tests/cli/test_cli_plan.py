"""`trimtab plan`: a spreadsheet in, a list of trades out."""

from __future__ import annotations

import json
import zipfile
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from command_line import rows, run

CANDIDATES = """\
symbol,bucket,score,shares,price,lot
AAA,Tech,0.90,18,180,1
BBB,Tech,0.80,10,95.50,0.01
CCC,Bond,0.50,30,51.20,1
DDD,Bond,0.85,,102.50,1
EEE,Health,0.70,4,412,1
FFF,Health,0.95,0,"2,600.00",1
"""
LIMITS = """\
max_position_weight = 0.25
enable_bucket_diversification = true
max_allocation_per_bucket = 0.5
"""
SCREEN = """\
c.csv: sell 2, then buy 3.

    order                             amount   fee  cash after
1.  Sell all 30 CCC at about 51.20  1,536.00  1.00    4,156.00
2.  Sell 5 AAA at about 180.00        900.00  1.00    5,055.00
3.  Buy 23 DDD at about 102.50      2,357.50  1.00    2,696.50
4.  Buy 14.86 BBB at about 95.50    1,419.13  1.00    1,276.37
5.  Buy 2 EEE at about 412.00         824.00  1.00      451.37

After that: 9,543.63 in 4 positions, 451.37 in cash (4.52%). Fees: 5.00.

No order
  FFF: one lot of 1 (2,600.00) is more than it may weigh.
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.csv").write_text(CANDIDATES)
    (tmp_path / "l.toml").write_text(LIMITS)
    return tmp_path


GIVEN = ("plan", "c.csv", "--cash", "2621", "--limits", "l.toml", "--order", "fees.per_order=1")


@pytest.mark.usefixtures("folder")
def test_a_list_of_trades_that_a_person_can_follow() -> None:
    result = run(*GIVEN)
    assert (result.exit_code, result.stdout) == (0, SCREEN)
    assert run(*GIVEN, "--all").stdout == SCREEN  # everything else has an order


def test_the_orders_as_files(folder: Path) -> None:
    assert run(*GIVEN, "--out", "orders.csv").exit_code == 0
    first, *_ = rows((folder / "orders.csv").read_text())
    assert (first["asset"], first["side"], first["shares"], first["amount"]) == ("CCC", "sell", "30", "1536")
    assert run(*GIVEN, "--out", "orders.json").exit_code == 0
    assert json.loads((folder / "orders.json").read_text())["cash"] == "451.37"
    assert run(*GIVEN, "--out", "orders.parquet").exit_code == 0
    assert pl.read_parquet(folder / "orders.parquet")["cash_after"][-1] == Decimal("451.37")
    assert run(*GIVEN, "--out", "orders.xlsx").exit_code == 0
    assert b"1536" in zipfile.ZipFile(folder / "orders.xlsx").read("xl/worksheets/sheet1.xml")
    assert run(*GIVEN, "--out", "orders.txt").exit_code == 0
    assert (folder / "orders.txt").read_text() == SCREEN
    assert "is one of the input files" in run(*GIVEN, "--out", "c.csv").stderr


def test_positions_prices_rates_and_lots_in_files_of_their_own(folder: Path) -> None:
    (folder / "c.csv").write_text("asset,score,currency\nA,0.9,GBX\nB,0.8,USD\n")
    (folder / "shares.csv").write_text("symbol,shares\nA,100\n")
    (folder / "prices.csv").write_text("ticker,price\nA,450\nB,10\n")
    (folder / "fx.csv").write_text("asset,fx\nGBP,1.25\nUSD,1\n")
    (folder / "lots.csv").write_text("asset,lot_id,shares,cost,acquired\nA,1,100,700,2026-01-05\n")
    (folder / "recent.csv").write_text("group,date,kind\nB,2026-01-20,loss_sale\n")
    files = ("--positions", "shares.csv", "--latest-prices", "prices.csv", "--fx", "fx.csv", "--tax-lots", "lots.csv")
    more = ("--recent", "recent.csv", "--today", "2026-01-30", "--order", "wait_for_settlement=true")
    result = run("plan", "c.csv", "--cash", "0", *files, *more)
    assert result.exit_code == 0
    assert "1.  Sell 80 A at about 5.625" in result.stdout
    assert "2.  Buy 11 B at about 10.00 (after the sales settle) ⚠ wash sale?" in result.stdout
    document = json.loads(run("plan", "c.csv", "--cash", "0", *files, *more, "--format", "json").stdout)
    assert document["orders"][0]["lots"] == [{"lot_id": "1", "shares": "80", "gain": "-110"}]


def test_cash_flow_and_mode(folder: Path) -> None:
    (folder / "c.csv").write_text("asset,score,shares,price\nA,0.9,50,10\nB,0.9,0,10\n")
    assert "Buy 20 B" in run("plan", "c.csv", "--cash", "100", "--cash-flow", "400", "--order", "mode=buy_only").stdout
    assert "Sell 30 A" in run("plan", "c.csv", "--cash", "500", "--order", "mode=sell_only").stdout


def test_nothing_to_trade_and_what_is_left_alone(folder: Path) -> None:
    names = [f"Z{at:02}" for at in range(14)]
    lines = [f"{name},0.9,0,100000" for name in names]
    (folder / "c.csv").write_text("\n".join(["asset,score,shares,price", "A,0.9,20,10", *lines]))
    result = run("plan", "c.csv", "--cash", "800")
    assert result.stdout.startswith(
        "c.csv: nothing to trade.\n\nThe account has: 200.00 in 1 position, 800.00 in cash (80.00%)."
    )
    assert "4 more; --all shows them" in result.stdout
    assert "A: it is on target" in run("plan", "c.csv", "--cash", "800", "--all").stdout


def test_a_part_of_a_plan_and_a_brake(folder: Path) -> None:
    (folder / "c.csv").write_text("asset,score,shares,price\nA,0.9,50,10\nB,0.1,50,10\n")
    assert (
        "This is part of the plan; the next one continues it."
        in run("plan", "c.csv", "--cash", "0", "--order", "max_turnover=0.1").stdout
    )
    braked = run("plan", "c.csv", "--cash", "0", "--set", "brake_sold_weight=0.1")
    assert braked.exit_code == 5
    assert "a brake stopped the account. Nothing is traded." in braked.stdout


def test_what_a_reader_should_know_is_said(folder: Path) -> None:
    (folder / "c.csv").write_text("asset,score,shares,price,bucket,note\nA,0.9,50,10,X,\nB,0.9,0,,X,y\n")
    result = run("plan", "c.csv", "--cash", "100")
    assert "warning: B has no price and cannot be bought" in result.stderr
    assert "bucket limits are off" in result.stderr
    assert "columns that no rule uses, carried through: note" in result.stderr
    assert run("plan", "c.csv", "--cash", "100", "--quiet").stderr == ""


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["plan", "--cash", "1"], 2, "give FILE"),
        (["plan", "c.csv"], 2, "--cash"),
        (["plan", "c.csv", "--cash", "lots"], 3, "cash: is not an amount of money (received 'lots')"),
        (["plan", "c.csv", "--cash", "1", "--today", "soon"], 2, "write it as 2026-03-02"),
        (["plan", "c.csv", "--cash", "1", "--order", "mode"], 2, "write field=value"),
        (["plan", "c.csv", "--cash", "1", "--order", 'a b="1'], 2, "write field=value"),
        (["plan", "c.csv", "--cash", "1", "--order", "mode=sell"], 3, "did you mean 'sell_only'"),
        (["plan", "c.csv", "--cash", "1", "--order", "cash_buffer=much"], 3, "cash_buffer must be a number"),
        (["plan", "c.csv", "--cash", "1", "--order", "bufer=1"], 3, "unknown field 'bufer'"),
        (["plan", "absent.csv", "--cash", "1"], 3, "absent.csv"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_wrong_input_is_named(arguments: list[str], code: int, message: str) -> None:
    result = run(*arguments)
    assert result.exit_code == code
    assert message in result.stderr


def test_a_bad_cell_is_named_with_its_file(folder: Path) -> None:
    (folder / "c.csv").write_text(CANDIDATES.replace("95.50", "95,50x"))
    result = run("plan", "c.csv", "--cash", "1")
    assert result.exit_code == 3
    (folder / "c.csv").write_text(CANDIDATES.replace("180", '"1,234"'))
    assert "row 1, column 'price': is not a number (received '1,234')" in run("plan", "c.csv", "--cash", "1").stderr

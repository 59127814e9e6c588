"""`trimtab plan`: a spreadsheet in, a list of trades out."""

from __future__ import annotations

import json
import re
import zipfile
from decimal import Decimal
from pathlib import Path

import jsonschema
import polars as pl
import pytest
from command_line import rows, run

import trimtab

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

Gates without data: price_age, price_move, repeated_order, state
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.csv").write_text(CANDIDATES)
    (tmp_path / "l.toml").write_text(LIMITS)
    return tmp_path


GIVEN = ("plan", "c.csv", "--cash", "2621", "--limits", "l.toml", "--set", "orders.fees.per_order=1")


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
    more = ("--recent", "recent.csv", "--today", "2026-01-30", "--set", "orders.wait_for_settlement=true")
    more += ("--set", "gates.max_order_share=0.9", "--set", "gates.max_account_turnover=0.9")
    result = run("plan", "c.csv", "--cash", "0", *files, *more)
    assert result.exit_code == 0
    assert "1.  Sell 80 A at about 5.625" in result.stdout
    assert "2.  Buy 11 B at about 10.00 (after the sales settle) ⚠ wash sale?" in result.stdout
    document = json.loads(run("plan", "c.csv", "--cash", "0", *files, *more, "--format", "json").stdout)
    assert document["orders"][0]["lots"] == [{"lot_id": "1", "shares": "80", "gain": "-110"}]


def test_an_account_of_cash_alone_is_noted(folder: Path) -> None:
    (folder / "c.csv").write_text("asset,score,Shares held,price\nA,0.9,50,10\nB,0.9,0,10\n")
    noted = run("plan", "c.csv", "--cash", "1000")
    assert "c.csv has no column shares: the account starts from cash alone" in noted.stderr
    assert "Buy 20 A" in noted.stdout
    (folder / "shares.csv").write_text("asset,shares\nA,50\n")
    assert "cash alone" not in run("plan", "c.csv", "--cash", "1000", "--positions", "shares.csv").stderr


def test_errors_of_tables_name_their_files(folder: Path) -> None:
    (folder / "lots.csv").write_text("asset,lot_id,shares,cost,acquired\nAAA,1,18,700,05/01/2026\n")
    (folder / "recent.csv").write_text("group,date,kind\nAAA,2026-01-20,bought\n")
    options = (*GIVEN, "--today", "2026-01-30")
    wrong = run(*options, "--tax-lots", "lots.csv").stderr
    assert "error: lots.csv, row 1, column 'acquired': is not a day up to today (received '05/01/2026')" in wrong
    assert "error: recent.csv, row 1, column 'kind': cannot be used" in run(*options, "--recent", "recent.csv").stderr


def test_cash_flow_and_mode(folder: Path) -> None:
    (folder / "c.csv").write_text("asset,score,shares,price\nA,0.9,50,10\nB,0.9,0,10\n")
    assert (
        "Buy 20 B"
        in run("plan", "c.csv", "--cash", "100", "--cash-flow", "400", "--set", "orders.mode=buy_only").stdout
    )
    assert "Sell 30 A" in run("plan", "c.csv", "--cash", "500", "--set", "orders.mode=sell_only").stdout


def test_nothing_to_trade_and_what_is_left_alone(folder: Path) -> None:
    names = [f"Z{index:02}" for index in range(14)]
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
        in run("plan", "c.csv", "--cash", "0", "--set", "orders.max_turnover=0.1").stdout
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
        (
            ["plan", "c.csv", "--cash", "lots"],
            3,
            "--cash is not an amount of money (received 'lots'): give a plain number, such as 3000.50",
        ),
        (["plan", "c.csv", "--cash", "1", "--today", "soon"], 2, "write it as 2026-03-02"),
        (["plan", "c.csv", "--cash", "1", "--set", "orders.mode=sell"], 3, "did you mean 'sell_only'"),
        (
            ["plan", "c.csv", "--cash", "1", "--set", "orders.cash_buffer=much"],
            3,
            "orders: cash_buffer must be a number",
        ),
        (["plan", "c.csv", "--cash", "1", "--set", "orders.bufer=1"], 3, "orders: unknown field 'bufer'"),
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


def test_missing_buckets_come_from_the_map_and_the_rest_is_listed(folder: Path) -> None:
    (folder / "c.csv").write_text("symbol,score,shares,price\nAAPL,0.9,5,10\nXYZW,0.8,5,10\nBRK-B,0.7,5,10\n")
    options = ("plan", "c.csv", "--cash", "50", "--classify", "todo.csv", "--set", "enable_bucket_diversification=true")
    result = run(*options, "--format", "json")
    assert "2 buckets from the default map" in result.stderr
    assert "1 asset has no bucket, counted as Unknown: XYZW. Fill in the column bucket of todo.csv" in result.stderr
    assert (folder / "todo.csv").read_text() == "asset,bucket\nXYZW,\n"
    (folder / "todo.csv").write_text("asset,bucket\nXYZW,Equity/Mine\n")
    result = run(*options, "--format", "json")
    assert "2 buckets from the default map, 1 from todo.csv" in result.stderr
    assert "Unknown" not in result.stderr
    buckets = {row["asset"]: row["bucket"] for row in json.loads(result.stdout)["rebalance"]["targets"]}
    assert buckets["XYZW"] == "Equity/Mine"
    (folder / "c.csv").write_text("name,score,shares,price\nAAPL,0.9,5,10\n")
    assert "column 'asset': the column is missing: add it" in run(*options).stderr


# --- gates


HELD = ("--set", "gates.max_order_share=0.2")


def test_orders_that_a_gate_holds_back_are_not_written(folder: Path) -> None:
    (folder / "orders.csv").write_text("yesterday")
    result = run(*GIVEN, *HELD, "--out", "orders.csv")
    assert (result.exit_code, result.stdout) == (10, "")
    assert "The order of DDD is 23.57% of the account; at most 20% (max_order_share)" in result.stderr
    assert "orders.csv was left unchanged: it does not have these orders" in result.stderr
    assert (folder / "orders.csv").read_text() == "yesterday"
    assert run(*GIVEN, *HELD, "--out", "new.csv").exit_code == 10
    assert not (folder / "new.csv").exists()
    assert run(*GIVEN, *HELD, "--format", "csv").stdout == ""


@pytest.mark.usefixtures("folder")
def test_the_reason_is_data_and_on_the_screen() -> None:
    result = run(*GIVEN, *HELD, "--format", "json")
    document = json.loads(result.stdout)
    assert (result.exit_code, document["is_granted"], document["orders"]) == (10, False, [])
    assert [order["asset"] for order in document["held_orders"]] == ["CCC", "AAA", "DDD", "BBB", "EEE"]
    (gate,) = (gate for gate in document["gates"] if gate["verdict"] == "hold")
    assert gate == {
        "gate": "order_share",
        "account": "",
        "asset": "DDD",
        "measured": "0.23575",
        "limit": "0.2",
        "verdict": "hold",
        "note": "",
    }
    screen = run(*GIVEN, *HELD)
    assert screen.exit_code == 10
    assert "Held back: no order file is written\n  The order of DDD is 23.57% of the account" in screen.stdout


def test_a_gate_may_be_let_through_by_name(folder: Path) -> None:
    through = ("--acknowledge", "order_share:DDD", "--by", "Ann", "--purpose", "a planned purchase")
    result = run(*GIVEN, *HELD, *through, "--record", "record.jsonl", "--format", "json")
    document = json.loads(result.stdout)
    assert (result.exit_code, len(document["orders"])) == (0, 5)
    assert [gate["note"] for gate in document["gates"] if gate["verdict"] == "acknowledged"] == [
        "Ann: a planned purchase"
    ]
    assert len((folder / "record.jsonl").read_text().splitlines()) == 6
    assert "--acknowledge needs a reason" in run(*GIVEN, *HELD, "--acknowledge", "order_share").stderr
    wrong = run(*GIVEN, "--acknowledge", "order_shares", "--by", "Ann", "--purpose", "x")
    assert "no gate holds" in wrong.stderr


def test_the_record_and_the_state(folder: Path) -> None:
    (folder / "state").write_text("NORMAL")
    files = ("--record", "record.jsonl", "--state", "state")
    assert run(*GIVEN, *files).exit_code == 0  # the screen is no order file
    assert run(*GIVEN, *files, "--out", "orders.csv").exit_code == 0
    again = run(*GIVEN, *files, "--out", "orders.csv")
    assert again.exit_code == 10
    assert "The order of CCC was written in the last 24 hours (repeat_hours)" in again.stderr
    (folder / "state").write_text("HALTED")
    assert "The state is HALTED: no orders" in run(*GIVEN, "--state", "state").stdout
    assert "is one of the input files" in run(*GIVEN, *files, "--out", "state").stderr


def test_the_age_and_the_move_of_prices(folder: Path) -> None:
    lines = [f"{line},2026-02-27,{100 if line.startswith('AAA') else ''}" for line in CANDIDATES.splitlines()[1:]]
    header = CANDIDATES.splitlines()[0] + ",price_date,previous_price"
    (folder / "c.csv").write_text("\n".join([header, *lines]))
    monday = run(*GIVEN, "--today", "2026-03-02")
    assert monday.exit_code == 10
    assert "The price of AAA moved 80%; at most 25% (max_price_move)" in monday.stdout
    assert "session old" not in monday.stdout
    assert "columns that no rule uses" not in monday.stderr
    tuesday = run(*GIVEN, "--today", "2026-03-03", "--set", "gates.max_price_move=1")
    assert "The price of AAA is 1 session old; at most 0 (max_price_age)" in tuesday.stdout
    named = run(*GIVEN, "--today", "2026-03-03", "--last-session", "2026-02-27", "--set", "gates.max_price_move=1")
    assert named.exit_code == 0
    assert "write it as 2026-03-02" in run(*GIVEN, "--last-session", "friday").stderr
    for text, message in (("day\n2026-03-02", "the column is missing"), ("date\nfriday", "is not a day")):
        (folder / "days.csv").write_text(text)
        assert message in run(*GIVEN, "--today", "2026-03-03", "--sessions", "days.csv").stderr
    (folder / "days.csv").write_text("date\n2026-02-27\n2026-03-03\n")
    calendar = run(*GIVEN, "--today", "2026-03-03", "--sessions", "days.csv", "--set", "gates.max_price_move=1")
    assert calendar.exit_code == 0


def test_explain_says_why_13_shares_and_not_14(folder: Path) -> None:
    (folder / "c.csv").write_text(CANDIDATES.replace('"2,600.00"', "2600"))  # some cells of shares are empty
    options = ("explain", "c.csv", "AAA", "FFF", "--cash", "2621", "--limits", "l.toml")
    result = run(*options, "--set", "orders.fees.per_order=1")
    assert result.exit_code == 0
    assert "- 14 shares would weigh 25.21%, above 25.00% (max_position_weight)" in result.stdout
    assert "- with lot 0.1: sell 4.9 shares instead of sell 5 shares" in result.stdout
    assert "FFF (Health): not selected" in result.stdout
    document = json.loads(run(*options, "--format", "json").stdout)
    assert document["orders"][1]["reason"] == "lot_too_large"
    jsonschema.validate(document, trimtab.explanations_schema())


# --- order files


@pytest.mark.usefixtures("folder")
def test_an_order_file_for_each_phase(folder: Path) -> None:
    (folder / "c.csv").write_text(CANDIDATES.replace(",0.01\n", ",1\n"))
    options = (*GIVEN, "--format", "ibkr", "--out", "orders.csv")
    result = run(*options, "--order-file", "order_type=limit", "--order-file", "account=U123")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "written: orders-1-sells.csv" in result.stderr
    assert "written: orders-2-buys.csv" in result.stderr
    lines = (folder / "orders-1-sells.csv").read_text().splitlines()
    assert lines[1].startswith("SELL,30,CCC,STK,SMART,USD,DAY,LMT,51.2,tt-")
    assert lines[1].endswith(",U123")
    assert not (folder / "orders.csv").exists()
    refused = run(*options, "--order-file", "order_type=market")
    assert refused.exit_code == 3
    assert "orders-1-sells.csv: holds orders of another plan" in refused.stderr


@pytest.mark.usefixtures("folder")
def test_formats_of_order_files(folder: Path) -> None:
    assert run(*GIVEN, "--out", "o.jsonl", "--order-file", "by_amount=true").exit_code == 0
    assert json.loads((folder / "o-2-buys.jsonl").read_text().splitlines()[0])["notional"] == "2357.5"
    text = run(*GIVEN, "--format", "text").stdout
    assert text.startswith("1. Sell\nSell 30 CCC at about 51.2 [tt-")
    assert run(*GIVEN, "--format", "text", "--out", "o.txt").exit_code == 0
    assert (folder / "o.txt").read_text() == text
    assert run(*GIVEN, "--format", "fix", "--out", "fix.csv").exit_code == 0
    assert (folder / "fix-1-sells.csv").exists()
    assert "14.86 shares are not a multiple of 1" in run(*GIVEN, "--format", "ibkr", "--out", "i.csv").stderr
    assert "--format ibkr writes a file for each phase" in run(*GIVEN, "--format", "ibkr").stderr
    assert "o.txt is not called like the format ibkr" in run(*GIVEN, "--format", "ibkr", "--out", "o.txt").stderr
    assert "--order-file goes with a broker's format" in run(*GIVEN, "--out", "o.csv", "--order-file", "a=1").stderr
    wrong = run(*GIVEN, "--format", "fix", "--out", "f.csv", "--order-file", "limit")
    assert "--order-file 'limit' is not a setting" in wrong.stderr


def test_nothing_to_order(folder: Path) -> None:
    (folder / "c.csv").write_text("asset,score,shares,price\nA,0.9,20,10\n")
    result = run("plan", "c.csv", "--cash", "800", "--format", "ibkr", "--out", "o.csv")
    assert (result.exit_code, "no orders: nothing to write" in result.stderr) == (0, True)


def test_the_order_files_of_a_stored_plan(folder: Path) -> None:
    stored = run(*GIVEN, "--store", "runs.db", "--format", "json")
    (name,) = re.findall(r"stored as run (\S+) in", stored.stderr)
    again = ("--store", "runs.db")
    wrong = run("apply", name, *again, "--to", "o.csv", "--format", "ibkr")
    assert "14.86 shares are not a multiple of 1" in wrong.stderr
    result = run("apply", name, *again, "--to", "o.csv", "--format", "ibkr", "--order-file", "share_step=0.01")
    assert result.exit_code == 0, result.stderr
    assert re.findall(r"written: (\S+) \((\d) orders\)", result.stderr) == [
        ("o-1-sells.csv", "2"),
        ("o-2-buys.csv", "3"),
    ]
    (folder / "o-1-sells.csv").unlink()
    assert "nothing new is written" in run("apply", name, *again, "--to", "o.txt").stderr
    assert not (folder / "o.txt").exists()


def test_a_stored_plan_as_text_and_one_without_orders(folder: Path) -> None:
    again = ("--store", "runs.db")
    (name,) = re.findall(r"stored as run (\S+) in", run(*GIVEN, *again, "--format", "json").stderr)
    assert run("apply", name, *again, "--to", "o.txt").exit_code == 0
    assert (folder / "o.txt").read_text().startswith("1. Sell\nSell 30 CCC at about 51.2 [tt-")
    (folder / "c.csv").write_text("asset,score,shares,price\nA,0.9,20,10\n")
    (name,) = re.findall(r"stored as run (\S+) in", run("plan", "c.csv", "--cash", "800", *again).stderr)
    result = run("apply", name, *again, "--to", "n.jsonl")
    assert "no orders: nothing to write" in result.stderr


def test_latest_prices_beside_a_file_of_a_broker(tmp_path: Path) -> None:
    files = {
        "scores.csv": "asset,score\nAAPL,0.9\n",
        "holdings.csv": "Symbol,Quantity,Price,Value,Currency\nAAPL,10,90,900,USD\nCASH,,,50,USD\n",
        "prices.csv": "asset,price\nAAPL,100\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    options = ("--scores", "scores.csv", "--holdings", "holdings.csv", "--latest-prices", "prices.csv")
    paths = [tmp_path / option if option in files else option for option in options]
    outcome = run("plan", *paths, "--no-store", "--format", "json")
    assert [order["price"] for order in json.loads(outcome.stdout)["held_orders"]] == ["100"]

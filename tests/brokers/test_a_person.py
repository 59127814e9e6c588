"""A person: one command from the broker's file to the trade list, no edits; everything unknown is asked for in one list."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from command_line import run

from trimtab.brokers import read

FILES = Path(__file__).parent / "files" / "valid"
MOST_SECONDS = 60
# file, the account, and the options that add facts that the file lacks
SOURCES = {
    "schwab_2020_all_accounts.CSV": ("XXXX-4417", ()),
    "fidelity_2026_Portfolio_Positions.csv": ("Health Savings Account", ()),
    "vanguard_OfxDownload.csv": ("10000982", ()),
    "etrade_PortfolioDownload.csv": (None, ()),
    "merrill_Holdings.csv": ("99X-00417", ()),
    "ibkr_flex_summary.xml": (None, ()),
    "ibkr_activity_en.csv": (None, ()),
    "degiro_portfolio_nl.csv": (None, ()),
    "robinhood_activity.csv": (None, ("prices",)),
    "trading212_history.csv": (None, ("prices", "fx", "cash")),
}


def options(name: str, folder: Path) -> list[object]:
    """The options of one command: the file, scores for some of its assets, and the facts that it lacks."""
    account, lacks = SOURCES[name]
    positions = read(FILES / name)
    labels = list(dict.fromkeys(each.label for each in positions.positions if each.is_tradable))
    scores = folder / "mine.csv"
    rows = [f'"{label}",{0.9 if place % 2 else 0.1}' for place, label in enumerate(labels)]
    scores.write_text("\n".join(["asset,score", *rows]) + "\n", "utf-8")
    arguments: list[object] = ["plan", "--holdings", FILES / name, "--scores", scores, "--no-store"]
    for setting in ("max_position_weight=1", "gates.max_order_share=1", "gates.max_account_turnover=1"):
        arguments += ["--set", setting]
    arguments += [] if account is None else ["--account", account]
    if "prices" in lacks:
        prices = folder / "prices.csv"
        assets = dict.fromkeys(each.label for each in positions.positions)
        prices.write_text("".join(["asset,price\n", *(f'"{label}",100\n' for label in assets)]), "utf-8")
        arguments += ["--latest-prices", prices]
    if "fx" in lacks:
        rates = folder / "rates.csv"
        rates.write_text("asset,fx\nEUR,1\nUSD,0.9\nGBP,1.2\n", "utf-8")
        arguments += ["--fx", rates]
    return arguments + (["--cash", "500"] if "cash" in lacks else [])


@pytest.mark.parametrize("name", SOURCES)
def test_from_the_file_to_the_trade_list(name: str, tmp_path: Path) -> None:
    arguments = options(name, tmp_path)
    start = time.perf_counter()
    done = run(*arguments, "--format", "json")
    taken = time.perf_counter() - start
    assert done.exit_code == 0, done.stderr
    plan = json.loads(done.stdout)
    assert plan["orders"]
    assert not {order["asset"] for order in plan["orders"]} & {"SWVXX", "VMFXX", "AAPL 12/17/2021 200.00 P"}
    assert taken < MOST_SECONDS or "compiling" in done.stderr  # once for each machine


def test_everything_unknown_in_one_list(tmp_path: Path) -> None:
    arguments = options("trading212_history.csv", tmp_path)
    done = run(*arguments[: arguments.index("--latest-prices")])
    assert done.exit_code == 3
    text = " ".join(done.stderr.split())
    for words in ("rate for USD", "rate for GBP", "price for 5 assets: AAPL, VUSA, MSFT, VWCE, ASML", "--cash AMOUNT"):
        assert words in text


def test_weights_from_the_file(tmp_path: Path) -> None:
    name = "schwab_2020_all_accounts.CSV"
    arguments = options(name, tmp_path)[1:5]
    for command in ("rebalance", "check", "explain"):
        rest = ["VTI"] if command == "explain" else []
        done = run(command, *arguments, "--account", "Brokerage", *rest)
        assert done.exit_code == 0, done.stderr
    done = run("rebalance", *arguments, "--account", "XXXX-4417", "--format", "csv")
    assert "VTI" in done.stdout
    done = run("rebalance", *arguments)
    assert done.exit_code == 3
    assert "XXXX-4417, XXXX-9031" in " ".join(done.stderr.split())
    done = run("rebalance", *arguments, "--account", "XXXX-4418")
    assert "did you mean" in done.stderr


def test_import_command(tmp_path: Path) -> None:
    file, out = FILES / "generic_sheet.csv", tmp_path / "positions.csv"
    done = run("import", file, "--out", out)
    assert "equal to the file's total" in " ".join(done.stderr.split())
    assert [(p.symbol, p.quantity, p.value) for p in read(out).positions] == [
        (p.symbol, p.quantity, p.value) for p in read(file).positions
    ]
    assert "Market Value" in run("import", file, "--explain").stdout
    assert json.loads(run("import", file, "--json").stdout)["layout"] == "spreadsheet"
    assert "cash" in run("import", file).stdout
    assert run("import", file, "--out", tmp_path / "x.json").exit_code == 2
    unknown = tmp_path / "x.csv"
    unknown.write_text("a,b\n1,2\n")
    done = run("import", unknown)
    assert done.exit_code == 3
    assert "layouts: schwab" in " ".join(done.stderr.split())
    pending = run("import", FILES / "fidelity_2026_Portfolio_Positions.csv")
    assert "pending" in pending.stdout

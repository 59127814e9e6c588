"""Broker files as `--holdings`: amounts, buckets, workbooks and files that are not a broker's. All data is invented."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import run

from trimtab.brokers import read
from trimtab.errors import InputError
from trimtab.orders.broker_candidates import is_broker_file

FILES = Path(__file__).parent / "files" / "valid"


def written(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_text(text, "utf-8")
    return file


def test_which_files_are_a_brokers(tmp_path: Path) -> None:
    assert is_broker_file(FILES / "vanguard_OfxDownload.csv")
    assert is_broker_file(FILES / "ibkr_flex_summary.xml")
    assert not is_broker_file(Path("-"))
    assert not is_broker_file(written(tmp_path, "h.parquet", "x"))
    assert not is_broker_file(written(tmp_path, "empty.csv", " \n"))
    assert not is_broker_file(written(tmp_path, "own.csv", "ticker,shares\nVTI,1\n"))
    assert not is_broker_file(written(tmp_path, "weights.csv", "asset,weight\nVTI,1\n"))


def test_a_workbook_as_holdings(tmp_path: Path) -> None:
    xlsxwriter = pytest.importorskip("xlsxwriter")
    file = tmp_path / "mine.xlsx"
    with xlsxwriter.Workbook(file) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["Ticker", "Shares", "Price", "Value", "Currency"])
        sheet.write_row(1, 0, ["VTI", 2, 10, 20, "USD"])
        sheet.write_row(2, 0, ["Cash", "", "", 5, "USD"])
    scores = written(tmp_path, "s.csv", "asset,score\nVTI,0.9\n")
    done = run("rebalance", "--scores", scores, "--holdings", file, "--format", "csv")
    assert done.exit_code == 0, done.stderr
    assert "0.8" in done.stdout


@pytest.mark.parametrize("cash", ["much", "nan"])
def test_cash_that_is_not_an_amount(tmp_path: Path, cash: str) -> None:
    scores = written(tmp_path, "s.csv", "asset,score\nVTI,0.9\n")
    done = run(
        "plan", "--scores", scores, "--holdings", FILES / "etrade_PortfolioDownload.csv", "--cash", cash, "--no-store"
    )
    assert done.exit_code == 3
    assert "not an amount" in " ".join(done.stderr.split())


def test_prices_without_their_column_and_candidates_in_other_currencies(tmp_path: Path) -> None:
    scores = written(tmp_path, "s.csv", "asset,score,price,currency\nVTI,0.9,10,USD\nSAP,0.8,100,EUR\n")
    file = FILES / "etrade_PortfolioDownload.csv"
    bad = written(tmp_path, "p.csv", "asset,cost\nVTI,10\n")
    done = run("plan", "--scores", scores, "--holdings", file, "--latest-prices", bad, "--no-store")
    assert "the column is missing" in " ".join(done.stderr.split())
    done = run("plan", "--scores", scores, "--holdings", file, "--no-store")
    assert "no rate for EUR" in " ".join(done.stderr.split())
    done = run("plan", "--scores", scores, "--holdings", file, "--positions", bad, "--no-store")
    assert done.exit_code == 2


def test_buckets_of_an_import(tmp_path: Path) -> None:
    todo, out = tmp_path / "todo.csv", tmp_path / "out.csv"
    done = run("import", FILES / "generic_sheet.csv", "--classify", todo, "--out", out)
    assert done.exit_code == 0, done.stderr
    assert "bucket" in out.read_text("utf-8").splitlines()[0]


def test_percents_that_do_not_fit(tmp_path: Path) -> None:
    text = (FILES / "schwab_2026_custom_view.csv").read_text("utf-8")
    rows = [line for line in text.splitlines() if not line.startswith(('"Positions Total"', '"SCHP"'))]
    with pytest.raises(InputError) as caught:
        read(written(tmp_path, "x.csv", "\n".join(rows) + "\n"))
    sentences = " ".join(fault.sentence() for fault in caught.value.faults)
    assert "percents, which add up to" in sentences
    assert "no row with its total" in sentences


def test_a_row_of_cash_twice(tmp_path: Path) -> None:
    text = (FILES / "degiro_portfolio_nl.csv").read_text("utf-8").splitlines()
    with pytest.raises(InputError, match="twice"):
        read(written(tmp_path, "x.csv", "\n".join([text[0], text[1], *text[1:]]) + "\n"))


def test_an_etrade_file_without_its_summary(tmp_path: Path) -> None:
    text = (FILES / "etrade_PortfolioDownload.csv").read_text("utf-8")
    start = text.index("Symbol,Last Price")
    got = read(written(tmp_path, "x.csv", text[start:]))
    assert [account.account for account in got.accounts] == [None]
    assert got.positions[0].cost_currency == "USD"

"""Small cases of single readers: what an unusual row, name or day decides. All data is invented."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from trimtab.brokers import Position, Positions, read
from trimtab.brokers.holdings import Given, held
from trimtab.brokers.positions import Account
from trimtab.errors import InputError

FILES = Path(__file__).parent / "files" / "valid"
STATEMENT = "fidelity_Statement6302026.csv"
ACTIVITY = "ibkr_activity_en.csv"


def written(folder: Path, text: str, name: str = "x.csv") -> Path:
    file = folder / name
    file.write_text(text, "utf-8")
    return file


def changed(folder: Path, name: str, *pairs: tuple[str, str]) -> Path:
    text = (FILES / name).read_text("utf-8")
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new, 1)
    return written(folder, text, name)


def refusal(file: Path, layout: str | None = None) -> str:
    with pytest.raises(InputError) as caught:
        read(file, layout)
    return "\n".join(fault.sentence() for fault in caught.value.faults)


def asset(quantity: str, **known: Decimal | str | None) -> Position:
    facts: dict[str, Decimal | str | None] = {"price": None, "value": None, "currency": None, **known}
    return Position(
        account="A",
        symbol="VTI",
        name=None,
        kind="stock",
        ids={},
        quantity=Decimal(quantity),
        price_per=Decimal(1),
        multiplier=Decimal(1),
        cost=None,
        **facts,  # type: ignore[arg-type]
    )


def in_file(account: Account, *positions: Position) -> Positions:
    return Positions("x.csv", "spreadsheet", "Spreadsheet", None, (account,), positions)


def test_arithmetic_tells_points_from_commas(tmp_path: Path) -> None:
    head = "Ticker;Shares;Price;Value;Currency\n"
    assert read(written(tmp_path, f"{head}VTI;2;1.500;3000;USD\n")).positions[0].price == 1500
    assert read(written(tmp_path, f"{head}VTI;2;1,500;3000;USD\n")).positions[0].price == 1500
    assert "decimal points or decimal commas" in refusal(written(tmp_path, f"{head}VTI;2;1.500;3.000;USD\n"))


def test_day_of_an_export_that_may_be_two(tmp_path: Path) -> None:
    file = changed(tmp_path, "ghostfolio_export.json", ("2026-07-01T08:00:00.000Z", "05/06/2026"))
    assert "two days" in refusal(file)


def test_export_with_an_account_that_is_none(tmp_path: Path) -> None:
    file = changed(tmp_path, "ghostfolio_export.json", ('"accounts": [', '"accounts": [null,'))
    whole = read(FILES / "ghostfolio_export.json")
    assert (read(file).accounts, read(file).positions) == (whole.accounts, whole.positions)


def test_accounts_below_one_name_are_added_up() -> None:
    positions = read(FILES / "beancount_query.csv")
    rates = {"EUR": Decimal("1.2"), "USD": Decimal(1)}
    everything = held(positions, "Assets", Given(rates=rates))
    assert everything.account == "Assets"
    assert everything.cash == Decimal("13307.00") + Decimal("2876.50") + Decimal("1.2") * Decimal("5100.00")
    american = held(positions, "Assets:US", Given())
    assert (american.currency, american.cash) == ("USD", Decimal("16183.50"))


def test_no_rate_comes_from_cash_of_zero() -> None:
    cash = {"USD": Decimal(5), "EUR": Decimal(0)}
    account = Account("A", base_currency="USD", cash=cash, cash_base=cash)
    with pytest.raises(InputError, match="no rate for EUR"):
        held(in_file(account), None, Given())


def test_a_value_in_base_currency_alone_gives_the_price() -> None:
    account = Account("A", base_currency="USD", cash={"USD": Decimal(0)})
    worth = asset("4", value_base=Decimal(100), base_currency="USD", currency="EUR")
    row = held(in_file(account, worth), None, Given(rates={"EUR": Decimal(2)})).rows[0]
    assert (row.price, row.rate, row.value) == (Decimal(25), Decimal(1), Decimal(100))


def test_query_without_a_row(tmp_path: Path) -> None:
    assert "has no rows" in refusal(written(tmp_path, ",,\n"), "beancount")


def test_statement_with_a_short_summary(tmp_path: Path) -> None:
    file = changed(
        tmp_path, STATEMENT, (",50000.00,4953.13,54953.13,,54953.13,118.20,640.11,0.92,5.70,119.12,645.81", ",1")
    )
    assert "in the summary is too short" in refusal(file)


def test_statement_that_ends_in_its_summary(tmp_path: Path) -> None:
    lines = (FILES / STATEMENT).read_text("utf-8").split("\n")
    table = [line for line in lines[2:] if line.strip()]
    moved = read(written(tmp_path, "\n".join([*table, *lines[:2]]) + "\n", STATEMENT))
    whole = read(FILES / STATEMENT)
    assert (moved.summary(), moved.accounts[0].cash) == (whole.summary(), whole.accounts[0].cash)


def test_instruments_below_a_header_without_conid(tmp_path: Path) -> None:
    more = "Financial Instrument Information,Header,Asset Category,Symbol,Description\nFinancial Instrument Information,Data,Stocks,VT,Again\n"
    file = changed(tmp_path, ACTIVITY, ("Codes,Header", f"{more}Codes,Header"))
    assert read(file).positions == read(FILES / ACTIVITY).positions


def test_json_gives_days_as_text() -> None:
    positions = read(FILES / STATEMENT)
    assert positions.as_of == dt.date(2026, 6, 30)
    assert json.loads(positions.to_json())["as_of"] == "2026-06-30"


def test_positions_in_two_sections(tmp_path: Path) -> None:
    header = "Header,DataDiscriminator,Asset Category,Currency,Symbol,Quantity,Mult,Cost Price,Cost Basis,Close Price,Value,Unrealized P/L,Code"
    options = "Open Positions,Data,Summary,Equity and Index Options"
    file = changed(
        tmp_path,
        ACTIVITY,
        (options, f"Open Options,{header}\nOpen Options,Data,Summary,Equity and Index Options"),
        ("Open Positions,Total,,Equity and Index Options", "Open Options,Total,,Equity and Index Options"),
    )
    parted, whole = read(file), read(FILES / ACTIVITY)
    assert parted.summary() == whole.summary()
    assert parted.columns == whole.columns


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("Stock,40120.75,52889.63926166", "Stock,40120.75,x", "Stock of Net Asset Value: one of its five amounts"),
        ("Stock,40120.75,52889.63926166", "Stock,40120.75,52899.63926166", "51,629.04, but its total is 51,619.04"),
        ("Stock,40120.75,", "Stock,40130.75,", "its totals differ by 11,488.29, but its change is 11,498.29"),
        (",11498.28926166", "", "Stock of Net Asset Value: one of its five amounts is not a number"),
        ("Net Asset Value,Data,Options,0,1235,0,1235,1235\n", "", "53,531.08, but its last row, 'Total', is 54,766.08"),
        ("Current Total,Change\n", "Current Total\n", "has not the columns Prior Total, Current Long"),
    ],
)
def test_a_net_asset_value_that_does_not_add_up_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    text = refusal(changed(tmp_path, ACTIVITY, (old, new)))
    assert said in text
    assert "download the statement again" in text


def test_a_net_asset_value_under_an_unknown_name_is_found_by_its_sums(tmp_path: Path) -> None:
    file = (FILES / ACTIVITY).read_text("utf-8").replace("Net Asset Value,", "Neto,")
    assert read(written(tmp_path, file)).total == read(FILES / ACTIVITY).total
    assert "Neto: long and short" in refusal(
        written(tmp_path, file.replace("Stock,40120.75,5288", "Stock,40120.75,5289"))
    )


def test_cash_without_an_amount_is_refused(tmp_path: Path) -> None:
    file = written(tmp_path, "Ticker,Shares,Price,Value,Currency\nVTI,2,10.5,21,USD\nCash,,,,USD\n")
    assert "Cash has no amount" in refusal(file)


def test_companion_with_too_few_columns(tmp_path: Path) -> None:
    companion = written(tmp_path, "Account #,Cash Balance ($),Net Value ($)\n99X-00417,1312.00,5000.00\n")
    with pytest.raises(InputError, match="has no table of Merrill account summary"):
        read([FILES / "merrill_Holdings.csv", companion])


def test_a_column_of_sides_must_fit_the_signs(tmp_path: Path) -> None:
    text = "Symbol,Long/Short,Shares,Price\nVTI,Short,10,300\nBND,L,5,100\n"
    assert "VTI: the side is short, but the quantity is 10" in refusal(written(tmp_path, text))
    quantities = [each.quantity for each in read(written(tmp_path, text.replace(",10,", ",-10,"))).positions]
    assert quantities == [-10, 5]


@pytest.mark.parametrize(
    ("header", "rest", "expected"),
    [
        ("Price (EUR),Value (EUR)", "100,1000", (Decimal(100), Decimal(1000), "EUR")),
        ("Price EUR,Value in EUR", "100,1000", (Decimal(100), Decimal(1000), "EUR")),
        ("Price (USD),Value (EUR)", "100,1000", (None, None, None)),  # two currencies, so neither is taken
        ("Price (USD),Price", "99,100", (Decimal(100), None, None)),
        ("Price (USD),Currency", "99,EUR", (None, None, "EUR")),
    ],
)
def test_a_currency_in_the_names_of_columns(tmp_path: Path, header: str, rest: str, expected: tuple[object]) -> None:
    position = read(written(tmp_path, f"Symbol,Shares,{header}\nSAP,10,{rest}\n")).positions[0]
    assert (position.price, position.value, position.currency) == expected


def test_a_currency_at_the_price_of_one_is_cash(tmp_path: Path) -> None:
    file = written(
        tmp_path, "Symbol,Shares,Price,Value,Currency\nVTI,10,300,3000,USD\nEUR,500,1.00,500,EUR\nUSD,7,1,7,\n"
    )
    positions = read(file)
    assert [each.symbol for each in positions.positions] == ["VTI"]
    assert positions.accounts[0].cash == {"EUR": 500, "USD": 7}


def test_cash_without_its_sign_is_cash_in_wealthfolio(tmp_path: Path) -> None:
    file = changed(tmp_path, "wealthfolio_holdings.csv", ("$CASH,1875,,CAD", "CASH,1875,,CAD"))
    assert read(file) == replace(read(FILES / "wealthfolio_holdings.csv"), source=str(file))

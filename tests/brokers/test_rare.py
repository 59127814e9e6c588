"""Rare rows and rare damage: each is refused with a sentence, or read with a note. All data is invented."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from trimtab.brokers import Position, read
from trimtab.brokers.amounts import COMMA, EXACT, NotANumberError, NumberStyle, style_of
from trimtab.brokers.dates import date_in
from trimtab.brokers.holdings import Given, held
from trimtab.brokers.identifiers import identifier_in, is_cusip
from trimtab.errors import InputError

FILES = Path(__file__).parent / "files" / "valid"
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(text: str | bytes, name: str = "x.csv") -> Path:
        file = tmp_path / name
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    return written


def refusal(file: Path, layout: str | None = None) -> str:
    with pytest.raises(InputError) as caught:
        read(file, layout)
    return "\n".join(fault.sentence() for fault in caught.value.faults)


def changed(name: str, *pairs: tuple[str, str]) -> bytes:
    text = (FILES / name).read_bytes().decode("utf-8")
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text.encode()


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("ibkr_flex_summary_and_lots.xml", 'position="150"', 'position="x"', "a lot of VT"),
        ("ibkr_flex_summary_and_lots.xml", 'position="150"', 'position=""', "no quantity"),
        ("ibkr_flex_summary_and_lots.xml", 'conid="52197301"', 'conid="52197302"', "no row with the sum"),
        ("ibkr_flex_summary.xml", 'endingCash="310.08"', 'endingCash=""', "no number"),
        ("ibkr_flex_summary.xml", 'endingCash="310.08"', 'endingCash="x"', "not a number"),
        ("fidelity_Statement6302026.csv", "QPIFQ,FDIC", "QPIFQX,FDIC", ""),
        (
            "fidelity_Statement6302026.csv",
            "Subtotal of Stocks,,,,,54547.88",
            "Subtotal of Stocks,,,,,x",
            "not a number",
        ),
        ("degiro_portfolio_nl.csv", '"211,70","211,70"', '"211,70","212,70"', "in one currency, but differ"),
        ("degiro_portfolio_nl.csv", '45,"34,12"', '44,"34,13"', "34,13"),
        (
            "fidelity_2026_Portfolio_Positions.csv",
            "IBIT,ISHARES BITCOIN TRUST ETF,40.5,$62.10",
            "IBIT,ISHARES BITCOIN TRUST ETF,40.5,$62.1001",
            "two prices",
        ),
        (
            "etrade_PortfolioDownload.csv",
            "VTI,335.20,0.00,0.00,140.5000,205.1150",
            "VTI,140.50,0.00,0.00,335.2000,205.1150",
            "gain",
        ),
        ("schwab_2026_custom_view.csv", '"$546.4808"', '"$540.4808"', "13 units"),
        ("schwab_2025_single.csv", '"$91,280.89"', '"$91,281.89"', ""),
        ("schwab_2026_custom_view.csv", '"$80,213.12"', '"$80,214.12"', "costs"),
        ("trading212_history.csv", "EOF0000002", "EOF0000001", "twice"),
        (
            "robinhood_activity.csv",
            '"6/15/2026","6/15/2026","6/15/2026"',
            '"6/35/2026","6/15/2026","6/15/2026"',
            "no day",
        ),
        ("merrill_Holdings.csv", '"1,312","1.00","1,312.00"', '"1,311","1.00","1,312.00"', "1,312.00"),
        (
            "ibkr_activity_en.csv",
            "Data,Stocks,VT,EXAMPLE NAME OF VT,40015973,US9220427424",
            "Data,Stocks,VT,EXAMPLE NAME OF VT,40015973,US9220427425",
            "wrong check digit: US9220427424 would be right",
        ),
        (
            "ibkr_activity_en.csv",
            "Cash ,1544.08,1907.67410022995,0,1907.67410022995,363.59410022995",
            "Cash ,1544.08,1957.67410022995,0,1957.67410022995,413.59410022995",
            "the classes of Net Asset Value add up to 54,816.08",
        ),
        ("ibkr_activity_en.csv", "Mult,Cost Price,Cost Basis", "Mult,Cost Price,Cost Price", "two columns"),
        ("schwab_2025_single.csv", "91282CRA1", "91582CRA1", "the check digit of this CUSIP is wrong"),
        ("ibkr_activity_en.csv", "Ending Cash,USD,1877.62", "Ending Cash,USD,1877.72", "adds up to 1,907.77"),
        ("ibkr_activity_en.csv", "Ending Cash,CAD,41.17", "Ending Cash,CAD,4117.0", "adds up to 4,883.03"),
        ("ibkr_activity_en.csv", "SPY 18DEC26 600 P,1,100,", "SPY 18DEC26 600 P,100,1,", "swapped"),
        (
            "ibkr_activity_en.csv",
            "Ending Cash,Base Currency Summary,1907",
            "Ending Cash,Base Currency Summary,1908",
            "cash report",
        ),
        (
            "ibkr_activity_en.csv",
            "Interest Accruals,4.1,4.37,0,4.37,0.27",
            "Interest Received,4.1,4.37,0,4.37,0.27",
            "accruals",
        ),
        ("ibkr_activity_en.csv", "Codes,Data,O,Opening Trade", "Codes,Data,O", ""),
        ("ibkr_activity_en.csv", "40015973", "4001x973", "does not fit"),
    ],
)
def test_changed(write: Write, name: str, old: str, new: str, said: str) -> None:
    file = write(changed(name, (old, new)), name)
    if said:
        assert said in refusal(file)
    else:
        assert len(read(file).positions) == len(read(FILES / name).positions)


def test_a_statement_that_ends_in_a_short_row(write: Write) -> None:
    data = changed("ibkr_activity_en.csv")
    assert "ends early" in refusal(write(data[: data.index(b",Opening Trade")]))


def test_a_statement_without_a_net_asset_value(write: Write) -> None:
    name = "ibkr_activity_en.csv"
    lines = (FILES / name).read_text("utf-8").splitlines(keepends=True)
    file = write("".join(line for line in lines if not line.startswith("Net Asset Value,")).encode(), name)
    positions, whole = read(file).positions, read(FILES / name).positions
    assert [(each.symbol, each.quantity, each.value) for each in positions] == [
        (each.symbol, each.quantity, each.value) for each in whole
    ]


def test_flex_of_two_base_currencies(write: Write) -> None:
    text = (FILES / "ibkr_flex_summary.xml").read_text("utf-8")
    start, end = text.index("<FlexStatement "), text.index("</FlexStatements>")
    first = text[start:end]
    other = first.replace('currency="CHF" name', 'currency="EUR" name').replace("U0000417", "U0000418")
    both = text[:start].replace('count="1"', 'count="2"') + first + other + text[end:]
    assert "each base currency" in refusal(write(both, "x.xml"))
    rates = '<ConversionRates><ConversionRate fromCurrency="JPY" toCurrency="CHF" rate="0.006"/></ConversionRates>'
    got = read(write(text.replace("<CashReport>", f"{rates}<CashReport>"), "x.xml"))
    assert got.accounts[0].base_currency == "CHF"


def test_columns_of_one_field(write: Write) -> None:
    head = "Account Number,Account Name,Symbol,Description,Quantity,Last Price,Current Value,Price\n"
    got = read(write(f"{head}Z1,Mine,VTI,X,2,$10.00,$20.00,$99.00\n"))
    assert got.positions[0].price == Decimal("10.00")
    head = "Account Number,Account Name,Symbol,Description,Quantity,Price,Last Price,Current Value\n"
    got = read(write(f"{head}Z1,Mine,VTI,X,2,$99.00,$10.00,$20.00\n"))
    assert got.positions[0].price == Decimal("10.00")


def test_sheets(write: Write) -> None:
    bond = "Ticker,Shares,Price,Value,Security Type\nDBR 2.6 08/15/33,1000,99.5%,995,Bond\n"
    assert read(write(bond)).positions[0].price == Decimal("99.5")
    assert "may be a number" in refusal(write('Ticker,Shares,Price,Value\nVTI,"1,234",,\nVXUS,1.5,2.5,3.75\n'))
    total = "Ticker,Shares,Price,Value,Currency\nVTI,2,10,20,USD\nSAP,2,10,20,EUR\nTotal,,,40,\n"
    assert "several currencies" in " ".join(read(write(total)).notes)
    assert "not compared" in read(write(total)).summary()
    unvalued = "Ticker,Shares,Price,Value,Currency\nVTI,2,10,20,USD\nVXUS,2,,,USD\nTotal,,,40,USD\n"
    assert "cannot be compared" in refusal(write(unvalued))
    assert "more than 500 columns" in refusal(write(",".join(["a"] * 501) + "\n"))
    assert "neither UTF-8 nor" in refusal(write(b"Ticker,Shares\nVTI\x81,2\n"))
    same = read(write("Ticker,Shares,Price,Value\nVTI,2,10,20\n"))
    assert same.positions[0].quantity == 2
    assert "2 x 10 is 20.00" in refusal(write("Ticker,Shares,Price,Value\nVTI,2,10,21\n"))
    assert "no activities" in refusal(
        write("Activity Date,Process Date,Settle Date,Instrument,Description,Trans Code,Quantity,Price,Amount\n")
    )
    assert "no known layout" in refusal(write("a,b\n1,2\n"), "schwab")


def test_workbook_in_no_layout(tmp_path: Path) -> None:
    xlsxwriter = pytest.importorskip("xlsxwriter")
    file = tmp_path / "x.xlsx"
    with xlsxwriter.Workbook(file) as book:
        book.add_worksheet().write_row(0, 0, ["a", "b", 1])
    assert "no known layout" in refusal(file)


def test_numbers_dates_and_identifiers() -> None:
    with pytest.raises(NotANumberError):
        NumberStyle(COMMA, is_proven=True, groups=False).read("1 234.5")
    assert style_of(["1.234.567", "1,2,3"]).mark == COMMA
    assert EXACT.read("1.5E-3") == (Decimal("0.0015"), None, False, False)
    assert date_in("99/99/2026", "mdy") is None
    assert date_in("2026-13-45") is None
    assert identifier_in("cusip", "990000017") is None
    assert identifier_in("sedol", "0263494") == "0263494"
    assert not is_cusip("91282CRA2")


def test_holdings_of_beancount_accounts() -> None:
    positions = read(FILES / "beancount_query.csv")
    got = held(positions, "Assets:US:Broker", Given())
    assert (len(got.rows), got.cash, got.currency) == (2, Decimal("13307.00"), "USD")
    depot = held(positions, "Assets:EU:Depot", Given())
    assert [row.price for row in depot.rows] == [Decimal("141.26")]


def test_holdings_in_several_currencies(tmp_path: Path) -> None:
    sheet = read(FILES / "generic_sheet_de.csv")
    with pytest.raises(InputError, match="no rate for USD"):
        held(sheet, "Depot A", Given(rates={"EUR": Decimal(1)}))
    got = held(sheet, "Depot A", Given(rates={"EUR": Decimal(1), "USD": Decimal("0.9")}))
    assert got.rows[2].value == Decimal("2499.12")
    pounds = read(FILES / "ghostfolio_export.json")
    added = Given(prices={"VUSA.L": Decimal(8000)}, rates={"GBP": Decimal("1.2"), "EUR": Decimal(1)})
    with pytest.raises(InputError, match="no price for 1 asset"):
        held(pounds, "Depot", added)
    portfolio = held(read(FILES / "pp_vermoegensaufstellung_de.csv"), None, Given())
    assert sum(row.value for row in portfolio.rows) + portfolio.cash == Decimal("203286.17")
    empty = tmp_path / "x.csv"
    empty.write_text("Ticker,Shares,Price,Value,Currency\nVTI,1,10,10,USD\nCash,,,-10,USD\n")
    with pytest.raises(InputError, match="worth 0"):
        held(read(empty), None, Given()).in_weights()


def test_names_in_sentences() -> None:
    nameless = Position(None, None, None, "other", {}, Decimal(1), None, Decimal(1), Decimal(1), None, None, None)
    assert nameless.label == "a position without a name"
    assert nameless.unit_price is None


def test_day_of_a_file_that_may_be_two(write: Write) -> None:
    layout = write('[columns]\nquantity = "Stück"\nsymbol = "Papier"\nas_of = "Tag"\n', "mine.toml")
    assert "two days" in refusal(write("Papier;Stück;Tag\nX;1;05/06/2026\n"), str(layout))
    history = write(
        '[columns]\nquantity="Stück"\nsymbol="Papier"\nas_of="Tag"\naction="Art"\n[activities]\nK="buy"\n', "own.toml"
    )
    assert "two days" in refusal(write("Papier;Stück;Tag;Art\nX;1;05/06/2026;K\n"), str(history))
    assert read(write("Papier;Stück;Tag;Art\nX;1;05.06.2026;K\n"), str(history)).as_of == dt.date(2026, 6, 5)

"""Files in other languages and forms of the same sources, companions, and layouts of one's own. All data is invented."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from trimtab.brokers import Positions, read
from trimtab.errors import InputError

FILES = Path(__file__).parent / "files" / "valid"
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(text: str, name: str = "x.csv", encoding: str = "utf-8") -> Path:
        file = tmp_path / name
        file.write_text(text, encoding)
        return file

    return written


def held(positions: Positions) -> dict[str, tuple[str, str | None, str | None]]:
    """Quantity, value and currency of each position."""
    return {
        each.label: (str(each.quantity), None if each.value is None else str(each.value), each.currency)
        for each in positions.positions
    }


def refusal(file: Path, *rest: Path, layout: str | None = None) -> str:
    with pytest.raises(InputError) as caught:
        read([file, *rest], layout)
    return "\n".join(fault.sentence() for fault in caught.value.faults)


GERMAN = """\
Statement,Header,Feldname,Feldwert
Statement,Data,BrokerName,Interactive Brokers Ireland Limited
Statement,Data,Period,"Juni 1, 2026 - Juni 30, 2026"
Kontoinformation,Header,Feldname,Feldwert
Kontoinformation,Data,Name,Beispiel Person
Kontoinformation,Data,Konto,U0000417
Kontoinformation,Data,Basiswährung,EUR
Nettovermögenswert,Header,Anlageklasse,Vorheriger Gesamtwert,Aktuell Long,Aktuell Short,Aktuell gesamt,Veränderung
Nettovermögenswert,Data,Barvermögen,0,500.50,0,500.50,500.50
Nettovermögenswert,Data,Aktien,0,10400,-450,9950,9950
Nettovermögenswert,Data,Zinsabgrenzungen,0,1.25,0,1.25,1.25
Nettovermögenswert,Data,Gesamt,0,10901.75,-450,10451.75,10451.75
Cash-Bericht,Header,Währungsübersicht,Währung,Gesamt,Wertpapiere,Futures
Cash-Bericht,Data,Anfangssaldo,Basiswährungsübersicht,0,0,0
Cash-Bericht,Data,Endsaldo,Basiswährungsübersicht,500.50,500.50,0
Cash-Bericht,Data,Abgerechneter Endsaldo,Basiswährungsübersicht,400,400,0
Cash-Bericht,Data,Anfangssaldo,EUR,0,0,0
Cash-Bericht,Data,Endsaldo,EUR,500.50,500.50,0
Cash-Bericht,Data,Abgerechneter Endsaldo,EUR,400,400,0
Offene Positionen,Header,DataDiscriminator,{kind},{currency},Symbol,{quantity},Mult,{unit},{cost},{price},{value},{gain},Code
Offene Positionen,Data,Summary,Aktien,EUR,VWCE,50,1,120,6000,140,7000,1000,
Offene Positionen,Data,Lot,Aktien,EUR,VWCE,50,,120,6000,140,7000,1000,
Offene Positionen,Total,,Aktien,EUR,,,,,6000,,7000,1000,
Offene Positionen,Data,Summary,Aktien,USD,VT,40,1,90,3600,106.25,4250,650,
Offene Positionen,Data,Summary,Aktien,USD,TSLA,-2,1,300,-600,281.25,-562.5,37.5,
Offene Positionen,Total,,Aktien,USD,,,,,3000,,3687.5,687.5,
Offene Positionen,Total,,Aktien,EUR,,,,,2400,,2950,550,
"""
NAMES = {
    "kind": "Vermögenswertkategorie", "currency": "Währung", "quantity": "Menge", "unit": "Einstandspreis", "cost": "Kostenbasis",
    "price": "Schlusskurs", "value": "Wert", "gain": "Unrealisierter G/V",
}  # fmt: skip
UNKNOWN = {name: f"ord{place}" for place, name in enumerate(NAMES)}


@pytest.mark.parametrize("names", [NAMES, UNKNOWN])
def test_ibkr_in_other_languages(write: Write, names: dict[str, str]) -> None:
    got = read(write(GERMAN.format(**names)))
    assert got.as_of == dt.date(2026, 6, 30)
    assert held(got) == {
        "VWCE": ("50", "7000", "EUR"),
        "VT": ("40", "4250", "USD"),
        "TSLA": ("-2", "-562.5", "USD"),
    }
    assert got.accounts[0].account == "U0000417"
    assert got.accounts[0].cash == {"EUR": Decimal("500.50")}
    assert got.total is not None
    assert (got.total.value, got.total.other) == (Decimal("10451.75"), Decimal("1.25"))
    assert got.summary() == "3 positions, 1 account, 10,450.50 EUR, equal to the file's total less 1.25 of accruals"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (",40,1,90,3600,106.25,", ",90,1,40,3600,106.25,", "VT"),
        (",1000,\nOffene Positionen,Data,Lot", ",999,\nOffene Positionen,Data,Lot", "gain"),
        ("Endsaldo,EUR,500.50", "Endsaldo,EUR,x", "nothing"),
        ("Offene Positionen,Total,,Aktien,EUR,,,,,2400,,2950,550,\n", "", "rate"),
        ("Offene Positionen,Total,,Aktien,USD,,,,,3000,,3687.5,687.5,\n", "", "total of Aktien in USD is missing"),
        ("Endsaldo,Basiswährungsübersicht,500.50,500.50", "Endsaldo,Basiswährungsübersicht,600,600", "nothing"),
        ("Aktien,0,10400,-450,9950,9950", "Aktien,0,10500,-450,10050,10050", "add up to 10,551.75"),
        ("Data,Summary,Aktien,USD,VT", "Data,Open,Aktien,USD,VT", "neither Summary nor Lot"),
        ("Kontoinformation,Header", "Kontoinformation,Kopf", "neither Header nor Data"),
        ("Kontoinformation,Header,Feldname,Feldwert\n", "", "has no header"),
        ("VWCE,50,1,120,6000,140,7000,1000,\n", "VWCE,50,1,120\n", "cells"),
        ("VT,40,1", "VT,4x,1", "not a number"),
    ],
)
def test_ibkr_changed(write: Write, old: str, new: str, said: str) -> None:
    text = GERMAN.format(**NAMES)
    assert old in text
    file = write(text.replace(old, new))
    if said == "nothing":  # a check is not possible any more, and the rest is right
        assert held(read(file))["VT"] == ("40", "4250", "USD")
    else:
        assert said in refusal(file)


def test_ibkr_with_rates_and_without_positions(write: Write) -> None:
    text = GERMAN.format(**NAMES)
    rate = "Basiswährung Wechselkurs,Header,Währung,Kurs\nBasiswährung Wechselkurs,Data,USD,0.8\n"
    twin = "Offene Positionen,Total,,Aktien,EUR,,,,,2400,,2950,550,\n"
    assert read(write(text.replace(twin, "") + rate)).positions[1].value_base == Decimal(3400)
    assert "Open Positions" in refusal(write(text.replace("Summary", "Sum")))


def test_ibkr_renamed_column(write: Write) -> None:
    text = GERMAN.format(**{**NAMES, "quantity": "Xyz"})
    assert "'Quantity'" in refusal(write(text))


COMDIRECT = """\
"Stück/Nom.";"Bezeichnung";"WKN";"Typ";"Währung";"Akt. Kurs";"Diff. abs";"Diff. %";"Datum";"Zeit";"Kaufkurs in EUR";"Kaufwert in EUR";"Wert in EUR";"Diff. abs";"Diff. %";"Notizen"
"1.250,5";"VANGUARD FTSE ALL-W.";"A2PKXG";"Fonds";"EUR";"141,26";"0,10";"0,07 %";"30.06.2026";"21:59";"100,00";"125.050,00";"176.645,63";"51.595,63";"41,26 %";""
"14";"APPLE INC";"865985";"Aktie";"USD";"231,40";"1,00";"0,43 %";"30.06.2026";"21:59";"150,00";"2.100,00";"2.786,07";"686,07";"32,67 %";""
"10.000";"BUNDANL. 2,6 % 15.08.33";"BU2Z01";"Anleihe";"EUR";"99,412";"0,00";"0,00 %";"30.06.2026";"17:30";"98,10";"9.810,00";"9.941,20";"131,20";"1,34 %";""
"""


def test_comdirect(write: Write) -> None:
    got = read(write(COMDIRECT, encoding="cp1252"))
    assert got.layout == "comdirect"
    first, second, third = got.positions
    assert (first.ids["wkn"], first.quantity, first.value, first.cost) == (
        "A2PKXG", Decimal("1250.5"), Decimal("176645.63"), Decimal("125050.00"),
    )  # fmt: skip
    assert (second.value, second.value_base, second.currency, second.cost) == (None, Decimal("2786.07"), "USD", None)
    assert (third.kind, third.price_per, third.quantity) == ("bond", Decimal(100), Decimal(10000))


@pytest.mark.parametrize("total", ["186.586,83;", "189.372,90;"])
def test_comdirect_total(write: Write, total: str) -> None:
    file = write(COMDIRECT + f"Gesamt;;;;;;;;;;;;{total};;\n")
    if total.startswith("189"):
        assert read(file).total is not None
    else:
        assert "189,372.90" in refusal(file)


@pytest.mark.parametrize(
    "header",
    [
        "Produkt,Symbol/ISIN,Anzahl,Schlusskurs,Wert,,Wert in EUR",
        "Produit,Symbole/ISIN,Quantité,Clôture,Devise,,Montant en EUR",
        "Producto,Symbol/ISIN,Cantidad,Precio de cierre,Valor local,,Valor en EUR",
        "Prodotto,Symbol/ISIN,Quantità,Ultimo,Valore,,Valore in EUR",
        "Produkt,Symbol/ISIN,Množství,Uzavírací,Hodnota,,Hodnota v EUR",
        "Produto,Symbol/ISIN,Quantidade,Preço de fecho,Valor local,,Valor em EUR",
    ],
)
def test_degiro_in_other_languages(write: Write, header: str) -> None:
    row = 'APPLE INC,US0378331005,31,"231,40",USD,"7173,40","6169,12"\n'
    got = read(write(f'{header}\nCASH & CASH FUND (EUR),,,,EUR,"1,50","1,50"\n{row}'))
    assert held(got) == {"US0378331005": ("31", "7173.40", "USD")}
    assert got.accounts[0].cash == {"EUR": Decimal("1.50")}


def test_degiro_with_the_currency_in_the_cell(write: Write) -> None:
    text = (
        "Product,Symbol/ISIN,Amount,Closing,Local value,Value in CHF\nVANG,IE00BK5BQT80,10,144.01,EUR 1440.10,1500.00\n"
    )
    assert held(read(write(text))) == {"IE00BK5BQT80": ("10", "1440.10", "EUR")}
    twice = text + "VANG,IE00BK5BQT80,5,144.01,EUR 720.05,700.00\n"
    assert "rate" in refusal(write(twice))


def test_portfolio_performance_in_english(write: Write) -> None:
    text = (
        "Shares,Name,ISIN,Symbol,Quote,Market Value,Share in %\n"
        '10,APPLE INC,US0378331005,AAPL,100.00,"1,000.00",50.00\n'
        '5,SAP SE,DE0007164600,SAP.DE,EUR 100.00,"500.00",25.00\n,Cash,,,,500.00,25.00\n,Sum,,,,"2,000.00",100.00\n'
    )
    assert "which currency" in refusal(write(text))
    got = read(write(text), "portfolio_performance:USD")
    assert got.accounts[0].cash == {"USD": Decimal("500.00")}
    assert got.summary() == "2 positions, 1 account, 2,000.00 USD, equal to the file's total"
    assert "not a currency" in refusal(write(text), layout="portfolio_performance:XXX")
    assert "did you mean" in refusal(write(text), layout="portfolio_performanc")


def test_companions(tmp_path: Path) -> None:
    merrill = read([FILES / "merrill_PortfolioSummary.csv", FILES / "merrill_Holdings.csv"])
    assert {each.account: each.cash for each in merrill.accounts} == {
        "99X-00417": {"USD": Decimal("1312.00")},
        "42X-00U58": {"USD": Decimal("1.45")},
    }
    assert merrill.total is not None
    assert merrill.total.value == Decimal("60167.86")
    alpaca = read([FILES / "alpaca_positions.json", FILES / "alpaca_account.json"])
    assert alpaca.total is not None
    assert alpaca.total.value == Decimal("38912.8527588832")
    assert alpaca.accounts[0].cash == {"USD": Decimal("4020.25")}
    for alone in ("merrill_PortfolioSummary.csv", "alpaca_account.json"):
        assert "no positions" in refusal(FILES / alone)
    schwab = FILES / "schwab_2025_single.csv"
    assert "not a companion" in refusal(schwab, FILES / "generic_sheet.csv")
    assert "not the companion" in refusal(schwab, FILES / "merrill_PortfolioSummary.csv")
    summary = (FILES / "merrill_PortfolioSummary.csv").read_text()
    other = tmp_path / "summary.csv"
    other.write_text(summary.replace("42X-00U58", "42X-00U59"))
    assert "42X-00U59" in refusal(FILES / "merrill_Holdings.csv", other)
    other.write_text(summary.replace("26,350.10", "26,360.10"))
    assert "10.00" in refusal(FILES / "merrill_Holdings.csv", other)


def test_as_of(write: Write) -> None:
    file = FILES / "robinhood_activity.csv"
    got = read(file, as_of="2026-03-01")
    assert {each.label: str(each.quantity) for each in got.positions} == {
        "AAPL": "30",
        "VTI": "12.5",
        "NVDA": "18.406225",
    }
    assert got.as_of == dt.date(2026, 3, 1)
    with pytest.raises(InputError, match="not a day"):
        read(file, as_of="March")
    with pytest.raises(InputError, match="no activity"):
        read(file, as_of=dt.date(2020, 1, 1))
    assert len(read(FILES / "ghostfolio_export.json", as_of="2025-03-01").positions) == 2


RH = "Activity Date,Process Date,Settle Date,Instrument,Description,Trans Code,Quantity,Price,Amount\n"


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("1/5/2026,,,,Deposit,ACH,,,$500.00\n1/6/2026,,,X,X Inc,Buy,5,$10.00,($500.00)\n", "about 50.00"),
        ("1/5/2026,,,X,X Inc,Buy,5,$10.00,($50.00)\n", "starts late"),
        ("1/5/2026,,,,Deposit,ACH,7,,$500.00\n", "moves shares"),
        ("1/5/2026,,,,Deposit,ACH,,,$500.00\n1/6/2026,,,X,X Inc,Buy,,$10.00,($50.00)\n", "without a quantity"),
        ("1/5/2026,,,,Deposit,ACH,,,$500.00\n1/6/2026,,,X,X Inc,SPL,5,,\n", "unknown"),
        ("someday,,,,Deposit,ACH,,,$500.00\n", "no day"),
    ],
)
def test_robinhood_refused(write: Write, rows: str, said: str) -> None:
    assert said in refusal(write(RH + rows))


def test_robinhood_options(write: Write) -> None:
    rows = (
        "1/5/2026,,,,Deposit,ACH,,,$5000.00\n1/6/2026,,,X,X 3/20/2026 Call $20.00,BTO,2,$1.00,($200.00)\n"
        "1/6/2026,,,X,X 3/20/2026 Put $10.00,STO,1,$1.00,$100.00\n3/20/2026,,,X,X 3/20/2026 Call $20.00,OEXP,2,,\n"
    )
    got = read(write(RH + rows))
    assert [(each.label, str(each.quantity), each.kind) for each in got.positions] == [
        ("X 3/20/2026 Put $10.00", "-1", "option")
    ]
    closed = rows + "3/20/2026,,,X,X 3/20/2026 Put $10.00,OEXP,1,,\n1/7/2026,,,V,V Fund,Buy,1,$9.00,($9.00)\n"
    assert [each.label for each in read(write(RH + closed)).positions] == ["V"]


def test_trading212_history_that_starts_late(write: Write) -> None:
    text = (FILES / "trading212_history.csv").read_text("utf-8")
    file = write("".join(line for line in text.splitlines(keepends=True) if not line.startswith("Deposit")))
    assert "starts late" in refusal(file)
    wrong = write(text.replace("10.0417260000,210.00", "100.417260000,210.00"))
    assert "was paid" in refusal(wrong)


def test_trading212_with_the_currency_in_the_header(write: Write) -> None:
    text = (
        "Action,Time,ISIN,Ticker,Name,No. of shares,Price / share,Currency (Price / share),Exchange rate,Result (EUR),Total (EUR)\n"
        "Deposit,2022-01-03 10:00:00,,,,,,,,,5000.00\n"
        "Market buy,2022-01-03 10:00:00,US0378331005,AAPL,Apple,10,100.00,USD,1.25,,800.00\n"
        "Market buy,2022-01-03 10:00:00,IE00B3XXRP09,VUSA,Vanguard,2,8000.00,GBX,80.00,,200.00\n"
    )
    assert held(read(write(text))) == {"AAPL": ("10", None, "USD"), "VUSA": ("2", None, "GBX")}
    assert "was paid" in refusal(write(text.replace(",10,100.00", ",100,100.00")))


def test_ghostfolio_refused(write: Write) -> None:
    head = '{"meta":{"date":"2026-07-01"},"accounts":[],"activities":['
    for activity, said in (
        ("7", "not an activity"),
        ('{"accountId":null,"symbol":"X","type":"BUY","quantity":1}', "no date"),
        ('{"accountId":null,"type":"BUY","quantity":1,"date":"2026-01-01"}', "no symbol"),
    ):
        assert said in refusal(write(f"{head}{activity}]}}", "x.json"))
    draft = '{"accountId":null,"symbol":"X","type":"BUY","quantity":1,"date":"2026-01-01","currency":"EUR","id":"1","tags":[]}'
    planned = draft.replace('"tags":[]', '"tags":["0c077abd-eca2-4cbb-818c-6cefbf2d169a"]').replace(
        '"id":"1"', '"id":"2"'
    )
    got = read(write(f"{head}{draft},{planned}]}}", "x.json"))
    assert held(got) == {"X": ("1", None, "EUR")}
    assert "drafts" in " ".join(got.notes)


OWN = """\
name = "My bank"
currency = "EUR"
decimal_mark = ","
cash = ["Konto .*"]
totals = ["Summe"]
notes = ["Kurse vom .*"]
[columns]
symbol = ["Kürzel", "Papier"]
quantity = "Stückzahl"
price = ["Preis je Stück"]
value = ["Gegenwert"]
"""
SHEET = "Papier;Stückzahl;Preis je Stück;Gegenwert\nVWCE;10;141,26;1.412,60\nKonto 7;;;100,00\nKurse vom 1.7.;;;\nSumme;;;1.512,60\n"


def test_own_layout(write: Write) -> None:
    layout = write(OWN, "mine.toml")
    got = read(write(SHEET), str(layout))
    assert (got.title, held(got)) == ("My bank", {"VWCE": ("10", "1412.60", "EUR")})
    assert got.accounts[0].cash == {"EUR": Decimal("100.00")}
    assert "1,513.60" in refusal(write(SHEET.replace("1.512,60", "1.513,60")), layout=str(layout))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = ", "TOML"),
        ("colums = 1\n", "did you mean"),
        ('[columns]\nshares = "a"\n', "the field 'shares'"),
        ("[columns]\nquantity = 7\n", "not text"),
        ('[columns]\nsymbol = "a"\n', "no names for quantity"),
        ('cash = ["("]\n[columns]\nquantity = "a"\n', "not a pattern"),
    ],
)
def test_own_layout_refused(write: Write, text: str, said: str) -> None:
    assert said in refusal(write(SHEET), layout=str(write(text, "mine.toml")))


def test_own_history(write: Write) -> None:
    layout = write(
        'date_order = "dmy"\n[columns]\nas_of = "Tag"\naction = "Art"\nsymbol = "Papier"\nquantity = "Stück"\n[activities]\n'
        'Kauf = "buy"\nVerkauf = "sell"\n',
        "mine.toml",
    )
    rows = "Tag;Art;Papier;Stück\n01.02.2026;Kauf;VWCE;10\n02.02.2026;Verkauf;VWCE;4\n"
    assert held(read(write(rows), str(layout))) == {"VWCE": ("6", None, None)}


def test_workbook(tmp_path: Path) -> None:
    xlsxwriter = pytest.importorskip("xlsxwriter")
    file = tmp_path / "mine.xlsx"
    with xlsxwriter.Workbook(file) as book:
        sheet = book.add_worksheet()
        for row, cells in enumerate(
            [
                ["Ticker", "Shares", "Price", "Value"],
                ["VTI", 2.5, 335.2, 838],
                ["Cash", "", "", 12.5],
                ["Total", "", "", 850.5],
            ]
        ):
            sheet.write_row(row, 0, cells)
    got = read(file, "spreadsheet:USD")
    assert held(got) == {"VTI": ("2.5", "838", "USD")}
    assert got.total is not None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Ticker,Shares,Price,Value\nVTI,1.250,10,12.500\n", "decimal points or decimal commas"),
        ("Ticker,Shares,Price,Value\nVTI,2,10,$20,000\n", "cells"),
        ("Ticker,Shares,Price,Value\nVTI,(2,10,-20\n", "two signs"),
        ("Ticker,Shares,Price,Value\nVTI,2,10 XYZ,20\n", "unknown unit"),
        ("Ticker,Shares,Price,Value\nVTI,2,USD 10 EUR,20\n", "two currencies"),
        ("Ticker,Shares,Price,Value\nVTI,2%,10,20\n", "percent"),
        ("Ticker,Shares,Price,Value\nVTI,EUR 2,10,20\n", "no currency"),
        ("Ticker,Shares,Price,Value,Currency\nVTI,2,€10,20,USD\n", "EUR and in USD"),
        ("Ticker,Shares,Price,Value,Currency\nVTI,2,10,20,Moon\n", "not a currency"),
        ("Ticker,Shares,Price,Value\n,2,10,20\n", "names no asset"),
        ("Ticker,Shares,Price,Value\nVTI,,10,20\n", "no quantity"),
        ("Ticker,Shares,Price,Value\nVTI,2,10,20\nVTI,3,10,30\n", "twice"),
        ("Ticker,Shares,Price,Value\nVTI,2,10,20\nCash,,,\n", "no amount"),
        ("Ticker,Shares,Price,Value,Currency\nVTI,2,10,20,USD\nCash,,,5,USD\nCash,,,6,USD\n", "two rows of cash"),
        ("Ticker,Shares,Price,Value\nVTI,2,10,20\nCash,,,5\n", "Cash has no currency"),
        ("Ticker,Shares,Price,Value,CUSIP\nVTI,2,10,20,12345\n", "CUSIP"),
        ("Ticker,Shares,Price,Value,CUSIP\nVTI,2,10,20,ABC\n", "CUSIP"),
        ("Ticker,Shares,Price,Value\nUS0378331006,2,10,20\n", "check digit"),
        ("Ticker,Shares,Price,Value\nVMFXX,1,4120.55,4120.55\n", "money fund"),
        ("Symbol,Quantity,Cost\nVTI,2,1234", "without a line end"),
        ("just text\nand more\n", "no table"),
        ("a,b,c\n1,2,3\n", "no known layout"),
        ('{"a": 1}', "neither Alpaca"),
        ('{"a": 1', "ends early"),
        ("<html></html>", "Flex"),
        ('"Ticker,Shares', "quote"),
    ],
)
def test_refused(write: Write, text: str, said: str) -> None:
    if "12345" in text:
        assert read(write(text)).positions[0].ids == {}
    else:
        assert said in refusal(write(text))


def test_spellings_of_numbers(write: Write) -> None:
    rows = "Ticker;Shares;Price;Value;Currency\nA;1'250.5;CHF 2.00;2'501.00;CHF\nB;1 000;USD 1.50-;-1 500.00;USD\nC;2E-3;1000.00;2.00;EUR\n"
    got = read(write(rows))
    assert [str(each.quantity) for each in got.positions] == ["1250.5", "1000", "0.002"]
    dollars = read(write("Ticker,Shares,Price,Value,Currency\nX,2,$10.00,$20.00,CAD\nY,100,250,£250.00,GBX\n"))
    assert [each.price_per for each in dollars.positions] == [Decimal(1), Decimal(100)]


def test_fidelity_without_percents(write: Write) -> None:
    text = "Account Number,Account Name,Symbol,Description,Quantity,Last Price,Current Value\nZ1,Mine,VTI,X,2,$10.00,$20.00\n"
    got = read(write(text))
    assert got.checks == ("nothing in the file to compare the sum with",)
    assert got.to_dict()["positions"][0]["value"] == "20"
    assert "VTI" in got.to_json()


def test_statement_with_a_wrong_name_and_without_a_summary(write: Write) -> None:
    text = (FILES / "fidelity_Statement6302026.csv").read_text("utf-8")
    assert read(write(text, "Statement13992026.csv")).as_of is None
    assert "summary" in refusal(write(text[text.index("Symbol/CUSIP") :]))


def test_days(write: Write) -> None:
    assert read(write("Ticker,Shares,Date\nVTI,2,30/06/2026\n")).as_of == dt.date(2026, 6, 30)
    assert "two days" in refusal(write("Ticker,Shares,Date\nVTI,2,05/06/2026\n"))
    assert "no day" in refusal(write("Ticker,Shares,Date\nVTI,2,soon\n"))
    assert read(
        write("Ticker,Shares,Date\nVTI,2,31/31/2026\nVXUS,2,2026年6月30日\n".replace("31/31/2026", "--"))
    ).as_of == dt.date(2026, 6, 30)


def test_flex_refused(write: Write) -> None:
    text = (FILES / "ibkr_flex_summary.xml").read_text("utf-8")
    lots = (FILES / "ibkr_flex_summary_and_lots.xml").read_text("utf-8")
    for source, old, new, said in (
        (text, 'reportDate="2026-06-30" position="200"', 'reportDate="2026-06-29" position="200"', "2 days"),
        (text, "endingCash=", "endCash=", "endingCash"),
        (text, 'multiplier="100"', 'multiplier="x"', "not a number"),
        (
            text,
            'fxRateToBase="0.93" assetCategory="BOND"',
            'fxRateToBase="" assetCategory="BOND"',
            "cannot be compared",
        ),
        (text, 'total="49379.9012"', 'total="x"', "not a number"),
        (lots, 'position="200"', 'position=""', "no quantity"),
        (lots, 'levelOfDetail="SUMMARY" openDateTime=""', 'levelOfDetail="LOT" openDateTime=""', "adds"),
    ):
        assert old in source
        if said == "adds":
            assert "several rows" in refusal(write(source.replace(old, new), "x.xml"))
        else:
            assert said in refusal(write(source.replace(old, new), "x.xml"))
    only = (
        text[: text.index("<OpenPositions>")]
        + text[text.index("</OpenPositions>") + 16 : text.index("<CashReport>")]
        + "</FlexStatement></FlexStatements></FlexQueryResponse>"
    )
    assert "OpenPositions" in refusal(write(only, "x.xml"))


def test_beancount_refused(write: Write) -> None:
    head = "account,currency,quantity,cost_currency,book_value,market_value\n"
    assert "cells" in refusal(write(f"{head}Assets:A,VTI,1,USD,1 USD\n"))
    assert "list of lots" in refusal(write("account,units\nAssets:A,VTI and more\n"))
    assert "two currencies" in refusal(
        write("account,currency,quantity,cost_currency,market_value (USD),market_value (EUR)\nAssets:A,VTI,1,USD,1,2\n")
    )

"""A layout: how one source writes a table of positions or activities, as data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from trimtab.brokers.amounts import POINT

NUMBERS = (
    "quantity", "price", "value", "value_base", "cost", "unit_cost", "gain", "percent", "multiplier", "amount", "fee",
    "rate",
)  # fmt: skip
# Names that any source may use. A layout's own names come first.
USUAL: dict[str, tuple[str, ...]] = {
    "account": (
        "account", "account number", "account no", "account no.", "account #", "account id", "account name", "portfolio",
        "konto", "kontonummer", "depot", "depotnummer", "compte", "cuenta", "conto", "rekening",
    ),
    "symbol": (
        "symbol", "ticker", "ticker symbol", "asset", "security symbol", "stock", "stock symbol", "kürzel", "tickersymbol",
        "symbole", "símbolo", "simbolo", "symbool", "code",
    ),
    "isin": ("isin", "isin code", "isin-code", "isin number"),
    "cusip": ("cusip", "cusip #", "cusip number"),
    "sedol": ("sedol",),
    "wkn": ("wkn",),
    "conid": ("conid",),
    "name": (
        "name", "description", "security", "security name", "security description", "holding", "asset name", "company",
        "company name", "fund", "fund name", "investment", "investment name", "bezeichnung", "wertpapier", "beschreibung",
        "wertpapierbezeichnung", "nom", "nombre", "descripción", "nome", "descrizione", "naam", "product", "produkt", "libellé",
    ),
    "quantity": (
        "quantity", "qty", "shares", "units", "number of shares", "no. of shares", "# shares", "shares held", "position",
        "shares owned", "holdings", "qty.", "stück", "stücke", "anzahl", "menge", "bestand", "nominale", "stück/nominale",
        "stück/nom.", "stk", "stk.", "nominal", "quantité", "nombre", "cantidad", "títulos", "quantità", "aantal", "quantidade",
    ),
    "price": (
        "price", "last price", "share price", "current price", "market price", "unit price", "price per share", "close",
        "close price", "closing price", "last", "nav", "quote", "mark price", "kurs", "preis", "schlusskurs", "aktueller kurs",
        "akt. kurs", "letzter kurs", "cours", "prix", "precio", "cotización", "prezzo", "koers", "slotkoers", "preço",
    ),
    "value": (
        "market value", "value", "current value", "total value", "mkt value", "mkt val", "position value", "balance",
        "holding value", "marktwert", "wert", "kurswert", "gesamtwert", "aktueller wert", "depotwert", "valeur",
        "valeur totale", "valor", "valor de mercado", "valor actual", "valore", "controvalore", "waarde", "marktwaarde",
    ),
    "currency": (
        "currency", "ccy", "curr", "cur", "currency code", "währung", "whrung", "devise", "divisa", "moneda", "valuta", "moeda",
    ),
    "cost": (
        "cost basis", "total cost", "cost basis total", "book value", "book cost", "total cost basis", "cost",
        "einstandswert", "kaufwert", "anschaffungswert",
    ),
    "unit_cost": (
        "cost/share", "average cost", "avg cost", "average cost basis", "cost per share", "cost basis per share", "avg. cost",
        "average price", "avg price", "purchase price", "price paid", "kaufkurs", "einstandskurs", "einstandspreis", "kaufpreis",
    ),
    "kind": (
        "security type", "asset type", "asset class", "type of security", "asset category", "wertpapierart", "instrument type",
        "assetklasse", "anlageklasse",
    ),
    "side": (
        "long/short", "short/long", "l/s", "long or short", "direction", "position type", "position side", "richtung", "sens",
    ),
    "as_of": ("as of", "date", "as of date", "valuation date", "price date", "cob date", "datum", "stichtag", "fecha", "data"),
}  # fmt: skip


def folded(name: str) -> str:
    """A header name, to compare: case, blanks and typographic quotes do not count.

    >>> folded(" Qty  (Quantity)"), folded("Total Gain:")
    ('qty (quantity)', 'total gain')
    """
    return " ".join(name.replace("\u2019", "'").replace("\u00a0", " ").split()).strip(" :'\"").casefold()


@dataclass(frozen=True)
class Rule:
    """Rows of one kind: the field (`""`: the first cell with something in it) matches a pattern, others are blank.

    Kinds: cash, total, subtotal, pending, section, account, note (left out), end.
    """

    kind: str
    pattern: str
    field: str = "symbol"
    blank: tuple[str, ...] = ()
    ones: tuple[str, ...] = ()  # fields that must be 1, where the file has them

    @cached_property
    def matches(self) -> re.Pattern[str]:
        """The pattern, for a whole cell."""
        return re.compile(self.pattern, re.IGNORECASE)


@dataclass(frozen=True)
class Layout:
    """How one source writes its table.

    `columns`: for each field the header names (`re:` begins a pattern), the usual one first. `marks`: names that tell this
    source from others, at least `min_marks` in the header. `others`: names of other tables in the same file.
    `adds`: two rows of one asset in one account are parts of one position.
    """

    name: str
    title: str
    columns: Mapping[str, tuple[str, ...]]
    needed: tuple[str, ...]
    marks: tuple[str, ...] = ()
    min_marks: int = 2
    ignored: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    titles: tuple[str, ...] = ()  # patterns with the groups account, name, date
    footers: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()  # titles of sections whose rows are cash
    currency: str | None = None
    date_order: str | None = None
    mark: str = POINT
    adds: bool = False
    adds_cash: bool = False  # the rows of cash in one account and currency are parts of it
    needs_total: bool = False
    total_covers_file: bool = False
    usual_names: bool = True
    latest_only: bool = False
    cost_in_base: bool = False
    unit_cost_is_exact: bool = False  # so that it gives the cost of the position; else it only checks it
    fold: Mapping[str, str] = field(default_factory=dict)  # words of an activity -> buy, sell, none ...

    @cached_property
    def header(self) -> Header:
        """The names in its header, ready to compare."""
        return Header(self)


class Header:
    """The names of a layout's columns, ready to compare with a row."""

    def __init__(self, layout: Layout) -> None:
        self.own: dict[str, str] = {}
        self.patterns: list[tuple[str, re.Pattern[str]]] = []
        for item, names in layout.columns.items():
            for name in names:
                if name.startswith("re:"):
                    self.patterns.append((item, re.compile(name[3:], re.IGNORECASE)))
                else:
                    self.own.setdefault(folded(name), item)
        self.ignored = {folded(name) for name in layout.ignored}
        self.marks = {folded(name) for name in layout.marks}
        self.others = {folded(name) for name in layout.others}
        self.usual: dict[str, str] = {}
        if layout.usual_names:
            for item, names in USUAL.items():
                if item in layout.columns:
                    for name in names:
                        self.usual.setdefault(folded(name), item)

    def count_marks(self, cells: Iterable[str]) -> int:
        """How many of the layout's own marks a row has."""
        return len(self.marks & {folded(cell) for cell in cells if cell})

    def field_of(self, name: str) -> str | None:
        """The field of a column, by its name; None for one that is not used."""
        key = folded(name)
        if not key or key in self.ignored:
            return None
        if key in self.own:
            return self.own[key]
        for item, pattern in self.patterns:
            if pattern.fullmatch(key):
                return item
        return self.usual.get(key)

"""beancount and fava: the CSV of a query for holdings, in its usual forms."""

from __future__ import annotations

import re
from collections.abc import Sequence

from trimtab.brokers.amounts import CURRENCIES, NumberStyle, clean
from trimtab.brokers.draft import Draft, Entry
from trimtab.brokers.layout import Layout, folded
from trimtab.brokers.sheet import Row
from trimtab.decimals import product
from trimtab.errors import Fault, InputError
from trimtab.files.cells import plain_number

BEANCOUNT = Layout(
    name="beancount",
    title="beancount holdings",
    columns={
        "account": ("account",),
        "symbol": ("currency", "commodity", "currency(units(sum(position)))"),
        "quantity": ("quantity", "number", "sum(number)"),
        "units": ("units", "position", "sum_position", "sum(position)", "units(sum(position))", "inventory"),
        "cost_currency": ("cost_currency",),
        "cost": ("book_value", "cost", "cost(sum(position))", "total_cost", "cost_value"),
        "value": ("market_value", "value", "value(sum(position))"),
        "price": ("price", "market_price"),
        "unit_cost": ("average_cost", "cost_number", "avg_cost"),
    },
    needed=("account",),
    marks=("cost_currency", "book_value", "market_value", "units", "position", "sum_position", "sum(position)", "units(sum(position))"),
    min_marks=1,
    usual_names=False,
    adds=True,
)  # fmt: skip
_LOT = re.compile(
    r"(?P<number>-?[\d.,]+)\s+(?P<symbol>[A-Z][A-Z0-9'._-]*)\s*(?:\{\s*(?P<cost>[\d.,]+)\s+(?P<currency>[A-Z][A-Z0-9'._-]*)[^}]*\})?"
)
_BY_CURRENCY = re.compile(r"(?P<name>.+?)\s*\((?P<currency>[A-Z]{3})\)")
_STYLE = NumberStyle(".", is_proven=True, groups=False)


def is_query(rows: Sequence[Row]) -> bool:
    """Whether rows begin with the header of a query for holdings by account."""
    names = [folded(name) for name in rows[0].cells] if rows else []
    bare = {
        folded(match["name"]) if (match := _BY_CURRENCY.fullmatch(cell)) else folded(cell)
        for cell in (rows[0].cells if rows else ())
    }
    accounts = (
        sum(
            row.cells[names.index("account")].count(":") > 0
            for row in rows[1:]
            if len(row.cells) > names.index("account")
        )
        if "account" in names
        else 0
    )
    return "account" in names and bool(BEANCOUNT.header.marks & bare) and accounts > 0


def read_query(rows: Sequence[Row], draft: Draft) -> None:
    """Add the rows of a query, none of them empty, to a draft."""
    if not rows:
        raise InputError([Fault("has no rows", "run the query again")], draft.source)
    header = rows[0].cells
    fields = [_field_of(name) for name in header]
    draft.columns = list(zip(header, [item for item, _ in fields], strict=True))
    draft.headers = {item: name for name, item in draft.columns if item is not None}
    known = {item for item, _ in fields}
    if "units" not in known and not {"symbol", "quantity"} <= known:
        missing = "quantity" if "symbol" in known else "currency"
        raise InputError([Fault(f"the column {missing!r} is missing", "add it to the query", missing)], draft.source)
    draft.is_exact = True
    for row in rows[1:]:
        if len(row.cells) != len(header):
            problem = f"the row of {row.filled[0]!r} has {len(row.cells)} cells, and the header {len(header)}"
            raise InputError([Fault(problem, "run the query again", line=row.line)], draft.source)
        _add_row(row, fields, draft)


def _field_of(name: str) -> tuple[str | None, str | None]:
    """The field of a column, and the currency that its name gives it."""
    match = _BY_CURRENCY.fullmatch(name)
    if match is None:
        return BEANCOUNT.header.field_of(name), None
    return BEANCOUNT.header.field_of(match["name"]), match["currency"]


def _add_row(row: Row, fields: list[tuple[str | None, str | None]], draft: Draft) -> None:
    cells: dict[str, str] = {}
    for (item, currency), cell in zip(fields, row.cells, strict=True):
        text = _one_amount(cell) if item in ("cost", "value", "price", "unit_cost") else clean(cell)
        if item is None or not text:
            continue
        if item in cells:
            problem = f"{cells.get('symbol')}: amounts in two currencies"
            raise InputError([Fault(problem, "convert them in the query", line=row.line, value=text)], draft.source)
        cells[item] = text if currency is None else f"{text} {currency}"
    account = cells.pop("account", "")
    if "units" in cells and "quantity" not in cells:
        _read_units(row, cells, draft)
    symbol, currency = cells.get("symbol", ""), cells.pop("cost_currency", "")
    is_cash = symbol in CURRENCIES and not currency and "lots" not in cells
    cells.pop("lots", None)
    if is_cash:
        cells = {"value": cells.get("quantity", ""), "currency": symbol}
    elif currency:
        cells["currency"] = currency
    if is_cash:
        draft.add_account(account)
    draft.entries.append(Entry("cash" if is_cash else "position", row.line, cells, account))


def _one_amount(cell: str) -> str:
    """`            , 17598.00 USD` as `17598.00 USD`; two amounts stay two, and are refused."""
    parts = [part.strip() for part in cell.split(",")]
    return ", ".join(part for part in parts if part)


def _read_units(row: Row, cells: dict[str, str], draft: Draft) -> None:
    """`40.0 VTI { 300.00 USD}, 12.5 VTI { 310.00 USD}` as a quantity and a cost."""
    text = " ".join(cells.pop("units").split())
    matches = list(_LOT.finditer(text))
    rest = _LOT.sub("", text).replace(",", "").strip()
    symbols, currencies = {match["symbol"] for match in matches}, {match["currency"] for match in matches}
    if rest or len(symbols) != 1 or len(currencies) != 1:
        problem = "is not a list of lots of one asset in one currency"
        raise InputError(
            [Fault(problem, "select one asset a row in the query", line=row.line, value=text)], draft.source
        )
    pairs = []
    for match in matches:
        number = _STYLE.read(match["number"].rstrip(","))
        cost = _STYLE.read(match["cost"]) if match["cost"] else None
        pairs.append((number.number if number else None, cost.number if cost else None))
    cells["symbol"] = symbols.pop()
    cells["quantity"] = plain_number(sum(number for number, _ in pairs if number is not None))  # type: ignore[arg-type]
    currency = currencies.pop()
    if currency:
        cells["cost"] = plain_number(sum(product(number, cost) for number, cost in pairs if number and cost))  # type: ignore[arg-type]
        cells["cost_currency"], cells["lots"] = currency, text

"""Rows of a draft -> exact numbers, and the identity that each row must keep: quantity x price = value."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal

from trimtab.brokers.amounts import EXACT, PENCE, Amount, NotANumberError, NumberStyle, currency_in, style_of
from trimtab.brokers.draft import Draft, Entry
from trimtab.brokers.identifiers import identifier_in, is_cusip, isin_in
from trimtab.brokers.kinds import kind_of
from trimtab.brokers.layout import NUMBERS
from trimtab.decimals import product
from trimtab.files.cells import restored

CENT = Decimal("0.01")
ONE, HUNDRED = Decimal(1), Decimal(100)
_DOLLARS = frozenset({"USD", "CAD", "AUD", "NZD", "SGD", "HKD"})
_MONEY = ("value", "value_base", "cost")
_AGAIN = "check the cell, or download the file again"
_CUSIP_SHAPE = re.compile(r"(?!99)\d{3}[0-9A-Z]{5}\d")
_IDENTIFIERS = ("isin", "cusip", "sedol", "wkn")


@dataclass
class ReadRow:
    """A row with its numbers. `verified`: fields that an identity confirms."""

    entry: Entry
    amounts: dict[str, Amount]
    ids: dict[str, str] = field(default_factory=dict)
    symbol: str | None = None
    currency: str | None = None
    kind: str = "other"
    multiplier: Decimal = ONE
    price_per: Decimal = ONE
    value: Decimal | None = None
    value_base: Decimal | None = None
    cost: Decimal | None = None
    verified: set[str] = field(default_factory=set)

    def number(self, name: str) -> Decimal | None:
        """The number of a field, None without one."""
        amount = self.amounts.get(name)
        return None if amount is None else amount.number


_SHORT = ("short", "s", "sold", "sold short", "short position")
_LONG = ("long", "l", "bought", "long position")


def file_style(draft: Draft) -> NumberStyle:
    """How the numbers of a draft are written."""
    if draft.is_exact:
        return EXACT
    texts = (entry.text(name) for entry in draft.entries for name in NUMBERS if name in entry.cells)
    return style_of(texts, draft.layout.mark)


def read_rows(draft: Draft, style: NumberStyle) -> list[ReadRow]:
    """Every row with its numbers, checked; faults are added to the draft."""
    return [read_row(entry, style, draft) for entry in draft.entries]


def read_row(entry: Entry, style: NumberStyle, draft: Draft) -> ReadRow:
    """One row with its numbers."""
    row = ReadRow(entry, _amounts(entry, style, draft))
    _read_currency(row, draft)
    if entry.kind == "position":
        _read_identifiers(row, draft)
        _read_position(row, draft)
    elif entry.kind == "activity":
        _read_identifiers(row, draft)
        row.kind = kind_of(row.symbol or "", entry.text("name"), entry.text("kind"))
        row.kind = "option" if kind_of(entry.text("name"), "", "") == "option" else row.kind
    else:
        _read_amount(row, draft)
    return row


def _amounts(entry: Entry, style: NumberStyle, draft: Draft) -> dict[str, Amount]:
    amounts = {}
    for name in NUMBERS if entry.kind in ("position", "activity", "cash") else _MONEY:
        text = entry.cells.get(name, "")
        try:
            amount = style.read(text)
        except NotANumberError as error:
            if name in ("gain", "percent", "fee"):
                continue  # helps to check, and is not needed
            draft.refuse(f"{entry.label}: {text!r} {error}", _AGAIN, entry, name)
            continue
        if amount is None:
            continue
        if name == "quantity" and entry.kind in ("position", "lot", "activity") and amount.currency is not None:
            draft.refuse(f"{entry.label}: a quantity has no currency; are two columns swapped?", _AGAIN, entry, name)
        if amount.is_percent and name != "percent":
            if name == "price":
                amount = amount._replace(is_percent=False)  # bonds, in percent of nominal
            else:
                draft.refuse(f"{entry.label}: a percent where a {name.replace('_', ' ')} belongs", _AGAIN, entry, name)
        amounts[name] = amount
    return amounts


def _read_currency(row: ReadRow, draft: Draft) -> None:
    """The currency of a row: its own column, else beside its price or value, else the file's."""
    entry, text = row.entry, row.entry.text("currency")
    marks = [row.amounts[name].currency for name in ("price", "value", "amount") if name in row.amounts]
    beside = next((mark for mark in marks if mark), None)
    if text and text not in ("-", "--"):
        row.currency = currency_in(text)
        if row.currency is None:
            draft.refuse(f"{entry.label}: is not a currency", "write a code such as USD", entry, "currency")
    elif beside is not None:
        row.currency = beside
    else:
        row.currency = draft.base_currency or draft.layout.currency
    allowed = {row.currency, PENCE.get(row.currency or ""), *(("USD",) if row.currency in _DOLLARS else ())}
    if beside is not None and row.currency is not None and beside not in allowed:
        draft.refuse(f"{entry.label}: is in {beside} and in {row.currency}", _AGAIN, entry, "currency")


def _read_identifiers(row: ReadRow, draft: Draft) -> None:
    entry = row.entry
    for name in _IDENTIFIERS:
        text = entry.text(name)
        if text in ("", "-", "--", "n/a", "N/A"):
            continue
        try:
            known = identifier_in(name, text)
        except ValueError as error:
            draft.refuse(f"{entry.label}: {text!r} {error}", "check the identifier with the broker", entry, name)
            continue
        if known is not None:
            row.ids[name] = known
        else:
            draft.notes.append(f"{entry.label}: {text!r} is not a {name.upper()}; the position is kept without")
    for name in ("conid", "figi", "alpaca_asset_id", "merrill_security_number", "data_source"):
        if entry.text(name) not in ("", "--"):
            row.ids[name] = entry.text(name)
    symbol = restored(entry.text("symbol"))
    row.symbol = symbol if symbol not in ("", "-", "--", "n/a", "N/A") else None
    if row.symbol is None:
        return
    try:
        known = isin_in(row.symbol)
    except ValueError as error:
        draft.refuse(f"{entry.label}: {error}", "check the identifier with the broker", entry, "symbol")
        return
    if known is not None:
        row.ids.setdefault("isin", known)
        row.symbol = None
    elif is_cusip(row.symbol):
        row.ids.setdefault("cusip", row.symbol)


def _read_position(row: ReadRow, draft: Draft) -> None:
    entry = row.entry
    quantity = row.number("quantity")
    if quantity is None:
        if "quantity" not in entry.cells or not entry.cells["quantity"] or entry.cells["quantity"] in ("-", "--"):
            draft.refuse(f"{entry.label} has no quantity", "give one, or mark the row as cash", entry, "quantity")
        return
    if not (row.symbol or row.ids or entry.text("name")):
        draft.refuse("the row names no asset", "give its symbol, ISIN or name", entry, "symbol")
        return
    row.kind = kind_of(row.symbol or "", entry.text("name"), entry.text("kind"))
    if row.kind == "bond" and _CUSIP_SHAPE.fullmatch(row.symbol or "") and not row.ids:
        problem = f"{entry.label}: the check digit of this CUSIP is wrong"
        draft.refuse(problem, "check the identifier with the broker", entry, "symbol")
    row.value, row.value_base = row.number("value"), row.number("value_base")
    if row.value is None and row.value_base is not None and row.currency == draft.base_currency:
        row.value = row.value_base
    _check_product(row, quantity, draft)
    _check_side(row, quantity, draft)
    _check_multiplier(row, quantity, draft)
    _read_cost(row, quantity, draft)
    price = row.number("price")
    if row.kind == "money fund" and (row.symbol or "").endswith("XX") and price is not None and not 0 < price <= 2:
        draft.refuse(f"{entry.label}: a money fund costs about 1; are two columns swapped?", _AGAIN, entry, "price")


def _units(row: ReadRow) -> list[tuple[Decimal, Decimal]]:
    """The multipliers and price units that a row may have: (multiplier, price per)."""
    multiplier = row.number("multiplier")
    if multiplier is not None:
        return [(multiplier, ONE), *([(multiplier, HUNDRED)] if row.kind == "bond" else [])]
    if row.kind == "option":
        return [(HUNDRED, ONE)]
    if row.kind == "bond":
        return [(ONE, HUNDRED), (ONE, ONE)]
    value = row.amounts.get("value")
    if row.currency in PENCE and value is not None and value.currency == PENCE[row.currency]:
        return [(ONE, HUNDRED)]
    return [(ONE, ONE)]


def worth(quantity: Decimal, price: Decimal, multiplier: Decimal, price_per: Decimal) -> Decimal:
    """Quantity x price x multiplier / price unit."""
    return product(product(quantity, price), multiplier) / price_per


def _check_product(row: ReadRow, quantity: Decimal, draft: Draft) -> None:
    """Quantity x price must be the value, to the cent."""
    price, value = row.number("price"), row.value
    units = _units(row)
    row.multiplier, row.price_per = units[0]
    if price is None or value is None:
        return
    for multiplier, price_per in units:
        if abs(worth(quantity, price, multiplier, price_per) - value) <= CENT:
            row.multiplier, row.price_per = multiplier, price_per
            row.verified |= {"quantity", "price", "value"}
            return
    entry = row.entry
    times = f" x {row.multiplier}" if row.multiplier != 1 else ""
    times += f" / {row.price_per}" if row.price_per != 1 else ""
    shown = " x ".join(entry.text(name) for name in ("quantity", "price"))
    problem = (
        f"{entry.label}: {shown}{times} is {worth(quantity, price, *units[0]):,.2f}, "
        f"but the value in the file is {value:,.2f} ({entry.text('value') or entry.text('value_base')})"
    )
    draft.refuse(problem, "one of the three is wrong, or columns are swapped; download the file again", entry)


def _check_side(row: ReadRow, quantity: Decimal, draft: Draft) -> None:
    """The file's own word for long or short must fit the sign of the quantity."""
    side = row.entry.text("side").casefold()
    if (side in _SHORT and quantity > 0) or (side in _LONG and quantity < 0):
        problem = f"{row.entry.label}: the side is {side}, but the quantity is {quantity}"
        draft.refuse(
            problem, "write a minus sign before what is short, or download the file again", row.entry, "quantity"
        )


def _check_multiplier(row: ReadRow, quantity: Decimal, draft: Draft) -> None:
    """A multiplier that rather looks like a quantity: two columns are swapped, which no product tells."""
    if row.kind == "option" and row.multiplier == 1 and quantity % HUNDRED == 0 and row.number("multiplier") == 1:
        problem = f"{row.entry.label}: {quantity} options with a multiplier of 1: are quantity and multiplier swapped?"
        draft.refuse(problem, _AGAIN, row.entry, "multiplier")


def _read_cost(row: ReadRow, quantity: Decimal, draft: Draft) -> None:
    """The cost of the whole position, checked against the cost of a unit and the gain where the file gives them."""
    if draft.layout.cost_in_base and row.currency != draft.base_currency:
        return  # a cost in another currency than the price
    cost, unit = row.number("cost"), row.number("unit_cost")
    derived = None if unit is None else worth(quantity, unit, row.multiplier, row.price_per)
    scale = abs(worth(quantity, ONE, row.multiplier, row.price_per))
    rounding = Decimal(0) if unit is None else product(scale, Decimal(1).scaleb(int(unit.as_tuple().exponent)))
    if cost is not None and derived is not None:
        if abs(abs(cost) - abs(derived)) > CENT + rounding:
            problem = f"{row.entry.label}: the cost {cost:,.2f} is not {quantity} units at {unit} ({derived:,.2f})"
            draft.refuse(problem, "check quantity and cost, or download the file again", row.entry, "cost")
        row.verified |= {"cost", "unit_cost"}
    row.cost = derived if cost is None and draft.layout.unit_cost_is_exact else cost
    gain = row.number("gain")
    if gain is None or row.cost is None or row.value is None:
        return
    slack = 2 * CENT + (rounding if cost is None else 0)
    if abs(row.value - row.cost - gain) > slack:
        problem = f"{row.entry.label}: value {row.value:,.2f} less cost {row.cost:,.2f} is not the gain {gain:,.2f}"
        draft.refuse(problem, "check value and cost, or download the file again", row.entry, "cost")
    row.verified |= {"cost", "unit_cost"}


def _read_amount(row: ReadRow, draft: Draft) -> None:
    """The money of a row of cash, or of a total."""
    entry = row.entry
    row.value, row.value_base = row.number("value"), row.number("value_base")
    quantity, price = row.number("quantity"), row.number("price")
    if row.value is None and row.value_base is None and entry.kind == "cash":
        row.value = quantity
        row.verified.add("quantity")
    if row.value is None and row.value_base is None:
        label = entry.text("label") or entry.label
        draft.refuse(f"{label} has no amount", "download the whole file again", entry, "value")
    elif entry.kind == "cash" and quantity is not None and price is not None and row.value is not None:
        if abs(product(quantity, price) - row.value) > CENT:
            problem = f"{entry.label}: {quantity} x {price} is not {row.value:,.2f}"
            draft.refuse(problem, "check the row, or download the file again", entry, "value")
        row.verified |= {"quantity", "price"}

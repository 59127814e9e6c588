"""A history of activities -> the positions at the end of a day."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from trimtab.brokers.amounts import PENCE
from trimtab.brokers.assemble import assemble
from trimtab.brokers.dates import AmbiguousDateError, date_in
from trimtab.brokers.draft import Draft, Entry, ambiguous
from trimtab.brokers.positions import Positions
from trimtab.brokers.read_rows import HUNDRED, ONE, ReadRow, file_style, read_row
from trimtab.decimals import product
from trimtab.errors import Fault, InputError
from trimtab.files.cells import plain_number
from trimtab.text import counted

_START = "export the whole history, from the opening of the account"
_SIGNS = {"buy": 1, "sell": -1, "short": -1, "cover": 1}
_PRICE_SLACK = Decimal("0.03")  # fees, rounded prices and rounded rates


@dataclass
class _Holding:
    """The quantity held of one asset, and the first row that names it."""

    quantity: Decimal
    row: ReadRow
    may_be_short: bool = False


def fold(draft: Draft, as_of: dt.date | None) -> Positions:
    """The positions at the end of a day: of `as_of`, else of the file's own day, else of its last activity.

    Raises
    ------
    InputError
        An activity that is not understood, more sold than held, money spent before any is paid in.
    """
    style = file_style(draft)
    rows = [read_row(entry, style, draft) for entry in draft.of_kind("activity")]
    draft.check()
    days = _days(rows, draft)
    last = as_of or draft.as_of or max(days, default=None)
    dated = [(day, row) for day, row in zip(days, rows, strict=True) if last is None or day <= last]
    if last is None or not dated:
        raise InputError([Fault("has no activity up to that day", "check --as-of")], draft.source)
    if len(dated) < len(rows):
        draft.notes.append(f"{counted(len(rows) - len(dated), 'activity').replace('ys', 'ies')} after {last} left out")
    _refuse_twice(rows, draft)
    holdings = _folded(dated, draft)
    draft.check()
    cash = _cash(dated, draft)
    draft.check()
    draft.entries = [entry for entry in draft.entries if entry.kind != "activity"]
    for holding in holdings.values():
        if holding.quantity:
            draft.entries.append(_position(holding))
    for currency, amount in cash.items():
        cells = {"value": plain_number(amount), "currency": currency}
        draft.entries.append(Entry("cash", 0, cells, dated[0][1].entry.account))
    draft.as_of, draft.is_exact = last, True
    draft.notes.append(f"folded {counted(len(dated), 'row')} of a history into positions as of {last}")
    return assemble(draft)


def _days(rows: Iterable[ReadRow], draft: Draft) -> list[dt.date]:
    days = []
    for row in rows:
        try:
            day = date_in(row.entry.text("as_of"), draft.layout.date_order)
        except AmbiguousDateError as error:
            raise ambiguous(error, draft.source, row.entry.line) from None
        if day is None:
            draft.refuse(f"{row.entry.label}: the row has no day", "download the file again", row.entry, "as_of")
        days.append(day or dt.date.min)
    draft.check()
    return days


def _refuse_twice(rows: Iterable[ReadRow], draft: Draft) -> None:
    """An activity must not be in the file twice: neither its number nor all its cells."""
    seen: set[object] = set()
    for row in rows:
        number = row.entry.text("id")
        key = number or tuple(sorted(row.entry.cells.items()))
        if key in seen and (number or effect_of(row.entry, draft) != "none"):
            problem = f"{row.entry.label}: the activity {number or row.entry.text('as_of')} is in the file twice"
            draft.refuse(problem, "drop one of the two; if both took place, write one row with their sum", row.entry)
        seen.add(key)


def effect_of(entry: Entry, draft: Draft) -> str | None:
    """The effect of an activity: buy, sell, short, cover, expire, paid in, paid out, none; None for an unknown one."""
    word = " ".join(entry.text("action").split())
    return next(
        (effect for pattern, effect in draft.layout.fold.items() if re.fullmatch(pattern, word, re.IGNORECASE)), None
    )


def _folded(dated: list[tuple[dt.date, ReadRow]], draft: Draft) -> dict[object, _Holding]:
    """Holdings after the last day; at the end of no day may one be below zero."""
    holdings: dict[object, _Holding] = {}
    days = sorted({day for day, _ in dated})
    by_day: dict[dt.date, list[ReadRow]] = {day: [] for day in days}
    for day, row in dated:
        by_day[day].append(row)
    for day in days:
        for row in by_day[day]:
            _apply(row, holdings, draft)
        for holding in holdings.values():
            if holding.quantity < 0 and not holding.may_be_short:
                label = holding.row.entry.label
                problem = f"{label} would end {day} at {plain_number(holding.quantity)}: more is sold than was bought"
                draft.refuse(problem, _START, holding.row.entry)
                holding.quantity = Decimal(0)
    return holdings


def _apply(row: ReadRow, holdings: dict[object, _Holding], draft: Draft) -> None:
    entry, effect = row.entry, effect_of(row.entry, draft)
    quantity = row.number("quantity")
    if effect is None:
        problem = f"{entry.label}: the activity {entry.text('action')!r} is unknown and may move shares"
        draft.refuse(problem, "give a file of positions instead, or describe it in a layout file", entry, "action")
        return
    if effect == "signed" and quantity:
        problem = f"{entry.label}: the activity {entry.text('action')!r} moves shares, which it should not"
        draft.refuse(problem, "give a file of positions instead", entry, "action")
    if effect not in _SIGNS and effect != "expire":
        return
    if quantity is None or quantity == 0:
        draft.refuse(
            f"{entry.label}: a {entry.text('action')} without a quantity", "export it again", entry, "quantity"
        )
        return
    key = (
        entry.account,
        entry.text("name") if row.kind == "option" else row.ids.get("isin") or row.symbol or entry.label,
    )
    holding = holdings.setdefault(key, _Holding(Decimal(0), row))
    holding.may_be_short |= effect in ("short", "cover") and row.kind == "option"
    if effect == "expire":
        closed = min(abs(quantity), abs(holding.quantity))
        holding.quantity -= closed if holding.quantity > 0 else -closed
    else:
        _check_amount(row, abs(quantity), draft)
        holding.quantity += _SIGNS[effect] * abs(quantity)


def _check_amount(row: ReadRow, quantity: Decimal, draft: Draft) -> None:
    """Quantity x price must be about the amount paid, which differs by fees and rounded rates."""
    price, amount, rate = row.number("price"), row.number("amount"), row.number("rate")
    if price is None or amount is None or not amount:
        return
    worth = product(product(quantity, price), HUNDRED if row.kind == "option" else ONE)
    expected = [worth, worth / HUNDRED] if row.currency in PENCE else [worth]
    if _paid_in(row, draft) not in ("", row.currency, PENCE.get(row.currency or "", "")):
        if not rate:
            return
        expected = [
            value for each in expected for value in (each / rate, each * rate)
        ]  # a rate may be either way round
    if all(abs(each - abs(amount)) > _PRICE_SLACK * abs(amount) + ONE for each in expected):
        problem = (
            f"{row.entry.label}: {quantity} at {price} is about {expected[0]:,.2f}, but {abs(amount):,.2f} was paid"
        )
        draft.refuse(problem, "check the row, or download the file again", row.entry, "quantity")
    row.verified |= {"quantity", "price", "amount"}


def _paid_in(row: ReadRow, draft: Draft) -> str:
    """The currency of the amount paid: in its own column, or in the name of the amount's column, as in `Total (EUR)`."""
    named = re.search(r"\(([A-Z]{3})\)", draft.headers.get("amount", ""))
    return row.entry.text("amount_currency") or (named[1] if named else "")


def _cash(dated: list[tuple[dt.date, ReadRow]], draft: Draft) -> dict[str, Decimal]:
    """The cash that the amounts add up to, where the layout's amounts are signed."""
    if "signed" not in draft.layout.fold.values():
        _check_start(dated, draft)
        return {}
    first = min(day for day, _ in dated)
    total = opening = Decimal(0)
    for day, row in dated:
        amount = row.number("amount") or Decimal(0)
        total += amount
        opening += amount if day == first else 0
    if opening < 0 or total < 0:
        problem = f"money is spent before any is paid in (cash would be {min(opening, total):,.2f}): it starts late"
        draft.refuse(problem, _START)
    return {draft.layout.currency or "USD": total}


def _check_start(dated: list[tuple[dt.date, ReadRow]], draft: Draft) -> None:
    """Where money paid in is in the history, none may be spent before it."""
    if "paid in" not in draft.layout.fold.values():
        return
    first = min(day for day, _ in dated)
    effects = {effect_of(row.entry, draft) for day, row in dated if day == first}
    if effects & {"buy", "sell"} and "paid in" not in effects:
        draft.refuse(f"shares are traded on {first} before any money is paid in: the history starts late", _START)


def _position(holding: _Holding) -> Entry:
    row = holding.row
    cells = {name: row.entry.text(name) for name in ("symbol", "isin", "cusip", "name", "kind", "data_source")}
    cells |= {"quantity": plain_number(holding.quantity), "currency": row.currency or ""}
    if row.kind == "option":
        cells |= {"symbol": row.entry.text("name"), "kind": "option"}
    return Entry("position", row.entry.line, {name: cell for name, cell in cells.items() if cell}, row.entry.account)

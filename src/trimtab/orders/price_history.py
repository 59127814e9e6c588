"""The record of each price: its session, the price before, and whether a move is explained."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from trimtab.candidates.arrow_values import text_of
from trimtab.candidates.columns import COLUMNS
from trimtab.candidates.user_table import columns_of
from trimtab.decimals import product
from trimtab.errors import Fault, InputError
from trimtab.orders.account_table import HISTORY_COLUMNS, ORDER_COLUMNS, joined_by_alias, rates_of
from trimtab.orders.columns import decimals_of, flags_of
from trimtab.orders.tax_lots import date_of

_ONE_DAY = dt.timedelta(days=1)
_SATURDAY = 5


@dataclass(frozen=True)
class PriceHistory:
    """The record of an asset's price: its session, and the price before, in the base currency."""

    date: dt.date | None = None
    previous: Decimal | None = None
    is_explained: bool = False  # a move that a corporate action or news explains


def read_price_history(candidates: Any, prices: Any = None, fx: Any = None) -> dict[str, PriceHistory]:
    """The record of each price, by asset, from `price_date`, `previous_price` and `price_explained`.

    These are columns of the candidates, or of the table of prices. A price before is in the currency of the price.

    Raises
    ------
    InputError
        A value that cannot be used, or such columns in both tables.
    """
    columns, count = columns_of(candidates, (*COLUMNS, *ORDER_COLUMNS))
    present = [name for name in HISTORY_COLUMNS if name in columns]
    apart: Mapping[str, Any] = {}
    rows = 0
    if prices is not None and not isinstance(prices, Mapping):
        apart, rows = columns_of(prices, ("asset", "price", *HISTORY_COLUMNS))
    beside_prices = [name for name in HISTORY_COLUMNS if name in apart]
    if present and beside_prices:
        raise InputError([Fault("is given in two tables", "keep those beside the prices", column=present[0])])
    if not present and not beside_prices:
        return {}
    assets = [str(name) for name in text_of(columns.get("asset"), "asset", count).values()]
    records = _records(columns, count) if present else joined_by_alias(_records(apart, rows), assets, "prices", None)
    if not any(record.previous for record in records.values()):
        return records
    rates = dict(zip(assets, rates_of(columns, count, fx), strict=True))
    return {
        name: replace(record, previous=product(record.previous, rates[name]))
        if record.previous is not None and name in rates
        else record
        for name, record in records.items()
    }


def _records(columns: Mapping[str, Any], count: int) -> dict[str, PriceHistory]:
    names = [str(name) for name in text_of(columns.get("asset"), "asset", count).values()]
    days = _days(columns.get("price_date"), count)
    previous = decimals_of(columns.get("previous_price"), "previous_price", count)
    for row, price in enumerate(previous):
        if price is not None and price <= 0:
            fault = Fault("is not above 0", "leave it empty if unknown", "previous_price", row + 1, value=price)
            raise InputError([fault])
    is_explained = flags_of(columns.get("price_explained"), "price_explained", count, default=False)
    return dict(zip(names, map(PriceHistory, days, previous, is_explained), strict=True))


def _days(column: Any, count: int) -> list[dt.date | None]:
    values = [None] * count if column is None else column if isinstance(column, list) else column.to_list()
    days = []
    for row, value in enumerate(values):
        is_missing = value is None or value != value or value == ""  # noqa: PLR0124 - NaN
        day = None if is_missing else date_of(value)
        if day is None and not is_missing:
            advice = "write a day as 2026-03-02, or leave it empty"
            raise InputError([Fault("is not a day", advice, "price_date", row + 1, value=value)])
        days.append(day)
    return days


def sessions_up_to(
    last: dt.date, history: Mapping[str, PriceHistory], calendar: Collection[dt.date] | None = None
) -> tuple[dt.date, ...]:
    """The sessions from the oldest price on: those of a calendar up to `last`, or else weekdays; and each day with a price.

    Examples
    --------
    >>> friday, monday = dt.date(2026, 2, 27), dt.date(2026, 3, 2)
    >>> len(sessions_up_to(monday, {"AAA": PriceHistory(friday)}))
    2
    """
    days = {last, *(record.date for record in history.values() if record.date is not None)}
    first = min(days)
    if calendar is not None:
        return tuple(sorted({*days, *(day for day in calendar if first <= day <= last)}))
    weekdays = (first + number * _ONE_DAY for number in range((last - first).days))
    return tuple(sorted({*days, *(day for day in weekdays if day.weekday() < _SATURDAY)}))


def last_session_before(today: dt.date, calendar: Collection[dt.date] | None = None) -> dt.date:
    """The last session that has surely ended: that of a calendar, or else the weekday before.

    Raises
    ------
    InputError
        A calendar that begins or ends too early to know.
    """
    if calendar is None:
        return last_weekday_before(today)
    earlier = [day for day in calendar if day < today]
    if not earlier or max(calendar) < today:
        problem = f"the calendar has no sessions around {today}"
        raise InputError(
            [Fault(problem, "give sessions from before this day up to it, or the last session")], "sessions"
        )
    return max(earlier)


def last_weekday_before(today: dt.date) -> dt.date:
    """The last session that has surely ended: the weekday before.

    Examples
    --------
    >>> last_weekday_before(dt.date(2026, 3, 2))
    datetime.date(2026, 2, 27)
    """
    day = today - _ONE_DAY
    while day.weekday() >= _SATURDAY:
        day -= _ONE_DAY
    return day

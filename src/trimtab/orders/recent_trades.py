"""Recent trades anywhere, which make a wash sale of a loss."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from trimtab.candidates.arrow_values import text_of
from trimtab.candidates.user_table import columns_of
from trimtab.errors import Fault, InputError
from trimtab.orders.tax_lots import date_of

_COLUMNS = ("group", "date", "kind")
_KINDS = ("buy", "loss_sale")


@dataclass(frozen=True)
class Trade:
    """A recent trade anywhere: of an asset's group, `buy` or `loss_sale`."""

    group: str
    date: dt.date
    kind: str


def read_trades(table: Any, today: dt.date) -> tuple[Trade, ...]:
    """Recent trades from a table with `group`, `date` and `kind` (`buy` or `loss_sale`)."""
    if table is None:
        return ()
    columns, count = columns_of(table, _COLUMNS)
    missing = [name for name in _COLUMNS if name not in columns]
    if missing:
        raise InputError([Fault("the column is missing", "add it", column=name) for name in missing], "recent")
    groups, kinds = (text_of(columns[name], name, count).values() for name in ("group", "kind"))
    days = columns["date"] if isinstance(columns["date"], list) else columns["date"].to_list()
    trades = []
    for row, (group, kind, value) in enumerate(zip(groups, kinds, days, strict=True)):
        day = date_of(value)
        if group is None or kind not in _KINDS or day is None or day > today:
            name, wrong = (
                ("group", group) if group is None else ("kind", kind) if kind not in _KINDS else ("date", value)
            )
            advice = {"group": "name the group", "kind": "write buy or loss_sale", "date": "give a day up to today"}[
                name
            ]
            raise InputError([Fault("cannot be used", advice, column=name, row=row + 1, value=wrong)], "recent")
        trades.append(Trade(group, day, kind))
    return tuple(trades)

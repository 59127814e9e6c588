"""Wash sales: a loss that is sold while the same asset, or one like it, is bought within 30 days. Only a warning."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trimtab.candidates.arrow_values import text_of
from trimtab.candidates.user_table import columns_of
from trimtab.errors import Fault, InputError
from trimtab.orders.account_table import Instrument
from trimtab.orders.stage import DecidedPlan
from trimtab.orders.tax_lots import TaxLot, date_of

WINDOW = dt.timedelta(days=30)
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
    given = columns["date"] if isinstance(columns["date"], list) else columns["date"].to_list()
    trades = []
    for row, (group, kind, value) in enumerate(zip(groups, kinds, given, strict=True)):
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


def wash_sales(
    decided: DecidedPlan,
    instruments: Sequence[Instrument],
    lots: Mapping[str, Sequence[TaxLot]],
    trades: Sequence[Trade],
    today: dt.date,
) -> frozenset[str]:
    """The assets whose order is warned of (rules, section 18)."""
    rows = [instruments[row] for row in decided.candidates.order.tolist()]
    change = {row.asset: int(asset["now"]) - row.quantity for row, asset in zip(rows, decided.assets, strict=True)}
    recent = [trade for trade in trades if today - WINDOW <= trade.date <= today]
    bought = {trade.group for trade in recent if trade.kind == "buy"}
    bought |= {row.group for row in rows if change[row.asset] > 0}
    kept = _kept_purchases(decided, rows, lots, today)
    losing = {row.group for row, asset in zip(rows, decided.assets, strict=True) if _loses(decided, asset)}
    lost = {trade.group for trade in recent if trade.kind == "loss_sale"} | losing
    warned = set()
    for row, asset in zip(rows, decided.assets, strict=True):
        sells_at_loss = change[row.asset] < 0 and _loses(decided, asset)
        if (sells_at_loss and (row.group in bought or row.group in kept)) or (
            change[row.asset] > 0 and row.group in lost
        ):
            warned.add(row.asset)
    return frozenset(warned)


def _loses(decided: DecidedPlan, asset: Any) -> bool:
    """Whether a lot is sold at a loss."""
    own = decided.lots[int(asset["lots_begin"]) : int(asset["lots_end"])]
    return bool(((own["taken"] > 0) & (own["gain"] < 0)).any())


def _kept_purchases(
    decided: DecidedPlan, rows: Sequence[Instrument], lots: Mapping[str, Sequence[TaxLot]], today: dt.date
) -> set[str]:
    """The groups with a lot that was acquired in the window and is not sold whole."""
    groups = set()
    for row, asset in zip(rows, decided.assets, strict=True):
        own = decided.lots[int(asset["lots_begin"]) : int(asset["lots_end"])]
        for lot, decision in zip(lots.get(row.asset, ()), own, strict=True):
            if today - WINDOW <= lot.acquired <= today and decision["taken"] < lot.quantity:
                groups.add(row.group)
    return groups

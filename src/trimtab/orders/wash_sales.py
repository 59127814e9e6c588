"""Wash sales: selling at a loss while the same asset, or a similar one, is bought within 30 days. Only a warning."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, NamedTuple

from trimtab.kernel.records import Records
from trimtab.orders.recent_trades import Trade
from trimtab.orders.tax_lots import TaxLot

WINDOW = dt.timedelta(days=30)


class Changed(NamedTuple):
    """An asset of an account, by any key: how its shares change, and its tax lots with the kernel's decision on each."""

    key: Any
    group: str
    change: int
    lots: Sequence[TaxLot]
    decided: Records  # TAX_LOT

    @property
    def loses(self) -> bool:
        """Whether a lot is sold at a loss."""
        return bool(((self.decided["taken"] > 0) & (self.decided["gain"] < 0)).any())


def wash_sales(changed: Sequence[Changed], trades: Sequence[Trade], today: dt.date) -> frozenset[Any]:
    """The keys of the assets whose order gets a warning (rules, section 18)."""
    recent = [trade for trade in trades if today - WINDOW <= trade.date <= today]
    bought = {trade.group for trade in recent if trade.kind == "buy"}
    bought |= {each.group for each in changed if each.change > 0}
    kept = {each.group for each in changed if _keeps_purchase(each, today)}
    lost = {trade.group for trade in recent if trade.kind == "loss_sale"} | {
        each.group for each in changed if each.loses
    }
    return frozenset(
        each.key
        for each in changed
        if (each.change < 0 and each.loses and each.group in bought | kept) or (each.change > 0 and each.group in lost)
    )


def _keeps_purchase(changed: Changed, today: dt.date) -> bool:
    """Whether a lot was acquired in the window and is not entirely sold."""
    pairs: Any = zip(changed.lots, changed.decided["taken"].tolist(), strict=True)
    return any(today - WINDOW <= lot.acquired <= today and taken < lot.quantity for lot, taken in pairs)

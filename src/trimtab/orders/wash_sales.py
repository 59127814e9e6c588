"""Wash sales: selling at a loss while the same asset, or a similar one, is bought within 30 days. Only a warning."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from trimtab.orders.account_inputs import AccountInputs
from trimtab.orders.account_table import Instrument
from trimtab.orders.stage import DecidedPlan

WINDOW = dt.timedelta(days=30)


def wash_sales(decided: DecidedPlan, inputs: AccountInputs) -> frozenset[str]:
    """The assets whose order gets a warning (rules, section 18)."""
    if not inputs.tax_lots and not inputs.trades:
        return frozenset()
    rows, today = inputs.named(decided.candidates), inputs.today
    change = {row.asset: int(asset["now"]) - row.quantity for row, asset in zip(rows, decided.assets, strict=True)}
    recent = [trade for trade in inputs.trades if today - WINDOW <= trade.date <= today]
    bought = {trade.group for trade in recent if trade.kind == "buy"}
    bought |= {row.group for row in rows if change[row.asset] > 0}
    kept = _kept_purchases(decided, rows, inputs)
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


def _kept_purchases(decided: DecidedPlan, rows: Sequence[Instrument], inputs: AccountInputs) -> set[str]:
    """The groups with a lot acquired in the window and not entirely sold."""
    groups = set()
    for row, asset in zip(rows, decided.assets, strict=True):
        own = decided.lots[int(asset["lots_begin"]) : int(asset["lots_end"])]
        for lot, decision in zip(inputs.lots_of(row.asset), own, strict=True):
            if inputs.today - WINDOW <= lot.acquired <= inputs.today and decision["taken"] < lot.quantity:
                groups.add(row.group)
    return groups

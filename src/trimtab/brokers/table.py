"""Positions -> a table to write: one row per position, and one per account and currency of cash."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa

from trimtab.brokers.positions import Positions
from trimtab.files.cells import neutralised, plain_number

COLUMNS = (
    "account", "symbol", "isin", "cusip", "sedol", "wkn", "conid", "name", "kind", "quantity", "price", "multiplier", "value",
    "currency", "cost",
)  # fmt: skip


def table_of(positions: Positions) -> pa.Table:
    """The positions as text columns, which the layout `spreadsheet` reads back; cash has the symbol CASH.

    Text that a spreadsheet would take for a formula begins with an apostrophe.
    """
    rows: list[dict[str, str | None]] = []
    for position in positions.positions:
        ids = {name: position.ids.get(name) for name in ("isin", "cusip", "sedol", "wkn", "conid")}
        rows.append(
            {
                **ids,
                "account": _safe(position.account),
                "symbol": _safe(position.symbol),
                "name": _safe(position.name),
                "kind": position.kind,
                "quantity": _text(position.quantity),
                "price": _text(position.price),
                "multiplier": _text(position.multiplier),
                "value": _text(position.value),
                "currency": position.currency,
                "cost": _text(position.cost),
            }
        )
    for account in positions.accounts:
        for currency, amount in (account.cash or {}).items():
            cash = {"account": _safe(account.account), "symbol": "CASH", "value": _text(amount), "currency": currency}
            rows.append(cash)
    return pa.table({name: pa.array([row.get(name) for row in rows], pa.string()) for name in COLUMNS})


def _safe(text: str | None) -> str | None:
    return None if text is None else neutralised(text)


def _text(number: Decimal | None) -> str | None:
    return None if number is None else plain_number(number)

"""Alpaca: the positions of its API as JSON, and the account beside them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from trimtab.brokers.amounts import EXACT, NotANumberError
from trimtab.brokers.draft import Draft, Entry, text_cell
from trimtab.brokers.layout import Layout
from trimtab.errors import Fault, InputError

ALPACA = Layout(
    name="alpaca",
    title="Alpaca positions",
    columns={
        "symbol": ("symbol",),
        "quantity": ("qty",),
        "price": ("current_price",),
        "value": ("market_value",),
        "cost": ("cost_basis",),
        "unit_cost": ("avg_entry_price",),
        "side": ("side",),
        "kind": ("asset_class",),
        "alpaca_asset_id": ("asset_id",),
    },
    needed=("symbol", "quantity", "value", "price"),
    currency="USD",
    total_covers_file=True,
    unit_cost_is_exact=True,
)


def is_positions(values: Any) -> bool:
    """Whether JSON values are Alpaca's list of positions."""
    items = [item for item in values if isinstance(item, dict)] if isinstance(values, list) else []
    return (
        bool(items) and len(items) == len(values) and any("asset_class" in item or "asset_id" in item for item in items)
    )


def is_account(values: Any) -> bool:
    """Whether JSON values are Alpaca's account."""
    return isinstance(values, dict) and {"account_number", "cash", "equity"} <= set(values)


def read_positions(values: list[dict[str, Any]], account: dict[str, Any] | None, draft: Draft) -> None:
    """Add the positions to a draft, and the cash of the account where it is given."""
    draft.is_exact = True
    name = None if account is None else text_cell(account["account_number"])
    draft.add_account(name)
    draft.columns = [(key, next((f for f, names in ALPACA.columns.items() if key in names), None)) for key in values[0]]
    draft.headers = {item: names[0] for item, names in ALPACA.columns.items()}
    for line, item in enumerate(values, 1):
        label = text_cell(item.get("symbol")) or f"position {line}"
        for needed in ALPACA.needed:
            key = ALPACA.columns[needed][0]
            if item.get(key) is None:
                draft.faults.append(Fault(f"{label} has no {key}", "export the positions again", key, row=line))
        cells = {name: text_cell(item.get(names[0])) for name, names in ALPACA.columns.items()}
        draft.entries.append(Entry("position", line, cells, name))
    if account is None:
        draft.notes.append("the file has no cash; give the account's JSON as a second file to add and compare it")
        return
    currency = text_cell(account.get("currency")) or "USD"
    draft.entries.append(Entry("cash", 0, {"value": text_cell(account["cash"]), "currency": currency}, name))
    draft.entries.append(Entry("total", 0, {"value": text_cell(account["equity"]), "label": "equity"}))


def exact(text: str, source: str, label: str) -> Decimal:
    """A number written by a program.

    Raises
    ------
    InputError
        It is none.
    """
    try:
        amount = EXACT.read(text)
    except NotANumberError as error:
        raise InputError([Fault(f"{label}: {text!r} {error}", "export the file again")], source) from None
    if amount is None:
        raise InputError([Fault(f"{label} has no number", "export the file again")], source)
    return amount.number

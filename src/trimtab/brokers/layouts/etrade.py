"""E*TRADE: `PortfolioDownload.csv`, with a summary of the account above the positions."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from trimtab.brokers.draft import Draft, Entry, account_of
from trimtab.brokers.layout import Layout, Rule, folded
from trimtab.brokers.sheet import Row

ETRADE = Layout(
    unit_cost_is_exact=True,
    name="etrade",
    title="E*TRADE positions",
    columns={
        "symbol": ("Symbol",),
        "price": ("Last Price $", "Last Price"),
        "quantity": ("Quantity", "Qty #", "Qty"),
        "unit_cost": ("Price Paid $", "Price Paid"),
        "gain": ("Total Gain $",),
        "value": ("Value $", "Market Value $"),
    },
    needed=("symbol", "quantity", "value"),
    marks=("Last Price $", "Price Paid $", "Day's Gain $", "Total Gain $", "Total Gain %", "Value $", "Change $", "Change %", "Qty #"),
    min_marks=4,
    others=("Net Account Value", "Available For Withdrawal", "Cash Purchasing Power"),
    rules=(Rule("cash", r"cash"), Rule("total", r"(account )?total")),
    footers=(r"generated at .*",),
    currency="USD",
    date_order="mdy",
    needs_total=True,
    total_covers_file=True,
)  # fmt: skip
_ACCOUNT, _VALUE = "account", "net account value"


def prepare(rows: Sequence[Row], draft: Draft) -> str | None:
    """Take the account and its value from the summary."""
    for header, values in pairwise(row for row in rows if row.filled):
        names = [folded(cell) for cell in header.cells]
        if (
            _ACCOUNT in names
            and _VALUE in names
            and len(values.cells) > max(names.index(_ACCOUNT), names.index(_VALUE))
        ):
            account, name = account_of(values.cells[names.index(_ACCOUNT)])
            draft.add_account(account, name)
            cells = {"value": values.cells[names.index(_VALUE)], "label": "Net Account Value"}
            draft.entries.append(Entry("total", values.line, cells))
            return account
    return None

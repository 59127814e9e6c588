"""Merrill: `Holdings.csv`, and its companion with the cash and the value of each account, `PortfolioSummary.csv`."""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.brokers.draft import Draft, Entry
from trimtab.brokers.layout import Layout, Rule
from trimtab.brokers.sheet import Row
from trimtab.brokers.tables import read_table

MERRILL = Layout(
    name="merrill",
    title="Merrill holdings",
    columns={
        "as_of": ("COB Date",),
        "account": ("Account #", "Account Number"),
        "account_name": ("Account Registration",),
        "symbol": ("Symbol",),
        "cusip": ("CUSIP #", "CUSIP"),
        "merrill_security_number": ("Security #",),
        "name": ("Security Description",),
        "quantity": ("Quantity",),
        "price": ("Price ($)", "Price"),
        "value": ("Value ($)", "Value"),
    },
    needed=("account", "name", "quantity", "value"),
    marks=("COB Date", "Security #", "CUSIP #", "Security Description", "Account Registration", "Account #", "Price ($)", "Value ($)"),
    min_marks=4,
    ignored=("Account Nickname",),
    others=("Cash Balance ($)", "Net Value ($)", "Money Accounts ($)", "Trade Date", "Settlement Date"),
    rules=(
        Rule(
            "cash",
            r".*\b(direct deposit progr|deposit progr|bank deposit|cash balance|preferred deposit)\w*.*|cash",
            field="name",
            blank=("symbol",),
            ones=("price",),
        ),
    ),
    currency="USD",
    date_order="mdy",
    adds_cash=True,
)  # fmt: skip
SUMMARY = Layout(
    name="merrill_summary",
    title="Merrill account summary",
    columns={
        "as_of": ("COB Date",),
        "account": ("Account #",),
        "account_name": ("Account Registration",),
        "amount": ("Cash Balance ($)",),
        "value": ("Net Value ($)",),
    },
    needed=("account", "amount", "value"),
    marks=("Cash Balance ($)", "Net Value ($)", "Money Accounts ($)", "Priced Investments ($)", "Margin Balance ($)"),
    min_marks=3,
    ignored=("Account Nickname",),
    usual_names=False,
    currency="USD",
    date_order="mdy",
)  # fmt: skip


def is_summary(text: str) -> bool:
    """Whether a text is the summary of accounts."""
    head = text[:2000].casefold()
    return "cash balance ($)" in head and "net value ($)" in head and "quantity" not in head


def add_summary(rows: Sequence[Row], draft: Draft) -> None:
    """Add the cash balances and the net values of the companion to a draft."""
    summary = Draft(draft.source, SUMMARY)
    read_table(rows, SUMMARY, summary)
    for entry in summary.entries:
        if entry.account not in draft.names:
            draft.refuse(f"account {entry.account} of the summary has no positions", "download both files again", entry)
            continue
        draft.entries.append(
            Entry("cash", entry.line, {"value": entry.text("amount"), "name": "Cash Balance"}, entry.account)
        )
        cells = {"value": entry.text("value"), "label": "Net Value"}
        draft.entries.append(Entry("total", entry.line, cells, entry.account))
    draft.check()

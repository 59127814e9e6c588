"""Vanguard: `OfxDownload.csv`, with the holdings of all accounts and the transactions below them."""

from __future__ import annotations

from trimtab.brokers.layout import Layout

VANGUARD = Layout(
    name="vanguard",
    title="Vanguard holdings",
    columns={
        "account": ("Account Number", "Fund Account Number", "Plan Number", "Plan number"),
        "name": ("Investment Name", "Fund Name", "Plan name"),
        "symbol": ("Symbol", "Ticker"),
        "quantity": ("Shares",),
        "price": ("Share Price", "Price"),
        "value": ("Total Value",),
    },
    needed=("account", "name", "quantity", "value"),
    marks=("Account Number", "Fund Account Number", "Investment Name", "Fund Name", "Total Value", "Share Price"),
    min_marks=3,
    others=(
        "Trade Date", "Process Date", "Settlement Date", "Transaction Type", "Transaction Description", "Net Amount",
        "Principal Amount", "Commissions and Fees", "Commission Fees", "Gross Amount", "Accrued Interest",
    ),
    currency="USD",
)  # fmt: skip

"""Fidelity: positions as of now, all accounts in one table."""

from __future__ import annotations

from trimtab.brokers.layout import Layout, Rule

FIDELITY = Layout(
    name="fidelity",
    title="Fidelity positions",
    columns={
        "account": ("Account Number", "Account #"),
        "account_name": ("Account Name", "Account Name/Number"),
        "symbol": ("Symbol",),
        "name": ("Description",),
        "quantity": ("Quantity",),
        "price": ("Last Price",),
        "value": ("Current Value",),
        "cost": ("Cost Basis Total", "Cost Basis"),
        "unit_cost": ("Average Cost Basis", "Cost Basis Per Share"),
        "gain": ("Total Gain/Loss Dollar", "Total Gain/Loss ($)", "Total Gain/Loss $"),
        "percent": ("Percent Of Account", "% of Account"),
    },
    needed=("account", "symbol", "quantity", "value"),
    marks=(
        "Account Number", "Account Name", "Last Price Change", "Current Value", "Today's Gain/Loss Dollar",
        "Today's Gain/Loss Percent", "Total Gain/Loss Dollar", "Total Gain/Loss Percent", "Percent Of Account", "Last Price",
        "Cost Basis Total", "Average Cost Basis", "Cost Basis Per Share",
    ),
    min_marks=4,
    ignored=("Type", "Account Type", "Investment Type", "Basket Name", "Security Type"),
    others=("Run Date", "Action", "Settlement Date", "Beginning mkt Value"),
    rules=(
        Rule("pending", r"pending\s*activity"),
        Rule("pending", r"pending\s*activity", field="name"),
        Rule("cash", r".+\*\*"),
        Rule("cash", r"held in (money market|fcash|cash).*", field="name"),
        Rule("cash", r"fcash|core"),
    ),
    footers=(r"date downloaded.*", r"brokerage services.*", r"\"?the data and information.*"),
    currency="USD",
    date_order="mdy",
    adds=True,
)  # fmt: skip

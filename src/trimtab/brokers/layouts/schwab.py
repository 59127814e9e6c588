"""Charles Schwab: positions of one account, or of all."""

from __future__ import annotations

from trimtab.brokers.layout import Layout, Rule

SCHWAB = Layout(
    name="schwab",
    title="Schwab positions",
    columns={
        "symbol": ("Symbol", "Symbol / CUSIP"),
        "name": ("Description", "Name"),
        "quantity": ("Quantity", "Qty (Quantity)", "Qty"),
        "price": ("Price", "Last Price"),
        "value": ("Market Value", "Mkt Val (Market Value)", "Mkt Val"),
        "cost": ("Cost Basis",),
        "unit_cost": ("Cost/Share", "Cost Per Share"),
        "gain": ("Gain/Loss $", "Gain $ (Gain/Loss $)"),
        "percent": ("% Of Account", "% of Acct (% of Account)", "% of Acct"),
        "kind": ("Security Type", "Asset Type"),
    },
    needed=("symbol", "quantity", "value"),
    marks=(
        "Price Change $", "Price Change %", "Day Change $", "Day Change %", "Gain/Loss $", "Gain/Loss %", "% Of Account",
        "Reinvest Dividends?", "Capital Gains?", "Security Type", "Qty (Quantity)", "Mkt Val (Market Value)",
        "Price Chng $ (Price Change $)", "Price Chng % (Price Change %)", "Day Chng $ (Day Change $)",
        "Day Chng % (Day Change %)", "Gain $ (Gain/Loss $)", "Gain % (Gain/Loss %)", "% of Acct (% of Account)", "Reinvest?",
        "Reinvest Capital Gains?", "P/E Ratio (Price/Earnings Ratio)", "Div Yld (Dividend Yield)", "Asset Type", "Cost/Share",
    ),
    min_marks=3,
    ignored=("Cost Per Share %", "Date", "Reinvest?"),
    rules=(
        Rule("cash", r"cash (&|and) cash investments|cash( and money market)?|futures cash"),
        Rule("total", r"((account|positions?|grand) )?total( .*)?"),
    ),
    titles=(
        r"positions for (all[- ]accounts|custom group .*) as of (?P<date>.+)",
        r"positions for (?:account )?(?P<account>.+?) as of (?P<date>.+)",
        r"(?P<account>[^,\"]{0,60}(?:\.{3}|X{2,}-?)\s?\w{2,})",
    ),
    currency="USD",
    date_order="mdy",
    needs_total=True,
)  # fmt: skip

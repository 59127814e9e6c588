"""Trading 212: the history as CSV. It has no file of positions, so activities are folded."""

from __future__ import annotations

from trimtab.brokers.layout import Layout

TRADING212 = Layout(
    name="trading212",
    title="Trading 212 history",
    columns={
        "action": ("Action",),
        "as_of": ("Time (UTC)", "Time"),
        "isin": ("ISIN",),
        "symbol": ("Ticker",),
        "name": ("Name",),
        "id": ("ID",),
        "quantity": ("No. of shares",),
        "price": ("Price / share",),
        "currency": ("Currency (Price / share)",),
        "rate": ("Exchange rate",),
        "amount": ("Total", r"re:total \([a-z]{3}\)"),
        "amount_currency": ("Currency (Total)",),
    },
    needed=("action", "as_of", "isin", "symbol", "quantity", "price", "currency"),
    marks=(
        "No. of shares",
        "Price / share",
        "Currency (Price / share)",
        "Exchange rate",
        "Currency (Total)",
        "Withholding tax",
    ),
    min_marks=2,
    usual_names=False,
    fold={
        r"(?:(?:market|limit|stop|stop limit) )?buy": "buy",
        r"(?:(?:market|limit|stop|stop limit) )?sell": "sell",
        r"deposit.*|transfer in cash": "paid in",
        r"withdrawal.*|dividend.*|interest.*|lending interest|currency conversion.*|card .*|spending.*|new card cost": "none",
        r"result adjustment|adr fee|fee.*|cashback.*": "none",
    },
)

"""Wealthfolio: holdings by day, for import; the last day counts."""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.brokers.layout import Layout, Rule, folded
from trimtab.brokers.sheet import Row

WEALTHFOLIO = Layout(
    unit_cost_is_exact=True,
    name="wealthfolio",
    title="Wealthfolio holdings",
    columns={
        "as_of": ("date",),
        "symbol": ("symbol",),
        "quantity": ("quantity",),
        "unit_cost": ("avgCost", "average cost", "avg cost", "averageCost"),
        "currency": ("currency",),
    },
    needed=("as_of", "symbol", "quantity", "currency"),
    marks=("date", "symbol", "quantity", "avgCost", "averageCost", "currency"),
    min_marks=3,
    ignored=("price",),  # in the program's own sample an average cost, elsewhere a price
    rules=(Rule("cash", r"\$CASH.*|cash([ _-][a-z]{3})?"),),
    latest_only=True,
)


def is_holdings(rows: Sequence[Row]) -> bool:
    """Whether rows begin with the program's few columns: its name for the average cost, or its symbol for cash, tells."""
    names = [folded(cell) for cell in rows[0].cells if cell] if rows else []
    if not {"date", "symbol", "quantity"} <= set(names) or len(names) > 6:
        return False
    index = [folded(cell) for cell in rows[0].cells].index("symbol")
    has_cash = any(len(row.cells) > index and row.cells[index].startswith("$CASH") for row in rows[1:])
    return has_cash or bool({"avgcost", "averagecost"} & set(names))

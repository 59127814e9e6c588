"""A plain spreadsheet in the usual words: CSV or XLSX, in any order of columns."""

from __future__ import annotations

from trimtab.brokers.layout import USUAL, Layout, Rule

SPREADSHEET = Layout(
    unit_cost_is_exact=True,
    name="spreadsheet",
    title="a spreadsheet of positions",
    columns={**USUAL, "multiplier": ("multiplier", "mult", "contract size"), "base": ("base currency",), "restriction": ("restriction",)},
    needed=("quantity",),
    marks=tuple(name for field in ("symbol", "isin", "cusip", "wkn", "name", "quantity", "price", "value", "currency", "account", "cost") for name in USUAL[field]),
    min_marks=2,
    others=(
        "action", "transaction type", "transaction", "trade date", "settlement date", "settle date", "buy/sell", "side",
        "order type", "fees & comm", "commission", "proceeds", "activity", "trans code", "amount", "fee", "fees",
    ),
    rules=(
        Rule("cash", r"\$?(cash|bargeld|liquidität|guthaben|verrechnungskonto|kasse|cash balance|efectivo|contanti|liquidités|kontostand)(?:[ _-]?[a-z]{3})?"),
        Rule("cash", r"\$?(cash|bargeld|guthaben|verrechnungskonto|cash balance|cash & cash equivalents)", field="isin"),
        Rule("cash", r"(cash|bargeld|guthaben|verrechnungskonto|cash balance)", field="name", blank=("symbol", "isin", "quantity")),
        Rule("total", r"(grand |account |portfolio )?(total|sum|summe|gesamt|gesamtsumme|totale|totaal|somme|suma)s?", field="", blank=("quantity",)),
    ),
    footers=(),
    total_covers_file=True,
)  # fmt: skip

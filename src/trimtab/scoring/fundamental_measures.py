"""The measures of the fundamental score: the part that each belongs to, the items it is computed from, its source."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

PARTS = ("value", "quality", "growth", "leverage")


@dataclass(frozen=True, slots=True)
class Measure:
    """One ranked number. `formulas` are tried in turn: the first whose items all exist counts."""

    name: str
    part: str
    formulas: tuple[tuple[str, ...], ...]
    low_is_good: bool = False


# A formula is ("over", a, b): a / b where b > 0; ("inverse", a): 1 / a where a is not 0; ("is", a): a itself;
# ("growth", a): a over a of about a year before, less 1, where the earlier one is above 0. Growth compares totals of the
# firm: amounts per share of two years are of different shares where a split lies between them.
_EARNINGS = "total_earnings"
# Earnings of the firm from one row's amounts per share and its value, in the order in which they are tried.
_TOTALS = (
    pl.col("eps") * pl.col("shares_outstanding"),
    pl.when(pl.col("price") > 0).then(pl.col("eps") / pl.col("price") * pl.col("market_cap")),
    pl.when(pl.col("pe") != 0).then(pl.col("market_cap") / pl.col("pe")),
)
_FOR_TOTALS = ("eps", "shares_outstanding", "price", "market_cap", "pe")
MEASURES = (
    # Value: fundamentals over price (Basu, Journal of Finance 32, 1977; Fama and French, Journal of Finance 47, 1992;
    # Barbee, Mukherji and Raines, Financial Analysts Journal 52, 1996; Litzenberger and Ramaswamy, 1979).
    Measure("earnings_yield", "value", (("over", "eps", "price"), ("inverse", "pe"))),
    Measure("book_to_price", "value", (("over", "book_value_per_share", "price"), ("inverse", "pb"))),
    Measure("sales_to_price", "value", (("inverse", "ps"), ("over", "total_revenue", "market_cap"))),
    Measure("dividend_yield", "value", (("is", "dividend_yield"),)),
    # Quality: profit over the capital behind it (Novy-Marx, Journal of Financial Economics 108, 2013; Fama and French,
    # "A Five-Factor Asset Pricing Model", 2015), and cash rather than accruals (Sloan, Accounting Review 71, 1996).
    Measure("gross_profitability", "quality", (("over", "gross_profit", "total_assets"),)),
    Measure(
        "return_on_equity", "quality", (("over", "net_income", "total_equity"), ("over", "eps", "book_value_per_share"))
    ),
    Measure("cash_return", "quality", (("over", "net_cash_flow_operating", "total_assets"),)),
    # Growth: against about a year before (Lakonishok, Shleifer and Vishny, Journal of Finance 49, 1994, use sales).
    Measure("revenue_growth", "growth", (("growth", "total_revenue"),)),
    Measure("earnings_growth", "growth", (("growth", "net_income"), ("growth", _EARNINGS))),
    # Leverage: low is good (Bhandari, Journal of Finance 43, 1988; Penman, Richardson and Tuna, 2007).
    Measure("liabilities_to_assets", "leverage", (("over", "total_liabilities", "total_assets"),), low_is_good=True),
    Measure("debt_to_equity", "leverage", (("over", "long_term_debt", "total_equity"),), low_is_good=True),
)
_EARLIER, _EARLIEST = 300, 550  # how many days earlier the value of about a year before was known


def items() -> tuple[str, ...]:
    """Every item that a measure uses, by name."""
    named = {item for measure in MEASURES for formula in measure.formulas for item in formula[1:]}
    return tuple(sorted(named - {_EARNINGS} | {*_FOR_TOTALS}))


def measured(rows: pl.DataFrame) -> pl.DataFrame:
    """`symbol`, `known_on` and every measure for each row of fundamentals, null where its items are missing.

    Parameters
    ----------
    rows
        `symbol`, `known_on` and items of float64, by day. Amounts may be in any currency: ratios cancel it.
    """
    absent = [pl.lit(None, pl.Float64).alias(item) for item in items() if item not in rows.columns]
    ordered = rows.with_columns(absent).sort("symbol", "known_on", maintain_order=True)
    ordered = ordered.with_columns(pl.coalesce(*_TOTALS).alias(_EARNINGS))
    grown = {formula[1] for measure in MEASURES for formula in measure.formulas if formula[0] == "growth"}
    for item in sorted(grown):
        ordered = _with_earlier(ordered, item)
    columns = [
        pl.coalesce(*(_formula(formula) for formula in measure.formulas)).alias(measure.name) for measure in MEASURES
    ]
    return ordered.select("symbol", "known_on", *columns)


def _with_earlier(rows: pl.DataFrame, item: str) -> pl.DataFrame:
    """The rows with `earlier_<item>`: the latest value that was known 300 to 550 days earlier."""
    values = rows.select("symbol", pl.col("known_on").alias("earlier_on"), pl.col(item).alias(f"earlier_{item}"))
    wanted = rows.with_columns((pl.col("known_on") - pl.duration(days=_EARLIER)).alias("wanted_on"))
    joined = wanted.sort("wanted_on", maintain_order=True).join_asof(
        values.drop_nulls().sort("earlier_on", maintain_order=True),
        left_on="wanted_on",
        right_on="earlier_on",
        by="symbol",
        tolerance=f"{_EARLIEST - _EARLIER}d",
        check_sortedness=False,
    )
    return joined.drop("wanted_on", "earlier_on").sort("symbol", "known_on", maintain_order=True)


def _formula(formula: tuple[str, ...]) -> pl.Expr:
    kind, *names = formula
    if kind == "over":
        return pl.when(pl.col(names[1]) > 0).then(pl.col(names[0]) / pl.col(names[1]))
    if kind == "inverse":
        return pl.when(pl.col(names[0]) != 0).then(1.0 / pl.col(names[0]))
    if kind == "growth":
        earlier = pl.col(f"earlier_{names[0]}")
        return pl.when(earlier > 0).then(pl.col(names[0]) / earlier - 1.0)
    return pl.col(names[0])

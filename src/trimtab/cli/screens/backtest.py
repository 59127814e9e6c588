"""A backtest and a sweep on screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from trimtab.text import printable

if TYPE_CHECKING:
    from trimtab.backtesting.pages.backtest_facts import BacktestFacts
    from trimtab.backtesting.sweep import SweepResult

_ROWS = 10  # policies in the table of the best
_STATISTICS = ("annual_return", "volatility", "sharpe", "max_drawdown", "turnover")


def backtest_view(facts: BacktestFacts) -> RenderableType:
    """The statistics side by side, the differences with their intervals, and the notes."""
    parts: list[RenderableType] = [Text(f"{facts.title}: {facts.period}", style="bold"), ""]
    table = _plain_table(["", *facts.policies])
    for row in facts.statistics:
        table.add_row(row.name, *row.texts)
    parts += [table, Text(facts.per_year, "dim")]
    if facts.comparisons:
        parts += ["", Text("Differences", style="bold"), *(Text(f"- {row.sentence}") for row in facts.comparisons)]
        parts.append(Text(facts.how_compared, "dim"))
    return Group(*parts)


def sweep_view(result: SweepResult) -> RenderableType:
    """The policies with the highest Sharpe ratios, and whether the first is likely luck."""
    import polars as pl

    verdict = result.luck()
    count = len(result.limits)
    period = f"{result.dates[0].isoformat()} to {result.dates[-1].isoformat()}"
    head = f"{count:,} {'policy' if count == 1 else 'policies'}, {period}"
    table = _plain_table(["policy", *(name.replace("_", " ") for name in (*result.fields, *_STATISTICS))])
    best = result.table.sort("sharpe", descending=True, nulls_last=True, maintain_order=True).head(_ROWS)
    for row in best.select(pl.col("policy"), *result.fields, *_STATISTICS).iter_rows(named=True):
        fields = [_field_text(row[name]) for name in result.fields]
        table.add_row(str(row["policy"]), *fields, *(_statistic_text(name, row[name]) for name in _STATISTICS))
    warning = "Warning: " if verdict.is_likely_luck else ""
    sentence = Text(f"{warning}{verdict.sentence}", "yellow" if verdict.is_likely_luck else "")
    return Group(Text(head, style="bold"), "", table, "", sentence)


def _plain_table(columns: Sequence[str]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for number, name in enumerate(columns):
        table.add_column(Text(name), justify="right" if number else "left")
    return table


def _field_text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else printable(str(value))


def _statistic_text(name: str, value: float | None) -> str:
    if value is None:
        return "none"
    return f"{value:.2f}" if name == "sharpe" else f"{value:.2%}"

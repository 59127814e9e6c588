"""The pages of a backtest and of a sweep: facts and charts through the templates of the report."""

from __future__ import annotations

from trimtab.backtesting.pages.backtest_facts import BacktestFacts
from trimtab.backtesting.pages.backtest_page import equity_chart, heat_chart, stack_chart, trade_chart, versus_chart
from trimtab.backtesting.pages.sweep_facts import SweepFacts
from trimtab.backtesting.pages.sweep_page import logit_chart, surface_chart
from trimtab.report.page import rendered


def backtest_page(facts: BacktestFacts) -> str:
    """The whole page: one HTML document without scripts, that asks for nothing from anywhere."""
    charts = (equity_chart(facts), stack_chart(facts), heat_chart(facts), trade_chart(facts), versus_chart(facts))
    return rendered("backtest.html", facts, charts)


def sweep_page(facts: SweepFacts) -> str:
    """The whole page of a sweep, with a warning where its best policy is likely luck."""
    return rendered("sweep.html", facts, (surface_chart(facts), logit_chart(facts)))

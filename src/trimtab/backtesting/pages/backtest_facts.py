"""The page of a backtest as one frozen object: every number that it shows, with its text."""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from trimtab.backtesting.comparison import Versus, shown, versus
from trimtab.backtesting.policy_run import PolicyRun
from trimtab.facts.outcome import Figure
from trimtab.limits.in_words import RuleSection, rule_sheet
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.statistics.bootstrap import SAMPLES
from trimtab.statistics.performance import Statistics, drawdowns
from trimtab.text import counted, percent, printable

POINTS = 400  # points drawn of a curve
COLUMNS = 160  # decisions drawn
_AT = 1e-9
NONE = "none"
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class Curve:
    """A policy's equity and drawdown at the drawn dates."""

    name: str
    equity: tuple[float, ...]
    drawdown: tuple[float, ...]


@dataclass(frozen=True)
class BucketHistory:
    """A bucket over the drawn decisions. `max_weight` is its limit, None without one."""

    path: str
    colour: int
    weights: tuple[float, ...]
    weight_texts: tuple[str, ...]
    max_weight: float | None
    max_text: str
    mean_text: str
    highest_text: str
    last_text: str
    at_limit: str


@dataclass(frozen=True)
class TradeFact:
    """The trades after a decision and their cost, fractions of the account."""

    date: str
    turnover: float
    cost: float
    turnover_text: str
    cost_text: str


@dataclass(frozen=True)
class YearFact:
    """A calendar year: its months' returns, as written; empty where there was no session."""

    year: str
    months: tuple[str, ...]
    total: str
    turnover: str
    cost: str


@dataclass(frozen=True)
class MonthRow:
    """A calendar year of a policy: for each month and the year its name, its return as written, the class of its colour."""

    year: str
    policy: str
    cells: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class StatisticFact:
    """A row of a table, as written: a statistic of each policy, or a date's weight of each bucket."""

    name: str
    texts: tuple[str, ...]


@dataclass(frozen=True)
class VersusFact:
    """A difference with its interval."""

    name: str
    sentence: str
    estimate: float
    low: float
    high: float
    estimate_text: str
    low_text: str
    high_text: str
    is_mean: bool


@dataclass(frozen=True)
class BacktestFacts:
    """The contents of the page of a backtest. `days` and `trade_days` are ordinals of the drawn dates.

    `comparisons` are those of `compared`, in writing.
    """

    title: str
    period: str
    figures: tuple[Figure, ...]
    notes: tuple[str, ...]
    policies: tuple[str, ...]
    days: tuple[int, ...]
    curves: tuple[Curve, ...]
    trade_days: tuple[int, ...]
    trade_dates: tuple[str, ...]
    buckets: tuple[BucketHistory, ...]
    cash: tuple[float, ...]
    trades: tuple[TradeFact, ...]
    years: tuple[YearFact, ...]
    month_rows: tuple[MonthRow, ...]
    statistics: tuple[StatisticFact, ...]
    compared: tuple[Versus, ...]
    comparisons: tuple[VersusFact, ...]
    how_compared: str
    per_year: str
    terms: tuple[Figure, ...]
    rules: tuple[RuleSection, ...]
    heat_columns: tuple[str, ...]
    heat_rows: tuple[StatisticFact, ...]
    month_columns: tuple[str, ...]
    statistic_columns: tuple[str, ...]


def backtest_facts(results: Sequence[PolicyRun], title: str, *, samples: int = SAMPLES, seed: int = 0) -> BacktestFacts:
    """The facts of the first result, beside the others.

    Raises
    ------
    InputError
        As in `trimtab.backtesting.comparison.versus`.
    """
    intervals = versus(results, samples=samples, seed=seed)
    first = results[0]
    sessions, is_set = first.market_history.sessions_per_year, first.settings.sessions_per_year
    source = "as set" if is_set else "read from the dates"
    dates = first.equity["date"].to_list()
    drawn = _spread(len(dates), POINTS)
    columns = _spread(first.turnover.height, COLUMNS)
    decided = first.turnover["trade_date"].to_list()
    trade_dates = tuple(decided[column].isoformat() for column in columns)
    buckets, cash = _buckets(first, columns)
    texts = {name: tuple(_text(result.statistics, field, form) for result in results) for name, field, form in _ROWS}
    statistics = tuple(StatisticFact(name, row) for name, row in texts.items())
    return BacktestFacts(
        title=printable(title),
        period=f"{dates[0].isoformat()} to {dates[-1].isoformat()}, {counted(len(dates), 'session')}, {counted(len(decided), 'decision')}",
        figures=tuple(Figure(row.name, row.texts[0]) for row in statistics),
        notes=tuple(printable(note.text) for note in first.notes),
        policies=tuple(printable(result.name) for result in results),
        days=tuple(dates[session].toordinal() for session in drawn),
        curves=tuple(_curve(result, drawn) for result in results),
        trade_days=tuple(decided[column].toordinal() for column in columns),
        trade_dates=trade_dates,
        buckets=tuple(buckets),
        cash=tuple(cash),
        trades=tuple(_trades(first, columns)),
        years=tuple(_years(first, dates)),
        month_rows=tuple(_month_rows(results, dates)),
        statistics=statistics,
        compared=tuple(intervals),
        comparisons=tuple(map(_versus, intervals)),
        how_compared=_how(intervals),
        per_year=f"{sessions} sessions a year ({source}); Sharpe and Sortino ratios are above cash",
        terms=tuple(_terms(first)),
        rules=tuple(
            RuleSection(section.title, tuple(map(printable, section.sentences))) for section in rule_sheet(first.limits)
        ),
        heat_columns=("Traded", *(f"#{bucket.path}" for bucket in buckets), "#cash"),
        heat_rows=tuple(
            StatisticFact(date, (*(bucket.weight_texts[row] for bucket in buckets), percent(cash[row])))
            for row, date in enumerate(trade_dates)
        ),
        month_columns=("Year", "Policy", *(f"#{month}" for month in MONTHS), "#Year"),
        statistic_columns=("Statistic", *(f"#{printable(result.name)}" for result in results)),
    )


def _spread(count: int, max_places: int) -> list[int]:
    """Up to `max_places` of `count` places, evenly spaced, the last included; each represents those since its predecessor."""
    shown = min(count, max_places)
    return [(index + 1) * count // shown - 1 for index in range(shown)]


def _curve(result: PolicyRun, drawn: Sequence[int]) -> Curve:
    """The equity at the drawn sessions, and the deepest drawdown since the drawn session before."""
    equity = result.equity["equity"].to_numpy()
    below = drawdowns(equity)
    starts = [0, *(session + 1 for session in drawn[:-1])]
    deepest = [float(below[start : stop + 1].min()) for start, stop in zip(starts, drawn, strict=True)]
    return Curve(printable(result.name), tuple(equity[list(drawn)].tolist()), tuple(deepest))


def _max_allocation(path: str, limits: RebalancingLimits) -> float | None:
    """The allocation limit of a bucket at `bucket_level`; None if no limit can bind."""
    if not (limits.enable_bucket_diversification and limits.enforce_allocation_limits):
        return None
    _, max_allocation = limits.limit_at(path, "max_allocation")
    return float(max_allocation) if max_allocation < 1.0 else None


def _buckets(result: PolicyRun, columns: Sequence[int]) -> tuple[list[BucketHistory], list[float]]:
    """The buckets by path, and the cash, after the drawn decisions."""
    tops, weights = result.top_weights
    histories = []
    for index, path in enumerate(tops):
        own, max_weight = weights[:, index], _max_allocation(path, result.limits)
        count = 0 if max_weight is None else int((own >= max_weight - _AT).sum())
        drawn = own[list(columns)].tolist()
        histories.append(
            BucketHistory(
                printable(path),
                index,
                tuple(drawn),
                tuple(map(percent, drawn)),
                max_weight,
                NONE if max_weight is None else percent(max_weight),
                percent(float(own.mean())),
                percent(float(own.max())),
                percent(float(own[-1])),
                NONE if max_weight is None else f"{count} of {len(own)}",
            )
        )
    cash = np.maximum(1.0 - weights.sum(axis=1), 0.0)[list(columns)].tolist()
    return histories, cash


def _trades(result: PolicyRun, columns: Sequence[int]) -> Iterator[TradeFact]:
    """Turnover and cost of the drawn decisions; where several share a place, their sum."""
    frame = result.turnover
    turnover = frame["turnover"].to_numpy()
    cost = (frame["cost"] / frame["value"]).to_numpy()
    dates, start = frame["trade_date"].to_list(), 0
    for column in columns:
        traded, paid = math.fsum(turnover[start : column + 1]), math.fsum(cost[start : column + 1])
        yield TradeFact(dates[column].isoformat(), traded, paid, percent(traded), f"{paid:.3%}")
        start = column + 1


def _years(result: PolicyRun, dates: Sequence[dt.date]) -> Iterator[YearFact]:
    """Monthly and yearly returns: the value at the end of each period over that of the period before."""
    equity = result.equity["equity"].to_list()
    frame = result.turnover.select("trade_date", "turnover", (result.turnover["cost"] / result.turnover["value"]))
    traded: dict[int, list[tuple[float, float]]] = {}
    for date, turnover, cost in frame.iter_rows():
        traded.setdefault(date.year, []).append((turnover, cost))
    before = equity[0]
    for year, of_year in itertools.groupby(range(len(dates)), key=lambda session: dates[session].year):
        start, months = before, dict.fromkeys(range(1, 13), "")
        for month, places in itertools.groupby(list(of_year), key=lambda session: dates[session].month):
            last = equity[list(places)[-1]]
            months[month] = percent(last / before - 1.0)
            before = last
        spent = traded.get(year, [])
        yield YearFact(
            str(year),
            tuple(months.values()),
            percent(before / start - 1.0),
            percent(math.fsum(amounts for amounts, _ in spent)),
            f"{math.fsum(amounts for _, amounts in spent):.3%}",
        )


def _month_rows(results: Sequence[PolicyRun], dates: Sequence[dt.date]) -> Iterator[MonthRow]:
    """Each year of all policies, one under the other."""
    by_policy = [(printable(run.name), tuple(_years(run, dates))) for run in results]
    for number, year in enumerate(by_policy[0][1]):
        for name, years in by_policy:
            texts = (*years[number].months, years[number].total)
            labels = (*MONTHS, "Year")
            cells = ((label, text, _month_class(text)) for label, text in zip(labels, texts, strict=True))
            yield MonthRow(year.year, name, tuple(cells))


def _month_class(text: str) -> str:
    """The class of a return's colour: its sign, and one of four steps, for 1, 3 and 6 points or more."""
    value = float(text.strip("<%") or 0.0)
    step = 1 + sum(abs(value) >= size for size in (1.0, 3.0, 6.0))
    return "" if value == 0.0 else f"{'up' if value > 0 else 'down'}{step}"


_ROWS = (
    ("total return", "total_return", "{:.2%}"),
    ("return a year", "annual_return", "{:.2%}"),
    ("volatility", "volatility", "{:.2%}"),
    ("Sharpe ratio", "sharpe", "{:.2f}"),
    ("Sortino ratio", "sortino", "{:.2f}"),
    ("deepest drawdown", "max_drawdown", "{:.2%}"),
    ("Calmar ratio", "calmar", "{:.2f}"),
    ("turnover a year", "turnover", "{:.0%}"),
    ("cost drag a year", "cost_drag", "{:.2%}"),
    ("effective positions", "effective_positions", "{:.1f}"),
    ("effective bets", "effective_bets", "{:.2f}"),
    ("bucket concentration", "bucket_concentration", "{:.3f}"),
)


def _text(statistics: Statistics, field: str, form: str) -> str:
    value = getattr(statistics, field)
    return NONE if value is None else form.format(value)


def _versus(comparison: Versus) -> VersusFact:
    inside = comparison.interval
    what = "mean return a year" if inside.statistic == "mean" else "Sharpe ratio"
    return VersusFact(
        name=printable(f"{comparison.first} less {comparison.second}, {what}"),
        sentence=printable(str(comparison)),
        estimate=inside.estimate,
        low=inside.low,
        high=inside.high,
        estimate_text=shown(inside, inside.estimate),
        low_text=shown(inside, inside.low),
        high_text=shown(inside, inside.high),
        is_mean=inside.statistic == "mean",
    )


def _how(intervals: Iterable[Versus]) -> str:
    first = next(iter(intervals), None)
    if first is None:
        return ""
    interval = first.interval
    return (
        f"{interval.level:.0%} intervals by the stationary bootstrap: {interval.samples:,} histories of blocks of the same days (seed "
        f"{interval.seed}; mean block {interval.block:.1f} sessions for the first difference), widened where history is short."
    )


def _terms(result: PolicyRun) -> Iterator[Figure]:
    settings, costs = result.settings, result.settings.costs
    if settings.drift is not None:
        decides = f"whenever a weight has drifted by {settings.drift:.2%}"
    elif isinstance(settings.every, str):
        decides = f"at the end of each {settings.every}"
    else:
        decides = f"on {counted(len(settings.every), 'given day')}"
    yield Figure("decides", decides)
    yield Figure("trades", f"at the {settings.trade_at} of the next session")
    parts = f"commission {costs.commission_bps:g}, spread {costs.spread_bps:g}, slippage {costs.slippage_bps:g}"
    yield Figure("costs", f"{parts} basis points")
    rate = settings.cash_rate
    yield Figure("cash earns", f"{rate:.2%} a year" if isinstance(rate, int | float) else "the given rates")
    gone = counted(settings.gone_after, "session")
    yield Figure("prices end", f"a holding turns into cash after {gone} without a price")
    yield Figure("a year", f"{result.market_history.sessions_per_year} sessions")

"""Policies side by side: their statistics, and the difference of two with an interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trimtab.backtesting.policy_run import PolicyRun
from trimtab.errors import Fault, InputError
from trimtab.statistics.bootstrap import COMPARED, SAMPLES, Interval, difference


@dataclass(frozen=True, slots=True)
class Versus:
    """`first` less `second`, on the same sessions; returns are above cash."""

    first: str
    second: str
    interval: Interval

    def __str__(self) -> str:
        interval = self.interval
        name = "mean return a year" if interval.statistic == "mean" else "Sharpe ratio"
        verdict = "0 is inside: no difference is shown" if interval.holds_zero else "0 is outside"
        low, high, estimate = (shown(interval, value) for value in (interval.low, interval.high, interval.estimate))
        return f"{self.first} less {self.second}, {name}: {estimate} ({interval.level:.0%} interval {low} to {high}; {verdict})"


def versus(results: Sequence[PolicyRun], *, level: float = 0.95, samples: int = SAMPLES, seed: int = 0) -> list[Versus]:
    """The first result against each of the others: mean return and Sharpe ratio.

    Parameters
    ----------
    results
        At least one, all on the same sessions, with different names.
    level, samples, seed
        As in `trimtab.statistics.bootstrap.difference`.

    Raises
    ------
    InputError
        The sessions differ, a name appears twice, or there are fewer than 20 returns.
    """
    check_alike(results)
    first, differences = results[0].above_cash, []
    options = {"samples": samples, "seed": seed, "year": results[0].market_history.sessions_per_year}
    for other in results[1:]:
        for statistic in COMPARED:
            interval = difference(first, other.above_cash, statistic, level=level, **options)
            differences += [] if interval is None else [Versus(results[0].name, other.name, interval)]
    return differences


def shown(interval: Interval, value: float) -> str:
    """A value of an interval in writing: percent for returns, two digits for Sharpe ratios."""
    digits = 4 if interval.statistic == "mean" else 2
    rounded = round(value, digits) + 0.0  # no minus before zero
    return f"{rounded:+.2%}" if interval.statistic == "mean" else f"{rounded:+.2f}"


def check_alike(results: Sequence[PolicyRun]) -> None:
    """Refuse results that cannot be compared side by side.

    Raises
    ------
    InputError
        No results, a name that appears twice, or sessions that differ from the first's.
    """
    if not results:
        raise InputError([Fault("no results to compare", "give at least one")])
    names = [result.name for result in results]
    double = [name for name in names if names.count(name) > 1]
    if double:
        advice = 'give each its own: backtest(..., name="…")'
        raise InputError([Fault("two results have one name", advice, value=double[0])])
    dates = results[0].equity["date"]
    for result in results[1:]:
        if not dates.equals(result.equity["date"]):
            advice = "walk the same prices from the same start to the same end"
            raise InputError([Fault(f"its sessions differ from those of {names[0]!r}", advice, value=result.name)])

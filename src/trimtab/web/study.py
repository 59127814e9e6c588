"""The summary of a backtest or of a sweep as texts: from the summary.json that `trimtab backtest` and `trimtab sweep` write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trimtab.errors import Fault, InputError
from trimtab.text import percent, printable

_FIGURES = (
    ("total_return", "Return in all", True),
    ("annual_return", "A year", True),
    ("volatility", "Volatility", True),
    ("sharpe", "Sharpe", False),
    ("max_drawdown", "Deepest fall", True),
    ("turnover", "Traded a year", True),
    ("cost_drag", "Cost a year", True),
)


@dataclass(frozen=True)
class Study:
    """A summary as texts: a row for each policy of a backtest, or the verdict on a sweep."""

    name: str
    period: str
    is_sweep: bool
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    sentences: tuple[str, ...]


def is_summary(values: Any) -> bool:
    """Whether JSON values are the summary of a backtest or a sweep."""
    return isinstance(values, dict) and {"policies", "sessions_per_year", "from", "to"} <= set(values)


def study_of(values: Mapping[str, Any], name: str) -> Study:
    """A summary as texts.

    Raises
    ------
    InputError
        Values that trimtab does not write.
    """
    period = f"{printable(str(values['from']))} to {printable(str(values['to']))}"
    try:
        if isinstance(values["policies"], list):
            return _backtest(values, name, period)
        return _sweep(values, name, period)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise InputError(
            [Fault("is not a summary as trimtab writes it", "give the summary.json unchanged")], name
        ) from None


def _backtest(values: Mapping[str, Any], name: str, period: str) -> Study:
    rows = []
    for policy in values["policies"]:
        statistics = policy["statistics"]
        texts = tuple(_figure(statistics[key], is_percent) for key, _, is_percent in _FIGURES)
        rows.append(
            (printable(policy["name"]), (_figure(policy["equity"], False), str(int(policy["decisions"])), *texts))
        )
    columns = ("Ends at", "Decisions", *(words for _, words, _ in _FIGURES))
    versus = [_versus(each) for each in values["comparisons"]]
    notes = [printable(str(note["text"])) for policy in values["policies"] for note in policy["notes"]]
    return Study(name, period, False, columns, tuple(rows), tuple(dict.fromkeys([*versus, *notes])))


def _versus(comparison: Mapping[str, Any]) -> str:
    """Two policies compared, with the interval of the difference."""
    interval = comparison["interval"]
    low, high, estimate = (float(interval[name]) for name in ("low", "high", "estimate"))
    names = f"{comparison['first']} less {comparison['second']}, {interval['statistic']}"
    return printable(f"{names}: {estimate:.4g} ({float(interval['level']):.0%} interval {low:.4g} to {high:.4g})")


def _sweep(values: Mapping[str, Any], name: str, period: str) -> Study:
    best = tuple((printable(key), (_figure(value, False),)) for key, value in values["best"].items())
    refused = [f"Refused: {printable(str(each['why']))}" for each in values["refused"]]
    count = f"{int(values['policies']):,} policies were tried."
    sentences = (count, printable(str(values["verdict"])), *refused)
    return Study(name, period, True, ("Of the policy with the highest Sharpe ratio",), best, sentences)


def _figure(value: Any, is_percent: bool) -> str:
    """A number as people read it; other text stays unchanged."""
    if value is None:
        return ""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return printable(str(value))[:80]
    return percent(number) if is_percent else f"{number:.4g}"

"""The page of a sweep as one frozen object: every number that it shows, with its text."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trimtab.backtesting.sweep_verdict import SweepVerdict, sweep_verdict
from trimtab.errors import Fault, InputError, nearest
from trimtab.facts.outcome import Figure
from trimtab.statistics.checked_arrays import Floats, matrix
from trimtab.statistics.performance import YEAR, annual_return, drawdowns, sharpe_ratio, volatility
from trimtab.text import percent, printable

RANKED = 25  # policies in the table of the best
_DISTINCT = 12  # values of a field that are shown one by one
_RANGES = 8
_BARS = 15
NONE = "none"


@dataclass(frozen=True)
class PolicyFact:
    """A policy of the table, as written."""

    rank: str
    values: tuple[str, ...]
    sharpe: str
    annual: str
    volatility: str
    drawdown: str


@dataclass(frozen=True)
class CellFact:
    """The median Sharpe ratio of all policies with these two values; None without a policy."""

    row: int
    column: int
    sharpe: float | None
    text: str
    policies: int


@dataclass(frozen=True)
class BarFact:
    """A bar of the histogram of logits."""

    low: float
    high: float
    share: float
    label: str
    text: str


@dataclass(frozen=True)
class SweepFacts:
    """The contents of the page of a sweep."""

    title: str
    period: str
    is_likely_luck: bool
    verdict: str
    figures: tuple[Figure, ...]
    row_field: str
    column_field: str
    row_values: tuple[str, ...]
    column_values: tuple[str, ...]
    cells: tuple[CellFact, ...]
    bars: tuple[BarFact, ...]
    policy_columns: tuple[str, ...]
    policies: tuple[PolicyFact, ...]
    surface_columns: tuple[str, ...]
    surface_rows: tuple[tuple[str, tuple[str, ...]], ...]


def sweep_facts(
    fields: Mapping[str, Sequence[Any]],
    returns: Any,
    title: str,
    *,
    above_cash: Any = None,
    verdict: SweepVerdict | None = None,
    period: str = "",
    surface: tuple[str, str] | None = None,
) -> SweepFacts:
    """The facts of policies that walked the same sessions.

    Parameters
    ----------
    fields
        Each field that was varied, with its value for each policy.
    returns, above_cash
        Returns, and returns above cash, shape (sessions, policies); the second is the first where None.
    verdict
        The verdict on the returns above cash, where it is known already.
    title, period
        Its name; from when to when.
    surface
        The two fields of the surface; None: the two with the most values.

    Raises
    ------
    InputError
        Arrays of other shapes, a field that was not varied.
    """
    values = matrix(returns, "returns", least=3)
    above = values if above_cash is None else matrix(above_cash, "above_cash", least=3)
    for name, given in fields.items():
        if len(given) != values.shape[1]:
            raise InputError(
                [Fault(f"the field {name} has another length", f"give {values.shape[1]}", value=len(given))]
            )
    ratios = [sharpe_ratio(above[:, at]) for at in range(values.shape[1])]
    verdict = sweep_verdict(above) if verdict is None else verdict
    rows, columns = _axes(fields, surface)
    row_of, row_names = _levels(fields[rows]) if rows else ([0] * len(ratios), ["all"])
    column_of, column_names = _levels(fields[columns]) if columns else ([0] * len(ratios), ["all"])
    cells = tuple(_cells(row_of, column_of, ratios, len(row_names), len(column_names)))
    return SweepFacts(
        title=printable(title),
        period=printable(period),
        is_likely_luck=verdict.is_likely_luck,
        verdict=verdict.sentence,
        figures=tuple(_figures(verdict, values.shape[1])),
        row_field=printable(rows),
        column_field=printable(columns),
        row_values=tuple(map(printable, row_names)),
        column_values=tuple(map(printable, column_names)),
        cells=cells,
        bars=tuple(_bars(verdict)),
        policy_columns=(
            "#Place",
            *map(printable, fields),
            "#Sharpe",
            "#Return a year",
            "#Volatility",
            "#Deepest drawdown",
        ),
        policies=tuple(_policies(fields, values, ratios)),
        surface_columns=(
            printable(f"{rows} down, {columns} across"),
            *(f"#{printable(name)}" for name in column_names),
        ),
        surface_rows=tuple(
            (printable(name), tuple(one.text for one in cells if one.row == at)) for at, name in enumerate(row_names)
        ),
    )


def _axes(fields: Mapping[str, Sequence[Any]], wanted: tuple[str, str] | None) -> tuple[str, str]:
    """The fields of rows and columns; empty if missing."""
    if wanted is not None:
        for name in wanted:
            if name not in fields:
                raise InputError([Fault("the field was not varied", nearest(name, fields), value=name)])
        return wanted
    ranked = sorted(fields, key=lambda name: (-len({_text(value) for value in fields[name]}), name))
    columns, rows = [*ranked, "", ""][:2]
    return rows, columns


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _levels(values: Sequence[Any]) -> tuple[list[int], list[str]]:
    """The level of each value, and the names of the levels: the values themselves, or ranges where there are many."""
    numeric = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    distinct = sorted(set(values)) if numeric else sorted({_text(value) for value in values})
    if not numeric or len(distinct) <= _DISTINCT:
        names = [_text(value) for value in distinct]
        return [names.index(_text(value)) for value in values], names
    parts = np.array_split(np.array(distinct, dtype=np.float64), _RANGES)
    starts = [float(part[0]) for part in parts]
    levels = (np.searchsorted(starts, np.array(values, dtype=np.float64), side="right") - 1).tolist()
    return levels, [f"{part[0]:.3g} to {part[-1]:.3g}" for part in parts]


def _cells(
    row_of: Sequence[int], column_of: Sequence[int], ratios: Sequence[float | None], rows: int, columns: int
) -> Iterator[CellFact]:
    groups: dict[tuple[int, int], list[float]] = {}
    for row, column, ratio in zip(row_of, column_of, ratios, strict=True):
        if ratio is not None:
            groups.setdefault((row, column), []).append(ratio)
    for row in range(rows):
        for column in range(columns):
            found = groups.get((row, column), [])
            middle = statistics.median(found) if found else None
            yield CellFact(row, column, middle, NONE if middle is None else f"{middle:.2f}", len(found))


def _figures(verdict: SweepVerdict, policies: int) -> Iterator[Figure]:
    yield Figure("policies", str(policies))
    if verdict.deflated is not None and verdict.best_sharpe is not None:
        yield Figure("different", str(verdict.deflated.policies))
        yield Figure("best Sharpe", f"{verdict.best_sharpe:.2f}")
        yield Figure("luck's Sharpe", f"{verdict.deflated.expected * YEAR**0.5:.2f}")
        yield Figure("deflated Sharpe", f"{verdict.deflated.probability:.2f}")
    if verdict.relative is not None:
        yield Figure("deflated, relative", f"{verdict.relative.probability:.2f}")
    if verdict.overfitting is not None:
        yield Figure("overfitting", f"{verdict.overfitting.probability:.0%}")
    if verdict.forward_sharpe is not None:
        yield Figure("walked forward", f"{verdict.forward_sharpe:.2f}")


def _bars(verdict: SweepVerdict) -> Iterator[BarFact]:
    """How the logits of CSCV are spread; the middle bar is around 0."""
    if verdict.overfitting is None:
        return
    logits = verdict.overfitting.logits
    reach = max(float(np.abs(logits).max()), 1e-9) * 1.0001
    counts, edges = np.histogram(logits, bins=_BARS, range=(-reach, reach))
    for count, low, high in zip(counts.tolist(), edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        share = count / len(logits)
        yield BarFact(low, high, share, f"{low:+.1f} to {high:+.1f}", f"{share:.1%}")


def _policies(
    fields: Mapping[str, Sequence[Any]], returns: Floats, ratios: Sequence[float | None]
) -> Iterator[PolicyFact]:
    """The best by Sharpe ratio; of equals the first."""
    known = [(-ratio, at) for at, ratio in enumerate(ratios) if ratio is not None]
    for rank, (ratio, at) in enumerate(sorted(known)[:RANKED], start=1):
        own = returns[:, at]
        spread = volatility(own)
        fall = float(drawdowns(np.concatenate([[1.0], np.cumprod(1.0 + own)])).min())
        yield PolicyFact(
            str(rank),
            tuple(printable(_text(given[at])) for given in fields.values()),
            f"{-ratio:.2f}",
            percent(annual_return(own)),
            NONE if spread is None else percent(spread),
            percent(fall),
        )

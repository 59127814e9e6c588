"""The page of a sweep as one frozen object: every number that it shows, with its text."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trimtab.backtesting.sweep_verdict import SweepVerdict, sweep_verdict
from trimtab.errors import Fault, InputError, listed, nearest
from trimtab.facts.outcome import Figure
from trimtab.statistics.checked_arrays import Floats, matrix
from trimtab.statistics.performance import annual_return, drawdowns, sharpe_ratio, volatility
from trimtab.text import percent, printable

RANKED = 25  # different policies in the table
_DISTINCT = 12  # values of a field that are shown one by one
_RANGES = 8
_BARS = 15
_FIGURES_OF_POLICY = ("#Sharpe", "#Return a year", "#Volatility", "#Deepest drawdown", "Same returns")
NONE = "none"


@dataclass(frozen=True)
class PolicyFact:
    """A policy of the table, as written. `number` goes into `SweepResult.backtest`, `same` the others with its returns."""

    number: str
    same: str
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
    values = matrix(returns, "returns", min_count=3)
    above = values if above_cash is None else matrix(above_cash, "above_cash", min_count=3)
    for name, values_of_field in fields.items():
        if len(values_of_field) != values.shape[1]:
            problem, advice = f"the field {name} has another length", f"give {values.shape[1]}"
            raise InputError([Fault(problem, advice, value=len(values_of_field))])
    verdict = sweep_verdict(above) if verdict is None else verdict
    year = verdict.year
    ratios = [sharpe_ratio(above[:, index], year) for index in range(values.shape[1])]
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
        policy_columns=("#Policy", *map(printable, fields), *_FIGURES_OF_POLICY),
        policies=tuple(_policies(fields, values, ratios, year)),
        surface_columns=(
            printable(f"{rows} down, {columns} across"),
            *(f"#{printable(name)}" for name in column_names),
        ),
        surface_rows=tuple(
            (printable(name), tuple(cell.text for cell in cells if cell.row == index))
            for index, name in enumerate(row_names)
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


def _ratio(value: float | None) -> str:
    """A Sharpe ratio as written, without a minus before zero."""
    return NONE if value is None else f"{round(value, 2) + 0.0:.2f}"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.4g}" if isinstance(value, float) else str(value)


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
            of_cell = groups.get((row, column), [])
            middle = statistics.median(of_cell) if of_cell else None
            yield CellFact(row, column, middle, _ratio(middle), len(of_cell))


def _figures(verdict: SweepVerdict, policies: int) -> Iterator[Figure]:
    yield Figure("policies", f"{policies:,}")
    if verdict.deflated is not None and verdict.best_sharpe is not None:
        yield Figure("different ones", f"{verdict.deflated.policies:,}")
        yield Figure("best Sharpe ratio", f"{verdict.best_sharpe:.2f}")
        yield Figure("expected from luck", f"{verdict.deflated.expected * verdict.year**0.5:.2f}")
        yield Figure("probability it beats luck", f"{verdict.deflated.probability:.1%}")
    if verdict.relative is not None:
        yield Figure("probability, above the mean policy", f"{verdict.relative.probability:.1%}")
    if verdict.overfitting is not None:
        yield Figure("probability of overfitting", f"{verdict.overfitting.probability:.1%}")
    if verdict.forward_sharpe is not None:
        yield Figure("Sharpe ratio, chosen each quarter", f"{verdict.forward_sharpe:.2f}")


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
    fields: Mapping[str, Sequence[Any]], returns: Floats, ratios: Sequence[float | None], year: int
) -> Iterator[PolicyFact]:
    """The different policies with the highest Sharpe ratios; of equals the first."""
    known = sorted((-ratio, number) for number, ratio in enumerate(ratios) if ratio is not None)
    same: dict[bytes, list[int]] = {}
    for _, number in known:
        same.setdefault((returns[:, number] + 0.0).tobytes(), []).append(number)
    for numbers in list(same.values())[:RANKED]:
        first = numbers[0]
        own = returns[:, first]
        spread = volatility(own, year)
        fall = float(drawdowns(np.concatenate([[1.0], np.cumprod(1.0 + own)])).min())
        yield PolicyFact(
            str(first),
            listed([str(number) for number in numbers[1:]], 3),
            tuple(printable(_text(values_of_field[first])) for values_of_field in fields.values()),
            _ratio(ratios[first]),
            percent(annual_return(own, year)),
            NONE if spread is None else percent(spread),
            percent(fall),
        )

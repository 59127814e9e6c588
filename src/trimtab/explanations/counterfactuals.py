"""The least change of one limit that flips a decision: which values to try, nearest first.

A selection says itself up to which value of a limit it stays as it is: a count that is not reached may be higher, a score
limit may rise to the lowest score that is selected, a weight limit may move until a position more, or less, fits where
that matters. So a scan goes from one such value to the next, in both directions, to where nothing can change any more;
or as far as `_CANDIDATES` says, and then it says so. The values are those of `sweeps.py`; what is decided with them, the
rules say (`trials.py`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from trimtab.explanations.changes import Change
from trimtab.explanations.reruns import Trials
from trimtab.explanations.values_to_try import WEIGHT_NAMES, values_above, values_below
from trimtab.kernel.records import Flags

# So many candidates are decided in each direction before a scan stops; and so many trials are made in any case.
_CANDIDATES = 200_000
_LEAST_TRIALS = 16


@dataclass(frozen=True)
class Scanned:
    """How far a limit was tried without a flip: from `least` to `most`. `whole`: beyond that nothing changes any more."""

    change: str
    node: str
    least: Any
    most: Any
    whole: bool

    @property
    def text(self) -> str:
        """In words."""
        name = f"{self.change}{f' of {self.node}' if self.node else ''}"
        if self.whole:
            return f"{name}: no value does it"
        return f"{name}: no value from {self.least!r} to {self.most!r} does it; others were not tried"


@dataclass(frozen=True, eq=False)
class Scan:
    """Every value of a limit at which the selection may change, nearest first, and who is selected with it."""

    values: tuple[tuple[Any, Flags], ...]
    found: Scanned


def nearest_flip(trials: Trials, at: int, name: str, node: str = "") -> Change | Scanned:
    """The value of a limit, nearest to the present one, with which the row is selected if it is not, or not if it is.

    Otherwise how far was looked: no value there does it, or only such as contradict other limits.
    """
    scan, selected = scan_of(trials, name, node, at), trials.is_selected[at]
    for value, chosen in scan.values:
        if bool(chosen[at]) != selected and _is_valid(trials, Change(name, node, value)):
            return Change(name, node, value)
    return scan.found


def scan_of(trials: Trials, name: str, node: str, at: int) -> Scan:
    """The scan of a limit: the same for all assets, but for that of correlations, of which each has its own."""
    if name == "max_correlation":
        return _of_correlations(trials, at)
    if (name, node) not in trials.scans:
        trials.scans[name, node] = _scanned(trials, name, node)
    found: Scan = trials.scans[name, node]
    return found


def _of_correlations(trials: Trials, at: int) -> Scan:
    """Limits that a correlation passes: the nearest of all, those of the row itself, and last no limit at all."""
    present, up, down = trials.present("max_correlation", ""), set[float](), set[float]()
    for known in (trials.correlations, trials.correlations_about(at)):
        up |= {*known[known > present][:_LEAST_TRIALS].tolist()}
        down |= {*np.nextafter(known[(known <= present) & (known > -1.0)], -2.0)[-_LEAST_TRIALS:].tolist()}
    values = [*sorted((*up, *down), key=lambda value: abs(value - present)), None]
    found = Scanned("max_correlation", "", min((present, *down)), max((present, *up)), whole=False)
    return Scan(tuple((value, trials.selected(Change("max_correlation", "", value))) for value in values), found)


def _scanned(trials: Trials, name: str, node: str) -> Scan:
    present = trials.present(name, node)
    most = max(_LEAST_TRIALS, _CANDIDATES // len(trials.rows))
    up, up_ends = values_above(trials, name, node, most)
    down, down_ends = values_below(trials, name, node, most)
    values = sorted((*up, *down), key=lambda value: abs(value - present))
    ends = up_ends and down_ends and not trials.partners.size  # among the correlated, less can let others in
    found = Scanned(name, node, min((present, *down)), max((present, *up)), ends)
    return Scan(tuple((value, trials.selected(Change(name, node, value))) for value in values), found)


def _is_valid(trials: Trials, change: Change) -> bool:
    """Whether the limits with a change do not contradict each other; counts never do, and scores stay in bounds."""
    return change.name not in WEIGHT_NAMES or trials.limits_with(change) is not None


def least_score(trials: Trials, at: int) -> float | None:
    """The least score that selects a row that is not selected, or the largest that does not select one that is.

    A higher score never costs an asset its place, so this is a search by halves over all scores at which anything can
    change: the limits, the others' scores, and the floats beside them. None where the score changes nothing.
    """
    own, selected = trials.scores[at], trials.is_selected[at]
    is_selected = trials.with_score(at)
    edges = trials.score_edges
    if selected:
        edges = edges if math.isnan(own) else edges[edges < own]
        if not edges.size or is_selected(float(edges[0])):
            return None
    else:
        edges = edges if math.isnan(own) else edges[edges > own]
        if not edges.size or not is_selected(float(edges[-1])):
            return None
    out, inside = -1, len(edges)  # the largest place known to be out, the least known to be in
    while inside - out > 1:
        middle = (out + inside) // 2
        out, inside = (out, middle) if is_selected(float(edges[middle])) else (middle, inside)
    return float(edges[out if selected else inside])

"""The smallest change of one limit that flips a decision: which values to try, nearest first.

A selection itself shows how far a limit can move without changing it: an unreached count may rise, a score limit may
rise to the lowest selected score, a weight limit may move until one position more, or less, fits where it matters. So a
scan steps from one such value to the next, in both directions, until nothing can change or `trials_in` runs out, which
it reports. `values_to_try.py` has the values; the rules decide with each (`reruns.py`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from trimtab.explanations.changes import Change
from trimtab.explanations.reruns import Reruns
from trimtab.explanations.values_to_try import LEAST_TRIALS, WEIGHT_NAMES, trials_in, values_above, values_below
from trimtab.kernel.records import Flags
from trimtab.text import figure, rounded


@dataclass(frozen=True)
class SearchedRange:
    """How far a limit was tried without a flip: from `lowest` to `highest`. `exhaustive`: nothing changes beyond
    that.
    """

    change: str
    node: str
    lowest: Any
    highest: Any
    exhaustive: bool

    @property
    def text(self) -> str:
        """In words."""
        name = f"{self.change}{f' of {self.node}' if self.node else ''}"
        if self.exhaustive:
            return f"no value of {name} changes it"
        tried = f"from {_inside(self.lowest, up=True)} to {_inside(self.highest, up=False)}"
        return f"no value of {name} {tried} changes it; others were not tried"


def _inside(end: float, *, up: bool) -> str:
    """An end of a range with four digits, rounded into the range."""
    return figure(rounded(end, 4, up=up)) if isinstance(end, float) and end else str(end)


@dataclass(frozen=True, eq=False)
class Scan:
    """Every value of a limit at which the selection may change, nearest first, with the selection there."""

    values: tuple[tuple[Any, Flags], ...]
    searched: SearchedRange


def nearest_flip(reruns: Reruns, place: int, name: str, node: str = "") -> Change | SearchedRange:
    """The nearest value of a limit that flips the row's selection. Without one, the range tried: no value in it flips
    the row, or only values that contradict other limits.
    """
    # Only weights can contradict other limits: counts never do, and scores stay in bounds.
    scan, selected = scan_of(reruns, name, node, place), reruns.is_selected[place]
    for value, selection in scan.values:
        if bool(selection[place]) != selected and (
            name not in WEIGHT_NAMES or reruns.limits_with(Change(name, node, value)) is not None
        ):
            return Change(name, node, value)
    return scan.searched


def scan_of(reruns: Reruns, name: str, node: str, place: int) -> Scan:
    """The scan of a limit, shared by all assets; only that of correlations is the asset's own."""
    if name == "max_correlation":
        return _of_correlations(reruns, place)
    if (name, node) not in reruns.scans:
        reruns.scans[name, node] = _scanned(reruns, name, node)
    scan: Scan = reruns.scans[name, node]
    return scan


def _of_correlations(reruns: Reruns, place: int) -> Scan:
    """Correlation limits to try: the nearest of all, those of the row itself, and finally no limit."""
    present, up, down = reruns.present("max_correlation", ""), set[float](), set[float]()
    for known in (reruns.correlations, reruns.correlations_about(place)):
        up |= {*known[known > present][:LEAST_TRIALS].tolist()}
        down |= {*np.nextafter(known[(known <= present) & (known > -1.0)], -2.0)[-LEAST_TRIALS:].tolist()}
    values = [*sorted((*up, *down), key=lambda value: abs(value - present)), None]
    searched = SearchedRange("max_correlation", "", min((present, *down)), max((present, *up)), exhaustive=False)
    return Scan(tuple((value, reruns.selected(Change("max_correlation", "", value))) for value in values), searched)


def _scanned(reruns: Reruns, name: str, node: str) -> Scan:
    present = reruns.present(name, node)
    trials = trials_in(reruns)
    up, up_ends = values_above(reruns, name, node, trials)
    down, down_ends = values_below(reruns, name, node, trials)
    values = sorted((*up, *down), key=lambda value: abs(value - present))
    # Among correlated assets, a lower limit can let others in.
    ends = up_ends and down_ends and not reruns.partners.size
    searched = SearchedRange(name, node, min((present, *down)), max((present, *up)), ends)
    return Scan(tuple((value, reruns.selected(Change(name, node, value))) for value in values), searched)


def least_score(reruns: Reruns, place: int) -> float | None:
    """The lowest score that selects an unselected row, or the highest that drops a selected one. A higher score never
    costs an asset its place, so a binary search suffices, over the limits, the others' scores, and the floats next to
    them. None if no score flips it.
    """
    own, selected = reruns.scores[place], reruns.is_selected[place]
    is_selected = reruns.with_score(place)
    edges = reruns.score_edges
    if selected:
        edges = edges if math.isnan(own) else edges[edges < own]
        if not edges.size or is_selected(float(edges[0])):
            return None
    else:
        edges = edges if math.isnan(own) else edges[edges > own]
        if not edges.size or not is_selected(float(edges[-1])):
            return None
    out, inside = -1, len(edges)  # the highest place known to be out, the lowest known to be in
    while inside - out > 1:
        middle = (out + inside) // 2
        out, inside = (out, middle) if is_selected(float(edges[middle])) else (middle, inside)
    return float(edges[out if selected else inside])

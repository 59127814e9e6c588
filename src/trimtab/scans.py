"""The least change of one limit that flips a decision: which values to try, nearest first.

Between two of these values nothing about a selection changes: positions count in whole numbers, a score limit matters
where it passes somebody's score, a weight limit where it makes room for one position more or less. Weight limits are
tried in steps of `WEIGHT_STEP`. Limits are not monotone, so every value is tried, outward from the present one in both
directions, as far as `HORIZON` says. What a limit that is not reached would do when it is raised needs no trial:
nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from trimtab.changes import GENERAL, SCORE_FIELDS, Change
from trimtab.kernel.tables import COUNT_TOLERANCE, ROOT, WEIGHT_TOLERANCE, Floats
from trimtab.limits import RebalancingLimits
from trimtab.trials import Trials

# So many values are tried in each direction.
HORIZON = 16
# Weight limits of counterfactuals and relaxations are multiples of this (0.0001 % of the account).
WEIGHT_STEP = 1e-6
_PASSING = (*SCORE_FIELDS, "dust_weight")
_DUST = 0.001  # what `dust_weight` is at most where it follows `min_position_weight`
_STEPS = 1_000_000  # of them in the whole account


def nearest_flip(trials: Trials, at: int, name: str, node: str = "", *, own_only: bool = False) -> Change | None:
    """The value of a limit, nearest to the present one, with which the row is selected if it is not, or not if it is.

    None where no value within the horizon does it, or only values that contradict other limits.
    """
    selected, tried = trials.is_selected[at], trials.tried(name, node)

    def flips(value: Any) -> bool:
        found = tried.get(value)  # most values were tried for another asset
        if found is None:
            found = trials.selected(Change(name, node, value))
        return bool(found[at]) != selected and _is_valid(trials, Change(name, node, value))

    for value in _outward(trials, at, name, node, own_only=own_only):
        if flips(value):
            nearest = _nearest_step(trials.present(name, node), value, flips) if _is_weight(name) else value
            return Change(name, node, nearest)
    return None


def _nearest_step(present: float, value: float, flips: Callable[[float], bool]) -> float:
    """A step of weight that flips while the one before it, towards the present value, does not.

    That is the value itself, unless a node that the values to try do not know has its edge before it.
    """
    towards = 1 if present > value else -1
    yes, no = round(value * _STEPS), math.ceil(present * _STEPS) if towards > 0 else math.floor(present * _STEPS)
    if abs(yes - no) <= 1 or not flips((yes + towards) / _STEPS):
        return value
    while abs(yes - no) > 1:
        middle = (yes + no) // 2
        yes, no = (middle, no) if flips(middle / _STEPS) else (yes, middle)
    return yes / _STEPS


def _is_weight(name: str) -> bool:
    return name in ("target_invested", "min_position_weight") or name.startswith("max_allocation")


def _is_valid(trials: Trials, change: Change) -> bool:
    """Whether the limits with a change do not contradict each other; counts never do, and scores stay in `_bounds`."""
    return not _is_weight(change.name) or trials.limits_with(change) is not None


def weight_beyond(edge: float, *, up: bool, strictly: bool) -> float:
    """The step of weight at or (strictly) beyond an edge, on the way up or down.

    >>> weight_beyond(0.05, up=True, strictly=False), weight_beyond(0.05, up=True, strictly=True)
    (0.05, 0.050001)
    """
    steps = edge * _STEPS
    whole = round(steps)
    if abs(steps - whole) <= WEIGHT_TOLERANCE * _STEPS:
        whole += (1 if up else -1) if strictly else 0
    else:
        whole = math.ceil(steps) if up else math.floor(steps)
    return whole / _STEPS


def _outward(trials: Trials, at: int, name: str, node: str, *, own_only: bool) -> list[Any]:
    """The values to try, nearest first; `own_only`: as long as its own score does not pass the limit, nothing changes."""
    if name in _PASSING:
        column = "current" if name == "dust_weight" else "score"
        present = getattr(trials.limits, name)
        least, most = _bounds(trials.limits, name)
        up, down = _passing(trials.known(column), present, float(trials.rows[column][at]), own_only=own_only)
        return _sorted(present, (one for one in up if one <= most), (one for one in down if one >= least))
    if name == "max_correlation":
        return _correlations(trials, at)
    if (name, node) not in trials.values:
        trials.values[name, node] = _of_limit(trials, name, node)
    return trials.values[name, node]


def _of_limit(trials: Trials, name: str, node: str) -> list[Any]:
    """The values of a limit that is the same for all assets."""
    present = trials.present(name, node)
    if name == "max_total_positions":
        return _sorted(present, *_counts(trials, int(trials.used[ROOT]), present, 1))
    if name == "max_new_positions":
        return _sorted(present, *_counts(trials, trials.entered, present, 0))
    if name == "min_buckets_represented":
        buckets = len(trials.candidates.tree.level_nodes)
        return _sorted(present, range(present + 1, buckets + 1), range(present))
    if name == "target_invested":
        return _allocations(trials, [ROOT], present)
    if name == "min_position_weight":
        return _least_weights(trials)
    nodes = trials.nodes_under(name, node)
    if GENERAL.get(name, name) == "max_positions":
        return _sorted(present, *_counts(trials, max(int(trials.used[node]) for node in nodes), present, 0))
    return _allocations(trials, nodes, present)


def _sorted(present: float, up: Iterable[Any], down: Iterable[Any]) -> list[Any]:
    return sorted((*up, *down), key=lambda value: abs(value - present))


def _counts(trials: Trials, used: int, present: int, low: int) -> tuple[Iterable[int], Iterable[int]]:
    """Whole numbers around a limit of positions, of which `used` are taken."""
    up = range(present + 1, min(present + HORIZON, len(trials.rows)) + 1) if used >= present else range(0)
    first = min(present, used) - 1
    return up, range(first, max(first - HORIZON, low - 1), -1)


def _passing(values: Floats, present: float, own: float, *, own_only: bool) -> tuple[Iterable[float], Iterable[float]]:
    """What a bound "at least" passes on its way up and down: the nearest values, and those from the row's own on."""
    higher = np.nextafter(values[values >= present], 2.0)
    lower = values[values < present]
    own_up, own_down = higher[higher > own][:HORIZON], lower[lower <= own][-HORIZON:]
    if own_only:
        return own_up.tolist(), own_down.tolist()
    return {*higher[:HORIZON].tolist(), *own_up.tolist()}, {*lower[-HORIZON:].tolist(), *own_down.tolist()}


def _correlations(trials: Trials, at: int) -> list[Any]:
    """Limits that a correlation passes: the nearest of all, those of the row itself, and last no limit at all."""
    present, up, down = trials.present("max_correlation", ""), set[float](), set[float]()
    for known in (trials.correlations, trials.correlations_about(at)):
        up |= {*known[known > present][:HORIZON].tolist()}
        down |= {*np.nextafter(known[(known <= present) & (known > -1.0)], -2.0)[-HORIZON:].tolist()}
    return [*_sorted(present, up, down), None]


def _bounds(limits: RebalancingLimits, name: str) -> tuple[float, float]:
    """Between which values a field may be changed, so that the fields that were set do not contradict it."""
    if name == "dust_weight":
        return 0.0, limits.min_position_weight
    scores = [field for field in SCORE_FIELDS if field == name or field not in limits.derived]
    at = scores.index(name)
    least = getattr(limits, SCORE_FIELDS[SCORE_FIELDS.index(name) - 1]) if name != SCORE_FIELDS[0] else 0.0
    return least, getattr(limits, scores[at + 1]) if at + 1 < len(scores) else 1.0


def _allocations(trials: Trials, nodes: list[int], present: float) -> list[float]:
    """Weight limits of some nodes with which one position more, or less, fits in one of them."""
    least = trials.limits.min_position_weight
    first, then = {0.0}, set[float]()
    for node in nodes:
        fixed, free = trials.fixed_weight[node], trials.walked[node]
        first |= {weight_beyond(fixed, up=True, strictly=True), weight_beyond(fixed, up=False, strictly=False)}
        for count in range(1, free + HORIZON + 1) if least > 0 else ():
            edge = fixed + (count - COUNT_TOLERANCE) * least
            (first if count > free else then).add(weight_beyond(edge, up=True, strictly=False))
            (first if count <= free else then).add(weight_beyond(edge, up=False, strictly=True))
    return _near(first, then, present)


def _least_weights(trials: Trials) -> list[float]:
    """Least weights with which one position more, or less, fits somewhere, or that pass a cap or a holding near dust."""
    present = trials.limits.min_position_weight
    caps = np.minimum(trials.known("max_weight"), trials.limits.max_position_weight)
    tiny = trials.known("current")[trials.known("current") <= max(trials.limits.dust_weight, _DUST)]
    passed = [*caps[caps >= present][:HORIZON], *caps[caps < present][-HORIZON:], *tiny[:HORIZON]]
    first, then = {0.0}, set[float]()
    for edge in passed:
        first |= {weight_beyond(float(edge), up=up, strictly=up) for up in (True, False)}
    for node in range(len(trials.nodes)):
        limit = trials.limits.target_invested if node == ROOT else float(trials.nodes["max_allocation"][node])
        left, free = limit - trials.fixed_weight[node], trials.walked[node]
        for count in range(1, free + HORIZON + 1) if 0 < left < math.inf else ():
            edge = left / (count - COUNT_TOLERANCE)
            (first if count <= free else then).add(weight_beyond(edge, up=True, strictly=True))
            (first if count > free else then).add(weight_beyond(edge, up=False, strictly=False))
    return _near(first, then, present)


def _near(first: set[float], then: set[float], present: float) -> list[float]:
    """The nearest values on either side: of those that matter as things are, and of those that may once others moved."""
    found: set[float] = {0.0} if present > 0 else set()
    for values, count in ((first, HORIZON), (then, HORIZON // 2)):
        ranked = sorted(value for value in values if 0 <= value <= 1)
        found |= {*[value for value in ranked if value > present][:count]}
        found |= {*[value for value in ranked if value < present][-count:]}
    return _sorted(present, found, ())


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

"""The values of a limit at which a selection may change, one after the other, upward and downward.

Each value follows from the selection at the one before: raising a limit matters where it is reached and no place is
free; lowering it matters where the walk takes a place. A row that is not taken changes nothing, and would not be taken
in a lower class either, so a rising score limit matters only where it passes the score of a selected row; going up from
the bottom, that yields every value.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np

from trimtab.explanations.changes import GENERAL, SCORE_FIELDS, Change
from trimtab.explanations.places_taken import positions_that_fit
from trimtab.explanations.reruns import Reruns, Selection
from trimtab.kernel.records import COUNT_TOLERANCE, ROOT, WEIGHT_TOLERANCE
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.text import exactly, figure, rounded

# Weight limits of counterfactuals and relaxations are multiples of this (0.0001 % of the account).
WEIGHT_STEP = 1e-6
WEIGHT_NAMES = ("target_invested", "min_position_weight", "max_allocation", "max_allocation_per_bucket")
_DUST = 0.001  # the highest `dust_weight` that follows from `min_position_weight`
_CORRELATED = 16  # scores tried in each direction if correlations are limited: then a row not taken may matter as well
_SHORT = len("0.123456")  # such a value needs no rounding
# Limits that are compared with a column of the rows.
_DECIDED_BY = {**dict.fromkeys(SCORE_FIELDS, "score"), "dust_weight": "current", "max_correlation": "correlation"}
_STEPS = 1_000_000  # of them in the whole account

# The candidates decided in one direction before a search stops, and the trials made in any case.
CANDIDATES_TRIED = 200_000
LEAST_TRIALS = 16


def trials_in(reruns: Reruns) -> int:
    """How many values of one limit are tried in one direction."""
    return max(LEAST_TRIALS, CANDIDATES_TRIED // len(reruns.rows))


# From a value and its selection: candidates of which the nearest is the next value to try.
Next = Callable[[Any, Selection], Iterable[Any]]
Found = tuple[list[Any], bool]


def values_above(reruns: Reruns, name: str, node: str, count: int) -> Found:
    """The first `count` values above the present one, nearest first, and whether these are all."""
    present = reruns.present(name, node)
    if name in SCORE_FIELDS and reruns.partners.size:
        higher = np.nextafter(reruns.known("score"), 2.0)
        return _first(higher[(higher > present) & (higher <= _bounds(reruns.limits, name)[1])].tolist(), _CORRELATED)
    if name in SCORE_FIELDS:
        return _first(_score_sweep(reruns, name, present, _bounds(reruns.limits, name)[1]), count)
    if name == "dust_weight":
        higher = np.nextafter(reruns.known("current"), 2.0)
        return _first(higher[(higher > present) & (higher <= reruns.limits.min_position_weight)].tolist(), count)
    return _first(_stepping(reruns, name, node, _next_above(reruns, name, node), min), count)


def values_below(reruns: Reruns, name: str, node: str, count: int) -> Found:
    """The first `count` values below the present one, nearest first, and whether these are all."""
    present = reruns.present(name, node)
    if name in SCORE_FIELDS:
        return _scores_below(reruns, name, present, count)
    if name == "dust_weight":
        lower = reruns.known("current")
        return _first(lower[lower < present][::-1].tolist(), count)
    return _first(_stepping(reruns, name, node, _next_below(reruns, name, node), max), count)


def _first(values: Iterable[Any], count: int) -> Found:
    first_values = list(islice(values, count + 1))
    return first_values[:count], len(first_values) <= count


def _stepping(
    reruns: Reruns, name: str, node: str, following: Next, nearest: Callable[[list[Any]], Any]
) -> Iterator[Any]:
    """From the present value outward; `nearest` is min on the way up and max on the way down."""
    value, selection = reruns.present(name, node), reruns.as_it_is
    while True:
        beyond = [step for step in following(value, selection) if step != value and (step > value) == (nearest is min)]
        if not beyond:
            return
        value = nearest(beyond)
        yield value
        selection = reruns.selection_with(Change(name, node, value))


# ---- scores


def _scores_below(reruns: Reruns, name: str, present: float, trials: int) -> Found:
    """Each score limit that just admits a row, from the lowest upward."""
    lowest = _bounds(reruns.limits, name)[0]
    trials = _CORRELATED if reruns.partners.size else trials
    passed, whole = _first(_score_sweep(reruns, name, lowest, present), trials)
    if whole and not reruns.partners.size:
        return np.nextafter(passed, -1.0)[::-1].tolist(), True
    known = reruns.known("score")
    return known[(known < present) & (known >= lowest)][::-1][:trials].tolist(), False


def _score_sweep(reruns: Reruns, name: str, start: float, end: float) -> Iterator[float]:
    """From one value up to another: where the limit passes the lowest selected score."""
    value = start
    while True:
        changed = value != reruns.present(name, "")
        selection = reruns.selection_with(Change(name, "", value)) if changed else reruns.as_it_is
        scores = reruns.rows["score"][selection.selected]
        scores = scores[scores >= value]
        if not scores.size:
            return
        value = math.nextafter(float(scores.min()), 2.0)
        if value > end:
            return
        yield value


def _bounds(limits: RebalancingLimits, name: str) -> tuple[float, float]:
    """The range of a score limit within which the fields that were set do not contradict it."""
    scores = [field for field in SCORE_FIELDS if field == name or field not in limits.derived]
    index = scores.index(name)
    lowest = getattr(limits, SCORE_FIELDS[SCORE_FIELDS.index(name) - 1]) if name != SCORE_FIELDS[0] else 0.0
    return lowest, getattr(limits, scores[index + 1]) if index + 1 < len(scores) else 1.0


# ---- counts and weights


def _next_above(reruns: Reruns, name: str, node: str) -> Next:
    """For a reached count, one more than is used. For a weight, where one more position fits into a full node."""
    if name == "max_total_positions":
        return lambda value, selection: _one_more(value, selection.used[ROOT])
    if name == "max_new_positions":
        return lambda value, selection: _one_more(value, selection.entered)
    if name == "min_buckets_represented":
        highest = len(reruns.candidates.tree.level_nodes)
        return lambda value, selection: [value + 1] if selection.represented >= value and value < highest else []
    if name == "min_position_weight":
        return lambda value, selection: _higher_least(reruns, value, selection)
    nodes = [ROOT] if name == "target_invested" else reruns.nodes_under(name, node)
    if GENERAL.get(name, name) == "max_positions":
        return lambda value, selection: [step for node in nodes for step in _one_more(value, selection.used[node])]
    return lambda value, selection: [
        step for node in nodes for step in _more_allocation(reruns, node, value, selection)
    ]


def _next_below(reruns: Reruns, name: str, node: str) -> Next:
    """For a count, one less than the walk uses. For a weight, where one position fewer fits."""
    if name == "max_total_positions":
        return lambda value, selection: [step for step in _one_less(value, selection, ROOT) if step >= 1]
    if name == "max_new_positions":
        return lambda value, selection: [min(value, selection.entered) - 1] if selection.entered and value > 0 else []
    if name == "min_buckets_represented":
        return lambda value, _selection: [value - 1] if value > 0 else []
    if name == "min_position_weight":
        return lambda value, selection: _lower_least(reruns, value, selection)
    nodes = [ROOT] if name == "target_invested" else reruns.nodes_under(name, node)
    if GENERAL.get(name, name) == "max_positions":
        return lambda value, selection: [step for node in nodes for step in _one_less(value, selection, node)]
    return lambda value, selection: [
        0.0,
        *(step for node in nodes for step in _less_allocation(reruns, node, value, selection)),
    ]


def _one_more(value: int, used: int) -> list[int]:
    return [used + 1] if used >= value else []


def _one_less(value: int, selection: Selection, node: int) -> list[int]:
    return [min(value, selection.used[node]) - 1] if selection.walked[node] and value > 0 else []


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


def exposure_edges(reruns: Reruns, name: str) -> list[float]:
    """The values of a `max_exposure` above the present one at which another asset may be held."""
    smallest = np.minimum(_caps(reruns), reruns.limits.min_position_weight)
    edges = reruns.exposures.edges(name, smallest)
    higher = edges[(edges > reruns.present("max_exposure", name)) & (edges <= 1)]
    return [weight_beyond(edge, up=True, strictly=False) for edge in higher[: trials_in(reruns)].tolist()]


def _more_allocation(reruns: Reruns, node: int, value: float, selection: Selection) -> Iterator[float]:
    fixed, min_weight = selection.fixed_weight[node], reruns.limits.min_position_weight
    room = positions_that_fit(value - fixed, min_weight)
    if selection.walked[node] < room:
        return
    if value - fixed <= WEIGHT_TOLERANCE:
        yield weight_beyond(fixed, up=True, strictly=True)
    edges = (fixed + (count - COUNT_TOLERANCE) * min_weight for count in (room + 1, room + 2))
    yield from (weight for weight in (weight_beyond(edge, up=True, strictly=False) for edge in edges) if weight <= 1)


def _less_allocation(reruns: Reruns, node: int, value: float, selection: Selection) -> Iterator[float]:
    fixed, min_weight = selection.fixed_weight[node], reruns.limits.min_position_weight
    walked = selection.walked[node]
    if not walked:
        return
    yield max(weight_beyond(fixed, up=False, strictly=False), 0.0)
    taken = min(walked, positions_that_fit(value - fixed, min_weight))
    edges = (fixed + (count - COUNT_TOLERANCE) * min_weight for count in (taken, taken - 1) if count >= 1)
    yield from (weight_beyond(edge, up=False, strictly=True) for edge in edges)


def _higher_least(reruns: Reruns, value: float, selection: Selection) -> Iterator[float]:
    """Where one position fewer fits somewhere, or the cap of a selected asset is passed."""
    for node, left in _lefts(reruns, selection):
        taken = min(selection.walked[node], positions_that_fit(left, value))
        edges = (left / (count - COUNT_TOLERANCE) for count in (taken, taken - 1) if 1 <= count < math.inf)
        yield from (weight for weight in (weight_beyond(edge, up=True, strictly=True) for edge in edges) if weight <= 1)
    caps = _caps(reruns)[selection.selected]
    passed = caps[caps >= value]
    if passed.size:
        yield weight_beyond(float(passed.min()), up=True, strictly=True)
    yield from (weight_beyond(float(weight), up=True, strictly=True) for weight in _tiny(reruns) if weight >= value)


def _lower_least(reruns: Reruns, value: float, selection: Selection) -> Iterator[float]:
    """Where one more position fits into a full node, or the cap of an unselected asset becomes sufficient."""
    yield 0.0
    for node, left in _lefts(reruns, selection):
        room = positions_that_fit(left, value)
        if selection.walked[node] >= room:
            edges = (left / (count - COUNT_TOLERANCE) for count in (room + 1, room + 2))
            yield from (weight_beyond(edge, up=False, strictly=False) for edge in edges)
    caps = _caps(reruns)[~selection.selected]
    passed = caps[caps < value]
    if passed.size:
        yield weight_beyond(float(passed.max()), up=False, strictly=False)
    yield from (weight_beyond(float(weight), up=False, strictly=False) for weight in _tiny(reruns) if weight < value)


def _lefts(reruns: Reruns, selection: Selection) -> Iterator[tuple[int, float]]:
    """The nodes with a weight limit, and how much of it fixed positions leave."""
    for node, fixed in enumerate(selection.fixed_weight):
        limit = reruns.limits.target_invested if node == ROOT else float(reruns.nodes["max_allocation"][node])
        if 0 < limit - fixed < math.inf:
            yield node, limit - fixed


def shown_value(reruns: Reruns, change: Change) -> str:
    """A changed value as short as it may be: rounded away from the present one, but past no row that it would decide about.

    So the text, carried out, does what it says.
    """
    value, column = change.value, _DECIDED_BY.get(change.name)
    short = exactly(value)
    if column is None or not isinstance(value, float) or short != repr(value) or len(short) <= _SHORT:
        return short
    known = reruns.correlations if column == "correlation" else reruns.known(column)
    up = value > reruns.present(change.name, change.node)
    for digits in range(4, 17):
        near = rounded(value, digits, up=up)
        low, high = sorted((value, near))
        passed = (known > low) & (known <= high) if column == "correlation" else (known >= low) & (known < high)
        if not passed.any() and reruns.limits_with(change._replace(value=near)) is not None:
            return figure(near, digits)
    return short


def _caps(reruns: Reruns) -> Any:
    return np.minimum(reruns.rows["max_weight"], reruns.limits.max_position_weight)


def _tiny(reruns: Reruns) -> Any:
    """Holdings that become dust, or cease to be, as `dust_weight` follows the minimum weight."""
    known = reruns.known("current")
    return known[known <= max(reruns.limits.dust_weight, _DUST)]

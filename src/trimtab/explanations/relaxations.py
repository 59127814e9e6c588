"""The smallest relaxation of a limit that reaches a goal; or of several limits, if none does so alone.

More room is not always better (rules, section 11), so values are tried outward, nearest first: counts up to the first
unreached one, scores and correlations that occur, and weights, in steps of `WEIGHT_STEP`, from one value that changes
the selection to the next, with bisection only between two of these. In large accounts the search stops earlier and
bisects the rest. Values that contradict another limit do not count.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar

import numpy as np

from trimtab.explanations.changes import CONCENTRATION, SCORE_FIELDS, Change, changed_limits
from trimtab.explanations.reruns import Reruns
from trimtab.explanations.values_to_try import (
    WEIGHT_NAMES,
    WEIGHT_STEP,
    exposure_edges,
    shown_value,
    trials_in,
    values_above,
    values_below,
    weight_beyond,
)
from trimtab.kernel.records import ROOT

_TRIED = 64  # restricted or capped assets that are tried one by one
_OF_ROWS = ("restriction", "max_weight")
_STEPS = round(1 / WEIGHT_STEP)
_HIGHER = ("target_invested", "max_position_weight", "max_allocation", "max_allocation_per_bucket", "max_exposure")
_COUNTS = ("max_total_positions", "max_new_positions", "max_positions", "max_positions_per_bucket")
_SWITCHES = {
    "sizing_mode": "equal_weight",
    "residual_strategy": "proportional",
    "unscored_positions": "close",
    "unknown_bucket": "limit",
}


Item = TypeVar("Item")


class Reaches(Protocol):
    """Whether a goal is reached with some things changed."""

    def __call__(self, goal: Change, changes: Sequence[Change] = ()) -> bool:
        """Whether it is."""


@dataclass(frozen=True)
class Relaxation:
    """One limit (or, for `restriction` and `max_weight`, the asset `node`) with another value, named as in a conflict.

    None as the `value`: without it.
    """

    change: str
    node: str
    value: Any
    effect: str


def least_relaxation(
    reruns: Reruns, limit: Change, goal: Change, reached: Reaches, with_: Sequence[Change] = ()
) -> Relaxation | None:
    """The smallest change of one limit that reaches the goal, `with_` others changed; None without one. If the limit is
    the goal itself, how far it must be lowered.
    """

    def works(value: Any, node: str = limit.node) -> bool:
        change = Change(limit.name, node, value)
        met = reached(change, with_) if limit[:2] == goal[:2] else reached(goal, [*with_, change])
        return met and (bool(with_) or reruns.limits_with(change) is not None)

    if limit.name in _OF_ROWS:
        return _of_a_row(reruns, limit, works)
    if limit.name == "max_correlation":
        return _of_correlations(reruns, limit, works)
    if limit.name == CONCENTRATION:
        return Relaxation(*limit, f"no {CONCENTRATION} of {limit.node}") if works(None) else None
    value = _least(reruns, limit, works, with_, lowers=limit[:2] == goal[:2])
    if value is None:
        return None
    change = Change(limit.name, limit.node, value)
    return Relaxation(*change, _effect(reruns, change))


def _effect(reruns: Reruns, change: Change) -> str:
    return f"{change.name} {shown_value(reruns, change)}{f' for {change.node}' if change.node else ''}"


def _of_a_row(reruns: Reruns, limit: Change, works: Callable[..., bool]) -> Relaxation | None:
    """The first asset by name (or the named one) whose restriction or own cap is in the way."""
    none = "" if limit.name == "restriction" else None
    for name in [limit.node] if limit.node else assets_with(reruns, limit.name)[:_TRIED]:
        if works(none, name):
            return Relaxation(limit.name, name, none, f"no {limit.name} for {name}")
    return None


def assets_with(reruns: Reruns, name: str) -> list[str]:
    """The assets that have a restriction, or a cap of their own."""
    has = reruns.rows["restriction"] != 0 if name == "restriction" else reruns.rows["max_weight"] < 1
    return [reruns.names[row] for row in np.flatnonzero(has).tolist()]


def _of_correlations(reruns: Reruns, limit: Change, works: Callable[..., bool]) -> Relaxation | None:
    """The lowest correlation limit that helps; or no limit, if unknown correlations are in the way."""
    values = [*reruns.correlations[reruns.correlations > reruns.present(limit.name, "")].tolist(), None]
    place = _nearest(reruns, len(values), lambda place: works(values[place]))
    if place is None:
        return None
    change = Change(limit.name, "", values[place])
    return Relaxation(*change, f"no {limit.name}" if change.value is None else _effect(reruns, change))


def _least(reruns: Reruns, limit: Change, works: Callable[..., bool], with_: Sequence[Change], *, lowers: bool) -> Any:
    """The nearest value that works, on the way to lifting the limit."""
    name = limit.name
    if name in _SWITCHES:
        return _SWITCHES[name] if works(_SWITCHES[name]) else None
    present = reruns.present(limit.name, limit.node)
    if name in _COUNTS:
        return next((value for value in _higher_counts(reruns, limit, present, with_) if works(value)), None)
    if name in ("min_buckets_represented", "full_investment_positions"):
        fewest = 0 if name == "min_buckets_represented" else 1
        return next((value for value in range(present - 1, fewest - 1, -1) if works(value)), None)
    if name in SCORE_FIELDS:
        scores, (lowest, highest) = reruns.known("score"), _between(reruns, name, with_)
        scores = scores[(scores < present) & (scores >= lowest) & (scores <= highest)][::-1].tolist()
        place = _nearest(reruns, len(scores), lambda place: works(scores[place]))
        return None if place is None else scores[place]
    up = name in _HIGHER and not lowers
    edges: list[float] = []
    if name in WEIGHT_NAMES and not lowers and not with_:  # where the selection changes
        edges, _ = (values_above if up else values_below)(reruns, name, limit.node, trials_in(reruns))
    elif name == "max_exposure" and not with_:
        edges = exposure_edges(reruns, limit.node)
    return _least_weight(reruns, name, present, works, edges, up=up)


def _higher_counts(reruns: Reruns, limit: Change, present: int, with_: Sequence[Change]) -> Iterator[int]:
    """Counts above the present one, up to the first that is not reached: beyond it nothing changes."""
    nodes = [ROOT] if limit.name.startswith(("max_total", "max_new")) else reruns.nodes_under(limit.name, limit.node)
    for value in range(present + 1, len(reruns.rows) + 1):
        yield value
        selection = reruns.selection_of(*with_, Change(limit.name, limit.node, value))
        used = selection.entered if limit.name == "max_new_positions" else max(selection.used[node] for node in nodes)
        if used < value:
            return


def _least_weight(
    reruns: Reruns, name: str, present: float, works: Callable[..., bool], edges: Sequence[float], *, up: bool
) -> float | None:
    """The nearest step of weight that works, upward to 1 or downward until the limit is lifted."""
    first = round(weight_beyond(present, up=up, strictly=True) * _STEPS)
    # `min_position_weight` goes to a `dust_weight` that was set.
    dust_is_set = name == "min_position_weight" and "dust_weight" not in reruns.limits.derived
    lowest = reruns.limits.dust_weight if dust_is_set else 0.0
    count = _STEPS - first + 1 if up else first + 1 - math.floor(lowest * _STEPS)

    def value_at(step: int) -> float:
        return (first + step) / _STEPS if up else max((first - step) / _STEPS, lowest)

    starts = sorted({0, *(abs(round(edge * _STEPS) - first) for edge in edges)} & set(range(count)))
    for start, end in zip(starts, [*starts[1:], count], strict=True):
        if works(value_at(start)):
            return value_at(start)
        step = _first(end - start, partial(lambda start, step: works(value_at(start + step)), start))
        if step is not None:
            return value_at(start + step)
    return None


def _between(reruns: Reruns, name: str, with_: Sequence[Change]) -> tuple[float, float]:
    """The range of a score limit next to the changed and the unchanged ones."""
    index, changed = SCORE_FIELDS.index(name), {change.name: change.value for change in with_}
    below = [changed.get(lower, getattr(reruns.limits, lower)) for lower in SCORE_FIELDS[:index]]
    above = [changed[upper] for upper in SCORE_FIELDS[index + 1 :] if upper in changed]
    lowest = max((value for value in below if value is not None), default=0.0)  # a lifted limit goes as low as these
    return lowest, min((value for value in above if value is not None), default=1.0)


def _nearest(reruns: Reruns, count: int, works: Callable[[int], bool]) -> int | None:
    """The first of `count` places that works: one by one, or by bisection if there are very many."""
    tried = min(count, trials_in(reruns))
    place = next((place for place in range(tried) if works(place)), None)
    if place is not None or tried == count:
        return place
    beyond = _first(count - tried, lambda place: works(tried + place))
    return None if beyond is None else tried + beyond


def _first(count: int, works: Callable[[int], bool]) -> int | None:
    """The first of `count` places that works, given that the last does: by bisection, so its predecessor does not."""
    if count < 1 or not works(count - 1):
        return None
    before, last = -1, count - 1
    while last - before > 1:
        middle = (before + last) // 2
        before, last = (before, middle) if works(middle) else (middle, last)
    return last


def together(reruns: Reruns, limits: Sequence[Change], goal: Change, reached: Reaches) -> tuple[Relaxation, ...]:
    """An irreducible set of changes that reach the goal together. Each is the smallest, given the changes before it and
    with the limits after it lifted. Restrictions and own caps of assets are left out asset by asset. Scores go from the
    highest limit down, since each must stay below the one above it. Empty where the changes would contradict other limits.
    """
    lifted = needed(limits, lambda kept: reached(goal, kept))
    for name in _OF_ROWS:
        lifted = _by_asset(reruns, name, lifted, goal, reached)
    changes: dict[Change, Relaxation] = {}
    lifted.sort(key=lambda limit: -SCORE_FIELDS.index(limit.name) if limit.name in SCORE_FIELDS else 0)
    for place, limit in enumerate(lifted):
        smallest = least_relaxation(reruns, limit, goal, reached, [*changes, *lifted[place + 1 :]])
        if smallest is not None:
            changes[Change(smallest.change, smallest.node, smallest.value)] = smallest

    def works(kept: Sequence[Change]) -> bool:
        return changed_limits(reruns.limits, *kept) is not None and reached(goal, kept)

    return tuple(changes[change] for change in needed(list(changes), works)) if works(list(changes)) else ()


def _by_asset(reruns: Reruns, name: str, lifted: list[Change], goal: Change, reached: Reaches) -> list[Change]:
    """The limits to lift, with a field of all rows lifted only for the assets that need it."""
    others = [limit for limit in lifted if limit.name != name]
    if len(others) == len(lifted):
        return lifted
    assets = [Change(name, asset, None) for asset in assets_with(reruns, name)]
    return [*needed(assets, lambda kept: reached(goal, [*kept, *others]), len(assets)), *others]


def needed(changes: Sequence[Item], works: Callable[[Sequence[Item]], bool], at_once: int = 1) -> list[Item]:
    """An irreducible subset of changes that works; the first are dropped first. `at_once` of them are tried, then half
    as many, down to one by one. Dropping one may make another superfluous, so rounds repeat until one drops nothing.
    """
    kept = list(changes)
    while True:
        before, start = len(kept), 0
        while start < len(kept):
            without = kept[:start] + kept[start + at_once :]
            kept, start = (without, start) if works(without) else (kept, start + at_once)
        if at_once == 1 and len(kept) == before:
            return kept
        at_once = max(1, at_once // 2)

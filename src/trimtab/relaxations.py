"""The least relaxation of a limit with which a goal is reached; or of several limits, where none does it alone.

Counts are tried one by one, if as many positions as there are candidates would do. Weights are searched by halves over steps of `WEIGHT_STEP` and scores over those that
occur: with what is found the goal is reached, with one step less it is not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from trimtab.changes import SCORE_FIELDS, Change, changed_limits
from trimtab.sweeps import WEIGHT_STEP, weight_beyond
from trimtab.trials import Trials

_TRIED = 64  # restricted or capped assets that are tried one by one
_STEPS = round(1 / WEIGHT_STEP)
_HIGHER = ("target_invested", "max_position_weight", "max_allocation", "max_allocation_per_bucket")
_LOWER = ("min_position_weight", "min_allocation")
_COUNTS = ("max_total_positions", "max_new_positions", "max_positions", "max_positions_per_bucket")
_SWITCHES = {
    "sizing_mode": "equal_weight",
    "residual_strategy": "proportional",
    "unscored_positions": "close",
    "unknown_bucket": "limit",
}


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
    trials: Trials, limit: Change, goal: Change, reached: Reaches, with_: Sequence[Change] = ()
) -> Relaxation | None:
    """The least change of one limit with which the goal is reached, `with_` others changed; None if there is none.

    The limit may be the goal itself: then it is how far it must be lowered.
    """

    def works(value: Any, node: str = limit.node) -> bool:
        change = Change(limit.name, node, value)
        if limit[:2] == goal[:2]:
            return reached(change, with_)
        return reached(goal, [*with_, change])

    if limit.name in ("restriction", "max_weight"):
        return _of_a_row(trials, limit, works)
    if limit.name == "max_correlation":
        return _of_correlations(trials, limit, works)
    value = _least(trials, limit, works, with_, lowers=limit[:2] == goal[:2])
    change = Change(limit.name, limit.node, value)
    if value is None or (not with_ and changed_limits(trials.limits, change) is None):
        return None
    return Relaxation(*change, _effect(change))


def _effect(change: Change) -> str:
    return f"{change.name} = {change.value}{f' for {change.node}' if change.node else ''}"


def _of_a_row(trials: Trials, limit: Change, works: Callable[..., bool]) -> Relaxation | None:
    """The first asset by name whose restriction, or whose own cap, alone is in the way."""
    rows, none = trials.rows, "" if limit.name == "restriction" else None
    has = rows["restriction"] != 0 if limit.name == "restriction" else rows["max_weight"] < 1
    for at in [place for place in range(len(rows)) if has[place]][:_TRIED]:
        name = trials.names[at]
        if works(none, name):
            return Relaxation(limit.name, name, none, f"no {limit.name} for {name}")
    return None


def _of_correlations(trials: Trials, limit: Change, works: Callable[..., bool]) -> Relaxation | None:
    """The least correlation that has to be let in; or no limit at all, for those that are not known."""
    values = [*trials.correlations[trials.correlations > trials.present(limit.name, "")].tolist(), None]
    at = _first(len(values), lambda at: works(values[at]))
    if at is None:
        return None
    change = Change(limit.name, "", values[at])
    return Relaxation(*change, f"no {limit.name}" if change.value is None else _effect(change))


def _least(trials: Trials, limit: Change, works: Callable[..., bool], with_: Sequence[Change], *, lowers: bool) -> Any:
    """The value nearest to the present one that works, on the way to where the limit is lifted."""
    name = limit.name
    if name in _SWITCHES:
        return _SWITCHES[name] if works(_SWITCHES[name]) else None
    present = trials.present(limit.name, limit.node)
    if name in _COUNTS:
        values: Sequence[Any] = range(present + 1, len(trials.rows) + 1)
        return next((value for value in values if works(value)), None) if values and works(values[-1]) else None
    if name in ("min_buckets_represented", "full_investment_positions"):
        least = 0 if name == "min_buckets_represented" else 1
        return next((value for value in range(present - 1, least - 1, -1) if works(value)), None)
    if name in SCORE_FIELDS:
        scores = trials.known("score")
        above = SCORE_FIELDS[SCORE_FIELDS.index(name) + 1 :]
        most = [change.value for change in with_ if change.name in above and change.value is not None]
        values = scores[(scores < present) & (scores <= min(most, default=1.0))][::-1].tolist()
        found = _first(len(values), lambda at: works(values[at]))
        return None if found is None else values[found]
    up = name in _HIGHER and not lowers
    first = round(weight_beyond(present, up=up, strictly=True) * _STEPS)
    count = _STEPS - first + 1 if up else first + 1
    at = _first(count, lambda at: works((first + at if up else first - at) / _STEPS))
    return None if at is None else (first + at if up else first - at) / _STEPS


def _first(count: int, works: Callable[[int], bool]) -> int | None:
    """The first of `count` places that works, if the last one does: by halves, so that the one before does not."""
    if count < 1 or not works(count - 1):
        return None
    before, at = -1, count - 1
    while at - before > 1:
        middle = (before + at) // 2
        before, at = (before, middle) if works(middle) else (middle, at)
    return at


def together(trials: Trials, limits: Sequence[Change], goal: Change, reached: Reaches) -> tuple[Relaxation, ...]:
    """Changes that reach the goal at once, none of which can be left out; each is the least one beside the others.

    Scores go from the highest limit down, since each must stay below the one above it. Empty where the changes would
    contradict other limits, or where only many rows at once would help.
    """
    lifted = list(limits)
    for limit in limits:
        without = [other for other in lifted if other != limit]
        if reached(goal, without):
            lifted = without
    found: list[Relaxation] = []
    done: list[Change] = []
    lifted.sort(key=lambda limit: -SCORE_FIELDS.index(limit.name) if limit.name in SCORE_FIELDS else 0)
    for place, limit in enumerate(lifted):
        least = least_relaxation(trials, limit, goal, reached, [*done, *lifted[place + 1 :]])
        if least is None:
            return ()
        found.append(least)
        done.append(Change(least.change, least.node, least.value))
    return tuple(found) if changed_limits(trials.limits, *done) is not None and reached(goal, done) else ()

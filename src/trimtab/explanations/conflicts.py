"""For an unmet limit or forced cash: an irreducible set of conflicting limits, and the smallest change that helps.

A conflict has a goal (the unmet limit, or `target_invested` where sizes leave too much cash) and members: the limits
that prevent it. With only these in force the goal is missed; without any one of them it is reached. Both are found by running the rules with limits lifted (`reruns.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trimtab.explanations.changes import NODE_FIELDS, SCORE_FIELDS, Change
from trimtab.explanations.relaxations import Relaxation, assets_with, least_relaxation, needed, together
from trimtab.explanations.reruns import Reruns, decide
from trimtab.kernel.records import NO_LIMIT, ROOT, WEIGHT_TOLERANCE
from trimtab.reasons import ENTERED_REASONS
from trimtab.text import exactly, figure

# How far sizes may fall short of `target_invested` before cash counts as forced.
CASH_TOLERANCE = 1e-9
_NO_BAND = (Change("no_trade_band", "", 0.0), Change("min_trade", "", 0.0))


@dataclass(frozen=True)
class Member:
    """A limit of a conflict: its field, its bucket `node`, its value, and the change of it alone that would help.

    `relaxation` is the smallest change of this limit that reaches the goal while all others stay unchanged;
    None without one. For `restriction` and `max_weight`, which are fields of rows, `value` names the assets.
    """

    limit: str
    node: str
    value: Any
    relaxation: Relaxation | None


@dataclass(frozen=True)
class Conflict:
    """A missed goal and the limits that together prevent it; no limits if the candidates are to blame.

    `reached` is how much of the goal is reached, in the goal's unit. `together` is an irreducible set of changes that
    reach the goal, given if no single member does.
    """

    goal: Member
    reached: float
    members: tuple[Member, ...]
    together: tuple[Relaxation, ...]

    @property
    def text(self) -> str:
        """The conflict in a sentence."""
        missed = f"{_named(self.goal)} is not met ({figure(self.reached)})"
        if not self.members:
            return f"{missed}: these candidates cannot meet it, whatever the other limits are"
        return f"{missed} because of {', '.join(_named(member) for member in self.members)}"


def _named(member: Member) -> str:
    value = ", ".join(member.value) if isinstance(member.value, tuple) else exactly(member.value)
    return f"{member.limit} {value}{f' of {member.node}' if member.node else ''}"


def conflicts_of(reruns: Reruns) -> tuple[Conflict, ...]:
    """The conflicts of an account, in the order of the goals: representation, minima of buckets and of exposures by
    path, cash.

    Under a brake, they are the conflicts of the proposed targets.

    Examples
    --------
    >>> from trimtab import RebalancingLimits
    >>> from trimtab.candidates.read import read
    >>> limits = RebalancingLimits(enable_bucket_diversification=True, max_new_positions=1)
    >>> rows = [{"asset": "A", "bucket": "Tech", "score": 0.9}, {"asset": "B", "bucket": "Bond", "score": 0.8}]
    >>> first = conflicts_of(Reruns.of(read(rows, limits, many=False), limits))[0]
    >>> first.text
    'min_buckets_represented 2 is not met (1) because of max_new_positions 1'
    >>> first.members[0].relaxation.effect
    'max_new_positions 2'
    """
    reached = Reached(reruns)
    return tuple(_conflict(reruns, reached, goal) for goal in _goals(reruns) if not reached(goal))


@dataclass(frozen=True)
class Reached:
    """How much of a goal is reached with some changes; with the band off, since it may keep a target from its size."""

    reruns: Reruns

    def __call__(self, goal: Change, changes: Iterable[Change] = ()) -> bool:
        """Whether the goal is reached."""
        tolerance = CASH_TOLERANCE if goal.name == "target_invested" else WEIGHT_TOLERANCE
        return bool(self.amount(goal, changes) >= goal.value - tolerance)

    def amount(self, goal: Change, changes: Iterable[Change] = ()) -> float:
        """Buckets with a position, or the weight in a bucket, or in all."""
        rows, tree, settings, partners, exposed = self.reruns.changed(*_NO_BAND, goal, *changes)
        answer = decide(rows, tree, settings, partners, exposed)
        if goal.name == "min_buckets_represented":
            reruns = self.reruns
            is_dust = ~np.isin(answer["reason"], ENTERED_REASONS) & (rows["current"] < settings["dust_weight"][0])
            weight = reruns.under(answer["selected"] & (answer["proposed"] > 0) & ~is_dust)
            return float(np.count_nonzero(weight[list(reruns.candidates.tree.level_nodes)]))
        if goal.name == "min_exposure":
            return self.reruns.exposures.weight_in(goal.node, answer["proposed"])
        node = self.reruns.nodes_under(goal.name, goal.node)[0] if goal.name == "min_allocation" else ROOT
        inside = (rows["leaf"] >= node) & (rows["leaf"] < self.reruns.nodes["stop"][node])
        return float(answer["proposed"][inside].sum())


def _goals(reruns: Reruns) -> Iterator[Change]:
    limits = reruns.limits
    if limits.represents:
        yield Change("min_buckets_represented", "", limits.min_buckets_represented)
    for node in np.flatnonzero(reruns.nodes["min_allocation"] > 0).tolist():
        yield Change("min_allocation", reruns.node_name(node), float(reruns.nodes["min_allocation"][node]))
    yield from reruns.exposures.minima()
    yield Change("target_invested", "", limits.target_invested)


def _conflict(reruns: Reruns, reached: Reached, goal: Change) -> Conflict:
    liftable = [limit for limit in _liftable(reruns) if limit[:2] != goal[:2]]

    def holds(kept: Sequence[Change]) -> bool:
        """Whether the goal is reached with only these limits in force."""
        return reached(goal, [limit for limit in liftable if limit not in kept])

    kept = needed(liftable, lambda limits: not holds(limits)) if holds(()) else []
    members = tuple(
        Member(limit.name, limit.node, value_of(reruns, limit), least_relaxation(reruns, limit, goal, reached))
        for limit in kept
    )
    lowered = least_relaxation(reruns, goal, goal, reached)
    helped = not kept or any(member.relaxation for member in members)
    joint = () if helped else together(reruns, liftable, goal, reached)
    return Conflict(Member(*goal, lowered), round(reached.amount(goal), 12), members, joint)


def _liftable(reruns: Reruns) -> Iterator[Change]:
    """Every limit in force that can be lifted; where several would do, the first ones are dropped first."""
    limits, tree = reruns.limits, reruns.nodes
    for name in ("max_weight", "restriction"):
        if value_of(reruns, Change(name, "", None)):
            yield Change(name, "", None)
    yield from (Change(name, "", None) for name in ("min_position_weight", *SCORE_FIELDS))
    if (reruns.settings["unscored"] == 0).all() and np.isnan(reruns.rows["score"]).any():
        yield Change("unscored_positions", "", None)
    in_force = {
        "unknown_bucket": tree["closed"].any(),
        "full_investment_positions": limits.full_investment_positions is not None,
        "sizing_mode": limits.sizing_mode != "equal_weight",
        "residual_strategy": limits.residual_strategy == "cash",
        "min_buckets_represented": limits.represents,
    }
    yield from (Change(name, "", None) for name, is_set in in_force.items() if is_set)
    yield from reruns.exposures.in_force()
    seen = set()
    for node in range(len(tree) - 1, ROOT, -1):
        for field, none in zip(NODE_FIELDS, (NO_LIMIT, np.inf, 0.0), strict=True):
            limit = reruns.limit_of(node, field)
            if tree[field][node] != none and limit not in seen:
                seen.add(limit)
                yield Change(*limit, None)
    if limits.max_correlation is not None:
        yield Change("max_correlation", "", None)
    names = ("max_position_weight", "target_invested", "max_new_positions", "max_total_positions")
    yield from (Change(name, "", None) for name in names)


def value_of(reruns: Reruns, limit: Change) -> Any:
    """The current value of a limit; for a field of rows, the assets that have a value."""
    if limit.name in ("restriction", "max_weight"):
        return tuple(assets_with(reruns, limit.name))
    return reruns.present(limit.name, limit.node)

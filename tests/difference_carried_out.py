"""What a difference names as causes, carried out: the first inputs with the named ones of the second, and the other way round."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import trimtab
from trimtab.errors import InputError, LimitsError
from trimtab.explanations.difference import Cause
from trimtab.limits.rebalancing_limits import RebalancingLimits

Row = dict[str, Any]
_TOLERANCE = 1e-9
_TABLES = {"table of exposures": "exposures", "correlations": "correlations"}


@dataclass
class Inputs:
    """What a rebalance is given."""

    rows: list[Row]
    limits: RebalancingLimits
    tables: dict[str, Any] = field(default_factory=dict)

    def result(self) -> Any:
        """The result."""
        return trimtab.rebalance(self.rows, self.limits, **self.tables)


def faults_of_difference(before: Inputs, after: Inputs, counts: Counter[str]) -> Iterator[str]:
    """Causes that do not hold."""
    first, second = before.result(), after.result()
    for change in first.diff(second).changes:
        if change.before is None or change.after is None:
            counts["assets that come or go"] += 1
            continue
        goal = _outcome(second, change.asset)
        alone = [cause for cause in change.causes if cause.alone]
        counts["causes that suffice alone"] += len(alone)
        yield from (
            f"{change.text} but {cause.name} of {cause.assets} does not suffice"
            for cause in alone
            if not _is_reached(before, after, [cause], change.asset, goal)
        )
        joint = [cause for cause in change.causes if not cause.alone]
        counts["causes that suffice together"] += len(joint)
        if joint and not _is_reached(before, after, joint, change.asset, goal):
            yield f"{change.text} but they do not suffice"
        counts["whether it happens without them"] += 1
        if _is_reached(after, before, change.causes, change.asset, goal) is not change.otherwise:
            yield f"{change.text} but without them it does{' not' if change.otherwise else ''} happen"
        for cause in joint:
            others = [other for other in joint if other != cause]
            if _is_reached(before, after, others, change.asset, goal):
                yield f"{change.text} but {cause.name} of {cause.assets} is not needed"


def _is_reached(before: Inputs, after: Inputs, causes: Iterable[Cause], asset: str, goal: tuple[bool, float]) -> bool:
    try:
        outcome = _outcome(mixed(before, after, causes).result(), asset)
    except (InputError, LimitsError):
        return False
    return outcome[0] == goal[0] and abs(outcome[1] - goal[1]) <= _TOLERANCE


def _outcome(result: Any, asset: str) -> tuple[bool, float]:
    """Whether an asset is selected, and its target."""
    names = [row["asset"] for row in result.targets]
    place = names.index(asset)
    return bool(result._pass.decided["selected"][place]), result.targets[place]["target_weight"]


def mixed(before: Inputs, after: Inputs, causes: Iterable[Cause]) -> Inputs:
    """The first inputs with some of the second."""
    rows = {row["asset"]: dict(row) for row in before.rows}
    others = {row["asset"]: row for row in after.rows}
    values, tables = before.limits.to_dict(), dict(before.tables)
    for cause in causes:
        if cause.name in _TABLES:
            tables[_TABLES[cause.name]] = after.tables.get(_TABLES[cause.name])
        elif not cause.assets:
            values.pop(cause.name, None)
            values |= {name: value for name, value in after.limits.to_dict().items() if name == cause.name}
        for asset in cause.assets:
            if cause.name != "assets":
                rows[asset][cause.name] = others[asset][cause.name]
            elif asset in others:
                rows[asset] = dict(others[asset])
            else:
                del rows[asset]
    if values.get("enable_bucket_diversification"):
        known = {*before.limits.known_buckets, *after.limits.known_buckets, *(row["bucket"] for row in rows.values())}
        values["known_buckets"] = tuple(sorted({*known} - {None, "", "Unknown"}))
    return Inputs(list(rows.values()), RebalancingLimits.from_dict(values), tables)


def tomorrow(rng: random.Random, today: Inputs, other: Inputs) -> Inputs:
    """Inputs with some values of another account: scores, rows, weights, limits, a table."""
    rows = [dict(row) for row in today.rows]
    for row, donor in zip(rows, other.rows, strict=False):
        for name in ("score", "restriction", "max_weight", "desired_weight", "volatility", "bucket"):
            if rng.random() < 0.15:
                row[name] = donor[name]
    if rng.random() < 0.2 and len(rows) > 1:
        rows.pop(rng.randrange(len(rows)))
    if rng.random() < 0.2:
        rows.append({**rng.choice(other.rows), "asset": "NEW", "current_weight": 0.0})
    if rng.random() < 0.2:
        rows = [{**row, "current_weight": row["current_weight"] * 0.9} for row in rows]
    values, others = today.limits.to_dict(), other.limits.to_dict()
    for name in rng.sample(sorted(others), min(len(others), rng.choice([0, 1, 2, 4]))):
        if name not in ("exposures", "buckets", "known_buckets", "enable_bucket_diversification"):
            values[name] = others[name]
    try:
        limits = RebalancingLimits.from_dict(values)
    except LimitsError:
        limits = today.limits
    tables = dict(today.tables)
    if tables.get("exposures") and rng.random() < 0.4:
        tables["exposures"] = [
            {**row, "fraction": row["fraction"] * rng.choice([1.0, 0.5])} for row in tables["exposures"]
        ]
    return Inputs(rows, limits, tables)

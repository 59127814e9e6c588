"""The limit that holds the weight of a selected asset, and its weight without it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from trimtab.explanations.changes import EXPOSURE_FIELDS, Change
from trimtab.explanations.reruns import Reruns
from trimtab.kernel.records import NO_NODE, ROOT
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.reasons import Restriction, SizeReason
from trimtab.text import percent


@dataclass(frozen=True)
class HeldBy:
    """One limit, its value, and the weight with `lifted` in its place, from running the rules again.

    `limit` and `node` are named as in a counterfactual. `weight_without` equals `weight` if something else holds it
    there too.
    """

    limit: str
    node: str
    value: Any
    lifted: Any
    weight: float
    weight_without: float
    effect: str


def held_by(reruns: Reruns, place: int) -> HeldBy | None:
    """The limit behind the size reason of a row; None if no limit could be lifted.

    Examples
    --------
    >>> from trimtab.candidates.read import read
    >>> limits = RebalancingLimits(max_position_weight=0.2)
    >>> holding = held_by(Reruns.of(read([{"asset": "A", "score": 0.9}], limits, many=False), limits), 0)
    >>> holding.limit, holding.value, holding.weight, holding.weight_without
    ('max_position_weight', 0.2, 0.2, 0.95)
    """
    maker = _MAKERS.get(reruns.answer["size_reason"][place])
    changes = maker(reruns, place, int(reruns.answer["size_node"][place])) if maker else []
    if not changes:
        return None
    weight = float(reruns.answer["target"][place])
    weights = [(change, float(reruns.decided_with(change)["target"][place])) for change in changes]
    change, without = next((lifted for lifted in weights if lifted[1] != weight), weights[0])
    of_exposures = change.name in EXPOSURE_FIELDS
    if change.name == "max_exposure":
        change, without = max(weights, key=lambda lifted: lifted[1])  # the first of equals
    of_row = change.name in ("restriction", "max_weight")
    node = "" if of_row else change.node
    name = f"{change.name}{f' of {node}' if node else ''}"
    holds = "two limits hold it there at once" if of_exposures and len(weights) > 1 else "something else holds it there"
    still = f"still be {percent(weight)}: {holds}"
    effect = f"without {name} it would {still if without == weight else f'be {percent(without)}'}"
    return HeldBy(change.name, node, _present(reruns, place, change), change.value, weight, without, effect)


def _brakes(limits: RebalancingLimits) -> list[Change]:
    names = ("brake_sold_weight", "brake_closed_positions")
    return [Change(name, "", None) for name in names if getattr(limits, name) is not None]


def _restriction(reruns: Reruns, place: int) -> list[Change]:
    if reruns.rows["restriction"][place] != Restriction.EMPTY:
        return [Change("restriction", reruns.names[place], "")]
    closed = reruns.nodes["closed"][reruns.rows["leaf"][place]]
    return [Change("unknown_bucket", "", "limit")] if closed else []


def _released(reruns: Reruns, place: int, node: int) -> Change:
    """A holding that left its band for its own limits, for a bucket's, or for the total's."""
    if node == NO_NODE:
        return Change("drift_tolerance", "", 1.0)
    if node >= len(reruns.nodes):
        is_sold = reruns.answer["target"][place] < reruns.currents[place]
        return _exposure(reruns, reruns.places.exposure_row(node), "max_exposure" if is_sold else "min_exposure")
    if node == ROOT:
        return Change("cash_band", "", 1.0)
    if reruns.answer["target"][place] < reruns.currents[place]:
        return Change(*reruns.limit_of(node, "max_allocation"), 1.0)
    return Change("min_allocation", reruns.node_name(node), 0.0)


def _exposure(reruns: Reruns, row: int, field: str) -> Change:
    """The limit of a bucket of a scheme, lifted."""
    return Change(field, reruns.exposures.names[row], 1.0 if field == "max_exposure" else 0.0)


def _full_exposures(reruns: Reruns, place: int, node: int) -> list[Change]:
    """Every full bucket of a scheme that the row lies in; first the bucket of the size reason."""
    named = reruns.places.exposure_row(node)
    rows = [named, *(row for row in reruns.exposures.full(place, reruns.sizes) if row != named)]
    return [_exposure(reruns, row, "max_exposure") for row in rows]


def _cap(reruns: Reruns, place: int) -> Change:
    own = float(reruns.rows["max_weight"][place])
    if own < reruns.limits.max_position_weight:
        return Change("max_weight", reruns.names[place], None)
    return Change("max_position_weight", "", 1.0)


def _least(limits: RebalancingLimits) -> Change:
    """A minimum weight of zero, or of `dust_weight` if that was set."""
    return Change("min_position_weight", "", 0.0 if "dust_weight" in limits.derived else limits.dust_weight)


def _total(limits: RebalancingLimits) -> list[Change]:
    few, total = Change("full_investment_positions", "", None), Change("target_invested", "", 1.0)
    return [few] * (limits.full_investment_positions is not None) + [total] * (limits.target_invested < 1)


def _present(reruns: Reruns, place: int, change: Change) -> Any:
    if change.name == "restriction":
        return Restriction(int(reruns.rows["restriction"][place])).code
    if change.name == "max_weight":
        return float(reruns.rows["max_weight"][place])
    return reruns.present(change.name, change.node)


# The limits to lift, by size reason; both if two limits may hold the weight.
_MAKERS: dict[int, Callable[[Reruns, int, int], list[Change]]] = {
    SizeReason.BRAKED: lambda reruns, _at, _node: _brakes(reruns.limits),
    SizeReason.RESTRICTED: lambda reruns, place, _node: _restriction(reruns, place),
    SizeReason.HELD_IN_BAND: lambda *_: [Change("no_trade_band", "", 0.0), Change("min_trade", "", 0.0)],
    SizeReason.RELEASED_FOR_LIMIT: lambda reruns, place, node: [_released(reruns, place, node)],
    SizeReason.RELEASED_FOR_CASH: lambda *_: [Change("cash_band", "", 1.0)],
    SizeReason.CAPPED_POSITION: lambda reruns, place, _node: [_cap(reruns, place)],
    SizeReason.LIFTED_TO_MINIMUM: lambda reruns, _at, _node: [_least(reruns.limits)],
    SizeReason.LIFTED_FOR_BUCKET_MINIMUM: lambda reruns, _at, node: [
        Change("min_allocation", reruns.node_name(node), 0.0)
    ],
    SizeReason.CAPPED_BUCKET: lambda reruns, _at, node: [Change(*reruns.limit_of(node, "max_allocation"), 1.0)],
    SizeReason.CAPPED_EXPOSURE: _full_exposures,
    SizeReason.LIFTED_FOR_EXPOSURE: lambda reruns, _place, node: [
        _exposure(reruns, reruns.places.exposure_row(node), "min_exposure")
    ],
    SizeReason.AT_WISH: lambda reruns, _at, _node: _total(reruns.limits),
}

"""Why a selected row has its weight, in words: one clause for each size reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from trimtab.explanations.places_taken import PlacesTaken
from trimtab.kernel.records import ROOT
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.reasons import Reason, Restriction, SizeReason
from trimtab.text import figure, percent
from trimtab.tolerances import WEIGHT_TOLERANCE

_SHARES = {
    "equal_weight": "an equal share",
    "score_weighted": "a share in proportion to its score",
    "adaptive": "the share that its score earns in adaptive sizing",
    "inverse_volatility": "a share in inverse proportion to its volatility",
    "given": "a share in proportion to its desired_weight",
}


class _Sized(NamedTuple):
    places: PlacesTaken
    limits: RebalancingLimits
    row: int
    target: float
    node: int

    def limit(self, field: str) -> str:
        """The field that sets a limit of the node, and its value."""
        name, value = self.limits.limit_at(self.bucket, field)
        return f"{name} {figure(float(value))}"

    @property
    def bucket(self) -> str:
        return self.places.candidates.tree.paths[self.node]


def size_clause(places: PlacesTaken, row: int) -> str:
    """The reason for the weight of a row; empty where nothing was sized."""
    answer = places.decided[row]
    reason = SizeReason(answer["size_reason"])
    if reason == SizeReason.EMPTY:
        return ""
    if reason == SizeReason.BRAKED:
        return f"the brake keeps it; the rules propose {percent(float(answer['proposed']))}"
    if answer["target"] <= 0:
        return "the limits leave no weight for it"
    return _CLAUSES[reason](_Sized(places, places.limits, row, float(answer["target"]), int(answer["size_node"])))


def _restricted(sized: _Sized) -> str:
    candidates, reason = sized.places.candidates, Reason(sized.places.decided[sized.row]["reason"])
    code = Restriction(int(candidates.restriction[sized.row])).code
    if code:
        return f"its restriction {code} keeps it there"
    if reason == Reason.HELD_UNSCORED:
        return "without a score it is not traded"
    if reason == Reason.HELD_NOT_SIZABLE:
        return "without the data for its size it is not traded"
    return 'without a bucket nothing is bought (unknown_bucket "hold")'


def _released_for_limit(sized: _Sized) -> str:
    current = float(sized.places.candidates.current_weight[sized.row])
    if sized.places.exposure_row(sized.node) >= 0:
        limit = _exposure(sized, "max_exposure" if sized.target < current else "min_exposure")
        return f"traded inside its band to keep {limit}"
    if sized.node > ROOT:
        limit = sized.limit("max_allocation" if sized.target < current else "min_allocation")
        return f"traded inside its band to keep {limit} of {sized.bucket}"
    if sized.node == ROOT:
        limits = sized.limits
        total = f"cash_band {figure(limits.cash_band)} of target_invested {figure(limits.target_invested)}"
        return f"traded inside its band to bring the total within {total}"
    return "traded inside its band to keep its own smallest and largest weight"


def _capped_position(sized: _Sized) -> str:
    own = float(sized.places.candidates.max_weight[sized.row])
    field = "max_weight" if own < sized.limits.max_position_weight else "max_position_weight"
    return f"capped at its largest weight ({field} {figure(sized.places.cap(sized.row))})"


def _capped_exposure(sized: _Sized) -> str:
    return f"held down by {_exposure(sized, 'max_exposure')}"


def _lifted_for_exposure(sized: _Sized) -> str:
    return f"raised for {_exposure(sized, 'min_exposure')}"


def _made_room(_: _Sized) -> str:
    return "other positions take its weight, since limits of exposures move weight to them"


def _exposure(sized: _Sized, field: str) -> str:
    """A limit of exposures, its value and its bucket."""
    rows, row = sized.places.exposure_rows, sized.places.exposure_row(sized.node)
    if row >= int(rows.concentration[0]["first"]):
        own = sized.limits.concentration[rows.names[row][0]]
        return f"concentration {own.text} of {rows.named(row)}"
    return f"{field} {figure(float(rows.rows[row][field]))} of {rows.named(row)}"


def _at_wish(sized: _Sized) -> str:
    limits = sized.limits
    if limits.sizing_mode != "desired":
        largest = sized.places.cap(sized.row)
        is_largest = (
            sized.target >= largest - WEIGHT_TOLERANCE
        )  # its bucket's limit and its own bind at the same weight
        return _SHARES[limits.sizing_mode] + (f", at its largest weight of {figure(largest)}" if is_largest else "")
    desired = float(sized.places.candidates.desired_weight[sized.row])
    if abs(desired - sized.target) <= WEIGHT_TOLERANCE:
        return "its desired_weight"
    return f"desired_weight {percent(desired)}, scaled down with the others to fit the total that the account aims at"


_CLAUSES: dict[SizeReason, Callable[[_Sized], str]] = {
    SizeReason.RESTRICTED: _restricted,
    SizeReason.HELD_IN_BAND: lambda _: "near enough to its size to be left alone (no_trade_band and min_trade)",
    SizeReason.RELEASED_FOR_LIMIT: _released_for_limit,
    SizeReason.RELEASED_FOR_CASH: lambda sized: (
        f"traded inside its band, or more than cash_band {figure(sized.limits.cash_band)} would stay uninvested"
    ),
    SizeReason.CAPPED_POSITION: _capped_position,
    SizeReason.LIFTED_TO_MINIMUM: lambda sized: (
        f"raised to the smallest weight of a position (min_position_weight {figure(sized.limits.min_position_weight)})"
    ),
    SizeReason.LIFTED_FOR_BUCKET_MINIMUM: lambda sized: f"raised for {sized.limit('min_allocation')} of {sized.bucket}",
    SizeReason.CAPPED_BUCKET: lambda sized: f"held down by {sized.limit('max_allocation')} of {sized.bucket}",
    SizeReason.AT_WISH: _at_wish,
    SizeReason.CAPPED_EXPOSURE: _capped_exposure,
    SizeReason.LIFTED_FOR_EXPOSURE: _lifted_for_exposure,
    SizeReason.MADE_ROOM: _made_room,
}

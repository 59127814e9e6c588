"""Why a limit is not met, as codes with facts, and the sentences that are made from them."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from trimtab.errors import listed


class Cause(StrEnum):
    """The cause that excuses a limit, keeps it unmet, or qualifies one that holds."""

    FIXED = "fixed"
    CASH_BAND = "cash_band"
    DRIFT_TOLERANCE = "drift_tolerance"
    MINIMA_DO_NOT_FIT = "minima_do_not_fit"
    UNCLASSIFIED = "unclassified"
    OVERFLOW = "overflow"
    BRAKE = "brake"
    POSITIONS_FULL = "positions_full"
    NOTHING_SELECTED = "nothing_selected"
    NO_ROOM = "no_room"
    NO_WEIGHT_LEFT = "no_weight_left"
    NO_CANDIDATE = "no_candidate"
    TOTAL_POSITION_LIMIT = "total_position_limit"
    NEW_POSITION_LIMIT = "new_position_limit"
    TOO_CORRELATED = "too_correlated"
    NO_FREE_POSITION = "no_free_position"
    OTHER_CANDIDATES = "other_candidates"
    GREEDY = "greedy"
    FULL = "full"
    OTHER_LIMITS = "other_limits"
    EXPOSURES_DO_NOT_FIT = "exposures_do_not_fit"

    @property
    def phrase(self) -> str:
        """The cause in words, without the facts of one account."""
        return _PHRASES[self]


_PHRASES = {
    Cause.FIXED: "held by a restriction or missing data",
    Cause.CASH_BAND: "within cash_band",
    Cause.DRIFT_TOLERANCE: "within drift_tolerance",
    Cause.MINIMA_DO_NOT_FIT: "too little weight for min_position_weight",
    Cause.UNCLASSIFIED: "a missing bucket never forces a sale",
    Cause.OVERFLOW: "kept by allow_bucket_overflow",
    Cause.BRAKE: "the brake keeps every weight unchanged",
    Cause.POSITIONS_FULL: "its positions cannot hold it",
    Cause.NOTHING_SELECTED: "no asset in it was selected",
    Cause.NO_ROOM: "fixed positions and the minima of other buckets leave no room",
    Cause.NO_WEIGHT_LEFT: "no weight is left for what was selected",
    Cause.NO_CANDIDATE: "no candidate from another bucket qualifies and may be bought",
    Cause.TOTAL_POSITION_LIMIT: "max_total_positions is reached",
    Cause.NEW_POSITION_LIMIT: "max_new_positions is reached",
    Cause.TOO_CORRELATED: "max_correlation rules its candidates out",
    Cause.NO_FREE_POSITION: "no weight or position is free for another",
    Cause.OTHER_CANDIDATES: "candidates",
    Cause.GREEDY: "with this limit, selection is greedy and may miss the optimum of section 4 of the rules",
    Cause.FULL: "no room is left in",
    Cause.OTHER_LIMITS: "other limits leave no room",
    Cause.EXPOSURES_DO_NOT_FIT: "too little room for min_position_weight in",
}
_WITH_LIMIT = {
    Cause.CASH_BAND: "within cash_band {limit}",
    Cause.DRIFT_TOLERANCE: "within drift_tolerance {limit}",
    Cause.POSITIONS_FULL: "its positions can hold at most {limit}",
    Cause.TOTAL_POSITION_LIMIT: "max_total_positions {limit} is reached",
    Cause.NEW_POSITION_LIMIT: "max_new_positions {limit} is reached",
    Cause.TOO_CORRELATED: "max_correlation {limit} rules its candidates out",
}


class Excuse(NamedTuple):
    """A cause with the facts of one account."""

    cause: Cause
    assets: tuple[str, ...] = ()
    limit: float | None = None  # the value of the limit that the cause names

    @property
    def sentence(self) -> str:
        """The excuse in words."""
        limit = format(self.limit, "g") if isinstance(self.limit, float) else self.limit
        phrase = self.cause.phrase if limit is None else _WITH_LIMIT[self.cause].format(limit=limit)
        return f"{phrase}: {listed(self.assets)}" if self.assets else phrase


def note_of(excuses: tuple[Excuse, ...]) -> str:
    """All excuses of a limit in one note."""
    return "; ".join(excuse.sentence for excuse in excuses)

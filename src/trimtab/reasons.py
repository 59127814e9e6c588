"""The words of a result: what was done, why, and why in that size.

The kernel answers with integers; these members are those integers. Only `member.code` turns an integer into a code;
`explanations/` turns codes into sentences.
"""

from __future__ import annotations

from enum import IntEnum


class _Coded(IntEnum):
    @property
    def code(self) -> str:
        """The code of the member in tables: lower case, empty for `EMPTY`."""
        return "" if self.name == "EMPTY" else self.name.lower()


class Restriction(_Coded):
    """The restriction of an asset in an account."""

    EMPTY = 0
    NO_BUY = 1
    NO_SELL = 2
    NO_TRADE = 3

    @property
    def forbids_buying(self) -> bool:
        """Whether the asset's weight may not rise."""
        return self in (Restriction.NO_BUY, Restriction.NO_TRADE)

    @property
    def forbids_selling(self) -> bool:
        """Whether the asset's weight may not fall."""
        return self in (Restriction.NO_SELL, Restriction.NO_TRADE)


class Action(_Coded):
    """The action of a rebalance on a row: from `current_weight` to `target_weight`."""

    NONE = 0
    OPEN = 1
    CLOSE = 2
    INCREASE = 3
    DECREASE = 4
    HOLD = 5


class Reason(_Coded):
    """Why an asset was selected (`KEPT` to `HELD_NOT_SIZABLE`) or not (in order of precedence)."""

    EMPTY = 0
    KEPT = 1
    ADDED = 2
    ADDED_FOR_REPRESENTATION = 3
    OVERFLOW_PROTECTED = 4
    RESTRICTED = 5
    HELD_UNSCORED = 6
    HELD_NOT_SIZABLE = 7
    NOT_SCORED = 8
    RESTRICTED_OUT = 9
    UNCLASSIFIED = 10
    NOT_SIZABLE = 11
    BELOW_THRESHOLD = 12
    DUST = 13
    TOO_CORRELATED = 14
    DISPLACED_FOR_REPRESENTATION = 15
    TOTAL_POSITION_LIMIT = 16
    NEW_POSITION_LIMIT = 17
    BUCKET_POSITION_LIMIT = 18
    MIN_POSITION_CAPACITY = 19

    @property
    def code(self) -> str:
        """The code of rules: `restricted` is one word, whether it keeps an asset in or out."""
        return "restricted" if self is Reason.RESTRICTED_OUT else super().code


class SizeReason(_Coded):
    """Why a selected asset has its size: the first that applies."""

    EMPTY = 0
    BRAKED = 1
    RESTRICTED = 2
    HELD_IN_BAND = 3
    RELEASED_FOR_LIMIT = 4
    RELEASED_FOR_CASH = 5
    CAPPED_POSITION = 6
    LIFTED_TO_MINIMUM = 7
    LIFTED_FOR_BUCKET_MINIMUM = 8
    CAPPED_BUCKET = 9
    AT_WISH = 10
    CAPPED_EXPOSURE = 11
    LIFTED_FOR_EXPOSURE = 12
    MADE_ROOM = 13


SELECTED_REASONS = frozenset(reason for reason in Reason if Reason.KEPT <= reason <= Reason.HELD_NOT_SIZABLE)
# Tuples, since numpy looks codes up in them: reasons of new assets, and of assets selected regardless of the walk.
FIXED_REASONS = (Reason.RESTRICTED, Reason.HELD_UNSCORED, Reason.HELD_NOT_SIZABLE)
ENTERED_REASONS = (Reason.ADDED, Reason.ADDED_FOR_REPRESENTATION)


class OrderReason(_Coded):
    """Why a candidate has its order, or none."""

    EMPTY = 0
    TO_TARGET = 1
    ROUNDED_UP = 2
    FORCED_FOR_LIMIT = 3
    NO_CASH = 4
    NO_ROOM = 5
    WITHIN_ONE_LOT = 6
    BELOW_MIN_NOTIONAL = 7
    BELOW_MIN_TRADE = 8
    FEE_TOO_HIGH = 9
    MAX_TURNOVER = 10
    MAX_REALIZED_GAIN = 11
    NO_PLACE = 12
    WAITS_FOR_MINIMUM = 13
    NO_LOT_FITS = 14
    LOT_TOO_LARGE = 15
    ON_TARGET = 16
    NOT_WANTED = 17
    BRAKED = 18

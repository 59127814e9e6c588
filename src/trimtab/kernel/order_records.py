"""The records of the orders stage: assets, bucket nodes, tax lots, the account (rules, sections 12 to 19).

Money is in micro-units, quantities in nano-shares. One record holds everything about an asset, from what the account
brings to what is decided, so that one array is one argument.
"""

from __future__ import annotations

from enum import IntEnum

from trimtab.kernel.records import record


class OrderMode(IntEnum):
    """Which orders may be made."""

    FULL = 0
    BUY_ONLY = 1
    SELL_ONLY = 2


class Relief(IntEnum):
    """Which tax lots a sell takes first."""

    FIFO = 0
    LIFO = 1
    HIFO = 2
    LOFO = 3
    MIN_TAX = 4


class PlanStatus(IntEnum):
    """How the orders stage ended for an account."""

    OK = 0
    LIMITED = 1  # only a part is made: turnover, or gains
    CASH_SHORT = 2  # cash ends below 0
    BRAKED = 3
    NO_VALUE = 4  # failed: the account is worth nothing


# A sort key: group, then number, both small first, then index. Sorting moves nothing else of a record.
_KEY = (("key_group", "i8"), ("key_number", "f8"), ("key_index", "i8"))
KEY = record(*_KEY)

_BROUGHT = (
    ("price", "i8"),  # of a share
    ("quantity", "i8"),  # held at the beginning
    ("lot", "i8"),  # the tradable step
    ("min_notional", "i8"),
    ("lots_begin", "i8"),  # its tax lots are lots[lots_begin:lots_end], by date and then by id
    ("lots_end", "i8"),
    ("score", "f8"),  # these four as in `ROW`
    ("max_weight", "f8"),
    ("leaf", "i4"),
    ("restriction", "i1"),
    ("tradable", "?"),
)
_DECIDED = (
    ("reason", "i1"),  # `OrderReason`
    ("base_quantity", "i8"),  # the largest reachable quantity that is worth at most the goal
    ("now", "i8"),  # the quantity that the round has come to; in the end, the decision
    ("amount", "i8"),
    ("fee", "i8"),
    ("place", "i8"),  # in the order of execution; -1 without an order
)

# A candidate: what the account brings, and what is decided. Shape (rows,), by asset name.
ASSET = record(*_BROUGHT, *_DECIDED)

# A candidate of the account that is being decided: `ASSET` with its worths and the state of the rounds, in memory that
# all accounts of a block use. `leaf` is a node of `ORDER_NODE`.
TRADED = record(
    *_BROUGHT,
    *_DECIDED,
    ("kind", "i1"),  # NOTHING, BUY, SELL, SMALL_SELL
    ("round_reason", "i1"),
    ("is_unfit", "?"),  # it was selected, and ended without a lot
    ("is_large", "?"),  # one lot is too large for it, at the beginning
    ("is_left_alone", "?"),  # by the pass of the round
    ("is_filled", "?"),
    ("may_force", "?"),
    ("is_waiting", "?"),
    ("is_made", "?"),
    ("parts_begin", "i8"),  # its parts in rows of exposures are parts[parts_begin:parts_end]
    ("parts_end", "i8"),
    ("gets_lot", "?"),  # one more, in the walk over the last lots
    ("keeps_lot", "?"),  # in the better of these walks
    ("worth", "i8"),  # at the beginning
    ("lot_worth", "i8"),
    ("lot_value", "f8"),  # the same, not rounded to money
    ("given", "i8"),  # the quantity that the round was given, and its worth
    ("given_worth", "i8"),
    ("goal", "i8"),
    ("base_worth", "i8"),
    ("forced_quantity", "i8"),  # after a small sell that a limit forces, and its worth
    ("forced_worth", "i8"),
    ("step", "i8"),  # what one lot more than the base would add to its worth
    ("lack", "i8"),
    ("now_worth", "i8"),
    ("whole", "i8"),  # the quantity of the whole plan, where only a part is made, and its worth
    ("whole_worth", "i8"),
)
NOTHING, BUY, SELL, SMALL_SELL = 0, 1, 2, 3

# A node of the bucket tree that matters to orders: the whole portfolio, and nodes with a limit or to be represented. An asset
# belongs to the deepest of them over its own. Numbered as the tree: in preorder. Shape (nodes,).
ORDER_NODE = record(
    ("parent", "i4"),  # the first seven as in `NODE`
    ("stop", "i4"),
    ("bottom_up", "i4"),
    ("represents", "i4"),
    ("max_positions", "i8"),
    ("max_allocation", "f8"),
    ("min_allocation", "f8"),
    ("largest_weight", "f8"),  # that an asset may have here: by the general limit, the aim and the buckets
    ("largest", "i8"),  # the same in money, for a new asset and for a holding
    ("largest_kept", "i8"),
    ("limit", "i8"),  # in money; NO_LIMIT = none
    ("load", "i8"),
    ("trial", "i8"),
    ("before", "i8"),
    ("whole", "i8"),
    ("positions", "i8"),
    ("whole_positions", "i8"),
    ("was_represented", "?"),
    ("is_represented", "?"),
)

# A limit of exposures in the orders stage: a row of `EXPOSURE_ROW`. Shape (exposure rows,).
ORDER_EXPOSURE = record(
    ("max_exposure", "f8"),
    ("min_exposure", "f8"),
    ("largest", "i8"),  # the maximum in money, without the drift; NO_LIMIT = none
    ("limit", "i8"),  # with it
    ("load", "i8"),
    ("trial", "i8"),
    ("before", "i8"),
    ("whole", "i8"),
)

# A purchase kept for tax. Shape (lots,).
TAX_LOT = record(
    ("quantity", "i8"),
    ("cost", "i8"),  # in all
    ("acquired", "i8"),  # the day's number
    ("is_long", "?"),
    *_KEY,
    ("taken", "i8"),  # decided: how much of it is sold
    ("gain", "i8"),  # decided
)

# An account: its money, the settings of the stage, the limits that the stage needs, and how it ends. One record.
ORDER_ACCOUNT = record(
    ("cash", "i8"),  # the cash flow included
    ("cash_flow", "i8"),
    ("mode", "i8"),  # `OrderMode`
    ("cash_buffer", "f8"),
    ("min_trade_amount", "i8"),  # -1: `min_trade` of the value
    ("max_fee_share", "f8"),
    ("per_order", "i8"),
    ("per_share", "i8"),
    ("rate", "f8"),
    ("minimum", "i8"),
    ("max_turnover", "f8"),  # inf = none
    ("max_realized_gain", "i8"),  # NO_LIMIT = none
    ("relief", "i8"),  # `Relief`
    ("rate_short", "f8"),
    ("rate_long", "f8"),
    ("target_invested", "f8"),  # the aim: what the buffer leaves of it; these nine follow from the limits
    ("max_position_weight", "f8"),
    ("min_position_weight", "f8"),
    ("cash_band", "f8"),
    ("drift_tolerance", "f8"),
    ("min_trade", "f8"),
    ("dust_weight", "f8"),
    ("max_total_positions", "i8"),
    ("buckets_to_represent", "i8"),
    # State of the rounds: what follows from the value that a round was given.
    ("has_fees", "?"),
    ("least_amount", "i8"),  # the smallest order that is made
    ("max_worth", "i8"),  # `max_position_weight` in money, and with the drift
    ("max_kept_worth", "i8"),
    ("smallest_position", "i8"),
    # How it ends.
    ("brake_sold_weight", "f8"),  # what a withdrawal leaves of the brake; inf = none
    ("cash_after", "i8"),
    ("value_after", "i8"),
    ("value", "i8"),  # at the beginning
    ("status", "i8"),  # `PlanStatus`
    ("rounds", "i8"),
    ("is_settled", "?"),
)

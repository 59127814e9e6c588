"""The records that a backtest works on, and the arrays that it takes and fills.

Shapes: S sessions, A assets, D rebalance days, B buckets. Assets are sorted by name.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from trimtab.kernel.records import Flags, Floats, Ints, Records, record

# A session on which the policy may decide. Shape (D,).
REBALANCE_DAY = record(
    ("session", "i8"),
    ("scores", "i8"),  # the row of the scores known then
    ("exposures", "i8"),  # the period of the exposures known then, 0 without any
)

# The knowledge of an asset from a day on. Shape (days with scores, A).
SCORE_ROW = record(
    ("score", "f8"),  # [0, 1], NaN = could not be scored
    ("max_weight", "f8"),  # NaN = none
    ("desired", "f8"),  # NaN = none
    ("volatility", "f8"),  # NaN = none
    ("listed", "?"),  # in the table of scores, even without a score
)

# The bucket and membership of an asset on a rebalance day. Shape (D, A).
BUCKET_AND_MEMBERSHIP = record(
    ("bucket", "i4"),  # an index into `leaf_of`
    ("member", "?"),  # may be bought
)

# Assets without a price for too long, by the session on which they leave. Shape (delistings,).
DELISTED = record(
    ("session", "i8"),
    ("asset", "i8"),
    ("last", "i8"),  # its last session with a price
)

# The outcome of a decision; money in units of the start. Shape (D,).
STEP = record(
    ("decided", "i8"),
    ("traded", "i8"),
    ("value", "f8"),  # of the portfolio before the trades, at their prices
    ("bought", "f8"),
    ("sold", "f8"),
    ("paid", "f8"),  # costs, fees included
    ("fees", "f8"),  # of orders in whole lots
    ("cash", "f8"),  # after the trades
    ("buy_fraction", "f8"),  # the fraction of every buy that cash covered
    ("braked", "?"),
)

# An asset in a decision. Shape (D, A).
LEDGER = record(
    ("current", "f8"),  # weight on the session of the decision
    ("amount", "f8"),  # bought (above 0) or sold (below), money
    ("after", "f8"),  # weight after the trades, at their prices
    ("candidate", "?"),
    ("unfilled", "?"),  # an order that found no price
)

# An order in whole lots, as planned and as traded; in micro-units and nano-shares. Shape (D, A).
ORDER = record(
    ("place", "i8"),  # in the order of execution; -1 without an order
    ("price", "i8"),  # that it was planned at
    ("quantity", "i8"),  # held before
    ("now", "i8"),  # planned to be held
    ("amount", "i8"),  # planned, and its fee
    ("fee", "i8"),
    ("reason", "i1"),  # `OrderReason`
    ("traded_price", "i8"),  # 0 = no trade
    ("traded", "i8"),  # shares bought or sold
    ("traded_amount", "i8"),
    ("traded_fee", "i8"),
    ("traded_cost", "i8"),  # spread and the like, beside the fee
    ("held", "i8"),  # after the trades
    ("cash_after", "i8"),  # after this order
)

# A plan of orders. Shape (D,).
PLANNED = record(
    ("cash", "i8"),
    ("value", "i8"),
    ("status", "i8"),  # `PlanStatus`
    ("is_settled", "?"),
    ("cash_after", "i8"),  # after the trades
)


class WholeLots(NamedTuple):
    """Prices in micro-units and lots in nano-shares, for policies that trade whole lots."""

    price: Ints  # (D, A): the last known one on each rebalance day; 0 = none
    trade_price: Ints  # (D, A): of the session after it; 0 = no trade
    last_price: Ints  # (delistings,)
    lot: Ints  # (A,)
    cash: int  # to begin with, in micro-units


class Market(NamedTuple):
    """The market that every policy of a backtest or sweep meets."""

    close: Floats  # (S, A): the last known close, NaN before the first
    trade_price: Floats  # (S, A): NaN = no trade
    priced: Flags  # (S, A): has a close on that session
    cash_growth: Floats  # (S,): what 1 of cash has become since the session before
    delisted: Records  # DELISTED
    rebalance_days: Records  # REBALANCE_DAY; each has a session after it
    scores: Records  # SCORE_ROW
    memberships: Records  # BUCKET_AND_MEMBERSHIP
    cost: float  # of a trade, as a fraction of its amount; below 1
    # Decide where a weight is further than this from its value after the last trades, or nothing is held; below 0: on
    # every rebalance day.
    drift: float


class PolicyRecords(NamedTuple):
    """One policy: its bucket tree, the leaf of each bucket, its settings; and its number among the limits of exposures."""

    tree: Records  # NODE
    leaf_of: Ints  # (B,)
    settings: Any  # one record of SETTINGS
    account: Any  # one record of ORDER_ACCOUNT: the settings of orders in whole lots
    number: int


class Due(NamedTuple):
    """A decision to make: its rebalance day, how many rows it has, and the worth of the account."""

    day: int
    rows: int
    worth: float


class RunRecords(NamedTuple):
    """The records that a run fills. `answers` and `ledger` may be empty: then decisions are not kept."""

    equity: Floats  # (S,): value of the portfolio at the close
    cash: Floats  # (S,)
    steps: Records  # STEP, one for each decision
    answers: Records  # ANSWER, (D, A)
    ledger: Records  # LEDGER, (D, A)
    proceeds: Floats  # (delistings,): the money for a delisted holding, 0 if it was not held
    orders: Records  # ORDER, (D, A), empty without whole lots
    plans: Records  # PLANNED, (D,)


class Book(NamedTuple):
    """The working memory of a run. Arrays of shape (A,), by asset, but `held`, `rows`, `answers`, `asset_of`: those in use."""

    shares: Floats
    orders: Floats  # target weight, NaN = no order
    traded_weights: Floats  # right after the last trades
    held: Ints  # the assets with shares
    rows: Records  # ROW, of the present decision
    answers: Records  # ANSWER, of the present decision
    asset_of: Ints  # the asset of each row
    unit: Ints  # of each row: its asset in the period of the day
    profile: Ints  # of each row, in the exposures
    no_partners: Ints  # of length 0: a backtest knows no correlations
    # In whole lots:
    cash: Ints  # (1,), micro-units
    quantity: Ints  # held, in nano-shares; `shares` is the same for each unit of the start
    assets: Records  # ASSET, of the present decision
    account: Records  # ORDER_ACCOUNT, (1,), of the present decision
    in_order: Ints  # the rows with an order, in the order of execution
    trading: Records  # TRADED, (1,): the asset that is being traded
    traded: Records  # ORDER, (1,): its trade, where no ledger is kept

"""The records that a backtest works on."""

from __future__ import annotations

from trimtab.kernel.records import record

# A session on which the policy is asked, in order. Shape (asked,).
ASKED = record(
    ("session", "i8"),
    ("offer", "i8"),  # the row of the offers that is known then
)

# What is known of an asset that may be bought. Shape (offers, assets).
OFFER = record(
    ("score", "f8"),  # [0, 1], NaN = could not be scored
    ("max_weight", "f8"),  # NaN = none
    ("desired", "f8"),  # NaN = none
    ("volatility", "f8"),  # NaN = none
    ("listed", "?"),  # it stands in the table of scores, be it without a score
)

# Where an asset belongs on an asked session. Shape (asked, assets).
PLACE = record(
    ("bucket", "i4"),  # an index into `leaf_of`
    ("member", "?"),  # may be bought
)

# A session on which an asset has had no price for too long, by session. Shape (gone,).
GONE = record(
    ("session", "i8"),
    ("asset", "i8"),
    ("last", "i8"),  # its last session with a price
)

# What a decision led to; money in units of the start. Shape (asked,).
STEP = record(
    ("decided", "i8"),
    ("traded", "i8"),
    ("value", "f8"),  # of the portfolio before the trades, at their prices
    ("bought", "f8"),
    ("sold", "f8"),
    ("paid", "f8"),  # costs
    ("cash", "f8"),  # after the trades
    ("part", "f8"),  # the part of every buy that cash sufficed for
    ("braked", "?"),
)

# An asset in a decision. Shape (steps, assets).
LEDGER = record(
    ("current", "f8"),  # weight on the session of the decision
    ("amount", "f8"),  # bought (above 0) or sold (below), money
    ("after", "f8"),  # weight after the trades, at their prices
    ("candidate", "?"),
    ("unfilled", "?"),  # should have been traded, and had no price
)

"""The records of the orders stage: instruments, tax lots, settings, and what the stage decides (rules, sections 12 to 19)."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np

from trimtab.kernel.records import ROW, SETTINGS, Ints, Records, empty_answer, record


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


# What the stage knows of a candidate beside its row. Shape (rows,).
INSTRUMENT = record(
    ("price", "i8"),  # micro-units of the base currency for a share
    ("quantity", "i8"),  # held at the beginning, nano-shares
    ("lot", "i8"),  # the tradable step, nano-shares
    ("min_notional", "i8"),  # micro-units
    ("lots_begin", "i8"),  # its tax lots are lots[lots_begin:lots_end], by date and then by id
    ("lots_end", "i8"),
    ("tradable", "?"),
)

# A purchase kept for tax. Shape (lots,).
TAX_LOT = record(
    ("quantity", "i8"),
    ("cost", "i8"),  # in all
    ("acquired", "i8"),  # the day's number
    ("is_long", "?"),
    ("taken", "i8"),  # filled: how much of it is sold
    ("gain", "i8"),  # filled
)

# The settings of the stage. One record.
ORDER_SETTINGS = record(
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
)

# What the stage decides about a candidate. Shape (rows,).
ORDER = record(
    ("quantity", "i8"),  # after the order
    ("amount", "i8"),
    ("fee", "i8"),
    ("place", "i8"),  # in the order of execution; -1 without an order
    ("reason", "i1"),  # `OrderReason`
)

# How an account ends. One record.
PLAN = record(
    ("cash", "i8"),  # after all orders
    ("value", "i8"),  # after all orders
    ("value_before", "i8"),
    ("status", "i8"),  # `PlanStatus`
    ("rounds", "i8"),
    ("settled", "?"),
)

# What the rounds know of a candidate. Shape (rows,).
STATE = record(
    ("given", "i8"),  # the quantity that the round was given
    ("goal", "i8"),
    ("base_quantity", "i8"),  # the largest reachable quantity that is worth at most the goal
    ("now", "i8"),  # the quantity that the round has come to
    ("trial", "i8"),
    ("best", "i8"),
    ("lack", "i8"),
    ("step", "i8"),
    ("whole", "i8"),  # the quantity of the whole plan, where only a part is made
    ("kind", "i1"),  # NOTHING, BUY, SELL, SMALL_SELL
    ("reason", "i1"),  # `OrderReason` so far
    ("round_reason", "i1"),
    ("is_unfit", "?"),  # it was selected, and ended without a lot
    ("is_large", "?"),  # one lot is too large for it, at the beginning
    ("is_filled", "?"),
    ("may_force", "?"),
    ("is_waiting", "?"),
    ("is_made", "?"),
)
NOTHING, BUY, SELL, SMALL_SELL = 0, 1, 2, 3

# What the rounds know of a node. Shape (nodes,).
LOAD = record(
    ("limit", "i8"),
    ("load", "i8"),
    ("trial", "i8"),
    ("before", "i8"),
    ("whole", "i8"),
    ("positions", "i8"),
    ("whole_positions", "i8"),
)

# What an order of assets or lots goes by: group, then number, both small first, then index.
SORT_KEY = record(("group", "i8"), ("number", "f8"), ("index", "i8"))


class OrderInputs(NamedTuple):
    """What the orders of one account are made of; rows by asset name."""

    rows: Records
    instruments: Records
    lots: Records
    tree: Records
    settings: Records  # `SETTINGS`, shape (2,): the limits of the first round, and of the later ones
    partners: Ints
    order_settings: Any


class OrderWork(NamedTuple):
    """Room for the rounds, made once and used for account after account."""

    rows: Records
    first: Records  # the answer of the first round
    answer: Records
    states: Records
    loads: Records
    keys: Records
    lot_keys: Records


def empty_work(rows: int, nodes: int, lots: int) -> OrderWork:
    """Room for an account of so many rows, nodes and tax lots."""
    return OrderWork(
        np.zeros(rows, ROW),
        empty_answer(rows),
        empty_answer(rows),
        np.zeros(rows, STATE),
        np.zeros(nodes, LOAD),
        np.zeros(rows, SORT_KEY),
        np.zeros(lots, SORT_KEY),
    )


def order_limits(settings: Records, order_settings: Any) -> Records:
    """The limits of the first round and of the later ones, from those of the account. Shape (2,)."""
    limits = np.zeros(2, SETTINGS)
    limits[:] = settings[0]
    limits["target_invested"] = min(settings[0]["target_invested"], 1.0 - order_settings["cash_buffer"])
    return limits

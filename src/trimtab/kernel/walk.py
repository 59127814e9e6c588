"""One policy walked over the sessions: decide, trade at the next session, drift; arrays in, arrays out.

It decides nothing itself: every decision is `rebalance_account` on the rows of that session. What it does beside is
bookkeeping: what holdings are worth, what trades cost, who can be traded (docs/backtest.md has the formulas).

Prices have shape (sessions, assets), assets by name; the account starts with 1.0 in cash on the first asked session.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from trimtab.kernel.account import rebalance_account
from trimtab.kernel.blocks import clear_answer, fill_row
from trimtab.kernel.compilation import allocating, compiled, entry
from trimtab.kernel.tables import ANSWER, ROW, Flags, Floats, Ints, Records, record
from trimtab.reasons import Restriction

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


@compiled
def _tradable_price(price: Floats, trade: Floats, session: int, asset: int) -> float:
    """What an asset counts in the trades of a session: its price there, else the last known one."""
    paid = trade[session, asset]
    return price[session - 1, asset] if math.isnan(paid) else paid


@compiled
def _list_held(shares: Floats, held: Ints) -> int:
    """The assets held, by name; returns how many."""
    count = 0
    for asset in range(shares.size):
        if shares[asset] > 0.0:
            held[count] = asset
            count += 1
    return count


@compiled
def _worth(price: Floats, session: int, shares: Floats, held: Ints, count: int) -> float:
    """What the holdings are worth at a session's last known prices."""
    total = 0.0
    for at in range(count):
        total += shares[held[at]] * price[session, held[at]]
    return total


@compiled
def _most_drifted(
    price: Floats, session: int, shares: Floats, held: Ints, count: int, after: Floats, worth: float
) -> float:
    """The largest distance of a weight from what it was after the last trades, in either direction."""
    most = 0.0
    for at in range(count):
        asset = held[at]
        most = max(most, abs(shares[asset] * price[session, asset] / worth - after[asset]))
    return most


@compiled
def _let_go(price: Floats, session: int, gone: Records, event: int, shares: Floats, left: Floats) -> float:
    """The money for a holding that has vanished, at its last price; 0 where it is not held."""
    asset = gone[event].asset
    left[event] = shares[asset] * price[session, asset] if shares[asset] > 0.0 else 0.0
    shares[asset] = 0.0
    return left[event]


@compiled
def _offer_rows(
    price: Floats,
    seen: Flags,
    ask: Any,
    offers: Records,
    places: Records,
    at: int,
    leaf_of: Ints,
    settings: Any,
    shares: Floats,
    worth: float,
    rows: Records,
    answer: Records,
    asset_of: Ints,
) -> int:
    """The rows of a decision, by name: what is held, and members with a price or a score; returns how many.

    What has no price today can be neither bought nor sold; what is no member is not bought.
    """
    count = 0
    for asset in range(shares.size):
        offer, place = offers[ask.offer, asset], places[at, asset]
        priced, holding = seen[ask.session, asset], shares[asset] > 0.0
        if holding or (place.member and (priced or offer.listed)):
            current = shares[asset] * price[ask.session, asset] / worth if holding else 0.0
            row = rows[count]
            fill_row(row, offer.score, current, offer.max_weight, offer.desired, offer.volatility, settings)
            row.leaf = leaf_of[place.bucket]
            row.restriction = Restriction.EMPTY
            if not priced:
                row.restriction = Restriction.NO_TRADE
            elif not place.member:
                row.restriction = Restriction.NO_BUY
            clear_answer(answer[count])
            asset_of[count] = asset
            count += 1
    return count


@compiled
def _order(
    rows: Records,
    answer: Records,
    asset_of: Ints,
    count: int,
    orders: Floats,
    step: int,
    answers: Records,
    ledger: Records,
) -> None:
    """The targets of what is to be traded; and the decision, where a ledger is kept."""
    for at in range(count):
        asset = asset_of[at]
        if answer[at].target != rows[at].current:
            orders[asset] = answer[at].target
        if ledger.shape[0] > 0:
            answers[step, asset] = answer[at]
            ledger[step, asset].candidate = True
            ledger[step, asset].current = rows[at].current


@compiled
def _value_after(
    price: Floats, trade: Floats, session: int, shares: Floats, orders: Floats, value: float, cost: float
) -> float:
    """The value x of the portfolio after the trades and their costs: x + cost * sum |target * x - worth| = value.

    The left side is convex, piecewise linear and increasing in x, so Newton's steps from `value` downwards never pass the
    solution, and end after at most one step for each piece.
    """
    after, smaller = value, cost > 0.0
    while smaller:
        excess, slope = after - value, 1.0
        for asset in range(orders.size):
            if not math.isnan(orders[asset]):
                change = orders[asset] * after - shares[asset] * _tradable_price(price, trade, session, asset)
                excess += cost * abs(change)
                slope += cost * orders[asset] if change > 0.0 else -cost * orders[asset]
        found = after - excess / slope
        smaller = found < after - 1e-15 * value
        if smaller:
            after = found
    return after


@compiled
def _measure_trades(
    price: Floats, trade: Floats, session: int, shares: Floats, orders: Floats, money: float, cost: float, done: Any
) -> float:
    """Fill what is bought and sold, and the part of the buys that cash suffices for; returns the value after costs."""
    value = money
    for asset in range(shares.size):
        if shares[asset] > 0.0:
            value += shares[asset] * _tradable_price(price, trade, session, asset)
    after = _value_after(price, trade, session, shares, orders, value, cost)
    bought, sold = 0.0, 0.0
    for asset in range(shares.size):
        if not math.isnan(orders[asset]):
            change = orders[asset] * after - shares[asset] * _tradable_price(price, trade, session, asset)
            bought += max(change, 0.0)
            sold += max(-change, 0.0)
    available = max(money + sold - cost * sold, 0.0)
    done.part = 1.0
    if bought + cost * bought > available:
        done.part = available / (bought + cost * bought)
    done.value = value
    done.bought = bought * done.part
    done.sold = sold
    done.paid = cost * (done.bought + sold)
    return after


@compiled
def _trade(
    price: Floats,
    trade: Floats,
    session: int,
    shares: Floats,
    orders: Floats,
    money: float,
    cost: float,
    done: Any,
    step: int,
    ledger: Records,
) -> float:
    """Bring everything that was ordered to its target; an order without a price lapses. Returns the cash after it."""
    kept = ledger.shape[0] > 0
    for asset in range(shares.size):
        if not math.isnan(orders[asset]) and math.isnan(trade[session, asset]):
            orders[asset] = math.nan
            if kept:
                ledger[step, asset].unfilled = True
    after = _measure_trades(price, trade, session, shares, orders, money, cost, done)
    done.traded = session
    for asset in range(shares.size):
        if not math.isnan(orders[asset]):
            paid = trade[session, asset]
            change = orders[asset] * after - shares[asset] * paid
            if change > 0.0:
                change *= done.part
            shares[asset] = shares[asset] + change / paid if orders[asset] > 0.0 else 0.0
            orders[asset] = math.nan
            if kept:
                ledger[step, asset].amount = change
    done.cash = money + done.sold - done.bought - done.paid if done.part >= 1.0 else 0.0
    return float(done.cash)


@compiled
def _weigh(
    price: Floats,
    trade: Floats,
    session: int,
    shares: Floats,
    money: float,
    after: Floats,
    step: int,
    ledger: Records,
) -> None:
    """The weights right after the trades, at their prices."""
    value = money
    for asset in range(shares.size):
        after[asset] = 0.0
        if shares[asset] > 0.0:
            after[asset] = shares[asset] * _tradable_price(price, trade, session, asset)
            value += after[asset]
    for asset in range(shares.size):
        after[asset] /= value
        if ledger.shape[0] > 0:
            ledger[step, asset].after = after[asset]


@allocating
def _decide(
    price: Floats,
    seen: Flags,
    ask: Any,
    offers: Records,
    places: Records,
    at: int,
    tree: Records,
    leaf_of: Ints,
    settings: Any,
    shares: Floats,
    worth: float,
    rows: Records,
    answer: Records,
    asset_of: Ints,
    no_partners: Ints,
) -> tuple[int, bool]:
    """One pass of the rules on the holdings as they have drifted; returns the number of rows, and whether it is braked."""
    count = _offer_rows(price, seen, ask, offers, places, at, leaf_of, settings, shares, worth, rows, answer, asset_of)
    return count, rebalance_account(rows[:count], tree, settings, no_partners, answer[:count])


@entry
def walk(
    price: Floats,
    trade: Floats,
    seen: Flags,
    growth: Floats,
    gone: Records,
    asked: Records,
    offers: Records,
    places: Records,
    tree: Records,
    leaf_of: Ints,
    settings: Any,
    cost: float,
    drift: float,
    equity: Floats,
    cash: Floats,
    steps: Records,
    answers: Records,
    ledger: Records,
    left: Floats,
) -> int:
    """Walk one policy from the first asked session to the last session; returns the number of decisions.

    Parameters
    ----------
    price, trade, seen
        (sessions, assets): the last known close (NaN before the first), the price at which is traded (NaN = none), and
        whether there is a close.
    growth
        (sessions,): what 1 of cash has become since the session before.
    gone, asked, offers, places
        As above. The last asked session must have one after it.
    tree, leaf_of, settings
        The policy: its bucket tree, the leaf of each bucket, and one record of settings.
    cost
        What a trade costs, as a fraction of its amount; below 1.
    drift
        A decision is made on an asked session where a weight is further than this from what it was after the last
        trades, or nothing is held; below 0 on all of them.
    equity, cash
        (sessions,), filled: value of the portfolio and of its cash at the close.
    steps
        (asked,), filled for each decision.
    answers, ledger
        (asked, assets), filled for each decision; or (0, assets), and nothing is kept.
    left
        (gone,), filled: the money that a vanished holding left for, 0 where it was not held.
    """
    assets = price.shape[1]
    rows, answer, asset_of = np.zeros(assets, ROW), np.zeros(assets, ANSWER), np.zeros(assets, np.int64)
    shares, orders, after = np.zeros(assets), np.full(assets, np.nan), np.zeros(assets)
    held, count = np.zeros(assets, np.int64), 0
    no_partners = np.zeros(0, np.int64)  # a walk has no correlations: limits with `max_correlation` do not come here
    at, step, event, pending, money = 0, -1, 0, False, 1.0
    first = asked[0].session
    for session in range(first, equity.size):
        if session > first:
            money *= growth[session]
        if pending:
            money = _trade(price, trade, session, shares, orders, money, cost, steps[step], step, ledger)
            _weigh(price, trade, session, shares, money, after, step, ledger)
            count, pending = _list_held(shares, held), False
        while event < gone.size and gone[event].session <= session:
            money += _let_go(price, session, gone, event, shares, left)
            count = _list_held(shares, held)
            event += 1
        cash[session] = money
        equity[session] = money + _worth(price, session, shares, held, count)
        if at < asked.size and asked[at].session == session:
            worth = equity[session]
            if count == 0 or _most_drifted(price, session, shares, held, count, after, worth) > drift:
                step, pending = step + 1, True
                steps[step].decided = session
                found, steps[step].braked = _decide(
                    price,
                    seen,
                    asked[at],
                    offers,
                    places,
                    at,
                    tree,
                    leaf_of,
                    settings,
                    shares,
                    worth,
                    rows,
                    answer,
                    asset_of,
                    no_partners,
                )
                _order(rows, answer, asset_of, found, orders, step, answers, ledger)
            at += 1
    return step + 1

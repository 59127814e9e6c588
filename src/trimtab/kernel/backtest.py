"""One policy walked over the sessions: decide, trade at the next session, drift; arrays in, arrays out.

It decides nothing itself: every decision is `rebalance_account` on the rows of that session. What it does beside is
bookkeeping: what holdings are worth, what trades cost, who can be traded (docs/backtest.md has the formulas).

Prices have shape (sessions, assets), assets by name; the account starts with 1.0 in cash on the first asked session.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from trimtab.kernel.account import rebalance_account
from trimtab.kernel.backtest_trading import execute_trades, weigh
from trimtab.kernel.block import clear_answer, fill_row
from trimtab.kernel.compilation import allocating, compiled, entry
from trimtab.kernel.records import ANSWER, ROW, Flags, Floats, Ints, Records
from trimtab.reasons import Restriction


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
            money = execute_trades(price, trade, session, shares, orders, money, cost, steps[step], step, ledger)
            weigh(price, trade, session, shares, money, after, step, ledger)
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

"""One policy over the sessions: decide, trade at the next session, drift; arrays in, arrays out.

It decides nothing itself: every decision is `rebalance_account` on the rows of that session. It adds the bookkeeping:
the worth of holdings, the cost of trades, and which assets can be traded (docs/backtest.md has the formulas). The account
starts with 1.0 in cash on the first rebalance day. In whole lots, money and shares are whole numbers, every
decision is `plan_block`, and what is recorded in floats is in units of the start.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from trimtab.kernel.account import rebalance_account
from trimtab.kernel.backtest_orders import decide_orders, earn, pay_out, place_orders, trade_orders
from trimtab.kernel.backtest_records import ORDER, Book, Due, Market, PolicyRecords, RunRecords, WholeLots
from trimtab.kernel.backtest_trading import execute_trades, weigh
from trimtab.kernel.block import BlockExposures, clear_answer, exposed_of, fill_row
from trimtab.kernel.compilation import allocating, compiled, entry
from trimtab.kernel.order_records import ASSET, ORDER_ACCOUNT, TRADED
from trimtab.kernel.records import ANSWER, ROW, Exposed
from trimtab.reasons import Restriction


@compiled
def _list_held(book: Book) -> int:
    """The assets held, by name; returns how many."""
    count = 0
    for asset in range(book.shares.size):
        if book.shares[asset] > 0.0:
            book.held[count] = asset
            count += 1
    return count


@compiled
def _worth(market: Market, session: int, book: Book, count: int) -> float:
    """The value of the holdings at a session's last known prices."""
    total = 0.0
    for index in range(count):
        total += book.shares[book.held[index]] * market.close[session, book.held[index]]
    return total


@compiled
def _largest_drift(market: Market, session: int, book: Book, count: int, worth: float) -> float:
    """The largest distance of a weight from its value after the last trades, in either direction."""
    drift = 0.0
    for index in range(count):
        asset = book.held[index]
        weight = book.shares[asset] * market.close[session, asset] / worth
        drift = max(drift, abs(weight - book.traded_weights[asset]))
    return drift


@compiled
def _remove_delisted(
    market: Market, session: int, event: int, book: Book, whole: WholeLots | None, run: RunRecords
) -> float:
    """The money for a delisted holding, at its last price; 0 where it is not held."""
    asset = market.delisted[event].asset
    shares = book.shares[asset]
    run.proceeds[event] = 0.0
    if shares > 0.0:
        if whole is None:
            run.proceeds[event] = shares * market.close[session, asset]
        else:
            run.proceeds[event] = pay_out(asset, whole.last_price[event], book, whole)
    book.shares[asset] = 0.0
    return run.proceeds[event]


@compiled
def _fill_rows(market: Market, policy: PolicyRecords, day: int, book: Book, worth: float) -> int:
    """The rows of a decision, by name: holdings, and members with a price or a score; returns how many.

    Assets without a price today can be neither bought nor sold; assets that are not members are not bought.
    """
    count, session, known = 0, market.rebalance_days[day].session, market.rebalance_days[day].scores
    for asset in range(book.shares.size):
        score, membership = market.scores[known, asset], market.memberships[day, asset]
        priced, holding = market.priced[session, asset], book.shares[asset] > 0.0
        if holding or (membership.member and (priced or score.listed)):
            current = book.shares[asset] * market.close[session, asset] / worth if holding else 0.0
            row = book.rows[count]
            fill_row(row, score.score, current, score.max_weight, score.desired, score.volatility, policy.settings)
            row.leaf = policy.leaf_of[membership.bucket]
            row.restriction = Restriction.EMPTY
            if not priced:
                row.restriction = Restriction.NO_TRADE
            elif not membership.member:
                row.restriction = Restriction.NO_BUY
            clear_answer(book.answers[count])
            book.asset_of[count] = asset
            count += 1
    return count


@compiled
def _keep(book: Book, count: int, step: int, run: RunRecords) -> None:
    """Record the decision, if a ledger is kept."""
    for index in range(count):
        asset = book.asset_of[index]
        if run.ledger.shape[0] > 0:
            run.answers[step, asset] = book.answers[index]
            run.ledger[step, asset].candidate = True
            run.ledger[step, asset].current = book.rows[index].current


@compiled
def _place_targets(book: Book, count: int) -> None:
    """The targets to trade."""
    for index in range(count):
        if book.answers[index].target != book.rows[index].current:
            book.orders[book.asset_of[index]] = book.answers[index].target


@allocating
def _exposed_on(market: Market, policy: PolicyRecords, exposures: BlockExposures, due: Due, book: Book) -> Exposed:
    """The exposures of the rows of a decision, as known on its day."""
    first = market.rebalance_days[due.day].exposures * book.shares.size
    for index in range(due.rows):
        book.unit[index] = first + book.asset_of[index]
    return exposed_of(exposures, policy.number, book.unit[: due.rows], book.profile)


@allocating
def _decide(
    policy: PolicyRecords, whole: WholeLots | None, exposed: Exposed | None, due: Due, book: Book, outcome: Any
) -> bool:
    """One pass of the rules on the rows of a decision; returns whether it can be counted."""
    if whole is not None:
        return bool(decide_orders(whole, policy, exposed, due, book, outcome))
    rows, answers = book.rows[: due.rows], book.answers[: due.rows]
    outcome.braked = rebalance_account(rows, policy.tree, policy.settings, book.no_partners, exposed, answers)
    _place_targets(book, due.rows)
    return True


@allocating
def _empty_book(assets: int, whole: WholeLots | None) -> Book:
    """The working memory for a number of assets."""
    own = 0 if whole is None else assets
    cash = np.zeros(1, np.int64)
    if whole is not None:
        cash[0] = whole.cash
    return Book(
        np.zeros(assets),
        np.full(assets, np.nan),
        np.zeros(assets),
        np.zeros(assets, np.int64),
        np.zeros(assets, ROW),
        np.zeros(assets, ANSWER),
        np.zeros(assets, np.int64),
        np.zeros(assets, np.int64),
        np.zeros(assets, np.int64),
        np.zeros(0, np.int64),
        cash,
        np.zeros(own, np.int64),
        np.zeros(own, ASSET),
        np.zeros(1, ORDER_ACCOUNT),
        np.zeros(own, np.int64),
        np.zeros(1, TRADED),
        np.zeros(1, ORDER),
    )


@entry
def backtest_policy(
    market: Market, policy: PolicyRecords, whole: WholeLots | None, exposures: BlockExposures | None, run: RunRecords
) -> int:
    """Run one policy from the first rebalance day to the last session; fills `run`, returns the number of decisions.

    `whole`: None if fractions of a share are traded; `exposures`: None if no policy limits them. If amounts become too large for 64 bits, it ends early and returns
    -1 less the session.
    """
    book = _empty_book(market.close.shape[1], whole)
    count, day, step, event, pending, money = 0, 0, -1, 0, False, 1.0
    first = market.rebalance_days[0].session
    for session in range(first, run.equity.size):
        if session > first:
            growth = market.cash_growth[session]
            money = money * growth if whole is None else earn(growth, book, whole)
        if pending:
            if whole is None:
                money = execute_trades(market, session, book, money, step, run)
            else:
                money = trade_orders(market, whole, session, day - 1, book, step, run)
            if money < 0.0:  # it cannot be counted
                return -1 - session
            weigh(market, session, book, money, step, run)
            count, pending = _list_held(book), False
        while event < market.delisted.size and market.delisted[event].session <= session:
            money += _remove_delisted(market, session, event, book, whole, run)
            count = _list_held(book)
            event += 1
        run.cash[session] = money
        run.equity[session] = money + _worth(market, session, book, count)
        if day < market.rebalance_days.size and market.rebalance_days[day].session == session:
            worth = run.equity[session]
            if count == 0 or _largest_drift(market, session, book, count, worth) > market.drift:
                step, pending = step + 1, True
                run.steps[step].decided = session
                due = Due(day, _fill_rows(market, policy, day, book, worth), worth)
                if exposures is None:
                    is_countable = _decide(policy, whole, None, due, book, run.steps[step])
                else:
                    exposed = _exposed_on(market, policy, exposures, due, book)
                    is_countable = _decide(policy, whole, exposed, due, book, run.steps[step])
                if not is_countable:
                    return -1 - session
                if whole is not None:
                    place_orders(book, due.rows, step, run)
                _keep(book, due.rows, step, run)
            day += 1
    return step + 1

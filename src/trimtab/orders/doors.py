"""`plan`: a table of candidates with shares and prices in, a list of trades out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np

from trimtab.candidates.columns import COLUMNS
from trimtab.candidates.read import read
from trimtab.candidates.user_table import columns_of, with_columns, without_columns
from trimtab.decimals import MICRO, NANO, decimal_of, money_of, money_text, scaled, shares_of
from trimtab.errors import Fault, InputError, LimitsError, listed
from trimtab.kernel.money import parts_of, portion
from trimtab.kernel.order_records import PlanStatus
from trimtab.limits.given_limits import given_limits
from trimtab.limits.order_settings import OrderSettings, given_settings
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.orders.account_inputs import AccountInputs
from trimtab.orders.account_table import ORDER_COLUMNS, Instrument, read_instruments
from trimtab.orders.identity import client_order_id, plan_id
from trimtab.orders.plan import LotSold, Order, Plan
from trimtab.orders.plan_check import check_plan
from trimtab.orders.recent_trades import read_trades
from trimtab.orders.stage import DecidedPlan, decide
from trimtab.orders.tax_lots import TaxLot, read_tax_lots
from trimtab.orders.wash_sales import wash_sales
from trimtab.reasons import OrderReason
from trimtab.rebalancing.certified import certified
from trimtab.rebalancing.decided_pass import Pass
from trimtab.rebalancing.result import RebalanceResult
from trimtab.symbols.aliases import shipped_aliases

_MOST_OVERDRAWN = 1.05
_STATUS = {status: status.name.lower() for status in PlanStatus}


def plan(
    candidates: Any,
    limits: RebalancingLimits | None = None,
    *,
    cash: Any,
    cash_flow: Any = 0,
    positions: Any = None,
    prices: Any = None,
    fx: Any = None,
    tax_lots: Any = None,
    recent: Any = None,
    today: dt.date | None = None,
    settings: Any = None,
    correlations: Any = None,
    **changes: Any,
) -> Plan:
    """Decide what one account trades: a rebalance, in whole lots, paid from the account's own cash.

    Parameters
    ----------
    candidates
        As `rebalance` takes them, with `shares` (held now) and `price` (for one share) instead of `current_weight`; and
        optionally `currency` or `fx`, `lot` (the tradable step, default 1), `min_notional`, `tradable`, `group`.
    limits
        What the rebalance may and must do; the defaults of `RebalancingLimits` where None.
    cash, cash_flow
        Cash in the base currency, and the amount paid in (above 0) or out (below 0) before the orders.
    positions, prices
        Asset to shares, asset to price: mappings or tables, for those who keep them apart from the candidates.
    fx
        The value of one unit of each currency in the base currency. Prices in pence (GBX) count as hundredths.
    tax_lots, recent
        The purchases that holdings are made up of (`asset`, `lot_id`, `shares`, `cost`, `acquired`), and recent trades
        anywhere (`group`, `date`, `kind`: `buy` or `loss_sale`), for gains and wash sales.
    today
        The day from which holding periods and wash sales are counted; needed with tax lots or recent trades.
    correlations
        As `rebalance` takes them.
    settings, changes
        An `OrderSettings` or a mapping of its fields, and single ones by name: `mode="buy_only"`, `fees={...}`.

    Raises
    ------
    InputError
        Unusable input: names row, column, value and what to do.
    LimitsError
        Limits or settings that are unknown, out of range, or contradict each other.

    Examples
    --------
    >>> import trimtab
    >>> plan = trimtab.plan(
    ...     [
    ...         {"asset": "AAA", "score": 0.9, "shares": 30, "price": 100},
    ...         {"asset": "BBB", "score": 0.8, "shares": 0, "price": "49.50"},
    ...     ],
    ...     cash=7000,
    ... )
    >>> [(order.side, order.shares, order.asset, order.amount) for order in plan.orders]
    [('sell', Decimal('10'), 'AAA', Decimal('1000')), ('buy', Decimal('40'), 'BBB', Decimal('1980'))]
    >>> plan.cash
    Decimal('6020')
    """
    limits, settings = given_limits(limits), given_settings(settings, changes)
    _check_settings(limits, settings)
    day = _day(today, is_needed=tax_lots is not None or recent is not None)
    notes: list[str] = []
    instruments = read_instruments(candidates, positions=positions, prices=prices, fx=fx, notes=notes)
    shipped_aliases().check_once(each.asset for each in instruments)
    needs_lots = settings.max_realized_gain is not None
    inputs = AccountInputs(
        limits,
        settings,
        instruments,
        _amount(cash, "cash"),
        _amount(cash_flow, "cash_flow"),
        day,
        read_tax_lots(tax_lots, instruments, needed=needs_lots, today=day, notes=notes),
        read_trades(recent, day),
    )
    table = _with_weights(candidates, instruments, inputs.cash)
    checked = read(table, limits, many=False, correlations=correlations)
    made = _plan_of(table, decide(checked, inputs), inputs, plan_id(inputs.identity(checked)), notes)
    check_plan(made, inputs, checked)
    return made


def _check_settings(limits: RebalancingLimits, settings: OrderSettings) -> None:
    turnover = settings.max_turnover
    if turnover is not None and turnover < limits.min_position_weight:
        raise LimitsError(
            [
                f"max_turnover {turnover:g} is below min_position_weight {limits.min_position_weight:g}: no new position "
                "could be opened; raise the one or lower the other"
            ]
        )


def _day(today: dt.date | None, *, is_needed: bool) -> dt.date:
    if today is None and is_needed:
        raise InputError([Fault("today is missing", "give the day that terms are counted from")])
    if today is not None and (not isinstance(today, dt.date) or isinstance(today, dt.datetime)):
        raise InputError([Fault("is not a day", "give a datetime.date", column="today", value=today)])
    return today or dt.date(1970, 1, 1)


def _amount(value: Any, name: str) -> int:
    try:
        return scaled(decimal_of(value), MICRO)
    except TypeError:
        raise InputError([Fault(f"{name}: is not an amount of money", "give a number", value=value)]) from None


def _with_weights(candidates: Any, instruments: Sequence[Instrument], cash: int) -> Any:
    """The table for the pass: weights instead of shares, checked against the account's value."""
    worths = [each.quantity * (each.price or 0) // NANO for each in instruments]
    total = sum(worths)
    value = total + cash
    if total > 0 and total > _MOST_OVERDRAWN * value:
        problem = f"positions are worth {money_of(total):,.2f}, the account with its cash {money_of(value):,.2f}"
        raise InputError([Fault(problem, "check cash, shares and prices", column="cash", value=money_of(cash))])
    columns, _ = columns_of(candidates, (*COLUMNS, *ORDER_COLUMNS))
    if "current_weight" in columns:
        advice = "drop it; weights follow from shares and prices"
        raise InputError([Fault("is not used by a plan", advice, column="current_weight")])
    table = without_columns(candidates, [name for name in columns if name in ORDER_COLUMNS])
    weights = np.array([worth / max(value, total, 1) for worth in worths])
    return with_columns(table, {"current_weight": weights})


def _plan_of(table: Any, decided: DecidedPlan, inputs: AccountInputs, identity: str, notes: Sequence[str]) -> Plan:
    names = [instrument.asset for instrument in inputs.named(decided.candidates)]
    account = decided.account
    return Plan(
        result=_result(table, decided),
        orders=_orders(decided, inputs, identity),
        reasons={name: OrderReason(asset["reason"]).code for name, asset in zip(names, decided.assets, strict=True)},
        settings=inputs.settings,
        plan_id=identity,
        status=_STATUS[PlanStatus(account["status"])],
        is_settled=bool(account["is_settled"]),
        value_before=money_of(int(account["value"])),
        cash_before=money_of(int(account["cash"])),
        value=money_of(int(account["value_after"])),
        cash=money_of(int(account["cash_after"])),
        notes=(*notes, *_notes(inputs.instruments, decided)),
        _decided=decided,
        _names=tuple(names),
    )


def _notes(instruments: Sequence[Instrument], decided: DecidedPlan) -> tuple[str, ...]:
    """Notes for a reader beside the orders."""
    notes = []
    unpriced = [instrument.asset for instrument in instruments if instrument.price is None]
    if unpriced:
        notes.append(f"{listed(unpriced)} {'has' if len(unpriced) == 1 else 'have'} no price and cannot be bought")
    if not decided.account["is_settled"]:
        notes.append("fees move the targets back and forth by a lot; planned again, there may be another small order")
    if decided.account["status"] == PlanStatus.CASH_SHORT:
        missing = -int(decided.account["cash_after"])
        notes.append(f"cash ends {money_text(missing)} below 0: too little can be sold, or a brake stopped the account")
    return tuple(notes)


def _result(table: Any, decided: DecidedPlan) -> RebalanceResult:
    """The rebalance that the plan carries out, with its certificate."""
    candidates, answer = decided.candidates, decided.candidates.in_table_order(decided.answer)
    braked = np.array([decided.is_braked], np.bool_)
    measured = certified(candidates, decided.limits, answer, braked)
    if measured.broken:
        raise measured.broken[0]
    weighted = with_columns(without_columns(table, ["current_weight"]), {"current_weight": candidates.current_weight})
    return RebalanceResult(Pass.of(weighted, candidates, decided.limits, answer, braked, measured))


def _orders(decided: DecidedPlan, inputs: AccountInputs, identity: str) -> tuple[Order, ...]:
    """The orders in their order of execution, with the cash after each."""
    names = [instrument.asset for instrument in inputs.named(decided.candidates)]
    warned = wash_sales(decided, inputs)
    account, assets = decided.account, decided.assets
    cash, orders = int(account["cash"]), []
    waits = _waiting(decided) if inputs.settings.wait_for_settlement else frozenset()
    for at in np.argsort(assets["place"], kind="stable").tolist():
        asset = assets[at]
        if asset["place"] < 0:
            continue
        change = int(asset["now"]) - int(asset["quantity"])
        amount, fee, side = int(asset["amount"]), int(asset["fee"]), "sell" if change < 0 else "buy"
        cash += (amount if change < 0 else -amount) - fee
        orders.append(
            Order(
                asset=names[at],
                side=side,
                shares=shares_of(abs(change)),
                price=money_of(int(asset["price"])),
                amount=money_of(amount),
                fee=money_of(fee),
                closes=int(asset["now"]) == 0,
                reason=OrderReason(asset["reason"]).code,
                cash_after=money_of(cash),
                phase=1 if change < 0 else 3 if at in waits else 2,
                lots=_lots_sold(decided, at, inputs.lots_of(names[at])),
                wash_sale=names[at] in warned,
                client_order_id=client_order_id(identity, names[at], side),
            )
        )
    return tuple(orders)


def _waiting(decided: DecidedPlan) -> frozenset[int]:
    """The buys that today's cash cannot pay for (rules, section 19)."""
    account, assets = decided.account, decided.assets
    buffer = portion(parts_of(float(account["cash_buffer"])), int(account["value_after"]))
    left, waiting = int(account["cash"]) - buffer, set()
    for at in np.argsort(assets["place"], kind="stable").tolist():
        asset = assets[at]
        if asset["place"] >= 0 and asset["now"] > asset["quantity"]:
            needed = int(asset["amount"]) + int(asset["fee"])
            if needed <= left:
                left -= needed
            else:
                waiting.add(at)
    return frozenset(waiting)


def _lots_sold(decided: DecidedPlan, at: int, lots: Sequence[TaxLot]) -> tuple[LotSold, ...]:
    begin = int(decided.assets[at]["lots_begin"])
    return tuple(
        LotSold(lot.lot_id, shares_of(int(taken["taken"])), money_of(int(taken["gain"])))
        for lot, taken in zip(lots, decided.lots[begin : begin + len(lots)], strict=True)
        if taken["taken"] > 0
    )

"""From targets to orders: rounds of the pass and of rounding until a plan is settled (rules, sections 16 and 19)."""

from __future__ import annotations

import math
from typing import Any

from trimtab.kernel.account import rebalance_account, size_account
from trimtab.kernel.compilation import allocating, compiled, entry
from trimtab.kernel.money import parts_of, portion, worth_of
from trimtab.kernel.order_part import is_part_needed, list_sells, make_part
from trimtab.kernel.order_rounding import amount_of, fee_of, list_buys, round_goals
from trimtab.kernel.order_rows import brake_allowance, fill_rows, is_lot_too_large, with_brakes
from trimtab.kernel.orders_records import OrderInputs, OrderWork, PlanStatus
from trimtab.kernel.records import NO_LIMIT, Records
from trimtab.kernel.tax_lots import take_lots
from trimtab.reasons import OrderReason

LAST_ROUNDS = 8  # from this round on, one ends them that leaves the value no lower


@compiled
def _worth_of_all(inputs: OrderInputs, work: OrderWork, given: bool) -> int:
    total = 0
    for row in range(inputs.rows.size):
        state = work.states[row]
        total += worth_of(state.given if given else state.now, inputs.instruments[row].price)
    return total


@compiled
def _cash_after(inputs: OrderInputs, work: OrderWork, cash: int) -> int:
    """The cash when the orders to `now` are made and their fees paid."""
    for row in range(inputs.rows.size):
        instrument, after = inputs.instruments[row], work.states[row].now
        if after != instrument.quantity:
            amount = amount_of(instrument, after)
            cash += amount if after < instrument.quantity else -amount
            cash -= fee_of(inputs, instrument, after)
    return cash


@compiled
def _set_goals(inputs: OrderInputs, work: OrderWork, value: int, is_first: bool) -> None:
    for row in range(inputs.rows.size):
        state, current = work.states[row], work.rows[row].current
        target = work.first[row].target if is_first else work.answer[row].target
        if target == current:
            state.goal = worth_of(state.given, inputs.instruments[row].price)
        else:
            state.goal = portion(parts_of(target), value)


@compiled
def _keep_reasons(work: OrderWork, is_first: bool) -> None:
    """A round gives each asset a new reason or none; one that the pass leaves alone keeps what it had."""
    for row in range(work.states.size):
        state = work.states[row]
        target = work.first[row].target if is_first else work.answer[row].target
        if target != work.rows[row].current or state.round_reason != OrderReason.EMPTY:
            state.reason = state.round_reason


@compiled
def _is_unchanged(work: OrderWork) -> bool:
    for row in range(work.states.size):
        if work.states[row].now != work.states[row].given:
            return False
    return True


@entry
def _first_pass(inputs: OrderInputs, work: OrderWork, value: int) -> bool:
    fill_rows(inputs, work, value, False)
    return rebalance_account(work.rows, inputs.tree, inputs.settings[0], inputs.partners, work.first)


@allocating
def _run_rounds(inputs: OrderInputs, work: OrderWork, value: int, cash: int, plan: Any) -> int:
    """Rounds until they are settled; returns the value that the last one was given, 0 where nothing is worth anything."""
    plan.rounds = 0
    while True:
        plan.rounds += 1
        is_first = plan.rounds == 1
        _set_goals(inputs, work, value, is_first)
        round_goals(inputs, work, value)
        _keep_reasons(work, is_first)
        after = _cash_after(inputs, work, cash) + _worth_of_all(inputs, work, False)
        if after <= 0:
            return 0
        plan.settled = after == value and _is_unchanged(work)
        if plan.settled or (plan.rounds >= LAST_ROUNDS and after >= value):
            return value
        for row in range(work.states.size):
            work.states[row].given = work.states[row].now
        value = after
        fill_rows(inputs, work, value, True)
        size_account(work.rows, inputs.tree, inputs.settings[1], work.answer)


@compiled
def _mark_unfit(work: OrderWork) -> bool:
    """Selected assets that end without a lot take no place: returns whether there are new ones."""
    any_new = False
    for row in range(work.states.size):
        state, answer = work.states[row], work.first[row]
        if answer.selected and answer.target > 0.0 and state.now == 0:
            state.is_unfit = any_new = True
    return any_new


@compiled
def _finish(inputs: OrderInputs, work: OrderWork, orders: Records) -> None:
    """The orders in their places, and a reason for every candidate."""
    for row in range(orders.size):
        order, state, instrument = orders[row], work.states[row], inputs.instruments[row]
        order.quantity = state.now
        order.place = -1
        order.amount = order.fee = 0
        order.reason = state.reason
        if state.now != instrument.quantity:
            order.amount = amount_of(instrument, state.now)
            order.fee = fee_of(inputs, instrument, state.now)
            if state.reason == OrderReason.EMPTY:
                order.reason = OrderReason.TO_TARGET
        elif state.is_unfit:
            order.reason = OrderReason.NO_LOT_FITS
        elif state.is_large and not work.first[row].selected:
            order.reason = OrderReason.LOT_TOO_LARGE
        elif state.reason == OrderReason.EMPTY:
            order.reason = OrderReason.ON_TARGET if instrument.quantity > 0 else OrderReason.NOT_WANTED
        state.whole = state.now
    sells = list_sells(inputs, work)
    for place in range(sells):
        row = work.keys[place].index
        orders[row].place = place
        take_lots(inputs, work, row, work.states[row].now)
    for place in range(list_buys(inputs, work, True)):
        orders[work.keys[place].index].place = sells + place


@compiled
def _finish_braked(inputs: OrderInputs, work: OrderWork, orders: Records) -> None:
    for row in range(orders.size):
        order, quantity = orders[row], inputs.instruments[row].quantity
        order.quantity, order.amount, order.fee, order.place = quantity, 0, 0, -1
        is_concerned = quantity > 0 or work.first[row].selected
        order.reason = OrderReason.BRAKED if is_concerned else OrderReason.NOT_WANTED


@entry
def plan_account(
    inputs: OrderInputs, work: OrderWork, cash: int, cash_flow: int, orders: Records, plans: Records
) -> None:
    """Fill the orders (rows,) and the plan (1,) of one account.

    `inputs.settings`: as `order_limits` makes them; its brakes are overwritten. `work`: `empty_work`, or one that was
    used before; its `first` is the answer of the pass that the plan is made of. `cash`: without the cash flow.
    """
    plan = plans[0]
    cash += cash_flow
    for row in range(work.states.size):
        state, instrument = work.states[row], inputs.instruments[row]
        state.given = state.now = instrument.quantity
        state.is_unfit = False
    for place in range(inputs.lots.size):
        inputs.lots[place].taken = inputs.lots[place].gain = 0
    value = cash + _worth_of_all(inputs, work, True)
    plan.cash = cash
    plan.value = plan.value_before = value
    plan.rounds = 0
    plan.settled = True
    plan.status = PlanStatus.NO_VALUE
    if value <= 0:
        return
    for row in range(work.states.size):
        work.states[row].is_large = is_lot_too_large(inputs, row, inputs.instruments[row].quantity, value)
    brake = inputs.settings[1].brake_sold_weight
    with_brakes(inputs, brake, brake_allowance(inputs, value, cash, cash_flow))
    inputs.settings[1].brake_sold_weight = math.inf
    closed_limit = inputs.settings[1].brake_closed_positions
    inputs.settings[1].brake_closed_positions = NO_LIMIT
    status, last_value = PlanStatus.OK, 0
    while True:
        for row in range(work.states.size):
            work.states[row].given = inputs.instruments[row].quantity
            work.states[row].reason = OrderReason.EMPTY
        if _first_pass(inputs, work, value):
            status = PlanStatus.BRAKED
            break
        last_value = _run_rounds(inputs, work, value, cash, plan)
        if last_value == 0 or not _mark_unfit(work):
            break
    inputs.settings[1].brake_sold_weight = brake
    inputs.settings[1].brake_closed_positions = closed_limit
    if status == PlanStatus.BRAKED:
        _finish_braked(inputs, work, orders)
        plan.status = PlanStatus.CASH_SHORT if cash < 0 else PlanStatus.BRAKED
        return
    if last_value == 0:
        return
    if is_part_needed(inputs, work, value, cash):
        status = PlanStatus.LIMITED
        make_part(inputs, work, last_value, value, cash)
    _finish(inputs, work, orders)
    plan.cash = _cash_after(inputs, work, cash)
    plan.value = plan.cash + _worth_of_all(inputs, work, False)
    plan.status = PlanStatus.CASH_SHORT if plan.cash < 0 else status

"""The part of a plan that turnover and gains allow; it never leaves a limit worse (rules, section 17)."""

from __future__ import annotations

import math

from trimtab.kernel.compilation import compiled
from trimtab.kernel.money import parts_of, portion, quantity_for, worth_of
from trimtab.kernel.order_rounding import (
    add_load,
    amount_of,
    list_buys,
    minimum_missed,
    most_lots,
    move,
    score_of,
    set_limits,
    smallest_room,
)
from trimtab.kernel.order_rows import cap_of
from trimtab.kernel.orders_records import OrderInputs, OrderWork
from trimtab.kernel.records import NO_LIMIT, NO_NODE, ROOT
from trimtab.kernel.sort_keys import sort_keys
from trimtab.kernel.tax_lots import take_lots
from trimtab.reasons import OrderReason


@compiled
def budget_of(inputs: OrderInputs, value: int, cash: int, buys: bool) -> int:
    """How much may be sold or bought; cash that lies idle at the beginning is invested beside it."""
    share = inputs.order_settings.max_turnover
    if share == math.inf:
        return NO_LIMIT
    budget = portion(parts_of(share), value)
    if buys:
        budget += max(0, cash - portion(parts_of(1.0 - inputs.settings[0].target_invested), value))
    return budget


@compiled
def is_part_needed(inputs: OrderInputs, work: OrderWork, value: int, cash: int) -> bool:
    """Whether the whole plan (`now` of the states) sells, buys or gains more than is allowed."""
    sold, bought, gain = 0, 0, 0
    limits_gain = inputs.order_settings.max_realized_gain < NO_LIMIT
    for row in range(inputs.rows.size):
        instrument, after = inputs.instruments[row], work.states[row].now
        if after < instrument.quantity:
            sold += amount_of(instrument, after)
            if limits_gain:
                gain += take_lots(inputs, work, row, after)
        elif after > instrument.quantity:
            bought += amount_of(instrument, after)
    if sold > budget_of(inputs, value, cash, False) or bought > budget_of(inputs, value, cash, True):
        return True
    return limits_gain and gain > inputs.order_settings.max_realized_gain


@compiled
def list_sells(inputs: OrderInputs, work: OrderWork) -> int:
    """The sells of the whole plan as keys: closes first, then the lower score, then by name; returns how many."""
    count = 0
    for row in range(inputs.rows.size):
        state = work.states[row]
        if state.whole < inputs.instruments[row].quantity:
            key = work.keys[count]
            key.group = 0 if state.whole == 0 else 1
            key.number = score_of(inputs, row)
            key.index = row
            count += 1
    sort_keys(work.keys, count)
    return count


@compiled
def _is_position(inputs: OrderInputs, row: int, quantity: int, value: int) -> bool:
    least = max(1, portion(parts_of(inputs.settings[0].dust_weight), value))
    return worth_of(quantity, inputs.instruments[row].price) >= least


@compiled
def _count_positions(inputs: OrderInputs, work: OrderWork, row: int, change: int, whole: bool) -> None:
    node = inputs.rows[row].leaf
    while node != NO_NODE:
        if whole:
            work.loads[node].whole_positions += change
        else:
            work.loads[node].positions += change
        node = inputs.tree[node].parent


@compiled
def _move(inputs: OrderInputs, work: OrderWork, row: int, quantity: int, value: int) -> None:
    """Come to another quantity; loads and positions follow."""
    was = _is_position(inputs, row, work.states[row].now, value)
    move(inputs, work, row, quantity)
    now = _is_position(inputs, row, quantity, value)
    if was != now:
        _count_positions(inputs, work, row, 1 if now else -1, False)


@compiled
def _position_limit(inputs: OrderInputs, node: int) -> int:
    return inputs.settings[0].max_total_positions if node == ROOT else inputs.tree[node].max_positions


@compiled
def _exceeded(inputs: OrderInputs, work: OrderWork, row: int, value: int) -> int:
    """How many limits over an asset are exceeded now."""
    cap = cap_of(inputs, work, row) * (1.0 + inputs.settings[0].drift_tolerance)
    count = 0
    if worth_of(work.states[row].now, inputs.instruments[row].price) > portion(parts_of(cap), value):
        count += 1
    node = inputs.rows[row].leaf
    while node != NO_NODE:
        load = work.loads[node]
        if load.load > load.limit:
            count += 1
        if load.positions > _position_limit(inputs, node):
            count += 1
        node = inputs.tree[node].parent
    return count


@compiled
def _begin(inputs: OrderInputs, work: OrderWork, value: int) -> None:
    """Everything as it is at the beginning; loads and positions of it and of the whole plan."""
    for node in range(inputs.tree.size):
        load = work.loads[node]
        load.load = load.whole = 0
        load.positions = load.whole_positions = 0
    for row in range(inputs.rows.size):
        state, instrument = work.states[row], inputs.instruments[row]
        state.now = instrument.quantity
        state.is_made = False
        state.round_reason = OrderReason.WAITS_FOR_MINIMUM if state.is_waiting else OrderReason.EMPTY
        add_load(inputs, work, row, worth_of(instrument.quantity, instrument.price))
        if _is_position(inputs, row, instrument.quantity, value):
            _count_positions(inputs, work, row, 1, False)
        if _is_position(inputs, row, state.whole, value):
            _count_positions(inputs, work, row, 1, True)
        worth, node = worth_of(state.whole, instrument.price), inputs.rows[row].leaf
        while node != NO_NODE:
            work.loads[node].whole += worth
            node = inputs.tree[node].parent
    for node in range(inputs.tree.size):
        work.loads[node].before = work.loads[node].load


@compiled
def _next_sell(inputs: OrderInputs, work: OrderWork, count: int, value: int) -> tuple[int, int]:
    """The place of the next sell among the keys, and how many limits over it are exceeded; -1 if none is left."""
    chosen, most = -1, -1
    for place in range(count):
        row = work.keys[place].index
        if row >= 0 and not work.states[row].is_waiting:
            exceeded = _exceeded(inputs, work, row, value)
            if exceeded > most:
                chosen, most = place, exceeded
    return chosen, most


@compiled
def _make_sells(inputs: OrderInputs, work: OrderWork, value: int, budget: int) -> None:
    count, left, gains, is_cut = list_sells(inputs, work), budget, 0, False
    most_gain = inputs.order_settings.max_realized_gain
    while True:
        place, exceeded = _next_sell(inputs, work, count, value)
        if place < 0:
            return
        row = work.keys[place].index
        work.keys[place].index = -1
        state, instrument = work.states[row], inputs.instruments[row]
        after = state.whole
        if amount_of(instrument, after) > left:
            state.round_reason = OrderReason.MAX_TURNOVER
            if is_cut:
                continue
            is_cut = True
            after = instrument.quantity - quantity_for(left, instrument.price) // instrument.lot * instrument.lot
            if after == instrument.quantity or minimum_missed(inputs, row, after, value) != OrderReason.EMPTY:
                continue
        gain = take_lots(inputs, work, row, after) if most_gain < NO_LIMIT else 0
        if exceeded == 0 and gain > 0 and gains + gain > most_gain:
            state.round_reason = OrderReason.MAX_REALIZED_GAIN
            continue
        _move(inputs, work, row, after, value)
        state.is_made = True
        left -= amount_of(instrument, after)
        gains += gain


@compiled
def _has_no_place(inputs: OrderInputs, work: OrderWork, row: int) -> bool:
    """Whether a node over a new asset has as many positions as it may have, and as in the whole plan."""
    node = inputs.rows[row].leaf
    while node != NO_NODE:
        load = work.loads[node]
        if load.positions >= _position_limit(inputs, node) and load.positions >= load.whole_positions:
            return True
        node = inputs.tree[node].parent
    return False


@compiled
def _make_buys(inputs: OrderInputs, work: OrderWork, value: int, budget: int) -> None:
    left, is_cut = budget, False
    for place in range(list_buys(inputs, work, True)):
        row = work.keys[place].index
        state, instrument = work.states[row], inputs.instruments[row]
        if instrument.quantity == 0 and _has_no_place(inputs, work, row):
            state.round_reason = OrderReason.NO_PLACE
            continue
        after = state.whole
        if amount_of(instrument, after) > left:
            state.round_reason = OrderReason.MAX_TURNOVER
            if is_cut:
                continue
            is_cut = True
            after = instrument.quantity + quantity_for(left, instrument.price) // instrument.lot * instrument.lot
        added = worth_of(after, instrument.price) - worth_of(instrument.quantity, instrument.price)
        room = smallest_room(inputs, work, row)
        if added > room:
            cash = work.loads[ROOT].limit - work.loads[ROOT].load
            state.round_reason = OrderReason.NO_CASH if added > cash else OrderReason.NO_ROOM
            lots = most_lots(instrument, room, (after - instrument.quantity) // instrument.lot)
            after = instrument.quantity + lots * instrument.lot
        if after != state.whole:
            least = portion(parts_of(inputs.settings[0].min_position_weight), value)
            is_small = instrument.quantity == 0 and worth_of(after, instrument.price) < least
            missed = after == instrument.quantity or minimum_missed(inputs, row, after, value) != OrderReason.EMPTY
            if missed or is_small:
                continue
        _move(inputs, work, row, after, value)
        left -= amount_of(instrument, after)


@compiled
def _last_sell_under(inputs: OrderInputs, work: OrderWork, node: int) -> int:
    """The last sell, in their order, that was made under a node; -1 if there is none."""
    last = -1
    for place in range(list_sells(inputs, work)):
        row = work.keys[place].index
        leaf = inputs.rows[row].leaf
        if work.states[row].is_made and node <= leaf < inputs.tree[node].stop:
            last = row
    return last


@compiled
def _represented(inputs: OrderInputs, work: OrderWork, value: int, which: int) -> int:
    """How many buckets have a position: before (0), now (1), in the whole plan (2). Marks them in `trial` of the loads."""
    for node in range(inputs.tree.size):
        work.loads[node].trial = 0
    count = 0
    for row in range(inputs.rows.size):
        state, node = work.states[row], inputs.tree[inputs.rows[row].leaf].represents
        quantity = inputs.instruments[row].quantity if which == 0 else state.now if which == 1 else state.whole
        if node != NO_NODE and work.loads[node].trial == 0 and _is_position(inputs, row, quantity, value):
            work.loads[node].trial = 1
            count += 1
    return count


@compiled
def _last_close(inputs: OrderInputs, work: OrderWork, value: int) -> int:
    """The last close that was made in a bucket that was represented before, and is no longer; -1 if there is none."""
    _represented(inputs, work, value, 0)
    for node in range(inputs.tree.size):
        work.loads[node].limit = work.loads[node].trial  # limits are set anew before they are used
    _represented(inputs, work, value, 1)
    last = -1
    for place in range(list_sells(inputs, work)):
        row = work.keys[place].index
        node = inputs.tree[inputs.rows[row].leaf].represents
        is_lost = node != NO_NODE and work.loads[node].limit == 1 and work.loads[node].trial == 0
        if work.states[row].is_made and work.states[row].now == 0 and is_lost:
            last = row
    return last


@compiled
def _must_wait(inputs: OrderInputs, work: OrderWork, value: int) -> int:
    """The sell that must wait, since a minimum would be left worse; -1 if none must."""
    for place in range(inputs.tree.size):
        node = inputs.tree[place].bottom_up
        if node == ROOT or inputs.tree[node].min_allocation <= 0.0:
            continue
        load = work.loads[node]
        least = portion(parts_of(inputs.tree[node].min_allocation), value)
        if load.load < min(least, load.before, load.whole):
            return _last_sell_under(inputs, work, node)
    wanted = inputs.settings[0].buckets_to_represent
    if wanted > 0:
        before, whole = _represented(inputs, work, value, 0), _represented(inputs, work, value, 2)
        if _represented(inputs, work, value, 1) < min(wanted, before, whole):
            return _last_close(inputs, work, value)
    return -1


@compiled
def make_part(inputs: OrderInputs, work: OrderWork, value: int, first_value: int, cash: int) -> None:
    """Make a part of the plan that `now` holds; fills `now` and the reasons.

    `value`: of the last round; `first_value`, `cash`: at the beginning.
    """
    for row in range(inputs.rows.size):
        state = work.states[row]
        state.whole = state.now
        state.is_waiting = False
    while True:
        set_limits(inputs, work, value)
        _begin(inputs, work, value)
        _make_sells(inputs, work, value, budget_of(inputs, first_value, cash, False))
        _make_buys(inputs, work, value, budget_of(inputs, first_value, cash, True))
        row = _must_wait(inputs, work, value)
        if row < 0:
            break
        work.states[row].is_waiting = True
    for row in range(inputs.rows.size):
        state = work.states[row]
        if state.round_reason != OrderReason.EMPTY:
            state.reason = state.round_reason

"""Rounding: one round turns goals into quantities of whole lots (rules, section 15). Always from the first quantities."""

from __future__ import annotations

from typing import Any

from trimtab.kernel.compilation import compiled
from trimtab.kernel.money import cost_of, parts_of, portion, portion_up, quantity_worth, worth_of
from trimtab.kernel.order_rows import cap_of
from trimtab.kernel.orders_records import BUY, NOTHING, SELL, SMALL_SELL, OrderInputs, OrderWork
from trimtab.kernel.records import NO_LIMIT, NO_NODE, ROOT
from trimtab.kernel.sort_keys import sort_keys
from trimtab.reasons import OrderReason


@compiled
def amount_of(instrument: Any, after: int) -> int:
    """What an order from the first quantity to another one comes to."""
    if after < instrument.quantity:
        return worth_of(instrument.quantity - after, instrument.price)
    return cost_of(after - instrument.quantity, instrument.price)


@compiled
def fee_of(inputs: OrderInputs, instrument: Any, after: int) -> int:
    """The fee of an order from the first quantity to another one."""
    fees = inputs.order_settings
    shares = cost_of(abs(after - instrument.quantity), fees.per_share)
    share = portion_up(parts_of(fees.rate), amount_of(instrument, after))
    return max(fees.minimum, fees.per_order + shares + share)


@compiled
def least_amount(inputs: OrderInputs, value: int) -> int:
    """Smaller orders are not made."""
    own = inputs.order_settings.min_trade_amount
    return own if own >= 0 else portion(parts_of(inputs.settings[0].min_trade), value)


@compiled
def minimum_missed(inputs: OrderInputs, row: int, after: int, value: int) -> OrderReason:
    """The first minimum that an order to this quantity misses, else `EMPTY`."""
    instrument = inputs.instruments[row]
    amount = amount_of(instrument, after)
    if after != 0 and amount < instrument.min_notional:
        return OrderReason.BELOW_MIN_NOTIONAL
    if after != 0 and amount < least_amount(inputs, value):
        return OrderReason.BELOW_MIN_TRADE
    if fee_of(inputs, instrument, after) > portion(parts_of(inputs.order_settings.max_fee_share), amount):
        return OrderReason.FEE_TOO_HIGH
    return OrderReason.EMPTY


@compiled
def set_limits(inputs: OrderInputs, work: OrderWork, value: int) -> None:
    """The limit of each node at a value; `NO_LIMIT` where it has none."""
    settings = inputs.settings[0]
    drift = 1.0 + settings.drift_tolerance
    for node in range(inputs.tree.size):
        allocation = inputs.tree[node].max_allocation
        limited = node != ROOT and allocation <= 1.0
        work.loads[node].limit = portion(parts_of(allocation * drift), value) if limited else NO_LIMIT
    invested = portion(parts_of(min(1.0, settings.target_invested + settings.cash_band)), value)
    work.loads[ROOT].limit = min(portion(parts_of(1.0 - inputs.order_settings.cash_buffer), value), invested)


@compiled
def add_load(inputs: OrderInputs, work: OrderWork, row: int, change: int) -> None:
    """A change of worth, at every node over an asset."""
    node = inputs.rows[row].leaf
    while node != NO_NODE:
        work.loads[node].load += change
        node = inputs.tree[node].parent


@compiled
def smallest_room(inputs: OrderInputs, work: OrderWork, row: int) -> int:
    """The room that is left for an asset: the smallest over its nodes."""
    room = NO_LIMIT
    node = inputs.rows[row].leaf
    while node != NO_NODE:
        room = min(room, work.loads[node].limit - work.loads[node].load)
        node = inputs.tree[node].parent
    return room


@compiled
def move(inputs: OrderInputs, work: OrderWork, row: int, quantity: int) -> None:
    """Let the round come to another quantity of an asset; loads follow."""
    price, state = inputs.instruments[row].price, work.states[row]
    add_load(inputs, work, row, worth_of(quantity, price) - worth_of(state.now, price))
    state.now = quantity


@compiled
def _base(instrument: Any, goal: int) -> int:
    """The largest reachable quantity that is worth at most the goal, else the smallest."""
    if goal == 0:
        return 0
    lot = instrument.lot
    reached = instrument.quantity + (quantity_worth(goal, instrument.price) - instrument.quantity) // lot * lot
    return reached if reached >= 0 else instrument.quantity % lot


@compiled
def _begin(inputs: OrderInputs, work: OrderWork, value: int) -> None:
    """What each asset is to do, before limits: buys stay where they are, sells go to their base if they are not small."""
    for node in range(inputs.tree.size):
        work.loads[node].load = 0
    for row in range(inputs.rows.size):
        instrument, state = inputs.instruments[row], work.states[row]
        held = worth_of(instrument.quantity, instrument.price)
        state.now = instrument.quantity
        state.kind = NOTHING
        state.round_reason = OrderReason.EMPTY
        state.is_filled = state.may_force = False
        add_load(inputs, work, row, held)
        if state.goal > held:
            state.goal = max(min(state.goal, portion(parts_of(cap_of(inputs, work, row)), value)), held)
        state.base_quantity = _base(instrument, state.goal)
        if state.goal > held:
            first = (
                state.base_quantity
                if state.base_quantity != instrument.quantity
                else state.base_quantity + instrument.lot
            )
            missed = minimum_missed(inputs, row, first, value)
            state.round_reason = missed
            if missed == OrderReason.EMPTY:
                state.kind = BUY
        elif state.goal < held:
            _begin_sell(inputs, work, row, value)


@compiled
def _begin_sell(inputs: OrderInputs, work: OrderWork, row: int, value: int) -> None:
    instrument, state = inputs.instruments[row], work.states[row]
    if state.base_quantity == instrument.quantity:
        state.round_reason = OrderReason.WITHIN_ONE_LOT
        return
    inner = state.base_quantity
    if state.goal != 0 and worth_of(state.base_quantity, instrument.price) != state.goal:
        inner += instrument.lot
    if inner == instrument.quantity:
        missed = OrderReason.WITHIN_ONE_LOT
    else:
        missed = minimum_missed(inputs, row, inner, value)
    if missed == OrderReason.EMPTY:
        state.kind = SELL
        move(inputs, work, row, state.base_quantity)
        return
    state.kind = SMALL_SELL
    state.round_reason = missed
    amount = amount_of(instrument, state.base_quantity)
    is_below_notional = state.base_quantity != 0 and amount < instrument.min_notional
    state.may_force = not is_below_notional and fee_of(inputs, instrument, state.base_quantity) < amount


@compiled
def _force(inputs: OrderInputs, work: OrderWork, row: int) -> None:
    state = work.states[row]
    state.may_force = False
    state.kind = SELL
    state.round_reason = OrderReason.FORCED_FOR_LIMIT
    move(inputs, work, row, state.base_quantity)


@compiled
def _first_to_force(inputs: OrderInputs, work: OrderWork, node: int) -> int:
    """Under a node: a close first, then the one with most to sell, then by name; -1 if there is none."""
    chosen, chosen_sold, chosen_closes = -1, 0, False
    for row in range(inputs.rows.size):
        state, leaf = work.states[row], inputs.rows[row].leaf
        if not state.may_force or leaf < node or leaf >= inputs.tree[node].stop:
            continue
        price, closes = inputs.instruments[row].price, state.goal == 0
        sold = worth_of(inputs.instruments[row].quantity, price) - worth_of(state.base_quantity, price)
        if chosen < 0 or (closes and not chosen_closes) or (closes == chosen_closes and sold > chosen_sold):
            chosen, chosen_sold, chosen_closes = row, sold, closes
    return chosen


@compiled
def _force_small_sells(inputs: OrderInputs, work: OrderWork, value: int) -> None:
    excess = max(least_amount(inputs, value), 1)
    drift = 1.0 + inputs.settings[0].drift_tolerance
    any_left = False
    for row in range(inputs.rows.size):
        if work.states[row].may_force:
            instrument = inputs.instruments[row]
            most = portion(parts_of(cap_of(inputs, work, row) * drift), value)
            if worth_of(instrument.quantity, instrument.price) - most >= excess:
                _force(inputs, work, row)
            else:
                any_left = True
    if not any_left:
        return
    for place in range(inputs.tree.size):
        node = inputs.tree[place].bottom_up
        load = work.loads[node]
        while load.load - load.limit >= excess or (node == ROOT and load.load > value):
            row = _first_to_force(inputs, work, node)
            if row < 0:
                break
            _force(inputs, work, row)


@compiled
def most_lots(instrument: Any, room: int, lots: int) -> int:
    """The most lots, up to `lots`, whose added worth fits into a room."""
    held = worth_of(instrument.quantity, instrument.price)
    if room < 0 or lots <= 0:
        return 0
    reached = quantity_worth(held + room, instrument.price)
    return min(lots, max(0, (reached - instrument.quantity) // instrument.lot))


@compiled
def list_buys(inputs: OrderInputs, work: OrderWork, whole: bool) -> int:
    """The buys in their order, as keys: new ones first, then the higher score, then by name; returns how many."""
    count = 0
    for row in range(inputs.rows.size):
        state, instrument = work.states[row], inputs.instruments[row]
        buys = state.whole > instrument.quantity if whole else state.kind == BUY
        if buys:
            key = work.keys[count]
            key.group = 1 if instrument.quantity > 0 else 0
            key.number = -score_of(inputs, row)
            key.index = row
            count += 1
    sort_keys(work.keys, count)
    return count


@compiled
def score_of(inputs: OrderInputs, row: int) -> float:
    """The score; one that is not there is lower than any."""
    score = inputs.rows[row].score
    return score if score == score else -1.0  # noqa: PLR0124 - NaN


@compiled
def _fill_buys(inputs: OrderInputs, work: OrderWork, value: int) -> None:
    """Each buy to its base, or to the most lots that fit."""
    for place in range(list_buys(inputs, work, False)):
        row = work.keys[place].index
        state, instrument = work.states[row], inputs.instruments[row]
        added = worth_of(state.base_quantity, instrument.price) - worth_of(instrument.quantity, instrument.price)
        room = smallest_room(inputs, work, row)
        if added <= room:
            state.is_filled = True
            move(inputs, work, row, state.base_quantity)
            continue
        cash = work.loads[ROOT].limit - work.loads[ROOT].load
        state.round_reason = OrderReason.NO_CASH if added > cash else OrderReason.NO_ROOM
        lots = most_lots(instrument, room, (state.base_quantity - instrument.quantity) // instrument.lot)
        after = instrument.quantity + lots * instrument.lot
        if lots > 0 and minimum_missed(inputs, row, after, value) == OrderReason.EMPTY:
            move(inputs, work, row, after)


@compiled
def _list_competitors(inputs: OrderInputs, work: OrderWork) -> int:
    """Sells and filled buys that are worth less than their goal; returns how many. `best` starts at what they have."""
    count = 0
    for row in range(inputs.rows.size):
        state, instrument = work.states[row], inputs.instruments[row]
        state.best = state.now
        if state.kind == SELL or (state.kind == BUY and state.is_filled):
            worth = worth_of(state.now, instrument.price)
            if worth < state.goal:
                state.lack = state.goal - worth
                state.step = worth_of(state.now + instrument.lot, instrument.price) - worth
                work.keys[count].index = row
                count += 1
    return count


@compiled
def _walk_lots(inputs: OrderInputs, work: OrderWork, count: int, left: int, value: int) -> int:
    """Give lots in the order of the keys while they bring the whole nearer; returns the distance to the goals."""
    for node in range(inputs.tree.size):
        work.loads[node].trial = work.loads[node].load
    drift = 1.0 + inputs.settings[0].drift_tolerance
    distance = 0
    for place in range(count):
        row = work.keys[place].index
        state, instrument = work.states[row], inputs.instruments[row]
        state.trial = state.now
        cap = cap_of(inputs, work, row) * (drift if state.kind == SELL else 1.0)
        fits = worth_of(state.now, instrument.price) + state.step <= portion(parts_of(cap), value)
        node = inputs.rows[row].leaf
        while node != NO_NODE:
            fits = fits and state.step <= work.loads[node].limit - work.loads[node].trial
            node = inputs.tree[node].parent
        if left + state.lack > state.step and fits:
            state.trial += instrument.lot
            left -= state.step
            node = inputs.rows[row].leaf
            while node != NO_NODE:
                work.loads[node].trial += state.step
                node = inputs.tree[node].parent
        distance += abs(state.goal - worth_of(state.trial, instrument.price))
    return distance + abs(left)


@compiled
def _give_last_lots(inputs: OrderInputs, work: OrderWork, value: int) -> None:
    """Two walks, by lack / step and by lack; the one that ends nearer to the goals counts, on a tie the first."""
    count = _list_competitors(inputs, work)
    if count == 0:
        return
    left = 0
    for row in range(inputs.rows.size):
        left += work.states[row].goal - worth_of(work.states[row].now, inputs.instruments[row].price)
    least = NO_LIMIT
    for walk in range(2):
        for place in range(count):
            key = work.keys[place]
            state = work.states[key.index]
            key.group = 0 if walk == 0 else -state.lack
            key.number = -(float(state.lack) / float(state.step)) if walk == 0 else 0.0
        sort_keys(work.keys, count)
        distance = _walk_lots(inputs, work, count, left, value)
        if distance < least:
            least = distance
            for place in range(count):
                state = work.states[work.keys[place].index]
                state.best = state.trial
    for place in range(count):
        row = work.keys[place].index
        state = work.states[row]
        if state.best != state.now:
            if state.kind == BUY:
                state.round_reason = OrderReason.ROUNDED_UP
            move(inputs, work, row, state.best)


@compiled
def round_goals(inputs: OrderInputs, work: OrderWork, value: int) -> None:
    """Goals in, quantities of whole lots and reasons out (`now` and `round_reason` of the states)."""
    set_limits(inputs, work, value)
    _begin(inputs, work, value)
    _force_small_sells(inputs, work, value)
    _fill_buys(inputs, work, value)
    _give_last_lots(inputs, work, value)
    for row in range(inputs.rows.size):
        state = work.states[row]
        is_made = state.kind == SELL or (state.kind == BUY and state.is_filled)
        if is_made and state.now == inputs.instruments[row].quantity:
            state.round_reason = OrderReason.WITHIN_ONE_LOT

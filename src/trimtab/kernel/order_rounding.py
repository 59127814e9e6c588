"""Rounding: one round turns goals into quantities of whole lots (rules, section 15). Always from the first quantities."""

from __future__ import annotations

from typing import Any

from trimtab.kernel.compilation import compiled
from trimtab.kernel.money import cost_of, parts_of, portion, portion_up, quantity_worth, worth_of
from trimtab.kernel.order_records import BUY, NOTHING, SELL, SMALL_SELL
from trimtab.kernel.order_rows import add_load, cap_of, move, smallest_room
from trimtab.kernel.records import NO_LIMIT, NO_NODE, ROOT, Records
from trimtab.kernel.sort_keys import sort_keys
from trimtab.reasons import OrderReason


@compiled
def amount_of(asset: Any, after: int) -> int:
    """The amount of an order from the first quantity to another one."""
    if after < asset.quantity:
        return worth_of(asset.quantity - after, asset.price)
    return cost_of(after - asset.quantity, asset.price)


@compiled
def fee_of(asset: Any, account: Any, after: int) -> int:
    """The fee of an order from the first quantity to another one."""
    shares = cost_of(abs(after - asset.quantity), account.per_share)
    share = portion_up(parts_of(account.rate), amount_of(asset, after))
    return max(account.minimum, account.per_order + shares + share)


@compiled
def least_amount(account: Any, value: int) -> int:
    """The smallest order that is made."""
    if account.min_trade_amount >= 0:
        return account.min_trade_amount
    return portion(parts_of(account.min_trade), value)


@compiled
def minimum_missed(asset: Any, account: Any, after: int, value: int) -> OrderReason:
    """The first minimum that an order to this quantity misses, else `EMPTY`."""
    amount = amount_of(asset, after)
    if after != 0 and amount < asset.min_notional:
        return OrderReason.BELOW_MIN_NOTIONAL
    if after != 0 and amount < least_amount(account, value):
        return OrderReason.BELOW_MIN_TRADE
    if fee_of(asset, account, after) > portion(parts_of(account.max_fee_share), amount):
        return OrderReason.FEE_TOO_HIGH
    return OrderReason.EMPTY


@compiled
def set_limits(nodes: Records, account: Any, value: int) -> None:
    """The limit of each node at a value; `NO_LIMIT` without one."""
    drift = 1.0 + account.drift_tolerance
    for node in range(nodes.size):
        allocation = nodes[node].max_allocation
        nodes[node].limit = portion(parts_of(allocation * drift), value) if allocation <= 1.0 else NO_LIMIT
    invested = portion(parts_of(min(1.0, account.target_invested + account.cash_band)), value)
    nodes[ROOT].limit = min(portion(parts_of(1.0 - account.cash_buffer), value), invested)


@compiled
def _base_of(asset: Any, goal: int) -> int:
    """The largest reachable quantity that is worth at most the goal, else the smallest."""
    if goal == 0:
        return 0
    reached = asset.quantity + (quantity_worth(goal, asset.price) - asset.quantity) // asset.lot * asset.lot
    return reached if reached >= 0 else asset.quantity % asset.lot


@compiled
def _begin_sell(asset: Any, nodes: Records, account: Any, value: int) -> None:
    if asset.base_quantity == asset.quantity:
        asset.round_reason = OrderReason.WITHIN_ONE_LOT
        return
    inner = asset.base_quantity
    if asset.goal != 0 and worth_of(inner, asset.price) != asset.goal:
        inner += asset.lot
    missed = OrderReason.WITHIN_ONE_LOT if inner == asset.quantity else minimum_missed(asset, account, inner, value)
    if missed == OrderReason.EMPTY:
        asset.kind = SELL
        move(asset, nodes, asset.base_quantity)
        return
    asset.kind = SMALL_SELL
    asset.round_reason = missed
    amount = amount_of(asset, asset.base_quantity)
    is_below_notional = asset.base_quantity != 0 and amount < asset.min_notional
    asset.may_force = not is_below_notional and fee_of(asset, account, asset.base_quantity) < amount


@compiled
def _begin(assets: Records, nodes: Records, account: Any, value: int) -> None:
    """The goal of each asset, before limits: buys stay where they are, sells go to their base if they are not small."""
    for node in range(nodes.size):
        nodes[node].load = 0
    for index in range(assets.size):
        asset = assets[index]
        held = worth_of(asset.quantity, asset.price)
        asset.now = asset.quantity
        asset.kind = NOTHING
        asset.round_reason = OrderReason.EMPTY
        asset.is_filled = asset.may_force = False
        add_load(nodes, asset.leaf, held)
        if asset.goal > held:
            asset.goal = max(min(asset.goal, portion(parts_of(cap_of(asset, account)), value)), held)
        if asset.goal == held:
            continue
        asset.base_quantity = _base_of(asset, asset.goal)
        if asset.goal < held:
            _begin_sell(asset, nodes, account, value)
            continue
        first = asset.base_quantity + (asset.lot if asset.base_quantity == asset.quantity else 0)
        asset.round_reason = minimum_missed(asset, account, first, value)
        if asset.round_reason == OrderReason.EMPTY:
            asset.kind = BUY


@compiled
def _force(asset: Any, nodes: Records) -> None:
    asset.may_force = False
    asset.kind = SELL
    asset.round_reason = OrderReason.FORCED_FOR_LIMIT
    move(asset, nodes, asset.base_quantity)


@compiled
def _first_to_force(assets: Records, begin: int, stop: int) -> int:
    """Among the leaves [begin, stop): a close first, then the one with most to sell, then by name; -1 without one."""
    chosen, chosen_sold, chosen_closes = -1, 0, False
    for index in range(assets.size):
        asset = assets[index]
        if not asset.may_force or asset.leaf < begin or asset.leaf >= stop:
            continue
        closes = asset.goal == 0
        sold = worth_of(asset.quantity, asset.price) - worth_of(asset.base_quantity, asset.price)
        if chosen < 0 or (closes and not chosen_closes) or (closes == chosen_closes and sold > chosen_sold):
            chosen, chosen_sold, chosen_closes = index, sold, closes
    return chosen


@compiled
def _force_small_sells(assets: Records, nodes: Records, account: Any, value: int) -> None:
    excess = max(least_amount(account, value), 1)
    drift = 1.0 + account.drift_tolerance
    any_left = False
    for index in range(assets.size):
        asset = assets[index]
        if asset.may_force:
            cap = portion(parts_of(cap_of(asset, account) * drift), value)
            if worth_of(asset.quantity, asset.price) - cap >= excess:
                _force(asset, nodes)
            else:
                any_left = True
    if not any_left:
        return
    for place in range(nodes.size):
        number = nodes[place].bottom_up
        node = nodes[number]
        while node.load - node.limit >= excess or (number == ROOT and node.load > value):
            index = _first_to_force(assets, number, node.stop)
            if index < 0:
                break
            _force(assets[index], nodes)


@compiled
def most_lots(asset: Any, room: int, lots: int) -> int:
    """The most lots, up to `lots`, whose added worth fits into a room."""
    if room < 0 or lots <= 0:
        return 0
    reached = quantity_worth(worth_of(asset.quantity, asset.price) + room, asset.price)
    return min(lots, max(0, (reached - asset.quantity) // asset.lot))


@compiled
def score_of(asset: Any) -> float:
    """The score; a missing one is lower than any."""
    return asset.score if asset.score >= 0.0 else -1.0


@compiled
def list_buys(assets: Records, of_plan: bool) -> int:
    """The buys in their order, as keys: new ones first, then the higher score, then by name; returns how many.

    `of_plan`: those of the whole plan, not of the round.
    """
    count = 0
    for index in range(assets.size):
        asset = assets[index]
        if asset.whole > asset.quantity if of_plan else asset.kind == BUY:
            key = assets[count]
            key.key_group = 1 if asset.quantity > 0 else 0
            key.key_number = -score_of(asset)
            key.key_index = index
            count += 1
    sort_keys(assets, count)
    return count


@compiled
def _fill_buys(assets: Records, nodes: Records, account: Any, value: int) -> None:
    """Each buy to its base, or to the most lots that fit."""
    for place in range(list_buys(assets, False)):
        asset = assets[assets[place].key_index]
        added = worth_of(asset.base_quantity, asset.price) - worth_of(asset.quantity, asset.price)
        room = smallest_room(asset, nodes)
        if added <= room:
            asset.is_filled = True
            move(asset, nodes, asset.base_quantity)
            continue
        is_cash = added > nodes[ROOT].limit - nodes[ROOT].load
        asset.round_reason = OrderReason.NO_CASH if is_cash else OrderReason.NO_ROOM
        lots = most_lots(asset, room, (asset.base_quantity - asset.quantity) // asset.lot)
        after = asset.quantity + lots * asset.lot
        if lots > 0 and minimum_missed(asset, account, after, value) == OrderReason.EMPTY:
            move(asset, nodes, after)


@compiled
def _may_sell_less(asset: Any, account: Any) -> bool:
    """Whether a sell may get a lot back. A forced one must remain an order that the broker accepts, or vanish."""
    after = asset.now + asset.lot
    if asset.round_reason != OrderReason.FORCED_FOR_LIMIT or after == asset.quantity:
        return True
    amount = amount_of(asset, after)
    return amount >= asset.min_notional and fee_of(asset, account, after) < amount


@compiled
def _list_competitors(assets: Records, account: Any) -> int:
    """Sells and filled buys that are worth less than their goal, as keys; returns how many."""
    count = 0
    for index in range(assets.size):
        asset = assets[index]
        if (asset.kind == SELL and _may_sell_less(asset, account)) or (asset.kind == BUY and asset.is_filled):
            worth = worth_of(asset.now, asset.price)
            if worth < asset.goal:
                asset.lack = asset.goal - worth
                asset.step = worth_of(asset.now + asset.lot, asset.price) - worth
                assets[count].key_index = index
                count += 1
    return count


@compiled
def _step_fits(asset: Any, nodes: Records, account: Any, value: int) -> bool:
    """Whether one more lot fits under the asset's limit and into its nodes, as this walk has left them."""
    cap = cap_of(asset, account) * (1.0 + account.drift_tolerance if asset.kind == SELL else 1.0)
    if worth_of(asset.now, asset.price) + asset.step > portion(parts_of(cap), value):
        return False
    node = asset.leaf
    while node != NO_NODE:
        if asset.step > nodes[node].limit - nodes[node].trial:
            return False
        node = nodes[node].parent
    return True


@compiled
def _walk_lots(assets: Records, nodes: Records, account: Any, count: int, value: int, left: int) -> int:
    """Give lots in the order of the keys while the total gets nearer; returns the distance to the goals."""
    for node in range(nodes.size):
        nodes[node].trial = nodes[node].load
    distance = 0
    for place in range(count):
        asset = assets[assets[place].key_index]
        asset.trial = asset.now
        if left + asset.lack > asset.step and _step_fits(asset, nodes, account, value):
            asset.trial += asset.lot
            left -= asset.step
            node = asset.leaf
            while node != NO_NODE:
                nodes[node].trial += asset.step
                node = nodes[node].parent
        distance += abs(asset.goal - worth_of(asset.trial, asset.price))
    return distance + abs(left)


@compiled
def _give_last_lots(assets: Records, nodes: Records, account: Any, value: int) -> None:
    """Two walks, by lack / step and by lack; the walk that ends nearer to the goals counts, the first on a tie."""
    count = _list_competitors(assets, account)
    if count == 0:
        return
    left = 0
    for index in range(assets.size):
        left += assets[index].goal - worth_of(assets[index].now, assets[index].price)
    nearest = NO_LIMIT
    for walk in range(2):
        for place in range(count):
            key = assets[place]
            asset = assets[key.key_index]
            key.key_group = 0 if walk == 0 else -asset.lack
            key.key_number = -(float(asset.lack) / float(asset.step)) if walk == 0 else 0.0
        sort_keys(assets, count)
        distance = _walk_lots(assets, nodes, account, count, value, left)
        if distance < nearest:
            nearest = distance
            for place in range(count):
                asset = assets[assets[place].key_index]
                asset.best = asset.trial
    for place in range(count):
        asset = assets[assets[place].key_index]
        if asset.best != asset.now:
            if asset.kind == BUY:
                asset.round_reason = OrderReason.ROUNDED_UP
            move(asset, nodes, asset.best)


@compiled
def round_goals(assets: Records, nodes: Records, account: Any, value: int) -> None:
    """Goals in, quantities of whole lots and reasons out (`now` and `round_reason`)."""
    set_limits(nodes, account, value)
    _begin(assets, nodes, account, value)
    _force_small_sells(assets, nodes, account, value)
    _fill_buys(assets, nodes, account, value)
    _give_last_lots(assets, nodes, account, value)
    for index in range(assets.size):
        asset = assets[index]
        is_made = asset.kind == SELL or (asset.kind == BUY and asset.is_filled)
        if is_made and asset.now == asset.quantity:
            asset.round_reason = OrderReason.WITHIN_ONE_LOT

"""Rounding: one round turns goals into quantities of whole lots (rules, section 15). Always from the first quantities."""

from __future__ import annotations

from typing import Any

from trimtab.kernel.compilation import compiled
from trimtab.kernel.money import cost_of, parts_of, portion, portion_up, quantity_worth, worth_of
from trimtab.kernel.order_exposures import Loads, fits_exposures, part_in, set_exposure_limits, try_parts
from trimtab.kernel.order_records import BUY, NOTHING, SELL, SMALL_SELL
from trimtab.kernel.order_rows import add_load, move, smallest_room
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
def fee_of(asset: Any, account: Any, after: int, amount: int) -> int:
    """The fee of an order of this amount from the first quantity to another one."""
    if not account.has_fees:
        return 0
    shares = cost_of(abs(after - asset.quantity), account.per_share)
    return max(account.minimum, account.per_order + shares + portion_up(parts_of(account.rate), amount))


@compiled
def minimum_missed(asset: Any, account: Any, after: int) -> OrderReason:
    """The first minimum that an order to this quantity misses, else `EMPTY`."""
    amount = amount_of(asset, after)
    if after != 0 and amount < asset.min_notional:
        return OrderReason.BELOW_MIN_NOTIONAL
    if after != 0 and amount < account.least_amount:
        return OrderReason.BELOW_MIN_TRADE
    fee = fee_of(asset, account, after, amount)
    if fee > 0 and fee > portion(parts_of(account.max_fee_share), amount):
        return OrderReason.FEE_TOO_HIGH
    return OrderReason.EMPTY


@compiled
def set_limits(loads: Loads, account: Any, value: int) -> None:
    """The limits at a value: of each node (`NO_LIMIT` without one) and of each asset, and the smallest order."""
    nodes, drift = loads.nodes, 1.0 + account.drift_tolerance
    set_exposure_limits(loads, account, value)
    for node in range(nodes.size):
        allocation = nodes[node].max_allocation
        nodes[node].limit = portion(parts_of(allocation * drift), value) if allocation <= 1.0 else NO_LIMIT
    invested = portion(parts_of(min(1.0, account.target_invested + account.cash_band)), value)
    nodes[ROOT].limit = min(portion(parts_of(1.0 - account.cash_buffer), value), invested)
    account.max_worth = portion(parts_of(account.max_position_weight), value)
    account.max_kept_worth = portion(parts_of(account.max_position_weight * drift), value)
    account.least_amount = account.min_trade_amount
    if account.min_trade_amount < 0:
        account.least_amount = portion(parts_of(account.min_trade), value)


@compiled
def max_worth_of(asset: Any, account: Any, value: int) -> int:
    """The most that an asset may be worth, by itself."""
    if asset.is_unfit:
        return 0
    if asset.max_weight >= account.max_position_weight:
        return int(account.max_worth)
    return portion(parts_of(asset.max_weight), value)


@compiled
def own_kept_worth_of(asset: Any, account: Any, value: int) -> int:
    """The most that an asset may be worth where it is sold or kept, by its limits alone."""
    if asset.max_weight >= account.max_position_weight:
        return int(account.max_kept_worth)
    return portion(parts_of(asset.max_weight * (1.0 + account.drift_tolerance)), value)


@compiled
def max_kept_worth_of(asset: Any, account: Any, value: int) -> int:
    """The most that an asset may be worth where it is sold or kept; nothing if no lot fits."""
    return 0 if asset.is_unfit else own_kept_worth_of(asset, account, value)


@compiled
def _set_base(asset: Any) -> None:
    """The base, its worth, and what one lot more would add.

    The base is the largest reachable quantity that is worth at most the goal, else the smallest. A quotient of doubles
    comes near it, and whole numbers decide; what the pass leaves alone is there already.
    """
    base, worth, goal = 0, 0, asset.goal
    if goal == asset.given_worth and goal > 0:
        base, worth = asset.given, goal
    elif goal > 0:
        base = asset.quantity + int(float(goal - asset.worth) / asset.lot_value) * asset.lot
        if base < 0:
            base = asset.quantity % asset.lot
        worth = worth_of(base, asset.price)
        while worth > goal and base >= asset.lot:
            base -= asset.lot
            worth = worth_of(base, asset.price)
    following = worth_of(base + asset.lot, asset.price)
    while following <= goal and goal > 0:
        base, worth = base + asset.lot, following
        following = worth_of(base + asset.lot, asset.price)
    asset.base_quantity, asset.base_worth, asset.step = base, worth, following - worth


@compiled
def _may_be_forced(asset: Any, account: Any, after: int) -> bool:
    """Whether the broker accepts a sell to this quantity, and its fee is below its amount."""
    amount = amount_of(asset, after)
    return bool((after == 0 or amount >= asset.min_notional) and fee_of(asset, account, after, amount) < amount)


@compiled
def _set_forced(asset: Any, account: Any) -> None:
    """Set the quantity of a forced small sell: its base, else after the fewest lots that the broker accepts, else 0."""
    after = asset.base_quantity
    asset.may_force = after < asset.quantity and _may_be_forced(asset, account, after)
    if not asset.may_force and after > 0 and 0 < asset.min_notional <= asset.worth:
        lots = -(-(quantity_worth(asset.min_notional - 1, asset.price) + 1) // asset.lot)
        after = min(after, asset.quantity - lots * asset.lot)
        asset.may_force = 0 <= after < asset.quantity and _may_be_forced(asset, account, after)
    if not asset.may_force:
        after = 0
        asset.may_force = _may_be_forced(asset, account, after)
    asset.forced_quantity, asset.forced_worth = after, worth_of(after, asset.price)


@compiled
def _begin_sell(asset: Any, loads: Loads, account: Any) -> None:
    inner = asset.base_quantity
    if inner != asset.quantity and asset.goal != 0 and asset.base_worth != asset.goal:
        inner += asset.lot
    missed = OrderReason.WITHIN_ONE_LOT if inner == asset.quantity else minimum_missed(asset, account, inner)
    if missed == OrderReason.EMPTY:
        asset.kind = SELL
        move(asset, loads, asset.base_quantity, asset.base_worth)
        return
    asset.kind = SMALL_SELL
    asset.round_reason = missed
    _set_forced(asset, account)


@compiled
def _begin(assets: Records, loads: Loads, account: Any, value: int) -> None:
    """The goal of each asset, before limits: buys stay where they are, sells go to their base if they are not small."""
    for node in range(loads.nodes.size):
        loads.nodes[node].load = 0
    for row in range(loads.rows.size):
        loads.rows[row].load = 0
    for index in range(assets.size):
        asset = assets[index]
        held = asset.worth
        asset.now, asset.now_worth = asset.quantity, held
        asset.kind = NOTHING
        asset.round_reason = OrderReason.EMPTY
        asset.is_filled = asset.may_force = False
        if held > 0:
            add_load(asset, loads, 0, held)
        if asset.goal > held:
            asset.goal = max(min(asset.goal, max_worth_of(asset, account, value)), held)
        if asset.goal == held:
            continue
        _set_base(asset)
        if asset.goal < held:
            _begin_sell(asset, loads, account)
            continue
        first = asset.base_quantity + (asset.lot if asset.base_quantity == asset.quantity else 0)
        asset.round_reason = minimum_missed(asset, account, first)
        if asset.round_reason == OrderReason.EMPTY:
            asset.kind = BUY


@compiled
def _force(asset: Any, loads: Loads) -> None:
    asset.may_force = False
    asset.kind = SELL
    asset.round_reason = OrderReason.FORCED_FOR_LIMIT
    move(asset, loads, asset.forced_quantity, asset.forced_worth)


@compiled
def _first_to_force(assets: Records, begin: int, stop: int) -> int:
    """Among the leaves [begin, stop): a close, then the least beyond its base, then most to sell, then by name; or -1."""
    chosen, first = -1, (0, 0, 0)
    for index in range(assets.size):
        asset = assets[index]
        if not asset.may_force or asset.leaf < begin or asset.leaf >= stop:
            continue
        key = (int(asset.goal != 0), asset.base_worth - asset.forced_worth, asset.forced_worth - asset.worth)
        if chosen < 0 or key < first:
            chosen, first = index, key
    return chosen


@compiled
def _first_to_force_in(assets: Records, loads: Loads, row: int) -> int:
    """Among the assets in a row of exposures, in the same order, most to sell meaning out of the row; or -1."""
    chosen, first = -1, (0, 0, 0)
    for index in range(assets.size):
        asset = assets[index]
        if not asset.may_force:
            continue
        change = part_in(asset, loads, row, asset.forced_worth) - part_in(asset, loads, row, asset.worth)
        key = (int(asset.goal != 0), asset.base_worth - asset.forced_worth, change)
        if change < 0 and (chosen < 0 or key < first):
            chosen, first = index, key
    return chosen


@compiled
def _force_small_sells(assets: Records, loads: Loads, account: Any, value: int) -> None:
    excess = max(account.least_amount, 1)
    any_left = False
    for index in range(assets.size):
        asset = assets[index]
        if asset.may_force:
            if asset.worth - max_kept_worth_of(asset, account, value) >= excess:
                _force(asset, loads)
            else:
                any_left = True
    if not any_left:
        return
    for place in range(loads.nodes.size):
        number = loads.nodes[place].bottom_up
        node = loads.nodes[number]
        while node.load - node.limit >= excess or (number == ROOT and node.load > value):
            index = _first_to_force(assets, number, node.stop)
            if index < 0:
                break
            _force(assets[index], loads)
    for number in range(loads.rows.size):
        row = loads.rows[number]
        while row.load - row.limit >= excess:
            index = _first_to_force_in(assets, loads, number)
            if index < 0:
                break
            _force(assets[index], loads)


@compiled
def most_lots(asset: Any, room: int, lots: int) -> int:
    """The most lots, up to `lots`, whose added worth fits into a room."""
    if room < 0 or lots <= 0:
        return 0
    reached = quantity_worth(asset.worth + room, asset.price)
    return min(lots, max(0, (reached - asset.quantity) // asset.lot))


@compiled
def score_of(asset: Any) -> float:
    """The score; a missing one is lower than any."""
    return asset.score if asset.score >= 0.0 else -1.0


@compiled
def list_buys(assets: Records, keys: Records, of_plan: bool) -> int:
    """The buys in their order, as keys: new ones first, then the higher score, then by name; returns how many.

    `of_plan`: those of the whole plan, not of the round.
    """
    count = 0
    for index in range(assets.size):
        asset = assets[index]
        if asset.whole > asset.quantity if of_plan else asset.kind == BUY:
            key = keys[count]
            key.key_group = 1 if asset.quantity > 0 else 0
            key.key_number = -score_of(asset)
            key.key_index = index
            count += 1
    sort_keys(keys, count)
    return count


@compiled
def _fill_buys(assets: Records, loads: Loads, keys: Records, account: Any) -> None:
    """Each buy to its base, or to the most lots that fit."""
    for place in range(list_buys(assets, keys, False)):
        asset = assets[keys[place].key_index]
        added = asset.base_worth - asset.worth
        room = smallest_room(asset, loads)
        if added <= room:
            asset.is_filled = True
            move(asset, loads, asset.base_quantity, asset.base_worth)
            continue
        is_cash = added > loads.nodes[ROOT].limit - loads.nodes[ROOT].load
        asset.round_reason = OrderReason.NO_CASH if is_cash else OrderReason.NO_ROOM
        lots = most_lots(asset, room, (asset.base_quantity - asset.quantity) // asset.lot)
        after = asset.quantity + lots * asset.lot
        if lots > 0 and minimum_missed(asset, account, after) == OrderReason.EMPTY:
            move(asset, loads, after, worth_of(after, asset.price))


@compiled
def _may_sell_less(asset: Any, account: Any) -> bool:
    """Whether a sell to its base may get a lot back. A forced one must stay an order that the broker accepts, or vanish."""
    after = asset.now + asset.lot
    if asset.now != asset.base_quantity:
        return False
    if asset.round_reason != OrderReason.FORCED_FOR_LIMIT or after == asset.quantity:
        return True
    return _may_be_forced(asset, account, after)


@compiled
def _list_competitors(assets: Records, keys: Records, account: Any) -> int:
    """Sells and filled buys that are worth less than their goal, as keys; returns how many."""
    count = 0
    for index in range(assets.size):
        asset = assets[index]
        is_made = asset.kind == SELL or (asset.kind == BUY and asset.is_filled)
        if is_made and asset.now_worth < asset.goal and (asset.kind == BUY or _may_sell_less(asset, account)):
            asset.lack = asset.goal - asset.now_worth
            asset.keeps_lot = False
            keys[count].key_index = index
            count += 1
    return count


@compiled
def _step_fits(asset: Any, loads: Loads, account: Any, value: int) -> bool:
    """Whether one more lot fits under the asset's limit, into its nodes and into its exposures, as this walk has left them."""
    nodes = loads.nodes
    is_sell = asset.kind == SELL
    limit = max_kept_worth_of(asset, account, value) if is_sell else max_worth_of(asset, account, value)
    if asset.now_worth + asset.step > limit:
        return False
    node = asset.leaf
    while node != NO_NODE:
        if asset.step > nodes[node].limit - nodes[node].trial:
            return False
        node = nodes[node].parent
    return fits_exposures(asset, loads, asset.now_worth + asset.step)


@compiled
def _walk_lots(assets: Records, loads: Loads, keys: Records, account: Any, count: int, value: int, left: int) -> int:
    """Give lots in the order of the keys while the total gets nearer; returns the distance to the goals."""
    nodes = loads.nodes
    for node in range(nodes.size):
        nodes[node].trial = nodes[node].load
    for row in range(loads.rows.size):
        loads.rows[row].trial = loads.rows[row].load
    distance = 0
    for place in range(count):
        asset = assets[keys[place].key_index]
        asset.gets_lot = left + asset.lack > asset.step and _step_fits(asset, loads, account, value)
        if asset.gets_lot:
            left -= asset.step
            distance += asset.step - asset.lack
            node = asset.leaf
            while node != NO_NODE:
                nodes[node].trial += asset.step
                node = nodes[node].parent
            try_parts(asset, loads, asset.now_worth, asset.now_worth + asset.step)
        else:
            distance += asset.lack
    return distance + abs(left)


@compiled
def _give_last_lots(assets: Records, loads: Loads, keys: Records, account: Any, value: int) -> None:
    """Two walks, by lack / step and by lack; the walk that ends nearer to the goals counts, the first on a tie."""
    left = 0
    for index in range(assets.size):
        left += assets[index].goal - assets[index].now_worth
    if left <= 0:  # a step is larger than its lack, so no lot would bring the total nearer
        return
    count = _list_competitors(assets, keys, account)
    nearest = NO_LIMIT
    for walk in range(2):
        for place in range(count):
            key = keys[place]
            asset = assets[key.key_index]
            key.key_group = 0 if walk == 0 else -asset.lack
            key.key_number = -(float(asset.lack) / float(asset.step)) if walk == 0 else 0.0
        sort_keys(keys, count)
        distance = _walk_lots(assets, loads, keys, account, count, value, left)
        if distance < nearest:
            nearest = distance
            for place in range(count):
                asset = assets[keys[place].key_index]
                asset.keeps_lot = asset.gets_lot
    for place in range(count):
        asset = assets[keys[place].key_index]
        if asset.keeps_lot:
            if asset.kind == BUY:
                asset.round_reason = OrderReason.ROUNDED_UP
            move(asset, loads, asset.now + asset.lot, asset.now_worth + asset.step)


@compiled
def round_goals(assets: Records, loads: Loads, keys: Records, account: Any, value: int) -> None:
    """Goals in, quantities of whole lots and reasons out (`now` and `round_reason`)."""
    set_limits(loads, account, value)
    _begin(assets, loads, account, value)
    _force_small_sells(assets, loads, account, value)
    _fill_buys(assets, loads, keys, account)
    _give_last_lots(assets, loads, keys, account, value)
    for index in range(assets.size):
        asset = assets[index]
        is_made = asset.kind == SELL or (asset.kind == BUY and asset.is_filled)
        if is_made and asset.now == asset.quantity:
            asset.round_reason = OrderReason.WITHIN_ONE_LOT

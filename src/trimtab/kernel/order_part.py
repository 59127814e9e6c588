"""The part of a plan that turnover and gains allow; it never leaves a limit worse (rules, section 17)."""

from __future__ import annotations

import math
from typing import Any

from trimtab.kernel.compilation import compiled
from trimtab.kernel.money import parts_of, portion, quantity_for, worth_of
from trimtab.kernel.order_exposures import Loads, count_exceeded, part_in, part_of
from trimtab.kernel.order_records import BUY, SELL
from trimtab.kernel.order_rounding import (
    amount_of,
    list_buys,
    minimum_missed,
    most_lots,
    own_kept_worth_of,
    score_of,
    set_limits,
)
from trimtab.kernel.order_rows import move, smallest_room
from trimtab.kernel.records import NO_LIMIT, NO_NODE, ROOT, Records
from trimtab.kernel.sort_keys import sort_keys
from trimtab.kernel.tax_lots import take_lots
from trimtab.reasons import OrderReason


@compiled
def budget_of(account: Any, kind: int) -> int:
    """How much may be sold or bought; cash that lies idle at the beginning is invested beside it."""
    if account.max_turnover == math.inf:
        return NO_LIMIT
    budget = portion(parts_of(account.max_turnover), account.value)
    if kind == BUY:
        budget += max(0, account.cash - portion(parts_of(1.0 - account.target_invested), account.value))
    return budget


@compiled
def is_part_needed(assets: Records, lots: Records, account: Any) -> bool:
    """Whether the whole plan (`now`) sells, buys or gains more than is allowed."""
    sold, bought, gain = 0, 0, 0
    limits_gain = account.max_realized_gain < NO_LIMIT
    if account.max_turnover == math.inf and not limits_gain:
        return False
    for index in range(assets.size):
        asset = assets[index]
        if asset.now < asset.quantity:
            sold += amount_of(asset, asset.now)
            if limits_gain:
                gain += take_lots(asset, lots, account, asset.now)
        elif asset.now > asset.quantity:
            bought += amount_of(asset, asset.now)
    if sold > budget_of(account, SELL) or bought > budget_of(account, BUY):
        return True
    return limits_gain and gain > account.max_realized_gain


@compiled
def list_sells(assets: Records, keys: Records) -> int:
    """The sells of the whole plan as keys: closes first, then the lower score, then by name; returns how many."""
    count = 0
    for index in range(assets.size):
        asset = assets[index]
        if asset.whole < asset.quantity:
            key = keys[count]
            key.key_group = 0 if asset.whole == 0 else 1
            key.key_number = score_of(asset)
            key.key_index = index
            count += 1
    sort_keys(keys, count)
    return count


@compiled
def _is_position(worth: int, account: Any) -> bool:
    return bool(worth >= account.smallest_position)


@compiled
def _move(asset: Any, loads: Loads, account: Any, quantity: int) -> None:
    """Set another quantity; loads and positions follow."""
    worth = worth_of(quantity, asset.price)
    change = int(_is_position(worth, account)) - int(_is_position(asset.now_worth, account))
    move(asset, loads, quantity, worth)
    node = asset.leaf
    while node != NO_NODE:
        loads.nodes[node].positions += change
        node = loads.nodes[node].parent


@compiled
def _position_limit(loads: Loads, account: Any, node: int) -> int:
    return account.max_total_positions if node == ROOT else loads.nodes[node].max_positions


@compiled
def _exceeded(asset: Any, loads: Loads, account: Any, value: int) -> int:
    """How many limits over an asset are exceeded now."""
    count = int(asset.now_worth > own_kept_worth_of(asset, account, value))
    node = asset.leaf
    while node != NO_NODE:
        count += int(loads.nodes[node].load > loads.nodes[node].limit)
        count += int(loads.nodes[node].positions > _position_limit(loads, account, node))
        node = loads.nodes[node].parent
    return count + count_exceeded(asset, loads)


@compiled
def _begin(assets: Records, loads: Loads, account: Any, value: int) -> None:
    """The state at the beginning; loads and positions of it and of the whole plan."""
    set_limits(loads, account, value)
    account.smallest_position = max(1, portion(parts_of(account.dust_weight), value))
    for number in range(loads.nodes.size):
        node = loads.nodes[number]
        node.load = node.whole = 0
        node.positions = node.whole_positions = 0
    for number in range(loads.rows.size):
        loads.rows[number].load = loads.rows[number].whole = 0
    for index in range(assets.size):
        asset = assets[index]
        asset.now, asset.now_worth = asset.quantity, asset.worth
        asset.is_made = False
        asset.round_reason = OrderReason.WAITS_FOR_MINIMUM if asset.is_waiting else OrderReason.EMPTY
        is_held, is_planned = int(_is_position(asset.worth, account)), int(_is_position(asset.whole_worth, account))
        number = asset.leaf
        while number != NO_NODE:
            loads.nodes[number].load += asset.worth
            loads.nodes[number].whole += asset.whole_worth
            loads.nodes[number].positions += is_held
            loads.nodes[number].whole_positions += is_planned
            number = loads.nodes[number].parent
        for place in range(asset.parts_begin, asset.parts_end):
            part = loads.parts[place]
            loads.rows[part.row].load += part_of(part, asset.worth)
            loads.rows[part.row].whole += part_of(part, asset.whole_worth)
    for number in range(loads.nodes.size):
        loads.nodes[number].before = loads.nodes[number].load
    for number in range(loads.rows.size):
        loads.rows[number].before = loads.rows[number].load


@compiled
def _next_sell(assets: Records, loads: Loads, keys: Records, account: Any, count: int, value: int) -> tuple[int, int]:
    """The place of the next sell among the keys, and how many limits over it are exceeded; -1 if none is left."""
    chosen, most_exceeded = -1, -1
    for place in range(count):
        index = keys[place].key_index
        if index >= 0 and not assets[index].is_waiting:
            exceeded = _exceeded(assets[index], loads, account, value)
            if exceeded > most_exceeded:
                chosen, most_exceeded = place, exceeded
    return chosen, most_exceeded


@compiled
def _make_sells(assets: Records, loads: Loads, keys: Records, lots: Records, account: Any, value: int) -> None:
    count, left, gains, is_cut = list_sells(assets, keys), budget_of(account, SELL), 0, False
    while True:
        place, exceeded = _next_sell(assets, loads, keys, account, count, value)
        if place < 0:
            return
        asset = assets[keys[place].key_index]
        keys[place].key_index = -1
        after = asset.whole
        if amount_of(asset, after) > left:
            asset.round_reason = OrderReason.MAX_TURNOVER
            if is_cut:
                continue
            is_cut = True
            after = asset.quantity - quantity_for(left, asset.price) // asset.lot * asset.lot
            if after == asset.quantity or minimum_missed(asset, account, after) != OrderReason.EMPTY:
                continue
        gain = take_lots(asset, lots, account, after) if account.max_realized_gain < NO_LIMIT else 0
        if exceeded == 0 and gain > 0 and gains + gain > account.max_realized_gain:
            asset.round_reason = OrderReason.MAX_REALIZED_GAIN
            continue
        _move(asset, loads, account, after)
        asset.is_made = True
        left -= amount_of(asset, after)
        gains += gain


@compiled
def _has_no_place(asset: Any, loads: Loads, account: Any) -> bool:
    """Whether a node over a new asset has as many positions as it may have, and as in the whole plan."""
    node = asset.leaf
    while node != NO_NODE:
        count = loads.nodes[node].positions
        if count >= _position_limit(loads, account, node) and count >= loads.nodes[node].whole_positions:
            return True
        node = loads.nodes[node].parent
    return False


@compiled
def _is_too_small(asset: Any, account: Any, after: int, value: int) -> bool:
    """Whether a buy that was cut is nothing, below a minimum, or less than a new position may be."""
    if after == asset.quantity or minimum_missed(asset, account, after) != OrderReason.EMPTY:
        return True
    smallest = portion(parts_of(account.min_position_weight), value)
    return asset.quantity == 0 and worth_of(after, asset.price) < smallest


@compiled
def _make_buys(assets: Records, loads: Loads, keys: Records, account: Any, value: int) -> None:
    left, is_cut = budget_of(account, BUY), False
    for place in range(list_buys(assets, keys, True)):
        asset = assets[keys[place].key_index]
        if asset.quantity == 0 and _has_no_place(asset, loads, account):
            asset.round_reason = OrderReason.NO_PLACE
            continue
        after = asset.whole
        if amount_of(asset, after) > left:
            asset.round_reason = OrderReason.MAX_TURNOVER
            if is_cut:
                continue
            is_cut = True
            after = asset.quantity + quantity_for(left, asset.price) // asset.lot * asset.lot
        added = worth_of(after, asset.price) - asset.worth
        room = smallest_room(asset, loads)
        if added > room:
            is_cash = added > loads.nodes[ROOT].limit - loads.nodes[ROOT].load
            asset.round_reason = OrderReason.NO_CASH if is_cash else OrderReason.NO_ROOM
            after = asset.quantity + most_lots(asset, room, (after - asset.quantity) // asset.lot) * asset.lot
        if after != asset.whole and _is_too_small(asset, account, after, value):
            continue
        _move(asset, loads, account, after)
        left -= amount_of(asset, after)


@compiled
def _last_made(assets: Records, keys: Records, begin: int, stop: int) -> int:
    """The last sell, in their order, that was made among the leaves [begin, stop); -1 without one."""
    last = -1
    for place in range(list_sells(assets, keys)):
        index = keys[place].key_index
        if assets[index].is_made and begin <= assets[index].leaf < stop:
            last = index
    return last


@compiled
def _last_made_in(assets: Records, loads: Loads, keys: Records, row: int) -> int:
    """The last sell, in their order, that was made of an asset in a row of exposures; -1 without one."""
    last = -1
    for place in range(list_sells(assets, keys)):
        index = keys[place].key_index
        if assets[index].is_made and part_in(assets[index], loads, row, assets[index].worth) > 0:
            last = index
    return last


@compiled
def _mark_represented(assets: Records, loads: Loads, account: Any) -> int:
    """Mark the buckets that were and are represented; returns how many fewer there are than there may be."""
    before, now, planned = 0, 0, 0
    for number in range(loads.nodes.size):
        loads.nodes[number].was_represented = loads.nodes[number].is_represented = False
        loads.nodes[number].trial = 0  # 1: the whole plan represents it
    for index in range(assets.size):
        asset = assets[index]
        number = loads.nodes[asset.leaf].represents
        if number == NO_NODE:
            continue
        node = loads.nodes[number]
        if not node.was_represented and _is_position(asset.worth, account):
            node.was_represented = True
            before += 1
        if not node.is_represented and _is_position(asset.now_worth, account):
            node.is_represented = True
            now += 1
        if node.trial == 0 and _is_position(asset.whole_worth, account):
            node.trial = 1
            planned += 1
    return min(account.buckets_to_represent, before, planned) - now


@compiled
def _last_lost(assets: Records, loads: Loads, keys: Records) -> int:
    """The last close that was made in a bucket that is represented no longer; -1 without one."""
    last = -1
    for place in range(list_sells(assets, keys)):
        index = keys[place].key_index
        number = loads.nodes[assets[index].leaf].represents
        if number != NO_NODE and assets[index].is_made and assets[index].now == 0:
            if loads.nodes[number].was_represented and not loads.nodes[number].is_represented:
                last = index
    return last


@compiled
def _must_wait(assets: Records, loads: Loads, keys: Records, account: Any, value: int) -> int:
    """The sell that must wait because it would leave a minimum worse; -1 without one."""
    for place in range(loads.nodes.size):
        number = loads.nodes[place].bottom_up
        node = loads.nodes[number]
        if number == ROOT or node.min_allocation <= 0.0:
            continue
        if node.load < min(portion(parts_of(node.min_allocation), value), node.before, node.whole):
            return _last_made(assets, keys, number, node.stop)
    for number in range(loads.rows.size):
        row = loads.rows[number]
        if row.min_exposure <= 0.0:
            continue
        if row.load < min(portion(parts_of(row.min_exposure), value), row.before, row.whole):
            return _last_made_in(assets, loads, keys, number)
    if account.buckets_to_represent > 0 and _mark_represented(assets, loads, account) > 0:
        return _last_lost(assets, loads, keys)
    return -1


@compiled
def make_part(assets: Records, loads: Loads, keys: Records, lots: Records, account: Any, value: int) -> None:
    """Make a part of the plan that `now` holds; fills `now` and the reasons. `value`: that of the last round."""
    for index in range(assets.size):
        asset = assets[index]
        asset.whole, asset.whole_worth = asset.now, asset.now_worth
        asset.is_waiting = False
    while True:
        _begin(assets, loads, account, value)
        _make_sells(assets, loads, keys, lots, account, value)
        _make_buys(assets, loads, keys, account, value)
        index = _must_wait(assets, loads, keys, account, value)
        if index < 0:
            break
        assets[index].is_waiting = True
    for index in range(assets.size):
        if assets[index].round_reason != OrderReason.EMPTY:
            assets[index].reason = assets[index].round_reason

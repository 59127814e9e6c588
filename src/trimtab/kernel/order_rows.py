"""The input of the pass in a round of orders: rows at given quantities and a given value (rules, section 14)."""

from __future__ import annotations

from typing import Any

from trimtab.kernel.block import clear_answer
from trimtab.kernel.compilation import compiled
from trimtab.kernel.money import parts_of, portion, worth_of
from trimtab.kernel.order_records import OrderMode
from trimtab.kernel.records import NO_NODE, ROOT, Records
from trimtab.reasons import Restriction


@compiled
def cap_of(asset: Any, account: Any) -> float:
    """The largest weight of an asset by itself."""
    return 0.0 if asset.is_unfit else min(account.max_position_weight, asset.max_weight)


@compiled
def is_lot_too_large(asset: Any, nodes: Records, account: Any, quantity: int, value: int) -> bool:
    """Whether one lot is worth more than the asset may weigh: under its own cap, the aim, and the buckets on its path."""
    largest = min(account.max_position_weight, asset.max_weight, account.target_invested)
    node = asset.leaf
    while node != ROOT:
        largest = min(largest, nodes[node].max_allocation)
        node = nodes[node].parent
    if quantity >= asset.lot:
        largest = largest * (1.0 + account.drift_tolerance)
    return worth_of(asset.lot, asset.price) > portion(parts_of(largest), value)


@compiled
def _restriction_of(asset: Any, mode: int, is_kept_out: bool) -> int:
    """The restrictions of an asset, added up: as bits, 1 is `no_buy`, 2 `no_sell`, and both are `no_trade`."""
    restriction = int(asset.restriction)
    if mode == OrderMode.BUY_ONLY and asset.given > 0:
        restriction |= Restriction.NO_SELL
    if mode == OrderMode.SELL_ONLY or is_kept_out:
        restriction |= Restriction.NO_BUY
    if not asset.tradable:
        restriction |= Restriction.NO_TRADE
    return restriction


@compiled
def fill_row(asset: Any, row: Any, nodes: Records, account: Any, value: int, is_kept_out: bool) -> None:
    """The row of an asset in the pass; `is_kept_out`: a selection is kept, and it is not in it."""
    row.current = float(worth_of(asset.given, asset.price)) / float(value)
    row.max_weight = asset.max_weight
    restriction = _restriction_of(asset, account.mode, is_kept_out)
    if asset.is_unfit:
        row.max_weight = 0.0
    elif is_lot_too_large(asset, nodes, account, asset.given, value):
        if asset.given < asset.lot:
            restriction |= Restriction.NO_BUY
        else:
            row.max_weight = 0.0
    row.restriction = restriction


@compiled
def fill_first_rows(assets: Records, nodes: Records, account: Any, rows: Records, first: Records) -> None:
    """The rows of the first pass, and its empty answer."""
    for index in range(assets.size):
        fill_row(assets[index], rows[index], nodes, account, account.value, False)
        clear_answer(first[index])


@compiled
def fill_next_rows(
    assets: Records, nodes: Records, account: Any, value: int, rows: Records, first: Records, answer: Records
) -> None:
    """The rows of a later pass, and an answer that keeps the selection of the first."""
    for index in range(assets.size):
        fill_row(assets[index], rows[index], nodes, account, value, not first[index].selected)
        clear_answer(answer[index])
        answer[index].selected = first[index].selected
        answer[index].reason = first[index].reason


@compiled
def brake_allowance(account: Any) -> float:
    """The sales that a withdrawal needs, as a weight; the brake ignores them."""
    if account.cash_flow >= 0:
        return 0.0
    missing = max(0, portion(parts_of(account.cash_buffer), account.value) - account.cash)
    return float(missing) / float(account.value)


@compiled
def add_load(nodes: Records, leaf: int, change: int) -> None:
    """A change of worth, at every node over a leaf."""
    node = leaf
    while node != NO_NODE:
        nodes[node].load += change
        node = nodes[node].parent


@compiled
def move(asset: Any, nodes: Records, quantity: int) -> None:
    """Set an asset's quantity; loads follow."""
    add_load(nodes, asset.leaf, worth_of(quantity, asset.price) - worth_of(asset.now, asset.price))
    asset.now = quantity


@compiled
def smallest_room(asset: Any, nodes: Records) -> int:
    """The room that is left for an asset: the smallest over its nodes."""
    node = asset.leaf
    room = nodes[ROOT].limit - nodes[ROOT].load
    while node != ROOT:
        room = min(room, nodes[node].limit - nodes[node].load)
        node = nodes[node].parent
    return room

"""The input of the pass in a round of orders: rows at given quantities and a given value (rules, section 14)."""

from __future__ import annotations

from typing import Any

from trimtab.kernel.block import clear_answer
from trimtab.kernel.compilation import compiled
from trimtab.kernel.money import parts_of, portion
from trimtab.kernel.order_exposures import (
    Loads,
    add_parts,
    exposure_room,
    is_lot_too_exposed,
    set_exposure_limits,
)
from trimtab.kernel.order_records import OrderMode
from trimtab.kernel.records import NO_NODE, ROOT, Records
from trimtab.reasons import Restriction


@compiled
def set_largest(loads: Loads, account: Any, value: int) -> None:
    """The most that an asset at each node may be worth, and the most that a holding may be worth; the limits of exposures."""
    set_exposure_limits(loads, account, value)
    nodes = loads.nodes
    for number in range(nodes.size):
        node = nodes[number]
        if number != ROOT and node.largest_weight == nodes[node.parent].largest_weight:
            node.largest, node.largest_kept = nodes[node.parent].largest, nodes[node.parent].largest_kept
        else:
            node.largest = portion(parts_of(node.largest_weight), value)
            node.largest_kept = portion(parts_of(node.largest_weight * (1.0 + account.drift_tolerance)), value)


@compiled
def _is_lot_too_large(asset: Any, loads: Loads, account: Any, value: int) -> bool:
    """Whether one lot is worth more than the asset may weigh: under its own cap, the aim, the buckets on its path, and
    its exposures.
    """
    if is_lot_too_exposed(asset, loads):
        return True
    node, holds_lot = loads.nodes[asset.leaf], asset.given >= asset.lot
    if asset.max_weight >= node.largest_weight:
        return bool(asset.lot_worth > (node.largest_kept if holds_lot else node.largest))
    weight = asset.max_weight * (1.0 + account.drift_tolerance) if holds_lot else asset.max_weight
    return bool(asset.lot_worth > portion(parts_of(weight), value))


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
def _fill_row(asset: Any, row: Any, mode: int, value: int, is_large: bool, is_kept_out: bool) -> None:
    """The row of an asset in the pass; `is_kept_out`: a selection is kept, and it is not in it."""
    row.current = float(asset.given_worth) / float(value)
    row.max_weight = asset.max_weight
    restriction = _restriction_of(asset, mode, is_kept_out)
    if asset.is_unfit:
        row.max_weight = 0.0
    elif is_large:
        if asset.given < asset.lot:
            restriction |= Restriction.NO_BUY
        else:
            row.max_weight = 0.0
    row.restriction = restriction


@compiled
def mark_large(assets: Records, loads: Loads, account: Any) -> None:
    """Mark the assets of which one lot is too large at the beginning."""
    set_largest(loads, account, account.value)
    for index in range(assets.size):
        assets[index].is_large = _is_lot_too_large(assets[index], loads, account, account.value)


@compiled
def fill_first_rows(assets: Records, account: Any, rows: Records, first: Records) -> None:
    """The rows of the first pass, and its empty answer."""
    for index in range(assets.size):
        _fill_row(assets[index], rows[index], account.mode, account.value, assets[index].is_large, False)
        clear_answer(first[index])


@compiled
def fill_next_rows(
    assets: Records, loads: Loads, account: Any, value: int, rows: Records, first: Records, answer: Records
) -> None:
    """The rows of a later pass, and an answer that keeps the selection of the first."""
    set_largest(loads, account, value)
    for index in range(assets.size):
        is_large = _is_lot_too_large(assets[index], loads, account, value)
        _fill_row(assets[index], rows[index], account.mode, value, is_large, not first[index].selected)
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
def add_load(asset: Any, loads: Loads, before: int, after: int) -> None:
    """Another worth of an asset, at every node over it and in every row of exposures."""
    node = asset.leaf
    while node != NO_NODE:
        loads.nodes[node].load += after - before
        node = loads.nodes[node].parent
    add_parts(asset, loads, before, after)


@compiled
def move(asset: Any, loads: Loads, quantity: int, worth: int) -> None:
    """Set an asset's quantity and its worth; loads follow."""
    add_load(asset, loads, asset.now_worth, worth)
    asset.now, asset.now_worth = quantity, worth


@compiled
def smallest_room(asset: Any, loads: Loads) -> int:
    """The room that is left for an asset: the smallest over its nodes and its rows of exposures."""
    nodes, node = loads.nodes, asset.leaf
    room = nodes[ROOT].limit - nodes[ROOT].load
    while node != ROOT:
        room = min(room, nodes[node].limit - nodes[node].load)
        node = nodes[node].parent
    return min(room, exposure_room(asset, loads))

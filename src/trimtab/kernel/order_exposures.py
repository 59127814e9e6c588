"""Limits of exposures in the orders stage: the worth in each of them (rules, sections 14 to 17).

Part of an asset lies in a row: its fraction of the asset's worth, rounded up, so that the sum never understates.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from trimtab.kernel.compilation import allocating, compiled
from trimtab.kernel.money import parts_of, portion, portion_up, product_quotient
from trimtab.kernel.order_records import ORDER_EXPOSURE
from trimtab.kernel.records import EXPOSURE_PART, NO_LIMIT, Exposed, Records

_PARTS, _MICRO = 10**12, 10**6


class Loads(NamedTuple):
    """The worth under the nodes of the tree and in the rows of exposures, with their limits in money."""

    nodes: Records  # `ORDER_NODE`
    rows: Records  # `ORDER_EXPOSURE`; empty without limits of exposures
    parts: Records  # `EXPOSURE_PART`: those of an asset are parts[parts_begin:parts_end]


@allocating
def exposure_loads(exposed: Exposed | None) -> tuple[Records, Records]:
    """Rows and parts of exposures for the orders stage; empty without limits of exposures."""
    if exposed is None:
        return np.zeros(0, ORDER_EXPOSURE), np.zeros(0, EXPOSURE_PART)
    rows = np.zeros(exposed.rows.size, ORDER_EXPOSURE)
    for number in range(rows.size):
        rows[number].max_exposure = exposed.rows[number].max_exposure
        rows[number].min_exposure = exposed.rows[number].min_exposure
    return rows, exposed.parts


@compiled
def set_parts(assets: Records, exposed: Exposed | None, begin: int) -> None:
    """Where each asset's parts are; the first asset is candidate number `begin`."""
    for index in range(assets.size):
        assets[index].parts_begin = assets[index].parts_end = 0
        if exposed is not None:
            profile = exposed.profile[begin + index]
            assets[index].parts_begin, assets[index].parts_end = exposed.first[profile], exposed.first[profile + 1]


@compiled
def set_exposure_limits(loads: Loads, account: Any, value: int) -> None:
    """The limits of the rows at a value; `NO_LIMIT` without one."""
    for number in range(loads.rows.size):
        row = loads.rows[number]
        row.limit = row.largest = NO_LIMIT
        if row.max_exposure <= 1.0:
            row.largest = portion(parts_of(row.max_exposure), value)
            row.limit = portion(parts_of(row.max_exposure * (1.0 + account.drift_tolerance)), value)


@compiled
def part_of(part: Any, worth: int) -> int:
    """The part in a row of an asset that is worth this, rounded up."""
    return portion_up(parts_of(part.fraction), worth)


@compiled
def part_in(asset: Any, loads: Loads, row: int, worth: int) -> int:
    """The same for one row; 0 where the asset has no part in it."""
    for place in range(asset.parts_begin, asset.parts_end):
        if loads.parts[place].row == row:
            return part_of(loads.parts[place], worth)
    return 0


@compiled
def add_parts(asset: Any, loads: Loads, before: int, after: int) -> None:
    """Another worth of an asset, in every row in which it lies."""
    for place in range(asset.parts_begin, asset.parts_end):
        part = loads.parts[place]
        loads.rows[part.row].load += part_of(part, after) - part_of(part, before)


@compiled
def try_parts(asset: Any, loads: Loads, before: int, after: int) -> None:
    """The same in a walk over the last lots."""
    for place in range(asset.parts_begin, asset.parts_end):
        part = loads.parts[place]
        loads.rows[part.row].trial += part_of(part, after) - part_of(part, before)


@compiled
def fits_exposures(asset: Any, loads: Loads, worth: int) -> bool:
    """Whether the rows of an asset have room for another worth of it, as the walk has left them (`trial`)."""
    for place in range(asset.parts_begin, asset.parts_end):
        part = loads.parts[place]
        row = loads.rows[part.row]
        if row.limit < NO_LIMIT and part_of(part, worth) - part_of(part, asset.now_worth) > row.limit - row.trial:
            return False
    return True


@compiled
def exposure_room(asset: Any, loads: Loads) -> int:
    """The most worth that may be added to an asset for its rows of exposures; `NO_LIMIT` if they do not limit it."""
    max_added = NO_LIMIT
    for place in range(asset.parts_begin, asset.parts_end):
        part = loads.parts[place]
        row, parts = loads.rows[part.row], parts_of(part.fraction)
        room = row.limit - row.load
        if row.limit == NO_LIMIT:
            continue
        room += part_of(part, asset.now_worth)
        if room < 0:
            return -1
        if parts == _PARTS:
            max_added = min(max_added, room - asset.now_worth)
        elif room < parts * _MICRO:
            max_added = min(max_added, product_quotient(room, _PARTS, parts) - asset.now_worth)
    return max_added


@compiled
def is_lot_too_exposed(asset: Any, loads: Loads) -> bool:
    """Whether one lot is more than a row of exposures may hold of it."""
    for place in range(asset.parts_begin, asset.parts_end):
        part = loads.parts[place]
        row = loads.rows[part.row]
        if part_of(part, asset.lot_worth) > (row.limit if asset.given >= asset.lot else row.largest):
            return True
    return False


@compiled
def count_exceeded(asset: Any, loads: Loads) -> int:
    """How many rows of exposures over an asset are exceeded now."""
    count = 0
    for place in range(asset.parts_begin, asset.parts_end):
        row = loads.rows[loads.parts[place].row]
        count += int(row.load > row.limit)
    return count

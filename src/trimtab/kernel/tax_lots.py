"""Which tax lots a sell takes, and what it gains (rules, section 18)."""

from __future__ import annotations

from typing import Any

from trimtab.kernel.compilation import compiled
from trimtab.kernel.money import product_quotient
from trimtab.kernel.order_records import Relief
from trimtab.kernel.order_rounding import amount_of, fee_of
from trimtab.kernel.records import Records
from trimtab.kernel.sort_keys import sort_keys


@compiled
def _unit_cost(lot: Any) -> float:
    return (float(lot.cost) * 1e9) / float(lot.quantity)


@compiled
def _set_key(key: Any, lot: Any, asset: Any, account: Any) -> None:
    key.key_group, key.key_number = 0, 0.0
    if account.relief == Relief.FIFO:
        key.key_group = lot.acquired
    elif account.relief == Relief.LIFO:
        key.key_group = -lot.acquired
    elif account.relief == Relief.HIFO:
        key.key_number = -_unit_cost(lot)
    elif account.relief == Relief.LOFO:
        key.key_number = _unit_cost(lot)
    else:
        rate = account.rate_long if lot.is_long else account.rate_short
        key.key_number = (float(asset.price) - _unit_cost(lot)) * rate


@compiled
def take_lots(asset: Any, lots: Records, account: Any, after: int) -> int:
    """Fill `taken` and `gain` of the lots for a sell to a quantity; returns the gain of all."""
    sold = asset.quantity - after
    amount = amount_of(asset, after)
    proceeds = amount - fee_of(asset, account, after, amount)
    count = 0
    for place in range(asset.lots_begin, asset.lots_end):
        lots[place].taken = lots[place].gain = 0
        lots[count].key_index = place
        _set_key(lots[count], lots[place], asset, account)
        count += 1
    sort_keys(lots, count)
    taken, assigned, gain = 0, 0, 0
    for place in range(count):
        lot = lots[lots[place].key_index]
        part = min(lot.quantity, sold - taken)
        if part <= 0:
            break
        taken += part
        share = product_quotient(proceeds, taken, sold) - assigned
        assigned += share
        lot.taken = part
        lot.gain = share - product_quotient(lot.cost, part, lot.quantity)
        gain += lot.gain
    return gain

"""Which tax lots a sell takes, and what it gains (rules, section 18)."""

from __future__ import annotations

from typing import Any

from trimtab.kernel.compilation import compiled
from trimtab.kernel.money import product_quotient
from trimtab.kernel.order_rounding import amount_of, fee_of
from trimtab.kernel.orders_records import OrderInputs, OrderWork, Relief
from trimtab.kernel.sort_keys import sort_keys


@compiled
def _unit_cost(lot: Any) -> float:
    return (float(lot.cost) * 1e9) / float(lot.quantity)


@compiled
def _list_lots(inputs: OrderInputs, work: OrderWork, instrument: Any) -> int:
    """The lots of an instrument as keys, in the order in which they are taken; returns how many."""
    settings, count = inputs.order_settings, 0
    for place in range(instrument.lots_begin, instrument.lots_end):
        lot, key = inputs.lots[place], work.lot_keys[count]
        key.group, key.number, key.index = 0, 0.0, place
        if settings.relief == Relief.FIFO:
            key.group = lot.acquired
        elif settings.relief == Relief.LIFO:
            key.group = -lot.acquired
        elif settings.relief == Relief.HIFO:
            key.number = -_unit_cost(lot)
        elif settings.relief == Relief.LOFO:
            key.number = _unit_cost(lot)
        else:
            rate = settings.rate_long if lot.is_long else settings.rate_short
            key.number = (float(instrument.price) - _unit_cost(lot)) * rate
        count += 1
    sort_keys(work.lot_keys, count)
    return count


@compiled
def take_lots(inputs: OrderInputs, work: OrderWork, row: int, after: int) -> int:
    """Fill `taken` and `gain` of the lots for a sell to a quantity; returns the gain of all."""
    instrument = inputs.instruments[row]
    sold = instrument.quantity - after
    proceeds = amount_of(instrument, after) - fee_of(inputs, instrument, after)
    for place in range(instrument.lots_begin, instrument.lots_end):
        inputs.lots[place].taken = 0
        inputs.lots[place].gain = 0
    taken, given, gain = 0, 0, 0
    for place in range(_list_lots(inputs, work, instrument)):
        lot = inputs.lots[work.lot_keys[place].index]
        part = min(lot.quantity, sold - taken)
        if part <= 0:
            break
        taken += part
        share = product_quotient(proceeds, taken, sold) - given
        given += share
        lot.taken = part
        lot.gain = share - product_quotient(lot.cost, part, lot.quantity)
        gain += lot.gain
    return gain

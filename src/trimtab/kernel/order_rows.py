"""What the pass is given by a round of orders: rows at given quantities and a given value (rules, section 14)."""

from __future__ import annotations

import math

from trimtab.kernel.block import clear_answer
from trimtab.kernel.compilation import compiled
from trimtab.kernel.money import parts_of, portion, worth_of
from trimtab.kernel.orders_records import OrderInputs, OrderMode, OrderWork
from trimtab.kernel.records import NO_NODE, ROOT
from trimtab.reasons import Restriction


@compiled
def cap_of(inputs: OrderInputs, work: OrderWork, row: int) -> float:
    """The largest weight of an asset by itself."""
    if work.states[row].is_unfit:
        return 0.0
    return min(inputs.settings[0].max_position_weight, inputs.rows[row].max_weight)


@compiled
def _largest_weight(inputs: OrderInputs, row: int) -> float:
    """The most that an asset can weigh under its own cap, the aim, and the buckets on its path."""
    settings = inputs.settings[0]
    largest = min(settings.max_position_weight, inputs.rows[row].max_weight, settings.target_invested)
    node = inputs.rows[row].leaf
    while node != NO_NODE and node != ROOT:
        largest = min(largest, inputs.tree[node].max_allocation)
        node = inputs.tree[node].parent
    return largest


@compiled
def is_lot_too_large(inputs: OrderInputs, row: int, quantity: int, value: int) -> bool:
    """Whether one lot is worth more than the asset may weigh."""
    instrument = inputs.instruments[row]
    largest = _largest_weight(inputs, row)
    if quantity >= instrument.lot:
        largest = largest * (1.0 + inputs.settings[0].drift_tolerance)
    return worth_of(instrument.lot, instrument.price) > portion(parts_of(largest), value)


@compiled
def fill_rows(inputs: OrderInputs, work: OrderWork, value: int, keeps_selection: bool) -> None:
    """The rows of the pass, and empty answers; with a selection that is kept, `selected` is that of the first round."""
    mode = inputs.order_settings.mode
    for row in range(inputs.rows.size):
        source, filled, state = inputs.rows[row], work.rows[row], work.states[row]
        instrument = inputs.instruments[row]
        quantity = state.given
        filled.score = source.score
        filled.sizing_input = source.sizing_input
        filled.leaf = source.leaf
        filled.max_weight = source.max_weight
        filled.current = float(worth_of(quantity, instrument.price)) / float(value)
        restriction = int(source.restriction)  # bits: 1 no_buy, 2 no_sell, both no_trade
        if mode == OrderMode.BUY_ONLY and quantity > 0:
            restriction |= Restriction.NO_SELL
        if mode == OrderMode.SELL_ONLY or (keeps_selection and not work.first[row].selected):
            restriction |= Restriction.NO_BUY
        if not instrument.tradable:
            restriction |= Restriction.NO_TRADE
        if state.is_unfit:
            filled.max_weight = 0.0
        elif is_lot_too_large(inputs, row, quantity, value):
            if quantity < instrument.lot:
                restriction |= Restriction.NO_BUY
            else:
                filled.max_weight = 0.0
        filled.restriction = restriction
        if keeps_selection:
            clear_answer(work.answer[row])
            work.answer[row].selected = work.first[row].selected
            work.answer[row].reason = work.first[row].reason
        else:
            clear_answer(work.first[row])


@compiled
def brake_allowance(inputs: OrderInputs, value: int, cash: int, cash_flow: int) -> float:
    """What a withdrawal needs sold, as a weight: it does not count for the brake."""
    if cash_flow >= 0:
        return 0.0
    missing = max(0, portion(parts_of(inputs.order_settings.cash_buffer), value) - cash)
    return float(missing) / float(value)


@compiled
def with_brakes(inputs: OrderInputs, brake: float, allowance: float) -> None:
    """The brakes of the first round; later rounds have none."""
    inputs.settings[0].brake_sold_weight = (
        min(1.0, brake + allowance) if brake < math.inf and allowance > 0.0 else brake
    )

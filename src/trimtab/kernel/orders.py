"""From targets to orders: rounds of the pass and of rounding until a plan is settled (rules, sections 16 and 19)."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from trimtab.kernel.account import rebalance_account, size_account
from trimtab.kernel.compilation import allocating, compiled
from trimtab.kernel.money import parts_of, portion, worth_of
from trimtab.kernel.order_exposures import Loads
from trimtab.kernel.order_part import is_part_needed, list_sells, make_part
from trimtab.kernel.order_records import PlanStatus
from trimtab.kernel.order_rounding import amount_of, fee_of, list_buys, round_goals
from trimtab.kernel.order_rows import brake_allowance, fill_first_rows, fill_next_rows, mark_large
from trimtab.kernel.records import Exposed, Ints, Records
from trimtab.kernel.tax_lots import take_lots
from trimtab.reasons import OrderReason

LAST_ROUNDS = 8  # from this round on, a round that does not lower the value is the last
_PLAY = 2  # parts of 10^12: twice the tolerance of the pass


class PassInputs(NamedTuple):
    """The input of the pass, round after round; rows by asset name, as in `rebalance_account`."""

    first_rows: Records
    next_rows: Records
    tree: Records
    settings: Records  # shape (2,): `order_settings`
    partners: Ints
    exposed: Exposed | None
    first: Records  # the answer of the first round
    answer: Records  # that of the others


@compiled
def _settle(assets: Records, account: Any) -> int:
    """The amounts and fees of the orders to `now`, and the cash after them; returns the value after them."""
    cash, worth = account.cash, 0
    for index in range(assets.size):
        asset = assets[index]
        worth += asset.now_worth
        asset.amount = asset.fee = 0
        if asset.now != asset.quantity:
            asset.amount = amount_of(asset, asset.now)
            asset.fee = fee_of(asset, account, asset.now, asset.amount)
            cash += (asset.amount if asset.now < asset.quantity else -asset.amount) - asset.fee
    account.cash_after, account.value_after = cash, cash + worth
    return int(cash + worth)


@compiled
def _set_goals(assets: Records, rows: Records, answer: Records, value: int) -> None:
    """The goal of each asset in money; its current value if the pass leaves it alone, or would move it by a rounding."""
    play = max(1, portion(_PLAY, value))
    for index in range(assets.size):
        asset, target = assets[index], answer[index].target
        asset.goal = portion(parts_of(target), value) if target > 0.0 else 0
        is_near = target > 0.0 and abs(asset.goal - asset.given_worth) <= play
        asset.is_left_alone = target == rows[index].current or is_near
        if asset.is_left_alone:
            asset.goal = asset.given_worth


@compiled
def _keep_reasons(assets: Records) -> None:
    """Give each asset its reason of the round, if any; an asset that the pass leaves alone keeps its own."""
    for index in range(assets.size):
        asset = assets[index]
        if not asset.is_left_alone or asset.round_reason != OrderReason.EMPTY:
            asset.reason = asset.round_reason


@compiled
def _is_unchanged(assets: Records) -> bool:
    for index in range(assets.size):
        if assets[index].now != assets[index].given:
            return False
    return True


@compiled
def _has_dust_moved(assets: Records, account: Any, value: int, passes: PassInputs) -> bool:
    """Whether, at the weights after costs, something is dust that was not, or a holding left alone no longer is."""
    for index in range(assets.size):
        before = passes.first_rows[index].current
        was_dust = 0.0 < before < account.dust_weight
        is_dust = float(assets[index].now_worth) / float(value) < account.dust_weight
        if assets[index].now > 0 and is_dust != was_dust and (is_dust or not passes.first[index].selected):
            return True
    return False


@allocating
def _run_rounds(assets: Records, loads: Loads, keys: Records, account: Any, passes: PassInputs) -> int:
    """Run rounds until they settle; returns the value given to the last one, or 0 if nothing has any worth."""
    value = account.value
    account.rounds = 0
    while True:
        account.rounds += 1
        rows = passes.first_rows if account.rounds == 1 else passes.next_rows
        answer = passes.first if account.rounds == 1 else passes.answer
        _set_goals(assets, rows, answer, value)
        round_goals(assets, loads, keys, account, value)
        _keep_reasons(assets)
        after = _settle(assets, account)
        if after <= 0:
            return 0
        is_final = after == value and _is_unchanged(assets)
        if is_final or (account.rounds >= LAST_ROUNDS and after >= value):
            account.is_settled = is_final and not _has_dust_moved(assets, account, value, passes)
            return value
        for index in range(assets.size):
            assets[index].given, assets[index].given_worth = assets[index].now, assets[index].now_worth
        value = after
        fill_next_rows(assets, loads, account, value, passes.next_rows, passes.first, passes.answer)
        size_account(passes.next_rows, passes.tree, passes.settings[1], passes.exposed, passes.answer)


@compiled
def _mark_unfit(assets: Records, first: Records) -> bool:
    """Free the places of selected assets that end without a lot; returns whether any are new."""
    any_new = False
    for index in range(assets.size):
        if first[index].selected and first[index].target > 0.0 and assets[index].now == 0:
            assets[index].is_unfit = any_new = True
    return any_new


@compiled
def _finish(assets: Records, keys: Records, lots: Records, account: Any, first: Records) -> None:
    """The orders in their places, and a reason for every candidate."""
    for index in range(assets.size):
        asset = assets[index]
        asset.place = -1
        if asset.now != asset.quantity:
            if asset.reason == OrderReason.EMPTY:
                asset.reason = OrderReason.TO_TARGET
        elif asset.is_unfit and (asset.quantity == 0 or asset.reason == OrderReason.EMPTY):
            asset.reason = OrderReason.NO_LOT_FITS
        elif asset.is_large and not first[index].selected:
            asset.reason = OrderReason.LOT_TOO_LARGE
        elif asset.reason == OrderReason.EMPTY:
            asset.reason = OrderReason.ON_TARGET if asset.quantity > 0 else OrderReason.NOT_WANTED
        asset.whole = asset.now
    for place in range(lots.size):
        lots[place].taken = lots[place].gain = 0
    sells = list_sells(assets, keys)
    for place in range(sells):
        asset = assets[keys[place].key_index]
        asset.place = place
        if asset.lots_end > asset.lots_begin:
            take_lots(asset, lots, account, asset.now)
    for place in range(list_buys(assets, keys, True)):
        assets[keys[place].key_index].place = sells + place


@compiled
def _finish_braked(assets: Records, lots: Records, account: Any, first: Records) -> None:
    account.rounds = 0  # an earlier start may have counted some
    account.is_settled = True
    account.status = PlanStatus.CASH_SHORT if account.cash < 0 else PlanStatus.BRAKED
    account.cash_after, account.value_after = account.cash, account.value
    for index in range(assets.size):
        asset = assets[index]
        asset.now = asset.quantity
        asset.amount, asset.fee, asset.place = 0, 0, -1
        is_concerned = asset.quantity > 0 or first[index].selected
        asset.reason = OrderReason.BRAKED if is_concerned else OrderReason.NOT_WANTED
    for place in range(lots.size):
        lots[place].taken = lots[place].gain = 0


@compiled
def _begin(assets: Records, account: Any) -> None:
    """Worths at the beginning, and an end that is worth nothing."""
    worth = 0
    for index in range(assets.size):
        asset = assets[index]
        asset.now = asset.given = asset.quantity
        asset.is_unfit = False
        asset.worth = asset.now_worth = worth_of(asset.quantity, asset.price) if asset.quantity > 0 else 0
        asset.lot_worth = worth_of(asset.lot, asset.price)
        asset.lot_value = float(asset.lot) * float(asset.price) * 1e-9
        worth += asset.worth
    account.has_fees = max(account.per_order, account.per_share, account.minimum) > 0 or account.rate > 0.0
    account.cash_after = account.cash
    account.value = account.value_after = account.cash + worth
    account.rounds = 0
    account.is_settled = True
    account.status = PlanStatus.NO_VALUE


@allocating
def plan_account(assets: Records, loads: Loads, keys: Records, lots: Records, account: Any, passes: PassInputs) -> bool:
    """Decide the orders of one account: fills the decided fields of its records; returns whether it is braked.

    Both rows of `passes` have score, sizing input and leaf; the rest of them is filled here. Afterwards `first_rows`,
    `settings[0]` and `first` are the input and answer of the pass behind the plan.
    """
    _begin(assets, account)
    if account.value <= 0:
        return False
    mark_large(assets, loads, account)
    limits = passes.settings[0]
    if limits.brake_sold_weight < math.inf:
        limits.brake_sold_weight = min(1.0, limits.brake_sold_weight + brake_allowance(account))
    while True:
        for index in range(assets.size):
            asset = assets[index]
            asset.given, asset.given_worth = asset.quantity, asset.worth
            asset.reason = OrderReason.EMPTY
        fill_first_rows(assets, account, passes.first_rows, passes.first)
        if rebalance_account(passes.first_rows, passes.tree, limits, passes.partners, passes.exposed, passes.first):
            _finish_braked(assets, lots, account, passes.first)
            return True
        value = _run_rounds(assets, loads, keys, account, passes)
        if value == 0:
            return False
        if not _mark_unfit(assets, passes.first):
            break
    account.status = PlanStatus.OK
    if is_part_needed(assets, lots, account):
        account.status = PlanStatus.LIMITED
        make_part(assets, loads, keys, lots, account, value)
        _settle(assets, account)
    _finish(assets, keys, lots, account, passes.first)
    if account.cash_after < 0:
        account.status = PlanStatus.CASH_SHORT
    return False

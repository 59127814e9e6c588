"""One account through the orders stage: records in; a decided plan out, with the pass behind it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from trimtab.candidates.candidates import Candidates, settings_of
from trimtab.decimals import MICRO, NANO, scaled
from trimtab.errors import Fault, InputError
from trimtab.kernel.order_records import (
    ASSET,
    TAX_LOT,
    OrderMode,
    PlanStatus,
    Relief,
    order_account,
    order_nodes,
    order_settings,
)
from trimtab.kernel.orders import PassInputs, plan_account
from trimtab.kernel.records import NO_LIMIT, Records, empty_answer
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.orders.account_inputs import AccountInputs

_MOST_VALUE = 10**18  # micro-units


@dataclass(frozen=True)
class DecidedPlan:
    """The kernel's decision for an account. Records have shape (rows,), in canonical order: by asset name."""

    account: Any
    assets: Records
    lots: Records
    candidates: Candidates  # as the pass saw them
    limits: RebalancingLimits  # as the pass had them
    answer: Records
    is_braked: bool

    @cached_property
    def in_order(self) -> list[int]:
        """The rows that have an order, in the order of execution."""
        place = self.assets["place"].tolist()
        return sorted((row for row, at in enumerate(place) if at >= 0), key=place.__getitem__)


def decide(candidates: Candidates, inputs: AccountInputs) -> DecidedPlan:
    """Decide the orders of one account.

    Raises
    ------
    InputError
        An account that is worth nothing, or more than can be counted exactly.
    """
    limits = inputs.limits
    assets = _assets(candidates, inputs)
    _check_sizes(assets, inputs.cash, inputs.cash_flow)
    kernel_limits = settings_of(limits)
    account = order_account(kernel_limits, _account_values(inputs))
    lots = _lots(candidates, inputs, assets)
    both_limits = order_settings(kernel_limits, account)
    rows = candidates.rows(limits)
    partners, _ = candidates.partners(limits.max_correlation)
    first = empty_answer(len(rows))
    nodes = candidates.tree.nodes
    passes = PassInputs(rows, rows.copy(), nodes, both_limits, partners, first, empty_answer(len(rows)))
    plan_account(assets, order_nodes(nodes), lots, account, passes)
    if account["status"][0] == PlanStatus.NO_VALUE:
        problem = "the account is worth nothing: cash, cash flow and positions add up to 0 or less"
        raise InputError([Fault(problem, "check cash, cash_flow and the prices")])
    is_braked = assets.size > 0 and account["rounds"][0] == 0
    seen, used = _as_seen(candidates, rows), _limits_of_pass(limits, both_limits)
    return DecidedPlan(account[0], assets, lots, seen, used, first, is_braked)


def _account_values(inputs: AccountInputs) -> dict[str, Any]:
    settings = inputs.settings
    fees, gain = settings.fees, settings.max_realized_gain
    least = settings.min_trade_amount
    return {
        "cash": inputs.cash + inputs.cash_flow,
        "cash_flow": inputs.cash_flow,
        "mode": OrderMode[settings.mode.upper()],
        "cash_buffer": settings.cash_buffer,
        "min_trade_amount": -1 if least is None else scaled(least, MICRO),
        "max_fee_share": settings.max_fee_share,
        "per_order": scaled(fees.per_order, MICRO),
        "per_share": scaled(fees.per_share, MICRO),
        "rate": fees.rate,
        "minimum": scaled(fees.minimum, MICRO),
        "max_turnover": math.inf if settings.max_turnover is None else settings.max_turnover,
        "max_realized_gain": NO_LIMIT if gain is None else scaled(gain, MICRO),
        "relief": Relief[settings.relief.upper()],
        "rate_short": settings.rate_short,
        "rate_long": settings.rate_long,
    }


def _assets(candidates: Candidates, inputs: AccountInputs) -> Records:
    rows = candidates.rows(inputs.limits)
    assets = np.zeros(len(rows), ASSET)
    for name in ("score", "max_weight", "leaf", "restriction"):
        assets[name] = rows[name]
    named = inputs.named(candidates)
    # Without a price an asset is neither tradable nor held: any price will do.
    assets["price"] = [MICRO if each.price is None else each.price for each in named]
    assets["quantity"] = [each.quantity for each in named]
    assets["lot"] = [NANO if each.price is None else each.lot for each in named]
    assets["min_notional"] = [each.min_notional for each in named]
    assets["tradable"] = [each.tradable and each.price is not None for each in named]
    return assets


def _lots(candidates: Candidates, inputs: AccountInputs, assets: Records) -> Records:
    rows: list[tuple[int, int, int, bool]] = []
    if not inputs.tax_lots:
        return np.zeros(0, TAX_LOT)
    for at, instrument in enumerate(inputs.named(candidates)):
        assets[at]["lots_begin"] = len(rows)
        rows += [
            (lot.quantity, lot.cost, lot.acquired.toordinal(), lot.is_long(inputs.today))
            for lot in inputs.lots_of(instrument.asset)
        ]
        assets[at]["lots_end"] = len(rows)
    lots = np.zeros(len(rows), TAX_LOT)
    for at, values in enumerate(rows):
        for name, value in zip(("quantity", "cost", "acquired", "is_long"), values, strict=True):
            lots[at][name] = value
    return lots


def _check_sizes(assets: Records, cash: int, cash_flow: int) -> None:
    """The bounds of the kernel's 64 bits: the value, and the most shares of the cheapest asset that it could buy."""
    prices = assets["price"].tolist()
    worth = sum(shares * price // NANO for shares, price in zip(assets["quantity"].tolist(), prices, strict=True))
    value = worth + max(cash, 0) + max(cash_flow, 0)
    if value + abs(min(cash, 0)) + abs(min(cash_flow, 0)) > _MOST_VALUE:
        raise InputError([Fault("the account is worth more than 10^12", "check prices and amounts")])
    cheapest = min(prices, default=MICRO)
    if (value + 1) * NANO // cheapest > 4 * 10**18:
        problem = "the cheapest price is too small for an account of this value"
        raise InputError([Fault(problem, "count it in larger units, such as thousands", column="price")])


def _as_seen(candidates: Candidates, rows: Records) -> Candidates:
    """The candidates as the pass saw them: with the weights, restrictions and caps of the orders stage."""

    def seen(values: Any, field: str) -> Any:
        changed = np.array(values)
        changed[candidates.order] = rows[field]
        return changed

    return replace(
        candidates,
        current_weight=seen(candidates.current_weight, "current"),
        max_weight=seen(candidates.max_weight, "max_weight"),
        restriction=seen(candidates.restriction, "restriction"),
    )


def _limits_of_pass(limits: RebalancingLimits, both_limits: Records) -> RebalancingLimits:
    """The limits with the aim that the cash buffer leaves, and the brake that a withdrawal leaves."""
    changes: dict[str, Any] = {"target_invested": float(both_limits["target_invested"][0])}
    if limits.brake_sold_weight is not None:
        changes["brake_sold_weight"] = float(both_limits["brake_sold_weight"][0])
    same = all(getattr(limits, name) == value for name, value in changes.items())
    return limits if same else limits.replace(**changes)

"""One account through the orders stage: inputs in; a decided plan out, with the pass behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from trimtab.candidates.candidates import Candidates, settings_of
from trimtab.decimals import MICRO, NANO, money_of
from trimtab.errors import Fault, InputError, LimitsError
from trimtab.kernel.order_block import OrderAccounts, OrderLimits, OrderRecords, plan_block
from trimtab.kernel.order_records import PlanStatus
from trimtab.kernel.records import Ints, Records
from trimtab.limits.order_settings import OrderSettings
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.orders.account_inputs import AccountInputs
from trimtab.orders.account_table import Instrument
from trimtab.orders.block_records import Holdings, account_records, lot_records, order_records
from trimtab.orders.identity import (
    account_digest,
    canonical_json,
    exposure_bytes,
    identity_rows,
    money_bytes,
    shared_digest,
)

_MOST_OVERDRAWN = 105  # percent
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
    digest: bytes  # of everything behind the decision

    @cached_property
    def in_order(self) -> list[int]:
        """The rows that have an order, in the order of execution."""
        place = self.assets["place"].tolist()
        return sorted((row for row, index in enumerate(place) if index >= 0), key=place.__getitem__)


def decide(candidates: Candidates, inputs: AccountInputs) -> DecidedPlan:
    """Decide the orders of one account.

    Raises
    ------
    InputError
        An account that is worth nothing, or more than can be counted exactly.
    """
    limits = inputs.limits
    records = _records(candidates, inputs)
    partners, partners_start = candidates.partners(limits.max_correlation)
    start = np.array([0, len(records.assets)])
    lots_start = np.array([0, len(records.lots)])
    first = np.zeros(1, np.int64)
    accounts = OrderAccounts(start, lots_start, partners_start, first, np.zeros(1, np.bool_))
    nodes = candidates.tree.nodes
    order_limits = OrderLimits(settings_of(limits), nodes, np.array([0, len(nodes)]))
    plan_block(accounts, order_limits, partners, candidates.exposed(limits), records)
    account = records.accounts[0]
    if account["status"] == PlanStatus.NO_VALUE:
        problem = "the account is worth nothing: cash, cash flow and positions add up to 0 or less"
        raise InputError([Fault(problem, "check cash, cash_flow and the prices")])
    seen, used = _as_seen(candidates, records.rows), _limits_of_pass(limits, account)
    is_braked = bool(records.outcome["braked"][0])
    digest = _digest(candidates, inputs, records, partners)
    return DecidedPlan(account, records.assets, records.lots, seen, used, records.answers, is_braked, digest)


def _digest(candidates: Candidates, inputs: AccountInputs, records: OrderRecords, partners: Ints) -> bytes:
    """The digest of an account, as for one of many; tax lots, trades, correlations and exposures add to it only where they are given."""
    order, more = candidates.order, b""
    asset, bucket = candidates.asset, candidates.bucket
    texts = asset.codes[order], tuple(asset.names), bucket.codes[order], tuple(bucket.names)
    if inputs.tax_lots or inputs.trades:
        more = canonical_json(inputs.rest(candidates)).encode()
    more += partners.tobytes()
    if candidates.exposures is not None:
        more += exposure_bytes(
            candidates.exposures, candidates.accounts[0], [asset.names[code] for code in texts[0].tolist()]
        )
    rows = identity_rows(records.assets, records.rows["sizing_input"], *texts)
    (money,) = money_bytes(records.accounts)
    return account_digest(shared_digest(inputs.limits, inputs.settings), candidates.accounts[0], money, rows, more)


def _records(candidates: Candidates, inputs: AccountInputs) -> OrderRecords:
    instruments = inputs.named(candidates)
    holdings = Holdings(
        price=np.array([each.price or 0 for each in instruments], np.int64),
        quantity=np.array([each.quantity for each in instruments], np.int64),
        lot=np.array([each.lot for each in instruments], np.int64),
        min_notional=np.array([each.min_notional for each in instruments], np.int64),
        tradable=np.array([each.tradable for each in instruments], np.bool_),
    )
    check_sizes(instruments, inputs.cash, inputs.cash_flow)
    own = [inputs.lots_of(each.asset) for each in instruments]
    lots = lot_records((lot, lot.is_long(inputs.today)) for lots in own for lot in lots)
    accounts = account_records(inputs.settings, np.array([inputs.cash]), np.array([inputs.cash_flow]))
    records = order_records(candidates.rows(inputs.limits), holdings, accounts, lots)
    records.assets["lots_end"] = np.cumsum([len(lots) for lots in own])
    records.assets["lots_begin"][1:] = records.assets["lots_end"][:-1]
    return records


def check_settings(limits: RebalancingLimits, settings: OrderSettings) -> None:
    """Refuse settings that contradict the limits.

    Raises
    ------
    LimitsError
        A turnover below the smallest position; limits of concentration.
    """
    if limits.enforce_exposure_limits and limits.concentration:
        advice = "leave it out, or set enforce_exposure_limits to false"
        raise LimitsError([f"concentration is not limited in whole shares yet: {advice}"])
    turnover = settings.max_turnover
    if turnover is not None and turnover < limits.min_position_weight:
        raise LimitsError(
            [
                f"max_turnover {turnover:g} is below min_position_weight {limits.min_position_weight:g}: no new position "
                "could be opened; raise the one or lower the other"
            ]
        )


def check_overdrawn(instruments: Sequence[Instrument], cash: int) -> None:
    """Refuse positions that are worth more than the account, beyond what fees and rounding explain.

    Raises
    ------
    InputError
        They are worth more than 1.05 of it, before the cash flow.
    """
    total = sum(each.quantity * (each.price or 0) // NANO for each in instruments)
    value = total + cash
    if total > 0 and 100 * total > _MOST_OVERDRAWN * value:
        problem = f"positions are worth {money_of(total):,.2f}, the account with its cash {money_of(value):,.2f}"
        raise InputError([Fault(problem, "check cash, shares and prices", column="cash", value=money_of(cash))])


def check_sizes(instruments: Sequence[Instrument], cash: int, cash_flow: int) -> None:
    """The bounds of the kernel's 64 bits: the value, and the most shares of the cheapest asset that it could buy.

    Raises
    ------
    InputError
        An account beyond them.
    """
    worth = sum(each.quantity * (each.price or 0) // NANO for each in instruments)
    value = worth + max(cash, 0) + max(cash_flow, 0)
    if value + abs(min(cash, 0)) + abs(min(cash_flow, 0)) > _MOST_VALUE:
        raise InputError([Fault("the account is worth more than 10^12", "check prices and amounts")])
    cheapest = min((each.price or MICRO for each in instruments), default=MICRO)
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


def _limits_of_pass(limits: RebalancingLimits, account: Any) -> RebalancingLimits:
    """The limits with the aim that the cash buffer leaves, and the brake that a withdrawal leaves."""
    changes: dict[str, Any] = {"target_invested": float(account["target_invested"])}
    if limits.brake_sold_weight is not None:
        changes["brake_sold_weight"] = float(account["brake_sold_weight"])
    same = all(getattr(limits, name) == value for name, value in changes.items())
    return limits if same else limits.replace(**changes)

"""Whole accounts in, their orders out, as tables: decided, measured and counted."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from trimtab.blocks.counts import Counts
from trimtab.orders.cash_table import CashTable
from trimtab.orders.checked_orders import check_orders
from trimtab.orders.decide_orders import DecidedOrders, OrderRules, decide_orders
from trimtab.orders.order_tables import (
    REASONS,
    STATUSES,
    OrderList,
    accounts_table,
    orders_table,
    targets_table,
)


@dataclass(frozen=True)
class PlannedBlock:
    """The targets and orders of the good accounts, what each account ends with, the failed accounts, and counts.

    `targets` is that of `Block` with `target_shares` and `order_reason`; `orders` has a row for each order, account after
    account, in the order of execution; `accounts` a row for each account: status, value and cash before and after.
    """

    targets: pa.Table
    orders: pa.Table
    accounts: pa.Table
    failed: pa.Table
    counts: Counts


def plan_accounts(table: pa.Table, money: CashTable, rules: OrderRules) -> PlannedBlock:
    """Decide the orders of whole accounts that come one after another, and measure every one of them.

    Raises
    ------
    InputError
        As `decide_orders`.
    """
    decided = decide_orders(table, money, rules)
    orders = OrderList.of(decided)
    broken, checked = check_orders(decided, orders)
    if broken:
        decided = decided.failing(broken)
        orders = OrderList.of(decided)
    return PlannedBlock(
        targets_table(decided),
        orders_table(decided, orders),
        accounts_table(decided, orders),
        decided.targets.failed,
        _counted(decided, orders, checked),
    )


def _counted(decided: DecidedOrders, orders: OrderList, checked: int) -> Counts:
    good = ~decided.checked.left_out
    accounts = decided.records.accounts[good]
    rows = np.repeat(good, np.diff(decided.checked.block.start))
    return replace(
        decided.targets.counts,
        orders=len(orders.row),
        order_amount=sum(orders.amount.tolist()),
        ordering=int((np.diff(orders.start) > 0).sum()),
        unsettled=int((~accounts["is_settled"].astype(np.bool_)).sum()),
        plans_checked=checked,
        plan_statuses=_tally(accounts["status"], STATUSES),
        order_reasons=_tally(decided.records.assets["reason"][rows], REASONS),
    )


def _tally(codes: np.ndarray[tuple[int], np.dtype[np.int64]], names: list[str]) -> dict[str, int]:
    counts = np.bincount(codes, minlength=len(names)).tolist()
    return {name: count for name, count in zip(names, counts, strict=True) if count and name}

"""Decided orders as Arrow tables: orders in their order of execution, accounts, targets with the reason of each order.

Numbers stay whole: shares and money are exact decimals in the tables, made from the kernel's integers without a Python
object per row.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from trimtab.kernel.compilation import undecorated
from trimtab.kernel.money import parts_of, portion
from trimtab.kernel.order_records import PlanStatus
from trimtab.kernel.records import Flags, Ints
from trimtab.orders.block_lots import warned_rows
from trimtab.orders.decide_orders import DecidedOrders
from trimtab.orders.identity import (
    ID_LENGTH,
    account_digest,
    exposure_bytes,
    identity_rows,
    money_bytes,
    order_ids,
    shared_digest,
)
from trimtab.reasons import OrderReason

MONEY, SHARES = pa.decimal128(25, 6), pa.decimal128(28, 9)
REASONS = [member.code for member in OrderReason]
STATUSES = [status.name.lower() for status in PlanStatus]
_parts_of, _portion = undecorated(parts_of), undecorated(portion)


@dataclass(frozen=True)
class OrderList:
    """The orders of a block in their order of execution. Account i has those from start[i] to start[i + 1]."""

    start: Ints
    row: Ints  # in canonical order; shapes (orders,)
    account: Ints
    change: Ints  # shares: above 0 bought, below 0 sold
    amount: Ints
    fee: Ints
    cash_after: Ints

    @classmethod
    def of(cls, decided: DecidedOrders) -> OrderList:
        """The orders of the accounts that did not fail."""
        assets, block = decided.records.assets, decided.checked.block
        count = len(block.accounts)
        account_of = np.repeat(np.arange(count), np.diff(block.start))
        places = assets["place"].copy()  # a column at a time: gathering whole records takes much longer
        tables = np.flatnonzero((places >= 0) & ~decided.checked.left_out[account_of])
        counts = np.bincount(account_of[tables], minlength=count)
        start = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        rows = np.empty(len(tables), np.int64)
        rows[start[account_of[tables]] + places[tables]] = tables
        account = account_of[rows]
        now, quantity, amount, fee = (assets[name][rows] for name in ("now", "quantity", "amount", "fee"))
        change = now - quantity
        flow = np.where(change < 0, amount, -amount) - fee
        paid = np.concatenate([[0], np.cumsum(flow)])
        cash = decided.records.accounts["cash"][account] + paid[1:] - paid[start[account]]
        return cls(start, rows, account, change, amount, fee, cash)


def orders_table(decided: DecidedOrders, orders: OrderList) -> pa.Table:
    """The orders, a row each."""
    block, order = decided.checked.block, decided.checked.order
    price, now, reason = (decided.records.assets[name][orders.row] for name in ("price", "now", "reason"))
    is_buy = orders.change > 0
    names = block.asset_column.take(pa.array(order[orders.row])).dictionary_decode()
    sides = pa.DictionaryArray.from_arrays(pa.array(is_buy.astype(np.int8)), pa.array(["sell", "buy"]))
    table = pa.table(
        {
            "account": block.accounts.take(pa.array(orders.account)),
            "asset": names,
            "side": sides,
            "shares": exact(np.abs(orders.change), SHARES),
            "price": exact(price, MONEY),
            "amount": exact(orders.amount, MONEY),
            "fee": exact(orders.fee, MONEY),
            "closes": pa.array(now == 0),
            "reason": pa.DictionaryArray.from_arrays(pa.array(reason), pa.array(REASONS)),
            "cash_after": exact(orders.cash_after, MONEY),
            "phase": pa.array(_phases(decided, orders)),
            "client_order_id": ids_of(decided, orders),
        }
    )
    source = decided.lots.source
    return table if source is None else _with_lots(table, decided, orders, source.today)


def _with_lots(table: pa.Table, decided: DecidedOrders, orders: OrderList, today: dt.date) -> pa.Table:
    """The orders with the gain of their tax lots, and whether they may be wash sales."""
    assets, lots, records = decided.records.assets, decided.lots, decided.records.lots
    warned = warned_rows(lots, decided.checked, today, assets["now"] - assets["quantity"], records)
    places = [
        lots.places(row, account) for row, account in zip(orders.row.tolist(), orders.account.tolist(), strict=True)
    ]
    gains = np.array([records["gain"][place].sum() for place in places], np.int64)
    flags = pa.array([row in warned for row in orders.row.tolist()], pa.bool_())
    return table.append_column("gain", exact(gains, MONEY)).append_column("wash_sale", flags)


def accounts_table(decided: DecidedOrders, orders: OrderList) -> pa.Table:
    """The accounts that did not fail, a row each."""
    good = ~decided.checked.left_out
    accounts = decided.records.accounts
    count = len(accounts)
    fees = np.zeros(count, np.int64)
    np.add.at(fees, orders.account, orders.fee)
    statuses = pa.DictionaryArray.from_arrays(pa.array(accounts["status"].astype(np.int8)), pa.array(STATUSES))
    table = pa.table(
        {
            "account": decided.checked.block.accounts,
            "status": statuses,
            "is_settled": pa.array(accounts["is_settled"].astype(np.bool_)),
            "value_before": exact(accounts["value"], MONEY),
            "cash_before": exact(accounts["cash"], MONEY),
            "value": exact(accounts["value_after"], MONEY),
            "cash": exact(accounts["cash_after"], MONEY),
            "fees": exact(fees, MONEY),
            "orders": pa.array(np.diff(orders.start)),
        }
    )
    return table.filter(pa.array(good))


def targets_table(decided: DecidedOrders) -> pa.Table:
    """The targets of the pass behind the orders, with the shares after them and the reason of each order."""
    order, assets = decided.checked.order, decided.records.assets
    shares, reasons = np.zeros(len(order), np.int64), np.zeros(len(order), np.int8)
    shares[order], reasons[order] = assets["now"], assets["reason"]
    kept = ~np.repeat(decided.checked.left_out, np.diff(decided.checked.block.start))
    table = decided.targets.targets
    table = table.append_column("target_shares", exact(shares[kept], SHARES))
    words = pa.DictionaryArray.from_arrays(pa.array(reasons[kept]), pa.array(REASONS))
    return table.append_column("order_reason", words)


def exact(units: Ints, kind: pa.DataType) -> pa.Array:
    """Whole numbers of small units as Arrow decimals."""
    halves = np.empty((len(units), 2), np.int64)
    halves[:, 0] = units
    halves[:, 1] = halves[:, 0] >> 63  # the sign
    return pa.Array.from_buffers(kind, len(units), [None, pa.py_buffer(halves)])


def _phases(decided: DecidedOrders, orders: OrderList, /) -> Ints:
    """1: sells; 2: buys; 3: buys that the cash of today does not pay, where they wait for it (rules, section 19)."""
    phases = np.where(orders.change > 0, 2, 1)
    if not decided.waits_for_settlement:
        return phases
    accounts = decided.records.accounts
    for account in np.flatnonzero(np.diff(orders.start)).tolist():
        buffer = _portion(_parts_of(float(accounts["cash_buffer"][account])), int(accounts["value_after"][account]))
        left = int(accounts["cash"][account]) - buffer
        for index in range(orders.start[account], orders.start[account + 1]):
            needed = int(orders.amount[index]) + int(orders.fee[index])
            if phases[index] == 2 and needed <= left:
                left -= needed
            elif phases[index] == 2:
                phases[index] = 3
    return phases


def ids_of(decided: DecidedOrders, orders: OrderList) -> pa.Array:
    """The id of each order; the same as by `plan`, in any block."""
    place = orders.row - decided.checked.block.start[orders.account]
    letters = order_ids(_account_digests(decided, np.diff(orders.start) > 0), orders.account, place, orders.change > 0)
    ends = np.arange(len(letters) + 1, dtype=np.int32) * ID_LENGTH
    return pa.StringArray.from_buffers(len(letters), pa.py_buffer(ends), pa.py_buffer(letters))


def _account_digests(decided: DecidedOrders, has_orders: Flags) -> Any:
    """The digest of each account with orders, shape (accounts, 32); 0 for the others."""
    block, records, order = decided.checked.block, decided.records, decided.checked.order
    shared = [shared_digest(limits, decided.rules.settings) for limits in decided.rules.limits.limits]
    texts = block.asset.codes[order], tuple(block.asset.names), block.bucket.codes[order], tuple(block.bucket.names)
    rows = identity_rows(records.assets, records.rows["sizing_input"], *texts)
    names, money = block.accounts.to_pylist(), money_bytes(records.accounts)
    starts, numbers = block.start.tolist(), decided.checked.accounts.limits.tolist()
    digests, table = [bytes(32)] * len(names), decided.rules.limits.exposures
    for account in np.flatnonzero(has_orders).tolist():
        mine = slice(starts[account], starts[account + 1])
        more = decided.lots.identity(account) + decided.partners.identity(account)
        if table is not None:
            more += exposure_bytes(table, names[account], [block.asset.names[code] for code in texts[0][mine].tolist()])
        digests[account] = account_digest(shared[numbers[account]], names[account], money[account], rows[mine], more)
    return np.frombuffer(b"".join(digests), np.uint8).reshape(-1, 32)

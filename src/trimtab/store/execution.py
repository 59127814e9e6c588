"""Fills beside the plan that they belong to: what was executed, and what differs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa

from trimtab.candidates.arrow_values import text_of
from trimtab.candidates.user_table import columns_of
from trimtab.errors import Fault, InputError
from trimtab.orders.columns import decimals_of
from trimtab.store.plan_runs import ORDERS, Stamp
from trimtab.store.record import Kind, Record
from trimtab.store.run_store import RunStore
from trimtab.store.tables import parquet_of, table_of
from trimtab.text import counted

FILLS = "fills.parquet"
_COLUMNS = ("client_order_id", "asset", "side", "shares", "price", "fee")
_SIDES = ("buy", "sell")


@dataclass(frozen=True)
class Fill:
    """A part of an order that was executed."""

    asset: str
    side: str
    shares: Decimal
    price: Decimal
    fee: Decimal


@dataclass(frozen=True)
class Executed:
    """An order and its execution; `shares_planned` is 0 for a trade that no order asked for."""

    asset: str
    side: str
    shares_planned: Decimal
    shares_filled: Decimal
    price_planned: Decimal | None
    price_paid: Decimal | None  # the mean over the fills
    fee_planned: Decimal
    fee_paid: Decimal
    cost: Decimal  # how much worse than planned in money, fees included, of the shares filled

    @property
    def outcome(self) -> str:
        """`as_planned`, `partly`, `not_filled`, `more_than_planned` or `not_planned`."""
        if not self.shares_planned:
            return "not_planned"
        if not self.shares_filled:
            return "not_filled"
        if self.shares_filled < self.shares_planned:
            return "partly"
        return "as_planned" if self.shares_filled == self.shares_planned else "more_than_planned"

    @property
    def sentence(self) -> str:
        """The order and its execution."""
        about = f"{self.side} {self.asset}"
        if self.outcome == "not_planned":
            return f"{about}: {self._filled}; the plan has no such order"
        if self.outcome == "not_filled":
            return f"{about}: none of {self.shares_planned.normalize():f} filled"
        ends = {
            "partly": f"of {self.shares_planned.normalize():f}",
            "as_planned": "as planned",
            "more_than_planned": f"instead of {self.shares_planned.normalize():f}",
        }
        price = "" if self.price_planned is None else f", planned at {self.price_planned.normalize():f}"
        return f"{about}: {self._filled} {ends[self.outcome]}{price}; {self.cost:,.2f} worse than planned"

    @property
    def _filled(self) -> str:
        price = Decimal(0) if self.price_paid is None else self.price_paid
        return f"{self.shares_filled.normalize():f} filled at {price:,.4f}"


def read_fills(table: Any, orders: Sequence[Mapping[str, Any]], source: str = "fills") -> list[Fill]:
    """Fills from a table with `shares`, `price`, and `client_order_id` or `asset` and `side`; `fee` if known.

    Raises
    ------
    InputError
        A row that cannot be used.
    """
    columns, count = columns_of(table, _COLUMNS)
    names = ("shares", "price", *(() if "client_order_id" in columns else ("asset", "side")))
    missing = [name for name in names if name not in columns]
    if missing:
        raise InputError([Fault("the column is missing", "add it", column=name) for name in missing], source)
    ids, assets, sides = (text_of(columns.get(name), name, count).values() for name in _COLUMNS[:3])
    shares, prices, fees = (decimals_of(columns.get(name), name, count) for name in _COLUMNS[3:])
    known = {order["client_order_id"]: order for order in orders}
    fills, faults = [], []
    for row in range(count):
        order = known.get(ids[row] or "")
        asset, side = (order["asset"], order["side"]) if order else (assets[row], (sides[row] or "").strip().lower())
        size, price, fee = shares[row], prices[row], fees[row]
        if not asset:
            faults.append(
                Fault(
                    "is not the id of an order of the plan", "check the run", "client_order_id", row + 1, value=ids[row]
                )
            )
        elif side not in _SIDES:
            faults.append(Fault("is not a side", "write buy or sell", "side", row + 1, value=sides[row]))
        elif size is None or size < 0:
            faults.append(Fault("is not a number of shares", "give 0 or more", "shares", row + 1, value=size))
        elif price is None or price <= 0:
            faults.append(Fault("is not a price", "give what was paid for a share", "price", row + 1, value=price))
        else:
            fills.append(Fill(asset, side, size, price, Decimal(0) if fee is None else fee))
    if faults:
        raise InputError(faults, source)
    return fills


def compared(orders: Sequence[Mapping[str, Any]], fills: Iterable[Fill]) -> list[Executed]:
    """Each order with its fills, in the order of the plan; then the trades that it did not ask for."""
    filled: dict[tuple[str, str], list[Fill]] = defaultdict(list)
    for fill in fills:
        filled[fill.asset, fill.side].append(fill)
    planned = {(order["asset"], order["side"]): order for order in orders}
    both = [(key, order, filled.pop(key, [])) for key, order in planned.items()]
    others = [(key, None, own) for key, own in filled.items()]
    return [_executed(key, order, own) for key, order, own in [*both, *others]]


def _executed(key: tuple[str, str], order: Mapping[str, Any] | None, fills: Sequence[Fill]) -> Executed:
    asset, side = key
    shares = sum((fill.shares for fill in fills), Decimal(0))
    amount = sum((fill.shares * fill.price for fill in fills), Decimal(0))
    fee = sum((fill.fee for fill in fills), Decimal(0))
    price = amount / shares if shares else None
    if order is None:
        return Executed(asset, side, Decimal(0), shares, None, price, Decimal(0), fee, fee)
    sign = 1 if side == "buy" else -1
    fee_due = order["fee"] * min(shares / order["shares"], Decimal(1))
    cost = (amount - shares * order["price"]) * sign + fee - fee_due
    return Executed(asset, side, order["shares"], shares, order["price"], price, order["fee"], fee, cost)


def record_execution(
    store: RunStore, run: Record, table: pa.Table, stamp: Stamp, source: str = "fills"
) -> tuple[Record, list[Executed]]:
    """Record the fills of a plan: the record, and each order with its fills.

    Raises
    ------
    InputError
        Fills that cannot be used, or a run whose contents were pruned.
    """
    orders = table_of(store.content(run, ORDERS)).to_pylist()
    executed = compared(orders, read_fills(table, orders, source))
    tally: dict[str, int] = defaultdict(int)
    for each in executed:
        tally[each.outcome] += 1
    body = {"outcomes": dict(tally), "orders": [_plain(each) for each in executed]}
    draft = stamp.draft(
        Kind.EXECUTION, account=run.account, subject=run.hash, body=body, contents={FILLS: parquet_of(table)}
    )
    return store.append(draft)[0], executed


def summary(executed: Sequence[Executed]) -> str:
    """The outcome in a sentence."""
    as_planned = sum(each.outcome == "as_planned" for each in executed)
    cost = sum((each.cost for each in executed), Decimal(0))
    return f"{as_planned} of {counted(len(executed), 'trade')} filled as planned; {cost:,.2f} worse than planned in all"


def _plain(executed: Executed) -> dict[str, Any]:
    values = {name: None if value is None else str(value) for name, value in asdict(executed).items()}
    return {**values, "outcome": executed.outcome}

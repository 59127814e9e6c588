"""The tax lots of a block of accounts, in the order of its records, and what their sale means."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa

from trimtab.blocks.decide_block import CheckedBlock
from trimtab.errors import InputError
from trimtab.kernel.records import Ints, Records
from trimtab.orders.account_inputs import rest_of
from trimtab.orders.block_records import lot_records
from trimtab.orders.identity import canonical_json
from trimtab.orders.lots_by_account import LotsByAccount
from trimtab.orders.recent_trades import Trade
from trimtab.orders.tax_lots import TaxLot
from trimtab.orders.wash_sales import Changed, wash_sales

_NONE: Ints = np.zeros(0, np.int64)


@dataclass(frozen=True)
class BlockLots:
    """The lots of account i are lots[start[i]:start[i + 1]]; those of its row j begin[j]:end[j] of these."""

    source: LotsByAccount | None = None
    lots: Sequence[TaxLot] = ()
    start: Ints = field(default_factory=lambda: _NONE)
    begin: Ints = field(default_factory=lambda: _NONE)
    end: Ints = field(default_factory=lambda: _NONE)
    row_start: Ints = field(default_factory=lambda: _NONE)  # of each account
    names: Sequence[str] = ()  # of each row
    groups: Sequence[str] = ()
    trades: Mapping[int, tuple[Trade, ...]] = field(default_factory=dict)  # by account, where there are any
    failed: Mapping[int, str] = field(default_factory=dict)  # the reason, by account

    def records(self) -> Records:
        """The lots as the kernel takes them."""
        return lot_records(() if self.source is None else ((lot, lot.is_long(self.source.today)) for lot in self.lots))

    def identity(self, account: int) -> bytes:
        """The part of the identity of its orders that the lots and recent trades of an account add; empty without any."""
        if self.source is None or (self.start[account] == self.start[account + 1] and account not in self.trades):
            return b""
        rows = range(int(self.row_start[account]), int(self.row_start[account + 1]))
        own = {self.names[row]: lots for row in rows if (lots := self.of(row, account))}
        groups = [self.groups[row] for row in rows]
        return canonical_json(rest_of(own, self.trades.get(account, ()), self.source.today, groups)).encode()

    def of(self, row: int, account: int) -> Sequence[TaxLot]:
        """The lots of a row."""
        return self.lots[self.places(row, account)]

    def places(self, row: int, account: int) -> slice:
        """The places of the lots of a row among those of all accounts."""
        first = int(self.start[account])
        return slice(first + int(self.begin[row]), first + int(self.end[row]))


NO_LOTS = BlockLots()


def block_lots(source: LotsByAccount, checked: CheckedBlock, quantity: Ints, table: pa.Table) -> BlockLots:
    """Read the lots of every account; `quantity`: the shares of each row, in canonical order like everything here."""
    block, order = checked.block, checked.order
    names = [str(block.asset.at(int(row))) for row in order]
    named = table.column("group").to_pylist() if "group" in table.column_names else [None] * len(names)
    groups = [named[int(row)] or name for row, name in zip(order, names, strict=True)]
    every: list[TaxLot] = []
    start, begin, end = [0], np.zeros(len(names), np.int64), np.zeros(len(names), np.int64)
    failed, trades, left_out = dict[int, str](), dict[int, tuple[Trade, ...]](), checked.left_out
    accounts = block.accounts.to_pylist()
    for account, name in enumerate(accounts):
        rows = range(int(block.start[account]), int(block.start[account + 1]))
        own: Mapping[str, Sequence[TaxLot]] = {}
        if not left_out[account]:
            held: Any = [SimpleNamespace(asset=names[row], quantity=int(quantity[row])) for row in rows]
            try:
                own = source.lots_of(name, held)
            except InputError as error:
                failed[account] = str(error)
        first = len(every)
        for row in rows:
            begin[row] = len(every) - first
            every += own.get(names[row], ())
            end[row] = len(every) - first
        start.append(len(every))
        recent = source.trades_of(name)
        if recent:
            trades[account] = recent
    return BlockLots(source, every, np.array(start, np.int64), begin, end, block.start, names, groups, trades, failed)


def warned_rows(lots: BlockLots, checked: CheckedBlock, today: dt.date, change: Ints, decided: Records) -> set[int]:
    """The rows whose orders may be wash sales; `change`: of the shares of each row, `decided`: the lots after the kernel."""
    warned: set[int] = set()
    left_out = checked.left_out
    for account in range(len(left_out)):
        has_any = lots.start[account + 1] > lots.start[account] or account in lots.trades
        if left_out[account] or not has_any:
            continue
        rows = range(int(checked.block.start[account]), int(checked.block.start[account + 1]))
        changed = [
            Changed(
                row,
                lots.groups[row],
                int(change[row]),
                lots.of(row, account),
                decided[lots.places(row, account)],
            )
            for row in rows
        ]
        warned |= wash_sales(changed, lots.trades.get(account, ()), today)
    return warned

"""Tax lots and recent trades of many accounts, read as `plan` reads those of one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from trimtab.candidates.user_table import columns_of
from trimtab.errors import Fault, InputError, nearest
from trimtab.orders.account_table import Instrument
from trimtab.orders.recent_trades import Trade, read_trades
from trimtab.orders.tax_lots import COLUMNS, TaxLot, read_tax_lots
from trimtab.orders.tax_records import TaxRecords

SOURCE = "tax_lots"


@dataclass(frozen=True)
class LotsByAccount:
    """The purchases that holdings are made up of, and recent trades, by account; trades without an account count for all."""

    lots: Mapping[Any, Sequence[Mapping[str, Any]]]
    rows: Mapping[Any, Sequence[int]]  # of the table that these lots came from
    trades: Mapping[Any, Sequence[Trade]]
    today: dt.date
    needed: bool  # every holding must have its lots

    def lots_of(self, account: Any, instruments: Sequence[Instrument]) -> Mapping[str, Sequence[TaxLot]]:
        """The tax lots of each asset of an account, by date and then by id.

        Raises
        ------
        InputError
            As in `read_tax_lots`; rows are those of the whole table.
        """
        rows = self.rows.get(account, ())
        try:
            return read_tax_lots(self.lots.get(account), instruments, needed=self.needed, today=self.today)
        except InputError as error:
            faults = [
                replace(fault, account=account, row=None if fault.row is None else rows[fault.row - 1] + 1)
                for fault in error.faults
            ]
            raise InputError(faults, SOURCE) from None

    def arguments(self, account: Any) -> dict[str, Any]:
        """The tax lots, recent trades and day of an account, as `plan` takes them."""
        trades = [asdict(trade) for trade in self.trades_of(account)]
        return {"tax_lots": TaxRecords(self.lots.get(account), trades or None), "today": self.today}

    def trades_of(self, account: Any) -> tuple[Trade, ...]:
        """The recent trades that count for an account."""
        return (*self.trades.get(None, ()), *self.trades.get(account, ()))


def read_lots_by_account(
    taxes: TaxRecords, today: dt.date, accounts: Collection[Any], *, needed: bool
) -> LotsByAccount:
    """Tax lots with a column `account`, and recent trades that may have one.

    Raises
    ------
    InputError
        A missing column, an account without candidates, or a trade that cannot be used.
    """
    rows: dict[Any, list[int]] = {}
    lots: dict[Any, list[dict[str, Any]]] = {}
    if taxes.lots is not None:
        columns, _ = columns_of(taxes.lots, ("account", *COLUMNS))
        if "account" not in columns:
            raise account_missing()
        values = {name: column if isinstance(column, list) else column.to_list() for name, column in columns.items()}
        names = values.pop("account")
        rows = _rows_of(names, accounts, SOURCE)
        for name, row in zip(names, zip(*values.values(), strict=True), strict=True):
            lots.setdefault(name, []).append(dict(zip(values, row, strict=True)))
    trades: dict[Any, list[Trade]] = {}
    if taxes.recent is not None:
        columns, count = columns_of(taxes.recent, ("account", "group", "date", "kind"))
        own = columns.get("account", [None] * count)
        names = own if isinstance(own, list) else own.to_list()
        _rows_of([name for name in names if name is not None], accounts, "recent")
        for name, trade in zip(names, read_trades(taxes.recent, today), strict=True):
            trades.setdefault(name, []).append(trade)
    return LotsByAccount(lots, rows, trades, today, needed)


def account_missing() -> InputError:
    """Lots without a column of accounts."""
    return InputError([Fault("the column is missing", "name the account of each lot", column="account")], SOURCE)


def account_unknown(name: Any, row: int, accounts: Collection[Any], source: str = SOURCE) -> InputError:
    """An account that nothing else names."""
    advice = nearest(str(name), [str(each) for each in accounts])
    return InputError([Fault("the account is unknown", advice, column="account", row=row + 1, value=name)], source)


def _rows_of(names: Sequence[Any], accounts: Collection[Any], source: str) -> dict[Any, list[int]]:
    rows: dict[Any, list[int]] = {}
    for row, name in enumerate(names):
        if name not in accounts:
            raise account_unknown(name, row, accounts, source)
        rows.setdefault(name, []).append(row)
    return rows

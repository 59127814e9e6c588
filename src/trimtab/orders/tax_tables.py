"""Tax lots of many accounts in one Arrow table, of which a block takes those of its accounts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from trimtab.kernel.records import Ints
from trimtab.orders.lots_by_account import LotsByAccount, account_missing, account_unknown, read_lots_by_account
from trimtab.orders.tax_records import TaxRecords

_NO_ROWS: Ints = np.zeros(0, np.int64)


@dataclass(frozen=True, eq=False)
class TaxTables:
    """The tax lots of many accounts, and their recent trades; `rows` are those of each account in `lots`."""

    lots: pa.Table | None
    rows: Mapping[Any, Ints]
    recent: LotsByAccount  # without lots

    @classmethod
    def of(cls, taxes: TaxRecords, today: dt.date, accounts: Collection[Any], *, needed: bool) -> TaxTables:
        """Lots and trades in Arrow tables, as `read_lots_by_account` takes them.

        Raises
        ------
        InputError
            A missing column, an account that is not among `accounts`, or a trade that cannot be used.
        """
        recent = read_lots_by_account(TaxRecords(None, taxes.recent), today, accounts, needed=needed)
        if taxes.lots is None:
            return cls(None, {}, recent)
        if "account" not in taxes.lots.column_names:
            raise account_missing()
        rows = _rows_by_account(taxes.lots.column("account"))
        unknown = [name for name in rows if name not in accounts]
        if unknown:
            raise account_unknown(unknown[0], int(rows[unknown[0]][0]), accounts)
        return cls(taxes.lots, rows, recent)

    def of_accounts(self, names: Sequence[Any]) -> LotsByAccount:
        """The lots and trades of some accounts."""
        if self.lots is None:
            return self.recent
        chosen = np.concatenate([_NO_ROWS, *(self.rows[name] for name in names if name in self.rows)])
        taxes, today = TaxRecords(self.lots.take(pa.array(chosen))), self.recent.today
        own = read_lots_by_account(taxes, today, set(names), needed=self.recent.needed)
        rows = {name: [int(chosen[row]) for row in places] for name, places in own.rows.items()}
        return replace(self.recent, lots=own.lots, rows=rows)


def _rows_by_account(column: pa.ChunkedArray) -> dict[Any, Ints]:
    """The rows of each account, in their order."""
    encoded = column.combine_chunks().dictionary_encode("encode")
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    order = np.argsort(codes, kind="stable")
    ends = np.searchsorted(codes[order], np.arange(len(encoded.dictionary) + 1))
    return {name: order[ends[number] : ends[number + 1]] for number, name in enumerate(encoded.dictionary.to_pylist())}

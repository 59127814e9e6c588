"""A file with one row per asset: its asset column under any accepted name, and the rows of one account."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from trimtab.candidates.user_table import asset_column
from trimtab.errors import Fault, InputError, listed, nearest
from trimtab.files.table_files import StrPath, read_table, source_of
from trimtab.symbols.aliases import Aliases

ACCOUNT = "account"


@dataclass(frozen=True)
class CandidateFile:
    """The table in a file, its column of assets named `asset`.

    `rows` are the places of its rows in the file, from 1, if it is one account of several.
    """

    source: str
    table: pa.Table
    asset_name: str = "asset"
    rows: Sequence[int] | None = None

    def of_account(self, account: str) -> CandidateFile:
        """The rows of one account.

        Raises
        ------
        InputError
            There is no column `account`, or no row of this account.
        """
        if ACCOUNT not in self.table.column_names:
            raise InputError([Fault("the column is missing", "leave out --account", column=ACCOUNT)], self.source)
        names = self.table[ACCOUNT].cast(pa.string())
        mine = pc.fill_null(pc.equal(names, account), fill_value=False)
        rows = pc.add(pc.indices_nonzero(mine), pa.scalar(1, pa.uint64())).to_pylist()
        if not rows:
            advice = nearest(account, accounts_of(self.table))
            raise InputError([Fault("there is no such account", advice, column=ACCOUNT, value=account)], self.source)
        return replace(self, table=self.table.filter(mine), rows=rows)

    def names(self) -> list[str | None]:
        """The assets as written, or an empty list without the column. Values that are not text are refused later."""
        return self.table["asset"].to_pylist() if "asset" in self.table.column_names else []

    def in_spelling(self, aliases: Aliases, known: Collection[str | None] = ()) -> tuple[CandidateFile, dict[str, str]]:
        """The file with the spelling of `known` assets, and the names that changed: old to new.

        Raises
        ------
        InputError
            Two spellings of one asset, or a name that may mean several.
        """
        try:
            aliases.check_once(self.names())
            renamed = aliases.matched(self.names(), known)
        except InputError as error:
            raise InputError([self.located(fault) for fault in error.faults]) from None
        if not renamed.changes:
            return self, {}
        column = self.table.column_names.index("asset")
        assets = pa.array(renamed.names, pa.string())
        return replace(self, table=self.table.set_column(column, "asset", assets)), dict(renamed.changes)

    def located(self, fault: Fault) -> Fault:
        """A fault of the table, placed in the file."""
        if fault.source is not None:
            return fault
        row = fault.row if fault.row is None or self.rows is None else self.rows[fault.row - 1]
        column = self.asset_name if fault.column == "asset" else fault.column
        return replace(fault, source=self.source, row=row, column=column)


def accounts_of(table: pa.Table) -> list[str]:
    """The accounts in a table, in the order of its rows; none without the column `account`."""
    if ACCOUNT not in table.column_names:
        return []
    return [str(name) for name in table[ACCOUNT].drop_null().unique().to_pylist()]


def check_single(table: pa.Table, source: str) -> None:
    """Refuse a table of several accounts.

    Raises
    ------
    InputError
        Which accounts there are, and how to pick one.
    """
    accounts = accounts_of(table)
    if len(accounts) > 1:
        advice = f"pick one with --account NAME ({listed(accounts)}), or decide all of them with `trimtab batch`"
        problem = f"there are {len(accounts)} accounts, and this command takes one"
        raise InputError([Fault(problem, advice, column=ACCOUNT)], source)


def read_candidate_file(path: StrPath, *, may_be_empty: bool = False) -> CandidateFile:
    """A file of assets; the column `asset` may also be called `symbol` or `ticker`, in any case.

    A table without rows is refused unless it `may_be_empty`.

    Raises
    ------
    InputError
        What `read_table` refuses.
    """
    table, asset_name = named_columns(read_table(path, may_be_empty=may_be_empty))
    return CandidateFile(source_of(path), table, asset_name)


def named_columns(table: pa.Table) -> tuple[pa.Table, str]:
    """A table with its column of assets named `asset`, and the name that the column had."""
    names = table.column_names
    asset_name = asset_column(names) or "asset"
    return table.rename_columns(["asset" if name == asset_name else name for name in names]), asset_name

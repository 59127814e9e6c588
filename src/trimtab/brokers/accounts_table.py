"""All accounts of a broker's file as one table of weights: what `trimtab batch --holdings` takes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from trimtab.brokers.holdings import HELD, Given, held
from trimtab.brokers.positions import Positions
from trimtab.errors import InputError
from trimtab.symbols.aliases import Aliases

_ADVICE = "write the file with `trimtab import FILE --out positions.csv`, add what is missing, and give that file"


def weights_of(
    positions: Positions, aliases: Aliases, known: Collection[str | None] = ()
) -> tuple[pa.Table, tuple[str, ...]]:
    """Account, asset, current_weight and restriction of every account, with the notes of all.

    Weights are fractions of an account's positions and cash; names are in the spelling of `known` assets. An account with
    nothing but cash has one row without an asset.

    Raises
    ------
    InputError
        Everything unknown, of all accounts in one list: cash, prices, rates; names that may mean several assets.
    """
    names = positions.account_names or [None]
    tables, notes, faults = [], [], []
    for name in names:
        label = name or Path(positions.source).stem
        try:
            account = held(positions, None if len(names) == 1 else name or "none", Given())
            file, _ = account.in_weights().in_spelling(aliases, known)
        except InputError as error:
            own = [replace(fault, source=fault.source or positions.source, account=label) for fault in error.faults]
            faults += [replace(fault, advice=_ADVICE) if "--" in fault.advice else fault for fault in own]
            continue
        notes += [f"{label}: {note}" for note in account.notes if "(no_trade)" not in note]
        tables.append(_rows(file.table, label))
    if faults:
        raise InputError(faults)
    return pa.concat_tables(tables), tuple(notes)


def _rows(table: pa.Table, account: str) -> pa.Table:
    if not table.num_rows:
        nothing = {"asset": [None], "current_weight": [0.0], f"{HELD}restriction": [None]}
        table = pa.Table.from_pydict(nothing, table.schema)
    columns = [name.removeprefix(HELD) for name in table.column_names]
    return table.rename_columns(columns).add_column(0, "account", pa.array([account] * table.num_rows, pa.string()))

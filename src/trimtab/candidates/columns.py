"""A user's table -> typed columns. Whatever is wrong with a table as a whole is found here."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trimtab.bucket_path import bucket_name
from trimtab.candidates.arrow_values import Text, arrow_of, is_text, numbers_of, readable, text_of, wrong_type
from trimtab.candidates.user_table import columns_of, folded_name, near_name
from trimtab.errors import Fault, InputError
from trimtab.kernel.records import Floats, Ints

REQUIRED = ("asset", "score")
NUMBERS = ("score", "current_weight", "max_weight", "desired_weight", "volatility")
TEXTS = ("asset", "bucket", "restriction")
COLUMNS = ("account", *TEXTS, *NUMBERS)
# Columns of holdings that trimtab does not read: what to do.
_RENAME = "rename it, if it has fractions of the account's value; or add 'current_weight', 0 where nothing is held"
_DIVIDE = "add 'current_weight': shares times price, divided by the account's value (0 where nothing is held)"
_HOLDING_NAMES = {
    **dict.fromkeys(
        ("weight", "weights", "portfolio_weight", "actual_weight", "pct", "percent", "allocation"), _RENAME
    ),
    **dict.fromkeys(("shares", "quantity", "qty", "units", "market_value", "position_value"), _DIVIDE),
    "target_weight": "rename it, if these trades are done; or add 'current_weight', 0 where nothing is held",
}
OUTPUTS = ("target_weight", "action", "reason", "size_reason", "proposed_weight")


@dataclass(frozen=True)
class RawColumns:
    """A table of candidates, typed but not yet checked. Columns have shape (rows,); NaN = no number.

    `account_of` numbers the accounts in the order of their first rows. Every row has a bucket, `Unknown` by default.
    """

    names: tuple[str, ...]
    accounts: list[Any]
    account_of: Ints
    asset: Text
    bucket: Text
    restriction: Text
    score: Floats
    current_weight: Floats
    max_weight: Floats
    desired_weight: Floats
    volatility: Floats

    @property
    def size(self) -> int:
        """The number of rows."""
        return len(self.account_of)


def load(table: Any, *, many: bool) -> RawColumns:
    """The columns of a table of candidates. `many`: it must have the column `account`.

    Raises
    ------
    InputError
        No table, a missing or misspelled column, a column of the wrong type, a row without account.
    """
    columns, count = columns_of(table, COLUMNS)
    check_names(columns, many=many)
    with readable("account", "text"):
        accounts, account_of = accounts_of(columns.get("account"), count)
    asset, bucket, restriction = (text_of(columns.get(name), name, count) for name in TEXTS)
    numbers = {
        name: numbers_of(columns.get(name), name, count, 0.0 if name == "current_weight" else math.nan)
        for name in NUMBERS
    }
    return RawColumns(tuple(columns), accounts, account_of, asset, with_unknown(bucket), restriction, **numbers)


def with_unknown(bucket: Text) -> Text:
    """The same buckets, `Unknown` for missing ones, each name once."""
    names = [bucket_name(name) for name in [*bucket.names, None]]
    unique = list(dict.fromkeys(names))
    number = {name: index for index, name in enumerate(unique)}
    return Text(np.array([number[name] for name in names], np.int64)[bucket.codes], unique)


def check_names(columns: Iterable[str], *, many: bool) -> None:
    """Refuse missing and misspelled columns, and holdings under another name."""
    names = list(columns)
    faults = []
    for name in (*(("account",) if many else ()), *REQUIRED):
        if name not in names:
            near = near_name(name, [other for other in names if other not in COLUMNS])
            listed = ", ".join(map(repr, names)) or "none"
            advice = f"is {near!r} meant? Rename it" if near else f"add it; the table has {listed}"
            faults.append(Fault("the column is missing", advice, column=name))
    for name in names:
        holding = None if "current_weight" in names else _HOLDING_NAMES.get(folded_name(name))
        if holding:
            problem = "seems to hold the holdings, but trimtab reads them from 'current_weight'"
            faults.append(Fault(problem, holding, column=name))
        elif name not in (*COLUMNS, *OUTPUTS):
            near = near_name(name, [known for known in COLUMNS if known not in names and known not in REQUIRED])
            if near:
                advice = f"did you mean {near!r}? Rename or drop it"
                faults.append(Fault("the column is unknown", advice, column=name))
    if faults:
        raise InputError(faults)


def accounts_of(column: Any, count: int) -> tuple[list[Any], Ints]:
    """The accounts in the order of their first row, and the account of each row."""
    if column is None:
        return [None], np.zeros(count, np.int64)
    array = arrow_of(column, "account", numeric=False)
    if array.null_count:
        row = array.is_valid().to_pylist().index(False)
        advice = "name the account of every row"
        raise InputError([Fault("the account is missing", advice, column="account", row=row + 1)])
    if not (is_text(array.type) or pa.types.is_integer(array.type)):
        raise wrong_type(array, "account", f"is neither text nor a whole number but {array.type}", "convert the column")
    encoded = pc.dictionary_encode(array.cast(pa.large_string()) if is_text(array.type) else array)
    accounts = encoded.dictionary.to_pylist()
    account_of = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    for index, account in enumerate(accounts):
        if isinstance(account, str) and (not account or account != account.strip()):
            problem, advice = "the account is empty or has spaces around it", "write its name without them"
            row = int(np.argmax(account_of == index))
            raise InputError([Fault(problem, advice, column="account", row=row + 1, value=account)])
    return accounts, account_of

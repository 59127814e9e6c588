"""An Arrow table as arrays of codes and numbers for compiled code, without a Python object per row.

Text is read as codes of a dictionary, as Parquet keeps it, so every name is handled once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trimtab.blocks.block_exposures import JoinedExposures
from trimtab.blocks.precheck import starts_of
from trimtab.candidates.arrow_values import Text, is_number, is_text
from trimtab.candidates.checks import RESTRICTIONS
from trimtab.candidates.columns import NUMBERS, TEXTS, check_names
from trimtab.candidates.user_table import repeated
from trimtab.errors import Fault, InputError
from trimtab.kernel.block import Columns
from trimtab.kernel.records import Floats, Ints, Records

LIMITS_ID = "limits_id"
COLUMNS = ("account", LIMITS_ID, *TEXTS, *NUMBERS)


@dataclass(frozen=True)
class BlockColumns:
    """The rows of whole accounts, one after another. Columns have shape (rows,); codes are -1 where there is no text.

    Account i, named `accounts[i]`, has the rows start[i] to start[i + 1].
    """

    table: pa.Table
    accounts: pa.Array
    start: Ints
    account_column: pa.Array
    asset_column: pa.Array
    asset: Text
    bucket: Text
    limits: Text
    restriction: Records  # code in RESTRICTIONS, -1 if unknown
    score: Floats
    current_weight: Floats
    max_weight: Floats  # NaN = none
    desired_weight: Floats
    volatility: Floats
    exposures: JoinedExposures | None = None  # None if exposures are not limited

    @property
    def size(self) -> int:
        """The number of rows."""
        return len(self.asset.codes)

    @property
    def columns(self) -> Columns:
        """The columns as compiled code takes them."""
        return Columns(
            asset=self.asset.codes,
            bucket=self.bucket.codes,
            restriction=self.restriction,
            score=self.score,
            current_weight=self.current_weight,
            max_weight=self.max_weight,
            desired_weight=self.desired_weight,
            volatility=self.volatility,
        )


def read_block_columns(table: pa.Table) -> BlockColumns:
    """The columns of a table of candidates in which the rows of each account come together.

    Raises
    ------
    InputError
        A missing or misspelled column, a column of the wrong type, a row without account, an account in two places.
    """
    check_columns(table.schema)
    count = table.num_rows
    account_codes, account_column = text_codes(table, "account")
    start = starts_of(account_codes)
    first = account_codes[start[:-1]]
    check_account_names(account_codes, account_column.dictionary, first)
    _check_together(first, account_column.dictionary)
    accounts = account_column.dictionary.take(pa.array(first))
    asset_codes, asset_column = text_codes(table, "asset")
    restriction = text_column(table, "restriction")
    known = {code: number for number, code in enumerate(RESTRICTIONS)}
    of_code = np.array([*(known.get(name, -1) for name in restriction.names), 0], np.int8)
    numbers: dict[str, Any] = {
        name: number_column(table, name, 0.0 if name == "current_weight" else math.nan) for name in NUMBERS
    }
    return BlockColumns(
        table=table,
        accounts=accounts,
        start=start,
        account_column=account_column,
        asset_column=asset_column,
        asset=Text(asset_codes, asset_column.dictionary.to_pylist()),
        bucket=text_column(table, "bucket"),
        limits=text_column(table, LIMITS_ID),
        restriction=of_code[restriction.codes] if restriction.names else np.zeros(count, np.int8),
        **numbers,
    )


def check_columns(schema: pa.Schema, *, many: bool = True) -> None:
    """Refuse a table in which no account can be read, by the names and types of its columns. `many`: it has accounts.

    Raises
    ------
    InputError
        A missing or misspelled column, one that appears twice, or a column of the wrong type.
    """
    twice = repeated(schema.names)
    if twice:
        raise InputError(twice)
    check_names([name for name in schema.names if name != LIMITS_ID], many=many)
    faults = []
    for name in COLUMNS:
        if name not in schema.names or pa.types.is_null(schema.field(name).type):
            continue
        kind = value_type(schema.field(name).type)
        if name in NUMBERS and not is_number(kind):
            faults.append(Fault(f"is not a number but {kind}", "convert the column to numbers", column=name))
        elif name == "account" and not (is_text(kind) or pa.types.is_integer(kind)):
            faults.append(Fault(f"is neither text nor a whole number but {kind}", "convert the column", column=name))
        elif name not in {"account", *NUMBERS} and not is_text(kind):
            faults.append(Fault(f"is not text but {kind}", "convert the column to text", column=name))
    if faults:
        raise InputError(faults)


def value_type(kind: pa.DataType) -> pa.DataType:
    """The type of the values of a dictionary; every other type is itself."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def check_account_names(codes: Ints, names: pa.Array, first: Ints, rows_before: int = 0) -> None:
    """Refuse rows without an account, and accounts without a clean name.

    `codes` (rows,) point into `names`; `first` are those of the accounts, one after another.

    Raises
    ------
    InputError
        For the first of them.
    """
    if (codes < 0).any():
        row = rows_before + int(np.argmax(codes < 0)) + 1
        raise InputError([Fault("the account is missing", "name the account of every row", column="account", row=row)])
    if is_text(names.type):
        trimmed = pc.utf8_trim_whitespace(names.cast(pa.string()))
        loose = pc.or_(pc.not_equal(trimmed, names.cast(pa.string())), pc.equal(trimmed, ""))
        if pc.any(pc.take(loose, pa.array(first))).as_py():
            bad = next(code for code in first.tolist() if loose[code].as_py())
            problem, advice = "the account is empty or has spaces around it", "write its name without them"
            raise InputError([Fault(problem, advice, column="account", value=names[bad].as_py())])


def _check_together(first: Ints, names: pa.Array) -> None:
    """Refuse an account in two places."""
    ranked = np.sort(first)
    again = ranked[1:][ranked[1:] == ranked[:-1]]
    if again.size:
        problem, advice = "the rows of the account are apart", "sort the rows by account"
        raise InputError([Fault(problem, advice, column="account", value=names[int(again[0])].as_py())])


def text_column(table: pa.Table, name: str) -> Text:
    """A column of text as codes; all missing if the column is absent."""
    if name not in table.column_names or pa.types.is_null(table.schema.field(name).type):
        return Text(np.full(table.num_rows, -1, np.int32), [])
    codes, column = text_codes(table, name)
    return Text(codes, column.dictionary.to_pylist())


def text_codes(table: pa.Table, name: str) -> tuple[Ints, pa.DictionaryArray]:
    """A column as codes (rows,), -1 for missing, and its distinct names as one dictionary array."""
    column = table.column(name)
    if pa.types.is_null(column.type):
        column = column.cast(pa.string())
    if pa.types.is_dictionary(column.type):
        column = pa.chunked_array([_plain(chunk) for chunk in column.chunks])
        if not all(map(_is_clean, column.chunks)):
            column = column.cast(column.type.value_type)
    column = column.unify_dictionaries().combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    if not pa.types.is_dictionary(column.type):
        column = pc.dictionary_encode(column.cast(pa.string()) if is_text(column.type) else column)
    codes = column.indices if column.indices.null_count == 0 else pc.fill_null(column.indices, -1)
    return codes.to_numpy(zero_copy_only=False).astype(np.int32), column


def _plain(column: pa.DictionaryArray) -> pa.DictionaryArray:
    """The same with signed codes wide enough for the names of all chunks, and names of a type that Arrow can look
    up.
    """
    names, codes = column.dictionary, column.indices
    if codes.type == pa.int32() and not pa.types.is_string_view(names.type):
        return column
    if pa.types.is_string_view(names.type):
        names = names.cast(pa.string())
    return pa.DictionaryArray.from_arrays(codes.cast(pa.int32()), names)


def _is_clean(column: pa.DictionaryArray) -> bool:
    """Whether names in the dictionary are unique and not missing."""
    names = column.dictionary
    return names.null_count == 0 and len(names.unique()) == len(names)


def number_column(table: pa.Table, name: str, default: float) -> Floats:
    """A column of numbers, NaN for missing; without the column, the default in every row."""
    if name not in table.column_names:
        return np.full(table.num_rows, default)
    column = table.column(name)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_null(column.type):
        return np.full(table.num_rows, math.nan)
    numbers, row = np.empty(table.num_rows), 0
    for chunk in column.cast(pa.float64(), safe=False).chunks:
        numbers[row : row + len(chunk)] = chunk.to_numpy(zero_copy_only=False)
        row += len(chunk)
    return numbers

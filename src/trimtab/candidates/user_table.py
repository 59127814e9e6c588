"""The user's table, of any library: its columns, its rows, and columns added to it.

A table comes in as pandas, polars or pyarrow (through narwhals) or as a list of dicts, and leaves as the same kind.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import narwhals.stable.v2 as nw
import pyarrow as pa
from narwhals.exceptions import DuplicateError
from narwhals.stable.v2 import dependencies

from trimtab.errors import Fault, InputError
from trimtab.kernel.records import Ints

ASSET = "asset"
ASSET_NAMES = (ASSET, "symbol", "ticker")


@runtime_checkable
class CarriesTable(Protocol):
    """An answer that is more than a table, such as what `technical_scores` returns."""

    table: Any


def table_in(table: Any) -> Any:
    """A table as given, or the one inside an answer."""
    if isinstance(table, list) or dependencies.is_into_dataframe(table) or not isinstance(table, CarriesTable):
        return table
    return table.table


class ReadColumns(NamedTuple):
    """The columns of a table that several readers share, as `columns_of` gives them."""

    columns: dict[str, Any]
    rows: int


def columns_of(table: Any, known: Sequence[str]) -> tuple[dict[str, Any], int]:
    """The columns that came in, by name, as lists or as narwhals has them; and the number of rows.

    `known`: the names that have a meaning; in a list of dicts a key close to one of these is refused where only some
    rows have it.
    """
    if isinstance(table, ReadColumns):
        return table
    if isinstance(table, list):
        return _with_assets(_columns_of_dicts(table, known), known), len(table)
    try:
        frame = nw.from_native(_with_index(table, known), eager_only=True)
    except TypeError:
        advice = "give a pandas, polars or pyarrow table, or a list of dicts"
        raise InputError([Fault(f"a {type(table).__name__} is not a table", advice)]) from None
    except DuplicateError:
        names = list(table.column_names if isinstance(table, pa.Table) else table.columns)
        raise InputError(repeated(names)) from None
    return _with_assets({name: frame.get_column(name) for name in frame.columns}, known), len(frame)


def _with_index(table: Any, known: Sequence[str]) -> Any:
    """A pandas table with the levels of its index as columns that have a meaning and are not among the columns."""
    if not dependencies.is_pandas_dataframe(table):
        return table
    names = [name for name in table.index.names if name in (*known, *ASSET_NAMES) and name not in table.columns]
    return table.reset_index(level=names) if names else table


def _with_assets(columns: dict[str, Any], known: Sequence[str]) -> dict[str, Any]:
    """The columns, that of the assets called `asset`: it may also be `symbol` or `ticker`, in any case."""
    if ASSET not in known or ASSET in columns:
        return columns
    own = asset_column(list(columns))
    return {ASSET if name == own else name: column for name, column in columns.items()}


def asset_column(names: Sequence[str]) -> str | None:
    """The column of assets: the first of `asset`, `symbol` and `ticker` that there is, in any case; None without one."""
    folded = {str(name).strip().casefold(): name for name in reversed(names)}
    return next((folded[name] for name in ASSET_NAMES if name in folded), None)


def _columns_of_dicts(rows: list[Any], known: Sequence[str]) -> dict[str, list[Any]]:
    wrong = next((index for index, row in enumerate(rows) if not isinstance(row, dict)), None)
    if wrong is not None:
        advice = "give a list of dicts, one for each row"
        raise InputError([Fault("is not a dict", advice, row=wrong + 1, value=rows[wrong])])
    names = dict.fromkeys(name for row in rows for name in row)
    _refuse_misspelled_keys(rows, [name for name in names if name not in known], known)
    absent = {
        "current_weight": 0.0,
        "fraction": 1.0,
    }  # a key that a row does not have is the default, an explicit None is missing
    return {name: [row.get(name, absent.get(name)) for row in rows] for name in names}


def _refuse_misspelled_keys(rows: list[dict[str, Any]], unknown: list[str], known: Sequence[str]) -> None:
    """Refuse a misspelled key of single rows: the others have the column, so it would pass for one of the user's own."""
    for name in unknown:
        index, row = next((index, row) for index, row in enumerate(rows) if name in row)
        near = near_name(name, [other for other in known if other not in row and any(other in each for each in rows)])
        if near:
            advice = f"did you mean {near!r}? Rename or drop it"
            raise InputError([Fault("the key is unknown", advice, column=name, row=index + 1, value=row[name])])


def repeated(names: Sequence[str]) -> list[Fault]:
    """The first column that appears twice, as a fault; empty without one."""
    twice = [name for index, name in enumerate(names) if name in names[:index]]
    return [Fault("appears twice in the table", "rename or drop one of the two", column=name) for name in twice[:1]]


def near_name(name: str, others: Sequence[str]) -> str | None:
    """The one of `others` that `name` is probably meant to be."""
    folded = {folded_name(other): other for other in reversed(others)}
    near = difflib.get_close_matches(folded_name(name), folded, n=1, cutoff=0.8)
    return folded[near[0]] if near else None


def folded_name(name: str) -> str:
    """A column's name as it compares."""
    return str(name).strip().casefold().replace(" ", "_").replace("-", "_")


def take_rows(native: Any, rows: Ints) -> Any:
    """Some rows of a table, of the same kind."""
    if isinstance(native, list):
        return [native[row] for row in rows]
    return nw.from_native(native, eager_only=True)[rows.tolist()].to_native()


def without_columns(native: Any, names: Iterable[str]) -> Any:
    """A table without some of its columns, of the same kind."""
    dropped = set(names)
    if isinstance(native, list):
        return [{name: value for name, value in row.items() if name not in dropped} for row in native]
    return nw.from_native(native, eager_only=True).drop(*dropped).to_native()


def with_columns(native: Any, added: dict[str, Any]) -> Any:
    """A new table of the same kind with columns (shape (rows,)) appended; they replace columns of the same names. The
    old table is not changed.
    """
    if isinstance(native, list):
        lists = {name: values.tolist() for name, values in added.items()}
        kept_rows = ({name: value for name, value in row.items() if name not in added} for row in native)
        return [{**row, **{name: lists[name][index] for name in lists}} for index, row in enumerate(kept_rows)]
    frame = nw.from_native(native, eager_only=True)
    replaced = [name for name in frame.columns if name in added]
    frame = frame.drop(replaced) if replaced else frame
    if frame.implementation.is_pandas():  # one insertion: five would cost as much as everything else
        kept, pandas = frame.to_native(), frame.implementation.to_native_namespace()
        return pandas.concat([kept, pandas.DataFrame(added, index=kept.index)], axis=1)
    series = [nw.new_series(name, values.tolist(), backend=frame.implementation) for name, values in added.items()]
    return frame.with_columns(*series).to_native()

"""Any table -> a polars frame with columns of known types. Unusable tables are refused here.

Nothing is guessed: dates are ISO days, names are text, numbers are numbers. A column of an unusable type (an interval,
a list) is an error only if it is needed.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from narwhals.exceptions import DuplicateError
from narwhals.stable.v2 import dependencies

from trimtab.candidates.arrow_values import AS_TEXT
from trimtab.decimals import decimal_of, is_ambiguous, ungrouped
from trimtab.errors import Fault, InputError, nearest
from trimtab.files.table_files import read_table

Date = dt.date | str
SYMBOL_NAMES = ("symbol", "asset", "ticker")
EARLIEST, LATEST = dt.date(1800, 1, 1), dt.date(2200, 1, 1)
_DAY = r"^\d{4}-\d{2}-\d{2}([T ]00:00(:00(\.0+)?)?)?$"
_MOST_FAULTS = 100
_TEXTS = (pl.String, pl.Categorical, pl.Enum)
_KINDS = "a path, a pandas, polars or pyarrow table, a DuckDB relation, or a list of dicts"
_UNREADABLE = (
    pa.ArrowException,
    TypeError,
    ValueError,
    OverflowError,
    pl.exceptions.PolarsError,
    pl.exceptions.PanicException,
)


def frame_of(table: Any, what: str) -> tuple[pl.DataFrame, str]:
    """The table, and what errors call it: a path by its name, everything else by `what`.

    Parameters
    ----------
    table
        A path (`.csv`, `.parquet`, `.arrow`), a pandas, polars or pyarrow table, a lazy frame or DuckDB relation (read
        whole), or a list of dicts. Dates in the index of a pandas table count as its column `date`.
    what
        The name of the table in errors, such as "the prices".

    Raises
    ------
    InputError
        Not a table, no rows, or a name that two columns share.
    """
    if isinstance(table, str | os.PathLike):
        return _from_arrow(read_table(table)), os.fspath(table)
    if dependencies.is_pandas_dataframe(table) and table.columns.nlevels > 1:
        advice = f"give one of its parts, such as table[{table.columns[0][0]!r}]"
        raise InputError([Fault("the columns have several levels", advice)], what)
    try:
        frame = _from_list(table) if isinstance(table, list) else _from_table(table)
    except (*_UNREADABLE, DuplicateError) as error:
        reason = " ".join(str(error).split())[:200]
        problem = f"a {type(table).__name__} cannot be read as a table ({reason})"
        raise InputError([Fault(problem, f"give {_KINDS}, with one type in each column")], what) from None
    if frame.height == 0:
        raise InputError([Fault("has no rows", "give a table with at least one row")], what)
    return frame, what


def _from_list(rows: list[Any]) -> pl.DataFrame:
    if not all(isinstance(row, dict) for row in rows):
        raise TypeError("not every row is a dict")
    names = dict.fromkeys(name for row in rows for name in row)
    return _joined(names, lambda name: pl.Series(name, [row.get(name) for row in rows]), len(rows))


def _from_table(table: Any) -> pl.DataFrame:
    frame = nw.from_native(table)
    if isinstance(frame, nw.LazyFrame):
        frame = frame.collect("polars")
    if isinstance(frame.to_native(), pa.Table):
        return _from_arrow(frame.to_native())
    if frame.implementation.is_pandas():
        index = table.index
        if "datetime" in str(index.dtype):
            table = table.rename_axis("date").reset_index()
        elif index.name is not None:
            table = table.reset_index()
        frame = nw.from_native(table, eager_only=True)
    eager = frame
    return _joined(frame.columns, lambda name: _series(name, eager.get_column(name).to_arrow()), len(frame))


def _from_arrow(table: pa.Table) -> pl.DataFrame:
    columns = dict(zip(table.column_names, table.columns, strict=True))
    return _joined(columns, lambda name: _series(name, columns[name]), table.num_rows)


def _joined(names: Iterable[str], read: Callable[[str], pl.Series], height: int) -> pl.DataFrame:
    """The columns as one frame; an unreadable one becomes binary, so nothing can use it."""
    series = []
    for name in names:
        try:
            series.append(read(name))
        except _UNREADABLE as error:
            reason = " ".join(str(error).split())[:80].encode()
            series.append(pl.repeat(reason, height, dtype=pl.Binary, eager=True).alias(name))
    return pl.DataFrame(series)


def _series(name: str, column: Any) -> pl.Series:
    """One Arrow column. Times with a zone become local times; the widest decimals become floats."""
    kind = column.type
    if pa.types.is_decimal256(kind):
        column = column.cast(pa.float64())
    elif pa.types.is_timestamp(kind) and kind.tz is not None:
        column = pc.local_timestamp(column)
    return pl.DataFrame(pa.table({name: column}))[name]


def column_named(frame: pl.DataFrame, names: Iterable[str], source: str) -> str | None:
    """The column with one of these names, in any case; None without one.

    Raises
    ------
    InputError
        Two columns have such a name.
    """
    wanted = tuple(names)
    matching = [name for name in frame.columns if name.strip().casefold() in wanted]
    if len(matching) > 1:
        advice = "keep one of them, or rename the others"
        raise InputError([Fault(f"{' and '.join(map(repr, matching))} could both be meant", advice)], source)
    return matching[0] if matching else None


def required(frame: pl.DataFrame, names: Iterable[str], source: str) -> str:
    """The column with one of these names.

    Raises
    ------
    InputError
        No column has such a name, or two have.
    """
    wanted = tuple(names)
    name = column_named(frame, wanted, source)
    if name is None:
        raise InputError([Fault("the column is missing", nearest(wanted[0], frame.columns), column=wanted[0])], source)
    return name


def days_of(column: pl.Series, source: str) -> pl.Series:
    """A column of days: dates, times at midnight, or text such as 2020-01-31.

    Raises
    ------
    InputError
        A missing day, another form of text, a time of day, a day outside 1800 to 2200.
    """
    name, kind = column.name, column.dtype
    if isinstance(kind, pl.Datetime):
        midnight = column.dt.time() == dt.time(0)
        advice = "give the trading day alone, in the time zone of the exchange"
        refuse_rows(column, midnight.fill_null(True), "has a time of day", advice, source)
        days = column.dt.date()
    elif kind == pl.Date:
        days = column
    elif kind in _TEXTS:
        text = column.cast(pl.String).str.strip_chars()
        is_day = text.str.contains(_DAY)
        days = text.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
        advice = "write days as 2020-01-31"
        refuse_rows(column, column.is_null() | (is_day & days.is_not_null()), "is not a day", advice, source)
    else:
        fault = Fault(f"holds {_held(column)} instead of days", "write days as 2020-01-31", column=name, row=1)
        raise InputError([replace(fault, value=_first(column))], source)
    refuse_rows(column, days.is_not_null(), "the day is missing", "write the day of every row", source)
    usable = days.is_between(EARLIEST, LATEST)
    refuse_rows(column, usable, "is not a usable day", "write days as 2020-01-31", source)
    return days


def names_of(column: pl.Series, source: str) -> pl.Series:
    """A column of names: text, never empty, without spaces around it.

    Raises
    ------
    InputError
        Another type, a missing name, spaces around one.
    """
    if column.dtype not in _TEXTS:
        problem = f"holds {_held(column)} instead of names"
        advice = "convert the column to text; check that no two columns were swapped"
        if column.dtype.is_integer():
            advice = f"{AS_TEXT}; check that no two columns were swapped"
        raise InputError([Fault(problem, advice, column=column.name, row=1, value=_first(column))], source)
    text = column.cast(pl.String)
    bare = text.str.strip_chars()
    refuse_rows(column, bare.fill_null("") != "", "the name is missing", "name every row", source)
    refuse_rows(column, bare == text, "the name has spaces around it", "write it without them", source)
    return text


def final_names(renamed: Mapping[str, str]) -> dict[str, str]:
    """Each old symbol with the last of its new names.

    >>> final_names({"FB": "META", "META": "MVRS"})
    {'FB': 'MVRS', 'META': 'MVRS'}

    Raises
    ------
    InputError
        A name that is not text, or symbols renamed in a circle.
    """
    wrong = [name for pair in renamed.items() for name in pair if not isinstance(name, str) or not name.strip()]
    if wrong:
        raise InputError([Fault("renamed holds no symbol", 'write {"FB": "META"}', value=wrong[0])])
    final = {}
    for old, new in renamed.items():
        seen, name = {old}, new
        while name in renamed and name not in seen:
            seen.add(name)
            name = renamed[name]
        if name in seen:
            raise InputError([Fault("is renamed in a circle", "name the last symbol only", value=old)])
        final[old] = name
    return final


def with_names(table: pl.DataFrame, renamed: Mapping[str, str]) -> pl.DataFrame:
    """A table with the column `symbol` under the new names."""
    return table.with_columns(pl.col("symbol").replace(dict(renamed))) if renamed else table


def numbers_of(column: pl.Series, source: str, *, percents: bool = True) -> tuple[pl.Series, pl.Series]:
    """A column of numbers as float64, null for missing; and where a value is not a finite number.

    In text, `1,234.50` is 1234.5, and with `percents` 12% is 0.12.

    Raises
    ------
    InputError
        No value of the column is a number.
    """
    kind = column.dtype
    if kind in _TEXTS:
        text = column.cast(pl.String).str.strip_chars()
        is_given = text.fill_null("") != ""
        numbers = text.cast(pl.Float64, strict=False)
        if (odd := is_given & numbers.is_null()).any():  # thousands separators, percents
            written = {cell: _written(cell, percents) for cell in text.filter(odd).unique().to_list()}
            numbers = numbers.fill_null(text.replace_strict(written, default=None, return_dtype=pl.Float64))
    elif kind.is_numeric() or kind == pl.Null:
        numbers = column.cast(pl.Float64)
        is_given = column.is_not_null() & ~numbers.is_nan().fill_null(False)
    else:
        is_given, numbers = column.is_not_null(), pl.Series(column.name, [None] * len(column), pl.Float64)
    finite = numbers.is_finite().fill_null(False)
    wrong = is_given & ~finite
    if wrong.any() and not finite.any():
        row = int(wrong.arg_true()[0])
        value = _plain(column[row])
        problem, advice = "holds no number", "give numbers with a decimal point; check that no two columns were swapped"
        if isinstance(value, str) and is_ambiguous(value):
            problem, advice = "may be thousands or a decimal comma", "write 1234 or 1.234"
        fault = Fault(problem, advice, column=column.name, row=row + 1, value=value)
        raise InputError([fault], source)
    return pl.select(pl.when(finite).then(numbers).alias(column.name)).to_series(), wrong


def holds_numbers(column: pl.Series) -> bool:
    """Whether a column holds numbers, or text with at least one value that is a number."""
    if column.dtype.is_numeric() or column.dtype != pl.String:
        return column.dtype.is_numeric()
    text = column.str.strip_chars()
    is_number = text.cast(pl.Float64, strict=False).is_not_null().any()
    return is_number or any(_written(cell, percents=True) is not None for cell in text.drop_nulls().unique())


def _written(cell: str, percents: bool) -> float | None:
    """The number in a cell with thousands separators or a percent sign; None where it may mean two numbers, or none."""
    bare = ungrouped(cell.removesuffix("%") if percents else cell)
    try:
        number = decimal_of(bare)
    except TypeError:
        return None
    return float(number / 100 if bare != ungrouped(cell) else number)


def refuse_rows(column: pl.Series, fine: pl.Series, problem: str, advice: str, source: str) -> None:
    """Refuse the rows of a column that are not fine.

    Raises
    ------
    InputError
        The first of them.
    """
    rows = (~fine).arg_true().to_list()
    if rows:
        faults = [
            Fault(problem, advice, column=column.name, row=row + 1, value=_plain(column[row]))
            for row in rows[:_MOST_FAULTS]
        ]
        raise InputError(faults, source)


def _held(column: pl.Series) -> str:
    """The type of a column, for people."""
    return "mixed or unreadable values" if column.dtype == pl.Binary else str(column.dtype)


def _first(column: pl.Series) -> Any:
    """The first value that is not missing."""
    return next((_plain(value) for value in column.to_list() if value is not None), None)


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):  # an unreadable value
        return value.decode("utf-8", "replace")
    return value.isoformat() if isinstance(value, dt.date) else value


def day(date: Any, what: str = "the date") -> dt.date:
    """A day given as a date (of Python, numpy or pandas), or as text such as 2020-01-31.

    Raises
    ------
    InputError
        Anything else.

    Examples
    --------
    >>> day("2020-01-31")
    datetime.date(2020, 1, 31)
    """
    if isinstance(date, np.datetime64):
        return day(date.astype("datetime64[us]").item(), what)  # None for NaT
    if str(date) == "NaT":  # of pandas: a datetime by its type
        pass
    elif isinstance(date, dt.datetime):
        if date.time() == dt.time(0):
            return date.date()
    elif isinstance(date, dt.date):
        return date
    elif isinstance(date, str):
        try:
            return dt.datetime.strptime(date, "%Y-%m-%d").date()  # noqa: DTZ007 - a day has no time zone
        except ValueError:
            pass
    raise InputError([Fault(f"{what} is not a day", "write it as 2020-01-31", value=date)])

"""Any table -> a polars frame with columns of known types. What is wrong with a table as a whole is refused here.

Nothing is guessed: dates are days in ISO form, names are text, numbers are numbers.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterable
from typing import Any

import narwhals.stable.v2 as nw
import polars as pl
import pyarrow as pa
from narwhals.exceptions import DuplicateError

from trimtab.errors import Fault, InputError, nearest
from trimtab.files.table_files import read_table

Date = dt.date | str
SYMBOL_NAMES = ("symbol", "asset", "ticker")
EARLIEST, LATEST = dt.date(1800, 1, 1), dt.date(2200, 1, 1)
_DAY = r"^\d{4}-\d{2}-\d{2}([T ]00:00(:00(\.0+)?)?)?$"
_MOST_FAULTS = 100
_TEXTS = (pl.String, pl.Categorical, pl.Enum)
_KINDS = "a path, a pandas, polars or pyarrow table, a DuckDB relation, or a list of dicts"


def frame_of(given: Any, what: str) -> tuple[pl.DataFrame, str]:
    """The table, and what errors call it: a path by its name, everything else by `what`.

    Parameters
    ----------
    given
        A path (`.csv`, `.parquet`, `.arrow`), a pandas, polars or pyarrow table, a lazy frame or DuckDB relation (read
        whole), or a list of dicts. Dates in the index of a pandas table count as its column `date`.
    what
        The name of the table in errors, such as "the prices".

    Raises
    ------
    InputError
        No table, no rows, a column without a usable name or type.
    """
    if isinstance(given, str | os.PathLike):
        source = os.fspath(given)
        return pl.DataFrame(read_table(given)), source
    try:
        frame = _from_list(given) if isinstance(given, list) else _from_table(given)
    except (
        pa.ArrowException,
        TypeError,
        ValueError,
        DuplicateError,
        OverflowError,
        pl.exceptions.PolarsError,
    ) as error:
        said = " ".join(str(error).split())[:200]
        problem = f"a {type(given).__name__} cannot be read as a table ({said})"
        raise InputError([Fault(problem, f"give {_KINDS}, with one type in each column")], what) from None
    if frame.height == 0:
        raise InputError([Fault("has no rows", "give a table with at least one row")], what)
    return frame, what


def _from_list(rows: list[Any]) -> pl.DataFrame:
    if not all(isinstance(row, dict) for row in rows):
        raise TypeError("not every row is a dict")
    names = dict.fromkeys(name for row in rows for name in row)
    return pl.DataFrame([pl.Series(name, [row.get(name) for row in rows]) for name in names])


def _from_table(given: Any) -> pl.DataFrame:
    frame = nw.from_native(given)
    if isinstance(frame, nw.LazyFrame):
        return pl.DataFrame(frame.collect("polars").to_arrow())
    if frame.implementation.is_pandas():
        index = given.index
        if "datetime" in str(index.dtype):
            given = given.rename_axis("date").reset_index()
        elif index.name is not None:
            given = given.reset_index()
        frame = nw.from_native(given, eager_only=True)
    return pl.DataFrame(frame.to_arrow())


def column_named(frame: pl.DataFrame, names: Iterable[str], source: str) -> str | None:
    """The one column with one of these names, in any case; two of them are refused."""
    wanted = tuple(names)
    found = [name for name in frame.columns if name.strip().casefold() in wanted]
    if len(found) > 1:
        advice = "keep one of them, or rename the others"
        raise InputError([Fault(f"{' and '.join(map(repr, found))} could both be meant", advice)], source)
    return found[0] if found else None


def required(frame: pl.DataFrame, names: Iterable[str], source: str) -> str:
    """The column with one of these names.

    Raises
    ------
    InputError
        There is none, or more than one.
    """
    wanted = tuple(names)
    found = column_named(frame, wanted, source)
    if found is None:
        raise InputError([Fault("the column is missing", nearest(wanted[0], frame.columns), column=wanted[0])], source)
    return found


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
        _refuse(column, midnight.fill_null(True), "has a time of day", advice, source)
        days = column.dt.date()
    elif kind == pl.Date:
        days = column
    elif kind in _TEXTS:
        text = column.cast(pl.String).str.strip_chars()
        is_day = text.str.contains(_DAY)
        days = text.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
        advice = "write days as 2020-01-31"
        _refuse(column, column.is_null() | (is_day & days.is_not_null()), "is not a day", advice, source)
    else:
        first = next((value for value in column.to_list() if value is not None), None)
        fault = Fault(f"holds {kind} and not days", "write days as 2020-01-31", column=name, row=1, value=first)
        raise InputError([fault], source)
    _refuse(column, days.is_not_null(), "the day is missing", "write the day of every row", source)
    usable = days.is_between(EARLIEST, LATEST)
    _refuse(column, usable, "is not a usable day", "write days as 2020-01-31", source)
    return days


def names_of(column: pl.Series, source: str) -> pl.Series:
    """A column of names: text, never empty, without spaces around it.

    Raises
    ------
    InputError
        Another type, a missing name, spaces around one.
    """
    if column.dtype not in _TEXTS:
        first = next((value for value in column.to_list() if value is not None), None)
        problem = f"holds {column.dtype} and not names"
        advice = "convert the column to text; if columns were swapped, put them right"
        raise InputError([Fault(problem, advice, column=column.name, row=1, value=first)], source)
    text = column.cast(pl.String)
    bare = text.str.strip_chars()
    _refuse(column, bare.fill_null("") != "", "the name is missing", "name every row", source)
    _refuse(column, bare == text, "the name has spaces around it", "write it without them", source)
    return text


def numbers_of(column: pl.Series, source: str) -> tuple[pl.Series, pl.Series]:
    """A column of numbers as float64, null where there is none; and where a value is there that is no finite number.

    Raises
    ------
    InputError
        Not one value of the column is a number.
    """
    kind = column.dtype
    if kind in _TEXTS:
        text = column.cast(pl.String).str.strip_chars()
        given = text.fill_null("") != ""
        numbers = text.cast(pl.Float64, strict=False)
    elif kind.is_numeric() or kind == pl.Null:
        numbers = column.cast(pl.Float64)
        given = column.is_not_null() & ~numbers.is_nan().fill_null(False)
    else:
        given, numbers = column.is_not_null(), pl.Series(column.name, [None] * len(column), pl.Float64)
    finite = numbers.is_finite().fill_null(False)
    wrong = given & ~finite
    if wrong.any() and not finite.any():
        row = int(wrong.arg_true()[0])
        problem, advice = (
            "holds no number",
            "give numbers with a decimal point; if columns were swapped, put them right",
        )
        raise InputError([Fault(problem, advice, column=column.name, row=row + 1, value=column[row])], source)
    return pl.select(pl.when(finite).then(numbers).alias(column.name)).to_series(), wrong


def _refuse(column: pl.Series, fine: pl.Series, problem: str, advice: str, source: str) -> None:
    """Refuse the rows that are not fine."""
    rows = (~fine).arg_true().to_list()
    if rows:
        faults = [
            Fault(problem, advice, column=column.name, row=row + 1, value=_plain(column[row]))
            for row in rows[:_MOST_FAULTS]
        ]
        raise InputError(faults, source)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.date) else value


def day(given: Any, what: str = "the date") -> dt.date:
    """A day given as a date, or as text such as 2020-01-31.

    Raises
    ------
    InputError
        Anything else.

    Examples
    --------
    >>> day("2020-01-31")
    datetime.date(2020, 1, 31)
    """
    if isinstance(given, dt.datetime):
        if given.time() == dt.time(0):
            return given.date()
    elif isinstance(given, dt.date):
        return given
    elif isinstance(given, str):
        try:
            return dt.datetime.strptime(given, "%Y-%m-%d").date()  # noqa: DTZ007 - a day has no time zone
        except ValueError:
            pass
    raise InputError([Fault(f"{what} is not a day", "write it as 2020-01-31", value=given)])

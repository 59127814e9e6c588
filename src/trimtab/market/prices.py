"""Daily prices, long or wide -> one row per session and one column per symbol, and their faults.

A finding about a day depends on that day and earlier ones alone, so later prices never change a view of the past.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from trimtab.errors import Fault, InputError
from trimtab.limits.fields import check_settings, described
from trimtab.market.data_findings import events
from trimtab.market.jumps import jumps, unchanged_prices
from trimtab.market.price_layout import notes_on_columns, refuse_one_symbol, refuse_returns
from trimtab.market.typed_columns import (
    SYMBOL_NAMES,
    column_named,
    day,
    days_of,
    frame_of,
    names_of,
    numbers_of,
    required,
    with_names,
)

DATE_NAMES = ("date", "day")
_RESERVED = r"^(date|\*|\^.*\$)$"  # the column of days, and what polars reads as a pattern of columns
_RESERVED_NAME = "no symbol may have this name"
_TYPICAL = 21  # sessions that say how many symbols usually have a price


@dataclass(frozen=True, kw_only=True)
class MarketChecks:
    """The checks of a series of prices. Frozen; all faults are reported at once when it is made."""

    session_share: float = described(
        0.5,
        float,
        "a day is a session if at least this share of the usual number of symbols has a price",
        fraction=True,
    )
    min_jump: float = described(1.8, float, "ratio of two prices from which an unusual move is a jump", low=1.1)
    usual_moves: float = described(6.0, float, "how many usual moves (median absolute log return) make a move unusual")
    large_jump: float = described(5.0, float, "ratio of two prices from which every move is a jump", low=1.5)
    unchanged_sessions: int = described(21, int, "sessions with the same price from which a series is stuck", low=3)
    max_missing_sessions: int = described(0, int, "sessions without a price that a series may have in the window")
    window: int | None = described(
        None,
        int,
        "sessions in which a finding keeps its symbol from being scored; by default a year and one",
        low=2,
        optional=True,
    )

    def __post_init__(self) -> None:
        check_settings(self)


@dataclass(frozen=True)
class Prices:
    """Checked prices: `wide` has the column `date` (sessions, ascending) and one of float64 per symbol, by name.

    A cell is null where there is no usable price. `events` are the findings about single days, `notes` are further
    remarks on the table.
    """

    wide: pl.DataFrame
    events: pl.DataFrame
    checks: MarketChecks
    notes: tuple[str, ...]


def read_prices(
    table: Any,
    *,
    price_column: str,
    accepted: Iterable[tuple[str, Any]] = (),
    renamed: Mapping[str, str] | None = None,
    checks: MarketChecks | None = None,
) -> Prices:
    """Prices from a table: long (`date`, `symbol`, and the price column) or wide (`date`, and one column per symbol).

    Raises
    ------
    InputError
        Not a table of prices, a row without a day or a symbol, an accepted day without a finding, a renamed symbol
        without prices.
    """
    checks = MarketChecks() if checks is None else checks
    frame, source = frame_of(table, "the prices")
    long, notes = _long(frame, price_column, source)
    refuse_returns(long, source)
    missing = sorted((renamed or {}).keys() - set(long["symbol"]))
    if missing:
        raise InputError([Fault("is renamed, but has no prices", "correct the old symbol", value=missing[0])], source)
    long = with_names(long, renamed or {})
    wide, off_session = _sessions(_one_a_day(long), checks)
    found_jumps = jumps(wide, checks.min_jump, checks.usual_moves, checks.large_jump)
    jumped, unchanged = _without_accepted(found_jumps, accepted), unchanged_prices(wide, checks.unchanged_sessions)
    return Prices(wide, pl.concat([*_row_events(long), off_session, jumped, unchanged]), checks, notes)


def _long(frame: pl.DataFrame, price_column: str, source: str) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Columns `symbol`, `date`, `close`, `row`, and `wrong` where a value is not a finite number; and notes."""
    date_column = required(frame, DATE_NAMES, source)
    date = days_of(frame[date_column], source).alias("date")
    symbol = column_named(frame, SYMBOL_NAMES, source)
    if symbol is None:
        return _long_of_wide(frame, date, source), ()
    name = required(frame, (price_column.casefold(),), source)
    close, wrong = numbers_of(frame[name], source, percents=False)
    rows = pl.int_range(1, frame.height + 1, dtype=pl.Int64, eager=True).alias("row")
    names = names_of(frame[symbol], source).alias("symbol")
    reserved = names.str.contains(_RESERVED).arg_true().to_list()
    if reserved:
        row = reserved[0]
        raise InputError([Fault(_RESERVED_NAME, "rename it", column=symbol, row=row + 1, value=names[row])], source)
    unused = [column for column in frame.columns if column not in (date_column, symbol, name)]
    long = pl.DataFrame([names, date, close.alias("close"), rows, wrong.alias("wrong")])
    return long, notes_on_columns(name, unused)


def _long_of_wide(frame: pl.DataFrame, date: pl.Series, source: str) -> pl.DataFrame:
    symbols = [name for name in frame.columns if name.strip().casefold() not in DATE_NAMES]
    if not symbols:
        raise InputError([Fault("there is no price", "add a column for each symbol")], source)
    header = names_of(pl.Series("the header", symbols), source)
    reserved = header.filter(header.str.contains(_RESERVED)).to_list()
    if reserved:
        raise InputError([Fault(_RESERVED_NAME, "rename it", column=name) for name in reserved], source)
    refuse_one_symbol(symbols, source)
    rows = pl.int_range(1, frame.height + 1, dtype=pl.Int64, eager=True).alias("row")
    parts = []
    for name in symbols:
        close, wrong = numbers_of(frame[name], source, percents=False)
        symbol = pl.repeat(name, frame.height, dtype=pl.String, eager=True).alias("symbol")
        parts.append(pl.DataFrame([symbol, date, close.alias("close"), rows, wrong.alias("wrong")]))
    return pl.concat(parts)


def _row_events(long: pl.DataFrame) -> list[pl.DataFrame]:
    """The faults of single rows: not a number, not above 0, more than one price on a day."""
    not_numbers = events(long.filter("wrong"), "not_a_number")
    not_positive = events(long.filter(pl.col("close") <= 0).with_columns(value=pl.col("close")), "not_positive")
    days = long.group_by("symbol", "date").agg(value=pl.len(), row=pl.col("row").max()).filter(pl.col("value") > 1)
    return [not_numbers, not_positive, events(days, "duplicate_day")]


def _one_a_day(long: pl.DataFrame) -> pl.DataFrame:
    """`symbol`, `date`, `close`, one row per day; null where a day has more than one price, or none above 0."""
    price = pl.when(pl.col("close") > 0).then("close")
    ordered = long.select("symbol", "date", price.alias("close")).sort("symbol", "date")
    same = (pl.col("symbol") == pl.col("symbol").shift(1)) & (pl.col("date") == pl.col("date").shift(1))
    repeated = ordered.select(same.fill_null(False)).to_series()
    if not repeated.any():
        return ordered
    alone = ~(repeated | repeated.shift(-1, fill_value=False))
    return ordered.with_columns(close=pl.when(alone).then("close")).filter(~repeated)


def _sessions(daily: pl.DataFrame, checks: MarketChecks) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The prices wide, and the prices on days that are not sessions.

    A day is a session if the number of its prices is at least `session_share` of the median of the 21 days up to it.
    """
    symbols = daily["symbol"].unique().sort()
    days = daily["date"].unique().sort()
    column = daily["symbol"].replace_strict(symbols, pl.int_range(len(symbols), eager=True), return_dtype=pl.Int64)
    row = daily["date"].replace_strict(days, pl.int_range(len(days), eager=True), return_dtype=pl.Int64)
    cells = np.full((len(symbols), len(days)), np.nan)
    cells[column.to_numpy(), row.to_numpy()] = daily["close"].fill_null(float("nan")).to_numpy()
    counts = pl.Series(np.isfinite(cells).sum(axis=0)).cast(pl.Float64)
    usual = counts.rolling_median(_TYPICAL, min_samples=1)
    is_session = (counts > 0) & (counts >= checks.session_share * usual)
    off = daily.filter(pl.col("close").is_not_null() & ~pl.Series(is_session.to_numpy()[row.to_numpy()]))
    wide = pl.DataFrame([days, *(pl.Series(name, cells[row]).fill_nan(None) for row, name in enumerate(symbols))])
    return wide.filter(is_session), events(off, "off_session")


def _without_accepted(jumped: pl.DataFrame, accepted: Iterable[tuple[str, Any]]) -> pl.DataFrame:
    """The jumps that the user has not accepted; only a jump that was found can be accepted."""
    pairs: list[tuple[str, dt.date]] = [(symbol, day(date, "an accepted day")) for symbol, date in accepted]
    for symbol, date in pairs:
        here = (pl.col("symbol") == symbol) & (pl.col("date") == date)
        if jumped.filter(here).is_empty():
            problem = f"accepted names {symbol!r} on {date.isoformat()}, where no jump was found"
            raise InputError([Fault(problem, "leave it out, or name the day of the finding")])
        jumped = jumped.filter(~here)
    return jumped

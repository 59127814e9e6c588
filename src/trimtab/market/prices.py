"""Daily prices, long or wide -> one row a session and one column a symbol, and what is wrong with them.

Whatever is found about a day depends on that day and on earlier ones alone, so that a view of the past never changes
when later prices come in.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from trimtab.errors import Fault, InputError, LimitsError
from trimtab.limits.fields import check_fields, described
from trimtab.market.data_findings import EVENTS, events
from trimtab.market.typed_columns import (
    SYMBOL_NAMES,
    column_named,
    day,
    days_of,
    frame_of,
    names_of,
    numbers_of,
    required,
)

_DATE_NAMES = ("date", "day")
_RESERVED = r"^(date|\*|\^.*\$)$"  # the column of days, and what polars reads as a pattern of columns
_NO_NAME = "no symbol may be called so"
_SPLITS = (*range(2, 21), 25, 30, 40, 50)
_SPLIT_WITHIN = 0.05
_UNITS = (10, 100, 1000)
_UNIT_WITHIN = 0.15
_MOVES = 63  # sessions that say what a usual move is
_FEW_MOVES = 20
_TYPICAL = 21  # sessions that say how many symbols usually have a price


@dataclass(frozen=True, kw_only=True)
class MarketChecks:
    """What counts as wrong in a series of prices. Frozen; all faults are reported at once when it is made."""

    session_share: float = described(
        0.5,
        float,
        "a day is a session if at least this share of the usual number of symbols has a price",
        fraction=True,
    )
    usual_moves: float = described(
        12.0,
        float,
        "a jump near the ratio of a split is one from this many usual moves on (median absolute log return)",
    )
    large_jump: float = described(5.0, float, "a ratio of two prices from which on it is always a jump", low=1.5)
    unchanged_sessions: int = described(
        21, int, "sessions with one price from which on a series counts as stuck", low=3
    )
    max_missing_sessions: int = described(0, int, "sessions without a price that a series may have in the window")
    window: int = described(253, int, "sessions in which a finding keeps its symbol from being scored", low=2)

    def __post_init__(self) -> None:
        faults = check_fields(self)
        if faults:
            raise LimitsError(faults)


@dataclass(frozen=True)
class Prices:
    """Checked prices: `wide` has the column `date` (sessions, ascending) and one of float64 a symbol, by name.

    A cell is null where there is no price, or none that can be used. `events` are the findings about single days.
    """

    wide: pl.DataFrame
    events: pl.DataFrame
    checks: MarketChecks


def read_prices(
    given: Any, *, price_column: str, accepted: Iterable[tuple[str, Any]] = (), checks: MarketChecks | None = None
) -> Prices:
    """Prices from a table: long (`date`, `symbol`, and the price column) or wide (`date`, and one column a symbol).

    Raises
    ------
    InputError
        No table of prices, a row without a day or a symbol, an accepted day of which nothing is found.
    """
    checks = MarketChecks() if checks is None else checks
    frame, source = frame_of(given, "the prices")
    long = _long(frame, price_column, source)
    wide, found = _sessions(_one_a_day(long), checks)
    jumps = _without_accepted(_jumps(wide, checks), accepted)
    return Prices(wide, pl.concat([*_row_events(long), found, jumps, _unchanged(wide, checks)]), checks)


def _long(frame: pl.DataFrame, price_column: str, source: str) -> pl.DataFrame:
    """Columns `symbol`, `date`, `close`, `row`, and `wrong`: a value is there that is no finite number."""
    date = days_of(frame[required(frame, _DATE_NAMES, source)], source).alias("date")
    symbol = column_named(frame, SYMBOL_NAMES, source)
    if symbol is None:
        return _long_of_wide(frame, date, source)
    name = required(frame, (price_column.casefold(),), source)
    close, wrong = numbers_of(frame[name], source)
    rows = pl.int_range(1, frame.height + 1, dtype=pl.Int64, eager=True).alias("row")
    names = names_of(frame[symbol], source).alias("symbol")
    reserved = names.str.contains(_RESERVED).arg_true().to_list()
    if reserved:
        at = reserved[0]
        raise InputError([Fault(_NO_NAME, "rename it", column=symbol, row=at + 1, value=names[at])], source)
    return pl.DataFrame([names, date, close.alias("close"), rows, wrong.alias("wrong")])


def _long_of_wide(frame: pl.DataFrame, date: pl.Series, source: str) -> pl.DataFrame:
    symbols = [name for name in frame.columns if name.strip().casefold() not in _DATE_NAMES]
    if not symbols:
        raise InputError([Fault("there is no price", "add a column for each symbol")], source)
    header = names_of(pl.Series("the header", symbols), source)
    reserved = header.filter(header.str.contains(_RESERVED)).to_list()
    if reserved:
        raise InputError([Fault(_NO_NAME, "rename it", column=name) for name in reserved], source)
    rows = pl.int_range(1, frame.height + 1, dtype=pl.Int64, eager=True).alias("row")
    parts = []
    for name in symbols:
        close, wrong = numbers_of(frame[name], source)
        symbol = pl.repeat(name, frame.height, dtype=pl.String, eager=True).alias("symbol")
        parts.append(pl.DataFrame([symbol, date, close.alias("close"), rows, wrong.alias("wrong")]))
    return pl.concat(parts)


def _row_events(long: pl.DataFrame) -> list[pl.DataFrame]:
    """What is wrong with single rows: no number, no positive price, more than one price on a day."""
    bad = events(long.filter("wrong"), "not_a_number")
    low = events(long.filter(pl.col("close") <= 0).with_columns(value=pl.col("close")), "not_positive")
    days = long.group_by("symbol", "date").agg(value=pl.len(), row=pl.col("row").max()).filter(pl.col("value") > 1)
    return [bad, low, events(days, "duplicate_day")]


def _one_a_day(long: pl.DataFrame) -> pl.DataFrame:
    """`symbol`, `date`, `close`, one row a day; null where there is more than one price, or none above 0."""
    price = pl.when(pl.col("close") > 0).then("close")
    ranked = long.select("symbol", "date", price.alias("close")).sort("symbol", "date")
    same = (pl.col("symbol") == pl.col("symbol").shift(1)) & (pl.col("date") == pl.col("date").shift(1))
    again = ranked.select(same.fill_null(False)).to_series()
    if not again.any():
        return ranked
    alone = ~(again | again.shift(-1, fill_value=False))
    return ranked.with_columns(close=pl.when(alone).then("close")).filter(~again)


def _sessions(daily: pl.DataFrame, checks: MarketChecks) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The prices wide, and the prices on days that are no session.

    A day is a session if at least `session_share` of the median number of prices of the 21 days to it has a price.
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
    wide = pl.DataFrame([days, *(pl.Series(name, cells[at]).fill_nan(None) for at, name in enumerate(symbols))])
    return wide.filter(is_session), events(off, "off_session")


def _jumps(wide: pl.DataFrame, checks: MarketChecks) -> pl.DataFrame:
    """Ratios of a price to the one before that look like a split, a change of unit, or are too large for anything.

    Near a split is within 5 % of 2 to 20, 25, 30, 40, 50 or of 1 over these, if the move is also `usual_moves` times the
    median absolute log return of the 63 sessions before (or fewer than 20 of them are known). Near a unit is within
    15 % of 10, 100, 1000.
    """
    found = [pl.DataFrame(schema=EVENTS)]
    for name in wide.columns[1:]:
        series = wide.select("date", close=pl.col(name)).drop_nulls()
        moved = series["close"] / series["close"].shift(1)
        ratio = moved.fill_null(1.0)
        size = pl.select(pl.max_horizontal(ratio, 1.0 / ratio)).to_series()
        if not (size >= 2 * (1 - _SPLIT_WITHIN)).any():
            continue
        moves = moved.log().abs()
        usual = moves.shift(1).rolling_median(_MOVES, min_samples=_FEW_MOVES)
        unusual = (moves >= checks.usual_moves * usual).fill_null(True)
        split, unit = _near(size, _SPLITS, _SPLIT_WITHIN) & unusual, _near(size, _UNITS, _UNIT_WITHIN) & unusual
        kind = (
            pl.when(unit)
            .then(pl.lit("unit_like_jump"))
            .when(split)
            .then(pl.lit("split_like_jump"))
            .when(size >= checks.large_jump)
            .then(pl.lit("large_jump"))
        )
        marked = series.with_columns(pl.lit(name).alias("symbol"), kind.alias("kind"), ratio.alias("value"))
        hits = marked.filter(pl.col("kind").is_not_null())
        found += [events(part, str(part["kind"][0])) for part in hits.partition_by("kind", maintain_order=True)]
    return pl.concat(found)


def _near(size: pl.Series, ratios: Iterable[int], within: float) -> pl.Series:
    """Where a ratio (at least 1) is within a share of one of these, or the inverse is."""
    near = size != size  # noqa: PLR0124 - nowhere
    for ratio in ratios:
        near |= ((size / ratio - 1).abs() <= within) | ((ratio / size - 1).abs() <= within)
    return near


def _unchanged(wide: pl.DataFrame, checks: MarketChecks) -> pl.DataFrame:
    """The sessions at which a series has had the very same price for `unchanged_sessions` sessions or longer."""
    found = [pl.DataFrame(schema=EVENTS)]
    for name in wide.columns[1:]:
        series = wide.select("date", close=pl.col(name)).drop_nulls()
        count = series["close"].rle_id().rle().struct.field("len")
        if not (count >= checks.unchanged_sessions).any():
            continue
        length = pl.int_range(1, pl.len() + 1).over(pl.col("close").rle_id()).alias("value")
        stuck = series.with_columns(length).filter(pl.col("value") >= checks.unchanged_sessions)
        found.append(events(stuck.with_columns(symbol=pl.lit(name)), "unchanged_price"))
    return pl.concat(found)


def _without_accepted(found: pl.DataFrame, accepted: Iterable[tuple[str, Any]]) -> pl.DataFrame:
    """The findings that the user has not accepted; what is accepted must have been found."""
    pairs: list[tuple[str, dt.date]] = [(symbol, day(date, "an accepted day")) for symbol, date in accepted]
    for symbol, date in pairs:
        here = (pl.col("symbol") == symbol) & (pl.col("date") == date)
        if found.filter(here).is_empty():
            problem = f"accepted is {symbol!r} on {date.isoformat()}, where no jump was found"
            raise InputError([Fault(problem, "leave it out, or name the day of the finding")])
        found = found.filter(~here)
    return found

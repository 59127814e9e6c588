"""Scores by date as records, one row a date and one column an asset: from a table, or from views of the market."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from trimtab.candidates.checks import SIZING_INPUT_RANGE
from trimtab.errors import Fault, InputError, nearest
from trimtab.kernel.backtest_records import SCORE_ROW
from trimtab.kernel.records import Records
from trimtab.market.market_data import MarketData
from trimtab.market.typed_columns import SYMBOL_NAMES, column_named, days_of, frame_of, names_of, numbers_of, required
from trimtab.market.view import MarketView
from trimtab.scoring.combined import combined_scores
from trimtab.scoring.fundamental import fundamental_scores
from trimtab.scoring.ranks import Scores
from trimtab.scoring.technical import technical_scores, usable_volatilities

_SOURCE = "the scores"
_DATES = ("date", "day")
# Columns of the table -> fields of the records.
NUMBERS = {"score": "score", "max_weight": "max_weight", "desired_weight": "desired", "volatility": "volatility"}
# Columns that the scores of trimtab have beside these.
_BESIDE = ("confidence", "reason", "missing", "basis", "technical_score", "fundamental_score")
_RANGES = {
    "score": (0.0, 1.0),
    "max_weight": (0.0, 1.0),
    "desired_weight": SIZING_INPUT_RANGE,
    "volatility": SIZING_INPUT_RANGE,
}

Scorer = Callable[[MarketView], Any]


@dataclass(frozen=True)
class ScoresByDate:
    """The scores and caps of the assets, known from each of these days on. `records` (SCORE_ROW) has shape (days,
    assets).
    """

    days: tuple[dt.date, ...]
    records: Records


def empty_scores(days: int, assets: int) -> Records:
    """Score rows without any knowledge."""
    records = np.zeros((days, assets), SCORE_ROW)
    for name in NUMBERS.values():
        records[name] = math.nan
    return records


def default_scores(view: MarketView) -> pl.DataFrame:
    """`asset`, `score`, `volatility`: the technical score of a view, and the fundamental one where it has fundamentals."""
    technical = technical_scores(view)
    fundamental = None if view.fundamentals is None else fundamental_scores(view)
    both = combined_scores(technical, fundamental).table.select("asset", "score")
    return both.join(usable_volatilities(technical, view), on="asset", how="left", maintain_order="left")


def scores_from_views(data: MarketData, scorer: Scorer, days: Sequence[dt.date], assets: Sequence[str]) -> ScoresByDate:
    """The scores of these days, each from the view of that day and nothing else.

    Raises
    ------
    InputError
        The scorer does not return a table of scores.
    """
    parts = []
    for day in days:
        scores = scorer(data.as_of(day))
        if isinstance(scores, Scores):
            parts.append(_of_day(scores, day))
            continue
        frame, _ = frame_of(scores, f"{_SOURCE} of {day.isoformat()}")
        known = [name for name in frame.columns if name in ("asset", *NUMBERS)]
        parts.append(frame.select(known).with_columns(pl.lit(day).alias("date")))
    return scores_from_table(pl.concat(parts, how="diagonal_relaxed"), assets)


def _of_day(scores: Scores, day: dt.date) -> pl.DataFrame:
    """The columns of trimtab's own scores that a backtest uses; volatility 0 means there were no prices to measure."""
    columns = [pl.col("asset"), pl.col("score")]
    if "volatility" in scores.table.columns:
        columns.append(pl.when(pl.col("volatility") > 0).then("volatility").alias("volatility"))
    return scores.table.select(*columns, pl.lit(day).alias("date"))


def _without_parts(frame: pl.DataFrame) -> pl.DataFrame:
    """The table without the extra columns of trimtab's own scores: parts, ranks, and missing inputs."""
    ranked = {name.removesuffix("_rank") for name in frame.columns if name.endswith("_rank")}
    parts = [name for name in frame.columns if name in _BESIDE or name.removesuffix("_rank") in ranked]
    if "volatility" in ranked and "volatility" in frame.columns:  # 0: an asset without prices to measure
        usable = pl.col("volatility").cast(pl.Float64, strict=False) > 0
        frame = frame.with_columns(pl.when(usable).then("volatility").alias("volatility"))
    return frame.drop([name for name in parts if name not in NUMBERS])


def scores_from_table(table: Any, assets: Sequence[str]) -> ScoresByDate:
    """Scores from a table: long (`date`, `asset`, `score`, and optionally `max_weight`, `desired_weight`, `volatility`), or
    wide (`date`, and one column of scores an asset); or the `Scores` of a day, or a list of them.

    Raises
    ------
    InputError
        A missing or unknown column, a row without day or asset, an asset twice on a day or without prices, a number
        outside its range.
    """
    by_day = [table] if isinstance(table, Scores) else table
    if isinstance(by_day, list) and by_day and all(isinstance(scores, Scores) for scores in by_day):
        table = pl.concat([_of_day(scores, scores.date) for scores in by_day], how="diagonal_relaxed")
    frame, source = frame_of(table, _SOURCE)
    date_name = required(frame, _DATES, source)
    long = _long(frame, date_name, source)
    asset, days = long["asset"], long["date"]
    column = asset.cast(pl.Enum(assets), strict=False).to_physical().cast(pl.Int64)
    _refuse(column.is_null(), long, "asset", source, "has a score but no price", lambda name: nearest(name, assets))
    known = days.unique().sort()
    rows, columns = known.search_sorted(days).to_numpy(), column.to_numpy()
    cell = rows * len(assets) + columns
    if np.bincount(cell).max() > 1:
        twice = ~pl.Series(cell).is_first_distinct()
        _refuse(twice, long, "asset", source, "already has a row on that day", lambda _: "keep one of the two")
    records = empty_scores(len(known), len(assets))
    for name, field in NUMBERS.items():
        if name in long.columns:
            records[field][rows, columns] = _in_range(long, name, source)
    records["listed"][rows, columns] = True
    return ScoresByDate(tuple(known), records)


def _long(frame: pl.DataFrame, date_name: str, source: str) -> pl.DataFrame:
    """`date`, `asset` and the numbers, with the row they came from."""
    frame = _without_parts(frame)
    symbol = column_named(frame, SYMBOL_NAMES, source)
    rows: pl.Series | None = pl.int_range(1, frame.height + 1, eager=True)
    if symbol is None and "score" not in frame.columns:
        numbers = [name for name in frame.columns if name != date_name]
        if not numbers:
            raise InputError([Fault("the table has no scores", "add a column for each asset")], source)
        frame = frame.select(pl.col(date_name), *(numbers_of(frame[name], source)[0] for name in numbers))
        frame = frame.unpivot(index=date_name, variable_name="asset", value_name="score")
        symbol, rows = "asset", None  # a cell is named by its day and asset
    symbol = required(frame, SYMBOL_NAMES, source) if symbol is None else symbol
    required(frame, ("score",), source)
    unknown = [name for name in frame.columns if name not in (date_name, symbol, *NUMBERS)]
    if unknown:
        advice = f"{nearest(unknown[0], NUMBERS)} Drop what a backtest does not use; buckets go into classification"
        raise InputError([Fault("the column is unknown", advice, column=unknown[0])], source)
    numbers = [name for name in NUMBERS if name in frame.columns]
    columns = [days_of(frame[date_name], source).alias("date"), names_of(frame[symbol], source).alias("asset")]
    return pl.DataFrame([*columns, *(frame[name] for name in numbers)]).with_columns(pl.lit(rows).alias("row"))


def _in_range(long: pl.DataFrame, name: str, source: str) -> Any:
    """The numbers of a column; NaN for an empty cell."""
    numbers, wrong = numbers_of(long[name], source)
    low, high = _RANGES[name]
    bad = wrong | ~numbers.is_between(low, high).fill_null(True)
    if name == "desired_weight":  # 0 closes
        bad &= (numbers != 0).fill_null(True)
    problem = f"must be a number between {low:g} and {high:g}"
    _refuse(bad, long, name, source, problem, lambda _: "correct it or leave it empty")
    return numbers.fill_null(math.nan).to_numpy()


def _refuse(
    bad: pl.Series, long: pl.DataFrame, name: str, source: str, problem: str, advice: Callable[[str], str]
) -> None:
    rows = bad.arg_true().to_list()
    if rows:
        faults = [
            Fault(
                f"{problem} ({long['date'][row].isoformat()}, {long['asset'][row]})",
                advice(str(long[name][row])),
                column=name,
                row=long["row"][row],
                value=long[name][row],
            )
            for row in rows[:100]
        ]
        raise InputError(faults, source)

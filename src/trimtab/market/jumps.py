"""Moves that no market explains: prices not adjusted for a split, a change of unit; and prices that never move."""

from __future__ import annotations

import math

import polars as pl

from trimtab.market.data_findings import EVENTS, events

_UNITS = {10: 1.15, 100: 1.4, 1000: 1.4}  # a change of unit, and by how much the price itself may have moved
_MOVES = 63  # sessions that define a usual move
_FEW_MOVES = 20
_LARGEST_SPLIT = 60


def jumps(wide: pl.DataFrame, min_jump: float, usual_moves: float, large_jump: float) -> pl.DataFrame:
    """Ratios of a price to the one before that a split, a wrong unit or an error could make.

    A ratio of `min_jump` or more, or of its inverse or less, is a jump if the move is also `usual_moves` times the median
    absolute log return of the 63 sessions before (or if fewer than 20 of them are known). From `large_jump` on, it
    always is. It is called a change of unit near 10, 100 and 1000, a split up to 60, and large above.
    """
    parts = [pl.DataFrame(schema=EVENTS)]
    for name in wide.columns[1:]:
        series = wide.select("date", close=pl.col(name)).drop_nulls()
        moved = series["close"] / series["close"].shift(1)
        ratio = moved.fill_null(1.0)
        size = pl.select(pl.max_horizontal(ratio, 1.0 / ratio)).to_series()
        if not (size >= min(min_jump, large_jump)).any():
            continue
        moves = moved.log().abs()
        usual = moves.shift(1).rolling_median(_MOVES, min_samples=_FEW_MOVES)
        unusual = (moves >= usual_moves * usual).fill_null(True)
        is_jump = ((size >= min_jump) & unusual) | (size >= large_jump)
        marked = series.with_columns(pl.lit(name).alias("symbol"), _kind(size), ratio.alias("value")).filter(is_jump)
        parts += [events(part, str(part["kind"][0])) for part in marked.partition_by("kind", maintain_order=True)]
    return pl.concat(parts)


def _kind(size: pl.Series) -> pl.Series:
    """The causes that could make a price jump by these ratios (at least 1)."""
    is_unit = size != size  # noqa: PLR0124 - nowhere
    for unit, play in _UNITS.items():
        is_unit |= (size / unit).log().abs() <= math.log(play)
    kind = pl.when(is_unit).then(pl.lit("unit_like_jump"))
    split = kind.when(size <= _LARGEST_SPLIT).then(pl.lit("split_like_jump"))
    return pl.select(split.otherwise(pl.lit("large_jump")).alias("kind")).to_series()


def unchanged_prices(wide: pl.DataFrame, sessions: int) -> pl.DataFrame:
    """The sessions at which a series has had the same price for at least this many sessions."""
    parts = [pl.DataFrame(schema=EVENTS)]
    for name in wide.columns[1:]:
        series = wide.select("date", close=pl.col(name)).drop_nulls()
        count = series["close"].rle_id().rle().struct.field("len")
        if not (count >= sessions).any():
            continue
        length = pl.int_range(1, pl.len() + 1).over(pl.col("close").rle_id()).alias("value")
        stuck = series.with_columns(length).filter(pl.col("value") >= sessions)
        parts.append(events(stuck.with_columns(symbol=pl.lit(name)), "unchanged_price"))
    return pl.concat(parts)

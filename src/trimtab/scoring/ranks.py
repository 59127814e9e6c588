"""The scores of a day: one row per asset, with the score, its parts, and what was missing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import polars as pl

from trimtab.market.view import MarketView
from trimtab.statistics.performance import YEAR

SCORED = ""
NO_WEIGHT = "every weight is 0: give at least one part a weight"
NOT_MEMBER, LOW_CONFIDENCE, NO_BUCKET, NO_INPUTS = "not_member", "low_confidence", "no_bucket", "no_inputs"


@dataclass(frozen=True)
class Scores:
    """The scores of all assets on a day.

    `table` has a row per asset, by name: `asset`; `score` in [0, 1], null without one; `confidence`, the share of the
    inputs that exist; `reason`, empty for a scored asset, else why it has no score (the kind of a finding,
    `not_member`, `low_confidence`, `no_bucket`, `no_inputs`); `missing`, the missing inputs, separated by commas; and
    each part, raw and as its rank. `sessions_per_year` is the length of a year in the parts, `notes` are notes for the
    reader.
    """

    date: dt.date
    session: dt.date
    table: pl.DataFrame
    sessions_per_year: int = YEAR
    notes: tuple[str, ...] = ()

    @cached_property
    def by_asset(self) -> Mapping[str, float | None]:
        """The score of each asset."""
        return MappingProxyType(dict(self.table.select("asset", "score").iter_rows()))

    def score_of(self, asset: str) -> float | None:
        """The score of an asset; None if it has no score or is unknown."""
        return self.by_asset.get(asset)


def long_prices(window: pl.DataFrame) -> pl.DataFrame:
    """Prices with one column an asset as `asset`, `row` (from 0) and `price`, asset by asset.

    The columns get their names last: an asset may have one of these names, but none begins with a space.
    """
    names = {" asset": "asset", " row": "row", " price": "price"}
    numbered = window.with_row_index(" row")
    return numbered.unpivot(index=" row", variable_name=" asset", value_name=" price").rename(names)


def percentile_rank(value: pl.Expr) -> pl.Expr:
    """(rank - 1) / (n - 1) among the values that exist: 0 for the lowest, 1 for the highest, 0.5 for a single one.

    Equal values share the mean of their ranks.
    """
    count = value.count()
    rank = (value.rank("average") - 1.0) / (count - 1).cast(pl.Float64)
    return pl.when(count > 1).then(rank).when(value.is_not_null()).then(0.5)


def weighted_mean(ranks: Mapping[str, float]) -> pl.Expr:
    """The mean of the columns that are not null, by their weights (above 0); null where all are.

    Summed in the order given, and never outside the columns, whatever the last bit: as `scoring.weights.mean_score`.
    """
    total, weight = pl.lit(0.0), pl.lit(0.0)
    for name, share in ranks.items():
        total = total + pl.col(name).fill_null(0.0) * share
        weight = weight + pl.col(name).is_not_null().cast(pl.Float64) * share
    lowest, highest = pl.min_horizontal(*ranks), pl.max_horizontal(*ranks)
    return pl.when(weight > 0).then((total / weight).clip(lowest, highest))


def obstacle(view: MarketView) -> pl.Expr:
    """Why an asset has no score whatever its inputs: a finding blocks it, or it is not a member."""
    kinds = {symbol: finding.kind for symbol, finding in view.blocked.items()}
    blocked = pl.col("asset").replace_strict(kinds, default=None, return_dtype=pl.String)
    outside = pl.lit(False) if view.members is None else ~pl.col("asset").is_in(sorted(view.members))
    return pl.when(blocked.is_not_null()).then(blocked).when(outside).then(pl.lit(NOT_MEMBER)).alias("obstacle")

"""The fundamental score: value, quality, growth and leverage, each measure ranked inside the sector."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from trimtab.candidates.equality import compared_by_value
from trimtab.errors import Fault, InputError
from trimtab.limits.fields import check_settings, described
from trimtab.market.market_data import MarketData
from trimtab.market.typed_columns import Date, day
from trimtab.market.view import MarketView
from trimtab.scoring.fundamental_measures import MEASURES, PARTS, measured
from trimtab.scoring.ranks import (
    LOW_CONFIDENCE,
    NO_BUCKET,
    NO_INPUTS,
    NO_WEIGHT,
    SCORED,
    Scores,
    obstacle,
    percentile_rank,
    weighted_mean,
)


@dataclass(frozen=True, kw_only=True)
class FundamentalConfig:
    """How fundamentals become a score. Frozen; all faults are reported at once when it is made.

    Examples
    --------
    >>> FundamentalConfig(growth_weight=0).weights["growth"]
    0.0
    """

    value_weight: float = described(0.3, float, "weight of earnings, book, sales and dividends over price")
    quality_weight: float = described(0.3, float, "weight of profit over assets and equity")
    growth_weight: float = described(0.2, float, "weight of the growth of revenue and earnings")
    leverage_weight: float = described(0.2, float, "weight of little debt")
    max_age_days: int = described(500, int, "days after which a row of fundamentals no longer counts", low=1)
    min_peers: int = described(5, int, "assets of a sector that must have a measure for it to be ranked there", low=2)
    min_confidence: float = described(0.25, float, "share of the measures that must be there", fraction=True)

    def __post_init__(self) -> None:
        check_settings(self, lambda: () if any(self.weights.values()) else [NO_WEIGHT])

    @property
    def weights(self) -> Mapping[str, float]:
        """The weight of each part."""
        return {part: getattr(self, f"{part}_weight") for part in PARTS}


def fundamental_scores(view: MarketView, config: FundamentalConfig | None = None) -> Scores:
    """The fundamental scores of a day, of the assets with a price in the window.

    Each measure (see `trimtab.scoring.fundamental_measures`) is the latest that was known, at most `max_age_days` old. It
    is ranked among the assets of the same bucket of the classification (among all assets without one) if at least
    `min_peers` of them have it. A part is the mean of the ranks of its measures, the score the weighted mean of the parts
    that exist; missing measures are named in `missing` and lower `confidence`, the weighted share of the measures that
    exist. An asset whose prices a finding blocks has no score here either.

    Raises
    ------
    InputError
        The market data has no fundamentals.
    """
    config = FundamentalConfig() if config is None else config
    if view.fundamentals is None:
        raise InputError([Fault("there are no fundamentals", "give MarketData fundamentals, or leave this score out")])
    known = _latest(view.fundamentals, view.date, config)
    assets = pl.DataFrame({"asset": view.symbols}, schema={"asset": pl.String})
    rows = assets.join(known, on="asset", how="left").with_columns(_group(view), obstacle(view))
    eligible = pl.col("obstacle").is_null() & pl.col("group").is_not_null()
    ranked = rows.with_columns(_rank(measure.name, eligible, config, low=measure.low_is_good) for measure in MEASURES)
    weights = {part: weight for part, weight in config.weights.items() if weight > 0}
    parts = ranked.with_columns(
        weighted_mean({f"{measure.name}_rank": 1.0 for measure in MEASURES if measure.part == part}).alias(part)
        for part in PARTS
    )
    scored = parts.with_columns(_confidence(weights), _missing(weights), weighted_mean(weights).alias("score"))
    reasoned = scored.with_columns(_reason(config))
    kept = reasoned.with_columns(pl.when(pl.col("reason") == SCORED).then("score").alias("score"))
    columns = ["asset", "score", "confidence", "reason", "missing", *PARTS]
    columns += [name for measure in MEASURES for name in (measure.name, f"{measure.name}_rank")]
    return Scores(view.date, view.session, kept.select(columns).sort("asset"), view.sessions_per_year, view.notes)


def _latest(rows: pl.DataFrame, on: dt.date, config: FundamentalConfig) -> pl.DataFrame:
    """The latest known value of each measure of each asset, none older than `max_age_days`."""
    recent = measured(rows).filter(pl.col("known_on") >= on - dt.timedelta(days=config.max_age_days))
    newest = [pl.col(measure.name).drop_nulls().last() for measure in MEASURES]
    latest = recent.group_by("symbol", maintain_order=True).agg(newest)
    return latest.rename({"symbol": "asset"})


def _group(view: MarketView) -> pl.Expr:
    """The bucket in which an asset is ranked; one for all without a classification."""
    if view.bucket_of is None:
        return pl.lit("").alias("group")
    return pl.col("asset").replace_strict(dict(view.bucket_of), default=None, return_dtype=pl.String).alias("group")


def _rank(name: str, eligible: pl.Expr, config: FundamentalConfig, *, low: bool) -> pl.Expr:
    """A measure's rank inside the group, null if too few of the group have the measure."""
    value = pl.when(eligible).then(-pl.col(name) if low else pl.col(name))
    enough = value.count().over("group") >= config.min_peers
    return pl.when(enough).then(percentile_rank(value).over("group")).alias(f"{name}_rank")


def _confidence(weights: Mapping[str, float]) -> pl.Expr:
    """The share of the measures that exist, each part by its weight."""
    total = pl.lit(0.0)
    for part, weight in weights.items():
        names = [f"{measure.name}_rank" for measure in MEASURES if measure.part == part]
        ranked = pl.sum_horizontal(*(pl.col(name).is_not_null().cast(pl.Float64) for name in names))
        total = total + ranked * (weight / len(names))
    return (total / sum(weights.values())).clip(0.0, 1.0).alias("confidence")


def _missing(weights: Mapping[str, float]) -> pl.Expr:
    """The measures without a rank, separated by commas."""
    names = [measure.name for measure in MEASURES if measure.part in weights]
    lost = [pl.when(pl.col(f"{name}_rank").is_null()).then(pl.lit(name)) for name in names]
    return pl.concat_str(lost, separator=",", ignore_nulls=True).alias("missing")


def _reason(config: FundamentalConfig) -> pl.Expr:
    """Why an asset has no score, empty where it has one."""
    return (
        pl.when(pl.col("obstacle").is_not_null())
        .then("obstacle")
        .when(pl.col("group").is_null())
        .then(pl.lit(NO_BUCKET))
        .when(pl.col("score").is_null())
        .then(pl.lit(NO_INPUTS))
        .when(pl.col("confidence") < config.min_confidence - 1e-12)
        .then(pl.lit(LOW_CONFIDENCE))
        .otherwise(pl.lit(SCORED))
        .alias("reason")
    )


@compared_by_value
class FundamentalAnalyzer:
    """The fundamental score of one asset on a day; a day's scores are made once and kept."""

    def __init__(self, data: MarketData, config: FundamentalConfig | None = None) -> None:
        self._data = data
        self._config = FundamentalConfig() if config is None else config
        self._kept: dict[dt.date, Scores] = {}

    def scores(self, date: Date) -> Scores:
        """The scores of all assets on a day."""
        on = day(date)
        if on not in self._kept:
            self._kept[on] = fundamental_scores(self._data.as_of(on), self._config)
        return self._kept[on]

    def analyze_asset(self, asset: str, date: Date) -> float | None:
        """The score of an asset in [0, 1], None without one."""
        return self.scores(date).score_of(asset)

"""The technical score: five parts of a price series, each ranked among all assets of the day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from trimtab.errors import LimitsError
from trimtab.limits.fields import check_fields, described
from trimtab.market.market_data import MarketData
from trimtab.market.typed_columns import Date, day
from trimtab.market.view import MarketView
from trimtab.scoring.ranks import LOW_CONFIDENCE, SCORED, Scores, long_prices, obstacle, percentile_rank, weighted_mean

PARTS = ("momentum", "trend", "volatility", "drawdown", "reversal")
# A lower value of these is better, so they are ranked the other way round.
_LOW_IS_GOOD = ("volatility", "reversal")
_USABLE_VOLATILITY = 1e-9


@dataclass(frozen=True, kw_only=True)
class TechnicalConfig:
    """How a price series becomes a score. Frozen; all faults are reported at once when it is made.

    Windows count sessions. The weights are relative: (2, 1, 1, 0, 0) and (0.5, 0.25, 0.25, 0, 0) mean the same.

    Examples
    --------
    >>> TechnicalConfig(momentum_weight=1, trend_weight=1, volatility_weight=0).longest
    253
    """

    momentum_weight: float = described(0.30, float, "weight of momentum: 12 months without the latest")
    trend_weight: float = described(0.25, float, "weight of the price against its moving averages")
    volatility_weight: float = described(0.20, float, "weight of low volatility")
    drawdown_weight: float = described(0.15, float, "weight of nearness to the highest price of the year")
    reversal_weight: float = described(0.10, float, "weight of a low return in the latest month")
    year: int = described(252, int, "sessions of a year", low=2, high=100_000)
    month: int = described(21, int, "sessions of a month", low=1, high=100_000)
    short_average: int = described(50, int, "sessions of the shorter moving average", low=2, high=100_000)
    long_average: int = described(200, int, "sessions of the longer moving average", low=2, high=100_000)
    min_confidence: float = described(
        1.0, float, "share of the inputs that must be there; below 1 missing parts are weighted anew", fraction=True
    )

    def __post_init__(self) -> None:
        faults = check_fields(self)
        if not faults:
            if not any(self.weights.values()):
                faults.append("every weight is 0: give at least one part a weight")
            if self.month >= self.year:
                faults.append(f"month {self.month} is not below year {self.year}: lower the one or raise the other")
            if self.short_average >= self.long_average:
                averages = f"short_average {self.short_average} is not below long_average {self.long_average}"
                faults.append(f"{averages}: lower the one or raise the other")
        if faults:
            raise LimitsError(faults)

    @property
    def weights(self) -> Mapping[str, float]:
        """The weight of each part."""
        return {
            "momentum": self.momentum_weight,
            "trend": self.trend_weight,
            "volatility": self.volatility_weight,
            "drawdown": self.drawdown_weight,
            "reversal": self.reversal_weight,
        }

    @property
    def needed(self) -> Mapping[str, int]:
        """The prices that each part needs."""
        return {
            "momentum": 2,
            "trend": self.long_average,
            "volatility": self.year + 1,
            "drawdown": self.year,
            "reversal": 2,
        }

    @property
    def longest(self) -> int:
        """The sessions that all parts together look at."""
        return max(self.year + 1, self.long_average)


def technical_parts(prices: pl.DataFrame, config: TechnicalConfig) -> pl.DataFrame:
    """The raw parts of every series at its last row, and how many of their prices were missing.

    With P[t] the price of the last session, t counting sessions:

    - momentum: P[t - 21] / P[t - 252] - 1, twelve months without the latest (Jegadeesh and Titman, "Returns to Buying
      Winners and Selling Losers", Journal of Finance 48, 1993);
    - trend: the mean of P[t] / mean(P[t - 49 .. t]) - 1 and P[t] / mean(P[t - 199 .. t]) - 1 (moving averages: Brock,
      Lakonishok and LeBaron, "Simple Technical Trading Rules", Journal of Finance 47, 1992);
    - volatility: std(r[t - 251 .. t]) * sqrt(252) with r the daily returns and n - 1; low is good (Blitz and van Vliet,
      "The Volatility Effect", Journal of Portfolio Management 34, 2007);
    - drawdown: P[t] / max(P[t - 251 .. t]) - 1, from -1 to 0; near the high is good (George and Hwang, "The 52-Week
      High and Momentum Investing", Journal of Finance 59, 2004);
    - reversal: P[t] / P[t - 21] - 1; low is good (Jegadeesh, "Evidence of Predictable Behavior of Security Returns",
      Journal of Finance 45, 1990).

    Parameters
    ----------
    prices
        One row a session, ascending, and one column of float64 an asset, null where there is no price; without `date`.
    config
        The sessions of the windows.

    Returns
    -------
    pl.DataFrame
        `asset`, the five parts (fractions; null where an end of a ratio, or all of a window, is missing), and for each
        part `<part>_missing`, how many of the prices that it needs (`needed`) were not there.
    """
    window = prices.tail(config.longest)
    year, month, price = config.year, config.month, pl.col("price")
    returns = (price / price.shift(1) - 1.0).tail(year)

    def averaged(sessions: int) -> pl.Expr:
        return _back(0) / price.tail(sessions).mean() - 1.0

    parts = {
        "momentum": _back(month) / _back(year) - 1.0,
        "trend": (averaged(config.short_average) + averaged(config.long_average)) / 2.0,
        "volatility": returns.std() * float(year) ** 0.5,
        "drawdown": _back(0) / price.tail(year).max() - 1.0,
        "reversal": _back(0) / _back(month) - 1.0,
        "momentum_missing": 2 - _there(month) - _there(year),
        "trend_missing": config.long_average - price.tail(config.long_average).count(),
        "volatility_missing": year + 1 - price.tail(year + 1).count(),
        "drawdown_missing": year - price.tail(year).count(),
        "reversal_missing": 2 - _there(0) - _there(month),
    }
    return long_prices(window).group_by("asset", maintain_order=True).agg(**parts)


def _back(rows: int) -> pl.Expr:
    """The price some rows before the last one; null where the series does not go that far."""
    return pl.col("price").shift(rows).last()


def _there(back: int) -> pl.Expr:
    """1 where the price some rows before the last one is there, else 0."""
    return _back(back).is_not_null().cast(pl.Int64)


def technical_scores(view: MarketView, config: TechnicalConfig | None = None) -> Scores:
    """The technical scores of a day: each part as its rank among the scored assets, and their weighted mean.

    Ranked are the assets with a price in the window that no finding blocks, members of the index where a membership was
    given, whose inputs are there to at least `min_confidence`. A price that is missing is never replaced by another.

    Raises
    ------
    LimitsError
        The parts look further back than the checks of the market data.

    Examples
    --------
    >>> data = MarketData(
    ...     [
    ...         {"date": str(day), "symbol": symbol, "close": 100 * growth**at}
    ...         for symbol, growth in [("DOWN", 0.999), ("UP", 1.001)]
    ...         for at, day in enumerate(pl.date_range(pl.date(2023, 1, 1), pl.date(2023, 12, 31), eager=True))
    ...     ]
    ... )
    >>> scores = technical_scores(data.as_of("2023-12-31"), TechnicalConfig(volatility_weight=0, drawdown_weight=0))
    >>> scores.table.select("asset", "score", "momentum_rank", "reversal_rank").rows()
    [('DOWN', 0.15384615384615385, 0.0, 1.0), ('UP', 0.8461538461538461, 1.0, 0.0)]
    """
    config = TechnicalConfig() if config is None else config
    if config.longest > view.window:
        fault = (
            f"the parts look at {config.longest} sessions and the checks at {view.window}: raise MarketChecks.window"
        )
        raise LimitsError([fault])
    parts = technical_parts(view.prices.select(view.symbols), config)
    weights = {part: weight for part, weight in config.weights.items() if weight > 0}
    total = sum(weights.values())
    confidence = pl.lit(1.0)  # one after the other: a horizontal sum has another order with another number of threads
    for part, weight in weights.items():
        confidence = confidence - pl.col(f"{part}_missing") * (weight / (total * config.needed[part]))
    lost = [pl.when(pl.col(f"{part}_missing") > 0).then(pl.lit(part)) for part in weights]
    missing = pl.concat_str(lost, separator=",", ignore_nulls=True).alias("missing")
    told = parts.with_columns(confidence.clip(0.0, 1.0).alias("confidence"), missing, obstacle(view))
    reasoned = told.with_columns(_reason(config))
    eligible = pl.col("reason") == SCORED
    ranked = reasoned.with_columns(
        percentile_rank(pl.when(eligible).then(-pl.col(part) if part in _LOW_IS_GOOD else pl.col(part))).alias(
            f"{part}_rank"
        )
        for part in PARTS
    )
    score = weighted_mean({f"{part}_rank": weight for part, weight in weights.items()})
    columns = ["asset", "score", "confidence", "reason", "missing", *PARTS, *(f"{part}_rank" for part in PARTS)]
    return Scores(view.date, view.session, ranked.with_columns(score.alias("score")).select(columns).sort("asset"))


def usable_volatilities(technical: Scores, view: MarketView) -> pl.DataFrame:
    """`asset` and `volatility` as sizes by volatility can use it: null where it is none, or a finding blocks the asset."""
    usable = (pl.col("volatility") >= _USABLE_VOLATILITY) & ~pl.col("asset").is_in(sorted(view.blocked))
    return technical.table.select("asset", pl.when(usable).then("volatility").alias("volatility"))


def _reason(config: TechnicalConfig) -> pl.Expr:
    """What stands against a score, empty where nothing does."""
    return (
        pl.when(pl.col("obstacle").is_not_null())
        .then("obstacle")
        .when(pl.col("confidence") < config.min_confidence - 1e-12)
        .then(pl.lit(LOW_CONFIDENCE))
        .otherwise(pl.lit(SCORED))
        .alias("reason")
    )


class TechnicalAnalyzer:
    """The technical score of one asset on a day; all assets of the day are scored once and kept.

    Examples
    --------
    >>> data = MarketData([{"date": "2024-01-02", "symbol": "AAA", "close": 10.0}])
    >>> TechnicalAnalyzer(data).analyze_asset("AAA", "2024-01-02") is None  # one price is not enough
    True
    """

    def __init__(self, data: MarketData, config: TechnicalConfig | None = None) -> None:
        self._data = data
        self._config = TechnicalConfig() if config is None else config
        self._kept: dict[dt.date, Scores] = {}

    def scores(self, date: Date) -> Scores:
        """The scores of all assets on a day."""
        on = day(date)
        if on not in self._kept:
            self._kept[on] = technical_scores(self._data.as_of(on), self._config)
        return self._kept[on]

    def analyze_asset(self, asset: str, date: Date) -> float | None:
        """The score of an asset in [0, 1], None if it could not be scored."""
        return self.scores(date).score_of(asset)

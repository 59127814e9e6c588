"""The technical score: five parts of a price series, each ranked among the assets of the day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from trimtab.candidates.equality import compared_by_value
from trimtab.errors import LimitsError
from trimtab.limits.fields import check_settings, described
from trimtab.market.market_data import MarketData
from trimtab.market.typed_columns import Date, day
from trimtab.market.view import MarketView
from trimtab.scoring.ranks import (
    LOW_CONFIDENCE,
    NO_WEIGHT,
    SCORED,
    Scores,
    long_prices,
    obstacle,
    percentile_rank,
    weighted_mean,
)

PARTS = ("momentum", "trend", "volatility", "drawdown", "reversal")
# A lower value of these is better, so they are ranked the other way round.
_LOW_IS_GOOD = ("volatility", "reversal")
_USABLE_VOLATILITY = 1e-9


# Sessions of the windows where a year has 252 sessions; where it has another number, so have they, in proportion.
_WINDOWS = {"year": 252, "month": 21, "short_average": 50, "long_average": 200}
_NESTED = (("month", "year"), ("short_average", "long_average"))  # the first is the shorter one
_FEWEST = {"year": 2, "month": 1, "short_average": 2, "long_average": 3}


def _sessions(doc: str, low: int) -> Any:
    return described(None, int, f"sessions of {doc}; by default in proportion", low=low, high=100_000, optional=True)


@dataclass(frozen=True, kw_only=True)
class TechnicalConfig:
    """How a price series becomes a score. Frozen; all faults are reported at once when it is made.

    Windows count sessions: by default a year, a month, and averages of 50 and 200 sessions where a year has 252, else in
    proportion (a year of weekly prices has 52). Weights are relative: (2, 1, 1, 0, 0) means the same as
    (0.5, 0.25, 0.25, 0, 0).

    Examples
    --------
    >>> TechnicalConfig(month=5).for_year(252).longest, TechnicalConfig().for_year(52).long_average
    (253, 41)
    """

    momentum_weight: float = described(0.30, float, "weight of momentum: 12 months without the latest")
    trend_weight: float = described(0.25, float, "weight of the price against its moving averages")
    volatility_weight: float = described(0.20, float, "weight of low volatility")
    drawdown_weight: float = described(0.15, float, "weight of nearness to the highest price of the year")
    reversal_weight: float = described(0.10, float, "weight of a low return in the latest month")
    year: int | None = _sessions("a year", 2)
    month: int | None = _sessions("a month", 1)
    short_average: int | None = _sessions("the shorter moving average", 2)
    long_average: int | None = _sessions("the longer moving average", 2)
    min_confidence: float = described(
        1.0,
        float,
        "share of the inputs that must be there; below 1 the weight of missing parts goes to the others",
        fraction=True,
    )

    def __post_init__(self) -> None:
        check_settings(self, self._contradictions)

    def _contradictions(self) -> Iterator[str]:
        if not any(self.weights.values()):
            yield NO_WEIGHT
        for shorter, longer in _NESTED:
            first, second = getattr(self, shorter), getattr(self, longer)
            if first is not None and second is not None and first >= second:
                yield f"{shorter} {first} is not below {longer} {second}: lower the one or raise the other"

    def for_year(self, sessions: int) -> TechnicalWindows:
        """The windows for a year with this number of sessions.

        Raises
        ------
        LimitsError
            A window that is given does not fit one that is not: name both.
        """
        windows = {name: getattr(self, name) for name in _WINDOWS}
        scaled = {
            name: max(_FEWEST[name], round(count * sessions / _WINDOWS["year"])) for name, count in _WINDOWS.items()
        }
        return TechnicalWindows(**{name: scaled[name] if windows[name] is None else windows[name] for name in _WINDOWS})

    @property
    def weights(self) -> Mapping[str, float]:
        """The weight of each part."""
        return {part: getattr(self, f"{part}_weight") for part in PARTS}


@dataclass(frozen=True)
class TechnicalWindows:
    """The sessions of each window, all known."""

    year: int
    month: int
    short_average: int
    long_average: int

    def __post_init__(self) -> None:
        faults = [
            f"{shorter} {getattr(self, shorter)} is not below {longer} {getattr(self, longer)}, which is in proportion "
            "to the sessions of a year: set both"
            for shorter, longer in _NESTED
            if getattr(self, shorter) >= getattr(self, longer)
        ]
        if faults:
            raise LimitsError(faults)

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


def technical_parts(
    prices: pl.DataFrame, windows: TechnicalWindows, holidays: Mapping[str, frozenset[dt.date]] | None = None
) -> pl.DataFrame:
    """The raw parts of every series at its last row, and how many of their prices were missing.

    With P[t] the price of the last session, t counting sessions:

    - momentum: P[t - 21] / P[t - 252] - 1, twelve months without the latest (Jegadeesh and Titman, "Returns to Buying
      Winners and Selling Losers", Journal of Finance 48, 1993);
    - trend: the mean of P[t] / mean(P[t - 49 .. t]) - 1 and P[t] / mean(P[t - 199 .. t]) - 1 (moving averages: Brock,
      Lakonishok and LeBaron, "Simple Technical Trading Rules", Journal of Finance 47, 1992);
    - volatility: std(r[t - 251 .. t]) * sqrt(sessions per year) with r the returns and n - 1; low is good (Blitz and van Vliet,
      "The Volatility Effect", Journal of Portfolio Management 34, 2007);
    - drawdown: P[t] / max(P[t - 251 .. t]) - 1, from -1 to 0; near the high is good (George and Hwang, "The 52-Week
      High and Momentum Investing", Journal of Finance 59, 2004);
    - reversal: P[t] / P[t - 21] - 1; low is good (Jegadeesh, "Evidence of Predictable Behavior of Security Returns",
      Journal of Finance 45, 1990).

    Parameters
    ----------
    prices
        One row per session, ascending: `date`, and one column of float64 per asset, null where there is no price.
    windows
        The sessions of the windows; a year's are also what volatility is annualised with.
    holidays
        Days without a session for an asset, by asset: they are left out of its series.

    Returns
    -------
    pl.DataFrame
        `asset`, the five parts (fractions; null where an end of a ratio, or all of a window, is missing), and for each
        part `<part>_missing`, how many of the prices that it needs (`needed`) are not there.
    """
    closed = {name: days for name, days in (holidays or {}).items() if name in prices.columns}
    longest = windows.longest + max((len(days) for days in closed.values()), default=0)
    series = _own_sessions(prices.tail(longest), closed, windows.longest)
    year, month, price = windows.year, windows.month, pl.col("price")
    returns = (price / price.shift(1) - 1.0).tail(year)

    def averaged(sessions: int) -> pl.Expr:
        return _back(0) / price.tail(sessions).mean() - 1.0

    parts = {
        "momentum": _back(month) / _back(year) - 1.0,
        "trend": (averaged(windows.short_average) + averaged(windows.long_average)) / 2.0,
        "volatility": returns.std() * float(year) ** 0.5,
        "drawdown": _back(0) / price.tail(year).max() - 1.0,
        "reversal": _back(0) / _back(month) - 1.0,
        "momentum_missing": 2 - _is_priced(month) - _is_priced(year),
        "trend_missing": windows.long_average - price.tail(windows.long_average).count(),
        "volatility_missing": year + 1 - price.tail(year + 1).count(),
        "drawdown_missing": year - price.tail(year).count(),
        "reversal_missing": 2 - _is_priced(0) - _is_priced(month),
    }
    return series.group_by("asset", maintain_order=True).agg(**parts)


def _own_sessions(prices: pl.DataFrame, closed: Mapping[str, frozenset[dt.date]], longest: int) -> pl.DataFrame:
    """`asset`, `row`, `price`: the last sessions of each asset's own exchange."""
    series = long_prices(prices.drop("date"))
    if not closed:
        return series
    numbered = prices.select("date").with_row_index("row")
    pairs = [(name, day) for name, days in closed.items() for day in days]
    out = pl.DataFrame(pairs, {"asset": pl.String, "date": pl.Date}, orient="row").join(numbered, on="date")
    kept = series.join(out, on=["asset", "row"], how="anti", maintain_order="left")
    return kept.group_by("asset", maintain_order=True).tail(longest)


def _back(rows: int) -> pl.Expr:
    """The price some rows before the last one; null where the series does not go that far."""
    return pl.col("price").shift(rows).last()


def _is_priced(rows: int) -> pl.Expr:
    """1 if there is a price some rows before the last one, else 0."""
    return _back(rows).is_not_null().cast(pl.Int64)


def technical_scores(view: MarketView, config: TechnicalConfig | None = None) -> Scores:
    """The technical scores of a day: each part as its rank among the scored assets, and their weighted mean.

    Scored are the assets with a price in the window that no finding blocks, that are members of the index if a membership
    was given, and whose inputs are there to at least `min_confidence`. A missing price is never filled in.
    A holiday of an asset's own exchange, which other symbols show, is not a missing price (`MarketView.holidays`).

    Raises
    ------
    LimitsError
        The parts look further back than the checks of the market data.

    Examples
    --------
    >>> days = pl.date_range(pl.date(2023, 1, 1), pl.date(2023, 12, 31), eager=True)
    >>> growth = {"DOWN": 0.999, "UP": 1.001}
    >>> rows = [{"date": day, **{name: 100 * rate**i for name, rate in growth.items()}} for i, day in enumerate(days)]
    >>> view = MarketData(rows, sessions_per_year=252).as_of("2023-12-31")
    >>> scores = technical_scores(view, TechnicalConfig(volatility_weight=0, drawdown_weight=0))
    >>> scores.table.select("asset", "score", "momentum_rank", "reversal_rank").rows()
    [('DOWN', 0.15384615384615385, 0.0, 1.0), ('UP', 0.8461538461538461, 1.0, 0.0)]
    """
    config = TechnicalConfig() if config is None else config
    windows = config.for_year(view.sessions_per_year)
    if windows.longest > view.window:
        problem = f"the parts look at {windows.longest} sessions and the checks at {view.window}"
        raise LimitsError([f"{problem}: raise MarketChecks.window"])
    parts = technical_parts(view.prices.select("date", *view.symbols), windows, view.holidays)
    weights = {part: weight for part, weight in config.weights.items() if weight > 0}
    total = sum(weights.values())
    confidence = pl.lit(1.0)  # one after the other: a horizontal sum has another order with another number of threads
    for part, weight in weights.items():
        confidence = confidence - pl.col(f"{part}_missing") * (weight / (total * windows.needed[part]))
    lost = [pl.when(pl.col(f"{part}_missing") > 0).then(pl.lit(part)) for part in weights]
    missing = pl.concat_str(lost, separator=",", ignore_nulls=True).alias("missing")
    known = parts.with_columns(confidence.clip(0.0, 1.0).alias("confidence"), missing, obstacle(view))
    reasoned = known.with_columns(_reason(config))
    eligible = pl.col("reason") == SCORED
    goodness = {part: -pl.col(part) if part in _LOW_IS_GOOD else pl.col(part) for part in PARTS}
    ranks = {f"{part}_rank": percentile_rank(pl.when(eligible).then(good)) for part, good in goodness.items()}
    ranked = reasoned.with_columns(**ranks)
    score = weighted_mean({f"{part}_rank": weight for part, weight in weights.items()})
    columns = ["asset", "score", "confidence", "reason", "missing", *PARTS, *ranks]
    moved = pl.when(pl.col("volatility") >= _USABLE_VOLATILITY).then("volatility")  # sizing divides by it
    table = ranked.with_columns(score.alias("score"), moved.alias("volatility")).select(columns).sort("asset")
    return Scores(view.date, view.session, table, windows.year, view.notes)


def usable_volatilities(technical: Scores, view: MarketView) -> pl.DataFrame:
    """`asset` and `volatility` for sizing by it: null where nothing moved, or where a finding blocks the asset."""
    usable = ~pl.col("asset").is_in(sorted(view.blocked))
    return technical.table.select("asset", pl.when(usable).then("volatility").alias("volatility"))


def _reason(config: TechnicalConfig) -> pl.Expr:
    """Why an asset has no score, empty where it has one."""
    return (
        pl.when(pl.col("obstacle").is_not_null())
        .then("obstacle")
        .when(pl.col("confidence") < config.min_confidence - 1e-12)
        .then(pl.lit(LOW_CONFIDENCE))
        .otherwise(pl.lit(SCORED))
        .alias("reason")
    )


@compared_by_value
class TechnicalAnalyzer:
    """The technical score of one asset on a day; a day's scores are made once and kept.

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
        """The score of an asset in [0, 1], None without one."""
        return self.scores(date).score_of(asset)

"""The regime of the markets: growth and inflation, each rising or falling by the trend of market series; or a table."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import polars as pl

from trimtab.candidates.equality import compared_by_value
from trimtab.errors import Fault, InputError, nearest
from trimtab.limits.fields import check_settings, described
from trimtab.market.market_data import MarketData
from trimtab.market.typed_columns import Date, day, days_of, frame_of, names_of, numbers_of, refuse_rows, required
from trimtab.market.view import MarketView
from trimtab.scoring.trend import TrendAnalyzer

GOLDILOCKS, REFLATION, INFLATION, DEFLATION, UNKNOWN = "Goldilocks", "Reflation", "Inflation", "Deflation", "Unknown"
# (growth rises, inflation rises) -> regime
_REGIMES = {(True, False): GOLDILOCKS, (True, True): REFLATION, (False, True): INFLATION, (False, False): DEFLATION}
_AXES = ("growth", "inflation")
_LEVEL = 1e-12  # a price this near its average, as a fraction of it, is on it
_SIDES = {regime: sides for sides, regime in _REGIMES.items()}


@dataclass(frozen=True, kw_only=True)
class RegimeConfig:
    """The series that represent growth and inflation, and how their trend is read. Frozen, checked when it is made.

    A proxy is a symbol, or two with a slash for the ratio of their prices: `XLY/XLP`.

    Examples
    --------
    >>> RegimeConfig(growth=("SPY", "XLY/XLP"), inflation=("TIP/IEF", "DBC")).min_stay
    21
    """

    growth: tuple[str, ...] = described((), tuple, "series that rise with growth")
    inflation: tuple[str, ...] = described((), tuple, "series that rise with inflation")
    short: int = described(63, int, "sessions of the shortest moving average", low=2, high=100_000)
    middle: int = described(126, int, "sessions of the middle moving average", low=2, high=100_000)
    long: int = described(252, int, "sessions of the longest moving average", low=2, high=100_000)
    min_stay: int = described(21, int, "sessions that a regime lasts at least", low=1)

    def __post_init__(self) -> None:
        check_settings(self, self._contradictions)

    def _contradictions(self) -> Iterator[str]:
        yield from (f"{axis} names no series: give at least one" for axis in _AXES if not getattr(self, axis))
        for proxy in (*self.growth, *self.inflation):
            legs = proxy.split("/")
            if len(legs) > 2 or not all(leg == leg.strip() and leg for leg in legs):
                yield f"{proxy!r} is not a proxy: write a symbol, or two with a slash"


class RegimeSource(Protocol):
    """A source of regimes by day."""

    @property
    def names(self) -> tuple[str, ...]:
        """The regimes that it can give."""

    def regime_on(self, date: Date) -> tuple[str, float]:
        """The regime of a day and the confidence in it, in [0, 1]."""


@compared_by_value
class TrendRegimes:
    """Growth and inflation, each rising or falling by vote: Goldilocks, Reflation, Inflation, Deflation.

    Each proxy has three votes: is its price above its moving average of 63, of 126, of 252 sessions? (The simple
    moving-average rule: Faber, "A Quantitative Approach to Tactical Asset Allocation", Journal of Wealth Management 9,
    2007.) Growth, or inflation, rises if more votes say up than down. The regime changes when the two sides give another
    one, but only after the present one has lasted `min_stay` sessions. The confidence is the smaller share, of growth and
    of inflation, of votes that agree with the regime in force; a vote that cannot be cast, because a price is missing or
    a finding is in its window, agrees with nothing. `Unknown` with confidence 0 until both sides are known.
    """

    def __init__(self, data: MarketData, config: RegimeConfig) -> None:
        known = set(data.symbols)
        legs = [leg for proxy in (*config.growth, *config.inflation) for leg in proxy.split("/")]
        faults = [Fault("the proxy has no prices", nearest(leg, known), value=leg) for leg in legs if leg not in known]
        if faults:
            raise InputError(faults)
        self._data = data
        self._config = config
        self._kept: dict[dt.date, tuple[str, float]] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The four regimes."""
        return tuple(_SIDES)

    def regime_on(self, date: Date) -> tuple[str, float]:
        """The regime of a day and the confidence in it."""
        on = day(date)
        if on not in self._kept:
            history = regime_history(self._data.as_of(on), self._config)
            regime, confidence = history.select("regime", "confidence").row(-1)
            self._kept[on] = (str(regime), float(confidence))
        return self._kept[on]


def regime_history(view: MarketView, config: RegimeConfig) -> pl.DataFrame:
    """The regime of every session that a view can see.

    Returns
    -------
    pl.DataFrame
        `date`; `growth` and `inflation`, the balance of the votes in [-1, 1]; `regime`; `confidence` in [0, 1].
    """
    votes = {axis: _votes(view, getattr(config, axis), config) for axis in _AXES}

    def means(vote: pl.Expr) -> dict[str, pl.Series]:
        return {axis: cast.select(pl.mean_horizontal(vote)).to_series() for axis, cast in votes.items()}

    balance = means(pl.all().fill_null(0.0))
    agreeing = {True: means(pl.all().gt(0).fill_null(False)), False: means(pl.all().lt(0).fill_null(False))}
    regimes = _in_force(balance["growth"].to_list(), balance["inflation"].to_list(), config.min_stay)
    confidence = [
        min(
            (agreeing[rises][axis][session] for axis, rises in zip(_AXES, _SIDES.get(regime, ()), strict=False)),
            default=0.0,
        )
        for session, regime in enumerate(regimes)
    ]
    columns = {"date": view.prices["date"], **balance, "regime": regimes, "confidence": confidence}
    return pl.DataFrame(columns, schema_overrides={"regime": pl.String, "confidence": pl.Float64})


def _in_force(growth: Sequence[float], inflation: Sequence[float], min_stay: int) -> list[str]:
    """The regime in force on each session; a balance of 0 takes no side, so the regime before it stays."""
    regimes: list[str] = []
    now, stayed = UNKNOWN, 0
    rises: dict[int, bool] = {}
    for balances in zip(growth, inflation, strict=True):
        rises.update({axis: balance > 0 for axis, balance in enumerate(balances) if abs(balance) > 1e-12})
        voted = _REGIMES[rises[0], rises[1]] if len(rises) == 2 else UNKNOWN
        stayed += 1
        if voted != now and (now == UNKNOWN or stayed > min_stay):
            now, stayed = voted, 1
        regimes.append(now)
    return regimes


def _votes(view: MarketView, proxies: Iterable[str], config: RegimeConfig) -> pl.DataFrame:
    """One column per proxy and window: 1 above its moving average, -1 below, 0 on it, null where it is unknown."""
    columns = []
    for proxy in proxies:
        over, _, under = proxy.partition("/")
        price = view.prices[over] / view.prices[under] if under else view.prices[over]
        wrong = _wrong(view, [over, under])
        for sessions in (config.short, config.middle, config.long):
            average = price.rolling_mean(sessions)
            clean = wrong.rolling_max(sessions, min_samples=1) < 1
            vote = pl.when((price - average).abs() > _LEVEL * price).then((price - average).sign()).otherwise(0.0)
            cast = pl.when(clean & average.is_not_null() & price.is_not_null()).then(vote)
            name = f"{proxy} {sessions}"
            columns.append(pl.select(cast.alias(name)).to_series())
    return pl.DataFrame(columns)


def _wrong(view: MarketView, symbols: Iterable[str]) -> pl.Series:
    """1 on the sessions with a finding about one of these symbols, else 0."""
    days = view.events.filter(pl.col("symbol").is_in(list(symbols)) & (pl.col("kind") != "off_session"))["date"]
    return view.prices["date"].is_in(days.unique().to_list()).cast(pl.Int8)


@compared_by_value
class RegimeTable:
    """The regimes of a table: `date` (known from that day on), `regime`, and `confidence` in [0, 1] (1 where absent).

    Examples
    --------
    >>> table = RegimeTable([{"date": "2024-01-31", "regime": "Deflation"}, {"date": "2024-06-30", "regime": "Reflation"}])
    >>> table.regime_on("2024-06-29"), table.regime_on("2023-12-31")
    (('Deflation', 1.0), ('Unknown', 0.0))
    """

    def __init__(self, table: Any) -> None:
        frame, source = frame_of(table, "the regimes")
        dates = days_of(frame[required(frame, ("date",), source)], source)
        regimes = names_of(frame[required(frame, ("regime",), source)], source)
        confidence = pl.repeat(1.0, frame.height, eager=True)
        if "confidence" in frame.columns:
            confidence, _ = numbers_of(frame["confidence"], source)
            fine = confidence.is_between(0, 1).fill_null(False)
            advice = "give a confidence between 0 and 1"
            refuse_rows(confidence.alias("confidence"), fine, "is outside 0 to 1", advice, source)
        dates = dates.alias("date")
        problem = "an earlier row has the same day"
        refuse_rows(dates, dates.is_first_distinct(), problem, "give each day once", source)
        rows = pl.DataFrame([dates, regimes.alias("regime"), confidence.alias("confidence")])
        self._rows = rows.sort("date")

    @property
    def names(self) -> tuple[str, ...]:
        """The regimes of the table, by name."""
        return tuple(self._rows["regime"].unique().sort())

    def regime_on(self, date: Date) -> tuple[str, float]:
        """The last regime known on a day; `Unknown` before the first."""
        height = self._rows["date"].search_sorted(day(date), side="right")
        if not height:
            return UNKNOWN, 0.0
        _, regime, confidence = self._rows.row(height - 1)
        return str(regime), float(confidence)


@compared_by_value
class MarketRegimeDetector:
    """The markets, for an engine: the regime, its buckets, what research names, what is trending.

    Parameters
    ----------
    regimes
        `TrendRegimes`, `RegimeTable`, or another object that tells the regime of a day.
    trend
        The source of `get_trending_assets`; without it nothing is trending.
    buckets
        The buckets to look at in each regime. None are built in: choosing them is up to the user.
    research
        The buckets to look at from a day on, whatever the regime: day -> buckets.

    Raises
    ------
    InputError
        Buckets for a regime that cannot occur.

    Examples
    --------
    >>> regimes = RegimeTable([{"date": "2024-01-31", "regime": "Deflation", "confidence": 0.8}])
    >>> detector = MarketRegimeDetector(regimes, buckets={"Deflation": ["Bonds/Treasury"]})
    >>> detector.get_market_regime("2024-03-01"), detector.get_regime_buckets("Deflation")
    (('Deflation', 0.8), ['Bonds/Treasury'])
    """

    def __init__(
        self,
        regimes: RegimeSource,
        *,
        trend: TrendAnalyzer | None = None,
        buckets: Mapping[str, Sequence[str]] | None = None,
        research: Mapping[Any, Sequence[str]] | None = None,
    ) -> None:
        self._regimes = regimes
        self._trend = trend
        self._buckets = {name: list(paths) for name, paths in (buckets or {}).items()}
        for name in self._buckets:
            self._check(name)
        dated = {day(date, "a day of the research"): list(paths) for date, paths in (research or {}).items()}
        self._research = sorted(dated.items())

    @property
    def regime_names(self) -> tuple[str, ...]:
        """Every regime that can occur."""
        return tuple(self._regimes.names)

    def _check(self, regime: str) -> None:
        if regime not in self._regimes.names:
            raise InputError([Fault("the regime does not exist", nearest(regime, self._regimes.names), value=regime)])

    def get_market_regime(self, date: Date) -> tuple[str, float]:
        """The regime of a day and the confidence in it, in [0, 1]; (`Unknown`, 0.0) if it is unknown."""
        return self._regimes.regime_on(date)

    def get_regime_buckets(self, regime: str) -> list[str]:
        """The buckets to look at in a regime; empty if none were given, and in `Unknown`.

        Raises
        ------
        InputError
            A regime that cannot occur.
        """
        if regime != UNKNOWN:
            self._check(regime)
        return list(self._buckets.get(regime, []))

    def get_research_buckets(self, date: Date) -> list[str] | None:
        """The buckets that research named last, on a day or before; None if it named none."""
        on = day(date)
        known = [paths for named, paths in self._research if named <= on]
        return list(known[-1]) if known else None

    def get_trending_assets(
        self, date: Date, assets: Iterable[str] | None = None, limit: int | None = None, min_confidence: float = 0.0
    ) -> list[str]:
        """The assets that rise with at least this confidence, strongest first."""
        return [] if self._trend is None else self._trend.get_trending_assets(date, assets, limit, min_confidence)

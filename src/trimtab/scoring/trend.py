"""Which assets are in a trend: the growth of a regression line through the log prices, and how well it fits."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from trimtab.candidates.equality import compared_by_value
from trimtab.limits.fields import check_settings, described
from trimtab.market.market_data import MarketData
from trimtab.market.typed_columns import Date, day
from trimtab.market.view import MarketView
from trimtab.scoring.ranks import long_prices


@dataclass(frozen=True, kw_only=True)
class TrendConfig:
    """How a trend is measured. Frozen; all faults are reported at once when it is made.

    Examples
    --------
    >>> TrendConfig().sessions
    90
    """

    sessions: int = described(90, int, "sessions that the regression line goes through", low=3, high=100_000)
    year: int | None = described(
        None, int, "sessions of a year; by default read from the prices", low=1, high=100_000, optional=True
    )

    def __post_init__(self) -> None:
        check_settings(self)


def trends(view: MarketView, config: TrendConfig | None = None) -> pl.DataFrame:
    """The trend of every asset of a day with all prices of the window and without a blocking finding, strongest first.

    A line of least squares goes through ln P[t - 89 .. t]. With b its slope per session: `growth` = exp(252 b) - 1, what
    the line grows in a year (of as many sessions as the prices have); `confidence` = R squared, the share of the variance
    that it explains; `strength` = growth times confidence (Clenow, "Stocks on the Move", 2015). Ties go by name.

    Returns
    -------
    pl.DataFrame
        `asset`, `growth` and `strength` (fractions per year), `confidence` in [0, 1]. Prices that never moved have no row.

    Examples
    --------
    >>> data = MarketData([{"date": f"2024-01-{day:02}", "symbol": "AAA", "close": 1.01**day} for day in range(1, 6)])
    >>> [(asset, round(growth, 6), round(fit, 6)) for asset, growth, _, fit in
    ...     trends(data.as_of("2024-01-05"), TrendConfig(sessions=5, year=1)).rows()]
    [('AAA', 0.01, 1.0)]
    """
    config = TrendConfig() if config is None else config
    window = view.prices.tail(config.sessions)
    names = [name for name in view.symbols if name not in view.blocked]
    if window.height < config.sessions or not names:
        numbers = dict.fromkeys(("growth", "strength", "confidence"), pl.Float64)
        return pl.DataFrame(schema={"asset": pl.String, **numbers})
    middle = (config.sessions - 1) / 2.0
    x = pl.col("row").cast(pl.Float64) - middle
    y = pl.col("price").log() - pl.col("price").log().mean()
    sums = (
        long_prices(window.select(names))
        .group_by("asset", maintain_order=True)
        .agg(
            xx=(x * x).sum(),
            xy=(x * y).sum(),
            yy=(y * y).sum(),
            priced=pl.col("price").count(),
            moved=pl.col("price").n_unique(),
        )
    )
    year = view.sessions_per_year if config.year is None else config.year
    growth = (pl.col("xy") / pl.col("xx") * float(year)).exp() - 1.0
    fit = (pl.col("xy") ** 2 / (pl.col("xx") * pl.col("yy"))).clip(0.0, 1.0)
    complete = sums.filter((pl.col("priced") == config.sessions) & (pl.col("moved") > 1))
    measured = complete.select("asset", growth=growth, strength=growth * fit, confidence=fit)
    return measured.sort("strength", "asset", descending=[True, False])


@compared_by_value
class TrendAnalyzer:
    """The trending assets of a day; a day's trends are measured once and kept."""

    def __init__(self, data: MarketData, config: TrendConfig | None = None) -> None:
        self._data = data
        self._config = TrendConfig() if config is None else config
        self._kept: dict[dt.date, pl.DataFrame] = {}

    def trends(self, date: Date) -> pl.DataFrame:
        """The trends of all assets on a day, strongest first."""
        on = day(date)
        if on not in self._kept:
            self._kept[on] = trends(self._data.as_of(on), self._config)
        return self._kept[on]

    def get_trending_assets(
        self, date: Date, assets: Iterable[str] | None = None, limit: int | None = None, min_confidence: float = 0.0
    ) -> list[str]:
        """The assets that rise with at least this confidence, strongest first, at most `limit`: of `assets`, or of all.

        Examples
        --------
        >>> data = MarketData(
        ...     [
        ...         {"date": f"2024-01-{day:02}", "symbol": symbol, "close": rate**day}
        ...         for symbol, rate in [("DOWN", 0.99), ("FAST", 1.02), ("SLOW", 1.01)]
        ...         for day in range(1, 6)
        ...     ]
        ... )
        >>> TrendAnalyzer(data, TrendConfig(sessions=5)).get_trending_assets("2024-01-05", min_confidence=0.9)
        ['FAST', 'SLOW']
        """
        rising = self.trends(date).filter((pl.col("strength") > 0) & (pl.col("confidence") >= min_confidence))
        wanted = None if assets is None else set(assets)
        names = [name for name in rising["asset"] if wanted is None or name in wanted]
        return names[:limit]

"""Correlations of returns, measured on prices."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from trimtab.candidates.correlations import Correlations
from trimtab.limits.fields import check_settings, described
from trimtab.market.view import MarketView

# An asset whose daily returns deviate by less did not move: the deviation is rounding.
_STILL = 1e-9


@dataclass(frozen=True, kw_only=True)
class CorrelationConfig:
    """The sessions that correlations are measured on, and how many two assets must share. Frozen, checked when made.

    Examples
    --------
    >>> CorrelationConfig(sessions=504).least_common
    126
    """

    sessions: int = described(252, int, "returns that a correlation is measured on", low=3, high=100_000)
    least_common: int = described(
        126, int, "sessions with a return of both assets, below which the correlation is unknown", low=3
    )

    def __post_init__(self) -> None:
        above = f"least_common {self.least_common} is above sessions {self.sessions}: lower it, or raise sessions"
        check_settings(self, lambda: [above] if self.least_common > self.sessions else ())


def price_correlations(
    view: MarketView, assets: Iterable[str] | None = None, config: CorrelationConfig | None = None
) -> Correlations:
    """The correlations of returns, for `max_correlation`: of these assets, or of all in the view.

    Pearson's coefficient over those of the last 252 sessions on which both assets have a return: a price that day and
    the session before. Unknown with fewer than 126 of them, and for an asset that a finding blocks, that did not move or
    that has no prices. Sums over sessions run in their order, so the bits depend on nothing else.

    Examples
    --------
    >>> from trimtab.market.market_data import MarketData
    >>> days = ["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05"]
    >>> rows = [{"date": day, "A": 10.0 + up, "B": 20.0 + 2 * up} for day, up in zip(days, (0, 1, 0, 1))]
    >>> view = MarketData(rows).as_of("2024-01-05")
    >>> price_correlations(view, config=CorrelationConfig(sessions=3, least_common=3)).of("A", "B")
    1.0
    """
    config = CorrelationConfig() if config is None else config
    wanted = set(view.symbols) if assets is None else set(assets)
    names = tuple(name for name in view.symbols if name in wanted and name not in view.blocked)
    prices = view.prices.select(names).tail(config.sessions + 1)
    changes = prices.select(pl.col(names) / pl.col(names).shift(1) - 1.0) if names else prices
    returns = changes.slice(1).to_numpy().astype(np.float64) if prices.height > 1 else np.zeros((0, len(names)))
    return Correlations(names, _pairwise(returns, config.least_common))


def _pairwise(returns: npt.NDArray[np.float64], least_common: int) -> npt.NDArray[np.float64]:
    """The correlation of each pair of columns over the rows where both have a number; NaN where it is unknown."""
    is_known = ~np.isnan(returns)
    own = np.where(is_known, returns, 0.0)
    mean_of_own = own.sum(axis=0) / np.maximum(is_known.sum(axis=0), 1)
    own = np.where(is_known, own - mean_of_own, 0.0)  # for its digits, not its value
    weight = is_known.astype(np.float64)

    def summed(left: npt.NDArray[np.float64], right: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Sums over the sessions, without a library whose order of adding depends on the number of threads."""
        return np.asarray(np.einsum("ti,tj->ij", left, right, optimize=False), np.float64)

    count = np.maximum(summed(weight, weight), 1.0)
    mean = summed(own, weight) / count
    spread = np.maximum(summed(own * own, weight) / count - mean**2, 0.0)
    usable = (count >= least_common) & (spread > _STILL**2) & (spread.T > _STILL**2)
    scale = np.where(usable, np.sqrt(spread * spread.T), 1.0)
    values = np.where(usable, np.clip((summed(own, own) / count - mean * mean.T) / scale, -1.0, 1.0), math.nan)
    np.fill_diagonal(values, 1.0)
    return values

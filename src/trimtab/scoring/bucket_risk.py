"""Lower limits for buckets above a target volatility, measured on prices."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from trimtab.bucket_path import UNKNOWN, level_bucket
from trimtab.candidates.equality import compared_by_value
from trimtab.errors import Fault, InputError, LimitsError, TrimtabError, listed
from trimtab.limits.fields import check_settings, described
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.limits.regimes import laid_over
from trimtab.market.view import MarketView

_COLUMNS = {
    "bucket": pl.String,
    "assets": pl.Int64,
    "volatility": pl.Float64,
    "general": pl.Float64,
    "adjusted": pl.Float64,
}


@dataclass(frozen=True, kw_only=True)
class RiskConfig:
    """The target volatility of buckets, and the sessions that it is measured on. Frozen, checked when it is made.

    Examples
    --------
    >>> RiskConfig(target_volatility=0.12).target_volatility
    0.12
    """

    target_volatility: float = described(
        0.15, float, "volatility per year up to which a bucket keeps its limit", low=1e-6
    )
    sessions: int | None = described(
        None,
        int,
        "returns that the covariance is estimated from; by default those of a year",
        low=2,
        high=100_000,
        optional=True,
    )
    year: int | None = described(
        None, int, "sessions of a year; by default read from the prices", low=1, high=100_000, optional=True
    )

    def __post_init__(self) -> None:
        check_settings(self)


@compared_by_value
@dataclass(frozen=True)
class RiskAdjusted:
    """Limits by risk, and the measurements behind them.

    `table` has a row for each bucket at `bucket_level`, by name: `bucket`; `assets`, how many were measured;
    `volatility` per year, null if none was; `general`, the allocation limit before; `adjusted`, the one in `limits`.
    `sessions_per_year` annualises the volatilities.
    """

    limits: RebalancingLimits
    table: pl.DataFrame
    target_volatility: float
    sessions_per_year: int

    @property
    def sentences(self) -> tuple[str, ...]:
        """Each limit that was lowered, and the buckets of which nothing could be measured."""
        return tuple(self._sentences())

    def _sentences(self) -> Iterator[str]:
        for row in self.table.filter(pl.col("adjusted") < pl.col("general")).iter_rows(named=True):
            yield (
                f"max_allocation of {row['bucket']} is {row['adjusted']:.4g} by risk instead of {row['general']:.4g}: its "
                f"volatility is {row['volatility']:.1%} a year ({self.sessions_per_year} sessions), the target "
                f"{self.target_volatility:.1%}"
            )
        unmeasured = self.table.filter(pl.col("assets") == 0)["bucket"].to_list()
        if unmeasured:
            yield f"risk could not be measured, so the limit stays: {listed(unmeasured)} (too few prices, or findings)"


def risk_adjusted(
    limits: RebalancingLimits,
    view: MarketView,
    config: RiskConfig | None = None,
    bucket_of: Mapping[str, str] | None = None,
) -> RiskAdjusted:
    """The limits with each bucket's `max_allocation` times min(1, target volatility / the bucket's volatility).

    The volatility of a bucket at `bucket_level` is that of its assets in equal weights, sqrt(1' S 1) / n times
    sqrt(sessions per year), with S the covariance of a year's returns, shrunk as in Ledoit and Wolf, "A Well-Conditioned
    Estimator for Large-Dimensional Covariance Matrices", Journal of Multivariate Analysis 88, 2004. Only assets with all
    prices of the window, and without a finding that blocks them, are measured. A limit never rises, and never falls below
    `min_position_weight`, which would close the bucket, nor below the bucket's own `min_allocation`. A bucket without a
    measured asset keeps its limit, and so do deeper nodes. In a regime, its limits are adjusted. `bucket_of`: the bucket
    of each symbol, in place of the view's.

    Raises
    ------
    InputError
        The market data have no classification.
    LimitsError
        Bucket limits, or those of allocations, are off.
    TrimtabError
        scikit-learn is not installed.
    """
    config = RiskConfig() if config is None else config
    if not (limits.enable_bucket_diversification and limits.enforce_allocation_limits):
        problem = "limits by risk lower the allocation limits of buckets, which are off"
        raise LimitsError([f"{problem}: set enable_bucket_diversification and enforce_allocation_limits to true"])
    bucket_of = view.bucket_of if bucket_of is None else bucket_of
    if bucket_of is None:
        raise InputError([Fault("there is no classification", "give MarketData a classification: symbol and bucket")])
    year = view.sessions_per_year if config.year is None else config.year
    returns = _returns(view, year if config.sessions is None else config.sessions)
    rows = [
        _row(bucket, [returns[name] for name in names if name in returns], limits, config.target_volatility, year)
        for bucket, names in _buckets(bucket_of, limits).items()
    ]
    table = pl.DataFrame(rows, schema=_COLUMNS, orient="row")
    lower = table.filter(pl.col("adjusted") < pl.col("general"))
    caps = {bucket: {"max_allocation": cap} for bucket, cap in lower.select("bucket", "adjusted").iter_rows()}
    return RiskAdjusted(_with_caps(limits, caps), table, config.target_volatility, year)


def _buckets(bucket_of: Mapping[str, str], limits: RebalancingLimits) -> dict[str, list[str]]:
    """The symbols of each bucket at `bucket_level`, by name; shorter paths are left out."""
    buckets: dict[str, list[str]] = {}
    for symbol, path in sorted(bucket_of.items()):
        bucket = level_bucket(path, limits.bucket_separator, limits.bucket_level)
        if bucket != UNKNOWN:
            buckets.setdefault(bucket, []).append(symbol)
    return dict(sorted(buckets.items()))


def _returns(view: MarketView, sessions: int) -> Mapping[str, npt.NDArray[np.float64]]:
    """The returns of every symbol with all prices of the window, shape (sessions,)."""
    prices = view.prices.tail(sessions + 1)
    if prices.height <= sessions:
        return {}
    complete = [name for name in view.symbols if name not in view.blocked and prices[name].null_count() == 0]
    changes = prices.select((pl.col(complete) / pl.col(complete).shift(1) - 1.0).tail(sessions))
    return {name: changes[name].to_numpy() for name in complete}


def _row(
    bucket: str,
    measured: list[npt.NDArray[np.float64]],
    limits: RebalancingLimits,
    target_volatility: float,
    year: int,
) -> tuple[str, int, float | None, float, float]:
    _, general = limits.limit_at(bucket, "max_allocation")
    _, min_allocation = limits.limit_at(bucket, "min_allocation")
    if not measured:
        return bucket, 0, None, general, general
    volatility = _volatility(np.column_stack(measured)) * math.sqrt(year)
    share = 1.0 if volatility <= target_volatility else target_volatility / volatility
    floor = max(limits.min_position_weight, min_allocation or 0.0)
    return bucket, len(measured), volatility, general, min(general, max(general * share, floor))


def _volatility(returns: npt.NDArray[np.float64]) -> float:
    """The standard deviation of one session's return in equal weights. Returns have shape (sessions, assets)."""
    try:
        from sklearn.covariance import ledoit_wolf  # noqa: PLC0415 - an extra: it loads where it is used
    except ImportError:
        raise TrimtabError("limits by risk need scikit-learn: pip install 'trimtab[risk]'") from None
    covariance, _ = ledoit_wolf(returns)
    return math.sqrt(float(covariance.sum())) / float(returns.shape[1])


def _with_caps(limits: RebalancingLimits, caps: Mapping[str, Mapping[str, Any]]) -> RebalancingLimits:
    """The limits with new allocation limits of some buckets, in the regime in force if there is one."""
    known = sorted({*limits.known_buckets, *caps})
    values = limits.to_dict()
    if limits.regime is None:
        return RebalancingLimits.from_dict(laid_over(values, {"buckets": caps, "known_buckets": known}))
    inside = {limits.regime: {"buckets": caps, "known_buckets": known}}
    return RebalancingLimits.from_dict(laid_over(values, {"regimes": inside}))

"""The assets to consider on a date: holdings, trending assets, those that fit the regime, those that representation needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, runtime_checkable

from trimtab.candidates.equality import compared_by_value
from trimtab.engine.asset_score import AssetPriority, Date
from trimtab.engine.bucket_manager import BucketManager
from trimtab.errors import InputError, SetupError, listed, nearest
from trimtab.limits.rebalancing_limits import RebalancingLimits

# The brief's default: how sure a trend must be.
MIN_TRENDING_CONFIDENCE = 0.7


@runtime_checkable
class RegimeDetector(Protocol):
    """Knows the market: its regime, the buckets that suit it, and the assets that are trending."""

    def get_market_regime(self, date: Date) -> tuple[str, float]:
        """The regime on a date, and how sure that is (0 to 1)."""

    def get_regime_buckets(self, regime: str) -> Sequence[str]:
        """The buckets that suit a regime."""

    def get_research_buckets(self, date: Date) -> Sequence[str] | None:
        """The buckets that research names for a date, instead of the regime's; None if it names none."""

    def get_trending_assets(
        self, date: Date, assets: Sequence[str], limit: int, min_confidence: float
    ) -> Sequence[str]:
        """At most `limit` of these assets that are trending with at least this confidence (0 to 1), the best first."""


@runtime_checkable
class NamesRegimes(Protocol):
    """A regime detector that lists its regimes, so limits for any other are a typo."""

    @property
    def regime_names(self) -> Sequence[str]:
        """Every regime that can occur."""


@dataclass(frozen=True)
class RebalancingUniverse:
    """The assets to look at on a date, each once, under the first heading that fits."""

    date: Date
    regime: str
    regime_confidence: float
    portfolio_assets: tuple[str, ...]
    trending_assets: tuple[str, ...] = ()
    regime_assets: tuple[str, ...] = ()
    fallback_assets: tuple[str, ...] = ()

    @cached_property
    def priorities(self) -> Mapping[str, AssetPriority]:
        """Why each asset is considered, by priority."""
        parts = (self.portfolio_assets, self.trending_assets, self.regime_assets, self.fallback_assets)
        return {asset: priority for priority, assets in zip(AssetPriority, parts, strict=True) for asset in assets}

    @property
    def assets(self) -> tuple[str, ...]:
        """All of them."""
        return tuple(self.priorities)


def limits_in(limits: RebalancingLimits, regime: str) -> RebalancingLimits:
    """The limits in force in the regime that was detected; limits that are set to a regime keep it."""
    return limits if limits.regime is not None else limits.in_regime(regime)


@compared_by_value
class UniverseBuilder:
    """Builds the universe of a date.

    Parameters
    ----------
    regime_detector
        Knows regime and trends (`RegimeDetector`).
    bucket_manager
        Who is in which bucket.
    trending_limit
        How many trending assets to ask for.

    Raises
    ------
    SetupError
        A detector without the methods that are needed.
    """

    def __init__(
        self, regime_detector: RegimeDetector, bucket_manager: BucketManager, *, trending_limit: int = 50
    ) -> None:
        if not isinstance(regime_detector, RegimeDetector):
            wanted = [name for name in vars(RegimeDetector) if name.startswith("get_")]
            missing = [name for name in wanted if not hasattr(regime_detector, name)]
            problem = f"the regime_detector, a {type(regime_detector).__name__}, lacks {', '.join(missing)}"
            raise SetupError(problem, "give an object that has them")
        self.regime_detector, self.bucket_manager = regime_detector, bucket_manager
        self.trending_limit = trending_limit

    def get_universe(
        self,
        date: Date,
        current_positions: Mapping[str, float],
        limits: RebalancingLimits,
        bucket_names: Iterable[str] | None = None,
        min_trending_confidence: float = MIN_TRENDING_CONFIDENCE,
    ) -> RebalancingUniverse:
        """The universe of a date.

        It always contains the holdings. New assets come from `bucket_names` alone if given, otherwise from all buckets.
        The regime's assets are those of the buckets that research, else the regime, names. If buckets must be
        represented, the assets of all other buckets are included as a fallback. Limits that change in a regime are those
        of the regime that is detected, unless they are set to one.

        Raises
        ------
        SetupError
            A bucket, or a regime of the limits, that does not exist (the nearest is named); a trending asset from outside
            the allowed buckets.
        """
        detector = self.regime_detector
        regime, confidence = detector.get_market_regime(date)
        self._check_regimes(limits)
        limits = limits_in(limits, regime)
        known = self.bucket_manager.get_all_buckets()
        if isinstance(bucket_names, str):
            raise SetupError(f"bucket_names is the text {bucket_names!r}", "give a list of buckets")
        allowed = known if bucket_names is None else list(dict.fromkeys(bucket_names))
        assets = self._assets_of(allowed, "bucket_names")
        trending = list(detector.get_trending_assets(date, assets, self.trending_limit, min_trending_confidence))
        outside = sorted(set(trending) - set(assets))
        if outside:
            problem = f"the regime_detector names trending assets outside the allowed buckets ({listed(outside)})"
            raise SetupError(problem, "get_trending_assets must choose from the assets that it is given")
        favoured = assets
        if bucket_names is None:
            research = detector.get_research_buckets(date)
            origin = "get_regime_buckets" if research is None else "get_research_buckets"
            named = detector.get_regime_buckets(regime) if research is None else research
            favoured = self._assets_of(named, f"{origin} of the regime_detector")
        held = [asset for asset, weight in current_positions.items() if weight]
        parts, seen = [], set[str]()
        for part in (held, trending, favoured, assets if limits.represents else ()):
            parts.append(tuple(asset for asset in dict.fromkeys(part) if asset not in seen))
            seen.update(parts[-1])
        return RebalancingUniverse(date, regime, confidence, *parts)

    def _check_regimes(self, limits: RebalancingLimits) -> None:
        if not isinstance(self.regime_detector, NamesRegimes):
            return
        names = self.regime_detector.regime_names
        for name in limits.regimes:
            if name not in names:
                raise SetupError(f"the limits have a regime {name!r} that cannot occur", nearest(name, names))

    def _assets_of(self, buckets: Iterable[str], origin: str) -> list[str]:
        """The assets of these buckets, each once; deeper buckets are included."""
        known, assets = self.bucket_manager.get_all_buckets(), dict[str, None]()
        for bucket in buckets:
            try:
                inside = self.bucket_manager.get_bucket_assets(bucket)
            except InputError:  # an asset manager of the user's may refuse an unknown bucket
                inside = []
            if not inside and bucket not in known:
                raise SetupError(f"{origin}: the bucket {bucket!r} does not exist", nearest(bucket, known))
            assets.update(dict.fromkeys(inside))
        return list(assets)

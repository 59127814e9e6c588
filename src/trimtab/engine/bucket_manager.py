"""Buckets of scored assets: which asset is where, how much each holds, and whether the limits of buckets hold."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from trimtab.bucket_path import bucket_name, level_bucket
from trimtab.candidates.equality import compared_by_value
from trimtab.engine.asset_bucket_manager import AssetBucketManager
from trimtab.engine.asset_score import AssetScore
from trimtab.engine.bucket_portfolio import Portfolio, violation
from trimtab.errors import Fault, InputError, SetupError
from trimtab.limits.bucket_limits_config import BucketLimitsConfig, given_config
from trimtab.limits.rebalancing_limits import RebalancingLimits

# The weight of a position of unknown weight: it counts as a position and adds no weight.
WEIGHTLESS = math.ulp(0.0)


@runtime_checkable
class BucketSource(Protocol):
    """The source of a bucket manager: an `AssetBucketManager`, or any object with the same three methods."""

    def get_asset_bucket(self, asset: str) -> str:
        """The bucket of an asset; `Unknown` without one."""

    def get_bucket_assets(self, bucket_name: str) -> list[str]:
        """The assets of a bucket."""

    def get_all_buckets(self) -> list[str]:
        """Every bucket."""


@dataclass(frozen=True)
class BucketAllocation:
    """A bucket against its limits. Weights are fractions of the account's value; without a limit it is infinity.

    `priority` is 1 for a bucket with a position, 2 for one that representation could add.
    """

    max_positions: float = BucketLimitsConfig.max_positions_per_bucket
    max_weight: float = BucketLimitsConfig.max_allocation_per_bucket
    current_positions: int = 0
    current_weight: float = 0.0
    priority: int = 1


@dataclass(frozen=True)
class BucketStatistics:
    """The assets of a bucket: the sum of their weights, and the scores of those that have one (None if none has)."""

    bucket_name: str
    asset_count: int
    total_allocation: float
    assets: list[str]
    avg_score: float | None
    max_score: float | None
    min_score: float | None

    @classmethod
    def of(cls, bucket_name: str, assets: Iterable[AssetScore]) -> BucketStatistics:
        """The statistics of these assets."""
        ranked = sorted(assets, key=lambda asset: asset.rank)
        scores = sorted(asset.combined_score for asset in ranked if asset.combined_score is not None)
        return cls(
            bucket_name,
            len(ranked),
            math.fsum(asset.weight or 0.0 for asset in ranked),
            [asset.asset for asset in ranked],
            math.fsum(scores) / len(scores) if scores else None,
            scores[-1] if scores else None,
            scores[0] if scores else None,
        )


@compared_by_value
class BucketManager:
    """Buckets of scored assets. It changes none of its arguments.

    Parameters
    ----------
    source
        Who is in which bucket: an `AssetBucketManager` (or an object with its methods), a mapping of bucket to assets,
        or nothing for the default map, an example.

    Examples
    --------
    >>> manager = BucketManager({"Tech": ["AAA", "BBB"], "Bond": ["CCC"]})
    >>> manager.get_asset_bucket("CCC"), manager.get_asset_bucket("ZZZ")
    ('Bond', 'Unknown')
    >>> tech = manager.calculate_bucket_statistics([AssetScore("AAA", 0.9), AssetScore("BBB", 0.7)])["Tech"]
    >>> tech.asset_count, tech.avg_score
    (2, 0.8)
    """

    def __init__(self, source: BucketSource | Mapping[str, Any] | None = None) -> None:
        if source is None:
            source = AssetBucketManager.default()
        elif isinstance(source, Mapping):
            source = AssetBucketManager(source)
        if not isinstance(source, BucketSource):
            raise SetupError(
                f"a {type(source).__name__} does not say who is in which bucket",
                "give an AssetBucketManager, a mapping of bucket to assets, or an object with get_asset_bucket, "
                "get_bucket_assets and get_all_buckets",
            )
        self.source: BucketSource = source

    @classmethod
    def of(cls, source: BucketManager | BucketSource | Mapping[str, Any] | None) -> BucketManager:
        """A bucket manager itself, or one made from a source."""
        return source if isinstance(source, BucketManager) else cls(source)

    def get_asset_bucket(self, asset: str) -> str:
        """The bucket of an asset; `Unknown` without one."""
        return bucket_name(self.source.get_asset_bucket(asset))

    def get_all_buckets(self) -> list[str]:
        """Every bucket, including empty ones."""
        return list(self.source.get_all_buckets())

    def get_bucket_assets(self, bucket_name: str) -> list[str]:
        """The assets of a bucket and of all below it; empty for an unknown bucket."""
        return list(self.source.get_bucket_assets(bucket_name))

    def candidates(
        self,
        assets: Sequence[AssetScore],
        limits: RebalancingLimits,
        columns: Mapping[str, Mapping[str, Any]] | None = None,
        *,
        unweighed: float = 0.0,
    ) -> tuple[list[dict[str, Any]], RebalancingLimits]:
        """The assets as rows of a table of candidates, in their order; and the limits that fit it.

        `columns`: further columns, by asset. `unweighed`: the current weight of an existing position whose weight is
        unknown. In the limits, every bucket of this manager is known, also one that no asset here is in.
        """
        self._refuse_other_separator(limits)
        rows: list[dict[str, Any]] = [
            {
                "asset": asset.asset,
                "score": asset.combined_score,
                "bucket": self.get_asset_bucket(asset.asset),
                "current_weight": asset.current_weight or (_assumed(asset, unweighed) if asset.is_held else 0.0),
            }
            for asset in assets
        ]
        if columns:
            names = dict.fromkeys(name for values in columns.values() for name in values)
            for row in rows:
                known = columns.get(row["asset"], {})
                row.update({name: known.get(name) for name in names})
        return rows, self._knowing(limits, {row["bucket"] for row in rows})

    def _refuse_other_separator(self, limits: RebalancingLimits) -> None:
        """Refuse levels that the limits would ignore."""
        if not isinstance(self.source, AssetBucketManager) or not limits.enable_bucket_diversification:
            return
        mine, theirs = self.source.separator, limits.bucket_separator
        if mine != theirs and any(sign and sign in path for sign in (mine, theirs) for path in self.source.buckets):
            raise SetupError(
                f"the buckets' levels are separated by {mine!r} in the bucket manager, by {theirs!r} in the limits",
                "give both the same: separator there, bucket_separator here",
            )

    def _knowing(self, limits: RebalancingLimits, present: set[str]) -> RebalancingLimits:
        separator = limits.bucket_separator

        def lies_in(path: str, buckets: Iterable[str]) -> bool:
            return any(bucket == path or (separator and bucket.startswith(path + separator)) for bucket in buckets)

        absent = [path for path in limits.buckets if not lies_in(path, (*present, *limits.known_buckets))]
        known = self.get_all_buckets() if absent else []
        added = [path for path in absent if lies_in(path, known)]
        return limits.replace(known_buckets=(*limits.known_buckets, *added)) if added else limits

    def group_assets_by_bucket(self, asset_scores: Iterable[AssetScore]) -> dict[str, list[AssetScore]]:
        """The assets of each bucket, in the order of selection: held first, then score, then weight, then name."""
        return _grouped(asset_scores, self.get_asset_bucket)

    def calculate_bucket_statistics(self, asset_scores: Iterable[AssetScore]) -> dict[str, BucketStatistics]:
        """Count, weight and scores of each bucket that has an asset."""
        groups = self.group_assets_by_bucket(asset_scores)
        return {bucket: BucketStatistics.of(bucket, assets) for bucket, assets in groups.items()}

    def get_bucket_allocation_status(
        self, asset_scores: Iterable[AssetScore], config: BucketLimitsConfig | None = None
    ) -> dict[str, BucketAllocation]:
        """Every bucket with an asset here, or named in the limits: its positions and weight against its limits. Every
        asset counts as a position, as in `validate_bucket_constraints`.
        """
        measures = self._portfolio(scored(asset_scores), given_config(config)).measures
        allocations = {}
        for number, node in enumerate(measures.nodes):
            count = int(measures.count[0, number])
            if number and (count or node.path in measures.named):
                weight, priority = float(measures.weight[0, number]), 1 if count else 2
                allocations[node.path] = BucketAllocation(
                    node.max_positions, node.max_allocation, count, weight, priority
                )
        return allocations

    def validate_bucket_constraints(self, asset_scores: Iterable[AssetScore], **constraints: Any) -> dict[str, Any]:
        """Whether these assets, as one portfolio, keep the bucket limits.

        Every asset given is a position; its weight is its `target_weight`, else its `current_weight`, else unknown (it
        counts, and weighs nothing). The checks are those of the certificate.

        Parameters
        ----------
        asset_scores
            The portfolio.
        **constraints
            Fields of `BucketLimitsConfig`; the others have their defaults.

        Returns
        -------
        dict
            `is_valid`; `violations` and `recommendations`, a sentence each; `statistics` by bucket; `checks`, every
            limit as measured (`Constraint`).

        Raises
        ------
        LimitsError
            An unknown or impossible limit.
        InputError
            An asset twice, or weights that cannot be.
        """
        assets = scored(asset_scores)
        portfolio = self._portfolio(assets, BucketLimitsConfig(**constraints))
        return {
            "is_valid": not portfolio.violated,
            "violations": [violation(check) for check in portfolio.violated],
            "recommendations": [portfolio.remedy(check) for check in portfolio.violated],
            "statistics": self.calculate_bucket_statistics(assets),
            "checks": portfolio.checks,
        }

    def _portfolio(self, assets: Sequence[AssetScore], config: BucketLimitsConfig) -> Portfolio:
        rows, limits = self.candidates(assets, config.limits, unweighed=WEIGHTLESS)
        return Portfolio.of(rows, limits, (asset.weight for asset in assets))


def scored(assets: Iterable[AssetScore]) -> tuple[AssetScore, ...]:
    """The assets as a tuple, checked.

    Raises
    ------
    InputError
        Something that is not an `AssetScore`.
    """
    scored_assets = tuple(assets)
    for row, asset in enumerate(scored_assets, start=1):
        if not isinstance(asset, AssetScore):
            advice = "make it with AssetScore(asset, score, ...)"
            raise InputError([Fault("is not an AssetScore", advice, row=row, value=asset)])
    return scored_assets


def _assumed(asset: AssetScore, unweighed: float) -> float:
    """The weight of a position whose current weight is unknown: without a score it stays at its target."""
    return asset.target_weight or unweighed if unweighed and asset.combined_score is None else unweighed


def level_statistics(
    assets: Iterable[AssetScore], manager: BucketManager, limits: RebalancingLimits
) -> dict[str, BucketStatistics]:
    """The statistics of each bucket at `bucket_level`."""
    separator, level = limits.bucket_separator, limits.bucket_level
    groups = _grouped(assets, lambda asset: level_bucket(manager.get_asset_bucket(asset), separator, level))
    return {bucket: BucketStatistics.of(bucket, inside) for bucket, inside in groups.items()}


def _grouped(assets: Iterable[AssetScore], bucket_of: Callable[[str], str]) -> dict[str, list[AssetScore]]:
    groups: dict[str, list[AssetScore]] = {}
    for asset in sorted(scored(assets), key=lambda asset: asset.rank):
        groups.setdefault(bucket_of(asset.asset), []).append(asset)
    return dict(sorted(groups.items()))

"""The enforcer of bucket limits, alone or as a view of a whole rebalance; and the words for what it did."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from trimtab.candidates.equality import compared_by_value
from trimtab.certificate.certificate import Constraint
from trimtab.engine.asset_score import AssetScore
from trimtab.engine.bucket_manager import (
    WEIGHTLESS,
    BucketManager,
    BucketSource,
    BucketStatistics,
    level_statistics,
    scored,
)
from trimtab.engine.bucket_portfolio import Portfolio, is_about_buckets, violation
from trimtab.errors import listed
from trimtab.kernel.records import ROOT, Flags, Floats, Ints
from trimtab.limits.bucket_limits_config import BucketLimitsConfig, given_config
from trimtab.reasons import Reason, SizeReason
from trimtab.rebalancing.stages import Staged, scaled, select
from trimtab.text import counted
from trimtab.tolerances import WEIGHT_TOLERANCE

_BY_BUCKETS = (Reason.BUCKET_POSITION_LIMIT, Reason.MIN_POSITION_CAPACITY, Reason.TOO_CORRELATED)
_HOLDS = ("met", "drifted")


@dataclass(frozen=True)
class BucketEnforcementResult:
    """The assets that bucket limits leave. Lists and the dict are the caller's own: changing them changes nothing else.

    `selected_assets` carry the weights that remain as `target_weight`; `rejected_assets` are those that bucket limits or
    representation keep out, unchanged. `bucket_statistics`: the selected ones, by bucket at `bucket_level`. The others
    are sentences: `enforcement_actions`, what was done; `violations_fixed`, the broken limits that hold now;
    `violations_left`, those that this step cannot fix.
    """

    selected_assets: list[AssetScore]
    rejected_assets: list[AssetScore]
    bucket_statistics: dict[str, BucketStatistics]
    enforcement_actions: list[str]
    violations_fixed: list[str]
    violations_left: list[str] = field(default_factory=list)


@compared_by_value
class BucketLimitsEnforcer:
    """Bucket limits alone: no score thresholds, no limits for the total, each constraint switched on its own.

    Existing positions come first (a current weight, or the priority of the portfolio), then the higher score. Weights
    in a bucket above its largest allocation are scaled in proportion; all others stay unchanged.

    Parameters
    ----------
    bucket_manager
        Who is in which bucket; a `BucketManager` or what one is made from. By default the default map.

    Examples
    --------
    >>> enforcer = BucketLimitsEnforcer({"Tech": ["AAA", "BBB", "CCC"], "Bond": ["DDD"]})
    >>> assets = [AssetScore(name, score, target_weight=0.3) for name, score in (("AAA", 0.9), ("BBB", 0.8), ("DDD", 0.7))]
    >>> result = enforcer.apply_bucket_limits(assets, BucketLimitsConfig(max_allocation_per_bucket=0.4))
    >>> [(asset.asset, round(asset.target_weight, 12)) for asset in result.selected_assets]
    [('AAA', 0.2), ('BBB', 0.2), ('DDD', 0.3)]
    """

    def __init__(self, bucket_manager: BucketManager | BucketSource | Mapping[str, Any] | None = None) -> None:
        self.bucket_manager = BucketManager.of(bucket_manager)

    def apply_bucket_limits(
        self, scored_assets: Iterable[AssetScore], config: BucketLimitsConfig | None = None
    ) -> BucketEnforcementResult:
        """Choose and scale. Every asset comes back, selected or rejected.

        The weight of an asset is its `target_weight`, else its `current_weight`; one without either is selected or not,
        and gets no weight. An asset without a score is never added; one that is held stays at its current weight (at its
        target weight if the current one is unknown).

        Raises
        ------
        InputError
            An asset twice, or current weights that sum to more than 1.05.
        """
        assets, config = scored(scored_assets), given_config(config)
        if not assets:
            return BucketEnforcementResult([], [], {}, [], [])
        manager = self.bucket_manager
        rows, limits = manager.candidates(assets, config.limits, unweighed=WEIGHTLESS)
        staged = select(rows, limits, target_invested=math.inf)
        desired = np.array([math.nan if asset.weight is None else asset.weight for asset in assets])
        current, is_frozen = staged.candidates.current_weight, _is_frozen(staged)
        weight = scaled(staged, np.where(is_frozen, current, desired), is_frozen | (desired > WEIGHT_TOLERANCE))
        is_selected = staged.decided["selected"]
        selected = [
            assets[row] if math.isnan(weight[row]) else assets[row].with_target(float(weight[row]))
            for row in np.flatnonzero(is_selected).tolist()
        ]
        before = Portfolio(staged.candidates, limits, np.nan_to_num(desired), np.ones(len(assets), np.bool_))
        after = before.holding(np.nan_to_num(weight), is_selected)
        return BucketEnforcementResult(
            selected_assets=selected,
            rejected_assets=[assets[row] for row in np.flatnonzero(~is_selected).tolist()],
            bucket_statistics=level_statistics(selected, manager, limits),
            enforcement_actions=[*_selection_actions(staged), *_scaling_actions(staged, desired, weight)],
            violations_fixed=list(_fixed(before.checks, after.checks)),
            violations_left=list(_left(after.checks)),
        )

    @staticmethod
    def get_enforcement_summary(result: BucketEnforcementResult) -> str:
        """The actions, in lines of text."""
        lines = [
            f"{len(result.selected_assets)} selected, {len(result.rejected_assets)} rejected, "
            f"{counted(len(result.bucket_statistics), 'bucket')}"
        ]
        lines += [
            f"  {bucket}: {counted(statistics.asset_count, 'position')}, weight {statistics.total_allocation:.2%}: "
            f"{listed(statistics.assets)}"
            for bucket, statistics in result.bucket_statistics.items()
        ]
        parts = {
            "done": result.enforcement_actions,
            "fixed": result.violations_fixed,
            "not fixed": result.violations_left,
        }
        for title, sentences in parts.items():
            lines += [f"{title}:", *(f"  {sentence}" for sentence in sentences)] if sentences else []
        return "\n".join(lines)


def enforcement_view(
    staged: Staged, assets: Sequence[AssetScore], manager: BucketManager, certificate: Iterable[Constraint]
) -> BucketEnforcementResult:
    """The effect of bucket limits in a finished rebalance, limit by limit before and after."""
    decided = staged.decided
    targets = decided["proposed"].tolist()
    selected = [assets[row].with_target(targets[row]) for row in np.flatnonzero(decided["selected"]).tolist()]
    is_kept_out = _is_any(decided["reason"], _BY_BUCKETS) & (decided["reason_node"] > ROOT)
    is_kept_out |= decided["reason"] == Reason.DISPLACED_FOR_REPRESENTATION
    current = staged.candidates.current_weight
    before = Portfolio(staged.candidates, staged.limits, current, current > 0, as_held=True)
    checks = [check for check in certificate if is_about_buckets(check)]
    return BucketEnforcementResult(
        selected_assets=selected,
        rejected_assets=[assets[row] for row in np.flatnonzero(is_kept_out).tolist()],
        bucket_statistics=level_statistics(selected, manager, staged.limits),
        enforcement_actions=[*_selection_actions(staged), *_capping_actions(staged)],
        violations_fixed=list(_fixed(before.checks, checks)),
        violations_left=list(_left(checks)),
    )


def _selection_actions(staged: Staged) -> Iterator[str]:
    """The effect of bucket limits and representation on the selection, a sentence per limit."""
    decided, limits = staged.decided, staged.limits
    fields = {Reason.BUCKET_POSITION_LIMIT: "max_positions", Reason.MIN_POSITION_CAPACITY: "max_allocation"}
    for node, reason, rows in _by_node(decided["reason_node"], decided["reason"], fields):
        path = staged.candidates.tree.paths[node]
        limit = _limit(staged, path, fields[Reason(reason)])
        yield f"{path}: {counted(len(rows), 'asset')} passed over, {limit} is reached: {_names(staged, rows)}"
    for node, _, rows in _by_node(decided["reason_node"], decided["reason"], (Reason.TOO_CORRELATED,)):
        path, limit = staged.candidates.tree.paths[node], f"max_correlation {limits.max_correlation:g}"
        yield f"{path}: {counted(len(rows), 'asset')} passed over, too correlated for {limit}: {_names(staged, rows)}"
    wanted = f"min_buckets_represented {limits.min_buckets_represented}"
    for reason, action in (
        (Reason.OVERFLOW_PROTECTED, "kept although the bucket is full (allow_bucket_overflow)"),
        (Reason.ADDED_FOR_REPRESENTATION, f"selected to represent buckets ({wanted})"),
        (Reason.DISPLACED_FOR_REPRESENTATION, f"passed over for representation ({wanted})"),
    ):
        rows = np.flatnonzero(decided["reason"] == reason).tolist()
        if rows:
            yield f"{counted(len(rows), 'asset')} {action}: {_names(staged, rows)}"


def _by_node(nodes: Ints, codes: Ints, wanted: Iterable[int]) -> list[tuple[int, int, list[int]]]:
    """Rows by node and code, for rows of a bucket with one of these codes."""
    groups: dict[tuple[int, int], list[int]] = {}
    for row in np.flatnonzero(_is_any(codes, wanted) & (nodes > ROOT)).tolist():
        groups.setdefault((int(nodes[row]), int(codes[row])), []).append(row)
    return [(*key, rows) for key, rows in sorted(groups.items())]


def _is_any(codes: Ints, wanted: Iterable[int]) -> Flags:
    """Where a code is among these."""
    return np.isin(codes, list(map(int, wanted)))


def _is_frozen(staged: Staged) -> Flags:
    """The holdings that stay unchanged: without a score, with a known weight."""
    candidates = staged.candidates
    return np.isnan(candidates.score) & (candidates.current_weight > WEIGHTLESS)


def _scaling_actions(staged: Staged, desired: Floats, weight: Floats) -> Iterator[str]:
    """The holdings that stay unchanged, and the buckets in which the others were scaled."""
    candidates, tree = staged.candidates, staged.candidates.tree
    is_frozen = _is_frozen(staged) & ~np.isnan(weight)
    stays = np.flatnonzero(is_frozen & (np.abs(weight - desired) > WEIGHT_TOLERANCE)).tolist()
    if stays:
        yield f"{counted(len(stays), 'asset')} without a score left at the weight held: {_names(staged, stays)}"
    for node, path in enumerate(tree.paths[1:], start=1):
        is_inside = (candidates.leaf >= node) & (candidates.leaf < tree.nodes[node]["stop"])
        scalable = is_inside & ~np.isnan(weight) & ~is_frozen
        wanted, remains = math.fsum(desired[scalable]), math.fsum(weight[scalable])
        is_capped = remains < wanted
        name = "max_allocation" if is_capped else "min_allocation"
        if abs(remains - wanted) > WEIGHT_TOLERANCE and tree.node_limit(node)[1 if is_capped else 2] is not None:
            names = _names(staged, np.flatnonzero(scalable).tolist())
            limit = _limit(staged, path, name)
            yield f"{path}: weights scaled from {wanted:.2%} to {remains:.2%}, {limit}: {names}"


def _capping_actions(staged: Staged) -> Iterator[str]:
    """The buckets that hold weights down or lift them, in a rebalance that sized everything at once."""
    decided = staged.decided
    words = {
        SizeReason.CAPPED_BUCKET: ("max_allocation", "held down"),
        SizeReason.LIFTED_FOR_BUCKET_MINIMUM: ("min_allocation", "lifted"),
        SizeReason.RELEASED_FOR_LIMIT: ("max_allocation", "traded inside the no-trade band"),
    }
    for node, code, rows in _by_node(decided["size_node"], decided["size_reason"], words):
        path, (limit, verb) = staged.candidates.tree.paths[node], words[SizeReason(code)]
        yield f"{path}: {counted(len(rows), 'weight')} {verb}, {_limit(staged, path, limit)}: {_names(staged, rows)}"


def _fixed(before: Iterable[Constraint], after: Iterable[Constraint]) -> Iterator[str]:
    """The limits that did not hold before, and do after."""
    holding = {(check.name, check.node): check for check in after if check.status in _HOLDS}
    for check in before:
        now = holding.get((check.name, check.node))
        if check.status not in _HOLDS and now is not None:
            number = f"{now.measured:.2%}" if check.name.endswith("allocation") else f"{now.measured:g}"
            yield f"{violation(check)}: now {number}"


def _left(after: Iterable[Constraint]) -> Iterator[str]:
    """The limits that still do not hold, and why if known."""
    for check in after:
        if check.status not in _HOLDS:
            yield violation(check) + (f" ({check.note})" if check.note else "")


def _limit(staged: Staged, path: str, name: str) -> str:
    """The field that sets a bucket's limit, with its value."""
    limit, value = staged.limits.limit_at(path, name)
    return f"{limit} {value:g}"


def _names(staged: Staged, rows: Iterable[int]) -> str:
    return listed(sorted(str(staged.candidates.asset.at(row)) for row in rows))

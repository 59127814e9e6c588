"""The enforcer of bucket limits, alone or as a view of a whole rebalance; and the words for what it did."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

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
from trimtab.engine.bucket_portfolio import Portfolio, violation
from trimtab.errors import listed
from trimtab.kernel.records import ROOT, Flags, Floats, Ints
from trimtab.limits.bucket_limits_config import BucketLimitsConfig, given_config
from trimtab.reasons import Reason, SizeReason
from trimtab.rebalancing.stages import Staged, scaled, select

_BY_BUCKETS = (Reason.BUCKET_POSITION_LIMIT, Reason.MIN_POSITION_CAPACITY, Reason.TOO_CORRELATED)


@dataclass(frozen=True)
class BucketEnforcementResult:
    """What bucket limits leave.

    `selected_assets` carry the weights that remain as `target_weight`; `rejected_assets` are those that bucket limits or
    representation keep out, as they came. `bucket_statistics`: the selected ones, by bucket at `bucket_level`.
    `enforcement_actions` and `violations_fixed`: a sentence each.
    """

    selected_assets: tuple[AssetScore, ...]
    rejected_assets: tuple[AssetScore, ...]
    bucket_statistics: Mapping[str, BucketStatistics] = field(hash=False)
    enforcement_actions: tuple[str, ...]
    violations_fixed: tuple[str, ...]


class BucketLimitsEnforcer:
    """Bucket limits alone: no score thresholds, no limits for the total, each constraint switched on its own.

    Existing positions come first (a current weight, or the priority of the portfolio), then the higher score. Weights
    in a bucket above its largest allocation are scaled in proportion; all others stay as they are.

    Parameters
    ----------
    bucket_manager
        Who is in which bucket; a `BucketManager` or what one is made from. The default map where None.

    Examples
    --------
    >>> enforcer = BucketLimitsEnforcer({"Tech": ["AAA", "BBB", "CCC"], "Bond": ["DDD"]})
    >>> assets = [AssetScore(name, score, target_weight=0.3) for name, score in (("AAA", 0.9), ("BBB", 0.8), ("DDD", 0.7))]
    >>> result = enforcer.apply_bucket_limits(assets, BucketLimitsConfig(max_allocation_per_bucket=0.4))
    >>> [(one.asset, round(one.target_weight, 12)) for one in result.selected_assets]
    [('AAA', 0.2), ('BBB', 0.2), ('DDD', 0.3)]
    """

    def __init__(self, bucket_manager: BucketManager | BucketSource | Mapping[str, Any] | None = None) -> None:
        self.bucket_manager = BucketManager.of(bucket_manager)

    def apply_bucket_limits(
        self, scored_assets: Iterable[AssetScore], config: BucketLimitsConfig | None = None
    ) -> BucketEnforcementResult:
        """Choose and scale. Every asset that is given comes back, selected or rejected.

        The weight of an asset is its `target_weight`, else its `current_weight`; without either it is selected or not,
        and has none. An asset without a score is never added; one that is held stays as it is.

        Raises
        ------
        InputError
            An asset twice, or current weights that sum to more than 1.05.
        """
        assets, config = scored(scored_assets), given_config(config)
        if not assets:
            return BucketEnforcementResult((), (), MappingProxyType({}), (), ())
        manager = self.bucket_manager
        rows, limits = manager.candidates(assets, config.limits, unweighed=WEIGHTLESS)
        staged = select(rows, limits, target_invested=math.inf)
        wish = np.array([math.nan if asset.weight is None else asset.weight for asset in assets])
        weight = scaled(staged, wish, wish > 0)
        chosen = staged.decided["selected"].tolist()
        selected = tuple(
            asset if math.isnan(weight[at]) else asset.with_target(float(weight[at]))
            for at, asset in enumerate(assets)
            if chosen[at]
        )
        rejected = tuple(asset for at, asset in enumerate(assets) if not chosen[at])
        before = Portfolio(staged.candidates, limits, np.nan_to_num(wish), np.ones(len(assets), np.bool_))
        after = before.holding(np.nan_to_num(weight), staged.decided["selected"])
        return BucketEnforcementResult(
            selected_assets=selected,
            rejected_assets=rejected,
            bucket_statistics=level_statistics(selected, manager, limits),
            enforcement_actions=(*_selection_actions(staged), *_scaling_actions(staged, wish, weight)),
            violations_fixed=tuple(_fixed(before.checks, after.checks)),
        )

    @staticmethod
    def get_enforcement_summary(result: BucketEnforcementResult) -> str:
        """What was done, in lines of text."""
        lines = [
            f"{len(result.selected_assets)} selected, {len(result.rejected_assets)} rejected, "
            f"{len(result.bucket_statistics)} bucket(s)"
        ]
        lines += [
            f"  {bucket}: {found.asset_count} position(s), weight {found.total_allocation:.2%}: {listed(found.assets)}"
            for bucket, found in result.bucket_statistics.items()
        ]
        for title, sentences in (("done", result.enforcement_actions), ("mended", result.violations_fixed)):
            lines += [f"{title}:", *(f"  {sentence}" for sentence in sentences)] if sentences else []
        return "\n".join(lines)


def enforcement_view(
    staged: Staged, assets: Sequence[AssetScore], manager: BucketManager, certificate: Iterable[Constraint]
) -> BucketEnforcementResult:
    """What bucket limits did in a whole rebalance that is decided, limit by limit before and after."""
    decided = staged.decided
    chosen, targets = np.flatnonzero(decided["selected"]).tolist(), decided["proposed"].tolist()
    selected = tuple(assets[at].with_target(targets[at]) for at in chosen)
    caused = _is_any(decided["reason"], _BY_BUCKETS) & (decided["reason_node"] > ROOT)
    caused |= decided["reason"] == Reason.DISPLACED_FOR_REPRESENTATION
    current = staged.candidates.current_weight
    before = Portfolio(staged.candidates, staged.limits, current, current > 0, as_held=True)
    return BucketEnforcementResult(
        selected_assets=selected,
        rejected_assets=tuple(assets[at] for at in np.flatnonzero(caused).tolist()),
        bucket_statistics=level_statistics(selected, manager, staged.limits),
        enforcement_actions=(*_selection_actions(staged), *_capping_actions(staged)),
        violations_fixed=tuple(_fixed(before.checks, certificate)),
    )


def _selection_actions(staged: Staged) -> Iterator[str]:
    """What bucket limits and representation decided about who is held, a sentence for each limit."""
    decided, limits = staged.decided, staged.limits
    fields = {Reason.BUCKET_POSITION_LIMIT: "max_positions", Reason.MIN_POSITION_CAPACITY: "max_allocation"}
    for node, reason, rows in _by_node(decided["reason_node"], decided["reason"], fields):
        path = staged.candidates.tree.paths[node]
        limit = _limit(staged, path, fields[Reason(reason)])
        yield f"{path}: {len(rows)} asset(s) passed over, {limit} is reached: {_names(staged, rows)}"
    for node, _, rows in _by_node(decided["reason_node"], decided["reason"], (Reason.TOO_CORRELATED,)):
        path, limit = staged.candidates.tree.paths[node], f"max_correlation {limits.max_correlation:g}"
        yield f"{path}: {len(rows)} asset(s) passed over, too correlated for {limit}: {_names(staged, rows)}"
    wanted = f"min_buckets_represented {limits.min_buckets_represented}"
    for reason, said in (
        (Reason.OVERFLOW_PROTECTED, "kept although the bucket is full (allow_bucket_overflow)"),
        (Reason.ADDED_FOR_REPRESENTATION, f"selected to represent buckets ({wanted})"),
        (Reason.DISPLACED_FOR_REPRESENTATION, f"passed over for representation ({wanted})"),
    ):
        found = np.flatnonzero(decided["reason"] == reason).tolist()
        if found:
            yield f"{len(found)} asset(s) {said}: {_names(staged, found)}"


def _by_node(nodes: Ints, codes: Ints, wanted: Iterable[int]) -> list[tuple[int, int, list[int]]]:
    """Node, code and rows of all that has a wanted code at a bucket, by node and code."""
    groups: dict[tuple[int, int], list[int]] = {}
    for row in np.flatnonzero(_is_any(codes, wanted) & (nodes > ROOT)).tolist():
        groups.setdefault((int(nodes[row]), int(codes[row])), []).append(row)
    return [(*key, rows) for key, rows in sorted(groups.items())]


def _is_any(codes: Ints, wanted: Iterable[int]) -> Flags:
    """Where one of a few codes stands."""
    found = np.zeros(codes.shape, np.bool_)
    for code in wanted:
        found |= codes == code
    return found


def _scaling_actions(staged: Staged, wish: Floats, weight: Floats) -> Iterator[str]:
    """The buckets whose weights were scaled, from what was wished to what remains."""
    leaf, tree = staged.candidates.leaf, staged.candidates.tree
    sized = ~np.isnan(weight)
    for node, path in enumerate(tree.paths[1:], start=1):
        inside = sized & (leaf >= node) & (leaf < tree.nodes[node]["stop"])
        wished, remains = math.fsum(wish[inside]), math.fsum(weight[inside])
        name = "max_allocation" if remains < wished else "min_allocation"
        if abs(remains - wished) > 1e-12 and tree.node_limit(node)[1 if remains < wished else 2] is not None:
            limit = _limit(staged, path, name)
            yield f"{path}: weights scaled from {wished:.2%} to {remains:.2%}, {limit}: {_names(staged, np.flatnonzero(inside).tolist())}"


def _capping_actions(staged: Staged) -> Iterator[str]:
    """The buckets that hold weights down or lift them, in a rebalance that sized everything at once."""
    decided = staged.decided
    words = {
        SizeReason.CAPPED_BUCKET: ("max_allocation", "held down"),
        SizeReason.LIFTED_FOR_BUCKET_MINIMUM: ("min_allocation", "lifted"),
        SizeReason.RELEASED_FOR_LIMIT: ("max_allocation", "traded inside their band"),
    }
    for node, code, rows in _by_node(decided["size_node"], decided["size_reason"], words):
        path, (field, verb) = staged.candidates.tree.paths[node], words[SizeReason(code)]
        yield f"{path}: {len(rows)} weight(s) {verb}, {_limit(staged, path, field)}: {_names(staged, rows)}"


def _fixed(before: Iterable[Constraint], after: Iterable[Constraint]) -> Iterator[str]:
    """The limits that did not hold in what came in, and do in what goes out."""
    mended = {(check.name, check.node): check for check in after if check.status in ("met", "drifted")}
    for check in before:
        found = mended.get((check.name, check.node))
        if check.status in ("broken", "unmet", "waived") and found is not None:
            number = f"{found.measured:.2%}" if check.name.endswith("allocation") else f"{found.measured:g}"
            yield f"{violation(check)}: now {number}"


def _limit(staged: Staged, path: str, name: str) -> str:
    """The field that sets a bucket's limit, with its value."""
    field, value = staged.limits.limit_at(path, name)
    return f"{field} {value:g}"


def _names(staged: Staged, rows: Iterable[int]) -> str:
    return listed(sorted(str(staged.candidates.asset.at(row)) for row in rows))

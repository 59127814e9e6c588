"""The buckets of a result before and after, and the notes beside its targets."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from trimtab.candidates.bucket_tree import BucketTree, grow
from trimtab.candidates.candidates import Candidates
from trimtab.kernel.records import Flags, Floats, Ints
from trimtab.limits.rebalancing_limits import RebalancingLimits


@dataclass(frozen=True)
class BucketSummary:
    """A bucket before and after: positions in it, weights, the limits in force (None = none), scores of its positions."""

    path: str
    positions: int
    current_weight: float
    target_weight: float
    max_positions: int | None
    max_allocation: float | None
    min_allocation: float | None
    mean_score: float | None
    min_score: float | None
    max_score: float | None


@dataclass(frozen=True)
class Note:
    """A note for the user, with a code to search for."""

    code: str
    text: str


def bucket_summaries(
    candidates: Candidates, limits: RebalancingLimits, target: Floats, is_position: Flags
) -> tuple[BucketSummary, ...]:
    """Every bucket of one account by path: the nodes that limits apply to, or all parts of all paths without limits.

    `target` and `is_position` have shape (rows,), in the order of the table.
    """
    tree = _summary_tree(candidates, limits)
    bucket = candidates.bucket
    leaf = np.array([tree.leaf_of.get(name, 0) for name in bucket.names], np.int64)[bucket.codes]
    node_of = {path: node for node, path in enumerate(tree.paths)} | tree.leaf_of
    named = [node_of[name] for name in (*limits.buckets, *limits.known_buckets) if name in node_of]
    leaves = np.unique(np.concatenate([leaf, np.array(named, np.int64)]))
    stop = tree.nodes["stop"].astype(np.int64)
    shown = np.searchsorted(leaves, stop) > np.searchsorted(leaves, np.arange(len(stop)))
    nodes = [node for node in range(1, len(stop)) if shown[node]]
    return tuple(_summary(candidates, tree, node, leaf, target, is_position) for node in nodes)


def _summary(
    candidates: Candidates, tree: BucketTree, node: int, leaf: Ints, target: Floats, is_position: Flags
) -> BucketSummary:
    here = (leaf >= node) & (leaf < tree.nodes[node]["stop"])
    scores = candidates.score[here & is_position]
    scores = scores[~np.isnan(scores)]
    return BucketSummary(
        tree.paths[node],
        int((here & is_position).sum()),
        math.fsum(candidates.current_weight[here]),
        math.fsum(target[here]),
        *tree.node_limit(node),
        mean_score=math.fsum(scores) / len(scores) if len(scores) else None,
        min_score=float(scores.min()) if len(scores) else None,
        max_score=float(scores.max()) if len(scores) else None,
    )


def _summary_tree(candidates: Candidates, limits: RebalancingLimits) -> BucketTree:
    if limits.enable_bucket_diversification:
        return candidates.tree
    free = RebalancingLimits(
        enable_bucket_diversification=True,
        enforce_position_limits=False,
        enforce_allocation_limits=False,
        bucket_separator=limits.bucket_separator,
    )
    used = [candidates.bucket.names[code] for code in np.unique(candidates.bucket.codes)]
    return grow(used if candidates.bucket_given else (), free)

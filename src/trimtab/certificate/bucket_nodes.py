"""The buckets as the certificate's checker sees them: from the paths and the limits as the user wrote them.

It shares nothing with the kernel's tree, so a fault in either shows up against the other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from trimtab.bucket_path import UNKNOWN, split_path
from trimtab.limits.bucket_limit import BucketLimit
from trimtab.limits.rebalancing_limits import RebalancingLimits

_NO_LIMIT = BucketLimit()


@dataclass(frozen=True)
class CheckedNode:
    """A bucket with the limits in force; inf (0 for the minimum) if not set."""

    path: str
    depth: int
    parent: int
    max_positions: float
    max_allocation: float
    min_allocation: float
    counts: bool  # can be represented
    closed: bool  # nothing in it is bought


@dataclass(frozen=True)
class CheckedNodes:
    """The portfolio (node 0) and its buckets, sorted by path."""

    nodes: tuple[CheckedNode, ...]
    named: frozenset[str]  # paths on the way to a bucket that the limits name
    leaf_of: dict[str, int]  # bucket as given -> node
    parents: NDArray[np.int64]  # (nodes,)


@lru_cache(maxsize=64)
def checked_nodes(used: tuple[str, ...], limits: RebalancingLimits) -> CheckedNodes:
    """The nodes of these buckets under these limits; kept, since most passes have the buckets of the one before."""
    chains: dict[str, list[str]] = {}
    if limits.enable_bucket_diversification:
        chains = {name: _chain(name, limits) for name in sorted({*used, *limits.buckets})}
    parent_of = {path: above for chain in chains.values() for above, path in pairwise(["", *chain])}
    paths = sorted(parent_of, key=lambda path: split_path(path, limits.bucket_separator))
    number = {path: index for index, path in enumerate(["", *paths])}
    nodes = [CheckedNode("", 0, -1, math.inf, math.inf, 0.0, counts=False, closed=False)]
    for path in paths:
        parent = number[parent_of[path]]
        nodes.append(_node(path, parent, nodes[parent].depth + 1, limits))
    return CheckedNodes(
        tuple(nodes),
        frozenset(path for name in limits.buckets for path in chains.get(name, [])),
        {name: number[chains[name][-1]] if name in chains else 0 for name in used},
        np.array([node.parent for node in nodes], np.int64),
    )


def _chain(name: str, limits: RebalancingLimits) -> list[str]:
    """The paths of a bucket's nodes, from `bucket_level` down."""
    parts = split_path(name, limits.bucket_separator)
    first = 1 if parts[0] == UNKNOWN else limits.bucket_level
    if len(parts) < first:
        return [UNKNOWN]
    return [limits.bucket_separator.join(parts[:depth]) for depth in range(first, len(parts) + 1)]


def _node(path: str, parent: int, depth: int, limits: RebalancingLimits) -> CheckedNode:
    own = limits.buckets.get(path, _NO_LIMIT)
    unknown = split_path(path, limits.bucket_separator)[0] == UNKNOWN
    closed = unknown and limits.unknown_bucket == "hold"
    is_level = parent == 0
    maxima: list[float] = [math.inf, math.inf]
    if is_level and not closed:
        maxima = [limits.max_positions_per_bucket, limits.max_allocation_per_bucket]
    if own.max_positions is not None:
        maxima[0] = own.max_positions
    if own.max_allocation is not None:
        maxima[1] = own.max_allocation
    return CheckedNode(
        path,
        depth,
        parent,
        maxima[0] if limits.enforce_position_limits else math.inf,
        maxima[1] if limits.enforce_allocation_limits else math.inf,
        own.min_allocation or 0.0 if limits.enforce_allocation_limits else 0.0,
        counts=is_level and not unknown,
        closed=closed,
    )

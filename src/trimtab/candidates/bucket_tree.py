"""Bucket paths <-> the nodes of the kernel's tree.

The tree that the rules see begins at `bucket_level`: nodes above it carry no limits. Under the root hang the nodes at
that level and `Unknown`, where every path ends that is shorter or starts with `Unknown`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from trimtab.bucket_path import UNKNOWN, split_path
from trimtab.errors import LimitsError, nearest
from trimtab.kernel.records import NO_LIMIT, NO_NODE, ROOT, Ints, Records, build_tree
from trimtab.limits.bucket_limit import BucketLimit
from trimtab.limits.exposure_limits import known_in_tree
from trimtab.limits.rebalancing_limits import RebalancingLimits

Path = tuple[str, ...]
_NOWHERE: Path = ()
_NO_LIMIT = BucketLimit()


@dataclass(frozen=True)
class BucketTree:
    """The kernel's tree, the path of each of its nodes (the root's is empty), and where each bucket hangs."""

    nodes: Records
    paths: tuple[str, ...]
    leaf_of: dict[str, int]  # bucket as given -> node
    level_nodes: tuple[int, ...]  # the nodes at bucket_level that can be represented

    @cached_property
    def level_node_of(self) -> Ints:
        """For each node, its ancestor at `bucket_level`, or `Unknown`; the root's is the root."""
        level_nodes = np.zeros(len(self.nodes), np.int64)
        for node in range(1, len(self.nodes)):
            parent = int(self.nodes["parent"][node])
            level_nodes[node] = node if parent == ROOT else level_nodes[parent]
        return level_nodes

    def node_limit(self, node: int) -> tuple[int | None, float | None, float | None]:
        """`max_positions`, `max_allocation` and `min_allocation` in force at a node; None without a limit."""
        here = self.nodes[node]
        return (
            None if here["max_positions"] >= NO_LIMIT else int(here["max_positions"]),
            None if math.isinf(here["max_allocation"]) else float(here["max_allocation"]),
            float(here["min_allocation"]) or None,
        )


def grow(buckets: Iterable[str], limits: RebalancingLimits, near: Iterable[str] = ()) -> BucketTree:
    """The tree of these buckets (valid paths) under these limits; not to be changed, it may be in use elsewhere.

    `near`: further names, malformed perhaps, that the limits may mean.

    Raises
    ------
    LimitsError
        Limits for a bucket that neither a candidate nor `known_buckets` has.
    """
    try:
        return _grown(tuple(sorted(set(buckets))), limits)
    except _MissingNodesError as error:
        raise LimitsError(_missing_sentences(error.missing, {*error.present, *near}, limits)) from None


@lru_cache(maxsize=64)  # most passes have the buckets of the one before
def _grown(names: tuple[str, ...], limits: RebalancingLimits) -> BucketTree:
    if not limits.enable_bucket_diversification:
        root = build_tree(
            [NO_NODE],
            represents=[NO_NODE],
            closed=[False],
            max_positions=[NO_LIMIT],
            max_allocation=[math.inf],
            min_allocation=[0.0],
        )
        return BucketTree(root, ("",), dict.fromkeys(names, 0), ())
    chains = {
        name: _chain(split_path(name, limits.bucket_separator), limits.bucket_level)
        for name in sorted({*names, *known_in_tree(limits)})
    }
    limited = {split_path(path, limits.bucket_separator): limit for path, limit in limits.buckets.items()}
    _refuse_unknown_nodes(limited, list(chains.values()), limits)
    keys = sorted({_NOWHERE}.union(*chains.values()))
    number = {key: index for index, key in enumerate(keys)}
    tops = [key[:1] if key[:1] == (UNKNOWN,) else key[: limits.bucket_level] for key in keys]
    fields = [
        _node_fields(key, key == top, limited.get(key, _NO_LIMIT), limits) for key, top in zip(keys, tops, strict=True)
    ]
    nodes = build_tree(
        [NO_NODE] + [number[_NOWHERE if key == top else key[:-1]] for key, top in zip(keys[1:], tops[1:], strict=True)],
        represents=[NO_NODE if top in (_NOWHERE, (UNKNOWN,)) else number[top] for top in tops],
        closed=[limits.unknown_bucket == "hold" and key[:1] == (UNKNOWN,) for key in keys],
        max_positions=[field[0] for field in fields],
        max_allocation=[field[1] for field in fields],
        min_allocation=[field[2] for field in fields],
    )
    return BucketTree(
        nodes,
        tuple(limits.bucket_separator.join(key) for key in keys),
        {name: number[chain[-1]] for name, chain in chains.items()},
        tuple(
            number[key] for key, top in zip(keys, tops, strict=True) if key == top and key not in (_NOWHERE, (UNKNOWN,))
        ),
    )


def _chain(parts: Path, level: int) -> list[Path]:
    """The nodes from `bucket_level` down to a path's end."""
    if parts[0] == UNKNOWN:
        return [parts[:depth] for depth in range(1, len(parts) + 1)]
    if len(parts) < level:
        return [(UNKNOWN,)]
    return [parts[:depth] for depth in range(level, len(parts) + 1)]


def _node_fields(key: Path, is_level: bool, own: BucketLimit, limits: RebalancingLimits) -> tuple[int, float, float]:
    """`max_positions`, `max_allocation`, `min_allocation` of a node, as the kernel has them."""
    positions, allocation = NO_LIMIT, math.inf
    free = key == _NOWHERE or (limits.unknown_bucket == "hold" and key[:1] == (UNKNOWN,))
    if is_level and not free:
        positions, allocation = limits.max_positions_per_bucket, limits.max_allocation_per_bucket
    if own.max_positions is not None:
        positions = own.max_positions
    if own.max_allocation is not None:
        allocation = own.max_allocation
    minimum = own.min_allocation or 0.0
    if not limits.enforce_position_limits:
        positions = NO_LIMIT
    if not limits.enforce_allocation_limits:
        allocation, minimum = math.inf, 0.0
    return positions, allocation, minimum


def _refuse_unknown_nodes(
    limited: dict[Path, BucketLimit], chains: Sequence[list[Path]], limits: RebalancingLimits
) -> None:
    """A limit for a node that does not exist is a typo, and must never mean `no limit`."""
    present = {(UNKNOWN,)}.union(*chains)
    missing = [key for key in limited if key not in present]
    if missing:
        raise _MissingNodesError(missing, [limits.bucket_separator.join(key) for key in present])


class _MissingNodesError(Exception):
    def __init__(self, missing: list[Path], present: list[str]) -> None:
        super().__init__(missing)
        self.missing, self.present = missing, present


def _missing_sentences(missing: list[Path], names: set[str], limits: RebalancingLimits) -> list[str]:
    paths = [limits.bucket_separator.join(key) for key in missing]
    return [
        f"buckets[{path!r}]: no candidate is in this bucket: {nearest(path, names)} "
        "(if the name is right, add it to known_buckets)"
        for path in paths
    ]

"""What a batch decides by: its limits, and the buckets of all its accounts, made ready once for compiled code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa

from trimtab.blocks.arrow_columns import check_columns, text_column
from trimtab.bucket_path import bucket_name
from trimtab.candidates.bucket_spellings import sound_names
from trimtab.candidates.bucket_tree import grow
from trimtab.candidates.candidates import settings_of
from trimtab.certificate.bucket_nodes import checked_nodes
from trimtab.certificate.screen import bounds_of, bucket_limits_of
from trimtab.errors import LimitsError
from trimtab.kernel.records import Flags, Ints, Records
from trimtab.limits.rebalancing_limits import RebalancingLimits


@dataclass(frozen=True)
class BucketNodes:
    """Where the buckets of a block lie, of shape (limits, names + 1); the last is for a row without a bucket."""

    kernel: Ints  # the node of the kernel's tree
    checker: Ints  # the node of the checker's
    bad: Flags  # malformed, another spelling than the one that counts, or not known to the rules


class PreparedLimits:
    """Limits by their `limits_id` (None where all accounts have the same), and the buckets of the whole batch.

    `votes`: how often each bucket is named in the whole batch. Of two spellings of one bucket that of the limits counts,
    else the one with most votes; accounts with another fail. So do accounts with a bucket that has no vote at all.

    Raises
    ------
    LimitsError
        Limits for a bucket that does not exist, or with a `max_correlation`: a batch has no correlations.
    """

    def __init__(self, limits: Mapping[str | None, RebalancingLimits], votes: Mapping[str, float]) -> None:
        self.ids = {name: at for at, name in enumerate(limits)}
        self.limits = tuple(limits.values())
        for name, one in limits.items():
            if one.max_correlation is not None:
                where = "" if name is None else f"limits {name!r}: "
                advice = "leave it out, or use trimtab.rebalance_many with correlations"
                raise LimitsError([f"{where}max_correlation is set, and a batch has no correlations: {advice}"])
        named = {bucket_name(name): count for name, count in votes.items()}
        self.names = [sound_names(dict.fromkeys(one.known_buckets, 0.0) | named, one) for one in self.limits]
        self.known = [one.replace(known_buckets=names) for one, names in zip(self.limits, self.names, strict=True)]
        trees = [grow(names, one) for one, names in zip(self.limits, self.names, strict=True)]
        nodes = [checked_nodes(names, one) for one, names in zip(self.limits, self.names, strict=True)]
        self.settings: Records = np.concatenate([settings_of(one) for one in self.limits])
        self.trees: Records = np.concatenate([tree.nodes for tree in trees])
        self.tree_start = _starts([len(tree.nodes) for tree in trees])
        self.bounds: Records = np.concatenate([bounds_of(one) for one in self.limits])
        self.bucket_limits: Records = np.concatenate(
            [bucket_limits_of(found, one) for found, one in zip(nodes, self.limits, strict=True)]
        )
        self.bucket_limits_start = _starts([len(found.nodes) for found in nodes])
        self.grown = trees
        self._kernel_leaf = [tree.leaf_of for tree in trees]
        self._checker_leaf = [found.leaf_of for found in nodes]
        self.refuses_unscored = np.array([one.unscored_positions == "error" for one in self.limits])
        self.bucket_nodes = lru_cache(maxsize=64)(
            self._make_bucket_nodes
        )  # most blocks have the dictionary of the one before

    def _make_bucket_nodes(self, names: tuple[str, ...]) -> BucketNodes:
        shown = [bucket_name(name) for name in [*names, None]]
        return BucketNodes(
            np.array([[leaf.get(name, 0) for name in shown] for leaf in self._kernel_leaf], np.int64),
            np.array([[leaf.get(name, 0) for name in shown] for leaf in self._checker_leaf], np.int64),
            np.array([[name not in leaf for name in shown] for leaf in self._kernel_leaf], np.bool_),
        )


def votes_of(table: pa.Table, *, many: bool = True) -> dict[str, float]:
    """How many rows name each bucket; no bucket is the empty name. `many`: the table has accounts.

    Raises
    ------
    InputError
        A missing or misspelled column, one that appears twice, or a column of the wrong type.
    """
    check_columns(table.schema, many=many)
    if table.num_rows == 0:
        return {}
    bucket = text_column(table, "bucket")
    counts = np.bincount(bucket.codes + 1, minlength=len(bucket.names) + 1).tolist()
    return {name: float(count) for name, count in zip(["", *bucket.names], counts, strict=True) if count}


def _starts(sizes: Sequence[int]) -> Ints:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)

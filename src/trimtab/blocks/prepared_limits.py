"""The limits of a batch and the buckets of all its accounts, prepared once for compiled code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from trimtab.blocks.arrow_columns import BlockColumns, check_columns, text_column
from trimtab.blocks.block_exposures import exposures_for
from trimtab.bucket_path import bucket_name
from trimtab.candidates.bucket_spellings import sound_names
from trimtab.candidates.bucket_tree import grow
from trimtab.candidates.candidates import settings_of
from trimtab.candidates.correlations import Correlations
from trimtab.candidates.exposures import Exposures
from trimtab.certificate.bucket_nodes import checked_nodes
from trimtab.certificate.screen import ScreenLimits, bounds_of, bucket_limits_of
from trimtab.errors import LimitsError
from trimtab.kernel.block import Prepared
from trimtab.kernel.records import Flags, Ints
from trimtab.limits.exposure_limits import known_in_tree
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.reasons import Restriction

_NO_NODES: Ints = np.zeros((0, 0), np.int64)


@dataclass(frozen=True)
class BucketNodes:
    """The nodes of a block's buckets, of shape (limits, names + 1); the last is for a row without a bucket."""

    kernel: Ints  # in the kernel's tree
    checker: Ints  # in the checker's
    bad: Flags  # malformed, not in the spelling that counts, or unknown to the limits


class PreparedLimits:
    """Limits by `limits_id` (None: the same for all accounts) and the buckets of a whole batch, ready for compiled code.

    `votes`: how often each bucket is named in the whole batch. Of two spellings of one bucket, the limits' own counts, else
    the one with more votes. Accounts with another spelling fail, as do accounts with a bucket that has no vote at all.
    `exposures`: a table of them, for all accounts or for each. `correlations`: those of all accounts; only plans of orders
    know them.

    Raises
    ------
    InputError
        Two spellings of a bucket in `exposures`.
    LimitsError
        Limits for a bucket or a scheme that does not exist, or that need exposures or correlations that are missing.
    """

    def __init__(
        self,
        limits: Mapping[str | None, RebalancingLimits],
        votes: Mapping[str, float],
        exposures: Exposures | None = None,
        correlations: Correlations | None = None,
    ) -> None:
        self.votes = votes
        self.ids = {name: number for number, name in enumerate(limits)}
        self.limits = tuple(limits.values())
        self.correlations = correlations
        for name, chosen in limits.items():
            where = "" if name is None else f"limits {name!r}: "
            if chosen.max_correlation is not None and correlations is None:
                advice = "leave it out, or give correlations to trimtab.rebalance_many or trimtab.plan_many"
                raise LimitsError([f"{where}max_correlation is set, but there are no correlations: {advice}"])
        self.is_correlated = np.array([chosen.max_correlation is not None for chosen in self.limits])
        self._exposures = exposures_for(exposures, limits)
        named = {bucket_name(name): count for name, count in votes.items()}
        names = [sound_names(dict.fromkeys(known_in_tree(chosen), 0.0) | named, chosen) for chosen in self.limits]
        self.known = [  # what an account's own rows are read with
            chosen.replace(known_buckets=sound, enforce_exposure_limits=False)
            for chosen, sound in zip(self.limits, names, strict=True)
        ]
        self.trees = [grow(sound, chosen) for chosen, sound in zip(self.limits, names, strict=True)]
        self.refuses_unscored = np.array([chosen.unscored_positions == "error" for chosen in self.limits])
        self._kernel = Prepared(
            settings=np.concatenate([settings_of(chosen) for chosen in self.limits]),
            trees=np.concatenate([tree.nodes for tree in self.trees]),
            tree_start=_starts([len(tree.nodes) for tree in self.trees]),
            node_of=_NO_NODES,
        )
        nodes = [checked_nodes(sound, chosen) for chosen, sound in zip(self.limits, names, strict=True)]
        self._checker_leaf = [each.leaf_of for each in nodes]
        self._screen = ScreenLimits(
            bounds=np.concatenate([bounds_of(chosen) for chosen in self.limits]),
            bucket_limits=np.concatenate(
                [bucket_limits_of(each, chosen) for each, chosen in zip(nodes, self.limits, strict=True)]
            ),
            bucket_limits_start=_starts([len(each.nodes) for each in nodes]),
            node_of=_NO_NODES,
            forbids_selling=np.array([member.forbids_selling for member in Restriction]),
            forbids_buying=np.array([member.forbids_buying for member in Restriction]),
        )
        self.bucket_nodes = lru_cache(maxsize=64)(self._bucket_nodes)  # most blocks repeat the dictionary before them

    def kernel(self, nodes: BucketNodes) -> Prepared:
        """The limits as the kernel reads them, for a block with these buckets."""
        return self._kernel._replace(node_of=nodes.kernel)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PreparedLimits) and self.__reduce__() == other.__reduce__()

    def __hash__(self) -> int:
        return hash(self.limits)

    def __reduce__(self) -> tuple[Any, ...]:
        """Prepared again wherever a copy arrives."""
        limits = dict(zip(self.ids, self.limits, strict=True))
        return PreparedLimits, (limits, self.votes, self.exposures, self.correlations)

    @property
    def exposures(self) -> Exposures | None:
        """The table of exposures."""
        return None if self._exposures is None else self._exposures.table

    def with_exposures(self, block: BlockColumns) -> BlockColumns:
        """The same block with the exposures of its rows, where these are limited."""
        if self._exposures is None:
            return block
        return replace(block, exposures=self._exposures.of(block.accounts, block.start, block.asset))

    def screen(self, nodes: BucketNodes) -> ScreenLimits:
        """The limits as the screen reads them, for a block with these buckets."""
        return self._screen._replace(node_of=nodes.checker)

    def _bucket_nodes(self, names: tuple[str, ...]) -> BucketNodes:
        shown = [bucket_name(name) for name in [*names, None]]
        kernel_leaf = [tree.leaf_of for tree in self.trees]
        return BucketNodes(
            np.array([[leaf.get(name, 0) for name in shown] for leaf in kernel_leaf], np.int64),
            np.array([[leaf.get(name, 0) for name in shown] for leaf in self._checker_leaf], np.int64),
            np.array([[name not in leaf for name in shown] for leaf in kernel_leaf], np.bool_),
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

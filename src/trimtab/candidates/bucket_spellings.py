"""Bucket paths: malformed ones, and two spellings of one bucket."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from trimtab.bucket_path import UNKNOWN, folded, path_fault, split_path
from trimtab.candidates.checks import FaultsByAccount
from trimtab.candidates.columns import Text
from trimtab.limits.rebalancing_limits import RebalancingLimits


def check_buckets(bucket: Text, limits: RebalancingLimits, faults: FaultsByAccount) -> tuple[Text, list[str]]:
    """Refuse malformed paths and two spellings of one bucket; a missing bucket becomes `Unknown`.

    Returns the buckets, and the names of those that are sound and in use.
    """
    names = [name if name.strip() else UNKNOWN for name in bucket.names]
    problem: dict[int, tuple[str, str]] = {}
    sound = _are_sound(tuple(names), limits)
    spelling = {} if sound else _spellings(names, bucket, limits, faults)
    for code, name in enumerate(() if sound else names):
        parts = split_path(name, limits.bucket_separator)
        fault = path_fault(parts)
        if fault:
            problem[code] = (f"the bucket's path {fault[0]}", fault[1])
            continue
        for depth in range(1, len(parts) + 1):
            kept = spelling[folded(parts[:depth])]
            if kept != parts[:depth]:
                other = limits.bucket_separator.join(kept)
                problem[code] = (
                    f"the bucket differs from {other!r} only in case, spaces or invisible signs",
                    "write both the same way",
                )
                break
    wrong = np.array([code in problem for code in range(len(names))] + [False], np.bool_)[bucket.codes]
    for row in np.flatnonzero(wrong):
        faults.add(int(row), *problem[int(bucket.codes[row])], column="bucket", value=bucket.at(int(row)))
    unique = list(dict.fromkeys([*names, UNKNOWN]))
    number = {name: at for at, name in enumerate(unique)}
    codes = np.array([number[name] for name in [*names, UNKNOWN]], np.int64)[bucket.codes]
    return Text(codes, unique), [unique[code] for code in np.unique(codes[~wrong])]


@lru_cache(maxsize=64)  # most passes have the buckets of the one before
def _are_sound(names: tuple[str, ...], limits: RebalancingLimits) -> bool:
    """Whether no path has an empty part, and no node two spellings."""
    spelling: dict[tuple[str, ...], tuple[str, ...]] = {}
    for name in (UNKNOWN, *limits.buckets, *limits.known_buckets, *names):
        parts = split_path(name, limits.bucket_separator)
        if path_fault(parts):
            return False
        alike = folded(parts)
        for depth in range(1, len(parts) + 1):
            if spelling.setdefault(alike[:depth], parts[:depth]) != parts[:depth]:
                return False
    return True


def _spellings(
    names: list[str], bucket: Text, limits: RebalancingLimits, faults: FaultsByAccount
) -> dict[tuple[str, ...], tuple[str, ...]]:
    """For each node the spelling that counts: `Unknown`, then the limits', then that of most good accounts, then of most rows."""
    rows = faults.good_rows() & (bucket.codes >= 0)
    pairs = np.unique(faults.account_of[rows] * (len(names) + 1) + bucket.codes[rows])
    votes_for = np.bincount(pairs % (len(names) + 1), minlength=len(names)).astype(np.float64)
    votes_for += np.bincount(bucket.codes[rows], minlength=len(names)) / (rows.size + 1.0)  # rows decide a tie
    return chosen_spellings(dict(zip(names, votes_for.tolist(), strict=True)), limits)


def chosen_spellings(
    votes_for: Mapping[str, float], limits: RebalancingLimits
) -> dict[tuple[str, ...], tuple[str, ...]]:
    """For each node of these buckets the spelling that counts: `Unknown`, then the limits', then that of most votes.

    Malformed paths have no vote, nor have paths that lie under a spelling that does not count: what counts at a node
    stands under what counts above it.
    """
    given = [(UNKNOWN, math.inf), *((name, 1e18) for name in (*limits.buckets, *limits.known_buckets))]
    voting = [(split_path(name, limits.bucket_separator), votes) for name, votes in [*given, *votes_for.items()]]
    voting = [(parts, votes) for parts, votes in voting if not path_fault(parts)]
    chosen: dict[tuple[str, ...], tuple[str, ...]] = {}
    depth = 0
    while voting:
        depth += 1
        counted: dict[tuple[str, ...], dict[tuple[str, ...], float]] = {}
        for parts, votes in voting:
            at_node = counted.setdefault(folded(parts[:depth]), {})
            at_node[parts[:depth]] = at_node.get(parts[:depth], 0.0) + votes
        found = {
            alike: min(at_node.items(), key=lambda item: (-item[1], item[0]))[0] for alike, at_node in counted.items()
        }
        chosen |= found
        here = set(found.values())
        voting = [(parts, votes) for parts, votes in voting if len(parts) > depth and parts[:depth] in here]
    return chosen

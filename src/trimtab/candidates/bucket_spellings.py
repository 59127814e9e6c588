"""Bucket paths: malformed ones, and two spellings of one bucket, which are refused while bucket limits are on."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache

from trimtab.bucket_path import ONLY_IN, UNKNOWN, folded, path_fault, split_path
from trimtab.errors import Fault, InputError
from trimtab.limits.exposure_limits import known_in_tree
from trimtab.limits.rebalancing_limits import RebalancingLimits

Path = tuple[str, ...]


def bucket_faults(
    names: Sequence[str], limits: RebalancingLimits, votes: Callable[[], Mapping[str, float]]
) -> dict[str, tuple[str, str]]:
    """The faults of these buckets, and what to do, by name. Without bucket limits, a second spelling is none.

    `votes` says how often each is named; it is called only if there are two spellings of one bucket.
    """
    if _are_sound(tuple(names), limits):
        return {}
    spelling = chosen_spellings(votes(), limits) if limits.enable_bucket_diversification else {}
    faults: dict[str, tuple[str, str]] = {}
    for name in names:
        parts = split_path(name, limits.bucket_separator)
        malformed = path_fault(parts)
        other = None if malformed or not spelling else _other_spelling(parts, spelling)
        if malformed:
            faults[name] = (f"the bucket's path {malformed[0]}", malformed[1])
        elif other:
            problem = f"the bucket differs from {limits.bucket_separator.join(other)!r} {ONLY_IN}"
            faults[name] = (problem, "write both the same way")
    return faults


def check_buckets(names: Sequence[str], limits: RebalancingLimits) -> None:
    """Refuse malformed paths and two spellings of one bucket.

    Raises
    ------
    InputError
        With the buckets.
    """
    wrong = bucket_faults(names, limits, lambda: dict.fromkeys(names, 1.0))
    if wrong:
        raise InputError([Fault(*fault, column="bucket", value=name) for name, fault in wrong.items()])


@lru_cache(maxsize=64)  # most passes have the buckets of the one before
def _are_sound(names: tuple[str, ...], limits: RebalancingLimits) -> bool:
    """Whether no path has an empty part, and no node a second spelling that matters."""
    paths = [split_path(name, limits.bucket_separator) for name in _named(names, limits)]
    if any(map(path_fault, paths)):
        return False
    return not limits.enable_bucket_diversification or not any(_respelled(paths))


def respelled_buckets(names: Sequence[str], limits: RebalancingLimits) -> list[tuple[str, str]]:
    """The nodes of these well-formed buckets that have a second spelling, each after its first."""
    paths = [split_path(name, limits.bucket_separator) for name in _named(names, limits)]
    join = limits.bucket_separator.join
    return sorted({(join(first), join(second)) for first, second in _respelled(paths)})


def _named(names: Sequence[str], limits: RebalancingLimits) -> tuple[str, ...]:
    return (UNKNOWN, *limits.buckets, *known_in_tree(limits), *names)


def _respelled(paths: Sequence[Path]) -> Iterator[tuple[Path, Path]]:
    spelling: dict[Path, Path] = {}
    for parts in paths:
        alike = folded(parts)
        for depth in range(1, len(parts) + 1):
            first = spelling.setdefault(alike[:depth], parts[:depth])
            if first[-1] != parts[depth - 1]:
                yield first, parts[:depth]


def _other_spelling(parts: Path, spelling: Mapping[Path, Path]) -> Path | None:
    """The spelling that counts at the first node where these parts have another one."""
    for depth in range(1, len(parts) + 1):
        kept = spelling[folded(parts[:depth])]
        if kept != parts[:depth]:
            return kept
    return None


def sound_names(votes: Mapping[str, float], limits: RebalancingLimits) -> tuple[str, ...]:
    """The buckets that are well-formed and spelled as it counts, sorted; `Unknown` is always among them."""
    names = sorted({*votes, UNKNOWN})
    wrong = bucket_faults(names, limits, lambda: {UNKNOWN: 0.0, **votes})
    return tuple(name for name in names if name not in wrong)


def chosen_spellings(votes_for: Mapping[str, float], limits: RebalancingLimits) -> dict[Path, Path]:
    """The spelling that counts at each node of these buckets: `Unknown`, then the limits', then the one with most
    votes. Malformed paths have no vote, and neither do paths below a spelling that does not count.
    """
    of_limits = ((name, 1e18) for name in (*limits.buckets, *known_in_tree(limits)))
    named = [(UNKNOWN, math.inf), *of_limits, *votes_for.items()]
    voting = [(split_path(name, limits.bucket_separator), votes) for name, votes in named]
    voting = [(parts, votes) for parts, votes in voting if not path_fault(parts)]
    chosen: dict[Path, Path] = {}
    depth = 0
    while voting:
        depth += 1
        counted: dict[Path, dict[Path, float]] = {}
        for parts, votes in voting:
            at_node = counted.setdefault(folded(parts[:depth]), {})
            at_node[parts[:depth]] = at_node.get(parts[:depth], 0.0) + votes
        winners = {
            alike: min(at_node.items(), key=lambda item: (-item[1], item[0]))[0] for alike, at_node in counted.items()
        }
        chosen |= winners
        here = set(winners.values())
        voting = [(parts, votes) for parts, votes in voting if len(parts) > depth and parts[:depth] in here]
    return chosen

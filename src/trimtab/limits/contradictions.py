"""Fields of limits that contradict each other."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from trimtab.bucket_path import ONLY_IN, UNKNOWN, folded, path_fault, split_path
from trimtab.errors import shown
from trimtab.limits.exposure_contradictions import exposure_contradictions
from trimtab.limits.exposure_limits import known_in_tree
from trimtab.tolerances import LIMIT_TOLERANCE


def contradictions(limits: Any) -> Iterable[str]:
    """Fields that contradict each other, each fault naming the fields."""
    scores = ("min_score_threshold", "min_score_diversification", "min_score_new_position")
    for lower, upper in pairwise(scores):
        if getattr(limits, lower) > getattr(limits, upper):
            yield (
                f"{upper} {getattr(limits, upper):g} is below {lower} {getattr(limits, lower):g}: today's purchases would "
                f"be closed tomorrow; raise {upper} or lower {lower}"
            )
    if limits.min_position_weight > limits.max_position_weight:
        yield (
            f"min_position_weight {limits.min_position_weight:g} is above max_position_weight "
            f"{limits.max_position_weight:g}: no position is possible; lower it or raise max_position_weight"
        )
    if 0 < limits.target_invested < limits.min_position_weight:
        yield (
            f"target_invested {limits.target_invested:g} is below min_position_weight {limits.min_position_weight:g}: no "
            "position fits; raise it, lower min_position_weight, or write 0 to hold only cash"
        )
    if limits.dust_weight > limits.min_position_weight:
        yield (
            f"dust_weight {limits.dust_weight:g} is above min_position_weight {limits.min_position_weight:g}: "
            "the smallest position would count as dust; lower dust_weight"
        )

    yield from _bucket_contradictions(limits)
    yield from exposure_contradictions(limits)


def _bucket_contradictions(limits: Any) -> Iterable[str]:
    if not limits.enable_bucket_diversification:
        if limits.buckets:
            yield "buckets has limits, but enable_bucket_diversification is false: set it to true, or leave buckets out"
        if limits.max_correlation is not None:
            yield (
                f"max_correlation is {limits.max_correlation:g}, but it works inside buckets and "
                "enable_bucket_diversification is false: set that to true, or leave max_correlation out"
            )
        return
    if limits.bucket_level > 1 and not limits.bucket_separator:
        yield (
            f"bucket_level is {limits.bucket_level}, but without bucket_separator a name has only one level: write 1, or "
            "give the separator"
        )
    faults = list(_path_faults(limits))
    yield from faults
    if faults or not limits.enforce_allocation_limits:
        return
    allocations = {"max_allocation_per_bucket": limits.max_allocation_per_bucket}
    allocations |= {
        f"buckets[{path!r}]: max_allocation": limit.max_allocation
        for path, limit in limits.buckets.items()
        if limit.max_allocation is not None
    }
    for name, value in allocations.items():
        if 0 < value < limits.min_position_weight:
            yield (
                f"{name} {value:g} is below min_position_weight {limits.min_position_weight:g}: no position fits, so the "
                "bucket would be closed; raise it, or write 0 if you mean that"
            )
    yield from _minimum_faults(limits)


def _path_faults(limits: Any) -> Iterable[str]:
    seen: dict[tuple[str, ...], str] = {}
    named = [("buckets", path) for path in limits.buckets] + [("known_buckets", path) for path in known_in_tree(limits)]
    for name, path in named:
        parts = split_path(path, limits.bucket_separator)
        alike, fault = folded(parts), path_fault(parts)
        if fault:
            yield f"{name}: the path {shown(path)} {fault[0]}; {fault[1]}"
            continue
        if alike[0] == UNKNOWN.casefold() and parts[0] != UNKNOWN:
            yield f"{name}: {path!r} is another spelling of the reserved bucket {UNKNOWN!r}: write {UNKNOWN!r}"
        other = seen.setdefault(alike, path)
        if other != path:
            yield f"{name}: {path!r} and {other!r} differ {ONLY_IN}: keep one of them"
        if name == "known_buckets":
            continue
        if parts[0] == UNKNOWN:
            if limits.unknown_bucket == "hold":
                yield f'buckets[{path!r}] has limits, but unknown_bucket "hold" lifts every limit there: drop one of the two'
        elif len(parts) < limits.bucket_level:
            yield (
                f"buckets[{path!r}] is above bucket_level {limits.bucket_level}: limits apply at that depth and below; lower "
                "bucket_level, or name a deeper bucket"
            )


def _minimum_faults(limits: Any) -> Iterable[str]:
    """Bucket minima that together exceed `target_invested` or a maximum above them."""
    minima = {
        split_path(path, limits.bucket_separator): limit.min_allocation
        for path, limit in limits.buckets.items()
        if limit.min_allocation
    }

    def needed(prefix: tuple[str, ...]) -> float:
        """The weight that a node needs: its own minimum, or what those below it need together."""
        below: dict[tuple[str, ...], float] = {}
        for parts in minima:
            if len(parts) > len(prefix) and parts[: len(prefix)] == prefix:
                below[parts[: len(prefix) + 1]] = 0.0
        own: float = minima.get(prefix, 0.0)
        return max(own, math.fsum(needed(child) for child in below))

    if needed(()) > limits.target_invested + LIMIT_TOLERANCE:
        yield (
            f"min_allocation adds up to {needed(()):g} over all buckets, above target_invested "
            f"{limits.target_invested:g}: lower some of them"
        )
    nodes = {parts[:depth] for parts in minima for depth in range(limits.bucket_level, len(parts) + 1)}
    nodes |= {parts[:1] for parts in minima if parts[0] == UNKNOWN}
    for node in sorted(nodes):
        path = limits.bucket_separator.join(node)
        is_level = len(node) == (1 if node[0] == UNKNOWN else limits.bucket_level)
        name, maximum = limits.limit_at(path, "max_allocation")
        has_maximum = is_level or name == "max_allocation"
        if has_maximum and needed(node) > maximum + LIMIT_TOLERANCE:
            yield (
                f"buckets[{path!r}]: min_allocation there and below adds up to {needed(node):g}, above {name} {maximum:g}: "
                f"lower some of them, or raise {name}"
            )

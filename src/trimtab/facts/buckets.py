"""The buckets of an account before and after, each with its colour, its limits and its texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from trimtab.bucket_path import level_bucket, split_path
from trimtab.certificate.certificate import Certificate
from trimtab.explanations.reruns import Reruns
from trimtab.facts.bucket_summaries import BucketSummary
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.text import percent, printable
from trimtab.tolerances import LIMIT_TOLERANCE

_BUCKET_LIMITS = ("max_positions", "max_allocation", "min_allocation")


@dataclass(frozen=True)
class BucketFact:
    """A bucket: its colour (a number), weights as fractions, and their texts. None: no such limit. `short` is its path,
    or the last part of it if that suffices; `depth`: how many other listed buckets contain it; `status`: a word about
    its limits (`full`, or one from the certificate), or empty.
    """

    path: str
    short: str
    depth: int
    colour: int
    positions: str
    before: float
    after: float
    max_weight: float | None
    min_weight: float | None
    before_text: str
    after_text: str
    max_text: str
    min_text: str
    status: str


def is_used(bucket: BucketSummary) -> bool:
    """Whether the bucket holds or held anything, or must."""
    return any((bucket.positions, bucket.current_weight > 0, bucket.target_weight > 0, bucket.min_allocation))


def buckets_of(
    used: Sequence[BucketSummary], limits: RebalancingLimits, colour_of: dict[str, int], certificate: Certificate
) -> Iterator[BucketFact]:
    """Some buckets, by path."""
    names = _indented([bucket.path for bucket in used], limits)
    statuses = {
        constraint.node: constraint.status
        for constraint in certificate
        if constraint.name in _BUCKET_LIMITS and constraint.status != "met"
    }
    for bucket in used:
        short, depth = names[bucket.path]
        yield BucketFact(
            printable(bucket.path),
            printable(short),
            depth,
            colour_of[top_of(bucket.path, limits)],
            f"{bucket.positions}" if bucket.max_positions is None else f"{bucket.positions}/{bucket.max_positions}",
            bucket.current_weight,
            bucket.target_weight,
            bucket.max_allocation,
            bucket.min_allocation,
            percent(bucket.current_weight),
            percent(bucket.target_weight),
            "" if bucket.max_allocation is None else percent(bucket.max_allocation),
            "" if bucket.min_allocation is None else percent(bucket.min_allocation),
            statuses.get(bucket.path) or ("full" if _is_full(bucket) else ""),
        )


def _is_full(bucket: BucketSummary) -> bool:
    limit, weight = bucket.max_allocation, bucket.target_weight
    return limit is not None and weight > 0 and weight >= limit - LIMIT_TOLERANCE


def scale_of(buckets: Iterable[BucketFact]) -> float:
    """The weight at the end of the bars: the largest weight or limit, ignoring limits of 100 %."""
    shown = tuple(buckets)
    limits = [bucket.max_weight for bucket in shown if bucket.max_weight is not None and bucket.max_weight < 1]
    return max([bucket.before for bucket in shown] + [bucket.after for bucket in shown] + limits, default=0.0)


def _indented(paths: Sequence[str], limits: RebalancingLimits) -> dict[str, tuple[str, int]]:
    """Names of buckets: below another listed bucket, the last part and its depth; elsewhere, as short as possible."""
    names, listed = {}, set(paths)
    for path in paths:
        parts = split_path(path, limits.bucket_separator)
        above = [limits.bucket_separator.join(parts[:depth]) for depth in range(1, len(parts))]
        names[path] = parts[-1], sum(path in listed for path in above)
    tops = [path for path, (_, depth) in names.items() if not depth]
    return names | {path: (short, 0) for path, short in short_names(tops, limits).items()}


def short_names(paths: Iterable[str], limits: RebalancingLimits) -> dict[str, str]:
    """The last part of each bucket's path if it suffices, else the path."""
    last = {path: split_path(path, limits.bucket_separator)[-1] for path in sorted(set(paths))}
    times = Counter(last.values())
    return {path: short if times[short] == 1 else path for path, short in last.items()}


def top_of(bucket: str, limits: RebalancingLimits) -> str:
    """The bucket at `bucket_level` that contains a bucket: each has its colour."""
    level = limits.bucket_level if limits.enable_bucket_diversification else 1
    return level_bucket(bucket, limits.bucket_separator, level)


def colours_of(reruns: Reruns) -> dict[str, int]:
    """A number for each bucket at `bucket_level`: those held before or after come first, then by path."""
    named = [str(reruns.candidates.bucket.at(row)) for row in reruns.candidates.order.tolist()]
    used = (reruns.rows["current"] > 0) | (reruns.answer["target"] > 0)
    held = {top_of(name, reruns.limits) for name, here in zip(named, used.tolist(), strict=True) if here}
    tops = {top_of(name, reruns.limits) for name in (*named, *reruns.limits.buckets, *reruns.limits.known_buckets)}
    return {top: index for index, top in enumerate(sorted(tops, key=lambda top: (top not in held, top)))}

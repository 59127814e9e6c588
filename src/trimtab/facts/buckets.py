"""The buckets of an account before and after, each with its colour, its limits and its texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
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
    or the last part of it if that suffices; `depth`: how many other listed buckets contain it; `positions`: empty for a bucket of a
    scheme; `status`: a word about its limits (`full`, or one from the certificate), or empty.
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


@dataclass(frozen=True)
class Weights:
    """The weight of a bucket before and after, and the limits in force on it (None = none)."""

    path: str
    before: float
    after: float
    max_weight: float | None
    min_weight: float | None


def buckets_of(
    used: Sequence[BucketSummary], limits: RebalancingLimits, colour_of: dict[str, int], certificate: Certificate
) -> Iterator[BucketFact]:
    """Some buckets, by path."""
    names = indented([bucket.path for bucket in used], limits)
    statuses = statuses_of(certificate, _BUCKET_LIMITS)
    for bucket in used:
        yield weights_fact(
            Weights(
                bucket.path,
                bucket.current_weight,
                bucket.target_weight,
                bucket.max_allocation,
                bucket.min_allocation,
            ),
            names[bucket.path],
            colour_of[top_of(bucket.path, limits)],
            statuses.get(bucket.path, ""),
            f"{bucket.positions}" if bucket.max_positions is None else f"{bucket.positions}/{bucket.max_positions}",
        )


def statuses_of(certificate: Certificate, names: Collection[str]) -> dict[str, str]:
    """The status of the limits with these names that are not simply met, by the bucket."""
    return {
        constraint.node: constraint.status
        for constraint in certificate
        if constraint.name in names and constraint.status != "met"
    }


def weights_fact(weights: Weights, name: tuple[str, int], colour: int, status: str, positions: str = "") -> BucketFact:
    """The fact of a bucket; `name` is the shown one and its depth."""
    short, depth = name
    return BucketFact(
        printable(weights.path),
        printable(short),
        depth,
        colour,
        positions,
        weights.before,
        weights.after,
        weights.max_weight,
        weights.min_weight,
        percent(weights.before),
        percent(weights.after),
        "" if weights.max_weight is None else percent(weights.max_weight),
        "" if weights.min_weight is None else percent(weights.min_weight),
        status or ("full" if _is_full(weights) else ""),
    )


def _is_full(weights: Weights) -> bool:
    limit, weight = weights.max_weight, weights.after
    return limit is not None and weight > 0 and weight >= limit - LIMIT_TOLERANCE


def scale_of(buckets: Iterable[BucketFact]) -> float:
    """The weight at the end of the bars: the largest weight or limit, ignoring limits of 100 %."""
    shown = tuple(buckets)
    limits = [bucket.max_weight for bucket in shown if bucket.max_weight is not None and bucket.max_weight < 1]
    return max([bucket.before for bucket in shown] + [bucket.after for bucket in shown] + limits, default=0.0)


def indented(paths: Sequence[str], limits: RebalancingLimits) -> dict[str, tuple[str, int]]:
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

"""The schemes of an account before and after: each bucket with its colour, its limits and its texts, like those of the tree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from trimtab.bucket_path import UNKNOWN, split_path
from trimtab.candidates.exposure_rows import exposure_rows
from trimtab.certificate.certificate import Certificate
from trimtab.explanations.reruns import Reruns
from trimtab.facts.buckets import BucketFact, Weights, indented, scale_of, statuses_of, weights_fact
from trimtab.kernel.records import Floats
from trimtab.limits.exposure_limits import ExposureLimit, SchemeLimits
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.text import counted, percent, printable

_EXPOSURE_LIMITS = ("max_exposure", "min_exposure")
_SMALL = 0.005  # a bucket that never weighs as much is only counted, unless it has a limit of its own
_NAMED = 6
_NO_LIMITS = SchemeLimits()


@dataclass(frozen=True)
class SchemeFact:
    """A scheme: `scale` is the weight at the end of its bars, `others` counts the buckets left out, `unknown` names the
    assets that the table does not classify in full.
    """

    name: str
    buckets: tuple[BucketFact, ...]
    scale: float
    others: str
    unknown: str

    @property
    def title(self) -> str:
        """The heading of its chart."""
        return f"Exposures: {self.name}"

    @property
    def legend(self) -> str:
        """The meaning of the marks, and what the bars leave out."""
        texts = ("thin: before; thick: after; line: at most; broken line: at least", self.others, self.unknown)
        return ". ".join(text for text in texts if text)


@dataclass(frozen=True, eq=False)
class _Scheme:
    """The paths of a scheme, and the fraction of each row in them: shape (candidates, paths)."""

    name: str
    limits: SchemeLimits
    paths: tuple[str, ...]
    fractions: Floats


def schemes_of(reruns: Reruns, colour_of: Mapping[str, int], certificate: Certificate) -> Iterator[SchemeFact]:
    """Every scheme in the table of exposures, by name; the others have no weights to show."""
    current, target = (np.asarray(values, np.float64) for values in (reruns.rows["current"], reruns.answer["target"]))
    statuses = statuses_of(certificate, _EXPOSURE_LIMITS)
    for scheme in _measured(reruns):
        before, after = current @ scheme.fractions, target @ scheme.fractions
        weights = {
            path: Weights(path, float(now), float(then), *_limits_at(scheme, path, reruns.limits))
            for path, now, then in zip(scheme.paths, before, after, strict=True)
        }
        shown = {path: each for path, each in weights.items() if _is_shown(each, path in scheme.limits.buckets)}
        names, colours = indented(list(shown), reruns.limits), _colours(weights.values(), colour_of, reruns.limits)
        buckets = tuple(
            weights_fact(
                each,
                names[path],
                colours[_top(path, reruns.limits)],
                statuses.get(f"{scheme.name}:{path}", ""),
            )
            for path, each in shown.items()
        )
        small = sum(each.before > 0 or each.after > 0 for path, each in weights.items() if path not in shown)
        others = f"{counted(small, 'more bucket')} below {percent(_SMALL)}" if small else ""
        yield SchemeFact(printable(scheme.name), buckets, scale_of(buckets), others, _unknown(reruns, scheme))


def _measured(reruns: Reruns) -> Iterator[_Scheme]:
    """The schemes of the table with all their paths, as if each had a limit."""
    table, limits = reruns.candidates.exposures, reruns.limits
    if table is None:
        return
    paths: dict[str, set[str]] = {scheme: {UNKNOWN} for scheme in table.schemes}
    for scheme, path in {(scheme, path) for _, _, scheme, path, _ in table.rows}:
        paths[scheme].update(_prefixes(path, limits))
    own = {scheme: limits.exposures.get(scheme, _NO_LIMITS) for scheme in table.schemes}
    for scheme in table.schemes:
        paths[scheme].update(prefix for path in own[scheme].buckets for prefix in _prefixes(path, limits))
    every = RebalancingLimits(
        bucket_separator=limits.bucket_separator,
        exposures={
            scheme: SchemeLimits(
                ignore_below=own[scheme].ignore_below, buckets=dict.fromkeys(names, ExposureLimit(max_exposure=1.0))
            )
            for scheme, names in paths.items()
        },
        known_buckets=tuple(f"{scheme}:{path}" for scheme in table.schemes for path in own[scheme].buckets),
    )
    rows, exposed = exposure_rows(table, every), reruns.candidates.exposed(every)
    assert exposed is not None  # noqa: S101 - the table has rows
    fractions = rows.fractions(exposed.profile)
    for scheme in table.schemes:
        here = [place for place, (name, _) in enumerate(rows.names) if name == scheme]
        yield _Scheme(scheme, own[scheme], tuple(rows.names[place][1] for place in here), fractions[:, here])


def _prefixes(path: str, limits: RebalancingLimits) -> list[str]:
    parts = split_path(path, limits.bucket_separator)
    return [limits.bucket_separator.join(parts[:depth]) for depth in range(1, len(parts) + 1)]


def _top(path: str, limits: RebalancingLimits) -> str:
    return split_path(path, limits.bucket_separator)[0]


def _limits_at(scheme: _Scheme, path: str, limits: RebalancingLimits) -> tuple[float | None, float | None]:
    if not limits.enforce_exposure_limits:
        return None, None
    return scheme.limits.limits_at(path, limits.bucket_separator)


def _is_shown(weights: Weights, is_named: bool) -> bool:
    return is_named or max(weights.before, weights.after) >= _SMALL


def _colours(buckets: Iterable[Weights], colour_of: Mapping[str, int], limits: RebalancingLimits) -> dict[str, int]:
    """A number for each first part of a path: that of the tree's bucket of this name; the heaviest of the others come first."""
    heavy: dict[str, float] = {}
    for each in buckets:
        top = _top(each.path, limits)
        heavy[top] = max(heavy.get(top, 0.0), each.before, each.after)
    known = {top: colour_of[top] for top in heavy if top in colour_of and top != UNKNOWN}
    start = len(colour_of) if known else 0
    others = sorted((top for top in heavy if top not in known), key=lambda top: (top == UNKNOWN, not heavy[top], top))
    return known | {top: start + place for place, top in enumerate(others)}


def _unknown(reruns: Reruns, scheme: _Scheme) -> str:
    """The assets, held before or after, that lie in `Unknown` with a part of them."""
    part = scheme.fractions[:, scheme.paths.index(UNKNOWN)]
    held = (reruns.rows["current"] > 0) | (reruns.answer["target"] > 0)
    names = [
        f"{printable(name)} ({percent(fraction)} of it)"
        for name, fraction, here in zip(reruns.names, part.tolist(), held.tolist(), strict=True)
        if here and fraction > 0
    ]
    if not names:
        return ""
    more = f" and {counted(len(names) - _NAMED, 'more asset')}" if len(names) > _NAMED else ""
    return f"{UNKNOWN}: {', '.join(names[:_NAMED])}{more}"

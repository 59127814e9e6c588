"""Limits of exposures that contradict each other."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from trimtab.bucket_path import ONLY_IN, UNKNOWN, folded, path_fault, split_path
from trimtab.errors import shown
from trimtab.limits.exposure_limits import SchemeLimits, known_exposures
from trimtab.tolerances import LIMIT_TOLERANCE

Path = tuple[str, ...]


def exposure_contradictions(limits: Any) -> Iterable[str]:
    """Fields of `exposures` and `concentration` that contradict each other or those of the account."""
    for name in ("exposures", "concentration"):
        yield from _scheme_faults(name, getattr(limits, name))
    if len(limits.concentration) > 1:
        schemes = ", ".join(map(repr, limits.concentration))
        yield f"concentration has {len(limits.concentration)} schemes ({schemes}), where one can be limited: keep one"
    for scheme, own in limits.exposures.items():
        faults = list(_path_faults(scheme, own, limits))
        yield from faults
        if not faults and limits.enforce_exposure_limits:
            yield from _minimum_faults(scheme, own, limits)


def _scheme_faults(name: str, schemes: Iterable[str]) -> Iterable[str]:
    seen: dict[tuple[str, ...], str] = {}
    for scheme in schemes:
        alike = folded([scheme])
        if not alike[0] or scheme != scheme.strip() or ":" in scheme:
            yield f"{name}: the scheme {shown(scheme)} must be a name without spaces around it and without a colon"
        other = seen.setdefault(alike, scheme)
        if other != scheme:
            yield f"{name}: {scheme!r} and {other!r} differ {ONLY_IN}: keep one of them"


def _path_faults(scheme: str, own: SchemeLimits, limits: Any) -> Iterable[str]:
    seen: dict[tuple[str, ...], str] = {}
    where = f"exposures[{scheme!r}]: buckets"
    for path in (*own.buckets, *known_exposures(limits, scheme)):
        parts = split_path(path, limits.bucket_separator)
        alike, fault = folded(parts), path_fault(parts)
        if fault:
            yield f"{where}: the path {shown(path)} {fault[0]}; {fault[1]}"
            continue
        if alike[0] == UNKNOWN.casefold() and parts[0] != UNKNOWN:
            yield f"{where}: {path!r} is another spelling of the reserved bucket {UNKNOWN!r}: write {UNKNOWN!r}"
        other = seen.setdefault(alike, path)
        if other != path:
            yield f"{where}: {path!r} and {other!r} differ {ONLY_IN}: keep one of them"
        if parts[0] == UNKNOWN and own.unknown == "free" and path in own.buckets:
            yield f'{where}[{path!r}] has limits, but unknown "free" lifts every limit there: drop one of the two'


def _minimum_faults(scheme: str, own: SchemeLimits, limits: Any) -> Iterable[str]:
    """Minima above a maximum there or further up, and minima that together exceed it or `target_invested`."""
    separator = limits.bucket_separator
    minima = {split_path(path, separator): limit.min_exposure for path, limit in own.buckets.items()}
    minima = {parts: value for parts, value in minima.items() if value}

    def needed(prefix: Path) -> float:
        """The weight that a bucket needs: its own minimum, or what those below it need together."""
        below = {parts[: len(prefix) + 1] for parts in minima if len(parts) > len(prefix) and _lies_in(parts, prefix)}
        return max(minima.get(prefix) or 0.0, math.fsum(needed(child) for child in sorted(below)))

    if needed(()) > limits.target_invested + LIMIT_TOLERANCE:
        yield (
            f"exposures[{scheme!r}]: min_exposure adds up to {needed(()):g} over all buckets, above target_invested "
            f"{limits.target_invested:g}: lower some of them"
        )
    on_the_way = {parts[:depth] for parts in minima for depth in range(1, len(parts) + 1)}
    for node in sorted(on_the_way):
        path = separator.join(node)
        maximum, _ = own.limits_at(path, separator)
        if maximum is not None and needed(node) > maximum + LIMIT_TOLERANCE:
            yield (
                f"exposures[{scheme!r}]: buckets[{path!r}]: min_exposure there and below adds up to {needed(node):g}, "
                f"above max_exposure {maximum:g}: lower some of them, or raise max_exposure"
            )


def _lies_in(parts: Path, prefix: Path) -> bool:
    return parts[: len(prefix)] == prefix

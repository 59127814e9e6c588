"""Exposures and their limits as the kernel takes them: the rows in force, and the parts of each asset in them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from trimtab.bucket_path import ONLY_IN, UNKNOWN, folded, path_fault, split_path
from trimtab.candidates.exposures import WHOLE, Exposures
from trimtab.errors import Fault, InputError, LimitsError, nearest
from trimtab.kernel.records import CONCENTRATION, EXPOSURE_PART, EXPOSURE_ROW, Exposed, Floats, Ints, Records
from trimtab.limits.exposure_limits import SchemeLimits, known_exposures
from trimtab.limits.rebalancing_limits import RebalancingLimits

Path = tuple[str, ...]


@dataclass(frozen=True, eq=False)
class ExposureRows:
    """The limits in force, and the parts of each profile (`Exposures.profile`) in them.

    `names` are the scheme and the path of each row; where concentration is limited, issuers follow, and a last row of all
    of them together. Profile p has the parts first[p] to first[p + 1]; the last is that of assets without any row.
    """

    names: tuple[tuple[str, str], ...]
    rows: Records  # `EXPOSURE_ROW`
    parts: Records  # `EXPOSURE_PART`
    first: Ints
    concentration: Records  # `CONCENTRATION`

    def named(self, row: int) -> str:
        """A row as people read it.

        >>> from trimtab.candidates.exposures import exposures_of
        >>> table = exposures_of([{"asset": "AAPL", "scheme": "country", "bucket": "US"}])
        >>> rows = exposure_rows(table, RebalancingLimits(exposures={"country": {"max_exposure": 0.5}}))
        >>> [rows.named(row) for row in range(len(rows.names))]
        ['country: US', 'country: Unknown']
        """
        scheme, path = self.names[row]
        return f"{scheme}: {path}" if path else scheme  # without a path: all issuers

    def exposed(self, profiles: Ints) -> Exposed:
        """The kernel's form for candidates with these profiles."""
        return Exposed(self.rows, self.parts, self.first, profiles, self.concentration)

    def fractions(self, profiles: Ints) -> Floats:
        """The fraction of each candidate in each row. Shape (candidates, rows)."""
        matrix = np.zeros((len(profiles), len(self.rows)))
        for index, profile in enumerate(profiles.tolist()):
            mine = self.parts[self.first[profile] : self.first[profile + 1]]
            matrix[index, mine["row"]] = mine["fraction"]
        return matrix


@dataclass(frozen=True, eq=False)
class LimitedPaths:
    """The limits in force, and the row of each path of each scheme; and of each issuer, where concentration is limited."""

    rows: Records  # `EXPOSURE_ROW`
    number: Mapping[tuple[str, Path], int]
    issuers: Mapping[tuple[str, Path], int]
    concentration: Records  # `CONCENTRATION`

    def names(self, separator: str) -> tuple[tuple[str, str], ...]:
        """The scheme and the path of each row; that of all issuers has no path."""
        together = [(scheme, ()) for scheme, _ in list(self.issuers)[:1]]
        return tuple((scheme, separator.join(path)) for scheme, path in (*self.number, *self.issuers, *together))


def _concentration(limits: RebalancingLimits, first: int) -> Records:
    """The limit of concentration, whose issuers begin at a row; infinite without one."""
    own = next(iter(limits.concentration.values()), None)
    values = (math.inf, math.inf, math.inf) if own is None else (own.small, own.largest, own.together)
    return np.array([(*values, first)], CONCENTRATION)


NO_ROWS = ExposureRows(
    (),
    np.zeros(0, EXPOSURE_ROW),
    np.zeros(0, EXPOSURE_PART),
    np.zeros(2, np.int64),
    _concentration(RebalancingLimits(), 0),
)


@lru_cache(maxsize=16)  # most passes have the exposures and the limits of the one before
def exposure_rows(table: Exposures, limits: RebalancingLimits) -> ExposureRows:
    """The rows in force, and every asset's parts in them (rules, section 5a).

    Raises
    ------
    InputError
        A malformed path, two spellings of one bucket, or a part of an asset in an issuer whose concentration is limited.
    LimitsError
        Limits for a scheme that the table lacks, or for a bucket that neither it nor `known_buckets` has.
    """
    limited = limited_paths(table, limits)
    if not limits.enforce_exposure_limits:
        return NO_ROWS
    parts, first = parts_of(table, limits, limited)
    return ExposureRows(limited.names(limits.bucket_separator), limited.rows, parts, first, limited.concentration)


def limited_paths(table: Exposures, limits: RebalancingLimits) -> LimitedPaths:
    """The rows in force, from the whole table.

    Raises
    ------
    InputError, LimitsError
        As `exposure_rows`.
    """
    separator = limits.bucket_separator
    paths = _paths_by_scheme(table)
    for scheme, buckets in paths.items():
        _refuse_spellings(table, scheme, buckets, limits)
    _refuse_missing(paths, limits)
    names: list[tuple[str, Path]] = []
    values: list[tuple[float, float]] = []
    for scheme, own in sorted(limits.exposures.items()) if limits.enforce_exposure_limits else ():
        for node in _nodes([*paths[scheme], *known_exposures(limits, scheme)], own, separator):
            maximum, minimum = own.limits_at(separator.join(node), separator)
            if maximum is not None or minimum is not None:
                names.append((scheme, node))
                values.append((math.inf if maximum is None else maximum, minimum or 0.0))
    issuers: list[tuple[str, Path]] = []
    for scheme in limits.concentration if limits.enforce_exposure_limits else ():
        _refuse_parts(table, scheme)
        issuers = [(scheme, split_path(name, separator)) for name in paths[scheme] if name != UNKNOWN]
    values += [(math.inf, 0.0)] * (len(issuers) + 1 if issuers else 0)
    return LimitedPaths(
        np.array(values, EXPOSURE_ROW),
        {name: index for index, name in enumerate(names)},
        {name: len(names) + index for index, name in enumerate(issuers)},
        _concentration(limits, len(names)),
    )


def _refuse_parts(table: Exposures, scheme: str) -> None:
    """Refuse assets that lie in an issuer with a part only: the rule knows whole assets."""
    in_scheme = table.scheme.codes == table.scheme.names.index(scheme)
    has_issuer = np.array([name != UNKNOWN for name in table.bucket.names], np.bool_)[table.bucket.codes]
    parts = np.flatnonzero(in_scheme & has_issuer & (table.fraction < 1.0 - WHOLE))
    if len(parts):
        row = int(parts[0])
        problem = (
            f"{table.asset.at(row)!r} lies in an issuer with a part, but concentration[{scheme!r}] knows whole assets"
        )
        advice = "give the asset one issuer with the fraction 1, or none"
        value = float(table.fraction[row])
        raise InputError([Fault(problem, advice, column="fraction", row=row + 1, value=value, source=table.source)])


def _paths_by_scheme(table: Exposures) -> dict[str, list[str]]:
    """The buckets of each scheme that are in the table, sorted."""
    pairs = np.unique(table.scheme.codes * len(table.bucket.names) + table.bucket.codes)
    paths: dict[str, list[str]] = {scheme: [] for scheme in table.schemes}
    for pair in pairs.tolist():
        scheme, bucket = divmod(pair, len(table.bucket.names))
        paths[table.scheme.names[scheme]].append(table.bucket.names[bucket])
    return {scheme: sorted(names) for scheme, names in paths.items()}


def _nodes(paths: Sequence[str], own: SchemeLimits, separator: str) -> list[Path]:
    """Every bucket of a scheme, those that contain others included; sorted part by part."""
    nodes: set[Path] = {(UNKNOWN,)}
    for path in (*paths, *own.buckets):
        parts = split_path(path, separator)
        nodes.update(parts[:depth] for depth in range(1, len(parts) + 1))
    return sorted(nodes)


def _refuse_spellings(table: Exposures, scheme: str, names: Sequence[str], limits: RebalancingLimits) -> None:
    """Refuse malformed paths and two spellings of one bucket; that of the limits counts, then the more frequent one."""
    own = limits.exposures.get(scheme)
    said = [UNKNOWN, *(own.buckets if own else ()), *known_exposures(limits, scheme)]
    spelling: dict[Path, Path] = {}
    in_scheme = table.scheme.codes == table.scheme.names.index(scheme)
    counts = np.bincount(table.bucket.codes[in_scheme], minlength=len(table.bucket.names)).tolist()
    uses = dict(zip(table.bucket.names, counts, strict=True))
    for name in (*said, *sorted(names, key=lambda name: (-uses[name], name))):
        parts = split_path(name, limits.bucket_separator)
        malformed = path_fault(parts)
        fault = (f"the bucket's path {malformed[0]}", malformed[1]) if malformed else None
        for depth in range(1, len(parts) + 1):
            kept = spelling.setdefault(folded(parts[:depth]), parts[:depth])
            if fault is None and kept != parts[:depth]:
                shown = limits.bucket_separator.join(kept)
                fault = (f"the bucket differs from {shown!r} of {scheme!r} {ONLY_IN}", "write both the same way")
        if fault:
            row = int(np.argmax(in_scheme & (table.bucket.codes == table.bucket.names.index(name)))) + 1
            raise InputError([Fault(*fault, column="bucket", row=row, value=name, source=table.source)])


def _refuse_missing(paths: dict[str, list[str]], limits: RebalancingLimits) -> None:
    """Limits of a scheme or a bucket that does not exist are a typo, and must never mean `no limit`."""
    faults: list[str] = []
    for field in ("exposures", "concentration"):
        missing = [scheme for scheme in getattr(limits, field) if scheme not in paths]
        faults += [
            f"{field}[{scheme!r}]: the table of exposures lacks this scheme: {nearest(scheme, paths)}"
            for scheme in missing
        ]
    for scheme, own in limits.exposures.items():
        if scheme not in paths:
            continue
        here = _nodes([*paths[scheme], *known_exposures(limits, scheme)], SchemeLimits(), limits.bucket_separator)
        present = {limits.bucket_separator.join(node) for node in here}
        faults += [
            f"exposures[{scheme!r}]: buckets[{path!r}]: no asset lies in this bucket: {nearest(path, present)} "
            f'(if the name is right, add "{scheme}:{path}" to known_buckets)'
            for path in own.buckets
            if path not in present
        ]
    if faults:
        raise LimitsError(faults)


def parts_of(table: Exposures, limits: RebalancingLimits, limited: LimitedPaths) -> tuple[Records, Ints]:
    """The parts of every profile of a table, which may be a part of the whole one; and where those of each begin.

    Fractions are added in the order of paths, what is ignored or lacks to 1 last: `bincount` adds one after the other.
    """
    profile, profiles = table.profile[1], len(table.profile[0]) + 1
    paths = [split_path(name, limits.bucket_separator) for name in table.bucket.names]
    ranks = {path: rank for rank, path in enumerate(sorted(set(paths)))}
    rank = np.array([ranks[path] for path in paths], np.int64)[table.bucket.codes]
    count, places, values = len(limited.rows), [np.zeros(0, np.int64)], [np.zeros(0)]
    for scheme, own in limits.exposures.items():
        named = [name == scheme for name in table.scheme.names]
        rows = np.flatnonzero(np.array(named, np.bool_)[table.scheme.codes])
        rows = rows[np.lexsort((table.fraction[rows], rank[rows], profile[rows]))]
        of_row, code, fraction = profile[rows], table.bucket.codes[rows], table.fraction[rows]
        known = np.array([path[0] != UNKNOWN for path in paths], np.bool_)[code]
        ignored = known & (fraction < own.ignore_below)
        lack = 1.0 - np.bincount(of_row, fraction, minlength=profiles)
        chains = [_chain(path, scheme, limited.number) for path in paths]
        size = np.array([len(chain) for chain in chains], np.int64)
        flat = np.array([number for chain in chains for number in chain], np.int64)
        kept = np.flatnonzero(~ignored)
        times = size[code[kept]]
        step = np.arange(times.sum()) - np.repeat(np.cumsum(times) - times, times)
        places.append(
            np.repeat(of_row[kept], times) * count + flat[np.repeat((np.cumsum(size) - size)[code[kept]], times) + step]
        )
        values.append(np.repeat(fraction[kept], times))
        unknown = limited.number.get((scheme, (UNKNOWN,)))
        if unknown is not None:
            small = np.bincount(of_row[ignored], fraction[ignored], minlength=profiles)
            for weight in (np.where(small > 0.0, small, 0.0), np.where(lack > WHOLE, lack, 0.0)):
                where = np.flatnonzero(weight)
                places.append(where * count + unknown)
                values.append(weight[where])
    for scheme in limits.concentration:
        issuers = np.array([limited.issuers.get((scheme, path), -1) for path in paths], np.int64)[table.bucket.codes]
        named = [name == scheme for name in table.scheme.names]
        rows = np.flatnonzero(np.array(named, np.bool_)[table.scheme.codes] & (issuers >= 0))
        places += [profile[rows] * count + issuers[rows], profile[rows] * count + count - 1]
        values += [np.ones(len(rows)), np.ones(len(rows))]
    cells, cell = np.unique(np.concatenate(places), return_inverse=True)
    parts = np.zeros(len(cells), EXPOSURE_PART)
    parts["row"] = cells % max(count, 1)
    parts["fraction"] = np.bincount(cell, np.concatenate(values), minlength=len(cells))
    return parts, np.searchsorted(cells, np.arange(profiles + 1) * count)


def _chain(path: Path, scheme: str, number: Mapping[tuple[str, Path], int]) -> list[int]:
    """The rows that a path counts in: its own, and those of the buckets that contain it."""
    rows = (number.get((scheme, path[:depth])) for depth in range(1, len(path) + 1))
    return [row for row in rows if row is not None]

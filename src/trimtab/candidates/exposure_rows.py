"""Exposures and their limits as the kernel takes them: the rows in force, and the parts of each asset in them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
    """The limits in force, and the parts of each profile (an asset, in an account perhaps) in them.

    `names` are the scheme and the path of each row; where concentration is limited, issuers follow, and a last row of all
    of them together. `profile_of` maps (account number, asset) to a profile; the account
    number is -1 where the rows hold for every account. The last profile is that of assets without any row.
    """

    names: tuple[tuple[str, str], ...]
    rows: Records  # `EXPOSURE_ROW`
    parts: Records  # `EXPOSURE_PART`
    first: Ints
    profile_of: dict[tuple[int, str], int]
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

    def profiles(self, account: Iterable[int], assets: Iterable[str | None]) -> Ints:
        """The profile of each candidate, from the number of its account in the table, and its name."""
        last = len(self.first) - 2
        of = self.profile_of
        return np.array(
            [of.get((number, name or ""), last) for number, name in zip(account, assets, strict=True)], np.int64
        )

    def fractions(self, profiles: Ints) -> Floats:
        """The fraction of each candidate in each row. Shape (candidates, rows)."""
        matrix = np.zeros((len(profiles), len(self.rows)))
        for index, profile in enumerate(profiles.tolist()):
            mine = self.parts[self.first[profile] : self.first[profile + 1]]
            matrix[index, mine["row"]] = mine["fraction"]
        return matrix


_ALL_ISSUERS = ""  # the path of the row of all issuers


def _concentration(limits: RebalancingLimits, first: int) -> Records:
    """The limit of concentration, whose issuers begin at a row."""
    own = next(iter(limits.concentration.values()), None)
    values = (math.inf, math.inf, math.inf) if own is None else (own.small, own.largest, own.together)
    return np.array([(*values, first)], CONCENTRATION)


NO_ROWS = ExposureRows(
    (),
    np.zeros(0, EXPOSURE_ROW),
    np.zeros(0, EXPOSURE_PART),
    np.zeros(2, np.int64),
    {},
    _concentration(RebalancingLimits(), 0),
)


@lru_cache(maxsize=16)  # most passes have the exposures and the limits of the one before
def exposure_rows(table: Exposures, limits: RebalancingLimits) -> ExposureRows:
    """The rows in force, and every asset's parts in them (rules, section 5a).

    Raises
    ------
    InputError
        A malformed path, two spellings of one bucket, or an asset with more than one issuer where concentration is limited.
    LimitsError
        Limits for a scheme that the table lacks, or for a bucket that neither it nor `known_buckets` has.
    """
    separator = limits.bucket_separator
    paths = _paths_by_scheme(table)
    for scheme, buckets in paths.items():
        _refuse_spellings(table, scheme, buckets, limits)
    _refuse_missing(paths, limits)
    if not limits.enforce_exposure_limits:
        return NO_ROWS
    names: list[tuple[str, Path]] = []
    values: list[tuple[float, float]] = []
    for scheme, own in sorted(limits.exposures.items()):
        for node in _nodes([*paths[scheme], *known_exposures(limits, scheme)], own, separator):
            maximum, minimum = own.limits_at(separator.join(node), separator)
            if maximum is not None or minimum is not None:
                names.append((scheme, node))
                values.append((math.inf if maximum is None else maximum, minimum or 0.0))
    named = [(scheme, separator.join(node)) for scheme, node in names]
    number = {name: index for index, name in enumerate(names)}
    issuers: dict[Path, int] = {}
    for scheme in limits.concentration:
        _refuse_parts(table, scheme)
        own_names = [name for name in paths[scheme] if name != UNKNOWN]
        issuers = {split_path(name, separator): len(names) + index for index, name in enumerate(own_names)}
        named += [(scheme, name) for name in (*own_names, _ALL_ISSUERS)]
    parts, first, profile_of = _parts(table, limits, number, issuers)
    values += [(math.inf, 0.0)] * (len(named) - len(values))
    concentration = _concentration(limits, len(names))
    return ExposureRows(tuple(named), np.array(values, EXPOSURE_ROW), parts, first, profile_of, concentration)


def _refuse_parts(table: Exposures, scheme: str) -> None:
    """Refuse assets that lie in an issuer with a part only: such rules know whole assets."""
    in_scheme = table.scheme.codes == table.scheme.names.index(scheme)
    issuer = np.array([name != UNKNOWN for name in table.bucket.names], np.bool_)[table.bucket.codes]
    parts = np.flatnonzero(in_scheme & issuer & (table.fraction < 1.0 - WHOLE))
    if len(parts):
        row = int(parts[0])
        problem = f"an asset has one issuer, where concentration[{scheme!r}] is limited, but {table.rows[row][1]!r} has a part"
        advice = "give one issuer with the fraction 1, or none"
        value = float(table.fraction[row])
        raise InputError([Fault(problem, advice, column="fraction", row=row + 1, value=value, source="the exposures")])


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
    codes = {name: table.bucket.names.index(name) for name in names}
    uses = {name: int(np.count_nonzero(in_scheme & (table.bucket.codes == code))) for name, code in codes.items()}
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
            row = int(np.argmax(in_scheme & (table.bucket.codes == codes[name]))) + 1
            raise InputError([Fault(*fault, column="bucket", row=row, value=name, source="the exposures")])


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


def _parts(
    table: Exposures,
    limits: RebalancingLimits,
    number: Mapping[tuple[str, Path], int],
    issuers: Mapping[Path, int],
) -> tuple[Records, Ints, dict[tuple[int, str], int]]:
    """The parts of every profile in the rows; where each profile's begin; and the profiles."""
    by_profile: dict[tuple[int, str], dict[str, list[tuple[Path, float]]]] = {}
    accounts = table.account.tolist() if table.accounts else [-1] * len(table.account)
    for account, (_, asset, scheme, bucket, fraction) in zip(accounts, table.rows, strict=True):
        own = by_profile.setdefault((account, asset), {})
        own.setdefault(scheme, []).append((split_path(bucket, limits.bucket_separator), fraction))
    records: list[tuple[int, float]] = []
    first, all_issuers = [0], len(number) + len(issuers)
    for own in (*by_profile.values(), {}):
        sums: dict[int, float] = {}
        for scheme, limited in limits.exposures.items():
            for path, fraction in _fractions(sorted(own.get(scheme, [])), limited.ignore_below):
                row = number.get((scheme, path))
                if row is not None:
                    sums[row] = sums.get(row, 0.0) + fraction
        records += sorted(sums.items())
        for scheme in limits.concentration:
            for path, _ in own.get(scheme, []):
                records += [(issuers[path], 1.0), (all_issuers, 1.0)] if path in issuers else []
        first.append(len(records))
    return (
        np.array(records, EXPOSURE_PART),
        np.array(first, np.int64),
        {key: place for place, key in enumerate(by_profile)},
    )


def _fractions(rows: Sequence[tuple[Path, float]], ignore_below: float) -> Iterator[tuple[Path, float]]:
    """The weight that an asset adds to each path of a scheme, in the order of its rows: small rows count as `Unknown`, as does
    what all of them lack to 1.
    """
    total, ignored = 0.0, 0.0
    for path, fraction in rows:
        total += fraction
        if fraction < ignore_below and path[0] != UNKNOWN:
            ignored += fraction
        else:
            yield from ((path[:depth], fraction) for depth in range(1, len(path) + 1))
    missing = 1.0 - total
    if ignored > 0.0:
        yield (UNKNOWN,), ignored
    if missing > WHOLE:
        yield (UNKNOWN,), missing

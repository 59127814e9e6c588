"""Columns, buckets and limits that have no effect, or an unintended one: a code and a sentence each."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence

import numpy as np

from trimtab.bucket_path import ONLY_IN, UNKNOWN, folded, split_path
from trimtab.candidates.asset_names import NOT_AVAILABLE
from trimtab.candidates.bucket_spellings import respelled_buckets
from trimtab.candidates.candidates import Candidates
from trimtab.errors import listed
from trimtab.limits.exposure_limits import known_in_tree
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.limits.without_effect import settings_without_effect

_NEAR = 0.85


def unused_inputs(candidates: Candidates, limits: RebalancingLimits) -> Iterator[tuple[str, str]]:
    """Columns, buckets and limits without effect, and buckets that are nearly those of a limit."""
    if candidates.unused_columns:
        yield "unused_columns", f"columns that no rule uses: {listed(map(repr, candidates.unused_columns), 20)}"
    if candidates.result_columns:
        replaced = listed(candidates.result_columns)
        text = f"columns of an earlier result, ignored and replaced: {replaced}; held is current_weight"
        yield "result_columns", text
    if set(candidates.bucket.names) - {UNKNOWN} and not limits.enable_bucket_diversification:
        yield "buckets_off", "buckets are given, but bucket limits are off (enable_bucket_diversification)"
        for first, second in respelled_buckets(sorted(candidates.buckets), limits):
            yield "near_bucket", f"{first!r} and {second!r} differ {ONLY_IN}: bucket limits would refuse them"
    if limits.enable_bucket_diversification and candidates.buckets <= {UNKNOWN}:
        text = (
            f"No candidate has a bucket: all share one, {UNKNOWN}, which does not count toward min_buckets_represented"
        )
        yield "all_unknown", text
    if candidates.correlations is not None and limits.max_correlation is None:
        yield "correlations_off", "correlations are given, but max_correlation is not set"
    yield from _unlimited_exposures(candidates, limits)
    column = limits.sizing_column
    if column is not None and bool(np.isnan(getattr(candidates, column)).all()):
        text = f"sizing_mode {limits.sizing_mode} needs {column}, which no candidate has: nothing is bought"
        yield "no_sizing_input", text
    for sentence in settings_without_effect(limits):
        yield "no_effect", sentence
    yield from _odd_names(candidates.asset.names)
    for bucket, named in near_buckets(candidates.buckets, limits):
        yield "near_bucket", f"no limit names the bucket {bucket!r}: is {named!r} meant, which has a limit of its own?"


def _unlimited_exposures(candidates: Candidates, limits: RebalancingLimits) -> Iterator[tuple[str, str]]:
    """Exposures, or schemes of them, that no limit is about."""
    if candidates.exposures is None:
        return
    schemes = [name for name in candidates.exposures.schemes if name not in (*limits.exposures, *limits.concentration)]
    if not limits.exposures and not limits.concentration:
        yield "exposures_off", "exposures are given, but no limit is about them (exposures, concentration)"
    elif schemes:
        yield "unlimited_schemes", f"no limit is about {listed(schemes)}, which the table of exposures has"


def _odd_names(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Assets that may be one in two spellings, or none."""
    first: dict[tuple[str, ...], str] = {}
    alike = [(first.setdefault(folded((name,)), name), name) for name in names]
    pairs = [f"{known!r} and {name!r}" for known, name in alike if known != name]
    if pairs:
        yield "near_asset", f"assets that differ {ONLY_IN} count as different: {listed(pairs)}"
    errors = [repr(name) for name in names if name.casefold() == NOT_AVAILABLE]
    if errors:
        yield "near_asset", f"{listed(errors)} counts as an asset's name; spreadsheets write it where a lookup fails"


def near_buckets(names: set[str], limits: RebalancingLimits) -> Iterator[tuple[str, str]]:
    """Buckets without their own limit whose names resemble one that has a limit; and that name."""
    if not limits.buckets or not limits.enable_bucket_diversification:
        return
    separator = limits.bucket_separator
    limited = {folded(split_path(path, separator)): path for path in limits.buckets}
    known = {folded(split_path(path, separator)) for path in known_in_tree(limits)}
    for name in sorted(names - {UNKNOWN}):
        parts = folded(split_path(name, separator))
        for key, path in limited.items():
            same_place = len(key) == len(parts) and key[:-1] == parts[:-1]
            if same_place and parts not in limited and parts not in known and _is_near(parts[-1], key[-1]):
                yield name, path


def _is_near(first: str, other: str) -> bool:
    """Whether two names differ by little enough to be a slip; a number that differs is not a slip."""
    digits = ["".join(sign for sign in name if sign.isdigit()) for name in (first, other)]
    ratio = difflib.SequenceMatcher(None, first, other).ratio()
    return digits[0] == digits[1] and min(len(first), len(other)) > 3 and ratio >= _NEAR

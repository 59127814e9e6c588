"""Settings and data that have no effect here, although someone gave them: said by the result and by the pre-flight."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from trimtab.bucket_path import UNKNOWN
from trimtab.candidates.candidates import Candidates
from trimtab.limits.rebalancing_limits import RebalancingLimits

_OF_BUCKETS = (
    "max_positions_per_bucket",
    "max_allocation_per_bucket",
    "min_buckets_represented",
    "allow_bucket_overflow",
    "bucket_level",
    "known_buckets",
    "unknown_bucket",
)


def without_effect(candidates: Candidates, limits: RebalancingLimits) -> Iterator[tuple[str, str]]:
    """A code and a sentence for each setting or column that changes nothing."""
    if not limits.enable_bucket_diversification:
        default = RebalancingLimits()
        named = [name for name in _OF_BUCKETS if getattr(limits, name) != getattr(default, name)]
        off = "bucket limits are off (enable_bucket_diversification is false)"
        if named:
            yield "buckets_off", f"{', '.join(named)} {'has' if len(named) == 1 else 'have'} no effect: {off}"
        elif any(name != UNKNOWN for name in candidates.bucket.names):
            yield "buckets_off", f"The buckets of the candidates limit nothing: {off}"
    column = limits.sizing_column
    if column is not None and np.isnan(getattr(candidates, column)[candidates.order]).all():
        yield (
            "sizing_column_missing",
            f"No candidate has a {column}, which sizing_mode {limits.sizing_mode} needs: nothing new can be bought",
        )
    elif column is None:
        for name, mode in (("desired_weight", "desired"), ("volatility", "inverse_volatility")):
            if (~np.isnan(getattr(candidates, name)[candidates.order])).any():
                yield f"{name}_unused", f"The column {name} has no effect: only sizing_mode {mode} uses it"
    if candidates.correlations is not None and limits.max_correlation is None:
        yield "correlations_off", "The correlations have no effect: max_correlation is not set"

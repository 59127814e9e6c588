"""The limits of exposures and of concentration, measured."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from trimtab.certificate.causes import Cause, Excuse
from trimtab.certificate.certificate import BROKEN, DRIFTED, MET, UNMET, WAIVED, Mask, Measured
from trimtab.certificate.exposure_measures import SchemeMeasures
from trimtab.certificate.measurements import EPSILON, Measurements


def measure_exposure_limits(measures: Measurements, schemes: Sequence[SchemeMeasures]) -> Iterable[Measured]:
    """Every limit of every bucket of every scheme, in order."""
    for scheme in schemes:
        for bucket in range(len(scheme.buckets)):
            if scheme.maximum[bucket] < np.inf:
                yield _maximum(measures, scheme, bucket)
            if scheme.minimum[bucket] > 0:
                yield _minimum(measures, scheme, bucket, schemes)


def _maximum(measures: Measurements, scheme: SchemeMeasures, bucket: int) -> Measured:
    weight, limit = scheme.weight[:, bucket], float(scheme.maximum[bucket])
    drift, tolerance = measures.limits.drift_tolerance, measures.sum_tolerance
    status = np.full(measures.accounts, BROKEN, np.int8)
    status[weight <= scheme.fixed_weight[:, bucket] + tolerance] = WAIVED
    status[weight <= limit * (1 + drift) + tolerance] = DRIFTED
    status[weight <= limit + tolerance] = MET

    def excuses(account: int) -> tuple[Excuse, ...]:
        if status[account] == DRIFTED:
            return (Excuse(Cause.DRIFT_TOLERANCE, limit=drift),)
        return (measures.excuse(Cause.FIXED, account, measures.fixed & _rows_of(scheme, bucket)),)

    name, constant = scheme.node(bucket), measures.constant(limit)
    concerns = scheme.concerns[:, bucket]
    return Measured("max_exposure", name, weight, constant, status, excuses, concerns=concerns)


def _minimum(
    measures: Measurements, scheme: SchemeMeasures, bucket: int, schemes: Sequence[SchemeMeasures]
) -> Measured:
    weight, limit = scheme.weight[:, bucket], float(scheme.minimum[bucket])
    status = np.where(weight >= limit - measures.sum_tolerance, MET, UNMET).astype(np.int8)

    def excuses(account: int) -> tuple[Excuse, ...]:
        rows = measures.selected & _rows_of(scheme, bucket) & (measures.account == account)
        if not rows.any():
            return (Excuse(Cause.NOTHING_SELECTED),)
        capacity = float(scheme.sums(np.where(rows, measures.max_weight, 0.0))[account, bucket])
        if capacity < limit:
            return (Excuse(Cause.POSITIONS_FULL, limit=capacity),)
        return (room_left(measures, schemes, account, rows),)

    name, constant = scheme.node(bucket), measures.constant(limit)
    concerns = scheme.concerns[:, bucket]
    return Measured("min_exposure", name, weight, constant, status, excuses, is_minimum=True, concerns=concerns)


def has_room(measures: Measurements, schemes: Sequence[SchemeMeasures]) -> Mask:
    """Which rows exposures leave enough room to be held at all (rules, section 3); not where that is a matter of rounding."""
    min_weight = measures.limits.min_position_weight
    allowed = np.ones(len(measures.account), np.bool_)
    for scheme in schemes:
        enough = (scheme.room > 0) & (scheme.room >= min_weight - EPSILON * 0.99)
        allowed &= (scheme.room >= measures.cap) | enough
    return allowed


def room_left(measures: Measurements, schemes: Sequence[SchemeMeasures], account: int, rows: Mask) -> Excuse:
    """The excuse that what these rows of an account lie in is full."""
    full = full_buckets(measures, schemes, account, rows)
    return Excuse(Cause.FULL, full) if full else Excuse(Cause.OTHER_LIMITS)


def full_buckets(
    measures: Measurements, schemes: Sequence[SchemeMeasures], account: int, rows: Mask
) -> tuple[str, ...]:
    """The full limits above these rows of an account: buckets of schemes, buckets, the whole portfolio."""
    limits, fixed = measures.limits, measures.fixed_weight[account]
    caps = np.array([limits.target_invested, *(node.max_allocation for node in measures.nodes[1:])])
    full = measures.weight[account] >= np.maximum(caps, fixed) - measures.sum_tolerance[account]
    nodes = [node + 1 for node in np.flatnonzero(full[1:]).tolist() if (rows & measures.under(node + 1)).any()]
    return (
        *(name for scheme in schemes for name in scheme.buckets_of(account, scheme.full, rows)),
        *(measures.nodes[node].path for node in nodes),
        *(("target_invested",) if full[0] else ()),
    )


def _rows_of(scheme: SchemeMeasures, bucket: int) -> Mask:
    rows = np.zeros(len(scheme.measures.account), np.bool_)
    rows[scheme.row[scheme.bucket == bucket]] = True
    return rows

"""The limits of buckets, representation and correlation, measured."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from trimtab.certificate.causes import Cause, Excuse
from trimtab.certificate.certificate import BROKEN, DRIFTED, MET, UNMET, WAIVED, Mask, Measured
from trimtab.certificate.concentration import IssuerMeasures
from trimtab.certificate.exposure_limits import has_room, room_left
from trimtab.certificate.exposure_measures import SchemeMeasures
from trimtab.certificate.measurements import EPSILON, Measurements


def measure_bucket_limits(
    measures: Measurements, schemes: Sequence[SchemeMeasures] = (), issuers: Sequence[IssuerMeasures] = ()
) -> list[Measured]:
    """Every limit of every bucket; then representation and correlation, where they are limited."""
    checks: list[Measured] = []
    present = measures.per_node(np.ones(len(measures.leaf))) > 0
    for node, bucket in enumerate(measures.nodes):
        concerns = None if bucket.path in measures.named else present[:, node]
        checks += _bucket(measures, node, concerns, schemes, issuers)
    if measures.represents:
        checks.append(_representation(measures, schemes))
    if measures.limits.max_correlation is not None:
        checks.append(_correlation(measures, measures.limits.max_correlation))
    return checks


def _bucket(
    measures: Measurements,
    node: int,
    concerns: Mask | None,
    schemes: Sequence[SchemeMeasures],
    issuers: Sequence[IssuerMeasures],
) -> Iterable[Measured]:
    bucket = measures.nodes[node]
    if bucket.closed and bucket.parent == 0:
        yield from _unclassified(measures, node, concerns)
    if bucket.max_positions < math.inf:
        yield _positions(measures, node, concerns)
    if bucket.max_allocation < math.inf:
        yield _allocation(measures, node, concerns)
    if bucket.min_allocation > 0:
        yield _minimum(measures, node, concerns, schemes, issuers)


def _unclassified(measures: Measurements, node: int, concerns: Mask | None) -> Iterable[Measured]:
    """How the general limits judge holdings without a bucket, which `unknown_bucket = "hold"` leaves alone."""
    limits, path = measures.limits, measures.nodes[node].path
    general = (
        ("max_positions", limits.enforce_position_limits, measures.count, limits.max_positions_per_bucket),
        ("max_allocation", limits.enforce_allocation_limits, measures.weight, limits.max_allocation_per_bucket),
    )

    def excuses(account: int) -> tuple[Excuse, ...]:
        return (measures.excuse(Cause.UNCLASSIFIED, account, measures.position & measures.under(node)),)

    for name, is_enforced, values, limit in general:
        if is_enforced:
            value = values[:, node]
            status = np.where(value <= limit + measures.sum_tolerance, MET, WAIVED).astype(np.int8)
            yield Measured(name, path, value, measures.constant(limit), status, excuses, concerns=concerns)


def _positions(measures: Measurements, node: int, concerns: Mask | None) -> Measured:
    bucket, count = measures.nodes[node], measures.count[:, node]
    excused = count <= measures.fixed_count[:, node]
    if measures.limits.allow_bucket_overflow:
        excused |= measures.new_count[:, node] == 0
    status = np.where(count <= bucket.max_positions, MET, np.where(excused, WAIVED, BROKEN)).astype(np.int8)

    def excuses(account: int) -> tuple[Excuse, ...]:
        kept = measures.position & ~measures.fixed & measures.under(node)
        if not kept[measures.account == account].any():
            return (measures.fixed_under(account, node),)
        return (measures.excuse(Cause.OVERFLOW, account, kept),)

    limit = measures.constant(bucket.max_positions)
    return Measured("max_positions", bucket.path, count, limit, status, excuses, concerns=concerns)


def _allocation(measures: Measurements, node: int, concerns: Mask | None) -> Measured:
    bucket, weight = measures.nodes[node], measures.weight[:, node]
    drift, tolerance = measures.limits.drift_tolerance, measures.sum_tolerance
    status = np.full(measures.accounts, BROKEN, np.int8)
    status[weight <= bucket.max_allocation * (1 + drift) + tolerance] = DRIFTED
    status[(status == BROKEN) & (weight <= measures.fixed_weight[:, node] + tolerance)] = WAIVED
    status[weight <= bucket.max_allocation + tolerance] = MET

    def excuses(account: int) -> tuple[Excuse, ...]:
        if status[account] == DRIFTED:
            return (Excuse(Cause.DRIFT_TOLERANCE, limit=drift),)
        return (measures.fixed_under(account, node),)

    limit = measures.constant(bucket.max_allocation)
    return Measured("max_allocation", bucket.path, weight, limit, status, excuses, concerns=concerns)


def _minimum(
    measures: Measurements,
    node: int,
    concerns: Mask | None,
    schemes: Sequence[SchemeMeasures],
    issuers: Sequence[IssuerMeasures],
) -> Measured:
    bucket, weight = measures.nodes[node], measures.weight[:, node]
    status = np.where(weight >= bucket.min_allocation - measures.sum_tolerance, MET, UNMET).astype(np.int8)
    capacity = np.full(measures.accounts, math.inf)
    if (status == UNMET).any():
        _, short, capacities = measures.tightness
        capacity = capacities[:, node]
        excused, above = capacity < bucket.min_allocation, bucket.parent
        while above >= 0:
            excused |= short[:, above]
            above = measures.nodes[above].parent
        # Their maxima come first, and minima of schemes count as much.
        for mask in (
            *(scheme.limits_any for scheme in schemes),
            *(concentrated.limits_any for concentrated in issuers),
        ):
            excused |= mask
        status[(status == UNMET) & ~excused] = BROKEN

    def excuses(account: int) -> tuple[Excuse, ...]:
        rows = measures.selected & measures.under(node)
        if capacity[account] >= bucket.min_allocation:
            mine = rows & (measures.account == account)
            return (room_left(measures, schemes, account, mine) if schemes or issuers else Excuse(Cause.NO_ROOM),)
        full = measures.excuse(Cause.POSITIONS_FULL, account, rows, float(capacity[account]))
        return (full if full.assets else Excuse(Cause.NOTHING_SELECTED),)

    limit = measures.constant(bucket.min_allocation)
    return Measured("min_allocation", bucket.path, weight, limit, status, excuses, is_minimum=True, concerns=concerns)


def _representation(measures: Measurements, schemes: Sequence[SchemeMeasures]) -> Measured:
    level = np.array([node.counts for node in measures.nodes], np.bool_)
    count = (measures.count[:, level] > 0).sum(axis=1).astype(np.float64)
    limit = measures.limits.min_buckets_represented
    status = np.where(count >= limit, MET, UNMET).astype(np.int8)
    missing = np.zeros(len(measures.target), np.bool_)
    if (status == UNMET).any():
        missing, blocked = _missing_candidates(measures, schemes, level)
        could = measures.per_account(missing & ~blocked) > 0
        represented = (measures.per_node(measures.takes_place)[:, level] > 0).sum(axis=1)  # some may have got no weight
        status[(status == UNMET) & could & (represented < limit)] = BROKEN

    def excuses(account: int) -> tuple[Excuse, ...]:
        return tuple(_why_unrepresented(measures, account, missing))

    return Measured("min_buckets_represented", "", count, measures.constant(limit), status, excuses, is_minimum=True)


def _missing_candidates(measures: Measurements, schemes: Sequence[SchemeMeasures], level: Mask) -> tuple[Mask, Mask]:
    """The eligible rows of unrepresented buckets; and those of them that a limit keeps out."""
    limits, taken, allowed = measures.limits, measures.per_node(measures.takes_place), measures.free_positions()
    counts = level[measures.level_of]
    represented = taken[measures.account, measures.level_of] > 0  # even by a position that got no weight
    missing = measures.eligible & has_room(measures, schemes) & counts & ~represented & ~measures.selected
    full = measures.below(taken >= allowed)
    if limits.allow_bucket_overflow:  # holdings need a place only in the portfolio, and weight in their buckets
        used_up = np.array([node.max_allocation for node in measures.nodes]) - measures.fixed_weight <= EPSILON
        used_up[:, 0] = taken[:, 0] >= allowed[:, 0]
        full = np.where(measures.holding, measures.below(used_up), full)
    is_new = (measures.current <= 0) | measures.dust
    new_count = measures.per_account(measures.takes_place & is_new & ~measures.fixed)
    no_new = new_count[measures.account] >= limits.max_new_positions
    return missing, full | (is_new & no_new) | _too_correlated(measures, missing & is_new & ~full)


def _why_unrepresented(measures: Measurements, account: int, missing: Mask) -> Iterable[Excuse]:
    mine, limits = measures.account == account, measures.limits
    squeezed = measures.selected & ~measures.position & ~measures.fixed
    if (squeezed & mine).any():
        yield measures.excuse(Cause.NO_WEIGHT_LEFT, account, squeezed)
        return
    if not (missing & mine).any():
        yield Excuse(Cause.NO_CANDIDATE)
        return
    total, new = measures.count[account, 0], measures.new[mine].sum()
    reached = (
        (Cause.TOTAL_POSITION_LIMIT, total >= limits.max_total_positions, limits.max_total_positions),
        (Cause.NEW_POSITION_LIMIT, new >= limits.max_new_positions, limits.max_new_positions),
        (Cause.TOO_CORRELATED, _too_correlated(measures, missing & mine).any(), limits.max_correlation),
    )
    limited = [Excuse(cause, limit=limit) for cause, is_reached, limit in reached if is_reached]
    yield from limited or [Excuse(Cause.NO_FREE_POSITION)]
    if (measures.fixed & mine).any():
        yield measures.fixed_under(account, 0)
    yield measures.excuse(Cause.OTHER_CANDIDATES, account, missing)


def _correlation(measures: Measurements, limit: float) -> Measured:
    """The largest correlation of a new position with another asset of its bucket that has weight; -1 without one."""
    value, status = measures.constant(-1.0), np.full(measures.accounts, MET, np.int8)
    weighed = measures.selected & (measures.target > 0)
    mates: dict[tuple[int, int], list[int]] = {}
    for row in np.flatnonzero(weighed).tolist():
        mates.setdefault((int(measures.account[row]), int(measures.level_of[row])), []).append(row)
    for row in np.flatnonzero(weighed & measures.new).tolist():
        account = int(measures.account[row])
        for other in mates[account, int(measures.level_of[row])]:
            known = None if other == row else _known_correlation(measures, row, other)
            value[account] = max(value[account], -1.0 if known is None else known)
            if other != row and (known is None or known > limit):
                status[account] = BROKEN
    remark = (Excuse(Cause.GREEDY),)
    return Measured("max_correlation", "", value, measures.constant(limit), status, remark=remark)


def _known_correlation(measures: Measurements, row: int, other: int) -> float | None:
    candidates = measures.candidates
    first, second = (candidates.asset.at(int(candidates.order[index])) or "" for index in (row, other))
    return candidates.correlations.of(first, second) if candidates.correlations else None


def _too_correlated(measures: Measurements, rows: Mask) -> Mask:
    """Which of these new rows are too correlated, or not known not to be, with a selected row of their bucket."""
    excluded, limit = np.zeros(len(rows), np.bool_), measures.limits.max_correlation
    if limit is None:
        return excluded
    for row in np.flatnonzero(rows).tolist():
        same_account = measures.account == measures.account[row]
        mates = measures.selected & same_account & (measures.level_of == measures.level_of[row])
        known = [_known_correlation(measures, row, int(mate)) for mate in np.flatnonzero(mates)]
        excluded[row] = any(value is None or value > limit for value in known)
    return excluded

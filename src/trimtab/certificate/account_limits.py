"""The limits of the whole account, measured."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trimtab.certificate.causes import Cause, Excuse
from trimtab.certificate.certificate import BROKEN, DRIFTED, MET, WAIVED, Mask, Measured
from trimtab.certificate.concentration import IssuerMeasures
from trimtab.certificate.exposure_measures import SchemeMeasures
from trimtab.certificate.measurements import COUNT_PLAY, EPSILON, Measurements


def measure_account_limits(
    measures: Measurements, schemes: Sequence[SchemeMeasures], issuers: Sequence[IssuerMeasures]
) -> list[Measured]:
    """Positions, the total, the largest and smallest weight, restrictions and scores."""
    return [
        _total_positions(measures),
        _new_positions(measures),
        _invested(measures),
        _largest(measures),
        _smallest(measures, schemes, issuers),
        _restrictions(measures),
        _kept_scores(measures),
        _new_scores(measures),
    ]


def _total_positions(measures: Measurements) -> Measured:
    count, limit = measures.count[:, 0], measures.limits.max_total_positions
    excused = np.where(count <= measures.fixed_count[:, 0], WAIVED, BROKEN)
    status = np.where(count <= limit, MET, excused).astype(np.int8)

    def excuses(account: int) -> tuple[Excuse, ...]:
        return (measures.fixed_under(account, 0),)

    return Measured("max_total_positions", "", count, measures.constant(limit), status, excuses)


def _new_positions(measures: Measurements) -> Measured:
    count, limit = measures.per_account(measures.new), measures.limits.max_new_positions
    status = np.where(count <= limit, MET, BROKEN).astype(np.int8)
    return Measured("max_new_positions", "", count, measures.constant(limit), status)


def _invested(measures: Measurements) -> Measured:
    limits, total = measures.limits, measures.weight[:, 0]
    status = np.full(measures.accounts, BROKEN, np.int8)
    status[total <= measures.fixed_weight[:, 0] + measures.sum_tolerance] = WAIVED
    status[total <= min(1.0, limits.target_invested + limits.cash_band) + measures.sum_tolerance] = DRIFTED
    status[total <= limits.target_invested + measures.sum_tolerance] = MET

    def excuses(account: int) -> tuple[Excuse, ...]:
        if status[account] == DRIFTED:
            return (Excuse(Cause.CASH_BAND, limit=limits.cash_band),)
        return (measures.fixed_under(account, 0),)

    return Measured("target_invested", "", total, measures.constant(limits.target_invested), status, excuses)


def _largest(measures: Measurements) -> Measured:
    target, cap, limits = measures.target, measures.cap, measures.limits
    row, _ = measures.worst(target > 0, target - cap)
    free, over = ~measures.fixed & (target > 0), target > cap + EPSILON
    hard = measures.per_account(free & (target > cap * (1 + limits.drift_tolerance) + EPSILON)) > 0
    soft = measures.per_account(free & over) > 0
    status = np.where(measures.per_account(measures.fixed & over) > 0, WAIVED, MET).astype(np.int8)
    status[soft] = DRIFTED
    status[hard] = BROKEN

    def excuses(account: int) -> tuple[Excuse, ...]:
        if status[account] == DRIFTED:
            drift = limits.drift_tolerance
            return (measures.excuse(Cause.DRIFT_TOLERANCE, account, free & over, drift),)
        return (measures.excuse(Cause.FIXED, account, measures.fixed & over),)

    value = np.where(row >= 0, target[row] if len(target) else 0.0, 0.0)
    limit = np.where(row >= 0, cap[row] if len(cap) else 0.0, limits.max_position_weight)
    return Measured("max_position_weight", "", value, limit, status, excuses)


def _smallest(measures: Measurements, schemes: Sequence[SchemeMeasures], issuers: Sequence[IssuerMeasures]) -> Measured:
    target, min_weight, limit = measures.target, measures.min_weight, measures.limits.min_position_weight
    positions = measures.takes_place & ~measures.fixed
    row, _ = measures.worst(positions, min_weight - target)
    too_small = positions & (target < min_weight - EPSILON)
    excused = np.zeros(len(too_small), np.bool_)
    if too_small.any():
        within_floor = target >= min_weight - COUNT_PLAY * limit - EPSILON
        excused = measures.below(measures.tightness[0]) | within_floor
        for scheme in schemes:
            excused |= scheme.rows_in(scheme.too_small)
        for concentrated in issuers:
            excused |= concentrated.squeezed
    status = np.where(measures.per_account(too_small) > 0, WAIVED, MET).astype(np.int8)
    status[measures.per_account(too_small & ~excused) > 0] = BROKEN

    def excuses(account: int) -> tuple[Excuse, ...]:
        buckets = [name for scheme in schemes for name in scheme.buckets_of(account, scheme.too_small, too_small)]
        buckets += [name for concentrated in issuers for name in concentrated.squeezing(account, too_small)]
        full = (Excuse(Cause.EXPOSURES_DO_NOT_FIT, tuple(buckets)),) if buckets else ()
        return (measures.excuse(Cause.MINIMA_DO_NOT_FIT, account, too_small), *full)

    value = np.where(row >= 0, target[row] if len(target) else 0.0, limit)
    own_limit = np.where(row >= 0, np.minimum(min_weight[row] if len(min_weight) else limit, limit), limit)
    return Measured("min_position_weight", "", value, own_limit, status, excuses, is_minimum=True)


def _restrictions(measures: Measurements) -> Measured:
    target, current = measures.target, measures.current
    sold = measures.no_sell & (current > 0) & (target < current)
    bought = measures.no_buy & (target > current)
    moved = measures.kept_as_is & (target != current)
    unsound = ~np.isfinite(target) | (target < 0)
    count = measures.per_account(sold | bought | moved | unsound)
    status = np.where(count == 0, MET, BROKEN).astype(np.int8)
    return Measured("restrictions_violated", "", count, measures.constant(0), status)


def _kept_scores(measures: Measurements) -> Measured:
    kept = (measures.target > 0) & ~measures.fixed & ~measures.new
    return _scores(measures, "min_score_threshold", kept, measures.limits.min_score_threshold)


def _new_scores(measures: Measurements) -> Measured:
    limits = measures.limits
    if measures.represents:
        return _scores(measures, "min_score_diversification", measures.new, limits.min_score_diversification)
    return _scores(measures, "min_score_new_position", measures.new, limits.min_score_new_position)


def _scores(measures: Measurements, name: str, where: Mask, limit: float) -> Measured:
    unscored = np.isnan(measures.score)
    row, _ = measures.worst(where & ~unscored, -measures.score)
    value = np.where(row >= 0, measures.score[row] if len(measures.score) else 0.0, 1.0)
    status = np.where(value >= limit, MET, BROKEN).astype(np.int8)
    status[measures.per_account(where & unscored) > 0] = BROKEN
    return Measured(name, "", value, measures.constant(limit), status, is_minimum=True)

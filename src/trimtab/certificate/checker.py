"""The checker: the list of all limits, measured in the finished targets, and what is broken without an excuse.

A limit that is neither met nor excused by the rules is a bug of trimtab and raises `BrokenLimitError`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from trimtab.candidates.candidates import Candidates
from trimtab.certificate.account_limits import measure_account_limits
from trimtab.certificate.bucket_limits import measure_bucket_limits
from trimtab.certificate.causes import Cause, Excuse
from trimtab.certificate.certificate import BROKEN, MET, WAIVED, Mask, Measured, Vector
from trimtab.certificate.concentration import issuer_measures, measure_concentration
from trimtab.certificate.exposure_limits import measure_exposure_limits
from trimtab.certificate.exposure_measures import scheme_measures
from trimtab.certificate.measurements import EPSILON, ROUNDING, Measurements
from trimtab.errors import BrokenLimitError
from trimtab.limits.rebalancing_limits import RebalancingLimits


def measure_limits(measures: Measurements) -> list[Measured]:
    """Every limit of the certificate, in its order."""
    schemes, issuers = scheme_measures(measures), issuer_measures(measures)
    checks = measure_account_limits(measures, schemes, issuers) + measure_bucket_limits(measures, schemes, issuers)
    checks += measure_exposure_limits(measures, schemes)
    for concentrated in issuers:
        checks += measure_concentration(concentrated)
    return checks


def certify(
    candidates: Candidates,
    limits: RebalancingLimits,
    *,
    target: Vector,
    proposed: Vector,
    selected: Mask,
    braked: Mask,
) -> tuple[list[Measured], dict[int, BrokenLimitError]]:
    """Measure every limit in the targets, and in the proposed targets of braked accounts.

    `target`, `proposed` and `selected` have shape (rows,), `braked` (accounts,). Returns the limits and, by account,
    those broken without an excuse: a bug.
    """
    checks = measure_limits(Measurements(candidates, limits, proposed, selected))
    broken: dict[int, list[str]] = {}
    for check in checks:
        for account in np.flatnonzero(check.status == BROKEN).tolist():
            value, limit = float(check.value[account]), float(check.limit[account])
            where = f" of {check.node}" if check.node else ""
            broken.setdefault(account, []).append(f"{check.name}{where} is {value!r} against {limit!r}")
    for account, sentence in _broken_brakes(candidates, limits, target, proposed, braked):
        broken.setdefault(account, []).append(sentence)
    errors = {account: BrokenLimitError(sentences) for account, sentences in broken.items()}
    if not braked.any():
        return checks, errors
    kept = measure_limits(Measurements(candidates, limits, target, target > 0, as_held=True))
    return [_with_braked(check, as_held, braked) for check, as_held in zip(checks, kept, strict=True)], errors


def _broken_brakes(
    candidates: Candidates, limits: RebalancingLimits, target: Vector, proposed: Vector, braked: Mask
) -> Iterable[tuple[int, str]]:
    """Accounts whose brake breaks section 7 of the rules or does not keep the weights; and how."""
    order = candidates.order
    account, current, proposal = candidates.account_of[order], candidates.current_weight[order], proposed[order]
    sales = np.maximum(current - proposal, 0.0)
    closed = (proposal <= 0) & (current > 0) & (current >= limits.dust_weight)
    sold, count = (np.bincount(account, values, minlength=len(braked)) for values in (sales, closed))
    max_sold = math.inf if limits.brake_sold_weight is None else limits.brake_sold_weight
    max_closed = math.inf if limits.brake_closed_positions is None else limits.brake_closed_positions
    rounding = ROUNDING * np.bincount(account, minlength=len(braked))
    missed = ~braked & ((sold > max_sold + EPSILON + rounding) | (count > max_closed))
    needless = braked & (sold <= max_sold + EPSILON - rounding) & (count <= max_closed)
    for index in np.flatnonzero(missed | needless).tolist():
        verb = "keeps its weights" if braked[index] else "trades"
        yield index, f"the account {verb} where {float(sold[index])!r} would be sold and {int(count[index])} closed"
    kept = np.where(braked[account], current, proposal)
    for row in np.flatnonzero(target[order] != kept).tolist():
        asset = candidates.asset.at(int(order[row]))
        yield (
            int(account[row]),
            f"the target of {asset!r} is {float(target[order[row]])!r} against {float(kept[row])!r}",
        )


def _with_braked(check: Measured, as_held: Measured, braked: Mask) -> Measured:
    """A braked account's limits, measured in the weights that it keeps; those not met there are waived."""
    held_status = np.where(as_held.status == MET, MET, WAIVED).astype(np.int8)

    def excuses(account: int) -> tuple[Excuse, ...]:
        return (Excuse(Cause.BRAKE),) if braked[account] else check.excuses(account)

    return replace(
        check,
        value=np.where(braked, as_held.value, check.value),
        limit=np.where(braked, as_held.limit, check.limit),
        status=np.where(braked, held_status, check.status).astype(np.int8),
        excuses=excuses,
    )

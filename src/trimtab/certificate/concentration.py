"""The limits of concentration, measured: of the heaviest issuer, and of all large ones together."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from trimtab.bucket_path import UNKNOWN
from trimtab.certificate.causes import Cause, Excuse
from trimtab.certificate.certificate import BROKEN, MET, WAIVED, Measured
from trimtab.certificate.exposure_measures import SchemeRows
from trimtab.certificate.measurements import Measurements
from trimtab.limits.exposure_limits import ConcentrationLimit


def measure_concentration(
    measures: Measurements, scheme: str, own: ConcentrationLimit, table: SchemeRows
) -> Iterable[Measured]:
    """Both limits of one scheme. A row in `Unknown` has no issuer that could be limited."""
    known = np.array([name != UNKNOWN for name in table.names], np.bool_)[table.bucket]
    order = np.argsort(table.row[known], kind="stable")  # sums run by name
    row, issuer = table.row[known][order], table.bucket[known][order]
    cells, cell = np.unique(measures.account[row] * len(table.names) + issuer, return_inverse=True)
    account = cells // max(len(table.names), 1)
    held = np.where(measures.fixed, measures.current, 0.0)
    weight, fixed = (np.bincount(cell, values[row], minlength=len(cells)) for values in (measures.target, held))
    tolerance = measures.sum_tolerance
    big = weight > own.small + tolerance[account]
    large, too_large = np.zeros(measures.accounts), np.zeros(measures.accounts, np.bool_)
    np.maximum.at(large, account, weight)
    np.logical_or.at(too_large, account, weight > np.maximum(own.largest, fixed) + tolerance[account])
    status = np.where(too_large, BROKEN, np.where(large > own.largest + tolerance, WAIVED, MET)).astype(np.int8)
    in_big = np.zeros(len(measures.account), np.bool_)
    in_big[row[big[cell]]] = True

    def excuses(account: int) -> tuple[Excuse, ...]:
        return (measures.excuse(Cause.FIXED, account, in_big & measures.fixed),)

    yield Measured("concentration", f"{scheme}:largest", large, measures.constant(own.largest), status, excuses)
    together, kept = (
        np.bincount(account, np.where(big, values, 0.0), minlength=measures.accounts).astype(np.float64)
        for values in (weight, fixed)
    )
    excused = np.where(together <= kept + tolerance, WAIVED, BROKEN)
    status = np.where(together <= own.together + tolerance, MET, excused).astype(np.int8)
    yield Measured("concentration", f"{scheme}:together", together, measures.constant(own.together), status, excuses)

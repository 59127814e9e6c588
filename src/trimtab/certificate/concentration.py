"""The limits of concentration, measured: of the heaviest issuer, and of all large ones together."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

import numpy as np

from trimtab.bucket_path import UNKNOWN
from trimtab.certificate.causes import Cause, Excuse
from trimtab.certificate.certificate import BROKEN, MET, WAIVED, Mask, Measured, Vector
from trimtab.certificate.exposure_measures import SchemeRows, scheme_rows
from trimtab.certificate.measurements import Measurements
from trimtab.limits.exposure_limits import ConcentrationLimit


class IssuerMeasures:
    """The issuers of one scheme, measured in all accounts. A row in `Unknown` has no issuer that could be limited.

    A cell is an issuer of an account; `row` are the rows with an issuer, by name, and `cell` says which.
    """

    def __init__(self, measures: Measurements, scheme: str, own: ConcentrationLimit, table: SchemeRows) -> None:
        self.measures, self.scheme, self.own = measures, scheme, own
        known = np.array([name != UNKNOWN for name in table.names], np.bool_)[table.bucket]
        order = np.argsort(table.row[known], kind="stable")  # sums run by name
        self.row, issuer = table.row[known][order], table.bucket[known][order]
        count = max(len(table.names), 1)
        cells, self.cell = np.unique(measures.account[self.row] * count + issuer, return_inverse=True)
        self.account, self.names = cells // count, [table.names[number] for number in (cells % count).tolist()]

    def sums(self, values: Vector) -> Vector:
        """The sum of values of the rows in each cell. Shape (cells,)."""
        return np.asarray(np.bincount(self.cell, values[self.row], minlength=len(self.account)), np.float64)

    def per_account(self, values: Vector) -> Vector:
        """The sum of values of the cells in each account."""
        return np.asarray(np.bincount(self.account, values, minlength=self.measures.accounts), np.float64)

    @cached_property
    def fixed(self) -> Vector:
        """The weight of the fixed rows of each issuer."""
        return self.sums(np.where(self.measures.fixed, self.measures.current, 0.0))

    @property
    def limits_any(self) -> Mask:
        """The accounts that have anything selected with an issuer."""
        selected = self.per_account(self.sums(np.where(self.measures.selected, 1.0, 0.0)))
        return np.asarray(selected > 0, np.bool_)

    @cached_property
    def too_small(self) -> Mask:
        """The issuers that the lower bounds of what was selected may not fit into, alone or together. Shape (cells,)."""
        measures = self.measures
        lows = np.where(measures.fixed, measures.current, measures.min_weight)
        need = self.sums(np.where(measures.selected, lows, 0.0))
        do_not_fit = self.per_account(need) > self.own.together
        return np.asarray((need > np.maximum(self.own.small, self.fixed)) | do_not_fit[self.account], np.bool_)

    @property
    def squeezed(self) -> Mask:
        """The rows of these issuers. Shape (rows,)."""
        rows = np.zeros(len(self.measures.account), np.bool_)
        rows[self.row[self.too_small[self.cell]]] = True
        return rows

    def squeezing(self, account: int, rows: Mask) -> tuple[str, ...]:
        """These issuers of an account that any of the rows belong to, as the certificate names them."""
        mine = rows[self.row] & (self.measures.account[self.row] == account)
        cells = np.unique(self.cell[mine]).tolist()
        return tuple(f"{self.scheme}:{self.names[cell]}" for cell in cells if self.too_small[cell])


def issuer_measures(measures: Measurements) -> list[IssuerMeasures]:
    """The scheme whose concentration is limited, if there is one."""
    limits = measures.limits
    if not limits.enforce_exposure_limits:
        return []
    return [
        IssuerMeasures(measures, scheme, own, scheme_rows(measures, scheme))
        for scheme, own in sorted(limits.concentration.items())
    ]


def measure_concentration(issuers: IssuerMeasures) -> Iterable[Measured]:
    """Both limits of one scheme."""
    measures, own, account = issuers.measures, issuers.own, issuers.account
    weight, fixed = issuers.sums(measures.target), issuers.fixed
    tolerance = measures.sum_tolerance
    big = weight > own.small + tolerance[account]
    large, too_large = np.zeros(measures.accounts), np.zeros(measures.accounts, np.bool_)
    np.maximum.at(large, account, weight)
    np.logical_or.at(too_large, account, weight > np.maximum(own.largest, fixed) + tolerance[account])
    status = np.where(too_large, BROKEN, np.where(large > own.largest + tolerance, WAIVED, MET)).astype(np.int8)
    in_big = np.zeros(len(measures.account), np.bool_)
    in_big[issuers.row[big[issuers.cell]]] = True
    scheme = issuers.scheme

    def excuses(account: int) -> tuple[Excuse, ...]:
        return (measures.excuse(Cause.FIXED, account, in_big & measures.fixed),)

    yield Measured("concentration", f"{scheme}:largest", large, measures.constant(own.largest), status, excuses)
    together, kept = (issuers.per_account(np.where(big, values, 0.0)) for values in (weight, fixed))
    excused = np.where(together <= kept + tolerance, WAIVED, BROKEN)
    status = np.where(together <= own.together + tolerance, MET, excused).astype(np.int8)
    yield Measured("concentration", f"{scheme}:together", together, measures.constant(own.together), status, excuses)

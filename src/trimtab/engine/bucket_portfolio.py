"""Positions measured against the limits of buckets by the certificate's measures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from trimtab.candidates.candidates import Candidates
from trimtab.candidates.read import read
from trimtab.certificate.bucket_limits import measure_bucket_limits
from trimtab.certificate.certificate import Constraint, Mask, Vector
from trimtab.certificate.measurements import Measurements
from trimtab.errors import listed
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.text import counted

_FINE = frozenset({"met", "waived"})
_BUCKET_LIMITS = frozenset({"max_positions", "max_allocation", "min_allocation", "min_buckets_represented"})


@dataclass(frozen=True, eq=False)
class Portfolio:
    """Positions measured against the limits of buckets by the certificate's measures.

    `weight` and `is_position` have shape (rows,); a position of unknown weight counts, and weighs 0. `as_held`: they are
    what an account holds, where dust is not a position.
    """

    candidates: Candidates
    limits: RebalancingLimits
    weight: Vector
    is_position: Mask
    as_held: bool = False

    @classmethod
    def of(cls, rows: list[dict[str, Any]], limits: RebalancingLimits, weights: Iterable[float | None]) -> Portfolio:
        """These rows of a table of candidates, each a position with its weight; there may be none."""
        weight = np.array([known or 0.0 for known in weights])
        table = rows or pa.table({"asset": [], "score": []})
        candidates = read(table, limits, many=False, may_be_empty=True)
        return cls(candidates, limits, weight, np.ones(len(weight), np.bool_))

    def holding(self, weight: Vector, is_position: Mask) -> Portfolio:
        """The same candidates with other positions."""
        return replace(self, weight=weight, is_position=is_position)

    @cached_property
    def measures(self) -> Measurements:
        """The certificate's measures of these positions."""
        weight = np.where(self.is_position, self.weight, 0.0)
        is_position, as_held = self.is_position, self.as_held
        return Measurements(self.candidates, self.limits, weight, is_position, as_held=as_held, unweighed=True)

    @cached_property
    def checks(self) -> tuple[Constraint, ...]:
        """The limits of buckets as measured; `broken` where one is exceeded although nothing prevents keeping it."""
        return tuple(check.constraint(0) for check in measure_bucket_limits(self.measures) if check.is_about(0))

    @property
    def violated(self) -> list[Constraint]:
        """The limits that do not hold and are not excused."""
        return [check for check in self.checks if check.status not in _FINE]

    def remedy(self, check: Constraint) -> str:
        """A change that would fix a violated limit."""
        if check.name == "max_positions":
            count = round(check.measured - check.limit)
            lowest = [self.candidates.asset.at(row) for row in self._lowest_first(check.node)[:count]]
            return f"{check.node}: drop {counted(count, 'position')}, the lowest-ranked first ({listed(lowest)})"
        if check.name == "max_allocation":
            return f"{check.node}: reduce it by {-check.slack:.2%} to {check.limit:.2%}"
        if check.name == "min_allocation":
            return f"{check.node}: raise it by {-check.slack:.2%} to {check.limit:.2%}"
        return f"add assets of {counted(round(-check.slack), 'more bucket')}"

    def _lowest_first(self, path: str) -> list[int]:
        """The rows of the positions under a bucket, those that selection would drop first in front."""
        node = next((number for number, node in enumerate(self.measures.nodes) if node.path == path), 0)
        is_inside = self.measures.under(node) & self.is_position[self.candidates.order]
        rows = self.candidates.order[is_inside]
        score, current = np.nan_to_num(self.candidates.score, nan=-1.0), self.candidates.current_weight
        return sorted(rows.tolist(), key=lambda row: (current[row] > 0, score[row], current[row], -row))


def is_about_buckets(check: Constraint) -> bool:
    """Whether a limit is one of buckets."""
    return check.name in _BUCKET_LIMITS


def violation(check: Constraint) -> str:
    """A limit that does not hold, as a sentence."""
    number = "{:.2%}".format if check.name.endswith("allocation") else "{:g}".format
    if check.name == "min_buckets_represented":
        buckets = counted(round(check.measured), "bucket")
        return f"{buckets} represented, below {check.name} {number(check.limit)}"
    side = "below" if check.name == "min_allocation" else "above"
    what = "weight" if check.name.endswith("allocation") else "positions"
    return f"{check.node}: {what} {number(check.measured)}, {side} {check.name} {number(check.limit)}"

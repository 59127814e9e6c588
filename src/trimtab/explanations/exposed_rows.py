"""The exposures of one account's rows, for reruns: what lies in which limited bucket, and limits with other values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from trimtab.candidates.exposure_rows import ExposureRows
from trimtab.explanations.changes import CONCENTRATION, EXPOSURE_FIELDS, LIFTED, Change
from trimtab.kernel.records import Exposed, Floats, Records
from trimtab.reasons import FIXED_REASONS

_FULL = 1e-9  # a bucket this near to its maximum is worth a trial


@dataclass(frozen=True, eq=False)
class ExposedRows:
    """The rows of an account, their decision, and their parts in the limited buckets of schemes."""

    rows: Records
    answer: Records
    exposed: Exposed | None
    limited: ExposureRows

    @cached_property
    def names(self) -> list[str]:
        """The limited buckets, named as in the certificate."""
        return [f"{scheme}:{path}" for scheme, path in self.limited.names]

    def present(self, field: str, name: str) -> float:
        """The present limit of a bucket."""
        return float(self.limited.rows[field][self.names.index(name)])

    def changed(self, changes: Sequence[Change]) -> Exposed | None:
        """The exposures with the limits of some buckets changed."""
        about = [change for change in changes if change.name in (CONCENTRATION, *EXPOSURE_FIELDS)]
        if self.exposed is None or not about:
            return self.exposed
        limits, concentration = self.exposed.rows.copy(), self.exposed.concentration.copy()
        for change in about:
            if change.name == CONCENTRATION:
                for field in ("small", "largest", "together"):
                    concentration[field] = np.inf
            else:
                value = LIFTED[change.name] if change.value is None else change.value
                limits[change.name][self.names.index(change.node)] = value
        return self.exposed._replace(rows=limits, concentration=concentration)

    def in_force(self) -> Iterator[Change]:
        """Every limit that concerns a candidate, lifted."""
        has_any = np.asarray(self.fractions.any(axis=0), np.bool_)
        for row in np.flatnonzero(has_any[: self.first_issuer]).tolist():
            limit = self.limited.rows[row]
            if limit["max_exposure"] < np.inf:
                yield Change("max_exposure", self.names[row], None)
            if limit["min_exposure"] > 0:
                yield Change("min_exposure", self.names[row], None)
        if has_any[self.first_issuer :].any():
            yield Change(CONCENTRATION, self.limited.names[self.first_issuer][0], None)

    def minima(self) -> Iterator[Change]:
        """The minimum of every bucket that has one."""
        for row in np.flatnonzero(self.limited.rows["min_exposure"] > 0).tolist():
            yield Change("min_exposure", self.names[row], self.present("min_exposure", self.names[row]))

    def weight_in(self, name: str, weights: Floats) -> float:
        """The weight in a bucket, of the weights of the rows."""
        return float(weights @ self.fractions[:, self.names.index(name)])

    def edges(self, name: str, smallest: Floats) -> Floats:
        """The maxima of a bucket at which one more row may be held, given the `smallest` position of each. Sorted."""
        row = self.names.index(name)
        fraction = self.fractions[:, row]
        return np.unique(self.fixed_weight[row] + (fraction * smallest)[fraction > 0])

    @property
    def first_issuer(self) -> int:
        """The row of the first issuer whose concentration is limited; the number of rows without such a limit."""
        return int(self.limited.concentration[0]["first"])

    def issuer_scheme(self, place: int) -> str | None:
        """The scheme whose concentration is limited, if a row has an issuer there."""
        has_issuer = self.fractions[place, self.first_issuer :].any()
        return self.limited.names[self.first_issuer][0] if has_issuer else None

    @cached_property
    def fractions(self) -> Floats:
        """The fraction of each row in each bucket. Shape (candidates, buckets)."""
        if self.exposed is None:
            return np.zeros((len(self.rows), 0))
        return self.limited.fractions(self.exposed.profile)

    @cached_property
    def fixed_weight(self) -> Floats:
        """The weight of fixed rows in each bucket."""
        fixed = np.isin(self.answer["reason"], FIXED_REASONS)
        return np.asarray(np.where(fixed, self.rows["current"], 0.0) @ self.fractions, np.float64)

    def full(self, place: int, sizes: Floats) -> list[int]:
        """The buckets that a row lies in and that are full at these sizes."""
        highest = np.maximum(self.limited.rows["max_exposure"], self.fixed_weight)
        full = (sizes @ self.fractions >= highest - _FULL) & (self.fractions[place] > 0)
        return [int(row) for row in np.flatnonzero(full)]

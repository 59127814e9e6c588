"""The selected assets of one account, and every limit that blocks another one (rules, section 8)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from trimtab.candidates.candidates import Candidates
from trimtab.candidates.exposure_rows import ExposureRows
from trimtab.kernel.records import (
    COUNT_TOLERANCE,
    NO_NODE,
    ROOT,
    WEIGHT_TOLERANCE,
    Exposed,
    Flags,
    Floats,
    Ints,
    Records,
)
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.reasons import ENTERED_REASONS, FIXED_REASONS, Reason

_UNLIMITED = 1e15  # so small a minimum weight limits nothing


def positions_that_fit(left: float, min_weight: float) -> float:
    """How many positions of `min_position_weight` fit into the rest of an allocation (rules, section 4)."""
    if left <= WEIGHT_TOLERANCE:
        return 0
    quotient = left / min_weight if min_weight > 0 else math.inf
    return math.floor(quotient + COUNT_TOLERANCE) if quotient < _UNLIMITED else math.inf


def summed_under(nodes: Records, leaf: Ints, values: Any = None) -> Floats:
    """The sum of values of rows (without values, their number) under each node. Shape (nodes,)."""
    own = np.bincount(leaf, values, minlength=len(nodes))
    before = np.concatenate(([0.0], np.cumsum(own)))
    return np.asarray(before[nodes["stop"]] - before[:-1], np.float64)


@dataclass(frozen=True, eq=False)
class PlacesTaken:
    """The selected rows of one account; `decided` has shape (rows,), in the order of the table."""

    candidates: Candidates
    limits: RebalancingLimits
    decided: Records

    @cached_property
    def rows(self) -> Ints:
        """The selected rows. The arrays below run over them."""
        return np.asarray(np.flatnonzero(self.decided["selected"]), np.int64)

    @cached_property
    def _leaf(self) -> Ints:
        return np.asarray(self.candidates.leaf[self.rows], np.int64)

    @cached_property
    def _current(self) -> Floats:
        return np.asarray(self.candidates.current_weight[self.rows], np.float64)

    @cached_property
    def _holding(self) -> Flags:
        return (self._current >= self.limits.dust_weight) & (self._current > 0)

    @cached_property
    def _entered(self) -> Flags:
        return np.isin(self.decided["reason"][self.rows], ENTERED_REASONS)

    @cached_property
    def _fixed(self) -> Flags:
        reason = self.decided["reason"][self.rows]
        left_alone = (reason == Reason.KEPT) & (self._current < self.limits.dust_weight)
        return np.asarray(np.isin(reason, FIXED_REASONS) | left_alone, np.bool_)

    @cached_property
    def _position(self) -> Flags:
        """The rows that count as positions: all but dust that is merely left alone."""
        return self._entered | (self._current >= self.limits.dust_weight)

    def _inside(self, node: int) -> Flags:
        return (self._leaf >= node) & (self._leaf < int(self.candidates.tree.nodes[node]["stop"]))

    def under(self, node: int) -> Ints:
        """The selected rows under a node."""
        return self.rows[self._inside(node)]

    def free_to_go(self, node: int, *, new_only: bool = False) -> Ints:
        """Those that the walk chose: all but the fixed, or only the new ones."""
        chosen = self._entered & ~self._holding if new_only else ~self._fixed
        return self.rows[self._inside(node) & chosen]

    @cached_property
    def positions(self) -> list[int]:
        """How many positions are taken under each node."""
        return [int(count) for count in self._summed(self._position).tolist()]

    @cached_property
    def _free_weight(self) -> list[float]:
        """The weight that fixed rows leave under each node's maximum; infinite without one."""
        largest = self.candidates.tree.nodes["max_allocation"].astype(np.float64)
        largest[ROOT] = self.limits.target_invested
        return list((largest - self._summed(np.where(self._fixed, self._current, 0.0))).tolist())

    @cached_property
    def _fixed_positions(self) -> list[int]:
        return [int(count) for count in self._summed(self._fixed & self._position).tolist()]

    def _summed(self, values: Flags | Floats) -> Floats:
        """The sum of values of the selected rows under each node. Shape (nodes,)."""
        return summed_under(self.candidates.tree.nodes, self._leaf, values)

    def is_new(self, row: int) -> bool:
        """Whether a row competes as a new asset: not held, or dust."""
        current = float(self.candidates.current_weight[row])
        return current <= 0 or current < self.limits.dust_weight

    def in_the_way(self, row: int) -> Iterator[tuple[Reason, int]]:
        """Every limit that an unselected asset would break now, by precedence, each with its node."""
        limits, nodes, leaf = self.limits, self.candidates.tree.nodes, int(self.candidates.leaf[row])
        new = self.is_new(row)
        protected = limits.allow_bucket_overflow and not new
        if new and self.too_correlated_with(row):
            yield Reason.TOO_CORRELATED, self.level_node(row)
        if self.positions[ROOT] >= limits.max_total_positions:
            yield Reason.TOTAL_POSITION_LIMIT, ROOT
        if new and np.count_nonzero(self._entered & ~self._holding) >= limits.max_new_positions:
            yield Reason.NEW_POSITION_LIMIT, ROOT
        path = [node for node in range(1, leaf + 1) if node <= leaf < nodes["stop"][node]]
        if not protected:
            full = (node for node in path if self.positions[node] >= nodes["max_positions"][node])
            yield from ((Reason.BUCKET_POSITION_LIMIT, node) for node in full)
        room, tightest = self.exposure_room(row)
        if room < self.cap(row) and (room <= 0 or room < limits.min_position_weight - WEIGHT_TOLERANCE):
            yield Reason.MIN_POSITION_CAPACITY, len(nodes) + tightest
        for node in (ROOT, *path):
            left = self._free_weight[node]
            if left <= WEIGHT_TOLERANCE or (not (protected and node) and not self._has_room(node, left)):
                yield Reason.MIN_POSITION_CAPACITY, node
        cap = self.cap(row)
        if cap <= 0 or cap < limits.min_position_weight:
            yield Reason.MIN_POSITION_CAPACITY, NO_NODE

    @cached_property
    def exposure_rows(self) -> ExposureRows:
        """The limits of exposures in force."""
        return self.candidates.exposure_rows(self.limits)

    @cached_property
    def _exposed(self) -> tuple[Exposed | None, Floats]:
        """The exposures of the rows in canonical order, and the weight that the fixed leave in each limit."""
        exposed, order = self.candidates.exposed(self.limits), self.candidates.order
        if exposed is None:
            return None, np.zeros(0)
        left = exposed.rows["max_exposure"].astype(np.float64)
        fixed = set(self.rows[self._fixed].tolist())
        for place in (index for index, row in enumerate(order.tolist()) if row in fixed):
            profile = exposed.profile[place]
            mine = exposed.parts[exposed.first[profile] : exposed.first[profile + 1]]
            left[mine["row"]] -= mine["fraction"] * self.candidates.current_weight[order[place]]
        return exposed, np.where(left <= WEIGHT_TOLERANCE, 0.0, left)

    def exposure_row(self, node: int) -> int:
        """The limit of exposures that a node of the answer means; -1 for a bucket."""
        return max(node - len(self.candidates.tree.nodes), -1)

    def exposure_room(self, row: int) -> tuple[float, int]:
        """The weight that exposures leave an asset in selection, and the first limit that leaves it no more; infinite and
        -1 without one.
        """
        exposed, left = self._exposed
        if exposed is None:
            return math.inf, -1
        profile = exposed.profile[int(np.flatnonzero(self.candidates.order == row)[0])]
        mine = exposed.parts[exposed.first[profile] : exposed.first[profile + 1]]
        room = left[mine["row"]] / mine["fraction"]
        tightest = int(np.argmin(room)) if len(room) else -1
        return (float(room[tightest]), int(mine["row"][tightest])) if tightest >= 0 else (math.inf, -1)

    def _has_room(self, node: int, left: float) -> bool:
        """Whether one more position of the minimum weight fits under a node: the derived number (rules, section 4)."""
        fitting = positions_that_fit(left, self.limits.min_position_weight)
        return self.positions[node] < self._fixed_positions[node] + fitting

    def cap(self, row: int) -> float:
        """The largest weight allowed for an asset."""
        if self.is_unwanted(row):
            return 0.0
        return min(self.limits.max_position_weight, float(self.candidates.max_weight[row]))

    def is_unwanted(self, row: int) -> bool:
        """Whether its desired weight is 0, which closes it."""
        return self.limits.sizing_column == "desired_weight" and float(self.candidates.desired_weight[row]) == 0.0

    def level_node(self, row: int) -> int:
        """The node of a row at `bucket_level`."""
        return int(self.candidates.tree.level_node_of[self.candidates.leaf[row]])

    def too_correlated_with(self, row: int) -> list[tuple[str, float | None]]:
        """The selected assets that a new one is too correlated with: highest first, then by name, unknown last."""
        known, limit = self.candidates.correlations, self.limits.max_correlation
        if known is None or limit is None:
            return []
        name = self.name(row)
        others = [self.name(other) for other in self.under(self.level_node(row)).tolist()]
        values = [(other, known.of(name, other)) for other in others if other != name]
        above = [(other, value) for other, value in values if value is None or value > limit]
        return sorted(above, key=lambda pair: (pair[1] is None, -(pair[1] or 0.0), pair[0]))

    def first_over(self, row: int) -> int:
        """The first node from the root where a holding in overflow found no free position."""
        nodes, node, first = self.candidates.tree.nodes, int(self.candidates.leaf[row]), ROOT
        while node != ROOT:
            if self.positions[node] > nodes[node]["max_positions"]:
                first = node
            node = int(nodes[node]["parent"])
        return first

    def last_chosen(self, node: int, *, new_only: bool = False) -> int | None:
        """The last of `free_to_go`, None if they are empty; a whole column of sentences names the same few."""
        if (node, new_only) not in self._last_chosen:
            rows = self.free_to_go(node, new_only=new_only)
            self._last_chosen[node, new_only] = self.last(rows) if rows.size else None
        return self._last_chosen[node, new_only]

    @cached_property
    def _last_chosen(self) -> dict[tuple[int, bool], int | None]:
        return {}

    def last(self, rows: Ints) -> int:
        """Of some selected rows, the last in the order of the walk."""
        current = self.candidates.current_weight[rows]
        holding = (current >= self.limits.dust_weight) & (current > 0)
        score = np.nan_to_num(self.candidates.score[rows], nan=-math.inf)

        def rank(place: int) -> tuple[bool, float, float, str]:
            return not holding[place], -score[place], -current[place], self.name(int(rows[place]))

        return int(rows[max(range(len(rows)), key=rank)])

    def name(self, row: int) -> str:
        """The asset of a row."""
        return self.candidates.asset.at(row) or ""

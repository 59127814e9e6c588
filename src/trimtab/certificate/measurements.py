"""The measures of the checker: rows, positions and weights of all accounts, by node, in code that shares nothing with the kernel.

It works on the table as it came in and on the limits as the user wrote them, for all accounts at once: matrices of
shape (accounts, nodes), where the kernel walks records of one account.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trimtab.candidates.candidates import Candidates
from trimtab.candidates.checks import RESTRICTIONS
from trimtab.certificate.bucket_nodes import checked_nodes
from trimtab.certificate.causes import Cause, Excuse
from trimtab.certificate.certificate import Mask, Vector
from trimtab.limits.rebalancing_limits import RebalancingLimits

Matrix = NDArray[np.float64]
Rows = NDArray[np.int64]

EPSILON = 1e-12
COUNT_PLAY = 1e-9  # a count of positions may exceed the exact quotient by this part of a position
ROUNDING = 2.0**-52  # of each row: a sum of n weights in another order differs by at most n times this


class Measurements:
    """Targets of all good accounts, measured. Shapes: rows (good rows, account by account), (accounts, nodes)."""

    def __init__(
        self,
        candidates: Candidates,
        limits: RebalancingLimits,
        target: Vector,
        selected: Mask,
        *,
        as_held: bool = False,
        unweighed: bool = False,
    ) -> None:
        """`target` and `selected` have shape (rows of the table,); rows of failed accounts are left out.

        `as_held`: the targets are weights kept by a brake; nothing is new, and dust is not a position.
        `unweighed`: a selected row is a position even at weight 0, which is unknown yet.
        """
        order = candidates.order
        self.candidates, self.limits = candidates, limits
        self.accounts = len(candidates.accounts)
        self.account = candidates.account_of[order]
        self.target, self.current = target[order], candidates.current_weight[order]
        self.selected = selected[order]
        self.score = candidates.score[order]
        self.cap = np.minimum(limits.max_position_weight, candidates.max_weight[order])
        if limits.sizing_column == "desired_weight":
            self.cap[candidates.desired_weight[order] == 0] = 0.0
        restriction = candidates.restriction[order]
        self.no_sell = np.array([code in {"no_sell", "no_trade"} for code in RESTRICTIONS])[restriction]
        self.no_buy = np.array([code in {"no_buy", "no_trade"} for code in RESTRICTIONS])[restriction]
        self._find_nodes()
        closed = np.array([node.closed for node in self.nodes], np.bool_)[self.leaf]
        held = self.current > 0
        self.dust = held & (self.current < limits.dust_weight)
        qualifies = self.score >= limits.min_score_threshold
        unscored = held & np.isnan(self.score) & (limits.unscored_positions == "hold")
        unsizable = np.zeros(len(order), np.bool_)
        if limits.sizing_column is not None:
            unsizable = np.isnan(getattr(candidates, limits.sizing_column)[order])
        self.kept_as_is = held & ((unsizable & qualifies) | (self.dust & closed & qualifies)) & ~self.no_sell
        self.fixed = held & self.no_sell | unscored | self.kept_as_is
        self.kept_as_is |= unscored
        self.no_buy |= closed
        self.may_grow = self.fixed & ~self.kept_as_is & ~self.no_buy & qualifies & ~unsizable & ~self.dust
        self.takes_place = self.selected & ~((self.fixed | as_held) & self.dust)
        self.position = self.takes_place & ((self.target > 0) | unweighed)
        self.new = self.position & ~self.fixed & (~held | self.dust)
        self.holding = held & ~self.dust & ~self.fixed & qualifies
        min_new_score = limits.min_score_diversification if self.represents else limits.min_score_new_position
        can_enter = (~held | self.dust) & ~self.fixed & ~self.no_buy & ~unsizable & (self.score >= min_new_score)
        holdable = (self.cap >= limits.min_position_weight) & (self.cap > 0)
        self.eligible = (self.holding | can_enter) & holdable
        self.min_weight = np.where(
            self.no_buy,
            np.minimum(np.minimum(self.cap, self.current), limits.min_position_weight),
            limits.min_position_weight,
        )

    @property
    def represents(self) -> bool:
        """Whether buckets must be represented at all."""
        return self.limits.represents

    def _find_nodes(self) -> None:
        """The nodes, each row's leaf, and where each row counts: at its leaf and at every node above it."""
        bucket = self.candidates.bucket
        codes = bucket.codes[self.candidates.order]
        used = sorted(bucket.names[code] for code in np.unique(codes))
        checked = checked_nodes(tuple(used), self.limits)
        self.nodes, self.named = checked.nodes, checked.named
        self.leaf = np.array([checked.leaf_of.get(name, 0) for name in (*bucket.names, "")], np.int64)[codes]
        steps = []
        rows, node_of = np.arange(len(self.leaf)), self.leaf
        while len(rows):
            steps.append((rows, self.account[rows] * len(self.nodes) + node_of))
            parent = checked.parents[node_of]
            rows, node_of = rows[parent >= 0], parent[parent >= 0]
        row_of = np.concatenate([rows for rows, _ in steps] or [rows])
        cell_of = np.concatenate([cells for _, cells in steps] or [rows])
        by_row = np.argsort(row_of, kind="stable")  # sums of weights run by name (rules, section 4)
        self.row_of, self.cell_of = row_of[by_row], cell_of[by_row]

    # ---- sums

    @cached_property
    def sum_tolerance(self) -> Vector:
        """How far a sum of an account's weights may exceed a limit: the rules' tolerance plus the rounding of the sum
        (rules, section 9).
        """
        return np.asarray(EPSILON + ROUNDING * np.bincount(self.account, minlength=self.accounts), np.float64)

    def per_account(self, values: Any) -> Vector:
        """The sum of row values in each account."""
        sums = np.bincount(self.account, np.asarray(values, np.float64), minlength=self.accounts)
        return np.asarray(sums, np.float64)

    def per_node(self, values: Any) -> Matrix:
        """The sum of row values under each node of each account, row by row."""
        numbers = np.asarray(values, np.float64)[self.row_of]
        sums = np.bincount(self.cell_of, numbers, minlength=self.accounts * len(self.nodes))
        return np.asarray(sums, np.float64).reshape(self.accounts, len(self.nodes))

    def constant(self, value: float) -> Vector:
        """One value for every account."""
        return np.full(self.accounts, float(value))

    @cached_property
    def count(self) -> Matrix:
        """Positions under each node."""
        return self.per_node(self.position)

    @cached_property
    def weight(self) -> Matrix:
        """Target weight under each node."""
        return self.per_node(self.target)

    @cached_property
    def new_count(self) -> Matrix:
        """New positions under each node."""
        return self.per_node(self.new)

    @cached_property
    def fixed_count(self) -> Matrix:
        """Fixed positions under each node."""
        return self.per_node(self.fixed & self.position)

    @cached_property
    def fixed_weight(self) -> Matrix:
        """Current weight of the fixed rows under each node."""
        return self.per_node(np.where(self.fixed, self.current, 0.0))

    # ---- what fits

    @cached_property
    def max_weight(self) -> Vector:
        """The most weight that each row may have if it is selected."""
        grown = np.where(self.may_grow, np.maximum(self.cap, self.current), self.current)
        free = np.where(self.no_buy, np.minimum(self.cap, self.current), self.cap)
        return np.where(self.fixed, grown, free)

    def _allocations(self) -> Vector:
        """The allocation limit of each node, `target_invested` for the whole portfolio."""
        return np.array([self.limits.target_invested, *(node.max_allocation for node in self.nodes[1:])])

    @cached_property
    def tightness(self) -> tuple[Mask, Mask, Matrix]:
        """Where lower bounds do not fit; where the minima do not fit even without `min_position_weight`; the most that
        each node can hold.
        """
        max_weight = self.max_weight
        node_cap = np.maximum(self._allocations(), self.fixed_weight)
        shape = (self.accounts, len(self.nodes))

        def own(values: Any) -> Matrix:
            at_leaf = self.account * shape[1] + self.leaf
            summed = np.bincount(at_leaf, np.where(self.selected, values, 0.0), minlength=shape[0] * shape[1])
            return np.asarray(summed, np.float64).reshape(shape)

        capacity, need = own(max_weight), own(np.where(self.fixed, self.current, self.min_weight))
        bare = own(np.where(self.fixed, self.current, 0.0))
        play = np.maximum(1e-13, self.sum_tolerance - EPSILON)  # the kernel compares sums of bounds within 1e-13
        tight, short = np.zeros(need.shape, np.bool_), np.zeros(need.shape, np.bool_)
        for number in sorted(range(len(self.nodes)), key=lambda node: -self.nodes[node].depth):
            node, cap = self.nodes[number], node_cap[:, number]
            capacity[:, number] = np.minimum(capacity[:, number], cap)
            minimum = np.minimum(node.min_allocation, capacity[:, number])
            tight[:, number] = need[:, number] > cap + np.minimum(0.0, EPSILON - play)
            waived = need[:, number] > cap + self.sum_tolerance + COUNT_PLAY * self.limits.min_position_weight + play
            short[:, number] = bare[:, number] > cap + EPSILON - play
            need[:, number] = np.minimum(np.maximum(np.where(waived, bare[:, number], need[:, number]), minimum), cap)
            bare[:, number] = np.minimum(np.maximum(bare[:, number], minimum), cap)
            if node.parent >= 0:
                for sums in (capacity, need, bare):
                    sums[:, node.parent] += sums[:, number]
        return tight, short, capacity

    def free_positions(self) -> Matrix:
        """How many positions each node may have, by number and by weight."""
        max_positions = np.array([self.limits.max_total_positions, *(node.max_positions for node in self.nodes[1:])])
        left = self._allocations() - self.fixed_weight
        min_weight = self.limits.min_position_weight
        with np.errstate(over="ignore"):  # beyond all numbers means no limit
            fits = np.floor(left / min_weight + COUNT_PLAY) if min_weight > 0 else np.full(left.shape, math.inf)
        fits = np.where(np.isinf(left), math.inf, np.where(left <= EPSILON, 0.0, fits))
        positions: Matrix = np.minimum(max_positions, self.fixed_count + fits)
        return positions

    # ---- rows

    def under(self, node: int) -> Mask:
        """The rows under a node."""
        rows = np.zeros(len(self.leaf), np.bool_)
        rows[self.row_of[self.cell_of % len(self.nodes) == node]] = True
        return rows

    def below(self, marked: Mask) -> Mask:
        """The rows at or under a marked node, of shape (accounts, nodes), of their account."""
        rows = np.zeros(len(self.leaf), np.bool_)
        rows[self.row_of[marked.ravel()[self.cell_of]]] = True
        return rows

    def worst(self, where: Mask, excess: Vector) -> tuple[Rows, Vector]:
        """In each account, of the rows `where`, the one with the largest excess (-1 without one) and that excess."""
        rows = np.flatnonzero(where)
        ranked = rows[np.lexsort((excess[rows], self.account[rows]))]
        worst = np.full(self.accounts, -1, np.int64)
        worst[self.account[ranked]] = ranked
        return worst, np.where(worst >= 0, excess[worst] if len(excess) else 0.0, -math.inf)

    @cached_property
    def level_of(self) -> Rows:
        """The node of each row at `bucket_level`, or `Unknown`; 0 if buckets are off."""
        level = np.zeros(len(self.nodes), np.int64)
        for node in range(1, len(self.nodes)):  # a parent precedes its children
            level[node] = node if self.nodes[node].parent == 0 else level[self.nodes[node].parent]
        return np.asarray(level[self.leaf], np.int64)

    # ---- facts for excuses

    def excuse(self, cause: Cause, account: int, where: Mask, limit: float | None = None) -> Excuse:
        """A cause with the assets of an account that it is about."""
        rows = self.candidates.order[np.flatnonzero(where & (self.account == account))]
        return Excuse(cause, tuple(self.candidates.asset.at(int(row)) or "" for row in rows), limit)

    def fixed_under(self, account: int, node: int) -> Excuse:
        """The excuse that fixed rows under a node keep it there."""
        return self.excuse(Cause.FIXED, account, self.fixed & self.under(node))

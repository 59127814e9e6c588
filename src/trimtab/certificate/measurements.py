"""The checker: every limit measured in the finished targets, by code that shares nothing with the kernel.

It works on the table as it came in and on the limits as the user wrote them, for all accounts at once: matrices of
shape (accounts, nodes), where the kernel walks records of one account. A limit that is neither met nor excused by the
rules is a bug of trimtab and raises `BrokenLimitError`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trimtab.candidates.candidates import Candidates
from trimtab.candidates.checks import RESTRICTIONS
from trimtab.certificate.bucket_nodes import checked_nodes
from trimtab.certificate.causes import Cause, Excuse
from trimtab.certificate.certificate import BROKEN, DRIFTED, MET, UNMET, WAIVED, Mask, Measured, Vector
from trimtab.errors import BrokenLimitError
from trimtab.limits.rebalancing_limits import RebalancingLimits

Matrix = NDArray[np.float64]

EPSILON = 1e-12
COUNT_PLAY = 1e-9  # how much of a position the count may exceed the exact quotient by
ROUNDING = 1e-13  # sums of the same weights, added in another order, may lie so far apart


class Checker:
    """Measures all limits of all good accounts. Shapes: rows (good rows, account by account), (accounts, nodes)."""

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
        """`target` and `selected` have shape (rows of the table,); the rows of failed accounts are left out.

        `as_held`: the targets are what a brake keeps, where nothing is new and dust is not a position.
        `unweighed`: what is selected is a position although its weight may be 0, not known yet.
        """
        order = candidates.order
        self.candidates, self.limits = candidates, limits
        self.accounts = len(candidates.accounts)
        self.account = candidates.account_of[order]
        self.target, self.current = target[order], candidates.current_weight[order]
        self.selected = selected[order]
        self.score = candidates.score[order]
        self.cap = np.minimum(limits.max_position_weight, candidates.max_weight[order])
        restriction = candidates.restriction[order]
        self.no_sell = np.array([code in {"no_sell", "no_trade"} for code in RESTRICTIONS])[restriction]
        self.no_buy = np.array([code in {"no_buy", "no_trade"} for code in RESTRICTIONS])[restriction]
        self._place()
        closed = np.array([node.closed for node in self.nodes], np.bool_)[self.leaf]
        held = self.current > 0
        self.dust = held & (self.current < limits.dust_weight)
        qualifies = self.score >= limits.min_score_threshold
        unscored = held & np.isnan(self.score) & (limits.unscored_positions == "hold")
        unsizable = np.zeros(len(order), np.bool_)
        for mode, column in (("desired", candidates.desired_weight), ("inverse_volatility", candidates.volatility)):
            if limits.sizing_mode == mode:
                unsizable = np.isnan(column[order])
        self.kept_as_is = held & ((unsizable & qualifies) | (self.dust & closed & qualifies)) & ~self.no_sell
        self.fixed = held & self.no_sell | unscored | self.kept_as_is
        self.kept_as_is |= unscored
        self.no_buy |= closed
        self.may_grow = self.fixed & ~self.kept_as_is & ~self.no_buy & qualifies & ~unsizable & ~self.dust
        self.slot = self.selected & ~((self.fixed | as_held) & self.dust)
        self.position = self.slot & ((self.target > 0) | unweighed)
        self.new = self.position & ~self.fixed & (~held | self.dust)
        self.holding = held & ~self.dust & ~self.fixed & qualifies
        least = limits.min_score_diversification if self.represents else limits.min_score_new_position
        can_enter = (~held | self.dust) & ~self.fixed & ~self.no_buy & ~unsizable & (self.score >= least)
        holdable = (self.cap >= limits.min_position_weight) & (self.cap > 0)
        self.eligible = (self.holding | can_enter) & holdable
        self.low = np.where(
            self.no_buy,
            np.minimum(np.minimum(self.cap, self.current), limits.min_position_weight),
            limits.min_position_weight,
        )

    @property
    def represents(self) -> bool:
        """Whether buckets must be represented at all."""
        return self.limits.represents

    def _place(self) -> None:
        """The nodes, each row's deepest one, and where each row counts: at its leaf, then at the nodes above."""
        bucket = self.candidates.bucket
        codes = bucket.codes[self.candidates.order]
        used = sorted(bucket.names[code] for code in np.unique(codes))
        found = checked_nodes(tuple(used), self.limits)
        self.nodes, self.named = found.nodes, found.named
        self.leaf = np.array([found.leaf_of.get(name, 0) for name in (*bucket.names, "")], np.int64)[codes]
        steps = []
        rows, node_of = np.arange(len(self.leaf)), self.leaf
        while len(rows):
            steps.append((rows, self.account[rows] * len(self.nodes) + node_of))
            above = found.parents[node_of]
            rows, node_of = rows[above >= 0], above[above >= 0]
        row_of = np.concatenate([rows for rows, _ in steps] or [rows])
        place_of = np.concatenate([places for _, places in steps] or [rows])
        by_row = np.argsort(row_of, kind="stable")  # sums of weights are taken by name (rules, section 4)
        self.row_of, self.place_of = row_of[by_row], place_of[by_row]

    def per_account(self, values: Any) -> Vector:
        """The sum of row values in each account."""
        sums = np.bincount(self.account, np.asarray(values, np.float64), minlength=self.accounts)
        return np.asarray(sums, np.float64)

    def per_node(self, values: Any) -> Matrix:
        """The sum of row values under each node of each account, row by row."""
        numbers = np.asarray(values, np.float64)[self.row_of]
        sums = np.bincount(self.place_of, numbers, minlength=self.accounts * len(self.nodes))
        return np.asarray(sums, np.float64).reshape(self.accounts, len(self.nodes))

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
        """Current weight of what is fixed under each node."""
        return self.per_node(np.where(self.fixed, self.current, 0.0))

    @cached_property
    def node_cap(self) -> Matrix:
        """The most weight a node may hold: its limit, or its fixed weight where that is more."""
        limits = np.array([node.max_allocation for node in self.nodes])
        limits[0] = self.limits.target_invested
        caps: Matrix = np.maximum(limits, self.fixed_weight)
        return caps

    @cached_property
    def tightness(self) -> tuple[Mask, Mask, Matrix]:
        """Where lower bounds do not fit, where even without `min_position_weight` the minima do not, and what fits."""
        grown = np.where(self.may_grow, np.maximum(self.cap, self.current), self.current)
        high = np.where(self.fixed, grown, np.where(self.no_buy, np.minimum(self.cap, self.current), self.cap))
        shape = (self.accounts, len(self.nodes))

        def own(values: Any) -> Matrix:
            at_leaf = self.account * shape[1] + self.leaf
            summed = np.bincount(at_leaf, np.where(self.selected, values, 0.0), minlength=shape[0] * shape[1])
            return np.asarray(summed, np.float64).reshape(shape)

        most, need = own(high), own(np.where(self.fixed, self.current, self.low))
        bare = own(np.where(self.fixed, self.current, 0.0))
        tight, short = np.zeros(need.shape, np.bool_), np.zeros(need.shape, np.bool_)
        for at in sorted(range(len(self.nodes)), key=lambda node: -self.nodes[node].depth):
            node, cap = self.nodes[at], self.node_cap[:, at]
            most[:, at] = np.minimum(most[:, at], cap)
            minimum = np.minimum(node.min_allocation, most[:, at])
            tight[:, at] = need[:, at] > cap
            waived = need[:, at] > cap + EPSILON + COUNT_PLAY * self.limits.min_position_weight + ROUNDING
            short[:, at] = bare[:, at] > cap + EPSILON - ROUNDING
            need[:, at] = np.minimum(np.maximum(np.where(waived, bare[:, at], need[:, at]), minimum), cap)
            bare[:, at] = np.minimum(np.maximum(bare[:, at], minimum), cap)
            if node.parent >= 0:
                for sums in (most, need, bare):
                    sums[:, node.parent] += sums[:, at]
        return tight, short, most

    def excuse(self, cause: Cause, account: int, where: Mask) -> Excuse:
        """A cause with the assets of an account that it is about."""
        rows = self.candidates.order[np.flatnonzero(where & (self.account == account))]
        return Excuse(cause, tuple(self.candidates.asset.at(int(row)) or "" for row in rows))

    def under(self, node: int) -> Mask:
        """The rows under a node."""
        found = np.zeros(len(self.leaf), np.bool_)
        found[self.row_of[self.place_of % len(self.nodes) == node]] = True
        return found

    def worst(self, where: Mask, excess: Vector) -> tuple[NDArray[np.int64], Vector]:
        """In each account the row with the largest excess among those wanted (-1 if none), and that excess."""
        rows = np.flatnonzero(where)
        ranked = rows[np.lexsort((excess[rows], self.account[rows]))]
        found = np.full(self.accounts, -1, np.int64)
        found[self.account[ranked]] = ranked
        return found, np.where(found >= 0, excess[found] if len(excess) else 0.0, -math.inf)

    def measure(self) -> list[Measured]:
        """All limits."""
        checks = [
            self._total_positions(),
            self._new_positions(),
            self._invested(),
            self._largest(),
            self._smallest(),
            self._restrictions(),
            self._kept_scores(),
            self._new_scores(),
        ]
        return checks + self.measure_buckets()

    def measure_buckets(self) -> list[Measured]:
        """The limits of buckets, and representation."""
        checks: list[Measured] = []
        present = self.per_node(np.ones(len(self.leaf))) > 0
        for at, node in enumerate(self.nodes):
            concerns = None if node.path in self.named else present[:, at]
            checks += self._node_checks(at, concerns)
        if self.represents:
            checks.append(self._representation())
        if self.limits.max_correlation is not None:
            checks.append(self._correlation(self.limits.max_correlation))
        return checks

    def _constant(self, value: float) -> Vector:
        return np.full(self.accounts, float(value))

    def _total_positions(self) -> Measured:
        count, limit = self.count[:, 0], self.limits.max_total_positions
        status = np.where(count <= limit, MET, np.where(count <= self.fixed_count[:, 0], WAIVED, BROKEN)).astype(
            np.int8
        )
        return Measured(
            "max_total_positions",
            "",
            count,
            self._constant(limit),
            status,
            lambda account: self._fixed_under(account, 0),
        )

    def _fixed_under(self, account: int, node: int) -> tuple[Excuse, ...]:
        return (self.excuse(Cause.FIXED, account, self.fixed & self.under(node)),)

    def _new_positions(self) -> Measured:
        count = self.per_account(self.new)
        limit = self.limits.max_new_positions
        status = np.where(count <= limit, MET, BROKEN).astype(np.int8)
        return Measured("max_new_positions", "", count, self._constant(limit), status)

    def _invested(self) -> Measured:
        total, aim = self.weight[:, 0], self.limits.target_invested
        most = min(1.0, aim + self.limits.cash_band)
        status = np.full(self.accounts, BROKEN, np.int8)
        status[total <= self.fixed_weight[:, 0] + EPSILON] = WAIVED
        status[total <= most + EPSILON] = DRIFTED
        status[total <= aim + EPSILON] = MET

        def excuses(account: int) -> tuple[Excuse, ...]:
            if status[account] == DRIFTED:
                return (Excuse(Cause.CASH_BAND, limit=float(self.limits.cash_band)),)
            return self._fixed_under(account, 0)

        return Measured("target_invested", "", total, self._constant(aim), status, excuses)

    def _largest(self) -> Measured:
        over = self.target - self.cap
        row, excess = self.worst(self.target > 0, over)
        free = ~self.fixed & (self.target > 0)
        hard = self.per_account(free & (self.target > self.cap * (1 + self.limits.drift_tolerance) + EPSILON)) > 0
        soft = self.per_account(free & (over > EPSILON)) > 0
        status = np.where(excess > EPSILON, WAIVED, MET).astype(np.int8)
        status[soft] = DRIFTED
        status[hard] = BROKEN

        def excuses(account: int) -> tuple[Excuse, ...]:
            if status[account] == DRIFTED:
                return (self.excuse(Cause.DRIFT_TOLERANCE, account, free & (over > EPSILON)),)
            return (self.excuse(Cause.FIXED, account, self.fixed & (over > EPSILON)),)

        value = np.where(row >= 0, self.target[row] if len(row) and len(self.target) else 0.0, 0.0)
        limit = np.where(row >= 0, self.cap[row] if len(self.cap) else 0.0, self.limits.max_position_weight)
        return Measured("max_position_weight", "", value, limit, status, excuses)

    def _smallest(self) -> Measured:
        limit = self.limits.min_position_weight
        positions = self.slot & ~self.fixed
        row, _ = self.worst(positions, self.low - self.target)
        below = positions & (self.target < self.low - EPSILON)
        excused = np.zeros(len(below), np.bool_)
        if below.any():
            within_floor = self.target >= self.low - COUNT_PLAY * limit - EPSILON
            excused = self._below(self.tightness[0]) | within_floor
        status = np.where(self.per_account(below) > 0, WAIVED, MET).astype(np.int8)
        status[self.per_account(below & ~excused) > 0] = BROKEN
        value = np.where(row >= 0, self.target[row] if len(self.target) else 0.0, limit)
        least = np.where(row >= 0, np.minimum(self.low[row] if len(self.low) else limit, limit), limit)
        return Measured(
            "min_position_weight",
            "",
            value,
            least,
            status,
            lambda account: (self.excuse(Cause.MINIMA_DO_NOT_FIT, account, below),),
            is_minimum=True,
        )

    def _restrictions(self) -> Measured:
        sold = self.no_sell & (self.current > 0) & (self.target < self.current)
        bought = self.no_buy & (self.target > self.current)
        moved = self.kept_as_is & (self.target != self.current)
        unsound = ~np.isfinite(self.target) | (self.target < 0)
        count = self.per_account(sold | bought | moved | unsound)
        status = np.where(count == 0, MET, BROKEN).astype(np.int8)
        return Measured("restrictions_violated", "", count, self._constant(0), status)

    def _kept_scores(self) -> Measured:
        limit = self.limits.min_score_threshold
        kept = (self.target > 0) & ~self.fixed & ~self.new
        return self._score_check("min_score_threshold", kept, limit)

    def _new_scores(self) -> Measured:
        if self.represents:
            return self._score_check("min_score_diversification", self.new, self.limits.min_score_diversification)
        return self._score_check("min_score_new_position", self.new, self.limits.min_score_new_position)

    def _score_check(self, name: str, where: Mask, limit: float) -> Measured:
        unscored = np.isnan(self.score)
        row, _ = self.worst(where & ~unscored, -self.score)
        value = np.where(row >= 0, self.score[row] if len(self.score) else 0.0, 1.0)
        status = np.where(value >= limit, MET, BROKEN).astype(np.int8)
        status[self.per_account(where & unscored) > 0] = BROKEN
        return Measured(name, "", value, self._constant(limit), status, is_minimum=True)

    def _node_checks(self, at: int, concerns: Mask | None) -> Iterable[Measured]:
        node = self.nodes[at]
        if node.closed and node.parent == 0:
            yield from self._unclassified(at, concerns)
        if node.max_positions < math.inf:
            yield self._node_positions(at, concerns)
        if node.max_allocation < math.inf:
            yield self._node_allocation(at, concerns)
        if node.min_allocation > 0:
            yield self._node_minimum(at, concerns)

    def _unclassified(self, at: int, concerns: Mask | None) -> Iterable[Measured]:
        """The verdict of the general limits on holdings without a bucket, which `unknown_bucket = "hold"` leaves alone."""
        limits = self.limits
        found = (
            ("max_positions", limits.enforce_position_limits, self.count, limits.max_positions_per_bucket),
            ("max_allocation", limits.enforce_allocation_limits, self.weight, limits.max_allocation_per_bucket),
        )

        def excuses(account: int) -> tuple[Excuse, ...]:
            return (self.excuse(Cause.UNCLASSIFIED, account, self.position & self.under(at)),)

        for name, enforced, values, most in found:
            if enforced:
                status = np.where(values[:, at] <= most + EPSILON, MET, WAIVED).astype(np.int8)
                path, limit = self.nodes[at].path, self._constant(most)
                yield Measured(name, path, values[:, at], limit, status, excuses, concerns=concerns)

    def _node_positions(self, at: int, concerns: Mask | None) -> Measured:
        node, count = self.nodes[at], self.count[:, at]
        over = count > node.max_positions
        protected = count <= self.fixed_count[:, at]
        if self.limits.allow_bucket_overflow:
            protected |= self.new_count[:, at] == 0
        status = np.where(over, np.where(protected, WAIVED, BROKEN), MET).astype(np.int8)

        def excuses(account: int) -> tuple[Excuse, ...]:
            kept = self.position & ~self.fixed & self.under(at)
            if not kept[self.account == account].any():
                return self._fixed_under(account, at)
            return (self.excuse(Cause.OVERFLOW, account, kept),)

        limit = self._constant(node.max_positions)
        return Measured("max_positions", node.path, count, limit, status, excuses, concerns=concerns)

    def _node_allocation(self, at: int, concerns: Mask | None) -> Measured:
        node, weight = self.nodes[at], self.weight[:, at]
        status = np.full(self.accounts, BROKEN, np.int8)
        status[weight <= node.max_allocation * (1 + self.limits.drift_tolerance) + EPSILON] = DRIFTED
        status[(status == BROKEN) & (weight <= self.fixed_weight[:, at] + EPSILON)] = WAIVED
        status[weight <= node.max_allocation + EPSILON] = MET

        def excuses(account: int) -> tuple[Excuse, ...]:
            if status[account] == DRIFTED:
                return (Excuse(Cause.DRIFT_TOLERANCE, limit=float(self.limits.drift_tolerance)),)
            return self._fixed_under(account, at)

        limit = self._constant(node.max_allocation)
        return Measured("max_allocation", node.path, weight, limit, status, excuses, concerns=concerns)

    def _node_minimum(self, at: int, concerns: Mask | None) -> Measured:
        node, weight = self.nodes[at], self.weight[:, at]
        status = np.where(weight >= node.min_allocation - EPSILON, MET, UNMET).astype(np.int8)
        few = np.zeros(self.accounts, np.bool_)
        if (status == UNMET).any():
            _, short, most = self.tightness
            few = most[:, at] < node.min_allocation
            excused, above = few.copy(), node.parent
            while above >= 0:
                excused |= short[:, above]
                above = self.nodes[above].parent
            status[(status == UNMET) & ~excused] = BROKEN

        def excuses(account: int) -> tuple[Excuse, ...]:
            if not few[account]:
                return (Excuse(Cause.NO_ROOM),)
            full = self.excuse(Cause.POSITIONS_FULL, account, self.selected & self.under(at))
            return (full if full.assets else Excuse(Cause.NOTHING_SELECTED),)

        limit = self._constant(node.min_allocation)
        return Measured("min_allocation", node.path, weight, limit, status, excuses, is_minimum=True, concerns=concerns)

    def _representation(self) -> Measured:
        level = np.array([node.counts for node in self.nodes], np.bool_)
        count = (self.count[:, level] > 0).sum(axis=1).astype(np.float64)
        limit = self.limits.min_buckets_represented
        status = np.where(count >= limit, MET, UNMET).astype(np.int8)
        missing = np.zeros(len(self.target), np.bool_)
        if (status == UNMET).any():
            missing, blocked = self._missing_candidates(level)
            could = self.per_account(missing & ~blocked) > 0
            status[(status == UNMET) & could] = BROKEN

        def excuses(account: int) -> tuple[Excuse, ...]:
            return tuple(self._why_unrepresented(account, missing))

        return Measured("min_buckets_represented", "", count, self._constant(limit), status, excuses, is_minimum=True)

    def _correlation(self, limit: float) -> Measured:
        """The largest correlation of a new position with another asset of its bucket that has weight; -1 without such a pair."""
        value, status = self._constant(-1.0), np.full(self.accounts, MET, np.int8)
        weighed = self.selected & (self.target > 0)
        mates: dict[tuple[int, int], list[int]] = {}
        for row in np.flatnonzero(weighed).tolist():
            mates.setdefault((int(self.account[row]), int(self.level_of[row])), []).append(row)
        for row in np.flatnonzero(weighed & self.new).tolist():
            account = int(self.account[row])
            for other in mates[account, int(self.level_of[row])]:
                known = None if other == row else self._known_correlation(row, other)
                value[account] = max(value[account], -1.0 if known is None else known)
                if other != row and (known is None or known > limit):
                    status[account] = BROKEN
        remark = (Excuse(Cause.GREEDY),)
        return Measured("max_correlation", "", value, self._constant(limit), status, remark=remark)

    def _known_correlation(self, row: int, other: int) -> float | None:
        known = self.candidates.correlations
        asset, order = self.candidates.asset, self.candidates.order
        return known.of(asset.at(int(order[row])) or "", asset.at(int(order[other])) or "") if known else None

    @cached_property
    def level_of(self) -> NDArray[np.int64]:
        """For each row the node at `bucket_level`, or `Unknown`, that it lies in; 0 where buckets are off."""
        top = np.zeros(len(self.nodes), np.int64)
        for at in range(1, len(self.nodes)):  # a parent comes before its children
            top[at] = at if self.nodes[at].parent == 0 else top[self.nodes[at].parent]
        return np.asarray(top[self.leaf], np.int64)

    def _too_correlated(self, rows: Mask) -> Mask:
        """Which of these new rows are too correlated, as far as is known, with something selected of their bucket."""
        found, limit = np.zeros(len(rows), np.bool_), self.limits.max_correlation
        if limit is None:
            return found
        for row in np.flatnonzero(rows).tolist():
            here = self.selected & (self.account == self.account[row]) & (self.level_of == self.level_of[row])
            known = [self._known_correlation(row, int(other)) for other in np.flatnonzero(here)]
            found[row] = any(one is None or one > limit for one in known)
        return found

    def _missing_candidates(self, level: Mask) -> tuple[Mask, Mask]:
        """The eligible rows of buckets that are not represented; and of these, those that a limit keeps out."""
        top = np.where(level, np.arange(len(self.nodes)), -1)
        for at in range(1, len(self.nodes)):  # a parent comes before its children
            top[at] = max(top[at], top[self.nodes[at].parent])
        level_of = top[self.leaf]
        slots, room = self.per_node(self.slot), self.room()
        represented = slots[self.account, np.maximum(level_of, 0)] > 0  # be it by a position that got no weight
        missing = self.eligible & (level_of >= 0) & ~represented & ~self.selected
        full = self._below(slots >= room)
        if self.limits.allow_bucket_overflow:  # there, holdings need places only in all, and weight in their buckets
            used_up = np.array([node.max_allocation for node in self.nodes]) - self.fixed_weight <= EPSILON
            used_up[:, 0] = slots[:, 0] >= room[:, 0]
            full = np.where(self.holding, self._below(used_up), full)
        is_new = (self.current <= 0) | self.dust
        no_new = self.per_account(self.slot & is_new & ~self.fixed)[self.account] >= self.limits.max_new_positions
        return missing, full | (is_new & no_new) | self._too_correlated(missing & is_new & ~full)

    def _below(self, marked: Mask) -> Mask:
        """The rows at or under a marked node, of shape (accounts, nodes), of their account."""
        found = np.zeros(len(self.leaf), np.bool_)
        found[self.row_of[marked.ravel()[self.place_of]]] = True
        return found

    def room(self) -> Matrix:
        """How many positions each node may have, by number and by weight."""
        limits = np.array([node.max_allocation for node in self.nodes])
        limits[0] = self.limits.target_invested
        most = np.array([node.max_positions for node in self.nodes])
        most[0] = self.limits.max_total_positions
        left = limits - self.fixed_weight
        least = self.limits.min_position_weight
        fits = np.floor(left / least + 1e-9) if least > 0 else np.full(left.shape, math.inf)
        fits = np.where(np.isinf(left), math.inf, np.where(left <= EPSILON, 0.0, fits))
        room: Matrix = np.minimum(most, self.fixed_count + fits)
        return room

    def _why_unrepresented(self, account: int, missing: Mask) -> Iterable[Excuse]:
        mine, limits = self.account == account, self.limits
        squeezed = self.selected & ~self.position & ~self.fixed
        if (squeezed & mine).any():
            yield self.excuse(Cause.NO_WEIGHT_LEFT, account, squeezed)
            return
        if not (missing & mine).any():
            yield Excuse(Cause.NO_CANDIDATE)
            return
        reached = {
            Cause.TOTAL_POSITION_LIMIT: (
                self.count[account, 0] >= limits.max_total_positions,
                limits.max_total_positions,
            ),
            Cause.NEW_POSITION_LIMIT: (self.new[mine].sum() >= limits.max_new_positions, limits.max_new_positions),
            Cause.TOO_CORRELATED: (self._too_correlated(missing & mine).any(), limits.max_correlation),
        }
        limited = [Excuse(cause, limit=limit) for cause, (is_reached, limit) in reached.items() if is_reached]
        yield from limited or [Excuse(Cause.NO_FREE_POSITION)]
        if (self.fixed & mine).any():
            yield from self._fixed_under(account, 0)
        yield self.excuse(Cause.OTHER_CANDIDATES, account, missing)


def certify(
    candidates: Candidates,
    limits: RebalancingLimits,
    *,
    target: Vector,
    proposed: Vector,
    selected: Mask,
    braked: Mask,
) -> tuple[list[Measured], dict[int, BrokenLimitError]]:
    """Measure every limit in the targets, and in the would-be targets of braked accounts.

    `target`, `proposed` and `selected` have shape (rows,), `braked` (accounts,). Returns the limits, and by account what
    is broken although no rule excuses it: a bug.
    """
    checks = Checker(candidates, limits, proposed, selected).measure()
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
    kept = Checker(candidates, limits, target, target > 0, as_held=True).measure()
    return [_with_braked(check, as_held, braked) for check, as_held in zip(checks, kept, strict=True)], errors


def _broken_brakes(
    candidates: Candidates, limits: RebalancingLimits, target: Vector, proposed: Vector, braked: Mask
) -> Iterable[tuple[int, str]]:
    """Accounts, with what is broken, whose brake is not as section 7 of the rules wants it, or does not keep the weights."""
    order = candidates.order
    account, current, desired = candidates.account_of[order], candidates.current_weight[order], proposed[order]
    sales = np.maximum(current - desired, 0.0)
    closed = (desired <= 0) & (current > 0) & (current >= limits.dust_weight)
    sold, count = (np.bincount(account, values, minlength=len(braked)) for values in (sales, closed))
    most = math.inf if limits.brake_sold_weight is None else limits.brake_sold_weight
    most_closed = math.inf if limits.brake_closed_positions is None else limits.brake_closed_positions
    missed = ~braked & ((sold > most + 2 * EPSILON) | (count > most_closed))
    needless = braked & (sold <= most) & (count <= most_closed)
    for at in np.flatnonzero(missed | needless).tolist():
        done = "keeps its weights" if braked[at] else "trades"
        yield at, f"the account {done} where {float(sold[at])!r} would be sold and {int(count[at])} closed"
    kept = np.where(braked[account], current, desired)
    for row in np.flatnonzero(target[order] != kept).tolist():
        asset = candidates.asset.at(int(order[row]))
        yield (
            int(account[row]),
            f"the target of {asset!r} is {float(target[order[row]])!r} against {float(kept[row])!r}",
        )


def _with_braked(check: Measured, as_held: Measured, braked: Mask) -> Measured:
    """For a braked account, its limits measured in the weights it keeps; unmet ones are waived."""
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

"""Solver oracles for the rules: independent of the kernel, used only in tests.

Selection (section 4): `milp_selection` solves the lexicographic objective as a sequence of mixed-integer programs (HiGHS);
`objective_of` and `selection_violations` judge any given selection.
Sizing (section 5): `conic_sizes` solves the projection in relative entropy (Clarabel); `kkt_residual` proves or
refutes given weights without a solver.

All objectives are whole numbers (scores in units of 1/1000), so that comparisons are equal, not close.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import cvxpy as cp
import highspy
import numpy as np
from numpy.typing import ArrayLike, NDArray

from trimtab.limits import UNKNOWN, BucketLimit, RebalancingLimits, split_path

SCORE_UNITS = 1000
_ORDER_CHUNK = 10
_USED_UP = 1e-12
_SCALE = 1000.0
_NO_PLAY = 1e-9
_INPUT_OF_MODE = {"inverse_volatility": "volatility", "desired": "desired_weight"}

Row = Mapping[str, Any]
Path = tuple[str, ...]
Floats = NDArray[np.float64]
Group = tuple[Sequence[int], float, float]


# ---------------------------------------------------------------------------------------------- selection: the problem


@dataclass(frozen=True)
class SelectionObjective:
    """What a selection achieves, in the terms of section 4. `rank` gives the tuple to compare."""

    represented_good: int
    holdings_kept: int
    holdings_score: int
    holdings_order: tuple[int, ...]
    represented: int
    weak_used: int
    new_score: int

    def rank(self, overflow: bool = False) -> tuple[Any, ...]:
        """A tuple that is larger where the selection is better; with overflow (b) comes before (a)."""
        kept = (self.holdings_kept, self.holdings_score, self.holdings_order)
        good = self.represented_good
        return (*((kept, good) if overflow else (good, kept)), self.represented, -self.weak_used, self.new_score)


class Kind(Enum):
    """What a row is to the selection. Dust that competes is STRONG or WEAK."""

    FIXED = auto()
    HOLDING = auto()
    STRONG = auto()
    WEAK = auto()
    OUT = auto()


_NEW = (Kind.STRONG, Kind.WEAK)


@dataclass(frozen=True)
class Candidate:
    """One row as the selection sees it; `score` in units, `path` the effective nodes from level node to leaf."""

    asset: str
    kind: Kind
    score: int
    current: float
    uses_slot: bool
    path: tuple[Path, ...]

    @property
    def level_node(self) -> Path | None:
        """The node it represents when selected; None where it represents nothing."""
        represents = self.uses_slot and self.path and self.path[0] != (UNKNOWN,)
        return self.path[0] if represents else None

    @property
    def is_free(self) -> bool:
        """Whether the selection decides on it."""
        return self.kind in (Kind.HOLDING, *_NEW)


@dataclass(frozen=True)
class Place:
    """A node that limits: `room` for positions beyond the fixed; `closed` where no allocation is left at all."""

    room: float
    closed: bool


@dataclass(frozen=True)
class Problem:
    """One account's selection problem."""

    candidates: list[Candidate]
    places: dict[Path, Place]
    total_room: float
    new_room: int
    wanted: int
    overflow: bool

    @property
    def holdings(self) -> list[Candidate]:
        """The free holdings in the walking order."""
        held = [one for one in self.candidates if one.kind is Kind.HOLDING]
        return sorted(held, key=lambda one: (-one.score, -one.current, one.asset))

    @property
    def fixed_nodes(self) -> set[Path]:
        """The level nodes that fixed positions represent."""
        return _level_nodes(one for one in self.candidates if one.kind is Kind.FIXED)

    def under(self, node: Path) -> list[Candidate]:
        """The candidates at or below a node."""
        return [one for one in self.candidates if node in one.path]


def _level_nodes(candidates: Iterable[Candidate]) -> set[Path]:
    return {one.level_node for one in candidates if one.level_node is not None}


def _number(row: Row, name: str) -> float | None:
    value = row.get(name)
    return None if value is None or math.isnan(value) else float(value)


def effective_path(bucket: Any, limits: RebalancingLimits) -> tuple[Path, ...]:
    """The nodes that count for a bucket, from level node to leaf; empty without diversification."""
    if not limits.enable_bucket_diversification:
        return ()
    parts = split_path(bucket, limits.bucket_separator) if isinstance(bucket, str) and bucket else (UNKNOWN,)
    if parts[0] == UNKNOWN:
        first = 1
    elif len(parts) < limits.bucket_level:
        return ((UNKNOWN,),)
    else:
        first = limits.bucket_level
    return tuple(parts[:depth] for depth in range(first, len(parts) + 1))


def _holds_unknown(path: tuple[Path, ...], limits: RebalancingLimits) -> bool:
    return bool(path) and path[0] == (UNKNOWN,) and limits.unknown_bucket == "hold"


def _kind(row: Row, path: tuple[Path, ...], limits: RebalancingLimits) -> Kind:
    """Section 3 for one row."""
    score, current = _number(row, "score"), _number(row, "current_weight") or 0.0
    restriction = row.get("restriction") or ""
    mode_input = _INPUT_OF_MODE.get(limits.sizing_mode)
    sizable = mode_input is None or _number(row, mode_input) is not None
    held, dust = current > 0, 0 < current < limits.dust_weight
    closed_to_buying = _holds_unknown(path, limits)
    if held and restriction in ("no_trade", "no_sell"):
        return Kind.FIXED
    if score is None:
        if held and limits.unscored_positions == "error":
            raise ValueError(f"{row['asset']}: an unscored holding under unscored_positions = 'error'")
        return Kind.FIXED if held and limits.unscored_positions == "hold" else Kind.OUT
    if held and score >= limits.min_score_threshold and (not sizable or (dust and closed_to_buying)):
        return Kind.FIXED
    if held and not dust:
        qualifies = score >= limits.min_score_threshold and _can_be_held(row, limits)
        return Kind.HOLDING if qualifies else Kind.OUT
    barred = ("no_buy",) if held else ("no_buy", "no_trade")
    if restriction in barred or closed_to_buying or not sizable or not _can_be_held(row, limits):
        return Kind.OUT
    if score >= limits.min_score_new_position:
        return Kind.STRONG
    return Kind.WEAK if score >= limits.min_score_diversification else Kind.OUT


def _can_be_held(row: Row, limits: RebalancingLimits) -> bool:
    own = _number(row, "max_weight")
    cap = limits.max_position_weight if own is None else min(limits.max_position_weight, own)
    return cap >= limits.min_position_weight and cap > 0


def _candidate(row: Row, limits: RebalancingLimits) -> Candidate:
    path = effective_path(row.get("bucket"), limits)
    kind = _kind(row, path, limits)
    score, current = _number(row, "score"), _number(row, "current_weight") or 0.0
    units = round((score or 0.0) * SCORE_UNITS)
    if abs((score or 0.0) * SCORE_UNITS - units) > 1e-6:
        raise ValueError(f"{row['asset']}: the oracle wants scores in multiples of 1/{SCORE_UNITS}")
    uses_slot = not (kind is Kind.FIXED and current < limits.dust_weight)
    return Candidate(row["asset"], kind, units, current, uses_slot, path)


def _room(limit: float | None, fixed_weight: float, limits: RebalancingLimits) -> float:
    """How many positions beyond the fixed an allocation leaves room for."""
    if limit is None:
        return math.inf
    remaining = limit - fixed_weight
    if remaining <= _USED_UP:
        return 0
    least = limits.min_position_weight
    return math.floor(remaining / least + 1e-9) if least > 0 else math.inf


def _place(node: Path, fixed: list[Candidate], limits: RebalancingLimits) -> Place:
    """The limits of a node, given the fixed assets under it."""
    own = limits.buckets.get(limits.bucket_separator.join(node), BucketLimit())
    positions, allocation = own.max_positions, own.max_allocation
    if node == (UNKNOWN,) or (node[0] != UNKNOWN and len(node) == limits.bucket_level):
        positions = limits.max_positions_per_bucket if positions is None else positions
        allocation = limits.max_allocation_per_bucket if allocation is None else allocation
    if node[0] == UNKNOWN and limits.unknown_bucket == "hold":
        positions, allocation = None, None
    positions = positions if limits.enforce_position_limits else None
    allocation = allocation if limits.enforce_allocation_limits else None
    weight = math.fsum(one.current for one in fixed)
    slots = sum(one.uses_slot for one in fixed)
    free = math.inf if positions is None else max(positions - slots, 0)
    closed = allocation is not None and allocation - weight <= _USED_UP
    return Place(min(free, _room(allocation, weight, limits)), closed)


def selection_problem(rows: Iterable[Row], limits: RebalancingLimits) -> Problem:
    """Sections 2 to 4 of the rules as one laminar selection problem."""
    candidates = [_candidate(row, limits) for row in rows]
    fixed = [one for one in candidates if one.kind is Kind.FIXED]
    nodes = {node for one in candidates for node in one.path}
    places = {node: _place(node, [one for one in fixed if node in one.path], limits) for node in nodes}
    slots = sum(one.uses_slot for one in fixed)
    total = min(
        max(limits.max_total_positions - slots, 0),
        _room(limits.target_invested, math.fsum(one.current for one in fixed), limits),
    )
    bucketed = limits.enable_bucket_diversification
    wanted = limits.min_buckets_represented if bucketed and limits.enforce_min_buckets else 0
    overflow = bucketed and limits.allow_bucket_overflow
    return Problem(candidates, places, total, limits.max_new_positions, wanted, overflow)


def objective_of(rows: Iterable[Row], limits: RebalancingLimits, selected: set[str]) -> SelectionObjective:
    """The objective of a given selection (fixed assets in it included), feasible or not."""
    return _objective(selection_problem(rows, limits), selected)


def _objective(problem: Problem, selected: set[str]) -> SelectionObjective:
    chosen = [one for one in problem.candidates if one.asset in selected]
    kept = [one for one in chosen if one.kind is Kind.HOLDING]
    new = [one for one in chosen if one.kind in _NEW]
    good = [one for one in chosen if one.kind is not Kind.WEAK]
    return SelectionObjective(
        represented_good=min(len(_level_nodes(good)), problem.wanted),
        holdings_kept=len(kept),
        holdings_score=sum(one.score for one in kept),
        holdings_order=tuple(int(one.asset in selected) for one in problem.holdings),
        represented=min(len(_level_nodes(chosen)), problem.wanted),
        weak_used=sum(one.kind is Kind.WEAK for one in new),
        new_score=sum(one.score for one in new),
    )


def selection_violations(rows: Iterable[Row], limits: RebalancingLimits, selected: set[str]) -> list[str]:
    """The rules on membership and capacity that a selection breaks; empty where it is feasible."""
    return _violations(selection_problem(rows, limits), selected)


def _violations(problem: Problem, selected: set[str]) -> list[str]:
    kinds = {one.asset: one.kind for one in problem.candidates}
    found = [f"{name}: is no candidate" for name in sorted(selected - kinds.keys())]
    for name, kind in kinds.items():
        if kind is Kind.FIXED and name not in selected:
            found.append(f"{name}: is fixed but not selected")
        if kind is Kind.OUT and name in selected:
            found.append(f"{name}: is not eligible")
    free = [one for one in problem.candidates if one.is_free and one.asset in selected]
    new = sum(one.kind in _NEW for one in free)
    if len(free) > problem.total_room:
        found.append(f"total: {len(free)} positions beyond the fixed, room for {problem.total_room:g}")
    if new > problem.new_room:
        found.append(f"new: {new} new positions, room for {problem.new_room}")
    for node, place in sorted(problem.places.items()):
        here = [one for one in free if node in one.path]
        if problem.overflow and not any(one.kind in _NEW for one in here):
            too_many = place.closed and bool(here)
        else:
            too_many = len(here) > place.room
        if too_many:
            found.append(f"{'/'.join(node)}: {len(here)} positions beyond the fixed, room for {place.room:g}")
    return found


# ------------------------------------------------------------------------------------------------- selection: the MILP


def _quiet_highs(**options: float) -> highspy.Highs:
    highs = highspy.Highs()
    for option, value in {"output_flag": False, "threads": 1, **options}.items():
        highs.setOptionValue(option, value)
    return highs


class _Program:
    """A 0/1 program in HiGHS that grows by one row and changes its objective stage by stage."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.highs = _quiet_highs(mip_rel_gap=0.0, mip_abs_gap=0.5, mip_feasibility_tolerance=1e-9)
        self.highs.addVars(size, np.zeros(size), np.ones(size))
        kind = np.full(size, highspy.HighsVarType.kInteger)
        self.highs.changeColsIntegrality(size, np.arange(size, dtype=np.int32), kind)
        self.highs.changeObjectiveSense(highspy.ObjSense.kMaximize)

    def add_row(self, lower: float, coefficients: Mapping[int, float], upper: float) -> None:
        """lower <= sum of coefficients * variables <= upper"""
        if coefficients:
            columns = np.fromiter(coefficients, np.int32)
            values = np.fromiter(coefficients.values(), np.float64)
            self.highs.addRow(lower, upper, len(columns), columns, values)

    def fix(self, column: int, value: int) -> None:
        """Fix a variable."""
        self.highs.changeColBounds(column, value, value)

    def maximise(self, coefficients: Mapping[int, float]) -> list[int]:
        """The variables at the optimum of whole-number coefficients, verified to be whole."""
        costs = np.zeros(self.size)
        for column, value in coefficients.items():
            costs[column] = value
        self.highs.changeColsCost(self.size, np.arange(self.size, dtype=np.int32), costs)
        self.highs.run()
        if self.highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            # HiGHS 1.15 calls one program in some 10000 infeasible in presolve, although the stage before solves it.
            self.highs.setOptionValue("presolve", "off")
            self.highs.run()
        status = self.highs.getModelStatus()
        if status != highspy.HighsModelStatus.kOptimal:
            raise RuntimeError(f"HiGHS: {self.highs.modelStatusToString(status)}")
        values = np.asarray(self.highs.getSolution().col_value)
        whole = np.rint(values)
        if np.abs(values - whole).max(initial=0.0) > 1e-6:
            raise RuntimeError(f"HiGHS: not whole numbers: {values}")
        return [int(value) for value in whole]


def milp_selection(rows: Iterable[Row], limits: RebalancingLimits) -> SelectionObjective:
    """The lexicographic optimum of section 4, by one mixed-integer program for each part of the objective."""
    return milp_choice(rows, limits)[0]


def milp_choice(rows: Iterable[Row], limits: RebalancingLimits) -> tuple[SelectionObjective, set[str]]:
    """The lexicographic optimum and one selection that has it (ties in the score of new assets may have others)."""
    problem = selection_problem(rows, limits)
    free = [one for one in problem.candidates if one.is_free]
    selected = {one.asset for one in problem.candidates if one.kind is Kind.FIXED}
    reached: dict[str, int] = {}
    if free:
        values, reached = _solve(problem, free)
        selected |= {one.asset for one, value in zip(free, values, strict=False) if value}
    objective, broken = _objective(problem, selected), _violations(problem, selected)
    differ = [name for name, value in reached.items() if getattr(objective, name) != value]
    if broken or differ:
        raise RuntimeError(f"the program and the rules disagree: {broken} {differ} {objective} {reached}")
    return objective, selected


def _solve(problem: Problem, free: list[Candidate]) -> tuple[list[int], dict[str, int]]:
    """The variables at the lexicographic optimum, and the parts of the objective as the programs reached them."""
    program, terms = _build(problem, free)
    column_of = {one.asset: column for column, one in enumerate(free)}
    kept = ["holdings_kept", "holdings_score", "holdings_order"]
    first = [*kept, "represented_good"] if problem.overflow else ["represented_good", *kept]
    values: list[int] = []
    reached: dict[str, int] = {}
    for name in [*first, "represented", "weak_used", "new_score"]:
        if name == "holdings_order":
            values = _settle_order(program, [column_of[one.asset] for one in problem.holdings], values)
        elif terms[name] or not values:
            values = program.maximise(terms[name])
            best = sum(value * values[column] for column, value in terms[name].items())
            program.add_row(best - 0.5, terms[name], math.inf)
            known = min(len(problem.fixed_nodes), problem.wanted) if name.startswith("represented") else 0
            reached[name] = abs(best) + known
    return values, reached


def _settle_order(program: _Program, columns: list[int], values: list[int]) -> list[int]:
    """Fix the holdings to the set that is first in the walking order, some at a time by powers of two."""
    for start in range(0, len(columns), _ORDER_CHUNK):
        chunk = columns[start : start + _ORDER_CHUNK]
        values = program.maximise({column: 2 ** (len(chunk) - rank) for rank, column in enumerate(chunk)})
        for column in chunk:
            program.fix(column, values[column])
    return values


def _build(problem: Problem, free: list[Candidate]) -> tuple[_Program, dict[str, dict[int, int]]]:
    """The program with all capacities, and the terms of each part of the objective (to be maximised).

    Columns: the free candidates; then for each node that fixed positions do not represent, one that is 1 only if a
    holding or strong asset represents it and one that is 1 only if anything does; then, with overflow, one for each
    limited node that is 1 if a new asset is taken there (then, and only then, the node's room binds holdings too).
    """
    columns = range(len(free))
    missing = sorted(_level_nodes(free) - problem.fixed_nodes)
    limited = sorted(node for node, place in problem.places.items() if place.room < math.inf)
    good = {node: len(free) + rank for rank, node in enumerate(missing)}
    anyone = {node: len(free) + len(missing) + rank for rank, node in enumerate(missing)}
    opened = {node: len(free) + 2 * len(missing) + rank for rank, node in enumerate(limited)} if problem.overflow else {}
    program = _Program(len(free) + 2 * len(missing) + len(opened))
    new = [column for column in columns if free[column].kind in _NEW]
    program.add_row(-math.inf, dict.fromkeys(columns, 1), problem.total_room)
    program.add_row(-math.inf, dict.fromkeys(new, 1), problem.new_room)
    for node in limited:
        here = [column for column in columns if node in free[column].path]
        _limit_node(program, problem.places[node], here, [column for column in here if column in new], opened.get(node))
    for node in missing:
        here = [column for column in columns if free[column].level_node == node]
        strong = [column for column in here if free[column].kind is not Kind.WEAK]
        program.add_row(-math.inf, {good[node]: 1, **dict.fromkeys(strong, -1)}, 0)
        program.add_row(-math.inf, {anyone[node]: 1, **dict.fromkeys(here, -1)}, 0)
    open_wish = max(problem.wanted - len(problem.fixed_nodes), 0)
    program.add_row(-math.inf, dict.fromkeys(good.values(), 1), open_wish)
    program.add_row(-math.inf, dict.fromkeys(anyone.values(), 1), open_wish)
    held = [column for column in columns if free[column].kind is Kind.HOLDING]
    return program, {
        "represented_good": dict.fromkeys(good.values(), 1),
        "holdings_kept": dict.fromkeys(held, 1),
        "holdings_score": {column: free[column].score for column in held},
        "represented": dict.fromkeys(anyone.values(), 1),
        "weak_used": {column: -1 for column in columns if free[column].kind is Kind.WEAK},
        "new_score": {column: free[column].score for column in new},
    }


def _limit_node(program: _Program, place: Place, here: list[int], new: list[int], opened: int | None) -> None:
    """The capacity of one node; with overflow (`opened` given) it binds only if a new asset is taken there."""
    if opened is None:
        program.add_row(-math.inf, dict.fromkeys(here, 1), place.room)
        return
    if place.closed:
        for column in here:
            program.fix(column, 0)
        return
    for column in new:
        program.add_row(-math.inf, {column: 1, opened: -1}, 0)
    program.add_row(-math.inf, {**dict.fromkeys(here, 1), opened: len(here) - place.room}, len(here))


# ------------------------------------------------------------------------------------------------------------- sizing


class _Linear:
    """The limits as a linear program: how small and how large a sum of weights can be."""

    def __init__(self, lower: Floats, upper: Floats, groups: Sequence[Group]) -> None:
        self.size = len(lower)
        self.highs = _quiet_highs(primal_feasibility_tolerance=1e-10)
        self.highs.addVars(self.size, lower, upper)
        for members, least, most in groups:
            self.highs.addRow(least, most, len(members), np.asarray(members, np.int32), np.ones(len(members)))

    def extreme(self, members: Sequence[int], sense: highspy.ObjSense) -> float:
        """The least or most weight that the members can have together."""
        goal = np.zeros(self.size)
        goal[list(members)] = 1.0
        self.highs.changeColsCost(self.size, np.arange(self.size, dtype=np.int32), goal)
        self.highs.changeObjectiveSense(sense)
        self.highs.run()
        status = self.highs.getModelStatus()
        if status != highspy.HighsModelStatus.kOptimal:
            raise RuntimeError(f"no weights within the limits: {self.highs.modelStatusToString(status)}")
        return float(goal @ np.asarray(self.highs.getSolution().col_value))

    def least(self, members: Sequence[int]) -> float:
        """The least weight of the members."""
        return self.extreme(members, highspy.ObjSense.kMinimize)

    def most(self, members: Sequence[int]) -> float:
        """The most weight of the members."""
        return self.extreme(members, highspy.ObjSense.kMaximize)


def reachable(lower: ArrayLike, upper: ArrayLike, groups: Sequence[Group], total: float) -> tuple[list[Group], float]:
    """Groups and total with what cannot be reached replaced by what can, by linear programs.

    A minimum of a group that its members and the maxima cannot fill becomes the most that they can; then the total
    becomes the nearest that all limits allow.
    """
    low, high = np.asarray(lower, float), np.asarray(upper, float)
    caps = _Linear(low, high, [(members, -math.inf, most) for members, _, most in groups])
    met = [(members, min(least, caps.most(members)), most) for members, least, most in groups]
    limits = _Linear(low, high, met)
    everything = range(low.size)
    return met, min(max(total, limits.least(everything)), limits.most(everything))


def conic_sizes(
    wish: ArrayLike,
    lower: ArrayLike,
    upper: ArrayLike,
    groups: Sequence[Group],
    total: float,
    *,
    at_most: bool = False,
) -> Floats:
    """The projection of the wish in relative entropy on the limits, at the largest reachable total up to `total`.

    Minimises sum(w log(w/d) - w + d). With the total fixed, scaling d only adds a constant, so d is scaled to the
    total; the minimiser is w = clip(level * d, lower, upper) with one level inside every group that is slack.
    With `at_most` the total is only a ceiling and the level of the wish matters (no level above 1): `desired` sizes,
    and `residual_strategy = cash` with d scaled to the total. Minima that cannot be reached: see `reachable`.
    Weights and groups that the limits leave no play are found first by linear programs and taken as equalities: an
    interior point method needs an interior.
    """
    d, low, high = (np.asarray(values, float) for values in (wish, lower, upper))
    met, aim = reachable(low, high, groups, total)
    everything = range(d.size)
    limited = [*met, (everything, -math.inf if at_most else aim, aim)]
    linear = _Linear(low, high, limited)
    low, high = (np.array([end([asset]) for asset in everything]) for end in (linear.least, linear.most))
    weights = (low + high) / 2
    free = np.flatnonzero(high - low > _NO_PLAY)
    if free.size == 0:
        return weights
    scaled = d[free] if at_most else d[free] * (aim / d[free].sum())
    w = cp.Variable(free.size)
    constraints = [w >= low[free], w <= high[free]]
    for members, least, most in limited:
        inside = np.isin(free, members)
        if inside.any():
            settled = weights[list(members)].sum() - weights[free[inside]].sum()
            narrow = linear.most(members) - linear.least(members) <= _NO_PLAY
            weight = cp.sum(w[np.flatnonzero(inside)]) + settled
            constraints += [weight == linear.most(members)] if narrow else [weight <= most, weight >= max(least, 0.0)]
    problem = cp.Problem(cp.Minimize(cp.sum(cp.kl_div(_SCALE * w, _SCALE * scaled))), constraints)
    for tolerance in (1e-12, 1e-11, 1e-10, 1e-9):
        options = {f"tol_{name}": tolerance for name in ("gap_abs", "gap_rel", "feas", "ktratio")}
        problem.solve(solver=cp.CLARABEL, **options)
        if problem.status == cp.OPTIMAL:
            weights[free] = w.value
            return weights
    raise RuntimeError(f"Clarabel: {problem.status}")


Ends = list[tuple[float, float]]


def kkt_residual(
    weights: ArrayLike,
    wish: ArrayLike,
    lower: ArrayLike,
    upper: ArrayLike,
    groups: Sequence[Group],
    total: float,
    *,
    at_most: bool = False,
    active: float = 1e-10,
) -> float:
    """How far weights are from satisfying the KKT conditions of `conic_sizes`, in units of weight; no solver.

    The conditions: limits and total hold, and each asset has a level with w = clip(level * d, lower, upper), where the
    level of the assets and groups in a slack group is the group's own; where a group is at its maximum (its
    multiplier is >= 0) its own level is at most the one above it, at its minimum at least that one. Groups must be
    laminar (nested or disjoint), then multipliers are found bottom-up as intervals of levels. An asset with r = w/d
    admits [r, r], at its lower bound (0, r], at its upper [r, inf), at both every level. A group's own level must lie
    in the intersection of what is directly under it; above it, a slack group admits the same, a group at its maximum
    every level from the least of these up, at its minimum every level from the largest down, at both every level.
    The conditions hold if no intersection is empty. If an end a of asset i is above an end b of asset j, the
    violation is (a - b) * min(d_i, d_j): the weight to move so that it vanishes. A bound counts as active within
    `active`. With `at_most` the level at the top is at most 1, and 1 if the total is slack.
    `groups` and `total` must be reachable (see `reachable`).
    """
    w, d, low, high = (np.asarray(values, float) for values in (weights, wish, lower, upper))
    worst = float(max(np.max(low - w), np.max(w - high), 0.0))
    pending: list[tuple[set[int], Ends, Ends]] = []
    for rank, value in enumerate(w):
        level = [(value / d[rank], d[rank])]
        pending.append(({rank}, *_passed_up(level, level, value - low[rank] <= active, high[rank] - value <= active)))
    everything = range(w.size)
    for members, least, most in [*sorted(groups, key=lambda group: len(group[0])), (everything, -math.inf, math.inf)]:
        inside = [part for part in pending if part[0] <= set(members)]
        if set().union(*(part[0] for part in inside)) != set(members):
            raise ValueError("the groups are neither nested nor disjoint")
        floors = [end for part in inside for end in part[1]]
        ceilings = [end for part in inside for end in part[2]]
        weight = math.fsum(w[list(members)])
        worst = max(worst, least - weight, weight - most, _emptiness(floors, ceilings))
        pending = [part for part in pending if part not in inside]
        at_least, at_maximum = weight - least <= active, most - weight <= active
        pending.append((set(members), *_passed_up(floors, ceilings, at_least, at_maximum)))
    _, floors, ceilings = pending[0]
    if not at_most:
        return max(worst, abs(math.fsum(w) - total))
    slack = total - math.fsum(w) > active
    one = [(1.0, math.inf)]
    return max(worst, math.fsum(w) - total, _emptiness(floors + (one if slack else []), ceilings + one))


def _passed_up(floors: Ends, ceilings: Ends, at_minimum: bool, at_maximum: bool) -> tuple[Ends, Ends]:
    """The ends of the levels that are admissible above a part: no floor at its minimum, no ceiling at its maximum."""
    return [] if at_minimum else floors, [] if at_maximum else ceilings


def _emptiness(floors: Ends, ceilings: Ends) -> float:
    """By how much weight floors lie above ceilings; 0 if their intersection is not empty."""
    return max(((a - b) * min(p, q) for a, p in floors for b, q in ceilings), default=0.0)

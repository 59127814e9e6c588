"""Solver oracles for the rules: independent of the kernel, used only in tests.

Selection (section 4): `milp_selection` solves the lexicographic objective as a sequence of integer programs (HiGHS);
`objective_of` and `selection_violations` judge any given selection. Objectives are whole numbers (scores in units of
1/1000), so that comparisons are equal, not close.
Sizing (section 5): `conic_sizes` solves the projection in relative entropy (Clarabel, good to 1e-6); `kkt_residual`
proves or refutes given weights without a solver, to the last digits.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import cvxpy as cp
import highspy
import numpy as np
from numpy.typing import ArrayLike, NDArray

from trimtab.bucket_path import UNKNOWN, split_path
from trimtab.limits.bucket_limit import BucketLimit
from trimtab.limits.rebalancing_limits import RebalancingLimits

SCORE_UNITS = 1000
_USED_UP = 1e-12
_NO_PLAY = 1e-9
_ORDER_CHUNK = 10
_INPUT_OF_MODE = {"inverse_volatility": "volatility", "desired": "desired_weight", "given": "desired_weight"}

Row = Mapping[str, Any]
Path = tuple[str, ...]
Correlations = Mapping[tuple[str, str], float | None]  # both ways round; absent or None: not known
Floats = NDArray[np.float64]
Group = tuple[Sequence[int], float, float]
Ends = list[tuple[float, float]]


@dataclass(frozen=True)
class SelectionObjective:
    """What a selection achieves, in the terms of section 4; `rank` gives the tuple to compare.

    Scores are in units; `holdings_order` has a 1 or 0 for each free holding in walking order.
    """

    represented_good: int
    holdings_kept: int
    holdings_score: int
    holdings_order: tuple[int, ...]
    represented: int
    weak_used: int
    new_score: int

    def rank(self, overflow: bool = False) -> tuple[Any, ...]:
        """A tuple that is larger where the selection is better; with overflow (b) comes before (a)."""
        kept, good = (self.holdings_kept, self.holdings_score, self.holdings_order), self.represented_good
        return (*((kept, good) if overflow else (good, kept)), self.represented, -self.weak_used, self.new_score)


# What a row is to the selection; dust that competes is STRONG or WEAK.
Kind = Enum("Kind", ["FIXED", "HOLDING", "STRONG", "WEAK", "OUT"])


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
    def is_new(self) -> bool:
        """Whether it needs a new-position slot."""
        return self.kind in (Kind.STRONG, Kind.WEAK)


@dataclass(frozen=True)
class Problem:
    """One account's selection problem. `rooms`: positions beyond the fixed; `closed`: no allocation is left there."""

    candidates: list[Candidate]
    rooms: dict[Path, float]
    closed: set[Path]
    total_room: float
    new_room: int
    wanted: int
    overflow: bool
    excluded: frozenset[frozenset[str]] = frozenset()  # pairs of assets that cannot both be selected

    def of_kind(self, *kinds: Kind) -> list[Candidate]:
        """The candidates of these kinds in the walking order."""
        rows = [candidate for candidate in self.candidates if candidate.kind in kinds]
        return sorted(
            rows, key=lambda asset: (asset.kind is not Kind.HOLDING, -asset.score, -asset.current, asset.asset)
        )


def _number(row: Row, name: str) -> float | None:
    value = row.get(name)
    return None if value is None or math.isnan(value) else float(value)


def effective_path(bucket: Any, limits: RebalancingLimits) -> tuple[Path, ...]:
    """The nodes that count for a bucket, from level node to leaf; empty without diversification."""
    if not limits.enable_bucket_diversification:
        return ()
    parts = split_path(bucket, limits.bucket_separator) if isinstance(bucket, str) and bucket else (UNKNOWN,)
    if parts[0] != UNKNOWN and len(parts) < limits.bucket_level:
        return ((UNKNOWN,),)
    first = 1 if parts[0] == UNKNOWN else limits.bucket_level
    return tuple(parts[:depth] for depth in range(first, len(parts) + 1))


def _level_nodes(candidates: Iterable[Candidate]) -> set[Path]:
    """The level nodes that these represent."""
    return {
        candidate.path[0]
        for candidate in candidates
        if candidate.uses_slot and candidate.path and candidate.path[0] != (UNKNOWN,)
    }


def _kind(row: Row, path: tuple[Path, ...], limits: RebalancingLimits) -> Kind:
    """Section 3 for one row."""
    score, current = _number(row, "score"), _number(row, "current_weight") or 0.0
    restriction, own_cap = row.get("restriction") or "", _number(row, "max_weight")
    cap = min(limits.max_position_weight, math.inf if own_cap is None else own_cap)
    if limits.sizing_mode in ("desired", "given") and _number(row, "desired_weight") == 0:
        cap = 0.0
    can_be_held = cap >= limits.min_position_weight and cap > 0
    sizable = limits.sizing_mode not in _INPUT_OF_MODE or _number(row, _INPUT_OF_MODE[limits.sizing_mode]) is not None
    closed_to_buying = limits.unknown_bucket == "hold" and path[:1] == ((UNKNOWN,),)
    held, dust = current > 0, 0 < current < limits.dust_weight
    if held and restriction in ("no_trade", "no_sell"):
        return Kind.FIXED
    if score is None:
        if held and limits.unscored_positions == "error":
            raise ValueError(f"{row['asset']}: an unscored holding under unscored_positions = 'error'")
        return Kind.FIXED if held and limits.unscored_positions == "hold" else Kind.OUT
    if held and score >= limits.min_score_threshold and (not sizable or (dust and closed_to_buying)):
        return Kind.FIXED
    if held and not dust:
        return Kind.HOLDING if score >= limits.min_score_threshold and can_be_held else Kind.OUT
    barred = restriction == "no_buy" or (restriction == "no_trade" and not held)
    if barred or closed_to_buying or not sizable or not can_be_held or score < limits.min_score_diversification:
        return Kind.OUT
    return Kind.STRONG if score >= limits.min_score_new_position else Kind.WEAK


def _candidate(row: Row, limits: RebalancingLimits) -> Candidate:
    path = effective_path(row.get("bucket"), limits)
    kind, current = _kind(row, path, limits), _number(row, "current_weight") or 0.0
    score = (_number(row, "score") or 0.0) * SCORE_UNITS
    if abs(score - round(score)) > 1e-6:
        raise ValueError(f"{row['asset']}: the oracle wants scores in multiples of 1/{SCORE_UNITS}")
    uses_slot = not (kind is Kind.FIXED and current < limits.dust_weight)
    return Candidate(row["asset"], kind, round(score), current, uses_slot, path)


def _room(positions: float, allocation: float, fixed: list[Candidate], min_weight: float) -> tuple[float, bool]:
    """How many positions beyond the fixed two limits leave room for, and whether no allocation is left at all."""
    room = max(positions - sum(entry.uses_slot for entry in fixed), 0)
    remaining = allocation - math.fsum(entry.current for entry in fixed)
    if remaining <= _USED_UP:
        return 0, True
    if remaining < math.inf and min_weight > 0:
        room = min(room, math.floor(remaining / min_weight + 1e-9))
    return room, False


def _node_room(node: Path, fixed: list[Candidate], limits: RebalancingLimits) -> tuple[float, bool]:
    """`_room` of a node of the tree."""
    positions, allocation = math.inf, math.inf
    if node == (UNKNOWN,) or (node[0] != UNKNOWN and len(node) == limits.bucket_level):
        positions, allocation = limits.max_positions_per_bucket, limits.max_allocation_per_bucket
    own = limits.buckets.get(limits.bucket_separator.join(node), BucketLimit())
    positions = positions if own.max_positions is None else own.max_positions
    allocation = allocation if own.max_allocation is None else own.max_allocation
    unlimited = node[0] == UNKNOWN and limits.unknown_bucket == "hold"
    positions = math.inf if unlimited or not limits.enforce_position_limits else positions
    allocation = math.inf if unlimited or not limits.enforce_allocation_limits else allocation
    return _room(positions, allocation, [entry for entry in fixed if node in entry.path], limits.min_position_weight)


def _excluded(
    candidates: list[Candidate], limits: RebalancingLimits, correlations: Correlations | None
) -> frozenset[frozenset[str]]:
    """The pairs that `max_correlation` keeps apart: of one bucket at bucket_level, one of the two new."""
    if limits.max_correlation is None:
        return frozenset()
    eligible = [candidate for candidate in candidates if candidate.kind is not Kind.OUT]
    names = set()
    for entry in eligible:
        for other in eligible:
            if entry.is_new and entry is not other and entry.path[0] == other.path[0]:
                value = (correlations or {}).get((entry.asset, other.asset))
                if value is None or value > limits.max_correlation:
                    names.add(frozenset((entry.asset, other.asset)))
    return frozenset(names)


def selection_problem(
    rows: Iterable[Row], limits: RebalancingLimits, correlations: Correlations | None = None
) -> Problem:
    """Sections 2 to 4 of the rules as one selection problem."""
    candidates = [_candidate(row, limits) for row in rows]
    fixed = [candidate for candidate in candidates if candidate.kind is Kind.FIXED]
    nodes = {node for candidate in candidates for node in candidate.path}
    rooms = {node: _node_room(node, fixed, limits) for node in nodes}
    bucketed = limits.enable_bucket_diversification
    return Problem(
        candidates=candidates,
        rooms={node: room for node, (room, _) in rooms.items()},
        closed={node for node, (_, closed) in rooms.items() if closed},
        total_room=_room(limits.max_total_positions, limits.target_invested, fixed, limits.min_position_weight)[0],
        new_room=limits.max_new_positions,
        wanted=limits.min_buckets_represented if bucketed and limits.enforce_min_buckets else 0,
        overflow=bucketed and limits.allow_bucket_overflow,
        excluded=_excluded(candidates, limits, correlations),
    )


def objective_of(rows: Iterable[Row], limits: RebalancingLimits, selected: set[str]) -> SelectionObjective:
    """The objective of a given selection (fixed assets in it included), feasible or not."""
    return _objective(selection_problem(rows, limits), selected)


def _objective(problem: Problem, selected: set[str]) -> SelectionObjective:
    chosen = [
        candidate for candidate in problem.candidates if candidate.asset in selected and candidate.kind is not Kind.OUT
    ]
    kept = [entry for entry in chosen if entry.kind is Kind.HOLDING]
    return SelectionObjective(
        represented_good=min(
            len(_level_nodes(entry for entry in chosen if entry.kind is not Kind.WEAK)), problem.wanted
        ),
        holdings_kept=len(kept),
        holdings_score=sum(entry.score for entry in kept),
        holdings_order=tuple(int(entry.asset in selected) for entry in problem.of_kind(Kind.HOLDING)),
        represented=min(len(_level_nodes(chosen)), problem.wanted),
        weak_used=sum(entry.kind is Kind.WEAK for entry in chosen),
        new_score=sum(entry.score for entry in chosen if entry.is_new),
    )


def selection_violations(
    rows: Iterable[Row], limits: RebalancingLimits, selected: set[str], correlations: Correlations | None = None
) -> list[str]:
    """The rules on membership and capacity that a selection breaks; empty where it is feasible."""
    return _violations(selection_problem(rows, limits, correlations), selected)


def _violations(problem: Problem, selected: set[str]) -> list[str]:
    rows = [
        f"{name}: is no candidate" for name in sorted(selected - {candidate.asset for candidate in problem.candidates})
    ]
    for candidate in problem.candidates:
        if candidate.kind is Kind.FIXED and candidate.asset not in selected:
            rows.append(f"{candidate.asset}: is fixed but not selected")
        if candidate.kind is Kind.OUT and candidate.asset in selected:
            rows.append(f"{candidate.asset}: is not eligible but selected")
    rows += [f"{' and '.join(sorted(pair))}: too correlated" for pair in problem.excluded if pair <= selected]
    free = [entry for entry in problem.of_kind(Kind.HOLDING, Kind.STRONG, Kind.WEAK) if entry.asset in selected]
    counts = [("total", len(free), problem.total_room), ("new", sum(entry.is_new for entry in free), problem.new_room)]
    for node, room in sorted(problem.rooms.items()):
        here = [entry for entry in free if node in entry.path]
        unbound = problem.overflow and node not in problem.closed and not any(change.is_new for change in here)
        counts.append(("/".join(node), len(here), math.inf if unbound else room))
    rows += [f"{name}: {count} beyond the fixed, room for {room:g}" for name, count, room in counts if count > room]
    return rows


class _Program:
    """A linear or 0/1 program in HiGHS that is built once; rows are added and the objective is changed later."""

    def __init__(self, lower: Floats, upper: Floats, *, whole: bool) -> None:
        self.size, self.whole = len(lower), whole
        self.columns = np.arange(self.size, dtype=np.int32)
        self.highs = highspy.Highs()
        options = {"output_flag": False, "threads": 1, "primal_feasibility_tolerance": 1e-10}
        integer_options = {"mip_rel_gap": 0.0, "mip_abs_gap": 0.5, "mip_feasibility_tolerance": 1e-9}
        for option, value in (options | integer_options if whole else options).items():
            self.highs.setOptionValue(option, value)
        self.highs.addVars(self.size, lower, upper)
        if whole:
            kinds = np.full(self.size, highspy.HighsVarType.kInteger)
            self.highs.changeColsIntegrality(self.size, self.columns, kinds)
        self.highs.changeObjectiveSense(highspy.ObjSense.kMaximize)

    def add_row(self, lower: float, terms: Mapping[int, float], upper: float) -> None:
        """Demand lower <= sum of the terms (column -> coefficient) <= upper."""
        columns, values = np.fromiter(terms, np.int32), np.fromiter(terms.values(), np.float64)
        self.highs.addRow(lower, upper, len(terms), columns, values)

    def maximise(self, terms: Mapping[int, float]) -> Floats:
        """The variables where the sum of the terms is largest; whole numbers are verified and rounded."""
        costs = np.array([terms.get(column, 0.0) for column in range(self.size)])
        self.highs.changeColsCost(self.size, self.columns, costs)
        self.highs.run()
        if self.whole and self.highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            # Presolve of HiGHS 1.15 calls a rare program infeasible (1 in 10^4) that the stage before has solved.
            self.highs.setOptionValue("presolve", "off")
            self.highs.run()
        status = self.highs.getModelStatus()
        if status != highspy.HighsModelStatus.kOptimal:
            raise RuntimeError(f"HiGHS: {self.highs.modelStatusToString(status)}")
        values = np.asarray(self.highs.getSolution().col_value)
        if self.whole and np.abs(values - np.rint(values)).max() > 1e-6:
            raise RuntimeError(f"HiGHS: not whole numbers: {values}")
        return np.rint(values) if self.whole else values


def milp_selection(
    rows: Iterable[Row], limits: RebalancingLimits, correlations: Correlations | None = None
) -> SelectionObjective:
    """The lexicographic optimum of section 4, by one integer program for each part of the objective."""
    return milp_choice(rows, limits, correlations)[0]


def milp_choice(
    rows: Iterable[Row], limits: RebalancingLimits, correlations: Correlations | None = None
) -> tuple[SelectionObjective, set[str]]:
    """The lexicographic optimum and one selection that has it (ties in the score of new assets may have others)."""
    problem = selection_problem(rows, limits, correlations)
    free = problem.of_kind(Kind.HOLDING, Kind.STRONG, Kind.WEAK)
    values, reached = _solve(problem, free) if free else (np.zeros(0), {})
    selected = {entry.asset for entry in problem.of_kind(Kind.FIXED)}
    selected |= {entry.asset for entry, value in zip(free, values, strict=False) if value == 1}
    objective, broken = _objective(problem, selected), _violations(problem, selected)
    if broken or any(getattr(objective, name) != value for name, value in reached.items()):
        raise RuntimeError(f"the program and the rules disagree: {broken} {objective} {reached}")
    return objective, selected


def _solve(problem: Problem, free: list[Candidate]) -> tuple[Floats, dict[str, int]]:
    """The variables at the lexicographic optimum, and the parts of the objective as the programs reached them."""
    program, parts = _build(problem, free)
    already = min(len(_level_nodes(problem.of_kind(Kind.FIXED))), problem.wanted)
    kept = ["holdings_kept", "holdings_score", "holdings_order"]
    first = [*kept, "represented_good"] if problem.overflow else ["represented_good", *kept]
    values = np.zeros(0)
    reached: dict[str, int] = {}
    for name in [*first, "represented", "weak_used", "new_score"]:
        if name == "holdings_order":
            values = _settle_order(program, list(parts["holdings_kept"]), values)
            continue
        values = program.maximise(parts[name]) if parts[name] or not values.size else values
        best = round(sum(coefficient * values[column] for column, coefficient in parts[name].items()))
        program.add_row(best - 0.5, parts[name], math.inf)
        reached[name] = abs(best) + (already if name.startswith("represented") else 0)
    return values, reached


def _settle_order(program: _Program, holdings: list[int], values: Floats) -> Floats:
    """Fix the holdings (in walking order) to the set that comes first, some at a time, by powers of two."""
    for start in range(0, len(holdings), _ORDER_CHUNK):
        chunk = holdings[start : start + _ORDER_CHUNK]
        values = program.maximise({column: 2.0 ** (len(chunk) - rank) for rank, column in enumerate(chunk)})
        for column in chunk:
            program.add_row(values[column], {column: 1}, values[column])
    return values


def _build(problem: Problem, free: list[Candidate]) -> tuple[_Program, dict[str, dict[int, float]]]:
    """The program with all capacities, and the terms of each part of the objective, to be maximised.

    Columns: the free candidates in walking order; then two for each level node that nothing fixed represents: one that
    is 1 only if a holding or strong asset does, and one that is 1 only if anything does.
    """
    columns, size = range(len(free)), len(free)
    represented = _level_nodes(problem.of_kind(Kind.FIXED))
    missing = sorted(_level_nodes(free) - represented)
    program = _Program(np.zeros(size + 2 * len(missing)), np.ones(size + 2 * len(missing)), whole=True)
    new = [column for column in columns if free[column].is_new]
    weak = [column for column in columns if free[column].kind is Kind.WEAK]
    held = [column for column in columns if free[column].kind is Kind.HOLDING]
    program.add_row(-math.inf, dict.fromkeys(columns, 1), problem.total_room)
    program.add_row(-math.inf, dict.fromkeys(new, 1), problem.new_room)
    for node, room in problem.rooms.items():
        here = [column for column in columns if node in free[column].path]
        if not problem.overflow or node in problem.closed:
            program.add_row(-math.inf, dict.fromkeys(here, 1), room)
        elif room < len(here):  # the room binds, for holdings too, if any new asset is taken here
            for column in set(here) & set(new):
                program.add_row(-math.inf, dict.fromkeys(here, 1) | {column: 1 + len(here) - room}, len(here))
    column_of = {entry.asset: column for column, entry in enumerate(free)}
    for pair in problem.excluded:  # at most one of two; none where the other is fixed
        here = [column_of[asset] for asset in sorted(pair) if asset in column_of]
        program.add_row(-math.inf, dict.fromkeys(here, 1), len(here) - 1)
    parts: dict[str, dict[int, float]] = {
        "holdings_kept": dict.fromkeys(held, 1),
        "holdings_score": {column: free[column].score for column in held},
        "weak_used": dict.fromkeys(weak, -1),
        "new_score": {column: free[column].score for column in new},
    }
    for name, start, barred in (("represented_good", size, weak), ("represented", size + len(missing), [])):
        parts[name] = dict.fromkeys(range(start, start + len(missing)), 1)
        program.add_row(-math.inf, parts[name], max(problem.wanted - len(represented), 0))
        for rank, node in enumerate(missing):
            here = [column for column in columns if free[column].path[0] == node and column not in barred]
            program.add_row(-math.inf, {start + rank: 1, **dict.fromkeys(here, -1)}, 0)
    return program, parts


class _Play:
    """How little and how much weight some members can have together within the limits, by linear programs."""

    def __init__(self, lower: Floats, upper: Floats, groups: Sequence[Group]) -> None:
        self.program = _Program(lower, upper, whole=False)
        for members, lowest, highest in groups:
            self.program.add_row(lowest, dict.fromkeys(members, 1), highest)

    def least(self, members: Sequence[int]) -> float:
        """The least weight of the members."""
        return float(self.program.maximise(dict.fromkeys(members, -1))[list(members)].sum())

    def most(self, members: Sequence[int]) -> float:
        """The most weight of the members."""
        return float(self.program.maximise(dict.fromkeys(members, 1))[list(members)].sum())


def reachable(lower: ArrayLike, upper: ArrayLike, groups: Sequence[Group], total: float) -> tuple[list[Group], float]:
    """Groups and total with what cannot be reached replaced by what can, by linear programs.

    A minimum of a group that its members and the maxima cannot fill becomes the most that they can; then the total
    becomes the nearest that all limits allow. Raises where the limits contradict each other.
    """
    low, high = np.asarray(lower, float), np.asarray(upper, float)
    caps = _Play(low, high, [(members, -math.inf, highest) for members, _, highest in groups])
    met = [(members, min(lowest, caps.most(members)), highest) for members, lowest, highest in groups]
    play = _Play(low, high, met)
    return met, min(max(total, play.least(range(low.size))), play.most(range(low.size)))


def conic_sizes(
    desired: ArrayLike,
    lower: ArrayLike,
    upper: ArrayLike,
    groups: Sequence[Group],
    total: float,
    *,
    at_most: bool = False,
) -> Floats:
    """Project the wish in relative entropy on the limits, at the largest reachable total up to `total`.

    Minimises sum(w log(w/d) - w + d). With the total fixed, scaling d only adds a constant, so d is scaled to the
    total; the minimiser is w = clip(level * d, lower, upper) with one level inside every group that is slack.
    With `at_most` the total is only a ceiling and the level of the wish matters (no level above 1): `desired` sizes,
    and `residual_strategy = cash` with d scaled to the total. Minima that cannot be reached: see `reachable`.
    Weights and groups that have no play are found first by linear programs and taken as equalities: an interior point
    method needs an interior.
    """
    d, low, high = (np.asarray(values, float) for values in (desired, lower, upper))
    met, aim = reachable(low, high, groups, total)
    everything = range(d.size)
    limited = [*met, (everything, -math.inf if at_most else aim, aim)]
    play = _Play(low, high, limited)
    low, high = (np.array([end([asset]) for asset in everything]) for end in (play.least, play.most))
    weights = (low + high) / 2
    free = np.flatnonzero(high - low > _NO_PLAY)
    if not free.size:
        return weights
    w = cp.Variable(free.size)
    constraints = [w >= low[free], w <= high[free]]
    for members, lowest, highest in limited:
        inside = np.isin(free, members)
        if inside.any():
            settled = weights[list(members)].sum() - weights[free[inside]].sum()
            weight = cp.sum(w[np.flatnonzero(inside)]) + settled
            narrow = play.most(members) - play.least(members) <= _NO_PLAY
            constraints += [weight == play.most(members)] if narrow else [weight <= highest, weight >= max(lowest, 0.0)]
    scaled = d[free] if at_most else d[free] * (aim / d[free].sum())
    weights[free] = _least_divergence(w, scaled, constraints)
    return weights


def _least_divergence(w: cp.Variable, desired: Floats, constraints: list[Any]) -> Floats:
    """Find the optimum at the smallest duality gap that Clarabel reaches in one of several units."""
    units = (100.0, 10.0, 1000.0)
    problems = [cp.Problem(cp.Minimize(cp.sum(cp.kl_div(unit * w, unit * desired))), constraints) for unit in units]
    for gap in (1e-14, 1e-13, 1e-12, 1e-11, 1e-10):
        for problem in problems:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # "may be inaccurate": then the next unit or gap is tried
                problem.solve(solver=cp.CLARABEL, tol_gap_abs=gap, tol_gap_rel=gap, tol_feas=100 * gap)
            if problem.status == cp.OPTIMAL:
                return np.asarray(w.value, float)
    raise RuntimeError(f"Clarabel: {[problem.status for problem in problems]}")


def kkt_residual(
    weights: ArrayLike,
    desired: ArrayLike,
    lower: ArrayLike,
    upper: ArrayLike,
    groups: Sequence[Group],
    total: float,
    *,
    at_most: bool = False,
    active: float = 1e-10,
) -> float:
    """How far weights are from satisfying the KKT conditions of `conic_sizes`, in units of weight; no solver.

    The conditions: limits and total hold; each asset has w = clip(level * d, lower, upper), where the level is that of
    the node above it; a slack group has the level of the node above it, a group at its maximum (multiplier >= 0) a
    level at most that high, a group at its minimum one at least that high. For laminar groups (nested or disjoint)
    such levels are found bottom-up as intervals. An asset with r = w/d admits [r, r]; at its lower bound (0, r], at
    its upper [r, inf), at both every level. A group's own level must lie in the intersection of what is directly under
    it; a slack group admits the same above it, a group at its maximum every level from the least of these up, at its
    minimum every level from the largest down, at both every level. The conditions hold if no intersection is empty.
    Where the interval of asset i begins at a, above the end b of that of asset j, the violation is
    (a - b) * min(d_i, d_j): the weight to move so that it vanishes. Bounds count as active within `active`.
    With `at_most` the level at the top is at most 1, and exactly 1 if the total is slack.
    Minima of groups and the total must be reachable (see `reachable`).
    """
    w, d, low, high = (np.asarray(values, float) for values in (weights, desired, lower, upper))
    worst = max(float(np.max(low - w)), float(np.max(w - high)), 0.0)
    parts: list[tuple[set[int], Ends, Ends]] = []
    for asset, value in enumerate(w):
        level = [(value / d[asset], d[asset])]
        parts.append(({asset}, *_passed_up(level, level, value - low[asset], high[asset] - value, active)))
    everything: Group = (range(w.size), -math.inf, math.inf)
    for members, lowest, highest in sorted([*groups, everything], key=lambda group: len(group[0])):
        inside = [part for part in parts if part[0] <= set(members)]
        if sum(len(part[0]) for part in inside) != len(members):
            raise ValueError("the groups are neither nested nor disjoint")
        floors = [end for part in inside for end in part[1]]
        ceilings = [end for part in inside for end in part[2]]
        weight = math.fsum(w[list(members)])
        worst = max(worst, lowest - weight, weight - highest, _emptiness(floors, ceilings))
        parts = [part for part in parts if not part[0] <= set(members)]
        parts.append((set(members), *_passed_up(floors, ceilings, weight - lowest, highest - weight, active)))
    spare, first = total - math.fsum(w), [(1.0, math.inf)]
    if not at_most:
        return max(worst, abs(spare))
    _, floors, ceilings = parts[0]
    return max(worst, -spare, _emptiness(floors + first if spare > active else floors, ceilings + first))


def _passed_up(floors: Ends, ceilings: Ends, above: float, below: float, active: float) -> tuple[Ends, Ends]:
    """What a part admits above it: no floor at its minimum (nothing above it), no ceiling at its maximum."""
    return [] if above <= active else floors, [] if below <= active else ceilings


def _emptiness(floors: Ends, ceilings: Ends) -> float:
    """By how much weight floors lie above ceilings; 0 if their intersection is not empty."""
    return max(((a - b) * min(p, q) for a, p in floors for b, q in ceilings), default=0.0)

"""The exact integer program of rounding: the whole lots nearest to the goals, under every limit that the rules know.

Written from section 15 of the rules for HiGHS; it shares nothing with the kernel. An order may end anywhere from the quantity
held to one lot beyond the goal, or, in the free program, anywhere in that direction: then it may trade far more than is aimed
at, only to reach the minimum of an order. A sell that the rules have forced for a limit may end beyond its goal here, too, down
to the quantity of section 15.4, and what they cannot sell may stay. So the program is never farther from the goals than the plan.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import highspy
import numpy as np
from naive_orders import NANO, Account, of, up
from order_cases import OrderCase, random_order_case
from order_runs import KernelPlan, kernel_plan

from trimtab.kernel.order_records import PlanStatus

SCALE = 1e6  # weights are counted in millionths
TOLERANCE = 20  # micro-units, where doubles meet whole numbers


@dataclass(frozen=True)
class Rounded:
    """Quantities by asset, their distance from the goals in micro-units, and how many orders they are."""

    quantities: dict[str, int]
    distance: int
    orders: int


class Trade(NamedTuple):
    """What may be done with one asset: a number of lots, or a close of everything."""

    name: str
    sign: int  # 1 buys, -1 sells
    min_lots: int  # of an order
    max_lots: int
    may_close: bool


class RoundingProgram:
    """The program of one plan that is settled and whole."""

    def __init__(self, case: OrderCase, plan: KernelPlan, *, is_free: bool = False) -> None:
        self.is_free = is_free
        self.account = Account(case.rows, case.instruments, case.limits, case.settings, case.cash, case.cash_flow)
        self.names = plan.names
        self.value = int(plan.account[0]["value"])
        self.made = {name: int(plan.assets[row]["now"]) for row, name in enumerate(plan.names)}
        self.forced = {name for row, name in enumerate(plan.names) if plan.reason(row) == "forced_for_limit"}
        self.goals = {}
        for row, name in enumerate(plan.names):
            held, target = self.worth(name, self.start(name)), float(plan.targets[row])
            is_alone = target == plan.weights[row] or (target > 0 and abs(of(target, self.value) - held) <= 2)
            self.goals[name] = held if is_alone else of(target, self.value)
            if self.goals[name] > held:
                cap = of(self.account.cap(name), self.value)
                self.goals[name] = max(min(self.goals[name], cap), held)
        self.trades = [trade for name in self.names if (trade := self.trade(name)) is not None]

    def start(self, name: str) -> int:
        return self.account.start[name]

    def worth(self, name: str, quantity: int) -> int:
        return self.account.worth(name, quantity)

    def trade(self, name: str) -> Trade | None:
        """The lots that an order of this asset may have; None where it must stay."""
        start, lot, goal = self.start(name), self.account.of[name].lot, self.goals[name]
        held, base = self.worth(name, start), self.account.base(name, goal)
        if goal == held:
            return None
        if goal > held:
            room = max(0, of(self.account.cap(name), self.value) - held)
            max_lots = room * NANO // (self.account.of[name].price * lot)
            return self.in_lots(
                name, 1, max_lots if self.is_free else min(max_lots, (base - start) // lot + 1), may_close=False
            )
        lowest = self.account.forced_quantity(name, goal) if name in self.forced else base
        assert lowest is not None
        may_close = lowest == 0 and (name in self.forced or not self.account.below_minimum(name, 0, self.value))
        max_lots = start // lot if self.is_free else min(start // lot, up(start - min(base, lowest), lot))
        return self.in_lots(name, -1, max_lots, may_close=may_close)

    def in_lots(self, name: str, sign: int, max_lots: int, *, may_close: bool) -> Trade | None:
        """The fewest lots that miss no minimum; those of a forced sell miss only what the rules let it."""
        start, lot = self.start(name), self.account.of[name].lot

        def is_missed(lots: int) -> bool:
            after = start + sign * lots * lot
            if name in self.forced:
                amount = self.account.amount(name, start, after)
                is_small = after != 0 and amount < self.account.of[name].min_notional
                return is_small or self.account.fee(name, start, after) >= amount
            return bool(self.account.below_minimum(name, after, self.value))

        low, high = 0, max_lots + 1  # misses, and misses none (or does not exist)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if is_missed(middle) else (low, middle)
        if high > max_lots and not may_close:
            return None
        return Trade(name, sign, min(high, max_lots), max_lots if high <= max_lots else 0, may_close)

    def rounded(self, quantities: dict[str, int]) -> Rounded:
        """Quantities with their exact distance."""
        gaps = [self.goals[name] - self.worth(name, quantities[name]) for name in self.names]
        orders = sum(quantities[name] != self.start(name) for name in self.names)
        return Rounded(quantities, abs(sum(gaps)) + sum(abs(gap) for gap in gaps), orders)

    def solve(self) -> Rounded:
        """The nearest quantities, and of these the ones with the fewest orders."""
        program = _Program(self)
        nearest = program.solved(len(self.trades))
        distance = program.objective
        fewest = program.fewest_orders(distance)
        options = [self.rounded(each) for each in (nearest, fewest) if each is not None]
        best = min(option.distance for option in options)
        return min((each for each in options if each.distance <= best + TOLERANCE), key=lambda each: each.orders)

    def weight(self, money: float) -> float:
        return SCALE * money / self.value


class _Program:
    """Columns: for each trade lots, is made, closes, gap; then the cash left."""

    def __init__(self, rounding: RoundingProgram) -> None:
        self.rounding, self.trades = rounding, rounding.trades
        self.objective = 0.0
        self.highs = highspy.Highs()
        options = {"output_flag": False, "threads": 1, "mip_rel_gap": 0.0, "mip_abs_gap": 1e-7}
        options |= {"mip_feasibility_tolerance": 1e-9, "primal_feasibility_tolerance": 1e-9}
        for name, value in options.items():
            self.highs.setOptionValue(name, value)
        count = len(self.trades)
        upper = [bound for trade in self.trades for bound in (trade.max_lots, 1.0, float(trade.may_close), np.inf)]
        self.size = 4 * count + 1
        self.highs.addVars(self.size, np.zeros(self.size), np.array([*upper, np.inf]))
        whole = np.array([4 * number + part for number in range(count) for part in range(3)], np.int32)
        self.highs.changeColsIntegrality(len(whole), whole, np.full(len(whole), highspy.HighsVarType.kInteger))
        self.costs = np.zeros(self.size)
        self.costs[3::4] = self.costs[-1] = 1.0
        self.highs.changeColsCost(self.size, np.arange(self.size, dtype=np.int32), self.costs)
        self.add_orders()
        self.add_limits()

    def add_row(self, lower: float, terms: dict[int, float], upper: float) -> None:
        columns = np.array(list(terms), np.int32)
        self.highs.addRow(lower, upper, len(terms), columns, np.array(list(terms.values())))

    def changes(self, names: set[str]) -> dict[int, float]:
        """The change of worth of some assets, as a sum over columns."""
        terms = {}
        for number, trade in enumerate(self.trades):
            if trade.name in names:
                own = self.rounding.account.of[trade.name]
                terms[4 * number] = trade.sign * self.rounding.weight(own.price * own.lot / NANO)
                terms[4 * number + 2] = -self.rounding.weight(self.held(trade.name))
        return terms

    def held(self, name: str) -> int:
        return self.rounding.worth(name, self.rounding.start(name))

    def add_orders(self) -> None:
        rounding, total = self.rounding, self.changes(set(self.rounding.names))
        for number, trade in enumerate(self.trades):
            lots, made, closes, gap = range(4 * number, 4 * number + 4)
            self.add_row(0.0, {lots: 1.0, made: -float(trade.min_lots)}, np.inf)
            self.add_row(-np.inf, {lots: 1.0, made: -float(trade.max_lots)}, 0.0)
            self.add_row(0.0, {made: 1.0, closes: 1.0}, 1.0)
            short = rounding.weight(rounding.goals[trade.name] - self.held(trade.name))
            own = self.changes({trade.name})
            self.add_row(short, {gap: 1.0, **own}, np.inf)
            self.add_row(-short, {gap: 1.0, **{column: -value for column, value in own.items()}}, np.inf)
        short = rounding.weight(sum(rounding.goals[name] - self.held(name) for name in rounding.names))
        self.add_row(short, {self.size - 1: 1.0, **total}, np.inf)
        self.add_row(-short, {self.size - 1: 1.0, **{column: -value for column, value in total.items()}}, np.inf)

    def add_limits(self) -> None:
        """Every node within its limit, or within what the plan has where it is above."""
        rounding, account = self.rounding, self.rounding.account
        for node in [*(node for node in account.tree.paths if node in account.tree.max_allocation), ()]:
            names = set(account.under(node) if node else rounding.names)
            made = sum(rounding.worth(name, rounding.made[name]) for name in names)
            limit = max(account.limit(node, rounding.value), made)
            held = sum(self.held(name) for name in names)
            terms = self.changes(names)
            if terms:
                self.add_row(-np.inf, terms, rounding.weight(limit - held + len(names) + 1))

    def solved(self, count: int) -> dict[str, int] | None:
        """The quantities of the solution; None where the solver finds none."""
        quantities = {name: self.rounding.start(name) for name in self.rounding.names}
        if count:
            self.highs.run()
            if self.highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
                self.highs.setOptionValue("presolve", "off")
                self.highs.run()
            if self.highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
                return None
            self.objective = self.highs.getInfo().objective_function_value
            values = np.rint(np.asarray(self.highs.getSolution().col_value)).astype(np.int64)
            for number, trade in enumerate(self.trades):
                lot = self.rounding.account.of[trade.name].lot
                quantities[trade.name] += trade.sign * int(values[4 * number]) * lot
                quantities[trade.name] *= 1 - int(values[4 * number + 2])
        return quantities

    def fewest_orders(self, distance: float) -> dict[str, int] | None:
        """The solution with the fewest orders that is no farther."""
        count = len(self.trades)
        self.add_row(-np.inf, dict.fromkeys(np.flatnonzero(self.costs).tolist(), 1.0), distance + 1e-6)
        costs = np.zeros(self.size)
        costs[1:-1:4] = costs[2:-1:4] = 1.0
        self.highs.changeColsCost(self.size, np.arange(self.size, dtype=np.int32), costs)
        return self.solved(count)


@dataclass(frozen=True)
class Outcome:
    """A plan beside the nearest one."""

    own: Rounded
    best: Rounded
    lots: int  # by which the two differ in all
    value: int

    @property
    def tolerance(self) -> int:
        """Micro-units that the solver's doubles may cost."""
        return TOLERANCE + self.value // 10**10

    @property
    def is_equal(self) -> bool:
        """Whether the plan is as near as any can be."""
        return abs(self.own.distance - self.best.distance) <= self.tolerance

    @property
    def is_near(self) -> bool:
        """Whether it is within a basis point of the value, or within one lot."""
        return self.is_equal or self.own.distance - self.best.distance <= self.value // 10_000 or self.lots <= 1


def compared_case(seed: int, *, is_free: bool = False) -> Outcome | None:
    """A small random account; None if braked, cut, not settled by the second round, or without anything to trade.

    A plan that the second round leaves unchanged is the rounding of the first one, with its goals and its value.
    """
    case = random_order_case(seed, 8)
    case = replace(case, settings=replace(case.settings, max_turnover=None, max_realized_gain=None))
    plan = kernel_plan(case)
    account = plan.account[0]
    is_final = account["status"] == PlanStatus.OK and account["is_settled"] and account["rounds"] <= 2
    if not is_final or "no_lot_fits" in map(plan.reason, range(len(plan.names))):
        return None
    program = RoundingProgram(case, plan, is_free=is_free)
    if not program.trades:
        return None
    own, best = program.rounded(program.made), program.solve()
    lots = sum(
        up(abs(own.quantities[name] - best.quantities[name]), case.instruments[name].lot) for name in program.names
    )
    return Outcome(own, best, lots, program.value)

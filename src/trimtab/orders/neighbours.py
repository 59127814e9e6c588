"""Why 13 shares and not 14: one lot more and one lot less than the decision, each with what speaks against it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from trimtab.decimals import money_text, shares_of
from trimtab.kernel import money
from trimtab.kernel.compilation import undecorated
from trimtab.kernel.order_records import OrderMode
from trimtab.kernel.records import ROOT
from trimtab.orders.stage import DecidedPlan
from trimtab.reasons import OrderReason, Restriction
from trimtab.text import counted_shares, percent, printable

_OPPOSITE = {True: OrderMode.SELL_ONLY, False: OrderMode.BUY_ONLY}
_ROUNDED = (OrderReason.TO_TARGET, OrderReason.ROUNDED_UP, OrderReason.WITHIN_ONE_LOT)
# Plain: a few numbers are not worth compiling in each process.
parts_of, portion, portion_up, worth_of = (
    undecorated(each) for each in (money.parts_of, money.portion, money.portion_up, money.worth_of)
)


class Full(NamedTuple):
    """A limit that one lot more would exceed, and the weight that it would have."""

    name: str
    weight: str
    limit: float
    field: str

    @property
    def sentence(self) -> str:
        """The consequence in words."""
        return f"would take {self.name} to {self.weight}, above {percent(self.limit)} ({self.field})"


@dataclass(frozen=True)
class Rounding:
    """An asset in a decided plan, and the limits that one lot more would meet; money in micro-units."""

    decided: DecidedPlan
    place: int

    @property
    def record(self) -> Any:
        """The asset's `ASSET` record."""
        return self.decided.assets[self.place]

    @property
    def goal(self) -> int:
        """The target in money, at the value before the orders."""
        return int(
            portion(parts_of(float(self.decided.answer[self.place]["target"])), int(self.decided.account["value"]))
        )

    def worth(self, quantity: int) -> int:
        """The value of a quantity."""
        return int(worth_of(quantity, int(self.record["price"])))

    def more(self) -> str:
        """One lot more, and what speaks against it."""
        now, lot = int(self.record["now"]), int(self.record["lot"])
        obstacle = next(self._obstacles(now + lot), "") or self._distance(now + lot)
        return f"{_shares(now + lot)} {obstacle}"

    def less(self) -> str:
        """One lot less, and what speaks against it; empty where nothing is held in the end."""
        now, lot = int(self.record["now"]), int(self.record["lot"])
        fewer = max(now - lot, 0)
        if now == 0:
            return ""
        if fewer < int(self.record["quantity"]) and not self._may_trade(buys=False):
            return f"{_shares(fewer)} cannot be reached: the asset may not be sold"
        return f"{_shares(fewer)} {self._distance(fewer)}"

    def _may_trade(self, *, buys: bool) -> bool:
        restriction, mode = Restriction(int(self.record["restriction"])), OrderMode(int(self.decided.account["mode"]))
        forbidden = restriction.forbids_buying if buys else restriction.forbids_selling
        return bool(self.record["tradable"]) and not forbidden and mode != _OPPOSITE[buys]

    def _distance(self, quantity: int) -> str:
        """How far a quantity is from the target, beside the decision."""
        now = int(self.record["now"])
        chosen, other = (self.worth(each) - self.goal for each in (now, quantity))
        text = (
            f"would be {_off(other)} the target of {money_text(self.goal)}; {_shares(now)} {_be(now)} {_off(chosen)} it"
        )
        is_for_the_whole = abs(chosen) > abs(other) and OrderReason(int(self.record["reason"])) in _ROUNDED
        return f"{text}, which brings the account as a whole closer to its targets" if is_for_the_whole else text

    def _obstacles(self, quantity: int) -> Iterator[str]:
        """The limits that forbid a larger quantity."""
        decided, record = self.decided, self.record
        value = int(decided.account["value_after"])
        buys = quantity > int(record["quantity"])
        if buys and not self._may_trade(buys=True):
            yield "cannot be reached: the asset may not be bought"
        drift = 1.0 if buys else 1.0 + decided.limits.drift_tolerance
        cap = min(float(record["max_weight"]), decided.limits.max_position_weight)
        if self.worth(quantity) > portion(parts_of(cap * drift), value):
            yield f"would weigh {self._weight(self.worth(quantity))}, above {percent(cap)} (max_position_weight)"
        step = self.worth(quantity) - self.worth(int(record["now"]))
        yield from (full.sentence for full in self.full(quantity, drift))
        yield from self._full_portfolio(step, value)

    def full(self, quantity: int, drift: float = 1.0) -> Iterator[Full]:
        """The buckets, and the buckets of schemes, that have no room for a larger quantity."""
        yield from self._full_nodes(self.worth(quantity) - self.worth(int(self.record["now"])), drift)
        yield from self._full_exposures(quantity, drift)

    def _full_nodes(self, step: int, drift: float) -> Iterator[Full]:
        candidates, value = self.decided.candidates, int(self.decided.account["value_after"])
        loads, nodes = self._loads(), candidates.tree.nodes
        node = int(self.record["leaf"])
        while node != ROOT and node >= 0:
            limit = float(nodes[node]["max_allocation"])
            if limit <= 1.0 and loads[node] + step > portion(parts_of(limit * drift), value):
                after = self._weight(loads[node] + step)
                yield Full(printable(candidates.tree.paths[node]), after, limit, "max_allocation")
            node = int(nodes[node]["parent"])

    def _full_exposures(self, quantity: int, drift: float) -> Iterator[Full]:
        decided, value = self.decided, int(self.decided.account["value_after"])
        exposed = decided.candidates.exposed(decided.limits)
        if exposed is None:
            return
        rows = decided.candidates.exposure_rows(decided.limits)
        parts = rows.fractions(exposed.profile)
        for row in range(len(rows.rows)):
            limit = float(rows.rows[row]["max_exposure"])
            if limit > 1.0 or not parts[self.place, row]:
                continue
            load = 0
            for place, asset in enumerate(decided.assets):
                now = quantity if place == self.place else int(asset["now"])
                load += portion_up(parts_of(float(parts[place, row])), int(worth_of(now, int(asset["price"]))))
            if load > portion(parts_of(limit * drift), value):
                yield Full(printable(rows.named(row)), self._weight(load), limit, "max_exposure")

    def _full_portfolio(self, step: int, value: int) -> Iterator[str]:
        decided, loads = self.decided, self._loads()
        max_positions = min(1.0, decided.limits.target_invested + decided.limits.cash_band)
        if loads[ROOT] + step > portion(parts_of(max_positions), value):
            text = f"would invest {self._weight(loads[ROOT] + step)}, above {percent(max_positions)}"
            yield f"{text} (target_invested, cash_band, cash_buffer)"
        buffer = value - portion(parts_of(1.0 - float(decided.account["cash_buffer"])), value)
        cash = int(decided.account["cash_after"]) - step
        if cash < buffer:
            yield f"would leave {money_text(cash)} in cash, below the buffer of {money_text(buffer)} (cash_buffer)"

    def _loads(self) -> list[int]:
        """The value under each node after the orders."""
        nodes = self.decided.candidates.tree.nodes
        loads = [0] * len(nodes)
        for asset in self.decided.assets:
            node = int(asset["leaf"])
            while node >= 0:
                loads[node] += int(worth_of(int(asset["now"]), int(asset["price"])))
                node = int(nodes[node]["parent"])
        return loads

    def _weight(self, amount: int) -> str:
        return percent(float(np.float64(amount) / np.float64(int(self.decided.account["value_after"]))))


def _shares(nano: int) -> str:
    return counted_shares(shares_of(nano))


def _be(nano: int) -> str:
    return "is" if shares_of(nano) == 1 else "are"


def _off(difference: int) -> str:
    if difference == 0:
        return "at"
    return f"{money_text(abs(difference))} {'above' if difference > 0 else 'below'}"

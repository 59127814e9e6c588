"""Why 13 shares and not 14: one lot more and one lot less than the decision, each with what speaks against it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from trimtab.decimals import money_text, shares_of
from trimtab.kernel import money
from trimtab.kernel.compilation import undecorated
from trimtab.kernel.order_records import OrderMode
from trimtab.kernel.records import ROOT
from trimtab.orders.stage import DecidedPlan
from trimtab.reasons import OrderReason, Restriction
from trimtab.text import counted_shares, percent, printable, told_apart

_OPPOSITE = {True: OrderMode.SELL_ONLY, False: OrderMode.BUY_ONLY}
_ROUNDED = (OrderReason.TO_TARGET, OrderReason.ROUNDED_UP, OrderReason.WITHIN_ONE_LOT)
# Plain: a few numbers are not worth compiling in each process.
parts_of, portion, portion_up, worth_of = (
    undecorated(each) for each in (money.parts_of, money.portion, money.portion_up, money.worth_of)
)


class Full(NamedTuple):
    """A limit that another quantity would exceed, and the weight that it would have; `limit` with the drift allowed."""

    name: str
    weight: str
    limit: str
    field: str

    @property
    def sentence(self) -> str:
        """The consequence in words."""
        would = f"would take {self.name} to" if self.name else "would invest"
        return f"{would} {self.weight}, above {self.limit} ({self.field})"


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
        buys = quantity > int(self.record["quantity"])
        if buys and not self._may_trade(buys=True):
            yield "cannot be reached: the asset may not be bought"
        over = self.over_cap(quantity, 1.0 if buys else self._drift)
        if over:
            yield f"would weigh {over.weight}, above {over.limit} ({over.field})"
        yield from (full.sentence for full in self.full(quantity))
        yield from (full.sentence for full in self.invested(quantity))
        yield from self.short_of_cash(quantity)

    @property
    def _drift(self) -> float:
        return 1.0 + self.decided.limits.drift_tolerance

    @cached_property
    def _value(self) -> int:
        return int(self.decided.account["value_after"])

    def over_cap(self, quantity: int, drift: float) -> Full | None:
        """The asset's own largest weight, if a quantity is above it."""
        cap = min(float(self.record["max_weight"]), self.decided.limits.max_position_weight)
        worth = self.worth(quantity)
        if worth <= portion(parts_of(cap * drift), self._value):
            return None
        own = cap < self.decided.limits.max_position_weight
        return self._full("", worth, cap, "max_weight" if own else "max_position_weight", drift)

    def full(self, quantity: int) -> Iterator[Full]:
        """The buckets, and the buckets of schemes, that have no room for another quantity."""
        yield from self._full_nodes(self.worth(quantity) - self.worth(int(self.record["now"])))
        yield from self._full_exposures(quantity)

    def _full(self, name: str, load: int, limit: float, field: str, drift: float) -> Full:
        """The words for a load above a limit, which may drift."""
        fields = f"{field} with drift_tolerance" if drift > 1.0 else field
        weight, largest = percent(load / self._value), percent(limit * drift)
        if weight == largest:
            weight, largest = (f"{text}%" for text in told_apart(100.0 * load / self._value, 100.0 * limit * drift))
        return Full(name, weight, largest, fields)

    def _full_nodes(self, step: int) -> Iterator[Full]:
        candidates, nodes = self.decided.candidates, self.decided.candidates.tree.nodes
        loads, node = self._loads(), int(self.record["leaf"])
        while node != ROOT and node >= 0:
            limit = float(nodes[node]["max_allocation"])
            if limit <= 1.0 and loads[node] + step > portion(parts_of(limit * self._drift), self._value):
                name = printable(candidates.tree.paths[node])
                yield self._full(name, loads[node] + step, limit, "max_allocation", self._drift)
            node = int(nodes[node]["parent"])

    def _full_exposures(self, quantity: int) -> Iterator[Full]:
        for row, name, load in self._exposed_loads(quantity):
            limit = float(row["max_exposure"])
            if limit <= 1.0 and load > portion(parts_of(limit * self._drift), self._value):
                yield self._full(name, load, limit, "max_exposure", self._drift)

    def _exposed_loads(self, quantity: int) -> Iterator[tuple[Any, str, int]]:
        """The limits of exposures that the asset has a part in: record, name, and load with another quantity."""
        decided = self.decided
        exposed = decided.candidates.exposed(decided.limits)
        if exposed is None:
            return
        rows = decided.candidates.exposure_rows(decided.limits)
        parts = rows.fractions(exposed.profile)
        for row in np.flatnonzero(parts[self.place]).tolist():
            load = 0
            for place, asset in enumerate(decided.assets):
                now = quantity if place == self.place else int(asset["now"])
                load += portion_up(parts_of(float(parts[place, row])), int(worth_of(now, int(asset["price"]))))
            yield rows.rows[row], printable(rows.named(row)), load

    def invested(self, quantity: int) -> Iterator[Full]:
        """The aim of the account, if another quantity would take the total above it."""
        limits, load = self.decided.limits, self._loads()[ROOT] + self._step(quantity)
        largest = min(1.0, limits.target_invested + limits.cash_band)
        if load > portion(parts_of(largest), self._value):
            yield self._full("", load, largest, "target_invested, cash_band, cash_buffer", 1.0)

    def short_of_cash(self, quantity: int) -> Iterator[str]:
        """The cash buffer, if another quantity would take from it."""
        buffer = self._value - portion(parts_of(1.0 - float(self.decided.account["cash_buffer"])), self._value)
        cash = int(self.decided.account["cash_after"]) - self._step(quantity)
        if cash < buffer:
            yield f"would leave {money_text(cash)} in cash, below the buffer of {money_text(buffer)} (cash_buffer)"

    def exceeded(self, quantity: int) -> Iterator[Full]:
        """The maxima that another quantity would exceed: its own, those of buckets, and the aim."""
        own = self.over_cap(quantity, self._drift)
        if own:
            yield own._replace(name="the asset")
        yield from self.full(quantity)
        yield from (total._replace(name="the total") for total in self.invested(quantity))

    def missed_minima(self, quantity: int) -> Iterator[str]:
        """The minima that another quantity would miss."""
        decided, nodes = self.decided, self.decided.candidates.tree.nodes
        loads, node = self._loads(), int(self.record["leaf"])
        while node > ROOT:
            minimum = float(nodes[node]["min_allocation"])
            if loads[node] + self._step(quantity) < portion(parts_of(minimum), self._value):
                yield f"{printable(decided.candidates.tree.paths[node])} would fall below min_allocation {percent(minimum)}"
            node = int(nodes[node]["parent"])
        for row, name, load in self._exposed_loads(quantity):
            if load < portion(parts_of(float(row["min_exposure"])), self._value):
                yield f"{name} would fall below min_exposure {percent(float(row['min_exposure']))}"
        if quantity == 0 and decided.limits.represents:
            yield f"fewer buckets than min_buckets_represented {decided.limits.min_buckets_represented} would be represented"

    def _step(self, quantity: int) -> int:
        return self.worth(quantity) - self.worth(int(self.record["now"]))

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


def _shares(nano: int) -> str:
    return counted_shares(shares_of(nano))


def _be(nano: int) -> str:
    return "is" if shares_of(nano) == 1 else "are"


def _off(difference: int) -> str:
    if difference == 0:
        return "at"
    return f"{money_text(abs(difference))} {'above' if difference > 0 else 'below'}"

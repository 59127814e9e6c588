"""The slow, obvious twin of the orders stage: one account, plain Python integers, written from the rules' text alone.

It shares nothing with the kernel but the limits object; weights come from the twin of the pass (`naive.py`). Money is in
micro-units, quantities in nano-shares. Sections (§) are those of "From targets to orders". Where the text leaves a
choice, this is what it is read to mean:

- A round gives an asset a new code, or none, unless the pass leaves the asset as it is: then its earlier code stays.
- `max_turnover` is measured against the value at the beginning, once, for sells and for buys.
- In §6 turnover decides how much of a sell could be made, and then its gain is that of this part.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass, field
from typing import Any

from naive import ROOT, Asset, Node, Tree, brakes, fill, hold_in_band, read_account, select, size
from naive_exposures import Exposure, band_limits, select_with_caps, size_exposed, size_reasons, table_rows

from trimtab.bucket_path import UNKNOWN
from trimtab.limits.rebalancing_limits import RebalancingLimits

NANO, FRACTION = 10**9, 10**12
ROUNDS = 8  # from this one on, a round ends them that leaves the value no lower


@dataclass(frozen=True)
class Lot:
    """A purchase kept for tax: nano-shares, micro-units in all, and its day."""

    name: str
    quantity: int
    cost: int
    acquired: dt.date


@dataclass(frozen=True)
class Instrument:
    """What the orders stage knows of a candidate beside its row; `price` in micro-units for a share."""

    price: int
    quantity: int = 0
    lot: int = NANO
    min_notional: int = 0
    tradable: bool = True
    lots: tuple[Lot, ...] = ()


@dataclass(frozen=True)
class Settings:
    """§1: the settings of the orders stage; amounts in micro-units."""

    mode: str = "full"
    cash_buffer: float = 0.0025
    min_trade_amount: int | None = None
    max_fee_share: float = 0.01
    per_order: int = 0
    per_share: int = 0
    rate: float = 0.0
    minimum: int = 0
    max_turnover: float | None = None
    max_realized_gain: int | None = None
    relief: str = "fifo"
    rate_short: float = 0.0
    rate_long: float = 0.0
    today: dt.date = dt.date(2026, 1, 2)


@dataclass(frozen=True)
class NaiveOrder:
    """One order of the list."""

    asset: str
    side: str
    quantity: int
    amount: int
    fee: int


@dataclass(frozen=True)
class NaivePlan:
    """What the stage decides; `quantities` and `reasons` have every candidate."""

    orders: tuple[NaiveOrder, ...]
    quantities: dict[str, int]
    reasons: dict[str, str]
    cash: int
    value: int
    status: str
    settled: bool


class PlanError(Exception):
    """The account fails (§1)."""


def of(fraction: float, money: int) -> int:
    """§2: a fraction of an amount of money."""
    return round(FRACTION * fraction) * money // FRACTION


def up(numerator: int, denominator: int) -> int:
    """The quotient, rounded up."""
    return -(-numerator // denominator)


def part(row: Exposure, name: str, worth: int) -> int:
    """What lies in a row of exposures of an asset that is worth this, rounded up."""
    return up(round(FRACTION * row.shares.get(name, 0.0)) * worth, FRACTION)


def plain_limits(own: Any) -> dict[str, Any]:
    """The limits of a scheme as plain values, those that are set."""
    buckets = {
        path: {name: value for name in ("max_exposure", "min_exposure") if (value := getattr(limit, name)) is not None}
        for path, limit in own.buckets.items()
    }
    general = {} if own.max_exposure is None else {"max_exposure": own.max_exposure}
    return {**general, "unknown": own.unknown, "ignore_below": own.ignore_below, "buckets": buckets}


@dataclass
class Passed:
    """What the pass says: a target weight where an asset is traded, None where it is left alone at `current`."""

    targets: dict[str, float | None]
    current: dict[str, float]
    selected: list[str]
    braked: bool

    def weight(self, name: str) -> float:
        weight = self.targets[name]
        return self.current[name] if weight is None else weight


@dataclass
class Round:
    """§4: one round's goals, limits, and what has become of each asset."""

    goals: dict[str, int]
    quantities: dict[str, int]
    codes: dict[str, str] = field(default_factory=dict)


class Account:
    """One account with its candidates by name."""

    def __init__(
        self,
        rows: list[dict[str, Any]],
        instruments: dict[str, Instrument],
        limits: RebalancingLimits,
        settings: Settings,
        cash: int,
        cash_flow: int,
        exposures: list[dict[str, Any]] | None = None,
    ) -> None:
        self.rows = {row["asset"]: row for row in sorted(rows, key=lambda row: row["asset"])}
        self.names = list(self.rows)
        self.of = instruments
        self.limits, self.settings = limits.replace(exposures={}), settings
        own = {scheme: plain_limits(scheme_limits) for scheme, scheme_limits in limits.exposures.items()}
        self.table = exposures or []
        self.exposure_limits = own if limits.enforce_exposure_limits else {}
        self.exposures = self.exposure_rows(self.names)
        self.cash = cash + cash_flow
        self.cash_flow = cash_flow
        self.g = 1 + limits.drift_tolerance
        self.aim = min(limits.target_invested, 1 - settings.cash_buffer)
        self.unfit: set[str] = set()  # `no_lot_fits`
        self.start = {name: instruments[name].quantity for name in self.names}
        self.tree: Tree
        self.paths: dict[str, tuple[Node, ...]]
        self.tree, assets = read_account(list(self.rows.values()), limits)
        self.paths = {asset.name: asset.path for asset in assets}
        self.value = self.value_of(self.start, self.cash)
        for name in self.names:
            if self.of[name].lot * self.of[name].price // NANO < 100:
                raise PlanError("a lot worth less than 100 micro-units")

    # ---- §2

    def worth(self, name: str, quantity: int) -> int:
        return quantity * self.of[name].price // NANO

    def value_of(self, quantities: dict[str, int], cash: int) -> int:
        value = cash + sum(self.worth(name, quantity) for name, quantity in quantities.items())
        if value <= 0:
            raise PlanError("V of 0 or less")
        return value

    def amount(self, name: str, before: int, after: int) -> int:
        if after < before:
            return (before - after) * self.of[name].price // NANO
        return up((after - before) * self.of[name].price, NANO)

    def fee(self, name: str, before: int, after: int) -> int:
        settings, quantity = self.settings, abs(after - before)
        shares = up(settings.per_share * quantity, NANO)
        share = up(round(FRACTION * settings.rate) * self.amount(name, before, after), FRACTION)
        return max(settings.minimum, settings.per_order + shares + share)

    def cash_after(self, quantities: dict[str, int]) -> int:
        cash = self.cash
        for name, after in quantities.items():
            before = self.start[name]
            if after != before:
                amount = self.amount(name, before, after)
                cash += (amount if after < before else -amount) - self.fee(name, before, after)
        return cash

    # ---- §3

    def cap(self, name: str) -> float:
        return 0.0 if name in self.unfit else self.own_cap(name)

    def own_cap(self, name: str) -> float:
        """By its limits alone, even if no lot of it fits."""
        own = self.rows[name].get("max_weight")
        return min(self.limits.max_position_weight, math.inf if own is None else own)

    def largest_weight(self, name: str) -> float:
        return min(
            self.own_cap(name),
            self.aim,
            *(self.tree.max_allocation.get(node, math.inf) for node in self.paths[name]),
            math.inf,
        )

    def lot_is_too_large(self, name: str, quantity: int, value: int) -> bool:
        lot, largest = self.of[name].lot, self.largest_weight(name)
        highest = of(largest if quantity < lot else largest * self.g, value)
        g = 1.0 if quantity < lot else self.g
        too_exposed = any(
            part(row, name, self.worth(name, lot)) > of(row.maximum * g, value)
            for row in self.exposures
            if row.maximum < math.inf
        )
        return self.worth(name, lot) > highest or too_exposed

    def row(self, name: str, quantity: int, value: int, *, keep: bool) -> dict[str, Any]:
        """The row that the pass is given; `keep`: it is not selected, and a selection is kept."""
        row = dict(self.rows[name])
        row["current_weight"] = float(self.worth(name, quantity)) / float(value)
        options = {row.get("restriction") or ""}
        if self.settings.mode == "buy_only" and quantity > 0:
            options.add("no_sell")
        if self.settings.mode == "sell_only" or keep:
            options.add("no_buy")
        if not self.of[name].tradable:
            options.add("no_trade")
        if name in self.unfit:
            row["max_weight"] = 0.0
        elif self.lot_is_too_large(name, quantity, value):
            if quantity < self.of[name].lot:
                options.add("no_buy")
            else:
                row["max_weight"] = 0.0
        both = "no_trade" in options or {"no_buy", "no_sell"} <= options
        row["restriction"] = "no_trade" if both else max(options)  # one of "", no_buy, no_sell
        return row

    def decide(self, quantities: dict[str, int], value: int, selection: list[str] | None) -> Passed:
        """The pass: whole, or with a selection that is kept."""
        limits = self.limits.replace(target_invested=self.aim)
        rows = [
            self.row(name, quantities[name], value, keep=selection is not None and name not in selection)
            for name in self.names
        ]
        tree, assets = read_account(rows, limits)
        if selection is not None:
            chosen = [asset for asset in assets if asset.name in selection]
        elif self.exposures:
            chosen = select_with_caps(tree, assets, limits, self.exposure_rows(self.names))
        else:
            chosen = select(tree, assets, limits)
        weights = self.sized(tree, chosen, limits)
        braked = selection is None and self.brakes(assets, weights, limits, value)
        targets: dict[str, float | None] = {}
        for asset in assets:
            weight = weights.get(asset.name, 0.0)
            targets[asset.name] = None if weight == asset.current else weight
        current = {asset.name: asset.current for asset in assets}
        return Passed(targets, current, [asset.name for asset in chosen], braked)

    def exposure_rows(self, names: list[str]) -> list[Exposure]:
        """§5a: the limits of exposures that any of these assets lies in."""
        return table_rows(names, self.table, self.exposure_limits, self.limits) if self.exposure_limits else []

    def sized(self, tree: Tree, chosen: list[Asset], limits: RebalancingLimits) -> dict[str, float]:
        """Sizes and band, with exposures or without."""
        own = self.exposure_rows([asset.name for asset in chosen])
        if not own:
            return hold_in_band(tree, chosen, *size(tree, chosen, limits), limits)
        for row in own:
            row.measure_fixed(chosen)
        filled = fill(tree, chosen, limits)
        bounds = {asset.name: asset.high for asset in chosen}
        sizes = size_exposed(tree, chosen, limits, own, filled)
        reasons = size_reasons(chosen, sizes, filled) if sizes.decided else dict(filled.reasons)
        for asset in chosen:
            asset.low, asset.high = sizes.lows[asset.name], bounds[asset.name]
        also = band_limits(chosen, sizes, own, limits, {}, None)
        return hold_in_band(tree, chosen, sizes.weights, reasons, limits, also)

    def brakes(self, assets: list[Asset], weights: dict[str, float], limits: RebalancingLimits, value: int) -> bool:
        """§10: what a withdrawal needs does not count as sold."""
        if limits.brake_sold_weight is not None and self.cash_flow < 0:
            missing = max(0, of(self.settings.cash_buffer, value) - self.cash)
            allowed = limits.brake_sold_weight + float(missing) / float(value)
            limits = limits.replace(brake_sold_weight=min(1.0, allowed))
        return brakes(assets, weights, limits)

    # ---- §4

    def nodes(self, name: str) -> list[Node]:
        return [node for node in self.paths[name] if node in self.tree.max_allocation] + [ROOT]

    def under(self, node: Node) -> list[str]:
        return [name for name in self.names if node == ROOT or node in self.paths[name]]

    def limit(self, node: Node, value: int) -> int:
        if node == ROOT:
            highest = min(1.0, self.aim + self.limits.cash_band)
            return min(of(1 - self.settings.cash_buffer, value), of(highest, value))
        return of(self.tree.max_allocation[node] * self.g, value)

    def load(self, node: Node, quantities: dict[str, int]) -> int:
        return sum(self.worth(name, quantities[name]) for name in self.under(node))

    def room(self, node: Node, quantities: dict[str, int], value: int) -> int:
        return self.limit(node, value) - self.load(node, quantities)

    # ---- §4 with exposures: a row is a node of which a part of an asset lies in

    def exposure(self, row: Exposure, quantities: dict[str, int]) -> int:
        return sum(part(row, name, self.worth(name, quantities[name])) for name in self.names)

    def exposure_limit(self, row: Exposure, value: int) -> float:
        return math.inf if row.maximum == math.inf else of(row.maximum * self.g, value)

    def fits_exposures(self, name: str, quantities: dict[str, int], after: int, value: int) -> bool:
        """Whether a quantity more of an asset fits into the limits of its exposures."""
        then = quantities | {name: after}
        return all(
            self.exposure(row, then) <= self.exposure_limit(row, value) for row in self.exposures if name in row.shares
        )

    def least_amount(self, value: int) -> int:
        own = self.settings.min_trade_amount
        return of(self.limits.min_trade, value) if own is None else own

    def below_minimum(self, name: str, after: int, value: int) -> str:
        amount, fee = self.amount(name, self.start[name], after), self.fee(name, self.start[name], after)
        if after != 0 and amount < self.of[name].min_notional:
            return "below_min_notional"
        if after != 0 and amount < self.least_amount(value):
            return "below_min_trade"
        return "fee_too_high" if fee > of(self.settings.max_fee_share, amount) else ""

    def base(self, name: str, goal: int) -> int:
        if goal == 0:
            return 0
        start, lot, price = self.start[name], self.of[name].lot, self.of[name].price
        largest = ((goal + 1) * NANO - 1) // price  # the largest quantity worth at most the goal
        reached = start + (largest - start) // lot * lot
        return reached if reached >= 0 else start % lot

    def most_lots(self, name: str, room: int, max_shares: int) -> int:
        """The most lots, up to `max_shares`, whose added worth fits into a room; by trying."""
        start, lot = self.start[name], self.of[name].lot
        guess = max(0, min(max_shares, (room + 2) * NANO // (self.of[name].price * lot) + 1))
        while guess > 0 and self.worth(name, start + guess * lot) - self.worth(name, start) > room:
            guess -= 1
        return guess

    def order_of_buys(self, names: list[str]) -> list[str]:
        return sorted(names, key=lambda name: (self.start[name] > 0, -self.score(name), name))

    def score(self, name: str) -> float:
        own = self.rows[name].get("score")
        return -1.0 if own is None or math.isnan(own) else own

    def round(self, goals: dict[str, int], value: int) -> Round:
        """§4: goals in, quantities and codes out; always from the quantities at the beginning."""
        now = Round(dict(goals), dict(self.start))
        buys, made, small = [], [], []
        for name in self.names:
            held = self.worth(name, self.start[name])
            if now.goals[name] > held:
                now.goals[name] = max(min(now.goals[name], of(self.cap(name), value)), held)
            if now.goals[name] > held and self.starts_buy(now, name, value):
                buys.append(name)
            elif now.goals[name] < held:
                self.start_sell(now, name, value, made, small)
        self.force(now, value, made, small)
        filled = [name for name in self.order_of_buys(buys) if self.fill(now, name, value)]
        self.give_last_lots(now, value, made, filled)
        for name in made + filled:
            if now.quantities[name] == self.start[name]:
                now.codes[name] = "within_one_lot"
        return now

    def starts_buy(self, now: Round, name: str, value: int) -> bool:
        base = self.base(name, now.goals[name])
        first = base if base != self.start[name] else base + self.of[name].lot
        code = self.below_minimum(name, first, value)
        if code:
            now.codes[name] = code
        return not code

    def start_sell(self, now: Round, name: str, value: int, made: list[str], small: list[str]) -> None:
        start, goal = self.start[name], now.goals[name]
        base = self.base(name, goal)
        inner = base if base == start or goal == 0 or self.worth(name, base) == goal else base + self.of[name].lot
        code = "within_one_lot" if inner == start else self.below_minimum(name, inner, value)
        if code:
            now.codes[name] = code
            small.append(name)
        else:
            now.quantities[name] = base
            made.append(name)

    def force(self, now: Round, value: int, made: list[str], small: list[str]) -> None:
        excess = max(self.least_amount(value), 1)
        options = {name: self.forced_quantity(name, now.goals[name]) for name in small}
        lowered = {name: after for name, after in options.items() if after is not None}
        left = list(lowered)

        def forced(name: str) -> None:
            left.remove(name)
            made.append(name)
            now.quantities[name] = lowered[name]
            now.codes[name] = "forced_for_limit"

        def key(name: str) -> tuple[Any, ...]:
            goal, after = now.goals[name], self.worth(name, lowered[name])
            beyond = self.worth(name, self.base(name, goal)) - after
            return goal != 0, beyond, after - self.worth(name, self.start[name]), name

        for name in list(left):
            if self.worth(name, self.start[name]) - of(self.cap(name) * self.g, value) >= excess:
                forced(name)
        for node in [*(node for node in self.tree.paths if node in self.tree.max_allocation), ROOT]:
            while True:
                load = self.load(node, now.quantities)
                if load - self.limit(node, value) < excess and not (node == ROOT and load > value):
                    break
                inside = [name for name in left if name in self.under(node)]
                if not inside:
                    break
                forced(min(inside, key=key))
        for row in self.exposures:
            while self.exposure(row, now.quantities) - self.exposure_limit(row, value) >= excess:
                change = {n: self.part_change(row, n, lowered[n]) for n in left}
                inside = [name for name in left if change[name] < 0]
                if not inside:
                    break
                forced(min(inside, key=lambda name: (*key(name)[:2], change[name], name)))

    def part_change(self, row: Exposure, name: str, after: int) -> int:
        return part(row, name, self.worth(name, after)) - part(row, name, self.worth(name, self.start[name]))

    def forced_quantity(self, name: str, goal: int) -> int | None:
        """The quantity of a forced small sell: its base, if the broker and the fee let it, else the first lower quantity that they do."""
        start, base, own = self.start[name], self.base(name, goal), self.of[name]
        lots = up(up(own.min_notional * NANO, own.price), own.lot)  # the fewest that reach `min_notional`
        for after in (base, min(base, start - lots * own.lot), 0):
            amount, fee = self.amount(name, start, after), self.fee(name, start, after)
            if 0 <= after < start and (after == 0 or amount >= own.min_notional) and fee < amount:
                return after
        return None

    def fill(self, now: Round, name: str, value: int) -> bool:
        """§4.5: a buy to its base, or to the most lots that fit; whether it reached its base."""
        start, base = self.start[name], self.base(name, now.goals[name])
        added = self.worth(name, base) - self.worth(name, start)
        rooms = {node: self.room(node, now.quantities, value) for node in self.nodes(name)}
        if all(added <= room for room in rooms.values()) and self.fits_exposures(name, now.quantities, base, value):
            now.quantities[name] = base
            return True
        now.codes[name] = "no_cash" if added > rooms[ROOT] else "no_room"
        lot = self.of[name].lot
        lots = self.most_lots(name, min(rooms.values()), (base - start) // lot)
        while lots > 0 and not self.fits_exposures(name, now.quantities, start + lots * lot, value):
            lots -= 1
        if lots > 0 and not self.below_minimum(name, start + lots * lot, value):
            now.quantities[name] = start + lots * lot
        return False

    def may_sell_less(self, name: str, now: Round) -> bool:
        """What is left of a forced sell that gets a lot back is an order that the broker takes, or none."""
        after = now.quantities[name] + self.of[name].lot
        if now.codes.get(name) != "forced_for_limit" or after == self.start[name]:
            return True
        amount = self.amount(name, self.start[name], after)
        return amount >= self.of[name].min_notional and self.fee(name, self.start[name], after) < amount

    def give_last_lots(self, now: Round, value: int, made: list[str], filled: list[str]) -> None:
        """§4.6: two walks over those that are short of their goal; the better one counts."""
        at_base = [n for n in made if now.quantities[n] == self.base(n, now.goals[n])]
        able = [n for n in at_base if self.may_sell_less(n, now)] + filled
        competitors = [n for n in able if self.worth(n, now.quantities[n]) < now.goals[n]]
        lack = {n: now.goals[n] - self.worth(n, now.quantities[n]) for n in competitors}
        step = {
            n: self.worth(n, now.quantities[n] + self.of[n].lot) - self.worth(n, now.quantities[n]) for n in competitors
        }
        left = sum(now.goals[name] - self.worth(name, now.quantities[name]) for name in self.names)
        orders = (
            sorted(competitors, key=lambda n: (-(float(lack[n]) / float(step[n])), n)),
            sorted(competitors, key=lambda n: (-lack[n], n)),
        )
        best: tuple[int, dict[str, int]] | None = None
        for order in orders:
            quantities, rest = dict(now.quantities), left
            for n in order:
                cap = of(self.cap(n) * (self.g if n in made else 1), value)
                fits = all(step[n] <= self.room(node, quantities, value) for node in self.nodes(n))
                fits = fits and self.fits_exposures(n, quantities, quantities[n] + self.of[n].lot, value)
                if rest + lack[n] > step[n] and fits and self.worth(n, quantities[n]) + step[n] <= cap:
                    quantities[n] += self.of[n].lot
                    rest -= step[n]
            distance = abs(rest) + sum(abs(now.goals[n] - self.worth(n, quantities[n])) for n in competitors)
            if best is None or distance < best[0]:
                best = distance, quantities
        assert best is not None
        for n in competitors:
            if best[1][n] != now.quantities[n] and n in filled:
                now.codes[n] = "rounded_up"
        now.quantities = best[1]

    # ---- §5

    def plan(self) -> NaivePlan:
        while True:
            first = self.decide(self.start, self.value, None)
            large = [name for name in self.names if self.lot_is_too_large(name, self.start[name], self.value)]
            if first.braked:
                return self.braked(first)
            quantities, options, codes, settled = self.rounds(first)
            wanted = [name for name in first.selected if first.weight(name) > 0.0 and quantities[name] == 0]
            if not wanted:
                break
            self.unfit |= set(wanted)
        part = Part(self, quantities, options, codes)
        limited = part.is_needed()
        if limited:
            quantities = part.run()
        return self.finished(first, large, quantities, codes, limited=limited, settled=settled)

    def rounds(self, first: Passed) -> tuple[dict[str, int], int, dict[str, str], bool]:
        """The rounds until they are settled: quantities, the value that the last one was given, codes."""
        passed, quantities, value = first, dict(self.start), self.value
        codes: dict[str, str] = {}
        number = 0
        while True:
            number += 1
            goals, left_alone = {}, set()
            for name in self.names:
                weight, held = passed.targets[name], self.worth(name, quantities[name])
                if weight is None or (weight > 0 and abs(of(weight, value) - held) <= max(1, of(2e-12, value))):
                    left_alone.add(name)
                goals[name] = held if name in left_alone or weight is None else of(weight, value)
            now = self.round(goals, value)
            for name in self.names:
                if name not in left_alone or name in now.codes:
                    codes.pop(name, None)
                if name in now.codes:
                    codes[name] = now.codes[name]
            after = self.value_of(now.quantities, self.cash_after(now.quantities))
            same = now.quantities == quantities and after == value
            if same or (number >= ROUNDS and after >= value):
                settled = same and not self.has_dust_moved(first, now.quantities, value)
                return now.quantities, value, codes, settled
            quantities, value = now.quantities, after
            passed = self.decide(quantities, value, first.selected)

    def has_dust_moved(self, first: Passed, quantities: dict[str, int], value: int) -> bool:
        """Whether the costs have made something dust, or a position of a remainder that is not selected."""
        for name, quantity in quantities.items():
            was = 0.0 < first.current[name] < self.limits.dust_weight
            now = float(self.worth(name, quantity)) / float(value) < self.limits.dust_weight
            if quantity > 0 and ((now and not was) or (was and not now and name not in first.selected)):
                return True
        return False

    # ---- §8

    def braked(self, first: Passed) -> NaivePlan:
        held = {name for name in self.names if self.start[name] > 0}
        reasons = {name: "braked" if name in held or name in first.selected else "not_wanted" for name in self.names}
        status = "cash_short" if self.cash < 0 else "braked"
        return NaivePlan((), dict(self.start), reasons, self.cash, self.value, status, settled=True)

    def finished(
        self,
        first: Passed,
        large: list[str],
        quantities: dict[str, int],
        codes: dict[str, str],
        *,
        limited: bool,
        settled: bool,
    ) -> NaivePlan:
        reasons = {}
        for name in self.names:
            if quantities[name] != self.start[name]:
                reasons[name] = codes.get(name, "to_target")
            elif name in self.unfit and (self.start[name] == 0 or name not in codes):
                reasons[name] = "no_lot_fits"
            elif name in large and name not in first.selected:
                reasons[name] = "lot_too_large"
            else:
                reasons[name] = codes.get(name, "on_target" if self.start[name] > 0 else "not_wanted")
        cash = self.cash_after(quantities)
        status = "cash_short" if cash < 0 else "limited" if limited else "ok"
        sells = [name for name in self.names if quantities[name] < self.start[name]]
        buys = [name for name in self.names if quantities[name] > self.start[name]]
        orders = []
        for name in [*self.order_of_sells(sells, quantities), *self.order_of_buys(buys)]:
            before, after = self.start[name], quantities[name]
            side = "sell" if after < before else "buy"
            amount, fee = self.amount(name, before, after), self.fee(name, before, after)
            orders.append(NaiveOrder(name, side, abs(after - before), amount, fee))
        return NaivePlan(tuple(orders), quantities, reasons, cash, self.value_of(quantities, cash), status, settled)

    def order_of_sells(self, names: list[str], quantities: dict[str, int]) -> list[str]:
        return sorted(names, key=lambda name: (quantities[name] != 0, self.score(name), name))


class Part:
    """§6: the part of a plan that turnover and gains allow."""

    def __init__(self, account: Account, whole: dict[str, int], value: int, codes: dict[str, str]) -> None:
        self.account, self.whole, self.value, self.codes = account, whole, value, codes
        share = account.settings.max_turnover
        beginning = account.value
        self.sell_budget = math.inf if share is None else of(share, beginning)
        idle = max(0, account.cash - of(1 - account.aim, beginning))
        self.buy_budget = math.inf if share is None else of(share, beginning) + idle
        self.sells = [name for name in account.names if whole[name] < account.start[name]]
        self.buys = [name for name in account.names if whole[name] > account.start[name]]

    def is_needed(self) -> bool:
        account, highest = self.account, self.account.settings.max_realized_gain
        amounts = {name: account.amount(name, account.start[name], self.whole[name]) for name in self.sells + self.buys}
        gains = sum(self.gain(name, self.whole[name]) for name in self.sells) if highest is not None else 0
        return (
            sum(amounts[name] for name in self.sells) > self.sell_budget
            or sum(amounts[name] for name in self.buys) > self.buy_budget
            or (highest is not None and gains > highest)
        )

    def gain(self, name: str, after: int) -> int:
        account = self.account
        return sum(gain for _, _, gain in gains_of(account, name, account.start[name] - after))

    def run(self) -> dict[str, int]:
        waiting: set[str] = set()
        while True:
            quantities, codes = dict(self.account.start), dict.fromkeys(sorted(waiting), "waits_for_minimum")
            made = self.make_sells(quantities, codes, waiting)
            self.make_buys(quantities, codes)
            late = self.must_wait(quantities, made)
            if late is None:
                self.codes |= codes
                return quantities
            waiting.add(late)

    def exceeded(self, name: str, quantities: dict[str, int]) -> int:
        """How many limits over an asset are exceeded now."""
        account, value = self.account, self.value
        count = int(account.worth(name, quantities[name]) > of(account.own_cap(name) * account.g, value))
        count += sum(account.room(node, quantities, value) < 0 for node in account.nodes(name))
        for node in [*account.paths[name], ROOT]:
            count += self.positions(node, quantities) > self.position_limit(node)
        for row in account.exposures:
            if name in row.shares:
                count += account.exposure(row, quantities) > account.exposure_limit(row, value)
        return count

    def position_limit(self, node: Node) -> float:
        account = self.account
        return account.limits.max_total_positions if node == ROOT else account.tree.max_positions.get(node, math.inf)

    def is_position(self, name: str, quantities: dict[str, int]) -> bool:
        account = self.account
        return account.worth(name, quantities[name]) >= max(1, of(account.limits.dust_weight, self.value))

    def positions(self, node: Node, quantities: dict[str, int]) -> int:
        return sum(self.is_position(name, quantities) for name in self.account.under(node))

    def make_sells(self, quantities: dict[str, int], codes: dict[str, str], waiting: set[str]) -> list[str]:
        account, left, gains, cut, made = self.account, self.sell_budget, 0, False, []
        order = account.order_of_sells([name for name in self.sells if name not in waiting], self.whole)
        while order:
            name = max(order, key=lambda order: (self.exceeded(order, quantities), -order.index(order)))
            is_needed = self.exceeded(name, quantities) > 0
            order.remove(name)
            start, after = account.start[name], self.whole[name]
            if account.amount(name, start, after) > left:
                codes[name] = "max_turnover"
                if cut:
                    continue
                cut = True
                lot = account.of[name].lot
                after = start - int(left) * NANO // account.of[name].price // lot * lot
                if after == start or account.below_minimum(name, after, self.value):
                    continue
            highest = account.settings.max_realized_gain
            gain = self.gain(name, after) if highest is not None else 0
            if highest is not None and not is_needed and gain > 0 and gains + gain > highest:
                codes[name] = "max_realized_gain"
                continue
            quantities[name] = after
            left -= account.amount(name, start, after)
            gains += gain
            made.append(name)
        return made

    def make_buys(self, quantities: dict[str, int], codes: dict[str, str]) -> None:
        account, left, cut = self.account, self.buy_budget, False
        for name in account.order_of_buys(self.buys):
            start, after, lot = account.start[name], self.whole[name], account.of[name].lot
            if start == 0 and self.has_no_place(name, quantities):
                codes[name] = "no_place"
                continue
            if account.amount(name, start, after) > left:
                codes[name] = "max_turnover"
                if cut:
                    continue
                cut = True
                after = start + int(left) * NANO // account.of[name].price // lot * lot
            rooms = {node: account.room(node, quantities, self.value) for node in account.nodes(name)}
            added = account.worth(name, after) - account.worth(name, start)
            fits = account.fits_exposures(name, quantities, after, self.value)
            if any(added > room for room in rooms.values()) or not fits:
                codes[name] = "no_cash" if added > rooms[ROOT] else "no_room"
                after = start + account.most_lots(name, min(rooms.values()), (after - start) // lot) * lot
                while after > start and not account.fits_exposures(name, quantities, after, self.value):
                    after -= lot
            if after != self.whole[name]:
                lowest = of(account.limits.min_position_weight, self.value)
                too_small = start == 0 and account.worth(name, after) < lowest
                if after == start or account.below_minimum(name, after, self.value) or too_small:
                    continue
            quantities[name] = after
            left -= account.amount(name, start, after)

    def has_no_place(self, name: str, quantities: dict[str, int]) -> bool:
        for node in [*self.account.paths[name], ROOT]:
            count = self.positions(node, quantities)
            if count >= self.position_limit(node) and count >= self.positions(node, self.whole):
                return True
        return False

    def must_wait(self, quantities: dict[str, int], made: list[str]) -> str | None:
        account = self.account
        order = account.order_of_sells(made, self.whole)
        for node in account.tree.paths:
            lowest = account.tree.min_allocation.get(node, 0.0)
            load = account.load(node, quantities)
            bound = min(of(lowest, self.value), account.load(node, account.start), account.load(node, self.whole))
            if load < bound:
                return [name for name in order if node in account.paths[name]][-1]
        for row in account.exposures:
            loads = [account.exposure(row, of_) for of_ in (quantities, account.start, self.whole)]
            if loads[0] < min(of(row.minimum, self.value), *loads[1:]):
                return [name for name in order if part(row, name, account.worth(name, account.start[name])) > 0][-1]
        if not (account.limits.enable_bucket_diversification and account.limits.enforce_min_buckets):
            return None
        before, now, planned = (self.represented(of_) for of_ in (account.start, quantities, self.whole))
        if len(now) < min(account.limits.min_buckets_represented, len(before), len(planned)):
            lost = [name for name in order if quantities[name] == 0 and account.paths[name][0] in before - now]
            if lost:
                return lost[-1]
        return None

    def represented(self, quantities: dict[str, int]) -> set[Node]:
        account = self.account
        nodes = {account.paths[name][0] for name in account.names if self.is_position(name, quantities)}
        return nodes - {(UNKNOWN,)}


# ---- §7


def is_long(acquired: dt.date, today: dt.date) -> bool:
    """Whether more than a year has passed; the 29th of February counts as the 28th."""
    try:
        anniversary = acquired.replace(year=acquired.year + 1)
    except ValueError:
        anniversary = dt.date(acquired.year + 1, 2, 28)
    return today > anniversary


def gains_of(account: Account, name: str, sold: int) -> list[tuple[Lot, int, int]]:
    """The lots that a sell takes: each lot, how much of it, and its gain."""
    settings, instrument = account.settings, account.of[name]
    start = account.start[name]
    amount = account.amount(name, start, start - sold)
    proceeds = amount - account.fee(name, start, start - sold)

    def unit_cost(lot: Lot) -> float:
        return float(lot.cost * NANO) / float(lot.quantity)

    def tax(lot: Lot) -> float:
        rate = settings.rate_long if is_long(lot.acquired, settings.today) else settings.rate_short
        return (float(instrument.price) - unit_cost(lot)) * rate

    first: dict[str, Any] = {
        "fifo": lambda lot: lot.acquired.toordinal(),
        "lifo": lambda lot: -lot.acquired.toordinal(),
        "hifo": lambda lot: -unit_cost(lot),
        "lofo": unit_cost,
        "min_tax": tax,
    }
    key = first[settings.relief]
    taken, options, result = 0, 0, []
    for lot in sorted(instrument.lots, key=lambda lot: (key(lot), lot.acquired, lot.name)):
        part = min(lot.quantity, sold - taken)
        if part <= 0:
            break
        taken += part
        share = proceeds * taken // sold - options
        options += share
        result.append((lot, part, share - lot.cost * part // lot.quantity))
    return result


def naive_plan(
    rows: list[dict[str, Any]],
    instruments: dict[str, Instrument],
    limits: RebalancingLimits,
    *,
    cash: int,
    cash_flow: int = 0,
    settings: Settings | None = None,
    exposures: list[dict[str, Any]] | None = None,
) -> NaivePlan:
    """The order list of one account; `rows` as for the pass, without `current_weight`."""
    return Account(rows, instruments, limits, settings or Settings(), cash, cash_flow, exposures).plan()

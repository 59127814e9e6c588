"""Why each candidate has its order, or none: one sentence each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from trimtab.decimals import money_text, shares_of
from trimtab.kernel import money
from trimtab.kernel.compilation import undecorated
from trimtab.orders.neighbours import Rounding
from trimtab.orders.stage import DecidedPlan
from trimtab.reasons import OrderReason
from trimtab.text import percent

# Plain: a few numbers are not worth compiling in each process.
parts_of, portion, worth_of = (undecorated(each) for each in (money.parts_of, money.portion, money.worth_of))


@dataclass(frozen=True)
class OrderFacts:
    """The facts for a sentence about a candidate's order; amounts in micro-units, shares in nano-shares."""

    asset: str
    reason: OrderReason
    record: Any  # `ASSET`
    target: float
    account: Any  # `ORDER_ACCOUNT`
    obstacle: str = ""  # the limit behind a reason that is about one, as a clause

    @property
    def shares(self) -> str:
        """The shares of the order."""
        return _shares(abs(int(self.record["now"]) - int(self.record["quantity"])))

    @property
    def verb(self) -> str:
        """The action."""
        now, quantity = int(self.record["now"]), int(self.record["quantity"])
        if now == quantity:
            return "No order"
        if now == 0:
            return f"Sell all {self.shares}"
        return f"{'Buy' if now > quantity else 'Sell'} {self.shares}"

    @property
    def target_text(self) -> str:
        """The target, as weight and money."""
        money = portion(parts_of(self.target), int(self.account["value"]))
        return f"{percent(self.target)} ({money_text(money)})"

    @property
    def lot_text(self) -> str:
        """The shares of one lot, and its value."""
        lot = int(self.record["lot"])
        return f"{_shares(lot)} ({money_text(worth_of(lot, int(self.record['price'])))})"

    @property
    def wanted(self) -> str:
        """The shares that would have been bought or sold for the target."""
        return _shares(abs(int(self.record["base_quantity"]) - int(self.record["quantity"])))


def sentence_of(facts: OrderFacts) -> str:
    """The sentence about a candidate's order."""
    return f"{facts.verb}: {_CLAUSES[facts.reason](facts)}."


def facts_of(decided: DecidedPlan, names: Sequence[str], place: int) -> OrderFacts:
    """The facts about one candidate of a plan."""
    record = decided.assets[place]
    target = float(decided.answer[place]["target"])
    facts = OrderFacts(names[place], OrderReason(record["reason"]), record, target, decided.account)
    obstacle = _OBSTACLES.get(facts.reason)
    return replace(facts, obstacle=obstacle(facts, Rounding(decided, place))) if obstacle else facts


def _no_room(facts: OrderFacts, rounding: Rounding) -> str:
    """The bucket that a larger order does not fit into."""
    for quantity, lots in _larger(facts):
        for full in rounding.full(quantity):
            return f"{full.name} ({full.field} {full.limit}) has no room for {lots}"
    return "other orders had taken the room of a bucket when its turn came"


def _no_cash(facts: OrderFacts, rounding: Rounding) -> str:
    """Whether the cash or the aim of the account has no room for a larger order."""
    for quantity, lots in _larger(facts):
        if any(rounding.short_of_cash(quantity)):
            return f"the cash does not cover {lots}"
        for full in rounding.invested(quantity):
            return f"with {lots}, {full.weight} would be invested, above {full.limit} ({full.field})"
    return "other orders had taken the cash when its turn came"


def _larger(facts: OrderFacts) -> Iterator[tuple[int, str]]:
    """Larger quantities, with the lots that lead there: all for the target, and one more."""
    record, base = facts.record, int(facts.record["base_quantity"])
    now, lot = int(record["now"]), int(record["lot"])
    is_traded = now != int(record["quantity"])
    whole = [(base, f"all {facts.wanted}")] if base > now else []
    next_lot = (now + lot, f"another lot of {facts.lot_text}" if is_traded else f"one lot of {facts.lot_text}")
    yield from [*whole, next_lot] if is_traded else [next_lot, *whole]


def _waits(facts: OrderFacts, rounding: Rounding) -> str:
    """The minimum that the sale would break."""
    minimum = next(rounding.missed_minima(int(facts.record["base_quantity"])), "a minimum would be missed")
    return f"the sale waits: {minimum} before the purchases are made"


def _forced(facts: OrderFacts, rounding: Rounding) -> str:
    """The limit that the holding would exceed."""
    quantity = int(facts.record["quantity"])
    for full in rounding.exceeded(quantity):
        return f"a small order; without it, {full.name} would be at {full.weight}, above {full.limit} ({full.field})"
    return "a small order, made because a limit would be exceeded otherwise"


_OBSTACLES: dict[OrderReason, Callable[[OrderFacts, Rounding], str]] = {
    OrderReason.NO_ROOM: _no_room,
    OrderReason.NO_CASH: _no_cash,
    OrderReason.WAITS_FOR_MINIMUM: _waits,
    OrderReason.FORCED_FOR_LIMIT: _forced,
}


def _shares(nano: int) -> str:
    number = shares_of(nano)
    return f"{number:,f}"


def _to_target(facts: OrderFacts) -> str:
    return f"its target is {facts.target_text}"


def _rounded_up(facts: OrderFacts) -> str:
    return f"its target is {facts.target_text}; one more lot brings the account closer to its targets"


def _within_one_lot(facts: OrderFacts) -> str:
    return f"it is within one lot of {facts.lot_text} of its target"


def _below_min_notional(facts: OrderFacts) -> str:
    return f"the order would be below its minimum of {money_text(int(facts.record['min_notional']))} (min_notional)"


def _below_min_trade(facts: OrderFacts) -> str:
    own = int(facts.account["min_trade_amount"])
    if own >= 0:
        return f"the order would be below {money_text(own)} (min_trade_amount)"
    share = float(facts.account["min_trade"])
    return f"the order would be below {percent(share)} of the account (min_trade)"


def _fee_too_high(facts: OrderFacts) -> str:
    return f"the fee would be above {percent(float(facts.account['max_fee_share']))} of the amount (max_fee_share)"


def _max_turnover(facts: OrderFacts) -> str:
    return f"the account may trade {percent(float(facts.account['max_turnover']))} of its value (max_turnover); the next plan continues"


def _max_realized_gain(facts: OrderFacts) -> str:
    max_gain = money_text(int(facts.account["max_realized_gain"]))
    return f"the sale would take realized gains above {max_gain} (max_realized_gain)"


def _no_place(_: OrderFacts) -> str:
    return "not all sales that would free a place for it are made"


def _no_lot_fits(facts: OrderFacts) -> str:
    return f"it was selected, but one lot of {facts.lot_text} does not fit"


def _lot_too_large(facts: OrderFacts) -> str:
    return f"one lot of {facts.lot_text} is more than it may weigh"


def _on_target(_: OrderFacts) -> str:
    return "it is on target"


def _not_wanted(_: OrderFacts) -> str:
    return "it is neither held nor selected"


def _braked(_: OrderFacts) -> str:
    return "a brake stopped the account, so nothing is traded"


_CLAUSES: dict[OrderReason, Callable[[OrderFacts], str]] = {
    OrderReason.TO_TARGET: _to_target,
    OrderReason.ROUNDED_UP: _rounded_up,
    OrderReason.FORCED_FOR_LIMIT: lambda facts: facts.obstacle,
    OrderReason.NO_CASH: lambda facts: facts.obstacle,
    OrderReason.NO_ROOM: lambda facts: facts.obstacle,
    OrderReason.WITHIN_ONE_LOT: _within_one_lot,
    OrderReason.BELOW_MIN_NOTIONAL: _below_min_notional,
    OrderReason.BELOW_MIN_TRADE: _below_min_trade,
    OrderReason.FEE_TOO_HIGH: _fee_too_high,
    OrderReason.MAX_TURNOVER: _max_turnover,
    OrderReason.MAX_REALIZED_GAIN: _max_realized_gain,
    OrderReason.NO_PLACE: _no_place,
    OrderReason.WAITS_FOR_MINIMUM: lambda facts: facts.obstacle,
    OrderReason.NO_LOT_FITS: _no_lot_fits,
    OrderReason.LOT_TOO_LARGE: _lot_too_large,
    OrderReason.ON_TARGET: _on_target,
    OrderReason.NOT_WANTED: _not_wanted,
    OrderReason.BRAKED: _braked,
}

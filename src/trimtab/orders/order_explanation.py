"""Why an asset has its order, or none: from the target to whole lots, the neighbours, and what would change it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from trimtab.candidates.candidates import Candidates
from trimtab.decimals import MICRO, money_of, money_text, shares_of
from trimtab.orders.account_inputs import AccountInputs
from trimtab.orders.neighbours import Rounding
from trimtab.orders.order_changes import OrderChange, OrderReruns
from trimtab.orders.sentences import facts_of, sentence_of
from trimtab.orders.stage import DecidedPlan
from trimtab.reasons import OrderReason
from trimtab.text import counted_shares

_FOUR_PLACES = Decimal("0.0001")
# The decision was not about whole lots: there is nothing to say about one lot more or less.
_NOT_ROUNDED = frozenset({OrderReason.NOT_WANTED, OrderReason.BRAKED, OrderReason.ON_TARGET})


@dataclass(frozen=True)
class OrderExplanation:
    """The way from an asset's target to its order. Money is in the base currency.

    `target` says how the rebalance came to its weight, empty where a lot too large took no part; `one_lot_more` and `one_lot_less` what speaks against them, empty
    where the decision is not about lots; `changes` were each tried, `without_effect` too.
    """

    asset: str
    sentence: str
    reason: str
    target: str
    shares_before: Decimal
    shares_after: Decimal
    target_amount: Decimal
    target_shares: Decimal | None  # None without a price
    one_lot_more: str
    one_lot_less: str
    changes: tuple[OrderChange, ...]
    without_effect: tuple[str, ...]

    @property
    def steps(self) -> tuple[str, ...]:
        """The way to the order in sentences."""
        steps = [self.target] if self.target else []
        if self.target_shares and self.one_lot_more:
            amount = money_text(int(self.target_amount * MICRO))
            steps.append(f"{amount} would be {counted_shares(self.target_shares)}.")
        steps += [f"{text}." for text in (self.one_lot_more, self.one_lot_less) if text]
        return tuple(steps)

    @property
    def about_changes(self) -> tuple[str, ...]:
        """The changes in words; or that none was found, with the settings that were tried."""
        effects = tuple(change.effect for change in self.changes)
        return effects or (f"no setting tried here changes it: {', '.join(self.without_effect)}",)

    @property
    def text(self) -> str:
        """The whole explanation as lines."""
        changes = [f"  - {effect}" for effect in self.about_changes]
        return "\n".join([f"{self.asset}: {self.sentence}", *(f"  {step}" for step in self.steps), *changes]) + "\n"

    def to_dict(self) -> dict[str, Any]:
        """The explanation as plain values; numbers are exact decimals."""
        return asdict(self)


def explain_order(
    decided: DecidedPlan, candidates: Candidates, inputs: AccountInputs, names: Sequence[str], place: int, target: str
) -> OrderExplanation:
    """The explanation of one asset's order; `candidates` as the user gave them, `target` the words of the rebalance."""
    record = decided.assets[place]
    facts, rounding = facts_of(decided, names, place), Rounding(decided, place)
    has_price = inputs.named(candidates)[place].price is not None
    is_sold_out = rounding.goal == 0 and record["now"] == 0 and record["quantity"] > 0
    has_lots = has_price and not is_sold_out and facts.reason not in _NOT_ROUNDED
    reruns = OrderReruns(candidates, inputs, place, int(record["now"]))
    changes, without_effect = reruns.changes()
    shares = Decimal(rounding.goal) / int(record["price"]) if has_price else None
    return OrderExplanation(
        asset=names[place],
        sentence=sentence_of(facts),
        reason=facts.reason.code,
        target="" if facts.reason == OrderReason.LOT_TOO_LARGE else target,
        shares_before=shares_of(int(record["quantity"])),
        shares_after=shares_of(int(record["now"])),
        target_amount=money_of(rounding.goal),
        target_shares=None if shares is None else shares.quantize(_FOUR_PLACES),
        one_lot_more=rounding.more() if has_lots else "",
        one_lot_less=rounding.less() if has_lots else "",
        changes=changes,
        without_effect=without_effect,
    )

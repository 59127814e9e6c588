"""The cash that a plan leaves, and why: parts that add up to it, to the micro-unit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from trimtab.decimals import money_of, money_text
from trimtab.errors import listed
from trimtab.orders.neighbours import Rounding, parts_of, portion
from trimtab.orders.stage import DecidedPlan
from trimtab.reasons import OrderReason
from trimtab.text import figure, percent, printable

_NAMED = 4
# Reasons that are about whole lots; the others have a sentence of their own.
_LOTS = frozenset(
    {
        OrderReason.TO_TARGET,
        OrderReason.ROUNDED_UP,
        OrderReason.WITHIN_ONE_LOT,
        OrderReason.FORCED_FOR_LIMIT,
        OrderReason.ON_TARGET,
        OrderReason.NOT_WANTED,
    }
)
_WORDS = {
    OrderReason.NO_CASH: "the cash, or the aim of the account, has no room for them (cash_buffer, target_invested, cash_band)",
    OrderReason.NO_ROOM: "a bucket has no room for them",
    OrderReason.BELOW_MIN_NOTIONAL: "the orders would be below the broker's minimum (min_notional)",
    OrderReason.BELOW_MIN_TRADE: "the orders would be too small (min_trade, min_trade_amount)",
    OrderReason.FEE_TOO_HIGH: "the fees would be too high (max_fee_share)",
    OrderReason.MAX_TURNOVER: "the account may not trade more (max_turnover)",
    OrderReason.MAX_REALIZED_GAIN: "the sales would realize too much gain (max_realized_gain)",
    OrderReason.NO_PLACE: "their places are not free yet",
    OrderReason.WAITS_FOR_MINIMUM: "the sales wait for purchases",
    OrderReason.NO_LOT_FITS: "one lot is too large for them",
    OrderReason.LOT_TOO_LARGE: "one lot is too large for them",
    OrderReason.BRAKED: "a brake stopped the account",
}


@dataclass(frozen=True)
class CashPart:
    """A part of the cash that is left: its amount (below 0: it takes cash), and why."""

    cause: str
    amount: Decimal
    sentence: str


def cash_parts(decided: DecidedPlan, names: Sequence[str], reasons: Sequence[str]) -> tuple[CashPart, ...]:
    """The parts that the cash after the orders is made of; `reasons`: why the targets leave more than they aim at."""
    return tuple(CashPart(cause, money_of(amount), text) for cause, amount, text in _parts(decided, names, reasons))


def _parts(decided: DecidedPlan, names: Sequence[str], reasons: Sequence[str]) -> Iterator[tuple[str, int, str]]:
    account = decided.account
    value, cash = int(account["value"]), int(account["cash_after"])
    aim = decided.limits.target_invested
    left = value - portion(parts_of(aim), value)
    yield "aim", left, f"{money_text(left)} by the aim to invest {percent(aim)} (target_invested {figure(aim)})"
    rows = [Rounding(decided, index) for index in range(len(names))]
    beyond = value - sum(row.goal for row in rows) - left
    why = f": {'; '.join(reasons)}" if reasons else ""
    if beyond:
        more = "more" if beyond > 0 else "less"
        yield "targets", beyond, f"{money_text(abs(beyond))} {more} by the targets{why}"
    gaps: dict[OrderReason, list[tuple[int, str]]] = {}
    for row, name in zip(rows, names, strict=True):
        reason = OrderReason(int(row.record["reason"]))
        gap = row.goal - row.worth(int(row.record["now"]))
        if reason not in _LOTS and gap:
            gaps.setdefault(reason, []).append((gap, printable(name)))
    for reason, those in sorted(gaps.items()):
        amount = sum(gap for gap, _ in those)
        named = listed((name for _, name in sorted(those, reverse=True)), _NAMED)
        yield reason.code, amount, f"{_signed(amount)} for {named}: {_WORDS[reason]}"
    fees = int(account["value"]) - int(account["value_after"])
    other = sum(sum(gap for gap, _ in those) for those in gaps.values())
    lots = cash - left - beyond - other + fees
    if lots:
        yield "lots", lots, f"{_signed(lots)} because shares come in whole lots"
    if fees:
        yield "fees", -fees, f"{money_text(fees)} less by fees and rounded amounts"


def _signed(amount: int) -> str:
    return f"{money_text(abs(amount))} {'more' if amount >= 0 else 'less'}"

"""Two stored plans compared: targets with their causes, trades and money."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from trimtab.errors import Fault, InputError
from trimtab.explanations.difference import Difference
from trimtab.orders.order import Order
from trimtab.orders.plan import Plan
from trimtab.store.freshness import input_changes
from trimtab.store.record import Record
from trimtab.store.replay import Replay, replay
from trimtab.store.run_store import RunStore
from trimtab.text import figure


@dataclass(frozen=True)
class TradeChange:
    """An asset whose order is another one: shares and amounts, above 0 for buys and below 0 for sells."""

    asset: str
    shares_before: Decimal
    shares_after: Decimal
    amount_before: Decimal
    amount_after: Decimal

    @property
    def sentence(self) -> str:
        """The change as a sentence."""
        before, after = _trade(self.shares_before, self.amount_before), _trade(self.shares_after, self.amount_after)
        return f"{self.asset}: {before} -> {after}"


@dataclass(frozen=True)
class RunDifference:
    """The changes from one stored plan to another."""

    input_changes: tuple[str, ...]  # changed prices, positions, limits and cash, as sentences
    targets: Difference
    trades: tuple[TradeChange, ...]
    money: Mapping[str, tuple[Decimal, Decimal]]  # value, cash, fees, sold and bought, before and after
    notes: tuple[str, ...]  # of runs that do not replay to the same bytes

    def to_dict(self) -> dict[str, Any]:
        """The difference as plain values; amounts and shares as exact text."""
        trades = [{name: _text(value) for name, value in asdict(trade).items()} for trade in self.trades]
        return {
            "input_changes": list(self.input_changes),
            "inputs": [{**asdict(change), **_plain(change)} for change in self.targets.inputs],
            "targets": [{**asdict(change), "text": change.text} for change in self.targets.changes],
            "trades": trades,
            "money": {name: [_text(before), _text(after)] for name, (before, after) in self.money.items()},
            "notes": list(self.notes),
        }

    def lines(self) -> Iterator[str]:
        """The difference as text."""
        yield from (f"note: {note}" for note in self.notes)
        sections = (
            ("Inputs", self._inputs),
            ("Targets", [change.text for change in self.targets.changes]),
            ("Trades", [trade.sentence for trade in self.trades]),
            ("Money", [f"{name}: {old:,.2f} -> {new:,.2f}" for name, (old, new) in self.money.items() if old != new]),
        )
        for title, sentences in sections:
            yield f"{title}: the same" if not sentences else title
            yield from (f"  {sentence}" for sentence in sentences)

    @property
    def _inputs(self) -> list[str]:
        """Changed inputs, then the changes that follow from them, such as weights from prices."""
        shown = [_input_text(change) for change in self.targets.inputs]
        return list(dict.fromkeys([*self.input_changes, *(text for text in shown if text)]))


def run_difference(store: RunStore, before: Record, after: Record, version: str) -> RunDifference:
    """The changes from one stored plan to another; both are decided again from their inputs.

    Raises
    ------
    InputError
        A run whose inputs were pruned, or are refused today.
    """
    replays = replay(store, before, version), replay(store, after, version)
    old, new = (_plan_of(each) for each in replays)
    amounts = ("value_before", "cash_before", "sold", "bought", "fees", "value", "cash")
    return RunDifference(
        tuple(input_changes(*(each.inputs for each in replays))),
        old.result.diff(new.result),
        tuple(trade_changes(old, new)),
        {name.replace("_", " "): (getattr(old, name), getattr(new, name)) for name in amounts},
        tuple(each.sentence for each in replays if not each.is_same),
    )


def _plan_of(outcome: Replay) -> Plan:
    if outcome.plan is None:
        raise InputError([Fault(outcome.sentence, "compare it with the version that made it")])
    return outcome.plan


def trade_changes(old: Plan, new: Plan) -> Iterator[TradeChange]:
    """The assets whose orders differ between two plans, sorted."""
    before, after = ({order.asset: order for order in made.orders} for made in (old, new))
    for asset in sorted({*before, *after}):
        shares = _signed(before.get(asset), "shares"), _signed(after.get(asset), "shares")
        amounts = _signed(before.get(asset), "amount"), _signed(after.get(asset), "amount")
        if shares[0] != shares[1] or amounts[0] != amounts[1]:
            yield TradeChange(asset, *shares, *amounts)


def _signed(order: Order | None, name: str) -> Decimal:
    if order is None:
        return Decimal(0)
    value: Decimal = getattr(order, name)
    return value if order.side == "buy" else -value


def _trade(shares: Decimal, amount: Decimal) -> str:
    if not shares:
        return "no order"
    return f"{'buy' if shares > 0 else 'sell'} {_text(abs(shares))} for {abs(amount):,.2f}"


def _text(value: Any) -> str:
    return format(value.normalize(), "f") if isinstance(value, Decimal) else str(value)


def _plain(change: Any) -> dict[str, Any]:
    return {name: _shown(getattr(change, name)) for name in ("before", "after")}


def _shown(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _input_text(change: Any) -> str:
    """A changed input as a sentence; empty where both numbers read the same."""
    about = f"{change.name} of {change.asset}" if change.asset else change.name
    before, after = (
        figure(value) if isinstance(value, float) else _shown(value) for value in (change.before, change.after)
    )
    return f"{about}: {before} -> {after}" if before != after else ""

"""Gates, which can hold an order file back. Each is measured, and its verdict is data."""

from __future__ import annotations

import datetime as dt
import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any

from trimtab.errors import Fault, InputError, SetupError, nearest
from trimtab.limits.gate_settings import STATES, GateSettings
from trimtab.orders.gate_sentences import gate_sentence
from trimtab.orders.order import Order
from trimtab.orders.plan_view import PlanView
from trimtab.orders.price_history import PriceHistory

_LOG = logging.getLogger(__name__)
_FEW_ACCOUNTS = 20


class Verdict(StrEnum):
    """The verdict of a gate."""

    OK = "ok"
    HOLD = "hold"
    ACKNOWLEDGED = "acknowledged"
    NOT_MEASURED = "not_measured"


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate, measured. `measured` and `limit` are exact decimals, or text if they are not numbers."""

    gate: str
    measured: Decimal | str
    limit: Decimal | str
    verdict: str
    asset: str = ""  # whose order or price it is about; empty: the account, or the run
    note: str = ""  # who acknowledged it, and why
    account: str = ""  # empty: the run, or the only account

    @property
    def sentence(self) -> str:
        """The measurement as a sentence."""
        about = f"Account {self.account}: " if self.account else ""
        return about + gate_sentence(self.gate, self.measured, self.limit, self.asset)


def account_gates(
    plan: PlanView,
    settings: GateSettings,
    *,
    history: Mapping[str, PriceHistory] | None = None,
    sessions: Sequence[dt.date] = (),
) -> tuple[Gate, ...]:
    """The gates of one plan.

    `history`: the record of each price. `sessions`: the last sessions, in order; the last of them is the newest.
    """
    known = history or {}
    gates = [_cash_buffer(plan), *_size_gates(plan, settings)]
    for order in plan.orders:
        price = known.get(order.asset, PriceHistory())
        gates.append(_price_age(order, price, sessions, settings))
        gates.append(_price_move(order, price, settings))
    return tuple(gates)


def _judged(gate: str, measured: Decimal, limit: Decimal, asset: str = "") -> Gate:
    """A gate that holds orders back above its limit."""
    return Gate(gate, measured, limit, Verdict.HOLD if measured > limit else Verdict.OK, asset)


def not_measured(gate: str, lacking: str, limit: str) -> Gate:
    """A gate that lacks what it needs."""
    return Gate(gate, lacking, limit, Verdict.NOT_MEASURED)


def _exact(number: float) -> Decimal:
    return Decimal(repr(number))


def _cash_buffer(plan: PlanView) -> Gate:
    """Cash after all orders, against the cash buffer; a plan without buys needs no buffer."""
    buffer = _exact(plan.settings.cash_buffer) * plan.value
    uses_cash = any(order.side == "buy" for order in plan.orders)
    is_used = plan.cash < 0 or (uses_cash and plan.cash < buffer - plan.fees)
    return Gate("cash_buffer", plan.cash, buffer, Verdict.HOLD if is_used else Verdict.OK)


def _size_gates(plan: PlanView, settings: GateSettings) -> Iterator[Gate]:
    """The size of each order, and of all orders of the account."""
    value = plan.value_before
    for order in plan.orders:
        if not order.closes:  # a position to close may have any size
            yield _judged("order_share", order.amount / value, _exact(settings.max_order_share), order.asset)
        if settings.max_order_amount is not None:
            yield _judged("order_amount", order.amount, settings.max_order_amount, order.asset)
    idle = max(Decimal(0), plan.cash_before)
    traded = max(plan.sold, plan.bought - idle)
    yield _judged("account_turnover", traded / value, _exact(settings.max_account_turnover))
    yield _judged("account_orders", Decimal(len(plan.orders)), Decimal(settings.max_account_orders))


def _price_age(order: Order, price: PriceHistory, sessions: Sequence[dt.date], settings: GateSettings) -> Gate:
    """How many sessions a price is older than the last one."""
    limit = Decimal(settings.max_price_age)
    if price.date is None or not sessions:
        verdict = Verdict.HOLD if settings.need_price_dates else Verdict.NOT_MEASURED
        return Gate("price_age", "no price_date", limit, verdict, order.asset)
    age = sum(session > price.date for session in sessions)
    return _judged("price_age", Decimal(age), limit, order.asset)


def _price_move(order: Order, price: PriceHistory, settings: GateSettings) -> Gate:
    """How far a price is from the previous one, up or down, as a fraction of the smaller."""
    limit = _exact(settings.max_price_move)
    if price.previous is None or price.previous <= 0:
        return Gate("price_move", "no previous_price", limit, Verdict.NOT_MEASURED, order.asset)
    ratio = max(order.price, price.previous) / min(order.price, price.previous)
    gate = _judged("price_move", ratio - 1, limit, order.asset)
    return replace(gate, verdict=Verdict.OK, note="explained") if price.is_explained else gate


def run_gates(plans: Iterable[PlanView], settings: GateSettings) -> tuple[Gate, ...]:
    """The gates of a run of many accounts."""
    made = list(plans)
    orders = [order for plan in made for order in plan.orders]
    amount = sum((order.amount for order in orders), Decimal(0))
    return counted_gates(len(orders), amount, sum(bool(plan.orders) for plan in made), len(made), settings)


def counted_gates(
    orders: int, amount: Decimal, trading: int, accounts: int, settings: GateSettings
) -> tuple[Gate, ...]:
    """The gates of a run, from its number of orders, their amount, and how many of its accounts trade."""
    gates = [_judged("run_orders", Decimal(orders), Decimal(settings.max_run_orders))]
    if settings.max_run_amount is not None:
        gates.append(_judged("run_amount", amount, settings.max_run_amount))
    if accounts >= _FEW_ACCOUNTS:
        share = Decimal(trading) / accounts
        gates.append(_judged("trading_accounts", share, _exact(settings.max_trading_accounts)))
    return tuple(gates)


# ---- what was written before, and the state of trading


@dataclass(frozen=True, slots=True)
class Written:
    """An order that was written: when, and of which account."""

    time: dt.datetime
    account: str
    asset: str
    side: str
    shares: Decimal


def repeat_gates(
    plan: PlanView, written: Iterable[Written], now: dt.datetime, settings: GateSettings, account: str = ""
) -> tuple[Gate, ...]:
    """Hold back an order if the same one was written within the last hours: same account, asset, side and shares."""
    since = now - dt.timedelta(hours=settings.repeat_hours)
    recent = {
        (before.asset, before.side, before.shares)
        for before in written
        if before.account == account and since < before.time <= now
    }
    limit = Decimal(settings.repeat_hours)
    return tuple(
        Gate(
            "repeated_order",
            "written" if (order.asset, order.side, order.shares) in recent else "new",
            limit,
            Verdict.HOLD if (order.asset, order.side, order.shares) in recent else Verdict.OK,
            order.asset,
        )
        for order in plan.orders
    )


def written_line(order: Order, now: dt.datetime, account: str = "") -> str:
    """An order as a line of the record of written orders: JSON, to be appended."""
    values = {
        "time": now.astimezone(dt.UTC).isoformat(),
        "account": account,
        "asset": order.asset,
        "side": order.side,
        "shares": format(order.shares, "f"),
        "client_order_id": order.client_order_id,
    }
    return json.dumps(values, ensure_ascii=False) + "\n"


def acknowledgement_line(gate: Gate, now: dt.datetime) -> str:
    """A gate that was let through, as a line of the record."""
    (values,) = gates_as_records([gate])
    return json.dumps({"time": now.astimezone(dt.UTC).isoformat(), **values}, ensure_ascii=False) + "\n"


def read_written(text: str, source: str) -> list[Written]:
    """The record of written orders.

    Raises
    ------
    InputError
        A line that is not part of the record, which is then unreliable.
    """
    lines = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            values = json.loads(line)
            if "gate" in values:
                continue
            time = dt.datetime.fromisoformat(values["time"]).astimezone(dt.UTC)
            shares = Decimal(values["shares"])
            lines.append(Written(time, values["account"], values["asset"], values["side"], shares))
        except (ArithmeticError, KeyError, TypeError, ValueError):
            advice = "restore the file, or move it away once you know which orders were made"
            raise InputError([Fault("is not a line of the record of orders", advice, line=number)], source) from None
    return lines


def state_gate(plan: PlanView, text: str, source: str) -> Gate:
    """The orders that a state file lets through: `NORMAL` everything, `REDUCING` only sells, `HALTED` nothing.

    Raises
    ------
    InputError
        The file holds any other word.
    """
    state = text.strip().lower()
    if state not in STATES:
        known = ", ".join(name.upper() for name in STATES)
        raise InputError([Fault("is not a state", f"write one of {known}", value=text.strip())], source)
    buys = sum(order.side == "buy" for order in plan.orders)
    is_held = (state == "halted" and bool(plan.orders)) or (state == "reducing" and buys > 0)
    return Gate("state", state.upper(), "NORMAL", Verdict.HOLD if is_held else Verdict.OK)


def acknowledged(gates: Sequence[Gate], gate: str, *, by: str, why: str, asset: str = "") -> tuple[Gate, ...]:
    """The gates with those of one name (and asset, if named) let through by a person; it is logged.

    Raises
    ------
    SetupError
        No such gate holds anything back, or the name is empty.
    """
    if not by.strip() or not why.strip():
        raise SetupError("an acknowledgement needs a name and a reason", "say who lets the gate through, and why")
    held = [each for each in gates if each.verdict == Verdict.HOLD]
    chosen = [each for each in held if each.gate == gate and asset in ("", each.asset)]
    if not chosen:
        names = sorted({each.gate for each in held})
        raise SetupError(f"no gate {gate!r} holds anything back", nearest(gate, names) if names else "no gate holds")
    for each in chosen:
        _LOG.warning("gate %s acknowledged by %s: %s (%s)", each.gate, by, why, each.sentence)
    note = f"{by}: {why}"
    return tuple(replace(each, verdict=Verdict.ACKNOWLEDGED, note=note) if each in chosen else each for each in gates)


def holding(gates: Iterable[Gate]) -> list[Gate]:
    """The gates that hold the order file back."""
    return [gate for gate in gates if gate.verdict == Verdict.HOLD]


def gates_as_records(gates: Iterable[Gate]) -> list[dict[str, Any]]:
    """The gates as dicts; numbers as exact text."""
    return [
        {
            "gate": gate.gate,
            "account": gate.account,
            "asset": gate.asset,
            "measured": _text(gate.measured),
            "limit": _text(gate.limit),
            "verdict": str(gate.verdict),
            "note": gate.note,
        }
        for gate in gates
    ]


def _text(value: Decimal | str) -> str:
    """An exact number in full, but for the quotients: twelve digits tell which side of a limit they are on."""
    return format(value, "f") if isinstance(value, Decimal) else value

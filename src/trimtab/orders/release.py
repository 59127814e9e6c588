"""May the orders of a plan, or of many plans, be written? One answer, with the gates that it rests on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from trimtab.errors import Fault, InputError, OutputError
from trimtab.files.links import append_bytes
from trimtab.limits.gate_settings import GateSettings
from trimtab.orders.gates import (
    Gate,
    Verdict,
    Written,
    account_gates,
    acknowledged,
    acknowledgement_line,
    gates_as_records,
    holding,
    not_measured,
    read_written,
    repeat_gates,
    run_gates,
    state_gate,
    written_line,
)
from trimtab.orders.plan import Plan, json_text
from trimtab.orders.price_history import last_session_before, sessions_up_to


@dataclass(frozen=True)
class Acknowledgement:
    """A gate that a person lets through: its name, for one asset if named, by whom and why."""

    gate: str
    by: str
    why: str
    asset: str = ""


@dataclass(frozen=True, kw_only=True)
class Desk:
    """The facts beside the plans: the time, the last session, earlier orders, the state, and acknowledged gates.

    `record`: the file of the orders that were written (made by `Release.write_record`); `written`: more such orders;
    `state`: the file that says `NORMAL`, `REDUCING` or `HALTED`. Without these their gates are `not_measured`.
    `calendar`: the days on which the market is open, from an exchange's calendar, from before the oldest price up to `now`;
    weekdays where None. `last_session`: the session before `now` where None.
    """

    now: dt.datetime
    last_session: dt.date | None = None
    calendar: Collection[dt.date] | None = None
    record: str | Path | None = None
    written: Sequence[Written] | None = None
    state: str | Path | None = None
    acknowledgements: Sequence[Acknowledgement] = ()

    def __post_init__(self) -> None:
        if self.now.tzinfo is None:
            raise InputError([Fault("has no time zone", "give one, such as datetime.now(UTC)", "now", value=self.now)])


@dataclass(frozen=True)
class Release:
    """The answer: whether an order file may be written, and every gate."""

    plans: Mapping[str, Plan]
    gates: tuple[Gate, ...]
    desk: Desk

    @property
    def plan(self) -> Plan:
        """The only plan, or the first of a run."""
        return next(iter(self.plans.values()))

    @property
    def is_granted(self) -> bool:
        """Whether the orders may be written."""
        return not self.held

    @property
    def held(self) -> tuple[Gate, ...]:
        """The gates that hold the orders back."""
        return tuple(holding(self.gates))

    @property
    def unmeasured(self) -> tuple[str, ...]:
        """The names of the gates that lack data."""
        return tuple(dict.fromkeys(gate.gate for gate in self.gates if gate.verdict == Verdict.NOT_MEASURED))

    def to_dict(self) -> dict[str, Any]:
        """The answer as plain values; numbers as exact text."""
        return {"is_granted": self.is_granted, "gates": gates_as_records(self.gates)}

    def to_json(self) -> str:
        """The only plan with its gates as JSON; orders that are held back are not where a program looks for orders."""
        return json_text(released(self.plan.to_dict(), **self.to_dict()))

    def write_record(self) -> None:
        """Add the orders to the record, which makes them repeated orders for a day. Do it before the file is written.

        Raises
        ------
        OutputError
            A gate holds the orders back, or the record cannot be written; nothing was added.
        """
        if not self.is_granted:
            raise OutputError([Fault("orders that a gate holds back are not recorded", self.held[0].sentence)])
        if self.desk.record is None:
            return
        now = self.desk.now
        lines = [acknowledgement_line(gate, now) for gate in self.gates if gate.verdict == Verdict.ACKNOWLEDGED]
        lines += [written_line(order, now, account) for account, plan in self.plans.items() for order in plan.orders]
        try:
            append_bytes(Path(self.desk.record), "".join(lines).encode())
        except OSError as error:
            fault = Fault(f"cannot be written ({error.strerror or error})", "name a place where you may write")
            raise OutputError([fault], str(self.desk.record)) from None


def released(plan: Mapping[str, Any], *, is_granted: bool, gates: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The values of a plan with its gates; orders that are held back are not where a program looks for orders."""
    document = {**plan, "is_granted": is_granted, "gates": list(gates)}
    return document if is_granted else {**document, "orders": [], "held_orders": plan["orders"]}


def may_write(plans: Plan | Mapping[str, Plan], desk: Desk, *, gates: GateSettings | None = None) -> Release:
    """Measure every gate of one plan, or of a run of plans by account.

    `gates`: the settings of all plans; by default each plan has those of its limits, and a run those of its first plan.

    Raises
    ------
    InputError
        A record or state file that cannot be read.
    SetupError
        An acknowledgement of a gate that holds nothing back, or without a name or a reason.

    Examples
    --------
    >>> import trimtab
    >>> plan = trimtab.plan([{"asset": "AAA", "score": 0.9, "price": 10}], cash=500)
    >>> desk = Desk(now=dt.datetime(2026, 3, 2, 15, tzinfo=dt.UTC))
    >>> may_write(plan, desk).is_granted
    True
    >>> release = may_write(plan, desk, gates=GateSettings(max_order_share=0.1))
    >>> [gate.sentence for gate in release.held]
    ['The order of AAA is 20% of the account; at most 10% (max_order_share)']
    """
    by_account = {"": plans} if isinstance(plans, Plan) else dict(plans)
    written = desk.written if desk.record is None else [*(desk.written or ()), *_written(Path(desk.record))]
    state = None if desk.state is None else _state(Path(desk.state))
    measured: list[Gate] = []
    for account, plan in by_account.items():
        measured += _of_account(plan, account, desk, gates or plan.gate_settings, written, state)
    if not isinstance(plans, Plan) and by_account:
        first = next(iter(by_account.values()))
        measured += run_gates(by_account.values(), gates or first.gate_settings)
    result = tuple(measured)
    for each in desk.acknowledgements:
        result = acknowledged(result, each.gate, by=each.by, why=each.why, asset=each.asset)
    return Release(by_account, result, desk)


def _of_account(
    plan: Plan,
    account: str,
    desk: Desk,
    settings: GateSettings,
    written: Sequence[Written] | None,
    state: tuple[str, str] | None,
) -> Iterator[Gate]:
    last = desk.last_session or last_session_before(desk.now.date(), desk.calendar)
    sessions = sessions_up_to(last, plan.price_history, desk.calendar)
    gates = [*account_gates(plan, settings, history=plan.price_history, sessions=sessions)]
    if written is None:
        gates.append(not_measured("repeated_order", "no record", f"{settings.repeat_hours}"))
    else:
        gates += repeat_gates(plan, written, desk.now, settings, account)
    gates.append(not_measured("state", "no state file", "NORMAL") if state is None else state_gate(plan, *state))
    return (replace(gate, account=account) for gate in gates)


def _written(path: Path) -> list[Written]:
    """The record; empty where there is no file yet."""
    return read_written(_text(path), str(path)) if path.exists() else []


def _state(path: Path) -> tuple[str, str]:
    if not path.exists():
        raise InputError([Fault("there is no such file", "write NORMAL into it, or check the path")], str(path))
    return _text(path), str(path)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError([Fault(f"cannot be read ({error})", "check the path")], str(path)) from None

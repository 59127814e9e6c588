"""Plans as runs: what a store keeps of a plan, and the plan decided again from it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trimtab.errors import Fault, InputError
from trimtab.kernel.compilation import STAMP
from trimtab.orders.gates import Gate, gates_as_records
from trimtab.orders.plan import Plan
from trimtab.store.plan_inputs import PlanInputs
from trimtab.store.record import Draft, Kind, Record
from trimtab.store.run_store import RunStore
from trimtab.store.tables import parquet_of

PLAN, ORDERS, TARGETS = "plan.json", "orders.parquet", "targets.parquet"


@dataclass(frozen=True)
class Stamp:
    """Who makes a record, when, why, and with which trimtab."""

    now: dt.datetime
    version: str
    by: str = ""
    purpose: str = ""

    def draft(self, kind: Kind, **values: Any) -> Draft:
        """A record of this moment."""
        time = self.now.astimezone(dt.UTC).isoformat(timespec="microseconds")
        fields = {"by": self.by, "purpose": self.purpose, **values}
        return Draft(kind=kind, time=time, version=self.version, rules=STAMP, **fields)


@dataclass(frozen=True)
class PlanContext:
    """Facts of a run beside its inputs: the options that named them, the gates, the approvals relied on, and the hash of
    the request that it answers, of which there is only one run.
    """

    sources: Mapping[str, Any] = field(default_factory=dict)
    gates: Sequence[Gate] = ()
    approvals: Sequence[str] = ()
    request: str = ""


def store_plan(
    store: RunStore, inputs: PlanInputs, made: Plan, stamp: Stamp, context: PlanContext | None = None
) -> Record:
    """Store a plan as a run.

    Raises
    ------
    OutputError, LockedError, DamagedError
        The store cannot be written.
    """
    context = context or PlanContext()
    result = made.result
    body = {
        "plan_id": made.plan_id,
        "status": made.status,
        "orders": len(made.orders),
        "sold": format(made.sold, "f"),
        "bought": format(made.bought, "f"),
        "fees": format(made.fees, "f"),
        "value": format(made.value, "f"),
        "cash": format(made.cash, "f"),
        "positions": result.positions,
        "turnover": result.turnover,
        "gates": gates_as_records(context.gates),
        "approvals": list(context.approvals),
        "sources": dict(context.sources),
    }
    contents = {
        **inputs.contents(),
        PLAN: made.to_json().encode(),
        ORDERS: parquet_of(made.to_arrow()),
        TARGETS: parquet_of(made.targets),
    }
    draft = stamp.draft(
        Kind.PLAN,
        account="" if result.account is None else str(result.account),
        subject=context.request,
        limits_hash=inputs.limits_hash,
        inputs_hash=inputs.inputs_hash,
        body=body,
        contents=contents,
    )
    return store.append(draft, once=bool(context.request))[0]


def find_plan(store: RunStore, name: str) -> Record:
    """The run of a plan.

    Raises
    ------
    InputError
        No such run, or one of another kind.
    """
    record = store.find(name)
    if record.kind != Kind.PLAN:
        advice = "name the run of a plan; `trimtab runs list` shows them"
        raise InputError([Fault(f"is a record of the kind {record.kind}", advice, value=name)], f"store {store.name}")
    return record


def inputs_of(store: RunStore, record: Record) -> PlanInputs:
    """The inputs of a stored plan.

    Raises
    ------
    InputError
        They were pruned.
    DamagedError
        They are not what was stored.
    """
    return PlanInputs.of_contents(record.digests, lambda name: store.content(record, name))

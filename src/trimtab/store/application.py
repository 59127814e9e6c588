"""A plan applied: its order file is written once, if nothing changed and no gate holds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from trimtab.errors import Fault, HeldOrdersError, InputError, StalePlanError
from trimtab.orders.gates import Gate, Written, gates_as_records, holding
from trimtab.orders.plan import Plan
from trimtab.store.freshness import changes
from trimtab.store.plan_inputs import PlanInputs
from trimtab.store.plan_runs import ORDERS, Stamp
from trimtab.store.record import Kind, Record, digest_of
from trimtab.store.replay import replay
from trimtab.store.run_store import Filter, RunStore
from trimtab.store.tables import table_of


def application_of(store: RunStore, run: Record) -> Record | None:
    """The record that says that a plan was applied, if it was."""
    records = store.records(Filter(kinds=(Kind.APPLY,), subject=run.hash))
    return records[0] if records else None


def fresh_plan(store: RunStore, run: Record, now: PlanInputs, stamp: Stamp) -> Plan:
    """The plan of a run, decided again to the same bytes, if everything is as at planning.

    Raises
    ------
    StalePlanError
        What changed since, each named; or the plan does not replay.
    """
    again = replay(store, run, stamp.version)
    different = changes(run, again.inputs, now, stamp.version, stamp.now)
    if not different and (not again.is_same or again.plan is None):
        different = [again.sentence]
    if different or again.plan is None:
        advice = "plan again, and apply that plan"
        raise StalePlanError([Fault(text, advice) for text in different], f"run {run.run_id}")
    return again.plan


def require_open(run: Record, gates: Sequence[Gate]) -> None:
    """Refuse a plan that a gate holds back.

    Raises
    ------
    HeldOrdersError
        Each gate that holds.
    """
    held = holding(gates)
    if held:
        advice = "check it, change the plan or the limit, and plan again; or let it through with --acknowledge"
        raise HeldOrdersError([Fault(gate.sentence, advice) for gate in held], f"run {run.run_id}")


@dataclass(frozen=True)
class WrittenFile:
    """An order file that was written: its path and its content."""

    path: str
    content: bytes


def record_application(
    store: RunStore, run: Record, files: Sequence[WrittenFile], gates: Sequence[Gate], stamp: Stamp
) -> tuple[Record, bool]:
    """Record that the order files of a plan were written; only once, even if two processes apply it at the same time.

    Returns the record, and whether it is new.
    """
    body = {
        "files": [{"path": file.path, "sha256": digest_of(file.content)} for file in files],
        "gates": gates_as_records(gates),
    }
    contents = {f"file-{number}": file.content for number, file in enumerate(files, 1)}
    draft = stamp.draft(
        Kind.APPLY,
        account=run.account,
        subject=run.hash,
        limits_hash=run.limits_hash,
        inputs_hash=run.inputs_hash,
        body=body,
        contents=contents,
    )
    return store.append(draft, once=True)


def orders_written(store: RunStore, since: dt.datetime) -> list[Written]:
    """The orders of every plan that was applied since a moment."""
    time = since.astimezone(dt.UTC).isoformat(timespec="microseconds")
    written = []
    for applied in store.records(Filter(kinds=(Kind.APPLY,), since=time)):
        run = store.find(applied.subject)
        try:
            orders = table_of(store.content(run, ORDERS)).to_pylist()
        except InputError:  # pruned
            continue
        written += [
            Written(applied.moment, run.account, row["asset"], row["side"], Decimal(row["shares"])) for row in orders
        ]
    return written

"""Operations that write: plan and apply. With an idempotency key each is carried out once, and answered the same again."""

from __future__ import annotations

import base64
import datetime as dt
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from trimtab.order_files.formats import FORMATS, order_files
from trimtab.orders.gates import Verdict, gates_as_records
from trimtab.orders.order_output import file_orders, given_file_settings
from trimtab.orders.plan import Plan
from trimtab.orders.price_history import last_weekday_before
from trimtab.orders.release import Acknowledgement, Desk, Release, may_write, released
from trimtab.store.application import (
    WrittenFile,
    application_of,
    fresh_plan,
    orders_written,
    record_application,
    require_open,
)
from trimtab.store.approvals import approval_of
from trimtab.store.plan_inputs import TABLES, PlanInputs
from trimtab.store.plan_runs import ORDERS, PLAN, PlanContext, Stamp, find_plan, store_plan
from trimtab.store.record import Kind, Record
from trimtab.store.requests import record_request, request_of
from trimtab.store.run_store import Filter, RunStore
from trimtab.store.tables import table_of
from trimtab.web.api.calls import Answer, Call, limits_of
from trimtab.web.api.members import Body
from trimtab.web.api.problems import ApiError, Problem
from trimtab.web.api.rows import arrow_table
from trimtab.web.ready import PREPARATION

APPLY_VERSION = 1


def make_plan(call: Call) -> Answer:
    """The orders of one account, with every gate; stored as a run."""
    if not call.service.stores:
        if call.key is not None:
            raise _conflict("idempotency keys need a store of runs; this service keeps none")
        made = _decided(_inputs(call.body))
        release = may_write(made, _desk(call.body, call.service.stamp(), None))
        return _planned("", json.loads(made.to_json()), gates_as_records(release.gates), made.to_arrow())
    store = call.kept.opened()
    request = None if call.key is None else request_of(store, call.key, call.digest)
    run = None if request is None else _run_of(store, request)
    if run is None:
        run = _stored(call, store)
    return _answer_of_run(store, run)


def _run_of(store: RunStore, request: Record) -> Record | None:
    """The run that answered a request, if it was stored."""
    runs = store.records(Filter(kinds=(Kind.PLAN,), subject=request.hash))
    return runs[0] if runs else None


def _stored(call: Call, store: RunStore) -> Record:
    """Decide the plan, and store it as a run."""
    inputs, stamp = _inputs(call.body), _stamp(call)
    made = _decided(inputs)
    release = _release(store, made, call.body, stamp)
    approval = approval_of(store, inputs.limits_hash)
    context = PlanContext({"service": True}, release.gates, () if approval is None else (approval.hash,))
    if call.key is not None:
        request = record_request(store, call.key, call.digest, stamp)
        context = replace(context, request=request.hash)
    return store_plan(store, inputs, made, stamp, context)


def _decided(inputs: PlanInputs) -> Plan:
    if inputs.is_exposed:
        PREPARATION.check(exposed=True)
    return inputs.decide()


def _answer_of_run(store: RunStore, run: Record) -> Answer:
    """A stored plan as the answer to its request: the same each time."""
    document = json.loads(store.content(run, PLAN))
    return _planned(run.run_id, document, run.values["gates"], table_of(store.content(run, ORDERS)))


def _planned(run_id: str, plan: dict[str, Any], gates: list[dict[str, Any]], orders: pa.Table) -> Answer:
    is_granted = all(gate["verdict"] != Verdict.HOLD for gate in gates)
    document = {"run_id": run_id or None, **released(plan, is_granted=is_granted, gates=gates)}
    headers = {"Location": f"/api/v1/runs/{run_id}"} if run_id else {}
    status = 201 if run_id else 200
    return Answer(document, lambda: orders if is_granted else orders.slice(0, 0), ("orders",), status, headers)


def _inputs(body: Body) -> PlanInputs:
    """The inputs of a plan from the members of a body."""
    limits = limits_of(body)
    tables = {name: arrow_table(body.get(name), name) for name in TABLES if body.get(name) is not None}
    return PlanInputs(
        arrow_table(body.get("candidates"), "candidates"),
        limits,
        limits.orders,
        body.get("cash"),
        body.get("cash_flow", PlanInputs.cash_flow),
        body.get("today"),
        tables,
    )


def _stamp(call: Call) -> Stamp:
    """Who writes, and why: what the body says, else the service's own name."""
    stamp = call.service.stamp(call.body.get("purpose", ""))
    return replace(stamp, by=call.body.get("by") or stamp.by)


def _desk(body: Body, stamp: Stamp, store: RunStore | None, hours: float = 0.0) -> Desk:
    """The facts that gates are measured against; orders that were applied from the store count as written."""
    today: dt.date | None = body.get("today")
    last = body.get("last_session") or (None if today is None else last_weekday_before(today))
    written = None if store is None else orders_written(store, stamp.now - dt.timedelta(hours=hours))
    passed = [Acknowledgement(**each.members) for each in body.get("acknowledgements", ())]
    return Desk(now=stamp.now, last_session=last, written=written, acknowledgements=passed)


def _release(store: RunStore, made: Plan, body: Body, stamp: Stamp) -> Release:
    account = made.result.account
    plans = made if account is None else {str(account): made}
    return may_write(plans, _desk(body, stamp, store, made.gate_settings.repeat_hours))


def apply_plan(call: Call) -> Answer:
    """The order files of a stored plan, once, if nothing changed since and no gate holds."""
    store = call.kept.opened()
    run = find_plan(store, call.body.get("run"))
    request = None if call.key is None else request_of(store, call.key, call.digest)
    applied = application_of(store, run)
    if applied is not None and request is None:
        advice = f"GET /api/v1/runs/{run.run_id} says which files it wrote"
        raise _conflict(f"run {run.run_id} was applied on {applied.time[:16]}: {advice}")
    if applied is None:
        applied = _applied(call, store, run)
    return _answer_of_application(store, run, applied)


def _applied(call: Call, store: RunStore, run: Record) -> Record:
    """Check the plan against the present, make its files, and record them."""
    body, stamp = call.body, _stamp(call)
    made = fresh_plan(store, run, _inputs(body.get("inputs")), stamp)
    gates = _release(store, made, body, stamp).gates
    require_open(run, gates)
    name = body.get("format")
    path = Path(f"orders{FORMATS[name].suffix}")
    files = order_files(path, file_orders(made), made.quotes, given_file_settings(body.get("order_file")), name)
    if call.key is not None:
        record_request(store, call.key, call.digest, stamp)
    written = [WrittenFile(file.path.name, file.data) for file in files]
    return record_application(store, run, written, gates, stamp)[0]


def _answer_of_application(store: RunStore, run: Record, applied: Record) -> Answer:
    """The files from the record of the application: the same bytes each time."""
    files = [
        {**_encoded(each["path"], store.content(applied, f"file-{number}")), "sha256": each["sha256"]}
        for number, each in enumerate(applied.values["files"], 1)
    ]
    document = {
        "schema_version": APPLY_VERSION,
        "run_id": run.run_id,
        "record_id": applied.run_id,
        "applied_at": applied.time,
        "by": applied.by,
        "files": files,
        "gates": applied.values["gates"],
    }
    return Answer(document, status=201, headers={"Location": f"/api/v1/runs/{run.run_id}"})


def _encoded(path: str, content: bytes) -> dict[str, str]:
    """A file for JSON: text unchanged, a workbook in base64."""
    name = Path(path).name
    if name.endswith(".xlsx"):
        return {"name": name, "encoding": "base64", "content": base64.b64encode(content).decode()}
    return {"name": name, "encoding": "utf-8", "content": content.decode()}


def _conflict(detail: str) -> ApiError:
    return ApiError(Problem(409, "conflict", detail))

"""History: allocation over time, two runs compared, a run again, its files, and the whole store verified."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import Response

from trimtab.errors import Fault, InputError
from trimtab.store.application import application_of
from trimtab.store.history import history_of
from trimtab.store.plan_runs import PLAN, find_plan
from trimtab.store.record import RUNS, Record
from trimtab.store.replay import replay
from trimtab.store.run_difference import RunDifference, run_difference
from trimtab.store.run_facts import facts_of
from trimtab.store.run_store import Filter, RunStore
from trimtab.store.verification import verify
from trimtab.text import counted
from trimtab.web.attached import attached
from trimtab.web.history_view import HistoryView, history_view
from trimtab.web.rendering import rendered
from trimtab.web.service import Service
from trimtab.web.visits import Visit

MAX_RUNS = 50


@dataclass(frozen=True)
class Checked:
    """The outcome of a check of the store in a sentence."""

    is_sound: bool
    sentences: tuple[str, ...]


def recent_runs(service: Service, newest: int, account: str | None = None) -> list[dict[str, object]]:
    """The newest stored runs, the latest first."""
    if not service.stores:
        return []
    with service.opened_store() as store:
        records = store.records(Filter(kinds=RUNS, account=account), newest=newest)
    return [
        {
            "id": each.run_id,
            "time": each.moment.astimezone(),
            "account": each.account,
            "kind": each.kind,
            **_amounts(each),
        }
        for each in reversed(records)
    ]


def _amounts(record: Record) -> dict[str, Any]:
    """The values of a run, its value as an amount."""
    values = record.values
    return {**values, "value": Decimal(values["value"])} if "value" in values else values


def history(visit: Visit) -> Response:
    """The runs in the store; `?account=` of one account, `?run=A&run=B` compared, `?verify=1` checked."""
    service = visit.service
    if not service.stores:
        return rendered("history.html", visit, here="/history", runs=[], **_NOTHING)
    ticked = visit.every("run")
    with service.opened_store() as store:
        accounts = sorted({each.account for each in store.listing(Filter(kinds=RUNS))})
        account = visit.query.get("account", accounts[-1] if accounts else None)
        return rendered(
            "history.html",
            visit,
            here="/history",
            runs=recent_runs(service, MAX_RUNS, account),
            accounts=accounts,
            account=account,
            view=_view(store, account),
            ticked=ticked,
            compared=_compared(store, ticked, service.version) if ticked else None,
            checked=_checked(store) if visit.query.get("verify") else None,
        )


_NOTHING: dict[str, Any] = {
    "accounts": [],
    "account": None,
    "view": None,
    "ticked": [],
    "compared": None,
    "checked": None,
}


def _view(store: RunStore, account: str | None) -> HistoryView | None:
    """The charts of an account; None without a plan of it that was kept."""
    try:
        history = history_of(store, account)
    except InputError:
        return None
    return history_view(history) if history.moments else None


def _compared(store: RunStore, ticked: list[str], version: str) -> tuple[Record, Record, RunDifference]:
    """Two runs, the earlier first.

    Raises
    ------
    InputError
        Not two runs, or not of plans.
    """
    if len(ticked) != 2:
        raise InputError([Fault(f"{counted(len(ticked), 'run')} ticked", "tick two runs to compare")])
    before, after = sorted((find_plan(store, name) for name in ticked), key=lambda record: record.sequence)
    return before, after, run_difference(store, before, after, version)


def _checked(store: RunStore) -> Checked:
    outcome = verify(store)
    if outcome.is_sound:
        text = f"{counted(outcome.head.sequence, 'record')} and {counted(outcome.contents, 'content')} are unchanged"
        return Checked(True, (f"{text} since they were written.",))
    return Checked(False, outcome.faults)


def run(visit: Visit) -> Response:
    """One run: its facts, its files, and whether it replays."""
    with _store_of(visit) as store:
        record = store.find(str(visit.path["run"]))
        applied = application_of(store, record)
        return rendered(
            "run.html",
            visit,
            here="/history",
            run=record.run_id,
            record=record,
            facts=list(facts_of(store, record).lines()),
            replayed=replay(store, record, visit.service.version) if visit.query.get("replay") else None,
            orders=[] if applied is None else [str(file["path"]) for file in applied.values["files"]],
            has_plan=PLAN in record.digests,
        )


def _store_of(visit: Visit) -> Any:
    if not visit.service.stores:
        raise HTTPException(404, "Runs are not stored.")
    return visit.service.opened_store()


def run_file(visit: Visit) -> Response:
    """A file of a run: the plan, its report, or an order file that was written."""
    name = str(visit.path["name"])
    with _store_of(visit) as store:
        record = store.find(str(visit.path["run"]))
        if name == PLAN:
            return attached(name, store.content(record, PLAN))
        if name == "report.html":
            plan = replay(store, record, visit.service.version).plan
            if plan is None:
                raise InputError([Fault("the inputs of this run are refused today", "open plan.json instead")])
            return attached(name, plan.to_html(f"Run {record.run_id}").encode())
        applied = application_of(store, record)
        files = [] if applied is None else applied.values["files"]
        for number, file in enumerate(files, 1):
            if applied is not None and file["path"].rpartition("/")[2] == name:
                return attached(name, store.content(applied, f"file-{number}"))
    raise HTTPException(404, "This run has no such file.")

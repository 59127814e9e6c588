"""Operations that read the store of runs. Paths in it are those of this computer, and stay here."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

from trimtab.errors import Fault, InputError
from trimtab.store.record import RUNS, Kind, Record
from trimtab.store.run_facts import facts_of
from trimtab.store.run_store import Filter
from trimtab.web.api.calls import Answer, Call
from trimtab.web.api.problems import ApiError, refusal

RUNS_VERSION = 1
_LISTED, _MOST = 20, 1_000
_RECORD = ("run_id", "sequence", "hash", "kind", "time", "version", "rules", "by", "purpose", "account",
           "limits_hash", "inputs_hash")  # fmt: skip
_RESULT = ("status", "plan_id", "orders", "sold", "bought", "fees", "value", "cash", "positions", "turnover", "gates",
           "counts", "parts", "manifest_sha256")  # fmt: skip
_EVENT = ("gates", "outcomes")


def list_runs(call: Call) -> Answer:
    """The newest runs, the latest last."""
    text = call.query.get("newest", str(_LISTED))
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= _MOST):
        advice = f"give a whole number from 1 to {_MOST:,}"
        raise InputError([Fault("is not a number of runs", advice, column="newest", value=text)])
    listing = call.kept.opened().listing(Filter(kinds=RUNS, account=call.query.get("account")), newest=int(text))
    document = {"schema_version": RUNS_VERSION, "runs": [run._asdict() for run in listing]}
    return Answer(document, listing.to_arrow, ("runs",))


def show_run(call: Call) -> Answer:
    """One run: who, when, with which limits, its gates, and what became of it."""
    store, name = call.kept.opened(), str(call.path["run"])
    try:
        record = store.find(name)
    except InputError as error:
        if type(error) is not InputError:  # the store itself
            raise
        problem = refusal(404, "there is no such run", "GET /api/v1/runs lists them")
        raise ApiError(problem) from None
    facts = facts_of(store, record)
    document = {
        "schema_version": RUNS_VERSION,
        **_record(record),
        "is_pruned": facts.is_pruned,
        "approved_by": [approval.by for approval in facts.approvals],
        "contents": record.digests,
        "about": [_event(each) for each in facts.about],
    }
    return Answer(document)


def _record(record: Record) -> dict[str, Any]:
    values = record.values
    return {
        **{name: getattr(record, name) for name in _RECORD},
        **{name: values[name] for name in _RESULT if name in values},
    }


def _event(record: Record) -> dict[str, Any]:
    """An application or an execution: its files by name only, without their folders."""
    values = record.values
    event: dict[str, Any] = {"kind": record.kind, "record_id": record.run_id, "time": record.time, "by": record.by}
    event |= {name: values[name] for name in _EVENT if name in values}
    if record.kind == Kind.APPLY:
        event["files"] = [{"name": PurePath(file["path"]).name, "sha256": file["sha256"]} for file in values["files"]]
    return event

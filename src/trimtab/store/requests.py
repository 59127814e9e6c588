"""Requests with a key of their own: a key belongs to one request for good, also after a restart."""

from __future__ import annotations

from trimtab.errors import Fault, ReusedKeyError
from trimtab.store.plan_runs import Stamp
from trimtab.store.record import Kind, Record, digest_of
from trimtab.store.run_store import Filter, RunStore


def request_of(store: RunStore, key: str, request: str) -> Record | None:
    """The record of a request, None if its key is new. `request` is its digest.

    Raises
    ------
    ReusedKeyError
        The key belongs to another request.
    """
    records = store.records(Filter(kinds=(Kind.REQUEST,), subject=_subject(key)))
    return _same(records[0], request) if records else None


def record_request(store: RunStore, key: str, request: str, stamp: Stamp) -> Record:
    """Record that a key belongs to a request, or find the record that says so.

    Raises
    ------
    ReusedKeyError
        The key belongs to another request.
    """
    draft = stamp.draft(Kind.REQUEST, subject=_subject(key), body={"request": request})
    return _same(store.append(draft, once=True)[0], request)


def _subject(key: str) -> str:
    """The key as a subject; it is not kept itself."""
    return digest_of(f"idempotency key {key}".encode())


def _same(record: Record, request: str) -> Record:
    if record.values["request"] != request:
        problem = f"the idempotency key was used for another request on {record.time[:16]}"
        raise ReusedKeyError([Fault(problem, "use a new key for every request", column="Idempotency-Key")])
    return record

"""Old runs without their contents: the records and the chain stay, so that nothing else can go unnoticed."""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.store.plan_runs import Stamp
from trimtab.store.record import Kind, Record
from trimtab.store.run_store import Filter, RunStore

_WITH_CONTENTS = (Kind.PLAN, Kind.APPLY, Kind.EXECUTION)


def prunable(store: RunStore, before: str) -> list[Record]:
    """The records before a time (ISO 8601, UTC) whose contents are still stored."""
    linked = {sequence for sequence, _ in store.links()}
    records = store.records(Filter(kinds=_WITH_CONTENTS, until=before))
    return [record for record in records if record.sequence in linked]


def prune(store: RunStore, records: Sequence[Record], stamp: Stamp) -> Record:
    """Drop the contents of records, and record which."""
    body = {"pruned": [record.hash for record in records]}
    return store.prune(stamp.draft(Kind.PRUNE, body=body), records)


def pruned_hashes(store: RunStore) -> set[str]:
    """The hashes of all records whose contents were dropped."""
    return {hash_ for record in store.records(Filter(kinds=(Kind.PRUNE,))) for hash_ in record.values["pruned"]}


def is_pruned(store: RunStore, record: Record) -> bool:
    """Whether the contents of a record were dropped."""
    return record.hash in pruned_hashes(store)

"""Batches as runs: not their rows, which are in the published folder, but its manifest's hash, a summary and the paths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.orders.identity import canonical_json
from trimtab.store.plan_inputs import limits_hash
from trimtab.store.plan_runs import Stamp
from trimtab.store.record import Kind, Record, digest_of
from trimtab.store.run_store import Filter, RunStore


def record_batch(
    store: RunStore,
    folder: Path,
    manifest: Mapping[str, Any],
    places: Sequence[str],
    approvals: Sequence[str],
    stamp: Stamp,
) -> tuple[Record, bool]:
    """Record a published batch, once; `places` are those of its input.

    Returns the record, and whether it is new.
    """
    limits = {name: RebalancingLimits.from_dict(values) for name, values in manifest["limits"].items()}
    hashes = {name: limits_hash(own, own.orders) for name, own in limits.items()}
    body = {
        "status": f"published, {manifest['counts']['accounts']} accounts",
        "folder": str(folder.resolve()),
        "manifest_sha256": manifest["sha256"],
        "counts": manifest["counts"],
        "parts": len(manifest["parts"]),
        "places": list(places),
        "limits_hashes": hashes,
        "approvals": list(approvals),
    }
    draft = stamp.draft(
        Kind.BATCH,
        subject=manifest["sha256"],
        limits_hash=next(iter(hashes.values())) if len(hashes) == 1 else digest_of(canonical_json(hashes).encode()),
        inputs_hash=digest_of(canonical_json([file["sha256"] for file in manifest["input"]]).encode()),
        body=body,
    )
    return store.append(draft, once=True)


def places_of(store: RunStore, manifest: Mapping[str, Any]) -> list[str]:
    """The places of the input of a batch; empty if the store does not know it."""
    records = store.records(Filter(kinds=(Kind.BATCH,), subject=manifest.get("sha256", "none")))
    return [str(place) for record in records for place in record.values["places"]]

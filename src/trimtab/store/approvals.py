"""Approvals of limits: who approved which, and on which a run relies."""

from __future__ import annotations

from trimtab.errors import Fault, InputError
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.store.plan_inputs import LIMITS, limits_hash
from trimtab.store.plan_runs import Stamp
from trimtab.store.record import Kind, Record
from trimtab.store.run_store import Filter, RunStore


def approve(store: RunStore, limits: RebalancingLimits, source: str, stamp: Stamp) -> Record:
    """Record that a person approves limits."""
    draft = stamp.draft(
        Kind.APPROVAL,
        limits_hash=limits_hash(limits, limits.orders),
        body={"source": source},
        contents={LIMITS: limits.to_toml().encode()},
    )
    return store.append(draft)[0]


def approval_of(store: RunStore, hash_: str) -> Record | None:
    """The newest approval of limits with this hash."""
    records = store.records(Filter(kinds=(Kind.APPROVAL,), limits_hash=hash_), newest=1)
    return records[0] if records else None


def require_approved(store: RunStore, hash_: str, source: str | None) -> Record:
    """The approval of limits.

    Raises
    ------
    InputError
        They were never approved, or changed since.
    """
    approval = approval_of(store, hash_)
    if approval is None:
        problem = f"these limits are not approved (hash {hash_[:12]})"
        advice = "have them approved with `trimtab limits approve FILE --by NAME`; every change needs a new approval"
        raise InputError([Fault(problem, advice)], source)
    return approval

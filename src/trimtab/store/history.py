"""Allocation over time: the buckets of an account at each of its stored plans, and the limits that they broke."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from trimtab.errors import Fault, InputError, listed
from trimtab.store.plan_runs import PLAN
from trimtab.store.pruning import pruned_hashes
from trimtab.store.record import Kind, Record
from trimtab.store.run_store import Filter, RunStore
from trimtab.text import percent

_TOLERANCE = 1e-9  # of a weight at its limit
_COLUMNS = {
    "run": pa.string(),
    "time": pa.string(),
    "account": pa.string(),
    "bucket": pa.string(),
    "positions": pa.int64(),
    "held": pa.float64(),
    "target": pa.float64(),
    "max_allocation": pa.float64(),
    "min_allocation": pa.float64(),
    "breach": pa.string(),
}


@dataclass(frozen=True)
class BucketMoment:
    """A bucket at one plan: its weight before the orders and its target, with the limits in force then."""

    path: str
    positions: int
    held: float
    target: float
    max_weight: float | None
    min_weight: float | None

    @property
    def breach(self) -> str:
        """The limit that the holding broke: `above`, `below`, or empty."""
        if self.max_weight is not None and self.held > self.max_weight + _TOLERANCE:
            return "above"
        return "below" if self.min_weight is not None and self.held < self.min_weight - _TOLERANCE else ""

    @property
    def texts(self) -> tuple[str, str, str, str]:
        """The weights for people: held, target, at most, at least."""
        return (
            percent(self.held),
            percent(self.target),
            "" if self.max_weight is None else percent(self.max_weight),
            "" if self.min_weight is None else percent(self.min_weight),
        )


@dataclass(frozen=True)
class Moment:
    """An account at one of its plans."""

    run_id: str
    time: str
    cash: float  # after the orders, as a fraction
    buckets: tuple[BucketMoment, ...]

    @property
    def day(self) -> str:
        """The day of the plan."""
        return self.time[:10]


@dataclass(frozen=True)
class History:
    """The plans of an account in their order; `left_out` of them were pruned."""

    account: str
    moments: tuple[Moment, ...]
    left_out: int

    @property
    def title(self) -> str:
        """The title of the page."""
        return f"Allocation of {self.account}" if self.account else "Allocation over time"

    @property
    def paths(self) -> list[str]:
        """Every bucket that there ever was, sorted."""
        return sorted({bucket.path for moment in self.moments for bucket in moment.buckets})

    @property
    def roots(self) -> list[str]:
        """The buckets that are not inside another."""
        paths = self.paths
        return [path for path in paths if not any(_is_inside(path, other) for other in paths)]

    @property
    def count(self) -> int:
        """How many plans there are."""
        return len(self.moments)

    @property
    def breaches(self) -> int:
        """How often a bucket broke a limit."""
        return sum(bool(bucket.breach) for moment in self.moments for bucket in moment.buckets)

    def to_arrow(self) -> pa.Table:
        """A row for each bucket at each plan."""
        rows = [
            (
                moment.run_id,
                moment.time,
                self.account,
                bucket.path,
                bucket.positions,
                bucket.held,
                bucket.target,
                bucket.max_weight,
                bucket.min_weight,
                bucket.breach,
            )
            for moment in self.moments
            for bucket in moment.buckets
        ]
        columns = list(zip(*rows, strict=True)) or [()] * len(_COLUMNS)
        arrays = [pa.array(values, kind) for values, kind in zip(columns, _COLUMNS.values(), strict=True)]
        return pa.table(dict(zip(_COLUMNS, arrays, strict=True)))


def _is_inside(path: str, other: str) -> bool:
    return path != other and path.startswith(other) and not path[len(other)].isalnum()


def history_of(store: RunStore, account: str | None = None, since: str = "", until: str = "") -> History:
    """The history of an account, or of the only one.

    Raises
    ------
    InputError
        No plan, or plans of several accounts.
    """
    records = store.records(Filter(kinds=(Kind.PLAN,), account=account, since=since, until=until))
    accounts = sorted({record.account for record in records})
    if not records:
        raise InputError([Fault("no plan of this account and time is stored", "`trimtab runs list` shows the runs")])
    if len(accounts) > 1:
        advice = f"pick one with --account NAME ({listed(repr(name) for name in accounts)})"
        raise InputError([Fault(f"plans of {len(accounts)} accounts are stored", advice)])
    pruned = pruned_hashes(store)
    kept = [record for record in records if record.hash not in pruned]
    return History(accounts[0], tuple(_moment(store, record) for record in kept), len(records) - len(kept))


def _moment(store: RunStore, record: Record) -> Moment:
    result: dict[str, Any] = json.loads(store.content(record, PLAN))["rebalance"]
    buckets = tuple(
        BucketMoment(
            bucket["path"],
            bucket["positions"],
            bucket["current_weight"],
            bucket["target_weight"],
            bucket["max_allocation"],
            bucket["min_allocation"],
        )
        for bucket in result["buckets"]
    )
    return Moment(record.run_id, record.time, result["cash_weight"], buckets)

"""The facts of a stored run: who, when, with what, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from trimtab.store.pruning import is_pruned
from trimtab.store.record import Kind, Record
from trimtab.store.run_store import Filter, RunStore
from trimtab.text import counted, percent

_SHOWN = 12
_UNMEASURED = "not_measured"


@dataclass(frozen=True)
class RunFacts:
    """A record, and the records about it."""

    record: Record
    approvals: tuple[Record, ...]  # that the run relied on
    about: tuple[Record, ...]  # applications and executions
    is_pruned: bool

    def to_dict(self) -> dict[str, Any]:
        """The facts as plain values."""
        record = self.record
        return {
            **{name: value for name, value in vars(record).items() if name not in ("body", "contents")},
            "run_id": record.run_id,
            "is_pruned": self.is_pruned,
            "approved_by": [approval.by for approval in self.approvals],
            "contents": record.digests,
            "about": [{"kind": each.kind, "time": each.time, "by": each.by, **each.values} for each in self.about],
            **record.values,
        }

    def lines(self) -> Iterator[str]:
        """The facts as text."""
        record, values = self.record, self.record.values
        yield f"{record.kind} {record.run_id}"
        yield f"  when: {record.time}"
        yield f"  by: {record.by or 'unknown'}{f', for {record.purpose}' if record.purpose else ''}"
        if record.account:
            yield f"  account: {record.account}"
        yield f"  trimtab {record.version}, rules {record.rules[:_SHOWN]}"
        yield f"  limits {record.limits_hash[:_SHOWN]}, inputs {record.inputs_hash[:_SHOWN]}"
        yield f"  approval: {self._approval}"
        if record.kind == Kind.PLAN:
            yield (
                f"  {values['status']}: {counted(values['orders'], 'order')}, sold {values['sold']}, bought "
                f"{values['bought']}, fees {values['fees']}, turnover {percent(values['turnover'])}"
            )
        gates = values.get("gates", ())
        for gate in gates:
            if gate["verdict"] not in ("ok", _UNMEASURED):
                about = f" of {gate['asset']}" if gate["asset"] else ""
                yield f"  gate {gate['gate']}{about}: {gate['verdict']} ({gate['measured']}, limit {gate['limit']})"
        unmeasured = dict.fromkeys(gate["gate"] for gate in gates if gate["verdict"] == _UNMEASURED)
        if unmeasured:
            yield f"  gates without data: {', '.join(unmeasured)}"
        yield from self._events()
        if self.is_pruned:
            yield "  its inputs and results were pruned"
        else:
            yield f"  stored: {', '.join(record.digests) or 'nothing beside the record'}"

    @property
    def _approval(self) -> str:
        texts = [f"{each.run_id} by {each.by} on {each.time[:10]}" for each in self.approvals]
        return ", ".join(texts) or "none was relied on"

    def _events(self) -> Iterator[str]:
        for each in self.about:
            values = each.values
            if each.kind == Kind.APPLY:
                paths = ", ".join(str(file["path"]) for file in values["files"])
                yield f"  applied on {each.time[:16]} by {each.by or 'unknown'}: {paths}"
            else:
                tally = ", ".join(f"{count} {name}" for name, count in values["outcomes"].items())
                yield f"  executed, recorded on {each.time[:16]} by {each.by or 'unknown'}: {tally}"


def facts_of(store: RunStore, record: Record) -> RunFacts:
    """The facts of a run."""
    approvals = tuple(store.find(hash_) for hash_ in record.values.get("approvals", ()))
    about = store.records(Filter(kinds=(Kind.APPLY, Kind.EXECUTION), subject=record.hash))
    return RunFacts(record, approvals, tuple(about), is_pruned(store, record))

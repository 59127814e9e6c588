"""The evidence of a period: who decided what and when, under which limits, why each order, and whether it replays."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from trimtab.errors import InputError, TrimtabError
from trimtab.limits.in_words import rule_sheet
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.report.page import rendered
from trimtab.store.plan_inputs import LIMITS
from trimtab.store.plan_runs import PLAN
from trimtab.store.record import Head, Kind, Record
from trimtab.store.replay import replay
from trimtab.store.run_facts import RunFacts, facts_of
from trimtab.store.run_store import Filter, RunStore
from trimtab.store.verification import verify


@dataclass(frozen=True)
class AuditedOrder:
    """An order with the sentence that decided it."""

    asset: str
    side: str
    shares: str
    amount: str
    client_order_id: str
    why: str


@dataclass(frozen=True)
class AuditedRun:
    """A run with its limits in plain words, its orders, and the outcome of its replay."""

    facts: RunFacts
    rules: tuple[tuple[str, tuple[str, ...]], ...]
    orders: tuple[AuditedOrder, ...]
    replay: str
    replay_text: str

    @property
    def lines(self) -> list[str]:
        """Who, when, with what, and what became of it."""
        return [line.strip() for line in self.facts.lines()]


@dataclass(frozen=True)
class Audit:
    """The evidence of a period; `faults` are those of the whole chain."""

    store: str
    begin: str
    end: str
    head: Head
    faults: tuple[str, ...]
    runs: tuple[AuditedRun, ...]
    others: tuple[Record, ...]  # approvals, prunings, batches

    @property
    def title(self) -> str:
        """The title of the page."""
        return f"Evidence from {self.begin[:10]} to {self.end[:10]}"

    @property
    def count(self) -> int:
        """How many runs there are."""
        return len(self.runs)

    @property
    def replayed(self) -> int:
        """How many runs gave the same bytes again."""
        return sum(run.replay == "same" for run in self.runs)

    def to_dict(self) -> dict[str, Any]:
        """The evidence as plain values."""
        return {
            "store": self.store,
            "from": self.begin,
            "to": self.end,
            "head": asdict(self.head),
            "chain_faults": list(self.faults),
            "runs": [
                {
                    **run.facts.to_dict(),
                    "limits_in_words": [{"title": title, "sentences": list(lines)} for title, lines in run.rules],
                    "orders_decided": [asdict(order) for order in run.orders],
                    "replay": run.replay,
                    "replay_text": run.replay_text,
                }
                for run in self.runs
            ],
            "other_records": [{**vars(record), "body": record.values} for record in self.others],
        }

    def to_json(self) -> str:
        """The evidence as JSON."""
        return json.dumps(self.to_dict(), indent=1, ensure_ascii=False) + "\n"

    def to_html(self) -> str:
        """The evidence as one page."""
        return rendered("audit.html", self, [])


def audit(store: RunStore, begin: str, end: str, version: str) -> Audit:
    """The evidence of the time from `begin` to before `end` (ISO 8601, UTC); every plan in it is replayed.

    Raises
    ------
    DamagedError
        The store cannot be read.
    """
    outcome = verify(store)
    records = store.records(Filter(since=begin, until=end))
    runs = tuple(_audited(store, record, version) for record in records if record.kind == Kind.PLAN)
    about = (Kind.PLAN, Kind.APPLY, Kind.EXECUTION)
    others = tuple(record for record in records if record.kind not in about)
    return Audit(store.name, begin, end, outcome.head, outcome.faults, runs, others)


def _audited(store: RunStore, record: Record, version: str) -> AuditedRun:
    facts = facts_of(store, record)
    if facts.is_pruned:
        return AuditedRun(facts, (), (), "pruned", "its inputs and results were pruned")
    try:
        again = replay(store, record, version)
        content = json.loads(store.content(record, PLAN))
        rules = _rules(store.content(record, LIMITS).decode())
    except InputError as error:  # missing or damaged, which is evidence too
        return AuditedRun(facts, (), (), "unreadable", str(error))
    return AuditedRun(facts, rules, _orders(content["orders"], content["details"]), again.outcome, again.sentence)


def _rules(text: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The limits in plain words, section by section; those that this version refuses, unchanged."""
    try:
        limits = RebalancingLimits.from_toml_text(text)
    except TrimtabError:
        return (("Limits, as stored", tuple(text.splitlines())),)
    return tuple((section.title, tuple(section.sentences)) for section in rule_sheet(limits))


def _orders(orders: Sequence[Mapping[str, Any]], details: Mapping[str, str]) -> tuple[AuditedOrder, ...]:
    return tuple(
        AuditedOrder(
            order["asset"],
            order["side"],
            order["shares"],
            order["amount"],
            order["client_order_id"],
            details[order["asset"]],
        )
        for order in orders
    )

"""A stored plan decided again: the same bytes, or the reason why not."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.errors import TrimtabError
from trimtab.kernel.compilation import STAMP
from trimtab.orders.plan import Plan
from trimtab.store.plan_inputs import PlanInputs
from trimtab.store.plan_runs import PLAN, inputs_of
from trimtab.store.record import Record
from trimtab.store.run_store import RunStore

_SHOWN = 12  # digits of a stamp


@dataclass(frozen=True)
class Replay:
    """The outcome of a replay: `same`, `rules_changed` (and so the bytes differ), or `differs`."""

    outcome: str
    sentence: str
    inputs: PlanInputs
    plan: Plan | None  # None where the inputs are refused today

    @property
    def is_same(self) -> bool:
        """Whether the same bytes came out."""
        return self.outcome == "same"


def replay(store: RunStore, record: Record, version: str) -> Replay:
    """Decide a stored plan again and compare bytes; `version` is that of the running trimtab.

    Raises
    ------
    InputError
        The inputs were pruned.
    DamagedError
        A stored content is not what was stored.
    """
    stored, inputs = store.content(record, PLAN), inputs_of(store, record)
    changes = _changes(record, version)
    try:
        made = inputs.decide()
    except TrimtabError as error:
        return _judged(record, changes, f"the inputs are refused today ({error})", inputs, None)
    content = made.to_json().encode()
    if content == stored:
        return Replay("same", f"run {record.run_id}: the same {len(stored):,} bytes", inputs, made)
    return _judged(record, changes, _first_difference(stored, content), inputs, made)


def _changes(record: Record, version: str) -> list[str]:
    """Everything about trimtab itself that changed since a record was made."""
    changes = []
    if record.rules != STAMP:
        changes.append(f"the rules changed since (kernel {record.rules[:_SHOWN]} then, {STAMP[:_SHOWN]} now)")
    if record.version != version:
        changes.append(f"trimtab was {record.version} and is {version} now")
    return changes


def _judged(record: Record, changes: list[str], difference: str, inputs: PlanInputs, made: Plan | None) -> Replay:
    """A replay with other bytes: changed rules explain it, or nothing does."""
    if changes:
        sentence = f"run {record.run_id}: {' and '.join(changes)}; {difference}. The record itself is sound"
        return Replay("rules_changed", sentence, inputs, made)
    sentence = f"run {record.run_id}: {difference}, although rules and version are the same"
    return Replay("differs", sentence, inputs, made)


def _first_difference(stored: bytes, content: bytes) -> str:
    for number, (before, after) in enumerate(zip(stored.splitlines(), content.splitlines(), strict=False), 1):
        if before != after:
            shown = before.decode(errors="replace").strip(), after.decode(errors="replace").strip()
            return f"line {number} of {PLAN} was {shown[0]} and is {shown[1]} now"
    return f"{PLAN} had {len(stored):,} bytes and has {len(content):,} now"

"""A stored plan decided again: the same bytes; changed rules are named, and are not called tampering."""

from __future__ import annotations

import datetime as dt
import sqlite3
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from stored_runs import STAMP, VERSION, draft, inputs_of, random_inputs, stored
from thorough import mostly_thorough

from trimtab.errors import DamagedError, Fault, InputError
from trimtab.store import plan_runs, replay as replay_module
from trimtab.store.plan_inputs import PlanInputs
from trimtab.store.plan_runs import PLAN, find_plan, store_plan
from trimtab.store.record import Kind
from trimtab.store.replay import replay
from trimtab.store.sql_store import SqlStore


@pytest.fixture
def store(tmp_path: Path) -> SqlStore:
    return SqlStore(str(tmp_path / "runs.db"))


@pytest.mark.parametrize("first", mostly_thorough(range(0, 1000, 25)))
def test_random_runs_replay_to_the_same_bytes(store: SqlStore, first: int) -> None:
    for seed in range(first, first + 25):
        try:
            record = stored(store, random_inputs(seed))
        except InputError:  # an account that cannot be planned
            continue
        assert replay(store, record, VERSION).outcome == "same", seed


def test_every_kind_of_input_comes_back(store: SqlStore) -> None:
    day = dt.date(2026, 3, 2)
    lots = [{"asset": "AAA", "lot_id": "1", "shares": 18.0, "cost": 900.0, "acquired": "2020-01-02"}]
    recent = [{"group": "BBB", "date": "2026-02-20", "kind": "buy"}]
    bare = [{"asset": name, "score": score, "currency": "USD"} for name, score in (("AAA", 0.9), ("BBB", 0.8))]
    inputs = inputs_of(
        bare,
        today=day,
        cash_flow=Decimal("12.345678"),
        tables={
            "positions": pa.table({"asset": ["AAA"], "shares": [18.0]}),
            "prices": pa.table({"asset": ["AAA", "BBB"], "price": ["180", "95.5"]}),
            "fx": pa.table({"asset": ["USD"], "fx": [0.9]}),
            "tax_lots": pa.Table.from_pylist(lots),
            "recent": pa.Table.from_pylist(recent),
            "correlations": pa.table({"asset": ["AAA"], "other": ["BBB"], "correlation": [0.5]}),
        },
    )
    outcome = replay(store, stored(store, inputs), VERSION)
    assert outcome.is_same
    assert (outcome.inputs.today, outcome.inputs.cash_flow) == (day, Decimal("12.345678"))
    assert outcome.inputs.inputs_hash == inputs.inputs_hash
    assert outcome.inputs.limits_hash == inputs.limits_hash


def test_a_changed_kernel_is_named_as_the_reason(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_runs, "STAMP", "another kernel")
    inputs = inputs_of()
    draft_ = stored(store, inputs)
    other = store_plan(store, inputs_of(cash=9000), inputs.decide(), STAMP)
    assert replay(store, draft_, VERSION).outcome == "same"  # the rules changed, this decision did not
    outcome = replay(store, other, "9.9")
    assert outcome.outcome == "rules_changed"
    assert "the rules changed since (kernel another kern then," in outcome.sentence
    assert "trimtab was 0.1.0 and is 9.9 now" in outcome.sentence
    assert "The record itself is sound" in outcome.sentence


def test_other_bytes_without_a_reason_are_named(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = inputs_of()
    record = store_plan(store, inputs_of(cash=9000), inputs.decide(), STAMP)
    outcome = replay(store, record, VERSION)
    assert (outcome.outcome, outcome.is_same) == ("differs", False)
    assert "of plan.json was" in outcome.sentence
    assert "although rules and version are the same" in outcome.sentence
    assert replay_module._first_difference(b"same", b"same\n") == "plan.json had 4 bytes and has 5 now"

    def refuse(_: PlanInputs) -> None:
        raise InputError([Fault("is too new", "use less")])

    monkeypatch.setattr(PlanInputs, "decide", refuse)
    refused = replay(store, record, VERSION)
    assert (refused.outcome, refused.plan) == ("differs", None)
    assert "the inputs are refused today" in refused.sentence


def test_a_damaged_content_is_tampering(store: SqlStore, tmp_path: Path) -> None:
    record = stored(store)
    database = sqlite3.connect(tmp_path / "runs.db")
    database.execute("UPDATE contents SET compressed = X'00' WHERE digest = ?", (record.digests[PLAN],))
    database.commit()
    database.close()
    with pytest.raises(DamagedError, match=r"plan\.json of run .* is not what was stored"):
        replay(store, record, VERSION)


def test_only_plans_are_found_as_plans(store: SqlStore) -> None:
    record = store.append(draft(1, kind=Kind.APPROVAL))[0]
    with pytest.raises(InputError, match="is a record of the kind approval"):
        find_plan(store, record.run_id)

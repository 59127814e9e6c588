"""Cases at the edges of stored runs: pruned contents, empty histories, limits that today's version refuses."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from stored_runs import MONDAY, ROWS, STAMP, VERSION, inputs_of, stored

from trimtab.store.application import orders_written, record_application
from trimtab.store.audit import _rules
from trimtab.store.history import history_of
from trimtab.store.history_page import allocation_chart, history_page
from trimtab.store.pruning import prunable, prune
from trimtab.store.run_difference import run_difference
from trimtab.store.run_facts import facts_of
from trimtab.store.sql_store import SqlStore


@pytest.fixture
def store(tmp_path: Path) -> SqlStore:
    return SqlStore(str(tmp_path / "runs.db"))


def test_orders_of_pruned_plans_are_not_known(store: SqlStore) -> None:
    run = stored(store)
    record_application(store, run, [], (), STAMP)
    since = MONDAY - dt.timedelta(hours=1)
    assert next((order.asset, order.side) for order in orders_written(store, since)) == ("CCC", "sell")
    assert orders_written(store, MONDAY + dt.timedelta(hours=1)) == []
    prune(store, prunable(store, "2999"), STAMP)
    assert orders_written(store, since) == []


def test_a_history_of_pruned_plans_is_empty(store: SqlStore) -> None:
    stored(store)
    prune(store, prunable(store, "2999"), STAMP)
    history = history_of(store)
    assert (history.left_out, history.moments, history.to_arrow().num_rows) == (1, (), 0)
    assert "1 plans left out because they were pruned" in history_page(history)
    assert allocation_chart(history).summary == ""


def test_the_account_of_a_run_is_shown(store: SqlStore) -> None:
    run = stored(store, inputs_of([{**row, "account": "P7"} for row in ROWS]))
    assert "  account: P7" in list(facts_of(store, run).lines())


def test_limits_that_are_refused_today_are_shown_as_stored() -> None:
    assert _rules("no_such_limit = 1\n") == (("Limits, as stored", ("no_such_limit = 1",)),)


def test_a_changed_price_is_a_changed_input(store: SqlStore) -> None:
    dearer = [{**row, "price": row["price"] + (row["asset"] == "CCC") / 1000} for row in ROWS]
    runs = stored(store), stored(store, inputs_of(dearer))
    difference = run_difference(store, *runs, VERSION)
    lines = list(difference.lines())
    assert lines[:2] == ["Inputs", "  price of CCC: 51.2 -> 51.201"]
    assert len(difference.targets.inputs) == 4  # weights, which read the same in four digits
    assert lines[2] == "Targets: the same"

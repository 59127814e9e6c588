"""May orders be written? The one answer, the record of what was written, and the settings that a call overrides."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import trimtab
from trimtab import InputError, Plan, RebalancingLimits
from trimtab.errors import OutputError, SetupError
from trimtab.limits.gate_settings import GateSettings
from trimtab.limits.order_settings import OrderSettings
from trimtab.orders.price_history import PriceHistory, last_weekday_before, read_price_history, sessions_up_to
from trimtab.orders.release import Acknowledgement, Desk, may_write

NOW = dt.datetime(2026, 3, 2, 15, tzinfo=dt.UTC)  # a Monday
FRIDAY = dt.date(2026, 2, 27)
ROWS = [{"asset": "A", "score": 0.9, "price": 10, "shares": 50}, {"asset": "B", "score": 0.9, "price": 10}]


def made(*rows: dict[str, Any], **more: Any) -> Plan:
    """Worth 1,000: sells 30 of A for 300, buys 20 of B for 200."""
    both = [{**row, **change} for row, change in zip(ROWS, rows, strict=True)] if rows else ROWS
    return trimtab.plan(both, cash=500, **more)


# --- one plan


def test_a_plan_without_more_is_granted_and_says_what_was_not_measured() -> None:
    release = may_write(made(), Desk(now=NOW))
    assert release.is_granted
    assert release.unmeasured == ("price_age", "price_move", "repeated_order", "state")
    assert {gate["verdict"] for gate in release.to_dict()["gates"]} == {"ok", "not_measured"}


@pytest.mark.parametrize(("day", "held"), [(FRIDAY, False), (dt.date(2026, 2, 26), True), (dt.date(2026, 3, 2), False)])
def test_the_age_of_a_price_counts_weekdays(day: dt.date, held: bool) -> None:
    plan = made({"price_date": day}, {"price_date": "2026-02-27"})
    release = may_write(plan, Desk(now=NOW))
    assert ("price_age" in [gate.gate for gate in release.held]) == (held or day > FRIDAY)
    if held:
        assert release.held[0].sentence == "The price of A is 1 session old; at most 0 (max_price_age)"


def test_the_last_session_may_be_named() -> None:
    plan = made({"price_date": "2026-02-26"}, {"price_date": "2026-02-26"})
    assert not may_write(plan, Desk(now=NOW)).is_granted
    assert may_write(plan, Desk(now=NOW, last_session=dt.date(2026, 2, 26))).is_granted


def test_a_calendar_knows_holidays() -> None:
    """Friday the 27th is a holiday: the price of Thursday is the newest."""
    plan = made({"price_date": "2026-02-26"}, {"price_date": "2026-02-26"})
    calendar = [dt.date(2026, 2, 25), dt.date(2026, 2, 26), NOW.date()]
    assert may_write(plan, Desk(now=NOW, calendar=calendar)).is_granted
    older = made({"price_date": "2026-02-25"}, {"price_date": "2026-02-26"})
    assert [gate.measured for gate in may_write(older, Desk(now=NOW, calendar=calendar)).held] == [1]
    for days in (calendar[:2], calendar[2:]):
        with pytest.raises(InputError, match="the calendar has no sessions around 2026-03-02"):
            may_write(plan, Desk(now=NOW, calendar=days))
    assert may_write(plan, Desk(now=NOW, calendar=calendar[:2], last_session=calendar[1])).is_granted


@pytest.mark.parametrize(("previous", "held"), [("8.01", False), ("8", False), ("7.99", True)])
def test_a_price_that_moved_is_held_unless_it_is_explained(previous: str, held: bool) -> None:
    for is_explained in (False, True):
        plan = made({"previous_price": previous, "price_explained": is_explained}, {"previous_price": 10})
        assert may_write(plan, Desk(now=NOW)).is_granted == (is_explained or not held)


def test_a_price_before_is_in_the_currency_of_the_price() -> None:
    rows = [{"asset": "A", "score": 0.9, "price": 1000, "currency": "GBX", "previous_price": 990}]
    plan = trimtab.plan(rows, cash=500, fx={"GBP": "1.25"})
    assert plan.price_history["A"].previous == Decimal("12.375")
    assert may_write(plan, Desk(now=NOW)).is_granted


def test_the_settings_of_the_limits_count_and_may_be_replaced() -> None:
    plan = made(limits=RebalancingLimits(gates={"max_order_share": 0.25}))
    assert [gate.gate for gate in may_write(plan, Desk(now=NOW)).held] == ["order_share"]
    assert may_write(plan, Desk(now=NOW), gates=GateSettings()).is_granted


@pytest.mark.parametrize(("state", "granted"), [("NORMAL\n", True), ("REDUCING", False), ("HALTED", False)])
def test_a_state_file(tmp_path: Path, state: str, granted: bool) -> None:
    path = tmp_path / "state.txt"
    path.write_text(state)
    assert may_write(made(), Desk(now=NOW, state=path)).is_granted == granted
    sells = may_write(made(settings={"mode": "sell_only"}), Desk(now=NOW, state=path))
    assert sells.is_granted == (state != "HALTED")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such file: write NORMAL into it"):
        may_write(made(), Desk(now=NOW, state=tmp_path / "absent"))
    with pytest.raises(InputError, match="cannot be read"):
        may_write(made(), Desk(now=NOW, state=tmp_path))
    with pytest.raises(InputError, match="has no time zone"):
        Desk(now=dt.datetime(2026, 3, 2))


# --- the record


def test_what_was_written_is_held_back_for_a_day(tmp_path: Path) -> None:
    record = tmp_path / "orders.jsonl"
    first = may_write(made(), Desk(now=NOW, record=record))
    assert first.is_granted
    first.write_record()
    again = may_write(made(), Desk(now=NOW + dt.timedelta(hours=23.9), record=record))
    assert [gate.sentence for gate in again.held] == [
        "The order of A was written in the last 24 hours (repeat_hours)",
        "The order of B was written in the last 24 hours (repeat_hours)",
    ]
    with pytest.raises(OutputError, match="a gate holds back are not recorded"):
        again.write_record()
    assert may_write(made(), Desk(now=NOW + dt.timedelta(hours=24), record=record)).is_granted


def test_a_gate_that_is_let_through_is_in_the_record(tmp_path: Path) -> None:
    record = tmp_path / "orders.jsonl"
    may_write(made(), Desk(now=NOW, record=record)).write_record()
    through = [Acknowledgement("repeated_order", "Ann", "the first file was lost")]
    release = may_write(made(), Desk(now=NOW, record=record, acknowledgements=through))
    release.write_record()
    lines = [json.loads(line) for line in record.read_text().splitlines()]
    assert [line.get("gate") for line in lines] == [None, None, "repeated_order", "repeated_order", None, None]
    assert lines[2]["note"] == "Ann: the first file was lost"
    assert len(may_write(made(), Desk(now=NOW, record=record)).held) == 2  # acknowledged once, not for good
    with pytest.raises(SetupError, match="no gate holds"):
        may_write(made(), Desk(now=NOW, acknowledgements=through))


def test_a_record_that_cannot_be_written(tmp_path: Path) -> None:
    release = may_write(made(), Desk(now=NOW, record=tmp_path / "absent" / "orders.jsonl"))
    with pytest.raises(OutputError, match="name a place where you may write"):
        release.write_record()
    may_write(made(), Desk(now=NOW)).write_record()  # no record, nothing to do


# --- a run


def test_a_run_names_the_account_and_has_gates_of_its_own() -> None:
    limits = RebalancingLimits(gates={"max_order_share": 0.25, "max_run_orders": 3})
    release = may_write({"one": made(limits=limits), "two": made(limits=limits)}, Desk(now=NOW))
    assert [(gate.gate, gate.account) for gate in release.held] == [
        ("order_share", "one"),
        ("order_share", "two"),
        ("run_orders", ""),
    ]
    assert release.held[0].sentence.startswith("Account one: The order of A is 30%")
    assert release.held[2].sentence == "The run has 4 orders; at most 3 (max_run_orders)"
    assert may_write({}, Desk(now=NOW)).is_granted


# --- reading prices


def test_dates_and_prices_before_may_be_beside_the_prices() -> None:
    candidates = [{"asset": "A", "score": 0.9}, {"asset": "B", "score": 0.9}]
    prices = pl.DataFrame(
        {"asset": ["A", "X"], "price": [10, 1], "price_date": [FRIDAY, None], "previous_price": [9, 1]}
    )
    history = read_price_history(candidates, prices)
    assert history["A"] == PriceHistory(FRIDAY, Decimal(9))
    assert read_price_history(candidates) == {} == read_price_history(candidates, {"A": 1})
    with pytest.raises(InputError, match="is given in two tables"):
        read_price_history([{"asset": "A", "price_date": "2026-02-27"}], prices)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("price_date", "soon", "is not a day"),
        ("price_date", 20260302, "is not a day"),
        ("previous_price", 0, "is not above 0"),
        ("price_explained", "maybe", "is neither true nor false"),
    ],
)
def test_a_bad_cell_is_named(column: str, value: Any, message: str) -> None:
    with pytest.raises(InputError, match=rf"row 2, column '{column}': {message}"):
        read_price_history([{"asset": "A", column: None}, {"asset": "B", column: value}])


def test_sessions() -> None:
    assert [last_weekday_before(NOW.date() + dt.timedelta(days=day)) for day in (0, 1, -1, -2)] == [
        FRIDAY,
        NOW.date(),
        FRIDAY,
        FRIDAY,
    ]
    assert sessions_up_to(FRIDAY, {}) == (FRIDAY,)
    sunday = dt.date(2026, 3, 1)
    assert sessions_up_to(NOW.date(), {"A": PriceHistory(dt.date(2026, 2, 26)), "B": PriceHistory(sunday)}) == (
        dt.date(2026, 2, 26),
        FRIDAY,
        sunday,
        NOW.date(),
    )


# --- settings


def test_a_call_that_overrides_the_limits_says_so() -> None:
    limits = RebalancingLimits(orders={"mode": "sell_only", "fees": {"per_order": 1}, "cash_buffer": 0.01})
    plan = made(limits=limits)
    assert (plan.settings, plan.order_notes) == (limits.orders, ())
    assert [order.side for order in plan.orders] == ["sell"]
    other = made(limits=limits, mode="full", fees={"per_order": 2}, max_turnover=0.5)
    assert other.settings == limits.orders.replace(mode="full", fees={"per_order": 2}, max_turnover=0.5)
    assert other.order_notes == (
        "orders.mode is full in this call, in place of sell_only in the limits",
        "orders.fees.per_order is 2 in this call, in place of 1 in the limits",
    )
    whole = made(limits=limits, settings=OrderSettings(max_turnover=0.5))
    assert len(whole.order_notes) == 3
    mapping = made(limits=limits, settings={"mode": "full"})
    assert mapping.settings.fees == limits.orders.fees


def test_where_the_settings_come_from_does_not_change_the_ids() -> None:
    limits = RebalancingLimits(orders={"mode": "sell_only"}, gates={"max_order_share": 0.9})
    assert made(limits=limits).plan_id == made(mode="sell_only").plan_id

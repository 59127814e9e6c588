"""Each gate just under, at and over its limit; a faulty loop; the record and the state file."""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from thorough import mostly_thorough

import trimtab
from trimtab import Plan
from trimtab.errors import InputError, LimitsError, SetupError
from trimtab.limits.gate_settings import GateSettings
from trimtab.orders.gates import (
    Gate,
    Written,
    account_gates,
    acknowledged,
    gates_as_records,
    holding,
    not_measured,
    read_written,
    repeat_gates,
    run_gates,
    state_gate,
    written_line,
)
from trimtab.orders.price_history import PriceHistory

NOW = dt.datetime(2026, 3, 2, 15, tzinfo=dt.UTC)
SESSIONS = [dt.date(2026, 2, 26), dt.date(2026, 2, 27), dt.date(2026, 3, 2)]


def made(**more: Any) -> Plan:
    """Worth 1,000: sells 30 of A for 300, buys 20 of B for 200, ends with 600 in cash."""
    rows = [{"asset": "A", "score": 0.9, "price": 10, "shares": 50}, {"asset": "B", "score": 0.9, "price": 10}]
    return trimtab.plan(rows, cash=500, **more)


def verdicts(gates: tuple[Gate, ...], name: str) -> list[str]:
    return [str(gate.verdict) for gate in gates if gate.gate == name]


@pytest.mark.parametrize(
    ("name", "field", "under", "edge", "over"),
    [
        ("order_share", "max_order_share", 0.31, 0.3, 0.29),
        ("order_amount", "max_order_amount", "300.01", "300", "299.99"),
        ("account_turnover", "max_account_turnover", 0.31, 0.3, 0.29),
        ("account_orders", "max_account_orders", 3, 2, 1),
    ],
)
def test_sizes_just_under_at_and_over(name: str, field: str, under: Any, edge: Any, over: Any) -> None:
    """The sell of 300 is 0.3 of 1,000; two orders; more is sold than bought beside idle cash."""
    for limit, held in ((under, False), (edge, False), (over, True)):
        gates = account_gates(made(), GateSettings(**{field: limit}))
        assert ("hold" in verdicts(gates, name)) == held, limit


def test_a_position_that_is_closed_may_be_large() -> None:
    rows = [{"asset": "A", "score": 0.1, "price": 10, "shares": 50}]
    assert verdicts(account_gates(trimtab.plan(rows, cash=500), GateSettings()), "order_share") == []


@pytest.mark.parametrize(("day", "verdict"), [(SESSIONS[2], "ok"), (SESSIONS[1], "hold"), (SESSIONS[0], "hold")])
def test_a_price_is_no_older_than_the_last_session(day: dt.date, verdict: str) -> None:
    history = {"A": PriceHistory(date=day), "B": PriceHistory(date=SESSIONS[2])}
    gates = account_gates(made(), GateSettings(), history=history, sessions=SESSIONS)
    assert verdicts(gates, "price_age") == [verdict, "ok"]
    older = account_gates(made(), GateSettings(max_price_age=1), history=history, sessions=SESSIONS)
    assert verdicts(older, "price_age")[0] == ("hold" if day == SESSIONS[0] else "ok")


def test_a_price_without_a_date_is_said_or_held() -> None:
    assert verdicts(account_gates(made(), GateSettings()), "price_age") == ["not_measured", "not_measured"]
    assert verdicts(account_gates(made(), GateSettings(need_price_dates=True)), "price_age") == ["hold", "hold"]


@pytest.mark.parametrize(
    ("previous", "verdict"),
    [("8.01", "ok"), ("8", "ok"), ("7.99", "hold"), ("12.49", "ok"), ("12.5", "ok"), ("12.51", "hold"), ("40", "hold")],
)
def test_a_price_that_moved(previous: str, verdict: str) -> None:
    """10 is 25 % above 8, and 12.50 is 25 % above 10; 40 is a split of 4:1 that nobody adjusted."""
    history = {"A": PriceHistory(previous=Decimal(previous)), "B": PriceHistory(previous=Decimal(0))}
    gates = account_gates(made(), GateSettings(), history=history)
    assert verdicts(gates, "price_move") == [verdict, "not_measured"]
    explained = {"A": replace(history["A"], is_explained=True)}
    assert verdicts(account_gates(made(), GateSettings(), history=explained), "price_move")[0] == "ok"


def test_the_cash_buffer() -> None:
    """Whoever withdraws more than there is uses it; buys never do by themselves."""
    assert verdicts(account_gates(made(), GateSettings()), "cash_buffer") == ["ok"]
    short = trimtab.plan(
        [{"asset": "A", "score": 0.9, "price": 10, "shares": 50, "tradable": False}], cash=0, cash_flow=-10
    )
    assert verdicts(account_gates(short, GateSettings()), "cash_buffer") == ["hold"]
    used = replace(made(), cash=Decimal("2.4"), value=Decimal(1000))
    assert verdicts(account_gates(used, GateSettings()), "cash_buffer") == ["hold"]
    kept = replace(made(), cash=Decimal("2.5"), value=Decimal(1000))
    assert verdicts(account_gates(kept, GateSettings()), "cash_buffer") == ["ok"]


# --- a run -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "field", "under", "edge", "over"),
    [
        ("run_orders", "max_run_orders", 41, 40, 39),
        ("run_amount", "max_run_amount", "10000.01", "10000", "9999.99"),
        ("trading_accounts", "max_trading_accounts", 0.81, 0.8, 0.79),
    ],
)
def test_a_run_just_under_at_and_over(name: str, field: str, under: Any, edge: Any, over: Any) -> None:
    """20 of 25 accounts trade, two orders and 500 each."""
    idle = replace(made(), orders=())
    plans = [made()] * 20 + [idle] * 5
    for limit, held in ((under, False), (edge, False), (over, True)):
        assert ("hold" in verdicts(run_gates(plans, GateSettings(**{field: limit})), name)) == held, limit


def test_a_share_of_few_accounts_says_nothing() -> None:
    assert verdicts(run_gates([made()] * 19, GateSettings()), "trading_accounts") == []
    assert verdicts(run_gates([made()] * 20, GateSettings()), "trading_accounts") == ["hold"]


# --- repeated orders, and a state ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("hours", "held"), [(23.99, True), (24, False), (24.01, False)])
def test_the_same_order_is_not_written_again_within_a_day(hours: float, held: bool) -> None:
    plan = made()
    order = plan.orders[0]
    before = Written(NOW - dt.timedelta(hours=hours), "", order.asset, order.side, order.shares)
    gates = repeat_gates(plan, [before], NOW, GateSettings())
    assert [str(gate.verdict) for gate in gates] == ["hold" if held else "ok", "ok"]
    for other in (replace(before, account="x"), replace(before, shares=Decimal(1)), replace(before, side="buy")):
        assert holding(repeat_gates(plan, [other], NOW, GateSettings())) == []


@pytest.mark.parametrize("turns", mostly_thorough([50, 1000]))
def test_a_faulty_loop_writes_each_order_once(turns: int) -> None:
    """Knight Capital, 2012: 212 parent orders, sent again and again."""
    rows = [{"asset": f"A{index:03}", "score": 0.9, "price": 10} for index in range(212)]
    limits = trimtab.RebalancingLimits(
        max_total_positions=212, max_new_positions=212, min_position_weight=0.0, max_position_weight=0.01
    )
    plan = trimtab.plan(rows, limits, cash=1_000_000)
    settings = GateSettings(max_account_orders=212, max_account_turnover=1.0)
    record, written, state = "", 0, "NORMAL"
    for turn in range(turns):
        now = NOW + dt.timedelta(seconds=turn)
        gates = (
            *account_gates(plan, settings),
            *repeat_gates(plan, read_written(record, "orders.jsonl"), now, settings),
            state_gate(plan, state, "state"),
        )
        if holding(gates):
            state = "HALTED"
            continue
        written += len(plan.orders)
        record += "".join(written_line(order, now) for order in plan.orders)
        if turn > 3:
            break
    assert len(plan.orders) == 212
    assert (written, state) == (212, "HALTED")
    assert holding((state_gate(plan, state, "state"),))


@pytest.mark.parametrize(
    ("state", "mode", "held"),
    [
        ("NORMAL", "full", False),
        ("reducing\n", "full", True),
        ("REDUCING", "sell_only", False),
        ("HALTED", "sell_only", True),
    ],
)
def test_a_state_lets_through_what_it_says(state: str, mode: str, held: bool) -> None:
    assert bool(holding((state_gate(made(mode=mode), state, "state"),))) == held


def test_a_halted_account_without_orders_is_fine() -> None:
    assert holding((state_gate(replace(made(), orders=()), "HALTED", "state"),)) == []


def test_what_cannot_be_read_is_refused() -> None:
    with pytest.raises(InputError, match="write one of NORMAL, REDUCING, HALTED"):
        state_gate(made(), "PAUSED", "state")
    for line in ("{", "[]", '{"time": "x", "shares": "1"}', '{"time": "2026-03-02", "account": "", "asset": "A"}'):
        with pytest.raises(InputError, match=r"orders\.jsonl, line 1: is not a line of the record"):
            read_written(line, "orders.jsonl")


# --- letting one through ---------------------------------------------------------------------------------------------


def test_a_gate_that_is_acknowledged_is_named_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    gates = account_gates(made(), GateSettings(max_order_share=0.1))
    assert [gate.asset for gate in holding(gates)] == ["A", "B"]
    with caplog.at_level(logging.WARNING):
        first = acknowledged(gates, "order_share", by="Ann", why="a planned exit", asset="A")
    assert [gate.asset for gate in holding(first)] == ["B"]
    assert "gate order_share acknowledged by Ann: a planned exit" in caplog.text
    assert next(gate for gate in first if gate.verdict == "acknowledged").note == "Ann: a planned exit"
    assert holding(acknowledged(gates, "order_share", by="Ann", why="both")) == []


def test_an_acknowledgement_that_lets_nothing_through_is_refused() -> None:
    gates = account_gates(made(), GateSettings(max_order_share=0.1))
    with pytest.raises(SetupError, match="needs a name and a reason"):
        acknowledged(gates, "order_share", by=" ", why="x")
    with pytest.raises(SetupError, match="did you mean 'order_share'"):
        acknowledged(gates, "order_shares", by="Ann", why="x")
    with pytest.raises(SetupError, match="no gate holds"):
        acknowledged(account_gates(made(), GateSettings()), "order_share", by="Ann", why="x")


def test_gates_as_data() -> None:
    records = gates_as_records(account_gates(made(), GateSettings(max_order_share=0.25)))
    assert records[1] == {
        "gate": "order_share",
        "account": "",
        "asset": "A",
        "measured": "0.3",
        "limit": "0.25",
        "verdict": "hold",
        "note": "",
    }
    assert (
        account_gates(made(), GateSettings())[1].sentence
        == "The order of A is 30% of the account; at most 30% (max_order_share)"
    )
    assert account_gates(made(), GateSettings())[0].sentence.startswith(
        "600.00 stays in cash; buys leave at least 2.50"
    )


def test_each_measurement_has_its_sentence() -> None:
    history = {"A": PriceHistory(date=SESSIONS[1], previous=Decimal(8))}
    gates = account_gates(made(), GateSettings(max_order_amount=250), history=history, sessions=SESSIONS)
    sentences = {(gate.gate, gate.asset): gate.sentence for gate in gates}
    assert sentences["order_amount", "A"] == "The order of A comes to 300.00; at most 250.00 (max_order_amount)"
    assert sentences["price_age", "A"] == "The price of A is 1 session old; at most 0 (max_price_age)"
    assert sentences["price_age", "B"] == "The price of B has no date (price_date)"
    assert sentences["price_move", "A"] == "The price of A moved 25%; at most 25% (max_price_move)"
    assert sentences["price_move", "B"] == "The price of B lacks the one before (previous_price)"
    assert not_measured("repeated_order", "no record", "24").sentence == "There is no record of written orders"


def test_settings_of_gates() -> None:
    limits = trimtab.RebalancingLimits(gates={"max_order_share": 0.5})
    assert limits.gates == GateSettings(max_order_share=0.5)
    assert trimtab.RebalancingLimits(gates=limits.gates) == limits
    assert made(limits=limits).gate_settings.max_order_share == 0.5
    for wrong, message in ((5, "gates must be"), ({"max_price_mov": 1}, "did you mean 'max_price_move'")):
        with pytest.raises(LimitsError, match=message):
            trimtab.RebalancingLimits(gates=wrong)
    with pytest.raises(LimitsError, match="max_order_share must be between 0 and 1"):
        GateSettings(max_order_share=5)

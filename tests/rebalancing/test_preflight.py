"""The pre-flight: each finding by hand, and that what it promises is true of what `rebalance` then does."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from cases import random_limits, random_rows
from thorough import mostly_thorough

import trimtab
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.rebalancing.certified import Certified
from trimtab.rebalancing.preflight import Preflight

Row = dict[str, Any]
PER_ACCOUNT = ("representation", "minimum_unreachable", "braked", "cash_forced", "slots_taken", "input")
ON: dict[str, Any] = {"enable_bucket_diversification": True}
OFF_ROWS: list[Row] = [{"asset": f"A{index}", "score": 0.8, "current_weight": 0.1} for index in range(6)]


def asset(name: str, bucket: str | None, score: float | None = 0.8, current: float = 0.0, **more: Any) -> Row:
    return {"asset": name, "score": score, "current_weight": current, "bucket": bucket, **more}


def found(rows: Any, **limits: Any) -> Preflight:
    return trimtab.check(rows, RebalancingLimits(**limits))


def texts(preflight: Preflight) -> dict[str, str]:
    assert len({finding.code for finding in preflight.findings}) == len(preflight.findings)
    return {finding.code: finding.text for finding in preflight.findings}


HEALTHY = [asset(f"{bucket}{index}", bucket, 0.9, 0.05) for bucket in ("Tech", "Bond", "Gold") for index in range(3)]


def test_nothing_to_say() -> None:
    for limits in ({}, ON, {**ON, "buckets": {"Bond": {"min_allocation": 0.2}}}):
        rows = HEALTHY if limits else OFF_ROWS
        assert found(rows, **limits).findings == ()
        assert found(rows, **limits).ok
    assert trimtab.check(OFF_ROWS).findings == ()


def test_it_changes_nothing() -> None:
    rows = [dict(row) for row in HEALTHY]
    found(rows, **ON)
    assert rows == HEALTHY


# ---- errors


def test_input_as_a_whole() -> None:
    preflight = found([{"asset": "A"}])
    assert not preflight.ok
    (finding,) = preflight.errors
    assert (finding.level, finding.code, finding.account) == ("error", "input", None)
    assert finding.text == "column 'score': the column is missing: add it; the table has 'asset'"
    assert finding.fault is not None
    assert finding.fault.column == "score"


def test_input_of_accounts() -> None:
    rows = [
        {"account": "one", "asset": "A", "score": 7.0, "current_weight": -1.0},
        {"account": "two", "asset": "A", "score": 0.9},
    ]
    preflight = found(rows)
    assert [(error.code, error.account) for error in preflight.errors] == [("input", "one"), ("input", "one")]
    assert [error.fault.column for error in preflight.errors if error.fault] == ["score", "current_weight"]
    assert [(warning.code, warning.account) for warning in preflight.warnings] == [("cash_forced", "two")]
    assert preflight.findings == (*preflight.errors, *preflight.warnings)


def test_limits_for_a_bucket_that_is_not_there() -> None:
    preflight = found(HEALTHY, **ON, buckets={"Tehc": {"max_positions": 1}})
    (finding,) = preflight.findings
    assert (finding.level, finding.code) == ("error", "limits")
    assert finding.text.startswith("buckets['Tehc']: no candidate is in this bucket: did you mean 'Tech'?")
    assert not preflight.ok


# ---- warnings by hand


def test_the_rules_example_of_forced_cash() -> None:
    """Two buckets x 0.4 when 0.95 is aimed at: 20 % in cash, 15 points more than aimed at."""
    rows = [asset(f"{bucket}{index}", bucket, 0.9, 0.1) for bucket in ("Tech", "Bond") for index in range(4)]
    assert texts(found(rows, **ON)) == {
        "cash_forced": "15.00% stays in cash that target_invested 0.95 would invest: "
        "at max_allocation_per_bucket: Bond (40.00%), Tech (40.00%); "
        "at most 80.0% can be invested in the selected assets"
    }


@pytest.mark.parametrize(
    ("rows", "limits", "cash", "reason"),
    [
        (OFF_ROWS, {"max_position_weight": 0.1}, "35.00%", "at max_position_weight 0.1: A0, A1, A2, A3, A4, A5"),
        (OFF_ROWS, {"max_total_positions": 3}, "35.00%", "3 assets are kept out by max_total_positions 3"),
        (
            [{**row, "max_weight": 0.05} for row in OFF_ROWS],
            {},
            "65.00%",
            "at their max_weight: A0, A1, A2, A3, A4, A5",
        ),
        (
            [{**row, "current_weight": 0} for row in OFF_ROWS],
            {},
            "35.00%",
            "3 assets are kept out by max_new_positions 3",
        ),
        ([{**row, "score": 0.5} for row in OFF_ROWS], {}, "95.00%", "6 assets are kept out by their scores"),
        (
            [{**row, "restriction": "no_buy"} for row in OFF_ROWS],
            {},
            "35.00%",
            "a restriction forbids buying: A0, A1, A2, A3, A4, A5",
        ),
        (
            [{**row, "restriction": "no_trade", "score": None} for row in OFF_ROWS[:3]],
            {},
            "65.00%",
            "together with the others, a restriction forbids buying: A0, A1, A2; "
            "together with the others, without a score nothing is bought: A0, A1, A2",
        ),
        (
            [asset(f"A{index}", "Tech", 0.9, 0.1) for index in range(6)],
            {**ON, "min_buckets_represented": 1, "max_positions_per_bucket": 1, "max_allocation_per_bucket": 0.1},
            "85.00%",
            "at max_allocation_per_bucket: Tech (10.00%)",
        ),
    ],
)
def test_forced_cash(rows: list[Row], limits: dict[str, Any], cash: str, reason: str) -> None:
    text = texts(found(rows, **limits))["cash_forced"]
    assert text.startswith(f"{cash} stays in cash that target_invested 0.95 would invest: ")
    assert reason in text


@pytest.mark.parametrize(
    "limits",
    [
        {"full_investment_positions": 10},
        {"max_position_weight": 0.1, "residual_strategy": "cash"},
        {"max_position_weight": 0.1, "cash_band": 0.4},
        {"max_position_weight": 0.1, "target_invested": 0.6},
    ],
)
def test_cash_that_is_wanted_is_no_warning(limits: dict[str, Any]) -> None:
    rows = [{**row, "current_weight": 0.095} for row in OFF_ROWS]
    assert found(rows, **limits).findings == ()
    assert trimtab.rebalance(rows, RebalancingLimits(**limits)).status == "ok"


def test_desired_weights_that_leave_cash_are_wanted() -> None:
    rows: list[Row] = [
        {"asset": "A", "score": 0.9, "desired_weight": 0.3},
        {"asset": "B", "score": 0.9, "desired_weight": 0.2},
    ]
    limits = {"sizing_mode": "desired", "max_position_weight": 1.0}
    assert found(rows, **limits).findings == ()
    assert "cash_forced" in texts(found(rows, **{**limits, "max_position_weight": 0.25}))


def test_a_brake() -> None:
    rows = [{**row, "score": 0.1} for row in OFF_ROWS]
    assert texts(found(rows, brake_sold_weight=0.1)) == {"braked": "A brake would keep every weight unchanged"}


def test_slots_taken() -> None:
    rows = [*OFF_ROWS, {"asset": "NEW", "score": 0.99}]
    assert texts(found(rows, max_total_positions=6)) == {
        "slots_taken": "6 holdings that stay take all of max_total_positions 6: nothing new can be bought"
    }
    assert found(rows, max_total_positions=7).findings == ()


def test_slots_are_not_taken_where_a_new_asset_enters() -> None:
    """With `dust_weight` 0, a weight of 0 is still no holding."""
    rows = [asset("A", "Bond", 0.7, 0.1), asset("B", "Gold", 0.9, 0.0), asset("C", "Equity", 0.65, 0.0)]
    assert "slots_taken" not in texts(found(rows, max_total_positions=2, dust_weight=0.0, **ON))
    assert "slots_taken" in texts(found([rows[0], rows[2]], max_total_positions=1, dust_weight=0.0, **ON))


def test_too_few_buckets_have_a_candidate() -> None:
    rows = [*HEALTHY, asset("Z", "Zinc", 0.5)]
    assert texts(found(rows, **ON, min_buckets_represented=4)) == {
        "representation": "min_buckets_represented is 3 instead of 4: no candidate from another bucket qualifies and may be bought"
    }


def test_weak_candidates_and_fixed_holdings_can_represent() -> None:
    rows = [*HEALTHY, asset("Z", "Zinc", 0.61)]
    assert found(rows, **ON, min_buckets_represented=4).findings == ()
    rows = [*HEALTHY, asset("Z", "Zinc", None, 0.01)]
    assert "representation" not in texts(found(rows, **ON, min_buckets_represented=4))
    rows = [*HEALTHY, asset("Z", "Zinc", None, 0.0005)]
    assert "representation" in texts(found(rows, **ON, min_buckets_represented=4))


def test_fixed_holdings_may_represent_more_buckets_than_there_are_positions() -> None:
    rows = [asset(name, name, 0.9, 0.2, restriction="no_trade") for name in "PQ"]
    assert "representation" not in texts(found(rows, **ON, max_total_positions=1, min_buckets_represented=2))


def test_everything_unknown() -> None:
    for rows in (
        OFF_ROWS,
        [{**row, "bucket": None} for row in OFF_ROWS],
        [{**row, "bucket": "Unknown"} for row in OFF_ROWS],
    ):
        assert texts(
            found(rows, **ON, min_buckets_represented=0, max_allocation_per_bucket=1, max_positions_per_bucket=9)
        ) == {
            "all_unknown": "No candidate has a bucket: all share one, Unknown, which does not count toward "
            "min_buckets_represented"
        }


@pytest.mark.parametrize(
    ("rows", "limits", "code"),
    [
        (HEALTHY, {}, "buckets_off"),
        (OFF_ROWS, {"max_positions_per_bucket": 1}, "no_effect"),
        (OFF_ROWS, {"sizing_mode": "desired"}, "no_sizing_input"),
        (OFF_ROWS, {"sizing_mode": "inverse_volatility"}, "no_sizing_input"),
    ],
)
def test_what_has_no_effect(rows: list[Row], limits: dict[str, Any], code: str) -> None:
    """Said by the pre-flight and by the result alike."""
    notes = {note.code: note.text for note in trimtab.rebalance(rows, RebalancingLimits(**limits)).notes}
    assert texts(found(rows, **limits))[code] == notes[code]


def test_a_minimum_that_cannot_be_reached() -> None:
    limits = {**ON, "buckets": {"Bond": {"min_allocation": 0.3}, "Gold": {"min_allocation": 0.2}}}
    rows = [asset("B", "Bond", 0.9, 0.1), *(row for row in HEALTHY if row["bucket"] != "Bond")]
    text = texts(found(rows, **limits))
    assert text["minimum_unreachable"].startswith("min_allocation of Bond is 0.2 instead of 0.3: ")


# ---- findings of accounts


def test_findings_name_the_account() -> None:
    rows = [{**row, "account": 1} for row in OFF_ROWS] + [{**row, "account": 2} for row in OFF_ROWS[:2]]
    assert [(finding.code, finding.account) for finding in found(rows).findings] == [("cash_forced", 2)]
    assert found([{**row, "account": "mine"} for row in OFF_ROWS[:2]]).findings[0].account == "mine"


def test_what_holds_for_all_is_said_once() -> None:
    rows = [{**row, "account": account} for row in HEALTHY for account in (1, 2, 3)]
    assert [finding.code for finding in found(rows).findings] == ["buckets_off"]


def test_an_account_with_faults_is_not_explained() -> None:
    rows = [{**row, "account": account} for row in OFF_ROWS[:2] for account in (1, 2)]
    rows[0]["score"] = 7.0
    preflight = trimtab.check(rows, explain=True)
    assert [(finding.code, finding.account) for finding in preflight.findings] == [("input", 1), ("cash_forced", 2)]
    assert {account for account, _ in preflight.conflicts} == {2}


def test_a_bucket_of_another_account_is_no_finding_of_this_one() -> None:
    # The named bucket of the first account lies in Equity, of which the second has nothing.
    rows = [{**row, "account": 1} for row in (*HEALTHY, asset("E", "Equity/Tech", 0.9, 0.05))]
    rows += [{**asset("A", "Bond", 0.9, 0.05), "account": 2}, {**asset("B", "Gold", 0.9, 0.05), "account": 2}]
    limits = {**ON, "min_buckets_represented": 3, "buckets": {"Equity/Tech": {"max_positions": 2}}}
    findings = found(rows, **limits).findings
    assert [(finding.code, finding.account) for finding in findings] == [("representation", 2), ("cash_forced", 2)]


def test_of_very_many_accounts_only_the_first_are_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trimtab.rebalancing.preflight._REASONED", 1)
    rows = [{**row, "account": account} for row in OFF_ROWS[:2] for account in (1, 2)]
    first, second = found(rows).findings
    assert first.text.startswith(second.text + ": ")


def test_an_account_with_a_fault_has_no_other_finding() -> None:
    rows = [{**asset("A", "Tech", 0.9), "account": 1}, {**asset("A", "Tech", 9.0), "account": 2}]
    findings = found(rows, **{**ON, "min_buckets_represented": 3}).findings
    assert [(finding.code, finding.account) for finding in findings] == [
        ("input", 2),
        ("representation", 1),
        ("cash_forced", 1),
    ]


@pytest.mark.parametrize("first", mostly_thorough(range(7000, 7200, 20), 1))
def test_many_accounts_have_the_findings_of_each_alone(first: int) -> None:
    for seed in range(first, first + 20):
        rng = random.Random(seed)
        limits = random_limits(rng)
        accounts = [[{**row, "account": index} for row in random_rows(rng)] for index in range(70)]
        together = trimtab.check([row for rows in accounts for row in rows], limits).findings
        for index in (0, 1, 63, 64, 69):
            alone = [
                finding for finding in trimtab.check(accounts[index], limits).findings if finding.code in PER_ACCOUNT
            ]
            assert [
                (entry.code, entry.text) for entry in together if entry.account == index and entry.code in PER_ACCOUNT
            ] == [(entry.code, entry.text) for entry in alone], seed


def test_a_result_that_breaks_a_limit_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = trimtab.BrokenLimitError(["max_total_positions is 7.0 against 6.0"])

    def certified(candidates: Any, *_: Any) -> Certified:
        size = len(candidates.accounts)
        return Certified(np.zeros(size, np.bool_), {0: broken}, [])

    monkeypatch.setattr("trimtab.rebalancing.preflight.certified", certified)
    (error,) = found(OFF_ROWS).errors
    assert (error.code, error.text) == ("broken", str(broken))


# ---- what is promised holds


@pytest.mark.parametrize("block", mostly_thorough(range(20), 3))
def test_it_finds_what_a_rebalance_reports_and_nothing_else(block: int) -> None:
    for seed in range(100):
        rng = random.Random(1000 * block + seed)
        rows, limits = random_rows(rng), random_limits(rng)
        result = trimtab.rebalance(rows, limits)
        codes = {finding.code for finding in trimtab.check(rows, limits).findings}
        unmet = {limit.name for limit in result.certificate.unmet}
        assert ("representation" in codes) is ("min_buckets_represented" in unmet), (block, seed)
        assert ("minimum_unreachable" in codes) is ("min_allocation" in unmet), (block, seed)
        assert ("cash_forced" in codes) is (result.cash_left > 0), (block, seed)
        assert ("braked" in codes) is result.braked
        if "slots_taken" in codes:
            assert not any(row["action"] == "open" for row in result.targets)

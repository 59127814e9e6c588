"""Conflicting limits and what would help: by hand, and verified on random accounts."""

from __future__ import annotations

import random
from typing import Any

import pytest
from accounts import asset
from cases import random_limits, random_rows
from command_line import run
from counterfactuals import faults
from exposure_runs import random_concentration
from thorough import mostly_thorough

import trimtab
from trimtab.candidates.read import read
from trimtab.explanations.changes import Change
from trimtab.explanations.conflicts import Conflict, Reached
from trimtab.explanations.relaxations import least_relaxation, together
from trimtab.explanations.reruns import Reruns
from trimtab.limits.rebalancing_limits import RebalancingLimits

Row = dict[str, Any]
ON: dict[str, Any] = {"enable_bucket_diversification": True}


def found(rows: list[Row], table: Any = None, **limits: Any) -> dict[tuple[str, str], Conflict]:
    """The conflicts by goal, each checked by carrying out what it says."""
    made = RebalancingLimits(**limits)
    conflicts = trimtab.rebalance(rows, made, exposures=table).conflicts
    for conflict in conflicts:
        assert faults(rows, made, conflict, table) == []
    return {(conflict.goal.limit, conflict.goal.node): conflict for conflict in conflicts}


def helps(conflict: Conflict) -> dict[str, Any]:
    """What each member's relaxation is, None where it alone does not help."""
    return {member.limit: member.relaxation and member.relaxation.value for member in conflict.members}


def lowered(conflict: Conflict) -> Any:
    assert conflict.goal.relaxation is not None
    return conflict.goal.relaxation.value


def least(rows: list[Row], limit: str, goal: Change, **limits: Any) -> Any:
    """The least value of one limit with which a goal is reached."""
    made = RebalancingLimits(**limits)
    reruns = Reruns.of(read(rows, made, many=False), made)
    relaxation = least_relaxation(reruns, Change(limit, "", None), goal, Reached(reruns))
    assert relaxation is not None
    return relaxation.value


def test_no_conflict_where_everything_is_met() -> None:
    # Five positions of 0.2 hold the 0.95 that is aimed at.
    assert found([asset(f"A{index}", 0.9, 0.19) for index in range(5)]) == {}


def test_representation_against_the_new_positions() -> None:
    rows = [asset("A", 0.9, 0, "Tech"), asset("B", 0.8, 0, "Bond")]
    conflict = found(rows, **ON, max_new_positions=1)[("min_buckets_represented", "")]
    assert conflict.text == "min_buckets_represented 2 is not met (1) because of max_new_positions 1"
    assert (helps(conflict), lowered(conflict), conflict.together) == ({"max_new_positions": 2}, 1, ())


def test_two_limits_stand_in_the_way_so_only_both_together_help() -> None:
    rows = [asset("A", 0.9, 0, "Tech"), asset("B", 0.8, 0, "Bond")]
    conflict = found(rows, **ON, max_new_positions=1, max_total_positions=1)[("min_buckets_represented", "")]
    # Each of the two alone is an irreducible set; one of them is named.
    assert [(member.limit, member.relaxation) for member in conflict.members] == [("max_total_positions", None)]
    assert {(entry.change, entry.value) for entry in conflict.together} == {
        ("max_total_positions", 2),
        ("max_new_positions", 2),
    }


def test_caps_of_several_assets_are_lifted_together_and_only_where_they_are_in_the_way() -> None:
    rows = [
        asset("A", 0.9, 0, "Tech"),
        asset("B", 0.8, 0, "Bond", max_weight=0.0),
        asset("C", 0.7, 0, "Gold", max_weight=0.0),
        asset("D", 0.7, 0, "Gold", max_weight=0.0),
    ]
    limits = {**ON, "min_buckets_represented": 3, "max_total_positions": 1}
    conflict = found(rows, **limits)[("min_buckets_represented", "")]
    assert [(member.limit, member.relaxation) for member in conflict.members] == [("max_total_positions", None)]
    assert [(entry.change, entry.node, entry.value) for entry in conflict.together] == [
        ("max_weight", "B", None),
        ("max_weight", "D", None),
        ("max_total_positions", "", 3),
    ]


def test_a_score_limit_is_lowered_no_further_than_the_one_below_it() -> None:
    """At 0.6 A joins H and both fill 0.9; at 0.55, below the other limits, B would represent Bond in the place of A."""
    rows = [asset("H", 0.9, 0.45, "Tech"), asset("A", 0.6, 0, "Tech"), asset("B", 0.55, 0, "Bond", max_weight=0.02)]
    limits = {**ON, "target_invested": 0.9, "max_total_positions": 2, "max_position_weight": 0.45}
    goal = Change("target_invested", "", 0.9)
    assert least(rows, "min_score_new_position", goal, **limits, max_allocation_per_bucket=1.0) == 0.6


def test_nothing_is_said_to_help_together_where_only_no_limit_at_all_does() -> None:
    limits = RebalancingLimits()
    reruns = Reruns.of(read([{"asset": "A", "score": 0.9}], limits, many=False), limits)

    def reached(_goal: Change, changes: Any = ()) -> bool:
        return any(change.value is None for change in changes)

    lifted = [Change("max_position_weight", "", None)]
    assert together(reruns, lifted, Change("min_buckets_represented", "", 1), reached) == ()


def test_the_least_weight_is_lowered_no_further_than_the_dust_that_was_given() -> None:
    rows = [asset("A", 0.9, 0, "Tech"), asset("B", 0.8, 0, "Bond")]
    goal = Change("min_buckets_represented", "", 2)
    assert least(rows, "min_position_weight", goal, **ON, target_invested=0.03, dust_weight=0.01) == 0.015
    rows[1]["max_weight"] = 0.0100005  # between two steps of weight
    assert least(rows, "min_position_weight", goal, **ON, dust_weight=0.0100005) == 0.0100005


def test_a_goal_is_lowered_past_the_values_that_contradict_other_limits() -> None:
    """0.01 is all that is held and bought; a `target_invested` of 0.01 would be below `min_position_weight`."""
    conflict = found([asset("A", 0.9, 0.01, restriction="no_trade")])[("target_invested", "")]
    assert lowered(conflict) == 0.0


def test_representation_that_the_candidates_cannot_give() -> None:
    conflict = found([asset("A", 0.9, 0, "Tech")], **ON)[("min_buckets_represented", "")]
    assert (conflict.members, lowered(conflict), conflict.reached) == ((), 1, 1.0)
    assert conflict.text.endswith("these candidates cannot meet it, whatever the other limits are")


def test_a_score_that_is_too_low_to_represent() -> None:
    rows = [asset("A", 0.9, 0.1, "Tech"), asset("B", 0.5, 0, "Bond")]
    conflict = found(rows, **ON, min_score_threshold=0.3)[("min_buckets_represented", "")]
    assert helps(conflict) == {"min_score_diversification": 0.5}


def test_of_very_many_scores_the_farther_ones_are_tried_by_halves(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [asset(f"T{index}", 0.9 - index / 50, 0, "Tech") for index in range(12)] + [asset("B", 0.7, 0, "Bond")]
    limits = {**ON, "min_score_diversification": 0.89, "min_score_new_position": 0.89, "min_buckets_represented": 2}
    goal = Change("min_buckets_represented", "", 2)
    assert least(rows, "min_score_diversification", goal, **limits) == 0.7
    monkeypatch.setattr("trimtab.explanations.values_to_try.CANDIDATES_TRIED", 0)
    monkeypatch.setattr("trimtab.explanations.values_to_try.LEAST_TRIALS", 3)
    assert least(rows, "min_score_diversification", goal, **limits) == 0.7


def test_a_lower_score_limit_needs_those_below_it_lowered_too() -> None:
    rows = [asset("A", 0.9, 0.1, "Tech"), asset("B", 0.5, 0, "Bond")]
    conflict = found(rows, **ON)[("min_buckets_represented", "")]
    assert [entry.change for entry in conflict.together] == ["min_score_diversification", "min_score_threshold"]
    assert [entry.value for entry in conflict.together] == [0.5, 0.5]


def test_a_bucket_minimum_against_the_cap_of_its_only_position() -> None:
    # One bond of at most 0.2; 0.3 is wanted.
    rows = [asset("B", 0.9, 0, "Bond"), *(asset(f"T{index}", 0.9, 0, f"T{index}") for index in range(4))]
    limits = {**ON, "max_new_positions": 5, "buckets": {"Bond": {"min_allocation": 0.3}}}
    conflict = found(rows, **limits)[("min_allocation", "Bond")]
    assert (helps(conflict), lowered(conflict)) == ({"max_position_weight": 0.3}, 0.2)


def test_a_bucket_minimum_against_a_cap_of_its_own_and_a_restriction() -> None:
    capped = [asset("B", 0.9, 0, "Bond", max_weight=0.05)]
    limits = {**ON, "max_position_weight": 1.0, "buckets": {"Bond": {"min_allocation": 0.1}}}
    conflict = found(capped, **limits, min_buckets_represented=0)[("min_allocation", "Bond")]
    assert conflict.members[0].value == ("B",)
    relaxation = conflict.members[0].relaxation
    assert relaxation is not None and (relaxation.node, relaxation.effect) == ("B", "no max_weight for B")
    forbidden = [asset("B", 0.9, 0, "Bond", restriction="no_buy")]
    conflict = found(forbidden, **limits, min_buckets_represented=0)[("min_allocation", "Bond")]
    assert helps(conflict) == {"restriction": ""}


def test_minima_of_two_buckets_and_what_is_fixed() -> None:
    # 0.9 is fixed in Tech; 0.95 less 0.9 is left for Bond, which wants 0.1.
    rows = [asset("T", 0.9, 0.9, "Tech", restriction="no_trade"), asset("B", 0.9, 0, "Bond")]
    conflict = found(rows, **ON, buckets={"Bond": {"min_allocation": 0.1}})[("min_allocation", "Bond")]
    assert helps(conflict) == {"restriction": "", "target_invested": 1.0}


def test_cash_against_the_cap_the_positions_and_the_buckets() -> None:
    rows = [asset(f"T{index}", 0.9, 0, "Tech") for index in range(4)]
    limits = {"max_new_positions": 4, "max_position_weight": 0.25, "target_invested": 1.0}
    assert found(rows, **limits) == {}
    conflict = found(rows, **{**limits, "max_new_positions": 3})[("target_invested", "")]
    assert (helps(conflict), lowered(conflict)) == (
        {"max_position_weight": 0.333334, "max_new_positions": 4},
        0.75,
    )
    bucketed = found(rows, **limits, **ON, min_buckets_represented=0)[("target_invested", "")]
    assert (helps(bucketed), lowered(bucketed)) == ({"max_allocation_per_bucket": 1.0}, 0.4)
    own = {**ON, "min_buckets_represented": 0, "buckets": {"Tech": {"max_allocation": 0.5}}}
    assert helps(found(rows, **limits, **own)[("target_invested", "")]) == {"max_allocation": 1.0}


def test_cash_that_the_kind_of_sizing_leaves() -> None:
    wishes = [asset(f"T{index}", 0.9, 0, desired_weight=0.1) for index in range(3)]
    limits = {"max_position_weight": 0.4, "target_invested": 0.9}
    assert helps(found(wishes, **limits, sizing_mode="desired")[("target_invested", "")]) == {
        "sizing_mode": "equal_weight"
    }
    left = [asset("A", 0.9, max_weight=0.1), asset("B", 0.9), asset("C", 0.9)]
    cash = found(left, max_position_weight=0.5, target_invested=0.9, residual_strategy="cash")
    assert helps(cash[("target_invested", "")]) == {"max_weight": None, "residual_strategy": "proportional"}
    few = found(left[1:], max_position_weight=0.5, target_invested=0.9, full_investment_positions=4)
    assert helps(few[("target_invested", "")]) == {"full_investment_positions": 2}


def test_cash_that_missing_data_leave() -> None:
    unclassified = [asset("A", 0.9)]
    limits = {**ON, "max_allocation_per_bucket": 1.0, "max_position_weight": 1.0, "min_buckets_represented": 0}
    conflict = found(unclassified, **limits, unknown_bucket="hold")[("target_invested", "")]
    assert helps(conflict) == {"unknown_bucket": "limit"}
    unscored = [asset("A", None, 0.1), asset("B", 0.9, 0, max_weight=None)]
    conflict = found(unscored, max_total_positions=1, max_position_weight=1.0)[("target_invested", "")]
    assert helps(conflict) == {"unscored_positions": "close", "max_total_positions": 2}


def test_a_position_too_small_to_be_taken() -> None:
    rows = [asset("A", 0.9, max_weight=0.05), asset("B", 0.9)]
    conflict = found(rows, min_position_weight=0.1, max_position_weight=0.9)[("target_invested", "")]
    assert helps(conflict)["min_position_weight"] == 0.05


def test_minima_that_ask_for_representation_elsewhere() -> None:
    # One place: representation wants Tech first (the higher score), and Bond's minimum then has no position.
    rows = [asset("T", 0.9, 0, "Tech"), asset("B", 0.8, 0, "Bond")]
    limits = {**ON, "max_total_positions": 1, "min_buckets_represented": 1, "max_position_weight": 0.4}
    conflict = found(rows, **limits, buckets={"Bond": {"min_allocation": 0.1}})[("min_allocation", "Bond")]
    assert helps(conflict) == {"max_total_positions": 2}


def test_a_goal_that_cannot_be_lowered_below_the_minima() -> None:
    # A lower target_invested would contradict the minimum of Bond; nobody is in Bond, so 0.3 is all there is.
    rows = [asset("T1", 0.9, 0, "Tech"), asset("T2", 0.9, 0, "Tech")]
    limits = {**ON, "min_buckets_represented": 0, "known_buckets": ["Bond"], "max_position_weight": 0.15}
    wide = {"max_allocation_per_bucket": 0.5, "buckets": {"Bond": {"min_allocation": 0.5}}}
    conflict = found(rows, **limits, **wide)[("target_invested", "")]
    assert (conflict.goal.relaxation, conflict.reached) == (None, 0.3)


def lying(*rows: tuple[str, str, str, float]) -> list[Row]:
    return [dict(zip(("asset", "scheme", "bucket", "fraction"), row, strict=True)) for row in rows]


US = lying(("A", "country", "US", 1.0), ("B", "country", "US", 0.5), ("A", "currency", "USD", 1.0))
WIDE = {"max_position_weight": 0.5, "max_new_positions": 6}


def test_cash_that_a_bucket_of_a_scheme_forces() -> None:
    """A + B / 2 may be 0.15; 0.95 needs A = 0.45 and B = 0.5, which is 0.7 there."""
    rows = [asset("A", 0.9), asset("B", 0.9)]
    limits: Row = {**WIDE, "exposures": {"country": {"buckets": {"US": {"max_exposure": 0.15}}}}}
    conflict = found(rows, US, **limits)[("target_invested", "")]
    assert conflict.text.endswith("because of max_exposure 0.15 of country:US")
    assert conflict.members[0].relaxation is not None
    assert conflict.members[0].relaxation.effect == "max_exposure 0.7 for country:US"
    (left,) = trimtab.rebalance(rows, RebalancingLimits(**limits), exposures=US).facts().cash_reasons
    assert left == "at max_exposure: country:US (15.00%)"


def test_two_schemes_stand_in_the_way_so_only_both_together_help() -> None:
    limits: Row = {name: {"max_exposure": 0.1} for name in ("country", "currency")}
    conflict = found([asset("A", 0.9)], US, **WIDE, target_invested=0.4, exposures=limits)[("target_invested", "")]
    assert [(member.limit, member.node, member.relaxation) for member in conflict.members] == [
        ("max_exposure", "currency:USD", None)
    ]
    assert [(entry.change, entry.node, entry.value) for entry in conflict.together] == [
        ("max_exposure", "country:US", 0.4),
        ("max_exposure", "currency:USD", 0.4),
    ]


def test_a_minimum_of_a_scheme_that_is_missed() -> None:
    rows = [asset("A", 0.9), asset("B", 0.9)]
    country = {"buckets": {"US": {"min_exposure": 0.7}}}
    conflict = found(rows, US, max_position_weight=0.4, exposures={"country": country})[("min_exposure", "country:US")]
    assert (helps(conflict), lowered(conflict)) == ({"max_position_weight": 0.466667}, 0.6)
    known = {"known_buckets": ("country:JP",), "exposures": {"country": {"buckets": {"JP": {"min_exposure": 0.1}}}}}
    conflict = found(rows, US, **WIDE, **known)[("min_exposure", "country:JP")]
    assert (conflict.members, lowered(conflict)) == ((), 0.0)
    assert conflict.text.endswith("these candidates cannot meet it, whatever the other limits are")


def test_a_minimum_of_a_scheme_keeps_a_bucket_from_its_own() -> None:
    """A must weigh 0.4 and B, in no known currency, 0.4, but both may weigh only 0.7."""
    rows = [asset("A", 0.9, 0, "Tech"), asset("B", 0.9, 0, "Bond")]
    limits: Row = {**WIDE, **ON, "target_invested": 0.7, "buckets": {"Bond": {"min_allocation": 0.4}}}
    limits |= {"max_allocation_per_bucket": 0.5, "exposures": {"currency": {"buckets": {"USD": {"min_exposure": 0.4}}}}}
    conflict = found(rows, US, **limits)[("min_allocation", "Bond")]
    assert (helps(conflict), lowered(conflict)) == ({"min_exposure": 0.3, "target_invested": 0.8}, 0.35)


@pytest.mark.thorough
def test_cash_that_the_concentration_of_issuers_forces() -> None:
    """Five issuers: four may be large with 0.1, and the other may weigh 0.05."""
    rows = [asset(name, 0.9) for name in "ABCDE"]
    table = lying(*((name, "issuer", name, 1.0) for name in "ABCDE"))
    limits: Row = {**WIDE, "concentration": {"issuer": {}}}
    conflict = found(rows, table, **limits)[("target_invested", "")]
    assert conflict.text == "target_invested 0.95 is not met (0.45) because of concentration 0.05/0.1/0.4 of issuer"
    assert conflict.members[0].relaxation is not None
    assert conflict.members[0].relaxation.effect == "no concentration of issuer"
    (left,) = trimtab.rebalance(rows, RebalancingLimits(**limits), exposures=table).facts().cash_reasons
    assert left == "concentration 0.05/0.1/0.4 of issuer"


@pytest.mark.thorough
@pytest.mark.parametrize("first", range(82_000, 82_400, 20))
def test_conflicts_are_true_with_exposures(first: int) -> None:
    seen = 0
    fixed = {"no_trade_band": 0.0, "min_trade": 0.0, "brake_sold_weight": None, "brake_closed_positions": None}
    for seed in range(first, first + 20):
        case, rule = random_concentration(seed, **fixed) or (None, None)
        if case is None:
            continue
        rows, limits, table, own = case
        limits = limits.replace(exposures=own, concentration={"issuer": rule} if seed % 2 else {})
        result = trimtab.rebalance(rows, limits, exposures=table)
        goals = {(conflict.goal.limit, conflict.goal.node) for conflict in result.conflicts}
        assert {(line.name, line.node) for line in result.certificate.unmet} <= goals, f"seed {seed}"
        for conflict in result.conflicts:
            assert faults(rows, limits, conflict, table) == [], f"seed {seed}"
            seen += any(member.limit in EXPOSED for member in conflict.members)
    assert seen > 0


EXPOSED = ("max_exposure", "min_exposure", "concentration")


@pytest.mark.parametrize("first", mostly_thorough(range(80_000, 80_150, 15)))
def test_conflicts_are_true_on_random_accounts(first: int) -> None:
    seen = 0
    for seed in range(first, first + 15):
        rng = random.Random(seed)
        fixed = {"no_trade_band": 0.0, "min_trade": 0.0, "brake_sold_weight": None, "brake_closed_positions": None}
        rows, limits = random_rows(rng), random_limits(rng, **fixed)
        for conflict in trimtab.rebalance(rows, limits).conflicts:
            assert faults(rows, limits, conflict) == [], f"seed {seed}"
            seen += bool(conflict.members)
    assert seen > 3


@pytest.mark.parametrize("first", mostly_thorough(range(81_000, 81_100, 20)))
@pytest.mark.thorough
def test_every_unmet_limit_has_its_conflict(first: int) -> None:
    for seed in range(first, first + 20):
        rng = random.Random(seed)
        rows, limits = random_rows(rng), random_limits(rng, brake_sold_weight=None, brake_closed_positions=None)
        result = trimtab.rebalance(rows, limits)
        goals = {(conflict.goal.limit, conflict.goal.node) for conflict in result.conflicts}
        assert {(line.name, line.node) for line in result.certificate.unmet} <= goals, f"seed {seed}"


def test_the_preflight_explains_for_each_account() -> None:
    rows = [
        {**asset(f"{name}{index}", 0.9, 0, "Tech"), "account": name}
        for name, count in (("x", 1), ("y", 5))
        for index in range(count)
    ]
    limits = RebalancingLimits(max_new_positions=5)
    assert trimtab.check(rows, limits).conflicts == ()
    ((account, conflict),) = trimtab.check(rows, limits, explain=True).conflicts
    assert (account, conflict.goal.limit) == ("x", "target_invested")


def test_check_explain_on_the_command_line(tmp_path: Any) -> None:
    path = tmp_path / "c.csv"
    path.write_text("account,asset,bucket,score\nx,A,Tech,0.9\nx,B,Bond,0.8\n")
    limits = ["--set", "enable_bucket_diversification=true"]
    shown = run("check", path, *limits, "--set", "max_new_positions=1", "--explain")
    assert shown.exit_code == 0
    lines = shown.stdout.splitlines()
    assert "conflict account 'x': min_buckets_represented 2 is not met (1) because of max_new_positions 1" in lines
    assert "         met with max_new_positions 2" in lines
    assert "         otherwise: min_buckets_represented 1" in lines
    both = run(
        "check", path, *limits, "--set", "max_new_positions=1", "--set", "max_total_positions=1", "--explain"
    ).stdout
    assert "met with max_new_positions 2 and max_total_positions 2" in both
    assert "conflict" not in run("check", path, *limits).stdout
    minimum = ["--set", "buckets.Tech.min_allocation=0.3", "--set", "max_position_weight=0.1", "--quiet"]
    stuck = run("check", path, *limits, *minimum, "--explain").stdout
    assert "target_invested 0.95 is not met (0.2)" in stuck
    assert "otherwise: target_invested" not in stuck

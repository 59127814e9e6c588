"""Why, why not, and what would change it: small accounts worked out by hand, and truth on random ones."""

from __future__ import annotations

import json
import math
import random
import re
from typing import Any

import jsonschema
import numpy as np
import pytest
from accounts import asset
from cases import random_limits, random_rows
from counterfactuals import flips, one_step_less
from kernel_runs import run
from thorough import mostly_thorough

import trimtab
from trimtab.errors import InputError
from trimtab.explanations.changes import SCORE_FIELDS, Change
from trimtab.explanations.counterfactuals import nearest_flip
from trimtab.explanations.explanation import (
    EXPLANATIONS_VERSION,
    Explanation,
    explanations_json,
    explanations_schema,
    limits_about,
)
from trimtab.explanations.reruns import Reruns
from trimtab.explanations.sentences import SentenceMaker
from trimtab.explanations.steps import STAGES, steps_of
from trimtab.explanations.values_to_try import WEIGHT_NAMES, weight_beyond
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.reasons import Reason

Row = dict[str, Any]
ON: dict[str, Any] = {"enable_bucket_diversification": True, "min_buckets_represented": 0}


def why(rows: list[Row], name: str, **limits: Any) -> Explanation:
    """The explanation, after carrying out every counterfactual of it."""
    made = RebalancingLimits(**limits)
    result = trimtab.rebalance(rows, made).explain(name)
    for counterfactual in result.counterfactuals:
        assert flips(rows, made, name, counterfactual, counterfactual.value), counterfactual
        less = one_step_less(rows, made, name, counterfactual)
        assert less is None or not flips(rows, made, name, counterfactual, less), counterfactual
    return result


def changes(explanation: Explanation) -> dict[tuple[str, str], Any]:
    return {
        (counterfactual.change, counterfactual.node): counterfactual.value
        for counterfactual in explanation.counterfactuals
    }


def deciding(explanation: Explanation) -> tuple[str, str]:
    (step,) = [step for step in explanation.steps if step.decides]
    return step.stage, step.outcome


# --- the decision, its stage, the own merit and what crowds out -------------------------------------------------------


def test_a_new_asset_that_others_crowd_out() -> None:
    # Both are good enough; there is one place for new assets. B needs a score above A's, or a second place.
    explanation = why([asset("A", 0.9), asset("B", 0.8)], "B", max_new_positions=1)
    assert (explanation.decision, explanation.reason, explanation.action) == (
        "not selected",
        "new_position_limit",
        "none",
    )
    assert (explanation.merit, deciding(explanation)) == (True, ("totals", "stopped"))
    assert explanation.crowded_out is not None
    crowding = explanation.crowded_out
    assert (crowding.limit, crowding.node, crowding.value, crowding.by) == ("max_new_positions", "", 1, ("A",))
    assert changes(explanation) == {("score", ""): 0.9000000000000001, ("max_new_positions", ""): 2}
    assert explanation.counterfactuals[0].effect == "would be selected with a score above 0.9"
    assert explanation.counterfactuals[1].effect == "would be selected with max_new_positions 2"
    assert [step.stage for step in explanation.steps] == list(STAGES)
    assert [step.outcome for step in explanation.steps] == ["passed"] * 4 + ["stopped"] + ["not reached"] * 3


def test_the_tie_is_broken_by_the_name_so_an_equal_score_is_enough_for_the_first_name() -> None:
    explanation = why([asset("B", 0.9), asset("A", 0.8)], "A", max_new_positions=1)
    assert changes(explanation)[("score", "")] == 0.9


def test_an_asset_that_is_not_good_enough_by_itself() -> None:
    # 0.5 is below 0.65; the field may be lowered to 0.6 at most (min_score_diversification), so only its score helps.
    explanation = why([asset("A", 0.5)], "A")
    assert (explanation.reason, explanation.merit, explanation.crowded_out) == ("below_threshold", False, None)
    assert deciding(explanation) == ("threshold", "stopped")
    assert changes(explanation) == {("score", ""): 0.65}


def test_a_score_limit_is_lowered_to_the_score_itself() -> None:
    explanation = why([asset("A", 0.62)], "A")
    assert changes(explanation) == {("score", ""): 0.65, ("min_score_new_position", ""): 0.62}


def test_a_holding_that_is_closed_for_its_score() -> None:
    explanation = why([asset("A", 0.5, 0.1)], "A")
    assert (explanation.action, explanation.merit, deciding(explanation)) == ("close", False, ("threshold", "stopped"))
    assert changes(explanation) == {("score", ""): 0.6, ("min_score_threshold", ""): 0.5}


def test_what_would_close_a_holding() -> None:
    # Its score would have to be below 0.6, or the limit above its score, or there is no place: 0 of its bucket.
    # One position of 2 % no longer fits below target_invested 0.02, or with a least weight above the cap of 0.2.
    explanation = why([asset("A", 0.9, 0.1, "Tech")], "A", **ON)
    assert (explanation.decision, explanation.merit, explanation.crowded_out) == ("selected", True, None)
    assert deciding(explanation) == ("threshold", "passed")
    assert changes(explanation) == {
        ("score", ""): 0.5999999999999999,
        ("min_score_threshold", ""): 0.9000000000000001,
        ("max_positions_per_bucket", ""): 0,
        ("max_allocation_per_bucket", ""): 0.0,
        ("target_invested", ""): 0.0,
    }


def test_two_limits_stand_against_it_so_neither_alone_helps() -> None:
    # Both the portfolio and new assets are full: only a score above A's takes the place.
    explanation = why([asset("A", 0.9), asset("B", 0.8)], "B", max_new_positions=1, max_total_positions=1)
    assert explanation.reason == "total_position_limit"
    assert changes(explanation) == {("score", ""): 0.9000000000000001}
    assert explanation.crowded_out is not None and explanation.crowded_out.limit == "max_total_positions"


def test_nothing_helps() -> None:
    # One new place, taken by a perfect score of an earlier name; two limits are full.
    rows = [asset("A", 1.0), asset("B", 0.8)]
    explanation = why(rows, "B", max_new_positions=1, max_total_positions=1)
    assert explanation.counterfactuals == ()


def test_a_full_bucket_names_it_and_who_is_in_it() -> None:
    rows = [asset("T1", 0.9, 0.1, "Tech"), asset("T2", 0.8, 0.1, "Tech"), asset("T3", 0.7, 0.1, "Tech")]
    explanation = why(rows, "T3", **ON, max_positions_per_bucket=2)
    assert (explanation.reason, deciding(explanation)) == ("bucket_position_limit", ("bucket", "stopped"))
    assert explanation.crowded_out is not None
    assert (explanation.crowded_out.limit, explanation.crowded_out.node) == ("max_positions_per_bucket", "Tech")
    assert explanation.crowded_out.by == ("T1", "T2")
    assert changes(explanation) == {
        ("score", ""): 0.8000000000000002,
        ("max_positions_per_bucket", ""): 3,
        ("allow_bucket_overflow", ""): True,
    }


def test_the_own_limit_of_a_bucket_is_named_with_its_node() -> None:
    rows = [asset("T1", 0.9, 0.1, "Tech"), asset("T2", 0.8, 0.1, "Tech")]
    explanation = why(rows, "T2", **ON, buckets={"Tech": {"max_positions": 1}})
    assert changes(explanation)[("max_positions", "Tech")] == 2
    assert "would be selected with max_positions 2 for Tech" in [
        counterfactual.effect for counterfactual in explanation.counterfactuals
    ]


def test_weight_that_leaves_no_room() -> None:
    # Tech may hold 0.1: two positions of 0.05. A third needs 0.15, or a least weight of 0.1 / 3 = 0.0333333….
    rows = [asset(f"T{index}", 0.9 - index / 100, 0.1, "Tech") for index in range(3)]
    limits = {**ON, "min_position_weight": 0.05, "buckets": {"Tech": {"max_allocation": 0.1}}}
    explanation = why(rows, "T2", **limits)
    assert (explanation.reason, deciding(explanation)) == ("min_position_capacity", ("bucket", "stopped"))
    assert changes(explanation)[("max_allocation", "Tech")] == 0.15
    assert changes(explanation)[("min_position_weight", "")] == 0.033333
    assert explanation.crowded_out is not None
    assert (explanation.crowded_out.limit, explanation.crowded_out.value) == ("max_allocation", 0.1)


def test_the_total_leaves_no_room() -> None:
    # 0.5 holds two positions of 0.2; three need 0.6.
    rows = [asset(f"T{index}", 0.9 - index / 100, 0.1) for index in range(3)]
    explanation = why(rows, "T2", min_position_weight=0.2, target_invested=0.5)
    assert (explanation.reason, deciding(explanation)) == ("min_position_capacity", ("totals", "stopped"))
    assert changes(explanation)[("target_invested", "")] == 0.6
    assert explanation.crowded_out is not None and explanation.crowded_out.limit == "target_invested"


def test_an_asset_whose_own_cap_is_too_small() -> None:
    explanation = why([asset("A", 0.9, max_weight=0.01)], "A")
    assert (explanation.reason, explanation.merit, deciding(explanation)) == (
        "min_position_capacity",
        True,
        ("size", "stopped"),
    )
    assert changes(explanation) == {("max_weight", ""): 0.02, ("min_position_weight", ""): 0.01}
    assert explanation.crowded_out is None


def test_a_restriction_is_lifted() -> None:
    explanation = why([asset("A", 0.9, restriction="no_buy")], "A")
    assert (explanation.reason, explanation.merit, deciding(explanation)) == (
        "restricted",
        False,
        ("restrictions", "stopped"),
    )
    assert changes(explanation) == {("restriction", ""): ""}
    assert explanation.counterfactuals[0].effect == "would be selected without its restriction"
    kept = why([asset("A", 0.3, 0.1, restriction="no_sell")], "A")
    assert (kept.decision, deciding(kept)) == ("selected", ("restrictions", "passed"))
    assert changes(kept) == {("restriction", ""): ""}


def test_a_holding_without_a_score() -> None:
    explanation = why([asset("A", None, 0.1)], "A")
    assert (explanation.score, explanation.decision, deciding(explanation)) == (None, "selected", ("score", "passed"))
    assert changes(explanation) == {("score", ""): 0.5999999999999999, ("unscored_positions", ""): "close"}
    closed = why([asset("A", None, 0.1)], "A", unscored_positions="close")
    assert (closed.merit, deciding(closed)) == (False, ("score", "stopped"))
    assert changes(closed) == {("score", ""): 0.6, ("unscored_positions", ""): "hold"}


def test_a_bucket_where_nothing_is_bought() -> None:
    explanation = why([asset("A", 0.9)], "A", **ON, unknown_bucket="hold")
    assert (explanation.reason, deciding(explanation)) == ("unclassified", ("bucket", "stopped"))
    assert changes(explanation) == {("unknown_bucket", ""): "limit"}


def test_an_asset_that_the_sizing_mode_cannot_size() -> None:
    explanation = why([asset("A", 0.9)], "A", sizing_mode="desired")
    assert (explanation.reason, deciding(explanation)) == ("not_sizable", ("size", "stopped"))
    assert changes(explanation) == {("sizing_mode", ""): "equal_weight"}
    held = why([asset("A", 0.9, 0.1)], "A", sizing_mode="desired")
    assert (held.reason, deciding(held)) == ("held_not_sizable", ("size", "passed"))
    assert ("score", "") in changes(held)


def test_dust_that_may_come_back_as_a_new_asset() -> None:
    rows = [asset("A", 0.8, 0.0005), asset("B", 0.95)]
    explanation = why(rows, "A", max_new_positions=1)
    assert (explanation.reason, explanation.merit, deciding(explanation)) == ("dust", True, ("totals", "stopped"))
    assert explanation.crowded_out is not None and explanation.crowded_out.by == ("B",)
    assert changes(explanation) == {
        ("score", ""): 0.95,
        ("dust_weight", ""): 0.0005,
        ("max_new_positions", ""): 2,
        ("min_position_weight", ""): 0.0005,  # which dust_weight follows where it was not set
    }
    weak = why([asset("A", 0.62, 0.0005)], "A")
    assert (weak.reason, weak.merit, deciding(weak)) == ("dust", False, ("threshold", "stopped"))
    assert changes(weak) == {
        ("score", ""): 0.65,
        ("min_score_new_position", ""): 0.62,
        ("dust_weight", ""): 0.0005,
        ("min_position_weight", ""): 0.0005,
    }


def test_representation_adds_one_and_displaces_another() -> None:
    rows = [asset("T1", 0.95, 0.2, "Tech"), asset("T2", 0.9, 0.2, "Tech"), asset("H1", 0.7, 0, "Health")]
    limits = {"enable_bucket_diversification": True, "max_total_positions": 2}
    added = why(rows, "H1", **limits)
    assert (added.reason, deciding(added)) == ("added_for_representation", ("bucket", "passed"))
    assert changes(added)[("min_buckets_represented", "")] == 1
    displaced = why(rows, "T2", **limits)
    assert (displaced.reason, displaced.merit) == ("displaced_for_representation", True)
    assert displaced.crowded_out is not None
    assert (displaced.crowded_out.limit, displaced.crowded_out.by) == ("min_buckets_represented", ("H1",))
    assert changes(displaced)[("min_buckets_represented", "")] == 1
    assert changes(displaced)[("max_total_positions", "")] == 3


def test_a_weak_asset_that_no_missing_bucket_needs() -> None:
    rows = [asset("T1", 0.9, 0.2, "Tech"), asset("T2", 0.62, 0, "Tech")]
    explanation = why(rows, "T2", enable_bucket_diversification=True, min_buckets_represented=1)
    assert (explanation.reason, explanation.merit) == ("below_threshold", True)
    assert explanation.steps[1].text.startswith(
        "Not selected: its score of 0.62 is below the 0.65 that a new position needs"
    )
    assert changes(explanation)[("min_score_new_position", "")] == 0.62


def test_overflow_protects_and_without_it_the_bucket_is_full() -> None:
    rows = [asset("T1", 0.95, 0.2, "Tech"), asset("T2", 0.9, 0.2, "Tech"), asset("T3", 0.8, 0.1, "Tech")]
    explanation = why(rows, "T3", **ON, max_positions_per_bucket=2, allow_bucket_overflow=True)
    assert (explanation.reason, deciding(explanation)) == ("overflow_protected", ("bucket", "passed"))
    assert changes(explanation)[("allow_bucket_overflow", "")] is False


def test_limits_are_not_monotone_so_less_can_help() -> None:
    # Rules, section 11: a second place in Tech costs Bond its only one; with one place in Tech, B1 is in.
    rows = [asset("T1", 0.90, 0, "Tech"), asset("T2", 0.85, 0, "Tech"), asset("B1", 0.80, 0, "Bond")]
    limits = {**ON, "max_total_positions": 2, "buckets": {"Bond": {"max_positions": 1}}, "max_positions_per_bucket": 2}
    explanation = why(rows, "B1", **limits)
    assert changes(explanation)[("max_total_positions", "")] == 3
    explanation = why(rows, "T2", **{**limits, "max_positions_per_bucket": 1})
    assert changes(explanation)[("max_positions_per_bucket", "")] == 2


def test_a_holding_that_is_kept_for_representation_is_not_new() -> None:
    rows = [asset("T1", 0.95, 0.2, "Tech"), asset("T2", 0.9, 0.2, "Tech"), asset("H1", 0.7, 0.1, "Health")]
    rows.append(asset("N", 0.3))
    limits = {"enable_bucket_diversification": True, "max_total_positions": 2}
    assert why(rows, "H1", **limits).reason == "added_for_representation"
    totals = {step.stage: step.text for step in why(rows, "N", **limits).steps}["totals"]
    assert totals == "2 of max_total_positions 2, 0 of max_new_positions 3"


def test_a_holding_kept_for_representation_takes_no_place_of_new_ones() -> None:
    # Equity may have two: representation gives the second to H1, a holding. No new asset may enter.
    rows = [
        asset("T1", 0.95, 0.2, "E/Tech"),
        asset("T2", 0.9, 0.2, "E/Tech"),
        asset("H1", 0.7, 0.1, "E/Health"),
        asset("N", 0.9, 0.0, "B/Bond"),
    ]
    limits = {**ON, "min_buckets_represented": 2, "bucket_level": 2, "max_total_positions": 2, "max_new_positions": 0}
    explanation = why(rows, "N", **{**limits, "max_total_positions": 3, "max_positions_per_bucket": 1})
    assert explanation.reason == "new_position_limit"
    assert explanation.crowded_out is not None and explanation.crowded_out.by == ()


def test_where_nothing_helps_it_is_said_what_was_tried() -> None:
    rows = [asset("A", 1.0), asset("B", 0.8)]
    explanation = why(rows, "B", max_new_positions=1, max_total_positions=1)
    assert explanation.about_changes == (
        "no single change does it; tried were its score, min_score_threshold, min_score_new_position, "
        "max_total_positions, max_new_positions, min_position_weight, target_invested",
    )
    assert {entry.change: (entry.lowest, entry.highest, entry.exhaustive) for entry in explanation.without_effect} == {
        "min_score_threshold": (0.6, 0.6, True),
        "min_score_new_position": (0.65, 0.65, True),
        "max_total_positions": (1, 2, True),
        "max_new_positions": (0, 2, True),
        "min_position_weight": (0.0, 0.200001, True),
        "target_invested": (0.0, 0.95, True),
    }


def test_a_scan_that_is_cut_short_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trimtab.explanations.values_to_try.CANDIDATES_TRIED", 0)
    monkeypatch.setattr("trimtab.explanations.values_to_try.LEAST_TRIALS", 3)
    rows = [asset(f"A{index:02}", 0.99 - index / 100, 0.05 if index < 10 else 0.0) for index in range(30)]
    explanation = why(rows, "A25", max_total_positions=10)
    cut = {entry.change: entry for entry in explanation.without_effect if not entry.exhaustive}
    assert (cut["max_total_positions"].lowest, cut["max_total_positions"].highest) == (7, 13)
    assert cut["max_total_positions"].text in explanation.about_changes
    assert cut["max_total_positions"].text == (
        "no value of max_total_positions from 7 to 13 changes it; others were not tried"
    )
    assert next(entry for entry in explanation.without_effect if entry.exhaustive).text.endswith(" changes it")
    entering = {"max_total_positions": 30, "max_new_positions": 30, "min_score_new_position": 0.9}
    low = [
        explanation
        for explanation in why(rows, "A29", **entering).without_effect
        if explanation.change == "min_score_new_position"
    ]
    assert [(entry.lowest, entry.exhaustive) for entry in low] == [(0.87, False)]


def grid(reruns: Reruns, rng: random.Random, name: str, node: str) -> list[Any]:
    """Values of a limit from one end to the other, nearest to the present one first."""
    present = reruns.present(name, node)
    if name in SCORE_FIELDS or name == "dust_weight":
        known = reruns.known("current" if name == "dust_weight" else "score")
        values = [*known.tolist(), *np.nextafter(known, 2.0).tolist()]
    elif name in WEIGHT_NAMES:
        values = [step / 200 for step in range(201)] + [rng.randrange(1_000_001) / 1e6 for _ in range(40)]
    else:
        values = list(range(1 if name == "max_total_positions" else 0, len(reruns.rows) + 3))
    valid = [
        value for value in values if value != present and reruns.limits_with(Change(name, node, value)) is not None
    ]
    return sorted(valid, key=lambda value: abs(value - present))


@pytest.mark.parametrize("first", mostly_thorough(range(73_000, 73_040, 10)))
@pytest.mark.thorough
def test_no_value_nearer_flips_and_none_at_all_where_none_is_named(first: int) -> None:
    """Every limit from end to end in small steps: nothing flips before the value that is named, or nothing ever."""
    for seed in range(first, first + 10):
        rng = random.Random(seed)
        rows, limits = random_rows(rng), random_limits(rng)
        reruns = trimtab.rebalance(rows, limits)._reruns
        grids: dict[tuple[str, str], list[Any]] = {}
        for index in range(len(rows)):
            for name, node in limits_about(reruns, index):
                if (name, node) not in grids:
                    grids[name, node] = grid(reruns, rng, name, node)
                flip = nearest_flip(reruns, index, name, node)
                present = reruns.present(name, node)
                reach = abs(flip.value - present) if isinstance(flip, Change) else math.inf
                assert isinstance(flip, Change) or flip.exhaustive
                for value in grids[name, node]:
                    if abs(value - present) >= reach:
                        break
                    selection = reruns.selected(Change(name, node, value))
                    assert bool(selection[index]) == reruns.is_selected[index], f"seed {seed}: {name} {node} {value}"


# --- as JSON --------------------------------------------------------------------------------------------------------


def test_explanations_as_json_fit_their_schema() -> None:
    schema = jsonschema.Draft202012Validator(explanations_schema())
    jsonschema.Draft202012Validator.check_schema(explanations_schema())
    for seed in range(74_000, 74_060):
        rng = random.Random(seed)
        rows, limits = random_rows(rng), random_limits(rng)
        result = trimtab.rebalance(rows, limits)
        entries = [result.explain(row["asset"]) for row in rows]
        text = explanations_json(entries)
        values = json.loads(text)
        schema.validate(values)
        assert [value["asset"] for value in values["explanations"]] == [row["asset"] for row in rows]
        assert values["explanations"] == [entry.to_dict() for entry in entries]
        assert text == explanations_json(entries)


def test_the_schema_of_explanations_asks_for_every_field_and_no_other() -> None:
    schema = explanations_schema()
    first = schema["properties"]["explanations"]["items"]
    parts = [schema, first, *(first["properties"][name] for name in ("crowded_out", "held_by"))]
    parts += [first["properties"][name]["items"] for name in ("steps", "counterfactuals", "without_effect")]
    for part in parts:
        optional = {"orders"} & set(part["properties"])
        assert {*part["required"], *optional} == set(part["properties"])
        assert part["additionalProperties"] is False
    assert schema["properties"]["schema_version"] == {"const": EXPLANATIONS_VERSION}


def test_changes_that_contradict_other_limits_are_none() -> None:
    # min_score_new_position 0.6 would have to fall to 0.5, below the set min_score_threshold.
    explanation = why([asset("A", 0.5)], "A", min_score_threshold=0.6, min_score_new_position=0.6)
    assert changes(explanation) == {("score", ""): 0.6}


# --- what holds the weight ------------------------------------------------------------------------------------------


def held(rows: list[Row], name: str, **limits: Any) -> tuple[str, str, Any, float, float]:
    result = trimtab.rebalance(rows, RebalancingLimits(**limits)).explain(name).held_by
    assert result is not None
    return result.limit, result.node, result.value, round(result.weight, 9), round(result.weight_without, 9)


def test_the_cap_of_a_position() -> None:
    rows = [asset("A", 0.9), asset("B", 0.9, max_weight=0.1)]
    assert held(rows, "A") == ("max_position_weight", "", 0.2, 0.2, 0.85)
    assert held(rows, "B") == ("max_weight", "", 0.1, 0.1, 0.2)


def test_the_limit_of_a_bucket_general_and_own() -> None:
    rows = [asset(f"T{index}", 0.9, 0, "Tech") for index in range(3)]
    limits = {**ON, "max_position_weight": 0.3}
    assert held(rows, "T0", **limits) == ("max_allocation_per_bucket", "", 0.4, 0.133333333, 0.3)
    own = {**limits, "buckets": {"Tech": {"max_allocation": 0.3}}}
    assert held(rows, "T0", **own) == ("max_allocation", "Tech", 0.3, 0.1, 0.3)


def test_the_minimum_of_a_bucket_and_of_a_position() -> None:
    rows = [asset("B", 0.9, 0, "Bond"), *(asset(f"T{index}", 0.9, 0, "Tech") for index in range(2))]
    limits = {**ON, "max_position_weight": 0.6, "max_allocation_per_bucket": 0.9}
    lifted = {**limits, "buckets": {"Bond": {"min_allocation": 0.5}}}
    # Bond 0.5; the rest 0.45. Without it, 0.95 / 3 each.
    assert held(rows, "B", **lifted) == ("min_allocation", "Bond", 0.5, 0.5, 0.316666667)
    small = [asset("A", 0.9, volatility=0.05), asset("B", 0.9, volatility=5.0)]
    sized = {"sizing_mode": "inverse_volatility", "max_position_weight": 1.0, "min_position_weight": 0.05}
    # 0.95 · (1 / 5) / (20 + 1 / 5) = 0.0094059…
    assert held(small, "B", **sized) == ("min_position_weight", "", 0.05, 0.05, 0.009405941)
    assert held(small, "B", **sized, dust_weight=0.02) == ("min_position_weight", "", 0.05, 0.05, 0.02)


def test_restrictions_and_missing_classification() -> None:
    rows = [asset("A", 0.9, 0.3, restriction="no_trade")]
    assert held(rows, "A") == ("restriction", "", "no_trade", 0.3, 0.2)
    unclassified = [asset("A", 0.9, 0.1), asset("T", 0.9, 0.1, "Tech")]
    limits = {**ON, "unknown_bucket": "hold"}
    assert held(unclassified, "A", **limits) == ("unknown_bucket", "", "hold", 0.1, 0.2)
    unscored = trimtab.rebalance([asset("A", None, 0.1)]).explain("A")
    assert unscored.held_by is None


def test_the_band_its_releases_and_the_total() -> None:
    # Sizes 0.19; A, B and C go to it for cash, D and E stay (rules, section 6).
    weights = {"A": 0.17, "B": 0.16, "C": 0.17, "D": 0.18, "E": 0.19}
    rows = [asset(name, 0.9, weight) for name, weight in weights.items()]
    assert held(rows, "D", max_position_weight=0.25) == ("no_trade_band", "", 0.2, 0.18, 0.19)
    assert held(rows, "D", max_position_weight=0.25, no_trade_band=0.0, min_trade=0.02)[0] == "min_trade"
    assert held(rows, "A", max_position_weight=0.25) == ("cash_band", "", 0.02, 0.19, 0.17)
    traded = [asset(name, 0.9, 0.01 * index) for index, name in enumerate("ABCDE")]
    assert held(traded, "A", max_position_weight=0.25, max_new_positions=5) == ("target_invested", "", 0.95, 0.19, 0.2)
    few = held(traded[:2], "A", max_position_weight=0.5, full_investment_positions=10)
    assert few == ("full_investment_positions", "", 10, 0.095, 0.475)
    whole = trimtab.rebalance(traded, RebalancingLimits(max_position_weight=0.25, target_invested=1.0)).explain("B")
    assert whole.held_by is None


def test_releases_for_limits() -> None:
    # Own cap 0.2, inside the band of the size 0.19: without drift_tolerance it is traded.
    rows = [asset(name, 0.9, 0.21 if name == "A" else 0.18) for name in "ABCDE"]
    assert held(rows, "A") == ("drift_tolerance", "", 0.0, 0.19, 0.21)
    # Tech holds 0.43 of 0.4; sizes are 0.2 each.
    rows = [asset("T1", 0.9, 0.22, "Tech"), asset("T2", 0.9, 0.21, "Tech"), asset("B1", 0.9, 0.2, "Bond")]
    rows += [asset("B2", 0.9, 0.18, "Bond")]
    limits = {**ON, "max_position_weight": 0.25}
    assert held(rows, "T1", **limits)[:3] == ("max_allocation_per_bucket", "", 0.4)
    # Bond needs 0.4 and holds 0.37.
    rows = [asset("T1", 0.9, 0.19, "Tech"), asset("T2", 0.9, 0.19, "Tech"), asset("B1", 0.9, 0.18, "Bond")]
    rows += [asset("B2", 0.9, 0.19, "Bond")]
    minimum = {**ON, "buckets": {"Bond": {"min_allocation": 0.4}}, "max_allocation_per_bucket": 0.6}
    assert held(rows, "B1", **minimum)[:3] == ("min_allocation", "Bond", 0.4)
    # The total is 1.0 and may be 0.8 + 0.02.
    rows = [asset(name, 0.9, 0.2) for name in "ABCDE"]
    assert held(rows, "A", target_invested=0.8, no_trade_band=0.5)[:3] == ("cash_band", "", 0.02)


def test_the_brake() -> None:
    rows = [asset("A", 0.5, 0.3), asset("B", 0.8, 0.3), asset("C", 0.9)]
    result = trimtab.rebalance(rows, RebalancingLimits(brake_sold_weight=0.2)).explain("B")
    assert result.steps[-1].outcome == "stopped" and result.size_reason == "braked"
    assert held(rows, "B", brake_sold_weight=0.2) == ("brake_sold_weight", "", 0.2, 0.3, 0.2)
    # Both brakes hold: lifting one alone moves nothing.
    both = held(rows, "B", brake_sold_weight=0.2, brake_closed_positions=0)
    assert both == ("brake_sold_weight", "", 0.2, 0.3, 0.3)
    only = held(rows, "B", brake_sold_weight=0.9, brake_closed_positions=0)
    assert only == ("brake_closed_positions", "", 0, 0.3, 0.2)
    text = (
        trimtab.rebalance(rows, RebalancingLimits(brake_sold_weight=0.2, brake_closed_positions=0)).explain("B").held_by
    )
    assert text is not None and "something else holds it there" in text.effect


# --- on random accounts ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", mostly_thorough(range(70_000, 70_060, 15)))
def test_every_counterfactual_is_true(first: int) -> None:
    for seed in range(first, first + 15):
        rng = random.Random(seed)
        rows, limits = random_rows(rng), random_limits(rng)
        result = trimtab.rebalance(rows, limits)
        name = rng.choice(rows)["asset"]
        for counterfactual in result.explain(name).counterfactuals:
            assert flips(rows, limits, name, counterfactual, counterfactual.value), f"seed {seed}: {counterfactual}"
            less = one_step_less(rows, limits, name, counterfactual)
            assert less is None or not flips(rows, limits, name, counterfactual, less), f"seed {seed}: {counterfactual}"


def test_every_candidate_has_one_deciding_step_that_says_its_reason() -> None:
    for seed in range(71_000, 71_300):
        rng = random.Random(seed)
        rows, limits = random_rows(rng), random_limits(rng)
        passed = run(rows, limits)
        reruns = Reruns.of(passed.candidates, limits, passed.answer)
        for index in range(len(rows)):
            row = int(passed.candidates.order[index])
            words = SentenceMaker.of(passed.candidates, limits, passed.answer).detail(row)
            steps = steps_of(reruns, index, words)
            (step,) = [step for step in steps if step.decides]
            assert words.reason in step.text
            assert (step.outcome == "passed") == bool(passed.answer["selected"][row]), f"seed {seed}"
            assert passed.answer["reason"][row] != Reason.EMPTY


def test_an_explanation_does_not_depend_on_what_was_explained_before() -> None:
    for seed in range(72_000, 72_020):
        rng = random.Random(seed)
        rows, limits = random_rows(rng), random_limits(rng)
        names = [row["asset"] for row in rows]
        result = trimtab.rebalance(rows, limits)
        together = [result.explain(name) for name in names]
        assert together == [trimtab.rebalance(rows[::-1], limits).explain(name) for name in names]


# --- the doors -----------------------------------------------------------------------------------------------------


def test_an_unknown_asset_is_an_error_with_the_nearest_name() -> None:
    with pytest.raises(InputError, match=r"not among the candidates \(received 'AAB'\): did you mean 'AAA'"):
        trimtab.rebalance([asset("AAA", 0.9)]).explain("AAB")


def test_one_account_of_many() -> None:
    rows = [
        {**asset("A", 0.9), "account": "x"},
        {**asset("A", 0.4), "account": "y"},
        {**asset("B", 0.8), "account": "y"},
    ]
    many = trimtab.rebalance_many(rows)
    assert many.result("y").explain("A") == trimtab.rebalance(rows[1:]).explain("A")


def test_steps_of_weight() -> None:
    assert weight_beyond(0.05, up=False, strictly=True) == 0.049999
    assert weight_beyond(0.0500005, up=False, strictly=True) == 0.05
    assert weight_beyond(0.0500005, up=True, strictly=False) == 0.050001


def test_the_former_names_still_answer_with_a_warning() -> None:
    result = trimtab.rebalance([asset("A", 0.4)])
    with pytest.warns(DeprecationWarning, match="without_effect"):
        assert result.explain("A").in_vain == result.explain("A").without_effect
    with pytest.warns(DeprecationWarning, match="report_facts"):
        assert result.findings() == result.report_facts()


@pytest.mark.parametrize("seed", range(12))
def test_no_figure_is_long_and_each_carried_out_does_what_it_says(seed: int) -> None:
    """Scores with all digits: a limit is shown rounded, and the value as shown flips the decision too."""
    rng = random.Random(seed)
    rows = [
        {**row, "score": 0.5 + rng.random() / 2, "current_weight": row["current_weight"] * 0.97}
        for row in random_rows(rng)
    ]
    limits = random_limits(rng, brake_sold_weight=None, brake_closed_positions=None)
    result = trimtab.rebalance(rows, limits)
    for row in rows:
        explained = result.explain(row["asset"])
        for change in explained.counterfactuals:
            assert not re.search(r"\d\.\d{7}", change.effect), change.effect
            shown = re.search(rf" with {change.change} (0\.\d+)", change.effect)
            if shown and change.change.startswith("min_score"):
                moved = trimtab.rebalance(rows, limits.replace(**{change.change: float(shown[1])}))
                assert moved.explain(row["asset"]).decision != explained.decision, change.effect
        for searched in explained.without_effect:
            assert not re.search(r"\d\.\d{7}", searched.text)

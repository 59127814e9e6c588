"""What a rebalance gives back: targets, sums, words, notes, buckets, JSON."""

from __future__ import annotations

import concurrent.futures
import copy
import json
import math
import os
import pickle
import random
from collections.abc import Callable
from typing import Any

import jsonschema
import pandas as pd
import pytest
from cases import random_limits, random_rows
from thorough import mostly_thorough

import trimtab
from trimtab.candidates.columns import OUTPUTS
from trimtab.certificate.causes import Cause
from trimtab.errors import SetupError
from trimtab.facts.bucket_summaries import BucketSummary
from trimtab.limits.json_schema import limits_schema
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.reasons import SELECTED_REASONS, Action, Reason, Restriction, SizeReason
from trimtab.rebalancing.decide import ParallelLayer
from trimtab.rebalancing.result import RebalanceResult, result_schema

Row = dict[str, Any]


def asset(name: str, score: float | None = 0.8, current: float = 0.0, bucket: str | None = None, **more: Any) -> Row:
    return {"asset": name, "score": score, "current_weight": current, "bucket": bucket, **more}


def rebalanced(rows: list[Row], **limits: Any) -> RebalanceResult:
    return trimtab.rebalance(rows, RebalancingLimits(**limits))


def of(result: RebalanceResult, name: str) -> Row:
    """The row of an asset, with its sentence."""
    (index,) = [index for index, row in enumerate(result.targets) if row["asset"] == name]
    return {**result.targets[index], "detail": result.details()[index]}


ON: dict[str, Any] = {"enable_bucket_diversification": True, "min_buckets_represented": 0}
TECH_AND_BOND = [asset("A", 0.9, 0.1, "Tech"), asset("B", 0.8, 0.1, "Tech"), asset("C", 0.7, 0.1, "Bond")]
SEVEN = [
    *(asset(f"T{index}", 0.9, bucket="Tech") for index in range(7)),
    *(asset(f"X{index}", 0.7, bucket=f"Other{index}") for index in range(6)),
]
TEN_NEW = [asset(f"A{index}", 0.8) for index in range(10)]
LARGE = {"max_position_weight": 0.9, "max_allocation_per_bucket": 0.9}

# rows, limits, the asset looked at, its reason, and what its sentence says about that
REASONS: dict[str, tuple[list[Row], dict[str, Any], str, Reason, str]] = {
    "kept": ([asset("A", 0.8, 0.1)], {}, "A", Reason.KEPT, "Kept: its score of 0.8 meets the 0.6 that a holding needs (min_score_threshold)."),
    "kept, dust where nothing is bought": (
        [asset("A", 0.8, 0.0005)],
        {**ON, "unknown_bucket": "hold"},
        "A",
        Reason.KEPT,
        "Kept: its score of 0.8 meets the 0.6 that a holding needs (min_score_threshold).",
    ),
    "added": ([asset("A", 0.9)], {}, "A", Reason.ADDED, "Added: its score of 0.9 meets the 0.65 that a new position needs (min_score_new_position)."),
    "added, dust": (
        [asset("A", 0.9, 0.0005)],
        {},
        "A",
        Reason.ADDED,
        "Added: its score of 0.9 meets the 0.65 that a new position needs (min_score_new_position).",
    ),
    "added for representation": (
        [asset("A", 0.9, bucket="Tech"), asset("B", 0.61, bucket="Bond/Gov")],
        {**ON, "min_buckets_represented": 2},
        "B",
        Reason.ADDED_FOR_REPRESENTATION,
        "Added: needed to represent Bond (min_buckets_represented 2); with its score of 0.61 it would not be in otherwise.",
    ),
    "kept for representation": (
        TECH_AND_BOND,
        {**ON, "min_buckets_represented": 2, "max_total_positions": 2},
        "C",
        Reason.ADDED_FOR_REPRESENTATION,
        "Kept: needed to represent Bond (min_buckets_represented 2); with its score of 0.7 it would not be in otherwise.",
    ),
    "overflow": (
        TECH_AND_BOND,
        {**ON, "allow_bucket_overflow": True, "max_positions_per_bucket": 1},
        "B",
        Reason.OVERFLOW_PROTECTED,
        "Kept: the one position of Tech is taken (max_positions_per_bucket), but allow_bucket_overflow protects holdings.",
    ),
    "overflow of a deeper bucket": (
        [asset("A", 0.9, 0.1, "Tech/Semis"), asset("B", 0.8, 0.1, "Tech/Semis")],
        {**ON, "allow_bucket_overflow": True, "buckets": {"Tech/Semis": {"max_positions": 1}}},
        "B",
        Reason.OVERFLOW_PROTECTED,
        "Kept: the one position of Tech/Semis is taken (max_positions), but",
    ),
    "restricted": (
        [asset("A", 0.3, 0.1, restriction="no_sell")],
        {},
        "A",
        Reason.RESTRICTED,
        "Held: its restriction no_sell forbids selling.",
    ),
    "restricted, no_trade": (
        [asset("A", None, 0.1, restriction="no_trade")],
        {},
        "A",
        Reason.RESTRICTED,
        "Held: its restriction no_trade forbids selling.",
    ),
    "held without a score": (
        [asset("A", None, 0.1)],
        {},
        "A",
        Reason.HELD_UNSCORED,
        'Held: it has no score, and holdings without one are left alone (unscored_positions "hold").',
    ),
    "held without a desired weight": (
        [asset("A", 0.9, 0.1)],
        {"sizing_mode": "desired"},
        "A",
        Reason.HELD_NOT_SIZABLE,
        "Held: it has no desired_weight, which sizing_mode desired needs; a holding is never sold for missing data.",
    ),
    "held without a volatility": (
        [asset("A", 0.9, 0.1)],
        {"sizing_mode": "inverse_volatility"},
        "A",
        Reason.HELD_NOT_SIZABLE,
        "Held: it has no volatility, which sizing_mode inverse_volatility needs; a holding is never sold for missing data.",
    ),
    "new without a score": ([asset("A", None)], {}, "A", Reason.NOT_SCORED, "Not selected: it has no score."),
    "held without a score, to be closed": (
        [asset("A", None, 0.1)],
        {"unscored_positions": "close"},
        "A",
        Reason.NOT_SCORED,
        'Closed: it has no score, and holdings without one are closed (unscored_positions "close").',
    ),
    "new that may not be bought": (
        [asset("A", 0.9, restriction="no_buy")],
        {},
        "A",
        Reason.RESTRICTED_OUT,
        "Not selected: its restriction no_buy forbids buying.",
    ),
    "new that may not be traded": (
        [asset("A", 0.9, restriction="no_trade")],
        {},
        "A",
        Reason.RESTRICTED_OUT,
        "Not selected: its restriction no_trade forbids buying.",
    ),
    "dust that may not be bought": (
        [asset("A", 0.9, 0.0005, restriction="no_buy")],
        {},
        "A",
        Reason.RESTRICTED_OUT,
        "Closed: its restriction no_buy forbids buying, and at 0.05% it is only dust (dust_weight 0.001).",
    ),
    "new without a bucket": (
        [asset("A", 0.9)],
        {**ON, "unknown_bucket": "hold"},
        "A",
        Reason.UNCLASSIFIED,
        'Not selected: it has no bucket, and nothing without one is bought (unknown_bucket "hold").',
    ),
    "new without a volatility": (
        [asset("A", 0.9, volatility=None)],
        {"sizing_mode": "inverse_volatility"},
        "A",
        Reason.NOT_SIZABLE,
        "Not selected: it has no volatility, which sizing_mode inverse_volatility needs.",
    ),
    "holding below": (
        [asset("A", 0.5, 0.1)],
        {},
        "A",
        Reason.BELOW_THRESHOLD,
        "Closed: its score of 0.5 is below the 0.6 that a holding needs (min_score_threshold).",
    ),
    "dust below": (
        [asset("A", 0.5, 0.0005)],
        {},
        "A",
        Reason.BELOW_THRESHOLD,
        "Closed: its score of 0.5 is below the 0.6 that a holding needs (min_score_threshold).",
    ),
    "new below": (
        [asset("A", 0.5)],
        {},
        "A",
        Reason.BELOW_THRESHOLD,
        "Not selected: its score of 0.5 is below the 0.65 that a new position needs (min_score_new_position).",
    ),
    "weak where nothing is represented": (
        [asset("A", 0.62)],
        {},
        "A",
        Reason.BELOW_THRESHOLD,
        "Not selected: its score of 0.62 is below the 0.65 that a new position needs (min_score_new_position).",
    ),
    "weak that nobody needs": (
        [asset("A", 0.62, bucket="Tech"), asset("B", 0.9, bucket="Tech"), asset("C", 0.9, bucket="Bond")],
        {**ON, "min_buckets_represented": 2},
        "A",
        Reason.BELOW_THRESHOLD,
        "Not selected: its score of 0.62 is below the 0.65 that a new position needs (min_score_new_position), and it is not needed to represent its bucket.",
    ),
    "dust": (
        [asset("A", 0.9, 0.0005)],
        {"max_new_positions": 0},
        "A",
        Reason.DUST,
        (
            "Closed: at 0.05% it is dust (dust_weight 0.001) and competes as a new position; no new positions are allowed (max_new_positions 0)."
        ),
    ),
    "holding displaced": (
        TECH_AND_BOND,
        {**ON, "min_buckets_represented": 2, "max_total_positions": 2},
        "B",
        Reason.DISPLACED_FOR_REPRESENTATION,
        "Closed: its place went to C, needed to represent missing buckets (min_buckets_represented 2).",
    ),
    "new displaced, by many": (
        SEVEN,
        {**ON, "min_buckets_represented": 7, "max_total_positions": 7, "max_new_positions": 10, "max_positions_per_bucket": 9, **LARGE},
        "T6",
        Reason.DISPLACED_FOR_REPRESENTATION,
        "Not selected: its place went to X0, X1, X2, X3, X4 and 1 more, needed to represent missing buckets (min_buckets_represented 7).",
    ),
    "total": (
        [asset("A", 0.9), asset("B", 0.8), asset("C", 0.7)],
        {"max_total_positions": 2},
        "C",
        Reason.TOTAL_POSITION_LIMIT,
        "Not selected: all 2 positions of the account are taken (max_total_positions), the last by B (score 0.8).",
    ),
    "total, among holdings": (
        [asset("A", 0.8, 0.1), asset("B", 0.8, 0.2), asset("C", 0.8, 0.05)],
        {"max_total_positions": 2},
        "C",
        Reason.TOTAL_POSITION_LIMIT,
        "Closed: all 2 positions of the account are taken (max_total_positions), the last by A (held, score 0.8).",
    ),
    "total, where nothing is dust": (
        [asset("A", 0.9), asset("B", 0.8)],
        {"max_total_positions": 1, "dust_weight": 0},
        "B",
        Reason.TOTAL_POSITION_LIMIT,
        "Not selected: the one position of the account is taken (max_total_positions) by A (score 0.9).",
    ),
    "total, all of it restricted": (
        [asset("A", 0.9), asset("B", None, 0.1), asset("C", 0.7, 0.1, restriction="no_sell")],
        {"max_total_positions": 2},
        "A",
        Reason.TOTAL_POSITION_LIMIT,
        "Not selected: all 2 positions of the account are taken (max_total_positions); a restriction or missing data keeps B, C there.",
    ),
    "new positions": (
        [asset("H", 0.7, 0.1), asset("A", 0.9), asset("B", 0.8)],
        {"max_new_positions": 1},
        "B",
        Reason.NEW_POSITION_LIMIT,
        "Not selected: the one new position is taken (max_new_positions) by A (score 0.9).",
    ),
    "new positions, none allowed": (
        [asset("H", 0.7, 0.1), asset("A", 0.9)],
        {"max_new_positions": 0},
        "A",
        Reason.NEW_POSITION_LIMIT,
        "Not selected: no new positions are allowed (max_new_positions 0).",
    ),
    "new positions, none allowed beside what is restricted": (
        [asset("H", 0.7, 0.1, restriction="no_trade"), asset("A", 0.9)],
        {"max_new_positions": 0},
        "A",
        Reason.NEW_POSITION_LIMIT,
        "Not selected: no new positions are allowed (max_new_positions 0).",
    ),
    "bucket": (
        TECH_AND_BOND,
        {**ON, "max_positions_per_bucket": 1},
        "B",
        Reason.BUCKET_POSITION_LIMIT,
        "Closed: the one position of Tech is taken (max_positions_per_bucket) by A (held, score 0.9).",
    ),
    "bucket of its own": (
        [asset("A", 0.9, bucket="Tech/Semis"), asset("B", 0.8, bucket="Tech/Semis"), asset("C", 0.95, bucket="Tech")],
        {**ON, "buckets": {"Tech/Semis": {"max_positions": 1}}},
        "B",
        Reason.BUCKET_POSITION_LIMIT,
        "Not selected: the one position of Tech/Semis is taken (max_positions) by A (score 0.9).",
    ),
    "bucket that is closed": (
        [asset("A", 0.9, bucket="Tech")],
        {**ON, "buckets": {"Tech": {"max_positions": 0}}},
        "A",
        Reason.BUCKET_POSITION_LIMIT,
        "Not selected: Tech may hold no position (max_positions 0).",
    ),
    "its own weight": (
        [asset("A", 0.9, max_weight=0.01)],
        {},
        "A",
        Reason.MIN_POSITION_CAPACITY,
        "Not selected: its largest weight of 0.01 is below min_position_weight 0.02.",
    ),
    "its own weight, held": (
        [asset("A", 0.9, 0.1, max_weight=0.0)],
        {"min_position_weight": 0},
        "A",
        Reason.MIN_POSITION_CAPACITY,
        "Closed: its largest weight is 0.",
    ),
    "not wanted": (
        [asset("A", 0.9, 0.1, desired_weight=0.0)],
        {"sizing_mode": "desired"},
        "A",
        Reason.MIN_POSITION_CAPACITY,
        'Closed: its desired_weight is 0 (sizing_mode "desired").',
    ),
    "not wanted, with the account full": (
        [asset("A", 0.9, 0.1, desired_weight=0.1), asset("B", 0.9, desired_weight=0.0)],
        {"sizing_mode": "desired", "max_total_positions": 1},
        "B",
        Reason.TOTAL_POSITION_LIMIT,
        (
            "Not selected: the one position of the account is taken (max_total_positions) by A (held, score 0.9); also in the "
            "way: its desired_weight of 0."
        ),
    ),
    "the weight of the portfolio": (
        [asset("A", 0.9), asset("B", 0.8), asset("C", 0.7)],
        {"target_invested": 0.05},
        "C",
        Reason.MIN_POSITION_CAPACITY,
        (
            "Not selected: no other position of 2.00% (min_position_weight) fits within target_invested 0.05; the last "
            "to fit was B (score 0.8)."
        ),
    ),
    "the weight of a bucket": (
        TECH_AND_BOND,
        {**ON, "max_allocation_per_bucket": 0.03},
        "B",
        Reason.MIN_POSITION_CAPACITY,
        (
            "Closed: no other position of 2.00% (min_position_weight) fits within max_allocation_per_bucket 0.03 of Tech; the last "
            "to fit was A (held, score 0.9)."
        ),
    ),
    "the weight of a bucket of its own, used up": (
        [asset("A", 0.9, bucket="Tech/Semis"), asset("B", 0.5, 0.1, "Tech/Semis", restriction="no_trade")],
        {**ON, "min_position_weight": 0, "buckets": {"Tech/Semis": {"max_allocation": 0.1}}},
        "A",
        Reason.MIN_POSITION_CAPACITY,
        (
            "Not selected: no other position fits within max_allocation 0.1 of Tech/Semis; a restriction or missing "
            "data keeps B there."
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REASONS)
def test_reason(name: str) -> None:
    rows, limits, who, reason, says = REASONS[name]
    outcome = of(rebalanced(rows, **limits), who)
    assert outcome["reason"] == reason.code
    assert outcome["detail"].startswith(says)
    assert (outcome["target_weight"] > 0) is (reason in SELECTED_REASONS)


def test_every_reason_has_a_case() -> None:
    """That of `too_correlated`, which needs correlations, is in `test_correlation_limit.py`."""
    assert {case[3] for case in REASONS.values()} == set(Reason) - {Reason.EMPTY, Reason.TOO_CORRELATED}


TWO_TECH = [asset("A", 0.8, 0.16, "Tech"), asset("B", 0.8, 0.16, "Tech")]
# rows, limits, the asset looked at, its size reason, its target, and what its sentence says about that
SIZES: dict[str, tuple[list[Row], dict[str, Any], str, SizeReason, float, str]] = {
    "braked": (
        [asset("A", 0.5, 0.1), asset("B", 0.8, 0.1)],
        {"brake_closed_positions": 0},
        "A",
        SizeReason.BRAKED,
        0.1,
        "Without the brake it would be closed: its score of 0.5 is below the 0.6 that a holding needs (min_score_threshold). Weight 10.00%: the brake keeps it; the rules propose 0%.",
    ),
    "no_trade": (
        [asset("A", 0.8, 0.07, restriction="no_trade")],
        {},
        "A",
        SizeReason.RESTRICTED,
        0.07,
        "Weight 7.00%: its restriction no_trade keeps it there.",
    ),
    "no_sell that would be sold": (
        [asset("A", 0.8, 0.3, restriction="no_sell")],
        {},
        "A",
        SizeReason.RESTRICTED,
        0.3,
        "Weight 30.00%: its restriction no_sell keeps it there.",
    ),
    "no_buy that would be bought": (
        [asset("A", 0.8, 0.07, restriction="no_buy")],
        {},
        "A",
        SizeReason.RESTRICTED,
        0.07,
        "Weight 7.00%: its restriction no_buy keeps it there.",
    ),
    "in its band": (
        [asset("A", 0.8, 0.19)],
        {},
        "A",
        SizeReason.HELD_IN_BAND,
        0.19,
        "Weight 19.00%: near enough to its size to be left alone (no_trade_band and min_trade).",
    ),
    "released for its own limit": (
        [asset("A", 0.8, 0.21)],
        {},
        "A",
        SizeReason.RELEASED_FOR_LIMIT,
        0.2,
        "Weight 20.00%: traded inside its band to keep its own smallest and largest weight.",
    ),
    "released for a bucket": (
        TWO_TECH,
        {**ON, "max_allocation_per_bucket": 0.3},
        "A",
        SizeReason.RELEASED_FOR_LIMIT,
        0.15,
        "Weight 15.00%: traded inside its band to keep max_allocation_per_bucket 0.3 of Tech.",
    ),
    "released for the total": (
        [asset(f"A{index}", 0.8, 0.1) for index in range(10)],
        {},
        "A0",
        SizeReason.RELEASED_FOR_LIMIT,
        0.095,
        "Weight 9.50%: traded inside its band to bring the total within cash_band 0.02 of target_invested 0.95.",
    ),
    "released for cash": (
        [asset(f"A{index}", 0.8, 0.09) for index in range(10)],
        {},
        "A0",
        SizeReason.RELEASED_FOR_CASH,
        0.095,
        "Weight 9.50%: traded inside its band, or more than cash_band 0.02 would stay uninvested.",
    ),
    "capped": (
        [asset("A", 0.8)],
        {},
        "A",
        SizeReason.CAPPED_POSITION,
        0.2,
        "Weight 20.00%: capped at its largest weight (max_position_weight 0.2).",
    ),
    "capped by its own": (
        [asset("A", 0.8, max_weight=0.05)],
        {},
        "A",
        SizeReason.CAPPED_POSITION,
        0.05,
        "Weight 5.00%: capped at its largest weight (max_weight 0.05).",
    ),
    "lifted": (
        [asset("A", 0.8, desired_weight=0.01)],
        {"sizing_mode": "desired"},
        "A",
        SizeReason.LIFTED_TO_MINIMUM,
        0.02,
        "Weight 2.00%: raised to the smallest weight of a position (min_position_weight 0.02).",
    ),
    "lifted for a bucket": (
        [asset("A", 0.8, bucket="Tech"), asset("B", 0.8, bucket="Tech"), asset("C", 0.8, bucket="Bond")],
        {**ON, **LARGE, "buckets": {"Bond": {"min_allocation": 0.5}}},
        "C",
        SizeReason.LIFTED_FOR_BUCKET_MINIMUM,
        0.5,
        "Weight 50.00%: raised for min_allocation 0.5 of Bond.",
    ),
    "capped by a bucket": (
        [asset("A", 0.8, bucket="Tech/Semis"), asset("B", 0.8, bucket="Tech/Semis"), asset("C", 0.8, bucket="Bond")],
        {**ON, "buckets": {"Tech/Semis": {"max_allocation": 0.3}}},
        "A",
        SizeReason.CAPPED_BUCKET,
        0.15,
        "Weight 15.00%: held down by max_allocation 0.3 of Tech/Semis.",
    ),
    "nothing left": (
        [asset("A", 0.8, bucket="Tech/X"), asset("B", 0.8, bucket="Tech")],
        {**ON, **LARGE, "buckets": {"Tech": {"max_allocation": 0.3}, "Tech/X": {"min_allocation": 0.3}}},
        "B",
        SizeReason.CAPPED_BUCKET,
        0.0,
        "Weight 0%: the limits leave no weight for it.",
    ),
    "at its wish": (
        TEN_NEW,
        {"max_new_positions": 10},
        "A3",
        SizeReason.AT_WISH,
        0.095,
        "Weight 9.50%: an equal share.",
    ),
    "not sized": (
        [asset("A", 0.3)],
        {},
        "A",
        SizeReason.EMPTY,
        0.0,
        "below the 0.65 that a new position needs (min_score_new_position).",
    ),
}


@pytest.mark.parametrize("name", SIZES)
def test_size_reason(name: str) -> None:
    rows, limits, who, reason, target, says = SIZES[name]
    outcome = of(rebalanced(rows, **limits), who)
    assert outcome["size_reason"] == reason.code
    assert math.isclose(outcome["target_weight"], target, abs_tol=1e-12)
    assert outcome["detail"].endswith(says)


def test_every_size_reason_has_a_case() -> None:
    of_exposures = {
        SizeReason.CAPPED_EXPOSURE,
        SizeReason.LIFTED_FOR_EXPOSURE,
        SizeReason.MADE_ROOM,
    }  # test_exposures.py
    assert {case[3] for case in SIZES.values()} == set(SizeReason) - of_exposures


def test_the_last_to_get_a_place_by_weight_and_name() -> None:
    rows = [asset(name, 0.8, weight) for name, weight in (("A", 0.1), ("B", 0.05), ("C", 0.05), ("D", 0.04))]
    outcome = of(rebalanced(rows, max_total_positions=3), "D")
    assert "the last by C (held, score 0.8)" in outcome["detail"]


def test_words_are_the_details_apart() -> None:
    result = rebalanced([asset("A", 0.9), asset("B", 0.3)])
    assert [(word.reason, word.size) for word in result.words()] == [
        ("Added: its score of 0.9 meets the 0.65 that a new position needs (min_score_new_position).", "Weight 20.00%: capped at its largest weight (max_position_weight 0.2)."),
        ("Not selected: its score of 0.3 is below the 0.65 that a new position needs (min_score_new_position).", ""),
    ]  # fmt: skip
    assert result.details() == [word.text for word in result.words()]


# ---- codes


def test_codes() -> None:
    assert [member.code for member in Restriction] == ["", "no_buy", "no_sell", "no_trade"]
    assert [member.code for member in Action] == ["none", "open", "close", "increase", "decrease", "hold"]
    assert Reason.RESTRICTED.code == Reason.RESTRICTED_OUT.code == "restricted"
    assert Reason.EMPTY.code == SizeReason.EMPTY.code == ""
    assert len({member.code for member in Reason}) == len(Reason) - 1
    assert len(SELECTED_REASONS) == 7


# ---- actions and sums

ACTIONS = [
    asset("OPEN", 0.9),
    asset("CLOSE", 0.3, 0.1),
    asset("INCREASE", 0.9, 0.05),
    asset("DECREASE", 0.9, 0.35),
    asset("HOLD", 0.9, 0.19),
    asset("NONE", 0.3),
]


def test_actions_and_sums_by_hand() -> None:
    """Every target is 0.2 (its limit); HOLD stays at 0.19."""
    result = rebalanced(ACTIONS)
    assert [row["action"] for row in result.targets] == [row["asset"].lower() for row in ACTIONS]
    assert [row["target_weight"] for row in result.targets] == [0.2, 0.0, 0.2, 0.2, 0.19, 0.0]
    assert [row["proposed_weight"] for row in result.targets] == [row["target_weight"] for row in result.targets]
    assert math.isclose(result.bought, 0.2 + 0.15)
    assert math.isclose(result.sold, 0.1 + 0.15)
    assert result.turnover == result.bought
    assert math.isclose(result.cash_weight, 1 - 0.79)
    assert (result.positions, result.status, result.braked, result.account) == (4, "cash_left", False, None)
    assert repr(result) == "<RebalanceResult cash_left: 4 positions, cash 0.2100, turnover 0.3500>"
    assert result.limits == RebalancingLimits()


def test_turnover_is_the_larger_side() -> None:
    result = rebalanced([asset("A", 0.3, 0.4)])
    assert (result.bought, result.sold, result.turnover) == (0.0, 0.4, 0.4)


@pytest.mark.parametrize("seed", range(60))
def test_turnover_is_half_the_changes_with_cash_as_an_asset(seed: int) -> None:
    rng = random.Random(seed)
    rows = random_rows(rng)
    result = trimtab.rebalance(rows, random_limits(rng))
    targets = [row["target_weight"] for row in result.targets]
    current = [row["current_weight"] for row in rows]
    cash_change = abs((1 - math.fsum(targets)) - (1 - math.fsum(current)))
    changes = math.fsum(abs(target - weight) for target, weight in zip(targets, current, strict=True))
    assert math.isclose(result.turnover, (changes + cash_change) / 2, abs_tol=1e-12)
    assert math.isclose(result.cash_weight, 1 - math.fsum(targets), abs_tol=1e-12)
    assert math.isclose(result.bought - result.sold, math.fsum(targets) - math.fsum(current), abs_tol=1e-12)


def test_braked() -> None:
    result = rebalanced(ACTIONS, brake_sold_weight=0.2)
    assert (result.status, result.braked, result.turnover, result.bought, result.sold) == ("braked", True, 0, 0, 0)
    assert [row["target_weight"] for row in result.targets] == [row["current_weight"] for row in ACTIONS]
    assert [row["proposed_weight"] for row in result.targets] == [0.2, 0.0, 0.2, 0.2, 0.19, 0.0]
    assert [row["action"] for row in result.targets] == ["none", "hold", "hold", "hold", "hold", "none"]
    assert [row["size_reason"] for row in result.targets] == ["braked"] * 5 + [""]
    assert [row["reason"] for row in result.targets] == [row["reason"] for row in rebalanced(ACTIONS).targets]
    assert result.positions == 4
    assert math.isclose(result.cash_weight, 1 - 0.69)
    assert repr(result).startswith("<RebalanceResult braked: ")


def test_braked_comes_before_unmet() -> None:
    limits = {"enable_bucket_diversification": True, "min_buckets_represented": 2}
    rows = [asset("A", 0.5, 0.1, "Tech"), asset("B", 0.9, 0.1, "Tech")]
    assert rebalanced(rows, **limits).status == "unmet"
    assert rebalanced(rows, **limits, brake_closed_positions=0).status == "braked"


def test_dust_left_alone_is_no_position() -> None:
    left = rebalanced([asset("A", None, 0.0005), asset("B", 0.9, 0.2)])
    assert [row["target_weight"] for row in left.targets] == [0.0005, 0.2]
    assert left.positions == 1
    braked = rebalanced([asset("A", 0.9, 0.0005), asset("B", 0.3, 0.2)], brake_closed_positions=0)
    assert braked.positions == 1
    bought = rebalanced([asset("A", 0.9, 0.0005), asset("B", 0.9, 0.2)])
    assert bought.positions == 2


# ---- notes


def notes(result: RebalanceResult) -> dict[str, str]:
    assert len({note.code for note in result.notes}) == len(result.notes)
    return {note.code: note.text for note in result.notes}


def test_no_notes() -> None:
    assert rebalanced([{"asset": "A", "score": 0.9}], max_position_weight=1.0).notes == ()
    limits = {"max_position_weight": 1.0, "max_allocation_per_bucket": 1.0}
    assert rebalanced([asset("A", 0.9, bucket="Tech")], **ON, **limits).notes == ()


def test_overdrawn() -> None:
    result = rebalanced([asset("A", 0.9, 0.5, restriction="no_sell"), asset("B", 0.9, 0.53, restriction="no_sell")])
    assert notes(result)["overdrawn"] == "Weights add up to 103.00%; used unchanged"
    assert math.isclose(result.cash_weight, -0.03)
    assert [row["target_weight"] for row in result.targets] == [0.5, 0.53]


def test_selected_but_no_weight_is_left() -> None:
    rows = [asset("B", 0.9, 0.3, "Bond"), asset("T", 0.8, 0.1, "Tech")]
    limits = {"min_position_weight": 0.0, "max_position_weight": 0.5, "full_investment_positions": 10}
    result = rebalanced(rows, **ON, **limits, buckets={"Bond": {"min_allocation": 0.4}})
    assert [row["target_weight"] for row in result.targets] == [0.4, 0.0]
    assert notes(result)["no_weight_left"] == "Selected, but the limits leave no weight for 'T'"
    assert "no_weight_left" not in notes(rebalanced(rows, **ON, **limits, buckets={"Bond": {"min_allocation": 0.1}}))


def test_a_sum_of_one_is_not_overdrawn() -> None:
    assert "overdrawn" not in notes(rebalanced([asset(f"A{index}", 0.9, 0.1) for index in range(10)]))


def test_unused_columns() -> None:
    result = rebalanced([{"asset": "A", "score": 0.9, "price": 3.0, "isin": "X"}], max_position_weight=1.0)
    assert notes(result) == {"unused_columns": "columns that no rule uses: 'price', 'isin'"}


def test_buckets_off() -> None:
    text = "buckets are given, but bucket limits are off (enable_bucket_diversification)"
    assert notes(rebalanced([asset("A", 0.9, bucket="Tech")], max_position_weight=1.0)) == {"buckets_off": text}


def test_unwanted_cash() -> None:
    """Ten positions at 0.05 each, where 0.95 is aimed at; nothing else can be wrong with it."""
    rows = [asset(f"A{index}", 0.9, 0.05) for index in range(10)]
    result = rebalanced(rows, max_position_weight=0.05)
    assert (result.status, round(result.cash_left, 12)) == ("cash_left", 0.45)
    assert notes(result)["cash_left"].startswith(
        "45.00% stays in cash that target_invested 0.95 would invest: at max_pos"
    )
    many = trimtab.rebalance_many([{**row, "account": 1} for row in rows], RebalancingLimits(max_position_weight=0.05))
    assert many.counts == {"cash_left": 1}
    assert rebalanced(rows, max_position_weight=0.05, cash_band=0.45).status == "ok"
    assert rebalanced(rows, max_position_weight=0.05, cash_band=0.44).status == "cash_left"


# ---- buckets

PORTFOLIO = [
    asset("A", 0.9, 0.30, "Equity/Tech"),
    asset("B", 0.7, 0.00, "Equity/Tech"),
    asset("C", 0.3, 0.10, "Equity/Health"),
    asset("D", None, 0.05, "Bond"),
    asset("E", 0.8, 0.00, None),
]


def test_buckets_by_hand() -> None:
    """Equity may have 0.3: A and B take 0.15 each. C is closed, D has no score and stays, E takes its limit of 0.2."""
    result = rebalanced(
        PORTFOLIO,
        **ON,
        buckets={"Equity": {"max_allocation": 0.3, "max_positions": 3}, "Bond": {"min_allocation": 0.02}},
    )
    by_name = {bucket.path: bucket for bucket in result.buckets}
    equity = BucketSummary("Equity", 2, 0.4, 0.3, 3, 0.3, None, 0.8, 0.7, 0.9)
    for expected in (
        equity,
        BucketSummary("Equity/Tech", 2, 0.3, 0.3, None, None, None, 0.8, 0.7, 0.9),
        BucketSummary("Equity/Health", 0, 0.1, 0.0, None, None, None, None, None, None),
        BucketSummary("Bond", 1, 0.05, 0.05, 4, 0.4, 0.02, None, None, None),
        BucketSummary("Unknown", 1, 0.0, 0.2, 4, 0.4, None, 0.8, 0.8, 0.8),
    ):
        mine = vars(by_name[expected.path])
        for name, value in vars(expected).items():
            assert mine[name] == (pytest.approx(value, abs=1e-12) if isinstance(value, float) else value), name
    assert [bucket.path for bucket in result.buckets] == sorted(by_name)
    assert len(by_name) == 5


def test_buckets_are_shown_where_limits_are_off() -> None:
    result = rebalanced(PORTFOLIO)
    assert [bucket.path for bucket in result.buckets] == ["Bond", "Equity", "Equity/Health", "Equity/Tech", "Unknown"]
    for bucket in result.buckets:
        assert (bucket.max_positions, bucket.max_allocation, bucket.min_allocation) == (None, None, None)
    assert result.buckets[1].target_weight == pytest.approx(0.4)
    assert result.buckets[1].positions == 2


def test_no_buckets_without_the_column() -> None:
    assert rebalanced([{"asset": "A", "score": 0.9}]).buckets == ()


def test_flat_names_where_limits_are_off() -> None:
    result = rebalanced([asset("A", 0.9, bucket="Equity//Tech")], bucket_separator="")
    assert [bucket.path for bucket in result.buckets] == ["Equity//Tech"]


def test_known_buckets_are_shown() -> None:
    result = rebalanced([asset("A", 0.9, bucket="Tech")], **ON, known_buckets=["Bond"])
    assert [(bucket.path, bucket.positions) for bucket in result.buckets] == [("Bond", 0), ("Tech", 1)]


def test_the_buckets_of_the_level() -> None:
    result = rebalanced(PORTFOLIO, **ON, bucket_level=2)
    assert [bucket.path for bucket in result.buckets] == ["Equity/Health", "Equity/Tech", "Unknown"]
    assert result.buckets[2].current_weight == pytest.approx(0.05)


@pytest.mark.parametrize("seed", range(60))
def test_buckets_add_up(seed: int) -> None:
    rng = random.Random(seed)
    rows, limits = random_rows(rng), random_limits(rng)
    result = trimtab.rebalance(rows, limits)
    level = limits.bucket_level if limits.enable_bucket_diversification else 1
    tops = [
        bucket
        for bucket in result.buckets
        if bucket.path == "Unknown" or (bucket.path.count("/") == level - 1 and not bucket.path.startswith("Unknown/"))
    ]
    assert sum(bucket.positions for bucket in tops) == result.positions
    assert math.fsum(bucket.target_weight for bucket in tops) == pytest.approx(1 - result.cash_weight, abs=1e-12)
    assert math.fsum(bucket.current_weight for bucket in tops) == pytest.approx(
        math.fsum(row["current_weight"] for row in rows)
    )


# ---- JSON

SCHEMA = jsonschema.Draft202012Validator(result_schema())


def checked_json(result: RebalanceResult) -> dict[str, Any]:
    text = result.to_json()
    assert text == result.to_json()
    assert text.endswith("}\n")

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    pairs: list[list[str]] = []

    def keep(items: list[tuple[str, Any]]) -> dict[str, Any]:
        pairs.append([name for name, _ in items])
        return dict(items)

    values: dict[str, Any] = json.loads(text, parse_constant=refuse, object_pairs_hook=keep)
    assert all(names == sorted(names) for names in pairs)
    SCHEMA.validate(values)
    return values


@pytest.mark.parametrize("block", mostly_thorough(range(10)))
def test_json_of_random_cases(block: int) -> None:
    for seed in range(30):
        rng = random.Random(1000 * block + seed)
        rows, limits = random_rows(rng), random_limits(rng)
        result = trimtab.rebalance(rows, limits)
        values = checked_json(result)
        assert values["status"] == result.status
        assert [row["asset"] for row in values["targets"]] == [row["asset"] for row in rows]
        assert [row["detail"] for row in values["targets"]] == result.details()
        assert all(result.details())
        assert [row["target_weight"] for row in values["targets"]] == [row["target_weight"] for row in result.targets]
        assert len(values["certificate"]) == len(result.certificate)
        assert RebalancingLimits.from_dict(values["limits"]) == limits
        again = trimtab.rebalance(rows, limits)
        assert again.to_json() == result.to_json()
        assert trimtab.rebalance(pd.DataFrame(rows), limits).to_json() == result.to_json()


def test_json_of_braked_overdrawn_and_named_accounts() -> None:
    braked = checked_json(rebalanced([asset("Ä", 0.3, 0.1)], brake_closed_positions=0))
    assert braked["status"] == "braked"
    assert braked["targets"][0]["asset"] == "Ä"
    for account in ("one", 7, None):
        rows = [{**asset("A", 0.3, 1.04, restriction="no_trade"), **({} if account is None else {"account": account})}]
        values = checked_json(rebalanced(rows))
        assert values["account"] == account
        assert values["cash_weight"] == pytest.approx(-0.04)
        assert "overdrawn" in {note["code"] for note in values["notes"]}


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(result_schema())
    assert result_schema()["properties"]["schema_version"] == {"const": trimtab.rebalancing.result.SCHEMA_VERSION}


def test_the_schema_names_the_codes() -> None:
    row = result_schema()["properties"]["targets"]["items"]["properties"]
    assert row["action"]["enum"] == [member.code for member in Action]
    assert row["size_reason"]["enum"] == [member.code for member in SizeReason]
    line = result_schema()["properties"]["certificate"]["items"]["properties"]
    assert line["cause"]["enum"] == ["", *Cause]
    reasons = [member.code for member in Reason if member not in (Reason.EMPTY, Reason.RESTRICTED_OUT)]
    assert row["reason"]["enum"] == reasons
    assert set(OUTPUTS) <= set(row)


def test_the_schema_asks_for_every_field_and_no_other() -> None:
    schema = result_schema()
    parts = [schema, *(schema["properties"][name]["items"] for name in ("notes", "targets", "buckets", "certificate"))]
    for part in parts:
        assert sorted(part["required"]) == sorted(part["properties"])
        assert part["additionalProperties"] is False


@pytest.mark.parametrize(
    "spoil",
    [
        lambda values: values.update(status="fine"),
        lambda values: values.update(schema_version=2),
        lambda values: values.pop("cash_weight"),
        lambda values: values.update(more=1),
        lambda values: values["targets"][0].update(target_weight=-0.1),
        lambda values: values["targets"][0].update(reason="because"),
        lambda values: values["targets"][0].update(detail=""),
        lambda values: values["certificate"][0].update(status="broken"),
        lambda values: values["notes"].append({"code": "other", "text": ""}),
    ],
)
def test_the_schema_refuses(spoil: Any) -> None:
    values = json.loads(rebalanced(PORTFOLIO).to_json())
    assert SCHEMA.is_valid(values)
    spoil(values)
    assert not SCHEMA.is_valid(values)


def test_the_limits_in_the_json_fit_their_schema() -> None:
    values = rebalanced(PORTFOLIO, **ON).to_dict()["limits"]
    jsonschema.Draft202012Validator(limits_schema()).validate(
        {name: value for name, value in values.items() if value is not None}
    )


DUST = asset("D", 0.9, 0.0005, "Tech")
DUST_SENTENCES = {
    "its score": ([{**DUST, "score": 0.62}], {}, "which needs a score of 0.65 (min_score_new_position); it has 0.62."),
    "the total": (
        [DUST, asset("A", 0.8, 0.1)],
        {"max_total_positions": 1},
        "the one position of the account is taken (max_total_positions) by A (held, score 0.8).",
    ),
    "its bucket": (
        [DUST, asset("A", 0.8, 0.1, "Tech")],
        {**ON, "max_positions_per_bucket": 1},
        "the one position of Tech is taken (max_positions_per_bucket) by A (held, score 0.8).",
    ),
    "the weight of its bucket": (
        [DUST, asset("A", 0.8, 0.1, "Tech")],
        {**ON, "max_allocation_per_bucket": 0.03},
        "no other position of 2.00% (min_position_weight) fits within max_allocation_per_bucket 0.03 of Tech; the last to fit "
        "was A (held, score 0.8).",
    ),
    "its own limit": (
        [{**DUST, "max_weight": 0.01}],
        {},
        "its largest weight of 0.01 is below min_position_weight 0.02.",
    ),
}


@pytest.mark.parametrize("case", DUST_SENTENCES)
def test_the_sentence_of_dust_names_what_kept_it_out(case: str) -> None:
    rows, limits, expected = DUST_SENTENCES[case]
    (sentence,) = [
        words
        for row, words in zip(rows, trimtab.rebalance(rows, RebalancingLimits(**limits)).details(), strict=True)
        if row["asset"] == "D"
    ]
    assert sentence.startswith("Closed: at 0.05% it is dust (dust_weight 0.001) and competes as a new position")
    assert sentence.endswith(expected)


def test_a_regime_in_force_is_noted_explained_and_compared() -> None:
    """One new asset in Deflation, three otherwise: C has no place, would have one with two; and the regime is why."""
    rows = [{"asset": name, "score": score} for name, score in (("A", 0.9), ("C", 0.85))]
    limits = RebalancingLimits(regime="Deflation", regimes={"Deflation": {"max_new_positions": 1}})
    result = trimtab.rebalance(rows, limits)
    assert [(note.code, note.text) for note in result.notes if note.code != "cash_left"] == [
        ("regime", "max_new_positions is 1 in the regime 'Deflation', 3 in general")
    ]
    changes = {(explanation.change, explanation.value) for explanation in result.explain("C").counterfactuals}
    assert ("max_new_positions", 2) in changes
    compared = result.diff(trimtab.rebalance(rows, limits.replace(regime=None)))
    assert [(outcome.name, outcome.before, outcome.after) for outcome in compared.inputs] == [
        ("max_new_positions", 1, 3)
    ]
    assert [outcome.asset for outcome in compared.changes] == ["C"]
    assert limits.replace(regime=None).in_force.max_new_positions == 3


# ---- copies and processes


@pytest.mark.parametrize("looked", [(), ("certificate", "notes"), ("conflicts",)])
def test_results_pickle_and_copy_and_are_equal_afterwards(looked: tuple[str, ...]) -> None:
    result = rebalanced(PORTFOLIO, **ON)
    for name in looked:
        getattr(result, name)
    many = trimtab.rebalance_many([{**row, "account": account} for account in "XY" for row in PORTFOLIO])
    for value in (result, many, many.result("X"), result.explain("A"), result.diff(result), trimtab.check(PORTFOLIO)):
        for copied in (pickle.loads(pickle.dumps(value)), copy.copy(value), copy.deepcopy(value)):
            assert copied == value
            assert hash(type(copied)) == hash(type(value))
    copied = pickle.loads(pickle.dumps(result))
    assert (copied.to_json(), copied.to_html()) == (result.to_json(), result.to_html())
    assert hash(copied) == hash(result) and hash(many) == hash(copy.deepcopy(many))
    assert result != rebalanced(PORTFOLIO) and result != many


def test_rows_of_accounts_are_the_callers() -> None:
    many = trimtab.rebalance_many([{**row, "account": 1} for row in PORTFOLIO])
    many.accounts[0]["status"] = "spoiled"
    many.counts.clear()
    assert many.accounts[0]["status"] != "spoiled" and many.counts


def test_one_result_answers_many_threads() -> None:
    """Explanations, pages, conflicts and differences of one result, asked for at once: as from a result of its own."""
    rng = random.Random(11)
    rows = [
        {
            "asset": f"A{index:03}",
            "score": round(rng.uniform(0.5, 1), 3),
            "bucket": f"b{index % 7}",
            "current_weight": 0.02,
        }
        for index in range(40)
    ] + [
        {"asset": f"N{index:03}", "score": round(rng.uniform(0.5, 1), 3), "bucket": f"b{index % 9}"}
        for index in range(80)
    ]
    limits = RebalancingLimits(**ON, max_total_positions=20, max_positions_per_bucket=3, max_position_weight=0.04)
    other = trimtab.rebalance(rows[:-1], limits)
    asks = [lambda result, place=index: str(result.explain(rows[place]["asset"])) for index in range(0, 120, 10)]
    asks += [
        lambda r: r.to_html(),
        lambda r: str(r.conflicts),
        lambda r: str(r.details()),
        lambda r: str(r.diff(other)),
    ]
    wanted = [ask(trimtab.rebalance(rows, limits)) for ask in asks]
    shared = trimtab.rebalance(rows, limits)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = [list(pool.map(lambda ask: ask(shared), asks)) for _ in range(2)]
    assert answers == [wanted, wanted]


# ---- the parallel layer


def test_the_parallel_layer_is_closed_in_a_process_forked_after_it_was_entered(monkeypatch: pytest.MonkeyPatch) -> None:
    hooks: list[Callable[[], None]] = []
    monkeypatch.setattr(os, "register_at_fork", lambda *, after_in_child: hooks.append(after_in_child), raising=False)
    layer = ParallelLayer()
    (forked,) = hooks
    forked()  # before it was entered: the child may enter it
    with layer:
        pass
    assert not layer.is_closed
    layer.__enter__()  # a thread is inside
    forked()  # it is not there in the child, and cannot release the lock
    assert not layer._lock.locked()
    with pytest.raises(SetupError, match="forked from one that had already used all cores"), layer:
        pytest.fail("a forked process came in")


def test_the_parallel_layer_where_processes_cannot_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "register_at_fork", raising=False)
    layer = ParallelLayer()
    for _ in range(2):
        with layer:
            assert not layer.is_closed

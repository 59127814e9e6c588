"""The certificate: a broken limit is always found, and every unmet one has a named excuse."""

from __future__ import annotations

import math
import random
from collections import Counter
from typing import Any

import numpy as np
import pytest
from cases import random_limits, random_rows
from kernel_runs import Passed, run
from thorough import mostly_thorough

import trimtab
from trimtab.candidates.read import read
from trimtab.certificate import checker
from trimtab.certificate.certificate import STATUSES, Certificate, Constraint, Measured
from trimtab.errors import BrokenLimitError
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.reasons import Reason
from trimtab.rebalancing import certified as certifying

Row = dict[str, Any]
ON: dict[str, Any] = {"enable_bucket_diversification": True, "min_buckets_represented": 0}


def asset(name: str, bucket: str | None = None, score: float | None = 0.8, current: float = 0.0, **more: Any) -> Row:
    return {"asset": name, "score": score, "current_weight": current, "bucket": bucket, **more}


def certify(*arguments: Any, **more: Any) -> list[Measured]:
    """The limits as measured; what is broken in the first account that has something broken is raised."""
    checks, broken = checker.certify(*arguments, **more)
    if broken:
        raise broken[min(broken)]
    return checks


def certified(
    rows: list[Row], limits: RebalancingLimits, weights: dict[str, float], selected: str = ""
) -> list[Measured]:
    """Certify these weights by hand; selected is what has weight, and what is named."""
    candidates = read(rows, limits, many=False)
    target = np.array([weights.get(row["asset"], 0.0) for row in rows])
    chosen = (target > 0) | np.array([row["asset"] in selected.split() for row in rows])
    return certify(candidates, limits, target=target, proposed=target, selected=chosen, braked=np.zeros(1, np.bool_))


def broken(rows: list[Row], limits: RebalancingLimits, weights: dict[str, float], selected: str = "") -> list[str]:
    """The broken limits, each as `name node`."""
    with pytest.raises(BrokenLimitError) as caught:
        certified(rows, limits, weights, selected)
    assert "a bug in trimtab" in str(caught.value)
    return [sentence.split(" is ")[0].replace(" of ", " ") for sentence in caught.value.sentences]


# ---- every hard limit, broken by hand

THREE = [asset("A", "Tech"), asset("B", "Tech"), asset("C", "Bond")]
HELD = [asset("A", "Tech", 0.8, 0.1), asset("B", "Tech", 0.8, 0.1), asset("C", "Bond", 0.8, 0.1)]
BREAKS: dict[str, tuple[list[Row], dict[str, Any], dict[str, float], str]] = {
    "total": (HELD, {"max_total_positions": 2}, {"A": 0.1, "B": 0.1, "C": 0.1}, "max_total_positions"),
    "total, beside what is restricted": (
        [asset("A", None, None, 0.1), asset("B", None, None, 0.1), asset("C")],
        {"max_total_positions": 1},
        {"A": 0.1, "B": 0.1, "C": 0.1},
        "max_total_positions",
    ),
    "new": (THREE, {"max_new_positions": 2}, {"A": 0.1, "B": 0.1, "C": 0.1}, "max_new_positions"),
    "new, dust": ([asset("A", None, 0.8, 0.0005)], {"max_new_positions": 0}, {"A": 0.1}, "max_new_positions"),
    "invested": (HELD, {"max_position_weight": 0.5}, {"A": 0.4, "B": 0.4, "C": 0.18}, "target_invested"),
    "invested above 1": (
        HELD,
        {"max_position_weight": 0.5, "target_invested": 1.0},
        {"A": 0.5, "B": 0.5, "C": 0.02},
        "target_invested",
    ),
    "largest": (HELD, {}, {"A": 0.2 + 1e-11}, "max_position_weight"),
    "largest, drifted too far": (HELD, {"drift_tolerance": 0.1}, {"A": 0.2201}, "max_position_weight"),
    "largest of its own": ([asset("A", None, 0.8, 0.1, max_weight=0.05)], {}, {"A": 0.06}, "max_position_weight"),
    "largest of what is not wanted": (
        [asset("A", None, 0.8, 0.1, desired_weight=0.0)],
        {"sizing_mode": "desired"},
        {"A": 0.1},
        "max_position_weight",
    ),
    "smallest": (HELD, {}, {"A": 0.0199}, "min_position_weight"),
    "sold under no_sell": ([asset("A", None, 0.8, 0.1, restriction="no_sell")], {}, {"A": 0.09}, "restrictions_violated"),
    "closed under no_sell": ([asset("A", None, 0.8, 0.1, restriction="no_sell")], {}, {}, "restrictions_violated"),
    "sold under no_trade": ([asset("A", None, 0.8, 0.1, restriction="no_trade")], {}, {"A": 0.09}, "restrictions_violated"),
    "bought under no_trade": ([asset("A", None, 0.8, 0.1, restriction="no_trade")], {}, {"A": 0.11}, "restrictions_violated"),
    "bought under no_buy": ([asset("A", None, 0.8, 0.1, restriction="no_buy")], {}, {"A": 0.11}, "restrictions_violated"),
    "new under no_buy": ([asset("A", None, 0.8, restriction="no_buy")], {}, {"A": 0.1}, "restrictions_violated"),
    "sold without a score": ([asset("A", None, None, 0.1)], {}, {"A": 0.05}, "restrictions_violated"),
    "bought without a score": ([asset("A", None, None, 0.1)], {}, {"A": 0.15}, "restrictions_violated"),
    "traded without a volatility": (
        [asset("A", None, 0.8, 0.1)],
        {"sizing_mode": "inverse_volatility"},
        {"A": 0.15},
        "restrictions_violated",
    ),
    "traded without a desired weight": (
        [asset("A", None, 0.8, 0.1)],
        {"sizing_mode": "desired"},
        {"A": 0.05},
        "restrictions_violated",
    ),
    "bought in Unknown": ([asset("A")], {**ON, "unknown_bucket": "hold"}, {"A": 0.1}, "restrictions_violated"),
    "dust of Unknown": ([asset("A", None, 0.8, 0.0005)], {**ON, "unknown_bucket": "hold"}, {}, "restrictions_violated"),
    "kept below": ([asset("A", None, 0.59, 0.1)], {}, {"A": 0.1}, "min_score_threshold"),
    "kept without a score": ([asset("A", None, None, 0.1)], {"unscored_positions": "close"}, {"A": 0.1}, "min_score_threshold"),
    "new below": ([asset("A", None, 0.64)], {}, {"A": 0.1}, "min_score_new_position"),
    "new without a score": ([asset("A", None, None)], {}, {"A": 0.1}, "min_score_new_position"),
    "representing below": (
        [asset("A", "Tech", 0.59)],
        {**ON, "min_buckets_represented": 1},
        {"A": 0.1},
        "min_score_diversification",
    ),
    "bucket": (HELD, {**ON, "max_positions_per_bucket": 1}, {"A": 0.1, "B": 0.1}, "max_positions Tech"),
    "bucket, new beside overflow": (
        [asset("A", "Tech", 0.8, 0.1), asset("B", "Tech")],
        {**ON, "max_positions_per_bucket": 1, "allow_bucket_overflow": True},
        {"A": 0.1, "B": 0.1},
        "max_positions Tech",
    ),
    "bucket of its own": (
        [asset("A", "Tech/X"), asset("B", "Tech/X")],
        {**ON, "buckets": {"Tech/X": {"max_positions": 1}}},
        {"A": 0.1, "B": 0.1},
        "max_positions Tech/X",
    ),
    "bucket Unknown": ([asset("A"), asset("B")], {**ON, "max_positions_per_bucket": 1}, {"A": 0.1, "B": 0.1}, "max_positions Unknown"),
    "allocation": (HELD, {**ON, "max_allocation_per_bucket": 0.3}, {"A": 0.16, "B": 0.16}, "max_allocation Tech"),
    "allocation, drifted too far": (
        HELD,
        {**ON, "max_allocation_per_bucket": 0.3, "drift_tolerance": 0.1},
        {"A": 0.17, "B": 0.161},
        "max_allocation Tech",
    ),
    "allocation, added to what is restricted": (
        [asset("A", "Tech", 0.8, 0.3, restriction="no_sell"), asset("B", "Tech")],
        {**ON, "max_allocation_per_bucket": 0.25},
        {"A": 0.3, "B": 0.02},
        "max_allocation Tech",
    ),
    "minimum": (HELD, {**ON, "buckets": {"Bond": {"min_allocation": 0.15}}}, {"C": 0.1}, "min_allocation Bond"),
    "representation": (HELD, {**ON, "min_buckets_represented": 2}, {"A": 0.1, "B": 0.1}, "min_buckets_represented"),
}  # fmt: skip


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_limit_is_named(name: str) -> None:
    rows, limits, weights, expected = BREAKS[name]
    assert broken(rows, RebalancingLimits(**limits), weights) == [expected]


@pytest.mark.parametrize("weight", [math.nan, -0.01, math.inf])
def test_a_weight_that_is_none(weight: float) -> None:
    assert "restrictions_violated" in broken(HELD, RebalancingLimits(), {"A": weight}, "A")


def test_many_broken_limits_are_all_named() -> None:
    names = broken(HELD, RebalancingLimits(**ON, max_total_positions=2), {"A": 0.3, "B": 0.3, "C": 0.01})
    assert names == ["max_total_positions", "max_position_weight", "min_position_weight", "max_allocation Tech"]


def test_what_is_broken_is_told_by_account() -> None:
    limits = RebalancingLimits()
    rows = [{**asset("A", None, 0.5, 0.1), "account": f"acc{index}"} for index in range(30)]
    candidates = read(rows, limits, many=True)
    weights = np.full(30, 0.1)
    weights[3] = 0.0
    _, broken = checker.certify(
        candidates, limits, target=weights, proposed=weights, selected=weights > 0, braked=np.zeros(30, np.bool_)
    )
    assert sorted(broken) == [index for index in range(30) if index != 3]
    assert broken[0].sentences == ("min_score_threshold is 0.5 against 0.6",)


def test_a_broken_limit_is_found_behind_the_brake() -> None:
    """The proposal is checked although it is not carried out."""
    limits = RebalancingLimits(brake_sold_weight=0.0)
    candidates = read(HELD, limits, many=False)
    with pytest.raises(BrokenLimitError, match="max_position_weight"):
        certify(
            candidates,
            limits,
            target=candidates.current_weight,
            proposed=np.array([0.3, 0.0, 0.0]),
            selected=np.array([True, False, False]),
            braked=np.ones(1, np.bool_),
        )


# ---- mutations of good results


def breakable(rows: list[Row], limits: RebalancingLimits, passed: Passed) -> dict[str, Any]:
    """For each limit the rows at which a good result can be made to break it."""
    outcome, answer = passed.candidates, passed.answer
    target, selected, current, score = answer["proposed"], answer["selected"], outcome.current_weight, outcome.score
    restricted = np.array([row["restriction"] in ("no_sell", "no_trade") for row in rows]) & (current > 0)
    dust = (current > 0) & (current < limits.dust_weight)
    missing_data = np.isin(answer["reason"], (Reason.HELD_UNSCORED, Reason.HELD_NOT_SIZABLE))
    free = selected & ~restricted & ~missing_data & ~((answer["reason"] == Reason.KEPT) & dust)
    left_out, bought = ~selected & (current == 0), free & (target > 0) & ((current == 0) | dust)
    representing = (
        limits.enable_bucket_diversification and limits.enforce_min_buckets and limits.min_buckets_represented > 0
    )
    bucket = outcome.tree.nodes["represents"][outcome.leaf]
    represented = Counter(bucket[selected & (target > 0) & (bucket >= 0) & (free | ~dust)].tolist())
    none_to_spare = representing and len(represented) == limits.min_buckets_represented
    return {
        "restrictions_violated": restricted & (target > 0),
        "max_position_weight": free & (target > 0),
        "min_score_threshold": ~selected & (current > 0) & ~dust & (score < limits.min_score_threshold),
        "min_score_new_position": left_out & (score < limits.min_score_new_position) & (not representing),
        "min_score_diversification": left_out & (score < limits.min_score_diversification) & representing,
        "max_new_positions": left_out
        & (score >= limits.min_score_new_position)
        & (int(bought.sum()) == limits.max_new_positions),
        "min_buckets_represented": free
        & (target > 0)
        & np.array([represented[node] == 1 for node in bucket])
        & none_to_spare
        & (not limits.allow_bucket_overflow),
    }


def mutated(rng: random.Random, rows: list[Row], limits: RebalancingLimits, kind: str) -> bool:
    """Break one limit of a good result, which must be found; False where the case has nothing to break."""
    passed = run(rows, limits)
    outcome, target, selected = passed.candidates, passed.answer["proposed"].copy(), passed.answer["selected"].copy()
    places = np.flatnonzero(breakable(rows, limits, passed)[kind]).tolist()
    if not places:
        return False
    index = rng.choice(places)
    if kind == "restrictions_violated":
        target[index] = outcome.current_weight[index] / 2
    elif kind == "max_position_weight":
        target[index] = (
            min(limits.max_position_weight, outcome.max_weight[index]) * (1 + limits.drift_tolerance) + 0.001
        )
    elif kind == "min_buckets_represented":
        target[index], selected[index] = 0.0, False
    else:
        target[index], selected[index] = 0.02, True
    with pytest.raises(BrokenLimitError) as caught:
        certify(outcome, limits, target=target, proposed=target, selected=selected, braked=np.zeros(1, np.bool_))
    assert any(sentence.startswith(f"{kind} ") for sentence in caught.value.sentences), (kind, caught.value.sentences)
    return True


MUTATIONS = (
    "restrictions_violated",
    "max_position_weight",
    "min_score_threshold",
    "min_score_new_position",
    "min_score_diversification",
    "max_new_positions",
    "min_buckets_represented",
)


@pytest.mark.parametrize("kind", mostly_thorough(MUTATIONS, 4))
def test_mutations(kind: str) -> None:
    done = 0
    for seed in range(600):
        rng = random.Random(seed)
        done += mutated(rng, random_rows(rng), random_limits(rng), kind)
    assert done >= 30


@pytest.mark.parametrize("first", mostly_thorough(range(0, 600, 150)))
def test_mutations_of_buckets(first: int) -> None:
    """Push one node above its number, above its allocation or below its minimum, whatever the tree."""
    done: Counter[str] = Counter()
    for seed in range(first, first + 150):
        rng = random.Random(seed)
        rows = random_rows(rng, restricted=False, unscored=False)
        for row in rows:
            row |= {"desired_weight": 0.1, "volatility": 0.2, "bucket": row["bucket"] or "Bond/Gov"}
        limits = random_limits(
            rng, enable_bucket_diversification=True, unknown_bucket="limit", allow_bucket_overflow=False
        )
        passed = run(rows, limits)
        outcome, answer = passed.candidates, passed.answer
        nodes, leaf = outcome.tree.nodes, outcome.leaf
        for node in range(1, len(nodes)):
            inside = (leaf >= node) & (leaf < nodes["stop"][node])
            held = inside & answer["selected"]
            for name in ("max_positions", "max_allocation", "min_allocation"):
                target, selected = answer["proposed"].copy(), answer["selected"].copy()
                limit = nodes[name][node]
                weight = math.fsum(target[held])
                if name == "max_positions" and limit < len(rows) and inside.sum() > limit:
                    target[inside & ~selected], selected[inside] = 0.02, True
                    if (target[inside] > 0).sum() <= limit:
                        continue
                elif name == "max_allocation" and limit < math.inf and held.any():
                    target[np.flatnonzero(held)[0]] += limit * (1 + limits.drift_tolerance) + 0.001 - weight
                elif name == "min_allocation" and 0 < limit <= weight and held.any():
                    target[held] *= 0.5 * limit / weight
                else:
                    continue
                with pytest.raises(BrokenLimitError) as caught:
                    certify(
                        outcome, limits, target=target, proposed=target, selected=selected, braked=np.zeros(1, np.bool_)
                    )
                assert any(
                    sentence.startswith(f"{name} of {outcome.tree.paths[node]} is ")
                    for sentence in caught.value.sentences
                ), (
                    seed,
                    name,
                    node,
                )
                done[name] += 1
    assert min(done.values()) >= 30
    assert len(done) == 3


# ---- statuses by hand


def constraint(result: Any, name: str, node: str = "") -> Constraint:
    (rows,) = [constraint for constraint in result.certificate if (constraint.name, constraint.node) == (name, node)]
    return rows


def test_everything_met() -> None:
    rows = [asset(f"A{index}", f"Bucket {index % 3}", 0.9, 0.1) for index in range(9)]
    result = trimtab.rebalance(rows, RebalancingLimits(enable_bucket_diversification=True))
    assert {constraint.status for constraint in result.certificate} == {"met"}
    assert {constraint.note for constraint in result.certificate} == {""}
    assert [constraint.name for constraint in result.certificate] == [
        "max_total_positions", "max_new_positions", "target_invested", "max_position_weight", "min_position_weight",
        "restrictions_violated", "min_score_threshold", "min_score_diversification",
        *["max_positions", "max_allocation"] * 3, "min_buckets_represented",
    ]  # fmt: skip
    assert len(result.certificate) == 15
    assert result.certificate.unmet == ()


def test_slack_is_what_is_left() -> None:
    rows = [asset("A", "Tech", 0.9, 0.1), asset("B", "Tech", 0.7), asset("C", "Bond", 0.8, 0.21)]
    limits = RebalancingLimits(
        enable_bucket_diversification=True,
        max_allocation_per_bucket=0.3,
        buckets={"Bond": {"min_allocation": 0.1}},
    )
    result = trimtab.rebalance(rows, limits)  # A and B 0.15 each, C 0.2
    expected = {
        ("max_total_positions", ""): (3, 10, 7),
        ("max_new_positions", ""): (1, 3, 2),
        ("target_invested", ""): (0.5, 0.95, 0.45),
        ("max_position_weight", ""): (0.2, 0.2, 0),
        ("min_position_weight", ""): (0.15, 0.02, 0.13),
        ("restrictions_violated", ""): (0, 0, 0),
        ("min_score_threshold", ""): (0.8, 0.6, 0.2),
        ("min_score_diversification", ""): (0.7, 0.6, 0.1),
        ("max_positions", "Bond"): (1, 4, 3),
        ("max_allocation", "Bond"): (0.2, 0.3, 0.1),
        ("min_allocation", "Bond"): (0.2, 0.1, 0.1),
        ("max_positions", "Tech"): (2, 4, 2),
        ("max_allocation", "Tech"): (0.3, 0.3, 0),
        ("min_buckets_represented", ""): (2, 2, 0),
    }
    assert {(constraint.name, constraint.node) for constraint in result.certificate} == set(expected)
    for constraint in result.certificate:
        assert (constraint.measured, constraint.limit, constraint.slack) == pytest.approx(
            expected[constraint.name, constraint.node], abs=1e-12
        ), constraint.name
        assert constraint.status == "met"


def test_a_portfolio_of_nothing() -> None:
    result = trimtab.rebalance([asset("A", None, 0.3)])
    assert {constraint.status for constraint in result.certificate} == {"met"}
    assert constraint(result, "max_position_weight").measured == 0
    assert constraint(result, "min_position_weight").slack == 0
    assert constraint(result, "min_score_threshold").slack == pytest.approx(0.4)


FIXED = {"restriction": "no_trade"}
MANY_FIXED = [asset(f"F{index}", "Tech", 0.8, 0.1, **FIXED) for index in range(6)]
# rows, limits, the constraint and its node, its status, its note
STATUS: dict[str, tuple[list[Row], dict[str, Any], tuple[str, str], str, str]] = {
    "invested, in the cash band": (
        [asset(f"A{index}", None, 0.8, 0.096) for index in range(10)],
        {},
        ("target_invested", ""),
        "drifted",
        "within cash_band 0.02",
    ),
    "invested, restricted": (
        [asset("A", None, 0.8, 0.99, **FIXED)],
        {},
        ("target_invested", ""),
        "waived",
        "held by a restriction or missing data: A",
    ),
    "total, restricted": (
        [*MANY_FIXED, asset("A")],
        {"max_total_positions": 2},
        ("max_total_positions", ""),
        "waived",
        "held by a restriction or missing data: F0, F1, F2, F3, F4 and 1 more",
    ),
    "largest, drifted": (
        [asset("A", None, 0.8, 0.21), asset("B", None, 0.8, 0.1)],
        {"drift_tolerance": 0.1},
        ("max_position_weight", ""),
        "drifted",
        "within drift_tolerance 0.1: A",
    ),
    "largest, restricted": (
        [asset("A", None, 0.8, 0.3, **FIXED), asset("B")],
        {},
        ("max_position_weight", ""),
        "waived",
        "held by a restriction or missing data: A",
    ),
    "largest, restricted and drifted": (
        [asset("A", None, 0.8, 0.21), asset("B", None, 0.8, 0.3, **FIXED)],
        {"drift_tolerance": 0.1},
        ("max_position_weight", ""),
        "drifted",
        "within drift_tolerance 0.1: A",
    ),
    "smallest, in overflow": (
        [asset(name, "Tech", 0.8, 0.05) for name in "ABC"],
        {**ON, "allow_bucket_overflow": True, "max_allocation_per_bucket": 0.05},
        ("min_position_weight", ""),
        "waived",
        "too little weight for min_position_weight: A, B, C",
    ),
    "bucket, overflow": (
        [asset("A", "Tech", 0.9, 0.1), asset("B", "Tech", 0.8, 0.1)],
        {**ON, "allow_bucket_overflow": True, "max_positions_per_bucket": 1},
        ("max_positions", "Tech"),
        "waived",
        "kept by allow_bucket_overflow: A, B",
    ),
    "bucket, restricted": (
        MANY_FIXED[:2],
        {**ON, "max_positions_per_bucket": 1},
        ("max_positions", "Tech"),
        "waived",
        "held by a restriction or missing data: F0, F1",
    ),
    "allocation, drifted": (
        [asset("A", "Tech", 0.8, 0.16), asset("B", "Tech", 0.8, 0.16)],
        {**ON, "max_allocation_per_bucket": 0.3, "drift_tolerance": 0.1},
        ("max_allocation", "Tech"),
        "drifted",
        "within drift_tolerance 0.1",
    ),
    "allocation, restricted": (
        [asset("A", "Tech", 0.8, 0.5, **FIXED), asset("B", "Tech")],
        {**ON},
        ("max_allocation", "Tech"),
        "waived",
        "held by a restriction or missing data: A",
    ),
    "minimum, nobody there": (
        [asset("A", "Tech"), asset("B", "Bond", 0.3)],
        {**ON, "buckets": {"Bond": {"min_allocation": 0.1}}},
        ("min_allocation", "Bond"),
        "unmet",
        "no asset in it was selected",
    ),
    "minimum, no candidates at all": (
        [asset("A", "Tech")],
        {**ON, "buckets": {"Bond": {"min_allocation": 0.1}}, "known_buckets": ["Bond"]},
        ("min_allocation", "Bond"),
        "unmet",
        "no asset in it was selected",
    ),
    "minimum, too few": (
        [asset("A", "Tech"), asset("B", "Bond")],
        {**ON, "buckets": {"Bond": {"min_allocation": 0.3}}},
        ("min_allocation", "Bond"),
        "unmet",
        "its positions can hold at most 0.2: B",
    ),
    "minimum, no room": (
        [asset("A", "Tech", 0.8, 0.8, **FIXED), asset("B", "Bond", 0.8, 0.05)],
        {**ON, "max_position_weight": 0.4, "buckets": {"Bond": {"min_allocation": 0.3}}},
        ("min_allocation", "Bond"),
        "unmet",
        "fixed positions and the minima of other buckets leave no room",
    ),
    "representation, no candidate": (
        [asset("A", "Tech"), asset("B", "Bond", 0.3), asset("C", None, 0.9)],
        {**ON, "min_buckets_represented": 2},
        ("min_buckets_represented", ""),
        "unmet",
        "no candidate from another bucket qualifies and may be bought",
    ),
    "representation, total": (
        [asset("A", "Tech"), asset("B", "Bond")],
        {**ON, "min_buckets_represented": 2, "max_total_positions": 1},
        ("min_buckets_represented", ""),
        "unmet",
        "max_total_positions 1 is reached; candidates: B",
    ),
    "representation, new": (
        [asset("A", "Tech"), asset("B", "Bond"), asset("C", "Gold")],
        {**ON, "min_buckets_represented": 2, "max_new_positions": 1},
        ("min_buckets_represented", ""),
        "unmet",
        "max_new_positions 1 is reached; candidates: B, C",
    ),
    "representation, both, beside what is restricted": (
        [asset("A", "Tech", None, 0.1), asset("B", "Bond")],
        {**ON, "min_buckets_represented": 2, "max_new_positions": 0, "max_total_positions": 1},
        ("min_buckets_represented", ""),
        "unmet",
        (
            "max_total_positions 1 is reached; max_new_positions 0 is reached; held by a restriction or missing data: A; "
            "candidates: B"
        ),
    ),
    "representation, no room in the bucket": (
        [asset("A", "Tech"), asset("B", "Bond")],
        {**ON, "min_buckets_represented": 2, "buckets": {"Bond": {"max_positions": 0}}},
        ("min_buckets_represented", ""),
        "unmet",
        "no weight or position is free for another; candidates: B",
    ),
    "representation, no weight in all": (
        [asset("A", "Tech", 0.8, 0.95, **FIXED), asset("B", "Bond")],
        {**ON, "min_buckets_represented": 2},
        ("min_buckets_represented", ""),
        "unmet",
        "no weight or position is free for another; held by a restriction or missing data: A; candidates: B",
    ),
}


@pytest.mark.parametrize("name", STATUS)
def test_status(name: str) -> None:
    rows, limits, (what, node), status, note = STATUS[name]
    result = trimtab.rebalance(rows, RebalancingLimits(**limits))
    limit = constraint(result, what, node)
    assert (limit.status, limit.note) == (status, note)
    assert limit.slack < 1e-12
    assert (limit in result.certificate.unmet) is (status == "unmet")
    assert (result.status == "unmet") is bool(result.certificate.unmet)


def test_every_status_has_a_case() -> None:
    assert {case[3] for case in STATUS.values()} == set(STATUSES) - {"met", "broken"}


def test_selected_without_weight_represents_nothing() -> None:
    """B is selected, but the minimum of Tech/X takes all of Tech, where it stands."""
    rows = [asset("A", "Tech/X", 0.8), asset("B", "Tech", 0.8), asset("C", "Bond/Gov", 0.5)]
    limits = {**ON, "buckets": {"Tech": {"max_allocation": 0.2}, "Tech/X": {"min_allocation": 0.2}}}
    result = trimtab.rebalance(
        rows,
        RebalancingLimits(
            **limits,
        ),
    )
    assert [row["target_weight"] for row in result.targets] == [0.2, 0.0, 0.0]
    smallest = constraint(result, "min_position_weight")
    assert (smallest.measured, smallest.status, smallest.note) == (
        0,
        "waived",
        "too little weight for min_position_weight: B",
    )
    assert constraint(result, "max_positions", "Tech").measured == 1


def test_a_bucket_without_weight_is_not_represented() -> None:
    """The minimum of Tech takes all that may be invested."""
    limits = {
        "enable_bucket_diversification": True,
        "max_position_weight": 0.5,
        "buckets": {"Tech": {"min_allocation": 0.95, "max_allocation": 1}},
    }
    rows = [asset("A", "Tech"), asset("B", "Tech"), asset("C", "Bond")]
    result = trimtab.rebalance(rows, RebalancingLimits(**limits))
    assert [row["target_weight"] for row in result.targets] == pytest.approx([0.475, 0.475, 0])
    limit = constraint(result, "min_buckets_represented")
    assert (limit.measured, limit.status, limit.note) == (1, "unmet", "no weight is left for what was selected: C")


def test_minimum_below_the_level_beside_protected_positions() -> None:
    """The minimum of Bond fits, that of Tech/X does not: what is fixed in Tech leaves no room."""
    rows = [asset("A", "Tech", 0.8, 0.35, **FIXED), asset("B", "Tech/X", 0.8, 0.05), asset("C", "Bond", 0.8, 0.1)]
    limits = RebalancingLimits(**ON, buckets={"Tech/X": {"min_allocation": 0.1}, "Bond": {"min_allocation": 0.1}})
    result = trimtab.rebalance(rows, limits)
    assert constraint(result, "min_allocation", "Tech/X").status == "unmet"
    assert constraint(result, "min_allocation", "Tech/X").measured == pytest.approx(0.05)
    assert constraint(result, "min_allocation", "Tech/X").note.startswith("fixed positions")
    assert constraint(result, "min_allocation", "Bond").status == "met"


# ---- which limits are there


def names_of(certificate: Certificate) -> set[tuple[str, str]]:
    return {(constraint.name, constraint.node) for constraint in certificate}


@pytest.mark.parametrize(
    ("limits", "absent"),
    [
        ({"enforce_position_limits": False}, "max_positions"),
        ({"enforce_allocation_limits": False}, "max_allocation"),
        ({"enforce_allocation_limits": False}, "min_allocation"),
        ({"enforce_min_buckets": False}, "min_buckets_represented"),
        ({"min_buckets_represented": 0}, "min_buckets_represented"),
    ],
)
def test_what_is_switched_off_is_not_measured(limits: dict[str, Any], absent: str) -> None:
    on = {"enable_bucket_diversification": True, "buckets": {"Tech": {"min_allocation": 0.1}}}
    rows = [asset("A", "Tech"), asset("B", "Bond")]
    assert absent in {name for name, _ in names_of(trimtab.rebalance(rows, RebalancingLimits(**on)).certificate)}
    assert absent not in {
        name for name, _ in names_of(trimtab.rebalance(rows, RebalancingLimits(**on, **limits)).certificate)
    }


def test_without_buckets_there_is_no_node() -> None:
    result = trimtab.rebalance([asset("A", "Tech"), asset("B", "Bond")])
    assert {node for _, node in names_of(result.certificate)} == {""}


def test_nodes_of_the_level() -> None:
    rows = [asset("A", "Equity/Tech/Semis"), asset("B", "Bond"), asset("C", "Unknown/Foo")]
    result = trimtab.rebalance(rows, RebalancingLimits(**ON, bucket_level=2))
    assert {node for _, node in names_of(result.certificate)} == {"", "Equity/Tech", "Unknown"}


def test_unknown_that_is_held_has_no_limit() -> None:
    rows = [asset("A", None, 0.8, 0.2), asset("B", None, 0.8, 0.2), asset("C", "Tech")]
    result = trimtab.rebalance(rows, RebalancingLimits(**ON, unknown_bucket="hold", max_positions_per_bucket=1))
    by_name = {
        constraint.name: (constraint.measured, constraint.status, constraint.note)
        for constraint in result.certificate
        if constraint.node == "Unknown"
    }
    assert by_name == {
        "max_positions": (2.0, "waived", "a missing bucket never forces a sale: A, B"),
        "max_allocation": (0.4, "met", ""),
    }
    assert [row["target_weight"] for row in result.targets] == [0.2, 0.2, 0.2]


def test_an_account_has_its_own_buckets_and_those_that_the_limits_name() -> None:
    rows = [{**asset("A", "Tech"), "account": 1}, {**asset("A", "Bond"), "account": 2}]
    many = trimtab.rebalance_many(rows, RebalancingLimits(**ON, buckets={"Tech": {"min_allocation": 0.1}}))
    assert {node for _, node in names_of(many.result(1).certificate)} == {"", "Tech"}
    assert {node for _, node in names_of(many.result(2).certificate)} == {"", "Bond", "Tech"}
    assert [row["status"] for row in many.accounts] == ["cash_left", "unmet"]


# ---- brakes


def test_braked_accounts_are_measured_as_they_stand() -> None:
    rows = [asset("A", "Tech", 0.8, 0.5), asset("B", "Tech", 0.3, 0.1), asset("C", "Bond", 0.8, 0.2)]
    limits = {
        "enable_bucket_diversification": True,
        "buckets": {"Gold": {"min_allocation": 0.1}},
        "known_buckets": ["Gold"],
    }
    result = trimtab.rebalance(rows, RebalancingLimits(**limits, brake_sold_weight=0.1))
    note = "the brake keeps every weight unchanged"
    largest = constraint(result, "max_position_weight")
    assert (largest.measured, largest.limit, largest.status, largest.note) == (0.5, 0.2, "waived", note)
    assert largest.slack == pytest.approx(-0.3)
    assert constraint(result, "max_allocation", "Tech").status == "waived"
    assert constraint(result, "max_allocation", "Tech").measured == pytest.approx(0.6)
    assert constraint(result, "min_score_threshold").measured == 0.3
    assert constraint(result, "min_score_threshold").status == "waived"
    assert constraint(result, "max_allocation", "Bond").status == "met"
    assert constraint(result, "max_allocation", "Bond").note == ""
    assert constraint(result, "min_allocation", "Gold").status == "waived"
    assert result.certificate.unmet == ()
    assert result.status == "braked"


def test_a_braked_account_beside_another() -> None:
    rows = [
        {**asset("A", None, 0.3, 0.5), "account": "braked"},
        {**asset("A", None, 0.8, 0.3, **FIXED), "account": "free"},
    ]
    many = trimtab.rebalance_many(rows, RebalancingLimits(brake_sold_weight=0.1))
    assert constraint(many.result("braked"), "max_position_weight").note == "the brake keeps every weight unchanged"
    assert constraint(many.result("free"), "max_position_weight").note == "held by a restriction or missing data: A"
    assert constraint(many.result("free"), "max_position_weight").measured == 0.3


# ---- the certificate and the result agree


@pytest.mark.parametrize("block", mostly_thorough(range(10), 2))
def test_random_results_are_certified(block: int) -> None:
    """Measured again from the targets alone, with nothing of the checker."""
    for seed in range(40):
        rng = random.Random(1000 * block + seed)
        rows, limits = random_rows(rng), random_limits(rng)
        result = trimtab.rebalance(rows, limits)
        targets = {row["asset"]: row["target_weight"] for row in result.targets}
        assert constraint(result, "target_invested").measured == pytest.approx(math.fsum(targets.values()), abs=1e-12)
        if result.braked:  # measured with what is not sold, dust included
            continue
        assert constraint(result, "max_total_positions").measured == result.positions
        for check in result.certificate:
            assert check.status in STATUSES[:4]
            assert (check.note == "") is (check.status == "met")
            sign = -1 if check.name.startswith("min_") else 1
            assert check.slack == sign * (check.limit - check.measured)
            assert check.status != "met" or check.slack >= -1e-12
            assert check.status == "met" or check.slack < 1e-12
        for bucket in result.buckets:
            for check in result.certificate:
                if check.node == bucket.path and check.name != "max_positions":
                    assert check.measured == pytest.approx(bucket.target_weight, abs=1e-12)
                elif check.node == bucket.path:
                    assert check.measured == bucket.positions


def test_a_sibling_of_a_position_without_weight_is_not_free_to_represent() -> None:
    """B1 represents Bond but gets no weight: representation is unmet for that, not for want of B2."""
    limits = RebalancingLimits(
        enable_bucket_diversification=True, target_invested=0.3, buckets={"Eq": {"min_allocation": 0.1}}
    )
    rows = [asset("U", None, None, 0.2), asset("B1", "Bond", 0.64), asset("B2", "Bond", 0.61), asset("H", "Eq")]
    (unmet,) = trimtab.rebalance(rows, limits).certificate.unmet
    assert (unmet.name, unmet.note) == ("min_buckets_represented", "no weight is left for what was selected: B1")


def test_a_least_weight_waived_above_a_node_that_is_full_by_one_bit() -> None:
    """.1 + .05 is above .15 by one bit, which waives nothing in Bond/Gov; Bond, with .2 for .25, waives."""
    limits = RebalancingLimits(
        enable_bucket_diversification=True,
        min_position_weight=0.1,
        max_allocation_per_bucket=0.2,
        allow_bucket_overflow=True,
        min_buckets_represented=0,
        buckets={"Bond/Gov": {"max_allocation": 0.15}},
    )
    rows = [
        asset("G1", "Bond/Gov", 0.61, 0.05),
        asset("G2", "Bond/Gov", 0.65, 0.05, restriction="no_sell"),
        asset("C1", "Bond/Corp", 0.6, 0.08),
    ]
    result = trimtab.rebalance(rows, limits)
    by_name = {constraint.name: constraint.status for constraint in result.certificate if not constraint.node}
    assert by_name["min_position_weight"] == "waived"


def at_the_edge(weights: tuple[float, ...], target_invested: float) -> tuple[list[Row], RebalancingLimits]:
    """Fixed weights at two depths, which leave .1 less 1e-10, give or take a bit, for an asset of a missing bucket."""
    limits = RebalancingLimits(
        enable_bucket_diversification=True, target_invested=target_invested, min_position_weight=0.1
    )
    buckets = ("Tech", "Tech/Soft", "Tech/Soft")
    fixed = zip("ABC", buckets, weights, strict=True)
    rows = [asset(name, bucket, 0.8, weight, restriction="no_trade") for name, bucket, weight in fixed]
    return [*rows, asset("D", "Bond", 0.9)], limits


def test_no_room_by_one_bit() -> None:
    """(.1 + .15) + .3 leaves no room for D; .1 + (.15 + .3) would."""
    result = trimtab.rebalance(*at_the_edge((0.1, 0.15, 0.3), 0.6499999999))
    assert [row["reason"] for row in result.targets if row["asset"] == "D"] == ["min_position_capacity"]
    (unmet,) = result.certificate.unmet
    assert unmet.name == "min_buckets_represented"
    assert unmet.note.startswith("no weight or position is free for another")


def test_room_by_one_bit() -> None:
    """(.15 + .1) + .05 leaves room for D, so leaving it out is not excused; .15 + (.1 + .05) would not."""
    weights = (0.15, 0.1, 0.05)
    rows, limits = at_the_edge(weights, 0.3999999999)
    result = trimtab.rebalance(rows, limits)
    assert [row["reason"] for row in result.targets if row["asset"] == "D"] == ["added"]
    assert broken(rows, limits, dict(zip("ABC", weights, strict=True))) == ["min_buckets_represented"]


def test_room_at_random_edges() -> None:
    """Fixed weights at random depths and a total within a few bits of the edge: certified, whichever way it falls."""
    rng, met = random.Random(5), 0
    for _ in range(300):
        weights = [rng.randrange(1, 30) / 200 for _ in range(rng.randrange(2, 5))]
        edge = math.fsum(weights) + 0.1 * (1 - 1e-9)
        edge += rng.randrange(-2, 3) * math.ulp(edge)
        limits = RebalancingLimits(
            enable_bucket_diversification=True,
            target_invested=edge,
            min_position_weight=0.1,
        )
        rows = [
            asset(
                f"A{index}", rng.choice(["Tech", "Tech/Soft", "Tech/Soft/Games"]), 0.8, weight, restriction="no_trade"
            )
            for index, weight in enumerate(weights)
        ]
        certificate = trimtab.rebalance([*rows, asset("D", "Bond", 0.9)], limits).certificate
        met += not certificate.unmet
    assert 50 < met < 250


@pytest.mark.parametrize(("short_by", "status"), [(1e-12, "met"), (3e-12, "unmet")])
def test_minima_that_hardly_fit(short_by: float, status: str) -> None:
    """From the leaf upward .1 + .2 + .05 exceeds .35 by one bit; by name it does not. Within a sum's tolerance that is met."""
    tech, soft = {"max_allocation": 0.35 - short_by}, {"min_allocation": 0.1}
    limits = RebalancingLimits(**ON, min_position_weight=0.0, buckets={"Tech": tech, "Tech/Soft": soft})
    rows = [
        asset("A", "Tech", 0.8, 0.2, restriction="no_trade"),
        asset("B", "Tech", 0.8, 0.05, restriction="no_trade"),
        asset("C", "Tech/Soft", 0.9),
    ]
    line = constraint(trimtab.rebalance(rows, limits), "min_allocation", "Tech/Soft")
    assert line.status == status
    assert 0.0 < line.limit - line.measured < 2 * short_by


def test_a_bug_in_one_account_sinks_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the checker finds broken fails its account; alone, it raises."""
    rows = [{**asset("A", None, 0.9, 0.1), "account": name} for name in ("good", "bad")]
    certified_as = certifying.certify

    def finds_a_bug(errors: Any, *arguments: Any, **more: Any) -> Any:
        checks, _ = certified_as(errors, *arguments, **more)
        return checks, {len(errors.accounts) - 1: BrokenLimitError(["max_position_weight is 0.3 against 0.2"])}

    monkeypatch.setattr(certifying, "certify", finds_a_bug)
    many = trimtab.rebalance_many(rows)
    assert many.counts == {"cash_left": 1, "failed": 1}
    assert "a bug in trimtab" in many.accounts[1]["error"]
    assert math.isnan(many.targets[1]["target_weight"])
    assert many.result("good").status == "cash_left"
    with pytest.raises(BrokenLimitError):
        trimtab.rebalance(rows[:1])

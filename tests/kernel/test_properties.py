"""What holds for every account: order does not matter, a result fed back trades nothing, limits hold."""

from __future__ import annotations

import random
from typing import Any

import pytest
from cases import random_limits, random_rows
from hypothesis import given, settings, strategies as st
from kernel_runs import run
from thorough import mostly_thorough

from trimtab import rebalance
from trimtab.reasons import Action

SEEDS = st.integers(0, 2**32 - 1)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(SEEDS, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(seed: int, shuffler: random.Random) -> None:
    rng = random.Random(seed)
    rows, limits = random_rows(rng), random_limits(rng)
    shuffled = list(rows)
    shuffler.shuffle(shuffled)
    first, second = rebalance(rows, limits), rebalance(shuffled, limits)
    by_asset = {row["asset"]: row for row in second.targets}
    assert [by_asset[row["asset"]] for row in rows] == first.targets
    assert (first.cash_weight, first.turnover) == (second.cash_weight, second.turnover)
    assert first.certificate.constraints == second.certificate.constraints
    assert first.buckets == second.buckets


def fed_back(rows: list[dict[str, Any]], answer: Any) -> list[dict[str, Any]]:
    return [{**row, "current_weight": float(decided["target"])} for row, decided in zip(rows, answer, strict=True)]


@pytest.mark.parametrize("first", mostly_thorough(range(0, 6000, 600)))
def test_a_result_fed_back_trades_nothing(first: int) -> None:
    """Rules, section 6; the premise also leaves out positions that limits leave without weight (docs/rules.md)."""
    checked = 0
    for seed in range(first, first + 600):
        rng = random.Random(seed)
        rows, limits = random_rows(rng, restricted=False, unscored=False), random_limits(rng)
        if any(row["desired_weight"] is None or row["volatility"] is None for row in rows):
            rows = [
                {**row, "desired_weight": row["desired_weight"] or 0.1, "volatility": row["volatility"] or 0.2}
                for row in rows
            ]
        first = run(rows, limits)
        entered = sum(
            bool(decided["selected"]) and (row["current_weight"] == 0 or row["current_weight"] < limits.dust_weight)
            for row, decided in zip(rows, first.answer, strict=True)
        )
        weightless = any(
            decided["selected"] and (decided["proposed"] == 0 or decided["proposed"] < limits.dust_weight)
            for decided in first.answer
        )
        if entered >= limits.max_new_positions or weightless:
            continue
        again = run(fed_back(rows, first.answer), limits)
        traded = [
            row["asset"]
            for row, decided in zip(rows, again.answer, strict=True)
            if decided["action"] not in (Action.NONE, Action.HOLD)
        ]
        assert traded == [], f"seed {seed}"
        checked += 1
    assert checked > 100


@settings(max_examples=300, deadline=None, derandomize=True)
@given(SEEDS)
def test_a_higher_score_never_costs_a_place(seed: int) -> None:
    rng = random.Random(seed)
    rows, limits = random_rows(rng), random_limits(rng)
    chosen = run(rows, limits).selected
    raised = rng.choice([row for row in rows if row["score"] is not None] or rows)
    if raised["asset"] not in chosen or raised["score"] is None:
        return
    higher = [{**row, "score": min(1.0, row["score"] + 0.05)} if row is raised else row for row in rows]
    assert raised["asset"] in run(higher, limits).selected

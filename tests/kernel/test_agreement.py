"""The same rules everywhere: plain, compiled single, compiled batch, and the naive twin written from the rules' text."""

from __future__ import annotations

import random

import pytest
from cases import pairs, random_correlated_limits, random_correlations, random_limits, random_rows
from kernel_runs import differences, run
from thorough import mostly_thorough

from trimtab import rebalance, rebalance_many
from trimtab.candidates.candidates import settings_of
from trimtab.candidates.read import read
from trimtab.kernel.account import rebalance_account, select_account, size_account
from trimtab.kernel.compilation import undecorated
from trimtab.kernel.records import empty_answer
from trimtab.reasons import Reason


@pytest.mark.parametrize("first", mostly_thorough(range(0, 6000, 500)))
def test_compiled_equals_naive_twin(first: int) -> None:
    for seed in range(first, first + 500):
        rng = random.Random(seed)
        rows, limits = random_rows(rng), random_limits(rng)
        assert differences(run(rows, limits), rows, limits) == [], f"seed {seed}"


@pytest.mark.parametrize("first", mostly_thorough(range(60_000, 62_000, 250)))
def test_compiled_equals_naive_twin_where_some_are_not_wanted(first: int) -> None:
    unwanted = 0
    for seed in range(first, first + 250):
        rng = random.Random(seed)
        rows = [row | ({"desired_weight": 0.0} if rng.random() < 0.25 else {}) for row in random_rows(rng)]
        limits = random_limits(rng, sizing_mode="desired")
        passed = run(rows, limits)
        assert differences(passed, rows, limits) == [], f"seed {seed}"
        reasons = dict(zip((row["asset"] for row in rows), passed.answer["reason"], strict=True))
        unwanted += sum(
            row["desired_weight"] == 0 and reasons[row["asset"]] == Reason.MIN_POSITION_CAPACITY for row in rows
        )
    assert unwanted > 100


@pytest.mark.parametrize("first", mostly_thorough(range(50_000, 52_500, 250)))
def test_compiled_equals_naive_twin_with_correlations(first: int) -> None:
    bound = 0
    for seed in range(first, first + 250):
        rng = random.Random(seed)
        rows, limits = random_rows(rng), random_correlated_limits(rng)
        known = random_correlations(rng, rows)
        passed = run(rows, limits, correlations=pairs(known))
        assert differences(passed, rows, limits, known) == [], f"seed {seed}"
        bound += Reason.TOO_CORRELATED in passed.answer["reason"]
    assert bound > 60


@pytest.mark.parametrize("first", mostly_thorough(range(52_500, 52_600, 50)))
def test_plain_equals_compiled_with_correlations(first: int) -> None:
    for seed in range(first, first + 50):
        rng = random.Random(seed)
        rows, limits = random_rows(rng), random_correlated_limits(rng)
        table = pairs(random_correlations(rng, rows))
        plain = run(rows, limits, compiled=False, correlations=table)
        compiled = run(rows, limits, correlations=table)
        assert plain.answer.tobytes() == compiled.answer.tobytes(), f"seed {seed}"


@pytest.mark.parametrize("seed", mostly_thorough(range(5), 2))
def test_compiled_equals_naive_twin_in_large_accounts(seed: int) -> None:
    rng = random.Random(10_000 + seed)
    rows = random_rows(rng, 15)
    while len(rows) < 150:
        more = random_rows(rng, 15)
        rows += [{**row, "asset": f"{row['asset']}-{len(rows)}", "current_weight": 0.0} for row in more]
    for _ in range(4):
        limits = random_limits(rng, max_total_positions=60, max_new_positions=50, min_position_weight=0.01)
        assert differences(run(rows, limits), rows, limits) == []


@pytest.mark.parametrize("first", mostly_thorough(range(20_000, 20_400, 100)))
def test_plain_equals_compiled_to_the_last_bit(first: int) -> None:
    for seed in range(first, first + 100):
        rng = random.Random(seed)
        rows, limits = random_rows(rng), random_limits(rng)
        plain, compiled = run(rows, limits, compiled=False), run(rows, limits)
        assert plain.answer.tobytes() == compiled.answer.tobytes(), f"seed {seed}"
        assert plain.braked == compiled.braked


def test_plain_equals_compiled_in_a_large_account() -> None:
    rng = random.Random(3)
    rows = [row for block in range(12) for row in random_rows(rng)]
    rows = [
        {**row, "asset": f"{number:03d}", "current_weight": row["current_weight"] / 12}
        for number, row in enumerate(rows)
    ]
    limits = random_limits(rng, max_total_positions=40, max_new_positions=40, min_position_weight=0.0)
    assert run(rows, limits, compiled=False).answer.tobytes() == run(rows, limits).answer.tobytes()


@pytest.mark.parametrize("first", mostly_thorough(range(40_000, 42_000, 400)))
@pytest.mark.parametrize("plain", [False, True])
def test_the_halves_of_the_pass_are_the_whole(plain: bool, first: int) -> None:
    halves = (undecorated(select_account), undecorated(size_account)) if plain else (select_account, size_account)
    for seed in range(first, first + (20 if plain else 400)):
        rng = random.Random(seed)
        rows, limits = random_rows(rng), random_limits(rng)
        outcome, settings = read(rows, limits, many=False), settings_of(limits)[0]
        whole, parts = empty_answer(len(outcome.order)), empty_answer(len(outcome.order))
        arguments = (outcome.rows(limits), outcome.tree.nodes, settings)
        partners, _ = outcome.partners(limits.max_correlation)
        braked = rebalance_account(*arguments, partners, None, whole)
        halves[0](*arguments, partners, None, parts)
        assert halves[1](*arguments, None, parts) == braked
        assert parts.tobytes() == whole.tobytes(), f"seed {seed}"


@pytest.mark.parametrize("seed", mostly_thorough(range(30_000, 30_010), 2))
def test_batch_equals_single_to_the_last_bit(seed: int) -> None:
    rng = random.Random(seed)
    accounts = [random_rows(rng) for _ in range(40)]
    limits = random_limits(rng)
    table = [{**row, "account": f"P{number}"} for number, rows in enumerate(accounts) for row in rows]
    rng.shuffle(table)
    many = rebalance_many(table, limits)
    for number in range(len(accounts)):
        name = f"P{number}"
        alone = rebalance([row for row in table if row["account"] == name], limits)
        inside = many.result(name)
        assert inside.targets == alone.targets
        assert inside.to_json() == alone.to_json()
        summary = next(row for row in many.accounts if row["account"] == name)
        assert (summary["cash_weight"], summary["turnover"], summary["positions"], summary["status"]) == (
            alone.cash_weight,
            alone.turnover,
            alone.positions,
            alone.status,
        )

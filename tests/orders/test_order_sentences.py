"""What the sentences about orders name is carried out and holds; `benchmarks/true_sentences.py --plans` does it at length."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from order_cases import of_case, random_order_case, with_exposures
from order_sentences import faults_of_plan
from thorough import mostly_thorough

import trimtab
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.orders.sentences import facts_of, sentence_of
from trimtab.reasons import OrderReason

Row = dict[str, Any]
PART: dict[str, Any] = {
    "enable_bucket_diversification": True,
    "target_invested": 0.6,
    "max_position_weight": 0.3,
    "max_allocation_per_bucket": 1.0,
    "min_buckets_represented": 0,
}
# A and B1 must go, T1 and B2 may be bought; of 1,000, 300 may be traded.
SWAPS: list[Row] = [
    {"asset": "A", "bucket": "Tech", "score": 0.05, "shares": 30, "price": 10},
    {"asset": "B1", "bucket": "Bond", "score": 0.02, "shares": 30, "price": 10},
    {"asset": "T1", "bucket": "Tech", "score": 0.95, "shares": 0, "price": 10},
    {"asset": "B2", "bucket": "Bond", "score": 0.8, "shares": 0, "price": 10},
]
CLASSES = [
    {"asset": row["asset"], "scheme": scheme, "bucket": bucket, "fraction": 1.0}
    for row in SWAPS
    for scheme, bucket in (("all", "X"), ("class", row["bucket"]))
]


@pytest.mark.parametrize("block", mostly_thorough(range(40), 1))
def test_sentences_of_random_plans_hold(block: int) -> None:
    counts: Counter[str] = Counter()
    for seed in range(7_400_000 + 8 * block, 7_400_000 + 8 * block + 8):
        case = random_order_case(seed)
        case = with_exposures(case, seed) if seed % 2 else case
        rows, inputs = of_case(case)
        if case.cash + case.cash_flow > 0:
            assert list(faults_of_plan(rows, case.limits, inputs, counts, explained=seed % 8 == 0)) == [], seed
    assert counts.total()
    assert counts["changes of an order"] or block > 0  # explained is every eighth plan


@pytest.mark.parametrize(
    ("limits", "exposures", "minimum"),
    [
        ({"buckets": {"Bond": {"min_allocation": 0.3}}}, None, "Bond would fall below min_allocation 30.00%"),
        (
            {
                "exposures": {
                    "all": {"buckets": {"X": {"min_exposure": 0.1}}},
                    "class": {"buckets": {"Bond": {"min_exposure": 0.3}}},
                }
            },
            CLASSES,
            "class: Bond would fall below min_exposure 30.00%",
        ),
        (
            {"min_buckets_represented": 2},
            None,
            "fewer buckets than min_buckets_represented 2 would be represented",
        ),
    ],
)
def test_a_sale_that_waits_names_the_minimum(limits: Row, exposures: list[Row] | None, minimum: str) -> None:
    own = RebalancingLimits(**{**PART, **limits})
    made = trimtab.plan(SWAPS, own, cash=400, max_turnover=0.3, exposures=exposures)
    assert made.reasons["B1"] == "waits_for_minimum"
    assert made.details()["B1"] == f"No order: the sale waits: {minimum} before the purchases are made."


def test_the_aim_and_not_the_cash_is_in_the_way() -> None:
    """B is above its aim, but no more than one lot: A's share of 300 finds 50 left of half the account."""
    rows = [
        {"asset": "A", "score": 0.9, "shares": 0, "price": 10},
        {"asset": "B", "score": 0.9, "shares": 1, "price": 450},
    ]
    limits = RebalancingLimits(target_invested=0.5, cash_band=0.0, max_position_weight=0.5, no_trade_band=0.0)
    made = trimtab.plan(rows, limits, cash=550)
    assert (made.reasons["A"], made.cash) == ("no_cash", 500)
    assert made.details()["A"] == (
        "Buy 5: with all 25, 70.00% would be invested, above 50.00% (target_invested, cash_band, cash_buffer)."
    )


def test_bucket_limits_may_drift_for_purchases_too() -> None:
    """One share more takes the bucket to 44 %, which is within 40 % and a tenth."""
    rows = [{"asset": "A", "bucket": "X", "score": 0.9, "shares": 0, "price": 220}]
    limits = RebalancingLimits(
        enable_bucket_diversification=True, min_buckets_represented=0, max_position_weight=0.5, drift_tolerance=0.1
    )
    made = trimtab.plan(rows, limits, cash=1000)
    assert made.holdings == 1
    assert "max_allocation" not in made.explain("A").one_lot_more


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (OrderReason.NO_CASH, "other orders had taken the cash when its turn came"),
        (OrderReason.NO_ROOM, "other orders had taken the room of a bucket when its turn came"),
        (OrderReason.WAITS_FOR_MINIMUM, "the sale waits: a minimum would be missed before the purchases are made"),
        (OrderReason.FORCED_FOR_LIMIT, "a small order, made because a limit would be exceeded otherwise"),
    ],
)
def test_a_limit_that_no_longer_shows_is_not_named(reason: OrderReason, words: str) -> None:
    """The orders after it, and the fees, may leave room in the end."""
    made = trimtab.plan([{"asset": "A", "score": 0.9, "shares": 1, "price": 10}], cash=990)
    assets = made._decided.assets.copy()
    assets["reason"] = reason
    assert sentence_of(facts_of(replace(made._decided, assets=assets), ["A"], 0)).endswith(f": {words}.")

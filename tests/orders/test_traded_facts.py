"""The facts of a plan with the weights that its orders give: of assets, buckets and schemes."""

from __future__ import annotations

import pytest

import trimtab
from trimtab import RebalancingLimits
from trimtab.orders.plan import Plan

ROWS = [
    {"asset": "A", "score": 0.9, "shares": 3, "price": 170, "bucket": "Stocks/Tech"},
    {"asset": "B", "score": 0.8, "shares": 0, "price": 330, "bucket": "Stocks/Energy"},
    {"asset": "C", "score": 0.7, "shares": 9, "price": 110, "bucket": "Bonds/State"},
    {"asset": "D", "score": 0.1, "shares": 1, "price": 50, "bucket": "Bonds/State"},
]
EXPOSURES = [
    {"asset": "A", "scheme": "country", "bucket": "US", "fraction": 0.75},
    {"asset": "B", "scheme": "country", "bucket": "US"},
    {"asset": "C", "scheme": "country", "bucket": "Europe/France"},
]


@pytest.fixture
def plan() -> Plan:
    limits = RebalancingLimits(
        enable_bucket_diversification=True, bucket_level=2, max_position_weight=0.4, max_positions_per_bucket=4,
        min_buckets_represented=0, exposures={"country": {"max_exposure": 0.6}},
    )  # fmt: skip
    return trimtab.plan(ROWS, limits, cash=2_000, exposures=EXPOSURES)


def test_weights_after_are_those_of_the_shares(plan: Plan) -> None:
    own = {fact.asset: fact.after for fact in plan.traded_facts.assets}
    assert own == {asset: float(plan.worth_of(asset) / plan.value) for asset in "ABCD"}
    targets = {fact.asset: fact.after for fact in plan.result.facts().assets}
    assert own != targets and own == pytest.approx(targets, abs=0.11)
    assert sum(own.values()) + float(plan.cash / plan.value) == pytest.approx(1.0, abs=1e-12)


def test_buckets_and_schemes_hold_what_their_assets_do(plan: Plan) -> None:
    facts = plan.traded_facts
    own = {fact.asset: fact.after for fact in facts.assets}
    expected = {"Stocks/Tech": own["A"], "Stocks/Energy": own["B"], "Bonds/State": own["C"] + own["D"]}
    assert {bucket.path: bucket.after for bucket in facts.buckets} == pytest.approx(expected, abs=1e-12)
    (country,) = facts.schemes
    held = {bucket.path: bucket.after for bucket in country.buckets}
    assert held["US"] == pytest.approx(0.75 * own["A"] + own["B"], abs=1e-12)
    assert held["Europe"] == held["Europe/France"] == pytest.approx(own["C"], abs=1e-12)
    assert facts.bucket_scale >= max(bucket.after for bucket in facts.buckets)

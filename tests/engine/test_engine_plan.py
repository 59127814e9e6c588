"""An engine with positions in shares: its result has the plan that `trimtab.plan` gives."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from markets import Data, Market, Scores

from trimtab import CoreRebalancerEngine, InputError, RebalancingLimits, SharePositions, plan

DAY = dt.date(2026, 11, 24)
MAP = {"Tech": ["T1", "T2"], "Bond": ["B1", "B2"]}
SCORES = {"T1": 0.9, "T2": 0.8, "B1": 0.7, "B2": 0.65}
PRICES = {"T1": "101.50", "T2": 47, "B1": 20, "B2": 11}
LIMITS = RebalancingLimits(enable_bucket_diversification=True, max_positions_per_bucket=1)
HELD = {"T1": 30, "B2": 40}
MORE: dict[str, dict[str, Any]] = {"B1": {"lot": "0.5"}}


def engine() -> CoreRebalancerEngine:
    return CoreRebalancerEngine(Market(list(MAP)), MAP, Scores(SCORES), data_manager=Data({"T2": {"max_weight": 0.1}}))


def test_a_run_with_shares_has_the_plan_of_the_table_door() -> None:
    positions = SharePositions(
        HELD, PRICES, cash=5000, cash_flow=-300, columns=MORE, settings={"fees": {"per_order": 1}}
    )
    run = engine().run(DAY, positions, LIMITS, enable_fundamental=False)
    rows = [
        {
            "asset": asset,
            "bucket": bucket,
            "score": SCORES[asset],
            "shares": HELD.get(asset, 0),
            "price": PRICES[asset],
            "max_weight": 0.1 if asset == "T2" else None,
            **MORE.get(asset, {}),
        }
        for bucket, assets in MAP.items()
        for asset in assets
    ]
    made = plan(rows, LIMITS, cash=5000, cash_flow=-300, fees={"per_order": 1})
    assert run.plan is not None

    def traded(orders: Any) -> list[Any]:
        return [
            (order.side, order.asset, order.shares, order.amount, order.cash_after, order.reason) for order in orders
        ]

    assert traded(run.plan.orders) == traded(made.orders)
    assert len(made.orders) == 2
    assert run.result is run.plan.result
    assert {target.asset: target.target_weight for target in run.targets} == {
        row["asset"]: row["target_weight"] for row in made.targets
    }
    document = json.loads(run.to_json())
    assert [order["asset"] for order in document["plan"]["orders"]] == [order.asset for order in made.orders]
    weights = engine().run(DAY, positions.weights(), LIMITS, enable_fundamental=False)
    assert weights.plan is None
    assert "plan" not in weights.to_dict()


def test_a_run_with_shares_and_exposures() -> None:
    table = [{"asset": asset, "scheme": "country", "bucket": "US" if asset[0] == "T" else "EU"} for asset in PRICES]
    limits = LIMITS.replace(exposures={"country": {"max_exposure": 0.15}})
    engine = CoreRebalancerEngine(Market(list(MAP)), MAP, Scores(SCORES))
    run = engine.run(DAY, SharePositions(HELD, PRICES, cash=5000), limits, enable_fundamental=False, exposures=table)
    rows = [
        {"asset": asset, "bucket": bucket, "score": SCORES[asset], "shares": HELD.get(asset, 0), "price": PRICES[asset]}
        for bucket, assets in MAP.items()
        for asset in assets
    ]
    made = plan(rows, limits, cash=5000, exposures=table)
    assert run.plan is not None
    assert (run.plan.plan_id, run.plan.orders) == (made.plan_id, made.orders)
    assert {row["asset"]: row["size_reason"] for row in made.targets}["T1"] == "capped_exposure"


def test_an_account_of_cash_alone() -> None:
    run = engine().run(DAY, SharePositions({}, PRICES, cash=1000), LIMITS, enable_fundamental=False)
    assert run.plan is not None
    assert {order.side for order in run.plan.orders} == {"buy"}


def test_unusable_positions_are_named() -> None:
    with pytest.raises(InputError, match="the holding 'T1' has no price"):
        engine().run(DAY, SharePositions(HELD, {}, cash=1), LIMITS)
    with pytest.raises(InputError, match="column 'score': is not a column of a plan"):
        engine().run(DAY, SharePositions(HELD, PRICES, cash=1, columns={"T1": {"score": 1}}), LIMITS)

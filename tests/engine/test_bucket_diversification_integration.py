"""The whole engine with bucket limits: the brief's integration tests and its four scenarios, worked by hand.

The portfolio of the first two scenarios, in the order of the walk (default limits: at most 10 positions, 3 of them new;
.6 to keep, .65 to enter, .6 to represent; positions of .02 to .2; .95 invested):

    held  R1 .95 (weight .30), R2 .90 (.25), R3 .85 (.20), R4 .80 (.105)     all Risk Assets
    new   R5 .99 Risk Assets; D1 .70, D2 .66 Defensive Assets; B1 .62 Bonds (weak: good enough only to represent)
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from markets import Market, Scores

from trimtab import AssetPriority, CoreRebalancerEngine, EngineRun, RebalancingLimits

BUCKETS = {
    "Risk Assets": ["R1", "R2", "R3", "R4", "R5"],
    "Defensive Assets": ["D1", "D2"],
    "Bonds": ["B1"],
}
SCORES = {"R1": 0.95, "R2": 0.9, "R3": 0.85, "R4": 0.8, "R5": 0.99, "D1": 0.7, "D2": 0.66, "B1": 0.62}
HELD = {"R1": 0.3, "R2": 0.25, "R3": 0.2, "R4": 0.105}


def rebalanced(
    limits: RebalancingLimits | None, held: dict[str, float] = HELD, scores: dict[str, float] = SCORES
) -> EngineRun:
    engine = CoreRebalancerEngine(Market(["Risk Assets", "Defensive Assets", "Bonds"]), BUCKETS, Scores(scores))
    return engine.run("2026-11-24", held, limits, enable_fundamental=False)


def decided(run: EngineRun) -> dict[str, tuple[float, str, str]]:
    return {asset.asset: (asset.target_weight, asset.action, asset.reason) for asset in run.targets}


def near(weight: float) -> Any:
    return pytest.approx(weight, abs=1e-12)


def test_without_bucket_diversification() -> None:
    """Off by default: four kept, the three best new enter, every weight .95 / 7 (below .2). R4's .105 is in no band."""
    run = rebalanced(None)
    assert run.bucket_result is None
    each = near(0.95 / 7)
    assert decided(run) == {
        "R1": (each, "decrease", "kept"),
        "R2": (each, "decrease", "kept"),
        "R3": (each, "decrease", "kept"),
        "R4": (each, "increase", "kept"),
        "R5": (each, "open", "added"),
        "D1": (each, "open", "added"),
        "D2": (each, "open", "added"),
        "B1": (0.0, "none", "below_threshold"),
    }


def test_with_bucket_diversification() -> None:
    """Scenario 1, conservative: at most 3 positions and .35 in a bucket, at least 3 buckets.

    Represent: R1 leads Risk, D1 Defensive; nothing strong elsewhere. Keep R2, R3; R4 finds Risk full. Weak B1
    represents Bonds. Fill: D2 (three new by then). Risk shares .35 among three, Defensive .35 among two; B1 has the most
    a position may, .2. That is .90 of the .95: the rest is forced into cash.
    """
    run = rebalanced(RebalancingLimits.preset("conservative"))
    risk = near(0.35 / 3)
    assert decided(run) == {
        "B1": (near(0.2), "open", "added_for_representation"),
        "D1": (near(0.175), "open", "added"),
        "D2": (near(0.175), "open", "added"),
        "R1": (risk, "decrease", "kept"),
        "R2": (risk, "decrease", "kept"),
        "R3": (risk, "decrease", "kept"),
        "R4": (0.0, "close", "bucket_position_limit"),
        "R5": (0.0, "none", "new_position_limit"),
    }
    buckets = run.bucket_result
    assert buckets is not None
    assert [asset.asset for asset in buckets.rejected_assets] == ["R4"]
    assert {asset.asset: asset.target_weight for asset in buckets.selected_assets} == {
        name: weight for name, (weight, _, reason) in decided(run).items() if weight > 0 and reason
    }
    assert {
        name: (statistics.asset_count, statistics.total_allocation)
        for name, statistics in buckets.bucket_statistics.items()
    } == {
        "Bonds": (1, near(0.2)),
        "Defensive Assets": (2, near(0.35)),
        "Risk Assets": (3, near(0.35)),
    }
    assert buckets.enforcement_actions == [
        "Risk Assets: 1 asset passed over, max_positions_per_bucket 3 is reached: R4",
        "1 asset selected to represent buckets (min_buckets_represented 3): B1",
        "Defensive Assets: 2 weights held down, max_allocation_per_bucket 0.35: D1, D2",
        "Risk Assets: 3 weights held down, max_allocation_per_bucket 0.35: R1, R2, R3",
    ]
    assert buckets.violations_fixed == [
        "Risk Assets: positions 4, above max_positions 3: now 3",
        "Risk Assets: weight 85.50%, above max_allocation 35.00%: now 35.00%",
        "1 bucket represented, below min_buckets_represented 3: now 3",
    ]
    assert run.certificate.unmet == ()


def test_bucket_overflow_protection() -> None:
    """Scenario 3: five held, two places. With overflow all five stay, sharing .3; without it the best two do.

    With: .06 each, and D1 has .2. Without: .15 each, which is what R1 and R2 have; R3 to R5 are closed.
    """
    held = dict.fromkeys(("R1", "R2", "R3", "R4", "R5"), 0.15)
    scores = {"R1": 0.9, "R2": 0.85, "R3": 0.8, "R4": 0.75, "R5": 0.7, "D1": 0.8}
    limits = RebalancingLimits.preset("protection")
    on = rebalanced(limits, held, scores)
    assert decided(on)["D1"] == (near(0.2), "open", "added")
    assert {name: decided(on)[name] for name in held} == {
        "R1": (near(0.06), "decrease", "kept"),
        "R2": (near(0.06), "decrease", "kept"),
        "R3": (near(0.06), "decrease", "overflow_protected"),
        "R4": (near(0.06), "decrease", "overflow_protected"),
        "R5": (near(0.06), "decrease", "overflow_protected"),
    }
    off = rebalanced(limits.replace(allow_bucket_overflow=False), held, scores)
    assert {name: decided(off)[name] for name in held} == {
        "R1": (0.15, "hold", "kept"),
        "R2": (0.15, "hold", "kept"),
        "R3": (0.0, "close", "bucket_position_limit"),
        "R4": (0.0, "close", "bucket_position_limit"),
        "R5": (0.0, "close", "bucket_position_limit"),
    }


def test_configuration_variations() -> None:
    """Scenario 2, aggressive: at most 6 positions and .6 in a bucket, 2 buckets, overflow; same portfolio as scenario 1.

    Four kept; R5, D1, D2 enter. The level that invests .95: Risk's five share .6 (.12 each), Defensive's two the other
    .35 (.175 each). R4's .105 is .015 from .12, within a fifth of it: held, and Risk has .585.
    """
    run = rebalanced(RebalancingLimits.preset("aggressive"))
    assert decided(run) == {
        "D1": (near(0.175), "open", "added"),
        "D2": (near(0.175), "open", "added"),
        "R1": (near(0.12), "decrease", "kept"),
        "R2": (near(0.12), "decrease", "kept"),
        "R3": (near(0.12), "decrease", "kept"),
        "R4": (0.105, "hold", "kept"),
        "R5": (near(0.12), "open", "added"),
        "B1": (0.0, "none", "below_threshold"),
    }
    assert run.result.cash_weight == near(1 - 0.935)


def test_minimum_representation_forces_diversification() -> None:
    """Scenario 4: four held in Risk, four places, three buckets wanted: R1 leads Risk, D1 and B1 enter, R2 stays.

    R3 and R4 would be kept without representation. Risk holds .2 + .2 = .4, its most; all others .2.
    """
    held = dict.fromkeys(("R1", "R2", "R3", "R4"), 0.2)
    scores = {"R1": 0.9, "R2": 0.85, "R3": 0.8, "R4": 0.75, "R5": 0.99, "D1": 0.7, "D2": 0.66, "B1": 0.68}
    limits = RebalancingLimits(enable_bucket_diversification=True, max_total_positions=4, min_buckets_represented=3)
    run = rebalanced(limits, held, scores)
    assert decided(run) == {
        "R1": (0.2, "hold", "kept"),
        "R2": (0.2, "hold", "kept"),
        "D1": (near(0.2), "open", "added_for_representation"),
        "B1": (near(0.2), "open", "added_for_representation"),
        "R3": (0.0, "close", "displaced_for_representation"),
        "R4": (0.0, "close", "displaced_for_representation"),
        "R5": (0.0, "none", "total_position_limit"),
        "D2": (0.0, "none", "total_position_limit"),
    }
    assert run.bucket_result is not None
    assert [asset.asset for asset in run.bucket_result.rejected_assets] == ["R3", "R4"]


def test_json_output_with_bucket_info() -> None:
    run = rebalanced(RebalancingLimits.preset("conservative"))
    decoded = json.loads(run.to_json())
    assert decoded["bucket_statistics"]["Bonds"] == {
        "bucket_name": "Bonds",
        "asset_count": 1,
        "total_allocation": near(0.2),
        "assets": ["B1"],
        "avg_score": 0.62,
        "max_score": 0.62,
        "min_score": 0.62,
    }
    assert run.bucket_result is not None
    assert decoded["enforcement_actions"] == list(run.bucket_result.enforcement_actions)
    assert decoded["violations_fixed"] == list(run.bucket_result.violations_fixed)
    assert decoded["result"] == run.result.to_dict()
    first = decoded["targets"][0]
    assert (first["asset"], first["priority"], first["bucket"]) == ("B1", "regime", "Bonds")
    assert first["detail"].startswith("Added: needed to represent Bonds (min_buckets_represented 3)")
    assert decoded["scores"][0]["priority"] == "portfolio"
    assert decoded["universe"]["portfolio"] == ["R1", "R2", "R3", "R4"]
    assert (decoded["rebalance_date"], decoded["regime"], decoded["regime_confidence"]) == (
        "2026-11-24",
        "Goldilocks",
        0.8,
    )
    assert run.to_json() == rebalanced(RebalancingLimits.preset("conservative")).to_json()
    off = json.loads(rebalanced(None).to_json())
    assert (off["bucket_statistics"], off["enforcement_actions"], off["violations_fixed"]) == (None, None, None)


def test_backward_compatibility() -> None:
    """Without any mention of buckets, the result is that of an engine without buckets, to the last bit."""
    plain = CoreRebalancerEngine(Market(["everything"]), {"everything": sorted(SCORES)}, Scores(SCORES)).rebalance(
        "2026-11-24", HELD, enable_fundamental=False
    )
    with_buckets = rebalanced(None).targets
    for asset, other in zip(with_buckets, plain, strict=True):
        assert (asset.asset, asset.target_weight, asset.action, asset.reason) == (
            other.asset,
            other.target_weight,
            other.action,
            other.reason,
        )
        assert asset.priority is (AssetPriority.PORTFOLIO if asset.asset in HELD else AssetPriority.REGIME)

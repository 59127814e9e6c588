"""The enforcer of bucket limits alone: every number is worked out beside it."""

from __future__ import annotations

import math
import random

import pytest

from trimtab import AssetPriority, AssetScore, BucketLimitsConfig, BucketLimitsEnforcer, BucketManager, InputError

MAP = {"Risk": ["R1", "R2", "R3", "R4", "R5", "R6"], "Defensive": ["D1", "D2", "D3"], "Bonds": ["B1", "B2"]}


def held(asset: str, score: float | None, weight: float = 0.0, **fields: float) -> AssetScore:
    return AssetScore(asset, score, priority=AssetPriority.PORTFOLIO, current_weight=weight, **fields)


def enforce(assets: list[AssetScore], **config: object):
    """The result, after checking what holds for every result: nothing is lost, added or changed."""
    before = list(assets)
    result = BucketLimitsEnforcer(MAP).apply_bucket_limits(assets, BucketLimitsConfig(**config))  # type: ignore[arg-type]
    names = [asset.asset for asset in (*result.selected_assets, *result.rejected_assets)]
    assert sorted(names) == sorted(asset.asset for asset in before)
    assert assets == before
    assert all(asset in before for asset in result.rejected_assets)
    return result


def chosen(result) -> list[str]:
    return [asset.asset for asset in result.selected_assets]


def weights(result) -> dict[str, float | None]:
    return {asset.asset: asset.target_weight for asset in result.selected_assets}


def test_basic_enforcement() -> None:
    """Wide limits touch nothing: no score is too low, no total too high, no weight is filled up."""
    assets = [AssetScore("R1", 0.1, target_weight=0.3), AssetScore("D1", 0.9, target_weight=0.4), held("B1", 0.05, 0.2)]
    result = enforce(assets, max_allocation_per_bucket=0.5)
    assert result.selected_assets == [assets[0], assets[1], AssetScore(**vars(assets[2]) | {"target_weight": 0.2})]
    assert result.enforcement_actions == []
    assert result.violations_fixed == []
    assert {name: statistics.total_allocation for name, statistics in result.bucket_statistics.items()} == {
        "Bonds": 0.2,
        "Defensive": 0.4,
        "Risk": 0.3,
    }


def test_position_limits() -> None:
    """At most two: the best two new assets of Risk stay, whatever the order they come in."""
    assets = [AssetScore(f"R{number}", 0.5 + number / 10) for number in (1, 2, 3, 4)]
    limits = {"max_positions_per_bucket": 2, "enforce_min_buckets": False}
    for ordered in (assets, assets[::-1]):
        result = enforce(ordered, **limits)
        assert sorted(chosen(result)) == ["R3", "R4"]
    assert result.enforcement_actions == [
        "Risk: 2 assets passed over, max_positions_per_bucket 2 is reached: R1, R2",
    ]
    assert result.violations_fixed == [
        "Risk: positions 4, above max_positions 2: now 2",
    ]
    assert len(chosen(enforce(assets, **limits, enforce_position_limits=False))) == 4
    own = enforce(assets, enforce_min_buckets=False, buckets={"Risk": {"max_positions": 1}})
    assert chosen(own) == ["R4"]
    assert own.enforcement_actions == [
        "Risk: 3 assets passed over, max_positions 1 is reached: R1, R2, R3",
    ]


def test_portfolio_asset_priority() -> None:
    """Held assets come first whatever their score, by weight or by priority alone; overflow protects all of them."""
    assets = [AssetScore("R1", 0.99), held("R2", 0.3, 0.1), AssetScore("R3", 0.2, current_weight=0.1), held("R4", 0.1)]
    off = enforce(assets, max_positions_per_bucket=2, min_buckets_represented=1)
    assert chosen(off) == ["R2", "R3"]
    on = enforce(assets, max_positions_per_bucket=2, min_buckets_represented=1, allow_bucket_overflow=True)
    assert chosen(on) == ["R2", "R3", "R4"]
    assert on.enforcement_actions == [
        "Risk: 1 asset passed over, max_positions_per_bucket 2 is reached: R1",
        "1 asset kept although the bucket is full (allow_bucket_overflow): R4",
    ]


def test_allocation_limits() -> None:
    """Risk wishes .3 + .2 + .1 = .6 and may have .4: times 2/3. Defensive stays. The wishes sum to 1.1: no total limit."""
    assets = [
        AssetScore("R1", 0.9, target_weight=0.3),
        AssetScore("R2", 0.8, target_weight=0.2),
        held("R3", 0.7, 0.1),
        AssetScore("D1", 0.8, target_weight=0.25),
        AssetScore("D2", 0.7, target_weight=0.15),
        AssetScore("B1", 0.6, target_weight=0.1),
        AssetScore("B2", 0.6),
    ]
    result = enforce(assets)
    expected = {"R1": 0.2, "R2": 0.4 / 3, "R3": 0.2 / 3, "D1": 0.25, "D2": 0.15, "B1": 0.1, "B2": None}
    assert weights(result) == {
        name: value if value is None else pytest.approx(value, abs=1e-15) for name, value in expected.items()
    }
    assert result.enforcement_actions == [
        "Risk: weights scaled from 60.00% to 40.00%, max_allocation_per_bucket 0.4: R1, R2, R3",
    ]
    assert result.violations_fixed == [
        "Risk: weight 60.00%, above max_allocation 40.00%: now 40.00%",
    ]
    assert weights(enforce(assets, enforce_allocation_limits=False))["R1"] == 0.3
    everything = [AssetScore(f"R{number}", 0.9, target_weight=0.9) for number in (1, 2, 3)]
    assert weights(enforce(everything, enforce_allocation_limits=False, enforce_min_buckets=False))["R3"] == 0.9


def test_a_bucket_minimum_lifts_in_proportion() -> None:
    """Bonds wish .04 + .08 and must have .3: times 2.5. A closed bucket (0) takes nothing."""
    assets = [
        AssetScore("B1", 0.9, target_weight=0.04),
        AssetScore("B2", 0.8, target_weight=0.08),
        AssetScore("R1", 0.7),
    ]
    result = enforce(assets, buckets={"Bonds": {"min_allocation": 0.3}, "Risk": {"max_allocation": 0.0}})
    assert weights(result) == {"B1": pytest.approx(0.1), "B2": pytest.approx(0.2)}
    assert result.enforcement_actions == [
        "Risk: 1 asset passed over, max_allocation 0 is reached: R1",
        "Bonds: weights scaled from 12.00% to 30.00%, min_allocation 0.3: B1, B2",
    ]
    assert result.violations_fixed == [
        "Bonds: weight 12.00%, below min_allocation 30.00%: now 30.00%",
    ]


def test_min_bucket_representation() -> None:
    """Two places in the whole of Risk's bucket, three buckets wanted: the best of each other bucket is there anyway.

    Alone, the enforcer limits no total, so representation never has to push anything out.
    """
    assets = [
        held("R1", 0.9, 0.2),
        held("R2", 0.8, 0.2),
        AssetScore("D1", 0.3),
        AssetScore("D2", 0.2),
        AssetScore("B1", 0.1),
    ]
    result = enforce(assets, min_buckets_represented=3, max_positions_per_bucket=1)
    assert chosen(result) == ["R1", "D1", "B1"]
    assert list(result.bucket_statistics) == ["Bonds", "Defensive", "Risk"]
    missing = enforce(assets[:2], min_buckets_represented=3)
    assert list(missing.bucket_statistics) == ["Risk"]


def test_missing_scores() -> None:
    """An unscored asset is never added; one that is held stays as it is, and its neighbours make room: .3 - .2 = .1."""
    assets = [AssetScore("R1", None), held("R2", None, 0.2), held("R3", 0.9, 0.3)]
    result = enforce(assets, max_allocation_per_bucket=0.3, min_buckets_represented=1)
    assert weights(result) == {"R2": 0.2, "R3": pytest.approx(0.1, abs=1e-15)}
    assert [asset.asset for asset in result.rejected_assets] == ["R1"]


def test_levels_of_a_path() -> None:
    """At level 2 a sector is a bucket; a shorter path is Unknown."""
    buckets = {"Equity": {"Tech": ["A", "B"], "Health": ["C"]}, "Gold": ["G"]}
    config = BucketLimitsConfig(bucket_level=2, max_positions_per_bucket=1)
    assets = [AssetScore(name, 0.9, target_weight=0.1) for name in "ABCG"]
    result = BucketLimitsEnforcer(buckets).apply_bucket_limits(assets, config)
    assert chosen(result) == ["A", "C", "G"]
    assert list(result.bucket_statistics) == ["Equity/Health", "Equity/Tech", "Unknown"]


def test_enforcement_summary() -> None:
    enforcer = BucketLimitsEnforcer(BucketManager(MAP))
    assets = [AssetScore(f"R{number}", 0.9 - number / 100, target_weight=0.2) for number in (1, 2, 3)]
    assets.append(AssetScore("D1", 0.7, target_weight=0.2))
    config = BucketLimitsConfig(max_positions_per_bucket=2, max_allocation_per_bucket=0.3)
    assert enforcer.get_enforcement_summary(enforcer.apply_bucket_limits(assets, config)).splitlines() == [
        "3 selected, 1 rejected, 2 buckets",
        "  Defensive: 1 position, weight 20.00%: D1",
        "  Risk: 2 positions, weight 30.00%: R1, R2",
        "done:",
        "  Risk: 1 asset passed over, max_positions_per_bucket 2 is reached: R3",
        "  Risk: weights scaled from 40.00% to 30.00%, max_allocation_per_bucket 0.3: R1, R2",
        "fixed:",
        "  Risk: positions 3, above max_positions 2: now 2",
        "  Risk: weight 60.00%, above max_allocation 30.00%: now 30.00%",
    ]
    quiet = enforcer.apply_bucket_limits(assets, BucketLimitsConfig(max_allocation_per_bucket=0.6))
    assert enforcer.get_enforcement_summary(quiet).splitlines()[-1].startswith("  Risk: 3 positions")


def test_edge_cases() -> None:
    empty = BucketLimitsEnforcer(MAP).apply_bucket_limits([])
    assert (empty.selected_assets, empty.rejected_assets, dict(empty.bucket_statistics)) == ([], [], {})
    assert chosen(enforce([AssetScore("ZZZ", 0.9)])) == ["ZZZ"]  # Unknown is a bucket like any other
    nothing = enforce([held("R1", 0.9, 0.1)], buckets={"Risk": {"max_positions": 0}})
    assert chosen(nothing) == []
    assert nothing.violations_fixed == [
        "Risk: positions 1, above max_positions 0: now 0",
    ]
    zero = enforce([AssetScore("R1", 0.9, target_weight=0.0), AssetScore("D1", 0.9, target_weight=1.0)])
    assert weights(zero) == {"R1": 0.0, "D1": pytest.approx(0.4)}
    generator = BucketLimitsEnforcer(MAP).apply_bucket_limits(AssetScore(name, 0.9) for name in ("R1", "D1"))
    assert chosen(generator) == ["R1", "D1"]
    with pytest.raises(InputError, match="is in row 1 already"):
        enforce([AssetScore("R1", 0.9), AssetScore("R1", 0.8)])
    with pytest.raises(InputError, match=r"the weights sum to 1\.2, above 1\.05"):
        enforce([held("R1", 0.9, 0.6), held("D1", 0.9, 0.6)])
    default = BucketLimitsEnforcer().apply_bucket_limits([AssetScore("AAPL", 0.9), AssetScore("AGG", 0.8)])
    assert set(default.bucket_statistics) == {"Equity", "Bonds"}
    assert math.isfinite(default.bucket_statistics["Equity"].total_allocation)


def test_lists_and_dict_are_the_callers() -> None:
    assets = [AssetScore("R1", 0.9, target_weight=0.9), AssetScore("D1", 0.8), AssetScore("R2", 0.7)]
    result = enforce(assets, max_positions_per_bucket=1)
    for part in (result.selected_assets, result.rejected_assets, result.enforcement_actions, result.violations_fixed):
        assert type(part) is list
        assert part
        part.clear()
    result.bucket_statistics["Risk"].assets.append("R9")
    result.bucket_statistics.clear()
    assert enforce(assets, max_positions_per_bucket=1).bucket_statistics["Risk"].assets == ["R1"]


def test_what_cannot_be_fixed_is_said() -> None:
    """Scenario 4 of the brief, with the enforcer alone: three buckets wanted, and assets of only one."""
    result = enforce([held(name, 0.9, 0.2) for name in ("R1", "R2", "R3")], min_buckets_represented=3)
    assert result.violations_left == [
        "1 bucket represented, below min_buckets_represented 3 "
        "(no candidate from another bucket qualifies and may be bought)"
    ]
    summary = BucketLimitsEnforcer.get_enforcement_summary(result).splitlines()
    assert summary[summary.index("not fixed:") + 1] == f"  {result.violations_left[0]}"
    assert enforce([held("R1", 0.9, 0.2), held("B1", 0.9, 0.2)]).violations_left == []


def test_a_holding_without_a_score_has_the_weight_that_is_known() -> None:
    """Its current weight; where that is unknown its target; where both are, none. It is never scaled."""
    assets = [held("R1", None, 0.25, target_weight=0.1), held("R2", None, target_weight=0.3), held("R3", None)]
    result = enforce([*assets, held("R4", 0.9, 0.2)], max_allocation_per_bucket=0.6, min_buckets_represented=0)
    assert weights(result) == {"R1": 0.25, "R2": 0.3, "R3": None, "R4": pytest.approx(0.05)}
    assert result.enforcement_actions == [
        "1 asset without a score left at the weight held: R1",
        "Risk: weights scaled from 20.00% to 5.00%, max_allocation_per_bucket 0.6: R4",
    ]


@pytest.mark.parametrize("seed", range(150))
def test_weights_and_sentences_of_random_assets(seed: int) -> None:
    """No weight appears from nowhere, and a sentence about scaling says what happened to the assets that it names."""
    rng = random.Random(seed)
    assets = [
        AssetScore(
            asset,
            rng.choice([None, rng.random(), rng.random()]),
            current_weight=rng.choice([0.0, 0.0, rng.random() * 0.1]),
            target_weight=rng.choice([None, 0.0, rng.random() * 0.3]),
            priority=rng.choice(list(AssetPriority)),
        )
        for inside in MAP.values()
        for asset in inside
        if rng.random() < 0.6
    ]
    own = {"Bonds": {"min_allocation": 0.1}} if rng.random() < 0.5 else {}
    config = {
        "max_positions_per_bucket": rng.randint(1, 4),
        "max_allocation_per_bucket": rng.choice([0.15, 0.3, 0.5]),
        "min_buckets_represented": rng.randint(0, 3),
        "allow_bucket_overflow": rng.random() < 0.5,
        "buckets": own,
    }
    result = enforce(assets, **config)
    options = {asset.asset: asset for asset in assets}
    remains = weights(result)
    for name, weight in remains.items():
        asset = options[name]
        if asset.combined_score is None:
            expected = asset.current_weight or asset.target_weight
            assert weight == (expected if expected or asset.target_weight is not None else None)
        elif not asset.weight:
            assert weight == asset.weight
        else:
            assert weight is not None
            assert weight > 1e-6
    for sentence in result.enforcement_actions:
        if "scaled from" in sentence:
            bucket, _, rest = sentence.partition(": weights scaled from ")
            names = [name for name in MAP[bucket] if name in remains and name in sentence]
            wanted, remaining = (float(part.strip("%,")) / 100 for part in rest.split()[0:3:2])
            assert wanted == pytest.approx(math.fsum(options[name].weight or 0.0 for name in names), abs=1e-4)
            assert remaining == pytest.approx(math.fsum(remains[name] or 0.0 for name in names), abs=1e-4)
            assert all(options[name].combined_score is not None for name in names)

"""The bucket manager: who is in which bucket, how much is in each, and whether the limits of buckets hold."""

from __future__ import annotations

import dataclasses
import math

import pytest

from trimtab import (
    AssetBucketManager,
    AssetPriority,
    AssetScore,
    BucketAllocation,
    BucketLimitsConfig,
    BucketManager,
    BucketStatistics,
    InputError,
    LimitsError,
    SetupError,
)

MAP = {"Risk Assets": ["R1", "R2", "R3", "R4", "R5"], "Defensive Assets": ["D1", "D2"], "Bonds": ["B1"]}


def held(asset: str, score: float | None, weight: float) -> AssetScore:
    return AssetScore(asset, score, priority=AssetPriority.PORTFOLIO, current_weight=weight)


def test_bucket_manager_basic() -> None:
    manager = BucketManager(MAP)
    assert [manager.get_asset_bucket(asset) for asset in ("R1", "D2", "ZZZ")] == [
        "Risk Assets",
        "Defensive Assets",
        "Unknown",
    ]
    assert manager.get_bucket_assets("Defensive Assets") == ["D1", "D2"]
    assert manager.get_all_buckets() == ["Bonds", "Defensive Assets", "Risk Assets"]
    assert BucketManager(AssetBucketManager(MAP)).get_asset_bucket("B1") == "Bonds"
    assert BucketManager().get_asset_bucket("XLK") == "Equity/Information Technology/Funds"

    class Own:
        """Any fitting object; what it does not know is an empty name."""

        def get_asset_bucket(self, asset: str) -> str:
            return "Mine" if asset == "M" else ""

        def get_bucket_assets(self, bucket_name: str) -> list[str]:
            return ["M"] if bucket_name == "Mine" else []

        def get_all_buckets(self) -> list[str]:
            return ["Mine"]

    own = BucketManager(Own())
    assert (own.get_asset_bucket("M"), own.get_asset_bucket("N")) == ("Mine", "Unknown")


def test_asset_grouping() -> None:
    """Held first, then score, then weight, then name: the order in which the rules walk."""
    assets = [
        AssetScore("R2", 0.99),
        held("R1", 0.61, 0.1),
        held("R4", 0.7, 0.05),
        held("R3", 0.7, 0.2),
        AssetScore("R5", None),
        AssetScore("D2", 0.8),
        AssetScore("D1", 0.8),
        AssetScore("ZZZ", 0.9),
    ]
    groups = BucketManager(MAP).group_assets_by_bucket(assets)
    assert {bucket: [asset.asset for asset in inside] for bucket, inside in groups.items()} == {
        "Defensive Assets": ["D1", "D2"],
        "Risk Assets": ["R3", "R4", "R1", "R2", "R5"],
        "Unknown": ["ZZZ"],
    }
    assert list(groups) == sorted(groups)
    assert all(asset in assets for inside in groups.values() for asset in inside)


def test_bucket_statistics() -> None:
    """Risk: .9, .7 and one unscored; weights .2 (a target wins over what is held), .1 and none: .3 in all."""
    assets = [
        AssetScore("R1", 0.9, current_weight=0.5, target_weight=0.2),
        held("R2", 0.7, 0.1),
        AssetScore("R3", None),
        AssetScore("B1", None),
    ]
    statistics = BucketManager(MAP).calculate_bucket_statistics(assets)
    risk = statistics["Risk Assets"]
    assert (risk.bucket_name, risk.asset_count, risk.assets) == ("Risk Assets", 3, ["R1", "R2", "R3"])
    assert risk.total_allocation == pytest.approx(0.3, abs=1e-15)
    assert risk.avg_score == pytest.approx(0.8, abs=1e-15)
    assert (risk.max_score, risk.min_score) == (0.9, 0.7)
    assert statistics["Bonds"] == BucketStatistics("Bonds", 1, 0.0, ["B1"], None, None, None)
    assert BucketManager(MAP).calculate_bucket_statistics([]) == {}


def test_bucket_allocation_status() -> None:
    """Two of at most three in Risk, .35 of at most .3; a bucket that the limits name is there without a position."""
    config = BucketLimitsConfig(
        max_positions_per_bucket=3, max_allocation_per_bucket=0.3, buckets={"Bonds": {"max_positions": 1}}
    )
    status = BucketManager(MAP).get_bucket_allocation_status([held("R1", 0.9, 0.15), held("R2", 0.8, 0.2)], config)
    assert status == {
        "Bonds": BucketAllocation(1, 0.3, 0, 0.0, 2),
        "Risk Assets": BucketAllocation(3, 0.3, 2, pytest.approx(0.35), 1),
    }
    assert BucketAllocation() == BucketAllocation(4, 0.4, 0, 0.0, 1)
    off = BucketLimitsConfig(enforce_position_limits=False, enforce_allocation_limits=False)
    free = BucketManager(MAP).get_bucket_allocation_status([AssetScore("D1", 0.8)], off)
    assert free == {"Defensive Assets": BucketAllocation(math.inf, math.inf, 1, 0.0, 1)}
    assert BucketManager(MAP).get_bucket_allocation_status([]) == {}


def test_constraint_validation() -> None:
    """Five positions (at most four) and .5 (at most .4) in Risk; one bucket of two."""
    assets = [held(f"R{number}", 0.9 - number / 100, 0.1) for number in range(1, 6)]
    report = BucketManager(MAP).validate_bucket_constraints(assets)
    assert not report["is_valid"]
    assert report["violations"] == [
        "Risk Assets: positions 5, above max_positions 4",
        "Risk Assets: weight 50.00%, above max_allocation 40.00%",
        "1 bucket represented, below min_buckets_represented 2",
    ]
    assert report["recommendations"] == [
        "Risk Assets: drop 1 position, the lowest-ranked first (R5)",
        "Risk Assets: reduce it by 10.00% to 40.00%",
        "add assets of 1 more bucket",
    ]
    assert report["statistics"] == BucketManager(MAP).calculate_bucket_statistics(assets)
    assert [(check.name, check.node, check.measured, check.limit) for check in report["checks"]] == [
        ("max_positions", "Risk Assets", 5, 4),
        ("max_allocation", "Risk Assets", pytest.approx(0.5), 0.4),
        ("min_buckets_represented", "", 1, 2),
    ]
    wide = {"max_positions_per_bucket": 5, "max_allocation_per_bucket": 0.5, "min_buckets_represented": 1}
    assert BucketManager(MAP).validate_bucket_constraints(assets, **wide)["is_valid"]
    switched_off = dict.fromkeys(("enforce_position_limits", "enforce_allocation_limits", "enforce_min_buckets"), False)
    assert BucketManager(MAP).validate_bucket_constraints(assets, **switched_off)["checks"] == ()


def test_constraint_validation_of_a_minimum_and_of_weights_nobody_knows() -> None:
    """Bonds have .05 of at least .1; assets without a weight count as positions and weigh nothing."""
    report = BucketManager(MAP).validate_bucket_constraints(
        [held("B1", 0.7, 0.05), AssetScore("R1", 0.9), AssetScore("R2", 0.8), held("R3", 0.65, 0.1)],
        max_positions_per_bucket=2,
        buckets={"Bonds": {"min_allocation": 0.1}},
    )
    assert report["violations"] == [
        "Bonds: weight 5.00%, below min_allocation 10.00%",
        "Risk Assets: positions 3, above max_positions 2",
    ]
    assert report["recommendations"] == [
        "Bonds: raise it by 5.00% to 10.00%",
        "Risk Assets: drop 1 position, the lowest-ranked first (R2)",  # R3 scores less, but is held
    ]


def test_overflow_excuses_what_is_held() -> None:
    three = [held(f"R{number}", 0.8, 0.1) for number in (1, 2, 3)]
    options = {"max_positions_per_bucket": 2, "min_buckets_represented": 1, "allow_bucket_overflow": True}
    manager = BucketManager(MAP)
    assert manager.validate_bucket_constraints(three, **options)["is_valid"]
    assert not manager.validate_bucket_constraints([*three, AssetScore("R4", 0.9)], **options)["is_valid"]


def test_edge_cases() -> None:
    manager = BucketManager(MAP)
    assert manager.group_assets_by_bucket([]) == {}
    assert manager.validate_bucket_constraints([])["violations"] == [
        "0 buckets represented, below min_buckets_represented 2"
    ]
    assert manager.validate_bucket_constraints([], min_buckets_represented=0)["is_valid"]
    assert manager.get_bucket_assets("Unknown") == []
    assert manager.get_bucket_assets("Risk Asset") == []
    with pytest.raises(LimitsError, match=r"unknown field 'max_position_per_bucket': did you mean 'max_positions"):
        manager.validate_bucket_constraints([], max_position_per_bucket=3)
    with pytest.raises(LimitsError, match=r"must be between 0 and 1 \(received 40\): looks like a percent"):
        manager.validate_bucket_constraints([], max_allocation_per_bucket=40)
    with pytest.raises(LimitsError, match=r"buckets\['Bond'\]: no candidate is in this bucket: did you mean 'Bonds'"):
        manager.validate_bucket_constraints([AssetScore("B1", 0.7)], buckets={"Bond": {"max_positions": 1}})
    with pytest.raises(InputError, match="is in row 1 already"):
        manager.validate_bucket_constraints([AssetScore("R1", 0.9), AssetScore("R1", 0.8)])
    with pytest.raises(SetupError, match="a list does not say who is in which bucket: give an AssetBucketManager"):
        BucketManager(["R1"])  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"row 2: is not an AssetScore \(received 'R2'\): make it with AssetScore"):
        manager.group_assets_by_bucket([AssetScore("R1", 0.9), "R2"])  # type: ignore[list-item]
    with pytest.raises(LimitsError, match=r"config must be a BucketLimitsConfig \(received a dict\)"):
        manager.get_bucket_allocation_status([], {"max_positions_per_bucket": 3})  # type: ignore[arg-type]
    assert BucketManager.of(manager) is manager
    assert BucketManager.of(MAP).get_asset_bucket("B1") == "Bonds"
    unknown = manager.calculate_bucket_statistics([AssetScore("X", 0.5), AssetScore("Y", 0.7)])
    assert unknown["Unknown"].assets == ["Y", "X"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        unknown["Unknown"].asset_count = 3  # type: ignore[misc]


def test_a_limit_for_a_bucket_that_only_the_manager_knows_is_no_typo() -> None:
    """No asset here is a bond, but the manager has Bonds: the limit is known, and a nested one as well."""
    manager = BucketManager({"Equity": {"Tech": ["T1"]}, "Bonds": {"Gov": ["G1"]}})
    config = {"bucket_level": 1, "min_buckets_represented": 1, "buckets": {"Bonds": {"max_allocation": 0.2}}}
    assert manager.validate_bucket_constraints([AssetScore("T1", 0.9)], **config)["is_valid"]
    flat = BucketManager(AssetBucketManager({"Equity": ["T1"], "Bonds": ["G1"]}, separator=""))
    assert flat.validate_bucket_constraints([AssetScore("T1", 0.9)], **config, bucket_separator="")["is_valid"]
    with pytest.raises(SetupError, match="separated by '/' in the bucket manager, by '' in the limits"):
        manager.validate_bucket_constraints([AssetScore("T1", 0.9)], **config, bucket_separator="")

"""Which assets are looked at, and why."""

from __future__ import annotations

import pytest
from markets import Market

from trimtab import (
    AssetPriority,
    BucketManager,
    InputError,
    RebalancingLimits,
    RebalancingUniverse,
    SetupError,
    UniverseBuilder,
)
from trimtab.errors import Fault

MAP = {"Risk": ["R1", "R2"], "Defensive": ["D1", "D2"], "Bonds": ["B1"]}
OFF = RebalancingLimits()
ON = RebalancingLimits(enable_bucket_diversification=True)


def universe(market: Market, limits: RebalancingLimits = OFF, held: dict[str, float] | None = None, **options):
    return UniverseBuilder(market, BucketManager(MAP)).get_universe("2026-11-24", held or {}, limits, **options)


def test_each_asset_stands_under_the_first_heading_that_is_true() -> None:
    built = universe(Market(["Risk"], trending=["D1", "R2"]), ON, {"R2": 0.1, "ZZZ": 0.2})
    assert built == RebalancingUniverse(
        "2026-11-24",
        "Goldilocks",
        0.8,
        portfolio_assets=("R2", "ZZZ"),
        trending_assets=("D1",),
        regime_assets=("R1",),
        fallback_assets=("B1", "D2"),
    )
    assert built.assets == ("R2", "ZZZ", "D1", "R1", "B1", "D2")
    assert built.priorities["ZZZ"] is AssetPriority.PORTFOLIO
    assert built.priorities["B1"] is AssetPriority.FALLBACK


@pytest.mark.parametrize("limits", [OFF, ON.replace(enforce_min_buckets=False), ON.replace(min_buckets_represented=0)])
def test_there_is_a_fallback_only_where_buckets_must_be_represented(limits: RebalancingLimits) -> None:
    assert universe(Market(["Risk"]), limits).assets == ("R1", "R2")


def test_research_comes_before_the_regime() -> None:
    assert universe(Market(["Risk"], research=["Bonds"])).regime_assets == ("B1",)
    assert universe(Market(["Risk"], research=[])).regime_assets == ()


def test_named_buckets_are_the_only_ones() -> None:
    market = Market(["Risk"], trending=["D2"], research=["Risk"])
    built = universe(market, ON, {"R1": 0.1}, bucket_names=["Defensive", "Defensive"], min_trending_confidence=0.9)
    assert built.assets == ("R1", "D2", "D1")
    assert market.asked == [("2026-11-24", ("D1", "D2"), 50, 0.9)]


def test_a_position_without_weight_is_none() -> None:
    assert universe(Market(), held={"R1": 0.0}).portfolio_assets == ()


def test_trends_are_asked_of_all_buckets() -> None:
    market = Market(["Risk"])
    universe(market)
    assert market.asked == [("2026-11-24", ("B1", "D1", "D2", "R1", "R2"), 50, 0.7)]


@pytest.mark.parametrize(
    ("market", "options", "sentence"),
    [
        (
            Market(["Risky"]),
            {},
            "get_regime_buckets of the regime_detector: the bucket 'Risky' does not exist: did you mean",
        ),
        (
            Market(research=["Bond"]),
            {},
            r"get_research_buckets of the regime_detector: the bucket 'Bond' does not exist: did you mean 'Bonds'\?",
        ),
        (
            Market(),
            {"bucket_names": ["Gold"]},
            "bucket_names: the bucket 'Gold' does not exist: known: 'Bonds', 'Defensive'",
        ),
        (
            Market(trending=["XYZ"]),
            {},
            r"the regime_detector names trending assets outside the allowed buckets \(XYZ\): get_trending_assets must choose",
        ),
        (Market(trending=["R1"]), {"bucket_names": ["Bonds"]}, r"outside the allowed buckets \(R1\)"),
    ],
)
def test_what_does_not_exist_is_an_error(market: Market, options: dict[str, object], sentence: str) -> None:
    with pytest.raises(SetupError, match=sentence):
        universe(market, **options)


@pytest.mark.parametrize("refuses", [False, True])
def test_a_manager_of_ones_own_for_a_bucket_that_does_not_exist(*, refuses: bool) -> None:
    class Own:
        def get_asset_bucket(self, asset: str) -> str:
            return "Mine"

        def get_bucket_assets(self, bucket_name: str) -> list[str]:
            if refuses and bucket_name != "Mine":
                raise InputError([Fault("no such bucket", "name another")])
            return []

        def get_all_buckets(self) -> list[str]:
            return ["Mine"]

    builder = UniverseBuilder(Market(["Mine"]), BucketManager(Own()))
    assert builder.get_universe("2026-11-24", {}, OFF).assets == ()
    with pytest.raises(SetupError, match="the bucket 'Yours' does not exist"):
        builder.get_universe("2026-11-24", {}, OFF, bucket_names=["Yours"])


def test_a_detector_that_lacks_a_method() -> None:
    class Half:
        def get_market_regime(self, date: object) -> tuple[str, float]:
            return "x", 1.0

        def get_regime_buckets(self, regime: str) -> list[str]:
            return []

    with pytest.raises(SetupError, match="a Half, lacks get_research_buckets, get_trending_assets: give an object"):
        UniverseBuilder(Half(), BucketManager(MAP))  # type: ignore[arg-type]


def test_the_limits_of_the_regime_are_in_force() -> None:
    """Bucket limits are on in Deflation only: there, the others are a fallback. A regime that is set stays."""
    limits = RebalancingLimits(regimes={"Deflation": {"enable_bucket_diversification": True}})
    assert universe(Market(["Risk"], regime="Deflation"), limits).fallback_assets == ("B1", "D1", "D2")
    assert universe(Market(["Risk"], regime="Reflation"), limits).fallback_assets == ()
    fixed = limits.replace(regime="Deflation")
    assert universe(Market(["Risk"], regime="Reflation"), fixed).fallback_assets == ("B1", "D1", "D2")


def test_limits_for_a_regime_that_cannot_occur() -> None:
    class Named(Market):
        regime_names = ("Goldilocks", "Deflation")

    assert universe(Named(["Risk"]), RebalancingLimits(regimes={"Deflation": {"max_total_positions": 5}})).assets
    with pytest.raises(SetupError, match=r"have a regime 'Deflaton' that cannot occur: did you mean 'Deflation'\?"):
        universe(Named(["Risk"]), RebalancingLimits(regimes={"Deflaton": {"max_total_positions": 5}}))

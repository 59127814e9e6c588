"""The engine: the same pass as the table door, what it asks of its parts, and what it says when one does not fit."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import logging
import random
from typing import Any

import pandas as pd
import pytest
from cases import random_limits, random_rows
from markets import Data, Market, Scores
from price_series import days, long, walk
from thorough import mostly_thorough

from trimtab import (
    AssetBucketManager,
    AssetScore,
    BucketManager,
    CoreRebalancerEngine,
    InputError,
    MarketData,
    MarketRegimeDetector,
    RebalanceResult,
    RebalancingLimits,
    RegimeTable,
    RiskConfig,
    SetupError,
    TechnicalAnalyzer,
    TrendAnalyzer,
    UnmetLimitError,
    rebalance,
    technical_scores,
)
from trimtab.data.samples import sample_candidates, sample_path
from trimtab.limits.rebalancing_limits import SIZING_MODES

DAY = dt.date(2026, 11, 24)
MAP = {"Tech": ["T1", "T2"], "Bond": ["B1"]}
SCORES = {"T1": 0.9, "T2": 0.8, "B1": 0.7}
ON = RebalancingLimits(enable_bucket_diversification=True)
WIDE = {
    "enable_bucket_diversification": True,
    "max_positions_per_bucket": 1_000,
    "max_allocation_per_bucket": 1.0,
    "min_buckets_represented": 0,
}
MORE = ("restriction", "max_weight", "desired_weight", "volatility")


def engine_for(rows: list[dict[str, Any]], market: Market | None = None) -> CoreRebalancerEngine:
    """An engine that sees exactly these rows."""
    buckets: dict[str, list[str]] = {}
    for row in rows:
        buckets.setdefault(row["bucket"] or "Unknown", []).append(row["asset"])
    scores = {row["asset"]: row["score"] for row in rows}
    data = {row["asset"]: {name: row[name] for name in MORE} for row in rows}
    return CoreRebalancerEngine(market or Market(list(buckets)), buckets, Scores(scores), data_manager=Data(data))


def engine_run(rows: list[dict[str, Any]], limits: RebalancingLimits):
    held = {row["asset"]: row["current_weight"] for row in rows if row["current_weight"]}
    return engine_for(rows).run(DAY, held, limits, enable_fundamental=False)


def by_asset(result: RebalanceResult) -> dict[str, tuple[Any, ...]]:
    columns = ("target_weight", "proposed_weight", "action", "reason", "size_reason")
    return {row["asset"]: tuple(row[name] for name in columns) for row in result.targets}


def test_the_engine_takes_exposures() -> None:
    limits = RebalancingLimits(exposures={"country": {"max_exposure": 0.05}})
    rows = [{**row, "current_weight": 0.0, "score": 0.9, "restriction": ""} for row in random_rows(random.Random(2))]
    table = [{"asset": row["asset"], "scheme": "country", "bucket": "US", "fraction": 0.5} for row in rows]
    run = engine_for(rows).run(DAY, {}, limits, enable_fundamental=False, exposures=table)
    assert by_asset(run.result) == by_asset(rebalance(rows, limits, exposures=table))
    assert 0.9 - 1e-12 <= run.result.cash_weight < 1.0
    targets = engine_for(rows).rebalance(DAY, {}, limits, enable_fundamental=False, exposures=table)
    assert targets == list(run.targets)


@pytest.mark.parametrize("first", mostly_thorough(range(100_000, 110_000, 1000)))
def test_the_engine_is_the_table_door_to_the_last_bit(first: int) -> None:
    for seed in range(first, first + 300):
        rng = random.Random(seed)
        rows, limits = random_rows(rng), random_limits(rng)
        run, table = engine_run(rows, limits), rebalance(rows, limits)
        assert by_asset(run.result) == by_asset(table), f"seed {seed}"
        targets = {asset.asset: (asset.target_weight, asset.action, asset.reason) for asset in run.targets}
        assert targets == {row["asset"]: (row["target_weight"], row["action"], row["reason"]) for row in table.targets}
        assert run.certificate == table.certificate, f"seed {seed}"


@pytest.mark.parametrize("first", mostly_thorough(range(200_000, 210_000, 1000)))
@pytest.mark.thorough
def test_limits_that_are_off_or_never_bind_or_have_no_bucket_change_nothing(first: int) -> None:
    for seed in range(first, first + 300):
        rng = random.Random(seed)
        rows = random_rows(rng)
        off = random_limits(rng, enable_bucket_diversification=False, unknown_bucket="limit")
        # A largest allocation of 1 binds where 1 is aimed at: there, the limit is off.
        wide = off.replace(**WIDE, enforce_allocation_limits=off.target_invested < 1)
        bare = [{name: value for name, value in row.items() if name != "bucket"} for row in rows]
        expected = by_asset(rebalance(bare, off))
        assert by_asset(engine_run(rows, off).result) == expected, f"seed {seed}"
        assert by_asset(engine_run(rows, wide).result) == expected, f"seed {seed}"


def test_what_bucket_limits_did_is_a_view_of_the_pass() -> None:
    """Selected in the bucket result, in the selection and in the targets are the same assets, with the same weights."""
    for seed in range(300):
        rng = random.Random(seed)
        rows = random_rows(rng)
        limits = random_limits(
            rng, enable_bucket_diversification=True, brake_sold_weight=None, brake_closed_positions=None
        )
        run = engine_run(rows, limits)
        assert run.bucket_result is not None
        weights = {asset.asset: asset.target_weight for asset in run.bucket_result.selected_assets}
        targets = {asset.asset: asset.target_weight for asset in run.targets}
        assert weights == {asset.asset: targets[asset.asset] for asset in run.selection.selected_assets}
        assert not {name for name, weight in targets.items() if weight > 0} - set(weights)
        causes = {"bucket_position_limit", "min_position_capacity", "displaced_for_representation"}
        assert {run.selection.reasons[asset.asset] for asset in run.bucket_result.rejected_assets} <= causes
        assert all(isinstance(asset, AssetScore) for asset in run.bucket_result.rejected_assets)


def test_a_weak_holding_does_not_block_a_place_and_then_go() -> None:
    """Thresholds come before bucket limits: T1 (.5) is closed, so T2 has the one place of Tech."""
    limits = ON.replace(max_positions_per_bucket=1, min_buckets_represented=1)
    engine = CoreRebalancerEngine(Market(["Tech"]), MAP, Scores({"T1": 0.5, "T2": 0.8}))
    targets = {asset.asset: asset for asset in engine.rebalance(DAY, {"T1": 0.2}, limits, enable_fundamental=False)}
    assert (targets["T1"].reason, targets["T2"].reason, targets["T2"].target_weight) == (
        "below_threshold",
        "added",
        0.2,
    )


def test_dust_was_no_position_that_a_limit_had_to_mend() -> None:
    """Two positions and dust in Tech, two places: nothing was wrong with the number before."""
    engine = CoreRebalancerEngine(
        Market(["Tech"]), {"Tech": ["T1", "T2", "T3"]}, Scores(dict.fromkeys(["T1", "T2"], 0.9))
    )
    limits = ON.replace(max_positions_per_bucket=2, min_buckets_represented=1, unscored_positions="close")
    run = engine.run(DAY, {"T1": 0.2, "T2": 0.1, "T3": 0.0005}, limits, enable_fundamental=False)
    assert run.bucket_result is not None
    assert run.bucket_result.violations_fixed == []
    over = engine.run(DAY, {"T1": 0.2, "T2": 0.1, "T3": 0.05}, limits, enable_fundamental=False)
    assert over.bucket_result is not None
    assert over.bucket_result.violations_fixed == [
        "Tech: positions 3, above max_positions 2: now 2",
    ]


def test_everything_about_a_run() -> None:
    market = Market(["Tech"], trending=["T2"], regime="Deflation", confidence=0.4)
    engine = CoreRebalancerEngine(market, AssetBucketManager(MAP), Scores(SCORES), Scores({"T1": 0.6}))
    run = engine.run(
        rebalance_date=DAY,
        current_positions=pd.Series({"B1": 0.1}),
        limits=ON,
        bucket_names=["Tech"],
        min_trending_confidence=0.5,
        technical_weight=0.5,
        fundamental_weight=0.5,
    )
    assert run.rebalance_date == DAY
    assert market.asked == [(DAY, ("T1", "T2"), 50, 0.5)]
    assert run.universe.assets == ("B1", "T2", "T1")
    assert {asset.asset: asset.combined_score for asset in run.scored_assets} == {
        "B1": 0.7,
        "T2": 0.8,
        "T1": pytest.approx(0.75),
    }
    assert [asset.priority.code for asset in run.scored_assets] == ["portfolio", "trending", "regime"]
    assert list(run.timings) == ["universe", "scores", "rules"]
    assert all(seconds >= 0 for seconds in run.timings.values())
    assert run.result.limits is ON
    assert run.certificate is run.result.certificate
    decoded = json.loads(run.to_json())
    assert (decoded["rebalance_date"], decoded["regime"]) == ("2026-11-24", "Deflation")
    assert "timings" not in decoded
    assert decoded["scores"][1]["missing_data"] == ["fundamental_score"]
    assert decoded["scores"][1]["date"] == "2026-11-24"
    with pytest.raises(dataclasses.FrozenInstanceError):
        run.result = run.result  # type: ignore[misc]


class TestRisk:
    """T2 moves exactly as T1 does; B1 goes its own way."""

    LAST = days(260)[-1]
    ALIKE = RebalancingLimits(enable_bucket_diversification=True, min_buckets_represented=0, max_correlation=0.8)

    def engine(self, **more: Any) -> CoreRebalancerEngine:
        series = {"T1": walk(1, 260, move=0.03), "B1": walk(2, 260, move=0.001)}
        series["T2"] = [2 * price for price in series["T1"]]
        market = MarketData(long(series))
        return CoreRebalancerEngine(Market(["Tech"]), AssetBucketManager(MAP), Scores(SCORES), market=market, **more)

    def test_correlations_come_from_the_prices(self) -> None:
        run = self.engine().run(self.LAST, {}, self.ALIKE, enable_fundamental=False)
        reasons = {asset.asset: asset.reason for asset in run.targets}
        assert (reasons["T1"], reasons["T2"]) == ("added", "too_correlated")
        assert run.bucket_result is not None
        assert (
            "Tech: 1 asset passed over, too correlated for max_correlation 0.8: T2"
            in run.bucket_result.enforcement_actions
        )
        assert [asset.asset for asset in run.bucket_result.rejected_assets] == ["T2"]
        assert list(run.timings) == ["universe", "scores", "risk", "rules"]
        assert json.loads(run.to_json())["risk"] is None

    def test_limits_by_risk(self, caplog: pytest.LogCaptureFixture) -> None:
        limits = RebalancingLimits(enable_bucket_diversification=True, min_buckets_represented=0)
        with caplog.at_level(logging.INFO, logger="trimtab"):
            run = self.engine(risk=RiskConfig()).run(self.LAST, {}, limits, enable_fundamental=False)
        assert run.risk is not None
        (row,) = [row for row in run.risk.table.iter_rows(named=True) if row["bucket"] == "Tech"]
        assert row["adjusted"] < row["general"] == 0.4
        assert sum(asset.target_weight for asset in run.targets if asset.bucket == "Tech") == pytest.approx(
            row["adjusted"]
        )
        assert run.risk.sentences[0] in caplog.text
        assert json.loads(run.to_json())["risk"] == run.risk.table.to_dicts()

    def test_both_need_prices(self) -> None:
        with pytest.raises(SetupError, match=r"risk is given without prices to measure it on: give market="):
            CoreRebalancerEngine(Market(["Tech"]), MAP, Scores(SCORES), risk=RiskConfig())
        engine = CoreRebalancerEngine(Market(["Tech"]), MAP, Scores(SCORES))
        with pytest.raises(SetupError, match=r"max_correlation is 0\.8, but there are no prices to measure"):
            engine.run(DAY, {}, self.ALIKE, enable_fundamental=False)


def test_the_limits_of_the_detected_regime_are_in_force(caplog: pytest.LogCaptureFixture) -> None:
    overrides = {"enable_bucket_diversification": True, "max_total_positions": 1, "min_buckets_represented": 1}
    limits = RebalancingLimits(regimes={"Deflation": overrides})
    for regime, held in (("Deflation", 1), ("Reflation", 2)):
        engine = CoreRebalancerEngine(Market(["Tech"], regime=regime), MAP, Scores(SCORES))
        with caplog.at_level(logging.INFO, logger="trimtab"):
            run = engine.run(DAY, {}, limits, enable_fundamental=False)
        assert run.result.positions == held
        assert (run.bucket_result is not None) == (regime == "Deflation")
        assert caplog.records[0].getMessage().startswith(f"Step 1/{4 + (regime == 'Deflation')}:")
        changed = {limit.name for limit in run.certificate.changed}
        assert changed == (set(overrides) if regime == "Deflation" else set())
        caplog.clear()


def test_real_analysers_and_a_real_detector_fit() -> None:
    """The prices that ship, scored and in a regime by a table: the engine takes the parts as they are."""
    classification = sample_candidates().select(["asset", "bucket"])
    data = MarketData(sample_path("prices.parquet"), classification=classification)
    table = RegimeTable([{"date": "2022-01-01", "regime": "Inflation", "confidence": 0.9}])
    detector = MarketRegimeDetector(table, trend=TrendAnalyzer(data), buckets={"Inflation": ["Stocks/Energy"]})
    buckets: dict[str, list[str]] = {}
    for row in classification.to_pylist():
        buckets.setdefault(row["bucket"], []).append(row["asset"])
    engine = CoreRebalancerEngine(detector, buckets, TechnicalAnalyzer(data))
    limits = ON.replace(bucket_level=2, max_positions_per_bucket=2, regimes={"Inflation": {"max_total_positions": 4}})
    run = engine.run("2022-12-28", {"KO": 0.2, "AAPL": 0.2}, limits, enable_fundamental=False)
    scores = {row["asset"]: row["score"] for row in technical_scores(data.as_of("2022-12-28")).table.to_dicts()}
    assert {asset.asset: asset.combined_score for asset in run.scored_assets} == {
        asset.asset: scores[asset.asset] for asset in run.scored_assets
    }
    assert run.universe.regime == "Inflation"
    assert {"XOM", "CVX", "RRC"} <= {*run.universe.trending_assets, *run.universe.regime_assets}
    assert run.result.positions <= 4
    assert run.certificate.regime == "Inflation"


def test_what_was_given_is_not_changed() -> None:
    held = {"T1": 0.3, "B1": 0.2}
    rows_before = dict(held)
    CoreRebalancerEngine(Market(["Tech"]), MAP, Scores(SCORES)).rebalance(DAY, held, ON, enable_fundamental=False)
    assert held == rows_before
    assert MAP == {"Tech": ["T1", "T2"], "Bond": ["B1"]}


def test_restrictions_and_own_limits_come_from_the_data_manager() -> None:
    data = Data({"T1": {"restriction": "no_sell"}, "T2": {"max_weight": 0.05}})
    engine = CoreRebalancerEngine(Market(["Tech"]), MAP, Scores({**SCORES, "T1": 0.3}), data_manager=data)
    targets = {asset.asset: asset for asset in engine.rebalance(DAY, {"T1": 0.3}, enable_fundamental=False)}
    assert (targets["T1"].reason, targets["T1"].target_weight) == ("restricted", 0.3)
    assert targets["T2"].target_weight == 0.05


def test_a_handler_of_the_room_hears_the_engine(caplog: pytest.LogCaptureFixture) -> None:
    heard: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: heard.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("trimtab.engine")
    logger.addHandler(handler)
    try:
        with caplog.at_level(logging.INFO, logger="trimtab.engine"):
            engine_run(random_rows(random.Random(1)), RebalancingLimits())
    finally:
        logger.removeHandler(handler)
    assert heard[0].startswith("Step 1/4: universe of ")


def test_the_steps_are_logged_with_their_number(caplog: pytest.LogCaptureFixture) -> None:
    engine = CoreRebalancerEngine(Market(["Tech"]), MAP, Scores({**SCORES, "T2": None}))
    with caplog.at_level(logging.INFO, logger="trimtab"):
        engine.run(DAY, {"T1": 0.3}, None, enable_fundamental=False)
    assert [record.getMessage() for record in caplog.records] == [
        "Step 1/4: universe of 2 assets, regime Goldilocks",
        "Step 2/4: 1 asset scored, without a score: T2",
        "Step 3/4: 1 asset selected",
        "Step 4/4: 1 position, cash 80.00 %, turnover 10.00 %",
    ]
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="trimtab"):
        engine.run(DAY, {"T1": 0.3}, ON.replace(max_allocation_per_bucket=0.15), enable_fundamental=False)
    assert [record.getMessage() for record in caplog.records] == [
        "Step 1/5: universe of 3 assets, regime Goldilocks",
        "Step 2/5: 2 assets scored, without a score: T2",
        "Step 3/5: bucket limits: 0 assets kept out, cash_left",
        "  Bond: 1 weight held down, max_allocation_per_bucket 0.15: B1",
        "  Tech: 1 weight held down, max_allocation_per_bucket 0.15: T1",
        "  Tech: weight 30.00%, above max_allocation 15.00%: now 15.00%",
        "  1 bucket represented, below min_buckets_represented 2: now 2",
        "Step 4/5: 2 assets selected",
        "Step 5/5: 2 positions, cash 70.00 %, turnover 15.00 %",
    ]


def test_nothing_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    CoreRebalancerEngine(Market(["Tech"]), MAP, Scores(SCORES)).run(DAY, {}, ON, enable_fundamental=False)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("parts", "options", "sentence"),
    [
        ({"technical_analyzer": None}, {"enable_fundamental": False}, "there is no technical_analyzer: give one"),
        ({}, {}, "there is no fundamental_analyzer: give one to the engine, or set enable_fundamental=False"),
        ({"data_manager": object()}, {}, "the data_manager, a object, lacks get_candidate_data: give an object that"),
        ({"asset_manager": 3}, {}, "a int does not say who is in which bucket"),
        ({"regime_detector": Scores({})}, {}, "the regime_detector, a Scores, lacks get_market_regime"),
        (
            {"regime_detector": Market()},
            {"enable_fundamental": False},
            "the universe is empty: nothing is held, and neither the regime_detector nor bucket_names name a",
        ),
        (
            {"data_manager": Data({"X": {"volatility": 0.2}})},
            {"enable_fundamental": False},
            "the data_manager names the asset 'X', which is not in the universe",
        ),
        (
            {"data_manager": Data({"T1": {"volatilty": 0.2}})},
            {"enable_fundamental": False},
            "the data_manager gives 'volatilty' for 'T1': did you mean 'volatility'?",
        ),
        (
            {},
            {"enable_fundamental": False, "limits": RebalancingLimits(sizing_mode="inverse_volatility")},
            "sizing_mode 'inverse_volatility' needs the volatility of each asset: give a data_manager that knows it",
        ),
        ({}, {"enable_fundamental": False, "bucket_names": "Tech"}, "bucket_names is the text 'Tech': give a list"),
        (
            {"asset_manager": AssetBucketManager({"Tech|Semis": ["T1"]}, separator="|")},
            {"enable_fundamental": False, "bucket_names": ["Tech"], "limits": ON},
            "the buckets' levels are separated by '|' in the bucket manager, by '/' in the limits: give both the same",
        ),
        ({}, {"enable_fundamental": False, "bucket_names": ["Tehc"]}, "bucket_names: the bucket 'Tehc' does not exist"),
    ],
)
def test_parts_that_do_not_fit(parts: dict[str, Any], options: dict[str, Any], sentence: str) -> None:
    arguments = {
        "regime_detector": Market(["Tech"]),
        "asset_manager": MAP,
        "technical_analyzer": Scores(SCORES),
    } | parts
    with pytest.raises(SetupError) as caught:
        CoreRebalancerEngine(**arguments).run(DAY, {}, **options)
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize(
    ("held", "sentence"),
    [
        ({"T1": 30.0, "T2": 25.0}, "the weights sum to 55, above 1.05 .*: they look like percents: divide by 100"),
        ({"T1": -0.1}, "column 'current_weight': is not a weight, for the asset 'T1'"),
        ({"T1": "10%"}, "is not a weight, for the asset 'T1' .received '10%'."),
        ({"": 0.1}, "the asset has no name"),
        ([("T1", 0.1)], "current_positions is a list: map each asset to its weight"),
        (None, "current_positions is a NoneType: map each asset to its weight"),
    ],
)
def test_bad_positions(held: dict[str, Any], sentence: str) -> None:
    engine = CoreRebalancerEngine(Market(["Tech"]), MAP, Scores(SCORES))
    with pytest.raises(InputError, match=sentence):
        engine.run(DAY, held, enable_fundamental=False)


def test_an_unmet_limit_can_be_an_error() -> None:
    engine = CoreRebalancerEngine(Market(["Tech"]), BucketManager({"Tech": ["T1"]}), Scores(SCORES))
    with pytest.raises(UnmetLimitError, match="min_buckets_represented is 1 instead of 2"):
        engine.rebalance(DAY, {}, ON.replace(on_unmet="raise"), enable_fundamental=False)


@pytest.mark.parametrize("mode", SIZING_MODES)
def test_every_sizing_mode(mode: str) -> None:
    data = Data({name: {"volatility": 0.2, "desired_weight": 0.1} for name in SCORES})
    engine = CoreRebalancerEngine(Market(["Tech"]), MAP, Scores(SCORES), data_manager=data)
    targets = engine.rebalance(DAY, {"B1": 0.2}, RebalancingLimits(sizing_mode=mode), enable_fundamental=False)
    assert {asset.target_weight for asset in targets} == {0.1 if mode == "desired" else 0.2}

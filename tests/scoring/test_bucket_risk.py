"""Bucket limits by risk: the covariance against a plain computation, and what bounds a limit."""

from __future__ import annotations

import math
import statistics
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from price_series import days, long, walk

from trimtab import rebalance
from trimtab.errors import InputError, LimitsError
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.market.market_data import MarketData
from trimtab.market.view import MarketView
from trimtab.scoring.bucket_risk import RiskConfig, risk_adjusted
from trimtab.scoring.price_correlations import CorrelationConfig, _pairwise, price_correlations

ON: dict[str, Any] = {"enable_bucket_diversification": True, "min_buckets_represented": 0}
COUNT = 260
CALM, WILD = (
    (walk(index, COUNT, move=0.005) for index in (1, 2)),
    (walk(index, COUNT, move=0.03) for index in (3, 4, 5)),
)
SERIES: dict[str, list[float | None]] = {
    **{f"C{index}": list(prices) for index, prices in enumerate(CALM)},
    **{f"W{index}": list(prices) for index, prices in enumerate(WILD)},
}
BUCKETS = {"C0": "Calm", "C1": "Calm", "W0": "Wild/One", "W1": "Wild/Two", "W2": "Wild/Two"}


def view(series: Mapping[str, list[float | None]] = SERIES, buckets: Mapping[str, str] | None = BUCKETS) -> MarketView:
    classes = None if buckets is None else [{"symbol": name, "bucket": path} for name, path in buckets.items()]
    return MarketData(long(series), classification=classes).as_of(days(COUNT)[-1])


def plain_shrunk(returns: Any) -> Any:
    """Ledoit and Wolf 2004, from the formulas of section 3: towards the mean variance times the identity."""
    x = returns - returns.mean(axis=0)
    sessions, assets = x.shape
    sample = sum(np.outer(row, row) for row in x) / sessions
    mean = np.trace(sample) / assets
    distance = ((sample - mean * np.eye(assets)) ** 2).sum() / assets
    error = sum(((np.outer(row, row) - sample) ** 2).sum() for row in x) / assets / sessions**2
    weight = min(error, distance) / distance if distance > 0 else 0.0
    return weight * mean * np.eye(assets) + (1 - weight) * sample


def returns_of(symbols: list[str], sessions: int = 252) -> Any:
    prices = np.array([SERIES[symbol][-sessions - 1 :] for symbol in symbols], float).T
    return prices[1:] / prices[:-1] - 1


class TestVolatility:
    @pytest.mark.parametrize(("bucket", "symbols"), [("Calm", ["C0", "C1"]), ("Wild", ["W0", "W1", "W2"])])
    def test_against_the_formulas(self, bucket: str, symbols: list[str]) -> None:
        table = risk_adjusted(RebalancingLimits(**ON), view()).table
        row = table.row(by_predicate=pl.col("bucket") == bucket, named=True)
        weights = np.full(len(symbols), 1 / len(symbols))
        expected = math.sqrt(weights @ plain_shrunk(returns_of(symbols)) @ weights * 252)
        assert row["volatility"] == pytest.approx(expected, rel=1e-10)
        assert row["assets"] == len(symbols)

    def test_one_asset_is_its_own_volatility(self) -> None:
        table = risk_adjusted(RebalancingLimits(**ON, bucket_level=2), view()).table
        assert table["bucket"].to_list() == ["Wild/One", "Wild/Two"]
        expected = statistics.pstdev(returns_of(["W0"])[:, 0].tolist()) * math.sqrt(252)
        assert table["volatility"][0] == pytest.approx(expected, rel=1e-10)

    def test_what_cannot_be_measured_is_left_out(self) -> None:
        series = {name: list(prices) for name, prices in SERIES.items()}
        series["W1"][100] = None
        series["C0"][:50] = [None] * 50
        series["C1"][250] = 1.0
        table = risk_adjusted(RebalancingLimits(**ON), view(series)).table
        assert table.select("bucket", "assets").rows() == [("Calm", 0), ("Wild", 2)]
        assert table.row(0, named=True) == {
            "bucket": "Calm",
            "assets": 0,
            "volatility": None,
            "general": 0.4,
            "adjusted": 0.4,
        }

    def test_too_few_sessions(self) -> None:
        table = risk_adjusted(RebalancingLimits(**ON), view(), RiskConfig(sessions=260)).table
        assert table["assets"].to_list() == [0, 0]

    def test_unknown_has_no_risk(self) -> None:
        table = risk_adjusted(RebalancingLimits(**ON), view(buckets={"C0": "Unknown/X", "W0": "Wild"})).table
        assert table["bucket"].to_list() == ["Wild"]


class TestLimits:
    def test_by_hand(self) -> None:
        """Wild moves about 0.28 a year: with a target of a third of it, a third of the limit; Calm keeps its own."""
        volatility = dict(
            risk_adjusted(RebalancingLimits(**ON), view()).table.select("bucket", "volatility").iter_rows()
        )
        config = RiskConfig(target_volatility=volatility["Wild"] / 3)
        adjusted = risk_adjusted(RebalancingLimits(**ON, buckets={"Wild": {"max_positions": 2}}), view(), config)
        assert volatility["Calm"] < config.target_volatility
        assert adjusted.limits.buckets["Wild"].max_allocation == pytest.approx(0.4 / 3)
        assert adjusted.limits.buckets["Wild"].max_positions == 2
        assert "Calm" not in adjusted.limits.buckets
        assert adjusted.table["adjusted"].to_list() == [0.4, pytest.approx(0.4 / 3)]
        assert adjusted.limits.known_buckets == ("Wild",)

    @pytest.mark.parametrize(
        ("wild", "adjusted"),
        [
            ({"max_allocation": 0.3, "min_allocation": 0.25}, 0.25),
            ({"max_allocation": 0.3}, 0.02),
            ({"max_allocation": 0.0}, 0.0),
        ],
    )
    def test_the_bounds_of_a_limit(self, wild: dict[str, float], adjusted: float) -> None:
        limits = RebalancingLimits(**ON, buckets={"Wild": wild})
        lowered = risk_adjusted(limits, view(), RiskConfig(target_volatility=1e-4)).limits
        assert lowered.buckets["Wild"].max_allocation == adjusted

    def test_the_regime_in_force_is_adjusted(self) -> None:
        limits = RebalancingLimits(**ON, regimes={"Deflation": {"max_allocation_per_bucket": 0.2}}).in_regime(
            "Deflation"
        )
        config = RiskConfig(target_volatility=1e-4)
        adjusted = risk_adjusted(limits, view(), config).limits
        assert adjusted.buckets["Wild"].max_allocation == adjusted.min_position_weight
        assert adjusted.in_regime(None).buckets == {}
        assert "buckets['Wild'].max_allocation" in {change.name for change in adjusted.changed}

    def test_the_rebalance_holds_them(self) -> None:
        rows = [{"asset": name, "bucket": path, "score": 0.9} for name, path in BUCKETS.items()]
        volatility = risk_adjusted(RebalancingLimits(**ON), view()).table["volatility"][1]
        adjusted = risk_adjusted(
            RebalancingLimits(**ON, max_new_positions=5), view(), RiskConfig(target_volatility=volatility / 4)
        )
        held = rebalance(rows, adjusted.limits).targets
        assert sum(row["target_weight"] for row in held if row["bucket"].startswith("Wild")) == pytest.approx(0.1)

    def test_later_prices_change_nothing(self) -> None:
        series = {name: [*prices, *(10.0 * price for price in prices[:5] if price)] for name, prices in SERIES.items()}
        classes = [{"symbol": name, "bucket": path} for name, path in BUCKETS.items()]
        later = MarketData(long(series), classification=classes).as_of(days(COUNT)[-1])
        limits = RebalancingLimits(**ON)
        assert risk_adjusted(limits, later).table.equals(risk_adjusted(limits, view()).table)


class TestRefused:
    def test_limits_that_are_off(self) -> None:
        for limits in (RebalancingLimits(), RebalancingLimits(**ON, enforce_allocation_limits=False)):
            with pytest.raises(
                LimitsError, match="limits by risk lower the allocation limits of buckets, which are off"
            ):
                risk_adjusted(limits, view())

    def test_no_classification(self) -> None:
        with pytest.raises(InputError, match="there is no classification"):
            risk_adjusted(RebalancingLimits(**ON), view(buckets=None))

    def test_a_config_that_cannot_be(self) -> None:
        with pytest.raises(LimitsError, match="target_volatility must be at least"):
            RiskConfig(target_volatility=0)

    def test_without_scikit_learn(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "sklearn.covariance", None)
        with pytest.raises(Exception, match=r"need scikit-learn: pip install 'trimtab\[risk\]'"):
            risk_adjusted(RebalancingLimits(**ON), view())

    def test_it_loads_only_where_it_is_used(self) -> None:
        code = "import sys, trimtab; trimtab.risk_adjusted; print('sklearn' in sys.modules)"
        assert (
            subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
        )


class TestInWords:
    def test_each_lowered_limit_is_named(self) -> None:
        adjusted = risk_adjusted(RebalancingLimits(**ON), view())
        (row,) = [row for row in adjusted.table.iter_rows(named=True) if row["bucket"] == "Wild"]
        sentence = f"max_allocation of Wild is {row['adjusted']:.4g} by risk instead of 0.4: its volatility is "
        assert adjusted.sentences == (f"{sentence}{row['volatility']:.1%} a year (252 sessions), the target 15.0%",)
        assert risk_adjusted(RebalancingLimits(**ON), view(), RiskConfig(target_volatility=9.0)).sentences == ()

    def test_a_bucket_without_a_measured_asset_is_named(self) -> None:
        buckets = {"C0": "Mine", "C1": "Mine", "XX": "Nowhere", "YY": "Nothing"}
        adjusted = risk_adjusted(RebalancingLimits(**ON), view(), RiskConfig(target_volatility=9.0), buckets)
        assert adjusted.sentences == (
            "risk could not be measured, so the limit stays: Nothing, Nowhere (too few prices, or findings)",
        )

    def test_other_buckets_than_those_of_the_view(self) -> None:
        adjusted = risk_adjusted(RebalancingLimits(**ON), view(buckets=None), None, {"C0": "Mine", "C1": "Mine"})
        assert adjusted.table.select("bucket", "assets").rows() == [("Mine", 2)]


class TestCorrelations:
    def test_against_numpy(self) -> None:
        correlations = price_correlations(view())
        expected = np.corrcoef(returns_of(list(correlations.names)), rowvar=False)
        assert correlations.names == ("C0", "C1", "W0", "W1", "W2")
        assert np.abs(correlations.values - expected).max() < 1e-12

    def test_over_the_sessions_that_both_have(self) -> None:
        series = {name: list(prices) for name, prices in SERIES.items()}
        series["C0"][:100] = [None] * 100
        correlations = price_correlations(view(series))
        first, second = returns_of(["C0", "W0"], 159).T
        assert correlations.of("C0", "W0") == pytest.approx(np.corrcoef(first, second)[0, 1], abs=1e-12)
        assert price_correlations(view(series), config=CorrelationConfig(least_common=200)).of("C0", "W0") is None
        assert price_correlations(view(series), config=CorrelationConfig(least_common=200)).of("C1", "W0") is not None

    def test_only_some_assets_and_what_has_no_price(self) -> None:
        correlations = price_correlations(view(), ["W1", "C0", "XX"])
        assert correlations.names == ("C0", "W1")
        assert correlations.of("C0", "W1") == price_correlations(view()).of("C0", "W1")
        assert price_correlations(view(), ["XX"]).names == ()

    def test_what_a_finding_blocks_or_does_not_move_is_not_known(self) -> None:
        series = {name: list(prices) for name, prices in SERIES.items()}
        series["C0"][200] = None
        assert "C0" not in price_correlations(view(series)).names
        returns = np.column_stack((returns_of(["W0", "W1"]), np.full(252, 0.001)))
        known = _pairwise(returns, 126)
        assert np.isnan(known[2, :2]).all()
        assert not np.isnan(known[:2, :2]).any()

    def test_one_session_knows_nothing(self) -> None:
        data = MarketData(long({"A": [1.0], "B": [2.0]}))
        assert price_correlations(data.as_of(days(1)[0])).of("A", "B") is None

    def test_a_config_that_cannot_be(self) -> None:
        with pytest.raises(LimitsError, match="least_common 300 is above sessions 252"):
            CorrelationConfig(least_common=300)
        with pytest.raises(LimitsError, match="sessions must be at least 3"):
            CorrelationConfig(sessions=2)


@pytest.mark.thorough
def test_the_real_sectors(market_data: Path) -> None:
    """Eleven sectors of the index: in September 2011 energy moved more than utilities."""
    names = pl.read_csv(market_data / "instruments.csv").filter(pl.col("kind") == "stock")
    data = MarketData(
        market_data / "us_stocks_close_2005_2017.parquet", classification=names.select("symbol", bucket="gics_sector")
    )
    table = risk_adjusted(RebalancingLimits(**ON), data.as_of("2011-09-30")).table
    volatility = dict(table.select("bucket", "volatility").iter_rows())
    assert table.height == 11
    assert volatility["Energy"] > 1.5 * volatility["Utilities"]
    assert (table["adjusted"] <= table["general"]).all()

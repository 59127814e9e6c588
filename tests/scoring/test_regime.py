"""Trends and regimes: worked by hand, on the real data against a plain computation, and blind to what comes later."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from price_series import days, long, walk, walks

from trimtab.errors import InputError, LimitsError
from trimtab.market.market_data import MarketData
from trimtab.scoring.regime import MarketRegimeDetector, RegimeConfig, RegimeTable, TrendRegimes, regime_history
from trimtab.scoring.technical import technical_scores
from trimtab.scoring.trend import TrendAnalyzer, TrendConfig, trends

FAST = {"short": 2, "middle": 3, "long": 4}
UP, DOWN = [10.0 + index for index in range(6)], [20.0 - index for index in range(6)]


def regimes(growth: list[float | None], inflation: list[float | None], **more: Any) -> list[tuple[str, float]]:
    """Regime and confidence of every session, with one proxy a side."""
    settings = {"growth": ("G",), "inflation": ("I",), "min_stay": 1, **FAST, **more}
    data = MarketData(long({"G": growth, "I": inflation, "X": walk(1, len(growth)), "Y": walk(2, len(growth))}))
    history = regime_history(data.as_of(data.sessions[-1]), RegimeConfig(**settings))
    return [(regime, round(confidence, 6)) for regime, confidence in history.select("regime", "confidence").iter_rows()]


class TestRegimes:
    @pytest.mark.parametrize(
        ("growth", "inflation", "regime"),
        [(UP, DOWN, "Goldilocks"), (UP, UP, "Reflation"), (DOWN, UP, "Inflation"), (DOWN, DOWN, "Deflation")],
    )
    def test_the_four(self, growth: list[float], inflation: list[float], regime: str) -> None:
        """The averages of 2, 3, 4 sessions come one after the other: 1, 2, then all 3 of the votes can be cast."""
        assert regimes([*growth], [*inflation]) == [
            ("Unknown", 0.0),
            (regime, round(1 / 3, 6)),
            (regime, round(2 / 3, 6)),
            *[(regime, 1.0)] * 3,
        ]

    def test_the_confidence_is_the_smaller_share(self) -> None:
        """Growth: 10, 11, 12, 13, then 12.1. Over 2: 12.55 (below), over 3: 12.37 (below), over 4: 12.025 (above)."""
        history = regimes([10.0, 11.0, 12.0, 13.0, 12.1], UP[:5])
        assert history[-2:] == [("Reflation", 1.0), ("Inflation", round(2 / 3, 6))]

    def test_a_regime_stays_its_time(self) -> None:
        zigzag = [10.0, 11.0, 12.0, 13.0, 9.0, 8.0, 7.0, 6.0, 5.0, 4.0]
        inflation = [10.0 + index for index in range(10)]
        names = [regime for regime, _ in regimes([*zigzag], [*inflation], min_stay=6)]
        assert names == ["Unknown", *["Reflation"] * 6, *["Inflation"] * 3]
        assert regimes([*zigzag], [*inflation], min_stay=6)[5] == ("Reflation", 0.0)
        assert [regime for regime, _ in regimes([*zigzag], [*inflation])][4:] == ["Inflation"] * 6

    def test_no_majority_keeps_the_side(self) -> None:
        """A price on its averages has no vote: flat growth after a rise still counts as rising."""
        history = regimes([10.0, 11.0, 12.0, 12.0, 12.0, 12.0, 12.0], [*UP, 16.0])
        assert history[-1] == ("Reflation", 0.0)

    def test_a_ratio(self) -> None:
        data = MarketData(long({"A": UP, "B": [10.0] * 6, "I": DOWN}))
        config = RegimeConfig(growth=("A/B",), inflation=("I",), **FAST)
        assert TrendRegimes(data, config).regime_on(days(6)[-1]) == ("Goldilocks", 1.0)
        other = RegimeConfig(growth=("B/A",), inflation=("I",), **FAST)
        assert TrendRegimes(data, other).regime_on(days(6)[-1]) == ("Deflation", 1.0)

    def test_a_missing_price_casts_no_vote(self) -> None:
        history = regimes([*UP[:5], None], [*UP])
        assert history[-1] == ("Reflation", 0.0)
        gap = regimes([10.0, 11.0, None, 13.0, 14.0, 15.0], [*UP])
        assert [confidence for _, confidence in gap] == [
            0.0,
            round(1 / 3, 6),
            0.0,
            0.0,
            round(1 / 3, 6),
            round(2 / 3, 6),
        ]

    def test_a_finding_casts_no_vote_while_it_is_in_the_window(self) -> None:
        """A hundred times the price is no growth."""
        jump = [10.0, 11.0, 12.0, 1300.0, 1400.0, 1500.0]
        assert [confidence for _, confidence in regimes([*jump], [*UP])] == [
            0.0,
            round(1 / 3, 6),
            round(2 / 3, 6),
            0.0,
            0.0,
            round(1 / 3, 6),
        ]

    def test_no_look_ahead(self) -> None:
        series = walks(["A", "B", "C"], 200)
        poisoned = {name: [*prices[:150], *(price * 1000 for price in prices[150:])] for name, prices in series.items()}
        config = RegimeConfig(growth=("A", "A/B"), inflation=("C",), short=5, middle=20, long=50)
        ours, theirs = TrendRegimes(MarketData(long(series)), config), TrendRegimes(MarketData(long(poisoned)), config)
        for on in days(150)[::7]:
            assert ours.regime_on(on) == theirs.regime_on(on)

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({}, "growth names no series"),
            ({"growth": ("A",)}, "inflation names no series"),
            ({"growth": ("A/B/C",), "inflation": ("I",)}, "'A/B/C' is not a proxy"),
            ({"growth": ("A/",), "inflation": ("I",)}, "'A/' is not a proxy"),
            ({"growth": ("A",), "inflation": ("I",), "min_stay": 0}, "min_stay must be at least 1"),
        ],
    )
    def test_a_config_that_cannot_be(self, fields: dict[str, Any], message: str) -> None:
        with pytest.raises(LimitsError, match=message):
            RegimeConfig(**fields)

    def test_a_proxy_without_prices(self) -> None:
        with pytest.raises(InputError, match=r"the proxy has no prices \(received 'SPI'\): did you mean 'SPY'"):
            TrendRegimes(MarketData(long({"SPY": UP})), RegimeConfig(growth=("SPI",), inflation=("SPY",)))

    def test_kept(self) -> None:
        regimes = TrendRegimes(
            MarketData(long({"A": UP, "B": DOWN})), RegimeConfig(growth=("A",), inflation=("B",), **FAST)
        )
        assert regimes.regime_on(days(6)[-1]) is regimes.regime_on(str(days(6)[-1]))
        assert regimes.names == ("Goldilocks", "Reflation", "Inflation", "Deflation")


class TestTable:
    ROWS = (
        {"date": "2020-06-30", "regime": "Reflation", "confidence": 0.5},
        {"date": "2020-01-31", "regime": "Deflation", "confidence": 0.9},
    )

    def test_the_last_known(self) -> None:
        table = RegimeTable(list(self.ROWS))
        known = [table.regime_on(day) for day in ("2020-01-30", "2020-01-31", "2020-06-29", "2021-01-01")]
        assert known == [("Unknown", 0.0), ("Deflation", 0.9), ("Deflation", 0.9), ("Reflation", 0.5)]
        assert table.names == ("Deflation", "Reflation")

    @pytest.mark.parametrize(
        ("rows", "message"),
        [
            ([{"date": "2020-01-31"}], "column 'regime': the column is missing"),
            ([{**ROWS[0], "confidence": 50.0}], r"row 1, column 'confidence': is outside 0 to 1 \(received 50.0\)"),
            ([{**ROWS[0], "confidence": None}], "row 1, column 'confidence': is outside 0 to 1"),
            ([ROWS[0], ROWS[0]], "row 2, column 'date': an earlier row has the same day"),
        ],
    )
    def test_refused(self, rows: list[dict[str, Any]], message: str) -> None:
        with pytest.raises(InputError, match=message):
            RegimeTable(rows)


class TestDetector:
    TABLE = RegimeTable([{"date": "2020-01-31", "regime": "Deflation"}, {"date": "2020-06-30", "regime": "Reflation"}])

    def test_what_it_answers(self) -> None:
        data = MarketData(long({"A": UP, "B": DOWN}))
        detector = MarketRegimeDetector(
            self.TABLE,
            trend=TrendAnalyzer(data, TrendConfig(sessions=5)),
            buckets={"Deflation": ["Bonds"]},
            research={"2020-03-01": ["Gold"], "2020-02-01": ["Cash"]},
        )
        assert detector.get_market_regime("2020-03-01") == ("Deflation", 1.0)
        assert detector.get_regime_buckets("Deflation") == ["Bonds"]
        assert detector.get_regime_buckets("Reflation") == []
        assert detector.get_regime_buckets("Unknown") == []
        assert [detector.get_research_buckets(day) for day in ("2020-01-31", "2020-02-15", "2020-03-01")] == [
            None,
            ["Cash"],
            ["Gold"],
        ]
        assert detector.get_trending_assets(days(6)[-1], ["A", "B"], 5, 0.5) == ["A"]

    def test_what_it_was_not_given(self) -> None:
        detector = MarketRegimeDetector(self.TABLE)
        assert detector.get_trending_assets("2020-01-01", ["A"], 5, 0.5) == []
        assert detector.get_research_buckets("2020-01-01") is None

    def test_a_regime_that_cannot_occur(self) -> None:
        with pytest.raises(
            InputError, match=r"the regime does not exist \(received 'Deflatoin'\): did you mean 'Deflation'"
        ):
            MarketRegimeDetector(self.TABLE, buckets={"Deflatoin": ["Bonds"]})
        with pytest.raises(InputError, match="the regime does not exist"):
            MarketRegimeDetector(self.TABLE).get_regime_buckets("Boom")


class TestTrends:
    def test_a_line(self) -> None:
        """ln P rises by ln 1.01 a session on a line: growth 1 % a session, confidence 1."""
        data = MarketData(long({"A": [1.01**index for index in range(8)], "B": [100.0] * 8}))
        (row,) = trends(data.as_of(days(8)[-1]), TrendConfig(sessions=5, year=1)).rows()
        assert row == ("A", pytest.approx(0.01), pytest.approx(0.01), pytest.approx(1.0))

    def test_the_rest(self) -> None:
        """Strongest first; with min_confidence, of these assets, at most limit; nothing that falls, is short, or blocked."""
        series: dict[str, list[float | None]] = {
            "SLOW": [1.001**index for index in range(30)],
            "FAST": [1.01**index for index in range(30)],
            "DOWN": [0.99**index for index in range(30)],
            "GAP": [None if index == 27 else 1.02**index for index in range(30)],
            "YOUNG": [None if index < 27 else 1.02**index for index in range(30)],
            "NOISE": [1.03**index * (1.2 if index % 2 else 1.0) for index in range(30)],
        }
        analyzer = TrendAnalyzer(MarketData(long(series)), TrendConfig(sessions=10))
        on = days(30)[-1]
        assert analyzer.get_trending_assets(on) == ["NOISE", "FAST", "SLOW"]
        assert analyzer.get_trending_assets(on, min_confidence=0.9) == ["FAST", "SLOW"]
        assert analyzer.get_trending_assets(on, ["SLOW", "DOWN", "FAST"], 1) == ["FAST"]
        assert analyzer.get_trending_assets(on, [], 1) == []
        assert analyzer.trends(on) is analyzer.trends(str(on))
        assert analyzer.get_trending_assets(days(9)[-1]) == []

    def test_any_name_is_a_name(self) -> None:
        names = [
            "asset",
            "at",
            "close",
            "price",
            "row",
            "symbol",
            "value",
            "kind",
            "literal",
            "len",
            "^GSPC",
            "$",
            "A/B",
            "é",
        ]
        data = MarketData(long({name: [1.01**index * (index % 3 + 9) for index in range(300)] for name in names}))
        on = days(300)[-1]
        assert TrendAnalyzer(data).trends(on)["asset"].to_list() == sorted(names)
        assert technical_scores(data.as_of(on)).table["score"].to_list() == [0.5] * len(names)
        assert data.as_of(on).last_prices(names).keys() == set(names)
        assert TrendRegimes(data, RegimeConfig(growth=("^GSPC",), inflation=("row",))).regime_on(on)[0] != "Unknown"

    def test_ties_go_by_name(self) -> None:
        data = MarketData(long({name: [1.01**index for index in range(10)] for name in ("B", "C", "A")}))
        assert TrendAnalyzer(data, TrendConfig(sessions=5)).get_trending_assets(days(10)[-1]) == ["A", "B", "C"]

    def test_every_asset_blocked(self) -> None:
        data = MarketData(long({"A": [1.0, -1.0, 1.1, 1.2, 1.3]}))
        assert trends(data.as_of(days(5)[-1]), TrendConfig(sessions=3)).is_empty()

    def test_a_config_that_cannot_be(self) -> None:
        with pytest.raises(LimitsError, match="sessions must be at least 3"):
            TrendConfig(sessions=2)

    def test_the_real_series(self, market_data: Path) -> None:
        data = MarketData(market_data / "us_etfs_ohlcv_2005_2017.parquet")
        view = data.as_of("2016-06-30")
        measured = trends(view)
        assert measured.height > 150
        line = np.arange(90.0)
        for asset, growth, strength, fit in measured.iter_rows():
            logs = np.log(view.prices[asset].tail(90).to_numpy())
            slope = np.polyfit(line, logs, 1)[0]
            plain = math.exp(252 * slope) - 1
            assert growth == pytest.approx(plain, rel=1e-10, abs=1e-10)
            assert fit == pytest.approx(np.corrcoef(line, logs)[0, 1] ** 2, rel=1e-9, abs=1e-10)
            assert strength == pytest.approx(plain * fit, rel=1e-9, abs=1e-10)


def test_the_regimes_of_the_real_series(market_data: Path) -> None:
    """Votes and sides against a plain computation, session by session."""
    data = MarketData(market_data / "us_etfs_ohlcv_2005_2017.parquet")
    view = data.as_of("2017-11-10")
    config = RegimeConfig(growth=("SPY", "XLY/XLP"), inflation=("TIP/IEF",), min_stay=1)
    history = regime_history(view, config)
    spy, over, under = (view.prices[name].to_numpy() for name in ("SPY", "XLY", "XLP"))
    rng = random.Random(5)
    for index in rng.sample(range(252, len(spy)), 200):
        votes = [
            np.sign(series[index] - math.fsum(series[index - sessions + 1 : index + 1]) / sessions)
            for series in (spy, over / under)
            for sessions in (63, 126, 252)
        ]
        assert history["growth"][index] == pytest.approx(sum(votes) / 6)
    assert history.filter(pl.col("regime") == "Unknown").height < 252

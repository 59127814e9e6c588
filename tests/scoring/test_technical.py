"""The technical score: each part against a plain computation, the ranks by hand, and what a missing price does."""

from __future__ import annotations

import datetime as dt
import math
import os
import random
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest
from price_series import days, long, walk, walks
from thorough import mostly_thorough

from trimtab import RebalancingLimits, backtest, check, rebalance
from trimtab.errors import LimitsError
from trimtab.market.market_data import MarketData
from trimtab.market.prices import MarketChecks
from trimtab.scoring.ranks import percentile_rank, weighted_mean
from trimtab.scoring.technical import (
    PARTS,
    TechnicalAnalyzer,
    TechnicalConfig,
    TechnicalWindows,
    technical_parts,
    technical_scores,
)

NAMES = [f"S{number:02}" for number in range(12)]


def plain_parts(prices: Sequence[float]) -> dict[str, float]:
    """The parts from the text of the docstring, with the standard library alone."""
    now, year, month = prices[-1], prices[-252:], 21
    returns = [after / before - 1 for before, after in zip(prices[-253:], prices[-252:], strict=False)]
    short, average = math.fsum(prices[-50:]) / 50, math.fsum(prices[-200:]) / 200
    return {
        "momentum": prices[-1 - month] / prices[-253] - 1,
        "trend": ((now / short - 1) + (now / average - 1)) / 2,
        "volatility": statistics.stdev(returns) * math.sqrt(252),
        "drawdown": now / max(year) - 1,
        "reversal": now / prices[-1 - month] - 1,
    }


def assert_parts(prices: pl.DataFrame, smallest: int) -> None:
    checked = 0
    for row in technical_parts(prices, TechnicalConfig().for_year(252)).iter_rows(named=True):
        series = prices[row["asset"]].to_list()[-253:]
        if None in series or len(series) < 253:
            continue
        checked += 1
        for part, value in plain_parts(series).items():
            assert row[part] == pytest.approx(value, rel=1e-10, abs=1e-10), (row["asset"], part)
            assert row[f"{part}_missing"] == 0
    assert checked >= smallest


def test_the_parts_of_random_series() -> None:
    assert_parts(MarketData(long(walks(NAMES, 300))).as_of("2022-01-01").prices, len(NAMES))


@pytest.mark.parametrize("date", ["2006-06-30", "2008-11-20", "2013-03-28", "2017-11-08"])
@pytest.mark.thorough
def test_the_parts_of_the_real_series(market_data: Path, real: MarketData, date: str) -> None:
    assert_parts(real.as_of(date).prices, 440)


@pytest.fixture(scope="module")
def real(market_data: Path) -> MarketData:
    return MarketData(market_data / "us_stocks_close_2005_2017.parquet")


class TestByHand:
    """A year of 3 sessions, a month of 1, averages of 2 and 3: everything fits on a line."""

    CONFIG = TechnicalConfig(year=3, month=1, short_average=2, long_average=3)

    def test_the_parts(self) -> None:
        """P = 10, 12, 9, 12: momentum 9/10 - 1; trend (12/10.5 + 12/11)/2 - 1; returns 0.2, -0.25, 1/3."""
        parts = technical_parts(
            pl.DataFrame({"date": days(4), "A": [10.0, 12.0, 9.0, 12.0]}), self.CONFIG.for_year(252)
        ).row(0, named=True)
        assert parts["momentum"] == pytest.approx(-0.1)
        assert parts["trend"] == pytest.approx((12 / 10.5 + 12 / 11) / 2 - 1)
        assert parts["volatility"] == pytest.approx(statistics.stdev([0.2, -0.25, 1 / 3]) * math.sqrt(3))
        assert parts["drawdown"] == 0.0
        assert parts["reversal"] == pytest.approx(1 / 3)

    def test_the_score_is_the_weighted_mean_of_the_ranks(self) -> None:
        """A falls 1 a day, B stays near 10, C rises: momentum, trend and drawdown rank C, B, A; the others differ."""
        series = {"A": [13.0, 12.0, 11.0, 10.0], "B": [10.0, 10.1, 10.0, 10.1], "C": [10.0, 11.0, 12.0, 13.0]}
        scores = technical_scores(
            MarketData(long(series), checks=MarketChecks(window=4)).as_of("2020-02-01"), self.CONFIG
        )
        ranks = scores.table.select("asset", *(f"{part}_rank" for part in PARTS)).rows()
        # volatility: C's returns 1/10, 1/11, 1/12 differ by 0.0167, A's -1/13, -1/12, -1/11 by 0.014, B's by 0.02;
        # reversal: A -0.09 is lowest and best, then B 0.01, then C 0.083; drawdown: B and C are at their high
        assert ranks == [
            ("A", 0.0, 0.0, 1.0, 0.0, 1.0),
            ("B", 0.5, 0.5, 0.0, 0.75, 0.5),
            ("C", 1.0, 1.0, 0.5, 0.75, 0.0),
        ]
        expected = [0.2 + 0.1, 0.3 * 0.5 + 0.25 * 0.5 + 0.15 * 0.75 + 0.1 * 0.5, 0.3 + 0.25 + 0.2 * 0.5 + 0.15 * 0.75]
        assert scores.table["score"].to_list() == pytest.approx(expected, abs=1e-12)
        assert scores.table["confidence"].to_list() == [1.0] * 3
        assert scores.table["reason"].to_list() == [""] * 3
        assert scores.table["missing"].to_list() == [""] * 3
        assert scores.date == dt.date(2020, 2, 1)
        assert scores.session == days(4)[-1]

    def test_weights_are_relative(self) -> None:
        view = MarketData(long(walks(NAMES, 260))).as_of("2022-01-01")
        first, second = (
            technical_scores(
                view,
                TechnicalConfig(
                    momentum_weight=2 * scale,
                    trend_weight=scale,
                    volatility_weight=0,
                    drawdown_weight=0,
                    reversal_weight=0,
                ),
            ).table["score"]
            for scale in (1, 0.1)
        )
        assert first.to_list() == pytest.approx(second.to_list(), abs=1e-12)

    def test_ranks(self) -> None:
        frame = pl.DataFrame({"x": [3.0, 1.0, None, 1.0], "one": [None, 5.0, None, None]})
        ranks = frame.select(percentile_rank(pl.col("x")), percentile_rank(pl.col("one")))
        assert ranks["x"].to_list() == [1.0, 0.25, None, 0.25]
        assert ranks["one"].to_list() == [None, 0.5, None, None]

    def test_weighted_mean(self) -> None:
        frame = pl.DataFrame({"x": [1.0, None, None], "y": [0.0, 0.5, None]}, schema={"x": pl.Float64, "y": pl.Float64})
        assert frame.select(weighted_mean({"x": 3, "y": 1})).to_series().to_list() == [0.75, 0.5, None]

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({f"{part}_weight": 0 for part in PARTS}, "every weight is 0"),
            ({"month": 252, "year": 252}, "month 252 is not below year 252: lower the one"),
            ({"short_average": 200, "long_average": 200}, "short_average 200 is not below long_average 200: lower the"),
            ({"momentum_weight": -1}, "momentum_weight must be at least 0"),
            ({"min_confidence": 50}, "looks like a percent, write 0.5"),
        ],
    )
    def test_a_config_that_cannot_be(self, fields: dict[str, float], message: str) -> None:
        with pytest.raises(LimitsError, match=message):
            TechnicalConfig(**fields)

    def test_windows_in_proportion_to_a_year(self) -> None:
        assert TechnicalConfig().for_year(252) == TechnicalWindows(252, 21, 50, 200)
        assert TechnicalConfig().for_year(365) == TechnicalWindows(365, 30, 72, 290)
        assert TechnicalConfig(month=5).for_year(12) == TechnicalWindows(12, 5, 2, 10)
        assert TechnicalConfig().for_year(1) == TechnicalWindows(2, 1, 2, 3)
        message = "month 52 is not below year 52, which is in proportion to the sessions of a year: set both"
        with pytest.raises(LimitsError, match=message):
            TechnicalConfig(month=52).for_year(52)

    def test_parts_that_look_further_than_the_checks(self) -> None:
        view = MarketData(long(walks(NAMES, 260))).as_of("2022-01-01")
        with pytest.raises(LimitsError, match=r"look at 301 sessions and the checks at 253: raise MarketChecks.window"):
            technical_scores(view, TechnicalConfig(year=300))


class TestWhatIsMissing:
    def test_each_obstacle_has_its_code(self) -> None:
        series = walks(NAMES, 260)
        series["S00"][200] = None  # a gap
        series["S01"][:100] = [None] * 100  # too young
        series["S02"][258] *= 100  # a unit error, and back
        series["S03"][259] = None  # no last price
        members = [{"symbol": name, "from": "2000-01-01", "to": None} for name in NAMES if name != "S04"]
        table = technical_scores(MarketData(long(series), membership=members).as_of("2022-01-01")).table
        expected = {
            "S00": ("gap", "trend,volatility,drawdown"),
            "S01": ("low_confidence", "momentum,trend,volatility,drawdown"),
            "S02": ("unit_like_jump", ""),
            "S03": ("stale_price", "trend,volatility,drawdown,reversal"),
            "S04": ("not_member", ""),
        }
        for asset, score, reason, missing in table.select("asset", "score", "reason", "missing").iter_rows():
            assert (reason, missing) == expected.get(asset, ("", "")), asset
            assert (score is None) == (asset in expected)

    def test_the_confidence_is_the_share_of_the_inputs(self) -> None:
        """160 prices of 260: momentum has 1 of 2, trend 160 of 200, volatility 160 of 253, drawdown 160 of 252."""
        series = walks(NAMES, 260)
        series["S01"][:100] = [None] * 100
        table = technical_scores(MarketData(long(series)).as_of("2022-01-01")).table
        expected = 0.3 / 2 + 0.25 * 160 / 200 + 0.2 * 160 / 253 + 0.15 * 160 / 252 + 0.1
        assert table.row(by_predicate=pl.col("asset") == "S01", named=True)["confidence"] == pytest.approx(expected)

    def test_with_less_confidence_missing_parts_are_weighted_anew(self) -> None:
        series = walks(NAMES, 260)
        series["S01"][:100] = [None] * 100
        table = technical_scores(
            MarketData(long(series)).as_of("2022-01-01"), TechnicalConfig(min_confidence=0.5)
        ).table
        row = table.row(by_predicate=pl.col("asset") == "S01", named=True)
        ranks = [(row[f"{part}_rank"], weight) for part, weight in TechnicalConfig().weights.items()]
        assert ranks[0][0] is None
        rest = [(rank, weight) for rank, weight in ranks if rank is not None]
        expected = sum(rank * weight for rank, weight in rest) / sum(weight for _, weight in rest)
        assert row["score"] == pytest.approx(expected)
        assert row["missing"].startswith("momentum")

    def test_the_last_price_is_never_replaced(self) -> None:
        series = walks(NAMES, 260)
        series["S03"][259] = None
        data = MarketData(long(series), checks=MarketChecks(max_missing_sessions=10))
        row = technical_parts(data.as_of("2022-01-01").prices, TechnicalConfig().for_year(252)).row(3, named=True)
        assert (row["trend"], row["drawdown"], row["reversal"]) == (None, None, None)
        assert row["momentum"] is not None

    @pytest.mark.parametrize("seed", mostly_thorough(range(5)))
    def test_500_gaps_and_never_a_sale_or_a_buy_for_them(self, seed: int) -> None:
        """Half of 40 assets are held. One that lacks prices ends as it was held, and the score says what was missing."""
        rng = random.Random(seed)
        symbols = [f"A{number:02}" for number in range(40)]
        series = walks(symbols, 260, seed=100)
        held = {symbol: 0.045 if index % 2 else 0.0 for index, symbol in enumerate(symbols)}
        reasons = []
        for _ in range(10):
            hits = rng.sample(symbols, 10)
            broken = {name: list(prices) for name, prices in series.items()}
            for hit in hits:
                for _ in range(rng.choice([1, 1, 1, 2, 5])):
                    broken[hit][rng.randrange(8, 260)] = None
            table = technical_scores(MarketData(long(broken)).as_of("2022-01-01")).table
            targets = {target["asset"]: target for target in rebalance(candidates(table, held)).targets}
            for row in table.filter(pl.col("asset").is_in(hits)).iter_rows(named=True):
                assert row["score"] is None
                assert row["reason"] in ("gap", "stale_price")
                assert row["missing"]
                assert targets[row["asset"]]["target_weight"] == held[row["asset"]]
                reasons.append(targets[row["asset"]]["reason"])
        assert len(reasons) == 100
        assert set(reasons) == {"held_unscored", "not_scored"}


def candidates(table: pl.DataFrame, held: dict[str, float]) -> list[dict[str, object]]:
    return [
        {"asset": asset, "score": score, "current_weight": held[asset]}
        for asset, score in table.select("asset", "score").iter_rows()
    ]


class TestDeterminism:
    def test_the_order_of_rows_and_columns_changes_nothing(self) -> None:
        prices = long(walks(NAMES, 260))
        wide = prices.pivot(on="symbol", index="date", values="close")
        forms = [prices, *(prices.sample(fraction=1.0, shuffle=True, seed=seed) for seed in range(3))]
        forms += [wide.select("date", *reversed(NAMES)), wide.reverse()]
        tables = [technical_scores(MarketData(form).as_of("2022-01-01")).table for form in forms]
        assert all(table.equals(tables[0]) for table in tables)

    @pytest.mark.thorough
    def test_one_thread_or_two(self, tmp_path: Path) -> None:
        """Young series too: their confidence is a sum of fractions, which must not depend on who adds."""
        series = walks([f"Y{number:03}" for number in range(150)], 300)
        for index, name in enumerate(series):
            series[name][: index * 2] = [None] * (index * 2)
        path = tmp_path / "prices.parquet"
        long(series).write_parquet(path)
        script = (
            "import sys, hashlib\nfrom trimtab import MarketData\n"
            "from trimtab.scoring.technical import technical_scores\n"
            "table = technical_scores(MarketData(sys.argv[1]).as_of('2022-01-01')).table\n"
            "print(hashlib.sha256(repr(table.rows()).encode()).hexdigest())"
        )
        result = [
            subprocess.run(
                [sys.executable, "-c", script, str(path)],
                env={**os.environ, "POLARS_MAX_THREADS": threads},
                check=True,
                capture_output=True,
                text=True,
            ).stdout
            for threads in ("1", "2")
        ]
        assert result[0] == result[1] != ""


class TestAnalyzer:
    def test_scores_once_a_day(self) -> None:
        analyzer = TechnicalAnalyzer(MarketData(long(walks(NAMES, 260))))
        first = analyzer.scores("2020-12-30")
        assert analyzer.scores(dt.date(2020, 12, 30)) is first
        assert analyzer.analyze_asset("S05", "2020-12-30") == first.by_asset["S05"]
        assert 0 <= first.by_asset["S05"] <= 1

    def test_none_where_there_is_no_score(self) -> None:
        series = walks(NAMES, 260)
        series["S00"][200] = None
        analyzer = TechnicalAnalyzer(MarketData(long(series)), TechnicalConfig(reversal_weight=0))
        assert analyzer.analyze_asset("S00", "2020-12-30") is None
        assert analyzer.analyze_asset("NONE", "2020-12-30") is None
        assert analyzer.analyze_asset("S01", "2020-12-30") is not None


@pytest.mark.parametrize("wrong", ["null", "times 1000"])
def test_no_look_ahead(wrong: str) -> None:
    """Later prices poisoned: no score of a day before changes by a bit."""
    prices = long({name: list(walk(index, 330)) for index, name in enumerate(NAMES)})
    clean = MarketData(prices)
    rng = random.Random(11)
    for on in rng.sample(clean.sessions[255:], 8):
        poison = pl.lit(None, pl.Float64) if wrong == "null" else pl.col("close") * 1000
        poisoned = MarketData(prices.with_columns(close=pl.when(pl.col("date") > on).then(poison).otherwise("close")))
        assert technical_scores(poisoned.as_of(on)).table.equals(technical_scores(clean.as_of(on)).table)


class TestAsInputOfWhatComesNext:
    """What scoring gives, a rebalance and a backtest take."""

    def data(self) -> MarketData:
        series = walks(NAMES, 420)
        series["S03"] = [*series["S03"][:-40], *[50.0] * 40]  # stuck, and so without a score
        return MarketData(long(series))

    def test_a_rebalance(self) -> None:
        table = technical_scores(self.data().as_of("2021-08-10")).table
        for limits in (RebalancingLimits(), RebalancingLimits(sizing_mode="inverse_volatility")):
            result = rebalance(table, limits)
            assert set(result.targets["asset"]) == set(NAMES)
            assert dict(result.targets.select("asset", "reason").rows())["S03"] != "added"

    def test_a_backtest(self) -> None:
        data = self.data()
        days = ["2021-05-31", "2021-06-30", "2021-07-30"]
        by_day = [technical_scores(data.as_of(day)) for day in days]
        result = backtest(data, RebalancingLimits(sizing_mode="inverse_volatility"), scores=by_day)
        from_views = backtest(
            data,
            RebalancingLimits(sizing_mode="inverse_volatility"),
            scores=lambda view: technical_scores(view).table,
            start="2021-05-31",
        )
        assert result.equity.equals(from_views.equity)
        assert backtest(data, scores=by_day[0], start="2021-05-31").trades.height > 0


def test_scores_are_candidates_as_they_come() -> None:
    """What `technical_scores` returns goes into every way in, as its table does."""
    data = MarketData(long(walks(NAMES, 300)))
    scores = technical_scores(data.as_of(data.sessions[-1]))
    for limits in (RebalancingLimits(), RebalancingLimits(sizing_mode="inverse_volatility")):
        assert rebalance(scores, limits) == rebalance(scores.table, limits)
        assert check(scores, limits) == check(scores.table, limits)
    assert isinstance(rebalance(scores).targets, pl.DataFrame)

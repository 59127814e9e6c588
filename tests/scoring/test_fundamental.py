"""The fundamental score: each measure by hand, ranks inside the sector, and what a missing item does."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from price_series import days, long, walks

from trimtab.errors import InputError, LimitsError
from trimtab.market.market_data import MarketData
from trimtab.scoring.fundamental import FundamentalAnalyzer, FundamentalConfig, fundamental_scores
from trimtab.scoring.fundamental_measures import MEASURES, PARTS, items, measured

NAMES = list("ABCDEF")
LAST = days(30)[-1]
ONE = FundamentalConfig(min_peers=2, min_confidence=0)


def data(rows: list[dict[str, Any]], sectors: dict[str, str | None] | None = None, **more: Any) -> MarketData:
    classification = (
        None if sectors is None else [{"symbol": name, "sector": sector} for name, sector in sectors.items()]
    )
    dated = [{"known_on": "2020-01-10", **row} for row in rows]
    return MarketData(long(walks(NAMES, 30)), fundamentals=dated, classification=classification, **more)


def row_of(table: pl.DataFrame, asset: str) -> dict[str, Any]:
    return table.row(by_predicate=pl.col("asset") == asset, named=True)


class TestMeasures:
    def measure(self, name: str, **items: float | None) -> float | None:
        rows = pl.DataFrame(
            {"symbol": ["A"], "known_on": [dt.date(2020, 1, 1)], **{key: [value] for key, value in items.items()}}
        )
        measure: float | None = measured(rows)[name][0]
        return measure

    @pytest.mark.parametrize(
        ("name", "items", "value"),
        [
            ("earnings_yield", {"eps": 2.0, "price": 40.0, "pe": 99.0}, 0.05),
            ("earnings_yield", {"eps": None, "price": 40.0, "pe": 25.0}, 0.04),
            ("earnings_yield", {"pe": 0.0}, None),
            ("earnings_yield", {"pe": -10.0}, -0.1),
            ("book_to_price", {"pb": 4.0}, 0.25),
            ("book_to_price", {"book_value_per_share": 10.0, "price": 50.0}, 0.2),
            ("sales_to_price", {"ps": 2.0}, 0.5),
            ("sales_to_price", {"total_revenue": 30.0, "market_cap": 60.0}, 0.5),
            ("dividend_yield", {"dividend_yield": 0.03}, 0.03),
            ("gross_profitability", {"gross_profit": 30.0, "total_assets": 120.0}, 0.25),
            ("return_on_equity", {"net_income": 6.0, "total_equity": 40.0}, 0.15),
            ("return_on_equity", {"net_income": 6.0, "total_equity": -40.0}, None),
            ("return_on_equity", {"eps": 3.0, "book_value_per_share": 12.0}, 0.25),
            ("cash_return", {"net_cash_flow_operating": 9.0, "total_assets": 90.0}, 0.1),
            ("liabilities_to_assets", {"total_liabilities": 60.0, "total_assets": 80.0}, 0.75),
            ("debt_to_equity", {"long_term_debt": 20.0, "total_equity": 40.0}, 0.5),
            ("debt_to_equity", {"long_term_debt": 20.0, "total_equity": 0.0}, None),
        ],
    )
    def test_by_hand(self, name: str, items: dict[str, float | None], value: float | None) -> None:
        result = self.measure(name, **items)
        assert result == (None if value is None else pytest.approx(value))

    @pytest.mark.parametrize(
        ("before", "days_before", "now", "value"),
        [
            (100.0, 365, 110.0, 0.1),
            (100.0, 299, 110.0, None),
            (100.0, 300, 110.0, 0.1),
            (100.0, 550, 110.0, 0.1),
            (100.0, 551, 110.0, None),
            (-5.0, 365, 5.0, None),
            (0.0, 365, 5.0, None),
            (100.0, 365, None, None),
        ],
    )
    def test_growth(self, before: float, days_before: int, now: float | None, value: float | None) -> None:
        on = dt.date(2021, 6, 30)
        rows = pl.DataFrame(
            {
                "symbol": ["A", "A"],
                "known_on": [on - dt.timedelta(days=days_before), on],
                "total_revenue": [before, now],
            }
        )
        growth = measured(rows)["revenue_growth"].to_list()
        assert growth == [None, None if value is None else pytest.approx(value)]

    def test_growth_is_of_one_symbol_and_of_the_nearest_year(self) -> None:
        on = dt.date(2021, 6, 30)
        back = [700, 500, 365, 100, 0]
        rows = pl.DataFrame(
            {
                "symbol": ["A"] * 5 + ["B"] * 5,
                "known_on": [on - dt.timedelta(days=days) for days in back] * 2,
                "net_income": [1.0, 2.0, 4.0, 7.0, 8.0, 1.0, 1.0, 1.0, 1.0, 3.0],
            }
        ).sort("known_on", maintain_order=True)
        latest = measured(rows).filter(pl.col("known_on") == on)
        assert latest.select("symbol", "earnings_growth").rows() == [("A", 1.0), ("B", 2.0)]

    @pytest.mark.parametrize("split", [1.0, 1.5, 2.0, 4.0, 20.0, 0.1])
    @pytest.mark.parametrize(
        "names", [("net_income",), ("eps", "shares_outstanding"), ("eps", "price", "market_cap"), ("pe", "market_cap")]
    )
    def test_earnings_grow_as_the_firm_does_across_a_split(self, names: tuple[str, ...], split: float) -> None:
        """Apple, October 2019 and 2020: net income 55.256 and 57.411 bn; each share became four in between."""
        firm = {"net_income": [55.256e9, 57.411e9], "shares_outstanding": [4.6e9, 4.5e9 * split]}
        firm["market_cap"] = [1.1e12, 1.9e12]
        per_share = {"eps": "net_income", "price": "market_cap"}
        for name, total in per_share.items():
            pairs = zip(firm[total], firm["shares_outstanding"], strict=True)
            firm[name] = [amount / shares for amount, shares in pairs]
        firm["pe"] = [value / earned for value, earned in zip(firm["market_cap"], firm["net_income"], strict=True)]
        days = [dt.date(2019, 10, 31), dt.date(2020, 10, 30)]
        rows = pl.DataFrame({"symbol": ["AAPL"] * 2, "known_on": days, **{name: firm[name] for name in names}})
        assert measured(rows)["earnings_growth"][-1] == pytest.approx(57.411 / 55.256 - 1)

    def test_amounts_per_share_alone_show_no_growth(self) -> None:
        """Nobody knows whether they are of the same shares."""
        days = [dt.date(2019, 10, 31), dt.date(2020, 10, 30)]
        rows = pl.DataFrame({"symbol": ["AAPL"] * 2, "known_on": days, "eps": [11.89, 3.28]})
        assert measured(rows)["earnings_growth"].to_list() == [None, None]

    def test_every_measure_has_a_part_and_known_items(self) -> None:
        assert {measure.part for measure in MEASURES} == set(PARTS)
        assert items() == tuple(sorted(set(items())))
        assert {"eps", "price", "total_revenue"} <= set(items())


class TestScores:
    def test_ranks_inside_the_sector(self) -> None:
        """Earnings yields: Tech 0.05 < 0.10, Energy 0.20 < 0.25. Ranked inside, the best of Tech is as good as Energy's."""
        rows = [{"symbol": name, "pe": pe} for name, pe in zip("ABCD", (20.0, 10.0, 5.0, 4.0), strict=True)]
        sectors = {"A": "Tech", "B": "Tech", "C": "Energy", "D": "Energy"}
        table = fundamental_scores(data(rows, sectors).as_of(LAST), ONE).table
        assert table.filter(pl.col("reason") == "").select("asset", "score", "value").rows() == [
            ("A", 0.0, 0.0),
            ("B", 1.0, 1.0),
            ("C", 0.0, 0.0),
            ("D", 1.0, 1.0),
        ]
        apart = fundamental_scores(data(rows).as_of(LAST), ONE).table
        assert apart["score"].to_list()[:4] == pytest.approx([0, 1 / 3, 2 / 3, 1])

    def test_parts_are_means_and_missing_ones_are_weighted_anew(self) -> None:
        """A leads in earnings yield and trails in book to price (value 0.5), and trails in quality (0.3 and 0.3)."""
        rows = [
            {"symbol": "A", "pe": 10.0, "pb": 4.0, "net_income": 1.0, "total_equity": 10.0},
            {"symbol": "B", "pe": 20.0, "pb": 2.0, "net_income": 2.0, "total_equity": 10.0},
        ]
        row = row_of(fundamental_scores(data(rows).as_of(LAST), ONE).table, "A")
        assert (row["value"], row["quality"], row["growth"], row["leverage"]) == (0.5, 0.0, None, None)
        assert row["score"] == pytest.approx(0.25)
        # value has 2 of 4 measures, quality 1 of 3, growth 0 of 2, leverage 0 of 2
        assert row["confidence"] == pytest.approx(0.3 * 2 / 4 + 0.3 / 3)
        assert row["missing"].split(",") == [
            "sales_to_price",
            "dividend_yield",
            "gross_profitability",
            "cash_return",
            "revenue_growth",
            "earnings_growth",
            "liabilities_to_assets",
            "debt_to_equity",
        ]

    def test_low_leverage_is_good(self) -> None:
        rows = [
            {"symbol": name, "total_liabilities": debt, "total_assets": 10.0} for name, debt in (("A", 9.0), ("B", 1.0))
        ]
        table = fundamental_scores(data(rows).as_of(LAST), ONE).table
        assert (row_of(table, "A")["leverage"], row_of(table, "B")["leverage"]) == (0.0, 1.0)

    def test_each_obstacle_has_its_code(self) -> None:
        rows = [{"symbol": name, "pe": 10.0 + index, "pb": 2.0 + index} for index, name in enumerate("ABCDE")]
        rows[3] |= {"pb": None}
        members = [{"symbol": name, "from": "2000-01-01", "to": None} for name in "ABCDEF" if name != "B"]
        prices = walks(NAMES, 30)
        prices["A"][20] = None
        market = MarketData(
            long(prices),
            fundamentals=[{"known_on": "2020-01-10", **row} for row in rows],
            classification=[{"symbol": name, "sector": "X"} for name in "ABDEF"],
            membership=members,
        )
        config = FundamentalConfig(
            min_peers=2, min_confidence=0.1, quality_weight=0, growth_weight=0, leverage_weight=0
        )
        table = fundamental_scores(market.as_of(LAST), config).table
        assert dict(table.select("asset", "reason").iter_rows()) == {
            "A": "gap",
            "B": "not_member",
            "C": "no_bucket",
            "D": "",
            "E": "",
            "F": "no_inputs",
        }
        strict = fundamental_scores(market.as_of(LAST), FundamentalConfig(min_peers=2, min_confidence=0.2)).table
        assert row_of(strict, "D")["reason"] == "low_confidence"
        assert row_of(strict, "D")["score"] is None

    def test_too_few_peers(self) -> None:
        rows = [{"symbol": name, "pe": 10.0 + index} for index, name in enumerate("ABCD")]
        table = fundamental_scores(data(rows).as_of(LAST)).table
        assert set(table["reason"]) == {"no_inputs"}

    def test_what_is_too_old_does_not_count(self) -> None:
        rows = [{"symbol": name, "pe": 10.0 + index, "known_on": "2018-10-01"} for index, name in enumerate("AB")]
        market = data(rows)
        assert set(fundamental_scores(market.as_of("2020-02-01"), ONE).table["reason"][:2]) == {""}
        old = FundamentalConfig(min_peers=2, min_confidence=0, max_age_days=487)
        assert set(fundamental_scores(market.as_of("2020-02-01"), old).table["reason"]) == {"no_inputs"}

    def test_what_is_known_later_does_not_count(self) -> None:
        rows = [{"symbol": name, "pe": 10.0 + index} for index, name in enumerate("AB")]
        later = [{"symbol": "A", "pe": 1000.0, "known_on": "2020-01-20"}]
        clean, poisoned = data(rows), data(rows + later)
        before, after = "2020-01-17", "2020-01-20"
        assert fundamental_scores(clean.as_of(before), ONE).table.equals(
            fundamental_scores(poisoned.as_of(before), ONE).table
        )
        assert not fundamental_scores(clean.as_of(after), ONE).table.equals(
            fundamental_scores(poisoned.as_of(after), ONE).table
        )

    def test_the_order_of_rows_changes_nothing(self) -> None:
        rows = [
            {"symbol": name, "pe": 10.0 + index, "eps": float(index), "total_revenue": None}
            for index, name in enumerate(NAMES)
        ]
        tables = [fundamental_scores(data(order).as_of(LAST), ONE).table for order in (rows, rows[::-1])]
        assert tables[0].equals(tables[1])

    def test_without_fundamentals(self) -> None:
        with pytest.raises(InputError, match="there are no fundamentals: give MarketData fundamentals"):
            fundamental_scores(MarketData(long(walks(NAMES, 3))).as_of(LAST))

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({f"{part}_weight": 0 for part in PARTS}, "every weight is 0"),
            ({"min_peers": 1}, "min_peers must be at least 2"),
        ],
    )
    def test_a_config_that_cannot_be(self, fields: dict[str, int], message: str) -> None:
        with pytest.raises(LimitsError, match=message):
            FundamentalConfig(**fields)


class TestAnalyzer:
    def test_scores_once_a_day(self) -> None:
        rows = [{"symbol": name, "pe": 10.0 + index} for index, name in enumerate("AB")]
        analyzer = FundamentalAnalyzer(data(rows), ONE)
        assert analyzer.scores(LAST) is analyzer.scores(str(LAST))
        assert (analyzer.analyze_asset("A", LAST), analyzer.analyze_asset("B", LAST)) == (1.0, 0.0)
        assert analyzer.analyze_asset("C", LAST) is None
        assert FundamentalAnalyzer(data(rows)).analyze_asset("A", LAST) is None


def plain_rank(value: float, peers: list[float]) -> float:
    """(rank - 1) / (n - 1), ties sharing the mean."""
    below, same = sum(peer < value for peer in peers), sum(peer == value for peer in peers)
    return (below + (same - 1) / 2) / (len(peers) - 1)


@pytest.mark.thorough
def test_the_real_fundamentals(market_data: Path) -> None:
    """The leverage of the annual statements against a plain computation, inside each sector."""
    statements = pl.read_parquet(market_data / "us_fundamentals_annual_2012_2016.parquet").with_columns(
        known_on=pl.col("period_end") + pl.duration(days=90)
    )
    sectors = pl.read_csv(market_data / "instruments.csv").select("symbol", sector="gics_sector").drop_nulls()
    prices = pl.read_parquet(market_data / "us_stocks_close_2005_2017.parquet").filter(
        pl.col("date") > dt.date(2014, 1, 1)
    )
    market = MarketData(prices, fundamentals=statements, classification=sectors)
    table = fundamental_scores(market.as_of("2016-06-30")).table
    sector_of = dict(sectors.iter_rows())
    on, debt = dt.date(2016, 6, 30), "liabilities_to_assets"
    latest: dict[str, float] = {}
    for symbol, known, owed, owned in (
        statements.sort("known_on").select("symbol", "known_on", "total_liabilities", "total_assets").iter_rows()
    ):
        if known <= on and (on - known).days <= 500 and owned > 0:
            latest[symbol] = owed / owned
    scored = {row["asset"]: row for row in table.iter_rows(named=True) if row[f"{debt}_rank"] is not None}
    assert len(scored) > 400
    for asset, row in scored.items():
        peers = [-latest[other] for other in scored if sector_of[other] == sector_of[asset]]
        assert row[debt] == pytest.approx(latest[asset], rel=1e-10)
        assert row[f"{debt}_rank"] == pytest.approx(plain_rank(-latest[asset], peers), abs=1e-10)

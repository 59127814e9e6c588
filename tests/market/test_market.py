"""Market data at the door: what comes in, what is refused, what is found, and what a view can see."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest
from price_series import START, days, long, walk, walks

from trimtab.errors import InputError, LimitsError
from trimtab.market.dated_tables import read_fundamentals
from trimtab.market.market_data import MarketData, MarketSource
from trimtab.market.prices import MarketChecks
from trimtab.market.typed_columns import day, numbers_of

TWO = long({"AAA": [10.0, 11.0, 12.0], "BBB": [20.0, 19.0, 18.0]})
WIDE = pl.DataFrame({"date": days(3), "BBB": [20.0, 19.0, 18.0], "AAA": [10, 11, 12]})
LAST = days(3)[-1]


def refused(prices: Any, **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        MarketData(prices, **options)
    return str(caught.value)


def findings_of(series: dict[str, list[float | None]], **checks: Any) -> list[tuple[str, dt.date, str, float | None]]:
    """The findings of a view at the end of all series."""
    data = MarketData(long(series), checks=MarketChecks(**checks))
    return [
        (finding.symbol, finding.date, finding.kind, finding.value)
        for finding in data.as_of(data.sessions[-1]).findings
    ]


class TestWhatComesIn:
    FORMS: tuple[Callable[[], Any], ...] = (
        lambda: TWO,
        TWO.lazy,
        TWO.to_dicts,
        TWO.to_arrow,
        TWO.to_pandas,
        lambda: duckdb.from_arrow(TWO.to_arrow()),
        lambda: TWO.with_columns(pl.col("symbol").cast(pl.Categorical), pl.col("close").cast(pl.Float32)),
        lambda: TWO.with_columns(pl.col("date").cast(pl.Datetime("us"))),
        lambda: TWO.with_columns(pl.col("date").cast(pl.String)),
        lambda: TWO.with_columns(pl.col("date").cast(pl.String) + " 00:00:00"),
        lambda: TWO.rename({"date": "Date", "symbol": "Ticker"}).with_columns(pl.col("close").cast(pl.String)),
        lambda: WIDE,
        lambda: WIDE.to_pandas().set_index("date"),
        lambda: WIDE.with_columns(pl.col("date").cast(pl.String)).to_pandas().set_index("date"),
        lambda: pd.DataFrame(
            {"BBB": [20, 19, 18], "AAA": [10, 11, 12]}, index=pd.DatetimeIndex([str(day) for day in days(3)])
        ),
        lambda: TWO.sample(fraction=1.0, shuffle=True, seed=3),
    )

    @pytest.mark.parametrize("form", range(len(FORMS)))
    def test_every_form_is_the_same(self, form: int) -> None:
        view = MarketData(self.FORMS[form]()).as_of(LAST)
        assert view.prices.to_dict(as_series=False) == {
            "date": days(3),
            "AAA": [10.0, 11.0, 12.0],
            "BBB": [20.0, 19.0, 18.0],
        }
        assert view.findings == ()
        assert view.symbols == ("AAA", "BBB")

    def test_a_duckdb_table(self) -> None:
        connection = duckdb.connect()
        connection.execute("create table prices (date date, symbol varchar, close double)")
        connection.execute("insert into prices values ('2020-01-01', 'AAA', 10), ('2020-01-02', 'AAA', 11)")
        assert MarketData(connection.table("prices")).as_of("2020-01-02").prices["AAA"].to_list() == [10.0, 11.0]

    @pytest.mark.parametrize("suffix", ["csv", "parquet", "arrow"])
    def test_files(self, tmp_path: Path, suffix: str) -> None:
        path = tmp_path / f"prices.{suffix}"
        {"csv": TWO.write_csv, "parquet": TWO.write_parquet, "arrow": TWO.write_ipc}[suffix](path)
        assert MarketData(path).as_of(LAST).prices["BBB"].to_list() == [20.0, 19.0, 18.0]

    def test_another_price_column(self) -> None:
        data = MarketData(TWO.with_columns(adj_close=pl.col("close") * 2), price_column="adj_close")
        assert data.as_of(LAST).prices["AAA"].to_list() == [20.0, 22.0, 24.0]

    def test_another_source(self) -> None:
        class Source:
            def prices(self) -> Any:
                return TWO

            def fundamentals(self) -> Any:
                return [{"symbol": "AAA", "known_on": "2020-01-01", "eps": 1.0}]

            def classification(self) -> Any:
                return None

            def membership(self) -> Any:
                return [{"symbol": "AAA", "from": "2019-01-01", "to": None}]

        source = Source()
        assert isinstance(source, MarketSource)
        view = MarketData.from_source(source).as_of(LAST)
        assert view.members == {"AAA"}
        assert view.bucket_of is None
        assert view.fundamentals is not None

    def test_symbols_and_sessions(self) -> None:
        data = MarketData(TWO)
        assert data.symbols == ("AAA", "BBB")
        assert data.sessions == tuple(days(3))


class TestWhatIsRefused:
    def test_no_table(self) -> None:
        assert "a int cannot be read as a table" in refused(5)
        assert "not every row is a dict" in refused([1])

    def test_no_rows(self) -> None:
        assert refused(TWO.head(0)) == "the prices: has no rows: give a table with at least one row"
        assert "has no rows" in refused([])

    def test_mixed_types(self) -> None:
        assert "column 'symbol': holds mixed or unreadable values instead of names" in refused(
            [{"date": "2020-01-01", "symbol": "A", "close": 1}, {"date": "2020-01-02", "symbol": 3, "close": 1}]
        )
        assert "column 'symbol': holds mixed or unreadable values instead of names" in refused(
            pd.DataFrame({"date": ["2020-01-01"] * 2, "symbol": ["A", 3], "close": [1, 2]})
        )

    def test_missing_columns(self) -> None:
        assert refused(TWO.drop("date")) == "the prices, column 'date': the column is missing: known: 'close', 'symbol'"
        assert "column 'close': the column is missing" in refused(TWO.rename({"close": "closing price"}))
        assert "column 'adj': the column is missing" in refused(TWO, price_column="adj")

    def test_two_columns_for_one_thing(self) -> None:
        assert "'symbol' and 'ticker' could both be meant" in refused(TWO.with_columns(ticker=pl.col("symbol")))

    def test_a_wide_table_without_symbols(self) -> None:
        assert "there is no price: add a column for each symbol" in refused(TWO.select("date"))

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("03/01/2020", "is not a day"),
            ("2020-13-01", "is not a day"),
            ("2020-01-03T16:00:00", "is not a day"),
            ("20200103", "is not a day"),
            ("", "is not a day"),
            (None, "the day is missing"),
            ("1020-01-03", "is not a usable day"),
        ],
    )
    def test_days_as_text(self, text: str | None, problem: str) -> None:
        dates = [*[str(day) for day in days(3)] * 2]
        dates[4] = text
        message = refused(TWO.with_columns(pl.Series("date", dates)))
        assert problem in message
        assert message.startswith("the prices, row 5, column 'date': ")
        assert "2020-01-31" in message or "write the day of every row" in message

    def test_times_of_day(self) -> None:
        times = TWO.with_columns(pl.col("date").cast(pl.Datetime("us")) + pl.duration(hours=16))
        assert (
            "row 1, column 'date': has a time of day (received '2020-01-01T16:00:00'): give the trading day"
            in refused(times)
        )

    def test_a_time_zone_that_moved_the_days(self) -> None:
        moved = TWO.with_columns(
            pl.col("date").cast(pl.Datetime("us")).dt.replace_time_zone("America/New_York").dt.convert_time_zone("UTC")
        )
        assert "has a time of day (received '2020-01-01T05:00:00')" in refused(moved)

    def test_midnight_in_the_exchanges_time_zone_is_its_day(self) -> None:
        local = TWO.with_columns(pl.col("date").cast(pl.Datetime("us")).dt.replace_time_zone("America/New_York"))
        assert MarketData(local).sessions == tuple(days(3))

    def test_numbers_for_days(self) -> None:
        assert "column 'date': holds Int64 instead of days (received 1)" in refused(
            TWO.with_columns(date=pl.lit(1, pl.Int64))
        )

    def test_swapped_columns(self) -> None:
        swapped = TWO.rename({"symbol": "close", "close": "symbol"})
        assert "column 'close': holds no number (received 'AAA')" in refused(swapped)
        assert "check that no two columns were swapped" in refused(swapped)
        assert "column 'symbol': holds Float64 instead of names" in refused(TWO.with_columns(symbol=pl.col("close")))

    def test_names(self) -> None:
        assert "row 1, column 'symbol': the name is missing" in refused(
            TWO.with_columns(symbol=pl.lit(None, pl.String))
        )
        assert "row 1, column 'symbol': the name has spaces around it (received ' A')" in refused(
            TWO.with_columns(symbol=pl.lit(" A"))
        )
        assert "the name has spaces around it (received 'AAA ')" in refused(
            pl.DataFrame({"date": days(1), "AAA ": [1.0]})
        )

    @pytest.mark.parametrize("name", ["date", "*", "^A.*$"])
    def test_names_that_no_symbol_may_have(self, name: str) -> None:
        message = refused(TWO.with_columns(symbol=pl.lit(name)))
        assert (
            message
            == f"the prices, row 1, column 'symbol': no symbol may have this name (received {name!r}): rename it"
        )

    def test_such_names_in_a_header(self) -> None:
        message = refused(WIDE.rename({"AAA": "^A.*$"}))
        assert message == "the prices, column '^A.*$': no symbol may have this name: rename it"

    def test_prices_of_no_kind(self) -> None:
        assert "column 'close': holds no number (received True)" in refused(TWO.with_columns(close=pl.lit(True)))

    def test_columns_twice(self) -> None:
        frame = TWO.to_pandas()
        frame.columns = ["date", "symbol", "symbol"]
        assert "cannot be read as a table" in refused(frame)

    def test_the_date_of_a_view(self) -> None:
        data = MarketData(TWO)
        for wrong in ("2020-1-3x", 5, dt.datetime(2020, 1, 3, 16)):
            with pytest.raises(InputError, match="the date is not a day"):
                data.as_of(wrong)  # type: ignore[arg-type]
        with pytest.raises(InputError, match=r"no price on or before 2019-12-31: the first session is 2020-01-01"):
            data.as_of("2019-12-31")
        assert day(dt.datetime(2020, 1, 3)) == dt.date(2020, 1, 3)

    def test_a_table_without_a_single_usable_price(self) -> None:
        data = MarketData(TWO.with_columns(close=pl.lit(-1.0)))
        assert data.sessions == ()
        assert {finding.kind for finding in data.findings} == {"not_positive"}
        with pytest.raises(InputError, match=r"no price on or before 2020-01-03: give prices above 0"):
            data.as_of(LAST)

    def test_checks_out_of_range(self) -> None:
        with pytest.raises(LimitsError, match="large_jump must be at least"):
            MarketChecks(large_jump=1.0)


class TestFindings:
    """Each is found by hand in a series of a few days, with the symbol, the day and the number that shows it."""

    def test_a_clean_series(self) -> None:
        assert findings_of(walks(["A", "B"], 60)) == []

    def test_a_day_twice(self) -> None:
        twice = pl.concat([TWO, TWO.filter((pl.col("symbol") == "AAA") & (pl.col("date") == days(2)[-1]))])
        view = MarketData(twice).as_of(LAST)
        assert view.prices["AAA"].to_list() == [10.0, None, 12.0]
        assert [finding.sentence() for finding in view.findings if finding.row] == [
            "AAA, 2020-01-02, row 7: has 2 prices on one day: keep one of them"
        ]
        assert set(view.blocked) == {"AAA"}

    def test_three_prices_on_one_day(self) -> None:
        more = pl.DataFrame({"date": [START] * 2, "symbol": ["AAA"] * 2, "close": [1.0, 2.0]})
        view = MarketData(pl.concat([TWO, more])).as_of(LAST)
        assert [(finding.kind, finding.value, finding.row) for finding in view.findings] == [("duplicate_day", 3, 8)]
        assert view.prices["AAA"].to_list() == [None, 11.0, 12.0]

    @pytest.mark.parametrize(
        ("price", "kind"), [(0.0, "not_positive"), (-3.5, "not_positive"), (float("inf"), "not_a_number")]
    )
    def test_prices_that_cannot_be(self, price: float, kind: str) -> None:
        view = MarketData(long({"A": [10.0, price, 11.0], "B": [5.0, 5.1, 5.2]})).as_of(LAST)
        where = days(2)[-1]
        assert [(finding.symbol, finding.date, finding.kind, finding.row) for finding in view.findings] == [
            ("A", where, kind, 2),
            ("A", where, "gap", None),
        ]
        assert set(view.blocked) == {"A"}
        assert view.prices["A"].to_list() == [10.0, None, 11.0]

    def test_text_among_numbers(self) -> None:
        frame = TWO.with_columns(pl.col("close").cast(pl.String)).with_columns(
            close=pl.when(pl.int_range(pl.len()) == 1).then(pl.lit("n/a")).otherwise("close")
        )
        view = MarketData(frame).as_of(LAST)
        assert "AAA, 2020-01-02, row 2: has a price that is not a finite number: write a number, or leave it empty" in [
            finding.sentence() for finding in view.findings
        ]
        assert set(view.blocked) == {"AAA"}

    def test_a_missing_price_is_a_gap(self) -> None:
        frame = TWO.with_columns(close=pl.when(pl.int_range(pl.len()) == 1).then(None).otherwise("close"))
        (finding,) = MarketData(frame).as_of(LAST).findings
        assert (
            finding.sentence() == "AAA, 2020-01-02: lacks 1 of the last 3 prices, the first on this day: fill the gap"
        )

    def test_gaps(self) -> None:
        series = {"A": [1.0, 1.1, None, None, 1.2, None, 1.3], "B": walk(1, 7), "C": walk(2, 7)}
        assert findings_of(series) == [("A", days(3)[-1], "gap", 3)]
        assert findings_of(series, max_missing_sessions=3) == []
        assert findings_of(series, window=3) == [("A", days(6)[-1], "gap", 1)]

    def test_a_gap_that_began_before_the_window(self) -> None:
        series = {"A": [1.0, None, None, 1.1, 1.2], "B": walk(1, 5), "C": walk(2, 5)}
        assert findings_of(series, window=3) == [("A", days(3)[-1], "gap", 1)]

    def test_a_young_series_has_no_gap(self) -> None:
        assert findings_of({"A": [None, None, 1.0, 1.1], "B": walk(1, 4), "C": walk(2, 4)}) == []

    def test_a_stale_last_price(self) -> None:
        series = {"A": [1.0, 1.1, 1.2, None, None], "B": walk(1, 5), "C": walk(2, 5)}
        assert findings_of(series) == [("A", days(3)[-1], "stale_price", 2)]
        view = MarketData(long(series)).as_of(days(5)[-1])
        assert view.blocked["A"].sentence() == (
            "A, 2020-01-03: has its last price here, 2 sessions before the last session: "
            "add the later prices, or leave the symbol out"
        )

    def test_a_series_that_ended_before_the_window_is_not_there(self) -> None:
        data = MarketData(
            long({"A": [1.0, None, None, None], "B": walk(1, 4), "C": walk(2, 4)}), checks=MarketChecks(window=2)
        )
        assert data.as_of(days(4)[-1]).symbols == ("B", "C")
        assert data.as_of(days(4)[-1]).findings == ()

    @pytest.mark.parametrize(
        ("ratio", "kind"),
        [
            (0.5, "split_like_jump"),
            (2.0, "split_like_jump"),
            (1 / 3, "split_like_jump"),
            (0.052, "split_like_jump"),
            (0.1, "unit_like_jump"),
            (100.0, "unit_like_jump"),
            (0.009, "unit_like_jump"),
            (1000.0, "unit_like_jump"),
            (5.4, "split_like_jump"),
            (0.41, "split_like_jump"),
            (1.85, "split_like_jump"),
            (1 / 2.6, "split_like_jump"),
            (130.0, "unit_like_jump"),
            (65.0, "large_jump"),
            (1.7, None),
            (0.6, None),
        ],
    )
    def test_jumps(self, ratio: float, kind: str | None) -> None:
        before = walk(5, 30)
        series = {"A": [*before, before[-1] * ratio], "B": walk(1, 31)}
        expected = [] if kind is None else [("A", days(31)[-1], kind)]
        assert [finding[:3] for finding in findings_of(series)] == expected
        if kind:
            assert findings_of(series)[0][3] == pytest.approx(ratio)

    def test_a_wild_series_may_halve(self) -> None:
        """Moves of 20 % a day are usual there: halving is three and a half of them, far from 6."""
        wild = [100 * 1.2 ** (index % 2) for index in range(40)]
        assert findings_of({"A": [*wild, wild[-1] / 2], "B": walk(1, 41)}) == []
        assert [
            finding[2] for finding in findings_of({"A": [*wild, wild[-1] / 2], "B": walk(1, 41)}, usual_moves=3)
        ] == ["split_like_jump"]

    def test_the_usual_move_is_the_median_of_63_before(self) -> None:
        """32 moves of 0.2 and then 32 of 0.01: of the last 63 most are small, of 64 or without the latest they are not."""
        prices = [100.0]
        for index in range(64):
            prices.append(prices[-1] * math.exp((0.2 if index < 32 else 0.01) * (-1) ** index))
        assert [finding[2] for finding in findings_of({"A": [*prices, prices[-1] / 2], "B": walk(1, 66)})] == [
            "split_like_jump"
        ]
        fewer = [*prices[:-1], prices[-2] / 2]
        assert findings_of({"A": fewer, "B": walk(1, 65)}) == []

    def test_a_jump_is_found_across_a_gap(self) -> None:
        series = {"A": [*walk(5, 30), None, 1.0], "B": walk(1, 32)}
        assert ("A", days(32)[-1], "unit_like_jump") in [finding[:3] for finding in findings_of(series)]

    def test_an_accepted_jump(self) -> None:
        prices = long({"A": [*walk(5, 30), 50.0, 51.0], "B": walk(1, 32)})
        where = days(31)[-1]
        assert set(MarketData(prices).as_of("2020-12-31").blocked) == {"A"}
        assert MarketData(prices, accepted=[("A", where)]).as_of("2020-12-31").findings == ()
        message = refused(prices, accepted=[("A", "2020-01-02")])
        assert message == (
            "accepted names 'A' on 2020-01-02, where no jump was found: leave it out, or name the day of the finding"
        )

    def test_an_unchanged_price(self) -> None:
        series = {"A": [*walk(5, 5), *[101.0] * 4], "B": walk(1, 9)}
        assert findings_of(series, unchanged_sessions=4) == [("A", days(9)[-1], "unchanged_price", 4)]
        assert findings_of(series, unchanged_sessions=5) == []

    def test_a_day_on_which_few_have_a_price_is_no_session(self) -> None:
        saturday = pl.DataFrame({"date": [dt.date(2020, 1, 4)], "symbol": ["A"], "close": [1.0]})
        data = MarketData(pl.concat([long(walks(["A", "B", "C"], 5)), saturday]))
        assert dt.date(2020, 1, 4) not in data.sessions
        (finding,) = data.findings
        assert (finding.symbol, finding.kind, finding.blocks) == ("A", "off_session", False)
        assert data.as_of("2020-01-31").blocked == {}
        assert finding.sentence().startswith("A, 2020-01-04: has a price on a day without prices for most symbols")

    def test_the_first_finding_blocks(self) -> None:
        series = {"A": [*walk(5, 30), 1.0, 1.0, None], "B": walk(1, 33), "C": walk(2, 33)}
        assert MarketData(long(series)).as_of("2020-12-31").blocked["A"].kind == "unit_like_jump"

    def test_findings_leave_with_the_window(self) -> None:
        series = {"A": [*walk(5, 30), *[price / 100 for price in walk(5, 30)]], "B": walk(1, 60)}
        assert [finding[2] for finding in findings_of(series, window=30)] == ["unit_like_jump"]
        assert findings_of(series, window=29) == []


class TestViews:
    def test_a_view_has_no_later_row(self) -> None:
        data = MarketData(
            TWO,
            fundamentals=[{"symbol": "AAA", "known_on": day, "eps": index} for index, day in enumerate(days(3))],
            classification=[
                {"symbol": "AAA", "bucket": "Old", "known_on": "2020-01-01"},
                {"symbol": "AAA", "bucket": "New", "known_on": "2020-01-03"},
            ],
            membership=[{"symbol": "AAA", "from": "2020-01-02", "to": "2020-01-03"}],
        )
        first, second, third = (data.as_of(day) for day in days(3))
        assert [view.prices.height for view in (first, second, third)] == [1, 2, 3]
        assert [view.fundamentals["eps"].to_list() for view in (first, second, third)] == [[0], [0, 1], [0, 1, 2]]
        assert [dict(view.bucket_of) for view in (first, second, third)] == [
            {"AAA": "Old"},
            {"AAA": "Old"},
            {"AAA": "New"},
        ]
        assert [view.members for view in (first, second, third)] == [frozenset(), {"AAA"}, frozenset()]
        assert second.session == second.date == days(2)[-1]

    def test_a_day_without_prices_sees_the_session_before(self) -> None:
        view = MarketData(TWO).as_of("2020-01-05")
        assert (view.date, view.session) == (dt.date(2020, 1, 5), LAST)

    def test_later_rows_change_no_earlier_view(self) -> None:
        series = walks(["A", "B", "C"], 40)
        whole = {name: [*prices[:30], *(price * 100 for price in prices[30:])] for name, prices in series.items()}
        cut = {name: prices[:30] for name, prices in series.items()}
        for on in days(30):
            ours, theirs = MarketData(long(whole)).as_of(on), MarketData(long(cut)).as_of(on)
            assert ours.prices.equals(theirs.prices)
            assert ours.findings == theirs.findings

    def test_last_prices(self) -> None:
        view = MarketData(long({"A": [1.0, None, 3.0, None], "B": walk(1, 4), "C": walk(2, 4)})).as_of("2020-02-01")
        assert view.last_prices(["A"]) == {"A": (3.0, days(3)[-1])}
        with pytest.raises(InputError, match=r"column 'asset': has no price up to 2020-02-01 \(received 'X'\)"):
            view.last_prices(["A", "X", "date"])
        with pytest.raises(InputError, match="has no price up to 2020-01-01"):
            MarketData(long({"A": [None, 3.0], "B": [1.0, 1.1]})).as_of("2020-01-01").last_prices(["A"])


class TestFundamentals:
    ROWS: tuple[dict[str, Any], ...] = (
        {"symbol": "A", "known_on": "2020-01-02", "eps": 1.0, "name": "Alpha"},
        {"symbol": "B", "known_on": "2020-01-01", "eps": None, "name": "Beta"},
    )

    def data(self, fundamentals: Any) -> MarketData:
        return MarketData(TWO, fundamentals=fundamentals)

    def test_rows_by_day_and_text_left_out(self) -> None:
        view = self.data(list(self.ROWS)).as_of(LAST)
        assert view.fundamentals is not None
        assert view.fundamentals.rows() == [("B", dt.date(2020, 1, 1), None), ("A", dt.date(2020, 1, 2), 1.0)]

    def test_several_tables(self) -> None:
        view = self.data(
            [pl.DataFrame(self.ROWS), pl.DataFrame({"symbol": ["A"], "known_on": days(1), "pe": ["7"]})]
        ).as_of(LAST)
        assert view.fundamentals is not None
        assert view.fundamentals.select("symbol", "eps", "pe").rows() == [
            ("A", None, 7.0),
            ("B", None, None),
            ("A", 1.0, None),
        ]

    def test_a_day_twice_is_found_and_used_by_none(self) -> None:
        data = self.data([*self.ROWS, {**self.ROWS[0], "eps": 2.0}])
        view = data.as_of(LAST)
        assert view.fundamentals is not None
        assert view.fundamentals["symbol"].to_list() == ["B"]
        assert [finding.sentence() for finding in view.findings] == [
            "A, 2020-01-02: has 2 rows of fundamentals known on one day; none of them is used: keep one of them"
        ]
        assert view.blocked == {}

    @pytest.mark.parametrize(
        ("rows", "message"),
        [
            ([{"symbol": "A", "eps": 1.0}], "column 'known_on': the column is missing"),
            ([{"symbol": "A", "known_on": "2020-01-01"}], "no column holds numbers: add items"),
            ([{"symbol": "A", "known_on": None, "eps": 1.0}], "column 'known_on'"),
            ([{"symbol": None, "known_on": "2020-01-01", "eps": 1.0}], "column 'symbol'"),
        ],
    )
    def test_refused(self, rows: Any, message: str) -> None:
        with pytest.raises(InputError) as caught:
            self.data(rows)
        assert message in str(caught.value)


class TestClassificationAndMembership:
    @pytest.mark.parametrize(
        ("rows", "message"),
        [
            ([{"symbol": "A"}], "column 'bucket': the column is missing"),
            ([{"symbol": "A", "bucket": 3}], "column 'bucket': is not text"),
            (
                [{"symbol": "A", "bucket": "X"}, {"symbol": "A", "bucket": "Y"}],
                "row 2, column 'symbol': an earlier row has the same symbol (received 'A')",
            ),
        ],
    )
    def test_a_classification_is_refused(self, rows: Any, message: str) -> None:
        assert message in refused(TWO, classification=rows)

    def test_an_empty_bucket_is_none(self) -> None:
        data = MarketData(TWO, classification=[{"symbol": "AAA", "sector": " "}, {"symbol": "BBB", "sector": "X"}])
        assert data.as_of(LAST).bucket_of == {"BBB": "X"}
        nothing = MarketData(TWO, classification=[{"symbol": "AAA", "sector": None}])
        assert nothing.as_of(LAST).bucket_of == {}

    @pytest.mark.parametrize(
        "to",
        [
            pl.Series("to", [None, None], pl.Null),
            pl.Series("to", ["", None], pl.String),
            pl.Series("to", [None, None], pl.Date),
        ],
    )
    def test_an_open_end(self, to: pl.Series) -> None:
        frame = pl.DataFrame({"ticker": ["A", "B"], "start_date": ["2020-01-01", "2020-01-03"], "to": to})
        data = MarketData(TWO, membership=frame)
        assert data.as_of("2020-01-02").members == {"A"}
        assert data.as_of("2020-01-03").members == {"A", "B"}

    def test_an_end_before_the_beginning(self) -> None:
        rows = [{"symbol": "A", "from": "2020-01-02", "to": "2020-01-01"}]
        assert "row 1, column 'to': ends before it begins (received '2020-01-01')" in refused(TWO, membership=rows)


@pytest.mark.thorough
def test_the_real_data(market_data: Path) -> None:
    """What the notes of the data say is found, and only what they do not say is a jump."""
    data = MarketData(market_data / "us_stocks_close_2005_2017.parquet")
    jumps = {(finding.symbol, finding.date.year) for finding in data.findings if finding.kind.endswith("_jump")}
    crisis = {(symbol, 2008) for symbol in ("AIG", "GGP", "GNW", "HIG", "MS", "XL")}
    assert jumps == {("CMG", 2006), ("ETFC", 2007), ("HIG", 2008), ("STT", 2009), ("UAA", 2005)} | crisis
    assert {finding.kind for finding in data.findings} == {"split_like_jump"}
    assert set(data.as_of("2017-11-10").blocked) == {"DD", "LVLT", "NDAQ"}
    assert np.isfinite(data.as_of("2017-11-10").prices["AAPL"].to_numpy()).all()


class TestNumbersInWriting:
    """In text, thousands separators and percents count where they can mean only one thing."""

    @pytest.mark.parametrize(
        ("cell", "number"),
        [
            ("1,234.50", 1234.5),
            ("1,234,567", 1234567.0),
            (" 12 ", 12.0),
            ("12%", 0.12),
            ("-1,234.5%", -12.345),
            ("", None),
        ],
    )
    def test_one_meaning(self, cell: str, number: float | None) -> None:
        numbers, wrong = numbers_of(pl.Series("x", [cell, "1"]), "the table")
        assert numbers.to_list() == [number, 1.0]
        assert not wrong.any()

    @pytest.mark.parametrize("cell", ["1,234", "12,5", "1.234,5", "1 234", "1,23,456", "%", "12%%", "high"])
    def test_two_meanings_or_none(self, cell: str) -> None:
        assert numbers_of(pl.Series("x", [cell, "1"]), "the table")[1].to_list() == [True, False]
        with pytest.raises(InputError):
            numbers_of(pl.Series("x", [cell]), "the table")

    def test_a_price_is_no_percent(self) -> None:
        assert "not_a_number" in {
            finding.kind
            for finding in MarketData(
                pl.DataFrame({"date": ["2020-01-01", "2020-01-02"], "symbol": ["A", "A"], "close": ["12%", "12"]})
            ).findings
        }

    def test_fundamentals_in_percent_are_numbers(self) -> None:
        table = [{"symbol": "A", "known_on": "2020-01-01", "roe": "12%"}]
        assert read_fundamentals(table).rows["roe"].to_list() == [0.12]


class TestRenamedSymbols:
    """FB became META: one history, one asset, in every table."""

    PRICES = long({"FB": [10.0, 11.0, None, None], "META": [None, None, 12.0, 13.0], "OLD": [1.0, 1.0, 1.0, 1.0]})

    def test_one_history_under_the_new_name(self) -> None:
        data = MarketData(
            self.PRICES,
            renamed={"FB": "META"},
            classification=[{"symbol": "FB", "bucket": "Tech"}],
            membership=[{"symbol": "FB", "from": "2000-01-01", "to": None}],
            fundamentals=[{"symbol": "FB", "known_on": str(START), "pe": 20.0}],
        )
        assert data.symbols == ("META", "OLD")
        view = data.as_of(data.sessions[-1])
        assert view.prices["META"].to_list() == [10.0, 11.0, 12.0, 13.0]
        assert view.bucket_of == {"META": "Tech"}
        assert view.members == {"META"}
        assert view.fundamentals["symbol"].to_list() == ["META"]
        assert data.unpriced == {}

    def test_several_times(self) -> None:
        prices = long({"A": [1.0, None, None], "B": [None, 2.0, None], "C": [None, None, 3.0]})
        assert MarketData(prices, renamed={"A": "B", "B": "C"}).symbols == ("C",)

    @pytest.mark.parametrize(
        ("renamed", "message"),
        [
            ({"FBB": "META"}, "is renamed, but has no prices"),
            ({"FB": "META", "META": "FB"}, "is renamed in a circle"),
            ({"FB": "FB"}, "is renamed in a circle"),
            ({"FB": 3}, "renamed holds no symbol"),
            ({"FB": " "}, "renamed holds no symbol"),
        ],
    )
    def test_what_cannot_be(self, renamed: Any, message: str) -> None:
        assert message in refused(self.PRICES, renamed=renamed)

    def test_two_prices_on_one_day_are_a_finding(self) -> None:
        data = MarketData(self.PRICES, renamed={"OLD": "META"})
        assert {finding.kind for finding in data.findings} == {"duplicate_day"}


@pytest.mark.parametrize(
    ("price", "more", "noted"),
    [
        (10.4, {}, True),
        (15.0, {}, False),  # another company
        (10.4, {"Z": [None, None, 3.0, 3.0]}, False),  # two begin: members of an index change in groups
        (10.4, {"Z": [5.0, 5.0, None, None]}, False),
    ],
)
def test_a_symbol_that_ends_where_another_begins_is_noted(price: float, more: dict[str, Any], noted: bool) -> None:
    table = pl.DataFrame(
        {
            "date": [f"2022-06-{day:02}" for day in (6, 7, 8, 9)],
            "FB": [10.0, 10.1, None, None],
            "META": [None, None, price, 10.5],
            "A": [4.0, 4.1, 4.0, 4.2],
            **more,
        },
        schema_overrides=dict.fromkeys(more, pl.Float64),
    )
    said = (
        "FB ends where META begins, on 2022-06-08: if it was renamed, put all its prices under META (in Python: "
        'renamed={"FB": "META"}).'
    )
    assert (said in MarketData(table).notes) is noted
    assert MarketData(table, renamed={"FB": "META"}).symbols == ("A", "META", *more)
    assert not [note for note in MarketData(table, renamed={"FB": "META"}).notes if "renamed" in note]

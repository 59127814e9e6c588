"""Tables that look like prices and are not, or are not all that the day needs: each is refused, or said in a note."""

from __future__ import annotations

import datetime as dt
import decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from price_series import days, long, walk, walks

from trimtab.errors import InputError
from trimtab.market.market_data import MarketData
from trimtab.market.valuation import valued
from trimtab.market.view import MarketView
from trimtab.scoring.technical import TechnicalConfig, technical_scores
from trimtab.symbols.aliases import shipped_aliases

SESSIONS = [
    day for day in (dt.date(2019, 1, 1) + dt.timedelta(days=index) for index in range(1000)) if day.weekday() < 5
]


def refused(prices: Any) -> str:
    with pytest.raises(InputError) as caught:
        MarketData(prices)
    return str(caught.value)


def wide(columns: dict[str, list[float | None]], sessions: list[dt.date] | None = None) -> pl.DataFrame:
    count = len(next(iter(columns.values())))
    return pl.DataFrame({"date": (sessions or SESSIONS)[:count], **columns})


class TestTheColumnsOfOneSymbol:
    @pytest.mark.parametrize(
        "names",
        [
            ("Open", "High", "Low", "Close", "Adj Close", "Volume"),
            ("open", "high", "low", "close"),
            ("close",),
            ("Price",),
            ("NAV",),
            ("Close/Last", "Volume", "Open"),
            ("close", "volume", "sma_20"),
            ("Adj_Close", "MA50"),
            ("Open", "High", "Low", "Volume"),
            ("AAPL.Open", "AAPL.High", "AAPL.Close"),
            ("Close_AAPL", "Volume_AAPL", "Close_MSFT", "Volume_MSFT"),
            ("('Adj Close', 'AAPL')", "('High', 'AAPL')"),
        ],
    )
    def test_is_no_table_of_symbols(self, names: tuple[str, ...]) -> None:
        message = refused(wide({name: walk(index, 30) for index, name in enumerate(names)}))
        assert "prices of one symbol, not symbols" in message or "name a symbol and a kind of price each" in message

    @pytest.mark.parametrize("names", [("LOW", "OPEN"), ("LOW",), ("AAPL", "CLOSE", "MSFT"), ("VOL", "OPEN", "XOM")])
    def test_tickers_that_are_words_stay_tickers(self, names: tuple[str, ...]) -> None:
        assert MarketData(wide({name: walk(index, 30) for index, name in enumerate(names)})).symbols == tuple(
            sorted(names)
        )

    def test_with_its_symbol_it_is_a_long_table(self) -> None:
        table = wide({"Open": walk(1, 9), "Close": walk(2, 9), "Adj Close": walk(3, 9)})
        data = MarketData(table.with_columns(symbol=pl.lit("AAPL")))
        assert data.symbols == ("AAPL",)
        assert data.notes == ("The prices are the column 'Close'; Adj Close is not used (price_column names another).",)


class TestReturns:
    RETURNS = np.random.default_rng(3).normal(0.0005, 0.012, (300, 3))

    @pytest.mark.parametrize("factor", [1.0, 100.0, 10_000.0])
    def test_are_refused(self, factor: float) -> None:
        columns = {name: list(self.RETURNS[:, index] * factor) for index, name in enumerate("ABC")}
        assert "these are not prices but returns or changes: give prices" in refused(wide(columns))

    def test_plus_one_are_noted(self) -> None:
        data = MarketData(wide({name: list(1 + self.RETURNS[:, index]) for index, name in enumerate("ABC")}))
        assert data.notes == (
            "Every series jitters around 1, as 1 + return does and prices do not: are these returns?",
        )

    @pytest.mark.parametrize("level", [1.0, 0.6, 100.0])
    def test_prices_near_one_are_prices(self, level: float) -> None:
        prices = level * np.cumprod(1 + self.RETURNS, axis=0)
        assert MarketData(wide({name: list(prices[:, index]) for index, name in enumerate("ABC")})).notes == ()

    def test_a_constant_series_is_no_return(self) -> None:
        assert MarketData(wide({"A": [1.0] * 40})).notes == ()


class TestWhatIsSaid:
    DATA = wide(walks(["BRK-B", "AAPL", "XOM"], 300))

    @pytest.mark.parametrize(("days_later", "is_said"), [(0, False), (10, False), (11, True), (3000, True)])
    def test_prices_that_end_before_the_day(self, days_later: int, *, is_said: bool) -> None:
        last = self.DATA["date"][-1]
        view = MarketData(self.DATA).as_of(last + dt.timedelta(days=days_later))
        message = [note for note in view.notes if note.startswith(f"The prices end on {last.isoformat()}")]
        assert bool(message) is is_said
        assert technical_scores(view).notes == view.notes

    def test_monthly_prices_may_end_a_month_before(self) -> None:
        months = [dt.date(2015 + index // 12, index % 12 + 1, 28) for index in range(60)]
        data = MarketData(wide({"A": walk(1, 60)}, months))
        assert data.as_of("2020-02-10").notes == ()
        assert data.as_of("2020-09-10").notes != ()

    def test_symbols_without_prices(self) -> None:
        symbols = [*(f"Z{number}" for number in range(9)), "BRK.B", "brk_b"]
        data = MarketData(
            self.DATA,
            classification=[{"symbol": symbol, "bucket": "X"} for symbol in symbols],
            membership=[{"symbol": "AAPL.US", "from": "2000-01-01", "to": None}],
            fundamentals=[{"symbol": "xom", "known_on": "2019-01-01", "eps": 1.0}],
        )
        assert data.notes == (
            "Joined by alias from the classification: BRK.B is BRK-B in the prices.",
            "Not in the prices, so not used from the fundamentals: xom (is 'XOM' meant?).",
            "Not in the prices, so not used from the classification: "
            "brk_b (is 'BRK-B' meant?), Z0, Z1, Z2, Z3 and 5 more.",
            "Not in the prices, so not used from the membership: AAPL.US.",
        )
        view = data.as_of(self.DATA["date"][-1])
        assert view.notes[0].startswith("No symbol of the prices is a member of the index on ")
        assert view.notes[1:] == data.notes
        assert view.bucket_of == {"BRK-B": "X"} | {f"Z{number}": "X" for number in range(9)} | {"brk_b": "X"}

    def test_symbols_in_another_spelling_join_the_prices(self) -> None:
        """Unless two of them would become one symbol."""
        data = MarketData(
            self.DATA,
            classification=[{"symbol": "BRK/B", "bucket": "X"}, {"symbol": "BRKB", "bucket": "Y"}],
            membership=[{"symbol": "BRK B", "from": "2000-01-01", "to": None}],
            fundamentals=[{"symbol": "Berkshire", "known_on": "2019-01-01", "eps": 1.0}],
            aliases=shipped_aliases().extended({"BRK.B": ["Berkshire"]}),
        )
        view = data.as_of(self.DATA["date"][-1])
        assert view.bucket_of == {"BRK/B": "X", "BRKB": "Y"}
        assert view.members == frozenset({"BRK-B"})
        assert view.fundamentals is not None
        assert view.fundamentals["symbol"].to_list() == ["BRK-B"]
        assert data.notes[:2] == (
            "Joined by alias from the fundamentals: Berkshire is BRK-B in the prices.",
            "Joined by alias from the membership: BRK B is BRK-B in the prices.",
        )


class TestColumnsThatNobodyNeeds:
    COUNT = 40
    ODD = (
        pa.array([decimal.Decimal("1.5")] * COUNT, pa.decimal256(76, 38)),
        pa.array([(1, 2, 3)] * COUNT, pa.month_day_nano_interval()),
        pa.array([[1.0]] * COUNT, pa.list_view(pa.float64())),
        pa.RunEndEncodedArray.from_arrays(pa.array([COUNT], pa.int32()), pa.array(["x"])),
        pa.array([0] * COUNT, pa.int64()).cast(pa.timestamp("us", "Z")),
        pa.array([0] * COUNT, pa.int64()).cast(pa.timestamp("us", "GMT-05:00")),
        pa.array([b"\xff\xfe"] * COUNT, pa.binary()),
        pa.array([{"a": 1}] * COUNT),
        pa.array([1] * COUNT, pa.duration("s")),
    )

    def table(self, **columns: Any) -> pa.Table:
        named = {"date": pa.array(SESSIONS[: self.COUNT]), "symbol": ["AAA"] * self.COUNT}
        return pa.table({**named, "close": walk(1, self.COUNT), **columns})

    @pytest.mark.parametrize("odd", range(len(ODD)))
    def test_may_be_of_any_type(self, odd: int) -> None:
        assert MarketData(self.table(other=self.ODD[odd])).symbols == ("AAA",)

    @pytest.mark.parametrize("odd", range(1, len(ODD)))
    @pytest.mark.parametrize("column", ["close", "symbol", "date"])
    def test_a_needed_one_is_refused_by_name(self, odd: int, column: str) -> None:
        if self.ODD[odd].type == pa.duration("s") or column != "date":
            assert f"column {column!r}" in refused(self.table(**{column: self.ODD[odd]}))
        else:
            with pytest.raises(InputError):
                MarketData(self.table(**{column: self.ODD[odd]}))

    def test_wide_decimals_are_prices(self) -> None:
        prices = pa.array([decimal.Decimal(f"1.{number}") for number in range(10, 50)], pa.decimal256(76, 38))
        view = MarketData(self.table(close=prices)).as_of("2020-01-01")
        assert view.prices["AAA"][0] == 1.10

    def test_mixed_objects_of_pandas(self) -> None:
        frame = self.table().to_pandas()
        frame["note"] = [1, "x"] * (self.COUNT // 2)
        assert MarketData(frame).symbols == ("AAA",)

    def test_two_columns_of_one_name(self) -> None:
        table = pa.Table.from_arrays(
            [*self.table().columns, pa.array([1.0] * self.COUNT)], [*self.table().column_names, "close"]
        )
        assert "Expected unique column names" in refused(table)


class TestDoubtfulPrices:
    """Shares cannot be valued at a price that jumped and has not returned, nor can the account that holds them."""

    def view(self, factors: list[float], **options: Any) -> MarketView:
        before = walk(7, 60)
        jumped = [price * factor for price, factor in zip(walk(7, 60 + len(factors))[60:], factors, strict=True)]
        data = MarketData(long({"A": [*before, *jumped], "B": walk(8, 60 + len(factors))}), **options)
        return data.as_of(data.sessions[-1])

    @pytest.mark.parametrize("factor", [0.01, 100.0, 0.5, 2.0, 1 / 3, 3.0, 0.1, 1000.0, 1 / 15])
    @pytest.mark.parametrize("sessions", [1, 2, 30])
    def test_a_jump_at_the_end(self, factor: float, sessions: int) -> None:
        view = self.view([factor] * sessions)
        assert set(view.doubtful) == {"A"}
        with pytest.raises(
            InputError, match=r"^cannot be valued: on \S+ its price jumps to .* \(received 'A'\): correct"
        ):
            valued({"A": 10, "B": 10}, 0.0, view)
        assert valued({"A": 0, "B": 10}, 0.0, view).weights == {"A": 0.0, "B": 1.0}
        assert technical_scores(view, TechnicalConfig(min_confidence=0)).score_of("A") is None

    @pytest.mark.parametrize("factor", [0.01, 100.0, 0.5, 2.0])
    def test_one_that_returned(self, factor: float) -> None:
        view = self.view([factor, factor, 1.0, 1.0])
        assert view.doubtful == {}
        assert valued({"A": 10, "B": 10}, 0.0, view).old == {}

    def test_one_that_is_accepted(self) -> None:
        assert self.view([2.0, 2.0], accepted=[("A", days(61)[-1])]).doubtful == {}


class TestHolidays:
    """A day on which a symbol's own exchange is closed, which other symbols show, is not a missing price."""

    def exchanges(self, closed: dict[str, set[int]], count: int = 400) -> pd.DataFrame:
        prices = {
            name: [None if index in rows else price for index, price in enumerate(walk(seed, count))]
            for seed, (name, rows) in enumerate(closed.items())
        }
        return wide(prices).to_pandas()

    US, DE = {150, 180, 181, 230, 300, 360, 398}, {160, 161, 240, 310, 370, 391}

    def scored(self, closed: dict[str, set[int]]) -> dict[str, float | None]:
        data = MarketData(self.exchanges(closed))
        return dict(technical_scores(data.as_of(data.sessions[-1])).by_asset)

    def test_two_exchanges(self) -> None:
        both = {**{f"U{index}": self.US for index in range(4)}, **{f"D{index}": self.DE for index in range(3)}}
        assert None not in self.scored(both).values()

    def test_a_closed_exchange_at_the_end(self) -> None:
        open_days = {
            **{f"U{index}": self.US for index in range(4)},
            **{f"D{index}": self.DE | {398, 399} for index in range(3)},
        }
        assert None not in self.scored(open_days).values()
        stopped = {**open_days, **{f"D{index}": self.DE | {396, 397, 399} for index in range(3)}}
        scored = self.scored(stopped)
        assert [name for name, score in scored.items() if score is None] == ["D0", "D1", "D2"]

    def test_a_day_that_only_one_lacks_is_a_gap(self) -> None:
        both = {**{f"U{index}": self.US for index in range(4)}, **{f"D{index}": self.DE for index in range(3)}}
        scored = self.scored({**both, "D1": self.DE | {333}})
        assert [name for name, score in scored.items() if score is None] == ["D1"]

    def test_one_symbol_shows_no_calendar(self) -> None:
        assert self.scored({**{f"U{index}": set() for index in range(4)}, "D0": self.DE})["D0"] is None

    def test_each_is_scored_as_if_it_were_alone(self) -> None:
        """Its parts are those of its own sessions, without the days on which it was closed."""
        both = {**{f"U{index}": self.US for index in range(4)}, **{f"D{index}": self.DE for index in range(3)}}
        data = MarketData(self.exchanges(both))
        view = data.as_of(data.sessions[-1])
        table = technical_scores(view).table
        own = view.prices["D0"].drop_nulls()
        row = table.row(by_predicate=pl.col("asset") == "D0", named=True)
        assert row["momentum"] == pytest.approx(own[-22] / own[-253] - 1, rel=1e-12)
        assert row["reversal"] == pytest.approx(own[-1] / own[-22] - 1, rel=1e-12)
        returns = (own / own.shift(1) - 1).tail(252)
        assert row["volatility"] == pytest.approx(returns.std() * 252**0.5, rel=1e-12)


class TestSessionsOfAYear:
    @pytest.mark.parametrize(
        ("sessions", "year"),
        [
            ([dt.date(2017, 1, 1) + dt.timedelta(days=index) for index in range(800)], 365),
            ([dt.date(2010, 1, 1) + dt.timedelta(days=7 * index) for index in range(150)], 52),
            ([dt.date(2000 + index // 12, index % 12 + 1, 28) for index in range(60)], 12),
            (SESSIONS, 252),
        ],
    )
    def test_volatility_and_windows_follow_the_data(self, sessions: list[dt.date], year: int) -> None:
        prices = walk(1, len(sessions))
        view = MarketData(wide({"A": prices, "B": walk(2, len(sessions))}, sessions)).as_of(sessions[-1])
        scores = technical_scores(view)
        assert (view.sessions_per_year, view.window, scores.sessions_per_year) == (year, year + 1, year)
        row = scores.table.row(0, named=True)
        returns = np.diff(prices)[-year:] / np.array(prices)[-year - 1 : -1]
        assert row["volatility"] == pytest.approx(returns.std(ddof=1) * year**0.5)
        assert row["momentum"] == pytest.approx(prices[-1 - round(year / 12)] / prices[-1 - year] - 1)
        assert row["score"] is not None

    def test_the_user_may_say_it(self) -> None:
        data = MarketData(wide({"A": walk(1, 300)}), sessions_per_year=260)
        assert data.as_of(data.sessions[-1]).window == 261
        for wrong in (0, -1, 2.5, "252"):
            with pytest.raises(InputError, match="sessions_per_year is not a number of sessions"):
                MarketData(wide({"A": walk(1, 30)}), sessions_per_year=wrong)  # type: ignore[arg-type]

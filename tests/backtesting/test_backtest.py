"""The walk: worked by hand, against plain books, against the table door, and what it must never do."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
import math
import random
from typing import Any

import polars as pl
import pytest
from backtest_runs import BUCKETS, LIMITS, both, by_day, days, decided, market, run_of, scores, sums_of
from plain_ledger import Books, keep_books

import trimtab
import trimtab.backtesting.backtest
from trimtab import BacktestResult, InputError, LimitsError, MarketData, RebalancingLimits, TradingCosts
from trimtab.backtesting.comparison import versus

COSTS = TradingCosts(commission_bps=5, spread_bps=10, slippage_bps=10)
WHOLE = RebalancingLimits(
    target_invested=1.0,
    max_position_weight=1.0,
    min_position_weight=0.0,
    max_new_positions=10,
    no_trade_band=0.0,
    min_trade=0.0,
    min_score_threshold=0.0,
    sizing_mode="desired",
)


@pytest.fixture(autouse=True)
def also_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every backtest here also runs undecorated, and must fill the same bits."""
    monkeypatch.setattr(trimtab.backtesting.backtest, "backtest_policy", both)


def wide(**columns: list[float | None]) -> list[dict[str, Any]]:
    """Prices on weekdays from 2024-01-01 (a Monday) on."""
    length = len(next(iter(columns.values())))
    return [
        {"date": day, **{name: column[index] for name, column in columns.items()}}
        for index, day in enumerate(days(length))
    ]


def wishes(*rows: tuple[int, dict[str, float]]) -> list[dict[str, Any]]:
    """Scores with desired weights: on the session `at` these weights."""
    calendar = days(100)
    return [
        {"date": calendar[index], "asset": asset, "score": 0.9, "desired_weight": weight}
        for index, weights in rows
        for asset, weight in weights.items()
    ]


def column(frame: pl.DataFrame, name: str) -> list[Any]:
    return frame[name].to_list()


def test_worked_by_hand() -> None:
    """Two assets, costs of 20 basis points, cash at 3.65 % a year; all figures below were worked out on paper.

    Day 1 (Tue): asked. AAA is wished at 0.5.
    Day 2 (Wed): cash has earned one day: 1.0365 ** (1 / 365). All of it is V. The value x after costs solves
        x + 0.002 * 0.5 x = V, so x = V / 1.001; 0.5 x is bought at 20, costs are 0.002 * 0.5 x.
    Day 3 (Thu): AAA closes at 22. Asked: AAA is wished at 0.25, BBB at 0.25.
    Day 4 (Fri): AAA closes at 25, BBB at 8. V = cash + shares * 25. x + 0.002 (|0.25 x - a| + 0.25 x) = V with
        a = shares * 25 above 0.25 x: x (1 + 0.002 * (0.25 - 0.25)) = V - 0.002 a, so x = V - 0.002 a.
    Day 5 (Mon): three days of interest; AAA 30, BBB 10.
    """
    prices = wide(AAA=[19.0, 20.0, 20.0, 22.0, 25.0, 30.0], BBB=[10.0, 10.0, 10.0, 10.0, 8.0, 10.0])
    calendar = days(6)
    calendar_days = [calendar[1], calendar[3]]
    result = trimtab.backtest(
        prices,
        WHOLE,
        scores=wishes((1, {"AAA": 0.5}), (3, {"AAA": 0.25, "BBB": 0.25})),
        every=calendar_days,
        costs=TradingCosts(commission_bps=10, spread_bps=12, slippage_bps=4),
        cash_rate=0.0365,
    )
    day = 1.0365 ** (1 / 365)
    first = day / 1.001
    shares, cash = 0.5 * first / 20, day - 0.5 * first * 1.002
    thursday = cash * day + shares * 22
    value = cash * day * day + shares * 25
    second = value - 0.002 * shares * 25
    sold, bought = shares * 25 - 0.25 * second, 0.25 * second
    left = cash * day * day + sold - bought - 0.002 * (sold + bought)
    monday = left * 1.0365 ** (3 / 365) + 0.25 * second / 25 * 30 + 0.25 * second / 8 * 10
    assert column(result.equity, "date") == calendar[1:]
    wanted = [1.0, first, thursday, second, monday]
    assert column(result.equity, "equity") == pytest.approx(wanted, rel=1e-14)
    assert column(result.equity, "cash") == pytest.approx([1.0, cash, cash * day, left, left * 1.0365 ** (3 / 365)])
    assert column(result.equity, "return")[0] is None
    returns = [after / before - 1 for before, after in itertools.pairwise(wanted)]
    assert column(result.equity, "return")[1:] == pytest.approx(returns, rel=1e-12)
    turnover = result.turnover.row(1, named=True)
    assert turnover["date"] == calendar[3] and turnover["trade_date"] == calendar[4]
    assert turnover["bought"] == pytest.approx(bought) and turnover["sold"] == pytest.approx(sold)
    assert turnover["turnover"] == pytest.approx(max(bought, sold) / value)
    assert turnover["cost"] == pytest.approx(0.002 * (sold + bought))
    paid = [turnover[name] / turnover["cost"] for name in ("commission", "spread", "slippage")]
    assert paid == pytest.approx([0.5, 0.3, 0.2])
    assert turnover["positions"] == 2 and not turnover["buys_cut"]
    weights = result.weights.filter(pl.col("date") == calendar[3])
    assert column(weights, "weight") == pytest.approx([0.25, 0.25], rel=1e-14)
    assert column(weights, "current_weight") == pytest.approx([shares * 22 / thursday, 0.0])
    assert column(result.trades, "side") == ["buy", "sell", "buy"]
    assert column(result.trades, "price") == [20.0, 25.0, 8.0]


def books_of(result: BacktestResult, seed: int, **more: Any) -> Books:
    return keep_books(by_day(market(seed)), decided(result), **more)


def agree(result: BacktestResult, books: Books) -> None:
    """Equity, cash and removals of the walk are those of the plain books."""
    for name, kept in (("equity", books.equity), ("cash", books.cash)):
        values = dict(result.equity.select("date", name).iter_rows())
        assert values.keys() == kept.keys()
        for day, value in kept.items():
            assert values[day] == pytest.approx(value, rel=1e-11, abs=1e-12), (name, day)
    gone = {(day, asset): money for day, asset, money in result.removed.select("date", "asset", "amount").iter_rows()}
    assert gone == pytest.approx(books.removed)


@pytest.mark.parametrize("seed", range(12))
def test_equal_to_plain_books(seed: int) -> None:
    rng = random.Random(seed)
    terms = {"cash_rate": rng.choice([0.0, 0.03]), "gone_after": rng.choice([1, 2, 5])}
    costs = rng.choice([None, COSTS])
    limits = LIMITS.replace(
        target_invested=rng.choice([0.95, 1.0]),
        no_trade_band=rng.choice([0.0, 0.2]),
        unscored_positions=rng.choice(["hold", "close"]),
    )
    result = run_of(seed, limits, costs=costs, **terms)
    assert result.trades.height > 10
    agree(result, books_of(result, seed, cost=0.0 if costs is None else costs.rate, **terms))


@pytest.mark.parametrize("seed", range(4))
def test_at_the_open_equal_to_plain_books(seed: int) -> None:
    result = run_of(seed, trade_at="open", costs=COSTS)
    agree(result, books_of(result, seed, cost=COSTS.rate, opens=by_day(market(seed), "open")))
    data, opens = (
        MarketData(market(seed), classification=[{"symbol": a, "bucket": b} for a, b in BUCKETS.items()]),
        market(seed),
    )
    same = trimtab.backtest(
        data,
        LIMITS,
        scores=scores(seed),
        every="week",
        trade_at="open",
        costs=COSTS,
        opens=MarketData(opens, price_column="open"),
    )
    assert same.equity.equals(result.equity)


@pytest.mark.parametrize("seed", range(6))
def test_cash_is_conserved(seed: int) -> None:
    """Cash is the earlier cash with interest, less trades and costs, plus the money for delisted holdings."""
    result = run_of(seed, costs=COSTS, cash_rate=0.02, gone_after=2)
    spent = dict(sums_of(result).iter_rows())
    left = dict(result.removed.group_by("date").agg(pl.col("amount").sum()).iter_rows())
    cash, before = 1.0, None
    for day, there in result.equity.select("date", "cash").iter_rows():
        if before is not None:
            cash *= 1.02 ** ((day - before).days / 365)
        cash += left.get(day, 0.0) - spent.get(day, 0.0)
        assert abs(cash - there) < 1e-9
        before = day
    assert min(column(result.equity, "cash")) >= 0


@pytest.mark.parametrize("seed", range(6))
def test_every_decision_is_that_of_the_table_door(seed: int) -> None:
    """To the bit: a walk decides nothing by itself."""
    membership = [
        {"symbol": name, "from": days(1)[0], "to": days(40)[-1] if name in "AD" else None} for name in BUCKETS
    ]
    limits = LIMITS.replace(enable_bucket_diversification=seed % 2 == 0)
    result = run_of(seed, limits, membership=membership, costs=COSTS)
    for day, rows in result.decisions.group_by("date"):
        alone = result.on(day[0])
        assert [row["asset"] for row in alone.targets] == column(rows, "asset")
        for name in ("target_weight", "action", "reason", "size_reason"):
            assert [row[name] for row in alone.targets] == column(rows, name)
        assert alone.status != "braked"


def test_the_weights_are_the_targets() -> None:
    """Without a band everything is brought to its target, after costs."""
    result = run_of(3, LIMITS.replace(no_trade_band=0.0, min_trade=0.0), costs=COSTS, gone_after=1)
    traded = result.trades.filter("filled").select("decided", "asset")
    joined = result.weights.join(traded, left_on=["date", "asset"], right_on=["decided", "asset"])
    whole = joined.join(result.turnover.filter("buys_cut").select("date"), on="date", how="anti")
    assert whole.height > 20
    assert (whole["weight"] - whole["target_weight"]).abs().max() < 1e-12
    totals = dict(result.weights.group_by("date").agg(pl.col("weight").sum()).iter_rows())
    of_buckets = result.bucket_weights.filter(pl.col("depth") == 1).group_by("date").agg(pl.col("weight").sum())
    for day, total in of_buckets.iter_rows():
        assert total == pytest.approx(totals[day])
    assert set(result.bucket_weights["bucket"]) <= {"X", "Y", "Z", "Z/a", "Z/b"}


def test_every_limit_of_every_decision_is_measured() -> None:
    result = run_of(3, costs=COSTS)
    certificate = result.certificate
    assert set(certificate["date"]) == set(result.turnover["date"])
    assert "broken" not in set(certificate["status"])
    first = certificate.filter((pl.col("name") == "max_allocation") & (pl.col("node") == "X"))
    top = result.decisions.filter(pl.col("bucket") == "X").group_by("date").agg(pl.col("target_weight").sum())
    measured = dict(first.select("date", "measured").iter_rows())
    assert measured == pytest.approx({day: weight for day, weight in top.iter_rows() if day in measured})
    assert set(first["limit"]) == {0.5}


def poisoned(rows: list[dict[str, Any]], day: dt.date, column: str, how: str) -> list[dict[str, Any]]:
    """Later rows without their value, with another one, or gone."""
    if how == "gone":
        return [row for row in rows if row["date"] <= day]
    worse = {
        "missing": lambda _: None,
        "other": lambda value: value and (1000 * value if column == "close" else 1 - value),
    }[how]
    return [{**row, column: worse(row[column])} if row["date"] > day else row for row in rows]


@pytest.mark.parametrize("every", ["week", "drift"])
@pytest.mark.parametrize("how", ["missing", "other", "gone"])
def test_the_future_changes_nothing(how: str, every: str) -> None:
    """Everything after a day is poisoned; up to that day equity, decisions, trades and removals stay the same, to the
    bit."""
    more = {"every": every, "costs": COSTS, "gone_after": 2} | ({"drift": 0.02} if every == "drift" else {})
    whole = run_of(5, **more)
    for index in (22, 37, 51):
        day = days(70)[index]
        options = {"scores": poisoned(scores(5), day, "score", how), "classification": BUCKETS} | more
        result = trimtab.backtest(poisoned(market(5), day, "close", how), LIMITS, **options)
        last = day if how == "other" else result.equity["date"][-1]
        for name in ("equity", "decisions", "trades", "removed"):
            past = [
                getattr(entry, name).filter(pl.col("date") < last if name == "decisions" else pl.col("date") <= last)
                for entry in (whole, result)
            ]
            assert past[0].equals(past[1]), (name, day)
            assert past[0].height > 0 or name == "removed"


def test_what_vanishes_leaves_at_its_last_price() -> None:
    prices = wide(AAA=[10.0] * 12, BBB=[10.0] * 3 + [15.0] + [None] * 8, CCC=[5.0] * 12)
    result = trimtab.backtest(
        prices, WHOLE, scores=wishes((0, {"AAA": 0.5, "BBB": 0.5})), every=[days(12)[0]], gone_after=3
    )
    calendar = days(12)
    assert result.removed.rows() == [(calendar[6], "BBB", calendar[3], 15.0, 0.75, 0.6)]
    assert column(result.equity, "equity") == [1.0, 1.0, 1.0] + [1.25] * 9
    assert column(result.equity, "cash") == [1.0] + [0.0] * 5 + [0.75] * 6
    assert [note.code for note in result.notes] == ["removed"]


def test_a_gap_is_carried_and_not_traded() -> None:
    """Without a price on the day of the decision it is left alone; without one on the day of the trade the order lapses."""
    prices = wide(AAA=[10.0, 10.0, None, 10.0, 10.0, None, 10.0, 10.0], BBB=[10.0] * 8, CCC=[5.0] * 8)
    asked = [days(8)[index] for index in (0, 2, 4)]
    rows = wishes((0, {"AAA": 0.5}), (2, {"AAA": 0.2, "BBB": 0.5}), (4, {"AAA": 0.2, "BBB": 0.8}))
    result = trimtab.backtest(prices, WHOLE, scores=rows, every=asked)
    second = result.decisions.filter((pl.col("date") == asked[1]) & (pl.col("asset") == "AAA")).row(0, named=True)
    assert (second["reason"], second["target_weight"]) == ("restricted", 0.5)
    lapsed = result.trades.filter(~pl.col("filled")).row(0, named=True)
    assert (lapsed["asset"], lapsed["side"], lapsed["amount"], lapsed["price"]) == ("AAA", "sell", 0.0, None)
    last = result.weights.filter(pl.col("date") == asked[2])
    assert column(last, "weight") == [0.5, 0.5]  # BBB was wished at 0.8; the sale of AAA that was to pay for it lapsed
    assert "unfilled" in [note.code for note in result.notes]


def test_buys_are_cut_where_cash_does_not_suffice() -> None:
    """A holding inside its band has risen since the decision; the remaining cash is shared among the buys in
    proportion."""
    prices = wide(AAA=[10.0, 10.0, 10.0, 20.0], BBB=[10.0] * 4, CCC=[10.0] * 4)
    limits = WHOLE.replace(no_trade_band=0.3)
    rows = wishes((0, {"AAA": 0.5}), (2, {"AAA": 0.5, "BBB": 0.25, "CCC": 0.25}))
    result = trimtab.backtest(prices, limits, scores=rows, every=[days(4)[0], days(4)[2]])
    assert column(result.turnover, "buys_cut") == [False, True]
    assert column(result.equity, "cash")[-1] == 0.0
    assert column(result.weights.filter(pl.col("date") == days(4)[2]), "weight") == pytest.approx([2 / 3, 1 / 6, 1 / 6])
    assert result.notes[0].code == "buys_cut"


def test_only_members_are_bought() -> None:
    """BBB joins on the fourth day and is not a candidate before; AAA leaves then, and is only no longer bought."""
    prices = wide(AAA=[10.0, 10.0, 10.0, 9.0, 9.0, 9.0], BBB=[10.0] * 6, CCC=[1.0] * 6)
    calendar = days(6)
    membership = [
        {"symbol": "AAA", "from": calendar[0], "to": calendar[3]},
        {"symbol": "BBB", "from": calendar[3], "to": None},
    ]
    wished = {"AAA": 0.5, "BBB": 0.5}
    result = trimtab.backtest(
        prices,
        WHOLE,
        scores=wishes((0, wished), (4, wished)),
        every=[calendar[0], calendar[2], calendar[4]],
        membership=membership,
    )
    seen = {
        (day, asset): reason for day, asset, reason in result.decisions.select("date", "asset", "reason").iter_rows()
    }
    assert list(seen) == [(calendar[0], "AAA"), (calendar[2], "AAA"), (calendar[4], "AAA"), (calendar[4], "BBB")]
    last = result.weights.filter(pl.col("date") == calendar[4])
    assert column(last, "current_weight") == pytest.approx([0.45 / 0.95, 0.0])
    assert column(last, "weight") == pytest.approx([0.45 / 0.95, 0.5])


def test_on_drift() -> None:
    """It decides at the start, and again only when a weight has moved by more than 0.1 since the trades."""
    prices = wide(AAA=[10.0, 10.0, 11.0, 13.0, 16.0, 16.0, 16.0, 30.0], BBB=[10.0] * 8)
    result = trimtab.backtest(prices, WHOLE, scores=wishes((0, {"AAA": 0.5, "BBB": 0.5})), every="drift", drift=0.1)
    calendar = days(8)
    assert 13 / 23 - 0.5 < 0.1 < 16 / 26 - 0.5
    assert column(result.turnover, "date") == [calendar[0], calendar[4]]
    assert column(result.equity, "equity")[-1] == pytest.approx(1.3 * (0.5 + 0.5 * 30 / 16))


def test_it_decides_every_time_while_nothing_is_held() -> None:
    prices = wide(AAA=[10.0] * 5, BBB=[10.0] * 5)
    rows = [{"date": days(5)[index], "asset": "AAA", "score": 0.1 if index < 2 else 0.9} for index in range(5)]
    result = trimtab.backtest(prices, RebalancingLimits(), scores=rows, every="drift", drift=0.1)
    assert column(result.turnover, "date") == days(3)
    assert column(result.turnover, "positions") == [0, 0, 1]


@pytest.mark.parametrize(
    ("every", "wanted"),
    [("week", ["2024-01-05", "2024-01-12"]), ("month", ["2024-01-31", "2024-02-29"]), ("quarter", ["2024-03-29"])],
)
def test_the_last_sessions_of_periods(every: str, wanted: list[str]) -> None:
    """Every session but the last of the data has a session after it, and so is known to be the last of its period."""
    prices = wide(AAA=[10.0] * 66)
    rows = [{"date": days(1)[0], "asset": "AAA", "score": 0.9}]
    result = trimtab.backtest(prices, RebalancingLimits(), scores=rows, every=every)
    assert [str(day) for day in column(result.turnover, "date")][: len(wanted)] == wanted
    assert result.turnover.height == {"week": 13, "month": 3, "quarter": 1}[every]
    ended = trimtab.backtest(prices, scores=rows, every="week", start="2024-01-08", end="2024-01-19")
    assert [str(day) for day in column(ended.turnover, "date")] == ["2024-01-12"]
    assert str(column(ended.equity, "date")[-1]) == "2024-01-19"


def test_rates_of_cash_by_day() -> None:
    prices = wide(AAA=[10.0] * 4)
    rates = [{"date": days(4)[0], "rate": 0.05}, {"date": days(4)[2], "rate": 0.01}]
    rows = [{"date": days(1)[0], "asset": "AAA", "score": 0.1}]
    result = trimtab.backtest(prices, scores=rows, every=[days(1)[0]], cash_rate=rates)
    first = 1.05 ** (1 / 365)
    assert column(result.equity, "equity") == pytest.approx(
        [1.0, first, first * first, first * first * 1.01 ** (1 / 365)], rel=1e-15
    )


def test_when_and_why_was_it_sold() -> None:
    result = run_of(2, costs=COSTS)
    closed = result.decisions.filter(pl.col("action") == "close")
    asset = closed["asset"][0]
    history = result.history(asset, ["close"])
    assert history.height == closed.filter(pl.col("asset") == asset).height
    assert all(text.startswith("Closed: ") for text in column(history, "detail"))
    assert set(column(result.history(asset), "action")) <= {"open", "close", "increase", "decrease"}
    assert result.history(asset, "close").equals(history)
    with pytest.raises(InputError, match="has no price"):
        result.history("a")
    with pytest.raises(InputError, match="the action is unknown"):
        result.history(asset, ["sold"])
    with pytest.raises(
        InputError, match=r"there was no decision on this day \(received '2024-01-03'\): the nearest was on 2024-01-05"
    ):
        result.on("2024-01-03")


def test_scores_are_the_latest_ones() -> None:
    rows = scores(1)
    result = run_of(1)
    known = sorted({row["date"] for row in rows})
    for day, of in result.decisions.select("date", "score_date").unique().iter_rows():
        assert of == max(entry for entry in known if entry <= day)


def test_it_begins_with_the_scores() -> None:
    """The default start: the first rebalance day on which any asset has a score."""
    rows = [{**row, "score": None} if row["date"] < days(70)[25] else row for row in scores(1)]
    result = run_of(1, scores=rows)
    assert column(result.equity, "date")[0] == column(result.turnover, "date")[0] == days(70)[29]
    assert column(run_of(1, scores=rows, start=days(70)[10]).turnover, "date")[0] == days(70)[14]


def test_scores_wide_and_from_views() -> None:
    """The same scores as a wide table, and from a function that sees a view, give the same walk."""
    long = [row for row in scores(4) if row["score"] is not None]
    table = pl.DataFrame(long).pivot("asset", index="date", values="score")
    run = run_of(4, scores=table)
    cells = {(row["date"], row["asset"]): row["score"] for row in long}

    def scorer(view: Any) -> pl.DataFrame:
        day = max(cell for cell, _ in cells if cell <= view.date)
        return pl.DataFrame({"asset": list(BUCKETS), "score": [cells.get((day, name)) for name in BUCKETS]})

    two = run_of(4, scores=scorer)
    assert run.equity.equals(two.equity)
    assert run.equity["equity"][-1] != 1.0
    drifted = run_of(4, scores=scorer, every="drift", drift=0.05)
    assert set(column(drifted.decisions, "score_date")) <= {
        drifted.equity["date"][0],
        dt.date(2024, 1, 31),
        dt.date(2024, 2, 29),
        dt.date(2024, 3, 29),
    }


def test_brakes_and_doubtful_prices_are_said() -> None:
    rows = market(6)
    for row in rows:
        if row["symbol"] == "A" and row["date"] >= days(70)[30]:
            row["close"] *= 10
    result = trimtab.backtest(
        rows,
        LIMITS.replace(brake_sold_weight=0.05),
        scores=[{**row, "score": 0.9} for row in scores(6)],
        classification=BUCKETS,
        every="week",
    )
    notes = {note.code: note.text for note in result.notes}
    assert "A" in notes["doubtful_prices"] and "braked" in notes
    assert result.turnover["braked"].any()
    said = run_of(6, LIMITS.replace(regimes={"Deflation": {"max_total_positions": 2}})).notes
    assert "regimes" in [note.code for note in said]


def test_returns_as_a_series() -> None:
    result = run_of(1, name="mine")
    series = result.to_returns()
    assert series.name == "mine" and list(series.index.date) == column(result.equity, "date")[1:]
    assert math.prod(1 + series) == pytest.approx(result.equity["equity"][-1])
    assert repr(result).startswith("<BacktestResult mine: 2024-01-05 to 2024-04-05, 13 decisions, equity ")
    assert result.settings.every == "week"


def test_unscored_as_error_and_unmet_as_error() -> None:
    with pytest.raises(InputError, match="has no score on 2024-"):
        run_of(1, LIMITS.replace(unscored_positions="error"))
    with pytest.raises(trimtab.UnmetLimitError, match="unmet: 2024-01-05: min_buckets_represented"):
        run_of(
            1,
            LIMITS.replace(
                min_buckets_represented=3,
                max_positions_per_bucket=1,
                max_total_positions=3,
                max_new_positions=2,
                on_unmet="raise",
            ),
        )
    whole = [{**row, "score": 0.5} for row in scores(1)]
    more = {"scores": whole, "gone_after": 1}
    assert run_of(1, LIMITS.replace(unscored_positions="error"), **more).equity.equals(run_of(1, **more).equity)
    fine = run_of(1, LIMITS.replace(min_buckets_represented=0, on_unmet="raise"))
    assert fine.equity.equals(run_of(1, LIMITS.replace(min_buckets_represented=0)).equity)


SCORE = {"date": "2024-01-05", "asset": "A", "score": 0.5}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"every": "monthly"}, "every is unknown (received 'monthly'): did you mean 'month'?"),
        ({"every": 5}, "every is unknown (received 5): write week, month, quarter, drift, or give a list of days"),
        ({"every": []}, "every is empty: give at least one day"),
        ({"every": ["2024-01-06"]}, "a day in every is not a session (received '2024-01-06'): the session before it is 2024-01-05"),
        ({"every": ["2023-12-29", "2024-01-05"]}, "a day in every is outside the prices (received '2023-12-29'): the sessions go from 2024-01-01 to 2024-04-05"),
        ({"every": ["2024-01-05", "2031-01-05"]}, "a day in every is outside the prices (received '2031-01-05')"),
        ({"every": ["2024-01-05", "2024-04-05"]}, "a day in every is the last session (received '2024-04-05'): leave it out"),
        ({"every": ["2024-02-01", "2024-01-02"]}, "the days in every are not ascending, or one is repeated (received '2024-01-02'): it comes after 2024-02-01"),
        ({"every": "drift"}, 'every="drift" needs drift'),
        ({"every": "drift", "drift": 5}, "drift must be at least 0 and below 1 (received 5)"),
        ({"every": "drift", "drift": 0.0}, "drift must be above 0 (received 0.0)"),
        ({"drift": 0.1}, 'drift needs every="drift"'),
        ({"trade_at": "noon"}, "trade_at must be one of close, open (received 'noon')"),
        ({"gone_after": 0}, "gone_after must be at least 1 (received 0)"),
        ({"gone_after": True}, "gone_after must be a whole number (received True)"),
        ({"costs": 5}, "costs must be TradingCosts (received 5)"),
        ({"start": "2024-03-01", "end": "2024-02-01"}, "end is before start (2024-03-01)"),
        ({"start": "2025-01-01"}, "no day to decide on has a session after it to trade on"),
        ({"start": "soon"}, "start is not a day"),
        ({"cash_rate": 5}, "cash_rate is not a rate (received 5)"),
        ({"cash_rate": None}, "cash_rate is not a rate"),
        ({"cash_rate": [{"date": "2024-01-05", "rate": 5.0}]}, "cash_rate is not a rate (received 5.0)"),
        ({"cash_rate": [{"date": "2024-02-05", "rate": 0.05}]}, "no cash rate is known on 2024-01-05"),
        ({"cash_rate": [{"date": "2024-01-01", "rate": 0.01}, {"date": "2024-01-01", "rate": 0.02}]}, "the cash rates, row 2: the day has two rates (received '2024-01-01'): keep one of the two"),
        ({"sessions_per_year": 0}, "sessions_per_year must be at least 1 (received 0)"),
        ({"opens": market(1)}, "opens are given but not used"),
        ({"scores": [{**SCORE, "date": "2024-02-01"}], "start": "2024-01-01"}, "no score is known on 2024-01-05"),
        ({"scores": [{**SCORE, "date": "2025-02-01"}]}, "no score is known on 2024-03-29"),
        ({"scores": [{**SCORE, "asset": "AA"}]}, "the scores, row 1, column 'asset': has a score but no price (2024-01-05, AA) (received 'AA'): did you mean 'A'?"),
        ({"scores": [SCORE, SCORE]}, "row 2, column 'asset': already has a row on that day"),
        ({"scores": [{**SCORE, "score": 50}]}, "row 1, column 'score': must be a number between 0 and 1 (2024-01-05, A) (received 50)"),
        ({"scores": [{**SCORE, "scores": 1}]}, "column 'scores': the column is unknown: did you mean 'score'?"),
        ({"scores": [{"date": "2024-01-05"}]}, "the table has no scores: add a column for each asset"),
        ({"scores": [{"date": "2024-01-05", "asset": "A"}]}, "column 'score': the column is missing"),
        ({"scores": [{**SCORE, "desired_weight": -1}]}, "column 'desired_weight': must be a number between 1e-09 and 1e+09"),
        ({"scores": lambda _view: 5}, "the scores of 2024-01-05: a int cannot be read as a table"),
        ({"classification": {"A": "X//Y"}}, "the bucket's path has an empty part"),
        ({"classification": {"A": 5}}, "is not text"),
    ],
)  # fmt: skip
def test_wrong_input_is_refused(more: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as error:
        run_of(1, **more)
    assert said in str(error.value)


def test_two_spellings_of_a_bucket_are_refused_where_they_could_escape_a_limit() -> None:
    spelled = {"A": "X", "B": "x"}
    with pytest.raises(InputError, match="the bucket differs from 'X' only in case"):
        run_of(1, LIMITS.replace(enable_bucket_diversification=True), classification=spelled)
    off = LIMITS.replace(enable_bucket_diversification=False)
    assert run_of(1, off, classification=spelled).equity.equals(run_of(1, off).equity)


def test_wrong_limits_and_costs_are_refused() -> None:
    with pytest.raises(LimitsError, match=r"buckets\['W'\]: no candidate is in this bucket"):
        run_of(1, LIMITS.replace(buckets={"W": {"max_positions": 1}}))
    with pytest.raises(LimitsError, match="max_correlation cannot be used in a backtest"):
        run_of(1, LIMITS.replace(max_correlation=0.8))
    with pytest.raises(LimitsError, match="exposures have limits, but there is no table of exposures: give one"):
        run_of(1, LIMITS.replace(exposures={"country": {"max_exposure": 0.5}}))
    with pytest.raises(LimitsError, match="limits must be RebalancingLimits"):
        run_of(1, 5)  # type: ignore[arg-type]
    with pytest.raises(LimitsError, match="the costs: 2 faults"):
        TradingCosts(commission_bps=-1, spread_bps=5000)


def test_market_data_has_its_own_tables() -> None:
    data = MarketData(market(1))
    with pytest.raises(InputError, match="classification is given beside a MarketData"):
        trimtab.backtest(data, scores=scores(1), classification=BUCKETS)
    with pytest.raises(InputError, match='trade_at="open" needs prices at the open'):
        trimtab.backtest(data, scores=scores(1), trade_at="open")


def test_a_table_without_opens_is_refused() -> None:
    """A wide one has a single price a day, be a symbol called OPEN."""
    with pytest.raises(InputError, match="column 'open': the column is missing"):
        trimtab.backtest(wide(AAA=[10.0] * 4), scores=[SCORE], trade_at="open")
    with pytest.raises(InputError, match="column 'symbol': the column is missing"):
        trimtab.backtest(wide(OPEN=[10.0] * 4), scores=[SCORE], trade_at="open")


def test_prices_at_the_open_in_a_table_of_their_own() -> None:
    prices, opens = wide(AAA=[10.0, 10.0, 20.0, 20.0], BBB=[1.0] * 4), wide(AAA=[9.0, 8.0, 9.0, 9.0])
    result = trimtab.backtest(
        prices, WHOLE, scores=wishes((0, {"AAA": 0.5})), every=[days(1)[0]], trade_at="open", opens=opens
    )
    assert column(result.equity, "equity") == [1.0, 0.5 + 0.5 / 8 * 10, 0.5 + 0.5 / 8 * 20, 0.5 + 0.5 / 8 * 20]
    assert column(result.trades, "price") == [8.0]


def test_one_session_is_too_few() -> None:
    with pytest.raises(InputError, match="no day to decide on has a session after it"):
        trimtab.backtest([{"date": "2024-01-31", "symbol": "A", "close": 1.0}], scores=[SCORE])


def test_an_unknown_argument_names_the_nearest() -> None:
    with pytest.raises(TypeError, match=r"unknown argument 'evry': did you mean 'every'\?"):
        run_of(1, evry="week")


@pytest.mark.parametrize("bps", [0, 1, 5, 7, 10, 33, 100])
@pytest.mark.parametrize("seed", range(4))
def test_cash_never_falls_below_zero_when_all_is_invested(bps: int, seed: int) -> None:
    """Not even to -1e-17: amounts and their costs are rounded separately."""
    result = run_of(
        seed, WHOLE.replace(sizing_mode="equal_weight"), costs=TradingCosts(commission_bps=bps), cash_rate=0.02
    )
    rng = random.Random(seed)
    shares = [rng.random() for _ in range(3)]
    portfolios = [
        None,
        {"A": 0.6, "C": 0.4},
        {name: share / sum(shares) for name, share in zip("CDE", shares, strict=True)},
    ]
    for run in (result, *(trimtab.benchmark(result, weights) for weights in portfolios)):
        assert min(column(run.equity, "cash")) >= 0.0
        assert min(column(run.turnover, "cash")) >= 0.0


def regular_market(step: int, count: int) -> MarketData:
    """Three random walks with a price every `step` days, or at month ends (31), or on weekdays (0)."""
    if step == 31:
        dates = [dt.date(2010 + index // 12, index % 12 + 1, 1) - dt.timedelta(days=1) for index in range(1, count + 1)]
    else:
        dates = (
            days(count)
            if step == 0
            else [dt.date(2015, 1, 2) + dt.timedelta(days=step * index) for index in range(count)]
        )
    rng = random.Random(step)
    prices = {name: list(itertools.accumulate((rng.gauss(1.001, 0.01) for _ in range(count)), lambda a, b: a * b, initial=50.0))[1:] for name in "ABC"}  # fmt: skip
    return MarketData(
        [{"date": date, **{name: values[index] for name, values in prices.items()}} for index, date in enumerate(dates)]
    )


@pytest.mark.parametrize(("step", "year"), [(0, 252), (1, 365), (7, 52), (14, 26), (31, 12)])
def test_what_is_per_year_follows_the_dates(step: int, year: int) -> None:
    """Crypto, weekly and monthly prices: the formulas by hand, in every place that speaks of a year."""
    data = regular_market(step, 200)
    more = {"scores": [{"date": data.sessions[0], "asset": "A", "score": 0.9}], "every": [data.sessions[0]]}
    result = trimtab.backtest(data, RebalancingLimits(max_position_weight=1.0), **more)
    returns = result.equity["return"][1:].to_numpy()
    years = len(returns) / year
    assert result.market_history.sessions_per_year == year
    statistics = result.statistics
    assert statistics.years == years and statistics.turnover == pytest.approx(0.95 / years)
    assert statistics.annual_return == pytest.approx(result.equity["equity"][-1] ** (1 / years) - 1)
    assert statistics.volatility == pytest.approx(returns.std(ddof=1) * year**0.5)
    assert statistics.sharpe == pytest.approx(returns.mean() / returns.std(ddof=1) * year**0.5)
    swept = trimtab.sweep(data, RebalancingLimits(), {"max_position_weight": [0.5, 1.0]}, **more)
    assert swept.statistics[1] == dataclasses.replace(
        statistics, effective_positions=None, effective_bets=None, bucket_concentration=None
    )
    assert swept.luck().best_sharpe == pytest.approx(max(row.sharpe or 0.0 for row in swept.statistics))
    other = trimtab.benchmark(result, {"B": 1.0})
    difference = versus([result, other], samples=100)[0].interval
    assert difference.estimate == pytest.approx((returns.mean() - other.equity["return"][1:].to_numpy().mean()) * year)
    options = trimtab.backtest(data, RebalancingLimits(max_position_weight=1.0), **more, sessions_per_year=100)
    assert options.statistics.years == len(returns) / 100
    stated = MarketData(data.as_of(data.sessions[-1]).prices, sessions_per_year=200)
    assert trimtab.backtest(stated, **more).market_history.sessions_per_year == 200


def test_scores_of_trimtab_are_scores_of_a_backtest() -> None:
    """`Scores`, a list of them, and their tables with a date and all parts give the same as the bare scores."""
    data = regular_market(0, 300)
    dates = [data.sessions[index] for index in (270, 285)]
    technical = [trimtab.technical_scores(data.as_of(date)) for date in dates]
    combined = [trimtab.combined_scores(scores, None) for scores in technical]
    for many in (technical, combined):
        tables = [scores.table.with_columns(date=pl.lit(scores.date)) for scores in many]
        plain = pl.concat(tables).select("date", "asset", "score")
        wanted = trimtab.backtest(data, scores=plain, every=dates).decisions
        assert wanted["score"].null_count() == 0
        for options in (many, pl.concat(tables)):
            assert trimtab.backtest(data, scores=options, every=dates).decisions.equals(wanted)
    assert (
        trimtab.backtest(data, scores=trimtab.technical_scores, every=dates).decisions["score_date"].unique().to_list()
        == dates
    )
    assert (
        trimtab.backtest(data, scores=technical[0], every=dates).decisions["score_date"].unique().to_list() == dates[:1]
    )


def test_an_asset_that_stands_still_has_no_volatility() -> None:
    """Its measured volatility is 0, which nothing can be divided by; its scores still count."""
    data = MarketData([{"date": day, "A": 10.0 + index % 7, "B": 5.0} for index, day in enumerate(days(300))])
    table = pl.DataFrame({"date": [days(300)[280]] * 2, "asset": ["A", "B"], "score": [0.9, None], "volatility": [0.2, 0.0], "volatility_rank": [0.0, None]})  # fmt: skip
    assert trimtab.backtest(data, scores=table).decisions["asset"].to_list()[0] == "A"
    with pytest.raises(InputError, match="column 'volatility': must be a number between"):
        trimtab.backtest(data, scores=table.drop("volatility_rank"))


def test_symbols_without_prices_are_named() -> None:
    membership = [{"symbol": symbol, "from": "2020-01-01", "to": None} for symbol in (*BUCKETS, "BRK.B")]
    notes = [note.text for note in run_of(1, membership=membership).notes if note.code == "data"]
    assert len(notes) == 1 and "BRK.B" in notes[0]

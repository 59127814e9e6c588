"""The pages of a backtest and of a sweep: facts against plain sums, well formed, escaped, the same every time."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import itertools
import math
from typing import Any

import numpy as np
import polars as pl
import pytest
from backtest_pages import COSTS, LOOSE, hostile, long, swept
from backtest_runs import BUCKETS, LIMITS, market, run_of
from hostile_names import PAYLOADS
from pages import Read

import trimtab
from trimtab.backtesting.comparison import Versus, shown, versus
from trimtab.backtesting.pages.backtest_facts import BacktestFacts, backtest_facts
from trimtab.backtesting.pages.backtest_page import (
    backtest_page,
    equity_chart,
    heat_chart,
    stack_chart,
    trade_chart,
    versus_chart,
)
from trimtab.backtesting.pages.sweep_facts import sweep_facts
from trimtab.backtesting.pages.sweep_page import logit_chart, surface_chart, sweep_page
from trimtab.errors import InputError
from trimtab.report.charts import NARROW, WIDTH
from trimtab.statistics.performance import bucket_concentration, effective_bets, statistics_of
from trimtab.text import percent


def pair(**more: Any) -> list[trimtab.BacktestResult]:
    return [run_of(3, LIMITS, costs=COSTS, name="with", **more), run_of(3, LOOSE, costs=COSTS, name="without", **more)]


@pytest.fixture(scope="module")
def facts() -> BacktestFacts:
    return backtest_facts(pair(), "two", samples=200)


# --- statistics of a backtest ----------------------------------------------------------------------------------------


def test_statistics_are_those_of_the_frames() -> None:
    """From the public frames alone: turnover and costs by day of trade, weights and buckets after the trades."""
    result = run_of(3, LIMITS, costs=COSTS, cash_rate=0.03)
    dates = result.equity["date"].to_list()
    turnover, costs = [0.0] * (len(dates) - 1), [0.0] * (len(dates) - 1)
    for row in result.turnover.iter_rows(named=True):
        index = dates.index(row["trade_date"]) - 1
        turnover[index] += row["turnover"]
        costs[index] += row["cost"]
    held = result.weights.filter(pl.col("weight") > 0)
    decided = result.turnover["date"].to_list()
    weights = [[0.0] * len(BUCKETS) for _ in decided]
    tops = [[0.0] * 3 for _ in decided]
    for row in held.iter_rows(named=True):
        index = decided.index(row["date"])
        weights[index][list(BUCKETS).index(row["asset"])] = row["weight"]
        tops[index]["XYZ".index(row["bucket"][0])] += row["weight"]
    days = [(later - day).days for day, later in itertools.pairwise(dates)]
    expected = statistics_of(
        result.equity["equity"].to_numpy(),
        turnover=turnover,
        costs=costs,
        weights=weights,
        bets=[],
        bucket_weights=tops,
        cash=[1.03 ** (count / 365) - 1 for count in days],
    )
    values = dataclasses.asdict(result.statistics)
    for name, value in dataclasses.asdict(expected).items():
        if name != "effective_bets":
            assert values[name] == pytest.approx(value, rel=1e-10), name
    assert bucket_concentration(result.top_weights[1]) == pytest.approx(expected.bucket_concentration)
    assert result.top_weights[0] == ("X", "Y", "Z")


def test_bets_come_from_the_sessions_before_the_trades() -> None:
    result = long("it", 140)
    prices = pl.DataFrame(market(5, 140)).pivot("symbol", index="date", values="close").sort("date")
    prices = prices.select("date", pl.exclude("date").forward_fill())
    dates, outcome = prices["date"].to_list(), []
    first = dates.index(result.equity["date"][0])
    for day, traded in result.turnover.select("date", "trade_date").iter_rows():
        held = result.weights.filter((pl.col("date") == day) & (pl.col("weight") > 0))
        table = prices[first : dates.index(traded) + 1].select(held["asset"].to_list()).drop_nulls()
        if len(table) > 60:
            moves = table.to_numpy()
            outcome.append(effective_bets(held["weight"].to_numpy(), moves[1:] / moves[:-1] - 1))
    assert len(outcome) > 5
    assert result.statistics.effective_bets == pytest.approx(math.fsum(outcome) / len(outcome), rel=1e-10)


def test_a_short_walk_has_no_bets_and_one_that_buys_nothing_has_no_weights() -> None:
    assert run_of(3, end=dt.date(2024, 3, 1)).statistics.effective_bets is None
    nothing = run_of(
        3, LIMITS.replace(min_score_threshold=1.0, min_score_diversification=1.0, min_score_new_position=1.0)
    )
    assert nothing.statistics.effective_positions is None
    assert nothing.statistics.sharpe is None
    page = backtest_page(backtest_facts([nothing], "nothing"))
    assert "Weight of each bucket" not in page
    assert Read(page).tags["svg"] == 1 + 2 * 2  # patterns; equity and turnover, wide and narrow: of nothing


# --- comparisons ------------------------------------------------------------------------------------------------------


def test_the_first_against_each_of_the_others() -> None:
    results = [*pair(), run_of(3, LIMITS.replace(max_total_positions=3), name="three")]
    differences = versus(results, samples=200)
    assert [(entry.first, entry.second, entry.interval.statistic) for entry in differences] == [
        ("with", "without", "mean"),
        ("with", "without", "sharpe"),
        ("with", "three", "mean"),
        ("with", "three", "sharpe"),
    ]
    returns = [result.equity["return"].to_numpy()[1:] for result in results]
    assert differences[0].interval.estimate == pytest.approx(252 * (returns[0] - returns[1]).mean(), abs=1e-12)


def test_a_comparison_in_words() -> None:
    inside = versus(pair(), samples=200)[0].interval
    first = dataclasses.replace(inside, estimate=0.0123, low=-0.01, high=0.034)
    assert str(Versus("A", "B", first)) == (
        "A less B, mean return a year: +1.23% (95% interval -1.00% to +3.40%; 0 is inside: no difference is shown)"
    )
    sure = dataclasses.replace(inside, statistic="sharpe", estimate=0.5, low=0.2, high=0.81)
    assert str(Versus("A", "B", sure)) == "A less B, Sharpe ratio: +0.50 (95% interval +0.20 to +0.81; 0 is outside)"


def test_zero_has_no_minus() -> None:
    inside = versus(pair(), samples=200)[0].interval
    assert shown(inside, -0.00001) == "+0.00%"
    assert shown(dataclasses.replace(inside, statistic="sharpe"), -0.001) == "+0.00"


def test_what_cannot_stand_side_by_side() -> None:
    run = run_of(3)
    for results, said in (
        ([], "no results to compare"),
        ([run, run], "two results have one name (received 'policy')"),
        ([run, run_of(3, end=dt.date(2024, 3, 1), name="short")], "its sessions differ from those of 'policy'"),
    ):
        with pytest.raises(InputError, match=said.replace("(", r"\(").replace(")", r"\)")):
            versus(results)


def test_cash_alone_has_a_mean_to_compare_and_no_sharpe_ratio() -> None:
    idle = run_of(3, LIMITS.replace(min_score_threshold=1.0, min_score_diversification=1.0, min_score_new_position=1.0), name="idle")  # fmt: skip
    assert [differences.interval.statistic for differences in versus([run_of(3), idle], samples=200)] == ["mean"]


# --- the facts of a backtest ------------------------------------------------------------------------------------------


def test_months_and_years_multiply_to_the_total(facts: BacktestFacts) -> None:
    result = pair()[0]
    equity = dict(zip(result.equity["date"], result.equity["equity"], strict=True))
    ends = {(day.year, day.month): value for day, value in equity.items()}
    assert [year.year for year in facts.years] == ["2024"]
    before = 1.0
    for month in range(1, 13):
        value = ends.get((2024, month))
        expected = "" if value is None else percent(value / before - 1)
        assert facts.years[0].months[month - 1] == expected
        before = before if value is None else value
    assert facts.years[0].total == percent(before - 1)


def test_years_of_a_long_walk() -> None:
    result = long("it", 400, costs=COSTS)
    facts = backtest_facts([result], "long").years
    last = result.equity.group_by(pl.col("date").dt.year(), maintain_order=True).agg(pl.col("equity").last())
    values = [1.0, *last["equity"]]
    assert [entry.total for entry in facts] == [percent(b / a - 1) for a, b in itertools.pairwise(values)]
    spent = result.turnover.group_by(pl.col("trade_date").dt.year(), maintain_order=True).agg(pl.col("turnover").sum())
    assert [entry.turnover for entry in facts] == [percent(value) for value in spent["turnover"]]


def test_what_is_drawn_of_a_long_walk_keeps_the_deepest_and_the_sums() -> None:
    result = long("it", 900, costs=COSTS)
    facts = backtest_facts([result], "long")
    assert len(facts.days) == 400
    assert len(facts.trade_days) == 160 < result.turnover.height
    assert {"2025", "2026", "2027"} <= {shape.text for shape in equity_chart(facts).shapes}
    assert min(facts.curves[0].drawdown) == pytest.approx(result.statistics.max_drawdown, abs=1e-12)
    assert facts.curves[0].equity[-1] == result.equity["equity"][-1]
    assert math.fsum(trade.turnover for trade in facts.trades) == pytest.approx(result.turnover["turnover"].sum())
    assert facts.trade_dates[-1] == result.turnover["trade_date"][-1].isoformat()


def test_buckets_have_their_own_limits(facts: BacktestFacts) -> None:
    assert [(bucket.path, bucket.colour, bucket.max_weight) for bucket in facts.buckets] == [
        ("X", 0, 0.5),
        ("Y", 1, 0.5),
        ("Z", 2, 0.5),
    ]
    own = run_of(3, LIMITS.replace(buckets={"X": {"max_allocation": 0.3}, "Y": {"max_positions": 1}}))
    assert [bucket.max_text for bucket in backtest_facts([own], "own").buckets] == ["30.00%", "50.00%", "50.00%"]
    for open_limits in (
        LOOSE,
        LIMITS.replace(max_allocation_per_bucket=1.0),
        LIMITS.replace(enforce_allocation_limits=False),
    ):
        shown = backtest_facts([run_of(3, open_limits)], "open").buckets
        assert {(entry.max_text, entry.at_limit) for entry in shown} == {("none", "none")}
        assert "limit" not in {
            shape.css for shape in stack_chart(backtest_facts([run_of(3, open_limits)], "open")).shapes
        }


def test_a_bucket_at_its_limit_is_counted_and_marked() -> None:
    result = run_of(3, LIMITS.replace(max_allocation_per_bucket=0.2))
    facts = backtest_facts([result], "tight")
    tops, weights = result.top_weights
    for index, bucket in enumerate(facts.buckets):
        assert bucket.path == tops[index]
        assert bucket.at_limit == f"{int((weights[:, index] >= 0.2 - 1e-9).sum())} of {len(weights)}"
    assert "reached" in {shape.css for shape in heat_chart(facts).shapes}


def test_days_that_drift_are_named_and_so_are_given_days() -> None:
    shown = {facts.name: facts.text for facts in backtest_facts([run_of(3, every="drift", drift=0.05)], "x").terms}
    assert shown["decides"] == "whenever a weight has drifted by 5.00%"
    options = [run_of(3).turnover["date"][0]]
    shown = {facts.name: facts.text for facts in backtest_facts([run_of(3, every=options, costs=COSTS)], "x").terms}
    assert shown == {
        "decides": "on 1 given day",
        "trades": "at the close of the next session",
        "costs": "commission 5, spread 4, slippage 0 basis points",
        "cash earns": "0.00% a year",
        "prices end": "a holding turns into cash after 5 sessions without a price",
        "a year": "252 sessions",
    }
    rates = [{"date": "2023-12-01", "rate": 0.02}]
    shown = {
        facts.name: facts.text
        for facts in backtest_facts([run_of(3, cash_rate=rates, sessions_per_year=260)], "x").terms
    }
    assert (shown["cash earns"], shown["a year"]) == ("the given rates", "260 sessions")
    assert shown["decides"] == "at the end of each week"
    assert backtest_facts([run_of(3, sessions_per_year=260)], "x").per_year.startswith("260 sessions a year (as set);")
    assert backtest_facts([run_of(3)], "x").per_year.startswith("252 sessions a year (read from the dates);")


# --- the page of a backtest -------------------------------------------------------------------------------------------


def test_the_page_is_well_formed_and_asks_nobody(facts: BacktestFacts) -> None:
    page = backtest_page(facts)
    reader = Read(page)
    assert {"script", "img", "iframe", "object", "form", "use"}.isdisjoint(reader.tags)
    assert not [name for name in reader.attributes if name.startswith("on") or name == "style"]
    assert reader.values["href"] == ["data:,", "#trimtab-main"]
    assert len(reader.values["id"]) == len(set(reader.values["id"]))
    assert reader.tags["svg"] == 2 * 5 + 1  # each chart wide and narrow, and the patterns
    assert reader.tags["details"] == 5  # each chart has its table
    assert page == backtest_page(backtest_facts(pair(), "two", samples=200))


def test_a_result_writes_its_page() -> None:
    first, other = pair()
    assert first.to_html("two", [other]) == backtest_page(backtest_facts([first, other], "two"))


def test_one_policy_alone_is_compared_with_nothing() -> None:
    page = backtest_page(backtest_facts(pair()[:1], "one"))
    assert "Is the difference real?" not in page
    assert Read(page).tags["details"] == 4


@pytest.mark.parametrize("count", [7, 13])
def test_many_buckets_are_drawn_one_by_one(count: int) -> None:
    """Up to 7 also on one another; more only in lanes of their own, with a pattern where hues repeat."""
    names = [f"N{index:02}" for index in range(count)]
    rng = np.random.default_rng(1)
    days = [dt.date(2024, 1, 1) + dt.timedelta(days=index) for index in range(40)]
    rows = [{"date": day, "symbol": name, "close": float(price)} for name in names for day, price in zip(days, 10 + rng.random(40), strict=True)]  # fmt: skip
    limits = LIMITS.replace(max_total_positions=13, max_new_positions=13, max_position_weight=0.05)
    result = trimtab.backtest(
        rows,
        limits,
        scores=[{"date": days[0], "asset": name, "score": 0.9} for name in names],
        classification={name: f"B{name}" for name in names},
        every="week",
    )
    facts = backtest_facts([result], "many")
    wide, narrow = (stack_chart(facts, width) for width in (WIDTH, NARROW))
    for chart in (wide, narrow):
        css = [shape.css for shape in chart.shapes]
        assert sum(name.startswith("area") for name in css) == (2 * count if count == 7 else count)
        assert css.count("p-stripes") == (0 if count == 7 else 2 * 2)  # two buckets: lane and key
        assert [shape.text for shape in chart.shapes if shape.text.startswith("BN")] == [f"B{name}" for name in names]
    assert float(narrow.height) > float(wide.height)  # names stand above the lanes


def test_months_have_the_colour_of_their_return_beside_those_of_the_others() -> None:
    results = pair()
    facts = backtest_facts(results, "two", samples=100)
    assert [(row.year, row.policy) for row in facts.month_rows] == [("2024", "with"), ("2024", "without")]
    for result, row in zip(results, facts.month_rows, strict=True):
        equity = result.equity["equity"].to_list()
        assert row.cells[12][1] == f"{equity[-1] / equity[0] - 1:.2%}"
        for _, text, css in row.cells:
            value = float(text.strip("%")) if text else 0.0
            step = 1 + (abs(value) >= 1) + (abs(value) >= 3) + (abs(value) >= 6)
            assert css == ("" if value == 0 else f"up{step}" if value > 0 else f"down{step}")
    assert facts.years[0].months == tuple(text for _, text, _ in facts.month_rows[0].cells[:12])


def test_policies_with_the_same_returns_are_listed_once() -> None:
    rng = np.random.default_rng(4)
    moves = 0.01 * rng.normal(size=(100, 3)) + [0.001, 0.0, -0.002]
    order = [2, 0, 1, 0, 0, 2, 0, 0]
    facts = sweep_facts({"n": list(range(8))}, moves[:, order], "it")
    assert [(policy.number, policy.same) for policy in facts.policies] == [
        ("1", "3, 4, 6 and 1 more"),
        ("2", ""),
        ("0", "5"),
    ]
    page = sweep_page(facts)
    assert "probability it beats luck" in page and "backtest(number)" in page


@functools.cache
def plain_page() -> Read:
    return Read(hostile("AAA", "Tech"))


@pytest.mark.parametrize("payload", PAYLOADS)
def test_names_stay_text(payload: str) -> None:
    """As title, as policy, as asset and as bucket."""
    plain, outcome = plain_page(), Read(hostile(payload, payload))
    assert outcome.tags == plain.tags
    assert set(outcome.attributes) == set(plain.attributes)
    assert outcome.values["href"] == plain.values["href"]
    assert sum(payload in text for text in outcome.texts) >= 10


def test_charts_of_little() -> None:
    """One decision, no trade, equity that does not move: nothing is divided by zero."""
    idle = run_of(3, LIMITS.replace(min_score_threshold=1.0, min_score_diversification=1.0, min_score_new_position=1.0))
    flat = backtest_facts([idle], "flat")
    for chart in (equity_chart(flat), stack_chart(flat), heat_chart(flat), trade_chart(flat), versus_chart(flat)):
        for shape in chart.shapes:
            assert "nan" not in f"{shape.x} {shape.y} {shape.width} {shape.height} {shape.text}"
    single = backtest_facts([run_of(3, every=[run_of(3).turnover["date"][0]])], "single")
    assert len(single.trade_days) == 1
    assert stack_chart(single).shapes


# --- the page of a sweep ----------------------------------------------------------------------------------------------


def test_the_page_warns_of_luck_and_not_of_skill() -> None:
    noise, skill = swept(), swept(skill=0.006)
    assert noise.is_likely_luck
    assert "Warning." in sweep_page(noise)
    assert "is likely luck. The probability that its Sharpe ratio beats luck is " in noise.verdict
    assert not skill.is_likely_luck
    assert "Warning." not in sweep_page(skill)
    assert "more than luck explains" in skill.verdict
    assert skill.policies[0].values == ("6", "0.2")


def test_the_surface_holds_medians() -> None:
    rng = np.random.default_rng(2)
    returns = 0.01 * rng.normal(size=(100, 6))
    fields = {"a": [1, 1, 1, 2, 2, 2], "b": [True, False, True, True, True, True], "c": ["x"] * 6}
    facts = sweep_facts(fields, returns, "it", surface=("a", "b"))
    ratios = (returns.mean(axis=0) / returns.std(axis=0, ddof=1) * math.sqrt(252)).tolist()
    assert (facts.row_values, facts.column_values) == (("1", "2"), ("false", "true"))
    expected = [ratios[1], np.median([ratios[0], ratios[2]]), None, np.median(ratios[3:])]
    for cell, value in zip(facts.cells, expected, strict=True):
        assert cell.sharpe == (None if value is None else pytest.approx(value, abs=1e-12))
    assert [cell.policies for cell in facts.cells] == [1, 2, 0, 3]
    assert facts.surface_rows[1][1][0] == "none"
    assert surface_chart(facts).shapes


def test_many_values_are_ranges() -> None:
    rng = np.random.default_rng(2)
    values = rng.uniform(0.1, 0.4, 40).tolist()
    facts = sweep_facts({"max_allocation": values}, 0.01 * rng.normal(size=(100, 40)), "it")
    assert (facts.row_values, facts.column_field) == (("all",), "max_allocation")
    assert len(facts.column_values) == 8
    assert [cell.policies for cell in facts.cells] == [5] * 8
    assert "none" not in {shape.text for shape in surface_chart(facts).shapes}
    assert facts.column_values[0].startswith(f"{min(values):.3g} to ")


def test_narrow_cells_have_no_text() -> None:
    rng = np.random.default_rng(2)
    facts = sweep_facts({"n": [f"v{index:02}" for index in range(20)]}, 0.01 * rng.normal(size=(60, 20)), "it")
    assert len(facts.column_values) == 20
    assert not {cell.text for cell in facts.cells} & {shape.text for shape in surface_chart(facts).shapes}


def test_the_best_are_ranked_by_hand() -> None:
    returns = np.array([[0.01, 0.02, 0.0], [-0.005, -0.02, 0.0], [0.01, 0.03, 0.0]])
    facts = sweep_facts({"n": [1, 2, 3]}, returns, "it")
    assert [(policy.number, policy.values) for policy in facts.policies] == [
        ("0", ("1",)),
        ("1", ("2",)),
    ]  # cash has no ratio
    assert facts.policies[0].drawdown == "-0.50%"
    assert {figure.name: figure.text for figure in facts.figures}["policies"] == "3"


def test_sweeps_of_little() -> None:
    """One policy, policies that rest, a history that is too short to be walked forward or halved."""
    still = sweep_facts({"n": [1, 2]}, np.zeros((30, 2)), "still")
    assert still.verdict == "All policies are flat, so no policy is best."
    assert still.is_likely_luck
    assert still.policies == ()
    rng = np.random.default_rng(2)
    alone = sweep_facts({}, 0.01 * rng.normal(size=(60, 1)), "alone")
    assert alone.bars == ()
    short = sweep_facts({"n": [1, 2]}, 0.01 * rng.normal(size=(3, 2)), "short")
    assert short.bars == ()
    for entry in (still, alone, short):
        assert Read(sweep_page(entry)).tags["h1"] == 1
        assert surface_chart(entry).shapes
        assert logit_chart(entry).shapes


def test_the_bars_are_all_halves() -> None:
    swept_again = swept()
    assert math.fsum(bar.share for bar in swept_again.bars) == pytest.approx(1.0)


def test_what_a_sweep_refuses() -> None:
    with pytest.raises(InputError, match=r"the field n has another length \(received 1\): give 2"):
        sweep_facts({"n": [1]}, np.ones((5, 2)), "it")
    with pytest.raises(InputError, match=r"the field was not varied .received 'm'.: known: 'n'"):
        sweep_facts({"n": [1, 2]}, np.ones((5, 2)), "it", surface=("n", "m"))


@pytest.mark.parametrize("payload", PAYLOADS[::6])
def test_names_of_a_sweep_stay_text(payload: str) -> None:
    rng = np.random.default_rng(2)
    returns = 0.01 * rng.normal(size=(60, 4))

    def page(name: str) -> Read:
        return Read(
            sweep_page(sweep_facts({name: [name, "b", name, "b"], "x": [1, 1, 2, 2]}, returns, name, period=name))
        )

    plain, outcome = page("AAA"), page(payload)
    assert outcome.tags == plain.tags
    assert set(outcome.attributes) == set(plain.attributes)
    assert sum(payload in text for text in outcome.texts) >= 5

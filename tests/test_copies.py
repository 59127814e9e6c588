"""Every public object and error goes through a pickle, a copy and a deep copy, and equals the original; also across processes."""

from __future__ import annotations

import concurrent.futures
import copy
import datetime as dt
import enum
import inspect
import multiprocessing
import pickle
import random
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import polars as pl
import pytest
from process_jobs import LIMITS, ROWS, many_weights, one_result, refused

import trimtab
from trimtab.errors import Fault

BUCKETS = {"Tech": ["A", "C"], "Bond": ["B"]}
FAULT = Fault("the score is above 1", "make it 1 at most", column="score", row=1, value=7.0)
ERRORS: dict[str, tuple[Any, ...]] = {
    "TrimtabError": ("wrong",),
    "InputError": ([FAULT, FAULT],),
    "LimitsError": (["one", "two"], "limits.toml"),
    "SetupError": ("a part is missing", "give it"),
    "UnmetLimitError": (["min_buckets_represented is 1 instead of 2"],),
    "BrokenLimitError": (["max_total_positions is 7.0 against 6.0"],),
}

SHARES = [{"asset": name, "score": 0.9, "shares": 2, "price": 50} for name in "AB"]


@cache
def market() -> tuple[pl.DataFrame, list[dict[str, Any]]]:
    """Prices of three symbols over a year and a half, and scores for every thirtieth session."""
    drawn, days = random.Random(1), [date(2020, 1, 1) + timedelta(days=index) for index in range(550)]
    days = [day for day in days if day.weekday() < 5]
    level, prices = {"A": 100.0, "B": 50.0, "C": 20.0}, []
    for day in days:
        for name in tuple(level):
            level[name] *= 1 + drawn.gauss(0.0, 0.01)
            prices.append({"date": day, "symbol": name, "close": level[name]})
    return pl.DataFrame(prices), [{"date": day, "asset": name, "score": 0.8} for day in days[::30] for name in level]


def backtest() -> Any:
    prices, scores = market()
    return trimtab.backtest(prices, trimtab.RebalancingLimits(), scores=scores, every="month")


def sweep() -> Any:
    prices, scores = market()
    vary = {"max_position_weight": [0.1, 0.2], "max_new_positions": [1, 2]}
    return trimtab.sweep(prices, trimtab.RebalancingLimits(), scores=scores, every="month", vary=vary)


def result() -> Any:
    return trimtab.rebalance(ROWS, LIMITS)


def plan() -> Any:
    return trimtab.plan(SHARES, cash=900)


def data() -> Any:
    return trimtab.MarketData(market()[0])


MADE: dict[str, Callable[[], Any]] = {
    "Desk": lambda: trimtab.Desk(now=dt.datetime(2026, 3, 2, 15, tzinfo=dt.UTC), record="orders.jsonl"),
    **{name: lambda name=name, facts=facts: getattr(trimtab, name)(*facts) for name, facts in ERRORS.items()},
    **{
        name: getattr(trimtab, name)
        for name in (
            *("BucketLimitsConfig", "CorrelationConfig", "FundamentalConfig", "MarketChecks", "RebalancingLimits"),
            *("RiskConfig", "ScoreWeights", "SelectionService", "ScoringService", "TechnicalConfig", "TradingCosts"),
            "TrendConfig",
        )
    },
    "AssetBucketManager": lambda: trimtab.AssetBucketManager(BUCKETS),
    "AssetScore": lambda: trimtab.AssetScore("A", 0.9),
    "BacktestResult": backtest,
    "Between": lambda: trimtab.Between(0.1, 0.2),
    "BucketEnforcementResult": lambda: trimtab.BucketLimitsEnforcer(BUCKETS).apply_bucket_limits(
        [trimtab.AssetScore("A", 0.9, target_weight=0.3)]
    ),
    "BucketLimit": lambda: trimtab.BucketLimit(max_positions=1),
    "BucketLimitsEnforcer": lambda: trimtab.BucketLimitsEnforcer(BUCKETS),
    "BucketManager": lambda: trimtab.BucketManager(BUCKETS),
    "BucketSummary": lambda: result().buckets[0],
    "Certificate": lambda: result().certificate,
    "Conflict": lambda: result().conflicts[0],
    "Constraint": lambda: result().certificate.constraints[0],
    "Correlations": lambda: trimtab.correlations_of([{"asset": "A", "other": "B", "correlation": 0.5}]),
    "Difference": lambda: result().diff(trimtab.rebalance(ROWS)),
    "ConcentrationLimit": lambda: trimtab.ConcentrationLimit(0.05, 0.1, 0.4),
    "ExposureLimit": lambda: trimtab.ExposureLimit(max_exposure=0.4),
    "ExposureTable": lambda: trimtab.exposures_from(ROWS, columns=["bucket"]),
    "Exposures": lambda: trimtab.exposures_of([{"asset": "A", "scheme": "country", "bucket": "US"}]),
    "SchemeLimits": lambda: trimtab.SchemeLimits(max_exposure=0.4),
    "SharePositions": lambda: trimtab.SharePositions({"A": 3}, {"A": 10}, 900),
    "Explanation": lambda: result().explain("A"),
    "Finding": lambda: trimtab.check(ROWS, LIMITS).findings[0],
    "Fees": lambda: trimtab.Fees(per_order=1),
    "FileOrder": lambda: trimtab.FileOrder("A", "buy", 2, "id", Decimal(3), time_in_force="day"),
    "FundamentalAnalyzer": lambda: trimtab.FundamentalAnalyzer(data()),
    "MarketData": data,
    "MarketView": lambda: data().as_of(date(2021, 1, 4)),
    "Order": lambda: plan().orders[0],
    "OrderFileSettings": lambda: trimtab.OrderFileSettings(order_type="limit"),
    "OrderSettings": lambda: trimtab.OrderSettings(mode="buy_only"),
    "Plan": plan,
    "PlanManyResult": lambda: trimtab.plan_many(
        [{**row, "account": "1"} for row in SHARES], accounts=[{"account": "1", "cash": 900}]
    ),
    "Preflight": lambda: trimtab.check(ROWS, LIMITS),
    "RebalanceManyResult": lambda: trimtab.rebalance_many([{**row, "account": 1} for row in ROWS], LIMITS),
    "RebalanceResult": result,
    "SweepResult": sweep,
    "TaxRecords": lambda: trimtab.TaxRecords(
        [{"asset": "A", "lot_id": "1", "shares": 1, "cost": 2, "acquired": "2026-01-02"}]
    ),
    "TechnicalAnalyzer": lambda: trimtab.TechnicalAnalyzer(data()),
    "TrendAnalyzer": lambda: trimtab.TrendAnalyzer(data()),
}
# The brief has lists in it, which callers may change: it has no hash.
MUTABLE = ("BucketEnforcementResult",)
# Parts of the objects above, objects that need others to be made, and those of rooms that test this themselves.
ELSEWHERE = {
    *("BacktestSettings", "BucketAllocation", "BucketStatistics", "CoreRebalancerEngine", "EngineRun"),
    *("MarketRegimeDetector", "MarketSource", "RebalancingTarget"),
    *("RebalancingUniverse", "RegimeConfig", "RegimeTable", "RiskAdjusted", "SelectionResult", "TrendRegimes"),
    "UniverseBuilder",
}


def test_every_public_class_is_here() -> None:
    classes = {name for name in trimtab.__all__ if inspect.isclass(getattr(trimtab, name))}
    classes -= {name for name in classes if issubclass(getattr(trimtab, name), enum.Enum)}
    assert classes - ELSEWHERE <= set(MADE)


@pytest.mark.parametrize("name", sorted(MADE))
def test_copies_are_equal(name: str) -> None:
    made = MADE[name]()
    for copied in copies(made):
        assert type(copied).__name__ == name
        assert copied == made
        if type(made).__hash__ is not None and name not in MUTABLE:
            assert hash(copied) == hash(made)
        assert _without_places(copied) == _without_places(made)


def _without_places(made: Any) -> str:
    """The text of an object, without where in memory it is."""
    return re.sub(r" at 0x[0-9a-f]+", "", str(made))


def copies(made: Any) -> Iterator[Any]:
    yield pickle.loads(pickle.dumps(made))
    yield copy.copy(made)
    yield copy.deepcopy(made)


def test_what_differs_is_not_equal() -> None:
    assert backtest() != sweep()
    assert trimtab.BucketManager(BUCKETS) != trimtab.BucketManager({"Tech": ["A"]})
    assert trimtab.InputError([FAULT]) != trimtab.InputError([FAULT, FAULT])


@pytest.mark.parametrize("method", ["fork", pytest.param("spawn", marks=pytest.mark.thorough)])
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_results_and_errors_come_back_from_other_processes(method: str) -> None:
    """A fork after `rebalance_many` must not enter numba's parallel layer again."""
    wanted = many_weights(20)
    context = multiprocessing.get_context(method)
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        assert pool.submit(many_weights, 20).result(timeout=120) == wanted
        assert pool.submit(one_result).result(timeout=120) == one_result()
        with pytest.raises(trimtab.InputError, match="score"):
            pool.submit(refused, 7.0).result(timeout=120)


IN_A_FORK = """
import concurrent.futures, multiprocessing, warnings
import trimtab
from trimtab.rebalancing.decide import PARALLEL

def entered():
    try:
        with PARALLEL:
            return ""
    except trimtab.SetupError as error:
        return error.advice

warnings.simplefilter("ignore", DeprecationWarning)
trimtab.rebalance_many([{"account": name, "asset": "A", "score": 0.9} for name in "xy"])
with concurrent.futures.ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
    print(pool.submit(entered).result(timeout=60))
"""


@pytest.mark.thorough
def test_results_and_errors_come_back_through_joblib() -> None:
    """Its workers pickle with cloudpickle, and are started their own way."""
    joblib = pytest.importorskip("joblib")
    parallel = joblib.Parallel(n_jobs=2)
    assert parallel([joblib.delayed(one_result)(), joblib.delayed(one_result)()]) == [result(), result()]
    assert parallel([joblib.delayed(many_weights)(3)]) == [many_weights(3)]
    with pytest.raises(trimtab.InputError, match="is above 1"):
        parallel([joblib.delayed(refused)(9.0)])


def test_what_needs_all_cores_says_in_such_a_fork_what_to_do() -> None:
    """In a process of its own: one that has used polars, as this one has, must not be forked for more."""
    ended = subprocess.run([sys.executable, "-c", IN_A_FORK], capture_output=True, text=True, timeout=120, check=True)
    assert 'start worker processes with "spawn"' in ended.stdout

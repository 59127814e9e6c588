"""The forms that numpy, pandas and downloads give things in: each is read as what it plainly is."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import trimtab
from trimtab import InputError, LimitsError, RebalancingLimits
from trimtab.market.typed_columns import day

ROWS = [
    {"asset": "10107", "score": 0.9, "bucket": "Tech", "current_weight": 0.1},
    {"asset": "12490", "score": 0.8, "bucket": "Energy", "current_weight": 0.0},
    {"asset": "14593", "score": 0.2, "bucket": "Energy", "current_weight": 0.2},
]
NAMES = [row["asset"] for row in ROWS]
DAYS = pd.bdate_range("2021-01-04", periods=60)
CLOSES = pd.DataFrame({"AAA": np.linspace(20.0, 30.0, 60), "BBB": np.linspace(40.0, 35.0, 60)}, index=DAYS)
BUCKETS = {"AAA": "Tech", "BBB": "Energy"}


EXPECTED = [row["target_weight"] for row in trimtab.rebalance(ROWS).targets]


def weights(table: Any) -> list[float]:
    return list(trimtab.rebalance(table).targets["target_weight"])


@pytest.mark.parametrize("name", ["symbol", "ticker", "Ticker", " SYMBOL "])
def test_other_names_of_the_column_of_assets(name: str) -> None:
    named = [{name if key == "asset" else key: value for key, value in row.items()} for row in ROWS]
    for make in (pd.DataFrame, pl.DataFrame):
        assert weights(make(named)) == EXPECTED
    targets = trimtab.rebalance(named).targets
    assert [(row[name], row["target_weight"]) for row in targets] == list(zip(NAMES, EXPECTED, strict=True))


def test_of_several_names_the_first_counts() -> None:
    """As in files: asset, then symbol, then ticker."""
    frame = pd.DataFrame(ROWS).assign(symbol="X", ticker="Y")
    assert weights(frame) == EXPECTED
    assert weights(frame.drop(columns="symbol").rename(columns={"asset": "symbol"})) == EXPECTED


@pytest.mark.parametrize("name", ["asset", "symbol"])
def test_assets_in_the_index(name: str) -> None:
    frame = pd.DataFrame(ROWS).rename(columns={"asset": name}).set_index(name)
    targets = trimtab.rebalance(frame).targets
    assert list(targets["target_weight"]) == EXPECTED
    assert list(targets.index) == NAMES


def test_accounts_and_assets_in_the_index() -> None:
    frame = pd.DataFrame([{"account": account, **row} for account in ("one", "two") for row in ROWS])
    many = trimtab.rebalance_many(frame.set_index(["account", "asset"]))
    assert list(many.targets["target_weight"]) == EXPECTED * 2


@pytest.mark.parametrize("kind", ["int64", "int32", "uint16", "Int64"])
def test_whole_numbers_as_assets(kind: str) -> None:
    """A PERMNO, for example."""
    frame = pd.DataFrame(ROWS)
    result = trimtab.rebalance(frame.assign(asset=frame["asset"].astype("int64").astype(kind)))
    assert list(result.targets["target_weight"]) == EXPECTED
    assert result.explain("10107") is not None


def test_a_whole_number_that_is_missing() -> None:
    frame = pd.DataFrame(ROWS).assign(asset=pd.array([10107, None, 14593], "Int64"))
    with pytest.raises(InputError, match="row 2, column 'asset'"):
        trimtab.rebalance(frame)


def test_other_numbers_are_not_assets() -> None:
    with pytest.raises(InputError, match=r"column 'asset'.*is not text but double"):
        trimtab.rebalance(pd.DataFrame(ROWS).assign(asset=[1.5, 2.5, 3.5]))
    with pytest.raises(InputError, match=r"column 'bucket'.*is not text but int64"):
        trimtab.rebalance(pd.DataFrame(ROWS).assign(bucket=[1, 2, 3]))


def test_whole_numbers_as_symbols() -> None:
    long = CLOSES.rename(columns={"AAA": 10107, "BBB": 12490}).rename_axis("date").reset_index()
    long = long.melt("date", var_name="symbol", value_name="close").astype({"symbol": "int64"})
    assert trimtab.MarketData(long).symbols == ("10107", "12490")


@pytest.mark.parametrize("form", [BUCKETS, pd.Series(BUCKETS), pd.Series(BUCKETS, name="sector").rename_axis("ticker")])
def test_a_classification_of_one_bucket_each(form: Any) -> None:
    view = trimtab.MarketData(CLOSES, classification=form).as_of(DAYS[-1])
    assert dict(view.bucket_of) == BUCKETS


def levels(frames: dict[str, pd.DataFrame], order: list[str]) -> pd.DataFrame:
    joined = pd.concat(frames, axis=1, names=["Price", "Ticker"])
    return joined.swaplevel(axis=1)[order] if order else joined


@pytest.mark.parametrize("order", [[], ["AAA", "BBB"]])
def test_columns_in_two_levels(order: list[str]) -> None:
    """As downloads of several symbols have them: kinds of prices above symbols, or below."""
    table = levels({"Close": CLOSES, "High": CLOSES * 1.01, "Volume": CLOSES * 0 + 1000}, order)
    view = trimtab.MarketData(table).as_of(DAYS[-1])
    assert view.last_prices(BUCKETS) == {"AAA": (30.0, DAYS[-1].date()), "BBB": (35.0, DAYS[-1].date())}


@pytest.mark.parametrize(
    "table",
    [
        levels({"Close": CLOSES}, []).reset_index(drop=True),
        pd.concat({"Mine": CLOSES}, axis=1),
        pd.concat({"Close": pd.concat({"NYSE": CLOSES}, axis=1)}, axis=1),
    ],
)
def test_other_levels_are_refused(table: pd.DataFrame) -> None:
    with pytest.raises(InputError, match="columns have several levels"):
        trimtab.MarketData(table)


@pytest.mark.parametrize("unit", ["D", "s", "ns"])
def test_days_of_numpy(unit: str) -> None:
    assert day(np.datetime64("2021-02-03", unit)) == dt.date(2021, 2, 3)  # type: ignore[call-overload]
    assert trimtab.MarketData(CLOSES).as_of(np.datetime64("2021-02-03", unit)).date == dt.date(2021, 2, 3)


@pytest.mark.parametrize("value", [np.datetime64("NaT"), np.datetime64("2021-02-03T10:00"), pd.NaT, 20210203])
def test_what_is_not_a_day(value: Any) -> None:
    with pytest.raises(InputError, match="the date is not a day"):
        day(value)


@pytest.mark.parametrize("value", [7.0, np.float64(7), np.int32(7), np.float32(7)])
def test_a_count_may_be_a_whole_float(value: Any) -> None:
    """Some readers of JSON and TOML have no other numbers."""
    count = RebalancingLimits(max_total_positions=value).max_total_positions
    assert count == 7
    assert type(count) is int


@pytest.mark.parametrize("value", [7.5, float("nan"), float("inf"), True, "7"])
def test_what_is_not_a_count(value: Any) -> None:
    with pytest.raises(LimitsError, match="max_total_positions must be a whole number"):
        RebalancingLimits(max_total_positions=value)


@pytest.mark.parametrize("values", [np.arange(2, 4), np.array([2.0, 3.0]), range(2, 4), (2, 3)])
def test_values_of_a_sweep(values: Any) -> None:
    swept = trimtab.sweep(CLOSES, None, {"max_total_positions": values})
    assert swept.table["max_total_positions"].to_list() == [2, 3]


def test_a_table_of_values_is_no_list() -> None:
    with pytest.raises(InputError, match="max_total_positions needs a list of values"):
        trimtab.sweep(CLOSES, None, {"max_total_positions": np.array([[2, 3]])})

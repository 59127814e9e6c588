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
def test_whole_numbers_are_not_assets(kind: str) -> None:
    """Read as a number, 000973 lost its zeros, and nobody can tell how many there were."""
    frame = pd.DataFrame(ROWS)
    advice = "read the column as text, so that no leading zero is lost"
    with pytest.raises(InputError, match=f"column 'asset': is not text.*{advice}"):
        trimtab.rebalance(frame.assign(asset=frame["asset"].astype("int64").astype(kind)))
    prices = pd.DataFrame({"date": DAYS, "symbol": 973, "close": 1.0})
    with pytest.raises(InputError, match=f"column 'symbol': holds Int64 instead of names.*{advice}"):
        trimtab.MarketData(prices)


@pytest.mark.parametrize("form", [BUCKETS, pd.Series(BUCKETS), pd.Series(BUCKETS, name="sector").rename_axis("ticker")])
def test_a_classification_of_one_bucket_each(form: Any) -> None:
    view = trimtab.MarketData(CLOSES, classification=form).as_of(DAYS[-1])
    assert dict(view.bucket_of) == BUCKETS


def test_columns_in_two_levels() -> None:
    """As downloads of several symbols have them; the advice works."""
    table = pd.concat({"Close": CLOSES, "High": CLOSES * 1.01}, axis=1, names=["Price", "Ticker"])
    with pytest.raises(
        InputError, match=r"the columns have several levels: give one of its parts, such as table\['Close'\]"
    ):
        trimtab.MarketData(table)
    assert trimtab.MarketData(table["Close"]).symbols == ("AAA", "BBB")


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

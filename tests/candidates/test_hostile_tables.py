"""Tables of every library with spoiled columns: an answer or an `InputError`, nothing else."""

from __future__ import annotations

import datetime as dt
import decimal
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from thorough import mostly_thorough

import trimtab
from trimtab import InputError, RebalancingLimits

LIMITS = RebalancingLimits(enable_bucket_diversification=True, sizing_mode="inverse_volatility")
GOOD: dict[str, Callable[[random.Random, int], list[Any]]] = {
    "account": lambda _, count: ["one"] * count,
    "asset": lambda _, count: [f"A{index}" for index in range(count)],
    "bucket": lambda rng, count: [rng.choice(["Tech", "Bond", None]) for _ in range(count)],
    "restriction": lambda rng, count: [rng.choice(["", "no_buy", None]) for _ in range(count)],
    "score": lambda rng, count: [rng.choice([rng.random(), None]) for _ in range(count)],
    "current_weight": lambda rng, count: [rng.random() / count for _ in range(count)],
    "max_weight": lambda rng, count: [rng.choice([rng.random(), None]) for _ in range(count)],
    "volatility": lambda rng, count: [rng.uniform(0.1, 0.4) for _ in range(count)],
    "note": lambda _, count: ["x"] * count,
}


class Odd:
    def __repr__(self) -> str:
        raise ValueError("no text of mine")

    def __float__(self) -> float:
        raise ZeroDivisionError


ODD_VALUES: list[Any] = [
    None, float("nan"), float("inf"), -float("inf"), 1e308, -1, 0, 2, 10**400, -(2**70), True, False,
    decimal.Decimal("Infinity"), decimal.Decimal("NaN"), decimal.Decimal("sNaN"), decimal.Decimal("0.5"),
    decimal.Decimal("1e999"), 1 + 2j, "", " ", "N/A", "Tech", "tech", "T//", "\ud800", "\x00", "A\rB", "=1+1", "x" * 5_000,
    b"\xff", b"Tech", dt.date(2020, 1, 1), dt.datetime(2020, 1, 1, tzinfo=dt.UTC), dt.time(1), dt.timedelta(1),
    np.datetime64("2020-01-01"), np.datetime64("NaT"), np.float32(0.5), np.float16(0.5), np.int8(1), np.bool_(True), np.str_("Tech"),
    pd.NA, pd.NaT, pd.Timestamp("2020-01-01"), pd.Timedelta(1), pd.Interval(0, 1), pd.Period("2020-01"),
    [], [0.5], {}, {"a": 1}, (), set(), object(), Odd(), Odd, len,
]  # fmt: skip


def odd_arrow(rng: random.Random, count: int) -> Any:
    """A column that only Arrow can make."""
    ends = pa.array([count], pa.int32())
    broken = pa.Array.from_buffers(
        pa.string(),
        count,
        [None, pa.py_buffer(np.arange(count + 1, dtype=np.int32).tobytes()), pa.py_buffer(b"\xff" * count)],
    )
    return rng.choice(
        [
            lambda: pa.array([decimal.Decimal("0.5")] * count, pa.decimal256(76, 38)),
            lambda: pa.array([decimal.Decimal("0.5")] * count, pa.decimal128(38, 2)),
            lambda: pa.array([(1, 2, 3)] * count, pa.month_day_nano_interval()),
            lambda: pa.array([[0.5]] * count, pa.list_view(pa.float64())),
            lambda: pa.RunEndEncodedArray.from_arrays(ends, pa.array(["x"])),
            lambda: pa.RunEndEncodedArray.from_arrays(ends, pa.array([0.5])),
            lambda: pa.array([0] * count, pa.int64()).cast(pa.timestamp("us", "Nowhere/Else")),
            lambda: pa.array([0] * count, pa.int64()).cast(pa.timestamp("us", "+27:99")),
            lambda: pa.array([b"\xff"] * count, pa.binary_view()),
            lambda: pa.array(["x"] * count, pa.string_view()),
            lambda: pa.array(["x"] * count).dictionary_encode(),
            lambda: pa.array([0.5] * count, pa.float32()).dictionary_encode(),
            lambda: pa.array([0.5] * count, pa.float64()).cast(pa.float16()),
            lambda: pa.array([{"a": 1}] * count),
            lambda: pa.UnionArray.from_sparse(pa.array([0] * count, pa.int8()), [pa.array([0.5] * count)]),
            lambda: pa.nulls(count),
            lambda: pa.nulls(count, pa.decimal256(40, 2)),
            lambda: broken,
            lambda: (
                pa.chunked_array([], pa.string()) if count == 0 else pa.chunked_array([pa.nulls(count, pa.date64())])
            ),
        ]
    )()


def odd_polars(rng: random.Random, values: list[Any]) -> Any:
    count = len(values)
    return rng.choice(
        [
            lambda: pl.Series(values, dtype=pl.Object),
            lambda: pl.Series(["x"] * count, dtype=pl.Categorical),
            lambda: pl.Series(["x"] * count, dtype=pl.Enum(["x"])),
            lambda: pl.Series([dt.datetime(2020, 1, 1)] * count, dtype=pl.Datetime("us", "Asia/Tokyo")),
            lambda: pl.Series([dt.timedelta(1)] * count),
            lambda: pl.Series([decimal.Decimal("0.5")] * count, dtype=pl.Decimal(38, 10)),
            lambda: pl.Series([[0.5]] * count, dtype=pl.Array(pl.Float64, 1)),
            lambda: pl.Series([{"a": 1}] * count),
            lambda: pl.Series([b"\xff"] * count),
            lambda: pl.Series([2**100] * count, dtype=pl.Int128),
            lambda: pl.Series([None] * count, dtype=pl.Null),
            lambda: pl.Series([None] * count, dtype=pl.Date),
        ]
    )()


def odd_pandas(rng: random.Random, values: list[Any]) -> Any:
    count = len(values)
    return rng.choice(
        [
            lambda: pd.Series(values, dtype=object),
            lambda: pd.Series(["x"] * count, dtype="category"),
            lambda: pd.Series([0.5] * count, dtype="category"),
            lambda: pd.Series(pd.interval_range(0, count)) if count else pd.Series([], dtype=object),
            lambda: pd.Series(pd.period_range("2020", periods=count, freq="M")),
            lambda: pd.Series(pd.date_range("2020", periods=count, tz="Asia/Tokyo")),
            lambda: pd.Series(pd.arrays.SparseArray([0.5] * count)),
            lambda: pd.Series([np.nan] * count),
            lambda: pd.Series([pd.NaT] * count),
            lambda: pd.Series([None] * count, dtype="Int8"),
            lambda: pd.Series([None] * count, dtype="boolean"),
            lambda: pd.Series([1 + 2j] * count),
            lambda: pd.Series([decimal.Decimal("0.5")] * count, dtype=pd.ArrowDtype(pa.decimal256(60, 4))),
            lambda: pd.Series(["x"] * count, dtype=pd.ArrowDtype(pa.large_string())),
        ]
    )()


def spoiled_columns(rng: random.Random, count: int) -> dict[str, list[Any]]:
    """Good columns, some cells of which are odd."""
    columns = {name: make(rng, count) for name, make in GOOD.items() if rng.random() < 0.9}
    for name in rng.sample(sorted(columns), k=min(len(columns), rng.choice([0, 1, 1, 2]))):
        odd = rng.choice(ODD_VALUES)
        cells = range(count) if rng.random() < 0.5 else [rng.randrange(count)] if count else []
        for row in cells:
            columns[name][row] = odd
    return columns


def list_of_dicts(rng: random.Random) -> Any:
    columns = spoiled_columns(rng, rng.choice([0, 1, 3, 8]))
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    if rows and rng.random() < 0.2:
        rng.choice(rows).pop(rng.choice(list(columns)))
    if rng.random() < 0.05:
        rows.append(rng.choice(ODD_VALUES))
    return rows


def pandas_table(rng: random.Random) -> Any:
    columns = spoiled_columns(rng, rng.choice([0, 1, 3, 8]))
    series = {name: pd.Series(values, dtype=object) for name, values in columns.items()}
    for name, values in list(series.items()):
        with suppress(UnicodeError):
            series[name] = values.infer_objects()
    for name in rng.sample(sorted(series), k=min(1, len(series))):
        series[name] = odd_pandas(rng, columns[name])
    return pd.DataFrame(series)


def polars_table(rng: random.Random) -> Any:
    columns = spoiled_columns(rng, rng.choice([0, 1, 3, 8]))
    odd = rng.choice(sorted(columns)) if columns else ""
    series = {}
    for name, values in columns.items():
        series[name] = pl.Series(values, dtype=pl.Object)
        with suppress(BaseException):  # polars panics at some values
            series[name] = odd_polars(rng, values) if name == odd else pl.Series(values, strict=False)
    return pl.DataFrame(series)


def arrow_table(rng: random.Random) -> Any:
    count = rng.choice([0, 1, 3, 8])
    columns = spoiled_columns(rng, count)
    odd = rng.choice(sorted(columns)) if columns else ""
    arrays = {}
    for name, values in columns.items():
        arrays[name] = pa.nulls(count)
        with suppress(Exception):
            arrays[name] = odd_arrow(rng, count) if name == odd else pa.array(values, from_pandas=True)
    return pa.table(arrays)


def answer(door: Callable[..., Any], table: Any) -> str:
    """The outcome for a table: `answer`, or the kind of a permitted error."""
    try:
        door(table, LIMITS)
    except InputError as error:
        sentences = [str(error), *(fault.sentence() for fault in error.faults)]
        return "InputError" if all(sentences) else ""
    return "answer"


@pytest.mark.filterwarnings("ignore::Warning")  # of the libraries, about such tables
@pytest.mark.parametrize("first", mostly_thorough(range(0, 200, 50)))
@pytest.mark.parametrize("make", [list_of_dicts, pandas_table, polars_table, arrow_table])
def test_an_answer_or_an_input_error(make: Callable[[random.Random], Any], first: int) -> None:
    answers = []
    for seed in range(first, first + 50):
        table = make(random.Random(seed))
        for door in (trimtab.rebalance, trimtab.rebalance_many, trimtab.check):
            try:
                answers.append(answer(door, table))
            except Exception as error:
                raise AssertionError(f"seed {seed}, {door.__name__}") from error
    assert min(answers.count(kind) for kind in ("answer", "InputError")) > 10


@pytest.mark.parametrize("row", [1, 2, 3])
def test_where_it_is_wrong_is_said(row: int) -> None:
    """The first cell that does not fit, in each library."""
    for odd in (1 + 2j, 10**400, dt.timedelta(1), Odd()):
        scores: list[Any] = [0.9, 0.8, 0.7]
        scores[row - 1] = odd
        columns = {"asset": ["A", "B", "C"], "score": scores}
        rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
        for table in (rows, pd.DataFrame({**columns, "score": pd.Series(scores, dtype=object)})):
            with pytest.raises(InputError) as caught:
                trimtab.rebalance(table)
            assert (caught.value.faults[0].row, caught.value.faults[0].column) == (row, "score")

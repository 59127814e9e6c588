"""`rebalance`: every kind of table gives the same result, and every fault names row, column, value and advice."""

from __future__ import annotations

import math
import random
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from cases import random_limits, random_rows

import trimtab
from trimtab.candidates.columns import COLUMNS, OUTPUTS
from trimtab.candidates.equality import is_equal
from trimtab.candidates.read import read
from trimtab.errors import Fault, InputError, LimitsError, UnmetLimitError
from trimtab.limits.rebalancing_limits import RebalancingLimits

Rows = list[dict[str, Any]]

ON = {"enable_bucket_diversification": True}
LIMITS = RebalancingLimits(**ON, buckets={"Equity/Tech": {"max_allocation": 0.3}}, min_buckets_represented=2)
ROWS: Rows = [
    {"asset": "MSFT", "bucket": "Equity/Tech", "score": 0.91, "current_weight": 0.31, "restriction": "", "max_weight": None, "note": 3},
    {"asset": "AAPL", "bucket": "Equity/Tech", "score": 0.87, "current_weight": 0.05, "restriction": "no_sell", "max_weight": 0.1, "note": 1},
    {"asset": "TLT", "bucket": "Bond", "score": None, "current_weight": 0.2, "restriction": "", "max_weight": None, "note": 4},
    {"asset": "GLD", "bucket": None, "score": 0.66, "current_weight": 0.0, "restriction": None, "max_weight": 0.05, "note": 1},
    {"asset": "XOM", "bucket": "Equity/Energy", "score": 0.75, "current_weight": 0.0, "restriction": "", "max_weight": None, "note": 5},
    {"asset": "T", "bucket": "Equity/Tech", "score": 0.3, "current_weight": 0.1, "restriction": "", "max_weight": None, "note": 9},
]  # fmt: skip


def as_rows(table: Any) -> Rows:
    """Any kind of table as a list of dicts, null as None."""
    if isinstance(table, list):
        return table
    if isinstance(table, pd.DataFrame):
        return [
            {
                name: None if value is pd.NA or (isinstance(value, float) and math.isnan(value)) else value
                for name, value in row.items()
            }
            for row in table.astype(object).to_dict("records")
        ]
    return table.to_dicts() if isinstance(table, pl.DataFrame) else table.to_pylist()  # fmt: skip


def outcome(table: Any) -> list[tuple[Any, ...]]:
    """What was decided, to the last bit."""
    return [
        (
            row["asset"],
            row["target_weight"].hex(),
            row["action"],
            row["reason"],
            row["size_reason"],
            row["proposed_weight"].hex(),
        )
        for row in as_rows(table)
    ]


def faults(table: Any, limits: RebalancingLimits | None = None) -> tuple[Fault, ...]:
    with pytest.raises(InputError) as caught:
        trimtab.rebalance(table, limits)
    return caught.value.faults


def the_fault(table: Any, limits: RebalancingLimits | None = None) -> Fault:
    (sentences,) = faults(table, limits)
    return sentences


def good(**changes: Any) -> Rows:
    """Three good rows, the second with changes; what it alone has is null in the others."""
    empty = dict.fromkeys(changes)
    rows: Rows = [{**empty, "asset": name, "score": 0.8, "current_weight": 0.1} for name in "ABC"]
    rows[1] |= changes
    return rows


# ---- the same result whatever the table

KINDS: dict[str, Any] = {
    "pandas": pd.DataFrame,
    "pandas with an odd index": lambda rows: pd.DataFrame(rows, index=[7, 7, "x", None, 3.5, "y"]),
    "pandas sorted by a hierarchical index": lambda rows: pd.DataFrame(rows).set_index(["note", "asset"], drop=False),
    "pandas object": lambda rows: pd.DataFrame(rows, dtype=object),
    "pandas nullable": lambda rows: pd.DataFrame(rows).convert_dtypes(),
    "pandas on arrow": lambda rows: pd.DataFrame(rows).convert_dtypes(dtype_backend="pyarrow"),
    "pandas in chunks": lambda rows: pd.concat([pd.DataFrame(rows[:2]), pd.DataFrame(rows[2:])]).convert_dtypes(
        dtype_backend="pyarrow"
    ),
    "pandas categorical": lambda rows: pd.DataFrame(rows).astype({"asset": "category", "bucket": "category", "restriction": "category"}),
    "polars": pl.DataFrame,
    "polars categorical": lambda rows: pl.DataFrame(rows).with_columns(pl.col("asset", "bucket", "restriction").cast(pl.Categorical)),
    "polars enum": lambda rows: pl.DataFrame(rows).with_columns(
        pl.col("bucket").cast(pl.Enum(["Zinc", "Equity/Tech", "Bond", "Equity/Energy"])), pl.col("restriction").cast(pl.Enum(["no_sell", ""]))
    ),
    "polars in chunks": lambda rows: pl.concat([pl.DataFrame(rows)[:2], pl.DataFrame(rows)[2:]], rechunk=False),
    "pyarrow": pa.Table.from_pylist,
    "pyarrow in chunks": lambda rows: pa.concat_tables([pa.Table.from_pylist(rows[:2], schema=SCHEMA), pa.Table.from_pylist(rows[2:], schema=SCHEMA)]),
    "pyarrow dictionary": lambda rows: pa.Table.from_pylist(
        rows, schema=pa.schema([f if f.type != pa.string() else pa.field(f.name, pa.dictionary(pa.int8(), pa.string())) for f in SCHEMA])
    ),
    "pyarrow large_string": lambda rows: pa.Table.from_pylist(
        rows, schema=pa.schema([f if f.type != pa.string() else pa.field(f.name, pa.large_string()) for f in SCHEMA])
    ),
    "pyarrow string_view": lambda rows: pa.Table.from_pylist(
        rows, schema=pa.schema([f if f.type != pa.string() else pa.field(f.name, pa.string_view()) for f in SCHEMA])
    ),
    "list of dicts": lambda rows: [dict(row) for row in rows],
    "list of dicts, keys missing": lambda rows: [{name: value for name, value in row.items() if value not in (None, "", 0.0)} | {"score": row["score"]} for row in rows],
}  # fmt: skip
SCHEMA = pa.Table.from_pylist(ROWS).schema


def test_the_lists_result_by_hand() -> None:
    """The reference of the tests below: what is restricted or unscored stays, and Equity shares its 0.4."""
    targets = {row["asset"]: row["target_weight"] for row in trimtab.rebalance(ROWS, LIMITS).targets}
    assert targets["TLT"] == 0.2
    assert targets["T"] == 0.0
    assert targets["GLD"] == 0.05
    assert targets["AAPL"] == 0.1  # its max_weight
    assert math.isclose(targets["MSFT"], 0.15, abs_tol=1e-12)
    assert math.isclose(targets["XOM"], 0.15, abs_tol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_table(kind: str) -> None:
    table = KINDS[kind](ROWS)
    expected = trimtab.rebalance(ROWS, LIMITS)
    result = trimtab.rebalance(table, LIMITS)
    assert outcome(result.targets) == outcome(expected.targets)
    assert result.details() == expected.details()
    assert type(result.targets) is type(table)
    assert (result.cash_weight, result.turnover) == (expected.cash_weight, expected.turnover)
    for row, options in zip(as_rows(result.targets), ROWS, strict=True):
        assert all(row.get(name) == options[name] for name in ("asset", "note", "score"))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not kind.startswith("list")])
def test_columns_and_types_are_carried_through(kind: str) -> None:
    table = KINDS[kind](ROWS)
    targets = trimtab.rebalance(table, LIMITS).targets
    names = list(getattr(table, "column_names", None) or table.columns)
    assert list(getattr(targets, "column_names", None) or targets.columns) == [*names, *OUTPUTS]
    if isinstance(table, pd.DataFrame):
        pd.testing.assert_frame_equal(targets[names], table)
        assert targets.index.equals(table.index)
    elif isinstance(table, pl.DataFrame):
        assert targets.select(names).equals(table)
        assert targets.select(names).schema == table.schema
    else:
        assert targets.select(names).equals(table)


def test_what_came_in_is_not_changed() -> None:
    rows = [dict(row) for row in ROWS]
    frame = pd.DataFrame(ROWS)
    before = frame.copy(deep=True)
    trimtab.rebalance(rows, LIMITS).targets  # noqa: B018 - the property makes the table
    trimtab.rebalance(frame, LIMITS).targets  # noqa: B018
    assert rows == ROWS
    pd.testing.assert_frame_equal(frame, before)


def test_a_pandas_table_gets_plain_columns() -> None:
    targets = trimtab.rebalance(pd.DataFrame(ROWS), LIMITS).targets
    assert targets["target_weight"].dtype == np.float64
    assert set(targets["action"]) <= {"open", "close", "hold", "increase", "decrease", "none"}


@pytest.mark.parametrize("seed", range(40))
def test_random_tables_agree(seed: int) -> None:
    rng = random.Random(seed)
    rows, limits = random_rows(rng), random_limits(rng)
    if all(row["score"] is None for row in rows):
        return
    expected = outcome(trimtab.rebalance(rows, limits).targets)
    for make in (pd.DataFrame, pl.DataFrame, pa.Table.from_pylist):
        assert outcome(trimtab.rebalance(make(rows), limits).targets) == expected


@pytest.mark.parametrize("column", ["score", "current_weight", "max_weight"])
@pytest.mark.parametrize(
    "make",
    [
        lambda values: pa.array(values, pa.int64()),
        lambda values: pa.array(values, pa.uint8()),
        lambda values: pa.array([Decimal(value) for value in values], pa.decimal128(5, 2)),
        lambda values: pa.array([Decimal(value) for value in values], pa.decimal256(5, 2)),
        lambda values: pa.array(values, pa.float32()),
        lambda values: pa.array(np.array(values, np.float16)),
    ],
    ids=["int64", "uint8", "decimal128", "decimal256", "float32", "float16"],
)
def test_whole_numbers_and_decimals(column: str, make: Any) -> None:
    values = {"score": [1.0, 0.0], "current_weight": [0.0, 0.0], "max_weight": [1.0, 1.0]}
    table = pa.table({"asset": ["A", "B"], **values, column: make([int(value) for value in values[column]])})
    assert outcome(trimtab.rebalance(table).targets) == outcome(
        trimtab.rebalance(pa.table({"asset": ["A", "B"], **values})).targets
    )


def test_decimals_in_a_list_and_in_pandas() -> None:
    rows = good(current_weight=Decimal("0.1"), score=Decimal("0.8"))
    rows = [{**row, "current_weight": Decimal("0.1"), "score": Decimal("0.8")} for row in rows]
    expected = outcome(trimtab.rebalance(good()).targets)
    assert outcome(trimtab.rebalance(rows).targets) == expected
    assert outcome(trimtab.rebalance(pd.DataFrame(rows)).targets) == expected


def test_defaults_of_columns() -> None:
    """Without the column nothing is held, restricted or capped, and the bucket is Unknown."""
    candidates = read(pa.table({"asset": ["B", "A"], "score": [0.7, 0.8]}), RebalancingLimits(), many=False)
    assert candidates.current_weight.tolist() == [0, 0]
    assert candidates.restriction.tolist() == [0, 0]
    assert candidates.max_weight.tolist() == [math.inf, math.inf]
    assert np.isnan(candidates.desired_weight).all()
    assert np.isnan(candidates.volatility).all()
    assert [candidates.bucket.at(row) for row in range(2)] == ["Unknown", "Unknown"]
    assert not candidates.bucket_given
    assert candidates.accounts == [None]
    assert candidates.order.tolist() == [1, 0]
    assert candidates.unused_columns == ()


@pytest.mark.parametrize("empty", [None, "", "   "])
def test_a_missing_bucket_is_unknown(empty: str | None) -> None:
    candidates = read(good(bucket=empty), RebalancingLimits(**ON), many=False)
    assert candidates.bucket.at(1) == "Unknown"
    assert candidates.tree.paths == ("", "Unknown")


def test_columns_of_nothing() -> None:
    """Null columns: polars and Arrow have a type for them, pandas writes objects."""
    names = ("bucket", "restriction", "max_weight", "desired_weight", "volatility")
    rows = [{**row, **dict.fromkeys(names)} for row in good()]
    expected = outcome(trimtab.rebalance(good()).targets)
    for make in (pd.DataFrame, pl.DataFrame, pa.Table.from_pylist, list):
        assert outcome(trimtab.rebalance(make(rows)).targets) == expected


def test_the_text_of_a_column() -> None:
    candidates = read(good(bucket="Tech"), RebalancingLimits(**ON), many=False)
    assert candidates.asset.values() == ["A", "B", "C"]
    assert candidates.bucket.values() == ["Unknown", "Tech", "Unknown"]
    assert candidates.size == 3


# ---- a table that cannot be read at all


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        (None, "a NoneType is not a table"),
        ("candidates.csv", "a str is not a table"),
        ({"asset": ["A"]}, "a dict is not a table"),
        (np.zeros((2, 2)), "a ndarray is not a table"),
        (pl.LazyFrame({"asset": ["A"], "score": [0.5]}), "a LazyFrame is not a table"),
        (pd.Series([1]), "a Series is not a table"),
        (({"asset": "A", "score": 0.5},), "a tuple is not a table"),
    ],
)
def test_not_a_table(table: Any, problem: str) -> None:
    fault = the_fault(table)
    assert fault.problem == problem
    assert fault.advice == "give a pandas, polars or pyarrow table, or a list of dicts"


def test_not_a_dict() -> None:
    fault = the_fault([{"asset": "A", "score": 0.5}, ("B", 0.5)])
    assert fault.sentence() == "row 2: is not a dict (received ('B', 0.5)): give a list of dicts, one for each row"


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame({"asset": [], "score": []}),
        pl.DataFrame({"asset": [], "score": []}),
        pa.table({"asset": [], "score": []}),
    ],
)
def test_no_rows(table: Any) -> None:
    assert the_fault(table).sentence() == "there are no candidates: give a table with at least one row"


@pytest.mark.parametrize("table", [[], pd.DataFrame(), pl.DataFrame(), pa.table({})])
def test_nothing_at_all(table: Any) -> None:
    assert all(fault.advice == "add it; the table has none" for fault in faults(table))


def test_a_column_twice() -> None:
    frame = pd.DataFrame([["A", 0.5, 0.6]], columns=["asset", "score", "score"])
    assert the_fault(frame).sentence().startswith("column 'score': appears twice in the table: ")
    table = pa.table([["A"], [0.5], [0.6]], names=["asset", "score", "score"])
    assert the_fault(table).column == "score"


@pytest.mark.parametrize(
    ("names", "column", "advice"),
    [
        (["asset"], "score", "add it; the table has 'asset'"),
        (["score"], "asset", "add it; the table has 'score'"),
        (["asset", "Score"], "score", "is 'Score' meant? Rename it"),
        (["asset", "scores"], "score", "is 'scores' meant? Rename it"),
        (["asset", " score "], "score", "is ' score ' meant? Rename it"),
        (["assets", "score"], "asset", "is 'assets' meant? Rename it"),
    ],
)
def test_a_required_column_is_missing(names: list[str], column: str, advice: str) -> None:
    fault = the_fault(pa.table({name: ["x"] if name.strip().lower().startswith("asset") else [0.5] for name in names}))
    assert (fault.problem, fault.column, fault.advice) == ("the column is missing", column, advice)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("curent_weight", "current_weight"),
        ("Current Weight", "current_weight"),
        ("current-weight", "current_weight"),
        ("CURRENT_WEIGHT", "current_weight"),
        ("current_weights", "current_weight"),
        ("buckets", "bucket"),
        ("Bucket", "bucket"),
        ("restrictions", "restriction"),
        ("maxweight", "max_weight"),
        ("max weight ", "max_weight"),
        ("desired_wieght", "desired_weight"),
        ("volatilty", "volatility"),
        ("accounts", "account"),
    ],
)
def test_a_misspelled_column(name: str, meant: str) -> None:
    fault = the_fault(pd.DataFrame({"asset": ["A"], "score": [0.5], name: [0.1]}))
    assert fault.sentence() == f"column {name!r}: the column is unknown: did you mean {meant!r}? Rename or drop it"


@pytest.mark.parametrize("name", ["price", "name", "isin", "note", "weight", "market_cap", "sector", "sigma"])
def test_columns_of_the_user_are_carried(name: str) -> None:
    result = trimtab.rebalance([{**row, name: index} for index, row in enumerate(good())])
    assert [row[name] for row in result.targets] == [0, 1, 2]
    assert read([{**row, name: 1} for row in good()], RebalancingLimits(), many=False).unused_columns == (name,)


def test_a_near_name_beside_the_right_one_is_the_users() -> None:
    assert trimtab.rebalance(good(current_weights=1))


@pytest.mark.parametrize("make", [list, pd.DataFrame, pl.DataFrame, pa.Table.from_pylist])
def test_a_result_is_input_of_the_next_rebalance(make: Any) -> None:
    """Its own columns are replaced, whatever their content; holdings are in `current_weight`."""
    rows = [{**row, **dict.fromkeys(OUTPUTS, "old"), "current_weight": 0.1} for row in good()]
    fresh = [{name: value for name, value in row.items() if name not in OUTPUTS} for row in rows]
    once = trimtab.rebalance(make(rows))
    assert outcome(once.targets) == outcome(trimtab.rebalance(make(fresh)).targets)
    assert outcome(trimtab.rebalance(once.targets).targets) == outcome(once.targets)
    assert "result_columns" in {note.code for note in once.notes}


def test_targets_that_are_now_held() -> None:
    """A result without `current_weight` does not say whether its trades are done."""
    targets = trimtab.rebalance([{"asset": "A", "score": 0.9}]).targets
    (fault,) = faults(targets)
    assert fault.column == "target_weight"
    assert fault.advice.startswith("rename it, if these trades are done")
    held = [{"current_weight": row.pop("target_weight"), **row} for row in targets]
    assert trimtab.rebalance(held).targets[0]["action"] == "hold"


@pytest.mark.parametrize(
    "name", ["weight", "Weight", "WEIGHTS", "shares", "Quantity", "Market Value", "portfolio-weight"]
)
def test_holdings_under_another_name_are_refused(name: str) -> None:
    """They would count as nothing held."""
    rows = [{"asset": "A", "score": 0.9, name: 0.3}]
    for make in (list, pd.DataFrame, pl.DataFrame, pa.Table.from_pylist):
        fault = the_fault(make(rows))
        assert fault.column == name
        assert "current_weight" in fault.sentence()
    with pytest.raises(InputError, match="seems to hold the holdings"):
        trimtab.rebalance_many([{"account": 1, **row} for row in rows])
    assert trimtab.rebalance([{**row, "current_weight": 0.3} for row in rows])


def test_several_names_are_wrong() -> None:
    sentences = faults(pa.table({"assets": ["A"], "Score": [0.5], "curent_weight": [0.1], "action": ["x"]}))
    assert [fault.column for fault in sentences] == ["asset", "score", "curent_weight"]


def test_a_name_that_is_no_text() -> None:
    """pandas allows any column name."""
    result = trimtab.rebalance(pd.DataFrame({"asset": ["A"], "score": [0.9], 5: [1]}))
    assert list(result.targets.columns) == ["asset", "score", 5, *OUTPUTS]


# ---- columns of the wrong type

FRAMES = {"pandas": pd.DataFrame, "polars": lambda rows: pl.DataFrame(rows, strict=False), "pyarrow": pa.Table.from_pylist, "list": list}  # fmt: skip


@pytest.mark.parametrize("column", ["score", "current_weight", "max_weight", "desired_weight", "volatility"])
@pytest.mark.parametrize("value", ["0.5", "high", True, [0.5], {"a": 1}, b"x"])
def test_a_number_column_of_something_else(column: str, value: Any) -> None:
    rows = [{**row, column: value} for row in good()]
    for kind, make in FRAMES.items():
        fault = the_fault(make(rows))
        assert (fault.column, fault.row) == (column, 1), kind
        assert "is not a number" in fault.problem
        assert fault.value == value
        assert fault.advice


@pytest.mark.parametrize("value", ["high", True, [0.5], b"x", "", float])
def test_one_value_that_is_no_number(value: Any) -> None:
    rows = good(score=value)
    for make in (list, lambda rows: pd.DataFrame(rows, dtype=object)):
        fault = the_fault(make(rows))
        assert (fault.row, fault.column, fault.problem, fault.value) == (2, "score", "is not a number", value)
        assert fault.advice == "write a number or leave it empty"


@pytest.mark.parametrize("column", ["asset", "bucket", "restriction"])
@pytest.mark.parametrize("value", [5, 0.5, True, ["x"], b"x"])
def test_one_value_that_is_no_text(column: str, value: Any) -> None:
    rows = [{"bucket": "Tech", "restriction": "no_buy", **row} for row in good()]
    rows[1][column] = value
    for make in (list, lambda rows: pd.DataFrame(rows, dtype=object)):
        fault = the_fault(make(rows))
        assert (fault.row, fault.column, fault.problem, fault.value) == (2, column, "is not text", value)


@pytest.mark.parametrize("column", ["asset", "bucket", "restriction"])
def test_a_text_column_of_numbers(column: str) -> None:
    rows = [{**row, column: None if index == 0 else index} for index, row in enumerate(good())]
    sentence = the_fault(pa.Table.from_pylist(rows)).sentence()
    problem = f"row 2, column {column!r}: is not text but int64 (received 1)"
    assert sentence == f"{problem}: read the column as text, so that no leading zero is lost"


def test_a_column_that_no_arrow_array_holds() -> None:
    """A number too large for any type, and text that is no text."""
    fault = the_fault(good(score=10**400))
    assert (fault.row, fault.column, fault.problem) == (2, "score", "is not a number")


def test_numbers_of_different_types_in_one_column() -> None:
    expected = outcome(trimtab.rebalance(good()).targets)
    for make in (list, lambda rows: pd.DataFrame(rows, dtype=object)):
        for value in (Decimal("0.1"), np.float64(0.1), 0.1):
            rows = good(current_weight=value)
            rows[0]["max_weight"], rows[1]["max_weight"], rows[2]["max_weight"] = 1, Decimal(1), math.nan
            assert outcome(trimtab.rebalance(make(rows)).targets) == expected
    rows = good(current_weight=Decimal("0.1"), max_weight=Decimal("0.1"))
    rows[2]["max_weight"] = 0.2
    del rows[2]["current_weight"]  # the default is a float
    assert [row["target_weight"] for row in trimtab.rebalance(rows).targets] == [0.2, 0.1, 0.2]


def test_text_that_cannot_be_encoded() -> None:
    fault = the_fault(good(asset="\ud800"))
    assert (fault.row, fault.column, fault.problem) == (2, "asset", "is not text")
    assert "\\ud800" in fault.sentence()


@pytest.mark.parametrize("column", ["asset", "bucket"])
def test_bytes_that_are_no_utf_8(column: str) -> None:
    broken = pa.array([b"A", b"\xff"], pa.binary()).view(pa.string())
    fault = the_fault(pa.table({"asset": ["A", "B"], "score": [0.5, 0.6], column: broken}))
    assert (fault.column, fault.problem, fault.advice) == (column, "is not UTF-8 text", "write it as UTF-8")


# ---- one value that is wrong: row, column, value, advice

VALUES: dict[str, tuple[str, Any, str, str]] = {
    "score above 1": ("score", 1.5, "is above 1", "a score lies between 0 and 1; divide by 100 if it is a percent"),
    "score in percent": ("score", 85.0, "is above 1", "divide by 100 if it is a percent"),
    "score negative": ("score", -0.1, "is outside 0 to 1", "give a score between 0 and 1, or none"),
    "score far off": ("score", 1000.0, "is outside 0 to 1", "give a score between 0 and 1"),
    "score inf": ("score", math.inf, "is outside 0 to 1", "or none if it could not be scored"),
    "score -inf": ("score", -math.inf, "is outside 0 to 1", "or none if it could not be scored"),
    "weight NaN": ("current_weight", math.nan, "is missing", "write 0 if it is not held"),
    "weight None": ("current_weight", None, "is missing", "write 0 if it is not held"),
    "weight inf": ("current_weight", math.inf, "is infinite", "give a fraction of the account's value"),
    "weight -inf": ("current_weight", -math.inf, "is infinite", "give a fraction of the account's value"),
    "weight negative": ("current_weight", -0.05, "is negative", "trimtab holds no short positions; give 0 or more"),
    "max_weight negative": ("max_weight", -0.1, "is outside 0 to 1", "give a fraction (0.05, not 5), or none"),
    "max_weight percent": ("max_weight", 5.0, "is outside 0 to 1", "give a fraction (0.05, not 5)"),
    "max_weight inf": ("max_weight", math.inf, "is outside 0 to 1", "or none for no limit"),
    "desired negative": ("desired_weight", -1.0, "is not a number of a usable size", "give a number above 0"),
    "desired tiny": ("desired_weight", 1e-10, "is not a number of a usable size", "give a number above 0"),
    "desired huge": ("desired_weight", 1e10, "is not a number of a usable size", "give a number above 0"),
    "desired inf": ("desired_weight", math.inf, "is not a number of a usable size", "give a number above 0"),
    "volatility 0": ("volatility", 0.0, "is not a number of a usable size", "give a number above 0"),
    "volatility negative": ("volatility", -0.2, "is not a number of a usable size", "give a number above 0"),
    "restriction": ("restriction", "no-buy", "the restriction is unknown", "write no_buy, no_sell, no_trade or leave it empty"),
    "restriction spelling": ("restriction", "NO_BUY", "the restriction is unknown", "write no_buy"),
    "restriction blank": ("restriction", " ", "the restriction is unknown", "leave it empty"),
    "asset empty": ("asset", "", "the asset has no name", "name every asset"),
    "asset blank": ("asset", "  ", "the asset has no name", "name every asset"),
    "asset None": ("asset", None, "the asset has no name", "name every asset"),
    "asset twice": ("asset", "A", "the asset is in row 1 already", "give each asset once in an account; sum or drop the rows yourself"),
    "path with an empty part": ("bucket", "Equity//Tech", "the bucket's path has an empty part", "write every part between two separators"),
    "path that ends in a separator": ("bucket", "Equity/", "the bucket's path has an empty part", "write every part"),
    "path with a blank part": ("bucket", "Equity/ /Tech", "the bucket's path has an empty part", "write every part"),
}  # fmt: skip


@pytest.mark.parametrize("name", VALUES)
def test_a_value(name: str) -> None:
    column, value, problem, advice = VALUES[name]
    for make in FRAMES.values():
        fault = the_fault(make(good(**{column: value})))
        assert (fault.row, fault.column, fault.problem) == (2, column, problem)
        assert advice in fault.advice
        sentence = fault.sentence()
        assert sentence.startswith(f"row 2, column {column!r}: {problem}")
        assert value is None or (isinstance(value, float) and math.isnan(value)) or repr(value) in sentence


def test_no_row_is_forgotten() -> None:
    rows = [
        {
            "asset": f"A{index}",
            "score": 2.0 if index % 3 == 0 else 0.5,
            "current_weight": -1.0 if index % 5 == 0 else 0.0,
        }
        for index in range(40)
    ]
    sentences = faults(rows)
    assert [fault.row for fault in sentences if fault.column == "score"] == list(range(1, 41, 3))
    assert [fault.row for fault in sentences if fault.column == "current_weight"] == list(range(1, 41, 5))


def test_many_faults_at_once() -> None:
    rows = good(score=2.0, current_weight=-1.0, restriction="x", max_weight=7.0, bucket="A//B", volatility=0.0)
    rows[2]["asset"] = "A"
    with pytest.raises(InputError) as caught:
        trimtab.rebalance(rows)
    columns = sorted(str(fault.column) for fault in caught.value.faults)
    assert columns == ["asset", "bucket", "current_weight", "max_weight", "restriction", "score", "volatility"]
    assert str(caught.value).endswith(" (and 6 more of this kind or others)")


def test_a_triple_names_the_first_row() -> None:
    rows = [{"asset": name, "score": 0.8} for name in ("X", "A", "B", "A", "A")]
    assert [(fault.row, fault.problem) for fault in faults(rows)] == [
        (4, "the asset is in row 2 already"),
        (5, "the asset is in row 2 already"),
    ]


def test_asset_names_are_kept_as_they_are() -> None:
    """Case tells assets apart: names of exchanges do. Spaces around a name do not: a limit would count it twice."""
    assert trimtab.rebalance([{"asset": name, "score": 0.8} for name in ("BRK.b", "BRK.B")])
    fault = the_fault([{"asset": name, "score": 0.8} for name in ("BRK.B", " BRK.B")])
    assert (fault.row, fault.value, fault.problem) == (2, " BRK.B", "the asset's name has spaces around it")


def test_a_misspelled_key_of_one_row() -> None:
    rows = [{"asset": "A", "score": 0.9, "current_weight": 0.2}, {"asset": "B", "score": 0.5, "curent_weight": 0.3}]
    fault = the_fault(rows)
    assert (fault.row, fault.column, fault.advice) == (
        2,
        "curent_weight",
        "did you mean 'current_weight'? Rename or drop it",
    )


def test_what_happens_to_the_table_later_does_not_matter() -> None:
    rows = [{"asset": name, "score": score, "current_weight": 0.0} for name, score in (("A", 0.9), ("B", 0.2))]
    frame = pd.DataFrame(rows)
    results = [trimtab.rebalance(rows), trimtab.rebalance(frame)]
    before = [result.to_json() for result in results]
    rows.reverse()
    rows[0]["score"] = 0.1
    frame.loc[:, "asset"] = ["B", "A"]
    frame.loc[:, "score"] = 0.11
    frame.loc[:, "current_weight"] = 0.5
    assert [row["asset"] for row in results[0].targets] == ["A", "B"]
    assert results[1].targets["score"].tolist() == [0.9, 0.2]
    assert [result.to_json() for result in results] == before


def test_bools_of_numpy_are_no_numbers() -> None:
    fault = the_fault([{"asset": "A", "score": 0.9, "current_weight": np.bool_(True)}, *good()])
    assert (fault.row, fault.column, fault.problem) == (1, "current_weight", "is not a number")


def test_whole_numbers_beyond_what_a_float_holds() -> None:
    fault = the_fault(pa.table({"asset": ["A", "B"], "score": [2**53 + 1, 0]}))
    assert (fault.row, fault.column) == (1, "score")


@pytest.mark.parametrize("account", ["", " a", "a "])
def test_an_account_needs_a_clean_name(account: str) -> None:
    with pytest.raises(InputError, match=r"row 2.*'account'.*spaces around it"):
        trimtab.rebalance_many([{"account": name, "asset": "A", "score": 0.9} for name in ("b", account)])


def test_a_failed_account_has_no_say_in_spelling() -> None:
    rows = [{"account": f"s{index}", "asset": "A", "score": 0.9, "bucket": "Tech"} for index in range(3)]
    rows += [{"account": "big", "asset": "DUP", "score": 0.9, "bucket": "tech"} for _ in range(9)]
    assert trimtab.rebalance_many(rows).counts == {"cash_left": 3, "failed": 1}


@pytest.mark.parametrize("other", ["Cafe\u0301", "Caf\u00e9\u200b", "Caf\u00e9\u00a0", "CAF\u00c9"])
def test_buckets_that_only_look_alike(other: str) -> None:
    rows = [{"asset": name, "score": 0.9, "bucket": bucket} for name, bucket in (("A", "Caf\u00e9"), ("B", other))]
    with pytest.raises(InputError, match="invisible signs"):
        trimtab.rebalance(rows, RebalancingLimits(**ON))


NO_BUCKET = [
    "nan",
    "None",
    "<NA>",
    "N/A",
    "n/a",
    "#N/A",
    "n.a.",
    "n-d",
    "N/D",
    "Unclassified",
    "?",
    "not available",
    "NULL",
    "NaT",
    " none ",
    "-",
    "--",
    " - ",
    "\u2014",
    "",
    "  ",
]


@pytest.mark.parametrize("bucket", NO_BUCKET)
def test_a_missing_bucket_written_as_text(bucket: str) -> None:
    rows = [*good(), {"asset": "D", "score": 0.9, "bucket": bucket, "current_weight": 0.0}]
    for make in (pd.DataFrame, pl.DataFrame, pa.Table.from_pylist, list):
        candidates = read(make(rows), RebalancingLimits(**ON), many=False)
        assert candidates.bucket.at(3) == "Unknown"
    many = trimtab.rebalance_many([{"account": "one", **row} for row in rows], RebalancingLimits(**ON))
    assert "failed" not in many.counts


@pytest.mark.parametrize("bucket", ["NA", "Nan Ya", "None/Some", "A-", "X", "no bucket"])
def test_a_bucket_that_only_looks_like_a_missing_one(bucket: str) -> None:
    """NA may be North America."""
    candidates = read([{"asset": "D", "score": 0.9, "bucket": bucket}], RebalancingLimits(**ON), many=False)
    assert candidates.bucket.at(0) == bucket


SAME_BUCKETS = [
    ("HealthCare", "Health Care"),
    ("HealthCare", "Health-care"),
    ("Real_Estate", "RealEstate"),
    ("U.S. Equity", "US Equity"),
    ("Metals, Mining", "Metals Mining"),
    ("Consumer's", "Consumers"),
    ("Long \u2013 Short", "long-short"),
    ("Tech.", "Tech"),
    ("Oil&Gas", "Oil & Gas"),
    ("Equity/Health Care", "Equity/HealthCare"),
    ("Bonds 1-3 years", "Bonds 1\u20133 Years"),
]
OTHER_BUCKETS = [
    ("A", "A-"),
    ("BBB", "BBB-"),
    ("BBB+", "BBB-"),
    ("BBB+", "BBB"),
    ("1-3", "13"),
    ("1.5", "15"),
    ("Class 1 2", "Class 12"),
    ("Tech", "Techs"),
    ("C", "C#"),
]


@pytest.mark.parametrize(("spelling", "other"), SAME_BUCKETS)
def test_two_spellings_of_one_bucket_are_refused(spelling: str, other: str) -> None:
    """In a table, in many accounts, in the limits, and in a mapping."""
    for first, second in ((spelling, other), (other, spelling)):
        with pytest.raises(InputError, match=r"differs from .* only in case, spaces, punctuation"):
            trimtab.rebalance(
                [{"asset": "A", "score": 0.9, "bucket": first}, {"asset": "B", "score": 0.9, "bucket": second}],
                RebalancingLimits(**ON),
            )
        with pytest.raises(LimitsError, match="differ only in case"):
            RebalancingLimits(**ON, buckets={first: {}}, known_buckets=[second])
        with pytest.raises(InputError, match="differ only in case"):
            trimtab.AssetBucketManager({first: ["A"], second: ["B"]})


@pytest.mark.parametrize(("spelling", "other"), SAME_BUCKETS)
def test_two_spellings_do_no_harm_while_bucket_limits_are_off(spelling: str, other: str) -> None:
    """No limit can be escaped, so they are noted, in every door, and the decision is that without buckets."""
    rows = [{"asset": "A", "score": 0.9, "bucket": spelling}, {"asset": "B", "score": 0.9, "bucket": other}]
    result = trimtab.rebalance(rows)
    bare = trimtab.rebalance([{**row, "bucket": None} for row in rows])
    assert [row["target_weight"] for row in result.targets] == [row["target_weight"] for row in bare.targets]
    (said,) = [note.text for note in result.notes if note.code == "near_bucket"]
    assert said.endswith("only in case, spaces, punctuation or invisible signs: bucket limits would refuse them")
    assert said in [finding.text for finding in trimtab.check(rows).warnings]
    assert trimtab.rebalance_many([{**row, "account": 1} for row in rows]).counts == {"cash_left": 1}


@pytest.mark.parametrize(("first", "other"), OTHER_BUCKETS)
def test_buckets_that_differ_in_a_sign_that_counts(first: str, other: str) -> None:
    assert trimtab.rebalance(
        [{"asset": "A", "score": 0.9, "bucket": first}, {"asset": "B", "score": 0.9, "bucket": other}],
        RebalancingLimits(**ON),
    )
    assert RebalancingLimits(**ON, buckets={first: {}}, known_buckets=[other])


def test_a_path_of_too_many_parts() -> None:
    fault = the_fault([{"asset": "A", "score": 0.9, "bucket": "/".join("x" * 1100)}])
    assert fault.problem == "the bucket's path has 1100 parts, more than 50"


@pytest.mark.parametrize("limits", [{}, {"max_new_positions": 1}, "conservative", 0])
def test_limits_of_another_kind(limits: Any) -> None:
    with pytest.raises(LimitsError, match="limits must be RebalancingLimits"):
        trimtab.rebalance(good(), limits)


def test_limits_in_another_spelling_name_the_nearest_bucket() -> None:
    limits = RebalancingLimits(enable_bucket_diversification=True, buckets={"tech": {"max_positions": 1}})
    rows = [{"account": index, "asset": "A", "score": 0.9, "bucket": "Tech"} for index in (1, 2)]
    with pytest.raises(LimitsError, match="did you mean 'Tech'"):
        trimtab.rebalance_many(rows, limits)


@pytest.mark.parametrize(
    ("weights", "problem", "advice"),
    [
        (
            [0.6, 0.5],
            "the weights sum to 1.1, above 1.05",
            "give fractions of the account's total value, cash left out",
        ),
        ([60.0, 40.0], "the weights sum to 100, above 1.05", "they look like percents: divide by 100"),
        ([60.0, 30.0], "the weights sum to 90, above 1.05", "they look like percents: divide by 100"),
        ([5.0, 2.0], "the weights sum to 7, above 1.05", "give fractions of the account's total value, cash left out"),
        ([25_000.0, 75_000.0], "the weights sum to 100000, above 1.05", "give fractions of the account's total value"),
    ],
)
def test_weights_sum(weights: list[float], problem: str, advice: str) -> None:
    fault = the_fault(
        [{"asset": f"A{index}", "score": 0.8, "current_weight": weight} for index, weight in enumerate(weights)]
    )
    assert (fault.problem, fault.column, fault.row) == (problem, "current_weight", None)
    assert fault.advice.startswith(advice)


@pytest.mark.parametrize("weights", [[1.0], [0.5, 0.5], [0.55, 0.5], [1.05], [0.35, 0.35, 0.35]])
def test_sums_that_are_accepted(weights: list[float]) -> None:
    result = trimtab.rebalance(
        [{"asset": f"A{index}", "score": 0.8, "current_weight": weight} for index, weight in enumerate(weights)]
    )
    assert ("overdrawn" in [note.code for note in result.notes]) is (math.fsum(weights) > 1.001)


def test_unscored_positions_error() -> None:
    limits = RebalancingLimits(unscored_positions="error")
    fault = the_fault(good(score=None), limits)
    assert fault.sentence() == (
        "row 2, column 'score': the holding 'B' has no score: score it, restrict it, or set unscored_positions to "
        '"hold" or "close"'
    )
    assert trimtab.rebalance(good(score=None, restriction="no_trade"), limits)
    assert trimtab.rebalance(good(score=None, restriction="no_sell"), limits)
    assert trimtab.rebalance(good(score=None, current_weight=0), limits)
    assert the_fault(good(score=None, restriction="no_buy"), limits).row == 2


# ---- two spellings of a bucket


def spelled(*buckets: str, account: Any = None) -> Rows:
    own = {} if account is None else {"account": account}
    return [{**own, "asset": f"A{index}", "score": 0.8, "bucket": bucket} for index, bucket in enumerate(buckets)]


@pytest.mark.parametrize("other", ["tech ", "TECH", " Tech", "tech"])
def test_two_spellings(other: str) -> None:
    fault = the_fault(spelled("Tech", "Tech", other), RebalancingLimits(**ON))
    assert (fault.row, fault.column, fault.value) == (3, "bucket", other)
    assert fault.problem == "the bucket differs from 'Tech' only in case, spaces, punctuation or invisible signs"


def test_the_spelling_of_most_rows_counts() -> None:
    on = RebalancingLimits(**ON)
    assert [fault.row for fault in faults(spelled("tech", "Tech", "Tech"), on)] == [1]
    assert [fault.row for fault in faults(spelled("Tech", "tech"), on)] == [2]


def test_the_spelling_of_the_limits_counts_more() -> None:
    limits = RebalancingLimits(**ON, buckets={"tech": {"max_positions": 1}})
    assert [fault.row for fault in faults(spelled("tech", "Tech", "Tech"), limits)] == [2, 3]
    known = RebalancingLimits(**ON, known_buckets=["tech"])
    assert [fault.row for fault in faults(spelled("tech", "Tech", "Tech"), known)] == [2, 3]


def test_a_part_of_a_path_in_two_spellings() -> None:
    fault = the_fault(spelled("Equity/Tech", "Equity/Health", "equity/Energy"), RebalancingLimits(**ON))
    assert fault.problem == "the bucket differs from 'Equity' only in case, spaces, punctuation or invisible signs"
    fault = the_fault(spelled("Equity/Tech", "Equity/Tech/Semis", "Equity/tech/Chips"), RebalancingLimits(**ON))
    assert fault.problem == "the bucket differs from 'Equity/Tech' only in case, spaces, punctuation or invisible signs"


def test_the_same_name_in_two_places_is_fine() -> None:
    assert trimtab.rebalance(spelled("Equity/Other", "Bond/other"), RebalancingLimits(**ON))


def test_flat_names_have_no_parts() -> None:
    limits = RebalancingLimits(**ON, bucket_separator="")
    assert trimtab.rebalance(spelled("Equity//Tech", "equity/Tech", "/"), limits)
    assert the_fault(spelled("Equity//Tech", "equity//tech"), limits).row == 2


def test_unicode_case() -> None:
    assert the_fault(spelled("Straße", "Straße", "STRASSE"), RebalancingLimits(**ON)).row == 3
    fault = the_fault(spelled("Tech", "unknown"), RebalancingLimits(**ON))
    assert fault.problem == "the bucket differs from 'Unknown' only in case, spaces, punctuation or invisible signs"


def test_two_spellings_in_two_accounts() -> None:
    table = [
        *spelled("Tech", "Tech", account="one"),
        *spelled("tech", "Bond", account="two"),
        *spelled("Bond", account="three"),
    ]
    many = trimtab.rebalance_many(table, RebalancingLimits(**ON))
    assert [row["status"] for row in many.accounts] == ["unmet", "failed", "unmet"]
    (fault,) = many.faults["two"]
    assert fault.sentence() == (
        "account 'two', row 3, column 'bucket': the bucket differs from 'Tech' only in case, spaces, punctuation or invisible signs (received 'tech'): "
        "write both the same way"
    )


# ---- limits for buckets that are not there


def test_an_unknown_bucket_in_the_limits() -> None:
    limits = RebalancingLimits(**ON, buckets={"Tehc": {"max_positions": 1}})
    for door in (
        trimtab.rebalance,
        lambda rows, limits: trimtab.rebalance_many([{"account": 1, **row} for row in rows], limits),
    ):
        with pytest.raises(
            LimitsError, match=r"buckets\['Tehc'\]: no candidate is in this bucket: did you mean 'Tech'\?"
        ):
            door(spelled("Tech", "Bond"), limits)


# ---- the door for one account


def test_one_account_with_a_name() -> None:
    result = trimtab.rebalance([{"account": "mine", **row} for row in good()])
    assert result.account == "mine"
    assert trimtab.rebalance(good()).account is None


def test_two_accounts_at_the_door_for_one() -> None:
    rows = [{"account": account, **row} for account, row in zip(["a", "a", "b"], good(), strict=True)]
    assert the_fault(rows).sentence() == (
        "row 3, column 'account': the table has 2 accounts, where one is expected (received 'b'): give the rows "
        "of one account, or use trimtab.rebalance_many"
    )


def test_faults_name_the_account_that_is_given() -> None:
    rows = [{"account": "mine", **row} for row in good(score=3.0)]
    assert the_fault(rows).sentence().startswith("account 'mine', row 2, column 'score': ")


# ---- many accounts


def accounts_of(seed: int, count: int) -> Rows:
    """Random accounts, their rows mixed."""
    rng = random.Random(seed)
    rows = [{"account": f"acc{number}", **row} for number in range(count) for row in random_rows(rng, 8)]
    rng.shuffle(rows)
    return rows


def test_the_account_column_is_needed() -> None:
    with pytest.raises(InputError) as caught:
        trimtab.rebalance_many(good())
    (fault,) = caught.value.faults
    assert (
        fault.sentence()
        == "column 'account': the column is missing: add it; the table has 'asset', 'score', 'current_weight'"
    )
    with pytest.raises(InputError, match="is 'Account' meant"):
        trimtab.rebalance_many([{"Account": 1, **row} for row in good()])


@pytest.mark.parametrize(
    ("accounts", "row", "problem"),
    [
        (["a", None, "b"], 2, "the account is missing"),
        ([1, 2, None], 3, "the account is missing"),
        ([0.5, 1.5, 2.5], 1, "is neither text nor a whole number but double"),
        ([True, False, True], 1, "is neither text nor a whole number but bool"),
        ([None, None, None], 1, "the account is missing"),
    ],
)
def test_bad_accounts(accounts: list[Any], row: int, problem: str) -> None:
    rows = [{"account": account, **account_row} for account, account_row in zip(accounts, good(), strict=True)]
    for make in (list, pa.Table.from_pylist, pl.DataFrame):
        with pytest.raises(InputError) as caught:
            trimtab.rebalance_many(make(rows))
        (fault,) = caught.value.faults
        assert (fault.row, fault.problem.replace("Float64", "double"), fault.column) == (row, problem, "account")
        assert fault.advice


def test_mixed_account_types() -> None:
    with pytest.raises(InputError) as caught:
        trimtab.rebalance_many([{"account": account, **row} for account, row in zip([1, "a", 2], good(), strict=True)])
    assert caught.value.faults[0].column == "account"


@pytest.mark.parametrize(
    "kind",
    [
        pa.int8(),
        pa.int64(),
        pa.uint16(),
        pa.string(),
        pa.large_string(),
        pa.dictionary(pa.int32(), pa.string()),
    ],
)
def test_kinds_of_accounts(kind: pa.DataType) -> None:
    is_number = pa.types.is_integer(kind)
    names = [7, 3, 7] if is_number else ["b", "a", "b"]
    table = pa.table({"account": pa.array(names, kind), "asset": ["A", "A", "B"], "score": [0.9, 0.8, 0.7]})
    many = trimtab.rebalance_many(table)
    assert [row["account"] for row in many.accounts] == names[:2]
    assert many.result(names[0]).targets["asset"].to_pylist() == ["A", "B"]


def test_accounts_of_a_pandas_category() -> None:
    frame = pd.DataFrame({"account": pd.Categorical(["b", "a", "b"]), "asset": ["A", "A", "B"], "score": 0.8})
    assert [row["account"] for row in trimtab.rebalance_many(frame).accounts] == ["b", "a"]


def test_many_equals_single() -> None:
    """Bits, sentences, certificate, cash: for each account the same as from `rebalance`."""
    for seed in range(12):
        rows, limits = accounts_of(seed, 12), random_limits(random.Random(seed))
        many = trimtab.rebalance_many(rows, limits)
        listed = {row["account"]: row for row in many.accounts}
        for account, row in listed.items():
            single = trimtab.rebalance([row for row in rows if row["account"] == account], limits)
            same = many.result(account)
            assert outcome(same.targets) == outcome(single.targets)
            assert same.details() == single.details()
            assert (same.cash_weight, same.turnover, same.status) == (
                single.cash_weight,
                single.turnover,
                single.status,
            )
            assert (same.account, same.positions) == (account, single.positions)
            assert row["error"] == ""
            assert (row["status"], row["positions"]) == (single.status, single.positions)
            assert (row["cash_weight"], row["turnover"]) == (single.cash_weight, single.turnover)
            assert same.certificate == single.certificate
            assert same.buckets == single.buckets
            assert same.notes == single.notes
            assert same.to_json() == single.to_json()
        whole = outcome(many.targets)
        assert [entry[0] for entry in whole] == [row["asset"] for row in rows]
        assert sorted(whole) == sorted(target for account in listed for target in outcome(many.result(account).targets))


def test_a_bad_account_does_not_sink_the_good_ones() -> None:
    rows = accounts_of(5, 6)
    limits = RebalancingLimits(**ON, min_buckets_represented=0)
    clean = trimtab.rebalance_many(rows, limits)
    broken = [dict(row) for row in rows]
    index = [number for number, row in enumerate(broken) if row["account"] == "acc3"]
    broken[index[0]]["score"] = 7.0
    broken[index[-1]]["max_weight"] = -1.0
    many = trimtab.rebalance_many(broken, limits)
    statuses = {row["account"]: row["status"] for row in many.accounts}
    assert statuses["acc3"] == "failed"
    assert many.counts["failed"] == 1
    assert sum(many.counts.values()) == 6
    assert "1 failed" in repr(many)
    (failed,) = [row for row in many.accounts if row["account"] == "acc3"]
    assert (failed["positions"], failed["cash_weight"], failed["turnover"]) == (None, None, None)
    assert failed["error"].startswith(
        f"account 'acc3', row {index[0] + 1}, column 'score': is above 1 (received 7.0): "
    )
    assert failed["error"].endswith("(and 1 more of this kind or others)")
    assert [fault.row for fault in many.faults["acc3"]] == [index[0] + 1, index[-1] + 1]
    assert list(many.faults) == ["acc3"]
    with pytest.raises(InputError, match="account 'acc3', row"):
        many.result("acc3")
    for account in statuses:
        if account != "acc3":
            assert outcome(many.result(account).targets) == outcome(clean.result(account).targets)
            assert many.result(account).details() == clean.result(account).details()
    for row in many.targets:
        failed_row = row["account"] == "acc3"
        assert (row["action"] == "failed") is failed_row
        assert math.isnan(row["target_weight"]) is failed_row
        assert math.isnan(row["proposed_weight"]) is failed_row
        assert not failed_row or (row["reason"], row["size_reason"]) == ("", "")
    assert len(many.targets) == len(rows)


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.Table.from_pylist])
def test_frames_of_many(make: Any) -> None:
    rows = accounts_of(6, 5)
    rows[3]["current_weight"] = -1.0
    limits = RebalancingLimits(**ON)
    table = make(rows)
    many, expected = trimtab.rebalance_many(table, limits), trimtab.rebalance_many(rows, limits)
    assert type(many.targets) is type(table)
    assert many.accounts == expected.accounts
    good_ones = [row["account"] for row in expected.accounts if row["status"] != "failed"]
    assert len(good_ones) == 4
    for account in good_ones:
        first = many.result(account)
        assert type(first.targets) is type(table)
        assert outcome(first.targets) == outcome(expected.result(account).targets)


def test_one_account_keeps_the_index_of_pandas() -> None:
    frame = pd.DataFrame({"account": [1, 2, 1], "asset": ["A", "A", "B"], "score": 0.8}, index=["x", "y", "z"])
    assert list(trimtab.rebalance_many(frame).result(1).targets.index) == ["x", "z"]


def test_all_accounts_failed() -> None:
    many = trimtab.rebalance_many(
        [{"account": 1, "asset": "A", "score": 5.0}, {"account": 2, "asset": "A", "score": -1.0}]
    )
    assert many.counts == {"failed": 2}
    assert [row["action"] for row in many.targets] == ["failed", "failed"]


def test_an_account_that_is_not_there() -> None:
    many = trimtab.rebalance_many([{"account": "alpha", "asset": "A", "score": 0.8}])
    with pytest.raises(
        InputError, match=r"the account is not in the table \(received 'alhpa'\): did you mean 'alpha'\?"
    ):
        many.result("alhpa")


def test_accounts_of_other_type_are_not_there() -> None:
    many = trimtab.rebalance_many([{"account": 1, "asset": "A", "score": 0.8}])
    with pytest.raises(InputError, match="did you mean '1'"):
        many.result("1")


def test_account_weights_are_summed_by_account() -> None:
    rows = [
        {"account": account, "asset": asset, "score": 0.8, "current_weight": 0.5} for account in "ab" for asset in "XY"
    ]
    assert set(trimtab.rebalance_many(rows).counts) == {"cash_left"}
    rows.append({"account": "b", "asset": "Z", "score": 0.8, "current_weight": 60.0})
    many = trimtab.rebalance_many(rows)
    assert many.counts == {"cash_left": 1, "failed": 1}
    assert (
        many.faults["b"][0]
        .sentence()
        .startswith("account 'b', column 'current_weight': the weights sum to 61, above 1.05")
    )


def test_the_same_asset_in_two_accounts_is_fine_and_twice_in_one_is_not() -> None:
    rows = [{"account": account, "asset": "X", "score": 0.8} for account in "aba"]
    many = trimtab.rebalance_many(rows)
    assert [row["status"] for row in many.accounts] == ["failed", "cash_left"]
    assert many.faults["a"][0].problem == "the asset is in row 1 already"
    assert many.faults["a"][0].row == 3


# ---- on_unmet

UNMET = [{"asset": "A", "score": 0.9, "bucket": "Tech"}]


def test_on_unmet_in_the_door_for_one() -> None:
    assert trimtab.rebalance(UNMET, RebalancingLimits(**ON)).status == "unmet"
    with pytest.raises(
        UnmetLimitError, match=r"^unmet: min_buckets_represented is 1 instead of 2: no candidate from another bucket"
    ):
        trimtab.rebalance(UNMET, RebalancingLimits(**ON, on_unmet="raise"))
    assert (
        trimtab.rebalance(UNMET, RebalancingLimits(**ON, on_unmet="raise", min_buckets_represented=1)).status
        == "cash_left"
    )


def test_the_error_names_the_node() -> None:
    limits = RebalancingLimits(
        **ON, on_unmet="raise", min_buckets_represented=1, buckets={"Tech": {"min_allocation": 0.3}}
    )
    with pytest.raises(
        UnmetLimitError, match=r"min_allocation of Tech is 0\.2 instead of 0\.3: its positions can hold at most 0\.2: A"
    ):
        trimtab.rebalance(UNMET, limits)


def test_on_unmet_in_the_door_for_many() -> None:
    rows = [
        {"account": "poor", **UNMET[0]},
        {"account": "rich", **UNMET[0]},
        {"account": "rich", "asset": "B", "score": 0.9, "bucket": "Bond"},
    ]
    rows.append({"account": "bad", "asset": "B", "score": 9, "bucket": "Bond"})
    reported = trimtab.rebalance_many(rows, RebalancingLimits(**ON))
    assert [row["status"] for row in reported.accounts] == ["unmet", "cash_left", "failed"]
    raised = trimtab.rebalance_many(rows, RebalancingLimits(**ON, on_unmet="raise"))
    assert [row["status"] for row in raised.accounts] == ["failed", "cash_left", "failed"]
    assert raised.accounts[0]["error"].startswith("account 'poor': unmet: min_buckets_represented is 1 instead of 2: ")
    assert raised.accounts[2]["error"].startswith("account 'bad', row 4, column 'score': is above 1")
    assert outcome(raised.result("rich").targets) == outcome(reported.result("rich").targets)
    assert [row["action"] for row in raised.targets] == ["failed", "open", "open", "failed"]
    with pytest.raises(InputError, match="unmet: min_buckets_represented"):
        raised.result("poor")


def test_columns_and_outputs_do_not_meet() -> None:
    assert not set(COLUMNS) & set(OUTPUTS)


@pytest.mark.parametrize("make", [list, pd.DataFrame, pl.DataFrame, pa.Table.from_pylist])
def test_an_unmet_limit_fails_its_account_alone(make: Any) -> None:
    rows = [
        {"account": account, "asset": asset, "score": 0.9, "bucket": bucket}
        for account, asset, bucket in ((1, "A", "Tech"), (1, "B", "Bond"), (2, "A", "Tech"))
    ]
    limits = RebalancingLimits(enable_bucket_diversification=True, on_unmet="raise")
    many = trimtab.rebalance_many(make(rows), limits)
    assert many.counts == {"cash_left": 1, "failed": 1}
    targets = many.targets if isinstance(many.targets, list) else pa.table(many.targets).to_pylist()
    assert [row["action"] for row in targets] == ["open", "open", "failed"]
    assert list(targets[0]) == ["account", "asset", "score", "bucket", *OUTPUTS]


# ---- equality by value


@pytest.mark.parametrize("kind", [np.float64, object])
def test_arrays_are_equal_by_kind_shape_and_value(kind: Any) -> None:
    values = np.array([1.0, math.nan], kind)
    assert is_equal(values, np.array([1.0, math.nan], kind))
    assert not is_equal(values, np.array([2.0, math.nan], kind))
    assert not is_equal(values, np.array([1.0], kind))
    assert not is_equal(values, np.array([[1.0, math.nan]], kind))
    assert not is_equal(values, np.array([1.0, math.nan], np.float32))

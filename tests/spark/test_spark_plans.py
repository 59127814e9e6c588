"""Orders of accounts on Apache Spark: the rows of one machine."""

from __future__ import annotations

import pickle
import random
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from batch_runs import files_of
from command_line import run

import trimtab
from trimtab import InputError, RebalancingLimits, exposures_of
from trimtab.errors import SetupError
from trimtab.kernel.compilation import STAMP
from trimtab.orders.many import order_rules
from trimtab.spark import plan, session, spark_plans
from trimtab.spark.batch_units import on_master

LIMITS = RebalancingLimits(enable_bucket_diversification=True, max_positions_per_bucket=2)
FEES = {"per_order": Decimal("1.5"), "rate": 0.001}


def tables(accounts: int) -> tuple[pa.Table, pa.Table]:
    """Accounts of 12 assets, one of which has a lot that cannot be; one account has no cash, and one no assets."""
    rng = random.Random(8)
    rows = [
        {
            "account": f"P{number:03d}",
            "asset": f"A{index:02d}",
            "bucket": f"B{index % 4}",
            "score": round(rng.random(), 3),
            "shares": float(rng.choice([0, 0, rng.randint(1, 80)])),
            "price": round(rng.uniform(5, 300), 2),
            "lot": 0.0 if number == 3 and index == 5 else 1.0,
        }
        for number in range(accounts)
        for index in range(12)
    ]
    rng.shuffle(rows)
    cash = [{"account": f"P{number:03d}", "cash": Decimal(rng.randint(0, 9000))} for number in range(1, accounts)]
    return pa.Table.from_pylist(rows), pa.Table.from_pylist([*cash, {"account": "Q", "cash": Decimal(5)}])


def check(rows: pa.Table, table: pa.Table, cash: pa.Table) -> None:
    """The three parts are the tables of `plan_many`."""
    ordered = table.sort_by([("account", "ascending"), ("asset", "ascending")])  # as faults count rows
    many = trimtab.plan_many(ordered, LIMITS, accounts=cash, fees=FEES)
    parts = {name: [row for row in rows.to_pylist() if row[name] is not None] for name in spark_plans._PARTS}
    listed = {name: [{"account": row["account"], **row[name]} for row in own] for name, own in parts.items()}
    orders = sorted(listed["order"], key=lambda row: (row["account"], row.pop("place")))
    assert orders == sorted(many.orders.to_pylist(), key=lambda row: row["account"])
    assert len(orders) > len(cash)
    failed = {row["account"]: row["failure"] for row in listed["outcome"] if row["status"] == "failed"}
    assert failed == many.failed
    assert set(failed) == {"P000", "P003", "Q"}
    good = [row for row in listed["outcome"] if row.pop("failure") is None]
    assert sorted(good, key=str) == sorted(many.accounts.to_pylist(), key=str)
    assert sorted(listed["target"], key=str) == sorted(many.targets.to_pylist(), key=str)


def planning(table: pa.Table, **values: Any) -> spark_plans.Planning:
    settings = trimtab.OrderSettings(fees=FEES)
    known = {"stamp": STAMP, "schema": spark_plans._output(table.schema), **values}
    votes = order_rules(table, {None: LIMITS}, settings).limits.votes
    return spark_plans.Planning({None: LIMITS}, votes, settings, None, **known)


def test_a_group_as_a_worker_plans_it() -> None:
    table, cash = tables(12)
    decide = spark_plans._planner(pickle.loads(pickle.dumps(planning(table))))
    check(decide(table, cash), table, cash)


def test_a_group_with_exposures() -> None:
    table, cash = tables(6)
    limits = LIMITS.replace(exposures={"country": {"max_exposure": 0.2}})
    exposures = exposures_of(
        [{"asset": f"A{index:02d}", "scheme": "country", "bucket": "US" if index % 3 else "EU"} for index in range(12)]
    )
    votes = order_rules(table, {None: limits}, trimtab.OrderSettings(), None, exposures).limits.votes
    plans = spark_plans.Planning(
        {None: limits}, votes, trimtab.OrderSettings(), None, STAMP, spark_plans._output(table.schema), exposures
    )
    rows = pickle.loads(pickle.dumps(plans)).planned(table, cash).to_pylist()
    orders = [(row["account"], row["order"]["client_order_id"]) for row in rows if row["order"] is not None]
    many = trimtab.plan_many(table, limits, accounts=cash, exposures=exposures)
    assert sorted(orders) == sorted((row["account"], row["client_order_id"]) for row in many.orders.to_pylist())
    assert len(orders) > 6


def test_a_group_of_cash_alone() -> None:
    table, cash = tables(5)
    (row,) = planning(table).planned(table.slice(0, 0), cash.slice(4)).to_pylist()
    assert (row["account"], row["outcome"]["status"], row["order"]) == ("Q", "failed", None)


def test_a_worker_with_other_rules_does_nothing() -> None:
    table, cash = tables(5)
    with pytest.raises(SetupError, match="the rules of a worker differ from the driver's"):
        planning(table, stamp="other").planned(table, cash)


def test_columns_of_frames_without_a_session() -> None:
    """The columns that are read, those that are missing, and the schema for Spark with the type of `account`."""
    types = pytest.importorskip("pyspark.sql.types")
    kinds = dict.fromkeys(("account", "asset"), types.StringType()) | {"score": types.DoubleType()}
    kinds |= {"shares": types.DoubleType(), "price": types.DoubleType(), "note": types.BinaryType()}
    frame: Any = SimpleNamespace(
        columns=list(kinds), schema=types.StructType([types.StructField(*each) for each in kinds.items()])
    )
    schema = spark_plans._schema_of(frame)
    assert schema.names == ["account", "asset", "score", "shares", "price"]
    assert schema.types == [pa.string(), pa.string(), pa.float64(), pa.float64(), pa.float64()]
    made = spark_plans._spark_schema(frame, spark_plans._output(schema))
    assert made.names == ["account", *spark_plans._PARTS]
    assert made["account"].dataType == types.StringType()
    assert made["target"].dataType.names == list(spark_plans._PARTS["target"])
    cash: Any = SimpleNamespace(columns=["account", "note", "cash"])
    assert spark_plans._cash_columns(cash) == ["account", "cash"]
    with pytest.raises(InputError, match="column 'cash': the column is missing"):
        spark_plans._cash_columns(SimpleNamespace(columns=["account", "csh"]))  # type: ignore[arg-type]


@pytest.mark.thorough
def test_plans_and_a_batch_of_orders_on_spark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both with two executors; the batch has the same bytes as that of one machine."""
    try:
        session.need_installed("pyspark", "pandas")
        session.need_java()
    except SetupError as error:
        pytest.skip(str(error))
    from pyspark.sql import SparkSession

    monkeypatch.chdir(tmp_path)
    table, cash = tables(60)
    pq.write_table(table.sort_by("account"), "rows.parquet")
    pq.write_table(cash, "cash.parquet")
    Path("limits.toml").write_text("max_total_positions = 6\n[gates]\nmax_trading_accounts = 1.0\n")
    master = "local-cluster[2,1,1024]"
    with on_master(master):
        spark = SparkSession.getActiveSession()
        # whole paths: Java may run since an earlier test, in that test's folder
        frame, accounts = (spark.read.parquet(str(tmp_path / name)) for name in ("rows.parquet", "cash.parquet"))
        monkeypatch.setattr("trimtab.spark.spark_frame.GROUP_ROWS", 200)
        plans = plan(frame, LIMITS, accounts=accounts, fees=FEES, fx={"USD": 1})
        plans.rows.write.parquet(str(tmp_path / "plans"))
        assert (plans.orders.count(), plans.accounts.count()) > (60, 60)
        assert plans.targets.columns == ["account", *spark_plans._PARTS["target"]]
        countries = [(f"A{index:02d}", "country", "US") for index in range(12)]
        exposed = LIMITS.replace(exposures={"country": {"max_exposure": 0.1}})
        exposures = spark.createDataFrame(countries, ["asset", "scheme", "bucket"])
        plan(frame, exposed, accounts=accounts, fees=FEES, exposures=exposures).rows.write.parquet(
            str(tmp_path / "exposed")
        )
        with pytest.raises(InputError, match="column 'cash': the column is missing"):
            plan(frame, accounts=accounts.drop("cash"))
        with pytest.raises(InputError, match="column 'price': the column is missing"):
            plan(frame.drop("price"), accounts=accounts)
    check(pq.read_table("plans"), table, cash)
    ids = [row["order"]["client_order_id"] for row in pq.read_table("exposed").to_pylist() if row["order"] is not None]
    listed = [dict(zip(("asset", "scheme", "bucket"), country, strict=True)) for country in countries]
    many = trimtab.plan_many(table, exposed, accounts=cash, fees=FEES, exposures=listed)
    assert sorted(ids) == sorted(many.orders.column("client_order_id").to_pylist())
    options = ("batch", "rows.parquet", "--limits", "limits.toml", "--orders", "--accounts", "cash.parquet")
    options = (*options, "--max-failed", "0.2", "--no-store", "--out")
    assert run(*options, "local").exit_code == 0
    command = [
        sys.executable,
        "-m",
        "trimtab",
        *options,
        "spark",
        "--on",
        master,
    ]  # a process: a session is one for each
    subprocess.run(command, check=True, capture_output=True)
    assert files_of(tmp_path / "spark") == files_of(tmp_path / "local")

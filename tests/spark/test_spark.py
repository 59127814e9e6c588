"""Accounts on Apache Spark: the rows and bits of one machine, with a worker killed in the middle."""

from __future__ import annotations

import os
import pickle
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from batch_runs import SCHEMA, files_of, write_rows
from block_exposures import random_exposed
from cases import Row, random_limits, random_rows
from command_line import run

from trimtab import RebalancingLimits, rebalance_many
from trimtab.batch.atomic_storage import Storage
from trimtab.batch.parquet_sources import find_sources
from trimtab.batch.run import Execute, Job
from trimtab.batch.unit_work import Work
from trimtab.batch.units import Unit
from trimtab.blocks.prepared_limits import votes_of
from trimtab.errors import InputError, LimitsError, SetupError
from trimtab.kernel.compilation import STAMP
from trimtab.spark import batch_units as units, session, spark_frame as frames
from trimtab.spark.spark_frame import rebalance

MASTER = "local-cluster[2,1,1024]"
TEXTS = ("account", "asset", "action", "reason", "size_reason")
SMALL_UNITS = """
from trimtab.batch.run import Job
from trimtab.cli.app import main
Job.__init__.__defaults__ = (None, 100, None, None, None)
main()
"""
WEIGHTS = ("target_weight", "proposed_weight")


@pytest.fixture
def spark_here() -> None:
    """Spark can run; .ci/run sees to it that it can."""
    try:
        session.need_installed("pyspark", "pandas")
        session.need_java()
    except SetupError as error:
        pytest.skip(str(error))


def accounts_of_47(seed: int, count: int) -> list[list[Row]]:
    """Accounts of 47 rows, a number in which no batch of Spark ends; every seventh cannot be rebalanced."""
    rng = random.Random(seed)
    entries = []
    for number in range(count):
        rows = [row for _ in range(9) for row in random_rows(rng)][:47]
        total = max(1.0, sum(row["current_weight"] for row in rows))
        for index, row in enumerate(rows):
            row |= {
                "account": f"P{number:03d}",
                "asset": f"A{index:02d}",
                "current_weight": row["current_weight"] / total,
            }
        if number % 7 == 3:
            rows[5]["score"] = 1.5
        entries.append(rows)
    return entries


def expected(rows: list[Row], limits: RebalancingLimits) -> tuple[list[Row], set[str]]:
    """The targets of good accounts by account and asset, and the failed accounts, as the table door gives them."""
    many = rebalance_many(rows, limits)
    status = {row["account"]: row["status"] for row in many.accounts}
    failed = {account for account, item in status.items() if item == "failed"}
    targets = [
        {
            **{name: row[name] for name in (*TEXTS, "target_weight")},
            "proposed_weight": row["proposed_weight"] if status[row["account"]] == "braked" else None,
        }
        for row in many.targets
        if row["account"] not in failed
    ]
    return sorted(targets, key=lambda row: (row["account"], row["asset"])), failed


def check(frame: pa.Table, rows: list[Row], limits: RebalancingLimits) -> None:
    """One row for each that came in: those of good accounts with the same bits, the others with the reason alone."""
    targets, failed = expected(rows, limits)
    ordered = frame.sort_by([("account", "ascending"), ("asset", "ascending")]).to_pylist()
    good = [row for row in ordered if row["failure"] is None]
    for name in TEXTS:
        assert [row[name] for row in good] == [row[name] for row in targets]
    for name in WEIGHTS:
        assert bits([row[name] for row in good]) == bits([row[name] for row in targets])
    bad = [row for row in ordered if row["failure"] is not None]
    assert [(row["account"], row["asset"]) for row in bad] == sorted(
        (row["account"], row["asset"]) for row in rows if row["account"] in failed
    )
    assert failed
    for row in bad:
        assert row["failure"].startswith(f"account '{row['account']}', row 6, column 'score': ")
        assert {row[name] for name in (*TEXTS[2:], *WEIGHTS)} == {None}


def bits(values: list[float | None]) -> bytes:
    return np.array([np.nan if value is None else value for value in values]).tobytes()


def executors(process: int) -> set[int]:
    """The processes of Spark's executors: those that the Java that this process has started has started."""
    return {int(entry.name) for entry in Path("/proc").glob("[0-9]*") if parent(parent(int(entry.name))) == process}


def parent(process: int) -> int:
    try:
        return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
        return 0


def wait_for(folder: Path, pattern: str, ended: Callable[[], bool]) -> Path:
    """The first file of this name; what should write it must not have ended."""
    while not (outcome := sorted(folder.glob(pattern))):
        assert not ended()
        time.sleep(0.02)
    return outcome[0]


def table_of(rows: list[Row]) -> pa.Table:
    return pa.Table.from_pylist(rows, SCHEMA)


def work_of(folder: Path, rows: list[Row]) -> tuple[Work, Unit]:
    """The work of a batch of one unit, and that unit."""
    place = write_rows(folder / "candidates.parquet", rows, 300)
    votes = votes_of(table_of(rows))
    accounts = len({row["account"] for row in rows})
    return Work(find_sources([place]), {None: RebalancingLimits()}, votes, folder, Storage()), Unit(
        0, 0, len(rows), accounts
    )


@pytest.mark.parametrize("text", [pa.string(), pa.large_string()])
def test_a_group_as_a_worker_decides_it(text: pa.DataType) -> None:
    rows = [row for account in accounts_of_47(3, 20) for row in account]
    limits = random_limits(random.Random(3))
    table = table_of(random.Random(4).sample(rows, len(rows)))
    table = table.set_column(0, "account", table.column("account").cast(text))
    schema = frames._targets_schema(table.schema)
    decide = frames._decider(
        pickle.loads(pickle.dumps(frames._Deciding({None: limits}, votes_of(table), STAMP, schema)))
    )
    block = decide(table)
    assert block.schema == schema
    check(block, rows, limits)


def test_a_group_with_exposures() -> None:
    rows, exposures, limits = random_exposed(2, 6, calm=True)
    table = table_of(rows)
    schema = frames._targets_schema(table.schema)
    deciding = frames._Deciding({None: limits}, votes_of(table), STAMP, schema, frames.exposures_in(exposures))
    decided = frames._decider(pickle.loads(pickle.dumps(deciding)))(table).sort_by("account").to_pylist()
    many = rebalance_many(rows, limits, exposures=exposures).targets
    weights = {(row["account"], row["asset"]): row["target_weight"] for row in many}
    assert {(row["account"], row["asset"]): row["target_weight"] for row in decided} == weights
    assert frames.exposures_in(None) is None


def test_units_as_a_worker_does_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [row for account in accounts_of_47(5, 20) for row in account]
    work, unit = work_of(Path(), rows)
    elsewhere = units._with_absolute_paths(work)
    monkeypatch.chdir("/")
    (record,) = units.finished(pickle.loads(pickle.dumps(elsewhere)), STAMP, [unit])
    targets, failed = expected(rows, RebalancingLimits())
    assert {account for account, _ in record.failed} == failed
    assert pq.read_table(tmp_path / "part-00000.parquet").num_rows == len(targets) == record.targets
    remote = replace(work.sources.files[0], path="s3://bucket/candidates.parquet")
    work = replace(work, sources=replace(work.sources, files=(remote,)))
    assert units._with_absolute_paths(work).sources.files == (remote,)


def test_a_worker_with_other_rules_does_nothing(tmp_path: Path) -> None:
    work, unit = work_of(tmp_path, accounts_of_47(6, 1)[0])
    schema = frames._targets_schema(SCHEMA)
    with pytest.raises(SetupError, match="install the same version of trimtab on both"):
        list(units.finished(work, "other", [unit]))
    with pytest.raises(SetupError, match="the rules of a worker differ from the driver's"):
        frames._Deciding(work.limits, work.votes, "other", schema).decided(table_of(accounts_of_47(6, 1)[0]))
    assert [file.name for file in tmp_path.iterdir()] == ["candidates.parquet"]


def test_what_a_worker_said_is_found_among_the_words_of_spark() -> None:
    words = """
An exception was thrown from the Python worker:
Traceback (most recent call last):
  File "x.py", line 7, in open
FileNotFoundError: [Errno 2] x
During handling of the above exception, another exception occurred:
{}
org.apache.spark.SparkError: Job aborted
"""
    assert (
        session.reason_in(words.format("trimtab.errors.InputError: x: there is no such file"))
        == "InputError: x: there is no such file"
    )
    assert (
        session.reason_in(words.format("ModuleNotFoundError: No module named 'trimtab'"))
        == "ModuleNotFoundError: No module named 'trimtab'"
    )
    stopped = "An error occurred while calling x\n: java.lang.IllegalStateException: Cannot call y\n\tat z\n"
    assert session.reason_in(stopped) == "Cannot call y"
    assert session.reason_in("\nJob aborted: executor lost\n\tat x") == "Job aborted: executor lost"


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "pyspark" else name)
    with pytest.raises(SetupError, match=r"pyspark is not installed: pip install 'trimtab\[spark\]'"):
        rebalance(table_of([]), RebalancingLimits())
    result = run("batch", "x.parquet", "--preset", "conservative", "--out", "o", "--on", MASTER)
    assert (result.exit_code, result.stdout) == (3, "")
    assert "pyspark is not installed" in result.stderr


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # pyspark's, where Spark does not begin
def test_no_frame_no_java_no_master(spark_here: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SetupError, match=r"not a Spark frame but pyarrow.lib.Table: trimtab.rebalance_many takes"):
        rebalance(table_of([]), RebalancingLimits())
    for master in ("local", "local[*]", "local[2]"):
        with pytest.raises(SetupError, match="Spark retries nothing on 'local"), session.session(master):
            pass
    for master, words in (("nonsense", "see its messages above"), ("local-cluster[2]", ".*Could not parse Master URL")):
        with (
            pytest.raises(SetupError, match=rf"Spark does not start on '{re.escape(master)}' \({words}"),
            session.session(master),
        ):
            pass
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(SetupError, match="Java, which Spark runs on, is missing"), session.session(MASTER):
        pass


@pytest.mark.thorough
def test_a_frame_in_any_order_and_an_executor_killed(
    tmp_path: Path, spark_here: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pyspark.sql import SparkSession

    rng = random.Random(47)
    limits = random_limits(rng, brake_sold_weight=0.5)
    rows = [row for account in accounts_of_47(1, 40) for row in account]
    expected(rows, limits)
    rng.shuffle(rows)
    place = write_rows(tmp_path / "candidates.parquet", rows, 300)
    seen, killed = tmp_path / "seen", tmp_path / "killed"
    seen.mkdir()

    def watched(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Every task waits after its first batch until an executor was killed, and says on which it runs."""
        for batche in batches:
            yield batche
            above = Path(f"/proc/{os.getppid()}/stat").read_text().rpartition(")")[2].split()[1]
            (seen / above).touch()
            while not killed.exists():
                time.sleep(0.02)

    monkeypatch.setattr(frames, "GROUP_ROWS", 300)
    with units.on_master(MASTER) as execute:
        spark = SparkSession.getActiveSession()
        for name, value in {
            "spark.sql.execution.arrow.maxRecordsPerBatch": 100,
            "spark.sql.shuffle.partitions": 4,
            "spark.sql.adaptive.coalescePartitions.enabled": False,
        }.items():
            spark.conf.set(name, value)
        result = rebalance(spark.read.parquet(place), limits)
        with ThreadPoolExecutor(1) as pool:
            job = pool.submit(result.mapInArrow(watched, result.schema).write.parquet, str(tmp_path / "out"))
            try:
                first = int(wait_for(seen, "*", job.done).name)
                assert first in executors(os.getpid())
                os.kill(first, signal.SIGKILL)
            finally:
                killed.touch()
            job.result()
        assert first not in executors(os.getpid())
        with (
            pytest.raises(SetupError, match=r"already has a Spark session, on 'local-cluster\[2,1,1024\]'"),
            session.session("yarn"),
        ):
            pass
        check_refusals(spark)
        check_a_failing_worker(execute, tmp_path)
    check(pq.read_table(tmp_path / "out"), rows, limits)


def check_refusals(spark: Any) -> None:
    """What is wrong with a frame is said at once, before a job for it runs."""
    good = {"account": "A", "asset": "X", "score": 0.9, "limits_id": "one"}
    many = {"one": RebalancingLimits()}
    bucketed = RebalancingLimits(enable_bucket_diversification=True, buckets={"Tec": {"max_positions": 1}})
    cases: list[tuple[list[Row], Any, type[Exception], str]] = [
        ([{**good, "scor": 1.0}], RebalancingLimits(), InputError, "appears twice"),
        (
            [{"account": "A", "asset": "X", "score": "high"}],
            RebalancingLimits(),
            InputError,
            "is not a number but string",
        ),
        ([{"account": "A", "asset": "X"}], RebalancingLimits(), InputError, "column 'score': the column is missing"),
        ([good, {**good, "account": None}], RebalancingLimits(), InputError, "the account is missing in 1 of 2 rows"),
        ([{"account": "A", "asset": "X", "score": 0.9}], many, InputError, "'limits_id': the column is missing"),
        ([good], {}, LimitsError, "no limits are given"),
        ([{**good, "bucket": "Tech"}], bucketed, LimitsError, "did you mean 'Tech'"),
    ]
    for rows, limits, kind, sentence in cases:
        frame = spark.createDataFrame(pa.Table.from_pylist(rows))
        if "scor" in frame.columns:
            frame = frame.withColumnRenamed("scor", "score")
        with pytest.raises(kind, match=sentence):
            rebalance(frame, limits)
    nothing = spark.createDataFrame(pa.Table.from_pylist([good])).where("score > 1")
    with pytest.raises(InputError, match="there are no candidates"):
        rebalance(nothing, RebalancingLimits())
    result = rebalance(
        spark.createDataFrame(pa.Table.from_pylist([good, {**good, "account": "B", "limits_id": "on"}])), many
    )
    assert result.columns == ["account", *frames._OUTPUTS]
    assert [row["failure"] for row in result.sort("account").collect()] == [
        None,
        "account 'B', column 'limits_id': no such limits (received 'on'): did you mean 'one'?",
    ]


def check_a_failing_worker(execute: Execute, folder: Path) -> None:
    """What a worker said comes back, after as many tries as Spark makes."""
    work, unit = work_of(folder, accounts_of_47(6, 1)[0])
    (record,) = execute(work, [unit])
    assert record.unit == unit
    (folder / "candidates.parquet").unlink()
    with pytest.raises(SetupError, match=r"Spark gave up \(InputError: .*candidates\.parquet: there is no such file"):
        list(execute(work, [unit]))


@pytest.mark.thorough
@pytest.mark.usefixtures("spark_here")
def test_a_batch_on_spark_and_an_executor_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command itself, with small units. The folder has the same bytes as that of one machine, whoever was killed."""
    rows = [row for account in accounts_of_47(2, 60) for row in account]
    write_rows(tmp_path / "candidates.parquet", rows, 300)
    (tmp_path / "limits.toml").write_text("max_total_positions = 5\n")
    monkeypatch.setattr(Job.__init__, "__defaults__", (None, 100, None, None, None))
    monkeypatch.chdir(tmp_path)  # the workers run elsewhere
    options = ("batch", "candidates.parquet", "--limits", "limits.toml", "--max-failed", "0.2", "--out")
    assert run(*options, "local").exit_code == 0
    command = [sys.executable, "-c", SMALL_UNITS, *options, "spark", "--on", MASTER]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as job:
        wait_for(tmp_path / "spark" / ".unpublished", "part-*.json", lambda: job.poll() is not None)
        os.kill(min(executors(job.pid)), signal.SIGKILL)
        _, said = job.communicate()
    assert job.returncode == 0, said
    assert "published: spark" in said
    assert files_of(tmp_path / "spark") == files_of(tmp_path / "local")

"""Accounts on Spark's own small cluster against one thread, and three ways to hand whole accounts to the block function.

python benchmarks/spark.py [--accounts 100000] [--seed 1] [--master local-cluster[2,1,1024]] [--runs 3] [--ways]

one thread: Parquet read, decided block by block, written. frame: `trimtab.spark.rebalance`, Parquet to Parquet, without and
with the pass over the buckets. units: what `trimtab batch --on` hands to Spark's workers. The first run of each is not
counted: workers start, and load the compiled rules. All must give the same rows with the same bits.

--ways: groups of accounts by hash (chosen); partitions sorted by account, with what is left of a batch carried to the next
(`mapInArrow`); and a group for each account, of a tenth of the accounts.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from make_accounts import make

from trimtab import RebalancingLimits
from trimtab.batch.atomic_storage import Storage
from trimtab.batch.parquet_sources import find_sources
from trimtab.batch.unit_work import Work
from trimtab.batch.units import survey, units_of
from trimtab.blocks.decide_block import decide_block
from trimtab.blocks.prepared_limits import PreparedLimits
from trimtab.kernel.compilation import STAMP
from trimtab.spark import spark_frame as frames
from trimtab.spark.batch_units import on_spark
from trimtab.spark.session import session

CANDIDATES = 47
ORDER = [("account", "ascending"), ("asset", "ascending")]


def timed(name: str, runs: int, call: Callable[[], Any]) -> None:
    """Print the median of so many runs, after one that is not counted."""
    seconds = []
    for _ in range(runs + 1):
        began = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - began)
    counted = sorted(seconds[1:])
    print(
        f"{name}: median {statistics.median(counted):.1f} s of {runs} ({counted[0]:.1f} to {counted[-1]:.1f}), the first {seconds[0]:.1f} s",
        flush=True,
    )


def emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def tails(deciding: frames._Deciding) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """The way not chosen: batches of a sorted partition, cut where the last account begins."""

    def decide(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        held: list[pa.RecordBatch] = []
        for batch in batches:
            held.append(batch)
            if sum(entry.num_rows for entry in held) >= frames.GROUP_ROWS:
                table = pa.Table.from_batches(held)
                last = table.column("account")[-1]
                whole = table.num_rows - pc.sum(pc.equal(table.column("account"), last)).as_py()
                if whole:
                    yield from deciding.decided(table.slice(0, whole)).to_batches()
                held = table.slice(whole).to_batches()
        if held:
            yield from deciding.decided(pa.Table.from_batches(held)).to_batches()

    return decide


def compare_ways(frame: Any, limits: RebalancingLimits, votes: dict[str, float], out: Path, runs: int) -> None:
    """Three ways, each to Parquet."""
    targets = frames.rebalance(frame, limits)
    deciding = frames._Deciding({None: limits}, votes, STAMP, frames._targets_schema(frames._schema_of(frame)))
    ordered = frame.repartition("account").sortWithinPartitions("account", "asset")
    few = frame.where(f"account < 'P{int(frame.count() / CANDIDATES / 10):08d}'")
    ways = {
        "groups of accounts": targets,
        "sorted partitions, tails carried": ordered.mapInArrow(tails(deciding), targets.schema),
        "a group for each account, a tenth": few.groupBy("account").applyInArrow(
            frames._decider(deciding), targets.schema
        ),
    }
    for name, item in ways.items():
        timed(name, runs, lambda row=item: row.write.mode("overwrite").parquet(str(out)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accounts", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--master", default="local-cluster[2,1,1024]")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--ways", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, session(options.master) as spark:
        folder = Path(name)
        place = folder / "candidates.parquet"
        make(place, options.accounts, CANDIDATES, options.accounts // 10_000, options.seed)
        limits = RebalancingLimits.from_toml(folder / "limits.toml")
        sources = find_sources([str(place)])
        survey_of_rows = survey(sources, 2)
        votes, units = dict(survey_of_rows.names), units_of(survey_of_rows, sources.rows)
        frame = spark.read.parquet(str(place))
        if options.ways:
            compare_ways(frame, limits, votes, folder / "ways", options.runs)
            return

        def one_thread() -> None:
            work = Work(sources, {None: limits}, votes, emptied(folder / "thread"), Storage())
            rows = work.rows()
            for unit in units:
                work.finish(unit, rows.of(unit))

        def on_workers() -> None:
            work = Work(sources, {None: limits}, votes, emptied(folder / "units"), Storage())
            list(on_spark(spark)(work, units))

        lazy = frames.rebalance(frame, limits)
        print(f"{options.accounts} accounts x {CANDIDATES} rows, {len(units)} units, {options.master}")
        timed("one thread", options.runs, one_thread)
        timed("frame, targets alone", options.runs, lambda: lazy.write.mode("overwrite").parquet(str(folder / "frame")))
        timed(
            "frame, with the pass over buckets",
            options.runs,
            lambda: frames.rebalance(frame, limits).write.mode("overwrite").parquet(str(folder / "frame")),
        )
        timed("units", options.runs, on_workers)
        check(folder, decide_block(pq.read_table(place), PreparedLimits({None: limits}, votes)).targets)


def check(folder: Path, block: pa.Table) -> None:
    """Every way gave the rows of one block, bit by bit."""
    plain = pa.schema([(name, pa.float64() if name.endswith("weight") else pa.string()) for name in block.schema.names])
    expected = block.cast(plain).sort_by(ORDER)
    frame = pq.read_table(folder / "frame")
    kept = frame.filter(pc.is_null(frame.column("failure"))).drop_columns("failure")
    for name, table in {
        "frame": kept,
        "thread": pq.read_table(sorted((folder / "thread").glob("*.parquet"))),
        "units": pq.read_table(sorted((folder / "units").glob("*.parquet"))),
    }.items():
        if not table.cast(plain).sort_by(ORDER).equals(expected):
            raise SystemExit(f"{name} differs from the block")
    print(
        f"all alike: {expected.num_rows} rows with the same bits, {frame.num_rows - kept.num_rows} rows of failed accounts"
    )


if __name__ == "__main__":
    main()

"""How long does a user wait? The table door after warm-up, the import, and `trimtab demo` warm and cold.

python benchmarks/door.py [--cold] [--plans]

`rebalance` is measured to the finished targets, status and certificate. `--cold` also runs the demo with an empty cache
for the compiled rules, as on the very first day. `--plans` measures only `plan()`, its explanations and `trimtab --help`, in
time of the processor.
"""

from __future__ import annotations

import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

import harness
import pandas as pd
import polars as pl
import pyarrow as pa

import trimtab

SECTORS = [f"Sector{number:02d}" for number in range(11)]
LIMITS = trimtab.RebalancingLimits(
    enable_bucket_diversification=True, max_positions_per_bucket=2, max_allocation_per_bucket=0.25
)


def candidates(size: int) -> list[dict[str, Any]]:
    rng = random.Random(1)
    return [
        {
            "asset": f"A{number:05d}",
            "bucket": f"{rng.choice(SECTORS)}/Industry{rng.randrange(4)}",
            "score": rng.random(),
            "current_weight": 0.1 if number < 9 else 0.0,
        }
        for number in range(size)
    ]


def whole(table: Any) -> object:
    result = trimtab.rebalance(table, LIMITS)
    return result.targets, result.status, result.certificate


def process(*command: str, runs: int = 5, **environment: str) -> float:
    """The median time of a whole process in seconds."""
    options = {**os.environ, **environment}
    return statistics.median(
        harness.seconds(lambda: subprocess.run(command, check=True, capture_output=True, env=options), runs)
    )


def plans() -> None:
    """The time of the processor that a plan of 50 rows takes, and one explanation of it."""
    rng = random.Random(1)
    rows = [
        {
            "asset": f"A{number:02d}",
            "bucket": f"B{number % 7}",
            "score": round(rng.random(), 3),
            "shares": rng.choice([0, 0, rng.randint(1, 60)]),
            "price": round(rng.uniform(5, 400), 2),
        }
        for number in range(50)
    ]
    limits = trimtab.RebalancingLimits(enable_bucket_diversification=True)
    clock = time.process_time
    times = harness.seconds(lambda: trimtab.plan(rows, limits, cash=20_000), 300, warm_up=3, clock=clock)
    print(f"plan() of 50 rows, list of dicts, processor: {harness.spread(times)}, budget 3 ms")
    made = trimtab.plan(rows, limits, cash=20_000)
    times = harness.seconds(lambda: [made.explain(row["asset"]) for row in rows], 3, warm_up=1, clock=clock)
    print(f"explain() of each of the 50, processor: {harness.spread(times)}")
    times = []
    for _ in range(7):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "trimtab", "--help"], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    print(f"trimtab --help, processor: {harness.spread(times)}")


def main() -> None:
    options = harness.options(__doc__, cold=False, plans=False)
    plans()
    if options.plans:
        return
    for size, budget in ((50, 2.0), (5000, 15.0)):
        rows = candidates(size)
        tables = {
            "pandas": pd.DataFrame(rows),
            "polars": pl.DataFrame(rows),
            "pyarrow": pa.Table.from_pylist(rows),
            "list of dicts": rows,
        }
        for name, table in tables.items():
            times = harness.seconds(lambda table=table: whole(table), 60 if size == 50 else 20, warm_up=3)
            print(f"rebalance() of {size} rows, {name}: {harness.spread(times)}, budget {budget:g} ms")
    empty = process(sys.executable, "-c", "pass", runs=11)
    imported = process(sys.executable, "-c", "import trimtab", runs=11)
    print(f"import trimtab: {imported - empty:.3f} s (a process with it less one without), budget 0.15 s")
    command = (sys.executable, "-m", "trimtab", "demo")
    process(*command, runs=1)
    print(f"trimtab demo, warm: median {process(*command):.2f} s, budget 1.5 s")
    if options.cold:
        with tempfile.TemporaryDirectory() as folder:
            first = process(*command, runs=1, NUMBA_CACHE_DIR=folder)
        print(f"trimtab demo, the first time on a machine: {first:.1f} s")


if __name__ == "__main__":
    main()

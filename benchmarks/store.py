"""The store of runs: how large and how fast a stored plan is, and how long listing and verifying take.

python benchmarks/store.py [--plans 200] [--runs 100000] [--candidates 50]

Plans are decided and stored one by one, each with a commit that reaches the disk. Then a store is filled with as many runs,
each with the contents of a plan of its own, in one transaction for many, and is listed and verified. The figures of the disk
(a write and a sync) are printed beside them.
"""

from __future__ import annotations

import os
import random
import statistics
import tempfile
import time
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
from harness import options, seconds, spread
from stored_runs import LIMITS, STAMP, VERSION

from trimtab.limits.order_settings import OrderSettings
from trimtab.store import sql_store
from trimtab.store.plan_inputs import PlanInputs
from trimtab.store.plan_runs import store_plan
from trimtab.store.record import Record, chained, digest_of
from trimtab.store.replay import replay
from trimtab.store.sql_store import SqlStore
from trimtab.store.verification import verify

_AT_ONCE = 1_000


def inputs(seed: int, candidates: int) -> PlanInputs:
    draw = random.Random(seed)
    rows = [
        {
            "asset": f"A{number:03}",
            "bucket": f"Equity/S{number % 8}",
            "score": round(draw.random(), 4),
            "shares": float(draw.choice([0, draw.randrange(1, 200)])),
            "price": round(draw.uniform(5, 300), 2),
        }
        for number in range(candidates)
    ]
    return PlanInputs(pa.Table.from_pylist(rows), LIMITS, OrderSettings(), Decimal(10_000 + seed))


def plans(folder: Path, count: int, candidates: int) -> Record:
    """Store plans one by one; the last of them."""
    store, times, cpu, records = SqlStore(str(folder / "plans.db")), [], [], []
    for seed in range(count):
        plan_inputs = inputs(seed, candidates)
        made = plan_inputs.decide()
        began, cpu_began = time.perf_counter(), time.process_time()
        records.append(store_plan(store, plan_inputs, made, STAMP))
        times.append(time.perf_counter() - began)
        cpu.append(time.process_time() - cpu_began)
    print(f"storing a plan of {candidates} candidates: {spread(times[1:])}; CPU time: {spread(cpu[1:])}")
    same = sum(replay(store, record, VERSION).is_same for record in records)
    print(f"replayed to the same bytes: {same} of {count}")
    store.close()
    size = (folder / "plans.db").stat().st_size
    print(f"in the store: {size / count / 1000:.1f} kB for each of {count} plans")
    return records[-1]


def sync_time(folder: Path) -> float:
    """The median time of a write of 4 kB that reaches the disk."""
    with (folder / "probe").open("wb") as probe:

        def once() -> None:
            probe.write(os.urandom(4096))
            probe.flush()
            os.fsync(probe.fileno())

        return statistics.median(seconds(once, 50, 3))


def fill(store: SqlStore, template: Record, contents: dict[str, bytes], count: int) -> None:
    """Runs with contents of their own: those of a plan, with the number of the run in each."""
    for begin in range(0, count, _AT_ONCE):
        with store._writing() as (connection, before):
            head = before
            for number in range(begin, min(begin + _AT_ONCE, count)):
                own = {name: content + f"{number}".encode() for name, content in contents.items()}
                draft = STAMP.draft(
                    template.kind,
                    account=f"P{number % 1000}",
                    limits_hash=template.limits_hash,
                    inputs_hash=template.inputs_hash,
                    body=template.values,
                    contents=own,
                )
                record = chained(draft, head)
                sql_store._insert(connection, record, {digest_of(content): content for content in own.values()})
                head = sql_store.Head(record.sequence, record.hash)


def main() -> None:
    arguments = options(__doc__, plans=200, runs=100_000, candidates=50)
    with tempfile.TemporaryDirectory(dir=os.environ.get("TRIMTAB_BENCH")) as name:
        folder = Path(name)
        template = plans(folder, arguments.plans, arguments.candidates)
        print(f"the disk: {1e3 * sync_time(folder):.2f} ms for a write of 4 kB and a sync")
        small = SqlStore(str(folder / "plans.db"))
        contents = {name: small.content(template, name) for name in template.digests}
        small.close()
        store = SqlStore(str(folder / "many.db"))
        began = time.perf_counter()
        fill(store, template, contents, arguments.runs)
        print(
            f"filled with {arguments.runs} runs in {time.perf_counter() - began:.0f} s, {(folder / 'many.db').stat().st_size / 1e9:.2f} GB"
        )
        count = arguments.runs
        for what, listing in (
            (f"the newest 20 of {count} runs", lambda: store.listing(newest=20)),
            (f"all {count} runs", store.listing),
            (f"all {count} runs as an Arrow table", lambda: store.listing().to_arrow()),
        ):
            times, cpu_times = seconds(listing, 5, 1), seconds(listing, 5, 1, time.process_time)
            print(f"listing {what}: {spread(times)}; CPU time: {spread(cpu_times)}")
        began, cpu = time.perf_counter(), time.process_time()
        outcome = verify(store)
        took = f"{time.perf_counter() - began:.1f} s, of which {time.process_time() - cpu:.1f} s are CPU time"
        print(f"verified: {outcome.head.sequence} runs, {outcome.contents} contents, sound: {outcome.is_sound}, {took}")
        store.close()


if __name__ == "__main__":
    main()

"""Exposures: the optimum, the twin, that nothing changes without them, compliance, explanations, concentration, speed.

python benchmarks/exposures.py [--kkt 20000] [--conic 2000] [--proven 300] [--twin 4000] [--issuers 4000] [--same 20000]
    [--concentration 500] [--explained 10000] [--accounts 1000000] [--speed 2000] [--batch 20000] [--seed 1] [--log FILE] [--stop 0]

Prints a line for each question; a part with 0 cases is left out. Cases are drawn block by block, each with its own seed. With
`--log` a line is kept for each block, and a second run continues after them; `--stop` is the number of minutes
after which no block begins.
"""

from __future__ import annotations

import json
import random
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import harness
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from compliance import ROWS, measured, random_block, random_limits
from concentration_search import concentrated_values
from make_accounts import ASSETS, make

from trimtab import RebalancingLimits, plan_many, rebalance, rebalance_many
from trimtab.batch.atomic_storage import Storage
from trimtab.batch.publish_gates import PublishGates
from trimtab.batch.run import Job, PublishConditions, on_threads, run_batch
from trimtab.candidates.read import read
from trimtab.certificate.certificate import BROKEN, STATUSES
from trimtab.errors import LimitsError
from trimtab.reasons import SizeReason
from trimtab.rebalancing.decide import decide
from trimtab.rebalancing.decided_pass import Pass

from exact_projection import proven_optimum  # isort: skip
from exposure_cases import random_exposure_limits, random_exposures  # isort: skip
from exposure_runs import kernel_weights, random_case, random_concentration, twin_differences  # isort: skip
from kernel_runs import run  # isort: skip
from naive_projection import kkt_residual  # isort: skip
from projection_problems import conic_weights, random_projection  # isort: skip

Counts = dict[str, float]  # of a block; those that begin with "largest" are maxima, the others are sums


def kkt(seeds: range) -> Counts:
    """The conditions of the optimum, on problems with rows given twice, zero caps, exact caps, conflicting minima."""
    problems = [random_projection(random.Random(seed)) for seed in seeds]
    residuals = [kkt_residual(problem, kernel_weights(problem)) for problem in problems]
    return {"problems": len(residuals), "largest KKT residual": max(residuals)}


def conic(seeds: range) -> Counts:
    """The distance to a conic solver."""
    problems = [random_projection(random.Random(seed)) for seed in seeds]
    distances = [float(np.abs(kernel_weights(problem) - conic_weights(problem)).max()) for problem in problems]
    return {"problems": len(distances), "largest distance to Clarabel": max(distances)}


def proven(seeds: range) -> Counts:
    """The distance to optima that tolls in fractions prove."""
    distances = []
    for seed in seeds:
        problem = random_projection(random.Random(seed), 8, 8, grid=True)
        weights = kernel_weights(problem)
        exact = proven_optimum(problem, weights)
        distances.append(max(abs(float(value) - weight) for value, weight in zip(exact, weights, strict=True)))
    return {"optima proven in fractions": len(distances), "largest distance to them": max(distances)}


def twin(seeds: range) -> Counts:
    """Whole accounts against the twin."""
    cases = [case for case in map(random_case, seeds) if case is not None]
    return {"accounts": len(cases), "decided otherwise": sum(bool(twin_differences(case)) for case in cases)}


def issuers(seeds: range) -> Counts:
    """Whole accounts with limited issuers against the twin."""
    cases = [case for case in map(random_concentration, seeds) if case is not None]
    return {"accounts": len(cases), "decided otherwise": sum(bool(twin_differences(*case)) for case in cases)}


def same(seeds: range) -> Counts:
    """The bytes of the answer without exposures, and with limits that no account reaches."""
    counts: Counter[str] = Counter()
    for case in map(random_case, seeds):
        if case is None or sum(row["current_weight"] for row in case[0]) > 1.0:
            continue
        rows, limits, exposures, own = case
        loose = limits.replace(exposures={scheme: {"max_exposure": 1.0} for scheme in own})
        answers = [run(rows, limits).answer, run(rows, loose, exposures=exposures).answer]
        counts["with other bits"] += answers[0].tobytes() != answers[1].tobytes()
        counts["accounts"] += 1
    return dict(counts)


def explained(seeds: range) -> Counts:
    """Each full row that an explanation names, and each weight without it, from a fresh run."""
    counts: Counter[str] = Counter()
    for case in map(random_case, seeds):
        if case is None:
            continue
        rows, limits, exposures, own = case
        result = rebalance(rows, limits.replace(exposures=own), exposures=exposures)
        counts["accounts"] += 1
        for row in result.targets:
            if row["size_reason"] != "capped_exposure":
                continue
            held = result.explain(row["asset"]).held_by
            if held is None or held.limit != "max_exposure":
                continue
            scheme, path = held.node.split(":", 1)
            buckets = {**own[scheme].get("buckets", {})}
            buckets[path] = {**buckets.get(path, {}), "max_exposure": 1.0}
            lifted = {**own, scheme: {**own[scheme], "buckets": buckets}}
            fresh = rebalance(rows, limits.replace(exposures=lifted), exposures=exposures)
            weight = next(other["target_weight"] for other in fresh.targets if other["asset"] == row["asset"])
            counts["claims"] += 1
            counts["wrong"] += abs(weight - held.weight_without) > 1e-12
    return dict(counts)


def concentration(seeds: range) -> Counts:
    """Sets of large issuers against branch and bound."""
    counts: Counter[str] = Counter()
    gaps = [0.0]
    for seed in seeds:
        value, best, nodes = concentrated_values(random.Random(seed))
        counts["sets"] += 1
        counts["programs solved"] += max(nodes, 0)
        counts["not finished"] += nodes < 0
        counts["equal"] += nodes > 0 and value <= best + 2e-11 * abs(best)
        gaps.append((value - best) / abs(best))
    return {**counts, "largest relative gap": max(gaps)}


def limited(rng: random.Random) -> tuple[RebalancingLimits, list[dict[str, Any]]]:
    """Limits that bite, of buckets and of exposures, and the exposures."""
    while True:
        exposures = random_exposures(rng, [{"asset": f"A{number:02d}"} for number in range(ROWS)])
        try:
            limits = random_limits(rng)
            own = random_exposure_limits(rng, exposures)
            return limits.replace(exposures=own), exposures
        except LimitsError:
            continue


def accounts(seeds: range) -> Counts:
    """Broken limits, reasons, and results that trade again when they are fed back; one block of accounts."""
    counts: Counter[str] = Counter({"accounts": len(seeds)})
    began = time.process_time()
    (limits, exposures), table = (
        limited(random.Random(seeds.start)),
        random_block(np.random.default_rng(seeds.start), len(seeds)),
    )
    passed = rebalance_many(table, limits, exposures=exposures)._pass
    counts["failed"] += len(passed.candidates.faults)
    for member in SizeReason:
        rows = passed.decided["size_reason"] == member
        if member:
            counts[f"reason {member.code}"] += len(np.unique(passed.candidates.account_of[rows]))
    for check in measured(passed):
        concerned = np.ones(len(seeds), np.bool_) if check.concerns is None else check.concerns
        counts["limits measured"] += int(concerned.sum())
        counts["limits broken"] += int((concerned & (check.status == BROKEN)).sum())
        if check.name in ("max_exposure", "min_exposure"):
            for status, name in enumerate(STATUSES):
                counts[f"exposures {name}"] += int((concerned & (check.status == status)).sum())
    counts["fed back"], counts["fed back, trading"] = trades_again(table, limits, exposures, passed)
    return {**counts, "CPU seconds": time.process_time() - began}


def trades_again(
    table: pa.Table, limits: RebalancingLimits, exposures: list[dict[str, Any]], passed: Pass
) -> tuple[int, int]:
    """Of the accounts that section 6 promises it for: how many there are, and how many trade what they were given."""
    decided, candidates, size = passed.decided, passed.candidates, len(passed.candidates.accounts)

    def per_account(rows: Any) -> Any:
        return np.bincount(candidates.account_of[rows], minlength=size)

    target, current = decided["target"], candidates.current_weight
    entered = decided["selected"] & (target > 0) & ((current <= 0) | (current < limits.dust_weight))
    odd = (decided["selected"] & (target < max(limits.dust_weight, 1e-300))) | (candidates.restriction > 0)
    odd |= candidates.tree.nodes["closed"][candidates.leaf]  # may not be bought either
    odd |= np.isnan(candidates.score) | (np.isnan(candidates.desired_weight) & (limits.sizing_column is not None))
    promised = (per_account(odd) == 0) & (per_account(entered) < limits.max_new_positions) & ~passed.braked
    if not promised.any():
        return 0, 0
    keep = promised[candidates.account_of]
    place = table.column_names.index("current_weight")
    fed = table.set_column(place, "current_weight", pa.array(target)).filter(pa.array(keep))
    after = rebalance_many(fed, limits, exposures=exposures)._pass
    moved = after.decided["target"] != after.candidates.current_weight
    return int(promised.sum()), len(np.unique(after.candidates.account_of[moved]))


def speed(count: int, seed: int) -> None:
    """The time of the kernel for 20 assets and 30 rows, and that of many accounts with three schemes and without."""
    rng = random.Random(seed)
    names = [f"A{number:02d}" for number in range(20)]
    schemes = ("country", "currency", "sector")
    exposures = [
        {"asset": name, "scheme": scheme, "bucket": f"B{bucket}", "fraction": 0.5}
        for name in names
        for scheme in schemes
        for bucket in rng.sample(range(10), 2)
    ]
    limits = RebalancingLimits(max_total_positions=20, max_new_positions=20, max_position_weight=0.1)
    own = {scheme: {"max_exposure": 0.12, "unknown": "free"} for scheme in schemes}
    within = limits.replace(exposures=own)
    rows = [
        {"account": number, "asset": name, "score": 0.7 + 0.3 * rng.random(), "current_weight": 0.04 * rng.random()}
        for number in range(count)
        for name in names
    ]
    for title, one_limits, table in (("without", limits, None), ("with 3 schemes", within, exposures)):
        candidates = read(rows, one_limits, many=True, exposures=table)
        times = harness.seconds(lambda c=candidates, lim=one_limits: decide(c, lim), 5, 1, time.process_time)
        print(f"speed: {title}: {statistics.median(times) / count * 1e6:.2f} us of CPU an account in the kernel")
    columns = pa.Table.from_pylist(rows)
    works = [
        lambda lim=one_limits, table=table: rebalance_many(columns, lim, exposures=table)
        for one_limits, table in ((limits, None), (within, exposures))
    ]
    pairs = harness.in_turn(works[1], works[0], 5, time.process_time)
    print(f"speed: rebalance_many with 3 schemes takes {statistics.median(a / b for a, b in pairs):.2f} times as long")
    shares = [int(row["current_weight"] * 2500) for row in rows]
    held = columns.drop_columns(["current_weight"]).append_column("shares", pa.array(shares))
    held = held.append_column("price", pa.array([40.0] * len(rows)))
    cash = [{"account": number, "cash": 50_000} for number in range(count)]
    plans = [
        lambda lim=one_limits, table=table: plan_many(held, lim, accounts=cash, exposures=table)
        for one_limits, table in ((limits, None), (within, exposures))
    ]
    pairs = harness.in_turn(plans[1], plans[0], 5, time.process_time)
    counts = plans[1]().counts
    print(f"speed: plan_many with 3 schemes takes {statistics.median(a / b for a, b in pairs):.2f} times as long,")
    print(f"  {statistics.median(a for a, _ in pairs) / count * 1e6:.0f} us of CPU an account; {counts.orders} orders,")
    print(f"  {counts.plans_checked} of {counts.accounts} plans left to the checker, {counts.failed} failed")


def batch(count: int, seed: int) -> None:
    """The CPU time of a whole batch, from Parquet to a published folder, with exposures of three schemes and without."""
    rng = random.Random(seed)
    table = [
        {"asset": f"AS{asset:05d}", "scheme": scheme, "bucket": f"B{bucket:02d}", "fraction": 1.0 / parts}
        for asset in range(ASSETS)
        for scheme, buckets, parts in (("country", 20, 2), ("currency", 8, 1), ("theme", 15, 2))
        for bucket in rng.sample(range(buckets), parts)
    ]
    own = {"country": {"max_exposure": 0.15}, "currency": {"max_exposure": 0.3}, "theme": {"max_exposure": 0.2}}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        make(folder / "candidates.parquet", accounts=count, candidates=47, bad=0, seed=seed)
        pq.write_table(pa.Table.from_pylist(table), folder / "exposures.parquet")
        limits = RebalancingLimits.from_toml(folder / "limits.toml")
        jobs = {
            "without": (limits, None),
            "with 3 schemes": (limits.replace(exposures=own), folder / "exposures.parquet"),
        }
        runs: dict[str, list[float]] = {name: [] for name in jobs}
        for number in range(4):
            for name, (chosen, exposures) in jobs.items():
                out = folder / f"{name} {number}"
                file = None if exposures is None else str(exposures)
                job = Job((str(folder / "candidates.parquet"),), {None: chosen}, "1", exposures=file)
                began = time.process_time()
                open_gates = PublishConditions(PublishGates(max_unmet=1.0, max_braked=1.0, max_unscored=1.0))
                outcome = run_batch(
                    job, out, open_gates, execute=on_threads(1), workers=1, storage=Storage(), say=lambda _event: None
                )
                runs[name].append(time.process_time() - began)
        counts = outcome.counts
    for name, times in runs.items():
        print(f"batch: {name}: {statistics.median(times[1:]) / count * 1e6:.1f} us of CPU an account")
    print(f"batch: {counts.fully_checked} of {counts.accounts} fully checked; {counts.size_reasons}")
    ratio = statistics.median(a / b for a, b in zip(runs["with 3 schemes"][1:], runs["without"][1:], strict=True))
    print(f"batch: with 3 schemes takes {ratio:.2f} times the CPU")


# Each question with the cases of a block.
PARTS: dict[Callable[[range], Counts], int] = {
    kkt: 100,
    conic: 50,
    proven: 10,
    twin: 100,
    issuers: 100,
    same: 500,
    concentration: 10,
    explained: 50,
    accounts: 500,
}


class Log:
    """The counts of the blocks that are done, kept in a file if there is one."""

    def __init__(self, path: str, stop: float) -> None:
        self.path = Path(path) if path else None
        self.ends = time.monotonic() + 60 * stop if stop else float("inf")
        known = self.path.read_text().splitlines() if self.path is not None and self.path.exists() else []
        self.blocks = {(line["part"], line["first"]): line["counts"] for line in map(json.loads, known)}

    def add(self, part: str, first: int, counts: Counts) -> None:
        """Keep the counts of a block."""
        counts = {name: float(value) for name, value in counts.items()}
        self.blocks[part, first] = counts
        if self.path is not None:
            with self.path.open("a") as file:
                file.write(json.dumps({"part": part, "first": first, "counts": counts}) + "\n")

    def total(self, part: str) -> Counts:
        """The counts of a part over its blocks."""
        total: Counts = {}
        for (name, _), counts in self.blocks.items():
            for key, value in counts.items() if name == part else ():
                total[key] = (
                    max(total.get(key, 0.0), value) if key.startswith("largest") else total.get(key, 0.0) + value
                )
        return total


def main() -> None:
    asked = harness.options(
        __doc__,
        kkt=20_000,
        conic=2000,
        proven=300,
        twin=4000,
        issuers=4000,
        same=20_000,
        concentration=500,
        explained=10_000,
        accounts=1_000_000,
        speed=2000,
        batch=20_000,
        seed=1,
        log="",
        stop=0.0,
    )
    log = Log(asked.log, asked.stop)
    for part, size in PARTS.items():
        name = part.__name__
        wanted = range(asked.seed, asked.seed + getattr(asked, name), size)
        for first in wanted:
            if (name, first) not in log.blocks and time.monotonic() < log.ends:
                log.add(name, first, part(range(first, min(first + size, asked.seed + getattr(asked, name)))))
        if wanted and (total := log.total(name)):
            figures = (
                f"{key} {value:.2g}" if key.startswith("largest") else f"{key} {value:,.0f}"
                for key, value in total.items()
            )
            print(f"{name}: {', '.join(figures)}")
    for timed in (speed, batch):
        if getattr(asked, timed.__name__):
            timed(getattr(asked, timed.__name__), asked.seed)


if __name__ == "__main__":
    main()

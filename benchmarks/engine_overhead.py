"""What do bucket limits cost? The engine with them on against the engine with them off, in turn, in one run.

python benchmarks/engine_overhead.py [--runs 60] [--seed 1]

Measured for 500 and 5,000 scored assets, to the targets, the certificate and (on) the result of the bucket limits with
its sentences, in CPU time of the one thread that works (other programs on the machine do not count). Printed: the
median of the differences between neighbouring runs.
"""

from __future__ import annotations

import random
import statistics
import time
from functools import partial

import harness
from simulated import Market, Scores

from trimtab import CoreRebalancerEngine, EngineRun, RebalancingLimits

BUDGET_MS = {500: 2.0, 5000: 10.0}
SECTORS = [f"Sector{number:02d}" for number in range(11)]
OFF = RebalancingLimits(
    max_total_positions=60, max_new_positions=50, max_position_weight=0.1, min_position_weight=0.005
)
ON = OFF.replace(
    enable_bucket_diversification=True,
    max_positions_per_bucket=3,
    max_allocation_per_bucket=0.15,
    min_buckets_represented=5,
)


def engine_of(size: int, seed: int) -> tuple[CoreRebalancerEngine, dict[str, float]]:
    """An engine over so many assets, and what is held: 25 of them, crowded into few sectors."""
    rng = random.Random(seed)
    scores = {f"A{number:05d}": rng.random() for number in range(size)}
    buckets: dict[str, list[str]] = {sector: [] for sector in SECTORS}
    for number, asset in enumerate(scores):
        buckets[SECTORS[number % len(SECTORS)]].append(asset)
    held = [*buckets[SECTORS[0]][:9], *buckets[SECTORS[1]][:9], *buckets[SECTORS[2]][:7]]
    return CoreRebalancerEngine(Market(SECTORS), buckets, Scores(scores)), dict.fromkeys(held, 0.038)


def run_of(engine: CoreRebalancerEngine, held: dict[str, float], limits: RebalancingLimits) -> EngineRun:
    """One whole run."""
    run = engine.run("2026-11-24", held, limits, enable_fundamental=False)
    _ = run.targets, run.certificate, run.bucket_result
    return run


def main() -> int:
    arguments = harness.options(__doc__, runs=60, seed=1)
    failed = False
    for size, budget in BUDGET_MS.items():
        engine, held = engine_of(size, arguments.seed)
        without, with_limits = (partial(run_of, engine, held, limits) for limits in (OFF, ON))
        harness.in_turn(without, with_limits, 2, time.process_time)
        pairs = harness.in_turn(without, with_limits, arguments.runs, time.process_time)
        off, on = (1000 * statistics.median(times) for times in zip(*pairs, strict=True))
        more = 1000 * statistics.median(longer - shorter for shorter, longer in pairs)
        done = with_limits().bucket_result
        failed |= more > budget
        print(
            f"{size} scored assets, {arguments.runs} pairs, seed {arguments.seed}: bucket limits add {more:.2f} ms (budget "
            f"{budget:g} ms); the whole run {off:.2f} ms without, {on:.2f} ms with them; "
            f"{len(done.rejected_assets)} rejected, {len(done.enforcement_actions)} actions, "
            f"{len(done.violations_fixed)} violations fixed"
        )
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())

"""How fast is one account on one core, and how much faster than an integer program of the same selection?

python benchmarks/kernel.py [--inputs 200] [--seed 1]

Two figures, both on one thread. "In turn": a compiled loop over all distinct accounts, so that no branch predictor knows
the account; the median over the loops. "Alone": each account many times, the median over the accounts. HiGHS gets the
same accounts in the same run, between the kernel's: the selection alone, by the test oracle's lexicographic sequence of
programs, of which only the solver's own time is counted.
"""

from __future__ import annotations

import random
import statistics
from typing import Any

import harness
import numba
import numpy as np
import oracles

from trimtab import RebalancingLimits
from trimtab.candidates.candidates import settings_of
from trimtab.candidates.read import read
from trimtab.kernel.account import rebalance_account
from trimtab.kernel.records import NO_PARTNERS, empty_answer

SECTORS = [f"Sector{number:02d}" for number in range(11)]
LIMITS = RebalancingLimits(
    enable_bucket_diversification=True,
    max_positions_per_bucket=2,
    max_allocation_per_bucket=0.25,
    min_buckets_represented=5,
    buckets={"Sector00/Industry1": {"max_positions": 1}, "Sector01": {"min_allocation": 0.05}},
    known_buckets=("Sector00/Industry1", "Sector01"),
    sizing_mode="score_weighted",
)
BUDGET = {50: 6e-6, 5000: 250e-6}


@numba.njit
def repeat(rows: Any, tree: Any, settings: Any, partners: Any, exposed: Any, answer: Any, times: int) -> None:
    for _ in range(times):
        rebalance_account(rows, tree, settings, partners, exposed, answer)


@numba.njit
def in_turn(rows: Any, start: Any, tree: Any, settings: Any, partners: Any, exposed: Any, answer: Any) -> None:
    for account in range(start.size - 1):
        begin, end = start[account], start[account + 1]
        rebalance_account(rows[begin:end], tree, settings, partners, exposed, answer[begin:end])


def random_account(rng: random.Random, size: int) -> list[dict[str, Any]]:
    """Candidates in 11 sectors of 4 industries, 8 of them held; scores in thousandths, as the integer program needs."""
    held = dict.fromkeys(rng.sample(range(size), 8), 0.0)
    shares = [rng.expovariate(1.0) for _ in held]
    held = {asset: 0.95 * share / sum(shares) for asset, share in zip(held, shares, strict=True)}
    return [
        {
            "asset": f"A{asset:05d}",
            "bucket": f"{rng.choice(SECTORS)}/Industry{rng.randrange(4)}",
            "score": rng.randrange(0, 1001) / 1000,
            "current_weight": held.get(asset, 0.0),
        }
        for asset in range(size)
    ]


def kernel_seconds(rows: list[dict[str, Any]], times: int) -> float:
    candidates = read(rows, LIMITS, many=False)
    answer = empty_answer(len(rows))
    arguments = (
        candidates.rows(LIMITS),
        candidates.tree.nodes,
        settings_of(LIMITS)[0],
        NO_PARTNERS,
        None,
        answer,
    )
    repeat(*arguments, 3)
    return min(harness.seconds(lambda: repeat(*arguments, times), 5)) / times


def seconds_in_turn(accounts: list[list[dict[str, Any]]]) -> float:
    table = [{**row, "account": number} for number, rows in enumerate(accounts) for row in rows]
    candidates = read(table, LIMITS, many=True)
    answer = empty_answer(len(table))
    arguments = (
        candidates.rows(LIMITS),
        candidates.start,
        candidates.tree.nodes,
        settings_of(LIMITS)[0],
        NO_PARTNERS,
        None,
        answer,
    )
    return statistics.median(harness.seconds(lambda: in_turn(*arguments), 15, warm_up=1)) / len(accounts)


class SolverClock:
    """Adds up the time that HiGHS itself runs."""

    def __init__(self) -> None:
        self.seconds = 0.0
        maximise = oracles._Program.maximise

        def timed(program: Any, terms: Any) -> Any:
            values = maximise(program, terms)
            self.seconds += program.highs.getRunTime() - getattr(program, "already", 0.0)
            program.already = program.highs.getRunTime()
            return values

        oracles._Program.maximise = timed  # type: ignore[method-assign]


def main() -> None:
    options = harness.options(__doc__, inputs=200, seed=1)
    clock = SolverClock()
    for size, times in ((50, 400), (5000, 20)):
        rng = random.Random(options.seed)
        accounts = [random_account(rng, size) for _ in range(options.inputs)]
        together = seconds_in_turn(accounts)
        ours, solver = [], []
        for number, rows in enumerate(accounts):
            ours.append(kernel_seconds(rows, times))
            if number < (options.inputs if size == 50 else 10):
                clock.seconds = 0.0
                oracles.milp_selection(rows, LIMITS)
                solver.append(clock.seconds / max(ours[-1], together))
        median = statistics.median(ours)
        print(
            f"{size} candidates, {options.inputs} accounts: in turn {together * 1e6:.2f} us an account; alone median "
            f"{median * 1e6:.2f} us (95th percentile {np.percentile(ours, 95) * 1e6:.2f}); budget {BUDGET[size] * 1e6:.0f} us; "
            f"HiGHS is {statistics.median(solver):,.0f} times slower (median of {len(solver)}, least {min(solver):,.0f})"
        )


if __name__ == "__main__":
    main()

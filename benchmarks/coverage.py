"""How often a 95 % interval of a difference holds the truth, in 40 cells; and what the deflated Sharpe ratio costs in power.

python benchmarks/coverage.py [--pairs 400] [--samples 400] [--sweeps 300] [--seed 1]

Coverage: `difference` of the means of two policies without a difference, normal returns; those of the first follow an
autoregression of order 1, those of the second are independent. Power: of 50 policies, 49 have no skill and one has a true
Sharpe ratio; how often the best is told from luck at 5 % (deflated), and how often that one policy alone would be
(probabilistic).
"""

from __future__ import annotations

import math

import harness
import numpy as np

from trimtab.statistics.bootstrap import difference
from trimtab.statistics.overfitting import deflated_sharpe, probabilistic_sharpe

LENGTHS = (20, 40, 60, 125, 250, 500, 1000, 2000)
AUTOREGRESSIONS = (0.0, 0.3, 0.6, 0.8, 0.9)
POLICIES, SURE, YEAR, BURN_IN = 50, 0.95, 252, 100


def autoregressive(rng: np.random.Generator, count: int, share: float) -> np.ndarray:
    """Returns that keep this share of the one before."""
    returns = rng.normal(0.0, 0.01, count + BURN_IN)
    for index in range(1, len(returns)):
        returns[index] += share * returns[index - 1]
    return returns[BURN_IN:]


def coverage(length: int, share: float, pairs: int, samples: int, seed: int) -> float:
    """The share of intervals that hold 0."""
    rng = np.random.default_rng((seed, length, round(100 * share)))
    held = 0
    for pair in range(pairs):
        first, second = autoregressive(rng, length, share), rng.normal(0.0, 0.01, length)
        interval = difference(first, second, samples=samples, seed=pair)
        held += interval is not None and interval.holds_zero
    return held / pairs


def power(ratio: float, years: int, sweeps: int, seed: int) -> tuple[float, float]:
    """How often one skilled policy of 50 is told from luck: by the deflated ratio of the sweep, and tested alone."""
    rng = np.random.default_rng((seed, round(100 * ratio), years))
    deflated, alone = 0, 0
    for _ in range(sweeps):
        returns = rng.normal(0.0, 0.01, (years * YEAR, POLICIES))
        returns[:, 0] += 0.01 * ratio / math.sqrt(YEAR)
        verdict = deflated_sharpe(returns)
        deflated += verdict is not None and verdict.probability >= SURE
        alone += (probabilistic_sharpe(returns[:, 0]) or 0.0) >= SURE
    return deflated / sweeps, alone / sweeps


def main() -> None:
    options = harness.options(__doc__, pairs=400, samples=400, sweeps=300, seed=1)
    print("coverage of a 95 % interval; columns: share of a return that carries over to the next session")
    print("| sessions |" + "".join(f" {share:g} |" for share in AUTOREGRESSIONS))
    print("|---" * (len(AUTOREGRESSIONS) + 1) + "|")
    for length in LENGTHS:
        cells = [coverage(length, share, options.pairs, options.samples, options.seed) for share in AUTOREGRESSIONS]
        print(f"| {length} |" + "".join(f" {cell:.1%} |" for cell in cells), flush=True)
    spread = 1.96 * math.sqrt(0.95 * 0.05 / options.pairs)
    print(f"chance alone moves a cell of 95 % by {spread:.1%} either way\n")
    print(f"power against luck at 5 %: one of {POLICIES} policies has the true Sharpe ratio of a year")
    print("| true Sharpe ratio | years | deflated, best of the sweep | tested alone |")
    print("|---|---|---|---|")
    for years in (5, 10):
        for ratio in (0.0, 0.5, 1.0, 1.5, 2.0):
            deflated, alone = power(ratio, years, options.sweeps, options.seed)
            print(f"| {ratio:g} | {years} | {deflated:.0%} | {alone:.0%} |", flush=True)


if __name__ == "__main__":
    main()

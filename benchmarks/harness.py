"""Shared by the benchmarks: options, seeded accounts, times in turn, and how a figure is printed.

Importing this module first puts the builders of the tests (`cases`, `oracles`, `naive` …) within reach.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(HERE / "tests"))
sys.path.insert(0, str(HERE / "benchmarks"))

from cases import Row, random_limits, random_rows

from trimtab import RebalancingLimits

Clock = Callable[[], float]


def options(doc: str | None, **defaults: Any) -> argparse.Namespace:
    """The command line: an option for each default, of its type; False makes a flag."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in defaults.items():
        flag = f"--{name.replace('_', '-')}"
        if default is False:
            parser.add_argument(flag, action="store_true")
        else:
            parser.add_argument(flag, type=type(default), default=default, help=f"default {default}")
    return parser.parse_args()


def random_accounts(
    seeds: Iterable[int], max_rows: int = 15, **fixed: Any
) -> Iterator[tuple[int, list[Row], RebalancingLimits]]:
    """An account and its limits from each seed, as the tests draw them; `fixed` fields of the limits are as given."""
    for seed in seeds:
        rng = random.Random(seed)
        yield seed, random_rows(rng, max_rows), random_limits(rng, **fixed)


def seconds(work: Callable[[], object], runs: int, warm_up: int = 0, clock: Clock = time.perf_counter) -> list[float]:
    """The time of each run, after some that do not count."""
    times = []
    for run in range(warm_up + runs):
        began = clock()
        work()
        if run >= warm_up:
            times.append(clock() - began)
    return times


def in_turn(
    first: Callable[[], object], other: Callable[[], object], runs: int, clock: Clock
) -> list[tuple[float, float]]:
    """The times of two works, run one after the other, so that the load of the machine meets both."""
    return [(seconds(first, 1, clock=clock)[0], seconds(other, 1, clock=clock)[0]) for _ in range(runs)]


def spread(times: list[float], unit: float = 1e3, name: str = "ms") -> str:
    """Median, fastest and slowest, as they are printed."""
    median, fastest, slowest = (unit * value for value in (statistics.median(times), min(times), max(times)))
    return f"median {median:.2f} {name}, fastest {fastest:.2f} {name}, slowest {slowest:.2f} {name}"

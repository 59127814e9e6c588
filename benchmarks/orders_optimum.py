"""How near are orders to the best that whole lots allow, and are there more of them than that needs?

    python benchmarks/orders_optimum.py [--cases 2000] [--first 700000] [--free] [--show 0]

Small random accounts of 2,000 to a million, with lots, fees, caps, bucket limits and minimums of every size, each planned and
compared with the exact integer program (`tests/order_program.py`): the distance from the goals, sum of |goal - worth| and
|cash left|, and of the nearest solutions the one with the fewest orders. Only plans that are whole, not braked and unchanged by
the second round are compared: then the goals are those of the first. With `--free` the program may trade beyond the goal, only
to reach the minimum of an order, which the rules do for a limit alone. Ends with 1 if a figure is missed: 91 % equal, 97 % within a basis point or a lot, and 1 % more orders at most.
"""

from __future__ import annotations

import itertools
import sys
from collections import Counter

from harness import options
from order_program import compared_case

SIZES = {2_000: "2,000", 10_000: "10,000", 50_000: "50,000", 1_000_000: "1,000,000"}


def main() -> None:
    asked = options(__doc__, cases=2_000, first=700_000, free=False, show=0)
    counts: Counter[str] = Counter()
    for seed in itertools.count(asked.first):
        if counts["cases"] >= asked.cases:
            break
        outcome = compared_case(seed, is_free=asked.free)
        if outcome is None:
            counts["not compared: braked, cut, changed by a later round, or nothing to trade"] += 1
            continue
        size = next(name for size, name in SIZES.items() if outcome.value <= 1.5e6 * size or size == max(SIZES))
        own = {
            "cases": 1,
            "equal": outcome.is_equal,
            "within 1 bp or 1 lot": outcome.is_near,
            "orders": outcome.own.orders,
            "orders of the program": outcome.best.orders,
            f"of {size}: cases": 1,
            f"of {size}: equal": outcome.is_equal,
            f"of {size}: within 1 bp or 1 lot": outcome.is_near,
            "nearer than the program": outcome.own.distance < outcome.best.distance - outcome.tolerance,
        }
        counts.update({name: int(count) for name, count in own.items()})
        if asked.show and not outcome.is_near:
            print(f"seed {seed}: {outcome}")
    for name, count in sorted(counts.items()):
        group = name.split(": ")[0] + ": cases" if name.startswith("of ") else "cases"
        share = f" ({count / counts[group]:.2%})" if "equal" in name or "within" in name else ""
        print(f"{name}: {count:,}{share}")
    more = counts["orders"] / max(1, counts["orders of the program"])
    shares = [counts[name] / counts["cases"] for name in ("equal", "within 1 bp or 1 lot")]
    print(f"orders against the program: {more:.4f}")
    sys.exit(shares[0] < 0.91 or shares[1] < 0.97 or more > 1.01 or counts["nearer than the program"] > 0)


if __name__ == "__main__":
    main()

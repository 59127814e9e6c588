"""Every sentence that names a limit, a cause or a remedy, carried out on random accounts.

python benchmarks/true_sentences.py [--accounts 20000] [--seed 4000000]

- A reason that names limits in an asset's way: with only the selected and this asset as candidates and each named limit one
  step wider, it is selected.
- "its place went to": without representation it is selected. Merit: its score meets the threshold.
- Equal shares are equal, and a desired weight is reached or said not to be.
- A warning of the pre-flight: the result says the same, and no more is invested than it says can be.
- A value of a limit that flips a decision: with the value as written, it flips.

Reasons for cash are counted, not carried out; causes of a difference are not looked at.

Ends with 1 if a sentence does not hold.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from cases import random_limits, random_rows
from sentences_carried_out import faults_of_account


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--accounts", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=4_000_000)
    asked = parser.parse_args()
    counts: Counter[str] = Counter()
    wrong: list[Any] = []
    for seed in range(asked.seed, asked.seed + asked.accounts):
        drawn = random.Random(seed)
        rows, limits = random_rows(drawn), random_limits(drawn)
        if seed % 3 == 0:  # scores with all digits, and assets of which none is wanted
            for row in rows:
                row["score"] = None if row["score"] is None else 0.5 + drawn.random() / 2
                row["desired_weight"] = 0.0 if drawn.random() < 0.2 else row["desired_weight"]
        for fault in faults_of_account(rows, limits, counts):
            wrong.append(fault)
            print(f"  seed {seed}: {fault}")
    print(
        f"{asked.accounts} accounts from seed {asked.seed}: {sum(counts.values())} sentences, {len(wrong)} do not hold"
    )
    for name, count in sorted(counts.items()):
        print(f"  {name}: {count}")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()

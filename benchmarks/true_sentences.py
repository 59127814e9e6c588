"""Every sentence that names a limit, a cause or a remedy, carried out on random accounts.

    python benchmarks/true_sentences.py [--accounts 20000] [--seed 4000000]
    python benchmarks/true_sentences.py --plans [--accounts 4000]

- A reason that names limits in an asset's way: with only the selected and this asset as candidates and each named limit one
  step wider, it is selected.
- "its place went to": without representation it is selected. Merit: its score meets the threshold.
- Equal shares are equal, and a desired weight is reached or said not to be.
- A warning of the pre-flight: the result says the same, and no more is invested than it says can be.
- A value of a limit that flips a decision: with the value as written, it flips.
- A reason for cash: with the limits that it names lifted, in the rows of the assets that it names, cash moves to the aim;
  of reasons that hold "together with the others", each is needed. One account in ten has limits of exposures for it.
- A cause of a difference, for one account in four: the first inputs with the second's in the place of the causes have the
  second's outcome, and of causes "together" each is needed; without the causes, the other changes have that outcome only
  where the difference says so.
- `--plans`: a reason of an order, in the weights of its plan or in one without the setting that it names; and, for one
  account in eight, each change that an explanation names, and each setting that it says is without effect, in a new plan.

Ends with 1 if a sentence does not hold.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Iterator

import harness
from cases import random_limits, random_rows
from cash_sentences import faults_of_cash
from difference_carried_out import Inputs, faults_of_difference, tomorrow
from exposure_runs import random_case, random_concentration
from order_cases import of_case, random_order_case, with_exposures
from order_sentences import faults_of_plan
from sentences_carried_out import faults_of_account

from trimtab.errors import BrokenLimitError, InputError


def faults_of_seed(seed: int, counts: Counter[str]) -> Iterator[str]:
    """The sentences of one account that do not hold."""
    drawn = random.Random(seed)
    rows, limits = random_rows(drawn), random_limits(drawn)
    if seed % 3 == 0:  # scores with all digits, and assets of which none is wanted
        for row in rows:
            row["score"] = None if row["score"] is None else 0.5 + drawn.random() / 2
            row["desired_weight"] = 0.0 if drawn.random() < 0.2 else row["desired_weight"]
    yield from faults_of_account(rows, limits, counts)
    today = Inputs(rows, limits)
    if seed % 10 == 0:
        case, concentration = (seed % 20 and random_concentration(seed)) or (random_case(seed), {})
        if case is not None:
            rows, limits, exposures, own = case
            limits = limits.replace(exposures=own, concentration={"issuer": concentration} if concentration else {})
            yield from faults_of_cash(rows, limits, counts, exposures=exposures)
            today = Inputs(rows, limits, {"exposures": exposures})
    if seed % 4 == 0:
        other = Inputs(random_rows(drawn), random_limits(drawn))
        yield from faults_of_difference(today, tomorrow(drawn, today, other), counts)


def faults_of_orders(seed: int, counts: Counter[str]) -> Iterator[str]:
    """The sentences of one plan that do not hold."""
    case = random_order_case(seed)
    case = with_exposures(case, seed) if seed % 2 else case
    rows, inputs = of_case(case)
    try:
        yield from faults_of_plan(rows, case.limits, inputs, counts, explained=seed % 8 == 0)
    except InputError:  # worth nothing
        counts["accounts that are refused"] += 1
    except BrokenLimitError as error:
        yield str(error)


def main() -> None:
    asked = harness.options(__doc__, accounts=20_000, seed=4_000_000, plans=False)
    counts: Counter[str] = Counter()
    wrong = 0
    for seed in range(asked.seed, asked.seed + asked.accounts):
        for fault in (faults_of_orders if asked.plans else faults_of_seed)(seed, counts):
            wrong += 1
            print(f"  seed {seed}: {fault}", flush=True)
    print(f"{asked.accounts} accounts from seed {asked.seed}: {sum(counts.values())} sentences, {wrong} do not hold")
    for name, count in sorted((+counts).items()):
        print(f"  {name}: {count}")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()

"""Explanations: every candidate has one deciding reason, every counterfactual is true, and how fast they are.

python benchmarks/explanations.py [--complete 100000] [--counterfactuals 10000] [--speed 30] [--seed 2000000]

Reasons are compared with those of the naive twin, which is written from the rules' text. Each counterfactual is carried
out through `trimtab.rebalance`, and so is the one with a step less: the neighbouring float, or a count of 1.
"""

from __future__ import annotations

import itertools
from collections import Counter

import harness
from counterfactuals import flips, one_step_less, present_value
from door import candidates
from kernel_runs import run
from naive import naive_rebalance

from trimtab import RebalancingLimits, rebalance
from trimtab.explanations.reruns import Reruns
from trimtab.explanations.sentences import SentenceMaker
from trimtab.explanations.steps import steps_of
from trimtab.reasons import Reason


def complete(seeds: range) -> None:
    candidates = mismatches = undecided = 0
    reasons: Counter[str] = Counter()
    for _, rows, limits in harness.random_accounts(seeds):
        passed = run(rows, limits)
        reruns = Reruns.of(passed.candidates, limits, passed.answer)
        words = SentenceMaker.of(passed.candidates, limits, passed.answer)
        twin = {row.asset: row.reason for row in naive_rebalance(rows, limits).rows}
        for index, asset in enumerate(reruns.names):
            row = int(passed.candidates.order[index])
            steps = steps_of(reruns, index, words.detail(row))
            code = Reason(passed.answer["reason"][row]).code
            candidates += 1
            mismatches += code != twin[asset] or not code
            undecided += sum(step.decides for step in steps) != 1
            reasons[code] += 1
    print(
        f"complete: {len(seeds)} accounts, {candidates} candidates, {mismatches} with another reason than the twin's, "
        f"{undecided} without exactly one deciding step; {len(reasons)} reasons occur"
    )


def true(wanted: int, seed: int) -> None:
    tried = untrue = stepped = too_far = 0
    changes: Counter[str] = Counter()
    for case, rows, limits in harness.random_accounts(itertools.count(seed)):
        if tried >= wanted:
            break
        result = rebalance(rows, limits)
        for row in rows:
            asset = row["asset"]
            for counterfactual in result.explain(asset).counterfactuals:
                changes[counterfactual.change] += 1
                tried += 1
                if not flips(rows, limits, asset, counterfactual, counterfactual.value):
                    untrue += 1
                    print(f"  untrue: seed {case}, {asset}: {counterfactual}")
                less = one_step_less(counterfactual, present_value(rows, limits, asset, counterfactual))
                if less is not None:
                    stepped += 1
                    if flips(rows, limits, asset, counterfactual, less):
                        too_far += 1
                        print(f"  a smaller one does it: seed {case}, {asset}: {counterfactual}")
    print(f"true: {tried} counterfactuals, {untrue} do not flip; {stepped} with one step less, {too_far} flip")
    print("  ", ", ".join(f"{name} {count}" for name, count in changes.most_common()))


def speed(repeats: int) -> None:
    limits = RebalancingLimits(enable_bucket_diversification=True, max_positions_per_bucket=3)
    for count, explained in ((50, 50), (5000, 1)):
        table = candidates(count)
        assets, times = [row["asset"] for row in table], []
        for repeat in range(repeats):
            result = rebalance(table, limits)
            names = assets[repeat * 151 % count :][:1] if explained == 1 else assets
            times += harness.seconds(lambda result=result, names=names: [result.explain(name) for name in names], 1)
        print(f"speed: {explained} explanation(s) of an account of {count}: {harness.spread(times)}, budget 20 ms")


def report(repeats: int) -> None:
    limits = RebalancingLimits(enable_bucket_diversification=True, max_positions_per_bucket=3)
    table, times = candidates(500), []
    for _ in range(repeats):
        times += harness.seconds(rebalance(table, limits).to_html, 1)
    size = len(rebalance(table, limits).to_html().encode())
    print(f"report of 500 candidates: {harness.spread(times)}, budget 1000 ms; {size / 1e6:.2f} MB, budget 1 MB")


def main() -> None:
    options = harness.options(__doc__, complete=100_000, counterfactuals=10_000, speed=30, seed=2_000_000)
    if options.complete:
        complete(range(options.seed, options.seed + options.complete))
    if options.counterfactuals:
        true(options.counterfactuals, options.seed)
    if options.speed:
        speed(options.speed)
        report(options.speed)


if __name__ == "__main__":
    main()

"""Does the engine keep its promises? Random portfolios through `CoreRebalancerEngine.rebalance` with bucket limits on.

python benchmarks/engine_compliance.py [--portfolios 100000] [--seed 1]

The final targets are measured here, in plain Python from the limits' own numbers, with nothing of the library's checks:
positions and weight in each bucket, positions in all, new positions, single weights, scores, the total. The number of
buckets that the candidates could give is counted from the inputs by a closed formula (no restrictions, no bucket at its
weight limit before a position fits). The same portfolios go through a plain reading of the brief, step after step, to
see that they are not tame.
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter

import harness
from simulated import Market, Scores

from trimtab import CoreRebalancerEngine, RebalancingLimits, RebalancingTarget

BUCKETS = ["Risk Assets", "Defensive Assets", "Bonds", "Gold", "Real Estate", "Cash Equivalents"]
EPSILON = 1e-9
Portfolio = tuple[dict[str, list[str]], dict[str, float], dict[str, float], RebalancingLimits]


def random_limits(rng: random.Random) -> RebalancingLimits:
    """Limits that bite, one of the brief's three configurations among them."""
    if rng.random() < 0.3:
        return RebalancingLimits.preset(rng.choice(["conservative", "aggressive", "protection"]))
    return RebalancingLimits(
        max_total_positions=rng.choice([5, 8, 10, 15]),
        max_new_positions=rng.choice([1, 2, 3, 6]),
        max_position_weight=rng.choice([0.1, 0.2, 0.3]),
        enable_bucket_diversification=True,
        max_positions_per_bucket=rng.choice([1, 2, 3, 4, 6]),
        max_allocation_per_bucket=rng.choice([0.2, 0.3, 0.35, 0.4, 0.6]),
        min_buckets_represented=rng.choice([1, 2, 3, 4, 5]),
        allow_bucket_overflow=rng.random() < 0.4,
        sizing_mode=rng.choice(["equal_weight", "score_weighted", "adaptive"]),
    )


def random_portfolio(rng: random.Random) -> Portfolio:
    """Buckets, scores, what is held (crowded into a bucket or two, as portfolios are), and limits."""
    buckets: dict[str, list[str]] = {}
    scores: dict[str, float] = {}
    for bucket in rng.sample(BUCKETS, rng.randint(3, len(BUCKETS))):
        buckets[bucket] = [f"{bucket[:2]}{number}" for number in range(rng.randint(1, 7))]
        scores.update({asset: round(rng.uniform(0.45, 1.0), 3) for asset in buckets[bucket]})
    crowded = rng.sample(list(buckets), min(len(buckets), rng.randint(1, 2)))
    held = [asset for bucket in crowded for asset in buckets[bucket] if rng.random() < 0.8]
    held += [asset for asset in scores if asset not in held and rng.random() < 0.08]
    sizes = [rng.uniform(0.01, 1.0) for _ in held]
    total = rng.uniform(0.5, 1.0)
    weights = {asset: total * size / sum(sizes) for asset, size in zip(held, sizes, strict=True)}
    return buckets, scores, weights, random_limits(rng)


def could_represent(portfolio: Portfolio) -> int:
    """How many buckets the candidates can give, up to the minimum, under the rules' order (section 4).

    Holdings that qualify come first: as leaders of their buckets always, and with overflow all of them. Strong new
    assets add a bucket each while positions and new positions are free. Weak ones only fill what keeping leaves.
    """
    buckets, scores, weights, limits = portfolio
    by_weight = int((limits.target_invested / limits.min_position_weight) + EPSILON)
    places = min(limits.max_total_positions, by_weight)
    dust = limits.dust_weight

    def best(assets: list[str], min_score: float, *, held: bool) -> bool:
        return any((weights.get(asset, 0.0) >= dust) == held and scores[asset] >= min_score for asset in assets)

    kept = {bucket for bucket, assets in buckets.items() if best(assets, limits.min_score_threshold, held=True)}
    strong = {bucket for bucket, assets in buckets.items() if best(assets, limits.min_score_new_position, held=False)}
    weak = {bucket for bucket, assets in buckets.items() if best(assets, limits.min_score_diversification, held=False)}
    qualify = {
        bucket: sum(weights.get(asset, 0.0) >= dust and scores[asset] >= limits.min_score_threshold for asset in assets)
        for bucket, assets in buckets.items()
    }
    wanted = limits.min_buckets_represented
    if limits.allow_bucket_overflow:
        keeping = sum(qualify.values())
        if keeping >= places:  # the best of them fill everything: no new asset, and the order decides which buckets
            ranked = sorted(
                (
                    (-scores[asset], -weights[asset], asset, bucket)
                    for bucket, assets in buckets.items()
                    for asset in assets
                    if weights.get(asset, 0.0) >= dust and scores[asset] >= limits.min_score_threshold
                )
            )
            return min(wanted, len({bucket for *_, bucket in ranked[:places]}))
        room = min(places - keeping, limits.max_new_positions)
        return min(wanted, len(kept) + min(room, len((strong | weak) - kept)))
    leaders = min(wanted, places, len(kept))
    added = min(len(strong - kept), limits.max_new_positions, places - leaders, wanted - leaders)
    if leaders + added >= wanted:
        return wanted
    per_bucket = {
        bucket: min(
            count,
            limits.max_positions_per_bucket,
            int(limits.max_allocation_per_bucket / limits.min_position_weight + EPSILON),
        )
        for bucket, count in qualify.items()
    }
    taken = min(sum(per_bucket.values()), places - added) + added
    left = min(places - taken, limits.max_new_positions - added)
    return leaders + added + min(left, wanted - leaders - added, len(weak - strong - kept))


def faults(portfolio: Portfolio, targets: list[RebalancingTarget]) -> set[str]:
    """Which promises the final targets break."""
    buckets, scores, weights, limits = portfolio
    bucket_of = {asset: bucket for bucket, assets in buckets.items() for asset in assets}
    held = [target for target in targets if target.target_weight > 0]
    positions = Counter(bucket_of[target.asset] for target in held)
    invested: Counter[str] = Counter()
    for target in held:
        invested[bucket_of[target.asset]] += target.target_weight
    new = [target for target in held if weights.get(target.asset, 0.0) < limits.dust_weight]
    bought_in = {bucket_of[target.asset] for target in new}
    broken_limits = set()
    for bucket, count in positions.items():
        protected = limits.allow_bucket_overflow and bucket not in bought_in
        if count > limits.max_positions_per_bucket and not protected:
            broken_limits.add("max_positions_per_bucket")
        if invested[bucket] > limits.max_allocation_per_bucket + EPSILON:
            broken_limits.add("max_allocation_per_bucket")
    if len(held) > limits.max_total_positions:
        broken_limits.add("max_total_positions")
    if len(new) > limits.max_new_positions:
        broken_limits.add("max_new_positions")
    if sum(invested.values()) > limits.target_invested + limits.cash_band + EPSILON:
        broken_limits.add("target_invested")
    if any(target.target_weight > limits.max_position_weight + EPSILON for target in held):
        broken_limits.add("max_position_weight")
    for target in held:
        min_score = limits.min_score_diversification if target in new else limits.min_score_threshold
        if scores[target.asset] < min_score:
            broken_limits.add("score")
    if len(positions) < could_represent(portfolio):
        broken_limits.add("min_buckets_represented")
    return broken_limits


def step_by_step(portfolio: Portfolio) -> list[RebalancingTarget]:
    """A plain reading of the brief: limits of buckets first, then thresholds and totals, then weights filled up."""
    buckets, scores, weights, limits = portfolio
    rank = {asset: (weights.get(asset, 0.0) > 0, scores[asset]) for asset in scores}
    allowed: list[str] = []
    for assets in buckets.values():
        ranked = sorted(assets, key=rank.__getitem__, reverse=True)
        allowed += [
            asset
            for place, asset in enumerate(ranked)
            if place < limits.max_positions_per_bucket or (limits.allow_bucket_overflow and asset in weights)
        ]
    chosen: list[str] = []
    for asset in sorted(allowed, key=rank.__getitem__, reverse=True):
        is_new = asset not in weights
        min_score = limits.min_score_new_position if is_new else limits.min_score_threshold
        has_slot = sum(other not in weights for other in chosen) < limits.max_new_positions
        if scores[asset] >= min_score and len(chosen) < limits.max_total_positions and (has_slot or not is_new):
            chosen.append(asset)
    each = min(limits.max_position_weight, limits.target_invested / max(len(chosen), 1))
    return [
        RebalancingTarget(asset, each, weights.get(asset, 0.0), "", 4, scores[asset], "", "")  # type: ignore[arg-type]
        for asset in chosen
    ]


def main() -> int:
    arguments = harness.options(__doc__, portfolios=100_000, seed=1)
    rng = random.Random(arguments.seed)
    began = time.perf_counter()
    broken: Counter[str] = Counter()
    plain: Counter[str] = Counter()
    for number in range(arguments.portfolios):
        portfolio = random_portfolio(rng)
        buckets, scores, weights, limits = portfolio
        engine = CoreRebalancerEngine(Market(list(buckets)), buckets, Scores(scores))
        targets = engine.rebalance("2026-11-24", weights, limits, enable_fundamental=False)
        broken_limits = faults(portfolio, targets)
        if broken_limits:
            print(f"portfolio {number}: {', '.join(sorted(broken_limits))}", file=sys.stderr)
        broken.update(broken_limits)
        plain.update(faults(portfolio, step_by_step(portfolio)))
    count = arguments.portfolios
    print(f"{count} portfolios, seed {arguments.seed}, {time.perf_counter() - began:.0f} s")
    print(f"the engine breaks: {dict(broken) or 'nothing'}")
    for name, times in plain.most_common():
        print(f"step by step, the same portfolios break {name}: {times / count:.1%}")
    return int(bool(broken))


if __name__ == "__main__":
    raise SystemExit(main())

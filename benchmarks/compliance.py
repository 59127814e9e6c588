"""Are limits ever broken? Random accounts through `rebalance_many`, every limit measured by the certificate's checker.

python benchmarks/compliance.py [--accounts 1000000] [--seed 1]

Prints how many hard limits were broken, in how many accounts each limit binds, and in how many each reason occurs, so
that it can be seen that the accounts are not tame.
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from typing import Any

import harness
import numpy as np
import pyarrow as pa

from trimtab import RebalancingLimits, rebalance_many
from trimtab.certificate.certificate import DRIFTED, MET, STATUSES, UNMET, WAIVED, Measured
from trimtab.certificate.checker import certify
from trimtab.errors import LimitsError
from trimtab.reasons import Reason, SizeReason
from trimtab.rebalancing.decided_pass import Pass

BLOCK = 500  # accounts that share their limits
ROWS = 14
BUCKETS = (
    "Equity/Tech/Semis",
    "Equity/Tech/Software",
    "Equity/Health",
    "Equity",
    "Bond/Gov",
    "Bond/Corp",
    "Gold/Phys",
    "Cash-like/Bills",
    None,
)
LIMITED = ("Equity", "Equity/Tech", "Equity/Tech/Semis", "Bond", "Bond/Gov", "Gold", "Cash-like")


def random_limits(rng: random.Random) -> RebalancingLimits:
    """Limits that bite."""
    while True:
        buckets = {}
        for path in LIMITED:
            limit: dict[str, Any] = {}
            if rng.random() < 0.25:
                limit["max_positions"] = rng.choice([1, 2, 3])
            if rng.random() < 0.3:
                limit["max_allocation"] = rng.choice([0.1, 0.2, 0.3])
            if rng.random() < 0.2:
                limit["min_allocation"] = rng.choice([0.03, 0.05, 0.1])
            if limit:
                buckets[path] = limit
        try:
            return RebalancingLimits(
                max_total_positions=rng.choice([4, 6, 8, 10]),
                max_new_positions=rng.choice([1, 2, 3, 5]),
                target_invested=rng.choice([0.9, 0.95, 1.0]),
                full_investment_positions=rng.choice([None, None, 6]),
                max_position_weight=rng.choice([0.1, 0.15, 0.2, 0.3]),
                min_position_weight=rng.choice([0.01, 0.02, 0.05]),
                enable_bucket_diversification=rng.random() < 0.95,
                max_positions_per_bucket=rng.choice([1, 2, 3, 4]),
                max_allocation_per_bucket=rng.choice([0.2, 0.3, 0.4]),
                min_buckets_represented=rng.choice([2, 3, 4]),
                allow_bucket_overflow=rng.random() < 0.4,
                bucket_level=rng.choice([1, 1, 2]) if not {"Equity", "Bond", "Gold", "Cash-like"} & set(buckets) else 1,
                buckets=buckets,
                known_buckets=tuple(bucket for bucket in BUCKETS if bucket),
                sizing_mode=rng.choice(["equal_weight", "score_weighted", "adaptive", "inverse_volatility", "desired"]),
                residual_strategy=rng.choice(["proportional", "proportional", "cash"]),
                no_trade_band=rng.choice([0.0, 0.2, 0.4]),
                cash_band=rng.choice([0.0, 0.02, 0.05]),
                drift_tolerance=rng.choice([0.0, 0.0, 0.2, 0.4]),
                unscored_positions=rng.choice(["hold", "close"]),
                unknown_bucket=rng.choice(["limit", "hold"]),
                brake_sold_weight=rng.choice([None, None, 0.6]),
                brake_closed_positions=rng.choice([None, None, 4]),
            )
        except LimitsError:
            continue


def random_block(rng: np.random.Generator, accounts: int) -> pa.Table:
    """Candidates of many accounts: half of the rows held, weights summing to 0.5-1.05, one row in five restricted."""
    rows = accounts * ROWS
    held = rng.random((accounts, ROWS)) < 0.5
    weight = np.where(held, rng.gamma(0.8, 1.0, (accounts, ROWS)), 0.0)
    total = weight.sum(axis=1, keepdims=True)
    aim = np.where(
        rng.random((accounts, 1)) < 0.1, rng.uniform(1.0, 1.0499, (accounts, 1)), rng.uniform(0.5, 1.0, (accounts, 1))
    )
    weight = np.where(total > 0, weight / np.maximum(total, 1e-9) * aim, 0.0).ravel()
    dust = (rng.random(rows) < 0.05) & (weight > 0)
    weight = np.where(dust, 0.0005, weight)
    score = np.where(rng.random(rows) < 0.04, np.nan, rng.uniform(0.5, 1.0, rows))
    restriction = rng.choice(np.array(["", "no_buy", "no_sell", "no_trade"]), rows, p=[0.85, 0.05, 0.05, 0.05])
    max_weight = np.where(rng.random(rows) < 0.1, rng.choice([0.005, 0.05, 0.1], rows), np.nan)
    desired = np.where(rng.random(rows) < 0.04, np.nan, rng.uniform(0.03, 0.3, rows))
    bucket = rng.integers(0, len(BUCKETS), rows)
    names = [f"A{number:02d}" for number in range(ROWS)]
    return pa.table(
        {
            "account": np.repeat(np.arange(accounts), ROWS),
            "asset": pa.DictionaryArray.from_arrays(np.tile(np.arange(ROWS, dtype=np.int32), accounts), names),
            "bucket": pa.DictionaryArray.from_arrays(pa.array(bucket.astype(np.int32)), list(BUCKETS)),
            "score": pa.array(score, from_pandas=True),
            "current_weight": weight,
            "restriction": pa.array(restriction),
            "max_weight": pa.array(max_weight, from_pandas=True),
            "desired_weight": pa.array(desired, from_pandas=True),
            "volatility": pa.array(desired, from_pandas=True),
        }
    )


def measured(passed: Pass) -> list[Measured]:
    """Every limit of every account, measured again; that of many accounts does not stay in memory."""
    decided = passed.decided
    checks, _ = certify(
        passed.candidates,
        passed.limits,
        target=decided["target"],
        proposed=decided["proposed"],
        selected=decided["selected"],
        braked=passed.braked,
    )
    return checks


def binding(passed: Pass, checks: list[Measured]) -> dict[str, np.ndarray]:
    """For each limit, the accounts in which it binds."""
    accounts = len(passed.candidates.accounts)
    masks: dict[str, np.ndarray] = {}
    for check in checks:
        slack = (check.value - check.limit) if check.is_minimum else (check.limit - check.value)
        bites = (np.abs(slack) <= 1e-9) | (check.status != MET)
        if check.name not in (
            "restrictions_violated",
            "min_score_threshold",
            "min_score_diversification",
            "min_score_new_position",
        ):
            masks[check.name] = masks.get(check.name, np.zeros(accounts, bool)) | bites

    def accounts_with(column: str, *codes: int) -> np.ndarray:
        rows = np.isin(passed.decided[column], codes)
        return np.bincount(passed.candidates.account_of[rows], minlength=accounts) > 0

    held = passed.candidates.current_weight > 0
    below = passed.decided["reason"] == Reason.BELOW_THRESHOLD
    for name, rows in (("min_score_threshold", below & held), ("min_score_new_position", below & ~held)):
        masks[name] = np.bincount(passed.candidates.account_of[rows], minlength=accounts) > 0
    masks["min_score_diversification"] = accounts_with("reason", Reason.ADDED_FOR_REPRESENTATION)
    masks["no_trade_band"] = accounts_with("size_reason", SizeReason.HELD_IN_BAND)
    masks["dust_weight"] = accounts_with("reason", Reason.DUST)
    masks["brakes"] = passed.braked
    masks["restriction"] = (
        np.bincount(passed.candidates.account_of[passed.candidates.restriction > 0], minlength=accounts) > 0
    )
    totals = np.bincount(passed.candidates.account_of, passed.candidates.current_weight, minlength=accounts)
    masks["overdrawn"] = totals > 1 + 1e-9
    masks["status drifted"] = _with_status(checks, DRIFTED)
    masks["status waived"] = _with_status(checks, WAIVED)
    masks["status unmet"] = _with_status(checks, UNMET)
    return masks


def _with_status(checks: list[Measured], status: int) -> np.ndarray:
    return np.any([check.status == status for check in checks], axis=0)


def main() -> int:
    options = harness.options(__doc__, accounts=1_000_000, seed=1)
    limits_rng, rng = random.Random(options.seed), np.random.default_rng(options.seed)
    binds: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    statuses: Counter[str] = Counter()
    broken: list[str] = []
    done = failed = 0
    began = time.perf_counter()
    while done < options.accounts:
        accounts = min(BLOCK, options.accounts - done)
        limits, table = random_limits(limits_rng), random_block(rng, accounts)
        done += accounts
        passed = rebalance_many(table, limits)._pass
        checks = measured(passed)
        failed += len(passed.candidates.faults)
        broken += [fault.sentence() for faults in passed.candidates.faults.values() for fault in faults]
        binds.update({name: int(bites.sum()) for name, bites in binding(passed, checks).items()})
        for column, members in (("reason", Reason), ("size_reason", SizeReason)):
            for member in members:
                rows = passed.decided[column] == member
                if member and rows.any():
                    hit = np.bincount(passed.candidates.account_of[rows], minlength=accounts) > 0
                    reasons[f"{column} {member.name.lower()}"] += int(hit.sum())
        for check in checks:
            for status, name in enumerate(STATUSES):
                statuses[name] += int((check.status == status).sum())
    seconds = time.perf_counter() - began
    print(f"{done} accounts of {ROWS} rows, seed {options.seed}, {seconds:.0f} s, {failed} failed")
    print(f"hard limits broken: {len(broken)} of {sum(statuses.values())} measured ({dict(statuses)})")
    for sentence in broken[:10]:
        print("  ", sentence)
    for title, counts, lowest in (("a limit binds in", binds, 0.05), ("a reason occurs in", reasons, 0.001)):
        print(f"{title} (share of accounts, wanted at least {lowest:.1%}):")
        for name, count in sorted(counts.items(), key=lambda item: -item[1]):
            print(f"  {name:45} {count / done:8.3%}{'' if count / done >= lowest else '   below'}")
    return 1 if broken or failed else 0


if __name__ == "__main__":
    sys.exit(main())

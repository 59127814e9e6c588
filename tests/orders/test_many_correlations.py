"""Many accounts with correlations in one call give, to the last unit, what `plan` gives for each of them."""

from __future__ import annotations

import itertools
import pickle
import random

import pytest
from cases import Row
from many_plans import as_plan, of_one, tables
from order_cases import random_order_case

import trimtab
from trimtab import LimitsError, RebalancingLimits, correlations_of
from trimtab.blocks.prepared_limits import PreparedLimits

PAIRS = [{"asset": "A", "other": "B", "correlation": 0.9}]
PAIRS += [{"asset": name, "other": "C", "correlation": 0.1} for name in "AB"]
ROWS: list[Row] = [
    {"account": account, "asset": asset, "score": score, "shares": 0, "price": 10, "limits_id": limits_id}
    for account, limits_id in (("x", "apart"), ("y", "free"), ("z", "apart"))
    for asset, score in (("A", 0.9), ("B", 0.8), ("C", 0.7))
]
CASH = [{"account": account, "cash": 10_000} for account in "xyz"]
BY_ID = {
    "free": RebalancingLimits(),
    "apart": RebalancingLimits(enable_bucket_diversification=True, max_correlation=0.5),
}


def check(first: int, accounts: int) -> int:
    """Every account of a table against `plan`; how many rows are too correlated."""
    case, rng = random_order_case(first), random.Random(first)
    limits = case.limits.replace(
        buckets={}, regimes={}, regime=None, known_buckets=(), enable_bucket_diversification=True
    )
    limits = limits.replace(max_correlation=0.4)
    settings = case.order_settings.replace(max_realized_gain=None)
    rows, cash = tables(range(first, first + accounts), limits)
    names = sorted({row["asset"] for row in rows})
    pairs = [
        {"asset": first_name, "other": other, "correlation": round(rng.uniform(-1, 1), 2)}
        for first_name, other in itertools.combinations(names, 2)
        if rng.random() < 0.9
    ]
    made = trimtab.plan_many(rows, limits, accounts=cash, settings=settings, correlations=pairs)
    for line in cash:
        name = line["account"]
        own = of_one([row for row in rows if row["account"] == name], line, limits, settings, correlations=pairs)
        assert (as_plan(made, name) if name not in made.failed else "failed") == own, name
    return made.targets["reason"].to_pylist().count("too_correlated")


def test_each_account_as_by_plan() -> None:
    assert check(3, 10) > 0


@pytest.mark.thorough
@pytest.mark.parametrize("first", range(100, 1100, 50))
def test_more_accounts_as_by_plan(first: int) -> None:
    assert check(first, 50) > 0


def test_each_account_has_its_own_limit() -> None:
    made = trimtab.plan_many(ROWS, BY_ID, accounts=CASH, correlations=PAIRS)
    reasons = {(row["account"], row["asset"]): row["reason"] for row in made.targets.to_pylist()}
    assert [reasons[account, "B"] for account in "xyz"] == ["too_correlated", "added", "too_correlated"]
    assert made.counts.fully_checked == 2  # the screen proves the account without a limit on correlations
    for account in "xz":
        ids = [row["client_order_id"] for row in made.orders.to_pylist() if row["account"] == account]
        assert ids == [order.client_order_id for order in made.plan(account).orders]
    other = trimtab.plan_many(ROWS, BY_ID, accounts=CASH, correlations=[{**PAIRS[0], "correlation": 0.2}, *PAIRS[1:]])
    assert not set(ids) & set(other.orders["client_order_id"].to_pylist())


def test_a_limit_without_correlations_is_refused() -> None:
    with pytest.raises(LimitsError, match="limits 'apart': max_correlation is set, but there are no correlations"):
        trimtab.plan_many(ROWS, BY_ID, accounts=CASH)


def test_prepared_limits_keep_their_correlations() -> None:
    prepared = PreparedLimits(BY_ID, {}, None, correlations_of(PAIRS))
    assert pickle.loads(pickle.dumps(prepared)).correlations == prepared.correlations

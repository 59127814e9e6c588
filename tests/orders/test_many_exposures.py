"""Many accounts with exposures in one call give, to the last unit, what `plan` gives for each of them."""

from __future__ import annotations

import random
from typing import Any

import pyarrow as pa
import pytest
from cases import Row
from exposure_cases import random_exposure_limits, random_exposures
from many_plans import as_plan, of_one, tables
from order_cases import random_order_case

import trimtab
from trimtab import LimitsError, RebalancingLimits
from trimtab.blocks import decide_block
from trimtab.blocks.full_check import CheckedAccounts
from trimtab.kernel.compilation import undecorated
from trimtab.kernel.order_block import plan_block
from trimtab.orders import decide_orders

COUNTRIES = [
    {"asset": "A", "scheme": "country", "bucket": "US"},
    {"asset": "B", "scheme": "country", "bucket": "EU"},
    {"asset": "C", "scheme": "country", "bucket": "EU/DE"},
]
ROWS = [
    {"account": account, "asset": asset, "score": 0.9, "shares": 0, "price": 1000, "limits_id": limits_id}
    for account, limits_id in (("x", "tight"), ("y", "wide"), ("z", "none"))
    for asset in "ABC"
]
CASH = [{"account": account, "cash": 10_000} for account in "xyz"]


def limits_of(maximum: float) -> RebalancingLimits:
    buckets = {"EU": {"max_exposure": maximum}}
    return RebalancingLimits(max_position_weight=0.5, min_trade=0.0, exposures={"country": {"buckets": buckets}})


BY_ID = {"tight": limits_of(0.2), "wide": limits_of(0.45), "none": RebalancingLimits(max_position_weight=0.5)}


def exposed_tables(seed: int, accounts: int) -> tuple[list[Row], list[Row], list[Row], dict[str, Any]]:
    """Candidates, cash and exposures of random accounts, of all of them or of each; and their limits of exposures."""
    limits = random_order_case(seed).limits.replace(buckets={}, regimes={}, regime=None, known_buckets=())
    rows, cash = tables(range(seed, seed + accounts), limits)
    rng = random.Random(seed)
    while True:
        table = random_exposures(rng, list({row["asset"]: row for row in rows}.values()))
        own = random_exposure_limits(rng, table, tight=True)
        try:
            chosen = limits.replace(exposures=own)
        except LimitsError:
            continue
        if table:
            break
    if seed % 2:
        first, *names, _ = (line["account"] for line in cash)  # the last has no rows
        whole = [{**row, "account": first} for row in table]
        table = whole + [{**row, "account": name} for name in names for row in table if rng.random() < 0.9]
    settings = random_order_case(seed).order_settings.replace(max_realized_gain=None)
    return rows, cash, table, {"limits": chosen, "settings": settings}


def check(seed: int, accounts: int) -> int:
    """Every account of a table against `plan`; how many have orders."""
    rows, cash, table, chosen = exposed_tables(seed, accounts)
    made = trimtab.plan_many(rows, chosen["limits"], accounts=cash, settings=chosen["settings"], exposures=table)
    for line in cash:
        own = [row for row in rows if row["account"] == line["account"]]
        single = of_one(own, line, chosen["limits"], chosen["settings"], exposures=table)
        name = line["account"]
        assert (as_plan(made, name) if name not in made.failed else "failed") == single, (seed, name)
    return made.counts.ordering


@pytest.mark.parametrize("seed", [2, 3])
def test_each_account_as_by_plan(seed: int) -> None:
    assert check(seed, 2)


@pytest.mark.thorough
@pytest.mark.parametrize("first", range(100, 400, 20))
def test_more_accounts_as_by_plan(first: int) -> None:
    assert sum(check(seed, 12) for seed in range(first, first + 20)) > 50


def test_accounts_under_several_limits() -> None:
    made = trimtab.plan_many(ROWS, BY_ID, accounts=CASH, exposures=COUNTRIES)
    for line in CASH:
        own = [row for row in ROWS if row["account"] == line["account"]]
        limits = BY_ID[own[0]["limits_id"]]
        rows = [{name: value for name, value in row.items() if name != "limits_id"} for row in own]
        single = trimtab.plan(rows, limits, cash=10_000, exposures=COUNTRIES)
        orders = [row for row in made.orders.to_pylist() if row["account"] == line["account"]]
        assert [(row["asset"], row["shares"], row["client_order_id"]) for row in orders] == [
            (order.asset, order.shares, order.client_order_id) for order in single.orders
        ]
        again = made.plan(line["account"])
        assert (again.plan_id, again.orders) == (single.plan_id, single.orders)
    bought = {
        account: sum(
            row["shares"] for row in made.orders.to_pylist() if row["account"] == account and row["asset"] > "A"
        )
        for account in "xyz"
    }
    assert bought == {"x": 2, "y": 4, "z": 6}
    assert (made.counts.failed, made.counts.plans_checked) == (0, 0)  # though x is exactly at its maximum


def test_the_checker_measures_exposures(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan whose exposures are beyond their maxima, as if the kernel knew none, fails by name."""
    plain = undecorated(plan_block)

    def without_exposures(accounts: Any, limits: Any, partners: Any, _exposed: Any, records: Any) -> None:
        plain(accounts, limits, partners, None, records)

    monkeypatch.setattr(decide_orders, "plan_block", without_exposures)
    monkeypatch.setattr(decide_block, "check_fully", lambda *_: CheckedAccounts())  # of the weights, before the orders
    made = trimtab.plan_many(ROWS, BY_ID, accounts=CASH, exposures=COUNTRIES)
    assert set(made.failed) == {"x", "y"}
    assert "country: EU: worth 6000 after a buy, above 4500" in made.failed["y"]


def test_limits_without_a_table_are_refused() -> None:
    with pytest.raises(LimitsError, match="limits 'tight': exposures have limits, but there is no table of exposures"):
        trimtab.plan_many(pa.Table.from_pylist(ROWS), BY_ID, accounts=CASH)

"""Random accounts in one table of candidates and one of cash, and their plans in a form that can be compared."""

from __future__ import annotations

import random
from typing import Any

from cases import Row
from order_cases import of_case, random_order_case

import trimtab
from trimtab import InputError, OrderSettings, PlanManyResult, RebalancingLimits


def tables(seeds: range, limits: RebalancingLimits) -> tuple[list[Row], list[Row]]:
    """Candidates and cash of random accounts, as the door takes them."""
    rows, cash = [], []
    for seed in seeds:
        name = f"P{seed:04d}"
        own, arguments = of_case(random_order_case(seed, bucket_separator=limits.bucket_separator))
        rows += [{"account": name, **row} for row in own]
        mode = random.Random(seed).choice(["full", "buy_only", "sell_only", None])
        cash.append({"account": name, "cash": arguments["cash"], "cash_flow": arguments["cash_flow"], "mode": mode})
    return rows, cash


def as_plan(made: PlanManyResult, account: str) -> tuple[Any, ...]:
    """The orders of an account, its last line and its reasons."""
    orders = [
        (
            row["asset"],
            row["side"],
            row["shares"],
            row["amount"],
            row["fee"],
            row["reason"],
            row["cash_after"],
            row["phase"],
            row["client_order_id"],
        )
        for row in made.orders.to_pylist()
        if row["account"] == account
    ]
    (line,) = [row for row in made.accounts.to_pylist() if row["account"] == account]
    reasons = {row["asset"]: row["order_reason"] for row in made.targets.to_pylist() if row["account"] == account}
    return orders, line["status"], line["is_settled"], line["value"], line["cash"], reasons


def of_one(
    rows: list[Row], cash: Row, limits: RebalancingLimits, settings: OrderSettings, **tables_beside: Any
) -> tuple[Any, ...] | str:
    """The same from `plan`; the message where the account fails."""
    own = settings if cash["mode"] is None else settings.replace(mode=cash["mode"])
    try:
        plan = trimtab.plan(
            rows,
            limits,
            cash=cash["cash"],
            cash_flow=cash["cash_flow"],
            settings=own,
            **tables_beside,
        )
    except InputError:
        return "failed"
    orders = [
        (
            each.asset,
            each.side,
            each.shares,
            each.amount,
            each.fee,
            each.reason,
            each.cash_after,
            each.phase,
            each.client_order_id,
        )
        for each in plan.orders
    ]
    return orders, plan.status, plan.is_settled, plan.value, plan.cash, dict(plan.reasons)

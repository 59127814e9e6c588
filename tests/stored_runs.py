"""Stored runs for tests: small plans, and records without a plan."""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal
from typing import Any

import pyarrow as pa

from trimtab.limits.order_settings import OrderSettings
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.store.plan_inputs import PlanInputs
from trimtab.store.plan_runs import PlanContext, Stamp, store_plan
from trimtab.store.record import Draft, Kind, Record
from trimtab.store.run_store import RunStore

MONDAY = dt.datetime(2026, 3, 2, 15, 30, tzinfo=dt.UTC)
VERSION = "0.1.0"
STAMP = Stamp(MONDAY, VERSION, "Ada", "a test")
ROWS: list[dict[str, Any]] = [
    {"asset": "AAA", "bucket": "Tech", "score": 0.90, "price": 180.0, "shares": 18.0},
    {"asset": "BBB", "bucket": "Tech", "score": 0.80, "price": 95.5, "shares": 10.0},
    {"asset": "CCC", "bucket": "Bond", "score": 0.50, "price": 51.2, "shares": 30.0},
    {"asset": "DDD", "bucket": "Bond", "score": 0.85, "price": 102.5, "shares": 0.0},
    {"asset": "EEE", "bucket": "Health", "score": 0.70, "price": 412.0, "shares": 4.0},
]
LIMITS = RebalancingLimits(enable_bucket_diversification=True, max_position_weight=0.25, max_allocation_per_bucket=0.5)


def inputs_of(rows: list[dict[str, Any]] | None = None, **changes: Any) -> PlanInputs:
    """The inputs of a small plan."""
    table = pa.Table.from_pylist(rows or ROWS)
    options = {"limits": LIMITS, "settings": OrderSettings(), "cash": Decimal(2621), **changes}
    return PlanInputs(table, **options)


def random_inputs(seed: int, count: int = 8) -> PlanInputs:
    """The inputs of a random plan."""
    draw = random.Random(seed)
    rows = [
        {
            "asset": f"A{number:02}",
            "bucket": draw.choice(["Tech", "Bond", "Health", "Energy/Oil"]),
            "score": round(draw.random(), 2),
            "price": round(draw.uniform(1, 400), 2),
            "shares": float(draw.choice([0, 0, draw.randrange(1, 60)])),
            "restriction": draw.choice(["", "", "", "no_buy", "no_sell"]),
        }
        for number in range(count)
    ]
    settings = OrderSettings(mode=draw.choice(["full", "buy_only", "sell_only"]), fees={"per_order": 1})
    return inputs_of(rows, settings=settings, cash=Decimal(draw.randrange(1_000, 30_000)))


def stored(store: RunStore, inputs: PlanInputs | None = None, stamp: Stamp = STAMP, **context: Any) -> Record:
    """A plan, decided and stored."""
    inputs = inputs or inputs_of()
    return store_plan(store, inputs, inputs.decide(), stamp, PlanContext(**context))


def draft(number: int = 0, **changes: Any) -> Draft:
    """A record without a plan."""
    time = (MONDAY + dt.timedelta(seconds=number)).isoformat(timespec="microseconds")
    contents = {"own": f"content {number}".encode() * 9, "shared": b"of all" * 9}
    options = {"kind": Kind.PLAN, "time": time, "version": VERSION, "rules": "r", "by": "Ada", "contents": contents}
    return Draft(**{**options, "body": {"number": number}, **changes})

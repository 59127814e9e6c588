"""Orders of many accounts: are all of them sound, and what do they cost beside targets alone?

    python benchmarks/orders_many.py [--accounts 1000000] [--candidates 50] [--rows 200000] [--seed 1] [--minutes 600]

Random accounts over a universe of 3,000 assets, planned block by block, under settings that change with each block: modes,
fees, lots, small minima, turnover, deposits, withdrawals, accounts overdrawn by a withdrawal, brakes. Every plan is measured
in numpy beside the screen and the checker that the block function runs itself: money to the micro-unit, cash after every
order, shares, and the caps of what is bought. Every `--again`th block is executed and planned again. Times are of the block
function with orders and of the one without, on the same rows, in turn.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from harness import options

from make_accounts import ASSETS, LIMITS, Universe, accounts_table  # isort: skip

from trimtab import RebalancingLimits
from trimtab.blocks.decide_block import decide_block
from trimtab.blocks.prepared_limits import PreparedLimits, votes_of
from trimtab.decimals import NANO
from trimtab.limits.order_settings import OrderSettings
from trimtab.orders.block_holdings import worths_of
from trimtab.orders.cash_table import CashTable
from trimtab.orders.checked_orders import check_orders
from trimtab.orders.decide_orders import DecidedOrders, OrderRules, decide_orders
from trimtab.orders.order_tables import REASONS, OrderList
from trimtab.orders.planned_block import plan_accounts

try:
    import tomllib
except ImportError:  # pragma: no cover
    import tomli as tomllib

PLAIN: dict[str, Any] = {}
TIGHT: dict[str, Any] = {  # on top of those of the other benchmarks
    "max_total_positions": 12,
    "max_new_positions": 12,
    "min_score_threshold": 0.55,
    "min_score_new_position": 0.55,
    "min_score_diversification": 0.55,
    "max_positions_per_bucket": 2,
    "max_allocation_per_bucket": 0.12,
    "min_buckets_represented": 9,
    "min_trade": 0.02,
    "drift_tolerance": 0.0,
    "no_trade_band": 0.0,
    "cash_band": 0.0,
    "buckets": {f"Sector{number:02d}": {"min_allocation": 0.05} for number in range(8)},
}
SETTINGS: list[dict[str, Any]] = [
    PLAIN,
    {"fees": {"per_order": 1, "rate": 0.0005}},
    {"mode": "buy_only"},
    {"mode": "sell_only"},
    {"max_turnover": 0.05, "fees": {"per_share": "0.005", "minimum": 1}, "max_fee_share": 0.02},
    {"cash_buffer": 0.02, "min_trade_amount": 100, "fees": {"per_order": "4.95"}},
    {"max_turnover": 0.03},
    {"fees": {"per_order": "9.95", "rate": 0.001}, "max_fee_share": 0.005},
]


@dataclass(frozen=True)
class Made:
    """A block of accounts with shares, and its cash."""

    table: pa.Table
    money: CashTable


def block(universe: Universe, prices: np.ndarray, rng: np.random.Generator, first: int, count: int, rows: int) -> Made:
    """Accounts worth 2,000 to a million, whole or fractional lots, some with a cash flow, few with untradable assets."""
    weights = accounts_table(universe, rng, first, count, rows, np.zeros(0, np.int64))
    number = np.repeat(np.arange(count), weights.num_rows // count)
    value = np.exp(rng.uniform(np.log(2_000), np.log(1_000_000), count))
    place = weights.column("asset").to_numpy(zero_copy_only=False)
    price = prices[np.array([int(name[2:]) for name in place])]
    lot = np.where(rng.random(count) < 0.3, 0.001, 1.0)[number]
    weight = weights.column("current_weight").to_numpy()
    shares = np.floor(weight * value[number] / price / lot) * lot
    shares = np.round(np.where(rng.random(len(shares)) < 0.02, shares + 0.37, shares), 3)
    worth = np.bincount(number, shares * price, minlength=count)
    cash = np.round(np.maximum(value - worth, 0), 2)
    flow = np.round(np.where(rng.random(count) < 0.2, value * rng.uniform(-0.2, 0.3, count), 0), 2)
    flow = np.where(cash + flow + worth > 0.2 * value, flow, 0)
    table = weights.drop_columns(["current_weight"]).append_column("shares", pa.array(shares))
    table = table.append_column("price", pa.array(price)).append_column("lot", pa.array(lot))
    notional = np.where(rng.random(len(shares)) < 0.1, 250.0, 0.0)
    table = table.append_column("min_notional", pa.array(notional))
    table = table.append_column("tradable", pa.array(rng.random(len(shares)) > 0.01))
    names = [f"P{index:08d}" for index in range(first, first + count)]
    micro = [np.rint(each * 1e6).astype(np.int64) for each in (cash, flow)]
    money = CashTable(
        names, {name: index for index, name in enumerate(names)}, *micro, np.full(count, -1), [None] * count
    )
    return Made(table, money)


def having(reasons: np.ndarray, starts: np.ndarray, good: np.ndarray) -> dict[str, int]:
    """In how many accounts each reason occurs."""
    return {
        f"reason: {name}": int((np.logical_or.reduceat(reasons == code, starts) & good).sum())
        for code, name in enumerate(REASONS)
        if code
    }


def measured(decided: DecidedOrders) -> Counter[str]:
    """What of a block can be wrong, counted in numpy from its records and nothing else."""
    assets, accounts, checked = decided.records.assets, decided.records.accounts, decided.checked
    orders = OrderList.of(decided)
    good = ~checked.left_out
    starts, sizes = checked.block.start[:-1], np.diff(checked.block.start)
    change = np.where(np.repeat(good, sizes), assets["now"] - assets["quantity"], 0)
    flow = np.where(change < 0, assets["amount"], -assets["amount"]) - assets["fee"]
    flow = np.where(change == 0, 0, flow)
    cash = accounts["cash"] + np.add.reduceat(flow, starts)
    worth = np.add.reduceat(worths_of(assets["now"], assets["price"]), starts)
    value = accounts["value_after"]
    is_buy = orders.change > 0
    lowest = np.where(is_buy, 0, np.minimum(accounts["cash"][orders.account], 0))
    bought = (change > 0) & np.repeat(good, sizes)
    limits = decided.rules.limits.limits[0]
    cap = np.minimum(limits.max_position_weight, assets["max_weight"]) * np.repeat(value, sizes).astype(np.float64)
    held = worths_of(assets["now"], assets["price"])
    return Counter(
        {
            "accounts": int(good.sum()),
            "orders": len(orders.row),
            "failed": int((~good).sum()),
            "wrong: money": int((good & ((cash != accounts["cash_after"]) | (cash + worth != value))).sum()),
            "wrong: cash below 0": int((orders.cash_after < lowest).sum()),
            "wrong: oversold": int((assets["now"] < 0).sum()),
            "wrong: caps": int((bought & (held > cap + 2)).sum()),
            **having(assets["reason"], starts, good),
        }
    )


def planned_again(made: Made, decided: DecidedOrders, rules: OrderRules) -> Counter[str]:
    """The settled accounts, executed and planned again, and the orders of the same selection that come of it."""
    assets, accounts, order = decided.records.assets, decided.records.accounts, decided.checked.order
    shares = np.zeros(len(order))
    shares[order] = assets["now"] / NANO
    index = made.table.column_names.index("shares")
    table = made.table.set_column(index, "shares", pa.array(shares))
    names = made.money.names
    after = CashTable(
        names,
        made.money.place,
        accounts["cash_after"].copy(),
        np.zeros(len(names), np.int64),
        made.money.mode,
        made.money.currency,
    )
    again = decide_orders(table, after, rules)
    starts = decided.checked.block.start[:-1]
    unfit = np.logical_or.reduceat(assets["reason"] == REASONS.index("no_lot_fits"), starts)
    moved = np.logical_or.reduceat(decided.records.answers["selected"] != again.records.answers["selected"], starts)
    promised = (accounts["status"] == 0) & (accounts["is_settled"] == 1) & ~unfit & ~moved & ~decided.checked.left_out
    promised &= ~again.checked.left_out
    orders = np.add.reduceat((again.records.assets["place"] >= 0).astype(np.int64), starts)
    return Counter({"again: settled accounts": int(promised.sum()), "again: orders": int(orders[promised].sum())})


def main() -> None:
    asked = options(__doc__, accounts=1_000_000, candidates=50, rows=200_000, seed=1, again=10, minutes=600)
    rng = np.random.default_rng(asked.seed)
    universe = Universe.random(rng)
    prices = np.round(np.exp(rng.uniform(np.log(0.8), np.log(2_500), ASSETS)), 2)
    limits = RebalancingLimits(**tomllib.loads(LIMITS))
    kinds = [*[limits] * 6, limits.replace(brake_sold_weight=0.3), limits.replace(**TIGHT)]
    counts: Counter[str] = Counter()
    times: dict[str, list[float]] = {"with orders": [], "without": [], "stage": []}
    per_block = asked.rows // asked.candidates
    stop = time.monotonic() + 60 * asked.minutes
    for number, first in enumerate(range(0, asked.accounts, per_block)):
        if number and time.monotonic() > stop:
            break
        made = block(universe, prices, rng, first, min(per_block, asked.accounts - first), asked.candidates)
        own, settings = kinds[number % len(kinds)], SETTINGS[(number + number // len(kinds)) % len(SETTINGS)]
        weighed = made.table.select(["account", "asset", "bucket", "score", "restriction"])
        votes = votes_of(weighed)
        rules = OrderRules.of({None: own}, votes, OrderSettings(**settings))
        began = time.process_time()
        decided = decide_orders(made.table, made.money, rules)
        broken, checked = check_orders(decided, OrderList.of(decided))
        middle = time.process_time()
        counts += measured(decided) + Counter({"wrong: checker": len(broken), "checked closely": checked})
        if own is limits and settings is PLAIN:
            current = decided.checked.block.current_weight
            table = weighed.append_column("current_weight", pa.array(np.where(np.isfinite(current), current, 0)))
            once = time.process_time()
            plan_accounts(made.table, made.money, rules)
            twice = time.process_time()
            decide_block(table, PreparedLimits({None: own}, votes))
            times["with orders"].append(twice - once)
            times["without"].append(time.process_time() - twice)
            times["stage"].append(middle - began)
        if number % asked.again == 0:
            counts += planned_again(made, decided, rules)
        print(f"{counts['accounts']:,} accounts", file=sys.stderr)
    for name in sorted(counts):
        share = f" ({counts[name] / counts['accounts']:.3%})" if name.startswith("reason") else ""
        print(f"{name}: {counts[name]:,}{share}")
    for name, seconds in times.items():
        print(f"{name}: {np.median(seconds[1:] or seconds) / per_block * 1e6:.1f} us an account")
    sys.exit(any(count for name, count in counts.items() if name.startswith("wrong") or name == "again: orders"))


if __name__ == "__main__":
    main()

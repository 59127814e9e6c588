"""Orders of many accounts: is every one of them sound, is nothing ordered twice, and what do they cost beside targets alone?

    python benchmarks/orders_many.py [--accounts 1000000] [--block 2000] [--seed 1] [--again 1] [--log FILE] [--stop 0]

Random accounts over a universe of 3,000 assets, planned block by block, under limits and settings that change with each
block: modes, fees, lots, small minimums, turnover, deposits, withdrawals, accounts overdrawn by a withdrawal, brakes, tax lots
with a limit on gains. Every plan is measured by `tests/order_measures.py`, and one block in five by trimtab's own screen and
checker. Every plan that section 16 of the rules calls final is executed and planned again through `trimtab.plan_many`, in one
block of `--again` (0: never).

Each block has its own seed. With `--log` a line is kept for each, and a second run goes on where the first one ended; `--stop`
is the number of minutes after which no block begins. Times are those of the block function with orders and of the one
without, on the same rows, in turn.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from harness import options
from order_blocks import RELIEFS, WITH_LOTS, AccountBlock, Lots, Market, account_block, brought, random_lots
from order_measures import Made, measured, rules_of

import trimtab
from trimtab.blocks.decide_block import decide_block
from trimtab.blocks.prepared_limits import PreparedLimits, votes_of
from trimtab.decimals import MICRO
from trimtab.kernel.order_block import OrderAccounts, OrderLimits, OrderRecords, plan_block
from trimtab.kernel.order_records import TAX_LOT, PlanStatus, Relief
from trimtab.kernel.records import NO_PARTNERS
from trimtab.orders.cash_table import CashTable
from trimtab.orders.checked_orders import check_orders
from trimtab.orders.decide_orders import DecidedOrders, OrderRules, decide_orders
from trimtab.orders.order_tables import MONEY, REASONS, SHARES, OrderList, exact
from trimtab.orders.planned_block import plan_accounts

BY_CHECKER = 5  # one block in so many goes through the checker of trimtab, too
WEIGHED = ["account", "asset", "bucket", "score", "restriction"]


def made_of(records: OrderRecords, decided: DecidedOrders) -> Made:
    """The decision as plain arrays."""
    assets, accounts = records.assets, records.accounts
    own = [np.ascontiguousarray(assets[name]) for name in ("now", "amount", "fee", "place", "reason")]
    lots = [np.ascontiguousarray(records.lots[name]) for name in ("taken", "gain")]
    ends = [np.ascontiguousarray(accounts[name]) for name in ("cash_after", "value_after", "status")]
    return Made(*own, *lots, *ends, accounts["is_settled"].astype(np.bool_), np.asarray(decided.checked.left_out))


def measured_block(made: AccountBlock, decided: DecidedOrders, *, by_checker: bool) -> Counter[str]:
    """What is wrong with the orders of a block; `by_checker`: according to trimtab's own screen and checker, too."""
    buckets = made.table.column("bucket").fill_null("Unknown").to_numpy(zero_copy_only=False)
    rules, node_of = rules_of(made.limits, made.settings, tuple(sorted(set(buckets.tolist()))))
    counts = measured(brought(made, decided, node_of, None), made_of(decided.records, decided), rules)
    if by_checker:
        broken, closely = check_orders(decided, OrderList.of(decided))
        counts["seen by the checker"] = counts["accounts"]
        counts["seen closely"], counts["wrong: checker"] = closely, len(broken)
    return counts


def measured_with_lots(made: AccountBlock, decided: DecidedOrders, rng: np.random.Generator) -> Counter[str]:
    """The same accounts with tax lots and a limit on gains; blocks do not read lots, so the kernel gets them here."""
    order, checked, rules = decided.checked.order, decided.checked, decided.rules
    lots = random_lots(rng, made.shares[order], made.price[order])
    relief, gain = RELIEFS[int(rng.integers(len(RELIEFS)))], int(rng.choice([0, 50, 500]))
    settings = made.settings.replace(relief=relief, rate_short=0.3, rate_long=0.15, max_realized_gain=gain)
    records = OrderRecords(
        decided.records.assets.copy(), lot_records(lots), *(own.copy() for own in decided.records[2:])
    )
    records.assets["lots_begin"], records.assets["lots_end"] = lots.start[:-1], lots.start[1:]
    for name, value in {
        "max_realized_gain": gain * MICRO,
        "relief": Relief[relief.upper()],
        "rate_short": 0.3,
        "rate_long": 0.15,
    }.items():
        records.accounts[name] = value
    prepared, start = rules.limits.kernel(checked.nodes), checked.block.start
    own = OrderAccounts(
        start, _ranged(records, lots, start), np.zeros(len(start), np.int64), checked.accounts.limits, checked.left_out
    )
    plan_block(own, OrderLimits(prepared.settings, prepared.trees, prepared.tree_start), NO_PARTNERS, None, records)
    buckets = made.table.column("bucket").fill_null("Unknown").to_numpy(zero_copy_only=False)
    plain, node_of = rules_of(made.limits, settings, tuple(sorted(set(buckets.tolist()))))
    worthless = records.accounts["status"] == PlanStatus.NO_VALUE
    done = made_of(records, decided)
    return measured(brought(made, decided, node_of, lots), done._replace(left_out=done.left_out | worthless), plain)


def lot_records(lots: Lots) -> Any:
    records = np.zeros(len(lots.shares), TAX_LOT)
    for name, values in {
        "quantity": lots.shares,
        "cost": lots.cost,
        "acquired": lots.day,
        "is_long": lots.is_long,
    }.items():
        records[name] = values
    return records


def _ranged(records: OrderRecords, lots: Lots, start: Any) -> Any:
    """Where the lots of each account begin; those of its assets count from there."""
    begins = lots.start[start]
    offset = np.repeat(begins[:-1], np.diff(start))
    records.assets["lots_begin"] -= offset
    records.assets["lots_end"] -= offset
    return begins


def planned_again(made: AccountBlock, decided: DecidedOrders) -> Counter[str]:
    """The final plans, executed and planned again, and what is ordered then."""
    records, order, checked = decided.records, decided.checked.order, decided.checked
    assets, accounts, starts = records.assets, records.accounts, decided.checked.block.start[:-1]
    unfit = np.logical_or.reduceat(assets["reason"] == REASONS.index("no_lot_fits"), starts)
    is_final = (accounts["status"] == PlanStatus.OK) & accounts["is_settled"] & ~unfit & ~checked.left_out
    if not is_final.any():
        return Counter()
    shares = np.zeros(len(order), np.int64)
    shares[order] = assets["now"]
    index = made.table.column_names.index("shares")
    table = made.table.set_column(index, "shares", exact(shares, SHARES))
    kept = np.repeat(is_final, np.diff(checked.block.start))
    names = np.array(made.money.names)
    cash = pa.table({"account": names[is_final], "cash": exact(accounts["cash_after"][is_final], MONEY)})
    again = trimtab.plan_many(table.filter(pa.array(kept)), made.limits, accounts=cash, settings=made.settings)
    trading = pa.array(np.isin(names, again.orders.column("account").unique().to_pylist()) & is_final)
    counts = Counter({"again: executed": int(is_final.sum()), "again: failed": len(again.failed)})
    moved, unstable = selections(made, decided, table, np.flatnonzero(trading))
    ordered = np.flatnonzero(trading)[~moved]
    counts["again: selection changes"] = int(moved.sum())
    counts["again: selection changes, but not on the weights alone"] = int((moved & ~unstable).sum())
    counts["again: settled accounts"] = counts["again: executed"] - int(moved.sum()) - len(again.failed)
    counts["again: accounts with orders"] = len(ordered)
    for kind, numbers in (("ordered again", ordered), ("selected anew", np.flatnonzero(trading)[moved & ~unstable])):
        if len(numbers):
            print(f"{kind}: {names[numbers][:5].tolist()}")
    return counts


def selections(made: AccountBlock, decided: DecidedOrders, table: pa.Table, numbers: Any) -> tuple[Any, Any]:
    """Of some accounts: whether the second plan selects other assets, and whether the pass changes its own weights."""
    block, order, records = decided.checked.block, decided.checked.order, decided.records
    account_of = np.repeat(np.arange(len(block.accounts)), np.diff(block.start))
    here = np.isin(account_of, numbers)  # the same rows in both orders: accounts are not mixed
    money, count = made.money, len(numbers)
    names = [money.names[number] for number in numbers]
    cash = CashTable(
        names,
        {name: index for index, name in enumerate(names)},
        records.accounts["cash_after"][numbers],
        np.zeros(count, np.int64),
        money.mode[numbers],
        [None] * count,
    )
    if not count:
        return np.zeros(0, np.bool_), np.zeros(0, np.bool_)
    again = decide_orders(table.filter(pa.array(here)), cash, decided.rules)
    starts = again.checked.block.start[:-1]
    moved = np.logical_or.reduceat(records.answers["selected"][here] != again.records.answers["selected"], starts)
    target, cap, kind = (np.zeros(len(order)) for _ in range(3))
    target[order], cap[order], kind[order] = (
        records.answers["target"],
        records.rows["max_weight"],
        records.rows["restriction"],
    )
    rows = table.select(["account", "asset", "bucket", "score"]).append_column("current_weight", pa.array(target))
    rows = rows.append_column("max_weight", pa.array(cap, mask=np.isinf(cap)))
    words = pa.array(["", "no_buy", "no_sell", "no_trade"]).take(pa.array(kind.astype(np.int8)))
    weighed = decide_block(rows.append_column("restriction", words).filter(pa.array(here)), decided.rules.limits)
    change = np.abs(weighed.targets.column("target_weight").to_numpy() - target[here])
    return moved, np.maximum.reduceat(change, starts) > 1e-9


def timed(made: AccountBlock, decided: DecidedOrders, rules: OrderRules) -> dict[str, float]:
    """Seconds of the block function with orders and of the one without."""
    current = decided.checked.block.current_weight
    weighed = made.table.select(WEIGHED)
    table = weighed.append_column("current_weight", pa.array(np.where(np.isfinite(current), current, 0)))
    began = time.process_time()
    plan_accounts(made.table, made.money, rules)
    middle = time.process_time()
    decide_block(table, PreparedLimits({None: made.limits}, rules.limits.votes))
    return {"with orders": middle - began, "without": time.process_time() - middle}


def block_counts(
    market: Market, seed: int, number: int, size: int, again: int
) -> tuple[Counter[str], dict[str, float]]:
    """Everything measured in one block, and the seconds it took; one block in `again` is planned again."""
    rng = np.random.default_rng([seed, number])
    made = account_block(market, rng, number * size, size)
    rules = OrderRules.of({None: made.limits}, votes_of(made.table.select(WEIGHED)), made.settings)
    began = time.process_time()
    decided = decide_orders(made.table, made.money, rules)
    if number % WITH_LOTS == 0:
        counts = measured_with_lots(made, decided, rng)
    else:
        counts = measured_block(made, decided, by_checker=number % BY_CHECKER == 1)
        counts.update(planned_again(made, decided) if again and number % again == 0 else {})
    seconds = {"cpu": time.process_time() - began}
    return counts, seconds | (timed(made, decided, rules) if number % 20 == 1 else {})


def main() -> None:
    asked = options(__doc__, accounts=1_000_000, block=2_000, seed=1, log="", again=1, stop=0)
    log = Path(asked.log) if asked.log else None
    lines = [json.loads(line) for line in log.read_text().splitlines()] if log is not None and log.exists() else []
    done, began = {line["block"] for line in lines}, time.monotonic()
    market = Market.random(asked.seed)
    for number in range(-(-asked.accounts // asked.block)):
        if number in done or (asked.stop and time.monotonic() - began > 60 * asked.stop):
            continue
        counts, seconds = block_counts(market, asked.seed, number, asked.block, asked.again)
        lines.append({"block": number, "counts": counts, "seconds": seconds})
        if log is not None:
            with log.open("a") as file:
                file.write(json.dumps(lines[-1]) + "\n")
        print(f"block {number}: {sum(line['counts']['accounts'] for line in lines):,} accounts", file=sys.stderr)
    total: Counter[str] = Counter()
    for line in lines:
        total.update(line["counts"])
    for name in sorted(total):
        share = f" ({total[name] / total['accounts']:.3%})" if name.startswith(("reason", "status")) else ""
        print(f"{name}: {total[name]:,}{share}")
    print(f"cpu: {sum(line['seconds']['cpu'] for line in lines) / 60:.1f} minutes")
    for name in ("with orders", "without"):
        seconds = [line["seconds"][name] for line in lines if name in line["seconds"]][1:]
        if seconds:
            print(f"{name}: {np.median(seconds) / asked.block * 1e6:.1f} us an account")
    sys.exit(
        any(count for name, count in total.items() if name.startswith("wrong") or name == "again: accounts with orders")
    )


if __name__ == "__main__":
    main()

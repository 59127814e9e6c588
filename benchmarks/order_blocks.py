"""Random blocks of accounts for the benchmarks of orders: limits and settings that bind, and every reason of an order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from make_accounts import ASSETS, LIMITS, Universe, accounts_table
from order_measures import Brought

from trimtab import RebalancingLimits
from trimtab.decimals import MICRO, NANO
from trimtab.limits.order_settings import OrderSettings
from trimtab.orders.cash_table import CashTable
from trimtab.orders.decide_orders import DecidedOrders

try:
    import tomllib
except ImportError:  # pragma: no cover
    import tomli as tomllib

SHARED = RebalancingLimits(**tomllib.loads(LIMITS))
TIGHT = SHARED.replace(
    max_total_positions=12,
    max_new_positions=12,
    min_score_threshold=0.55,
    min_score_new_position=0.55,
    min_score_diversification=0.55,
    max_positions_per_bucket=2,
    max_allocation_per_bucket=0.12,
    min_buckets_represented=9,
    min_trade=0.02,
    drift_tolerance=0.0,
    no_trade_band=0.0,
    cash_band=0.0,
    buckets={f"Sector{number:02d}": {"min_allocation": 0.05} for number in range(8)},
)
OPEN = SHARED.replace(max_new_positions=60, max_positions_per_bucket=60, min_buckets_represented=0)
# At its limit of positions, with minimums: closing and opening compete for turnover.
FULL = OPEN.replace(
    max_total_positions=25,
    max_position_weight=0.1,
    min_buckets_represented=8,
    buckets={f"Sector{number:02d}": {"min_allocation": 0.06} for number in range(6)},
)
KINDS: list[RebalancingLimits] = [SHARED, OPEN, OPEN, OPEN.replace(max_position_weight=0.04), FULL, TIGHT]
KINDS += [SHARED.replace(brake_sold_weight=0.3)]
SETTINGS: list[dict[str, Any]] = [
    {},
    {"fees": {"per_order": 1, "rate": 0.0005}},
    {"mode": "buy_only"},
    {"mode": "sell_only"},
    {"max_turnover": 0.05, "fees": {"per_share": "0.005", "minimum": 1}, "max_fee_share": 0.02},
    {"cash_buffer": 0.02, "min_trade_amount": 100, "fees": {"per_order": "4.95"}},
    {"max_turnover": 0.1},
    {"fees": {"per_order": "9.95", "rate": 0.001}, "max_fee_share": 0.005},
    {"max_turnover": 0.2},
]
RELIEFS = ("fifo", "lifo", "hifo", "lofo", "min_tax")
WITH_LOTS = 8  # one block in so many has tax lots and a limit on gains


@dataclass(frozen=True)
class AccountBlock:
    """Accounts as a table and as exact numbers, with their cash, in the order of the table."""

    table: pa.Table
    money: CashTable
    limits: RebalancingLimits
    settings: OrderSettings
    price: np.ndarray  # micro-units
    shares: np.ndarray  # nano-shares, like `lot`
    lot: np.ndarray
    min_notional: np.ndarray
    tradable: np.ndarray
    restriction: np.ndarray  # 1 no_buy, 2 no_sell, 3 both


@dataclass(frozen=True)
class Lots:
    """The tax lots of a block, those of a holding by day; row i of the block has start[i] to start[i + 1]."""

    start: np.ndarray
    shares: np.ndarray
    cost: np.ndarray
    day: np.ndarray
    is_long: np.ndarray


@dataclass(frozen=True)
class Market:
    """The assets that all accounts share, and their prices."""

    universe: Universe
    prices: np.ndarray

    @classmethod
    def random(cls, seed: int) -> Market:
        """The same for the same seed."""
        rng = np.random.default_rng(seed)
        universe = Universe.random(rng)
        return cls(universe, np.round(np.exp(rng.uniform(np.log(0.8), np.log(2_500), ASSETS)), 2))


def account_block(market: Market, rng: np.random.Generator, first: int, count: int) -> AccountBlock:
    """Accounts worth 2,000 to a million, whole or fractional lots, some with a cash flow, few with untradable assets."""
    weights = accounts_table(market.universe, rng, first, count, int(rng.integers(20, 61)), np.zeros(0, np.int64))
    number = np.repeat(np.arange(count), weights.num_rows // count)
    value = np.exp(rng.uniform(np.log(2_000), np.log(1_000_000), count))
    place = weights.column("asset").to_numpy(zero_copy_only=False)
    price = market.prices[np.array([int(name[2:]) for name in place])]
    lot = np.where(rng.random(count) < 0.3, 0.001, 1.0)[number]
    weight = weights.column("current_weight").to_numpy()
    shares = np.floor(weight * value[number] / price / lot) * lot
    shares = np.round(np.where(rng.random(len(shares)) < 0.02, shares + 0.37, shares), 3)
    worth = np.bincount(number, shares * price, minlength=count)
    cash = np.round(np.maximum(value - worth, 0), 2)
    flow = np.round(np.where(rng.random(count) < 0.2, value * rng.uniform(-0.2, 0.3, count), 0), 2)
    flow = np.where(cash + flow + worth > 0.2 * value, flow, 0)
    notional = np.where(rng.random(len(shares)) < 0.1, 250.0, 0.0)
    tradable = rng.random(len(shares)) > 0.01
    table = weights.drop_columns(["current_weight"]).append_column("shares", pa.array(shares))
    table = table.append_column("price", pa.array(price)).append_column("lot", pa.array(lot))
    table = table.append_column("min_notional", pa.array(notional)).append_column("tradable", pa.array(tradable))
    names = [f"P{index:08d}" for index in range(first, first + count)]
    micro = [np.rint(each * MICRO).astype(np.int64) for each in (cash, flow)]
    places = {name: index for index, name in enumerate(names)}
    restriction = weights.column("restriction").to_numpy(zero_copy_only=False)
    codes = np.select([restriction == name for name in ("no_buy", "no_sell", "no_trade")], [1, 2, 3], 0)
    return AccountBlock(
        table,
        CashTable(names, places, *micro, np.full(count, -1), [None] * count),
        KINDS[int(rng.integers(len(KINDS)))],
        OrderSettings(**SETTINGS[int(rng.integers(len(SETTINGS)))]),
        *(np.rint(each * unit).astype(np.int64) for each, unit in ((price, MICRO), (shares, NANO), (lot, NANO))),
        np.rint(notional * MICRO).astype(np.int64),
        tradable,
        codes,
    )


def random_lots(rng: np.random.Generator, shares: np.ndarray, price: np.ndarray) -> Lots:
    """One to three purchases of each holding, at 60 to 140 % of the price, some on one day."""
    counts = np.where(shares > 0, np.minimum(rng.integers(1, 4, len(shares)), np.maximum(shares, 1)), 0)
    start = np.concatenate([[0], np.cumsum(counts)])
    row = np.repeat(np.arange(len(shares)), counts)
    rank = np.arange(len(row)) - start[row]
    parts = (shares // np.maximum(counts, 1))[row]
    parts += np.where(rank == 0, (shares - shares // np.maximum(counts, 1) * counts)[row], 0)
    cost = np.maximum(1, parts / NANO * price[row] * rng.uniform(0.6, 1.4, len(row))).astype(np.int64)
    day = 739_000 + rng.integers(0, 900, len(row))
    day = np.where(rng.random(len(row)) < 0.1, 739_500, day)
    order = np.lexsort((day, row))
    day = day[order]
    return Lots(start, parts, cost, day, day < 739_534)


def brought(made: AccountBlock, decided: DecidedOrders, parents_of: dict[str, int], lots: Lots | None) -> Brought:
    """The block as it came, each account's rows by asset name; `lots` are in that order already."""
    order, start = decided.checked.order, decided.checked.block.start
    mode = made.settings.mode
    buckets = made.table.column("bucket").fill_null("Unknown").to_numpy(zero_copy_only=False)[order]
    held, score = made.shares[order], made.table.column("score").to_numpy()[order]
    restriction, tradable = made.restriction[order], made.tradable[order]
    nothing = np.zeros(0, np.int64)
    own = lots or Lots(np.zeros(len(order) + 1, np.int64), nothing, nothing, nothing, np.zeros(0, np.bool_))
    return Brought(
        start,
        made.price[order],
        held,
        made.lot[order],
        made.min_notional[order],
        tradable & (restriction & 1 == 0) & (mode != "sell_only"),
        tradable & (restriction & 2 == 0) & (mode != "buy_only"),
        np.isnan(score),
        np.full(len(order), np.inf),
        np.array([parents_of[name] for name in buckets.tolist()]),
        own.start,
        own.shares,
        own.cost,
        own.day,
        own.is_long,
        made.money.cash + made.money.cash_flow,
    )

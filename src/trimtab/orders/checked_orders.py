"""Orders of a block, measured: the compiled screen proves the plain case, the checker of orders the rest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from trimtab.bucket_path import bucket_name
from trimtab.candidates.checks import RESTRICTIONS
from trimtab.certificate.order_checker import MadePlan, TradedAsset, broken_orders
from trimtab.certificate.order_screen import (
    OrderBounds,
    OrderLimitBounds,
    ScreenedAccounts,
    ScreenedAssets,
    ScreenedOrders,
    screen_orders,
)
from trimtab.decimals import MICRO, money_of, scaled, shares_of
from trimtab.errors import BrokenLimitError, InputError
from trimtab.kernel.order_records import OrderMode, PlanStatus
from trimtab.kernel.records import Flags
from trimtab.limits.order_settings import OrderSettings
from trimtab.orders.decide_orders import DecidedOrders
from trimtab.orders.order import LotSold, lots_sold
from trimtab.orders.order_tables import OrderList
from trimtab.orders.tax_lots import TaxLot
from trimtab.reasons import OrderReason
from trimtab.rebalancing.doors import broken_fault

_MODES = {mode: mode.name.lower() for mode in OrderMode}


class _ListedOrder(NamedTuple):
    """An order as the checker reads it."""

    asset: str
    side: str
    shares: Decimal
    price: Decimal
    amount: Decimal
    fee: Decimal
    closes: bool
    reason: str
    cash_after: Decimal
    lots: tuple[LotSold, ...]
    client_order_id: str


def check_orders(decided: DecidedOrders, orders: OrderList) -> tuple[dict[int, str], int]:
    """The accounts whose orders break a rule, each with its reason, and how many plans went through the checker."""
    proven = _proven(decided, orders)
    unproven = np.flatnonzero(~proven & ~decided.checked.left_out).tolist()
    failed = {}
    for account in unproven:
        sentences = broken_orders(_made_plan(decided, orders, account))
        if sentences:
            name = decided.checked.block.accounts[account].as_py()
            failed[account] = str(InputError([broken_fault(BrokenLimitError(sentences), name)]))
    return failed, len(unproven)


def _proven(decided: DecidedOrders, orders: OrderList) -> Flags:
    checked, records, rules = decided.checked, decided.records, decided.rules
    assets, accounts, settings = records.assets, records.accounts, rules.settings
    prepared, fees = rules.limits.screen(checked.nodes), settings.fees
    forbids_buying, forbids_selling = prepared.forbids_buying, prepared.forbids_selling
    restriction, tradable = assets["restriction"], assets["tradable"].astype(np.bool_)
    screened = ScreenedAssets(
        price=np.ascontiguousarray(assets["price"]),
        shares=np.ascontiguousarray(assets["quantity"]),
        lot=np.ascontiguousarray(assets["lot"]),
        min_notional=np.ascontiguousarray(assets["min_notional"]),
        may_buy=tradable & ~forbids_buying[restriction],
        may_sell=tradable & ~forbids_selling[restriction],
        max_weight=np.ascontiguousarray(assets["max_weight"]),
        bucket=checked.block.bucket.codes[checked.order].astype(np.int64),
    )
    modes = accounts["mode"]
    money = ScreenedAccounts(
        start=checked.block.start,
        limits=checked.accounts.limits,
        left_out=checked.left_out,
        cash=np.ascontiguousarray(accounts["cash"]),
        cash_after=np.ascontiguousarray(accounts["cash_after"]),
        value_after=np.ascontiguousarray(accounts["value_after"]),
        may_buy=modes != OrderMode.SELL_ONLY,
        may_sell=modes != OrderMode.BUY_ONLY,
    )
    limits = rules.limits.limits
    bounds = OrderLimitBounds(
        prepared.bounds,
        np.array([each.min_trade for each in limits]),
        np.array([each.drift_tolerance for each in limits]),
        prepared.bucket_limits,
        prepared.bucket_limits_start,
        prepared.node_of,
    )
    min_amount = settings.min_trade_amount
    own = OrderBounds(
        cash_buffer=float(settings.cash_buffer),
        min_trade_amount=-1 if min_amount is None else scaled(min_amount, MICRO),
        max_fee_share=float(settings.max_fee_share),
        per_order=scaled(fees.per_order, MICRO),
        per_share=scaled(fees.per_share, MICRO),
        rate=float(fees.rate),
        minimum=scaled(fees.minimum, MICRO),
        max_turnover=math.inf if settings.max_turnover is None else float(settings.max_turnover),
    )
    listed = ScreenedOrders(orders.start, orders.row, orders.change, orders.amount, orders.fee, orders.cash_after)
    proven = np.zeros(len(accounts), np.bool_)
    screen_orders(listed, screened, money, bounds, own, proven)
    if decided.lots.source is not None:  # the screen knows no tax lots
        proven[np.diff(decided.lots.start) > 0] = False
    return proven


def _made_plan(decided: DecidedOrders, orders: OrderList, account: int) -> MadePlan:
    """The facts of one account that the checker measures."""
    checked, records = decided.checked, decided.records
    begin, end = int(checked.block.start[account]), int(checked.block.start[account + 1])
    money = records.accounts[account]
    assets, reasons, names = {}, {}, {}
    for place in range(begin, end):
        row, asset = int(checked.order[place]), records.assets[place]
        name = names[place] = str(checked.block.asset.at(row))
        assets[name] = TradedAsset(
            price=int(asset["price"]),
            shares=int(asset["quantity"]),
            lot=int(asset["lot"]),
            min_notional=int(asset["min_notional"]),
            tradable=bool(asset["tradable"]),
            restriction=RESTRICTIONS[int(asset["restriction"])],
            bucket=bucket_name(checked.block.bucket.at(row)),
            max_weight=float(asset["max_weight"]),
            lots={lot.lot_id: (lot.quantity, lot.cost) for lot in _lots_of(decided, place, account)},
        )
        reasons[name] = OrderReason(int(asset["reason"])).code
    listed = [
        _listed(decided, orders, index, names, account)
        for index in range(orders.start[account], orders.start[account + 1])
    ]
    return MadePlan(
        limits=decided.rules.limits.limits[int(checked.accounts.limits[account])],
        settings=_in_mode(decided.rules.settings, OrderMode(int(money["mode"]))),
        assets=assets,
        cash=int(money["cash"]),
        orders=listed,
        reasons=reasons,
        cash_after=int(money["cash_after"]),
        value_after=int(money["value_after"]),
        is_settled=bool(money["is_settled"]) and money["status"] != PlanStatus.LIMITED,
    )


def _in_mode(settings: OrderSettings, mode: OrderMode) -> OrderSettings:
    return settings if settings.mode == _MODES[mode] else settings.replace(mode=_MODES[mode])


def _lots_of(decided: DecidedOrders, row: int, account: int) -> Sequence[TaxLot]:
    return () if decided.lots.source is None else decided.lots.of(row, account)


def _sold(decided: DecidedOrders, row: int, account: int) -> tuple[LotSold, ...]:
    """The tax lots that an order takes."""
    own = _lots_of(decided, row, account)
    if not own:
        return ()
    taken = decided.records.lots[decided.lots.places(row, account)]
    return lots_sold(own, taken)


def _listed(
    decided: DecidedOrders, orders: OrderList, number: int, names: dict[int, str], account: int
) -> _ListedOrder:
    place = int(orders.row[number])
    asset, change = decided.records.assets[place], int(orders.change[number])
    return _ListedOrder(
        names[place],
        "buy" if change > 0 else "sell",
        shares_of(abs(change)),
        money_of(int(asset["price"])),
        money_of(int(orders.amount[number])),
        money_of(int(orders.fee[number])),
        bool(asset["now"] == 0),
        OrderReason(int(asset["reason"])).code,
        money_of(int(orders.cash_after[number])),
        _sold(decided, place, account),
        f"order {number}",
    )

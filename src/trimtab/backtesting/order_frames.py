"""Orders in whole lots of a run, as frames in exact decimals: each order as planned and as traded, holdings, plans."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import polars as pl

from trimtab.backtesting.market_history import MarketHistory
from trimtab.backtesting.result_frames import candidates_of
from trimtab.decimals import money_of, shares_of
from trimtab.kernel.backtest_records import RunRecords, WholeLots
from trimtab.kernel.order_records import PlanStatus
from trimtab.kernel.records import Ints
from trimtab.reasons import OrderReason

_MONEY, _SHARES = pl.Decimal(38, 6), pl.Decimal(38, 9)


def _money(values: Ints) -> pl.Series:
    return pl.Series([money_of(value) for value in values.tolist()], dtype=_MONEY)


def _shares(values: Ints) -> pl.Series:
    return pl.Series([shares_of(value) for value in values.tolist()], dtype=_SHARES)


def _dates(history: MarketHistory, sessions: Ints) -> pl.Series:
    return history.calendar.gather(sessions.astype(np.int64))


def _named(history: MarketHistory, assets: Ints) -> pl.Series:
    return pl.Series(history.assets, dtype=pl.String).gather(assets)


def orders_frame(history: MarketHistory, run: RunRecords, client_order_ids: Iterable[str]) -> pl.DataFrame:
    """One row for each order, day after day in the order of execution, as planned and as traded."""
    step, asset = np.nonzero(run.orders["place"] >= 0)
    in_order = np.lexsort((run.orders["place"][step, asset], step))
    step, asset = step[in_order], asset[in_order]
    orders = run.orders[step, asset]
    change = orders["now"] - orders["quantity"]
    return pl.DataFrame(
        {
            "date": _dates(history, run.steps["traded"][step]),
            "decided": _dates(history, run.steps["decided"][step]),
            "asset": _named(history, asset),
            "side": np.where(change > 0, "buy", "sell"),
            "shares": _shares(np.abs(change)),
            "price": _money(orders["price"]),
            "amount": _money(orders["amount"]),
            "fee": _money(orders["fee"]),
            "reason": [OrderReason(reason).code for reason in orders["reason"].tolist()],
            "traded_shares": _shares(orders["traded"]),
            "traded_price": _money(orders["traded_price"]),
            "traded_amount": _money(orders["traded_amount"]),
            "traded_fee": _money(orders["traded_fee"]),
            "traded_cost": _money(orders["traded_cost"]),
            "cash_after": _money(orders["cash_after"]),
            "client_order_id": pl.Series(list(client_order_ids), dtype=pl.String),
        }
    )


def holdings_frame(history: MarketHistory, run: RunRecords) -> pl.DataFrame:
    """One row for each decision and asset held after its trades."""
    step, asset = np.nonzero(run.orders["held"] > 0)
    return pl.DataFrame(
        {
            "date": _dates(history, run.steps["decided"][step]),
            "trade_date": _dates(history, run.steps["traded"][step]),
            "asset": _named(history, asset),
            "shares": _shares(run.orders["held"][step, asset]),
        }
    )


def plans_frame(history: MarketHistory, run: RunRecords) -> pl.DataFrame:
    """One row for each decision: the account at the prices of the decision, and its cash after the trades."""
    plans = run.plans
    return pl.DataFrame(
        {
            "date": _dates(history, run.steps["decided"]),
            "trade_date": _dates(history, run.steps["traded"]),
            "status": [PlanStatus(status).name.lower() for status in plans["status"].tolist()],
            "is_settled": plans["is_settled"],
            "orders": (run.orders["place"] >= 0).sum(axis=1),
            "value": _money(plans["value"]),
            "cash": _money(plans["cash"]),
            "fees": _money(run.orders["traded_fee"].sum(axis=1)),
            "cash_after": _money(plans["cash_after"]),
        }
    )


def plan_rows(history: MarketHistory, whole: WholeLots, run: RunRecords, step: int) -> list[dict[str, Any]]:
    """The candidates of a decision as `trimtab.plan` takes them: with shares, prices and lots instead of weights."""
    day = int(np.searchsorted(history.market.rebalance_days["session"], run.steps["decided"][step]))
    rows = []
    for row in candidates_of(history, run, step):
        asset = history.assets.index(row["asset"])
        price = int(whole.price[day, asset])
        del row["current_weight"]
        rows.append(
            {
                **row,
                "shares": shares_of(int(run.orders["quantity"][step, asset])),
                "price": money_of(price) if price else None,
                "lot": shares_of(int(whole.lot[asset])),
            }
        )
    return rows

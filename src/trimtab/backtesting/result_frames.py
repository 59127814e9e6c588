"""The records of a run, as frames: one row a session, a decision, a trade, a candidate of a decision, a bucket."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import polars as pl

from trimtab.backtesting.market_history import MarketHistory
from trimtab.backtesting.scores_by_date import NUMBERS
from trimtab.bucket_path import UNKNOWN, split_path
from trimtab.kernel.backtest_records import RunRecords
from trimtab.kernel.records import Ints
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.reasons import Action, Reason, SizeReason

_CUT = 1.0 - 1e-9
_CODES: dict[str, list[str]] = {
    "action": [member.code for member in Action],
    "reason": [member.code for member in Reason],
    "size_reason": [member.code for member in SizeReason],
}


def _days(history: MarketHistory, sessions: Ints) -> pl.Series:
    return history.calendar.gather(sessions.astype(np.int64))


def _named(names: tuple[str, ...], codes: Any) -> pl.Series:
    return pl.Series(names, dtype=pl.String).gather(np.asarray(codes, np.int64))


def equity_frame(history: MarketHistory, run: RunRecords) -> pl.DataFrame:
    """`date`, `equity`, `cash`, `return` (since the session before; null on the first)."""
    frame = pl.DataFrame({"date": history.calendar, "equity": run.equity, "cash": run.cash})
    return frame.with_columns((pl.col("equity") / pl.col("equity").shift(1) - 1.0).alias("return"))


def turnover_frame(history: MarketHistory, run: RunRecords) -> pl.DataFrame:
    """One row a decision: its day, the day of its trades, amounts, costs by kind, and what was left in cash."""
    steps, total = run.steps, history.settings.costs.rate
    parts = {
        name: (steps["paid"] - steps["fees"]) * (rate / total) if total > 0 else np.zeros(len(steps))
        for name, rate in history.settings.costs.rates.items()
    }
    bought, sold, value = steps["bought"], steps["sold"], steps["value"]
    return pl.DataFrame(
        {
            "date": _days(history, steps["decided"]),
            "trade_date": _days(history, steps["traded"]),
            "value": value,
            "bought": bought,
            "sold": sold,
            "turnover": np.maximum(bought, sold) / value,
            **parts,
            **({"fees": steps["fees"]} if history.whole is not None else {}),
            "cost": steps["paid"],
            "cash": steps["cash"],
            "positions": (run.ledger["after"] > 0).sum(axis=1),
            "unfilled": run.ledger["unfilled"].sum(axis=1),
            "buys_cut": steps["buy_fraction"] < _CUT,
            "braked": steps["braked"],
        }
    )


def _cells(history: MarketHistory, run: RunRecords, where: Any) -> tuple[dict[str, Any], tuple[Ints, Ints]]:
    """Columns that name some cells of the ledger: day, day of the trades, asset, bucket; and the cells."""
    step, asset = np.nonzero(where)
    decided = run.steps["decided"][step]
    asked = np.searchsorted(history.market.rebalance_days["session"], decided)
    named = {
        "date": _days(history, decided),
        "trade_date": _days(history, run.steps["traded"][step]),
        "asset": _named(history.assets, asset),
        "bucket": _named(history.buckets, history.market.memberships["bucket"][asked, asset]),
    }
    return named, (step, asset)


def weights_frame(history: MarketHistory, run: RunRecords) -> pl.DataFrame:
    """The holdings before or after each decision: drifted, target and traded weights."""
    ledger = run.ledger
    named, cells = _cells(history, run, (ledger["after"] > 0) | (ledger["current"] > 0))
    return pl.DataFrame(
        {
            **named,
            "current_weight": ledger["current"][cells],
            "target_weight": run.answers["target"][cells],
            "weight": ledger["after"][cells],
        }
    )


def trades_frame(history: MarketHistory, run: RunRecords) -> pl.DataFrame:
    """One row an order; the amount is above 0 for a buy, 0 where there was no price to trade at."""
    ledger = run.ledger
    named, cells = _cells(history, run, (ledger["amount"] != 0) | ledger["unfilled"])
    session = run.steps["traded"][cells[0]]
    amount = ledger["amount"][cells]
    wanted = run.answers["target"][cells] - ledger["current"][cells]
    frame = pl.DataFrame(
        {
            **named,
            "side": np.where(np.where(amount != 0, amount, wanted) > 0, "buy", "sell"),
            "amount": amount,
            "weight": amount / run.steps["value"][cells[0]],
            "price": pl.Series(history.market.trade_price[session, cells[1]]).fill_nan(None),
            "cost": np.abs(amount) * history.settings.costs.rate,
            "filled": ~ledger["unfilled"][cells],
        }
    )
    renamed = frame.rename({"date": "decided", "trade_date": "date"})
    return renamed.select("date", "decided", pl.exclude("date", "decided"))


def decisions_frame(history: MarketHistory, run: RunRecords) -> pl.DataFrame:
    """Every candidate of every decision: score and the day it is of, weights, action, reason, size reason."""
    named, cells = _cells(history, run, run.ledger["candidate"])
    answers = run.answers[cells]
    days = history.market.rebalance_days
    offer = days["scores"][np.searchsorted(days["session"], run.steps["decided"][cells[0]])]
    codes = {name: pl.Series(values).gather(answers[name].astype(np.int64)) for name, values in _CODES.items()}
    return pl.DataFrame(
        {
            **named,
            "score": pl.Series(history.market.scores["score"][offer, cells[1]]).fill_nan(None),
            "score_date": pl.Series(history.score_days, dtype=pl.Date).gather(offer),
            "current_weight": run.ledger["current"][cells],
            "target_weight": answers["target"],
            **codes,
        }
    )


def removed_frame(history: MarketHistory, run: RunRecords) -> pl.DataFrame:
    """Holdings that left without a trade: their symbol had no price for too long."""
    gone = history.market.delisted[run.proceeds > 0]
    money = run.proceeds[run.proceeds > 0]
    return pl.DataFrame(
        {
            "date": _days(history, gone["session"]),
            "asset": _named(history.assets, gone["asset"]),
            "last_price_date": _days(history, gone["last"]),
            "price": history.market.close[gone["session"], gone["asset"]],
            "amount": money,
            "weight": money / run.equity[gone["session"]],
        }
    )


def bucket_weights_frame(weights: pl.DataFrame, limits: RebalancingLimits) -> pl.DataFrame:
    """Weight and number of positions of every bucket, and of each part of its path, after each decision."""
    held = weights.filter(pl.col("weight") > 0)
    parts = pl.DataFrame(
        [
            (bucket, limits.bucket_separator.join(split_path(bucket, limits.bucket_separator)[:depth]), depth)
            for bucket in held["bucket"].unique().sort()
            for depth in range(1, len(split_path(bucket, limits.bucket_separator)) + 1)
        ],
        {"bucket": pl.String, "node": pl.String, "depth": pl.Int64},
        orient="row",
    )
    return (
        held.join(parts, on="bucket")
        .group_by("date", "trade_date", "node", "depth")
        .agg(pl.col("weight").sum(), positions=pl.len().cast(pl.Int64))
        .rename({"node": "bucket"})
        .sort("date", "bucket")
    )


def candidates_of(history: MarketHistory, run: RunRecords, step: int) -> list[dict[str, Any]]:
    """The rows of one decision as `trimtab.rebalance` takes them."""
    day_index = int(np.searchsorted(history.market.rebalance_days["session"], run.steps["decided"][step]))
    rebalance_day = history.market.rebalance_days[day_index]
    session, offer = int(rebalance_day["session"]), history.market.scores[int(rebalance_day["scores"])]
    rows = []
    for asset in np.flatnonzero(run.ledger["candidate"][step]).tolist():
        known, place = offer[asset], history.market.memberships[day_index, asset]
        bucket = history.buckets[int(place["bucket"])]
        restriction = "" if place["member"] else "no_buy"
        numbers = {name: float(known[field]) for name, field in NUMBERS.items()}
        rows.append(
            {
                "asset": history.assets[asset],
                "bucket": None if bucket == UNKNOWN else bucket,
                "current_weight": float(run.ledger["current"][step, asset]),
                "restriction": restriction if history.market.priced[session, asset] else "no_trade",
                **{name: None if np.isnan(value) else value for name, value in numbers.items()},
            }
        )
    return rows


def date_of(history: MarketHistory, run: RunRecords, step: int) -> dt.date:
    """The day of a decision."""
    return history.dates[int(run.steps["decided"][step])]

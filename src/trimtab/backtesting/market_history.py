"""The history that policies run over, as arrays: prices, days to decide on, and the knowledge on each. Made once for
all.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from trimtab.backtesting.cash_growth import cash_growth
from trimtab.backtesting.exposure_history import ExposureHistory
from trimtab.backtesting.rebalance_days import period_ends, rebalance_sessions
from trimtab.backtesting.scores_by_date import (
    Scorer,
    ScoresByDate,
    default_scores,
    scores_from_table,
    scores_from_views,
)
from trimtab.backtesting.settings import DRIFT, BacktestSettings
from trimtab.backtesting.whole_lots import whole_lots
from trimtab.bucket_path import UNKNOWN
from trimtab.errors import Fault, InputError, nearest
from trimtab.kernel.backtest_records import BUCKET_AND_MEMBERSHIP, DELISTED, REBALANCE_DAY, Market, WholeLots
from trimtab.kernel.records import Flags, Floats, Ints, Records
from trimtab.market.market_data import MarketData
from trimtab.market.opens import DifferingOpens, described_opens, differing_opens


@dataclass(frozen=True, eq=False)
class MarketHistory:
    """The arrays of a backtest, with the names of their rows and columns; from the first rebalance day on.

    `buckets` are the names behind the codes of `market.memberships`, the first is `Unknown`; `score_days` are the days of
    the rows of `market.scores`.
    """

    settings: BacktestSettings
    data: MarketData
    dates: tuple[dt.date, ...]
    assets: tuple[str, ...]
    buckets: tuple[str, ...]
    score_days: tuple[dt.date, ...]
    market: Market
    whole: WholeLots | None = None
    differing_opens: tuple[DifferingOpens, ...] = ()
    exposures: ExposureHistory | None = None

    @cached_property
    def calendar(self) -> pl.Series:
        """The sessions as a column of days."""
        return pl.Series(self.dates, dtype=pl.Date)

    @cached_property
    def sessions_per_year(self) -> int:
        """Sessions in a year: from the settings, else from the market data, else from the dates of all prices."""
        return self.settings.sessions_per_year or self.data.sessions_per_year


def market_history_of(
    data: MarketData,
    settings: BacktestSettings,
    *,
    scores: Any,
    opens: MarketData | None,
    lots: Any = None,
    exposures: ExposureHistory | None = None,
) -> MarketHistory:
    """The history in market data.

    Raises
    ------
    InputError
        No session to decide on and trade after, or scores, exposures or cash rates that begin too late.
    """
    decided = rebalance_sessions(data.sessions, settings)
    stop = len(data.sessions) if settings.end is None else bisect_right(data.sessions, settings.end)
    sessions = data.sessions[:stop]
    view = data.as_of(sessions[-1])
    assets = tuple(view.prices.columns[1:])
    known = _scores(scores, data, [sessions[session] for session in decided], sessions, settings, assets)
    decided = _from_first_score(known, sessions, decided, settings)
    first, days = decided[0], [sessions[session] for session in decided]
    close = np.array(view.prices.drop("date").to_numpy(), np.float64, order="C")  # polars lends some read-only
    priced = np.isfinite(close)
    rebalance_days = np.zeros(len(decided), REBALANCE_DAY)
    rebalance_days["session"] = np.array(decided) - first
    rebalance_days["scores"] = _score_rows(known, days)
    if exposures is not None:
        rebalance_days["exposures"] = exposures.periods(days)
    memberships, buckets = _memberships(data, days, assets)
    trade_price, differing = (close, ()) if opens is None else _opens(opens, close, sessions, assets)
    market = Market(
        close=_last_known(close, priced)[first:],
        trade_price=trade_price[first:],
        priced=priced[first:],
        cash_growth=cash_growth(sessions[first:], settings.cash_rate),
        delisted=_delisted(priced, first, settings.gone_after),
        rebalance_days=rebalance_days,
        scores=known.records,
        memberships=memberships,
        cost=settings.costs.rate,
        drift=-1.0 if settings.drift is None else settings.drift,
    )
    whole = whole_lots(market, settings, assets, lots)
    return MarketHistory(
        settings, data, sessions[first:], assets, buckets, known.days, market, whole, differing, exposures
    )


def _last_known(close: Floats, priced: Flags) -> Floats:
    """The last price up to each session, NaN before the first."""
    gaps = np.flatnonzero(~priced.all(axis=0))
    known = close.copy() if gaps.size else close
    sessions = np.arange(len(close))
    for asset in gaps:
        known[:, asset] = close[np.maximum.accumulate(np.where(priced[:, asset], sessions, 0)), asset]
    return known


def _scores(
    scores: Any,
    data: MarketData,
    days: list[dt.date],
    sessions: Sequence[dt.date],
    settings: BacktestSettings,
    assets: Sequence[str],
) -> ScoresByDate:
    """Scores from a table, or from views: of the rebalance days; with drift, of the first day and of month ends."""
    if scores is not None and not callable(scores):
        return scores_from_table(scores, assets)
    scorer: Scorer = default_scores if scores is None else scores
    if settings.every == DRIFT:
        ends = [sessions[session] for session in period_ends(sessions, "month")]
        days = [days[0], *(end for end in ends if end > days[0])]
    return scores_from_views(data, scorer, days, assets)


def _from_first_score(
    scores: ScoresByDate, sessions: Sequence[dt.date], decided: list[int], settings: BacktestSettings
) -> list[int]:
    """The sessions from the first score on, unless a start or days are given."""
    if settings.start is None and isinstance(settings.every, str):
        scored = np.isfinite(scores.records["score"]).any(axis=1)
        known = [day for day, has_score in zip(scores.days, scored, strict=True) if has_score]
        return [session for session in decided if known and sessions[session] >= known[0]] or decided[-1:]
    return decided


def _score_rows(scores: ScoresByDate, days: Sequence[dt.date]) -> Ints:
    """For each day the row of the latest scores that are known."""
    rows = np.array([bisect_right(scores.days, day) - 1 for day in days], np.int64)
    if rows[0] < 0:
        problem = f"no score is known on {days[0].isoformat()}, the first day to decide on"
        advice = f"the first is of {scores.days[0].isoformat()}: start then, or give earlier scores"
        raise InputError([Fault(problem, advice)], "the scores")
    return rows


def _memberships(data: MarketData, days: Sequence[dt.date], assets: Sequence[str]) -> tuple[Records, tuple[str, ...]]:
    """Bucket and membership of each asset on each day, and the names of the buckets."""
    memberships = np.zeros((len(days), len(assets)), BUCKET_AND_MEMBERSHIP)
    memberships["member"] = True
    code_of: dict[str, int] = {UNKNOWN: 0}
    latest: Mapping[str, str] | None = None
    codes = np.zeros(len(assets), np.int32)
    for row, day in enumerate(days):
        bucket_of, members = data.buckets_on(day), data.members_on(day)
        if bucket_of is not latest and bucket_of is not None:
            latest = bucket_of
            named = [latest.get(asset, UNKNOWN) for asset in assets]
            codes = np.array([code_of.setdefault(name, len(code_of)) for name in named], np.int32)
        memberships["bucket"][row] = codes
        if members is not None:
            memberships["member"][row] = [asset in members for asset in assets]
    return memberships, tuple(code_of)


def _opens(
    opens: MarketData, close: Floats, sessions: Sequence[dt.date], assets: Sequence[str]
) -> tuple[Floats, tuple[DifferingOpens, ...]]:
    """The prices at the open of each session, NaN where they do not fit the close; and those that do not."""
    wide = opens.as_of(sessions[-1]).prices
    known = [asset for asset in assets if asset in wide.columns]
    calendar, own = pl.DataFrame({"date": sessions}), wide.select("date", *known)
    frame = calendar.join(own, on="date", how="left", maintain_order="left")
    missing = [pl.lit(None, pl.Float64).alias(asset) for asset in assets if asset not in known]
    open_prices = np.ascontiguousarray(frame.with_columns(missing).select(assets).to_numpy(), np.float64)
    is_off = differing_opens(open_prices, close)
    return np.where(is_off, np.nan, open_prices), described_opens(is_off, open_prices, close, sessions, assets)


def _delisted(priced: Flags, first: int, after: int) -> Records:
    """Where an asset has had no price for `after` sessions, judged from earlier sessions alone."""
    events: list[tuple[int, int, int]] = []
    for asset in np.flatnonzero(~priced[first:].all(axis=0)).tolist():
        rows = np.flatnonzero(priced[:, asset])
        ends = np.append(rows[1:], priced.shape[0])
        lasts = rows[(ends - rows > after) & (rows >= first)].tolist()  # every holding was bought, and so had a price
        events += [(last + after - first, asset, last - first) for last in lasts]
    return np.array(sorted(events), DELISTED) if events else np.zeros(0, DELISTED)


def refuse_unknown_assets(names: Iterable[str], assets: Sequence[str], what: str) -> None:
    """Refuse names that have no price.

    Raises
    ------
    InputError
        With the nearest name of each.
    """
    known = set(assets)
    missing = [name for name in names if name not in known]
    if missing:
        raise InputError([Fault("has no price", nearest(name, assets), value=name) for name in missing], what)

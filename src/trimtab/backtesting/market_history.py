"""Everything that policies walk over, as arrays: prices, when they are asked, what is known then. Made once, used by all."""

from __future__ import annotations

import datetime as dt
import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from trimtab.backtesting.scores_by_date import Offers, default_scores, offers_from_table, offers_from_views
from trimtab.backtesting.settings import DRIFT, Terms, period_ends
from trimtab.bucket_path import UNKNOWN
from trimtab.errors import Fault, InputError, nearest
from trimtab.kernel.backtest_records import ASKED, GONE, PLACE
from trimtab.kernel.records import Flags, Floats, Ints, Records
from trimtab.market.market_data import MarketData
from trimtab.market.typed_columns import days_of, frame_of, numbers_of, required

_YEAR = 365.0


@dataclass(frozen=True, eq=False)
class Course:
    """The arrays of `kernel.walk`, with the names of their rows and columns; from the first asked session on.

    `buckets` are the names behind the codes of `places`; the first is `Unknown`.
    """

    terms: Terms
    data: MarketData
    dates: tuple[dt.date, ...]
    assets: tuple[str, ...]
    price: Floats
    trade: Floats
    seen: Flags
    growth: Floats
    gone: Records
    asked: Records
    offers: Offers
    places: Records
    buckets: tuple[str, ...]

    @cached_property
    def calendar(self) -> pl.Series:
        """The sessions as a column of days."""
        return pl.Series(self.dates, dtype=pl.Date)

    def arrays(self) -> tuple[Any, ...]:
        """The arguments of `walk` up to the policy."""
        return self.price, self.trade, self.seen, self.growth, self.gone, self.asked, self.offers.records, self.places


def course_of(data: MarketData, terms: Terms, *, scores: Any, opens: MarketData | None, cash_rate: Any) -> Course:
    """The course through market data.

    Raises
    ------
    InputError
        No session on which the policy could be asked and trade afterwards; scores or rates that are not there then.
    """
    sessions = data.sessions
    stop = len(sessions) if terms.end is None else bisect_right(sessions, terms.end)
    asked = _asked_sessions(sessions[:stop], terms)
    view = data.as_of(sessions[stop - 1])
    assets = tuple(view.prices.columns[1:])
    offers = _offers(scores, data, [sessions[at] for at in asked], sessions[:stop], terms, assets)
    asked = _scored_from(offers, sessions, asked, terms)
    first, days = asked[0], [sessions[at] for at in asked]
    close = np.ascontiguousarray(view.prices.drop("date").to_numpy(), np.float64)
    seen = np.isfinite(close)
    records = np.zeros(len(asked), ASKED)
    records["session"] = np.array(asked) - first
    records["offer"] = _offer_rows(offers, days)
    places, buckets = _places(data, days, assets)
    return Course(
        terms,
        data,
        sessions[first:stop],
        assets,
        _last_known(close, seen)[first:],
        (close if opens is None else _opens(opens, sessions[:stop], assets))[first:],
        seen[first:],
        _growth(sessions[first:stop], cash_rate),
        _gone(seen, first, terms.gone_after),
        records,
        offers,
        places,
        buckets,
    )


def _last_known(close: Floats, seen: Flags) -> Floats:
    """The last price up to each session, NaN before the first."""
    gaps = np.flatnonzero(~seen.all(axis=0))
    known = close.copy() if gaps.size else close
    at = np.arange(len(close))
    for asset in gaps:
        known[:, asset] = close[np.maximum.accumulate(np.where(seen[:, asset], at, 0)), asset]
    return known


def _asked_sessions(sessions: Sequence[dt.date], terms: Terms) -> list[int]:
    """The sessions on which the policy is asked: inside the range, and with a session after them to trade on."""
    begin = 0 if terms.start is None else bisect_left(sessions, terms.start)
    if terms.every == DRIFT:
        asked = list(range(len(sessions)))
    elif isinstance(terms.every, str):
        asked = period_ends(sessions, terms.every)
    else:
        asked = _given_days(sessions, terms.every)
    found = [at for at in asked if begin <= at < len(sessions) - 1]
    if not found:
        known = f"{sessions[0].isoformat()} to {sessions[-1].isoformat()}" if sessions else "none"
        problem = "there is no day on which to decide with a session after it to trade on"
        raise InputError([Fault(problem, f"widen start and end, or ask more often; the sessions: {known}")])
    return found


def _given_days(sessions: Sequence[dt.date], days: Iterable[dt.date]) -> list[int]:
    """The sessions of these days; each must be one."""
    place = {session: at for at, session in enumerate(sessions)}
    missing = [day for day in days if day not in place and (not sessions or sessions[0] <= day <= sessions[-1])]
    if missing:
        at = bisect_right(sessions, missing[0]) - 1
        advice = f"the session before it is {sessions[at].isoformat()}"
        raise InputError([Fault("a day in every is no session", advice, value=missing[0].isoformat())])
    return [place[day] for day in days if day in place]


def _offers(
    scores: Any, data: MarketData, days: list[dt.date], sessions: Sequence[dt.date], terms: Terms, assets: Sequence[str]
) -> Offers:
    """Offers from a table, or from views: of the days asked, on drift of the month ends and of the first day."""
    if scores is not None and not callable(scores):
        return offers_from_table(scores, assets)
    scorer: Callable[..., Any] = default_scores if scores is None else scores
    if terms.every == DRIFT:
        ends = [sessions[at] for at in period_ends(sessions, "month")]
        days = [days[0], *(end for end in ends if end > days[0])]
    return offers_from_views(data, scorer, days, assets)


def _scored_from(offers: Offers, sessions: Sequence[dt.date], asked: list[int], terms: Terms) -> list[int]:
    """The asked sessions: where neither a start nor days were given, from the first on which any asset has a score."""
    if terms.start is None and isinstance(terms.every, str):
        scored = np.isfinite(offers.records["score"]).any(axis=1)
        known = [day for day, has in zip(offers.days, scored, strict=True) if has]
        begun = [at for at in asked if known and sessions[at] >= known[0]]
        return begun or asked[-1:]
    return asked


def _offer_rows(offers: Offers, days: Sequence[dt.date]) -> Ints:
    """For each day the row of the latest offers that are known."""
    rows = np.array([bisect_right(offers.days, day) - 1 for day in days], np.int64)
    if rows[0] < 0:
        problem = f"there is no score on or before {days[0].isoformat()}, a day on which the policy is asked"
        advice = f"the first is of {offers.days[0].isoformat()}: start then, or give earlier scores"
        raise InputError([Fault(problem, advice)], "the scores")
    return rows


def _places(data: MarketData, days: Sequence[dt.date], assets: Sequence[str]) -> tuple[Records, tuple[str, ...]]:
    """Bucket and membership of each asset on each day."""
    places = np.zeros((len(days), len(assets)), PLACE)
    places["member"] = True
    code_of: dict[str, int] = {UNKNOWN: 0}
    latest: Mapping[str, str] | None = None
    codes = np.zeros(len(assets), np.int32)
    for at, day in enumerate(days):
        bucket_of, members = data.buckets_on(day), data.members_on(day)
        if bucket_of is not latest and bucket_of is not None:
            latest = bucket_of
            named = [latest.get(asset, UNKNOWN) for asset in assets]
            codes = np.array([code_of.setdefault(name, len(code_of)) for name in named], np.int32)
        places["bucket"][at] = codes
        if members is not None:
            places["member"][at] = [asset in members for asset in assets]
    return places, tuple(code_of)


def _opens(opens: MarketData, sessions: Sequence[dt.date], assets: Sequence[str]) -> Floats:
    """The prices at the open of each session, NaN where there is none."""
    wide = opens.as_of(sessions[-1]).prices
    known = [asset for asset in assets if asset in wide.columns]
    frame = pl.DataFrame({"date": sessions}).join(
        wide.select("date", *known), on="date", how="left", maintain_order="left"
    )
    missing = [pl.lit(None, pl.Float64).alias(asset) for asset in assets if asset not in known]
    return np.ascontiguousarray(frame.with_columns(missing).select(assets).to_numpy(), np.float64)


def _gone(seen: Flags, first: int, after: int) -> Records:
    """Where an asset has had no price for `after` sessions: known from the sessions up to then alone."""
    found: list[tuple[int, int, int]] = []
    for asset in np.flatnonzero(~seen[first:].all(axis=0)).tolist():
        rows = np.flatnonzero(seen[:, asset])
        ends = np.append(rows[1:], seen.shape[0])
        lasts = rows[(ends - rows > after) & (rows >= first)].tolist()  # what is held was bought, and so had a price
        found += [(last + after - first, asset, last - first) for last in lasts]
    return np.array(sorted(found), GONE) if found else np.zeros(0, GONE)


def _growth(dates: Sequence[dt.date], cash_rate: Any) -> Floats:
    """What 1 of cash has become on each session since the one before: (1 + rate) ** (days / 365)."""
    rates = _rates(dates, cash_rate)
    growth = np.ones(len(dates))
    for at in range(1, len(dates)) if any(rates) else ():
        growth[at] = (1.0 + rates[at - 1]) ** ((dates[at] - dates[at - 1]).days / _YEAR)
    return growth


def _rates(dates: Sequence[dt.date], given: Any) -> list[float]:
    """The rate of a year that is known on each session."""
    if given is None or isinstance(given, int | float):
        if given is None or isinstance(given, bool) or not -1.0 < given <= 1.0:
            raise _rate_fault(given)
        return [float(given)] * len(dates)
    frame, source = frame_of(given, "the rates of cash")
    days = days_of(frame[required(frame, ("date", "day"), source)], source)
    numbers, _ = numbers_of(frame[required(frame, ("rate", "cash_rate"), source)], source)
    known = pl.DataFrame({"day": days, "rate": numbers}).sort("day")
    at = [bisect_right(known["day"].to_list(), date) - 1 for date in dates]
    if at[0] < 0:
        advice = f"the first is of {known['day'][0].isoformat()}: give earlier ones, or start later"
        raise InputError([Fault(f"there is no rate on or before {dates[0].isoformat()}", advice)], source)
    rates = known["rate"].fill_null(math.nan).to_list()
    for rate in rates:
        if not -1.0 < rate <= 1.0:
            raise _rate_fault(rate)
    return [rates[row] for row in at]


def _rate_fault(value: Any) -> InputError:
    advice = "give the rate of a year as a fraction, such as 0.02, or a table with date and rate"
    return InputError([Fault("cash_rate is no rate", advice, value=value)])


def unknown_assets(names: Iterable[str], assets: Sequence[str], what: str) -> None:
    """Refuse names that no price has.

    Raises
    ------
    InputError
        With the nearest name of each.
    """
    missing = [name for name in names if name not in set(assets)]
    if missing:
        raise InputError([Fault("has no price", nearest(name, assets), value=name) for name in missing], what)

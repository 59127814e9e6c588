"""The sessions on which a policy may decide."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from trimtab.backtesting.settings import DRIFT, BacktestSettings
from trimtab.errors import Fault, InputError


def rebalance_sessions(all_sessions: Sequence[dt.date], settings: BacktestSettings) -> list[int]:
    """The numbers of the sessions to decide on: from `start` to `end`, each with a session after it to trade on.

    Raises
    ------
    InputError
        Given days outside the data, or no day is left.
    """
    stop = len(all_sessions) if settings.end is None else bisect_right(all_sessions, settings.end)
    sessions = all_sessions[:stop]
    first = 0 if settings.start is None else bisect_left(sessions, settings.start)
    if settings.every == DRIFT:
        days = list(range(len(sessions)))
    elif isinstance(settings.every, str):
        days = period_ends(sessions, settings.every)
    else:
        days = _given_days(all_sessions, settings.every)
    usable = [day for day in days if first <= day < len(sessions) - 1]
    if not usable:
        known = f"{all_sessions[0].isoformat()} to {all_sessions[-1].isoformat()}"
        problem = "no day to decide on has a session after it to trade on"
        raise InputError([Fault(problem, f"widen start and end, or decide more often; sessions: {known}")])
    return usable


def period_ends(sessions: Sequence[dt.date], period: str) -> list[int]:
    """The sessions after which another week (from Monday), month or quarter begins.

    The last session is never one: that it ends a period shows only at the next.
    """
    keys = [_period(session, period) for session in sessions]
    return [index for index in range(len(keys) - 1) if keys[index] != keys[index + 1]]


def _period(session: dt.date, period: str) -> tuple[int, int]:
    if period == "week":
        return session.isocalendar()[:2]
    return session.year, session.month if period == "month" else (session.month - 1) // 3


def _given_days(sessions: Sequence[dt.date], days: Sequence[dt.date]) -> list[int]:
    """The numbers of these days; each must be a session with another one after it."""
    number = {session: index for index, session in enumerate(sessions)}
    faults = []
    for day in days:
        if not sessions[0] <= day <= sessions[-1]:
            known = f"the sessions go from {sessions[0].isoformat()} to {sessions[-1].isoformat()}"
            faults.append(Fault("a day in every is outside the prices", known, value=day.isoformat()))
        elif day not in number:
            before = sessions[bisect_right(sessions, day) - 1]
            advice = f"the session before it is {before.isoformat()}"
            faults.append(Fault("a day in every is not a session", advice, value=day.isoformat()))
    if not faults and number[days[-1]] == len(sessions) - 1:
        advice = "leave it out, or give later prices: a decision trades at the next session"
        faults.append(Fault("a day in every is the last session", advice, value=days[-1].isoformat()))
    if faults:
        raise InputError(faults)
    return [number[day] for day in days]

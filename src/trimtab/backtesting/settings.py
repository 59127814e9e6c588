"""The terms of a backtest: what a trade costs, when the policy is asked, where it trades, what cash earns."""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trimtab.backtesting.trading_costs import TradingCosts
from trimtab.errors import Fault, InputError, nearest
from trimtab.market.typed_columns import Date, day

PERIODS = ("week", "month", "quarter")
DRIFT = "drift"


@dataclass(frozen=True)
class Terms:
    """The terms that hold for every policy of a comparison. See `trimtab.backtest` for their meaning."""

    costs: TradingCosts
    every: str | tuple[dt.date, ...]
    drift: float
    trade_at: str
    gone_after: int
    start: dt.date | None
    end: dt.date | None

    @classmethod
    def of(
        cls,
        *,
        costs: TradingCosts | None,
        every: str | Iterable[Date],
        drift: float | None,
        trade_at: str,
        gone_after: int,
        start: Date | None,
        end: Date | None,
    ) -> Terms:
        """Checked terms.

        Raises
        ------
        InputError
            A value that cannot be, with what can.
        """
        if costs is not None and not isinstance(costs, TradingCosts):
            raise _fault("costs are no TradingCosts", "give trimtab.TradingCosts(commission_bps=...)", costs)
        if trade_at not in ("close", "open"):
            raise _fault("trade_at is not known", "write close or open: of the next session", trade_at)
        if isinstance(gone_after, bool) or not isinstance(gone_after, int) or gone_after < 1:
            raise _fault("gone_after is no number of sessions", "give a whole number of 1 or more", gone_after)
        first, last = (None if given is None else day(given, name) for given, name in ((start, "start"), (end, "end")))
        if first is not None and last is not None and last < first:
            raise _fault(f"end is before start ({first.isoformat()})", "swap the two", last.isoformat())
        asked = _every(every)
        return cls(
            TradingCosts() if costs is None else costs, asked, _drift(drift, asked), trade_at, gone_after, first, last
        )


def _every(given: str | Iterable[Date]) -> str | tuple[dt.date, ...]:
    """A word for a period, or the days themselves, ascending."""
    if isinstance(given, str):
        if given not in (*PERIODS, DRIFT):
            advice = f"{nearest(given, (*PERIODS, DRIFT))} Or give the days"
            raise _fault("every is not known", advice, given)
        return given
    try:
        days = tuple(day(one, "a day in every") for one in given)
    except TypeError:
        raise _fault("every is not known", f"write {', '.join((*PERIODS, DRIFT))}, or give the days", given) from None
    if not days or any(later <= earlier for earlier, later in itertools.pairwise(days)):
        raise _fault("the days in every are not ascending, or none", "give each day once, the earliest first", None)
    return days


def _drift(given: float | None, every: str | tuple[dt.date, ...]) -> float:
    """The distance that a weight may drift, -1 where that is not what decides."""
    if every != DRIFT:
        if given is not None:
            raise _fault('drift goes with every="drift"', "leave it out, or set every", given)
        return -1.0
    if given is None:
        raise _fault('every="drift" needs drift', "say how far a weight may drift, such as drift=0.05", None)
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0.0 < given < 1.0 or math.isnan(given):
        raise _fault("drift is no fraction above 0", "give a fraction, such as 0.05 for 5 points", given)
    return float(given)


def _fault(problem: str, advice: str, value: object) -> InputError:
    return InputError([Fault(problem, advice, value=value)])


def period_ends(sessions: Sequence[dt.date], period: str) -> list[int]:
    """The sessions after which another week (from Monday), month or quarter begins.

    The last session is never one: that it ends a period shows only at the next.
    """
    keys = [_period(session, period) for session in sessions]
    return [at for at in range(len(keys) - 1) if keys[at] != keys[at + 1]]


def _period(session: dt.date, period: str) -> tuple[int, int]:
    if period == "week":
        return session.isocalendar()[:2]
    return session.year, session.month if period == "month" else (session.month - 1) // 3

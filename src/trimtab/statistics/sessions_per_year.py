"""The number of sessions in a year: 252 for exchanges, 365 if trading never stops, 52 for weekly prices, 12 for
monthly.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from trimtab.statistics.performance import YEAR

_DAYS = 365.25  # of a year
# Days between two sessions, shortest and longest -> sessions a year.
_SPACINGS = ((6.0, 8.0, 52), (13.0, 15.0, 26), (28.0, 31.0, 12), (89.0, 92.0, 4), (180.0, 185.0, 2), (363.0, 368.0, 1))
_REGULAR = 0.5  # of the most frequent weekday: sessions from which on a weekday is one of trading


def sessions_per_year(days: Iterable[dt.date]) -> int:
    """The sessions of a year, read from the days on which there are prices.

    Daily prices have 252 a year where five weekdays or fewer have sessions, 365 where all seven have, and 313 with six.
    A weekday counts if it has at least half as many sessions as the most frequent one, so that an extra session on a
    Saturday changes nothing. Otherwise the usual distance between two sessions decides: 52 for weeks, 26 for every second
    week, 12 for months, 4, 2 and 1; and where it is none of these, sessions over years. A gap in the data does not matter,
    since the usual distance is a median.

    Parameters
    ----------
    days
        The sessions, in any order; fewer than two count as daily.

    Examples
    --------
    >>> months = [dt.date(2024, month, 28) for month in range(1, 13)]
    >>> sessions_per_year(months), sessions_per_year([dt.date(2024, 1, 5), dt.date(2024, 1, 8)])
    (12, 252)
    """
    sessions = np.unique(np.array(list(days), "datetime64[D]"))
    distances = np.diff(sessions).astype(np.float64)
    usual = float(np.median(distances)) if len(distances) else 1.0
    if usual < 2.0 or (len(distances) < 3 and usual <= 4.0):  # two days may have a weekend between them
        return _daily(sessions)
    for shortest, longest, count in _SPACINGS:
        if shortest <= usual <= longest:
            return count
    years = float((sessions[-1] - sessions[0]).astype(np.int64)) / _DAYS
    return max(1, round(len(distances) / years))


def _daily(sessions: npt.NDArray[np.datetime64]) -> int:
    weekday = (sessions.astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday, 3 days after Monday
    counts = np.bincount(weekday, minlength=7)
    trading = int((counts >= max(1.0, _REGULAR * float(counts.max(initial=0)))).sum())
    return YEAR if trading <= 5 else round(_DAYS * trading / 7)

"""The growth of cash from session to session."""

from __future__ import annotations

import datetime as dt
import math
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from trimtab.errors import Fault, InputError
from trimtab.kernel.records import Floats
from trimtab.market.typed_columns import days_of, frame_of, numbers_of, required

_YEAR = 365.0


def cash_growth(dates: Sequence[dt.date], cash_rate: Any) -> Floats:
    """The growth of 1 of cash into each session from the one before: (1 + rate) ** (days / 365), shape (sessions,).

    Raises
    ------
    InputError
        A rate is not a fraction, or no rate is known on the first session.
    """
    rates = _rates(dates, cash_rate)
    growth = np.ones(len(dates))
    for index in range(1, len(dates)) if any(rates) else ():
        growth[index] = (1.0 + rates[index - 1]) ** ((dates[index] - dates[index - 1]).days / _YEAR)
    return growth


def _rates(dates: Sequence[dt.date], cash_rate: Any) -> list[float]:
    """The yearly rate that is known on each session."""
    if cash_rate is None or isinstance(cash_rate, int | float):
        if cash_rate is None or isinstance(cash_rate, bool) or not -1.0 < cash_rate <= 1.0:
            raise _rate_fault(cash_rate)
        return [float(cash_rate)] * len(dates)
    frame, source = frame_of(cash_rate, "the cash rates")
    days = days_of(frame[required(frame, ("date", "day"), source)], source)
    numbers, _ = numbers_of(frame[required(frame, ("rate", "cash_rate"), source)], source)
    if days.is_duplicated().any():
        row = int((~days.is_first_distinct()).arg_max() or 0)
        fault = Fault("the day has two rates", "keep one of the two", row=row + 1, value=days[row].isoformat())
        raise InputError([fault], source)
    known = pl.DataFrame({"day": days, "rate": numbers}).sort("day")
    row_of = [bisect_right(known["day"].to_list(), date) - 1 for date in dates]
    if row_of[0] < 0:
        advice = f"the first is from {known['day'][0].isoformat()}: give earlier ones, or start later"
        raise InputError([Fault(f"no cash rate is known on {dates[0].isoformat()}", advice)], source)
    rates = known["rate"].fill_null(math.nan).to_list()
    for rate in rates:
        if not -1.0 < rate <= 1.0:
            raise _rate_fault(rate)
    return [rates[row] for row in row_of]


def _rate_fault(value: Any) -> InputError:
    advice = "give a yearly rate as a fraction, such as 0.02, or a table with date and rate"
    return InputError([Fault("cash_rate is not a rate", advice, value=value)])

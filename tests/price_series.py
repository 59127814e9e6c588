"""Series of prices for tests: dates, long tables, and random walks from one seed."""

from __future__ import annotations

import datetime as dt
import math
import random
from collections.abc import Mapping, Sequence

import polars as pl

START = dt.date(2020, 1, 1)


def days(count: int, start: dt.date = START) -> list[dt.date]:
    """The first weekdays from a day on."""
    weekdays, day = [], start
    while len(weekdays) < count:
        if day.weekday() < 5:
            weekdays.append(day)
        day += dt.timedelta(days=1)
    return weekdays


def long(series: Mapping[str, Sequence[float | None]], start: dt.date = START) -> pl.DataFrame:
    """A long table of prices; where a price is None there is no row."""
    count = max(map(len, series.values()))
    dates = days(count, start)
    rows = [
        {"date": dates[index], "symbol": symbol, "close": price}
        for symbol, prices in series.items()
        for index, price in enumerate(prices)
        if price is not None
    ]
    return pl.DataFrame(rows, schema={"date": pl.Date, "symbol": pl.String, "close": pl.Float64})


def walk(seed: int, count: int, drift: float = 0.0003, move: float = 0.01) -> list[float]:
    """A random walk of prices from 100."""
    rng = random.Random(seed)
    price, prices = 100.0, []
    for _ in range(count):
        price *= math.exp(rng.gauss(drift, move))
        prices.append(price)
    return prices


def walks(symbols: Sequence[str], count: int, seed: int = 0) -> dict[str, list[float | None]]:
    """A random walk a symbol."""
    return {symbol: list(walk(seed + index, count)) for index, symbol in enumerate(symbols)}

"""What is wrong with a series, where, and whether it keeps its symbol from being scored."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from types import MappingProxyType

import polars as pl

# kind -> (the sentence with {value}, what to do, whether it blocks its symbol)
_KINDS = MappingProxyType(
    {
        "duplicate_day": ("has {value:.0f} prices on one day", "keep one of them", True),
        "not_a_number": ("has a price that is no finite number", "write a number, or leave it empty", True),
        "not_positive": ("has the price {value:g}", "a price is above 0; leave it empty if there is none", True),
        "split_like_jump": (
            "goes to {value:.4g} times the price before, as in a split",
            "give prices adjusted for splits, or accept the day",
            True,
        ),
        "unit_like_jump": (
            "goes to {value:.4g} times the price before, as if the unit had changed",
            "give all prices in one unit, or accept the day",
            True,
        ),
        "large_jump": ("goes to {value:.4g} times the price before", "check it, or accept the day", True),
        "unchanged_price": (
            "has had one price for {value:.0f} sessions",
            "check the source, or raise unchanged_sessions",
            True,
        ),
        "gap": ("lacks the price of {value:.0f} of the last {of} sessions, this day first", "fill the gap", True),
        "stale_price": (
            "has its last price here, {value:.0f} sessions before the last session",
            "add the later prices, or leave the symbol out",
            True,
        ),
        "off_session": (
            "has a price on a day that is no session for most symbols; it is not used",
            "remove it, or give these symbols apart",
            False,
        ),
        "duplicate_fundamentals": (
            "has {value:.0f} rows of fundamentals known on one day; none of them is used",
            "keep one of them",
            False,
        ),
        "not_a_fundamental": (
            "has fundamentals ({value:.0f}) that are no finite number; they count as missing",
            "write numbers, or leave them empty",
            False,
        ),
    }
)
EVENTS = pl.Schema({"symbol": pl.String, "date": pl.Date, "kind": pl.String, "value": pl.Float64, "row": pl.Int64})


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a symbol's data: the day, the kind, the number that shows it, the row it came from.

    `value` is a price, the ratio of two prices, or a count, as the kind has it. `row` counts from 1; None where the
    finding is about a series and not about a row.

    Examples
    --------
    >>> Finding("AAPL", dt.date(2020, 8, 31), "split_like_jump", 0.25).sentence()
    'AAPL, 2020-08-31: goes to 0.25 times the price before, as in a split: give prices adjusted for splits, or accept the day'
    """

    symbol: str
    date: dt.date
    kind: str
    value: float | None = None
    row: int | None = None
    of: int = 0

    @property
    def blocks(self) -> bool:
        """Whether the symbol stays without a score while this lies in the window of the scores."""
        return _KINDS[self.kind][2]

    def sentence(self) -> str:
        """The finding as a sentence: symbol, day, what, what to do."""
        problem, advice, _ = _KINDS[self.kind]
        place = f"{self.symbol}, {self.date.isoformat()}" + ("" if self.row is None else f", row {self.row}")
        return f"{place}: {problem.format(value=self.value, of=self.of)}: {advice}"


def events(frame: pl.DataFrame, kind: str) -> pl.DataFrame:
    """Rows with `symbol` and `date`, and `value` and `row` if they have them, as events of one kind."""
    given = {name: pl.col(name) if name in frame.columns else pl.lit(None) for name in ("value", "row")}
    columns = [pl.col("symbol"), pl.col("date"), pl.lit(kind).alias("kind")]
    more = [given[name].cast(EVENTS[name]).alias(name) for name in given]
    return frame.select(*columns, *more)


def findings_of(frame: pl.DataFrame) -> tuple[Finding, ...]:
    """Events as findings, by symbol, day and kind."""
    ranked = frame.sort("symbol", "date", "kind", "row", nulls_last=True)
    return tuple(Finding(*row) for row in ranked.iter_rows())

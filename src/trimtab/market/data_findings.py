"""Findings, the faults of a series of data: where they are, and whether they keep the symbol from being scored."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from types import MappingProxyType

import polars as pl

from trimtab.text import counted

_ACCEPT = "correct the earlier prices, or accept the day (accepted=, or --accept)"
# kind -> (the sentence with {value}, what to do)
_KINDS = MappingProxyType(
    {
        "duplicate_day": ("has {prices} on one day", "keep one of them"),
        "not_a_number": ("has a price that is not a finite number", "write a number, or leave it empty"),
        "not_positive": ("has the price {value:g}", "prices are above 0; leave the cell empty if it has no price"),
        "split_like_jump": ("jumps to {value:.4g} times the price before, as an unadjusted split would", _ACCEPT),
        "unit_like_jump": (
            "jumps to {value:.4g} times the price before, as if the unit had changed",
            "give all prices in one unit, or accept the day (accepted=, or --accept)",
        ),
        "large_jump": ("jumps to {value:.4g} times the price before", _ACCEPT),
        "unchanged_price": ("has had the same price for {sessions}", "check the source, or raise unchanged_sessions"),
        "gap": ("lacks {value:.0f} of the last {of} prices, the first on this day", "fill the gap"),
        "stale_price": (
            "has its last price here, {sessions} before the last session",
            "add the later prices, or leave the symbol out",
        ),
        "off_session": (
            "has a price on a day without prices for most symbols; it is not used",
            "remove it, or give these symbols in a table of their own",
        ),
        "duplicate_fundamentals": (
            "has {rows} of fundamentals known on one day; none of them is used",
            "keep one of them",
        ),
        "not_a_fundamental": (
            "has {fundamentals} without a finite number, counted as missing",
            "write numbers, or leave them empty",
        ),
    }
)
_HARMLESS = ("off_session", "duplicate_fundamentals", "not_a_fundamental")  # these do not block their symbol
JUMPS = ("split_like_jump", "unit_like_jump", "large_jump")
EVENTS = pl.Schema({"symbol": pl.String, "date": pl.Date, "kind": pl.String, "value": pl.Float64, "row": pl.Int64})


@dataclass(frozen=True, slots=True)
class DataFinding:
    """One fault of a symbol's data: the day, the kind, the number that shows it, and its row.

    `value` is a price, the ratio of two prices, or a count, depending on the kind. `row` counts from 1; it is None if
    the finding is about the series as a whole.

    Examples
    --------
    >>> DataFinding("AAPL", dt.date(2020, 8, 31), "duplicate_day", 2).sentence()
    'AAPL, 2020-08-31: has 2 prices on one day: keep one of them'
    """

    symbol: str
    date: dt.date
    kind: str
    value: float | None = None
    row: int | None = None
    of: int = 0

    @property
    def blocks(self) -> bool:
        """Whether it keeps the symbol from being scored while it is in the window."""
        return self.kind not in _HARMLESS

    @property
    def problem(self) -> str:
        """The fault, as the end of a sentence that begins with the symbol."""
        nouns = {"prices": "price", "sessions": "session", "rows": "row", "fundamentals": "fundamental"}
        counts = {plural: counted(self.value or 0.0, noun) for plural, noun in nouns.items()}
        return _KINDS[self.kind][0].format(value=self.value, of=self.of, **counts)

    def sentence(self) -> str:
        """The finding as a sentence: symbol, day, fault, what to do."""
        where = f"{self.symbol}, {self.date.isoformat()}" + ("" if self.row is None else f", row {self.row}")
        return f"{where}: {self.problem}: {_KINDS[self.kind][1]}"


def events(frame: pl.DataFrame, kind: str) -> pl.DataFrame:
    """Rows with `symbol` and `date`, and optionally `value` and `row`, as events of one kind."""
    filled = {name: pl.col(name) if name in frame.columns else pl.lit(None) for name in ("value", "row")}
    columns = [pl.col("symbol"), pl.col("date"), pl.lit(kind).alias("kind")]
    optional = [filled[name].cast(EVENTS[name]).alias(name) for name in filled]
    return frame.select(*columns, *optional)


def findings_of(frame: pl.DataFrame) -> tuple[DataFinding, ...]:
    """Events as findings, by symbol, day and kind."""
    ordered = frame.sort("symbol", "date", "kind", "row", nulls_last=True)
    return tuple(DataFinding(*row) for row in ordered.iter_rows())

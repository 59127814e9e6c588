"""Prices, fundamentals, classification and membership in one object that gives views of a day."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, Protocol, runtime_checkable

import polars as pl

from trimtab.candidates.equality import compared_by_value
from trimtab.errors import Fault, InputError, listed
from trimtab.market.data_findings import DataFinding, findings_of
from trimtab.market.dated_tables import (
    Fundamentals,
    in_price_spelling,
    read_classification,
    read_fundamentals,
    read_membership,
)
from trimtab.market.price_layout import notes_on_returns
from trimtab.market.prices import MarketChecks, read_prices
from trimtab.market.renames import notes_on_renames
from trimtab.market.typed_columns import Date, day, final_names, with_names
from trimtab.market.view import MarketView
from trimtab.statistics.sessions_per_year import sessions_per_year
from trimtab.symbols.aliases import Aliases, shipped_aliases


@runtime_checkable
class MarketSource(Protocol):
    """Another source of market data: four methods, each giving a table that `MarketData` takes, or None."""

    def prices(self) -> Any:
        """Daily prices: long (`date`, `symbol`, `close`) or wide."""

    def fundamentals(self) -> Any | None:
        """`symbol`, `known_on` and items."""

    def classification(self) -> Any | None:
        """`symbol` and `bucket`."""

    def membership(self) -> Any | None:
        """`symbol`, `from` and `to`."""


@compared_by_value
class MarketData:
    """Market data, checked when it is read. It only gives views of a day, which contain nothing later.

    Parameters
    ----------
    prices
        Daily prices adjusted for splits (and for dividends, if they are to count): long, with the columns `date`,
        `symbol` and `close`, or wide, with `date` and one column per symbol. A path (CSV, Parquet, Arrow), a pandas,
        polars or pyarrow table, a DuckDB relation (`connection.table("prices")`), or a list of dicts.
    fundamentals
        `symbol`, `known_on` (the day from which a row was known) and items; a table, or a list of tables.
    classification
        `symbol`, `bucket` (or `sector`), and `known_on` if it changes; or the bucket of each symbol, as a mapping or a
        pandas Series.
    membership
        `symbol`, `from`, `to` of an index: on a day only its members are ranked.
    price_column
        The name of the prices in a long table.
    accepted
        Pairs of symbol and day: jumps that are real.
    renamed
        Old symbol to new one, such as {"FB": "META"}: one history under the new name, in every table.
    checks
        What counts as wrong in a series of prices.
    sessions_per_year
        The sessions of a year; read from the days of the prices where None.
    aliases
        Spellings under which the other tables may name the symbols of the prices; those that ship where None.

    Raises
    ------
    InputError
        A table that cannot be read: file, row, column, value, and what to do. A fault of one symbol's series
        is a finding of the view, and leaves only that symbol without a score.

    Examples
    --------
    >>> data = MarketData(
    ...     [{"date": f"2024-01-0{day}", "symbol": "AAA", "close": price} for day, price in [(2, 10.0), (3, 10.5), (4, -1)]]
    ... )
    >>> [finding.sentence() for finding in data.as_of("2024-01-04").findings if finding.row]
    ['AAA, 2024-01-04, row 3: has the price -1: prices are above 0; leave the cell empty if it has no price']
    >>> data.as_of("2024-01-03").prices["AAA"].to_list()
    [10.0, 10.5]
    """

    def __init__(
        self,
        prices: Any,
        *,
        fundamentals: Any = None,
        classification: Any = None,
        membership: Any = None,
        price_column: str = "close",
        accepted: Iterable[tuple[str, Date]] = (),
        renamed: Mapping[str, str] | None = None,
        checks: MarketChecks | None = None,
        sessions_per_year: int | None = None,
        aliases: Aliases | None = None,
    ) -> None:
        if sessions_per_year is not None and not (isinstance(sessions_per_year, int) and sessions_per_year > 0):
            advice = "give a whole number, such as 252, or None"
            raise InputError([Fault("sessions_per_year is not a number of sessions", advice, value=sessions_per_year)])
        self._year = sessions_per_year
        self._renamed = final_names(renamed or {})
        self._prices = read_prices(
            prices, price_column=price_column, accepted=accepted, renamed=self._renamed, checks=checks
        )
        self._aliases = aliases or shipped_aliases()
        self._joined_notes: list[str] = []
        self._fundamentals = None if fundamentals is None else self._known_fundamentals(fundamentals)
        self._classification = self._in_spelling(classification, read_classification, "classification")
        self._sessions: tuple[dt.date, ...] = tuple(self._prices.wide["date"])
        self._kept_buckets: dict[int, Mapping[str, str]] = {}
        self._membership = self._in_spelling(membership, read_membership, "membership")
        parts = [] if self._fundamentals is None else [self._fundamentals.events]
        self._events = pl.concat([self._prices.events, *parts]).sort("date", "symbol", "kind", "row")
        self._event_days: list[dt.date] = self._events["date"].to_list()

    def _in_spelling(self, unread: Any, read: Callable[[Any], pl.DataFrame], name: str) -> pl.DataFrame | None:
        """A table beside the prices, with their symbols."""
        if unread is None:
            return None
        table, changes = in_price_spelling(with_names(read(unread), self._renamed), self.symbols, self._aliases)
        if changes:
            pairs = [f"{old} is {new} in the prices" for old, new in changes.items()]
            self._joined_notes.append(f"Joined by alias from the {name}: {listed(pairs)}.")
        return table

    def _known_fundamentals(self, table: Any) -> Fundamentals:
        fundamentals = read_fundamentals(table)
        rows = self._in_spelling(table, lambda _: fundamentals.rows, "fundamentals")
        events = with_names(fundamentals.events, self._renamed)
        return fundamentals if rows is None else replace(fundamentals, rows=rows, events=events)

    @classmethod
    def from_source(cls, source: MarketSource, *, checks: MarketChecks | None = None) -> MarketData:
        """Market data of another source: any object with the four methods of `MarketSource`."""
        return cls(
            source.prices(),
            fundamentals=source.fundamentals(),
            classification=source.classification(),
            membership=source.membership(),
            checks=checks,
        )

    @property
    def sessions(self) -> tuple[dt.date, ...]:
        """The days on which most symbols have a price."""
        return self._sessions

    @property
    def sessions_per_year(self) -> int:
        """The sessions of a year: as given, or read from the days of all prices."""
        return sessions_per_year(self._sessions) if self._year is None else self._year

    @property
    def symbols(self) -> tuple[str, ...]:
        """Every symbol of the prices, by name."""
        return tuple(self._prices.wide.columns[1:])

    @property
    def unpriced(self) -> dict[str, tuple[str, ...]]:
        """The symbols of other tables that the prices lack, by table; such as a misspelled one. No view shows them.

        Examples
        --------
        >>> prices = [{"date": "2024-01-02", "AAA": 30.0}]
        >>> MarketData(prices, classification=[{"symbol": "AAB", "bucket": "Tech"}]).unpriced
        {'classification': ('AAB',)}
        """
        tables = {
            "fundamentals": None if self._fundamentals is None else self._fundamentals.rows,
            "classification": self._classification,
            "membership": self._membership,
        }
        symbols = {name: set(table["symbol"]) - {*self.symbols} for name, table in tables.items() if table is not None}
        return {name: tuple(sorted(unpriced)) for name, unpriced in symbols.items() if unpriced}

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """Notes on the tables as a whole: unused columns and symbols, odd prices.

        Examples
        --------
        >>> prices = [{"date": "2024-01-02", "BRK-B": 30.0}]
        >>> members = [{"symbol": name, "from": "2000-01-01", "to": None} for name in ("BRK.B", "brkb")]
        >>> for note in MarketData(prices, membership=members).notes:
        ...     print(note)
        Joined by alias from the membership: BRK.B is BRK-B in the prices.
        Not in the prices, so not used from the membership: brkb (is 'BRK-B' meant?).
        """
        alike = {_letters(symbol): symbol for symbol in self.symbols}
        notes = [*self._prices.notes, *notes_on_returns(self._prices.wide)]
        notes += [*notes_on_renames(self._prices.wide), *self._joined_notes]
        for table, symbols in self.unpriced.items():
            known = alike.keys() & {_letters(symbol) for symbol in symbols}
            # Symbols spelled differently in the prices come first: they need correcting.
            ordered = sorted(symbols, key=lambda symbol: (_letters(symbol) not in known, symbol))
            named = [
                f"{symbol} (is {alike[_letters(symbol)]!r} meant?)" if _letters(symbol) in known else symbol
                for symbol in ordered
            ]
            notes.append(f"Not in the prices, so not used from the {table}: {listed(named)}.")
        return tuple(notes)

    @property
    def findings(self) -> tuple[DataFinding, ...]:
        """The faults of single days of all the prices; gaps and stale prices belong to a view."""
        return findings_of(self._events)

    def as_of(self, date: Date) -> MarketView:
        """Everything known at the end of a day.

        Raises
        ------
        InputError
            Not a day, or one before the first session.
        """
        on = day(date)
        height = bisect_right(self._sessions, on)
        if not height:
            first = f"the first session is {self._sessions[0].isoformat()}" if self._sessions else "give prices above 0"
            raise InputError([Fault(f"there is no price on or before {on.isoformat()}", first)])
        return MarketView(
            date=on,
            prices=self._prices.wide.head(height),
            events=self._events.head(bisect_right(self._event_days, on)),
            fundamentals=None if self._fundamentals is None else self._fundamentals.known_on(on),
            bucket_of=self.buckets_on(on),
            members=self.members_on(on),
            checked_sessions=self._prices.checks.window,
            max_missing_sessions=self._prices.checks.max_missing_sessions,
            year=self._year,
            data_notes=self.notes,
        )

    def members_on(self, on: dt.date) -> frozenset[str] | None:
        """The members of the index on a day, None without a membership."""
        if self._membership is None:
            return None
        return frozenset(self._membership.filter((pl.col("from") <= on) & (pl.col("to") > on))["symbol"])

    def buckets_on(self, on: dt.date) -> Mapping[str, str] | None:
        """The latest bucket of each symbol, None without a classification; the same object while nothing changes."""
        if self._classification is None:
            return None
        height = self._classification["known_on"].search_sorted(on, side="right")
        if height not in self._kept_buckets:
            self._kept_buckets[height] = _buckets(self._classification.head(height))
        return self._kept_buckets[height]


def _letters(symbol: str) -> str:
    """A symbol without its separators."""
    return "".join(sign for sign in symbol if sign.isalnum()).casefold()


def _buckets(known: pl.DataFrame) -> Mapping[str, str]:
    """The latest bucket of each symbol; a symbol whose latest is empty is left out."""
    latest = known.group_by("symbol", maintain_order=True).last().sort("symbol")
    pairs = latest.select("symbol", "bucket").iter_rows()
    return MappingProxyType({symbol: bucket for symbol, bucket in pairs if bucket})

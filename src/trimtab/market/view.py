"""Everything known on a day. A view cannot show later rows: it does not contain them."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

import numpy as np
import polars as pl

from trimtab.candidates.equality import compared_by_value
from trimtab.errors import Fault, InputError
from trimtab.market.data_findings import JUMPS, DataFinding, findings_of
from trimtab.market.holidays import holidays
from trimtab.statistics.sessions_per_year import sessions_per_year
from trimtab.text import counted

_RETURNED = 1.5  # jumps whose product is smaller have cancelled out
_LATE_DAYS = 10  # days without a session before the view's day, beyond which there is a note


@compared_by_value
@dataclass(frozen=True)
class MarketView:
    """Market data as of a day, without anything that came later.

    `prices` has the column `date` (sessions, ascending, the last is `session`) and one of float64 per symbol, by name,
    null where there is no usable price. `fundamentals` has `symbol`, `known_on` and items. `bucket_of` is each symbol's
    bucket. `members` are the members of the index on that day, None without a membership. `checked_sessions` is how far
    back findings count (None: a year and one session), `year` the sessions of a year where the user has given them.
    """

    date: dt.date
    prices: pl.DataFrame
    events: pl.DataFrame = field(repr=False)
    fundamentals: pl.DataFrame | None
    bucket_of: Mapping[str, str] | None
    members: frozenset[str] | None
    checked_sessions: int | None = None
    max_missing_sessions: int = 0
    year: int | None = None
    data_notes: tuple[str, ...] = ()

    @property
    def session(self) -> dt.date:
        """The last session that the view can see."""
        last: dt.date = self.prices["date"][-1]
        return last

    @cached_property
    def sessions_per_year(self) -> int:
        """The sessions of a year: as given, or read from the sessions that the view can see (252, 365, 52, 12, ...)."""
        return sessions_per_year(self.prices["date"].to_list()) if self.year is None else self.year

    @cached_property
    def window(self) -> int:
        """The sessions in which a finding keeps its symbol from being scored."""
        return self.sessions_per_year + 1 if self.checked_sessions is None else self.checked_sessions

    @cached_property
    def symbols(self) -> tuple[str, ...]:
        """The symbols with a price on some session of the window, by name."""
        counts = self.prices.tail(self.window).select(pl.exclude("date").count()).row(0, named=True)
        return tuple(name for name, count in counts.items() if count)

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """Notes for a reader: prices that end long before the day, and what is odd in the data as a whole."""
        notes = list(self.data_notes)
        day, last = self.date.isoformat(), self.session.isoformat()
        if self.members is not None and self.members.isdisjoint(self.symbols):
            notes.insert(0, f"No symbol of the prices is a member of the index on {day}, so none has a score.")
        late = (self.date - self.session).days
        if late > max(_LATE_DAYS, 3 * 366 // self.sessions_per_year):
            ends = f"The prices end on {last}, {counted(late, 'day')} before {day}"
            notes.insert(0, f"{ends}: scores and values are of {last}.")
        return tuple(notes)

    @cached_property
    def holidays(self) -> Mapping[str, frozenset[dt.date]]:
        """The latest sessions on which a symbol's own exchange was closed, judged by other symbols."""
        seen = self.prices.tail(self.window + self.window // 4)  # own sessions reach further back than all sessions
        nulls = seen.null_count().row(0, named=True)
        missing = {name: seen[name].is_null().to_numpy() for name in self.symbols if nulls[name]}
        days = seen["date"].to_list()
        closed = {name: rows for name, rows in holidays(missing).items() if rows}
        return MappingProxyType({name: frozenset(days[row] for row in rows) for name, rows in closed.items()})

    @cached_property
    def findings(self) -> tuple[DataFinding, ...]:
        """The faults in the window of the scores, by symbol, day and kind."""
        first = self.prices["date"][-min(self.window, self.prices.height)]
        dated = findings_of(self.events.filter(pl.col("date") >= first))
        return tuple(sorted([*dated, *self._series_findings()], key=lambda finding: (finding.symbol, finding.date)))

    @cached_property
    def blocked(self) -> Mapping[str, DataFinding]:
        """The symbols without a score, each with the first finding that blocks it."""
        blocked: dict[str, DataFinding] = {}
        for finding in self.findings:
            if finding.blocks:
                blocked.setdefault(finding.symbol, finding)
        return MappingProxyType(blocked)

    @cached_property
    def doubtful(self) -> Mapping[str, DataFinding]:
        """The symbols whose last price is doubtful, with the finding: a jump that was not reversed.

        A price in another unit, or of another number of shares, cannot value a holding.
        """
        jumped: dict[str, list[DataFinding]] = {}
        for finding in self.findings:
            if finding.kind in JUMPS:
                jumped.setdefault(finding.symbol, []).append(finding)
        doubtful = {}
        for symbol, jumps in jumped.items():
            moved = math.fsum(math.log(jump.value or 1.0) for jump in jumps)
            if abs(moved) >= math.log(_RETURNED):
                doubtful[symbol] = jumps[-1]
        return MappingProxyType(doubtful)

    def last_prices(self, symbols: Iterable[str]) -> dict[str, tuple[float, dt.date]]:
        """The last usable price of each symbol and its day.

        Raises
        ------
        InputError
            A symbol without a price.
        """
        names = tuple(symbols)
        last = {}
        for name in names:
            if name in self.prices.columns and name != "date":
                series = self.prices.select("date", price=pl.col(name)).drop_nulls().tail(1)
                if series.height:
                    last[name] = (float(series["price"][0]), series["date"][0])
        missing = [name for name in names if name not in last]
        if missing:
            problem, advice = f"has no price up to {self.date.isoformat()}", "add its prices, or value it yourself"
            raise InputError([Fault(problem, advice, column="asset", value=name) for name in missing])
        return last

    def _series_findings(self) -> list[DataFinding]:
        """Gaps in the window, and prices that end before the last session."""
        seen = self.prices.tail(self.window)
        height, days = seen.height, seen["date"].to_list()
        before = self.prices.head(max(0, self.prices.height - self.window))
        begun = before.select(pl.exclude("date").count() > 0).row(0, named=True)  # with a price before the window
        findings: list[DataFinding] = []
        nulls = seen.null_count().row(0, named=True)
        for name in self.symbols:
            if not nulls[name]:
                continue
            missing = seen[name].is_null().to_numpy()
            priced = np.flatnonzero(~missing)
            first, last = (0 if begun[name] else int(priced[0])), int(priced[-1])
            closed = self.holidays.get(name, frozenset())
            open_rows = [row for row in np.flatnonzero(missing).tolist() if days[row] not in closed]
            lost = [row for row in open_rows if first <= row < last]
            later = [row for row in open_rows if row > last]
            if len(lost) > self.max_missing_sessions:
                findings.append(DataFinding(name, days[lost[0]], "gap", float(len(lost)), of=height))
            if later:
                findings.append(DataFinding(name, days[last], "stale_price", float(len(later))))
        return findings

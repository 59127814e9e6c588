"""What was known on a day. Whoever gets a view cannot see later rows: they are not in it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

import polars as pl

from trimtab.errors import Fault, InputError
from trimtab.market.data_findings import Finding, findings_of


@dataclass(frozen=True)
class MarketView:
    """Market data as of a day: a copy of nothing that came later.

    `prices` has the column `date` (sessions, ascending, the last is `session`) and one of float64 a symbol, by name,
    null where there is no usable price. `fundamentals` has `symbol`, `known_on` and items. `bucket_of` is each symbol's
    bucket. `members` are the members of the index on that day, None where no membership was given.
    """

    date: dt.date
    prices: pl.DataFrame
    events: pl.DataFrame = field(repr=False)
    fundamentals: pl.DataFrame | None
    bucket_of: Mapping[str, str] | None
    members: frozenset[str] | None
    window: int
    max_missing_sessions: int = 0

    @property
    def session(self) -> dt.date:
        """The last session that the view can see."""
        last: dt.date = self.prices["date"][-1]
        return last

    @cached_property
    def symbols(self) -> tuple[str, ...]:
        """The symbols with a price on some session of the window, by name."""
        counts = self.prices.tail(self.window).select(pl.exclude("date").count()).row(0, named=True)
        return tuple(name for name, count in counts.items() if count)

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What is wrong in the window of the scores, by symbol, day and kind."""
        first = self.prices["date"][-min(self.window, self.prices.height)]
        dated = self.events.filter(pl.col("date") >= first)
        return tuple(sorted([*findings_of(dated), *self._series_findings()], key=lambda one: (one.symbol, one.date)))

    @cached_property
    def blocked(self) -> Mapping[str, Finding]:
        """The symbols that stay without a score, and the first finding that is why."""
        found: dict[str, Finding] = {}
        for finding in self.findings:
            if finding.blocks:
                found.setdefault(finding.symbol, finding)
        return MappingProxyType(found)

    def last_prices(self, symbols: Iterable[str]) -> dict[str, tuple[float, dt.date]]:
        """The last usable price of each symbol and its day.

        Raises
        ------
        InputError
            A symbol that has none.
        """
        names = tuple(symbols)
        known = [name for name in names if name in self.prices.columns and name != "date"]
        found = {}
        for name in known:
            series = self.prices.select("date", price=pl.col(name)).drop_nulls().tail(1)
            if series.height:
                found[name] = (float(series["price"][0]), series["date"][0])
        missing = [name for name in names if name not in found]
        if missing:
            problem = f"there is no price up to {self.date.isoformat()}"
            raise InputError(
                [Fault(problem, "add its prices, or value it yourself", column="asset", value=name) for name in missing]
            )
        return found

    def _series_findings(self) -> list[Finding]:
        """Gaps in the window, and last prices that are not of the last session."""
        seen = self.prices.tail(self.window)
        height, names = seen.height, self.symbols
        cells = seen.select(names)
        begun = self._begun()
        found: list[Finding] = []
        nulls = cells.null_count().row(0, named=True)
        for name in names:
            if not nulls[name]:
                continue
            held = cells[name].is_not_null()
            rows = held.arg_true()
            first, last = (0 if begun[name] else int(rows[0])), int(rows[-1])
            lost = (~held[first:last]).arg_true()
            if len(lost) > self.max_missing_sessions:
                at = seen["date"][first + int(lost[0])]
                found.append(Finding(name, at, "gap", float(len(lost)), of=height))
            if last < height - 1:
                found.append(Finding(name, seen["date"][last], "stale_price", float(height - 1 - last)))
        return found

    def _begun(self) -> Mapping[str, bool]:
        """Whether a symbol had a price before the window."""
        before = self.prices.head(max(0, self.prices.height - self.window))
        return before.select(pl.exclude("date").count() > 0).row(0, named=True)

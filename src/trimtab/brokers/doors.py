"""The way in: a broker's file -> positions. The layout is found by content, never by the file's name."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from trimtab.brokers.activities import fold
from trimtab.brokers.amounts import CURRENCIES
from trimtab.brokers.assemble import assemble
from trimtab.brokers.dates import AmbiguousDateError, date_in
from trimtab.brokers.draft import Draft, ambiguous
from trimtab.brokers.layout import Layout, folded
from trimtab.brokers.layouts import (
    alpaca,
    beancount,
    etrade,
    fidelity_statement,
    ghostfolio,
    ibkr_activity,
    ibkr_flex,
    merrill,
    portfolio_performance,
    robinhood,
)
from trimtab.brokers.layouts.comdirect import COMDIRECT
from trimtab.brokers.layouts.degiro import DEGIRO
from trimtab.brokers.layouts.fidelity import FIDELITY
from trimtab.brokers.layouts.schwab import SCHWAB
from trimtab.brokers.layouts.spreadsheet import SPREADSHEET
from trimtab.brokers.layouts.trading212 import TRADING212
from trimtab.brokers.layouts.vanguard import VANGUARD
from trimtab.brokers.layouts.wealthfolio import WEALTHFOLIO, is_holdings
from trimtab.brokers.own_layout import own_layout
from trimtab.brokers.plain_json import json_values
from trimtab.brokers.positions import Positions
from trimtab.brokers.safe_bytes import is_workbook, load, text_of
from trimtab.brokers.sheet import DELIMITERS, Row, check_size, delimiter_line, split, workbook_rows
from trimtab.brokers.tables import header_row, read_table
from trimtab.errors import Fault, InputError, nearest

Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
_TABLES = (
    SCHWAB,
    fidelity_statement.FIDELITY_STATEMENT,
    FIDELITY,
    VANGUARD,
    etrade.ETRADE,
    merrill.MERRILL,
    merrill.SUMMARY,
    robinhood.ROBINHOOD,
    TRADING212,
    DEGIRO,
    COMDIRECT,
    portfolio_performance.PORTFOLIO_PERFORMANCE,
    ghostfolio.GHOSTFOLIO_CSV,
)
_OTHERS = (
    WEALTHFOLIO,
    ibkr_flex.IBKR_FLEX,
    ibkr_activity.IBKR_ACTIVITY,
    alpaca.ALPACA,
    ghostfolio.GHOSTFOLIO,
    beancount.BEANCOUNT,
)
LAYOUTS: dict[str, Layout] = {layout.name: layout for layout in (*_TABLES, *_OTHERS, SPREADSHEET)}
_NO_LAYOUT = "name the layout with --layout, describe it in a TOML file, or save a table with the columns symbol, quantity, price, value"
_ACTIVITY_WORDS = frozenset(
    (
        "trade date",
        "settlement date",
        "settle date",
        "action",
        "transaction type",
        "trans code",
        "fees & comm",
        "run date",
        "process date",
    )
)


def read(paths: Paths, layout: str | Layout | None = None, as_of: str | dt.date | None = None) -> Positions:
    r"""Read the positions in a broker's file; a second file may be its companion, with cash and totals.

    `layout` is the name of a layout, or a TOML file that describes one; without it the content decides. `as_of`: fold a
    history up to this day, default: all of it.

    Raises
    ------
    InputError
        Anything that cannot be read for sure, or does not reconcile: the row, both numbers, and what to do.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "mine.csv"
    >>> _ = file.write_text("Ticker,Shares,Price,Value\nVTI,2,335.20,670.40\nTotal,,,670.40\n")
    >>> read(file).summary()
    "1 position, 1 account, equal to the file's total"
    """
    files = [os.fspath(paths)] if isinstance(paths, str | os.PathLike) else [os.fspath(path) for path in paths]
    if not 1 <= len(files) <= 2:
        raise InputError(
            [Fault(f"{len(files)} files are given", "give a file of positions, and at most its companion")]
        )
    day = _day(as_of)
    chosen = _chosen(layout)
    contents = [_Content(path) for path in files]
    contents.sort(key=lambda content: content.is_companion)
    first = contents[0]
    if first.is_companion:
        problem = "has cash and totals of accounts, but no positions"
        raise InputError([Fault(problem, "give the file of positions too")], first.source)
    companion = contents[1] if len(contents) > 1 else None
    if companion is not None and not companion.is_companion:
        problem = "is not a companion of the first file (Merrill's summary, Alpaca's account)"
        raise InputError([Fault(problem, "read each file of positions by itself")], companion.source)
    return first.positions(chosen, day, companion)


def _day(as_of: str | dt.date | None) -> dt.date | None:
    if as_of is None or isinstance(as_of, dt.date):
        return as_of
    try:
        return dt.date.fromisoformat(as_of)
    except ValueError:
        raise InputError([Fault("is not a day", "write it as 2026-06-30", column="as_of", value=as_of)]) from None


def _chosen(layout: str | Layout | None) -> Layout | None:
    if layout is None or isinstance(layout, Layout):
        return layout
    if layout.casefold().endswith(".toml"):
        return own_layout(layout)
    name, sign, currency = layout.partition(":")
    if name not in LAYOUTS:
        raise InputError([Fault(f"the layout {name!r} is unknown", nearest(name, LAYOUTS))])
    if not sign:
        return LAYOUTS[name]
    if currency not in CURRENCIES:
        raise InputError(
            [Fault("is not a currency", f"write {name}:EUR, for example", column="layout", value=currency)]
        )
    return replace(LAYOUTS[name], currency=currency)


class _Content:
    """One file, parsed as far as its kind needs: JSON values, XML, or text to split into rows."""

    def __init__(self, path: str) -> None:
        self.source = path
        self.data = load(path)
        self.values: Any = None
        self.text: str | None = None
        start = self.data.lstrip(b"\xef\xbb\xbf \t\r\n")[:200]
        self.is_xml = start.startswith(b"<")
        self.is_book = is_workbook(self.data)
        if not self.is_xml and not self.is_book:
            self.text, self.encoding = text_of(self.data, path)
            if start[:1] in (b"[", b"{"):
                self.values = json_values(self.text, path)

    @property
    def is_companion(self) -> bool:
        """Whether it has cash and totals only."""
        if self.values is not None:
            return alpaca.is_account(self.values)
        return self.text is not None and merrill.is_summary(self.text)

    def positions(self, chosen: Layout | None, as_of: dt.date | None, companion: _Content | None) -> Positions:
        """The positions in the file."""
        if self.is_xml:
            return self._of_xml()
        if self.values is not None:
            return self._of_json(as_of, companion)
        layout, rows = self._rows(chosen)
        draft = Draft(self.source, layout)
        if self.text is not None and self.encoding == "cp1252":
            draft.notes.append("read as Windows-1252: the file is not UTF-8")
        if companion is not None and layout.name != "merrill":
            raise InputError([Fault("is not the companion of this file", "leave it out")], companion.source)
        return self._of_rows(rows, draft, as_of, companion)

    def _of_xml(self) -> Positions:
        root = ibkr_flex.parse(self.data, self.source)
        if not ibkr_flex.is_flex(root):
            problem = f"is XML, but not a Flex statement: it begins with <{root.tag[:40]}>"
            advice = "download the Flex query again; its first element is FlexQueryResponse"
            raise InputError([Fault(problem, advice)], self.source)
        draft = Draft(self.source, ibkr_flex.IBKR_FLEX)
        ibkr_flex.read_flex(root, draft)
        draft.check()
        return assemble(draft)

    def _of_json(self, as_of: dt.date | None, companion: _Content | None) -> Positions:
        if ghostfolio.is_export(self.values):
            draft = Draft(self.source, ghostfolio.GHOSTFOLIO)
            ghostfolio.read_export(self.values, draft, as_of)
            draft.check()
            return fold(draft, as_of)
        if not alpaca.is_positions(self.values):
            problem = "is JSON, but neither Alpaca's list of positions nor a Ghostfolio export"
            raise InputError([Fault(problem, "export the positions again")], self.source)
        draft = Draft(self.source, alpaca.ALPACA)
        alpaca.read_positions(self.values, None if companion is None else companion.values, draft)
        draft.check()
        return assemble(draft)

    def _rows(self, chosen: Layout | None) -> tuple[Layout, list[Row]]:
        """The layout that fits the content best, and the rows split its way."""
        if self.is_book:
            if Path(self.source).suffix.casefold() in (".csv", ".txt", ".tsv"):
                problem = "is a workbook under the name of a text file"
                raise InputError([Fault(problem, "rename it to .xlsx, or save it as CSV")], self.source)
            rows = workbook_rows(self.data, self.source)
            layout = _layout_of(rows, chosen)
            if layout is None:
                raise InputError([_unknown(rows)], self.source)
            return layout, rows
        assert self.text is not None  # noqa: S101 - a workbook has no text, all else has
        text, named = delimiter_line(self.text)
        check_size(text, self.source)
        order = sorted(DELIMITERS, key=lambda mark: -text[:20_000].count(mark))
        error, first = None, None
        for mark in [named] if named else order:
            try:
                rows = split(text, mark, self.source, first_line=2 if named else 1)
            except InputError as fault:
                error = error or fault
                continue
            first = first or rows
            layout = _layout_of(rows, chosen)
            if layout is not None:
                return layout, rows
        raise error or InputError([_unknown(first or [])], self.source)

    def _of_rows(self, rows: list[Row], draft: Draft, as_of: dt.date | None, companion: _Content | None) -> Positions:
        layout = draft.layout
        if layout is ibkr_activity.IBKR_ACTIVITY:
            ibkr_activity.read_statement(rows, draft)
        elif layout is beancount.BEANCOUNT:
            beancount.read_query([row for row in rows if row.filled], draft)
        else:
            account = etrade.prepare(rows, draft) if layout is etrade.ETRADE else None
            if layout is fidelity_statement.FIDELITY_STATEMENT:
                fidelity_statement.prepare(rows, draft)
            read_table(rows, layout, draft)
            if layout.name == portfolio_performance.PORTFOLIO_PERFORMANCE.name:
                portfolio_performance.finish(draft)
            if account is not None:
                for entry in draft.of_kind("position", "cash"):
                    entry.account = account
                draft.names.pop(None, None)
        draft.check()
        self._refuse_open_end(rows, draft)
        if layout.fold:
            return self._folded(draft, as_of)
        _take_days(draft)
        if companion is not None and companion.text is not None:
            merrill.add_summary(split(companion.text, ",", companion.source), draft)
        return assemble(draft)

    def _refuse_open_end(self, rows: Sequence[Row], draft: Draft) -> None:
        """Refuse a last number that nothing confirms in a line without an end: it may lack digits."""
        if self.text is None or self.text.endswith("\n") or not draft.entries or draft.of_kind("total"):
            return
        entry = max(draft.entries, key=lambda entry: entry.line)
        last = next((row for row in reversed(rows) if row.filled), None)
        names = ("cost", "unit_cost") if entry.text("value") else ("quantity", "price", "cost", "unit_cost")
        if last is not None and any(entry.text(name) == last.filled[-1] for name in names if name in entry.cells):
            problem = f"the last line ends in {last.filled[-1]!r}, without a line end: the file may end early"
            raise InputError(
                [Fault(problem, "add a line end, or download the whole file again", line=last.line)], self.source
            )

    def _folded(self, draft: Draft, as_of: dt.date | None) -> Positions:
        for entry in draft.of_kind("position"):
            entry.kind = "activity"
        if not draft.of_kind("activity"):
            raise InputError([Fault("has a header, but no activities", "export the history again")], self.source)
        if draft.layout is robinhood.ROBINHOOD:
            robinhood.finish(draft)
        return fold(draft, as_of)


def _layout_of(rows: Sequence[Row], chosen: Layout | None) -> Layout | None:
    """The layout of a file's rows: the layout with the most marks in a header; a plain spreadsheet comes last."""
    if chosen is not None:
        special = chosen in (ibkr_activity.IBKR_ACTIVITY, beancount.BEANCOUNT)
        return chosen if special or header_row(rows, chosen) is not None else None
    if ibkr_activity.is_statement(rows):
        return ibkr_activity.IBKR_ACTIVITY
    filled = [row for row in rows if row.filled]
    if beancount.is_query(filled):
        return beancount.BEANCOUNT
    if is_holdings(filled):
        return WEALTHFOLIO
    best, most_marks = None, 0
    for layout in _TABLES:
        header = header_row(rows, layout)
        marks = 0 if header is None else layout.header.count_marks(header.cells)
        if marks > most_marks:
            best, most_marks = layout, marks
    if best is not None:
        return best
    return SPREADSHEET if header_row(rows, SPREADSHEET) is not None else None


def _unknown(rows: Sequence[Row]) -> Fault:
    """Why no layout fits."""
    names = [folded(cell) for row in rows[:30] for cell in row.filled]
    if _ACTIVITY_WORDS & set(names):
        return Fault("has transactions, not positions", "export the positions (holdings), not the history")
    if not any(len(row.filled) > 1 for row in rows):
        return Fault("has no table", "give the file of positions that the broker exports")
    shown = next((row.filled for row in rows if len(row.filled) > 1), [])
    return Fault(f"is in no known layout (it begins {', '.join(shown[:5])[:80]!r})", _NO_LAYOUT)


def _take_days(draft: Draft) -> None:
    """The day of the positions, from a column of days: all rows of one day, or the latest where the layout says so."""
    days: dict[int, dt.date] = {}
    for index, entry in enumerate(draft.entries):
        try:
            day = date_in(entry.text("as_of"), draft.layout.date_order)
        except AmbiguousDateError as error:
            raise ambiguous(error, draft.source, entry.line) from None
        if day is not None:
            days[index] = day
        elif entry.text("as_of") not in ("", "--") or (draft.layout.latest_only and entry.kind != "total"):
            draft.refuse(f"{entry.label}: has no day that can be read", "write it as 2026-06-30", entry, "as_of")
    draft.check()
    if not days:
        return
    last = max(days.values())
    if len(set(days.values())) > 1 and not draft.layout.latest_only:
        other = next(entry for index, entry in enumerate(draft.entries) if index in days and days[index] != last)
        problem = f"has rows of {len(set(days.values()))} days ({other.text('as_of')} is not {last})"
        draft.refuse(problem, "export one day", other, "as_of")
        draft.check()
    draft.as_of = last
    if draft.layout.latest_only:
        draft.entries = [entry for index, entry in enumerate(draft.entries) if days.get(index) == last]
    for entry in draft.entries:
        entry.cells = {name: cell for name, cell in entry.cells.items() if name != "as_of"}

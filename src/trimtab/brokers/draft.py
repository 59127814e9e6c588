"""A file taken apart: each row with its kind and its cells by field, before any number is read."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field, replace
from typing import Any

from trimtab.brokers.dates import AmbiguousDateError, date_in
from trimtab.brokers.layout import Layout
from trimtab.errors import Fault, InputError


@dataclass
class Entry:
    """One row: its kind, its line, its cells by field, its account and its section."""

    kind: str
    line: int
    cells: dict[str, str]
    account: str | None = None
    section: str | None = None
    lots: list[Entry] = field(default_factory=list)

    def text(self, name: str) -> str:
        """The cell of a field, empty without one."""
        return self.cells.get(name, "")

    @property
    def label(self) -> str:
        """The name of the row in a sentence."""
        for name in ("symbol", "isin", "cusip", "wkn", "name"):
            if self.text(name) not in ("", "--"):
                return self.text(name)
        return f"line {self.line}"


@dataclass
class Draft:
    """Everything in a file, still as text."""

    source: str
    layout: Layout
    entries: list[Entry] = field(default_factory=list)
    names: dict[str | None, str] = field(default_factory=dict)  # the accounts, in their order
    headers: dict[str, str] = field(default_factory=dict)  # field -> its name in the file
    columns: list[tuple[str, str | None]] = field(default_factory=list)
    base_currency: str | None = None
    as_of: dt.date | None = None
    closed: set[str | None] = field(default_factory=set)  # accounts that have had their total
    notes: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    is_exact: bool = False  # written by a program: numbers have a point and no groups

    def add_account(self, account: str | None, name: str | None = None) -> None:
        """Know an account, and its name."""
        if self.names.get(account) is None or account not in self.names:
            self.names[account] = name or ""

    def of_kind(self, *kinds: str) -> list[Entry]:
        """The rows of some kinds."""
        return [entry for entry in self.entries if entry.kind in kinds]

    def refuse(self, problem: str, advice: str, entry: Entry | None = None, name: str | None = None) -> None:
        """Note a fault; all are reported together."""
        column = None if name is None else self.headers.get(name, name)
        value = None if entry is None or name is None else entry.text(name)
        line, account = (None, None) if entry is None else (entry.line or None, entry.account)
        self.faults.append(Fault(problem, advice, column, line=line, value=value, account=account))

    def check(self) -> None:
        """Stop here if there are faults.

        Raises
        ------
        InputError
            All of them.
        """
        if self.faults:
            raise InputError([replace(fault, source=fault.source or self.source) for fault in self.faults])

    def set_day(self, text: str, order: str | None = None, *, last: bool = False) -> None:
        """Take the day of the file from a text, if it has one.

        Raises
        ------
        InputError
            A day that may be two.
        """
        try:
            self.as_of = date_in(text, order or self.layout.date_order, last=last) or self.as_of
        except AmbiguousDateError as error:
            raise ambiguous(error, self.source) from None


def ambiguous(error: AmbiguousDateError, source: str, line: int | None = None) -> InputError:
    """The error for a day that may be two."""
    advice = "write it as year-month-day, such as 2026-06-05"
    return InputError(
        [Fault("may be two days, as day and month are both 12 or less", advice, line=line, value=str(error))], source
    )


ACCOUNT = re.compile(r"(?P<name>.*?)\s*(?P<account>(?:\.{3}|X{2,}-?|x{2,}-?|\*+|-|#)\s?[\w-]{2,})", re.ASCII)


def account_of(text: str) -> tuple[str, str | None]:
    """`Individual ...417` as account and name.

    >>> account_of("Roth IRA XXXX-9031"), account_of("U0000417")
    (('XXXX-9031', 'Roth IRA'), ('U0000417', None))
    """
    match = ACCOUNT.fullmatch(text.strip())
    if match is None:
        return text.strip(), None
    return match["account"], match["name"] or None


def text_cell(value: Any) -> str:
    """A value of JSON or XML as a cell."""
    return "" if value is None else str(value).strip()

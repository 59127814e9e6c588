"""Rows of a delimited file + a layout -> a draft. Columns are found by name, rows by rule."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from trimtab.brokers.amounts import currency_in, is_number
from trimtab.brokers.draft import Draft, Entry, account_of
from trimtab.brokers.layout import Layout, folded
from trimtab.brokers.sheet import Row
from trimtab.errors import Fault, InputError, listed

_AGAIN = "download the file again; if the broker has changed its layout, describe it in a file for --layout"
_WORDS_OF_FOOTER = 8
_WITH_CURRENCY = re.compile(r"(.*?\w)[ _]*(?:\(|\[|\bin )? *([A-Za-z]{3})[)\]]?")
_AMOUNTS = ("price", "value", "cost", "unit_cost")


def _is_one(text: str) -> bool:
    return re.fullmatch(r"\$?\s*1(?:[.,]0*)?", text) is not None


@dataclass
class Table:
    """One header, and the field of each of its columns."""

    fields: list[str | None]
    names: list[str]
    width: int


def header_row(rows: Sequence[Row], layout: Layout) -> Row | None:
    """The first row that is this layout's header, None without one."""
    return next((row for row in rows if is_header(row, layout)), None)


def is_header(row: Row, layout: Layout) -> bool:
    """Whether a row is the header of this layout: enough of its marks, no number, no name of another table."""
    if len(row.cells) < layout.min_marks:
        return False
    header = layout.header
    if header.count_marks(row.cells) < layout.min_marks or any(is_number(cell) for cell in row.filled):
        return False
    return not any(folded(cell) in header.others for cell in row.filled)


def read_table(rows: Sequence[Row], layout: Layout, draft: Draft) -> None:
    """Add the rows of a file to a draft.

    Raises
    ------
    InputError
        A column that is missing or there twice, or a row that fits neither the header nor a rule.
    """
    reader = _Reader(layout, draft)
    for row in rows:
        if row.filled:
            reader.take(row)
    if reader.tables == 0:
        raise InputError([Fault(f"has no table of {layout.title}", _AGAIN)], draft.source)
    draft.check()


class _Reader:
    def __init__(self, layout: Layout, draft: Draft) -> None:
        self.layout, self.draft = layout, draft
        self.table: Table | None = None
        self.tables = 0
        self.account: str | None = None
        self.section: str | None = None
        self.ended = False
        self.titles = [re.compile(pattern, re.IGNORECASE) for pattern in layout.titles]
        self.footers = [re.compile(pattern, re.IGNORECASE) for pattern in layout.footers]

    def take(self, row: Row) -> None:
        """Understand one row."""
        if is_header(row, self.layout):
            self.open_table(row)
        elif self.is_other_table(row):
            self.table = None
        elif self.title(row) or self.is_footer(row):
            return
        elif self.table is not None:
            self.entry(row, self.table)

    def open_table(self, row: Row) -> None:
        """Begin a table: the field of every column."""
        layout, draft = self.layout, self.draft
        fields = [layout.header.field_of(cell) for cell in row.cells]
        self.take_currency(row, fields)
        seen: dict[str, str] = {}
        for index, (name, item) in enumerate(zip(row.cells, fields, strict=True)):
            if item is None:
                continue
            if item in seen:
                own = layout.header.own
                if folded(seen[item]) != folded(name) and (folded(name) in own) != (folded(seen[item]) in own):
                    if folded(name) not in own:
                        fields[index] = None
                        continue
                    fields[fields.index(item)] = None
                else:
                    problem = f"two columns give the {item.replace('_', ' ')}: {seen[item]!r} and {name!r}"
                    draft.faults.append(Fault(problem, "keep one of them", name, line=row.line))
            seen[item] = name
        missing = [item for item in layout.needed if item not in fields]
        for item in missing:
            unused = [name for name, known in zip(row.cells, fields, strict=True) if known is None and name]
            usual = " / ".join(name for name in layout.columns[item][:3] if not name.startswith("re:")) or item
            advice = f"add it to the export; columns that are not used: {listed(unused, 12) or 'none'}"
            draft.faults.append(Fault(f"the column {usual!r} is missing", advice, usual, line=row.line))
        width = max((index for index, name in enumerate(row.cells, 1) if name), default=0)
        self.table = Table(fields, list(row.cells), width)
        self.tables += 1
        draft.headers |= seen
        currency = currency_in(seen.get("value_base", "")[-3:].upper())
        draft.base_currency = currency or draft.base_currency
        draft.columns += [
            (name, item) for name, item in zip(row.cells, fields, strict=True) if (name, item) not in draft.columns
        ]
        draft.check()

    def take_currency(self, row: Row, fields: list[str | None]) -> None:
        """Columns such as `Price (EUR)`: the fields of those without the currency, which all of them must share."""
        if not self.layout.usual_names or "currency" in fields:
            return
        named = [(index, match) for index, name in enumerate(row.cells) if (match := _WITH_CURRENCY.fullmatch(name))]
        known = {
            index: (item, currency_in(match[2]))
            for index, match in named
            if fields[index] is None and (item := self.layout.header.field_of(match[1])) in _AMOUNTS
        }
        currencies = {currency for _, currency in known.values()}
        if len(currencies) == 1 and None not in currencies and not {item for item, _ in known.values()} & set(fields):
            for index, (item, _) in known.items():
                fields[index] = item
            self.draft.base_currency = self.draft.base_currency or currencies.pop()

    def is_other_table(self, row: Row) -> bool:
        """Whether a row is the header of another table in the file."""
        others = self.layout.header.others
        return sum(folded(cell) in others for cell in row.filled) >= 2

    def title(self, row: Row) -> bool:
        """Take account and day from a title line."""
        for pattern in self.titles if len(row.filled) == 1 else ():
            match = pattern.fullmatch(row.text)
            if match is None:
                continue
            groups = match.groupdict()
            if groups.get("date"):
                self.draft.set_day(groups["date"])
            if groups.get("account"):
                self.account, name = account_of(groups["account"])
                self.draft.add_account(self.account, groups.get("name") or name)
            return True
        return False

    def is_footer(self, row: Row) -> bool:
        """Whether a row is the legal text below a table, or a line with the day."""
        if len(row.filled) > 1:
            return False
        if any(pattern.fullmatch(row.text) for pattern in self.footers):
            self.draft.set_day(row.text)
            return True
        return len(row.text.split()) >= _WORDS_OF_FOOTER and bool(self.footers)

    def entry(self, row: Row, table: Table) -> None:
        """A row of the table."""
        cells = {
            item: row.cells[index]
            for index, item in enumerate(table.fields)
            if item is not None and index < len(row.cells)
        }
        kind = self.kind_of(row, cells)
        if kind == "section":
            self.section = row.text
            return
        if kind == "account":
            self.account, name = account_of(row.text)
            self.draft.add_account(self.account, name)
            return
        if kind in ("note", "end"):
            self.table = None if kind == "end" else self.table
            return
        if not self.fits(row, table, kind, cells):
            return
        self.amount_beside_currency(row, table, cells)
        if kind == "position" and _is_one(cells.get("price", "")) and currency_in(cells.get("symbol", "")):
            kind = "cash"  # a currency at the price of 1
            cells["currency"] = cells.get("currency") or cells["symbol"]
        account = cells.get("account") or self.account
        if kind in ("total", "subtotal"):
            self.close(kind, row, cells, account)
            return
        if account not in self.draft.names or cells.get("account_name"):
            self.draft.add_account(account, cells.get("account_name"))
        self.draft.entries.append(Entry(kind, row.line, cells, account, self.section))

    def kind_of(self, row: Row, cells: dict[str, str]) -> str:
        """The kind of a row, by the layout's rules."""
        for rule in self.layout.rules:
            text = row.filled[0] if rule.field == "" else cells.get(rule.field, "")
            if rule.matches.fullmatch(text) is None or (rule.kind == "section" and len(row.filled) > 1):
                continue
            if any(cells.get(name, "") not in ("", "-", "--") for name in rule.blank):
                continue
            if all(_is_one(cells[name]) for name in rule.ones if name in cells):
                return rule.kind
        if self.section is not None and folded(self.section) in self.layout.sections:
            return "cash"
        return "position"

    def fits(self, row: Row, table: Table, kind: str, cells: dict[str, str]) -> bool:
        """Whether a row has the cells of its header; a total may be short."""
        extra = [cell for cell in row.cells[len(table.names) :] if cell]
        short = len(row.cells) < table.width and kind not in ("total", "subtotal", "pending")
        if not extra and not short:
            return True
        if extra and kind == "total":
            return True
        label = Entry(kind, row.line, cells).label
        problem = (
            f"the row of {label[:40]!r} ({row.text[:60]!r}) has {len(row.cells)} cells, and the header {table.width}: "
            + ("the file ends early, or a cell is missing" if short else "a number with a comma is not in quotes")
        )
        account = cells.get("account") or self.account
        self.draft.faults.append(Fault(problem, "download the whole file again", line=row.line, account=account))
        return False

    def amount_beside_currency(self, row: Row, table: Table, cells: dict[str, str]) -> None:
        """A value column that holds a currency, with the amount in the column without a name beside it."""
        code = currency_in(cells.get("value", ""))
        if code is None:
            return
        index = table.fields.index("value") + 1
        if index < len(row.cells) and index < len(table.names) and not table.names[index]:
            cells["currency"], cells["value"] = code, row.cells[index]

    def close(self, kind: str, row: Row, cells: dict[str, str], account: str | None) -> None:
        """A total: its value may be one cell further left, so the last number of the row counts."""
        if not cells.get("value"):
            numbers = [cell for cell in row.cells if is_number(cell)]
            if "value_base" in cells or not numbers:
                cells.setdefault("value", "")
            else:
                cells["value"] = numbers[-1]
        cells["label"] = row.filled[0]
        where = None if self.layout.total_covers_file else account
        self.draft.entries.append(Entry(kind, row.line, cells, where, self.section))
        self.draft.closed.add(where if kind == "total" else f"{account}/{self.section}")

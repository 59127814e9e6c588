"""The sections of an IBKR activity statement: rows of `Header`, `Data` and `Total` under a section's name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from trimtab.brokers.amounts import NotANumberError, NumberStyle
from trimtab.brokers.draft import Draft
from trimtab.brokers.sheet import Row
from trimtab.errors import Fault, InputError

CENT = Decimal("0.01")
AGAIN = "download the statement again, as CSV"


@dataclass
class Section:
    """One section: its headers, and its rows with the header in force."""

    name: str
    headers: list[Sequence[str]] = field(default_factory=list)
    rows: list[tuple[str, Row, Sequence[str]]] = field(default_factory=list)  # kind, row, header

    def data(self) -> list[Row]:
        """The rows of data."""
        return [row for kind, row, _ in self.rows if kind == "Data"]


def sections_of(rows: Sequence[Row], draft: Draft) -> list[Section]:
    """The sections, in their order; every row must be a header or fit the header before it.

    Raises
    ------
    InputError
        A row of another kind, one without a header, or a last row that is cut.
    """
    sections: dict[str, Section] = {}
    header: dict[str, Sequence[str]] = {}
    last = next((row for row in reversed(rows) if row.filled), None)
    for row in rows:
        if not row.filled:
            continue
        if len(row.cells) < 3 or row.cells[1] not in ("Header", "Data", "Total", "SubTotal", "Notes"):
            problem = f"the row of {row.filled[0][:40]!r} is neither Header nor Data: the file ends early or is changed"
            raise InputError([Fault(problem, AGAIN, line=row.line)], draft.source)
        name, kind = row.cells[0], row.cells[1]
        section = sections.setdefault(name, Section(name))
        if kind == "Header":
            header[name] = row.cells
            section.headers.append(row.cells)
        elif name in header:
            if len(row.cells) < width(header[name]) and row is last:
                problem = f"the last row, {row.text[:60]!r}, has fewer cells than its header: the file ends early"
                raise InputError([Fault(problem, AGAIN, line=row.line)], draft.source)
            section.rows.append((kind, row, header[name]))
        else:
            raise InputError([Fault(f"section {name!r} has no header", AGAIN, line=row.line)], draft.source)
    return list(sections.values())


def width(cells: Sequence[str]) -> int:
    """The number of cells up to the last with something in it."""
    return max((place for place, cell in enumerate(cells, 1) if cell), default=0)


def plain_number(text: str) -> Decimal | None:
    """The number in a cell: with a decimal point, as everywhere in a statement; None where there is no number."""
    try:
        amount = NumberStyle(".", is_proven=True, groups=True).read(text)
    except NotANumberError:
        return None
    return None if amount is None else amount.number

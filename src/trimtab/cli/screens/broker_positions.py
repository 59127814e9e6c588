"""Positions of a broker's file on screen: the rows, and how each column was understood."""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.brokers.positions import Positions
from trimtab.files.cells import plain_number
from trimtab.text import printable

_UNUSED = "(not used)"
_WIDEST = 32


def positions_text(positions: Positions) -> str:
    """A table of positions and cash, account by account."""
    lines = [("account", "asset", "quantity", "price", "value", "currency", "cost")]
    for each in positions.positions:
        numbers = [each.quantity, each.price, each.value, each.cost]
        quantity, price, value, cost = ("" if number is None else plain_number(number) for number in numbers)
        lines.append((each.account or "", each.label, quantity, price, value, each.currency or "", cost))
    for account in positions.accounts:
        for currency, amount in (account.cash or {}).items():
            lines.append((account.account or "", "cash", "", "", plain_number(amount), currency, ""))
        for currency, amount in account.pending.items():
            lines.append((account.account or "", "pending", "", "", plain_number(amount), currency, ""))
    return _aligned(lines, right=(2, 3, 4, 6))


def columns_text(positions: Positions) -> str:
    """Each column of the file, and the field it was read as."""
    pairs = [(name or "(without a name)", field or _UNUSED) for name, field in positions.columns]
    return f"layout: {positions.layout}\n" + _aligned([("column", "read as"), *pairs], right=())


def _aligned(lines: Sequence[Sequence[str]], right: Sequence[int]) -> str:
    cells = [[_short(printable(cell.replace("\n", " "))) for cell in line] for line in lines]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    rows = [
        "  ".join(
            cell.rjust(width) if index in right else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in cells
    ]
    return "".join(f"{row.rstrip()}\n" for row in rows)


def _short(text: str) -> str:
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"

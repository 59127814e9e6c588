"""Text in cells of CSV and Excel files that no spreadsheet takes for a formula; numbers stay numbers."""

from __future__ import annotations

from decimal import Decimal

_STARTS = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")  # the last four are full-width = + - @
_SPECIAL = frozenset(',;"')  # a semicolon separates cells for some readers


def is_live(text: str) -> bool:
    """Whether a spreadsheet might run a cell that begins like this, apostrophes and blanks aside.

    >>> is_live("=1+1"), is_live("'-5"), is_live(" @x"), is_live("BRK-B")
    (True, True, True, False)
    """
    bare = text.lstrip("'")
    return bare[:1] in _STARTS or bare.lstrip("' \u00a0\ufeff")[:1] in _STARTS if bare else False


def neutralised(text: str) -> str:
    """Text with an apostrophe before what a spreadsheet might run; `restored` takes it away.

    >>> [neutralised(text) for text in ("AAPL", "=1+1", "-5", "'-5", "O'Neill")]
    ['AAPL', "'=1+1", "'-5", "''-5", "O'Neill"]
    """
    return f"'{text}" if is_live(text) else text


def restored(text: str) -> str:
    """The text that `neutralised` made this of.

    >>> restored("'=1+1"), restored("''-5"), restored("O'Neill")
    ('=1+1', "'-5", "O'Neill")
    """
    return text[1:] if text[:1] == "'" and is_live(text) else text


def plain_number(number: Decimal) -> str:
    """A decimal without exponent and without zeros at its end.

    >>> plain_number(Decimal("2357.50")), plain_number(Decimal("1E+3"))
    ('2357.5', '1000')
    """
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def csv_line(cells: list[str]) -> str:
    """A line of CSV; cells that could break it are quoted."""
    return ",".join(map(_quoted, cells)) + "\n"


def _quoted(text: str) -> str:
    if text.isprintable() and not _SPECIAL.intersection(text):
        return text
    return '"' + text.replace('"', '""') + '"'

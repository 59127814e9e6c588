"""Identifiers in the cells of a row, as spreadsheets and brokers leave them."""

from __future__ import annotations

import re

from trimtab.symbols.identifiers import checked_identifier

_ISIN = re.compile(r"[A-Z]{2}[A-Z0-9]{9}\d")
_CUSIP = re.compile(r"[0-9A-Z*@#]{8}\d")
_SCIENTIFIC = re.compile(r"\d(?:[.,]\d+)?E\+?\d+", re.IGNORECASE)
_OWN_NUMBERS = "99"  # CUSIPs that begin so are a broker's own numbers


def isin_in(text: str) -> str | None:
    """A cell that is an ISIN; None if it has another form.

    Raises
    ------
    ValueError
        It has the form of an ISIN, but not its check digit.
    """
    cell = text.strip().upper()
    return None if _ISIN.fullmatch(cell) is None else checked_identifier("isin", cell)


def identifier_in(kind: str, text: str) -> str | None:
    """An identifier of a column; None where a spreadsheet has turned a CUSIP into a number, or a broker uses its own.

    Raises
    ------
    ValueError
        Why it is not an identifier.
    """
    cell = text.strip().upper()
    if kind == "cusip" and (_SCIENTIFIC.fullmatch(cell) or (cell.isdigit() and len(cell) < 9)):
        return None
    try:
        return checked_identifier(kind, cell)
    except ValueError:
        if kind == "cusip" and cell.startswith(_OWN_NUMBERS):
            return None
        raise


def is_cusip(text: str) -> bool:
    """Whether a symbol is a CUSIP, as brokers give for bonds."""
    if _CUSIP.fullmatch(text) is None or not any(sign.isdigit() for sign in text[:8]):
        return False
    try:
        checked_identifier("cusip", text)
    except ValueError:
        return False
    return True

"""ISIN, CUSIP, SEDOL and WKN in the cells of a row, with their check digits."""

from __future__ import annotations

import re

from stdnum import cusip, isin
from stdnum.gb import sedol

_ISIN = re.compile(r"[A-Z]{2}[A-Z0-9]{9}\d")
_CUSIP = re.compile(r"[0-9A-Z*@#]{8}\d")
_WKN = re.compile(r"[A-Z0-9]{6}")
_SCIENTIFIC = re.compile(r"\d(?:[.,]\d+)?E\+?\d+", re.IGNORECASE)
OWN_NUMBERS = "99"  # CUSIPs that begin so are a broker's own numbers


class WrongIdentifierError(ValueError):
    """An identifier whose check digit, or whose form, is wrong."""


def isin_in(text: str) -> str | None:
    """A cell that is an ISIN, None for anything else.

    Raises
    ------
    WrongIdentifierError
        It has the form of an ISIN, but not its check digit.
    """
    cell = text.strip().upper()
    if _ISIN.fullmatch(cell) is None:
        return None
    if not isin.is_valid(cell):
        raise WrongIdentifierError("the check digit of the ISIN is wrong")
    return cell


def cusip_in(text: str) -> str | None:
    """A cell that is a CUSIP, None where a spreadsheet has turned it into a number, or a broker uses its own.

    Raises
    ------
    WrongIdentifierError
        The check digit is wrong.
    """
    cell = text.strip().upper()
    if _SCIENTIFIC.fullmatch(cell) or (cell.isdigit() and len(cell) < 9):
        return None
    if _CUSIP.fullmatch(cell) is None:
        raise WrongIdentifierError("is not a CUSIP, which has nine characters")
    if cusip.is_valid(cell):
        return cell
    if cell.startswith(OWN_NUMBERS):
        return None
    raise WrongIdentifierError("the check digit of the CUSIP is wrong")


def is_cusip(text: str) -> bool:
    """Whether a symbol is a CUSIP, as brokers give for bonds."""
    return _CUSIP.fullmatch(text) is not None and any(sign.isdigit() for sign in text[:8]) and cusip.is_valid(text)


def sedol_in(text: str) -> str | None:
    """A cell that is a SEDOL.

    Raises
    ------
    WrongIdentifierError
        The check digit is wrong.
    """
    cell = text.strip().upper()
    if not sedol.is_valid(cell):
        raise WrongIdentifierError("is not a SEDOL, or its check digit is wrong")
    return cell


def wkn_in(text: str) -> str | None:
    """A cell that is a German WKN.

    Raises
    ------
    WrongIdentifierError
        It does not have six characters.
    """
    cell = text.strip().upper()
    if _WKN.fullmatch(cell) is None:
        raise WrongIdentifierError("is not a WKN, which has six characters")
    return cell

"""ISIN, CUSIP, SEDOL and WKN: their form and their check digits, by python-stdnum."""

from __future__ import annotations

import re
from types import ModuleType

from stdnum import cusip, isin
from stdnum.de import wkn
from stdnum.exceptions import InvalidChecksum, ValidationError
from stdnum.gb import sedol

from trimtab.errors import Fault

KINDS: dict[str, ModuleType] = {"isin": isin, "cusip": cusip, "sedol": sedol, "wkn": wkn}
_LIKE_ISIN = re.compile(r"[A-Z]{2}[A-Z0-9]{9}[0-9]", re.ASCII).fullmatch


def checked_identifier(kind: str, text: str) -> str:
    """An identifier of this kind in its plain form: capitals, without spaces.

    Raises
    ------
    ValueError
        The text is not one; the message says why, as the end of a sentence.

    Examples
    --------
    >>> checked_identifier("isin", "us0378331005"), checked_identifier("cusip", "084670702")
    ('US0378331005', '084670702')
    """
    rules = KINDS[kind]
    try:
        return str(rules.validate(text))
    except InvalidChecksum:
        expected = _with_check_digit(kind, text)
        raise ValueError(f"has a wrong check digit: {expected} would be right") from None
    except ValidationError:
        raise ValueError(f"is not a valid {kind.upper()}") from None


def _with_check_digit(kind: str, text: str) -> str:
    """The identifier with the check digit that its other characters ask for. (A WKN carries no check digit.)"""
    rules = KINDS[kind]
    body = str(rules.compact(text))[:-1]
    return body + str(rules.calc_check_digit(body))


def identifier_fault(name: str) -> Fault | None:
    """The fault of a name that reads like an ISIN, but for its check digit."""
    if not _LIKE_ISIN(name):
        return None
    try:
        isin.validate(name)
    except InvalidChecksum:
        problem = f"reads like an ISIN with a wrong check digit; {_with_check_digit('isin', name)} would be right"
        return Fault(problem, "check it against its source", value=name)
    except ValidationError:
        return None  # twelve characters, but no country
    return None

"""Numbers in the spellings of brokers -> exact decimals; one decimal mark for a whole file, never a guess a cell."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from trimtab.symbols.currencies import HUNDREDTHS

POINT, COMMA = ".", ","
BLANK = frozenset(
    ("", "-", "--", "---", "n/a", "na", "n.a.", "not applicable", "not available", "incomplete", "null", "none",
     "unavailable", "k. a.", "n.v.", "\u2013", "\u2014")
)  # fmt: skip
CURRENCIES = frozenset(
    (
        "AED", "ARS", "AUD", "BGN", "BRL", "CAD", "CHF", "CLP", "CNH", "CNY", "COP", "CZK", "DKK", "EGP",
        "EUR", "GBP", "HKD", "HRK", "HUF", "IDR", "ILS", "INR", "ISK", "JPY", "KRW", "KZT", "KWD", "MAD",
        "MXN", "MYR", "NOK", "NZD", "PEN", "PHP", "PLN", "QAR", "RON", "RUB", "SAR", "SEK", "SGD", "THB",
        "TRY", "TWD", "UAH", "USD", "VND", "ZAR", *HUNDREDTHS,
    )
)  # fmt: skip
PENCE = dict(HUNDREDTHS)
_SYMBOLS = {"$": "USD", "US$": "USD", "C$": "CAD", "A$": "AUD", "€": "EUR", "£": "GBP", "¥": "JPY", "CA$": "CAD"}
_MARK = r"(?:US\$|CA\$|C\$|A\$|[$€£¥]|[A-Z]{3}|GBp|ZAc)"
_NUMBER = re.compile(
    rf"(?P<open>\()?\s*(?P<sign>[+-])?\s*(?P<mark>{_MARK})?\s*(?P<inner>[+-])?\s*"
    r"(?P<body>\d[\d.,' ]*|[.,]\d+)(?P<power>[eE]-?\d{1,3})?\s*"
    rf"(?P<unit>%|{_MARK})?\s*(?P<tail>-)?\s*(?P<close>\))?"
)
_LONGEST = 60
_AMBIGUOUS = re.compile(r"[1-9]\d{0,2}[.,]\d{3}")
_SPACED = re.compile(r"\d{1,3}(?P<by>[' ])\d{3}(?:(?P=by)\d{3})*(?:(?P<mark>[.,])\d+)?")
_GROUPED = {
    POINT: re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d*)?"),
    COMMA: re.compile(r"\d{1,3}(?:\.\d{3})+(?:,\d*)?"),
}
_PLAIN = {POINT: re.compile(r"\d+\.?\d*|\.\d+"), COMMA: re.compile(r"\d+,?\d*|,\d+")}
_DASHES = str.maketrans({"\u2212": "-", "\u2013": "-", "\u2010": "-", "\u2011": "-", "\u00a0": " ", "\u202f": " ",
                         "\u2009": " ", "\u2019": "'", "\uff04": "$"})  # fmt: skip


class NotANumberError(ValueError):
    """A cell that holds no number that can be read for sure."""


class Amount(NamedTuple):
    """A number, the currency beside it in the cell, and whether it needs proof that its separator groups thousands."""

    number: Decimal
    currency: str | None = None
    is_percent: bool = False
    needs_proof: bool = False


@dataclass(frozen=True)
class NumberStyle:
    """How a file writes numbers: its decimal mark, and whether some number proves that the other mark groups."""

    mark: str
    is_proven: bool
    groups: bool

    def read(self, text: str) -> Amount | None:
        """The amount in a cell; None if it is blank.

        Raises
        ------
        NotANumberError
            Why it is not a number in this style.
        """
        cell = clean(text)
        if cell.casefold() in BLANK:
            return None
        match = _matched(cell)
        marks = [mark for mark in (match["mark"], match["unit"]) if mark and mark != "%"]
        if len({currency_of(mark) for mark in marks}) > 1:
            raise NotANumberError("has two currencies")
        number, needs_proof = self._body(match["body"].strip())
        signs = [sign for sign in (match["sign"], match["inner"], match["tail"]) if sign]
        if len(signs) + bool(match["open"]) > 1 or bool(match["open"]) != bool(match["close"]):
            raise NotANumberError("has two signs")
        if match["power"]:
            number = number.scaleb(int(match["power"][1:]))
        if signs == ["-"] or match["open"]:
            number = -number
        currency = currency_of(marks[0]) if marks else None
        return Amount(number, currency, match["unit"] == "%", needs_proof and not self.groups)

    def _body(self, body: str) -> tuple[Decimal, bool]:
        spaced = _SPACED.fullmatch(body)
        if spaced is not None:
            if spaced["mark"] not in (None, self.mark):
                raise NotANumberError(f"does not fit the other numbers, whose decimal mark is {self.mark!r}")
            return _decimal(re.sub("[' ]", "", body), self.mark), False
        if _PLAIN[self.mark].fullmatch(body):
            unproven = not self.is_proven and _AMBIGUOUS.fullmatch(body) is not None
            return _decimal(body, self.mark), unproven
        if _GROUPED[self.mark].fullmatch(body):
            other = COMMA if self.mark == POINT else POINT
            return _decimal(body.replace(other, ""), self.mark), _AMBIGUOUS.fullmatch(body) is not None
        raise NotANumberError(f"does not fit the other numbers, whose decimal mark is {self.mark!r}")


EXACT = NumberStyle(POINT, is_proven=True, groups=False)  # numbers written by programs


def style_of(texts: Iterable[str], default: str = POINT) -> NumberStyle:
    """The style of a file, from all its numbers: the decimal mark that most of them prove.

    >>> style_of(["1.250,5", "14", "118,905"]).mark, style_of(["1,250", "14"]).is_proven
    (',', False)
    """
    proofs = {POINT: 0, COMMA: 0}
    groups = False
    for text in texts:
        match = _NUMBER.fullmatch(clean(text))
        if match is not None:
            mark, grouped = _proof(match["body"].strip())
            groups |= grouped
            if mark is not None:
                proofs[mark] += 1
    if proofs[POINT] == proofs[COMMA]:
        return NumberStyle(default, is_proven=proofs[POINT] > 0, groups=groups)
    return NumberStyle(max(proofs, key=lambda mark: proofs[mark]), is_proven=True, groups=groups)


def _proof(body: str) -> tuple[str | None, bool]:
    """The decimal mark that a number reveals (None if ambiguous), and whether it reveals grouped thousands."""
    spaced = _SPACED.fullmatch(body)
    if spaced is not None:
        return spaced["mark"], False
    dots, commas = body.count("."), body.count(",")
    if dots and commas:
        mark = POINT if body.rfind(".") > body.rfind(",") else COMMA
        return (mark, True) if _GROUPED[mark].fullmatch(body) else (None, False)
    if dots + commas > 1:
        mark = COMMA if dots else POINT
        return (mark, True) if _GROUPED[mark].fullmatch(body) else (None, False)
    if dots + commas == 0 or _AMBIGUOUS.fullmatch(body):
        return None, False
    return (POINT if dots else COMMA), False


def clean(text: str) -> str:
    """A cell without padding, with plain dashes and blanks."""
    return text.translate(_DASHES).strip() if not text.isascii() else text.strip()


def is_number(text: str) -> bool:
    """Whether a cell looks like a number in any style."""
    return _NUMBER.fullmatch(clean(text)) is not None if len(text) <= _LONGEST else False


def currency_of(mark: str) -> str:
    """The currency of a symbol or a code."""
    return _SYMBOLS.get(mark, mark)


def currency_in(text: str) -> str | None:
    """A cell that is a currency code: the code, None for anything else.

    >>> currency_in(" eur "), currency_in("GBp"), currency_in("VTI")
    ('EUR', 'GBp', None)
    """
    cell = clean(text)
    if cell in CURRENCIES:
        return cell
    return cell.upper() if cell.upper() in CURRENCIES and len(cell) == 3 else _SYMBOLS.get(cell)


def _matched(cell: str) -> re.Match[str]:
    if len(cell) > _LONGEST:
        raise NotANumberError("is too long for a number")
    if "*" in cell or "•" in cell:
        raise NotANumberError("is masked")
    match = _NUMBER.fullmatch(cell)
    if match is None:
        raise NotANumberError("is not a number")
    for mark in (match["mark"], match["unit"]):
        if mark and mark != "%" and currency_of(mark) not in CURRENCIES:
            raise NotANumberError(f"has the unknown unit {mark!r}")
    return match


def _decimal(body: str, mark: str) -> Decimal:
    return Decimal(body if mark == POINT else body.replace(",", "."))

"""Days in the spellings of brokers."""

from __future__ import annotations

import datetime as dt
import re

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LOCAL_MONTHS = {
    "januar": 1, "jänner": 1, "enero": 1, "gennaio": 1, "janvier": 1, "januari": 1, "janeiro": 1,
    "februar": 2, "febrero": 2, "febbraio": 2, "février": 2, "februari": 2, "fevereiro": 2,
    "märz": 3, "marzo": 3, "mars": 3, "maart": 3, "março": 3,
    "abril": 4, "aprile": 4, "avril": 4,
    "mai": 5, "mayo": 5, "maggio": 5, "mei": 5, "maio": 5,
    "juni": 6, "junio": 6, "giugno": 6, "juin": 6, "junho": 6,
    "juli": 7, "julio": 7, "luglio": 7, "juillet": 7, "julho": 7,
    "agosto": 8, "août": 8, "augustus": 8,
    "septiembre": 9, "settembre": 9, "septembre": 9, "setembro": 9,
    "oktober": 10, "octubre": 10, "ottobre": 10, "octobre": 10, "outubro": 10,
    "noviembre": 11, "novembre": 11, "novembro": 11,
    "dezember": 12, "diciembre": 12, "dicembre": 12, "décembre": 12, "dezembro": 12,
}  # fmt: skip
_YEAR_FIRST = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)")
_SOLID = re.compile(r"(?<!\d)(\d{4})(\d{2})(\d{2})(?!\d)")
_YEAR_LAST = re.compile(r"(?<!\d)(\d{1,2})([-/.])(\d{1,2})\2(\d{4})(?!\d)")
_ASIAN = re.compile(r"(\d{4})[年년]\s*(\d{1,2})[月월]\s*(\d{1,2})[日일]")
_WORDS = re.compile(
    r"(?:(\d{1,2})\.?\s+(?:de\s+)?)?([^\W\d_]{3,})\.?(?:[\s-]+(?:de\s+)?(\d{1,2})(?!\d))?(?:,|\s|-|de)+(\d{4})"
)


class AmbiguousDateError(ValueError):
    """A day such as 05/06/2026, where the order of day and month is unknown."""


def date_in(text: str, order: str | None = None, *, last: bool = False) -> dt.date | None:
    """The first (or last) day in a text, None without one. `order` is `mdy` or `dmy` for days such as 05/06/2026.

    >>> date_in("as of 05:18 PM ET, 06/30/2021", "mdy"), date_in("Generated at Jun 30 2026 04:33 PM")
    (datetime.date(2021, 6, 30), datetime.date(2026, 6, 30))

    Raises
    ------
    AmbiguousDateError
        Day and month may be either way round, and no order is given.
    """
    dates = [
        *((match.start(), _day(*match.groups())) for match in _YEAR_FIRST.finditer(text)),
        *((match.start(), _day(*match.groups())) for match in _SOLID.finditer(text)),
        *((match.start(), _day(*match.groups())) for match in _ASIAN.finditer(text)),
        *((match.start(), _year_last(match, order)) for match in _YEAR_LAST.finditer(text)),
        *((match.start(), _in_words(match)) for match in _WORDS.finditer(text)),
    ]
    days = [day for _, day in sorted(dates, key=lambda item: item[0]) if day is not None]
    return (days[-1] if last else days[0]) if days else None


def _day(year: str, month: str, day: str) -> dt.date | None:
    try:
        return dt.date(int(year), int(month), int(day))
    except ValueError:
        return None


def _year_last(match: re.Match[str], order: str | None) -> dt.date | None:
    first, separator, second, year = match.groups()
    order = "dmy" if separator == "." else order
    if order is None and first != second:
        if int(first) <= 12 and int(second) <= 12:
            raise AmbiguousDateError(match[0])
        order = "dmy" if int(first) > 12 else "mdy"
    return _day(year, first, second) if order == "mdy" else _day(year, second, first)


def _in_words(match: re.Match[str]) -> dt.date | None:
    before, word, after, year = match.groups()
    name = word.casefold()
    month = _LOCAL_MONTHS.get(name) or next(
        (index for index, short in enumerate(_MONTHS, 1) if name.startswith(short)), None
    )
    day = before or after
    return None if month is None or day is None else _day(year, str(month), day)

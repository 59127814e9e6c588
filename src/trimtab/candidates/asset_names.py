"""Names that are not those of assets: rows of cash and totals as brokers write them, errors of a spreadsheet."""

from __future__ import annotations

import re

CASH = ("is cash, not an asset", "drop the row: whatever is not in assets is cash; beside shares, give it as --cash")
TOTAL = ("is a total, not an asset", "drop the row")
# "CASH" alone is not one of them: it is also a ticker.
_CASH = re.compile(
    r"cash (balance|equivalents?|investments?|position|sweep|holdings?|account|reserves?)"
    r"|cash (&|and) (cash|sweep|money|short[- ]term|equivalents?).*"
    r"|[a-z]{3} cash|(uninvested|available|settled|unsettled|total|core|sweep|free|net|futures|pending) cash( balance)?"
    r"|money market( fund| sweep)|pending activity|core (account|position)"
).fullmatch
_LIKE_CASH = re.compile(r"(?:[a-z]{2,3} )?cash\b.*", re.ASCII | re.IGNORECASE).fullmatch
_TOTAL = re.compile(
    r"(account|portfolio|grand|sub) ?-?total|total (account|portfolio|holdings|positions|value|assets).*"
).fullmatch
NOT_AVAILABLE = (
    "#n/a"  # the error of a failed lookup; but files from elsewhere have symbols such as `NA`, `NAN` and this
)
_ERROR = re.compile(r"#(n/a|div/0!|ref!|value!|name\?|num!|null!|spill!|calc!)").fullmatch


def is_spreadsheet_error(text: str) -> bool:
    """Whether a cell has what a spreadsheet writes where a formula fails: `#N/A`, `#REF!`."""
    return bool(_ERROR(text.strip().casefold()))


def unscored_fault(name: str) -> tuple[str, str] | None:
    """The fault of the name of a holding without a score, which is more often cash or a total: `CASH`, `Total`.

    >>> unscored_fault("CASH") == CASH, unscored_fault("Total") == TOTAL, unscored_fault("Cashmere")
    (True, True, None)
    """
    bare = name.strip()
    if _LIKE_CASH(bare):
        return CASH
    return TOTAL if bare.casefold() in ("total", "totals", "sum") else name_fault(name)


def name_fault(name: str) -> tuple[str, str] | None:
    """The fault of an asset's name, and what to do; None for a sound one.

    >>> name_fault("Cash & Cash Investments")
    ('is cash, not an asset', 'drop the row: whatever is not in assets is cash; beside shares, give it as --cash')
    >>> name_fault("CASH"), name_fault("Cash Converters"), name_fault("#N/A")
    (None, None, None)
    """
    if name.isalnum() and name not in ("Cash", "cash"):
        return None
    bare = " ".join(name.casefold().split())
    if not bare:
        return "the asset has no name", "name every asset"
    if name != name.strip():
        return "the asset's name has spaces around it", "write it without them"
    if _CASH(bare) or name in ("Cash", "cash"):
        return CASH
    if _TOTAL(bare):
        return TOTAL
    if _ERROR(bare) and bare != NOT_AVAILABLE:
        return "is an error of the spreadsheet", "correct the formula that names the asset"
    return None

"""Bucket paths: `"Equity/Tech/Semis"` <-> its parts."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

UNKNOWN = "Unknown"
DEEPEST = 50
_MISSING = {"nan", "none", "null", "<na>"}


def split_path(path: str, separator: str) -> tuple[str, ...]:
    """The parts of a bucket's path, as written; an empty part stays in, for the caller to refuse."""
    return tuple(path.split(separator)) if separator else (path,)


def bucket_name(text: str | None) -> str:
    """The bucket that a cell of a table names: itself, or `Unknown` where it is blank.

    >>> bucket_name("Equity/Tech"), bucket_name("  "), bucket_name(None)
    ('Equity/Tech', 'Unknown', 'Unknown')
    """
    return text if text and text.strip() else UNKNOWN


def level_bucket(path: str, separator: str, level: int) -> str:
    """The bucket at a level that a path lies in; `Unknown` for a path that is shorter, or starts with it.

    >>> level_bucket("Equity/Tech/Semis", "/", 2), level_bucket("Equity", "/", 2)
    ('Equity/Tech', 'Unknown')
    """
    parts = split_path(path, separator)
    return UNKNOWN if parts[0] == UNKNOWN or len(parts) < level else separator.join(parts[:level])


def folded(parts: Sequence[str]) -> tuple[str, ...]:
    """The parts as they compare: without case, spaces at the ends or twice, accents in two forms, invisible signs."""
    return tuple(_folded_part(part) for part in parts)


def _folded_part(part: str) -> str:
    if part.isascii():
        return " ".join(part.split()).casefold()
    seen = "".join(sign for sign in unicodedata.normalize("NFKC", part) if unicodedata.category(sign) != "Cf")
    return unicodedata.normalize("NFKC", " ".join(seen.split()).casefold())


def path_fault(parts: Sequence[str]) -> tuple[str, str] | None:
    """What is wrong with a path, whatever else there is, as the end of a sentence; and what to do."""
    if not all(folded(parts)):
        return "has an empty part", "write every part between two separators"
    if len(parts) > DEEPEST:
        return f"has {len(parts)} parts, more than {DEEPEST}", "use fewer levels"
    if len(parts) == 1 and folded(parts)[0] in _MISSING:
        return "looks like a missing value written as text", "leave it empty"
    return None

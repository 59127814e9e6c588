"""Bucket paths: `"Equity/Tech/Semis"` <-> its parts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

UNKNOWN = "Unknown"
ONLY_IN = "only in case, spaces, punctuation or invisible signs"  # how two spellings of one bucket differ
DEEPEST = 50
# How tables write that there is no bucket. "NA" is not among them: it may be North America.
_NOTHING = frozenset(
    {
        *("", "n/a", "#n/a", "n.a.", "n/d", "n-d", "n.d.", "none", "null", "nan", "nat", "<na>", "not available"),
        *("not applicable", "unclassified", "not classified", "unassigned", "not assigned"),
    }
)


_SEPARATORS = re.compile("([\\s.,'\u2019\u00b7_\u2010-\u2015\ufe58\ufe63\uff0d-]+)")


def split_path(path: str, separator: str) -> tuple[str, ...]:
    """The parts of a bucket's path, as written; an empty part stays in, for the caller to refuse."""
    return tuple(path.split(separator)) if separator else (path,)


def bucket_name(text: str | None) -> str:
    """The bucket that a cell of a table names: itself, or `Unknown` where it is blank, `N/A`, `none`, `-`, `?` or the like.

    >>> bucket_name("Equity/Tech"), bucket_name("  "), bucket_name("n/a"), bucket_name(None)
    ('Equity/Tech', 'Unknown', 'Unknown', 'Unknown')
    """
    return UNKNOWN if text is None or _names_nothing(text) else text


def _names_nothing(text: str) -> bool:
    bare = text.strip()
    return bare.casefold() in _NOTHING or all(sign == "?" or _is_dash(sign) for sign in bare)


def level_bucket(path: str, separator: str, level: int) -> str:
    """The bucket of a path at a level; `Unknown` for a shorter path, or one that starts with `Unknown`.

    >>> level_bucket("Equity/Tech/Semis", "/", 2), level_bucket("Equity", "/", 2)
    ('Equity/Tech', 'Unknown')
    """
    parts = split_path(path, separator)
    return UNKNOWN if parts[0] == UNKNOWN or len(parts) < level else separator.join(parts[:level])


def folded(parts: Sequence[str]) -> tuple[str, ...]:
    """The parts as they compare: without case, spaces, punctuation inside words, accents in two forms, invisible signs."""
    return tuple(_folded_part(part) for part in parts)


def _folded_part(part: str) -> str:
    """Without separators inside words: `Health-Care` is `HealthCare`, but `1-3` is not `13`, and `BBB-` not `BBB`."""
    text = part
    if not part.isascii():
        text = "".join(sign for sign in unicodedata.normalize("NFKC", part) if unicodedata.category(sign) != "Cf")
    words = text.casefold().strip()
    pieces = _SEPARATORS.split(words)  # words and what separates them, in turn
    kept = [
        piece if index % 2 == 0 else _kept(pieces[index - 1], piece, pieces[index + 1])
        for index, piece in enumerate(pieces)
    ]
    return unicodedata.normalize("NFKC", "".join(kept)) or words


def _kept(before: str, separator: str, after: str) -> str:
    """The part of a separator that matters: a sign between numbers, or a dash at the end of a name (a rating)."""
    sign = "-" if any(map(_is_dash, separator)) else separator.strip()[:1] or " "
    if before and after:
        return sign if before[-1].isdigit() and after[0].isdigit() else ""
    return sign if sign == "-" else ""


def _is_dash(sign: str) -> bool:
    return unicodedata.category(sign) == "Pd"


def path_fault(parts: Sequence[str]) -> tuple[str, str] | None:
    """The fault of a path, as the end of a sentence, and what to do; None if the path is sound."""
    if not all(folded(parts)):
        return "has an empty part", "write every part between two separators"
    if len(parts) > DEEPEST:
        return f"has {len(parts)} parts, more than {DEEPEST}", "use fewer levels"
    if len(parts) == 1 and bucket_name(parts[0]) == UNKNOWN != parts[0]:
        return "means that there is no bucket", f"write {UNKNOWN!r} for assets without a bucket"
    return None

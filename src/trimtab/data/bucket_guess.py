"""The nearest bucket of the default map for an asset that it lacks, by the words of its name. A guess: never used unasked."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from trimtab.data.default_buckets import default_buckets
from trimtab.text import printable

_WORD = re.compile(r"[A-Za-z]{4,}")
_COMMON = frozenset(
    ("equity", "fund", "funds", "index", "other", "multi", "services", "products", "diversified", "select", "broad", "class",
     "market", "total", "general", "sector", "holdings", "shares", "core")
)  # fmt: skip
_EXAMPLES = 2


class BucketGuess(NamedTuple):
    """A bucket, the words that it shares with the asset's name, and assets that are in it."""

    bucket: str
    words: tuple[str, ...]
    examples: tuple[str, ...]

    @property
    def ground(self) -> str:
        """Why it is the nearest."""
        words = " and ".join(f"“{word}”" for word in self.words)
        return f"nearest: {words} in its name, like {' and '.join(self.examples)}"


def guessed_bucket(name: str | None) -> BucketGuess | None:
    """The bucket that shares the most words with a name, among equals the one with the fewest words; None if none does.

    >>> guess = guessed_bucket("Fidelity Select Semiconductors")
    >>> guess.bucket, guess.words
    ('Equity/Information Technology/Semiconductors', ('Semiconductors',))
    >>> guessed_bucket(None), guessed_bucket("Berkshire Hathaway")
    (None, None)
    """
    if not name:
        return None
    words = {_stem(word): word for word in _WORD.findall(printable(name))}
    known = _words_of_buckets()
    common = {bucket: len(own & set(words)) for bucket, own in known.items()}
    bucket = min(known, key=lambda path: (-common[path], len(known[path]), path))
    if not common[bucket]:
        return None
    shared = tuple(word for stem, word in words.items() if stem in known[bucket])
    return BucketGuess(bucket, shared, default_buckets()[bucket][:_EXAMPLES])


@cache
def _words_of_buckets() -> dict[str, frozenset[str]]:
    common = set(map(_stem, _COMMON))
    return {bucket: frozenset(map(_stem, _WORD.findall(bucket))) - common for bucket in default_buckets()}


def _stem(word: str) -> str:
    """A word without the end that its plural has.

    >>> _stem("Semiconductors"), _stem("utilities"), _stem("Utility")
    ('semiconductor', 'utilit', 'utilit')
    """
    folded = word.casefold()
    for end in ("ies", "y", "s"):
        if folded.endswith(end) and len(folded) > 4:
            return folded.removesuffix(end)
    return folded

"""Symbols that may have been renamed: one ends where another begins, near its price. They are never joined by a guess."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

_NEAR = 1.25  # prices of two sessions of one asset are rarely farther apart than this factor


def notes_on_renames(wide: pl.DataFrame) -> Iterator[str]:
    """A note on each pair of symbols of which one has its last price on the session before the first of the other.

    `wide` has a column `date`, and one of prices for each symbol, sorted by day. Days on which several end or begin are
    left out: an index changes its members in groups.
    """
    count, symbols = wide.height, wide.columns[1:]
    priced = wide.select(pl.exclude("date").is_not_null())
    first = priced.select(pl.all().arg_max()).row(0) if count else ()
    after_last = [count - index for index in priced.reverse().select(pl.all().arg_max()).row(0)] if count else ()
    ended: dict[int, list[str]] = {}
    begun: dict[int, list[str]] = {}
    for symbol, begin, end in zip(symbols, first, after_last, strict=True):
        begun.setdefault(begin, []).append(symbol)
        ended.setdefault(end, []).append(symbol)
    for index in sorted(begun.keys() & ended.keys() - {0, count}):
        old, new = ended[index][0], begun[index][0]
        ratio = wide[new][index] / wide[old][index - 1]
        if len(ended[index]) == len(begun[index]) == 1 and 1 / _NEAR <= ratio <= _NEAR:
            day = wide["date"][index].isoformat()
            python = f'in Python: renamed={{"{old}": "{new}"}}'
            yield f"{old} ends where {new} begins, on {day}: if it was renamed, put all its prices under {new} ({python})."

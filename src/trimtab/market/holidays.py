"""Sessions on which a symbol's own exchange was closed: its prices are not missing then."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]

_ALIKE = 0.8  # share of the days lacked by either of two symbols from which they have one calendar
_FEW = 3  # days without a price that make a calendar
_LONGEST = 5  # sessions that an exchange is closed in a row
_LONGEST_AT_END = 2  # and at the end, where it could as well be a feed that stopped


def holidays(missing: Mapping[str, Mask]) -> dict[str, frozenset[int]]:
    """The rows on which each symbol's exchange was closed, judged by the symbols that lack the same days.

    Parameters
    ----------
    missing
        For each symbol that lacks a price on some session of the window: where, shape (sessions,).

    Returns
    -------
    dict
        The rows by symbol. Two symbols or more have one calendar if they lack the same three days or more, with four
        fifths of the days that either lacks in common. A day that four fifths of them lack is a holiday. Days before the
        first price do not count, nor do runs longer than an exchange is closed.
    """
    short = {symbol: _short_runs(mask) for symbol, mask in missing.items()}
    names = [symbol for symbol, mask in short.items() if int(mask.sum()) >= _FEW]
    if len(names) < 2:
        return {}
    lacks = np.array([short[name] for name in names])
    days = lacks.astype(np.int64)
    common = days @ days.T
    size = np.diagonal(common)
    alike = (common >= _FEW) & (common >= _ALIKE * (size[:, None] + size[None, :] - common))
    closed = {}
    for row, name in enumerate(names):
        group = lacks[alike[row]]
        if len(group) > 1:
            closed[name] = frozenset(np.flatnonzero(lacks[row] & (group.mean(axis=0) >= _ALIKE)).tolist())
    return closed


def _short_runs(missing: Mask) -> Mask:
    """The sessions without a price that come in short runs after the first price."""
    kept = np.zeros(len(missing), np.bool_)
    edges = np.flatnonzero(np.diff(np.concatenate(([False], missing, [False])).astype(np.int8)))
    for begin, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        longest = _LONGEST_AT_END if end == len(missing) else _LONGEST
        kept[begin:end] = begin > 0 and end - begin <= longest
    return kept

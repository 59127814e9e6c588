"""Prices at the open that are adjusted differently from the closes, such as raw opens beside adjusted closes."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from trimtab.kernel.records import Flags, Floats

_SESSIONS, _FEWEST = 63, 20  # sessions that show how far opens usually are from closes
_LEAST = math.log(1.005)  # a usual distance up to this is not distinguished
_DEVIATIONS = 6.0  # of the median, beyond which a usual distance is not chance
_DEVIATION_OF_MEDIAN = 1.2533 * 1.4826  # of normal values, over their median absolute deviation
_JUMP = math.log(1.8)  # no session moves this far between open and close


@dataclass(frozen=True)
class DifferingOpens:
    """The opens of one asset that do not fit its closes: how many, until when, and the usual ratio of the two."""

    asset: str
    sessions: int
    last: dt.date
    ratio: float

    def sentence(self) -> str:
        """The fault, and what to do."""
        return (
            f"{self.asset}: {self.sessions} opens until {self.last.isoformat()} are usually {self.ratio:.4g} times the "
            "close, so they are adjusted differently and not used: adjust opens and closes in the same way"
        )


def differing_opens(opens: Floats, closes: Floats) -> Flags:
    """Where opens do not fit the closes of their sessions; both have shape (sessions, assets), NaN without a price.

    On a session the median of log(open / close) over the 63 sessions up to it is further from 0 than chance would have it
    (six deviations of a median, and 0.5 %); or the two are 1.8 times apart. Later sessions are ignored.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        distance = np.log(opens / closes)
    frame = pl.DataFrame(distance).fill_nan(None)
    usual = _rolling_median(frame)
    spread = _rolling_median((frame - usual).select(pl.all().abs()))
    count = frame.select(pl.all().is_not_null().cast(pl.Float64).rolling_sum(_SESSIONS, min_samples=1)).to_numpy()
    chance = _DEVIATIONS * _DEVIATION_OF_MEDIAN * spread.to_numpy() / np.sqrt(np.maximum(count, 1.0))
    with np.errstate(invalid="ignore"):
        is_off = np.abs(usual.to_numpy()) > np.maximum(np.nan_to_num(chance, nan=math.inf), _LEAST)
        is_off |= np.abs(distance) > _JUMP
    return np.asarray(is_off & np.isfinite(distance), np.bool_)


def _rolling_median(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select(pl.all().rolling_median(_SESSIONS, min_samples=_FEWEST))


def described_opens(
    is_off: Flags, opens: Floats, closes: Floats, sessions: Sequence[dt.date], assets: Sequence[str]
) -> tuple[DifferingOpens, ...]:
    """One line for each asset with opens that do not fit."""
    lines = []
    for column in np.flatnonzero(is_off.any(axis=0)).tolist():
        rows = np.flatnonzero(is_off[:, column])
        ratio = float(np.median(opens[rows, column] / closes[rows, column]))
        lines.append(DifferingOpens(assets[column], len(rows), sessions[int(rows[-1])], ratio))
    return tuple(lines)

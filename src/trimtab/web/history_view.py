"""The history of an account as the page draws it: one small chart for each bucket, and two runs compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from trimtab.report.shapes import number
from trimtab.store.history import BucketMoment, History, Moment

_WIDE, _HIGH, _BASE = 240.0, 80.0, 84.0


@dataclass(frozen=True)
class SmallChart:
    """A bucket over all plans: the area of its weight, and the steps of its limit; texts for both ends."""

    path: str
    colour: int
    area: str
    limit: str
    first: float
    last: float
    breach: str  # at the last plan: `above`, `below`, or empty
    is_cash: bool = False


@dataclass(frozen=True)
class HistoryView:
    """All charts with one scale, from 0 to `scale`."""

    history: History
    charts: tuple[SmallChart, ...]
    scale: float

    @property
    def days(self) -> tuple[str, str]:
        """The days of the first plan and of the last."""
        return self.history.moments[0].day, self.history.moments[-1].day


def history_view(history: History) -> HistoryView:
    """The charts of a history with at least one plan."""
    moments = history.moments
    tracks = [[_at(moment, path) for moment in moments] for path in history.roots]
    cash = [moment.cash for moment in moments]
    weights = [bucket.held for track in tracks for bucket in track if bucket is not None]
    scale = max([0.1, *weights, *cash])
    charts = [
        _chart(path, place, track, scale) for place, (path, track) in enumerate(zip(history.roots, tracks, strict=True))
    ]
    drawn = _area(cash, scale)
    charts.append(SmallChart("Cash", 0, drawn, "", cash[0], cash[-1], "", is_cash=True))
    return HistoryView(history, tuple(charts), scale)


def _at(moment: Moment, path: str) -> BucketMoment | None:
    return next((bucket for bucket in moment.buckets if bucket.path == path), None)


def _chart(path: str, colour: int, track: Sequence[BucketMoment | None], scale: float) -> SmallChart:
    held = [0.0 if bucket is None else bucket.held for bucket in track]
    limits = [None if bucket is None else bucket.max_weight for bucket in track]
    last = track[-1]
    return SmallChart(
        path=path,
        colour=colour,
        area=_area(held, scale),
        limit="".join(_steps(limits, scale)),
        first=held[0],
        last=held[-1],
        breach="" if last is None else last.breach,
    )


def _places(count: int) -> list[float]:
    """The left edge of each plan; a single plan fills the chart."""
    return [_WIDE * place / max(count - 1, 1) for place in range(count)]


def _area(weights: Sequence[float], scale: float) -> str:
    line = list(zip(_places(len(weights)), weights, strict=True))
    if len(line) == 1:
        line.append((_WIDE, weights[0]))
    points = "L".join(f"{number(x)} {number(_y(weight, scale))}" for x, weight in line)
    return f"M0 {number(_BASE)}L{points}L{number(_WIDE)} {number(_BASE)}Z"


def _steps(limits: Sequence[float | None], scale: float) -> Iterator[str]:
    """The limit of each plan until the next one; a limit above the scale is not drawn."""
    places = [*_places(len(limits)), _WIDE]
    for place, limit in enumerate(limits):
        if limit is not None and limit <= scale:
            yield f"M{number(places[place])} {number(_y(limit, scale))}H{number(places[place + 1])}"


def _y(weight: float, scale: float) -> float:
    return _BASE - _HIGH * weight / scale

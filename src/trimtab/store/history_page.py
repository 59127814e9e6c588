"""The page of a history: the buckets stacked at each plan, with a mark where one broke its limit."""

from __future__ import annotations

from collections.abc import Iterator

from trimtab.report.charts import NARROW, WIDTH, named
from trimtab.report.page import rendered
from trimtab.report.shapes import Chart, Shape, circle, coloured, label, line, number
from trimtab.store.history import History, Moment
from trimtab.text import percent

_LEFT, _RIGHT, _TOP, _TALL = 44.0, 4.0, 10.0, 200.0
_KEY = 20.0  # the height of a line of the key


def history_page(history: History) -> str:
    """The whole page: one HTML document without scripts or external requests."""
    charts = [allocation_chart(history, width) for width in (WIDTH, NARROW)]
    colours = {path: place for place, path in enumerate(history.roots)}
    return rendered("history.html", history, charts, colours=colours)


def allocation_chart(history: History, width: float = WIDTH) -> Chart:
    """A column for each plan: the weights held before its orders, bucket above bucket; a ring marks a broken limit."""
    full = max([1.0, *(sum(_weights(history, moment)) for moment in history.moments)])
    shapes: list[Shape] = []
    for share in (0.0, 0.5, 1.0):
        y = _TOP + _TALL * (1 - share / full)
        shapes += [
            line(_LEFT, y, width - _RIGHT, y, "grid"),
            label(_LEFT - 4, y + 4, f"{share:.0%}", "small dim", "end"),
        ]
    step = (width - _LEFT - _RIGHT) / max(len(history.moments), 1)
    for place, moment in enumerate(history.moments):
        shapes += _column(history, moment, _LEFT + step * place, step, full)
    below = _TOP + _TALL
    if history.moments:
        shapes.append(label(_LEFT, below + 16, history.moments[0].day, "small dim"))
        shapes.append(label(width - _RIGHT, below + 16, history.moments[-1].day, "small dim", "end"))
    for place, path in enumerate(history.roots):
        y = below + 26 + _KEY * place
        shapes += [*coloured(_LEFT, y, 12, 12, place), label(_LEFT + 18, y + 11, path, "small")]
    height = below + 30 + _KEY * len(history.roots)
    summary = "; ".join(f"{moment.day} {_in_words(moment)}" for moment in history.moments)
    return Chart(
        named("allocation", width), "Held before each plan", summary, number(width), number(height), tuple(shapes)
    )


def _weights(history: History, moment: Moment) -> list[float]:
    held = {bucket.path: bucket.held for bucket in moment.buckets}
    return [held.get(path, 0.0) for path in history.roots]


def _column(history: History, moment: Moment, x: float, step: float, full: float) -> Iterator[Shape]:
    """The buckets of one plan, from the bottom up; buckets inside others share the mark of their place."""
    top, wide = _TOP + _TALL, max(step - 2.0, 1.0)
    for place, weight in enumerate(_weights(history, moment)):
        path, height = history.roots[place], weight / full * _TALL
        top -= height
        tip = f"{moment.day} {path}: {percent(weight)}"
        yield from coloured(x, top, wide, height, place, tip)
        broken = [
            constraint
            for constraint in moment.buckets
            if constraint.breach and (constraint.path == path or constraint.path.startswith(path))
        ]
        if broken:
            text = "; ".join(
                f"{constraint.path} {constraint.breach} its limit ({percent(constraint.held)})" for constraint in broken
            )
            yield circle(x + wide / 2, top + height / 2, 5, "ring", f"{moment.day}: {text}")


def _in_words(moment: Moment) -> str:
    return ", ".join(f"{bucket.path} {bucket.texts[0]}" for bucket in moment.buckets) or "without buckets"

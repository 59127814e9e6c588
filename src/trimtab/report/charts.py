"""The charts: buckets against their limits, the portfolio, current -> target, how the selection came about; counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from trimtab.facts.assets import AssetFact, Part
from trimtab.facts.buckets import BucketFact
from trimtab.facts.outcome import Facts
from trimtab.report.shapes import Chart, Shape, circle, coloured, fitting, label, line, number, rect
from trimtab.report.treemap import Box, squarified

WIDTH = 480.0
_LABELS = 150.0  # where the drawing begins, to the right of the names
_VALUES = 118.0  # kept free on the right for numbers
_GAP = 2.0


def bucket_chart(facts: Facts) -> Chart:
    """Bars before and after, with a mark for the maximum and a broken one for the minimum."""
    scale = (WIDTH - _LABELS - _VALUES) / (facts.bucket_scale or 1.0)
    shapes = [
        one for at, bucket in enumerate(facts.buckets) for one in _bucket(bucket, 34.0 * at, scale, facts.bucket_scale)
    ]
    height = 34.0 * len(facts.buckets)
    summary = "; ".join(f"{one.path} {one.before_text} to {one.after_text}" for one in facts.buckets)
    return Chart("buckets", "Buckets, before and after", summary, number(WIDTH), number(height), tuple(shapes))


def _bucket(one: BucketFact, y: float, scale: float, full: float) -> Iterator[Shape]:
    name = f"- {one.short}" if one.depth else one.short
    yield label(0, y + 20, fitting(name, _LABELS - 8))
    yield rect(_LABELS, y + 4, one.before * scale, 7, "before", f"{one.path} before: {one.before_text}")
    yield from coloured(_LABELS, y + 12, one.after * scale, 14, one.colour, f"{one.path} after: {one.after_text}")
    for weight, text, css in ((one.most, one.most_text, "limit"), (one.least, one.least_text, "limit least")):
        if weight is not None and weight <= full:
            at = _LABELS + weight * scale
            yield line(at, y + 1, at, y + 29, css, f"{one.path}, {'at least' if 'least' in css else 'at most'}: {text}")
    yield label(WIDTH, y + 13, one.before_text, "small dim", "end")
    yield label(WIDTH, y + 26, one.after_text, "small", "end")


def treemap_chart(facts: Facts) -> Chart:
    """The portfolio: an area for each bucket, in it one for each asset; the remainder is cash."""
    height = 300.0
    boxes = squarified([part.weight for part in facts.parts], Box(0.0, 0.0, WIDTH, height))
    shapes = [one for part, box in zip(facts.parts, boxes, strict=True) for one in _part(part, box, facts.cash_text)]
    held = "; ".join(f"{one.asset} {one.after_text}" for one in facts.assets if one.after > 0)
    text = f"{held}; cash {facts.cash_text}" if held else f"cash {facts.cash_text}"
    return Chart("portfolio", "The portfolio after", text, number(WIDTH), number(height), tuple(shapes))


def _part(part: Part, box: Box, cash: str) -> Iterable[Shape]:
    return _group(part.assets, box) if part.assets else _tile(box, "cash", cash, None)


def _group(members: Sequence[AssetFact], box: Box) -> Iterator[Shape]:
    """The assets of a bucket."""
    inside = Box(box.x, box.y, max(box.width - _GAP, 0.0), max(box.height - _GAP, 0.0))
    for one, place in zip(members, squarified([one.after for one in members], inside), strict=True):
        yield from _tile(place, one.asset, one.after_text, one.colour, f"{one.asset} ({one.bucket}): {one.after_text}")


def _tile(box: Box, name: str, value: str, colour: int | None, tip: str = "") -> Iterator[Shape]:
    if colour is None:
        yield rect(box.x, box.y, box.width - _GAP, box.height - _GAP, "cash", f"cash: {value}")
        css = ""
    else:
        yield from coloured(box.x, box.y, box.width - 1, box.height - 1, colour, tip)
        css = f"on c{colour % 7}"
    shown = fitting(name, box.width - 10)
    if shown and box.height >= 20:
        yield label(box.x + 5, box.y + 15, shown, f"{css} strong")
        if box.height >= 36 and len(value) * 6 <= box.width - 10:
            yield label(box.x + 5, box.y + 29, value, f"{css} small")


def dumbbell_chart(facts: Facts) -> Chart:
    """A line from the current weight (a ring) to the target (a dot) of every asset that is or will be held."""
    moved = [one for one in facts.assets if one.before > 0 or one.after > 0]
    shapes = [one for at, asset in enumerate(moved) for one in _dumbbell(asset, 24.0 * at + 12, facts.asset_scale)]
    summary = "; ".join(f"{one.asset} {one.before_text} to {one.after_text}, {one.action}" for one in moved)
    height = 24.0 * len(moved)
    return Chart("targets", "Current weight and target", summary, number(WIDTH), number(height), tuple(shapes))


def _dumbbell(one: AssetFact, y: float, full: float) -> Iterator[Shape]:
    start, scale = 116.0, (WIDTH - 116.0 - _VALUES - 16) / full
    before, after = start + one.before * scale, start + one.after * scale
    tip = f"{one.asset} ({one.bucket}): {one.before_text} to {one.after_text}, {one.action}"
    yield label(0, y + 4, fitting(one.asset, 100))
    yield line(start, y, WIDTH - _VALUES - 8, y, "grid")
    yield line(before, y, after, y, f"move s{one.colour % 7}", tip)
    yield circle(before, y, 4.5, "ring", tip)
    yield circle(after, y, 5, f"c{one.colour % 7}", tip)
    yield label(WIDTH, y + 4, f"{one.before_text} → {one.after_text}", "small", "end")


def waterfall_chart(facts: Facts) -> Chart:
    """All candidates, what each rule takes out, and the targets that remain."""
    scale = (WIDTH - 190.0 - 60.0) / max(facts.candidates, 1)
    shapes = [*_bar("candidates", 0.0, 0.0, facts.candidates, scale, "all", str(facts.candidates))]
    for at, one in enumerate(facts.losses):
        shapes += _bar(one.name, 24.0 * (at + 1), float(one.left), one.lost, scale, "lost", f"-{one.lost}")
    shapes += _bar("selected", 24.0 * (len(facts.losses) + 1), 0.0, facts.selected, scale, "kept", str(facts.selected))
    summary = "; ".join([f"{facts.candidates} candidates", *(f"{one.lost} {one.name}" for one in facts.losses)])
    height = 24.0 * (len(facts.losses) + 2)
    text = f"{summary}; {facts.selected} selected"
    return Chart("selection", "From candidates to targets", text, number(WIDTH), number(height), tuple(shapes))


def _bar(name: str, y: float, start: float, count: int, scale: float, css: str, text: str) -> Iterator[Shape]:
    yield label(0, y + 16, fitting(name, 184))
    yield rect(190 + start * scale, y + 4, count * scale, 16, css, f"{name}: {count}")
    yield label(WIDTH, y + 16, text, "small", "end")


def tally_chart(name: str, title: str, lines: Sequence[Any]) -> Chart:
    """Bars of shares: of each line `name`, `share` (0 to 1) and `share_text`."""
    most = max(one.share for one in lines)
    shapes = [one for at, line_ in enumerate(lines) for one in _share(line_, 24.0 * at, most)]
    summary = "; ".join(f"{one.name} {one.share_text}" for one in lines)
    return Chart(name, title, summary, number(WIDTH), number(24.0 * len(lines)), tuple(shapes))


def _share(one: Any, y: float, most: float) -> Iterator[Shape]:
    yield label(0, y + 16, fitting(one.name, _LABELS + 40))
    left = _LABELS + 48.0
    scale = (WIDTH - left - 60.0) / most
    yield from coloured(left, y + 5, one.share * scale, 14, 0, f"{one.name}: {one.share_text}")
    yield label(WIDTH, y + 16, one.share_text, "small", "end")

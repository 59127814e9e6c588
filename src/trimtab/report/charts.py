"""The charts: buckets against their limits, the portfolio, current -> target, the selection step by step; counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from trimtab.facts.assets import AssetFact
from trimtab.facts.buckets import BucketFact
from trimtab.facts.exposures import SchemeFact
from trimtab.facts.outcome import Facts
from trimtab.report.shapes import COLOURS, Chart, Shape, circle, coloured, cut_label, fitting, label, line, number, rect
from trimtab.report.treemap import Box, squarified
from trimtab.text import counted

WIDTH, NARROW = 560.0, 340.0  # of a chart on a screen, and on a phone
_VALUES = 118.0  # kept free on the right for numbers
_GAP = 2.0


def named(name: str, width: float) -> str:
    """The name of a chart: each is drawn twice, and the style sheet shows one of them."""
    return name if width == WIDTH else f"{name}-narrow"


def chart(name: str, title: str, summary: str, size: tuple[float, float], shapes: Iterable[Shape]) -> Chart:
    """A chart of this width and height, under its name at this width."""
    width, height = size
    return Chart(named(name, width), title, summary, number(width), number(height), tuple(shapes))


def bucket_chart(facts: Facts, width: float = WIDTH) -> Chart:
    """The buckets of the tree."""
    return _bars("buckets", "Buckets, before and after", facts.buckets, facts.bucket_scale, width)


def scheme_chart(scheme: SchemeFact, place: int, width: float = WIDTH) -> Chart:
    """The buckets of one scheme, the `place`-th of the page."""
    return _bars(f"scheme-{place}", f"{scheme.name}, before and after", scheme.buckets, scheme.scale, width)


def _bars(name: str, title: str, buckets: Sequence[BucketFact], full: float, width: float) -> Chart:
    """Bars before and after, with a mark for the maximum and a broken one for the minimum; names are above on a phone."""
    start, above = (width * 0.31, 0.0) if width == WIDTH else (0.0, 18.0)
    scale, step = (width - start - 62) / (full or 1.0), 38.0 + above
    shapes: list[Shape] = []
    for place, bucket in enumerate(buckets):
        y, indent = step * place, 14.0 * bucket.depth
        top = y + (2 if above else 10)
        shapes += coloured(indent, top + 3, 10, 10, bucket.colour)
        shapes.append(cut_label(indent + 16, top, bucket.short, "", (start or width) - indent - 22, 18))
        shapes += _bucket(bucket, y + above, start, scale, width, full)
    summary = "; ".join(f"{bucket.path} {bucket.before_text} to {bucket.after_text}" for bucket in buckets)
    return chart(name, title, summary, (width, step * len(buckets)), shapes)


def _bucket(bucket: BucketFact, y: float, start: float, scale: float, width: float, full: float) -> Iterator[Shape]:
    yield rect(start, y + 6, bucket.before * scale, 6, "before", f"{bucket.path} before: {bucket.before_text}")
    tip = f"{bucket.path} after: {bucket.after_text}"
    yield from coloured(start, y + 14, bucket.after * scale, 14, bucket.colour, tip)
    limits = ((bucket.max_weight, bucket.max_text, "limit"), (bucket.min_weight, bucket.min_text, "limit least"))
    for weight, text, css in limits:
        if weight is not None and weight <= full:
            x, side = start + weight * scale, "at least" if "least" in css else "at most"
            yield line(x, y + 3, x, y + 31, css, f"{bucket.path}, {side}: {text}")
    yield label(width, y + 14, bucket.before_text, "small dim", "end")
    yield label(width, y + 28, bucket.after_text, "small", "end")


def treemap_chart(facts: Facts, width: float = WIDTH) -> Chart:
    """The portfolio: an area for each bucket, in it one for each asset; the remainder is cash."""
    height = 300.0
    boxes = squarified([part.weight for part in facts.parts], Box(0.0, 0.0, width, height))
    shapes: list[Shape] = []
    for part, box in zip(facts.parts, boxes, strict=True):
        shapes += _group(part.assets, box) if part.assets else _tile(box, "cash", facts.cash_text, None)
    held = "; ".join(f"{asset.asset} {asset.after_text}" for asset in facts.assets if asset.after > 0)
    text = f"{held}; cash {facts.cash_text}" if held else f"cash {facts.cash_text}"
    return chart("portfolio", "The portfolio after", text, (width, height), shapes)


def _group(members: Sequence[AssetFact], box: Box) -> Iterator[Shape]:
    """The assets of a bucket."""
    inside = Box(box.x, box.y, max(box.width - _GAP, 0.0), max(box.height - _GAP, 0.0))
    for asset, place in zip(members, squarified([asset.after for asset in members], inside), strict=True):
        tip = f"{asset.asset} ({asset.bucket}): {asset.after_text}"
        yield from _tile(place, asset.asset, asset.after_text, asset.colour, tip)


def _tile(box: Box, name: str, value: str, colour: int | None, tip: str = "") -> Iterator[Shape]:
    if colour is None:
        yield rect(box.x, box.y, box.width - _GAP, box.height - _GAP, "cash", f"cash: {value}")
        css = ""  # the ink of the page: the tile is as dark as the page is
    else:
        yield from coloured(box.x, box.y, box.width - 1, box.height - 1, colour, tip)
        css = f"on t{colour % COLOURS}"
    room = box.width - 8
    shown = fitting(name, room)
    if shown and box.height >= 20:
        yield cut_label(box.x + 5, box.y + 3, shown, f"{css} strong".strip(), room, 15)
        if box.height >= 36 and len(value) * 6.5 <= room:
            yield cut_label(box.x + 5, box.y + 18, value, f"{css} small".strip(), room, 15)


def dumbbell_chart(facts: Facts, width: float = WIDTH) -> Chart:
    """A line from the current weight (a ring) to the target (a dot) of every asset that is or will be held."""
    moved = [asset for asset in facts.assets if asset.before > 0 or asset.after > 0]
    shapes: list[Shape] = []
    for place, asset in enumerate(moved):
        shapes += _dumbbell(asset, 24.0 * place + 12, facts.asset_scale, width)
    summary = "; ".join(f"{asset.asset} {asset.before_text} to {asset.after_text}, {asset.action}" for asset in moved)
    return chart("targets", "Current weight and target", summary, (width, 24.0 * len(moved)), shapes)


def _dumbbell(asset: AssetFact, y: float, full: float, width: float) -> Iterator[Shape]:
    start = min(116.0, width * 0.24)
    scale = (width - start - _VALUES - 16) / full
    before, after = start + asset.before * scale, start + asset.after * scale
    tip = f"{asset.asset} ({asset.bucket}): {asset.before_text} to {asset.after_text}, {asset.action}"
    yield cut_label(0, y - 8, asset.asset, "", start - 10, 16)
    yield line(start, y, width - _VALUES - 8, y, "grid")
    yield line(before, y, after, y, f"move s{asset.colour % COLOURS}", tip)
    yield circle(before, y, 4.5, "ring", tip)
    yield circle(after, y, 5, f"c{asset.colour % COLOURS}", tip)
    yield label(width, y + 4, f"{asset.before_text} → {asset.after_text}", "small", "end")


def waterfall_chart(facts: Facts, width: float = WIDTH) -> Chart:
    """All candidates, those that each rule removes, and the targets that remain."""
    start = max(width * 0.42, 196.0)
    scale = (width - start - 40.0) / max(facts.candidates, 1)
    shapes = [*_bar("candidates", 0.0, start, facts.candidates, scale, "all", width)]
    for place, loss in enumerate(facts.losses):
        y, left = 24.0 * (place + 1), start + loss.left * scale
        shapes += _bar(loss.name, y, left, loss.lost, scale, "lost", width)
    last = 24.0 * (len(facts.losses) + 1)
    shapes += _bar("selected", last, start, facts.selected, scale, "kept", width)
    losses = [f"{loss.lost} {loss.name}" for loss in facts.losses]
    summary = "; ".join([counted(facts.candidates, "candidate"), *losses, f"{facts.selected} selected"])
    return chart("selection", "From candidates to targets", summary, (width, last + 24), shapes)


def _bar(name: str, y: float, left: float, count: int, scale: float, css: str, width: float) -> Iterator[Shape]:
    yield cut_label(0, y + 4, name, "", max(width * 0.42, 196.0) - 6, 16)
    yield rect(left, y + 4, count * scale, 16, css, f"{name}: {count}")
    yield label(width, y + 16, f"-{count}" if css == "lost" else str(count), "small", "end")


def tally_chart(name: str, title: str, lines: Sequence[Any]) -> Chart:
    """Bars of shares: of each line `name`, `share` (0 to 1) and `share_text`."""
    largest = max(line.share for line in lines)
    shapes = [shape for index, line_ in enumerate(lines) for shape in _share(line_, 24.0 * index, largest)]
    summary = "; ".join(f"{line.name} {line.share_text}" for line in lines)
    return chart(name, title, summary, (WIDTH, 24.0 * len(lines)), shapes)


def _share(line_: Any, y: float, largest: float) -> Iterator[Shape]:
    yield cut_label(0, y + 4, line_.name, "", 190.0, 16)
    left = 198.0
    scale = (WIDTH - left - 60.0) / largest
    yield from coloured(left, y + 5, line_.share * scale, 14, 0, f"{line_.name}: {line_.share_text}")
    yield label(WIDTH, y + 16, line_.share_text, "small", "end")

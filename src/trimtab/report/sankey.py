"""Where the money comes from and where it goes: sold → cash → bought, as bands whose height is the amount."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from trimtab.report.charts import NARROW, named
from trimtab.report.shapes import COLOURS, Chart, Shape, cut_label, label, looks, number, rect

SANKEY_WIDTH = 680.0
_FULL = 230.0  # the height of all money
_SLOT = 17.0  # a line of text
_NODE = 10.0


@dataclass(frozen=True)
class Flow:
    """Money that goes into cash or out of it: its share of all, its text, and a bucket's colour (None: cash or fees)."""

    name: str
    share: float
    text: str
    colour: int | None = None


def sankey_chart(sources: Sequence[Flow], uses: Sequence[Flow], width: float = SANKEY_WIDTH) -> Chart:
    """Bands from the sources to cash in the middle, and from there to the uses; names are outside the bands."""
    margin = 172.0 if width != NARROW else 108.0
    columns = [_placed(flows) for flows in (sources, uses)]
    height = max([_FULL, *(end for _, end in columns)])
    middle = (width - _NODE) / 2
    shapes: list[Shape] = []
    for (flows, end), is_source in zip(columns, (True, False), strict=True):
        above, cash_y = (height - end) / 2, (height - _FULL) / 2
        for flow, y in flows:
            shapes += _band(flow, y + above, cash_y, (margin, middle, width), is_source=is_source)
            cash_y += flow.share * _FULL
    shapes.append(rect(middle, (height - _FULL) / 2, _NODE, _FULL, "cash", "cash"))
    sides = ((sources, "in"), (uses, "out"))
    summary = "; ".join(f"{flow.name} {flow.text} {verb}" for flows, verb in sides for flow in flows)
    title = "Where the money comes from and where it goes"
    return Chart(named_sankey(width), title, summary, number(width), number(height), tuple(shapes))


def named_sankey(width: float) -> str:
    """The name of the chart at this width."""
    return "money" if width == SANKEY_WIDTH else named("money", width)


def _placed(flows: Sequence[Flow]) -> tuple[list[tuple[Flow, float]], float]:
    """Each flow with the top of its band, one below the other with room for its name; and where the last ends."""
    placed, y = [], 0.0
    for flow in flows:
        size = flow.share * _FULL
        slot = max(size, _SLOT)
        placed.append((flow, y + (slot - size) / 2))
        y += slot + 3
    return placed, y


def _band(
    flow: Flow, y: float, cash_y: float, places: tuple[float, float, float], *, is_source: bool
) -> Iterator[Shape]:
    margin, middle, width = places
    size = max(flow.share * _FULL, 1.0)
    css = "cash" if flow.colour is None else f"c{flow.colour % COLOURS}"
    tip = f"{flow.name}: {flow.text}"
    outer = margin if is_source else width - margin - _NODE
    begin, end = (outer + _NODE, middle) if is_source else (middle + _NODE, outer)
    top, bottom = (y, cash_y) if is_source else (cash_y, y)
    bend = (begin + end) / 2
    curve = (
        f"C{number(bend)} {number(top)} {number(bend)} {number(bottom)} {number(end)} {number(bottom)}"
        f"V{number(bottom + size)}"
        f"C{number(bend)} {number(bottom + size)} {number(bend)} {number(top + size)} {number(begin)} {number(top + size)}Z"
    )
    yield Shape("path", f"band {css}", number(begin), number(top), text=curve, tip=tip)
    for look in looks(flow.colour) if flow.colour is not None else ("cash",):
        yield rect(outer, y, _NODE, size, look, tip)
    line = y + size / 2
    room = margin - 8
    if is_source:
        yield cut_label(0, line - 8, flow.name, "", room * 0.56, 16)
        yield label(margin - 6, line + 4, flow.text, "small", "end")
    else:
        yield cut_label(width - margin + 6, line - 8, flow.name, "", room * 0.54, 16)
        yield label(width, line + 4, flow.text, "small", "end")

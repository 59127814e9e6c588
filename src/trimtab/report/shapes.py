"""Shapes, the parts of a chart, with final coordinates. The template places them and computes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

# The colours of buckets in the style sheet; further buckets repeat them with a pattern.
COLOURS = 11
_PATTERNS = ("", "stripes", "dots", "lines")
_GLYPH = 0.58  # of the font's size: how wide a letter is on average


@dataclass(frozen=True)
class Shape:
    """`kind` is rect, line, circle, text, cut or path; `css` are its classes, `tip` its tooltip.

    A rect goes from (x, y), `width` by `height`; a line from (x, y) to (x2, y2); a circle has the radius `width`; a path
    begins in (x, y) and continues with `text`; a cut is text that ends where its box does, whatever the font.
    """

    kind: str
    css: str
    x: str
    y: str
    width: str = ""
    height: str = ""
    x2: str = ""
    y2: str = ""
    text: str = ""
    anchor: str = "start"
    tip: str = ""


@dataclass(frozen=True)
class Chart:
    """A drawing with its title, a description for screen readers, and its size."""

    name: str
    title: str
    summary: str
    width: str
    height: str
    shapes: tuple[Shape, ...]


def number(value: float) -> str:
    """A coordinate: two digits are finer than a screen."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def rect(x: float, y: float, width: float, height: float, css: str, tip: str = "") -> Shape:
    """A rectangle; negative sizes become 0."""
    return Shape("rect", css, number(x), number(y), number(max(width, 0.0)), number(max(height, 0.0)), tip=tip)


def line(x: float, y: float, x2: float, y2: float, css: str, tip: str = "") -> Shape:
    """A line."""
    return Shape("line", css, number(x), number(y), x2=number(x2), y2=number(y2), tip=tip)


def circle(x: float, y: float, radius: float, css: str, tip: str = "") -> Shape:
    """A circle."""
    return Shape("circle", css, number(x), number(y), number(radius), tip=tip)


def label(x: float, y: float, text: str, css: str = "", anchor: str = "start") -> Shape:
    """Text with its base line at y."""
    return Shape("text", css, number(x), number(y), text=text, anchor=anchor)


def cut_label(x: float, y: float, text: str, css: str, width: float, height: float) -> Shape:
    """Text in a box from (x, y), clipped to it."""
    return Shape("cut", css, number(x), number(y), number(max(width, 0.0)), number(max(height, 0.0)), text=text)


def path(points: Sequence[tuple[float, float]], css: str, tip: str = "", *, closed: bool = False) -> Shape:
    """Straight lines from point to point; `closed`: an area."""
    (x, y), *others = points
    steps = " ".join(f"{number(point)} {number(other)}" for point, other in others)
    return Shape("path", css, number(x), number(y), text=f"L{steps}{'Z' if closed else ''}", tip=tip)


def looks(colour: int) -> Iterator[str]:
    """The classes for the colour of a bucket, and for a pattern over it if buckets outnumber hues."""
    yield f"c{colour % COLOURS}"
    pattern = _PATTERNS[colour // COLOURS % len(_PATTERNS)]
    if pattern:
        yield f"p-{pattern}"


def coloured(x: float, y: float, width: float, height: float, colour: int, tip: str = "") -> Iterable[Shape]:
    """A rectangle in the colour of a bucket, with a pattern over it if buckets outnumber hues."""
    for css in looks(colour):
        yield rect(x, y, width, height, css, tip if css.startswith("c") else "")


def fitting(text: str, room: float, size: float = 12.0) -> str:
    """Text that is about as wide as there is room, cut with an ellipsis; empty where not even three letters fit."""
    letters = int(room / (_GLYPH * size))
    if len(text) <= letters:
        return text
    return f"{text[: letters - 1]}…" if letters > 3 else ""

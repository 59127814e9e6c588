"""Rectangles whose areas are weights, as near to squares as they can be (Bruls, Huizing, van Wijk: squarified treemaps)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple


class Box(NamedTuple):
    """A rectangle from (x, y)."""

    x: float
    y: float
    width: float
    height: float


def squarified(weights: Sequence[float], box: Box) -> list[Box]:
    """A rectangle for each weight, in their order; weights are positive, the largest first.

    >>> [tuple(map(round, rectangle)) for rectangle in squarified([2.0, 1.0, 1.0], Box(0, 0, 200, 100))]
    [(0, 0, 100, 100), (100, 0, 100, 50), (100, 50, 100, 50)]
    """
    boxes: list[Box] = []
    left = list(weights)
    scale = box.width * box.height / math.fsum(weights) if weights else 0.0
    while left:
        if min(box.width, box.height) <= 0:  # the remainder is lighter than the rounding of the whole
            return [*boxes, *(Box(box.x, box.y, 0.0, 0.0) for _ in left)]
        row = _row(left, scale, min(box.width, box.height))
        placed, box = _laid(row, scale, box)
        boxes += placed
        left = left[len(row) :]
    return boxes


def _row(weights: Sequence[float], scale: float, side: float) -> Sequence[float]:
    """The first weights that make the best row along a side."""
    count = 1
    while count < len(weights) and _worst(weights[: count + 1], scale, side) <= _worst(weights[:count], scale, side):
        count += 1
    return weights[:count]


def _worst(row: Sequence[float], scale: float, side: float) -> float:
    """The worst aspect ratio in a row."""
    area = math.fsum(row) * scale
    return max(side * side * max(row) * scale / (area * area), area * area / (side * side * min(row) * scale))


def _laid(row: Sequence[float], scale: float, box: Box) -> tuple[list[Box], Box]:
    """A row along the shorter side, and the box that is left."""
    area = math.fsum(row) * scale
    upright = box.width >= box.height
    side = box.height if upright else box.width
    thick = area / side
    boxes, offset = [], 0.0
    for weight in row:
        length = weight * scale / thick
        x, y = (box.x, box.y + offset) if upright else (box.x + offset, box.y)
        boxes.append(Box(x, y, thick, length) if upright else Box(x, y, length, thick))
        offset += length
    if upright:
        return boxes, Box(box.x + thick, box.y, max(box.width - thick, 0.0), box.height)
    return boxes, Box(box.x, box.y + thick, box.width, max(box.height - thick, 0.0))

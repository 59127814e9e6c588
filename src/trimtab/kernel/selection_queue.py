"""The order in which the walk sees the assets of a class (rules, section 4)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from trimtab.kernel.compilation import allocating, compiled
from trimtab.kernel.eligibility import HOLDING, WEAK
from trimtab.kernel.records import QUEUE, Floats, Ints, Records


class Queues(NamedTuple):
    """The rows that the walk may take, one class after another, and their scores. Shapes (queued,), (classes,)."""

    row: Ints
    score: Floats
    classes: Records  # `QUEUE`


@compiled
def _precedes(queues: Queues, rows: Records, first: int, second: int) -> bool:
    """The order of the walk inside a class: score, current weight (both high first), then canonical order (by name)."""
    if queues.score[first] != queues.score[second]:
        return bool(queues.score[first] > queues.score[second])
    row, other = queues.row[first], queues.row[second]
    if rows[row].current != rows[other].current:
        return bool(rows[row].current > rows[other].current)
    return bool(row < other)


@compiled
def _swap(queues: Queues, first: int, second: int) -> None:
    queues.row[first], queues.row[second] = queues.row[second], queues.row[first]
    queues.score[first], queues.score[second] = queues.score[second], queues.score[first]


@compiled
def _sift_down(queues: Queues, rows: Records, begin: int, end: int, place: int) -> None:
    """Let a member of the heap [begin, end) sink to where it belongs."""
    while True:
        child = 2 * (place - begin) + 1 + begin
        if child >= end:
            return
        if child + 1 < end and _precedes(queues, rows, child + 1, child):
            child += 1
        if not _precedes(queues, rows, child, place):
            return
        _swap(queues, place, child)
        place = child


@allocating
def queue_up(rows: Records, choices: Records) -> Queues:
    """The rows that can be held at all, one class after another, each a heap: the walk rarely needs more than a few."""
    classes = np.zeros(WEAK + 1, QUEUE)
    for row in range(choices.size):
        if choices[row].kind >= HOLDING and choices[row].holdable:
            classes[choices[row].kind].end += 1
    count = 0
    for kind in range(HOLDING, WEAK + 1):
        classes[kind].begin = count
        count += classes[kind].end
        classes[kind].end = classes[kind].begin
    queues = Queues(np.empty(count, np.int64), np.empty(count), classes)
    for row in range(choices.size):
        if choices[row].kind >= HOLDING and choices[row].holdable:
            queue = classes[choices[row].kind]
            queues.row[queue.end], queues.score[queue.end] = row, rows[row].score
            queue.end += 1
    for kind in range(HOLDING, WEAK + 1):
        begin, end = classes[kind].begin, classes[kind].end
        classes[kind].sorted = end
        for place in range(begin + (end - begin) // 2 - 1, begin - 1, -1):
            _sift_down(queues, rows, begin, end, place)
    return queues


@compiled
def sort_one_more(queues: Queues, rows: Records, queue: Any) -> None:
    """Move the first row of the heap in front of the sorted ones."""
    queue.sorted -= 1
    _swap(queues, queue.begin, queue.sorted)
    _sift_down(queues, rows, queue.begin, queue.sorted, queue.begin)

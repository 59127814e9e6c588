"""The order in which the walk sees the assets of a class (rules, section 4)."""

from __future__ import annotations

from typing import Any

import numpy as np

from trimtab.kernel.compilation import allocating, compiled
from trimtab.kernel.eligibility import HOLDING, WEAK
from trimtab.kernel.records import QUEUE, Floats, Ints, Records


@compiled
def _goes_before(scores: Floats, members: Ints, rows: Records, one: int, other: int) -> bool:
    """The order of the walk inside a class: score, current weight (both high first), then as the rows stand (by name)."""
    if scores[one] != scores[other]:
        return bool(scores[one] > scores[other])
    if rows[members[one]].current != rows[members[other]].current:
        return bool(rows[members[one]].current > rows[members[other]].current)
    return bool(members[one] < members[other])


@compiled
def _sift_down(scores: Floats, members: Ints, rows: Records, begin: int, end: int, place: int) -> None:
    """Let a member of the heap [begin, end) sink to where it belongs."""
    while True:
        child = 2 * (place - begin) + 1 + begin
        if child >= end:
            return
        if child + 1 < end and _goes_before(scores, members, rows, child + 1, child):
            child += 1
        if not _goes_before(scores, members, rows, child, place):
            return
        members[place], members[child] = members[child], members[place]
        scores[place], scores[child] = scores[child], scores[place]
        place = child


@allocating
def queue_up(rows: Records, choices: Records) -> tuple[Ints, Floats, Records]:
    """The rows that can be held at all, one class after another, each a heap: the walk seldom needs more than a few."""
    queues = np.zeros(WEAK + 1, QUEUE)
    for at in range(choices.size):
        if choices[at].kind >= HOLDING and choices[at].holdable:
            queues[choices[at].kind].end += 1
    count = 0
    for kind in range(HOLDING, WEAK + 1):
        queues[kind].begin = count
        count += queues[kind].end
        queues[kind].end = queues[kind].begin
    members, scores = np.empty(count, np.int64), np.empty(count)
    for at in range(choices.size):
        if choices[at].kind >= HOLDING and choices[at].holdable:
            queue = queues[choices[at].kind]
            members[queue.end], scores[queue.end] = at, rows[at].score
            queue.end += 1
    for kind in range(HOLDING, WEAK + 1):
        begin, end = queues[kind].begin, queues[kind].end
        queues[kind].sorted = end
        for place in range(begin + (end - begin) // 2 - 1, begin - 1, -1):
            _sift_down(scores, members, rows, begin, end, place)
    return members, scores, queues


@compiled
def sort_one_more(scores: Floats, members: Ints, rows: Records, queue: Any) -> None:
    """Move the first of the heap in front of those that are already sorted."""
    queue.sorted -= 1
    first, last = queue.begin, queue.sorted
    members[first], members[last] = members[last], members[first]
    scores[first], scores[last] = scores[last], scores[first]
    _sift_down(scores, members, rows, first, last, first)

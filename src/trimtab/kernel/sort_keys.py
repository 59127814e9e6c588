"""A heap sort of records by group, number and index: no two are alike, so the order is the only one."""

from __future__ import annotations

from typing import Any

from trimtab.kernel.compilation import compiled
from trimtab.kernel.records import Records


@compiled
def _comes_later(key: Any, other: Any) -> bool:
    if key.group != other.group:
        return bool(key.group > other.group)
    if key.number != other.number:
        return bool(key.number > other.number)
    return bool(key.index > other.index)


@compiled
def _swap(keys: Records, first: int, second: int) -> None:
    group, number, index = keys[first].group, keys[first].number, keys[first].index
    keys[first].group, keys[first].number, keys[first].index = (
        keys[second].group,
        keys[second].number,
        keys[second].index,
    )
    keys[second].group, keys[second].number, keys[second].index = group, number, index


@compiled
def _sift_down(keys: Records, start: int, end: int) -> None:
    place = start
    while True:
        child = 2 * place + 1
        if child >= end:
            return
        if child + 1 < end and _comes_later(keys[child + 1], keys[child]):
            child += 1
        if not _comes_later(keys[child], keys[place]):
            return
        _swap(keys, place, child)
        place = child


@compiled
def sort_keys(keys: Records, count: int) -> None:
    """Sort the first `count` keys, small first."""
    for start in range(count // 2 - 1, -1, -1):
        _sift_down(keys, start, count)
    for end in range(count - 1, 0, -1):
        _swap(keys, 0, end)
        _sift_down(keys, 0, end)

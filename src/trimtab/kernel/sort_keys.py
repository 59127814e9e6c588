"""A heap sort of the keys that records carry: by group, number and index. Keys are unique, so the order is too."""

from __future__ import annotations

from typing import Any

from trimtab.kernel.compilation import compiled
from trimtab.kernel.records import Records


@compiled
def _comes_later(key: Any, other: Any) -> bool:
    if key.key_group != other.key_group:
        return bool(key.key_group > other.key_group)
    if key.key_number != other.key_number:
        return bool(key.key_number > other.key_number)
    return bool(key.key_index > other.key_index)


@compiled
def _swap(key: Any, other: Any) -> None:
    group, number, index = key.key_group, key.key_number, key.key_index
    key.key_group, key.key_number, key.key_index = other.key_group, other.key_number, other.key_index
    other.key_group, other.key_number, other.key_index = group, number, index


@compiled
def _sift_down(keys: Records, start: int, end: int) -> None:
    place = start
    while 2 * place + 1 < end:
        child = 2 * place + 1
        if child + 1 < end and _comes_later(keys[child + 1], keys[child]):
            child += 1
        if not _comes_later(keys[child], keys[place]):
            return
        _swap(keys[place], keys[child])
        place = child


@compiled
def sort_keys(keys: Records, count: int) -> None:
    """Sort the keys of the first `count` records, small first; nothing else of the records moves."""
    for start in range(count // 2 - 1, -1, -1):
        _sift_down(keys, start, count)
    for end in range(count - 1, 0, -1):
        _swap(keys[0], keys[end])
        _sift_down(keys, 0, end)

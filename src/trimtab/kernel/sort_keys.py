"""A Shell sort of the keys that records carry: by group, number and index. Keys are unique, so the order is too."""

from __future__ import annotations

from typing import Any

from trimtab.kernel.compilation import compiled
from trimtab.kernel.records import Records

_GAPS = (8858, 3937, 1750, 701, 301, 132, 57, 23, 10, 4, 1)  # Ciura's, continued


@compiled
def _comes_later(key: Any, group: int, number: float, index: int) -> bool:
    if key.key_group != group:
        return bool(key.key_group > group)
    if key.key_number != number:
        return bool(key.key_number > number)
    return bool(key.key_index > index)


@compiled
def sort_keys(keys: Records, count: int) -> None:
    """Sort the keys of the first `count` records, small first; nothing else of the records moves."""
    for gap in _GAPS:
        for start in range(gap, count):
            group, number, index = keys[start].key_group, keys[start].key_number, keys[start].key_index
            place = start
            while place >= gap and _comes_later(keys[place - gap], group, number, index):
                key, other = keys[place], keys[place - gap]
                key.key_group, key.key_number, key.key_index = other.key_group, other.key_number, other.key_index
                place -= gap
            key = keys[place]
            key.key_group, key.key_number, key.key_index = group, number, index

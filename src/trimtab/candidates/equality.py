"""Whether two values hold the same: arrays and tables inside frozen objects too, where `==` does not give one answer."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np


def is_equal(first: Any, second: Any) -> bool:
    """Whether two values hold the same; NaN equals NaN, and what a frozen object has only computed does not count.

    >>> is_equal({"a": np.array([1.0, np.nan])}, {"a": np.array([1.0, np.nan])}), is_equal((1, 2), [1, 2])
    (True, False)
    """
    if first is second:
        return True
    if type(first) is not type(second):
        return False
    if isinstance(first, np.ndarray):
        return _equal_arrays(first, second)
    if isinstance(first, Mapping):
        return first.keys() == second.keys() and all(is_equal(value, second[key]) for key, value in first.items())
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(is_equal, first, second))
    if hasattr(first, "equals"):  # tables of pandas, polars and pyarrow
        return bool(first.equals(second))
    if dataclasses.is_dataclass(first):
        names = [field.name for field in dataclasses.fields(first) if field.compare]
        return all(is_equal(getattr(first, name), getattr(second, name)) for name in names)
    return bool(first == second or (first != first and second != second))  # noqa: PLR0124 - NaN


def _equal_arrays(first: Any, second: Any) -> bool:
    if first.dtype != second.dtype or first.shape != second.shape:
        return False
    if first.dtype.names:  # records, between whose fields lie bytes that mean nothing
        return all(_equal_arrays(first[name], second[name]) for name in first.dtype.names)
    if first.dtype.hasobject:
        return all(map(is_equal, first.ravel().tolist(), second.ravel().tolist()))
    return bool(first.tobytes() == second.tobytes())

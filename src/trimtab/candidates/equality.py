"""Equality by value for objects that hold arrays or tables, where `==` does not give one answer."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

Kind = TypeVar("Kind")


def compared_by_value(kind: type[Kind]) -> type[Kind]:
    """Make objects of a class equal if they hold the same values, also after a pickle or a copy."""

    def equals(self: Any, other: object) -> bool:
        return type(self) is type(other) and is_equal(_held(self), _held(other))

    def hashed(self: Any) -> int:
        return hash(type(self))  # the same for equal ones, whatever they hold

    kind.__eq__, kind.__hash__ = equals, hashed  # type: ignore[method-assign]
    return kind


def is_equal(first: Any, second: Any) -> bool:
    """Whether two values hold the same; NaN equals NaN, and what an object has only computed does not count.

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
    if _compares_fields(first) or ("__eq__" not in _defined(type(first)) and hasattr(first, "__dict__")):
        return is_equal(_held(first), _held(second))
    return bool(first == second or (first != first and second != second))  # noqa: PLR0124 - NaN


def _compares_fields(value: Any) -> bool:
    """Whether a dataclass is compared field by field, not by a method of its own."""
    return dataclasses.is_dataclass(value) and bool(getattr(type(value), "__dataclass_params__").eq)  # noqa: B009


def _defined(kind: type) -> set[str]:
    """The names that a class and those above it define, those of every object aside."""
    return {name for each in kind.__mro__ if each is not object for name in vars(each)}


def _held(value: Any) -> dict[str, Any]:
    """The inputs of an object, without anything computed from them."""
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value) if field.compare}
    computed = {
        name
        for kind in type(value).__mro__
        for name, member in vars(kind).items()
        if isinstance(member, cached_property)
    }
    return {name: held for name, held in vars(value).items() if name not in computed}


def _equal_arrays(first: Any, second: Any) -> bool:
    if first.dtype != second.dtype or first.shape != second.shape:
        return False
    if first.dtype.names:  # records have meaningless bytes between their fields
        return all(_equal_arrays(first[name], second[name]) for name in first.dtype.names)
    if first.dtype.hasobject:
        return all(map(is_equal, first.ravel().tolist(), second.ravel().tolist()))
    return bool(first.tobytes() == second.tobytes())

"""Arrays for the statistics: of the right shape and finite, or refused with place and value."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from trimtab.errors import Fault, InputError

Floats = npt.NDArray[np.float64]


def vector(
    values: Any, name: str, *, min_count: int = 1, length: int | None = None, above: float | None = None
) -> Floats:
    """Numbers as float64 of shape (n,).

    Parameters
    ----------
    values
        Anything that numpy makes an array of.
    name
        What an error calls them.
    min_count, length
        How many there are at least; how many there must be.
    above
        What each must be larger than.

    Raises
    ------
    InputError
        Another shape, too few, not finite, or not larger than `above`.

    Examples
    --------
    >>> vector([1, 2], "equity").tolist()
    [1.0, 2.0]
    """
    numbers = _of_shape(values, name, 1)
    if len(numbers) < min_count:
        raise InputError([Fault(f"{name} has too few values", f"give at least {min_count}", value=len(numbers))])
    if length is not None and len(numbers) != length:
        raise InputError([Fault(f"{name} has another length", f"give {length}, one a session", value=len(numbers))])
    if above is not None and bool((numbers <= above).any()):
        index, problem = int(np.argmax(numbers <= above)), f"{name} must be above {above:g}"
        raise InputError([Fault(problem, "correct it", row=index + 1, value=float(numbers[index]))])
    return numbers


def matrix(values: Any, name: str, *, min_count: int = 1, columns: int = 1) -> Floats:
    """Numbers as float64 of shape (rows, columns), with at least `min_count` rows and this number of columns.

    Raises
    ------
    InputError
        Another shape, too few, or not finite.
    """
    numbers = _of_shape(values, name, 2)
    if numbers.shape[0] < min_count or numbers.shape[1] < columns:
        advice = f"give at least {min_count} rows and a column"
        raise InputError([Fault(f"{name} has too few values", advice, value=numbers.shape)])
    return numbers


def _of_shape(values: Any, name: str, dimensions: int) -> Floats:
    try:
        numbers = np.ascontiguousarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError([Fault(f"{name} are not numbers", "give an array of numbers", value=values)]) from None
    if numbers.ndim != dimensions or np.ndim(values) != dimensions:
        advice = f"give an array of shape {'(n,)' if dimensions == 1 else '(rows, columns)'}"
        raise InputError([Fault(f"{name} has another shape", advice, value=np.shape(values))])
    if not bool(np.isfinite(numbers).all()):
        place = np.argwhere(~np.isfinite(numbers))[0]
        column = None if dimensions == 1 else str(int(place[1]) + 1)
        fault = Fault(
            f"{name} must be finite", "fill or leave out what is missing", column, int(place[0]) + 1,
            value=float(numbers[tuple(place)]),
        )  # fmt: skip
        raise InputError([fault])
    return numbers

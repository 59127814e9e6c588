"""Arrays for the statistics: of the right shape and finite, or refused with place and value."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from trimtab.errors import Fault, InputError

Floats = npt.NDArray[np.float64]


def vector(values: Any, name: str, *, least: int = 1, length: int | None = None, above: float | None = None) -> Floats:
    """Numbers as float64 of shape (n,).

    Parameters
    ----------
    values
        Anything that numpy makes an array of.
    name
        What an error calls them.
    least, length
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
    found = _of_shape(values, name, 1)
    if len(found) < least:
        raise InputError([Fault(f"{name} has too few values", f"give at least {least}", value=len(found))])
    if length is not None and len(found) != length:
        raise InputError([Fault(f"{name} has another length", f"give {length}, one a session", value=len(found))])
    if above is not None and bool((found <= above).any()):
        at = int(np.argmax(found <= above))
        raise InputError([Fault(f"{name} must be above {above:g}", "correct it", row=at + 1, value=float(found[at]))])
    return found


def matrix(values: Any, name: str, *, least: int = 1, columns: int = 1) -> Floats:
    """Numbers as float64 of shape (rows, columns), with at least `least` rows and this number of columns.

    Raises
    ------
    InputError
        Another shape, too few, or not finite.
    """
    found = _of_shape(values, name, 2)
    if found.shape[0] < least or found.shape[1] < columns:
        advice = f"give at least {least} rows and a column"
        raise InputError([Fault(f"{name} has too few values", advice, value=found.shape)])
    return found


def _of_shape(values: Any, name: str, dimensions: int) -> Floats:
    try:
        found = np.ascontiguousarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError([Fault(f"{name} are not numbers", "give an array of numbers", value=values)]) from None
    if found.ndim != dimensions or np.ndim(values) != dimensions:
        shape = "(n,)" if dimensions == 1 else "(rows, columns)"
        raise InputError(
            [Fault(f"{name} has another shape", f"give an array of shape {shape}", value=np.shape(values))]
        )
    if not bool(np.isfinite(found).all()):
        place = np.argwhere(~np.isfinite(found))[0]
        column = None if dimensions == 1 else str(int(place[1]) + 1)
        fault = Fault(
            f"{name} must be finite", "fill or leave out what is missing", column, int(place[0]) + 1,
            value=float(found[tuple(place)]),
        )  # fmt: skip
        raise InputError([fault])
    return found

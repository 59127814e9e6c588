"""Columns of a block as whole numbers of small units, without a Python object per row.

A double counts as the shortest decimal that reads back as the same double, as everywhere (`trimtab.decimals`). Up to fifteen
digits a double has one such decimal, so `rint(x * scale)` is it if dividing by `scale` gives x again; other values are
converted one by one, once for each distinct value.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trimtab.decimals import MOST_PRICE, MOST_QUANTITY, is_whole, product, scaled
from trimtab.errors import InputError
from trimtab.kernel.records import Flags, Ints
from trimtab.orders.columns import decimals_of_array

_EXACT = 10**15  # whole numbers below it have one double each, also divided by a power of ten


class Units(NamedTuple):
    """A column in small units, and the rows that need a closer look: they are 0 here. Shapes (rows,)."""

    values: Ints
    doubtful: Flags


def units_of(column: Any, scale: int, default: int, *, rounds: bool = False) -> Units:
    """A column of numbers, not negative, as whole numbers of 1 / scale; missing ones are the default.

    `rounds`: more decimals are rounded, ties to even; without it such a row is doubtful.
    """
    plain = _plain(column)
    values = np.full(len(plain), default, np.int64)
    doubtful = np.zeros(len(plain), np.bool_)
    left = plain.is_valid().to_numpy(zero_copy_only=False).copy()
    if pa.types.is_float64(plain.type) or pa.types.is_integer(plain.type):
        numbers = plain.to_numpy(zero_copy_only=False).astype(np.float64)
        with np.errstate(invalid="ignore", over="ignore"):
            left &= ~np.isnan(numbers)
            units = np.rint(numbers * scale)
            exact = left & (np.abs(units) < _EXACT) & (units / scale == numbers)
        values[exact] = units[exact].astype(np.int64)
        left &= ~exact
    if left.any():
        rows = np.flatnonzero(left)
        codes = pc.dictionary_encode(plain.take(pa.array(rows)))
        known = [
            _units_of(codes.dictionary.slice(index, 1), scale, rounds=rounds) for index in range(len(codes.dictionary))
        ]
        chosen = codes.indices.to_numpy(zero_copy_only=False)
        values[rows] = np.array([default if each is None else each for each in known], np.int64)[chosen]
        doubtful[rows] = np.array([each is None for each in known], np.bool_)[chosen]
    return Units(values, doubtful | (values < 0))


def priced(price: Any, rate: list[Decimal], code: Ints, scale: int) -> Units:
    """Prices times the rate of their currency: rate[code], each distinct pair once; 0 where there is no price."""
    plain = _plain(price)
    encoded = pc.dictionary_encode(plain)
    codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    pairs, place = np.unique(codes * len(rate) + code, return_inverse=True)
    numbers = [_decimal(encoded.dictionary.slice(index, 1)) for index in range(len(encoded.dictionary))]
    values, doubtful = np.zeros(len(pairs), np.int64), np.zeros(len(pairs), np.bool_)
    for index, pair in enumerate(pairs.tolist()):
        number = None if pair < 0 else numbers[pair // len(rate)]
        if number is not None:
            micro = scaled(product(number, rate[pair % len(rate)]), scale)
            doubtful[index] = not 0 < micro < MOST_PRICE
            values[index] = 0 if doubtful[index] else micro
        else:
            doubtful[index] = pair >= 0
    return Units(values[place], doubtful[place])


def _plain(column: Any) -> pa.Array:
    """One array, without a dictionary; a column of nothing as one of doubles."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    array = pa.concat_arrays(array.chunks) if isinstance(array, pa.ChunkedArray) else array
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    return array.cast(pa.float64()) if pa.types.is_null(array.type) else array


def _decimal(value: pa.Array) -> Decimal | None:
    try:
        return decimals_of_array(value, "")[0]
    except InputError:
        return None


def _units_of(value: pa.Array, scale: int, *, rounds: bool) -> int | None:
    number = _decimal(value)
    if number is None or not (rounds or is_whole(number, scale)):
        return None
    units = scaled(number, scale)
    return units if 0 <= units <= MOST_QUANTITY else None

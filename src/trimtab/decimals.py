"""Exact decimals: money in micro-units, shares in nano-shares, and back.

A float counts as the shortest decimal that reads back as the same float: 0.1 is one tenth. Nothing is computed in floats.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from numbers import Integral
from typing import Any

MICRO, NANO = 10**6, 10**9
MOST_MONEY = 10**18  # micro-units: a million million
MOST_PRICE = 9 * 10**15  # micro-units: nine thousand million
MOST_QUANTITY = 4 * 10**18  # nano-shares: four thousand million
_MOST_DIGITS = 400  # before or after the point: every float has fewer
_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?", re.ASCII).fullmatch
_AMBIGUOUS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}", re.ASCII).fullmatch
_CONTEXT = Context(prec=60, rounding=ROUND_HALF_EVEN)


def decimal_of(value: Any) -> Decimal:
    """A number as an exact decimal.

    Raises
    ------
    TypeError
        Not a number (a bool is none), or not a finite one.

    Examples
    --------
    >>> decimal_of(0.1), decimal_of("2621.50"), decimal_of(3)
    (Decimal('0.1'), Decimal('2621.50'), Decimal('3'))
    """
    if isinstance(value, bool) or type(value).__name__ in ("bool_", "bool"):
        raise TypeError("a truth value is not a number")
    try:
        if isinstance(value, Decimal | str):
            number = Decimal(value)
        elif isinstance(value, Integral):
            number = Decimal(int(value))
        else:
            number = Decimal(repr(float(value)))
    except (InvalidOperation, TypeError, ValueError) as error:
        raise TypeError(f"{value!r} is not a number") from error
    if not number.is_finite():
        raise TypeError(f"{value!r} is not finite")
    if not -_MOST_DIGITS < number.adjusted() < _MOST_DIGITS:
        raise TypeError(f"{value!r} is out of range")  # as a whole number it would fill the memory
    return number


def ungrouped(text: str) -> str:
    """A number in writing without thousands separators; a comma that may be a decimal one stays.

    >>> ungrouped("1,234.50"), ungrouped("1,234,567"), ungrouped("1,234")
    ('1234.50', '1234567', '1,234')
    """
    bare = text.strip()
    return bare.replace(",", "") if _GROUPED(bare) and not _AMBIGUOUS(bare) else bare


def is_ambiguous(text: str) -> bool:
    """Whether a number in writing may be thousands, or one and a fraction: `1,234`."""
    return bool(_AMBIGUOUS(text.strip()))


def scaled(number: Decimal, scale: int) -> int:
    """The number of units of 1 / scale, rounded to the nearest, ties to even.

    >>> scaled(Decimal("1.0000025"), 1_000_000)
    1000002
    """
    return int(_CONTEXT.multiply(number, scale).to_integral_value(ROUND_HALF_EVEN, _CONTEXT))


def is_whole(number: Decimal, scale: int) -> bool:
    """Whether a number is a multiple of 1 / scale."""
    units = _CONTEXT.multiply(number, scale)
    return units == units.to_integral_value(ROUND_HALF_EVEN, _CONTEXT)


def product(first: Decimal, second: Decimal) -> Decimal:
    """The exact product of two decimals of usual length."""
    return _CONTEXT.multiply(first, second)


def quotient(dividend: Decimal, divisor: Decimal) -> Decimal:
    """The quotient of two decimals, to sixty digits."""
    return _CONTEXT.divide(dividend, divisor)


def money_of(micro: int) -> Decimal:
    """Micro-units as an amount.

    >>> money_of(2_357_500_000), money_of(-1)
    (Decimal('2357.5'), Decimal('-0.000001'))
    """
    return _shortest(micro, 6)


def shares_of(nano: int) -> Decimal:
    """Nano-shares as a number of shares.

    >>> shares_of(14_860_000_000), shares_of(23_000_000_000)
    (Decimal('14.86'), Decimal('23'))
    """
    return _shortest(nano, 9)


def _shortest(units: int, places: int) -> Decimal:
    """A whole number of small units as a decimal without trailing zeros or exponent."""
    scale = 10**places
    if units % scale == 0:
        return Decimal(units // scale)
    return Decimal(units).scaleb(-places, _CONTEXT).normalize(_CONTEXT)


def decimal_text(number: Decimal) -> str:
    """A decimal without exponent or trailing zeros.

    >>> decimal_text(Decimal("1.50")), decimal_text(Decimal("1E+3"))
    ('1.5', '1000')
    """
    return format(number.normalize(), "f")


def money_text(micro: int, places: int = 2) -> str:
    """An amount as text with separators.

    >>> money_text(2_357_500_000), money_text(-1_234_567_890_000, 0)
    ('2,357.50', '-1,234,568')
    """
    return f"{Decimal(scaled(money_of(micro), 10**places)).scaleb(-places):,.{places}f}"

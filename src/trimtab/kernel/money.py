"""Money and quantities in whole numbers: the arithmetic of orders, exact in 64 bits (rules, section 13).

Money is in micro-units (10^-6 of the base currency), quantities in nano-shares (10^-9), prices in micro-units for a
share. Products of two of these need more than 64 bits; every function here splits them so that no part does. They hold
for amounts up to 10^18 micro-units, prices below 9 * 10^15 and quantities below 4 * 10^18; callers check that.
"""

from __future__ import annotations

import numpy as np

from trimtab.kernel.compilation import compiled

NANO = 10**9
MICRO = 10**6
_PARTS = 10**12  # the parts of a whole, for fractions


@compiled
def parts_of(fraction: float) -> int:
    """A fraction as parts of 10^12: the double product, rounded to the nearest, ties to even."""
    return int(np.rint(1e12 * fraction))


@compiled
def portion(parts: int, money: int) -> int:
    """A number of parts of an amount of money that is not negative, rounded down."""
    whole, high = money // _PARTS, parts // MICRO
    rest, low = money - whole * _PARTS, parts - high * MICRO
    return parts * whole + (rest * high + rest * low // MICRO) // MICRO


@compiled
def portion_up(parts: int, money: int) -> int:
    """A number of parts of an amount of money that is not negative, rounded up."""
    rest, high = money % _PARTS, parts // MICRO
    is_whole = (rest * high % MICRO * MICRO + rest * (parts - high * MICRO)) % _PARTS == 0
    return portion(parts, money) + (0 if is_whole else 1)


@compiled
def worth_of(quantity: int, price: int) -> int:
    """The value of a quantity, rounded down."""
    whole = quantity // NANO
    rest = quantity - whole * NANO
    if rest == 0:
        return whole * price
    high = price // NANO
    return whole * price + rest * high + rest * (price - high * NANO) // NANO


@compiled
def cost_of(quantity: int, price: int) -> int:
    """The cost of a quantity, rounded up."""
    whole = quantity // NANO
    rest = quantity - whole * NANO
    if rest == 0:
        return whole * price
    high = price // NANO
    return whole * price + rest * high + (rest * (price - high * NANO) + NANO - 1) // NANO


@compiled
def quantity_for(money: int, price: int) -> int:
    """The largest quantity that costs at most this: floor(money * 10^9 / price), by long division."""
    quantity, rest = money // price, money % price
    for _ in range(3):
        rest *= 1000
        quantity = quantity * 1000 + rest // price
        rest %= price
    return quantity


@compiled
def quantity_worth(money: int, price: int) -> int:
    """The largest quantity that is worth at most this: its worth is rounded down, so it may be a little more."""
    quantity, rest = (money + 1) // price, (money + 1) % price
    for _ in range(3):
        rest *= 1000
        quantity = quantity * 1000 + rest // price
        rest %= price
    return quantity if rest > 0 else quantity - 1


@compiled
def product_quotient(first: int, second: int, divisor: int) -> int:
    """floor(first * second / divisor), bit by bit; none negative, `second` and `divisor` up to 3 * 10^18."""
    whole, rest = second // divisor, second % divisor
    quotient, remainder = 0, 0
    for bit in range(62, -1, -1):
        quotient, remainder = 2 * quotient, 2 * remainder
        if (first >> bit) & 1:
            quotient += whole
            remainder += rest
        while remainder >= divisor:
            remainder -= divisor
            quotient += 1
    return quotient

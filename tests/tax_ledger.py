"""Tax lots kept slowly and in the open: purchases in, sales out, in exact fractions. Written from section 18 of the rules."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from math import floor


@dataclass
class Purchase:
    """Shares bought on a day, and what they cost in all, in millionths."""

    name: str
    day: dt.date
    shares: Fraction
    cost: int

    @property
    def unit_cost(self) -> Fraction:
        return Fraction(self.cost) / self.shares


@dataclass(frozen=True)
class Sold:
    """A part of a purchase that was sold; the gain in millionths."""

    name: str
    shares: Fraction
    gain: int
    is_long: bool


@dataclass
class Ledger:
    """The purchases of one asset that are still held, and everything that was sold."""

    relief: str
    rates: tuple[Fraction, Fraction] = (Fraction(0), Fraction(0))  # short, long
    held: list[Purchase] = field(default_factory=list)
    paid: int = 0
    sold_cost: int = 0

    def buy(self, purchase: Purchase) -> None:
        self.held.append(purchase)
        self.paid += purchase.cost

    def first(self, price: Fraction, today: dt.date) -> list[Purchase]:
        """The purchases in the order in which they are sold; `price` in millionths."""

        def tax(own: Purchase) -> Fraction:
            return (price - own.unit_cost) * self.rates[is_long_held(own.day, today)]

        by_day = sorted(self.held, key=lambda own: (own.day, own.name))
        orders = {
            "fifo": lambda own: own.day,
            "lifo": lambda own: -own.day.toordinal(),
            "hifo": lambda own: -own.unit_cost,
            "lofo": lambda own: own.unit_cost,
            "min_tax": tax,
        }
        return sorted(by_day, key=orders[self.relief])

    def sell(self, shares: Fraction, proceeds: int, price: Fraction, today: dt.date) -> list[Sold]:
        """What a sale takes; `proceeds` after the fee, in millionths."""
        left, assigned, taken, sales = shares, 0, Fraction(0), []
        for own in self.first(price, today):
            part = min(left, own.shares)
            if part == 0:
                break
            left, taken = left - part, taken + part
            share = floor(proceeds * taken / shares) - assigned
            assigned += share
            cost = floor(own.cost * part / own.shares)
            sales.append(Sold(own.name, part, share - cost, bool(is_long_held(own.day, today))))
            own.cost, own.shares = own.cost - cost, own.shares - part
            self.sold_cost += cost
        if left:
            raise ValueError("more is sold than there is")
        self.held = [own for own in self.held if own.shares]
        return sales


def is_long_held(bought: dt.date, today: dt.date) -> int:
    """1 after the same day of the next year, else 0; the last of February for its 29th."""
    day = 28 if (bought.month, bought.day) == (2, 29) else bought.day
    return int((today.year, today.month, today.day) > (bought.year + 1, bought.month, day))


def exact(number: Decimal) -> Fraction:
    """A decimal as a fraction."""
    return Fraction(number)

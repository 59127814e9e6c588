"""What is held, in shares and cash -> weights, at the prices that a view can see."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass

from trimtab.errors import Fault, InputError
from trimtab.market.view import MarketView


@dataclass(frozen=True)
class Valued:
    """Holdings at their prices: weights (fractions of `total`, the value with cash), and prices of earlier sessions."""

    weights: Mapping[str, float]
    total: float
    old: Mapping[str, dt.date]


def valued(shares: Mapping[str, float], cash: float, view: MarketView) -> Valued:
    """The weights of holdings: shares times the last price of each, over the sum of all and cash.

    Parameters
    ----------
    shares
        The number of shares of each asset, 0 or more.
    cash
        In the currency of the prices.
    view
        Whose last usable prices count. Those that are not of the last session are in `old`, with their day.

    Raises
    ------
    InputError
        Shares that are negative or no number, cash that is no number, an asset without any price, nothing of value.

    Examples
    --------
    >>> from trimtab.market.market_data import MarketData
    >>> view = MarketData([{"date": "2024-01-02", "AAA": 30.0, "BBB": 10.0}]).as_of("2024-01-02")
    >>> dict(valued({"AAA": 2, "BBB": 3}, 10.0, view).weights)
    {'AAA': 0.6, 'BBB': 0.3}
    """
    advice = "give the number of shares, 0 or more"
    faults = [
        Fault("is not a number of shares that can be held", advice, column="shares", row=at + 1, value=number)
        for at, number in enumerate(shares.values())
        if not (math.isfinite(number) and number >= 0)
    ]
    if faults:
        raise InputError(faults)
    if not math.isfinite(cash):
        raise InputError(
            [Fault("the cash is not a number", "give an amount in the currency of the prices", value=cash)]
        )
    prices = view.last_prices(shares)
    worth = {asset: number * prices[asset][0] for asset, number in shares.items()}
    total = math.fsum([*worth.values(), cash])
    if total <= 0:
        raise InputError([Fault(f"holdings and cash are worth {total:g}", "give shares, or cash above 0")])
    old = {asset: day for asset, (_, day) in prices.items() if day < view.session}
    return Valued({asset: value / total for asset, value in worth.items()}, total, old)

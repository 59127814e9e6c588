"""Holdings in shares, and cash -> weights, at the prices in a view."""

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
        Whose last usable prices count. Those of an earlier session are in `old`, with their day.

    Raises
    ------
    InputError
        Shares that are negative or not a number, cash that is not a number, an asset without a price or with one that
        is known to be wrong (`MarketView.doubtful`), a total of 0 or less.

    Examples
    --------
    >>> from trimtab.market.market_data import MarketData
    >>> view = MarketData([{"date": "2024-01-02", "AAA": 30.0, "BBB": 10.0}]).as_of("2024-01-02")
    >>> dict(valued({"AAA": 2, "BBB": 3}, 10.0, view).weights)
    {'AAA': 0.6, 'BBB': 0.3}
    """
    _check(shares, cash)
    prices = view.last_prices(shares)
    doubtful = {asset: view.doubtful[asset] for asset, number in shares.items() if number and asset in view.doubtful}
    if doubtful:
        advice = "correct the prices, or accept the day if the price is right (accepted=, or --accept)"
        raise InputError(
            Fault(f"cannot be valued: on {finding.date.isoformat()} its price {finding.problem}", advice, value=asset)
            for asset, finding in doubtful.items()
        )
    worth = {asset: number * prices[asset][0] for asset, number in shares.items()}
    total = math.fsum([*worth.values(), cash])
    if total <= 0:
        raise InputError([Fault(f"holdings and cash are worth {total:g}", "give shares, or cash above 0")])
    old = {asset: day for asset, (_, day) in prices.items() if day < view.session}
    return Valued({asset: value / total for asset, value in worth.items()}, total, old)


def _check(shares: Mapping[str, float], cash: float) -> None:
    advice = "give the number of shares, 0 or more"
    faults = [
        Fault("is not a number of shares that can be held", advice, column="shares", row=row, value=number)
        for row, number in enumerate(shares.values(), start=1)
        if not (math.isfinite(number) and number >= 0)
    ]
    if faults:
        raise InputError(faults)
    if not math.isfinite(cash):
        advice = "give an amount in the currency of the prices"
        raise InputError([Fault("the cash is not a number", advice, value=cash)])

"""The settings of an order file: one frozen object, checked when it is made."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from trimtab.errors import LimitsError, shown
from trimtab.limits.fields import check_fields, described, refusing_unknown

ORDER_TYPES = ("market", "limit")
TIMES_IN_FORCE = ("day", "gtc", "opg", "cls", "ioc", "fok")
_PLAIN = re.compile(r"[\w ./-]*", re.ASCII).fullmatch


@refusing_unknown
@dataclass(frozen=True, kw_only=True)
class OrderFileSettings:
    """The terms of the orders in a broker's file, beside asset, side and shares.

    Raises
    ------
    LimitsError
        An unknown field, or a value of the wrong type; all faults at once.

    Examples
    --------
    >>> OrderFileSettings(order_type="limit").time_in_force
    'day'
    """

    order_type: str = described("market", str, "market, or limit at the price of the plan", choices=ORDER_TYPES)
    time_in_force: str = described(
        "day", str, "until the close, until cancelled, at the open, at the close, at once", choices=TIMES_IN_FORCE
    )
    by_amount: bool = described(False, bool, "buys by amount instead of shares (Alpaca)")
    account: str = described("", str, "account that the orders are for", may_be_empty=True)
    currency: str = described("USD", str, "currency of assets for which the candidates name no other")
    exchange: str = described("SMART", str, "where IBKR routes the orders")
    share_step: Decimal | None = described(
        None, Decimal, "step of shares that the broker takes; IBKR: 1, Alpaca: 0.000000001", optional=True
    )
    price_tick: Decimal | None = described(
        None, Decimal, "step of limit prices; without it 0.01, and 0.0001 below 1", optional=True
    )

    def __post_init__(self) -> None:
        faults = check_fields(self)
        faults += [
            f"{name} must be above 0 (received 0)" for name in ("share_step", "price_tick") if getattr(self, name) == 0
        ]
        faults += [
            f"{name} must be letters, digits, blanks and . _ / - (received {shown(getattr(self, name))})"
            for name in ("account", "currency", "exchange")
            if isinstance(getattr(self, name), str) and not _PLAIN(getattr(self, name))
        ]
        if faults:
            raise LimitsError(faults)

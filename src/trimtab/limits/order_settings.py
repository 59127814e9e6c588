"""The settings of an order list: one frozen object, checked when it is made; `[orders]` in a limits file."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from trimtab.errors import LimitsError, nearest, shown
from trimtab.limits.fields import (
    check_fields,
    check_settings,
    described,
    flat_fields,
    refusing_unknown,
    settings_of,
    table_of,
)

MODES = ("full", "buy_only", "sell_only")
RELIEFS = ("fifo", "lifo", "hifo", "lofo", "min_tax")


@refusing_unknown
@dataclass(frozen=True, kw_only=True)
class Fees:
    """The cost of an order, in the base currency: max(minimum, per_order + per_share · shares + rate · amount).

    Examples
    --------
    >>> Fees(per_order=1, rate=0.0005).per_order
    Decimal('1')
    """

    per_order: Decimal = described(Decimal(0), Decimal, "fee of an order")
    per_share: Decimal = described(Decimal(0), Decimal, "fee of each share")
    rate: float = described(0.0, float, "fee as a fraction of the amount", fraction=True)
    minimum: Decimal = described(Decimal(0), Decimal, "minimum fee of an order")

    def __post_init__(self) -> None:
        check_settings(self)


@refusing_unknown
@dataclass(frozen=True, kw_only=True)
class OrderSettings:
    """How targets become orders. Amounts are in the base currency, fractions are of the account's value.

    Raises
    ------
    LimitsError
        An unknown field, or a value of the wrong type or out of range; all faults at once.

    Examples
    --------
    >>> settings = OrderSettings(cash_buffer=0.01, fees={"per_order": "4.95"})
    >>> settings.fees.per_order
    Decimal('4.95')
    """

    mode: str = described(
        "full",
        str,
        "orders to make: all, only buys, or only sells",
        sentence={"full": "Sell and buy.", "buy_only": "Only buy.", "sell_only": "Only sell."},
        choices=MODES,
    )
    cash_buffer: float = described(
        0.0025,
        float,
        "cash that buys leave alone, as a fraction of the value",
        sentence="Buys leave {:%} of the account in cash.",
        below=1.0,
    )
    min_trade_amount: Decimal | None = described(
        None,
        Decimal,
        "smallest order; without it, min_trade of the value",
        sentence="Make no order below {:money}.",
        optional=True,
    )
    max_fee_share: float = described(
        0.01,
        float,
        "orders with a fee above this fraction of their amount are not made",
        sentence="Make no order with a fee above {:%} of its amount.",
        fraction=True,
    )
    fees: Fees = table_of(Fees, "what an order costs")
    max_turnover: float | None = described(
        None,
        float,
        "largest total of sells, and of buys beyond idle cash",
        sentence="Sell at most {:%} of the account, and buy no more than that beyond idle cash.",
        optional=True,
        fraction=True,
    )
    max_realized_gain: Decimal | None = described(
        None,
        Decimal,
        "largest gain that sells may realize; needs tax lots",
        sentence="Realize gains of at most {:money}.",
        optional=True,
    )
    relief: str = described(
        "fifo",
        str,
        "which tax lots a sell takes first",
        sentence={
            "fifo": "Sell the oldest tax lots first.",
            "lifo": "Sell the newest tax lots first.",
            "hifo": "Sell the most expensive tax lots first.",
            "lofo": "Sell the cheapest tax lots first.",
            "min_tax": "Sell the tax lots with the least tax first.",
        },
        choices=RELIEFS,
    )
    rate_short: float = described(0.0, float, "tax rate of gains held for a year or less", fraction=True)
    rate_long: float = described(0.0, float, "tax rate of gains held for more than a year", fraction=True)
    wait_for_settlement: bool = described(
        False,
        bool,
        "buys wait for the cash of sells to settle",
        sentence={True: "Buys wait until the cash of sales has settled.", False: ""},
    )

    def __post_init__(self) -> None:
        faults = check_fields(self)
        object.__setattr__(self, "fees", settings_of(Fees, self.fees, "fees", faults))
        if faults:
            raise LimitsError(faults)

    def replace(self, **changes: Any) -> OrderSettings:
        """The same settings with some changed."""
        return OrderSettings(**{**self.to_dict(), **changes})

    def to_dict(self) -> dict[str, Any]:
        """Every setting by name; `fees` as a dict."""
        values = {known.name: getattr(self, known.name) for known in dataclasses.fields(self)}
        return {**values, "fees": dataclasses.asdict(self.fees)}


_DEFAULTS = OrderSettings()


def given_settings(general: OrderSettings, settings: Any, changes: Mapping[str, Any]) -> OrderSettings:
    """The settings of the limits, with those of a call on top: an `OrderSettings`, a mapping or None, and single ones."""
    known = [each.name for each in dataclasses.fields(OrderSettings)]
    unknown = [name for name in changes if name not in known]
    if unknown:
        raise LimitsError([f"unknown setting {shown(name)}: {nearest(name, known)}" for name in unknown])
    settings_given = {name: value for name, value in changes.items() if value is not None}
    if isinstance(settings, Mapping):
        settings_given = {**settings, **settings_given}
    elif isinstance(settings, OrderSettings):
        general = settings
    elif settings is not None:
        raise LimitsError([f"settings must be OrderSettings or a mapping of its fields (received {shown(settings)})"])
    return general.replace(**settings_given) if settings_given else general


def overridden(general: OrderSettings, settings: OrderSettings) -> Iterator[str]:
    """A sentence for each setting of the limits that a call overrides."""
    if general in (settings, _DEFAULTS):
        return
    defaults, after = (dict(flat_fields(each, "orders.")) for each in (_DEFAULTS, settings))
    for name, before in flat_fields(general, "orders."):
        if before not in (defaults[name], after[name]):
            yield f"{name} is {_text(after[name])} in this call, in place of {_text(before)} in the limits"


def _text(value: Any) -> str:
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else f"{value}"

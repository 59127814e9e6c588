"""A plan's orders as a broker takes them: its spelling, its steps of shares and prices, its kinds of orders."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from trimtab.errors import Fault, InputError
from trimtab.files.cells import plain_number
from trimtab.limits.order_file_settings import OrderFileSettings
from trimtab.order_files.file_order import FileOrder, Quote
from trimtab.symbols.aliases import shipped_aliases
from trimtab.symbols.currencies import HUNDREDTHS

_SYMBOL = re.compile(r"[A-Z0-9]+(?:[ ./-][A-Z0-9]+)*", re.ASCII).fullmatch
_CLASS = re.compile(r"([A-Z]{1,5})\.([A-Z])", re.ASCII).fullmatch
_CENT, _ONE = Decimal("0.01"), Decimal(1)
_BELOW_ONE = Decimal("0.0001")


@dataclass(frozen=True)
class Broker:
    """The terms of a broker."""

    name: str
    class_separator: str  # between a symbol and its share class
    share_step: Decimal | None = None
    whole_only: frozenset[str] = frozenset()  # the times in force that need whole shares
    currency: str | None = None  # the only one it trades in
    takes_amounts: bool = False
    keeps_account: bool = True


def broker_orders(
    broker: Broker, orders: Iterable[FileOrder], quotes: Mapping[str, Quote], settings: OrderFileSettings
) -> tuple[FileOrder, ...]:
    """The orders of a plan as this broker takes them.

    Raises
    ------
    InputError
        Orders that it would refuse, for their symbol, number of shares or currency; all faults at once.
    """
    if settings.by_amount and not broker.takes_amounts:
        raise InputError([Fault(f"{broker.name} takes no orders by amount", "leave by_amount out")])
    if settings.by_amount and (settings.order_type, settings.time_in_force) != ("market", "day"):
        problem = f"{broker.name} takes orders by amount only at market, for the day"
        raise InputError([Fault(problem, "leave by_amount out, or both other settings")])
    faults: list[Fault] = []
    made = []
    for order in orders:
        quote = quotes.get(order.asset, Quote("", order.price or _ONE))
        faults += _faults(broker, order, quote, settings)
        if not faults:
            made.append(_made(broker, order, quote, settings))
    if faults:
        raise InputError(faults, broker.name)
    return tuple(made)


def _made(broker: Broker, order: FileOrder, quote: Quote, settings: OrderFileSettings) -> FileOrder:
    by_amount = settings.by_amount and order.side == "buy"
    limit = _limit_price(order.side, quote.price, settings) if settings.order_type == "limit" else None
    return FileOrder(
        asset=symbol_of(order.asset, broker.class_separator),
        side=order.side,
        phase=order.phase,
        client_order_id=order.client_order_id,
        shares=None if by_amount else order.shares,
        amount=(order.amount or _ONE).quantize(_CENT, ROUND_FLOOR) if by_amount else None,
        limit_price=limit,
        time_in_force=settings.time_in_force,
        account=settings.account if broker.keeps_account else None,
    )


def symbol_of(asset: str, separator: str) -> str:
    """A broker's spelling of an asset.

    >>> symbol_of("BRK-B", " "), symbol_of("BRKB", "."), symbol_of("AAPL", " ")
    ('BRK B', 'BRK.B', 'AAPL')
    """
    assets = shipped_aliases().assets_of(asset)
    parts = _CLASS(assets[0]) if len(assets) == 1 else None
    return f"{parts[1]}{separator}{parts[2]}" if parts else asset


def _limit_price(side: str, price: Decimal, settings: OrderFileSettings) -> Decimal:
    """The price of the plan in whole ticks, never worse than the plan's: a buy rounds down, a sell up."""
    tick = settings.price_tick or (_CENT if price >= 1 else _BELOW_ONE)
    rounding = ROUND_FLOOR if side == "buy" else ROUND_CEILING
    ticks = (price / tick).to_integral_value(rounding)
    return max(ticks, _ONE) * tick


def _faults(broker: Broker, order: FileOrder, quote: Quote, settings: OrderFileSettings) -> Sequence[Fault]:
    """The faults of an order in the eyes of the broker."""

    def fault(problem: str, advice: str) -> Fault:
        return Fault(f"{order.side} {order.asset!r}: {problem}", advice)

    faults = []
    if not _SYMBOL(symbol_of(order.asset, broker.class_separator)):
        faults.append(fault("is not a symbol", "name the asset by its symbol in capitals, or write CSV or text"))
    if quote.rate != 1 and not quote.currency:
        faults.append(fault("its price was converted from an unnamed currency", "add a column currency"))
    currency = quote.currency or settings.currency
    if broker.currency is not None and currency != broker.currency:
        faults.append(fault(f"is in {currency}, and {broker.name} trades in {broker.currency}", "trade it elsewhere"))
    if settings.order_type == "limit" and currency in HUNDREDTHS:
        advice = "write market orders, or give its price in whole pounds, rand or shekels"
        faults.append(fault("a limit in hundredths of a currency could be misread", advice))
    if settings.by_amount and order.side == "buy" and (order.amount or _ONE) < _ONE:
        advice = "leave by_amount out, or set orders.min_trade_amount to 1"
        faults.append(fault("its amount is below 1", advice))
    shares, step = order.shares or _ONE, settings.share_step or broker.share_step
    if step is not None and shares % step:
        advice = f"plan with lot {plain_number(step)}, or set share_step if your account takes finer numbers"
        faults.append(fault(f"{plain_number(shares)} shares are not a multiple of {plain_number(step)}", advice))
    if settings.time_in_force in broker.whole_only and shares % 1:
        problem = f"{plain_number(shares)} shares are a fraction, which {broker.name} takes for the day only"
        faults.append(fault(problem, "set time_in_force to day, or plan with lot 1"))
    return faults


def parsed(
    read: Callable[[Mapping[str, str]], FileOrder], rows: Iterable[Mapping[str, str]], source: str
) -> tuple[FileOrder, ...]:
    """The orders of a file's rows; a row that is not an order of this format is refused.

    Raises
    ------
    InputError
        The row.
    """
    orders = []
    for number, row in enumerate(rows, 1):
        try:
            orders.append(read(row))
        except (ArithmeticError, KeyError, TypeError, ValueError):
            advice = "write the file again; order files are not meant to be edited"
            raise InputError([Fault("is not an order of this format", advice, row=number)], source) from None
    return tuple(orders)


def number_of(text: str | None) -> Decimal:
    """A number above 0.

    Raises
    ------
    ValueError
        It is something else.
    """
    number = Decimal(text or "")
    if not number.is_finite() or number <= 0:
        raise ValueError(text)
    return number

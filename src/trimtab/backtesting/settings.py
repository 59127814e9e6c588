"""The settings of a backtest: when the policy decides, where it trades, what trades cost and cash earns."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypedDict

from trimtab.backtesting.trading_costs import TradingCosts
from trimtab.errors import Fault, InputError, nearest
from trimtab.limits.fields import checked_value, described
from trimtab.limits.order_settings import OrderSettings, given_settings

Date = dt.date | str
PERIODS = ("week", "month", "quarter")
DRIFT = "drift"


class SettingArguments(TypedDict, total=False):
    """The fields of `BacktestSettings` as callers may write them."""

    every: str | Iterable[Date]
    drift: float | None
    trade_at: str
    start: Date | None
    end: Date | None
    costs: TradingCosts | None
    cash_rate: Any
    gone_after: int
    sessions_per_year: int | None
    start_value: Any
    orders: OrderSettings | Mapping[str, Any] | None


@dataclass(frozen=True, kw_only=True)
class BacktestSettings:
    """The settings that every policy of a backtest, a comparison or a sweep shares. All faults are reported at once.

    Every field has its meaning in its metadata; docs/backtest.md and the options of the command line come from there.
    """

    every: str | tuple[dt.date, ...] = field(
        default="month",
        metadata={
            "doc": "when to decide: the last session of each week, month or quarter; or drift: when a weight has drifted"
        },
    )
    drift: float | None = described(
        None,
        float,
        "with every drift: how far a weight may move from where the last trades left it, such as 0.05",
        below=1.0,
        optional=True,
    )
    trade_at: str = described(
        "close", str, "close or open of the session after the decision", choices=("close", "open")
    )
    start: dt.date | None = field(
        default=None, metadata={"doc": "first day to decide on; default: the first with a score"}
    )
    end: dt.date | None = field(default=None, metadata={"doc": "last session; default: the last one with prices"})
    costs: TradingCosts = field(default=TradingCosts(), metadata={"doc": "what a trade costs; default: nothing"})
    cash_rate: Any = field(
        default=0.0,
        metadata={"doc": "what cash earns in a year, such as 0.02"},
    )
    gone_after: int = described(
        5, int, "sessions without a price after which a holding turns into cash at its last price", low=1
    )
    sessions_per_year: int | None = described(
        None,
        int,
        "sessions in a year, for everything per year; default: read from the dates (252, with weekends 365, weekly 52, "
        "monthly 12)",
        low=1,
        high=366,
        optional=True,
    )
    start_value: Decimal | None = described(
        None,
        Decimal,
        "cash to begin with; with it, the policy trades whole lots by its settings of orders",
        optional=True,
    )
    orders: OrderSettings | Mapping[str, Any] | None = field(
        default=None, metadata={"doc": "settings of orders in place of those of the limits, such as fees"}
    )

    def __post_init__(self) -> None:
        """Check and store every value.

        Raises
        ------
        InputError
            With all faults.
        """
        faults = []
        for known in dataclasses.fields(self):
            value, fault = _checked(known, getattr(self, known.name))
            object.__setattr__(self, known.name, value)
            faults += [fault] if fault else []
        faults = faults or _contradictions(self)
        if faults:
            raise InputError(faults)

    @classmethod
    def of(cls, arguments: Mapping[str, Any]) -> BacktestSettings:
        """Settings from keyword arguments.

        Raises
        ------
        TypeError
            For an argument that does not exist.
        InputError
            For a value out of range.
        """
        names = [known.name for known in dataclasses.fields(cls)]
        for name in arguments:
            if name not in names:
                raise TypeError(f"unknown argument {name!r}: {nearest(name, names)}")
        return cls(**arguments)


def _checked(known: dataclasses.Field[Any], value: Any) -> tuple[Any, Fault | None]:
    """The value as stored, and its fault."""
    try:
        if known.name == "every":
            return _every(value), None
        if known.name in ("start", "end"):
            return None if value is None else _day(value, known.name), None
        if known.name == "costs":
            return _costs(value), None
        if known.name == "orders":
            return _orders(value), None
    except InputError as error:
        return value, error.faults[0]
    if "kind" not in known.metadata:
        return value, None
    stored, problem = checked_value(known, value)
    return stored, Fault(f"{known.name} {problem}", known.metadata["doc"]) if problem else None


def _day(date: Date, what: str) -> dt.date:
    from trimtab.market.typed_columns import day  # noqa: PLC0415 - polars, which the options of the command line do not need

    return day(date, what)


def _costs(costs: TradingCosts | None) -> TradingCosts:
    if costs is not None and not isinstance(costs, TradingCosts):
        raise _fault("costs must be TradingCosts", "write trimtab.TradingCosts(commission_bps=...)", costs)
    return costs or TradingCosts()


def _orders(orders: OrderSettings | Mapping[str, Any] | None) -> OrderSettings | Mapping[str, Any] | None:
    """Settings of orders; their fields are checked, too."""
    given_settings(OrderSettings(), orders, {})
    return orders


def _every(every: str | Iterable[Date]) -> str | tuple[dt.date, ...]:
    """A word for a period, or the days themselves, ascending."""
    words = (*PERIODS, DRIFT)
    if isinstance(every, str):
        if every not in words:
            raise _fault("every is unknown", f"{nearest(every, words)} Or give a list of days", every)
        return every
    try:
        days = tuple(_day(date, "a day in every") for date in every)
    except TypeError:
        raise _fault("every is unknown", f"write {', '.join(words)}, or give a list of days", every) from None
    if not days:
        raise _fault("every is empty", "give at least one day", None)
    for earlier, later in itertools.pairwise(days):
        if later <= earlier:
            problem = "the days in every are not ascending, or one is repeated"
            raise _fault(problem, f"it comes after {earlier.isoformat()}: sort them", later.isoformat())
    return days


def _contradictions(settings: BacktestSettings) -> list[Fault]:
    """Values that contradict each other."""
    faults = []
    if settings.start is not None and settings.end is not None and settings.end < settings.start:
        problem = f"end is before start ({settings.start.isoformat()})"
        faults.append(Fault(problem, "swap the two", value=settings.end.isoformat()))
    if settings.every == DRIFT and settings.drift is None:
        faults.append(Fault('every="drift" needs drift', "say how far a weight may drift, such as drift=0.05"))
    if settings.every != DRIFT and settings.drift is not None:
        faults.append(Fault('drift needs every="drift"', "set every, or leave drift out", value=settings.drift))
    if settings.drift == 0.0:
        faults.append(Fault("drift must be above 0", "give a fraction, such as 0.05 for 5 points", value=0.0))
    if settings.orders is not None and settings.start_value is None:
        faults.append(Fault("orders need start_value", "give the cash to begin with, such as start_value=100_000"))
    if settings.start_value == 0:
        faults.append(Fault("start_value must be above 0", "give the cash to begin with, such as 100_000", value=0))
    return faults


def _fault(problem: str, advice: str, value: object) -> InputError:
    return InputError([Fault(problem, advice, value=value)])

"""Single values of the form of limits: as people type them, and as the limits have them."""

from __future__ import annotations

import dataclasses
from decimal import Decimal, InvalidOperation
from typing import Any

from trimtab.decimals import decimal_text

_HIGHEST_PERCENT = 10.0  # what is larger is a count or an amount


def own_field(owner: type[Any], name: str) -> dataclasses.Field[Any]:
    """A field of a class by its name."""
    return next(known for known in dataclasses.fields(owner) if known.name == name)


def is_percent(known: dataclasses.Field[Any]) -> bool:
    """Whether people write the field in percent: weights, but neither scores nor correlations."""
    meta = known.metadata
    return meta["kind"] is float and "{:g}" not in meta["sentence"] and highest(known) <= _HIGHEST_PERCENT


def highest(known: dataclasses.Field[Any]) -> float:
    """The largest value of a field."""
    below = known.metadata["below"]
    return float(known.metadata["high"] if below is None else below)


def shown_value(known: dataclasses.Field[Any], value: Any) -> str:
    """A value as people type it: percent for weights; empty without one."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "on" if value else ""
    if isinstance(value, float):
        number = Decimal(repr(value)) * (100 if is_percent(known) else 1)
        return decimal_text(number.normalize())
    return decimal_text(value) if isinstance(value, Decimal) else str(value)


def typed_value(known: dataclasses.Field[Any], text: str) -> Any:
    """A value from text, None for the default. People type percent where the form says so.

    Raises
    ------
    ValueError
        It is not a number.
    """
    kind, plain = known.metadata["kind"], text.strip().rstrip("%").replace(",", "").strip()
    if kind is bool:
        return bool(plain)
    if not plain:
        return None
    if kind is str:
        return plain
    try:
        number = Decimal(plain)
    except InvalidOperation:
        raise ValueError(text) from None
    if not number.is_finite():
        raise ValueError(text)
    if kind is Decimal:
        return decimal_text(number)
    if kind is int and number == number.to_integral_value():
        return int(number)
    return float(number / 100 if is_percent(known) else number)

"""The settings of orders and gates in plain language; most sentences come from the fields themselves."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from trimtab.limits.field_sentences import own_sentence, percent_text
from trimtab.limits.gate_settings import GateSettings
from trimtab.limits.order_settings import Fees, OrderSettings
from trimtab.text import counted


def order_sentences(settings: OrderSettings) -> tuple[str, ...]:
    """How targets become orders.

    Examples
    --------
    >>> order_sentences(OrderSettings(fees={"per_order": 1, "rate": 0.0005}))[2:4]
    ('Make no order with a fee above 1% of its amount.', 'An order costs 1, plus 0.05% of its amount.')
    """
    return _sentences(settings, {"fees": _fees, "rate_short": _rates, "rate_long": lambda _: []})


def gate_sentences(settings: GateSettings) -> tuple[str, ...]:
    """The causes that hold an order file back."""
    return _sentences(settings, {"max_price_age": _price_age})


def _sentences(owner: Any, special: Mapping[str, Callable[[Any], list[str]]]) -> tuple[str, ...]:
    return tuple(
        sentence
        for known in dataclasses.fields(owner)
        for sentence in (special[known.name](owner) if known.name in special else own_sentence(owner, known))
    )


def _fees(settings: OrderSettings) -> list[str]:
    fees = settings.fees
    if fees == Fees():
        return ["Orders cost nothing."]
    parts = [f"{fees.per_order:f}"] if fees.per_order else []
    parts += [f"{fees.per_share:f} a share"] if fees.per_share else []
    parts += [f"{percent_text(fees.rate)} of its amount"] if fees.rate else []
    minimum = f"at least {fees.minimum:f}" if fees.minimum else ""
    return [f"An order costs {', '.join(filter(None, (', plus '.join(parts), minimum)))}."]


def _rates(settings: OrderSettings) -> list[str]:
    if settings.relief != "min_tax":
        return []
    short, long = percent_text(settings.rate_short), percent_text(settings.rate_long)
    return [f"Gains are taxed at {short} within a year, later at {long}."]


def _price_age(settings: GateSettings) -> list[str]:
    age = settings.max_price_age
    older = "older than the last session" if age == 0 else f"more than {counted(age, 'session')} older than the last"
    return [f"Hold orders back if a price is {older}."]

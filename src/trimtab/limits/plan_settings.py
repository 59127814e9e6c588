"""The tables of limits that only a plan reads: how orders are made, and what holds them back."""

from __future__ import annotations

from typing import Any

from trimtab.limits.fields import changed_fields, flat_fields
from trimtab.limits.gate_settings import GateSettings
from trimtab.limits.order_settings import OrderSettings

PLAN_SETTINGS: dict[str, type[Any]] = {"orders": OrderSettings, "gates": GateSettings}
_DEFAULTS = {name: kind() for name, kind in PLAN_SETTINGS.items()}


def plan_settings(limits: Any) -> dict[str, dict[str, Any]]:
    """The settings of orders and gates that differ from their defaults, as plain values by table."""
    set_here = (name for name, default in _DEFAULTS.items() if getattr(limits, name) != default)
    return {name: changed_fields(getattr(limits, name)) for name in set_here}


def every_field(limits: Any) -> dict[str, Any]:
    """Every field of limits in force; those of `orders` and `gates` by their dotted names."""
    values: dict[str, Any] = limits.to_dict(complete=True)
    for name in PLAN_SETTINGS:
        values.pop(name, None)
        values |= flat_fields(getattr(limits, name), f"{name}.")
    return values

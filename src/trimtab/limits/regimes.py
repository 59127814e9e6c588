"""Limits that differ in a regime: overrides on top of the general limits, and their effect."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from trimtab.errors import LimitsError, nearest, shown

_NOT_INSIDE = ("regimes", "regime")


@dataclass(frozen=True, slots=True)
class ChangedLimit:
    """A limit that the regime in force changes: its name, its general value, and the value in force (None: no limit).

    Examples
    --------
    >>> ChangedLimit("max_total_positions", 10, 6).sentence("Deflation")
    "max_total_positions is 6 in the regime 'Deflation', 10 in general"
    """

    name: str
    general: Any
    in_force: Any

    def sentence(self, regime: str) -> str:
        """The change as a sentence."""
        in_force, general = ("none" if value is None else value for value in (self.in_force, self.general))
        return f"{self.name} is {in_force} in the regime {regime!r}, {general} in general"


def overrides_of(regimes: Any, faults: list[str]) -> dict[str, dict[str, Any]]:
    """The `regimes` field as name -> overrides; adds the faults of its form to `faults`."""
    if not isinstance(regimes, Mapping):
        faults.append(f"regimes must map a regime to its limits (received {shown(regimes)})")
        return {}
    overrides_by_name: dict[str, dict[str, Any]] = {}
    for name, overrides in regimes.items():
        if not isinstance(name, str) or not name:
            faults.append(f"regimes[{name!r}]: a regime's name must be text")
        elif not isinstance(overrides, Mapping):
            faults.append(f"regimes[{name!r}] must be a table of limits (received {shown(overrides)})")
        else:
            inside = [field for field in _NOT_INSIDE if field in overrides]
            faults += [f"regimes[{name!r}]: {field} is not allowed inside a regime: leave it out" for field in inside]
            overrides_by_name[name] = {field: value for field, value in overrides.items() if field not in _NOT_INSIDE}
    return overrides_by_name


def laid_over(general: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """The general limits with those of a regime on top; `buckets` is merged field by field.

    Examples
    --------
    >>> laid_over({"buckets": {"A": {"max_positions": 3, "max_allocation": 0.4}}}, {"buckets": {"A": {"max_positions": 1}}})
    {'buckets': {'A': {'max_positions': 1, 'max_allocation': 0.4}}}
    """
    merged = dict(general)
    for name, value in overrides.items():
        old = merged.get(name)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        merged[name] = laid_over(old, value) if both and old is not None else value
    return merged


def changed_limits(general: Mapping[str, Any], in_force: Mapping[str, Any]) -> tuple[ChangedLimit, ...]:
    """The limits that differ, in order; those of buckets one by one, as `buckets['Equity'].max_positions`."""
    changes: list[ChangedLimit] = []
    for name, value in in_force.items():
        if name not in _NOT_INSIDE:
            changes += _changed(name, general[name], value)
    return tuple(changes)


def _changed(name: str, old: Any, new: Any, *, by_key: bool = True) -> Iterator[ChangedLimit]:
    """The differences of a field, and of the tables in it by their keys; tables of keys and of fields take turns."""
    if isinstance(old, Mapping) or isinstance(new, Mapping):
        old, new = old or {}, new or {}
        for key in sorted({*old, *new}):
            inner = f"{name}[{key!r}]" if by_key else f"{name}.{key}"
            yield from _changed(inner, old.get(key), new.get(key), by_key=not by_key)
    elif old != new:
        yield ChangedLimit(name, old, new)


def _frozen(value: Any) -> Any:
    """The same tables and lists, made immutable."""
    if isinstance(value, Mapping):
        return MappingProxyType({name: _frozen(inner) for name, inner in value.items()})
    return tuple(value) if isinstance(value, list) else value


def plain(value: Any) -> Any:
    """The same as dicts and lists, without unset fields."""
    if isinstance(value, Mapping):
        return {name: plain(inner) for name, inner in value.items()}
    if dataclasses.is_dataclass(value):
        fields = {known.name: getattr(value, known.name) for known in dataclasses.fields(value)}
        return {name: plain(inner) for name, inner in fields.items() if inner is not None and inner != {}}
    return list(value) if isinstance(value, tuple) else value


def enter_regime(limits: Any) -> None:
    """Check the general limits and those of every regime, and give the fields the values in force."""
    kind, faults = type(limits), list[str]()
    regimes = overrides_of(limits.regimes, faults)
    kept = [
        known.name for known in dataclasses.fields(limits) if known.init and known.name not in ("regime", "regimes")
    ]
    try:
        general = kind(**{name: getattr(limits, name) for name in kept})
    except LimitsError as error:
        raise LimitsError([*error.faults, *faults]) from None
    known_regimes: dict[str | None, Any] = {None: general}
    for name, overrides in regimes.items():
        try:
            known_regimes[name] = kind.from_dict(laid_over(general.to_dict(), overrides))
        except LimitsError as error:
            faults += [f"regimes[{name!r}]: {fault}" for fault in error.faults]
    if limits.regime is not None and limits.regime not in regimes:
        faults.append(f"regime {shown(limits.regime)} is not one of regimes: {nearest(str(limits.regime), regimes)}")
    if faults:
        raise LimitsError(faults)
    for name in (*kept, "derived"):
        object.__setattr__(limits, name, getattr(known_regimes[limits.regime], name))
    object.__setattr__(limits, "regimes", _frozen(regimes))
    object.__setattr__(limits, "general", general)

"""Dataclass fields that know their type, range, meaning and sentence; checks and JSON Schema follow from these."""

from __future__ import annotations

import dataclasses
import functools
import math
import numbers
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import field
from decimal import Decimal
from types import MappingProxyType
from typing import Any, TypeVar, cast

from trimtab.decimals import decimal_of, decimal_text
from trimtab.errors import LimitsError, nearest, shown
from trimtab.limits.old_names import with_current_names

Made = TypeVar("Made")
MAX_COUNT = 1_000_000_000


def described(
    default: Any,
    kind: type,
    doc: str,
    *,
    sentence: str | Mapping[Any, str] = "",
    low: float = 0.0,
    high: float = math.inf,
    below: float | None = None,
    choices: tuple[str, ...] = (),
    optional: bool = False,
    fraction: bool = False,
    may_be_empty: bool = False,
) -> Any:
    """A dataclass field with its type, range, meaning and sentence. `below` is an exclusive upper bound.

    `sentence` says what a value means, with a placeholder for it (see `in_words`), or one sentence for each value.
    """
    return field(
        default=default,
        metadata={
            "kind": kind,
            "doc": doc,
            "sentence": sentence,
            "low": low,
            "high": 1.0 if fraction and high == math.inf else min(high, MAX_COUNT) if kind is int else high,
            "below": below,
            "choices": choices,
            "optional": optional,
            "fraction": fraction,
            "may_be_empty": may_be_empty,
        },
    )


def table_of(kind: type[Made], doc: str) -> Made:
    """A dataclass field that holds other settings: a table in TOML, a mapping or an object in a call."""
    settings: Made = field(default=kind(), metadata={"kind": dict, "fields": kind, "doc": doc})
    return settings


def mapping_of(values: type[Any] | None, doc: str) -> Any:
    """A dataclass field that maps names to limits of their own (None: to any fields of these limits)."""
    kinds = {} if values is None else {"values": values}
    return field(default_factory=dict, hash=False, metadata={"kind": dict, **kinds, "doc": doc})


def refusing_unknown(cls: type[Made]) -> type[Made]:
    """A dataclass of limits that reports an unknown field like any other fault, with the nearest name."""
    checked_init = cls.__init__

    @functools.wraps(checked_init)
    def named_init(self: Made, **values: Any) -> None:
        names = [known.name for known in dataclasses.fields(cast("Any", cls)) if known.init]
        values = with_current_names(values)
        faults = [f"unknown field {shown(name)}: {nearest(str(name), names)}" for name in values if name not in names]
        try:
            checked_init(self, **{name: value for name, value in values.items() if name in names})
        except LimitsError as error:
            faults += error.faults
        if faults:
            raise LimitsError(faults)

    cls.__init__ = named_init  # type: ignore[assignment]
    return cls


def check_fields(owner: Any) -> list[str]:
    """The faults in the described fields of a dataclass; stores its numbers as plain `int` and `float`."""
    faults: list[str] = []
    for known in dataclasses.fields(owner):
        if "low" not in known.metadata:
            continue
        value, fault = checked_value(known, getattr(owner, known.name))
        if fault:
            faults.append(f"{known.name} {fault}")
        else:
            object.__setattr__(owner, known.name, value)
    return faults


def settings_of(kind: type[Made], value: Any, name: str, faults: list[str]) -> Made:
    """The settings that a field holds, from an object or a mapping of their fields; adds their faults to `faults`."""
    if isinstance(value, kind):
        return value
    if not isinstance(value, Mapping):
        faults.append(f"{name} must be {kind.__name__} or a mapping of its fields (received {shown(value)})")
        return kind()
    wrong = [f"{name}: unknown field {shown(key)}: a field's name is text" for key in value if not isinstance(key, str)]
    faults += wrong
    try:
        return kind() if wrong else kind(**value)
    except LimitsError as error:
        faults += [f"{name}: {fault}" for fault in error.faults]
        return kind()


def check_settings(owner: Any, contradictions: Callable[[], Iterable[str]] = tuple, source: str | None = None) -> None:
    """Check the described fields of a dataclass; then, if these are sound, what contradicts itself.

    Raises
    ------
    LimitsError
        With all faults.
    """
    faults = check_fields(owner) or list(contradictions())
    if faults:
        raise LimitsError(faults, source)


def changed_fields(owner: Any) -> dict[str, Any]:
    """The fields that differ from their defaults, as plain values: exact amounts as text, settings in settings as dicts."""
    values: dict[str, Any] = {}
    for known in dataclasses.fields(owner):
        value = getattr(owner, known.name)
        if "fields" in known.metadata:
            value = changed_fields(value)
            if value:
                values[known.name] = value
        elif value != known.default:
            values[known.name] = decimal_text(value) if isinstance(value, Decimal) else value
    return values


def flat_fields(owner: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """Every field by its dotted name, with its value; exact amounts as text."""
    for known in dataclasses.fields(owner):
        value = getattr(owner, known.name)
        if "fields" in known.metadata:
            yield from flat_fields(value, f"{prefix}{known.name}.")
        else:
            yield f"{prefix}{known.name}", decimal_text(value) if isinstance(value, Decimal) else value


def limits_by_key(values: Any, kind: type[Made], name: str, key: str, faults: list[str]) -> Mapping[str, Made]:
    """A field that maps names (`key` says of what) to limits, from mappings or objects; adds its faults to `faults`."""
    if not isinstance(values, Mapping):
        faults.append(f"{name} must map {key} to its limits (received {shown(values)})")
        return MappingProxyType({})
    names = [known.name for known in dataclasses.fields(cast("Any", kind))]
    limits: dict[str, Made] = {}
    for path, limit in values.items():
        where = f"{name}[{path!r}]"
        if not isinstance(path, str):
            faults.append(f"{where}: {key} must be text")
        elif isinstance(limit, kind):
            limits[path] = limit
        elif not isinstance(limit, Mapping):
            faults.append(f"{where} must be a table with {', '.join(names)} (received {limit!r})")
        else:
            unknown = [field_name for field_name in limit if field_name not in names]
            faults += [f"{where}: unknown field {each!r}: {nearest(str(each), names)}" for each in unknown]
            try:
                limits[path] = kind(**{known: value for known, value in limit.items() if known in names})
            except LimitsError as error:
                faults += [f"{where}: {fault}" for fault in error.faults]
    return MappingProxyType(limits)


def checked_value(known: dataclasses.Field[Any], value: Any) -> tuple[Any, str]:
    """The value to store, and its fault (empty if sound)."""
    kind, meta = known.metadata["kind"], known.metadata
    if value is None and meta["may_be_empty"]:
        return "", ""
    if value is None:
        return None, "" if meta["optional"] else "must have a value (received None)"
    if kind is bool:
        return value, "" if isinstance(value, bool) else f"must be true or false (received {value!r})"
    if kind is tuple:
        if isinstance(value, str) or not isinstance(value, Iterable):
            return value, f"must be a list of names (received {value!r})"
        names = tuple(value)
        wrong = [name for name in names if not isinstance(name, str)]
        return names, f"must be a list of names (received {wrong[0]!r} in it)" if wrong else ""
    if kind is str:
        return value, "" if value == "" and meta["may_be_empty"] else _text_fault(meta["choices"], value)
    if kind is Decimal:
        return _checked_decimal(value)
    return _checked_number(kind, meta, value)


def _checked_decimal(value: Any) -> tuple[Any, str]:
    try:
        number = decimal_of(value)
    except TypeError:
        return value, f"must be a number (received {shown(value)})"
    return number, "" if 0 <= number <= MAX_COUNT else f"must be between 0 and {MAX_COUNT:,} (received {value!r})"


def _text_fault(choices: tuple[str, ...], value: Any) -> str:
    if not isinstance(value, str):
        return f"must be text (received {value!r})"
    if choices and value not in choices:
        return f"must be one of {', '.join(choices)} (received {value!r}): {nearest(value, choices)}"
    return "" if value else "must not be empty"


def _checked_number(kind: type, meta: Mapping[str, Any], value: Any) -> tuple[Any, str]:
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not is_number or (kind is int and value % 1 != 0):  # 10.0 is whole, NaN is not
        return value, f"must be a{' whole' if kind is int else ''} number (received {value!r})"
    number = math.inf if cast("float", value) > MAX_COUNT else kind(value)
    low, high, below = meta["low"], meta["high"], meta["below"]
    if not math.isfinite(number) or number < low or number > high or (below is not None and number >= below):
        if below is not None:
            span = f"at least {low:g} and below {below:g}"
        elif kind is int and number > high:
            span = f"at most {high:,}"
        elif kind is float and math.isfinite(high):
            span = f"between {low:g} and {high:g}"
        else:
            span = f"at least {low:g}"
        percent = meta["fraction"] and 1 < number <= 100
        hint = f": looks like a percent, write {number / 100:g}" if percent else ""
        return value, f"must be {span} (received {value!r}){hint}"
    return number, ""


def field_schema(known: dataclasses.Field[Any]) -> dict[str, Any]:
    """The JSON Schema of a field; the metadata name the dataclass of its `fields`, or of the `values` it maps to."""
    kind, doc = known.metadata["kind"], known.metadata["doc"]
    if "fields" in known.metadata:
        own = {inner.name: field_schema(inner) for inner in dataclasses.fields(known.metadata["fields"])}
        return {"type": "object", "description": doc, "additionalProperties": False, "properties": own}
    if kind is dict:
        properties = {inner.name: field_schema(inner) for inner in dataclasses.fields(known.metadata["values"])}
        inner_schema = {"type": "object", "additionalProperties": False, "properties": properties}
        return {"type": "object", "description": doc, "additionalProperties": inner_schema}
    if kind is tuple:
        return {"type": "array", "items": {"type": "string"}, "description": doc}
    schema: dict[str, Any] = {
        "type": {bool: "boolean", int: "integer", float: "number", str: "string", Decimal: ["number", "string"]}[kind],
        "description": doc,
    }
    if known.default is not None:
        schema["default"] = 0 if kind is Decimal else known.default  # amounts are 0 by default
    if kind is Decimal:
        schema["minimum"] = 0
    if kind in (int, float):
        schema["minimum"] = kind(known.metadata["low"])
        if known.metadata["below"] is not None:
            schema["exclusiveMaximum"] = known.metadata["below"]
        else:
            schema["maximum"] = known.metadata["high"]
    if known.metadata["choices"]:
        schema["enum"] = list(known.metadata["choices"])
    return schema

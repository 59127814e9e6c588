"""The members of a request's body: each kind knows its JSON Schema, and how to read a value."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pyarrow as pa

from trimtab.decimals import MICRO, MOST_MONEY, decimal_of
from trimtab.errors import Fault, InputError, nearest
from trimtab.web.service import Bounds

_PLAIN = (str, int, float, bool, type(None))


@dataclass(frozen=True)
class Kind:
    """A kind of value: its schema, and the function that reads it or raises a `TypeError` with what it must be."""

    schema: Mapping[str, Any]
    read: Callable[[Any], Any]


@dataclass(frozen=True)
class Member:
    """One member of a body. `ref` names the shared schema that describes it, or each of its rows; `members` are those of
    an object, or of each object in a list.
    """

    name: str
    kind: Kind
    doc: str
    is_required: bool = False
    ref: str = ""
    members: tuple[Member, ...] = ()

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the member."""
        inner = {"$ref": f"#/components/schemas/{self.ref}"} if self.ref else object_schema(self.members)
        if not (self.ref or self.members):
            return {**self.kind.schema, "description": self.doc}
        if self.kind is OBJECT:
            return {**inner, "description": self.doc}
        return {**self.kind.schema, "items": inner, "description": self.doc}


def object_schema(members: Sequence[Member]) -> dict[str, Any]:
    """The JSON Schema of an object with these members and no others."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [member.name for member in members if member.is_required],
        "properties": {member.name: member.schema() for member in members},
    }


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("text")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("true or false")
    return value


def _amount(value: Any) -> Decimal:
    try:
        number = decimal_of(value)
    except TypeError:
        raise TypeError('an amount such as 1234.50 or "1234.50"') from None
    if abs(number) * MICRO >= MOST_MONEY:
        raise TypeError(f"an amount below {MOST_MONEY // MICRO:,}")
    return number


def _day(value: Any) -> dt.date:
    try:
        return dt.date.fromisoformat(_text(value))
    except (TypeError, ValueError):
        raise TypeError("a day such as 2026-03-02") from None


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(name, str) for name in value):
        raise TypeError("a list of names")
    return tuple(value)


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("an object")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("a list")
    return value


def _rows(value: Any) -> Any:
    if not isinstance(value, list | pa.Table):
        raise TypeError("a list of rows, each an object")
    return value


TEXT = Kind({"type": "string"}, _text)
FLAG = Kind({"type": "boolean"}, _flag)
AMOUNT = Kind(
    {"anyOf": [{"type": "number"}, {"type": "string", "pattern": r"^-?[0-9]{1,12}(\.[0-9]{1,6})?$"}]}, _amount
)
DAY = Kind({"type": "string", "format": "date"}, _day)
NAMES = Kind({"type": "array", "minItems": 1, "items": {"type": "string"}}, _names)
OBJECT = Kind({"type": "object"}, _mapping)
OBJECTS = Kind({"type": "array"}, _list)
TABLE = Kind({"type": "array", "items": {"type": "object"}}, _rows)
ROWS = Kind({"type": "array", "minItems": 1, "items": {"type": "object"}}, _rows)


@dataclass(frozen=True)
class Body:
    """A body that was read: its members by name, those left out absent."""

    members: Mapping[str, Any] = field(default_factory=dict)

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a member, or the default."""
        return self.members.get(name, default)


def read_members(values: Mapping[str, Any], members: Sequence[Member], bounds: Bounds) -> Body:
    """The members of a body, each of its kind.

    Raises
    ------
    InputError
        A member that is unknown, missing or of another kind; a table beyond the bounds. All faults at once.
    """
    known, body = [member.name for member in members], {}
    faults = [
        Fault("the member is unknown", nearest(name, known), column=name, source="body")
        for name in values
        if name not in known
    ]
    for member in members:
        value = values.get(member.name)
        if value is None:
            if member.is_required:
                faults.append(Fault("the member is missing", member.doc, column=member.name, source="body"))
            elif member.name in values:
                faults.append(_wrong(member, "null", "leave it out", value))
            continue
        try:
            body[member.name] = _read(member, value, bounds)
        except TypeError as error:
            faults.append(_wrong(member, f"is not {error}", f"send {error}", value))
        except InputError as error:
            faults += error.faults
    if faults:
        raise InputError(faults)
    return Body(body)


def _read(member: Member, value: Any, bounds: Bounds) -> Any:
    """The value of a member, with its own members read and its rows checked."""
    read = member.kind.read(value)
    if not member.members:
        if member.kind in (ROWS, TABLE) and (faults := _table_faults(member.name, value, bounds)):
            raise InputError(faults)
        return read
    if member.kind is OBJECT:
        return read_members(read, member.members, bounds)
    return tuple(read_members(_mapping(each), member.members, bounds) for each in read)


def _wrong(member: Member, problem: str, advice: str, value: Any) -> Fault:
    return Fault(problem, advice, column=member.name, value=value, source="body")


def _table_faults(name: str, table: Any, bounds: Bounds) -> list[Fault]:
    """The faults of a whole table: its size, and cells other than plain values."""
    rows = table.num_rows if isinstance(table, pa.Table) else len(table)
    if rows > bounds.rows:
        return [Fault(f"has {rows:,} rows", f"send at most {bounds.rows:,}", source=name)]
    if isinstance(table, pa.Table):
        return []  # its columns were counted before they were read
    columns: set[str] = set()
    for row, cells in enumerate(table, 1):
        if not isinstance(cells, dict):
            return [Fault("the row is not an object", "send an object for each row", row=row, value=cells, source=name)]
        columns.update(cells)
        for column, value in cells.items():
            if not isinstance(value, _PLAIN):
                advice = "send text, a number, true, false or null"
                return [Fault("the cell is not a plain value", advice, column, row, value=value, source=name)]
    if len(columns) > bounds.columns:
        return [Fault(f"has {len(columns):,} columns", f"send at most {bounds.columns:,}", source=name)]
    return []


def choice(*words: str) -> Kind:
    """A kind of text that is one of these words."""

    def read(value: Any) -> str:
        if value not in words:
            raise TypeError(f"one of {', '.join(words)}")
        return str(value)

    return Kind({"type": "string", "enum": list(words)}, read)

"""Whether a plan is still up to date: each change since it was made, named."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from trimtab.decimals import decimal_of
from trimtab.kernel.compilation import STAMP
from trimtab.store.plan_inputs import PlanInputs
from trimtab.store.record import Record

_SATURDAY = 5
_WORDS = {"shares": "position", "current_weight": "position"}
_KEYS = {
    "tax_lots": ("asset", "lot_id"),
    "recent": ("group", "date", "kind"),
    "correlations": ("asset", "other"),
    "exposures": ("asset", "scheme", "bucket"),
}


def changes(record: Record, before: PlanInputs, now: PlanInputs, version: str, moment: dt.datetime) -> list[str]:
    """Each difference from the moment of planning, as a sentence; `moment` is the present.

    `now` are the inputs read today, `version` is that of the running trimtab.
    """
    return [
        *_program_changes(record, version),
        *_age(record, moment),
        *input_changes(before, now),
    ]


def input_changes(before: PlanInputs, now: PlanInputs) -> list[str]:
    """Each difference of one plan's inputs from another's, as a sentence: cash, limits, settings and cells of tables."""
    return [
        *_single_changes(before, now),
        *_value_changes("limit", before.limits.to_dict(complete=True), now.limits.to_dict(complete=True)),
        *_value_changes("order setting", before.settings.to_dict(), now.settings.to_dict()),
        *_table_changes("candidates", before.candidates, now.candidates),
        *_other_tables(before.tables, now.tables),
    ]


def sessions_between(begin: dt.date, end: dt.date) -> int:
    """How many sessions began after the first day, up to the second. Every weekday counts, so a holiday counts too.

    >>> sessions_between(dt.date(2026, 2, 27), dt.date(2026, 3, 2)), sessions_between(
    ...     dt.date(2026, 2, 27), dt.date(2026, 2, 28)
    ... )
    (1, 0)
    """
    days = (begin + dt.timedelta(days=number) for number in range(1, (end - begin).days + 1))
    return sum(day.weekday() < _SATURDAY for day in days)


def _program_changes(record: Record, version: str) -> Iterator[str]:
    if record.version != version:
        yield f"version: {record.version} -> {version}"
    if record.rules != STAMP:
        yield f"rules: the kernel changed from {record.rules[:12]} to {STAMP[:12]}"


def _age(record: Record, moment: dt.datetime) -> Iterator[str]:
    planned, today = record.moment.astimezone(moment.tzinfo).date(), moment.date()
    if (age := sessions_between(planned, today)) > 1:
        yield f"age: the plan of {planned} is {age} sessions old, more than 1"
    if moment < record.moment:
        yield f"age: the plan of {record.time} is from the future: check the clock"


def _single_changes(before: PlanInputs, now: PlanInputs) -> Iterator[str]:
    for name, word in (("cash", "cash"), ("cash_flow", "cash flow"), ("today", "session")):
        old, new = getattr(before, name), getattr(now, name)
        if old != new:
            yield f"{word}: {_shown(old)} -> {_shown(new)}"


def _value_changes(word: str, before: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name in dict.fromkeys([*before, *now]):
        old, new = before.get(name), now.get(name)
        if isinstance(old, Mapping) or isinstance(new, Mapping):
            yield from _value_changes(word, old or {}, new or {}, f"{prefix}{name}.")
        elif old != new:
            yield f"{word} {prefix}{name}: {_shown(old)} -> {_shown(new)}"


def _other_tables(before: Mapping[str, pa.Table], now: Mapping[str, pa.Table]) -> Iterator[str]:
    for name in dict.fromkeys([*before, *now]):
        if name not in now:
            yield f"{name}: given at planning, missing now"
        elif name not in before:
            yield f"{name}: missing at planning, given now"
        else:
            yield from _table_changes(name, before[name], now[name])


def _table_changes(name: str, before: pa.Table, now: pa.Table) -> Iterator[str]:
    keys = _KEYS.get(name, ("asset",))
    old_rows, new_rows = _by_key(before, keys), _by_key(now, keys)
    for key in dict.fromkeys([*old_rows, *new_rows]):
        about = " ".join(part for part in key if part)
        if key not in new_rows:
            yield f"{name}: {about} is missing now"
        elif key not in old_rows:
            yield f"{name}: {about} is new"
        else:
            yield from _row_changes(about, old_rows[key], new_rows[key])


def _row_changes(about: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for column in dict.fromkeys([*before, *now]):
        old, new = before.get(column), now.get(column)
        if not _is_same(old, new):
            yield f"{_WORDS.get(column, column)} of {about}: {_shown(old)} -> {_shown(new)}"


def _by_key(table: pa.Table, keys: Sequence[str]) -> dict[tuple[str, ...], dict[str, Any]]:
    """The rows by their key; of rows with the same key, each by its number too."""
    rows: dict[tuple[str, ...], dict[str, Any]] = {}
    for row in table.to_pylist():
        key = tuple(str(row.get(name, "")) for name in keys)
        number = 1
        while key in rows:
            number += 1
            key = (*key[: len(keys)], str(number))
        rows[key] = row
    return rows


def _is_same(old: Any, new: Any) -> bool:
    """Whether two cells are the same value: 1, 1.0 and "1.0" are."""
    if old == new or (old != old and new != new):  # noqa: PLR0124 - NaN
        return True
    try:
        return decimal_of(old) == decimal_of(new)
    except TypeError:
        return False


def _shown(value: Any) -> str:
    return "nothing" if value is None or value == "" else str(value)

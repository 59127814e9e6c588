"""A user's own layout, from a TOML file."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from trimtab.brokers.layout import NUMBERS, USUAL, Layout, Rule
from trimtab.errors import Fault, InputError, nearest

_KEYS = (
    "name", "columns", "needed", "ignored", "currency", "decimal_mark", "date_order", "cash", "totals", "pending", "notes",
    "footers", "adds", "needs_total", "activities",
)  # fmt: skip
_FIELDS = (*USUAL, *NUMBERS, "account_name", "side", "action", "id", "amount_currency")


def own_layout(path: str | Path) -> Layout:
    """The layout that a TOML file describes.

    Raises
    ------
    InputError
        The file cannot be read, or a key or a value in it is wrong.
    """
    source = str(path)
    try:
        values = tomllib.loads(Path(path).read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ValueError, RecursionError) as error:
        raise InputError([Fault(f"cannot be read as TOML ({error})", "check the file")], source) from None
    faults = [Fault(f"the key {key!r} is unknown", nearest(key, _KEYS)) for key in values if key not in _KEYS]
    columns = values.get("columns")
    if not isinstance(columns, dict) or not columns:
        faults.append(Fault("has no table [columns]", 'write [columns] with lines such as quantity = ["Units"]'))
        raise InputError(faults, source)
    names = {}
    for field, heading in columns.items():
        if field not in _FIELDS:
            faults.append(Fault(f"the field {field!r} is unknown", nearest(field, _FIELDS)))
        texts = [heading] if isinstance(heading, str) else heading
        if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
            faults.append(Fault(f"the names of {field!r} are not text", 'write them as ["Name", "Other name"]'))
            continue
        names[field] = tuple(texts)
    rules = [*_rules(values, faults)]
    if "quantity" not in names:
        faults.append(Fault("has no names for quantity", 'add quantity = ["..."] below [columns]'))
    if faults:
        raise InputError(faults, source)
    needed = tuple(values.get("needed", [field for field in ("quantity", "symbol", "isin") if field in names]))
    return Layout(
        name=str(values.get("name", Path(path).stem)),
        title=str(values.get("name", Path(path).stem)),
        columns=names,
        needed=needed,
        marks=tuple(name for field in names.values() for name in field),
        min_marks=min(2, len(names)),
        ignored=tuple(values.get("ignored", ())),
        rules=tuple(rules),
        footers=tuple(values.get("footers", ())),
        currency=values.get("currency"),
        date_order=values.get("date_order"),
        mark=values.get("decimal_mark", "."),
        adds=bool(values.get("adds", False)),
        needs_total=bool(values.get("needs_total", False)),
        total_covers_file=True,
        usual_names=False,
        fold=dict(values.get("activities", {})),
    )


def _rules(values: dict[str, Any], faults: list[Fault]) -> list[Rule]:
    """Rules for rows of cash, of totals, pending, and to leave out: patterns for the symbol, else for the first cell."""
    rules = []
    for key, kind, field in (
        ("cash", "cash", ""),
        ("pending", "pending", ""),
        ("totals", "total", ""),
        ("notes", "note", ""),
    ):
        for pattern in values.get(key, ()):
            try:
                re.compile(pattern)
            except (re.error, TypeError) as error:
                faults.append(Fault(f"{key}: {pattern!r} is not a pattern ({error})", "write a regular expression"))
                continue
            rules.append(Rule(kind, pattern, field))
    return rules

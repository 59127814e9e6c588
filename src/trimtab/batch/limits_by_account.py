"""The limits of a batch: one set for all accounts, or several, one of which each account names in `limits_id`.

Several are a folder of TOML files (`calm.toml` is `calm`), a TOML file with a table for each (`[limits_id.calm]`), or a
Parquet file with the column `limits_id` and columns named like limits (null: the default; `buckets` and other tables: as JSON).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from trimtab.batch.parquet_sources import reading
from trimtab.blocks.arrow_columns import LIMITS_ID
from trimtab.errors import Fault, InputError, LimitsError
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.limits.toml_file import toml_text, toml_values

ManyLimits = Mapping[str | None, RebalancingLimits]


def read_many_limits(path: Path) -> ManyLimits | None:
    """Limits by `limits_id`; None for a file with one set of limits.

    Raises
    ------
    InputError
        A folder or a table without limits, or an id that is missing or appears twice.
    LimitsError
        Limits that are unknown or contradict each other.
    """
    if path.is_dir():
        files = {file.stem: file for file in sorted(path.glob("*.toml"))}
        by_id: ManyLimits = {name: RebalancingLimits.from_toml(file) for name, file in files.items()}
        return _checked(by_id, path, "has no .toml files", "put one for each limits_id there")
    if path.suffix.casefold() in (".parquet", ".pq"):
        return _checked(dict(_from_parquet(path)), path, "has no rows", "give one for each limits_id")
    return _from_toml(path)


def _checked(by_id: ManyLimits, path: Path, problem: str, advice: str) -> ManyLimits:
    if not by_id:
        raise InputError([Fault(problem, advice)], str(path))
    return by_id


def _from_toml(path: Path) -> ManyLimits | None:
    try:
        tables = toml_values(toml_text(path)).get(LIMITS_ID)
    except LimitsError:
        return None  # the reader of one set of limits names the fault
    if not isinstance(tables, dict):
        return None
    by_id: dict[str | None, RebalancingLimits] = {}
    for name, values in tables.items():
        if not isinstance(values, dict):
            raise LimitsError([f"{LIMITS_ID}.{name} is not a table: write [{LIMITS_ID}.{name}]"], str(path))
        by_id[name] = RebalancingLimits.from_dict(values, f"{path}, {LIMITS_ID} {name!r}")
    return _checked(by_id, path, f"has no limits under {LIMITS_ID}", f"write a table [{LIMITS_ID}.NAME] for each")


def _from_parquet(path: Path) -> ManyLimits:
    with reading(str(path)):
        rows = pq.read_table(path).to_pylist()
    by_id: dict[str | None, RebalancingLimits] = {}
    for number, row in enumerate(rows, 1):
        name = row.pop(LIMITS_ID, None)
        if not isinstance(name, str) or not name.strip() or name in by_id:
            problem = "appears twice" if name in by_id else "is missing"
            raise InputError([Fault(problem, "name each set of limits once", column=LIMITS_ID, row=number)], str(path))
        values = {field: _value(field, value, number, path) for field, value in row.items() if value is not None}
        by_id[name] = RebalancingLimits.from_dict(values, f"{path}, {LIMITS_ID} {name!r}")
    return by_id


def _value(field: str, value: Any, row: int, path: Path) -> Any:
    if field not in ("buckets", "exposures", "concentration", "regimes", "known_buckets"):
        return value
    try:
        return json.loads(value)
    except (TypeError, ValueError):
        fault = Fault("is not JSON", "write the table as JSON text", column=field, row=row, value=value)
        raise InputError([fault], str(path)) from None

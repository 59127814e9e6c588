"""Limits -> TOML text: every field with its meaning."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

from trimtab.limits.bucket_limit import BUCKETS_EXAMPLE
from trimtab.limits.plan_settings import PLAN_SETTINGS


def toml_of(values: dict[str, Any]) -> str:
    """Plain values as TOML text."""
    import tomli_w  # noqa: PLC0415 - limits are read often and written rarely

    return tomli_w.dumps(values)


def written_toml(limits: Any, fields: Sequence[dataclasses.Field[Any]]) -> str:
    """`RebalancingLimits` as TOML text; `fields` are those outside of tables, and of `buckets` and `regimes`."""
    lines: list[str] = []
    values = {**(limits.general or limits).to_dict(complete=True), "regime": limits.regime}
    for known in fields:
        if known.metadata["kind"] is dict:
            continue
        meaning, text = _field_lines(known, values[known.name])
        follows = limits.general is not None and known.name in limits.general.derived
        lines += [meaning, f"# {text}" if follows else text]
    for name in PLAN_SETTINGS:
        lines += _table_lines(getattr(limits.general or limits, name), name)
    values["regimes"] = limits.to_dict(complete=True)["regimes"]
    for name in ("buckets", "exposures", "concentration", "regimes"):
        for key, table in values[name].items():
            lines.append("")
            lines.append(toml_of({name: {key: table}}).rstrip())
    return "\n".join([*lines, *([] if values["buckets"] else BUCKETS_EXAMPLE)]) + "\n"


def _table_lines(owner: Any, table: str) -> Iterator[str]:
    """Every field of some settings with its meaning, as a TOML table; fields without a value are comments."""
    yield from ("", f"[{table}]")
    for known in dataclasses.fields(owner):
        if "fields" not in known.metadata:
            yield from _field_lines(known, getattr(owner, known.name))
    for known in dataclasses.fields(owner):
        if "fields" in known.metadata:
            yield from _table_lines(getattr(owner, known.name), f"{table}.{known.name}")


def _field_lines(known: dataclasses.Field[Any], value: Any) -> tuple[str, str]:
    """The meaning of a field and its value, as two lines of TOML."""
    choices = known.metadata["choices"]
    values = f" ({', '.join(choices[:-1])} or {choices[-1]})" if choices else ""
    text = f"# {known.name} =" if value is None else toml_of({known.name: value}).rstrip()
    return f"# {known.metadata['doc']}{values}", text

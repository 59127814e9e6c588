"""The JSON Schema of a limits file, derived from the fields."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from trimtab.limits.fields import field_schema
from trimtab.limits.old_names import OLD_NAMES
from trimtab.limits.rebalancing_limits import RebalancingLimits, limit_fields


def limits_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a limits file, derived from the fields."""
    fields = [known for known in dataclasses.fields(RebalancingLimits) if known.init and known.name != "regimes"]
    properties = {known.name: field_schema(known) for known in fields}
    properties |= {
        old: {**properties[new], "description": f"the old name of {new}", "deprecated": True}
        for old, new in OLD_NAMES.items()
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "trimtab limits",
        "type": "object",
        "additionalProperties": False,
        "properties": {**properties, "regimes": _regimes_schema(properties)},
    }


def _regimes_schema(properties: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """A regime's limits: any fields but `regime` and `regimes`; missing ones keep their general value."""
    (doc,) = (known.metadata["doc"] for known in limit_fields() if known.name == "regimes")
    inner = {
        name: {key: value for key, value in schema.items() if key != "default"}
        for name, schema in properties.items()
        if name != "regime"
    }
    limits = {"type": "object", "additionalProperties": False, "properties": inner}
    return {"type": "object", "description": doc, "additionalProperties": limits}

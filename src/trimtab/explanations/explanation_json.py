"""Explanations as JSON: a versioned form with its schema, for programs that act on them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib import resources
from typing import Any

from trimtab.explanations.explanation import Explanation

EXPLANATIONS_VERSION = 1


def explanations_json(found: Iterable[Explanation]) -> str:
    """Some explanations as one JSON object: sorted keys, the same bytes for the same input.

    Examples
    --------
    >>> from trimtab import rebalance
    >>> text = explanations_json([rebalance([{"asset": "A", "score": 0.9}]).explain("A")])
    >>> one = json.loads(text)["explanations"][0]
    >>> one["asset"], one["decision"], one["counterfactuals"][0]["change"], one["counterfactuals"][0]["value"]
    ('A', 'selected', 'score', 0.6499999999999999)
    """
    document = {"schema_version": EXPLANATIONS_VERSION, "explanations": [one.to_dict() for one in found]}
    return json.dumps(document, sort_keys=True, ensure_ascii=False, allow_nan=False, indent=2) + "\n"


def explanations_schema() -> dict[str, Any]:
    """The JSON Schema of `explanations_json`."""
    text = (resources.files("trimtab") / "schemas" / "explanations.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema

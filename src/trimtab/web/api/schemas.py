"""The schemas of the service: those of the library's own files and fields, and those that are made of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from trimtab.candidates.columns import COLUMNS
from trimtab.explanations.explanation import explanations_schema
from trimtab.limits.fields import field_schema
from trimtab.limits.json_schema import limits_schema
from trimtab.limits.order_file_settings import OrderFileSettings
from trimtab.orders.account_table import ORDER_COLUMNS
from trimtab.orders.gates import Verdict
from trimtab.orders.plan import SCHEMA_VERSION as PLAN_VERSION
from trimtab.rebalancing.decided_pass import STATUSES
from trimtab.rebalancing.preflight_text import SCHEMA_VERSION as PREFLIGHT_VERSION
from trimtab.rebalancing.result import result_schema
from trimtab.store.listing import ListedRun
from trimtab.store.record import Kind
from trimtab.web.api.deciding import MANY_VERSION
from trimtab.web.api.planning import APPLY_VERSION
from trimtab.web.api.problems import TITLES
from trimtab.web.api.stored_runs import RUNS_VERSION

Schema = dict[str, Any]
_TEXT: Schema = {"type": "string"}
_NAME: Schema = {"type": "string", "minLength": 1}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_FLAG: Schema = {"type": "boolean"}
_EXACT: Schema = {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$", "description": "an exact decimal"}
_FRACTION: Schema = {"type": ["number", "null"], "minimum": 0, "maximum": 1}
_RELATIVE: Schema = {"type": ["number", "null"], "minimum": 1e-9, "maximum": 1e9}
_ACCOUNT: Schema = {"type": ["string", "integer", "null"]}
_GIVEN: Schema = {"anyOf": [{"type": "number"}, {"type": "string"}, {"type": "null"}]}
_DAY: Schema = {"type": ["string", "null"], "format": "date"}

# The columns of a row, each as the rules have it (docs/rules.md, sections 1 and 12).
_COLUMNS: Mapping[str, Schema] = {
    "account": {"type": ["string", "integer"], "description": "the account that the row belongs to"},
    "asset": {**_NAME, "description": "its name, unique inside an account"},
    "bucket": {"type": ["string", "null"], "description": "a path such as Equity/Tech; without one: Unknown"},
    "restriction": {"enum": ["", "no_buy", "no_sell", "no_trade", None], "description": "what is forbidden"},
    "score": {**_FRACTION, "description": "0 to 1; null: could not be scored"},
    "current_weight": {"type": "number", "minimum": 0, "description": "held now, as a fraction of the account's value"},
    "max_weight": {**_FRACTION, "description": "a tighter upper limit for this asset"},
    "desired_weight": {"type": ["number", "null"], "minimum": 0, "maximum": 1e9, "description": "its relative size"},
    "volatility": {**_RELATIVE, "description": "its risk, for inverse_volatility"},
    "shares": {**_GIVEN, "description": "held now"},
    "price": {**_GIVEN, "description": "of one share"},
    "currency": {"type": ["string", "null"], "description": "of the price"},
    "fx": {**_GIVEN, "description": "what one unit of the currency is worth in the base currency"},
    "lot": {**_GIVEN, "description": "the tradable step; default 1"},
    "min_notional": {**_GIVEN, "description": "the smallest order"},
    "tradable": {"type": ["boolean", "null"], "description": "whether it can be traded"},
    "group": {"type": ["string", "null"], "description": "assets that wash sales count as one"},
    "price_date": {**_DAY, "description": "the session of the price"},
    "previous_price": {**_GIVEN, "description": "the price of the session before"},
    "price_explained": {"type": ["boolean", "null"], "description": "whether a jump of the price is explained"},
}


def strict(properties: Mapping[str, Any], optional: tuple[str, ...] = (), **more: Any) -> Schema:
    """An object with these properties and no others."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [name for name in properties if name not in optional],
        "properties": dict(properties),
        **more,
    }


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _exposure() -> Schema:
    """The schema of a row of exposures."""
    return strict(
        {
            "account": {**_ACCOUNT, "description": "the account of the row; without the column the rows hold for all"},
            "asset": _NAME,
            "scheme": {**_NAME, "description": "such as country"},
            "bucket": {"type": ["string", "null"], "description": "a path such as Asia/Japan; without one: Unknown"},
            "fraction": {
                "type": ["number", "null"],
                "exclusiveMinimum": 0,
                "maximum": 1,
                "description": "of the asset; 1 if the column is absent",
            },
        },
        optional=("account", "fraction"),
        description="What fraction of an asset lies in a bucket of a scheme",
    )


def _row(names: tuple[str, ...], required: tuple[str, ...], doc: str) -> Schema:
    """The schema of a row of candidates; columns that no rule uses are carried through."""
    columns = {name: _COLUMNS[name] for name in names}
    return {"type": "object", "description": doc, "required": list(required), "properties": columns}


def _problem() -> Schema:
    fault = {
        "problem": _TEXT,
        "advice": _TEXT,
        "file": {"type": ["string", "null"], "description": "the member of the body that has the fault, or `body`"},
        "row": {"type": ["integer", "null"], "description": "counted from 1"},
        "line": {"type": ["integer", "null"]},
        "column": {"type": ["string", "null"]},
        "value": {"type": ["string", "number", "boolean", "null"]},
        "account": _ACCOUNT,
    }
    return strict(
        {
            "type": {"enum": [f"urn:trimtab:problem:{name}" for name in TITLES]},
            "title": {"enum": list(dict.fromkeys(TITLES.values()))},
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": _NAME,
            "faults": _list(strict(fault)),
        },
        description="A problem (RFC 9457), with its faults: the cause, the place, and the remedy",
    )


def _many(result: Schema) -> Schema:
    target = result["properties"]["targets"]["items"]["properties"]
    nothing = {"type": ["number", "null"], "minimum": 0}
    account = {
        "account": _ACCOUNT,
        "status": {"enum": list(STATUSES)},
        "positions": {"type": ["integer", "null"], "minimum": 0},
        "cash_weight": {"type": ["number", "null"], "maximum": 1},
        "turnover": nothing,
        "faults": _list({"type": "object"}),
    }
    row = {
        "account": _ACCOUNT,
        "asset": _NAME,
        "target_weight": nothing,
        "action": {"enum": [*target["action"]["enum"], "failed"]},
        "reason": {"enum": [*target["reason"]["enum"], ""]},
        "size_reason": target["size_reason"],
        "proposed_weight": nothing,
    }
    return strict(
        {
            "schema_version": {"const": MANY_VERSION},
            "counts": {"type": "object", "additionalProperties": _COUNT},
            "accounts": _list(strict(account)),
            "targets": _list(strict(row)),
            "limits": {"type": "object"},
        },
        optional=("targets",),
    )


def _preflight() -> Schema:
    finding = {"level": {"enum": ["error", "warning"]}, "code": _NAME, "account": {"type": ["string", "null"]},
               "text": _NAME}  # fmt: skip
    conflict = {"account": {"type": ["string", "null"]}, "text": _NAME, "remedies": _list(_NAME)}
    return strict(
        {
            "schema_version": {"const": PREFLIGHT_VERSION},
            "ok": {**_FLAG, "description": "whether it can be rebalanced"},
            "findings": _list(strict(finding)),
            "conflicts": _list(strict(conflict)),
        }
    )


def _gate() -> Schema:
    return strict(
        {
            "gate": _NAME,
            "account": _TEXT,
            "asset": _TEXT,
            "measured": _TEXT,
            "limit": _TEXT,
            "verdict": {"enum": [str(verdict) for verdict in Verdict]},
            "note": _TEXT,
        }
    )


def _order() -> Schema:
    lot = {"lot_id": _TEXT, "shares": _EXACT, "gain": _EXACT}
    return strict(
        {
            "asset": _NAME,
            "side": {"enum": ["sell", "buy"]},
            **dict.fromkeys(("shares", "price", "amount", "fee"), _EXACT),
            "closes": _FLAG,
            "reason": _NAME,
            "cash_after": _EXACT,
            "phase": {"enum": [1, 2, 3]},
            "lots": _list(strict(lot)),
            "wash_sale": _FLAG,
            "client_order_id": _NAME,
        }
    )


def _plan() -> Schema:
    return strict(
        {
            "run_id": {"type": ["string", "null"], "description": "the stored run; null if the service stores none"},
            "schema_version": {"const": PLAN_VERSION},
            "plan_id": _NAME,
            "status": {"enum": ["ok", "limited", "cash_short", "braked"]},
            "is_settled": _FLAG,
            **dict.fromkeys(("value_before", "cash_before", "value", "cash", "fees"), _EXACT),
            "orders": _list(_ref("Order")),
            "held_orders": {**_list(_ref("Order")), "description": "orders that a gate holds back"},
            "reasons": {"type": "object", "additionalProperties": _NAME},
            "details": {"type": "object", "additionalProperties": _NAME},
            "notes": _list(_TEXT),
            "settings": {"type": "object"},
            "rebalance": _ref("Result"),
            "is_granted": {**_FLAG, "description": "whether the orders may be written"},
            "gates": _list(_ref("Gate")),
        },
        optional=("held_orders",),
    )


def _application() -> Schema:
    file = {"name": _NAME, "encoding": {"enum": ["utf-8", "base64"]}, "content": _TEXT, "sha256": _NAME}
    return strict(
        {
            "schema_version": {"const": APPLY_VERSION},
            "run_id": _NAME,
            "record_id": _NAME,
            "applied_at": {"type": "string", "format": "date-time"},
            "by": _TEXT,
            "files": _list(strict(file)),
            "gates": _list(_ref("Gate")),
        }
    )


def _runs() -> Schema:
    types: Mapping[str, Schema] = {
        "sequence": _COUNT,
        "kind": {"enum": [str(kind) for kind in Kind]},
        "status": {"type": ["string", "null"]},
        "orders": {"type": ["integer", "null"]},
        "turnover": {"type": ["number", "null"]},
    }
    run = {name: types.get(name, _TEXT) for name in ListedRun._fields}
    return strict({"schema_version": {"const": RUNS_VERSION}, "runs": _list(strict(run))})


def _run() -> Schema:
    texts = ("run_id", "hash", "time", "version", "rules", "by", "purpose", "account", "limits_hash", "inputs_hash")
    result = {
        **dict.fromkeys(("status", "plan_id", "manifest_sha256"), _TEXT),
        **dict.fromkeys(("sold", "bought", "fees", "value", "cash"), _EXACT),
        **dict.fromkeys(("orders", "positions", "parts"), _COUNT),
        "turnover": {"type": "number"},
        "gates": _list(_ref("Gate")),
        "counts": {"type": "object"},
    }
    event = strict(
        {
            **dict.fromkeys(("kind", "record_id", "time", "by"), _TEXT),
            "files": _list(strict({"name": _NAME, "sha256": _NAME})),
            "gates": _list(_ref("Gate")),
            "outcomes": {"type": "object"},
        },
        optional=("files", "gates", "outcomes"),
    )
    return strict(
        {
            "schema_version": {"const": RUNS_VERSION},
            **dict.fromkeys(texts, _TEXT),
            "sequence": _COUNT,
            "kind": {"enum": [str(kind) for kind in Kind]},
            **result,
            "is_pruned": _FLAG,
            "approved_by": _list(_TEXT),
            "contents": {"type": "object", "additionalProperties": _TEXT},
            "about": _list(event),
        },
        optional=tuple(result),
    )


def _description() -> Schema:
    section = {"title": _NAME, "sentences": _list(_NAME)}
    return strict(
        {
            "schema_version": {"const": 1},
            "limits_hash": {**_NAME, "description": "the identity of the limits, as an approval has it"},
            "sections": _list(strict(section)),
            "limits": {"type": "object"},
        }
    )


def component_schemas() -> dict[str, Schema]:
    """Every schema of the service, by name."""
    result = _inner(result_schema())
    settings = {field.name: field_schema(field) for field in dataclasses.fields(OrderFileSettings)}
    return {
        "Candidate": _row(COLUMNS, ("asset", "score"), "One asset that an account could hold"),
        "Instrument": _row(
            (*(name for name in COLUMNS if name != "current_weight"), *ORDER_COLUMNS),
            ("asset", "score"),
            "One asset, with the shares held and its price",
        ),
        "Exposure": _exposure(),
        "Limits": _inner(limits_schema()),
        "OrderFileSettings": strict(settings, tuple(settings)),
        "Result": result,
        "ManyResult": _many(result),
        "Preflight": _preflight(),
        "Explanations": _inner(explanations_schema()),
        "Order": _order(),
        "Gate": _gate(),
        "Plan": _plan(),
        "Application": _application(),
        "Runs": _runs(),
        "Run": _run(),
        "Schema": {"type": "object", "description": "a JSON Schema"},
        "Description": _description(),
        "Health": strict({"status": {"const": "ok"}, "version": _NAME, "rules": _NAME, "stores_runs": _FLAG}),
        "Text": _TEXT,
        "Problem": _problem(),
    }


def _inner(schema: Schema) -> Schema:
    """A schema as a part of a document that says its dialect itself."""
    return {name: value for name, value in schema.items() if name != "$schema"}

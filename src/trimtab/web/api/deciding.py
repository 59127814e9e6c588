"""Operations that decide and store nothing: rebalance, rebalance-many, check, explain, and the limits."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from trimtab.errors import Fault, InputError
from trimtab.explanations.explanation import explanations_document
from trimtab.limits.exposure_limits import limits_exposures
from trimtab.limits.in_words import rule_sheet
from trimtab.limits.json_schema import limits_schema
from trimtab.orders.doors import plan
from trimtab.rebalancing.doors import rebalance, rebalance_many
from trimtab.rebalancing.preflight import check
from trimtab.rebalancing.preflight_text import placed_findings, preflight_document
from trimtab.store.plan_inputs import limits_hash
from trimtab.web.api.calls import Answer, Call
from trimtab.web.api.problems import fault_list
from trimtab.web.api.rows import arrow_table, row_list
from trimtab.web.ready import PREPARATION

MANY_VERSION = 1
_MANY_COLUMNS = ("account", "asset", "target_weight", "action", "reason", "size_reason", "proposed_weight")


def rebalance_one(call: Call) -> Answer:
    """Targets of one account."""
    result = rebalance(call.body.get("candidates"), call.limits, **_beside(call))
    return Answer(result.to_dict(), lambda: arrow_table(result.targets, "targets"), ("targets",))


def rebalance_accounts(call: Call) -> Answer:
    """Targets of many accounts; a bad one fails beside the others."""
    candidates, limit = call.body.get("candidates"), call.service.bounds.accounts
    accounts = {row.get("account") for row in row_list(candidates)}
    if len(accounts) > limit:
        advice = f"send at most {limit:,} at once; for more use `trimtab batch`"
        raise InputError([Fault(f"has {len(accounts):,} accounts", advice, column="account")])
    result = rebalance_many(candidates, call.limits, **_beside(call))
    faults, rows = result.faults, row_list(result.targets)
    document = {
        "schema_version": MANY_VERSION,
        "counts": result.counts,
        "accounts": [
            {
                **{name: value for name, value in row.items() if name != "error"},
                "faults": fault_list(faults.get(row["account"], ())),
            }
            for row in result.accounts
        ],
        "targets": [{name: _plain(row[name]) for name in _MANY_COLUMNS} for row in rows],
        "limits": call.limits.to_dict(complete=True),
    }
    return Answer(document, lambda: arrow_table(result.targets, "targets"), ("targets",))


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value


def check_candidates(call: Call) -> Answer:
    """Report faults, unmet limits and cash left, without deciding anything."""
    body = call.body
    preflight = check(body.get("candidates"), call.limits, **_beside(call), explain=body.get("explain", False))
    sources = {"input": "candidates", "limits": "limits"}
    findings = placed_findings(preflight, sources, lambda fault: fault)
    return Answer(preflight_document(findings, preflight))


def explain_assets(call: Call) -> Answer:
    """Explain why assets are in or out, and what would change that; with `cash`, also their orders."""
    body, names = call.body, call.body.get("assets")
    if body.get("cash") is None:
        result, orders = rebalance(body.get("candidates"), call.limits, **_beside(call)), []
    else:
        candidates = arrow_table(body.get("candidates"), "candidates")
        made = plan(candidates, call.limits, cash=body.get("cash"), **_beside(call))
        result, orders = made.result, [made.explain(name) for name in names]
    return Answer(explanations_document([result.explain(name) for name in names], orders))


def _beside(call: Call) -> dict[str, Any]:
    """The tables that a rebalance takes beside its candidates; with exposures, when their rules are ready."""
    tables = {name: call.body.get(name) for name in ("correlations", "exposures") if call.body.get(name) is not None}
    if "exposures" in tables and limits_exposures(call.limits):
        PREPARATION.check(exposed=True)
    return tables


def show_limits_schema(_call: Call) -> Answer:
    """The JSON Schema of limits."""
    return Answer(limits_schema())


def describe_limits(call: Call) -> Answer:
    """Limits in plain words, with every field."""
    limits = call.limits
    document = {
        "schema_version": 1,
        "limits_hash": limits_hash(limits, limits.orders),
        "sections": [dataclasses.asdict(section) for section in rule_sheet(limits, plan=True)],
        "limits": limits.to_dict(complete=True),
    }
    return Answer(document)

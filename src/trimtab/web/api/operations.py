"""The operations of the service: the one table that addresses, checks and OpenAPI are made from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from trimtab.order_files.formats import FORMATS
from trimtab.web.api import deciding, planning, stored_runs, watching
from trimtab.web.api.calls import Answer, Call
from trimtab.web.api.members import (
    AMOUNT,
    DAY,
    FLAG,
    NAMES,
    OBJECT,
    OBJECTS,
    ROWS,
    TABLE,
    TEXT,
    Member,
    choice,
)


@dataclass(frozen=True)
class Parameter:
    """A parameter of an address or of its query."""

    name: str
    place: str  # `path` or `query`
    doc: str
    schema: Mapping[str, Any]
    example: Any


@dataclass(frozen=True)
class Operation:
    """One operation: its address, what it takes and gives, and the function that answers it."""

    name: str
    method: str
    path: str
    summary: str
    handler: Callable[[Call], Answer]
    answer: str  # the schema of the answer
    members: tuple[Member, ...] = ()
    example: Mapping[str, Any] = field(default_factory=dict)
    parameters: tuple[Parameter, ...] = ()
    has_table: bool = False  # the answer has rows, and may be an Arrow stream
    is_many: bool = False
    takes_key: bool = False
    problems: tuple[int, ...] = ()
    status: int = 200
    is_open: bool = False  # needs no token
    is_instant: bool = False  # needs no thread


CANDIDATES = Member("candidates", ROWS, "a row for each asset that the account could hold", is_required=True,
                    ref="Candidate")  # fmt: skip
INSTRUMENTS = Member("candidates", ROWS, "a row for each asset, with shares and price", is_required=True,
                     ref="Instrument")  # fmt: skip
LIMITS = (
    Member("preset", TEXT, "the name of a preset that `limits` change; without it the defaults"),
    Member("limits", OBJECT, "the limits that differ from the preset or the defaults", ref="Limits"),
)
CORRELATIONS = Member("correlations", TABLE, "for max_correlation: rows of asset, other and correlation")
EXPOSURES = Member("exposures", TABLE, "for limits.exposures: the fractions of assets in the buckets of each scheme",
                   ref="Exposure")  # fmt: skip
DECIDED = (CANDIDATES, *LIMITS, CORRELATIONS, EXPOSURES)
NOTED = (
    Member("by", TEXT, "who decides, for the record; default: the name of the service"),
    Member("purpose", TEXT, "why, for the record"),
)
ACKNOWLEDGEMENT = (
    Member("gate", TEXT, "the gate that may pass", is_required=True),
    Member("asset", TEXT, "only for this asset"),
    Member("by", TEXT, "who lets it pass", is_required=True),
    Member("why", TEXT, "the reason", is_required=True),
)
GATES = (
    Member("last_session", DAY, "the last session of the market; default: the weekday before"),
    Member("acknowledgements", OBJECTS, "gates that a person lets through", members=ACKNOWLEDGEMENT),
)
PLANNED = (
    INSTRUMENTS,
    Member("cash", AMOUNT, "the cash of the account, in the currency of the prices", is_required=True),
    *LIMITS,
    Member("cash_flow", AMOUNT, "cash paid in before the orders; below 0: paid out"),
    Member("today", DAY, "the day of the plan: for holding periods, wash sales and the age of prices"),
    Member("positions", TABLE, "shares held, if not among the candidates: rows of asset and shares"),
    Member("prices", TABLE, "prices, if not among the candidates: rows of asset and price"),
    Member("fx", TABLE, "the value of one unit of each currency: rows of asset (the currency) and fx"),
    Member("tax_lots", TABLE, "purchases: rows of asset, lot_id, shares, cost (in all) and acquired"),
    Member("recent", TABLE, "recent trades anywhere: rows of group, date and kind (buy or loss_sale)"),
    CORRELATIONS,
    EXPOSURES,
)
_FORMAT = choice(*FORMATS)
_RUN = Parameter("run", "path", "the id of a run, or its first digits; latest for the newest", {"type": "string"},
                 "latest")  # fmt: skip

_LIMITS = {"enable_bucket_diversification": True, "max_allocation_per_bucket": 0.5, "max_position_weight": 0.25}
_ROWS = [
    {"asset": "AAA", "bucket": "Tech", "score": 0.9, "current_weight": 0.3},
    {"asset": "BBB", "bucket": "Tech", "score": 0.8, "current_weight": 0.1},
    {"asset": "CCC", "bucket": "Bond", "score": 0.5, "current_weight": 0.15},
    {"asset": "DDD", "bucket": "Bond", "score": 0.85},
    {"asset": "EEE", "bucket": "Health", "score": 0.7, "current_weight": 0.15},
]
_SHARES = [
    {"asset": "AAA", "bucket": "Tech", "score": 0.9, "shares": 18, "price": "180.00"},
    {"asset": "BBB", "bucket": "Tech", "score": 0.8, "shares": "10", "price": "95.50", "lot": "0.01"},
    {"asset": "CCC", "bucket": "Bond", "score": 0.5, "shares": 30, "price": "51.20"},
    {"asset": "DDD", "bucket": "Bond", "score": 0.85, "shares": 0, "price": "102.50"},
]
_DECIDE = {"candidates": _ROWS, "limits": _LIMITS}
_PLAN = {
    "candidates": _SHARES,
    "cash": "2621.00",
    "limits": {**_LIMITS, "orders": {"fees": {"per_order": "1.00"}}},
    "purpose": "monthly rebalance",
}
_NOT_NOTED = {name: value for name, value in _PLAN.items() if name != "purpose"}

OPERATIONS: tuple[Operation, ...] = (
    Operation("rebalance", "POST", "/rebalance", "Decide what one account holds, and how much of each",
              deciding.rebalance_one, "Result", DECIDED, _DECIDE, has_table=True),
    Operation("rebalance-many", "POST", "/rebalance-many", "Decide up to 1,000 accounts; a bad one fails alone",
              deciding.rebalance_accounts, "ManyResult", DECIDED,
              {**_DECIDE, "candidates": [{"account": name, **row} for name in ("A1", "A2") for row in _ROWS]},
              has_table=True, is_many=True),
    Operation("check", "POST", "/check", "Report faults, unmet limits and cash left, without deciding anything",
              deciding.check_candidates, "Preflight",
              (*DECIDED, Member("explain", FLAG, "also name the limits that conflict, and what would help")),
              {**_DECIDE, "explain": True}, is_many=True),
    Operation("explain", "POST", "/explain", "Say why assets are in or out, and what would change that",
              deciding.explain_assets, "Explanations",
              (Member("assets", NAMES, "the assets to explain", is_required=True), *DECIDED,
               Member("cash", AMOUNT, "the cash, where candidates have shares and price: explains the orders too")),
              {**_DECIDE, "assets": ["AAA", "CCC"]}),
    Operation("plan", "POST", "/plan", "Decide the orders of one account, and store them as a run",
              planning.make_plan, "Plan", (*PLANNED, *NOTED, *GATES), _PLAN, has_table=True, takes_key=True,
              problems=(409,), status=201),
    Operation("apply", "POST", "/apply", "Make the order files of a stored plan, once, if nothing changed since",
              planning.apply_plan, "Application",
              (Member("run", TEXT, "the run of the plan", is_required=True),
               Member("format", _FORMAT, "the format of the order files", is_required=True),
               Member("inputs", OBJECT, "the present inputs; if anything changed since the plan, the answer names it and no file is made",
                      is_required=True, members=PLANNED),
               Member("order_file", OBJECT, "the terms of the orders in a broker's file", ref="OrderFileSettings"),
               *NOTED, *GATES),
              {"run": "latest", "format": "csv", "inputs": _NOT_NOTED}, takes_key=True, problems=(409,), status=201),
    Operation("list-runs", "GET", "/runs", "List the newest runs", stored_runs.list_runs, "Runs", has_table=True,
              parameters=(
                  Parameter("newest", "query", "how many", {"type": "integer", "minimum": 1, "maximum": 1000}, 20),
                  Parameter("account", "query", "only runs of this account", {"type": "string"}, "A1"),
              ), problems=(409,)),
    Operation("show-run", "GET", "/runs/{run}", "Show one run, and what became of it", stored_runs.show_run, "Run",
              parameters=(_RUN,), problems=(404, 409)),
    Operation("limits-schema", "GET", "/limits/schema", "The JSON Schema of limits", deciding.show_limits_schema,
              "Schema"),
    Operation("describe-limits", "POST", "/limits/describe", "Say limits in plain words, and list every field",
              deciding.describe_limits, "Description", LIMITS, {"preset": "conservative", "limits": _LIMITS}),
    Operation("health", "GET", "/health", "Whether the service answers", watching.health, "Health", is_open=True,
              is_instant=True),
    Operation("metrics", "GET", "/metrics", "Counts and times, as Prometheus reads them", watching.metrics, "Text",
              is_instant=True),
)  # fmt: skip

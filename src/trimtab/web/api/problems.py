"""Errors as problem+json (RFC 9457): the cause, the place in the input, and the remedy. Paths of this computer stay out."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import Response

from trimtab.errors import (
    BrokenLimitError,
    DamagedError,
    Fault,
    HeldOrdersError,
    InputError,
    LimitsError,
    LockedError,
    OutputError,
    ReusedKeyError,
    SetupError,
    StalePlanError,
    TrimtabError,
    UnmetLimitError,
    shown,
)
from trimtab.store.connections import name_of, place_of
from trimtab.web.ready import PreparingError
from trimtab.web.service import Service

MEDIA_TYPE = "application/problem+json"
BUG = "That is a bug in trimtab. The terminal says more; please report it."
STORE = "the store of runs"
# The name of each kind of problem, with its title; `type` is `urn:trimtab:problem:NAME`.
TITLES = {
    "unauthorized": "The token is missing or wrong",
    "forbidden": "The request comes from another site",
    "not-found": "There is no such thing",
    "method": "This address does not take that method",
    "not-acceptable": "The answer has no such format",
    "timeout": "The request took too long to arrive",
    "conflict": "The request does not fit the state of the run",
    "stale": "The plan is out of date",
    "held": "A gate holds the orders back",
    "too-large": "The request is too large",
    "media-type": "The body has a format that is not read",
    "wrong-host": "This service does not answer to that name",
    "malformed": "The request cannot be read",
    "input": "The input cannot be used",
    "limits": "The limits cannot be used",
    "unmet": "A limit cannot be met",
    "reused-key": "The idempotency key belongs to another request",
    "bug": "trimtab made a mistake",
    "busy": "The service is busy",
    "store": "The store of runs cannot be used",
}
_BY_STATUS = {
    400: "malformed", 401: "unauthorized", 403: "forbidden", 404: "not-found", 405: "method", 406: "not-acceptable",
    408: "timeout", 409: "conflict", 413: "too-large", 414: "too-large", 415: "media-type", 421: "wrong-host",
    503: "busy",
}  # fmt: skip
_BY_CLASS: tuple[tuple[type[TrimtabError], int, str], ...] = (  # the first that fits
    (StalePlanError, 409, "stale"),
    (HeldOrdersError, 409, "held"),
    (ReusedKeyError, 422, "reused-key"),
    (LockedError, 503, "store"),
    (DamagedError, 500, "store"),
    (OutputError, 503, "store"),
    (BrokenLimitError, 500, "bug"),
    (UnmetLimitError, 422, "unmet"),
    (LimitsError, 422, "limits"),
    (InputError, 422, "input"),
    (PreparingError, 503, "busy"),
    (SetupError, 422, "input"),
)


class ApiError(Exception):
    """A request that is not answered: its problem, with faults where there are any."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(problem.detail)


@dataclass(frozen=True)
class Problem:
    """A problem as RFC 9457 has it."""

    status: int
    kind: str
    detail: str
    faults: tuple[Mapping[str, Any], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """The problem as plain values."""
        return {
            "type": f"urn:trimtab:problem:{self.kind}",
            "title": TITLES[self.kind],
            "status": self.status,
            "detail": self.detail,
            "faults": [dict(fault) for fault in self.faults],
        }

    def response(self) -> Response:
        """The problem as an answer."""
        text = json.dumps(self.document(), ensure_ascii=False, separators=(",", ":"))
        return Response(text.encode("utf-8", "replace"), self.status, headers=dict(self.headers), media_type=MEDIA_TYPE)


def reason(status: int) -> str:
    """The title of the problems with a status."""
    return TITLES[_BY_STATUS.get(status, "input" if status < 500 else "bug")]


def refusal(status: int, detail: str, advice: str = "", **headers: str) -> Problem:
    """The problem of a request that is refused by its status alone."""
    faults = (_facts(Fault(detail, advice)),) if advice else ()
    text = f"{detail}: {advice}" if advice else detail
    return Problem(
        status, _BY_STATUS[status], text, faults, {name.replace("_", "-"): headers[name] for name in headers}
    )


def problem_of(error: Exception, service: Service) -> Problem:
    """The problem that an error is."""
    if isinstance(error, ApiError):
        return error.problem
    for kind, status, name in _BY_CLASS:
        if isinstance(error, kind):
            faults = [_facts(fault, service) for fault in _faults_of(error)]
            detail = BUG if name == "bug" else "; ".join(_sentence(fault) for fault in _faults_of(error)[:3])
            headers = {"Retry-After": "5"} if name == "busy" else {}
            return Problem(status, name, without_places(detail, service), tuple(faults), headers)
    return Problem(500, "bug", BUG)


def _sentence(fault: Fault) -> str:
    return fault.sentence() if fault.advice else fault.problem


def _faults_of(error: TrimtabError) -> list[Fault]:
    """The faults of an error, each with its facts."""
    if isinstance(error, InputError):
        return list(error.faults)
    if isinstance(error, LimitsError):
        return [Fault(text, "", source=error.source or "limits") for text in error.faults]
    if isinstance(error, SetupError):
        return [Fault(error.problem, error.advice)]
    if isinstance(error, UnmetLimitError):
        return [
            Fault(text, "change the limit or the candidates, or let on_unmet report it") for text in error.sentences
        ]
    return []  # a bug: the log has it


def _facts(fault: Fault, service: Service | None = None) -> dict[str, Any]:
    """The facts of a fault."""
    facts = {
        "problem": fault.problem,
        "advice": fault.advice,
        "file": fault.source,
        "row": fault.row,
        "line": fault.line,
        "column": fault.column,
        "value": plain_value(fault.value),
        "account": plain_value(fault.account),
    }
    if service is None:
        return facts
    return {name: without_places(value, service) if isinstance(value, str) else value for name, value in facts.items()}


def plain_value(value: object) -> str | int | float | bool | None:
    """A value for JSON: whatever JSON does not have, as text; long text is cut."""
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return shown(value) if not isinstance(value, str) or len(value) > 60 else value


def without_places(text: str, service: Service) -> str:
    """A sentence without the place of the store."""
    place = place_of(service.store)
    for known in (f"store {name_of(place)}", f"store {place}"):
        text = text.replace(known, STORE)
    return text


def fault_list(faults: Iterable[Fault]) -> list[dict[str, Any]]:
    """Faults as plain values."""
    return [_facts(fault) for fault in faults]

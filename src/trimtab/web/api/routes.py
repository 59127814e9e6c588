"""The service as an application: its addresses, each with its operation, answered in a thread within a time."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import replace

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import compile_path
from starlette.types import Receive, Scope, Send

from trimtab.web.api.arrow_bodies import stream_of
from trimtab.web.api.calls import Answer, Call, KeptStore
from trimtab.web.api.json_text import json_bytes
from trimtab.web.api.members import read_members
from trimtab.web.api.metrics import Metrics
from trimtab.web.api.negotiation import (
    ARROW,
    check_token,
    check_type,
    key_of,
    query_of,
    values_of,
    wants_arrow,
)
from trimtab.web.api.openapi import OPENAPI
from trimtab.web.api.operations import OPERATIONS, Operation
from trimtab.web.api.problems import ApiError, Problem, problem_of, refusal
from trimtab.web.api.warm_up import warm_up_account, warm_up_many
from trimtab.web.api.workers import account_worker, many_worker
from trimtab.web.service import Service

_LOG = logging.getLogger(__name__)
PREFIX = "/api/v1"
_NOWHERE = "elsewhere"  # the label of unknown addresses in the metrics


class Api:
    """The REST service, behind the guard."""

    def __init__(self, service: Service) -> None:
        self._service, self.kept, self.metrics = service, KeptStore(service), Metrics(service.version)
        self._accounts, self._many = account_worker(), many_worker()
        by_path: dict[str, dict[str, Operation]] = {}
        for operation in (*OPERATIONS, OPENAPI):
            by_path.setdefault(operation.path, {})[operation.method] = operation
        self._routes = [(compile_path(f"{PREFIX}{path}")[0], known) for path, known in by_path.items()]

    def warm_up(self) -> None:
        """Run the examples that store nothing, each in its thread, so that the compiled rules are there."""
        self._accounts.begin(warm_up_account)
        self._many.begin(warm_up_many)

    def close(self) -> None:
        """Finish the work under way, and release the store."""
        self._accounts.finish()
        self._many.finish()
        self.kept.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        began, request, name = self.metrics.begin(), Request(scope, receive), _NOWHERE
        response: Response | None = None
        try:
            operation, path = self._operation(scope)
            name = operation.name
            response = await self._answered(request, operation, path)
        except HTTPException as error:  # from the guard, while the body arrives
            response = refusal(error.status_code, error.detail).response()
        except ClientDisconnect:
            pass
        except Exception as error:  # noqa: BLE001 - whatever it is, the answer is a problem
            response = self._problem(error).response()
        finally:
            self.metrics.end(name, 499 if response is None else response.status_code, began)
        if response is not None:
            await response(scope, receive, send)

    def _problem(self, error: Exception) -> Problem:
        problem = problem_of(error, self._service)
        if problem.status == 500:
            _LOG.error("a request failed", exc_info=error)
        return problem

    def _operation(self, scope: Scope) -> tuple[Operation, dict[str, str]]:
        """The operation of an address, and the parts of the address.

        Raises
        ------
        ApiError
            The address is unknown, or takes other methods.
        """
        for address, known in self._routes:
            if match := address.match(scope["path"]):
                method = "GET" if scope["method"] == "HEAD" else scope["method"]
                if method not in known:
                    allowed = ", ".join([*known, *(["HEAD"] if "GET" in known else [])])
                    raise ApiError(
                        refusal(405, "this address does not take that method", f"use {allowed}", Allow=allowed)
                    )
                return known[method], match.groupdict()
        raise ApiError(refusal(404, "there is no such address", f"GET {PREFIX}/openapi.json lists them all"))

    async def _answered(self, request: Request, operation: Operation, path: dict[str, str]) -> Response:
        """The answer of an operation."""
        headers, service = request.headers, self._service
        if not operation.is_open:
            check_token(headers, service)
        is_arrow, key, query = (
            wants_arrow(headers, operation),
            key_of(headers, operation),
            query_of(request.query_params, operation),
        )
        call = Call(service, self.kept, self.metrics, query=query, path=path, operation=operation.name, key=key)
        media_type, data = "", b""
        if operation.method == "POST":
            media_type = check_type(headers)
            data = await request.body()
        client = request.client.host if request.client else ""

        def work() -> Response:
            whole = _with_body(call, operation, data, media_type)
            return _encoded(_noted(whole, operation, client), is_arrow=is_arrow)

        if operation.is_instant:
            return work()
        worker = self._many if operation.is_many else self._accounts
        return await worker.call(work, service.bounds.seconds)


def _with_body(call: Call, operation: Operation, data: bytes, media_type: str) -> Call:
    """The call with the members of its body."""
    if operation.method != "POST":
        return call
    bounds = call.service.bounds
    if operation.is_many:
        bounds = replace(bounds, rows=bounds.rows_of_many)
    body = read_members(values_of(data, media_type, bounds), operation.members, bounds)
    digest = hashlib.sha256(b"\n".join((operation.name.encode(), media_type.encode(), data))).hexdigest()
    return replace(call, body=body, digest=digest)


def _noted(call: Call, operation: Operation, client: str) -> Answer:
    """The answer, with a line in the audit log if something was written."""
    answer = operation.handler(call)
    if operation.takes_key and call.service.stores:
        by = str(call.body.get("by") or call.service.by)
        key = None if call.key is None else hashlib.sha256(call.key.encode()).hexdigest()[:12]
        run = answer.document["run_id"]
        call.service.audit.note(operation.name, by, client, run=run, key=key, purpose=call.body.get("purpose", ""))
    return answer


def _encoded(answer: Answer, *, is_arrow: bool) -> Response:
    """The answer in its format."""
    headers = dict(answer.headers)
    if isinstance(answer.document, str):
        return Response(answer.document, answer.status, headers, answer.media_type)
    if is_arrow and answer.table is not None:
        return Response(stream_of(answer.table(), answer.beside_table), answer.status, headers, ARROW)
    return Response(json_bytes(answer.document), answer.status, headers, answer.media_type)

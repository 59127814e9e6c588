"""The service as a whole: its addresses, its answers to errors, and the guard around it."""

from __future__ import annotations

import secrets

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from trimtab.errors import BrokenLimitError, InputError, LimitsError, TrimtabError
from trimtab.web import start_pages
from trimtab.web.addresses import READS, STATIC, WRITES
from trimtab.web.api.problems import BUG, without_places
from trimtab.web.api.routes import Api
from trimtab.web.guard import Guard
from trimtab.web.ready import PreparingError
from trimtab.web.rendering import message_page, static_file
from trimtab.web.service import Service
from trimtab.web.sessions import Sessions
from trimtab.web.visits import NO_SESSION, page

_ASK_AGAIN = "5"  # seconds


def make_app(service: Service) -> Guard:
    """The service behind its guard; `close` it when the last request is answered."""
    api = Api(service)
    app = Starlette(
        routes=_routes(api),
        exception_handlers={
            HTTPException: _refused,
            PreparingError: _preparing,
            TrimtabError: _faulty,
            Exception: _internal,
        },
    )
    app.state.service = service
    app.state.sessions = Sessions(service.bounds.sessions)
    return Guard(app, service, api)


def _routes(api: Api) -> list[BaseRoute]:
    return [
        Mount("/api", api),
        Route("/", _start),
        Route("/static/{name}", _static),
        *(Route(path, page(handler)) for path, handler in READS.items()),
        *(Route(path, page(handler), methods=["POST"]) for path, handler in WRITES.items()),
    ]


async def _start(request: Request) -> Response:
    """The start page; with the key in the address, first the cookie of a new session."""
    service: Service = request.app.state.service
    if "key" not in request.query_params:
        return await page(start_pages.start, work=False)(request)
    if not secrets.compare_digest(request.query_params["key"].encode(), service.key.encode()):
        raise HTTPException(403, NO_SESSION)
    token, _ = request.app.state.sessions.open()
    answer = RedirectResponse("/", 303)
    answer.set_cookie(service.cookie, token, httponly=True, samesite="strict", path="/")
    return answer


def _static(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in STATIC:
        raise HTTPException(404, "There is no such file.")
    return Response(static_file(name), headers={"Content-Type": STATIC[name], "Cache-Control": "max-age=3600"})


def _refused(_request: Request, error: Exception) -> Response:
    """An answer for a request that cannot be taken."""
    assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for these
    lines = {404: "There is no such page.", 405: "This page does not accept that."}
    text = lines[error.status_code] if error.detail in ("Not Found", "Method Not Allowed") else error.detail
    return message_page(error.status_code, text, [])


def _faulty(request: Request, error: Exception) -> Response:
    """An answer for work that cannot be done: the fault, its place, and what to do."""
    first, *others = sentences_of(error, request.app.state.service)
    return message_page(422, first, others)


def _preparing(request: Request, _error: Exception) -> Response:
    """An answer while the rules that a page needs are being compiled; it asks again by itself."""
    lines = [
        "They are compiled for this computer, which happens once and takes a minute or two.",
        "This page opens by itself when they are ready.",
    ]
    answer = message_page(503, "Preparing the rules", lines)
    answer.headers["Retry-After"] = _ASK_AGAIN
    if request.method == "GET":
        answer.headers["Refresh"] = _ASK_AGAIN
    return answer


def sentences_of(error: Exception, service: Service) -> list[str]:
    """The faults of an error as sentences, without places of this computer."""
    if isinstance(error, InputError):
        texts = [fault.sentence() for fault in error.faults]
    elif isinstance(error, LimitsError):
        texts = list(error.faults)
    else:
        texts = [BUG if isinstance(error, BrokenLimitError) else str(error)]
    return [without_places(text, service) for text in texts]


def _internal(_request: Request, _error: Exception) -> Response:
    return message_page(500, BUG, [])

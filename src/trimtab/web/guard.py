"""Around every request: who may ask, how much they may send, and the headers of every answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trimtab.web.api.problems import refusal
from trimtab.web.api.routes import Api
from trimtab.web.service import Service

_METHODS = ("GET", "HEAD", "POST")
_LONGEST_TARGET = 4096
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # with no-referrer, browsers hide the Origin of a form
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "X-Frame-Options": "DENY",
}


class Guard:
    """Refuses a request of another site, under another name or beyond the bounds, before anything reads it."""

    def __init__(self, app: ASGIApp, service: Service, api: Api | None = None) -> None:
        self._app, self._service, self._api = app, service, api

    def warm_up(self) -> None:
        """Load the compiled rules in the background, or compile them, so that the first request finds them."""
        if self._api is not None:
            self._api.warm_up()

    def close(self) -> None:
        """Finish the work under way, and release the store."""
        if self._api is not None:
            self._api.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "http":
            refused = self._refusal(scope)
            answer = self._app if refused is None else _refused(scope, *refused)
            await answer(scope, self._bounded(receive), _with_headers(scope, send))

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        """The status and the reason of a refusal; None if the request may go on."""
        headers = Headers(scope=scope)
        if len(headers.getlist("host")) != 1 or headers["host"] not in self._service.hosts:
            return 421, "This service does not answer to that name."
        if scope["method"] not in _METHODS and not is_api(scope):  # that says itself which it takes
            return 405, "Use GET or POST."
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > _LONGEST_TARGET:
            return 414, "The address is too long."
        if "transfer-encoding" in headers and "content-length" in headers:  # two readers could disagree where it ends
            return 400, "Content-Length and Transfer-Encoding cannot be sent together."
        size = headers.get("content-length", "0")
        if not (size.isascii() and size.isdigit()):
            return 400, "Content-Length is not a number."
        if int(size) > self._service.bounds.body:
            return 413, f"At most {self._service.bounds.body // 2**20} MB at once."
        if scope["method"] == "POST" and not self._is_own(headers, scope):
            return 403, "A form sent from another site was refused."
        return None

    def _is_own(self, headers: Headers, scope: Scope) -> bool:
        """Whether a write comes from this page, or from a program other than a browser."""
        origin = headers.get("origin")
        if origin is None:
            return is_api(scope) and "sec-fetch-site" not in headers
        return origin == f"{scope['scheme']}://{headers['host']}" and headers.get("sec-fetch-site") in (
            None,
            "same-origin",
        )

    def _bounded(self, receive: Receive) -> Receive:
        """The body in pieces: too much of it, or too slow, is refused while it arrives."""
        bounds, received, end = self._service.bounds, 0, time.monotonic() + self._service.bounds.body_seconds
        is_whole = False

        async def bounded() -> Message:
            nonlocal received, is_whole
            if is_whole:  # what comes now is the end of the connection
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), max(end - time.monotonic(), 0))
            except TimeoutError:
                raise HTTPException(408, "The request took too long to arrive.") from None
            received += len(message.get("body", b""))
            is_whole = not message.get("more_body", False)
            if received > bounds.body:
                raise HTTPException(413, f"At most {bounds.body // 2**20} MB at once.")
            return message

        return bounded


def is_api(scope: Scope) -> bool:
    """Whether a request is to the REST service."""
    return str(scope["path"]).startswith("/api/")


def _refused(scope: Scope, status: int, text: str) -> ASGIApp:
    """The answer to a request that is refused."""
    answer = refusal(status, text).response() if is_api(scope) else PlainTextResponse(f"{text}\n", status)
    if status == 400:  # it is unclear where its body ends
        answer.headers["Connection"] = "close"
    return answer


def _with_headers(scope: Scope, send: Send) -> Send:
    """Every answer with the headers of safety; nothing but style and script is kept by a cache."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers[name] = value
            if message["status"] == 408:  # what still comes is the end of a request that was given up
                headers["Connection"] = "close"
            if not str(scope["path"]).startswith("/static/"):
                headers["Cache-Control"] = "no-store"
        await send(message)

    return sending

"""The service on a port, until it is stopped; requests under way are finished first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from trimtab.web.api.problems import refusal
from trimtab.web.app import make_app
from trimtab.web.guard import Guard
from trimtab.web.ready import PREPARATION
from trimtab.web.service import Bounds, Service

_SECONDS_TO_FINISH = 10
_MAX_CONNECTIONS = 64
_MOST_AHEAD = 2**20  # bytes of further requests behind one that is being answered


class _Deadline:
    """Calls a function after a time, unless it is stopped before."""

    _timer: asyncio.TimerHandle | None = None

    def start(self, seconds: float, end: Callable[[], None]) -> None:
        """Let the time run; a second start changes nothing."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(seconds, end)

    def stop(self) -> None:
        """Let the time run no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class PatientProtocol(H11Protocol):
    """HTTP that waits only so long for the headers of a request, for the end of a body that was refused, and for a client
    to read its answer. Between requests uvicorn watches the time, and while a body is read the guard.

    Bytes that are not HTTP, and requests beyond the bound on connections, are answered here, as problems.
    """

    bounds = Bounds()

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._own_app = self.app
        self._sending = _Deadline()  # while the client owes bytes
        self._reading = _Deadline()  # while it does not take those of an answer

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expect the headers of a first request."""
        super().connection_made(transport)
        self._expect()

    def data_received(self, data: bytes) -> None:
        """Take what arrived."""
        is_full = max(len(self.connections), len(self.tasks)) >= _MAX_CONNECTIONS
        self.app = _BUSY if is_full else self._own_app
        super().data_received(data)
        self._expect()
        if self.conn.their_state is h11.DONE and len(self.conn.trailing_data[0]) > _MOST_AHEAD:
            self.transport.abort()  # a client reads answers before it sends a megabyte of requests

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the words of uvicorn
        """Answer bytes that are not HTTP. The connection ends: it is unclear where another request would begin."""
        answer = refusal(400, "the request is not HTTP/1.1", "see RFC 9112").response()
        headers = [*answer.raw_headers, (b"connection", b"close")]
        body = h11.Data(data=bytes(answer.body))
        for event in (h11.Response(status_code=400, headers=headers, reason=b"Bad Request"), body, h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def pause_writing(self) -> None:
        """Wait for the client to read."""
        super().pause_writing()
        self._reading.start(self.bounds.reading_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """The client has read."""
        super().resume_writing()
        self._reading.stop()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        super().connection_lost(exc)
        self._sending.stop()
        self._reading.stop()

    def _expect(self) -> None:
        """Wait while the client owes headers, or the end of a body that was refused; more bytes win no time."""
        theirs, ours = self.conn.their_state, self.conn.our_state
        if theirs is h11.IDLE or (theirs is h11.SEND_BODY and ours is h11.DONE):
            self._sending.start(self.bounds.header_seconds, self.transport.abort)
        else:
            self._sending.stop()


_BUSY: Any = refusal(503, "too many connections are open", "try again", Retry_After="1").response()


def server_of(app: Guard, service: Service, address: str) -> uvicorn.Server:
    """The server of an application."""
    protocol = type("BoundedProtocol", (PatientProtocol,), {"bounds": service.bounds})
    config = uvicorn.Config(
        app,
        host=address,
        port=service.port,
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=10,
        timeout_graceful_shutdown=_SECONDS_TO_FINISH,
        h11_max_incomplete_event_size=16_384,
        http=protocol,
        ws="none",
        lifespan="off",
    )
    return uvicorn.Server(config)


def serve_forever(service: Service, address: str) -> None:
    """Answer requests until Ctrl-C or a signal to end; work that began is finished, and what it writes is stored."""
    app = make_app(service)
    server = server_of(app, service, address)
    app.warm_up()
    try:
        PREPARATION.begin()
        server.run()
    finally:
        PREPARATION.stop()
        app.close()

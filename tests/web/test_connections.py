"""Connections as an attacker opens them: bytes of HTTP that disagree, that trickle, that never end, or answers left unread."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
import uvicorn
from rest_clients import EXAMPLES
from thorough import mostly_thorough
from web_visits import KEY

from trimtab.web import serving
from trimtab.web.app import make_app
from trimtab.web.service import Bounds, Service, local_hosts
from trimtab.web.serving import PatientProtocol, server_of

_PATIENCE = 30.0  # of a test, until it fails
_HASTY = Bounds(header_seconds=0.2, body_seconds=0.2, reading_seconds=0.2, body=100_000)
_CALM = Bounds(body=100_000)
_INNER = (
    b"GET /api/v1/health HTTP/1.1\r\nHost: HOST\r\n\r\n"  # what an attack wants to have answered as another's request
)


@contextmanager
def running(bounds: Bounds) -> Iterator[tuple[int, uvicorn.Server]]:
    """A service in a thread of its own: its port, and its server."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)  # inherited: what is not read soon waits
        port = listener.getsockname()[1]
        service = Service(key=KEY, port=port, hosts=local_hosts(port), version="0", stores=False, bounds=bounds)
        app = make_app(service)
        server = server_of(app, service, "127.0.0.1")
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield port, server
        finally:
            server.should_exit = True
            thread.join()
            app.close()


@pytest.fixture(scope="module")
def calm() -> Iterator[int]:
    with running(_CALM) as (port, _):
        yield port


@pytest.fixture(scope="module")
def hasty() -> Iterator[int]:
    with running(_HASTY) as (port, _):
        yield port


@contextmanager
def connected(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), _PATIENCE) as connection:
        yield connection


def until_closed(connection: socket.socket) -> bytes:
    """All that the service sends before it closes the connection."""
    received = b""
    with suppress(ConnectionError):
        while piece := connection.recv(65_536):
            received += piece
    return received


def document(connection: socket.socket) -> bytes:
    """An answer whose body is a flat JSON object."""
    received = b""
    while not received.endswith(b"}"):
        received += connection.recv(65_536)
    return received


def head(port: int, *lines: str, method: str = "POST", path: str = "/api/v1/rebalance") -> bytes:
    """The head of a request, with the token."""
    known = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", f"Authorization: Bearer {KEY}"]
    return "\r\n".join([*known, "Content-Type: application/json", *lines, "", ""]).encode("latin-1")


def exchange(port: int, sent: bytes, *, is_all: bool = False) -> bytes:
    """Everything that the service answers to these bytes; the client ends its side if that is all it has to say."""
    with connected(port) as connection, suppress(ConnectionError):
        connection.sendall(sent)
        if is_all:
            connection.shutdown(socket.SHUT_WR)
        return until_closed(connection)
    return b""


def health(port: int) -> bytes:
    """A request that ends its connection."""
    return head(port, "Connection: close", method="GET", path="/api/v1/health")


def statuses(received: bytes) -> list[int]:
    return [int(part.split()[0]) for part in received.split(b"HTTP/1.1 ")[1:]]


# ---- requests that two readers would end at different places

_AMBIGUOUS = {
    "two lengths": ["Content-Length: 0", "Content-Length: {size}"],
    "two lengths in one": ["Content-Length: 0, {size}"],
    "length and chunks": ["Content-Length: {size}", "Transfer-Encoding: chunked"],
    "chunks and length": ["Transfer-Encoding: chunked", "Content-Length: {size}"],
    "chunks twice": ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
    "chunks, then something else": ["Transfer-Encoding: chunked, identity"],
    "another encoding": ["Transfer-Encoding: gzip"],
    "an unknown encoding": ["Transfer-Encoding: xchunked"],
    "chunks behind a tab": ["Transfer-Encoding:\tchunked", "Content-Length: {size}"],
    "chunks, quoted": ['Transfer-Encoding: "chunked"'],
    "a space before the colon": ["Transfer-Encoding : chunked"],
    "a folded line": ["X: y", " Transfer-Encoding: chunked", "Content-Length: {size}", "Content-Length: 0"],
    "a length with a sign": ["Content-Length: +{size}"],
    "a length below zero": ["Content-Length: -1"],
    "a length in hexadecimal": ["Content-Length: 0x10"],
    "a length with an underscore": ["Content-Length: 1_0"],
    "a length in other digits": ["Content-Length: \xb2"],
    "a length of spaces": ["Content-Length:  "],
    "a huge length": ["Content-Length: " + "9" * 5_000],
    "a null in a name": ["Content\0-Length: {size}"],
    "a null in a value": ["X: a\0b"],
    "a return in a value": ["X: a\rTransfer-Encoding: chunked"],
    "no name": [": chunked"],
    "two hosts": ["Host: evil.example"],
}  # fmt: skip


@pytest.mark.parametrize("name", mostly_thorough(_AMBIGUOUS, 4))
def test_a_request_that_two_readers_end_differently_is_refused_and_nothing_in_it_is_answered(
    calm: int, name: str
) -> None:
    inner = _INNER.replace(b"HOST", f"127.0.0.1:{calm}".encode())
    lines = [line.replace("{size}", str(len(inner) + 5)) for line in _AMBIGUOUS[name]]
    answered = statuses(exchange(calm, head(calm, *lines) + b"0\r\n\r\n" + inner + health(calm)))
    assert answered and 400 <= answered[0] < 500, answered
    if name != "two hosts":  # its body ends where it says; what follows is a request of the same client
        assert len(answered) == 1


@pytest.mark.parametrize(
    "sent",
    [
        b"", b"\r\n\r\n", b"GET /\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
        b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n", b"\0" * 100, b"G" * 100_000,
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 20_000, b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
    ],
    ids=range(13),
)  # fmt: skip
@pytest.mark.thorough
def test_bytes_that_are_no_request_of_ours(calm: int, sent: bytes) -> None:
    assert all(400 <= status < 500 for status in statuses(exchange(calm, sent, is_all=True)))
    assert statuses(exchange(calm, health(calm))) == [200]


@pytest.mark.parametrize("value", ["x\r\nSet-Cookie: a=b", "x\nSet-Cookie: a=b", "%0d%0aSet-Cookie:%20a=b"])
@pytest.mark.thorough
def test_no_header_of_an_answer_comes_from_a_request(calm: int, value: str) -> None:
    for path in ("/api/v1/runs?account={}", "/{}", "/history?account={}", "/files/{}"):
        sent = head(calm, "Connection: close", f"Idempotency-Key: {value}", method="GET", path=path.format(value))
        headers = exchange(calm, sent).partition(b"\r\n\r\n")[0].lower()
        assert b"set-cookie" not in headers


@pytest.mark.thorough
def test_a_compressed_body_and_one_announced_twice(calm: int) -> None:
    for lines, status in ((["Content-Encoding: gzip"], 415), (["Content-Encoding: identity, gzip"], 415),
                          (["Content-Encoding: identity", "Content-Encoding: gzip"], 400)):  # fmt: skip
        body = b"\x1f\x8b\x08\x00" + b"\0" * 30
        sent = head(calm, *lines, f"Content-Length: {len(body)}", "Connection: close") + body
        assert statuses(exchange(calm, sent)) == [status]


# ---- bytes that trickle, and bodies without end


def trickled(connection: socket.socket, data: bytes) -> bytes:
    """The answer to a client that sends a byte now and then, as long as it is let."""
    ended = time.monotonic() + _PATIENCE
    connection.settimeout(0.02)
    sent = 0
    while time.monotonic() < ended:
        try:
            connection.sendall(data[sent % len(data)].to_bytes(1, "big"))
            sent += 1
            received = connection.recv(65_536)
        except TimeoutError:
            continue
        except ConnectionError:
            return b""
        if not received:
            return b""
        connection.settimeout(_PATIENCE)
        return received + until_closed(connection)
    raise AssertionError("the service listens forever")


def problem_in(received: bytes) -> dict[str, Any]:
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    return dict(json.loads(body))


def test_bytes_that_are_not_http_get_a_problem_and_the_end(calm: int) -> None:
    answer = exchange(calm, b"GET / HTTP/1.1\r\nno colon\r\n\r\n")
    assert statuses(answer) == [400] and b"connection: close" in answer.lower()
    assert problem_in(answer)["type"] == "urn:trimtab:problem:malformed"


def test_beyond_the_bound_on_connections_the_service_is_busy(calm: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "_MAX_CONNECTIONS", 2)
    with connected(calm) as waits:
        waits.sendall(head(calm)[:-2])
        answer = exchange(calm, health(calm))
        assert statuses(answer) == [503] and b"retry-after: 1" in answer.lower()
        assert problem_in(answer)["type"] == "urn:trimtab:problem:busy"
    monkeypatch.undo()
    assert statuses(exchange(calm, health(calm))) == [200]


def test_headers_that_never_end(hasty: int) -> None:
    with connected(hasty) as connection:
        assert until_closed(connection) == b""  # nothing is sent at all
    with connected(hasty) as connection:
        connection.sendall(head(hasty)[:-2])
        assert until_closed(connection) == b""


@pytest.mark.thorough
def test_headers_that_trickle(hasty: int) -> None:
    with connected(hasty) as connection:
        assert statuses(trickled(connection, b"X-Slow: yes\r\n")) in ([], [400])
    with connected(hasty) as connection:  # the second request of a connection
        connection.sendall(head(hasty, method="GET", path="/api/v1/health"))
        assert statuses(document(connection)) == [200]
        connection.sendall(b"GET /api/v1/health HTTP/1.1\r\n")
        assert trickled(connection, b"X") == b""


def test_a_body_that_never_arrives_whole(hasty: int) -> None:
    with connected(hasty) as connection:
        connection.sendall(head(hasty, "Content-Length: 100") + b'{"candidates": ')
        assert statuses(until_closed(connection)) == [408]


@pytest.mark.thorough
def test_a_body_that_trickles(hasty: int) -> None:
    for lines in (["Content-Length: 90000"], ["Transfer-Encoding: chunked"]):
        with connected(hasty) as connection:
            connection.sendall(head(hasty, *lines))
            assert statuses(trickled(connection, b"1\r\n \r\n")) in ([408], [])


@pytest.mark.thorough
def test_a_body_left_unread_holds_no_connection(hasty: int) -> None:
    """The answer comes at once; what is still announced is awaited for a moment only."""
    with connected(hasty) as connection:
        connection.sendall(head(hasty, "Content-Length: 90000", method="GET", path="/api/v1/health") + b"x")
        assert statuses(document(connection)) == [200]
        assert trickled(connection, b"x") == b""


@pytest.mark.parametrize(
    "chunk", [b"8000\r\n" + b" " * 0x8000 + b"\r\n", b"1;" + b"x" * 1_000, b"f" * 40, b"zz\r\n", b"1\r\nabc", b"-1\r\n\r\n"],
    ids=["without end", "an endless extension", "a huge size", "no size", "a longer chunk", "a size below zero"],
)  # fmt: skip
@pytest.mark.thorough
def test_chunks_without_end_or_sense(hasty: int, chunk: bytes) -> None:
    with connected(hasty) as connection:
        with suppress(ConnectionError):  # the service closes it
            connection.sendall(head(hasty, "Transfer-Encoding: chunked"))
            for _ in range(200):
                connection.sendall(chunk)
        assert statuses(until_closed(connection)) in ([413], [400], [408], [])
    assert statuses(exchange(hasty, health(hasty))) == [200]


def describing(port: int) -> bytes:
    """A request with a long answer."""
    body = json.dumps(EXAMPLES["describe-limits"]).encode()
    return head(port, f"Content-Length: {len(body)}", path="/api/v1/limits/describe") + body


def test_a_client_that_does_not_read() -> None:
    with running(_HASTY) as (port, server), connected(port) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        connection.sendall(describing(port) * 100)
        ended = time.monotonic() + _PATIENCE
        while not server.server_state.total_requests or server.server_state.connections:
            assert time.monotonic() < ended
            time.sleep(0.01)
        assert server.server_state.total_requests < 100


@pytest.mark.thorough
def test_a_client_that_reads_late_gets_every_answer() -> None:
    with running(_CALM) as (port, server), connected(port) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32_768)
        connection.sendall(describing(port) * 100 + health(port))
        ended = time.monotonic() + _PATIENCE
        while not any(
            isinstance(each, PatientProtocol) and each.flow.write_paused for each in server.server_state.connections
        ):
            assert time.monotonic() < ended
            time.sleep(0.01)
        assert statuses(until_closed(connection)) == [200] * 101


def test_requests_that_pile_up_behind_one(calm: int) -> None:
    with connected(calm) as connection:

        def ask() -> None:
            with suppress(ConnectionError):
                connection.sendall(describing(calm) * 20_000)

        asking = threading.Thread(target=ask)
        asking.start()
        assert len(statuses(until_closed(connection))) < 20_000
        asking.join()


@pytest.mark.thorough
def test_many_idle_connections_end_by_themselves(hasty: int) -> None:
    opened = [socket.create_connection(("127.0.0.1", hasty), _PATIENCE) for _ in range(80)]
    for connection in opened:
        assert until_closed(connection) == b""
        connection.close()
    assert statuses(exchange(hasty, health(hasty))) == [200]

"""The page under attack: other names, other sites, no token, bodies beyond the bounds, names that are code."""

from __future__ import annotations

import asyncio
import io
import json
import time
import zipfile
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hostile_names import PAYLOADS
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient
from thorough import mostly_thorough
from web_visits import BASE, KEY, PORT, Browser, client_of, service_of

from trimtab.errors import BrokenLimitError, Fault, InputError, LimitsError, OutputError
from trimtab.files.cells import csv_line
from trimtab.web.app import sentences_of
from trimtab.web.attached import attached
from trimtab.web.guard import Guard
from trimtab.web.service import Bounds, Service
from trimtab.web.sessions import Sessions
from trimtab.web.visits import Form, in_time

OWN = ("htmx.min.js", "page.js")
SCRIPTS = [
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "' onmouseover='alert(1)", "javascript:alert(1)",
    "</title><svg onload=alert(1)>", "{{7*7}}", "{% raw %}", "\u202egpj.exe", "<!--", "]]>", "&lt;script&gt;", "`${1}`",
    *PAYLOADS,
]  # fmt: skip
PATHS = ["/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py", "/files/..%2f..%2fetc%2fpasswd",
         "/orders/%2fetc%2fpasswd", "/history/..%2f..", "/static/style.css%00", "//etc/passwd"]  # fmt: skip
HOSTS = ["evil.example", f"evil.example:{PORT}", "127.0.0.1", f"127.0.0.1:{PORT + 1}", f"127.0.0.1.evil.example:{PORT}",
         f"[::1]:{PORT}", "localhost", "", f"localhost:{PORT}@evil.example"]  # fmt: skip
ORIGINS = [
    "null",
    "http://evil.example",
    f"https://127.0.0.1:{PORT}",
    "http://127.0.0.1",
    f"http://localhost:{PORT}",
    "",
]


class Tags(HTMLParser):
    """The tags and attributes of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "action")]


@pytest.fixture(scope="module")
def browser() -> Browser:
    return Browser()


@pytest.mark.parametrize("host", HOSTS)
def test_another_host_is_refused(browser: Browser, host: str) -> None:
    answer = browser.client.get("/", headers={"Host": host})
    assert answer.status_code == 421 and "trimtab" not in answer.text


@pytest.mark.parametrize("origin", ORIGINS)
def test_a_form_of_another_site_is_refused(browser: Browser, origin: str) -> None:
    assert browser.post("/sample", Origin=origin).status_code == 403


@pytest.mark.parametrize("headers", [{}, {"Origin": BASE, "Sec-Fetch-Site": "cross-site"}])
def test_a_form_without_origin_is_refused(browser: Browser, headers: dict[str, str]) -> None:
    assert browser.client.post("/sample", data={"csrf": browser.csrf}, headers=headers).status_code == 403


@pytest.mark.parametrize("token", ["", "x", "\u00e9", "0" * 43])
def test_a_missing_or_old_token_is_refused(browser: Browser, token: str) -> None:
    answer = browser.post("/sample", {"csrf": token})
    assert answer.status_code == 403 and "earlier session" in answer.text
    other = Browser()
    assert browser.post("/sample", {"csrf": other.csrf}).status_code == 403


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND"])
def test_other_methods_are_refused(browser: Browser, method: str) -> None:
    assert browser.client.request(method, "/").status_code == 405


@pytest.mark.parametrize("path", PATHS)
def test_no_path_leads_out(browser: Browser, path: str) -> None:
    answer = browser.client.get(path)
    assert answer.status_code in (404, 422)
    assert "root:" not in answer.text and "import" not in answer.text


def test_every_answer_has_the_headers(browser: Browser) -> None:
    for answer in (browser.get("/"), browser.get("/nothing"), browser.client.get("/", headers={"Host": "evil"})):
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cache-control"] == "no-store"


def test_bodies_and_addresses_beyond_the_bounds() -> None:
    small = Browser(bounds=Bounds(body=2_000))
    assert small.upload(("a.csv", b"x" * 3_000)).status_code == 413
    assert small.client.get(f"/?{'x' * 5_000}").status_code == 414
    assert small.client.get("/", headers={"Content-Length": "-1"}).status_code == 400

    def pieces() -> Any:  # without Content-Length
        for _ in range(5):
            yield b"x" * 1_000

    headers = {"Origin": BASE, "Content-Type": "application/x-www-form-urlencoded"}
    assert small.client.post("/files", content=pieces(), headers=headers).status_code == 413
    many = Browser(bounds=Bounds(fields=3))
    assert many.post("/review", {f"price.{number}": "1" for number in range(9)}).status_code == 400


def test_a_body_that_never_arrives() -> None:
    async def slowly() -> dict[str, Any]:
        await asyncio.sleep(5)
        raise AssertionError

    answers: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            await receive()
        except Exception as error:  # noqa: BLE001 - as the application answers it
            await PlainTextResponse("", error.status_code)(scope, receive, send)

    async def send(message: Any) -> None:
        answers.append(message)

    guard = Guard(app, service_of(bounds=Bounds(body_seconds=0.05)))
    headers = [(b"host", f"127.0.0.1:{PORT}".encode()), (b"origin", BASE.encode())]
    scope = {"type": "http", "method": "POST", "path": "/", "scheme": "http", "query_string": b"", "headers": headers}
    asyncio.run(guard(scope, slowly, send))
    assert answers[0]["status"] == 408
    asyncio.run(guard({"type": "websocket"}, slowly, send))  # not answered at all
    assert len(answers) == 2


def test_a_guard_of_a_page_alone_has_nothing_to_warm_up_or_to_close() -> None:
    guard = Guard(PlainTextResponse("page"), service_of())
    guard.warm_up()
    guard.close()
    assert TestClient(guard, base_url=BASE).get("/").text == "page"


def test_a_name_that_a_header_cannot_hold_is_sent_encoded() -> None:
    sent = [attached(name, b"").headers["content-disposition"] for name in ("a.csv", "\u00e9.csv", 'a"b.csv')]
    assert sent == [
        'attachment; filename="a.csv"',
        "attachment; filename*=UTF-8''%C3%A9.csv",
        "attachment; filename*=UTF-8''a%22b.csv",
    ]


def test_after_the_body_comes_the_end_of_the_connection() -> None:
    messages = [{"type": "http.request", "body": b"x"}, {"type": "http.disconnect"}]
    received: list[Any] = []

    async def receive() -> Any:
        return messages[len(received)]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        received.append(await receive())
        received.append(await receive())

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "query_string": b"",
        "headers": [(b"host", f"127.0.0.1:{PORT}".encode())],
    }
    asyncio.run(Guard(app, service_of())(scope, receive, receive))
    assert received == messages


def test_an_answer_that_takes_too_long() -> None:
    with pytest.raises(Exception, match="takes too long"):
        asyncio.run(in_time(lambda: time.sleep(0.5), Bounds(seconds=0.01)))


def test_a_bomb_in_a_workbook(browser: Browser) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * (65 * 2**20))
    answer = browser.upload(("bomb.xlsx", packed.getvalue()))
    assert answer.status_code == 422 and "unpacks to more than 64 MiB" in answer.text


def test_an_empty_file_and_an_empty_field(browser: Browser) -> None:
    assert "there is no file" in browser.upload(("empty.csv", b"")).text
    assert Form((("a", "1"),)).text("b") == ""


@pytest.mark.parametrize("name", mostly_thorough(SCRIPTS, 8))
def test_names_that_are_code_stay_text(name: str) -> None:
    """In every field that a user can fill: assets, names, buckets, accounts, file names, reasons."""
    browser = Browser()
    cells = [name.replace("\0", ""), "0.9", "30", "100", name.replace("\0", "")]
    data = "asset,score,shares,price,bucket\n" + csv_line(cells) + "BBB,0.8,0,49.5,Health\n"
    browser.upload((f"{name}.csv", data.encode("utf-8", "replace")))
    browser.post(
        "/review", {"cash": "7000", "asset": [cells[0], "BBB"], "buy": [cells[0], "BBB"], "sell": [cells[0], "BBB"]}
    )
    browser.post("/acknowledge", {"gate": "order_share", "asset": name, "why": name})
    pages = [browser.get(path).text for path in ("/", "/review", "/limits", "/plan", "/export")]
    pages.append(browser.client.get("/plan", params={"why": name}).text)
    pages += [browser.client.get("/plan", params={"limit": f"{name}|", "value": name, "show": name}).text]
    pages += [browser.client.get("/plan/what-if/result", params={"limit": "max_position_weight|", "value": name}).text]
    pages += [browser.client.get("/history", params={"account": name, "run": name, "verify": name}).text]
    pages += [
        browser.post("/what-if", {"limit": name, "value": name}).text,
        browser.post("/files", {"table": name}).text,
    ]
    study = {
        "policies": 1,
        "from": name,
        "to": name,
        "sessions_per_year": 1,
        "refused": [],
        "best": {name: name},
        "verdict": name,
    }
    pages.append(browser.upload((f"{name}.json", json.dumps(study).encode("utf-8", "replace"))).text)
    pages.append(browser.post("/limits", {"preset": name}).text)
    pages.append(browser.post("/review", {"cash": name}).text)
    for page in pages:
        tags = Tags(page)
        assert not {"img", "iframe", "object", "embed", "base", "style"} & tags.tags
        assert not [attribute for attribute in tags.attributes if attribute.startswith("on") or attribute == "style"]
        assert all(link.startswith(("/", "#", "?")) for link in tags.links)
        assert page.count("<script") == sum(page.count(f'<script src="/static/{file}" defer></script>') for file in OWN)


def test_old_sessions_make_room() -> None:
    sessions = Sessions(2)
    first, second = sessions.open()[0], sessions.open()[0]
    assert sessions.find(first) is not None
    sessions.open()
    assert sessions.find(second) is None and sessions.find(first) is not None
    assert sessions.find("x") is None


def test_errors_do_not_name_places_of_this_computer(tmp_path: Path) -> None:
    service = service_of(tmp_path / "runs.db")
    store = OutputError([Fault("cannot be used", "check the place")], f"store {tmp_path / 'runs.db'}")
    assert sentences_of(store, service) == ["the store of runs: cannot be used: check the place"]
    assert sentences_of(LimitsError(["a", "b"]), service) == ["a", "b"]
    assert "bug" in sentences_of(BrokenLimitError(["x"]), service)[0]
    assert sentences_of(InputError([Fault("p", "a"), Fault("q", "b")]), service) == ["p: a", "q: b"]


def test_a_bug_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    browser = Browser()
    client = client_of(browser.service)
    client._transport.raise_server_exceptions = False  # type: ignore[attr-defined]
    client.get(f"/?key={KEY}")
    monkeypatch.setattr(Service, "stores", property(lambda _: 1 / 0), raising=False)
    answer = client.get("/")
    assert answer.status_code == 500 and "ZeroDivision" not in answer.text and "bug in trimtab" in answer.text

"""A browser for tests: it keeps the cookie, fills in the token of forms, and sends the headers that browsers send."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx2
from starlette.testclient import TestClient

from trimtab.web.app import make_app
from trimtab.web.service import Bounds, Service, local_hosts

KEY, PORT = "a-key-of-the-tests-only", 8311
BASE = f"http://127.0.0.1:{PORT}"


def service_of(store: Path | None = None, **more: Any) -> Service:
    facts = {"key": KEY, "port": PORT, "hosts": local_hosts(PORT), "version": "0", "by": "tester", **more}
    return Service(store=None if store is None else str(store), stores=store is not None, **facts)


def client_of(service: Service) -> TestClient:
    return TestClient(make_app(service), base_url=BASE, follow_redirects=True)


class Browser:
    """One browser with a session of its own."""

    def __init__(self, store: Path | None = None, bounds: Bounds | None = None, **more: Any) -> None:
        self.service = service_of(store, **({} if bounds is None else {"bounds": bounds}), **more)
        self.client = client_of(self.service)
        first = self.client.get(f"/?key={KEY}")
        assert first.status_code == 200
        self.csrf = re.findall(r'name="csrf" value="([^"]+)"', first.text)[0]

    def get(self, path: str) -> httpx2.Response:
        return self.client.get(path)

    def page(self, path: str) -> str:
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text

    def post(self, path: str, data: dict[str, Any] | None = None, files: Any = None, **headers: str) -> httpx2.Response:
        sent = {"Origin": BASE, "Sec-Fetch-Site": "same-origin", **headers}
        return self.client.post(path, data={"csrf": self.csrf, **(data or {})}, files=files, headers=sent)

    def upload(self, *files: tuple[str, bytes]) -> httpx2.Response:
        return self.post("/files", files=[("file", file) for file in files])

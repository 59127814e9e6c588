"""The page as people use it: the service on a port, and Chromium in front of it, which counts what is done."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from browser import CHROMIUM

import trimtab
from trimtab.data.samples import SAMPLE_CASH, sample_limits, sample_positions
from trimtab.web.app import make_app
from trimtab.web.service import Service, local_hosts

KEY = "the-key-of-a-browser-test"
SCREENS = ("/", "/review", "/limits", "/plan", "/export", "/history")
_WATCH = 'document.addEventListener("securitypolicyviolation", e => console.error("CSP " + e.violatedDirective + " " + e.blockedURI));'
_FAULTS = """
async () => {
  const found = await axe.run(document, {resultTypes: ["violations"]});
  const shown = found.violations.map(each => [each.id, each.impact, each.nodes.map(node => node.target.join(" ") + ": " + node.failureSummary)]);
  const beyond = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  if (beyond > 0) shown.push(["page-too-wide", "serious", [beyond + " px to the right of the screen"]]);
  return shown;
}
"""


@contextmanager
def served(folder: Path, **more: Any) -> Iterator[str]:
    """The service on a free port, with a store in a folder; its address."""
    trimtab.plan(sample_positions(), sample_limits(), cash=SAMPLE_CASH)  # the rules are compiled before anyone waits
    opened = socket.socket()
    opened.bind(("127.0.0.1", 0))
    port = opened.getsockname()[1]
    facts = {"version": trimtab.__version__, "by": "tester", "store": str(folder / "runs.db"), **more}
    service = Service(key=KEY, port=port, hosts=local_hosts(port), **facts)
    app = make_app(service)
    config = uvicorn.Config(app, log_level="error", lifespan="off", ws="none", http="h11")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: server.run(sockets=[opened]))
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()
        app.close()
        opened.close()


@contextmanager
def chromium() -> Iterator[Any]:
    """Debian's Chromium, driven by Playwright; skips where one of them is missing."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not here (pip install playwright)")
    if CHROMIUM is None:
        pytest.skip("Chromium is not here (Debian: apt-get install chromium)")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


class Visitor:
    """One person at the page: what is clicked and typed is counted, what goes wrong is kept."""

    def __init__(
        self, browser: Any, address: str, width: int = 1280, scheme: str = "light", *, scripts: bool = True
    ) -> None:
        self.context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,
            java_script_enabled=scripts,
            accept_downloads=True,
        )
        self.page = self.context.new_page()
        self.page.set_default_timeout(120_000)  # ample: the machine may be busy
        self.address, self.clicks, self.began = address, 0, time.monotonic()
        self.logged: list[str] = []
        self.foreign: list[str] = []
        self.sent: list[str] = []
        self.page.on("console", lambda message: self.logged.append(message.text))
        self.page.on("pageerror", lambda error: self.logged.append(str(error)))
        self.page.on("request", self._sent)
        if scripts:
            self.page.add_init_script(_WATCH)
        self.go(f"/?key={KEY}")

    def _sent(self, request: Any) -> None:
        self.sent.append(request.url)
        if not request.url.startswith(self.address):
            self.foreign.append(request.url)

    def go(self, path: str) -> None:
        """Open a page."""
        self.page.goto(self.address + path)

    def click(self, selector: str) -> None:
        """Click, and count it."""
        self.clicks += 1
        self.page.click(selector)

    def type(self, selector: str, text: str) -> None:
        """Click into a field and type; the click counts."""
        self.clicks += 1
        self.page.fill(selector, text)

    def choose_files(self, *files: Path) -> None:
        """Choose files in the dialog: one click opens it; the page reads them at once."""
        self.clicks += 1
        with self.page.expect_navigation():
            self.page.set_input_files("#f", [str(file) for file in files])

    def press(self, *keys: str) -> None:
        """Press keys, one after the other."""
        for key in keys:
            self.page.keyboard.press(key)

    def wait_until(self, condition: str) -> None:
        """Wait for a condition in the page; the policy forbids the way in which Playwright would."""
        end = time.monotonic() + 120
        while not self.page.evaluate(condition):
            assert time.monotonic() < end, condition
            self.page.wait_for_timeout(20)

    @property
    def title(self) -> str:
        """The answer above the page."""
        return str(self.page.inner_text("h1"))

    @property
    def seconds(self) -> float:
        """The time since the page was opened."""
        return time.monotonic() - self.began

    @property
    def path(self) -> str:
        """The path of the page that is shown."""
        return str(self.page.url.removeprefix(self.address))

    def quiet(self) -> bool:
        """Whether nothing was logged, refused or asked elsewhere."""
        return not self.logged and not self.foreign

    def serious_faults(self) -> list[Any]:
        """What axe-core calls serious or critical on this page, and content beyond its right edge."""
        axe = Path(os.environ.get("TRIMTAB_AXE", "axe.min.js"))
        if not axe.is_file():
            pytest.skip("axe-core is not here (npm install axe-core; TRIMTAB_AXE=node_modules/axe-core/axe.min.js)")
        self.page.evaluate(axe.read_text(encoding="utf-8") + "; null")
        violations = self.page.evaluate(_FAULTS)
        return [json.dumps(fault) for fault in violations if fault[1] in ("serious", "critical")]

    def close(self) -> None:
        """Leave."""
        self.context.close()

"""The rules are compiled before a page needs them, and not for a page that does not."""

from __future__ import annotations

import threading

import pytest
from web_visits import Browser

from trimtab.web import ready, visits


def test_pages_wait_for_the_rules_and_the_start_page_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[str] = []
    monkeypatch.setattr(visits, "ready", lambda: waited.append("waited"))
    browser = Browser()
    assert waited == []
    browser.page("/plan")
    assert waited == ["waited"]


def test_the_rules_are_compiled_beside_everything_else(monkeypatch: pytest.MonkeyPatch) -> None:
    done = threading.Event()
    monkeypatch.setattr(ready, "_compile", done.set)
    ready.prepare()
    assert done.wait(10)


def test_the_rules_are_ready() -> None:
    ready.ready()
    ready.ready()  # at once

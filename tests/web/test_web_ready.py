"""The rules are compiled before a page needs them, and not for a page that does not; those for exposures in a process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from exposed_pages import HELD, LIMITS, TABLE, browser_with
from rest_clients import EXAMPLES, serving
from web_visits import Browser

from trimtab.web import ready, visits
from trimtab.web.ready import Preparation, PreparingError

EXPOSED = {
    "limits": {"exposures": {"country": {"max_exposure": 0.5}}},
    "exposures": [{"asset": "AAA", "scheme": "country", "bucket": "US"}],
}


class Process:
    """A process that compiles until a test ends it."""

    def __init__(self) -> None:
        self.ended, self.code = threading.Event(), 0

    def __call__(self, command: list[str], **_: Any) -> Process:
        assert command[-1].startswith("from trimtab.web import ready")
        return self

    def wait(self) -> int:
        assert self.ended.wait(30)
        return self.code

    def terminate(self) -> None:
        self.code = -15
        self.ended.set()


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> Process:
    process = Process()
    monkeypatch.setattr(ready.subprocess, "Popen", process)
    monkeypatch.setattr(ready, "has_exposures", lambda: False)
    monkeypatch.setattr(ready, "_PATIENCE", 0.0)
    return process


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    loaded: list[str] = []
    monkeypatch.setattr(ready, "ready", lambda: loaded.append("rules"))
    monkeypatch.setattr(ready, "compile_exposures", lambda: loaded.append("exposures"))
    return loaded


@pytest.fixture
def preparing(process: Process, loaded: list[str]) -> Iterator[Preparation]:
    """A service that prepares the rules for exposures still."""
    ready.PREPARATION.begin()
    yield ready.PREPARATION
    ready.PREPARATION.stop()
    ready.PREPARATION.thread.join(30)
    assert process.ended.is_set()


def until(is_so: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(3_000):
        if is_so():
            return
        pause.wait(0.01)
    raise AssertionError("it never came to be")


def is_ready(preparation: Preparation) -> bool:
    try:
        preparation.check(exposed=True)
    except PreparingError:
        return False
    return True


def test_pages_wait_for_the_rules_and_the_start_page_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[str] = []
    monkeypatch.setattr(visits, "ready", lambda: waited.append("waited"))
    browser = Browser()
    assert waited == []
    browser.page("/plan")
    assert waited == ["waited"]


def test_the_rules_are_ready() -> None:
    ready.ready()
    ready.ready()  # at once


def test_the_rules_for_exposures_run() -> None:
    assert ready.has_exposures() in (True, False)
    ready.compile_exposures()
    ready.compile_exposures_of_many()


def test_exposures_are_compiled_in_a_process_and_then_loaded(process: Process, loaded: list[str]) -> None:
    preparation = Preparation()
    assert is_ready(preparation)  # it has not begun
    preparation.begin()
    assert not is_ready(preparation)
    process.ended.set()
    until(lambda: is_ready(preparation))
    assert loaded == ["rules", "exposures"]
    preparation.stop()


def test_what_is_compiled_already_needs_no_process(
    process: Process, loaded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ready, "has_exposures", lambda: True)
    preparation = Preparation()
    preparation.begin()
    until(lambda: is_ready(preparation))
    assert loaded == ["rules", "exposures"] and not process.ended.is_set()
    preparation.stop()
    assert not process.ended.is_set()


def test_a_stop_ends_the_process(process: Process, loaded: list[str]) -> None:
    preparation = Preparation()
    preparation.begin()
    until(lambda: preparation._process is not None)
    preparation.stop()
    assert process.code == -15
    until(lambda: is_ready(preparation))
    assert loaded == ["rules"]


def test_a_stop_before_the_process_begins_none(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    preparation, goes_on, loaded = Preparation(), threading.Event(), threading.Event()
    monkeypatch.setattr(ready, "ready", lambda: goes_on.wait(30))
    monkeypatch.setattr(ready, "has_exposures", loaded.is_set)
    preparation.begin()
    preparation.stop()
    goes_on.set()
    assert not preparation._compile_apart() and preparation._process is None


@pytest.mark.usefixtures("preparing")
def test_a_plan_with_exposures_says_that_it_is_being_prepared_and_opens_by_itself(process: Process) -> None:
    browser = browser_with(("parts.csv", TABLE), ("limits.toml", LIMITS))
    answer = browser.get("/plan")
    assert answer.status_code == 503 and "Preparing the rules" in answer.text
    assert answer.headers["Refresh"] == answer.headers["Retry-After"] == "5"
    assert "Refresh" not in browser.post("/orders", {"format": "csv"}).headers
    assert "compiled on this computer" in browser.page("/limits")
    typed = {"scheme.name.0": "country", "scheme.max_exposure.0": "40", "enforce_exposure_limits": "on"}
    assert "checked as soon as that is done" in browser.post("/limits/findings", typed).text
    review = browser.page("/review")
    assert "WORLD" in review
    process.ended.set()
    until(lambda: browser.get("/plan").status_code == 200)


def test_a_first_plan_says_that_it_is_being_prepared(monkeypatch: pytest.MonkeyPatch, process: Process) -> None:
    goes_on = threading.Event()
    monkeypatch.setattr(ready, "ready", lambda: goes_on.wait(30))
    monkeypatch.setattr(ready, "has_exposures", lambda: True)
    monkeypatch.setattr(ready, "compile_exposures", lambda: None)
    browser = Browser()
    ready.PREPARATION.begin()
    browser.post("/sample")
    assert "XOM" in browser.page("/review") and "checked as soon as that is done" in browser.page("/limits")
    assert browser.get("/plan").headers["Refresh"] == "5"
    goes_on.set()
    until(lambda: browser.get("/plan").status_code == 200)
    ready.PREPARATION.thread.join(30)
    assert not process.ended.is_set()


@pytest.mark.usefixtures("preparing")
def test_a_plan_without_exposures_does_not_wait_for_them() -> None:
    browser = Browser()
    browser.upload(("mine.csv", HELD))
    browser.post("/review", {"cash": "4000"})
    assert browser.get("/plan").status_code == 200


@pytest.mark.usefixtures("preparing")
@pytest.mark.parametrize(
    ("path", "is_bare"), [("plan", False), ("plan", True), ("rebalance", False), ("explain", False)]
)
def test_the_service_asks_to_try_again(path: str, is_bare: bool, tmp_path: Any) -> None:
    with serving(None if is_bare else tmp_path / "runs.db") as client:
        answer = client.post(f"/{path}", {**EXAMPLES[path], **EXPOSED})
    assert answer.status_code == 503 and answer.json()["type"] == "urn:trimtab:problem:busy"
    assert answer.headers["Retry-After"] == "5" and answer.json()["faults"][0]["advice"] == "wait a minute or two"

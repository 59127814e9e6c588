"""The service as a process: the example of the documentation, and a stop while plans are being made."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import pytest
from rest_clients import EXAMPLES
from web_visits import KEY

import trimtab
from trimtab.store.run_store import Filter
from trimtab.store.sql_store import SqlStore
from trimtab.store.verification import verify
from trimtab.web.api.warm_up import warm_up_account, warm_up_many
from trimtab.web.app import make_app
from trimtab.web.service import Service, local_hosts

httpx = pytest.importorskip("httpx")
_ENDED = (HTTPException, OSError)  # of a connection whose service stopped
DOCS = Path(__file__).parents[2] / "docs" / "service.md"


@contextmanager
def process(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], Any]]:
    """`trimtab serve` in a process of its own, and a client of it."""
    warm_up_account()  # compiled before anyone waits
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "trimtab", "serve", "--port", str(port), "--store", str(folder / "runs.db"),
               "--audit-log", str(folder / "audit.jsonl")]  # fmt: skip
    environment = {**os.environ, "TRIMTAB_TOKEN": KEY}
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as service:
        headers = {"Authorization": f"Bearer {KEY}"}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", headers=headers, timeout=300) as client:
            for _ in range(1_200):
                try:
                    client.get("/health")
                    break
                except httpx.TransportError:
                    time.sleep(0.1)
            try:
                yield service, client
            finally:
                service.kill()


@pytest.mark.thorough
def test_the_example_of_the_documentation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    monkeypatch.setenv("TRIMTAB_TOKEN", KEY)
    with process(tmp_path) as (_, client):
        names: dict[str, Any] = {}
        exec(example.replace("http://127.0.0.1:8311/api/v1", str(client.base_url)), names)
        names["client"].close()
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "buy 7 DDD" and shown[-2] == "orders-2-buys.csv" and shown[-1].startswith("422 1 score 90")
    lines = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert [line["operation"] for line in lines] == ["plan", "apply"]


@pytest.mark.thorough
def test_a_stop_while_plans_are_made_loses_none(tmp_path: Path) -> None:
    answered: list[str] = []
    with process(tmp_path) as (service, client):

        def ask(thread: int) -> None:
            with closing(HTTPConnection(client.base_url.host, client.base_url.port)) as own, suppress(*_ENDED):
                for number in itertools.count(1):
                    headers = {"Authorization": f"Bearer {KEY}", "Idempotency-Key": f"{thread}-{number}"}
                    body = json.dumps({**EXAMPLES["plan"], "cash": str(2_000 + thread * 1_000 + number)})
                    own.request("POST", "/api/v1/plan", body, {**headers, "Content-Type": "application/json"})
                    answer = own.getresponse()
                    document = json.loads(answer.read())
                    if answer.status == 201:
                        answered.append(document["run_id"])

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        while len(answered) < 8:
            time.sleep(0.05)
        service.send_signal(signal.SIGTERM)
        for thread in threads:
            thread.join()
        service.wait(60)
    store = SqlStore(str(tmp_path / "runs.db"))
    stored = {record.run_id for record in store.records(Filter(kinds=("plan",)))}
    faults = verify(store).faults
    store.close()
    assert set(answered) <= stored and faults == ()


def test_the_rules_are_loaded_at_the_start() -> None:
    service = Service(key=KEY, port=1, hosts=local_hosts(1), version=trimtab.__version__, stores=False)
    app = make_app(service)
    app.warm_up()
    app.close()
    warm_up_many()

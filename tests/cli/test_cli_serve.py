"""`trimtab serve`: the address that it prints, and the addresses that it refuses."""

from __future__ import annotations

import builtins
from typing import Any

import pytest
import uvicorn
from command_line import run

from trimtab.web.guard import Guard


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[uvicorn.Config]:
    configs: list[uvicorn.Config] = []
    monkeypatch.setattr(uvicorn.Server, "run", lambda self: configs.append(self.config))
    monkeypatch.setattr(Guard, "warm_up", lambda self: None)
    return configs


def test_it_listens_on_this_computer_alone(served: list[uvicorn.Config]) -> None:
    outcome = run("serve", "--port", 8400, "--no-store")
    assert outcome.exit_code == 0 and "open http://127.0.0.1:8400/?key=" in outcome.stderr
    (config,) = served
    assert isinstance(config.app, Guard)
    service = config.app._service
    assert config.host == "127.0.0.1" and service.hosts == {"127.0.0.1:8400", "localhost:8400"}
    assert len(service.key) > 30 and not service.stores


def test_another_address_needs_a_token(served: list[uvicorn.Config]) -> None:
    assert run("serve", "--listen", "10.0.0.5").exit_code == 2
    assert run("serve", "--listen", "10.0.0.5", "--token", "short").exit_code == 2
    outcome = run("serve", "--listen", "10.0.0.5", "--port", 80, TRIMTAB_TOKEN="a-token-long-enough")
    assert outcome.exit_code == 0 and "a-token-long-enough" not in outcome.stderr
    assert served[0].host == "10.0.0.5" and served[0].app._service.hosts == {"10.0.0.5"}  # type: ignore[union-attr]
    assert run("serve", "--listen", "10.0.0.5", "--token", "a-token-long-enough").exit_code == 0
    assert served[1].app._service.hosts == {"10.0.0.5:8311"}  # type: ignore[union-attr]


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refusing(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("trimtab.web"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refusing)
    outcome = run("serve")
    assert outcome.exit_code == 3 and "trimtab[web]" in outcome.stderr

"""kill -9 and failing calls of the file system in `plan`, `apply` and `runs prune`: a slice of `benchmarks/store_kill.py`."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "store_kill.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    folder = str(SCRIPT.parent)
    sys.path.insert(0, folder)
    spec = importlib.util.spec_from_file_location("store_kill", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.path.remove(folder)
    return module


@pytest.mark.thorough
def test_ten_kills_leave_no_run_half_there(script: ModuleType, tmp_path: Path) -> None:
    killed = script.kills(tmp_path / "kills", 10, 7)
    assert killed.total() == 10
    assert set(killed) == set(script.COMMANDS)


@pytest.mark.thorough
def test_failing_calls_of_the_file_system_leave_no_run_half_there(script: ModuleType, tmp_path: Path) -> None:
    library = script.failing_library(tmp_path)
    if library is None:
        pytest.skip("there is no C compiler")
    assert script.faults(tmp_path / "faults", library, 4).total() >= 9

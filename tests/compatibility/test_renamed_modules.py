"""Modules that have moved: the old path gives the same names, with a warning."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from trimtab.compatibility.renamed_modules import NEW_PATHS, RenamedModules, install


@pytest.mark.parametrize("old", NEW_PATHS)
def test_the_old_path_gives_what_is_at_the_new_one(old: str) -> None:
    sys.modules.pop(old, None)
    with pytest.warns(DeprecationWarning, match=f"{old} is now {NEW_PATHS[old]}; the old path works until 1.0"):
        renamed = importlib.import_module(old)
    module = importlib.import_module(NEW_PATHS[old])
    for name in (name for name in vars(module) if not name.startswith("__")):
        assert getattr(renamed, name) is getattr(module, name)


def test_no_other_path_is_found() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'trimtab\.backtesting\.bootstraps'"):
        importlib.import_module("trimtab.backtesting.bootstraps")


def test_it_is_installed_once() -> None:
    install()
    assert sum(isinstance(finder, RenamedModules) for finder in sys.meta_path) == 1


def test_a_fresh_process_finds_them() -> None:
    code = "from trimtab.backtesting.bootstrap import difference; print(difference.__module__)"
    run = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "trimtab.statistics.bootstrap"

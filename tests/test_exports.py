"""The face of the package: what it names is what there is, and looking at it loads nothing heavy."""

from __future__ import annotations

import ast
import importlib.metadata
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import trimtab

HEAVY = ("numba", "numpy", "pyarrow", "pandas", "polars", "narwhals", "rich", "typer", "trimtab.kernel")


def test_all_is_sorted_and_without_repetition() -> None:
    assert trimtab.__all__ == sorted(set(trimtab.__all__))


def test_the_types_are_those_that_load() -> None:
    """What a type checker reads in the stub is what runs."""
    stub = ast.parse(Path(trimtab.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    imports = [node for node in stub.body if isinstance(node, ast.ImportFrom)]
    names = {alias.name: node.module for node in imports for alias in node.names if alias.asname == alias.name}
    assert sum(len(node.names) for node in imports) == len(names) == len(trimtab.__all__)
    assert names == trimtab._MODULE_OF


@pytest.mark.parametrize("name", trimtab.__all__)
def test_every_name_is_there_and_says_what_it_is(name: str) -> None:
    value = getattr(trimtab, name)
    assert value.__module__ == trimtab._MODULE_OF[name]
    assert value.__name__ == name
    assert inspect.getdoc(value)
    assert name in dir(trimtab)


def test_no_other_name() -> None:
    with pytest.raises(AttributeError, match="module 'trimtab' has no attribute 'rebalanc'"):
        trimtab.rebalanc  # noqa: B018 - looking is the test


def modules_after(code: str) -> set[str]:
    """What a fresh interpreter has loaded after some code."""
    script = f"import sys\n{code}\nprint(*sys.modules)"
    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(process.stdout.split())


@pytest.mark.parametrize(
    "code",
    [
        "import trimtab",
        "import trimtab; dir(trimtab); trimtab.__version__; trimtab.__all__",
        "from trimtab import RebalancingLimits; RebalancingLimits.preset('conservative').to_toml()",
        "from trimtab import InputError, Reason",
    ],
)
def test_nothing_heavy_is_loaded(code: str) -> None:
    loaded = modules_after(code)
    assert "trimtab" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_the_door_for_one_does_not_compile_the_batch() -> None:
    loaded = modules_after("import trimtab; trimtab.rebalance([{'asset': 'A', 'score': 0.9}])")
    assert "trimtab.kernel.account" in loaded
    assert "trimtab.kernel.accounts" not in loaded
    assert loaded.isdisjoint({"polars", "rich", "typer"})


def test_the_version_is_the_packages() -> None:
    assert importlib.metadata.version("trimtab") == trimtab.__version__

"""Compiled code is renewed when the rules change, runs where nothing can be written, and has a plain twin."""

from __future__ import annotations

import ast
import os
import random
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numba
import numpy as np
import pytest
from cases import random_limits, random_rows
from kernel_runs import run
from numba.core.caching import FunctionCache, IndexDataCacheFile

from trimtab.candidates.candidates import settings_of
from trimtab.candidates.read import read
from trimtab.cli import fast_start as unneeded
from trimtab.kernel import compilation, holding_band as holding
from trimtab.kernel.account import rebalance_account
from trimtab.kernel.accounts import rebalance_accounts
from trimtab.kernel.compilation import entry, is_cached, undecorated
from trimtab.kernel.records import MEMBER, SPAN, empty_answer
from trimtab.reasons import SizeReason

SCRIPT = """
import trimtab
print(trimtab.rebalance([{"asset": "A", "score": 0.9}]).targets[0]["target_weight"])
"""


def python(script: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env={**os.environ, **environment}
    )
    return done.stdout.strip()


def test_an_entry_is_cached_once_it_has_run() -> None:
    run([{"asset": "A", "score": 0.9}], random_limits(random.Random(1)))
    assert is_cached(rebalance_account)

    @entry
    def never_run(value: float) -> float:
        return value + 1.0

    assert not is_cached(never_run)


class Pair(NamedTuple):
    left: float
    right: float


def test_code_for_an_argument_that_may_be_none_is_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("numba.core.config.CACHE_DIR", str(tmp_path))  # an earlier run left its code elsewhere

    @entry
    def left_of(pair: Pair | None) -> float:
        return 0.0 if pair is None else pair.left

    left_of(None)
    assert is_cached(left_of) and not is_cached(left_of, Pair)
    left_of(Pair(1.0, 2.0))
    assert is_cached(left_of, Pair) and left_of._cache.holds_any(Pair)


def test_the_stamp_of_the_sources_is_part_of_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Machine code of other sources is not found."""
    cache = rebalance_account._cache
    assert cache.holds_any()
    monkeypatch.setattr(compilation, "STAMP", "the rules were other ones")
    assert not cache.holds_any()


def test_where_no_folder_can_be_written_it_compiles_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_folder(*_: object) -> None:
        raise RuntimeError("cannot cache function: no locator available")

    monkeypatch.setattr(FunctionCache, "__init__", no_folder)
    double = entry(lambda value: value * 2.0)
    assert double(1.5) == 3.0
    assert is_cached(double)


MODULE = """
from trimtab.kernel.compilation import entry

@entry
def double(value):
    return value * 2.0
"""


def emptied(content: bytes) -> bytes:
    return b""


def halved(content: bytes) -> bytes:
    return content[: len(content) // 2]


def cut_by_one(content: bytes) -> bytes:
    return content[:-1]


def overwritten(content: bytes) -> bytes:
    return bytes(len(content))


@pytest.mark.parametrize("damage", [emptied, halved, cut_by_one, overwritten])
@pytest.mark.parametrize("kind", ["nbi", "nbc"])
def test_a_damaged_cache_is_renewed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, damage: Callable[[bytes], bytes]
) -> None:
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")  # beside the module, whatever the environment says
    module = tmp_path / "module.py"
    module.write_text(MODULE)
    double = runpy.run_path(str(module))["double"]
    assert double(1.5) == 3.0
    (file,) = tmp_path.rglob(f"*.{kind}")
    file.write_bytes(damage(file.read_bytes()))
    if kind == "nbi":
        assert not is_cached(runpy.run_path(str(module))["double"])
    renewed = runpy.run_path(str(module))["double"]
    assert renewed(1.5) == 3.0
    healed = runpy.run_path(str(module))["double"]
    assert is_cached(healed)
    assert healed(1.5) == 3.0
    assert healed._cache_hits


def test_a_full_disk_does_not_stop_the_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    module = tmp_path / "module.py"
    module.write_text(MODULE)
    monkeypatch.setattr(IndexDataCacheFile, "_save_index", full)
    assert runpy.run_path(str(module))["double"](1.5) == 3.0


def test_without_the_compiler_a_function_stays_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compilation.numba, "njit", lambda **_: lambda function: function)
    assert entry(python) is python
    assert is_cached(python)


def test_the_rules_run_without_the_compiler() -> None:
    assert python(SCRIPT, NUMBA_DISABLE_JIT="1") == "0.2"


def test_the_batch_loop_undecorated_gives_the_same() -> None:
    rng = random.Random(7)
    limits = random_limits(rng)
    table = [{**row, "account": number} for number in range(5) for row in random_rows(rng)]
    candidates = read(table, limits, many=True)
    answers = [empty_answer(len(table)), empty_answer(len(table))]
    partners = candidates.partners(None)
    arguments = (candidates.rows(limits), candidates.start, candidates.tree.nodes, settings_of(limits))
    braked = [
        decide(*arguments, *partners, candidates.exposed(limits), answer)
        for decide, answer in zip((undecorated(rebalance_accounts), rebalance_accounts), answers, strict=True)
    ]
    assert answers[0].tobytes() == answers[1].tobytes()
    assert np.array_equal(*braked)


def test_a_release_ends_where_nothing_is_held() -> None:
    """The guard of a loop that cannot run dry: at their sizes everything fits."""
    members, spans = np.zeros(1, MEMBER), np.zeros(1, SPAN)
    spans[0].end = 1
    members[0].target, members[0].weight = 0.3, 0.2
    release = undecorated(holding._release_largest)
    assert release(members, spans, 0, 1.0, SizeReason.RELEASED_FOR_LIMIT) is False
    assert members[0].target == 0.3


def test_the_command_hides_what_no_command_uses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    unneeded.show()  # an earlier test may have run the command in this process
    before = list(sys.meta_path)
    unneeded.hide()
    finder = sys.meta_path[0]
    assert finder.find_spec("numpy", None) is None
    with pytest.raises(ModuleNotFoundError):
        finder.find_spec("pandas", None)
    unneeded.show()
    assert sys.meta_path == before


def test_the_package_runs_as_a_module(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["trimtab", "--version"])
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("trimtab", run_name="__main__")
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("trimtab ")


def test_importing_the_module_runs_nothing() -> None:
    assert runpy.run_module("trimtab.__main__", run_name="trimtab.__main__")["main"] is not None
    assert Path(compilation.__file__).exists()


def constants_of(path: Path) -> set[str]:
    """The modules from which a file takes names that its compiled code, or a constant beside it, uses."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    compiled = [
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and {"compiled", "allocating", "entry", "parallel_entry"}
        & {ast.unparse(entry) for entry in node.decorator_list}
    ]
    if not compiled:
        return set()
    used = {name.id for part in compiled for name in ast.walk(part) if isinstance(name, ast.Name)}
    for node in tree.body:
        if isinstance(node, ast.Assign) and used & {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}:
            used |= {each.id for each in ast.walk(node.value) if isinstance(each, ast.Name)}
    return {
        node.module.removeprefix("trimtab.").replace(".", "/") + ".py"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("trimtab.")
        if used & {alias.asname or alias.name for alias in node.names}
    }


def test_the_stamp_covers_every_constant_that_is_compiled_in() -> None:
    root = Path(compilation.__file__).parents[1]
    modules = {module for path in root.rglob("*.py") for module in constants_of(path)}
    assert {"candidates/checks.py", "tolerances.py", "kernel/records.py"} <= modules
    types = {"certificate/bucket_nodes.py", "limits/rebalancing_limits.py"}  # of arguments outside compiled code
    assert {module for module in modules if not module.startswith("kernel/")} - types == {*compilation.CONSTANTS}


@pytest.mark.parametrize("name", compilation.CONSTANTS)
def test_another_constant_is_another_stamp(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = Path(compilation.__file__).parents[1]
    for file in [*(root / "kernel").glob("*.py"), *(root / each for each in compilation.CONSTANTS)]:
        copy = tmp_path / file.relative_to(root)
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(file.read_bytes())
    monkeypatch.setattr(compilation, "__file__", str(tmp_path / "kernel" / "compilation.py"))
    assert compilation._source_stamp() == compilation.STAMP
    with (tmp_path / name).open("a") as file:
        file.write("# another constant\n")
    assert compilation._source_stamp() != compilation.STAMP

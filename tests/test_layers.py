"""Who may import whom: only from lower floors, or from above it on its own floor. Imports inside functions count too."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import trimtab

ROOT = Path(trimtab.__file__).parent

# Floor by floor, and on a floor from top to bottom; a folder stands for all that is in it.
FLOORS = {
    0: ("errors", "reasons", "paths", "written", "fields"),
    1: ("regime_limits", "limits", "bucket_config", "rule_sheet", "kernel"),
    2: ("bucket_tree", "columns", "correlations", "candidates", "checked_nodes", "certificate", "checker"),
    3: (
        "details",
        "stages",
        "changes",
        "trials",
        "sweeps",
        "scans",
        "sizes",
        "steps",
        "explanation",
        "explanation_json",
        "relaxations",
        "conflicts",
        "difference",
        "summaries",
        "facts",
        "report",
        "preflight",
        "result",
        "rebalancing",
        "data",
    ),
    4: (
        "market",
        "bucketing",
        "assets",
        "bucket_checks",
        "buckets",
        "universe",
        "scoring",
        "bucket_limits",
        "selection",
    ),
    5: ("engine_run", "engine"),
    6: ("batch", "spark", "backtesting", "interop"),
    8: ("cli", "__main__"),
}
FACE = "__init__"  # names everything, late
RANK = {room: (floor, at) for floor, rooms in FLOORS.items() for at, room in enumerate(rooms)}
# Inside the kernel, from the records to the loop over accounts.
KERNEL = ("tables", "compilation", "selection", "sizing", "holding", "account", "accounts", "blocks", "walk", "walks")


def modules() -> list[Path]:
    return sorted(ROOT.rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported(path: Path) -> list[tuple[int, str]]:
    """The line and the dotted name, without `trimtab.`, of everything that a file imports from the package."""
    package = ["trimtab", *path.relative_to(ROOT).parts[:-1]]
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*start, *([node.module] if node.module else [])])
            names = [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        found += [(node.lineno, name) for name in names if name.split(".")[0] == "trimtab"]
    return [(line, name.removeprefix("trimtab").removeprefix(".")) for line, name in found]


def is_above(mine: str, other: str) -> bool:
    """Whether an import of `other` in `mine` goes up, or sideways to what stands below it on the same floor."""
    return RANK[other] >= RANK[mine] and mine != other


def faults(path: Path) -> list[str]:
    """Imports that a file must not have."""
    mine, found = room_of(path), []
    for line, name in imported(path):
        other = name.split(".")[0]
        place = f"{path.relative_to(ROOT)}:{line} imports trimtab.{name}"
        if other in RANK:
            if is_above(mine, other):
                found.append(place)
        elif RANK[mine][0] < max(FLOORS):  # the face belongs to the edges alone
            found.append(place)
    return found


def test_every_room_has_a_floor() -> None:
    assert {room_of(path) for path in modules()} == {*RANK, FACE}


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_only_from_below(path: Path) -> None:
    if room_of(path) != FACE:
        assert faults(path) == []


def test_the_test_sees_what_it_should(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that breaks the rule in every way is caught in every way."""
    text = (
        "from trimtab.errors import Fault\n"
        "import trimtab.rebalancing\n"
        "from trimtab.cli import app\n"
        "from trimtab import rebalance\n"
        "def late():\n"
        "    from trimtab.result import Pass\n"
        "    from .preflight import check\n"
        "    from trimtab.candidates import read\n"
        "    from trimtab.kernel.tables import ROOT\n"
        "    import trimtab\n"
    )
    bad = tmp_path / "limits.py"
    bad.write_text(text)
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    assert [fault.split(" ")[0] for fault in faults(bad)] == [f"limits.py:{line}" for line in (2, 3, 4, 6, 7, 8, 9, 10)]
    assert not is_above("rebalancing", "result")
    assert is_above("result", "rebalancing")


@pytest.mark.parametrize("at", range(len(KERNEL)))
def test_inside_the_kernel(at: int) -> None:
    names = [
        name.split(".")[1] for _, name in imported(ROOT / "kernel" / f"{KERNEL[at]}.py") if name.startswith("kernel.")
    ]
    assert set(names) <= set(KERNEL[:at])


def test_the_kernel_is_listed() -> None:
    assert {path.stem for path in (ROOT / "kernel").glob("*.py")} == {*KERNEL, "__init__"}


@pytest.mark.parametrize("room", ["checked_nodes", "checker"])
def test_the_certificate_shares_nothing_with_the_kernel(room: str) -> None:
    names = [name for _, name in imported(ROOT / f"{room}.py")]
    assert names
    assert not [name for name in names if name.split(".")[0] in ("kernel", "bucket_tree", "reasons")]


def test_the_screen_before_the_checker_shares_nothing_with_the_rules() -> None:
    names = [name for _, name in imported(ROOT / "batch" / "screen.py")]
    assert {name for name in names if name.split(".")[0] in ("kernel", "bucket_tree", "reasons", "batch")} == {
        "kernel.compilation.compiled",
        "kernel.compilation.entry",
    }


def test_the_library_does_not_print() -> None:
    for path in modules():
        if room_of(path) not in ("cli", "__main__"):
            calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
            assert not [node.lineno for node in calls if isinstance(node.func, ast.Name) and node.func.id == "print"], (
                path
            )

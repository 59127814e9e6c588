"""Who may import whom: a folder is a stage on one floor, and imports only from lower floors.

Imports inside functions count too. Inside a folder there are no import cycles.
"""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import trimtab

ROOT = Path(trimtab.__file__).parent

FLOORS = {
    0: ("errors", "reasons", "compatibility", "bucket_path", "text", "decimals", "tolerances"),
    1: ("limits", "kernel", "symbols"),
    2: ("candidates", "statistics"),
    3: ("certificate", "explanations", "exposures", "files"),
    4: ("facts", "market", "data", "brokers", "order_files"),
    5: ("report", "scoring"),
    6: ("rebalancing",),
    7: ("blocks", "interop"),
    8: ("orders",),
    9: ("engine", "backtesting", "batch", "store"),
    10: ("spark", "web"),
    11: ("cli",),
    12: ("__main__",),
}
FACE = "__init__"  # names everything, late
FLOOR = {room: floor for floor, rooms in FLOORS.items() for room in rooms}
# Inside the kernel, from the records to the loop over policies: the sections of the rules in their order.
KERNEL = (
    "records",
    "compilation",
    "eligibility",
    "exposures",
    "selection_queue",
    "selection_walk",
    "selection_reasons",
    "selection",
    "desired_weights",
    "sizing",
    "projection",
    "exposure_reasons",
    "exposure_program",
    "concentration",
    "exposure_sizing",
    "holding_band",
    "brakes",
    "account",
    "accounts",
    "block",
    "money",
    "order_records",
    "sort_keys",
    "order_exposures",
    "order_rows",
    "order_rounding",
    "tax_lots",
    "order_part",
    "orders",
    "order_block",
    "backtest_records",
    "backtest_trading",
    "backtest_orders",
    "backtest",
    "backtest_many",
)


def modules() -> list[Path]:
    return sorted(ROOT.rglob("*.py"))


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def room_of(path: Path) -> str:
    return dotted(path).split(".")[0]


def imported(path: Path) -> list[tuple[int, str]]:
    """The line and the dotted name, without `trimtab.`, of everything that a file imports from the package."""
    package = ["trimtab", *path.relative_to(ROOT).parts[:-1]]
    imports = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*start, *([node.module] if node.module else [])])
            names = [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        imports += [(node.lineno, name) for name in names if name.split(".")[0] == "trimtab"]
    return [(line, name.removeprefix("trimtab").removeprefix(".")) for line, name in imports]


def faults(path: Path) -> list[str]:
    """Imports that a file must not have."""
    mine, wrong = room_of(path), []
    for line, name in imported(path):
        other = name.split(".")[0]
        where = f"{path.relative_to(ROOT)}:{line} imports trimtab.{name}"
        if other in FLOOR:
            if other != mine and FLOOR[other] >= FLOOR[mine]:
                wrong.append(where)
        elif mine not in ("cli", "__main__"):  # the face belongs to the edges alone
            wrong.append(where)
    return wrong


def graph(paths: list[Path]) -> dict[str, set[str]]:
    """Which module imports which."""
    known = {dotted(path) for path in paths}
    edges: dict[str, set[str]] = {}
    for path in paths:
        mine = dotted(path)
        targets = [name if name in known else name.rpartition(".")[0] for _, name in imported(path)]
        edges[mine] = {target for target in targets if target in known and target != mine}
    return edges


def test_every_room_has_a_floor() -> None:
    assert {room_of(path) for path in modules()} == {*FLOOR, FACE}


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_only_from_below(path: Path) -> None:
    if room_of(path) != FACE:
        assert faults(path) == []


def test_no_import_cycle() -> None:
    TopologicalSorter(graph([path for path in modules() if room_of(path) != FACE])).prepare()


def test_the_test_sees_what_it_should(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that breaks the rule in every way is caught in every way."""
    text = (
        "from trimtab.errors import Fault\n"
        "import trimtab.rebalancing.doors\n"
        "from trimtab.cli import app\n"
        "from trimtab import rebalance\n"
        "def late():\n"
        "    from trimtab.rebalancing.result import Pass\n"
        "    from ..rebalancing.preflight import check\n"
        "    from trimtab.candidates.read import read\n"
        "    from trimtab.kernel.records import ROOT\n"
        "    import trimtab\n"
        "    from trimtab.limits.other import name\n"
    )
    folder = tmp_path / "limits"
    folder.mkdir()
    (folder / "bad.py").write_text(text)
    (folder / "other.py").write_text("def late():\n    from trimtab.limits import bad\n")
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    lines = [fault.split(" ")[0] for fault in faults(folder / "bad.py")]
    assert lines == [f"limits/bad.py:{line}" for line in (2, 3, 4, 6, 7, 8, 9, 10)]
    with pytest.raises(CycleError):
        TopologicalSorter(graph(modules())).prepare()


@pytest.mark.parametrize("number", range(len(KERNEL)))
def test_inside_the_kernel(number: int) -> None:
    names = [
        name.split(".")[1]
        for _, name in imported(ROOT / "kernel" / f"{KERNEL[number]}.py")
        if name.startswith("kernel.")
    ]
    assert set(names) <= set(KERNEL[:number])


def test_the_kernel_is_listed() -> None:
    assert {path.stem for path in (ROOT / "kernel").glob("*.py")} == {*KERNEL, "__init__"}


def test_the_certificate_shares_nothing_with_the_rules() -> None:
    names = [name for path in (ROOT / "certificate").glob("*.py") for _, name in imported(path)]
    rules = {name for name in names if name.split(".")[0] in ("kernel", "reasons") or "bucket_tree" in name}
    assert rules == {f"kernel.compilation.{name}" for name in ("allocating", "compiled", "entry")}  # no rule


def test_the_library_does_not_print() -> None:
    for path in modules():
        if room_of(path) not in ("cli", "__main__"):
            calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
            assert not [node.lineno for node in calls if isinstance(node.func, ast.Name) and node.func.id == "print"], (
                path
            )

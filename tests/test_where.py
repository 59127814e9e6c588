"""docs/where.md: every file is there, and defines the symbol that the page names."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROWS = re.findall(
    r"(?m)^\| (.+?\?) \| `(.+?)` \| `(.+?)` \|$", (ROOT / "docs" / "where.md").read_text(encoding="utf-8")
)


def defined(file: Path) -> set[str]:
    """The functions, classes and constants that a module defines at its top."""
    names: set[str] = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names.update(target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return names


def test_the_page_answers_many_questions() -> None:
    assert len({question for question, _, _ in ROWS}) == len(ROWS) >= 40


@pytest.mark.parametrize(("question", "name", "symbol"), ROWS, ids=[question for question, _, _ in ROWS])
def test_file_and_symbol_exist(question: str, name: str, symbol: str) -> None:
    file = ROOT / name if name.startswith("tests/") else ROOT / "src" / "trimtab" / name
    assert symbol in defined(file), question

"""The size of things: short files, short functions, few parameters, few loose modules. Import cycles: test_layers.py."""

from __future__ import annotations

import ast
import doctest
from collections.abc import Iterator
from pathlib import Path

from jinja2 import Environment
from jinja2.nodes import Name

import trimtab

ROOT = Path(trimtab.__file__).parent
FILE_LINES, BODY_LINES, PARAMETERS, MANY_PARAMETERS, LOOSE_MODULES = 450, 60, 12, 7, 8
FUNCTIONS_WITH_MANY = 10
VAGUE = {"found", "one", "at", "most", "least", "wish", "given"}  # how a value was come upon, not what it is

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(root: Path = ROOT) -> Iterator[tuple[str, Function]]:
    """Every function and method, with a name that a reader can find."""
    for path in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, Function):
                yield f"{path.relative_to(root)}:{node.lineno} {node.name}", node


def body_lines(function: Function) -> int:
    """Lines from the first statement to the last; the docstring does not count."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0  # type: ignore[operator]


def parameters(function: Function) -> int:
    options = function.args
    names = [kwonlyarg.arg for kwonlyarg in (*options.posonlyargs, *options.args, *options.kwonlyargs)]
    return len([name for name in names if name not in ("self", "cls")])


def is_command(name: str, function: Function) -> bool:
    """Whether Typer makes a command of it, each parameter an option: it is decorated so, or the app registers it."""
    decorated = any(".command(" in ast.unparse(entry) for entry in function.decorator_list)
    return decorated or (name.startswith("cli/commands/") and not function.name.startswith("_"))


def test_files_are_short() -> None:
    lengths = {str(path.relative_to(ROOT)): path.read_text("utf-8").count("\n") for path in ROOT.rglob("*.py")}
    assert {name: lines for name, lines in lengths.items() if lines > FILE_LINES} == {}


def test_bodies_are_short() -> None:
    assert {name: body_lines(function) for name, function in functions() if body_lines(function) > BODY_LINES} == {}


def test_functions_take_few_parameters() -> None:
    counts = {name: parameters(function) for name, function in functions() if not is_command(name, function)}
    assert {name: count for name, count in counts.items() if count > PARAMETERS} == {}
    many = {name: count for name, count in counts.items() if count > MANY_PARAMETERS}
    assert len(many) <= FUNCTIONS_WITH_MANY, many


def test_few_modules_are_loose() -> None:
    assert len(list(ROOT.glob("*.py"))) <= LOOSE_MODULES


def vague_names(tree: ast.AST) -> list[str]:
    """Variables, parameters (of functions and lambdas) and fields of classes with a vague name."""
    named = {
        **{node: node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)},
        **{node: node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)},
    }
    vague = [(node.lineno, name) for node, name in named.items() if name in VAGUE]
    return [f"{line} {name}" for line, name in sorted(vague)]


def test_variables_say_what_they_are() -> None:
    files = [*ROOT.rglob("*.py"), *Path(__file__).parent.rglob("*.py")]
    named = {str(path): vague_names(ast.parse(path.read_text(encoding="utf-8"))) for path in files}
    assert {name: names for name, names in named.items() if names} == {}


def vague_names_of_examples(text: str) -> list[str]:
    """The same in the examples of a page, or of the docstrings of a module."""
    source = "".join(example.source for example in doctest.DocTestParser().get_examples(text))
    return vague_names(ast.parse(source))


def test_variables_of_examples_say_what_they_are() -> None:
    project = ROOT.parents[1]
    pages = [*ROOT.rglob("*.py"), *(project / "docs").glob("*.md"), project / "README.md"]
    named = {str(path): vague_names_of_examples(path.read_text(encoding="utf-8")) for path in pages}
    assert {name: names for name, names in named.items() if names} == {}
    assert vague_names_of_examples("Said.\n\n>>> found = 1\n>>> [one for one in ()]\n[]\n") == ["1 found", "2 one"]


def vague_names_of_template(text: str) -> list[str]:
    """The same in a template of a page."""
    names = Environment().parse(text).find_all(Name)
    return [f"{node.lineno} {node.name}" for node in names if node.ctx != "load" and node.name in VAGUE]


def test_variables_of_templates_say_what_they_are() -> None:
    named = {path.name: vague_names_of_template(path.read_text(encoding="utf-8")) for path in ROOT.rglob("*.html")}
    assert {name: names for name, names in named.items() if names} == {}
    text = "{% macro tag(one) %}{{ one }}{% endmacro %}\n{% for found in rows %}{% endfor %}{% set most = 1 %}"
    assert vague_names_of_template(text) == ["1 one", "2 found", "2 most"]


def test_the_measures_measure(tmp_path: Path) -> None:
    text = (
        "class A:\n"
        "    @app.command('x')\n"
        "    def command(self, a, *, b, c=1):\n"
        '        """Said."""\n'
        "        first()\n\n"
        "        last()\n"
        "    def bare(self): ...\n"
        "    async def told(a, /):\n"
        '        """Only words."""\n'
    )
    (tmp_path / "a.py").write_text(text)
    measured = [
        (name, parameters(entry), body_lines(entry), is_command(name, entry)) for name, entry in functions(tmp_path)
    ]
    assert measured == [
        ("a.py:3 command", 3, 3, True),
        ("a.py:8 bare", 0, 1, False),
        ("a.py:9 told", 1, 0, False),
    ]
    tree = ast.parse(
        "class A:\n    most: int = 1\nfound, other = 1, [one for one in ()]\nlambda at: (lambda *, b: b)\n"
    )
    assert vague_names(tree) == ["2 most", "3 found", "3 one", "4 at"]

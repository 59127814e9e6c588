"""Lines of Python below a folder: all, and those of code, without blank lines, comments and docstrings.

`python scripts/count_lines.py src [other/src ...]`
"""

from __future__ import annotations

import ast
import io
import sys
import tokenize
from pathlib import Path

_DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
_NO_CODE = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


def lines_of_code(text: str) -> int:
    """Lines with at least one token that is neither comment nor docstring."""
    docstrings: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, _DOCUMENTED) and ast.get_docstring(node) is not None:
            first = node.body[0]
            docstrings.update(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in _NO_CODE:
            lines.update(range(token.start[0], token.end[0] + 1))
    return len(lines - docstrings)


def main() -> None:
    """Print files, lines and lines of code of each folder."""
    for folder in sys.argv[1:]:
        texts = [path.read_text(encoding="utf-8") for path in Path(folder).rglob("*.py")]
        code = sum(map(lines_of_code, texts))
        print(f"{folder}: {len(texts)} files, {sum(text.count(chr(10)) for text in texts)} lines, {code} of code")


if __name__ == "__main__":
    main()

"""Write the table of floors and rooms into docs/how_it_works.md.

python scripts/make_rooms.py

The floors come from tests/test_layers.py, each room's line from the docstring of its folder or file.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "how_it_works.md"
BEGIN, END = "<!-- rooms: made by scripts/make_rooms.py -->\n", "<!-- end of rooms -->\n"
sys.path.insert(0, str(ROOT / "tests"))

from test_layers import FLOORS  # noqa: E402  (the path comes first)


def line_of(room: str) -> str:
    """The first line of a room's docstring."""
    folder = ROOT / "src" / "trimtab" / room
    file = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
    docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0].rstrip(".").replace("|", "\\|")


def rooms_table() -> str:
    """The table, as Markdown."""
    lines = ["| floor | room | |", "|---|---|---|"]
    for floor, rooms in FLOORS.items():
        for index, room in enumerate(rooms):
            name = f"`{room}/`" if (ROOT / "src" / "trimtab" / room).is_dir() else f"`{room}`"
            lines.append(f"| {'' if index else floor} | {name} | {line_of(room)} |")
    return "\n".join(lines) + "\n"


def with_table(page: str) -> str:
    """The page with the table as it should be."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n{rooms_table()}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")

"""Draw the README's picture of the terminal: `trimtab demo`, as an SVG that loads nothing.

python scripts/make_picture.py [--out docs/demo.svg]
"""

from __future__ import annotations

import argparse
import io
import re
from pathlib import Path

from rich.console import Console
from rich.text import Text

import trimtab
from trimtab.cli.screens.outcome import page
from trimtab.data.samples import sample_candidates, sample_limits

WIDTH = 110


def picture() -> str:
    """The SVG of the demo's page; fonts are left to the reader's machine."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    result = trimtab.rebalance(sample_candidates().drop_columns(["name"]), sample_limits())
    console.print(Text("$ trimtab demo\n", style="bold"))
    console.print(page(result.facts("the sample"), WIDTH, ascii_only=False, show_all=False))
    drawn = console.export_svg(title="trimtab demo", unique_id="trimtab-demo")
    return re.sub(r"@font-face \{.*?\}\n", "", drawn, flags=re.DOTALL)


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--out", type=Path, default=Path("docs/demo.svg"))
    out = parser.parse_args().out
    out.write_text(picture(), encoding="utf-8")
    print(f"written: {out}")


if __name__ == "__main__":
    main()

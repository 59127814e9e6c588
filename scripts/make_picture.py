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
from trimtab.cli.screens.trades import trade_list
from trimtab.data.samples import SAMPLE_CASH, sample_limits, sample_positions

WIDTH = 110


def picture() -> str:
    """The SVG of the demo's page; fonts are left to the reader's machine."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    made = trimtab.plan(sample_positions(), sample_limits(), cash=SAMPLE_CASH)
    console.print(Text("$ trimtab demo\n", style="bold"))
    console.print(page(made.result.facts("the sample"), WIDTH, ascii_only=False, show_all=False))
    console.print("", *trade_list(made, "the sample in shares", ascii_only=False, show_all=False), sep="\n")
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

"""Write the stocks of the default map from the constituents of the S&P 500, by sector and industry.

python scripts/make_buckets.py FILE [--out FILE]

FILE is `data/constituents.csv` of github.com/datasets/s-and-p-500-companies at commit 56509dd8 (as of 2026-08-08, from
Wikipedia; ODC Public Domain Dedication and Licence 1.0). The same file gives the same bytes. Funds are in funds.toml, by hand.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import textwrap
from pathlib import Path

OUT = Path(__file__).parents[1] / "src" / "trimtab" / "data" / "stocks.toml"
SHA256 = "e5325068834c252d333c40c9ac02e3fadf14834c2edb62a024b6206c7a0d17d0"
HEAD = """\
# Stocks in the default map: the S&P 500 as of 2026-08-08 by GICS sector and sub-industry. Made by scripts/make_buckets.py.
# Source: github.com/datasets/s-and-p-500-companies, commit 56509dd8, from Wikipedia; ODC Public Domain Dedication and
# Licence (PDDL) 1.0. GICS is a service mark of MSCI and S&P; the labels are those printed in public lists.
"""


def path_of(sector: str, industry: str) -> tuple[str, str, str]:
    """The bucket of a stock: real estate is a class of its own."""
    if sector != "Real Estate":
        return "Equity", sector, industry
    return sector, "REITs" if industry.endswith("REITs") else "Services", industry


def buckets_text(rows: list[dict[str, str]]) -> str:
    """The map as TOML, sorted by path and symbol."""
    symbols: dict[tuple[str, str, str], list[str]] = {}
    for row in rows:
        symbols.setdefault(path_of(row["GICS Sector"], row["GICS Sub-Industry"]), []).append(row["Symbol"])
    lines, table = [HEAD.rstrip("\n")], ("", "")
    for (group, sector, industry), own in sorted(symbols.items()):
        if table != (group, sector):
            table = (group, sector)
            lines += ["", f'["{group}"."{sector}"]']
        listed = ", ".join(f'"{symbol}"' for symbol in sorted(own))
        line = f'"{industry}" = [{listed}]'
        if len(line) > 120:
            wrapped = textwrap.wrap(f"{listed},", 118, break_long_words=False, break_on_hyphens=False)
            line = "\n".join([f'"{industry}" = [', *(f"  {part}" for part in wrapped), "]"])
        lines.append(line)
    return "\n".join(lines) + "\n"


def main() -> None:
    """Read, check, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    data = options.file.read_bytes()
    if hashlib.sha256(data).hexdigest() != SHA256:
        parser.error(f"{options.file} is not the file this script was written for (its SHA-256 differs)")
    rows = list(csv.DictReader(data.decode().splitlines()))
    options.out.write_text(buckets_text(rows), encoding="utf-8")
    print(f"{len(rows)} stocks: {options.out}")


if __name__ == "__main__":
    main()

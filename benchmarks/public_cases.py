"""Cases from public bug reports, run with this Python: which answers are right.

    python benchmarks/public_cases.py [../shared/cases] [--folder rebalancing] [--show]

Each case is a small program that exits with 0 (right), 1 (wrong), 2 (not expressible in trimtab) or 3 (unclear).
Programs that set no exit code print for a reader; they are counted apart, as "to read". The cases are not part of the
project: without their folder this script says so and exits with 2. It exits with 1 if any case is wrong.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
MEANINGS = {0: "right", 1: "wrong", 2: "not expressible", 3: "unclear", 4: "to read"}
TO_READ = 4
SECONDS = 600


def run_case(program: Path) -> tuple[Path, int, str]:
    """The program, its exit code (1 for a crash or a time-out) and the last line that it printed."""
    try:
        done = subprocess.run(
            [sys.executable, program.name],
            cwd=program.parent,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        return program, 1, f"no answer after {SECONDS} s"
    lines = (done.stdout + done.stderr).strip().splitlines()
    code = done.returncode if done.returncode in MEANINGS else 1
    if not code and "exit(" not in program.read_text(encoding="utf-8"):
        code = TO_READ
    return program, code, lines[-1] if lines else ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="?", type=Path, default=HERE.parent / "shared" / "cases")
    parser.add_argument("--folder", help="only this folder of cases")
    parser.add_argument("--show", action="store_true", help="show the last line of every case that is not right")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    programs = [path for path in sorted(options.cases.glob("*/*.py")) if path.name != "common.py"]
    programs = [path for path in programs if options.folder in (None, path.parent.name)]
    if not programs:
        print(f"no cases in {options.cases}", file=sys.stderr)
        return 2
    with ThreadPoolExecutor(options.workers) as pool:
        outcomes = list(pool.map(run_case, programs))
    print(f"{'folder':<12}" + "".join(f"{meaning:>17}" for meaning in MEANINGS.values()))
    for folder in sorted({path.parent.name for path in programs}):
        codes = Counter(code for path, code, _ in outcomes if path.parent.name == folder)
        print(f"{folder:<12}" + "".join(f"{codes[code]:>17}" for code in MEANINGS))
    for path, code, line in outcomes:
        if code and options.show:
            print(f"{path.parent.name}/{path.name}: {MEANINGS[code]}: {line[:160]}")
    return int(any(code == 1 for _, code, _ in outcomes))


if __name__ == "__main__":
    sys.exit(main())

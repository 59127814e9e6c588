"""The example from prices to targets runs, and prints what its own words promise."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[1] / "examples" / "04_from_prices.py"


def test_it_runs() -> None:
    done = subprocess.run([sys.executable, str(EXAMPLE)], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert done.stderr == ""
    assert lines[0] == "25 assets, 756 sessions to 2022-12-28, 0 findings"
    assert lines[1].startswith("MRK   score 0.833")
    assert [line.split()[0] for line in lines if "Closed: " in line] == ["AAPL", "JNJ"]
    assert lines[-1] == "scores of 2022-03-31 with and without later prices are the same: True"

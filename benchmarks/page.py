"""The page with 500 candidates: how long a changed limit takes until the new plan, in CPU time of the service.

python benchmarks/page.py
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from web_visits import Browser

CANDIDATES, HELD, REPEATS = 500, 60, 15


def table() -> bytes:
    """A table of candidates: a part of them is held."""
    rng = random.Random(18)
    rows = ["asset,score,shares,price,bucket"]
    for number in range(CANDIDATES):
        shares = rng.randint(1, 200) if number < HELD else 0
        rows.append(f"A{number:03},{rng.random():.3f},{shares},{rng.uniform(5, 400):.2f},S{number % 11}/I{number % 5}")
    return "\n".join(rows).encode()


LIMITS = b"enable_bucket_diversification = true\nmax_total_positions = 60\nmax_new_positions = 10\nmax_position_weight = 0.05\n"


def milliseconds(work: Callable[[int], Any]) -> tuple[float, float]:
    """The median and the largest CPU time of a request."""
    times = []
    for turn in range(REPEATS):
        began = time.process_time()
        work(turn)
        times.append(1000 * (time.process_time() - began))
    return statistics.median(times), max(times)


def main() -> None:
    """Measure, and print a line for each request."""
    browser = Browser()
    browser.upload(("many.csv", table()), ("limits.toml", LIMITS))
    browser.post("/review", {"cash": "50000"})
    browser.page("/plan")
    requests: dict[str, Callable[[int], Any]] = {
        "slider: difference to the plan": lambda turn: browser.page(
            f"/plan/what-if/result?limit=max_position_weight|&value={3 + turn / 10}"
        ),
        "typing: findings and rules": lambda turn: browser.post(
            "/limits/findings", {"max_total_positions": str(30 + turn), "enable_bucket_diversification": "on"}
        ),
        "limit changed, then the new plan": lambda turn: (
            browser.post(
                "/what-if", {"limit": "max_position_weight|", "value": f"{4 + turn / 10}"}
            ),  # redirects to /plan
        ),
        "why": lambda turn: browser.page(f"/plan/why?why=A{turn:03}"),
        "the page of the plan": lambda _: browser.page("/plan"),
    }
    for name, work in requests.items():
        work(0)
        median, largest = milliseconds(work)
        print(f"{name}: {median:.0f} ms, at most {largest:.0f} ms")


if __name__ == "__main__":
    main()

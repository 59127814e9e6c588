"""Counts and times of the service, as Prometheus reads them."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Iterator

from trimtab.kernel.compilation import STAMP

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)
_DIGITS = 12


class Metrics:
    """Counters of one service. Their labels are operations and statuses, so their number is bounded."""

    def __init__(self, version: str) -> None:
        self._version, self._lock = version, threading.Lock()
        self._answers: Counter[tuple[str, int]] = Counter()
        self._times: Counter[tuple[str, float]] = Counter()
        self._seconds: Counter[str] = Counter()
        self._running = 0

    def begin(self) -> float:
        """Count a request that arrived; the moment goes to `end`."""
        with self._lock:
            self._running += 1
        return time.perf_counter()

    def end(self, operation: str, status: int, began: float) -> None:
        """Count the answer to a request."""
        taken = time.perf_counter() - began
        with self._lock:
            self._running -= 1
            self._answers[operation, status] += 1
            self._seconds[operation] += taken  # type: ignore[assignment]
            self._times[operation, next((bound for bound in BUCKETS if taken <= bound), float("inf"))] += 1

    def text(self) -> str:
        """All of them in the text format of Prometheus."""
        with self._lock:
            lines = list(self._lines())
        return "".join(f"{line}\n" for line in lines)

    def _lines(self) -> Iterator[str]:
        yield from _head("trimtab_build_info", "gauge", "The version and the rules of the running trimtab.")
        yield f'trimtab_build_info{{version="{self._version}",rules="{STAMP[:_DIGITS]}"}} 1'
        yield from _head("trimtab_requests_in_progress", "gauge", "Requests that are being answered.")
        yield f"trimtab_requests_in_progress {self._running}"
        yield from _head("trimtab_requests_total", "counter", "Requests, by operation and status of the answer.")
        for (operation, status), count in sorted(self._answers.items()):
            yield f'trimtab_requests_total{{operation="{operation}",status="{status}"}} {count}'
        yield from _head("trimtab_request_seconds", "histogram", "The time from a request's head to its answer.")
        for operation in sorted(self._seconds):
            total = 0
            for bound in BUCKETS:
                total += self._times[operation, bound]
                yield f'trimtab_request_seconds_bucket{{operation="{operation}",le="{bound:g}"}} {total}'
            total += self._times[operation, float("inf")]
            yield f'trimtab_request_seconds_bucket{{operation="{operation}",le="+Inf"}} {total}'
            yield f'trimtab_request_seconds_sum{{operation="{operation}"}} {self._seconds[operation]:.6f}'
            yield f'trimtab_request_seconds_count{{operation="{operation}"}} {total}'
        yield from _head("process_cpu_seconds_total", "counter", "The CPU time of the process.")
        yield f"process_cpu_seconds_total {sum(os.times()[:2]):.2f}"


def _head(name: str, kind: str, text: str) -> Iterator[str]:
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} {kind}"

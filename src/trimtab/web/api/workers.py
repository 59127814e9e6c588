"""The threads that work: a few for one account each, and one alone for many accounts, which uses all cores itself."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from trimtab.web.api.problems import ApiError, refusal

_Result = TypeVar("_Result")
_WAITING = 64  # calls that may wait for a thread


class Worker:
    """Threads with a bounded queue. Work that takes too long keeps its thread: what it would block is refused."""

    def __init__(self, name: str, threads: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=f"trimtab-{name}")
        self._room = threading.BoundedSemaphore(threads + _WAITING)

    async def call(self, work: Callable[[], _Result], seconds: float) -> _Result:
        """The result of a function that runs in one of the threads.

        Raises
        ------
        ApiError
            Too many calls wait, or it takes longer than a call may.
        """
        if not self._room.acquire(blocking=False):
            raise ApiError(refusal(503, "too many requests wait", "try again", Retry_After="1"))
        future = self._threads.submit(work)
        future.add_done_callback(lambda _: self._room.release())
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), seconds)
        except TimeoutError:
            advice = "send fewer rows, or use the command line"
            raise ApiError(
                refusal(503, f"the work takes longer than {seconds:g} s", advice, Retry_After="60")
            ) from None

    def begin(self, work: Callable[[], object]) -> None:
        """Run a function in one of the threads, however long it takes."""
        self._threads.submit(work)

    def finish(self) -> None:
        """Wait for work under way; what waits is not begun."""
        self._threads.shutdown(wait=True, cancel_futures=True)


def account_worker() -> Worker:
    """Threads for single accounts: as many as cores, and one more while others wait for the store."""
    return Worker("account", (os.cpu_count() or 1) + 1)


def many_worker() -> Worker:
    """The one thread that decides many accounts."""
    return Worker("many", 1)

"""A bar on stderr for what takes long; what is done within two seconds shows none."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_FIRST = 2.0  # seconds


class Steps:
    """The steps of a command: `begin` names the next one."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task
        self._begun = 0

    def begin(self, name: str) -> None:
        """The step before is done, this one begins."""
        self._progress.update(self._task, completed=self._begun, description=name)
        self._begun += 1


@contextmanager
def steps(count: int, *, quiet: bool, first: float = _FIRST) -> Iterator[Steps]:
    """A bar of some steps, from `first` seconds on, gone when they are done; none where stderr is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    progress = Progress(*columns, console=console, transient=True)
    timer = threading.Timer(first, progress.start)
    timer.daemon = True
    shown = console.is_terminal and not quiet
    if shown:
        timer.start()
    try:
        yield Steps(progress, progress.add_task("", total=count))
    finally:
        if shown:
            timer.cancel()
            timer.join()
            progress.stop()

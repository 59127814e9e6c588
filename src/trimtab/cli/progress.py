"""A progress bar on stderr, shown only for work of more than two seconds."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn, TaskID

_FIRST = 2.0  # seconds


class ProgressSteps:
    """The steps of a command: `begin` names the next one."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task
        self._begun = 0

    def begin(self, name: str) -> None:
        """Finish the previous step and begin this one."""
        self._progress.update(self._task, completed=self._begun, description=name)
        self._begun += 1


@contextmanager
def steps(count: int, *, quiet: bool, first: float = _FIRST) -> Iterator[ProgressSteps]:
    """A bar of steps, shown after `first` seconds and removed at the end; no bar unless stderr is a terminal."""
    from rich.progress import MofNCompleteColumn, TimeElapsedColumn

    with _shown_late(MofNCompleteColumn(), TimeElapsedColumn(), quiet=quiet, first=first) as progress:
        yield ProgressSteps(progress, progress.add_task("", total=count))


@contextmanager
def accounts_bar(*, quiet: bool, first: float = _FIRST) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """A bar for a batch, with accounts per second and time remaining; fed by the events of the batch."""
    from rich.progress import TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TaskProgressColumn(), TextColumn("{task.fields[rate]}"), TimeRemainingColumn())
    with _shown_late(*columns, quiet=quiet, first=first) as progress:
        task = progress.add_task("reading", total=None, rate="")

        def hear(event: Mapping[str, Any]) -> None:
            if event["event"] == "sorting":
                progress.update(task, description="sorting")
            elif event["event"] == "planned":
                progress.update(task, description="accounts", total=event["accounts"], completed=event["done"])
            elif event["event"] == "part":
                progress.update(task, completed=event["done"])
                speed = progress.tasks[task].speed
                progress.update(task, rate="" if speed is None else f"{speed:,.0f} accounts/s")

        yield hear


@contextmanager
def _shown_late(*columns: ProgressColumn, quiet: bool, first: float) -> Iterator[Progress]:
    """A bar that shows from `first` seconds on, where stderr is a terminal; `columns` come after it."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    console = Console(stderr=True)
    progress = Progress(TextColumn("{task.description}"), BarColumn(), *columns, console=console, transient=True)
    timer = threading.Timer(first, progress.start)
    timer.daemon = True
    shown = console.is_terminal and not quiet
    if shown:
        timer.start()
    try:
        yield progress
    finally:
        if shown:
            timer.cancel()
            timer.join()
            progress.stop()

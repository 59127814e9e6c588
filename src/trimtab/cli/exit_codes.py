"""What a command says on stderr, and the exit code that an error becomes."""

from __future__ import annotations

import functools
import os
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import ParamSpec

import typer

from trimtab.errors import BrokenLimitError, InputError, TrimtabError, UnmetLimitError
from trimtab.text import printable

_FAULTS_LISTED = 10
_Arguments = ParamSpec("_Arguments")


class ExitCode(IntEnum):
    """How a command ends; 2 (usage) comes from the parser."""

    FINE = 0
    INTERNAL = 1
    USAGE = 2
    BAD_INPUT = 3
    UNMET = 4
    BRAKED = 5
    TOO_MANY_FAILED = 6
    READER_GONE = 141  # as shells count a closed pipe: `trimtab rebalance ... | head`


class Words:
    """Notes, warnings and errors on stderr; `quiet` leaves only the errors."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet

    def note(self, text: str) -> None:
        """Something good to know."""
        if not self._quiet:
            _say("", text, "")

    def warn(self, text: str) -> None:
        """Something that may surprise."""
        if not self._quiet:
            _say("warning: ", text, "yellow")

    def note_compiling(self, entry: Callable[..., object], seconds: int) -> None:
        """That an entry of the kernel is compiled first, where this machine has no code of it yet."""
        from trimtab.kernel.compilation import is_cached

        if not is_cached(entry):
            self.note(f"compiling the rules for this machine, once (about {seconds} s)")

    def error(self, text: str) -> None:
        """What prevents the result."""
        _say("error: ", text, "bold red")


def exit_codes(command: Callable[_Arguments, int]) -> Callable[_Arguments, None]:
    """A command whose errors, and the number it returns, become exit codes."""

    @functools.wraps(command)
    def run(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> None:
        try:
            with _deprecations_as_notes():
                code = command(*args, **kwargs)
        except (typer.BadParameter, typer.Exit, typer.Abort):
            raise
        except Exception as error:  # noqa: BLE001 - the outermost edge: every error becomes an exit code here
            code = _told(error)
        raise typer.Exit(int(code))

    return run


@contextmanager
def _deprecations_as_notes() -> Iterator[None]:
    """Say on stderr that an old name was used, as a note."""
    with warnings.catch_warnings():
        warnings.filterwarnings("always", r".* works until 1\.0", DeprecationWarning)
        warnings.showwarning = lambda message, *_, **__: Words().note(str(message))
        yield


def _told(error: Exception) -> ExitCode:
    """Say on stderr what went wrong; the exit code for it."""
    words = Words()
    if isinstance(error, InputError):
        words.error(_faults(error))
        return ExitCode.BAD_INPUT
    if isinstance(error, TrimtabError) and not isinstance(error, BrokenLimitError):
        words.error(str(error))
        return ExitCode.UNMET if isinstance(error, UnmetLimitError) else ExitCode.BAD_INPUT
    if os.environ.get("TRIMTAB_DEBUG") == "1":
        traceback.print_exception(error)
    said = " ".join(str(error).split())
    if not isinstance(error, BrokenLimitError):
        said = f"internal error, a bug in trimtab: {type(error).__name__}: {said}: please report it with the input"
    words.error(f"{said} (TRIMTAB_DEBUG=1 shows where)")
    return ExitCode.INTERNAL


def _faults(error: InputError) -> str:
    """All faults of an input, each in its sentence; one line if there is one."""
    sentences = [fault.sentence() for fault in error.faults]
    if len(sentences) == 1:
        return sentences[0]
    listed = "".join(f"\n  - {sentence}" for sentence in sentences[:_FAULTS_LISTED])
    more = len(sentences) - _FAULTS_LISTED
    return f"{len(sentences)} faults in the input:{listed}" + (f"\n  and {more} more" if more > 0 else "")


def _say(prefix: str, text: str, style: str) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True)
    said = Text.assemble((prefix, style), printable(text, keep="\n"))
    console.print(said, soft_wrap=not console.is_terminal)  # in a file one line is one line

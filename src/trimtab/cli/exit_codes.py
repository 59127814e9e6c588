"""The exit code of a command, and the message of the error that it comes from."""

from __future__ import annotations

import functools
import os
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import ParamSpec, Self

import typer

from trimtab.cli.notices import Notices
from trimtab.errors import (
    BrokenLimitError,
    DamagedError,
    HeldOrdersError,
    InputError,
    LimitsError,
    LockedError,
    OutputError,
    StalePlanError,
    TrimtabError,
    UnmetLimitError,
)

_FAULTS_LISTED = 10
_Arguments = ParamSpec("_Arguments")


class ExitCode(IntEnum):
    """How a command ends; 2 (usage) comes from the parser."""

    def __new__(cls, code: int, _meaning: str) -> Self:
        """A member is its number; its meaning appears in the help and the docs."""
        member = int.__new__(cls, code)
        member._value_ = code
        return member

    def __init__(self, _code: int, meaning: str) -> None:
        self.meaning = meaning

    FINE = 0, "done"
    INTERNAL = 1, "internal error: a bug in trimtab, please report it"
    USAGE = 2, "usage: an option or argument is wrong"
    BAD_INPUT = 3, "bad input: a file or a limit cannot be used"
    UNMET = 4, "a limit is unmet, or unwanted cash is left (--strict, check --strict)"
    BRAKED = 5, "held back by a brake, a change since the plan, or in a batch by a gate: nothing is traded or published"
    TOO_MANY_FAILED = 6, "too many accounts of a batch failed"
    LOCKED = 7, "another process is working in the folder"
    NOT_WRITTEN = 8, "the output cannot be written: disk full, or no permission"
    DAMAGED = 9, "a published batch or a stored run is damaged, or does not replay"
    HELD = 10, "a gate holds the orders of a plan back: no order file is written"
    INTERRUPTED = 130, "interrupted (Ctrl-C)"
    READER_GONE = 141, "the reader of the output stopped reading, as in `trimtab demo | head`"


_CODES: dict[type[Exception], ExitCode] = {
    OutputError: ExitCode.NOT_WRITTEN,
    LockedError: ExitCode.LOCKED,
    DamagedError: ExitCode.DAMAGED,
    StalePlanError: ExitCode.BRAKED,
    HeldOrdersError: ExitCode.HELD,
}


class Misuse(typer.BadParameter):
    """Options that do not go together, reported without the parser's "Invalid value"."""

    def format_message(self) -> str:
        """The message, unchanged."""
        return self.message


def exit_codes_text() -> str:
    """The table of exit codes, a line for each."""
    return "\n".join(f"{code:>4}  {code.meaning}" for code in ExitCode)


def exit_codes(command: Callable[_Arguments, int]) -> Callable[_Arguments, None]:
    """Wraps a command: its errors, and the number it returns, become exit codes."""

    @functools.wraps(command)
    def run(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> None:
        try:
            with _deprecations_as_notes(Notices(quiet=bool(kwargs.get("quiet")))):
                code = command(*args, **kwargs)
        except typer.BadParameter as error:
            raise Misuse(error.message) from None
        except (typer.Exit, typer.Abort):
            raise
        except KeyboardInterrupt:
            Notices().error("interrupted")
            code = ExitCode.INTERRUPTED
        except Exception as error:  # noqa: BLE001 - the outermost edge: every error becomes an exit code here
            code = _report(error)
        raise typer.Exit(int(code))

    return run


@contextmanager
def _deprecations_as_notes(notices: Notices) -> Iterator[None]:
    """Note on stderr that an old name was used."""
    with warnings.catch_warnings():
        warnings.filterwarnings("always", r".* works until 1\.0", DeprecationWarning)
        warnings.showwarning = lambda message, *_, **__: notices.note(str(message))
        yield


def exit_code_of(error: Exception) -> ExitCode:
    """The exit code that an error becomes."""
    if isinstance(error, UnmetLimitError):
        return ExitCode.UNMET
    if isinstance(error, BrokenLimitError) or not isinstance(error, TrimtabError):
        return ExitCode.INTERNAL
    return _CODES.get(type(error), ExitCode.BAD_INPUT)


def _report(error: Exception) -> ExitCode:
    """Print the error to stderr; returns its exit code."""
    notices, code = Notices(), exit_code_of(error)
    if isinstance(error, InputError):
        notices.error(*_listed([fault.sentence() for fault in error.faults], "faults in the input"))
    elif isinstance(error, LimitsError):
        first, *others = _listed(error.faults, "faults in the limits")
        notices.error(f"{error.source}: {first}" if error.source else first, *others)
    elif code != ExitCode.INTERNAL:
        notices.error(str(error))
    else:
        if os.environ.get("TRIMTAB_DEBUG") == "1":
            traceback.print_exception(error)
        text = " ".join(str(error).split())
        if not isinstance(error, BrokenLimitError):
            text = f"internal error, a bug in trimtab: {type(error).__name__}: {text}: please report it with the input"
        notices.error(f"{text} (TRIMTAB_DEBUG=1 shows where)")
    return code


def _listed(sentences: list[str] | tuple[str, ...], what: str) -> list[str]:
    """A single sentence alone; several below a line that counts them."""
    if len(sentences) == 1:
        return list(sentences)
    more = len(sentences) - _FAULTS_LISTED
    lines = [f"{len(sentences)} {what}:", *(f"  - {sentence}" for sentence in sentences[:_FAULTS_LISTED])]
    return [*lines, f"  and {more} more"] if more > 0 else lines

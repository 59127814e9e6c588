"""The errors of trimtab. A class receives facts and builds its own sentence.

Every error that a user can cause derives from `TrimtabError`; the command line maps each to an exit code, not this
file.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

_VALUE_SHOWN = 60


class TrimtabError(Exception):
    """Base of every error that trimtab raises deliberately. Copies, also in other processes, are equal to the original."""

    def __reduce__(self) -> tuple[Any, ...]:
        """How to copy it: not from the arguments of the class, since each class builds its own sentence."""
        return _copy_of, (type(self), self.args, self.__dict__)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and (other.args, other.__dict__) == (self.args, self.__dict__)

    def __hash__(self) -> int:
        return hash((type(self), self.args))


def _copy_of(kind: type[TrimtabError], args: tuple[Any, ...], attributes: dict[str, Any]) -> TrimtabError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(attributes)
    return error


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: the problem, its place, and what to do.

    `row` counts from 1 as a person does: the first row of data is row 1, whatever the source. `line` is the
    line of a text file, where there is one.
    """

    problem: str
    advice: str
    column: str | None = None
    row: int | None = None
    line: int | None = None
    value: object = None
    account: object = None
    source: str | None = None

    def sentence(self) -> str:
        """The fault as one sentence: where, what, the value, what to do."""
        place = [
            self.source,
            None if self.account is None else f"account {self.account!r}",
            None if self.row is None else f"row {self.row}",
            None if self.line is None else f"line {self.line}",
            None if self.column is None else f"column {self.column!r}",
        ]
        where = ", ".join(part for part in place if part)
        received = "" if self.value is None else f" (received {shown(self.value)})"
        return f"{where}{': ' if where else ''}{self.problem}{received}: {self.advice}"


class InputError(TrimtabError):
    """Candidates that cannot be rebalanced: the problem, its place, and what to do."""

    def __init__(self, faults: Iterable[Fault], source: str | None = None) -> None:
        all_faults = list(faults)
        self.faults: tuple[Fault, ...] = tuple(
            fault if fault.source or source is None else replace(fault, source=source) for fault in all_faults
        )
        first = self.faults[0].sentence()
        more = len(self.faults) - 1
        super().__init__(f"{first} (and {more} more of this kind or others)" if more else first)


class OutputError(InputError):
    """Output that cannot be written: the disk is full, or permission is missing."""


class LockedError(InputError):
    """A folder that another process is working in."""


class DamagedError(InputError):
    """Published files or stored runs that are missing or damaged."""


class StalePlanError(InputError):
    """A stored plan that must not be applied: what changed since."""


class HeldOrdersError(InputError):
    """Orders that a gate holds back."""


class ReusedKeyError(InputError):
    """An idempotency key that belongs to another request."""


class LimitsError(TrimtabError):
    """Limits that are unknown, out of range or contradict each other; all faults at once."""

    def __init__(self, faults: Iterable[str], source: str | None = None) -> None:
        self.faults: tuple[str, ...] = tuple(faults)
        self.source = source
        prefix = f"{source}: " if source else ""
        if len(self.faults) == 1:
            super().__init__(f"{prefix}{self.faults[0]}")
        else:
            lines = "".join(f"\n  - {fault}" for fault in self.faults)
            super().__init__(f"{prefix}{len(self.faults)} faults in the limits:{lines}")


class SetupError(TrimtabError):
    """Parts that do not fit together: one is missing, or returns an impossible answer."""

    def __init__(self, problem: str, advice: str) -> None:
        self.problem, self.advice = problem, advice
        super().__init__(f"{problem}: {advice}")


class UnmetLimitError(TrimtabError):
    """A limit that cannot be met, where `on_unmet = "raise"` asks for an error."""

    def __init__(self, sentences: Iterable[str]) -> None:
        self.sentences: tuple[str, ...] = tuple(sentences)
        super().__init__("unmet: " + "; ".join(self.sentences))


class BrokenLimitError(TrimtabError):
    """A hard limit broken in a result: a bug of trimtab, never the user's fault."""

    def __init__(self, sentences: Iterable[str]) -> None:
        self.sentences: tuple[str, ...] = tuple(sentences)
        super().__init__(
            "the result breaks a hard limit, which is a bug in trimtab (please report it with the input): "
            + "; ".join(self.sentences)
        )


def shown(value: object) -> str:
    """A value for a sentence: quoted if text, cut if long.

    >>> shown("many"), shown(Decimal("-10"))
    ("'many'", '-10')
    """
    try:
        text = str(value) if isinstance(value, Decimal) else repr(value)
    except Exception:  # noqa: BLE001 - a sentence about a user's value must not fail
        text = f"a {type(value).__name__}"
    return text if len(text) <= _VALUE_SHOWN else f"{text[:_VALUE_SHOWN]}… ({len(text)} characters)"


def listed(names: Iterable[str | None], count: int = 5) -> str:
    """Names for a sentence; beyond `count`, the number of the others."""
    texts = [str(name) for name in names]
    return ", ".join(texts[:count]) + (f" and {len(texts) - count} more" if len(texts) > count else "")


def nearest(name: str, valid: Iterable[str]) -> str:
    """`did you mean 'x'?`, or the valid names where none is near."""
    names = sorted(valid)
    folded: dict[str, str] = {}
    for known in names:
        folded.setdefault(known.strip().casefold(), known)
    matches = difflib.get_close_matches(name.strip().casefold(), folded, n=1, cutoff=0.5)
    if matches:
        return f"did you mean {folded[matches[0]]!r}?"
    if not names:
        return "no names are known"
    listed = ", ".join(repr(known) for known in names[:12])
    return f"known: {listed}{', …' if len(names) > 12 else ''}"

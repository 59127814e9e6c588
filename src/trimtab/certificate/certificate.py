"""The certificate: every limit of a result, as measured. `checker.py` measures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trimtab.certificate.causes import Excuse, note_of
from trimtab.limits.regimes import ChangedLimit

Vector = NDArray[np.float64]
Mask = NDArray[np.bool_]

MET, DRIFTED, WAIVED, UNMET, BROKEN = 0, 1, 2, 3, 4
STATUSES = ("met", "drifted", "waived", "unmet", "broken")


@dataclass(frozen=True)
class Constraint:
    """One limit, measured. `slack` is the distance to the limit: negative if it is exceeded or not reached."""

    name: str
    node: str
    measured: float
    limit: float
    slack: float
    status: str
    note: str = ""
    cause: str = ""  # the code of the first `Cause` that the note gives


@dataclass(frozen=True)
class Certificate:
    """All limits of one account, measured in its targets; the regime in force, and the limits that it changed."""

    constraints: tuple[Constraint, ...]
    regime: str | None = None
    changed: tuple[ChangedLimit, ...] = ()

    @property
    def unmet(self) -> tuple[Constraint, ...]:
        """The limits that could not be met."""
        return tuple(constraint for constraint in self.constraints if constraint.status == "unmet")

    @property
    def is_exact(self) -> bool:
        """Whether the selection is the optimum that the rules state (section 4): it is, unless `max_correlation` is set."""
        return all(constraint.name != "max_correlation" for constraint in self.constraints)

    def __iter__(self) -> Any:
        return iter(self.constraints)

    def __len__(self) -> int:
        return len(self.constraints)


@dataclass(frozen=True)
class Measured:
    """One limit in all accounts: arrays of shape (accounts,). A limit of inf (or -inf) means no limit in that
    account.
    """

    name: str
    node: str
    value: Vector
    limit: Vector
    status: NDArray[np.int8]
    excuses: Callable[[int], tuple[Excuse, ...]] = field(default=lambda _account: ())
    is_minimum: bool = False
    concerns: Mask | None = None  # the accounts that the limit is about, None for all
    remark: tuple[Excuse, ...] = ()  # where its status needs no excuse

    def is_about(self, account: int) -> bool:
        """Whether the limit is of a bucket that the account has, or that the limits name."""
        return self.concerns is None or bool(self.concerns[account])

    def constraint(self, account: int) -> Constraint:
        """The limit in one account."""
        value, limit = float(self.value[account]), float(self.limit[account])
        slack = value - limit if self.is_minimum else limit - value
        status = STATUSES[self.status[account]]
        excuses = self.excuses(account) if status not in ("met", "broken") else self.remark
        cause = str(excuses[0].cause) if excuses else ""
        return Constraint(self.name, self.node, value, limit, slack, status, note_of(excuses), cause)

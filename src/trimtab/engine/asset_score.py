"""Assets with their scores, as the services hand them on."""

from __future__ import annotations

import copy
import datetime as dt
import math
from dataclasses import dataclass
from enum import IntEnum
from numbers import Real
from typing import Any

from trimtab.errors import Fault, InputError

Date = dt.date | dt.datetime | str


class AssetPriority(IntEnum):
    """Why an asset is considered: the first that fits. Smaller numbers come first in lists; scores are unaffected."""

    PORTFOLIO = 1
    TRENDING = 2
    REGIME = 3
    FALLBACK = 4

    @property
    def code(self) -> str:
        """The member as files have it: lower case."""
        return self.name.lower()


_FRACTIONS = ("combined_score", "technical_score", "fundamental_score", "confidence", "target_weight")
_SCORES = frozenset(_FRACTIONS[:3])


def is_number(value: object) -> bool:
    """Whether a value is a number of any library; booleans do not count."""
    return isinstance(value, float) or (isinstance(value, Real) and not isinstance(value, bool))


@dataclass(frozen=True)
class AssetScore:
    """An asset with its scores on a date. Weights are fractions of the account's value, scores lie in [0, 1].

    Parameters
    ----------
    asset
        Its name, unique among the assets that are given together.
    combined_score
        The score that decides; None (or NaN) without one.
    date
        The day of the scores.
    technical_score, fundamental_score
        The two parts; None if missing or switched off.
    confidence
        The share of the score's inputs that existed.
    regime
        The market regime of that day.
    priority
        Why it is considered.
    current_weight
        Held now.
    target_weight
        Desired; None if unknown.
    missing_data
        What is missing: "technical_score", "fundamental_score", or what an analyser names.

    Raises
    ------
    InputError
        A value of the wrong type or out of range.

    Examples
    --------
    >>> AssetScore("AAA", 0.8, current_weight=0.1, priority=AssetPriority.PORTFOLIO).is_held
    True
    """

    asset: str
    combined_score: float | None
    date: Date | None = None
    technical_score: float | None = None
    fundamental_score: float | None = None
    confidence: float | None = None
    regime: str | None = None
    priority: AssetPriority = AssetPriority.FALLBACK
    current_weight: float = 0.0
    target_weight: float | None = None
    missing_data: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.asset, str) or not self.asset.strip():
            raise InputError([Fault("the asset has no name", "name every asset", column="asset", value=self.asset)])
        for name in _FRACTIONS:
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, self._fraction(name, value))
        weight = self.current_weight
        if not is_number(weight) or not 0 <= weight < math.inf:
            advice = "give a fraction of the account's value, 0 if it is not held"
            raise self._error("is not a weight", advice, "current_weight", weight)
        object.__setattr__(self, "current_weight", float(weight))
        if not isinstance(self.priority, AssetPriority):
            advice = f"give one of {', '.join(f'AssetPriority.{member.name}' for member in AssetPriority)}"
            raise self._error("is not a priority", advice, "priority", self.priority)
        if isinstance(self.missing_data, str):
            raise self._error("is not a list of names", "give a tuple of names", "missing_data", self.missing_data)
        object.__setattr__(self, "missing_data", tuple(self.missing_data))

    def _fraction(self, name: str, value: Any) -> float | None:
        if not is_number(value):
            raise self._error("is not a number", "give a number between 0 and 1, or None", name, value)
        if math.isnan(value) and name in _SCORES:
            return None
        if not 0 <= value <= 1:
            percent = "; divide by 100 if it is a percent" if 1 < value <= 100 else ""
            raise self._error("is outside 0 to 1", f"give a number between 0 and 1, or None{percent}", name, value)
        return float(value)

    def _error(self, problem: str, advice: str, field: str, value: object) -> InputError:
        return InputError([Fault(f"{problem}, for the asset {self.asset!r}", advice, column=field, value=value)])

    def with_target(self, weight: float) -> AssetScore:
        """The same asset with the `target_weight` that the rules decided."""
        changed = copy.copy(self)
        object.__setattr__(changed, "target_weight", weight)
        return changed

    @property
    def is_held(self) -> bool:
        """Whether it counts as an existing position: it has a weight, or the portfolio's priority."""
        return self.current_weight > 0 or self.priority is AssetPriority.PORTFOLIO

    @property
    def weight(self) -> float | None:
        """The weight that counts: the target, else the current weight; None if neither is known."""
        if self.target_weight is not None:
            return self.target_weight
        return self.current_weight if self.current_weight > 0 else None

    @property
    def rank(self) -> tuple[bool, float, float, str]:
        """Its place among others (rules, section 4): held before new, then score, then weight (high first), then name."""
        score = -1.0 if self.combined_score is None else self.combined_score
        return not self.is_held, -score, -self.current_weight, self.asset

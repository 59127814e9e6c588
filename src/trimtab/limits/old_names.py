"""Old names of limits, accepted until 1.0."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping
from typing import Any

from trimtab.errors import LimitsError

OLD_NAMES = {"brake_turnover": "brake_sold_weight"}


def with_current_names(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same limits under their current names, also inside `regimes`; warns of each old name.

    Raises
    ------
    LimitsError
        A limit given under both names.

    Examples
    --------
    >>> with_current_names({"max_total_positions": 8, "brake_sold_weight": 0.2})
    {'max_total_positions': 8, 'brake_sold_weight': 0.2}
    """
    current: dict[str, Any] = {}
    for name, value in values.items():
        if name == "regimes" and isinstance(value, Mapping):
            current[name] = {
                regime: with_current_names(overrides) if isinstance(overrides, Mapping) else overrides
                for regime, overrides in value.items()
            }
        elif name not in OLD_NAMES:
            current[name] = value
    for old in OLD_NAMES.keys() & values.keys():
        new = OLD_NAMES[old]
        if new in values:
            raise LimitsError([f"{old} is the old name of {new}: give only {new}"])
        warn_of_old_name(old)
        current[new] = values[old]
    return current


def warn_of_old_name(old: str) -> None:
    """Warn at the caller's line outside trimtab that a limit goes by its old name."""
    frame, level = sys._getframe(1), 2  # noqa: SLF001 - how pandas finds its caller's line, too
    while frame.f_back is not None and frame.f_globals.get("__name__", "").split(".")[0] == "trimtab":
        frame, level = frame.f_back, level + 1
    message = f"{old} is now called {OLD_NAMES[old]}; the old name works until 1.0"
    warnings.warn(message, DeprecationWarning, stacklevel=level)

"""trimtab: the rebalancer that keeps a portfolio diversified, exactly and with a reason for everything.

Importing this module loads nothing heavy; each name brings its module with it when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trimtab.certificate import Certificate, Constraint
    from trimtab.conflicts import Conflict
    from trimtab.difference import Difference
    from trimtab.errors import BrokenLimitError, InputError, LimitsError, TrimtabError, UnmetLimitError
    from trimtab.explanation import Explanation
    from trimtab.limits import BucketLimit, RebalancingLimits
    from trimtab.preflight import Finding, Preflight, check
    from trimtab.reasons import Action, Reason, Restriction, SizeReason
    from trimtab.rebalancing import rebalance, rebalance_many
    from trimtab.result import RebalanceManyResult, RebalanceResult
    from trimtab.summaries import BucketSummary

_ROOMS = {
    "certificate": ("Certificate", "Constraint"),
    "conflicts": ("Conflict",),
    "difference": ("Difference",),
    "errors": ("BrokenLimitError", "InputError", "LimitsError", "TrimtabError", "UnmetLimitError"),
    "explanation": ("Explanation",),
    "limits": ("BucketLimit", "RebalancingLimits"),
    "preflight": ("Finding", "Preflight", "check"),
    "reasons": ("Action", "Reason", "Restriction", "SizeReason"),
    "rebalancing": ("rebalance", "rebalance_many"),
    "result": ("RebalanceManyResult", "RebalanceResult"),
    "summaries": ("BucketSummary",),
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}

__version__ = "0.1.0"
__all__ = [
    "Action",
    "BrokenLimitError",
    "BucketLimit",
    "BucketSummary",
    "Certificate",
    "Conflict",
    "Constraint",
    "Difference",
    "Explanation",
    "Finding",
    "InputError",
    "LimitsError",
    "Preflight",
    "Reason",
    "RebalanceManyResult",
    "RebalanceResult",
    "RebalancingLimits",
    "Restriction",
    "SizeReason",
    "TrimtabError",
    "UnmetLimitError",
    "check",
    "rebalance",
    "rebalance_many",
]


def __getattr__(name: str) -> Any:
    if name not in _ROOM_OF:
        raise AttributeError(f"module 'trimtab' has no attribute {name!r}")
    found = getattr(importlib.import_module(f"trimtab.{_ROOM_OF[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

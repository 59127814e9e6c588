"""trimtab: the rebalancer that keeps a portfolio diversified, exactly and with a reason for everything.

Importing this module loads nothing heavy; each name brings its module with it when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trimtab.assets import AssetPriority, AssetScore
    from trimtab.bucket_config import BucketLimitsConfig
    from trimtab.bucket_limits import BucketEnforcementResult, BucketLimitsEnforcer
    from trimtab.bucketing import AssetBucketManager
    from trimtab.buckets import BucketAllocation, BucketManager, BucketStatistics
    from trimtab.certificate import Certificate, Constraint
    from trimtab.engine import CoreRebalancerEngine
    from trimtab.engine_run import EngineRun
    from trimtab.errors import BrokenLimitError, InputError, LimitsError, SetupError, TrimtabError, UnmetLimitError
    from trimtab.limits import BucketLimit, RebalancingLimits
    from trimtab.preflight import Finding, Preflight, check
    from trimtab.reasons import Action, Reason, Restriction, SizeReason
    from trimtab.rebalancing import rebalance, rebalance_many
    from trimtab.result import BucketSummary, RebalanceManyResult, RebalanceResult
    from trimtab.scoring.service import ScoringService
    from trimtab.selection import RebalancingTarget, SelectionResult, SelectionService
    from trimtab.universe import RebalancingUniverse, UniverseBuilder

_ROOMS = {
    "assets": ("AssetPriority", "AssetScore"),
    "bucket_config": ("BucketLimitsConfig",),
    "bucket_limits": ("BucketEnforcementResult", "BucketLimitsEnforcer"),
    "bucketing": ("AssetBucketManager",),
    "buckets": ("BucketAllocation", "BucketManager", "BucketStatistics"),
    "certificate": ("Certificate", "Constraint"),
    "engine": ("CoreRebalancerEngine",),
    "engine_run": ("EngineRun",),
    "errors": ("BrokenLimitError", "InputError", "LimitsError", "SetupError", "TrimtabError", "UnmetLimitError"),
    "limits": ("BucketLimit", "RebalancingLimits"),
    "preflight": ("Finding", "Preflight", "check"),
    "reasons": ("Action", "Reason", "Restriction", "SizeReason"),
    "rebalancing": ("rebalance", "rebalance_many"),
    "result": ("BucketSummary", "RebalanceManyResult", "RebalanceResult"),
    "scoring.service": ("ScoringService",),
    "selection": ("RebalancingTarget", "SelectionResult", "SelectionService"),
    "universe": ("RebalancingUniverse", "UniverseBuilder"),
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}

__version__ = "0.1.0"
__all__ = [
    "Action",
    "AssetBucketManager",
    "AssetPriority",
    "AssetScore",
    "BrokenLimitError",
    "BucketAllocation",
    "BucketEnforcementResult",
    "BucketLimit",
    "BucketLimitsConfig",
    "BucketLimitsEnforcer",
    "BucketManager",
    "BucketStatistics",
    "BucketSummary",
    "Certificate",
    "Constraint",
    "CoreRebalancerEngine",
    "EngineRun",
    "Finding",
    "InputError",
    "LimitsError",
    "Preflight",
    "Reason",
    "RebalanceManyResult",
    "RebalanceResult",
    "RebalancingLimits",
    "RebalancingTarget",
    "RebalancingUniverse",
    "Restriction",
    "ScoringService",
    "SelectionResult",
    "SelectionService",
    "SetupError",
    "SizeReason",
    "TrimtabError",
    "UniverseBuilder",
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

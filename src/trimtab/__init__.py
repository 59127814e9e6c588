"""trimtab: the rebalancer that keeps a portfolio diversified, exactly and with a reason for everything.

Importing this module loads nothing heavy; each name brings its module with it when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trimtab.certificate import Certificate, Constraint
    from trimtab.errors import BrokenLimitError, InputError, LimitsError, TrimtabError, UnmetLimitError
    from trimtab.limits import BucketLimit, RebalancingLimits
    from trimtab.market.market_data import MarketData, MarketSource
    from trimtab.market.prices import MarketChecks
    from trimtab.market.view import MarketView
    from trimtab.preflight import Finding, Preflight, check
    from trimtab.reasons import Action, Reason, Restriction, SizeReason
    from trimtab.rebalancing import rebalance, rebalance_many
    from trimtab.result import BucketSummary, RebalanceManyResult, RebalanceResult
    from trimtab.scoring.combined import ScoreWeights, combined_scores
    from trimtab.scoring.fundamental import FundamentalAnalyzer, FundamentalConfig, fundamental_scores
    from trimtab.scoring.regime import MarketRegimeDetector, RegimeConfig, RegimeTable, TrendRegimes
    from trimtab.scoring.risk import RiskAdjusted, RiskConfig, risk_adjusted
    from trimtab.scoring.technical import TechnicalAnalyzer, TechnicalConfig, technical_scores
    from trimtab.scoring.trend import TrendAnalyzer, TrendConfig

_ROOMS = {
    "certificate": ("Certificate", "Constraint"),
    "errors": ("BrokenLimitError", "InputError", "LimitsError", "TrimtabError", "UnmetLimitError"),
    "limits": ("BucketLimit", "RebalancingLimits"),
    "market.market_data": ("MarketData", "MarketSource"),
    "market.prices": ("MarketChecks",),
    "market.view": ("MarketView",),
    "preflight": ("Finding", "Preflight", "check"),
    "reasons": ("Action", "Reason", "Restriction", "SizeReason"),
    "rebalancing": ("rebalance", "rebalance_many"),
    "result": ("BucketSummary", "RebalanceManyResult", "RebalanceResult"),
    "scoring.combined": ("ScoreWeights", "combined_scores"),
    "scoring.fundamental": ("FundamentalAnalyzer", "FundamentalConfig", "fundamental_scores"),
    "scoring.regime": ("MarketRegimeDetector", "RegimeConfig", "RegimeTable", "TrendRegimes"),
    "scoring.risk": ("RiskAdjusted", "RiskConfig", "risk_adjusted"),
    "scoring.technical": ("TechnicalAnalyzer", "TechnicalConfig", "technical_scores"),
    "scoring.trend": ("TrendAnalyzer", "TrendConfig"),
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}

__version__ = "0.1.0"
__all__ = [
    "Action",
    "BrokenLimitError",
    "BucketLimit",
    "BucketSummary",
    "Certificate",
    "Constraint",
    "Finding",
    "FundamentalAnalyzer",
    "FundamentalConfig",
    "InputError",
    "LimitsError",
    "MarketChecks",
    "MarketData",
    "MarketRegimeDetector",
    "MarketSource",
    "MarketView",
    "Preflight",
    "Reason",
    "RebalanceManyResult",
    "RebalanceResult",
    "RebalancingLimits",
    "RegimeConfig",
    "RegimeTable",
    "Restriction",
    "RiskAdjusted",
    "RiskConfig",
    "ScoreWeights",
    "SizeReason",
    "TechnicalAnalyzer",
    "TechnicalConfig",
    "TrendAnalyzer",
    "TrendConfig",
    "TrendRegimes",
    "TrimtabError",
    "UnmetLimitError",
    "check",
    "combined_scores",
    "fundamental_scores",
    "rebalance",
    "rebalance_many",
    "risk_adjusted",
    "technical_scores",
]


def __getattr__(name: str) -> Any:
    if name not in _ROOM_OF:
        raise AttributeError(f"module 'trimtab' has no attribute {name!r}")
    found = getattr(importlib.import_module(f"trimtab.{_ROOM_OF[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

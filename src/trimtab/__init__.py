"""trimtab: the rebalancer that keeps a portfolio diversified, exactly and with a reason for everything.

Importing this module loads nothing heavy; each name brings its module with it when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trimtab.assets import AssetPriority, AssetScore
    from trimtab.backtesting.benchmark import benchmark
    from trimtab.backtesting.result import BacktestResult
    from trimtab.backtesting.sweeping import SweepResult, sweep
    from trimtab.backtesting.terms import TradingCosts
    from trimtab.backtesting.varying import Between
    from trimtab.backtesting.walking import backtest
    from trimtab.bucket_config import BucketLimitsConfig
    from trimtab.bucket_limits import BucketEnforcementResult, BucketLimitsEnforcer
    from trimtab.bucketing import AssetBucketManager
    from trimtab.buckets import BucketAllocation, BucketManager, BucketStatistics
    from trimtab.certificate import Certificate, Constraint
    from trimtab.conflicts import Conflict
    from trimtab.correlations import Correlations, correlations_of
    from trimtab.difference import Difference
    from trimtab.engine import CoreRebalancerEngine
    from trimtab.engine_run import EngineRun
    from trimtab.errors import BrokenLimitError, InputError, LimitsError, SetupError, TrimtabError, UnmetLimitError
    from trimtab.explanation import Explanation
    from trimtab.limits import BucketLimit, RebalancingLimits
    from trimtab.market.market_data import MarketData, MarketSource
    from trimtab.market.prices import MarketChecks
    from trimtab.market.view import MarketView
    from trimtab.preflight import Finding, Preflight, check
    from trimtab.reasons import Action, Reason, Restriction, SizeReason
    from trimtab.rebalancing import rebalance, rebalance_many
    from trimtab.result import RebalanceManyResult, RebalanceResult
    from trimtab.scoring.combined import combined_scores
    from trimtab.scoring.fundamental import FundamentalAnalyzer, FundamentalConfig, fundamental_scores
    from trimtab.scoring.regime import MarketRegimeDetector, RegimeConfig, RegimeTable, TrendRegimes
    from trimtab.scoring.risk import CorrelationConfig, RiskAdjusted, RiskConfig, price_correlations, risk_adjusted
    from trimtab.scoring.service import ScoringService
    from trimtab.scoring.technical import TechnicalAnalyzer, TechnicalConfig, technical_scores
    from trimtab.scoring.trend import TrendAnalyzer, TrendConfig
    from trimtab.scoring.weights import ScoreWeights
    from trimtab.selection import RebalancingTarget, SelectionResult, SelectionService
    from trimtab.summaries import BucketSummary
    from trimtab.universe import RebalancingUniverse, UniverseBuilder

_ROOMS = {
    "assets": ("AssetPriority", "AssetScore"),
    "backtesting.benchmark": ("benchmark",),
    "backtesting.result": ("BacktestResult",),
    "backtesting.sweeping": ("SweepResult", "sweep"),
    "backtesting.terms": ("TradingCosts",),
    "backtesting.varying": ("Between",),
    "backtesting.walking": ("backtest",),
    "bucket_config": ("BucketLimitsConfig",),
    "bucket_limits": ("BucketEnforcementResult", "BucketLimitsEnforcer"),
    "bucketing": ("AssetBucketManager",),
    "buckets": ("BucketAllocation", "BucketManager", "BucketStatistics"),
    "certificate": ("Certificate", "Constraint"),
    "conflicts": ("Conflict",),
    "correlations": ("Correlations", "correlations_of"),
    "difference": ("Difference",),
    "engine": ("CoreRebalancerEngine",),
    "engine_run": ("EngineRun",),
    "errors": ("BrokenLimitError", "InputError", "LimitsError", "SetupError", "TrimtabError", "UnmetLimitError"),
    "explanation": ("Explanation",),
    "limits": ("BucketLimit", "RebalancingLimits"),
    "market.market_data": ("MarketData", "MarketSource"),
    "market.prices": ("MarketChecks",),
    "market.view": ("MarketView",),
    "preflight": ("Finding", "Preflight", "check"),
    "reasons": ("Action", "Reason", "Restriction", "SizeReason"),
    "rebalancing": ("rebalance", "rebalance_many"),
    "result": ("RebalanceManyResult", "RebalanceResult"),
    "scoring.combined": ("combined_scores",),
    "scoring.fundamental": ("FundamentalAnalyzer", "FundamentalConfig", "fundamental_scores"),
    "scoring.regime": ("MarketRegimeDetector", "RegimeConfig", "RegimeTable", "TrendRegimes"),
    "scoring.risk": ("CorrelationConfig", "RiskAdjusted", "RiskConfig", "price_correlations", "risk_adjusted"),
    "scoring.service": ("ScoringService",),
    "scoring.technical": ("TechnicalAnalyzer", "TechnicalConfig", "technical_scores"),
    "scoring.trend": ("TrendAnalyzer", "TrendConfig"),
    "scoring.weights": ("ScoreWeights",),
    "selection": ("RebalancingTarget", "SelectionResult", "SelectionService"),
    "summaries": ("BucketSummary",),
    "universe": ("RebalancingUniverse", "UniverseBuilder"),
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}

__version__ = "0.1.0"
__all__ = [
    "Action",
    "AssetBucketManager",
    "AssetPriority",
    "AssetScore",
    "BacktestResult",
    "Between",
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
    "Conflict",
    "Constraint",
    "CoreRebalancerEngine",
    "CorrelationConfig",
    "Correlations",
    "Difference",
    "EngineRun",
    "Explanation",
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
    "RebalancingTarget",
    "RebalancingUniverse",
    "RegimeConfig",
    "RegimeTable",
    "Restriction",
    "RiskAdjusted",
    "RiskConfig",
    "ScoreWeights",
    "ScoringService",
    "SelectionResult",
    "SelectionService",
    "SetupError",
    "SizeReason",
    "SweepResult",
    "TechnicalAnalyzer",
    "TechnicalConfig",
    "TradingCosts",
    "TrendAnalyzer",
    "TrendConfig",
    "TrendRegimes",
    "TrimtabError",
    "UniverseBuilder",
    "UnmetLimitError",
    "backtest",
    "benchmark",
    "check",
    "combined_scores",
    "correlations_of",
    "fundamental_scores",
    "price_correlations",
    "rebalance",
    "rebalance_many",
    "risk_adjusted",
    "sweep",
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

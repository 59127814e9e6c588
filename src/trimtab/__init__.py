"""trimtab: the rebalancer that keeps a portfolio diversified, exactly and with a reason for everything.

Importing this module loads nothing heavy; each name brings its module with it when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from trimtab.compatibility.renamed_modules import install as _install

if TYPE_CHECKING:
    from trimtab.backtesting.backtest import backtest
    from trimtab.backtesting.benchmark import benchmark
    from trimtab.backtesting.policy_grid import Between
    from trimtab.backtesting.result import BacktestResult
    from trimtab.backtesting.settings import BacktestSettings
    from trimtab.backtesting.sweep import SweepResult, sweep
    from trimtab.backtesting.trading_costs import TradingCosts
    from trimtab.candidates.correlations import Correlations, correlations_of
    from trimtab.candidates.exposures import Exposures, exposures_of
    from trimtab.certificate.certificate import Certificate, Constraint
    from trimtab.engine.asset_bucket_manager import AssetBucketManager
    from trimtab.engine.asset_score import AssetPriority, AssetScore
    from trimtab.engine.bucket_limits_enforcer import BucketEnforcementResult, BucketLimitsEnforcer
    from trimtab.engine.bucket_manager import BucketAllocation, BucketManager, BucketStatistics
    from trimtab.engine.engine import CoreRebalancerEngine
    from trimtab.engine.engine_run import EngineRun
    from trimtab.engine.scoring_service import ScoringService
    from trimtab.engine.selection_service import RebalancingTarget, SelectionResult, SelectionService
    from trimtab.engine.universe import RebalancingUniverse, UniverseBuilder
    from trimtab.errors import BrokenLimitError, InputError, LimitsError, SetupError, TrimtabError, UnmetLimitError
    from trimtab.explanations.conflicts import Conflict
    from trimtab.explanations.difference import Difference
    from trimtab.explanations.explanation import Explanation, explanations_json, explanations_schema
    from trimtab.facts.bucket_summaries import BucketSummary
    from trimtab.limits.bucket_limit import BucketLimit
    from trimtab.limits.bucket_limits_config import BucketLimitsConfig
    from trimtab.limits.exposure_limits import ConcentrationLimit, ExposureLimit, SchemeLimits
    from trimtab.limits.order_file_settings import OrderFileSettings
    from trimtab.limits.order_settings import Fees, OrderSettings
    from trimtab.limits.rebalancing_limits import RebalancingLimits
    from trimtab.market.market_data import MarketData, MarketSource
    from trimtab.market.prices import MarketChecks
    from trimtab.market.view import MarketView
    from trimtab.order_files.file_order import FileOrder
    from trimtab.order_files.formats import read_orders
    from trimtab.orders.doors import plan
    from trimtab.orders.many import PlanManyResult, plan_many
    from trimtab.orders.order import Order
    from trimtab.orders.plan import Plan
    from trimtab.orders.release import Desk
    from trimtab.orders.written_orders import write_orders
    from trimtab.reasons import Action, Reason, Restriction, SizeReason
    from trimtab.rebalancing.doors import rebalance, rebalance_many
    from trimtab.rebalancing.many_result import RebalanceManyResult
    from trimtab.rebalancing.preflight import Finding, Preflight, check
    from trimtab.rebalancing.result import RebalanceResult, result_schema
    from trimtab.scoring.bucket_risk import RiskAdjusted, RiskConfig, risk_adjusted
    from trimtab.scoring.combined import combined_scores
    from trimtab.scoring.fundamental import FundamentalAnalyzer, FundamentalConfig, fundamental_scores
    from trimtab.scoring.price_correlations import CorrelationConfig, price_correlations
    from trimtab.scoring.regime import MarketRegimeDetector, RegimeConfig, RegimeTable, TrendRegimes
    from trimtab.scoring.technical import TechnicalAnalyzer, TechnicalConfig, technical_scores
    from trimtab.scoring.trend import TrendAnalyzer, TrendConfig
    from trimtab.scoring.weights import ScoreWeights

_ROOMS = {
    "limits.exposure_limits": ("ConcentrationLimit", "ExposureLimit", "SchemeLimits"),
    "limits.order_file_settings": ("OrderFileSettings",),
    "limits.order_settings": ("Fees", "OrderSettings"),
    "order_files.file_order": ("FileOrder",),
    "order_files.formats": ("read_orders",),
    "orders.release": ("Desk",),
    "orders.written_orders": ("write_orders",),
    "orders.doors": ("plan",),
    "orders.many": ("PlanManyResult", "plan_many"),
    "orders.order": ("Order",),
    "orders.plan": ("Plan",),
    "backtesting.backtest": ("backtest",),
    "backtesting.benchmark": ("benchmark",),
    "backtesting.policy_grid": ("Between",),
    "backtesting.result": ("BacktestResult",),
    "backtesting.settings": ("BacktestSettings",),
    "backtesting.sweep": (
        "SweepResult",
        "sweep",
    ),
    "backtesting.trading_costs": ("TradingCosts",),
    "candidates.correlations": (
        "Correlations",
        "correlations_of",
    ),
    "candidates.exposures": (
        "Exposures",
        "exposures_of",
    ),
    "certificate.certificate": (
        "Certificate",
        "Constraint",
    ),
    "engine.asset_bucket_manager": ("AssetBucketManager",),
    "engine.asset_score": (
        "AssetPriority",
        "AssetScore",
    ),
    "engine.bucket_limits_enforcer": (
        "BucketEnforcementResult",
        "BucketLimitsEnforcer",
    ),
    "engine.bucket_manager": (
        "BucketAllocation",
        "BucketManager",
        "BucketStatistics",
    ),
    "engine.engine": ("CoreRebalancerEngine",),
    "engine.engine_run": ("EngineRun",),
    "engine.scoring_service": ("ScoringService",),
    "engine.selection_service": (
        "RebalancingTarget",
        "SelectionResult",
        "SelectionService",
    ),
    "engine.universe": (
        "RebalancingUniverse",
        "UniverseBuilder",
    ),
    "errors": (
        "BrokenLimitError",
        "InputError",
        "LimitsError",
        "SetupError",
        "TrimtabError",
        "UnmetLimitError",
    ),
    "explanations.conflicts": ("Conflict",),
    "explanations.difference": ("Difference",),
    "explanations.explanation": (
        "Explanation",
        "explanations_json",
        "explanations_schema",
    ),
    "facts.bucket_summaries": ("BucketSummary",),
    "limits.bucket_limits_config": ("BucketLimitsConfig",),
    "limits.bucket_limit": ("BucketLimit",),
    "limits.rebalancing_limits": ("RebalancingLimits",),
    "market.market_data": (
        "MarketData",
        "MarketSource",
    ),
    "market.prices": ("MarketChecks",),
    "market.view": ("MarketView",),
    "reasons": (
        "Action",
        "Reason",
        "Restriction",
        "SizeReason",
    ),
    "rebalancing.doors": (
        "rebalance",
        "rebalance_many",
    ),
    "rebalancing.many_result": ("RebalanceManyResult",),
    "rebalancing.preflight": (
        "Finding",
        "Preflight",
        "check",
    ),
    "rebalancing.result": (
        "RebalanceResult",
        "result_schema",
    ),
    "scoring.bucket_risk": (
        "RiskAdjusted",
        "RiskConfig",
        "risk_adjusted",
    ),
    "scoring.combined": ("combined_scores",),
    "scoring.fundamental": (
        "FundamentalAnalyzer",
        "FundamentalConfig",
        "fundamental_scores",
    ),
    "scoring.price_correlations": (
        "CorrelationConfig",
        "price_correlations",
    ),
    "scoring.regime": (
        "MarketRegimeDetector",
        "RegimeConfig",
        "RegimeTable",
        "TrendRegimes",
    ),
    "scoring.technical": (
        "TechnicalAnalyzer",
        "TechnicalConfig",
        "technical_scores",
    ),
    "scoring.trend": (
        "TrendAnalyzer",
        "TrendConfig",
    ),
    "scoring.weights": ("ScoreWeights",),
}
_install()
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}

__version__ = "0.1.0"
__all__ = [
    "Action",
    "AssetBucketManager",
    "AssetPriority",
    "AssetScore",
    "BacktestResult",
    "BacktestSettings",
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
    "ConcentrationLimit",
    "Conflict",
    "Constraint",
    "CoreRebalancerEngine",
    "CorrelationConfig",
    "Correlations",
    "Desk",
    "Difference",
    "EngineRun",
    "Explanation",
    "ExposureLimit",
    "Exposures",
    "Fees",
    "FileOrder",
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
    "Order",
    "OrderFileSettings",
    "OrderSettings",
    "Plan",
    "PlanManyResult",
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
    "SchemeLimits",
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
    "explanations_json",
    "explanations_schema",
    "exposures_of",
    "fundamental_scores",
    "plan",
    "plan_many",
    "price_correlations",
    "read_orders",
    "rebalance",
    "rebalance_many",
    "result_schema",
    "risk_adjusted",
    "sweep",
    "technical_scores",
    "write_orders",
]


def __getattr__(name: str) -> Any:
    if name not in _ROOM_OF:
        raise AttributeError(f"module 'trimtab' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"trimtab.{_ROOM_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

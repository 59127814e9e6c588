# The public names, each once: type checkers read this file, and so does `import trimtab`.

from trimtab.backtesting.backtest import backtest as backtest
from trimtab.backtesting.benchmark import benchmark as benchmark
from trimtab.backtesting.policy_grid import Between as Between
from trimtab.backtesting.result import BacktestResult as BacktestResult
from trimtab.backtesting.settings import BacktestSettings as BacktestSettings
from trimtab.backtesting.sweep import SweepResult as SweepResult, sweep as sweep
from trimtab.backtesting.trading_costs import TradingCosts as TradingCosts
from trimtab.candidates.correlations import Correlations as Correlations, correlations_of as correlations_of
from trimtab.certificate.certificate import Certificate as Certificate, Constraint as Constraint
from trimtab.engine.asset_bucket_manager import AssetBucketManager as AssetBucketManager
from trimtab.engine.asset_score import AssetPriority as AssetPriority, AssetScore as AssetScore
from trimtab.engine.bucket_limits_enforcer import (
    BucketEnforcementResult as BucketEnforcementResult,
    BucketLimitsEnforcer as BucketLimitsEnforcer,
)
from trimtab.engine.bucket_manager import (
    BucketAllocation as BucketAllocation,
    BucketManager as BucketManager,
    BucketStatistics as BucketStatistics,
)
from trimtab.engine.engine import CoreRebalancerEngine as CoreRebalancerEngine
from trimtab.engine.engine_run import EngineRun as EngineRun
from trimtab.engine.scoring_service import ScoringService as ScoringService
from trimtab.engine.selection_service import (
    RebalancingTarget as RebalancingTarget,
    SelectionResult as SelectionResult,
    SelectionService as SelectionService,
)
from trimtab.engine.share_positions import SharePositions as SharePositions
from trimtab.engine.universe import RebalancingUniverse as RebalancingUniverse, UniverseBuilder as UniverseBuilder
from trimtab.errors import (
    BrokenLimitError as BrokenLimitError,
    InputError as InputError,
    LimitsError as LimitsError,
    SetupError as SetupError,
    TrimtabError as TrimtabError,
    UnmetLimitError as UnmetLimitError,
)
from trimtab.explanations.conflicts import Conflict as Conflict
from trimtab.explanations.difference import Difference as Difference
from trimtab.explanations.explanation import (
    Explanation as Explanation,
    explanations_json as explanations_json,
    explanations_schema as explanations_schema,
)
from trimtab.facts.bucket_summaries import BucketSummary as BucketSummary
from trimtab.limits.bucket_limit import BucketLimit as BucketLimit
from trimtab.limits.bucket_limits_config import BucketLimitsConfig as BucketLimitsConfig
from trimtab.limits.order_file_settings import OrderFileSettings as OrderFileSettings
from trimtab.limits.order_settings import Fees as Fees, OrderSettings as OrderSettings
from trimtab.limits.rebalancing_limits import RebalancingLimits as RebalancingLimits
from trimtab.market.market_data import MarketData as MarketData, MarketSource as MarketSource
from trimtab.market.prices import MarketChecks as MarketChecks
from trimtab.market.view import MarketView as MarketView
from trimtab.order_files.file_order import FileOrder as FileOrder
from trimtab.order_files.formats import read_orders as read_orders
from trimtab.orders.broker_candidates import broker_candidates as broker_candidates
from trimtab.orders.doors import plan as plan
from trimtab.orders.many import PlanManyResult as PlanManyResult, plan_many as plan_many
from trimtab.orders.order import Order as Order
from trimtab.orders.plan import Plan as Plan
from trimtab.orders.release import Desk as Desk
from trimtab.orders.tax_records import TaxRecords as TaxRecords
from trimtab.orders.written_orders import write_orders as write_orders
from trimtab.reasons import Action as Action, Reason as Reason, Restriction as Restriction, SizeReason as SizeReason
from trimtab.rebalancing.doors import rebalance as rebalance, rebalance_many as rebalance_many
from trimtab.rebalancing.many_result import RebalanceManyResult as RebalanceManyResult
from trimtab.rebalancing.preflight import Finding as Finding, Preflight as Preflight, check as check
from trimtab.rebalancing.result import RebalanceResult as RebalanceResult, result_schema as result_schema
from trimtab.scoring.bucket_risk import (
    RiskAdjusted as RiskAdjusted,
    RiskConfig as RiskConfig,
    risk_adjusted as risk_adjusted,
)
from trimtab.scoring.combined import combined_scores as combined_scores
from trimtab.scoring.fundamental import (
    FundamentalAnalyzer as FundamentalAnalyzer,
    FundamentalConfig as FundamentalConfig,
    fundamental_scores as fundamental_scores,
)
from trimtab.scoring.price_correlations import (
    CorrelationConfig as CorrelationConfig,
    price_correlations as price_correlations,
)
from trimtab.scoring.regime import (
    MarketRegimeDetector as MarketRegimeDetector,
    RegimeConfig as RegimeConfig,
    RegimeTable as RegimeTable,
    TrendRegimes as TrendRegimes,
)
from trimtab.scoring.technical import (
    TechnicalAnalyzer as TechnicalAnalyzer,
    TechnicalConfig as TechnicalConfig,
    technical_scores as technical_scores,
)
from trimtab.scoring.trend import TrendAnalyzer as TrendAnalyzer, TrendConfig as TrendConfig
from trimtab.scoring.weights import ScoreWeights as ScoreWeights

__version__: str
from trimtab.candidates.exposures import Exposures as Exposures, exposures_of as exposures_of
from trimtab.exposures.exposures_from import ExposureTable as ExposureTable, exposures_from as exposures_from
from trimtab.limits.exposure_limits import (
    ConcentrationLimit as ConcentrationLimit,
    ExposureLimit as ExposureLimit,
    SchemeLimits as SchemeLimits,
)

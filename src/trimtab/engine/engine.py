"""The core rebalancer engine: from a date and the current positions to targets, for people with objects.

It builds the universe, scores it, and makes one pass of the rules. What bucket limits did, which assets were selected
and the targets are views of that one pass: no step undoes another.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from trimtab.candidates.columns import COLUMNS
from trimtab.candidates.equality import compared_by_value
from trimtab.engine.asset_score import AssetScore, Date
from trimtab.engine.bucket_manager import BucketManager, BucketSource
from trimtab.engine.engine_run import EngineRun
from trimtab.engine.scoring_service import Analyzer, ScoringService
from trimtab.engine.selection_service import RebalancingTarget
from trimtab.engine.share_positions import SharePositions
from trimtab.engine.universe import MIN_TRENDING_CONFIDENCE, RegimeDetector, UniverseBuilder, limits_in
from trimtab.errors import Fault, InputError, SetupError, listed, nearest
from trimtab.limits.given_limits import given_limits
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.rebalancing.doors import rebalance
from trimtab.scoring.weights import ScoreWeights
from trimtab.text import counted

if TYPE_CHECKING:
    from trimtab.candidates.correlations import Correlations
    from trimtab.market.market_data import MarketData
    from trimtab.scoring.bucket_risk import RiskAdjusted, RiskConfig

_LOG = logging.getLogger(__name__)
_MORE_COLUMNS = tuple(name for name in COLUMNS if name not in ("account", "asset", "bucket", "score", "current_weight"))


@runtime_checkable
class DataManager(Protocol):
    """Knows more about assets: the columns of candidates that the engine does not fill itself."""

    def get_candidate_data(self, date: Date, assets: tuple[str, ...]) -> Mapping[str, Mapping[str, Any]]:
        """Asset -> some of `restriction`, `max_weight`, `desired_weight`, `volatility`."""


@compared_by_value
class CoreRebalancerEngine:
    """From a date and the current positions to targets.

    Parameters
    ----------
    regime_detector
        Knows regime and trends: any object with the methods of `RegimeDetector`.
    asset_manager
        Who is in which bucket: an `AssetBucketManager`, an object with its methods, a mapping of bucket to assets, or
        None for the default map.
    technical_analyzer, fundamental_analyzer
        Score an asset on a date: any objects with `analyze_asset(asset, date)`.
    data_manager
        Knows restrictions, own limits, desired weights and volatilities: any object with `get_candidate_data`.
    market
        The prices that correlations and volatilities are measured on, as of the day: needed if the limits have a
        `max_correlation`, and for `risk`.
    risk
        Lower the allocation limit of buckets above the target volatility (`risk_adjusted`), measured on the assets to
        consider.

    Raises
    ------
    SetupError
        A part that lacks a method.

    Examples
    --------
    >>> class Market:
    ...     def get_market_regime(self, date):
    ...         return "Goldilocks", 0.8
    ...     def get_regime_buckets(self, regime):
    ...         return ["Tech"]
    ...     def get_research_buckets(self, date):
    ...         return None
    ...     def get_trending_assets(self, date, assets, limit, min_confidence):
    ...         return []
    >>> class Scores:
    ...     def analyze_asset(self, asset, date):
    ...         return {"AAA": 0.9, "BBB": 0.7}[asset]
    >>> engine = CoreRebalancerEngine(Market(), {"Tech": ["AAA", "BBB"]}, Scores())
    >>> targets = engine.rebalance("2026-11-24", {"BBB": 0.3}, enable_fundamental=False)
    >>> [(target.asset, target.action, target.target_weight) for target in targets]
    [('BBB', 'decrease', 0.2), ('AAA', 'open', 0.2)]
    """

    def __init__(
        self,
        regime_detector: RegimeDetector,
        asset_manager: BucketManager | BucketSource | Mapping[str, Any] | None,
        technical_analyzer: Analyzer | None = None,
        fundamental_analyzer: Analyzer | None = None,
        data_manager: DataManager | None = None,
        *,
        market: MarketData | None = None,
        risk: RiskConfig | None = None,
    ) -> None:
        self.bucket_manager = BucketManager.of(asset_manager)
        self.universe_builder = UniverseBuilder(regime_detector, self.bucket_manager)
        self.scoring_service = ScoringService(technical_analyzer, fundamental_analyzer)
        if data_manager is not None and not isinstance(data_manager, DataManager):
            kind = type(data_manager).__name__
            raise SetupError(f"the data_manager, a {kind}, lacks get_candidate_data", "give an object that has it")
        self.data_manager = data_manager
        if risk is not None and market is None:
            raise SetupError("risk is given without prices to measure it on", "give market=MarketData(...)")
        self.market, self.risk = market, risk

    def rebalance(
        self,
        rebalance_date: Date,
        current_positions: Mapping[str, float] | SharePositions,
        limits: RebalancingLimits | None = None,
        bucket_names: Iterable[str] | None = None,
        min_trending_confidence: float = MIN_TRENDING_CONFIDENCE,
        enable_technical: bool = True,
        enable_fundamental: bool = True,
        technical_weight: float = ScoreWeights.technical_weight,
        fundamental_weight: float = ScoreWeights.fundamental_weight,
        exposures: Any = None,
    ) -> list[RebalancingTarget]:
        """The targets of `run`, with the same arguments: one for every asset considered, the largest first."""
        scoring = (enable_technical, enable_fundamental, technical_weight, fundamental_weight, exposures)
        run = self.run(rebalance_date, current_positions, limits, bucket_names, min_trending_confidence, *scoring)
        return list(run.targets)

    def run(
        self,
        rebalance_date: Date,
        current_positions: Mapping[str, float] | SharePositions,
        limits: RebalancingLimits | None = None,
        bucket_names: Iterable[str] | None = None,
        min_trending_confidence: float = MIN_TRENDING_CONFIDENCE,
        enable_technical: bool = True,
        enable_fundamental: bool = True,
        technical_weight: float = ScoreWeights.technical_weight,
        fundamental_weight: float = ScoreWeights.fundamental_weight,
        exposures: Any = None,
    ) -> EngineRun:
        """Rebalance, with everything known about how.

        Parameters
        ----------
        rebalance_date
            The date that is handed to detector and analysers.
        current_positions
            Asset -> weight held now, as a fraction of the account's value; or `SharePositions`, for a run with a `plan`.
        limits
            What the rebalance may and must do; by default without bucket limits. Limits that change in a regime are those
            of the regime that is detected, unless they are set to one.
        bucket_names
            The buckets that new assets may come from; all by default.
        min_trending_confidence
            How sure a trend must be (0 to 1).
        enable_technical, enable_fundamental
            Which of the two scores count.
        technical_weight, fundamental_weight
            How much each counts; only their ratio matters.
        exposures
            The buckets of the schemes in `limits.exposures`, as `trimtab.rebalance` takes them.

        Raises
        ------
        SetupError
            A part that is missing or gives an impossible answer; a bucket that does not exist.
        InputError
            Impossible current positions or exposures.
        LimitsError
            Limits for a bucket that does not exist.
        UnmetLimitError
            A limit cannot be met and `on_unmet` is "raise".
        """
        limits, held = given_limits(limits), _weights(current_positions)
        steps = _Steps()
        with steps.timed("universe"):
            chosen = (limits, bucket_names, min_trending_confidence)
            universe = self.universe_builder.get_universe(rebalance_date, held, *chosen)
        limits = limits_in(limits, universe.regime)
        steps.count = 5 if limits.enable_bucket_diversification else 4
        steps.log("universe of %s, regime %s", counted(len(universe.assets), "asset"), universe.regime)
        with steps.timed("scores"):
            scored = self.scoring_service.score_assets(
                universe,
                held,
                enable_technical=enable_technical,
                enable_fundamental=enable_fundamental,
                technical_weight=technical_weight,
                fundamental_weight=fundamental_weight,
            )
        unscored = [asset.asset for asset in scored if asset.combined_score is None]
        having = counted(len(scored) - len(unscored), "asset")
        steps.log("%s scored, without a score: %s", having, listed(unscored) or "none")
        rows, limits = self._candidates(rebalance_date, scored, limits)
        risk, correlations = None, None
        if self.risk is not None or limits.max_correlation is not None:
            with steps.timed("risk"):
                risk, correlations = self._measured(rebalance_date, rows, limits)
                limits = limits if risk is None else risk.limits
        with steps.timed("rules"):
            made = None
            if isinstance(current_positions, SharePositions):
                made = current_positions.plan(rows, limits, correlations, exposures)
                result = made.result
            else:
                result = rebalance(rows, limits, correlations=correlations, exposures=exposures)
        run = EngineRun(universe, scored, result, MappingProxyType(steps.seconds), self.bucket_manager, risk, made)
        self._log_pass(run, steps)
        return run

    def _candidates(
        self, date: Date, scored: tuple[AssetScore, ...], limits: RebalancingLimits
    ) -> tuple[list[dict[str, Any]], RebalancingLimits]:
        """The rows of the table of candidates, and the limits that fit it."""
        if not scored:
            raise SetupError(
                "the universe is empty",
                "nothing is held, and neither the regime_detector nor bucket_names name a bucket with assets",
            )
        if self.data_manager is None:
            needed = limits.sizing_column
            if needed is not None:
                raise SetupError(
                    f"sizing_mode {limits.sizing_mode!r} needs the {needed} of each asset",
                    "give a data_manager that knows it, or another sizing_mode",
                )
            return self.bucket_manager.candidates(scored, limits)
        assets = tuple(asset.asset for asset in scored)
        columns = self.data_manager.get_candidate_data(date, assets)
        asked = frozenset(assets)
        for asset, values in columns.items():
            if asset not in asked:
                advice = "give only the assets that get_candidate_data is called with"
                raise SetupError(f"the data_manager names the asset {asset!r}, which is not in the universe", advice)
            for name in values:
                if name not in _MORE_COLUMNS:
                    raise SetupError(f"the data_manager gives {name!r} for {asset!r}", nearest(name, _MORE_COLUMNS))
        return self.bucket_manager.candidates(scored, limits, columns)

    def _measured(
        self, date: Date, rows: list[dict[str, Any]], limits: RebalancingLimits
    ) -> tuple[RiskAdjusted | None, Correlations | None]:
        """The limits by risk, and the correlations of the candidates, if they are needed."""
        if self.market is None:
            limit = f"max_correlation is {limits.max_correlation:g}"
            problem = f"{limit}, but there are no prices to measure correlations on"
            raise SetupError(problem, "give market=MarketData(...), or leave max_correlation out")
        from trimtab.scoring.bucket_risk import risk_adjusted  # noqa: PLC0415 - polars, where it is needed
        from trimtab.scoring.price_correlations import price_correlations  # noqa: PLC0415

        view = self.market.as_of(date)
        bucket_of = {row["asset"]: row["bucket"] for row in rows}
        risk = None if self.risk is None else risk_adjusted(limits, view, self.risk, bucket_of)
        return risk, None if limits.max_correlation is None else price_correlations(view, bucket_of)

    @staticmethod
    def _log_pass(run: EngineRun, steps: _Steps) -> None:
        """Log what the pass decided."""
        if not _LOG.isEnabledFor(logging.INFO):
            return
        if run.bucket_result is not None:
            rejected = len(run.bucket_result.rejected_assets)
            steps.log("bucket limits: %s kept out, %s", counted(rejected, "asset"), run.result.status)
            for sentence in (*run.bucket_result.enforcement_actions, *run.bucket_result.violations_fixed):
                _LOG.info("  %s", sentence)
        for sentence in () if run.risk is None else run.risk.sentences:
            _LOG.info("  %s", sentence)
        steps.log("%s selected", counted(len(run.selection.selected_assets), "asset"))
        cash, turnover = 100 * run.result.cash_weight, 100 * run.result.turnover
        steps.log("%s, cash %.2f %%, turnover %.2f %%", counted(run.result.positions, "position"), cash, turnover)


def _weights(current_positions: Any) -> dict[str, float]:
    """The current positions as a dict of weights; a pandas Series will do."""
    if isinstance(current_positions, SharePositions):
        return current_positions.weights()
    try:
        return dict(current_positions.items())
    except (AttributeError, TypeError, ValueError):
        kind = type(current_positions).__name__
        fault = Fault(f"current_positions is a {kind}", "map each asset to its weight; {} if nothing is held")
        raise InputError([fault]) from None


class _Steps:
    """Numbers the steps of a run, and times them."""

    def __init__(self) -> None:
        self.count, self.done = 0, 0
        self.seconds: dict[str, float] = {}

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - began

    def log(self, text: str, *values: object) -> None:
        """The next step's line, as `Step n/N: ...`."""
        self.done += 1
        _LOG.info(f"Step %d/%d: {text}", self.done, self.count, *values)

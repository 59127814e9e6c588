"""The selection service: which assets to hold, then how much of each; and the targets that follow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property, partial
from typing import Any

from trimtab.candidates.equality import compared_by_value
from trimtab.engine.asset_score import AssetPriority, AssetScore
from trimtab.engine.bucket_manager import BucketManager, BucketSource, scored
from trimtab.errors import Fault, InputError, SetupError, nearest
from trimtab.limits.given_limits import given_limits
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.reasons import Action, Reason, SizeReason
from trimtab.rebalancing.stages import Staged, select, size

_ACTIONS = tuple(member.code for member in Action)
_REASONS = tuple(member.code for member in Reason)
_SIZES = tuple(member.code for member in SizeReason)


@dataclass(frozen=True)
class RebalancingTarget:
    """The decision on an asset: from `current_weight` to `target_weight`, fractions of the account's value.

    `action`, `reason` and `size_reason` are the codes of the rules (section 8); `detail` is the sentence.
    """

    asset: str
    target_weight: float
    current_weight: float
    action: str
    priority: AssetPriority
    score: float | None
    bucket: str
    reason: str
    size_reason: str = ""
    say: Callable[[], str] = field(default=str, repr=False, compare=False)  # makes `detail` when it is first read

    @cached_property
    def detail(self) -> str:
        """Why, in words: which limit, its value, and what took the place."""
        return self.say()

    def to_dict(self) -> dict[str, Any]:
        """The target as plain values."""
        values = {known.name: getattr(self, known.name) for known in fields(self) if known.name != "say"}
        return {**values, "priority": self.priority.code, "detail": self.detail}


class SelectionResult(list[AssetScore]):
    """The selected assets as a list; and beside it the others, and why.

    `rejected_assets` are the others. `reasons`: asset -> code of the rules, for every asset that was given; `limits`, the limits of
    the selection. The list is the caller's own and may be changed.
    """

    def __init__(self, staged: Staged, assets: Sequence[AssetScore], limits: RebalancingLimits) -> None:
        is_selected = staged.decided["selected"].tolist()
        super().__init__(asset for row, asset in enumerate(assets) if is_selected[row])
        self.rejected_assets = [asset for row, asset in enumerate(assets) if not is_selected[row]]
        self.reasons = {asset.asset: staged.reason(row).code for row, asset in enumerate(assets)}
        self.limits, self.scored_assets, self.staged = limits, tuple(assets), staged

    @property
    def selected_assets(self) -> list[AssetScore]:
        """The selected assets as a list of their own."""
        return list(self)

    @property
    def is_as_selected(self) -> bool:
        """Whether the list is unchanged."""
        return self == [asset for asset in self.scored_assets if asset not in self.rejected_assets]

    def detail(self, asset: str) -> str:
        """Why an asset is in or out, in words."""
        names = [known.asset for known in self.scored_assets]
        if asset not in names:
            raise InputError([Fault("the asset was not among those scored", nearest(asset, names), value=asset)])
        return self.staged.words(names.index(asset)).reason


@compared_by_value
class SelectionService:
    """Selection and sizing as two steps. Run one after the other, they are the whole pass.

    Parameters
    ----------
    bucket_manager
        Who is in which bucket: a `BucketManager` or what one is made from. By default the default map.

    Examples
    --------
    >>> service = SelectionService({"Tech": ["AAA", "BBB"]})
    >>> limits = RebalancingLimits(max_total_positions=1)
    >>> selection = service.select_by_score([AssetScore("AAA", 0.9), AssetScore("BBB", 0.8)], limits)
    >>> [asset.asset for asset in selection], selection.reasons["BBB"]
    (['AAA'], 'total_position_limit')
    >>> [(target.asset, target.target_weight) for target in service.create_rebalancing_targets(selection)]
    [('AAA', 0.2), ('BBB', 0.0)]
    """

    def __init__(self, bucket_manager: BucketManager | BucketSource | Mapping[str, Any] | None = None) -> None:
        self.bucket_manager = BucketManager.of(bucket_manager)

    def select_by_score(
        self, scored_assets: Iterable[AssetScore], limits: RebalancingLimits | None = None, *, correlations: Any = None
    ) -> SelectionResult:
        """The selected assets, by the rules' section 4; `correlations` as `trimtab.rebalance` takes them.

        Raises
        ------
        InputError
            No asset, an asset twice, an existing position without its weight, or weights that sum to more than 1.05.
        LimitsError
            Limits for a bucket that does not exist; a `max_correlation` without correlations.
        """
        assets = scored(scored_assets)
        if not assets:
            raise InputError([Fault("there are no scored assets", "give at least one")])
        unweighed = [asset.asset for asset in assets if asset.is_held and not asset.current_weight]
        if unweighed:
            problem = f"the existing position {unweighed[0]!r} has no current_weight"
            advice = "give it, or another priority if it is not held"
            raise InputError([Fault(problem, advice, column="current_weight")])
        rows, fitting = self.bucket_manager.candidates(assets, given_limits(limits))
        return SelectionResult(select(rows, fitting, correlations), assets, given_limits(limits))

    def create_rebalancing_targets(
        self,
        selected_assets: SelectionResult | Iterable[AssetScore],
        limits: RebalancingLimits | None = None,
        *,
        correlations: Any = None,
    ) -> list[RebalancingTarget]:
        """The weights of a selection, by the rules' sections 5 to 7: a target for every asset, the largest first.

        For what `select_by_score` returned, that is the whole pass: the assets that it rejected get their targets, too.
        Any other list of assets, such as a changed one or the output of a bucket enforcer, is selected first; a holding
        that is not in the list gets no target. `limits` are by default those of the selection.

        Raises
        ------
        SetupError
            Other limits than those of the selection.
        InputError, LimitsError
            As in `select_by_score`.
        """
        if isinstance(selected_assets, SelectionResult):
            if limits is not None and limits != selected_assets.limits:
                advice = "select again with these, or leave them out"
                raise SetupError("the selection was made with other limits", advice)
            limits = selected_assets.limits
        if not (isinstance(selected_assets, SelectionResult) and selected_assets.is_as_selected):
            selected_assets = self.select_by_score(selected_assets, limits, correlations=correlations)
        staged, _ = size(selected_assets.staged)
        return targets_of(staged, selected_assets.scored_assets)


def targets_of(staged: Staged, assets: Sequence[AssetScore]) -> list[RebalancingTarget]:
    """The targets that were decided: the largest weight first, then holdings, then by score."""
    return sorted(
        _targets(staged, assets),
        key=lambda target: (-target.target_weight, -target.current_weight, -(target.score or 0.0), target.asset),
    )


def _targets(staged: Staged, assets: Sequence[AssetScore]) -> Iterator[RebalancingTarget]:
    columns = [staged.decided[name].tolist() for name in ("target", "action", "reason", "size_reason")]
    for row, (asset, target, action, reason, size_reason) in enumerate(zip(assets, *columns, strict=True)):
        yield RebalancingTarget(
            asset.asset,
            target,
            asset.current_weight,
            _ACTIONS[action],
            asset.priority,
            asset.combined_score,
            staged.candidates.bucket.at(row) or "",
            _REASONS[reason],
            _SIZES[size_reason],
            partial(staged.sentence, row),
        )

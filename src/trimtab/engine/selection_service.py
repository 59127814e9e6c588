"""The selection service: who is held, then how much of each, stage by stage; and the targets that come out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

from trimtab.engine.asset_score import AssetPriority, AssetScore
from trimtab.engine.bucket_manager import BucketManager, BucketSource, scored
from trimtab.errors import Fault, InputError
from trimtab.limits.rebalancing_limits import RebalancingLimits, given_limits
from trimtab.reasons import Action, Reason, SizeReason
from trimtab.rebalancing.stages import Staged, select, size

_ACTIONS = tuple(member.code for member in Action)
_REASONS = tuple(member.code for member in Reason)
_SIZES = tuple(member.code for member in SizeReason)


@dataclass(frozen=True)
class RebalancingTarget:
    """What to do with an asset: from `current_weight` to `target_weight`, fractions of the account's value.

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
    say: Callable[[], str] = field(default=str, repr=False, compare=False)  # makes `detail`, when it is asked for

    @cached_property
    def detail(self) -> str:
        """Why, in words: which limit, its value, and who took the place."""
        return self.say()

    def to_dict(self) -> dict[str, Any]:
        """The target as plain values."""
        return {
            "asset": self.asset,
            "target_weight": self.target_weight,
            "current_weight": self.current_weight,
            "action": self.action,
            "priority": self.priority.code,
            "score": self.score,
            "bucket": self.bucket,
            "reason": self.reason,
            "size_reason": self.size_reason,
            "detail": self.detail,
        }


@dataclass(frozen=True)
class SelectionResult:
    """Who is held and who is not. `reasons`: asset -> code of the rules, for every asset that was given."""

    selected_assets: tuple[AssetScore, ...]
    rejected_assets: tuple[AssetScore, ...]
    reasons: Mapping[str, str] = field(hash=False)
    scored_assets: tuple[AssetScore, ...] = field(repr=False)
    staged: Staged = field(repr=False, compare=False)

    @classmethod
    def of(cls, staged: Staged, assets: Sequence[AssetScore]) -> SelectionResult:
        """The selection in what the stages have decided about these assets."""
        chosen = staged.decided["selected"].tolist()
        return cls(
            tuple(asset for at, asset in enumerate(assets) if chosen[at]),
            tuple(asset for at, asset in enumerate(assets) if not chosen[at]),
            {asset.asset: staged.reason(at).code for at, asset in enumerate(assets)},
            tuple(assets),
            staged,
        )

    def detail(self, asset: str) -> str:
        """Why an asset is in or out, in words."""
        names = [found.asset for found in self.scored_assets]
        return self.staged.words(names.index(asset)).reason


class SelectionService:
    """Selection and sizing as two steps. Together, and with nothing between them, they are the whole pass.

    Parameters
    ----------
    bucket_manager
        Who is in which bucket: a `BucketManager` or what one is made from. The default map where None.

    Examples
    --------
    >>> service = SelectionService({"Tech": ["AAA", "BBB"]})
    >>> limits = RebalancingLimits(max_total_positions=1)
    >>> selection = service.select_by_score([AssetScore("AAA", 0.9), AssetScore("BBB", 0.8)], limits)
    >>> [one.asset for one in selection.selected_assets], selection.reasons["BBB"]
    (['AAA'], 'total_position_limit')
    >>> [(one.asset, one.target_weight) for one in service.create_rebalancing_targets(selection)]
    [('AAA', 0.2), ('BBB', 0.0)]
    """

    def __init__(self, bucket_manager: BucketManager | BucketSource | Mapping[str, Any] | None = None) -> None:
        self.bucket_manager = BucketManager.of(bucket_manager)

    def select_by_score(
        self, scored_assets: Iterable[AssetScore], limits: RebalancingLimits | None = None, *, correlations: Any = None
    ) -> SelectionResult:
        """Who is held, by the rules' section 4; `correlations` as `trimtab.rebalance` takes them.

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
            raise InputError(
                [Fault(problem, "give it, or another priority if it is not held", column="current_weight")]
            )
        rows, fitting = self.bucket_manager.candidates(assets, given_limits(limits))
        return SelectionResult.of(select(rows, fitting, correlations), assets)

    def create_rebalancing_targets(self, selection: SelectionResult) -> list[RebalancingTarget]:
        """The weights of a selection, by the rules' sections 5 to 7; a target for every asset, the largest first."""
        staged, _ = size(selection.staged)
        return targets_of(staged, selection.scored_assets)


def targets_of(staged: Staged, assets: Sequence[AssetScore]) -> list[RebalancingTarget]:
    """The targets in what was decided about these assets: the largest weight first, then what is held, then by score."""
    found = list(_targets(staged, assets))
    return sorted(found, key=lambda one: (-one.target_weight, -one.current_weight, -(one.score or 0.0), one.asset))


def _targets(staged: Staged, assets: Sequence[AssetScore]) -> Iterator[RebalancingTarget]:
    decided, bucket = staged.decided, staged.candidates.bucket
    codes = zip(
        decided["target"].tolist(),
        decided["action"].tolist(),
        decided["reason"].tolist(),
        decided["size_reason"].tolist(),
        strict=True,
    )
    for row, (asset, (target, action, reason, size_reason)) in enumerate(zip(assets, codes, strict=True)):
        yield RebalancingTarget(
            asset.asset,
            target,
            asset.current_weight,
            _ACTIONS[action],
            asset.priority,
            asset.combined_score,
            bucket.at(row) or "",
            _REASONS[reason],
            _SIZES[size_reason],
            partial(_said, staged, row),
        )


def _said(staged: Staged, row: int) -> str:
    return staged.words(row).text

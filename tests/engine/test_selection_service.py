"""Selection and sizing as two steps: together they are the whole pass, to the last bit."""

from __future__ import annotations

import copy
import pickle
import random

import pytest
from cases import random_limits, random_rows
from thorough import mostly_thorough

from trimtab import (
    AssetPriority,
    AssetScore,
    BucketLimitsEnforcer,
    BucketManager,
    InputError,
    LimitsError,
    RebalancingLimits,
    SelectionService,
    SetupError,
    rebalance,
)
from trimtab.engine.selection_service import targets_of

SERVICE = SelectionService(BucketManager({"Tech": ["T1", "T2", "T3"], "Bond": ["B1"]}))
LIMITS = RebalancingLimits(
    enable_bucket_diversification=True, max_positions_per_bucket=2, max_allocation_per_bucket=0.3
)


def held(asset: str, score: float | None, weight: float) -> AssetScore:
    return AssetScore(asset, score, priority=AssetPriority.PORTFOLIO, current_weight=weight)


ASSETS = [held("T1", 0.7, 0.2), held("T2", 0.5, 0.1), AssetScore("T3", 0.9), AssetScore("B1", 0.8)]


def test_who_is_selected() -> None:
    """T2 is below .6; T3 takes the second place of Tech; B1 is strong."""
    selection = SERVICE.select_by_score(ASSETS, LIMITS)
    assert [asset.asset for asset in selection.selected_assets] == ["T1", "T3", "B1"]
    assert [asset.asset for asset in selection.rejected_assets] == ["T2"]
    assert selection.reasons == {"T1": "kept", "T2": "below_threshold", "T3": "added", "B1": "added"}
    assert (
        selection.detail("T2")
        == "Closed: its score of 0.5 is below the 0.6 that a holding needs (min_score_threshold)."
    )
    assert selection.scored_assets == tuple(ASSETS)


def test_the_targets_of_a_selection() -> None:
    """Tech shares .3 between two, B1 has its most, .2. The largest first, then what is held."""
    targets = SERVICE.create_rebalancing_targets(SERVICE.select_by_score(ASSETS, LIMITS))
    assert [(asset.asset, asset.target_weight, asset.action, asset.size_reason) for asset in targets] == [
        ("B1", pytest.approx(0.2), "open", "capped_position"),
        ("T1", pytest.approx(0.15), "decrease", "capped_bucket"),
        ("T3", pytest.approx(0.15), "open", "capped_bucket"),
        ("T2", 0.0, "close", ""),
    ]
    first, last = targets[0], targets[-1]
    assert first.detail == (
        "Added: its score of 0.8 meets the 0.65 that a new position needs (min_score_new_position). Weight 20.00%: capped at its largest weight (max_position_weight 0.2)."
    )
    assert last.to_dict() == {
        "asset": "T2",
        "target_weight": 0.0,
        "current_weight": 0.1,
        "action": "close",
        "priority": "portfolio",
        "score": 0.5,
        "bucket": "Tech",
        "reason": "below_threshold",
        "size_reason": "",
        "detail": "Closed: its score of 0.5 is below the 0.6 that a holding needs (min_score_threshold).",
    }
    assert "say" not in repr(first)


def test_defaults() -> None:
    selection = SelectionService().select_by_score([AssetScore("AAPL", 0.9)])
    (target,) = SelectionService().create_rebalancing_targets(selection)
    assert (target.bucket, target.target_weight) == (
        "Equity/Information Technology/Technology Hardware, Storage & Peripherals",
        0.2,
    )


def test_a_limit_for_a_bucket_of_the_manager_is_no_typo() -> None:
    """No bond is a candidate today, but there are bonds; a bucket that nobody knows is still an error."""
    limits = LIMITS.replace(buckets={"Bond": {"max_positions": 1}})
    assert SERVICE.select_by_score(ASSETS[:3], limits).reasons["T3"] == "added"
    with pytest.raises(LimitsError, match=r"buckets\['Bnd'\]: no candidate is in this bucket"):
        SERVICE.select_by_score(ASSETS, LIMITS.replace(buckets={"Bnd": {"max_positions": 1}}))


def test_what_is_refused() -> None:
    with pytest.raises(
        InputError, match="the existing position 'T1' has no current_weight: give it, or another priority"
    ):
        SERVICE.select_by_score([AssetScore("T1", 0.9, priority=AssetPriority.PORTFOLIO)])
    with pytest.raises(InputError, match="there are no scored assets: give at least one"):
        SERVICE.select_by_score([])
    with pytest.raises(LimitsError, match="limits must be RebalancingLimits"):
        SERVICE.select_by_score(ASSETS, {"max_total_positions": 3})  # type: ignore[arg-type]


@pytest.mark.parametrize("first", mostly_thorough(range(60_000, 62_000, 500)))
@pytest.mark.thorough
def test_the_two_steps_are_the_whole_pass(first: int) -> None:
    for seed in range(first, first + 500):
        rng = random.Random(seed)
        rows = random_rows(rng, restricted=False)
        limits = random_limits(rng, sizing_mode=rng.choice(["equal_weight", "score_weighted", "adaptive"]))
        plain = [{name: row[name] for name in ("asset", "score", "bucket", "current_weight")} for row in rows]
        buckets: dict[str, list[str]] = {}
        for row in plain:
            buckets.setdefault(row["bucket"] or "Unknown", []).append(row["asset"])
        assets = [AssetScore(row["asset"], row["score"], current_weight=row["current_weight"]) for row in plain]
        service = SelectionService(BucketManager(buckets))
        targets = service.create_rebalancing_targets(service.select_by_score(assets, limits))
        whole = rebalance(plain, limits)
        assert targets == targets_of(whole.staged, assets), f"seed {seed}"
        assert [asset.detail for asset in targets[:3]] == [
            whole.details()[[row["asset"] for row in plain].index(asset.asset)] for asset in targets[:3]
        ]


def test_a_selection_is_a_list_of_its_own() -> None:
    """A reader of the brief takes it for the list of selected assets, and may change it."""
    selection = SERVICE.select_by_score(ASSETS, LIMITS)
    assert isinstance(selection, list)
    assert [asset.asset for asset in selection] == ["T1", "T3", "B1"]
    targets = SERVICE.create_rebalancing_targets(selection)
    assert targets == SERVICE.create_rebalancing_targets(selection, LIMITS)
    assert {target.asset for target in targets} == {"T1", "T2", "T3", "B1"}
    for copied in (copy.copy(selection), copy.deepcopy(selection), pickle.loads(pickle.dumps(selection))):
        assert copied == selection
        assert copied.reasons == selection.reasons
        assert SERVICE.create_rebalancing_targets(copied) == targets
    selection.selected_assets.clear()
    assert len(selection) == 3
    selection.pop()
    assert [target.asset for target in SERVICE.create_rebalancing_targets(selection)] == ["T1", "T3"]


def test_targets_of_a_plain_list() -> None:
    """As in the brief: what the enforcer left, or any list of assets, becomes targets by the limits that are given."""
    left = BucketLimitsEnforcer(SERVICE.bucket_manager).apply_bucket_limits(ASSETS).selected_assets
    targets = SERVICE.create_rebalancing_targets(left, LIMITS)
    assert targets == SERVICE.create_rebalancing_targets(SERVICE.select_by_score(left, LIMITS))
    assert [target.asset for target in SERVICE.create_rebalancing_targets(iter(left[:1]), LIMITS)] == ["T1"]


def test_other_limits_than_those_of_the_selection() -> None:
    selection = SERVICE.select_by_score(ASSETS, LIMITS)
    with pytest.raises(SetupError, match="the selection was made with other limits: select again with these"):
        SERVICE.create_rebalancing_targets(selection, RebalancingLimits())


def test_the_reason_of_an_asset_that_was_not_scored() -> None:
    with pytest.raises(InputError, match=r"the asset was not among those scored \(received 'T4'\): did you mean 'T"):
        SERVICE.select_by_score(ASSETS, LIMITS).detail("T4")

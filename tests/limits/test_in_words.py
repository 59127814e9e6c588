"""The limits in plain language: every field is in it, and with its value."""

from __future__ import annotations

import pytest
from command_line import run

from trimtab.limits.in_words import described_fields, rule_sheet, rule_sheet_text
from trimtab.limits.presets import preset_names
from trimtab.limits.rebalancing_limits import RebalancingLimits, limit_fields

ON = {"enable_bucket_diversification": True}
OTHER = {
    "max_total_positions": (8, "at most 8 positions"),
    "max_new_positions": (1, "at most 1 asset that is not held"),
    "min_score_threshold": (0.55, "Keep a holding with a score of at least 0.55"),
    "min_score_diversification": (0.61, "missing bucket with a score of at least 0.61"),
    "min_score_new_position": (0.71, "Buy an asset with a score of at least 0.71"),
    "target_invested": (0.9, "Invest 90% of the account"),
    "full_investment_positions": (7, "fewer than 7 positions"),
    "max_position_weight": (0.15, "at most 15% in one asset"),
    "min_position_weight": (0.035, "at least 3.5% in an asset"),
    "enable_bucket_diversification": (False, "enable_bucket_diversification is off"),
    "max_positions_per_bucket": (1, "at most 1 position in a bucket"),
    "max_allocation_per_bucket": (0.3, "at most 30% in a bucket"),
    "min_buckets_represented": (3, "at least 3 buckets"),
    "allow_bucket_overflow": (True, "has no free position"),
    "enforce_position_limits": (False, "enforce_position_limits is off"),
    "enforce_allocation_limits": (False, "enforce_allocation_limits is off"),
    "enforce_min_buckets": (False, "enforce_min_buckets is off"),
    "max_correlation": (0.7, "another position of its bucket is above 0.7, or not known"),
    "bucket_level": (2, "the first 2 parts"),
    "bucket_separator": ("", "which is one part"),
    "known_buckets": (["Gold"], "whether a candidate is in them or not: Gold"),
    "buckets": (
        {"Tech": {"max_positions": 2, "max_allocation": 0.25, "min_allocation": 0.05}},
        "Tech: at most 2 positions",
    ),
    "sizing_mode": ("desired", "desired_weight"),
    "residual_strategy": ("cash", "stays in cash"),
    "no_trade_band": (0.1, "within 10% of its size"),
    "min_trade": (0.005, "within 0.5% of the account"),
    "cash_band": (0.01, "no more than 1% of cash"),
    "drift_tolerance": (0.1, "by up to 10% of the limit"),
    "dust_weight": (0.0005, "below 0.05% is dust"),
    "unscored_positions": ("close", "Close a holding without a score"),
    "unknown_bucket": ("hold", "buy nothing there"),
    "brake_sold_weight": (0.4, "more than 40% would be sold"),
    "brake_closed_positions": (1, "more than 1 holding would be closed"),
    "on_unmet": ("raise", "is an error"),
    "regime": ("Deflation", "those in force in the regime 'Deflation'"),
    "regimes": (
        {"Inflation": {"max_total_positions": 6, "brake_sold_weight": 0.5}, "Reflation": {}},
        "In the regime 'Inflation': max_total_positions 6 instead of 10; brake_sold_weight 0.5 instead of none.",
    ),
}
# What another field needs to stand beside it.
BESIDE = {"regime": {"regimes": {"Deflation": {}}}}


def test_every_field_has_its_sentence() -> None:
    assert described_fields() == {field.name for field in limit_fields()} == set(OTHER)


@pytest.mark.parametrize("name", OTHER)
def test_another_value_is_another_text(name: str) -> None:
    value, words = OTHER[name]
    base = {**ON, **BESIDE.get(name, {})}
    before, after = (
        rule_sheet_text(RebalancingLimits(**base)),
        rule_sheet_text(RebalancingLimits(**{**base, name: value})),
    )
    assert words in after
    assert words not in before


def test_the_whole_of_it() -> None:
    limits = RebalancingLimits(**ON, buckets={"Tech": {"max_positions": 2, "max_allocation": 0.25}, "Bond": {}})
    assert rule_sheet_text(limits).splitlines() == [
        "Positions",
        "  - Hold at most 10 positions.",
        "  - Buy at most 3 assets that are not held before.",
        "  - Keep a holding with a score of at least 0.6.",
        "  - Buy an asset with a score of at least 0.65.",
        "  - Buy one that represents a missing bucket with a score of at least 0.6.",
        "  - Keep a holding without a score as it is.",
        "  - A holding below 0.1% is dust: it competes as a new asset and is closed if not selected.",
        "",
        "Buckets",
        '  - A bucket is the first part of its path, parts separated by "/".',
        "  - Hold at most 4 positions in a bucket.",
        "  - Hold at most 40% in a bucket.",
        "  - Hold positions in at least 2 buckets, if the candidates allow it.",
        "  - Close the lowest holdings of a bucket with more positions than it may have.",
        "  - All that has no bucket is one limited bucket, which represents nothing.",
        "  - Tech: at most 2 positions, at most 25%.",
        "  - Bond: as the general limits say.",
        "",
        "Weights",
        "  - Invest 95% of the account; the rest is cash.",
        "  - Hold at most 20% in one asset.",
        "  - Hold at least 2% in an asset that is held.",
        "  - Wish the same weight for every position.",
        "  - What limits cut off a position goes to the others.",
        "",
        "Trades",
        "  - Leave a holding alone while it is within 20% of its size, or within 0.1% of the account, and no limit and "
        "no more than 2% of cash stands against that.",
        "  - No holding and no bucket may drift above a limit.",
        "  - No brake is set: all that the rules decide is traded.",
        "  - A limit that cannot be met is reported.",
    ]


def test_what_is_off_is_not_listed() -> None:
    buckets = next(section for section in rule_sheet(RebalancingLimits()) if section.title == "Buckets")
    assert buckets.sentences == ("Buckets do not matter: enable_bucket_diversification is off.",)
    assert "missing bucket" not in rule_sheet_text(RebalancingLimits())


@pytest.mark.parametrize("name", preset_names())
def test_on_the_command_line(name: str) -> None:
    shown = run("limits", "describe", "--preset", name)
    assert shown.exit_code == 0
    assert shown.stdout == rule_sheet_text(RebalancingLimits.preset(name))


def test_a_regime_that_changes_nothing_is_said_too() -> None:
    text = rule_sheet_text(RebalancingLimits(regimes={"Reflation": {}}))
    assert text.endswith("Regimes\n  - In the regime 'Reflation': nothing changes.\n")

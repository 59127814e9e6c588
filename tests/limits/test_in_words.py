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
    "max_new_positions": (1, "at most 1 new position."),
    "min_score_threshold": (0.55, "Keep holdings that score at least 0.55"),
    "min_score_diversification": (0.61, "missing bucket, buy assets that score at least 0.61"),
    "min_score_new_position": (0.71, "Buy assets that score at least 0.71"),
    "target_invested": (0.9, "Invest 90% of the account"),
    "full_investment_positions": (7, "fewer than 7 positions"),
    "max_position_weight": (0.15, "at most 15% in one asset"),
    "min_position_weight": (0.035, "at least 3.5% in every position"),
    "enable_bucket_diversification": (False, "enable_bucket_diversification is off"),
    "max_positions_per_bucket": (1, "at most 1 position per bucket"),
    "max_allocation_per_bucket": (0.3, "at most 30% per bucket"),
    "min_buckets_represented": (3, "at least 3 buckets"),
    "allow_bucket_overflow": (True, "even where their bucket has too many positions"),
    "enforce_position_limits": (False, "enforce_position_limits is off"),
    "enforce_allocation_limits": (False, "enforce_allocation_limits is off"),
    "enforce_min_buckets": (False, "enforce_min_buckets is off"),
    "max_correlation": (0.7, "another position in its bucket is above 0.7 or unknown"),
    "bucket_level": (2, "the first 2 parts"),
    "bucket_separator": ("", "is its whole name"),
    "known_buckets": (["Gold"], "even without a candidate: Gold"),
    "buckets": (
        {"Tech": {"max_positions": 2, "max_allocation": 0.25, "min_allocation": 0.05}},
        "Tech: at most 2 positions",
    ),
    "exposures": ({"country": {"max_exposure": 0.45}}, "country: hold at most 45% in each bucket, Unknown included."),
    "enforce_exposure_limits": (False, "enforce_exposure_limits is off"),
    "concentration": ({"issuer": {}}, "at most 40% in all that weigh more than 5%"),
    "sizing_mode": ("desired", "desired_weight"),
    "residual_strategy": ("cash", "stays in cash"),
    "no_trade_band": (0.1, "within 10% of its target weight"),
    "min_trade": (0.005, "within 0.5% of the account"),
    "cash_band": (0.01, "more than 1% of unwanted cash"),
    "drift_tolerance": (0.1, "by up to 10% of it"),
    "dust_weight": (0.0005, "below 0.05% is dust"),
    "unscored_positions": ("close", "Close holdings without a score"),
    "unknown_bucket": ("hold", "buy no asset without one"),
    "brake_sold_weight": (0.4, "If more than 40% would be sold"),
    "brake_closed_positions": (1, "If more than 1 holding would close"),
    "on_unmet": ("raise", "Fail with an error"),
    "regime": ("Deflation", "those of the regime 'Deflation'"),
    "regimes": (
        {"Inflation": {"max_total_positions": 6, "brake_sold_weight": 0.5}, "Reflation": {}},
        "In the regime 'Inflation': max_total_positions is 6 instead of 10; brake_sold_weight is 0.5 instead of not set.",
    ),
}
# What another field needs to stand beside it.
BESIDE = {"regime": {"regimes": {"Deflation": {}}}, "enforce_exposure_limits": {"exposures": {"country": {}}}}


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
        "  - Open at most 3 new positions.",
        "  - Keep holdings that score at least 0.6.",
        "  - Buy assets that score at least 0.65.",
        "  - To represent a missing bucket, buy assets that score at least 0.6.",
        "  - Keep holdings without a score unchanged.",
        "  - A holding below 0.1% is dust: it competes as a new asset and is closed if not selected.",
        "",
        "Buckets",
        '  - A bucket is the first part of its path; parts are separated by "/".',
        "  - Hold at most 4 positions per bucket.",
        "  - Hold at most 40% per bucket.",
        "  - Hold positions in at least 2 buckets, if candidates allow.",
        "  - Where a bucket has too many positions, close its lowest-ranked holdings.",
        "  - Assets without a bucket share one, Unknown, which does not count toward the minimum.",
        "  - Tech: at most 2 positions, at most 25%.",
        "  - Bond: no limit of its own.",
        "",
        "Weights",
        "  - Invest 95% of the account; the rest is cash.",
        "  - Hold at most 20% in one asset.",
        "  - Hold at least 2% in every position.",
        "  - Aim for equal weights.",
        "  - Weight trimmed from a position is spread over the others.",
        "",
        "Trades",
        "  - Leave a holding alone while it is within 20% of its target weight, or within 0.1% of the account, unless that "
        "breaks a limit or leaves more than 2% of unwanted cash.",
        "  - Holdings and buckets may not drift above a limit.",
        "  - No brake stops large sales (brake_sold_weight, brake_closed_positions).",
        "  - Report limits that cannot be met.",
    ]


def test_what_is_off_is_not_listed() -> None:
    buckets = next(section for section in rule_sheet(RebalancingLimits()) if section.title == "Buckets")
    assert buckets.sentences == ("Buckets do not matter (enable_bucket_diversification is off).",)
    assert "missing bucket" not in rule_sheet_text(RebalancingLimits())


@pytest.mark.parametrize("name", preset_names())
def test_on_the_command_line(name: str) -> None:
    shown = run("limits", "describe", "--preset", name)
    assert shown.exit_code == 0
    assert shown.stdout == rule_sheet_text(RebalancingLimits.preset(name), plan=True)


def test_a_regime_that_changes_nothing_is_said_too() -> None:
    text = rule_sheet_text(RebalancingLimits(regimes={"Reflation": {}}))
    assert text.endswith("Regimes\n  - In the regime 'Reflation': nothing changes.\n")


@pytest.mark.parametrize(
    ("values", "absent", "present"),
    [
        ({"sizing_mode": "desired"}, "spread over the others", "trimmed from a position stays in cash"),
        ({**ON, "min_buckets_represented": 0}, "missing bucket", "(min_buckets_represented is 0)"),
        ({**ON, "enforce_min_buckets": False}, "toward the minimum", "share one, Unknown."),
        ({**ON, "enforce_position_limits": False, "enforce_allocation_limits": False}, "lowest-ranked", "any weight"),
        (
            {**ON, "enforce_position_limits": False, "buckets": {"A": {"max_positions": 2}}},
            "2 positions",
            "A: no limit",
        ),
        (
            {
                **ON,
                "enforce_allocation_limits": False,
                "buckets": {"A": {"max_allocation": 0.3, "min_allocation": 0.2}},
            },
            "30%",
            "A: no limit of its own",
        ),
        ({"dust_weight": 0.0}, "dust", "Trades"),
        ({"min_position_weight": 0.0, "max_position_weight": 0.3}, "in every position", "30% in one asset"),
        ({"no_trade_band": 0.0, "min_trade": 0.0}, "Leave a holding alone", "however small the trade"),
    ],
)
def test_a_sentence_whose_limit_has_no_effect_is_not_said(values: dict[str, object], absent: str, present: str) -> None:
    text = rule_sheet_text(RebalancingLimits(**values))
    assert absent not in text
    assert present in text

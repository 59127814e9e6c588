"""Who is selected, and why: small accounts, each worked out by hand from the rules before the code was run.

The arithmetic stands beside what is expected. `.95 / .02 = 47` positions fit the whole portfolio unless a test says
otherwise, so that number never binds there; a position holds at most .2.
"""

from __future__ import annotations

from typing import Any

import pytest

from trimtab import rebalance
from trimtab.certificate.certificate import Constraint
from trimtab.errors import InputError, UnmetLimitError
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.rebalancing.result import RebalanceResult

Row = dict[str, Any]
Decided = tuple[float, str, str, str]  # target weight, action, reason, size reason


pytestmark = pytest.mark.usefixtures("also_plain")


def asset(name: str, score: float | None, current: float = 0.0, bucket: str | None = None, **more: Any) -> Row:
    """One candidate."""
    empty = {"restriction": "", "max_weight": None, "desired_weight": None, "volatility": None}
    return {"asset": name, "score": score, "current_weight": current, "bucket": bucket, **empty, **more}


def decide(rows: list[Row], limits: RebalancingLimits, expected: dict[str, Decided]) -> RebalanceResult:
    """Rebalance, with the rows in both orders, and compare all of every row."""
    for ordered in (rows[::-1], rows):
        result = rebalance(ordered, limits)
        by_name = {row["asset"]: row for row in result.targets}
        words = {name: (row["action"], row["reason"], row["size_reason"]) for name, row in by_name.items()}
        assert words == {name: wanted[1:] for name, wanted in expected.items()}
        weights = {name: row["target_weight"] for name, row in by_name.items()}
        assert weights == pytest.approx({name: wanted[0] for name, wanted in expected.items()}, abs=1e-12)
        for row in by_name.values():
            assert row["target_weight"] == row["current_weight"] or row["action"] not in ("hold", "none")
    return result


def constraint(result: RebalanceResult, name: str, node: str = "") -> Constraint:
    """One line of the certificate."""
    (rows,) = [line for line in result.certificate if (line.name, line.node) == (name, node)]
    return rows


def detail(rows: list[Row], result: RebalanceResult, name: str) -> str:
    """The sentence about one asset."""
    return result.details()[[row["asset"] for row in rows].index(name)]


def bucketed(**changes: Any) -> RebalancingLimits:
    """Limits with buckets on and enough new positions; representation asks for one bucket."""
    wide = {"enable_bucket_diversification": True, "max_new_positions": 10, "min_buckets_represented": 1}
    return RebalancingLimits.from_dict({**wide, **changes})


def out(reason: str, action: str = "none") -> Decided:
    """What is expected of an asset that is not selected."""
    return (0.0, action, reason, "")


OPENED: Decided = (0.2, "open", "added", "capped_position")
RAISED: Decided = (0.2, "increase", "kept", "capped_position")


# --- order ------------------------------------------------------------------------------------------------------------


def test_holdings_come_before_better_new_assets() -> None:
    # Two slots: the holdings .61 and .60 (exactly the threshold) both qualify; .99 replaces nobody.
    # Sizes: .95 over two positions would be .475, each is capped at .2 (the total cannot be reached).
    rows = [asset("H1", 0.60, 0.1), asset("H2", 0.61, 0.1), asset("N", 0.99)]
    decide(
        rows,
        RebalancingLimits(max_total_positions=2),
        {"H1": RAISED, "H2": RAISED, "N": out("total_position_limit")},
    )


def test_a_holding_below_the_threshold_makes_room() -> None:
    rows = [asset("H1", 0.5999, 0.1), asset("H2", 0.61, 0.1), asset("N", 0.99)]
    decide(
        rows,
        RebalancingLimits(max_total_positions=2),
        {"H1": out("below_threshold", "close"), "H2": RAISED, "N": OPENED},
    )


def test_new_assets_enter_by_score_until_max_new() -> None:
    # Two may enter: .9 and .8. For A the total (2 of 10) is not full, the new positions (2 of 2) are.
    rows = [asset("A", 0.7), asset("B", 0.9), asset("C", 0.8)]
    decide(rows, RebalancingLimits(max_new_positions=2), {"A": out("new_position_limit"), "B": OPENED, "C": OPENED})


def test_increases_are_not_new_positions() -> None:
    rows = [asset("A", 0.7, 0.1), asset("B", 0.9)]
    decide(rows, RebalancingLimits(max_new_positions=0), {"A": RAISED, "B": out("new_position_limit")})


def test_equal_scores_go_by_weight_then_by_name() -> None:
    # Score .8 for all. Weights: B .20 first; A and C .10, A by name; D .05 last. Two slots: B, A.
    # B is at .2 already and stays; A goes from .1 to .2.
    rows = [asset("A", 0.8, 0.10), asset("B", 0.8, 0.20), asset("C", 0.8, 0.10), asset("D", 0.8, 0.05)]
    decide(
        rows,
        RebalancingLimits(max_total_positions=2),
        {
            "A": RAISED,
            "B": (0.2, "hold", "kept", "held_in_band"),
            "C": out("total_position_limit", "close"),
            "D": out("total_position_limit", "close"),
        },
    )


def test_score_beats_weight() -> None:
    rows = [asset("A", 0.7, 0.3), asset("B", 0.8, 0.1)]
    decide(rows, RebalancingLimits(max_total_positions=1), {"A": out("total_position_limit", "close"), "B": RAISED})


def test_new_assets_with_equal_scores_go_by_name() -> None:
    rows = [asset("B", 0.8), asset("A", 0.8)]
    decide(rows, RebalancingLimits(max_new_positions=1), {"A": OPENED, "B": out("new_position_limit")})


# --- precedence of the limits -----------------------------------------------------------------------------------------


def test_the_total_limit_is_named_before_the_limit_of_new_positions() -> None:
    # One slot, one new: A takes both; B lacks both, the total comes first.
    rows = [asset("A", 0.9), asset("B", 0.8)]
    decide(
        rows,
        RebalancingLimits(max_total_positions=1, max_new_positions=1),
        {"A": OPENED, "B": out("total_position_limit")},
    )


def test_the_limit_of_new_positions_is_named_before_a_bucket() -> None:
    # Two new, two in Tech: C lacks both; max_new_positions comes first.
    rows = [asset("A", 0.9, bucket="Tech"), asset("B", 0.8, bucket="Tech"), asset("C", 0.7, bucket="Tech")]
    decide(
        rows,
        bucketed(max_new_positions=2, max_positions_per_bucket=2),
        {"A": OPENED, "B": OPENED, "C": out("new_position_limit")},
    )


def test_max_positions_is_named_before_the_derived_number() -> None:
    # Tech: 2 positions at most, and .04 / .02 = 2 fit. C lacks both.
    # Sizes: both minima fill the .04, at level 0 already: lifted to the minimum.
    rows = [asset("A", 0.9, bucket="Tech"), asset("B", 0.8, bucket="Tech"), asset("C", 0.7, bucket="Tech")]
    small: Decided = (0.02, "open", "added", "lifted_to_minimum")
    decide(
        rows,
        bucketed(buckets={"Tech": {"max_positions": 2, "max_allocation": 0.04}}),
        {"A": small, "B": small, "C": out("bucket_position_limit")},
    )


# --- buckets ----------------------------------------------------------------------------------------------------------


def test_a_full_bucket_leaves_room_elsewhere() -> None:
    # Tech has 2 slots: .9, .8. Bond's .7 enters although Tech's .75 is better. Tech weighs .2 + .2, its limit .4.
    rows = [
        asset("A", 0.9, bucket="Tech"),
        asset("B", 0.8, bucket="Tech"),
        asset("C", 0.75, bucket="Tech"),
        asset("D", 0.7, bucket="Bond"),
    ]
    result = decide(
        rows,
        bucketed(max_positions_per_bucket=2),
        {"A": OPENED, "B": OPENED, "C": out("bucket_position_limit"), "D": OPENED},
    )
    assert "all 2 positions of Tech are taken (max_positions_per_bucket)" in detail(rows, result, "C")
    assert constraint(result, "max_positions", "Tech").measured == 2


def test_buckets_off_means_no_bucket_limit() -> None:
    # Five in one bucket (general limit 4): .95 / 5 = .19 each.
    rows = [asset(name, 0.9, bucket="Tech") for name in "ABCDE"]
    decide(
        rows,
        RebalancingLimits(max_new_positions=10),
        dict.fromkeys("ABCDE", (0.19, "open", "added", "at_wish")),
    )


NESTED = {"Equity/Tech": {"max_positions": 2}, "Equity/Tech/Semis": {"max_positions": 1}}


def test_the_deepest_node_is_named_where_only_it_is_full() -> None:
    # S1 fills Semis (1 of 1). Tech has 1 of 2, Equity 1 of 4: the first full node on S2's path is Semis.
    rows = [asset("S1", 0.9, bucket="Equity/Tech/Semis"), asset("S2", 0.8, bucket="Equity/Tech/Semis")]
    result = decide(rows, bucketed(buckets=NESTED), {"S1": OPENED, "S2": out("bucket_position_limit")})
    assert "the one position of Equity/Tech/Semis is taken (max_positions)" in detail(rows, result, "S2")


def test_the_middle_node_is_named_where_it_is_full() -> None:
    # S1, then T1 fill Tech (2 of 2); H1 makes Equity 3 of 4. S2: Equity has room, Tech is full, named before Semis.
    # Sizes: Equity may weigh .4 general; here 1, so each is capped at .2.
    rows = [
        asset("S1", 0.90, bucket="Equity/Tech/Semis"),
        asset("S2", 0.85, bucket="Equity/Tech/Semis"),
        asset("T1", 0.80, bucket="Equity/Tech"),
        asset("T2", 0.75, bucket="Equity/Tech"),
        asset("H1", 0.70, bucket="Equity/Health"),
    ]
    result = decide(
        rows,
        bucketed(buckets=NESTED, max_allocation_per_bucket=1.0),
        {
            "S1": OPENED,
            "S2": out("bucket_position_limit"),
            "T1": OPENED,
            "T2": out("bucket_position_limit"),
            "H1": OPENED,
        },
    )
    for name in ("S2", "T2"):
        assert "all 2 positions of Equity/Tech are taken (max_positions)" in detail(rows, result, name)


def test_the_top_node_is_named_where_all_are_full() -> None:
    # Equity 3 of 3 (S1, T1, H1): for S2, T2 and H2 the first full node from the root is Equity.
    rows = [
        asset("S1", 0.90, bucket="Equity/Tech/Semis"),
        asset("S2", 0.85, bucket="Equity/Tech/Semis"),
        asset("T1", 0.80, bucket="Equity/Tech"),
        asset("T2", 0.75, bucket="Equity/Tech"),
        asset("H1", 0.70, bucket="Equity/Health"),
        asset("H2", 0.69, bucket="Equity/Health"),
    ]
    result = decide(
        rows,
        bucketed(buckets=NESTED, max_positions_per_bucket=3, max_allocation_per_bucket=1.0),
        {
            "S1": OPENED,
            "S2": out("bucket_position_limit"),
            "T1": OPENED,
            "T2": out("bucket_position_limit"),
            "H1": OPENED,
            "H2": out("bucket_position_limit"),
        },
    )
    for name in ("S2", "T2", "H2"):
        assert "all 3 positions of Equity are taken (max_positions_per_bucket)" in detail(rows, result, name)


def test_max_positions_zero_closes_a_bucket() -> None:
    rows = [asset("A", 0.9, 0.1, "Tech"), asset("B", 0.8, bucket="Bond")]
    decide(
        rows,
        bucketed(buckets={"Tech": {"max_positions": 0}}),
        {"A": out("bucket_position_limit", "close"), "B": OPENED},
    )


def test_bucket_level_two_short_paths_and_unknown() -> None:
    # Level 2, one position for each node there. A fills Equity/Tech, where B (deeper) counts too. C is Equity/Health.
    # D's path is too short: Unknown, which it fills; E (none), F (short) and G (Unknown/Foo) are in the same node.
    # Represented: Equity/Tech and Equity/Health, never Unknown: 2 of 3, and nobody else could represent.
    rows = [
        asset("A", 0.90, bucket="Equity/Tech"),
        asset("B", 0.80, bucket="Equity/Tech/Semis"),
        asset("C", 0.79, bucket="Equity/Health"),
        asset("D", 0.78, bucket="Equity"),
        asset("E", 0.77, bucket=None),
        asset("F", 0.76, bucket="Bond"),
        asset("G", 0.75, bucket="Unknown/Foo"),
    ]
    result = decide(
        rows,
        bucketed(bucket_level=2, max_positions_per_bucket=1, min_buckets_represented=3),
        {
            "A": OPENED,
            "B": out("bucket_position_limit"),
            "C": OPENED,
            "D": OPENED,
            "E": out("bucket_position_limit"),
            "F": out("bucket_position_limit"),
            "G": out("bucket_position_limit"),
        },
    )
    assert "of Equity/Tech" in detail(rows, result, "B")
    for name in "EFG":
        assert "of Unknown" in detail(rows, result, name)
    line = constraint(result, "min_buckets_represented")
    assert (line.measured, line.limit, line.status) == (2, 3, "unmet")
    assert line.cause == "no_candidate"


def test_enforce_position_limits_false_removes_every_max_positions() -> None:
    # Three in Tech (own limit 1, general limit 1). Sizes: .2 each, Tech may hold 1.
    rows = [asset(name, 0.9, bucket="Tech") for name in "ABC"]
    limits = bucketed(
        enforce_position_limits=False,
        max_positions_per_bucket=1,
        max_allocation_per_bucket=1.0,
        buckets={"Tech": {"max_positions": 1}},
    )
    decide(rows, limits, dict.fromkeys("ABC", OPENED))


def test_enforce_allocation_limits_false_removes_the_limits_and_their_room() -> None:
    # Tech may hold .04 = 2 positions of .02, and Bond at least .3: neither counts. .2 each.
    rows = [asset(name, 0.9, bucket="Tech") for name in "ABC"] + [asset("D", 0.9, bucket="Bond")]
    limits = bucketed(
        enforce_allocation_limits=False, buckets={"Tech": {"max_allocation": 0.04}, "Bond": {"min_allocation": 0.3}}
    )
    decide(rows, limits, dict.fromkeys("ABCD", OPENED))


def test_enforce_min_buckets_false_removes_representation() -> None:
    # Without representation the weak .62 of Bond is not needed.
    rows = [asset("A", 0.9, bucket="Tech"), asset("B", 0.62, bucket="Bond")]
    limits = bucketed(enforce_min_buckets=False, min_buckets_represented=2)
    decide(rows, limits, {"A": OPENED, "B": out("below_threshold")})


def test_without_a_separator_names_are_flat() -> None:
    # "Equity/Tech" and "Equity/Health" are two buckets of one position each.
    rows = [
        asset("A", 0.9, bucket="Equity/Tech"),
        asset("B", 0.8, bucket="Equity/Health"),
        asset("C", 0.7, bucket="Equity/Tech"),
    ]
    result = decide(
        rows,
        bucketed(bucket_separator="", max_positions_per_bucket=1),
        {"A": OPENED, "B": OPENED, "C": out("bucket_position_limit")},
    )
    assert "of Equity/Tech" in detail(rows, result, "C")


def test_a_node_below_unknown_may_have_its_own_limit() -> None:
    # Foo has one slot, Unknown four: A, C.
    rows = [asset("A", 0.9, bucket="Unknown/Foo"), asset("B", 0.8, bucket="Unknown/Foo"), asset("C", 0.7)]
    result = decide(
        rows,
        bucketed(buckets={"Unknown/Foo": {"max_positions": 1}}),
        {"A": OPENED, "B": out("bucket_position_limit"), "C": OPENED},
    )
    assert "the one position of Unknown/Foo is taken (max_positions)" in detail(rows, result, "B")


# --- the derived number -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("allocation", "min_weight"), [(0.06, 0.02), (0.3, 0.1)])
def test_three_minimal_positions_fit_where_three_times_the_minimum_is_the_limit(
    allocation: float, min_weight: float
) -> None:
    # .06 / .02 and .3 / .1 (2.9999999999999996 in floating point) are both 3. The minima fill Tech at level 0.
    rows = [asset(name, 0.9, bucket="Tech") for name in "ABCD"]
    small: Decided = (min_weight, "open", "added", "lifted_to_minimum")
    result = decide(
        rows,
        bucketed(min_position_weight=min_weight, buckets={"Tech": {"max_allocation": allocation}}),
        {"A": small, "B": small, "C": small, "D": out("min_position_capacity")},
    )
    assert f"max_allocation {allocation:g} of Tech" in detail(rows, result, "D")
    assert constraint(result, "max_allocation", "Tech").status == "met"


def test_the_total_has_a_derived_number_too() -> None:
    # .06 / .02 = 3 positions in all.
    rows = [asset(name, 0.9) for name in "ABCD"]
    small: Decided = (0.02, "open", "added", "lifted_to_minimum")
    result = decide(
        rows,
        RebalancingLimits(target_invested=0.06, max_new_positions=10),
        {"A": small, "B": small, "C": small, "D": out("min_position_capacity")},
    )
    assert "target_invested 0.06" in detail(rows, result, "D")


def test_fixed_weight_eats_the_derived_number_of_a_bucket() -> None:
    # Tech: limit .10, fixed .05; (.10 - .05) / .02 = 2.5, so 2 beyond the one fixed. A, B enter, C does not.
    # Sizes: the .05 that is left, over two: .025 each, by the bucket's limit.
    rows = [
        asset("F", 0.1, 0.05, "Tech", restriction="no_trade"),
        asset("A", 0.9, bucket="Tech"),
        asset("B", 0.8, bucket="Tech"),
        asset("C", 0.7, bucket="Tech"),
    ]
    half: Decided = (0.025, "open", "added", "capped_bucket")
    decide(
        rows,
        bucketed(buckets={"Tech": {"max_allocation": 0.1}}),
        {"F": (0.05, "hold", "restricted", "restricted"), "A": half, "B": half, "C": out("min_position_capacity")},
    )


def test_fixed_weight_eats_the_derived_number_of_the_total() -> None:
    # (.10 - .05) / .02 = 2.5: two beyond the fixed; (.10 - .05) / 2 = .025 each, at the portfolio's level.
    rows = [
        asset("F", 0.1, 0.05, restriction="no_trade"),
        asset("A", 0.9),
        asset("B", 0.8),
        asset("C", 0.7),
    ]
    half: Decided = (0.025, "open", "added", "at_wish")
    decide(
        rows,
        RebalancingLimits(target_invested=0.1, max_new_positions=10),
        {"F": (0.05, "hold", "restricted", "restricted"), "A": half, "B": half, "C": out("min_position_capacity")},
    )


def test_fixed_weight_above_the_total_leaves_no_place() -> None:
    # .45 fixed of .40 aimed: nothing is left, neither for the holding nor for the new one. The limit is waived for F.
    rows = [asset("F", 0.1, 0.45, restriction="no_trade"), asset("H", 0.9, 0.1), asset("N", 0.9)]
    result = decide(
        rows,
        RebalancingLimits(target_invested=0.4),
        {
            "F": (0.45, "hold", "restricted", "restricted"),
            "H": out("min_position_capacity", "close"),
            "N": out("min_position_capacity"),
        },
    )
    line = constraint(result, "target_invested")
    assert (line.measured, line.limit, line.status) == (0.45, 0.4, "waived")
    assert "F" in line.note


def test_a_minimum_of_zero_gives_no_place_where_the_allocation_is_used_up() -> None:
    # Tech: limit .1, fixed .1. Nothing left, although positions of any size would be allowed.
    rows = [asset("F", 0.1, 0.1, "Tech", restriction="no_trade"), asset("A", 0.9, bucket="Tech")]
    decide(
        rows,
        bucketed(min_position_weight=0.0, buckets={"Tech": {"max_allocation": 0.1}}),
        {"F": (0.1, "hold", "restricted", "restricted"), "A": out("min_position_capacity")},
    )


def test_a_minimum_of_zero_gives_places_without_end_where_something_is_left() -> None:
    # Tech: limit .1, fixed .07: .03 over three, .01 each.
    rows = [
        asset("F", 0.1, 0.07, "Tech", restriction="no_trade"),
        *(asset(name, 0.9, bucket="Tech") for name in "ABC"),
    ]
    third: Decided = (0.01, "open", "added", "capped_bucket")
    decide(
        rows,
        bucketed(min_position_weight=0.0, buckets={"Tech": {"max_allocation": 0.1}}),
        {"F": (0.07, "hold", "restricted", "restricted"), "A": third, "B": third, "C": third},
    )


def test_an_allocation_of_zero_closes_a_bucket() -> None:
    rows = [asset("A", 0.9, 0.1, "Tech"), asset("B", 0.9, bucket="Tech"), asset("C", 0.9, bucket="Bond")]
    decide(
        rows,
        bucketed(buckets={"Tech": {"max_allocation": 0.0}}),
        {"A": out("min_position_capacity", "close"), "B": out("min_position_capacity"), "C": OPENED},
    )


def test_nothing_aimed_leaves_no_place() -> None:
    rows = [asset("A", 0.9, 0.1), asset("B", 0.9)]
    decide(
        rows,
        RebalancingLimits(target_invested=0.0),
        {"A": out("min_position_capacity", "close"), "B": out("min_position_capacity")},
    )


# --- representation ---------------------------------------------------------------------------------------------------

PAIR = {"min_buckets_represented": 2}
REPRESENTS: Decided = (0.2, "open", "added_for_representation", "capped_position")


def test_a_strong_asset_represents_and_displaces_a_new_one() -> None:
    # Three slots. Represent: A (Tech), D (Bond). Fill: B. Without representation: A, B, C.
    rows = [
        asset("A", 0.9, bucket="Tech"),
        asset("B", 0.8, bucket="Tech"),
        asset("C", 0.7, bucket="Tech"),
        asset("D", 0.66, bucket="Bond"),
    ]
    result = decide(
        rows,
        bucketed(**PAIR, max_total_positions=3),
        {"A": OPENED, "B": OPENED, "C": out("displaced_for_representation"), "D": REPRESENTS},
    )
    assert "D" in detail(rows, result, "C")


def test_a_weak_asset_represents_where_no_strong_one_can() -> None:
    # .62 is between .60 (represent) and .65 (enter). Represent: A. Weak: D, before the fill takes B. E is weaker.
    rows = [
        asset("A", 0.9, bucket="Tech"),
        asset("B", 0.8, bucket="Tech"),
        asset("C", 0.7, bucket="Tech"),
        asset("D", 0.62, bucket="Bond"),
        asset("E", 0.61, bucket="Bond"),
    ]
    decide(
        rows,
        bucketed(**PAIR, max_total_positions=3),
        {
            "A": OPENED,
            "B": OPENED,
            "C": out("displaced_for_representation"),
            "D": REPRESENTS,
            "E": out("below_threshold"),
        },
    )


def test_a_weak_asset_is_not_needed_where_enough_is_represented() -> None:
    rows = [asset("A", 0.9, bucket="Tech"), asset("B", 0.8, bucket="Bond"), asset("D", 0.62, bucket="Gold")]
    decide(rows, bucketed(**PAIR), {"A": OPENED, "B": OPENED, "D": out("below_threshold")})


def test_strong_assets_represent_before_weak_ones() -> None:
    # Two needed of Tech (strong), Bond (weak .64), Gold (strong .65): Tech and Gold. Without it the same: both added.
    rows = [asset("A", 0.9, bucket="Tech"), asset("B", 0.64, bucket="Bond"), asset("C", 0.65, bucket="Gold")]
    decide(rows, bucketed(**PAIR), {"A": OPENED, "B": out("below_threshold"), "C": OPENED})


def test_a_strong_asset_represents_and_displaces_a_holding() -> None:
    # Two slots. Represent: T1 (Tech), D (Bond). Keep: T2 finds the total full. Without representation: T1, T2.
    rows = [asset("T1", 0.9, 0.1, "Tech"), asset("T2", 0.8, 0.1, "Tech"), asset("D", 0.7, bucket="Bond")]
    decide(
        rows,
        bucketed(**PAIR, max_total_positions=2),
        {"T1": RAISED, "T2": out("displaced_for_representation", "close"), "D": REPRESENTS},
    )


def test_a_holding_may_owe_its_place_to_representation() -> None:
    # Two slots. Represent: T1, B1. T2 (better than B1) finds no room. Without representation: T1, T2.
    rows = [asset("T1", 0.9, 0.1, "Tech"), asset("T2", 0.8, 0.1, "Tech"), asset("B1", 0.7, 0.1, "Bond")]
    decide(
        rows,
        bucketed(**PAIR, max_total_positions=2),
        {
            "T1": RAISED,
            "T2": out("displaced_for_representation", "close"),
            "B1": (0.2, "increase", "added_for_representation", "capped_position"),
        },
    )


def test_a_weak_asset_never_displaces_a_holding() -> None:
    # Two slots: T1, T2 are kept before weak assets are looked at. D is needed and finds the total full: unmet.
    rows = [asset("T1", 0.9, 0.1, "Tech"), asset("T2", 0.8, 0.1, "Tech"), asset("D", 0.62, bucket="Bond")]
    limits = bucketed(**PAIR, max_total_positions=2)
    result = decide(rows, limits, {"T1": RAISED, "T2": RAISED, "D": out("total_position_limit")})
    line = constraint(result, "min_buckets_represented")
    assert (line.measured, line.limit, line.slack, line.status) == (1, 2, -1, "unmet")
    assert "max_total_positions 2 is reached" in line.note
    assert "D" in line.note
    assert result.status == "unmet"
    with pytest.raises(UnmetLimitError, match="min_buckets_represented"):
        rebalance(rows, limits.replace(on_unmet="raise"))


def test_representation_uses_a_new_position() -> None:
    # One new position. Represent: T1, D. A (.95) would have had it: displaced.
    rows = [asset("T1", 0.7, 0.1, "Tech"), asset("A", 0.95, bucket="Tech"), asset("D", 0.66, bucket="Bond")]
    decide(
        rows,
        bucketed(**PAIR, max_new_positions=1),
        {"T1": RAISED, "A": out("displaced_for_representation"), "D": REPRESENTS},
    )


def test_representation_without_new_positions_is_unmet() -> None:
    rows = [asset("T1", 0.9, 0.1, "Tech"), asset("D", 0.9, bucket="Bond")]
    result = decide(rows, bucketed(**PAIR, max_new_positions=0), {"T1": RAISED, "D": out("new_position_limit")})
    line = constraint(result, "min_buckets_represented")
    assert (line.measured, line.status) == (1, "unmet")
    assert "max_new_positions 0 is reached" in line.note


def test_representation_without_candidates_is_unmet() -> None:
    # The bond is not good enough (.59 is below .60), so nobody could represent Bond.
    rows = [asset("T1", 0.9, 0.1, "Tech"), asset("D", 0.59, bucket="Bond")]
    result = decide(rows, bucketed(**PAIR), {"T1": RAISED, "D": out("below_threshold")})
    line = constraint(result, "min_buckets_represented")
    assert (line.measured, line.status) == (1, "unmet")
    assert line.cause == "no_candidate"


def test_representation_prevented_by_protected_positions_is_unmet() -> None:
    # Both slots are fixed in Tech.
    rows = [
        asset("F1", 0.1, 0.1, "Tech", restriction="no_trade"),
        asset("F2", 0.1, 0.1, "Tech", restriction="no_sell"),
        asset("D", 0.9, bucket="Bond"),
    ]
    kept: Decided = (0.1, "hold", "restricted", "restricted")
    result = decide(
        rows, bucketed(**PAIR, max_total_positions=2), {"F1": kept, "F2": kept, "D": out("total_position_limit")}
    )
    line = constraint(result, "min_buckets_represented")
    assert (line.measured, line.status) == (1, "unmet")
    assert "F1, F2" in line.note
    assert "D" in line.note


def test_the_first_takeable_asset_represents() -> None:
    # Bond: B1 may hold nothing (max_weight 0), so B2 represents. Two slots: T1, B2; T2 would have been taken.
    rows = [
        asset("T1", 0.9, bucket="Tech"),
        asset("T2", 0.8, bucket="Tech"),
        asset("B1", 0.7, bucket="Bond", max_weight=0.0),
        asset("B2", 0.66, bucket="Bond"),
    ]
    decide(
        rows,
        bucketed(**PAIR, max_total_positions=2),
        {"T1": OPENED, "T2": out("displaced_for_representation"), "B1": out("total_position_limit"), "B2": REPRESENTS},
    )


def test_a_fixed_position_represents_its_bucket() -> None:
    # F represents Bond, A Tech: the weak gold is not needed.
    rows = [
        asset("F", 0.1, 0.05, "Bond", restriction="no_trade"),
        asset("A", 0.9, bucket="Tech"),
        asset("G", 0.62, bucket="Gold"),
    ]
    result = decide(
        rows,
        bucketed(**PAIR),
        {"F": (0.05, "hold", "restricted", "restricted"), "A": OPENED, "G": out("below_threshold")},
    )
    assert constraint(result, "min_buckets_represented").measured == 2


def test_the_score_that_represents_is_met_at_equality() -> None:
    rows = [asset("A", 0.9, bucket="Tech"), asset("B", 0.6, bucket="Bond")]
    decide(rows, bucketed(**PAIR), {"A": OPENED, "B": REPRESENTS})


def test_an_unknown_bucket_is_never_represented() -> None:
    # U is in Unknown: of two buckets one is represented. The weak V there is not asked for.
    rows = [asset("A", 0.9, bucket="Tech"), asset("U", 0.8, bucket=""), asset("V", 0.62, bucket=None)]
    result = decide(rows, bucketed(**PAIR), {"A": OPENED, "U": OPENED, "V": out("below_threshold")})
    assert constraint(result, "min_buckets_represented").measured == 1


def test_a_weak_asset_names_its_limit_only_where_it_is_needed() -> None:
    # Three buckets wanted, one new position: A (Tech). B is weak in Tech, which has one: not needed. D (Bond) is needed
    # and finds no new position. E (Gold) is needed too, but as dust: that comes first.
    rows = [
        asset("A", 0.9, bucket="Tech"),
        asset("B", 0.64, bucket="Tech"),
        asset("D", 0.62, bucket="Bond"),
        asset("E", 0.62, 0.0005, "Gold"),
    ]
    result = decide(
        rows,
        bucketed(min_buckets_represented=3, max_new_positions=1),
        {"A": OPENED, "B": out("below_threshold"), "D": out("new_position_limit"), "E": out("dust", "close")},
    )
    line = constraint(result, "min_buckets_represented")
    assert (line.measured, line.limit, line.status) == (1, 3, "unmet")
    assert "max_new_positions 1 is reached" in line.note


def test_weak_dust_may_represent() -> None:
    rows = [asset("A", 0.9, bucket="Tech"), asset("E", 0.62, 0.0005, "Gold")]
    decide(
        rows,
        bucketed(**PAIR),
        {"A": OPENED, "E": (0.2, "increase", "added_for_representation", "capped_position")},
    )


def test_the_weak_asset_with_the_best_score_represents() -> None:
    # One more bucket is wanted: Gold's .63 before Bond's .62, whatever the names. Without it A alone.
    rows = [asset("A", 0.9, bucket="Tech"), asset("B", 0.62, bucket="Bond"), asset("G", 0.63, bucket="Gold")]
    decide(rows, bucketed(**PAIR), {"A": OPENED, "B": out("below_threshold"), "G": REPRESENTS})


# --- overflow ---------------------------------------------------------------------------------------------------------


def test_overflow_keeps_representation_waiting() -> None:
    # With overflow the holdings come before representation: T1, T2 take both slots, D finds none.
    rows = [asset("T1", 0.9, 0.1, "Tech"), asset("T2", 0.8, 0.1, "Tech"), asset("D", 0.7, bucket="Bond")]
    result = decide(
        rows,
        bucketed(**PAIR, max_total_positions=2, allow_bucket_overflow=True),
        {"T1": RAISED, "T2": RAISED, "D": out("total_position_limit")},
    )
    assert constraint(result, "min_buckets_represented").status == "unmet"


def test_overflow_never_protects_against_the_total() -> None:
    # One slot in Tech, two in all: T1 kept, T2 protected, T3 finds the total full.
    # Sizes: two at .2 are exactly Tech's .4.
    rows = [asset("T1", 0.9, 0.1, "Tech"), asset("T2", 0.8, 0.1, "Tech"), asset("T3", 0.7, 0.1, "Tech")]
    decide(
        rows,
        bucketed(max_total_positions=2, max_positions_per_bucket=1, allow_bucket_overflow=True),
        {
            "T1": RAISED,
            "T2": (0.2, "increase", "overflow_protected", "capped_position"),
            "T3": out("total_position_limit", "close"),
        },
    )


def test_overflow_needs_some_allocation_to_be_left() -> None:
    # F alone uses up Tech's .4: the holding H has nothing left to stand on.
    rows = [asset("F", 0.9, 0.4, "Tech", restriction="no_trade"), asset("H", 0.9, 0.1, "Tech")]
    decide(
        rows,
        bucketed(allow_bucket_overflow=True),
        {"F": (0.4, "hold", "restricted", "restricted"), "H": out("min_position_capacity", "close")},
    )


def test_overflow_ignores_the_derived_number_for_holdings_only() -> None:
    # Tech: .4 / .1 = 4 places. Five holdings stay (.4 / 5 = .08 each, their present weight), the new N finds none.
    # max_positions (10) had room for all, so they are plainly kept.
    rows = [*(asset(name, 0.9, 0.08, "Tech") for name in "ABCDE"), asset("N", 0.99, bucket="Tech")]
    result = decide(
        rows,
        bucketed(max_positions_per_bucket=10, min_position_weight=0.1, allow_bucket_overflow=True),
        {
            **dict.fromkeys("ABCDE", (0.08, "hold", "kept", "held_in_band")),
            "N": out("min_position_capacity"),
        },
    )
    assert constraint(result, "min_position_weight").status == "waived"


def test_overflow_below_the_top_node() -> None:
    # Tech has one slot (own limit), Equity four. By score T1 fills Tech, T2 goes beyond it, H1 is kept in Equity.
    # Represent needs one bucket only. New T3: Equity 3 of 4 has room, Tech 2 of 1 has not.
    # Sizes: Equity's .4 over three, .4 / 3 each.
    rows = [
        asset("T1", 0.9, 0.1, "Equity/Tech"),
        asset("T2", 0.8, 0.1, "Equity/Tech"),
        asset("H1", 0.7, 0.1, "Equity/Health"),
        asset("T3", 0.95, bucket="Equity/Tech"),
    ]
    third = 0.4 / 3  # .0333 above .1, more than .2 of itself (.0267): traded
    result = decide(
        rows,
        bucketed(allow_bucket_overflow=True, buckets={"Equity/Tech": {"max_positions": 1}}),
        {
            "T1": (third, "increase", "kept", "capped_bucket"),
            "T2": (third, "increase", "overflow_protected", "capped_bucket"),
            "H1": (third, "increase", "kept", "capped_bucket"),
            "T3": out("bucket_position_limit"),
        },
    )
    assert "the one position of Equity/Tech is taken (max_positions)" in detail(rows, result, "T3")
    assert constraint(result, "max_positions", "Equity/Tech").status == "waived"
    assert constraint(result, "max_positions", "Equity").status == "met"


def test_a_fixed_position_fills_the_bucket_that_overflows() -> None:
    # F takes the only slot of Risk. H is protected with overflow, and closed without. Sizes: F .1, H .2, of .4.
    rows = [asset("F", 0.1, 0.1, "Risk", restriction="no_trade"), asset("H", 0.9, 0.1, "Risk")]
    limits = bucketed(max_positions_per_bucket=1, allow_bucket_overflow=True)
    fixed: Decided = (0.1, "hold", "restricted", "restricted")
    decide(rows, limits, {"F": fixed, "H": (0.2, "increase", "overflow_protected", "capped_position")})
    decide(
        rows,
        limits.replace(allow_bucket_overflow=False),
        {"F": fixed, "H": out("bucket_position_limit", "close")},
    )


def test_overflow_does_not_protect_dust() -> None:
    rows = [asset("H", 0.7, 0.1, "Risk"), asset("D", 0.99, 0.0005, "Risk")]
    decide(
        rows,
        bucketed(max_positions_per_bucket=1, allow_bucket_overflow=True),
        {"H": RAISED, "D": out("dust", "close")},
    )


# --- fixed, unscored, not sizable, unknown ----------------------------------------------------------------------------


def test_every_restriction_and_missing_score() -> None:
    # A, B, C are fixed. D may not be bought: it stays at .1 (the level is infinite, its bound .1). F, G may not enter.
    # I is not held, so no_sell means nothing: .2. J and K have no score; that is named before K's restriction.
    # Total: 4 x .1 + .2 = .6, below .95: all at their upper bounds.
    rows = [
        asset("A", 0.1, 0.1, restriction="no_trade"),
        asset("B", 0.1, 0.1, restriction="no_sell"),
        asset("C", None, 0.1),
        asset("D", 0.9, 0.1, restriction="no_buy"),
        asset("E", 0.5, 0.1, restriction="no_buy"),
        asset("F", 0.9, restriction="no_buy"),
        asset("G", 0.9, restriction="no_trade"),
        asset("I", 0.9, restriction="no_sell"),
        asset("J", None),
        asset("K", None, restriction="no_buy"),
    ]
    decide(
        rows,
        RebalancingLimits(),
        {
            "A": (0.1, "hold", "restricted", "restricted"),
            "B": (0.1, "hold", "restricted", "restricted"),
            "C": (0.1, "hold", "held_unscored", "restricted"),
            "D": (0.1, "hold", "kept", "restricted"),
            "E": out("below_threshold", "close"),
            "F": out("restricted"),
            "G": out("restricted"),
            "I": OPENED,
            "J": out("not_scored"),
            "K": out("not_scored"),
        },
    )


def test_fixed_positions_use_up_the_total_even_beyond_it() -> None:
    rows = [
        asset("A", 0.1, 0.1, restriction="no_trade"),
        asset("B", None, 0.1),
        asset("H", 0.9, 0.1),
    ]
    result = decide(
        rows,
        RebalancingLimits(max_total_positions=1),
        {
            "A": (0.1, "hold", "restricted", "restricted"),
            "B": (0.1, "hold", "held_unscored", "restricted"),
            "H": out("total_position_limit", "close"),
        },
    )
    line = constraint(result, "max_total_positions")
    assert (line.measured, line.limit, line.status) == (2, 1, "waived")


def test_unscored_positions_close() -> None:
    # U is closed; V may not be traded, which comes first; W may not be sold, and without a score it gets no more.
    rows = [
        asset("U", None, 0.1),
        asset("V", None, 0.1, restriction="no_trade"),
        asset("W", None, 0.1, restriction="no_sell"),
    ]
    kept: Decided = (0.1, "hold", "restricted", "restricted")
    decide(
        rows,
        RebalancingLimits(unscored_positions="close"),
        {"U": out("not_scored", "close"), "V": kept, "W": kept},
    )


def test_unscored_positions_error() -> None:
    limits = RebalancingLimits(unscored_positions="error")
    with pytest.raises(InputError, match="U"):
        rebalance([asset("U", None, 0.1), asset("A", 0.9)], limits)
    # Not held, or fixed anyway: no error.
    rows = [asset("N", None), asset("V", None, 0.1, restriction="no_trade")]
    decide(rows, limits, {"N": out("not_scored"), "V": (0.1, "hold", "restricted", "restricted")})


def test_what_cannot_be_sized() -> None:
    # Inverse volatility: N has none and may not enter; H keeps its .1; L does not qualify, so nothing protects it.
    rows = [
        asset("N", 0.9),
        asset("H", 0.8, 0.1),
        asset("L", 0.5, 0.1),
        asset("A", 0.9, volatility=0.2),
        asset("S", 0.9, 0.1, restriction="no_sell"),
    ]
    decide(
        rows,
        RebalancingLimits(sizing_mode="inverse_volatility"),
        {
            "N": out("not_sizable"),
            "H": (0.1, "hold", "held_not_sizable", "restricted"),
            "L": out("below_threshold", "close"),
            "A": OPENED,
            "S": (0.1, "hold", "restricted", "restricted"),
        },
    )


def test_what_cannot_be_sized_without_a_desired_weight() -> None:
    rows = [asset("N", 0.9), asset("H", 0.8, 0.1), asset("A", 0.9, desired_weight=0.15)]
    decide(
        rows,
        RebalancingLimits(sizing_mode="desired"),
        {
            "N": out("not_sizable"),
            "H": (0.1, "hold", "held_not_sizable", "restricted"),
            "A": (0.15, "open", "added", "at_wish"),
        },
    )


def test_a_desired_weight_of_0_closes() -> None:
    # Cap 0: H is closed and N not bought, though their scores are high; F is fixed by its restriction, and D is
    # dust that competes. K keeps its .15: the level never exceeds 1 in this mode.
    rows = [
        asset("H", 0.9, 0.1, desired_weight=0.0),
        asset("N", 0.95, desired_weight=0.0),
        asset("F", 0.9, 0.1, restriction="no_sell", desired_weight=0.0),
        asset("D", 0.9, 0.0005, desired_weight=0.0),
        asset("K", 0.8, 0.15, desired_weight=0.15),
    ]
    decide(
        rows,
        RebalancingLimits(sizing_mode="desired"),
        {
            "H": out("min_position_capacity", "close"),
            "N": out("min_position_capacity"),
            "F": (0.1, "hold", "restricted", "restricted"),
            "D": out("dust", "close"),
            "K": (0.15, "hold", "kept", "held_in_band"),
        },
    )


def test_a_desired_weight_of_0_means_nothing_in_other_modes() -> None:
    decide(
        [asset("H", 0.9, 0.1, desired_weight=0.0)],
        RebalancingLimits(),
        {"H": (0.2, "increase", "kept", "capped_position")},
    )


def test_unknown_bucket_hold_buys_and_sells_nothing_for_lack_of_a_bucket() -> None:
    # One position and .2 for each bucket: neither concerns H1 + H2 (.25, two positions) in Unknown. They are not
    # bought either: u = present weight, and the infinite level meets it. L does not qualify. U is not bought.
    rows = [
        asset("U", 0.9),
        asset("H1", 0.7, 0.15),
        asset("H2", 0.65, 0.1),
        asset("L", 0.5, 0.05),
        asset("A", 0.9, bucket="Tech"),
    ]
    decide(
        rows,
        bucketed(unknown_bucket="hold", max_positions_per_bucket=1, max_allocation_per_bucket=0.2),
        {
            "U": out("unclassified"),
            "H1": (0.15, "hold", "kept", "restricted"),
            "H2": (0.10, "hold", "kept", "restricted"),
            "L": out("below_threshold", "close"),
            "A": OPENED,
        },
    )


def test_unknown_bucket_limit_is_a_bucket_like_any_other() -> None:
    # One position in Unknown: H1. H2 is closed, U finds no room.
    rows = [asset("U", 0.9), asset("H1", 0.7, 0.1), asset("H2", 0.65, 0.1), asset("A", 0.9, bucket="Tech")]
    decide(
        rows,
        bucketed(max_positions_per_bucket=1),
        {
            "U": out("bucket_position_limit"),
            "H1": RAISED,
            "H2": out("bucket_position_limit", "close"),
            "A": OPENED,
        },
    )


def test_an_own_limit_of_zero_or_below_the_minimum_cannot_be_held() -> None:
    # A 0 and B .01 are below .02; C .05 and D .02 (equal) can be held, at their limit. E may not be sold: it stays.
    rows = [
        asset("A", 0.9, max_weight=0.0),
        asset("B", 0.9, 0.05, max_weight=0.01),
        asset("C", 0.9, max_weight=0.05),
        asset("D", 0.9, max_weight=0.02),
        asset("E", 0.9, 0.1, max_weight=0.0, restriction="no_sell"),
    ]
    decide(
        rows,
        RebalancingLimits(),
        {
            "A": out("min_position_capacity"),
            "B": out("min_position_capacity", "close"),
            "C": (0.05, "open", "added", "capped_position"),
            "D": (0.02, "open", "added", "capped_position"),
            "E": (0.1, "hold", "restricted", "restricted"),
        },
    )


# --- dust -------------------------------------------------------------------------------------------------------------


def test_dust_competes_as_new() -> None:
    # Z holds .005, below .01: it needs a new position. Score equal to N's; by weight it comes first.
    rows = [asset("Z", 0.8, 0.005), asset("N", 0.8)]
    decide(
        rows,
        RebalancingLimits(dust_weight=0.01, max_new_positions=1),
        {"Z": (0.2, "increase", "added", "capped_position"), "N": out("new_position_limit")},
    )


def test_dust_at_the_border_is_a_holding() -> None:
    rows = [asset("Z", 0.6, 0.01), asset("N", 0.8)]
    decide(
        rows,
        RebalancingLimits(dust_weight=0.01, max_new_positions=0),
        {"Z": RAISED, "N": out("new_position_limit")},
    )


def test_dust_that_finds_no_place_is_closed_as_dust() -> None:
    # One new position: N (.9). X qualifies but finds none. Y (.61) would do as a holding, not as a new asset.
    # W is below the threshold anyway. V may not be bought. T may not be sold: it stays, at its weight.
    rows = [
        asset("N", 0.9),
        asset("X", 0.8, 0.0005),
        asset("Y", 0.61, 0.0005),
        asset("W", 0.59, 0.0005),
        asset("V", 0.8, 0.0005, restriction="no_buy"),
        asset("T", 0.8, 0.0005, restriction="no_sell"),
    ]
    decide(
        rows,
        RebalancingLimits(max_new_positions=1),
        {
            "N": OPENED,
            "X": out("dust", "close"),
            "Y": out("dust", "close"),
            "W": out("below_threshold", "close"),
            "V": out("restricted", "close"),
            "T": (0.0005, "hold", "restricted", "restricted"),
        },
    )


def test_fixed_dust_uses_no_slot_and_represents_nothing() -> None:
    # F is fixed in Bond with .0005. One slot in all: A takes it. Represented: Tech only.
    rows = [asset("F", 0.9, 0.0005, "Bond", restriction="no_trade"), asset("A", 0.9, bucket="Tech")]
    result = decide(
        rows,
        bucketed(**PAIR, max_total_positions=1),
        {"F": (0.0005, "hold", "restricted", "restricted"), "A": OPENED},
    )
    assert constraint(result, "max_total_positions").measured == 1
    line = constraint(result, "min_buckets_represented")
    assert (line.measured, line.status) == (1, "unmet")
    assert result.positions == 1


def test_dust_that_lacks_data_uses_no_slot() -> None:
    # U has no score, V no volatility: both stay, and A takes the only slot.
    rows = [
        asset("U", None, 0.0005, volatility=0.2),
        asset("V", 0.9, 0.0005),
        asset("A", 0.9, volatility=0.2),
    ]
    decide(
        rows,
        RebalancingLimits(sizing_mode="inverse_volatility", max_total_positions=1),
        {
            "U": (0.0005, "hold", "held_unscored", "restricted"),
            "V": (0.0005, "hold", "held_not_sizable", "restricted"),
            "A": OPENED,
        },
    )


def test_fixed_dust_counts_with_its_weight() -> None:
    # Tech: limit .0405, fixed dust .0009: (.0405 - .0009) / .02 = 1.98, one place (without it there would be two).
    # A gets what is left: .0396.
    rows = [
        asset("F", 0.9, 0.0009, "Tech", restriction="no_trade"),
        asset("A", 0.9, bucket="Tech"),
        asset("B", 0.8, bucket="Tech"),
    ]
    decide(
        rows,
        bucketed(buckets={"Tech": {"max_allocation": 0.0405}}),
        {
            "F": (0.0009, "hold", "restricted", "restricted"),
            "A": (0.0396, "open", "added", "capped_bucket"),
            "B": out("min_position_capacity"),
        },
    )


def test_dust_without_a_bucket_is_left_alone_where_unknown_holds() -> None:
    # Nothing is bought in Unknown, so dust cannot compete: X qualifies and is fixed, Y does not and is closed.
    # One slot: A takes it, fixed dust needs none.
    rows = [asset("X", 0.6, 0.0005), asset("Y", 0.59, 0.0005), asset("A", 0.9, bucket="Tech")]
    decide(
        rows,
        bucketed(unknown_bucket="hold", max_total_positions=1),
        {"X": (0.0005, "hold", "kept", "restricted"), "Y": out("below_threshold", "close"), "A": OPENED},
    )


# --- thresholds -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({}, (0.6, 0.6, 0.65)),
        ({"min_score_threshold": 0.5}, (0.5, 0.6, 0.65)),
        ({"min_score_threshold": 0.62}, (0.62, 0.62, 0.65)),
        ({"min_score_threshold": 0.7}, (0.7, 0.7, 0.7)),
        ({"min_score_diversification": 0.68}, (0.6, 0.68, 0.68)),
        ({"min_score_new_position": 0.9}, (0.6, 0.6, 0.9)),
    ],
)
def test_unset_thresholds_are_raised_to_the_one_before(fields: dict[str, float], wanted: tuple[float, ...]) -> None:
    limits = RebalancingLimits.from_dict(fields)
    outcome = (limits.min_score_threshold, limits.min_score_diversification, limits.min_score_new_position)
    assert outcome == wanted


def test_thresholds_are_met_at_equality() -> None:
    # Keep at .60, enter at .65; just below neither. No representation, so .64 is not enough for a new asset.
    rows = [asset("H", 0.6, 0.1), asset("I", 0.5999999, 0.1), asset("N", 0.65), asset("O", 0.6499999)]
    decide(
        rows,
        RebalancingLimits(),
        {"H": RAISED, "I": out("below_threshold", "close"), "N": OPENED, "O": out("below_threshold")},
    )


def test_one_raised_threshold_raises_all() -> None:
    # min_score_threshold .7: the new .68 would be closed tomorrow, so it does not enter.
    rows = [asset("H", 0.7, 0.1), asset("N", 0.7), asset("O", 0.68)]
    decide(rows, RebalancingLimits(min_score_threshold=0.7), {"H": RAISED, "N": OPENED, "O": out("below_threshold")})


# --- the brief's scenarios --------------------------------------------------------------------------------------------


def test_scenario_1_conservative_diversified_portfolio() -> None:
    # 3 for each bucket, 35 %, 3 buckets. Represent: R1, B1, G1. Fill: R2, R3, B2. R4 finds Risk full (3).
    # Without representation the same six. Sizes: Risk .35 / 3, Bonds .35 / 2, G1 its own .2; total .90 of .95.
    scores = {"R1": 0.95, "R2": 0.9, "R3": 0.85, "R4": 0.8, "B1": 0.75, "B2": 0.7, "G1": 0.68}
    names = {"R": "Risk Assets", "B": "Bonds", "G": "Gold"}
    rows = [asset(name, score, bucket=names[name[0]]) for name, score in scores.items()]
    risk: Decided = (0.35 / 3, "open", "added", "capped_bucket")
    bond: Decided = (0.175, "open", "added", "capped_bucket")
    result = decide(
        rows,
        bucketed(max_positions_per_bucket=3, max_allocation_per_bucket=0.35, min_buckets_represented=3),
        {
            "R1": risk,
            "R2": risk,
            "R3": risk,
            "R4": out("bucket_position_limit"),
            "B1": bond,
            "B2": bond,
            "G1": OPENED,
        },
    )
    assert result.cash_weight == pytest.approx(0.1, abs=1e-12)
    assert constraint(result, "min_buckets_represented").measured == 3
    assert result.status == "cash_left"


def test_scenario_2_aggressive_concentrated_portfolio() -> None:
    # 6 for each bucket, 60 %, 2 buckets. Represent: R1, B1. Fill: R2 to R6. R7 finds Risk full (6).
    # Sizes: .6 / 6 = .1 each in Risk; B1 .2; total .8 of .95.
    rows = [asset(f"R{index}", 0.95 - index / 100, bucket="Risk Assets") for index in range(1, 8)]
    rows.append(asset("B1", 0.7, bucket="Bonds"))
    tenth: Decided = (0.1, "open", "added", "capped_bucket")
    decide(
        rows,
        bucketed(max_positions_per_bucket=6, max_allocation_per_bucket=0.6, min_buckets_represented=2),
        {
            **{f"R{index}": tenth for index in range(1, 7)},
            "R7": out("bucket_position_limit"),
            "B1": OPENED,
        },
    )


def _five_risk_assets() -> list[Row]:
    scores = {"A": 0.70, "B": 0.90, "C": 0.75, "D": 0.85, "E": 0.80}
    held = [asset(name, score, 0.08, "Risk Assets") for name, score in scores.items()]
    return [*held, asset("N", 0.99, bucket="Risk Assets")]


def test_scenario_3_overflow_on_protects_all_five() -> None:
    # Limit 2: by score B, D are kept in it; E, C, A beyond it. The new N needs a free place and finds none.
    # Sizes: .4 / 5 = .08 each, their present weights: nothing is traded.
    rows = _five_risk_assets()
    kept: Decided = (0.08, "hold", "kept", "held_in_band")
    protected: Decided = (0.08, "hold", "overflow_protected", "held_in_band")
    result = decide(
        rows,
        bucketed(max_positions_per_bucket=2, allow_bucket_overflow=True),
        {"A": protected, "B": kept, "C": protected, "D": kept, "E": protected, "N": out("bucket_position_limit")},
    )
    line = constraint(result, "max_positions", "Risk Assets")
    assert (line.measured, line.limit, line.status) == (5, 2, "waived")
    assert result.turnover == 0.0


def test_scenario_3_overflow_off_keeps_the_best_two() -> None:
    # B (.90) and D (.85); two at .2 are Risk's .4.
    rows = _five_risk_assets()
    closed = out("bucket_position_limit", "close")
    decide(
        rows,
        bucketed(max_positions_per_bucket=2),
        {"A": closed, "B": RAISED, "C": closed, "D": RAISED, "E": closed, "N": out("bucket_position_limit")},
    )


def test_scenario_4_minimum_bucket_representation() -> None:
    # Five slots, three buckets. Represent: R1 (Risk), B2 (Bonds). Keep: R2, R3. Weak: G1 (Gold) takes the fifth slot.
    # Without representation: R1, R2, R3, R4, B2. So B2 is added anyway, G1 for representation, R4 displaced.
    # B1 would not have entered either (five before it). G2 is weak and Gold is represented.
    # Sizes: .95 / 5 = .19. The holdings at .2 are inside the band (.038), but .6 + .38 = .98 is above .97: all three
    # are .01 over, R1 by name is traded; then .97 is exactly the limit.
    rows = [
        asset("R1", 0.90, 0.2, "Risk Assets"),
        asset("R2", 0.85, 0.2, "Risk Assets"),
        asset("R3", 0.80, 0.2, "Risk Assets"),
        asset("R4", 0.99, bucket="Risk Assets"),
        asset("B1", 0.70, bucket="Bonds"),
        asset("B2", 0.75, bucket="Bonds"),
        asset("G1", 0.62, bucket="Gold"),
        asset("G2", 0.61, bucket="Gold"),
    ]
    result = decide(
        rows,
        bucketed(max_total_positions=5, max_new_positions=3, max_allocation_per_bucket=0.6, min_buckets_represented=3),
        {
            "R1": (0.19, "decrease", "kept", "released_for_limit"),
            "R2": (0.2, "hold", "kept", "held_in_band"),
            "R3": (0.2, "hold", "kept", "held_in_band"),
            "R4": out("displaced_for_representation"),
            "B1": out("total_position_limit"),
            "B2": (0.19, "open", "added", "at_wish"),
            "G1": (0.19, "open", "added_for_representation", "at_wish"),
            "G2": out("below_threshold"),
        },
    )
    assert constraint(result, "min_buckets_represented").measured == 3


def test_dust_between_the_thresholds_is_closed_as_dust() -> None:
    # .55 would keep a holding (.5), but dust competes as new, and .55 neither represents (.6) nor enters (.65).
    rows = [asset("A", 0.9, bucket="Tech"), asset("D", 0.55, 0.0005, "Bond"), asset("E", 0.45, 0.0005, "Bond")]
    limits = bucketed(min_score_threshold=0.5, min_score_diversification=0.6, min_buckets_represented=2)
    decide(rows, limits, {"A": OPENED, "D": out("dust", "close"), "E": out("below_threshold", "close")})

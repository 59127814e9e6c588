"""How much of each is held: small accounts, each worked out by hand from section 5 before the code was run.

Most assets are new, so that no band stands between the wish and the target. "Level" is the factor on the wishes:
the weight of an asset is its level times its wish, cut to its bounds.
"""

from __future__ import annotations

from typing import Any

import pytest

from trimtab import rebalance
from trimtab.certificate.certificate import Constraint
from trimtab.errors import InputError
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.rebalancing.result import RebalanceResult

Row = dict[str, Any]
Sized = tuple[float, str]  # target weight, size reason


pytestmark = pytest.mark.usefixtures("also_plain")


def asset(name: str, score: float | None = 0.9, current: float = 0.0, bucket: str | None = None, **more: Any) -> Row:
    """One candidate."""
    empty = {"restriction": "", "max_weight": None, "desired_weight": None, "volatility": None}
    return {"asset": name, "score": score, "current_weight": current, "bucket": bucket, **empty, **more}


def size(rows: list[Row], limits: RebalancingLimits, expected: dict[str, Sized]) -> RebalanceResult:
    """Rebalance, with the rows in both orders, and compare the weight and size reason of every row."""
    for ordered in (rows[::-1], rows):
        result = rebalance(ordered, limits)
        by_name = {row["asset"]: row for row in result.targets}
        reasons = {name: row["size_reason"] for name, row in by_name.items()}
        assert reasons == {name: reason for name, (_, reason) in expected.items()}
        weights = {name: row["target_weight"] for name, row in by_name.items()}
        assert weights == pytest.approx({name: weight for name, (weight, _) in expected.items()}, abs=1e-12)
    return result


def actions(result: RebalanceResult) -> dict[str, str]:
    """What is done with each asset."""
    return {row["asset"]: row["action"] for row in result.targets}


def constraint(result: RebalanceResult, name: str, node: str = "") -> Constraint:
    """One line of the certificate."""
    (rows,) = [line for line in result.certificate if (line.name, line.node) == (name, node)]
    return rows


def plain(**changes: Any) -> RebalancingLimits:
    """Limits with room for ten new positions, and no buckets."""
    return RebalancingLimits.from_dict({"max_new_positions": 10, **changes})


def bucketed(**changes: Any) -> RebalancingLimits:
    """The same with buckets, of which one must be represented."""
    return plain(**{"enable_bucket_diversification": True, "min_buckets_represented": 1, **changes})


# --- modes ------------------------------------------------------------------------------------------------------------


def test_equal_weight() -> None:
    # .95 / 5 = .19
    size([asset(name) for name in "ABCDE"], plain(), dict.fromkeys("ABCDE", (0.19, "at_wish")))


def test_equal_weight_gives_what_a_cap_leaves_to_the_others() -> None:
    # A at .1; the other four (.95 - .1) / 4 = .2125, below .3.
    rows = [asset("A", max_weight=0.1), *(asset(name) for name in "BCDE")]
    size(
        rows,
        plain(max_position_weight=0.3),
        {"A": (0.1, "capped_position"), **dict.fromkeys("BCDE", (0.2125, "at_wish"))},
    )


def test_a_second_cap_bites_after_the_first() -> None:
    # .8 over four: .2, above A's .1. Over the other three .7 / 3 = .2333, above B's .22. C and D: (.7 - .22) / 2 = .24.
    rows = [asset("A", max_weight=0.1), asset("B", max_weight=0.22), asset("C"), asset("D")]
    size(
        rows,
        plain(max_position_weight=0.3, target_invested=0.8),
        {
            "A": (0.1, "capped_position"),
            "B": (0.22, "capped_position"),
            "C": (0.24, "at_wish"),
            "D": (0.24, "at_wish"),
        },
    )


def test_all_capped_leaves_cash() -> None:
    # Two at .2: .4 of .95; the rest is cash because a limit forces it.
    result = size([asset("A"), asset("B")], plain(), dict.fromkeys("AB", (0.2, "capped_position")))
    assert result.cash_weight == pytest.approx(0.6, abs=1e-12)


def test_score_weighted() -> None:
    # 1.0 + .8 + .7 = 2.5; .5 / 2.5 = .2 for a point of score.
    rows = [asset("A", 1.0), asset("B", 0.8), asset("C", 0.7)]
    size(
        rows,
        plain(sizing_mode="score_weighted", target_invested=0.5, max_position_weight=0.3),
        {"A": (0.2, "at_wish"), "B": (0.16, "at_wish"), "C": (0.14, "at_wish")},
    )


def test_score_weighted_never_wishes_nothing() -> None:
    # Wishes 1 and .001 (not 0): .5 / 1.001 and .0005 / 1.001.
    limits = plain(
        sizing_mode="score_weighted",
        target_invested=0.5,
        max_position_weight=1.0,
        min_position_weight=0.0,
        min_score_threshold=0.0,
        min_score_diversification=0.0,
        min_score_new_position=0.0,
    )
    rows = [asset("A", 1.0), asset("B", 0.0)]
    size(rows, limits, {"A": (0.5 / 1.001, "at_wish"), "B": (0.0005 / 1.001, "at_wish")})


LOW_SCORES = {"min_score_threshold": 0.5, "min_score_diversification": 0.5, "min_score_new_position": 0.5}


def test_adaptive_steps_at_their_borders() -> None:
    # 1.5 + 1.2 + 1.0 + .8 + .5 = 5; .5 / 5 = .1
    rows = [asset("A", 0.9), asset("B", 0.8), asset("C", 0.7), asset("D", 0.6), asset("E", 0.59)]
    size(
        rows,
        plain(sizing_mode="adaptive", target_invested=0.5, **LOW_SCORES),
        {
            "A": (0.15, "at_wish"),
            "B": (0.12, "at_wish"),
            "C": (0.10, "at_wish"),
            "D": (0.08, "at_wish"),
            "E": (0.05, "at_wish"),
        },
    )


def test_adaptive_steps_just_below_their_borders() -> None:
    # 1.2 + 1.0 + .8 + .5 = 3.5; .35 / 3.5 = .1
    rows = [asset("A", 0.8999999), asset("B", 0.7999999), asset("C", 0.6999999), asset("D", 0.5999999)]
    size(
        rows,
        plain(sizing_mode="adaptive", target_invested=0.35, **LOW_SCORES),
        {"A": (0.12, "at_wish"), "B": (0.1, "at_wish"), "C": (0.08, "at_wish"), "D": (0.05, "at_wish")},
    )


def test_inverse_volatility() -> None:
    # 10 + 5 + 2.5 = 17.5; .7 / 17.5 = .04
    rows = [asset("A", volatility=0.1), asset("B", volatility=0.2), asset("C", volatility=0.4)]
    size(
        rows,
        plain(sizing_mode="inverse_volatility", target_invested=0.7, max_position_weight=0.5),
        {"A": (0.4, "at_wish"), "B": (0.2, "at_wish"), "C": (0.1, "at_wish")},
    )


def test_desired_is_never_exceeded() -> None:
    # .1 + .2 + .3 = .6 of .95: the level is 1. D wishes .01, its least weight is .02. E is capped; nobody gets its rest.
    rows = [asset(name, desired_weight=desired) for name, desired in zip("ABCD", (0.1, 0.2, 0.3, 0.01), strict=True)]
    rows.append(asset("E", desired_weight=0.2, max_weight=0.1))
    result = size(
        rows,
        plain(sizing_mode="desired", max_position_weight=0.5),
        {
            "A": (0.1, "at_wish"),
            "B": (0.2, "at_wish"),
            "C": (0.3, "at_wish"),
            "D": (0.02, "lifted_to_minimum"),
            "E": (0.1, "capped_position"),
        },
    )
    assert result.cash_weight == pytest.approx(0.28, abs=1e-12)  # 1 - .72


def test_desired_is_scaled_down_if_it_is_too_much() -> None:
    # .6 wished, .3 aimed: half of each.
    rows = [asset(name, desired_weight=desired) for name, desired in zip("ABC", (0.1, 0.2, 0.3), strict=True)]
    size(
        rows,
        plain(sizing_mode="desired", max_position_weight=0.5, target_invested=0.3),
        {"A": (0.05, "at_wish"), "B": (0.1, "at_wish"), "C": (0.15, "at_wish")},
    )


def test_desired_is_exceeded_for_a_bucket_minimum_only() -> None:
    # Bond needs .3, its two wish .1 each: .15. E stays at its wish: .4 of .95 is invested.
    rows = [asset(name, bucket="Bond", desired_weight=0.1) for name in ("B1", "B2")]
    rows.append(asset("E", bucket="Equity", desired_weight=0.1))
    size(
        rows,
        bucketed(sizing_mode="desired", buckets={"Bond": {"min_allocation": 0.3}}),
        {
            "B1": (0.15, "lifted_for_bucket_minimum"),
            "B2": (0.15, "lifted_for_bucket_minimum"),
            "E": (0.1, "at_wish"),
        },
    )


# --- minimum of a position --------------------------------------------------------------------------------------------


def test_a_small_wish_is_lifted_to_the_least_weight() -> None:
    # Wishes 10 and .1: of .4, B would get .00396. It gets .02, A the rest.
    rows = [asset("A", volatility=0.1), asset("B", volatility=10.0)]
    size(
        rows,
        plain(sizing_mode="inverse_volatility", target_invested=0.4, max_position_weight=0.5),
        {"A": (0.38, "at_wish"), "B": (0.02, "lifted_to_minimum")},
    )


def test_the_least_weight_is_waived_where_holdings_in_overflow_do_not_fit() -> None:
    # Risk .4, five holdings of at least .1 each: .5 do not fit, so the wish decides: scores sum to 4, .1 a point.
    # Only Risk's limit keeps them from more; A is at its size already. No band.
    rows = [asset(name, score, 0.1, "Risk") for name, score in zip("ABCDE", (1.0, 0.9, 0.8, 0.7, 0.6), strict=True)]
    result = size(
        rows,
        bucketed(
            sizing_mode="score_weighted",
            max_positions_per_bucket=10,
            min_position_weight=0.1,
            allow_bucket_overflow=True,
            no_trade_band=0.0,
            min_trade=0.0,
        ),
        {
            "A": (0.10, "held_in_band"),
            "B": (0.09, "capped_bucket"),
            "C": (0.08, "capped_bucket"),
            "D": (0.07, "capped_bucket"),
            "E": (0.06, "capped_bucket"),
        },
    )
    line = constraint(result, "min_position_weight")
    assert line.status == "waived"
    assert "B, C, D, E" in line.note


def test_a_waiver_stays_under_its_node() -> None:
    # Minimum .1. Tech's limit .15 fits one of T1, T2 (overflow keeps both): their minimum is waived. B's is not.
    # Wishes: T1, T2, B 10 each, C 100. Aim .4: B at .1; T1, T2 and C share .3 as 10 : 10 : 100: .025, .025, .25.
    # Tech then weighs .05, its limit does not bite, and yet T1 and T2 stay below .1.
    volatility = {"T1": 0.1, "T2": 0.1, "B": 0.1, "C": 0.01}
    current = {"T1": 0.1, "T2": 0.1, "B": 0.2, "C": 0.4}
    bucket = {"T1": "Tech", "T2": "Tech", "B": "Bond", "C": "Gold"}
    rows = [asset(name, 0.9, current[name], bucket[name], volatility=volatility[name]) for name in bucket]
    result = size(
        rows,
        bucketed(
            sizing_mode="inverse_volatility",
            target_invested=0.4,
            max_position_weight=0.4,
            min_position_weight=0.1,
            allow_bucket_overflow=True,
            no_trade_band=0.0,
            buckets={"Tech": {"max_allocation": 0.15}},
        ),
        {
            "T1": (0.025, "at_wish"),
            "T2": (0.025, "at_wish"),
            "B": (0.1, "lifted_to_minimum"),
            "C": (0.25, "at_wish"),
        },
    )
    assert set(actions(result).values()) == {"decrease"}


def test_a_bucket_minimum_goes_before_the_least_weight() -> None:
    # Least weight .1, Equity at most .4 (four places), Tech at least .3: .3 + .1 + .1 do not fit in .4. The least
    # weight is waived under Equity; then Tech has its .3, and H1, H2 the .1 that is left.
    rows = [asset(name, bucket="Equity/Tech") for name in ("T1", "T2")]
    rows += [asset(name, bucket="Equity/Health") for name in ("H1", "H2")]
    result = size(
        rows,
        bucketed(min_position_weight=0.1, buckets={"Equity/Tech": {"min_allocation": 0.3}}),
        {
            **dict.fromkeys(("T1", "T2"), (0.15, "capped_bucket")),
            **dict.fromkeys(("H1", "H2"), (0.05, "capped_bucket")),
        },
    )
    line = constraint(result, "min_position_weight")
    assert line.status == "waived"
    assert "H1, H2" in line.note
    assert constraint(result, "min_allocation", "Equity/Tech").status == "met"


def test_a_bucket_minimum_goes_before_the_least_weight_in_all() -> None:
    # Aim .5, least weight .1, five positions; Bond at least .4, as much as its two can hold. .4 + .3 do not fit in .5:
    # the least weight is waived everywhere, and the three others share .1.
    rows = [asset(name, bucket="Bond") for name in ("B1", "B2")]
    rows += [asset(name, bucket="Equity") for name in ("E1", "E2", "E3")]
    result = size(
        rows,
        bucketed(target_invested=0.5, min_position_weight=0.1, buckets={"Bond": {"min_allocation": 0.4}}),
        {
            **dict.fromkeys(("B1", "B2"), (0.2, "capped_position")),
            **dict.fromkeys(("E1", "E2", "E3"), (0.1 / 3, "at_wish")),
        },
    )
    line = constraint(result, "min_position_weight")
    assert line.status == "waived"
    assert "E1, E2, E3" in line.note


def test_the_least_weight_inside_a_full_bucket() -> None:
    # Wishes 10 and .1, Tech .3: by wish B would get .003. It gets .02, A .28.
    rows = [asset("A", bucket="Tech", volatility=0.1), asset("B", bucket="Tech", volatility=10.0)]
    size(
        rows,
        bucketed(sizing_mode="inverse_volatility", max_position_weight=0.5, buckets={"Tech": {"max_allocation": 0.3}}),
        {"A": (0.28, "capped_bucket"), "B": (0.02, "lifted_to_minimum")},
    )


# --- bucket maxima ----------------------------------------------------------------------------------------------------


def test_a_bucket_limit_keeps_relative_sizes_inside() -> None:
    # Aim .5, wishes 1.0, .8 (Equity, at most .3) and .9 (Bond). By wish alone Equity would get .5 * 1.8 / 2.7 = .333.
    # So .3 / 1.8 = 1/6 a point there, and Bond the .2 that is left.
    rows = [asset("E1", 1.0, bucket="Equity"), asset("E2", 0.8, bucket="Equity"), asset("B", 0.9, bucket="Bond")]
    size(
        rows,
        bucketed(
            sizing_mode="score_weighted",
            target_invested=0.5,
            max_position_weight=0.5,
            max_allocation_per_bucket=0.3,
        ),
        {"E1": (1.0 / 6, "capped_bucket"), "E2": (0.8 / 6, "capped_bucket"), "B": (0.2, "at_wish")},
    )


def test_parent_and_child_both_bite() -> None:
    # Tech .25: T1, T2 at .125. Equity .4: with Tech at .25, H1 gets .15 (below its own .2). Bond: .2 each, exactly .4.
    # Total .8 of .95: the level is infinite.
    rows = [
        asset("T1", bucket="Equity/Tech"),
        asset("T2", bucket="Equity/Tech"),
        asset("H1", bucket="Equity/Health"),
        asset("B1", bucket="Bond"),
        asset("B2", bucket="Bond"),
    ]
    result = size(
        rows,
        bucketed(buckets={"Equity/Tech": {"max_allocation": 0.25}}),
        {
            "T1": (0.125, "capped_bucket"),
            "T2": (0.125, "capped_bucket"),
            "H1": (0.15, "capped_bucket"),
            "B1": (0.2, "capped_position"),
            "B2": (0.2, "capped_position"),
        },
    )
    sentences = result.details()
    assert " of Equity/Tech." in sentences[0]
    assert " of Equity." in sentences[2]


def test_three_limits_on_one_path() -> None:
    # Semis .1: S1, S2 at .05. Tech .25: T1 .15. Equity .42: H1 .17. Each below .2, the portfolio's level is infinite.
    rows = [
        asset("S1", bucket="Equity/Tech/Semis"),
        asset("S2", bucket="Equity/Tech/Semis"),
        asset("T1", bucket="Equity/Tech"),
        asset("H1", bucket="Equity/Health"),
    ]
    size(
        rows,
        bucketed(
            max_allocation_per_bucket=0.42,
            buckets={"Equity/Tech": {"max_allocation": 0.25}, "Equity/Tech/Semis": {"max_allocation": 0.1}},
        ),
        {
            "S1": (0.05, "capped_bucket"),
            "S2": (0.05, "capped_bucket"),
            "T1": (0.15, "capped_bucket"),
            "H1": (0.17, "capped_bucket"),
        },
    )


def test_a_parent_bites_harder_than_its_child() -> None:
    # Equity .3 over T1, T2, H1: .1 each; Tech's .25 is not reached.
    rows = [
        asset("T1", bucket="Equity/Tech"),
        asset("T2", bucket="Equity/Tech"),
        asset("H1", bucket="Equity/Health"),
    ]
    size(
        rows,
        bucketed(max_allocation_per_bucket=0.3, buckets={"Equity/Tech": {"max_allocation": 0.25}}),
        dict.fromkeys(("T1", "T2", "H1"), (0.1, "capped_bucket")),
    )


def test_fixed_weight_above_a_bucket_limit_is_waived_and_nothing_is_added() -> None:
    # F alone is .5 in Tech (.4 at most) and above .2 itself. A and the holding B find nothing left there. C: .2.
    rows = [
        asset("F", 0.1, 0.5, "Tech", restriction="no_trade"),
        asset("A", bucket="Tech"),
        asset("B", 0.9, 0.1, "Tech"),
        asset("C", bucket="Bond"),
    ]
    result = size(
        rows, bucketed(), {"F": (0.5, "restricted"), "A": (0.0, ""), "B": (0.0, ""), "C": (0.2, "capped_position")}
    )
    assert actions(result) == {"F": "hold", "A": "none", "B": "close", "C": "open"}
    for line in (constraint(result, "max_allocation", "Tech"), constraint(result, "max_position_weight")):
        assert line.status == "waived"
        assert "F" in line.note
    line = constraint(result, "max_allocation", "Tech")
    assert (line.measured, line.limit) == (0.5, 0.4)
    assert line.slack == pytest.approx(-0.1, abs=1e-12)


# --- bucket minima ----------------------------------------------------------------------------------------------------


def test_a_bucket_minimum_lifts() -> None:
    # .9 over six would be .15 each, .3 in Bond. Bond needs .36: .18 each; the rest (.9 - .36) / 4 = .135.
    rows = [asset(name, bucket="Bond") for name in ("B1", "B2")] + [
        asset(f"E{index}", bucket="Equity") for index in range(4)
    ]
    size(
        rows,
        bucketed(target_invested=0.9, max_allocation_per_bucket=1.0, buckets={"Bond": {"min_allocation": 0.36}}),
        {
            **dict.fromkeys(("B1", "B2"), (0.18, "lifted_for_bucket_minimum")),
            **dict.fromkeys(("E0", "E1", "E2", "E3"), (0.135, "at_wish")),
        },
    )


def test_a_bucket_minimum_that_the_wish_meets_lifts_nothing() -> None:
    # .15 each, Bond .3: its minimum .3 is met exactly.
    rows = [asset(name, bucket="Bond") for name in ("B1", "B2")] + [
        asset(f"E{index}", bucket="Equity") for index in range(4)
    ]
    size(
        rows,
        bucketed(target_invested=0.9, max_allocation_per_bucket=1.0, buckets={"Bond": {"min_allocation": 0.3}}),
        dict.fromkeys(("B1", "B2", "E0", "E1", "E2", "E3"), (0.15, "at_wish")),
    )


def test_nested_minima_both_lift() -> None:
    # Aim .8 over eight: .1. Tech needs .3: T .15 each. Equity needs .5: H (.5 - .3) / 2 = .1 each.
    # Bond takes the rest: .3 / 4 = .075, which is the portfolio's level.
    buckets = {"T1": "Equity/Tech", "T2": "Equity/Tech", "H1": "Equity/Health", "H2": "Equity/Health"}
    rows = [asset(name, bucket=bucket) for name, bucket in buckets.items()]
    rows += [asset(f"B{index}", bucket="Bond") for index in range(4)]
    size(
        rows,
        bucketed(
            target_invested=0.8,
            max_allocation_per_bucket=1.0,
            buckets={"Equity": {"min_allocation": 0.5}, "Equity/Tech": {"min_allocation": 0.3}},
        ),
        {
            "T1": (0.15, "lifted_for_bucket_minimum"),
            "T2": (0.15, "lifted_for_bucket_minimum"),
            "H1": (0.10, "lifted_for_bucket_minimum"),
            "H2": (0.10, "lifted_for_bucket_minimum"),
            **{f"B{index}": (0.075, "at_wish") for index in range(4)},
        },
    )


def test_a_minimum_inside_a_full_parent() -> None:
    # Equity .4 at most, Tech .3 at least: T .15 each, H (.4 - .3) / 2 = .05 each. Bond: .2 each.
    # Total .8 of .95, so the portfolio's level is infinite. Tech's minimum lifts T above Equity's level of .05, and yet T has
    # less than its share of the whole: Equity's limit is the reason.
    buckets = {"T1": "Equity/Tech", "T2": "Equity/Tech", "H1": "Equity/Health", "H2": "Equity/Health"}
    rows = [asset(name, bucket=bucket) for name, bucket in buckets.items()]
    rows += [asset(name, bucket="Bond") for name in ("B1", "B2")]
    size(
        rows,
        bucketed(buckets={"Equity/Tech": {"min_allocation": 0.3}}),
        {
            "T1": (0.15, "capped_bucket"),
            "T2": (0.15, "capped_bucket"),
            "H1": (0.05, "capped_bucket"),
            "H2": (0.05, "capped_bucket"),
            "B1": (0.2, "capped_position"),
            "B2": (0.2, "capped_position"),
        },
    )


def test_fixed_weight_counts_toward_a_minimum() -> None:
    # Aim .5, .2 of it fixed in Bond: .3 / 4 = .075 each, Bond .275. It needs .3: B1 .1, the rest (.5 - .3) / 3.
    rows = [asset("F", 0.1, 0.2, "Bond", restriction="no_trade"), asset("B1", bucket="Bond")]
    rows += [asset(name, bucket="Equity") for name in ("E1", "E2", "E3")]
    size(
        rows,
        bucketed(target_invested=0.5, buckets={"Bond": {"min_allocation": 0.3}}),
        {
            "F": (0.2, "restricted"),
            "B1": (0.1, "lifted_for_bucket_minimum"),
            **dict.fromkeys(("E1", "E2", "E3"), (0.2 / 3, "at_wish")),
        },
    )


def test_a_minimum_that_one_position_cannot_fill_is_unmet() -> None:
    # Bond needs .3, B1 can hold .2. The others share .9 - .2 over four: .175.
    rows = [asset("B1", bucket="Bond")] + [asset(f"E{index}", bucket="Equity") for index in range(4)]
    result = size(
        rows,
        bucketed(target_invested=0.9, max_allocation_per_bucket=1.0, buckets={"Bond": {"min_allocation": 0.3}}),
        {"B1": (0.2, "capped_position"), **{f"E{index}": (0.175, "at_wish") for index in range(4)}},
    )
    line = constraint(result, "min_allocation", "Bond")
    assert (line.limit, line.status) == (0.3, "unmet")
    assert line.measured == pytest.approx(0.2, abs=1e-12)
    assert line.slack == pytest.approx(-0.1, abs=1e-12)
    assert "B1" in line.note
    assert result.status == "unmet"


def test_a_minimum_without_candidates_is_unmet() -> None:
    # Nobody is in Gold (a known bucket). .9 / 5 = .18.
    rows = [asset(f"E{index}", bucket="Equity") for index in range(5)]
    result = size(
        rows,
        bucketed(
            target_invested=0.9,
            max_positions_per_bucket=5,
            max_allocation_per_bucket=1.0,
            known_buckets=("Gold",),
            buckets={"Gold": {"min_allocation": 0.2}},
        ),
        {f"E{index}": (0.18, "at_wish") for index in range(5)},
    )
    line = constraint(result, "min_allocation", "Gold")
    assert (line.measured, line.limit, line.status) == (0.0, 0.2, "unmet")
    assert line.cause == "nothing_selected"


def test_minima_that_fixed_weight_leaves_no_room_for_are_scaled_in_proportion() -> None:
    # .9 aimed, .5 fixed: .4 for minima of .36 (Bond) and .24 (Gold), .6 together. Two thirds of each: .24 and .16.
    # Over two positions each: .12 and .08. Nothing is left beside the minima: the portfolio's level is 0.
    rows = [asset("F", 0.1, 0.5, "Other", restriction="no_trade")]
    rows += [asset(name, bucket={"B": "Bond", "G": "Gold"}[name[0]]) for name in ("B1", "B2", "G1", "G2")]
    result = size(
        rows,
        bucketed(
            target_invested=0.9,
            max_allocation_per_bucket=0.6,
            buckets={"Bond": {"min_allocation": 0.36}, "Gold": {"min_allocation": 0.24}},
        ),
        {
            "F": (0.5, "restricted"),
            "B1": (0.12, "lifted_for_bucket_minimum"),
            "B2": (0.12, "lifted_for_bucket_minimum"),
            "G1": (0.08, "lifted_for_bucket_minimum"),
            "G2": (0.08, "lifted_for_bucket_minimum"),
        },
    )
    for node, measured in (("Bond", 0.24), ("Gold", 0.16)):
        line = constraint(result, "min_allocation", node)
        assert line.measured == pytest.approx(measured, abs=1e-12)
        assert line.status == "unmet"
        assert line.cause == "no_room"


def test_minima_below_a_node_with_fixed_weight_are_scaled_in_proportion() -> None:
    # Equity .4, of which .3 is fixed: .1 for Tech's .2 and Health's .1. A third of each: T .2 / 3 / 2, H .1 / 3 / 2
    # (the wish alone would give .025 each). H is below .02, which is waived.
    rows = [asset("F", 0.1, 0.3, "Equity/Other", restriction="no_trade")]
    rows += [asset(name, bucket="Equity/Tech") for name in ("T1", "T2")]
    rows += [asset(name, bucket="Equity/Health") for name in ("H1", "H2")]
    result = size(
        rows,
        bucketed(
            max_positions_per_bucket=10,
            buckets={"Equity/Tech": {"min_allocation": 0.2}, "Equity/Health": {"min_allocation": 0.1}},
        ),
        {
            "F": (0.3, "restricted"),
            **dict.fromkeys(("T1", "T2"), (0.2 / 6, "capped_bucket")),
            **dict.fromkeys(("H1", "H2"), (0.1 / 6, "capped_bucket")),
        },
    )
    for node in ("Equity/Tech", "Equity/Health"):
        line = constraint(result, "min_allocation", node)
        assert line.status == "unmet"
        assert line.cause == "no_room"
    assert "H1, H2" in constraint(result, "min_position_weight").note


# --- restrictions -----------------------------------------------------------------------------------------------------


def test_no_sell_keeps_more_than_the_wish() -> None:
    # .4 over four is .1; H stays at .15, the others (.4 - .15) / 3.
    rows = [asset("H", 0.9, 0.15, restriction="no_sell"), asset("A"), asset("B"), asset("C")]
    size(
        rows,
        plain(target_invested=0.4),
        {"H": (0.15, "restricted"), **dict.fromkeys("ABC", (0.25 / 3, "at_wish"))},
    )


def test_no_sell_may_be_bought_if_it_qualifies() -> None:
    # H from .05 to .1 like the others.
    rows = [asset("H", 0.6, 0.05, restriction="no_sell"), asset("A"), asset("B"), asset("C")]
    result = size(rows, plain(target_invested=0.4), dict.fromkeys(("H", "A", "B", "C"), (0.1, "at_wish")))
    assert actions(result)["H"] == "increase"
    assert {row["asset"]: row["reason"] for row in result.targets}["H"] == "restricted"


def test_no_sell_is_not_bought_below_the_threshold() -> None:
    # H stays at .05, the others .35 / 3.
    rows = [asset("H", 0.5999, 0.05, restriction="no_sell"), asset("A"), asset("B"), asset("C")]
    size(
        rows,
        plain(target_invested=0.4),
        {"H": (0.05, "restricted"), **dict.fromkeys("ABC", (0.35 / 3, "at_wish"))},
    )


def test_no_sell_above_the_largest_weight_stays() -> None:
    # H .3, above .2: neither sold nor bought; A its .2.
    rows = [asset("H", 0.9, 0.3, restriction="no_sell"), asset("A")]
    result = size(rows, plain(), {"H": (0.3, "restricted"), "A": (0.2, "capped_position")})
    line = constraint(result, "max_position_weight")
    assert (line.measured, line.limit, line.status) == (0.3, 0.2, "waived")


def test_no_buy_keeps_less_than_the_wish() -> None:
    # H at most .05, the others .35 / 3.
    rows = [asset("H", 0.9, 0.05, restriction="no_buy"), asset("A"), asset("B"), asset("C")]
    size(
        rows,
        plain(target_invested=0.4),
        {"H": (0.05, "restricted"), **dict.fromkeys("ABC", (0.35 / 3, "at_wish"))},
    )


def test_no_buy_may_stay_below_the_least_weight() -> None:
    # H holds .01, below .02, and may not be bought: its least weight is .01 too. The others .39 / 3.
    rows = [asset("H", 0.9, 0.01, restriction="no_buy"), asset("A"), asset("B"), asset("C")]
    size(
        rows,
        plain(target_invested=0.4),
        {"H": (0.01, "restricted"), **dict.fromkeys("ABC", (0.13, "at_wish"))},
    )


def test_no_buy_may_be_sold() -> None:
    # H from .3 to .1, like the others.
    rows = [asset("H", 0.9, 0.3, restriction="no_buy"), asset("A"), asset("B"), asset("C")]
    result = size(rows, plain(target_invested=0.4), dict.fromkeys(("H", "A", "B", "C"), (0.1, "at_wish")))
    assert actions(result)["H"] == "decrease"


def test_no_buy_above_the_largest_weight_is_capped() -> None:
    # H from .3 to its .2: the cap bites, not the restriction.
    result = size([asset("H", 0.9, 0.3, restriction="no_buy")], plain(), {"H": (0.2, "capped_position")})
    assert actions(result) == {"H": "decrease"}


def test_no_trade_leaves_the_rest_to_the_others() -> None:
    # .4 aimed, H fixed at .25, above .2: .15 over three.
    rows = [asset("H", 0.9, 0.25, restriction="no_trade"), asset("A"), asset("B"), asset("C")]
    size(rows, plain(target_invested=0.4), {"H": (0.25, "restricted"), **dict.fromkeys("ABC", (0.05, "at_wish"))})


def test_no_sell_above_a_bucket_limit_is_waived() -> None:
    # H .15 in Tech (.1): it stays, is not bought, and N finds nothing left.
    rows = [asset("H", 0.9, 0.15, "Tech", restriction="no_sell"), asset("N", bucket="Tech")]
    result = size(
        rows, bucketed(buckets={"Tech": {"max_allocation": 0.1}}), {"H": (0.15, "restricted"), "N": (0.0, "")}
    )
    line = constraint(result, "max_allocation", "Tech")
    assert (line.measured, line.limit, line.status) == (0.15, 0.1, "waived")
    assert "H" in line.note


def test_no_sell_is_bought_up_to_the_level_of_its_bucket() -> None:
    # Tech .3 over H (.05 now) and A: .15 each.
    rows = [asset("H", 0.9, 0.05, "Tech", restriction="no_sell"), asset("A", bucket="Tech")]
    size(
        rows,
        bucketed(buckets={"Tech": {"max_allocation": 0.3}}),
        dict.fromkeys("HA", (0.15, "capped_bucket")),
    )


def test_unknown_holdings_may_be_sold_but_not_bought() -> None:
    # Aim .4 over four: .1. H goes down from .2 to .1 like any other. I stays at .05; then .35 / 3 for the rest.
    limits = bucketed(target_invested=0.4, unknown_bucket="hold")
    tech = [asset(name, bucket="Tech") for name in "ABC"]
    size([asset("H", 0.9, 0.2), *tech], limits, dict.fromkeys("HABC", (0.1, "at_wish")))
    size(
        [asset("I", 0.9, 0.05), *tech],
        limits,
        {"I": (0.05, "restricted"), **dict.fromkeys("ABC", (0.35 / 3, "at_wish"))},
    )
    # The same under no_sell: no more than now, although its score would do.
    held = asset("I", 0.9, 0.05, restriction="no_sell")
    size([held, *tech], limits, {"I": (0.05, "restricted"), **dict.fromkeys("ABC", (0.35 / 3, "at_wish"))})


# --- how much in all --------------------------------------------------------------------------------------------------


def test_residual_goes_to_the_others_or_stays_in_cash() -> None:
    # .8 aimed, four new, A at most .05. Proportional: (.8 - .05) / 3 = .25. Cash: .8 / 4 = .2, A's rest is not spread.
    rows = [asset("A", max_weight=0.05), asset("B"), asset("C"), asset("D")]
    limits = plain(target_invested=0.8, max_position_weight=0.5)
    size(rows, limits, {"A": (0.05, "capped_position"), **dict.fromkeys("BCD", (0.25, "at_wish"))})
    result = size(
        rows,
        limits.replace(residual_strategy="cash"),
        {"A": (0.05, "capped_position"), **dict.fromkeys("BCD", (0.2, "at_wish"))},
    )
    assert result.cash_weight == pytest.approx(0.35, abs=1e-12)  # 1 - .65


def test_residual_counts_only_what_is_not_fixed() -> None:
    # .8 aimed, .2 fixed. Proportional: (.6 - .05) / 2 = .275. Cash: .6 / 3 = .2.
    rows = [asset("F", 0.1, 0.2, restriction="no_trade"), asset("A", max_weight=0.05), asset("B"), asset("C")]
    limits = plain(target_invested=0.8, max_position_weight=0.5)
    fixed = {"F": (0.2, "restricted"), "A": (0.05, "capped_position")}
    size(rows, limits, {**fixed, "B": (0.275, "at_wish"), "C": (0.275, "at_wish")})
    size(rows, limits.replace(residual_strategy="cash"), {**fixed, "B": (0.2, "at_wish"), "C": (0.2, "at_wish")})


def test_cash_also_keeps_what_a_bucket_limit_leaves() -> None:
    # .8 / 4 = .2; Tech .3 over two: .15 each. Bond stays at .2 each, .1 more is cash.
    rows = [
        asset("T1", bucket="Tech"),
        asset("T2", bucket="Tech"),
        asset("B1", bucket="Bond"),
        asset("B2", bucket="Bond"),
    ]
    limits = bucketed(
        target_invested=0.8,
        max_position_weight=0.5,
        max_allocation_per_bucket=1.0,
        buckets={"Tech": {"max_allocation": 0.3}},
    )
    tech = dict.fromkeys(("T1", "T2"), (0.15, "capped_bucket"))
    size(rows, limits, {**tech, **dict.fromkeys(("B1", "B2"), (0.25, "at_wish"))})
    size(rows, limits.replace(residual_strategy="cash"), {**tech, **dict.fromkeys(("B1", "B2"), (0.2, "at_wish"))})


@pytest.mark.parametrize("strategy", ["proportional", "cash"])
def test_a_bucket_minimum_takes_from_the_others_in_both_strategies(strategy: str) -> None:
    # .8 over four: .2. Bond needs .5: .25 each. The others get .3 / 2 = .15, below the .2 that cash allows.
    rows = [asset(name, bucket="Bond") for name in ("B1", "B2")] + [
        asset(name, bucket="Equity") for name in ("E1", "E2")
    ]
    size(
        rows,
        bucketed(
            target_invested=0.8,
            max_position_weight=0.5,
            max_allocation_per_bucket=1.0,
            residual_strategy=strategy,
            buckets={"Bond": {"min_allocation": 0.5}},
        ),
        {
            **dict.fromkeys(("B1", "B2"), (0.25, "lifted_for_bucket_minimum")),
            **dict.fromkeys(("E1", "E2"), (0.15, "at_wish")),
        },
    )


def test_few_survivors_are_not_doubled() -> None:
    # Full from 10 positions on; two are left of holdings at .09: .9 * 2 / 10 = .18, .09 each: nothing is traded.
    rows = [asset("A", 0.9, 0.09), asset("B", 0.9, 0.09)] + [asset(f"X{index}", 0.5, 0.09) for index in range(8)]
    result = size(
        rows,
        plain(target_invested=0.9, full_investment_positions=10),
        {**dict.fromkeys("AB", (0.09, "held_in_band")), **{f"X{index}": (0.0, "") for index in range(8)}},
    )
    assert actions(result) == {"A": "hold", "B": "hold", **{f"X{index}": "close" for index in range(8)}}


def test_full_investment_is_reached_at_its_number() -> None:
    # Two of two: .9 * 1 = .9, each .45.
    rows = [asset("A"), asset("B")]
    limits = plain(target_invested=0.9, full_investment_positions=2, max_position_weight=0.5)
    size(rows, limits, dict.fromkeys("AB", (0.45, "at_wish")))


def test_full_investment_does_not_touch_the_fixed_part() -> None:
    # Two positions of four: .3 fixed + (.9 - .3) * 2 / 4 = .6; A gets .3.
    rows = [asset("F", 0.1, 0.3, restriction="no_trade"), asset("A")]
    size(
        rows,
        plain(target_invested=0.9, full_investment_positions=4, max_position_weight=0.5),
        {"F": (0.3, "restricted"), "A": (0.3, "at_wish")},
    )


def test_full_investment_does_not_count_fixed_dust() -> None:
    # One position of two, .0005 fixed: A gets half of .8 - .0005.
    rows = [asset("F", 0.9, 0.0005, restriction="no_trade"), asset("A")]
    size(
        rows,
        plain(target_invested=0.8, full_investment_positions=2, max_position_weight=1.0),
        {"F": (0.0005, "restricted"), "A": (0.39975, "at_wish")},
    )


def test_full_investment_never_goes_below_the_least_weights() -> None:
    # .9 * 2 / 10 = .18, but two positions of at least .1 are .2.
    size(
        [asset("A"), asset("B")],
        plain(target_invested=0.9, full_investment_positions=10, min_position_weight=0.1),
        dict.fromkeys("AB", (0.1, "lifted_to_minimum")),
    )


def test_bucket_minima_lift_a_reduced_total() -> None:
    # .9 * 3 / 10 = .27. Bond needs .3 and E at least .02: .32, the level is 0.
    rows = [asset("B1", bucket="Bond"), asset("B2", bucket="Bond"), asset("E", bucket="Equity")]
    size(
        rows,
        bucketed(target_invested=0.9, full_investment_positions=10, buckets={"Bond": {"min_allocation": 0.3}}),
        {
            "B1": (0.15, "lifted_for_bucket_minimum"),
            "B2": (0.15, "lifted_for_bucket_minimum"),
            "E": (0.02, "lifted_to_minimum"),
        },
    )


def test_an_overdrawn_account_is_accepted_and_noted() -> None:
    # .53 + .50 = 1.03. A may not be traded; B goes to its .2: .73 in all.
    rows = [asset("A", 0.9, 0.53, restriction="no_trade"), asset("B", 0.9, 0.5)]
    result = size(rows, plain(), {"A": (0.53, "restricted"), "B": (0.2, "capped_position")})
    assert "overdrawn" in [note.code for note in result.notes]
    assert result.cash_weight == pytest.approx(0.27, abs=1e-12)


def test_an_overdrawn_account_that_may_not_trade_stays_so() -> None:
    rows = [asset("A", 0.9, 0.53, restriction="no_trade"), asset("B", 0.9, 0.5, restriction="no_sell")]
    result = size(rows, plain(), {"A": (0.53, "restricted"), "B": (0.5, "restricted")})
    assert result.cash_weight == pytest.approx(-0.03, abs=1e-12)
    line = constraint(result, "target_invested")
    assert line.status == "waived"
    assert "A, B" in line.note


def test_overdrawn_ends_at_five_percent() -> None:
    # 1.05 is accepted, never rescaled; 1.06 is refused.
    kept = {"A": (0.55, "restricted"), "B": (0.5, "restricted")}
    rows = [asset("A", 0.9, 0.55, restriction="no_trade"), asset("B", 0.9, 0.5, restriction="no_trade")]
    size(rows, plain(), kept)
    rows[0]["current_weight"] = 0.56
    with pytest.raises(InputError, match=r"1\.05"):
        rebalance(rows, plain())


def test_an_account_within_one_is_not_overdrawn() -> None:
    rows = [asset("A", 0.9, 0.5), asset("B", 0.9, 0.5)]
    result = size(rows, plain(), dict.fromkeys("AB", (0.2, "capped_position")))
    assert "overdrawn" not in [note.code for note in result.notes]


def test_the_floor_beside_fixed_weight() -> None:
    # Tech .21, of which .05 is fixed: .16 / .04 = 4 places. In floating point .05 + 4 * .04 is above .21 by one bit,
    # which is no difference, and waives nothing.
    rows = [asset("A", 0.9, 0.05, "Tech", restriction="no_trade")]
    rows += [asset(name, bucket="Tech") for name in ("B", "C", "D", "E")]
    limits = bucketed(min_position_weight=0.04, max_positions_per_bucket=9, max_allocation_per_bucket=0.21)
    result = size(rows, limits, {"A": (0.05, "restricted"), **dict.fromkeys("BCDE", (0.04, "lifted_to_minimum"))})
    assert constraint(result, "min_position_weight").status == "met"


def test_the_floor_where_a_little_less_than_a_position_is_left() -> None:
    # Tech .1 - 4e-11: (.1 - 4e-11) / .05 = 1.9999999992, and 1e-9 more makes two places. Their minima, .1 in all, are
    # above the limit by 4e-11, less than 1e-9 * .05: each is scaled to (.1 - 4e-11) / 2. With 6e-11 less one place is left.
    rows = [asset(name, score, bucket="Tech") for name, score in (("A", 0.9), ("B", 0.8))]
    limits = bucketed(min_position_weight=0.05, max_allocation_per_bucket=0.1 - 4e-11)
    result = size(rows, limits, dict.fromkeys("AB", (0.05 - 2e-11, "lifted_to_minimum")))
    assert sum(row["target_weight"] for row in result.targets) == pytest.approx(0.1 - 4e-11, abs=1e-15)
    assert constraint(result, "min_position_weight").status == "waived"
    less = bucketed(min_position_weight=0.05, max_allocation_per_bucket=0.1 - 6e-11)
    size(rows, less, {"A": (0.1 - 6e-11, "capped_bucket"), "B": (0.0, "")})


def test_the_floor_beside_fixed_weight_where_a_little_less_is_left() -> None:
    # Tech .21 - 3e-11, of which .05 is fixed: (.16 - 3e-11) / .04 = 3.99999999925, and 1e-9 more makes four places.
    # The four share what is left; what is fixed stays as it is.
    rows = [asset("A", 0.9, 0.05, "Tech", restriction="no_trade")]
    rows += [asset(name, bucket="Tech") for name in ("B", "C", "D", "E")]
    limits = bucketed(min_position_weight=0.04, max_positions_per_bucket=9, max_allocation_per_bucket=0.21 - 3e-11)
    each = (0.04 - 0.75e-11, "lifted_to_minimum")
    result = size(rows, limits, {"A": (0.05, "restricted"), **dict.fromkeys("BCDE", each)})
    assert sum(row["target_weight"] for row in result.targets) == pytest.approx(0.21 - 3e-11, abs=1e-15)

"""What is traded and what is left alone: small accounts, each worked out by hand from sections 6 and 7 beforehand.

"Size" is the weight of section 5. In most accounts the aimed total over equal wishes makes it .1 for everybody, whose
band is then .2 * .1 = .02.
"""

from __future__ import annotations

from typing import Any

import pytest

from trimtab import rebalance
from trimtab.certificate.certificate import Constraint
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.rebalancing.result import RebalanceResult

Row = dict[str, Any]
Traded = tuple[float, str, str]  # target weight, action, size reason


pytestmark = pytest.mark.usefixtures("also_plain")


def asset(name: str, current: float = 0.0, bucket: str | None = None, score: float | None = 0.9, **more: Any) -> Row:
    """One candidate."""
    empty = {"restriction": "", "max_weight": None, "desired_weight": None, "volatility": None}
    return {"asset": name, "score": score, "current_weight": current, "bucket": bucket, **empty, **more}


def trade(rows: list[Row], limits: RebalancingLimits, expected: dict[str, Traded]) -> RebalanceResult:
    """Rebalance, with the rows in both orders, and compare weight, action and size reason of every row."""
    for ordered in (rows[::-1], rows):
        result = rebalance(ordered, limits)
        by_name = {row["asset"]: row for row in result.targets}
        words = {name: (row["action"], row["size_reason"]) for name, row in by_name.items()}
        assert words == {name: wanted[1:] for name, wanted in expected.items()}
        weights = {name: row["target_weight"] for name, row in by_name.items()}
        assert weights == pytest.approx({name: wanted[0] for name, wanted in expected.items()}, abs=1e-12)
        for row in by_name.values():
            assert (row["target_weight"] == row["current_weight"]) == (row["action"] in ("hold", "none"))
    return result


def constraint(result: RebalanceResult, name: str, node: str = "") -> Constraint:
    """One line of the certificate."""
    (rows,) = [line for line in result.certificate if (line.name, line.node) == (name, node)]
    return rows


def aiming(total: float, **changes: Any) -> RebalancingLimits:
    """Limits that aim at a total, with room for ten new positions and no buckets."""
    return RebalancingLimits.from_dict({"target_invested": total, "max_new_positions": 10, **changes})


def bucketed(total: float, **changes: Any) -> RebalancingLimits:
    """The same with buckets, of which one must be represented; each may weigh 1 unless named."""
    wide = {"enable_bucket_diversification": True, "min_buckets_represented": 1, "max_allocation_per_bucket": 1.0}
    return aiming(total, **{**wide, **changes})


def held(weight: float) -> Traded:
    """What is expected of a holding that is left alone."""
    return (weight, "hold", "held_in_band")


# --- the band ---------------------------------------------------------------------------------------------------------


def test_the_border_of_the_band_is_inside() -> None:
    # Size .2 / 2 = .1, band .02: .12 and .08 are exactly at its ends (.020000000000000004 in floating point).
    trade([asset("A", 0.12), asset("B", 0.08)], aiming(0.2), {"A": held(0.12), "B": held(0.08)})


def test_just_outside_the_band_is_traded_all_the_way() -> None:
    # .0201 off: to .1, not to the end of the band.
    trade(
        [asset("A", 0.1201), asset("B", 0.0799)],
        aiming(0.2),
        {"A": (0.1, "decrease", "at_wish"), "B": (0.1, "increase", "at_wish")},
    )


def test_the_band_is_relative_to_the_size_not_to_the_holding() -> None:
    # Size .1: .0801 is .0199 off: held (of itself that would be .248). .1249 is .0249 off: traded (of itself .199).
    trade(
        [asset("A", 0.0801), asset("B", 0.1249)],
        aiming(0.2),
        {"A": held(0.0801), "B": (0.1, "decrease", "at_wish")},
    )


def test_a_held_neighbour_moves_nobody() -> None:
    # Size .3 / 3 = .1. A stays at .115; B and the new C get their .1, not .0925. Total .315, up to .32 is allowed.
    trade(
        [asset("A", 0.115), asset("B", 0.05), asset("C")],
        aiming(0.3),
        {"A": held(0.115), "B": (0.1, "increase", "at_wish"), "C": (0.1, "open", "at_wish")},
    )


def test_a_new_position_has_no_band() -> None:
    # Size .01 / 2 = .005, and min_trade .01: a new position of .005 is opened all the same.
    limits = aiming(0.01, min_position_weight=0.0, min_trade=0.01)
    trade([asset("A"), asset("B")], limits, dict.fromkeys("AB", (0.005, "open", "at_wish")))


def test_min_trade_where_there_is_no_band() -> None:
    # Size .1, smallest trade .01: A is .01 off and left alone, B is .015 off and traded.
    limits = aiming(0.2, no_trade_band=0.0, min_trade=0.01)
    trade([asset("A", 0.11), asset("B", 0.085)], limits, {"A": held(0.11), "B": (0.1, "increase", "at_wish")})


def test_the_wider_of_band_and_min_trade_counts() -> None:
    # Size .1: band .02, min_trade .03: .13 and .07 are left alone.
    trade([asset("A", 0.13), asset("B", 0.07)], aiming(0.2, min_trade=0.03), {"A": held(0.13), "B": held(0.07)})


def test_without_band_and_min_trade_everything_is_traded() -> None:
    limits = aiming(0.2, no_trade_band=0.0, min_trade=0.0)
    trade(
        [asset("A", 0.1001), asset("B", 0.1)],
        limits,
        {"A": (0.1, "decrease", "at_wish"), "B": held(0.1)},
    )


def test_a_holding_that_may_not_be_sold_has_a_band_too() -> None:
    # H may be bought, but .09 is near enough to .1.
    rows = [asset("H", 0.09, restriction="no_sell"), asset("A")]
    trade(rows, aiming(0.2), {"H": held(0.09), "A": (0.1, "open", "at_wish")})


# --- released for an own limit ----------------------------------------------------------------------------------------


def test_a_holding_above_its_own_limit_is_released() -> None:
    # Limit and size .1 (the total .5 cannot be reached), band .02: .11 would be left alone, but is above the limit.
    result = trade(
        [asset("A", 0.11), asset("B", 0.09)],
        aiming(0.5, max_position_weight=0.1),
        {"A": (0.1, "decrease", "released_for_limit"), "B": held(0.09)},
    )
    assert constraint(result, "max_position_weight").status == "met"


def test_a_holding_above_its_max_weight_is_released() -> None:
    trade(
        [asset("A", 0.11, max_weight=0.1), asset("B", 0.19)],
        aiming(0.5),
        {"A": (0.1, "decrease", "released_for_limit"), "B": held(0.19)},
    )


def test_drift_tolerance_leaves_a_holding_above_its_limit() -> None:
    # .1 * 1.1 = .11: A is exactly there and drifts; B (.1101) is above it and released.
    result = trade(
        [asset("A", 0.11), asset("B", 0.1101)],
        aiming(0.5, max_position_weight=0.1, drift_tolerance=0.1),
        {"A": held(0.11), "B": (0.1, "decrease", "released_for_limit")},
    )
    line = constraint(result, "max_position_weight")
    assert (line.measured, line.limit, line.status) == (0.11, 0.1, "drifted")
    assert line.slack == pytest.approx(-0.01, abs=1e-12)
    assert "A" in line.note


def test_a_holding_below_the_least_weight_is_released() -> None:
    # Least weight and size .1, band .02: A (.09) would be left alone, but is below the least. Total .1 + .11 = .21.
    trade(
        [asset("A", 0.09), asset("B", 0.11)],
        aiming(0.2, min_position_weight=0.1),
        {"A": (0.1, "increase", "released_for_limit"), "B": held(0.11)},
    )


# --- released for a bucket --------------------------------------------------------------------------------------------


def test_a_bucket_above_its_limit_releases_the_largest_excess() -> None:
    # Tech .3 over three: .1 each; .12 + .09 + .10 = .31. A is .02 over: .29. The others stay. D and E: .2 each.
    # Total .69, .01 short of .7.
    rows = [asset("A", 0.12, "Tech"), asset("B", 0.09, "Tech"), asset("C", 0.10, "Tech")]
    rows += [asset("D", bucket="Bond"), asset("E", bucket="Bond")]
    trade(
        rows,
        bucketed(0.95, buckets={"Tech": {"max_allocation": 0.3}}),
        {
            "A": (0.1, "decrease", "released_for_limit"),
            "B": held(0.09),
            "C": held(0.10),
            "D": (0.2, "open", "capped_position"),
            "E": (0.2, "open", "capped_position"),
        },
    )


def test_a_bucket_releases_as_many_as_it_takes() -> None:
    # .11 + .105 + .1 = .315. A: .305, still above .3. B: .3. C stays.
    rows = [asset("A", 0.11, "Tech"), asset("B", 0.105, "Tech"), asset("C", 0.1, "Tech")]
    result = trade(
        rows,
        bucketed(0.95, buckets={"Tech": {"max_allocation": 0.3}}),
        {
            "A": (0.1, "decrease", "released_for_limit"),
            "B": (0.1, "decrease", "released_for_limit"),
            "C": held(0.1),
        },
    )
    assert constraint(result, "max_allocation", "Tech").status == "met"


def test_equal_excess_is_released_by_name() -> None:
    # .11 + .11 + .09 = .31: A or B, so A. Then exactly .3.
    rows = [asset("C", 0.09, "Tech"), asset("B", 0.11, "Tech"), asset("A", 0.11, "Tech")]
    trade(
        rows,
        bucketed(0.95, buckets={"Tech": {"max_allocation": 0.3}}),
        {"A": (0.1, "decrease", "released_for_limit"), "B": held(0.11), "C": held(0.09)},
    )


def test_the_deepest_bucket_goes_first() -> None:
    # .1 each, Tech .2 and Equity .4. T1 .11 + T2 .1 = .21; H1 .12, H2 .08: Equity .41. Tech first: T1, then Equity is
    # .4 and H1 stays although it is further off.
    rows = [
        asset("T1", 0.11, "Equity/Tech"),
        asset("T2", 0.10, "Equity/Tech"),
        asset("H1", 0.12, "Equity/Health"),
        asset("H2", 0.08, "Equity/Health"),
    ]
    trade(
        rows,
        bucketed(0.4, max_allocation_per_bucket=0.4, buckets={"Equity/Tech": {"max_allocation": 0.2}}),
        {
            "T1": (0.1, "decrease", "released_for_limit"),
            "T2": held(0.10),
            "H1": held(0.12),
            "H2": held(0.08),
        },
    )


def test_a_held_position_makes_room_for_a_neighbour_that_is_traded() -> None:
    # Tech .2: .1 each. A .11 is held, B is new: .11 + .1 is above .2, so A is released.
    rows = [asset("A", 0.11, "Tech"), asset("B", bucket="Tech")]
    trade(
        rows,
        bucketed(0.95, buckets={"Tech": {"max_allocation": 0.2}}),
        {"A": (0.1, "decrease", "released_for_limit"), "B": (0.1, "open", "capped_bucket")},
    )


def test_fixed_weight_stays_while_the_others_are_released() -> None:
    # Tech .3, F fixed at .1: A, B .1 each; A .115 + B .09 + .1 = .305: A is released.
    rows = [asset("F", 0.1, "Tech", restriction="no_trade"), asset("A", 0.115, "Tech"), asset("B", 0.09, "Tech")]
    trade(
        rows,
        bucketed(0.95, buckets={"Tech": {"max_allocation": 0.3}}),
        {"F": (0.1, "hold", "restricted"), "A": (0.1, "decrease", "released_for_limit"), "B": held(0.09)},
    )


def test_drift_tolerance_leaves_a_bucket_above_its_limit() -> None:
    # .3 * 1.05 = .315 = .12 + .1 + .095: nothing is traded, and the certificate says drifted.
    rows = [asset("A", 0.12, "Tech"), asset("B", 0.1, "Tech"), asset("C", 0.095, "Tech")]
    result = trade(
        rows,
        bucketed(0.95, drift_tolerance=0.05, buckets={"Tech": {"max_allocation": 0.3}}),
        {"A": held(0.12), "B": held(0.1), "C": held(0.095)},
    )
    line = constraint(result, "max_allocation", "Tech")
    assert line.measured == pytest.approx(0.315, abs=1e-12)
    assert (line.limit, line.status) == (0.3, "drifted")
    assert result.turnover == 0.0
    assert result.status == "cash_left"


def test_drift_tolerance_releases_down_to_what_it_tolerates() -> None:
    # .12 + .11 + .1 = .33, above .315. A: .31, tolerated. B stays, and .31 has drifted.
    rows = [asset("A", 0.12, "Tech"), asset("B", 0.11, "Tech"), asset("C", 0.1, "Tech")]
    result = trade(
        rows,
        bucketed(0.95, drift_tolerance=0.05, buckets={"Tech": {"max_allocation": 0.3}}),
        {"A": (0.1, "decrease", "released_for_limit"), "B": held(0.11), "C": held(0.1)},
    )
    line = constraint(result, "max_allocation", "Tech")
    assert line.measured == pytest.approx(0.31, abs=1e-12)
    assert line.status == "drifted"


def test_a_bucket_below_its_minimum_releases_the_largest_shortfall() -> None:
    # .6 over six: .1, Bond's .2 is met. B1 .085 + B2 .105 = .19 is not: B1 goes to .1, .205.
    # Total .605, up to .62 is allowed.
    rows = [asset("B1", 0.085, "Bond"), asset("B2", 0.105, "Bond")]
    rows += [asset(f"E{index}", bucket="Equity") for index in range(4)]
    result = trade(
        rows,
        bucketed(0.6, buckets={"Bond": {"min_allocation": 0.2}}),
        {
            "B1": (0.1, "increase", "released_for_limit"),
            "B2": held(0.105),
            **{f"E{index}": (0.1, "open", "at_wish") for index in range(4)},
        },
    )
    assert constraint(result, "min_allocation", "Bond").status == "met"


def test_a_bucket_minimum_releases_ties_by_name_and_as_many_as_it_takes() -> None:
    # .09 + .09 = .18: B1: .19, B2: .2.
    rows = [asset("B2", 0.09, "Bond"), asset("B1", 0.09, "Bond")]
    rows += [asset(f"E{index}", bucket="Equity") for index in range(4)]
    trade(
        rows,
        bucketed(0.6, buckets={"Bond": {"min_allocation": 0.2}}),
        {
            "B1": (0.1, "increase", "released_for_limit"),
            "B2": (0.1, "increase", "released_for_limit"),
            **{f"E{index}": (0.1, "open", "at_wish") for index in range(4)},
        },
    )


def test_a_minimum_that_the_sizes_miss_releases_nobody() -> None:
    # Bond needs .3 and its one position holds .2 at most: size .2, held at .19. Unmet, but no reason to trade.
    result = trade(
        [asset("B1", 0.19, "Bond"), asset("E1", bucket="Equity")],
        bucketed(0.95, buckets={"Bond": {"min_allocation": 0.3}}),
        {"B1": held(0.19), "E1": (0.2, "open", "capped_position")},
    )
    line = constraint(result, "min_allocation", "Bond")
    assert (line.measured, line.status) == (0.19, "unmet")


def test_a_release_for_a_minimum_may_break_the_total() -> None:
    # Aim .4, .1 each, Bond at least .2. .085 + .105 + .11 + .11 = .41 is allowed in all, but Bond's .19 is not: B1.
    # Now .425 is above .42: E1 (.01 over, before E2 by name, before B2's .005): .415.
    rows = [asset("B1", 0.085, "Bond"), asset("B2", 0.105, "Bond"), asset("E1", 0.11, "Eq"), asset("E2", 0.11, "Eq")]
    trade(
        rows,
        bucketed(0.4, buckets={"Bond": {"min_allocation": 0.2}}),
        {
            "B1": (0.1, "increase", "released_for_limit"),
            "B2": held(0.105),
            "E1": (0.1, "decrease", "released_for_limit"),
            "E2": held(0.11),
        },
    )


# --- released for the total and for cash ------------------------------------------------------------------------------


def test_a_total_above_the_cash_band_releases_the_largest_excess() -> None:
    # Aim .4, .1 each. .11 + .11 + .11 + .1 = .43, above .42. A, B, C are .01 over; A by name: .42 is just allowed.
    rows = [asset("D", 0.1), asset("C", 0.11), asset("B", 0.11), asset("A", 0.11)]
    result = trade(
        rows,
        aiming(0.4),
        {"A": (0.1, "decrease", "released_for_limit"), "B": held(0.11), "C": held(0.11), "D": held(0.1)},
    )
    line = constraint(result, "target_invested")
    assert line.measured == pytest.approx(0.42, abs=1e-12)
    assert (line.limit, line.status) == (0.4, "drifted")


def test_the_excess_is_measured_in_weight() -> None:
    # Wishes .2 and .05. A .22 is .02 over (a tenth), B .059 is .009 over (a fifth). .279 is above .27: A goes.
    rows = [asset("A", 0.22, desired_weight=0.2), asset("B", 0.059, desired_weight=0.05)]
    trade(
        rows,
        aiming(0.25, sizing_mode="desired", max_position_weight=0.3),
        {"A": (0.2, "decrease", "released_for_limit"), "B": held(0.059)},
    )


def test_without_a_cash_band_the_total_is_hard() -> None:
    # Aim .2: .11 + .1 is above it: A. Below it, .095 + .1 is .005 short: B.
    trade(
        [asset("A", 0.11), asset("B", 0.1)],
        aiming(0.2, cash_band=0.0),
        {"A": (0.1, "decrease", "released_for_limit"), "B": held(0.1)},
    )
    trade(
        [asset("A", 0.1), asset("B", 0.095)],
        aiming(0.2, cash_band=0.0),
        {"A": held(0.1), "B": (0.1, "increase", "released_for_cash")},
    )


def test_a_total_never_ends_above_one() -> None:
    # Aim 1, .2 each; the cash band would allow 1.02, but not more than 1. A .21 + B .205 + .19 + .2 + .2 = 1.005.
    rows = [asset("A", 0.21), asset("B", 0.205), asset("C", 0.19), asset("D", 0.2), asset("E", 0.2)]
    result = trade(
        rows,
        aiming(1.0, max_position_weight=0.3),
        {
            "A": (0.2, "decrease", "released_for_limit"),
            "B": held(0.205),
            "C": held(0.19),
            "D": held(0.2),
            "E": held(0.2),
        },
    )
    assert result.cash_weight == pytest.approx(0.005, abs=1e-12)


def test_uninvested_cash_releases_the_largest_shortfall() -> None:
    # Aim .4, .1 each. .09 + .085 + .1 + .09 = .365: .035 short. B: .38, .02 short, which the cash band allows.
    rows = [asset("A", 0.09), asset("B", 0.085), asset("C", 0.1), asset("D", 0.09)]
    trade(
        rows,
        aiming(0.4),
        {"A": held(0.09), "B": (0.1, "increase", "released_for_cash"), "C": held(0.1), "D": held(0.09)},
    )


def test_a_shortfall_inside_the_cash_band_releases_nobody() -> None:
    # .09 + .09 = .18: .02 short of .2.
    trade([asset("A", 0.09), asset("B", 0.09)], aiming(0.2), {"A": held(0.09), "B": held(0.09)})


def test_equal_shortfall_is_released_by_name() -> None:
    # .088 + .088 = .176: .024 short. A: .188, .012 short.
    trade(
        [asset("B", 0.088), asset("A", 0.088)],
        aiming(0.2),
        {"A": (0.1, "increase", "released_for_cash"), "B": held(0.088)},
    )


def test_the_shortfall_is_against_the_sizes_not_the_aim() -> None:
    # Aim .95, but two at .2 are all that fits: .19 + .19 is .02 short of .4. Nothing is traded.
    trade([asset("A", 0.19), asset("B", 0.19)], aiming(0.95), {"A": held(0.19), "B": held(0.19)})


def test_a_release_for_cash_that_breaks_a_bucket_releases_there_again() -> None:
    # Aim .4, .1 each, Tech .2. A .12 + B .08 = .2; C and D .085: .37, .03 short. B is .02 below its size: .1.
    # Tech is .22 now: A goes to .1. Still .37. C (before D): .385, .015 short.
    rows = [asset("A", 0.12, "Tech"), asset("B", 0.08, "Tech"), asset("C", 0.085, "Bond"), asset("D", 0.085, "Bond")]
    trade(
        rows,
        bucketed(0.4, buckets={"Tech": {"max_allocation": 0.2}}),
        {
            "A": (0.1, "decrease", "released_for_limit"),
            "B": (0.1, "increase", "released_for_cash"),
            "C": (0.1, "increase", "released_for_cash"),
            "D": held(0.085),
        },
    )


# --- actions, turnover, idempotence -----------------------------------------------------------------------------------


def test_every_action_and_the_turnover() -> None:
    # Four selected, .2 each. Bought: O .2 and I .1, sold: C .1 and D .1. The larger is .3.
    rows = [
        asset("C", 0.1, score=0.1),
        asset("D", 0.3),
        asset("H", 0.2),
        asset("I", 0.1),
        asset("N", score=0.1),
        asset("O"),
    ]
    result = trade(
        rows,
        aiming(0.95),
        {
            "C": (0.0, "close", ""),
            "D": (0.2, "decrease", "capped_position"),
            "H": held(0.2),
            "I": (0.2, "increase", "capped_position"),
            "N": (0.0, "none", ""),
            "O": (0.2, "open", "capped_position"),
        },
    )
    assert result.bought == pytest.approx(0.3, abs=1e-12)
    assert result.sold == pytest.approx(0.2, abs=1e-12)
    assert result.turnover == pytest.approx(0.3, abs=1e-12)
    assert result.cash_weight == pytest.approx(0.2, abs=1e-12)
    assert result.positions == 4
    assert not result.braked


def test_turnover_is_the_sales_where_they_are_larger() -> None:
    # Sold .4, bought .2.
    result = trade(
        [asset("C", 0.4, score=0.1), asset("O")],
        aiming(0.95),
        {"C": (0.0, "close", ""), "O": (0.2, "open", "capped_position")},
    )
    assert result.turnover == pytest.approx(0.4, abs=1e-12)


def test_fed_back_nothing_is_traded() -> None:
    # The account of the release that breaks a bucket, with its targets as weights: A, B, C .1, D .085.
    rows = [asset("A", 0.1, "Tech"), asset("B", 0.1, "Tech"), asset("C", 0.1, "Bond"), asset("D", 0.085, "Bond")]
    trade(
        rows,
        bucketed(0.4, buckets={"Tech": {"max_allocation": 0.2}}),
        {"A": held(0.1), "B": held(0.1), "C": held(0.1), "D": held(0.085)},
    )


# --- brakes -----------------------------------------------------------------------------------------------------------


def _crash() -> list[Row]:
    """A to be closed (.3), B at its size, N to be bought, L to be left out."""
    return [asset("A", 0.3, score=0.1), asset("B", 0.2), asset("N"), asset("L", score=0.1)]


def test_the_brake_of_turnover_keeps_every_weight() -> None:
    # Selling .3 is more than .29. What would be: A 0, B .2, N .2.
    result = trade(
        _crash(),
        aiming(0.95, brake_sold_weight=0.29),
        {
            "A": (0.3, "hold", "braked"),
            "B": (0.2, "hold", "braked"),
            "N": (0.0, "none", "braked"),
            "L": (0.0, "none", ""),
        },
    )
    assert result.braked
    assert result.status == "braked"
    by_name = {row["asset"]: row for row in result.targets}
    proposed = {name: row["proposed_weight"] for name, row in by_name.items()}
    assert proposed == pytest.approx({"A": 0.0, "B": 0.2, "N": 0.2, "L": 0.0}, abs=1e-12)
    reasons = {name: row["reason"] for name, row in by_name.items()}
    assert reasons == {"A": "below_threshold", "B": "kept", "N": "added", "L": "below_threshold"}
    assert result.turnover == 0.0
    assert result.cash_weight == pytest.approx(0.5, abs=1e-12)
    # A stands above its largest weight because of the brake, and the certificate says so.
    line = constraint(result, "max_position_weight")
    assert (line.measured, line.limit, line.status) == (0.3, 0.2, "waived")
    assert line.cause == "brake"


def test_the_brake_of_turnover_lets_its_own_number_pass() -> None:
    # Selling .3 is not more than .3.
    result = trade(
        _crash(),
        aiming(0.95, brake_sold_weight=0.3),
        {
            "A": (0.0, "close", ""),
            "B": held(0.2),
            "N": (0.2, "open", "capped_position"),
            "L": (0.0, "none", ""),
        },
    )
    assert result.status == "cash_left"
    assert {row["asset"]: row["proposed_weight"] for row in result.targets} == pytest.approx(
        {"A": 0.0, "B": 0.2, "N": 0.2, "L": 0.0}, abs=1e-12
    )


def test_the_brake_counts_decreases_too() -> None:
    # A from .5 to .2: .3.
    result = trade([asset("A", 0.5)], aiming(0.95, brake_sold_weight=0.25), {"A": (0.5, "hold", "braked")})
    assert [row["proposed_weight"] for row in result.targets] == pytest.approx([0.2], abs=1e-12)


def test_investing_cash_never_brakes() -> None:
    # All cash, five bought at .19: nothing is sold.
    result = trade(
        [asset(name) for name in "ABCDE"],
        aiming(0.95, brake_sold_weight=0.0, brake_closed_positions=0),
        dict.fromkeys("ABCDE", (0.19, "open", "at_wish")),
    )
    assert not result.braked
    assert result.turnover == pytest.approx(0.95, abs=1e-12)


def test_the_brake_of_closed_positions() -> None:
    # Two closed, more than one.
    rows = [asset("A", 0.1, score=0.1), asset("B", 0.1, score=0.1), asset("C", 0.1)]
    result = trade(
        rows,
        aiming(0.95, brake_closed_positions=1),
        dict.fromkeys("ABC", (0.1, "hold", "braked")),
    )
    proposed = [row["proposed_weight"] for row in result.targets]
    assert proposed == pytest.approx([0.0, 0.0, 0.2], abs=1e-12)


def test_dust_does_not_count_as_closed() -> None:
    # A is closed, and the dust D: that is one position, as many as may be.
    rows = [asset("A", 0.1, score=0.1), asset("D", 0.0005, score=0.1), asset("C", 0.1)]
    result = trade(
        rows,
        aiming(0.95, brake_closed_positions=1),
        {"A": (0.0, "close", ""), "D": (0.0, "close", ""), "C": (0.2, "increase", "capped_position")},
    )
    assert not result.braked
    # With none allowed, A alone brakes; the dust stays too.
    trade(
        rows,
        aiming(0.95, brake_closed_positions=0),
        {"A": (0.1, "hold", "braked"), "D": (0.0005, "hold", "braked"), "C": (0.1, "hold", "braked")},
    )


def test_the_brake_comes_before_every_other_size_reason() -> None:
    # F is restricted, C in its band, and A's closing brakes all of them.
    rows = [asset("A", 0.1, score=0.1), asset("C", 0.2), asset("F", 0.1, restriction="no_trade")]
    trade(
        rows,
        aiming(0.95, brake_closed_positions=0),
        {"A": (0.1, "hold", "braked"), "C": (0.2, "hold", "braked"), "F": (0.1, "hold", "braked")},
    )

"""What changed between two results, and why: by hand, and consistent on random accounts."""

from __future__ import annotations

import random
from typing import Any

import pytest
from accounts import asset
from cases import random_limits, random_rows
from thorough import mostly_thorough

import trimtab
from trimtab.explanations.difference import Cause, Difference
from trimtab.limits.rebalancing_limits import RebalancingLimits

Row = dict[str, Any]
ON: dict[str, Any] = {"enable_bucket_diversification": True, "min_buckets_represented": 0}


def between(
    first: list[Row], second: list[Row], limits: dict[str, Any], others: dict[str, Any] | None = None
) -> Difference:
    before = trimtab.rebalance(first, RebalancingLimits(**limits))
    return before.diff(trimtab.rebalance(second, RebalancingLimits(**(limits if others is None else others))))


def causes(difference: Difference) -> dict[str, tuple[Cause, ...]]:
    return {change.asset: change.causes for change in difference.changes}


def test_nothing_changed() -> None:
    rows = [asset("A", 0.9), asset("B", 0.8)]
    assert between(rows, rows[::-1], {}) == Difference((), ())


def test_a_limit_that_was_changed() -> None:
    rows = [asset("A", 0.9), asset("B", 0.8)]
    difference = between(rows, rows, {"max_new_positions": 1}, {"max_new_positions": 2})
    ((change,), (options,)) = difference.changes, difference.inputs
    assert (options.name, options.asset, options.before, options.after) == ("max_new_positions", "", 1, 2)
    assert (change.asset, change.before, change.after) == ("B", 0.0, 0.2)
    assert change.causes == (Cause("max_new_positions", (), alone=True),)
    assert change.text == "B: from 0% (new_position_limit) to 20.00% (added) because of max_new_positions."


def test_exposures_that_were_changed() -> None:
    """Their limit, their table, and both together, where neither does anything without the other."""
    rows = [asset("A", 0.9), asset("B", 0.8)]
    limited = RebalancingLimits(exposures={"country": {"buckets": {"US": {"max_exposure": 0.1}}}})
    looser = limited.replace(exposures={"country": {"buckets": {"US": {"max_exposure": 0.15}}}})
    table = [{"asset": "A", "scheme": "country", "bucket": "US"}, {"asset": "B", "scheme": "country", "bucket": "EU"}]
    before = trimtab.rebalance(rows, limited, exposures=table)
    (change,) = before.diff(trimtab.rebalance(rows, looser, exposures=table)).changes
    assert (change.asset, change.before, change.after) == ("A", 0.1, 0.15)
    assert change.causes == (Cause("exposures", (), alone=True),)
    moved = [{**row, "bucket": "US"} for row in table]
    (first, second) = before.diff(trimtab.rebalance(rows, limited, exposures=moved)).changes
    assert first.text == "A: from 10.00% (added) to 5.00% (added) because of the table of exposures."
    assert second.causes == (Cause("table of exposures", (), alone=True),)
    none = trimtab.rebalance(rows, RebalancingLimits())
    (change,) = none.diff(before).changes
    assert change.text.endswith("because of exposures and the table of exposures together.")
    assert before.diff(trimtab.rebalance(rows[::-1], limited, exposures=table[::-1])) == Difference((), ())
    empty = [{**row, "bucket": "EU"} for row in table]
    known = limited.replace(known_buckets=("country:US",))
    (change,) = before.diff(trimtab.rebalance(rows, known, exposures=empty)).changes
    assert change.causes == (Cause("table of exposures", (), alone=True),)


def test_the_own_score_and_that_of_another() -> None:
    # C's score rises above B's: C comes in for its own score, B goes out for that of C.
    first = [asset("A", 0.9), asset("B", 0.8), asset("C", 0.7)]
    second = [asset("A", 0.91), asset("B", 0.8), asset("C", 0.85)]
    difference = between(first, second, {"max_new_positions": 2})
    assert causes(difference) == {
        "B": (Cause("score", ("C",), alone=True),),
        "C": (Cause("score", ("C",), alone=True),),
    }
    texts = [change.text for change in difference.changes]
    assert texts[0].endswith("because of the score of C.")
    assert texts[1].endswith("because of its score.")


def test_two_causes_that_only_work_together() -> None:
    rows = [asset("A", 0.9), asset("B", 0.8)]
    full = {"max_new_positions": 1, "max_total_positions": 1}
    difference = between(rows, rows, full, {"max_new_positions": 2, "max_total_positions": 2})
    assert causes(difference) == {
        "B": (Cause("max_total_positions", (), alone=False), Cause("max_new_positions", (), alone=False))
    }
    assert difference.changes[0].text.endswith("because of max_total_positions and max_new_positions together.")


def test_two_causes_each_of_which_is_enough() -> None:
    first, second = [asset("A", 0.9)], [asset("A", 0.5, restriction="no_buy")]
    difference = between(first, second, {})
    assert causes(difference) == {"A": (Cause("restriction", ("A",), alone=True), Cause("score", ("A",), alone=True))}
    assert difference.changes[0].text.endswith("because of its restriction and its score, each of which is enough.")


def test_other_changes_that_would_do_the_same_together() -> None:
    """The weaker score of B lets C in; so would one more place, which needs both limits."""
    first = [asset("A", 0.9), asset("B", 0.8), asset("C", 0.7)]
    second = [asset("A", 0.9), asset("B", 0.3), asset("C", 0.7)]
    full, wide = ({"max_new_positions": places, "max_total_positions": places} for places in (2, 3))
    (_, change) = between(first, second, full, wide).changes
    assert (change.causes, change.otherwise) == ((Cause("score", ("B",), alone=True),), True)
    assert change.text.endswith(
        "because of the score of B; without that, the other changes together would have the same effect."
    )


def test_assets_that_come_and_go() -> None:
    difference = between([asset("A", 0.8)], [asset("B", 0.9)], {"max_new_positions": 1})
    assert [(change.asset, change.before, change.after) for change in difference.changes] == [
        ("A", 0.2, None),
        ("B", None, 0.2),
    ]
    assert [(options.name, options.asset, options.before, options.after) for options in difference.inputs] == [
        ("assets", "A", "A", None),
        ("assets", "B", None, "B"),
    ]
    assert difference.changes[0].text == "A: from 20.00% (added) to not a candidate because it left the candidates."
    crowded = between([asset("A", 0.8)], [asset("A", 0.8), asset("B", 0.9)], {"max_new_positions": 1})
    assert crowded.changes[0].text.endswith("because of a change of the candidates (B).")


def test_weights_and_buckets_are_changed_as_a_whole() -> None:
    first = [asset("A", 0.9, 0.4, "Tech"), asset("B", 0.8, 0.5, "Tech"), asset("C", 0.7, 0.0, "Bond")]
    second = [asset("A", 0.9, 0.9, "Tech"), asset("B", 0.8, 0.0, "Tech"), asset("C", 0.7, 0.0, "Bond")]
    difference = between(first, second, {**ON, "max_new_positions": 0, "max_position_weight": 0.5})
    assert causes(difference)["B"] == (Cause("current_weight", ("A", "B"), alone=True),)
    moved = [{**row, "bucket": "Bond"} for row in first]
    difference = between(first, moved, {**ON, "max_positions_per_bucket": 2, "max_position_weight": 0.2})
    assert causes(difference)["C"] == (Cause("bucket", ("A", "B"), alone=True),)


def test_weights_are_one_cause_even_where_something_else_is_needed() -> None:
    """An account's weights belong together: A's own is not a cause beside those of the others."""
    first = [asset("A", 0.9, 0.1), asset("B", 0.9, 0.1)]
    second = [asset("A", 0.9, 0.12), asset("B", 0.9, 0.12)]
    difference = between(first, second, {"no_trade_band": 0.0}, {"no_trade_band": 0.9, "cash_band": 0.9})
    assert causes(difference)["A"] == (
        Cause("no_trade_band", (), alone=False),
        Cause("cash_band", (), alone=False),
        Cause("current_weight", ("A", "B"), alone=False),
    )


@pytest.mark.parametrize("account", [None, "one"])
def test_exposures_are_an_input(account: str | None) -> None:
    """With limits of exposures, mixtures keep the table; a new table is a cause, and so is a limit on it."""
    rows = [asset("A", 0.9), asset("B", 0.9)]
    rows = [{**row, "account": account} for row in rows] if account else rows
    table = [{"asset": name, "scheme": "country", "bucket": "US"} for name in "AB"]
    table = [{**row, "account": account} for row in table] if account else table
    halves = [{**row, "fraction": 0.5} for row in table]
    tight, loose = ({"exposures": {"country": {"max_exposure": share, "unknown": "free"}}} for share in (0.2, 0.3))
    before = trimtab.rebalance(rows, RebalancingLimits(**tight), exposures=table)
    raised = before.diff(trimtab.rebalance(rows, RebalancingLimits(**loose), exposures=table))
    assert {cause for change in raised.changes for cause in change.causes} == {Cause("exposures", (), alone=True)}
    halved = before.diff(trimtab.rebalance(rows, RebalancingLimits(**tight), exposures=halves))
    assert [change.name for change in halved.inputs] == ["table of exposures"]
    assert halved.changes[0].text.endswith(" because of the table of exposures.")
    gone = before.diff(trimtab.rebalance(rows, RebalancingLimits()))
    assert [change.name for change in gone.inputs] == ["exposures", "table of exposures"]
    assert causes(gone)["A"] == (Cause("exposures", (), alone=True),)


def test_limits_of_buckets_that_only_one_of_the_two_has() -> None:
    first, second = [asset("A", 0.9, 0, "Tech")], [asset("A", 0.9, 0, "Tech"), asset("B", 0.9, 0, "Bond")]
    others = {**ON, "buckets": {"Bond": {"max_positions": 0}, "Tech": {"max_positions": 0}}}
    difference = between(first, second, ON, others)
    assert causes(difference)["A"] == (Cause("buckets", (), alone=True),)
    assert [change.asset for change in difference.changes] == ["A", "B"]


def test_limits_that_only_go_together_are_causes_together() -> None:
    # The threshold alone would contradict min_score_new_position.
    rows = [asset("A", 0.7, 0.1)]
    first = {"min_score_threshold": 0.6, "min_score_new_position": 0.65}
    difference = between(rows, rows, first, {"min_score_threshold": 0.8, "min_score_new_position": 0.8})
    names = ("min_score_threshold", "min_score_new_position")
    assert causes(difference)["A"] == tuple(Cause(name, (), alone=False) for name in names)


def test_causes_that_are_too_many_to_narrow_down_are_all_named(monkeypatch: pytest.MonkeyPatch) -> None:
    # C comes in once both A and B are gone for their scores; the score of D has no part in it.
    first = [asset("A", 0.9), asset("B", 0.88), asset("C", 0.7), asset("D", 0.2)]
    second = [asset("A", 0.3), asset("B", 0.3), asset("C", 0.7), asset("D", 0.3)]
    limits = {"max_new_positions": 1}
    assert causes(between(first, second, limits))["C"] == (Cause("score", ("A", "B"), alone=True),)
    monkeypatch.setattr("trimtab.explanations.difference._NARROWED", 2)
    assert causes(between(first, second, limits))["C"] == (Cause("score", ("A", "B", "D"), alone=True),)


def test_a_derived_limit_is_no_input() -> None:
    rows = [asset("A", 0.62, 0.1)]
    difference = between(rows, rows, {}, {"min_score_threshold": 0.7})
    assert [options.name for options in difference.inputs] == ["min_score_threshold"]


def test_a_brake_is_a_change_of_the_target() -> None:
    rows = [asset("A", 0.5, 0.4), asset("B", 0.9, 0.2)]
    difference = between(rows, rows, {}, {"brake_sold_weight": 0.1})
    assert causes(difference) == {"A": (Cause("brake_sold_weight", (), alone=True),)}
    back = between(rows, rows, {"brake_sold_weight": 0.1}, {})
    assert causes(back) == causes(difference)


@pytest.mark.parametrize("seed", mostly_thorough(range(90_000, 90_030), 10))
def test_every_change_is_found_and_has_a_cause(seed: int) -> None:
    rng = random.Random(seed)
    first, limits = random_rows(rng), random_limits(rng)
    second = [{**row, "score": round(rng.random() * 0.45 + 0.55, 2)} if rng.random() < 0.3 else row for row in first]
    before, after = trimtab.rebalance(first, limits), trimtab.rebalance(second[: max(len(second) - 1, 1)], limits)
    difference = before.diff(after)
    old = {row["asset"]: row["target_weight"] for row in before.targets}
    new = {row["asset"]: row["target_weight"] for row in after.targets}
    moved = {name for name in {*old, *new} if name not in old or name not in new or abs(old[name] - new[name]) > 1e-9}
    assert moved <= {change.asset for change in difference.changes}
    assert all(change.causes for change in difference.changes)
    named = {options.name for options in difference.inputs}
    assert all(cause.name in named for change in difference.changes for cause in change.causes)
    assert before.diff(before) == Difference((), ())

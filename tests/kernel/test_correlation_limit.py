"""The correlation limit inside a bucket: small accounts worked out by hand, every door, and what holds for random ones."""

from __future__ import annotations

import json
import math
import random
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from cases import pairs, random_correlated_limits, random_correlations, random_rows
from counterfactuals import faults, flips, one_step_less
from jsonschema import Draft202012Validator
from kernel_runs import run
from oracles import milp_selection, objective_of, selection_violations
from thorough import mostly_thorough

import trimtab
from trimtab import AssetScore, RebalancingLimits, SelectionService, check, rebalance, rebalance_many
from trimtab.blocks.prepared_limits import PreparedLimits
from trimtab.candidates.read import read
from trimtab.certificate import checker
from trimtab.errors import BrokenLimitError, LimitsError
from trimtab.explanations.changes import Change
from trimtab.explanations.counterfactuals import SearchedRange, nearest_flip, scan_of
from trimtab.explanations.difference import Cause
from trimtab.explanations.reruns import Reruns
from trimtab.reasons import Action, Reason
from trimtab.rebalancing.result import result_schema

Row = dict[str, Any]
ON: dict[str, Any] = {"enable_bucket_diversification": True, "min_buckets_represented": 0, "max_correlation": 0.8}


SIZES: dict[str, Any] = {
    "no_trade_band": 0.0,
    "min_trade": 0.0,
    "brake_sold_weight": None,
    "brake_closed_positions": None,
}


def asset(name: str, score: float | None, current: float = 0.0, bucket: str | None = "Tech", **more: Any) -> Row:
    empty = {"restriction": "", "max_weight": None, "desired_weight": None, "volatility": None}
    return {"asset": name, "score": score, "current_weight": current, "bucket": bucket, **empty, **more}


def known(**values: float | None) -> list[Row]:
    """Pairs as AB=0.9: the first and the second letter."""
    return [{"asset": pair[0], "other": pair[1], "correlation": value} for pair, value in values.items()]


def reasons(rows: list[Row], correlations: Any, **limits: Any) -> dict[str, str]:
    """The reason of each asset, whatever the order of the rows."""
    made = RebalancingLimits(**{**ON, **limits})
    entries = [rebalance(ordered, made, correlations=correlations) for ordered in (rows, rows[::-1])]
    first, second = ({row["asset"]: row["reason"] for row in result.targets} for result in entries)
    assert first == second
    return first


# ---- by hand


@pytest.mark.usefixtures("also_plain")
class TestByHand:
    def test_the_better_of_two_that_move_together(self) -> None:
        # A is walked first. B moves with it (0.9 > 0.8) and is passed over; C does not (0.8 is not above 0.8).
        rows = [asset("A", 0.9), asset("B", 0.8), asset("C", 0.7)]
        codes = reasons(rows, known(AB=0.9, AC=0.8, BC=0.1))
        assert codes == {"A": "added", "B": "too_correlated", "C": "added"}

    def test_it_binds_new_assets_only(self) -> None:
        # Both holdings move together and are kept. N has the best score and moves with the second of them.
        rows = [asset("A", 0.7, 0.1), asset("B", 0.7, 0.1), asset("N", 0.99)]
        codes = reasons(rows, known(AB=1.0, AN=0.0, BN=0.9))
        assert codes == {"A": "kept", "B": "kept", "N": "too_correlated"}

    def test_what_is_fixed_counts_as_taken_even_as_dust(self) -> None:
        rows = [
            asset("A", None, 0.1),
            asset("D", 0.9, 0.0001, restriction="no_trade"),
            asset("M", 0.9),
            asset("N", 0.8),
        ]
        codes = reasons(rows, known(AM=0.9, DM=0.0, AN=0.0, DN=0.9, MN=0.0))
        assert codes == {"A": "held_unscored", "D": "restricted", "M": "too_correlated", "N": "too_correlated"}

    def test_what_is_closed_is_not_taken(self) -> None:
        rows = [asset("A", 0.3, 0.1), asset("N", 0.8)]
        assert reasons(rows, known(AN=0.9)) == {"A": "below_threshold", "N": "added"}

    def test_competing_dust_is_new(self) -> None:
        rows = [asset("A", 0.9, 0.1), asset("D", 0.8, 0.0001)]
        limits = RebalancingLimits(**ON)
        result = rebalance(rows, limits, correlations=known(AD=0.9))
        assert [row["reason"] for row in result.targets] == ["kept", "dust"]
        said = "competes as a new position; its correlation of 0.9 with A in Tech is above max_correlation 0.8."
        assert result.details()[1].endswith(said)
        assert reasons(rows, known(AD=0.8)) == {"A": "kept", "D": "added"}

    def test_only_inside_a_bucket_and_unknown_is_one(self) -> None:
        rows = [
            asset("A", 0.9),
            asset("B", 0.8, bucket="Bond"),
            asset("C", 0.8, bucket=None),
            asset("D", 0.7, bucket=""),
        ]
        codes = reasons(rows, known(AB=1.0, AC=1.0, CD=0.9, BC=1.0), max_new_positions=9)
        assert codes == {"A": "added", "B": "added", "C": "added", "D": "too_correlated"}

    def test_a_bucket_is_the_node_at_bucket_level(self) -> None:
        rows = [asset("A", 0.9, bucket="Equity/Tech"), asset("B", 0.8, bucket="Equity/Health")]
        assert reasons(rows, known(AB=0.9))["B"] == "too_correlated"
        assert reasons(rows, known(AB=0.9), bucket_level=2)["B"] == "added"

    def test_what_is_not_known_is_not_bought(self) -> None:
        rows = [asset("A", 0.9), asset("B", 0.8), asset("C", 0.7)]
        result = rebalance(rows, RebalancingLimits(**ON), correlations=known(AB=None, AC=0.5))
        assert [row["reason"] for row in result.targets] == ["added", "too_correlated", "added"]
        said = "Not selected: its correlation with A in Tech is unknown, which counts as above max_correlation 0.8."
        assert result.details()[1] == said

    def test_the_highest_correlation_is_named_and_ties_by_name(self) -> None:
        rows = [asset(name, 0.9, 0.1) for name in "ABCD"] + [asset("N", 0.9)]
        made = RebalancingLimits(**ON)
        cross = known(AN=0.85, BN=0.95, CN=0.95)  # with D it is unknown
        assert "its correlation of 0.95 with B in Tech" in rebalance(rows, made, correlations=cross).details()[4]

    def test_a_hair_above_the_limit_is_shown_in_full(self) -> None:
        result = rebalance(
            [asset("A", 0.9), asset("B", 0.8)], RebalancingLimits(**ON), correlations=known(AB=0.8000000001)
        )
        assert result.details()[1].startswith("Not selected: its correlation of 0.8000000001 with A in Tech is above")

    def test_representation_takes_the_leader_and_the_fill_respects_it(self) -> None:
        # Bond is represented by B first, though T has the better scores; U then moves with T.
        rows = [asset("T", 0.95), asset("U", 0.9), asset("B", 0.7, bucket="Bond")]
        codes = reasons(rows, known(TU=0.9), min_buckets_represented=2, max_new_positions=2)
        assert codes == {"T": "added", "U": "too_correlated", "B": "added"}

    def test_greedy_is_not_the_optimum(self) -> None:
        # A (0.9) keeps out B and C, which together would score 1.6.
        rows = [asset("A", 0.9), asset("B", 0.8), asset("C", 0.8)]
        cross = {("A", "B"): 0.9, ("B", "A"): 0.9, ("A", "C"): 0.9, ("C", "A"): 0.9, ("B", "C"): 0.0, ("C", "B"): 0.0}
        limits = RebalancingLimits(**ON)
        selection = run(rows, limits, correlations=known(AB=0.9, AC=0.9, BC=0.0)).selected
        assert selection == {"A"}
        assert objective_of(rows, limits, selection).new_score == 900
        assert milp_selection(rows, limits, cross).new_score == 1600

    def test_the_reason_stands_before_the_limits_of_places(self) -> None:
        rows = [asset("A", 0.9), asset("B", 0.8), asset("C", 0.7)]
        codes = reasons(rows, known(AB=0.9, AC=0.0), max_new_positions=1, max_total_positions=1)
        assert codes == {"A": "added", "B": "too_correlated", "C": "total_position_limit"}

    def test_a_weak_asset_is_still_below_the_threshold(self) -> None:
        rows = [asset("A", 0.9), asset("B", 0.62)]
        assert reasons(rows, known(AB=0.9))["B"] == "below_threshold"

    def test_fixed_dust_can_keep_a_bucket_from_being_represented(self) -> None:
        rows = [
            asset("D", 0.9, 0.0001, restriction="no_trade"),
            asset("N", 0.62),
            asset("A", 0.9, 0.2, bucket="Bond"),
        ]
        limits = RebalancingLimits(**{**ON, "min_buckets_represented": 2})
        result = rebalance(rows, limits, correlations=known(DN=0.9))
        assert [row["reason"] for row in result.targets] == ["restricted", "too_correlated", "kept"]
        (unmet,) = result.certificate.unmet
        assert unmet.note.startswith("max_correlation 0.8 rules its candidates out")


# ---- the limits and the doors


def test_the_limit_needs_buckets_and_correlations() -> None:
    with pytest.raises(LimitsError, match=r"max_correlation is 0\.8, but it works inside buckets"):
        RebalancingLimits(max_correlation=0.8)
    with pytest.raises(LimitsError, match="max_correlation must be between -1 and 1"):
        RebalancingLimits(enable_bucket_diversification=True, max_correlation=80)
    rows, limits = [asset("A", 0.9)], RebalancingLimits(**ON)
    for door in (rebalance, rebalance_many):
        with pytest.raises(LimitsError, match=r"there are no correlations: give the correlations of the candidates"):
            door([{**row, "account": "P"} for row in rows], limits)
    assert [finding.code for finding in check(rows, limits).errors] == ["limits"]


def test_a_limit_of_a_regime_needs_them_only_there() -> None:
    limits = RebalancingLimits(
        enable_bucket_diversification=True, regimes={"Deflation": {"max_correlation": 0.5}}, min_buckets_represented=0
    )
    rows = [asset("A", 0.9), asset("B", 0.8)]
    assert [row["reason"] for row in rebalance(rows, limits).targets] == ["added", "added"]
    with pytest.raises(LimitsError, match=r"max_correlation is 0\.5"):
        rebalance(rows, limits.in_regime("Deflation"))
    result = rebalance(rows, limits.in_regime("Deflation"), correlations=known(AB=0.6))
    assert [row["reason"] for row in result.targets] == ["added", "too_correlated"]
    assert [change.name for change in result.certificate.changed] == ["max_correlation"]


def test_correlations_without_the_limit_change_nothing_and_are_noted() -> None:
    rows = [asset("A", 0.9), asset("B", 0.8)]
    limits = RebalancingLimits(enable_bucket_diversification=True)
    with_them, without = rebalance(rows, limits, correlations=known(AB=1.0)), rebalance(rows, limits)
    assert with_them.targets == without.targets
    assert {note.code for note in with_them.notes} - {note.code for note in without.notes} == {"correlations_off"}
    assert with_them.certificate == without.certificate
    assert with_them.certificate.is_exact


def test_every_kind_of_table_decides_the_same() -> None:
    rows = [asset("A", 0.9), asset("B", 0.8), asset("C", 0.7)]
    square = pd.DataFrame([[1, 0.9, 0.1], [0.9, 1, 0.2], [0.1, 0.2, 1]], index=list("ABC"), columns=list("ABC"))
    polars = pl.DataFrame(square.reset_index(names="asset"))
    limits = RebalancingLimits(**ON)
    entries = [rebalance(rows, limits, correlations=options).to_json() for options in (square, polars)]
    assert entries[0] == entries[1] == rebalance(rows, limits, correlations=known(AB=0.9, AC=0.1, BC=0.2)).to_json()


@pytest.mark.parametrize("seed", mostly_thorough(range(60_000, 60_010), 2))
def test_many_accounts_share_one_matrix(seed: int) -> None:
    rng = random.Random(seed)
    accounts = [random_rows(rng) for _ in range(30)]
    limits = random_correlated_limits(rng)
    table = [{**row, "account": f"P{number}"} for number, rows in enumerate(accounts) for row in rows]
    correlations = pairs(random_correlations(rng, [{"asset": f"A{index:02d}"} for index in range(15)]))
    rng.shuffle(table)
    many = rebalance_many(table, limits, correlations=correlations)
    for number in range(len(accounts)):
        alone = rebalance([row for row in table if row["account"] == f"P{number}"], limits, correlations=correlations)
        assert many.result(f"P{number}").to_json() == alone.to_json()


def test_a_bad_account_beside_good_ones() -> None:
    rows = [{**asset("A", 0.9), "account": 1}, {**asset("B", 0.8), "account": 1}, {**asset("A", 7.0), "account": 2}]
    many = rebalance_many(rows, RebalancingLimits(**ON), correlations=known(AB=0.9))
    assert many.counts == {"cash_left": 1, "failed": 1}
    assert [row["reason"] for row in many.result(1).targets] == ["added", "too_correlated"]


def test_a_batch_refuses_limits_that_need_other_tables() -> None:
    limits = RebalancingLimits(**ON)
    with pytest.raises(LimitsError, match="max_correlation is set, but there are no correlations"):
        PreparedLimits({None: limits}, {})
    with pytest.raises(LimitsError, match="limits 'careful': max_correlation is set"):
        PreparedLimits({"wild": RebalancingLimits(), "careful": limits}, {})
    with pytest.raises(
        LimitsError, match="limits 'careful': exposures have limits, but there is no table of exposures"
    ):
        PreparedLimits({"careful": RebalancingLimits(exposures={"country": {"max_exposure": 0.5}})}, {})


def test_the_selection_service_takes_correlations() -> None:
    service = SelectionService({"Tech": ["A", "B"]})
    scores = [AssetScore("A", 0.9), AssetScore("B", 0.8)]
    selection = service.select_by_score(scores, RebalancingLimits(**ON), correlations=known(AB=0.9))
    assert selection.reasons == {"A": "added", "B": "too_correlated"}
    targets = service.create_rebalancing_targets(selection)
    assert [(target.asset, target.action) for target in targets] == [("A", "open"), ("B", "none")]


# ---- the certificate, the report and the words


def test_the_certificate_measures_it_and_says_what_it_costs() -> None:
    rows = [asset("A", 0.9), asset("B", 0.8), asset("C", 0.7)]
    result = rebalance(rows, RebalancingLimits(**ON), correlations=known(AB=0.9, AC=0.5, BC=0.1))
    line = result.certificate.constraints[-1]
    assert (line.name, line.measured, line.limit, line.status) == ("max_correlation", 0.5, 0.8, "met")
    assert line.note == "with this limit, selection is greedy and may miss the optimum of section 4 of the rules"
    assert not result.certificate.is_exact
    document = json.loads(result.to_json())
    assert document["is_exact"] is False
    Draft202012Validator(result_schema()).validate(document)


def test_without_a_pair_there_is_nothing_to_measure() -> None:
    held = [asset("A", 0.9, 0.1), asset("B", 0.8, 0.1)]
    line = rebalance(held, RebalancingLimits(**ON), correlations=known(AB=1.0)).certificate.constraints[-1]
    assert (line.measured, line.status) == (-1.0, "met")


@pytest.mark.parametrize(
    ("value", "said"), [(0.9, "max_correlation is 0.9 against 0.8"), (None, "is -1.0 against 0.8")]
)
def test_a_broken_limit_is_found(value: float | None, said: str) -> None:
    rows = [asset("A", 0.9), asset("B", 0.8), asset("C", 0.9, bucket="Bond")]
    limits = RebalancingLimits(**ON)
    candidates = read(rows, limits, many=False, correlations=known(AB=value))
    target = np.array([0.1, 0.1, 0.1])
    none = np.zeros(1, np.bool_)
    _, broken = checker.certify(candidates, limits, target=target, proposed=target, selected=target > 0, braked=none)
    assert isinstance(broken[0], BrokenLimitError)
    assert broken[0].sentences[0].endswith(said)


def test_behind_the_brake_nothing_is_new() -> None:
    rows = [asset("A", 0.3, 0.5), asset("B", 0.9), asset("C", 0.8)]
    limits = RebalancingLimits(**ON, brake_sold_weight=0.1)
    result = rebalance(rows, limits, correlations=known(BC=0.5))
    assert result.status == "braked"
    assert result.certificate.constraints[-1].measured == -1.0


def test_the_report_counts_it_and_its_hash_knows_the_correlations() -> None:
    rows = [asset("A", 0.9), asset("B", 0.8)]
    limits = RebalancingLimits(**ON)
    result = rebalance(rows, limits, correlations=known(AB=0.9))
    facts = result.facts()
    assert [(loss.name, loss.lost) for loss in facts.losses] == [("too correlated", 1)]
    assert next(line for line in facts.lines if line.name == "max_correlation").limit == "0.8"
    assert "max_correlation" in result.to_html()
    other = rebalance(rows, limits, correlations=known(AB=0.95))
    assert other.report_facts().fingerprint != result.report_facts().fingerprint
    assert facts.greedy == "max_correlation is set: the selection is greedy and need not be the optimum of the rules"
    assert rebalance(rows).facts().greedy == ""


def test_preflight_names_candidates_without_correlations() -> None:
    rows = [asset("A", 0.9), asset("B", 0.8), asset("X", 0.8)]
    preflight = check(rows, RebalancingLimits(**ON), correlations=known(AB=0.5))
    texts = [finding.text for finding in preflight.findings if finding.code == "correlations_missing"]
    assert len(texts) == 1
    assert texts[0].startswith("1 candidate without correlations") and texts[0].endswith(": X")
    complete = check(rows[:2], RebalancingLimits(**ON), correlations=known(AB=0.5))
    assert "correlations_missing" not in [finding.code for finding in complete.findings]


# ---- why, and what would change it


def test_an_explanation_of_an_asset_that_moves_with_another() -> None:
    rows = [asset("A", 0.9), asset("B", 0.8), asset("C", 0.7)]
    limits, correlations = RebalancingLimits(**ON), known(AB=0.9, AC=0.5, BC=0.1)
    result = rebalance(rows, limits, correlations=correlations).explain("B")
    assert (result.reason, result.merit) == ("too_correlated", True)
    assert next(step.stage for step in result.steps if step.decides) == "bucket"
    crowding = result.crowded_out
    assert crowding is not None
    assert (crowding.limit, crowding.node, crowding.value, crowding.by) == ("max_correlation", "Tech", 0.8, ("A",))
    # Its score above A's lets it in first; 0.9 lets both in; A below the limit to enter would leave B its place, but B too.
    assert {(counterfactual.change, counterfactual.value) for counterfactual in result.counterfactuals} == {
        ("score", 0.9000000000000001),
        ("max_correlation", 0.9),
    }
    selection = rebalance(rows, limits, correlations=correlations).explain("C")
    lowered = next(
        counterfactual for counterfactual in selection.counterfactuals if counterfactual.change == "max_correlation"
    )
    assert (lowered.value, lowered.effect) == (
        0.49999999999999994,
        "would not be selected with max_correlation just below 0.5",
    )


def test_what_is_not_known_is_only_let_in_without_the_limit() -> None:
    rows = [asset("A", 0.9), asset("B", 0.8)]
    result = rebalance(rows, RebalancingLimits(**ON), correlations=known(AB=None)).explain("B")
    lifted = next(
        counterfactual for counterfactual in result.counterfactuals if counterfactual.change == "max_correlation"
    )
    assert (lifted.value, lifted.effect) == (None, "would be selected without max_correlation")


@pytest.mark.thorough
def test_every_counterfactual_is_true() -> None:
    tried = 0
    for seed in range(70_000, 70_060):
        rng = random.Random(seed)
        rows = [{**row, "bucket": rng.choice(["Equity", "Bond"])} for row in random_rows(rng)]
        limits = random_correlated_limits(rng, max_new_positions=10, bucket_level=1)
        correlations = pairs(random_correlations(rng, rows))
        result = rebalance(rows, limits, correlations=correlations)
        for row in rng.sample(rows, min(4, len(rows))):
            for counterfactual in result.explain(row["asset"]).counterfactuals:
                if counterfactual.change not in ("max_correlation", "score"):
                    continue
                name = row["asset"]
                assert flips(rows, limits, name, counterfactual, counterfactual.value, correlations), (
                    seed,
                    name,
                    counterfactual,
                )
                less = one_step_less(rows, limits, name, counterfactual, correlations)
                assert less is None or not flips(rows, limits, name, counterfactual, less, correlations), (
                    seed,
                    name,
                    counterfactual,
                )
                tried += counterfactual.change == "max_correlation"
    assert tried > 8


def test_no_nearer_correlation_flips_and_none_where_none_is_named() -> None:
    """Every correlation that is known, and the float below it, and no limit at all: against the scan's answer."""
    named = vain = 0
    for seed in range(74_000, 74_030):
        rng = random.Random(seed)
        rows = [{**row, "bucket": rng.choice(["Equity", "Bond"])} for row in random_rows(rng)]
        limits = random_correlated_limits(rng, max_new_positions=10, bucket_level=1)
        reruns = rebalance(rows, limits, correlations=pairs(random_correlations(rng, rows)))._reruns
        present = reruns.present("max_correlation", "")
        edges = [*reruns.correlations.tolist(), *np.nextafter(reruns.correlations, -2.0).tolist()]
        edges = sorted((edge for edge in edges if -1.0 <= edge != present), key=lambda edge: abs(edge - present))
        for index, before in enumerate(reruns.is_selected):
            flipping = [
                entry
                for entry in [*edges, None]
                if reruns.selected(Change("max_correlation", "", entry))[index] != before
            ]
            flip = nearest_flip(reruns, index, "max_correlation")
            if isinstance(flip, SearchedRange):
                assert (flipping, flip.exhaustive) == ([], False), (seed, index)
                vain += 1
            elif flipping[0] is None:
                assert flip.value is None, (seed, index)
            else:
                assert abs(flip.value - present) == abs(flipping[0] - present), (seed, index)
                named += 1
    assert named > 15
    assert vain > 20


def test_a_scan_of_correlations_tries_the_nearest_of_all_and_of_the_row_itself() -> None:
    """Of 25 pairs above the limit the 16 nearest; and for Z, whose own are far from it, those too. Last, none at all."""
    rows = [asset("A", 0.9), asset("Z", 0.7), *(asset(f"C{index:02}", 0.8) for index in range(25))]
    others = [
        {"asset": "A", "other": row["asset"], "correlation": 0.81 + index / 1000} for index, row in enumerate(rows[2:])
    ]
    many = {"max_total_positions": 99, "max_new_positions": 99, "max_positions_per_bucket": 99}
    limits = RebalancingLimits(**ON, **many, min_position_weight=0.001)
    reruns = rebalance(rows, limits, correlations=[*others, *known(AZ=0.95)])._reruns
    nearest = [other["correlation"] for other in others[:16]]
    index, another = reruns.place_of["Z"], scan_of(reruns, "max_correlation", "", reruns.place_of["C00"])
    own = scan_of(reruns, "max_correlation", "", index)
    tried = [[value for value, _ in scan.values] for scan in (own, another)]  # noqa: PD011 - no frame
    assert tried == [[*nearest, 0.95, None], [*nearest, None]]
    assert (another.searched.lowest, another.searched.highest, another.searched.exhaustive) == (0.8, nearest[-1], False)
    # With C00, which any of them lets in, the correlation of Z is unknown.
    assert nearest_flip(reruns, index, "max_correlation") == Change("max_correlation", "", None)


def test_a_scan_of_scores_beside_correlations_stops_and_says_so() -> None:
    """A row that is not taken may matter there, so every score is tried, but only the 16 nearest in each direction."""
    rows = [asset("A", 0.95), asset("B", 0.9), asset("L", 0.5, 0.1)]
    rows += [asset(f"U{index:02}", 0.66 + index / 1000, bucket="Gold") for index in range(20)]
    rows += [asset(f"D{index:02}", 0.649 - index / 1000, bucket="Gold") for index in range(20)]
    limits = RebalancingLimits(**ON)
    result = rebalance(rows, limits, correlations=known(AB=0.9)).explain("B")
    tried = {entry.change: entry for entry in result.without_effect}
    score = tried["min_score_new_position"]
    assert (score.lowest, score.highest, score.exhaustive) == (0.649 - 0.015, math.nextafter(0.66 + 0.015, 2.0), False)
    assert "others were not tried" in score.text


def test_a_conflict_names_the_limit_and_the_correlation_that_it_must_let_in() -> None:
    # One position of 0.2 fits; the other two of the bucket move with it.
    rows = [asset("A", 0.9), asset("B", 0.8), asset("C", 0.7)]
    limits = RebalancingLimits(**ON, target_invested=0.4, max_position_weight=0.2)
    for correlations, helps in (
        (known(AB=0.95, AC=0.9, BC=0.85), (0.9, "max_correlation 0.9")),
        (known(AB=None, AC=None), (None, "no max_correlation")),
    ):
        (conflict,) = rebalance(rows, limits, correlations=correlations).conflicts
        assert faults(rows, limits, conflict, correlations=correlations) == []
        member = next(member for member in conflict.members if member.limit == "max_correlation")
        assert member.relaxation is not None
        assert (member.relaxation.value, member.relaxation.effect) == helps


@pytest.mark.parametrize("seeds", mostly_thorough([range(80_000, 80_010), range(80_010, 80_040)]))
@pytest.mark.thorough
def test_conflicts_of_random_accounts_are_true(seeds: range) -> None:
    named = 0
    for seed in seeds:
        rng = random.Random(seed)
        rows, limits = random_rows(rng), random_correlated_limits(rng, **SIZES)
        correlations = pairs(random_correlations(rng, rows))
        for conflict in rebalance(rows, limits, correlations=correlations).conflicts:
            assert faults(rows, limits, conflict, correlations=correlations) == [], (seed, conflict)
            named += any(member.limit == "max_correlation" for member in conflict.members)
    assert named > 0


def test_lifting_the_limit_helps_no_goal_that_it_is_not_about() -> None:
    rows = [asset("A", 0.9)]
    reruns = Reruns.of(
        read(rows, RebalancingLimits(**ON), many=False, correlations=known(AB=0.9)), RebalancingLimits(**ON)
    )
    assert reruns.decided_with(Change("max_correlation", "", None))["selected"].tolist() == [True]
    assert reruns.correlations.tolist() == []
    off = RebalancingLimits(enable_bucket_diversification=True)
    assert Reruns.of(read(rows, off, many=False), off).correlations.tolist() == []


def test_a_difference_names_the_correlations() -> None:
    rows, limits = [asset("A", 0.9), asset("B", 0.8)], RebalancingLimits(**ON)
    before = rebalance(rows, limits, correlations=known(AB=0.9))
    after = rebalance(rows, limits, correlations=known(AB=0.5))
    difference = before.diff(after)
    (options,) = difference.inputs
    assert (options.name, options.asset, options.before.of("A", "B"), options.after.of("A", "B")) == (
        "correlations",
        "",
        0.9,
        0.5,
    )
    ((change,),) = (difference.changes,)
    assert (change.asset, change.causes) == ("B", (Cause("correlations", (), alone=True),))
    assert before.diff(rebalance(rows, limits, correlations=known(AB=0.9))).inputs == ()
    off = rebalance(rows, RebalancingLimits(enable_bucket_diversification=True, min_buckets_represented=0))
    assert {change.name for change in off.diff(after).inputs} == {"max_correlation", "correlations"}


# ---- what holds for every account


def test_no_new_asset_moves_with_another_of_its_bucket() -> None:
    """The guarantee, by the oracle's reading of the rules; and all but the score of new assets is as good as it can be."""
    for seed in range(90_000, 90_300):
        rng = random.Random(seed)
        rows, limits = random_rows(rng, 14), random_correlated_limits(rng)
        cross = random_correlations(rng, rows)
        selection = run(rows, limits, correlations=pairs(cross)).selected
        assert selection_violations(rows, limits, selection, cross) == [], f"seed {seed}"
        walk, best = objective_of(rows, limits, selection), milp_selection(rows, limits, cross)
        assert walk.rank(limits.allow_bucket_overflow)[:-1] == best.rank(limits.allow_bucket_overflow)[:-1], (
            f"seed {seed}"
        )
        assert walk.new_score <= best.new_score


@pytest.mark.parametrize("first", mostly_thorough(range(100_000, 101_000, 200)))
@pytest.mark.thorough
def test_a_higher_score_never_costs_a_place(first: int) -> None:
    for seed in range(first, first + 200):
        rng = random.Random(seed)
        rows, limits = random_rows(rng), random_correlated_limits(rng)
        correlations = pairs(random_correlations(rng, rows))
        selection = run(rows, limits, correlations=correlations).selected
        for raised in [row for row in rows if row["score"] is not None and row["asset"] in selection][:3]:
            higher = [{**row, "score": min(1.0, row["score"] + 0.05)} if row is raised else row for row in rows]
            assert raised["asset"] in run(higher, limits, correlations=correlations).selected, f"seed {seed}"


@pytest.mark.parametrize("first", mostly_thorough(range(110_000, 111_500, 300)))
@pytest.mark.thorough
def test_a_result_fed_back_trades_nothing(first: int) -> None:
    checked = 0
    for seed in range(first, first + 300):
        rng = random.Random(seed)
        rows, limits = random_rows(rng, restricted=False, unscored=False), random_correlated_limits(rng)
        rows = [
            {**row, "desired_weight": row["desired_weight"] or 0.1, "volatility": row["volatility"] or 0.2}
            for row in rows
        ]
        correlations = pairs(random_correlations(rng, rows))
        first = run(rows, limits, correlations=correlations).answer
        entered = sum(
            bool(decided["selected"]) and (row["current_weight"] == 0 or row["current_weight"] < limits.dust_weight)
            for row, decided in zip(rows, first, strict=True)
        )
        weightless = any(
            entry["selected"] and (entry["proposed"] == 0 or entry["proposed"] < limits.dust_weight) for entry in first
        )
        if entered >= limits.max_new_positions or weightless:
            continue
        again = [{**row, "current_weight": float(line["target"])} for row, line in zip(rows, first, strict=True)]
        actions = run(again, limits, correlations=correlations).answer["action"]
        assert set(actions.tolist()) <= {Action.NONE, Action.HOLD}, f"seed {seed}"
        checked += Reason.TOO_CORRELATED in first["reason"]
    assert checked > 50


def test_the_rule_sheet_says_it() -> None:
    said = [
        sentence
        for section in trimtab.limits.in_words.rule_sheet(RebalancingLimits(**ON))
        for sentence in section.sentences
    ]
    assert any("correlation" in sentence and "0.8" in sentence for sentence in said)

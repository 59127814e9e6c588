"""What the sentences name is carried out and holds; `benchmarks/true_sentences.py` does the same on 20,000 accounts."""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest
from cases import random_limits, random_rows
from cash_sentences import faults_of_cash
from difference_carried_out import Inputs, faults_of_difference, tomorrow
from exposure_runs import random_case, random_concentration
from sentences_carried_out import faults_of_account
from thorough import mostly_thorough

import trimtab
from trimtab.candidates.read import read
from trimtab.explanations.changes import Change
from trimtab.explanations.reruns import Reruns
from trimtab.explanations.values_to_try import shown_value
from trimtab.limits.rebalancing_limits import RebalancingLimits


@pytest.mark.parametrize("block", mostly_thorough(range(20)))
def test_sentences_of_random_accounts_hold(block: int) -> None:
    counts: Counter[str] = Counter()
    for seed in range(40):
        drawn = random.Random(7_000_000 + 40 * block + seed)
        assert list(faults_of_account(random_rows(drawn), random_limits(drawn), counts)) == [], (block, seed)
    assert counts["limits in the way"] and counts["reasons for cash"] and counts["merit of what is fixed"]


@pytest.mark.parametrize("block", mostly_thorough(range(15)))
def test_reasons_for_cash_hold_with_exposures(block: int) -> None:
    counts: Counter[str] = Counter()
    for seed in range(7_100_000 + 12 * block, 7_100_000 + 12 * block + 12):
        case, concentration = random_concentration(seed) or (random_case(seed), {})
        if case is not None:
            rows, limits, exposures, own = case
            rule = {"concentration": {"issuer": concentration}} if concentration else {}
            limits = limits.replace(exposures=own, **rule)
            assert list(faults_of_cash(rows, limits, counts, exposures=exposures)) == [], seed
    assert counts["reasons for cash"]


@pytest.mark.parametrize("block", mostly_thorough(range(20)))
def test_causes_of_a_difference_hold(block: int) -> None:
    counts: Counter[str] = Counter()
    for seed in range(7_200_000 + 6 * block, 7_200_000 + 6 * block + 6):
        rng = random.Random(seed)
        today, other = (Inputs(random_rows(rng), random_limits(rng)) for _ in range(2))
        assert list(faults_of_difference(today, tomorrow(rng, today, other), counts)) == [], seed
    assert counts["causes that suffice alone"]


@pytest.mark.thorough
@pytest.mark.parametrize("block", range(5))
def test_causes_of_a_difference_hold_with_exposures(block: int) -> None:
    counts: Counter[str] = Counter()
    for seed in range(7_300_000 + 12 * block, 7_300_000 + 12 * block + 12):
        case, rng = random_case(seed), random.Random(seed)
        if case is not None:
            rows, limits, exposures, own = case
            today = Inputs(rows, limits.replace(exposures=own), {"exposures": exposures})
            other = Inputs(random_rows(rng), random_limits(rng))
            assert list(faults_of_difference(today, tomorrow(rng, today, other), counts)) == [], seed
    assert counts["causes that suffice alone"]


def test_a_share_that_is_also_the_largest_weight() -> None:
    """A's own limit and that of its bucket bind at 0.1, so its share is less than C's."""
    rows = [
        {"asset": "A", "score": 0.9, "bucket": "Tech", "max_weight": 0.1},
        {"asset": "B", "score": 0.9, "bucket": "Tech"},
        {"asset": "C", "score": 0.9, "bucket": "Bond"},
    ]
    limits = RebalancingLimits(enable_bucket_diversification=True, max_allocation_per_bucket=0.2)
    texts = trimtab.rebalance(rows, limits).details()
    assert texts[0].endswith("Weight 10.00%: an equal share, at its largest weight of 0.1.")
    assert "capped" in texts[2] or texts[2].endswith("an equal share.")


@pytest.mark.parametrize(("above", "shown"), [(0.2, "0.1235"), (0.12346, "0.12346"), (None, None)])
def test_a_shown_value_passes_no_score(above: float | None, shown: str | None) -> None:
    """It is rounded no further than to the next score; between neighbouring doubles it keeps every digit."""
    value = 0.12345678901234568
    rows = [{"asset": "A", "score": math.nextafter(value, 0.0)}, {"asset": "B", "score": above or value}]
    limits = RebalancingLimits(min_score_threshold=0.1)
    reruns = Reruns.of(read(rows, limits, many=False), limits)
    text = shown_value(reruns, Change("min_score_threshold", "", value))
    assert text == (shown or repr(value))
    assert float(text) <= rows[1]["score"]

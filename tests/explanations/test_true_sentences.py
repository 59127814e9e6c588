"""What the sentences name is carried out and holds; `benchmarks/true_sentences.py` does the same on 20,000 accounts."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from cases import random_limits, random_rows
from sentences_carried_out import faults_of_account
from thorough import mostly_thorough


@pytest.mark.parametrize("block", mostly_thorough(range(20), 2))
def test_sentences_of_random_accounts_hold(block: int) -> None:
    counts: Counter[str] = Counter()
    for seed in range(40):
        drawn = random.Random(7_000_000 + 40 * block + seed)
        assert list(faults_of_account(random_rows(drawn), random_limits(drawn), counts)) == [], (block, seed)
    assert counts["limits in the way"] and counts["reasons for cash"] and counts["merit of what is fixed"]

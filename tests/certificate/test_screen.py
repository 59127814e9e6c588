"""The screen lets no broken limit pass: good answers of random accounts, each spoiled in one way, must fail."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from cases import BUCKETS, random_rows

from trimtab import RebalancingLimits
from trimtab.blocks import decide_block as blocks
from trimtab.blocks.decide_block import Block, decide_block
from trimtab.blocks.prepared_limits import PreparedLimits, votes_of
from trimtab.kernel.compilation import undecorated

LIMITS = RebalancingLimits(
    max_total_positions=6,
    max_new_positions=2,
    enable_bucket_diversification=True,
    max_positions_per_bucket=3,
    max_allocation_per_bucket=0.4,
    min_buckets_represented=2,
    known_buckets=tuple(bucket for bucket in BUCKETS if bucket),
    buckets={"Equity/Tech/Semis": {"max_positions": 1, "max_allocation": 0.1}, "Bond": {"min_allocation": 0.1}},
)
BRAKED = LIMITS.replace(brake_sold_weight=0.05, brake_closed_positions=1)
MORE = 1e-9


@dataclass
class Answer:
    """One account's input rows and its decision; a spoiler writes into the arrays, which are views."""

    rows: list[dict[str, Any]]
    target: Any
    proposed: Any
    selected: Any
    outcome: Any

    def put(self, row: int, weight: float) -> bool:
        """Hold a row with this weight, or close it at 0."""
        self.target[row] = self.proposed[row] = weight
        self.selected[row] = weight != 0
        return True

    def free(self, *, held: bool | None = None, min_weight: float = 0.0, bucket: str = "") -> list[int]:
        """Rows that nothing fixes, with a score of at least this, held before or not, under a bucket."""
        return [
            index
            for index, row in enumerate(self.rows)
            if not row["restriction"]
            and row["score"] is not None
            and row["score"] >= min_weight
            and held in {None, row["current_weight"] >= LIMITS.dust_weight}
            and (row["bucket"] or "").startswith(bucket)
        ]

    def has_fixed(self, bucket: str = "") -> bool:
        """Whether a restriction or a missing score fixes what is held under a bucket."""
        return any(
            row["current_weight"] > 0
            and (row["restriction"] in {"no_sell", "no_trade"} or row["score"] is None)
            and (row["bucket"] or "").startswith(bucket)
            for row in self.rows
        )

    def positions(self, **wanted: Any) -> list[int]:
        """Free rows that are held in the answer."""
        return [index for index in self.free(**wanted) if self.target[index] > 0]

    def under(self, bucket: str) -> float:
        """The weight under a bucket."""
        return math.fsum(
            self.target[index] for index, row in enumerate(self.rows) if (row["bucket"] or "").startswith(bucket)
        )


Spoiler = Callable[[Answer, random.Random], bool]


def above_the_most_of_a_position(case: Answer, rng: random.Random) -> bool:
    own = [(index, case.rows[index]["max_weight"]) for index in case.positions()]
    return bool(own) and case.put(
        *next((index, min(0.2, highest or 0.2) + MORE) for index, highest in [rng.choice(own)])
    )


def below_the_least_of_a_position(case: Answer, rng: random.Random) -> bool:
    held = case.positions()
    return bool(held) and not case.has_fixed() and case.put(rng.choice(held), 0.02 - MORE)


def above_the_weight_of_a_deep_bucket(case: Answer, rng: random.Random) -> bool:
    deep = "Equity/Tech/Semis"
    held = case.positions(bucket=deep)
    if not held or case.has_fixed(deep):
        return False
    index = rng.choice(held)
    return case.put(index, case.target[index] + 0.1 - case.under(deep) + MORE)


def above_the_weight_of_a_bucket(case: Answer, rng: random.Random) -> bool:
    held = case.positions(bucket="Equity")
    if not held or case.has_fixed("Equity"):
        return False
    index = rng.choice(held)
    return case.put(index, case.target[index] + 0.4 - case.under("Equity") + MORE)


def too_many_in_a_deep_bucket(case: Answer, rng: random.Random) -> bool:
    deep = case.free(min_weight=0.65, bucket="Equity/Tech/Semis")
    if len(deep) < 2 or case.has_fixed("Equity/Tech/Semis"):
        return False
    return all(case.put(index, 0.03) for index in rng.sample(deep, 2))


def too_many_new(case: Answer, rng: random.Random) -> bool:
    new = case.free(held=False, min_weight=0.65)
    return len(new) > 2 and all(case.put(index, 0.02) for index in rng.sample(new, 3))


def too_many_in_all(case: Answer, rng: random.Random) -> bool:
    good = case.free(min_weight=0.65)
    return len(good) > 6 and all(case.put(index, 0.02) for index in rng.sample(good, 7))


def a_restricted_holding(codes: set[str], case: Answer, rng: random.Random) -> int:
    """A row that is held and may not be sold, or not be bought; -1 where there is none."""
    fit = [index for index, row in enumerate(case.rows) if row["restriction"] in codes and row["current_weight"] > 0]
    return rng.choice(fit) if fit else -1


def part_of_a_no_sell_sold(case: Answer, rng: random.Random) -> bool:
    index = a_restricted_holding({"no_sell", "no_trade"}, case, rng)
    return index >= 0 and case.put(index, math.nextafter(case.rows[index]["current_weight"], 0.0))


def a_fixed_holding_closed(case: Answer, rng: random.Random) -> bool:
    index = a_restricted_holding({"no_sell", "no_trade"}, case, rng)
    return index >= 0 and case.put(index, 0.0)


def more_of_a_no_buy(case: Answer, rng: random.Random) -> bool:
    index = a_restricted_holding({"no_buy", "no_trade"}, case, rng)
    return index >= 0 and case.put(index, math.nextafter(case.rows[index]["current_weight"], 1.0))


def an_unscored_holding_moved(case: Answer, rng: random.Random) -> bool:
    fit = [index for index, row in enumerate(case.rows) if row["score"] is None and row["current_weight"] > 0]
    return bool(fit) and case.put(fit[0], case.rows[fit[0]]["current_weight"] * rng.choice([0.5, 1.0 + 1e-15, 0.0]))


def more_than_all_may_be(case: Answer, rng: random.Random) -> bool:
    held = case.positions()
    if not held:
        return False
    index = rng.choice(held)
    return case.put(index, case.target[index] + 0.97 - case.under("") + MORE)


def less_than_the_least_of_a_bucket(case: Answer, rng: random.Random) -> bool:
    held = case.positions(bucket="Bond")
    if not held or case.has_fixed() or case.under("Bond") < 0.1:
        return False
    index = rng.choice(held)
    return case.put(index, max(case.target[index] - case.under("Bond") + 0.1 - MORE, 0.02)) and case.under("Bond") < 0.1


def too_few_buckets(case: Answer, rng: random.Random) -> bool:
    """Where two buckets have a position, that of one is closed."""
    tops = {"Equity", "Bond", "Gold"}
    there = sorted(top for top in tops if case.under(top) > 0)
    if case.has_fixed() or len(there) != 2:
        return False
    lost = rng.choice(there)
    return all(case.put(index, 0.0) for index in case.positions(bucket=lost)) and not case.under(lost)


def a_bad_score(case: Answer, rng: random.Random) -> bool:
    fit = [index for index in case.free() if case.rows[index]["score"] < 0.6]
    return bool(fit) and case.put(rng.choice(fit), 0.03)


def no_number(case: Answer, rng: random.Random) -> bool:
    return case.put(rng.randrange(len(case.rows)), rng.choice([math.nan, math.inf, -math.inf, -5e-324, -0.1]))


def another_target_than_what_was_measured(case: Answer, rng: random.Random) -> bool:
    held = case.positions()
    if held:
        index = rng.choice(held)
        case.target[index] = math.nextafter(case.target[index], 0.0)
    return bool(held)


def a_braked_weight_moved(case: Answer, rng: random.Random) -> bool:
    if case.outcome["braked"]:
        index = rng.choice([index for index, row in enumerate(case.rows) if row["current_weight"] > 0])
        case.target[index] = rng.choice([math.nextafter(case.target[index], 0.0), case.target[index] + 0.1, 0.0])
    return bool(case.outcome["braked"])


def a_brake_not_pulled(case: Answer, rng: random.Random) -> bool:
    was = bool(case.outcome["braked"])
    case.outcome["braked"] = False
    case.target[:] = case.proposed
    return was and rng.random() < 2.0


def a_brake_pulled_in_vain(case: Answer, rng: random.Random) -> bool:
    if case.outcome["braked"]:
        return False
    case.outcome["braked"] = rng.random() < 2.0
    case.target[:] = [row["current_weight"] for row in case.rows]
    return True


SPOILERS: tuple[tuple[Spoiler, str, RebalancingLimits], ...] = (
    (above_the_most_of_a_position, "max_position_weight is", LIMITS),
    (below_the_least_of_a_position, "min_position_weight is", LIMITS),
    (above_the_weight_of_a_deep_bucket, "max_allocation of Equity/Tech/Semis is", LIMITS),
    (above_the_weight_of_a_bucket, "max_allocation of Equity is", LIMITS),
    (too_many_in_a_deep_bucket, "max_positions of Equity/Tech/Semis is", LIMITS),
    (too_many_new, "max_new_positions is", LIMITS),
    (too_many_in_all, "max_total_positions is", LIMITS),
    (part_of_a_no_sell_sold, "restrictions_violated is", LIMITS),
    (a_fixed_holding_closed, "restrictions_violated is", LIMITS),
    (more_of_a_no_buy, "restrictions_violated is", LIMITS),
    (an_unscored_holding_moved, "restrictions_violated is", LIMITS),
    (more_than_all_may_be, "target_invested is", LIMITS),
    (less_than_the_least_of_a_bucket, "min_allocation of Bond is", LIMITS),
    (too_few_buckets, "min_buckets_represented is", LIMITS),
    (a_bad_score, "min_score_", LIMITS),
    (no_number, "restrictions_violated is", LIMITS),
    (another_target_than_what_was_measured, "the target of", LIMITS),
    (a_braked_weight_moved, "the target of", BRAKED),
    (a_brake_not_pulled, "the account trades where", BRAKED),
    (a_brake_pulled_in_vain, "the account keeps its weights where", BRAKED),
)


def spoiled(
    monkeypatch: pytest.MonkeyPatch, spoil: Spoiler, limits: RebalancingLimits, seed: int
) -> tuple[Block, set[str]]:
    """A block of random accounts whose answers are spoiled where that can be done; and the accounts where it was."""
    rng = random.Random(seed)
    accounts = {f"P{index:03d}": random_rows(rng) for index in range(60)}
    rows = [{**row, "account": name} for name, mine in accounts.items() for row in mine]
    ends = np.cumsum([len(mine) for mine in accounts.values()]).tolist()
    rules, done = blocks.rebalance_block, set()

    def spoiling(*arguments: Any) -> None:
        rules(*arguments)
        target, proposed, codes, outcome = arguments[-1]
        for number, (name, end) in enumerate(zip(accounts, ends, strict=True)):
            mine = slice(end - len(accounts[name]), end)
            first = Answer(accounts[name], target[mine], proposed[mine], codes[mine, 3], outcome[number])
            if spoil(first, rng):
                done.add(name)

    monkeypatch.setattr(blocks, "rebalance_block", spoiling)
    table = pa.Table.from_pylist(rows)
    block = decide_block(table, PreparedLimits({None: limits}, votes_of(table)))
    monkeypatch.setattr(blocks, "rebalance_block", rules)
    return block, done


@pytest.mark.parametrize(("spoil", "sentence", "limits"), SPOILERS, ids=[spoil.__name__ for spoil, _, _ in SPOILERS])
def test_what_is_spoiled_fails(
    monkeypatch: pytest.MonkeyPatch, spoil: Spoiler, sentence: str, limits: RebalancingLimits
) -> None:
    caught = 0
    for seed in range(5000, 5006):
        targets, done = spoiled(monkeypatch, spoil, limits, seed)
        said = dict(zip(targets.failed["account"].to_pylist(), targets.failed["reason"].to_pylist(), strict=True))
        assert done <= set(said), f"seed {seed}: {sorted(done - set(said))}"
        for name in done:
            assert sentence in said[name], f"seed {seed}, {name}: {said[name]}"
        assert targets.counts.fully_checked >= len(done), f"seed {seed}"
        caught += len(done)
    assert caught >= 10


@pytest.mark.parametrize(("spoil", "sentence"), [(too_many_in_all, "max_total"), (more_than_all_may_be, "target_inv")])
def test_what_is_spoiled_in_all_fails_without_the_compiler(
    monkeypatch: pytest.MonkeyPatch, spoil: Spoiler, sentence: str
) -> None:
    monkeypatch.setattr(blocks, "screen_block", undecorated(blocks.screen_block))
    targets, done = spoiled(monkeypatch, spoil, LIMITS, 5000)
    said = dict(zip(targets.failed["account"].to_pylist(), targets.failed["reason"].to_pylist(), strict=True))
    assert done
    assert all(sentence in said[name] for name in done)


def test_what_is_not_spoiled_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    for limits in (LIMITS, BRAKED):
        targets, done = spoiled(monkeypatch, lambda _one, rng: rng.random() > 2.0, limits, 5000)
        assert not done
        assert targets.failed.num_rows == 0
        assert targets.counts.fully_checked < 60

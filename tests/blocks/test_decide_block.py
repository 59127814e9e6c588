"""The block function: the bits of `rebalance_many`, every account checked, and faults reported by account."""

from __future__ import annotations

import math
import random
from collections import Counter
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from cases import random_limits, random_rows
from thorough import mostly_thorough

from trimtab import RebalancingLimits, rebalance, rebalance_many
from trimtab.blocks import arrow_columns as coded_columns, decide_block as blocks
from trimtab.blocks.counts import Counts
from trimtab.blocks.decide_block import Block, decide_block
from trimtab.blocks.prepared_limits import PreparedLimits, votes_of
from trimtab.candidates.read import read
from trimtab.certificate.checker import certify
from trimtab.errors import InputError, LimitsError
from trimtab.kernel.compilation import undecorated
from trimtab.rebalancing.many_result import alone

Row = dict[str, Any]
SPOILED: tuple[tuple[str, Any], ...] = (
    ("score", 1.5),
    ("score", -0.1),
    ("current_weight", -0.2),
    ("current_weight", math.inf),
    ("current_weight", None),
    ("current_weight", 9.0),
    ("max_weight", 1.5),
    ("desired_weight", -0.1),
    ("volatility", 1e12),
    ("restriction", "no_by"),
    ("bucket", "A//B"),
    ("asset", " A"),
    ("asset", None),
    ("asset", ""),
    ("asset", "A00"),
)


def accounts_of(rng: random.Random, count: int, *, spoiled: float = 0.0) -> list[Row]:
    """The rows of this many accounts, one after another; some of them have an impossible value."""
    entries = []
    for number in range(count):
        rows = [{**row, "account": f"P{number:03d}"} for row in random_rows(rng)]
        if rng.random() < spoiled:
            name, value = rng.choice(SPOILED)
            rng.choice(rows)[name] = value
        entries += rows
    return entries


def decide(rows: list[Row] | pa.Table, limits: RebalancingLimits, **votes: float) -> Block:
    table = rows if isinstance(rows, pa.Table) else pa.Table.from_pylist(rows)
    return decide_block(table, PreparedLimits({None: limits}, votes or votes_of(table)))


def bits(values: Any) -> bytes:
    return np.array(values, np.float64).tobytes()


def statuses(many: Any) -> dict[str, int]:
    """The certificate of all good accounts, by status."""
    counts: Counter[str] = Counter()
    for account in range(len(many.accounts)):
        if account not in many._pass.candidates.faults:
            counts.update(constraint.status for constraint in alone(many._pass, account).certificate)
    return dict(counts)


@pytest.mark.parametrize("first", mostly_thorough(range(0, 200, 50)))
@pytest.mark.thorough
def test_the_same_bits_as_the_table_door(first: int) -> None:
    for seed in range(first, first + 50):
        rng = random.Random(seed)
        limits = random_limits(rng, on_unmet=rng.choice(["report", "report", "raise"]))
        rows = accounts_of(rng, 25, spoiled=0.3)
        for row in rows[::5]:
            row["desired_weight"] = 0.0
        outcome, many = decide(rows, limits), rebalance_many(rows, limits)
        failed = {row["account"] for row in many.accounts if row["status"] == "failed"}
        good = [row for row in many.targets if row["account"] not in failed]
        targets = outcome.targets.to_pylist()
        where = f"seed {seed}"
        assert set(outcome.failed["account"].to_pylist()) == failed, where
        assert bits([row["target_weight"] for row in targets]) == bits([row["target_weight"] for row in good]), where
        for name in ("account", "asset", "action", "reason", "size_reason"):
            assert [row[name] for row in targets] == [row[name] for row in good], where
        braked = {row["account"] for row in many.accounts if row["status"] == "braked"}
        assert [row["proposed_weight"] for row in targets] == [
            row["proposed_weight"] if row["account"] in braked else None for row in good
        ], where
        assert outcome.counts.certificate == statuses(many), where
        check_counts(outcome.counts, many, where)


def check_counts(counts: Counts, many: Any, where: str) -> None:
    good = [row for row in many.accounts if row["status"] != "failed"]
    assert counts.turnover == math.fsum(row["turnover"] for row in good), where
    assert counts.cash == math.fsum(row["cash_weight"] for row in good), where
    assert counts.positions == sum(row["positions"] for row in good), where
    assert (counts.accounts, counts.failed) == (len(many.accounts), len(many.accounts) - len(good)), where
    by_status = Counter(row["status"] for row in good)
    assert counts.braked == by_status["braked"], where
    assert counts.unmet == by_status["unmet"], where
    assert sum(counts.actions.values()) == sum(len(many.result(row["account"]).targets) for row in good), where


def test_a_failed_account_says_what_one_account_alone_would_say() -> None:
    limits, said = RebalancingLimits(), 0
    for number, (name, value) in enumerate(SPOILED):
        rows = [{**row, "account": "P"} for row in random_rows(random.Random(5), 15, restricted=False)]
        rows[-1][name] = value
        others = [{**row, "account": "Q"} for row in random_rows(random.Random(6))]
        block = decide(others + rows, limits)
        with pytest.raises(InputError) as caught:
            rebalance(rows, limits)
        assert block.failed.to_pylist() == [{"account": "P", "reason": str(caught.value)}], number
        assert set(block.targets["account"].to_pylist()) == {"Q"}
        said += 1
    assert said == len(SPOILED)


def test_plain_and_compiled_give_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = []
    seeds = range(1000, 1060)

    def block_of(seed: int) -> Block:
        rng = random.Random(seed)
        limits = random_limits(rng, unscored_positions=rng.choice(["hold", "close", "error"]))
        return decide(accounts_of(rng, 5, spoiled=0.3), limits)

    compiled = [block_of(seed) for seed in seeds]
    for name in ("precheck_block", "rebalance_block", "screen_block"):
        monkeypatch.setattr(blocks, name, undecorated(getattr(blocks, name)))
    monkeypatch.setattr(coded_columns, "starts_of", undecorated(coded_columns.starts_of))
    for seed, before in zip(seeds, compiled, strict=True):
        after = block_of(seed)
        assert after.counts == before.counts, f"seed {seed}"
        assert after.failed.equals(before.failed), f"seed {seed}"
        assert after.targets.equals(before.targets), f"seed {seed}"


@pytest.mark.parametrize("first", mostly_thorough(range(3000, 3300, 60)))
@pytest.mark.parametrize("plain", [False, True])
def test_screen_and_checker_find_what_the_checker_finds_alone(
    monkeypatch: pytest.MonkeyPatch, plain: bool, first: int
) -> None:
    """Results are spoiled at random: an account fails if and only if the checker alone calls it broken."""
    rules, caught, passed = blocks.rebalance_block, 0, 0
    if plain:
        monkeypatch.setattr(blocks, "screen_block", undecorated(blocks.screen_block))
    for seed in range(first, first + (12 if plain else 60)):
        rng = random.Random(seed)
        limits = random_limits(rng, brake_sold_weight=None, brake_closed_positions=None)
        rows = accounts_of(rng, 8)
        for row in rows[::7]:
            row["desired_weight"] = 0.0
        seen: dict[str, Any] = {}

        def spoiling(*arguments: Any, rng: random.Random = rng, seen: dict[str, Any] = seen) -> None:
            rules(*arguments)
            target, proposed, codes, _outcome = arguments[-1]
            for _ in range(4):
                row = rng.randrange(len(target))
                proposed[row] = target[row] = rng.choice([0.0, 0.01, 0.3, -0.1, math.nan, math.inf, target[row] + 1e-9])
                codes[row, 3] = rng.random() < 0.8
            seen.update(target=target.copy(), selected=codes[:, 3] > 0)

        monkeypatch.setattr(blocks, "rebalance_block", spoiling)
        block = decide(rows, limits)
        candidates = read(rows, limits, many=True)
        with np.errstate(all="ignore"):
            _, broken = certify(
                candidates,
                limits,
                target=seen["target"],
                proposed=seen["target"],
                selected=seen["selected"],
                braked=np.zeros(8, np.bool_),
            )
        assert block.failed["account"].to_pylist() == [candidates.accounts[index] for index in sorted(broken)], (
            f"seed {seed}"
        )
        assert all("a bug in trimtab" in reason for reason in block.failed["reason"].to_pylist())
        caught, passed = caught + len(broken), passed + block.counts.accounts - block.counts.fully_checked
    assert caught > (20 if plain else 100)
    assert passed > (1 if plain else 10)


def test_most_plain_accounts_are_settled_by_the_screen() -> None:
    rows = accounts_of(random.Random(1), 200)
    counts = decide(rows, RebalancingLimits()).counts
    assert counts.fully_checked < 150
    assert sum(counts.certificate.values()) == 8 * 200


def test_accounts_under_their_own_limits() -> None:
    rng = random.Random(11)
    chosen = {"calm": random_limits(rng), "bold": random_limits(rng), "flat": RebalancingLimits()}
    rows = accounts_of(rng, 60, spoiled=0.1)
    for row in rows:
        row["limits_id"] = list(chosen)[int(row["account"][1:]) % 3]
    table = pa.Table.from_pylist(rows)
    block = decide_block(table, PreparedLimits(chosen, votes_of(table))).targets.to_pylist()
    for name, limits in chosen.items():
        mine = [row for row in rows if row["limits_id"] == name]
        alone = decide(mine, limits, **votes_of(table)).targets.to_pylist()
        assert [row for row in block if int(row["account"][1:]) % 3 == list(chosen).index(name)] == alone


def test_a_limits_id_that_cannot_be_is_a_fault_of_its_account() -> None:
    names = {"A": ["one"], "B": ["onn"], "C": [None], "D": ["one", "two"], "E": ["two"]}
    rows = [
        {"account": account, "asset": f"X{index}", "score": 1.5 if account == "C" else 0.9, "limits_id": name}
        for account, options in names.items()
        for index, name in enumerate(options)
    ]
    limits = RebalancingLimits()
    block = decide_block(pa.Table.from_pylist(rows), PreparedLimits({"one": limits, "two": limits}, {}))
    assert block.targets["account"].to_pylist() == ["A", "E"]
    assert block.failed.to_pylist() == [
        {
            "account": "B",
            "reason": "account 'B', column 'limits_id': no such limits (received 'onn'): did you mean 'one'?",
        },
        {"account": "C", "reason": "account 'C', column 'limits_id': the account names no limits: fill it in"},
        {
            "account": "D",
            "reason": "account 'D', column 'limits_id': the rows of the account name two sets of limits (received ['one', 'two']): "
            "name one",
        },
    ]
    with pytest.raises(InputError, match="'limits_id': the column is missing"):
        decide_block(pa.table({"account": ["A"], "asset": ["X"], "score": [0.9]}), PreparedLimits({"one": limits}, {}))


def test_two_spellings_of_a_bucket_are_judged_over_the_whole_batch() -> None:
    limits = RebalancingLimits(enable_bucket_diversification=True, min_buckets_represented=0)
    rows = [{"account": "A", "asset": "X", "score": 0.9, "bucket": "tech"}]
    assert decide(rows, limits).failed.num_rows == 0
    block = decide(rows, limits, tech=1.0, Tech=2.0)
    assert "differs from 'Tech' only in case" in block.failed["reason"][0].as_py()


def test_limits_for_a_bucket_that_the_batch_does_not_have() -> None:
    limits = RebalancingLimits(enable_bucket_diversification=True, buckets={"Tec": {"max_positions": 1}})
    assert PreparedLimits({None: limits}, {"Tec": 1.0}).limits == (limits,)
    with pytest.raises(LimitsError, match="did you mean 'Tech'"):
        PreparedLimits({None: limits}, {"Tech": 1.0})


def test_limits_prepared_twice_are_equal() -> None:
    prepared, again, other = (PreparedLimits({None: RebalancingLimits()}, {"Tech": votes}) for votes in (1.0, 1.0, 2.0))
    assert (prepared == again, prepared == other) == (True, False)
    assert (hash(prepared) == hash(again), len({prepared, again, other})) == (True, 2)


def test_what_stays_unmet_is_counted_by_cause() -> None:
    limits = RebalancingLimits(enable_bucket_diversification=True, min_buckets_represented=2)
    rows = [{"account": name, "asset": "X", "score": 0.9, "bucket": "Tech"} for name in "AB"]
    counts = decide(rows, limits).counts
    assert counts.unmet == 2
    cause = "min_buckets_represented: no candidate from another bucket qualifies and may be bought"
    assert counts.unmet_causes == {cause: 2}
    assert counts.certificate["unmet"] == 2
    held = [
        {"account": "A", "asset": "T", "score": 0.9, "bucket": "Tech", "current_weight": 0.3},
        {"account": "A", "asset": "B", "score": 0.1, "bucket": "Bond", "current_weight": 0.0},
    ]
    floor = limits.replace(min_buckets_represented=0, buckets={"Bond": {"min_allocation": 0.1}})
    assert decide(held, floor).counts.unmet_causes == {"min_allocation of Bond: no asset in it was selected": 1}


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"account": ["A"], "asset": ["X"]}, "column 'score': the column is missing"),
        ({"account": ["A"], "asset": ["X"], "score": ["high"]}, "'score': is not a number but string"),
        (
            {"account": [0.5], "asset": ["X"], "score": [0.9]},
            "'account': is neither text nor a whole number but double",
        ),
        ({"account": ["A"], "asset": [7], "score": [0.9]}, "'asset': is not text but int64"),
        ({"account": [], "asset": [], "score": []}, "there are no candidates"),
        (
            {"account": ["A", None], "asset": ["X", "Y"], "score": [0.9, 0.9]},
            "row 2, column 'account': the account is missing",
        ),
        ({"account": ["A", " B"], "asset": ["X", "Y"], "score": [0.9, 0.9]}, r"has spaces around it \(received ' B'\)"),
        ({"account": ["A", "B", "A"], "asset": ["X", "Y", "Z"], "score": [0.9] * 3}, r"are apart \(received 'A'\)"),
    ],
)
def test_a_table_that_cannot_be_read(columns: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        decide(pa.table(columns), RebalancingLimits())


def test_text_and_numbers_of_every_kind() -> None:
    rows = accounts_of(random.Random(4), 12)
    plain = pa.Table.from_pylist(rows)
    decimals = pa.array([Decimal(repr(row["current_weight"])) for row in rows])
    limits = RebalancingLimits(enable_bucket_diversification=True)
    expected = rebalance_many(
        plain.set_column(plain.column_names.index("current_weight"), "current_weight", decimals), limits
    )
    doubled = pa.DictionaryArray.from_arrays(
        pa.array([0 if name is None else 1 + index for index, name in enumerate(plain["bucket"].to_pylist())]),
        pa.array([None, *plain["bucket"].to_pylist()]),
    )
    kinds = {
        "account": pa.array([int(row["account"][1:]) for row in rows]),
        "asset": plain["asset"].cast(pa.large_string()).dictionary_encode(),
        "bucket": doubled,
        "score": plain["score"].dictionary_encode(),
        "current_weight": decimals,
        "restriction": plain["restriction"].cast(pa.string_view()),
    }
    other = plain
    for name, column in kinds.items():
        other = other.set_column(other.column_names.index(name), name, column)
    cut = pa.concat_tables([other.slice(0, 30), other.slice(30)])
    block = decide(cut, limits)
    assert block.targets["target_weight"].to_pylist() == expected.targets["target_weight"].to_pylist()
    assert block.targets["account"].to_pylist() == [int(row["account"][1:]) for row in rows]
    assert block.counts.certificate == statuses(expected)


def test_columns_that_are_absent_or_empty() -> None:
    table = pa.table({"account": ["A"], "asset": ["X"], "score": [0.9], "max_weight": [None], "bucket": [None]})
    short = table.select(["account", "asset", "score"])
    limits = RebalancingLimits()
    assert decide(table, limits).targets.equals(decide(short, limits).targets)
    nameless = table.set_column(1, "asset", pa.nulls(1))
    assert "the asset has no name" in decide(nameless, limits).failed["reason"][0].as_py()


def test_the_order_of_rows_and_the_cut_of_blocks_change_nothing() -> None:
    rng = random.Random(47)
    limits = random_limits(rng)
    accounts: list[list[Row]] = []
    for number in range(20):
        rows = [row for _ in range(9) for row in random_rows(rng)][:47]
        total = max(1.0, sum(row["current_weight"] for row in rows))
        accounts.append(
            [
                {**row, "asset": f"A{index:03d}", "account": number, "current_weight": row["current_weight"] / total}
                for index, row in enumerate(rows)
            ]
        )
    table = pa.Table.from_pylist([row for rows in accounts for row in rows])
    rules = PreparedLimits({None: limits}, votes_of(table))
    whole = decide_block(table, rules)
    mixed = [row for rows in rng.sample(accounts, 20) for row in rng.sample(rows, len(rows))]
    block = decide_block(pa.Table.from_pylist(mixed, table.schema), rules)
    in_order = [Counter(tuple(row.values()) for row in entry.targets.to_pylist()) for entry in (block, whole)]
    assert in_order[0] == in_order[1]
    assert block.counts == whole.counts
    parts = [decide_block(table.slice(index * 47, 4 * 47), rules) for index in range(0, 20, 4)]
    assert [row for part in parts for row in part.targets.to_pylist()] == whole.targets.to_pylist()
    assert Counts.total(part.counts for part in reversed(parts)) == whole.counts


def test_an_account_that_is_looked_at_in_vain_is_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    door, rows = blocks.precheck_block, accounts_of(random.Random(8), 6)
    before = decide(rows, RebalancingLimits())

    def wary(*arguments: Any) -> None:
        door(*arguments)
        arguments[-1][:] = 1

    monkeypatch.setattr(blocks, "precheck_block", wary)
    assert decide(rows, RebalancingLimits()).targets.equals(before.targets)


@pytest.mark.parametrize("plain", [False, True])
def test_a_total_too_near_to_its_aim_goes_to_the_checker(monkeypatch: pytest.MonkeyPatch, plain: bool) -> None:
    if plain:
        monkeypatch.setattr(blocks, "screen_block", undecorated(blocks.screen_block))
    limits = RebalancingLimits(max_position_weight=1.0)
    row = {"account": "A", "asset": "X", "score": 0.9, "restriction": "no_trade"}
    for excess, close in ((0.0, 0), (1.2e-12, 1), (1e-9, 0)):
        counts = decide([{**row, "current_weight": 0.95 + excess}], limits).counts
        assert counts.fully_checked == close
        assert counts.certificate == statuses(rebalance_many([{**row, "current_weight": 0.95 + excess}], limits))


def test_a_long_account_is_sorted_and_two_limits_are_seen_without_the_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"X{index:02d}" for index in range(60)]
    random.Random(3).shuffle(names)
    table = pa.table(
        {
            "account": ["A"] * 60 + ["B"] * 2,
            "asset": [*names, "X", "Y"],
            "score": [0.9] * 62,
            "limits_id": ["one"] * 61 + ["two"],
        }
    )
    rules = PreparedLimits({"one": RebalancingLimits(), "two": RebalancingLimits()}, {})
    compiled = decide_block(table, rules)
    monkeypatch.setattr(blocks, "precheck_block", undecorated(blocks.precheck_block))
    plain = decide_block(table, rules)
    assert plain.targets.equals(compiled.targets)
    assert plain.failed["account"].to_pylist() == compiled.failed["account"].to_pylist() == ["B"]
    assert {row["asset"] for row in plain.targets.to_pylist() if row["action"] == "open"} == {"X00", "X01", "X02"}


def test_shares_of_counts() -> None:
    counts = Counts(accounts=5, failed=1, turnover=2.0, held=10, closed=1)
    assert (counts.decided, counts.mean_turnover, counts.closed_share) == (4, 0.5, 0.1)
    assert (Counts().mean_turnover, Counts().closed_share) == (0.0, 0.0)
    assert counts.to_dict()["closed"] == 1

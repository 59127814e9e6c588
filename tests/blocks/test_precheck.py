"""`decide_block` accepts the same hostile tables as `rebalance_many`, and refuses the others with the same words."""

from __future__ import annotations

import math
import random
import re
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from cases import random_limits, random_rows
from thorough import mostly_thorough

from trimtab import RebalancingLimits, rebalance_many
from trimtab.blocks import decide_block as blocks
from trimtab.blocks.decide_block import Block, decide_block
from trimtab.blocks.prepared_limits import PreparedLimits, votes_of
from trimtab.errors import InputError

Row = dict[str, Any]
TEXTS = ("asset", "bucket", "restriction")
NUMBERS = ("score", "current_weight", "max_weight", "desired_weight", "volatility")
TINY, HUGE = 5e-324, 1.7e308
HOSTILE: dict[str, tuple[Any, ...]] = {
    "score": (math.nan, None, -0.0, TINY, -TINY, 1.0, math.nextafter(1.0, 2.0), 87.0, -1.0, math.inf, -math.inf),
    "current_weight": (math.nan, None, -0.0, TINY, -TINY, 1e-310, 0.00099999, 0.001, HUGE, -HUGE, math.inf, -math.inf),
    "max_weight": (math.nan, -0.0, TINY, -TINY, 1.0, math.nextafter(1.0, 2.0), math.inf, -math.inf),
    "desired_weight": (math.nan, 0.0, -0.0, TINY, 1e-9, math.nextafter(1e-9, 0.0), 1e9, 1.1e9, math.inf),
    "volatility": (math.nan, 0.0, -0.1, TINY, 1e-9, math.nextafter(1e9, math.inf), 1e9, math.inf, -math.inf),
    "asset": (None, "", " ", "\u3000", "\x1f", " A00", "A00 ", "A00\u2003", "a00", "A00", "A01", "\u00c4", "A\u0308"),
    "bucket": (
        *(None, "", "  ", "/", "Equity/", "/Tech", "Equity//Tech", "equity/tech", "Equity /Tech", "EQUITY", "unknown"),
        *("nan", "None", "<NA>", "Equity/nan", "Bond/Gov\u200b", "Bond/ Gov", "x/" * 50 + "x", "x/" * 49 + "x", "Gold"),
    ),
    "restriction": (None, "", " ", "NO_BUY", "no_by", "no_sell ", "no_sell", "no_trade", "no_buy"),
}
ACCOUNTS = (pa.string(), pa.large_string(), pa.string_view(), pa.int64(), pa.int32(), pa.uint64())
INDICES = (pa.int8(), pa.uint8(), pa.int32(), pa.uint32(), pa.uint64())


def hostile_rows(rng: random.Random, account: Any) -> list[Row]:
    """One account's rows; in four of ten, some values are at or beyond their range, or the sum is near 1.05."""
    rows = [{**row, "account": account} for row in random_rows(rng)]
    chance = rng.random()
    if chance < 0.3:
        for _ in range(rng.randint(1, 3)):
            name = rng.choice([*TEXTS, *NUMBERS])
            rng.choice(rows)[name] = rng.choice(HOSTILE[name])
    elif chance < 0.4:
        rest = sum(row["current_weight"] for row in rows[1:])
        rows[0]["current_weight"] = 1.05 - rest + rng.choice([-1e-12, 0.0, 5e-13, 1e-12, 2e-12, 1e-9])
    return rows


def encoded(rng: random.Random, values: list[Any], kind: pa.DataType, index: pa.DataType | None) -> pa.Array:
    """The values as an array with an offset; with an index type as codes of a dictionary with gaps and doubles."""
    skipped = rng.randint(0, 2)
    padded = [*values[:1] * skipped, *values]
    if index is None:
        return pa.array(padded, kind).slice(skipped)
    names: list[Any] = [None, *dict.fromkeys(value for value in padded if value is not None)]
    names += names[1:2]
    codes = [rng.choice([0, None]) if value is None else names.index(value) for value in padded]
    return pa.DictionaryArray.from_arrays(pa.array(codes, index), pa.array(names, kind)).slice(skipped)


def hostile_table(rng: random.Random, rows: list[Row], account: pa.DataType) -> pa.Table:
    """The rows in chunks that have dictionaries of their own, in some of the types that a column may have."""
    kinds = {"account": (account, rng.choice([None, None, *INDICES]))}
    for name in TEXTS:
        kinds[name] = (rng.choice(ACCOUNTS[:3]), rng.choice([None, *INDICES]))
    for name in NUMBERS:
        kinds[name] = (pa.float64(), rng.choice([None, None, pa.int32(), pa.uint32()]))
    cuts = sorted({0, len(rows), *(rng.randrange(len(rows)) for _ in range(rng.randint(0, 3)))})
    chunks = [rows[begin:end] for begin, end in pairwise(cuts)]
    return pa.table(
        {
            name: pa.chunked_array([encoded(rng, [row[name] for row in chunk], *kinds[name]) for chunk in chunks])
            for name in kinds
        }
    )


def from_its_first(sentence: str, first: int) -> str:
    """A sentence about a table's rows as one about the rows of an account that begins after `first` others."""
    return re.sub(r"\brow (\d+)", lambda faults: f"row {int(faults[1]) - first}", sentence)


@pytest.mark.parametrize("first", mostly_thorough(range(0, 160, 40)))
@pytest.mark.thorough
def test_a_hostile_table_fares_as_at_the_table_door(first: int) -> None:
    failures = 0
    for seed in range(first, first + 40):
        rng = random.Random(seed)
        limits = random_limits(rng, unscored_positions=rng.choice(["hold", "close", "error"]))
        kind = rng.choice(ACCOUNTS)
        names = [index if pa.types.is_integer(kind) else f"P{index:02d}" for index in rng.sample(range(90), 25)]
        accounts = {name: hostile_rows(rng, name) for name in names}
        rows = [row for mine in accounts.values() for row in mine]
        table = hostile_table(rng, rows, kind)
        outcome, many = (
            decide_block(table, PreparedLimits({None: limits}, votes_of(table))),
            rebalance_many(table, limits),
        )
        before = dict(zip(accounts, np.cumsum([0, *map(len, accounts.values())]).tolist(), strict=False))
        said = {
            row["account"]: from_its_first(row["error"], before[row["account"]])
            for row in many.accounts
            if row["status"] == "failed"
        }
        failures += len(said)
        assert {row["account"]: row["reason"] for row in outcome.failed.to_pylist()} == said, f"seed {seed}"
        good = [index for index, row in enumerate(rows) if row["account"] not in said]
        assert outcome.targets["account"].to_pylist() == [rows[index]["account"] for index in good], f"seed {seed}"
        assert outcome.targets["asset"].to_pylist() == [rows[index]["asset"] for index in good], f"seed {seed}"
        for name in ("target_weight", "action", "reason", "size_reason"):
            theirs = many.targets[name].to_pylist()
            mine = outcome.targets[name].to_pylist()
            assert list(map(repr, mine)) == [repr(theirs[index]) for index in good], f"seed {seed}, {name}"
    assert failures > 150


def tech(account: str, bucket: str | None, count: int = 3) -> list[Row]:
    """So many good assets of one bucket."""
    return [{"account": account, "asset": f"X{index}", "score": 0.9, "bucket": bucket} for index in range(count)]


ONE_EACH = RebalancingLimits(
    enable_bucket_diversification=True, min_buckets_represented=0, max_positions_per_bucket=1, max_new_positions=9
)


def opened(block: Block) -> dict[str, int]:
    """How many assets each account opens."""
    by_name: dict[str, int] = {}
    for row in block.targets.to_pylist():
        by_name[row["account"]] = by_name.get(row["account"], 0) + (row["action"] == "open")
    return by_name


def test_a_malformed_path_has_no_say_in_spelling() -> None:
    """Once a spelling won that no account may use, and accounts with the other one were decided without bucket
    limits."""
    rows = tech("A", "tech/A") + tech("B", "Tech//B", 5)
    table = pa.Table.from_pylist(rows)
    outcome, many = (
        decide_block(table, PreparedLimits({None: ONE_EACH}, votes_of(table))),
        rebalance_many(rows, ONE_EACH),
    )
    assert opened(outcome) == {"A": 1}
    assert outcome.failed["account"].to_pylist() == ["B"]
    assert [row["status"] for row in many.accounts] == ["cash_left", "failed"]


def test_what_counts_at_a_node_stands_under_what_counts_above() -> None:
    """`tech/A` had most votes in its place, and `Tech` above it: so both spellings were wrong."""
    rows = tech("A", "Tech/a") + tech("B", "tech/A", 4) + tech("C", "Tech/x")
    table = pa.Table.from_pylist(rows)
    outcome, many = (
        decide_block(table, PreparedLimits({None: ONE_EACH}, votes_of(table))),
        rebalance_many(rows, ONE_EACH),
    )
    assert opened(outcome) == {"A": 1, "C": 1}
    assert outcome.failed["account"].to_pylist() == ["B"]
    assert "differs from 'Tech' only in case" in outcome.failed["reason"][0].as_py()
    assert [row["status"] for row in many.accounts] == ["cash_left", "failed", "cash_left"]


def test_a_bucket_that_the_rules_do_not_know_is_never_one_without_limits() -> None:
    table = pa.Table.from_pylist(tech("A", "Tech") + tech("B", "Bond") + tech("C", None))
    block = decide_block(table, PreparedLimits({None: ONE_EACH}, {"Bond": 1.0}))
    assert opened(block) == {"B": 1, "C": 1}
    assert block.failed.to_pylist() == [
        {
            "account": "A",
            "reason": "account 'A', row 1, column 'bucket': the bucket was not counted beforehand "
            "(received 'Tech'): count the buckets of all rows first (and 2 more of this kind or others)",
        }
    ]


def test_a_known_bucket_is_screened_although_nobody_voted_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = blocks.rebalance_block

    def spoiling(*arguments: Any) -> None:
        rules(*arguments)
        decided = arguments[-1]
        decided.target[:] = decided.proposed[:] = 0.1
        decided.codes[:, 3] = 1

    monkeypatch.setattr(blocks, "rebalance_block", spoiling)
    limits = ONE_EACH.replace(known_buckets=("Tech",))
    block = decide_block(pa.Table.from_pylist(tech("A", "Tech")), PreparedLimits({None: limits}, {}))
    assert "max_positions of Tech is 3.0 against 1.0" in block.failed["reason"][0].as_py()


def test_a_column_that_stands_twice_is_refused() -> None:
    table = pa.Table.from_pylist(tech("A", None))
    twice = pa.Table.from_arrays([*table.columns, table["score"]], names=[*table.column_names, "score"])
    for door in (
        lambda: decide_block(twice, PreparedLimits({None: ONE_EACH}, {})),
        lambda: rebalance_many(twice, ONE_EACH),
    ):
        with pytest.raises(InputError, match="column 'score': appears twice in the table: rename or drop one"):
            door()


@pytest.mark.parametrize("level", [pl.CompatLevel.oldest(), pl.CompatLevel.newest()])
def test_categories_of_polars(level: Any) -> None:
    """Their codes are unsigned, where no code can be -1, and their names may be views, which Arrow cannot look up."""
    frame = pl.DataFrame(tech("A", "Tech") + tech("B", None)).with_columns(pl.col("bucket").cast(pl.Categorical))
    table = frame.to_arrow(compat_level=level)
    outcome, many = (
        decide_block(table, PreparedLimits({None: ONE_EACH}, votes_of(table))),
        rebalance_many(table, ONE_EACH),
    )
    assert opened(outcome) == {"A": 1, "B": 1}
    assert many.targets["target_weight"].to_pylist() == outcome.targets["target_weight"].to_pylist()


def test_chunks_whose_names_together_are_more_than_a_small_code_can_count() -> None:
    narrow = pa.dictionary(pa.int8(), pa.string())
    assets = pa.chunked_array(
        [pa.array([f"{part}{index:02d}" for index in range(100)]).dictionary_encode().cast(narrow) for part in "XY"]
    )
    table = pa.table({"account": ["A"] * 100 + ["B"] * 100, "asset": assets, "score": [0.9] * 200})
    outcome, many = decide_block(table, PreparedLimits({None: RebalancingLimits()}, {})), rebalance_many(table)
    assert opened(outcome) == {"A": 3, "B": 3}
    assert many.targets["target_weight"].to_pylist() == outcome.targets["target_weight"].to_pylist()


def test_buckets_of_a_table_without_rows_or_without_text() -> None:
    table = pa.Table.from_pylist(tech("A", "Tech") + tech("B", None, 1))
    assert votes_of(table) == {"Tech": 3.0, "": 1.0}
    assert votes_of(table.slice(0, 0)) == {}
    with pytest.raises(InputError, match="column 'bucket': is not text but int64"):
        votes_of(table.set_column(3, "bucket", pa.array([1, 2, 3, 4])))

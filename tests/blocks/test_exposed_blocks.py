"""Blocks with exposures: the bits of `rebalance_many` and `rebalance`, the same certificate, and a screen that lets nothing by."""

from __future__ import annotations

import pickle
import random
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from block_exposures import CALM, random_exposed
from cases import Row
from thorough import mostly_thorough

from trimtab import RebalancingLimits, rebalance, rebalance_many
from trimtab.blocks import decide_block as blocks
from trimtab.blocks.decide_block import Block, decide_block
from trimtab.blocks.prepared_limits import PreparedLimits, votes_of
from trimtab.candidates.exposures import exposures_of
from trimtab.errors import InputError, LimitsError
from trimtab.kernel.compilation import undecorated

CODES = ("target_weight", "action", "reason", "size_reason")
COUNTRY = {"country": {"max_exposure": 0.3}}


def decided(rows: list[Row], table: list[Row], limits: RebalancingLimits) -> Block:
    candidates = pa.Table.from_pylist(rows)
    return decide_block(candidates, PreparedLimits({None: limits}, votes_of(candidates), exposures_of(table)))


def assert_as_many(rows: list[Row], table: list[Row], limits: RebalancingLimits, *, alone: int = 2) -> Block:
    """A block has the targets and the certificate of the tables; and of some accounts those of one alone."""
    block, many = decided(rows, table, limits), rebalance_many(rows, limits, exposures=table)
    failed = set(block.failed["account"].to_pylist())
    assert failed == {row["account"] for row in many.accounts if row["status"] == "failed"}
    targets = [tuple(row[name] for name in ("account", *CODES)) for row in block.targets.to_pylist()]
    wanted = [tuple(row[name] for name in ("account", *CODES)) for row in many.targets if row["account"] not in failed]
    assert targets == wanted
    good = [row["account"] for row in many.accounts if row["account"] not in failed]
    measured = Counter(line.status for name in good for line in many.result(name).certificate.constraints)
    assert block.counts.certificate == dict(measured)
    for name in good[:alone]:
        mine = [row for row in rows if row["account"] == name]
        own = [row for row in table if row.get("account", name) == name]
        if own:
            try:
                result = rebalance(mine, limits, exposures=own)
            except LimitsError:  # a scheme or a bucket that only other accounts have
                continue
            expected = [row[1:] for row in wanted if row[0] == name]
            assert [tuple(row[code] for code in CODES) for row in result.targets] == expected
    return block


@pytest.mark.parametrize("seed", mostly_thorough(range(40), quick=2))
def test_the_bits_of_the_tables(seed: int) -> None:
    assert_as_many(*random_exposed(seed, 8))


@pytest.mark.parametrize("seed", mostly_thorough(range(12), quick=2))
def test_most_accounts_within_their_limits_are_proven_by_the_screen(seed: int) -> None:
    block = assert_as_many(*random_exposed(seed, 12, calm=True))
    assert block.counts.fully_checked < block.counts.accounts


@pytest.mark.thorough
def test_plain_and_compiled_give_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    cases = [random_exposed(seed, 3, calm=calm) for seed, calm in ((1, False), (4, True))]
    compiled = [decided(*case) for case in cases]
    for name in ("rebalance_block", "screen_exposures_of"):
        monkeypatch.setattr(blocks, name, undecorated(getattr(blocks, name)))
    for case, block in zip(cases, compiled, strict=True):
        plain = decided(*case)
        assert plain.targets.equals(block.targets)
        assert plain.counts == block.counts


def test_limits_of_each_account_share_a_table() -> None:
    rows, table, limits = random_exposed(2, 6)
    for number, row in enumerate(rows):
        row["limits_id"] = ("tight", "none", "off")[int(row["account"][1:]) % 3]
        rows[number] = row
    chosen = {"tight": limits, "none": CALM, "off": limits.replace(enforce_exposure_limits=False)}
    candidates = pa.Table.from_pylist(rows)
    block = decide_block(candidates, PreparedLimits(chosen, votes_of(candidates), exposures_of(table)))
    for limits_id, own in chosen.items():
        mine = [row for row in rows if row["limits_id"] == limits_id]
        bare = [{name: value for name, value in row.items() if name != "limits_id"} for row in mine]
        alone = decided(bare, table, own).targets.to_pylist()
        names = {row["account"] for row in mine}
        assert [row for row in block.targets.to_pylist() if row["account"] in names] == alone


def concentrated(share: float) -> tuple[list[Row], list[Row]]:
    """Accounts that hold two assets with this weight each, of one country and of two issuers."""
    rows = [
        {"account": account, "asset": asset, "score": 0.9, "current_weight": share}
        for account in ("P1", "P2")
        for asset in ("A", "B")
    ]
    lying = [(asset, "country", "US") for asset in ("A", "B")] + [("A", "issuer", "X"), ("B", "issuer", "Y")]
    return rows, [dict(zip(("asset", "scheme", "bucket"), row, strict=True)) for row in lying]


@pytest.mark.parametrize(
    ("exposures", "weight", "status"),
    [
        ({"country": {"max_exposure": 0.3}}, 0.3, "failed"),  # each asset may weigh this: 0.6 of the country is broken
        ({"country": {"buckets": {"US": {"min_exposure": 0.3}}}}, 0.1, "unmet"),
        ({"country": {"buckets": {"US": {"min_exposure": 0.2}}}}, 0.1, "met"),
        ({"country": {"max_exposure": 0.3, "buckets": {"US": {"max_exposure": 0.2}}}}, 0.1, "met"),
        ({"country": {"buckets": {"JP": {"min_exposure": 0.2}}}}, 0.1, "unmet"),
        ({"country": {"buckets": {"JP": {"max_exposure": 0.2}}}}, 0.1, "met"),
        ("country", 0.2, "failed"),  # of an issuer, 0.4
        ("country", 0.1, "met"),
        ("issuer", 0.2, "failed"),  # each may weigh this, but not both together
        ("issuer", 0.1, "met"),
    ],
)
@pytest.mark.parametrize("plain", [False, True])
def test_the_screen_lets_no_limit_by(
    exposures: dict[str, Any] | str, weight: float, status: str, plain: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = blocks.rebalance_block

    def spoiling(*arguments: Any) -> None:
        rules(*arguments)
        arguments[-1].target[:2] = arguments[-1].proposed[:2] = weight

    monkeypatch.setattr(blocks, "rebalance_block", spoiling)
    if plain:
        monkeypatch.setattr(blocks, "screen_exposures_of", undecorated(blocks.screen_exposures_of))
    rows, table = concentrated(0.1)
    own: dict[str, Any] = {"exposures": exposures, "known_buckets": ("country:JP",)}
    if isinstance(exposures, str):
        own = {"concentration": {exposures: {"small": 0.05, "largest": 0.3, "together": 0.3}}}
    limits = RebalancingLimits(max_position_weight=0.5, **own)
    block = decided(rows, table, limits)
    assert block.counts.failed == (status == "failed")
    assert (block.counts.certificate.get("unmet", 0) > 0) == (status == "unmet")
    assert block.counts.fully_checked <= 1 or status == "unmet"


@pytest.mark.parametrize("seed", mostly_thorough(range(12), quick=2))
def test_concentrated_issuers(seed: int) -> None:
    """The bits and the certificate of the tables, where issuers are limited alone and together."""
    rows, _, _ = random_exposed(2 * seed, 12)
    rng = random.Random(seed)
    issuers = [f"I{number}" for number in range(6)] + ["Unknown"]
    assets = sorted({row["asset"] for row in rows})
    table = [{"asset": asset, "scheme": "issuer", "bucket": rng.choice(issuers)} for asset in assets]
    rules = {"small": 0.05, "largest": 0.25, "together": 0.5} if seed % 2 else {}
    block = assert_as_many(rows, table, CALM.replace(concentration={"issuer": rules}))
    assert block.counts.fully_checked < block.counts.accounts


def test_limits_and_tables_that_do_not_fit() -> None:
    rows, table = concentrated(0.1)
    candidates = pa.Table.from_pylist(rows)
    exposed = RebalancingLimits(exposures=COUNTRY)
    with pytest.raises(LimitsError, match="exposures have limits, but there is no table of exposures: give one"):
        PreparedLimits({None: exposed}, {})
    with pytest.raises(
        LimitsError, match=r"limits 'x': exposures\['sector'\]: the table of exposures lacks this scheme"
    ):
        PreparedLimits({"x": RebalancingLimits(exposures={"sector": {}})}, {}, exposures_of(table))
    with pytest.raises(InputError, match="exposures, row 2, column 'bucket': the bucket differs from 'US'"):
        PreparedLimits({None: exposed}, {}, exposures_of([table[0], {**table[1], "bucket": "us"}]))
    prepared = PreparedLimits({None: exposed}, votes_of(candidates), exposures_of(table))
    again = pickle.loads(pickle.dumps(prepared))
    assert again == prepared
    assert decide_block(candidates, again).targets.equals(decide_block(candidates, prepared).targets)
    faulty = pa.Table.from_pylist([*rows, {**rows[0], "account": "P3", "score": 7.0}])
    assert decide_block(faulty, prepared).failed["account"].to_pylist() == ["P3"]


def test_rows_of_some_accounts() -> None:
    table = exposures_of(
        [
            {"account": account, "asset": "A", "scheme": "country", "bucket": "US", "fraction": fraction}
            for account, fraction in ((3, 0.3), (1, 0.1), (3, 0.5))
            if (account, fraction) != (3, 0.5)
        ]
    )
    own = table.of_accounts(["3", 2])
    assert (own.rows, own.accounts) == ([("3", "A", "country", "US", 0.3)], ("3", 2))
    assert table.of_accounts([9]).rows == []
    assert np.array_equal(own.profiles(np.array([0, 1, -1]), np.array([0, 0, 0]), ["A"]), [0, 1, 1])
    shared = exposures_of([{"asset": "A", "scheme": "country", "bucket": "US"}])
    assert shared.of_accounts([1, 2]) is shared

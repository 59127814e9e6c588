"""The pre-flight of many accounts says of each what `rebalance_many` reports."""

from __future__ import annotations

import random
from typing import Any

import pyarrow as pa
import pytest
from cases import random_limits, random_rows

import trimtab
from trimtab import RebalancingLimits, rebalance_many
from trimtab.blocks import check_accounts as checks
from trimtab.blocks.check_accounts import check_accounts

UNMET = ("representation", "minimum_unreachable", "unmet")
ON: dict[str, Any] = {"enable_bucket_diversification": True}


@pytest.mark.parametrize("seed", range(5))
def test_every_account_has_the_status_of_the_table_door(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_BLOCK_ROWS", 50)
    rng = random.Random(seed)
    limits = random_limits(rng, brake_sold_weight=rng.choice([None, 0.2]))
    rows = [{**row, "account": f"P{at:02d}"} for at in range(40) for row in random_rows(rng)]
    for row in rng.sample(rows, 3):
        row["score"] = 7.0
    for shuffled in (rows, rng.sample(rows, len(rows))):
        findings = check_accounts(pa.Table.from_pylist(shuffled), limits).findings
        concerned = {
            "failed": {finding.account for finding in findings if finding.level == "error"},
            "braked": {finding.account for finding in findings if finding.code == "braked"},
            "cash_left": {finding.account for finding in findings if finding.code == "cash_forced"},
            "unmet": {finding.account for finding in findings if finding.code in UNMET},
        }
        result = rebalance_many(shuffled, limits)
        for row in result.accounts:
            for status in ("failed", "braked"):
                assert (row["account"] in concerned[status]) == (row["status"] == status), row
            if row["status"] in ("ok", "cash_left", "unmet"):
                assert (row["account"] in concerned["unmet"]) == (row["status"] == "unmet"), row
        assert concerned["failed"]
        assert [finding.level for finding in findings] == sorted(finding.level for finding in findings)


def test_what_stops_the_whole_table_is_an_error() -> None:
    rows = [{"account": "A", "asset": "X", "score": 0.9, "bucket": "Tech"}]
    for table, limits, code, said in (
        (pa.Table.from_pylist(rows).drop_columns("score"), RebalancingLimits(), "input", "the column is missing"),
        (pa.Table.from_pylist(rows).slice(0, 0), RebalancingLimits(), "input", "there are no candidates"),
        (pa.Table.from_pylist(rows), RebalancingLimits(**ON, buckets={"Bond": {"max_positions": 1}}), "limits", "Bond"),
    ):
        (finding,) = check_accounts(table, limits).errors
        assert finding.code == code
        assert said in finding.text


def test_each_account_has_the_limits_that_it_names() -> None:
    rows = [{"account": name, "asset": "X", "score": 0.9, "limits_id": name} for name in ("calm", "bold", "none")]
    several: dict[str | None, RebalancingLimits] = {
        "calm": RebalancingLimits(),
        "bold": RebalancingLimits(**ON, min_buckets_represented=2),
    }
    preflight = check_accounts(pa.Table.from_pylist(rows), several)
    unmet = [(finding.account, finding.code) for finding in preflight.findings if finding.code != "cash_forced"]
    assert unmet == [("none", "input"), ("bold", "representation")]


@pytest.mark.parametrize("seed", [0, 1])
def test_each_account_has_the_findings_of_the_pre_flight_of_one(seed: int) -> None:
    """Not its explanations: how much cash is left, but not why."""
    rng = random.Random(seed)
    limits = random_limits(rng)
    rows = [{**row, "account": f"P{at:02d}"} for at in range(30) for row in random_rows(rng)]
    several = check_accounts(pa.Table.from_pylist(rows), limits)
    compared = 0
    for name in sorted({row["account"] for row in rows}):
        mine = [(finding.code, finding.text) for finding in several.findings if finding.account == name]
        alone = trimtab.check([row for row in rows if row["account"] == name], limits)
        theirs = [(finding.code, finding.text) for finding in alone.findings if finding.code in (*UNMET, "braked")]
        assert [found for found in mine if found[0] != "cash_forced"] == theirs
        cash = [finding.code for finding in alone.findings if finding.code == "cash_forced"]
        assert [code for code, _ in mine if code == "cash_forced"] == cash
        compared += len(mine)
    assert compared > 0

"""Assets that all accounts share: what an account is not offered could not have been selected."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from batch_runs import batch, targets_of
from cases import random_limits, random_rows
from thorough import mostly_thorough

from trimtab.batch import shared_assets as universes
from trimtab.batch.parquet_sources import find_sources
from trimtab.batch.shared_assets import SharedAssets, check_holdings, read_shared_assets
from trimtab.blocks.decide_block import decide_block
from trimtab.blocks.prepared_limits import PreparedLimits
from trimtab.errors import InputError
from trimtab.kernel.compilation import undecorated
from trimtab.limits.rebalancing_limits import RebalancingLimits

Row = dict[str, Any]
SHARED = ("asset", "bucket", "score", "restriction", "max_weight", "desired_weight", "volatility")


def random_assets(rng: random.Random, count: int = 60) -> list[Row]:
    """Assets as all accounts see them, few of them with something special."""
    rows = [row for _ in range(count) for row in random_rows(rng, 1)]
    for index, row in enumerate(rows):
        row["asset"] = f"A{index:02d}"
        if rng.random() < 0.7:
            row |= {"restriction": "", "max_weight": None, "desired_weight": 0.1, "volatility": 0.2}
    return [{name: row[name] for name in SHARED} for row in rows]


def holdings_of(rng: random.Random, assets: list[Row], accounts: int = 12, **more: Any) -> list[Row]:
    """The holdings of some accounts; now and then an asset that is not shared, or only a weight of 0."""
    rows = []
    for number in range(accounts):
        names = rng.sample([row["asset"] for row in assets], rng.randint(1, 12))
        names += ["ZZZ"] if rng.random() < 0.2 else []
        weight = rng.choice([0.0, 0.0005, 0.03, 0.08])
        rows += [{"account": f"P{number:02d}", "asset": name, "current_weight": weight, **more} for name in names]
    return rows


def written(folder: Path, name: str, rows: list[Row]) -> str:
    folder.mkdir(exist_ok=True)
    schema = None
    if rows and "score" in rows[0]:
        kinds = {"score": pa.float64(), "max_weight": pa.float64(), "desired_weight": pa.float64()}
        schema = pa.schema(
            [(key, kinds.get(key, pa.float64() if key == "volatility" else pa.string())) for key in rows[0]]
        )
    pq.write_table(pa.Table.from_pylist(rows, schema), folder / name)
    return str(folder / name)


def everything(holdings: list[Row], assets: list[Row]) -> list[Row]:
    """Every account with every asset as its candidates."""
    by_name = {row["asset"]: row for row in assets}
    rows = []
    for account in dict.fromkeys(row["account"] for row in holdings):
        mine = {row["asset"]: row for row in holdings if row["account"] == account}
        first = next(iter(mine.values()))
        for name in [*mine, *(name for name in by_name if name not in mine)]:
            row = {"account": account, "asset": name, "current_weight": 0.0, **by_name.get(name, {})}
            row |= {"limits_id": first["limits_id"]} if "limits_id" in first else {}
            rows.append(row | mine.get(name, {}))
    return rows


def used(targets: pa.Table) -> list[Row]:
    """The rows that matter, in one order."""
    rows = [row for row in targets.to_pylist() if row["action"] != "none" or (row["proposed_weight"] or 0) > 0]
    return sorted(rows, key=lambda row: (row["account"], row["asset"]))


@pytest.mark.parametrize("first", mostly_thorough(range(0, 400, 40)))
@pytest.mark.parametrize("plain", [False, True])
def test_what_is_not_offered_could_not_have_been_selected(
    plain: bool, first: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if plain:
        monkeypatch.setattr(universes, "list_purchase_candidates", undecorated(universes.list_purchase_candidates))
    left_out = 0
    for seed in range(first, first + (4 if plain else 40)):
        rng = random.Random(seed)
        limits = random_limits(rng, max_new_positions=rng.choice([0, 1, 2, 3]))
        assets = random_assets(rng)
        holdings = holdings_of(rng, assets)
        shared_assets = read_shared_assets(written(tmp_path, "assets.parquet", assets), {None: limits})
        rules = PreparedLimits({None: limits}, shared_assets.votes)
        joined = shared_assets.joined(pa.Table.from_pylist(holdings))
        all_rows = pa.Table.from_pylist(everything(holdings, assets))
        offered, complete = decide_block(joined, rules), decide_block(all_rows, rules)
        assert used(offered.targets) == used(complete.targets), f"seed {seed}"
        assert offered.failed.equals(complete.failed), f"seed {seed}"
        left_out += all_rows.num_rows - joined.num_rows
    assert left_out > (20 if plain else 100)


@pytest.mark.parametrize("first", mostly_thorough(range(0, 60, 15)))
def test_accounts_are_offered_what_their_own_limits_allow(first: int, tmp_path: Path) -> None:
    for seed in range(first, first + 15):
        rng = random.Random(seed)
        chosen = {
            name: random_limits(rng, max_new_positions=index) for index, name in enumerate(("none", "one", "two"))
        }
        assets = random_assets(rng)
        holdings = [
            {**row, "limits_id": ["none", "one", "two", "three"][int(row["account"][1:]) % 4]}
            for row in holdings_of(rng, assets)
        ]
        shared_assets = read_shared_assets(written(tmp_path, "assets.parquet", assets), chosen)
        rules = PreparedLimits(chosen, shared_assets.votes)
        offered = decide_block(shared_assets.joined(pa.Table.from_pylist(holdings)), rules)
        complete = decide_block(pa.Table.from_pylist(everything(holdings, assets)), rules)
        assert used(offered.targets) == used(complete.targets), f"seed {seed}"
        assert set(offered.failed["account"].to_pylist()) == {"P03", "P07", "P11"} | set(
            complete.failed["account"].to_pylist()
        )


def test_a_list_is_as_long_as_new_positions_ask_for(tmp_path: Path) -> None:
    assets = [
        {"asset": f"A{index}", "bucket": "T" if index < 6 else "B", "score": 0.9 - index / 100} for index in range(12)
    ]
    limits = RebalancingLimits(enable_bucket_diversification=True, max_new_positions=2)
    place = written(tmp_path, "assets.parquet", assets)
    holdings = pa.table({"account": ["P", "P"], "asset": ["A1", "A7"], "current_weight": [0.1, 0.1]})
    shared = read_shared_assets(place, {None: limits}).joined(holdings)
    assert shared["asset"].to_pylist() == ["A1", "A7", "A0", "A2", "A6", "A8"]
    assert shared["current_weight"].to_pylist() == [0.1, 0.1, 0.0, 0.0, 0.0, 0.0]
    off = read_shared_assets(place, {None: RebalancingLimits(max_new_positions=2)}).joined(holdings)
    assert off["asset"].to_pylist() == ["A1", "A7", "A0", "A2"]
    assert off["score"].to_pylist() == [assets[index]["score"] for index in (1, 7, 0, 2)]


def test_with_one_asset_less_in_each_bucket_something_is_lost(tmp_path: Path) -> None:
    """The lists are as short as possible, and the comparison would notice shorter ones."""
    lost = 0
    for seed in range(40):
        rng = random.Random(seed)
        limits = random_limits(rng, max_new_positions=2)
        assets = random_assets(rng)
        holdings = holdings_of(rng, assets)
        shared_assets = read_shared_assets(written(tmp_path, "assets.parquet", assets), {None: limits})
        assets_kept = shared_assets._assets
        shared_assets._assets = assets_kept._replace(wanted=assets_kept.wanted - 1)
        rules = PreparedLimits({None: limits}, shared_assets.votes)
        offered = decide_block(shared_assets.joined(pa.Table.from_pylist(holdings)), rules)
        complete = decide_block(pa.Table.from_pylist(everything(holdings, assets)), rules)
        lost += used(offered.targets) != used(complete.targets)
    assert lost > 0


def test_a_weight_of_0_holds_nothing(tmp_path: Path) -> None:
    """However it is written, such a row changes nothing but that its account is there."""
    assets = [{"asset": f"A{index}", "bucket": "T", "score": 0.9 - index / 100} for index in range(6)]
    place = written(tmp_path, "assets.parquet", assets)
    held = [{"account": f"P{index:03d}", "asset": "A1", "current_weight": 0.2} for index in range(300)]
    empty = [
        {"account": f"{index:03d}", "asset": name, "current_weight": zero}
        for index, (name, zero) in enumerate(
            (name, zero) for name in ("A0", "CASH", "", " x", None) for zero in (0.0, -0.0)
        )
    ]
    holdings = written(tmp_path, "held.parquet", [*empty, *held])
    outcome = batch(holdings, tmp_path / "out", assets=place, max_failed=0.0)
    assert (outcome.status, outcome.counts.failed, outcome.counts.accounts) == ("published", 0, 310)
    rows = targets_of(tmp_path / "out")
    opened = {row["account"]: [] for row in empty}
    for row in rows:
        if row["account"] in opened:
            opened[row["account"]].append((row["asset"], row["target_weight"]))
    alone = batch(written(tmp_path, "alone.parquet", empty[:1]), tmp_path / "alone", assets=place)
    assert alone.status == "published"
    expected = sorted((row["asset"], row["target_weight"]) for row in targets_of(tmp_path / "alone"))
    assert len(expected) == 3
    assert {name: sorted(outcome) for name, outcome in opened.items()} == dict.fromkeys(opened, expected)


@pytest.mark.parametrize("plain", [False, True])
def test_an_account_that_can_buy_nothing_is_not_lost(
    plain: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if plain:
        monkeypatch.setattr(universes, "list_purchase_candidates", undecorated(universes.list_purchase_candidates))
    place = written(tmp_path, "assets.parquet", [{"asset": "A", "score": None}, {"asset": "B", "score": 0.9}])
    limits = {None: RebalancingLimits(max_new_positions=0)}
    rows = [{"account": "P", "asset": "CASH", "current_weight": 0.0}]
    joined = read_shared_assets(place, limits).joined(pa.Table.from_pylist(rows))
    assert joined["account"].to_pylist() == ["P"]
    assert joined["asset"].to_pylist() == ["CASH"]


def test_wrong_assets_and_holdings_are_refused(tmp_path: Path) -> None:
    limits = {None: RebalancingLimits()}
    assets = [{"asset": "A", "bucket": "T", "score": 0.9}, {"asset": "B", "bucket": "t", "score": 9.0}]
    with pytest.raises(InputError, match=r"assets\.parquet, row 2, column 'score'"):
        read_shared_assets(written(tmp_path, "assets.parquet", assets), limits)
    shared_assets: SharedAssets = read_shared_assets(written(tmp_path, "assets.parquet", assets[:1]), limits)
    good = {"account": "P", "asset": "A", "current_weight": 0.1}
    for row, said in (
        ({"account": "P", "asset": "A"}, "column 'current_weight': the column is missing"),
        ({**good, "bucket": "T"}, "column 'bucket': is here and in .*assets"),
        ({**good, "current_weight": "x"}, "column 'current_weight': is not a number but string"),
    ):
        holdings = find_sources([written(tmp_path, "holdings.parquet", [row])])
        with pytest.raises(InputError, match=said):
            check_holdings(holdings, shared_assets)
    assert shared_assets.missing({"A": 1000.0, "Z": 1.0}) == 1
    with pytest.raises(InputError, match=r"2 of 1,001 holdings are of assets that are not here \(Z\)"):
        shared_assets.missing({"A": 999.0, "Z": 2.0})

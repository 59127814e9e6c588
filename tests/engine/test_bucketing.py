"""Who is in which bucket: the sources, what is refused, and the facts of the default map."""

from __future__ import annotations

import csv
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from markets import Market, Scores

import trimtab
from trimtab import (
    AssetBucketManager,
    AssetScore,
    BucketLimitsConfig,
    BucketManager,
    CoreRebalancerEngine,
    InputError,
)


def refused(source: Any, **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        AssetBucketManager(source, **options)
    return str(caught.value)


def test_a_mapping_with_levels() -> None:
    manager = AssetBucketManager({"Equity": {"Tech": ["A", "B"], "Health": ["C"]}, "Gold": ("G",), "Empty": []})
    assert dict(manager.buckets) == {"Equity/Tech": ("A", "B"), "Equity/Health": ("C",), "Gold": ("G",), "Empty": ()}
    assert manager.get_all_buckets() == ["Empty", "Equity/Health", "Equity/Tech", "Gold"]
    assert manager.get_bucket_assets("Equity") == ["A", "B", "C"]
    assert manager.get_bucket_assets("Equity/Health") == ["C"]
    assert (manager.get_asset_bucket("G"), manager.get_asset_bucket("X")) == ("Gold", "Unknown")
    assert ("A" in manager, "X" in manager, len(manager)) == (True, False, 4)
    assert repr(manager) == "<AssetBucketManager: 4 assets in 4 buckets>"


def test_a_bucket_without_assets_is_known() -> None:
    """Limits may name it, a regime may point to it, and nothing is in it."""
    for empty in ([], (), {}, iter(())):
        manager = AssetBucketManager({"Equity": {"Tech": ["A"], "Health": empty}, "Gold": []})
        assert manager.get_bucket_assets("Equity/Health") == manager.get_bucket_assets("Gold") == []
        assert manager.get_bucket_assets("Equity") == ["A"]
        config = BucketLimitsConfig(buckets={"Gold": {"max_positions": 1}}, min_buckets_represented=0)
        held = [AssetScore("A", 0.9, current_weight=0.1)]
        assert BucketManager(manager).get_bucket_allocation_status(held, config)["Gold"].current_positions == 0
        engine = CoreRebalancerEngine(Market(["Gold", "Equity"]), manager, Scores({"A": 0.9}))
        assert [target.asset for target in engine.rebalance("2026-11-24", {}, enable_fundamental=False)] == ["A"]


def test_a_bucket_is_no_prefix_of_letters() -> None:
    manager = AssetBucketManager({"Tech": ["A"], "Technology": ["B"]})
    assert manager.get_bucket_assets("Tech") == ["A"]


def test_flat_names() -> None:
    manager = AssetBucketManager({"A/B": ["X"]}, separator="")
    assert manager.get_bucket_assets("A/B") == ["X"]
    assert "the bucket 'C' has levels: give a separator" in refused({"B": {"C": {"D": ["X"]}}}, separator="")


def test_explicitly_unknown() -> None:
    assert AssetBucketManager({"Unknown": ["X"]}).get_bucket_assets("Unknown") == ["X"]


def test_an_asset_in_two_buckets_names_both() -> None:
    assert refused({"Tech": ["AAA", "BBB"], "Health": ["BBB"]}) == (
        "the asset 'BBB' is in two buckets, 'Tech' and 'Health': an asset has one bucket: take it out of the other"
    )


@pytest.mark.parametrize(
    ("buckets", "sentence"),
    [
        ({"Tech": ["A", "A"]}, "the asset 'A' appears twice in the bucket 'Tech': write it once"),
        ({"Tech": [7]}, "in the bucket 'Tech': is not the name of an asset (received 7): write its name as text"),
        ({"Tech": [" A"]}, "in the bucket 'Tech': is not the name of an asset (received ' A')"),
        ({"Tech": [""]}, "in the bucket 'Tech': is not the name of an asset (received '')"),
        ({"Tech": "AAA"}, "the bucket 'Tech' has no list of assets (received 'AAA'): map a bucket to a list of assets"),
        ({"Tech": 3}, "the bucket 'Tech' has no list of assets (received 3)"),
        ({"": ["A"]}, "a bucket's name is empty or not text (received ''): name it"),
        ({3: ["A"]}, "a bucket's name is empty or not text (received 3): name it"),
        ({"A//B": ["X"]}, "the bucket 'A//B' has an empty part: write every part between two separators"),
        ({"nan": ["X"]}, "the bucket 'nan' means that there is no bucket: write 'Unknown' for assets without a bucket"),
        (
            {"Tech": ["A"], "tech ": ["B"]},
            "the buckets 'Tech' and 'tech ' differ only in case, spaces, punctuation or invisible signs: write both the same way",
        ),
        ({"Equity/Tech": ["A"], "equity/Gold": ["B"]}, "the buckets 'Equity' and 'equity' differ only in case"),
        ({"unknown": ["A"]}, "the buckets 'Unknown' and 'unknown' differ only in case"),
        (["A"], "buckets are not a mapping (received ['A']): map a bucket to a list of assets"),
    ],
)
def test_what_is_refused(buckets: Any, sentence: str) -> None:
    assert refused(buckets).startswith(sentence)


def test_all_faults_at_once() -> None:
    with pytest.raises(InputError) as caught:
        AssetBucketManager({"Tech": ["A", 1], "Gold": ["A"], "tech": ["B"]})
    assert len(caught.value.faults) == 3


def test_csv(tmp_path: Path) -> None:
    file = tmp_path / "buckets.csv"
    file.write_text("asset,bucket,name\nAAA,Equity/Tech,Alpha\nBBB,Gold,Beta\n")
    manager = AssetBucketManager.from_csv(file)
    assert dict(manager.buckets) == {"Equity/Tech": ("AAA",), "Gold": ("BBB",)}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("asset,sector\nA,B\n", "column 'bucket': the column is missing: add it; the file has 'asset', 'sector'"),
        ("asset,bucket\nA,\n", "row 1, column 'bucket': the bucket is missing: name it, or drop the row"),
        ("asset,bucket\nA,X\nA,Y\n", "row 2: the asset 'A' is in two buckets, 'X' and 'Y'"),
        ("asset,bucket\nA,X\nB,x\n", "the buckets 'X' and 'x' differ only in case"),
        ("asset,bucket\n", "has no rows"),
    ],
)
def test_bad_csv(tmp_path: Path, text: str, sentence: str) -> None:
    file = tmp_path / "buckets.csv"
    file.write_text(text)
    with pytest.raises(InputError) as caught:
        AssetBucketManager.from_csv(file)
    assert str(caught.value).removeprefix(str(file)).lstrip(",: ").startswith(sentence)
    assert str(file) in str(caught.value)


def test_toml(tmp_path: Path) -> None:
    file = tmp_path / "buckets.toml"
    file.write_text('"Gold" = ["GLD"]\n["Equity"]\n"Tech" = ["AAA"]\n', encoding="utf-8-sig")
    assert dict(AssetBucketManager.from_toml(file).buckets) == {"Gold": ("GLD",), "Equity/Tech": ("AAA",)}


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b'"Gold" = ["GLD"', "is not valid TOML"),
        (b'\xff\xfe"', "is not a text file"),
        (b'"Gold" = "GLD"', "the bucket 'Gold' has no list of assets"),
        (None, "cannot be read: No such file or directory"),
    ],
)
def test_bad_toml(tmp_path: Path, data: bytes | None, sentence: str) -> None:
    file = tmp_path / "buckets.toml"
    if data is not None:
        file.write_bytes(data)
    with pytest.raises(InputError) as caught:
        AssetBucketManager.from_toml(file)
    assert str(caught.value).startswith(f"{file}: {sentence}")


def test_the_default_map_is_large_and_sorted_by_class() -> None:
    manager = AssetBucketManager.default()
    assert len(manager) >= 1600
    assert len(manager.get_bucket_assets("Equity")) >= 900
    assert {path.split("/")[0] for path in manager.get_all_buckets()} == {
        "Equity",
        "Real Estate",
        "Bonds",
        "Commodities",
        "Currencies",
        "Cash",
        "Digital Assets",
        "Mixed",
    }
    assert all(len(path.split("/")) == 3 for path in manager.get_all_buckets())


STOCKS = Path(trimtab.__file__).parent / "data" / "stocks.toml"
SPOT_CHECKS = {
    "AAPL": "Equity/Information Technology/Technology Hardware, Storage & Peripherals",
    "NVDA": "Equity/Information Technology/Semiconductors",
    "MSFT": "Equity/Information Technology/Systems Software",
    "XOM": "Equity/Energy/Integrated Oil & Gas",
    "JPM": "Equity/Financials/Diversified Banks",
    "BRK-B": "Equity/Financials/Multi-Sector Holdings",
    "BFB": "Equity/Consumer Staples/Distillers & Vintners",
    "AMZN": "Equity/Consumer Discretionary/Broadline Retail",
    "PLD": "Real Estate/REITs/Industrial REITs",
    "CBRE": "Real Estate/Services/Real Estate Services",
    "SPY": "Equity/US Broad/Large Blend",
    "VTSAX": "Equity/US Broad/Total Market",
    "FXAIX": "Equity/US Broad/Large Blend",
    "QQQ": "Equity/US Broad/Large Growth",
    "SCHD": "Equity/US Broad/Dividend and Income",
    "IWM": "Equity/US Small and Mid/Small",
    "XLK": "Equity/Information Technology/Funds",
    "VXUS": "Equity/Developed ex US/World ex US",
    "VWO": "Equity/Emerging Markets/Broad",
    "VT": "Equity/World/Broad",
    "VNQ": "Real Estate/Funds/US",
    "BND": "Bonds/Aggregate/Broad",
    "VBTLX": "Bonds/Aggregate/Broad",
    "TLT": "Bonds/Treasury/Long",
    "SGOV": "Bonds/Treasury/Bills",
    "TIP": "Bonds/Inflation-Linked/US",
    "HYG": "Bonds/High Yield/US",
    "MUB": "Bonds/Municipal/National",
    "BNDX": "Bonds/International/Developed",
    "GLD": "Commodities/Gold/Physical",
    "IBIT": "Digital Assets/Bitcoin/Funds",
    "SPAXX": "Cash/Money Funds/Government",
    "VMFXX": "Cash/Money Funds/Government",
    "SWVXX": "Cash/Money Funds/Prime",
    "TSM": "Equity/Information Technology/Semiconductors",
    "VWCE": "Equity/World/Broad",
    "BTC/USD": "Digital Assets/Bitcoin/Coins",
    "VFIFX": "Mixed/Target Date/Funds",
    "VWELX": "Mixed/Balanced/Funds",
}


@pytest.mark.parametrize(("asset", "bucket"), SPOT_CHECKS.items())
def test_spot_checks_of_the_default_map(asset: str, bucket: str) -> None:
    assert AssetBucketManager.default().get_asset_bucket(asset) == bucket
    assert asset in AssetBucketManager.default()


def test_stocks_written_by_hand_are_in_industries_that_exist() -> None:
    industries = set(tomllib.loads(STOCKS.read_text(encoding="utf-8"))["Equity"])
    by_hand = tomllib.loads((STOCKS.parent / "funds.toml").read_text(encoding="utf-8"))["Equity"]
    known = tomllib.loads(STOCKS.read_text(encoding="utf-8"))["Equity"]
    wrong = [
        (sector, industry)
        for sector, own in by_hand.items()
        if sector in industries
        for industry in own
        if industry not in known[sector] and industry not in ("Funds", "Mining Funds")
    ]
    assert wrong == []


def test_other_names_are_not_in_the_default_map() -> None:
    manager = AssetBucketManager.default()
    assert [manager.get_asset_bucket(name) for name in ("XYZW", "BRK", "aapl")] == ["Unknown"] * 3
    assert None not in manager


# Sectors that GICS redefined after 2017 (2018: communication services; 2023: payments, retailers, services to firms),
# or that the firm itself changed by what it does.
MOVED = {
    "Communication Services": {
        "FOX",
        "FOXA",
        "GOOG",
        "GOOGL",
        "NWS",
        "NWSA",
        "NFLX",
        "DIS",
        "CMCSA",
        "T",
        "VZ",
        "CHTR",
        "EA",
        "OMC",
    },
    "Consumer Discretionary": {"EBAY"},
    "Consumer Staples": {"TGT", "DG", "DLTR"},
    "Financials": {"V", "MA", "PYPL", "FIS", "FISV", "GPN"},
    "Health Care": {"DHR", "CVS"},
    "Industrials": {"ADP", "PAYX", "DD", "SNA", "SWK"},
    "Information Technology": {"ROP"},
}
ETF_BUCKETS = {
    "us_equity_large": {"Equity/US Broad"},
    "us_equity_small_mid": {"Equity/US Small and Mid"},
    "intl_developed_equity": {"Equity/Developed ex US", "Equity/World"},
    "emerging_equity": {"Equity/Emerging Markets", "Equity/Developed ex US"},  # Singapore
    "real_estate": {"Real Estate/Funds"},
    "us_treasury": {"Bonds/Treasury"},
    "us_tips": {"Bonds/Inflation-Linked"},
    "us_aggregate_credit": {"Bonds/Aggregate", "Bonds/Corporate", "Bonds/Mortgage-Backed"},
    "us_high_yield": {"Bonds/High Yield"},
    "us_muni": {"Bonds/Municipal"},
    "intl_bond": {"Bonds/International"},
    "gold": {"Commodities/Gold", "Equity/Materials"},  # the metal, and its miners
    "preferred": {"Bonds/High Yield"},
    "convertible": {"Bonds/High Yield"},
    "commodity": {f"Commodities/{kind}" for kind in ("Silver", "Broad", "Agriculture", "Energy", "Industrial Metals")},
    "currency": {"Currencies/US Dollar", "Currencies/Foreign"},
}


def test_the_default_map_agrees_with_the_sectors_of_2017(market_data: Path) -> None:
    manager, checked = AssetBucketManager.default(), 0
    with (market_data / "instruments.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["symbol"] not in manager:
                continue
            checked += 1
            kind, sector, _ = manager.get_asset_bucket(row["symbol"]).split("/")
            if row["symbol"] in MOVED.get(sector, ()):
                assert sector != row["gics_sector"], row["symbol"]
            elif row["gics_sector"] == "Real Estate":
                assert kind == "Real Estate", row["symbol"]
            elif row["gics_sector"]:
                assert sector == row["gics_sector"], row["symbol"]
            elif row["etf_bucket"] == "us_sector":
                assert kind == "Equity", row["symbol"]
            else:
                assert f"{kind}/{sector}" in ETF_BUCKETS[row["etf_bucket"]], row["symbol"]
    assert checked > 500


def test_the_default_map_has_every_stock_of_2026(market_data: Path) -> None:
    manager = AssetBucketManager.default()
    with (market_data / "sp500_constituents_2026.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            kind, sector, industry = manager.get_asset_bucket(row["Symbol"]).split("/")
            assert (kind if kind == "Real Estate" else sector) == row["GICS Sector"], row["Symbol"]
            assert industry == row["GICS Sub-Industry"], row["Symbol"]


def test_the_script_makes_the_stocks_of_the_default_map(market_data: Path, tmp_path: Path) -> None:
    file, root = tmp_path / "stocks.toml", Path(__file__).parents[2]
    source = market_data / "sp500_constituents_2026.csv"
    command = [sys.executable, root / "scripts" / "make_buckets.py", source, "--out", file]
    subprocess.run(command, check=True, capture_output=True)
    assert file.read_bytes() == (root / "src" / "trimtab" / "data" / "stocks.toml").read_bytes()

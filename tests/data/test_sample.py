"""The sample that ships: readable, what its page says, and made by its script from the prices."""

from __future__ import annotations

import csv
import hashlib
import math
import subprocess
import sys
from pathlib import Path

import pytest

from trimtab.candidates.read import read
from trimtab.data.samples import sample_candidates, sample_limits, sample_path
from trimtab.files.table_files import read_table
from trimtab.market.market_data import MarketData
from trimtab.scoring.technical import technical_scores

ROOT = Path(__file__).parents[2]
PRICES = ROOT.parent / "shared" / "data"
FACTOR_ETFS = {
    "MTUM": "Momentum",
    "QUAL": "Quality",
    "SIZE": "Size",
    "USMV": "Minimum Volatility",
    "VLUE": "Value",
}
SECTORS = {
    "Consumer Discretionary": {"BBY", "HD"},
    "Consumer Staples": {"KO", "PEP", "PG", "WMT"},
    "Energy": {"CVX", "RRC", "XOM"},
    "Financials": {"BAC", "JPM"},
    "Health Care": {"JNJ", "LLY", "MRK", "PFE", "UNH"},
    "Industrials": {"GE"},
    "Information Technology": {"AAPL", "AMD", "MSFT"},
}
ROWS = sample_candidates().to_pylist()


def prices() -> Path:
    """The folder of the prices, or a skip: the repository does not hold them."""
    if not PRICES.is_dir():
        pytest.skip("the price files of skfolio 1.12.2 are not beside the repository (../shared/data)")
    return PRICES


def test_it_reads_without_faults() -> None:
    candidates = read(sample_candidates(), sample_limits(), many=False)
    assert not candidates.faults
    assert candidates.size == 25
    assert candidates.unused_columns == ("name",)


def test_it_holds_what_its_page_says() -> None:
    held = [row["current_weight"] for row in ROWS if row["current_weight"] > 0]
    page = sample_path("README.md").read_text(encoding="utf-8")
    assert f"{len(held)} holdings, {math.fsum(held):.2f} of the value" in page
    assert math.fsum(held) == pytest.approx(0.97, abs=1e-12)
    assert "as of 2022-12-28" in page
    assert "Copyright (c) 2023-2026 The skfolio developers." in page


def test_its_portfolio_breaks_limits_as_it_says() -> None:
    limits = sample_limits()
    energy = [row["current_weight"] for row in ROWS if row["bucket"] == "Stocks/Energy" and row["current_weight"] > 0]
    assert len(energy) > limits.max_positions_per_bucket
    assert math.fsum(energy) > limits.max_allocation_per_bucket
    assert sum(0 < row["current_weight"] < limits.dust_weight for row in ROWS) == 1
    assert any(row["current_weight"] > 0.05 and row["score"] < limits.min_score_threshold for row in ROWS)


def test_sectors_and_styles() -> None:
    stocks = {asset: f"Stocks/{sector}" for sector, assets in SECTORS.items() for asset in assets}
    etfs = {asset: f"Factor ETFs/{style}" for asset, style in FACTOR_ETFS.items()}
    assert {row["asset"]: row["bucket"] for row in ROWS} == stocks | etfs


def test_it_is_small() -> None:
    assert sum(file.stat().st_size for file in sample_path().parent.iterdir()) <= 500_000


def test_sectors_agree_with_a_public_list() -> None:
    with (prices() / "instruments.csv").open(encoding="utf-8", newline="") as file:
        sectors = {row["symbol"]: row["gics_sector"] for row in csv.DictReader(file) if row["kind"] == "stock"}
    stocks = [row for row in ROWS if row["asset"] not in FACTOR_ETFS]
    assert len(stocks) == 20
    assert {row["asset"]: row["bucket"] for row in stocks} == {
        row["asset"]: f"Stocks/{sectors[row['asset']]}" for row in stocks
    }


def test_the_script_makes_the_same_bytes(tmp_path: Path) -> None:
    script = ROOT / "scripts" / "make_sample.py"
    subprocess.run([sys.executable, str(script), str(prices()), "--out", str(tmp_path)], check=True)
    for name in ("candidates.csv", "positions.csv", "README.md"):
        assert (tmp_path / name).read_bytes() == sample_path(name).read_bytes(), name
    assert read_table(tmp_path / "prices.parquet").equals(read_table(sample_path("prices.parquet")))


def test_the_prices_that_ship() -> None:
    """Three years of the same assets, without a fault, to the day of the candidates; their volatility is the column's."""
    data = MarketData(sample_path("prices.parquet"))
    view = data.as_of("2022-12-28")
    assert data.sessions[-1].isoformat() == "2022-12-28"
    assert set(data.symbols) == {row["asset"] for row in ROWS}
    assert (len(data.sessions), data.findings, view.findings) == (756, (), ())
    parts = technical_scores(view).table
    volatilities = dict(parts.select("asset", "volatility").iter_rows())
    assert volatilities == pytest.approx({row["asset"]: row["volatility"] for row in ROWS}, abs=0.00005 + 1e-9)


def test_the_script_refuses_other_prices(tmp_path: Path) -> None:
    (tmp_path / "sp500_dataset.csv.gz").write_bytes(b"other")
    command = [sys.executable, str(ROOT / "scripts" / "make_sample.py"), str(tmp_path), "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "no file has the content of sp500_dataset.csv.gz" in done.stderr


def test_scores_again_from_the_prices_with_pandas() -> None:
    """The formula of the page once more, in other words than the script's."""
    pd = pytest.importorskip("pandas")
    page = sample_path("README.md").read_text(encoding="utf-8")
    files = [file for file in prices().glob("*.csv.gz") if hashlib.sha256(file.read_bytes()).hexdigest() in page]
    closes = pd.concat([pd.read_csv(file, index_col=0) for file in files], axis=1).dropna()
    assert closes.index[-1] == "2022-12-28"
    volatility = closes.pct_change().tail(252).std() * math.sqrt(252)
    momentum = closes.shift(21).iloc[-1] / closes.shift(252).iloc[-1] - 1
    trend = closes.iloc[-1] / closes.rolling(200).mean().iloc[-1] - 1
    score = sum((signal.rank() - 1) / 24 for signal in (momentum, trend, -volatility)) / 3
    for row in ROWS:
        assert row["score"] == pytest.approx(score[row["asset"]], abs=0.0005 + 1e-9)
        assert row["volatility"] == pytest.approx(volatility[row["asset"]], abs=0.00005 + 1e-9)

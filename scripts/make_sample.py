"""Make the sample that ships with trimtab from public daily prices.

    python scripts/make_sample.py FOLDER [--out FOLDER]

FOLDER holds `sp500_dataset.csv.gz` and `factors_dataset.csv.gz` of the package skfolio 1.12.2 (its folder
`skfolio/datasets/data`), under these or under other names: they are known by their SHA-256. The same files give the
same bytes of text and the same values in `prices.parquet` (its bytes depend on the version of pyarrow).

The score of an asset is the mean of three percentile ranks among the 25 assets, on the last day t of the prices P:

- momentum P[t - 21] / P[t - 252] - 1: twelve months without the latest (Jegadeesh and Titman, 1993);
- trend P[t] / mean(P[t - 199], ..., P[t]) - 1: the price against its average of 200 days;
- low volatility, -std(r[t - 251], ..., r[t]) * sqrt(252), r the daily returns, std with n - 1.

A percentile rank is (rank - 1) / (assets - 1), from 0 for the lowest to 1 for the highest.
"""

from __future__ import annotations

import argparse
import csv
import datetime as dt
import gzip
import hashlib
import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet

Floats = npt.NDArray[np.float64]

OUT = Path(__file__).parent.parent / "src" / "trimtab" / "data" / "sample"
SOURCES = {
    "sp500_dataset.csv.gz": "ee21cac28befb1d0a739a9ceb22184f995394726aa0cfde9a21941d1ac04ac0d",
    "factors_dataset.csv.gz": "6eb089953db90c9a38d3283582751701a90db6f59965847fd64b0578de497161",
}
YEAR, MONTH, TREND = 252, 21, 200
DAYS = 756  # of the prices that ship: three years

# Name and bucket: the class, then the GICS sector (of 2022) or the style.
ASSETS = {
    "AAPL": ("Apple", "Stocks/Information Technology"),
    "AMD": ("Advanced Micro Devices", "Stocks/Information Technology"),
    "BAC": ("Bank of America", "Stocks/Financials"),
    "BBY": ("Best Buy", "Stocks/Consumer Discretionary"),
    "CVX": ("Chevron", "Stocks/Energy"),
    "GE": ("General Electric", "Stocks/Industrials"),
    "HD": ("Home Depot", "Stocks/Consumer Discretionary"),
    "JNJ": ("Johnson & Johnson", "Stocks/Health Care"),
    "JPM": ("JPMorgan Chase", "Stocks/Financials"),
    "KO": ("Coca-Cola", "Stocks/Consumer Staples"),
    "LLY": ("Eli Lilly", "Stocks/Health Care"),
    "MRK": ("Merck & Co.", "Stocks/Health Care"),
    "MSFT": ("Microsoft", "Stocks/Information Technology"),
    "PEP": ("PepsiCo", "Stocks/Consumer Staples"),
    "PFE": ("Pfizer", "Stocks/Health Care"),
    "PG": ("Procter & Gamble", "Stocks/Consumer Staples"),
    "RRC": ("Range Resources", "Stocks/Energy"),
    "UNH": ("UnitedHealth Group", "Stocks/Health Care"),
    "WMT": ("Walmart", "Stocks/Consumer Staples"),
    "XOM": ("Exxon Mobil", "Stocks/Energy"),
    "MTUM": ("iShares MSCI USA Momentum Factor ETF", "Factor ETFs/Momentum"),
    "QUAL": ("iShares MSCI USA Quality Factor ETF", "Factor ETFs/Quality"),
    "SIZE": ("iShares MSCI USA Size Factor ETF", "Factor ETFs/Size"),
    "USMV": ("iShares MSCI USA Min Vol Factor ETF", "Factor ETFs/Minimum Volatility"),
    "VLUE": ("iShares MSCI USA Value Factor ETF", "Factor ETFs/Value"),
}

# Invented for the demonstration (the prices are real, this portfolio is not): two sectors have grown too large and hold
# one position too many, two holdings score low, one is tiny and one is dust.
PORTFOLIO = {
    "XOM": 0.17,
    "LLY": 0.16,
    "CVX": 0.13,
    "KO": 0.12,
    "MRK": 0.115,
    "AAPL": 0.09,
    "JNJ": 0.08,
    "JPM": 0.065,
    "RRC": 0.0354,
    "VLUE": 0.004,
    "WMT": 0.0006,
}

VALUE = 100_000  # of the account in shares, cash included

README = """\
# The sample

25 candidates as of {as_of}: 20 US stocks and 5 factor ETFs. **The prices behind it are real, the portfolio is
invented.** It shows how trimtab works. It is not investment advice, and `limits.toml` is only an example.

| column | meaning |
|---|---|
| `asset`, `name` | ticker and name |
| `bucket` | class, then GICS sector (as of 2022) or style: `Stocks/Energy`, `Factor ETFs/Value` |
| `score` | computed from prices, see below; 3 decimals |
| `current_weight` | the invented portfolio: {holdings} holdings, {held:.2f} of the value in all, the rest cash |
| `volatility` | standard deviation (n - 1) of the last 252 daily returns times sqrt(252); 4 decimals |

`positions.csv` is the same portfolio as a spreadsheet would have it: `symbol`, `bucket`, `score`, `shares` and `price`, in
whole shares of an account of about 100,000. Beside it are 3,000 in cash.

`prices.parquet` holds the daily closes of the same 25 from {first} to {as_of} ({days} days), unchanged: `date`, and one
column an asset.

## The score

The mean of three percentile ranks among the 25 assets, on the last day t of the prices P:

- momentum `P[t - 21] / P[t - 252] - 1`: twelve months without the latest (Jegadeesh and Titman, "Returns to Buying
  Winners and Selling Losers", Journal of Finance 48, 1993);
- trend `P[t] / mean(P[t - 199], ..., P[t]) - 1`: the price against its average of 200 days;
- low volatility: the volatility above, the lowest first.

A percentile rank is `(rank - 1) / 24`, from 0 for the lowest to 1 for the highest.

**A caveat.** All 20 stocks were listed from 1990 to 2022 without a gap: firms that failed or were bought in between are
missing (survivorship bias). Whatever is computed from these prices looks better than what an investor of the time could
have had.

## Source

Daily closes, adjusted for splits and dividends, in US dollars: the files `sp500_dataset.csv.gz` and
`factors_dataset.csv.gz` of the package skfolio 1.12.2 on PyPI, copyright the skfolio developers. The last three years
of them, and figures derived from them, are here, made by `scripts/make_sample.py`. Names, sectors and the portfolio
were added by hand. GICS is a service mark of MSCI and S&P. SHA-256 of the two files:

```
{sums}
```

The licence of skfolio:

> BSD 3-Clause License
>
> Copyright (c) 2023-2026 The skfolio developers.
> All rights reserved.
>
> Redistribution and use in source and binary forms, with or without
> modification, are permitted provided that the following conditions are met:
>
> * Redistributions of source code must retain the above copyright notice, this
>   list of conditions and the following disclaimer.
>
> * Redistributions in binary form must reproduce the above copyright notice,
>   this list of conditions and the following disclaimer in the documentation
>   and/or other materials provided with the distribution.
>
> * Neither the name of the copyright holder nor the names of its
>   contributors may be used to endorse or promote products derived from
>   this software without specific prior written permission.
>
> THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS"
> AND ANY EXPRESS OR IMPLIED WARRANTIES, INCLUDING, BUT NOT LIMITED TO, THE
> IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A PARTICULAR PURPOSE ARE
> DISCLAIMED. IN NO EVENT SHALL THE COPYRIGHT HOLDER OR CONTRIBUTORS BE LIABLE
> FOR ANY DIRECT, INDIRECT, INCIDENTAL, SPECIAL, EXEMPLARY, OR CONSEQUENTIAL
> DAMAGES (INCLUDING, BUT NOT LIMITED TO, PROCUREMENT OF SUBSTITUTE GOODS OR
> SERVICES; LOSS OF USE, DATA, OR PROFITS; OR BUSINESS INTERRUPTION) HOWEVER
> CAUSED AND ON ANY THEORY OF LIABILITY, WHETHER IN CONTRACT, STRICT LIABILITY,
> OR TORT (INCLUDING NEGLIGENCE OR OTHERWISE) ARISING IN ANY WAY OUT OF THE USE
> OF THIS SOFTWARE, EVEN IF ADVISED OF THE POSSIBILITY OF SUCH DAMAGE.
"""


def main() -> None:
    """Read the two files and write the sample."""
    parser = argparse.ArgumentParser(description="Make the sample that ships with trimtab.")
    parser.add_argument("folder", type=Path, help="where the two files of skfolio 1.12.2 are")
    parser.add_argument("--out", type=Path, default=OUT, help="where to write (default: the package's sample)")
    options = parser.parse_args()
    days, assets, all_prices = read_prices(options.folder)
    prices = all_prices[-YEAR - 1 :]
    volatility = yearly_volatility(prices)
    texts = {
        "candidates.csv": candidates_text(assets, scores(prices, volatility), volatility),
        "positions.csv": positions_text(assets, scores(prices, volatility), prices[-1]),
        "README.md": readme_text(days),
    }
    write_prices(options.out / "prices.parquet", days, assets, all_prices)
    for name, text in texts.items():
        (options.out / name).write_bytes(text.encode())


def read_prices(folder: Path) -> tuple[list[str], list[str], Floats]:
    """The last days, the assets, and their closes, shape (DAYS, assets), in USD."""
    by_sum = {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in sorted(folder.glob("*.csv.gz"))}
    missing = [name for name, known in SOURCES.items() if known not in by_sum]
    if missing:
        raise SystemExit(f"{folder}: no file has the content of {' or '.join(missing)} of skfolio 1.12.2")
    assets: list[str] = []
    days: list[list[str]] = []
    closes: list[Floats] = []
    for known in SOURCES.values():
        with gzip.open(by_sum[known], "rt", encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file)
        assets += header[1:]
        days.append([row[0] for row in rows[-DAYS:]])
        closes.append(np.array([row[1:] for row in rows[-DAYS:]], np.float64))
    if days[0] != days[1] or assets != list(ASSETS):
        raise SystemExit(f"{folder}: the two files differ in days, or their assets are not those of the sample")
    return days[0], assets, np.hstack(closes)


def write_prices(path: Path, days: list[str], assets: list[str], prices: Floats) -> None:
    """The prices as they are, one column an asset."""
    dates = pa.array([dt.date.fromisoformat(day) for day in days])
    columns = [dates, *(pa.array(prices[:, index]) for index in range(len(assets)))]
    table = pa.table(columns, names=["date", *assets])
    pyarrow.parquet.write_table(table, path, compression="zstd", compression_level=19, use_dictionary=False)


def yearly_volatility(prices: Floats) -> Floats:
    """Annualised standard deviation of the last YEAR daily returns, shape (assets,)."""
    returns = prices[1:] / prices[:-1] - 1
    return np.asarray(returns.std(axis=0, ddof=1) * np.sqrt(YEAR), np.float64)


def scores(prices: Floats, volatility: Floats) -> Floats:
    """The mean of the three percentile ranks, shape (assets,), in [0, 1]."""
    momentum = prices[-1 - MONTH] / prices[-1 - YEAR] - 1
    trend = prices[-1] / prices[-TREND:].mean(axis=0) - 1
    ranks = [percentile_rank(signal) for signal in (momentum, trend, -volatility)]
    return np.asarray(np.mean(ranks, axis=0), np.float64)


def percentile_rank(signal: Floats) -> Floats:
    """0 for the lowest to 1 for the highest; no two may be equal."""
    if len(np.unique(signal)) < len(signal):
        raise SystemExit("two assets have the same signal: decide how to rank them")
    return np.asarray(signal.argsort().argsort() / (len(signal) - 1), np.float64)


def candidates_text(assets: list[str], score: Floats, volatility: Floats) -> str:
    """The candidates as CSV, lines ending in a line feed."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["asset", "name", "bucket", "score", "current_weight", "volatility"])
    for index, asset in enumerate(assets):
        weight = f"{PORTFOLIO.get(asset, 0):g}"
        writer.writerow([asset, *ASSETS[asset], f"{score[index]:.3f}", weight, f"{volatility[index]:.4f}"])
    return text.getvalue()


def positions_text(assets: list[str], score: Floats, closes: Floats) -> str:
    """The same portfolio in shares, as a spreadsheet would have it: whole shares of an account of VALUE."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["symbol", "bucket", "score", "shares", "price"])
    for index, asset in enumerate(assets):
        shares = round(PORTFOLIO.get(asset, 0) * VALUE / closes[index])
        writer.writerow([asset, ASSETS[asset][1], f"{score[index]:.3f}", shares, f"{closes[index]:.2f}"])
    return text.getvalue()


def readme_text(dates: list[str]) -> str:
    """The sample's page."""
    sums = "\n".join(f"{known}  {name}" for name, known in SOURCES.items())
    spelled = {"first": dates[0], "as_of": dates[-1], "days": len(dates)}
    return README.format(**spelled, holdings=len(PORTFOLIO), held=sum(PORTFOLIO.values()), sums=sums)


if __name__ == "__main__":
    main()

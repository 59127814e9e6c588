"""Draw how each part of the scores is distributed on real market data, as an SVG that loads nothing.

    python scripts/make_score_plots.py FOLDER [--out docs/scores.svg]

FOLDER holds the optional market data (see CONTRIBUTING.md). Every month-end of 2013 to 2017 is scored, with the members
of the index on that day, and all scored assets of all month-ends are put in one histogram a part.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from trimtab.market.market_data import MarketData
from trimtab.scoring.combined import combined_scores
from trimtab.scoring.fundamental import fundamental_scores
from trimtab.scoring.technical import technical_scores

YEARS = (2013, 2017)
BINS = 40
ACROSS, WIDTH, HEIGHT, GAP = 3, 290, 110, 52
MARGIN, TOP = 24, 40


@dataclass(frozen=True)
class Panel:
    """One histogram: its title, the column, and what it shows of it."""

    title: str
    values: pl.Series
    low: float
    high: float
    percent: bool = False


def market(folder: Path) -> MarketData:
    """Stocks with snapshots and annual statements (known 90 days after the end of their period), sectors, members."""
    snapshots = pl.read_parquet(folder / "sp500_fundamental_snapshots_2012_2026.parquet")
    statements = pl.read_parquet(folder / "us_fundamentals_annual_2012_2016.parquet")
    names = pl.read_csv(folder / "instruments.csv").filter(pl.col("kind") == "stock")
    member = pl.read_csv(folder / "sp500_membership_1996_2025.csv", try_parse_dates=True)
    return MarketData(
        folder / "us_stocks_close_2005_2017.parquet",
        fundamentals=[
            snapshots.rename({"snapshot_date": "known_on", "market_cap_usd": "market_cap"}),
            statements.with_columns(known_on=pl.col("period_end") + pl.duration(days=90)).rename(
                {"earnings_per_share": "eps"}
            ),
        ],
        classification=names.select("symbol", sector="gics_sector"),
        membership=member.select(
            pl.col("ticker").str.replace(".", "-", literal=True).alias("symbol"),
            pl.col("start_date").alias("from"),
            pl.col("end_date").alias("to"),
        ),
    )


def scored(data: MarketData) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, int]:
    """All technical, fundamental and combined scores of the month-ends, and how many month-ends these are."""
    sessions = pl.DataFrame({"day": data.sessions}).filter(pl.col("day").dt.year().is_between(*YEARS))
    ends = sessions.group_by(pl.col("day").dt.truncate("1mo"), maintain_order=True).agg(last=pl.col("day").last())
    parts: list[list[pl.DataFrame]] = [[], [], []]
    for day in ends["last"]:
        view = data.as_of(day)
        technical, fundamental = technical_scores(view), fundamental_scores(view)
        for tables, scores in zip(
            parts, (technical, fundamental, combined_scores(technical, fundamental)), strict=True
        ):
            tables.append(scores.table.drop_nulls("score"))
    technical_table, fundamental_table, both = (pl.concat(tables) for tables in parts)
    return technical_table, fundamental_table, both, ends.height


def panels(technical: pl.DataFrame, fundamental: pl.DataFrame, both: pl.DataFrame) -> list[Panel]:
    """The histograms, row by row."""
    return [
        Panel("momentum (return of months 12 to 2)", technical["momentum"], -0.8, 1.2, percent=True),
        Panel("trend (price over its averages)", technical["trend"], -0.4, 0.4, percent=True),
        Panel("volatility (a year)", technical["volatility"], 0.0, 0.8, percent=True),
        Panel("drawdown (from the year's high)", technical["drawdown"], -0.8, 0.0, percent=True),
        Panel("reversal (return of the last month)", technical["reversal"], -0.4, 0.4, percent=True),
        Panel("technical score", technical["score"], 0.0, 1.0),
        Panel("value (mean of ranks in the sector)", fundamental["value"], 0.0, 1.0),
        Panel("quality (mean of ranks in the sector)", fundamental["quality"], 0.0, 1.0),
        Panel("growth (mean of ranks in the sector)", fundamental["growth"], 0.0, 1.0),
        Panel("leverage (mean of ranks in the sector)", fundamental["leverage"], 0.0, 1.0),
        Panel("fundamental score", fundamental["score"], 0.0, 1.0),
        Panel("combined score", both["score"], 0.0, 1.0),
    ]


def drawn(panel: Panel, left: float, top: float) -> str:
    """One histogram; what lies outside its range is in the first or last bar."""
    values = panel.values.drop_nulls().clip(panel.low, panel.high)
    share = (values - panel.low) / (panel.high - panel.low)
    counts = [0] * BINS
    for index in (share * BINS).floor().cast(pl.Int64).clip(0, BINS - 1):
        counts[index] += 1
    step, highest = WIDTH / BINS, max(counts)
    bars = "".join(
        f'<rect x="{left + index * step:.1f}" y="{top + HEIGHT * (1 - count / highest):.1f}" width="{step - 0.8:.1f}" '
        f'height="{HEIGHT * count / highest:.1f}"/>'
        for index, count in enumerate(counts)
        if count
    )
    middle = panel.values.median()
    centre = float(middle) if isinstance(middle, int | float) else 0.0
    x = left + WIDTH * (centre - panel.low) / (panel.high - panel.low)
    labels = "".join(
        f'<text x="{left + WIDTH * part:.1f}" y="{top + HEIGHT + 14}" text-anchor="{anchor}">'
        f"{shown(panel.low + (panel.high - panel.low) * part, panel)}</text>"
        for part, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end"))
    )
    return (
        f'<text class="title" x="{left}" y="{top - 8}">{panel.title}</text><g class="bars">{bars}</g>'
        f'<line x1="{left}" x2="{left + WIDTH}" y1="{top + HEIGHT}" y2="{top + HEIGHT}"/>'
        f'<line class="median" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{top + HEIGHT}"/>'
        f'<text x="{left + WIDTH}" y="{top - 8}" text-anchor="end">median {shown(centre, panel)}</text>{labels}\n'
    )


def shown(value: float, panel: Panel) -> str:
    """A number as the axis has it."""
    return f"{100 * value:.0f}%" if panel.percent else f"{value:.2f}"


def picture(panels: list[Panel], caption: str) -> str:
    """All histograms in one SVG."""
    rows = -(-len(panels) // ACROSS)
    width = 2 * MARGIN + ACROSS * WIDTH + (ACROSS - 1) * MARGIN
    height = TOP + rows * (HEIGHT + GAP) + 30
    style = (
        "text{font:11px sans-serif;fill:#57606a}.title{font-weight:bold;fill:#24292f}"
        ".bars rect{fill:#4c78a8}line{stroke:#57606a}.median{stroke:#d1495b;stroke-width:1.5}"
    )
    body = "".join(
        drawn(panel, MARGIN + (number % ACROSS) * (WIDTH + MARGIN), TOP + (number // ACROSS) * (HEIGHT + GAP))
        for number, panel in enumerate(panels)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">\n'
        f'<style>{style}</style>\n<rect width="{width}" height="{height}" fill="#ffffff"/>\n{body}'
        f'<text x="{MARGIN}" y="{height - 14}">{caption}</text>\n</svg>\n'
    )


def main() -> None:
    """Score the month-ends and write the picture."""
    parser = argparse.ArgumentParser(description="Draw how each part of the scores is distributed.")
    parser.add_argument("folder", type=Path, help="where the market data are")
    parser.add_argument("--out", type=Path, default=Path("docs/scores.svg"))
    options = parser.parse_args()
    technical, fundamental, both, ends = scored(market(options.folder))
    caption = (
        f"{ends} month-ends of {YEARS[0]} to {YEARS[1]}, members of the S&amp;P 500 on the day: "
        f"{technical.height:,} technical, {fundamental.height:,} fundamental and {both.height:,} combined scores; "
        "red: the median."
    )
    options.out.write_text(picture(panels(technical, fundamental, both), caption), encoding="utf-8")
    print(f"written: {options.out}; {caption}")
    for name, table in (("technical", technical), ("fundamental", fundamental), ("combined", both)):
        spread = ", ".join(
            f"{share:.0%} {table['score'].quantile(share):.3f}" for share in (0.05, 0.25, 0.5, 0.75, 0.95)
        )
        print(f"{name}: {spread}; mean confidence {table['confidence'].mean():.3f}")


if __name__ == "__main__":
    main()

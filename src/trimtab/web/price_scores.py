"""Scores from a history of prices: those of `trimtab score`, on its last session."""

from __future__ import annotations

import csv
from pathlib import Path

from trimtab.errors import Fault, InputError
from trimtab.files.candidate_file import CandidateFile
from trimtab.market.market_data import MarketData
from trimtab.scoring.technical import technical_scores

_ROWS = 2  # the header, and one row of values
_HEAD = 65_536


def is_price_history(path: Path) -> bool:
    """Whether a CSV file begins with the column date, and has closing prices, or one column of numbers for each asset."""
    if path.suffix.casefold() != ".csv":
        return False
    with path.open("rb") as opened:
        text = opened.read(_HEAD).decode("utf-8-sig", "replace")
    rows = list(csv.reader(text.splitlines()[:_ROWS]))
    if len(rows) < _ROWS or len(rows[0]) < 2 or rows[0][0].strip().casefold() != "date":
        return False
    names = {name.strip().casefold() for name in rows[0]}
    return "close" in names or all(_is_price(cell) for cell in rows[1][1:])


def _is_price(cell: str) -> bool:
    try:
        return not cell.strip() or float(cell) >= 0
    except ValueError:
        return False


def scores_from_prices(path: Path, label: str) -> CandidateFile:
    """The scores of every asset in a history of prices.

    Raises
    ------
    InputError
        Not a table of prices, or none above 0.
    """
    data = MarketData(path)
    if not data.sessions:
        raise InputError([Fault("holds no usable price", "give prices above 0")], label)
    day = data.sessions[-1].isoformat()
    table = technical_scores(data.as_of(day)).table.select("asset", "score").to_arrow()
    return CandidateFile(f"{label}, scores of {day}", table)

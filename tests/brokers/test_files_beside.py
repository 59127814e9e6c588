"""Prices and exchange rates from files beside a broker's file."""

from __future__ import annotations

import json
from pathlib import Path

from command_line import run

FIDELITY = Path(__file__).parent / "files" / "valid" / "fidelity_2026_Portfolio_Positions.csv"


def test_an_asset_the_file_lacks_is_bought_at_the_price_given_beside_it(tmp_path: Path) -> None:
    scores, prices = tmp_path / "scores.csv", tmp_path / "prices.csv"
    scores.write_text("asset,score,bucket\nIBIT,0.7,Crypto\nVTI,0.9,Stocks\nBND,0.8,Bonds\n")
    prices.write_text("asset,price\nBND,72.50\n")
    files = ("--holdings", FIDELITY, "--account", "Z00000417", "--scores", scores, "--latest-prices", prices)
    done = run("plan", *files, "--no-store", "--format", "json")
    assert done.exit_code == 0, done.stderr
    orders = {order["asset"]: order for order in json.loads(done.stdout)["orders"]}
    assert (orders["BND"]["side"], float(orders["BND"]["price"])) == ("buy", 72.5)


def test_without_buckets_it_says_where_to_get_them(tmp_path: Path) -> None:
    """Every asset would share one limit: the sentence names the way out, and the way out works."""
    scores = tmp_path / "scores.csv"
    scores.write_text("asset,score\nIBIT,0.7\nVTI,0.9\n")
    files = ("--holdings", FIDELITY, "--account", "Z00000417", "--scores", scores, "--preset", "conservative")
    done = run("plan", *files, "--no-store")
    assert "No candidate has a bucket" in done.stderr
    assert "--classify todo.csv" in done.stderr
    done = run("plan", *files, "--no-store", "--classify", tmp_path / "todo.csv")
    assert "No candidate has a bucket" not in done.stderr
    assert "buckets from the default map" in done.stderr

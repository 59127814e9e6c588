"""Holdings with exposures, as a person drops them on the page."""

from __future__ import annotations

from typing import Any

from rest_clients import UNHURRIED
from web_visits import Browser

HELD = b"""asset,score,shares,price,bucket,country,currency,fx
AAPL,0.9,30,100,Tech,US,USD,1
SAP,0.8,10,100,Tech,Germany,EUR,1.1
WORLD,0.85,20,100,Fund,,USD,1
"""
TABLE = b"asset,scheme,bucket,fraction\nWORLD,country,US,0.6\nWORLD,country,Germany,0.3\nAAPL,country,US,1\nSAP,country,Germany,1\n"
FUNDS = b"fund,holding,fraction\nWORLD,AAPL,0.5\nWORLD,SAP,0.4\n"
LIMITS = b"max_position_weight = 0.5\n[exposures.country.buckets.US]\nmax_exposure = 0.3\n"


def browser_with(*files: tuple[str, bytes], **answers: Any) -> Browser:
    browser = Browser(bounds=UNHURRIED)
    browser.upload(("mine.csv", HELD), *files)
    browser.post("/review", {"cash": "4000", **answers})
    return browser

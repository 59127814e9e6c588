"""Ids of a plan and of its orders: the same inputs give the same ids, on every machine."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import unicodedata
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

_LETTERS = 26


def canonical_json(value: Any) -> str:
    """JSON with one spelling: NFC text, sorted keys, no blanks, decimals as plain text, dates as yyyy-mm-dd.

    >>> canonical_json({"b": Decimal("1.50"), "a": dt.date(2026, 1, 2)})
    '{"a":"2026-01-02","b":"1.5"}'
    """
    text = json.dumps(_plain(value), ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return unicodedata.normalize("NFC", text)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, float):
        return format(Decimal(repr(value)).normalize(), "f") if value == value else None  # noqa: PLR0124 - NaN
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {unicodedata.normalize("NFC", str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def plan_id(inputs: Any) -> str:
    """The SHA-256 of all inputs of a plan, in hexadecimal."""
    return hashlib.sha256(canonical_json(inputs).encode()).hexdigest()


def client_order_id(plan: str, asset: str, side: str) -> str:
    """The id of an order, which a broker takes only once: 29 letters and digits.

    >>> client_order_id("0" * 64, "AAPL", "buy")
    'tt-p3arzdlr444txecojjegkxxij7'
    """
    digest = hashlib.sha256(f"{plan}|{unicodedata.normalize('NFC', asset)}|{side}".encode()).digest()
    return "tt-" + base64.b32encode(digest).decode().lower()[:_LETTERS]

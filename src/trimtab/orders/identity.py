"""Ids of a plan and of its orders: the same inputs give the same ids, on every machine."""

from __future__ import annotations

import base64
import hashlib
import json
import unicodedata
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from trimtab.decimals import decimal_text

_LETTERS = 26
_BYTES = 20  # enough for the letters, and a whole number of groups of base32
_AS_GIVEN = (str, int, bool, type(None))


def canonical_json(value: Any) -> str:
    """JSON with one spelling: NFC text, sorted keys, no blanks, decimals as plain text, dates as yyyy-mm-dd.

    >>> import datetime as dt
    >>> canonical_json({"b": Decimal("1.50"), "a": dt.date(2026, 1, 2)})
    '{"a":"2026-01-02","b":"1.5"}'
    """
    text = json.dumps(_plain(value), ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return _nfc(text)


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return _float_text(value)
    if isinstance(value, _AS_GIVEN):
        return value
    if isinstance(value, Mapping):
        return {_nfc(str(key)): item if type(item) in _AS_GIVEN else _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [item if type(item) in _AS_GIVEN else _plain(item) for item in value]
    return decimal_text(value) if isinstance(value, Decimal) else value.isoformat()


def _float_text(value: float) -> str | None:
    """The shortest decimal that reads back as the float, without exponent or trailing zeros; None for NaN."""
    text = repr(value)
    if "e" not in text and "n" not in text:
        return text.removesuffix(".0")
    return decimal_text(Decimal(text)) if value == value else None  # noqa: PLR0124 - NaN


def _nfc(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def plan_id(inputs: Any) -> str:
    """The SHA-256 of all inputs of a plan, in hexadecimal."""
    return hashlib.sha256(canonical_json(inputs).encode()).hexdigest()


def client_order_id(plan: str, asset: str, side: str) -> str:
    """The id of an order, which a broker takes only once: 29 letters and digits.

    >>> client_order_id("0" * 64, "AAPL", "buy")
    'tt-p3arzdlr444txecojjegkxxij7'
    """
    digest = hashlib.sha256(f"{plan}|{_nfc(asset)}|{side}".encode()).digest()
    return "tt-" + base64.b32encode(digest[:_BYTES]).decode().lower()[:_LETTERS]

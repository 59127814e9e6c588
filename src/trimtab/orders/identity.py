"""Ids of plans and orders: the same inputs give the same ids, for one account or many, on every machine (rules, section 19)."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any

import numpy as np

from trimtab.bucket_path import UNKNOWN, bucket_name
from trimtab.candidates.exposures import Exposures
from trimtab.decimals import decimal_text
from trimtab.kernel.records import Flags, Floats, Ints, Records
from trimtab.limits.order_settings import OrderSettings
from trimtab.limits.rebalancing_limits import RebalancingLimits

ID_LENGTH, _ACCOUNT_LETTERS = 29, 20
_ALPHABET = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz234567", np.uint8)
_BITS = np.array([16, 8, 4, 2, 1], np.uint8)
_CHUNK = 2048  # rows
# A row of an account, packed; names as digests, so that names of any length take the same place.
_ROW = np.dtype(
    [(name, "<i8") for name in ("price", "quantity", "lot", "min_notional", "asset", "bucket")]
    + [(name, "<f8") for name in ("score", "max_weight", "size")]
    + [("flags", "u1")]
)
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


def _digest_of_limits(limits: RebalancingLimits, settings: OrderSettings) -> Any:
    own = limits.to_dict(complete=True)
    own["target_invested"] = min(limits.target_invested, 1.0 - settings.cash_buffer)  # the aim
    general = {
        name: value for name, value in settings.to_dict().items() if name != "mode"
    }  # an account may have its own
    return hashlib.sha256(canonical_json({"limits": own, "settings": general}).encode())


# The SHA-256 begun with what accounts share; most calls repeat the limits and settings before them.
shared_digest = lru_cache(maxsize=64)(_digest_of_limits)


@lru_cache(maxsize=16)  # most blocks repeat the names before them
def _name_numbers(names: tuple[str, ...]) -> Ints:
    """A digest of eight bytes for each name."""
    digests = b"".join(hashlib.blake2b(_nfc(name).encode(), digest_size=8).digest() for name in names)
    return np.frombuffer(digests, "<i8")


def identity_rows(
    assets: Records, sizing_input: Floats, names: Ints, named: tuple[str, ...], buckets: Ints, paths: tuple[str, ...]
) -> Any:
    """The bytes of the rows that decide orders, in canonical order, shape (rows, width). `names` and `buckets` number
    `named` and `paths`; -1 means Unknown.
    """
    rows, numbers, paths_of = (
        np.empty(len(assets), _ROW),
        _name_numbers(named),
        _name_numbers((*map(bucket_name, paths), UNKNOWN)),
    )
    for begin in range(0, len(rows), _CHUNK):  # a part that stays in the processor's cache
        part, chosen = slice(begin, begin + _CHUNK), assets[begin : begin + _CHUNK]
        own = rows[part]
        for name in ("price", "quantity", "lot", "min_notional"):
            own[name] = chosen[name]
        own["score"], own["max_weight"] = _one_spelling(chosen["score"]), chosen["max_weight"] + 0.0
        own["size"] = _one_spelling(sizing_input[part])
        own["asset"], own["bucket"] = numbers[names[part]], paths_of[buckets[part]]
        own["flags"] = chosen["restriction"] + 4 * chosen["tradable"]
    return rows.view(np.uint8).reshape(len(rows), -1)


def _one_spelling(values: Floats) -> Floats:
    """Numbers with one zero and one NaN."""
    return np.where(np.isnan(values), np.nan, values + 0.0)


def account_digest(shared: Any, account: Any, money: bytes, rows: Any, more: bytes = b"") -> bytes:
    """The SHA-256 of one account: `shared_digest`, its name (None without), cash, cash flow and mode, its rows, the rest."""
    digest = shared.copy()
    digest.update(b"\0%b\0%b" % (b"" if account is None else str(account).encode(), money))
    digest.update(rows)
    digest.update(more)
    return bytes(digest.digest())


def exposure_bytes(table: Exposures, account: Any, assets: Sequence[str]) -> bytes:
    """The exposures of an account's assets, which are in canonical order."""
    digests = table.digests_of(account)
    return b"".join(digests.get(asset, b"") for asset in assets)


def money_bytes(accounts: Records) -> list[bytes]:
    """Cash, cash flow and mode of each account."""
    columns = np.stack([accounts[name] for name in ("cash", "cash_flow", "mode")], axis=1).astype("<i8")
    return [row.tobytes() for row in columns]


def order_ids(digests: Any, account: Ints, place: Ints, is_buy: Flags) -> Any:
    """The ids of orders as bytes of shape (orders, 29): "tt-", twenty letters of the digest of the account, and six for the
    asset's place by name and the side. `digests`: shape (accounts, 32).
    """
    letters = np.empty((len(account), ID_LENGTH), np.uint8)
    letters[:, :3] = np.frombuffer(b"tt-", np.uint8)
    bits = np.unpackbits(digests, axis=1)[:, : 5 * _ACCOUNT_LETTERS].reshape(-1, _ACCOUNT_LETTERS, 5)
    letters[:, 3 : 3 + _ACCOUNT_LETTERS] = _ALPHABET[bits @ _BITS][account]
    shifts = 5 * np.arange(ID_LENGTH - 4 - _ACCOUNT_LETTERS, -1, -1)
    number = 2 * place + is_buy
    letters[:, 3 + _ACCOUNT_LETTERS :] = _ALPHABET[(number[:, np.newaxis] >> shifts) & 31]
    return letters

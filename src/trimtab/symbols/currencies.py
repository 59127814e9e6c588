"""Currencies that prices are quoted in by the hundredth."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

HUNDREDTHS: Mapping[str, str] = MappingProxyType({"GBX": "GBP", "GBp": "GBP", "ZAc": "ZAR", "ZAX": "ZAR", "ILA": "ILS"})

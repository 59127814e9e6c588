"""The default map of buckets: the S&P 500 by sector and industry, and widely held funds by class."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from importlib import resources
from types import MappingProxyType

from trimtab.symbols.aliases import shipped_aliases

_FILES = ("stocks.toml", "funds.toml")


@functools.cache
def default_buckets() -> Mapping[str, tuple[str, ...]]:
    """Bucket to its assets: paths of three levels, such as `Equity/Energy/Integrated Oil & Gas`."""
    buckets: dict[str, tuple[str, ...]] = {}
    for name in _FILES:
        text = (resources.files("trimtab.data") / name).read_text(encoding="utf-8")
        for group, sectors in tomllib.loads(text).items():
            for sector, industries in sectors.items():
                for industry, assets in industries.items():
                    path = f"{group}/{sector}/{industry}"
                    buckets[path] = (*buckets.get(path, ()), *assets)
    return MappingProxyType(buckets)


@functools.cache
def _bucket_by_asset() -> dict[str, str]:
    return {asset: bucket for bucket, assets in default_buckets().items() for asset in assets}


def default_bucket(asset: str) -> str | None:
    """The bucket of an asset in any of its spellings; None if the map lacks it.

    >>> default_bucket("BRK-B"), default_bucket("VTSAX"), default_bucket("XYZW")
    ('Equity/Financials/Multi-Sector Holdings', 'Equity/US Broad/Total Market', None)
    """
    known = _bucket_by_asset()
    if asset in known:
        return known[asset]
    assets = shipped_aliases().assets_of(asset)
    return known.get(assets[0]) if len(assets) == 1 else None

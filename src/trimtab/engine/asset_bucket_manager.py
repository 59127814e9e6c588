"""The assets of each bucket: one bucketing puts each asset in exactly one bucket."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from trimtab.bucket_path import ONLY_IN, UNKNOWN, folded, path_fault, split_path
from trimtab.candidates.equality import compared_by_value
from trimtab.data.default_buckets import default_buckets
from trimtab.errors import Fault, InputError
from trimtab.files.table_files import read_table
from trimtab.symbols.aliases import Aliases, shipped_aliases
from trimtab.text import counted

_ADVICE = 'map a bucket to a list of assets: {"Tech": ["AAA", "BBB"]}'


@compared_by_value
class AssetBucketManager:
    """One bucketing: each asset in one bucket, a path such as "Equity/Technology". Never changes once made.

    Parameters
    ----------
    buckets
        Bucket -> its assets (possibly none); nested mappings are the levels of a path.
    separator
        What separates the parts of a path; empty for flat names.
    source
        What errors call it: a file's name.
    aliases
        Other spellings under which assets are found; without them, by their exact names only.

    Raises
    ------
    InputError
        An asset in two buckets (both are named), two spellings of one bucket, an empty part in a path, an asset that is
        not text; all faults at once.

    Examples
    --------
    >>> manager = AssetBucketManager({"Equity": {"Tech": ["AAA", "BBB"]}, "Bond": ["CCC"]})
    >>> manager.get_asset_bucket("AAA"), manager.get_bucket_assets("Equity")
    ('Equity/Tech', ['AAA', 'BBB'])
    """

    def __init__(
        self,
        buckets: Mapping[str, Any],
        *,
        separator: str = "/",
        source: str | None = None,
        aliases: Aliases | None = None,
    ) -> None:
        self.separator, self._aliases = separator, aliases
        self._bucket_of: dict[str, str] = {}
        self._assets: dict[str, list[str]] = {}
        faults: list[Fault] = []
        for path, assets in _pairs(buckets, separator, faults):
            self._assets.setdefault(path, [])
            for asset in assets:
                self._put(asset, path, faults)
        faults = [*self._path_faults(), *faults]
        if faults:
            raise InputError(faults, source)
        self._spellings = {} if aliases is None else aliases.spelling_of_assets(self._bucket_of)

    def _put(self, asset: Any, path: str, faults: list[Fault], row: int | None = None) -> None:
        if not isinstance(asset, str) or not asset or asset != asset.strip():
            advice = "write its name as text, without spaces around it"
            faults.append(Fault(f"in the bucket {path!r}: is not the name of an asset", advice, row=row, value=asset))
            return
        known = self._bucket_of.get(asset)
        if known is None:
            self._bucket_of[asset] = path
            self._assets.setdefault(path, []).append(asset)
        elif known == path:
            faults.append(Fault(f"the asset {asset!r} appears twice in the bucket {path!r}", "write it once", row=row))
        else:
            problem = f"the asset {asset!r} is in two buckets, {known!r} and {path!r}"
            faults.append(Fault(problem, "an asset has one bucket: take it out of the other", row=row))

    def _path_faults(self) -> Iterator[Fault]:
        seen: dict[tuple[str, ...], str] = {(UNKNOWN.casefold(),): UNKNOWN}
        for path in self._assets:
            parts = split_path(path, self.separator)
            fault = path_fault(parts)
            if fault:
                yield Fault(f"the bucket {path!r} {fault[0]}", fault[1])
                continue
            for depth in range(1, len(parts) + 1):
                node = self.separator.join(parts[:depth])
                other = seen.setdefault(folded(parts[:depth]), node)
                if other != node:
                    problem = f"the buckets {other!r} and {node!r} differ {ONLY_IN}"
                    yield Fault(problem, "write both the same way")
                    break

    @classmethod
    def from_csv(cls, path: str | Path, *, separator: str = "/") -> AssetBucketManager:
        """The bucketing in a file with the columns `asset` and `bucket` (CSV, Parquet or Arrow), one row per asset.

        Raises
        ------
        InputError
            A file that cannot be read, a missing column, an empty cell, or anything the class refuses.
        """
        source, table = str(path), read_table(path)
        for name in ("asset", "bucket"):
            if name not in table.column_names:
                advice = f"add it; the file has {', '.join(map(repr, table.column_names))}"
                raise InputError([Fault("the column is missing", advice, column=name)], source)
        manager, faults = cls({}, separator=separator), []
        rows = zip(table["asset"].to_pylist(), table["bucket"].to_pylist(), strict=True)
        for row, (asset, bucket) in enumerate(rows, start=1):
            if not isinstance(bucket, str) or not bucket.strip():
                faults.append(Fault("the bucket is missing", "name it, or drop the row", column="bucket", row=row))
            else:
                manager._put(asset, bucket, faults, row)
        faults += manager._path_faults()
        if faults:
            raise InputError(faults, source)
        return manager

    @classmethod
    def from_toml(cls, path: str | Path, *, separator: str = "/") -> AssetBucketManager:
        """The bucketing in a TOML file: `"Equity/Technology" = ["AAA", "BBB"]`, or tables for the levels of a path.

        Raises
        ------
        InputError
            A file that cannot be read or is not TOML, or anything the class refuses.
        """
        try:
            text = Path(path).read_bytes().decode("utf-8-sig")
        except OSError as error:
            raise InputError([Fault(f"cannot be read: {error.strerror}", "check the path")], str(path)) from None
        except UnicodeDecodeError as error:
            problem = f"is not a text file ({error.reason} at byte {error.start})"
            raise InputError([Fault(problem, "save it as UTF-8")], str(path)) from None
        return cls._from_toml_text(text, str(path), separator)

    @classmethod
    def _from_toml_text(cls, text: str, source: str, separator: str = "/") -> AssetBucketManager:
        try:
            values = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise InputError([Fault(f"is not valid TOML: {error}", _ADVICE.partition(":")[0])], source) from None
        return cls(values, separator=separator, source=source)

    @classmethod
    def default(cls) -> AssetBucketManager:
        """The map that ships: the S&P 500 by sector and industry, and widely held funds by class, with all spellings of
        their symbols. An example to copy and change.
        """
        return cls(default_buckets(), aliases=shipped_aliases(), source="the default map")

    @property
    def buckets(self) -> Mapping[str, tuple[str, ...]]:
        """Bucket -> its assets, in the order given."""
        return MappingProxyType({path: tuple(assets) for path, assets in self._assets.items()})

    def __contains__(self, asset: object) -> bool:
        return isinstance(asset, str) and self._name_of(asset) in self._bucket_of

    def _name_of(self, asset: str) -> str:
        """An asset as the bucketing spells it."""
        if self._aliases is None or asset in self._bucket_of:
            return asset
        assets = self._aliases.assets_of(asset)
        return self._spellings.get(assets[0], asset) if len(assets) == 1 else asset

    def __len__(self) -> int:
        return len(self._bucket_of)

    def __repr__(self) -> str:
        return f"<AssetBucketManager: {counted(len(self), 'asset')} in {counted(len(self._assets), 'bucket')}>"

    def get_asset_bucket(self, asset: str) -> str:
        """The bucket of an asset; `Unknown` without one."""
        return self._bucket_of.get(self._name_of(asset), UNKNOWN)

    def get_all_buckets(self) -> list[str]:
        """Every bucket, sorted, including empty ones."""
        return sorted(self._assets)

    def get_bucket_assets(self, bucket_name: str) -> list[str]:
        """The assets of a bucket and of all below it, in the order given; empty for an unknown bucket."""
        wanted = split_path(bucket_name, self.separator)
        return [
            asset
            for path, assets in self._assets.items()
            if split_path(path, self.separator)[: len(wanted)] == wanted
            for asset in assets
        ]


def _pairs(buckets: Any, separator: str, faults: list[Fault], above: str = "") -> Iterator[tuple[str, tuple[Any, ...]]]:
    """The paths and assets of a mapping, level by level."""
    if not isinstance(buckets, Mapping):
        faults.append(Fault("buckets are not a mapping", _ADVICE, value=buckets))
        return
    for name, inside in buckets.items():
        if not isinstance(name, str) or not name:
            faults.append(Fault("a bucket's name is empty or not text", "name it", value=name))
            continue
        path = f"{above}{separator}{name}" if above else name
        if isinstance(inside, Mapping) and inside:
            if above and not separator:
                faults.append(Fault(f"the bucket {name!r} has levels", "give a separator"))
            else:
                yield from _pairs(inside, separator, faults, path)
        elif isinstance(inside, str) or not isinstance(inside, Iterable):
            faults.append(Fault(f"the bucket {path!r} has no list of assets", _ADVICE, value=inside))
        else:
            yield path, tuple(inside)

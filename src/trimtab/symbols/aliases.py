"""The spellings of one asset: `BRK.B`, `BRK-B`, `BRK/B`, `BRK B` and `BRKB`, and those that a user adds.

A name that reads the same in both files needs no alias. Only names without such a partner are compared by what they may
mean, and every name that was replaced is reported.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from trimtab.errors import Fault, InputError, listed
from trimtab.symbols.identifiers import identifier_fault

_SEPARATORS = frozenset("./ -")
_SHARE_CLASS = re.compile(r"([A-Z]{1,5})[./ -]([A-Z])", re.ASCII).fullmatch
_ADVICE = 'map an asset to a list of its other spellings: "BRK.B" = ["BRKB", "Berkshire B"]'


def spelled(name: str) -> str:
    """A name with the separator of its share class as a dot.

    >>> [spelled(name) for name in ("BRK-B", "BRK/B", "BRK B", "BRKB", "BTC-USD")]
    ['BRK.B', 'BRK.B', 'BRK.B', 'BRKB', 'BTC-USD']
    """
    if name[-2:-1] not in _SEPARATORS:  # as almost every name
        return name
    parts = _SHARE_CLASS(name)
    return f"{parts[1]}.{parts[2]}" if parts else name


@dataclass(frozen=True)
class Renamed:
    """Names brought to the spelling of another file, and those that changed: old to new."""

    names: tuple[str | None, ...]
    changes: Mapping[str, str]

    def note(self, source: str, other: str) -> str:
        """The changes as a sentence.

        >>> Renamed(("BRK.B",), {"BRK-B": "BRK.B"}).note("h.csv", "s.csv")
        'joined by alias: BRK-B in h.csv is BRK.B in s.csv'
        """
        pairs = [f"{old} in {source} is {new} in {other}" for old, new in self.changes.items()]
        return f"joined by alias: {listed(pairs)}"


@dataclass(frozen=True)
class Aliases:
    """Which assets each spelling may mean. A spelling that no entry names means the asset of that name.

    Examples
    --------
    >>> aliases = shipped_aliases().extended({"BRK.B": ["Berkshire B"]})
    >>> aliases.assets_of("BRK-B"), aliases.assets_of("Berkshire B"), aliases.assets_of("BRK")
    (('BRK.B',), ('BRK.B',), ('BRK.A', 'BRK.B'))
    """

    meanings: Mapping[str, tuple[str, ...]]

    def extended(
        self, spellings: Mapping[str, Any], source: str | None = None, *, may_be_ambiguous: bool = False
    ) -> Aliases:
        """The same aliases with more: asset to its other spellings. They replace what a spelling meant before.

        Raises
        ------
        InputError
            A spelling of two assets, a name that is not text, an identifier with a wrong check digit; all faults at once.
        """
        faults = list(_faults(spellings))
        if faults:
            raise InputError(faults, source)
        added: dict[str, tuple[str, ...]] = {}
        for asset, others in spellings.items():
            target, *more = self.assets_of(asset)
            if more:
                raise InputError([_ambiguous(asset, (target, *more))], source)
            for other in others:
                assets = added.get(spelled(other), ())
                added[spelled(other)] = assets if target in assets else (*assets, target)
        twice = {other: assets for other, assets in added.items() if len(assets) > 1}
        if twice and not may_be_ambiguous:
            problems = [f"{name!r} is an alias of {listed(assets)}" for name, assets in twice.items()]
            raise InputError([Fault(problem, "keep one of them") for problem in problems], source)
        return Aliases({**self.meanings, **added})

    def assets_of(self, name: str) -> tuple[str, ...]:
        """The assets that a spelling may mean: one, or several if it is ambiguous."""
        key = spelled(name)
        return self.meanings.get(key, (key,))

    def check_once(self, names: Iterable[object], source: str | None = None) -> None:
        """Refuse two spellings of one asset: its rows are never added up.

        Raises
        ------
        InputError
            Every asset with two spellings, with the row of the second.
        """
        first: dict[str, tuple[int, str]] = {}
        faults = []
        for row, name in enumerate(names, 1):
            if not isinstance(name, str):
                continue
            key = spelled(name)
            assets = self.meanings.get(key, (key,))
            place, other = first.setdefault(assets[0], (row, name)) if len(assets) == 1 else (row, name)
            if other != name:
                problem = f"is the same asset as {other!r} in row {place}"
                advice = "give each asset one row; add up or drop the rows yourself"
                faults.append(Fault(problem, advice, column="asset", row=row, value=name))
        if faults:
            raise InputError(faults, source)

    def matched(self, names: Sequence[str | None], known: Collection[str | None], source: str | None = None) -> Renamed:
        """Names in the spelling of `known`, where those have the asset under another one; all others unchanged.

        Raises
        ------
        InputError
            A name that may mean several assets, and that only one of the two has as written: it lists them.
        """
        if not known:
            return Renamed(tuple(names), {})
        exact = {name for name in known if isinstance(name, str)}
        others = {name for name in names if isinstance(name, str)} - exact
        by_asset = self.spelling_of_assets(exact) if others else {}
        new: list[str | None] = []
        changes: dict[str, str] = {}
        faults = self._unclear(exact.difference(names), others)
        for row, name in enumerate(names, 1):
            if not isinstance(name, str) or name in exact:
                new.append(name)
                continue
            assets = self.assets_of(name)
            if len(assets) > 1:
                faults.append(_ambiguous(name, [by_asset.get(asset, asset) for asset in assets], row))
            new.append(by_asset.get(assets[0], name))
            if new[-1] != name:
                changes[name] = str(new[-1])
        if faults:
            raise InputError(faults, source)
        return Renamed(tuple(new), changes)

    def _unclear(self, known: Iterable[str], others: Iterable[str]) -> list[Fault]:
        """The known names that may mean several assets, one of them among the others."""
        meant = {assets[0] for name in others if len(assets := self.assets_of(name)) == 1}
        pairs = [(name, self.assets_of(name)) for name in sorted(known)]
        return [_ambiguous(name, assets) for name, assets in pairs if len(assets) > 1 and meant.intersection(assets)]

    def spelling_of_assets(self, known: Iterable[str]) -> dict[str, str]:
        """The spelling of each asset among these names; an ambiguous name is the spelling of none."""
        spellings: dict[str, str] = {}
        for name in sorted(known):
            assets = self.assets_of(name)
            if len(assets) == 1:
                spellings.setdefault(assets[0], name)
        return spellings


@functools.cache
def shipped_aliases() -> Aliases:
    """The table that ships: US share classes."""
    text = (resources.files("trimtab.symbols") / "aliases.toml").read_text(encoding="utf-8")
    return Aliases({}).extended(tomllib.loads(text), may_be_ambiguous=True)


def _ambiguous(name: str, assets: Sequence[str], row: int | None = None) -> Fault:
    problem = f"may be {' or '.join(assets)}"
    return Fault(problem, "write the symbol you mean, or add an alias for it", column="asset", row=row, value=name)


def _faults(spellings: Any) -> Iterable[Fault]:
    """The faults of a table of aliases."""
    if not isinstance(spellings, Mapping):
        yield Fault("aliases are not a mapping", _ADVICE, value=spellings)
        return
    for asset, others in spellings.items():
        if not isinstance(others, list | tuple):
            yield Fault(f"{asset!r} has no list of spellings", _ADVICE, value=others)
            continue
        for name in (asset, *others):
            if not isinstance(name, str) or not name or name != name.strip():
                yield Fault("is not the name of an asset", "write it as text, without spaces around it", value=name)
            elif fault := identifier_fault(name):
                yield fault

"""The table on screen: which candidates it shows, and the clause that says why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trimtab.facts.assets import AssetFact, Groups

_MISSES_SHOWN = 5


def fitting(asset: AssetFact, room: int, bucket: str) -> str:
    """The clause in about `room` characters: its own bucket by its short name, details after the fact dropped."""
    text = asset.clause.replace(asset.bucket, bucket) if bucket else asset.clause
    for end in ("; ", ": ", ", "):
        if len(text) <= room:
            break
        text = text.partition(end)[0]
    return text


@dataclass(frozen=True)
class Shown:
    """The candidates on screen in three groups, and how many of the last are not shown."""

    held: Sequence[AssetFact]
    closed: Sequence[AssetFact]
    missed: Sequence[AssetFact]
    more: int


def chosen_rows(groups: Groups, *, show_all: bool) -> Shown:
    """The held and closed assets, and the nearest misses or all of them."""
    shown = groups.missed if show_all else groups.missed[:_MISSES_SHOWN]
    return Shown(groups.held, groups.closed, shown, len(groups.missed) - len(shown))

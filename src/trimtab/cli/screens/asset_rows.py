"""The table on screen: which candidates it shows, and the clause that says why."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trimtab.facts.assets import AssetFact, Groups

_MISSES_SHOWN = 5
_VERB = re.compile(r"(?:Kept|Added|Closed|Not selected|Held): |(?:Kept|Added) (?=to represent |in overflow)").match
_WEIGHT = re.compile(r"Weight [^:]+%: |The brake keeps it at [^;]+%; ").match


def clause(one: AssetFact) -> str:
    """What decided: of the size for what was kept anyway, else of the selection."""
    if one.about_size and (one.size_reason == "braked" or one.reason == "kept"):
        return _without(_WEIGHT, one.about_size)
    return _without(_VERB, one.about_selection)


def fitting(one: AssetFact, room: int, bucket: str) -> str:
    """The clause in about `room` characters: its own bucket by its short name, without what follows the fact."""
    text = clause(one).replace(one.bucket, bucket) if bucket else clause(one)
    for end in ("; ", ": ", ", "):
        if len(text) <= room:
            break
        text = text.partition(end)[0]
    return text


def _without(opening: Callable[[str], re.Match[str] | None], text: str) -> str:
    """A sentence without its opening and its full stop."""
    found = opening(text)
    return text[found.end() if found else 0 :].removesuffix(".")


@dataclass(frozen=True)
class Shown:
    """The candidates on screen in three groups, and how many more there are of the last."""

    held: Sequence[AssetFact]
    closed: Sequence[AssetFact]
    missed: Sequence[AssetFact]
    more: int


def chosen_rows(groups: Groups, *, show_all: bool) -> Shown:
    """What is held and closed, and the nearest misses or all of them."""
    shown = groups.missed if show_all else groups.missed[:_MISSES_SHOWN]
    return Shown(groups.held, groups.closed, shown, len(groups.missed) - len(shown))

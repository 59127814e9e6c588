"""The rows of the table on screen: which, in what order, and the clause that says why."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trimtab.cli.exits import printable

if TYPE_CHECKING:
    from trimtab.result import RebalanceResult

_MISSES_SHOWN = 5
_VERB = re.compile(r"(?:Kept|Added|Closed|Not selected|Held): |(?:Kept|Added) (?=to represent |in overflow)").match
_WEIGHT = re.compile(r"Weight [\d.]+%: |The brake keeps it at [\d.]+%; ").match


@dataclass(frozen=True)
class Row:
    """One candidate as the screen shows it."""

    asset: str
    bucket: str
    score: float | None
    current: float
    target: float
    proposed: float
    action: str
    reason: str
    size_reason: str
    about_selection: str
    about_size: str

    @property
    def why(self) -> str:
        """The clause that decided: of the size for what was kept anyway, else of the selection."""
        if self.about_size and (self.size_reason == "braked" or self.reason == "kept"):
            return _without(_WEIGHT, self.about_size)
        return _without(_VERB, self.about_selection)

    def fitting(self, room: int, bucket: str) -> str:
        """The clause in about `room` characters: its own bucket by its short name, without what follows the fact."""
        text = self.why.replace(printable(self.bucket, keep=""), bucket) if bucket else self.why
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
    """The rows in three groups: held afterwards, closed, neither; and how many more there are of the last."""

    held: Sequence[Row]
    closed: Sequence[Row]
    missed: Sequence[Row]
    more: int


def rows_of(result: RebalanceResult) -> list[Row]:
    """Every candidate, in the order of the table."""
    return [
        Row(
            asset=printable(row["asset"], keep=""),
            bucket=row["bucket"],
            score=row["score"],
            current=row["current_weight"],
            target=row["target_weight"],
            proposed=row["proposed_weight"],
            action=row["action"],
            reason=row["reason"],
            size_reason=row["size_reason"],
            about_selection=printable(detail.reason, keep=""),
            about_size=printable(detail.size, keep=""),
        )
        for row, detail in zip(result.to_dict()["targets"], result.words(), strict=True)
    ]


def chosen_rows(rows: Sequence[Row], *, show_all: bool) -> Shown:
    """Held rows by bucket (largest first) and weight, closed ones by weight, then the nearest misses by score."""
    in_bucket: dict[str, float] = {}
    for row in rows:
        in_bucket[row.bucket] = in_bucket.get(row.bucket, 0.0) + row.target
    held = [row for row in rows if row.target > 0]
    closed = [row for row in rows if row.target <= 0 < row.current]
    missed = [row for row in rows if row.target <= 0 and row.current <= 0]
    held.sort(key=lambda row: (-in_bucket[row.bucket], row.bucket, -row.target, -(row.score or 0.0), row.asset))
    closed.sort(key=lambda row: (-row.current, row.asset))
    missed.sort(key=lambda row: (row.score is None, -(row.score or 0.0), row.asset))
    shown = missed if show_all else missed[:_MISSES_SHOWN]
    return Shown(held, closed, shown, len(missed) - len(shown))

"""The brake over a whole batch: beyond it nothing is published, so that a broken feed of scores cannot liquidate everybody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trimtab.blocks.counts import Counts
from trimtab.text import percent


@dataclass(frozen=True)
class Brake:
    """The largest mean turnover of an account, and the largest share of held positions that may be closed; None: any."""

    turnover: float | None = None
    closed: float | None = None

    def faults(self, counts: Counts) -> list[str]:
        """What is beyond it, in words."""
        found = []
        if self.turnover is not None and counts.mean_turnover > self.turnover:
            found.append(f"the mean turnover is {counts.mean_turnover:.4f}, the brake turnover={self.turnover:g}")
        if self.closed is not None and counts.closed_share > self.closed:
            found.append(
                f"{counts.closed_share:.4f} of the held positions would be closed, the brake closed={self.closed:g}"
            )
        return found


@dataclass(frozen=True)
class Rise:
    """A reason, its share of all rows now and in the batch before."""

    reason: str
    now: float
    before: float

    @property
    def now_text(self) -> str:
        """The share now, in percent."""
        return percent(self.now)

    @property
    def before_text(self) -> str:
        """The share before, in percent."""
        return percent(self.before)


def rises(counts: Counts, before: Mapping[str, Any]) -> list[Rise]:
    """The reasons that have a larger share of the rows than before, the largest rise first.

    >>> rises(Counts(rows=10, reasons={"a": 6, "b": 4}), {"rows": 10, "reasons": {"a": 1, "b": 9}})
    [Rise(reason='a', now=0.6, before=0.1)]
    """
    found = []
    for reason, count in counts.reasons.items():
        now = count / max(counts.rows, 1)
        was = before["reasons"].get(reason, 0) / max(before["rows"], 1)
        if now > was:
            found.append(Rise(reason, now, was))
    return sorted(found, key=lambda one: (one.before - one.now, one.reason))

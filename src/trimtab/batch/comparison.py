"""A batch compared with the published batch before it: which reasons are clearly more frequent."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from trimtab.batch.published_folder import MANIFEST, manifest_of
from trimtab.blocks.counts import Counts
from trimtab.errors import InputError
from trimtab.text import percent

MIN_RISE = 0.005  # of all rows
_STANDARD_ERRORS = 3.0


@dataclass(frozen=True)
class Baseline:
    """The published batch that another one is compared with."""

    folder: Path
    counts: Counts

    @classmethod
    def read(cls, folder: Path) -> Baseline:
        """The batch in a folder.

        Raises
        ------
        InputError
            There is no published batch in it.
        """
        return cls(folder, Counts.from_dict(manifest_of(folder)["counts"]))

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self.folder.resolve().name


@dataclass(frozen=True)
class Rise:
    """A reason, and its share of all rows now and in the baseline."""

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


def last_published(out: Path) -> Baseline | None:
    """The newest published batch in the folders beside this one; None without one. Damaged ones are passed over."""
    here = out.resolve()
    manifests = [file for file in here.parent.glob(f"*/{MANIFEST}") if file.parent != here]
    for file in sorted(manifests, key=lambda file: (file.stat().st_mtime_ns, file.parent.name), reverse=True):
        with suppress(InputError):
            return Baseline.read(file.parent)
    return None


def rises(counts: Counts, before: Counts) -> list[Rise]:
    """The reasons whose share of the rows rose beyond noise, the largest rise first.

    A rise counts from half a percentage point, and from three standard errors of the difference of two shares. The rows of
    an account are alike, so accounts are the independent observations, not rows.

    >>> now, before = Counts(rows=900, accounts=90, reasons={"a": 600}), Counts(rows=900, accounts=90, reasons={"a": 90})
    >>> rises(now, before)
    [Rise(reason='a', now=0.6666666666666666, before=0.1)]
    >>> rises(Counts(rows=900, accounts=90, reasons={"a": 95}), before)
    []
    """
    changes = [
        Rise(reason, _share(counts.reasons, reason, counts.rows), _share(before.reasons, reason, before.rows))
        for reason in counts.reasons
    ]
    above = [rise for rise in changes if rise.now - rise.before >= max(MIN_RISE, _noise(rise, counts, before))]
    return sorted(above, key=lambda rise: (rise.before - rise.now, rise.reason))


def _share(tally: Mapping[str, int], reason: str, rows: int) -> float:
    return tally.get(reason, 0) / max(rows, 1)


def _noise(rise: Rise, counts: Counts, before: Counts) -> float:
    """The change that chance alone may well cause."""
    accounts = max(counts.accounts, 1), max(before.accounts, 1)
    pooled = (rise.now * accounts[0] + rise.before * accounts[1]) / sum(accounts)
    return _STANDARD_ERRORS * math.sqrt(pooled * (1.0 - pooled) * (1.0 / accounts[0] + 1.0 / accounts[1]))

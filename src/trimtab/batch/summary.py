"""What a batch came to, in numbers and texts ready to be shown: as a table, as JSON, or as a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from trimtab.batch.publish_brake import Rise, rises
from trimtab.batch.published_folder import FAILED, MANIFEST, read_manifest, read_records
from trimtab.blocks.counts import Counts
from trimtab.errors import Fault, InputError
from trimtab.facts.outcome import Figure

_FAILED_SHOWN = 5
_WORDS = {
    "reasons": "Reasons",
    "actions": "Actions",
    "size_reasons": "Sizes",
    "unmet_causes": "Unmet limits by cause",
    "certificate": "Certificate",
}


@dataclass(frozen=True)
class CountLine:
    """How often something occurs, its share of all in its table, and that share in the batch before ("" without one)."""

    name: str
    count: int
    share: float
    share_text: str
    before_text: str = ""

    @property
    def count_text(self) -> str:
        """The count as it is shown."""
        return f"{self.count:,}"


@dataclass(frozen=True)
class CountSection:
    """A table of counts."""

    name: str
    title: str
    lines: tuple[CountLine, ...]

    @property
    def table(self) -> str:
        """The name of its table on a page."""
        return f"{self.name}-table"


@dataclass(frozen=True)
class Summary:
    """A whole batch. `failed`: the first accounts that failed, each with its reason; `before`: the batch compared with."""

    title: str
    status: str
    counts: Counts
    figures: tuple[Figure, ...]
    sections: tuple[CountSection, ...]
    failed: tuple[tuple[Any, str], ...]
    rises: tuple[Rise, ...]
    before: str | None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of a table of counts; those of numbers begin with #."""
        return ("Name", "#Count", "#Share", *(("#Before",) if self.before else ()))

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        counts = self.counts
        return {
            "status": self.status,
            "counts": counts.to_dict(),
            "mean_turnover": counts.mean_turnover,
            "closed_share": counts.closed_share,
            "failed": [{"account": account, "reason": reason} for account, reason in self.failed],
            "before": self.before,
            "rises": [{"reason": one.reason, "now": one.now, "before": one.before} for one in self.rises],
        }


def summary_of(
    folder: Path, status: str, counts: Counts, failed: Sequence[tuple[Any, str]], before: Path | None
) -> Summary:
    """The summary of counts; with a published batch before it, what rose against that."""
    known = None if before is None else read_manifest(before)
    if before is not None and known is None:
        raise InputError([Fault("holds no published batch", "name a folder with a manifest.json")], str(before))
    was = {} if known is None else known["counts"]
    return Summary(
        title=folder.name,
        status=status,
        counts=counts,
        figures=_figures(counts),
        sections=tuple(_sections(counts, was)),
        failed=tuple(failed[:_FAILED_SHOWN]),
        rises=tuple(rises(counts, was)) if was else (),
        before=None if before is None else before.name,
    )


def read_summary(folder: Path, before: Path | None) -> Summary:
    """The summary of a folder; of one that is not published, of the parts that are done.

    Raises
    ------
    InputError
        There is no batch in it.
    """
    manifest = read_manifest(folder)
    if manifest is not None:
        failed = pq.read_table(folder / FAILED).to_pydict()
        pairs = list(zip(failed["account"], failed["reason"], strict=True))
        return summary_of(folder, "published", Counts.from_dict(manifest["counts"]), pairs, before)
    records = read_records(folder)
    if not records:
        raise InputError([Fault("holds no batch", "name the folder that was --out")], str(folder))
    counts = Counts.total(record.counts for record in records)
    pairs = [one for record in records for one in record.failed]
    return summary_of(folder, "not published", counts, pairs, before)


def last_published(out: Path) -> Path | None:
    """The newest published batch in the folders beside this one, None where there is none."""
    beside = [file for file in out.resolve().parent.glob(f"*/{MANIFEST}") if file.parent != out.resolve()]
    newest = max(beside, key=lambda file: (file.stat().st_mtime_ns, file.parent.name), default=None)
    return None if newest is None else newest.parent


def _figures(counts: Counts) -> tuple[Figure, ...]:
    decided = max(counts.decided, 1)
    listed = {
        "Accounts": f"{counts.accounts:,}",
        "Failed": f"{counts.failed:,}",
        "Traded": f"{counts.traded:,}",
        "Braked": f"{counts.braked:,}",
        "Limit unmet": f"{counts.unmet:,}",
        "Mean turnover": f"{counts.mean_turnover:.2%}",
        "Holdings closed": f"{counts.closed_share:.2%}",
        "Mean positions": f"{counts.positions / decided:.1f}",
        "Mean cash": f"{counts.cash / decided:.2%}",
        "Cash forced": f"{counts.cash_forced / decided:.2%}",
    }
    return tuple(Figure(name, text) for name, text in listed.items())


def _sections(counts: Counts, before: Mapping[str, Any]) -> list[CountSection]:
    found = []
    for name, title in _WORDS.items():
        tally, was = getattr(counts, name), before.get(name, {})
        total, total_was = sum(tally.values()), sum(was.values())
        ranked = sorted(tally.items(), key=lambda one: (-one[1], one[0]))
        lines = tuple(
            CountLine(
                key,
                count,
                count / total,
                f"{count / total:.2%}",
                f"{was.get(key, 0) / max(total_was, 1):.2%}" if before else "",
            )
            for key, count in ranked
        )
        if lines:
            found.append(CountSection(name, title, lines))
    return found

"""The summary of a batch, in numbers and texts ready to be shown: as a table, as JSON, or as a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from trimtab.batch.comparison import Baseline, Rise, rises
from trimtab.batch.published_folder import FAILED, check_published, read_manifest, read_records
from trimtab.blocks.counts import Counts
from trimtab.decimals import money_text
from trimtab.errors import Fault, InputError
from trimtab.facts.outcome import Figure
from trimtab.text import percent

_FAILED_SHOWN = 5
_TITLES = {
    "reasons": "Reasons",
    "actions": "Actions",
    "size_reasons": "Sizes",
    "unmet_causes": "Unmet limits by cause",
    "certificate": "Certificate",
    "plan_statuses": "Plans",
    "order_reasons": "Why orders are made, or not",
}


@dataclass(frozen=True)
class CountLine:
    """How often something occurs, its share of the table, and that share in the baseline ("" without one)."""

    name: str
    count: int
    share: float
    share_text: str
    before_text: str = ""

    @property
    def count_text(self) -> str:
        """The count in writing."""
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
    """A whole batch. `failed`: the first accounts that failed, each with its reason."""

    title: str
    status: str
    counts: Counts
    figures: tuple[Figure, ...]
    sections: tuple[CountSection, ...]
    failed: tuple[tuple[Any, str], ...]
    rises: tuple[Rise, ...]
    baseline: Baseline | None

    @property
    def before(self) -> str | None:
        """The name of the baseline."""
        return None if self.baseline is None else self.baseline.name

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of a table of counts; those of numbers begin with #."""
        return ("Name", "#Count", "#Share", *(() if self.before is None else (f"#{self.before}",)))

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        counts, baseline = self.counts, self.baseline
        compared = {"folder": str(baseline.folder), "accounts": baseline.counts.accounts} if baseline else None
        return {
            "status": self.status,
            "counts": counts.to_dict(),
            "mean_turnover": counts.mean_turnover,
            "closed_share": counts.closed_share,
            "failed": [{"account": account, "reason": reason} for account, reason in self.failed],
            "before": self.before,
            "baseline": compared,
            "rises": [{"reason": rise.reason, "now": rise.now, "before": rise.before} for rise in self.rises],
        }


def summary_of(
    folder: Path, status: str, counts: Counts, failed: Sequence[tuple[Any, str]], baseline: Baseline | None
) -> Summary:
    """The summary of counts; with a baseline, what rose against it."""
    return Summary(
        title=folder.name,
        status=status,
        counts=counts,
        figures=_figures(counts),
        sections=tuple(_sections(counts, None if baseline is None else baseline.counts)),
        failed=tuple(failed[:_FAILED_SHOWN]),
        rises=() if baseline is None else tuple(rises(counts, baseline.counts)),
        baseline=baseline,
    )


def read_summary(folder: Path, baseline: Baseline | None) -> Summary:
    """The summary of a folder; if it is not published, of the parts that are done.

    Raises
    ------
    InputError
        There is no batch in it.
    DamagedError
        A published file is damaged.
    """
    manifest = read_manifest(folder)
    if manifest is not None:
        check_published(folder, manifest)
        failed = pq.read_table(folder / FAILED).to_pydict()
        pairs = list(zip(failed["account"], failed["reason"], strict=True))
        return summary_of(folder, "published", Counts.from_dict(manifest["counts"]), pairs, baseline)
    records = read_records(folder)
    if not records:
        raise InputError([Fault("holds no batch", "name the folder that was --out")], str(folder))
    counts = Counts.total(record.counts for record in records)
    pairs = [pair for record in records for pair in record.failed]
    return summary_of(folder, "not published", counts, pairs, baseline)


def _figures(counts: Counts) -> tuple[Figure, ...]:
    decided = max(counts.decided, 1)
    listed = {
        "Accounts": f"{counts.accounts:,}",
        "Failed": f"{counts.failed:,}",
        "Unscored": f"{counts.unscored:,}",
        "Traded": f"{counts.traded:,}",
        "Braked": f"{counts.braked:,}",
        "Limit unmet": f"{counts.unmet:,}",
        "Mean turnover": percent(counts.mean_turnover),
        "Holdings closed": percent(counts.closed_share),
        "Mean positions": f"{counts.positions / decided:.1f}",
        "Mean cash": percent(counts.cash / decided),
        "Cash forced": percent(counts.cash_forced / decided),
    }
    if counts.plan_statuses:
        listed |= {
            "Orders": f"{counts.orders:,}",
            "Order amount": money_text(counts.order_amount, 0),
            "Accounts with orders": f"{counts.ordering:,}",
            "Not settled": f"{counts.unsettled:,}",
        }
    return tuple(Figure(name, text) for name, text in listed.items())


def _sections(counts: Counts, before: Counts | None) -> list[CountSection]:
    sections = []
    for name, title in _TITLES.items():
        tally: Mapping[str, int] = getattr(counts, name)
        earlier: Mapping[str, int] = {} if before is None else getattr(before, name)
        total, earlier_total = sum(tally.values()), max(sum(earlier.values()), 1)
        lines = []
        for key, count in sorted(tally.items(), key=lambda item: (-item[1], item[0])):
            then = "" if before is None else percent(earlier.get(key, 0) / earlier_total)
            lines.append(CountLine(key, count, count / total, percent(count / total), then))
        if lines:
            sections.append(CountSection(name, title, tuple(lines)))
    return sections

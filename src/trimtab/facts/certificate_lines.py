"""The certificate in writing: each limit, and how many are met."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from trimtab.certificate.certificate import Certificate
from trimtab.text import percent, printable

STATUSES = ("met", "drifted", "waived", "unmet")
_COUNTS = (
    "max_total_positions",
    "max_new_positions",
    "max_positions",
    "restrictions_violated",
    "min_buckets_represented",
)
_PLAIN = ("min_score_threshold", "min_score_diversification", "min_score_new_position", "max_correlation")


@dataclass(frozen=True)
class CertificateLine:
    """A line of the certificate in writing."""

    name: str
    node: str
    measured: str
    limit: str
    status: str
    note: str
    sentence: str


@dataclass(frozen=True)
class StatusCount:
    """How many limits have a status."""

    status: str
    text: str


def lines_of(certificate: Certificate) -> Iterator[CertificateLine]:
    """Every limit, in the certificate's order."""
    for constraint in certificate:
        written = _number_of(constraint.name)
        measured, limit = written(constraint.measured), written(constraint.limit)
        node, note = printable(constraint.node), printable(constraint.note)
        wanted = "at least" if constraint.name.startswith("min_") else "at most"
        sentence = f"{constraint.name}{f' of {node}' if node else ''} is {measured} instead of {wanted} {limit}"
        sentence += f": {note}" if note else ""
        yield CertificateLine(constraint.name, node, measured, limit, constraint.status, note, sentence)


def counts_of(certificate: Certificate) -> Iterator[StatusCount]:
    """How many are met, and how many have each other status."""
    statuses = [constraint.status for constraint in certificate]
    for status in STATUSES:
        if status in statuses or status == "met":
            yield StatusCount(status, f"{statuses.count(status)} {'limits met' if status == 'met' else status}")


def _number_of(name: str) -> Callable[[float], str]:
    if name in _COUNTS:
        return lambda value: f"{value:.0f}"
    return (lambda value: f"{value:g}") if name in _PLAIN else percent

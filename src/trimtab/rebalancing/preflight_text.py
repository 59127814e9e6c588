"""The findings of the pre-flight, as text and as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from trimtab.errors import Fault
from trimtab.explanations.conflicts import Conflict
from trimtab.rebalancing.preflight import Finding, Preflight
from trimtab.text import counted, json_text, printable

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class PlacedFinding:
    """A finding whose text names the file, row and column that it is about."""

    level: str
    code: str
    account: str | None
    text: str


def placed_findings(
    preflight: Preflight, source_of: Mapping[str, str], located: Callable[[Fault], Fault]
) -> list[PlacedFinding]:
    """The findings, errors first. `source_of` maps a code to its file; `located` puts a fault where it can be fixed."""
    return [_placed(finding, source_of, located) for finding in preflight.findings]


def _placed(finding: Finding, source_of: Mapping[str, str], located: Callable[[Fault], Fault]) -> PlacedFinding:
    fault = None if finding.fault is None else located(finding.fault)
    text = finding.text if fault is None else fault.sentence()
    source = "" if fault is not None and fault.source else source_of.get(finding.code, "")
    account = None if finding.account is None else str(finding.account)
    return PlacedFinding(finding.level, finding.code, account, f"{source}: {text}" if source else text)


def findings_text(findings: Iterable[PlacedFinding]) -> str:
    """One line per finding: level, code, account, text."""
    lines = []
    for finding in findings:
        # The sentence of a fault in the input names its account already.
        account = "" if finding.account is None or finding.code == "input" else f"account {finding.account!r}: "
        lines.append(f"{finding.level:<7}  {finding.code:<19}  {printable(account + finding.text)}\n")
    return "".join(lines)


def conflicts_text(preflight: Preflight) -> str:
    """Each conflict, and below it what would resolve it."""
    lines: list[str] = []
    for account, conflict in preflight.conflicts:
        place = "" if account is None else f"account {account!r}: "
        lines.append(f"conflict {place}{conflict.text}")
        lines += [f"         {remedy}" for remedy in _remedies(conflict)]
    return "".join(f"{printable(line)}\n" for line in lines)


def preflight_document(findings: Iterable[PlacedFinding], preflight: Preflight) -> dict[str, Any]:
    """The findings and conflicts as plain values."""
    conflicts = [
        {
            "account": None if account is None else str(account),
            "text": conflict.text,
            "remedies": list(_remedies(conflict)),
        }
        for account, conflict in preflight.conflicts
    ]
    return {
        "schema_version": SCHEMA_VERSION,
        "ok": preflight.ok,
        "findings": [vars(finding) for finding in findings],
        "conflicts": conflicts,
    }


def preflight_json(findings: Iterable[PlacedFinding], preflight: Preflight) -> str:
    """The findings and conflicts as JSON."""
    return json_text(preflight_document(findings, preflight))


def summary(preflight: Preflight) -> str:
    """The counts in a sentence."""
    if not preflight.findings:
        return "no findings: this can be rebalanced"
    errors, warnings = len(preflight.errors), len(preflight.warnings)
    counts = ", ".join(counted(count, noun) for count, noun in ((errors, "error"), (warnings, "warning")) if count)
    return counts if errors else f"{counts}: this can be rebalanced"


def _remedies(conflict: Conflict) -> Iterable[str]:
    """The changes that would resolve a conflict, or come closest to its goal."""
    for member in conflict.members:
        if member.relaxation:
            yield f"met with {member.relaxation.effect}"
    if conflict.together:
        yield f"met with {' and '.join(relaxation.effect for relaxation in conflict.together)}"
    if conflict.goal.relaxation:
        yield f"otherwise: {conflict.goal.relaxation.effect}"

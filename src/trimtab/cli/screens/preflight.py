"""The findings of the pre-flight as text."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from trimtab.errors import Fault
from trimtab.rebalancing.preflight import Finding, Preflight
from trimtab.text import printable


def findings_text(found: Preflight, source_of: Mapping[str, str], located: Callable[[Fault], Fault]) -> bytes:
    """One line a finding: level, code, text; errors first.

    `source_of` maps a code to the file it speaks of; `located` puts a fault where it can be mended.
    """
    return "".join(f"{_line(finding, source_of, located)}\n" for finding in found.findings).encode()


def conflicts_text(found: Preflight) -> bytes:
    """Each conflict, and below it what would solve it."""
    lines: list[str] = []
    for account, one in found.conflicts:
        place = "" if account is None else f"account {account!r}: "
        lines.append(f"conflict {place}{one.text}")
        helping = [member.relaxation for member in one.members if member.relaxation]
        lines += [f"         it is met with {relaxation.effect}" for relaxation in helping]
        if one.together:
            lines.append(f"         it is met with {' and '.join(relaxation.effect for relaxation in one.together)}")
        if one.goal.relaxation:
            lines.append(f"         what is left of it: {one.goal.relaxation.effect}")
    return "".join(f"{printable(line)}\n" for line in lines).encode()


def summary(found: Preflight) -> str:
    """How much was found, in a sentence."""
    if not found.findings:
        return "nothing found: this can be rebalanced"
    errors, warnings = len(found.errors), len(found.warnings)
    numbers = ((errors, "error"), (warnings, "warning"))
    counts = ", ".join(f"{count} {noun}{'' if count == 1 else 's'}" for count, noun in numbers if count)
    return counts if errors else f"{counts}: this can be rebalanced"


def _line(finding: Finding, source_of: Mapping[str, str], located: Callable[[Fault], Fault]) -> str:
    fault = None if finding.fault is None else located(finding.fault)
    text = finding.text if fault is None else fault.sentence()
    source = "" if fault is not None and fault.source else source_of.get(finding.code, "")
    place = f"{source}: " if source else ""
    if finding.account is not None and finding.code != "input":
        place += f"account {finding.account!r}: "
    return f"{finding.level:<7}  {finding.code:<19}  {printable(place + text)}"

"""`trimtab check`."""

from __future__ import annotations

from typing import Annotated

from trimtab.cli.exit_codes import ExitCode, exit_codes
from trimtab.cli.notices import Notices
from trimtab.cli.options import (
    DataOptions,
    Explain,
    File,
    LimitOptions,
    Quiet,
    ScreenFormat,
    ScreenFormatOption,
    flag,
    grouped,
)

UNMET_CODES = frozenset({"unmet", "representation", "minimum_unreachable", "cash_forced"})
Strict = Annotated[bool, flag("Exit with 4 if a limit would be unmet or cash be left.", "--strict")]


@exit_codes
@grouped
def check(
    data: DataOptions,
    limits: LimitOptions,
    file: File = None,
    explain: Explain = False,
    form: ScreenFormatOption = ScreenFormat.TABLE,
    strict: Strict = False,
    quiet: Quiet = False,
) -> int:
    """Show what a rebalance would refuse or leave unmet.

    A file of many accounts (column `account`) is checked account by account.
    """
    from trimtab.cli.one_account import read_account
    from trimtab.cli.output import emit
    from trimtab.rebalancing.preflight import check as preflight_of
    from trimtab.rebalancing.preflight_text import (
        conflicts_text,
        findings_text,
        placed_findings,
        preflight_json,
        summary,
    )

    notices = Notices(quiet=quiet)
    inputs, chosen = read_account(file, data, limits, notices, quiet=quiet)
    preflight = preflight_of(
        inputs.table,
        chosen.limits,
        correlations=inputs.correlations,
        exposures=inputs.exposures,
        explain=explain,
    )
    findings = placed_findings(preflight, {"input": inputs.name, "limits": chosen.source or ""}, inputs.located)
    if form == ScreenFormat.JSON:
        emit(preflight_json(findings, preflight).encode())
    else:
        emit((findings_text(findings) + conflicts_text(preflight)).encode())
    notices.note(summary(preflight))
    if not preflight.ok:
        return ExitCode.BAD_INPUT
    unmet = any(finding.code in UNMET_CODES for finding in preflight.warnings)
    return ExitCode.UNMET if strict and unmet else ExitCode.FINE

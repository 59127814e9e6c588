"""`trimtab check`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

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
    grouped,
)

if TYPE_CHECKING:
    from trimtab.cli.chosen_limits import ChosenLimits
    from trimtab.cli.inputs import CandidateInputs
    from trimtab.rebalancing.preflight import Preflight

UNMET_CODES = frozenset({"unmet", "representation", "minimum_unreachable", "cash_forced"})
Strict = Annotated[bool, typer.Option("--strict", help="Exit with 4 if a limit would be unmet or cash be left.")]


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
    """Say what a rebalance would refuse or leave unmet.

    A file of many accounts (column `account`) is checked account by account.
    """
    from trimtab.cli.one_account import read_account
    from trimtab.cli.output import emit
    from trimtab.cli.screens.preflight import conflicts_text, findings_text, placed_findings, preflight_json, summary

    notices = Notices(quiet=quiet)
    inputs, chosen = read_account(file, data, limits, notices, quiet=quiet)
    preflight = _preflight(inputs, chosen, explain=explain)
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


def _preflight(inputs: CandidateInputs, chosen: ChosenLimits, *, explain: bool) -> Preflight:
    """The pre-flight of one account or, at the cost of a batch, of many."""
    from trimtab.files.candidate_file import accounts_of

    if len(accounts_of(inputs.table)) > 1 and not explain and inputs.correlations is None:
        from trimtab.blocks.check_accounts import check_accounts

        return check_accounts(inputs.table, chosen.limits)
    from trimtab.rebalancing.preflight import check as preflight_of

    return preflight_of(inputs.table, chosen.limits, correlations=inputs.correlations, explain=explain)

"""`trimtab check`."""

from __future__ import annotations

from trimtab.cli.exit_codes import ExitCode, exit_codes
from trimtab.cli.notices import Notices
from trimtab.cli.options import DataOptions, Explain, File, LimitOptions, Quiet, grouped


@exit_codes
@grouped
def check(
    data: DataOptions, limits: LimitOptions, file: File = None, explain: Explain = False, quiet: Quiet = False
) -> int:
    """Say what will not work, before anything is decided."""
    from trimtab.cli.one_account import read_account
    from trimtab.cli.output import emit
    from trimtab.cli.screens.preflight import conflicts_text, findings_text, summary
    from trimtab.rebalancing.preflight import check as preflight_of

    notices = Notices(quiet=quiet)
    inputs, chosen = read_account(file, data, limits, notices, quiet=quiet)
    preflight = preflight_of(inputs.table, chosen.limits, correlations=inputs.correlations, explain=explain)
    emit(findings_text(preflight, {"input": inputs.name, "limits": chosen.source or ""}, inputs.located))
    emit(conflicts_text(preflight))
    accounts = inputs.table["account"].unique() if "account" in inputs.table.column_names else ()
    if len(accounts) > 1:
        notices.warn(f"there are {len(accounts)} accounts; `trimtab rebalance` takes the rows of one")
    notices.note(summary(preflight))
    return ExitCode.FINE if preflight.ok else ExitCode.BAD_INPUT

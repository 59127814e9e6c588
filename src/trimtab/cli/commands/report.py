"""`trimtab report`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trimtab.cli.exit_codes import ExitCode, exit_codes
from trimtab.cli.notices import Notices
from trimtab.cli.options import DataOptions, File, LimitOptions, OutPage, Quiet, grouped
from trimtab.cli.store_options import StorePlace
from trimtab.cli.stored_result import is_run, stored_plan

if TYPE_CHECKING:
    from trimtab.orders.plan import Plan
    from trimtab.rebalancing.result import RebalanceResult


@exit_codes
@grouped
def report(
    data: DataOptions,
    limits: LimitOptions,
    file: File = None,
    out: OutPage = None,
    store: StorePlace = None,
    quiet: Quiet = False,
) -> int:
    """Write a report as one HTML page that needs no other file. FILE may be the id of a stored run.

    Where shares are known it is the page of a plan: what to trade, in money and shares.
    """
    from trimtab.cli.one_account import decide, plan_of_shares, read_account
    from trimtab.cli.output import check_out, check_page, write_out

    notices = Notices(quiet=quiet)
    check_page(out)
    if file is not None and is_run(str(file)):
        made: Plan | RebalanceResult = stored_plan(str(file), store, data, limits, notices)
        title = f"run {file}"
    else:
        inputs, chosen = read_account(file, data, limits, notices, quiet=quiet)
        check_out(out, [*inputs.files, *chosen.files])
        planned = plan_of_shares(inputs, chosen, data, notices)
        made = decide(inputs, chosen, notices, shows_cash=True) if planned is None else planned
        title = inputs.title
    write_out(made.to_html(title).encode(), out, notices)
    return ExitCode.BRAKED if made.braked else ExitCode.FINE

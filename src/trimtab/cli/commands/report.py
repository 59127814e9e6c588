"""`trimtab report`."""

from __future__ import annotations

from trimtab.cli.exit_codes import ExitCode, exit_codes
from trimtab.cli.notices import Notices
from trimtab.cli.options import DataOptions, File, LimitOptions, OutPage, Quiet, grouped
from trimtab.cli.store_options import StorePlace
from trimtab.cli.stored_result import is_run, stored_result


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
    """Write a report as one HTML page that needs no other file. FILE may be the id of a stored run."""
    from trimtab.cli.one_account import decide, read_account
    from trimtab.cli.output import check_out, check_page, write_out

    notices = Notices(quiet=quiet)
    check_page(out)
    if file is not None and is_run(str(file)):
        result, title = stored_result(str(file), store, data, limits, notices)
        write_out(result.to_html(title).encode(), out, notices)
        return ExitCode.BRAKED if result.braked else ExitCode.FINE
    inputs, chosen = read_account(file, data, limits, notices, quiet=quiet)
    if out is not None:
        check_out(out, [*inputs.files, *chosen.files])
    result = decide(inputs, chosen, notices, shows_cash=True)
    write_out(result.to_html(inputs.title).encode(), out, notices)
    return ExitCode.BRAKED if result.braked else ExitCode.FINE

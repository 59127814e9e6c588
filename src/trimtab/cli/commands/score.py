"""`trimtab score`."""

from __future__ import annotations

import typer

from trimtab.cli.exit_codes import ExitCode, exit_codes
from trimtab.cli.notices import Notices
from trimtab.cli.options import Accept, AsOf, Classification, Fundamentals, Membership, OutTable, Quiet, RequiredPrices


@exit_codes
def score(
    prices: RequiredPrices,
    fundamentals: Fundamentals = None,
    classification: Classification = None,
    membership: Membership = None,
    as_of: AsOf = None,
    accept: Accept = None,
    out: OutTable = None,
    quiet: Quiet = False,
) -> int:
    """Score every asset with prices from 0 to 1; each score comes with its parts and its missing inputs."""
    from trimtab.cli.market_inputs import MarketFiles, accepted, scored
    from trimtab.cli.output import check_out, encoded_table, format_of, write_out

    notices = Notices(quiet=quiet)
    form = "csv" if out is None else format_of(None, out)
    if form in ("table", "json"):
        raise typer.BadParameter(f"--out {out}: scores are written as .csv, .parquet, .arrow or .xlsx")
    files = MarketFiles(prices, fundamentals, classification, membership, as_of, accepted(accept))
    if out is not None:
        check_out(out, files.files)
    write_out(encoded_table(scored(files, notices, quiet=quiet).table.to_arrow(), form), out, notices)
    return ExitCode.FINE

"""`trimtab score`."""

from __future__ import annotations

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
    from trimtab.cli.output import table_form, write_out
    from trimtab.files.encoded_table import encoded_table

    notices = Notices(quiet=quiet)
    files = MarketFiles(prices, fundamentals, classification, membership, as_of, accepted(accept))
    form = table_form(out, "scores", files.files)
    write_out(encoded_table(scored(files, notices, quiet=quiet).table.to_arrow(), form), out, notices)
    return ExitCode.FINE

"""`trimtab explain`."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trimtab.cli.exit_codes import ExitCode, exit_codes
from trimtab.cli.notices import Notices
from trimtab.cli.options import DataOptions, LimitOptions, Quiet, ScreenFormat, ScreenFormatOption, grouped
from trimtab.cli.store_options import StorePlace
from trimtab.cli.stored_result import is_run, stored_plan

if TYPE_CHECKING:
    from trimtab.orders.plan import Plan


@exit_codes
@grouped
def explain(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="Candidates, as in rebalance, or a stored run; leave it out with --scores or --prices.",
        ),
    ],
    data: DataOptions,
    limits: LimitOptions,
    assets: Annotated[
        list[str] | None, typer.Argument(metavar="ASSET", help="The assets to explain.", show_default=False)
    ] = None,
    form: ScreenFormatOption = ScreenFormat.TABLE,
    store: StorePlace = None,
    quiet: Quiet = False,
) -> int:
    """Show why an asset is in or out, and what would change that; where shares are known, also why it has its order."""
    from trimtab.cli.one_account import decide, plan_of_shares, read_account
    from trimtab.cli.output import emit
    from trimtab.cli.screens.explanation import explanations_page
    from trimtab.cli.screens.outcome import printed
    from trimtab.explanations.explanation import explanations_json

    notices = Notices(quiet=quiet)
    has_file = data.scores is None and data.prices is None
    names = [*([] if has_file else [file]), *(assets or ())]
    if not names:
        raise typer.BadParameter("name at least one asset after FILE")
    if is_run(file):
        made: Plan | None = stored_plan(file, store, data, limits, notices)
        naming: AbstractContextManager[None] = nullcontext()
    else:
        inputs, chosen = read_account(Path(file) if has_file else None, data, limits, notices, quiet=quiet)
        made, naming = plan_of_shares(inputs, chosen, data, notices), inputs.named_in_errors()
    result = decide(inputs, chosen, notices) if made is None else made.result
    with naming:
        orders = [] if made is None else [made.explain(asset) for asset in names]
        if form == ScreenFormat.JSON:
            emit(explanations_json([result.explain(asset) for asset in names], orders).encode())
            return ExitCode.FINE
        explanations = result.explained(*names)
    emit(printed(lambda _width, ascii_only: explanations_page(explanations, orders, ascii_only=ascii_only), None))
    return ExitCode.FINE

"""`trimtab plan`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from trimtab.cli.exit_codes import ExitCode, exit_codes
from trimtab.cli.notices import Notices
from trimtab.cli.options import All, File, Format, FormatOption, LimitOptions, Out, Quiet, grouped
from trimtab.cli.plan_request import PlanOptions, PlanRequest, read_request
from trimtab.cli.store_options import RecordOptions, opened_store

if TYPE_CHECKING:
    from trimtab.orders.plan import Plan

_FILE_WIDTH = 120


@exit_codes
@grouped
def plan(
    limits: LimitOptions,
    options: PlanOptions,
    record: RecordOptions,
    file: File = None,
    form: FormatOption = None,
    out: Out = None,
    show_all: All = False,
    quiet: Quiet = False,
) -> int:
    """Decide what to trade: a list of orders in whole lots, sells first, with the cash after each.

    FILE has a row per asset: asset, score, shares and price; bucket, lot, currency and restriction are optional.
    The plan is stored as a run; `trimtab apply RUN` writes its order file.
    """
    from trimtab.cli.output import check_out, format_of

    notices = Notices(quiet=quiet)
    chosen_format = format_of(form, out)
    request = read_request(file, options, limits, notices)
    if out is not None:
        check_out(out, request.files)
    if record.require_approved:
        _require_approved(request, record)
    made = request.decide(notices)
    if not record.no_store:
        _store(request, made, record, notices)
    _put_out(made, request.candidates.title, chosen_format, out, notices, show_all=show_all)
    return ExitCode.BRAKED if made.result.braked else ExitCode.FINE


def _require_approved(request: PlanRequest, record: RecordOptions) -> None:
    """Refuse limits without an approval."""
    from trimtab.store.approvals import require_approved

    with opened_store(record.store) as store:
        require_approved(store, request.inputs.limits_hash, request.chosen.source)


def _store(request: PlanRequest, made: Plan, record: RecordOptions, notices: Notices) -> None:
    """Store the plan as a run, and say how to go on."""
    from trimtab.store.approvals import approval_of
    from trimtab.store.plan_runs import PlanContext, store_plan

    with opened_store(record.store) as store:
        approval = approval_of(store, request.inputs.limits_hash)
        context = PlanContext(request.sources, approval="" if approval is None else approval.hash)
        run = store_plan(store, request.inputs, made, record.stamp(), context)
        notices.note(f"stored as run {run.run_id} in {store.name}; `trimtab apply {run.run_id}` writes its order file")


def _put_out(made: Plan, title: str, form: str, out: Path | None, notices: Notices, *, show_all: bool) -> None:
    """Write the plan in its format, to a file or stdout."""
    from trimtab.cli.output import encoded_table, write_out

    if form == "json":
        write_out(made.to_json().encode(), out, notices)
        return
    if form != Format.TABLE:
        write_out(encoded_table(made.to_arrow(), form), out, notices)
        return
    from trimtab.cli.screens.outcome import printed
    from trimtab.cli.screens.trades import trade_page

    data = printed(
        lambda _, ascii_only: trade_page(made, title, ascii_only=ascii_only, show_all=show_all),
        None if out is None else _FILE_WIDTH,
    )
    write_out(data, out, notices)

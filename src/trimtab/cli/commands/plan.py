"""`trimtab plan`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from trimtab.cli.desk_options import DeskOptions
from trimtab.cli.exit_codes import ExitCode, exit_codes
from trimtab.cli.notices import Notices
from trimtab.cli.options import All, File, LimitOptions, Out, Quiet, grouped
from trimtab.cli.order_output import OrderFileSetting, PlanFormat, PlanFormatOption
from trimtab.cli.plan_request import PlanOptions, PlanRequest, read_request
from trimtab.cli.store_options import RecordOptions, opened_store

if TYPE_CHECKING:
    from trimtab.orders.release import Release
    from trimtab.store.plan_runs import Stamp

_FILE_WIDTH = 120
_SUFFIXES = {"csv": ".csv", "text": ".txt"}  # of what goes to stdout


@exit_codes
@grouped
def plan(
    limits: LimitOptions,
    options: PlanOptions,
    desk: DeskOptions,
    record: RecordOptions,
    file: File = None,
    form: PlanFormatOption = None,
    order_file: OrderFileSetting = None,
    out: Out = None,
    show_all: All = False,
    quiet: Quiet = False,
) -> int:
    """Decide what to trade: a list of orders in whole lots, sells first, with the cash after each.

    FILE has a row per asset: asset, score, shares and price; bucket, lot, currency and restriction are optional, as are
    price_date and previous_price for the gates. Settings of orders and gates: --set orders.mode=buy_only,
    --set orders.fees.per_order=1, --set gates.max_order_share=0.5. The plan is stored as a run; `trimtab apply RUN`
    writes its order file.
    """
    from trimtab.cli.order_output import plan_format_of
    from trimtab.cli.output import check_out, write_out
    from trimtab.orders.release import may_write

    notices = Notices(quiet=quiet)
    chosen_format = plan_format_of(form, out)
    request = read_request(file, options, limits, notices)
    check_out(out, [*request.files, *desk.files])
    stamp = record.stamp()
    if record.require_approved:
        _require_approved(request, record)
    made = request.decide(notices)
    release = may_write(made, desk.desk(stamp, request.inputs.today))
    if not record.no_store:
        _store(request, release, record, stamp, notices)
    if chosen_format == PlanFormat.TABLE:
        write_out(_page(release, request.candidates.title, out, show_all=show_all), out, notices)
    else:
        _write_orders(release, chosen_format, out, order_file, notices)
    if made.result.braked:
        return ExitCode.BRAKED
    return ExitCode.FINE if release.is_granted else ExitCode.HELD


def _require_approved(request: PlanRequest, record: RecordOptions) -> None:
    """Refuse limits without an approval."""
    from trimtab.store.approvals import require_approved

    with opened_store(record.store) as store:
        require_approved(store, request.inputs.limits_hash, request.chosen.source)


def _store(request: PlanRequest, release: Release, record: RecordOptions, stamp: Stamp, notices: Notices) -> None:
    """Store the plan as a run, and say how to go on."""
    from trimtab.store.approvals import approval_of
    from trimtab.store.plan_runs import PlanContext, store_plan

    with opened_store(record.store) as store:
        approval = approval_of(store, request.inputs.limits_hash)
        context = PlanContext(request.sources, release.gates, () if approval is None else (approval.hash,))
        run = store_plan(store, request.inputs, release.plan, stamp, context)
        notices.note(f"stored as run {run.run_id} in {store.name}; `trimtab apply {run.run_id}` writes its order file")


def _write_orders(release: Release, form: str, out: Path | None, settings: list[str] | None, notices: Notices) -> None:
    """Write the plan in its format, to files or stdout; orders that a gate holds back are not written."""
    from trimtab.cli.order_output import plan_files
    from trimtab.cli.output import write_out

    if not release.is_granted:
        notices.error("the orders are held back", *(f"  - {gate.sentence}" for gate in release.held))
        if out is not None and out.exists():
            notices.warn(f"{out} was left unchanged: it does not have these orders")
        if form == PlanFormat.JSON and out is None:
            write_out(release.to_json().encode(), out, notices)
        return
    if form == PlanFormat.JSON:
        release.write_record()
        write_out(release.to_json().encode(), out, notices)
        return
    files = plan_files(release.plan, form, out or Path(f"orders{_SUFFIXES[form]}"), settings)
    release.write_record()
    for file in files:
        write_out(file.data, None if out is None else file.path, notices)
    if not files:
        notices.note("no orders: nothing to write")


def _page(release: Release, title: str, out: Path | None, *, show_all: bool) -> bytes:
    from trimtab.cli.screens.outcome import printed
    from trimtab.cli.screens.trades import trade_page

    return printed(
        lambda _, ascii_only: trade_page(release, title, ascii_only=ascii_only, show_all=show_all),
        None if out is None else _FILE_WIDTH,
    )

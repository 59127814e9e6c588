"""`trimtab apply`, `execution`, `replay` and `verify`: from a stored plan to its orders, and back to its evidence."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trimtab.cli.desk_options import DeskOptions
from trimtab.cli.exit_codes import ExitCode, exit_codes
from trimtab.cli.notices import Notices
from trimtab.cli.options import Quiet, grouped, option
from trimtab.cli.order_output import OrderFileSetting, PlanFormatOption
from trimtab.cli.store_options import Run, StoreOptions, StorePlace, existing_store

if TYPE_CHECKING:
    from trimtab.order_files.formats import OrderFile
    from trimtab.orders.gates import Gate
    from trimtab.orders.plan import Plan
    from trimtab.store.plan_runs import Stamp
    from trimtab.store.record import Head, Record
    from trimtab.store.run_store import RunStore

_PRESENT = "at present; default: read from where the plan read it"


@exit_codes
@grouped
def apply(
    run: Run,
    options: StoreOptions,
    desk: DeskOptions,
    to: Annotated[Path, option("PATH", "The order file: .csv, .xlsx, .jsonl, .txt, .json or .parquet.", "--to")],
    form: PlanFormatOption = None,
    order_file: OrderFileSetting = None,
    file: Annotated[Path | None, option("FILE", f"The candidates {_PRESENT}.")] = None,
    positions: Annotated[Path | None, option("FILE", f"The shares held {_PRESENT}.")] = None,
    latest_prices: Annotated[Path | None, option("FILE", f"The prices {_PRESENT}.")] = None,
    cash: Annotated[str | None, option("AMOUNT", f"The cash {_PRESENT}.")] = None,
    today: Annotated[str | None, option("DATE", f"The session {_PRESENT}.")] = None,
    quiet: Quiet = False,
) -> int:
    """Write the order file of a stored plan, if nothing changed since.

    Reads the inputs again and refuses, naming what changed, if a position, a price, a limit, a restriction, the version
    or the session differs, if the plan is older than one session, or if a gate holds. Nothing is sent to a broker.
    """
    from trimtab.cli.order_output import applied_format, plan_files
    from trimtab.cli.output import check_out
    from trimtab.cli.plan_request import reread
    from trimtab.store.application import application_of, fresh_plan, require_open
    from trimtab.store.plan_runs import find_plan

    notices, stamp, chosen_format = Notices(quiet=quiet), options.stamp(), applied_format(form, to)
    changed = {"file": file, "positions": positions, "latest_prices": latest_prices, "cash": cash, "today": today}
    with existing_store(options.store) as store:
        record = find_plan(store, run)
        if (applied := application_of(store, record)) is not None:
            return _nothing_new(record, applied, notices)
        request = reread(record.values["sources"], changed, notices)
        made = fresh_plan(store, record, request.inputs, stamp)
        gates = _gates(store, made, desk, stamp, request.inputs.today)
        require_open(record, gates)
        check_out(to, request.files)
        return _write(store, record, plan_files(made, chosen_format, to, order_file), gates, stamp, notices)


def _gates(store: RunStore, made: Plan, desk: DeskOptions, stamp: Stamp, today: dt.date | None) -> tuple[Gate, ...]:
    """The gates of the plan; orders that were applied from the store count as written."""
    from trimtab.orders.release import may_write
    from trimtab.store.application import orders_written

    written = orders_written(store, stamp.now - dt.timedelta(hours=made.gate_settings.repeat_hours))
    account = made.result.account
    plans = made if account is None else {str(account): made}
    return may_write(plans, desk.desk(stamp, today, written)).gates


def _write(
    store: RunStore,
    record: Record,
    files: Sequence[OrderFile],
    gates: Sequence[Gate],
    stamp: Stamp,
    notices: Notices,
) -> int:
    """Write the order files, then record them: after a crash in between, the same command writes the same bytes again."""
    from trimtab.cli.output import write_file
    from trimtab.store.application import WrittenFile, record_application
    from trimtab.text import counted

    for file in files:
        write_file(file.path, file.data)
    written = [WrittenFile(str(file.path.resolve()), file.data) for file in files]
    applied, is_new = record_application(store, record, written, gates, stamp)
    if not is_new:
        return _nothing_new(record, applied, notices)
    for file in files:
        notices.note(f"written: {file.path} ({counted(file.size, 'order')}); recorded as {applied.run_id}")
    if not files:
        notices.note(f"no orders: nothing to write; recorded as {applied.run_id}")
    return ExitCode.FINE


def _nothing_new(record: Record, applied: Record, notices: Notices) -> int:
    paths = ", ".join(str(file["path"]) for file in applied.values["files"])
    what = f"nothing new is written (`trimtab runs export {record.run_id}` has the file)"
    notices.note(f"run {record.run_id} was applied on {applied.time[:16]} to {paths}; {what}")
    return ExitCode.FINE


@exit_codes
@grouped
def execution(
    run: Run,
    fills: Annotated[
        Path,
        typer.Argument(
            metavar="FILLS", help="Fills: client_order_id (or asset and side), shares, price; fee if known."
        ),
    ],
    options: StoreOptions,
    quiet: Quiet = False,
) -> int:
    """Record a plan's executions at the broker, and report the differences."""
    from trimtab.cli.output import emit
    from trimtab.files.candidate_file import read_candidate_file
    from trimtab.store.execution import record_execution, summary
    from trimtab.store.plan_runs import find_plan
    from trimtab.text import printable

    notices = Notices(quiet=quiet)
    table = read_candidate_file(fills).table
    with existing_store(options.store) as store:
        record, executed = record_execution(store, find_plan(store, run), table, options.stamp(), str(fills))
    lines = [*(each.sentence for each in executed), summary(executed)]
    emit("".join(f"{printable(line)}\n" for line in lines).encode())
    notices.note(f"recorded as {record.run_id}")
    return ExitCode.FINE


@exit_codes
def replay(run: Run, store: StorePlace = None) -> int:
    """Decide a stored plan again from its stored inputs, and compare every byte."""
    import trimtab
    from trimtab.cli.output import emit
    from trimtab.store.plan_runs import find_plan
    from trimtab.store.replay import replay as replay_run
    from trimtab.text import printable

    with existing_store(store) as opened:
        outcome = replay_run(opened, find_plan(opened, run), trimtab.__version__)
    emit(f"{outcome.outcome}: {printable(outcome.sentence)}\n".encode())
    return ExitCode.FINE if outcome.is_same else ExitCode.DAMAGED


@exit_codes
def verify(
    store: StorePlace = None,
    heads: Annotated[
        list[Path] | None, option("FILE", "A head that was exported before; repeatable.", "--head")
    ] = None,
    export: Annotated[
        Path | None, option("FILE", "Write the head of the chain here, to sign it.", "--export-head")
    ] = None,
) -> int:
    """Check the chain of hashes over all stored runs, and every content."""
    import json

    from trimtab.cli.output import emit, write_file
    from trimtab.store.verification import require_sound, verify as verify_store

    with existing_store(store) as opened:
        outcome = verify_store(opened, tuple(_head(path) for path in heads or ()))
        require_sound(outcome, opened.name)
    head: dict[str, Any] = {"sequence": outcome.head.sequence, "hash": outcome.head.hash}
    if export is not None:
        write_file(export, f"{json.dumps(head)}\n".encode())
    emit(f"sound: {head['sequence']} records, {outcome.contents} contents, head {head['hash']}\n".encode())
    return ExitCode.FINE


def _head(path: Path) -> Head:
    import json

    from trimtab.errors import Fault, InputError
    from trimtab.store.record import Head

    try:
        values = json.loads(path.read_bytes())
        return Head(int(values["sequence"]), str(values["hash"]))
    except (OSError, ValueError, TypeError, KeyError):
        advice = "give a file that --export-head wrote"
        raise InputError([Fault("is not the head of a chain", advice)], str(path)) from None

"""`trimtab runs`: list, show, compare, export and prune stored runs."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trimtab.cli.exit_codes import ExitCode, exit_codes
from trimtab.cli.notices import Notices
from trimtab.cli.options import OutFolder, Quiet, ScreenFormat, ScreenFormatOption, flag, grouped, option
from trimtab.cli.store_options import Run, StoreOptions, StorePlace, existing_store

if TYPE_CHECKING:
    from trimtab.store.record import Record

_LISTED = 20

runs_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="List, show, compare, export or prune runs.")


@runs_app.command("list")
@exit_codes
def list_(
    store: StorePlace = None,
    account: Annotated[str | None, option("NAME", "Only runs of this account.")] = None,
    newest: Annotated[int, option("COUNT", "How many of the newest to show.", min=1)] = _LISTED,
    every: Annotated[bool, flag("Every record, approvals and the like included.", "--all", "-a")] = False,
    form: ScreenFormatOption = ScreenFormat.TABLE,
) -> int:
    """List the newest runs: id, time, who, orders, turnover, purpose."""
    from trimtab.cli.output import emit
    from trimtab.cli.screens.runs import runs_page
    from trimtab.store.record import RUNS
    from trimtab.store.run_store import Filter

    which, count = Filter(kinds=() if every else RUNS, account=account), None if every else newest
    with existing_store(store) as opened:
        if form == ScreenFormat.JSON:
            records = [_plain(record) for record in opened.records(which, newest=count)]
            emit(f"{json.dumps(records, indent=1)}\n".encode())
        else:
            emit(runs_page(opened.listing(which, newest=count)).encode())
    return ExitCode.FINE


@runs_app.command()
@exit_codes
def show(run: Run, store: StorePlace = None, form: ScreenFormatOption = ScreenFormat.TABLE) -> int:
    """Show a run: who, when, with which limits and approval, its gates, and what became of it."""
    from trimtab.store.run_facts import facts_of

    with existing_store(store) as opened:
        facts = facts_of(opened, opened.find(run))
    _emit(facts.to_dict(), facts.lines(), form)
    return ExitCode.FINE


@runs_app.command()
@exit_codes
def diff(
    before: Annotated[str, typer.Argument(metavar="A", help="The earlier run.")],
    after: Annotated[str, typer.Argument(metavar="B", help="The later run.")],
    store: StorePlace = None,
    form: ScreenFormatOption = ScreenFormat.TABLE,
) -> int:
    """Compare two plans: inputs, targets with the cause of each change, trades and money."""
    import trimtab
    from trimtab.store.plan_runs import find_plan
    from trimtab.store.run_difference import run_difference

    with existing_store(store) as opened:
        both = find_plan(opened, before), find_plan(opened, after)
        difference = run_difference(opened, *both, trimtab.__version__)
    _emit(difference.to_dict(), difference.lines(), form)
    return ExitCode.FINE


@runs_app.command()
@exit_codes
def export(run: Run, out: OutFolder = None, store: StorePlace = None, quiet: Quiet = False) -> int:
    """Write all stored files of a run into a folder: inputs, result, order files, and its record."""
    from trimtab.cli.output import write_file
    from trimtab.store.record import Kind
    from trimtab.store.run_store import Filter

    if out is None:
        raise typer.BadParameter("give --out: the folder to write to")
    with existing_store(store) as opened:
        record = opened.find(run)
        about = opened.records(Filter(kinds=(Kind.APPLY, Kind.EXECUTION), subject=record.hash))
        files = {name: opened.content(record, name) for name in record.digests}
        for each in about:
            files |= {f"{each.kind}-{each.run_id}-{name}": opened.content(each, name) for name in each.digests}
    records = [_plain(each) for each in (record, *about)]
    files["records.json"] = f"{json.dumps(records, indent=1, ensure_ascii=False)}\n".encode()
    out.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        write_file(out / name, content)
    Notices(quiet=quiet).note(f"written: {len(files)} files in {out}")
    return ExitCode.FINE


@runs_app.command()
@exit_codes
def history(
    store: StorePlace = None,
    account: Annotated[str | None, option("NAME", "The account, if there are several.")] = None,
    since: Annotated[str | None, option("DATE", "The first day.", "--from")] = None,
    out: Annotated[
        Path | None, option("PATH", "Write here: .html, .csv, .parquet or .xlsx; default: CSV.", "--out", "-o")
    ] = None,
    quiet: Quiet = False,
) -> int:
    """Allocation over time by bucket, with broken limits marked: as a page or as a table."""
    from trimtab.cli.output import check_out, format_of, write_out
    from trimtab.files.encoded_table import encoded_table
    from trimtab.store.history import history_of

    is_page = out is not None and out.suffix.casefold() in (".html", ".htm")
    form = "csv" if out is None or is_page else format_of(None, out)
    if form not in ("csv", "parquet", "arrow", "xlsx"):
        raise typer.BadParameter(f"--out {out}: name a file that ends in .html, .csv, .parquet, .arrow or .xlsx")
    check_out(out)
    with existing_store(store) as opened:
        allocation = history_of(opened, account, "" if since is None else time_of(since, "--from"))
    notices = Notices(quiet=quiet)
    if allocation.left_out:
        notices.note(f"left out, since they were pruned: {allocation.left_out} plans")
    if is_page:
        from trimtab.store.history_page import history_page

        write_out(history_page(allocation).encode(), out, notices)
    else:
        write_out(encoded_table(allocation.to_arrow(), form), out, notices)
    return ExitCode.FINE


@runs_app.command()
@exit_codes
@grouped
def prune(
    options: StoreOptions,
    before: Annotated[str, option("DATE", "Runs from before this day.")],
    yes: Annotated[bool, flag("Do it; without, only say what would be dropped.", "--yes")] = False,
    quiet: Quiet = False,
) -> int:
    """Drop inputs and results of old runs. Their records stay, so that the chain can still be verified."""
    from trimtab.store.pruning import prunable, prune as prune_runs

    notices = Notices(quiet=quiet)
    with existing_store(options.store) as store:
        records = prunable(store, time_of(before, "--before"))
        if not records:
            notices.note(f"nothing to drop: no run from before {before} has contents")
        elif not yes:
            notices.note(f"{_runs(records)} would lose their inputs and results; add --yes to drop them")
        else:
            pruned = prune_runs(store, records, options.stamp())
            notices.note(f"{_runs(records)} lost their inputs and results; recorded as {pruned.run_id}")
    return ExitCode.FINE


def _emit(values: dict[str, Any], lines: Iterable[str], form: ScreenFormat) -> None:
    """Facts about runs, as JSON or as lines."""
    from trimtab.cli.output import emit
    from trimtab.text import printable

    if form == ScreenFormat.JSON:
        emit(f"{json.dumps(values, indent=1, ensure_ascii=False)}\n".encode())
    else:
        emit("".join(f"{printable(line)}\n" for line in lines).encode())


def _runs(records: list[Record]) -> str:
    first, last = records[0], records[-1]
    return f"{len(records)} records from {first.run_id} ({first.time[:10]}) to {last.run_id} ({last.time[:10]})"


def time_of(text: str, option: str) -> str:
    """The begin of a day, here, as the store writes times."""
    try:
        day = dt.datetime.combine(dt.date.fromisoformat(text), dt.time.min).astimezone(dt.UTC)
    except ValueError:
        raise typer.BadParameter(f"{option} {text!r} is not a day: write it as 2026-03-02") from None
    return day.isoformat(timespec="microseconds")


def _plain(record: Record) -> dict[str, Any]:
    """A record as plain values."""
    return {**vars(record), "run_id": record.run_id, "body": record.values, "contents": record.digests}

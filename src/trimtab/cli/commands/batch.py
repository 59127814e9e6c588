"""`trimtab batch`: many accounts, from Parquet to a published folder."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from trimtab.cli import fast_start as unneeded
from trimtab.cli.desk_options import day_of
from trimtab.cli.exit_codes import ExitCode, exit_codes
from trimtab.cli.notices import COMPILING_BLOCKS, COMPILING_ORDERS, Notices
from trimtab.cli.options import LimitOptions, OutTable, Quiet, flag, grouped, option
from trimtab.cli.published_inputs import known_places
from trimtab.cli.store_options import RecordOptions, StorePlace, opened_store
from trimtab.text import counted

if TYPE_CHECKING:
    from trimtab.batch.comparison import Baseline
    from trimtab.batch.limits_by_account import ManyLimits
    from trimtab.batch.publish_gates import PublishGates
    from trimtab.batch.run import BatchOutcome, Execute, Job
    from trimtab.batch.summary import Summary
    from trimtab.batch.tax_files import TaxPlaces
    from trimtab.cli.batch_events import JsonLines


class _RunUnlessNamed(TyperGroup):
    """`trimtab batch FILE…` is `trimtab batch run FILE…`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `run` before anything that is not a command."""
        if args and args[0] not in (*self.commands, *ctx.help_option_names):
            args = ["run", *args]
        return super().parse_args(ctx, args)


batch_app = typer.Typer(
    cls=_RunUnlessNamed,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Rebalance many accounts, from Parquet to Parquet: trimtab batch CANDIDATES... --limits L --out DIR.",
    epilog="`trimtab batch CANDIDATES...` is `trimtab batch run CANDIDATES...`.",
)
Against = Annotated[
    Path | None, option("DIR", "The published batch to compare with; default: the newest beside --out.")
]
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The folder of a batch.")]


def _share(help_text: str) -> Any:
    return typer.Option(min=0.0, max=1.0, metavar="SHARE", help=help_text)


@dataclass(frozen=True)
class GateOptions:
    """The options that hold a batch back."""

    max_failed: Annotated[float | None, _share("Accounts that may fail, from 0 to 1; default: 0.001.")] = None
    max_unscored: Annotated[float | None, _share("Accounts that may lack scores; default: 0.05.")] = None
    max_braked: Annotated[float | None, _share("Accounts that may be braked; default: 0.25.")] = None
    max_unmet: Annotated[float | None, _share("Accounts that may have an unmet limit; default: 0.5.")] = None
    max_turnover: Annotated[float | None, _share("The largest mean turnover; default: any.")] = None
    max_closed: Annotated[float | None, _share("Held positions that may be closed; default: any.")] = None
    brake: Annotated[str | None, flag("--max-turnover and --max-closed, as turnover=X,closed=Y.", hidden=True)] = None


@dataclass(frozen=True)
class OrderOptions:
    """The options of orders."""

    orders: Annotated[
        bool, flag("Decide orders, too: CANDIDATES have shares and price, no current_weight.", "--orders")
    ] = False
    accounts: Annotated[
        str | None, option("FILE", "With --orders: account, cash, and optionally cash_flow, mode, currency.")
    ] = None
    fx: Annotated[
        list[str] | None, option("CUR=RATE", "With --orders: the worth of one unit of a currency; repeatable.")
    ] = None
    tax_lots: Annotated[
        str | None, option("FILE", "With --orders: account, asset, lot_id, shares, cost (in all) and acquired.")
    ] = None
    recent: Annotated[
        str | None, option("FILE", "With --orders: group, date, kind (buy or loss_sale), and optionally account.")
    ] = None
    today: Annotated[str | None, option("DATE", "The day that holding periods and wash sales count up to.")] = None

    @property
    def place(self) -> str | None:
        """Where the cash of accounts is; None without orders."""
        if self.orders != (self.accounts is not None):
            raise typer.BadParameter("--orders needs --accounts" if self.orders else "--accounts needs --orders")
        return self.accounts

    @property
    def rates(self) -> dict[str, Decimal] | None:
        """The rates by currency; None without any."""
        if self.fx and not self.orders:
            raise typer.BadParameter("--fx needs --orders")
        return dict(map(_rate, self.fx)) if self.fx else None

    @property
    def taxes(self) -> TaxPlaces | None:
        """Where tax lots and recent trades are; None without any."""
        from trimtab.batch.tax_files import TaxPlaces

        if self.tax_lots is None and self.recent is None:
            return None
        day = day_of(self.today, "--today")
        if not self.orders or day is None:
            raise typer.BadParameter("--tax-lots and --recent need --orders and --today")
        return TaxPlaces(day, self.tax_lots, self.recent)


def _rate(text: str) -> tuple[str, Decimal]:
    name, sign, number = text.partition("=")
    try:
        rate = Decimal(number)
    except ArithmeticError:
        rate = Decimal(0)
    if not sign or not name.strip() or not rate.is_finite() or rate <= 0:
        raise typer.BadParameter(f"--fx {text!r}: write a currency and its worth, such as EUR=1.08")
    return name.strip(), rate


@dataclass(frozen=True)
class SourceOptions:
    """The options of the input."""

    candidates: Annotated[
        list[str] | None,
        typer.Argument(metavar="CANDIDATES...", help="Parquet files, folders or globs; or URIs such as s3://..."),
    ] = None
    assets: Annotated[str | None, option("FILE", "Instead of CANDIDATES: asset, score, bucket, for all accounts.")] = (
        None
    )
    holdings: Annotated[
        list[str] | None,
        option("FILE", "With --assets: account, asset, current_weight, or a broker's file; repeatable."),
    ] = None

    exposures: Annotated[
        Path | None, option("FILE", "asset, scheme, bucket, and optionally fraction and account.", "--exposures")
    ] = None

    def places_at(self, out: Path, notices: Notices) -> tuple[str, ...]:
        """Where the candidates are, or the holdings; those of a broker's file are written beside the folder."""
        from trimtab.cli.batch_holdings import holdings_places

        if self.candidates and not (self.assets or self.holdings):
            return tuple(self.candidates)
        if self.assets and self.holdings and not self.candidates:
            return holdings_places(self.holdings, self.assets, out, notices)
        raise typer.BadParameter("give CANDIDATES, or --assets and --holdings")


@batch_app.command()
@exit_codes
@grouped
def run(
    sources: SourceOptions,
    limits: LimitOptions,
    gates: GateOptions,
    orders: OrderOptions,
    record: RecordOptions,
    out: Annotated[Path, option("DIR", "The folder to publish in: a new one for each batch.", "--out", "-o")],
    defaults: Annotated[
        bool, flag("Use the default limits, which limit no bucket; --set may change them.", "--defaults")
    ] = False,
    workers: Annotated[int | None, flag("Threads; default: one for each core.", min=1)] = None,
    shard: Annotated[str | None, option("I/N", "Do share I of N, for array jobs.")] = None,
    on: Annotated[
        str | None, option("MASTER", "Work on Apache Spark: spark://host:7077, yarn, local-cluster[2,1,1024].")
    ] = None,
    against: Against = None,
    as_json: Annotated[bool, flag("Write what happens to stdout, as lines of JSON.", "--json")] = False,
    quiet: Quiet = False,
) -> int:
    """Rebalance every account. The same command resumes a run that was stopped.

    Nothing is published if a gate (--max-...) closes: exit code 6 if too many accounts failed, else 5.
    """
    import trimtab
    from trimtab.batch.atomic_storage import Storage
    from trimtab.batch.comparison import Baseline
    from trimtab.batch.run import Job, PublishConditions, run_batch
    from trimtab.cli.batch_events import JsonLines, events_for_people
    from trimtab.kernel.block import BlockExposures, rebalance_block
    from trimtab.kernel.order_block import plan_block
    from trimtab.kernel.records import Exposed
    from trimtab.limits.exposure_limits import limits_exposures

    notices = Notices(quiet=quiet)
    conditions = PublishConditions(_gates(gates, notices), _shard(shard))
    places, threads = sources.places_at(out, notices), workers or len(os.sched_getaffinity(0))
    lines = JsonLines() if as_json else None
    with ExitStack() as stack:
        if lines is not None:
            stack.enter_context(lines.errors())
        chosen = _limits(limits, defaults=defaults)
        if orders.place is not None and sources.assets is not None:
            raise typer.BadParameter("--orders takes CANDIDATES, not --assets and --holdings")
        job = Job(places, chosen, trimtab.__version__, sources.assets, accounts=orders.place, fx=orders.rates)
        job = job if sources.exposures is None else replace(job, exposures=str(sources.exposures))
        job = replace(job, taxes=orders.taxes)
        if record.require_approved:
            _approvals(job.limits, record, required=True)
        baseline = None if against is None else Baseline.read(against)
        exposed = job.exposures is not None and any(map(limits_exposures, job.limits.values()))
        if orders.place is None:
            notices.note_compiling(rebalance_block, COMPILING_BLOCKS, BlockExposures if exposed else None)
        else:
            notices.note_compiling(plan_block, COMPILING_ORDERS, Exposed if exposed else None)
        execute = stack.enter_context(_executing(on, threads))
        say = stack.enter_context(events_for_people(notices, quiet=quiet)) if lines is None else lines.say
        outcome = run_batch(job, out, conditions, execute=execute, workers=threads, storage=Storage(), say=say)
        if outcome.status in ("published", "unchanged") and not record.no_store:
            _record(job, out, record, notices)
    return _tell(outcome, out, baseline, notices, lines)


def _record(job: Job, out: Path, options: RecordOptions, notices: Notices) -> None:
    """Record a published batch in the store, once."""
    from trimtab.batch.published_folder import manifest_of
    from trimtab.store.batch_runs import record_batch

    inputs = (*job.places, *(place for place in (job.assets, job.exposures, job.accounts) if place is not None))
    inputs += () if job.taxes is None else tuple(job.taxes.places.values())
    places = [place if "://" in place else str(Path(place).resolve()) for place in inputs]
    approvals = _approvals(job.limits, options, required=False)
    with opened_store(options.store) as store:
        run, is_new = record_batch(store, out, manifest_of(out), places, approvals, options.stamp())
        if is_new:
            notices.note(f"recorded as run {run.run_id} in {store.name}")


def _approvals(limits: ManyLimits, options: RecordOptions, *, required: bool) -> list[str]:
    """The approvals that the limits of a batch rely on; `required`: each must have one."""
    from trimtab.store.approvals import approval_of, require_approved
    from trimtab.store.plan_inputs import limits_hash

    with opened_store(options.store) as store:
        hashes = {name: limits_hash(own, own.orders) for name, own in limits.items()}
        if required:
            return [require_approved(store, hash_, name).hash for name, hash_ in hashes.items()]
        outcome = [approval_of(store, hash_) for hash_ in hashes.values()]
        return [approval.hash for approval in outcome if approval is not None]


@batch_app.command()
@exit_codes
def diff(
    before: Annotated[Path, typer.Argument(metavar="NIGHT1", help="The folder of the earlier batch.")],
    after: Annotated[Path, typer.Argument(metavar="NIGHT2", help="The folder of the later batch.")],
    out: OutTable = None,
    newest: Annotated[int, option("COUNT", "How many accounts to show.", "--most", min=1)] = 20,
    store: StorePlace = None,
    quiet: Quiet = False,
) -> int:
    """Say which accounts changed from one batch to another, and why: inputs, limits or rules; the largest change first.

    With --out, every changed account is written.
    """
    from trimtab.batch.night_difference import Night, night_difference
    from trimtab.cli.output import check_out, emit, format_of, write_out
    from trimtab.cli.screens.batch import difference_page
    from trimtab.cli.screens.outcome import printed
    from trimtab.files.encoded_table import encoded_table

    form = None if out is None else format_of(None, out)
    check_out(out)
    notices = Notices(quiet=quiet)
    nights = [Night.read(folder, known_places(folder, store)) for folder in (before, after)]
    difference = night_difference(nights[0], nights[1], count=newest if out is None else None)
    for note in difference.notes:
        notices.note(note)
    if out is None or form is None:
        emit(printed(lambda _width, _ascii_only: difference_page(difference), None))
    else:
        write_out(encoded_table(difference.table, form), out, notices)
    return ExitCode.FINE


@batch_app.command()
@exit_codes
def report(
    folder: Folder,
    against: Against = None,
    as_json: Annotated[bool, flag("As JSON.", "--json")] = False,
    out: Annotated[Path | None, option("PATH", "Write an HTML page here.", "--out", "-o")] = None,
) -> int:
    """Show the summary of a batch: turnover, reasons, unmet limits."""
    from trimtab.batch.comparison import Baseline, last_published
    from trimtab.batch.summary import read_summary
    from trimtab.cli.output import check_out, check_page, emit, write_file

    check_page(out)
    summary = read_summary(folder, last_published(folder) if against is None else Baseline.read(against))
    if out is not None:
        from trimtab.report.page import batch_page

        check_out(out)
        write_file(out, batch_page(summary).encode())
    elif as_json:
        emit(f"{json.dumps(summary.to_dict(), indent=1, ensure_ascii=False)}\n".encode())
    else:
        _show(summary)
    return ExitCode.FINE


@batch_app.command()
@exit_codes
def verify(folder: Folder, quiet: Quiet = False) -> int:
    """Check every file of a published batch against its checksum: exit code 9 if one is damaged or gone."""
    from trimtab.batch.published_folder import check_published, manifest_of

    manifest = manifest_of(folder)
    check_published(folder, manifest)
    Notices(quiet=quiet).note(f"sound: {folder} ({counted(len(manifest['parts']), 'part')})")
    return ExitCode.FINE


def _limits(options: LimitOptions, *, defaults: bool) -> ManyLimits:
    """Limits by `limits_id`, or the same for all."""
    from trimtab.batch.limits_by_account import read_many_limits
    from trimtab.cli.chosen_limits import read_limits

    file, named = options.limits, options.limits is not None or options.preset is not None
    if named == defaults:
        advice = "give --limits or --preset; --defaults uses the default limits, which limit no bucket"
        raise typer.BadParameter("--defaults does not go with --limits or --preset" if defaults else advice)
    many = None if file is None else read_many_limits(file)
    if many is None:
        return {None: read_limits(options).limits}
    if options.preset is not None or options.settings:
        raise typer.BadParameter(f"--limits {file} has several sets of limits: --preset and --set do not go with them")
    return many


def _gates(options: GateOptions, notices: Notices) -> PublishGates:
    from trimtab.batch.publish_gates import PublishGates

    settings = {name: value for name, value in vars(options).items() if value is not None and name != "brake"}
    if options.brake is not None:
        notices.note("--brake works until 1.0: use --max-turnover and --max-closed")
        settings = {**_old_brake(options.brake), **settings}
    return PublishGates(**settings)


def _old_brake(text: str) -> Mapping[str, float]:
    settings: dict[str, float] = {}
    for part in text.split(","):
        name, _, value = part.strip().partition("=")
        try:
            share = float(value)
        except ValueError:
            share = -1.0
        if name not in ("turnover", "closed") or f"max_{name}" in settings or not 0.0 <= share <= 1.0:
            raise typer.BadParameter(f"--brake {text!r}: write turnover=0.2,closed=0.1, or one of the two (0 to 1)")
        settings[f"max_{name}"] = share
    return settings


def _shard(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text, re.ASCII)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise typer.BadParameter(f"--shard {text!r}: write I/N, from 1/N to N/N")
    return int(match[1]), int(match[2])


def _executing(on: str | None, threads: int) -> AbstractContextManager[Execute]:
    """Who works on the units: threads of this process, or the workers of a Spark master."""
    from trimtab.batch.run import on_threads

    if on is None:
        return nullcontext(on_threads(threads))
    from trimtab.spark.batch_units import on_master

    unneeded.show()  # Spark asks for them
    return on_master(on)


def _tell(
    outcome: BatchOutcome, out: Path, baseline: Baseline | None, notices: Notices, lines: JsonLines | None
) -> int:
    """Show the summary and how the run ended; the exit code."""
    from trimtab.batch.comparison import last_published
    from trimtab.batch.summary import read_summary

    summary = None if outcome.status == "shard" else read_summary(out, baseline or last_published(out))
    code = {"held_back": ExitCode.BRAKED, "failed": ExitCode.TOO_MANY_FAILED}.get(outcome.status, ExitCode.FINE)
    gates = outcome.closed_gates
    if lines is not None:
        held_back = {"gates": [gate.to_dict() for gate in gates], "why": [gate.text for gate in gates]}
        shown = {} if summary is None else {"summary": summary.to_dict()}
        lines.say({"event": outcome.status, "exit_code": int(code), **held_back, "kept": outcome.kept, **shown})
    elif summary is not None and outcome.status != "unchanged":
        _show(summary)
    if gates:
        notices.error(f"nothing is published: {'; '.join(gate.text for gate in gates)}")
    ends = {
        "published": f"published: {out}",
        "unchanged": f"nothing to do: {out} holds this batch already ({counted(outcome.parts, 'part')})",
        "shard": "this share is done; when all are, run the command again without --shard to check and publish",
    }
    if outcome.status in ends:
        notices.note(ends[outcome.status])
    return code


def _show(summary: Summary) -> None:
    from trimtab.cli.output import emit
    from trimtab.cli.screens.batch import summary_page
    from trimtab.cli.screens.outcome import printed

    emit(printed(lambda width, _ascii_only: summary_page(summary, width), None))

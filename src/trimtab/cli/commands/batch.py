"""`trimtab batch`: parse, call, and say what happens."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from trimtab.cli import fast_start as unneeded
from trimtab.cli.exit_codes import ExitCode, exit_codes
from trimtab.cli.notices import Notices

if TYPE_CHECKING:
    from trimtab.batch.limits_by_account import ManyLimits
    from trimtab.batch.publish_brake import Brake
    from trimtab.batch.run import BatchOutcome, Event, Execute
    from trimtab.batch.summary import Summary


class _RunUnlessNamed(TyperGroup):
    """`trimtab batch FILE…` is `trimtab batch run FILE…`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `run` before what is no other command."""
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
    Path | None,
    typer.Option(metavar="DIR", help="The published batch to compare with; default: the newest beside --out."),
]


@batch_app.command()
@exit_codes
def run(
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="The folder to publish in: a new one for each batch.")
    ],
    candidates: Annotated[
        list[str] | None,
        typer.Argument(metavar="CANDIDATES...", help="Parquet files, folders or globs; or URIs such as s3://..."),
    ] = None,
    assets: Annotated[
        str | None, typer.Option(metavar="FILE", help="In place of CANDIDATES: asset, score, bucket, for all accounts.")
    ] = None,
    holdings: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE", help="With --assets: account, asset, current_weight; repeatable."),
    ] = None,
    limits: Annotated[
        Path | None,
        typer.Option(metavar="L", help="A TOML file; or several sets of limits: a folder, a TOML or Parquet table."),
    ] = None,
    preset: Annotated[str | None, typer.Option(metavar="NAME", help="Limits that ship.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="Change one limit; repeatable.")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Threads; default: one for each core.")] = None,
    max_failed: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="The share of accounts that may fail; 0.001 is 0.1 %.")
    ] = None,
    brake: Annotated[
        str | None, typer.Option(metavar="turnover=X,closed=Y", help="Publish nothing beyond it: exit code 5.")
    ] = None,
    shard: Annotated[str | None, typer.Option(metavar="I/N", help="Do share I of N, for array jobs.")] = None,
    on: Annotated[
        str | None,
        typer.Option(metavar="MASTER", help="Work on Apache Spark: spark://host:7077, yarn, local-cluster[2,1,1024]."),
    ] = None,
    against: Against = None,
    as_json: Annotated[bool, typer.Option("--json", help="What happens as lines of JSON on stdout.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No words on stderr except errors.")] = False,
) -> int:
    """Rebalance every account; what an earlier run has finished is kept."""
    import trimtab
    from trimtab.batch.atomic_storage import Storage
    from trimtab.batch.run import MAX_FAILED, Job, PublishConditions, run_batch
    from trimtab.kernel.block import rebalance_block

    notices = Notices(quiet=quiet)
    terms = PublishConditions(MAX_FAILED if max_failed is None else max_failed, _brake(brake), _shard(shard))
    job = Job(_places(candidates, assets, holdings), _limits(limits, preset, settings), trimtab.__version__, assets)
    threads = workers or len(os.sched_getaffinity(0))
    notices.note_compiling(rebalance_block, 30)
    with _executing(on, threads) as execute, _telling(notices, as_json=as_json, quiet=quiet) as say:
        outcome = run_batch(job, out, terms, execute=execute, workers=threads, storage=Storage(), say=say)
    _tell(outcome, out, against, notices, as_json=as_json)
    return {"braked": ExitCode.BRAKED, "failed": ExitCode.TOO_MANY_FAILED}.get(outcome.status, ExitCode.FINE)


@batch_app.command()
@exit_codes
def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of a batch.")],
    against: Against = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="PATH", help="Write an HTML page here.")] = None,
) -> int:
    """Show what a batch came to: turnover, reasons, unmet limits."""
    from trimtab.batch.summary import last_published, read_summary
    from trimtab.cli.output import check_out, check_page, emit, write_file

    check_page(out)
    found = read_summary(folder, against or last_published(folder))
    if out is not None:
        from trimtab.report.page import batch_page

        check_out(out, [])
        write_file(out, batch_page(found).encode())
    elif as_json:
        emit(f"{json.dumps(found.to_dict(), indent=1, ensure_ascii=False)}\n".encode())
    else:
        _show(found)
    return ExitCode.FINE


def _places(candidates: list[str] | None, assets: str | None, holdings: list[str] | None) -> tuple[str, ...]:
    """The candidates, or the holdings."""
    if candidates and not (assets or holdings):
        return tuple(candidates)
    if assets and holdings and not candidates:
        return tuple(holdings)
    raise typer.BadParameter("give CANDIDATES, or --assets and --holdings")


def _limits(file: Path | None, preset: str | None, settings: list[str] | None) -> ManyLimits:
    """Limits by `limits_id`, or the same for all."""
    from trimtab.batch.limits_by_account import read_many_limits
    from trimtab.cli.chosen_limits import read_limits
    from trimtab.cli.options import LimitOptions

    many = None if file is None else read_many_limits(file)
    if many is None:
        return {None: read_limits(LimitOptions(file, preset, settings)).limits}
    if preset is not None or settings:
        raise typer.BadParameter(f"--limits {file} has several sets of limits: --preset and --set do not go with them")
    return many


def _brake(text: str | None) -> Brake:
    from trimtab.batch.publish_brake import Brake

    found: dict[str, float] = {}
    for one in [] if text is None else text.split(","):
        name, _, value = one.strip().partition("=")
        try:
            share = float(value)
        except ValueError:
            share = -1.0
        if name not in ("turnover", "closed") or name in found or not 0.0 <= share <= 1.0:
            raise typer.BadParameter(f"--brake {text!r}: write turnover=0.2,closed=0.1, or one of the two (0 to 1)")
        found[name] = share
    return Brake(**found)


def _shard(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text, re.ASCII)
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise typer.BadParameter(f"--shard {text!r}: write I/N, from 1/N to N/N")
    return int(found[1]), int(found[2])


def _executing(on: str | None, threads: int) -> AbstractContextManager[Execute]:
    """Who works on the units: threads of this process, or the workers of a Spark master."""
    from trimtab.batch.run import on_threads

    if on is None:
        return nullcontext(on_threads(threads))
    from trimtab.spark.batch_units import on_master

    unneeded.show()  # Spark asks for them
    return on_master(on)


@contextmanager
def _telling(notices: Notices, *, as_json: bool, quiet: bool) -> Iterator[Callable[[Event], None]]:
    """Who hears what happens: lines of JSON for programs, or a bar and words for people."""
    from trimtab.cli.progress import accounts_bar

    if as_json:
        yield _json_line
        return
    with accounts_bar(quiet=quiet) as bar:

        def say(event: Event) -> None:
            bar(event)
            if event["event"] == "surveying" and event["unused"]:
                notices.note(f"columns that mean nothing here: {', '.join(event['unused'])}")
            elif event["event"] == "sorting":
                notices.note("the rows of an account stand in several places: sorting them first")
            elif event["event"] == "planned":
                if "missing" in event:
                    notices.warn(
                        f"{event['missing']} holdings are of assets that --assets lacks: kept, without a score"
                    )
                if event["kept"]:
                    notices.note(f"{event['kept']} of {event['parts']} parts are done already and kept")

        yield say


def _json_line(event: Event) -> None:
    typer.echo(json.dumps(event, ensure_ascii=False))


def _tell(outcome: BatchOutcome, out: Path, against: Path | None, notices: Notices, *, as_json: bool) -> None:
    """The summary, and how it ended."""
    from trimtab.batch.summary import last_published, read_summary

    found = None if outcome.status == "shard" else read_summary(out, against or last_published(out))
    if as_json:
        summary = {} if found is None else {"summary": found.to_dict()}
        _json_line({"event": outcome.status, "why": outcome.why, "kept": outcome.kept, **summary})
    elif found is not None and outcome.status != "unchanged":
        _show(found)
    if outcome.why:
        notices.error(f"nothing is published: {'; '.join(outcome.why)}")
    ends = {
        "published": f"published: {out}",
        "unchanged": f"nothing to do: {out} holds this batch already ({outcome.parts} parts)",
        "shard": "this share is done; when all are, run it once more without --shard, to check and publish",
    }
    if outcome.status in ends:
        notices.note(ends[outcome.status])


def _show(found: Summary) -> None:
    from trimtab.cli.output import emit
    from trimtab.cli.screens.batch import summary_page
    from trimtab.cli.screens.outcome import printed

    emit(printed(lambda width, _ascii_only: summary_page(found, width), None))

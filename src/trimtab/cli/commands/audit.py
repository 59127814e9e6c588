"""`trimtab audit`: the evidence of a period."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from trimtab.cli.commands.runs import time_of
from trimtab.cli.exit_codes import ExitCode, exit_codes
from trimtab.cli.notices import Notices
from trimtab.cli.options import Quiet, option
from trimtab.cli.store_options import StorePlace, existing_store

audit_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Write the evidence of a period.")


@audit_app.callback()
def _group() -> None:
    """Write the evidence of a period."""


@audit_app.command()
@exit_codes
def export(
    begin: Annotated[str, option("DATE", "The first day.", "--from")],
    end: Annotated[str, option("DATE", "The last day.", "--to")],
    out: Annotated[Path, option("PATH", "Write here: .html or .json.", "--out", "-o")],
    store: StorePlace = None,
    quiet: Quiet = False,
) -> int:
    """Write who decided what and when, the limits in plain words, why each order, and whether each plan replays.

    Exit code 9 if the chain is damaged or a plan does not replay; the evidence is written anyway.
    """
    import trimtab
    from trimtab.cli.output import check_out, write_file
    from trimtab.store.audit import audit

    if out.suffix.casefold() not in (".html", ".htm", ".json"):
        raise typer.BadParameter(f"--out {out}: name a file that ends in .html or .json")
    check_out(out)
    begins, ends = time_of(begin, "--from"), time_of(end, "--to")
    following = (dt.date.fromisoformat(end) + dt.timedelta(days=1)).isoformat()
    if begins > ends:
        raise typer.BadParameter(f"--from {begin} is after --to {end}")
    with existing_store(store) as opened:
        evidence = audit(opened, begins, time_of(following, "--to"), trimtab.__version__)
    text = evidence.to_json() if out.suffix.casefold() == ".json" else evidence.to_html()
    write_file(out, text.encode())
    notices = Notices(quiet=quiet)
    for fault in evidence.faults:
        notices.error(fault)
    differing = [run for run in evidence.runs if run.replay in ("differs", "unreadable")]
    for run in differing:
        notices.error(run.replay_text)
    notices.note(f"written: {out} ({len(evidence.runs)} plans, {evidence.replayed} replayed to the same bytes)")
    return ExitCode.DAMAGED if evidence.faults or differing else ExitCode.FINE

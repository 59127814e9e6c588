"""The command line as a whole: its commands, its help, its entry point."""

from __future__ import annotations

from typing import Annotated

import typer

import trimtab
from trimtab.cli import fast_start
from trimtab.cli.commands.apply import apply, execution, replay, verify
from trimtab.cli.commands.audit import audit_app
from trimtab.cli.commands.backtest import backtest, sweep
from trimtab.cli.commands.batch import batch_app
from trimtab.cli.commands.broker_import import broker_import
from trimtab.cli.commands.check import check
from trimtab.cli.commands.explain import explain
from trimtab.cli.commands.limits import limits_app
from trimtab.cli.commands.plan import plan
from trimtab.cli.commands.rebalance import demo, rebalance
from trimtab.cli.commands.report import report
from trimtab.cli.commands.runs import runs_app
from trimtab.cli.commands.score import score
from trimtab.cli.commands.serve import serve
from trimtab.cli.exit_codes import exit_codes_text
from trimtab.cli.options import flag

app = typer.Typer(
    name="trimtab",
    help="Keep a portfolio diversified, exactly, and with a reason for everything.",
    epilog=f"Exit codes:\n\n\b\n{exit_codes_text()}",
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (
    rebalance,
    plan,
    apply,
    execution,
    score,
    check,
    explain,
    report,
    demo,
    backtest,
    sweep,
    replay,
    verify,
    serve,
):
    app.command()(command)
app.command("import")(broker_import)
app.add_typer(limits_app, name="limits")
app.add_typer(batch_app, name="batch")
app.add_typer(runs_app, name="runs")
app.add_typer(audit_app, name="audit")


def main() -> None:
    """The entry point; ends the process with an exit code."""
    fast_start.hide()
    app(prog_name="trimtab")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"trimtab {trimtab.__version__}")
        raise typer.Exit


@app.callback()
def _global(
    version: Annotated[bool, flag("Print the version.", "--version", callback=_show_version, is_eager=True)] = False,
) -> None:
    """Keep a portfolio diversified, exactly, and with a reason for everything."""

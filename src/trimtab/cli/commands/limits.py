"""`trimtab limits`: show limits, describe them, list the presets."""

from __future__ import annotations

from typing import Annotated

import typer

from trimtab.cli.exit_codes import ExitCode, exit_codes
from trimtab.cli.options import LimitOptions, grouped

limits_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Show or describe limits, the presets, or the schema."
)


@limits_app.command()
@exit_codes
@grouped
def show(limits: LimitOptions) -> int:
    """Print every limit with its meaning, as TOML to copy."""
    from trimtab.cli.chosen_limits import read_limits
    from trimtab.cli.output import emit

    emit(read_limits(limits).limits.to_toml().encode())
    return ExitCode.FINE


@limits_app.command()
@exit_codes
@grouped
def describe(limits: LimitOptions) -> int:
    """Say what the limits are, in plain language."""
    from trimtab.cli.chosen_limits import read_limits
    from trimtab.cli.output import emit
    from trimtab.limits.in_words import rule_sheet_text
    from trimtab.text import printable

    emit(printable(rule_sheet_text(read_limits(limits).limits), keep="\n").encode())
    return ExitCode.FINE


@limits_app.command()
@exit_codes
def presets(name: Annotated[str | None, typer.Argument(help="Print this preset.", show_default=False)] = None) -> int:
    """List the presets, or print one."""
    from trimtab.cli.output import emit
    from trimtab.limits.presets import preset_names, preset_text

    text = preset_text(name) if name is not None else "".join(f"{known}\n" for known in preset_names())
    emit(text.encode())
    return ExitCode.FINE


@limits_app.command()
@exit_codes
def schema() -> int:
    """Print the JSON Schema of a limits file."""
    import json

    from trimtab.cli.output import emit
    from trimtab.limits.json_schema import limits_schema

    emit(f"{json.dumps(limits_schema(), indent=2)}\n".encode())
    return ExitCode.FINE

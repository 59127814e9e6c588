"""`trimtab limits`: show limits, describe them, list the presets."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Annotated

import typer

from trimtab.cli.exit_codes import ExitCode, exit_codes
from trimtab.cli.notices import Notices
from trimtab.cli.options import LimitOptions, Quiet, grouped
from trimtab.cli.store_options import StoreOptions, opened_store

_WIDTH = 79
_SAMPLE_LEVEL = 2
_HOW_SHOWN = (
    "Below each preset: the sample of `trimtab demo` under it, with --set bucket_level=2 because the sample's buckets "
    "have two levels, such as Stocks/Energy; each asset is its own issuer. The presets are examples to copy and change, not advice."
)

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
    """Describe the limits in plain language."""
    from trimtab.cli.chosen_limits import read_limits
    from trimtab.cli.output import emit
    from trimtab.limits.in_words import rule_sheet_text
    from trimtab.text import printable

    emit(printable(rule_sheet_text(read_limits(limits).limits, plan=True), keep="\n").encode())
    return ExitCode.FINE


@limits_app.command()
@exit_codes
def presets(name: Annotated[str | None, typer.Argument(help="Print this preset.", show_default=False)] = None) -> int:
    """List the presets and what each does to the sample, or print one as TOML."""
    from trimtab.cli.output import emit
    from trimtab.limits.presets import preset_names, preset_text

    if name is not None:
        emit(preset_text(name).encode())
        return ExitCode.FINE
    for known in preset_names():
        about = preset_text(known).splitlines()[0].removeprefix("# ")
        emit(f"{_wrapped(f'{known}: {about}')}\n{_wrapped(_on_sample(known), indent='    ')}\n".encode())
    emit(f"\n{_wrapped(_HOW_SHOWN)}\n".encode())
    return ExitCode.FINE


def _wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(text, _WIDTH, initial_indent=indent, subsequent_indent=indent)


def _on_sample(name: str) -> str:
    """The effect of a preset on the sample, in one line."""
    from trimtab.data.samples import sample_candidates
    from trimtab.limits.rebalancing_limits import RebalancingLimits
    from trimtab.rebalancing.doors import rebalance
    from trimtab.text import counted, percent

    limits = RebalancingLimits.preset(name).replace(bucket_level=_SAMPLE_LEVEL)
    sample = sample_candidates()
    issuers = [{"asset": name, "scheme": "issuer", "bucket": name} for name in sample["asset"].to_pylist()]
    result = rebalance(sample, limits, exposures=issuers if limits.concentration else None)
    held = [bucket for bucket in result.buckets if bucket.positions and bucket.path.count("/") == _SAMPLE_LEVEL - 1]
    largest = max(held, key=lambda bucket: bucket.target_weight)
    return (
        f"{counted(result.positions, 'position')} in {counted(len(held), 'bucket')}, "
        f"{percent(largest.target_weight)} in the largest ({largest.path}), "
        f"cash {percent(result.cash_weight)}, turnover {percent(result.turnover)}"
    )


@limits_app.command()
@exit_codes
@grouped
def approve(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Limits as TOML.")],
    options: StoreOptions,
    quiet: Quiet = False,
) -> int:
    """Record that a person approves the limits in a file; `--require-approved` refuses all others."""
    from trimtab.cli.chosen_limits import read_limits
    from trimtab.store.approvals import approve as approve_limits

    chosen = read_limits(LimitOptions(limits=file))
    with opened_store(options.store) as store:
        record = approve_limits(store, chosen.limits, str(file.resolve()), options.stamp())
    hash_ = record.limits_hash[:12]
    Notices(quiet=quiet).note(f"{file} (hash {hash_}) is approved by {record.by}; recorded as {record.run_id}")
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

"""The options shared by commands, each defined once: type, name and help."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import typing
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer


class Format(StrEnum):
    """The values of `--format`."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


class ScreenFormat(StrEnum):
    """The values of `--format` without a single table to write."""

    TABLE = "table"
    JSON = "json"


def _file_or_none(path: Path | None) -> Path | None:
    """The file to write, None for stdout: without --out, or with `--out -`."""
    return None if path is None or str(path) == "-" else path


def _preset_names() -> list[str]:
    from trimtab.limits.presets import preset_names

    return preset_names()


def _settings(incomplete: str) -> Iterable[str]:
    """The limits whose names begin with this text, each with an equals sign."""
    from trimtab.limits.rebalancing_limits import limit_fields

    return [f"{field.name}=" for field in limit_fields() if field.name.startswith(incomplete)]


File = Annotated[
    Path | None,
    typer.Argument(metavar="FILE", help="Candidates: CSV, Parquet, Arrow or Excel; - for stdin.", show_default=False),
]
Scores = Annotated[Path | None, typer.Option(metavar="FILE", help="Instead of FILE: asset and score.")]
Holdings = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="With --scores: asset and current_weight. With --prices: asset, and current_weight or shares.",
    ),
]
Buckets = Annotated[Path | None, typer.Option(metavar="FILE", help="With --scores: asset and bucket.")]
_PRICES_HELP = "Daily prices: date, symbol and close; or date and one column per symbol."
Prices = Annotated[Path | None, typer.Option(metavar="FILE", help=_PRICES_HELP)]
RequiredPrices = Annotated[Path, typer.Option(metavar="FILE", help=_PRICES_HELP)]
Fundamentals = Annotated[
    Path | None, typer.Option(metavar="FILE", help="With --prices: symbol, known_on and items such as pe, eps, price.")
]
Classification = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="With --prices: symbol and bucket; known_on if a symbol's bucket changes."),
]
Membership = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="With --prices: symbol, from, to; only members of the day are scored or bought."),
]
AsOf = Annotated[
    str | None,
    typer.Option("--as-of", metavar="DATE", help="With --prices: decide as of this day; default: the last session."),
]
Accept = Annotated[
    list[str] | None,
    typer.Option(
        metavar="SYMBOL:DATE", help="With --prices: a jump that is real, such as AAPL:2020-08-31; repeatable."
    ),
]
Cash = Annotated[
    float | None, typer.Option(metavar="AMOUNT", help="With shares: cash held, in the currency of the prices.")
]
AliasFile = Annotated[
    Path | None,
    typer.Option(
        "--aliases",
        metavar="FILE",
        help='Other spellings of assets: TOML with "BRK.B" = ["Berkshire B"], or a table with asset and alias.',
    ),
]
Classify = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Fill in missing buckets: from this CSV file, then from the default map; assets that neither has are added to "
        "the file, to fill in.",
    ),
]
Account = Annotated[str | None, typer.Option(metavar="NAME", help="Use only the rows of this account.")]
Correlations = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="For max_correlation: asset, other and correlation; or asset and one column per asset. "
        "Default with --prices: measured on the prices.",
    ),
]
TargetVolatility = Annotated[
    float | None,
    typer.Option(
        metavar="FRACTION",
        help="With --prices and --classification: lower max_allocation of buckets with a higher yearly volatility.",
    ),
]
LimitsFile = Annotated[
    Path | None, typer.Option("--limits", metavar="FILE", help="Limits as TOML; see `trimtab limits show`.")
]
Preset = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Built-in limits; see `trimtab limits presets`.", autocompletion=_preset_names),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="FIELD=VALUE",
        help="Change one limit, such as max_total_positions=8; repeatable.",
        autocompletion=_settings,
    ),
]
FormatOption = Annotated[
    Format | None, typer.Option("--format", help="Output format; default: by the suffix of --out, else a table.")
]
ScreenFormatOption = Annotated[ScreenFormat, typer.Option("--format", help="Output format.")]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "-o",
        metavar="PATH",
        callback=_file_or_none,
        help="Write to this file: .csv, .json, .parquet, .arrow, .xlsx or .txt; default: stdout (-).",
    ),
]
OutPage = Annotated[
    Path | None,
    typer.Option(
        "--out", "-o", metavar="PATH", callback=_file_or_none, help="Write to this .html file; default: stdout (-)."
    ),
]
OutTable = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "-o",
        metavar="PATH",
        callback=_file_or_none,
        help="Write to this file: .csv, .parquet, .arrow or .xlsx; default: CSV on stdout (-).",
    ),
]
OutFolder = Annotated[
    Path | None, typer.Option("--out", "-o", metavar="DIR", help="Write everything to this folder, page included.")
]
Strict = Annotated[
    bool,
    typer.Option("--strict", help="Write nothing and exit with 4 if a limit is unmet or unwanted cash is left."),
]
Explain = Annotated[
    bool,
    typer.Option(
        "--explain", help="For unmet limits and forced cash, show which limits conflict and which changes would help."
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing on stderr except errors.")]
All = Annotated[bool, typer.Option("--all", "-a", help="Show every candidate in the table.")]


@dataclass(frozen=True)
class DataOptions:
    """The source of candidates other than FILE."""

    scores: Scores = None
    holdings: Holdings = None
    buckets: Buckets = None
    prices: Prices = None
    fundamentals: Fundamentals = None
    classification: Classification = None
    membership: Membership = None
    as_of: AsOf = None
    accept: Accept = None
    cash: Cash = None
    account: Account = None
    correlations: Correlations = None
    target_volatility: TargetVolatility = None
    aliases: AliasFile = None


@dataclass(frozen=True)
class LimitOptions:
    """Where limits come from."""

    limits: LimitsFile = None
    preset: Preset = None
    settings: Settings = None


_Result = TypeVar("_Result")


def grouped(command: Callable[..., _Result]) -> Callable[..., _Result]:
    """A command in which each parameter that is a dataclass of options becomes one option per field."""
    options: list[inspect.Parameter] = []
    groups: dict[str, type[Any]] = {}
    for parameter in inspect.signature(command, eval_str=True).parameters.values():
        if isinstance(parameter.annotation, type) and dataclasses.is_dataclass(parameter.annotation):
            groups[parameter.name] = parameter.annotation
            options += _parameters(parameter.annotation)
        else:
            options.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))

    @functools.wraps(command)
    def run(**arguments: Any) -> _Result:
        for name, group in groups.items():
            fields = [field.name for field in dataclasses.fields(group)]
            arguments[name] = group(**{field: arguments.pop(field) for field in fields})
        return command(**arguments)

    run.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]
    return run


def _parameters(group: type[Any]) -> Iterable[inspect.Parameter]:
    """The fields of a group as parameters of a command."""
    hints = typing.get_type_hints(group, include_extras=True)
    for field in dataclasses.fields(group):
        default = inspect.Parameter.empty if field.default is dataclasses.MISSING else field.default
        yield inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hints[field.name]
        )

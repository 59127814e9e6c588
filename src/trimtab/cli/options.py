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


def option(metavar: str, meaning: str, *names: str, **more: Any) -> Any:
    """An option with a value, named `metavar` in the help, where `meaning` is its line."""
    return typer.Option(*names, metavar=metavar, help=meaning, **more)


def flag(meaning: str, *names: str, **more: Any) -> Any:
    """An option without a value, or with one that its type explains."""
    return typer.Option(*names, help=meaning, **more)


def _out(meaning: str) -> Any:
    return option("PATH", meaning, "--out", "-o", callback=_file_or_none)


File = Annotated[
    Path | None,
    typer.Argument(metavar="FILE", help="Candidates: CSV, Parquet, Arrow or Excel; - for stdin.", show_default=False),
]
Scores = Annotated[
    Path | None,
    option(
        "FILE", "Instead of FILE: asset, score and, if it has them, bucket, price and more.", "--scores", "--assets"
    ),
]
Holdings = Annotated[
    Path | None,
    option("FILE", "With --scores: asset and current_weight. With --prices: asset, and current_weight or shares."),
]
Buckets = Annotated[Path | None, option("FILE", "With --scores: asset and bucket.")]
_PRICES_HELP = "Daily prices: date, symbol and close; or date and one column per symbol."
Prices = Annotated[Path | None, option("FILE", _PRICES_HELP)]
RequiredPrices = Annotated[Path, option("FILE", _PRICES_HELP)]
Fundamentals = Annotated[
    Path | None, option("FILE", "With --prices: symbol, known_on and items such as pe, eps, price.")
]
Classification = Annotated[
    Path | None, option("FILE", "With --prices: symbol and bucket; known_on if a symbol's bucket changes.")
]
Membership = Annotated[
    Path | None, option("FILE", "With --prices: symbol, from, to; only members of the day are scored or bought.")
]
AsOf = Annotated[
    str | None, option("DATE", "With --prices: decide as of this day; default: the last session.", "--as-of")
]
Accept = Annotated[
    list[str] | None, option("SYMBOL:DATE", "With --prices: a jump that is real, such as AAPL:2020-08-31; repeatable.")
]
Cash = Annotated[float | None, option("AMOUNT", "With shares: cash held, in the currency of the prices.")]
AliasFile = Annotated[
    Path | None,
    option(
        "FILE",
        'Other spellings of assets: TOML with "BRK.B" = ["Berkshire B"], or a table with asset and alias.',
        "--aliases",
    ),
]
Classify = Annotated[
    Path | None,
    option(
        "FILE",
        "Fill in missing buckets: from this CSV file, then from the default map; assets that neither has are added to "
        "the file, to fill in.",
    ),
]
Account = Annotated[str | None, option("NAME", "Use only the rows of this account.")]
Correlations = Annotated[
    Path | None,
    option(
        "FILE",
        "For max_correlation: asset, other and correlation; or asset and one column per asset. "
        "Default with --prices: measured on the prices.",
    ),
]
Exposures = Annotated[
    Path | None,
    option("FILE", "For limits of exposures: asset, scheme and bucket; optionally fraction and account."),
]
TargetVolatility = Annotated[
    float | None,
    option(
        "FRACTION",
        "With --prices and --classification: lower max_allocation of buckets with a higher yearly volatility.",
    ),
]
LimitsFile = Annotated[Path | None, option("FILE", "Limits as TOML; see `trimtab limits show`.", "--limits")]
Preset = Annotated[
    str | None, option("NAME", "Built-in limits; see `trimtab limits presets`.", autocompletion=_preset_names)
]
Settings = Annotated[
    list[str] | None,
    option(
        "FIELD=VALUE", "Change one limit, such as max_total_positions=8; repeatable.", "--set", autocompletion=_settings
    ),
]
FormatOption = Annotated[
    Format | None, flag("Output format; default: by the suffix of --out, else a table.", "--format")
]
ScreenFormatOption = Annotated[ScreenFormat, flag("Output format.", "--format")]
Out = Annotated[
    Path | None, _out("Write to this file: .csv, .json, .parquet, .arrow, .xlsx or .txt; default: stdout (-).")
]
OutPage = Annotated[Path | None, _out("Write to this .html file; default: stdout (-).")]
OutTable = Annotated[
    Path | None, _out("Write to this file: .csv, .parquet, .arrow or .xlsx; default: CSV on stdout (-).")
]
OutFolder = Annotated[Path | None, option("DIR", "Write everything to this folder, page included.", "--out", "-o")]
Strict = Annotated[
    bool, flag("Write nothing and exit with 4 if a limit is unmet or unwanted cash is left.", "--strict")
]
Explain = Annotated[
    bool,
    flag("For unmet limits and forced cash, show which limits conflict and which changes would help.", "--explain"),
]
Quiet = Annotated[bool, flag("Print nothing on stderr except errors.", "--quiet", "-q")]
All = Annotated[bool, flag("Show every candidate in the table.", "--all", "-a")]


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
    exposures: Exposures = None
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
        kind, hint = inspect.Parameter.KEYWORD_ONLY, hints[field.name]
        yield inspect.Parameter(field.name, kind, default=default, annotation=hint)

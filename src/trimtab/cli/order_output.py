"""The order files of a plan on the command line: the format, the settings, and the bytes."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trimtab.cli.options import Format, flag, option

if TYPE_CHECKING:
    from trimtab.order_files.formats import OrderFile
    from trimtab.orders.plan import Plan


class PlanFormat(StrEnum):
    """The values of `--format` for a plan."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    TEXT = "text"
    IBKR = "ibkr"
    ALPACA = "alpaca"
    FIX = "fix"


PlanFormatOption = Annotated[
    PlanFormat | None,
    flag(
        "Output format; default: by the suffix of the file, else a table. ibkr, alpaca and fix are order files for "
        "brokers, a file for each phase; text is for copying.",
        "--format",
    ),
]
OrderFileSetting = Annotated[
    list[str] | None,
    option(
        "FIELD=VALUE",
        "Change one setting of a broker's order file: order_type=limit, time_in_force=gtc, account=U123 ...; repeatable.",
        "--order-file",
    ),
]
_BY_SUFFIX = {".jsonl": "alpaca"}


def plan_format_of(asked: PlanFormat | None, out: Path | None) -> str:
    """The format that `--format` and the suffix of the file ask for.

    Raises
    ------
    typer.BadParameter
        They contradict each other, or a broker's format without a file.
    """
    from trimtab.cli.output import format_of
    from trimtab.errors import SetupError
    from trimtab.order_files.formats import FORMATS, format_of as order_format_of

    if asked is None and out is not None and out.suffix.casefold() in _BY_SUFFIX:
        return _BY_SUFFIX[out.suffix.casefold()]
    if asked not in FORMATS or asked == PlanFormat.CSV:
        return format_of(None if asked is None else Format(asked), out)
    if out is not None:
        try:
            order_format_of(asked, out)
        except SetupError as error:
            raise typer.BadParameter(str(error)) from None
    elif FORMATS[asked].broker is not None:
        raise typer.BadParameter(f"--format {asked} writes a file for each phase: name them with --out")
    return str(asked)


def applied_format(asked: PlanFormat | None, to: Path) -> str:
    """The format of the order file of a stored plan: as `plan_format_of`, with text instead of a screen."""
    chosen = plan_format_of(asked, to)
    return PlanFormat.TEXT if chosen == PlanFormat.TABLE else chosen


def order_file_settings(texts: list[str] | None) -> dict[str, Any]:
    """`field=value` as settings of an order file; amounts stay text, since they are exact.

    Raises
    ------
    typer.BadParameter
        Something else.
    """
    settings: dict[str, Any] = {}
    for text in texts or ():
        name, sign, value = (part.strip() for part in text.partition("="))
        if not sign or not name.isidentifier():
            advice = "write field=value, such as order_type=limit"
            raise typer.BadParameter(f"--order-file {text!r} is not a setting: {advice}")
        settings[name] = value == "true" if value in ("true", "false") else value
    return settings


def plan_files(plan: Plan, form: str, out: Path, texts: list[str] | None) -> tuple[OrderFile, ...]:
    """The files of a plan in any format but the screen.

    Raises
    ------
    TrimtabError
        Orders or settings that the format does not take.
    """
    from trimtab.files.encoded_table import encoded_table
    from trimtab.order_files.formats import FORMATS, OrderFile
    from trimtab.orders.order_output import files_of

    settings = order_file_settings(texts)
    if settings and (form not in FORMATS or FORMATS[form].broker is None):
        raise typer.BadParameter("--order-file goes with a broker's format: --format ibkr, alpaca or fix")
    if form in FORMATS:
        return files_of(plan, out, form, settings)
    content = plan.to_json().encode() if form == PlanFormat.JSON else encoded_table(plan.to_arrow(), form)
    return (OrderFile(out, content, len(plan.orders)),)

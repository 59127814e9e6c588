"""Results out: format, bytes, and a file written whole or not at all."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from trimtab.cli.exit_codes import ExitCode
from trimtab.cli.notices import Notices
from trimtab.cli.options import Format
from trimtab.errors import Fault, InputError, OutputError
from trimtab.files import atomic_write
from trimtab.files.atomic_write import write_errors
from trimtab.files.encoded_table import encoded_table
from trimtab.files.links import followed

if TYPE_CHECKING:
    from trimtab.rebalancing.result import RebalanceResult


_SUFFIXES = {"": "table", ".txt": "table"} | {f".{form}": form for form in ("csv", "json", "parquet", "arrow", "xlsx")}


def format_of(asked: Format | None, out: Path | None) -> str:
    """The format that `--format` and the suffix of `--out` ask for: one of the values of `_SUFFIXES`.

    Raises
    ------
    typer.BadParameter
        They contradict each other, or the suffix is unknown and no format is given.
    """
    if out is None:
        return asked or Format.TABLE
    named = _SUFFIXES.get(out.suffix.casefold())
    if asked is None:
        if named is None:
            known = ", ".join(suffix for suffix in _SUFFIXES if suffix)
            raise typer.BadParameter(f"--out {out}: the suffix {out.suffix!r} is unknown; use {known}, or --format")
        return named
    if named is not None and out.suffix and named != asked:
        raise typer.BadParameter(f"--format {asked} contradicts the suffix of --out {out}: change one of the two")
    return asked


def table_form(out: Path | None, what: str, inputs: Sequence[Path]) -> str:
    """The format of a table that goes to `--out`: by its suffix; CSV on stdout.

    Raises
    ------
    typer.BadParameter
        The format is not that of a table.
    InputError
        A place that cannot be written.
    """
    form = "csv" if out is None else format_of(None, out)
    if form in ("table", "json"):
        raise typer.BadParameter(f"--out {out}: {what} are written as .csv, .parquet, .arrow or .xlsx")
    check_out(out, inputs)
    return form


def check_page(out: Path | None) -> None:
    """Refuse a file name that does not look like an HTML page.

    Raises
    ------
    typer.BadParameter
        Its suffix is not that of a page.
    """
    if out is not None and out.suffix.casefold() not in (".html", ".htm"):
        raise typer.BadParameter(f"--out {out}: a report is an HTML page; name a file that ends in .html")


def check_out(out: Path | None, inputs: Sequence[Path] = ()) -> None:
    """Refuse an unwritable place before anything is decided; stdout is fine.

    Raises
    ------
    InputError
        A folder, a device, a missing parent folder, or one of the input files.
    """

    def refuse(problem: str, advice: str) -> InputError:
        return InputError([Fault(problem, advice)], f"--out {out}")

    if out is None:
        return
    if out.is_dir():
        raise refuse("is a folder", "name a file in it")
    if not out.parent.is_dir():
        raise refuse(f"the folder {str(out.parent)!r} does not exist", "make it first, or name another")
    if not out.exists():
        return
    if not out.is_file():
        raise refuse("is a device or a pipe", "name a file")
    for path in inputs:
        if path.exists() and out.samefile(path):
            raise refuse("is one of the input files, which would be lost", "name another file")


def encoded(result: RebalanceResult, form: str) -> bytes:
    """The result in a format for machines: csv, json, parquet, arrow or xlsx."""
    if form == "json":
        return result.to_json().encode()
    return encoded_table(result.targets, form)


def write_out(data: bytes, out: Path | None, notices: Notices) -> None:
    """Write data to a file, or to stdout by default."""
    if out is None:
        emit(data)
    else:
        write_file(out, data)
        notices.note(f"written: {out}")


def write_file(out: Path, data: bytes) -> None:
    """Write the file that `--out` names, whole or not at all; through a link, the file it leads to.

    Raises
    ------
    OutputError
        The file system refuses; nothing unfinished is left.
    """
    with write_errors(f"--out {out}", "name a place where you may write"):
        atomic_write.write_file(followed(out), data)


def emit(data: bytes) -> None:
    """Data to stdout, unchanged.

    Raises
    ------
    typer.Exit
        The reader has gone.
    OutputError
        Stdout cannot be written to.
    """
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so closing it cannot fail again
        if isinstance(error, BrokenPipeError):
            raise typer.Exit(int(ExitCode.READER_GONE)) from None
        fault = Fault(f"cannot be written ({error.strerror or error})", "send it to another place")
        raise OutputError([fault], "stdout") from None

"""`trimtab import`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trimtab.cli.exit_codes import ExitCode, exit_codes
from trimtab.cli.notices import Notices
from trimtab.cli.options import Classify, OutTable, Quiet, flag, option
from trimtab.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

    from trimtab.brokers.positions import Positions

Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE...",
        help="A broker's file of positions or activities: CSV, XLSX, JSON or XML; and its companion, if it has one.",
        show_default=False,
    ),
]
LayoutName = Annotated[
    str | None,
    option("NAME|FILE.toml", "How to read it: a layout, or your own as TOML; default: by content.", "--layout"),
]
Day = Annotated[str | None, option("DATE", "Fold a history up to this day; default: all of it.", "--as-of")]
Columns = Annotated[bool, flag("Show how each column was understood.", "--explain")]
AsJson = Annotated[bool, flag("Print everything as JSON.", "--json")]


@exit_codes
def broker_import(
    files: Files,
    layout: LayoutName = None,
    as_of: Day = None,
    classify: Classify = None,
    out: OutTable = None,
    explain: Columns = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> int:
    """Read the positions in a broker's file, exactly, and reconcile them with its totals; anything unsure is refused."""
    from trimtab.brokers import LAYOUTS, read
    from trimtab.brokers.table import table_of
    from trimtab.cli.output import emit, table_form, write_out
    from trimtab.cli.screens.broker_positions import columns_text, positions_text
    from trimtab.files.encoded_table import encoded_table

    notices = Notices(quiet=quiet)
    form = table_form(out, "positions", files)
    try:
        positions = read(files, layout, as_of)
    except InputError as error:
        if layout is None and any("no known layout" in fault.problem for fault in error.faults):
            notices.note(f"layouts: {', '.join(LAYOUTS)}")
        raise
    table = table_of(positions)
    if classify is not None:
        table = _classified(positions, table, classify, notices)
    if as_json:
        emit(f"{positions.to_json()}\n".encode())
    elif explain:
        emit(columns_text(positions).encode())
    elif out is None:
        emit(positions_text(positions).encode())
    if out is not None:
        write_out(encoded_table(table, form), out, notices)
    notices.note(f"{positions.title}: {positions.summary()}")
    for note in positions.notes:
        notices.note(note)
    return ExitCode.FINE


def _classified(positions: Positions, table: pa.Table, file: Path, notices: Notices) -> pa.Table:
    """The table with a bucket for each position; those without one are added to the file."""
    import pyarrow as pa

    from trimtab.cli.inputs import note_classified
    from trimtab.data.classification import classify

    labels = [each.label if each.is_tradable else None for each in positions.positions]
    done = classify(pa.table({"asset": pa.array(labels, pa.string())}), file)
    note_classified(done, notices)
    buckets = [*done.table["bucket"].to_pylist(), *[None] * (table.num_rows - len(labels))]
    return table.append_column("bucket", pa.array(buckets, pa.string()))

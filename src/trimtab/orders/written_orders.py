"""The order files of a plan, written only if no gate holds its orders back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from trimtab.errors import Fault, HeldOrdersError
from trimtab.files.atomic_write import write_errors, write_file
from trimtab.orders.order_output import files_of
from trimtab.orders.plan import Plan
from trimtab.orders.release import Desk, may_write


def write_orders(
    plan: Plan,
    path: str | Path,
    *,
    desk: Desk,
    format: str | None = None,  # noqa: A002 - the word of the command line
    settings: Any = None,
) -> tuple[Path, ...]:
    """Write the orders of a plan for a broker, a spreadsheet, or to paste; returns the paths.

    Brokers' formats get a file for each phase, since nothing in them says that sells come first: `orders-1-sells.csv`,
    `orders-2-buys.csv`, `orders-3-buys-after-settlement.csv`. Lists are one file, with the phase of each order. The same plan
    gives the same bytes, and every file is read back before it is written.

    Parameters
    ----------
    plan
        The result of `trimtab.plan`.
    path
        Where to write. Without a format, its suffix chooses: .csv, .xlsx, .jsonl (Alpaca) or .txt.
    desk
        The facts beside the plan against which the gates are measured: at least the time.
    format
        `ibkr`, `alpaca`, `fix`, `csv`, `xlsx` or `text`.
    settings
        For brokers' formats: an `OrderFileSettings`, or a mapping of its fields.

    Raises
    ------
    HeldOrdersError
        A gate holds the orders back.
    InputError
        Orders that the broker would refuse; orders of another plan under the same name.
    OutputError
        The file system refuses.
    """
    release = may_write(plan, desk)
    if not release.is_granted:
        advice = "change the plan or the limit of the gate, or acknowledge the gate"
        raise HeldOrdersError([Fault(gate.sentence, advice) for gate in release.held], str(path))
    files = files_of(plan, Path(path), format, settings)
    release.write_record()
    for file in files:
        with write_errors(str(file.path), "name a place where you may write"):
            write_file(file.path, file.data)
    return tuple(file.path for file in files)

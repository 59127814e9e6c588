"""The options about gates, and the facts that the gates are measured against."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trimtab.cli.options import option

if TYPE_CHECKING:
    from trimtab.orders.gates import Written
    from trimtab.orders.release import Desk
    from trimtab.store.plan_runs import Stamp

LastSession = Annotated[
    str | None, option("DATE", "The last session of the market; default: the session before.", "--last-session")
]
Sessions = Annotated[
    Path | None, option("FILE", "The days on which the market is open, as a column date; default: weekdays.")
]
Record = Annotated[
    Path | None, option("FILE", "Orders written so far, as JSON lines; none is written twice within a day.")
]
State = Annotated[Path | None, option("FILE", "A file that says NORMAL, REDUCING (only sells) or HALTED.")]
Acknowledge = Annotated[
    list[str] | None,
    option("GATE", "Let a gate through: its name, or name:ASSET; repeatable. Say why with --purpose.", "--acknowledge"),
]


@dataclass(frozen=True)
class DeskOptions:
    """The files and days that hold orders back, and the gates that a person lets through."""

    last_session: LastSession = None
    sessions: Sessions = None
    record: Record = None
    state: State = None
    acknowledge: Acknowledge = None

    @property
    def files(self) -> list[Path]:
        """The files that are given."""
        return [path for path in (self.sessions, self.record, self.state) if path is not None]

    def desk(self, stamp: Stamp, today: dt.date | None, written: Sequence[Written] | None = None) -> Desk:
        """The facts beside a plan; `written`: orders that are known to be written, beside those of the record.

        Raises
        ------
        typer.BadParameter
            A day that cannot be read, or a gate let through without a name or a reason.
        """
        from trimtab.orders.price_history import last_session_before
        from trimtab.orders.release import Acknowledgement, Desk

        if self.acknowledge and not (stamp.by.strip() and stamp.purpose.strip()):
            raise typer.BadParameter("--acknowledge needs a reason, and someone who gives it: --purpose TEXT --by NAME")
        last, calendar = day_of(self.last_session, "--last-session"), self._calendar()
        if last is None and today is not None:
            last = last_session_before(today, calendar)
        named = [text.partition(":") for text in self.acknowledge or ()]
        return Desk(
            now=stamp.now,
            last_session=last,
            calendar=calendar,
            record=self.record,
            written=written,
            state=self.state,
            acknowledgements=[Acknowledgement(gate, stamp.by, stamp.purpose, asset) for gate, _, asset in named],
        )

    def _calendar(self) -> frozenset[dt.date] | None:
        """The days of the file of sessions; it may be a file of prices.

        Raises
        ------
        InputError
            A file without a column `date`, or a value that is not a day.
        """
        if self.sessions is None:
            return None
        from trimtab.errors import Fault, InputError
        from trimtab.files.table_files import read_table
        from trimtab.orders.tax_lots import date_of

        table = read_table(self.sessions)
        if "date" not in table.column_names:
            raise InputError([Fault("the column is missing", "add it", column="date")], str(self.sessions))
        days = table["date"].to_pylist()
        for row, day in enumerate(days, 1):
            if date_of(day) is None:
                fault = Fault("is not a day", "write it as 2026-03-02", column="date", row=row, value=day)
                raise InputError([fault], str(self.sessions))
        return frozenset(day for value in days if (day := date_of(value)) is not None)


def day_of(text: str | None, option: str) -> dt.date | None:
    """The day that an option names.

    Raises
    ------
    typer.BadParameter
        It is not a day.
    """
    try:
        return None if text is None else dt.date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{option} {text!r} is not a day: write it as 2026-03-02") from None

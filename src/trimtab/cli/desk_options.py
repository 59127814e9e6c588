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
    str | None, option("DATE", "The last session of the market; default: the weekday before.", "--last-session")
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
    record: Record = None
    state: State = None
    acknowledge: Acknowledge = None

    @property
    def files(self) -> list[Path]:
        """The files that are given."""
        return [path for path in (self.record, self.state) if path is not None]

    def desk(self, stamp: Stamp, today: dt.date | None, written: Sequence[Written] | None = None) -> Desk:
        """The facts beside a plan; `written`: orders that are known to be written, beside those of the record.

        Raises
        ------
        typer.BadParameter
            A day that cannot be read, or a gate let through without a name or a reason.
        """
        from trimtab.orders.price_history import last_weekday_before
        from trimtab.orders.release import Acknowledgement, Desk

        if self.acknowledge and not (stamp.by.strip() and stamp.purpose.strip()):
            raise typer.BadParameter("--acknowledge needs a reason, and someone who gives it: --purpose TEXT --by NAME")
        last = day_of(self.last_session, "--last-session")
        if last is None and today is not None:
            last = last_weekday_before(today)
        named = [text.partition(":") for text in self.acknowledge or ()]
        return Desk(
            now=stamp.now,
            last_session=last,
            record=self.record,
            written=written,
            state=self.state,
            acknowledgements=[Acknowledgement(gate, stamp.by, stamp.purpose, asset) for gate, _, asset in named],
        )


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

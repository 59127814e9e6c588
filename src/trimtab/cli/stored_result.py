"""The result of a stored run, for commands that take a file or a run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from trimtab.cli.notices import Notices
from trimtab.cli.options import DataOptions, LimitOptions
from trimtab.cli.store_options import existing_store

if TYPE_CHECKING:
    from trimtab.orders.plan import Plan

_RUN = re.compile(r"latest|[0-9a-f]{4,64}", re.ASCII).fullmatch


def is_run(name: str | None) -> bool:
    """Whether a name is that of a run: no such file exists, and it reads like an id."""
    return name is not None and _RUN(name) is not None and not Path(name).exists()


def stored_plan(name: str, place: str | None, data: DataOptions, limits: LimitOptions, notices: Notices) -> Plan:
    """The plan of a stored run, decided again from its inputs.

    Raises
    ------
    typer.BadParameter
        Options of inputs, which the run has already.
    InputError
        No such run, or one whose inputs were pruned or are refused today.
    """
    import trimtab
    from trimtab.errors import Fault, InputError
    from trimtab.store.plan_runs import find_plan
    from trimtab.store.replay import replay

    if data != DataOptions() or limits != LimitOptions():
        raise typer.BadParameter(f"{name} is a stored run, with its own candidates and limits: leave the others out")
    with existing_store(place) as store:
        outcome = replay(store, find_plan(store, name), trimtab.__version__)
    if outcome.plan is None:
        raise InputError([Fault(outcome.sentence, "use the version that made it")])
    if not outcome.is_same:
        notices.warn(outcome.sentence)
    return outcome.plan

"""The options about the store of runs, and the store that they name."""

from __future__ import annotations

import contextlib
import datetime as dt
import getpass
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trimtab.cli.options import flag, option

if TYPE_CHECKING:
    from trimtab.store.plan_runs import Stamp
    from trimtab.store.sql_store import SqlStore

_ENVIRONMENT = "TRIMTAB_BY"

StorePlace = Annotated[
    str | None,
    option(
        "PLACE",
        "The store of runs: a file (SQLite) or postgresql://…; default: TRIMTAB_STORE, else your data folder.",
        "--store",
    ),
]
By = Annotated[str | None, option("NAME", "Who decides, for the record; default: TRIMTAB_BY, else your login.")]
Purpose = Annotated[str, option("TEXT", "Why, for the record.", show_default=False)]
Run = Annotated[str, typer.Argument(metavar="RUN", help="The id of a run, or its first digits; latest for the newest.")]


@dataclass(frozen=True)
class StoreOptions:
    """Which store, and who writes to it."""

    store: StorePlace = None
    by: By = None
    purpose: Purpose = ""

    def stamp(self) -> Stamp:
        """Who writes, and when."""
        import trimtab
        from trimtab.store.plan_runs import Stamp

        return Stamp(dt.datetime.now().astimezone(), trimtab.__version__, name_of_user(self.by), self.purpose)


@dataclass(frozen=True)
class RecordOptions(StoreOptions):
    """Whether a plan is stored, and who answers for it."""

    no_store: Annotated[bool, flag("Store nothing.", "--no-store")] = False
    require_approved: Annotated[
        bool, flag("Refuse limits that `trimtab limits approve` has not recorded.", "--require-approved")
    ] = False


def name_of_user(name: str | None) -> str:
    """Who decides: the given name, else TRIMTAB_BY, else the login name."""
    named = name or os.environ.get(_ENVIRONMENT)
    if named:
        return named
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


@contextlib.contextmanager
def opened_store(place: str | None) -> Iterator[SqlStore]:
    """The store at a place, made if it is new."""
    from trimtab.store.connections import place_of
    from trimtab.store.sql_store import SqlStore

    store = SqlStore(place_of(place))
    try:
        yield store
    finally:
        store.close()


@contextlib.contextmanager
def existing_store(place: str | None) -> Iterator[SqlStore]:
    """The store at a place, which must be there already.

    Raises
    ------
    InputError
        There is no such file.
    """
    from trimtab.errors import Fault, InputError
    from trimtab.store.connections import is_postgres, place_of

    path = place_of(place)
    if not is_postgres(path) and not Path(path).expanduser().exists():
        advice = "`trimtab plan` makes it; or name another with --store"
        raise InputError([Fault("there is no such store", advice)], f"store {path}")
    with opened_store(path) as store:
        yield store

"""The candidates and the limits of one account of a published batch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from trimtab.cli.notices import Notices
from trimtab.cli.options import DataOptions, LimitOptions
from trimtab.cli.store_options import opened_store

if TYPE_CHECKING:
    from trimtab.cli.chosen_limits import ChosenLimits
    from trimtab.cli.inputs import CandidateInputs


def is_published(file: Path | None) -> bool:
    """Whether FILE is the folder of a published batch."""
    return file is not None and (file / "manifest.json").is_file()


def known_places(folder: Path, place: str | None = None) -> list[str]:
    """The places of the input of a batch, if the store recorded it."""
    from trimtab.batch.published_folder import manifest_of
    from trimtab.store.batch_runs import places_of
    from trimtab.store.connections import is_postgres, place_of

    path = place_of(place)
    if not is_postgres(path) and not Path(path).expanduser().exists():
        return []
    with opened_store(path) as store:
        return places_of(store, manifest_of(folder))


def read_published(
    folder: Path, data: DataOptions, limits: LimitOptions, notices: Notices
) -> tuple[CandidateInputs, ChosenLimits]:
    """One account of a published batch, with the limits of that night.

    Raises
    ------
    typer.BadParameter
        No account is named, or limits are.
    InputError
        No such account, or the input of the batch is gone.
    """
    from trimtab.batch.published_account import published_account
    from trimtab.cli.chosen_limits import ChosenLimits
    from trimtab.cli.inputs import CandidateInputs

    if data.account is None:
        raise typer.BadParameter(f"{folder} is a published batch: name one of its accounts with --account")
    if limits != LimitOptions() or data != DataOptions(account=data.account):
        raise typer.BadParameter(f"{folder} is a published batch, with its own limits and data: leave the others out")
    account = published_account(folder, data.account, known_places(folder))
    for note in account.notes:
        notices.warn(note)
    files = (Path(account.file.source),)
    inputs = CandidateInputs(
        account.file.table,
        account.file.source,
        files,
        account.file.located,
        exposures=account.exposures,
        money=account.money,
    )
    return inputs, ChosenLimits(account.limits, f"the limits of {folder}")

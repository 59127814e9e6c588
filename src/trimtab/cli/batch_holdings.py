"""Broker files as the holdings of a batch: all their accounts, as weights in a Parquet file beside the folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from trimtab.cli.notices import Notices
from trimtab.orders.broker_candidates import is_broker_file

if TYPE_CHECKING:
    from collections.abc import Sequence


def holdings_places(places: Sequence[str], assets: str, out: Path, notices: Notices) -> tuple[str, ...]:
    """The places of the holdings of a batch; each broker's file as the Parquet file that is made of it.

    Raises
    ------
    InputError
        A broker's file that cannot be read for sure, or does not say everything.
    """
    return tuple(
        _written(Path(place), assets, out, notices) if "://" not in place and is_broker_file(Path(place)) else place
        for place in places
    )


def _written(path: Path, assets: str, out: Path, notices: Notices) -> str:
    from trimtab.brokers import read
    from trimtab.brokers.accounts_table import weights_of
    from trimtab.cli.output import write_file
    from trimtab.files.candidate_file import read_candidate_file
    from trimtab.files.encoded_table import encoded_table
    from trimtab.symbols.aliases import shipped_aliases

    if "://" in assets:
        raise typer.BadParameter(f"{path} is a broker's file: --assets must be a local file then, to match the symbols")
    positions = read(path)
    table, notes = weights_of(positions, shipped_aliases(), read_candidate_file(Path(assets)).names())
    made = out.parent / f"{out.name}-holdings" / f"{path.stem}.parquet"
    made.parent.mkdir(parents=True, exist_ok=True)
    write_file(made, encoded_table(table, "parquet"))
    notices.note(f"{path.name} ({positions.title}): {positions.summary()}; as weights in {made}")
    for note in dict.fromkeys((*positions.notes, *notes)):
        notices.note(note)
    return str(made)

"""The exposures that `--exposures` names, in the candidates' spelling, and what their table leaves open."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from trimtab.cli.notices import Notices
from trimtab.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

    from trimtab.candidates.exposures import Exposures
    from trimtab.cli.chosen_limits import ChosenLimits
    from trimtab.cli.inputs import CandidateInputs
    from trimtab.cli.options import DataOptions


def with_exposures(
    inputs: CandidateInputs, options: DataOptions, chosen: ChosenLimits, notices: Notices
) -> CandidateInputs:
    """The inputs with the exposures of a file; notes say what it lacks.

    Raises
    ------
    InputError
        A file that cannot be read, or that holds no exposures.
    """
    if options.exposures is None:
        return inputs
    table = read_exposure_table(options.exposures, inputs, options.account, options.aliases, notices)
    exposures = read_exposures(table, options.exposures)
    note_gaps(exposures, inputs.table, chosen, notices)
    return replace(inputs, exposures=exposures, files=(*inputs.files, options.exposures))


def read_exposure_table(
    path: Path, inputs: CandidateInputs, account: str | None, aliases: Path | None, notices: Notices
) -> pa.Table:
    """The table in a file: the rows of this account, with the candidates' names."""
    from trimtab.files.alias_file import read_aliases
    from trimtab.files.candidate_file import ACCOUNT, CandidateFile, read_candidate_file

    file = read_candidate_file(path)
    if account is not None and ACCOUNT in file.table.column_names:
        file = file.of_account(account)
        file = replace(file, table=file.table.drop_columns([ACCOUNT]))
    file, renamed = file.in_spelling(read_aliases(aliases), CandidateFile(inputs.name, inputs.table).names())
    for old, new in renamed.items():
        notices.note(f"joined by alias: {old} in {path} is {new} in {inputs.name}")
    return file.table


def read_exposures(table: pa.Table, path: Path) -> Exposures:
    """The exposures in the table of a file; its faults name the file."""
    from trimtab.candidates.exposures import exposures_of

    try:
        return exposures_of(table)
    except InputError as error:
        raise InputError([replace(fault, source=str(path)) for fault in error.faults]) from None


def note_gaps(exposures: Exposures, candidates: pa.Table, chosen: ChosenLimits, notices: Notices) -> None:
    """Say which candidates, or which parts of them, limited schemes count as `Unknown`."""
    if "asset" not in candidates.column_names:
        return  # refused later
    from trimtab.exposures.gaps import gaps

    assets = sorted({str(name) for name in candidates["asset"].to_pylist()})
    for sentence in gaps(exposures, assets, sorted({*chosen.limits.exposures, *chosen.limits.concentration})):
        notices.note(sentence)

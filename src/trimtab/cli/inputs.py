"""The candidates that the options of a command name: from one file or three."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from trimtab.bucket_path import UNKNOWN
from trimtab.cli.broker_inputs import broker_holdings
from trimtab.cli.notices import Notices
from trimtab.cli.options import DataOptions
from trimtab.errors import Fault, InputError, listed
from trimtab.orders.broker_candidates import is_broker_file, settled
from trimtab.text import counted

if TYPE_CHECKING:
    import pyarrow as pa

    from trimtab.brokers.holdings import Held
    from trimtab.candidates.correlations import Correlations
    from trimtab.candidates.exposures import Exposures
    from trimtab.data.classification import Classified
    from trimtab.files.candidate_file import CandidateFile
    from trimtab.files.joined_files import Joined
    from trimtab.market.view import MarketView
    from trimtab.orders.many import AccountMoney
    from trimtab.symbols.aliases import Aliases


_OF_PRICES = ("fundamentals", "classification", "membership", "as_of", "accept")  # options that need --prices


@dataclass(frozen=True)
class CandidateInputs:
    """Candidates, their name on screen, the files they came from, and how to locate a fault."""

    table: pa.Table
    name: str
    files: tuple[Path, ...]
    located: Callable[[Fault], Fault]
    view: MarketView | None = None  # the prices, where the candidates come from prices
    correlations: Correlations | None = None
    exposures: Exposures | None = None
    money: AccountMoney | None = None  # of an account of a batch with orders
    used_columns: tuple[str, ...] = ()  # options used before the candidates were read

    @property
    def title(self) -> str:
        """Their names on the page: the names of the files without their folders."""
        return " + ".join(path.name for path in self.files) or self.name

    @contextmanager
    def named_in_errors(self) -> Iterator[None]:
        """Errors about the candidates name the file that they came from."""
        try:
            yield
        except InputError as error:
            raise InputError([self.located(fault) for fault in error.faults], self.name) from None


def read_inputs(file: Path | None, data: DataOptions, notices: Notices) -> CandidateInputs:
    """The candidates of one file or three; gaps between the three are noted on stderr.

    Raises
    ------
    InputError
        A file that cannot be read.
    """
    from trimtab.files.alias_file import read_aliases
    from trimtab.files.candidate_file import ACCOUNT, read_candidate_file
    from trimtab.files.joined_files import join_tables

    aliases = read_aliases(data.aliases)
    if file is not None:
        candidate_file = read_candidate_file(file)
        _check_scored(candidate_file)
        if data.account is not None:
            candidate_file = candidate_file.of_account(data.account)
        if ACCOUNT not in candidate_file.table.column_names or data.account is not None:
            candidate_file, _ = candidate_file.in_spelling(aliases)
        return CandidateInputs(candidate_file.table, candidate_file.source, (file,), candidate_file.located)
    paths = three_files(data)
    if is_broker_file(paths[1]):
        held = broker_holdings(paths[1], data.account, notices, cash=data.cash)
        return joined_to(held, held.in_weights(), paths, aliases, notices)
    joined = join_tables(*paths, account=data.account, aliases=aliases)
    return _joined_inputs(joined, paths, notices)


def three_files(data: DataOptions) -> tuple[Path, Path, Path | None]:
    """Scores, holdings and buckets; `check_mixture` has refused options without the first two."""
    scores, holdings = (path for path in (data.scores, data.holdings) if path is not None)
    return scores, holdings, data.buckets


def joined_to(
    held: Held,
    file: CandidateFile,
    paths: tuple[Path, Path, Path | None],
    aliases: Aliases,
    notices: Notices,
    prices: Mapping[str, Decimal] | None = None,
) -> CandidateInputs:
    """Scores, an account of a broker's file and buckets as candidates."""
    from trimtab.files.joined_files import join_tables

    joined = _joined_inputs(join_tables(paths[0], file, paths[2], aliases=aliases), paths, notices)
    return replace(joined, table=settled(joined.table, held, prices))


def _joined_inputs(joined: Joined, paths: tuple[Path, Path, Path | None], notices: Notices) -> CandidateInputs:
    for sentence in _join_sentences(joined, paths[2]):
        notices.note(sentence)
    files = tuple(path for path in paths if path is not None)
    return CandidateInputs(joined.table, " + ".join(map(str, files)), files, joined.located)


def classified(inputs: CandidateInputs, file: Path, aliases: Path | None, notices: Notices) -> CandidateInputs:
    """The candidates with the buckets that they lack: from this file, or from the default map.

    Raises
    ------
    InputError
        A file that cannot be used.
    """
    from trimtab.data.classification import classify
    from trimtab.files.alias_file import read_aliases

    with inputs.named_in_errors():
        if "asset" not in inputs.table.column_names:
            raise InputError([Fault("the column is missing", "add it", column="asset")])
    done = classify(inputs.table, file, read_aliases(aliases))
    note_classified(done, notices)
    return replace(inputs, table=done.table)


def note_classified(done: Classified, notices: Notices) -> None:
    """Say where buckets came from, and which are left to fill in."""
    notices.note(done.note)
    if done.warning is not None:
        notices.warn(done.warning)


def _check_scored(file: CandidateFile) -> None:
    """Refuse a file of holdings in place of candidates, and say what to do."""
    names = file.table.column_names
    if {"current_weight", "shares"} & set(names) and not any("score" in name.casefold() for name in names):
        advice = "add a score from 0 to 1 for each asset; or give this file as --holdings, with --scores or --prices"
        raise InputError([Fault("the column is missing", advice, column="score")], file.source)


def check_mixture(file: Path | None, data: DataOptions) -> None:
    """Refuse options that do not go together.

    Raises
    ------
    typer.BadParameter
        Which ones, and what to use instead.
    """
    everything = [file, *(getattr(data, field.name) for field in fields(data))]
    if everything.count(Path("-")) > 1:
        raise typer.BadParameter("only one file can be - (stdin)")
    parts = {"FILE": file, "--scores": data.scores, "--buckets": data.buckets}
    used = [name for name, path in parts.items() if path is not None]
    if data.prices is not None:
        if used:
            raise typer.BadParameter(f"give either --prices or {' and '.join(used)}, not both")
        return
    alone = [f"--{name.replace('_', '-')}" for name in _OF_PRICES if getattr(data, name) not in (None, [])]
    if alone:
        raise typer.BadParameter(f"{' and '.join(alone)} without --prices: add the prices")
    files = {"--scores": data.scores, "--holdings": data.holdings, "--buckets": data.buckets}
    used = [name for name, path in files.items() if path is not None]
    if file is not None and used:
        raise typer.BadParameter(f"give either FILE or {' and '.join(used)}, not both")
    if file is None and not used:
        raise typer.BadParameter("give FILE, or --scores and --holdings (and --buckets), or --prices and --holdings")
    missing = [name for name in ("--scores", "--holdings") if files[name] is None]
    if file is None and missing:
        raise typer.BadParameter(f"{' and '.join(used)} without {' and '.join(missing)}: give both, or FILE")


def _join_sentences(joined: Joined, buckets: Path | None) -> Iterator[str]:
    """Notes on gaps between the three files."""
    count = joined.table.num_rows
    yield f"joined {counted(count, 'candidate')} on asset; {counted(len(joined.unscored), 'holding')} without a score"
    yield from joined.notes
    if joined.unscored:
        yield f"not in the scores, so kept without a score: {listed(joined.unscored)}"
    if joined.unclassified and buckets is not None:
        many = counted(len(joined.unclassified), "asset")
        yield f"{many} without a bucket, counted as {UNKNOWN}: {listed(joined.unclassified)}"
    if joined.unused:
        many = counted(len(joined.unused), "asset")
        yield f"{many} with a bucket but neither score nor holding, left out: {listed(joined.unused)}"

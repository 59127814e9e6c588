"""What the options of a command stand for: candidates from one file, three files or market data; and limits."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from trimtab.bucket_path import UNKNOWN
from trimtab.cli.notices import Notices
from trimtab.cli.options import DataOptions, LimitOptions
from trimtab.errors import Fault, InputError, LimitsError, listed
from trimtab.limits.old_names import with_current_names
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.limits.regimes import laid_over
from trimtab.text import counted

if TYPE_CHECKING:
    import pyarrow as pa

    from trimtab.candidates.correlations import Correlations
    from trimtab.files.joined_files import Joined
    from trimtab.market.view import MarketView

_BARE_WORD = re.compile(r"[A-Za-z][\w-]*", re.ASCII).fullmatch


@dataclass(frozen=True)
class CandidateInputs:
    """Candidates, what they are called on screen, the files they came from, and where a fault of theirs is."""

    table: pa.Table
    name: str
    files: tuple[Path, ...]
    located: Callable[[Fault], Fault]
    view: MarketView | None = None  # the prices, where the candidates come from prices
    correlations: Correlations | None = None

    @property
    def title(self) -> str:
        """What the page calls them: the names of the files without their folders."""
        return " + ".join(path.name for path in self.files) or self.name

    @contextmanager
    def named_in_errors(self) -> Iterator[None]:
        """Errors about the candidates name the file that they came from."""
        try:
            yield
        except InputError as error:
            raise InputError([self.located(fault) for fault in error.faults], self.name) from None


@dataclass(frozen=True)
class ChosenLimits:
    """Limits, where they came from, and whether any were chosen at all."""

    limits: RebalancingLimits
    source: str | None
    files: tuple[Path, ...] = ()
    given: bool = True

    @contextmanager
    def named_in_errors(self) -> Iterator[None]:
        """Errors about the limits name the file that they came from."""
        try:
            yield
        except LimitsError as error:
            raise LimitsError(error.faults, error.source or self.source) from None


def read_inputs(file: Path | None, data: DataOptions, notices: Notices) -> CandidateInputs:
    """The candidates of one file or three; what three do not say about each other is said aloud.

    Raises
    ------
    InputError
        A file that cannot be read.
    """
    from trimtab.files.joined_files import join_tables
    from trimtab.files.table_files import read_table  # late: Arrow loads slowly

    if file is not None:
        return CandidateInputs(read_table(file), str(file), (file,), lambda fault: fault)
    files = tuple(path for path in (data.scores, data.holdings, data.buckets) if path is not None)
    joined = join_tables(files[0], files[1], data.buckets)
    for sentence in _join_sentences(joined, data.buckets):
        notices.note(sentence)
    return CandidateInputs(joined.table, " + ".join(map(str, files)), files, joined.located)


def check_mixture(file: Path | None, data: DataOptions) -> None:
    """Refuse options that do not go together.

    Raises
    ------
    typer.BadParameter
        Which ones, and what would do.
    """
    parts = {"FILE": file, "--scores": data.scores, "--buckets": data.buckets}
    given = [name for name, path in parts.items() if path is not None]
    if data.prices is not None:
        if given:
            raise typer.BadParameter(f"give either --prices or {' and '.join(given)}, not both")
        return
    market = {
        "--fundamentals": data.fundamentals,
        "--classification": data.classification,
        "--membership": data.membership,
        "--as-of": data.as_of,
    }
    alone = [name for name, value in market.items() if value is not None]
    if alone:
        raise typer.BadParameter(f"{' and '.join(alone)} without --prices: add the prices")
    if data.cash is not None:
        raise typer.BadParameter("--cash without --prices: add the prices that value the shares")
    files = {"--scores": data.scores, "--holdings": data.holdings, "--buckets": data.buckets}
    given = [name for name, path in files.items() if path is not None]
    if file is not None and given:
        raise typer.BadParameter(f"give either FILE or {' and '.join(given)}, not both")
    if file is None and not given:
        raise typer.BadParameter("give FILE, or --scores and --holdings (and --buckets), or --prices and --holdings")
    missing = [name for name in ("--scores", "--holdings") if files[name] is None]
    if file is None and missing:
        raise typer.BadParameter(f"{' and '.join(given)} without {' and '.join(missing)}: give both, or FILE")


def _join_sentences(joined: Joined, buckets: Path | None) -> Iterator[str]:
    """What the three files do not say about each other."""
    count = joined.table.num_rows
    yield f"joined {counted(count, 'candidate')} on asset; {counted(len(joined.unscored), 'holding')} without a score"
    if joined.unscored:
        yield f"kept without a score, as the scores lack them: {listed(joined.unscored)}"
    if joined.unclassified and buckets is not None:
        many = counted(len(joined.unclassified), "asset")
        yield f"{many} without a bucket, counted as {UNKNOWN}: {listed(joined.unclassified)}"
    if joined.unused:
        many = counted(len(joined.unused), "asset")
        yield f"{many} with a bucket but neither score nor holding, left out: {listed(joined.unused)}"


def read_limits(options: LimitOptions) -> ChosenLimits:
    """The limits of a file, of a preset or the defaults, with single fields changed.

    Raises
    ------
    typer.BadParameter
        Both a file and a preset, or a setting that is not `field=value`.
    LimitsError
        Limits that are unknown or contradict each other.
    """
    file, preset = options.limits, options.preset
    if file is not None and preset is not None:
        raise typer.BadParameter("give either --limits or --preset, not both; --set changes single fields of either")
    changes: dict[str, Any] = {}
    for text in options.settings or ():
        changes = laid_over(changes, with_current_names(_setting(text)))
    if file is not None:
        chosen = ChosenLimits(RebalancingLimits.from_toml(file), str(file), (file,))
    elif preset is not None:
        chosen = ChosenLimits(RebalancingLimits.preset(preset), f"preset {preset!r}")
    else:
        chosen = ChosenLimits(RebalancingLimits(), None, given=False)
    if not changes:
        return chosen
    source = f"{chosen.source} with --set" if chosen.source else "--set"
    limits = RebalancingLimits.from_dict(laid_over(chosen.limits.to_dict(), changes), source)
    return ChosenLimits(limits, source, chosen.files, chosen.given)


def _setting(text: str) -> dict[str, Any]:
    """`field=value` as TOML; a bare word counts as text, so that no quotes are needed inside a shell."""
    name, sign, value = text.partition("=")
    is_word = _BARE_WORD(value.strip()) and value.strip() not in ("true", "false", "inf", "nan")
    try:
        setting = tomllib.loads(f'{name} = "{value.strip()}"' if is_word else text)
    except tomllib.TOMLDecodeError:
        setting = {}
    if not (sign and setting) or "\n" in text:
        advice = "write field=value, such as max_total_positions=8 or 'buckets.\"Equity/Tech\".max_positions=2'"
        raise typer.BadParameter(f"--set {text!r} is not a setting: {advice}")
    return setting

"""Files that a browser sends -> what they are. They are read under a name of our own, and errors name the user's."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from trimtab.brokers import Positions, read as read_broker_file
from trimtab.brokers.plain_json import json_values
from trimtab.errors import Fault, InputError, LimitsError
from trimtab.files.candidate_file import CandidateFile, read_candidate_file
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.orders.broker_candidates import is_broker_file
from trimtab.text import printable
from trimtab.web.price_scores import is_price_history, scores_from_prices
from trimtab.web.service import Bounds
from trimtab.web.study import Study, is_summary, study_of

_SUFFIXES = (".csv", ".xlsx", ".xml", ".json", ".txt", ".tsv", ".toml")
_LONGEST_NAME = 80
_Read = Positions | CandidateFile | RebalancingLimits | Study


@dataclass(frozen=True)
class Upload:
    """A file from a browser, under the name that its user gave it."""

    name: str
    data: bytes

    @property
    def label(self) -> str:
        """The name without folders, for people."""
        return printable(PurePosixPath(self.name.replace("\\", "/")).name)[:_LONGEST_NAME] or "file"

    @property
    def suffix(self) -> str:
        """The end of the name, if it is one that trimtab reads.

        Raises
        ------
        InputError
            Any other.
        """
        suffix = PurePosixPath(self.label).suffix.casefold()
        if suffix not in _SUFFIXES:
            problem = f"is called {suffix!r}" if suffix else "has no suffix"
            raise InputError([Fault(problem, f"give a file that ends in {', '.join(_SUFFIXES)}")], self.label)
        return suffix


def read_uploads(uploads: list[Upload], bounds: Bounds) -> list[tuple[str, _Read]]:
    """The content of each file, with its name: positions of a broker, a table of assets, or limits.

    Two files that only make sense together, such as positions and their companion, are read together.

    Raises
    ------
    InputError, LimitsError
        A file that cannot be used.
    """
    limits = [(each.label, _limits(each)) for each in uploads if each.suffix == ".toml"]
    studies = [(each.label, summary) for each in uploads if (summary := _study(each)) is not None]
    read = {".toml", *(label for label, _ in studies)}
    with _written([each for each in uploads if not {each.suffix, each.label} & read]) as paths:
        histories = {path: label for path, label in paths.items() if is_price_history(path)}
        scores = [(label, scores_from_prices(path, label)) for path, label in histories.items()]
        others = {path: label for path, label in paths.items() if path not in histories}
        brokers = {path: label for path, label in others.items() if is_broker_file(path)}
        tables = [(label, _table(path, label, bounds)) for path, label in others.items() if path not in brokers]
        positions = _positions(brokers)
    return [*limits, *studies, *positions, *tables, *scores]


def _study(upload: Upload) -> Study | None:
    """The summary of a backtest or a sweep; None for any other file."""
    if upload.suffix != ".json" or b'"sessions_per_year"' not in upload.data:
        return None
    values = json_values(upload.data.decode("utf-8", "replace"), upload.label)
    return study_of(values, upload.label) if is_summary(values) else None


def _positions(brokers: dict[Path, str]) -> list[tuple[str, Positions]]:
    """One file of positions, perhaps with its companion."""
    if not brokers:
        return []
    label = " + ".join(brokers.values())
    return [(label, replace(read_broker_file(list(brokers)), source=label))]


def _table(path: Path, label: str, bounds: Bounds) -> CandidateFile:
    file = replace(read_candidate_file(path), source=label)
    if file.table.num_rows > bounds.rows or file.table.num_columns > bounds.columns:
        problem = f"has {file.table.num_rows:,} rows and {file.table.num_columns:,} columns"
        advice = f"give at most {bounds.rows:,} rows and {bounds.columns:,} columns"
        raise InputError([Fault(problem, advice)], label)
    return file


def _limits(upload: Upload) -> RebalancingLimits:
    try:
        return RebalancingLimits.from_toml_text(upload.data.decode("utf-8-sig"), upload.label)
    except UnicodeDecodeError:
        raise LimitsError(["is not a text file"], upload.label) from None


@contextmanager
def _written(uploads: list[Upload]) -> Iterator[dict[Path, str]]:
    """The files in a private folder while they are read, with the names for errors."""
    with tempfile.TemporaryDirectory(prefix="trimtab-") as folder:
        paths = {}
        for number, each in enumerate(uploads, 1):
            path = Path(folder) / f"upload-{number}{each.suffix}"
            path.write_bytes(each.data)
            paths[path] = each.label
        try:
            yield paths
        except InputError as error:
            raise InputError([_renamed(fault, paths) for fault in error.faults]) from None


def _renamed(fault: Fault, paths: dict[Path, str]) -> Fault:
    """A fault without the paths of this computer."""

    def said(text: str) -> str:
        for path, label in paths.items():
            text = text.replace(str(path), label).replace(path.name, label)
        return text

    keep: Callable[[str | None], str | None] = lambda text: None if text is None else said(text)  # noqa: E731
    return replace(fault, problem=said(fault.problem), advice=said(fault.advice), source=keep(fault.source))

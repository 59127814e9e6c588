"""The table of exposures of a session: from the files that were dropped, and from columns that a person ticked."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import pyarrow as pa

from trimtab.brokers import Positions
from trimtab.candidates.exposures import exposures_of
from trimtab.errors import Fault, InputError
from trimtab.exposures.exposures_from import USUAL_SCHEMES, exposures_from
from trimtab.exposures.gaps import gaps
from trimtab.files.candidate_file import ACCOUNT, CandidateFile, accounts_of
from trimtab.symbols.aliases import shipped_aliases
from trimtab.text import printable

_COLUMNS = {name: pa.string() for name in ("asset", "scheme", "bucket")} | {"fraction": pa.float64()}


@dataclass(frozen=True)
class ExposureSources:
    """The sources of exposures: the candidates with their columns, a table of exposures, the holdings of funds."""

    candidates: pa.Table
    positions: Positions | None
    table: CandidateFile | None
    funds: CandidateFile | None
    account: str | None

    @property
    def offered(self) -> tuple[str, ...]:
        """The columns that can become schemes."""
        return tuple(name for name in USUAL_SCHEMES if name in self._columns)

    @property
    def _columns(self) -> Mapping[str, list[str | None]]:
        """The columns that may classify an asset; a broker's file knows the currency of holdings."""
        columns = {
            name: self.candidates[name].to_pylist() for name in USUAL_SCHEMES if name in self.candidates.column_names
        }
        if self.positions is not None and "currency" not in columns:
            currency = {each.label: each.currency for each in self.positions.positions if each.account == self.account}
            if any(currency.values()):
                columns["currency"] = [currency.get(asset) for asset in self._assets]
        return columns

    @property
    def _assets(self) -> list[str]:
        return [str(asset) for asset in self.candidates["asset"].to_pylist()]

    def exposures(self, ticked: Collection[str]) -> pa.Table | None:
        """The table of exposures; None without a source.

        Raises
        ------
        InputError
            Fractions, names or funds that cannot be used.
        """
        columns = {name: pa.array(self._columns[name], pa.string()) for name in self.offered if name in ticked}
        rows = exposures_from(
            pa.table({"asset": self._assets, **columns}) if columns else None,
            columns=list(columns),
            memberships=self._memberships(),
            funds=None if self.funds is None else self.funds.table,
        ).table
        if not rows:
            return None
        return pa.table({name: pa.array([row[name] for row in rows], kind) for name, kind in _COLUMNS.items()})

    def _memberships(self) -> dict[str, list[dict[str, object]]]:
        """The rows of the dropped table by scheme, under the names of the candidates."""
        if self.table is None:
            return {}
        file = self.table
        if ACCOUNT in file.table.column_names:
            if self.account is not None:
                file = file.of_account(self.account)
            elif len(accounts_of(file.table)) > 1:
                fault = Fault("names several accounts, the holdings none", "keep the rows of one", column=ACCOUNT)
                raise InputError([fault], file.source)
            file = replace(file, table=file.table.drop_columns([ACCOUNT]))
        file, _ = file.in_spelling(shipped_aliases(), self._assets)
        members: dict[str, list[dict[str, object]]] = {}
        for _, asset, scheme, bucket, fraction in exposures_of(file.table).rows:
            members.setdefault(scheme, []).append({"asset": asset, "bucket": bucket, "fraction": fraction})
        return members


def gap_sentences(table: pa.Table | None, candidates: pa.Table) -> tuple[str, ...]:
    """The gaps of a table of exposures, in sentences."""
    if table is None:
        return ()
    exposures = exposures_of(table)
    assets = sorted({str(name) for name in candidates["asset"].to_pylist()})
    return tuple(printable(text) for text in gaps(exposures, assets, exposures.schemes))

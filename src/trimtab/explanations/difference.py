"""The changes between two results, and the input that caused each.

Causes are found by running the rules on mixtures: the first result's inputs with some of the second's. An input is a
cause alone if it produces the second outcome by itself. Otherwise the causes are an irreducible set of inputs that
produce it together.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any

from trimtab.candidates.candidates import Candidates
from trimtab.candidates.columns import COLUMNS, NUMBERS
from trimtab.candidates.read import read
from trimtab.errors import InputError, LimitsError, listed
from trimtab.explanations.relaxations import needed
from trimtab.explanations.reruns import Reruns
from trimtab.kernel.records import Records
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.reasons import Reason, Restriction
from trimtab.text import percent
from trimtab.tolerances import LIMIT_TOLERANCE

# Fields that cannot change in one row alone: an account's weights belong together, buckets form the tree.
_WHOLE = ("current_weight", "bucket")
_OF_ROWS = tuple(name for name in COLUMNS if name not in ("account", "asset"))
_ASSETS = "assets"
# Tables beside the candidates; the limits have a field `exposures`, too.
_TABLES = {"correlations": "correlations", "table of exposures": "exposures"}

Row = dict[str, Any]
Outcome = dict[str, tuple[bool, float]]


@dataclass(frozen=True)
class InputChange:
    """An input that differs: a limit, `correlations` or the `table of exposures` (`asset` is empty), a field of an
    asset's row, or `assets` with the asset.

    `before` and `after` are its values; for `assets` None means "no candidate", for a table "none given".
    """

    name: str
    asset: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Cause:
    """An input that caused a change: a limit, or a field of the rows of `assets`. `alone`: it suffices by itself; else
    all causes are needed together.
    """

    name: str
    assets: tuple[str, ...]
    alone: bool


@dataclass(frozen=True)
class OutcomeChange:
    """An asset whose target or reason differs. None where it is not a candidate. `otherwise`: without its causes, the
    other inputs that differ would change it in the same way together.
    """

    asset: str
    before: float | None
    after: float | None
    reason_before: str
    reason_after: str
    causes: tuple[Cause, ...]
    otherwise: bool = False

    @property
    def text(self) -> str:
        """The change in a sentence."""
        if self.before is None or self.after is None:
            return f"{self._moved} because it {'is a candidate only now' if self.before is None else 'left the candidates'}."
        causes = " and ".join(_said(cause, self.asset) for cause in self.causes)
        how = ""
        if len(self.causes) > 1:
            how = ", each of which is enough" if self.causes[0].alone else " together"
        other = "; without that, the other changes together would have the same effect" if self.otherwise else ""
        return f"{self._moved} because of {causes}{how}{other}."

    @property
    def _moved(self) -> str:
        def shown(weight: float | None, reason: str) -> str:
            return "not a candidate" if weight is None else f"{percent(weight)} ({reason})"

        return f"{self.asset}: from {shown(self.before, self.reason_before)} to {shown(self.after, self.reason_after)}"


def _said(cause: Cause, asset: str) -> str:
    if not cause.assets:
        return f"the {cause.name}" if " " in cause.name else cause.name
    if cause.assets == (asset,):
        return f"its {cause.name}"
    names = listed(cause.assets)
    return f"a change of the candidates ({names})" if cause.name == _ASSETS else f"the {cause.name} of {names}"


@dataclass(frozen=True)
class Difference:
    """The inputs that differ (limits, then rows by asset), and the outcomes that do, by asset, with their causes."""

    inputs: tuple[InputChange, ...]
    changes: tuple[OutcomeChange, ...]


@dataclass(frozen=True)
class ResultInputs:
    """The inputs of one result, and its answer in the order of the rows."""

    candidates: Candidates
    limits: RebalancingLimits
    decided: Records

    @cached_property
    def names(self) -> list[str]:
        """The assets, in the order of the rows."""
        return [str(name) for name in self.candidates.asset.values()]

    @cached_property
    def rows(self) -> dict[str, Row]:
        """The rows by asset, sorted."""
        candidates, rows = self.candidates, {}
        for row, name in sorted(enumerate(self.names), key=lambda named: named[1]):
            numbers = {column: float(getattr(candidates, column)[row]) for column in NUMBERS}
            values: Row = {column: value if math.isfinite(value) else None for column, value in numbers.items()}
            values["bucket"] = candidates.bucket.at(row)
            values["restriction"] = Restriction(int(candidates.restriction[row])).code
            rows[name] = values
        return rows

    @cached_property
    def tables(self) -> dict[str, Any]:
        """The tables beside the candidates, by the name of their change; None where none was given."""
        candidates, exposures = self.candidates, self.candidates.exposures
        own = None if exposures is None else exposures.of_accounts(candidates.accounts).for_every_account
        return dict(zip(_TABLES, (candidates.correlations, own), strict=True))

    @cached_property
    def outcome(self) -> Outcome:
        """Whether each asset is selected, and its target."""
        return _outcome_of(self.names, self.decided)

    @cached_property
    def reasons(self) -> dict[str, str]:
        """The reason of each asset."""
        return {name: Reason(reason).code for name, reason in zip(self.names, self.decided["reason"], strict=True)}


def _outcome_of(names: list[str], answer: Records) -> Outcome:
    pairs = zip(answer["selected"].tolist(), answer["target"].tolist(), strict=True)
    return dict(zip(names, pairs, strict=True))


def difference(before: ResultInputs, after: ResultInputs) -> Difference:
    """The changes from one result to another, and why."""
    inputs = tuple(_changed_inputs(before, after))
    mixtures = _Mixtures(before, after, inputs)
    names = sorted({*before.outcome, *after.outcome})
    changed = [name for name in names if not _same(before.outcome.get(name), after.outcome.get(name))]
    return Difference(inputs, tuple(_outcome_change(before, after, name, mixtures) for name in changed))


def _same(first: tuple[bool, float] | None, other: tuple[bool, float] | None) -> bool:
    if first is None or other is None:
        return first is other
    return first[0] == other[0] and abs(first[1] - other[1]) <= LIMIT_TOLERANCE


def _changed_inputs(before: ResultInputs, after: ResultInputs) -> Iterator[InputChange]:
    first, second = before.limits.to_dict(complete=True), after.limits.to_dict(complete=True)
    for name in first:
        derived = name in before.limits.derived and name in after.limits.derived
        if first[name] != second[name] and not derived:
            yield InputChange(name, "", first[name], second[name])
    for name, table in before.tables.items():
        other = after.tables[name]
        if (table and table.digest) != (other and other.digest):
            yield InputChange(name, "", table, other)
    for asset in sorted({*before.rows, *after.rows}):
        row, other = before.rows.get(asset), after.rows.get(asset)
        if row is None or other is None:
            yield InputChange(_ASSETS, asset, row and asset, other and asset)
            continue
        for name in _OF_ROWS:
            if row[name] != other[name]:
                yield InputChange(name, asset, row[name], other[name])


def _outcome_change(before: ResultInputs, after: ResultInputs, name: str, mixtures: _Mixtures) -> OutcomeChange:
    causes = mixtures.causes(name)
    return OutcomeChange(
        name,
        before.outcome[name][1] if name in before.outcome else None,
        after.outcome[name][1] if name in after.outcome else None,
        before.reasons.get(name, ""),
        after.reasons.get(name, ""),
        tuple(causes),
        mixtures.happens_without(name, causes),
    )


class _Mixtures:
    """The rules on the first inputs with some of the second's."""

    def __init__(self, before: ResultInputs, after: ResultInputs, inputs: Sequence[InputChange]) -> None:
        self.before, self.after, self.inputs = before, after, inputs
        self._kept: dict[tuple[int, ...], Outcome | None] = {}
        known = {*before.limits.known_buckets, *after.limits.known_buckets}
        named = {row["bucket"] for rows in (before.rows, after.rows) for row in rows.values()}
        self._known = tuple(sorted(known | {name for name in named if name}))

    def causes(self, asset: str) -> list[Cause]:
        """The inputs that each produce the asset's outcome alone; or an irreducible set that does so together."""
        if asset not in self.before.outcome or asset not in self.after.outcome:
            return [Cause(_ASSETS, (asset,), alone=True)]
        groups = list(self._groups(asset))
        alone = [group for group in groups if self._brings(asset, group)]
        if alone:
            return [Cause(group[0].name, self._enough(asset, group), alone=True) for group in alone]
        kept = needed(groups, lambda some: self._brings(asset, list(chain.from_iterable(some))))
        together = self._narrowed(asset, list(chain.from_iterable(kept)))
        alike: dict[tuple[str, bool, bool], list[InputChange]] = {}
        for change in together:
            own = change.asset == asset and change.name not in _WHOLE
            alike.setdefault((change.name, own, bool(change.asset)), []).append(change)
        return [Cause(name, self._assets(group), alone=False) for (name, _, _), group in alike.items()]

    def happens_without(self, asset: str, causes: Sequence[Cause]) -> bool:
        """Whether all inputs but the causes produce the asset's outcome, too."""
        named = {(cause.name, name) for cause in causes for name in cause.assets or ("",)}
        return self._brings(asset, [change for change in self.inputs if (change.name, change.asset) not in named])

    def _narrowed(self, asset: str, changes: list[InputChange]) -> list[InputChange]:
        """Changes that produce the outcome, irrelevant ones dropped; out of many, some may be superfluous."""
        whole = {name: [change for change in changes if change.asset and change.name == name] for name in _WHOLE}
        parts = [[change] for change in changes if not change.asset or change.name not in _WHOLE]
        parts += [group for group in whole.values() if group]
        if len(parts) > _NARROWED:
            return changes
        kept = needed(parts, lambda some: self._brings(asset, list(chain.from_iterable(some))), len(parts) // 2 or 1)
        return list(chain.from_iterable(kept))

    def _groups(self, asset: str) -> Iterator[list[InputChange]]:
        """Inputs grouped: each limit, each field of the asset's own row, each field of all other rows."""
        for change in self.inputs:
            if not change.asset:
                yield [change]
        for name in (*_OF_ROWS, _ASSETS):
            here = [change for change in self.inputs if change.name == name and change.asset]
            own = [] if name in _WHOLE else [change for change in here if change.asset == asset]
            rest = [change for change in here if change not in own]
            yield from [group for group in (own, rest) if group]

    def _enough(self, asset: str, group: list[InputChange]) -> tuple[str, ...]:
        """The assets of a group whose change suffices alone; else those whose changes are needed together."""
        if len(group) == 1 or group[0].name in _WHOLE:
            return self._assets(group)
        enough = [change for change in group[:_TRIED] if self._brings(asset, [change])]
        return self._assets(enough or self._narrowed(asset, group))

    @staticmethod
    def _assets(group: Iterable[InputChange]) -> tuple[str, ...]:
        return tuple(change.asset for change in group if change.asset)

    def _brings(self, asset: str, group: list[InputChange]) -> bool:
        mixed = self._outcome(group)
        return mixed is not None and _same(mixed.get(asset), self.after.outcome.get(asset))

    def _outcome(self, taken: Sequence[InputChange]) -> Outcome | None:
        """The outcome with some inputs taken from the second result; None if the mixture is invalid."""
        key = tuple(map(id, taken))
        if key not in self._kept:
            try:
                self._kept[key] = self._run(taken)
            except (InputError, LimitsError):
                self._kept[key] = None
        return self._kept[key]

    def _run(self, taken: Sequence[InputChange]) -> Outcome:
        rows = {name: dict(row) for name, row in self.before.rows.items()}
        values = self.before.limits.to_dict()
        others = self.after.limits.to_dict()
        tables = dict(self.before.tables)
        for change in taken:
            if change.name in tables:
                tables[change.name] = change.after
            elif not change.asset:
                values.pop(change.name, None)
                if change.name in others:
                    values[change.name] = others[change.name]
            elif change.name != _ASSETS:
                rows[change.asset][change.name] = change.after
            elif change.after is None:
                del rows[change.asset]
            else:
                rows[change.asset] = dict(self.after.rows[change.asset])
        known = self._known if values.get("enable_bucket_diversification") else ()
        values["known_buckets"] = (*known, *_exposures_named(values))
        limits = RebalancingLimits.from_dict(values)
        table = [{"asset": name, **row} for name, row in rows.items()]
        inputs = {argument: tables[name] for name, argument in _TABLES.items()}
        reruns = Reruns.of(read(table, limits, many=False, **inputs), limits)
        return _outcome_of(reruns.names, reruns.answer)


def _exposures_named(values: dict[str, Any]) -> list[str]:
    """The buckets of schemes with limits of their own, as `known_buckets` has them: a table may lack them."""
    schemes = values.get("exposures", {})
    return [f"{scheme}:{path}" for scheme, own in schemes.items() for path in own.get("buckets", {})]


_TRIED = 30  # assets of a group that are tried one by one
_NARROWED = 128  # up to this number, changes are narrowed down to the necessary ones

"""The further contents of a report: explanations, conflicts, the rules, and a hash of inputs and limits."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from trimtab.candidates.columns import NUMBERS
from trimtab.explanations.conflicts import Conflict
from trimtab.explanations.explanation import Explanation, explain
from trimtab.explanations.reruns import Reruns
from trimtab.facts.assets import AssetFact
from trimtab.facts.outcome import Facts, Figure
from trimtab.limits.in_words import RuleSection, rule_sheet
from trimtab.limits.rebalancing_limits import limit_fields
from trimtab.reasons import SELECTED_REASONS
from trimtab.text import json_digest, printable

MISSES_EXPLAINED = 50
_Shown = TypeVar("_Shown")


@dataclass(frozen=True)
class Explained:
    """An asset's facts and its explanation."""

    fact: AssetFact
    explanation: Explanation


@dataclass(frozen=True)
class ReportFacts:
    """The contents of the report: `explained` are the selected and the nearest misses."""

    facts: Facts
    explained: tuple[Explained, ...]
    conflicts: tuple[Conflict, ...]
    rules: tuple[RuleSection, ...]
    limits: tuple[Figure, ...]
    fingerprint: str


def report_facts_of(reruns: Reruns, facts: Facts, conflicts: tuple[Conflict, ...]) -> ReportFacts:
    """The findings of one account."""
    limits = reruns.limits
    return ReportFacts(
        facts=facts,
        explained=explained_of(reruns, facts, _worth_explaining(reruns)),
        conflicts=_clean(conflicts),
        rules=_clean(tuple(rule_sheet(limits))),
        limits=tuple(Figure(known.name, printable(_shown(getattr(limits, known.name)))) for known in limit_fields()),
        fingerprint=fingerprint(reruns),
    )


def explained_of(reruns: Reruns, facts: Facts, names: Iterable[str]) -> tuple[Explained, ...]:
    """The explanations of some assets, beside their facts.

    Raises
    ------
    KeyError
        No such asset; the caller names the nearest one.
    """
    fact_of = {asset.row: asset for asset in facts.assets}
    order, place_of = reruns.candidates.order, reruns.place_of
    return tuple(Explained(fact_of[int(order[place_of[name]])], _clean(explain(reruns, name))) for name in names)


def _worth_explaining(reruns: Reruns) -> list[str]:
    """The selected, then the nearest misses by score."""
    ranked = sorted(
        range(len(reruns.rows)), key=lambda place: (-float(np.nan_to_num(reruns.scores[place], nan=-1.0)), place)
    )
    inside = [row for row in ranked if reruns.reasons[row] in SELECTED_REASONS]
    outside = [row for row in ranked if reruns.reasons[row] not in SELECTED_REASONS]
    return [reruns.names[row] for row in (*inside, *outside[:MISSES_EXPLAINED])]


def _clean(value: _Shown) -> _Shown:
    """The same with all texts printable."""
    cleaned: Any = value
    if isinstance(value, str):
        cleaned = printable(value)
    elif isinstance(value, tuple):
        cleaned = tuple(map(_clean, value))
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {known.name: _clean(getattr(value, known.name)) for known in dataclasses.fields(value)}
        cleaned = dataclasses.replace(value, **fields)
    return cleaned  # type: ignore[no-any-return]


def fingerprint(reruns: Reruns) -> str:
    """A hash of the inputs and the limits: the same for the same rows in any order.

    It is the SHA-256 of JSON with sorted keys: the limits complete, the rows by asset with their numbers in full, and
    where there are correlations or exposures the SHA-256 of these.
    """
    candidates = reruns.candidates
    rows = []
    for index, row in enumerate(candidates.order.tolist()):
        numbers = [float(getattr(candidates, name)[row]) for name in NUMBERS]
        known = [repr(number) if math.isfinite(number) else None for number in numbers]
        rows.append([reruns.names[index], candidates.bucket.at(row), int(candidates.restriction[row]), *known])
    inputs: dict[str, Any] = {"limits": reruns.limits.to_dict(complete=True), "rows": rows}
    if candidates.correlations is not None:
        inputs["correlations"] = candidates.correlations.digest
    if candidates.exposures is not None:
        inputs["exposures"] = candidates.exposures.digest
    return json_digest(inputs)


def _shown(value: Any) -> str:
    """A field's value as in TOML; None stays None."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value) or "none"
    if isinstance(value, tuple):
        return ", ".join(value) or "none"
    return "; ".join(f"{path}: {_fields(own)}" for path, own in value.items()) or "none"


def _fields(own: Any) -> str:
    values = {known.name: getattr(own, known.name) for known in dataclasses.fields(own)}
    return ", ".join(f"{name} {value}" for name, value in values.items() if value is not None) or "nothing"

"""Limits varied: a grid of all combinations of values, or a seeded random sample."""

from __future__ import annotations

import itertools
import math
import random
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trimtab.errors import Fault, InputError, LimitsError
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.limits.regimes import laid_over

MOST = 1_000_000


@dataclass(frozen=True)
class Between:
    """Any number from `low` to `high`, for a random sample.

    Examples
    --------
    >>> Between(0.2, 0.5)
    Between(low=0.2, high=0.5)
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise InputError([Fault("low is not below high", "give two numbers", value=(self.low, self.high))])


@dataclass(frozen=True)
class Varied:
    """Limits that were made, each with the values of its fields; and the combinations that contradict themselves."""

    fields: dict[str, tuple[Any, ...]]
    limits: tuple[RebalancingLimits, ...]
    refused: tuple[tuple[dict[str, Any], str], ...]


def varied(
    base: RebalancingLimits, vary: Mapping[str, Sequence[Any] | Between], *, sample: int | None, seed: int
) -> Varied:
    """Limits with some fields varied: every combination, or `sample` random ones.

    Parameters
    ----------
    base
        What is not varied.
    vary
        Field -> values, or a `Between` in a sample. The fields are named as in the limits; those of one bucket with its
        path in quotes: `buckets."Equity/Tech".max_allocation`.
    sample
        How many to draw, each field on its own, all values alike; None: the grid, the last field fastest.
    seed
        Of the sample.

    Raises
    ------
    InputError
        Nothing to vary, no values, a `Between` in a grid.
    LimitsError
        A field that there is not; or every combination contradicts itself.
    """
    if not vary:
        raise InputError([Fault("there is nothing to vary", "give a field of the limits and its values")])
    paths = {name: _path(name) for name in vary}
    choices = _drawn(vary, sample, seed) if sample is not None else _combined(vary)
    general, fields = base.to_dict(), {name: list[Any]() for name in vary}
    made, refused = list[RebalancingLimits](), list[tuple[dict[str, Any], str]]()
    first: LimitsError | None = None
    for values in choices:
        chosen = dict(zip(vary, values, strict=True))
        changes: dict[str, Any] = {}
        for name, value in chosen.items():
            changes = laid_over(changes, _nested(paths[name], value))
        try:
            made.append(RebalancingLimits.from_dict(laid_over(general, changes)))
        except LimitsError as error:
            first = first or error
            refused.append((chosen, "; ".join(error.faults)))
            continue
        for name, value in chosen.items():
            fields[name].append(value)
    if not made and first is not None:
        raise first
    return Varied({name: tuple(values) for name, values in fields.items()}, tuple(made), tuple(refused))


def _path(name: str) -> tuple[str, ...]:
    """The keys of a field, as TOML writes them."""
    try:
        found: Any = tomllib.loads(f"{name} = 0")
    except tomllib.TOMLDecodeError:
        found = {}
    keys = []
    while isinstance(found, dict) and len(found) == 1:
        ((key, found),) = found.items()
        keys.append(key)
    if not keys or "\n" in name:
        advice = 'write max_total_positions, or buckets."Equity/Tech".max_positions for one bucket'
        raise InputError([Fault("the field to vary is no name of a field", advice, value=name)])
    return tuple(keys)


def _nested(keys: Sequence[str], value: Any) -> dict[str, Any]:
    nested: Any = value
    for key in reversed(keys):
        nested = {key: nested}
    return dict(nested)


def _combined(vary: Mapping[str, Sequence[Any] | Between]) -> Iterable[tuple[Any, ...]]:
    values = [_values(name, given) for name, given in vary.items()]
    count = math.prod(len(given) for given in values)
    if count > MOST:
        raise InputError([Fault(f"the grid has {count:,} policies", "vary less, or draw a sample", value=count)])
    return itertools.product(*values)


def _values(name: str, given: Sequence[Any] | Between) -> Sequence[Any]:
    if isinstance(given, Between):
        advice = "list its values, or draw a sample"
        raise InputError([Fault(f"{name} is between two numbers, and this is a grid", advice)])
    if isinstance(given, str) or not isinstance(given, Sequence) or not len(given):
        raise InputError([Fault(f"{name} has no list of values", "give the values in a list", value=given)])
    return given


def _drawn(vary: Mapping[str, Sequence[Any] | Between], sample: int, seed: int) -> list[tuple[Any, ...]]:
    if isinstance(sample, bool) or not isinstance(sample, int) or not 1 <= sample <= MOST:
        raise InputError([Fault("sample is no number of policies", f"give 1 to {MOST:,}", value=sample)])
    rng = random.Random(seed)  # noqa: S311 - a sample, no secret
    given = [one if isinstance(one, Between) else _values(name, one) for name, one in vary.items()]
    return [tuple(_draw(rng, one) for one in given) for _ in range(sample)]


def _draw(rng: random.Random, given: Sequence[Any] | Between) -> Any:
    return rng.uniform(given.low, given.high) if isinstance(given, Between) else rng.choice(given)

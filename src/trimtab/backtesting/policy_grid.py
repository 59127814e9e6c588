"""The policies of a sweep: a grid of all combinations of values, or a seeded random sample."""

from __future__ import annotations

import itertools
import math
import random
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trimtab.errors import Fault, InputError, LimitsError
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.limits.regimes import laid_over

MAX_POLICIES = 1_000_000


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
            raise InputError([Fault("low must be below high", "give two numbers", value=(self.low, self.high))])


@dataclass(frozen=True)
class PolicyGrid:
    """Limits, each with the values of its varied fields; and the combinations that contradict themselves, with why."""

    fields: dict[str, tuple[Any, ...]]
    limits: tuple[RebalancingLimits, ...]
    refused: tuple[tuple[dict[str, Any], str], ...]


def policy_grid(
    base: RebalancingLimits, vary: Mapping[str, Sequence[Any] | Between], *, sample: int | None, seed: int
) -> PolicyGrid:
    """Limits with some fields varied: every combination, or `sample` random ones.

    Parameters
    ----------
    base
        The limits that are not varied.
    vary
        Field -> values, or a `Between` in a sample. Write a field of one bucket with its path in quotes:
        `buckets."Equity/Tech".max_allocation`.
    sample
        How many to draw, each field by itself, all values equally likely; None: the grid, the last field fastest.
    seed
        Of the sample.

    Raises
    ------
    InputError
        Nothing to vary, no values, a `Between` in a grid.
    LimitsError
        An unknown field, or every combination contradicts itself.
    """
    if not vary:
        raise InputError([Fault("nothing to vary", "give a field of the limits and its values")])
    paths = {name: _path(name) for name in vary}
    choices = _drawn(vary, sample, seed) if sample is not None else _combined(vary)
    general, fields = base.to_dict(), {name: list[Any]() for name in vary}
    policies, refused = list[RebalancingLimits](), list[tuple[dict[str, Any], str]]()
    first: LimitsError | None = None
    for values in choices:
        combination = dict(zip(vary, values, strict=True))
        changes: dict[str, Any] = {}
        for name, value in combination.items():
            changes = laid_over(changes, _nested(paths[name], value))
        try:
            policies.append(RebalancingLimits.from_dict(laid_over(general, changes)))
        except LimitsError as error:
            first = first or error
            refused.append((combination, "; ".join(error.faults)))
            continue
        for name, value in combination.items():
            fields[name].append(value)
    if not policies and first is not None:
        raise first
    return PolicyGrid({name: tuple(values) for name, values in fields.items()}, tuple(policies), tuple(refused))


def _path(name: str) -> tuple[str, ...]:
    """The keys of a field, as TOML writes them."""
    try:
        nested: Any = tomllib.loads(f"{name} = 0")
    except tomllib.TOMLDecodeError:
        nested = {}
    keys = []
    while isinstance(nested, dict) and len(nested) == 1:
        ((key, nested),) = nested.items()
        keys.append(key)
    if not keys or "\n" in name:
        advice = 'write max_total_positions, or buckets."Equity/Tech".max_positions for one bucket'
        raise InputError([Fault("the field to vary is unknown", advice, value=name)])
    return tuple(keys)


def _nested(keys: Sequence[str], value: Any) -> dict[str, Any]:
    nested: Any = value
    for key in reversed(keys):
        nested = {key: nested}
    return dict(nested)


def _combined(vary: Mapping[str, Sequence[Any] | Between]) -> Iterable[tuple[Any, ...]]:
    values = [_values(name, values) for name, values in vary.items()]
    count = math.prod(len(value) for value in values)
    if count > MAX_POLICIES:
        raise InputError([Fault(f"the grid has {count:,} policies", "vary less, or draw a sample", value=count)])
    return itertools.product(*values)


def _values(name: str, values: Sequence[Any] | Between) -> Sequence[Any]:
    if isinstance(values, Between):
        advice = "list its values, or draw a sample"
        raise InputError([Fault(f"{name} is a range, which a grid cannot use", advice)])
    if isinstance(values, np.ndarray) and values.ndim == 1:
        values = values.tolist()
    if isinstance(values, str) or not isinstance(values, Sequence) or not len(values):
        raise InputError([Fault(f"{name} needs a list of values", "write them in a list", value=values)])
    return values


def _drawn(vary: Mapping[str, Sequence[Any] | Between], sample: int, seed: int) -> list[tuple[Any, ...]]:
    if isinstance(sample, bool) or not isinstance(sample, int) or not 1 <= sample <= MAX_POLICIES:
        raise InputError([Fault("sample must be a number of policies", f"give 1 to {MAX_POLICIES:,}", value=sample)])
    rng = random.Random(seed)  # noqa: S311 - not a secret
    choices = [values if isinstance(values, Between) else _values(name, values) for name, values in vary.items()]
    return [tuple(_draw(rng, values) for values in choices) for _ in range(sample)]


def _draw(rng: random.Random, values: Sequence[Any] | Between) -> Any:
    return rng.uniform(values.low, values.high) if isinstance(values, Between) else rng.choice(values)

"""The limits of a rebalance: one frozen object, checked at birth, read from and written to TOML.

Everything that describes a field (type, range, meaning) stands once, in its `described(...)`; the checks, the
JSON Schema, the TOML text and the command line are derived from that.
"""

from __future__ import annotations

import dataclasses
import numbers
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import tomli_w

from trimtab.errors import LimitsError, nearest
from trimtab.limits.contradictions import contradictions
from trimtab.limits.fields import check_fields, described, refusing_unknown
from trimtab.limits.old_names import warn_of_old_name, with_current_names
from trimtab.limits.presets import preset_text
from trimtab.limits.regimes import ChangedLimit, changed_limits, enter_regime, laid_over

SIZING_MODES = ("equal_weight", "score_weighted", "adaptive", "inverse_volatility", "desired")
# The column of a candidate that a sizing mode needs.
SIZING_COLUMNS = {"inverse_volatility": "volatility", "desired": "desired_weight"}


# An unset one of these takes a value that depends on other fields (see `_resolve`).
_UNSET = cast(float, None)


@dataclass(frozen=True, slots=True)
class BucketLimit:
    """The limits of one bucket; a field that is not given leaves the general limit in force.

    All allocations are fractions of the account's total value.
    """

    max_positions: int | None = described(None, int, "most positions in this bucket", optional=True)
    max_allocation: float | None = described(None, float, "most weight in this bucket", optional=True, fraction=True)
    min_allocation: float | None = described(
        None, float, "least weight in this bucket, if candidates allow", optional=True, fraction=True
    )

    def __post_init__(self) -> None:
        faults = check_fields(self)
        most, least = self.max_allocation, self.min_allocation
        if not faults and most is not None and least is not None and least > most:
            faults.append(
                f"min_allocation {least:g} is above max_allocation {most:g}: lower the one or raise the other"
            )
        if faults:
            raise LimitsError(faults)


@refusing_unknown
@dataclass(frozen=True, kw_only=True)
class RebalancingLimits:
    """What a rebalance may and must do. Frozen; all faults are reported at once when it is made.

    Weights and allocations are fractions of the account's total value (0.2, never 20).

    Raises
    ------
    LimitsError
        An unknown field, a value of the wrong type or out of range, or fields that contradict each other.

    Examples
    --------
    >>> limits = RebalancingLimits(enable_bucket_diversification=True, max_positions_per_bucket=3)
    >>> limits.max_allocation_per_bucket
    0.4
    """

    max_total_positions: int = described(10, int, "most positions in the portfolio", low=1)
    max_new_positions: int = described(3, int, "most assets bought that are not held; increases do not count")
    min_score_threshold: float = described(0.6, float, "least score to keep a holding", fraction=True)
    min_score_diversification: float = described(
        _UNSET, float, "least score of a new asset that only represents a missing bucket", fraction=True
    )
    min_score_new_position: float = described(_UNSET, float, "least score of a new asset", fraction=True)
    target_invested: float = described(0.95, float, "aimed total weight; the rest is cash", fraction=True)
    full_investment_positions: int | None = described(
        None, int, "positions from which on the full total is aimed at; fewer aim at less", low=1, optional=True
    )
    max_position_weight: float = described(0.2, float, "most weight of a position", fraction=True)
    min_position_weight: float = described(0.02, float, "least weight of a position that is held", fraction=True)

    enable_bucket_diversification: bool = described(False, bool, "bucket limits and representation on or off")
    max_positions_per_bucket: int = described(4, int, "most positions in a bucket at bucket_level")
    max_allocation_per_bucket: float = described(0.4, float, "most weight in a bucket at bucket_level", fraction=True)
    min_buckets_represented: int = described(2, int, "least number of buckets at bucket_level with a position")
    allow_bucket_overflow: bool = described(False, bool, "holdings need no free position in their bucket")
    enforce_position_limits: bool = described(True, bool, "false removes every bucket's max_positions")
    enforce_allocation_limits: bool = described(
        True, bool, "false removes every bucket's max_allocation and min_allocation"
    )
    enforce_min_buckets: bool = described(True, bool, "false removes representation")
    max_correlation: float | None = described(
        None,
        float,
        "most correlation of a new asset with another position of its bucket at bucket_level; selection is then no optimum",
        low=-1.0,
        optional=True,
        fraction=True,
    )
    bucket_level: int = described(
        1, int, "depth of the bucket path at which general limits and representation apply", low=1
    )
    bucket_separator: str = described(
        "/", str, "what separates the parts of a bucket's path; empty (or None) for flat names", may_be_empty=True
    )
    known_buckets: tuple[str, ...] = described((), tuple, "buckets that exist although no candidate is in them")
    buckets: Mapping[str, BucketLimit] = field(
        default_factory=dict,
        hash=False,
        metadata={
            "kind": dict,
            "values": BucketLimit,
            "doc": "limits of single buckets: path -> max_positions, max_allocation, min_allocation",
        },
    )
    regime: str | None = described(
        None, str, "the regime whose limits are in force; none: the general ones", optional=True
    )
    regimes: Mapping[str, Mapping[str, Any]] = field(
        default_factory=dict,
        hash=False,
        metadata={
            "kind": dict,
            "doc": "limits that change in a regime: name -> fields as above",
        },
    )

    sizing_mode: str = described("equal_weight", str, "what relative sizes are wished for", choices=SIZING_MODES)
    residual_strategy: str = described(
        "proportional",
        str,
        "what limits leave over is spread over the other positions, or stays in cash",
        choices=("proportional", "cash"),
    )
    no_trade_band: float = described(0.20, float, "a drift up to this fraction of the target is not traded", below=1.0)
    min_trade: float = described(0.001, float, "a smaller trade of a holding is not made", fraction=True)
    cash_band: float = described(
        0.02, float, "how far the total may stay from its aim for the band's sake", fraction=True
    )
    drift_tolerance: float = described(
        0.0,
        float,
        "how far a holding may drift above a limit before it is traded, as a fraction of the limit",
        high=1.0,
    )
    dust_weight: float = described(
        _UNSET, float, "a smaller holding competes as a new asset and is closed if not selected", fraction=True
    )
    unscored_positions: str = described(
        "hold", str, "what happens to a holding without a score", choices=("hold", "close", "error")
    )
    unknown_bucket: str = described(
        "limit", str, "assets without a bucket: one limited bucket, or held and never bought", choices=("limit", "hold")
    )
    brake_sold_weight: float | None = described(
        None, float, "if sales would exceed this weight, nothing is traded", optional=True, fraction=True
    )
    brake_closed_positions: int | None = described(
        None, int, "if more positions than this would close, nothing is traded", optional=True
    )
    on_unmet: str = described(
        "report", str, "a limit that cannot be met is reported, or raised as an error", choices=("report", "raise")
    )
    derived: frozenset[str] = field(default=frozenset(), init=False, repr=False, compare=False)
    general: RebalancingLimits | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.regimes != {} or self.regime is not None:
            enter_regime(self)
            return
        object.__setattr__(self, "regimes", MappingProxyType({}))
        object.__setattr__(self, "derived", frozenset(_resolve(self)))
        faults = check_fields(self)
        object.__setattr__(self, "buckets", _bucket_limits(self.buckets, faults))
        if not faults:
            faults = list(contradictions(self))
        if faults:
            raise LimitsError(faults)

    def __reduce__(self) -> tuple[Any, tuple[dict[str, Any]]]:
        return (RebalancingLimits.from_dict, (self.to_dict(),))

    def replace(self, **changes: Any) -> RebalancingLimits:
        """The same limits with some fields changed; fields that were never set follow the changed ones."""
        return RebalancingLimits.from_dict({**self.to_dict(), **with_current_names(changes)})

    def in_regime(self, regime: str | None) -> RebalancingLimits:
        """These limits with those of a regime in force; with the general ones where the regime has none of its own.

        Examples
        --------
        >>> limits = RebalancingLimits(regimes={"Deflation": {"max_total_positions": 6}})
        >>> limits.in_regime("Deflation").max_total_positions, limits.in_regime("Reflation").max_total_positions
        (6, 10)
        """
        wanted = regime if regime in self.regimes else None
        return self if wanted == self.regime else self.replace(regime=wanted)

    @property
    def brake_turnover(self) -> float | None:
        """The old name of `brake_sold_weight`."""
        warn_of_old_name("brake_turnover")
        return self.brake_sold_weight

    @property
    def sizing_column(self) -> str | None:
        """The column of a candidate that the sizing mode needs, if it needs one.

        Examples
        --------
        >>> RebalancingLimits(sizing_mode="inverse_volatility").sizing_column
        'volatility'
        """
        return SIZING_COLUMNS.get(self.sizing_mode)

    @property
    def represents(self) -> bool:
        """Whether buckets must be represented at all."""
        return self.enable_bucket_diversification and self.enforce_min_buckets and self.min_buckets_represented > 0

    def limit_at(self, path: str, field: str) -> tuple[str, Any]:
        """The field that sets `max_positions`, `max_allocation` or `min_allocation` of a bucket, and its value.

        Examples
        --------
        >>> limits = RebalancingLimits(enable_bucket_diversification=True, buckets={"Tech": {"max_positions": 2}})
        >>> limits.limit_at("Tech", "max_positions"), limits.limit_at("Tech", "max_allocation")
        (('max_positions', 2), ('max_allocation_per_bucket', 0.4))
        """
        own = getattr(self.buckets[path], field) if path in self.buckets else None
        if own is not None or field == "min_allocation":  # of a minimum there is no general one
            return field, own
        return f"{field}_per_bucket", getattr(self, f"{field}_per_bucket")

    @property
    def in_force(self) -> RebalancingLimits:
        """What is in force now, as limits without regimes.

        Examples
        --------
        >>> limits = RebalancingLimits(regime="Deflation", regimes={"Deflation": {"max_total_positions": 6}})
        >>> limits.in_force == RebalancingLimits(max_total_positions=6)
        True
        """
        if self.general is None or self.regime is None:
            return self.general or self
        return RebalancingLimits.from_dict(laid_over(self.general.to_dict(), self.regimes[self.regime]))

    @property
    def changed(self) -> tuple[ChangedLimit, ...]:
        """The limits that the regime in force has changed."""
        if self.general is None:
            return ()
        return changed_limits(self.general.to_dict(complete=True), self.to_dict(complete=True))

    def to_dict(self, *, complete: bool = False) -> dict[str, Any]:
        """The general fields as plain values, those that differ from their default; `complete` for every field in force."""
        values: dict[str, Any] = {}
        if self.general is not None and not complete:
            regimes = {name: dict(overrides) for name, overrides in self.regimes.items()}
            named = {} if self.regime is None else {"regime": self.regime}
            return {**self.general.to_dict(), **named, "regimes": regimes}
        for known in limit_fields():
            value = getattr(self, known.name)
            if known.name == "buckets":
                value = {path: _given(limit) for path, limit in value.items()}
                changed = bool(value)
            elif known.name == "known_buckets":
                value = list(value)
                changed = bool(value)
            elif known.name == "regimes":
                value = {name: dict(overrides) for name, overrides in value.items()}
                changed = bool(value)
            else:
                changed = known.name not in self.derived and value != known.default
            if complete or changed:
                values[known.name] = value
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], source: str | None = None) -> RebalancingLimits:
        """Limits from plain values; an unknown field is an error with the nearest name."""
        try:
            return cls(**values)
        except LimitsError as error:
            raise LimitsError(error.faults, source) from None

    @classmethod
    def from_toml(cls, path: str | Path) -> RebalancingLimits:
        """Limits from a TOML file: one key a field, one table `[buckets."Equity/Tech"]` a bucket."""
        try:
            text = Path(path).read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise LimitsError([f"is not a text file ({error.reason} at byte {error.start})"], str(path)) from None
        except OSError as error:
            raise LimitsError([f"cannot be read: {error.strerror}"], str(path)) from None
        return cls.from_toml_text(text, source=str(path))

    @classmethod
    def from_toml_text(cls, text: str, source: str | None = None) -> RebalancingLimits:
        """Limits from TOML text."""
        try:
            values = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise LimitsError([f"is not valid TOML: {error}"], source) from None
        return cls.from_dict(values, source)

    def to_toml(self) -> str:
        """Every field with its meaning as TOML text; fields that are none stand as comments.

        Where there are regimes, so do fields that follow from others: in a regime they follow the regime's.
        """
        lines: list[str] = []
        given = {**(self.general or self).to_dict(complete=True), "regime": self.regime}
        for known in limit_fields():
            if known.metadata["kind"] is dict:
                continue
            value = given[known.name]
            lines.append(f"# {known.metadata['doc']}")
            text = f"# {known.name} =" if value is None else tomli_w.dumps({known.name: value}).rstrip()
            follows = self.general is not None and known.name in self.general.derived
            lines.append(f"# {text}" if follows else text)
        for name, tables in (("buckets", given["buckets"]), ("regimes", self.to_dict(complete=True)["regimes"])):
            for key, table in tables.items():
                lines.append("")
                lines.append(tomli_w.dumps({name: {key: table}}).rstrip())
        return "\n".join(lines) + "\n"

    @classmethod
    def preset(cls, name: str) -> RebalancingLimits:
        """One of the limits that ship as examples (`preset_names`); no recommendation."""
        return cls.from_toml_text(preset_text(name), source=f"preset {name!r}")


def given_limits(limits: RebalancingLimits | None) -> RebalancingLimits:
    """The limits that were given, or the defaults; anything else is refused.

    Raises
    ------
    LimitsError
        Something that is not `RebalancingLimits`.
    """
    if limits is None:
        return RebalancingLimits()
    if not isinstance(limits, RebalancingLimits):
        kind = type(limits).__name__
        raise LimitsError(
            [
                f"limits must be RebalancingLimits (received a {kind}): make them with RebalancingLimits(...), from_dict, from_toml or preset"
            ]
        )
    return limits


def limit_fields() -> tuple[dataclasses.Field[Any], ...]:
    """The fields of `RebalancingLimits` in order, each with its metadata."""
    return tuple(known for known in dataclasses.fields(RebalancingLimits) if known.init)


def _given(limit: BucketLimit) -> dict[str, Any]:
    values = {inner.name: getattr(limit, inner.name) for inner in dataclasses.fields(limit)}
    return {name: value for name, value in values.items() if value is not None}


def _resolve(limits: RebalancingLimits) -> Iterable[str]:
    """Give unset fields the value that follows from the others; yields their names."""
    for name, value in following(limits).items():
        object.__setattr__(limits, name, value)
        yield name


def following(limits: Any, changes: Mapping[str, float] | None = None, unset: Iterable[str] = ()) -> dict[str, float]:
    """What the fields that are None, or named as `unset`, take from the others; `changes` go before the limits' values.

    >>> following(RebalancingLimits(), {"min_score_threshold": 0.7}, unset=["min_score_diversification"])
    {'min_score_diversification': 0.7}
    """
    found: dict[str, float] = {}

    def given(name: str) -> Any:
        return None if name in unset else (changes or {}).get(name, getattr(limits, name))

    def number(name: str, fallback: float) -> float:
        value = given(name)
        return float(value) if isinstance(value, float | int | numbers.Real) else fallback  # the plain ones are quick

    floor = number("min_score_threshold", 0.0)
    for name, default in (("min_score_diversification", 0.6), ("min_score_new_position", 0.65)):
        if given(name) is None:
            found[name] = max(default, floor)
        floor = found.get(name, number(name, floor))
    if given("dust_weight") is None:
        found["dust_weight"] = min(0.001, number("min_position_weight", 0.001))
    return found


def _bucket_limits(given: Any, faults: list[str]) -> Mapping[str, BucketLimit]:
    """The `buckets` field as path -> `BucketLimit`; what is wrong is added to `faults`."""
    if not isinstance(given, Mapping):
        faults.append(f"buckets must map a bucket's path to its limits (received {given!r})")
        return MappingProxyType({})
    names = [known.name for known in dataclasses.fields(BucketLimit)]
    found: dict[str, BucketLimit] = {}
    for path, limit in given.items():
        where = f"buckets[{path!r}]"
        if not isinstance(path, str):
            faults.append(f"{where}: a bucket's path must be text")
        elif isinstance(limit, BucketLimit):
            found[path] = limit
        elif not isinstance(limit, Mapping):
            faults.append(f"{where} must be a table with {', '.join(names)} (received {limit!r})")
        else:
            unknown = [name for name in limit if name not in names]
            faults += [f"{where}: unknown field {name!r}: {nearest(str(name), names)}" for name in unknown]
            try:
                found[path] = BucketLimit(**{name: value for name, value in limit.items() if name in names})
            except LimitsError as error:
                faults += [f"{where}: {fault}" for fault in error.faults]
    return MappingProxyType(found)

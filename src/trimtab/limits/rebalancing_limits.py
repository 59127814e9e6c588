"""The limits of a rebalance: one frozen object, checked when made, read from and written to TOML.

A field's `described(...)` is the one place for its type, range, meaning and sentence. The checks, the JSON Schema, the
TOML text, the rule sheet and the command line follow from it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

from trimtab.errors import LimitsError
from trimtab.limits.bucket_limit import BucketLimit, bucket_limits_of
from trimtab.limits.contradictions import contradictions
from trimtab.limits.derived_fields import following
from trimtab.limits.exposure_limits import ConcentrationLimit, SchemeLimits, concentration_of, exposures_of
from trimtab.limits.fields import check_fields, described, mapping_of, refusing_unknown, settings_of, table_of
from trimtab.limits.gate_settings import GateSettings
from trimtab.limits.old_names import warn_of_old_name, with_current_names
from trimtab.limits.order_settings import OrderSettings
from trimtab.limits.plan_settings import PLAN_SETTINGS, every_field, plan_settings
from trimtab.limits.presets import preset_text
from trimtab.limits.regimes import ChangedLimit, changed_limits, enter_regime, laid_over, plain
from trimtab.limits.toml_file import toml_text, toml_values
from trimtab.limits.written_toml import written_toml

SIZING_MODES = ("equal_weight", "score_weighted", "adaptive", "inverse_volatility", "desired", "given")
# The column of a candidate that a sizing mode needs.
SIZING_COLUMNS = {"inverse_volatility": "volatility", "desired": "desired_weight", "given": "desired_weight"}


# The fields that map names to limits of their own.
_BY_KEY = {"buckets": bucket_limits_of, "exposures": exposures_of, "concentration": concentration_of}
# The default of fields whose value follows from others (see `_resolve`).
_UNSET = cast(float, None)


@refusing_unknown
@dataclass(frozen=True, kw_only=True)
class RebalancingLimits:
    """The limits of a rebalance. Frozen; making it reports all faults at once.

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

    max_total_positions: int = described(
        10, int, "maximum number of positions", sentence="Hold at most {:position}.", low=1
    )
    max_new_positions: int = described(
        3,
        int,
        "maximum number of new positions; adding to a holding does not count",
        sentence="Open at most {:new position}.",
    )
    min_score_threshold: float = described(
        0.6,
        float,
        "minimum score to keep a holding",
        sentence="Keep holdings that score at least {:g}.",
        fraction=True,
    )
    min_score_diversification: float = described(
        _UNSET,
        float,
        "minimum score of a new position that is opened only to represent a missing bucket",
        sentence="To represent a missing bucket, buy assets that score at least {:g}.",
        fraction=True,
    )
    min_score_new_position: float = described(
        _UNSET,
        float,
        "minimum score of a new position",
        sentence="Buy assets that score at least {:g}.",
        fraction=True,
    )
    target_invested: float = described(
        0.95,
        float,
        "total weight to aim for; the rest is cash",
        sentence="Invest {:%} of the account; the rest is cash.",
        fraction=True,
    )
    full_investment_positions: int | None = described(
        None,
        int,
        "number of positions from which target_invested is aimed for in full; with fewer, proportionally less",
        sentence="With fewer than {:position}, invest proportionally less.",
        low=1,
        optional=True,
    )
    max_position_weight: float = described(
        0.2, float, "maximum weight of a position", sentence="Hold at most {:%} in one asset.", fraction=True
    )
    min_position_weight: float = described(
        0.02, float, "minimum weight of a position", sentence="Hold at least {:%} in every position.", fraction=True
    )

    enable_bucket_diversification: bool = described(False, bool, "turns on bucket limits and representation")
    max_positions_per_bucket: int = described(
        4,
        int,
        "maximum number of positions in a bucket at bucket_level",
        sentence="Hold at most {:position} per bucket.",
    )
    max_allocation_per_bucket: float = described(
        0.4,
        float,
        "maximum weight of a bucket at bucket_level",
        sentence="Hold at most {:%} per bucket.",
        fraction=True,
    )
    min_buckets_represented: int = described(
        2,
        int,
        "minimum number of buckets at bucket_level with a position",
        sentence="Hold positions in at least {:bucket}, if candidates allow.",
    )
    allow_bucket_overflow: bool = described(
        False,
        bool,
        "keeps holdings that score high enough even where their bucket has too many positions",
        sentence={
            True: "Keep holdings that score high enough even where their bucket has too many positions.",
            False: "Where a bucket has too many positions, close its lowest-ranked holdings.",
        },
    )
    enforce_position_limits: bool = described(True, bool, "if false, max_positions of every bucket is lifted")
    enforce_allocation_limits: bool = described(
        True, bool, "if false, max_allocation and min_allocation of every bucket are lifted"
    )
    enforce_min_buckets: bool = described(True, bool, "if false, no bucket has to be represented")
    max_correlation: float | None = described(
        None,
        float,
        "maximum correlation of a new position with any other in its bucket at bucket_level; selection may then miss "
        "the optimum",
        sentence="Buy no asset whose correlation with another position in its bucket is above {:g} or unknown; holdings "
        "stay.",
        low=-1.0,
        optional=True,
        fraction=True,
    )
    bucket_level: int = described(
        1, int, "depth of the bucket path to which general limits and representation apply", low=1
    )
    bucket_separator: str = described(
        "/", str, "separates the parts of a bucket path; empty (or None): a name is one part", may_be_empty=True
    )
    known_buckets: tuple[str, ...] = described((), tuple, "buckets that exist even if no candidate is in them")
    buckets: Mapping[str, BucketLimit] = mapping_of(
        BucketLimit, "limits of single buckets: path -> max_positions, max_allocation, min_allocation"
    )
    exposures: Mapping[str, SchemeLimits] = mapping_of(
        SchemeLimits, "limits of exposures by scheme: scheme -> max_exposure, unknown, ignore_below, buckets"
    )
    enforce_exposure_limits: bool = described(True, bool, "if false, all limits of exposures are lifted")
    concentration: Mapping[str, ConcentrationLimit] = mapping_of(
        ConcentrationLimit, "how concentrated issuers may be, by scheme: scheme -> small, largest, together"
    )
    regime: str | None = described(
        None, str, "the regime whose limits are in force; if none, the general limits", optional=True
    )
    regimes: Mapping[str, Mapping[str, Any]] = mapping_of(
        None, "limits that differ in a regime: name -> fields as above"
    )

    sizing_mode: str = described(
        "equal_weight",
        str,
        "the relative sizes to aim for",
        sentence={
            "equal_weight": "Aim for equal weights.",
            "score_weighted": "Aim for weights proportional to the scores.",
            "adaptive": "Aim for weights that step up with the score: 0.5, from 0.6 on 0.8, from 0.7 on 1, from 0.8 on 1.2, "
            "from 0.9 on 1.5.",
            "inverse_volatility": "Aim for weights inversely proportional to volatility.",
            "desired": "Aim for the desired_weight of each position.",
            "given": "Aim for weights proportional to desired_weight.",
        },
        choices=SIZING_MODES,
    )
    residual_strategy: str = described(
        "proportional",
        str,
        "what happens to weight that limits trim: it is spread over the other positions, or stays in cash",
        sentence={
            "proportional": "Weight trimmed from a position is spread over the others.",
            "cash": "Weight trimmed from a position stays in cash.",
        },
        choices=("proportional", "cash"),
    )
    no_trade_band: float = described(
        0.20, float, "drift up to this fraction of the target weight is not traded", below=1.0
    )
    min_trade: float = described(0.001, float, "smaller trades of a holding are skipped", fraction=True)
    cash_band: float = described(
        0.02, float, "how far the total weight may stay from its aim to avoid trades", fraction=True
    )
    drift_tolerance: float = described(
        0.0,
        float,
        "how far a holding or bucket may drift above a limit before it is traded, as a fraction of the limit",
        sentence="Holdings and buckets may drift above a limit by up to {:%} of it.",
        high=1.0,
    )
    dust_weight: float = described(
        _UNSET,
        float,
        "smaller holdings are dust: they compete as new assets and are closed if not selected",
        sentence="A holding below {:%} is dust: it competes as a new asset and is closed if not selected.",
        fraction=True,
    )
    unscored_positions: str = described(
        "hold",
        str,
        "what happens to holdings without a score: they are kept unchanged, closed, or an error",
        sentence={
            "hold": "Keep holdings without a score unchanged.",
            "close": "Close holdings without a score that may be sold.",
            "error": "Refuse an account with a holding that may be sold but has no score.",
        },
        choices=("hold", "close", "error"),
    )
    unknown_bucket: str = described(
        "limit",
        str,
        "what happens to assets without a bucket: they share one limited bucket, or are held and never bought",
        choices=("limit", "hold"),
    )
    brake_sold_weight: float | None = described(
        None,
        float,
        "if sales would exceed this weight, nothing is traded",
        sentence="If more than {:%} would be sold, trade nothing.",
        optional=True,
        fraction=True,
    )
    brake_closed_positions: int | None = described(
        None,
        int,
        "if more positions than this would close, nothing is traded",
        sentence="If more than {:holding} would close, trade nothing.",
        optional=True,
    )
    on_unmet: str = described(
        "report",
        str,
        "what happens when a limit cannot be met: it is reported, or raised as an error",
        sentence={
            "report": "Report limits that cannot be met.",
            "raise": "Fail with an error if a limit cannot be met.",
        },
        choices=("report", "raise"),
    )
    orders: OrderSettings = table_of(OrderSettings, "how a plan turns targets into orders")
    gates: GateSettings = table_of(GateSettings, "what holds an order file back")
    derived: frozenset[str] = field(default=frozenset(), init=False, repr=False, compare=False)
    general: RebalancingLimits | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.regimes != {} or self.regime is not None:
            enter_regime(self)
            return
        object.__setattr__(self, "regimes", MappingProxyType({}))
        object.__setattr__(self, "derived", frozenset(_resolve(self)))
        faults = check_fields(self)
        for name, limits_of in _BY_KEY.items():
            object.__setattr__(self, name, limits_of(getattr(self, name), faults))
        for name, kind in PLAN_SETTINGS.items():
            object.__setattr__(self, name, settings_of(kind, getattr(self, name), name, faults))
        if not faults:
            faults = list(contradictions(self))
        if faults:
            raise LimitsError(faults)

    def __reduce__(self) -> tuple[Any, tuple[dict[str, Any]]]:
        return (RebalancingLimits.from_dict, (self.to_dict(),))

    def replace(self, **changes: Any) -> RebalancingLimits:
        """The same limits with some fields changed; fields that were never set follow the changes."""
        return RebalancingLimits.from_dict({**self.to_dict(), **with_current_names(changes)})

    def in_regime(self, regime: str | None) -> RebalancingLimits:
        """These limits with a regime in force; the general limits if the regime has no table.

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

        `path` is a bucket at `bucket_level`; deeper ones have no general limits.

        Examples
        --------
        >>> limits = RebalancingLimits(enable_bucket_diversification=True, buckets={"Tech": {"max_positions": 2}})
        >>> limits.limit_at("Tech", "max_positions"), limits.limit_at("Tech", "max_allocation")
        (('max_positions', 2), ('max_allocation_per_bucket', 0.4))
        """
        own = getattr(self.buckets[path], field) if path in self.buckets else None
        if own is not None or field == "min_allocation":  # there is no general minimum
            return field, own
        return f"{field}_per_bucket", getattr(self, f"{field}_per_bucket")

    @property
    def in_force(self) -> RebalancingLimits:
        """The limits in force, without regimes.

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
        """The limits that the regime in force changes."""
        if self.general is None:
            return ()
        return changed_limits(every_field(self.general), every_field(self))

    @property
    def of_the_pass(self) -> RebalancingLimits:
        """These limits without the settings of orders and gates, which the pass does not read.

        Examples
        --------
        >>> RebalancingLimits(orders={"mode": "buy_only"}).of_the_pass == RebalancingLimits()
        True
        """
        return self.replace(orders={}, gates={}) if plan_settings(self) else self

    def to_dict(self, *, complete: bool = False) -> dict[str, Any]:
        """The general fields that differ from their defaults, as plain values; `complete`: every field in force.

        Of `orders` and `gates` always only the fields that differ.
        """
        values: dict[str, Any] = {}
        if self.general is not None and not complete:
            regimes = plain(self.regimes)
            named = {} if self.regime is None else {"regime": self.regime}
            return {**self.general.to_dict(), **named, "regimes": regimes}
        for known in limit_fields():
            value = getattr(self, known.name)
            if known.metadata["kind"] in (dict, tuple):
                value = plain(value)
                changed = bool(value)
            else:
                changed = known.name not in self.derived and value != known.default
            if complete or changed:
                values[known.name] = value
        return {**values, **plan_settings(self)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], source: str | None = None) -> RebalancingLimits:
        """Limits from plain values; an unknown field is an error with the nearest name."""
        try:
            return cls(**values)
        except LimitsError as error:
            raise LimitsError(error.faults, source) from None

    @classmethod
    def from_toml(cls, path: str | Path) -> RebalancingLimits:
        """Limits from a TOML file: a key for each field, a table `[buckets."Equity/Tech"]` for each bucket."""
        return cls.from_toml_text(toml_text(path), source=str(path))

    @classmethod
    def from_toml_text(cls, text: str, source: str | None = None) -> RebalancingLimits:
        """Limits from TOML text."""
        return cls.from_dict(toml_values(text, source), source)

    def to_toml(self) -> str:
        """Every field with its meaning as TOML text; fields without a value are comments.

        Without limits of single buckets, an example of them is another comment. With regimes, so are fields that follow from others: inside a regime they follow that regime's.
        """
        return written_toml(self, limit_fields())

    @classmethod
    def preset(cls, name: str) -> RebalancingLimits:
        """One of the example limits that ship with trimtab (`preset_names`)."""
        return cls.from_toml_text(preset_text(name), source=f"preset {name!r}")


def limit_fields() -> tuple[dataclasses.Field[Any], ...]:
    """The fields of `RebalancingLimits` that decide weights, in order, each with its metadata."""
    return tuple(
        known for known in dataclasses.fields(RebalancingLimits) if known.init and known.name not in PLAN_SETTINGS
    )


def _resolve(limits: RebalancingLimits) -> Iterable[str]:
    """Set unset fields to what follows from the others; yields their names."""
    for name, value in following(limits).items():
        object.__setattr__(limits, name, value)
        yield name

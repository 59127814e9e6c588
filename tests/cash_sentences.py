"""What the sentences about cash name, lifted in the limits and rows that a user gives: the cash must then move to its aim."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import trimtab
from trimtab.limits.rebalancing_limits import RebalancingLimits

Row = dict[str, Any]
_TOLERANCE = 1e-9
_MANY = 1000
_BRAKED = "the brake keeps every weight unchanged"
_TOGETHER = "together with the others, "
_GENERAL = ("max_positions_per_bucket", "max_allocation_per_bucket")


@dataclass
class Lifted:
    """The limits and rows of an account with what sentences name lifted."""

    rows: list[Row]
    limits: RebalancingLimits
    inputs: dict[str, Any] = field(default_factory=dict)  # correlations, exposures

    def total(self) -> float:
        """The weight that the rules propose."""
        return _total(trimtab.rebalance(self.rows, self.limits, **self.inputs))

    def replace(self, **values: Any) -> None:
        """Other values of limits."""
        self.limits = self.limits.replace(**values)

    def of_bucket(self, path: str, name: str) -> None:
        """No limit of a bucket."""
        buckets = {known: dict(own) for known, own in self.limits.to_dict().get("buckets", {}).items()}
        buckets[path] = {**buckets.get(path, {}), name: _OTHERS[name]}
        known = {*self.limits.known_buckets, *(row["bucket"] for row in self.rows), *buckets} - {None, "", "Unknown"}
        self.replace(buckets=buckets, known_buckets=tuple(sorted(known)))

    def of_exposure(self, name: str, limit: str) -> None:
        """No limit of a bucket of a scheme."""
        scheme, path = name.split(":", 1)
        exposures = {known: dict(own) for known, own in self.limits.to_dict()["exposures"].items()}
        own = dict(exposures[scheme].get("buckets", {}))
        own[path] = {**own.get(path, {}), limit: 1.0 if limit == "max_exposure" else 0.0}
        exposures[scheme]["buckets"] = own
        self.replace(exposures=exposures)

    def of_rows(self, names: list[str], **values: Any) -> None:
        """Other values in the rows of some assets."""
        self.rows = [row | values if row["asset"] in names else row for row in self.rows]

    def lift(self, sentence: str) -> None:
        """Lift what a sentence names."""
        for pattern, lift in _LIFTS:
            match = re.search(pattern, sentence)
            if match:
                lift(self, match)
                return
        raise AssertionError(sentence)


def _places(lifted: Lifted, match: re.Match[str]) -> None:
    for name in match[1].split(", "):
        field_name, _, path = name.partition(" of ")
        if path:
            lifted.of_bucket(path, field_name)
        else:
            lifted.replace(**{field_name: _MANY})


def _allocation(lifted: Lifted, match: re.Match[str]) -> None:
    if match[1] in _GENERAL:
        lifted.replace(**{match[1]: 1.0})
    else:
        for path in re.findall(r"(\S+) \(", match[2]):
            lifted.of_bucket(path, match[1])


def _exposure(lifted: Lifted, match: re.Match[str]) -> None:
    lifted.of_exposure(match[1], "max_exposure")


_OTHERS: dict[str, Any] = {
    **dict.fromkeys(("max_total_positions", "max_new_positions", "max_positions_per_bucket", "max_positions"), _MANY),
    **dict.fromkeys(("max_position_weight", "max_allocation_per_bucket", "max_allocation"), 1.0),
    **dict.fromkeys(("min_position_weight", "no_trade_band", "min_trade", "min_allocation"), 0.0),
    "min_buckets_represented": 0,
    "brake_sold_weight": None,
    "brake_closed_positions": None,
    "max_correlation": None,
    "sizing_mode": "equal_weight",
    "unknown_bucket": "limit",
    "restriction": "",
    "max_weight": None,
}


def _other(lifted: Lifted, match: re.Match[str]) -> None:
    if match[1] in ("restriction", "max_weight"):
        lifted.rows = [row | {match[1]: _OTHERS[match[1]]} for row in lifted.rows]
    else:
        lifted.replace(**{match[1]: _OTHERS[match[1]]})


def _other_of(lifted: Lifted, match: re.Match[str]) -> None:
    if match[1].endswith("_exposure"):
        lifted.of_exposure(match[2], match[1])
    elif match[1] in _GENERAL:
        lifted.replace(**{match[1]: _OTHERS[match[1]]})
    else:
        lifted.of_bucket(match[2], match[1])


def _total(result: Any) -> float:
    return sum(row["target_weight"] for row in result.targets)


def _rows_with(**values: Any) -> Any:
    return lambda lifted, match: lifted.of_rows(match[1].split(", "), **values)


def _limits_with(**values: Any) -> Any:
    return lambda lifted, _: lifted.replace(**values)


_SCORES = dict.fromkeys(("min_score_threshold", "min_score_diversification", "min_score_new_position"), 0.0)
_LIFTS: list[tuple[str, Any]] = [
    (r"kept out by (max_total_positions|max_new_positions) \d+$", _places),
    (r"kept out by (max_positions.*)$", _places),
    (r"kept out by min_buckets_represented", _limits_with(min_buckets_represented=0)),
    (r"kept out by min_position_weight", _limits_with(min_position_weight=0.0)),
    (r"kept out by (max_allocation\w*) of (\S+), which has no room", _other_of),
    (r"kept out by max_correlation", _limits_with(max_correlation=None)),
    (r"kept out by a missing \w+ \(sizing_mode", _limits_with(sizing_mode="equal_weight")),
    (r"kept out by (?:its score|their scores)", _limits_with(**_SCORES)),
    (r"full_investment_positions \d+", _limits_with(full_investment_positions=None)),
    (r'residual_strategy "cash"', _limits_with(residual_strategy="proportional")),
    (r'sizing_mode "desired"', _limits_with(sizing_mode="equal_weight")),
    (r"^at max_position_weight", _limits_with(max_position_weight=1.0)),
    (r"their max_weight: (.*)$", _rows_with(max_weight=None)),
    (r"^at (max_allocation\w*): (.*)$", _allocation),
    (r"^at max_exposure: (.+) \([\d.]+%\)$", _exposure),
    (r"^concentration ", _limits_with(concentration={})),
    (r"^a restriction forbids (?:buying|selling): (.*)$", _rows_with(restriction="")),
    (r"^without a score nothing is bought: (.*)$", _rows_with(score=1.0)),
    (r"^without a score nothing is sold: .* \(unscored_positions", _limits_with(unscored_positions="close")),
    (r"^without a \w+ nothing is \w+: .* \(sizing_mode", _limits_with(sizing_mode="equal_weight")),
    (r"^without a bucket nothing is bought: .* \(unknown_bucket", _limits_with(unknown_bucket="limit")),
    (r"^near enough .* \(no_trade_band, min_trade\)", _limits_with(no_trade_band=0.0, min_trade=0.0)),
    (r"^(\w+)$", _other),
    (r"^(\w+) of (\S+)$", _other_of),
    (r"^min_score_threshold, ", _limits_with(**_SCORES)),
    (_BRAKED, _limits_with(brake_sold_weight=None, brake_closed_positions=None)),
]


def faults_of_cash(rows: list[Row], limits: RebalancingLimits, counts: Counter[str], **inputs: Any) -> Iterator[str]:
    """Sentences about cash that do not hold."""
    result = trimtab.rebalance(rows, limits, **inputs)
    reasons = list(result.facts().cash_reasons)
    total = _total(result)
    more = 1.0 if result.cash_weight > 1.0 - limits.target_invested else -1.0
    for groups in _groups(reasons):
        counts["reasons for cash"] += len(groups)
        if _moved(rows, limits, groups, inputs, total, more) <= _TOLERANCE:
            yield f"{' AND '.join(groups)}: the cash stays"
        for sentence in groups if len(groups) > 1 else ():
            others = [other for other in groups if other != sentence]
            if _moved(rows, limits, others, inputs, total, more) > _TOLERANCE:
                yield f"{sentence}: not needed with {' AND '.join(others)}"


def _moved(
    rows: list[Row], limits: RebalancingLimits, sentences: list[str], inputs: dict[str, Any], total: float, more: float
) -> float:
    """How far the total moves to its aim without what sentences name."""
    lifted = Lifted(rows, limits.in_force, inputs)
    for sentence in sentences:
        lifted.lift(sentence.removeprefix(_TOGETHER))
    return more * (lifted.total() - total)


def _groups(reasons: list[str]) -> Iterator[list[str]]:
    """Sentences that are lifted each alone, or all at once."""
    joint = [sentence for sentence in reasons if sentence.startswith(_TOGETHER)]
    if joint:
        yield joint
    yield from ([sentence] for sentence in reasons if sentence not in joint)

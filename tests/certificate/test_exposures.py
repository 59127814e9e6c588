"""The certificate measures exposures and concentration, from the table and the limits as the user wrote them."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from cases import random_limits, random_rows
from exposure_cases import random_exposure_limits, random_exposures
from naive_exposures import naive_exposed
from thorough import mostly_thorough

from trimtab import RebalancingLimits, rebalance
from trimtab.candidates.read import read
from trimtab.certificate.certificate import Constraint, Measured
from trimtab.certificate.checker import certify
from trimtab.errors import BrokenLimitError, LimitsError

COUNTRY = [
    {"asset": "A", "scheme": "country", "bucket": "Europe/France"},
    {"asset": "B", "scheme": "country", "bucket": "Europe/Spain", "fraction": 0.5},
    {"asset": "B", "scheme": "country", "bucket": "US", "fraction": 0.1},
    {"asset": "elsewhere", "scheme": "country", "bucket": "US", "fraction": 1.0},
]
for row in COUNTRY:
    row.setdefault("fraction", 1.0)
ROWS = [
    {"asset": name, "score": 0.9, "bucket": bucket} for name, bucket in (("A", "Tech"), ("B", "Tech"), ("C", "Bond"))
]


def certified(
    rows: list[dict[str, Any]],
    limits: RebalancingLimits,
    exposures: list[dict[str, Any]],
    weights: list[float],
    *,
    selected: list[bool] | None = None,
    braked: bool = False,
) -> tuple[list[Measured], dict[int, BrokenLimitError]]:
    """The certificate of targets that anyone may have made."""
    candidates = read(rows, limits.replace(concentration={}), many=False, exposures=exposures)
    target = np.array(weights)
    chosen = target > 0 if selected is None else np.array(selected)
    current = np.array([row.get("current_weight", 0.0) for row in rows])
    shown = current if braked else target
    return certify(candidates, limits, target=shown, proposed=target, selected=chosen, braked=np.array([braked]))


def measured(*arguments: Any, **more: Any) -> dict[tuple[str, str], Constraint]:
    """The limits that concern the account, where nothing is broken."""
    checks, broken = certified(*arguments, **more)
    assert broken == {}
    listed = [check.constraint(0) for check in checks if check.is_about(0)]
    return {(constraint.name, constraint.node): constraint for constraint in listed}


def country(**own: Any) -> RebalancingLimits:
    return RebalancingLimits(max_position_weight=0.5, exposures={"country": own})


def test_fractions_add_up_along_paths_and_the_rest_is_unknown() -> None:
    limits = country(max_exposure=0.9, buckets={"Europe/Spain": {"max_exposure": 0.3}, "Asia": {"max_exposure": 0.1}})
    limits = limits.replace(known_buckets=("country:Asia",))
    constraints = measured(ROWS, limits, COUNTRY, [0.4, 0.4, 0.1])
    weights = {node: constraint.measured for (name, node), constraint in constraints.items() if name == "max_exposure"}
    assert weights == pytest.approx(
        {
            "country:Asia": 0.0,  # named, so listed
            "country:Europe": 0.4 + 0.2,
            "country:Europe/Spain": 0.2,
            "country:US": 0.04,
            "country:Unknown": 0.4 * 0.4 + 0.1,
        }
    )


def test_small_fractions_count_as_unknown_and_unknown_may_be_free() -> None:
    constraints = measured(ROWS, country(max_exposure=0.9, ignore_below=0.2), COUNTRY, [0.4, 0.4, 0.1])
    assert ("max_exposure", "country:US") not in constraints
    assert constraints["max_exposure", "country:Unknown"].measured == pytest.approx(0.4 * 0.5 + 0.1)
    constraints = measured(ROWS, country(max_exposure=0.9, unknown="free"), COUNTRY, [0.4, 0.4, 0.1])
    assert ("max_exposure", "country:Unknown") not in constraints


def test_without_a_table_all_is_unknown() -> None:
    """Read without limits of exposures, which would ask for a table."""
    target = np.array([0.4, 0.4, 0.1])
    checks, broken = certify(
        read(ROWS, RebalancingLimits(), many=False),
        country(max_exposure=0.5),
        target=target,
        proposed=target,
        selected=target > 0,
        braked=np.array([False]),
    )
    constraint = next(check.constraint(0) for check in checks if check.name == "max_exposure")
    assert (constraint.node, constraint.measured) == ("country:Unknown", pytest.approx(0.9))
    assert "max_exposure of country:Unknown is 0.9 against 0.5" in str(broken[0])


def test_a_maximum_is_hard_but_for_what_is_fixed_and_for_drift() -> None:
    limits = country(buckets={"Europe": {"max_exposure": 0.5}})
    _, broken = certified(ROWS, limits, COUNTRY, [0.4, 0.3, 0.0])
    assert "max_exposure of country:Europe is 0.55 against 0.5" in str(broken[0])
    held = [ROWS[0] | {"current_weight": 0.4, "restriction": "no_sell"}, ROWS[1] | {"current_weight": 0.3}, ROWS[2]]
    constraint = measured(held, limits.replace(drift_tolerance=0.2), COUNTRY, [0.4, 0.3, 0.0])[
        "max_exposure", "country:Europe"
    ]
    assert (constraint.status, constraint.note) == ("drifted", "within drift_tolerance 0.2")
    held[1]["restriction"] = "no_trade"
    constraint = measured(held, limits, COUNTRY, [0.4, 0.3, 0.0])["max_exposure", "country:Europe"]
    assert (constraint.status, constraint.note) == ("waived", "held by a restriction or missing data: A, B")


def test_switched_off_nothing_is_measured() -> None:
    limits = country(buckets={"Europe": {"max_exposure": 0.1}}).replace(enforce_exposure_limits=False)
    assert not [name for name, _ in measured(ROWS, limits, COUNTRY, [0.4, 0.3, 0.0]) if "exposure" in name]


def test_a_brake_waives() -> None:
    limits = country(buckets={"Europe": {"max_exposure": 0.1}}).replace(brake_sold_weight=0.05)
    held = [ROWS[0] | {"current_weight": 0.4}, *ROWS[1:]]
    constraint = measured(held, limits, COUNTRY, [0.1, 0.0, 0.5], braked=True)["max_exposure", "country:Europe"]
    assert (constraint.measured, constraint.status, constraint.note) == (
        0.4,
        "waived",
        "the brake keeps every weight unchanged",
    )


def test_a_minimum_names_what_is_full() -> None:
    limits = country(buckets={"Europe/Spain": {"min_exposure": 0.3}, "US": {"max_exposure": 0.04}})
    constraint = measured(ROWS, limits, COUNTRY, [0.3, 0.4, 0.2])["min_exposure", "country:Europe/Spain"]
    assert (constraint.status, constraint.note) == ("unmet", "its positions can hold at most 0.25")
    limits = country(buckets={"Europe/Spain": {"min_exposure": 0.22}, "US": {"max_exposure": 0.04}})
    constraint = measured(ROWS, limits, COUNTRY, [0.3, 0.4, 0.25])["min_exposure", "country:Europe/Spain"]
    assert (constraint.status, constraint.note) == ("unmet", "no room is left in: country:US, target_invested")
    constraint = measured(ROWS, limits, COUNTRY, [0.3, 0.3, 0.2])["min_exposure", "country:Europe/Spain"]
    assert (constraint.status, constraint.note) == ("unmet", "other limits leave no room")
    constraint = measured(ROWS, limits, COUNTRY, [0.3, 0.0, 0.2])["min_exposure", "country:Europe/Spain"]
    assert (constraint.status, constraint.note) == ("unmet", "no asset in it was selected")


def test_exposures_excuse_minima_of_positions_and_of_buckets() -> None:
    limits = country(buckets={"US": {"max_exposure": 0.001}})
    constraint = measured(ROWS, limits, COUNTRY, [0.5, 0.01, 0.3])["min_position_weight", ""]
    note = "too little weight for min_position_weight: B; too little room for min_position_weight in: country:US"
    assert (constraint.status, constraint.note) == ("waived", note)
    limits = country(buckets={"Europe": {"max_exposure": 0.4}})
    limits = limits.replace(
        enable_bucket_diversification=True, max_allocation_per_bucket=0.9, buckets={"Tech": {"min_allocation": 0.6}}
    )
    constraint = measured(ROWS, limits, COUNTRY, [0.3, 0.2, 0.4])["min_allocation", "Tech"]
    assert (constraint.status, constraint.note) == ("unmet", "no room is left in: country:Europe")
    _, broken = certified(ROWS, limits.replace(exposures={}), COUNTRY, [0.3, 0.2, 0.4])
    assert "min_allocation of Tech" in str(broken[0])


def test_a_bucket_is_full_beside_exposures() -> None:
    limits = country(buckets={"Europe/Spain": {"min_exposure": 0.22}})
    limits = limits.replace(enable_bucket_diversification=True, max_allocation_per_bucket=0.6)
    constraint = measured(ROWS, limits, COUNTRY, [0.3, 0.3, 0.2])["min_exposure", "country:Europe/Spain"]
    assert (constraint.status, constraint.note) == ("unmet", "no room is left in: Tech")


def test_what_exposures_leave_no_room_for_represents_nothing() -> None:
    limits = country(buckets={"Europe": {"max_exposure": 0.009}}).replace(
        enable_bucket_diversification=True, max_allocation_per_bucket=0.9, min_buckets_represented=2
    )
    constraint = measured(ROWS, limits, COUNTRY, [0.0, 0.0, 0.5])["min_buckets_represented", ""]
    assert (constraint.status, constraint.note) == (
        "unmet",
        "no candidate from another bucket qualifies and may be bought",
    )
    _, broken = certified(ROWS, limits.replace(exposures={}), COUNTRY, [0.0, 0.0, 0.5])
    assert "min_buckets_represented" in str(broken[0])


def test_a_bucket_whose_only_position_gets_no_weight_is_unmet_not_broken() -> None:
    """B lies in two full buckets, of which A1 and A2 need one each: it gets nothing. C would be weak, and was not needed."""
    rows = [
        {"asset": asset, "bucket": bucket, "score": score}
        for asset, bucket, score in (("A1", "X", 0.9), ("A2", "X", 0.9), ("B", "Y", 0.9), ("C", "Z", 0.62))
    ]
    table = [
        {"asset": asset, "scheme": scheme, "bucket": bucket}
        for asset, scheme, bucket in (
            ("A1", "country", "US"),
            ("B", "country", "US"),
            ("A2", "currency", "EUR"),
            ("B", "currency", "EUR"),
        )
    ]
    tight = {
        "country": {"buckets": {"US": {"max_exposure": 0.02}}},
        "currency": {"buckets": {"EUR": {"max_exposure": 0.02}}},
    }
    limits = RebalancingLimits(enable_bucket_diversification=True, max_new_positions=5, exposures=tight)
    result = rebalance(rows, limits, exposures=table)
    assert [row["target_weight"] for row in result.targets] == [0.02, 0.02, 0.0, 0.0]
    limit = next(limit for limit in result.certificate.constraints if limit.name == "min_buckets_represented")
    assert (limit.status, limit.note) == ("unmet", "no weight is left for what was selected: B")


def issuers(**own: float) -> RebalancingLimits:
    return RebalancingLimits(max_position_weight=0.5, max_new_positions=5, concentration={"issuer": own})


ISSUER = [
    {"asset": name, "scheme": "issuer", "bucket": bucket}
    for name, bucket in (("A", "Alpha"), ("B", "Alpha"), ("C", "Gamma"), ("D", "Unknown"))
]
FOUR = [{"asset": name, "score": 0.9} for name in "ABCDE"]


def test_concentration_counts_the_large_issuers_together() -> None:
    limits = issuers(small=0.1, largest=0.3, together=0.5)
    constraints = measured(FOUR, limits, ISSUER, [0.1, 0.15, 0.09, 0.4, 0.1])
    assert constraints["concentration", "issuer:largest"].measured == pytest.approx(0.25)
    assert constraints["concentration", "issuer:together"].measured == pytest.approx(0.25)
    constraints = measured(FOUR, limits, ISSUER, [0.1, 0.15, 0.2, 0.4, 0.1])
    assert constraints["concentration", "issuer:together"].measured == pytest.approx(0.45)
    assert all(constraint.status == "met" for constraint in constraints.values() if constraint.name == "concentration")
    _, broken = certified(FOUR, limits, ISSUER, [0.15, 0.16, 0.0, 0.0, 0.0])
    assert "concentration of issuer:largest is 0.31 against 0.3" in str(broken[0])
    _, broken = certified(FOUR, limits, ISSUER, [0.15, 0.12, 0.25, 0.0, 0.0])
    assert "concentration of issuer:together is 0.52 against 0.5" in str(broken[0])
    off = limits.replace(enforce_exposure_limits=False)
    assert not [name for name, _ in measured(FOUR, off, ISSUER, [0.5, 0.4, 0.0, 0.0, 0.0]) if name == "concentration"]


def test_concentration_that_is_fixed_is_waived() -> None:
    held = [row | {"current_weight": 0.3, "restriction": "no_trade"} for row in FOUR[:3]]
    constraints = measured(held, issuers(small=0.1, largest=0.3, together=0.5), ISSUER, [0.3, 0.3, 0.3])
    assert {
        (constraint.node, constraint.status, constraint.note)
        for constraint in constraints.values()
        if constraint.name == "concentration"
    } == {
        ("issuer:largest", "waived", "held by a restriction or missing data: A, B, C"),
        ("issuer:together", "waived", "held by a restriction or missing data: A, B, C"),
    }


def test_many_accounts_with_exposures_of_their_own() -> None:
    rows = [{**row, "account": account} for account in ("one", "two", "three") for row in ROWS]
    exposures = [{**row, "account": "one"} for row in COUNTRY] + [
        {"account": "two", "asset": "A", "scheme": "country", "bucket": "US", "fraction": 1.0},
        {"account": "another", "asset": "A", "scheme": "country", "bucket": "US", "fraction": 1.0},
    ]
    limits = country(max_exposure=0.95)
    candidates = read(rows, limits, many=True, exposures=exposures)
    target = np.array([0.4, 0.4, 0.1] * 3)
    checks, broken = certify(
        candidates, limits, target=target, proposed=target, selected=target > 0, braked=np.zeros(3, bool)
    )
    assert broken == {}
    named = {
        account: {
            check.node: round(float(check.value[account]), 9)
            for check in checks
            if check.name == "max_exposure" and check.is_about(account)
        }
        for account in range(3)
    }
    assert named[0] == {"country:Europe": 0.6, "country:US": 0.04, "country:Unknown": 0.26}
    assert named[1] == {"country:US": 0.4, "country:Unknown": 0.5}
    assert named[2] == {"country:Unknown": 0.9}


@pytest.mark.parametrize("first", mostly_thorough(range(0, 3000, 20)))
def test_what_the_twin_decides_breaks_nothing(first: int) -> None:
    count = 0
    for seed in range(first, first + 20):
        rng = random.Random(seed)
        rows, limits = random_rows(rng), random_limits(rng)
        exposures = random_exposures(rng, rows)
        own = random_exposure_limits(rng, exposures)
        try:
            limited = limits.replace(exposures=own)
        except LimitsError:
            continue
        if not exposures:
            continue
        twin = naive_exposed(rows, limits, exposures, own)
        candidates = read(rows, limited, many=False, exposures=exposures)
        target, proposed = (
            np.array([getattr(row, name) for row in twin.rows]) for name in ("target_weight", "proposed_weight")
        )
        selected = np.array([row.selected for row in twin.rows])
        checks, broken = certify(
            candidates, limited, target=target, proposed=proposed, selected=selected, braked=np.array([twin.braked])
        )
        assert broken == {}, f"seed {seed}"
        count += sum(check.name == "max_exposure" and check.is_about(0) for check in checks)
    assert count > 20

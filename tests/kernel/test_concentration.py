"""Concentration of issuers: the kernel and the naive twin written from the rules' text; and cases worked by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from exposure_runs import RULES, random_concentration, run_case, twin_differences

from trimtab import RebalanceResult, RebalancingLimits, rebalance
from trimtab.candidates.read import read
from trimtab.certificate.checker import certify
from trimtab.errors import InputError, LimitsError

Row = dict[str, Any]


def seeds(first: int, count: int) -> list[Any]:
    cases = [random_concentration(seed) for seed in range(first, first + count)]
    return [case for case in cases if case is not None]


def test_plain_equals_naive_twin() -> None:
    cases = seeds(4200, 12)
    assert len(cases) >= 10
    for case, rule in cases:
        assert twin_differences(case, rule, compiled=False) == []


@pytest.mark.thorough
@pytest.mark.parametrize("first", range(0, 4200, 40))
def test_compiled_equals_naive_twin(first: int) -> None:
    cases = seeds(first, 40)
    assert len(cases) >= 30
    for case, rule in cases:
        assert twin_differences(case, rule) == [], f"seeds from {first}"


@pytest.mark.thorough
@pytest.mark.parametrize("first", range(20_000, 20_400, 40))
def test_plain_equals_compiled_to_the_last_bit(first: int) -> None:
    for case, rule in seeds(first, 40):
        plain, compiled = (run_case(case, rule, compiled=which) for which in (False, True))
        assert plain.answer.tobytes() == compiled.answer.tobytes()


@pytest.mark.thorough
@pytest.mark.parametrize("first", range(30_000, 33_000, 100))
def test_the_certificate_finds_nothing_broken(first: int) -> None:
    for case, rule in seeds(first, 100):
        passed = run_case(case, rule)
        limits = case[1].replace(exposures=case[3], concentration={"issuer": rule})
        target, proposed, selected = (passed.answer[name] for name in ("target", "proposed", "selected"))
        candidates = read(case[0], limits, many=False, exposures=case[2])
        _, broken = certify(
            candidates, limits, target=target, proposed=proposed, selected=selected, braked=np.array([passed.braked])
        )
        assert broken == {}


@pytest.mark.thorough
@pytest.mark.parametrize("first", range(40_000, 42_000, 100))
def test_a_rule_that_does_not_bind_changes_no_bit(first: int) -> None:
    loose = {"small": 1.0, "largest": 1.0, "together": 1.0}
    for case, _ in seeds(first, 100):
        assert run_case(case).answer.tobytes() == run_case(case, loose).answer.tobytes()


def issued(names: str) -> list[Row]:
    """Two assets of each issuer."""
    return [{"asset": f"{name}{number}", "scheme": "issuer", "bucket": name} for name in names for number in (1, 2)]


def decided(rows: list[Row], exposures: list[Row], rule: tuple[float, float, float], **fields: Any) -> RebalanceResult:
    own = dict(zip(("small", "largest", "together"), rule, strict=True))
    limits = RebalancingLimits(max_total_positions=20, max_new_positions=20, concentration={"issuer": own}, **fields)
    return rebalance(rows, limits, exposures=exposures)


def test_as_many_issuers_are_large_as_together_allows() -> None:
    """Six issuers of two assets: four may weigh 0.1, which fills 0.4; the others stay at 0.05. The first by name are large."""
    rows = [{"asset": row["asset"], "score": 0.9} for row in issued("ABCDEF")]
    result = decided(rows, issued("ABCDEF"), RULES[0])
    weights = [round(row["target_weight"], 12) for row in result.targets]
    assert weights == [0.05] * 8 + [0.025] * 4
    assert {row["size_reason"] for row in result.targets} == {"capped_exposure"}
    assert result.details()[0].endswith("Weight 5.00%: held down by concentration 0.05/0.1/0.4 of issuer: A.")
    held = result.explain("A1").held_by
    assert held is not None
    assert (held.limit, held.node, held.value, held.lifted) == ("concentration", "issuer", "0.05/0.1/0.4", None)
    assert held.weight_without == pytest.approx(0.95 / 12, abs=1e-12)
    assert held.effect == "without concentration of issuer it would be 7.92%"
    kept = [limit for limit in result.certificate.constraints if limit.name == "concentration"]
    assert [(limit.node, limit.status) for limit in kept] == [("issuer:largest", "met"), ("issuer:together", "met")]


def test_the_large_ones_share_what_they_may_weigh_together() -> None:
    """A weighs at least 0.2, so A and B share 0.45; C stays at 0.15."""
    rows = [{"asset": row["asset"], "score": 0.9} for row in issued("ABC")]
    result = decided(rows, issued("ABC"), (0.15, 0.3, 0.45), max_position_weight=0.3)
    assert [round(row["target_weight"], 12) for row in result.targets] == [0.1125] * 4 + [0.075] * 2
    assert result.details()[0].endswith("held down by concentration 0.15/0.3/0.45 of issuer.")


def test_no_other_issuer_becomes_large_beside_what_is_fixed() -> None:
    """Three issuers of 0.2 cannot be sold: they are large, and `together` allows two. D stays at `small`."""
    fixed = [{"asset": f"{name}1", "score": 0.9, "current_weight": 0.2, "restriction": "no_trade"} for name in "ABC"]
    rows, rule = [*fixed, {"asset": "D1", "score": 0.9}], (0.15, 0.2, 0.3)
    result = decided(rows, issued("ABCD"), rule)
    assert [row["target_weight"] for row in result.targets] == [0.2, 0.2, 0.2, 0.15]
    kept = [limit for limit in result.certificate.constraints if limit.name == "concentration"]
    assert [(limit.node, limit.status) for limit in kept] == [("issuer:largest", "met"), ("issuer:together", "waived")]
    own = dict(zip(("small", "largest", "together"), rule, strict=True))
    plain = run_case((rows, RebalancingLimits(), issued("ABCD"), {}), own, compiled=False)
    assert plain.answer["target"].tolist() == [row["target_weight"] for row in result.targets]


def test_a_holding_in_its_band_is_released_for_its_issuer() -> None:
    """0.21 is within its band of 0.2 * 0.2, but above `largest`."""
    rows = [{"asset": "A1", "score": 0.9, "current_weight": 0.21}, {"asset": "B1", "score": 0.9, "current_weight": 0.1}]
    result = decided(rows, issued("AB"), (0.1, 0.2, 0.2), max_position_weight=0.5)
    assert (result.targets[0]["target_weight"], result.targets[0]["size_reason"]) == (0.2, "released_for_limit")
    assert result.details()[0].endswith("traded inside its band to keep concentration 0.1/0.2/0.2 of issuer.")
    held = result.explain("A1").held_by
    assert held is not None
    assert (held.limit, held.node, held.weight_without) == ("concentration", "issuer", 0.475)


def test_a_smallest_weight_that_does_not_fit_is_waived() -> None:
    """Three assets of 0.02 do not fit into the 0.05 of an issuer that is not large."""
    issuers = [{"asset": f"A{number}", "scheme": "issuer", "bucket": "A"} for number in range(3)]
    rows = [{"asset": row["asset"], "score": 0.9} for row in issuers]
    result = decided(rows, issuers, (0.05, 0.05, 0.4))
    limit = next(limit for limit in result.certificate.constraints if limit.name == "min_position_weight")
    assert limit.status == "waived"
    assert "too little room for min_position_weight in: issuer:A" in limit.note


def test_an_asset_has_one_issuer() -> None:
    table = [{"asset": "A", "scheme": "issuer", "bucket": "X", "fraction": 0.5}]
    with pytest.raises(InputError, match=r"row 1, column 'fraction': 'A' lies in an issuer with a part"):
        decided([{"asset": "A", "score": 0.9}], table, RULES[0])


def test_one_scheme_can_be_limited() -> None:
    with pytest.raises(LimitsError, match=r"concentration has 2 schemes .*keep one"):
        RebalancingLimits(concentration={"issuer": {}, "group": {}})

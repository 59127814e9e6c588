"""Many policies: each runs as it does alone, to the bit; what is varied, drawn and refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from backtest_runs import BUCKETS, LIMITS, days, market, scores

import trimtab
import trimtab.kernel.backtest_many
from trimtab import Between, InputError, LimitsError, RebalancingLimits, SweepResult, TradingCosts
from trimtab.backtesting.policy_grid import policy_grid
from trimtab.kernel.backtest_many import backtest_policies
from trimtab.kernel.compilation import undecorated

COSTS = TradingCosts(commission_bps=5, spread_bps=10)
VARY = {"max_total_positions": [2, 4], "max_allocation_per_bucket": [0.3, 0.5, 0.9]}
plain_policies = undecorated(backtest_policies)


def run_sweep(vary: Any = VARY, **more: Any) -> SweepResult:
    options = {"scores": scores(1), "classification": BUCKETS, "every": "week", "costs": COSTS, "gone_after": 2} | more
    return trimtab.sweep(market(1), LIMITS.replace(min_buckets_represented=0), vary, **options)


@pytest.mark.parametrize("every", ["week", "drift"])
def test_each_policy_runs_as_it_does_alone(every: str) -> None:
    more = {"every": every} | ({"drift": 0.03} if every == "drift" else {})
    result = run_sweep(vary={**VARY, 'buckets."Z/a".max_positions': [0, 1]}, **more)
    assert len(result.limits) == 12 and result.refused == ()
    assert len({row.tobytes() for row in result.equity}) > 4
    for policy, limits in enumerate(result.limits):
        alone = trimtab.backtest(
            market(1), limits, scores=scores(1), classification=BUCKETS, costs=COSTS, gone_after=2, **more
        )
        assert alone.equity["equity"].to_numpy().tobytes() == result.equity[policy].tobytes()
        assert alone.turnover.height == result.decisions[policy]
        again = result.backtest(policy)
        assert again.equity.equals(alone.equity) and again.name == f"policy {policy}"
        for name in ("sharpe", "turnover", "cost_drag", "max_drawdown"):
            assert getattr(alone.statistics, name) == getattr(result.statistics[policy], name)


def test_plain_and_compiled_give_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = run_sweep()
    monkeypatch.setattr(trimtab.kernel.backtest_many, "backtest_policies", plain_policies)
    assert run_sweep().equity.tobytes() == compiled.equity.tobytes()


def test_what_comes_out() -> None:
    result = run_sweep()
    assert result.fields == {
        "max_total_positions": (2, 2, 2, 4, 4, 4),
        "max_allocation_per_bucket": (0.3, 0.5, 0.9) * 2,
    }
    assert repr(result) == "<SweepResult 6 policies: 2024-01-05 to 2024-04-05>"
    assert result.returns.shape == (len(result.dates) - 1, 6)
    assert np.allclose(np.prod(1 + result.returns, axis=0), result.equity[:, -1])
    assert np.array_equal(result.above_cash, result.returns)
    table = result.table
    assert table.columns[:4] == ["policy", "max_total_positions", "max_allocation_per_bucket", "total_return"]
    assert table["total_return"].to_list() == pytest.approx((result.equity[:, -1] - 1).tolist())
    assert table["sharpe"][result.best] == table["sharpe"].max()
    periods = result.period_returns
    assert periods.height == 13 and periods["from"][0] == days(70)[4] and periods["to"][-1] == result.dates[-1]
    assert np.allclose(np.prod(1 + periods.drop("from", "to").to_numpy(), axis=0), result.equity[:, -1])
    assert result.settings.costs == COSTS
    assert result.luck().sentence
    assert "<h1" in result.to_html()
    with pytest.raises(InputError, match="no policy has this number"):
        result.backtest(6)


def test_cash_is_taken_off() -> None:
    result = run_sweep(cash_rate=0.05)
    assert (result.above_cash < result.returns).all()


def test_many_policies_go_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run_sweep()
    monkeypatch.setattr("trimtab.backtesting.sweep._TOGETHER", 4)
    assert run_sweep().equity.tobytes() == whole.equity.tobytes()


def test_a_sample_is_the_same_for_the_same_seed() -> None:
    vary = {"max_total_positions": range(2, 6), "max_allocation_per_bucket": Between(0.2, 0.9)}
    first, second, other = (run_sweep(vary=vary, sample=5, seed=seed) for seed in (3, 3, 4))
    assert first.fields == second.fields and first.fields != other.fields
    assert first.equity.tobytes() == second.equity.tobytes()
    assert set(first.fields["max_total_positions"]) <= {2, 3, 4, 5}
    assert all(0.2 <= value <= 0.9 for value in first.fields["max_allocation_per_bucket"])


def test_what_contradicts_itself_is_said() -> None:
    grid = policy_grid(
        RebalancingLimits(),
        {"min_position_weight": [0.02, 0.5], "max_position_weight": [0.1, 0.3]},
        sample=None,
        seed=0,
    )
    assert grid.fields == {"min_position_weight": (0.02, 0.02), "max_position_weight": (0.1, 0.3)}
    assert [values for values, _ in grid.refused] == [
        {"min_position_weight": 0.5, "max_position_weight": 0.1},
        {"min_position_weight": 0.5, "max_position_weight": 0.3},
    ]
    assert "min_position_weight 0.5" in grid.refused[0][1]
    with pytest.raises(LimitsError, match="min_position_weight"):
        run_sweep(vary={"min_position_weight": [0.5], "max_position_weight": [0.1, 0.3]})


@pytest.mark.parametrize(
    ("vary", "more", "said"),
    [
        (None, {}, "nothing to vary"),
        ({"max_total_positions": 5}, {}, "max_total_positions needs a list of values (received 5)"),
        ({"max_total_positions": "5"}, {}, "max_total_positions needs a list of values"),
        ({"max_total_positions": []}, {}, "max_total_positions needs a list of values"),
        ({"max_position_weight": Between(0.1, 0.2)}, {}, "is a range, which a grid cannot use"),
        ({"buckets.": [1]}, {}, "the field to vary is unknown"),
        ({"no_trade_band": [index / 2000 for index in range(1001)], "cash_band": [index / 2000 for index in range(1001)]}, {}, "the grid has 1,002,001 policies"),
        (VARY, {"sample": 0}, "sample must be a number of policies (received 0)"),
        (VARY, {"sample": True}, "sample must be a number of policies"),
    ],
)  # fmt: skip
def test_wrong_input_is_refused(vary: Any, more: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as error:
        run_sweep(vary=vary, **more)
    assert said in str(error.value)


def test_wrong_fields_are_refused() -> None:
    with pytest.raises(LimitsError, match="unknown field 'max_positions': did you mean"):
        run_sweep(vary={"max_positions": [1]})
    with pytest.raises(LimitsError, match="no candidate is in this bucket"):
        run_sweep(vary={"buckets.W.max_positions": [1]})
    with pytest.raises(InputError, match="low must be below high"):
        Between(0.5, 0.5)


def test_old_names_work_with_a_warning() -> None:
    result = run_sweep()
    with pytest.warns(DeprecationWarning, match="terms is now called settings"):
        assert result.terms is result.settings
    with pytest.warns(DeprecationWarning, match="terms is now called settings"):
        assert result.backtest(0).terms is result.settings
    with pytest.warns(DeprecationWarning, match="course is now called market_history"):
        assert result.backtest(0).course is result.market_history
    with pytest.warns(DeprecationWarning, match="is_likely is now called is_likely_luck"):
        assert result.luck().is_likely is result.luck().is_likely_luck

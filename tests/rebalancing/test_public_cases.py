"""Questions from public bug reports of other systems; each with its source, and an answer worked by hand."""

from __future__ import annotations

from typing import Any

import pytest

import trimtab
from trimtab import RebalancingLimits, rebalance

# Nothing but the limits of a case decides.
OPEN: dict[str, Any] = {
    "max_total_positions": 100,
    "max_new_positions": 100,
    "min_score_threshold": 0.0,
    "target_invested": 1.0,
    "min_score_diversification": 0.0,
    "min_score_new_position": 0.0,
    "max_position_weight": 1.0,
    "min_position_weight": 0.0,
    "no_trade_band": 0.0,
    "min_trade": 0.0,
    "cash_band": 0.0,
}
Rows = list[dict[str, Any]]


def weights(rows: Rows, table: Rows | None = None, **limits: Any) -> dict[str, float]:
    result = rebalance(rows, RebalancingLimits(**{**OPEN, **limits}), exposures=table)
    return {row["asset"]: row["target_weight"] for row in result.targets}


def lies(asset: str, scheme: str, **fractions: float) -> Rows:
    return [
        {"asset": asset, "scheme": scheme, "bucket": bucket, "fraction": fraction}
        for bucket, fraction in fractions.items()
    ]


def just(weight: float) -> dict[str, float]:
    return {"min_exposure": weight, "max_exposure": weight}


@pytest.mark.parametrize("mode", ["desired", "given"])
def test_a_desired_weight_of_zero_closes(mode: str) -> None:
    """portfolio-tracker#10, lakshmi#48: 90, 10 and 0 %; held 80, 10 and 10."""
    rows = [
        {"asset": asset, "score": 1.0, "desired_weight": desired, "current_weight": held}
        for asset, desired, held in (("Market", 0.9, 0.8), ("Bond", 0.1, 0.1), ("Zero", 0.0, 0.1))
    ]
    assert weights(rows, sizing_mode=mode) == pytest.approx({"Market": 0.9, "Bond": 0.1, "Zero": 0.0}, abs=1e-12)


def test_a_fund_in_two_classes() -> None:
    """portfolio#2165: A is developed to 90 %, B is emerging; 70 to 30 is wanted. A = 7 / 9."""
    table = [*lies("A", "class", Developed=0.9, Emerging=0.1), *lies("B", "class", Emerging=1.0)]
    limits = {"class": {"buckets": {"Developed": just(0.7), "Emerging": just(0.3)}}}
    rows = [{"asset": asset, "score": 1.0, "current_weight": 0.5} for asset in "AB"]
    assert weights(rows, table, exposures=limits) == pytest.approx({"A": 7 / 9, "B": 2 / 9}, abs=1e-12)


def test_two_schemes_at_once() -> None:
    """PyPortfolioOpt#249: 60 % in the US and, at the same time, half in growth."""
    pairs = [(region, style) for region in ("US", "EU") for style in ("Growth", "Value")]
    table = [
        row for a, b in pairs for row in lies(f"{a} {b}", "region", **{a: 1.0}) + lies(f"{a} {b}", "style", **{b: 1.0})
    ]
    limits = {
        "region": {"buckets": {"US": just(0.6), "EU": just(0.4)}},
        "style": {"buckets": {"Growth": just(0.5), "Value": just(0.5)}},
    }
    sized = weights([{"asset": f"{a} {b}", "score": 0.9} for a, b in pairs], table, exposures=limits)
    assert sized == pytest.approx({"US Growth": 0.3, "US Value": 0.3, "EU Growth": 0.2, "EU Value": 0.2}, abs=1e-12)


def test_two_share_classes_of_one_issuer() -> None:
    """breakingalpha#758: AAPL and APC are one company; 40 % of it at most."""
    table = [*lies("AAPL", "issuer", Apple=1.0), *lies("APC", "issuer", Apple=1.0)]
    limits = {"issuer": {"max_exposure": 0.4, "unknown": "free"}}
    sized = weights([{"asset": asset, "score": 0.9} for asset in ("AAPL", "APC", "X")], table, exposures=limits)
    assert sized == pytest.approx({"AAPL": 0.2, "APC": 0.2, "X": 0.6}, abs=1e-12)


@pytest.mark.parametrize(("name", "other"), [("AAPL", "aapl"), ("BRK.B", "BRK-B"), ("AAPL", "AA\u200bPL")])
def test_one_company_in_two_spellings_is_noted(name: str, other: str) -> None:
    """The same report: they count as two, and a note says so, in every door."""
    rows = [{"asset": name, "score": 0.9}, {"asset": other, "score": 0.9}]
    said = f"assets that differ only in case, spaces, punctuation or invisible signs count as different: {name!r} and {other!r}"
    assert said in [note.text for note in rebalance(rows).notes]
    assert said in [finding.text for finding in trimtab.check(rows).warnings]
    assert "near_asset" not in [note.code for note in rebalance([rows[0], {"asset": "X", "score": 0.9}]).notes]


def test_an_asset_whose_name_is_an_error_of_a_spreadsheet_is_noted() -> None:
    """pandas-datareader#948: names such as NA, NULL and #N/A come out as they went in."""
    notes = [note.text for note in rebalance([{"asset": "#N/A", "score": 0.9}, {"asset": "NA", "score": 0.9}]).notes]
    assert "'#N/A' counts as an asset's name; spreadsheets write it where a lookup fails" in notes


def test_turnover_as_far_as_it_goes() -> None:
    """PyPortfolioOpt#555: from 80 and 20 to equal weights, with at most 20 % turnover: 60 and 40."""
    rows = [
        {"asset": "A", "score": 0.9, "shares": 800, "price": 1},
        {"asset": "B", "score": 0.9, "shares": 200, "price": 1},
    ]
    made = trimtab.plan(
        rows, RebalancingLimits(**{**OPEN, "max_position_weight": 0.5}), cash=0, cash_buffer=0, max_turnover=0.2
    )
    assert [(order.side, int(order.shares), order.asset) for order in made.orders] == [
        ("sell", 200, "A"),
        ("buy", 200, "B"),
    ]
    assert repr(made) == "<Plan limited: 1 sell, 1 buy, cash 0.00>"


@pytest.mark.parametrize("text", ["N/A", "#N/A", "n.a.", "-", "\u2014", "--", "none", "NULL", "nan", " "])
def test_text_for_no_bucket_represents_none(text: str) -> None:
    """picsou-finance#94: what a source writes for an unknown sector is no sector."""
    rows = [{"asset": "A", "bucket": "Tech", "score": 0.9}, {"asset": "B", "bucket": text, "score": 0.8}]
    result = rebalance(rows, RebalancingLimits(enable_bucket_diversification=True))
    assert [limit.measured for limit in result.certificate.unmet] == [1.0]


@pytest.mark.parametrize("mode", ["desired", "given", "inverse_volatility"])
def test_cash_for_want_of_a_column_is_unwanted(mode: str) -> None:
    """Without the column nothing can be sized, so the status says cash is left, and the note why."""
    rows = [
        {"asset": "A", "score": 0.9, "current_weight": 0.2},
        {"asset": "B", "score": 0.9},
        {"asset": "C", "score": 0.9},
    ]
    result = rebalance(rows, RebalancingLimits(sizing_mode=mode))
    column = "volatility" if mode == "inverse_volatility" else "desired_weight"
    assert (result.status, result.cash_left) == ("cash_left", pytest.approx(0.75))
    assert f"2 assets are kept out by a missing {column} (sizing_mode {mode})" in result.notes[0].text
    sized = rebalance([{**row, "desired_weight": 0.05} for row in rows], RebalancingLimits(sizing_mode="desired"))
    assert sized.status == "ok"


@pytest.mark.parametrize("name", ["quantity", "Qty", "UNITS", "holdings"])
def test_shares_under_another_name_are_never_none(name: str) -> None:
    with pytest.raises(
        trimtab.InputError, match=f"column '{name}': seems to hold the shares, but a plan reads them from"
    ):
        trimtab.plan([{"asset": "A", "score": 0.9, "price": 1.0, name: 30}], cash=100)


def test_cash_that_exposures_hold_has_its_cause() -> None:
    rows = [{"asset": "A", "score": 0.9}, {"asset": "B", "score": 0.8}]
    limits = RebalancingLimits(exposures={"country": {"max_exposure": 0.1}})
    result = rebalance(rows, limits, exposures=lies("A", "country", US=1.0))
    assert "at max_exposure: country:US (10.00%)" in result.notes[0].text
    assert "whatever the limits are" not in result.notes[0].text


def test_a_limit_on_the_sum_of_large_positions() -> None:
    """UCITS 5/10/40: one of 20 %, five of 8 %, fourteen share 40 %. Four of the six large ones get 10 % each, 40 % together;
    the two others stay at 5 %, and the remaining 50 % is 50 / 14 each, below 5 %.
    """
    desired = {
        "A": 200.0,
        **{f"B{index}": 80.0 for index in range(5)},
        **{f"C{index:02d}": 400 / 14 for index in range(14)},
    }
    rows = [{"asset": asset, "score": 1.0, "desired_weight": weight} for asset, weight in desired.items()]
    table = [row for asset in desired for row in lies(asset, "issuer", **{asset: 1.0})]
    rule = {"issuer": {"small": 0.05, "largest": 0.1, "together": 0.4}}
    decided = weights(rows, table, sizing_mode="desired", concentration=rule)
    large = dict.fromkeys(("A", "B0", "B1", "B2"), 0.1) | dict.fromkeys(("B3", "B4"), 0.05)
    assert decided == pytest.approx(large | {asset: 0.5 / 14 for asset in desired if asset[0] == "C"}, abs=1e-12)

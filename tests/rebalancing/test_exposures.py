"""Rebalances with exposures, worked by hand; bad tables; and the pre-flight."""

from __future__ import annotations

from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from trimtab import RebalancingLimits, check, exposures_from, exposures_of, rebalance, rebalance_many
from trimtab.errors import InputError, LimitsError
from trimtab.exposures.gaps import gaps

Row = dict[str, Any]


def lying(asset: str, bucket: str, fraction: float = 1.0, scheme: str = "country") -> Row:
    return {"asset": asset, "scheme": scheme, "bucket": bucket, "fraction": fraction}


def assets(names: str, **fields: Any) -> list[Row]:
    return [{"asset": name, "score": 0.9, **fields} for name in names]


def limits_of(country: Row, **fields: Any) -> RebalancingLimits:
    return RebalancingLimits(**{"max_new_positions": 10, "exposures": {"country": country}} | fields)


def weights(rows: list[Row], limits: RebalancingLimits, table: Any) -> dict[str, tuple[float, str]]:
    result = rebalance(rows, limits, exposures=table)
    return {
        row["asset"]: (pytest.approx(row["target_weight"], abs=1e-12), row["size_reason"]) for row in result.targets
    }


FUNDS = [
    lying("A", "US"),
    lying("B", "US", 0.5),
    lying("B", "EU", 0.5),
    lying("C", "EU"),
    lying("D", "EU"),
    lying("E", "JP"),
]


def test_a_full_row_takes_a_toll_in_proportion_to_fractions() -> None:
    """A = v - t, B = v - t / 2, C = D = v, E = 0.3; 1.5 v - 1.25 t = 0.2; 4 v - 1.5 t = 0.65: v = 0.41 / 2.2."""
    limits = limits_of({"buckets": {"US": {"max_exposure": 0.2}, "JP": {"min_exposure": 0.3}}}, max_position_weight=0.4)
    level, toll = 0.41 / 2.2, 0.14 / 2.2
    assert weights(assets("ABCDE"), limits, FUNDS) == {
        "A": (level - toll, "capped_exposure"),
        "B": (level - toll / 2, "capped_exposure"),
        "C": (level, "made_room"),
        "D": (level, "made_room"),
        "E": (0.3, "lifted_for_exposure"),
    }


def test_the_sentences_name_the_row() -> None:
    limits = limits_of({"buckets": {"US": {"max_exposure": 0.2}, "JP": {"min_exposure": 0.3}}}, max_position_weight=0.4)
    details = rebalance(assets("ABCDE"), limits, exposures=FUNDS).details()
    assert details[0].endswith("held down by max_exposure 0.2 of country: US.")
    assert "limits of exposures move weight" in details[2]
    assert details[4].endswith("raised for min_exposure 0.3 of country: JP.")


def test_exposures_that_do_not_bind_change_no_bit() -> None:
    rows = assets("ABCDE")
    limits = limits_of({"max_exposure": 0.95})
    with_exposures = rebalance(rows, limits, exposures=FUNDS)
    assert with_exposures.targets == rebalance(rows, limits.replace(exposures={})).targets


def test_a_closed_bucket_keeps_its_assets_out() -> None:
    """US may hold nothing: A and B, which is half there, are never taken; the others share 0.95."""
    limits = limits_of({"buckets": {"US": {"max_exposure": 0.0}}}, max_position_weight=0.4)
    result = rebalance(assets("ABCDE"), limits, exposures=FUNDS)
    assert [(row["reason"], round(row["target_weight"], 12)) for row in result.targets[:3]] == [
        ("min_position_capacity", 0.0),
        ("min_position_capacity", 0.0),
        ("added", round(0.95 / 3, 12)),
    ]
    assert "max_exposure 0 of country: US is full" in result.details()[0]


def test_too_little_room_for_a_position_keeps_an_asset_out() -> None:
    """0.01 of room is below the 0.02 of a position for A, but enough for B, which lies there with half: 0.01 / 0.5."""
    limits = limits_of({"buckets": {"US": {"max_exposure": 0.01}}}, max_position_weight=0.4)
    result = rebalance(assets("AB"), limits, exposures=FUNDS)
    assert [row["reason"] for row in result.targets] == ["min_position_capacity", "added"]
    assert result.targets[1]["target_weight"] == pytest.approx(0.02, abs=1e-15)
    assert "max_exposure 0.01 of country: US leaves it only 0.01, below min_position_weight 0.02" in result.details()[0]


def test_unknown_is_limited_unless_it_is_free() -> None:
    """X lies in no row: all of it is Unknown, of which at most 0.1 may be held."""
    rows, table = assets("XA", max_weight=0.2), [lying("A", "US")]
    own = {"max_exposure": 0.1}
    assert weights(rows, limits_of(own), table)["X"] == (0.1, "capped_exposure")
    assert weights(rows, limits_of({**own, "unknown": "free"}), table)["X"] == (0.2, "capped_position")


def test_small_fractions_may_be_ignored() -> None:
    """The US is closed; a world fund with 0.005 there can be held once fractions below 0.01 are ignored."""
    rows, table = assets("W"), [lying("W", "US", 0.005), lying("W", "EU", 0.995)]
    closed = {"unknown": "free", "buckets": {"US": {"max_exposure": 0.0}}}
    assert weights(rows, limits_of(closed), table)["W"] == (0.0, "")
    assert weights(rows, limits_of({**closed, "ignore_below": 0.01}), table)["W"] == (0.2, "capped_position")


def test_fixed_weight_above_a_maximum_stays_and_shuts_others_out() -> None:
    rows = [{"asset": "A", "score": 0.9, "current_weight": 0.3, "restriction": "no_trade"}, *assets("E")]
    table = [lying("A", "US"), lying("E", "US", 0.5), lying("E", "JP", 0.5)]
    result = rebalance(rows, limits_of({"buckets": {"US": {"max_exposure": 0.2}}}), exposures=table)
    assert [(row["target_weight"], row["reason"]) for row in result.targets] == [
        (0.3, "restricted"),
        (0.0, "min_position_capacity"),
    ]


def test_a_holding_in_its_band_is_released_for_a_row() -> None:
    """US = 0.2 + 0.2 is above 0.38: of A and B, tied, A goes to its size of 0.19; then 0.39, so B goes too."""
    rows = [{"asset": name, "score": 0.9, "current_weight": 0.2} for name in "AB"]
    limits = limits_of({"buckets": {"US": {"max_exposure": 0.38}}})
    table = [lying("A", "US"), lying("B", "US")]
    result = rebalance(rows, limits, exposures=table)
    assert [(row["target_weight"], row["size_reason"]) for row in result.targets] == [
        (pytest.approx(0.19, abs=1e-12), "released_for_limit"),
        (pytest.approx(0.19, abs=1e-12), "released_for_limit"),
    ]
    assert result.details()[0].endswith("traded inside its band to keep max_exposure 0.38 of country: US.")


def test_a_holding_in_its_band_is_released_for_a_minimum() -> None:
    """JP needs 0.2 and holds 0.18, inside the band of 0.2 * 0.2."""
    rows = [{"asset": "E", "score": 0.9, "current_weight": 0.18}]
    limits = limits_of({"buckets": {"JP": {"min_exposure": 0.2}}}, target_invested=0.2, cash_band=0.1)
    result = rebalance(rows, limits, exposures=[lying("E", "JP")])
    assert result.targets[0]["target_weight"] == pytest.approx(0.2, abs=1e-12)
    assert "min_exposure 0.2 of country: JP" in result.details()[0]


@pytest.mark.parametrize("library", [pd.DataFrame, pl.DataFrame, pa.Table.from_pylist])
def test_every_kind_of_table_is_read(library: Any) -> None:
    assert exposures_of(library(FUNDS)) == exposures_of(FUNDS)


def test_what_was_read_passes_through_and_has_one_digest_in_any_order() -> None:
    table = exposures_of(FUNDS)
    assert exposures_of(table) is table
    assert exposures_of(FUNDS[::-1]).digest == table.digest
    assert exposures_of([*FUNDS[:-1], lying("E", "KR")]).digest != table.digest


def test_one_account_named_in_the_table_is_that_of_candidates_without_accounts() -> None:
    limits = limits_of({"unknown": "free", "buckets": {"US": {"max_exposure": 0.05}}})
    table = [{**lying("A", "US"), "account": "one"}]
    assert weights(assets("AC"), limits, table) == {"A": (0.05, "capped_exposure"), "C": (0.2, "capped_position")}


def test_concentration_that_is_switched_off_asks_nothing_of_the_table() -> None:
    """B lies in two countries, which an issuer could not."""
    off = limits_of({}, concentration={"country": {}}, enforce_exposure_limits=False)
    assert rebalance(assets("A"), off, exposures=FUNDS).positions == 1


def test_accounts_may_have_exposures_of_their_own() -> None:
    rows = [{**row, "account": account} for account in ("one", "two") for row in assets("AC")]
    table = [{**lying("A", bucket), "account": account} for account, bucket in (("one", "US"), ("two", "EU"))]
    limits = limits_of({"unknown": "free", "buckets": {"US": {"max_exposure": 0.05}}})
    result = rebalance_many(rows, limits, exposures=table)
    assert [round(row["target_weight"], 12) for row in result.targets] == [0.05, 0.2, 0.2, 0.2]


FAULTS = [
    ([], "the table of exposures is empty"),
    ([{"asset": "A", "scheme": "country"}], "column 'bucket': the column is missing"),
    ([{"asset": "A", "scheme": "country", "buckets": "US"}], "is 'buckets' meant? Rename it"),
    ([{**lying("A", "US"), "weight": 1}], "column 'weight': the column is unknown: keep account, asset"),
    ([{**lying("A", "US"), "acount": "a"}], "did you mean 'account'?"),
    ([lying("", "US")], "row 1, column 'asset'"),
    ([lying("A ", "US")], "the asset's name has spaces around it"),
    ([lying("A", "US", scheme="")], "the scheme is missing"),
    ([lying("A", "US", scheme="a:b")], "a colon in it"),
    (
        [lying("A", "US"), lying("A", "US", scheme="Country")],
        "row 2, column 'scheme': the scheme differs from 'country'",
    ),
    ([lying("A", "US", 0.0)], "the fraction is 0 (received 0.0): drop the row"),
    ([lying("A", "US", 60.0)], "row 1, column 'fraction': the fraction is above 1 (received 60.0): divide by 100"),
    ([lying("A", "US", -0.5)], "the fraction is outside 0 to 1 (received -0.5)"),
    ([lying("A", "US", float("nan"))], "the fraction is missing"),
    (
        [lying("A", "US", 0.5), lying("A", "US", 0.4)],
        "row 2, column 'bucket': 'A' has the bucket 'US' of 'country' in row 1",
    ),
    ([lying("A", "US", 0.8), lying("A", "EU", 0.4)], "the fractions of 'A' in 'country' add up to 1.2, above 1"),
    ([lying("A", "US//X")], "the bucket's path has an empty part"),
    ([lying("A", "US"), lying("B", "us"), lying("C", "US")], "row 2, column 'bucket': the bucket differs from 'US'"),
    ([{**lying("A", "US"), "account": account} for account in "ab"], "names several accounts, the candidates none"),
]


@pytest.mark.parametrize(("table", "text"), FAULTS)
def test_bad_tables_are_refused(table: list[Row], text: str) -> None:
    with pytest.raises(InputError) as caught:
        rebalance(assets("A"), limits_of({"max_exposure": 0.5}), exposures=table)
    assert text in str(caught.value)
    assert "exposures" in str(caught.value)


def test_limits_need_a_table_that_has_their_schemes_and_buckets() -> None:
    with pytest.raises(LimitsError, match="there is no table of exposures here"):
        rebalance(assets("A"), limits_of({"max_exposure": 0.5}))
    with pytest.raises(LimitsError, match="lacks this scheme: did you mean 'county'"):
        rebalance(assets("A"), limits_of({"max_exposure": 0.5}), exposures=[lying("A", "US", scheme="county")])
    with pytest.raises(LimitsError, match=r'no asset lies in this bucket.*add "country:Peru" to known_buckets'):
        rebalance(assets("A"), limits_of({"buckets": {"Peru": {"max_exposure": 0.1}}}), exposures=[lying("A", "US")])
    known = limits_of({"buckets": {"Peru": {"max_exposure": 0.1}}}, known_buckets=("country:Peru",))
    assert rebalance(assets("A"), known, exposures=[lying("A", "US")]).positions == 1
    off = limits_of({"max_exposure": 0.1}, enforce_exposure_limits=False)
    assert rebalance(assets("A"), off).targets[0]["target_weight"] == 0.2
    assert rebalance(assets("A"), off, exposures=[lying("A", "US")]).targets[0]["target_weight"] == 0.2


def test_fund_holdings_are_looked_through() -> None:
    made = exposures_from(
        [{"asset": "AAPL", "country": "US", "currency": "USD"}, {"asset": "SAP", "country": "DE", "currency": None}],
        memberships={"index": [{"asset": "AAPL", "bucket": "S&P"}, {"asset": "SAP", "bucket": "DAX", "fraction": 0.5}]},
        funds=[
            {"fund": "WORLD", "holding": "AAPL", "fraction": 0.5},
            {"fund": "WORLD", "holding": "SAP", "fraction": 0.5},
            {"fund": "MIX", "holding": "WORLD", "fraction": 0.8},
        ],
    )
    rows = {(row["asset"], row["scheme"], row["bucket"]): row["fraction"] for row in made.table}
    assert rows["MIX", "country", "US"] == 0.4
    assert rows["WORLD", "index", "DAX"] == 0.25
    assert rows["SAP", "currency", "Unknown"] == 1.0
    assert rows["WORLD", "currency", "Unknown"] == 0.5
    assert "MIX: 20.00% of its country is Unknown" in made.notes
    assert "WORLD: 50.00% of its currency is Unknown" in made.notes
    assert exposures_of(made).schemes == ("country", "currency", "index")


def test_a_scheme_that_knows_no_asset_keeps_its_name() -> None:
    """So its limit limits `Unknown`, as with the table that it came from."""
    members = {"country": [{"asset": "A", "bucket": "Unknown"}]}
    made = exposures_from(memberships=members, funds=[{"fund": "F", "holding": "A", "fraction": 0.5}])
    assert [(row["asset"], row["bucket"], row["fraction"]) for row in made.table] == [
        ("A", "Unknown", 1.0),
        ("F", "Unknown", 0.5),
    ]
    assert made.notes == ("F: 100.00% of its country is Unknown",)
    assert list(gaps(exposures_of(made), ["A", "B"], ["country"])) == [
        "2 candidates without country, counted as Unknown: A, B"
    ]
    result = rebalance(assets("AB"), limits_of({"max_exposure": 0.1}), exposures=made)
    assert sum(row["target_weight"] for row in result.targets) == pytest.approx(0.1, abs=1e-12)


HELPER_FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"candidates": [{"asset": "A"}]}, "there is no column of a scheme"),
    ({"candidates": [{"name": "A", "country": "US"}]}, "column 'asset': the column is missing"),
    (
        {"candidates": [{"asset": "A", "country": "US"}], "columns": ["region"]},
        "column 'region': the column is missing",
    ),
    (
        {"candidates": [{"asset": "A", "country": "US"}, {"asset": "A", "country": "DE"}]},
        "'A' has two buckets, 'US' and 'DE'",
    ),
    (
        {"memberships": {"index": [{"asset": "A", "bucket": "DAX", "fraction": 50}]}},
        "the members of index, row 1, column 'fraction'",
    ),
    (
        {"funds": [{"fund": "F", "holding": "A", "fraction": None}, {"fund": "F", "holding": "B", "fraction": 0.1}]},
        "is not a fraction",
    ),
    (
        {"funds": [{"fund": "F", "holding": name, "fraction": 0.6} for name in "AB"]},
        "the holdings of 'F' add up to 1.2",
    ),
    (
        {"funds": [{"fund": "F", "holding": "G", "fraction": 0.6}, {"fund": "G", "holding": "F", "fraction": 0.6}]},
        "'F' holds itself, by way of F > G",
    ),
]


@pytest.mark.parametrize(("sources", "text"), HELPER_FAULTS)
def test_bad_sources_are_refused(sources: dict[str, Any], text: str) -> None:
    with pytest.raises(InputError) as caught:
        exposures_from(**sources)
    assert text in str(caught.value)


def test_the_preflight_warns_of_what_exposures_cannot_do() -> None:
    rows = [{"asset": "A", "score": 0.9, "current_weight": 0.3, "restriction": "no_trade"}, *assets("XYE")]
    table = [lying("A", "US"), lying("E", "JP", 0.5)]
    country = {"buckets": {"US": {"max_exposure": 0.3}, "JP": {"min_exposure": 0.4}}}
    findings = {finding.code: finding.text for finding in check(rows, limits_of(country), exposures=table).warnings}
    assert "country: US" in findings["exposure_full"]
    assert "country:JP" in findings["exposure_unreachable"]


def test_the_preflight_warns_of_a_scheme_that_hardly_knows_the_candidates() -> None:
    findings = check(assets("XYE"), limits_of({"max_exposure": 0.5}), exposures=[lying("E", "JP")]).warnings
    text = next(finding.text for finding in findings if finding.code == "exposure_table")
    assert text == "country: 2 of 3 candidates are Unknown: check the names in the table of exposures"


def test_the_preflight_is_silent_about_a_maximum_with_room_left() -> None:
    """0.3 of A that stays fills the US; beside its 0.15 in EUR there is room for 0.25 more."""
    rows = [{"asset": "A", "score": 0.9, "current_weight": 0.3, "restriction": "no_trade"}, *assets("E")]
    table = [lying("A", "US"), lying("A", "EUR", 0.5, "currency"), lying("E", "JP"), lying("E", "EUR", 1.0, "currency")]
    limits = RebalancingLimits(
        exposures={
            "country": {"buckets": {"US": {"max_exposure": 0.3}}},
            "currency": {"unknown": "free", "buckets": {"EUR": {"max_exposure": 0.4}}},
        }
    )
    full = [
        finding.text for finding in check(rows, limits, exposures=table).warnings if finding.code == "exposure_full"
    ]
    assert len(full) == 1
    assert "country: US is full" in full[0]


def test_the_preflight_counts_assets_that_the_table_calls_unknown() -> None:
    """X and Y lie in Unknown by name, and so in no bucket that is known."""
    table = [lying("X", "Unknown"), lying("Y", "Unknown/here"), lying("E", "JP")]
    findings = check(assets("XYE"), limits_of({"max_exposure": 0.5}), exposures=table).warnings
    text = next(finding.text for finding in findings if finding.code == "exposure_table")
    assert text.startswith("country: 2 of 3 candidates are Unknown")


def test_a_full_bucket_is_also_in_the_way_of_what_another_limit_keeps_out() -> None:
    """One new position is allowed, which C takes; A would not fit in the US either."""
    rows = [{"asset": "C", "score": 0.95}, {"asset": "A", "score": 0.9}]
    limits = limits_of({"buckets": {"US": {"max_exposure": 0.0}}}, max_new_positions=1)
    result = rebalance(rows, limits, exposures=FUNDS)
    assert [row["reason"] for row in result.targets] == ["added", "new_position_limit"]
    assert "also in the way: max_exposure 0 of country: US is full" in result.details()[1]


def test_explanations_try_the_limits_that_hold_a_weight() -> None:
    """Without the limit of the US, A weighs a fifth of 0.95 less E's 0.3: 0.65 / 4."""
    limits = limits_of({"buckets": {"US": {"max_exposure": 0.2}, "JP": {"min_exposure": 0.3}}}, max_position_weight=0.4)
    result = rebalance(assets("ABCDE"), limits, exposures=FUNDS)
    held = result.explain("A").held_by
    assert held is not None
    assert (held.limit, held.node, held.value) == ("max_exposure", "country:US", 0.2)
    assert held.weight_without == pytest.approx(0.65 / 4, abs=1e-12)
    lifted = result.explain("E").held_by
    assert lifted is not None
    assert (lifted.limit, lifted.node, lifted.value) == ("min_exposure", "country:JP", 0.3)
    assert result.explain("C").held_by is None


def test_explanations_name_the_limits_that_keep_an_asset_out_or_release_it() -> None:
    rows = [{"asset": "A", "score": 0.9, "current_weight": 0.3, "restriction": "no_trade"}, *assets("E")]
    table = [lying("A", "US"), lying("E", "US", 0.5), lying("E", "JP", 0.5)]
    explanation = rebalance(rows, limits_of({"buckets": {"US": {"max_exposure": 0.2}}}), exposures=table).explain("E")
    assert explanation.crowded_out is not None
    assert (explanation.crowded_out.limit, explanation.crowded_out.node) == ("max_exposure", "country:US")
    held = [{"asset": name, "score": 0.9, "current_weight": 0.2} for name in "AB"]
    limits = limits_of({"buckets": {"US": {"max_exposure": 0.38}}})
    released = rebalance(held, limits, exposures=[lying("A", "US"), lying("B", "US")]).explain("A").held_by
    assert released is not None
    assert (released.limit, released.weight_without) == ("max_exposure", 0.2)

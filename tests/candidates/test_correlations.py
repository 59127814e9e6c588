"""Correlations as input: every form of table, what is refused, and which pairs are too correlated."""

from __future__ import annotations

import itertools
import random
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from trimtab import Correlations, InputError, correlations_of
from trimtab.candidates.correlations import _chunks, partners_of
from trimtab.kernel.records import NO_PARTNERS

LONG = [
    {"asset": "B", "other": "A", "correlation": 0.5},
    {"asset": "C", "other": "A", "correlation": None},
    {"asset": "B", "other": "C", "correlation": -0.25},
]
SQUARE = [
    {"asset": "C", "A": None, "B": -0.25, "C": 1.0},
    {"asset": "A", "A": 1.0, "B": 0.5, "C": None},
    {"asset": "B", "A": 0.5, "B": 1.0, "C": -0.25},
]


def refused(table: Any) -> str:
    with pytest.raises(InputError) as raised:
        correlations_of(table)
    return str(raised.value)


def frame(names: list[str], values: list[list[float]]) -> pd.DataFrame:
    return pd.DataFrame(values, index=names, columns=names)


@pytest.mark.parametrize(
    "table",
    [
        LONG,
        [*LONG, {"asset": "A", "other": "B", "correlation": 0.5}, {"asset": "A", "other": "A", "correlation": 1.0}],
        pl.DataFrame(LONG),
        pd.DataFrame(LONG),
        pa.Table.from_pylist(LONG),
        SQUARE,
        pl.DataFrame(SQUARE),
        pd.DataFrame(SQUARE),
        pd.DataFrame(SQUARE).set_index("asset"),
        frame(["B", "A", "C"], [[1.0, 0.5, -0.25], [0.5, 1.0, np.nan], [-0.25, np.nan, 1.0]]),
        frame(["B", "A", "C"], [[np.nan, 0.5, -0.25], [np.nan] * 3, [np.nan] * 3]),  # one triangle
    ],
)
def test_every_form_gives_the_same(table: Any) -> None:
    correlations = correlations_of(table)
    assert correlations.names == ("A", "B", "C")
    assert (correlations.of("A", "B"), correlations.of("B", "A"), correlations.of("C", "B")) == (0.5, 0.5, -0.25)
    assert (
        correlations.of("A", "C"),
        correlations.of("A", "D"),
        correlations.of("D", "E"),
        correlations.of("B", "B"),
    ) == (None, None, None, 1.0)
    assert correlations.digest == correlations_of(LONG).digest
    assert repr(correlations) == f"<Correlations of 3 assets, {correlations.digest[:12]}>"
    assert correlations_of(correlations) is correlations


def test_a_computed_matrix_may_be_off_by_a_hair() -> None:
    correlations = correlations_of(frame(["A", "B"], [[1.0 + 4e-16, -1.0 - 1e-15], [-1.0, 1.0 - 1e-15]]))
    assert (correlations.of("A", "B"), correlations.of("A", "A")) == (-1.0, 1.0)
    assert correlations_of(frame(["A", "B"], [[1.0, 0.5], [0.5 + 1e-12, 1.0]])).of("A", "B") == 0.5 + 1e-12


def test_no_names_at_all_know_nothing() -> None:
    correlations = Correlations((), np.zeros((0, 0)))
    assert correlations.of("A", "B") is None


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ([], "correlations: the table of correlations is empty"),
        (pl.DataFrame({"asset": ["A"], "other": ["B"], "correlation": [0.5]}).head(0), "the table of correlations is empty"),
        (np.eye(2), "a ndarray is not a table"),
        ([*LONG, LONG[0]], "row 4: the pair 'B' and 'A' is in row 1 already: give each pair once"),
        (
            [*LONG, {"asset": "A", "other": "B", "correlation": 0.6}],
            "row 4, column 'correlation': 'A' and 'B' have two correlations, 0.6 and 0.5",
        ),
        ([{**LONG[0], "correlation": 1.5}], "row 1, column 'correlation': is outside -1 to 1 (received 1.5)"),
        ([{**LONG[0], "correlation": float("-inf")}], "is outside -1 to 1 (received -inf)"),
        ([{**LONG[0], "correlation": "high"}], "is not a number"),
        ([{**LONG[0], "correlation": True}, LONG[1]], "is not a number"),
        ([{**LONG[0], "other": None}], "column 'other': is not the name of an asset"),
        ([{**LONG[0], "other": " A"}], "without spaces around it"),
        ([{**LONG[0], "weight": 1.0}], "column 'weight': the column is unknown: keep asset, other, correlation"),
        ([{"asset": "A", "other": "A", "correlation": 0.9}], "row 1, column 'correlation': the correlation of 'A' with"),
        (frame(["A", "B"], [[0.04, 0.01], [0.01, 0.09]]), "with itself is not 1 (received 0.04): give correlations, not cov"),
        (frame(["B", "A"], [[1.0, 0.4], [0.3, 1.0]]), "'A' and 'B' have two correlations, 0.3 and 0.4"),
        (frame(["A", "B"], [[1.0, 3.0], [3.0, 1.0]]), "row 2, column 'A': is outside -1 to 1"),
        (frame(["A", "A"], [[1.0, 0.5], [0.5, 1.0]]), "appears twice in the table"),
        (frame(["A", "B"], [[1.0, 0.5], [0.5, 1.0]]).set_axis(["A", "A"], axis=0), "row 2, column 'asset': the asset is in row 1"),
        (frame(["A", "B"], [[1.0, 0.5], [0.5, 1.0]]).set_axis(["A", "C"], axis=0), "the asset 'B' has no row"),
        (pl.DataFrame({"asset": ["A", "B"], "A": [1.0, 0.5]}), "the asset 'B' has no column"),
        (pd.DataFrame({"A": [1.0]}), "row 1, column 'the index': is not the name of an asset (received 0)"),
        (pl.DataFrame({"A": [1.0, 0.5], "B": [0.5, 1.0]}), "name the rows of a square table in a column 'asset'"),
        ([{"A": 1.0, "B": 0.5}, {"A": 0.5, "B": 1.0}], "name the rows of a square table in a column 'asset'"),
    ],
)  # fmt: skip
def test_what_is_refused_says_where_and_what_to_do(table: Any, said: str) -> None:
    message = refused(table)
    assert message.startswith("correlations")
    assert said in message


def plain_partners(known: Correlations, limit: float, asset: Any, bucket: Any, start: Any) -> list[list[list[int]]]:
    """For each account, for each row the rows that are too correlated with it."""
    entries = []
    for begin, end in itertools.pairwise(start):
        rows = range(begin, end)
        entries.append(
            [
                [
                    other - begin
                    for other in rows
                    if other != row and bucket[other] == bucket[row] and above(known, limit, asset[row], asset[other])
                ]
                for row in rows
            ]
        )
    return entries


def above(known: Correlations, limit: float, first: int, other: int) -> bool:
    value = known.of(known.names[first], known.names[other]) if first >= 0 and other >= 0 else None
    return value is None or value > limit


@pytest.mark.parametrize("seed", range(20))
def test_partners_against_a_plain_loop(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(seed)
    monkeypatch.setattr("trimtab.candidates.correlations._PAIRS_AT_ONCE", 40)
    names = [f"A{index}" for index in range(8)]
    pairs = [(name, other) for index, name in enumerate(names) for other in names[index + 1 :] if rng.random() < 0.9]
    known = correlations_of(
        [{"asset": pair, "other": other, "correlation": rng.choice([-0.5, 0.3, 0.8, 0.9])} for pair, other in pairs]
    )
    sizes = [rng.choice([0, 1, 3, 6]) for _ in range(12)]
    start = np.concatenate(([0], np.cumsum(sizes)))
    asset = np.array([rng.randrange(-1, len(known.names)) for _ in range(start[-1])], np.int64)
    bucket = np.array([rng.randrange(1, 3) for _ in range(start[-1])], np.int64)
    packed, begins = partners_of(known, 0.8, asset, bucket, start)
    rows = []
    for account, count in enumerate(sizes):
        mine = packed[begins[account] : begins[account + 1]]
        rows.append([mine[mine[row] : mine[row + 1]].tolist() for row in range(count)])
    assert rows == plain_partners(known, 0.8, asset, bucket, start)


def test_accounts_are_looked_at_some_at_a_time() -> None:
    assert list(_chunks(np.array([4_000_000, 1, 3_999_999, 1]))) == [(0, 1), (1, 3), (3, 4)]
    assert list(_chunks(np.array([5_000_000]))) == [(0, 1)]


def test_no_partners_are_no_partners() -> None:
    assert NO_PARTNERS.size == 0

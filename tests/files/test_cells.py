"""Text in cells: nothing that a spreadsheet could run, and every text comes back."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

from hypothesis import example, given, settings, strategies as st

from trimtab.files.cells import csv_line, is_live, neutralised, plain_number, restored

TEXTS = st.text(
    st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("'=+-@ \t\r\n\u00a0\ufeff")), max_size=8
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(TEXTS)
@example("'")
@example("''=")
@example("' '-1")
def test_every_text_comes_back(text: str) -> None:
    written = neutralised(text)
    assert restored(written) == text
    assert not is_live(written) or written.startswith("'")
    assert written in (text, f"'{text}")


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(TEXTS, min_size=2, max_size=4))
def test_a_line_of_csv_is_one_row_of_the_same_cells(cells: list[str]) -> None:
    (row,) = csv.reader(io.StringIO(csv_line(cells), newline=""), strict=True)
    assert row == cells


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.decimals(allow_nan=False, allow_infinity=False, places=9, min_value=-(10**9), max_value=10**9))
def test_numbers_are_plain_and_exact(number: Decimal) -> None:
    text = plain_number(number)
    assert Decimal(text) == number
    assert "e" not in text.lower()

"""Errors make their own sentences from facts."""

from __future__ import annotations

import pytest

from trimtab.errors import (
    BrokenLimitError,
    Fault,
    InputError,
    LimitsError,
    TrimtabError,
    UnmetLimitError,
    nearest,
    shown,
)


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (Fault("is wrong", "mend it"), "is wrong: mend it"),
        (Fault("is wrong", "mend it", row=3), "row 3: is wrong: mend it"),
        (
            Fault("is wrong", "mend it", column="score", row=3, value=0.0),
            "row 3, column 'score': is wrong (received 0.0): mend it",
        ),
        (
            Fault("is wrong", "mend it", column="score", row=3, line=5, value="x", account="a", source="in.csv"),
            "in.csv, account 'a', row 3, line 5, column 'score': is wrong (received 'x'): mend it",
        ),
        (Fault("is wrong", "mend it", account=0), "account 0: is wrong: mend it"),
    ],
)
def test_sentences(fault: Fault, sentence: str) -> None:
    assert fault.sentence() == sentence
    assert str(InputError([fault])) == sentence


def test_many_faults() -> None:
    error = InputError([Fault("one", "a"), Fault("two", "b", source="other.csv")], source="in.csv")
    assert str(error) == "in.csv: one: a (and 1 more of this kind or others)"
    assert [fault.source for fault in error.faults] == ["in.csv", "other.csv"]
    assert [fault.source for fault in InputError([Fault("one", "a")]).faults] == [None]


def test_long_values_are_cut() -> None:
    assert shown("x" * 58) == repr("x" * 58)
    assert shown("x" * 59) == f"'{'x' * 59}… (61 characters)"
    assert len(str(InputError([Fault("is long", "cut it", value="y" * 10_000_000)]))) < 200


@pytest.mark.parametrize(
    ("name", "valid", "expected"),
    [
        ("Tehc", ["Bond", "Tech"], "did you mean 'Tech'?"),
        (" TECH ", ["Bond", "Tech"], "did you mean 'Tech'?"),
        ("tech", ["tech ", "Tech"], "did you mean 'Tech'?"),
        ("xyz", ["b", "a"], "known: 'a', 'b'"),
        ("xyz", [f"n{at:02}" for at in range(13)], "known: " + ", ".join(f"'n{at:02}'" for at in range(12)) + ", …"),
        ("xyz", [], "no names are known"),
    ],
)
def test_nearest(name: str, valid: list[str], expected: str) -> None:
    assert nearest(name, valid) == expected


def test_all_are_errors_of_trimtab() -> None:
    unmet, broken = UnmetLimitError(["a", "b"]), BrokenLimitError(["c", "d"])
    assert str(unmet) == "unmet: a; b"
    assert str(broken).endswith("(please report it with the input): c; d")
    assert (unmet.sentences, broken.sentences) == (("a", "b"), ("c", "d"))
    for error in (unmet, broken, LimitsError(["x"]), InputError([Fault("x", "y")])):
        assert isinstance(error, TrimtabError)

"""Errors make their own sentences from facts."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pytest

import trimtab
from trimtab.errors import (
    BrokenLimitError,
    DamagedError,
    Fault,
    InputError,
    LimitsError,
    LockedError,
    OutputError,
    SetupError,
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
        (
            "xyz",
            [f"n{index:02}" for index in range(13)],
            "known: " + ", ".join(f"'n{index:02}'" for index in range(12)) + ", …",
        ),
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


EVERY_ERROR = [
    InputError([Fault("is odd", "round it", column="score", row=3, value=0.5), Fault("is gone", "find it")], "in.csv"),
    OutputError([Fault("cannot be written", "make room")]),
    LockedError([Fault("is held", "wait")]),
    DamagedError([Fault("is damaged", "restore it")], "part"),
    LimitsError(["one", "two"], "limits.toml"),
    LimitsError(["one"]),
    SetupError("pyspark is not installed", "install it"),
    UnmetLimitError(["max_positions is 3"]),
    BrokenLimitError(["max_positions is 3"]),
]


@pytest.mark.parametrize("error", EVERY_ERROR, ids=lambda error: type(error).__name__)
def test_every_error_is_the_same_in_a_copy(error: TrimtabError) -> None:
    for copied in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert copied == error
        assert hash(copied) == hash(error)
        assert (type(copied), str(copied), vars(copied)) == (type(error), str(error), vars(error))
    assert error != TrimtabError(str(error))
    assert error != InputError([Fault("is something else", "mend it")])


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_errors_come_back_from_another_process(method: str) -> None:
    """They hung a pool, or broke it, when they could not be copied."""
    calls: list[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]] = [
        (trimtab.rebalance, ([{"asset": "A", "score": 9}, {"asset": "A", "score": 8}],), {}),
        (trimtab.rebalance_many, ([{"asset": "A", "score": 0.9}],), {}),
        (trimtab.RebalancingLimits, (), {"max_position_weight": 8, "max_new_positions": -1}),
        (trimtab.RebalancingLimits.preset, ("none",), {}),
    ]
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(method)) as pool:
        for function, arguments, options in calls:
            with pytest.raises(TrimtabError) as here:
                function(*arguments, **options)
            assert pool.submit(function, *arguments, **options).exception(timeout=60) == here.value

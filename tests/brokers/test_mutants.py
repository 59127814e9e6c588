"""Broken and changed copies of every given file: the same answer, or refused; never wrong and accepted."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from brokers.mutants import OPEN_ENDED, VALID, Mutant, is_beginning, is_same, mutants_of

from trimtab.brokers import Positions, read
from trimtab.errors import InputError


def outcome(mutant: Mutant, original: Positions, file: Path) -> str:
    """How a mutant ends: same, refused, beginning (a file cut between two rows), or wrong."""
    file.write_bytes(mutant.data)
    try:
        got = read(file)
    except InputError as error:
        return "refused" if all(fault.problem and fault.advice for fault in error.faults) else "refused without advice"
    if is_same(got, original, may_lose=mutant.may_lose):
        return "same"
    is_cut = mutant.how.startswith("cut") and file.name.startswith(OPEN_ENDED)
    return "beginning" if is_cut and is_beginning(got, original) else f"wrong: {mutant.how}"


def outcomes(path: Path, folder: Path, step: int) -> Counter[str]:
    original = read(path)
    return Counter(outcome(mutant, original, folder / path.name) for mutant in list(mutants_of(path))[::step])


@pytest.mark.parametrize("path", VALID, ids=[path.name for path in VALID])
def test_some_mutants(path: Path, tmp_path: Path) -> None:
    counts = outcomes(path, tmp_path, 23)
    assert set(counts) <= {"same", "refused", "beginning"}
    assert counts["same"]


@pytest.mark.thorough
def test_all_mutants(tmp_path: Path) -> None:
    counts: Counter[str] = Counter()
    for path in VALID:
        counts += outcomes(path, tmp_path, 1)
    assert [name for name in counts if name.startswith("wrong")] == []
    assert counts["same"] > 3000
    assert counts["refused"] > 4000
    assert counts["beginning"] < 30

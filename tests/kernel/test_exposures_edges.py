"""The kernel's corners of exposures that whole accounts hardly come to, worked by hand on its plain functions."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from exposure_runs import kernel_weights
from naive_projection import Projection, Row

from trimtab.kernel.compilation import undecorated
from trimtab.kernel.exposure_program import Sized
from trimtab.kernel.exposure_sizing import _terms
from trimtab.kernel.exposures import ENTRY, LINE, Lines
from trimtab.kernel.holding_band import _release_for_concentration, _release_in_line
from trimtab.kernel.records import CONCENTRATION, MEMBER, SPAN, Records, SizingMode
from trimtab.reasons import SizeReason

release_for_concentration = undecorated(_release_for_concentration)
release_in_line, terms = undecorated(_release_in_line), undecorated(_terms)


def members_of(targets: list[float], weights: list[float]) -> Records:
    members = np.zeros(len(targets), MEMBER).view(np.recarray)
    members["row"], members["held"] = np.arange(len(targets)), True
    members["target"], members["weight"] = targets, weights
    return members


def line_of(fractions: list[float]) -> Lines:
    lines, entries = np.zeros(1, LINE).view(np.recarray), np.zeros(len(fractions), ENTRY).view(np.recarray)
    lines["end"] = len(fractions)
    entries["member"], entries["fraction"] = np.arange(len(fractions)), fractions
    return Lines(lines, entries, np.zeros(1, CONCENTRATION), 1)


def test_only_the_largest_excess_in_a_row_is_released() -> None:
    """Excesses by fraction: 0.01, 0.02, and 0.05 * 0.3 = 0.015."""
    members, lines = members_of([0.11, 0.12, 0.15], [0.1, 0.1, 0.1]), line_of([1.0, 1.0, 0.3])
    assert release_in_line(lines, lines.lines[0], members, 7, 1.0)
    assert members["held"].tolist() == [True, False, True]
    assert members["target"].tolist() == [0.11, 0.1, 0.15]
    assert (members[1]["reason"], members[1]["node"]) == (SizeReason.RELEASED_FOR_LIMIT, 7)


def test_nothing_is_released_where_no_release_helps() -> None:
    """Above the maximum, both are below their sizes already; and below a minimum, both above."""
    for sign in (1.0, -1.0):
        members, lines = members_of([0.1, 0.1], [0.1 + sign * 0.01, 0.1]), line_of([1.0, 0.5])
        before = members.tolist()
        assert not release_in_line(lines, lines.lines[0], members, 7, sign)
        assert members.tolist() == before


def test_nothing_is_released_where_sizes_themselves_are_concentrated() -> None:
    """Only rounding could bring such sizes about; releases then end, and do no harm."""
    members = members_of([0.3, 0.1], [0.35, 0.12])
    issuer, together = line_of([1.0]), line_of([1.0])
    lines = np.concatenate([issuer.lines, together.lines]).view(np.recarray)
    rule = np.array([(0.05, 0.2, 0.4, 0)], CONCENTRATION).view(np.recarray)
    assert not release_for_concentration(np.zeros(1), members, Lines(lines, issuer.entries, rule, 0))
    assert members["held"].tolist() == [True, True]


def test_without_an_asset_between_its_bounds_the_level_starts_at_zero() -> None:
    """Both assets are settled, so there is no steepest; in the mode `desired` the level still is 1."""
    members = members_of([0.1, 0.1], [0.1, 0.1])
    members["desired"], members["min_weight"], members["max_weight"] = 1.0, 0.1, 0.1
    sized = Sized(members, np.zeros(1, SPAN).view(np.recarray), np.arange(2), 0.95)
    settings = SimpleNamespace(sizing_mode=SizingMode.EQUAL_WEIGHT, residual_to_cash=False)
    assert terms(settings, sized, 0.0) == (0.0, 0.0)
    settings.sizing_mode = SizingMode.DESIRED
    assert terms(settings, sized, 0.0) == (1.0, 10.0)


def test_limits_that_contradict_each_other_end_inside_the_bounds() -> None:
    """The first asset may not weigh less than 0.2, and its row not more than 0.1: no step helps, and the search ends."""
    whole, row = Row(np.ones(2), 0.5), Row(np.array([1.0, 0.0]), 0.1)
    weights = kernel_weights(
        Projection(np.ones(2), np.array([0.2, 0.0]), np.array([0.2, 0.4]), [whole, row], 3.0, 30.0)
    )
    assert weights.tolist() == [0.2, 0.3]

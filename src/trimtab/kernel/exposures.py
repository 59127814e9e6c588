"""Exposures: the weight that they leave in selection, and their rows among the selected (rules, section 5a)."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from trimtab.kernel.compilation import allocating, compiled
from trimtab.kernel.eligibility import FIXED, base_cap
from trimtab.kernel.records import WEIGHT_TOLERANCE, Exposed, Floats, Ints, Records, record

# A row of exposures among the selected assets. Shape (lines,).
LINE = record(
    ("row", "i8"),  # its number in `Exposed.rows`
    ("begin", "i8"),  # its entries are entries[begin:end], by name
    ("end", "i8"),
    ("max_exposure", "f8"),  # inf = none
    ("min_exposure", "f8"),  # 0 = none
    ("fixed_weight", "f8"),
    ("cap", "f8"),  # the maximum, or what cannot be moved where that is more
    ("weight", "f8"),  # of the sizes
)

# The fraction of a selected asset in a line. Shape (entries,).
ENTRY = record(
    ("member", "i8"),
    ("fraction", "f8"),
)


class Lines(NamedTuple):
    """The rows of exposures among the selected assets, in their order, and the fractions in them."""

    lines: Records  # `LINE`
    entries: Records  # `ENTRY`
    concentration: Records  # `CONCENTRATION`
    issuers: int  # the first line of an issuer; the last line is that of all issuers, where there are any


@allocating
def _room_in(rows: Records, choices: Records, exposed: Exposed) -> Floats:
    """The weight that the fixed rows leave in each row of exposures; infinite without a maximum. Shape (exposure rows,)."""
    room = np.zeros(exposed.rows.size)
    for row in range(rows.size):
        if choices[row].kind == FIXED:
            profile = exposed.profile[row]
            for part in range(exposed.first[profile], exposed.first[profile + 1]):
                room[exposed.parts[part].row] += exposed.parts[part].fraction * rows[row].current
    for index in range(room.size):
        room[index] = exposed.rows[index].max_exposure - room[index]
        if room[index] <= WEIGHT_TOLERANCE:
            room[index] = 0.0
    return room


@allocating
def shut_out(rows: Records, settings: Any, choices: Records, exposed: Exposed | None) -> Ints:
    """Mark the assets that exposures leave no room for a position: they are never taken.

    Returns, for each row, the row of exposures that leaves it the least, if that is too little, else -1; empty without
    exposures.
    """
    if exposed is None:
        return np.zeros(0, np.int64)
    room, shut_by = _room_in(rows, choices, exposed), np.full(rows.size, -1)
    for row in range(rows.size):
        weight, profile = math.inf, exposed.profile[row]
        for part in range(exposed.first[profile], exposed.first[profile + 1]):
            left = room[exposed.parts[part].row] / exposed.parts[part].fraction
            if left < weight:
                weight, shut_by[row] = left, exposed.parts[part].row
        is_enough = weight > 0.0 and weight >= settings.min_position_weight - WEIGHT_TOLERANCE
        if is_enough or weight >= base_cap(rows[row], settings):
            shut_by[row] = -1
        else:
            choices[row].holdable = False
    return shut_by


@allocating
def lines_of(rows: Records, members: Records, place_of: Ints, exposed: Exposed) -> Lines:
    """The rows of exposures in which a selected asset lies; `place_of` has the members by name."""
    count = np.zeros(exposed.rows.size, np.int64)
    entries, issuers = 0, 0
    for index in range(place_of.size):
        profile = exposed.profile[members[place_of[index]].row]
        entries += exposed.first[profile + 1] - exposed.first[profile]
        for part in range(exposed.first[profile], exposed.first[profile + 1]):
            count[exposed.parts[part].row] += 1
    for row in range(exposed.concentration[0].first):
        issuers += 1 if count[row] > 0 else 0
    lines = Lines(np.zeros(np.count_nonzero(count), LINE), np.zeros(entries, ENTRY), exposed.concentration, issuers)
    number, begin = 0, 0
    for row in range(count.size):
        if count[row] > 0:
            line = lines.lines[number]
            line.row, line.begin, line.end = row, begin, begin
            line.max_exposure, line.min_exposure = exposed.rows[row].max_exposure, exposed.rows[row].min_exposure
            begin += count[row]
            count[row] = number
            number += 1
    for index in range(place_of.size):
        member = members[place_of[index]]
        profile = exposed.profile[member.row]
        for part in range(exposed.first[profile], exposed.first[profile + 1]):
            line = lines.lines[count[exposed.parts[part].row]]
            entry = lines.entries[line.end]
            entry.member, entry.fraction = place_of[index], exposed.parts[part].fraction
            line.end += 1
    for index in range(lines.lines.size):
        line = lines.lines[index]
        line.fixed_weight = sum_fixed(rows, lines, line, members)
        line.cap = max(line.max_exposure, line.fixed_weight)
    return lines


@compiled
def sum_weights(lines: Lines, line: Any, members: Records) -> float:
    """The weight in a line at the sizes of the members."""
    total = 0.0
    for index in range(line.begin, line.end):
        total += lines.entries[index].fraction * members[lines.entries[index].member].weight
    return total


@compiled
def sum_fixed(rows: Records, lines: Lines, line: Any, members: Records) -> float:
    """The weight in a line that is fixed."""
    total = 0.0
    for index in range(line.begin, line.end):
        member = members[lines.entries[index].member]
        if member.fixed:
            total += lines.entries[index].fraction * rows[member.row].current
    return total


@compiled
def sum_minima(lines: Lines, line: Any, members: Records) -> float:
    """The weight in a line at the lower bounds of the members."""
    total = 0.0
    for index in range(line.begin, line.end):
        total += lines.entries[index].fraction * members[lines.entries[index].member].min_weight
    return total


@compiled
def sum_targets(lines: Lines, line: Any, members: Records) -> float:
    """The weight in a line at the targets of the members."""
    total = 0.0
    for index in range(line.begin, line.end):
        total += lines.entries[index].fraction * members[lines.entries[index].member].target
    return total


@compiled
def are_together_too_large(lines: Lines) -> bool:
    """Whether the issuers above `small` weigh too much together, at the weights in the lines."""
    rule, weight, kept = lines.concentration[0], 0.0, 0.0
    for index in range(lines.issuers, lines.lines.size - 1):
        line = lines.lines[index]
        if line.weight > rule.small + WEIGHT_TOLERANCE:
            weight += line.weight
            kept += line.fixed_weight
    return bool(weight > max(rule.together, kept) + WEIGHT_TOLERANCE)


@compiled
def fit_bounds(lines: Lines, members: Records) -> None:
    """Waive the lower bounds in the rows that they exceed, the furthest over first; then no cap is below the bounds."""
    while True:
        largest = WEIGHT_TOLERANCE
        for index in range(lines.lines.size):
            line = lines.lines[index]
            line.weight = sum_minima(lines, line, members)
            largest = max(largest, line.weight - line.cap)
        if largest <= WEIGHT_TOLERANCE:
            break
        for index in range(lines.lines.size):
            line = lines.lines[index]
            if line.weight - line.cap >= largest - WEIGHT_TOLERANCE:
                for entry in range(line.begin, line.end):
                    member = members[lines.entries[entry].member]
                    if not member.fixed and lines.entries[entry].fraction > 0.0:
                        member.min_weight = 0.0
    for index in range(lines.lines.size):
        line = lines.lines[index]
        line.cap = max(line.cap, line.weight)

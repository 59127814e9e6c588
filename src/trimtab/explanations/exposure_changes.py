"""Limits of exposures, named and changed for reruns."""

from __future__ import annotations

import math

from trimtab.candidates.exposure_rows import ExposureRows
from trimtab.explanations.changes import Change
from trimtab.kernel.records import Exposed

EXPOSURE_FIELDS = ("max_exposure", "min_exposure")


def with_limit(exposed: Exposed, rows: ExposureRows, change: Change) -> Exposed:
    """The exposures with another limit in one row; None lifts it."""
    scheme, _, path = change.node.partition(":")
    changed = exposed.rows.copy()
    lifted = math.inf if change.name == "max_exposure" else 0.0
    changed[change.name][rows.names.index((scheme, path))] = lifted if change.value is None else change.value
    return exposed._replace(rows=changed)


def limit_changes(exposed: Exposed, rows: ExposureRows, place: int, first: int) -> list[Change]:
    """For each maximum of an asset a change that lifts it; that of the row `first` comes first."""
    profile = exposed.profile[place]
    own = exposed.parts["row"][exposed.first[profile] : exposed.first[profile + 1]].tolist()
    limited = [row for row in own if exposed.rows["max_exposure"][row] < math.inf]
    return [
        Change("max_exposure", ":".join(rows.names[row]), None) for row in sorted(limited, key=lambda row: row != first)
    ]

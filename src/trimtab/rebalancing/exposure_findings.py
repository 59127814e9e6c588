"""Findings of the pre-flight about exposures: limits that fixed weight fills, and schemes that hardly know the candidates."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from trimtab.bucket_path import UNKNOWN
from trimtab.candidates.candidates import Candidates
from trimtab.kernel.records import Records
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.reasons import FIXED_REASONS, Reason
from trimtab.text import figure, percent

_MANY_UNKNOWN = 0.5


def full_exposures(table: Candidates, limits: RebalancingLimits, decided: Records) -> dict[int, list[str]]:
    """For each account, a sentence for each maximum that its fixed weight fills."""
    exposed, rows, order = table.exposed(limits), table.exposure_rows(limits), table.order
    sentences: dict[int, list[str]] = {}
    if exposed is None:
        return sentences
    answer, current = decided[order], table.current_weight[order]
    dust = (answer["reason"] == Reason.KEPT) & (current < limits.dust_weight)
    fixed = (np.isin(answer["reason"], FIXED_REASONS) | dust) & (current > 0)
    weight: dict[tuple[int, int], float] = {}
    for place in np.flatnonzero(fixed).tolist():
        account, profile = int(table.account_of[order[place]]), int(exposed.profile[place])
        for part in exposed.parts[exposed.first[profile] : exposed.first[profile + 1]]:
            key = account, int(part["row"])
            weight[key] = weight.get(key, 0.0) + float(part["fraction"]) * float(current[place])
    for (account, row), fixed_weight in sorted(weight.items()):
        maximum = float(exposed.rows[row]["max_exposure"])
        if fixed_weight >= maximum:
            sentences.setdefault(account, []).append(
                f"{rows.named(row)} is full: holdings that stay weigh {percent(fixed_weight)} there, against max_exposure "
                f"{figure(maximum)}"
            )
    return sentences


def unknown_schemes(table: Candidates, limits: RebalancingLimits) -> Iterator[str]:
    """A sentence for each limited scheme in which more than half of the candidates lie in `Unknown` as a whole."""
    if table.exposures is None:
        return
    known: dict[str, set[str]] = {}
    for _, asset, scheme, bucket, _ in table.exposures.rows:
        if bucket.split(limits.bucket_separator or None)[0] != UNKNOWN:
            known.setdefault(scheme, set()).add(asset)
    names = {table.asset.names[code] for code in np.unique(table.asset.codes).tolist() if code >= 0}
    for scheme in limits.exposures:
        unknown = len(names - known.get(scheme, set()))
        if unknown > _MANY_UNKNOWN * len(names):
            yield f"{scheme}: {unknown} of {len(names)} candidates are {UNKNOWN}: check the names in the table of exposures"

"""One pass of the kernel over one account, compiled or plain, for tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from naive import NaiveResult, naive_rebalance

from trimtab.candidates.candidates import Candidates, settings_of
from trimtab.candidates.read import read
from trimtab.kernel.account import rebalance_account
from trimtab.kernel.compilation import undecorated
from trimtab.kernel.records import ANSWER, Records, empty_answer
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.reasons import Action, Reason, SizeReason

plain_account = undecorated(rebalance_account)


@dataclass(frozen=True)
class Passed:
    """The answer in the order of the rows given."""

    candidates: Candidates
    answer: Records
    braked: bool

    def by_asset(self) -> dict[str, Any]:
        return {str(self.candidates.asset.at(row)): self.answer[row] for row in range(len(self.answer))}

    @property
    def selected(self) -> set[str]:
        return {asset for asset, decided in self.by_asset().items() if decided["selected"]}


def run(
    rows: list[dict[str, Any]],
    limits: RebalancingLimits,
    *,
    compiled: bool = True,
    correlations: Any = None,
    exposures: Any = None,
) -> Passed:
    """Read the rows and decide; `compiled=False` runs the same functions undecorated."""
    candidates = read(rows, limits, many=False, correlations=correlations, exposures=exposures)
    answer = empty_answer(len(candidates.order))
    decide = rebalance_account if compiled else plain_account
    partners, _ = candidates.partners(limits.max_correlation)
    settings, exposed = settings_of(limits)[0], candidates.exposed(limits)
    braked = decide(candidates.rows(limits), candidates.tree.nodes, settings, partners, exposed, answer)
    in_rows = np.zeros(len(rows), ANSWER)
    in_rows[candidates.order] = answer
    return Passed(candidates, in_rows, bool(braked))


def differences(passed: Passed, rows, limits, correlations=None) -> list[str]:
    """What the twin decides otherwise."""
    return differences_from(naive_rebalance(rows, limits, correlations), passed)


def differences_from(twin: NaiveResult, passed: Passed) -> list[str]:
    """What a twin decides otherwise."""
    differences = [] if twin.braked == passed.braked else ["braked"]
    for row, decided in zip(twin.rows, passed.answer, strict=True):
        codes = (
            bool(decided["selected"]),
            Action(decided["action"]).code,
            Reason(decided["reason"]).code,
            SizeReason(decided["size_reason"]).code,
        )
        if codes != (row.selected, row.action, row.reason, row.size_reason):
            differences.append(f"{row.asset}: {codes} against {row}")
        weights = (decided["target"], decided["proposed"])
        if np.abs(np.subtract(weights, (row.target_weight, row.proposed_weight))).max() > 1e-12:
            differences.append(f"{row.asset}: {weights} against {row}")
    return differences

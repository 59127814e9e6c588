"""The stages of the rules one by one, for the services that use them alone. The whole pass is in `rebalancing`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from trimtab.candidates.candidates import Candidates, settings_of
from trimtab.candidates.read import read
from trimtab.explanations.sentences import Detail, SentenceMaker
from trimtab.kernel.account import select_account, size_account
from trimtab.kernel.records import Flags, Floats, Records, SizingMode, empty_answer
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.reasons import Reason


@dataclass(frozen=True, eq=False)
class Staged:
    """The decision of the stages so far about the candidates of one account.

    `settings` has shape (1,): the limits as the kernel has them, changed by a service perhaps. `decided` has shape
    (rows,), in the order that the rows came in; its weights are zero until they are sized.
    """

    candidates: Candidates
    limits: RebalancingLimits
    settings: Records
    decided: Records

    def words(self, row: int) -> Detail:
        """The sentences of a row."""
        return self._sentences.detail(row)

    def sentence(self, row: int) -> str:
        """The sentences of a row as one text."""
        return self.words(row).text

    @cached_property
    def _sentences(self) -> SentenceMaker:
        return SentenceMaker.of(self.candidates, self.limits, self.decided)

    def reason(self, row: int) -> Reason:
        """Why a row is in or out."""
        return Reason(self.decided["reason"][row])


def select(
    rows: list[dict[str, Any]], limits: RebalancingLimits, correlations: Any = None, **settings: float
) -> Staged:
    """Who is held, and why: the selection stage alone, on the candidates' rows of one account.

    `settings` replace numbers of the limits, with values that a user's limits cannot have (infinity).
    """
    candidates = read(rows, limits, many=False, correlations=correlations)
    numbers = settings_of(limits)
    for name, value in settings.items():
        numbers[name] = value
    answer = empty_answer(len(candidates.order))
    partners, _ = candidates.partners(limits.max_correlation)
    select_account(
        candidates.rows(limits), candidates.tree.nodes, numbers[0], partners, candidates.exposed(limits), answer
    )
    return Staged(candidates, limits, numbers, candidates.in_table_order(answer))


def size(staged: Staged) -> tuple[Staged, bool]:
    """The weights of a selection, and whether the account is braked: sizing, holding band and brakes."""
    candidates = staged.candidates
    answer = staged.decided[candidates.order]
    exposed = candidates.exposed(staged.limits)
    braked = size_account(candidates.rows(staged.limits), candidates.tree.nodes, staged.settings[0], exposed, answer)
    return replace(staged, decided=candidates.in_table_order(answer)), bool(braked)


def scaled(staged: Staged, desired: Floats, where: Flags) -> Floats:
    """The weights of the selected rows that have a desired weight, as the bucket limits leave them; NaN elsewhere.

    `desired` and `where` have shape (rows,). Nothing but the limits of buckets moves a weight from it: no total, no
    band, no brake.
    """
    candidates, settings = staged.candidates, staged.settings.copy()
    settings["sizing_mode"] = SizingMode.DESIRED
    rows = candidates.rows(staged.limits)
    rows["sizing_input"] = np.where(where, desired, 1.0)[candidates.order]
    answer = staged.decided[candidates.order]
    chosen = (answer["selected"] & where[candidates.order]).nonzero()[0]
    part = answer[chosen]
    size_account(rows[chosen], candidates.tree.nodes, settings[0], None, part)
    weights = np.full(candidates.size, np.nan)
    weights[candidates.order[chosen]] = part["proposed"]
    return weights

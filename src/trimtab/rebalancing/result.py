"""The result of a rebalance: the targets, the words for them, and the certificate."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from trimtab.candidates.candidates import settings_of
from trimtab.candidates.columns import OUTPUTS
from trimtab.candidates.equality import is_equal
from trimtab.candidates.unused_inputs import unused_inputs
from trimtab.certificate.certificate import Certificate
from trimtab.errors import Fault, InputError, nearest
from trimtab.explanations.conflicts import Conflict, conflicts_of
from trimtab.explanations.difference import Difference, ResultInputs, difference
from trimtab.explanations.explanation import Explanation, explain
from trimtab.explanations.reruns import Reruns
from trimtab.explanations.sentences import Detail
from trimtab.facts.bucket_summaries import BucketSummary, Note, bucket_summaries
from trimtab.facts.cash import cash_left_sentence
from trimtab.facts.outcome import Facts, Totals, facts_of, with_weights
from trimtab.facts.report_facts import Explained, ReportFacts, explained_of, report_facts_of
from trimtab.kernel.records import Flags, Floats
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.rebalancing.decided_pass import Pass, output_columns
from trimtab.rebalancing.stages import Staged
from trimtab.statistics.turnover import turnover
from trimtab.text import counted, json_text, percent, shipped_schema
from trimtab.tolerances import LIMIT_TOLERANCE

SCHEMA_VERSION = 4
_FULL = 1.0 + LIMIT_TOLERANCE


@dataclass(frozen=True, eq=False)
class RebalanceResult:
    """The outcome of one account. Weights are fractions of its total value; the rest is cash."""

    _pass: Pass  # of this account alone

    def __repr__(self) -> str:
        return (
            f"<RebalanceResult {self.status}: {counted(self.positions, 'position')}, cash {self.cash_weight:.4f}, "
            f"turnover {self.turnover:.4f}>"
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RebalanceResult) and is_equal(self._pass.content, other._pass.content)

    def __hash__(self) -> int:
        return hash((self.limits, self.account))

    def __getstate__(self) -> dict[str, Any]:
        """The state for a pickle or a copy: the decision and its certificate, without anything that can be
        recomputed.
        """
        return {"_pass": replace(self._pass, checks=[]), "certificate": self.certificate}

    @property
    def limits(self) -> RebalancingLimits:
        """The limits that were in force."""
        return self._pass.limits

    @property
    def account(self) -> Any:
        """The account's name, None where the table has no account column."""
        return self._pass.candidates.accounts[0]

    @property
    def targets(self) -> Any:
        """The table that came in, same kind and order, with `target_weight`, `action`, `reason`, `size_reason` and
        `proposed_weight` (the would-be target; it differs only where the account is braked).
        """
        return self._pass.targets

    @cached_property
    def _target(self) -> Floats:
        return np.asarray(self._pass.decided["target"], np.float64)

    @cached_property
    def _current(self) -> Floats:
        return self._pass.candidates.current_weight

    @cached_property
    def _is_position(self) -> Flags:
        """Rows that end with a position; dust left alone does not count."""
        target, current = self._target, self._current
        is_position: Flags = (target > 0) & ~((target == current) & (current < self.limits.dust_weight))
        return is_position

    @property
    def positions(self) -> int:
        """How many positions the account ends with."""
        return int(self._is_position.sum())

    @property
    def cash_weight(self) -> float:
        """The uninvested fraction; negative where fixed positions overdraw the account."""
        return 1.0 - float(self._pass.totals[0][0])

    @property
    def bought(self) -> float:
        """The weight that is bought."""
        return float(self._pass.totals[1][0])

    @property
    def sold(self) -> float:
        """The weight that is sold."""
        return float(self._pass.totals[2][0])

    @property
    def turnover(self) -> float:
        """The larger of buys and sells (half the sum of absolute changes, cash counted as an asset)."""
        return float(turnover(self.bought, self.sold))

    @property
    def braked(self) -> bool:
        """Whether a brake keeps every weight unchanged."""
        return bool(self._pass.braked[0])

    @property
    def status(self) -> str:
        """The worst that applies: `ok`, `cash_left` (unwanted cash), `unmet` (a limit that cannot be met) or
        `braked`.
        """
        return self._pass.status(0)

    @property
    def cash_left(self) -> float:
        """The unwanted cash, as a fraction: the part of the aim that limits keep out of assets; 0 up to `cash_band`."""
        return 0.0 if self.braked else float(self._pass.cash_left[0])

    @cached_property
    def certificate(self) -> Certificate:
        """Every limit, measured in the targets by code that shares nothing with the kernel."""
        constraints = [check.constraint(0) for check in self._pass.checks if check.is_about(0)]
        return Certificate(tuple(constraints), self.limits.regime, self.limits.changed)

    @cached_property
    def notes(self) -> tuple[Note, ...]:
        """Notes for the user beside the targets."""
        return tuple(self._notes())

    def _notes(self) -> Iterator[Note]:
        candidates, limits = self._pass.candidates, self.limits
        if self.cash_left > 0:
            yield Note("cash_left", cash_left_sentence(self._reruns, self.cash_left))
        total = math.fsum(self._current)
        if total > _FULL:
            yield Note("overdrawn", f"Weights add up to {percent(total)}; used unchanged")
        squeezed = np.flatnonzero(self._pass.decided["selected"] & (self._pass.decided["proposed"] <= 0))
        if squeezed.size:
            names = ", ".join(repr(candidates.asset.at(row)) for row in squeezed.tolist())
            yield Note("no_weight_left", f"Selected, but the limits leave no weight for {names}")
        yield from (Note("regime", change.sentence(str(limits.regime))) for change in limits.changed)
        yield from (Note(code, text) for code, text in unused_inputs(candidates, limits))

    @cached_property
    def buckets(self) -> tuple[BucketSummary, ...]:
        """Every bucket, by path: the nodes that limits apply to, or all parts of all paths where bucket limits are off."""
        passed = self._pass
        return bucket_summaries(passed.candidates, self.limits, self._target, self._is_position)

    def details(self) -> list[str]:
        """A text for every row, in order: the decision, the limit behind it, and the asset that took the place."""
        return [row.text for row in self.words()]

    def words(self) -> list[Detail]:
        """`details`, with the sentence about the selection and the one about the size apart."""
        return list(self._words)

    @cached_property
    def _words(self) -> list[Detail]:
        return [self.staged.words(row) for row in range(self._pass.candidates.size)]

    @cached_property
    def staged(self) -> Staged:
        """The decision, as the stages have it; rows in the order of the table."""
        return Staged(self._pass.candidates, self.limits, settings_of(self.limits), self._pass.decided)

    @cached_property
    def _reruns(self) -> Reruns:
        return Reruns.of(self._pass.candidates, self.limits, self._pass.decided)

    def explain(self, asset: str) -> Explanation:
        """Why an asset is in or out, whether it is good enough by itself, and the smallest changes that flip the
        decision.

        Raises
        ------
        InputError
            The asset is not among the candidates.
        """
        self._check_known(asset)
        return explain(self._reruns, asset)

    def explained(self, *assets: str) -> tuple[Explained, ...]:
        """Explanations of some assets with their facts: what `trimtab explain` shows.

        Raises
        ------
        InputError
            One of them is not among the candidates.
        """
        for asset in assets:
            self._check_known(asset)
        return explained_of(self._reruns, self.facts(), assets)

    def _check_known(self, asset: str) -> None:
        if asset not in self._reruns.place_of:
            advice = nearest(str(asset), self._reruns.names)
            raise InputError([Fault("the asset is not among the candidates", advice, column="asset", value=asset)])

    @cached_property
    def conflicts(self) -> tuple[Conflict, ...]:
        """For each unmet limit, and for forced cash: the limits that conflict, and the changes that would help."""
        return conflicts_of(self._reruns)

    def diff(self, other: RebalanceResult) -> Difference:
        """The changes from this result to another one, and the inputs that caused them."""
        passes = (self._pass, other._pass)
        return difference(*(ResultInputs(each.candidates, each.limits.in_force, each.decided) for each in passes))

    def facts(self, title: str = "Rebalance") -> Facts:
        """All facts of the outcome in one frozen object, shared by screens, notebooks and reports."""
        if title not in self._facts:
            self._facts[title] = self._facts_with(title)
        return self._facts[title]

    def facts_with_weights(self, weights: Floats) -> Facts:
        """The facts with these weights afterwards in place of the targets; shape (rows,), in the order of the table."""
        return with_weights(self.facts(), self._reruns, weights, self.certificate)

    @cached_property
    def _facts(self) -> dict[str, Facts]:
        return {}

    def _facts_with(self, title: str) -> Facts:
        totals = Totals(
            self.account,
            self.status,
            self.positions,
            self.cash_weight,
            self.turnover,
            self.bought,
            self.sold,
            self.cash_left,
        )
        return facts_of(
            self._reruns,
            totals,
            buckets=self.buckets,
            certificate=self.certificate,
            notes=self.notes,
            words=self.words(),
            title=title,
        )

    def report_facts(self, title: str = "Rebalance") -> ReportFacts:
        """The facts and the rest of the report: explanations, conflicts, the rules in words."""
        return report_facts_of(self._reruns, self.facts(title), self.conflicts)

    def findings(self, title: str = "Rebalance") -> ReportFacts:
        """The former name of `report_facts`."""
        warnings.warn("findings() is now called report_facts()", DeprecationWarning, stacklevel=2)
        return self.report_facts(title)

    def to_html(self, title: str = "Rebalance") -> str:
        """A report as one page without scripts or requests; the same input gives the same bytes."""
        from trimtab.report.page import page_of  # noqa: PLC0415 - Jinja, only for a page

        return page_of(self.report_facts(title))

    def _repr_html_(self) -> str:
        from trimtab.report.page import fragment_of  # noqa: PLC0415 - Jinja, only for a page

        return fragment_of(self.facts())

    def to_dict(self) -> dict[str, Any]:
        """The result as plain values; `schemas/result.json` describes it."""
        candidates = self._pass.candidates
        columns = output_columns(self._pass.decided, candidates.account_of, {})
        details, regime = self.details(), self.certificate.regime
        changed = [asdict(change) for change in self.certificate.changed]
        scores = [None if math.isnan(score) else score for score in candidates.score.tolist()]
        outputs = {name: columns[name].tolist() for name in OUTPUTS}
        targets = [
            {
                "asset": candidates.asset.at(row),
                "bucket": candidates.bucket.at(row),
                "score": scores[row],
                "current_weight": float(candidates.current_weight[row]),
                "detail": details[row],
                **{name: values[row] for name, values in outputs.items()},
            }
            for row in range(candidates.size)
        ]
        return {
            "schema_version": SCHEMA_VERSION,
            "account": self.account,
            "status": self.status,
            "cash_weight": self.cash_weight,
            "cash_left": self.cash_left,
            "turnover": self.turnover,
            "bought": self.bought,
            "sold": self.sold,
            "positions": self.positions,
            "notes": [dict(vars(note)) for note in self.notes],
            "targets": targets,
            "buckets": [dict(vars(bucket)) for bucket in self.buckets],
            "certificate": [dict(vars(constraint)) for constraint in self.certificate],
            "is_exact": self.certificate.is_exact,
            "regime": None if regime is None else {"name": regime, "changed": changed},
            "limits": self.limits.to_dict(complete=True),
        }

    def to_json(self) -> str:
        """The result as JSON: versioned schema, sorted keys, the same bytes for the same input."""
        return json_text(self.to_dict())


def result_schema() -> dict[str, Any]:
    """The JSON Schema of `RebalanceResult.to_json`."""
    return shipped_schema("result")

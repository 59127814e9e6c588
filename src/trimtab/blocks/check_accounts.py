"""The pre-flight of many accounts: what a rebalance would refuse, leave unmet or leave in cash, at the cost of a batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa

from trimtab.blocks.arrow_columns import text_codes
from trimtab.blocks.decide_block import Decisions, decisions_of
from trimtab.blocks.full_check import candidates_of
from trimtab.blocks.precheck import starts_of
from trimtab.blocks.prepared_limits import PreparedLimits, votes_of
from trimtab.errors import InputError, LimitsError
from trimtab.kernel.records import ANSWER, Flags
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.rebalancing.cash_left import cash_left
from trimtab.rebalancing.certified import unmet_sentence
from trimtab.rebalancing.preflight import Finding, Preflight
from trimtab.text import figure, percent

_BLOCK_ROWS = 250_000
_CODES = {"min_buckets_represented": "representation", "min_allocation": "minimum_unreachable"}


def check_accounts(table: pa.Table, limits: RebalancingLimits | Mapping[str | None, RebalancingLimits]) -> Preflight:
    """The report of a rebalance of all these accounts, beforehand; errors first, each with its account. Changes nothing.

    `limits`: the same for all accounts, or several by name, one of which each account names in the column `limits_id`.
    """
    by_id = limits if isinstance(limits, Mapping) else {None: limits}
    reported = {name: chosen.replace(on_unmet="report") for name, chosen in by_id.items()}
    try:
        votes = votes_of(table)
        prepared = PreparedLimits(reported, votes)
        findings = [finding for block in _blocks(table) for finding in _findings(decisions_of(block, prepared))]
    except InputError as error:
        faults = [Finding("error", "input", fault.sentence(), fault.account, fault) for fault in error.faults]
        return Preflight(tuple(faults))
    except LimitsError as error:
        return Preflight(tuple(Finding("error", "limits", fault) for fault in error.faults))
    return Preflight(tuple(sorted(findings, key=lambda finding: finding.level)))  # "error" sorts before "warning"


def _blocks(table: pa.Table) -> Iterator[pa.Table]:
    """The rows in blocks of whole accounts, sorted only if the rows of an account are apart."""
    codes, _ = text_codes(table, "account")
    start = starts_of(codes)
    if len(np.unique(codes)) < len(start) - 1:
        order = np.argsort(codes, kind="stable")
        table, start = table.take(pa.array(order)), starts_of(codes[order])
    cuts = np.unique(np.searchsorted(start[:-1], np.arange(0, table.num_rows, _BLOCK_ROWS)))
    ends = [*start[cuts[1:]].tolist(), table.num_rows]
    begin = 0
    for end in ends:
        yield table.slice(begin, end - begin)
        begin = end


def _findings(decisions: Decisions) -> Iterator[Finding]:
    """The findings about each account of a block."""
    names, left_out = decisions.block.accounts, decisions.left_out
    braked = decisions.decided.outcome["braked"] & ~left_out
    cash = _cash_left(decisions, ~left_out & ~braked)
    for account in sorted({*decisions.failed, *decisions.unmet, *np.flatnonzero(braked).tolist(), *cash}):
        name = names[account].as_py()
        if account in decisions.failed:
            yield Finding("error", "input", decisions.failed[account], name)
            continue
        for constraint in decisions.unmet.get(account, ()):
            yield Finding("warning", _CODES.get(constraint.name, "unmet"), unmet_sentence(constraint), name)
        if braked[account]:
            yield Finding("warning", "braked", "A brake would keep every weight unchanged", name)
        elif account in cash:
            aim = decisions.limits.limits[decisions.accounts.limits[account]].target_invested
            text = f"{percent(cash[account])} stays in cash that target_invested {figure(aim)} would invest"
            yield Finding("warning", "cash_forced", text, name)


def _cash_left(decisions: Decisions, asked: Flags) -> dict[int, float]:
    """The unwanted cash of the given accounts, where there is any."""
    cash_of: dict[int, float] = {}
    numbers, total = decisions.accounts.limits, decisions.decided.outcome["total"]
    for number, limits in enumerate(decisions.limits.limits):
        below_aim = np.flatnonzero(asked & (numbers == number) & (total < limits.target_invested - limits.cash_band))
        if below_aim.size:
            candidates, rows = candidates_of(decisions.block, decisions.limits, below_aim, decisions.order, number)
            answer = np.zeros(len(rows), ANSWER)
            answer["proposed"], codes = decisions.decided.proposed[rows], decisions.decided.codes[rows]
            answer["reason"], answer["selected"] = codes[:, 1], codes[:, 3] > 0
            cash = cash_left(candidates, limits, answer)
            cash_of |= {int(account): float(left) for account, left in zip(below_aim, cash, strict=True) if left > 0}
    return cash_of

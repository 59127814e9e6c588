"""The pre-flight of many accounts: what a batch would refuse, leave unmet or brake, at the cost of a batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa

from trimtab.blocks.arrow_columns import text_codes
from trimtab.blocks.decide_block import Decisions, decisions_of
from trimtab.blocks.precheck import starts_of
from trimtab.blocks.prepared_limits import PreparedLimits, votes_of
from trimtab.errors import InputError, LimitsError
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.rebalancing.preflight import Finding, Preflight

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
    names = decisions.block.accounts
    braked = decisions.decided.outcome["braked"] & ~decisions.left_out
    for account in sorted({*decisions.failed, *decisions.unmet, *np.flatnonzero(braked).tolist()}):
        name = names[account].as_py()
        if account in decisions.failed:
            yield Finding("error", "input", decisions.failed[account], name)
            continue
        for constraint in decisions.unmet.get(account, ()):
            where = f"{constraint.name}{f' of {constraint.node}' if constraint.node else ''}"
            text = f"{where} is {constraint.measured:g}, wanted {constraint.limit:g} ({constraint.note})"
            yield Finding("warning", _CODES.get(constraint.name, "unmet"), text, name)
        if braked[account]:
            yield Finding("warning", "braked", "A brake would keep every weight unchanged", name)

"""Shared by the commands for one account: candidates and limits from their options, the result, and the notes on it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from trimtab.cli import fast_start
from trimtab.cli.chosen_limits import ChosenLimits, read_limits
from trimtab.cli.inputs import CandidateInputs, check_mixture, read_inputs
from trimtab.cli.notices import Notices
from trimtab.cli.options import DataOptions, LimitOptions
from trimtab.cli.risk_inputs import by_risk, with_correlations
from trimtab.cli.share_inputs import weighed
from trimtab.errors import UnmetLimitError, listed

if TYPE_CHECKING:
    from trimtab.rebalancing.result import RebalanceResult


def read_account(
    file: Path | None, data: DataOptions, limits: LimitOptions, notices: Notices, *, quiet: bool
) -> tuple[CandidateInputs, ChosenLimits]:
    """The candidates and the limits that the options name.

    Raises
    ------
    typer.BadParameter
        Options that do not go together.
    TrimtabError
        Files or limits that cannot be used.
    """
    chosen = read_limits(limits)
    check_mixture(file, data)
    if data.prices is None:
        inputs = weighed(read_inputs(file, data, notices), data.cash)
    else:
        from trimtab.cli.market_inputs import market_inputs

        inputs = market_inputs(data, notices, quiet=quiet)
    if data.target_volatility is not None:
        fast_start.show()  # scikit-learn needs scipy
    chosen = by_risk(chosen, inputs, data.target_volatility, notices)
    return with_correlations(inputs, data.correlations, chosen.limits, notices), chosen


def decide(inputs: CandidateInputs, chosen: ChosenLimits, notices: Notices, *, strict: bool = False) -> RebalanceResult:
    """The result, and what is worth knowing about it; the first time on a machine says why it takes long."""
    from trimtab.candidates.read import read
    from trimtab.files.candidate_file import check_single
    from trimtab.kernel.account import rebalance_account
    from trimtab.kernel.compilation import is_cached
    from trimtab.rebalancing.doors import rebalance

    check_single(inputs.table, inputs.name)
    limits = chosen.limits.replace(on_unmet="raise") if strict else chosen.limits
    with inputs.named_in_errors(), chosen.named_in_errors():
        if not is_cached(rebalance_account):
            # Faults first: no user should wait for the compiler to hear of a typo.
            read(inputs.table, limits, many=False, correlations=inputs.correlations)
        notices.note_compiling(rebalance_account, 15)
        result = rebalance(inputs.table, limits, correlations=inputs.correlations)
    if strict and result.cash_left > 0:
        raise UnmetLimitError(note.text for note in result.notes if note.code == "cash_left")
    give_notice(result, inputs, chosen, notices)
    return result


def give_notice(result: RebalanceResult, inputs: CandidateInputs, chosen: ChosenLimits, notices: Notices) -> None:
    """Say what is worth knowing about a result."""
    from trimtab.candidates.columns import COLUMNS

    for note in result.notes:
        if note.code == "buckets_off" and not chosen.given:
            notices.warn(
                f"{inputs.name} has buckets, but bucket limits are off by default: add --preset conservative, or "
                "--limits with a file that sets enable_bucket_diversification = true"
            )
        elif note.code == "unused_columns":
            unused = [name for name in inputs.table.column_names if name not in (*COLUMNS, *inputs.used_columns)]
            if unused:
                notices.note(f"columns that no rule uses, carried through: {listed(unused, 20)}")
        elif note.code == "regime":
            notices.note(note.text)
        else:
            notices.warn(note.text)

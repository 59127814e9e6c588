"""Measures of risk, from the arguments of a command: correlations from a file or the prices, limits by risk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from trimtab.cli.chosen_limits import ChosenLimits
from trimtab.cli.inputs import CandidateInputs
from trimtab.cli.notices import Notices
from trimtab.cli.options import DataOptions
from trimtab.errors import Fault, InputError, listed
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.text import counted

if TYPE_CHECKING:
    from trimtab.candidates.correlations import Correlations

_TEXTS = ("asset", "other")


def with_correlations(
    inputs: CandidateInputs, options: DataOptions, limits: RebalancingLimits, notices: Notices
) -> CandidateInputs:
    """The inputs with the correlations of a file, in the candidates' spelling; or, where the limits need them and there are prices, with theirs.

    Raises
    ------
    InputError
        A file that cannot be read, or that holds no correlations.
    """
    file = options.correlations
    if file is not None:
        correlations = _in_spelling(read_correlations(file), inputs, options, notices)
        return replace(inputs, correlations=correlations, files=(*inputs.files, file))
    if limits.max_correlation is None or inputs.view is None:
        return inputs
    from trimtab.scoring.price_correlations import CorrelationConfig, price_correlations

    assets = inputs.table["asset"].to_pylist()
    measured = price_correlations(inputs.view, assets)
    missing = [asset for asset in assets if asset not in measured.place_of]
    sessions = CorrelationConfig().sessions
    many = counted(len(measured.names), "asset")
    notices.note(f"correlations of {many} measured on the last {sessions} daily returns")
    if missing:
        notices.note(f"without correlations, so bought only into an otherwise empty bucket: {listed(missing)}")
    return replace(inputs, correlations=measured)


def _in_spelling(
    correlations: Correlations, inputs: CandidateInputs, options: DataOptions, notices: Notices
) -> Correlations:
    from trimtab.files.alias_file import read_aliases
    from trimtab.files.candidate_file import CandidateFile

    aliases, source = read_aliases(options.aliases), str(options.correlations)
    aliases.check_once(correlations.names, source)
    renamed = aliases.matched(correlations.names, CandidateFile(inputs.name, inputs.table).names(), source)
    if not renamed.changes:
        return correlations
    notices.note(renamed.note(source, inputs.name))
    return replace(correlations, names=tuple(map(str, renamed.names)))


def read_correlations(path: Path) -> Correlations:
    """The correlations in a file: square with the column `asset`, or `asset`, `other`, `correlation`.

    Raises
    ------
    InputError
        A file that cannot be read, or that holds no correlations.
    """
    from trimtab.candidates.correlations import correlations_of
    from trimtab.market.typed_columns import frame_of, numbers_of

    frame, source = frame_of(path, "the correlations")
    for name in [name for name in frame.columns if name not in _TEXTS]:
        numbers, wrong = numbers_of(frame[name], source)
        if wrong.any():
            row = int(wrong.arg_true()[0])
            advice = "write a number from -1 to 1, or leave it empty if it is unknown"
            fault = Fault("is not a number", advice, column=name, row=row + 1, value=frame[name][row])
            raise InputError([fault], source)
        frame = frame.with_columns(numbers.alias(name))
    try:
        return correlations_of(frame)
    except InputError as error:
        raise InputError([replace(fault, source=source) for fault in error.faults]) from None


def by_risk(chosen: ChosenLimits, inputs: CandidateInputs, target: float | None, notices: Notices) -> ChosenLimits:
    """The limits, lowered where a bucket moves more than the target volatility; each one is named aloud.

    Raises
    ------
    typer.BadParameter
        A target without prices, or without a classification.
    LimitsError
        Bucket limits are off, or the target is out of range.
    TrimtabError
        scikit-learn is not installed.
    """
    if target is None:
        return chosen
    if inputs.view is None:
        raise typer.BadParameter("--target-volatility without --prices: give the prices that volatility is measured on")
    if inputs.view.bucket_of is None:
        raise typer.BadParameter("--target-volatility without --classification: give the bucket of each symbol")
    from trimtab.scoring.bucket_risk import RiskConfig, risk_adjusted

    with chosen.named_in_errors():
        adjusted = risk_adjusted(chosen.limits, inputs.view, RiskConfig(target_volatility=target))
    for sentence in adjusted.sentences:
        notices.note(sentence)
    if not adjusted.sentences:
        notices.note(f"no bucket limit is lowered by risk: no bucket moves more than {target:.1%} a year")
    return replace(chosen, limits=adjusted.limits)

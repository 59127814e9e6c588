"""Shared by the commands for one account: candidates and limits from their options, the result, and the notes on it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from trimtab.cli import fast_start
from trimtab.cli.chosen_limits import ChosenLimits, read_limits
from trimtab.cli.exposure_inputs import with_exposures
from trimtab.cli.inputs import CandidateInputs, check_mixture, read_inputs
from trimtab.cli.notices import COMPILING_ACCOUNT, COMPILING_ORDERS, Notices
from trimtab.cli.options import DataOptions, LimitOptions
from trimtab.cli.published_inputs import is_published, read_published
from trimtab.cli.risk_inputs import by_risk, with_correlations
from trimtab.cli.share_inputs import weighed
from trimtab.errors import Fault, InputError, UnmetLimitError, listed
from trimtab.orders.broker_candidates import is_broker_file

if TYPE_CHECKING:
    from trimtab.orders.plan import Plan
    from trimtab.rebalancing.result import RebalanceResult


_LIKE_BUCKET = frozenset({"sector", "industry", "group", "category", "class", "asset class", "asset_class", "theme"})


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
    if file is not None and is_published(file):
        return read_published(file, data, limits, notices)
    chosen = read_limits(limits)
    check_mixture(file, data)
    if data.prices is None:
        inputs = read_inputs(file, data, notices)
        is_weighed = data.holdings is not None and is_broker_file(data.holdings)
        inputs = inputs if is_weighed else weighed(inputs, data.cash)
    else:
        from trimtab.cli.market_inputs import market_inputs

        inputs = market_inputs(data, notices, quiet=quiet)
    _refuse_cash(inputs)
    if data.target_volatility is not None:
        fast_start.show()  # scikit-learn needs scipy
    chosen = by_risk(chosen, inputs, data.target_volatility, notices)
    inputs = with_correlations(inputs, data, chosen.limits, notices)
    return with_exposures(inputs, data, chosen, notices), chosen


def _refuse_cash(inputs: CandidateInputs) -> None:
    """Refuse rows of cash and totals, as brokers write them: held as assets, they would count as invested."""
    if not {"asset", "score"} <= set(inputs.table.column_names):
        return
    from trimtab.candidates.asset_names import unscored_fault

    rows = zip(inputs.table["asset"].to_pylist(), inputs.table["score"].to_pylist(), strict=True)
    faults = [
        Fault(*fault, column="asset", row=row, value=asset)
        for row, (asset, score) in enumerate(rows, 1)
        if score is None and isinstance(asset, str) and (fault := unscored_fault(asset)) is not None
    ]
    if faults:
        with inputs.named_in_errors():
            raise InputError(faults)


def decide(
    inputs: CandidateInputs, chosen: ChosenLimits, notices: Notices, *, strict: bool = False, shows_cash: bool = False
) -> RebalanceResult:
    """The result, with notes on it; the first run on a machine says why it takes longer."""
    from trimtab.candidates.read import read
    from trimtab.files.candidate_file import check_single
    from trimtab.kernel.account import rebalance_account
    from trimtab.kernel.compilation import is_cached
    from trimtab.kernel.records import Exposed
    from trimtab.limits.exposure_limits import limits_exposures
    from trimtab.rebalancing.doors import rebalance

    check_single(inputs.table, inputs.name)
    if inputs.money is not None:
        advice = "use `trimtab explain` or `trimtab report`, which show its plan"
        raise InputError([Fault("is of a batch with orders", advice)], inputs.name)
    limits = chosen.limits.replace(on_unmet="raise") if strict else chosen.limits
    exposures = Exposed if inputs.exposures is not None and limits_exposures(limits) else None
    with inputs.named_in_errors(), chosen.named_in_errors():
        if not is_cached(rebalance_account, exposures):
            # Faults first: a typo should show before the compiler runs.
            read(
                inputs.table,
                limits,
                many=False,
                correlations=inputs.correlations,
                exposures=inputs.exposures,
            )
        notices.note_compiling(rebalance_account, COMPILING_ACCOUNT, exposures)
        result = rebalance(inputs.table, limits, correlations=inputs.correlations, exposures=inputs.exposures)
    if strict and result.cash_left > 0:
        raise UnmetLimitError(note.text for note in result.notes if note.code == "cash_left")
    give_notice(result, inputs, chosen, notices, shows_cash=shows_cash)
    return result


def plan_of_shares(inputs: CandidateInputs, chosen: ChosenLimits, data: DataOptions, notices: Notices) -> Plan | None:
    """The plan of an account whose shares and prices are known in its table, else None."""
    from trimtab.files.candidate_file import check_single
    from trimtab.kernel.order_block import plan_block
    from trimtab.kernel.records import Exposed
    from trimtab.limits.exposure_limits import limits_exposures
    from trimtab.orders.account_table import ORDER_COLUMNS
    from trimtab.orders.doors import plan

    if inputs.money is None and "shares" not in inputs.used_columns:
        return None
    own = {"cash": data.cash} if inputs.money is None else inputs.money._asdict()
    check_single(inputs.table, inputs.name)
    exposures = Exposed if inputs.exposures is not None and limits_exposures(chosen.limits) else None
    with inputs.named_in_errors(), chosen.named_in_errors():
        notices.note_compiling(plan_block, COMPILING_ORDERS, exposures)
        table = inputs.table.select([name for name in inputs.table.column_names if name != "current_weight"])
        made = plan(table, chosen.limits, correlations=inputs.correlations, exposures=inputs.exposures, **own)
    for note in made.notes:
        notices.warn(note)
    give_notice(made.result, replace(inputs, used_columns=ORDER_COLUMNS), chosen, notices, shows_cash=True)
    return made


def give_notice(
    result: RebalanceResult,
    inputs: CandidateInputs,
    chosen: ChosenLimits,
    notices: Notices,
    *,
    shows_cash: bool = False,
    bucket_advice: str = "add a column bucket",
) -> None:
    """Print notes on a result, with `bucket_advice` if no candidate has a bucket."""
    from trimtab.candidates.columns import COLUMNS

    for note in result.notes:
        if note.code == "buckets_off" and not chosen.is_chosen:
            notices.warn(
                f"{inputs.name} has buckets, but bucket limits are off by default: add --preset conservative, or "
                "--limits with a file that sets enable_bucket_diversification = true"
            )
        elif note.code == "unused_columns":
            unused = [name for name in inputs.table.column_names if name not in (*COLUMNS, *inputs.used_columns)]
            if unused:
                notices.note(f"columns that no rule uses, carried through: {listed(unused, 20)}")
            if "bucket" not in inputs.table.column_names:
                for name in [name for name in unused if name.strip().casefold() in _LIKE_BUCKET]:
                    notices.warn(f"column {name!r} is not used: rename it to bucket if it has the bucket of each asset")
        elif note.code == "all_unknown":
            notices.warn(f"{note.text}: {bucket_advice}")
        elif note.code == "cash_left" and shows_cash:
            continue  # the output says it
        elif note.code == "regime":
            notices.note(note.text)
        else:
            notices.warn(note.text)

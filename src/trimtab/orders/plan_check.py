"""A plan as input for the certificate's checker of orders."""

from __future__ import annotations

from trimtab.candidates.candidates import Candidates
from trimtab.candidates.checks import RESTRICTIONS
from trimtab.candidates.exposures import parts_of_assets
from trimtab.certificate.order_checker import MadePlan, TradedAsset, broken_orders
from trimtab.decimals import MICRO, scaled
from trimtab.errors import BrokenLimitError
from trimtab.orders.account_inputs import AccountInputs
from trimtab.orders.plan import Plan


def check_plan(plan: Plan, inputs: AccountInputs, candidates: Candidates) -> None:
    """Measure a plan against the rules of the orders stage; `candidates` as the user gave them.

    Raises
    ------
    BrokenLimitError
        A rule is broken without an excuse: a bug of trimtab.
    """
    sentences = broken_orders(made_plan(plan, inputs, candidates))
    if sentences:
        raise BrokenLimitError(sentences)


def made_plan(plan: Plan, inputs: AccountInputs, candidates: Candidates) -> MadePlan:
    """The facts for the checker."""
    assets = {}
    for row, instrument in enumerate(inputs.instruments):
        lots = inputs.lots_of(instrument.asset)
        assets[instrument.asset] = TradedAsset(
            price=instrument.price or 0,
            shares=instrument.quantity,
            lot=instrument.lot,
            min_notional=instrument.min_notional,
            tradable=instrument.tradable and instrument.price is not None,
            restriction=RESTRICTIONS[int(candidates.restriction[row])],
            bucket=candidates.bucket.names[candidates.bucket.codes[row]],
            max_weight=float(candidates.max_weight[row]),
            lots={lot.lot_id: (lot.quantity, lot.cost) for lot in lots},
        )
    return MadePlan(
        limits=inputs.limits,
        settings=inputs.settings,
        assets=assets,
        cash=inputs.cash + inputs.cash_flow,
        orders=plan.orders,
        reasons=plan.reasons,
        cash_after=scaled(plan.cash, MICRO),
        value_after=scaled(plan.value, MICRO),
        is_settled=plan.is_settled and plan.status != "limited",
        exposures=parts_of_assets(candidates.exposures, candidates.accounts[0], list(assets)),
    )

"""Do the orders of random accounts hold what the rules promise?

    python benchmarks/orders.py [--accounts 100000] [--first 0] [--twins 3000]

Of every account: its plan goes through the checker of orders; executed and planned again it orders nothing, where section 16
of the rules promises that; with its rows in another order and its assets under other names the plan is the same. Of the
first `--twins` accounts the slow twin decides the same. One line for each, with counts; the exit code is 1 if any fails.
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import replace

from harness import options

from naive_orders import PlanError, naive_plan  # isort: skip
from order_cases import OrderCase, of_case, random_order_case  # isort: skip
from order_runs import KernelPlan, kernel_plan  # isort: skip

from trimtab.errors import BrokenLimitError, InputError
from trimtab.kernel.order_records import PlanStatus
from trimtab.orders.doors import plan
from trimtab.reasons import OrderReason


def decided(case: OrderCase) -> KernelPlan | None:
    """The kernel's plan; None where the account is worth nothing."""
    plan = kernel_plan(case)
    return None if plan.account[0]["status"] == PlanStatus.NO_VALUE else plan


def equals_twin(case: OrderCase, made: KernelPlan | None) -> bool:
    try:
        twin = naive_plan(
            case.rows, case.instruments, case.limits, cash=case.cash, cash_flow=case.cash_flow, settings=case.settings
        )
    except PlanError:
        return made is None
    return made is not None and made.as_naive() == twin


def is_sound(case: OrderCase) -> bool:
    """Whether the checker of orders finds nothing."""
    rows, arguments = of_case(case)
    try:
        plan(rows, case.limits, **arguments)
    except BrokenLimitError as error:
        print(error)
        return False
    except InputError:
        return True
    return True


def executed(case: OrderCase, made: KernelPlan) -> OrderCase:
    """The account after its orders; tax lots of what was sold are no longer known."""
    after = {
        name: replace(case.instruments[name], quantity=int(made.assets[row]["now"]), lots=())
        for row, name in enumerate(made.names)
    }
    settings = replace(case.settings, max_realized_gain=None)
    return replace(case, instruments=after, cash=int(made.account[0]["cash_after"]), cash_flow=0, settings=settings)


def orders_again(case: OrderCase, made: KernelPlan) -> bool | None:
    """Whether a plan that the rules call final orders something again; None where they do not."""
    account = made.account[0]
    is_whole = account["status"] == PlanStatus.OK and account["is_settled"]
    if not is_whole or (made.assets["reason"] == OrderReason.NO_LOT_FITS).any():
        return None
    again = decided(executed(case, made))
    if again is None or (again.selected != made.selected).any():
        return None
    return bool((again.assets["place"] >= 0).any())


def is_same_elsewhere(case: OrderCase, made: KernelPlan) -> bool:
    """Whether other names and another order of the rows give the same plan."""
    names = {row["asset"]: f"Z{row['asset']}" for row in case.rows}
    rows = [{**row, "asset": names[row["asset"]]} for row in reversed(case.rows)]
    other = decided(replace(case, rows=rows, instruments={names[name]: own for name, own in case.instruments.items()}))
    return other is not None and other.bits == made.bits


def main() -> None:
    asked = options(__doc__, accounts=100_000, first=0, twins=3_000)
    counts: Counter[str] = Counter()
    for seed in range(asked.first, asked.first + asked.accounts):
        case = random_order_case(seed)
        made = decided(case)
        if seed - asked.first < asked.twins:
            counts["twin: compared"] += 1
            counts["twin: different"] += not equals_twin(case, made)
        counts["checker: broken"] += not is_sound(case)
        if made is not None:
            counts["plans"] += 1
            counts["orders"] += int((made.assets["place"] >= 0).sum())
            again = orders_again(case, made)
            counts["planned again: promised"] += again is not None
            counts["planned again: orders"] += bool(again)
            counts["elsewhere: different"] += not is_same_elsewhere(case, made)
    for name, count in sorted(counts.items()):
        print(f"{name}: {count:,}")
    wrong = ("twin: different", "checker: broken", "planned again: orders", "elsewhere: different")
    sys.exit(1 if any(counts[name] for name in wrong) else 0)


if __name__ == "__main__":
    main()

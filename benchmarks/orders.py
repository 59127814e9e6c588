"""Do the orders of random accounts hold what the rules promise?

    python benchmarks/orders.py [--accounts 3000] [--first 0] [--only twin,checker,again,elsewhere]

`twin`: the slow twin decides the same. `checker`: the checker of orders finds nothing. `again`: executed and planned again, a
plan orders nothing, where section 16 of the rules promises that. `elsewhere`: with its rows in another order and its assets
under other names the plan is the same. A line for each, with counts; the exit code is 1 if any fails.
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


def difference(case: OrderCase, made: KernelPlan | None) -> str:
    """What the twin decides otherwise: `orders`, or only `reason`s; empty if nothing."""
    try:
        twin = naive_plan(
            case.rows, case.instruments, case.limits, cash=case.cash, cash_flow=case.cash_flow, settings=case.settings
        )
    except PlanError:
        return "" if made is None else "orders"
    own = None if made is None else made.as_naive()
    if own == twin:
        return ""
    return "reason" if own is not None and replace(own, reasons=twin.reasons) == twin else "orders"


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


def twin_check(case: OrderCase, made: KernelPlan | None) -> dict[str, int]:
    differs = difference(case, made)
    return {"twin: compared": 1, "twin: different": differs == "orders", "twin: another reason": differs == "reason"}


def checker_check(case: OrderCase, _: KernelPlan | None) -> dict[str, int]:
    return {"checker: measured": 1, "checker: broken": not is_sound(case)}


def again_check(case: OrderCase, made: KernelPlan | None) -> dict[str, int]:
    again = None if made is None else orders_again(case, made)
    return {"planned again: promised": again is not None, "planned again: orders": bool(again)}


def elsewhere_check(case: OrderCase, made: KernelPlan | None) -> dict[str, int]:
    return {"elsewhere: different": made is not None and not is_same_elsewhere(case, made)}


CHECKS = {"twin": twin_check, "checker": checker_check, "again": again_check, "elsewhere": elsewhere_check}


WRONG = ("twin: different", "checker: broken", "planned again: orders", "elsewhere: different")


def main() -> None:
    asked = options(__doc__, accounts=3_000, first=0, only="twin,checker,again,elsewhere")
    counts: Counter[str] = Counter()
    for seed in range(asked.first, asked.first + asked.accounts):
        case = random_order_case(seed)
        made = decided(case)
        counts["orders"] += 0 if made is None else int((made.assets["place"] >= 0).sum())
        for name in asked.only.split(","):
            measured = {key: int(count) for key, count in CHECKS[name](case, made).items()}
            if any(measured.get(key) for key in (*WRONG, "twin: another reason")):
                print(f"seed {seed}: {measured}", flush=True)
            counts.update(measured)
    for name, count in sorted(counts.items()):
        print(f"{name}: {count:,}")
    sys.exit(1 if any(counts[name] for name in WRONG) else 0)


if __name__ == "__main__":
    main()

"""Order files from the page: written once, recorded in the store of runs, and kept for the session."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from trimtab.errors import Fault, HeldOrdersError, InputError
from trimtab.order_files.formats import FORMATS
from trimtab.orders.gates import Written
from trimtab.orders.order_output import files_of
from trimtab.orders.release import Release
from trimtab.store.application import WrittenFile, orders_written, record_application
from trimtab.store.plan_inputs import PlanInputs
from trimtab.store.plan_runs import PlanContext, store_plan
from trimtab.web.service import Service
from trimtab.web.sessions import Session, WrittenOrders


def orders_before(service: Service, session: Session, now: dt.datetime, hours: float) -> list[Written]:
    """The orders that were written in the last hours: by the store, or by this session if nothing is stored."""
    if service.stores:
        with service.opened_store() as store:
            return orders_written(store, now - dt.timedelta(hours=hours))
    return list(session.unstored)


def write_orders(
    service: Service, session: Session, inputs: PlanInputs, release: Release, name: str, purpose: str = ""
) -> WrittenOrders:
    """Make the order files of a plan, and record them.

    Raises
    ------
    HeldOrdersError
        A gate holds the orders back.
    InputError, SetupError, LimitsError
        An unknown format, orders that it cannot hold, or that were written in another.
    """
    plan, stamp = release.plan, service.stamp(purpose)
    known = session.written_for(plan)
    if known is not None and known.format == name:
        return known
    if known is not None:
        raise InputError([Fault(f"the orders were written as {known.format} already", "take that file")])
    if not release.is_granted:
        advice = "see the checks before you send"
        raise HeldOrdersError([Fault(gate.sentence, advice) for gate in release.held])
    suffix = FORMATS[name].suffix if name in FORMATS else ""
    files = files_of(plan, Path(f"orders{suffix}"), name)
    run = None
    if service.stores:
        with service.opened_store() as store:
            context = PlanContext({"page": True}, release.gates)
            run = store_plan(store, inputs, plan, stamp, context)
            written = [WrittenFile(file.path.name, file.data) for file in files]
            record_application(store, run, written, release.gates, stamp)
    session.unstored += [Written(stamp.now, "", order.asset, order.side, order.shares) for order in plan.orders]
    session.written = WrittenOrders(release, name, files, None if run is None else run.run_id)
    return session.written

"""Export: the checks, the order files, the plan in files, and the command that does the same."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import pyarrow as pa
from starlette.exceptions import HTTPException
from starlette.responses import Response

from trimtab.decimals import decimal_text
from trimtab.errors import Fault, InputError
from trimtab.files.encoded_table import encoded_table
from trimtab.orders.gates import Gate, Verdict
from trimtab.orders.release import Acknowledgement
from trimtab.web.attached import attached
from trimtab.web.plan_view import PlanView, plan_view
from trimtab.web.rendering import rendered, see
from trimtab.web.start_pages import empty
from trimtab.web.visits import Visit
from trimtab.web.written import write_orders

FORMATS = (
    ("ibkr", "Interactive Brokers", "CSV for BasketTrader, one file for each step"),
    ("alpaca", "Alpaca", "JSON lines, one file for each step"),
    ("fix", "FIX", "tag=value columns, one file for each step"),
    ("csv", "Order list, CSV", "sells and buys with their step"),
    ("xlsx", "Order list, XLSX", "the same as a workbook"),
    ("text", "As text", "to type in by hand"),
)

PLAN_FILES = (
    ("report.html", "Report", "every decision and its reason"),
    ("plan.json", "Result, JSON", "everything, for programs"),
    ("targets.csv", "Targets, CSV", "every asset with its target weight"),
    ("targets.xlsx", "Targets, XLSX", "the same as a workbook"),
    ("limits.toml", "limits.toml", "these limits, for next time"),
    ("candidates.csv", "candidates.csv", "what was decided on: shares, prices, scores, sectors"),
    ("exposures.csv", "exposures.csv", "the exposures: schemes, buckets, fractions"),
)


_REPEAT = "repeated_order"


@dataclass(frozen=True)
class Box:
    """A gate to let through with a reason, without an asset if it is about all of them."""

    gate: str
    asset: str
    sentences: tuple[str, ...]


def export(visit: Visit) -> Response:
    """The page."""
    if not visit.session.work.files.has_holdings:
        return empty(visit, "/export")
    view = plan_view(visit)
    return rendered(
        "export.html",
        visit,
        here="/export",
        view=view,
        notable=[gate for gate in view.release.gates if gate.verdict in (Verdict.HOLD, Verdict.ACKNOWLEDGED)],
        passed=[gate for gate in view.release.gates if gate.verdict == Verdict.OK],
        boxes=boxes_of(view.release.held),
        formats=FORMATS,
        files=files_of(visit),
        written=visit.session.written_for(view.plan),
        begins="written" in visit.query,
        command=command_of(visit),
    )


def boxes_of(held: Iterable[Gate]) -> tuple[Box, ...]:
    """A box for each gate that holds the orders back, and one for all orders that were written before."""
    boxes: dict[tuple[str, str], list[str]] = {}
    for gate in held:
        asset = "" if gate.gate == _REPEAT else gate.asset
        boxes.setdefault((gate.gate, asset), []).append(gate.sentence)
    return tuple(Box(gate, asset, tuple(sentences)) for (gate, asset), sentences in boxes.items())


def command_of(visit: Visit) -> str:
    """The command line that decides the same plan from the files of this page."""
    cash = decimal_text(visit.session.work.cash())
    exposures = ["--exposures exposures.csv"] if _exposures(visit) is not None else []
    parts = ["trimtab plan candidates.csv", f"--cash {shlex.quote(cash)}", "--limits limits.toml", *exposures]
    parts.append("--out orders.csv")
    return " \\\n  ".join(parts)


def _exposures(visit: Visit) -> pa.Table | None:
    return visit.session.inputs().tables.get("exposures")


def files_of(visit: Visit) -> tuple[tuple[str, str, str], ...]:
    """The files of the plan: name, title, and what each is for."""
    return PLAN_FILES if _exposures(visit) is not None else PLAN_FILES[:-1]


def download(visit: Visit) -> Response:
    """A file of the plan."""
    name = str(visit.path["name"])
    if not visit.session.work.files.has_holdings or name not in [known for known, _, _ in files_of(visit)]:
        raise HTTPException(404, "There is no such file.")
    return attached(name, _FILES[name](visit, plan_view(visit)))


_FILES: dict[str, Callable[[Visit, PlanView], bytes]] = {
    "candidates.csv": lambda visit, _: encoded_table(visit.session.inputs().candidates, "csv"),
    "exposures.csv": lambda visit, _: encoded_table(_exposures(visit), "csv"),
    "limits.toml": lambda visit, _: visit.session.work.limits.to_toml().encode(),
    "plan.json": lambda _, view: view.release.to_json().encode(),
    "targets.csv": lambda _, view: encoded_table(view.plan.targets, "csv"),
    "targets.xlsx": lambda _, view: encoded_table(view.plan.targets, "xlsx"),
    "report.html": lambda visit, view: view.plan.result.to_html(visit.session.work.report_title).encode(),
}


def write(visit: Visit) -> Response:
    """Write the order files in a format, if no gate holds them."""
    session = visit.session
    view = plan_view(visit)
    reasons = "; ".join(each.why for each in session.work.acknowledgements)
    write_orders(visit.service, session, session.inputs(), view.release, visit.form.text("format"), reasons)
    return see("/export?written=1#orders")


def order_file(visit: Visit) -> Response:
    """One of the order files that were written."""
    written = visit.session.written
    files = {} if written is None else {file.path.name: file for file in written.files}
    name = str(visit.path["name"])
    if name not in files:
        raise HTTPException(404, "There is no such order file. Write it first.")
    return attached(name, files[name].data)


def acknowledge(visit: Visit) -> Response:
    """Let a gate through, with a reason."""
    gate, asset, why = (visit.form.text(name).strip() for name in ("gate", "asset", "why"))
    if not why:
        raise InputError([Fault("there is no reason", "say why the check may pass", column="why")])
    work = visit.session.work
    by = visit.service.by or "the user of the page"
    noted = Acknowledgement(gate, by, why, asset)
    kept = [each for each in work.acknowledgements if (each.gate, each.asset) != (gate, asset)]
    plan = visit.session.plan()
    visit.session.work = replace(work, acknowledgements=(*kept, noted))
    visit.session.keep(plan)
    return see("/export")

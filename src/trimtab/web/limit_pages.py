"""Limits: the form, presets, findings, and the ways out of a conflict."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from starlette.responses import Response

from trimtab.errors import LimitsError, TrimtabError
from trimtab.explanations.changes import EXPOSURE_FIELDS, NODE_FIELDS
from trimtab.facts.exposures import SchemeFact
from trimtab.limits.in_words import rule_sheet
from trimtab.limits.rebalancing_limits import RebalancingLimits, limit_fields
from trimtab.orders.plan import Plan
from trimtab.web.exposure_form import SchemeForm, scheme_forms
from trimtab.web.headline import headline_of
from trimtab.web.limit_form import Typed, bucket_texts, changed, general_texts, groups_of, limits_of
from trimtab.web.limit_labels import PRESETS
from trimtab.web.ready import PreparingError
from trimtab.web.rendering import rendered, see
from trimtab.web.sessions import Session
from trimtab.web.start_pages import empty
from trimtab.web.visits import Form, Visit

NOTHING_TYPED = Typed(None)
_FIELDS = {known.name for known in limit_fields()}


@dataclass(frozen=True)
class WayOut:
    """A change that resolves a conflict; `setting` is the value of its button, empty if no limit does it."""

    text: str
    setting: str


@dataclass(frozen=True)
class ConflictView:
    """A conflict, and its ways out."""

    text: str
    ways: tuple[WayOut, ...]


@dataclass(frozen=True)
class Findings:
    """The consequences of these limits, before anything is traded; `headline` is the plan in a sentence.

    `waits`: the rules that find them are not ready.
    """

    headline: str = ""
    errors: tuple[str, ...] = ()
    conflicts: tuple[ConflictView, ...] = ()
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    waits: bool = False


def findings_of(decide: Callable[[], Plan]) -> Findings:
    """The findings of a plan, which may fail."""
    try:
        plan = decide()
    except PreparingError:
        return Findings(waits=True)
    except TrimtabError as error:
        return Findings(errors=(str(error),))
    facts = plan.result.facts()
    conflicts = tuple(ConflictView(each.text, tuple(_ways(each))) for each in plan.result.conflicts)
    return Findings(headline_of(plan, facts.lines), (), conflicts, facts.problems, (*facts.notes, *plan.notes))


def _ways(conflict: Any) -> list[WayOut]:
    single = [member.relaxation for member in conflict.members if member.relaxation]
    ways = [WayOut(each.effect, _setting(each)) for each in single]
    if conflict.together:
        ways.append(WayOut(" and ".join(each.effect for each in conflict.together), ""))
    if conflict.goal.relaxation:
        ways.append(WayOut(conflict.goal.relaxation.effect, _setting(conflict.goal.relaxation)))
    return ways


def _setting(change: Any) -> str:
    """A relaxation as the value of a button; empty for one that is about rows."""
    if change.value is None or change.change not in (*_FIELDS, *NODE_FIELDS, *EXPOSURE_FIELDS):
        return ""
    return json.dumps([change.change, change.node, change.value])


def limits(visit: Visit) -> Response:
    """The form."""
    if not visit.session.work.files.has_holdings:
        return empty(visit, "/limits")
    return _page(visit)


def _page(visit: Visit, typed: Typed = NOTHING_TYPED, form: Form | None = None) -> Response:
    session, form, faults = visit.session, form or Form(), typed.faults
    known = session.work.limits
    return rendered(
        "limits.html",
        visit,
        status=422 if faults else 200,
        here="/limits",
        groups=groups_of(known, form, typed.wrong),
        buckets=_buckets(session),
        schemes=_schemes(session),
        presets=[(name, *words) for name, words in PRESETS.items()],
        general=general_texts(known),
        faults=faults,
        findings=findings_of(session.plan),
        rules=rule_sheet(known, plan=True),
    )


def _buckets(session: Session) -> list[dict[str, Any]]:
    """The buckets at the level of the limits, with what is in them now and their own limits."""
    known = session.work.limits
    try:
        plan: Plan | None = session.plan()
    except TrimtabError:
        plan = None
    before: dict[str, float] = {}
    colours: dict[str, int] = {}
    for fact in () if plan is None else plan.result.facts().assets:
        before[fact.top] = before.get(fact.top, 0.0) + fact.before
        colours[fact.top] = fact.colour
    for path in known.buckets:
        before.setdefault(path, 0.0)
    paths = sorted(before, key=lambda path: (-before[path], path))
    return [
        {"path": path, "before": before[path], "colour": colours.get(path), **bucket_texts(known, path)}
        for path in paths
    ]


def _schemes(session: Session) -> tuple[SchemeForm, ...]:
    """The schemes of the table of exposures, with what is in their buckets now."""
    try:
        table = session.inputs().tables.get("exposures")
    except TrimtabError:
        table = None
    paths: dict[str, set[str]] = {}
    if table is not None:
        for scheme, path in zip(table["scheme"].to_pylist(), table["bucket"].to_pylist(), strict=True):
            paths.setdefault(scheme, set()).add(path)
    try:
        facts: Iterable[SchemeFact] = session.plan().result.facts().schemes
    except TrimtabError:
        facts = ()
    return scheme_forms(session.work.limits, paths, facts)


def change_limits(visit: Visit) -> Response:
    """Take the limits of the form, of a preset, or of a way out."""
    session, form = visit.session, visit.form
    preset, setting = form.text("preset"), form.text("set")
    if preset:
        return _use(
            visit, RebalancingLimits.preset(preset).replace(bucket_level=session.work.limits.bucket_level), preset
        )
    typed = limits_of(form, session.work.limits)
    if typed.limits is None:
        return _page(visit, typed, form)
    if setting:
        try:
            name, node, value = json.loads(setting)
            return _use(visit, changed(typed.limits, str(name), str(node), value))
        except (LimitsError, ValueError):
            return _page(visit, Typed(None, ("this change does not fit the limits any more",)), form)
    return _use(visit, typed.limits)


def _use(visit: Visit, chosen: RebalancingLimits, source: str = "") -> Response:
    work = visit.session.work
    name = source or work.source or "your limits"
    visit.session.work = replace(work, limits=chosen, source=name)
    return see("/plan" if visit.form.text("next") else "/limits")


def findings(visit: Visit) -> Response:
    """The findings of limits that are being typed; nothing is kept."""
    typed = limits_of(visit.form, visit.session.work.limits)
    if typed.limits is None:
        refused = Findings(errors=typed.faults)
        return rendered("findings.html", visit, findings=refused, faults=(), rules=())
    made = findings_of(partial(visit.session.decide, typed.limits))
    return rendered("findings.html", visit, findings=made, faults=(), rules=rule_sheet(typed.limits, plan=True))

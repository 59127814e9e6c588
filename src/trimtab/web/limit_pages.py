"""Limits: the form, presets, findings, and the ways out of a conflict."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from starlette.responses import Response

from trimtab.errors import LimitsError, TrimtabError
from trimtab.explanations.changes import NODE_FIELDS
from trimtab.limits.in_words import rule_sheet
from trimtab.limits.presets import preset_names
from trimtab.limits.rebalancing_limits import RebalancingLimits, limit_fields
from trimtab.orders.plan import Plan
from trimtab.web.limit_form import bucket_texts, groups_of, limits_of
from trimtab.web.rendering import rendered, see
from trimtab.web.sessions import Session
from trimtab.web.start_pages import empty
from trimtab.web.visits import Form, Visit
from trimtab.web.work import Work

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
    """The consequences of these limits, before anything is traded."""

    errors: tuple[str, ...]
    conflicts: tuple[ConflictView, ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...]


def findings_of(session: Session) -> Findings:
    """The findings of the present work."""
    try:
        plan = session.plan()
    except TrimtabError as error:
        return Findings((str(error),), (), (), ())
    facts = plan.result.facts()
    conflicts = tuple(ConflictView(each.text, tuple(_ways(each))) for each in plan.result.conflicts)
    return Findings((), conflicts, facts.problems, (*facts.notes, *plan.notes))


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
    if change.value is None or change.change not in (*_FIELDS, *NODE_FIELDS):
        return ""
    return json.dumps([change.change, change.node, change.value])


def limits(visit: Visit) -> Response:
    """The form."""
    if not visit.session.work.files.has_holdings:
        return empty(visit, "/limits")
    return _page(visit)


def _page(visit: Visit, faults: tuple[str, ...] = (), form: Form | None = None) -> Response:
    session, form = visit.session, form or Form()
    known = session.work.limits
    return rendered(
        "limits.html",
        visit,
        status=422 if faults else 200,
        here="/limits",
        groups=groups_of(known, form, faults),
        buckets=_buckets(session),
        presets=preset_names(),
        faults=faults,
        findings=findings_of(session),
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
        return _page(visit, typed.faults, form)
    if setting:
        try:
            return _use(visit, _changed(typed.limits, setting))
        except (LimitsError, ValueError):
            return _page(visit, ("this change does not fit the limits any more",), form)
    return _use(visit, typed.limits)


def _use(visit: Visit, chosen: RebalancingLimits, source: str = "") -> Response:
    work = visit.session.work
    name = source or work.source or "your limits"
    visit.session.work = replace(work, limits=chosen, source=name)
    return see("/plan" if visit.form.text("next") else "/limits")


def _changed(before: RebalancingLimits, setting: str) -> RebalancingLimits:
    """Limits with one value changed, as a way out says."""
    name, node, value = json.loads(setting)
    if not node:
        return before.replace(**{str(name): value})
    buckets = before.to_dict().get("buckets", {})
    own = {field: each for field, each in buckets.get(node, {}).items() if each is not None}
    return before.replace(buckets={**buckets, node: {**own, name: value}})


def findings(visit: Visit) -> Response:
    """The findings of limits that are being typed; nothing is kept."""
    typed = limits_of(visit.form, visit.session.work.limits)
    if typed.limits is None:
        refused = Findings(typed.faults, (), (), ())
        return rendered("findings.html", visit, findings=refused, faults=(), rules=())
    trial = Session("", Work(**{**vars(visit.session.work), "limits": typed.limits}))
    rules = rule_sheet(typed.limits, plan=True)
    return rendered("findings.html", visit, findings=findings_of(trial), faults=(), rules=rules)

"""A slider on any limit, and the difference that it would make."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from starlette.datastructures import QueryParams
from starlette.responses import Response

from trimtab.errors import Fault, InputError
from trimtab.orders.plan import Plan
from trimtab.web.rendering import THIN, percent_text, rendered, see
from trimtab.web.visits import Visit
from trimtab.web.what_if import Dial, curve_of, dials_of, limits_with, what_if

_FIRST = "max_position_weight|"
_WIDTH, _HEIGHT, _TOP = 328.0, 72.0, 8.0


@dataclass(frozen=True)
class Curve:
    """A line through the shares of the account that would be traded, ready to draw, and in words."""

    path: str
    now: float | None
    low: str
    high: str
    text: str


def dial_facts(visit: Visit, plan: Plan) -> dict[str, Any]:
    """The slider of the address, with its result. Without one, the curve `waits` for a request of its own."""
    dials = dials_of(visit.session.work.limits, plan)
    dial = _dial_of(visit.query.get("limit", _FIRST), dials)
    value = visit.query.get("value") or dial.now or f"{dial.high:.6g}"
    groups: dict[str, list[Dial]] = {}
    for each in dials:
        title = "Limits" if not each.node else "Single sectors" if each.exposure is None else "Exposures"
        groups.setdefault(title, []).append(each)
    return {
        "dials": list(groups.items()),
        "tried": what_if(visit.session, plan, dial, value),
        "curve": curve_drawn(visit, plan, dial) if "limit" in visit.query else None,
        "waits": "limit" not in visit.query,
    }


def _dial_of(key: str, dials: Iterable[Dial]) -> Dial:
    for each in dials:
        if each.key == key:
            return each
    raise InputError([Fault("is not a limit with a range", "choose one of the list", column="limit", value=key)])


def curve_drawn(visit: Visit, plan: Plan, dial: Dial) -> Curve | None:
    """The curve of a dial; None where it would take too long, or has less than two points."""
    points = curve_of(visit.session, plan, dial)
    return _curve(dial, points) if len(points) > 1 else None


def _curve(dial: Dial, points: Sequence[tuple[float, float]]) -> Curve:
    largest = max(*(share for _, share in points), 1e-9)
    width = dial.high - dial.low
    places = [(_WIDTH * (value - dial.low) / width, _TOP + _HEIGHT * (1 - share / largest)) for value, share in points]
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    (first, first_share), (last, last_share) = points[0], points[-1]
    unit = f"{THIN}{dial.unit}" if dial.unit else ""
    text = f"Traded: {percent_text(first_share)} of the account at {first:g}{unit}, {percent_text(last_share)} at {last:g}{unit}"
    now = round(_WIDTH * (float(dial.now) - dial.low) / width, 1) if dial.now else None
    return Curve(path, now, f"{dial.low:g}{unit}", f"{dial.high:g}{unit}", text)


def panel(visit: Visit) -> Response:
    """The slider of another limit."""
    return rendered(
        "what_if.html", visit, **dial_facts(replace(visit, query=_without_value(visit)), visit.session.plan())
    )


def _without_value(visit: Visit) -> QueryParams:
    return QueryParams([(name, text) for name, text in visit.query.items() if name != "value"])


def result(visit: Visit) -> Response:
    """The difference at another value."""
    plan = visit.session.plan()
    dial = _dial_of(visit.query.get("limit", ""), dials_of(visit.session.work.limits, plan))
    return rendered(
        "what_if_result.html", visit, tried=what_if(visit.session, plan, dial, visit.query.get("value", ""))
    )


def use(visit: Visit) -> Response:
    """Take the value of the slider into the limits."""
    work = visit.session.work
    dial = _dial_of(visit.form.text("limit"), dials_of(work.limits, visit.session.plan()))
    try:
        limits = limits_with(work.limits, dial, visit.form.text("value"))
    except ValueError:
        raise InputError([Fault("is not a number", "write a number", value=visit.form.text("value"))]) from None
    visit.session.work = replace(work, limits=limits, source=work.source or "your limits")
    return see("/plan")

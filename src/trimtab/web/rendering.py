"""Templates of the page, and how it writes numbers."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, PrefixLoader
from starlette.responses import HTMLResponse, RedirectResponse

from trimtab.report.page import template_environment
from trimtab.report.shapes import looks
from trimtab.text import counted, printable
from trimtab.web.visits import Visit

STEPS = (("/", "Start"), ("/review", "Review"), ("/limits", "Limits"), ("/plan", "Plan"), ("/export", "Export"))
THIN = "\u202f"


def percent_text(weight: float) -> str:
    r"""A weight as the page writes it: one decimal, plain 0 for nothing.

    >>> percent_text(0.125), percent_text(0.0)
    ('12.5\u202f%', '0')
    """
    return f"{weight:.1%}".replace("%", f"{THIN}%") if abs(float(weight)) >= 0.0005 else "0"


def money_text(amount: Decimal) -> str:
    """An amount of money.

    >>> money_text(Decimal("20861"))
    '20,861.00'
    """
    return f"{amount:,.2f}"


def share_text(shares: Decimal) -> str:
    """A number of shares, exact."""
    return f"{shares:,f}"


@cache
def _environment() -> Environment:
    environment = template_environment("trimtab.web")
    shared = PrefixLoader({"report": PackageLoader("trimtab.report")})
    environment.loader = ChoiceLoader([PackageLoader("trimtab.web"), shared])
    environment.filters |= {"percent": percent_text, "money": money_text, "shares": share_text, "shown": printable}
    environment.globals |= {"looks": looks, "counted": counted, "steps": STEPS}
    return environment


def rendered(template: str, visit: Visit, *, status: int = 200, **more: Any) -> HTMLResponse:
    """A page of a session."""
    work = visit.session.work
    text = (
        _environment()
        .get_template(template)
        .render(csrf=visit.session.csrf, work=work, has_keys=visit.session.has_keys, **more)
    )
    return HTMLResponse(text, status)


def message_page(status: int, title: str, lines: Iterable[str]) -> HTMLResponse:
    """A page without a session: what went wrong."""
    text = _environment().get_template("message.html").render(title=title, lines=list(lines))
    return HTMLResponse(text, status)


def see(path: str) -> RedirectResponse:
    """After a write: look at this page."""
    return RedirectResponse(path, 303)


@cache
def static_file(name: str) -> bytes:
    """A style sheet or a script that ships."""
    return (resources.files("trimtab.web") / "static" / name).read_bytes()

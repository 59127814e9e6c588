"""Results of backtests and sweeps, as the page shows them."""

from __future__ import annotations

from starlette.responses import Response

from trimtab.web.rendering import rendered
from trimtab.web.visits import Visit


def studies(visit: Visit) -> Response:
    """The results that were opened in this session, the newest first."""
    return rendered("studies.html", visit, here="/studies", studies=visit.session.studies[::-1])

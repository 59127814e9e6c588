"""One request to the page: its session, its form, and the handler that answers it in a thread, within a time."""

from __future__ import annotations

import functools
import hashlib
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import anyio
import anyio.to_thread
from starlette.datastructures import QueryParams, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from trimtab.text import printable
from trimtab.web.ready import PREPARATION, ready
from trimtab.web.service import Bounds, Service
from trimtab.web.sessions import Session, Sessions
from trimtab.web.uploads import Upload

_MOST_FILES = 12
_LOOKS = ("/limits/findings",)  # sent as a form, but nothing is kept
NO_SESSION = "Open the address that trimtab printed in the terminal: it has the key to this page."
OLD_FORM = "This form is from an earlier session. Go back, reload the page, and send it again."
TOO_SLOW = "This takes too long. Try fewer assets, or the command line."
_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Form:
    """The fields and the files of a form."""

    fields: tuple[tuple[str, str], ...] = ()
    uploads: tuple[Upload, ...] = ()

    def text(self, name: str) -> str:
        """The value of a field, empty without it."""
        return self._first.get(name, "")

    @functools.cached_property
    def _first(self) -> dict[str, str]:
        return dict(reversed(self.fields))

    def every(self, name: str) -> list[str]:
        """All values of a field."""
        return [value for known, value in self.fields if known == name]

    def below(self, prefix: str) -> dict[str, str]:
        """The values of the fields whose names begin so, by the rest of the name."""
        return {known.removeprefix(prefix): value for known, value in self.fields if known.startswith(prefix)}


@dataclass(frozen=True)
class Visit:
    """One request: its session, form and place."""

    service: Service
    session: Session
    query: QueryParams
    path: Mapping[str, Any]
    form: Form = field(default_factory=Form)

    def every(self, name: str) -> list[str]:
        """All values of a name in the address."""
        return self.query.getlist(name)


Handler = Callable[[Visit], Response]


def page(handler: Handler, *, work: bool = True) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that calls the handler for a known session; writes need the token of its forms.

    `work`: it needs the rules. Where no service prepares them, it begins when they are compiled.
    """

    @functools.wraps(handler)
    async def endpoint(request: Request) -> Response:
        service: Service = request.app.state.service
        sessions: Sessions = request.app.state.sessions
        session = sessions.find(request.cookies.get(service.cookie, ""))
        if session is None:
            raise HTTPException(403, NO_SESSION)
        form = Form()
        if request.method == "POST":
            form = await _form_of(request, service.bounds)
            if not secrets.compare_digest(form.text("csrf").encode(), session.csrf.encode()):
                raise HTTPException(403, OLD_FORM)
        visit = Visit(service, session, request.query_params, request.path_params, form)

        def answer() -> Response:
            with session.lock:
                answered = handler(visit)
                if request.method == "POST" and request.url.path not in _LOOKS:
                    _note(visit, request)
                return answered

        if work and PREPARATION.has_rules:  # else the page says that they are being prepared
            await anyio.to_thread.run_sync(ready, abandon_on_cancel=True)
        return await in_time(answer, service.bounds)

    return endpoint


def _note(visit: Visit, request: Request) -> None:
    """A line in the audit log for a write that was done; the session under a hash, and no content."""
    service, client = visit.service, request.client.host if request.client else ""
    session = hashlib.sha256(visit.session.csrf.encode()).hexdigest()[:12]
    run = visit.session.written.run if visit.session.written is not None and request.url.path == "/orders" else None
    service.audit.note(f"page {printable(request.url.path)}", service.by, client, session=session, run=run)


async def in_time(answer: Callable[[], _Answer], bounds: Bounds) -> _Answer:
    """The answer of a function that runs in a thread.

    Raises
    ------
    HTTPException
        It takes longer than a request may.
    """
    try:
        with anyio.fail_after(bounds.seconds):
            return await anyio.to_thread.run_sync(answer, abandon_on_cancel=True)
    except TimeoutError:
        raise HTTPException(503, TOO_SLOW) from None


async def _form_of(request: Request, bounds: Bounds) -> Form:
    fields, uploads = [], []
    async with request.form(max_files=_MOST_FILES, max_fields=bounds.fields, max_part_size=bounds.body) as form:
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                data = await value.read()
                if value.filename and data:
                    uploads.append(Upload(value.filename, data))
            else:
                fields.append((name, value))
    return Form(tuple(fields), tuple(uploads))

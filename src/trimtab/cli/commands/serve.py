"""`trimtab serve`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trimtab.cli.exit_codes import ExitCode, exit_codes
from trimtab.cli.notices import Notices
from trimtab.cli.options import flag, option
from trimtab.cli.store_options import By, StorePlace, name_of_user

_SHORTEST_TOKEN = 16


@exit_codes
def serve(
    port: Annotated[int, flag("The port to listen on.", min=1, max=65_535)] = 8311,
    listen: Annotated[
        str | None, option("ADDRESS", "Listen beyond this computer, under this address; needs --token.")
    ] = None,
    token: Annotated[
        str | None, option("KEY", "The key to the page and the service; default: a new one.", envvar="TRIMTAB_TOKEN")
    ] = None,
    store: StorePlace = None,
    no_store: Annotated[bool, flag("Store no runs.", "--no-store")] = False,
    by: By = None,
    audit_log: Annotated[
        Path | None,
        option("FILE", "Add a line of JSON here for every write: when, by whom, which run."),
    ] = None,
) -> int:
    """Open a page to work in, on this computer only: from a broker's file to a list of trades.

    The terminal shows the address to open. Nothing is sent anywhere; runs are stored when order files are written.
    """
    import secrets

    import trimtab

    if listen is not None and token is None:
        raise typer.BadParameter("--listen needs --token: others can reach the page")
    if token is not None and len(token) < _SHORTEST_TOKEN:
        raise typer.BadParameter(f"--token needs at least {_SHORTEST_TOKEN} characters")
    try:
        from trimtab.web.audit import AuditLog
        from trimtab.web.service import Service, local_hosts
        from trimtab.web.serving import serve_forever
    except ImportError:
        from trimtab.errors import SetupError

        advice = "install them with: pip install 'trimtab[web]'"
        raise SetupError("the page needs Starlette and uvicorn", advice) from None
    key = token or secrets.token_urlsafe(32)
    hosts = local_hosts(port) if listen is None else frozenset({listen if port == 80 else f"{listen}:{port}"})
    service = Service(
        key=key,
        port=port,
        hosts=hosts,
        version=trimtab.__version__,
        store=store,
        stores=not no_store,
        by=name_of_user(by),
        audit=AuditLog(audit_log),
    )
    shown = f"?key={key}" if token is None else "?key=<your token>"
    Notices().note(f"open http://{listen or '127.0.0.1'}:{port}/{shown} (stop with Ctrl-C)")
    serve_forever(service, listen or "127.0.0.1")
    return ExitCode.FINE

"""The service on a port, until it is stopped; requests under way are finished first."""

from __future__ import annotations

import uvicorn

from trimtab.web.app import make_app
from trimtab.web.ready import prepare
from trimtab.web.service import Service

_SECONDS_TO_FINISH = 10


def serve_forever(service: Service, address: str) -> None:
    """Answer requests until Ctrl-C or a signal to end; work that began is finished, and what it writes is stored."""
    app = make_app(service)
    config = uvicorn.Config(
        app,
        host=address,
        port=service.port,
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=10,
        limit_concurrency=64,
        timeout_graceful_shutdown=_SECONDS_TO_FINISH,
        h11_max_incomplete_event_size=16_384,
        http="h11",
        ws="none",
        lifespan="off",
    )
    app.warm_up()
    try:
        prepare()
        uvicorn.Server(config).run()
    finally:
        app.close()

"""A client of the REST service for tests, and an account in its words."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pyarrow as pa
from starlette.testclient import TestClient
from web_visits import BASE, KEY, service_of

from trimtab.web.api.arrow_bodies import MEDIA_TYPE, METADATA
from trimtab.web.api.json_text import json_bytes
from trimtab.web.api.operations import OPERATIONS
from trimtab.web.app import make_app
from trimtab.web.service import Bounds, Service

TOKEN = {"Authorization": f"Bearer {KEY}"}
UNHURRIED = Bounds(seconds=600)  # the first plan may have to be compiled
EXAMPLES: Mapping[str, Any] = {operation.name: operation.example for operation in OPERATIONS}


class Client:
    """One client with the token."""

    def __init__(self, http: TestClient, service: Service) -> None:
        self.http, self.service = http, service

    def get(self, path: str, **headers: str) -> httpx2.Response:
        return self.http.get(f"/api/v1{path}", headers={**TOKEN, **headers})

    def post(self, path: str, body: Any, **headers: str) -> httpx2.Response:
        sent = {**TOKEN, "Content-Type": "application/json", **_dashed(headers)}
        return self.http.post(
            f"/api/v1{path}", content=body if isinstance(body, bytes) else json_bytes(body), headers=sent
        )

    def post_table(self, path: str, table: pa.Table, members: Mapping[str, Any], **headers: str) -> httpx2.Response:
        return self.post(path, stream(table, members), Content_Type=MEDIA_TYPE, **headers)


def _dashed(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def stream(table: pa.Table, members: Mapping[str, Any], **options: Any) -> bytes:
    """A table as an Arrow IPC stream, with the other members in its metadata."""
    sink, schema = io.BytesIO(), table.schema.with_metadata({METADATA: json_bytes(members)})
    with pa.ipc.new_stream(sink, schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table.replace_schema_metadata(schema.metadata))
    return sink.getvalue()


def table_in(answer: httpx2.Response) -> tuple[pa.Table, bytes]:
    """The table of an answer, and the rest of it."""
    table = pa.ipc.open_stream(answer.content).read_all()
    return table, table.schema.metadata[METADATA]


@contextmanager
def serving(store: Path | None = None, bounds: Bounds = UNHURRIED, **more: Any) -> Iterator[Client]:
    """A client of a service that is closed at the end."""
    service = service_of(store, bounds=bounds, **more)
    app = make_app(service)
    try:
        yield Client(TestClient(app, base_url=BASE, raise_server_exceptions=False), service)
    finally:
        app.close()

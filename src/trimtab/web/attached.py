"""Files as answers of the page: a browser saves them, and never shows them as a page of its own."""

from __future__ import annotations

from urllib.parse import quote

from starlette.responses import Response

_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "json": "application/json",
    "toml": "application/toml; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "jsonl": "application/jsonl",
    "txt": "text/plain; charset=utf-8",
}


def attached(name: str, data: bytes) -> Response:
    """A file to save."""
    kind = _TYPES.get(name.rpartition(".")[2], "application/octet-stream")
    disposition = f"attachment; filename*=UTF-8''{quote(name)}"
    if name.isascii() and '"' not in name and "\\" not in name:
        disposition = f'attachment; filename="{name}"'
    return Response(data, media_type=kind, headers={"Content-Disposition": disposition})

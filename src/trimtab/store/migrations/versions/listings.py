"""The light columns of each record in a table of their own, so that a list reads no bodies."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_COPIED = ("kind", "time", "account", "by", "purpose")
_RESULT = {"status": str, "orders": int, "turnover": float}
_AT_ONCE = 2_000


def upgrade() -> None:
    """Make the table, and fill it from the records."""
    listings = op.create_table(
        "listings",
        sa.Column("sequence", sa.Integer, sa.ForeignKey("records.sequence"), primary_key=True, autoincrement=False),
        *[sa.Column(name, sa.Text, nullable=False) for name in ("run_id", *_COPIED)],
        sa.Column("status", sa.Text),
        sa.Column("orders", sa.Integer),
        sa.Column("turnover", sa.Float),
    )
    names = ("sequence", "hash", *_COPIED, "body")
    records = sa.table("records", *[sa.column(name) for name in names])
    query = sa.select(*[records.c[name] for name in names]).order_by(records.c.sequence)
    connection = op.get_bind()
    last = 0
    while rows := connection.execute(query.where(records.c.sequence > last).limit(_AT_ONCE)).all():
        connection.execute(listings.insert(), [_listing(row) for row in rows])
        last = rows[-1].sequence


def _listing(row: sa.Row[Any]) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in _COPIED}
    return {"sequence": row.sequence, "run_id": row.hash[:12], **values, **_result(row.body)}


def _result(body: str) -> dict[str, Any]:
    try:
        values = json.loads(body)
        result = {name: values.get(name) for name in _RESULT}
    except (ValueError, AttributeError):  # a damaged record, which `trimtab verify` names
        return dict.fromkeys(_RESULT)
    return {name: value if type(value) is _RESULT[name] else None for name, value in result.items()}

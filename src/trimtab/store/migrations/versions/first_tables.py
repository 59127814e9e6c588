"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trimtab.store.record import FIRST

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables, and the head of an empty chain."""
    texts = ("kind", "time", "version", "rules", "by", "purpose", "account", "subject", "limits_hash", "inputs_hash")
    op.create_table(
        "records",
        sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("previous", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False, unique=True),
        *[sa.Column(name, sa.Text, nullable=False) for name in texts],
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("contents", sa.Text, nullable=False),
    )
    op.create_index("ix_records_subject", "records", ["subject"])
    op.create_table(
        "contents",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("compressed", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "links",
        sa.Column("sequence", sa.Integer, sa.ForeignKey("records.sequence"), primary_key=True),
        sa.Column("digest", sa.Text, sa.ForeignKey("contents.digest"), primary_key=True),
    )
    op.create_index("ix_links_digest", "links", ["digest"])
    head = op.create_table(
        "head",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
    )
    op.bulk_insert(head, [{"id": 1, "sequence": 0, "hash": FIRST}])

"""The tables of a store; `migrations/` makes them."""

from __future__ import annotations

import sqlalchemy as sa

REVISION = "0002"  # the newest migration

metadata = sa.MetaData()

records = sa.Table(
    "records",
    metadata,
    sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("previous", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False, unique=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("time", sa.Text, nullable=False),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("rules", sa.Text, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Column("account", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False, index=True),
    sa.Column("limits_hash", sa.Text, nullable=False),
    sa.Column("inputs_hash", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("contents", sa.Text, nullable=False),
)
listings = sa.Table(
    "listings",
    metadata,
    sa.Column("sequence", sa.Integer, sa.ForeignKey("records.sequence"), primary_key=True, autoincrement=False),
    sa.Column("run_id", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("time", sa.Text, nullable=False),
    sa.Column("account", sa.Text, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Column("status", sa.Text),
    sa.Column("orders", sa.Integer),
    sa.Column("turnover", sa.Float),
)
contents = sa.Table(
    "contents",
    metadata,
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("compressed", sa.LargeBinary, nullable=False),  # zstd
)
links = sa.Table(
    "links",
    metadata,
    sa.Column("sequence", sa.Integer, sa.ForeignKey("records.sequence"), primary_key=True),
    sa.Column("digest", sa.Text, sa.ForeignKey("contents.digest"), primary_key=True, index=True),
)
head = sa.Table(
    "head",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("sequence", sa.Integer, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
)

"""Records of the store: each contains the hash of the one before, so that the order and the content of all are fixed."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

FIRST = "0" * 64  # the hash before the first record
_ID_DIGITS = 12


class Kind(StrEnum):
    """The kinds of records."""

    PLAN = "plan"
    APPLY = "apply"
    EXECUTION = "execution"
    BATCH = "batch"
    APPROVAL = "approval"
    PRUNE = "prune"
    REQUEST = "request"


RUNS = (Kind.PLAN, Kind.BATCH)  # the other kinds are about runs, or about the store


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A record before it has its place in the chain. `contents` are files by name; the store keeps each content once."""

    kind: Kind
    time: str  # UTC, ISO 8601
    version: str
    rules: str  # the kernel's stamp
    by: str
    purpose: str = ""
    account: str = ""
    subject: str = ""  # the hash of the record that this one is about
    limits_hash: str = ""
    inputs_hash: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)
    contents: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Record:
    """A stored record: `body` and `contents` (name to SHA-256) are JSON text, which is hashed unchanged."""

    sequence: int
    previous: str
    hash: str
    kind: str
    time: str
    version: str
    rules: str
    by: str
    purpose: str
    account: str
    subject: str
    limits_hash: str
    inputs_hash: str
    body: str
    contents: str

    @property
    def run_id(self) -> str:
        """The id for people: the first digits of the hash."""
        return self.hash[:_ID_DIGITS]

    @property
    def moment(self) -> dt.datetime:
        """When the record was made."""
        return dt.datetime.fromisoformat(self.time)

    @property
    def values(self) -> dict[str, Any]:
        """The body as plain values."""
        values: dict[str, Any] = json.loads(self.body)
        return values

    @property
    def digests(self) -> dict[str, str]:
        """The SHA-256 of each content, by name."""
        digests: dict[str, str] = json.loads(self.contents)
        return digests

    def is_sound(self) -> bool:
        """Whether the record still has the hash of its content."""
        return self.hash == _hash_of(self)


@dataclass(frozen=True)
class Head:
    """The end of the chain: the number of records, and the hash of the last."""

    sequence: int
    hash: str


def chained(draft: Draft, head: Head) -> Record:
    """The draft as the record after the head."""
    digests = {name: digest_of(content) for name, content in draft.contents.items()}
    values = {name: str(getattr(draft, name)) for name in _COPIED}
    record = Record(
        sequence=head.sequence + 1,
        previous=head.hash,
        hash="",
        body=_json(draft.body),
        contents=_json(digests),
        **values,
    )
    return Record(**{**vars(record), "hash": _hash_of(record)})


_COPIED = (
    "kind",
    "time",
    "version",
    "rules",
    "by",
    "purpose",
    "account",
    "subject",
    "limits_hash",
    "inputs_hash",
)
_HASHED = ("sequence", "previous", *_COPIED, "body", "contents")


def _hash_of(record: Record) -> str:
    return digest_of(_json([getattr(record, name) for name in _HASHED]).encode())


def digest_of(content: bytes) -> str:
    """The SHA-256 of a content, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))

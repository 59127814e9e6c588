"""The chain of a store, checked: a record that was changed, removed, inserted or moved is found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from trimtab.errors import DamagedError, Fault
from trimtab.store.listing import listed
from trimtab.store.record import FIRST, Head, Kind, Record
from trimtab.store.run_store import RunStore

_LISTED = 20
_ADVICE = "keep the store as evidence, and restore a copy"


@dataclass(frozen=True)
class Verification:
    """The outcome: how many records and contents were checked, and every fault found."""

    head: Head
    contents: int
    faults: tuple[str, ...]

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults


def verify(store: RunStore, known_heads: tuple[Head, ...] = ()) -> Verification:
    """Check every record, every content and what belongs to what; `known_heads` were exported before.

    Raises
    ------
    DamagedError
        The store cannot even be read.
    """
    try:
        with store.snapshot():
            return _verified(store, known_heads)
    except (TypeError, ValueError, AttributeError) as error:  # a value of another type than any that is written
        fault = Fault(f"a value is not one that trimtab writes ({error})", _ADVICE)
        raise DamagedError([fault], f"store {store.name}") from None


def _verified(store: RunStore, known_heads: tuple[Head, ...]) -> Verification:
    faults = [f"the file is damaged: {text}" for text in store.damaged_tables()]
    contents: dict[int, set[str]] = {}
    pruned: set[str] = set()
    hashes: dict[int, str] = {}
    end = Head(0, FIRST)
    listings = {listing.sequence: listing for listing in store.listing()}
    for record in store.walk():
        faults += _record_faults(record, end)
        if listings.pop(record.sequence, None) != listed(record):
            faults.append(f"record {record.sequence} ({record.run_id}) is listed as something else")
        end = Head(record.sequence, record.hash)
        hashes[record.sequence] = record.hash
        contents[record.sequence] = _digests(record)
        if record.kind == Kind.PRUNE:
            pruned |= _pruned_by(record)
    faults += [f"record {sequence} is listed, but does not exist" for sequence in listings]
    head = store.head()
    if head != end:
        faults.append(f"the chain ends with record {end.sequence}, but its head says {head.sequence}")
    for known in known_heads:
        if hashes.get(known.sequence, FIRST) != known.hash and known.sequence:
            faults.append(f"record {known.sequence} is not the one whose hash was exported ({known.hash[:12]})")
    for sequence, hash_ in hashes.items():
        if hash_ in pruned:
            contents[sequence] = set()
    damaged, digests = store.damaged_contents()
    faults += [f"content {digest[:12]} is not what was stored" for digest in damaged]
    faults += _content_faults(store, contents, digests)
    return Verification(end, len(digests), tuple(faults))


def require_sound(outcome: Verification, name: str) -> None:
    """Raise an error if anything is wrong.

    Raises
    ------
    DamagedError
        Every fault, up to twenty.
    """
    if not outcome.is_sound:
        raise DamagedError([Fault(text, _ADVICE) for text in outcome.faults[:_LISTED]], f"store {name}")


def _record_faults(record: Record, end: Head) -> Iterator[str]:
    if record.sequence != end.sequence + 1:
        yield f"record {end.sequence + 1} is missing: record {record.sequence} follows {end.sequence}"
    elif record.previous != end.hash:
        yield f"record {record.sequence} does not follow record {end.sequence}: one of them was replaced or moved"
    if not record.is_sound():
        yield f"record {record.sequence} ({record.run_id}) was changed: its hash does not fit"


def _digests(record: Record) -> set[str]:
    try:
        return set(record.digests.values())
    except (ValueError, AttributeError, TypeError):  # changed, which its hash says
        return set()


def _pruned_by(record: Record) -> set[str]:
    try:
        return set(record.values["pruned"])
    except (ValueError, KeyError, TypeError):  # changed, which its hash says
        return set()


def _content_faults(store: RunStore, contents: dict[int, set[str]], digests: set[str]) -> Iterator[str]:
    """Contents that are missing, that nothing uses, or that belong to other records than the chain says."""
    linked: dict[int, set[str]] = defaultdict(set)
    for sequence, digest in store.links():
        linked[sequence].add(digest)
    used: set[str] = set()
    for sequence, expected in contents.items():
        used |= expected
        if linked.pop(sequence, set()) != expected:
            yield f"the contents of record {sequence} are not those that it names"
    yield from (f"contents belong to a record {sequence}, which does not exist" for sequence in linked)
    yield from (f"content {digest[:12]} is missing" for digest in sorted(used - digests))
    yield from (f"content {digest[:12]} was inserted: no record uses it" for digest in sorted(digests - used))

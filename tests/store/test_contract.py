"""The contract of a store: SQLite and PostgreSQL pass the same tests."""

from __future__ import annotations

import contextlib
import multiprocessing
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest
from process_jobs import append_records
from stored_runs import MONDAY, STAMP, draft, stored

from trimtab.errors import InputError
from trimtab.store.pruning import is_pruned, prunable, prune
from trimtab.store.record import FIRST, Head, Kind
from trimtab.store.replay import replay
from trimtab.store.run_store import Filter
from trimtab.store.sql_store import SqlStore
from trimtab.store.verification import verify

VERSION = STAMP.version


def test_a_new_store_is_empty_and_sound(store: SqlStore) -> None:
    assert store.head() == Head(0, FIRST)
    assert (store.records(), list(store.walk()), list(store.links())) == ([], [], [])
    assert verify(store).is_sound
    with pytest.raises(InputError, match="no run is stored yet"):
        store.find("latest")


def test_a_record_comes_back_as_it_went_in(place: str) -> None:
    store = SqlStore(place)
    record, is_new = store.append(
        draft(1, account="Ümläut \U0001f600", purpose="'; DROP TABLE records; --", body={"a": [1.5, None]})
    )
    store.close()
    again = SqlStore(place)
    assert is_new
    assert again.records() == [record]
    assert (record.sequence, record.previous, record.is_sound()) == (1, FIRST, True)
    assert (record.account, record.values) == ("Ümläut \U0001f600", {"a": [1.5, None]})
    assert record.moment > MONDAY
    assert again.content(record, "own") == b"content 1" * 9
    assert again.head() == Head(1, record.hash)
    again.close()


def test_records_are_found_by_the_first_digits_of_their_id(store: SqlStore) -> None:
    records = [store.append(draft(number))[0] for number in range(40)]
    assert store.find(records[7].run_id) == records[7]
    assert store.find(records[7].hash) == records[7]
    assert store.find("latest") == records[-1]
    store.append(draft(99, kind=Kind.APPROVAL))
    assert store.find("latest") == records[-1]
    for name, message in (("abc", "at least 4 digits"), ("xyzzy", "at least 4"), ("0" * 30, "`trimtab runs list`")):
        with pytest.raises(InputError, match=message):
            store.find(name)


def test_an_id_that_is_not_unique_is_refused(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trimtab.store.sql_store._FEWEST_DIGITS", 0)
    records = [store.append(draft(number))[0] for number in range(2)]
    with pytest.raises(InputError, match=f"several ids begin like this .*{records[0].run_id}"):
        store.find("")


def test_records_are_filtered(store: SqlStore) -> None:
    records = [store.append(draft(number, account="ab"[number % 2], limits_hash=str(number)))[0] for number in range(6)]
    about = store.append(draft(6, kind=Kind.APPLY, subject=records[2].hash))[0]
    assert store.records(newest=2) == [records[5], about]
    assert store.records(Filter(kinds=(Kind.PLAN,), account="b")) == [records[1], records[3], records[5]]
    assert store.records(Filter(subject=records[2].hash)) == [about]
    assert store.records(Filter(limits_hash="4")) == [records[4]]
    assert store.records(Filter(since=records[1].time, until=records[3].time)) == records[1:3]


def test_records_are_listed(store: SqlStore) -> None:
    plan = stored(store)
    about = [store.append(draft(number, kind=Kind.APPLY, subject=plan.hash, account="b"))[0] for number in range(2)]
    listing = store.listing()
    assert [run.run_id for run in listing] == [record.run_id for record in (plan, *about)]
    assert listing[0] == (1, plan.run_id, "plan", plan.time, "", "Ada", "a test", "ok", 5, plan.values["turnover"])
    assert listing[-1][-3:] == (None, None, None)
    assert list(listing[1:]) == list(store.listing(Filter(subject=plan.hash))) == list(store.listing(newest=2))
    assert list(store.listing(Filter(kinds=(Kind.PLAN,), until=plan.time))) == []
    assert listing.to_arrow().to_pylist() == [run._asdict() for run in listing]
    assert store.listing(Filter(account="c")).to_arrow().schema == listing.to_arrow().schema


def test_contents_are_stored_once(store: SqlStore) -> None:
    for number in range(5):
        store.append(draft(number))
    damaged, digests = store.damaged_contents()
    assert (damaged, len(digests)) == ([], 6)
    assert len(list(store.links())) == 10


def test_once_is_once(store: SqlStore) -> None:
    run = store.append(draft(1))[0]
    applied, is_new = store.append(draft(2, kind=Kind.APPLY, subject=run.hash), once=True)
    again, is_new_again = store.append(draft(3, kind=Kind.APPLY, subject=run.hash), once=True)
    assert (is_new, is_new_again, again) == (True, False, applied)
    assert store.head().sequence == 2


def test_a_content_that_is_unknown(store: SqlStore) -> None:
    record = store.append(draft(1))[0]
    with pytest.raises(InputError, match=r"other of run .* is not stored"):
        store.content(record, "other")


def test_pruned_runs_lose_their_contents_and_the_chain_stays_sound(store: SqlStore) -> None:
    records = [store.append(draft(number))[0] for number in range(6)]
    chosen = prunable(store, records[3].time)
    assert chosen == records[:3]
    pruned = prune(store, chosen, STAMP)
    assert pruned.values == {"pruned": [record.hash for record in chosen]}
    assert verify(store).faults == ()
    assert is_pruned(store, records[0])
    assert not is_pruned(store, records[3])
    assert prunable(store, records[3].time) == []
    assert store.content(records[3], "shared") == b"of all" * 9
    with pytest.raises(InputError, match="it was pruned"):
        store.content(records[0], "own")
    assert len(store.damaged_contents()[1]) == 4


def test_a_snapshot_does_not_see_later_writes(place: str) -> None:
    reader, writer = SqlStore(place), SqlStore(place)
    writer.append(draft(1))
    with reader.snapshot():
        assert len(reader.records()) == 1
        writer.append(draft(2))
        assert len(reader.records()) == 1
    assert len(reader.records()) == 2
    reader.close()
    writer.close()


def test_threads_share_a_store(store: SqlStore) -> None:
    """8 threads list, read and hold snapshots of one store while another thread writes."""
    first = store.append(draft(0))[0]
    is_written = threading.Event()

    def write() -> None:
        try:
            for number in range(1, 25):
                store.append(draft(number))
        finally:
            is_written.set()

    def read(thread: int) -> int:
        rounds = 0
        while not is_written.is_set() or rounds < 3:
            rounds += 1
            with store.snapshot() if thread % 2 else contextlib.nullcontext():
                known = store.records()
                assert [record.sequence for record in known] == list(range(1, len(known) + 1))
                assert store.content(first, "own") == b"content 0" * 9
                assert not thread % 2 or store.head() == Head(len(known), known[-1].hash)
        return rounds

    with ThreadPoolExecutor(9) as pool:
        writing = pool.submit(write)
        assert min(pool.map(read, range(8))) >= 3
        writing.result()
    assert verify(store).head.sequence == 25


def test_a_plan_replays_to_the_same_bytes(store: SqlStore) -> None:
    record = stored(store)
    outcome = replay(store, record, VERSION)
    assert (outcome.outcome, outcome.is_same) == ("same", True)
    assert verify(store).is_sound


@pytest.mark.parametrize(
    ("processes", "each"), [(2, 15), pytest.param(8, 200, marks=pytest.mark.thorough)], ids=["few", "1,600"]
)
def test_writers_at_the_same_time(new_place: Callable[[], str], processes: int, each: int) -> None:
    """Every record is there, the chain is whole, and none hears of a lock; they make the store together, too."""
    place = new_place()
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        counts = list(pool.map(append_records, [(place, writer, each) for writer in range(processes)]))
    store = SqlStore(place)
    assert counts == [each] * processes
    assert store.head().sequence == processes * each
    assert {record.account for record in store.walk()} == {str(writer) for writer in range(processes)}
    assert verify(store).is_sound
    store.close()

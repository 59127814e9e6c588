"""Links that somebody else planted on a shared computer: no write goes where they lead, and nothing is copied from there."""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from trimtab.batch.atomic_storage import Storage
from trimtab.batch.published_folder import Folder
from trimtab.cli.output import write_file
from trimtab.data.classification import _add
from trimtab.errors import InputError, OutputError
from trimtab.files import links
from trimtab.files.links import append_bytes, followed
from trimtab.orders.release import Desk, Release
from trimtab.store.sql_store import SqlStore
from trimtab.web.audit import AuditLog
from trimtab.web.service import Bounds
from trimtab.web.uploads import Upload, read_uploads

NOW = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
SECRET = b"asset,bucket\nyears of work,Tech\n"


@pytest.fixture
def foreign(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every link counts as another user's."""
    monkeypatch.setattr(links, "trusted_owners", frozenset)


def audited(place: Path) -> None:
    AuditLog(place).note("plan", "A", "127.0.0.1")


def recorded(place: Path) -> None:
    Release({}, (), Desk(now=NOW, record=place)).write_record()


def opened(place: Path) -> None:
    SqlStore(str(place)).close()


def batched(place: Path) -> None:
    with Folder(place, Storage()).locked():
        pass


WRITERS: dict[str, Callable[[Path], None]] = {
    "audit log": audited,
    "record of orders": recorded,
    "store": opened,
    "--out": lambda place: write_file(place, b"new"),
    "--classify": lambda place: _add(place, ["AAA"]),
    "folder of a batch": batched,
}


@pytest.mark.usefixtures("foreign")
@pytest.mark.parametrize("to", ["file", "empty file", "folder", "nowhere"])
@pytest.mark.parametrize("through", ["itself", "its folder", "a link of a link"])
@pytest.mark.parametrize("name", WRITERS)
def test_a_planted_link_is_refused_and_what_it_leads_to_is_left_alone(
    name: str, through: str, to: str, tmp_path: Path
) -> None:
    victim, shared = tmp_path / "victim", tmp_path / "shared"
    victim.mkdir()
    shared.mkdir()
    (victim / "file").write_bytes(SECRET)
    (victim / "empty file").touch()
    (victim / "folder").mkdir()
    if through == "its folder":
        (shared / "link").symlink_to(victim)
        place = shared / "link" / to
    else:
        place = shared / "link"
        place.symlink_to(victim / to if through == "itself" else shared / "second")
        (shared / "second").symlink_to(victim / to)
    with pytest.raises(OutputError, match="is a link that another user made"):
        WRITERS[name](place)
    assert sorted(path.name for path in victim.iterdir()) == ["empty file", "file", "folder"]
    assert (victim / "file").read_bytes() == SECRET
    assert not (victim / "empty file").read_bytes() and not list((victim / "folder").iterdir())
    assert all(path.is_symlink() for path in shared.iterdir())


def test_links_of_your_own_are_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "near").symlink_to("disk/../disk")
    (tmp_path / "far").symlink_to(tmp_path / "near" / "log")
    real = tmp_path.resolve() / "disk" / "log"
    assert followed(tmp_path / "far") == real
    monkeypatch.chdir(tmp_path)
    assert followed(Path("far")) == real
    append_bytes(Path("far"), b"1\n")
    append_bytes(real, b"2\n")
    assert real.read_bytes() == b"1\n2\n" and real.stat().st_mode & 0o777 == 0o600


def test_a_circle_of_links_and_a_pipe(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(OSError, match="is a circle of links"):
        followed(tmp_path / "a")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="No such device or address"):
        append_bytes(tmp_path / "pipe", b"x")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        with pytest.raises(OSError, match="not a file"):
            append_bytes(tmp_path / "pipe", b"x")
    finally:
        os.close(reader)


@pytest.mark.parametrize("suffix", ["-journal", "-wal", "-shm"])
def test_a_link_beside_the_store_is_not_written_through(suffix: str, tmp_path: Path) -> None:
    (tmp_path / "victim").write_bytes(SECRET)
    (tmp_path / f"runs.db{suffix}").symlink_to(tmp_path / "victim")
    with contextlib.suppress(InputError):  # SQLite refuses some of them
        SqlStore(str(tmp_path / "runs.db")).close()
    assert (tmp_path / "victim").read_bytes() == SECRET


def test_a_link_in_an_uploaded_workbook_is_no_way_out(tmp_path: Path) -> None:
    (tmp_path / "victim").write_bytes(SECRET)
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for name in ("[Content_Types].xml", "xl/workbook.xml", "xl/worksheets/sheet1.xml"):
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o120777 << 16
            archive.writestr(entry, str(tmp_path / "victim"))
    with pytest.raises(InputError) as refused:
        read_uploads([Upload("../../link.xlsx", sink.getvalue())], Bounds())
    assert "years of work" not in str(refused.value) and str(tmp_path) not in str(refused.value)
    assert (tmp_path / "victim").read_bytes() == SECRET

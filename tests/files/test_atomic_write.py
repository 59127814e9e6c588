"""A file is whole under its name or not there, and never grants more access than the one it replaces."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from trimtab.errors import OutputError
from trimtab.files.atomic_write import Disk, write_errors, write_file


class Watching(Disk):
    """Notes the access rights of every file in a folder before each step."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seen: list[tuple[str, int]] = []

    def look(self) -> None:
        self.seen += [(file.name, stat.S_IMODE(file.lstat().st_mode)) for file in self.folder.iterdir()]

    def create(self, file: Path, mode: int) -> BinaryIO:
        opened = super().create(file, mode)
        self.look()
        return opened

    def put(self, opened: BinaryIO, data: bytes | memoryview) -> None:
        super().put(opened, data)
        self.look()

    def sync(self, opened: BinaryIO) -> None:
        super().sync(opened)
        self.look()

    def rename(self, old: Path, new: Path) -> None:
        self.look()
        super().rename(old, new)
        self.look()


@pytest.fixture(autouse=True, params=[0o022, 0o000, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    old = os.umask(request.param)
    yield request.param
    os.umask(old)


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o666, 0o400])
def test_a_rewritten_file_keeps_its_access_rights_all_the_time(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "targets.csv"
    file.write_text("old")
    file.chmod(mode)
    disk = Watching(tmp_path)
    write_file(file, b"secret", disk)
    assert file.read_bytes() == b"secret"
    assert stat.S_IMODE(file.stat().st_mode) == mode
    assert len(disk.seen) > 5
    assert [outcome for outcome in disk.seen if outcome[1] & ~mode] == []
    assert [entry.name for entry in tmp_path.iterdir()] == ["targets.csv"]


def test_a_new_file_has_the_access_rights_of_any_new_file(tmp_path: Path, umask: int) -> None:
    write_file(tmp_path / "new", b"x", Watching(tmp_path))
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o666 & ~umask


def test_a_link_is_replaced_and_what_it_leads_to_is_left_alone(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("years of work")
    victim.chmod(0o600)
    for name, target in (("link", victim), ("dangling", tmp_path / "nowhere")):
        (tmp_path / name).symlink_to(target)
        write_file(tmp_path / name, b"new")
        assert not (tmp_path / name).is_symlink()
        assert (tmp_path / name).read_bytes() == b"new"
    assert victim.read_text() == "years of work"
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("call", ["create", "set_mode", "put", "sync", "rename"])
def test_what_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "out"
    file.write_text("old")

    def fails(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    disk = Disk()
    monkeypatch.setattr(disk, call, fails)
    said = r"out: cannot be written \(No space left on device\): free some space"
    with pytest.raises(OutputError, match=said), write_errors("out", "free some space"):
        write_file(file, b"new", disk)
    assert file.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["out"]


def test_the_unfinished_file_lies_where_it_is_told_to(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    disk = Watching(work)
    write_file(tmp_path / ("n" * 250), b"x", disk, work)
    assert disk.seen
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.startswith(".")] == []

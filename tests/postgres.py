"""A PostgreSQL server for tests, on a free port, with its data in a temporary folder."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_USER = "trimtab"


def programs() -> Path | None:
    """The folder of PostgreSQL's programs (15 or later), None without one."""
    folders = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "initdb").exists()]
    recent = [path for path in folders if int(path.parent.name) >= 15]
    if recent:
        return max(recent, key=lambda path: int(path.parent.name))
    outcome = shutil.which("initdb")
    return None if outcome is None else Path(outcome).resolve().parent


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """A running server; its address without a database. As root it runs as `postgres`, since it refuses root."""
    binaries = programs()
    assert binaries is not None
    data, sockets = folder / "data", folder / "sockets"
    sockets.mkdir(parents=True)
    demoted = {}
    if os.getuid() == 0:
        account = pwd.getpwnam("postgres")
        demoted = {"user": account.pw_uid, "group": account.pw_gid}
        for path in (folder, sockets):
            os.chown(path, account.pw_uid, account.pw_gid)
        for path in folder.parents:
            if path.stat().st_uid == 0 and path != Path("/") and not path.stat().st_mode & 0o001:
                path.chmod(path.stat().st_mode | 0o011)

    def run(*command: object) -> None:
        subprocess.run([str(part) for part in command], check=True, cwd=folder, capture_output=True, **demoted)

    run(binaries / "initdb", "-D", data, "-U", _USER, "-A", "trust", "-E", "UTF8", "--no-sync")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = f"-p {port} -k {sockets} -c listen_addresses=127.0.0.1 -c fsync=off"
    log = folder / "log"
    run(binaries / "pg_ctl", "-D", data, "-w", "-l", log, "-o", options, "start")
    try:
        yield f"postgresql://{_USER}@127.0.0.1:{port}"
    finally:
        run(binaries / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")

"""Files that are made to harm: refused at once, and without much memory."""

from __future__ import annotations

import io
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from trimtab.brokers import read
from trimtab.errors import InputError

HEAD = b"Ticker,Shares,Price,Value\n"
ROW = b"VTI,2,335.20,670.40\n"
MOST_SUMS, MOST_MEGABYTES = 12, 300


def bomb() -> bytes:
    """Ten levels of ten entities: a billion words."""
    levels = "".join(f'<!ENTITY a{place} "{f"&a{place - 1};" * 10}">' for place in range(1, 10))
    return f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a0 "lol">{levels}]><FlexQueryResponse>&a9;</FlexQueryResponse>'.encode()


def workbook(sheet: str, more: dict[str, bytes] | None = None) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", sheet)
        for name, data in (more or {}).items():
            archive.writestr(name, data)
    return out.getvalue()


HOSTILE: dict[str, tuple[str, Callable[[], bytes]]] = {
    "external entity": (
        "x.xml",
        lambda: (
            b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
            b"<FlexQueryResponse>&e;</FlexQueryResponse>"
        ),
    ),
    "external dtd": ("x.xml", lambda: b'<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd"><FlexQueryResponse/>'),
    "billion laughs": ("x.xml", bomb),
    "deep xml": ("x.xml", lambda: b"<a>" * 200_000),
    "xml attributes": ("x.xml", lambda: b"<a " + b" ".join(b'a%d="1"' % place for place in range(200_000)) + b"/>"),
    "deep json": ("x.json", lambda: b"[" * 200_000),
    "long json number": ("x.json", lambda: b"[" + b"9" * 1_000_000 + b"]"),
    "zip bomb": ("x.xlsx", lambda: workbook("<x/>", {"xl/media/a": b"\0" * (200 * 2**20)})),
    "far cell": ("x.xlsx", lambda: workbook('<c r="A1"/><c r="XFD1048576"/>')),
    "many columns in a sheet": (
        "x.xlsx",
        lambda: workbook("".join(f'<c r="ZZ{place}"/>' for place in range(1, 50_000))),
    ),
    "damaged zip": ("x.xlsx", lambda: b"PK\x03\x04" + b"\xff" * 1000),
    "other zip": ("x.xlsx", lambda: workbook("").replace(b"xl/", b"yl/")),
    "long line": ("x.csv", lambda: HEAD + b"A" * (15 * 2**20)),
    "long quoted cell": ("x.csv", lambda: HEAD + b'"' + b"A\n" * (7 * 2**20)),
    "huge file": ("x.csv", lambda: HEAD + ROW * 1_000_000),
    "million columns": ("x.csv", lambda: b",".join(b"c%d" % place for place in range(1_000_000))),
    "million commas": ("x.csv", lambda: HEAD + b"," * 1_000_000),
    "commas in lines": ("x.csv", lambda: HEAD + (b"," * 100 + b"\n") * 100_000),
    "empty lines": ("x.csv", lambda: HEAD + b"\n" * 1_000_000),
    "nul": ("x.csv", lambda: HEAD + b"VTI,2,\0,670.40\n"),
    "utf-16 without mark": ("x.csv", lambda: (HEAD + ROW).decode().encode("utf-16-le")),
    "utf-32": ("x.csv", lambda: (HEAD + ROW).decode().encode("utf-32")),
    "broken utf-16": ("x.csv", lambda: b"\xff\xfe\x00"),
    "mixed line ends": ("x.csv", lambda: HEAD + ROW + b"VXUS,1,1,1\rBND,1,1,1\n"),
    "escape": ("x.csv", lambda: HEAD + b"\x1b[2J,1,1,1\n"),
    "long number": ("x.csv", lambda: HEAD + b"VTI," + b"9" * 100_000 + b",1,1\n"),
    "huge power": ("x.csv", lambda: HEAD + b"VTI,1E-999999999,1,1\n"),
    "picture": ("x.csv", lambda: b"\x89PNG\r\n\x1a\n" + b"\0" * 100),
    "pdf": ("x.csv", lambda: b"%PDF-1.7\n" + HEAD + ROW),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_refused_at_once(name: str, tmp_path: Path) -> None:
    file_name, make = HOSTILE[name]
    file = tmp_path / file_name
    file.write_bytes(make())
    start = time.process_time()
    with pytest.raises(InputError):
        read(file)
    taken = time.process_time() - start
    start = time.process_time()
    sum(range(10_000_000))  # about 0.2 s on a machine on which a second is the bound; a slower one gets more
    assert taken < MOST_SUMS * (time.process_time() - start)


def test_xml_is_refused_for_its_depth_not_for_its_length(tmp_path: Path) -> None:
    deep, long = tmp_path / "deep.xml", tmp_path / "long.xml"
    deep.write_bytes(b"<a>" * 65 + b"</a>" * 65)
    with pytest.raises(InputError, match="more than 64 levels"):
        read(deep)
    long.write_bytes(b"<a>" + b"<b/>" * 200 + b"</a>")
    with pytest.raises(InputError, match="begins with <a>"):
        read(long)


@pytest.mark.thorough
@pytest.mark.parametrize("name", HOSTILE)
def test_refused_in_little_memory(name: str, tmp_path: Path) -> None:
    """In a process of its own, whose memory cannot grow beyond the bound."""
    file_name, make = HOSTILE[name]
    file = tmp_path / file_name
    file.write_bytes(make())
    code = (
        "import re, sys\n"
        "from trimtab.brokers import read\n"
        "from trimtab.errors import InputError\n"
        "try:\n    read(sys.argv[1])\nexcept InputError:\n    pass\nelse:\n    raise SystemExit('accepted')\n"
        "print(int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]) // 1024)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(file)], capture_output=True, text=True, check=True)
    assert int(done.stdout) < MOST_MEGABYTES, done.stdout


@pytest.mark.parametrize("path", ["missing.csv", ".", "a\0b", "/dev/null"])
def test_not_a_file(path: str) -> None:
    with pytest.raises(InputError):
        read(path)


def test_too_many_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="3 files"):
        read([tmp_path / "a", tmp_path / "b", tmp_path / "c"])

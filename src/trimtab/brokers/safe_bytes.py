"""Bytes of a file from outside -> text, with limits on everything before anything is parsed."""

from __future__ import annotations

import re
from pathlib import Path

from trimtab.errors import Fault, InputError

MAX_BYTES = 16 * 2**20
MAX_LINES = 200_000
MAX_LINE = 200_000
_AGAIN = "download it from the broker again, as CSV, JSON or XML"
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad")) | {0xA0: " ", 0x202F: " "}
_SIGNATURES = (
    b"%PDF",
    b"\x1f\x8b",
    b"PAR1",
    b"ARROW1",
    b"\xd0\xcf\x11\xe0",
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"BZh",
    b"7z\xbc",
)


def load(path: str | Path) -> bytes:
    """The bytes of a file of usual size.

    Raises
    ------
    InputError
        No such file, no permission, not a regular file, empty, or larger than 16 MiB.
    """
    file, source = Path(path), str(path)
    try:
        if file.exists() and not file.is_file():
            raise InputError([Fault("is a folder, a device or a pipe", "name the broker's file")], source)
        with file.open("rb") as opened:
            data = opened.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise InputError([Fault("there is no such file", "check the path")], source) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the path
        reason = getattr(error, "strerror", None) or error
        raise InputError([Fault(f"cannot be read ({reason})", "check the path and the permission")], source) from None
    if len(data) > MAX_BYTES:
        problem = f"is larger than {MAX_BYTES // 2**20} MiB, too large for a file of positions"
        raise InputError([Fault(problem, "export positions only, or fewer accounts")], source)
    if not data.strip():
        raise InputError([Fault("is empty", _AGAIN)], source)
    return data


def is_workbook(data: bytes) -> bool:
    """Whether the bytes begin like a zip archive, as a workbook does."""
    return data.startswith(b"PK\x03\x04")


def text_of(data: bytes, source: str) -> tuple[str, str]:
    """The text in the bytes with line feeds as line ends, and its encoding.

    UTF-8, UTF-16 with a byte order mark, else Windows-1252. Invisible characters are left out.

    Raises
    ------
    InputError
        Bytes that are not text, or lines longer or more numerous than any broker writes.
    """
    if data.startswith(_SIGNATURES):
        raise InputError([Fault("is not a text file", _AGAIN)], source)
    text, encoding = _decoded(data, source)
    text = text.translate(_INVISIBLE) if not text.isascii() else text
    control = _CONTROLS.search(text)
    if control is not None:
        line = text.count("\n", 0, control.start()) + 1
        problem = f"is not a text file: it has the control character {ord(control[0]):#04x}"
        raise InputError([Fault(problem, _AGAIN, line=line)], source)
    text = text.replace("\r\n", "\n")
    if "\r" in text:
        if "\n" in text:
            raise InputError([Fault("mixes line ends (a lone carriage return)", _AGAIN)], source)
        text = text.replace("\r", "\n")
    _check_lines(text, source)
    return text, encoding


def _decoded(data: bytes, source: str) -> tuple[str, str]:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return data.decode("utf-16"), "utf-16"
        except UnicodeDecodeError:
            raise InputError([Fault("is damaged: it begins like UTF-16 text", _AGAIN)], source) from None
    if b"\0" in data:
        raise InputError([Fault("is not a text file: it has a NUL byte", _AGAIN)], source)
    try:
        text = data.decode("utf-8-sig")
        return text, "utf-8-sig" if data.startswith(b"\xef\xbb\xbf") else "utf-8"
    except UnicodeDecodeError as error:
        index = error.start
    try:
        return data.decode("cp1252"), "cp1252"
    except UnicodeDecodeError:
        problem = f"is neither UTF-8 nor Windows-1252 text (byte {index})"
        raise InputError([Fault(problem, _AGAIN)], source) from None


def _check_lines(text: str, source: str) -> None:
    if text.count("\n") > MAX_LINES:
        raise InputError([Fault(f"has more than {MAX_LINES:,} lines", "export a shorter period")], source)
    start = 0
    while start <= len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        if end - start > MAX_LINE:
            raise InputError([Fault(f"has a line of more than {MAX_LINE:,} characters", _AGAIN)], source)
        start = end + 1

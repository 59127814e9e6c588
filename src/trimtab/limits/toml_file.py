"""TOML files -> plain values."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from trimtab.errors import LimitsError


def toml_text(path: str | Path) -> str:
    """The text of a file.

    Raises
    ------
    LimitsError
        The file cannot be read, or is not UTF-8 text.
    """
    try:
        return Path(path).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise LimitsError([f"is not a text file ({error.reason} at byte {error.start})"], str(path)) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the path
        raise LimitsError([f"cannot be read: {getattr(error, 'strerror', error)}"], str(path)) from None


def toml_values(text: str, source: str | None = None) -> dict[str, Any]:
    """The values in TOML text.

    Raises
    ------
    LimitsError
        The text is not valid TOML.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise LimitsError([f"is not valid TOML: {error}"], source) from None
    except RecursionError:
        raise LimitsError(["is not valid TOML: tables or lists are nested too deeply"], source) from None
    except ValueError:  # Python refuses whole numbers of more than 4,300 digits
        raise LimitsError(["is not valid TOML: a number is too long"], source) from None

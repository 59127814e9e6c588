"""JSON from outside: numbers stay text, so every digit survives; anything odd is refused."""

from __future__ import annotations

import json
from typing import Any

from trimtab.errors import Fault, InputError

_AGAIN = "export the file again"
MAX_DEPTH = 50


class _BadJsonError(ValueError):
    """JSON that is valid for Python's reader, but should not be."""


def json_values(text: str, source: str) -> Any:
    """The values in JSON text, each number as its text.

    Raises
    ------
    InputError
        Not valid JSON, a key twice in one object, NaN or infinity, or far too deeply nested.
    """
    try:
        return json.loads(text, parse_float=str, parse_int=str, parse_constant=_no_constant, object_pairs_hook=_pairs)
    except json.JSONDecodeError as error:
        ends = "; it ends early" if error.pos >= len(text.rstrip()) - 1 else ""
        problem = f"is not valid JSON: {error.msg}{ends}"
        raise InputError([Fault(problem, _AGAIN, line=error.lineno)], source) from None
    except _BadJsonError as error:
        raise InputError([Fault(f"is not valid JSON: {error}", _AGAIN)], source) from None
    except RecursionError:
        raise InputError([Fault("is nested far too deeply", _AGAIN)], source) from None


def _no_constant(name: str) -> Any:
    raise _BadJsonError(f"{name} is not a number")


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        label = values.get("symbol") or values.get("id") or ""
        raise _BadJsonError(f"the key {twice!r} is there twice{f' ({label})' if label else ''}")
    return values

"""JSON in and out: strict where Python is not, and exact numbers as text."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

from trimtab.errors import Fault, InputError

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def json_of(data: bytes) -> Any:
    """The value of a JSON text.

    Raises
    ------
    InputError
        The text breaks the rules of JSON, holds NaN or Infinity, repeats a name in an object, or cuts a character in half.
    """
    try:
        value = _DECODER.decode(data.decode("utf-8-sig"))
        if _SURROGATE.search(data):
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeError:
        raise InputError([Fault("is not UTF-8 text", "write it as UTF-8", source="body")]) from None
    except json.JSONDecodeError as error:
        problem = f"is not JSON ({error.msg}, column {error.colno})"
        raise InputError([Fault(problem, "send a JSON object", line=error.lineno, source="body")]) from None
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error).partition(";")[0]
        raise InputError([Fault(f"is not JSON ({reason})", "send a JSON object", source="body")]) from None
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for index, name in enumerate(names) if name in names[:index])
        raise ValueError(f"{twice!r} appears twice in an object")
    return values


def _refused(name: str) -> Any:
    raise ValueError(f"{name} is not a number")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_refused)


def json_bytes(document: Any) -> bytes:
    """A document as compact JSON; decimals as text, as `Plan.to_json` writes them."""
    return _ENCODER.encode(document).encode()


def _exact(value: Any) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_exact)

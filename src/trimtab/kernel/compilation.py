"""How the rules are compiled, and how they run undecorated.

Every function of the kernel is written for one account and decorated with one of the four below. No `fastmath`: compiled and
undecorated code perform the same IEEE operations in the same order, so they give the same bits.
"""

from __future__ import annotations

import contextlib
import hashlib
import pickle
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import FunctionCache

# The files beside the kernel from which compiled code takes constants.
CONSTANTS = ("reasons.py", "tolerances.py", "candidates/checks.py")


def _source_stamp() -> str:
    """A hash of all sources of compiled code: numba alone would key its cache by the age of one file."""
    folder = Path(__file__).parent
    digest = hashlib.sha256(numba.__version__.encode())
    for file in [*sorted(folder.glob("*.py")), *(folder.parent / name for name in CONSTANTS)]:
        digest.update(file.read_bytes())
    return digest.hexdigest()


STAMP = _source_stamp()


# The errors of reading back a truncated or overwritten file.
_DAMAGE = (
    OSError,
    EOFError,
    pickle.UnpicklingError,
    ValueError,
    TypeError,
    AttributeError,
    ImportError,
    IndexError,
    KeyError,
    MemoryError,
)


class _StampedCache(FunctionCache):
    """numba's disk cache, renewed when any file of the kernel changes, not only the function's own.

    A damaged file means compiling again, and so does a full disk.
    """

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Machine code for a signature, or None."""
        try:
            return super().load_overload(sig, target_context)
        except _DAMAGE:
            with contextlib.suppress(OSError):
                self.flush()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep machine code on disk, if the disk takes it."""
        with contextlib.suppress(*_DAMAGE):
            super().save_overload(sig, data)

    def _index_key(self, sig: Any, codegen: Any) -> tuple[Any, ...]:
        return (*super()._index_key(sig, codegen), STAMP)

    def holds_any(self, tuple_class: type | None = None) -> bool:
        """Whether machine code of the present rules is there, for any types; or for calls with a named tuple."""
        try:
            return any(key[-1] == STAMP and _takes(key[0], tuple_class) for key in self._cache_file._load_index())
        except _DAMAGE:
            return False


def _takes(signature: tuple[Any, ...], tuple_class: type | None) -> bool:
    """Whether one of these types is a class of named tuples."""
    return tuple_class is None or any(getattr(kind, "instance_class", None) is tuple_class for kind in signature)


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a function that neither makes nor returns arrays: without reference counts, which would cost half its time."""
    return _inner(function, _nrt=False)


def allocating(function: Callable[..., Any]) -> Any:
    """Compile a function that makes or returns arrays."""
    return _inner(function)


def _inner(function: Callable[..., Any], **options: Any) -> Any:
    """A function that only compiled code calls: without the shell that Python would need, a fifth of the time to compile."""
    settings: dict[str, Any] = {"nogil": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True, **options}
    return numba.njit(**settings)(function)


def entry(function: Callable[..., Any]) -> Any:
    """Compile a function that is called from outside; its machine code, callees included, is kept on disk."""
    return _cached(numba.njit(nogil=True)(function), function)


def parallel_entry(function: Callable[..., Any]) -> Any:
    """`entry`, with `prange` loops spread over the cores."""
    return _cached(numba.njit(nogil=True, parallel=True)(function), function)


def _cached(dispatcher: Any, function: Callable[..., Any]) -> Any:
    if isinstance(dispatcher, types.FunctionType):  # NUMBA_DISABLE_JIT
        return dispatcher
    try:
        dispatcher._cache = _StampedCache(function)
    except RuntimeError:  # numba finds no writable folder: compile again in each process
        return dispatcher
    return dispatcher


def is_cached(function: Any, tuple_class: type | None = None) -> bool:
    """Whether a compiled function can run without being compiled first: machine code is in memory or on disk.

    An argument that may be None has code of its own where it is a named tuple: that of exposures takes longest to compile.
    """
    if not hasattr(function, "signatures"):  # NUMBA_DISABLE_JIT
        return True
    cache = getattr(function, "_cache", None)
    in_memory = any(_takes(signature, tuple_class) for signature in function.signatures)
    return in_memory or (isinstance(cache, _StampedCache) and cache.holds_any(tuple_class))


def undecorated(function: Any) -> Callable[..., Any]:
    """The plain Python function behind a compiled one, calling plain functions all the way down."""
    return _plain(function, {})


def _plain(function: Any, done: dict[int, Callable[..., Any]]) -> Callable[..., Any]:
    source = getattr(function, "py_func", function)
    if id(source) in done:
        return done[id(source)]
    names = dict(source.__globals__)
    plain = types.FunctionType(source.__code__, names, source.__name__, source.__defaults__, source.__closure__)
    done[id(source)] = plain
    for name in source.__code__.co_names:
        if hasattr(names.get(name), "py_func"):
            names[name] = _plain(names[name], done)
    return plain

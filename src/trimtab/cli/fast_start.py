"""Libraries that Arrow and numba import if installed: no command uses them, and they cost 0.3 s, so they are hidden."""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder


class _Unneeded(MetaPathFinder):
    def find_spec(self, fullname: str, _path: object, _target: object = None) -> None:
        if fullname in {"pandas", "scipy"}:
            raise ModuleNotFoundError(fullname, name=fullname)


_HIDDEN = _Unneeded()


def hide() -> None:
    """Make imports of them fail."""
    sys.meta_path.insert(0, _HIDDEN)


def show() -> None:
    """Let them be imported again."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if finder is not _HIDDEN]

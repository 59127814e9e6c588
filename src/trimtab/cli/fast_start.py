"""Libraries that Arrow and numba import wherever they are installed: 0.3 s for what no command uses, so they are hidden."""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder


class _Unneeded(MetaPathFinder):
    def find_spec(self, fullname: str, _path: object, _target: object = None) -> None:
        if fullname in {"pandas", "scipy"}:
            raise ModuleNotFoundError(fullname, name=fullname)


_HIDDEN = _Unneeded()


def hide() -> None:
    """From now on an import of them fails."""
    sys.meta_path.insert(0, _HIDDEN)


def show() -> None:
    """They can be imported again."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if finder is not _HIDDEN]

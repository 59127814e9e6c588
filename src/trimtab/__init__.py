"""trimtab: the rebalancer that keeps a portfolio diversified, exactly and with a reason for everything.

Importing this module loads nothing heavy; each name brings its module with it when it is first used. `__init__.pyi` has
the names.
"""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

from trimtab.compatibility.renamed_modules import install as _install

_install()
_STATEMENTS = re.findall(
    r"^from (trimtab\.\S+) import ([^(\n]+|\([^)]+\))",
    Path(__file__).with_suffix(".pyi").read_text("utf-8"),
    re.MULTILINE,
)
_MODULE_OF = {name: module for module, names in _STATEMENTS for name in re.findall(r"(\w+) as", names)}

__version__ = "0.1.0"
__all__ = sorted(_MODULE_OF)  # noqa: PLE0605 - names of the stub


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'trimtab' has no attribute {name!r}")
    value = getattr(importlib.import_module(_MODULE_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

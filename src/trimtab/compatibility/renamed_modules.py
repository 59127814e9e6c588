"""Modules that have moved: their old paths work, with a warning, until 1.0."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys
import types
import warnings
from collections.abc import Sequence

NEW_PATHS = {
    "trimtab.backtesting.bootstrap": "trimtab.statistics.bootstrap",
    "trimtab.backtesting.overfitting": "trimtab.statistics.overfitting",
    "trimtab.backtesting.page_facts": "trimtab.backtesting.pages.backtest_facts",
    "trimtab.backtesting.splits": "trimtab.statistics.walk_forward",
    "trimtab.backtesting.statistics": "trimtab.statistics.performance",
    "trimtab.backtesting.sweep_facts": "trimtab.backtesting.pages.sweep_facts",
    "trimtab.batch.running": "trimtab.batch.run",
    "trimtab.explanation_json": "trimtab.explanations.explanation",
    "trimtab.market.holdings": "trimtab.market.valuation",
    "trimtab.result": "trimtab.rebalancing.result",
    "trimtab.scoring.measures": "trimtab.scoring.fundamental_measures",
}


class RenamedModules(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds an old path and fills it with the names of its new module."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002 - of the protocol
        target: types.ModuleType | None = None,  # noqa: ARG002
    ) -> importlib.machinery.ModuleSpec | None:
        """The spec of an old path; None for any other."""
        return importlib.machinery.ModuleSpec(fullname, self) if fullname in NEW_PATHS else None

    def exec_module(self, module: types.ModuleType) -> None:
        """Copy the names, and warn where they live now."""
        new = NEW_PATHS[module.__name__]
        message = f"{module.__name__} is now {new}; the old path works until 1.0"
        warnings.warn(message, DeprecationWarning, stacklevel=2)
        names = vars(importlib.import_module(new))
        module.__dict__.update({name: value for name, value in names.items() if not name.startswith("__")})


def install() -> None:
    """Look for old paths after every other finder."""
    if not any(isinstance(finder, RenamedModules) for finder in sys.meta_path):
        sys.meta_path.append(RenamedModules())

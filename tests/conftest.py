"""Tests run on all cores, up to eight. Without the market data some are skipped with a reason. Hand-worked cases also
run plain."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from compile_first import compile_missing
from kernel_runs import plain_account

import trimtab.explanations.reruns
import trimtab.rebalancing.decide
import trimtab.rebalancing.stages
from trimtab.kernel.account import rebalance_account, select_account, size_account
from trimtab.kernel.accounts import rebalance_accounts
from trimtab.kernel.block import BlockExposures, rebalance_block
from trimtab.kernel.compilation import undecorated
from trimtab.kernel.order_block import plan_block
from trimtab.kernel.records import Exposed, empty_answer

os.environ["TRIMTAB_STORE"] = tempfile.mkdtemp(prefix="trimtab-store-") + "/runs.db"  # no test writes to the user's
DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """The whole suite uses every core. Where files or folders are named, starting workers costs more; `-n` decides."""
    if not config.pluginmanager.hasplugin("xdist") or hasattr(config, "workerinput"):
        return
    if config.option.numprocesses is None and config.args_source is pytest.Config.ArgsSource.TESTPATHS:
        config.option.numprocesses = "auto"  # 0 with --pdb
        config.option.maxprocesses = config.option.maxprocesses or 8
    if config.option.numprocesses and config.option.dist == "no":
        config.option.dist = "worksteal"
    if config.option.numprocesses and not config.option.collectonly:
        compile_missing(thorough=config.option.markexpr != "not thorough")


@pytest.fixture(scope="session")
def market_data() -> Path:
    """The folder of real market data, where it is present."""
    if not DATA.is_dir():
        pytest.skip("the market data folder ../shared/data is not here")
    return DATA


@pytest.fixture
def also_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every rebalance of the test also runs undecorated, and must give the same bits."""
    compiled = trimtab.rebalancing.decide.rebalance_account

    def both(rows: Any, tree: Any, settings: Any, partners: Any, exposed: Any, answer: Any) -> bool:
        plain = empty_answer(len(answer))  # not a copy: the bytes between the fields count too
        braked = compiled(rows, tree, settings, partners, exposed, answer)
        assert plain_account(rows, tree, settings, partners, exposed, plain) == braked
        assert plain.tobytes() == answer.tobytes()
        return bool(braked)

    monkeypatch.setattr(trimtab.rebalancing.decide, "rebalance_account", both)


def _plain_with_exposures(name: str, entry: Any) -> tuple[str, Any]:
    """A function of the kernel that runs undecorated where it is given exposures."""
    plain = undecorated(entry)

    def chosen(*arguments: Any) -> Any:
        has_exposures = any(isinstance(argument, Exposed | BlockExposures) for argument in arguments)
        return (plain if has_exposures else entry)(*arguments)

    chosen.py_func = entry.py_func  # type: ignore[attr-defined] # tests that run the plain function find it
    return name, chosen


_ENTRIES = [
    _plain_with_exposures("trimtab.rebalancing.decide.rebalance_account", rebalance_account),
    _plain_with_exposures("trimtab.kernel.accounts.rebalance_accounts", rebalance_accounts),
    _plain_with_exposures("trimtab.rebalancing.stages.select_account", select_account),
    _plain_with_exposures("trimtab.rebalancing.stages.size_account", size_account),
    _plain_with_exposures("trimtab.explanations.reruns.rebalance_account", rebalance_account),
    _plain_with_exposures("trimtab.explanations.reruns.select_account", select_account),
    _plain_with_exposures("trimtab.blocks.decide_block.rebalance_block", rebalance_block),
    _plain_with_exposures("trimtab.orders.stage.plan_block", plan_block),
    _plain_with_exposures("trimtab.orders.decide_orders.plan_block", plan_block),
]


@pytest.fixture(autouse=True)
def plain_exposures(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Quick tests decide accounts with exposures undecorated, since compiling that takes longer than all of them."""
    if request.node.get_closest_marker("thorough") is None:
        for name, entry in _ENTRIES:
            monkeypatch.setattr(name, entry)

"""The orders of a plan as the files of a format, not yet written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trimtab.errors import Fault, InputError, LimitsError, shown
from trimtab.limits.order_file_settings import OrderFileSettings
from trimtab.order_files.file_order import FileOrder
from trimtab.order_files.formats import PHASES, OrderFile, format_of, order_files, phase_path
from trimtab.orders.plan import Plan

_FIELDS = (
    "asset", "side", "phase", "client_order_id", "shares", "amount", "price", "fee", "closes", "reason", "cash_after",
    "wash_sale",
)  # fmt: skip


def file_orders(plan: Plan) -> tuple[FileOrder, ...]:
    """The orders of a plan, with every field of a file."""
    return tuple(FileOrder(**{name: getattr(order, name) for name in _FIELDS}) for order in plan.orders)


def files_of(plan: Plan, path: Path, format: str | None = None, settings: Any = None) -> tuple[OrderFile, ...]:  # noqa: A002
    """The files that hold the orders of a plan; none of them replaces orders of another plan.

    Raises
    ------
    SetupError
        An unknown format.
    LimitsError
        Unusable settings.
    InputError
        Orders that the broker would refuse, or that the format cannot hold; orders of another plan under the same name.
    """
    files = order_files(path, file_orders(plan), plan.quotes, given_file_settings(settings), format)
    if format_of(format, path).broker is not None:
        _check_phases(path, files)
    return files


def _check_phases(path: Path, files: Sequence[OrderFile]) -> None:
    """Refuse to mix two plans: old buys beside new sells would be taken for one plan."""
    data = {file.path: file.data for file in files}
    others = [
        other
        for other in (phase_path(path, phase) for phase in PHASES)
        if other.exists() and (other not in data or other.read_bytes() != data[other])
    ]
    if others:
        advice = "move it away, or name another file"
        raise InputError([Fault("holds orders of another plan", advice, source=str(other)) for other in others])


def given_file_settings(settings: Any) -> OrderFileSettings:
    """Settings from what a user gave: an `OrderFileSettings`, a mapping of its fields, or None.

    Raises
    ------
    LimitsError
        Something else, or unusable settings.
    """
    if isinstance(settings, OrderFileSettings):
        return settings
    if settings is None or isinstance(settings, Mapping):
        return OrderFileSettings(**(settings or {}))
    raise LimitsError([f"settings must be OrderFileSettings or a mapping of its fields (received {shown(settings)})"])

"""The formats of order files: how each is written and read, and whether its phases are files of their own.

Every file is read back before it leaves: what cannot be read back as the same orders is not written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from trimtab.errors import Fault, InputError, SetupError, nearest
from trimtab.limits.order_file_settings import OrderFileSettings
from trimtab.order_files import alpaca, fix, ibkr, order_lists, order_text
from trimtab.order_files.broker_orders import Broker, broker_orders, symbol_of
from trimtab.order_files.file_order import FileOrder, Quote
from trimtab.symbols.currencies import HUNDREDTHS

PHASES = {1: "1-sells", 2: "2-buys", 3: "3-buys-after-settlement"}
_PHASE = re.compile(rf".*-(?:{'|'.join(PHASES.values())})", re.DOTALL).fullmatch


class OrderFile(NamedTuple):
    """A file to write: its path, its bytes and the number of its orders."""

    path: Path
    data: bytes
    size: int


@dataclass(frozen=True)
class Format:
    """One format. Brokers' formats have a file for each phase, lists a column."""

    suffix: str
    read: Callable[[bytes, str, int], tuple[FileOrder, ...]]
    write: Callable[[Sequence[FileOrder], Mapping[str, str], OrderFileSettings], bytes]
    broker: Broker | None = None
    fields: tuple[str, ...] = ()  # of a list: those that the format carries


FORMATS: dict[str, Format] = {
    "ibkr": Format(".csv", ibkr.read, ibkr.write, ibkr.BROKER),
    "alpaca": Format(".jsonl", alpaca.read, alpaca.write, alpaca.BROKER),
    "fix": Format(".csv", fix.read, fix.write, fix.BROKER),
    "csv": Format(
        ".csv",
        lambda data, source, _: order_lists.read_csv_list(data, source),
        lambda orders, _, __: order_lists.write_csv(orders),
        fields=order_lists.COLUMNS,
    ),
    "xlsx": Format(
        ".xlsx",
        lambda data, source, _: order_lists.read_xlsx_list(data, source),
        lambda orders, _, __: order_lists.write_xlsx(orders),
        fields=order_lists.COLUMNS,
    ),
    "text": Format(
        ".txt",
        lambda data, source, _: order_text.read(data, source),
        lambda orders, _, __: order_text.write(orders),
        fields=("asset", "side", "shares", "price", "phase", "client_order_id"),
    ),
}


def format_of(name: str | None, path: Path) -> Format:
    """A format by its name, or by the suffix of a file where a suffix has only one.

    Raises
    ------
    SetupError
        An unknown name or suffix, or a name that does not go with the suffix.
    """
    if name is None:
        by_suffix = {".csv": "csv", ".xlsx": "xlsx", ".jsonl": "alpaca", ".txt": "text"}
        name = by_suffix.get(path.suffix.casefold())
        if name is None:
            raise SetupError(
                f"no order file is called {path.suffix!r}", f"use {', '.join(by_suffix)}, or name a format"
            )
    if name not in FORMATS:
        raise SetupError(f"there is no order file of the format {name!r}", nearest(name, FORMATS))
    chosen = FORMATS[name]
    if path.suffix.casefold() != chosen.suffix:
        raise SetupError(f"{path.name} is not called like the format {name}", f"let it end in {chosen.suffix}")
    return chosen


def carried(
    chosen: Format, orders: Iterable[FileOrder], quotes: Mapping[str, Quote], settings: OrderFileSettings
) -> tuple[FileOrder, ...]:
    """The orders of a plan, with what this format carries of them, in the broker's terms.

    Raises
    ------
    InputError
        Orders that the broker would refuse.
    """
    if chosen.broker is not None:
        return broker_orders(chosen.broker, orders, quotes, settings)
    return tuple(FileOrder(**{name: getattr(order, name) for name in chosen.fields}) for order in orders)


def order_files(
    path: Path,
    orders: Sequence[FileOrder],
    quotes: Mapping[str, Quote],
    settings: OrderFileSettings,
    name: str | None = None,
) -> tuple[OrderFile, ...]:
    """The files that hold these orders: one, or one for each phase that has orders.

    Raises
    ------
    SetupError
        An unknown format.
    InputError
        Orders that the broker would refuse, or that the format cannot hold exactly.
    """
    chosen = format_of(name, path)
    in_file = carried(chosen, orders, quotes, settings)
    if chosen.broker is None:
        return (_checked(chosen, path, in_file, {}, settings, 0),)
    currencies = {symbol_of(asset, chosen.broker.class_separator): quote.currency for asset, quote in quotes.items()}
    named = {symbol: HUNDREDTHS.get(currency, currency) for symbol, currency in currencies.items() if currency}
    by_phase = groupby(sorted(in_file, key=lambda order: order.phase), key=lambda order: order.phase)
    return tuple(
        _checked(chosen, phase_path(path, phase), tuple(own), named, settings, phase) for phase, own in by_phase
    )


def _checked(
    chosen: Format,
    path: Path,
    orders: Sequence[FileOrder],
    currencies: Mapping[str, str],
    settings: OrderFileSettings,
    phase: int,
) -> OrderFile:
    """A file, read back and compared with its orders."""
    data = chosen.write(orders, currencies, settings)
    back = chosen.read(data, path.name, phase) if orders else ()
    if back != tuple(orders):
        differing = next((order.asset for order, other in zip(orders, back, strict=False) if order != other), "")
        problem = f"the order of {differing!r} does not read back from this format as written"
        raise InputError([Fault(problem, "rename the asset, or choose another format")], path.name)
    return OrderFile(path, data, len(orders))


def phase_path(path: Path, phase: int) -> Path:
    """The file of a phase.

    >>> phase_path(Path("orders.csv"), 1).name
    'orders-1-sells.csv'
    """
    return path.with_name(f"{path.stem}-{PHASES[phase]}{path.suffix}")


def read_orders(path: str | Path, format: str | None = None) -> tuple[FileOrder, ...]:  # noqa: A002
    """The orders in a file that trimtab wrote. `path` is the name given when it was written, or a file of one phase.

    Without a format, the suffix chooses, as in `write_orders`.

    Raises
    ------
    SetupError
        An unknown format.
    InputError
        A file that cannot be read, or is not of this format.
    """
    path = Path(path)
    chosen = format_of(format, path)
    if chosen.broker is None or _PHASE(path.stem):
        phase = next((number for number, text in PHASES.items() if path.stem.endswith(f"-{text}")), 0)
        return chosen.read(_bytes(path), str(path), phase)
    files = [(phase, phase_path(path, phase)) for phase in PHASES]
    existing = [(phase, file) for phase, file in files if file.exists()]
    if not existing:
        raise InputError(
            [Fault(f"there is no file {files[0][1].name}, nor one of another phase", "check the path")], str(path)
        )
    return tuple(order for phase, file in existing for order in chosen.read(_bytes(file), str(file), phase))


def _bytes(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        data.decode()  # all formats but workbooks are text
    except UnicodeDecodeError:
        if path.suffix.casefold() != ".xlsx":
            raise InputError([Fault("is not a text file", "write the file again")], str(path)) from None
    except OSError as error:
        raise InputError([Fault(f"cannot be read ({error.strerror})", "check the path")], str(path)) from None
    return data

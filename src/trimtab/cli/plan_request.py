"""A plan from the options of the command line: its inputs read, and the options in a form that can be stored."""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trimtab.cli.chosen_limits import ChosenLimits, read_limits
from trimtab.cli.inputs import CandidateInputs, read_inputs
from trimtab.cli.notices import Notices
from trimtab.cli.options import Account, AliasFile, DataOptions, LimitOptions

if TYPE_CHECKING:
    import pyarrow as pa

    from trimtab.limits.order_settings import OrderSettings
    from trimtab.orders.plan import Plan
    from trimtab.store.plan_inputs import PlanInputs

_COMPILING = 40  # seconds
_PATHS = ("file", "positions", "latest_prices", "fx", "tax_lots", "recent", "aliases", "limits")
_BY_ASSET = ("positions", "prices")  # tables that may call their assets symbol or ticker

Cash = Annotated[str, typer.Option(metavar="AMOUNT", help="Cash held, in the currency of the prices.")]
CashFlow = Annotated[
    str, typer.Option(metavar="AMOUNT", help="Cash paid in before the orders; below 0: paid out.", show_default=False)
]
Positions = Annotated[Path | None, typer.Option(metavar="FILE", help="Shares held, if not in FILE: asset and shares.")]
PriceFile = Annotated[
    Path | None, typer.Option("--latest-prices", metavar="FILE", help="Prices, if not in FILE: asset and price.")
]
Fx = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="The value of one unit of each currency in yours: asset (the currency) and fx."),
]
TaxLots = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Purchases: asset, lot_id, shares, cost (in all) and acquired.")
]
Recent = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Recent trades anywhere: group, date, kind (buy or loss_sale).")
]
Today = Annotated[
    str | None, typer.Option(metavar="DATE", help="The day from which holding periods and wash sales are counted.")
]
OrderSetting = Annotated[
    list[str] | None,
    typer.Option(
        "--order",
        metavar="FIELD=VALUE",
        help="Change one setting of the orders: mode=buy_only, cash_buffer=0.01, fees.per_order=1 ...; repeatable.",
    ),
]


@dataclass(frozen=True)
class PlanOptions:
    """The inputs of a plan beside the candidates and the limits."""

    cash: Cash
    cash_flow: CashFlow = "0"
    positions: Positions = None
    latest_prices: PriceFile = None
    fx: Fx = None
    tax_lots: TaxLots = None
    recent: Recent = None
    today: Today = None
    order: OrderSetting = None
    account: Account = None
    aliases: AliasFile = None

    @property
    def files(self) -> dict[str, Path]:
        """The files beside the candidates, by the names of the arguments of `trimtab.plan`."""
        named = {
            "positions": self.positions,
            "prices": self.latest_prices,
            "fx": self.fx,
            "tax_lots": self.tax_lots,
            "recent": self.recent,
        }
        return {name: path for name, path in named.items() if path is not None}


@dataclass(frozen=True)
class PlanRequest:
    """The inputs of a plan, and the files and options they came from."""

    candidates: CandidateInputs
    chosen: ChosenLimits
    inputs: PlanInputs
    sources: dict[str, Any]

    @property
    def files(self) -> list[Path]:
        """Every file that was read."""
        return [*self.candidates.files, *self.chosen.files, *map(Path, self.sources["tables"].values())]

    def decide(self, notices: Notices) -> Plan:
        """The plan, and what is worth knowing about it."""
        from trimtab.cli.one_account import give_notice
        from trimtab.kernel.orders import plan_account
        from trimtab.orders.account_table import ORDER_COLUMNS

        with self.candidates.named_in_errors(), self.chosen.named_in_errors():
            notices.note_compiling(plan_account, _COMPILING)
            made = self.inputs.decide()
        for note in made.notes:
            notices.warn(note)
        give_notice(made.result, replace(self.candidates, used_columns=ORDER_COLUMNS), self.chosen, notices)
        return made


def read_request(file: Path | None, options: PlanOptions, limits: LimitOptions, notices: Notices) -> PlanRequest:
    """Read every input of a plan.

    Raises
    ------
    typer.BadParameter
        No FILE, or an option that cannot be read.
    TrimtabError
        Files or limits that cannot be used.
    """
    from trimtab.files.candidate_file import check_single
    from trimtab.store.plan_inputs import PlanInputs

    if file is None:
        raise typer.BadParameter("give FILE: the candidates, with asset, score, shares and price")
    chosen = read_limits(limits)
    candidates = read_inputs(file, DataOptions(account=options.account, aliases=options.aliases), notices)
    check_single(candidates.table, candidates.name)
    inputs = PlanInputs(
        candidates.table,
        chosen.limits,
        _settings(options.order),
        _amount(options.cash, "cash"),
        _amount(options.cash_flow, "cash_flow"),
        _day(options.today),
        _tables(options, candidates, notices),
    )
    return PlanRequest(candidates, chosen, inputs, _sources(file, options, limits))


def _tables(options: PlanOptions, candidates: CandidateInputs, notices: Notices) -> dict[str, pa.Table]:
    """The tables beside the candidates, with the names that the candidates have."""
    from trimtab.files.alias_file import read_aliases
    from trimtab.files.candidate_file import CandidateFile, read_candidate_file

    known, tables = CandidateFile(candidates.name, candidates.table).names(), {}
    for name, path in options.files.items():
        file = read_candidate_file(path)
        if name in _BY_ASSET:
            file, renamed = file.in_spelling(read_aliases(options.aliases), known)
            for old, new in renamed.items():
                notices.note(f"joined by alias: {old} in {path} is {new} in {candidates.name}")
        tables[name] = file.table
    return tables


def _sources(file: Path, options: PlanOptions, limits: LimitOptions) -> dict[str, Any]:
    """The options as plain values, paths from the root, so that `apply` can read the same files again."""
    values = {**vars(options), **vars(limits), "file": file}
    return {name: _absolute(value) for name, value in values.items() if value is not None} | {
        "tables": {name: _absolute(path) for name, path in options.files.items()}
    }


def _absolute(value: Any) -> Any:
    return (
        str(value.resolve())
        if isinstance(value, Path) and str(value) != "-"
        else value
        if not isinstance(value, Path)
        else "-"
    )


def reread(sources: Mapping[str, Any], changed: Mapping[str, Any], notices: Notices) -> PlanRequest:
    """Read the inputs of a stored plan again, with their present values; `changed` names other files or values.

    Raises
    ------
    InputError
        They came from standard input, or from Python.
    """
    from trimtab.errors import Fault, InputError

    values = {**sources, **{name: value for name, value in changed.items() if value is not None}}
    if values.get("file", "-") == "-":
        problem = "the candidates came from standard input, or from Python"
        raise InputError([Fault(problem, "name the file that has them now: --file FILE")])
    given: dict[str, Any] = {name: Path(value) if name in _PATHS else value for name, value in values.items()}
    options = PlanOptions(**{each.name: given[each.name] for each in fields(PlanOptions) if each.name in given})
    limits = LimitOptions(**{each.name: given[each.name] for each in fields(LimitOptions) if each.name in given})
    return read_request(given["file"], options, limits, notices)


def _amount(text: str, name: str) -> Decimal:
    from trimtab.decimals import decimal_of
    from trimtab.errors import Fault, InputError

    try:
        return decimal_of(text)
    except TypeError:
        fault = Fault(f"{name}: is not an amount of money", "give a number", value=text)
        raise InputError([fault]) from None


def _day(text: str | None) -> dt.date | None:
    try:
        return None if text is None else dt.date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"--today {text!r} is not a day: write it as 2026-03-02") from None


def _settings(texts: list[str] | None) -> OrderSettings:
    """`field=value` as settings of the orders; `fees.per_order=1` goes into the fees."""
    from trimtab.limits.order_settings import given_settings
    from trimtab.limits.regimes import laid_over

    settings: dict[str, Any] = {}
    for text in texts or ():
        name, sign, value = text.partition("=")
        try:
            number = tomllib.loads(f"{name} = {value}", parse_float=str)
        except tomllib.TOMLDecodeError:
            number = _as_text(name, value)
        if not sign or not number:
            raise typer.BadParameter(f"--order {text!r} is not a setting: write field=value, such as cash_buffer=0.01")
        settings = laid_over(settings, _numbers(number))
    return given_settings(settings, {})


def _as_text(name: str, value: str) -> dict[str, Any]:
    try:
        return tomllib.loads(f'{name} = "{value.strip()}"')
    except tomllib.TOMLDecodeError:
        return {}


def _numbers(settings: dict[str, Any]) -> dict[str, Any]:
    """Fractions as floats; amounts of money stay text, since they are exact."""
    from trimtab.limits.order_settings import Fees, OrderSettings

    kinds = {each.name: each.metadata.get("kind") for each in (*fields(OrderSettings), *fields(Fees))}

    def typed(name: str, value: Any) -> Any:
        if isinstance(value, dict):
            return {inner: typed(inner, item) for inner, item in value.items()}
        return float(value) if kinds.get(name) is float and isinstance(value, str) and _is_number(value) else value

    return {name: typed(name, value) for name, value in settings.items()}


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).replace("-", "", 1).isdigit()

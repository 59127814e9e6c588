"""`trimtab plan`."""

from __future__ import annotations

import datetime as dt
import tomllib
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trimtab.cli.exit_codes import ExitCode, exit_codes
from trimtab.cli.notices import Notices
from trimtab.cli.options import (
    Account,
    AliasFile,
    All,
    DataOptions,
    File,
    Format,
    FormatOption,
    LimitOptions,
    Out,
    Quiet,
    grouped,
)

if TYPE_CHECKING:
    import pyarrow as pa

    from trimtab.cli.chosen_limits import ChosenLimits
    from trimtab.cli.inputs import CandidateInputs
    from trimtab.orders.plan import Plan

_FILE_WIDTH = 120

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
    typer.Option(metavar="FILE", help="What one unit of each currency is worth in yours: asset (the currency) and fx."),
]
TaxLots = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Purchases: asset, lot_id, shares, cost (in all) and acquired.")
]
Recent = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Recent trades anywhere: group, date, kind (buy or loss_sale).")
]
Today = Annotated[str | None, typer.Option(metavar="DATE", help="The day that terms and wash sales are counted from.")]
OrderSetting = Annotated[
    list[str] | None,
    typer.Option(
        "--order",
        metavar="FIELD=VALUE",
        help="Change one setting of the orders: mode=buy_only, cash_buffer=0.01, fees.per_order=1 ...; repeatable.",
    ),
]


@exit_codes
@grouped
def plan(
    limits: LimitOptions,
    cash: Cash,
    file: File = None,
    cash_flow: CashFlow = "0",
    positions: Positions = None,
    latest_prices: PriceFile = None,
    fx: Fx = None,
    tax_lots: TaxLots = None,
    recent: Recent = None,
    today: Today = None,
    order: OrderSetting = None,
    account: Account = None,
    aliases: AliasFile = None,
    form: FormatOption = None,
    out: Out = None,
    show_all: All = False,
    quiet: Quiet = False,
) -> int:
    """Decide what to trade: a list of orders in whole lots, sells first, with the cash after each.

    FILE has a row per asset: asset, score, shares and price; add bucket, lot, currency, restriction where you have them.
    """
    from trimtab.cli.chosen_limits import read_limits
    from trimtab.cli.inputs import read_inputs
    from trimtab.cli.output import check_out, format_of

    if file is None:
        raise typer.BadParameter("give FILE: the candidates, with asset, score, shares and price")
    notices = Notices(quiet=quiet)
    chosen_format, chosen = format_of(form, out), read_limits(limits)
    inputs = read_inputs(file, DataOptions(account=account, aliases=aliases), notices)
    tables = {"positions": positions, "prices": latest_prices, "fx": fx, "tax_lots": tax_lots, "recent": recent}
    given = {name: path for name, path in tables.items() if path is not None}
    if out is not None:
        check_out(out, [*inputs.files, *chosen.files, *given.values()])
    named = _tables(given, inputs, aliases, notices)
    made = _decide(inputs, chosen, named, notices, cash=cash, cash_flow=cash_flow, today=_day(today), settings=order)
    _put_out(made, inputs.title, chosen_format, out, notices, show_all=show_all)
    return ExitCode.BRAKED if made.result.braked else ExitCode.FINE


def _day(text: str | None) -> dt.date | None:
    try:
        return None if text is None else dt.date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"--today {text!r} is not a day: write it as 2026-03-02") from None


def _settings(texts: list[str] | None) -> dict[str, Any]:
    """`field=value` as settings of the orders; `fees.per_order=1` goes into the fees."""
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
    return settings


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


def _tables(
    files: dict[str, Path], inputs: CandidateInputs, aliases: Path | None, notices: Notices
) -> dict[str, pa.Table]:
    """The tables beside the candidates, with the names that the candidates have."""
    from trimtab.files.alias_file import read_aliases
    from trimtab.files.candidate_file import CandidateFile, read_candidate_file

    known, tables = CandidateFile(inputs.name, inputs.table).names(), {}
    for name, path in files.items():
        file = read_candidate_file(path)
        if name in ("positions", "prices"):
            file, renamed = file.in_spelling(read_aliases(aliases), known)
            for old, new in renamed.items():
                notices.note(f"joined by alias: {old} in {path} is {new} in {inputs.name}")
        tables[name] = file.table
    return tables


def _decide(
    inputs: CandidateInputs,
    chosen: ChosenLimits,
    tables: dict[str, pa.Table],
    notices: Notices,
    *,
    cash: str,
    cash_flow: str,
    today: dt.date | None,
    settings: list[str] | None,
) -> Plan:
    from trimtab.cli.one_account import give_notice
    from trimtab.files.candidate_file import check_single
    from trimtab.kernel.orders import plan_account
    from trimtab.orders.account_table import ORDER_COLUMNS
    from trimtab.orders.doors import plan as make_plan

    check_single(inputs.table, inputs.name)
    with inputs.named_in_errors(), chosen.named_in_errors():
        notices.note_compiling(plan_account, 40)
        made = make_plan(
            inputs.table,
            chosen.limits,
            cash=cash,
            cash_flow=cash_flow,
            today=today,
            settings=_settings(settings),
            **tables,
        )
    for note in made.notes:
        notices.warn(note)
    give_notice(made.result, replace(inputs, used_columns=ORDER_COLUMNS), chosen, notices)
    return made


def _put_out(made: Plan, title: str, form: str, out: Path | None, notices: Notices, *, show_all: bool) -> None:
    """Write the plan in its format, to a file or stdout."""
    from trimtab.cli.output import encoded_table, write_out

    if form == "json":
        write_out(made.to_json().encode(), out, notices)
        return
    if form != Format.TABLE:
        write_out(encoded_table(made.to_arrow(), form), out, notices)
        return
    from trimtab.cli.screens.outcome import printed
    from trimtab.cli.screens.trades import trade_page

    data = printed(
        lambda _, ascii_only: trade_page(made, title, ascii_only=ascii_only, show_all=show_all),
        None if out is None else _FILE_WIDTH,
    )
    write_out(data, out, notices)

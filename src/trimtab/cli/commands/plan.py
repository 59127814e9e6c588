"""`trimtab plan`."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
    from trimtab.orders.release import Desk, Release

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
    typer.Option(metavar="FILE", help="The value of one unit of each currency in yours: asset (the currency) and fx."),
]
TaxLots = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Purchases: asset, lot_id, shares, cost (in all) and acquired.")
]
Recent = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Recent trades anywhere: group, date, kind (buy or loss_sale).")
]
Today = Annotated[
    str | None,
    typer.Option(metavar="DATE", help="The day of the plan: for holding periods, wash sales and the age of prices."),
]
LastSession = Annotated[
    str | None,
    typer.Option("--last-session", metavar="DATE", help="The last session of the market; default: the weekday before."),
]
Record = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Orders written so far, as JSON lines; none is written twice within a day."),
]
State = Annotated[
    Path | None, typer.Option(metavar="FILE", help="A file that says NORMAL, REDUCING (only sells) or HALTED.")
]
Acknowledge = Annotated[
    list[str] | None,
    typer.Option("--acknowledge", metavar="GATE", help="Let a gate through: its name, or name:ASSET; repeatable."),
]
By = Annotated[str, typer.Option("--by", metavar="NAME", help="With --acknowledge: who lets it through.")]
Why = Annotated[str, typer.Option("--why", metavar="TEXT", help="With --acknowledge: the reason.")]


@dataclass(frozen=True)
class AccountOptions:
    """The account's cash, and the files beside its candidates."""

    cash: Cash
    cash_flow: CashFlow = "0"
    positions: Positions = None
    latest_prices: PriceFile = None
    fx: Fx = None
    tax_lots: TaxLots = None
    recent: Recent = None
    today: Today = None

    @property
    def tables(self) -> dict[str, Path]:
        """The files that are given, by the argument of `plan` that they are for."""
        files = {
            "positions": self.positions,
            "prices": self.latest_prices,
            "fx": self.fx,
            "tax_lots": self.tax_lots,
            "recent": self.recent,
        }
        return {name: path for name, path in files.items() if path is not None}


@dataclass(frozen=True)
class DeskOptions:
    """The files and days that hold orders back, and the person who lets them through."""

    last_session: LastSession = None
    record: Record = None
    state: State = None
    acknowledge: Acknowledge = None
    by: By = ""
    why: Why = ""


@exit_codes
@grouped
def plan(
    limits: LimitOptions,
    holdings: AccountOptions,
    desk: DeskOptions,
    file: File = None,
    account: Account = None,
    aliases: AliasFile = None,
    form: FormatOption = None,
    out: Out = None,
    show_all: All = False,
    quiet: Quiet = False,
) -> int:
    """Decide what to trade: a list of orders in whole lots, sells first, with the cash after each.

    FILE has a row per asset: asset, score, shares and price; bucket, lot, currency and restriction are optional, as are
    price_date and previous_price for the gates. Settings of orders and gates: --set orders.mode=buy_only,
    --set orders.fees.per_order=1, --set gates.max_order_share=0.5.
    """
    from trimtab.cli.chosen_limits import read_limits
    from trimtab.cli.inputs import read_inputs
    from trimtab.cli.output import check_out, format_of
    from trimtab.orders.release import may_write

    if file is None:
        raise typer.BadParameter("give FILE: the candidates, with asset, score, shares and price")
    notices = Notices(quiet=quiet)
    chosen_format, chosen = format_of(form, out), read_limits(limits)
    inputs = read_inputs(file, DataOptions(account=account, aliases=aliases), notices)
    others = [path for path in (desk.record, desk.state) if path is not None]
    if out is not None:
        check_out(out, [*inputs.files, *chosen.files, *holdings.tables.values(), *others])
    today = _day(holdings.today, "--today")
    tables = _tables(holdings.tables, inputs, aliases, notices)
    made = _decide(inputs, chosen, holdings, tables, today, notices)
    release = may_write(made, _desk(desk, today))
    _put_out(made, release, inputs.title, chosen_format, out, notices, show_all=show_all)
    if made.result.braked:
        return ExitCode.BRAKED
    return ExitCode.FINE if release.is_granted else ExitCode.HELD


def _desk(options: DeskOptions, today: dt.date | None) -> Desk:
    from trimtab.orders.price_history import last_weekday_before
    from trimtab.orders.release import Acknowledgement, Desk

    if (options.by or options.why) and not options.acknowledge:
        raise typer.BadParameter("--by and --why need --acknowledge")
    now = dt.datetime.now(dt.UTC)
    last = _day(options.last_session, "--last-session")
    if last is None and today is not None:
        last = last_weekday_before(today)
    named = [text.partition(":") for text in options.acknowledge or ()]
    return Desk(
        now=now,
        last_session=last,
        record=options.record,
        state=options.state,
        acknowledgements=[Acknowledgement(gate, options.by, options.why, asset) for gate, _, asset in named],
    )


def _day(text: str | None, option: str) -> dt.date | None:
    try:
        return None if text is None else dt.date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{option} {text!r} is not a day: write it as 2026-03-02") from None


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
    account: AccountOptions,
    tables: dict[str, pa.Table],
    today: dt.date | None,
    notices: Notices,
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
            inputs.table, chosen.limits, cash=account.cash, cash_flow=account.cash_flow, today=today, **tables
        )
    for note in made.notes:
        notices.warn(note)
    give_notice(made.result, replace(inputs, used_columns=ORDER_COLUMNS), chosen, notices)
    return made


def _put_out(
    made: Plan, release: Release, title: str, form: str, out: Path | None, notices: Notices, *, show_all: bool
) -> None:
    """Write the plan in its format, to a file or stdout; orders that a gate holds back are not written."""
    from trimtab.cli.output import encoded_table, write_out

    if form == Format.TABLE:
        write_out(_page(made, release, title, out, show_all=show_all), out, notices)
        return
    if not release.is_granted:
        notices.error("the orders are held back", *(f"  - {gate.sentence}" for gate in release.held))
        if out is not None and out.exists():
            notices.warn(f"{out} was left unchanged: it does not have these orders")
        if form == "json" and out is None:
            write_out(_json(made, release), out, notices)
        return
    release.write_record()
    write_out(_json(made, release) if form == "json" else encoded_table(made.to_arrow(), form), out, notices)


def _page(made: Plan, release: Release, title: str, out: Path | None, *, show_all: bool) -> bytes:
    from trimtab.cli.screens.outcome import printed
    from trimtab.cli.screens.trades import trade_page

    return printed(
        lambda _, ascii_only: trade_page(made, release, title, ascii_only=ascii_only, show_all=show_all),
        None if out is None else _FILE_WIDTH,
    )


def _json(made: Plan, release: Release) -> bytes:
    """The plan with its gates; orders that are held back are not where a program looks for orders."""
    from trimtab.orders.plan import json_text

    document = {**made.to_dict(), **release.to_dict()}
    if not release.is_granted:
        document |= {"orders": [], "held_orders": document["orders"]}
    return json_text(document).encode()

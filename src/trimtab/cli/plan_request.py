"""A plan from the options of the command line: its inputs read, and the options in a form that can be stored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trimtab.cli.broker_inputs import broker_holdings, number_column
from trimtab.cli.desk_options import day_of
from trimtab.cli.notices import COMPILING_ORDERS, Notices
from trimtab.cli.options import (
    Account,
    AliasFile,
    Buckets,
    Classify,
    DataOptions,
    Exposures,
    Holdings,
    LimitOptions,
    Scores,
    option,
)
from trimtab.orders.broker_candidates import is_broker_file

if TYPE_CHECKING:
    import pyarrow as pa

    from trimtab.cli.chosen_limits import ChosenLimits
    from trimtab.cli.inputs import CandidateInputs
    from trimtab.orders.plan import Plan
    from trimtab.store.plan_inputs import PlanInputs

_BUCKET_ADVICE = "add a column bucket, or --classify todo.csv to look them up in the default map"
_PATHS = (
    "file",
    "scores",
    "holdings",
    "buckets",
    "positions",
    "latest_prices",
    "fx",
    "tax_lots",
    "recent",
    "exposures",
    "aliases",
    "classify",
    "limits",
)
_BY_ASSET = ("positions", "prices")  # tables that may call their assets symbol or ticker

Cash = Annotated[
    str | None, option("AMOUNT", "Cash held, in the currency of the prices; default: the cash in a broker's file.")
]
CashFlow = Annotated[str, option("AMOUNT", "Cash paid in before the orders; below 0: paid out.", show_default=False)]
Positions = Annotated[Path | None, option("FILE", "Shares held, if not in FILE: asset and shares.")]
PriceFile = Annotated[Path | None, option("FILE", "Prices, if not in FILE: asset and price.", "--latest-prices")]
Fx = Annotated[
    Path | None, option("FILE", "The value of one unit of each currency in yours: asset (the currency) and fx.")
]
TaxLots = Annotated[Path | None, option("FILE", "Purchases: asset, lot_id, shares, cost (in all) and acquired.")]
Recent = Annotated[Path | None, option("FILE", "Recent trades anywhere: group, date, kind (buy or loss_sale).")]
Today = Annotated[
    str | None, option("DATE", "The day of the plan: for holding periods, wash sales and the age of prices.")
]


@dataclass(frozen=True)
class PlanOptions:
    """The inputs of a plan beside the candidates and the limits."""

    cash: Cash = None
    scores: Scores = None
    holdings: Holdings = None
    buckets: Buckets = None
    cash_flow: CashFlow = "0"
    positions: Positions = None
    latest_prices: PriceFile = None
    fx: Fx = None
    tax_lots: TaxLots = None
    recent: Recent = None
    today: Today = None
    account: Account = None
    aliases: AliasFile = None
    classify: Classify = None
    exposures: Exposures = None

    @property
    def files(self) -> dict[str, Path]:
        """The files beside the candidates, by the names of the inputs of a plan."""
        named = {
            "positions": self.positions,
            "prices": self.latest_prices,
            "fx": self.fx,
            "tax_lots": self.tax_lots,
            "recent": self.recent,
            "exposures": self.exposures,
        }
        return {name: path for name, path in named.items() if path is not None}

    @property
    def data(self) -> DataOptions:
        """The options that name the candidates."""
        named = ("scores", "holdings", "buckets", "account", "aliases")
        return DataOptions(**{name: getattr(self, name) for name in named})

    @property
    def has_broker_file(self) -> bool:
        """Whether the holdings are a broker's file."""
        return self.holdings is not None and is_broker_file(self.holdings)


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

    @contextmanager
    def _tables_named_in_errors(self) -> Iterator[None]:
        """Errors about a table beside the candidates name its file."""
        from trimtab.errors import InputError

        names = {name: Path(path).name for name, path in self.sources["tables"].items()}
        try:
            yield
        except InputError as error:
            raise InputError(
                [replace(fault, source=names.get(fault.source or "", fault.source)) for fault in error.faults]
            ) from None

    def decide(self, notices: Notices) -> Plan:
        """The plan, with notes on it."""
        from trimtab.cli.one_account import give_notice
        from trimtab.kernel.order_block import plan_block
        from trimtab.kernel.records import Exposed
        from trimtab.orders.account_table import ORDER_COLUMNS

        with self.candidates.named_in_errors(), self._tables_named_in_errors(), self.chosen.named_in_errors():
            notices.note_compiling(plan_block, COMPILING_ORDERS, Exposed if self.inputs.is_exposed else None)
            made = self.inputs.decide()
        if "shares" not in self.inputs.candidates.column_names and "positions" not in self.inputs.tables:
            notices.note(f"{self.candidates.name} has no column shares: the account starts from cash alone")
        for note in made.notes:
            notices.warn(note)
        inputs = replace(self.candidates, used_columns=ORDER_COLUMNS)
        give_notice(made.result, inputs, self.chosen, notices, bucket_advice=_BUCKET_ADVICE)
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
    from trimtab.cli.chosen_limits import read_limits
    from trimtab.cli.inputs import check_mixture, classified, read_inputs
    from trimtab.files.candidate_file import check_single
    from trimtab.store.plan_inputs import PlanInputs

    if file is None and options.scores is None and options.holdings is None:
        problem = "give FILE: the candidates, with asset, score, shares and price; or --scores and --holdings"
        raise typer.BadParameter(problem)
    check_mixture(file, options.data)
    if options.has_broker_file and options.positions is not None:
        raise typer.BadParameter("give either --positions or a broker's file as --holdings, not both")
    chosen = read_limits(limits)
    cash = options.cash
    if options.has_broker_file:
        candidates, cash = _from_broker(options, notices)
    else:
        candidates = read_inputs(file, options.data, notices)
    if cash is None:
        raise typer.BadParameter("give --cash: the amount, or --cash 0")
    check_single(candidates.table, candidates.name)
    if options.classify is not None:
        candidates = classified(candidates, options.classify, options.aliases, notices)
    inputs = PlanInputs(
        candidates.table,
        chosen.limits,
        chosen.limits.orders,
        _amount(cash, "--cash"),
        _amount(options.cash_flow, "--cash-flow"),
        day_of(options.today, "--today"),
        _tables(options, candidates, chosen, notices),
    )
    return PlanRequest(candidates, chosen, inputs, _sources(file, options, limits))


def _from_broker(options: PlanOptions, notices: Notices) -> tuple[CandidateInputs, str]:
    """Candidates with the shares and prices of one account of a broker's file, and its cash."""
    from trimtab.cli.inputs import joined_to, three_files
    from trimtab.files.alias_file import read_aliases
    from trimtab.files.candidate_file import read_candidate_file
    from trimtab.files.cells import plain_number

    paths = three_files(options.data)
    numbers: dict[str, dict[str, Decimal]] = {"prices": {}, "fx": {}}
    for name, column in (("prices", "price"), ("fx", "fx")):
        if name in options.files:
            file = read_candidate_file(options.files[name])
            numbers[name] = number_column(file.table, column, file.source)
    held = broker_holdings(paths[1], options.account, notices, options.cash, numbers["prices"], numbers["fx"])
    aliases = read_aliases(options.aliases)
    inputs = joined_to(held, held.in_shares(), paths, aliases, notices, numbers["prices"])
    return inputs, plain_number(held.cash)


def _tables(
    options: PlanOptions, candidates: CandidateInputs, chosen: ChosenLimits, notices: Notices
) -> dict[str, pa.Table]:
    """The tables beside the candidates, with the names that the candidates have; not those used with a broker's file."""
    from trimtab.cli.exposure_inputs import note_gaps, read_exposure_table, read_exposures
    from trimtab.files.alias_file import read_aliases
    from trimtab.files.candidate_file import CandidateFile, read_candidate_file

    known, tables = CandidateFile(candidates.name, candidates.table).names(), {}
    for name, path in options.files.items():
        if options.has_broker_file and name in ("prices", "fx"):
            continue
        if name == "exposures":
            tables[name] = read_exposure_table(path, candidates, options.account, options.aliases, notices)
            note_gaps(read_exposures(tables[name], path), candidates.table, chosen, notices)
            continue
        file = read_candidate_file(path)
        if name in _BY_ASSET:
            file, renamed = file.in_spelling(read_aliases(options.aliases), known)
            for old, new in renamed.items():
                notices.note(f"joined by alias: {old} in {path} is {new} in {candidates.name}")
        tables[name] = file.table
    return tables


def _sources(file: Path | None, options: PlanOptions, limits: LimitOptions) -> dict[str, Any]:
    """The options as plain values, paths from the root, so that `apply` can read the same files again."""
    values = {**vars(options), **vars(limits), "file": file}
    return {name: _absolute(value) for name, value in values.items() if value is not None} | {
        "tables": {name: _absolute(path) for name, path in options.files.items()}
    }


def _absolute(value: Any) -> Any:
    return str(value if str(value) == "-" else value.resolve()) if isinstance(value, Path) else value


def reread(sources: Mapping[str, Any], changed: Mapping[str, Any], notices: Notices) -> PlanRequest:
    """Read the inputs of a stored plan again, with their present values; `changed` names other files or values.

    Raises
    ------
    InputError
        They came from standard input, or from Python.
    """
    from trimtab.errors import Fault, InputError

    values = {**sources, **{name: value for name, value in changed.items() if value is not None}}
    if values.get("file", values.get("scores", "-")) == "-":
        problem = "the candidates came from standard input, or from Python"
        raise InputError([Fault(problem, "name the file that has them now: --file FILE")])
    arguments: dict[str, Any] = {name: Path(value) if name in _PATHS else value for name, value in values.items()}
    options = PlanOptions(**{each.name: arguments[each.name] for each in fields(PlanOptions) if each.name in arguments})
    own = {each.name: arguments[each.name] for each in fields(LimitOptions) if each.name in arguments}
    return read_request(arguments.get("file"), options, LimitOptions(**own), notices)


def _amount(text: str, name: str) -> Decimal:
    from trimtab.decimals import decimal_of
    from trimtab.errors import Fault, InputError

    try:
        return decimal_of(text)
    except TypeError:
        fault = Fault(f"{name} is not an amount of money", "give a plain number, such as 3000.50", value=text)
        raise InputError([fault]) from None

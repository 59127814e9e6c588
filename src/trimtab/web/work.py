"""The work of a session: the files, the answers to what they leave open, the limits; and the plan's inputs from these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import pyarrow as pa

from trimtab.brokers import Positions
from trimtab.brokers.holdings import Given, Held, held
from trimtab.data.classification import Classified, filled
from trimtab.decimals import decimal_of, decimal_text
from trimtab.errors import Fault, InputError
from trimtab.files.candidate_file import CandidateFile
from trimtab.files.joined_files import join_tables
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.orders.broker_candidates import settled
from trimtab.orders.columns import decimals_of
from trimtab.orders.release import Acknowledgement
from trimtab.store.plan_inputs import PlanInputs
from trimtab.web.exposure_sources import ExposureSources

RESTRICTIONS = {(True, True): "", (False, True): "no_buy", (True, False): "no_sell", (False, False): "no_trade"}
_MAY = {code: may for may, code in RESTRICTIONS.items()}


@dataclass(frozen=True)
class Files:
    """The files that were read: holdings as a broker or as a table gives them, or whole candidates; and what adds to them."""

    names: tuple[str, ...] = ()
    positions: Positions | None = None
    holdings: CandidateFile | None = None
    candidates: CandidateFile | None = None
    scores: CandidateFile | None = None
    buckets: CandidateFile | None = None
    prices: CandidateFile | None = None
    exposures: CandidateFile | None = None
    funds: CandidateFile | None = None

    @property
    def has_holdings(self) -> bool:
        """Whether something is held."""
        return any(each is not None for each in (self.positions, self.holdings, self.candidates))

    def added(self, name: str, content: Positions | CandidateFile) -> Files:
        """These files and another one; a file of the same kind takes the place of the former.

        Raises
        ------
        InputError
            A table of which the purpose is not clear.
        """
        kind = "positions" if isinstance(content, Positions) else _kind_of(content)
        names = tuple(dict.fromkeys((*self.names, name)))
        changed: dict[str, Any] = {kind: content}
        if kind in ("positions", "holdings", "candidates"):
            changed = {**_NO_HOLDINGS, **changed}
        return replace(self, names=names, **changed)


_NO_HOLDINGS = {"positions": None, "holdings": None, "candidates": None}


def _kind_of(file: CandidateFile) -> str:
    """The purpose of a table, by its columns."""
    names = set(file.table.column_names)
    if {"fund", "holding"} <= names:
        return "funds"
    if {"scheme", "bucket"} <= names:
        return "exposures"
    if "asset" not in names:
        raise InputError([Fault("the column is missing", "name the assets", column="asset")], file.source)
    if "shares" in names:
        return "candidates" if "score" in names else "holdings"
    if "current_weight" in names:
        problem = "has weights; a plan needs shares, prices and cash"
        advice = "give shares and price instead of current_weight; for targets without orders use `trimtab rebalance`"
        raise InputError([Fault(problem, advice)], file.source)
    for kind, column in (("scores", "score"), ("buckets", "bucket"), ("prices", "price")):
        if column in names:
            return kind
    problem = "has neither shares, score, bucket, price nor scheme"
    raise InputError([Fault(problem, "add the column that it is about")], file.source)


@dataclass(frozen=True)
class Answers:
    """The answers of a person on the page. An empty bucket leaves an asset open."""

    account: str | None = None
    cash: str = ""
    prices: Mapping[str, str] = field(default_factory=dict)
    rates: Mapping[str, str] = field(default_factory=dict)
    buckets: Mapping[str, str] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)
    restrictions: Mapping[str, str] = field(default_factory=dict)
    schemes: tuple[str, ...] = ()  # the columns that classify assets beside their sectors


@dataclass(frozen=True)
class Work:
    """The files, answers and limits behind a plan."""

    files: Files = Files()
    answers: Answers = Answers()
    limits: RebalancingLimits = field(default_factory=RebalancingLimits)
    source: str = ""  # of the limits: a preset or a file
    acknowledgements: tuple[Acknowledgement, ...] = ()

    @property
    def account(self) -> str | None:
        """The account that is worked on: the one chosen, or else the first with a position."""
        if self.files.positions is None:
            return None
        positions = self.files.positions
        names = [name for name in positions.account_names if name is not None]
        filled = [each.account for each in positions.positions if each.account in names]
        return self.answers.account if self.answers.account in names else next(iter([*filled, *names]), None)

    @property
    def title(self) -> str:
        """The account or the file, for a heading."""
        return self.account or (self.files.names[0] if self.files.names else "")

    @property
    def report_title(self) -> str:
        """The file, for the heading of a report, which names the account itself."""
        return self.files.names[0] if self.files.names else ""

    @property
    def currency(self) -> str:
        """The currency of the account, empty where the file does not say."""
        opened = self.held()
        return "" if opened is None or opened.currency is None else opened.currency

    def held(self) -> Held | None:
        """The account of the broker's file; None without such a file.

        Raises
        ------
        InputError
            Each gap of the file that no answer fills.
        """
        if self.files.positions is None:
            return None
        prices = {**_by_asset(self.files.prices), **_amounts(self.answers.prices, "price")}
        cash = _amounts({"cash": self.answers.cash}, "cash").get("cash")
        return held(self.files.positions, self.account, Given(cash, prices, _amounts(self.answers.rates, "fx")))

    def cash(self) -> Decimal:
        """The cash of the account.

        Raises
        ------
        InputError
            It is unknown.
        """
        opened = self.held()
        if opened is not None:
            return opened.cash
        amount = _amounts({"cash": self.answers.cash}, "cash").get("cash")
        if amount is None:
            raise InputError([Fault("the cash is unknown", "give the amount, or 0", column="cash")])
        return amount

    def classified(self) -> Classified:
        """The candidates with a bucket where one is known, and the assets that lack one.

        Raises
        ------
        InputError
            Files that do not fit together, or leave something open.
        """
        if self.files.candidates is not None:
            table = self.files.candidates.table
        else:
            opened = self.held()
            file = self.files.holdings if opened is None else opened.in_shares()
            if file is None:
                raise InputError([Fault("there are no holdings yet", "add a file of what you hold")])
            joined = join_tables(self.files.scores or _NO_SCORES, file, self.files.buckets)
            table = settled(joined.table, opened, _by_asset(self.files.prices))
        return filled(self._answered(table), {asset: bucket or None for asset, bucket in self.answers.buckets.items()})

    def _answered(self, table: pa.Table) -> pa.Table:
        """The table with the scores and restrictions of the page; those of the files stay where they are stricter."""
        assets = table["asset"].to_pylist()
        columns = {name: table[name] for name in table.column_names if name != "name"}  # no rule uses it
        if self.answers.scores:
            own = table["score"].to_pylist()
            scores = [self.answers.scores.get(asset, score) for asset, score in zip(assets, own, strict=True)]
            columns["score"] = pa.chunked_array([pa.array(scores, pa.float64())])
        restrictions = columns["restriction"].to_pylist() if "restriction" in columns else [None] * len(assets)
        both = [
            stricter(restriction or "", self.answers.restrictions.get(asset, ""))
            for asset, restriction in zip(assets, restrictions, strict=True)
        ]
        if self.account is not None:  # separates the runs of accounts
            columns["account"] = pa.chunked_array([pa.array([self.account] * len(assets), pa.string())])
        columns["restriction"] = pa.chunked_array([pa.array(both, pa.string())])
        if "price" not in columns and self.files.prices is not None:
            prices = _by_asset(self.files.prices)
            texts = [decimal_text(prices[asset]) if asset in prices else None for asset in assets]
            columns["price"] = pa.chunked_array([pa.array(texts, pa.string())])
        return pa.table(columns)

    def inputs(self) -> PlanInputs:
        """The inputs of the plan.

        Raises
        ------
        InputError
            Files that do not fit together, or leave something open.
        """
        table = self.classified().table
        exposures = self.exposure_sources(table).exposures(self.answers.schemes)
        tables = {} if exposures is None else {"exposures": exposures}
        return PlanInputs(table, self.limits, self.limits.orders, self.cash(), tables=tables)

    def exposure_sources(self, candidates: pa.Table) -> ExposureSources:
        """The sources of the exposures of these candidates."""
        files = self.files
        return ExposureSources(candidates, files.positions, files.exposures, files.funds, self.account)


_NO_SCORES = CandidateFile(
    "scores", pa.table({"asset": pa.array([], pa.string()), "score": pa.array([], pa.float64())})
)


def stricter(first: str, other: str) -> str:
    """The restriction that two make together.

    >>> stricter("no_buy", "no_sell"), stricter("", "no_buy")
    ('no_trade', 'no_buy')
    """
    if first not in _MAY:
        return first  # the check of candidates names it
    buy, sell = (left and right for left, right in zip(_MAY[first], _MAY[other], strict=True))
    return RESTRICTIONS[buy, sell]


def _by_asset(file: CandidateFile | None) -> dict[str, Decimal]:
    """The prices in a file, by asset."""
    if file is None:
        return {}
    prices = decimals_of(file.table["price"].to_pylist(), "price", file.table.num_rows)
    return {
        str(asset): price
        for asset, price in zip(file.table["asset"].to_pylist(), prices, strict=True)
        if price is not None
    }


def _amounts(texts: Mapping[str, str], column: str) -> dict[str, Decimal]:
    """The amounts that were typed in; empty ones left out."""
    amounts = {}
    for name, text in texts.items():
        plain = text.replace(",", "").replace("\u202f", "").strip()
        if not plain:
            continue
        try:
            amounts[name] = decimal_of(plain)
        except TypeError:
            fault = Fault(f"{name}: is not an amount", "write a number such as 1234.50", column=column, value=text)
            raise InputError([fault]) from None
    return amounts

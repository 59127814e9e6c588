"""The files, as the page of the review shows them: accounts, rows, what is open, and what fits no bucket."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from trimtab.brokers.positions import worth_of
from trimtab.data.bucket_guess import BucketGuess, guessed_bucket
from trimtab.data.classification import Classified
from trimtab.data.default_buckets import default_buckets
from trimtab.decimals import money_of, shares_of
from trimtab.errors import Fault, InputError, TrimtabError
from trimtab.orders.account_table import read_instruments
from trimtab.web.exposure_sources import gap_sentences
from trimtab.web.sessions import Session
from trimtab.web.work import Files, Work

_SHOWN = 500  # rows on the page; the rest counts, but is not listed
_WAYS = {
    "cash": "Fill in the cash below, or 0.",
    "price": "Fill in the prices below, or add a file with asset and price.",
    "currency": "Fill in below what one unit is worth in the account's currency.",
}


@dataclass(frozen=True)
class ReviewRow:
    """One asset as the page shows it; `colour` is None where nothing gives it one."""

    asset: str
    name: str
    bucket: str
    colour: int | None
    shares: Decimal
    price: Decimal | None
    value: Decimal
    weight: float
    score: float | None
    may_buy: bool
    may_sell: bool


@dataclass(frozen=True)
class AccountRow:
    """An account of the file: the total in the file, and the total of its positions."""

    account: str
    name: str
    positions: int
    total: Decimal | None
    read: str
    is_chosen: bool


@dataclass(frozen=True)
class ToClassify:
    """An asset without a bucket, with the nearest one of the map."""

    asset: str
    name: str
    value: Decimal
    weight: float
    guess: BucketGuess | None
    chosen: str | None  # None: not decided yet; empty: left open


@dataclass(frozen=True)
class Review:
    """Everything on the page of a review. `faults` have to be settled first."""

    faults: tuple[tuple[str, str], ...]
    rows: tuple[ReviewRow, ...]
    others: int
    accounts: tuple[AccountRow, ...]
    to_classify: tuple[ToClassify, ...]
    cash: Decimal | None
    value: Decimal
    unscored: tuple[str, ...]
    unpriced: tuple[str, ...]
    currencies: tuple[str, ...]
    sectors: tuple[str, ...]
    notes: tuple[str, ...]
    schemes: tuple[str, ...]
    gaps: tuple[str, ...]

    @property
    def to_settle(self) -> int:
        """How many assets wait for a decision."""
        return sum(each.chosen is None for each in self.to_classify)


def review_of(session: Session) -> Review:
    """The review of a session's work; what cannot be read yet becomes a fault with what to do."""
    work = session.work
    faults: list[Fault] = []
    rows: list[ReviewRow] = []
    classified, cash = None, None
    schemes: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()
    try:
        classified = work.classified()
        rows = _rows(session, classified)
        schemes, gaps = _exposures(work, classified)
    except InputError as error:
        faults += error.faults
    try:
        cash = work.cash()
    except InputError as error:
        faults += [fault for fault in error.faults if fault not in faults]
    value = sum((row.value for row in rows), cash or Decimal(0))
    rows = [_weighed(row, value) for row in rows]
    return Review(
        faults=tuple((_problem(fault), _WAYS.get(fault.column or "", fault.advice)) for fault in faults),
        rows=tuple(rows[:_SHOWN]),
        others=max(len(rows) - _SHOWN, 0),
        accounts=tuple(_accounts(work)),
        to_classify=tuple(_to_classify(work, classified, rows)),
        cash=cash,
        value=value,
        unscored=tuple(row.asset for row in rows if row.score is None),
        unpriced=tuple(_unpriced(work.files, work.account)),
        currencies=tuple(_currencies(work)),
        sectors=tuple(sorted({"/".join(path.split("/")[:2]) for path in default_buckets()})),
        notes=() if work.files.positions is None else tuple(work.files.positions.notes),
        schemes=schemes,
        gaps=gaps,
    )


def _exposures(work: Work, classified: Classified) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The columns that may become schemes, and what the table of exposures leaves open."""
    sources = work.exposure_sources(classified.table)
    return sources.offered, gap_sentences(sources.exposures(work.answers.schemes), classified.table)


def _problem(fault: Fault) -> str:
    """A fault without its advice, which differs on a page."""
    plain = replace(fault, source=None, column=None)
    return plain.sentence().removesuffix(f": {fault.advice}")


def _rows(session: Session, classified: Classified) -> list[ReviewRow]:
    """Every candidate: holdings first, the largest on top."""
    table = classified.table
    columns: dict[str, list[Any]] = {name: table[name].to_pylist() for name in table.column_names}
    names, colours = names_of(session.work.files), colours_of(session)
    rows = []
    for each in read_instruments(table, notes=[]):
        restriction = columns["restriction"][each.row] or ""
        score = columns["score"][each.row] if "score" in columns else None
        rows.append(
            ReviewRow(
                asset=each.asset,
                name=names.get(each.asset, ""),
                bucket=columns["bucket"][each.row] or "",
                colour=colours.get(each.asset),
                shares=shares_of(each.quantity),
                price=None if each.price is None else money_of(each.price),
                value=Decimal(0) if each.price is None else money_of(each.price) * shares_of(each.quantity),
                weight=0.0,
                score=score,
                may_buy=restriction not in ("no_buy", "no_trade"),
                may_sell=restriction not in ("no_sell", "no_trade"),
            )
        )
    return sorted(rows, key=lambda row: (row.shares == 0, -row.value, -(row.score or 0.0), row.asset))


def _weighed(row: ReviewRow, value: Decimal) -> ReviewRow:
    weight = float(row.value / value) if value > 0 else 0.0
    return replace(row, weight=weight)


def colours_of(session: Session) -> Mapping[str, int]:
    """The colour of each asset's bucket, as on every other screen; empty while nothing can be planned."""
    try:
        return {fact.asset: fact.colour for fact in session.plan().result.facts().assets}
    except TrimtabError:
        return {}


def names_of(files: Files) -> dict[str, str]:
    """The names that the files give to assets."""
    if files.positions is not None:
        return {each.label: each.name for each in files.positions.positions if each.name and each.name != each.label}
    named: dict[str, str] = {}
    for file in (files.scores, files.holdings, files.candidates):
        if file is not None and "name" in file.table.column_names:
            pairs = zip(file.table["asset"].to_pylist(), file.table["name"].to_pylist(), strict=True)
            named |= {asset: name for asset, name in pairs if name}
    return named


def _accounts(work: Work) -> Iterable[AccountRow]:
    positions = work.files.positions
    if positions is None:
        return
    known = {each.account: each for each in positions.accounts}
    for name in positions.account_names:
        mine = [each for each in positions.positions if each.account == name]
        account = known.get(name)
        total = None if account is None or account.total is None else account.total.value
        worth = worth_of(mine, [] if account is None else [account])
        read = " + ".join(f"{amount:,.2f} {currency}" for currency, amount in (worth or {}).items())
        label = account.name if account is not None and account.name else ""
        yield AccountRow(name or "", label, len(mine), total, read, name == work.account)


def _to_classify(work: Work, classified: Classified | None, rows: Iterable[ReviewRow]) -> Iterable[ToClassify]:
    """The assets that neither a file nor the map knows, also those that were decided on the page."""
    if classified is None:
        return
    open_ = {*classified.unknown, *work.answers.buckets}
    for row in rows:
        if row.asset in open_:
            guess = guessed_bucket(row.name)
            yield ToClassify(row.asset, row.name, row.value, row.weight, guess, work.answers.buckets.get(row.asset))


def _unpriced(files: Files, account: str | None) -> Iterable[str]:
    """The positions of the account without a price."""
    mine = [] if files.positions is None else [each for each in files.positions.positions if each.account == account]
    for each in mine:
        if each.unit_price is None and each.value is None and each.value_base is None:
            yield each.label


def _currencies(work: Work) -> Iterable[str]:
    """The currencies without a rate, and those with a rate of the page."""
    missing: list[str] = []
    try:
        work.held()
    except InputError as error:
        missing = [fault.problem.rpartition(" ")[2] for fault in error.faults if fault.column == "currency"]
    return dict.fromkeys([*missing, *work.answers.rates])

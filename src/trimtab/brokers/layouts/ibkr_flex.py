"""Interactive Brokers: the Flex query as XML, with positions, lots, cash and the net asset value."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from trimtab.brokers.dates import date_in
from trimtab.brokers.draft import Draft, Entry
from trimtab.brokers.layout import Layout
from trimtab.brokers.layouts.alpaca import exact
from trimtab.decimals import product
from trimtab.errors import Fault, InputError

IBKR_FLEX = Layout(
    name="ibkr_flex",
    title="IBKR Flex statement",
    columns={
        "symbol": ("symbol",),
        "name": ("description",),
        "kind": ("assetCategory",),
        "quantity": ("position",),
        "price": ("markPrice",),
        "value": ("positionValue",),
        "currency": ("currency",),
        "cost": ("costBasisMoney",),
        "unit_cost": ("costBasisPrice",),
        "multiplier": ("multiplier",),
        "isin": ("isin",),
        "cusip": ("cusip",),
        "conid": ("conid",),
        "side": ("side",),
        "level": ("levelOfDetail",),
        "fx": ("fxRateToBase",),
        "acquired": ("openDateTime",),
    },
    needed=("symbol", "quantity", "price", "value", "currency"),
)
_AGAIN = "run the Flex query again"
_MAX_DEPTH = 64  # a Flex statement has five levels


class _ShallowTree(TreeBuilder):
    """Refuses a document of many levels at the first that is too deep, not after the whole file."""

    depth = 0

    def start(self, tag: str, attributes: dict[str, str], /) -> Element:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise ParseError(f"more than {_MAX_DEPTH} levels of elements")
        return super().start(tag, attributes)

    def end(self, tag: str, /) -> Element:
        self.depth -= 1
        return super().end(tag)


def parse(data: bytes, source: str) -> Element:
    """The root of an XML document, without document types and entities.

    Raises
    ------
    InputError
        Not valid XML, or XML with a document type.
    """
    parser = DefusedXMLParser(target=_ShallowTree(), forbid_dtd=True)
    try:
        parser.feed(data)
        root: Element = parser.close()
    except DefusedXmlException:
        problem = "has a document type (DOCTYPE) or entities, which no Flex statement has"
        raise InputError([Fault(problem, _AGAIN)], source) from None
    except (ParseError, ValueError, LookupError, RecursionError) as error:
        problem = f"is not valid XML, or ends early ({error})"
        raise InputError([Fault(problem, _AGAIN)], source) from None
    return root


def is_flex(root: Element) -> bool:
    """Whether a document is a Flex statement."""
    return root.tag == "FlexQueryResponse"


def read_flex(root: Element, draft: Draft) -> list[tuple[str, str, str]]:
    """Add every statement to a draft; the net asset value of each account: account, currency, total."""
    draft.is_exact = True
    statements = root.findall(".//FlexStatement")
    holder = root.find("FlexStatements")
    count = None if holder is None else holder.get("count")
    if count is not None and count != str(len(statements)):
        problem = f"FlexStatements says {count} statements, but {len(statements)} are there"
        raise InputError([Fault(problem, _AGAIN)], draft.source)
    draft.headers = {item: names[0] for item, names in IBKR_FLEX.columns.items()}
    for statement in statements:
        _read_statement(statement, draft)
    if not draft.of_kind("position", "cash"):
        problem = "has no OpenPositions: they were not chosen in the query, or nothing is held"
        raise InputError([Fault(problem, "add Open Positions to the Flex query")], draft.source)
    return []


def _read_statement(statement: Element, draft: Draft) -> None:
    account = statement.get("accountId") or None
    info = statement.find("AccountInformation")
    nav = _last_nav(statement)
    base = next((part.get("currency") for part in (info, nav) if part is not None and part.get("currency")), None)
    draft.add_account(account, None if info is None else info.get("name"))
    draft.set_day(statement.get("toDate") or "", "mdy")
    if draft.base_currency not in (None, base):
        problem = f"accounts in {draft.base_currency} and in {base} are in one file"
        raise InputError([Fault(problem, "run one query for each base currency")], draft.source)
    draft.base_currency = base
    rows = statement.findall("OpenPositions/OpenPosition")
    rates = {row.get("currency"): row.get("fxRateToBase") for row in rows if row.get("fxRateToBase")}
    rates |= {
        rate.get("fromCurrency"): rate.get("rate")
        for rate in statement.findall("ConversionRates/ConversionRate")
        if rate.get("toCurrency") == base and rate.get("fromCurrency") not in rates
    }
    _read_positions(rows, account, draft)
    cash = _read_cash(statement, account, rates, draft)
    if nav is not None:
        _add_total(nav, account, cash_is_known=cash, draft=draft)


def _read_positions(rows: list[Element], account: str | None, draft: Draft) -> None:
    levels = {(row.get("levelOfDetail") or "").casefold() for row in rows}
    days = {day for row in rows if (day := date_in(row.get("reportDate") or "", "mdy")) is not None}
    if len(days) > 1:
        raise InputError([Fault(f"has positions of {len(days)} days", "run the query for one day")], draft.source)
    by_key: dict[object, Entry] = {}
    lots: list[Entry] = []
    for line, row in enumerate(rows, 1):
        missing = [
            IBKR_FLEX.columns[item][0] for item in IBKR_FLEX.needed if row.get(IBKR_FLEX.columns[item][0]) is None
        ]
        if missing:
            problem = f"{row.get('symbol') or 'a position'} has no attribute {', '.join(missing)}"
            draft.faults.append(Fault(problem, "choose it in the Flex query", missing[0], row=line))
            draft.check()
        cells = {item: (row.get(names[0]) or "").strip() for item, names in IBKR_FLEX.columns.items()}
        cells["fx"] = cells["fx"] or ("1" if cells["currency"] == draft.base_currency else "")
        entry = Entry("position", line, cells, row.get("accountId") or account)
        if cells["level"].casefold() == "lot" and "summary" in levels:
            lots.append(entry)
            continue
        if "summary" not in levels and _key(entry) in by_key:
            problem = f"{entry.label} has several rows, and levelOfDetail does not say which is the sum"
            draft.refuse(problem, "choose levelOfDetail in the query, or the summary only", entry)
        by_key[_key(entry)] = entry
        _add_base(cells, draft)
        draft.entries.append(entry)
    for lot in lots:
        if _key(lot) in by_key:
            by_key[_key(lot)].lots.append(lot)
        else:
            draft.refuse(f"{lot.label} has a lot, but no row with the sum", _AGAIN, lot)
    draft.columns = [(name, None) for name in rows[0].attrib] if rows else []
    known = {names[0]: item for item, names in IBKR_FLEX.columns.items()}
    draft.columns = [(name, known.get(name)) for name, _ in draft.columns]


def _key(entry: Entry) -> object:
    return entry.account, entry.text("conid") or entry.text("symbol"), entry.text("model")


def _add_base(cells: dict[str, str], draft: Draft) -> None:
    """The value in the base currency, by the row's own rate."""
    if cells["fx"] and draft.base_currency:
        value = exact(cells["value"] or "0", draft.source, cells["symbol"])
        cells["value_base"] = f"{product(value, exact(cells['fx'], draft.source, 'fxRateToBase')):f}"


def _read_cash(statement: Element, account: str | None, rates: dict[str | None, str | None], draft: Draft) -> bool:
    """The cash by currency; whether the statement gives it."""
    rows = statement.findall("CashReport/CashReportCurrency")
    for row in rows:
        currency = row.get("currency") or ""
        if currency == "BASE_SUMMARY" or (row.get("levelOfDetail") or "").casefold() == "basecurrency":
            continue
        if row.get("endingCash") is None:
            raise InputError([Fault("the cash report has no endingCash", "choose it in the Flex query")], draft.source)
        cells = {"value": row.get("endingCash") or "", "currency": currency}
        rate = "1" if currency == draft.base_currency else rates.get(currency)
        if rate is not None:
            amount = product(exact(cells["value"], draft.source, "endingCash"), exact(rate, draft.source, "rate"))
            cells["value_base"] = f"{amount:f}"
        draft.entries.append(Entry("cash", 0, cells, row.get("accountId") or account))
    return bool(rows)


def _last_nav(statement: Element) -> Element | None:
    """The net asset value of the last day."""
    rows = [row for row in statement.iter("EquitySummaryByReportDateInBase") if row.get("total")]
    dated = [(date_in(row.get("reportDate") or "", "mdy"), index) for index, row in enumerate(rows)]
    known = [(day, index) for day, index in dated if day is not None]
    return rows[max(known)[1]] if known else (rows[-1] if rows else None)


def _add_total(nav: Element, account: str | None, *, cash_is_known: bool, draft: Draft) -> None:
    """The net asset value less accruals, and less cash where the statement does not give it by currency."""
    others = [
        name for name in nav.attrib if "accrual" in name.casefold() and not name.casefold().endswith(("long", "short"))
    ]
    names = others if cash_is_known else [*others, "cash"]
    parts: Iterable[Decimal] = (exact(nav.get(name) or "0", draft.source, name) for name in names)
    total = exact(nav.get("total") or "", draft.source, "the net asset value")
    other = sum(parts, Decimal(0))
    cells = {"value_base": f"{total - other:f}", "label": "net asset value", "other": f"{other:f}"}
    draft.entries.append(Entry("total", 0, cells, account))

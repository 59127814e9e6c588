"""Interactive Brokers: the activity statement as CSV, in any language.

Sections and columns have translated names; `Header`, `Data`, `Total`, `Summary` and `Lot` are always English. Columns
are found by name in the languages below, else by the usual order; in both cases three identities must hold in each row.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from trimtab.brokers.amounts import EXACT, NotANumberError, NumberStyle, currency_in
from trimtab.brokers.draft import Draft, Entry
from trimtab.brokers.identifiers import isin_in
from trimtab.brokers.layout import Layout, folded
from trimtab.brokers.layouts.ibkr_sections import AGAIN, CENT, Section, plain_number, sections_of, width
from trimtab.brokers.layouts.ibkr_value import read_cash_and_value
from trimtab.brokers.sheet import Row
from trimtab.errors import Fault, InputError, listed

IBKR_ACTIVITY = Layout(
    name="ibkr_activity",
    title="IBKR activity statement",
    columns={
        "level": ("DataDiscriminator",),
        "kind": ("Asset Category", "Vermögenswertkategorie", "Anlagekategorie", "Catégorie d'actifs", "Catégorie d'actif",
                 "Categoría de activo", "Categoria attività", "Categoria di attività", "Activacategorie", "Класс актива", "资产分类", "資產類別"),
        "currency": ("Currency", "Währung", "Devise", "Divisa", "Valuta", "Валюта", "货币", "貨幣", "通貨"),
        "account": ("Account", "Konto", "Compte", "Cuenta", "Conto", "Rekening", "Счет", "账户", "帳戶"),
        "symbol": ("Symbol", "Symbole", "Símbolo", "Simbolo", "Символ", "代码", "代碼", "銘柄"),
        "quantity": ("Quantity", "Menge", "Anzahl", "Quantité", "Cantidad", "Quantità", "Aantal", "Количество", "数量", "數量"),
        "multiplier": ("Mult", "Mult.", "Multiplier", "Multiplikator", "Multiplicateur", "Multiplicador", "Moltiplicatore", "Множитель", "乘数", "乘數"),
        "unit_cost": ("Cost Price", "Einstandspreis", "Einstandskurs", "Prix de revient", "Precio de coste", "Prezzo di costo",
                      "Prezzo di carico", "Kostprijs", "Цена по себестоимости", "成本价格", "成本價"),
        "cost": ("Cost Basis", "Einstandswert", "Kostenbasis", "Base du coût", "Coût de base", "Base de coste", "Base de costo",
                 "Base di costo", "Kostenbasis", "Базис цены", "成本基础", "成本基礎"),
        "price": ("Close Price", "Schlusskurs", "Prix de clôture", "Precio de cierre", "Prezzo di chiusura", "Slotkoers", "Цена закрытия", "收盘价格", "收盤價"),
        "value": ("Value", "Wert", "Valeur", "Valor", "Valore", "Waarde", "Стоимость", "价值", "價值"),
        "gain": ("Unrealized P/L", "Unrealized P&L", "Unrealisierter G/V", "Unrealisierter G&V", "P/P non réalisés",
                 "G/P non réalisé", "G/P no realizadas", "Profitti e perdite non realizzati", "Niet-gerealiseerde W/V"),
    },
    needed=("level", "kind", "currency", "symbol", "quantity", "multiplier", "price", "value"),
    usual_names=False,
)  # fmt: skip
_ORDER = (
    "level",
    "kind",
    "currency",
    "symbol",
    "quantity",
    "multiplier",
    "unit_cost",
    "cost",
    "price",
    "value",
    "gain",
)
_ACCOUNT = re.compile(r"([A-Z]{1,3}\d{4,})\b.*")


def is_statement(rows: Sequence[Row]) -> bool:
    """Whether rows are an activity statement: sections whose second cell is Header or Data."""
    kinds = [row.cells[1] for row in rows[:60] if len(row.cells) > 2]
    marked = sum(kind in ("Header", "Data", "Total", "SubTotal") for kind in kinds)
    return len(kinds) >= 3 and marked >= 0.9 * len(kinds) and "Header" in kinds


def read_statement(rows: Sequence[Row], draft: Draft) -> None:
    """Add the positions, the cash and the totals of a statement to a draft."""
    draft.is_exact = False
    sections = sections_of(rows, draft)
    _read_information(sections, draft)
    open_sections = [section for section in sections if _is_positions(section)]
    if not open_sections:
        problem = "has no section Open Positions with rows marked Summary"
        raise InputError([Fault(problem, "add Open Positions to the statement")], draft.source)
    isins = _identifiers(sections, draft.source)
    for section in open_sections:
        _read_positions(section, isins, draft)
    _read_totals(draft, _exchange_rates(sections, draft))
    read_cash_and_value(sections, draft)


def _is_positions(section: Section) -> bool:
    return any("DataDiscriminator" in header for header in section.headers) and any(
        "Summary" in row.cells for row in section.data()
    )


def _read_information(sections: list[Section], draft: Draft) -> None:
    """Account, name, base currency and day, from the sections of names and values."""
    for section in sections:
        pairs = [row for row in section.data() if len(row.filled) >= 4 and width(section.headers[0]) == 4]
        if not pairs:
            continue
        if section is sections[0]:
            for row in pairs:
                if folded(row.cells[2]) not in ("whengenerated", "brokeraddress") and any(
                    map(str.isdigit, row.cells[3])
                ):
                    draft.set_day(row.cells[3], "mdy", last=True)
        account = next((match[1] for row in pairs if (match := _ACCOUNT.fullmatch(row.cells[3]))), None)
        base = next((code for row in pairs if (code := currency_in(row.cells[3]))), None)
        if account is not None:
            draft.add_account(account, pairs[0].cells[3] if not _ACCOUNT.fullmatch(pairs[0].cells[3]) else None)
            draft.base_currency = base


def _identifiers(sections: list[Section], source: str) -> dict[str, dict[str, str]]:
    """ISIN and conid by symbol, from the section whose header has Conid."""
    identifiers: dict[str, dict[str, str]] = {}
    for section in sections:
        if not any("Conid" in header for header in section.headers):
            continue
        for kind, row, header in section.rows:
            if kind != "Data" or "Conid" not in header:
                continue
            conid = row.cells[header.index("Conid")] if header.index("Conid") < len(row.cells) else ""
            if len(row.cells) < max(4, width(header) - 1) or not conid.isdigit():
                problem = f"the row of {row.text[:60]!r} does not fit its header"
                raise InputError([Fault(problem, AGAIN, line=row.line)], source)
            ids = {"conid": conid}
            for cell in row.cells[header.index("Conid") + 1 :]:
                try:
                    isin = isin_in(cell)
                except ValueError as error:
                    fault = Fault(
                        f"{row.cells[3]}: {error}", "check the ISIN with the broker", line=row.line, value=cell
                    )
                    raise InputError([fault], source) from None
                if isin is not None:
                    ids["isin"] = isin
                    break
            for symbol in row.cells[3].split(","):
                identifiers[symbol.strip()] = ids
    return identifiers


def _fields(header: Sequence[str], draft: Draft) -> list[str | None]:
    """The field of each column: by name, else in the usual order."""
    fields = [IBKR_ACTIVITY.header.field_of(name) if index > 1 else None for index, name in enumerate(header)]
    missing = [item for item in IBKR_ACTIVITY.needed if item not in fields]
    known = sum(item is not None for item in fields)
    if missing and "Asset Category" not in header and known < 7 and width(header) - 2 in (len(_ORDER), len(_ORDER) + 1):
        draft.notes.append("the columns are read in their usual order, as their names are in an unknown language")
        return [None, None, *_ORDER, *([None] * (len(header) - 2 - len(_ORDER)))]
    for item in missing:
        usual = IBKR_ACTIVITY.columns[item][0]
        draft.faults.append(
            Fault(f"the column {usual!r} of Open Positions is missing", "add it to the statement", usual)
        )
    for known_field in set(fields) - {None}:
        if fields.count(known_field) > 1:
            names = [name for name, heading in zip(header, fields, strict=True) if heading == known_field]
            draft.faults.append(Fault(f"two columns give the {known_field}: {listed(names)}", "keep one of them"))
    draft.check()
    return fields


def _read_positions(section: Section, isins: dict[str, dict[str, str]], draft: Draft) -> None:
    by_symbol: dict[tuple[str | None, str], Entry] = {}
    first = next(iter(draft.names), None)
    for kind, row, header in section.rows:
        fields = _fields(header, draft)
        if len(row.cells) < width(header) - 1:
            problem = f"the row of {row.text[:40]!r} has {len(row.cells)} cells, and its header {len(header)}"
            raise InputError([Fault(problem, "the file ends early; download it again", line=row.line)], draft.source)
        cells = {item: cell for item, cell in zip(fields, row.cells, strict=False) if item is not None}
        account = cells.get("account") or first
        if kind == "Total":
            draft.entries.append(Entry("section total", row.line, cells, account, section.name))
        elif kind == "Data" and cells.get("level") == "Summary":
            cells |= isins.get(cells.get("symbol", ""), {})
            entry = Entry("position", row.line, cells, account, None)
            by_symbol[account, cells.get("symbol", "")] = entry
            draft.add_account(account)
            draft.entries.append(entry)
        elif kind == "Data" and cells.get("level") != "Lot":
            problem = f"the row {cells.get('level')!r} of Open Positions is neither Summary nor Lot"
            raise InputError([Fault(problem, AGAIN, line=row.line)], draft.source)
    if not draft.columns:
        header = section.headers[0]
        draft.columns = list(zip(header[2:], _fields(header, draft)[2:], strict=True))
        draft.headers = {item: name for name, item in draft.columns if item is not None}


def _read_totals(draft: Draft, rates: dict[str | None, Decimal]) -> None:
    """Compare the rows of each class and currency with their total, and take the rate from its twin in base currency."""
    totals = draft.of_kind("section total")
    draft.entries = [entry for entry in draft.entries if entry.kind != "section total"]
    groups: dict[tuple[str, str], list[Entry]] = {}
    for entry in draft.of_kind("position"):
        groups.setdefault((entry.text("kind"), entry.text("currency")), []).append(entry)
    style = NumberStyle(EXACT.mark, is_proven=True, groups=True)
    for (kind, currency), members in groups.items():
        last = max(entry.line for entry in members)
        after = sorted(
            (total for total in totals if total.text("kind") == kind and total.line > last),
            key=lambda total: total.line,
        )
        own = next((total for total in after if total.text("currency") == currency), None)
        if own is None:
            problem = f"the total of {kind} in {currency} is missing: the file ends early"
            draft.refuse(problem, AGAIN)
            continue
        for name in ("value", "cost"):
            stated = _number(own, name, style, draft)
            if name not in draft.headers or stated is None:
                continue
            added = sum((_number(entry, name, style, draft) or Decimal(0) for entry in members), Decimal(0))
            if abs(added - stated) > CENT:
                problem = f"the rows of {kind} in {currency} add up to {added:,.2f}, but their total is {stated:,.2f}"
                draft.refuse(problem, "a row is missing or changed; download the statement again", own)
        twin = next(
            (total for total in after if total.line == own.line + 1 and total.text("currency") == draft.base_currency),
            None,
        )
        if twin is not None and currency != draft.base_currency:
            value, base = (_number(entry, "value", style, draft) for entry in (own, twin))
            if value and base is not None:
                rates[currency] = base / value
    for entry in draft.of_kind("position"):
        rate, value = rates.get(entry.text("currency")), _number(entry, "value", style, draft)
        if rate is not None and value is not None:
            entry.cells["value_base"] = f"{value * rate:f}"
    draft.check()


def _number(entry: Entry, name: str, style: NumberStyle, draft: Draft) -> Decimal | None:
    try:
        amount = style.read(entry.text(name))
    except NotANumberError as error:
        draft.refuse(f"{entry.label}: {entry.text(name)!r} {error}", AGAIN, entry, name)
        return None
    return None if amount is None else amount.number


def _exchange_rates(sections: list[Section], draft: Draft) -> dict[str | None, Decimal]:
    """The rates of a section of currencies and numbers, such as Base Currency Exchange Rate."""
    rates: dict[str | None, Decimal] = {draft.base_currency: Decimal(1)} if draft.base_currency else {}
    for section in sections:
        for row in section.data():
            currency, rate = currency_in(row.cells[2]), plain_number(row.cells[3]) if len(row.cells) > 3 else None
            if currency is not None and rate is not None and len(row.filled) == 4:
                rates.setdefault(currency, rate)
    return rates

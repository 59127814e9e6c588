"""Broken and changed copies of broker files, and the rule that each must keep: the same answer, or refused."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from trimtab.brokers import Positions

FILES = Path(__file__).parent / "files"
COMPANIONS = ("merrill_PortfolioSummary.csv", "alpaca_account.json")
VALID = sorted(
    path
    for path in (FILES / "valid").iterdir()
    if not path.name.endswith(".answer.json") and path.name not in COMPANIONS
)
# Files whose end nothing in them tells, or whose accounts each have their own total: a cut between rows is not seen.
OPEN_ENDED = (
    "beancount", "degiro", "generic", "ghostfolio_import", "merrill", "robinhood", "trading212", "vanguard", "wealthfolio",
    "fidelity_2", "schwab_2020",
)  # fmt: skip
HAVE_TOTALS = ("schwab", "fidelity", "etrade", "ibkr", "pp_", "generic_sheet.")
HAVE_PRODUCTS = ("schwab", "fidelity", "vanguard", "etrade", "merrill", "ibkr", "degiro", "generic", "alpaca")
_NUMBER = re.compile(r"[-+(]*\$?[-]?\d[\d,]*\.?\d*\)?")
_STRANGE = "Xyzzy"


class Mutant(NamedTuple):
    """A changed copy: how it was made, its bytes, and whether it may lose facts (a column is gone)."""

    how: str
    data: bytes
    may_lose: bool = False


def is_same(read: Positions, original: Positions, *, may_lose: bool) -> bool:
    """Whether two answers are the same; where facts may be lost, whether none is wrong."""
    if not may_lose:
        return _rows(read) == _rows(original) and _cash(read) == _cash(original)
    if len(read.positions) != len(original.positions):
        return False
    left = list(original.positions)
    for mine in read.positions:
        fits = [theirs for theirs in left if _agrees(mine, theirs)]
        if not fits:
            return False
        left.remove(fits[0])
    mine_cash, theirs_cash = _total_cash(read), _total_cash(original)
    return not mine_cash or mine_cash == theirs_cash or None in mine_cash


def is_beginning(read: Positions, original: Positions) -> bool:
    """Whether an answer is the beginning of another, as of a file cut between two rows: nothing in it is wrong."""
    mine, theirs = _rows(read), _rows(original)
    return (
        len(mine) <= len(theirs)
        and not set(mine) - set(theirs)
        and not set(_cash_parts(read)) - set(_cash_parts(original))
    )


def _cash_parts(read: Positions) -> list[str]:
    return [str((a.account, c, n(v))) for a in read.accounts for c, v in (a.cash or {}).items()]


def _rows(read: Positions) -> list[str]:
    return sorted(
        str(
            (
                p.account,
                p.symbol,
                sorted(p.ids.items()),
                n(p.quantity),
                n(p.price),
                n(p.value),
                p.currency,
                n(p.cost),
                n(p.price_per),
                n(p.multiplier),
            )
        )
        for p in read.positions
    )


def n(number: Decimal | None) -> str | None:
    return None if number is None else f"{number.normalize():f}"


def _cash(read: Positions) -> list[str]:
    return sorted(
        str(
            (
                a.account,
                sorted((c, n(v)) for c, v in (a.cash or {}).items()),
                sorted((c, n(v)) for c, v in a.pending.items()),
            )
        )
        for a in read.accounts
    )


def _total_cash(read: Positions) -> dict[str | None, Decimal]:
    total: dict[str | None, Decimal] = {}
    for account in read.accounts:
        for currency, amount in (account.cash or {}).items():
            total[currency] = total.get(currency, Decimal(0)) + amount
    return total


def _agrees(mine: Any, theirs: Any) -> bool:
    if mine.quantity != theirs.quantity:
        return False
    if not any(
        (
            mine.symbol and mine.symbol == theirs.symbol,
            mine.name and mine.name == theirs.name,
            set(mine.ids.items()) & set(theirs.ids.items()),
        )
    ):
        return False
    for name in ("symbol", "price", "value", "currency", "cost", "account"):
        actual, true = getattr(mine, name), getattr(theirs, name)
        if actual is not None and actual != true and not (name == "cost" and true is None):
            return False
    return mine.value is None or (mine.price_per, mine.multiplier) == (theirs.price_per, theirs.multiplier)


# ---- delimited text


def csv_mutants(path: Path) -> Iterator[Mutant]:
    """Mutants of a delimited file."""
    data = path.read_bytes()
    text = _text(data)
    delimiter = max(",;\t", key=text.count)
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    sections = path.name.startswith("ibkr_activity")
    yield from _encodings(text)
    yield from _shapes(rows, delimiter)
    yield from _cuts(text, path)
    if not sections:
        yield from _columns(rows, delimiter)
    yield from _changed_rows(rows, delimiter, path)
    yield from _locales(rows, delimiter)


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252")


def write(rows: list[list[str]], delimiter: str = ",", quoting: int = csv.QUOTE_MINIMAL, end: str = "\n") -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator=end).writerows(rows)  # type: ignore[arg-type]
    return out.getvalue().encode()


def _encodings(text: str) -> Iterator[Mutant]:
    yield Mutant("utf-16", text.encode("utf-16"))
    yield Mutant("utf-16-be", b"\xfe\xff" + text.encode("utf-16-be"))
    yield Mutant("utf-8-sig", text.encode("utf-8-sig"))
    yield Mutant("utf-32", text.encode("utf-32"))
    yield Mutant("no-bom utf-16", text.encode("utf-16-le"))
    yield Mutant("cp1252", text.encode("cp1252"))
    yield Mutant("crlf", text.replace("\r\n", "\n").replace("\n", "\r\n").encode())
    yield Mutant("cr", text.replace("\r\n", "\n").replace("\n", "\r").encode())
    yield Mutant("mixed", text.replace("\r\n", "\n").replace("\n", "\r", 3).encode())
    yield Mutant("nul", text.replace(",", "\0,", 1).encode())
    yield Mutant("no last newline", text.rstrip().encode())


def _shapes(rows: list[list[str]], delimiter: str) -> Iterator[Mutant]:
    yield Mutant("all quoted", write(rows, delimiter, csv.QUOTE_ALL))
    yield Mutant("re-quoted", write(rows, delimiter))
    for other in ",;\t|":
        yield Mutant(f"delimiter {other!r}", write(rows, other))
    yield Mutant("sep line", f"sep={delimiter}\n".encode() + write(rows, delimiter))
    yield Mutant("trailing", write([[*row, ""] if row else row for row in rows], delimiter))
    widest = max(map(len, rows))
    yield Mutant("padded", write([row + [""] * (widest - len(row)) for row in rows], delimiter))
    yield Mutant("blank lines", write([line for row in rows for line in (row, [])], delimiter))
    yield Mutant("spaces", write([[f" {cell} " if cell else cell for cell in row] for row in rows], delimiter))
    yield Mutant(
        "upper names",
        write(
            [
                [cell.upper() if not _NUMBER.fullmatch(cell) else cell for cell in row]
                if place == _header(rows)
                else row
                for place, row in enumerate(rows)
            ],
            delimiter,
        ),
    )
    yield Mutant(
        "lower names",
        write(
            [[cell.lower() for cell in row] if place == _header(rows) else row for place, row in enumerate(rows)],
            delimiter,
        ),
    )
    yield Mutant("zero width", write([["\u200b" + cell if cell else cell for cell in row] for row in rows], delimiter))
    yield Mutant(
        "minus sign",
        write(
            [[cell.replace("-", "\u2212") if _NUMBER.fullmatch(cell) else cell for cell in row] for row in rows],
            delimiter,
        ),
    )
    yield Mutant("no-break", write([[cell.replace(" ", "\u00a0") for cell in row] for row in rows], delimiter))


def _header(rows: list[list[str]]) -> int:
    """The row with the most cells that are not numbers."""
    return max(
        range(len(rows)),
        key=lambda place: (sum(bool(cell) and not _NUMBER.fullmatch(cell) for cell in rows[place]), -place),
    )


def _cuts(text: str, path: Path) -> Iterator[Mutant]:
    ends = {match.end() for match in re.finditer("\n", text)} | {match.start() for match in re.finditer("\r?\n", text)}
    checked = path.name.startswith(HAVE_TOTALS)
    for place in sorted({int(len(text) * share / 37) for share in range(1, 37)}):
        line = text[:place].rpartition("\n")[2]
        if path.name.startswith("ghostfolio_import") and line.count(",") >= 8:
            continue  # inside the note, the last cell
        if (place not in ends or checked) and not (line.endswith("USD,") and path.name.startswith("generic")):
            yield Mutant(f"cut at {place}", text[:place].encode(), may_lose=path.name.startswith("ibkr"))
    if checked:
        for place in sorted(ends)[:-1]:
            yield Mutant(f"cut at line end {place}", text[:place].encode(), may_lose=path.name.startswith("ibkr"))


def _columns(rows: list[list[str]], delimiter: str) -> Iterator[Mutant]:
    head = _header(rows)
    width = len(rows[head])
    table = [place for place in range(head, len(rows)) if len(rows[place]) >= min(width, max(2, width - 1))]

    def changed(order: list[int]) -> bytes:
        return write(
            [
                [row[source] if source < len(row) else "" for source in order] if place in table else row
                for place, row in enumerate(rows)
            ],
            delimiter,
        )

    for column in range(width):
        rest = [other for other in range(width) if other != column]
        yield Mutant(f"drop {rows[head][column]!r}", changed(rest), may_lose=True)
        yield Mutant(f"move {rows[head][column]!r} first", changed([column, *rest]))
        yield Mutant(f"move {rows[head][column]!r} last", changed([*rest, column]))
        renamed = [[*row] for row in rows]
        renamed[head][column] = _STRANGE
        yield Mutant(f"rename {rows[head][column]!r}", write(renamed, delimiter), may_lose=True)
        renamed[head][column] = ""
        yield Mutant(f"unname {rows[head][column]!r}", write(renamed, delimiter), may_lose=True)
        twice = [
            [*row, row[column] if column < len(row) else ""] if place in table else row
            for place, row in enumerate(rows)
        ]
        yield Mutant(f"twice {rows[head][column]!r}", write(twice, delimiter))
        extra = [
            [*row[:column], "x" if place == head else "7", *row[column:]] if place in table else row
            for place, row in enumerate(rows)
        ]
        yield Mutant(f"extra column before {column}", write(extra, delimiter))
    yield Mutant("columns reversed", changed(list(range(width))[::-1]))


def _changed_rows(rows: list[list[str]], delimiter: str, path: Path) -> Iterator[Mutant]:
    head = _header(rows)
    checked = path.name.startswith(HAVE_TOTALS)
    for place in range(len(rows)):
        if len([cell for cell in rows[place] if cell]) < 2:
            continue
        yield Mutant(f"row {place} twice", write([*rows[: place + 1], rows[place], *rows[place + 1 :]], delimiter))
        if checked and place > head:
            loses = path.name.startswith("ibkr")  # the row of an instrument has only its ISIN
            yield Mutant(f"row {place} dropped", write(rows[:place] + rows[place + 1 :], delimiter), loses)
        if place <= head:
            continue
        for cell in range(min(len(rows[place]), 12)):
            if rows[place][cell]:
                missing = [*rows[place][:cell], *rows[place][cell + 1 :]]
                loses = path.name.startswith(("ibkr", "schwab_2020"))  # an ISIN; the name of a column
                yield Mutant(
                    f"row {place} without cell {cell}",
                    write([*rows[:place], missing, *rows[place + 1 :]], delimiter),
                    loses,
                )
        for cell, number in enumerate(rows[place][:24]):
            name = rows[head][cell].casefold() if cell < len(rows[head]) else ""
            is_amount = any(
                word in name for word in ("quantity", "price", "value", "shares", "stück", "kurs", "wert", "aantal")
            )
            if (
                path.name.startswith(HAVE_PRODUCTS)
                and is_amount
                and _NUMBER.fullmatch(number)
                and "change" not in name
                and "beginning" not in name
            ):
                tenfold = _tenfold(number)
                if tenfold is not None:
                    yield Mutant(
                        f"row {place} {name} tenfold",
                        write(
                            [
                                *rows[:place],
                                [*rows[place][:cell], tenfold, *rows[place][cell + 1 :]],
                                *rows[place + 1 :],
                            ],
                            delimiter,
                        ),
                    )


def _tenfold(number: str) -> str | None:
    digits = re.search(r"\d[\d,.]*", number)
    if digits is None or not re.search("[1-9]", number):
        return None
    return number[: digits.start()] + "1" + number[digits.start() :]


def _locales(rows: list[list[str]], delimiter: str) -> Iterator[Mutant]:
    """The numbers with decimal commas, as another locale saves them: all of them, or one."""
    if not any("." in cell and _NUMBER.fullmatch(cell) for row in rows for cell in row):
        return

    def turned(cell: str) -> str:
        return cell.translate(str.maketrans(",.", ".,")) if _NUMBER.fullmatch(cell) else cell

    whole = [[turned(cell) for cell in row] for row in rows]
    yield Mutant("decimal commas", write(whole, ";"))
    yield Mutant("decimal commas, quoted", write(whole, ",", csv.QUOTE_ALL))
    yield Mutant("decimal commas, not quoted", b"\n".join(",".join(row).encode() for row in whole))
    for place, row in enumerate(rows):
        for cell, number in enumerate(row[:24]):
            if _NUMBER.fullmatch(number) and "." in number and place > _header(rows):
                changed = [*row[:cell], turned(number), *row[cell + 1 :]]
                yield Mutant(
                    f"row {place} cell {cell} with a decimal comma",
                    write([*rows[:place], changed, *rows[place + 1 :]], delimiter),
                    may_lose=True,
                )


# ---- JSON and XML


def json_mutants(path: Path) -> Iterator[Mutant]:
    """Mutants of a JSON file."""
    text = path.read_text("utf-8")
    values = json.loads(text, parse_float=_Exact, parse_int=_Exact)
    yield Mutant("compact", text.replace("\n", "").encode())
    yield Mutant("bom", text.encode("utf-8-sig"))
    yield Mutant("utf-16", text.encode("utf-16"))
    for share in range(1, 30):
        yield Mutant(f"cut {share}/30", text[: len(text) * share // 30].encode())
    items = values if isinstance(values, list) else values["activities"]
    for place, item in enumerate(items):
        yield Mutant(f"item {place} twice", _json(values, items, [*items[: place + 1], item, *items[place + 1 :]]))
        for key in item:
            gone = {name: value for name, value in item.items() if name != key}
            yield Mutant(
                f"item {place} without {key}",
                _json(values, items, [*items[:place], gone, *items[place + 1 :]]),
                may_lose=True,
            )
            renamed = {(_STRANGE if name == key else name): value for name, value in item.items()}
            yield Mutant(
                f"item {place} renamed {key}",
                _json(values, items, [*items[:place], renamed, *items[place + 1 :]]),
                may_lose=True,
            )


class _Exact(float):
    def __new__(cls, text: str):
        made = super().__new__(cls, text)
        made.text = text
        return made

    def __repr__(self) -> str:
        return self.text


def _json(values: Any, items: list[Any], new: list[Any]) -> bytes:
    whole = new if values is items else {**values, "activities": new}
    return json.dumps(whole).encode()


def xml_mutants(path: Path) -> Iterator[Mutant]:
    """Mutants of an XML file."""
    text = path.read_text("utf-8")
    yield Mutant("utf-16", text.replace('encoding="UTF-8"', 'encoding="UTF-16"').encode("utf-16"))
    yield Mutant(
        "single quotes",
        text.replace("'", "&apos;")
        .replace('="', "='")
        .replace('" ', "' ")
        .replace('">', "'>")
        .replace('"?', "'?")
        .encode(),
    )
    for share in range(1, 40):
        yield Mutant(f"cut {share}/40", text[: len(text) * share // 40].encode())
    lines = text.splitlines(keepends=True)
    for place, line in enumerate(lines):
        if "<OpenPosition " in line or "<CashReportCurrency " in line:
            yield Mutant(f"line {place} twice", "".join([*lines[: place + 1], line, *lines[place + 1 :]]).encode())
            yield Mutant(f"line {place} dropped", "".join(lines[:place] + lines[place + 1 :]).encode())
    for name in sorted(set(re.findall(r" (\w+)=\"", text))):
        yield Mutant(f"without {name}", re.sub(rf' {name}="[^"]*"', "", text).encode(), may_lose=True)
        yield Mutant(f"renamed {name}", re.sub(rf' {name}="', f' {_STRANGE}="', text).encode(), may_lose=True)
        yield Mutant(f"empty {name}", re.sub(rf' {name}="[^"]*"', f' {name}=""', text).encode(), may_lose=True)


def mutants_of(path: Path) -> Iterator[Mutant]:
    """All mutants of a file, by its kind."""
    kinds = {".json": json_mutants, ".xml": xml_mutants}
    yield from kinds.get(path.suffix, csv_mutants)(path)

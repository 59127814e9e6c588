"""Portfolio Performance: the statement of assets (`Vermögensaufstellung`), with columns in the user's order."""

from __future__ import annotations

import re

from trimtab.brokers.draft import Draft
from trimtab.brokers.layout import Layout, Rule, folded
from trimtab.errors import Fault, InputError

PORTFOLIO_PERFORMANCE = Layout(
    name="portfolio_performance",
    title="Portfolio Performance statement of assets",
    columns={
        "quantity": ("Bestand", "Shares", "Shares owned", "Titres", "Participaciones", "Quote possedute", "Aandelen", "Ações"),
        "name": ("Name", "Nom", "Nombre", "Nome", "Naam"),
        "isin": ("ISIN",),
        "symbol": ("Symbol", "Ticker", "Symbole", "Símbolo", "Simbolo", "Ticker Symbol"),
        "wkn": ("WKN",),
        "price": ("Kurs", "Quote", "Cours", "Cotización", "Quotazione", "Koers", "Cotação"),
        "value_base": ("Marktwert", "Market Value", "Valeur de marché", "Valor de mercado", "Valore di mercato", "Marktwaarde"),
        "percent": ("Anteil in %", "Share in %", "Part en %", "Proporción en %", "Quota in %", "Aandeel in %"),
    },
    needed=("quantity", "name", "price", "value_base"),
    marks=("Anteil in %", "Share in %", "Part en %", "Proporción en %", "Quota in %", "Aandeel in %", "Bestand", "Marktwert", "Notiz"),
    min_marks=1,
    rules=(
        Rule("total", r"(summe|sum|total|somme|suma|somma|totale|totaal|soma)", field="name", blank=("quantity",)),
        Rule("cash", r".+", field="name", blank=("quantity", "isin", "symbol", "price")),
    ),
    adds=True,
    total_covers_file=True,
    usual_names=False,
)  # fmt: skip
_PRICE = re.compile(r"(?P<mark>[A-Z]{3})\s")
_EURO_HEADERS = frozenset(("marktwert", "valeur de marché", "valor de mercado", "valore di mercato", "marktwaarde"))


def finish(draft: Draft) -> None:
    """Know the base currency, which the file never names: prices in other currencies carry theirs.

    Raises
    ------
    InputError
        It may be any currency.
    """
    named = draft.layout.currency
    marks = {read["mark"] for entry in draft.entries if (read := _PRICE.match(entry.text("price")))}
    commas = any("," in entry.text("value_base")[-3:] for entry in draft.entries)
    is_euro = folded(draft.headers.get("value_base", "")) in _EURO_HEADERS and commas and "EUR" not in marks
    if named is None and not is_euro:
        problem = "does not say which currency its values are in"
        raise InputError([Fault(problem, "name it: --layout portfolio_performance:USD, for example")], draft.source)
    draft.base_currency = named or "EUR"
    if named is None:
        draft.notes.append(
            "values are read as EUR, which the file does not say; else use --layout portfolio_performance:CHF"
        )

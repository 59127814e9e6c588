"""DEGIRO: `Portfolio.csv`, in the languages of its web pages."""

from __future__ import annotations

from trimtab.brokers.layout import Layout, Rule

DEGIRO = Layout(
    name="degiro",
    title="DEGIRO portfolio",
    columns={
        "name": ("Product", "Produkt", "Produit", "Producto", "Prodotto", "Produto", "Tuote"),
        "symbol": ("Symbol/ISIN", "Symbool/ISIN", "Symbole/ISIN", "Symbol / ISIN", "Símbolo/ISIN", "Simbolo/ISIN", "Ticker/ISIN"),
        "quantity": (
            "Amount", "Quantity", "Aantal", "Anzahl", "Quantité", "Cantidad", "Quantità", "Quantidade", "Antal", "Ilość",
            "Množství", "Määrä", "Número",
        ),
        "price": (
            "Closing", "Closing price", "Close", "Slotkoers", "Schlusskurs", "Schlußkurs", "Clôture", "Cours", "Precio de cierre",
            "Precio de", "Cierre", "Ultimo", "Chiusura", "Preço de fecho", "Fecho", "Slutkurs", "Kurs", "Uzavírací", "Zamknięcie",
        ),
        "value": (
            "Local value", "Lokale waarde", "Wert", "Wert in Lokalwährung", "Lokaler Wert", "Montant en devise", "Valeur locale",
            "Devise", "Valor local", "Valor", "Valore locale", "Valore", "Hodnota", "Lokalt värde", "Lokal værdi",
            "Wartość lokalna", "Wartość",
        ),
        "value_base": (r"re:(?:value|waarde|wert|valeur|montant|valor|valore|hodnota|värde|værdi|wartość|arvo) (?:in|en|em|v|i|w) ([a-z]{3})",),
    },
    needed=("name", "symbol", "quantity", "price", "value", "value_base"),
    marks=("Symbol/ISIN", "Symbool/ISIN", "Symbole/ISIN", "Símbolo/ISIN", "Simbolo/ISIN", "Symbol / ISIN", "Ticker/ISIN"),
    min_marks=1,
    rules=(Rule("cash", r"(cash & cash fund|cash|flatex|bargeld|liquid)\b.*", field="name", blank=("symbol", "quantity")),),
    adds=True,
    usual_names=False,
)  # fmt: skip

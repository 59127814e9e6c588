"""comdirect: the table of a depot (`Depotübersicht`), in German."""

from __future__ import annotations

from trimtab.brokers.amounts import COMMA
from trimtab.brokers.layout import Layout, Rule

COMDIRECT = Layout(
    name="comdirect",
    title="comdirect depot",
    columns={
        "quantity": ("Stück/Nom.", "Stück/Nominale"),
        "name": ("Bezeichnung",),
        "wkn": ("WKN",),
        "isin": ("ISIN",),
        "kind": ("Typ",),
        "currency": ("Währung",),
        "price": ("Akt. Kurs", "Letzter Kurs"),
        "value_base": (r"re:wert in ([a-z]{3})",),
        "cost": (r"re:kaufwert in ([a-z]{3})",),
        "unit_cost": (r"re:kaufkurs in ([a-z]{3})",),
    },
    needed=("quantity", "name", "wkn", "currency", "price", "value_base"),
    marks=("Stück/Nom.", "Akt. Kurs", "Wert in EUR", "Kaufwert in EUR", "Kaufkurs in EUR", "Letzter Kurs", "Diff. abs", "Notizen"),
    min_marks=3,
    ignored=("Datum", "Zeit", "Datum/Zeit", "Börse", "Notizen", "Diff. abs", "Diff. %"),
    rules=(Rule("total", r"(gesamt|summe|depotwert|gesamtwert)\b.*", field="", blank=("wkn",)),),
    titles=(r"depot(?:übersicht|bestand)?\b(?P<account>[^;]*)",),
    mark=COMMA,
    date_order="dmy",
    total_covers_file=True,
    usual_names=False,
    cost_in_base=True,
)  # fmt: skip

"""Robinhood: the account activity report. It has no file of positions, so activities are folded."""

from __future__ import annotations

import re
from dataclasses import replace

from trimtab.brokers.draft import Draft
from trimtab.brokers.layout import Layout

ROBINHOOD = Layout(
    name="robinhood",
    title="Robinhood activity",
    columns={
        "as_of": ("Activity Date",),
        "symbol": ("Instrument",),
        "name": ("Description",),
        "action": ("Trans Code",),
        "quantity": ("Quantity",),
        "price": ("Price",),
        "amount": ("Amount",),
    },
    needed=("as_of", "symbol", "name", "action", "quantity", "amount"),
    marks=("Activity Date", "Process Date", "Settle Date", "Instrument", "Trans Code"),
    min_marks=3,
    ignored=("Process Date", "Settle Date", "Account Type", "Suppressed"),
    footers=(r".*informational purposes.*",),
    currency="USD",
    date_order="mdy",
    usual_names=False,
    fold={
        r"buy": "buy",
        r"sell": "sell",
        r"bto": "buy",
        r"stc": "sell",
        r"sto": "short",
        r"btc": "cover",
        r"oexp": "expire",
        r"ach|wire|rtp|dcf|ccf|gold|goldt?|int|slip|cdiv|dtax|dfee|afee|gdbp|itrf|xent_cc|mint|misc|mtch|fee|roc|sub": "signed",
    },
)
_CUSIP = re.compile(r"\s*\n?\s*CUSIP:\s*([0-9A-Z]{9})\s*", re.IGNORECASE)


def finish(draft: Draft) -> None:
    """Take the CUSIP out of the description; without the closing line there is nothing to do."""
    for index, entry in enumerate(draft.entries):
        match = _CUSIP.search(entry.text("name"))
        if match is not None:
            cells = entry.cells | {"name": _CUSIP.sub("", entry.text("name")), "cusip": match[1]}
            draft.entries[index] = replace(entry, cells=cells)

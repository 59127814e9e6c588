"""The answer in one sentence, its shortcomings, and the trades in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trimtab.facts.assets import AssetFact
from trimtab.facts.certificate_lines import CertificateLine
from trimtab.text import counted, percent

_SOLD, _BOUGHT = ("close", "decrease"), ("open", "increase")


def answer_of(assets: Sequence[AssetFact], lines: Sequence[CertificateLine], cash_left: float, *, braked: bool) -> str:
    """The trades, and whether the limits hold after them."""
    if braked:
        return "The brake keeps every weight unchanged."
    sides = {"sell": _SOLD, "buy": _BOUGHT}
    counts = {verb: sum(asset.action in side for asset in assets) for verb, side in sides.items()}
    done = ", then ".join(f"{verb} {count}" for verb, count in counts.items() if count)
    unmet = sum(line.status == "unmet" for line in lines)
    then = [f"{counted(unmet, 'limit')} {'is' if unmet == 1 else 'are'} unmet"] if unmet else []
    then += [f"{percent(cash_left)} stays in unwanted cash"] if cash_left > 0 else []
    state = " and ".join(then) or "every limit holds"
    return f"{done.capitalize()}. After that, {state}." if done else f"Nothing to trade: {state}."


def problems_of(lines: Sequence[CertificateLine], brake: str) -> Iterator[str]:
    """The brake, and each unmet limit with its cause."""
    if brake:
        yield brake
    yield from (f"Not met: {line.sentence}" for line in lines if line.status == "unmet")


def trades_in_order(assets: Sequence[AssetFact]) -> tuple[AssetFact, ...]:
    """The sales, then the purchases; the largest first."""
    traded = [asset for asset in assets if asset.action in _SOLD + _BOUGHT]
    return tuple(
        sorted(traded, key=lambda asset: (asset.action in _BOUGHT, -abs(asset.after - asset.before), asset.asset))
    )

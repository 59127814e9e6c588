"""The gates of a whole batch: beyond any of them nothing is published, so a broken feed cannot trade every account."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from trimtab.blocks.counts import Counts
from trimtab.decimals import money_of
from trimtab.limits.gate_settings import GateSettings
from trimtab.orders.gates import counted_gates, holding
from trimtab.text import counted, told_apart


@dataclass(frozen=True)
class ClosedGate:
    """A gate that holds a batch back: its name, what was measured, and the limit; fractions."""

    gate: str
    measured: float
    limit: float
    text: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {"gate": self.gate, "measured": self.measured, "limit": self.limit}


@dataclass(frozen=True)
class PublishGates:
    """The largest share of accounts, or mean turnover, that is published; None: any.

    An account is unscored if at least half of its holdings lack a score (without holdings: if all candidates do).
    """

    max_failed: float = 0.001
    max_unscored: float = 0.05
    max_braked: float = 0.25
    max_unmet: float = 0.5
    max_turnover: float | None = None  # the mean of all accounts
    max_closed: float | None = None  # of held positions

    def allows_failed(self, failed: int, accounts: int) -> bool:
        """Whether this share of all accounts may fail."""
        return failed <= self.max_failed * accounts

    def closed(self, counts: Counts, accounts: int, *, whole: bool = True) -> list[ClosedGate]:
        """The gates that hold these counts back; `accounts`: how many there are in all.

        Part of a batch is held back by failed accounts alone.
        """
        gates = list(self._of_failed(counts, accounts))
        return [*gates, *self._of_whole(counts)] if whole else gates

    def _of_failed(self, counts: Counts, accounts: int) -> Iterator[ClosedGate]:
        if not self.allows_failed(counts.failed, accounts):
            what = f"{counted(counts.failed, 'account')} failed"
            yield _closed("max_failed", counts.failed / accounts, self.max_failed, what)

    def _of_whole(self, counts: Counts) -> Iterator[ClosedGate]:
        shares = {
            "max_unscored": (counts.unscored, "without a score for half of the holdings"),
            "max_braked": (counts.braked, "braked"),
            "max_unmet": (counts.unmet, "with a limit that cannot be met"),
        }
        for gate, (count, what) in shares.items():
            limit = getattr(self, gate)
            if count > limit * counts.accounts:
                yield _closed(gate, count / counts.accounts, limit, f"{counted(count, 'account')} {what}")
        if self.max_turnover is not None and counts.mean_turnover > self.max_turnover:
            yield _closed("max_turnover", counts.mean_turnover, self.max_turnover, "the mean turnover is too high")
        if self.max_closed is not None and counts.closed_share > self.max_closed:
            what = f"{counts.closed:,} of {counts.held:,} held positions would be closed"
            yield _closed("max_closed", counts.closed_share, self.max_closed, what)


def closed_order_gates(counts: Counts, settings: GateSettings) -> list[ClosedGate]:
    """The gates of orders that hold a whole batch back: how many, how much, and the share of accounts that trade."""
    amount = money_of(counts.order_amount)
    gates = counted_gates(counts.orders, amount, counts.ordering, counts.decided, settings)
    return [
        ClosedGate(gate.gate, float(gate.measured), float(gate.limit), gate.sentence)
        for gate in holding(gates)
        if isinstance(gate.measured, Decimal) and isinstance(gate.limit, Decimal)
    ]


def _closed(gate: str, measured: float, limit: float, what: str) -> ClosedGate:
    shown = [f"{text} %" for text in told_apart(100.0 * measured, 100.0 * limit)]
    return ClosedGate(gate, measured, limit, f"{what}: {shown[0]}, and --{gate.replace('_', '-')} allows {shown[1]}")

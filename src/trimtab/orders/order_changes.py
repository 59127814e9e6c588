"""The settings that would change an asset's order. Each claim was tried: the plan is decided again with that change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from trimtab.candidates.candidates import Candidates
from trimtab.decimals import MICRO, NANO, money_text, shares_of
from trimtab.errors import InputError
from trimtab.limits.order_settings import Fees
from trimtab.orders.account_inputs import AccountInputs
from trimtab.orders.stage import decide
from trimtab.text import counted_shares

_CENT = MICRO // 100
_LARGEST_STEP = 2**60


@dataclass(frozen=True)
class OrderChange:
    """A change, and the shares that the asset would end with."""

    setting: str
    value: str
    shares_after: Decimal
    effect: str


@dataclass(frozen=True)
class OrderReruns:
    """The plan of an account decided again with changes, for one asset; `now` is the quantity that it ends with."""

    candidates: Candidates
    inputs: AccountInputs
    place: int  # the asset's row, in canonical order
    now: int

    def changes(self) -> tuple[tuple[OrderChange, ...], tuple[str, ...]]:
        """The changes that lead to another quantity, and the settings that were tried without effect."""
        changed, without_effect = [], []
        for setting, value, inputs in self._tries():
            after = self._quantity(inputs)
            if after is None or after == self.now:
                without_effect.append(setting)
            else:
                changed.append(self._change(setting, value, after))
        more_cash = self._more_cash()
        if more_cash is None:
            without_effect.append("cash")
        else:
            changed.append(more_cash)
        return tuple(changed), tuple(dict.fromkeys(without_effect))

    def _tries(self) -> Iterator[tuple[str, str, AccountInputs]]:
        inputs, settings = self.inputs, self.inputs.settings
        with_settings: Callable[..., AccountInputs] = lambda **new: replace(inputs, settings=settings.replace(**new))  # noqa: E731
        if settings.mode != "full":
            yield "mode", "full", with_settings(mode="full")
        if settings.min_trade_amount is not None:
            yield "min_trade_amount", "0", with_settings(min_trade_amount=0)
        elif inputs.limits.min_trade > 0:
            yield "min_trade", "0", replace(inputs, limits=inputs.limits.replace(min_trade=0.0))
        yield from self._finer_lots()
        if settings.cash_buffer > 0:
            yield "cash_buffer", "0", with_settings(cash_buffer=0.0)
        if settings.max_turnover is not None:
            yield "max_turnover", "none", with_settings(max_turnover=None)
        if settings.max_realized_gain is not None:
            yield "max_realized_gain", "none", with_settings(max_realized_gain=None)
        if settings.fees != Fees():
            yield "max_fee_share", "1", with_settings(max_fee_share=1.0)
            yield "fees", "none", with_settings(fees=Fees())

    def _finer_lots(self) -> Iterator[tuple[str, str, AccountInputs]]:
        """The lot of this asset alone, ten and a thousand times finer."""
        row = int(self.candidates.order[self.place])
        instruments = list(self.inputs.instruments)
        instrument = instruments[row]
        for times in (10, 1000):
            lot = instrument.lot // times
            if instrument.price is not None and lot * times == instrument.lot and lot * instrument.price >= 100 * NANO:
                instruments[row] = replace(instrument, lot=lot)
                yield "lot", f"{shares_of(lot):f}", replace(self.inputs, instruments=tuple(instruments))

    def _quantity(self, inputs: AccountInputs) -> int | None:
        """The quantity that the asset ends with; None if the account is refused."""
        try:
            return int(decide(self.candidates, inputs).assets[self.place]["now"])
        except InputError:
            return None

    def _more_cash(self) -> OrderChange | None:
        """The smallest round sum of more cash with which more is held: with a cent less it is as now."""
        enough, step = 0, _CENT
        while step < _LARGEST_STEP and not enough:
            after = self._with_cash(step)
            if after is None:
                return None
            enough, step = (step, step) if after > self.now else (0, step * 4)
        if not enough:
            return None
        too_little = 0
        while enough - too_little > _CENT:
            middle = (enough + too_little) // (2 * _CENT) * _CENT
            after = self._with_cash(middle)
            if after is not None and after > self.now:
                enough = middle
            else:
                too_little = middle
        after = self._with_cash(enough) or self.now
        return self._change("cash", f"+{money_text(enough)}", after)

    def _with_cash(self, more: int) -> int | None:
        return self._quantity(replace(self.inputs, cash=self.inputs.cash + more))

    def _change(self, setting: str, value: str, after: int) -> OrderChange:
        before = int(self.inputs.instruments[int(self.candidates.order[self.place])].quantity)
        now = _order(before, self.now)
        what = f"with {value[1:]} more cash" if setting == "cash" else f"with {setting} {value}"
        return OrderChange(setting, value, shares_of(after), f"{what}: {_order(before, after)} instead of {now}")


def _order(before: int, after: int) -> str:
    """`buy 3 shares`, `sell 1 share`, `no order`."""
    if after == before:
        return "no order"
    return f"{'buy' if after > before else 'sell'} {counted_shares(shares_of(abs(after - before)))}"

"""The measurement of a gate as a sentence for people."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from trimtab.text import counted

_Number = Decimal | str


def gate_sentence(gate: str, measured: _Number, limit: _Number, asset: str) -> str:
    """The measurement of a gate against its limit.

    Examples
    --------
    >>> gate_sentence("price_move", Decimal(3), Decimal("0.25"), "AAA")
    'The price of AAA moved 300%; at most 25% (max_price_move)'
    """
    return _SENTENCES[gate](measured, limit, asset)


def _percent(fraction: _Number) -> str:
    """A fraction as percent with four significant digits."""
    return f"{100 * float(fraction):.4g}%" if isinstance(fraction, Decimal) else fraction


def _money(amount: _Number) -> str:
    return f"{amount:,.2f}" if isinstance(amount, Decimal) else amount


def _cash_buffer(measured: _Number, limit: _Number, _: str) -> str:
    return f"{_money(measured)} stays in cash; buys leave at least {_money(limit)}, less fees (orders.cash_buffer)"


def _price_age(measured: _Number, limit: _Number, asset: str) -> str:
    if not isinstance(measured, Decimal):
        return f"The price of {asset} has no date (price_date)"
    age = f"{counted(int(measured), 'session')} old"
    return f"The price of {asset} is {age}; at most {limit} (max_price_age)"


def _price_move(measured: _Number, limit: _Number, asset: str) -> str:
    if not isinstance(measured, Decimal):
        return f"The price of {asset} lacks the one before (previous_price)"
    return f"The price of {asset} moved {_percent(measured)}; at most {_percent(limit)} (max_price_move)"


def _order_share(measured: _Number, limit: _Number, asset: str) -> str:
    return f"The order of {asset} is {_percent(measured)} of the account; at most {_percent(limit)} (max_order_share)"


def _order_amount(measured: _Number, limit: _Number, asset: str) -> str:
    return f"The order of {asset} comes to {_money(measured)}; at most {_money(limit)} (max_order_amount)"


def _account_turnover(measured: _Number, limit: _Number, _: str) -> str:
    text = f"at most {_percent(limit)} (max_account_turnover)"
    return f"{_percent(measured)} of the account is traded beyond idle cash; {text}"


def _account_orders(measured: _Number, limit: _Number, _: str) -> str:
    return f"The account has {measured} orders; at most {limit} (max_account_orders)"


def _run_orders(measured: _Number, limit: _Number, _: str) -> str:
    return f"The run has {measured} orders; at most {limit} (max_run_orders)"


def _run_amount(measured: _Number, limit: _Number, _: str) -> str:
    return f"The run comes to {_money(measured)}; at most {_money(limit)} (max_run_amount)"


def _trading_accounts(measured: _Number, limit: _Number, _: str) -> str:
    return f"{_percent(measured)} of the accounts trade; at most {_percent(limit)} (max_trading_accounts)"


def _repeated_order(measured: _Number, limit: _Number, asset: str) -> str:
    if not asset:
        return "There is no record of written orders"
    is_new = measured == "new"
    return f"The order of {asset} was {'not ' if is_new else ''}written in the last {limit} hours (repeat_hours)"


def _state(measured: _Number, _limit: _Number, _: str) -> str:
    meaning = {"HALTED": ": no orders", "REDUCING": ": only sells"}.get(str(measured), "")
    return "There is no state file" if measured == "no state file" else f"The state is {measured}{meaning}"


_SENTENCES: dict[str, Callable[[_Number, _Number, str], str]] = {
    "cash_buffer": _cash_buffer,
    "price_age": _price_age,
    "price_move": _price_move,
    "order_share": _order_share,
    "order_amount": _order_amount,
    "account_turnover": _account_turnover,
    "account_orders": _account_orders,
    "run_orders": _run_orders,
    "run_amount": _run_amount,
    "trading_accounts": _trading_accounts,
    "repeated_order": _repeated_order,
    "state": _state,
}

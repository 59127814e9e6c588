"""The settings of the gates that hold an order file back: one frozen object, checked when it is made."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from trimtab.limits.fields import check_settings, described, refusing_unknown

STATES = ("normal", "reducing", "halted")


@refusing_unknown
@dataclass(frozen=True, kw_only=True)
class GateSettings:
    """When an order file is held back. No setting turns all gates off; each is one line to change. docs/gates.md gives
    the source of each default. Shares are fractions of the account's value before the orders.

    Raises
    ------
    LimitsError
        An unknown field, or a value of the wrong type or out of range; all faults at once.

    Examples
    --------
    >>> GateSettings(max_price_move=0.4).max_order_share
    0.3
    """

    max_price_age: int = described(0, int, "maximum age of a price, in sessions")
    need_price_dates: bool = described(
        False,
        bool,
        "prices without a date are held back too",
        sentence={True: "Hold orders back if a price has no date.", False: ""},
    )
    max_price_move: float = described(
        0.25,
        float,
        "a price that moved more than this since the previous one is held back",
        sentence="Hold orders back if a price moved more than {:%} without explanation.",
        high=10.0,
    )
    max_order_share: float = described(
        0.3,
        float,
        "largest order, as a fraction of the account",
        sentence="Hold back an order above {:%} of the account, unless it closes a position.",
        fraction=True,
    )
    max_order_amount: Decimal | None = described(
        None,
        Decimal,
        "largest amount of an order",
        sentence="Hold back an order above {:money}.",
        optional=True,
    )
    max_account_turnover: float = described(
        0.6,
        float,
        "largest total of sells, and of buys beyond idle cash",
        sentence="Hold an account back that trades more than {:%} of its value beyond idle cash.",
        fraction=True,
    )
    max_account_orders: int = described(
        60, int, "largest number of orders of an account", sentence="Hold an account back with more than {:order}."
    )
    max_run_amount: Decimal | None = described(
        None,
        Decimal,
        "largest total of a run",
        sentence="Hold a run back whose orders exceed {:money} in all.",
        optional=True,
    )
    max_run_orders: int = described(
        100_000, int, "largest number of orders of a run", sentence="Hold a run back with more than {:order}."
    )
    max_trading_accounts: float = described(
        0.8,
        float,
        "largest share of a run's accounts that trade; applies from 20 accounts on",
        sentence="Hold a run back in which more than {:%} of the accounts trade, from 20 accounts on.",
        fraction=True,
    )
    repeat_hours: int = described(
        24,
        int,
        "an order is not written again within this number of hours",
        sentence="Hold back an order that was already written in the last {:hour}.",
    )

    def __post_init__(self) -> None:
        check_settings(self)

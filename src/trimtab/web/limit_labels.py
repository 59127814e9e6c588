"""The labels of the form of limits: plain words for every field, and the words of its choices."""

from __future__ import annotations

from collections.abc import Mapping

# The fields that a section shows at once; the others open with a click, or because one of them was changed.
MAIN = frozenset(
    (
        "max_total_positions", "max_new_positions", "min_score_threshold", "min_score_new_position",
        "enable_bucket_diversification", "max_positions_per_bucket", "max_allocation_per_bucket",
        "min_buckets_represented", "target_invested", "max_position_weight", "min_position_weight", "sizing_mode",
        "no_trade_band", "min_trade", "brake_sold_weight",
    )
)  # fmt: skip

LABELS: Mapping[str, str] = {
    "max_total_positions": "Positions at most",
    "max_new_positions": "New positions at most",
    "min_score_threshold": "Keep a holding from a score of",
    "min_score_new_position": "Buy something new from a score of",
    "min_score_diversification": "Buy for a missing sector from a score of",
    "unscored_positions": "Holdings without a score",
    "dust_weight": "A holding below this counts as new",
    "enable_bucket_diversification": "Limit sectors",
    "bucket_level": "Depth of the paths of sectors",
    "max_positions_per_bucket": "Positions in one sector at most",
    "enforce_position_limits": "Limit the positions of sectors",
    "max_allocation_per_bucket": "One sector at most",
    "enforce_allocation_limits": "Limit the weight of sectors",
    "min_buckets_represented": "Sectors at least",
    "enforce_min_buckets": "Ask for a number of sectors",
    "allow_bucket_overflow": "Keep good holdings in a full sector",
    "max_correlation": "Correlation inside a sector at most",
    "unknown_bucket": "Assets without a sector",
    "target_invested": "Invested",
    "full_investment_positions": "Invest in full from this number of positions",
    "max_position_weight": "One position at most",
    "min_position_weight": "One position at least",
    "sizing_mode": "Sizes to aim for",
    "residual_strategy": "Weight that limits trim",
    "no_trade_band": "Leave a holding alone within",
    "min_trade": "Skip trades of a holding below",
    "cash_band": "Let cash differ from its aim by",
    "drift_tolerance": "Let a limit be exceeded by",
    "brake_sold_weight": "Trade nothing if sells exceed",
    "brake_closed_positions": "Trade nothing if more positions close than",
    "on_unmet": "A limit that cannot be met",
    "orders.mode": "Orders to make",
    "orders.cash_buffer": "Cash that buys leave alone",
    "orders.min_trade_amount": "Smallest order",
    "orders.max_fee_share": "Skip orders whose fee exceeds",
    "orders.fees.per_order": "Fee of an order",
    "orders.fees.per_share": "Fee of each share",
    "orders.fees.rate": "Fee in percent of the amount",
    "orders.fees.minimum": "Fee of an order at least",
    "orders.max_turnover": "Sell at most",
    "orders.max_realized_gain": "Realize gains of at most",
    "orders.relief": "Tax lots a sell takes first",
    "orders.rate_short": "Tax on gains of a year or less",
    "orders.rate_long": "Tax on gains of more than a year",
    "orders.wait_for_settlement": "Buys wait until sells have settled",
    "gates.max_price_age": "Age of a price at most, in sessions",
    "gates.need_price_dates": "Prices need a date",
    "gates.max_price_move": "A price moved more than",
    "gates.max_order_share": "One order above",
    "gates.max_order_amount": "One order above this amount",
    "gates.max_account_turnover": "Traded in all above",
    "gates.max_account_orders": "More orders than",
    "gates.max_run_amount": "A run of many accounts above this amount",
    "gates.max_run_orders": "A run of many accounts with more orders than",
    "gates.max_trading_accounts": "A run in which more accounts trade than",
    "gates.repeat_hours": "The same order within hours",
}

CHOICES: Mapping[str, str] = {
    "hold": "kept unchanged",
    "close": "sold",
    "error": "an error",
    "limit": "share one sector",
    "equal_weight": "equal",
    "score_weighted": "by score",
    "adaptive": "by score, adapted",
    "inverse_volatility": "by low volatility",
    "desired": "from the file",
    "proportional": "goes to the others",
    "cash": "stays in cash",
    "report": "is reported",
    "raise": "is an error",
    "full": "sells and buys",
    "buy_only": "only buys",
    "sell_only": "only sells",
    "fifo": "oldest",
    "lifo": "newest",
    "hifo": "most expensive",
    "lofo": "cheapest",
    "min_tax": "least tax",
}

PRESETS: Mapping[str, tuple[str, str]] = {
    "conservative": ("Conservative", "little in any one sector, three sectors at least"),
    "protection": ("Protection", "tight for what is bought; holdings may stay in a full sector"),
    "aggressive": ("Aggressive growth", "concentrated sectors; holdings may stay in a full one"),
}

"""The kind of asset in a row: an option, a bond, a money fund, a coin, or anything else."""

from __future__ import annotations

import re

_OPTION_SYMBOLS = re.compile(
    r"-?[A-Z.]{1,6}\s*\d{6}[CP]\d{8}"  # AAPL261218C00250000
    r"|-[A-Z.]{1,6}\d{6}[CP]\d+(\.\d+)?"  # -AAPL261218C250
    r"|[A-Z./]{1,6} \d{1,2}/\d{1,2}/\d{2,4} [\d.,]+ [CP]"  # AAPL 12/17/2021 200.00 P
    r"|[A-Z./]{1,6} [A-Z][a-z]{2} \d{1,2} '?\d{2,4} \$?[\d.,]+ (Call|Put)"  # QQQ Dec 18 '26 $540 Put
    r"|[A-Z./ ]{1,6} \d{1,2}[A-Z]{3}\d{2} [\d.]+ [CP]"  # SPY 18DEC26 600 P
    r"|[A-Z./]{1,6} \d{1,2}/\d{1,2}/\d{4} (Call|Put) \$?[\d.,]+"  # MSFT 9/18/2026 Call $520.00
)
_OPTION_WORDS = re.compile(r"(?:.*\b(?:options?|opt|us_option|fop|iopt|warrants?)\b.*|calls?|puts?)", re.IGNORECASE)
_OPTION_NAMES = re.compile(r"\b(CALL|PUT)\b.*(\bEXP\b|\$)|\$.*\b(CALL|PUT)\b", re.IGNORECASE)
_BOND_WORDS = re.compile(
    r"\b(fixed income|bonds?|anleihen?|treasur(y|ies)|bills?|municipals?|corporates?|cds?|obligations?|govt|notes?|rente)\b",
    re.IGNORECASE,
)
_FUND_WORDS = re.compile(r"\b(etfs?|funds?|fonds|equit(y|ies)|stocks?|aktien?)\b", re.IGNORECASE)
_COUPON = re.compile(r"\d+(?:[.,]\d+)?\s?%|\b\d\d?(?:\.\d+)? \d{1,2}/\d{1,2}/\d{2,4}\b")
_MONEY_SYMBOLS = re.compile(r"[A-Z]{3}XX|IIAXX|[A-Z]{2}[A-Z0-9]XX")
_MONEY_WORDS = re.compile(r"money (market|mkt|fund)|geldmarkt|cash and money market|monétaire", re.IGNORECASE)
_COIN_WORDS = re.compile(r"crypto\w*|coin|COINGECKO", re.IGNORECASE)


def kind_of(symbol: str, name: str, words: str) -> str:
    """`option`, `bond`, `money fund`, `crypto` or `other`, from the symbol, the name and the file's own word for it.

    >>> kind_of("AAPL 12/17/2021 200.00 P", "", "Option"), kind_of("VMFXX", "", ""), kind_of("AGG", "US BOND ETF", "")
    ('option', 'money fund', 'other')
    """
    if _OPTION_SYMBOLS.fullmatch(symbol) or _OPTION_WORDS.fullmatch(words) or _OPTION_NAMES.search(name):
        return "option"
    if _MONEY_SYMBOLS.fullmatch(symbol) or _MONEY_WORDS.search(words):
        return "money fund"
    if _COIN_WORDS.search(words):
        return "crypto"
    if not _FUND_WORDS.search(words) and (_BOND_WORDS.search(words) or _COUPON.search(f"{symbol} {name}")):
        return "bond"
    return "other"

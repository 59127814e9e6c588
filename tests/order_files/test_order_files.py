"""Order files: each format in full, what it refuses, and what it reads back."""

from __future__ import annotations

import dataclasses
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from trimtab.errors import InputError, LimitsError, SetupError
from trimtab.limits.order_file_settings import OrderFileSettings
from trimtab.order_files.file_order import FileOrder, Quote
from trimtab.order_files.formats import FORMATS, order_files, read_orders

D = Decimal


def listed(asset: str, side: str, phase: int, shares: str, price: str = "10", **more: Any) -> FileOrder:
    number = D(shares) * D(price)
    values = {"fee": D(1), "closes": False, "reason": "added", "cash_after": D("-0.5"), "wash_sale": True} | more
    return FileOrder(
        asset,
        side,
        phase,
        f"tt-{asset}",
        shares=D(shares),
        price=D(price),
        amount=number.quantize(D("0.000001")),
        **values,
    )


ORDERS = [
    listed("BRK-B", "sell", 1, "3", "480.255"),
    listed("AAA", "buy", 2, "14", "0.33335"),
    listed("CCC", "buy", 3, "2"),
]
LIMIT = OrderFileSettings(order_type="limit", time_in_force="gtc", account="U 123")


def written(name: str, orders: list[FileOrder] = ORDERS, settings: Any = None, quotes: Any = None) -> dict[str, str]:
    files = order_files(Path(f"o{FORMATS[name].suffix}"), orders, quotes or {}, settings or OrderFileSettings(), name)
    return {file.path.name: file.data.decode() for file in files}


def test_ibkr() -> None:
    header = "Action,Quantity,Symbol,SecType,Exchange,Currency,TimeInForce,OrderType,LmtPrice,BasketTag,Account\n"
    assert written("ibkr") == {
        "o-1-sells.csv": f"{header}SELL,3,BRK B,STK,SMART,USD,DAY,MKT,,tt-BRK-B,\n",
        "o-2-buys.csv": f"{header}BUY,14,AAA,STK,SMART,USD,DAY,MKT,,tt-AAA,\n",
        "o-3-buys-after-settlement.csv": f"{header}BUY,2,CCC,STK,SMART,USD,DAY,MKT,,tt-CCC,\n",
    }
    limits = written("ibkr", settings=LIMIT)
    assert limits["o-1-sells.csv"] == f"{header}SELL,3,BRK B,STK,SMART,USD,GTC,LMT,480.26,tt-BRK-B,U 123\n"
    assert limits["o-2-buys.csv"] == f"{header}BUY,14,AAA,STK,SMART,USD,GTC,LMT,0.3333,tt-AAA,U 123\n"
    closing = written("ibkr", settings=OrderFileSettings(time_in_force="cls", order_type="limit", price_tick=D("0.05")))
    assert closing["o-1-sells.csv"] == f"{header}SELL,3,BRK B,STK,SMART,USD,DAY,LOC,480.3,tt-BRK-B,\n"
    pence = {"AAA": Quote("GBX", D(33), D("0.0125")), "CCC": Quote("EUR", D(9), D("1.1"))}
    quoted = written("ibkr", quotes=pence)
    assert ",AAA,STK,SMART,GBP,DAY,MKT," in quoted["o-2-buys.csv"]
    assert ",CCC,STK,SMART,EUR,DAY,MKT," in quoted["o-3-buys-after-settlement.csv"]
    in_euros = written("ibkr", [ORDERS[2]], OrderFileSettings(order_type="limit"), {"CCC": pence["CCC"]})
    assert ",EUR,DAY,LMT,9," in in_euros["o-3-buys-after-settlement.csv"]  # the price as quoted, not in dollars


def test_alpaca() -> None:
    files = written("alpaca", [ORDERS[0], listed("AAA", "buy", 2, "0.000000001", "33.335")])
    assert json.loads(files["o-1-sells.jsonl"]) == {
        "symbol": "BRK.B", "qty": "3", "side": "sell", "type": "market", "time_in_force": "day",
        "client_order_id": "tt-BRK-B",
    }  # fmt: skip
    assert json.loads(files["o-2-buys.jsonl"])["qty"] == "0.000000001"
    limit = json.loads(written("alpaca", settings=LIMIT)["o-2-buys.jsonl"])
    assert (limit["type"], limit["limit_price"], limit["time_in_force"]) == ("limit", "0.3333", "gtc")
    amounts = written("alpaca", [ORDERS[0], listed("AAA", "buy", 2, "14", "33.335")], OrderFileSettings(by_amount=True))
    assert "notional" not in json.loads(amounts["o-1-sells.jsonl"])
    buy = json.loads(amounts["o-2-buys.jsonl"])
    assert (buy["notional"], "qty" in buy) == ("466.69", False)


def test_fix() -> None:
    files = written("fix", settings=LIMIT)
    assert files["o-1-sells.csv"] == "35,11,1,55,54,38,40,44,59,15\nD,tt-BRK-B,U 123,BRK.B,2,3,2,480.26,1,USD\n"
    assert written("fix")["o-2-buys.csv"].endswith("\nD,tt-AAA,,AAA,1,14,1,,0,USD\n")


def test_lists_and_text() -> None:
    assert written("csv")["o.csv"] == (
        "asset,side,shares,price,amount,fee,closes,reason,cash_after,phase,wash_sale,client_order_id\n"
        "BRK-B,sell,3,480.255,1440.765,1,False,added,-0.5,1,True,tt-BRK-B\n"
        "AAA,buy,14,0.33335,4.6669,1,False,added,-0.5,2,True,tt-AAA\n"
        "CCC,buy,2,10,20,1,False,added,-0.5,3,True,tt-CCC\n"
    )
    assert written("text", [*ORDERS, FileOrder("a\nb", "buy", 3, "tt-4", shares=D(1), price=D(10))])["o.txt"] == (
        "1. Sell\nSell 3 BRK-B at about 480.255 [tt-BRK-B]\n\n2. Buy\nBuy 14 AAA at about 0.33335 [tt-AAA]\n\n"
        '3. Buy after the sales settle\nBuy 2 CCC at about 10 [tt-CCC]\nBuy 1 "a\\nb" at about 10 [tt-4]\n'
    )


@pytest.mark.parametrize(
    ("name", "order", "settings", "sentence"),
    [
        ("ibkr", listed("AAA", "buy", 2, "1.5"), {}, "1.5 shares are not a multiple of 1: plan with lot 1"),
        ("ibkr", listed("=cmd", "buy", 2, "1"), {}, "is not a symbol: name the asset by its symbol in capitals"),
        ("fix", listed("aaa", "buy", 2, "1"), {}, "is not a symbol"),
        ("ibkr", listed("AAA", "buy", 2, "1"), {"by_amount": True}, "IBKR takes no orders by amount"),
        ("alpaca", listed("AAA", "buy", 2, "1.5"), {"time_in_force": "gtc"}, "1.5 shares are a fraction"),
        (
            "alpaca",
            listed("AAA", "buy", 2, "1"),
            {"by_amount": True, "order_type": "limit"},
            "by amount only at market",
        ),
        ("alpaca", listed("AAA", "buy", 2, "0.01"), {"by_amount": True}, "its amount is below 1: leave by_amount out"),
        ("alpaca", listed("AAA", "buy", 2, "1"), {"currency": "EUR"}, "is in EUR, and Alpaca trades in USD"),
        ("fix", listed("AAA", "buy", 2, "1"), {"currency": "GBX", "order_type": "limit"}, "could be misread"),
    ],
)
def test_orders_that_the_broker_would_refuse(name: str, order: FileOrder, settings: Any, sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        written(name, [order], OrderFileSettings(**settings))
    assert sentence in str(caught.value)


def test_an_unnamed_currency_is_refused() -> None:
    with pytest.raises(InputError, match="its price was converted from an unnamed currency: add a column currency"):
        written("fix", [listed("AAA", "buy", 2, "1")], quotes={"AAA": Quote("", D(9), D("1.1"))})


def test_a_finer_step_if_the_account_takes_it() -> None:
    settings = OrderFileSettings(share_step=D("0.0001"))
    assert "BUY,1.5,AAA" in written("ibkr", [listed("AAA", "buy", 2, "1.5")], settings)["o-2-buys.csv"]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"order_type": "stop"}, "order_type must be one of market, limit"),
        ({"share_step": 0}, "share_step must be above 0"),
        ({"account": "=1\n"}, "account must be letters, digits, blanks and . _ / -"),
        ({"colour": 1}, "unknown field 'colour'"),
    ],
)
def test_settings_that_cannot_be_used(settings: Any, sentence: str) -> None:
    with pytest.raises(LimitsError) as caught:
        OrderFileSettings(**settings)
    assert sentence in str(caught.value)


def test_no_orders() -> None:
    assert written("ibkr", []) == {}
    assert written("text", []) == {"o.txt": ""}
    assert written("csv", [])["o.csv"].count("\n") == 1


@pytest.mark.parametrize(
    ("path", "name", "sentence"),
    [
        ("o.csv", "fixx", "there is no order file of the format 'fixx': did you mean 'fix'?"),
        ("o.txt", "ibkr", "o.txt is not called like the format ibkr: let it end in .csv"),
        ("o.pdf", None, "no order file is called '.pdf': use .csv, .xlsx, .jsonl, .txt, or name a format"),
    ],
)
def test_formats_and_names(path: str, name: str | None, sentence: str) -> None:
    with pytest.raises(SetupError) as caught:
        order_files(Path(path), ORDERS, {}, OrderFileSettings(), name)
    assert str(caught.value) == sentence


# ---- reading back


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_reads_back(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"orders{FORMATS[name].suffix}"
    files = order_files(path, ORDERS, {}, OrderFileSettings(), name)
    for file in files:
        file.path.write_bytes(file.data)
    back = read_orders(path, name)
    assert [(order.side, order.phase, order.client_order_id, order.shares) for order in back] == [
        (order.side, order.phase, order.client_order_id, order.shares) for order in ORDERS
    ]
    assert read_orders(files[0].path, name)[0] == back[0]
    if name in ("csv", "xlsx"):
        assert list(back) == ORDERS


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ibkr", "Action,Quantity,Symbol,SecType,Exchange,Currency,TimeInForce,OrderType,LmtPrice,BasketTag,Account\nHOLD,1,A,STK,S,USD,DAY,MKT,,t,\n"),
        ("ibkr", "Action,Quantity,Symbol,SecType,Exchange,Currency,TimeInForce,OrderType,LmtPrice,BasketTag,Account\nBUY,1,A,STK,S,USD,DAY,MKT,5,t,\n"),
        ("ibkr", "Action,Quantity,Symbol,SecType,Exchange,Currency,TimeInForce,OrderType,LmtPrice,BasketTag,Account\nBUY,-1,A,STK,S,USD,DAY,MKT,,t,\n"),
        ("alpaca", '{"symbol": "A", "qty": "1", "notional": "1", "side": "buy", "type": "market", "time_in_force": "day", "client_order_id": "t"}\n'),
        ("alpaca", '{"symbol": "A"}\n'),
        ("alpaca", "{\n"),
        ("fix", "35,11,1,55,54,38,40,44,59,15\nF,t,,A,1,1,1,,0,USD\n"),
        ("fix", "35,11,1,55,54,38,40,44,59,15\nD,t,,A,3,1,1,,0,USD\n"),
        ("csv", "asset,side,shares,price,amount,fee,closes,reason,cash_after,phase,wash_sale,client_order_id\nA,buy,x,1,1,1,True,a,1,1,True,t\n"),
        ("csv", "asset,side,shares,price,amount,fee,closes,reason,cash_after,phase,wash_sale,client_order_id\nA,buy,NaN,1,1,1,True,a,1,1,True,t\n"),
        ("csv", "asset,side,shares,price,amount,fee,closes,reason,cash_after,phase,wash_sale,client_order_id\nA,hold,1,1,1,1,True,a,1,1,True,t\n"),
        ("csv", "asset,side\nA,buy\n"),
        ("text", "Buy 1 A at about 1 [t]\n"),
        ("text", "2. Buy\nBuy one A\n"),
        ("text", "2. Buy\nBuy 1..5 A at about 1 [t]\n"),
    ],
)  # fmt: skip
def test_damaged_files_are_refused(name: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / (f"o-2-buys{FORMATS[name].suffix}" if FORMATS[name].broker else f"o{FORMATS[name].suffix}")
    path.write_text(text)
    with pytest.raises(InputError, match="write the file again; order files are not meant to be edited"):
        read_orders(path, name)


def test_files_that_are_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no file o-1-sells\.csv, nor one of another phase"):
        read_orders(tmp_path / "o.csv", "ibkr")
    with pytest.raises(InputError, match="cannot be read"):
        read_orders(tmp_path / "o.csv")
    (tmp_path / "o.csv").write_bytes(b"\xff")
    with pytest.raises(InputError, match="is not a text file"):
        read_orders(tmp_path / "o.csv")


def test_what_cannot_be_read_back_is_not_written() -> None:
    with pytest.raises(InputError, match=r"is longer than|write the file again"):
        written("xlsx", [listed("x" * 40_000, "buy", 2, "1")])
    with pytest.raises(InputError, match="a NUL byte"):
        written("csv", [listed("a\0b", "buy", 2, "1")])


def test_a_fault_of_a_writer_is_caught_before_the_file_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    fix = FORMATS["fix"]

    def wrong(orders: Any, currencies: Any, settings: Any) -> bytes:
        return fix.write(orders, currencies, settings).replace(b",14,", b",140,")

    monkeypatch.setitem(FORMATS, "fix", dataclasses.replace(fix, write=wrong))
    with pytest.raises(InputError, match="the order of 'AAA' does not read back from this format as written"):
        written("fix", ORDERS[:2])

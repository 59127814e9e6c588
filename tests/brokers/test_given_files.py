"""The files of `tests/brokers/files`: each as `cases.json` says."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from trimtab.brokers import Positions, read
from trimtab.errors import InputError

FILES = Path(__file__).parent / "files"
CASES = json.loads((FILES / "cases.json").read_text("utf-8"))["cases"]
UNNAMED = (None, "(the file's)")


def number(text):
    return None if text is None else Decimal(str(text))


def same_account(mine, theirs):
    return mine is None if theirs in UNNAMED else mine == theirs


def check(got: Positions, answer: dict, excepted: dict) -> None:
    """The answer agrees with the positions, except for the fields in `excepted`."""
    moved = excepted.get("account", {})
    if "as_of" not in excepted:
        assert (got.as_of.isoformat() if got.as_of else None) == answer["as_of"]
    else:
        assert got.as_of is None
    assert len(got.accounts) == len(answer["accounts"])
    for mine, theirs in zip(sorted_accounts(got), sorted(answer["accounts"], key=str_of), strict=True):
        name = moved.get(theirs["account"], theirs["account"])
        assert same_account(mine.account, name)
        if theirs["name"] and "account_name" not in excepted:
            assert mine.name == theirs["name"]
        cash = (
            None if theirs["cash"] is None or "cash" in excepted else {c: number(v) for c, v in theirs["cash"].items()}
        )
        assert (None if mine.cash is None else dict(mine.cash)) == cash
        assert dict(mine.pending) == {c: number(v) for c, v in theirs["pending"].items()}
        if theirs["total"] is None or excepted.get("total", 0) is None:
            assert mine.total is None
        else:
            assert mine.total is not None
            assert mine.total.value == number(theirs["total"]["value"])
            assert mine.total.currency == theirs["total"]["currency"]
    if answer["total"] is not None and "total" not in excepted:
        assert got.total is not None
        assert got.total.value == number(answer["total"]["value"])
    assert len(got.positions) == len(answer["positions"])
    left = list(got.positions)
    for theirs in answer["positions"]:
        wanted = None if excepted.get("symbol", 0) is None else theirs["symbol"]
        account = moved.get(theirs["account"], theirs["account"])
        mine = next(
            p
            for p in left
            if same_account(p.account, account)
            and p.symbol == wanted
            and (
                p.symbol is not None
                or p.name == theirs["name"]
                or (p.ids and p.ids.get("isin") == theirs["ids"].get("isin"))
            )
        )
        left.remove(mine)
        check_position(mine, theirs, excepted)
    assert left == []


def str_of(account):
    return "" if account["account"] in UNNAMED else account["account"]


def sorted_accounts(got):
    return sorted(got.accounts, key=lambda account: account.account or "")


def check_position(mine, theirs: dict, excepted: dict) -> None:
    dropped = {key for key, value in excepted.get("ids", {}).get(theirs["symbol"], {}).items() if value is None}
    for key, value in theirs["ids"].items():
        if key in dropped:
            assert key not in mine.ids
        elif theirs.get("symbol") != "Flat in Anytown":
            assert mine.ids.get(key) == value
    for name in ("quantity", "price", "price_per", "multiplier", "value", "cost"):
        if name not in excepted:
            assert getattr(mine, name) == number(theirs[name]), (theirs["symbol"], name)
        elif excepted[name] is None:
            assert getattr(mine, name) is None
    if "cost" in excepted and mine.cost is not None and excepted["cost"] != "null or 'price'":
        assert abs(mine.cost - number(theirs["cost"])) < 2
    assert mine.currency == theirs["currency"]
    if "value_base" in theirs:
        assert mine.value_base is not None
        assert abs(mine.value_base - number(theirs["value_base"])) <= Decimal("0.000001")
    if mine.symbol is not None:
        assert mine.is_cash_like == theirs.get("cash_like", False)


@pytest.mark.parametrize("case", CASES, ids=[case["file"].split("/")[1] for case in CASES])
def test_case(case):
    if case["expect"] == "refused":
        with pytest.raises(InputError) as caught:
            read(FILES / case["file"])
        sentence = "\n".join(fault.sentence() for fault in caught.value.faults)
        for word in case.get("message_should_name", ()):
            assert word in sentence
        return
    answer = json.loads((FILES / case["answer"]).read_text("utf-8"))
    check(read(FILES / case["file"]), answer, case.get("except", {}))

"""A plan, its order files, and the plan read back from them: the same to the last digit."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pytest
from order_cases import of_case, random_order_case
from thorough import mostly_thorough

import trimtab
from trimtab import Desk, InputError, LimitsError, Plan
from trimtab.errors import HeldOrdersError, OutputError
from trimtab.limits.order_file_settings import TIMES_IN_FORCE, OrderFileSettings
from trimtab.order_files.formats import FORMATS
from trimtab.orders.order_output import file_orders, files_of, given_file_settings
from trimtab.symbols.aliases import shipped_aliases

NOW = dt.datetime(2026, 3, 2, 15, tzinfo=dt.UTC)
CASES, PART = 1000, 25
PLAN_FIELDS = (
    "asset",
    "side",
    "shares",
    "price",
    "amount",
    "fee",
    "closes",
    "reason",
    "cash_after",
    "phase",
    "wash_sale",
)


def random_plan(seed: int) -> Plan | None:
    """A plan of a random account; None where the account is worth nothing."""
    rows, options = of_case(random_order_case(seed))
    spelled = {"A01": "BRK-B", "A02": "BF/B", "A03": "HEIA"}  # share classes, in three spellings
    for row in [*rows, *(options["tax_lots"] or ())]:
        row["asset"] = spelled.get(row["asset"], row["asset"])
    limits = random_order_case(seed).limits
    try:
        return trimtab.plan(rows, limits, **options)
    except (InputError, LimitsError):
        return None


def check_round_trip(made: Plan, settings: OrderFileSettings, folder: Path) -> None:
    for name, chosen in FORMATS.items():
        path = folder / f"orders{chosen.suffix}"
        for file in files_of(made, path, name, settings if chosen.broker else None):
            file.path.write_bytes(file.data)
        orders = file_orders(made)
        if chosen.broker is None:
            back = trimtab.read_orders(path, name)
            carried = [field for field in PLAN_FIELDS if name != "text" or field in chosen.fields]
            assert [[getattr(each, field) for field in carried] for each in back] == [
                [getattr(each, field) for field in carried] for each in made.orders
            ]
        else:
            back = trimtab.read_orders(path, name) if orders else ()
            assert [(each.side, each.phase, each.shares) for each in back] == [
                (each.side, each.phase, each.shares) for each in made.orders
            ]
            same = [shipped_aliases().assets_of(each.asset) for each in back]
            assert same == [shipped_aliases().assets_of(each.asset) for each in made.orders]
            for each, order in zip(back, made.orders, strict=True):
                assert each.limit_price is None or is_not_worse(each.side, each.limit_price, order.price)
        assert [each.client_order_id for each in back] == [each.client_order_id for each in made.orders]
        for file in folder.iterdir():
            file.unlink()


def is_not_worse(side: str, limit: Decimal, price: Decimal) -> bool:
    return limit <= max(price, Decimal("0.0001")) if side == "buy" else limit >= price


@pytest.mark.parametrize("part", mostly_thorough(range(CASES // PART)))
def test_every_format_gives_the_plan_back(part: int, tmp_path: Path) -> None:
    written = 0
    for seed in range(part * PART, (part + 1) * PART):
        made = random_plan(seed)
        if made is None:
            continue
        settings = OrderFileSettings(
            order_type=("market", "limit")[seed % 2],
            time_in_force="day" if seed % 4 else TIMES_IN_FORCE[seed // 4 % 6],
            share_step=Decimal("0.000000001"),
        )
        fractions = any(order.shares % 1 for order in made.orders)
        check_round_trip(made, OrderFileSettings(share_step=settings.share_step) if fractions else settings, tmp_path)
        written += bool(made.orders)
    assert written >= PART // 3


# ---- writing


def plan(**more: object) -> Plan:
    rows = [
        {"asset": "AAA", "score": 0.9, "shares": 30, "price": 100, **more},
        {"asset": "BBB", "score": 0.8, "shares": 0, "price": "49.50", **more},
    ]
    return trimtab.plan(rows, cash=7000)


def test_writing_the_same_plan_again_changes_nothing_and_another_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    desk = Desk(now=NOW)
    names = [file.name for file in trimtab.write_orders(plan(), path, desk=desk, format="ibkr")]
    assert names == ["orders-1-sells.csv", "orders-2-buys.csv"]
    before = [(tmp_path / name).read_bytes() for name in names]
    trimtab.write_orders(plan(), path, desk=desk, format="ibkr")
    assert [(tmp_path / name).read_bytes() for name in names] == before
    with pytest.raises(InputError, match=r"orders-1-sells\.csv: holds orders of another plan: move it away"):
        trimtab.write_orders(plan(max_weight=0.3), path, desk=desk, format="ibkr")
    for name in names:
        (tmp_path / name).unlink()
    (tmp_path / "orders-3-buys-after-settlement.csv").write_text("old")
    with pytest.raises(InputError, match=r"orders-3-buys-after-settlement\.csv: holds orders of another plan"):
        trimtab.write_orders(plan(), path, desk=desk, format="ibkr")
    assert len(list(tmp_path.iterdir())) == 1


def test_a_gate_holds_the_file_back(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("HALTED")
    with pytest.raises(HeldOrdersError, match="The state is HALTED"):
        trimtab.write_orders(plan(), tmp_path / "o.xlsx", desk=Desk(now=NOW, state=tmp_path / "state"))
    assert not (tmp_path / "o.xlsx").exists()
    record = tmp_path / "record.jsonl"
    trimtab.write_orders(plan(), tmp_path / "o.xlsx", desk=Desk(now=NOW, record=record))
    assert len(record.read_text().splitlines()) == 2
    with pytest.raises(HeldOrdersError, match="was written in the last 24 hours"):
        trimtab.write_orders(plan(), tmp_path / "o.txt", desk=Desk(now=NOW, record=record))


def test_places_and_settings_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="name a place where you may write"):
        trimtab.write_orders(plan(), tmp_path / "nowhere" / "o.txt", desk=Desk(now=NOW))
    with pytest.raises(LimitsError, match="settings must be OrderFileSettings or a mapping"):
        given_file_settings("limit")
    assert given_file_settings({"order_type": "limit"}) == OrderFileSettings(order_type="limit")


def test_prices_in_other_currencies_go_out_as_they_were_quoted(tmp_path: Path) -> None:
    rows = [
        {"asset": "VOD", "score": 0.9, "shares": 100, "price": 450, "currency": "GBX"},
        {"asset": "SAP", "score": 0.8, "shares": 0, "price": 90, "currency": "EUR"},
    ]
    made = trimtab.plan(rows, cash=100, fx={"GBP": "1.25", "EUR": "1.1"})
    settings = {"order_type": "limit"}
    with pytest.raises(InputError, match="a limit in hundredths of a currency could be misread"):
        files_of(made, tmp_path / "o.csv", "ibkr", settings)
    sells, buys = files_of(made, tmp_path / "o.csv", "ibkr")
    assert b",VOD,STK,SMART,GBP,DAY,MKT," in sells.data
    assert b",SAP,STK,SMART,EUR,DAY,MKT," in buys.data
    with pytest.raises(InputError, match="is in GBX, and Alpaca trades in USD"):
        files_of(made, tmp_path / "o.jsonl", "alpaca")
    unnamed = trimtab.plan([{"asset": "SAP", "score": 0.8, "price": 90, "fx": "1.1"}], cash=1000)
    with pytest.raises(InputError, match="from an unnamed currency"):
        files_of(unnamed, tmp_path / "o.csv", "fix")

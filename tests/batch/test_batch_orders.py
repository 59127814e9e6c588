"""A batch with orders: the orders of `plan_many` beside the targets, whatever the workers; gates on the run; resumed."""

from __future__ import annotations

import datetime as dt
import json
import pickle
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from batch_runs import files_of

import trimtab
from trimtab import InputError, LimitsError, RebalancingLimits
from trimtab.batch.atomic_storage import Storage
from trimtab.batch.publish_gates import PublishGates
from trimtab.batch.published_account import published_account
from trimtab.batch.published_folder import UNPUBLISHED, check_published, read_manifest
from trimtab.batch.run import BatchOutcome, Job, PublishConditions, on_threads, run_batch
from trimtab.batch.summary import read_summary
from trimtab.batch.tax_files import TaxPlaces
from trimtab.errors import DamagedError

LIMITS = RebalancingLimits(gates={"max_trading_accounts": 1.0}, orders={"fees": {"per_order": 1}})


def tables(count: int = 40) -> tuple[pa.Table, pa.Table]:
    """Accounts with some shares and cash; one of them cannot be planned."""
    rng = random.Random(3)
    rows, cash = [], []
    for number in range(count):
        name = f"P{number:03d}"
        for asset in rng.sample("ABCDEFGHIJ", rng.randint(3, 9)):
            price = round(10 + 10 * (ord(asset) - 64) * 1.17, 2)
            shares = None if number == 7 else float(rng.choice([0, 0, 5, 20]))
            rows.append(
                {
                    "account": name,
                    "asset": asset,
                    "bucket": rng.choice(["Tech", "Bond"]),
                    "score": round(rng.random(), 3),
                    "shares": -1.0 if number == 7 else shares,
                    "price": price,
                    "note": "carried by nobody",
                }
            )
        cash.append({"account": name, "cash": float(rng.randint(500, 9000)), "mode": rng.choice([None, "buy_only"])})
    return pa.Table.from_pylist(rows), pa.Table.from_pylist(cash)


def plan_batch(folder: Path, out: str = "out", limits: Any = LIMITS, **changes: Any) -> BatchOutcome:
    rows, cash = tables()
    (folder / "in").mkdir(exist_ok=True)
    if not (folder / "in" / "rows.parquet").exists():
        pq.write_table(rows, folder / "in" / "rows.parquet", row_group_size=47)
        pq.write_table(changes.pop("cash", cash), folder / "cash.parquet")
    options = {
        "workers": 2,
        "events": [],
        "storage": Storage(),
        "gates": {},
        "fx": None,
        "exposures": None,
        "taxes": None,
        **changes,
    }
    job = Job(
        (str(folder / "in"),),
        limits if isinstance(limits, dict) else {None: limits},
        "1",
        block_rows=60,
        accounts=str(folder / "cash.parquet"),
        fx=options["fx"],
        exposures=options["exposures"],
        taxes=options["taxes"],
    )
    gates = PublishGates(**{"max_failed": 0.1, "max_unscored": 1.0, "max_unmet": 1.0, **options["gates"]})
    return run_batch(
        job,
        folder / out,
        PublishConditions(gates),
        execute=on_threads(options["workers"]),
        workers=options["workers"],
        storage=options["storage"],
        say=options["events"].append,
    )


def rows_of(folder: Path, kind: str) -> list[dict[str, Any]]:
    return [row for file in sorted(folder.glob(f"{kind}-*.parquet")) for row in pq.read_table(file).to_pylist()]


def test_the_orders_of_the_table_door(tmp_path: Path) -> None:
    outcome = plan_batch(tmp_path)
    assert outcome.status == "published"
    rows, cash = tables()
    made = trimtab.plan_many(rows, LIMITS, accounts=cash)
    out = tmp_path / "out"
    assert rows_of(out, "orders") == made.orders.to_pylist()
    assert rows_of(out, "accounts") == made.accounts.to_pylist()
    assert rows_of(out, "part") == made.targets.to_pylist()
    assert outcome.counts.orders == made.counts.orders > 40
    assert outcome.counts.order_amount == int(1_000_000 * sum(row["amount"] for row in rows_of(out, "orders")))
    assert outcome.counts.ordering == len({row["account"] for row in rows_of(out, "orders")})
    assert outcome.counts.plan_statuses == {"ok": 39}
    assert set(made.failed) == {"P007"}


def test_the_orders_of_the_table_door_with_exposures(tmp_path: Path) -> None:
    """Each account against `plan`; the limits bind."""
    table = [
        {"asset": asset, "scheme": "country", "bucket": "US" if asset < "E" else "EU", "fraction": 0.8}
        for asset in "ABCDEFGH"
    ]
    pq.write_table(pa.Table.from_pylist(table), tmp_path / "exposures.parquet")
    limits = LIMITS.replace(exposures={"country": {"max_exposure": 0.25}})
    outcome = plan_batch(tmp_path, limits=limits, exposures=str(tmp_path / "exposures.parquet"))
    assert outcome.status == "published"
    rows, cash = tables()
    made = trimtab.plan_many(rows, limits, accounts=cash, exposures=table)
    assert rows_of(tmp_path / "out", "orders") == made.orders.to_pylist()
    assert made.counts.orders != trimtab.plan_many(rows, LIMITS, accounts=cash).counts.orders
    for line in cash.to_pylist()[:5]:
        own = [row for row in rows.to_pylist() if row["account"] == line["account"]]
        mode = {} if line["mode"] is None else {"mode": line["mode"]}
        single = trimtab.plan(own, limits, cash=line["cash"], exposures=table, **mode)
        orders = [row for row in made.orders.to_pylist() if row["account"] == line["account"]]
        assert [(row["asset"], row["shares"], row["client_order_id"]) for row in orders] == [
            (order.asset, order.shares, order.client_order_id) for order in single.orders
        ]
    name = next(row["account"] for row in cash.to_pylist() if row["mode"] == "buy_only")
    account = published_account(tmp_path / "out", name, [str(tmp_path / "in")])
    assert account.money is not None
    again = trimtab.plan(account.file.table, account.limits, exposures=account.exposures, **account.money._asdict())
    assert [order.client_order_id for order in again.orders] == [
        row["client_order_id"] for row in made.orders.to_pylist() if row["account"] == name
    ]
    assert again.orders
    written = json.loads((tmp_path / "out" / "manifest.json").read_text())["exposures"]
    assert [(each["name"], each["rows"]) for each in written] == [("exposures.parquet", len(table))]


def taxed(folder: Path) -> TaxPlaces:
    """Lots of every holding of the accounts that can be planned, in two purchases, in no order; and recent trades."""
    rows, lots = tables()[0].to_pylist(), []
    for number, row in enumerate(rows):
        for part in (1, 2) if row["shares"] > 0 else ():
            cost = row["price"] * row["shares"] * (0.3 if part == 1 else 0.7)
            lot = {"account": row["account"], "asset": row["asset"], "lot_id": str(part), "shares": row["shares"] / 2}
            lots.append({**lot, "cost": round(cost, 2), "acquired": dt.date(2025, 1 + number % 9, part)})
    random.Random(4).shuffle(lots)
    recent = [{"account": None, "group": "C", "date": "2026-02-20", "kind": "buy"}]
    recent += [{"account": "P003", "group": asset, "date": "2026-02-21", "kind": "loss_sale"} for asset in "ABCDEFGH"]
    pq.write_table(pa.Table.from_pylist(lots), folder / "lots.parquet", row_group_size=11)
    pq.write_table(pa.Table.from_pylist(recent), folder / "recent.parquet")
    return TaxPlaces(dt.date(2026, 3, 2), str(folder / "lots.parquet"), str(folder / "recent.parquet"))


def test_the_orders_of_the_table_door_with_tax_lots(tmp_path: Path) -> None:
    places = taxed(tmp_path)
    limits = LIMITS.replace(orders={"max_realized_gain": 20, "relief": "lofo"})
    assert plan_batch(tmp_path, limits=limits, taxes=places).status == "published"
    rows, cash = tables()
    lots, recent = (pq.read_table(place) for place in places.places.values())
    taxes = trimtab.TaxRecords(lots, recent=recent)
    made = trimtab.plan_many(rows, limits, accounts=cash, tax_lots=taxes, today=places.today)
    written = rows_of(tmp_path / "out", "orders")
    assert written == made.orders.to_pylist()
    assert made.counts.plan_statuses["limited"] > 0
    assert any(row["gain"] for row in written) and any(row["wash_sale"] for row in written)
    for name in ("P003", next(row["account"] for row in written if row["gain"])):
        own = published_account(tmp_path / "out", name, [str(tmp_path)])
        assert own.money is not None
        plan = trimtab.plan(own.file.table, own.limits, **own.money._asdict())
        assert [(each.asset, each.client_order_id, each.wash_sale) for each in plan.orders] == [
            (row["asset"], row["client_order_id"], row["wash_sale"]) for row in written if row["account"] == name
        ]
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())["orders"]
    assert manifest["today"] == "2026-03-02" and manifest["tax_lots"][0]["rows"] == lots.num_rows
    with pytest.raises(InputError, match="the tax lots"):
        plan_batch(tmp_path, limits=limits, taxes=places._replace(recent=None))


def test_only_recent_trades(tmp_path: Path) -> None:
    places = taxed(tmp_path)._replace(tax_lots=None)
    assert plan_batch(tmp_path, taxes=places).status == "published"
    warned = [row for row in rows_of(tmp_path / "out", "orders") if row["wash_sale"]]
    assert warned and {row["side"] for row in warned if row["account"] == "P003"} == {"buy"}
    account = published_account(tmp_path / "out", warned[0]["account"], [str(tmp_path)])
    assert account.money is not None and account.money.tax_lots is not None and account.money.tax_lots.lots is None


@pytest.mark.parametrize(
    ("change", "message"),
    [({"account": "P999"}, "tax_lots, row 1, column 'account': the account is unknown"), ({"account": None}, "row 1")],
)
def test_lots_of_nobody_are_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    places = taxed(tmp_path)
    lots = pq.read_table(places.places["tax_lots"]).to_pylist()
    pq.write_table(pa.Table.from_pylist([{**lots[0], **change}, *lots[1:]]), tmp_path / "lots.parquet")
    with pytest.raises(InputError, match=message):
        plan_batch(tmp_path, taxes=places)


def test_lots_without_accounts_are_refused(tmp_path: Path) -> None:
    places = taxed(tmp_path)
    pq.write_table(pq.read_table(tmp_path / "lots.parquet").drop_columns("account"), tmp_path / "lots.parquet")
    with pytest.raises(InputError, match="tax_lots, column 'account': the column is missing"):
        plan_batch(tmp_path, taxes=places)


def test_workers_change_no_byte_and_a_run_resumes(tmp_path: Path) -> None:
    plan_batch(tmp_path, "one", workers=1)
    plan_batch(tmp_path, "two")
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")
    plan_batch(tmp_path, "three", gates={"max_closed": 0.0})  # held back: all parts are done
    work = tmp_path / "three" / UNPUBLISHED
    (work / "orders-00001.parquet").write_bytes(b"damaged")
    outcome = plan_batch(tmp_path, "three")
    assert (outcome.status, outcome.kept) == ("published", outcome.parts - 1)
    assert files_of(tmp_path / "one") == files_of(tmp_path / "three")
    assert plan_batch(tmp_path, "three").status == "unchanged"


def test_a_published_file_of_orders_is_verified(tmp_path: Path) -> None:
    plan_batch(tmp_path)
    manifest = read_manifest(tmp_path / "out")
    assert manifest is not None
    assert {each["file"] for each in manifest["parts"][0]["beside"]} == {
        "orders-00000.parquet",
        "accounts-00000.parquet",
    }
    (tmp_path / "out" / "accounts-00000.parquet").unlink()
    with pytest.raises(DamagedError, match=r"accounts-00000.parquet.*is gone"):
        check_published(tmp_path / "out", manifest)


GATES: dict[str, tuple[dict[str, Any], str]] = {
    "too many orders": ({"max_run_orders": 3}, "run_orders"),
    "too large an amount": ({"max_run_amount": 1000}, "run_amount"),
    "too many accounts trade": ({"max_trading_accounts": 0.1}, "trading_accounts"),
}


@pytest.mark.parametrize("name", GATES)
def test_gates_hold_a_run_back(name: str, tmp_path: Path) -> None:
    settings, gate = GATES[name]
    limits = RebalancingLimits(orders={"fees": {"per_order": 1}}, gates={"max_trading_accounts": 1.0, **settings})
    outcome = plan_batch(tmp_path, limits=limits)
    assert outcome.status == "held_back"
    assert [closed.gate for closed in outcome.closed_gates] == [gate]
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_the_summary_counts_orders(tmp_path: Path) -> None:
    plan_batch(tmp_path)
    summary = read_summary(tmp_path / "out", None)
    figures = {figure.name: figure.text for figure in summary.figures}
    assert figures["Orders"] == f"{summary.counts.orders:,}"
    assert {"Order amount", "Accounts with orders", "Not settled"} <= set(figures)
    assert {"plan_statuses", "order_reasons"} <= {section.name for section in summary.sections}


def test_rates_of_currencies(tmp_path: Path) -> None:
    rows, cash = tables()
    (tmp_path / "in").mkdir()
    euros = rows.append_column("currency", pa.array(["EUR"] * rows.num_rows))
    pq.write_table(euros, tmp_path / "in" / "rows.parquet")
    dollars = cash.append_column("currency", pa.array(["USD"] * cash.num_rows))
    pq.write_table(dollars, tmp_path / "cash.parquet")
    rates = {"EUR": Decimal("1.1"), "USD": Decimal(1)}
    plan_batch(tmp_path, fx=rates)
    made = trimtab.plan_many(euros, LIMITS, accounts=dollars, fx=rates)
    assert rows_of(tmp_path / "out", "orders") == made.orders.to_pylist()
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["orders"]["fx"] == {"EUR": "1.1", "USD": "1"}
    with pytest.raises(InputError, match="the accounts' cash, the rates, or the tax lots"):
        plan_batch(tmp_path, fx={**rates, "EUR": Decimal("1.2")})


def test_what_cannot_be_planned_is_refused(tmp_path: Path) -> None:
    rows, cash = tables()
    (tmp_path / "in").mkdir()
    pq.write_table(rows.drop_columns(["price"]), tmp_path / "in" / "rows.parquet")
    pq.write_table(cash, tmp_path / "cash.parquet")
    with pytest.raises(InputError, match="'price': the column is missing"):
        plan_batch(tmp_path)
    pq.write_table(rows, tmp_path / "in" / "rows.parquet")
    different = {"a": RebalancingLimits(), "b": RebalancingLimits(orders={"cash_buffer": 0.1})}
    with pytest.raises(InputError, match="limits_id"):
        plan_batch(tmp_path, limits=different)
    named = rows.append_column("limits_id", pa.array(["a"] * rows.num_rows))
    pq.write_table(named, tmp_path / "in" / "rows.parquet")
    with pytest.raises(LimitsError, match="differ in their settings of orders"):
        plan_batch(tmp_path, limits=different)
    with pytest.raises(LimitsError, match="differ in their gates"):
        plan_batch(tmp_path, limits={"a": RebalancingLimits(), "b": RebalancingLimits(gates={"max_run_orders": 5})})
    with pytest.raises(LimitsError, match="max_turnover"):
        plan_batch(tmp_path, limits={"a": RebalancingLimits(orders={"max_turnover": 0.001})})


def test_lots_travel_to_workers(tmp_path: Path) -> None:
    """As `trimtab batch --on` sends them."""
    places = taxed(tmp_path)
    taxes = places.files().tables({f"P{number:03d}" for number in range(40)}, needed=False)
    copy = pickle.loads(pickle.dumps(taxes))
    assert copy.of_accounts(["P003", "P004"]) == taxes.of_accounts(["P003", "P004"])
    assert set(taxes.of_accounts(["P003"]).lots) == {"P003"}

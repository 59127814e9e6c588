"""`trimtab plan`, `apply`, `execution`, `runs`, `replay`, `verify`, `audit`: the whole life of a run, in a store of its own."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import sqlite3
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command_line import rows, run
from stored_runs import STAMP, inputs_of, stored

from trimtab.batch import published_account
from trimtab.cli import plan_request, store_options
from trimtab.errors import Fault, InputError
from trimtab.store import application
from trimtab.store.plan_inputs import PlanInputs
from trimtab.store.plan_runs import store_plan
from trimtab.store.record import Kind
from trimtab.store.run_store import Filter
from trimtab.store.sql_store import SqlStore

PLANNED = """\
asset,bucket,score,shares,price
AAA,Tech,0.90,18,180
BBB,Tech,0.80,10,95.5
CCC,Bond,0.50,30,51.2
DDD,Bond,0.85,0,102.5
EEE,Health,0.70,4,412
"""
LIMITS = "enable_bucket_diversification = true\nmax_position_weight = 0.25\nmax_allocation_per_bucket = 0.5\n"
PLAN = ("plan", "c.csv", "--limits", "l.toml", "--cash", "2621")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRIMTAB_STORE", "runs.db")
    monkeypatch.setenv("TRIMTAB_BY", "Ada")
    (tmp_path / "c.csv").write_text(PLANNED)
    (tmp_path / "l.toml").write_text(LIMITS)
    return tmp_path


def done(*args: object, code: int = 0) -> str:
    """What a command says on stdout and stderr."""
    result = run(*args)
    text = result.stdout + result.stderr
    assert result.exit_code == code, text
    return text


def run_id() -> str:
    store = SqlStore("runs.db")
    name = store.find("latest").run_id
    store.close()
    return name


def test_a_plan_is_stored_applied_and_executed() -> None:
    assert "stored as run " in done(*PLAN, "--purpose", "monthly")
    name = run_id()
    assert "written: o.csv (5 orders)" in done("apply", name, "--to", "o.csv")
    written = Path("o.csv").read_text()
    orders = rows(written)
    assert [order["asset"] for order in orders] == ["CCC", "AAA", "DDD", "BBB", "EEE"]
    assert "nothing new is written" in done("apply", "latest", "--to", "other.csv")
    assert not Path("other.csv").exists()
    assert Path("o.csv").read_text() == written
    Path("f.csv").write_text(f"client_order_id,shares,price\n{orders[0]['client_order_id']},30,51\n")
    Path("wrong.csv").write_text("asset,side,shares\nCCC,sell,30\n")
    assert "wrong.csv, column 'price': the column is missing: add it" in done("execution", name, "wrong.csv", code=3)
    text = done("execution", name[:6], "f.csv")
    assert "sell CCC: 30 filled at 51.0000 as planned, planned at 51.2; 6.00 worse than planned" in text
    assert "1 of 5 trades filled as planned" in text
    shown = done("runs", "show", "latest")
    for part in ("by: Ada, for monthly", "ok: 5 orders", "applied on ", "1 as_planned, 4 not_filled", "stored: cand"):
        assert part in shown
    assert "sound: 3 records" in done("verify")
    assert "same: run " in done("replay", "latest")
    assert name in done("runs", "list")
    done("runs", "export", name, "--out", "ex")
    assert [record["kind"] for record in json.loads(Path("ex/records.json").read_text())] == [
        "plan",
        "apply",
        "execution",
    ]
    assert [path.read_text() for path in Path("ex").glob("apply-*-file-1")] == [written]


def test_one_order_is_no_plural() -> None:
    Path("one.csv").write_text("asset,score,shares,price,bucket\nAAA,0.9,10,10,Tech\nBBB,0.9,5,10,Bond\n")
    done("plan", "one.csv", "--cash", "55", "--set", "max_position_weight=0.5")
    assert "written: o.csv (1 order); recorded as" in done("apply", "latest", "--to", "o.csv")


def test_no_store_stores_nothing() -> None:
    done(*PLAN, "--no-store")
    assert not Path("runs.db").exists()
    assert "there is no such store: `trimtab plan` makes it" in done("runs", "list", code=3)


def test_who_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    done(*PLAN)
    done(*PLAN, "--by", "Grace")
    monkeypatch.delenv("TRIMTAB_BY")
    monkeypatch.setenv("LOGNAME", "login")
    done(*PLAN)
    monkeypatch.setattr(store_options.getpass, "getuser", _nameless)
    done(*PLAN)
    store = SqlStore("runs.db")
    assert [record.by for record in store.walk()] == ["Ada", "Grace", "login", ""]
    store.close()


def _nameless() -> str:
    raise OSError("no login")


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("c.csv", "AAA,Tech,0.90,18,", "AAA,Tech,0.90,19,", "position of AAA: 18 -> 19"),
        ("c.csv", "95.5", "95.6", "price of BBB: 95.5 -> 95.6"),
        ("c.csv", "FFF", "GGG", ""),
        ("l.toml", "0.25", "0.3", "limit max_position_weight: 0.25 -> 0.3"),
    ],
)
def test_apply_reads_the_files_again(file: str, old: str, new: str, message: str) -> None:
    done(*PLAN)
    path = Path(file)
    path.write_text(path.read_text().replace(old, new))
    if not message:
        done("apply", "latest", "--to", "o.csv")
        return
    text = done("apply", "latest", "--to", "o.csv", code=5)
    assert message in text
    assert "plan again, and apply that plan" in text
    assert not Path("o.csv").exists()


def test_apply_takes_other_files_and_values() -> None:
    Path("p.csv").write_text(
        "asset,price\n" + "".join(f"{line.split(',')[0]},{line.split(',')[4]}\n" for line in PLANNED.splitlines()[1:])
    )
    Path("bare.csv").write_text("\n".join(line.rpartition(",")[0] for line in PLANNED.splitlines()) + "\n")
    done(
        "plan", "bare.csv", "--latest-prices", "p.csv", "--limits", "l.toml", "--cash", "2621", "--today", "2026-03-02"
    )
    Path("q.csv").write_text(Path("p.csv").read_text().replace("412", "413"))
    assert "price of EEE: 412 -> 413" in done("apply", "latest", "--to", "o.csv", "--latest-prices", "q.csv", code=5)
    assert "cash: 2621 -> 2622" in done("apply", "latest", "--to", "o.csv", "--cash", "2622", code=5)
    assert "session: 2026-03-02 -> 2026-03-03" in done(
        "apply", "latest", "--to", "o.csv", "--today", "2026-03-03", code=5
    )
    done("apply", "latest", "--to", "o.json")
    assert json.loads(Path("o.json").read_text())["orders"]


def test_a_plan_made_in_python_or_from_stdin_needs_its_file_to_be_applied() -> None:
    store = SqlStore("runs.db")
    stored(store, stamp=store_options.StoreOptions().stamp())
    store.close()
    assert "came from standard input, or from Python: name the file" in done("apply", "latest", "--to", "o.csv", code=3)
    assert plan_request._absolute(Path("-")) == "-"


def test_an_old_plan_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    done(*PLAN)
    later = dataclasses.replace(
        store_options.StoreOptions().stamp(), now=dt.datetime.now(dt.UTC) + dt.timedelta(days=7)
    )
    monkeypatch.setattr(store_options.StoreOptions, "stamp", lambda _: later)
    assert "sessions old, more than 1" in done("apply", "latest", "--to", "o.csv", code=5)


def test_a_gate_holds_the_order_file_back() -> None:
    Path("big.csv").write_text("asset,score,shares,price\nAAA,0.9,0,10\nBBB,0.8,0,10\n")
    done(
        "plan",
        "big.csv",
        "--cash",
        "10000",
        "--set",
        "max_position_weight=0.5",
        "--set",
        "target_invested=0.9",
        code=10,
    )
    assert "The order of AAA is 45% of the account" in done("apply", "latest", "--to", "o.csv", code=10)
    assert "gate order_share of AAA: hold" in done("runs", "show", "latest")
    assert not Path("o.csv").exists()


def test_the_same_orders_are_not_written_twice() -> None:
    done(*PLAN)
    done("apply", "latest", "--to", "o.csv")
    done(*PLAN)
    assert "was written in the last 24 hours" in done("apply", "latest", "--to", "again.csv", code=10)


def test_an_order_file_that_cannot_be_written_leaves_no_record() -> None:
    done(*PLAN)
    for target, code in (("absent/o.csv", 3), ("c.csv", 3), ("o.odt", 2)):
        done("apply", "latest", "--to", target, code=code)
    store = SqlStore("runs.db")
    assert store.records(Filter(kinds=(Kind.APPLY,))) == []
    store.close()


def test_two_who_apply_at_once_record_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    done(*PLAN)
    done("apply", "latest", "--to", "o.csv")
    monkeypatch.setattr(application, "application_of", lambda *_: None)
    monkeypatch.setattr(application, "orders_written", lambda *_: [])
    assert "nothing new is written" in done("apply", "latest", "--to", "o.csv")


def test_limits_must_be_approved() -> None:
    assert "these limits are not approved" in done(*PLAN, "--require-approved", code=3)
    assert "is approved by Grace" in done("limits", "approve", "l.toml", "--by", "Grace")
    done(*PLAN, "--require-approved")
    assert "by Grace on " in done("runs", "show", "latest")
    assert json.loads(done("runs", "show", "latest", "--format", "json"))["approved_by"] == ["Grace"]
    assert "not approved" in done(*PLAN, "--require-approved", "--set", "max_total_positions=7", code=3)
    done(*PLAN, "--set", "max_total_positions=7")
    assert "approval: none was relied on" in done("runs", "show", "latest")


def test_runs_are_listed_compared_exported_and_pruned() -> None:
    assert "no runs yet" in done("runs", "list", "--store", _empty_store())
    done(*PLAN)
    first = run_id()
    done("plan", "c.csv", "--limits", "l.toml", "--cash", "5621")
    listed = json.loads(done("runs", "list", "--format", "json"))
    assert [record["run_id"] for record in listed] == [first, run_id()]
    assert len(json.loads(done("runs", "list", "--newest", "1", "--format", "json"))) == 1
    difference = done("runs", "diff", first, "latest")
    for part in (
        "cash: 2621 -> 5621",
        "current_weight of AAA: 0.324 -> 0.2492",
        "Trades\n",
        "  BBB: buy ",
        "cash before: 2,621.00 -> 5,621.00",
    ):
        assert part in difference
    values = json.loads(done("runs", "diff", first, "latest", "--format", "json"))
    assert values["money"]["cash before"] == ["2621", "5621"]
    assert values["input_changes"] == ["cash: 2621 -> 5621"]
    assert "gates without data: price_age, price_move" in done("runs", "show", first)
    assert "Targets: the same" in done("runs", "diff", first, first)
    done("runs", "export", first, "--out", "ex")
    assert {"plan.json", "candidates.parquet", "limits.toml", "records.json"} <= {
        path.name for path in Path("ex").iterdir()
    }
    done("runs", "export", first, code=2)
    tomorrow = (dt.datetime.now(dt.UTC) + dt.timedelta(days=2)).date().isoformat()
    assert "add --yes" in done("runs", "prune", "--before", tomorrow)
    assert "2 records from " in done("runs", "prune", "--before", tomorrow, "--yes")
    assert "nothing to drop" in done("runs", "prune", "--before", tomorrow, "--yes")
    assert "write it as 2026-03-02" in done("runs", "prune", "--before", "soon", code=2)
    assert "its inputs and results were pruned" in done("runs", "show", first)
    assert "it was pruned" in done("replay", first, code=3)
    assert "sound: 3 records" in done("verify")
    assert "prune" in done("runs", "list", "--all")
    assert "left out, since they were pruned: 2 plans" in done("runs", "history")


def _empty_store() -> str:
    SqlStore("empty.db").close()
    return "empty.db"


def test_history_as_a_table_and_as_a_page() -> None:
    done("plan", "c.csv", "--cash", "2621", "--limits", "l.toml", "--set", "max_allocation_per_bucket=0.4", "-q")
    done(*PLAN)
    table = rows(run("runs", "history").stdout)
    assert [(row["bucket"], row["breach"]) for row in table[:3]] == [("Bond", ""), ("Health", ""), ("Tech", "above")]
    assert len(table) == 6
    done("runs", "history", "--out", "h.html")
    page = Path("h.html").read_text()
    assert "Allocation over time" in page
    assert "Tech above its limit (41.95%)" in page
    done("runs", "history", "--out", "h.parquet", "--from", "2020-01-01")
    done("runs", "history", "--out", "h.json", code=2)
    assert "no plan of this account" in done("runs", "history", "--account", "x", code=3)
    Path("a.csv").write_text(PLANNED.replace("asset,", "account,asset,", 1).replace("\n", "\nX,").removesuffix("X,"))
    done("plan", "a.csv", "--cash", "2621")
    assert "plans of 2 accounts are stored" in done("runs", "history", code=3)
    done("runs", "history", "--account", "X", "--out", "x.html")
    assert "Allocation of X" in Path("x.html").read_text()


def test_reports_and_explanations_of_stored_runs() -> None:
    done(*PLAN)
    assert "AAA (Tech): selected" in done("explain", "latest", "AAA")
    assert json.loads(run("explain", run_id(), "CCC", "--format", "json").stdout)
    assert "the asset is not among the candidates" in done("explain", "latest", "ZZZ", code=3)
    done("report", "latest", "--out", "r.html")
    assert "run latest" in Path("r.html").read_text()
    assert "with its own candidates and limits" in done("report", "latest", "--limits", "l.toml", code=2)
    assert "is not the id of a stored run" in done("report", "abcdef", code=3)


def test_a_run_that_does_not_replay(monkeypatch: pytest.MonkeyPatch) -> None:
    store = SqlStore("runs.db")
    inputs = inputs_of()
    store_plan(store, inputs_of(cash=9000), inputs.decide(), STAMP)
    store.close()
    assert "differs: run " in done("replay", "latest", code=9)
    assert "although rules and version are the same" in done("explain", "latest", "AAA")
    assert "note: run " in done("runs", "diff", "latest", "latest")
    audited = done("audit", "export", "--from", "2026-01-01", "--to", "2026-12-31", "--out", "a.json", code=9)
    assert "0 replayed to the same bytes" in audited

    def refuse(_: PlanInputs) -> None:
        raise InputError([Fault("is too old", "use it no more")])

    monkeypatch.setattr(PlanInputs, "decide", refuse)
    for command in (("explain", "latest", "AAA"), ("runs", "diff", "latest", "latest")):
        assert "the inputs are refused today" in done(*command, code=3)


def test_heads_are_exported_and_checked() -> None:
    done(*PLAN)
    done("verify", "--export-head", "head.json")
    done(*PLAN)
    assert "sound: 2 records" in done("verify", "--head", "head.json")
    Path("other.json").write_text(json.dumps({"sequence": 1, "hash": "0" * 64}))
    assert "record 1 is not the one whose hash was exported" in done("verify", "--head", "other.json", code=9)
    Path("bad.json").write_text("[]")
    assert "is not the head of a chain" in done("verify", "--head", "bad.json", code=3)


def test_the_evidence_of_a_period() -> None:
    done("limits", "approve", "l.toml")
    done(*PLAN)
    done("apply", "latest", "--to", "o.csv")
    day = dt.datetime.now().astimezone().date().isoformat()
    assert "1 plans, 1 replayed" in done("audit", "export", "--from", day, "--to", day, "--out", "a.html")
    page = Path("a.html").read_text()
    for part in ("by: Ada", "The chain of hashes is sound", "its target is", "approval", "Its limits in plain words"):
        assert part in page
    done("audit", "export", "--from", day, "--to", day, "--out", "a.json")
    evidence = json.loads(Path("a.json").read_text())
    assert [record["kind"] for record in evidence["other_records"]] == ["approval"]
    assert evidence["runs"][0]["orders_decided"][0]["why"].startswith("Sell all 30: ")
    assert evidence["runs"][0]["limits_in_words"][0]["title"] == "Positions"
    done("audit", "export", "--from", day, "--to", day, "--out", "a.txt", code=2)
    done("audit", "export", "--from", day, "--to", "2020-01-01", "--out", "b.json", code=2)
    done("audit", "export", "--from", "x", "--to", day, "--out", "b.json", code=2)


def test_evidence_names_damage() -> None:
    done(*PLAN)
    done(*PLAN)
    first = json.loads(done("runs", "list", "--format", "json"))[0]
    database = sqlite3.connect("runs.db")
    database.execute("UPDATE contents SET compressed = X'00' WHERE digest = ?", (first["contents"]["plan.json"],))
    database.execute("UPDATE records SET purpose = 'x' WHERE sequence = 2")
    database.commit()
    database.close()
    day = dt.datetime.now().astimezone().date().isoformat()
    text = done("audit", "export", "--from", day, "--to", day, "--out", "a.html", code=9)
    assert "record 2 (" in text
    assert "is not what was stored" in text
    assert "The chain is damaged" in Path("a.html").read_text()
    tomorrow = (dt.datetime.now(dt.UTC) + dt.timedelta(days=2)).date().isoformat()
    done("runs", "prune", "--before", tomorrow, "--yes")
    done("audit", "export", "--from", day, "--to", tomorrow, "--out", "a.html", code=9)
    assert "replay: pruned" in Path("a.html").read_text()


def test_batches_are_recorded_compared_and_read_account_by_account(monkeypatch: pytest.MonkeyPatch) -> None:
    rows_of = [
        {"account": f"P{number}", "asset": asset, "score": score, "current_weight": 0.1}
        for number in range(6)
        for asset, score in (("AAA", 0.9), ("BBB", 0.8), ("CCC", 0.3 + 0.1 * (number % 2)))
    ]
    pq.write_table(pa.Table.from_pylist(rows_of), "n1.parquet")
    changed = [{**row, "score": 0.75} if (row["account"], row["asset"]) == ("P3", "CCC") else row for row in rows_of]
    pq.write_table(pa.Table.from_pylist(changed), "n2.parquet")
    limits = ("--limits", "b.toml")
    Path("b.toml").write_text("max_position_weight = 0.3\n")
    assert "not approved" in done("batch", "n1.parquet", *limits, "--out", "N1", "--require-approved", code=3)
    done("limits", "approve", "b.toml", "--by", "Grace")
    assert "recorded as run " in done("batch", "n1.parquet", *limits, "--out", "N1", "--require-approved")
    assert "by Grace on " in done("runs", "show", "latest")
    assert "recorded as run" not in done("batch", "n1.parquet", *limits, "--out", "N1")
    done("batch", "n2.parquet", *limits, "--out", "N2", "--no-store")
    compared = done("batch", "diff", "N1", "N2")
    assert "1 of 6 accounts changed" in compared
    assert "P3" in compared
    assert "inputs" in compared
    assert "0 of 6 accounts changed" in done("batch", "diff", "N1", "N1")
    done("batch", "diff", "N1", "N2", "--out", "d.csv")
    assert [row["account"] for row in rows(Path("d.csv").read_text())] == ["P3"]
    Path("n2.parquet").rename("moved.parquet")
    assert "the input of N2 was not found" in done("batch", "diff", "N1", "N2")
    assert "AAA" in done("rebalance", "N1", "--account", "P2")
    assert "CCC" in done("explain", "N1", "CCC", "--account", "P2")
    assert "name one of its accounts with --account" in done("rebalance", "N1", code=2)
    assert "with its own limits and data" in done("rebalance", "N1", "--account", "P2", *limits, code=2)
    assert "there is no such account" in done("rebalance", "N1", "--account", "Q", code=3)
    Path("runs.db").unlink()
    alone = done("rebalance", "N1", "--account", "P2")
    assert "AAA" in alone
    assert "rules changed" not in alone
    monkeypatch.setattr(published_account, "STAMP", "newer rules")
    assert "the rules changed since this batch" in done("rebalance", "N1", "--account", "P2")
    assert "AAA" in done("rebalance", "n1.parquet", "--account", "P2", *limits)


def test_a_batch_of_shared_assets_and_holdings_account_by_account() -> None:
    pq.write_table(pa.table({"asset": ["AAA", "BBB", "CCC"], "score": [0.9, 0.8, 0.7]}), "assets.parquet")
    pq.write_table(
        pa.table({"account": ["P1", "P2"], "asset": ["AAA", "CCC"], "current_weight": [0.2, 0.1]}), "h.parquet"
    )
    done("batch", "--assets", "assets.parquet", "--holdings", "h.parquet", "--defaults", "--out", "N1")
    assert "BBB" in done("rebalance", "N1", "--account", "P1")

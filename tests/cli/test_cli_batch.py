"""`trimtab batch` and `trimtab batch report`: arguments, words, exit codes."""

from __future__ import annotations

import json
import os
import random
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from batch_runs import account_rows, files_of, targets_of, write_rows
from command_line import run
from hostile_names import PAYLOADS

from trimtab.batch import limits_by_account as limits_table
from trimtab.batch.limits_by_account import read_many_limits
from trimtab.batch.publish_brake import Brake, Rise, rises
from trimtab.batch.summary import last_published, summary_of
from trimtab.blocks.counts import Counts
from trimtab.cli import progress
from trimtab.errors import InputError, LimitsError
from trimtab.files.atomic_write import Disk
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.report.page import batch_page


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return Path(write_rows(tmp_path / "in" / "candidates.parquet", account_rows(1, 60)))


@pytest.fixture
def limits(tmp_path: Path) -> Path:
    file = tmp_path / "limits.toml"
    file.write_text("max_total_positions = 5\n")
    return file


def test_a_batch_and_its_report(place: Path, limits: Path, tmp_path: Path) -> None:
    out = tmp_path / "night"
    found = run("batch", place, "--limits", limits, "--out", out, "--workers", "2")
    assert found.exit_code == 0, found.stderr
    assert "night: published" in found.stdout
    assert "Accounts 60" in found.stdout
    assert "published: " in found.stderr
    again = run("batch", "run", place, "--limits", limits, "--out", out)
    assert (again.exit_code, again.stdout) == (0, "")
    assert "nothing to do" in again.stderr
    told = run("batch", "report", out)
    assert told.stdout == found.stdout
    plain = json.loads(run("batch", "report", out, "--json").stdout)
    assert plain["status"] == "published"
    assert plain["counts"]["accounts"] == 60
    assert run("batch", "report", out, "-o", tmp_path / "page.html").exit_code == 0
    assert "<h1>night</h1>" in (tmp_path / "page.html").read_text()
    wrong = run("batch", "report", out, "-o", tmp_path / "page.pdf")
    assert (wrong.exit_code, "ends in .html" in wrong.stderr) == (2, True)
    nothing = run("batch", "report", tmp_path / "in")
    assert (nothing.exit_code, "holds no batch" in nothing.stderr) == (3, True)


def test_what_happens_as_json(place: Path, tmp_path: Path) -> None:
    found = run(
        "batch", place, "--preset", "conservative", "--set", "max_total_positions=4", "--out", tmp_path / "o", "--json"
    )
    events = [json.loads(line) for line in found.stdout.splitlines()]
    assert [event["event"] for event in events] == ["surveying", "planned", "part", "published"]
    assert events[2]["done"] == events[1]["accounts"] == 60
    assert events[3]["summary"]["counts"]["accounts"] == 60
    assert found.stderr.splitlines() == [f"published: {tmp_path / 'o'}"]


def test_the_brake_is_exit_code_5_and_says_what_rose(place: Path, limits: Path, tmp_path: Path) -> None:
    assert run("batch", place, "--limits", limits, "--out", tmp_path / "monday").exit_code == 0
    rows = [{**row, "score": 0.1} for row in account_rows(1, 60)]
    broken = write_rows(tmp_path / "in" / "broken.parquet", rows)
    out = tmp_path / "tuesday"
    found = run("batch", broken, "--limits", limits, "--out", out, "--brake", "turnover=0.2,closed=0.5")
    assert found.exit_code == 5
    assert "tuesday: not published, beside monday" in found.stdout
    assert "Reasons that rose against monday" in found.stdout
    assert "below_threshold:" in found.stdout
    assert "nothing is published: the mean turnover is" in found.stderr
    assert "of the held positions would be closed" in found.stderr
    assert files_of(out) == {}
    told = run("batch", "report", out, "--against", tmp_path / "monday", "--json")
    assert json.loads(told.stdout)["rises"][0]["reason"] == "below_threshold"
    page = tmp_path / "page.html"
    assert run("batch", "report", out, "--out", page).exit_code == 0
    assert "Reasons that rose against monday" in page.read_text()
    wrong = run("batch", "report", out, "--against", tmp_path)
    assert (wrong.exit_code, "holds no published batch" in wrong.stderr) == (3, True)


def test_too_many_failed_are_exit_code_6(limits: Path, tmp_path: Path) -> None:
    rows = account_rows(2, 30)
    rows[0]["score"] = 7.0
    place = write_rows(tmp_path / "in.parquet", rows)
    found = run("batch", place, "--limits", limits, "--out", tmp_path / "o")
    assert found.exit_code == 6
    assert "1 of 30 accounts failed, more than --max-failed 0.001 allows" in found.stderr
    assert "Failed accounts (1; the first of them)" in found.stdout
    wider = run("batch", place, "--limits", limits, "--out", tmp_path / "o", "--max-failed", "0.05")
    assert wider.exit_code == 0
    assert "1 of 1 parts are done already and kept" in wider.stderr
    assert "P0000: " in wider.stdout


def test_shards_say_what_comes_next(place: Path, limits: Path, tmp_path: Path) -> None:
    for share in ("1/2", "2/2"):
        found = run("batch", place, "--limits", limits, "--out", tmp_path / "o", "--shard", share)
        assert found.exit_code == 0
        assert "once more without --shard" in found.stderr
    assert run("batch", place, "--limits", limits, "--out", tmp_path / "o").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--brake", "turnover"], "write turnover=0.2,closed=0.1"),
        (["--brake", "turnover=2"], "write turnover=0.2,closed=0.1"),
        (["--brake", "sold=0.1"], "write turnover=0.2,closed=0.1"),
        (["--brake", "closed=0.1,closed=0.2"], "write turnover=0.2,closed=0.1"),
        (["--shard", "3/2"], "write I/N"),
        (["--shard", "0/2"], "write I/N"),
        (["--shard", "half"], "write I/N"),
        (["--assets", "a.parquet"], "give CANDIDATES, or --assets and --holdings"),
    ],
)
def test_wrong_arguments(arguments: list[str], said: str, place: Path, tmp_path: Path) -> None:
    found = run("batch", place, "--out", tmp_path / "o", *arguments)
    assert found.exit_code == 2
    assert said in " ".join(found.stderr.replace("│", "").split())


def test_without_candidates_or_arguments(tmp_path: Path) -> None:
    assert run("batch", "--out", tmp_path / "o").exit_code == 2
    assert "CANDIDATES" in run("batch").output
    assert "report" in run("batch", "--help").stdout


def test_assets_and_holdings(tmp_path: Path) -> None:
    rng = random.Random(1)
    assets = [{"asset": f"A{at}", "bucket": "T", "score": 0.9, "name": "x"} for at in range(9)]
    held = [
        {"account": f"P{at:04d}", "asset": f"A{rng.randrange(9)}", "current_weight": 0.3, "note": "y"}
        for at in range(1500)
    ]
    held[3]["asset"] = "GONE"
    held.insert(200, held.pop())
    held.append({**held[0], "asset": "A8" if held[0]["asset"] != "A8" else "A7"})
    pq.write_table(pa.Table.from_pylist(assets), tmp_path / "assets.parquet")
    pq.write_table(pa.Table.from_pylist(held), tmp_path / "held.parquet")
    arguments = ["--assets", tmp_path / "assets.parquet", "--holdings", tmp_path / "held.parquet"]
    found = run("batch", *arguments, "--out", tmp_path / "o")
    assert found.exit_code == 0, found.stderr
    assert "columns that mean nothing here: note" in found.stderr
    assert "1 holdings are of assets that --assets lacks" in found.stderr
    assert "sorting them first" in found.stderr
    assert len({row["account"] for row in targets_of(tmp_path / "o")}) == 1500


def test_a_full_disk_is_an_error_for_people(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_self: Disk, _opened: Any, _data: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Disk, "put", full)
    found = run("batch", place, "--out", tmp_path / "o")
    assert found.exit_code == 8
    assert "cannot be written (No space left on device)" in found.stderr
    monkeypatch.undo()
    assert run("batch", place, "--out", tmp_path / "o").exit_code == 0


def test_the_first_run_says_that_it_compiles(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trimtab.kernel.compilation.is_cached", lambda _function: False)
    assert "compiling the rules" in run("batch", place, "--out", tmp_path / "o").stderr


def test_the_bar_hears_the_events(monkeypatch: pytest.MonkeyPatch) -> None:
    from rich.console import Console

    monkeypatch.setattr(Console, "is_terminal", property(lambda _self: True))
    with progress.accounts_bar(quiet=False, first=0.0) as hear:
        hear({"event": "surveying"})
        hear({"event": "sorting"})
        hear({"event": "planned", "accounts": 100, "done": 0})
        hear({"event": "part", "done": 50})
        hear({"event": "part", "done": 90})
        hear({"event": "part", "done": 100})


# ---- limits of a batch


def test_several_limits_from_a_folder_a_file_and_a_table(tmp_path: Path, place: Path) -> None:
    expected = {
        "calm": RebalancingLimits(max_total_positions=3),
        "bold": RebalancingLimits(enable_bucket_diversification=True, buckets={"Bond": {"max_positions": 1}}),
    }
    folder = tmp_path / "limits"
    folder.mkdir()
    for name, one in expected.items():
        (folder / f"{name}.toml").write_text(one.to_toml())
    several = tmp_path / "several.toml"
    several.write_text(
        "[limits_id.calm]\nmax_total_positions = 3\n[limits_id.bold]\nenable_bucket_diversification = true\n"
        "[limits_id.bold.buckets.Bond]\nmax_positions = 1\n"
    )
    rows = [
        {"limits_id": "calm", "max_total_positions": 3, "buckets": None, "enable_bucket_diversification": None},
        {
            "limits_id": "bold",
            "max_total_positions": None,
            "buckets": '{"Bond": {"max_positions": 1}}',
            "enable_bucket_diversification": True,
        },
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "limits.parquet")
    for given in (folder, several, tmp_path / "limits.parquet"):
        assert read_many_limits(given) == expected
    table = pq.read_table(place)
    chosen = ["calm" if int(name[1:]) % 2 else "bold" for name in table["account"].to_pylist()]
    pq.write_table(table.append_column("limits_id", pa.array(chosen)), place)
    assert run("batch", place, "--limits", folder, "--out", tmp_path / "o").exit_code == 0
    mixed = run("batch", place, "--limits", folder, "--preset", "conservative", "--out", tmp_path / "o")
    assert (mixed.exit_code, "several sets of limits" in " ".join(mixed.stderr.split())) == (2, True)


def test_wrong_tables_of_limits(tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match=r"has no \.toml files"):
        read_many_limits(tmp_path / "none")
    file = tmp_path / "limits.toml"
    for text, said in (
        ("[limits_id]\n", "has no limits under limits_id"),
        ("[limits_id]\ncalm = 3\n", r"limits_id\.calm is not a table"),
        ("[limits_id.calm]\nmax_totl = 3\n", "limits_id 'calm': .*max_totl"),
    ):
        file.write_text(text)
        with pytest.raises((InputError, LimitsError), match=said):
            read_many_limits(file)
    file.write_text("max_total_positions = \n")
    assert limits_table.read_many_limits(file) is None
    assert "is not valid TOML" in run("batch", "x.parquet", "--limits", file, "--out", tmp_path / "o").stderr
    table = tmp_path / "limits.parquet"
    for rows, said in (
        ([{"limits_id": None, "min_trade": 0.1}], "row 1, column 'limits_id': is missing"),
        ([{"limits_id": "a"}, {"limits_id": "a"}], "row 2, column 'limits_id': appears twice"),
        ([{"limits_id": "a", "buckets": "Tech"}], "column 'buckets': is not JSON"),
        ([{"limits_id": "a", "min_trade": 7.0}], "limits_id 'a'"),
    ):
        pq.write_table(pa.Table.from_pylist(rows), table)
        with pytest.raises((InputError, LimitsError), match=said):
            read_many_limits(table)
    pq.write_table(pa.table({"limits_id": pa.array([], pa.string())}), table)
    with pytest.raises(InputError, match="has no rows"):
        read_many_limits(table)


# ---- the summary


def test_the_newest_published_batch_beside_a_folder(tmp_path: Path) -> None:
    assert last_published(tmp_path / "c") is None
    for at, name in enumerate(("b", "a", "c")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.json").write_text("{}")
        os.utime(tmp_path / name / "manifest.json", (at, at))
    assert last_published(tmp_path / "c") == tmp_path / "a"
    assert last_published(tmp_path / "a") == tmp_path / "c"
    (tmp_path / "a" / "manifest.json").write_text("{")
    found = run("batch", "report", tmp_path / "a")
    assert (found.exit_code, "is damaged" in found.stderr) == (3, True)


def test_shares_that_rose() -> None:
    counts = Counts(rows=100, reasons={"kept": 10, "added": 40, "dust": 50})
    assert rises(counts, {"rows": 10, "reasons": {"kept": 5, "added": 3}}) == [
        Rise("dust", 0.5, 0.0),
        Rise("added", 0.4, 0.3),
    ]
    assert Brake().faults(counts) == []


def test_counts_of_a_manifest_of_format_1_are_read() -> None:
    counts = Counts(rows=3, accounts=2, fully_checked=1, reasons={"kept": 3})
    old = counts.to_dict()
    old["checked_closely"] = old.pop("fully_checked")
    assert Counts.from_dict(old) == Counts.from_dict(counts.to_dict()) == counts


def test_a_page_escapes_every_name(tmp_path: Path) -> None:
    counts = Counts(
        rows=9, accounts=9, reasons=dict.fromkeys(PAYLOADS[:20], 3), unmet_causes=dict.fromkeys(PAYLOADS[20:40], 1)
    )
    page = batch_page(summary_of(tmp_path / "x", "not published", counts, [(one, one) for one in PAYLOADS], None))
    assert "<script>alert" not in page
    assert "<img" not in page
    assert "This batch is not published." in page
    empty = summary_of(tmp_path / "x", "published", Counts(), [], None)
    assert "Accounts" in batch_page(empty)
    assert time.strftime("%Y-") not in page  # nothing of the day on which it was made


def test_limits_without_a_limits_id_column(place: Path, tmp_path: Path) -> None:
    several = tmp_path / "several.toml"
    several.write_text("[limits_id.calm]\nmax_total_positions = 3\n")
    found = run("batch", place, "--limits", several, "--out", tmp_path / "p")
    assert found.exit_code == 3
    assert "candidates.parquet, column 'limits_id': the column is missing" in found.stderr

"""`trimtab batch` and `trimtab batch report`: arguments, words, exit codes."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from batch_runs import account_rows, batch, files_of, targets_of, write_rows
from cases import Row
from command_line import run
from hostile_names import PAYLOADS

from trimtab.batch import limits_by_account as limits_table
from trimtab.batch.atomic_storage import Storage
from trimtab.batch.comparison import Rise, last_published, rises
from trimtab.batch.limits_by_account import read_many_limits
from trimtab.batch.published_folder import Folder
from trimtab.batch.summary import summary_of
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


def night(place: object, limits: object, out: object, *options: object) -> Any:
    """A batch of random accounts, of which many are braked or have unmet limits."""
    return run("batch", place, "--limits", limits, "--out", out, "--max-unmet", "1", "--max-unscored", "1", *options)


def test_a_batch_and_its_report(place: Path, limits: Path, tmp_path: Path) -> None:
    out = tmp_path / "night"
    result = night(place, limits, out, "--workers", "2")
    assert result.exit_code == 0, result.stderr
    assert "night: published" in result.stdout
    assert "Accounts 60" in result.stdout
    assert "published: " in result.stderr
    again = run("batch", "run", place, "--limits", limits, "--out", out)
    assert (again.exit_code, again.stdout) == (0, "")
    assert "nothing to do" in again.stderr
    assert run("batch", "report", out).stdout == result.stdout
    plain = json.loads(run("batch", "report", out, "--json").stdout)
    assert plain["status"] == "published"
    assert plain["counts"]["accounts"] == 60
    assert run("batch", "report", out, "-o", tmp_path / "page.html").exit_code == 0
    assert "<h1>night</h1>" in (tmp_path / "page.html").read_text()
    wrong = run("batch", "report", out, "-o", tmp_path / "page.pdf")
    assert (wrong.exit_code, "ends in .html" in wrong.stderr) == (2, True)
    for command in ("report", "verify"):
        nothing = run("batch", command, tmp_path / "in")
        assert (nothing.exit_code, "holds no" in nothing.stderr) == (3, True)


def events_of(result: Any) -> list[dict[str, Any]]:
    """The lines of JSON, each of the same run and in the order of time."""
    events = [json.loads(line) for line in result.stdout.splitlines()]
    times = [datetime.fromisoformat(event["time"]) for event in events]
    assert times == sorted(times)
    assert {time.tzinfo for time in times} == {UTC}
    assert len({event["run"] for event in events}) == 1
    return events


def test_what_happens_as_json(place: Path, tmp_path: Path) -> None:
    arguments = ["--preset", "conservative", "--set", "max_total_positions=4", "--max-unmet", "1", "--json"]
    result = run("batch", place, *arguments, "--out", tmp_path / "o")
    events = events_of(result)
    assert [event["event"] for event in events] == ["surveying", "planned", "part", "published"]
    assert events[2]["done"] == events[1]["accounts"] == 60
    assert events[2]["errors"] == []
    assert (events[3]["exit_code"], events[3]["gates"]) == (0, [])
    assert events[3]["summary"]["counts"]["accounts"] == 60
    recorded, published = result.stderr.splitlines()
    assert re.fullmatch(r"recorded as run [0-9a-f]{12} in .*runs\.db", recorded)
    assert published == f"published: {tmp_path / 'o'}"
    again = events_of(run("batch", place, *arguments, "--out", tmp_path / "o"))
    assert again[0]["run"] != events[0]["run"]


def test_errors_as_json(limits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = account_rows(2, 30)
    rows[0]["score"] = 7.0
    place = write_rows(tmp_path / "in.parquet", rows)
    result = night(place, limits, tmp_path / "o", "--json")
    *_, part, last = events_of(result)
    assert part["errors"][0]["account"] == "P0000"
    assert "column 'score'" in part["errors"][0]["reason"]
    assert (last["event"], last["exit_code"], result.exit_code) == ("failed", 6, 6)
    assert last["gates"] == [{"gate": "max_failed", "measured": 1 / 30, "limit": 0.001}]
    missing = night(tmp_path / "none.parquet", limits, tmp_path / "o", "--json")
    (error,) = events_of(missing)
    assert (error["event"], error["exit_code"], missing.exit_code) == ("error", 3, 3)
    assert "there is no such file" in error["errors"][0]
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("max_total = 5")
    (error,) = events_of(night(place, wrong, tmp_path / "o", "--json"))
    assert "max_total" in error["errors"][0]

    def interrupted(*_arguments: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Disk, "put", interrupted)
    stopped = night(place, limits, tmp_path / "stopped", "--json")
    *_, last = events_of(stopped)
    assert (last["event"], last["exit_code"], stopped.exit_code) == ("interrupted", 130, 130)


def test_without_limits_nothing_is_decided(place: Path, limits: Path, tmp_path: Path) -> None:
    for options, said in (
        ([], "give --limits or --preset"),
        (["--set", "max_total_positions=8"], "give --limits or --preset"),
        (["--limits", limits, "--defaults"], "--defaults does not go with"),
        (["--preset", "conservative", "--defaults"], "--defaults does not go with"),
    ):
        result = run("batch", place, "--out", tmp_path / "o", *options)
        assert (result.exit_code, said in " ".join(result.stderr.replace("│", "").split())) == (2, True), options
        assert not (tmp_path / "o").exists()
    wide = ["--max-unmet", "1", "--max-unscored", "1"]
    assert run("batch", place, "--out", tmp_path / "o", "--defaults", *wide).exit_code == 0
    assert (
        run("batch", place, "--out", tmp_path / "p", "--defaults", "--set", "max_new_positions=1", *wide).exit_code == 0
    )


def test_a_closed_gate_is_exit_code_5_and_says_what_rose(place: Path, limits: Path, tmp_path: Path) -> None:
    assert night(place, limits, tmp_path / "monday").exit_code == 0
    rows = [{**row, "score": 0.1} for row in account_rows(1, 60)]
    broken = write_rows(tmp_path / "in" / "broken.parquet", rows)
    out = tmp_path / "tuesday"
    result = night(broken, limits, out, "--max-turnover", "0.2", "--max-closed", "0.5")
    assert result.exit_code == 5
    assert "tuesday: not published, compared with monday (60 accounts)" in result.stdout
    assert "More frequent than in monday" in result.stdout
    assert "below_threshold:" in result.stdout
    assert "nothing is published: the mean turnover is too high: " in result.stderr
    assert "held positions would be closed" in result.stderr
    assert files_of(out) == {}
    told = json.loads(run("batch", "report", out, "--against", tmp_path / "monday", "--json").stdout)
    assert told["rises"][0]["reason"] == "below_threshold"
    assert (told["before"], told["baseline"]["accounts"]) == ("monday", 60)
    page = tmp_path / "page.html"
    assert run("batch", "report", out, "--out", page).exit_code == 0
    assert "More frequent than in monday" in page.read_text()
    for command in (("report", out), (place, "--limits", limits, "--out", tmp_path / "wednesday")):
        wrong = run("batch", *command, "--against", tmp_path)
        assert (wrong.exit_code, "holds no published batch" in wrong.stderr) == (3, True)
    old = night(broken, limits, out, "--brake", "turnover=0.2,closed=0.5")
    assert (old.exit_code, "--brake works until 1.0: use --max-turnover" in old.stderr) == (5, True)


def plain_rows(**changed: Any) -> list[Row]:
    """20 accounts without anything to report; the first six are changed."""
    rows = []
    for number in range(20):
        for asset in ("A", "B", "C", "D"):
            row: Row = {"account": f"P{number:02d}", "asset": asset, "score": 0.9, "current_weight": 0.2375}
            rows.append({**row, **(changed if number < 6 else {})})
    return rows


@pytest.mark.parametrize(
    ("changed", "option", "share", "settings"),
    [
        ({"score": None}, "--max-unscored", 0.3, []),
        (
            {"current_weight": 0.05},
            "--max-braked",
            0.3,
            ["--set", "brake_sold_weight=0.01", "--set", "brake_closed_positions=0"],
        ),
        ({"score": 7.0}, "--max-failed", 0.3, []),
    ],
)
def test_every_gate_names_itself_what_was_measured_and_its_limit(
    changed: Row, option: str, share: float, settings: list[str], tmp_path: Path
) -> None:
    rows = plain_rows(**changed)
    if option == "--max-braked":
        for row in rows[:24]:
            row["score"] = 0.9 if row["asset"] == "A" else 0.1
    place = write_rows(tmp_path / "in.parquet", rows)
    out, arguments = tmp_path / "o", ["--defaults", "--set", "max_position_weight=1", *settings]
    closed = run("batch", place, *arguments, "--out", out, "--json")
    last = json.loads(closed.stdout.splitlines()[-1])
    assert closed.exit_code == (6 if option == "--max-failed" else 5)
    (gate,) = last["gates"]
    assert (gate["gate"], gate["measured"]) == (option[2:].replace("-", "_"), share)
    assert gate["limit"] < share
    assert f"6 accounts {'failed' if option == '--max-failed' else ''}" in closed.stderr
    assert f"30 %, and {option} allows" in closed.stderr
    assert files_of(out) == {}
    opened = run("batch", place, *arguments, "--out", out, option, str(share))
    assert opened.exit_code == 0, opened.stderr


def test_a_night_in_which_every_account_has_an_unmet_limit_is_held_back(tmp_path: Path) -> None:
    place = write_rows(tmp_path / "in.parquet", [{**row, "bucket": "Tech"} for row in plain_rows()])
    on = ["--defaults", "--set", "enable_bucket_diversification=true", "--set", "min_buckets_represented=2"]
    result = run("batch", place, *on, "--out", tmp_path / "o")
    assert result.exit_code == 5
    assert "20 accounts with a limit that cannot be met: 100 %, and --max-unmet allows 50 %" in result.stderr
    assert run("batch", place, *on, "--out", tmp_path / "o", "--max-unmet", "1").exit_code == 0


def test_an_account_is_unscored_from_half_of_what_it_holds(tmp_path: Path) -> None:
    first = {"account": "A", "asset": "X", "score": 0.9, "current_weight": 0.4}
    for missing, held, unscored in ((0.4, 0.4, 1), (0.3, 0.4, 0), (0.0, 0.0, 0), (0.9, 0.05, 1)):
        rows = [{**first, "current_weight": held}, {**first, "asset": "Y", "score": None, "current_weight": missing}]
        place = write_rows(tmp_path / "in.parquet", rows)
        assert batch(place, tmp_path / f"{missing}-{held}").counts.unscored == unscored
    place = write_rows(tmp_path / "in.parquet", [{**first, "score": None, "current_weight": 0.0}])
    assert batch(place, tmp_path / "empty").counts.unscored == 1


def test_too_many_failed_are_exit_code_6(limits: Path, tmp_path: Path) -> None:
    rows = account_rows(2, 30)
    rows[0]["score"] = 7.0
    place = write_rows(tmp_path / "in.parquet", rows)
    result = night(place, limits, tmp_path / "o")
    assert result.exit_code == 6
    assert "1 account failed: 3.333 %, and --max-failed allows 0.1 %" in result.stderr
    assert "Failed accounts (first 1 of 1)" in result.stdout
    wider = night(place, limits, tmp_path / "o", "--max-failed", "0.05")
    assert wider.exit_code == 0
    assert "1 of 1 part already done, kept" in wider.stderr
    assert "P0000: " in wider.stdout


def test_shards_say_what_comes_next(place: Path, limits: Path, tmp_path: Path) -> None:
    for share in ("1/2", "2/2"):
        result = night(place, limits, tmp_path / "o", "--shard", share)
        assert result.exit_code == 0
        assert "again without --shard" in result.stderr
    assert night(place, limits, tmp_path / "o").exit_code == 0


# ---- what is published stays as it was written


@pytest.mark.parametrize("spoil", ["bit", "cut", "gone", "failed", "count", "link"])
def test_a_damaged_published_batch_is_noticed(spoil: str, place: Path, limits: Path, tmp_path: Path) -> None:
    out = tmp_path / "o"
    assert night(place, limits, out).exit_code == 0
    assert run("batch", "verify", out).stderr == f"sound: {out} (1 part)\n"
    part, failed, manifest = out / "part-00000.parquet", out / "failed.parquet", out / "manifest.json"
    data = part.read_bytes()
    if spoil == "bit":
        part.write_bytes(data[:500] + bytes([data[500] ^ 1]) + data[501:])
    elif spoil == "cut":
        part.write_bytes(data[:-1])
    elif spoil == "gone":
        part.unlink()
    elif spoil == "failed":
        failed.write_bytes(data)
    elif spoil == "count":
        manifest.write_text(manifest.read_text().replace('"accounts": 60', '"accounts": 61'))
    else:
        manifest.write_text("{")
    for command in (("verify", out), ("report", out), (place, "--limits", limits, "--out", out)):
        result = run("batch", *command)
        assert result.exit_code == 9, command
        assert "is gone" in result.stderr if spoil == "gone" else "is damaged" in result.stderr
        assert result.stdout == ""


@pytest.mark.parametrize(
    "text",
    [
        *("[]", "3", "null", '"text"', "{}", '{"counts": 3}', "[" * 100_000, "\udcff"),
        '{"counts": {"accounts": 3}}',
        '{"counts": {"nonsense": 3}, "parts": [], "failed": {"file": "f", "sha256": ""}}',
        '{"counts": {}, "parts": {}, "failed": {"file": "f", "sha256": ""}}',
        '{"counts": {}, "parts": [3], "failed": {"file": "f", "sha256": ""}}',
        '{"counts": {}, "parts": [{"file": 3, "sha256": ""}], "failed": {"file": "f", "sha256": ""}}',
        '{"counts": {}, "parts": [], "failed": null}',
    ],
    ids=range(14),
)
def test_what_is_no_manifest_is_damaged(text: str, tmp_path: Path, place: Path, limits: Path) -> None:
    (tmp_path / "q").mkdir()
    (tmp_path / "q" / "manifest.json").write_text(text, errors="surrogateescape")
    for command in (
        ("verify", tmp_path / "q"),
        ("report", tmp_path / "q"),
        (place, "--limits", limits, "--out", tmp_path / "q"),
    ):
        result = run("batch", *command)
        assert result.exit_code == 9, (command, result.stderr)
        assert "is damaged" in result.stderr


def test_a_manifest_without_its_own_checksum_is_read(place: Path, limits: Path, tmp_path: Path) -> None:
    """As format 1 wrote it."""
    assert night(place, limits, tmp_path / "o").exit_code == 0
    manifest = json.loads((tmp_path / "o" / "manifest.json").read_text())
    del manifest["sha256"]
    (tmp_path / "o" / "manifest.json").write_text(json.dumps(manifest))
    assert run("batch", "verify", tmp_path / "o", "-q").exit_code == 0


# ---- each way of ending has its own exit code


def test_a_held_lock_is_exit_code_7(place: Path, limits: Path, tmp_path: Path) -> None:
    with Folder(tmp_path / "o", Storage()).locked():
        result = night(place, limits, tmp_path / "o")
    assert result.exit_code == 7
    assert "another run is working in this folder: wait until it has ended" in result.stderr


def test_an_interrupt_is_exit_code_130_and_the_run_can_be_resumed(place: Path, limits: Path, tmp_path: Path) -> None:
    script = (
        "import os, signal\n"
        "from trimtab.files.atomic_write import Disk\n"
        "put = Disk.put\n"
        "def interrupting(self, opened, data):\n"
        "    put(self, opened, data)\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "Disk.put = interrupting\n"
        "from trimtab.cli.app import main\n"
        "main()\n"
    )
    command = [sys.executable, "-c", script, "batch", str(place), "--limits", str(limits), "--out", str(tmp_path / "o")]
    stopped = subprocess.run([*command, "--max-unmet", "1"], capture_output=True, text=True, check=False, timeout=120)
    assert stopped.returncode == 130, stopped.stderr
    assert "interrupted" in stopped.stderr
    assert night(place, limits, tmp_path / "o").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--max-unmet", "2"], "Invalid value for '--max-"),
        (["--max-unscored", "nan"], "Invalid value for '--max-"),
        (["--max-turnover", "-0.1"], "Invalid value for '--max-"),
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
    result = run("batch", place, "--defaults", "--out", tmp_path / "o", *arguments)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.replace("│", "").split())


def test_without_candidates_or_arguments(tmp_path: Path) -> None:
    assert run("batch", "--out", tmp_path / "o").exit_code == 2
    assert "CANDIDATES" in run("batch").output
    assert "report" in run("batch", "--help").stdout


def test_assets_and_holdings(tmp_path: Path) -> None:
    rng = random.Random(1)
    assets = [{"asset": f"A{index}", "bucket": "T", "score": 0.9, "name": "x"} for index in range(9)]
    held = [
        {"account": f"P{index:04d}", "asset": f"A{rng.randrange(9)}", "current_weight": 0.3, "note": "y"}
        for index in range(1500)
    ]
    held[3]["asset"] = "GONE"
    held.insert(200, held.pop())
    held.append({**held[0], "asset": "A8" if held[0]["asset"] != "A8" else "A7"})
    pq.write_table(pa.Table.from_pylist(assets), tmp_path / "assets.parquet")
    pq.write_table(pa.Table.from_pylist(held), tmp_path / "held.parquet")
    arguments = ["--assets", tmp_path / "assets.parquet", "--holdings", tmp_path / "held.parquet"]
    result = run("batch", *arguments, "--defaults", "--out", tmp_path / "o")
    assert result.exit_code == 0, result.stderr
    assert "columns not used: note" in result.stderr
    assert "1 holding of assets that --assets lacks" in result.stderr
    assert "sorting them first" in result.stderr
    assert len({row["account"] for row in targets_of(tmp_path / "o")}) == 1500


def test_a_file_of_exposures(place: Path, tmp_path: Path) -> None:
    limits, table = tmp_path / "exposed.toml", tmp_path / "exposures.csv"
    limits.write_text("max_total_positions = 5\n[exposures.country]\nmax_exposure = 0.1\n")
    table.write_text("asset,scheme,bucket,fraction\nA00,country,US,1\nA01,country,US,50%\n")
    result = night(place, limits, tmp_path / "night", "--exposures", table)
    assert result.exit_code == 0, result.stderr
    assert json.loads((tmp_path / "night" / "manifest.json").read_text())["exposures"][0]["name"] == "exposures.csv"
    without = night(place, limits, tmp_path / "other")
    assert (without.exit_code, "there is no table of exposures: give one (--exposures" in without.stderr) == (3, True)
    table.write_text("asset,scheme,bucket,fraction\nA00,country,US,60\n")
    wrong = night(place, limits, tmp_path / "other", "--exposures", table)
    assert (wrong.exit_code, "exposures.csv, row 1, column 'fraction': the fraction is above 1" in wrong.stderr) == (
        3,
        True,
    )


def test_a_full_disk_is_an_error_for_people(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_self: Disk, _opened: Any, _data: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Disk, "put", full)
    result = run("batch", place, "--defaults", "--out", tmp_path / "o")
    assert result.exit_code == 8
    assert "cannot be written (No space left on device)" in result.stderr
    monkeypatch.undo()
    assert run("batch", place, "--defaults", "--out", tmp_path / "o", "--max-unmet", "1").exit_code == 0


def test_the_first_run_says_that_it_compiles(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trimtab.kernel.compilation.is_cached", lambda *_: False)
    assert "compiling the rules" in run("batch", place, "--defaults", "--out", tmp_path / "o").stderr


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
    for name, item in expected.items():
        (folder / f"{name}.toml").write_text(item.to_toml())
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
    for options in (folder, several, tmp_path / "limits.parquet"):
        assert read_many_limits(options) == expected
    table = pq.read_table(place)
    chosen = ["calm" if int(name[1:]) % 2 else "bold" for name in table["account"].to_pylist()]
    pq.write_table(table.append_column("limits_id", pa.array(chosen)), place)
    assert run("batch", place, "--limits", folder, "--out", tmp_path / "o", "--max-unmet", "1").exit_code == 0
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


PLAIN_MANIFEST = '{"counts": {"accounts": 3}, "parts": [], "failed": {"file": "failed.parquet", "sha256": ""}}'


def test_the_newest_published_batch_beside_a_folder(tmp_path: Path) -> None:
    assert last_published(tmp_path / "c") is None
    for day, name in enumerate(("b", "a", "c", "damaged")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.json").write_text("{" if name == "damaged" else PLAIN_MANIFEST)
        os.utime(tmp_path / name / "manifest.json", (day, day))
    for folder, expected in (("c", "a"), ("a", "c"), ("damaged", "c")):
        baseline = last_published(tmp_path / folder)
        assert baseline is not None
        assert (baseline.name, baseline.counts.accounts) == (expected, 3)


def test_only_what_is_above_noise_has_risen() -> None:
    before = Counts(rows=10_000, accounts=1000, reasons={"kept": 5000, "added": 100})
    counts = Counts(rows=10_000, accounts=1000, reasons={"kept": 5300, "added": 800, "dust": 40, "new": 300})
    assert rises(counts, before) == [Rise("added", 0.08, 0.01), Rise("new", 0.03, 0.0)]
    assert rises(before, before) == []
    tiny = Counts(rows=20, accounts=5, reasons={"kept": 8, "added": 12})
    assert rises(tiny, Counts(rows=20, accounts=5, reasons={"kept": 12, "added": 8})) == []


@pytest.mark.parametrize("seed", range(5))
def test_chance_alone_raises_nothing(seed: int) -> None:
    """Two samples of the same accounts, many times: a chance difference is hardly ever reported."""
    rng = random.Random(seed)
    said = 0
    for _ in range(200):
        both = [
            Counts(rows=2000, accounts=200, reasons={"a": 10 * count, "b": 2000 - 10 * count})
            for count in (sum(rng.random() < 0.3 for _ in range(200)) for _ in range(2))
        ]
        said += bool(rises(*both))
    assert said <= 3


def test_counts_of_a_manifest_of_format_1_are_read() -> None:
    counts = Counts(rows=3, accounts=2, fully_checked=1, reasons={"kept": 3})
    old = counts.to_dict()
    old["checked_closely"] = old.pop("fully_checked")
    assert Counts.from_dict(old) == Counts.from_dict(counts.to_dict()) == counts


def test_a_page_escapes_every_name(tmp_path: Path) -> None:
    counts = Counts(
        rows=9, accounts=9, reasons=dict.fromkeys(PAYLOADS[:20], 3), unmet_causes=dict.fromkeys(PAYLOADS[20:40], 1)
    )
    page = batch_page(summary_of(tmp_path / "x", "not published", counts, [(entry, entry) for entry in PAYLOADS], None))
    assert "<script>alert" not in page
    assert "<img" not in page
    assert "This batch is not published." in page
    empty = summary_of(tmp_path / "x", "published", Counts(), [], None)
    assert "Accounts" in batch_page(empty)
    assert time.strftime("%Y-") not in page  # nothing of the day on which it was made


def test_limits_without_a_limits_id_column(place: Path, tmp_path: Path) -> None:
    several = tmp_path / "several.toml"
    several.write_text("[limits_id.calm]\nmax_total_positions = 3\n")
    result = run("batch", place, "--limits", several, "--out", tmp_path / "p")
    assert result.exit_code == 3
    assert "candidates.parquet, column 'limits_id': the column is missing" in result.stderr


@pytest.fixture
def shares(tmp_path: Path) -> Path:
    """Candidates with shares and prices, and the cash of their accounts beside them."""
    rows = [{"account": "P1", "asset": asset, "score": 0.9, "shares": 10, "price": 20.0} for asset in "ABCDEF"]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "shares.parquet")
    pq.write_table(pa.Table.from_pylist([{"account": "P1", "cash": 5000}]), tmp_path / "cash.parquet")
    return tmp_path / "shares.parquet"


def test_a_batch_with_orders(shares: Path, tmp_path: Path) -> None:
    out, cash = tmp_path / "night", tmp_path / "cash.parquet"
    options = ("--defaults", "--orders", "--accounts", cash, "--fx", "EUR=1.1")
    result = run("batch", shares, "--out", out, *options)
    assert result.exit_code == 0, result.stderr
    assert "Orders" in result.stdout
    assert pq.read_table(out / "orders-00000.parquet").num_rows > 0
    assert run("batch", "verify", out).exit_code == 0


def test_a_batch_with_recent_trades(shares: Path, tmp_path: Path) -> None:
    sold = [{"group": "A", "date": "2026-02-20", "kind": "loss_sale"}]
    pq.write_table(pa.Table.from_pylist(sold), tmp_path / "recent.parquet")
    options = (
        "--defaults",
        "--orders",
        "--accounts",
        tmp_path / "cash.parquet",
        "--recent",
        tmp_path / "recent.parquet",
    )
    result = run("batch", shares, "--out", tmp_path / "night", *options, "--today", "2026-03-02", "--max-unmet", "1")
    assert result.exit_code == 0, result.stderr
    orders = pq.read_table(tmp_path / "night" / "orders-00000.parquet")
    assert {row["asset"] for row in orders.to_pylist() if row["wash_sale"]} == {"A"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--recent", "r.parquet"), "--tax-lots and --recent need --orders and --today"),
        (
            ("--orders", "--accounts", "c.parquet", "--tax-lots", "l"),
            "--tax-lots and --recent need --orders and --today",
        ),
        (("--orders",), "--orders needs --accounts"),
        (("--accounts", "cash.parquet"), "--accounts needs --orders"),
        (("--fx", "EUR=1"), "--fx needs --orders"),
        (("--orders", "--accounts", "c.parquet", "--fx", "EUR"), "write a currency and its worth"),
        (("--orders", "--accounts", "c.parquet", "--fx", "EUR=x"), "write a currency and its worth"),
    ],
)
def test_options_of_orders_go_together(options: tuple[str, ...], message: str, shares: Path, tmp_path: Path) -> None:
    result = run("batch", shares, "--defaults", "--out", tmp_path / "out", *options)
    assert result.exit_code == 2
    assert message in result.stderr.replace("\n", " ").replace("│", "").replace("  ", " ")


def test_orders_of_holdings_are_refused(shares: Path, tmp_path: Path) -> None:
    options = ("--assets", shares, "--holdings", shares, "--orders", "--accounts", tmp_path / "cash.parquet")
    result = run("batch", "--defaults", "--out", tmp_path / "out", *options)
    assert result.exit_code == 2
    assert "--orders takes CANDIDATES" in result.stderr

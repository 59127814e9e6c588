"""The commands: what goes to stdout, what to stderr, and the exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, BinaryIO

import pytest
import typer
from command_line import CANDIDATES, ENVIRONMENT, rows, run

import trimtab
from trimtab.cli import app as cli
from trimtab.cli.commands.check import UNMET_CODES
from trimtab.cli.exit_codes import ExitCode, exit_codes
from trimtab.data.samples import sample_candidates, sample_limits, sample_path
from trimtab.limits.json_schema import limits_schema
from trimtab.limits.presets import preset_names, preset_text
from trimtab.limits.rebalancing_limits import limit_fields
from trimtab.text import percent


@pytest.fixture
def candidates(tmp_path: Path) -> Path:
    path = tmp_path / "candidates.csv"
    path.write_text(CANDIDATES)
    return path


@pytest.fixture
def parts(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Scores, holdings and buckets: CCC is held without score or bucket, ZZZ is in the buckets alone."""
    texts = {
        "scores.csv": "asset,score\nAAA,0.9\nBBB,0.8\n",
        "holdings.csv": "asset,current_weight\nBBB,0.1\nCCC,0.05\n",
        "buckets.csv": "asset,bucket\nAAA,Tech\nBBB,Energy\nZZZ,Energy\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    scores, holdings, buckets = (tmp_path / name for name in texts)
    return scores, holdings, buckets


# ---- rebalance


def test_rebalance_shows_the_table_on_stdout_and_words_on_stderr(candidates: Path) -> None:
    result = run("rebalance", candidates)
    assert result.exit_code == 0
    assert "5 positions from 6 candidates" in result.stdout
    assert "bucket limits are off by default" in result.stderr
    assert "--preset conservative" in result.stderr
    assert "off by default" not in result.stdout


def test_csv_is_what_the_table_door_decides(candidates: Path) -> None:
    result = run("rebalance", candidates, "--format", "csv", "--preset", "conservative")
    expected = trimtab.rebalance(
        [
            {**row, "score": float(row["score"]), "current_weight": float(row["current_weight"])}
            for row in rows(CANDIDATES)
        ],
        trimtab.RebalancingLimits.preset("conservative"),
    ).targets
    assert result.exit_code == 0
    assert rows(result.stdout) == [{name: str(value) for name, value in row.items()} for row in expected]
    assert float(rows(result.stdout)[0]["target_weight"]) == expected[0]["target_weight"]
    assert result.stderr.startswith("warning: 21.67% stays in cash that target_invested 0.95 would invest")


def test_json_is_the_result_as_the_library_writes_it() -> None:
    result = run("rebalance", sample_path(), "--limits", sample_path("limits.toml"), "--format", "json")
    assert result.stdout == trimtab.rebalance(sample_candidates(), sample_limits()).to_json()
    assert "columns that no rule uses" in result.stderr


def test_quiet_leaves_no_words(candidates: Path) -> None:
    loud, quiet = run("rebalance", candidates), run("rebalance", candidates, "--quiet")
    assert quiet.stdout == loud.stdout
    assert loud.stderr
    assert quiet.stderr == ""


def test_quiet_keeps_errors(tmp_path: Path) -> None:
    result = run("rebalance", tmp_path / "none.csv", "--quiet")
    assert result.exit_code == 3
    assert "none.csv: there is no such file" in result.stderr


def test_limits_that_are_given_but_leave_buckets_off_are_noted_in_their_own_words(
    candidates: Path, tmp_path: Path
) -> None:
    path = tmp_path / "limits.toml"
    path.write_text("max_total_positions = 2\n")
    result = run("rebalance", candidates, "--limits", path)
    assert "buckets are given, but bucket limits are off" in result.stderr
    assert "by default" not in result.stderr
    assert "2 positions from 6 candidates" in result.stdout


def test_no_word_about_buckets_where_there_are_none(tmp_path: Path) -> None:
    path = tmp_path / "flat.csv"
    path.write_text("asset,score\nAAA,0.9\n")
    result = run("rebalance", path)
    assert "buckets" not in result.stderr
    assert "Buckets" not in result.stdout
    assert "Bucket" not in result.stdout


def test_the_first_run_on_a_machine_says_why_it_takes_long(candidates: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "compiling" not in run("rebalance", candidates).stderr
    monkeypatch.setattr("trimtab.kernel.compilation.is_cached", lambda *_: False)
    result = run("rebalance", candidates)
    assert result.stderr.count("compiling the rules on this machine, once") == 1
    assert "compiling" not in result.stdout
    assert "compiling" not in run("rebalance", candidates, "--quiet").stderr


def test_no_word_about_compiling_before_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("asset,score\nAAA,1.9\n")
    monkeypatch.setattr("trimtab.kernel.compilation.is_cached", lambda *_: False)
    result = run("rebalance", path)
    assert result.exit_code == 3
    assert "compiling the rules" not in result.stderr


def test_rebalance_takes_one_account(tmp_path: Path) -> None:
    path = tmp_path / "two.csv"
    path.write_text("account,asset,score\nx,AAA,0.9\ny,AAA,0.9\n")
    result = run("rebalance", path)
    assert result.exit_code == 3
    assert "there are 2 accounts, and this command takes one: pick one with --account NAME (x, y)" in result.stderr


# ---- three files


def test_three_files_are_joined_and_what_they_lack_is_said_aloud(parts: tuple[Path, Path, Path]) -> None:
    scores, holdings, buckets = parts
    result = run("rebalance", "--scores", scores, "--holdings", holdings, "--buckets", buckets, "--format", "csv")
    assert result.exit_code == 0
    assert [row["asset"] for row in rows(result.stdout)] == ["AAA", "BBB", "CCC"]
    assert rows(result.stdout)[2]["reason"] == "held_unscored"
    assert "joined 3 candidates on asset; 1 holding without a score" in result.stderr
    assert "not in the scores, so kept without a score: CCC" in result.stderr
    assert "1 asset without a bucket, counted as Unknown: CCC" in result.stderr
    assert "1 asset with a bucket but neither score nor holding, left out: ZZZ" in result.stderr


def test_two_files_are_enough(parts: tuple[Path, Path, Path]) -> None:
    scores, holdings, _ = parts
    result = run("rebalance", "--scores", scores, "--holdings", holdings, "--format", "csv", "--quiet")
    assert [row["target_weight"] for row in rows(result.stdout)] == ["0.2", "0.2", "0.05"]
    assert result.stderr == ""
    holdings.write_text("asset,current_weight\nBBB,0.1\n")
    complete = run("rebalance", "--scores", scores, "--holdings", holdings, "--format", "csv")
    assert complete.stderr.startswith(
        "joined 2 candidates on asset; 0 holdings without a score\nwarning: 55.00% stays in cash"
    )


def test_a_fault_of_a_join_is_placed_in_its_own_file(parts: tuple[Path, Path, Path]) -> None:
    scores, holdings, _ = parts
    holdings.write_text("asset,current_weight\nBBB,0.1\nCCC,-0.5\n")
    result = run("rebalance", "--scores", scores, "--holdings", holdings)
    assert result.exit_code == 3
    assert f"error: {holdings}, row 2, column 'current_weight': is negative (received -0.5)" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "give FILE, or --scores and --holdings"),
        (["FILE", "--scores", "FILE"], "give either FILE or --scores, not both"),
        (["--scores", "FILE"], "--scores without --holdings"),
        (["--buckets", "FILE"], "--buckets without --scores and --holdings"),
        (["FILE", "--limits", "FILE", "--preset", "conservative"], "give either --limits or --preset, not both"),
        (["FILE", "--set", "max_total_positions"], "is not a setting: write field=value"),
        (["FILE", "--set", "max_total_positions=[1"], "is not a setting: write field=value"),
        (["FILE", "--format", "xml"], "--format"),
        (["FILE", "--no-such-option"], "--no-such-option"),
    ],
)
def test_usage_errors_end_with_2(candidates: Path, args: list[str], message: str) -> None:
    result = run("rebalance", *(candidates if arg == "FILE" else arg for arg in args))
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert result.stdout == ""


# ---- limits


def test_set_changes_single_fields_of_a_preset(candidates: Path) -> None:
    result = run(
        "rebalance",
        candidates,
        *("--preset", "conservative", "--set", "max_total_positions=2", "--set", "sizing_mode=score_weighted"),
        *("--set", "buckets.Tech.max_positions=1", "--set", "buckets.Tech.max_allocation=0.25"),
        *("--format", "json"),
    )
    limits = json.loads(result.stdout)["limits"]
    assert limits["max_total_positions"] == 2
    assert limits["sizing_mode"] == "score_weighted"
    assert limits["buckets"] == {"Tech": {"max_positions": 1, "max_allocation": 0.25}}
    assert (
        limits["max_positions_per_bucket"] == trimtab.RebalancingLimits.preset("conservative").max_positions_per_bucket
    )


def test_set_alone_changes_the_defaults_and_the_fields_that_follow() -> None:
    result = run("limits", "show", "--set", "min_score_threshold=0.7")
    shown = tomllib.loads(result.stdout)
    assert shown["min_score_threshold"] == 0.7
    assert shown["min_score_new_position"] == 0.7
    assert shown["max_total_positions"] == trimtab.RebalancingLimits().max_total_positions


def test_settings_lie_over_a_file_table_by_table(tmp_path: Path) -> None:
    path = tmp_path / "limits.toml"
    path.write_text('enable_bucket_diversification = true\n[buckets."A/B"]\nmax_positions = 3\nmax_allocation = 0.3\n')
    result = run("limits", "show", "--limits", path, "--set", 'buckets."A/B".max_positions=2')
    assert tomllib.loads(result.stdout)["buckets"] == {"A/B": {"max_positions": 2, "max_allocation": 0.3}}


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("max_total_position=8", "--set: unknown field 'max_total_position': did you mean 'max_total_positions'?"),
        ("max_position_weight=20", "looks like a percent, write 0.2"),
        ("sizing_mode=equal", "did you mean 'equal_weight'?"),
        ("min_position_weight=0.5", "above max_position_weight"),
    ],
)
def test_bad_settings_end_with_3(candidates: Path, setting: str, message: str) -> None:
    result = run("rebalance", candidates, "--set", setting)
    assert result.exit_code == 3
    assert message in result.stderr
    assert result.stdout == ""


def test_a_faulty_limits_file_is_named(candidates: Path, tmp_path: Path) -> None:
    path = tmp_path / "limits.toml"
    path.write_text("max_total_positions = 0\nmax_new_position = 1\n")
    result = run("rebalance", candidates, "--limits", path)
    assert result.exit_code == 3
    assert f"error: {path}: 2 faults in the limits:" in result.stderr
    assert "did you mean 'max_new_positions'?" in result.stderr


def test_limits_for_a_bucket_that_is_not_there_name_the_file(candidates: Path, tmp_path: Path) -> None:
    path = tmp_path / "limits.toml"
    path.write_text("enable_bucket_diversification = true\n[buckets.Tehc]\nmax_positions = 1\n")
    result = run("rebalance", candidates, "--limits", path)
    assert result.exit_code == 3
    assert f"error: {path}: buckets['Tehc']: no candidate is in this bucket: did you mean 'Tech'?" in result.stderr


def test_limits_show_prints_toml_with_meanings() -> None:
    result = run("limits", "show", "--preset", "protection")
    assert trimtab.RebalancingLimits.from_toml_text(result.stdout) == trimtab.RebalancingLimits.preset("protection")
    assert "# maximum number of positions\nmax_total_positions = 10\n" in result.stdout
    assert result.stderr == ""


def test_limits_presets_says_what_each_does_to_the_sample(tmp_path: Path) -> None:
    rows = [f"{name},issuer,{name}" for name in sample_candidates()["asset"].to_pylist()]
    (tmp_path / "issuers.csv").write_text("\n".join(["asset,scheme,bucket", *rows]))
    lines = run("limits", "presets").stdout.splitlines()
    assert max(map(len, lines)) < 80
    names = [line.partition(":")[0] for line in lines if not line.startswith(" ")]
    assert [name for name in names if name in preset_names()] == preset_names()
    text = " ".join(" ".join(lines).split())
    for name in preset_names():
        issuers = ("--exposures", tmp_path / "issuers.csv") if name.startswith("issuers") else ()
        outcome = run(
            *("rebalance", sample_path(), "--preset", name, "--set", "bucket_level=2", "--format", "json", "--quiet"),
            *issuers,
        )
        result = json.loads(outcome.stdout)
        assert f"cash {percent(result['cash_weight'])}, turnover {percent(result['turnover'])}" in text
        largest = max((row for row in result["buckets"] if "/" in row["path"]), key=lambda row: row["target_weight"])
        assert f"{result['positions']} positions in " in text
        assert f"{percent(largest['target_weight'])} in the largest ({largest['path']})" in text


def test_limits_presets_prints_one() -> None:
    assert run("limits", "presets", "aggressive").stdout == preset_text("aggressive")
    unknown = run("limits", "presets", "agressive")
    assert unknown.exit_code == 3
    assert "did you mean 'aggressive'?" in unknown.stderr


def test_limits_show_has_an_example_of_buckets_that_works_and_every_choice(tmp_path: Path) -> None:
    text = run("limits", "show").stdout
    example = text[text.index('# [buckets."Equity/Tech"]') :]
    path = tmp_path / "limits.toml"
    example = "".join(f"{line.removeprefix('# ')}\n" for line in example.splitlines())
    general = text.replace("enable_bucket_diversification = false", "enable_bucket_diversification = true")
    path.write_text(general + example)
    limits = trimtab.RebalancingLimits.from_toml(path)
    assert set(limits.to_dict()["buckets"]["Equity/Tech"]) == {"max_positions", "max_allocation", "min_allocation"}
    assert "Equity/Tech" not in run("limits", "show", "--limits", path).stdout.replace('[buckets."Equity/Tech"]', "")
    for field in limit_fields():
        choices = field.metadata.get("choices")
        meaning = text.partition(f"\n{field.name} =")[0].splitlines()[-1]
        assert all(choice in meaning for choice in choices or ())


def test_limits_schema_prints_json() -> None:
    assert json.loads(run("limits", "schema").stdout) == json.loads(json.dumps(limits_schema()))


# ---- strict and brakes


def test_strict_makes_an_unmet_limit_an_error(candidates: Path) -> None:
    args = ["rebalance", candidates, "--preset", "conservative", "--set", "min_buckets_represented=5"]
    lax, strict = run(*args), run(*args, "--strict")
    assert lax.exit_code == 0
    assert "1 unmet" in lax.stdout
    assert strict.exit_code == 4
    assert "error: unmet: min_buckets_represented is 3 instead of 5" in strict.stderr
    assert strict.stdout == ""


def test_strict_covers_unwanted_cash(candidates: Path) -> None:
    args = [candidates, "--set", "max_position_weight=0.05"]
    lax, strict = run("rebalance", *args), run("rebalance", *args, "--strict")
    assert lax.exit_code == 0
    assert "stays in cash" not in lax.stderr  # the table says it
    assert "stays in cash" in run("rebalance", *args, "--format", "csv").stderr
    assert strict.exit_code == 4
    assert strict.stdout == ""
    assert strict.stderr.startswith("error: unmet: ")
    assert "cash" in strict.stderr
    assert run("check", *args, "--strict").exit_code == 4
    assert "warning  cash_forced" in run("check", *args).stdout


@pytest.mark.parametrize("seed", range(12))
def test_check_finds_what_strict_rebalance_calls_unmet(tmp_path: Path, seed: int) -> None:
    """Accounts at random, alone and in one file."""
    random = Random(seed)
    path = tmp_path / "many.csv"
    lines = ["account,asset,bucket,score,current_weight"]
    lines += [
        f"{account},S{asset},B{random.randint(1, 3)},{random.random():.2f},{random.choice([0, 0.1]):g}"
        for account in "abcd"
        for asset in range(random.randint(1, 8))
    ]
    path.write_text("\n".join(lines) + "\n")
    args = [path, "--preset", "conservative", "--set", f"max_position_weight={random.choice([0.1, 0.3])}"]
    every = json.loads(run("check", *args, "--format", "json").stdout)["findings"]
    unmet = {finding["account"] for finding in every if finding["code"] in UNMET_CODES}
    for account in "abcd":
        code = run("rebalance", *args, "--account", account, "--strict").exit_code
        assert code == (4 if account in unmet else 0)
        assert run("check", *args, "--account", account, "--strict").exit_code == code


def test_strict_is_silent_where_everything_is_met(candidates: Path) -> None:
    args = ["rebalance", candidates, "--preset", "conservative", "--set", "target_invested=0.7"]
    assert run(*args, "--strict").exit_code == 0
    assert run(*args, "--strict").stdout == run(*args).stdout


def test_a_limits_file_may_ask_for_the_error_itself(candidates: Path) -> None:
    args = ["--preset", "conservative", "--set", "min_buckets_represented=5", "--set", "on_unmet=raise"]
    assert run("rebalance", candidates, *args).exit_code == 4


def test_a_braked_account_ends_with_5_and_shows_what_it_keeps(candidates: Path) -> None:
    args = ["rebalance", candidates, "--set", "brake_sold_weight=0.05"]
    table, text = run(*args), run(*args, "--format", "csv")
    assert table.exit_code == text.exit_code == 5
    assert all(row["target_weight"] == str(float(row["current_weight"])) for row in rows(text.stdout))
    assert rows(text.stdout)[4]["proposed_weight"] == "0.0"
    assert "BRAKED: every weight stays unchanged." in table.stdout
    assert "brake_sold_weight 5.00%" in table.stdout
    assert "the rules propose 0%" in table.stdout


def test_a_brake_on_closed_positions_is_named(candidates: Path) -> None:
    result = run("rebalance", candidates, "--set", "brake_closed_positions=0", COLUMNS="160")
    assert result.exit_code == 5
    assert "The rules would close 1 position (brake_closed_positions 0)." in result.stdout


# ---- check


def test_check_prints_warnings_and_ends_with_0(candidates: Path) -> None:
    result = run("check", candidates, "--preset", "conservative", "--set", "min_buckets_represented=5")
    assert result.exit_code == 0
    assert "warning  representation" in result.stdout
    assert "min_buckets_represented is 3 instead of 5" in result.stdout
    assert "this can be rebalanced" in result.stderr
    assert "this can be rebalanced" not in result.stdout


def test_check_finds_nothing_in_what_is_sound(candidates: Path) -> None:
    result = run("check", candidates, "--preset", "aggressive", "--set", "target_invested=0.5")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "no findings: this can be rebalanced\n"
    assert run("check", candidates, "--preset", "aggressive", "--set", "target_invested=0.5", "-q").stderr == ""


def test_check_ends_with_3_where_there_are_errors(tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("asset,score\nAAA,1.5\nBBB,0.9\nBBB,0.9\n")
    result = run("check", path)
    assert result.exit_code == 3
    assert len(result.stdout.splitlines()) == 2
    assert f"{path}, row 1, column 'score': is above 1" in result.stdout
    assert "the asset is in row 2 already" in result.stdout
    assert "2 errors" in result.stderr


MANY = "account,asset,bucket,score\nfirst,AAA,Tech,0.9\nsecond,AAA,Tech,2\n"


def test_check_takes_many_accounts_and_names_them(tmp_path: Path) -> None:
    path = tmp_path / "many.csv"
    path.write_text(MANY)
    result = run("check", path, "--preset", "conservative")
    assert result.exit_code == 3
    assert "account 'second', row" in result.stdout
    assert "warning  representation       account 'first': min_buckets_represented is 1" in result.stdout
    assert "1 error, 2 warnings" in result.stderr
    assert run("check", path, "--preset", "conservative", "--account", "first", "-q").exit_code == 0


def test_check_explains_many_accounts_too(tmp_path: Path) -> None:
    path = tmp_path / "many.csv"
    path.write_text(MANY.replace(",2\n", ",0.8\n"))
    result = run("check", path, "--preset", "conservative", "--explain")
    assert "conflict account 'first': min_buckets_represented" in result.stdout
    assert "conflict account 'second': min_buckets_represented" in result.stdout
    told = run("check", path, "--preset", "conservative", "--explain", "--format", "json")
    assert {conflict["account"] for conflict in json.loads(told.stdout)["conflicts"]} == {"first", "second"}


def test_check_names_no_remedy_where_none_helps(candidates: Path) -> None:
    """Without a score nothing is bought, and target_invested cannot be lowered below the minimum of a bucket."""
    candidates.write_text("asset,bucket,score\nA,Tech,\nB,Bond,\n")
    settings = ("--set", "enable_bucket_diversification=true", "--set", "buckets.Tech.min_allocation=0.1")
    told = json.loads(run("check", candidates, *settings, "--explain", "--format", "json").stdout)
    remedies = {conflict["text"].split()[0]: conflict["remedies"] for conflict in told["conflicts"]}
    assert remedies == {
        "min_buckets_represented": ["otherwise: min_buckets_represented 0"],
        "min_allocation": ["otherwise: min_allocation 0 for Tech"],
        "target_invested": [],
    }


def test_check_as_json(candidates: Path) -> None:
    args = ["check", candidates, "--preset", "conservative", "--set", "min_buckets_represented=5"]
    result = run(*args, "--format", "json")
    document = json.loads(result.stdout)
    assert (document["schema_version"], document["ok"], document["conflicts"]) == (1, True, [])
    finding = next(finding for finding in document["findings"] if finding["code"] == "representation")
    assert (finding["level"], finding["account"]) == ("warning", None)
    assert finding["text"] in run(*args).stdout
    assert result.stderr == run(*args).stderr


def test_a_fault_in_the_json_of_check_names_its_place(candidates: Path) -> None:
    candidates.write_text(CANDIDATES.replace("0.90", "9"))
    document = json.loads(run("check", candidates, "--format", "json").stdout)
    assert not document["ok"]
    assert document["findings"][0]["text"].startswith(f"{candidates}, row 1, column 'score': is above 1")


@pytest.mark.parametrize("setting", ["min_buckets_represented=5", "buckets.Health.min_allocation=0.3"])
def test_strict_check_ends_with_4_where_strict_rebalance_does(candidates: Path, setting: str) -> None:
    args = [candidates, "--preset", "conservative", "--set", setting]
    assert run("rebalance", *args, "--strict").exit_code == 4
    assert run("check", *args, "--strict").exit_code == 4
    assert run("check", *args).exit_code == 0


def test_check_names_the_limits_that_do_not_fit(candidates: Path) -> None:
    result = run("check", candidates, "--preset", "conservative", "--set", "buckets.Teck.max_positions=1")
    assert result.exit_code == 3
    assert "error    limits" in result.stdout
    assert "preset 'conservative' with --set: buckets['Teck']" in result.stdout


def test_check_cannot_check_a_file_that_is_not_there(tmp_path: Path) -> None:
    result = run("check", tmp_path / "none.csv")
    assert (result.exit_code, result.stdout) == (3, "")
    assert "there is no such file" in result.stderr


# ---- demo, version, help


def test_demo_shows_the_rebalance_of_the_sample_and_its_trade_list() -> None:
    demo = run("demo")
    files = (sample_path("positions.csv"), "--cash", "3000", "--limits", sample_path("limits.toml"))
    weights, trades = (
        run("rebalance", *files).stdout.splitlines(),
        run("plan", *files, "--no-store").stdout.splitlines(),
    )
    assert demo.exit_code == 0
    lines = demo.stdout.splitlines()
    assert lines[0].startswith("the sample: 8 positions")
    assert lines[1 : len(weights)] == weights[1:]
    assert lines[len(weights)] == ""
    assert lines[len(weights) + 1] == "the sample in shares: sell 7, then buy 3."
    assert lines[len(weights) + 2 :] == trades[1:-2]  # without the gates that lack data
    assert " 8.  Buy 70 PEP at about 179.28        12,549.60   25,190.72" in lines
    assert "not advice" in demo.stderr
    assert run("demo", "--quiet").stderr == ""


def test_version() -> None:
    assert run("--version").stdout == f"trimtab {trimtab.__version__}\n"


def test_help_names_every_command_and_exit_code() -> None:
    text = run("--help").stdout
    for word in ("rebalance", "check", "demo", "limits", "--install-completion", "Exit codes"):
        assert word in text
    for code in ExitCode:
        assert f"  {code}  {code.meaning}\n" in text
    assert run("-h").stdout == text


def test_the_docs_list_the_exit_codes_that_the_help_lists() -> None:
    page = Path(__file__).parents[2] / "docs" / "command_line.md"
    table = [
        line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("| ") and line[2].isdigit()
    ]
    assert table == [f"| {code} | {code.meaning.replace('|', chr(92) + '|')} |" for code in ExitCode]


def complete(shell: str, *args: str) -> list[str]:
    """What a shell is offered after these words; the last one is unfinished."""
    env = {**os.environ, "_TRIMTAB_COMPLETE": f"complete_{shell}", "COMP_WORDS": " ".join(args)}
    env["COMP_CWORD"] = str(len(args) - 1)
    command = [sys.executable, "-c", "from trimtab.cli.app import main; main()"]
    done = subprocess.run(command, env=env, capture_output=True, encoding="utf-8", check=False)
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("args", "offered"),
    [
        (["trimtab", "reb"], ["rebalance"]),
        (["trimtab", "rebalance", "--preset", ""], preset_names()),
        (["trimtab", "rebalance", "--set", "max_total"], ["max_total_positions="]),
        (["trimtab", "rebalance", "--format", "j"], ["json"]),
        (["trimtab", "limits", "sh"], ["show"]),
    ],
)
def test_a_shell_completes_commands_options_and_values(args: list[str], offered: list[str]) -> None:
    assert complete("bash", *args) == offered
    words = {"COMP_WORDS": " ".join(args), "COMP_CWORD": str(len(args) - 1)}
    assert run(_TRIMTAB_COMPLETE="complete_bash", **words).stdout.split() == offered


@pytest.mark.parametrize("command", ["rebalance", "explain", "limits", "limits show", "batch", "batch report"])
def test_h_is_help_everywhere(command: str) -> None:
    assert run(*command.split(), "-h").stdout == run(*command.split(), "--help").stdout != ""


# ---- errors


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("asset,score\n", "has no rows"),
        ("asset;score\nAAA;0.9\n", "is separated by semicolons"),
        ("asset,points\nAAA,0.9\n", "column 'score': the column is missing"),
        ("asset,score\nAAA,high\n", "row 1, line 2, column 'score': is not a number (received 'high')"),
        ("asset,score,current_weight\nAAA,0.9,60\nBBB,0.9,40\n", "they look like percents: divide by 100"),
        ("account,asset,score\na,AAA,0.9\nb,AAA,0.9\n", "there are 2 accounts"),
    ],
)
def test_bad_input_ends_with_3_one_message_and_no_output(tmp_path: Path, content: str, message: str) -> None:
    path, out = tmp_path / "bad.csv", tmp_path / "out.csv"
    path.write_text(content)
    result = run("rebalance", path, "--out", out)
    assert result.exit_code == 3
    assert result.stderr.startswith(f"error: {path}")
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    assert [left.name for left in tmp_path.iterdir()] == ["bad.csv"]


def test_many_faults_are_one_message(tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("asset,score\n" + "".join(f"A{index},7\n" for index in range(14)))
    result = run("rebalance", path)
    assert result.stderr.startswith("error: 14 faults in the input:\n")
    assert result.stderr.count("is above 1") == 10
    assert result.stderr.endswith("  and 4 more\n")


def _raising(error: Exception) -> Callable[..., Any]:
    def raises(*args: object, **kwargs: object) -> None:
        raise error

    return raises


@pytest.mark.parametrize(
    "error", [ZeroDivisionError("two\nlines"), trimtab.BrokenLimitError(["max_positions 4 against 3"])]
)
def test_a_bug_ends_with_1_and_one_line(candidates: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    monkeypatch.setattr("trimtab.rebalancing.doors.rebalance", _raising(error))
    result = run("rebalance", candidates, "--quiet")
    assert (result.exit_code, result.stdout) == (1, "")
    assert len(result.stderr.splitlines()) == 1
    assert "a bug in trimtab" in result.stderr
    assert "report it" in result.stderr
    debugged = run("rebalance", candidates, TRIMTAB_DEBUG="1")
    assert debugged.exit_code == 1
    assert f"{type(error).__name__}" in debugged.stderr
    assert "Traceback (most recent call last)" in debugged.stderr


@pytest.mark.parametrize("ended", [typer.Exit(7), typer.Abort()])
def test_a_command_that_ends_itself_is_no_bug(ended: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(type(ended)) as caught:
        exit_codes(_raising(ended))()
    assert caught.value is ended
    assert capsys.readouterr().err == ""


def test_words_cannot_steer_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "candidates.csv"
    path.write_text("asset,score\n\x1b[31mAAA,0.9\n", newline="")
    result = run("rebalance", path, "--set", "x\x1b[31m=1")
    assert "\x1b" not in result.stdout + result.stderr
    shown = run("rebalance", path)
    assert "?[31mAAA" in shown.stdout
    assert "\x1b" not in shown.stdout


# ---- the process itself


def process(*args: object, stdout: int | BinaryIO = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name not in ENVIRONMENT}
    command = [sys.executable, "-m", "trimtab", *map(str, args)]
    return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, encoding="utf-8", env=env, check=False)


def test_the_module_is_the_command(candidates: Path) -> None:
    done = process("rebalance", candidates, "--format", "csv")
    assert done.returncode == 0
    assert len(rows(done.stdout)) == 6
    assert "off by default" in done.stderr


def test_the_module_ends_with_the_exit_code(tmp_path: Path) -> None:
    done = process("rebalance", tmp_path / "none.csv")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == f"error: {tmp_path / 'none.csv'}: there is no such file: check the path\n"


def test_main_reads_the_command_line_and_exits(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["trimtab", "limits", "presets", "protection"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 0
    assert capsys.readouterr().out == preset_text("protection")


def test_help_and_limits_load_nothing_heavy() -> None:
    script = (
        "import sys\nfrom trimtab.cli.app import main\nsys.argv[1:] = ['limits', 'schema']\n"
        "try: main()\nexcept SystemExit: pass\n"
        "heavy = {'numba', 'numpy', 'pyarrow', 'narwhals', 'rich.table'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=True)
    assert done.stderr == "[]\n"


@pytest.mark.skipif(os.name == "nt", reason="a closed pipe is told otherwise on Windows")
def test_a_reader_that_leaves_is_no_error() -> None:
    command = [sys.executable, "-m", "trimtab", "limits", "schema"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None and running.stderr is not None
        running.stdout.close()
        said = running.stderr.read()
    assert (running.returncode, said) == (141, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device that is always full")
def test_a_full_disk_behind_stdout_is_said() -> None:
    with Path("/dev/full").open("wb") as full:
        done = process("limits", "schema", stdout=full)
    assert done.returncode == ExitCode.NOT_WRITTEN
    assert done.stderr.startswith("error: stdout: cannot be written")
    assert len(done.stderr.splitlines()) == 1

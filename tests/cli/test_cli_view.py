"""The page on screen: its content at every width, with and without colours and Unicode."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from typing import Any

import pytest
from command_line import run
from rich.console import Console

import trimtab
from trimtab.cli.screens.asset_rows import chosen_rows
from trimtab.cli.screens.bucket_bars import bar
from trimtab.cli.screens.outcome import page, printed
from trimtab.cli.screens.symbols import ASCII, UNICODE
from trimtab.data.samples import sample_candidates, sample_limits
from trimtab.facts.buckets import short_names
from trimtab.text import percent

LIMITS: dict[str, Any] = {"enable_bucket_diversification": True, "min_buckets_represented": 0}


def shown(
    rows: list[dict[str, Any]], width: int = 100, *, ascii_only: bool = False, show_all: bool = False, **limits: Any
) -> str:
    result = trimtab.rebalance(rows, trimtab.RebalancingLimits(**limits))
    console = Console(width=width, file=io.StringIO(), color_system=None)
    with console.capture() as captured:
        console.print(page(result.facts("it"), width, ascii_only=ascii_only, show_all=show_all))
    return captured.get()


def assets(count: int, **columns: Any) -> list[dict[str, Any]]:
    return [{"asset": f"A{index:02}", "score": 0.95 - index / 100, **columns} for index in range(count)]


def words(text: str) -> str:
    return " ".join(text.split())


# ---- the table


@pytest.mark.parametrize("width", [60, 80, 99, 100, 139, 140, 160, 240])
def test_no_line_is_wider_than_the_page_and_every_row_is_there(width: int) -> None:
    text = run("demo", COLUMNS=str(width)).stdout
    assert max(map(len, text.splitlines())) <= width
    for name in ("PEP", "KO", "JNJ", "AAPL", "USMV"):
        assert sum(line.split()[:1] == [name] for line in text.splitlines()) == 1
    for word in ("+ open", "× close", "▲ increase", "▼ decrease", "= hold", "· none"):
        assert word in text


def test_a_terminal_too_narrow_for_a_table_gets_one_of_60_columns() -> None:
    assert run("demo", COLUMNS="20").stdout == run("demo", COLUMNS="60").stdout


def test_the_wide_table_has_one_line_with_all_about_an_asset() -> None:
    lines = [words(line) for line in run("demo", COLUMNS="160").stdout.splitlines()]
    energy = "held down by max_allocation 0.2 of Stocks/Energy"
    assert f"XOM Stocks/Energy 0.722 16.95% → 10.00% ▼ decrease {energy}" in lines
    assert (
        "AAPL Stocks/Information Technology 0.097 9.05% → 0% × close its score of 0.097 is below the 0.5 that a holding needs (min_score_threshold)"
        in lines
    )
    assert any("the last by" in line for line in lines)


def test_the_narrow_table_stacks_bucket_and_action_and_shortens_the_reason() -> None:
    text = run("demo", COLUMNS="80").stdout
    lines = text.splitlines()
    index = next(index for index, line in enumerate(lines) if line.startswith("XOM "))
    assert words(lines[index]) == "XOM 0.722 16.95% → 10.00% held down by max_allocation"
    assert words(lines[index + 1]) == "Energy ▼ decrease 0.2 of Energy"
    assert "the last by" not in words(text)


def test_held_come_first_then_closed_then_the_nearest_misses() -> None:
    rows = [
        {"asset": "near", "score": 0.64},
        {"asset": "far", "score": 0.1},
        {"asset": "none", "score": None},
        {"asset": "closed", "score": 0.2, "current_weight": 0.1},
        {"asset": "held", "score": 0.7, "current_weight": 0.1},
        {"asset": "bought", "score": 0.9},
    ]
    entries = chosen_rows(trimtab.rebalance(rows).facts().groups, show_all=True)
    assert [row.asset for row in entries.held] == ["bought", "held"]
    assert [row.asset for row in entries.closed] == ["closed"]
    assert [row.asset for row in entries.missed] == ["near", "far", "none"]
    assert entries.more == 0


def test_held_rows_go_bucket_by_bucket_the_largest_first() -> None:
    rows = [
        {"asset": "a", "bucket": "small", "score": 0.9},
        {"asset": "b", "bucket": "large", "score": 0.7, "max_weight": 0.15},
        {"asset": "c", "bucket": "large", "score": 0.8},
    ]
    entries = chosen_rows(trimtab.rebalance(rows).facts().groups, show_all=False)
    assert [row.asset for row in entries.held] == ["c", "b", "a"]


def test_misses_beyond_the_nearest_are_counted() -> None:
    few = shown(assets(16), max_new_positions=3)
    assert "… 8 more not selected (--all shows them, --format csv has every column)" in few
    assert "A07" in few and "A08" not in few
    every = shown(assets(16), max_new_positions=3, show_all=True)
    assert "A15" in every and "more not selected" not in every


@pytest.mark.parametrize(
    ("row", "limits", "why"),
    [
        ({"score": 0.7, "current_weight": 0.1}, {}, "capped at its largest weight (max_position_weight 0.2)"),
        ({"score": 0.7, "current_weight": 0.19}, {}, "near enough to its size to be left alone"),
        ({"score": 0.7}, {}, "its score of 0.7 meets the 0.65 that a new position needs"),
        ({"score": 0.1, "current_weight": 0.1}, {}, "its score of 0.1 is below the 0.6 that a holding needs"),
        ({"score": None}, {}, "it has no score"),
        ({"score": 0.7, "restriction": "no_buy"}, {}, "its restriction no_buy forbids buying"),
        (
            {"score": 0.1, "current_weight": 0.1, "restriction": "no_sell"},
            {},
            "its restriction no_sell forbids selling",
        ),
        (
            {"score": 0.1, "current_weight": 0.1},
            {"brake_sold_weight": 0.01},
            "the brake keeps it; the rules propose 0%",
        ),
        (
            {"score": 0.62, "bucket": "B"},
            {**LIMITS, "min_buckets_represented": 1},
            "needed to represent B (min_buckets_represented 1)",
        ),
    ],
)
def test_the_clause_that_decided(row: dict[str, Any], limits: dict[str, Any], why: str) -> None:
    (result,) = trimtab.rebalance([{"asset": "AAA", **row}], trimtab.RebalancingLimits(**limits)).facts().assets
    assert result.clause.startswith(why)
    assert not result.clause.endswith(".")


def test_every_clause_of_the_sample_is_part_of_its_sentence() -> None:
    result = trimtab.rebalance(sample_candidates(), sample_limits())
    for asset in result.facts().assets:
        assert asset.sentence == result.details()[asset.row]
        assert asset.clause in asset.sentence
        assert asset.clause[:1] == asset.clause[:1].lower()
        assert len(asset.clause) < len(asset.sentence)


def test_markup_in_a_name_is_a_name() -> None:
    text = shown([{"asset": "[red]A", "bucket": "[b]/x", "score": 0.9}], **LIMITS)
    assert "[red]A" in text
    assert "[b]" in text


# ---- buckets


def test_buckets_stand_against_their_limits() -> None:
    lines = run("demo", COLUMNS="100").stdout.splitlines()
    energy = next(line for line in lines if line.startswith("Energy ") and "/ 20.00%" in line)
    assert "2/2" in energy
    assert "20.00% / 20.00%  33.53%  full" in energy
    filled, sold = energy.count("█"), energy.count("░")
    assert 0 < sold < filled
    assert energy.index("█") < energy.index("┃") < energy.index("░")
    assert "█ held  ░ sold  ┃ limit  (5 empty buckets left out)" in lines


def test_a_tree_of_buckets_is_indented_and_minima_are_named() -> None:
    rows = [
        {"asset": "a", "bucket": "E/Tech/Semis", "score": 0.9, "current_weight": 0.5, "restriction": "no_sell"},
        {"asset": "b", "bucket": "Bonds", "score": 0.8},
    ]
    buckets = {"E/Tech": {"max_allocation": 0.3}, "Bonds": {"min_allocation": 0.3}}
    text = shown(rows, buckets=buckets, **LIMITS)
    lines = text.splitlines()
    tech = next(line for line in lines if line.startswith("  Tech"))
    assert "50.00% / 30.00%" in tech and "waived" in tech
    assert any(line.startswith("    Semis") for line in lines)
    bonds = next(line for line in lines if line.startswith("Bonds") and "1/4" in line)
    assert "unmet min 30.00%" in bonds
    assert "3 waived, 1 unmet" in text
    assert "unmet min_allocation of Bonds is 20.00% instead of at least 30.00%" in words(text)
    assert "waived max_allocation of E/Tech is 50.00% instead of at most 30.00%" in words(text)


def test_buckets_are_shown_without_limits_where_those_are_off() -> None:
    text = shown([{"asset": "a", "bucket": "X", "score": 0.9}])
    bucket = next(line for line in text.splitlines() if line.startswith("X "))
    assert "20.00%" in bucket and "┃" not in text and " / " not in bucket


@pytest.mark.parametrize("width", [80, 99, 100, 139])
def test_names_and_remarks_are_shown_in_full(width: int) -> None:
    rows = [
        {"asset": "a", "bucket": "Information Technology", "score": 0.9, "current_weight": 0.5},
        {"asset": "b", "bucket": "Consumer Discretionary", "score": 0.8, "current_weight": 0.1},
    ]
    minimum = {"Consumer Discretionary": {"min_allocation": 0.3}}
    text = shown(rows, width, buckets=minimum, max_allocation_per_bucket=0.35, **LIMITS)
    assert "…" not in text
    assert "unmet min 30.00%" in text
    assert all(text.count(row["bucket"]) >= 2 for row in rows)


def test_no_field_is_cut_on_a_narrow_page() -> None:
    text = shown([{"asset": "a", "bucket": "Consumer Discretionary", "score": 0.6}], 60)
    assert "Consumer Disc…" in text
    assert "min_score_new_position" in text.replace(" ", "").replace("\n", "")


def test_bar() -> None:
    def drawn(target: float, current: float, limit: float | None) -> str:
        return bar(target, current, limit, 1.0, 9, UNICODE).plain

    assert drawn(0.5, 0.0, None) == "████     "
    assert drawn(0.5, 0.5, 0.5) == "████┃    "
    assert drawn(0.25, 1.0, 0.5) == "██░░┃░░░ "
    assert drawn(0.75, 0.0, 0.5) == "████┃█   "
    assert drawn(0.515625, 0.0, 1.0) == "████▏   ┃"
    assert drawn(0.0, 0.0, 0.5) == "    ┃    "
    assert bar(0.5, 0.75, 0.6, 1.0, 9, ASCII).plain == "####.|   "
    assert bar(0.0, 0.0, None, 0.0, 4, ASCII).plain == "    "


# ---- cash, limits, trades


def test_cash_as_wished_needs_no_reason() -> None:
    text = shown(assets(5, current_weight=0.19))
    assert "5.00% in cash, as target_invested 0.95 asks for" in text


@pytest.mark.parametrize(
    ("rows", "limits", "fact"),
    [
        (assets(2), {}, "at max_position_weight 0.2: A00, A01"),
        (
            assets(1, current_weight=0.19),
            {},
            "near enough to their size to be left alone (no_trade_band, min_trade)",
        ),
        (assets(3, bucket="B"), LIMITS, "at max_allocation_per_bucket: B (40.00%)"),
        (
            assets(4, bucket="B"),
            {**LIMITS, "max_positions_per_bucket": 1},
            "3 assets are kept out by max_positions_per_bucket",
        ),
        (assets(9), {"max_total_positions": 2}, "7 assets are kept out by max_total_positions 2"),
        (assets(9), {"max_new_positions": 2}, "7 assets are kept out by max_new_positions 2"),
        (
            assets(2),
            {"full_investment_positions": 8},
            "with 2 positions the aim is lower (full_investment_positions 8)",
        ),
        (assets(2, current_weight=0.1, restriction="no_buy"), {}, "a restriction forbids buying: A00, A01"),
        (assets(2, desired_weight=0.1), {"sizing_mode": "desired"}, "no position is raised above its desired_weight"),
        (assets(2), {"residual_strategy": "cash"}, "at max_position_weight 0.2: A00, A01"),
        (
            [{"asset": "A", "score": 0.1}],
            {},
            "1 asset is kept out by its score (min_score_threshold, min_score_new_position)",
        ),
        (
            assets(2),
            {"min_position_weight": 0.2, "target_invested": 0.3},
            "1 asset is kept out by min_position_weight 0.2, which no longer fits",
        ),
    ],
)
def test_facts_that_keep_cash(rows: list[dict[str, Any]], limits: dict[str, Any], fact: str) -> None:
    text = words(shown(rows, **limits))
    assert "more than target_invested" in text
    assert fact in text.split(" Cash ")[1].split(" Limits ")[0]


def test_less_cash_than_wished_is_explained() -> None:
    text = words(shown(assets(2, current_weight=0.5, restriction="no_sell")))
    assert "0% in cash, 5.00% less than target_invested 0.95 leaves" in text
    assert "- a restriction forbids selling: A00, A01" in text
    band = words(shown(assets(5, current_weight=0.192)))
    assert "4.00% in cash, 1.00% less than target_invested 0.95 leaves" in band
    assert "- near enough to their size to be left alone (no_trade_band, min_trade): A00, A01, A02, A03, A04" in band


def test_a_brake_explains_the_cash() -> None:
    sells = [{"asset": "A", "score": 0.1, "current_weight": 0.5}, *assets(4, bucket="B")]
    text = words(shown(sells, brake_sold_weight=0.1, max_new_positions=4))
    assert "- the brake keeps every weight unchanged" in text
    overdrawn = [{"asset": "A", "score": 0.1, "current_weight": 1.0}]
    text = words(shown(overdrawn, brake_sold_weight=0.1, brake_closed_positions=0))
    assert (
        "The rules would sell 100.00% (brake_sold_weight 10.00%) and close 1 position (brake_closed_positions 0)."
        in text
    )
    assert "- the brake keeps every weight unchanged" in text


def test_limits_are_counted_and_exceptions_named() -> None:
    result = trimtab.rebalance(sample_candidates(), sample_limits())
    assert f"{len(result.certificate)} limits met\n" in run("demo").stdout
    text = words(shown(assets(2), **{**LIMITS, "min_buckets_represented": 2}))
    assert "1 unmet" in text
    assert "- unmet min_buckets_represented is 0 instead of at least 2: no candidate" in text


def test_trades_are_summed_up() -> None:
    text = words(run("demo").stdout)
    assert "turnover 34.50%: buys 31.02%, sells 34.50% (2 opened, 4 closed, 1 increased, 3 decreased, 2 held)" in text
    assert words(shown([{"asset": "A", "score": 0.1}])).endswith("turnover 0%: buys 0%, sells 0%")


def test_the_account_is_named() -> None:
    assert shown([{"account": "first", "asset": "A", "score": 0.9}]).startswith(
        "it, account first: 1 position from 1 candidate"
    )


# ---- signs


def test_percent() -> None:
    assert [percent(weight) for weight in (0, 0.125, 0.00001, -0.02, -0.000001, 1)] == [
        *("0%", "12.50%", "<0.01%", "-2.00%", "-<0.01%", "100.00%"),
    ]


def test_short_names_stay_distinct() -> None:
    assert short_names(["A/x", "B/x", "B/y", "z"], trimtab.RebalancingLimits()) == {
        "A/x": "A/x",
        "B/x": "B/x",
        "B/y": "y",
        "z": "z",
    }
    assert short_names(["A/x"], trimtab.RebalancingLimits(bucket_separator="")) == {"A/x": "A/x"}


def test_ascii_where_the_terminal_knows_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    result = trimtab.rebalance(sample_candidates(), sample_limits())
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), "ascii"))
    data = printed(
        lambda width, ascii_only: page(result.facts("Größe"), width, ascii_only=ascii_only, show_all=False), None
    )
    text = data.decode("ascii")
    assert "17.00% ->  10.00%" in text
    assert "v decrease" in text and "x close" in text
    assert "# held  . sold  | limit" in text
    assert r"Gr\xf6\xdfe" in text


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


def on_terminal(monkeypatch: pytest.MonkeyPatch, **env: str) -> str:
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"TERM": "xterm-256color", "COLUMNS": "100", **env}.items():
        monkeypatch.setenv(name, value)
    result = trimtab.rebalance(sample_candidates(), sample_limits())
    monkeypatch.setattr(sys, "stdout", Terminal(io.BytesIO(), "utf-8"))
    data = printed(
        lambda width, ascii_only: page(result.facts("it"), width, ascii_only=ascii_only, show_all=False), None
    )
    return data.decode()


def test_colours_only_on_a_terminal_that_wants_them(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[35m▼ decrease" in on_terminal(monkeypatch)
    assert "\x1b[" not in run("demo").stdout
    colourless = on_terminal(monkeypatch, NO_COLOR="1")
    assert "▼ decrease" in colourless
    assert "\x1b[35m" not in colourless and "\x1b[1;32m" not in colourless


@pytest.mark.skipif(os.name == "nt", reason="needs a pseudo-terminal")
def test_a_real_terminal_gets_colours_and_its_width() -> None:
    import pty

    ours, theirs = pty.openpty()
    env = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    env |= {"TERM": "xterm-256color", "COLUMNS": "100"}
    command = [sys.executable, "-m", "trimtab", "demo", "--quiet"]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=env):
        os.close(theirs)
        read = b""
        while True:
            try:
                more = os.read(ours, 65536)
            except OSError:  # Linux: the other end is closed
                break
            if not more:
                break
            read += more
    os.close(ours)
    text = read.decode()
    assert "\x1b[1;31m× close" in text
    assert "Information Technology" in text


def test_nothing_is_compiled_twice() -> None:
    """The second demo finds the machine code of the first, and announces nothing."""
    run("demo")
    assert "compiling" not in run("demo").stderr

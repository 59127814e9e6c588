"""The commands: parse, call, print."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import trimtab
from trimtab.cli import fast_start as unneeded
from trimtab.cli.commands.backtest import backtest, sweep
from trimtab.cli.commands.batch import batch_app
from trimtab.cli.exit_codes import ExitCode, Words, exit_codes
from trimtab.cli.output import ExplainFormat, Format

if TYPE_CHECKING:
    from trimtab.cli.inputs import ChosenLimits, Inputs
    from trimtab.rebalancing.result import RebalanceResult

_OUT_WIDTH = 120

app = typer.Typer(
    name="trimtab",
    help="Keep a portfolio diversified, exactly, and with a reason for everything.",
    epilog="Exit codes: 0 fine, 1 internal error, 2 usage, 3 bad input, 4 a limit is unmet (--strict), 5 braked, "
    "6 too many accounts failed (batch).",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
limits_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Show limits, the presets, or their schema.")
app.add_typer(limits_app, name="limits")
app.add_typer(batch_app, name="batch")

File = Annotated[
    Path | None, typer.Argument(metavar="FILE", help="Candidates: CSV, Parquet or Arrow.", show_default=False)
]
Scores = Annotated[Path | None, typer.Option(metavar="FILE", help="In place of FILE: asset and score.")]
Holdings = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="With --scores: asset and current_weight. With --prices: asset, and current_weight or shares.",
    ),
]
Buckets = Annotated[Path | None, typer.Option(metavar="FILE", help="With --scores: asset and bucket.")]
Prices = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Daily prices: date, symbol and close; or date and one column a symbol."),
]
Fundamentals = Annotated[
    Path | None, typer.Option(metavar="FILE", help="With --prices: symbol, known_on and items such as pe, eps, price.")
]
Classification = Annotated[Path | None, typer.Option(metavar="FILE", help="With --prices: symbol and bucket.")]
Membership = Annotated[
    Path | None, typer.Option(metavar="FILE", help="With --prices: symbol, from, to; only members are scored.")
]
AsOf = Annotated[
    str | None, typer.Option("--as-of", metavar="DATE", help="With --prices: the day; default: the last session.")
]
Cash = Annotated[
    float | None, typer.Option(metavar="AMOUNT", help="With shares: the cash, in the currency of the prices.")
]
CorrelationsFile = Annotated[
    Path | None,
    typer.Option(
        "--correlations",
        metavar="FILE",
        help="For max_correlation: asset, other and correlation; or asset and a column for each. With --prices: from these.",
    ),
]
TargetVolatility = Annotated[
    float | None,
    typer.Option(
        metavar="FRACTION", help="With --prices: lower the max_allocation of buckets that move more in a year."
    ),
]
LimitsFile = Annotated[
    Path | None, typer.Option("--limits", metavar="FILE", help="A TOML file; see `trimtab limits show`.")
]
Preset = Annotated[str | None, typer.Option(metavar="NAME", help="Limits that ship; see `trimtab limits presets`.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="FIELD=VALUE", help="Change one limit, such as max_total_positions=8; repeatable."),
]
FormatOption = Annotated[
    Format | None, typer.Option("--format", help="What goes out; default: by the suffix of --out, else a table.")
]
Out = Annotated[Path | None, typer.Option(metavar="PATH", help="Write here: .csv, .json, .parquet, .arrow or .txt.")]
Strict = Annotated[
    bool, typer.Option("--strict", help="A limit that cannot be met is an error: exit code 4, no output.")
]
Explain = Annotated[
    bool,
    typer.Option("--explain", help="Say which limits conflict where one is unmet or cash is forced, and what helps."),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No words on stderr except errors.")]
All = Annotated[bool, typer.Option("--all", help="Show every candidate in the table.")]


def main() -> None:
    """The entry point; ends the process with an exit code."""
    unneeded.hide()
    app(prog_name="trimtab")


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"trimtab {trimtab.__version__}")
        raise typer.Exit


@app.callback()
def _global(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Keep a portfolio diversified, exactly, and with a reason for everything."""


@app.command()
@exit_codes
def rebalance(
    file: File = None,
    scores: Scores = None,
    holdings: Holdings = None,
    buckets: Buckets = None,
    prices: Prices = None,
    fundamentals: Fundamentals = None,
    classification: Classification = None,
    membership: Membership = None,
    as_of: AsOf = None,
    cash: Cash = None,
    correlations: CorrelationsFile = None,
    target_volatility: TargetVolatility = None,
    limits: LimitsFile = None,
    preset: Preset = None,
    settings: Settings = None,
    form: FormatOption = None,
    out: Out = None,
    strict: Strict = False,
    show_all: All = False,
    quiet: Quiet = False,
) -> int:
    """Decide what to hold, and how much of each; with --prices, from market data in one go."""
    from trimtab.cli.inputs import from_prices, read_inputs, read_limits
    from trimtab.cli.market_inputs import market_files
    from trimtab.cli.output import check_out, format_of
    from trimtab.cli.risk_inputs import by_risk, with_correlations

    words = Words(quiet=quiet)
    chosen_form = format_of(form, out)
    chosen = read_limits(limits, preset, settings or [])
    market = market_files(prices, fundamentals, classification, membership, as_of)
    if from_prices(file, scores, holdings, buckets, cash, prices) and market is not None and holdings is not None:
        from trimtab.cli.market_inputs import market_inputs

        inputs = market_inputs(market, holdings, cash, words, quiet=quiet)
    else:
        inputs = read_inputs(file, scores, holdings, buckets, words)
    if target_volatility is not None:
        unneeded.show()
    chosen = by_risk(chosen, inputs, target_volatility, words)
    inputs = with_correlations(inputs, correlations, chosen.limits, words)
    if out is not None:
        check_out(out, [*inputs.files, *chosen.files])
    result = _rebalanced(inputs, chosen, words, strict=strict)
    _say_notes(result, inputs, chosen, words)
    _put_out(result, inputs.title, chosen_form, out, show_all=show_all)
    if out is not None:
        words.note(f"written: {out}")
    return ExitCode.BRAKED if result.braked else ExitCode.FINE


@app.command()
@exit_codes
def score(
    prices: Annotated[Path, typer.Option(metavar="FILE", help="Daily prices, long or wide.")],
    fundamentals: Fundamentals = None,
    classification: Classification = None,
    membership: Membership = None,
    as_of: AsOf = None,
    out: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Write here: .csv, .parquet or .arrow; default: CSV to stdout.")
    ] = None,
    quiet: Quiet = False,
) -> int:
    """Score every asset of a table of prices: between 0 and 1, with its parts and what was missing."""
    from trimtab.cli.market_inputs import MarketFiles, scored
    from trimtab.cli.output import check_out, emit, encoded_table, format_of, write_file

    words = Words(quiet=quiet)
    form = "csv" if out is None else format_of(None, out)
    if form in ("table", "json"):
        raise typer.BadParameter(f"--out {out}: scores are written as .csv, .parquet or .arrow")
    given = MarketFiles(prices, fundamentals, classification, membership, as_of)
    if out is not None:
        check_out(out, given.files)
    data = encoded_table(scored(given, words, quiet=quiet).table.to_arrow(), form)
    if out is None:
        emit(data)
    else:
        write_file(out, data)
        words.note(f"written: {out}")
    return ExitCode.FINE


@app.command()
@exit_codes
def check(
    file: File = None,
    scores: Scores = None,
    holdings: Holdings = None,
    buckets: Buckets = None,
    correlations: CorrelationsFile = None,
    limits: LimitsFile = None,
    preset: Preset = None,
    settings: Settings = None,
    explain_: Explain = False,
    quiet: Quiet = False,
) -> int:
    """Say what will not work, before anything is decided."""
    from trimtab.cli.inputs import read_inputs, read_limits
    from trimtab.cli.output import emit
    from trimtab.cli.risk_inputs import with_correlations
    from trimtab.cli.screens.preflight import conflicts_text, findings_text, summary

    words = Words(quiet=quiet)
    chosen = read_limits(limits, preset, settings or [])
    inputs = read_inputs(file, scores, holdings, buckets, words)
    inputs = with_correlations(inputs, correlations, chosen.limits, words)
    found = trimtab.check(inputs.table, chosen.limits, correlations=inputs.correlations, explain=explain_)
    emit(findings_text(found, {"input": inputs.name, "limits": chosen.source or ""}, inputs.located))
    emit(conflicts_text(found))
    accounts = inputs.table["account"].unique() if "account" in inputs.table.column_names else ()
    if len(accounts) > 1:
        words.warn(f"there are {len(accounts)} accounts; `trimtab rebalance` takes the rows of one")
    words.note(summary(found))
    return ExitCode.FINE if found.ok else ExitCode.BAD_INPUT


@app.command()
@exit_codes
def explain(
    names: Annotated[
        list[str], typer.Argument(metavar="[FILE] ASSET...", help="The candidates, then whom to explain.")
    ],
    scores: Scores = None,
    holdings: Holdings = None,
    buckets: Buckets = None,
    correlations: CorrelationsFile = None,
    limits: LimitsFile = None,
    preset: Preset = None,
    settings: Settings = None,
    form: Annotated[ExplainFormat, typer.Option("--format", help="What goes out.")] = ExplainFormat.TABLE,
    quiet: Quiet = False,
) -> int:
    """Say why an asset is in or out, and what would change it. FILE is left out with --scores."""
    from trimtab.cli.inputs import read_inputs, read_limits
    from trimtab.cli.output import emit
    from trimtab.cli.risk_inputs import with_correlations
    from trimtab.cli.screens.explanation import explanations_page
    from trimtab.cli.screens.outcome import printed
    from trimtab.explanations.explanation import explanations_json

    words = Words(quiet=quiet)
    file, assets = (None, names) if scores is not None else (Path(names[0]), names[1:])
    if not assets:
        raise typer.BadParameter("name at least one asset after FILE")
    chosen = read_limits(limits, preset, settings or [])
    inputs = read_inputs(file, scores, holdings, buckets, words)
    inputs = with_correlations(inputs, correlations, chosen.limits, words)
    result = _rebalanced(inputs, chosen, words, strict=False)
    _say_notes(result, inputs, chosen, words)
    with inputs.named_in_errors():
        if form == ExplainFormat.JSON:
            emit(explanations_json([result.explain(asset) for asset in assets]).encode())
            return ExitCode.FINE
        found = result.explained(*assets)
    emit(printed(lambda _width, ascii_only: explanations_page(found, ascii_only=ascii_only), None))
    return ExitCode.FINE


@app.command()
@exit_codes
def report(
    file: File = None,
    scores: Scores = None,
    holdings: Holdings = None,
    buckets: Buckets = None,
    correlations: CorrelationsFile = None,
    limits: LimitsFile = None,
    preset: Preset = None,
    settings: Settings = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="PATH", help="Write the page here; without it, to stdout.")
    ] = None,
    quiet: Quiet = False,
) -> int:
    """Make a report as one HTML page that needs nothing else."""
    from trimtab.cli.inputs import read_inputs, read_limits
    from trimtab.cli.output import check_out, check_page, emit, write_file
    from trimtab.cli.risk_inputs import with_correlations

    words = Words(quiet=quiet)
    check_page(out)
    chosen = read_limits(limits, preset, settings or [])
    inputs = read_inputs(file, scores, holdings, buckets, words)
    inputs = with_correlations(inputs, correlations, chosen.limits, words)
    if out is not None:
        check_out(out, [*inputs.files, *chosen.files])
    result = _rebalanced(inputs, chosen, words, strict=False)
    _say_notes(result, inputs, chosen, words)
    page = result.to_html(inputs.title).encode()
    if out is None:
        emit(page)
    else:
        write_file(out, page)
        words.note(f"written: {out}")
    return ExitCode.BRAKED if result.braked else ExitCode.FINE


@app.command()
@exit_codes
def demo(show_all: All = False, quiet: Quiet = False) -> int:
    """Rebalance the sample that ships, with bucket limits on."""
    from trimtab.cli.inputs import ChosenLimits, Inputs
    from trimtab.data.samples import sample_candidates, sample_limits

    words = Words(quiet=quiet)
    words.note(
        "the sample: 25 US stocks and ETFs, scores from real prices up to 2022-12-28, an invented portfolio; no advice"
    )
    table = sample_candidates().drop_columns(["name"])
    inputs = Inputs(table, "the sample", (), lambda fault: fault)
    chosen = ChosenLimits(sample_limits(), "the sample's limits")
    result = _rebalanced(inputs, chosen, words, strict=False)
    _say_notes(result, inputs, chosen, words)
    _put_out(result, inputs.title, Format.TABLE, None, show_all=show_all)
    return ExitCode.FINE


app.command()(backtest)
app.command()(sweep)


@limits_app.command("show")
@exit_codes
def limits_show(limits: LimitsFile = None, preset: Preset = None, settings: Settings = None) -> int:
    """Print every limit with its meaning, as TOML to copy."""
    from trimtab.cli.inputs import read_limits
    from trimtab.cli.output import emit

    emit(read_limits(limits, preset, settings or []).limits.to_toml().encode())
    return ExitCode.FINE


@limits_app.command("describe")
@exit_codes
def limits_describe(limits: LimitsFile = None, preset: Preset = None, settings: Settings = None) -> int:
    """Say in plain language what the limits are."""
    from trimtab.cli.inputs import read_limits
    from trimtab.cli.output import emit
    from trimtab.limits.in_words import rule_sheet_text
    from trimtab.text import printable

    emit(printable(rule_sheet_text(read_limits(limits, preset, settings or []).limits), keep="\n").encode())
    return ExitCode.FINE


@limits_app.command("presets")
@exit_codes
def limits_presets(
    name: Annotated[str | None, typer.Argument(help="Print this one.", show_default=False)] = None,
) -> int:
    """List the presets, or print the text of one."""
    from trimtab.cli.output import emit
    from trimtab.limits.presets import preset_names, preset_text

    text = preset_text(name) if name is not None else "".join(f"{known}\n" for known in preset_names())
    emit(text.encode())
    return ExitCode.FINE


@limits_app.command("schema")
@exit_codes
def limits_schema() -> int:
    """Print the JSON Schema of a limits file."""
    import json

    from trimtab.cli.output import emit
    from trimtab.limits.json_schema import limits_schema as schema

    emit(f"{json.dumps(schema(), indent=2)}\n".encode())
    return ExitCode.FINE


def _rebalanced(inputs: Inputs, chosen: ChosenLimits, words: Words, *, strict: bool) -> RebalanceResult:
    """The result; the first time on a machine says why it takes long."""
    from trimtab.candidates.read import read
    from trimtab.kernel.account import rebalance_account
    from trimtab.kernel.compilation import is_cached
    from trimtab.rebalancing.doors import rebalance as decide

    limits = chosen.limits.replace(on_unmet="raise") if strict else chosen.limits
    with inputs.named_in_errors(), chosen.named_in_errors():
        if not is_cached(rebalance_account):
            # What is wrong is said before anything about compiling.
            read(inputs.table, limits, many=False, correlations=inputs.correlations)
        words.note_compiling(rebalance_account, 15)
        return decide(inputs.table, limits, correlations=inputs.correlations)


def _say_notes(result: RebalanceResult, inputs: Inputs, chosen: ChosenLimits, words: Words) -> None:
    for note in result.notes:
        if note.code == "buckets_off" and not chosen.given:
            words.warn(
                f"{inputs.name} has buckets, but bucket limits are off by default: add --preset conservative, or "
                "--limits with a file that sets enable_bucket_diversification = true"
            )
        elif note.code in ("unused_columns", "regime"):
            words.note(note.text)
        else:
            words.warn(note.text)


def _put_out(result: RebalanceResult, title: str, form: str, out: Path | None, *, show_all: bool) -> None:
    from trimtab.cli.output import emit, encoded, write_file

    if form != Format.TABLE:
        data = encoded(result, form)
    else:
        from trimtab.cli.screens.outcome import page, printed

        facts = result.facts(title)
        data = printed(
            lambda width, ascii_only: page(facts, width, ascii_only=ascii_only, show_all=show_all),
            _OUT_WIDTH if out is not None else None,
        )
    if out is None:
        emit(data)
    else:
        write_file(out, data)

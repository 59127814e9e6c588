"""Start and review: files in, what is open filled in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from starlette.responses import Response

from trimtab.brokers import LAYOUTS
from trimtab.data.samples import SAMPLE_CASH, sample_candidates, sample_limits, sample_positions
from trimtab.errors import Fault, InputError
from trimtab.files.candidate_file import CandidateFile
from trimtab.files.cells import csv_line
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.web.history_pages import recent_runs
from trimtab.web.rendering import STEPS, rendered, see
from trimtab.web.review import review_of
from trimtab.web.study import Study
from trimtab.web.uploads import Upload, read_uploads
from trimtab.web.visits import Visit
from trimtab.web.work import RESTRICTIONS, Answers, Files, Work

_RECENT = 5
SAMPLE = "Sample"


def start(visit: Visit) -> Response:
    """The page that takes files."""
    layouts = ", ".join(layout.title for layout in LAYOUTS.values())
    return rendered("start.html", visit, here="/", layouts=layouts, runs=recent_runs(visit.service, _RECENT))


def add_files(visit: Visit) -> Response:
    """Read the files that were dropped, or the table that was pasted."""
    session, uploads = visit.session, list(visit.form.uploads)
    pasted = visit.form.text("table")
    if pasted.strip():
        uploads.append(Upload("pasted.csv", _with_commas(pasted).encode()))
    if not uploads:
        raise InputError([Fault("there is no file", "choose a file, or paste a table")])
    read = read_uploads(uploads, visit.service.bounds)
    studies = [content for _, content in read if isinstance(content, Study)]
    session.studies += studies
    files = [(name, content) for name, content in read if not isinstance(content, Study)]
    if not files:
        return see("/studies")
    is_new = any(_is_holding(content) for _, content in files)
    work = Work(limits=session.work.limits, source=session.work.source) if is_new else session.work
    for name, content in files:
        if isinstance(content, RebalancingLimits):
            work = replace(work, limits=content, source=name)
        else:
            work = replace(work, files=work.files.added(name, content))
    session.work = _with_sectors(work)
    return see("/review")


def _with_commas(pasted: str) -> str:
    """A table as a spreadsheet copies it, with tabs between the cells, as CSV."""
    if "\t" not in pasted.partition("\n")[0]:
        return pasted
    return "".join(csv_line(line.split("\t")) for line in pasted.splitlines())


def _is_holding(content: object) -> bool:
    """Whether a file has holdings: it begins new work."""
    return not isinstance(content, RebalancingLimits) and (
        not isinstance(content, CandidateFile) or "shares" in content.table.column_names
    )


def _with_sectors(work: Work) -> Work:
    """Limits that were not chosen yet count sectors, as the map that ships has them on its second level."""
    return work if work.source else replace(work, limits=RebalancingLimits(bucket_level=2))


def use_sample(visit: Visit) -> Response:
    """Begin with the sample that ships."""
    candidates = sample_candidates().drop_columns(["current_weight", "volatility"])
    held = sample_positions().select(["asset", "shares", "price"])
    files = Files((SAMPLE,), holdings=CandidateFile(SAMPLE, held), scores=CandidateFile(SAMPLE, candidates))
    visit.session.work = Work(files, Answers(cash=str(SAMPLE_CASH)), sample_limits(), "the limits of the sample")
    return see("/review")


def switch_keys(visit: Visit) -> Response:
    """Turn single keys on or off, and go back to the page."""
    visit.session.has_keys = not visit.session.has_keys
    back = visit.form.text("back")
    return see(back if back in [path for path, _ in STEPS] or back == "/history" else "/")


def review(visit: Visit) -> Response:
    """The page of what was read and of what is open."""
    if not visit.session.work.files.has_holdings:
        return empty(visit, "/review")
    return rendered("review.html", visit, here="/review", review=review_of(visit.session))


def empty(visit: Visit, here: str) -> Response:
    """A page that lacks holdings."""
    return rendered("empty.html", visit, here=here)


def answer_review(visit: Visit) -> Response:
    """Take what was filled in on the review."""
    form, work = visit.form, visit.session.work
    known = work.answers
    sectors = form.below("sector.")
    chosen = {asset: form.text(f"other.{asset}") if value == "other" else value for asset, value in sectors.items()}
    open_ = {asset for asset, value in sectors.items() if value == "open"}
    buckets = {
        **known.buckets,
        **{asset: value for asset, value in chosen.items() if value},
        **dict.fromkeys(open_, ""),
    }
    answers = Answers(
        account=form.text("account") or known.account,
        cash=form.text("cash"),
        prices={**known.prices, **form.below("price.")},
        rates={**known.rates, **form.below("rate.")},
        buckets=buckets,
        scores={**known.scores, **dict(_scores(form.below("score.").items()))},
        restrictions={**known.restrictions, **_restrictions(visit)},
        schemes=tuple(form.every("scheme")),
    )
    if answers.account != work.account:  # another account: its answers begin empty
        answers = Answers(account=answers.account, schemes=answers.schemes)
    visit.session.work = replace(work, answers=answers)
    return see("/limits" if form.text("next") else "/review")


def _scores(typed: Iterable[tuple[str, str]]) -> Iterable[tuple[str, float]]:
    for asset, text in typed:
        if not text.strip():
            continue
        try:
            score = float(text)
        except ValueError:
            score = -1.0
        if not 0 <= score <= 1:
            fault = Fault("is not a score", "write a number from 0 to 1", column="score", value=text)
            raise InputError([fault], asset)
        yield asset, score


def _restrictions(visit: Visit) -> dict[str, str]:
    """The restrictions of the assets on the page: the boxes that are not ticked forbid it."""
    buy, sell = set(visit.form.every("buy")), set(visit.form.every("sell"))
    return {asset: RESTRICTIONS[asset in buy, asset in sell] for asset in visit.form.every("asset")}

"""The page, and the part of it that a notebook shows: facts and charts through templates that escape every name."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from trimtab.facts.exposures import SchemeFact
from trimtab.facts.outcome import Facts
from trimtab.facts.report_facts import ReportFacts
from trimtab.report.charts import (
    NARROW,
    WIDTH,
    bucket_chart,
    dumbbell_chart,
    scheme_chart,
    tally_chart,
    treemap_chart,
    waterfall_chart,
)
from trimtab.report.sankey import SANKEY_WIDTH, sankey_chart
from trimtab.report.shapes import Chart, looks


def template_environment(package: str) -> Environment:
    """The templates of a package: everything is escaped, and a name that is missing is an error."""
    return Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _environment() -> Environment:
    environment = template_environment("trimtab.report")
    environment.globals["looks"] = looks
    return environment


def page_of(report: ReportFacts, plan: Any = None) -> str:
    """The whole page: one HTML document without scripts or external requests.

    `plan`: where shares are known, the `PlanFacts` of the orders, which come first.
    """
    return _rendered("page.html", report.facts, plan, report=report)


def fragment_of(facts: Facts, plan: Any = None) -> str:
    """The charts and the tables of targets and buckets, to place in another page; `plan` as in `page_of`."""
    return _rendered("fragment.html", facts, plan)


def batch_page(summary: Any) -> str:
    """The page of a whole batch, as safe as the other: its figures, tables of counts, what rose, and who failed.

    `summary` has the fields of `trimtab.batch.summary.Summary`.
    """
    charts = [tally_chart(section.name, section.title, section.lines) for section in summary.sections]
    both = list(zip(summary.sections, charts, strict=True))
    return rendered("batch.html", summary, charts, sections=both)


def _rendered(template: str, facts: Facts, plan: Any, **more: ReportFacts) -> str:
    makers = (bucket_chart, treemap_chart, dumbbell_chart, waterfall_chart)
    charts = [maker(facts, width) for maker in makers for width in (WIDTH, NARROW)]
    schemes = [(scheme, *_both(scheme, place)) for place, scheme in enumerate(facts.schemes)]
    if plan is not None:
        charts += [sankey_chart(plan.sources, plan.uses, width) for width in (SANKEY_WIDTH, NARROW)]
    return rendered(template, facts, charts, plan=plan, schemes=schemes, **more)


def _both(scheme: SchemeFact, place: int) -> list[Chart]:
    return [scheme_chart(scheme, place, width) for width in (WIDTH, NARROW)]


def rendered(template: str, facts: Any, charts: Iterable[Chart], **more: Any) -> str:
    """A template of this package with the facts of a page and its charts, which it finds by their names."""
    named = {chart.name: chart for chart in charts}
    return _environment().get_template(template).render(facts=facts, charts=named, **more) + "\n"

"""The page, and the part of it that a notebook shows: facts and charts through templates that escape every name."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import BaseLoader, Environment, StrictUndefined, TemplateNotFound

from trimtab.facts.outcome import Facts
from trimtab.facts.report_facts import ReportFacts
from trimtab.report.charts import bucket_chart, dumbbell_chart, tally_chart, treemap_chart, waterfall_chart
from trimtab.report.shapes import Chart


class _Templates(BaseLoader):
    """The templates of this package."""

    def get_source(self, environment: Environment, template: str) -> tuple[str, str | None, Any]:  # noqa: ARG002 - Jinja's
        """The text of a template.

        Raises
        ------
        TemplateNotFound
            No template has this name.
        """
        file = resources.files("trimtab.report") / "templates" / template
        if not file.is_file():
            raise TemplateNotFound(template)
        return file.read_text(encoding="utf-8"), template, lambda: True


@cache
def _environment() -> Environment:
    return Environment(
        loader=_Templates(), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )


def page_of(report: ReportFacts) -> str:
    """The whole page: one HTML document without scripts, that asks for nothing from anywhere."""
    return _rendered("page.html", report.facts, report=report)


def fragment_of(facts: Facts) -> str:
    """The charts and the tables of targets and buckets, to place in another page."""
    return _rendered("fragment.html", facts)


def batch_page(summary: Any) -> str:
    """The page of a whole batch, as safe as the other: its figures, tables of counts, what rose, and who failed.

    `summary` has the fields of `trimtab.batch.summary.Summary`.
    """
    charts = [tally_chart(section.name, section.title, section.lines) for section in summary.sections]
    both = list(zip(summary.sections, charts, strict=True))
    return rendered("batch.html", summary, charts, sections=both)


def _rendered(template: str, facts: Facts, **more: ReportFacts) -> str:
    charts = (bucket_chart(facts), treemap_chart(facts), dumbbell_chart(facts), waterfall_chart(facts))
    return rendered(template, facts, charts, **more)


def rendered(template: str, facts: Any, charts: Iterable[Chart], **more: Any) -> str:
    """A template of this package with the facts of a page and its charts, which it finds by their names."""
    named = {chart.name: chart for chart in charts}
    return _environment().get_template(template).render(facts=facts, charts=named, **more) + "\n"

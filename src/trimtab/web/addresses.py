"""The addresses of the page: what answers each of them, and the files that ship."""

from __future__ import annotations

from collections.abc import Mapping

from trimtab.web import dial_pages, export_pages, history_pages, limit_pages, plan_pages, start_pages, study_pages
from trimtab.web.visits import Handler

READS: Mapping[str, Handler] = {
    "/review": start_pages.review,
    "/limits": limit_pages.limits,
    "/plan": plan_pages.plan,
    "/plan/why": plan_pages.why,
    "/plan/what-if": dial_pages.panel,
    "/plan/what-if/result": dial_pages.result,
    "/export": export_pages.export,
    "/files/{name}": export_pages.download,
    "/orders/{name}": export_pages.order_file,
    "/studies": study_pages.studies,
    "/history": history_pages.history,
    "/history/{run}": history_pages.run,
    "/history/{run}/{name}": history_pages.run_file,
}
WRITES: Mapping[str, Handler] = {
    "/files": start_pages.add_files,
    "/sample": start_pages.use_sample,
    "/keys": start_pages.switch_keys,
    "/review": start_pages.answer_review,
    "/limits": limit_pages.change_limits,
    "/limits/findings": limit_pages.findings,
    "/what-if": dial_pages.use,
    "/orders": export_pages.write,
    "/acknowledge": export_pages.acknowledge,
}
STATIC: Mapping[str, str] = {
    "style.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
    "htmx.min.js": "text/javascript; charset=utf-8",
}

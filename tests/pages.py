"""Pages: read as a parser does, and pages on which hostile names stand everywhere."""

from __future__ import annotations

from collections import Counter
from html.parser import HTMLParser

from accounts import asset

import trimtab
from trimtab.limits.rebalancing_limits import RebalancingLimits


class Read(HTMLParser):
    """What a page holds: tags, attributes, ids, text; and whether its tags are nested."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: Counter[str] = Counter()
        self.attributes: Counter[str] = Counter()
        self.values: dict[str, list[str]] = {}
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        for name, value in attrs:
            self.attributes[name] += 1
            self.values.setdefault(name, []).append(value or "")
        if tag not in ("meta", "link"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def hostile(name: str, bucket: str) -> str:
    """A page on which the names stand everywhere where a name can stand."""
    rows = [
        {**asset(name, 0.9, 0.2, bucket), "account": name, name: 1},
        {**asset("Z", 0.7, 0.2, bucket), "account": name, name: 1},
        {**asset("Y", 0.7, 0.0, "Other"), "account": name, name: 1},
    ]
    limits = RebalancingLimits(
        enable_bucket_diversification=True,
        bucket_separator="",
        min_buckets_represented=3,
        buckets={bucket: {"max_positions": 1, "min_allocation": 0.3, "max_allocation": 0.4}},
    )
    return trimtab.rebalance(rows, limits).to_html(name)

"""The part of the form of limits that is about exposures: a scheme at a time, its general limits and those of its buckets."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from trimtab.bucket_path import UNKNOWN, split_path
from trimtab.facts.exposures import SchemeFact
from trimtab.limits.exposure_limits import ExposureLimit, SchemeLimits
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.text import printable
from trimtab.web.form_values import own_field, shown_value, typed_value
from trimtab.web.visits import Form

BUCKET_EXPOSURES = tuple(known.name for known in dataclasses.fields(ExposureLimit))
_GENERAL = ("max_exposure", "unknown", "ignore_below")
_AT_ONCE = 12  # buckets that are listed at once; the others open with a click


@dataclass(frozen=True)
class ExposureRow:
    """A bucket of a scheme: its weight now (None where unknown), and its own limits as people type them."""

    number: int
    path: str
    colour: int | None
    now: float | None
    max_text: str
    min_text: str


@dataclass(frozen=True)
class SchemeForm:
    """A scheme: its general limits as people type them, the buckets listed at once, and the `others`."""

    number: int
    name: str
    max_text: str
    is_free: bool
    ignore_text: str
    rows: tuple[ExposureRow, ...]
    others: tuple[ExposureRow, ...]


def scheme_forms(
    limits: RebalancingLimits, paths: Mapping[str, Iterable[str]], facts: Iterable[SchemeFact]
) -> tuple[SchemeForm, ...]:
    """The schemes of a table of exposures, with its `paths` by scheme, and those that the limits name."""
    general, weighed = limits.general or limits, {scheme.name: scheme for scheme in facts}
    names = sorted({*paths, *general.exposures})
    return tuple(
        _scheme(number, name, general, paths.get(name, ()), weighed.get(printable(name)))
        for number, name in enumerate(names)
    )


def _scheme(
    number: int, name: str, limits: RebalancingLimits, paths: Iterable[str], fact: SchemeFact | None
) -> SchemeForm:
    own, separator = limits.exposures.get(name, SchemeLimits()), limits.bucket_separator
    weighed = {} if fact is None else {bucket.path: bucket for bucket in fact.buckets}
    every = {UNKNOWN, *own.buckets}
    for path in paths:
        parts = split_path(path, separator)
        every.update(separator.join(parts[:depth]) for depth in range(1, len(parts) + 1))
    rows = []
    for path in every:
        bucket, limit = weighed.get(printable(path)), own.buckets.get(path, ExposureLimit())
        texts = (shown_value(own_field(ExposureLimit, field), getattr(limit, field)) for field in BUCKET_EXPOSURES)
        colour, now = (None, None) if bucket is None else (bucket.colour, bucket.before)
        rows.append(ExposureRow(0, path, colour, now, *texts))
    rows.sort(key=lambda row: (row.path not in own.buckets, -(row.now or 0.0), row.path))
    numbered = tuple(dataclasses.replace(row, number=place) for place, row in enumerate(rows))
    return SchemeForm(
        number,
        name,
        shown_value(own_field(SchemeLimits, "max_exposure"), own.max_exposure),
        own.unknown == "free",
        shown_value(own_field(SchemeLimits, "ignore_below"), own.ignore_below or None),
        numbered[:_AT_ONCE],
        numbered[_AT_ONCE:],
    )


def typed_exposures(form: Form, before: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The exposures that a form asks for, and what could not be read of them; schemes outside the form stay as `before`."""
    faults: list[str] = []
    exposures = dict(before)
    for number, scheme in form.below("scheme.name.").items():
        own = dict(_typed(form, SchemeLimits, {name: f"scheme.{name}.{number}" for name in _GENERAL}, scheme, faults))
        buckets = {}
        for place, path in form.below(f"exposure.{number}.path.").items():
            fields = {name: f"exposure.{number}.{name}.{place}" for name in BUCKET_EXPOSURES}
            limit = dict(_typed(form, ExposureLimit, fields, f"{scheme}: {path}", faults))
            if limit:
                buckets[path] = limit
        if buckets:
            own["buckets"] = buckets
        if own.get("unknown") == "limit":
            del own["unknown"]
        exposures.pop(scheme, None)
        if own:
            exposures[scheme] = own
    return exposures, faults


def _typed(
    form: Form, kind: type[Any], fields: Mapping[str, str], where: str, faults: list[str]
) -> Iterator[tuple[str, Any]]:
    """The values that were typed into some fields; adds other texts to `faults`."""
    for name, sent in fields.items():
        text = form.text(sent)
        try:
            value = typed_value(own_field(kind, name), text)
        except ValueError:
            faults.append(f"{printable(where)}: {text[:40]!r} is not a number")
            continue
        if value is not None:
            yield name, value

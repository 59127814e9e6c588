"""The form of the limits, made from the described fields; and limits from what was typed into it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from trimtab.errors import LimitsError
from trimtab.limits.bucket_limit import BucketLimit
from trimtab.limits.exposure_limits import ExposureLimit, SchemeLimits
from trimtab.limits.in_words import fields_by_section
from trimtab.limits.plan_settings import PLAN_SETTINGS
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.text import printable
from trimtab.web.exposure_form import BUCKET_EXPOSURES, typed_exposures
from trimtab.web.form_values import highest, is_percent, own_field, shown_value, typed_value
from trimtab.web.limit_labels import CHOICES, LABELS, MAIN
from trimtab.web.visits import Form

_NOT_IN_FORM = ("buckets", "exposures", "concentration", "regimes", "regime", "known_buckets", "bucket_separator")
_PLAN_TITLES = {"orders": "Orders", "gates": "Hold order files back if"}
_TITLES = {
    "Positions": "How many, and from which score",
    "Buckets": "Sectors",
    "Weights": "How much",
    "Trades": "Trading",
}
BUCKET_FIELDS = tuple(known.name for known in dataclasses.fields(BucketLimit))


@dataclass(frozen=True)
class LimitField:
    """One field of the form. `kind` is number, choice or switch; `about` says more than the label
    where that is needed without the names of other fields; `hint` is its range.
    """

    name: str
    label: str
    about: str
    kind: str
    text: str
    unit: str
    hint: str
    choices: tuple[tuple[str, str], ...]  # each with its words
    is_changed: bool
    is_wrong: bool


@dataclass(frozen=True)
class LimitGroup:
    """Fields under a title."""

    title: str
    main: tuple[LimitField, ...]
    more: tuple[LimitField, ...]  # seldom needed


@dataclass(frozen=True)
class Typed:
    """The limits that a form asks for, or the faults that prevent them, with the names of the fields."""

    limits: RebalancingLimits | None
    faults: tuple[str, ...] = ()
    wrong: frozenset[str] = frozenset()


def groups_of(limits: RebalancingLimits, form: Form, wrong: frozenset[str] = frozenset()) -> tuple[LimitGroup, ...]:
    """The fields by section, with what was typed where a form was sent that could not be used."""
    general = limits.general or limits
    groups = []
    for title, names in _sections().items():
        fields = [_field(name, field_of(name), value_of(general, name), form, wrong) for name in names]
        main = tuple(field for field in fields if field.name in MAIN)
        groups.append(
            LimitGroup(_TITLES.get(title, title), main, tuple(field for field in fields if field not in main))
        )
    return tuple(groups)


def _sections() -> dict[str, list[str]]:
    """The fields of the form by title, those of orders and gates by their dotted names."""
    sections = {
        title: [name for name in names if name not in _NOT_IN_FORM] for title, names in fields_by_section().items()
    }
    for table, kind in PLAN_SETTINGS.items():
        sections[_PLAN_TITLES[table]] = [f"{table}.{name}" for name in _flat(kind)]
    return {title: list(dict.fromkeys(names)) for title, names in sections.items() if names}


def named_fields() -> list[str]:
    """The dotted names of all fields of the form."""
    return [name for section in _sections().values() for name in section]


def _flat(kind: type[Any]) -> Iterator[str]:
    for known in dataclasses.fields(kind):
        if "fields" in known.metadata:
            yield from (f"{known.name}.{name}" for name in _flat(known.metadata["fields"]))
        else:
            yield known.name


def field_of(name: str) -> dataclasses.Field[Any]:
    """The described field of a dotted name."""
    owner: type[Any] = RebalancingLimits
    *tables, last = name.split(".")
    for table in tables:
        owner = own_field(owner, table).metadata["fields"]
    return own_field(owner, last)


def described_limit(name: str, node: str) -> dataclasses.Field[Any]:
    """The described field of a limit: general, of a bucket, or of exposures as `changed` names them."""
    if name in BUCKET_EXPOSURES:
        return own_field(SchemeLimits if node.endswith(":") else ExposureLimit, name)
    return own_field(BucketLimit, name) if node else field_of(name)


def value_of(limits: RebalancingLimits, name: str) -> Any:
    """The value of a field; None for one that follows from others."""
    value: Any = limits
    for part in name.split("."):
        value = getattr(value, part)
    return None if name in limits.derived else value


def _field(name: str, known: dataclasses.Field[Any], value: Any, form: Form, wrong: frozenset[str]) -> LimitField:
    meta = known.metadata
    kind = "switch" if meta["kind"] is bool else "choice" if meta["choices"] else "number"
    is_sent = bool(form.fields)
    text = form.text(name) if is_sent else shown_value(known, value)
    return LimitField(
        name=name,
        label=LABELS[name],
        about="" if name in MAIN or "_" in meta["doc"] else meta["doc"],
        kind=kind,
        text=text,
        unit="%" if kind == "number" and is_percent(known) else "",
        hint=_hint(known),
        choices=tuple((choice, CHOICES[choice]) for choice in meta["choices"]),
        is_changed=value != known.default and value is not None,
        is_wrong=name in wrong,
    )


def _hint(known: dataclasses.Field[Any]) -> str:
    """The range of a number."""
    meta = known.metadata
    if meta["kind"] not in (int, float):
        return ""
    scale = 100 if is_percent(known) else 1
    high = highest(known)
    if not math.isfinite(high) or high >= 10**6:
        return f"at least {meta['low']:g}"
    return f"{meta['low'] * scale:g} to {'below ' if meta['below'] is not None else ''}{high * scale:g}"


def limits_of(form: Form, before: RebalancingLimits) -> Typed:
    """The limits that were typed; fields outside the form keep their values."""
    values, faults, wrong = _kept(before), [], []
    names = named_fields()
    for name in names:
        try:
            value = typed_value(field_of(name), form.text(name))
        except ValueError:
            faults.append(f"{LABELS[name]}: {form.text(name)[:40]!r} is not a number")
            wrong.append(name)
            continue
        if value is not None:
            _set(values, name, value)
    values["buckets"], unread = _buckets(form)
    values["exposures"], unread_exposures = typed_exposures(form, values.get("exposures", {}))
    unread += unread_exposures
    if faults or unread:
        return Typed(None, (*faults, *unread), frozenset(wrong))
    try:
        return Typed(RebalancingLimits.from_dict(values))
    except LimitsError as error:
        return Typed(None, error.faults, frozenset(_named(error.faults, names)))


def _named(faults: Iterable[str], names: Iterable[str]) -> Iterator[str]:
    """The fields that faults are about."""
    words = {word.strip(":,") for fault in faults for word in fault.split()}
    return (name for name in names if name.rpartition(".")[2] in words)


def _kept(before: RebalancingLimits) -> dict[str, Any]:
    values = before.to_dict()
    return {name: values[name] for name in _NOT_IN_FORM if name in values and name != "buckets"}


def _set(values: dict[str, Any], name: str, value: Any) -> None:
    *tables, last = name.split(".")
    for table in tables:
        values = values.setdefault(table, {})
    values[last] = value


def _buckets(form: Form) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """The limits of single buckets, and what could not be read of them."""
    buckets: dict[str, dict[str, Any]] = {}
    faults = []
    for number, path in form.below("bucket.path.").items():
        own = {}
        for name in BUCKET_FIELDS:
            text = form.text(f"bucket.{name}.{number}")
            try:
                value = typed_value(own_field(BucketLimit, name), text)
            except ValueError:
                faults.append(f"{printable(path)}: {text[:40]!r} is not a number")
                continue
            if value is not None:
                own[name] = value
        if own:
            buckets[path] = own
    return buckets, faults


def bucket_texts(limits: RebalancingLimits, path: str) -> Mapping[str, str]:
    """The limits of one bucket as people type them."""
    own = (limits.general or limits).buckets.get(path)
    return {
        name: "" if own is None else shown_value(own_field(BucketLimit, name), getattr(own, name))
        for name in BUCKET_FIELDS
    }


def general_texts(limits: RebalancingLimits) -> Mapping[str, str]:
    """The limits that hold for buckets without their own."""
    general = limits.general or limits
    if not general.enable_bucket_diversification:
        return dict.fromkeys(BUCKET_FIELDS, "")
    fields = {"max_positions": "max_positions_per_bucket", "max_allocation": "max_allocation_per_bucket"}
    return {
        own: shown_value(field_of(fields[own]), getattr(general, fields[own])) if own in fields else ""
        for own in BUCKET_FIELDS
    }


def changed(before: RebalancingLimits, name: str, node: str, value: Any) -> RebalancingLimits:
    """Limits with one value changed: of the bucket `node` where one is named. A bucket of a scheme is `scheme:path`, and
    `scheme:` is the scheme itself.

    Raises
    ------
    LimitsError
        The value does not fit.
    """
    values = before.to_dict()
    if name in BUCKET_EXPOSURES:
        scheme, _, path = node.partition(":")
        own = values.setdefault("exposures", {}).setdefault(scheme, {})
        (own.setdefault("buckets", {}).setdefault(path, {}) if path else own)[name] = value
    elif node:
        values.setdefault("buckets", {}).setdefault(node, {})[name] = value
    else:
        _set(values, name, value)
    return RebalancingLimits.from_dict(values)

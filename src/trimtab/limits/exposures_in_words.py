"""The limits of exposures in plain language."""

from __future__ import annotations

from typing import Any

from trimtab.bucket_path import UNKNOWN
from trimtab.limits.exposure_limits import ConcentrationLimit, ExposureLimit, SchemeLimits
from trimtab.limits.field_sentences import percent_text


def exposure_sentences(limits: Any) -> list[str]:
    """A sentence or more for each scheme; a note where a switch lifts all of them.

    >>> from trimtab import RebalancingLimits
    >>> exposure_sentences(RebalancingLimits(exposures={"country": {"max_exposure": 0.4}}))
    ['country: hold at most 40% in each bucket, Unknown included.']
    """
    if not limits.exposures and not limits.concentration:
        return []
    if not limits.enforce_exposure_limits:
        return ["Exposures are not limited (enforce_exposure_limits is off)."]
    sentences = [text for scheme, own in limits.exposures.items() for text in _scheme(scheme, own)]
    return [*sentences, *(_concentration(scheme, own) for scheme, own in limits.concentration.items())]


def _scheme(scheme: str, own: SchemeLimits) -> list[str]:
    sentences = []
    is_free = own.unknown == "free"
    if own.max_exposure is not None:
        unknown = f"{UNKNOWN} is free" if is_free else f"{UNKNOWN} included"
        sentences.append(f"{scheme}: hold at most {percent_text(own.max_exposure)} in each bucket, {unknown}.")
    elif is_free:
        sentences.append(f"{scheme}: {UNKNOWN} is free.")
    sentences += [f"{scheme}: {path}: {_bucket(limit)}." for path, limit in own.buckets.items()]
    if own.ignore_below > 0:
        sentences.append(f"{scheme}: fractions below {percent_text(own.ignore_below)} count as {UNKNOWN}.")
    return sentences


def _bucket(limit: ExposureLimit) -> str:
    parts = []
    if limit.max_exposure is not None:
        parts.append(f"at most {percent_text(limit.max_exposure)}")
    if limit.min_exposure is not None:
        parts.append(f"at least {percent_text(limit.min_exposure)}, if its candidates can hold it")
    return ", ".join(parts) or "no limit of its own"


def _concentration(scheme: str, own: ConcentrationLimit) -> str:
    return (
        f"{scheme}: hold at most {percent_text(own.largest)} in each bucket, and at most {percent_text(own.together)} "
        f"in all that weigh more than {percent_text(own.small)}."
    )
